//! What changed between two imports of one service, function by function. A change that may make a call fail that worked before is breaking;
//! so is one that sends credentials somewhere else. In doubt a change breaks.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::json::plain;
use crate::base::name::printable;
use crate::registry::function::{Function, Operation};
use crate::registry::import::places;
use crate::registry::manifest::Provider;

/// How deep schemas are compared; what is below counts as changed when it differs at all.
const DEEPEST: usize = 24;

/// One function and what is different about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub function: String,
    pub what: Vec<String>,
}

/// A function that is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Added {
    pub function: String,
    pub operation: Operation,
    /// It changes something, and rules from before it was there let it be called without a question. Whoever knows the rules says so.
    pub unasked: bool,
}

/// What changed.
#[derive(Debug, Default, Serialize)]
pub struct Drift {
    /// What concerns the whole provider and breaks it, or sends credentials elsewhere.
    pub provider: Vec<String>,
    pub added: Vec<Added>,
    pub removed: Vec<String>,
    pub compatible: Vec<Change>,
    pub breaking: Vec<Change>,
}

impl Drift {
    /// Whether nothing that matters changed.
    pub fn is_empty(&self) -> bool {
        !self.breaks() && self.added.is_empty() && self.compatible.is_empty()
    }

    /// Whether calls may break, or credentials go elsewhere.
    pub fn breaks(&self) -> bool {
        !(self.provider.is_empty() && self.removed.is_empty() && self.breaking.is_empty())
    }

    /// Whether somebody must agree.
    pub fn asks(&self) -> bool {
        self.breaks() || self.added.iter().any(|added| added.unasked)
    }
}

/// Compares what was with what is to be.
pub fn drift(old: &Provider, new: &Provider) -> Drift {
    let mut drift = Drift { provider: places::moved(old, new), ..Drift::default() };
    let of = |provider: &'_ Provider| -> BTreeMap<String, Function> {
        provider.functions.iter().map(|function| (function.id.clone(), function.clone())).collect()
    };
    let (before, after) = (of(old), of(new));
    let new = after.values().filter(|function| !before.contains_key(&function.id));
    drift.added = new.map(|new| Added { function: new.id.clone(), operation: new.operation, unasked: false }).collect();
    drift.removed = before.keys().filter(|id| !after.contains_key(*id)).cloned().collect();
    for (id, was) in &before {
        let Some(is) = after.get(id) else { continue };
        let mut found = Found::default();
        found.function(was, is);
        if !found.breaking.is_empty() {
            drift.breaking.push(Change { function: id.clone(), what: found.breaking });
        } else if !found.compatible.is_empty() {
            drift.compatible.push(Change { function: id.clone(), what: found.compatible });
        }
    }
    drift
}

#[derive(Default)]
struct Found {
    breaking: Vec<String>,
    compatible: Vec<String>,
}

impl Found {
    fn function(&mut self, was: &Function, is: &Function) {
        if was.operation != is.operation {
            self.breaking.push(format!("was a {}, is a {}", was.operation.as_str(), is.operation.as_str()));
        }
        if was.request != is.request && method(was) != method(is) || shape_of_path(was) != shape_of_path(is) {
            self.breaking.push(format!("is {} instead of {}", shown(is), shown(was)));
        }
        if was.graphql != is.graphql {
            self.breaking.push(String::from("sends another document"));
        }
        if was.server != is.server {
            self.breaking.push(String::from("goes to another server"));
        }
        if was.response != is.response {
            self.breaking.push(String::from("answers in another form"));
        }
        if (&was.query, &was.headers, &was.fields) != (&is.query, &is.headers, &is.fields) {
            self.breaking.push(String::from("sends other values that nobody gives it"));
        }
        self.parameters(was, is);
        self.answer(was, is);
        if was.pagination.is_some() && is.pagination.is_none() {
            self.breaking.push(String::from("its list can no longer be followed"));
        }
        let value = |function: &Function| serde_json::to_value(function).unwrap_or_default();
        if self.breaking.is_empty() && self.compatible.is_empty() && value(was) != value(is) {
            let deprecated = is.deprecated && !was.deprecated;
            self.compatible.push(String::from(if deprecated { "is deprecated now" } else { "is described differently" }));
        }
    }

