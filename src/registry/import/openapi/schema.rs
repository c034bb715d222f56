//! Schemas of descriptions as JSON Schema: by what is seen, not by the version that a description claims. What several places share becomes
//! a definition, so that circles end; what is not JSON Schema is left out. Answers are only outlined: nobody's arguments depend on them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Number, Value, json};

use crate::registry::import::openapi::doc::{Doc, kind, reference, says, shape, values_of, word};
use crate::registry::import::text::remark;

/// How deep a schema may nest; what is below is left open.
const DEEPEST: usize = 40;

/// How many parts the schemas of one function may have; what comes after is left open.
const MOST: usize = 6_000;

/// A longer list of allowed values is not checked.
const MOST_VALUES: usize = 1_000;

/// Formats that mean something else here, or that services do not mean as JSON Schema does.
const NOT_MEANT: &[&str] = &["path", "text-file", "time", "duration", "regex", "binary", "uri-template", "json-pointer"];

/// Schemas of one function.
pub struct Converter<'a> {
    doc: Doc<'a>,
    names: BTreeMap<String, String>,
    pending: Vec<(String, &'a Value)>,
    parts: usize,
    /// What could not be expressed.
    pub warnings: BTreeSet<String>,
}

impl<'a> Converter<'a> {
    /// For one function.
    pub fn new(doc: Doc<'a>) -> Self {
        Self { doc, names: BTreeMap::new(), pending: Vec::new(), parts: 0, warnings: BTreeSet::new() }
    }

    /// A parameter's schema: its own type can be seen, so that words of a command line can be understood.
    pub fn parameter(&mut self, schema: &'a Value) -> Value {
        let whole = match self.doc.resolve(schema) {
            Ok(whole) => whole,
            Err(why) => {
                self.warnings.insert(why);
                return json!({});
            }
        };
        let members = schema.as_object().filter(|_| reference(schema).is_some());
        let mut converted = match (members, reference(schema)) {
            (Some(members), Some(to)) if members.keys().any(|key| CONSTRAINTS.contains(&key.as_str())) => self.refer(to, members, 0),
            _ => self.convert(whole, 0),
        };
        if members.is_some_and(says_null) && converted.get("anyOf").is_none() {
            converted = json!({"anyOf": [converted, {"type": "null"}]});
        }
        if let (Some(said), Value::Object(members)) = (word(schema, "description").filter(|_| reference(schema).is_some()), &mut converted)
        {
            members.insert(String::from("description"), remark(said).into());
        }
        converted
    }

    /// The definitions that the schemas so far point to.
    pub fn finish(&mut self) -> Map<String, Value> {
        let mut all = Map::new();
        while let Some((name, schema)) = self.pending.pop() {
            let converted = self.convert(schema, 0);
            all.insert(name, converted);
        }
        all.sort_keys();
        self.names.clear();
        all
    }

    fn convert(&mut self, schema: &'a Value, depth: usize) -> Value {
        self.parts += 1;
        if depth > DEEPEST || self.parts > MOST {
            let why = if depth > DEEPEST { "nested too deep" } else { "very large" };
            self.warnings.insert(format!("a schema is {why}; parts of it are left open"));
            return json!({});
        }
        match schema {
            Value::Object(members) => match reference(schema) {
                Some(to) => self.refer(to, members, depth),
                None => self.object(members, depth),
            },
            Value::Bool(false) => Value::Bool(false),
            _ => json!({}),
        }
    }

    fn refer(&mut self, to: &'a str, members: &'a Map<String, Value>, depth: usize) -> Value {
        let target = match self.doc.pointer(to) {
            Ok(target) => target,
            Err(why) => {
                self.warnings.insert(why);
                return json!({});
            }
        };
        let nullable = says_null(members);
        let mut referred = if reference(target).is_none() && is_small(target) {
            self.convert(target, depth + 1)
        } else {
            let name = match self.names.get(to) {
                Some(known) => known.clone(),
                None => {
                    let name = self.fresh(to);
                    self.names.insert(to.to_owned(), name.clone());
                    self.pending.push((name.clone(), target));
                    name
                }
            };
            json!({"$ref": format!("#/$defs/{name}")})
        };
        let beside: Vec<&String> = members.keys().filter(|key| CONSTRAINTS.contains(&key.as_str())).collect();
        if !beside.is_empty() {
            let own: Value = self.object(members, depth + 1);
            referred = json!({"allOf": [referred, own]});
        }
        if nullable {
            referred = json!({"anyOf": [referred, {"type": "null"}]});
        }
        referred
    }