    fn parameters(&mut self, was: &Function, is: &Function) {
        for (name, schema) in &was.parameters {
            match is.parameters.get(name) {
                None => self.breaking.push(format!("'{name}' is gone")),
                Some(now) => {
                    let pair = Pair { old: &was.defs, new: &is.defs };
                    if let Some(why) = pair.narrower(schema, now, 0) {
                        self.breaking.push(format!("'{name}' {why}"));
                    } else if default(schema) != default(now) && !was.required.contains(name) && !is.required.contains(name) {
                        let by_itself = |schema: &Value| default(schema).map_or_else(|| String::from("not sent"), said);
                        self.breaking.push(format!(
                            "'{name}' is {} instead of {} where nobody gives it",
                            by_itself(now),
                            by_itself(schema)
                        ));
                    } else if without_words(schema) != without_words(now) {
                        self.compatible.push(format!("'{name}' takes something else too, or is written differently"));
                    }
                }
            }
        }
        for name in is.required.iter().filter(|name| !was.required.contains(name)) {
            self.breaking.push(format!("'{name}' is required now"));
        }
        for (name, schema) in &is.parameters {
            if was.parameters.contains_key(name) || is.required.contains(name) {
                continue;
            }
            match default(schema) {
                Some(value) => self.breaking.push(format!("'{name}' is new and is {} where nobody gives it", said(value))),
                None => self.compatible.push(format!("'{name}' is new")),
            }
        }
        if is.any_of.iter().any(|group| !was.any_of.contains(group)) {
            self.breaking.push(String::from("needs one of some arguments now"));
        }
    }

    /// Members of an answer that are no longer there, as far as they are outlined.
    fn answer(&mut self, was: &Function, is: &Function) {
        let members = |function: &Function| -> Map<String, Value> {
            let output = function.output.clone().unwrap_or_default();
            let of = output.get("items").filter(|items| items.get("properties").is_some()).unwrap_or(&output);
            of.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
        };
        let (before, after) = (members(was), members(is));
        if after.is_empty() {
            return;
        }
        // An outline is cut where it becomes long: what is missing from a full one may still be there.
        for name in before.keys().filter(|name| !after.contains_key(*name) && after.len() < 100) {
            self.breaking.push(format!("its answer has no '{}' any more", printable(name)));
        }
    }
}

/// What is sent of a parameter that nobody gives.
fn default(schema: &Value) -> Option<&Value> {
    schema.get("default").filter(|value| !value.is_null())
}

fn said(value: &Value) -> String {
    format!("sent as {}", printable(&plain(value)))
}

fn method(function: &Function) -> &str {
    function.method_and_path().0
}

/// The path without the names of its parameters: they are nobody's business but the description's.
fn shape_of_path(function: &Function) -> String {
    let path = function.method_and_path().1;
    path.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect::<Vec<_>>().join("{}")
}

fn shown(function: &Function) -> String {
    printable(function.request.as_deref().unwrap_or("another call"))
}

/// A schema without what only people read.
fn without_words(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(key, value)| *key != "description" || !value.is_string())
                .map(|(key, value)| (key.clone(), without_words(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_words).collect()),
        other => other.clone(),
    }
}

struct Pair<'a> {
    old: &'a Map<String, Value>,
    new: &'a Map<String, Value>,
}

impl Pair<'_> {
    /// Why a value that was allowed may not be any more; nothing where all still are.
    fn narrower(&self, was: &Value, is: &Value, depth: usize) -> Option<String> {
        let (was, is) = (resolved(was, self.old), resolved(is, self.new));
        if depth > DEEPEST || without_words(was) == without_words(is) {
            return None;
        }
        let differs = Some(String::from("has another form"));
        if let (kinds, Some(now)) = (kinds(was), kinds(is)) {
            let all = kinds
                .as_ref()
                .is_some_and(|kinds| kinds.iter().all(|kind| now.contains(kind) || (*kind == "integer" && now.contains(&"number"))));
            if !all {
                return Some(format!("must be {}", now.join(" or ")));
            }
        }
        if let Some(allowed) = is.get("enum").and_then(Value::as_array) {
            let gone = match was.get("enum").and_then(Value::as_array) {
                Some(before) => before.iter().find(|value| !allowed.contains(value)).map(|value| printable(&plain(value))),
                None => Some(String::from("some values")),
            };
            if let Some(gone) = gone {
                return Some(format!("does not allow {gone} any more"));
            }
        }
        if let Some(why) = limits(was, is) {
            return Some(why);
        }
        for word in ["const", "pattern", "format", "not", "if", "then", "else", "multipleOf", "propertyNames", "contains", "uniqueItems"] {
            if is.get(word).is_some_and(|now| was.get(word) != Some(now)) {
                return differs;
            }
        }
        self.members(was, is, depth).or_else(|| self.ways(was, is, depth))
    }

    fn members(&self, was: &Value, is: &Value, depth: usize) -> Option<String> {
        let names =
            |schema: &Value| -> Vec<String> { schema.get("required").and_then(Value::as_array).into_iter().flatten().map(plain).collect() };
        let before = names(was);
        if let Some(name) = names(is).into_iter().find(|name| !before.contains(name)) {
            return Some(format!("needs '{}' now", printable(&name)));
        }
        let (old, new) = (was.get("properties").and_then(Value::as_object), is.get("properties").and_then(Value::as_object));
        for (name, schema) in old.into_iter().flatten() {
            match new.and_then(|all| all.get(name)) {
                Some(now) => {
                    if let Some(why) = self.narrower(schema, now, depth + 1) {
                        return Some(format!(".{}: {why}", printable(name)));
                    }
                }
                None => return Some(format!("has no '{}' any more", printable(name))),
            }
        }
        for word in ["items", "additionalProperties"] {
            match (was.get(word), is.get(word)) {
                (_, Some(Value::Bool(false))) if was.get(word) != Some(&Value::Bool(false)) => return Some(String::from("takes less")),
                (Some(before @ Value::Object(_)), Some(now @ Value::Object(_))) => {
                    if let Some(why) = self.narrower(before, now, depth + 1) {
                        return Some(format!("[]: {why}"));
                    }
                }
                (Some(before), Some(now @ (Value::Object(_) | Value::Array(_)))) if before != now => {
                    return Some(String::from("has another form"));
                }
                (None, Some(Value::Object(now))) if !now.is_empty() => return Some(String::from("has another form")),
                _ => {}
            }
        }
        None
    }

    fn ways(&self, was: &Value, is: &Value, depth: usize) -> Option<String> {
        let of = |schema: &Value, word: &str| schema.get(word).and_then(Value::as_array).cloned().unwrap_or_default();
        for word in ["anyOf", "oneOf"] {
            let (before, after) = (of(was, word), of(is, word));
            let fits = |way: &Value| after.iter().any(|now| self.narrower(way, now, depth + 1).is_none());
            if !after.is_empty() && (before.is_empty() || !before.iter().all(fits)) {
                return Some(String::from("allows fewer forms"));
            }
        }
        let (before, after) = (of(was, "allOf"), of(is, "allOf"));
        let fits = |now: &Value| before.iter().any(|way| self.narrower(way, now, depth + 1).is_none());
        (!after.iter().all(fits)).then(|| String::from("has another form"))
    }
}

fn resolved<'a>(schema: &'a Value, defs: &'a Map<String, Value>) -> &'a Value {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix("#/$defs/"));
    name.and_then(|name| defs.get(name)).unwrap_or(schema)
}

fn kinds(schema: &Value) -> Option<Vec<&str>> {
    match schema.get("type") {
        Some(Value::String(one)) => Some(vec![one]),
        Some(Value::Array(several)) => Some(several.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn limits(was: &Value, is: &Value) -> Option<String> {
    let of = |schema: &Value, word: &str| schema.get(word).and_then(Value::as_f64);
    for word in ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"] {
        if let Some(now) = of(is, word).filter(|now| of(was, word).is_none_or(|before| *now > before)) {
            return Some(format!("must have a {word} of {now}"));
        }
    }
    for word in ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"] {
        if let Some(now) = of(is, word).filter(|now| of(was, word).is_none_or(|before| *now < before)) {
            return Some(format!("must have a {word} of {now}"));
        }
    }
    None
}