    fn fresh(&self, to: &str) -> String {
        let last = to.rsplit('/').next().unwrap_or_default();
        let plain: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(80).collect();
        let stem = if plain.is_empty() { String::from("schema") } else { plain };
        let taken: HashSet<&String> = self.names.values().collect();
        let mut names = std::iter::once(stem.clone()).chain((2..).map(|number| format!("{stem}_{number}")));
        names.find(|name| !taken.contains(name)).unwrap_or(stem)
    }

    fn object(&mut self, members: &'a Map<String, Value>, depth: usize) -> Value {
        let mut out = Map::new();
        let kinds = self.kinds(members);
        let nullable = says_null(members);
        let mut types: Vec<&str> = kinds.iter().map(String::as_str).collect();
        if nullable && !types.is_empty() && !types.contains(&"null") {
            types.push("null");
        }
        match types.as_slice() {
            [] => {}
            [one] => _ = out.insert(String::from("type"), Value::from(*one)),
            several => _ = out.insert(String::from("type"), json!(several)),
        }
        if let Some(said) = members.get("description").and_then(Value::as_str).filter(|_| depth < 4) {
            let said = remark(said);
            if !said.is_empty() {
                out.insert(String::from("description"), Value::from(said));
            }
        }
        let meant = |format: &&str| !NOT_MEANT.contains(format) && format.len() <= 40 && kinds.iter().any(|kind| kind == "string");
        if let Some(format) = members.get("format").and_then(Value::as_str).filter(meant) {
            out.insert(String::from("format"), Value::from(format));
        }
        limits(members, &mut out);
        self.values(members, &kinds, nullable, &mut out);
        if let Some(default) = members.get("default").filter(|_| depth > 0) {
            out.insert(String::from("default"), default.clone());
        }
        self.applicators(members, depth, &mut out);
        if let Some(one) = if nullable { None } else { only_part(&mut out) } {
            return one;
        }
        let converted = Value::Object(out);
        if nullable && kinds.is_empty() && members.keys().any(|key| CONSTRAINTS.contains(&key.as_str())) {
            return json!({"anyOf": [converted, {"type": "null"}]});
        }
        converted
    }

    /// The types that are named, as JSON Schema calls them.
    fn kinds(&mut self, members: &Map<String, Value>) -> Vec<String> {
        let named: Vec<&str> = match members.get("type") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ if members.contains_key("properties") => vec!["object"],
            _ if members.contains_key("items") => vec!["array"],
            _ => Vec::new(),
        };
        let mut kinds: Vec<String> = Vec::new();
        for name in named {
            let ours = match name {
                "string" | "number" | "integer" | "boolean" | "array" | "object" | "null" => name,
                "int" | "int32" | "int64" | "long" => "integer",
                "float" | "double" | "decimal" => "number",
                "bool" => "boolean",
                "file" | "date" | "date-time" | "datetime" | "uuid" | "text" | "String" => "string",
                "list" => "array",
                "any" => return Vec::new(),
                other => {
                    self.warnings.insert(format!("'{}' is no type; any value is taken", crate::base::name::printable(other)));
                    return Vec::new();
                }
            };
            if !kinds.iter().any(|known| known == ours) {
                kinds.push(ours.to_owned());
            }
        }
        kinds
    }

    fn values(&mut self, members: &Map<String, Value>, kinds: &[String], nullable: bool, out: &mut Map<String, Value>) {
        if let Some(constant) = members.get("const") {
            out.insert(String::from("const"), constant.clone());
        }
        let Some(Value::Array(values)) = members.get("enum") else { return };
        if values.is_empty() {
            return;
        }
        if values.len() > MOST_VALUES {
            self.warnings.insert(format!("a list of {} allowed values is not checked", values.len()));
            return;
        }
        let text_only = kinds.len() == 1 && kinds.first().is_some_and(|kind| kind == "string");
        let number_only = kinds.len() == 1 && kinds.first().is_some_and(|kind| kind == "integer" || kind == "number");
        let mut kept: Vec<Value> = Vec::new();
        let mut seen = HashSet::new();
        for value in values {
            let value = match value {
                Value::Number(_) | Value::Bool(_) if text_only => Value::from(value.to_string()),
                Value::String(text) if number_only => text.parse::<Number>().map_or_else(|_| value.clone(), Value::Number),
                other => other.clone(),
            };
            if seen.insert(value.to_string()) {
                kept.push(value);
            }
        }
        if nullable && !kept.contains(&Value::Null) {
            kept.push(Value::Null);
        }
        let one = out.get("type").and_then(Value::as_str).filter(|_| kept.contains(&Value::Null)).map(str::to_owned);
        if let Some(one) = one {
            out.insert(String::from("type"), json!([one, "null"]));
        }
        out.insert(String::from("enum"), Value::Array(kept));
    }

    /// One of several alternatives, with the value that says that it is meant.
    fn way(&mut self, members: &Map<String, Value>, schema: &'a Value, depth: usize) -> Value {
        let converted = self.convert(schema, depth);
        let said = || {
            let name = word(members.get("discriminator")?, "propertyName")?;
            let values = values_of(members.get("discriminator")?.get("mapping")?.as_object()?, reference(schema)?);
            let own = shape(&self.doc, schema)?.properties.into_iter().find(|(known, _)| *known == name)?.1;
            let own = self.doc.resolve(own).ok()?;
            let open = own.get("const").is_none() && own.get("enum").is_none() && !values.is_empty();
            open.then(|| json!({"properties": {name: {"enum": values}}}))
        };
        match said() {
            Some(said) => json!({"allOf": [converted, said]}),
            None => converted,
        }
    }

    fn applicators(&mut self, members: &'a Map<String, Value>, depth: usize, out: &mut Map<String, Value>) {
        let mut hidden: HashSet<&str> = HashSet::new();
        if let Some(Value::Object(properties)) = members.get("properties") {
            let mut kept = Map::new();
            for (name, property) in properties {
                // What only answers have is no argument.
                let shown = self.doc.resolve(property).unwrap_or(property);
                if says(property, "readOnly") || says(shown, "readOnly") {
                    hidden.insert(name);
                    continue;
                }
                kept.insert(name.clone(), self.convert(property, depth + 1));
            }
            out.insert(String::from("properties"), Value::Object(kept));
        }
        let required: Vec<&str> = match members.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).filter(|name| !hidden.contains(*name)).collect(),
            _ => Vec::new(),
        };
        if !required.is_empty() {
            out.insert(String::from("required"), json!(required));
        }
        for key in ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "additionalItems"] {
            match members.get(key) {
                Some(schema @ (Value::Object(_) | Value::Bool(_))) => _ = out.insert(key.to_owned(), self.convert(schema, depth + 1)),
                Some(Value::Array(several)) if key == "items" => {
                    let converted: Vec<Value> = several.iter().map(|schema| self.convert(schema, depth + 1)).collect();
                    out.insert(key.to_owned(), Value::Array(converted));
                }
                _ => {}
            }
        }
        for key in ["allOf", "anyOf", "oneOf", "prefixItems"] {
            let Some(Value::Array(several)) = members.get(key).filter(|list| list.as_array().is_some_and(|list| !list.is_empty())) else {
                continue;
            };
            let converted: Vec<Value> = match key {
                "anyOf" | "oneOf" => several.iter().map(|schema| self.way(members, schema, depth + 1)).collect(),
                _ => several.iter().map(|schema| self.convert(schema, depth + 1)).collect(),
            };
            // Alternatives overlap more often than their authors think; the service decides which one is meant.
            let key = if key == "oneOf" && !members.contains_key("anyOf") { "anyOf" } else { key };
            out.insert(key.to_owned(), Value::Array(converted));
        }
        for key in ["patternProperties", "dependentSchemas"] {
            if let Some(Value::Object(several)) = members.get(key) {
                let converted: Map<String, Value> =
                    several.iter().map(|(name, schema)| (name.clone(), self.convert(schema, depth + 1))).collect();
                out.insert(key.to_owned(), Value::Object(converted));
            }
        }
        for key in ["$dynamicRef", "$recursiveRef"] {
            if members.contains_key(key) {
                self.warnings.insert(format!("{key} is not followed; what it stands for is left open"));
            }
        }
    }
}

/// Words that allow or refuse something.
const CONSTRAINTS: &[&str] = &[
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
];

/// The one part of `allOf` that says anything, where nothing stands beside it but words.
fn only_part(out: &mut Map<String, Value>) -> Option<Value> {
    let parts = out.get_mut("allOf")?.as_array_mut()?;
    let words = |part: &Value| part.as_object().is_some_and(|part| part.keys().all(|key| key == "description"));
    let said = parts.iter().filter(|part| words(part)).find_map(|part| part.get("description").cloned());
    parts.retain(|part| !words(part));
    let one = match parts.as_slice() {
        [one] if one.is_object() => one.clone(),
        _ => return None,
    };
    let said = out.get("description").cloned().or(said);
    let (Value::Object(mut one), true) = (one, out.keys().all(|key| key == "description" || key == "allOf")) else { return None };
    if let Some(said) = said {
        one.insert(String::from("description"), said);
    }
    Some(Value::Object(one))
}

fn says_null(members: &Map<String, Value>) -> bool {
    ["nullable", "x-nullable"].iter().any(|word| members.get(*word).and_then(Value::as_bool) == Some(true))
}

/// Whether a schema is a plain value that reads as well in place.
fn is_small(schema: &Value) -> bool {
    const INNER: [&str; 9] = ["properties", "items", "allOf", "anyOf", "oneOf", "not", "additionalProperties", "if", "patternProperties"];
    schema.as_object().is_some_and(|members| !INNER.iter().any(|word| members.contains_key(*word)))
        && schema.get("enum").and_then(Value::as_array).is_none_or(|values| values.len() <= 20)
}

/// Limits of numbers, texts and lists, in the words of today.
fn limits(members: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        let number = |key: &str| members.get(key).and_then(as_number);
        match members.get(exclusive) {
            Some(Value::Bool(true)) => _ = number(limit).map(|value| out.insert(exclusive.to_owned(), value)),
            Some(Value::Bool(false)) | None => _ = number(limit).map(|value| out.insert(limit.to_owned(), value)),
            Some(_) => {
                number(limit).map(|value| out.insert(limit.to_owned(), value));
                number(exclusive).map(|value| out.insert(exclusive.to_owned(), value));
            }
        }
    }
    if let Some(step) = members.get("multipleOf").and_then(as_number).filter(|step| step.as_f64().is_some_and(|step| step > 0.0)) {
        out.insert(String::from("multipleOf"), step);
    }
    for key in ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"] {
        let count = members.get(key).and_then(as_number).and_then(|value| value.as_f64()).filter(|count| (0.0..1e15).contains(count));
        if let Some(count) = count {
            out.insert(key.to_owned(), Value::from(count as u64));
        }
    }
    if let Some(pattern) = members.get("pattern").and_then(Value::as_str).filter(|pattern| pattern.len() <= 1_000) {
        out.insert(String::from("pattern"), Value::from(pattern));
    }
    if says_unique(members) {
        out.insert(String::from("uniqueItems"), Value::Bool(true));
    }
}

fn says_unique(members: &Map<String, Value>) -> bool {
    members.get("uniqueItems").and_then(Value::as_bool) == Some(true)
}

fn as_number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => text.parse::<Number>().ok().map(Value::Number),
        _ => None,
    }
}

/// How deep an answer is outlined.
const OUTLINE_DEPTH: usize = 4;

/// How many places of an answer are outlined.
const OUTLINE_PARTS: usize = 120;

/// What an answer looks like, in few places: types and names, no rules.
pub fn outline<'a>(doc: &Doc<'a>, schema: &'a Value) -> Value {
    sketch(doc, schema, 0, &mut OUTLINE_PARTS.clone())
}

fn sketch<'a>(doc: &Doc<'a>, schema: &'a Value, depth: usize, left: &mut usize) -> Value {
    let Ok(schema) = doc.resolve(schema) else { return json!({}) };
    *left = left.saturating_sub(1);
    let mut out = Map::new();
    let nullable = schema.as_object().is_some_and(says_null);
    if let Some(kind) = kind(schema).filter(|kind| ["string", "number", "integer", "boolean", "array", "object"].contains(kind)) {
        out.insert(String::from("type"), if nullable { json!([kind, "null"]) } else { Value::from(kind) });
    }
    if let Some(format) = word(schema, "format").filter(|format| ["date", "date-time", "uri", "email", "uuid"].contains(format)) {
        out.insert(String::from("format"), Value::from(format));
    }
    if depth < OUTLINE_DEPTH && *left > 0 {
        let mut properties = Map::new();
        let parts = std::iter::once(schema).chain(Doc::list(schema, "allOf").iter().filter_map(|part| doc.resolve(part).ok()));
        for (name, property) in parts.filter_map(|part| part.get("properties")?.as_object()).flatten() {
            if *left > 0 && !properties.contains_key(name) && !says(property, "writeOnly") {
                properties.insert(name.clone(), sketch(doc, property, depth + 1, left));
            }
        }
        if !properties.is_empty() {
            out.insert(String::from("type"), Value::from("object"));
            out.insert(String::from("properties"), Value::Object(properties));
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            out.insert(String::from("items"), sketch(doc, items, depth + usize::from(depth > 0), left));
        }
    }
    Value::Object(out)
}

impl Converter<'_> {
    /// Whether a schema stands for itself: it points to no definition.
    pub fn is_closed(&self, schema: &Value) -> bool {
        !schema.to_string().contains("\"$ref\"")
    }
}
