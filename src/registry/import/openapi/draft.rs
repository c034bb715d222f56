//! A function in the making: arguments come in one by one, each under a name of its own, with what an example may be made from.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::registry::function::{Example, Function, Operation, Place};
use crate::registry::import::openapi::doc::{Doc, Shape, word};
use crate::registry::import::openapi::example::{Maker, fitted};
use crate::registry::import::openapi::schema::Converter;
use crate::registry::import::parts;
use crate::registry::import::text::remark;
use crate::registry::user::engine_checks;

/// One argument as a description has it.
pub struct Argument<'a> {
    /// Its name on the wire.
    pub wire: &'a str,
    pub place: Place,
    pub schema: &'a Value,
    /// Where description and examples stand beside the schema.
    pub of: &'a Value,
    pub required: bool,
    pub style: Option<&'static str>,
}

struct Seed<'a> {
    id: String,
    wire: &'a str,
    schema: &'a Value,
    of: &'a Value,
}

/// A function in the making.
pub struct Draft<'a> {
    pub doc: Doc<'a>,
    pub function: Function,
    pub converter: Converter<'a>,
    pub warnings: Vec<String>,
    seeds: Vec<Seed<'a>>,
    /// An example of the whole body.
    pub body: Option<Value>,
    /// Why the last example that was tried does not fit.
    unfit: String,
}

impl<'a> Draft<'a> {
    /// With no argument yet.
    pub fn new(doc: Doc<'a>, id: &str, request: String, operation: Operation) -> Self {
        let mut function = parts::function(id, String::new(), operation);
        function.request = Some(request);
        Self { doc, function, converter: Converter::new(doc), warnings: Vec::new(), seeds: Vec::new(), body: None, unfit: String::new() }
    }

    /// Says what could not be expressed, once.
    pub fn warn(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.warnings.contains(&what) {
            self.warnings.push(what);
        }
    }

    /// Adds an argument; answers its name.
    pub fn add(&mut self, argument: Argument<'a>) -> String {
        let id = self.fresh(argument.wire, argument.place);
        let mut schema = match self.converter.parameter(argument.schema) {
            Value::Object(schema) => schema,
            _ => Map::new(),
        };
        let said = word(argument.of, "description").map(remark).filter(|said| !said.is_empty());
        let said = said.or_else(|| schema.get("description").and_then(Value::as_str).map(str::to_owned));
        let shown = self.doc.resolve(argument.schema).unwrap_or(argument.schema);
        let default = shown.get("default").or_else(|| argument.of.get("default")).filter(|default| !default.is_null());
        let only = shown.get("enum").and_then(Value::as_array).filter(|values| values.len() == 1).and_then(|values| values.first());
        let mut said = said
            .unwrap_or_else(|| if argument.wire == "." { String::from("What is sent.") } else { parts::title(&parts::id(argument.wire)) });
        let mut required = argument.required;
        match default.or(only).map(|value| fitted(shown, value.clone())) {
            // What must be there and is known needs nobody to say it.
            Some(value) if required && !value.is_object() && !value.is_array() => {
                let own = Value::Object(schema.clone());
                if self.converter.is_closed(&own) && crate::registry::schema::valid(&own, &value).is_ok() {
                    schema.insert(String::from("default"), value);
                    required = false;
                }
            }
            Some(value) if default.is_some() && said.len() < 180 => {
                let value = crate::base::name::printable(&crate::base::json::plain(&value));
                said = format!("{} (without it: {value})", said.trim_end_matches('.'));
            }
            _ => {}
        }
        schema.insert(String::from("description"), Value::from(said));
        if argument.wire != id {
            schema.insert(String::from("as"), Value::from(argument.wire));
        }
        if let Some(style) = argument.style {
            schema.insert(String::from("style"), Value::from(style));
        }
        self.function.parameters.insert(id.clone(), Value::Object(schema));
        if self.function.place(&id) != argument.place {
            self.set(&id, "in", Value::from(place_word(argument.place)));
        }
        if required {
            self.function.required.push(id.clone());
        }
        self.seeds.push(Seed { id: id.clone(), wire: argument.wire, schema: argument.schema, of: argument.of });
        id
    }

    /// Makes an argument all that a member is in any way of its object.
    pub fn widen(&mut self, id: &str, shape: &Shape<'a>, name: &str) {
        let others: Vec<&'a Value> = shape.others.iter().filter(|(known, _)| *known == name).map(|(_, other)| *other).collect();
        let kinds = shape.kinds.iter().find(|(known, _)| *known == name).map(|(_, values)| values.as_slice());
        if others.is_empty() && kinds.is_none() {
            return;
        }
        let Some(Value::Object(mut own)) = self.function.parameters.get(id).cloned() else { return };
        let mut words = Map::new();
        for word in ["description", "as", "style", "in"] {
            words.extend(own.shift_remove(word).map(|value| (word.to_owned(), value)));
        }
        own.shift_remove("default");
        let mut ways = vec![Value::Object(own)];
        ways.extend(others.into_iter().map(|other| self.converter.parameter(other)));
        let mut wider = union(ways, kinds);
        wider.extend(words);
        self.function.parameters.insert(id.to_owned(), Value::Object(wider));
        // The one value of the first way is not that of all of them.
        if shape.requires(name) && !self.function.required.iter().any(|known| known == id) {
            self.function.required.push(id.to_owned());
        }
    }

    /// A name that no other argument has.
    fn fresh(&self, wire: &str, place: Place) -> String {
        let id = parts::id(wire);
        let placed: String = format!("{}_{id}", place_word(place)).chars().take(60).collect();
        let taken = |id: &String| self.function.parameters.contains_key(id);
        let numbered = (2..).map(|number| format!("{}_{number}", placed.chars().take(56).collect::<String>()));
        [id, placed.clone()].into_iter().chain(numbered).find(|id| !taken(id)).unwrap_or(placed)
    }

    /// Gives the argument that came last a name of ours, unless another has it.
    pub fn rename_last(&mut self, id: &str) {
        let Some(seed) = self.seeds.last_mut().filter(|_| !self.function.parameters.contains_key(id)) else { return };
        let Some(schema) = self.function.parameters.shift_remove(&seed.id) else { return };
        self.function.parameters.insert(id.to_owned(), schema);
        self.function.required.iter_mut().filter(|name| **name == seed.id).for_each(|name| id.clone_into(name));
        id.clone_into(&mut seed.id);
    }

    /// The argument that goes somewhere under a name.
    pub fn argument(&self, wire: &str, place: Place) -> Option<&str> {
        let found = self.function.parameters.keys().find(|id| self.function.place(id) == place && self.function.wire_name(id) == wire);
        found.map(String::as_str)
    }

    /// Takes a word out of a parameter's schema.
    pub fn set(&mut self, id: &str, key: &str, value: Value) {
        if let Some(Value::Object(schema)) = self.function.parameters.get_mut(id) {
            schema.insert(key.to_owned(), value);
        }
    }

    /// The function with definitions and an example that its own schema allows.
    pub fn finish(mut self) -> (Function, Vec<String>) {
        self.function.defs = self.converter.finish();
        let warnings = std::mem::take(&mut self.converter.warnings);
        warnings.into_iter().for_each(|warning| self.warn(warning));
        self.exemplify();
        if self.function.examples.is_empty() {
            // A pattern that no engine understands must not make every call fail.
            let mut without = self.function.clone();
            without.parameters.values_mut().chain(without.defs.values_mut()).for_each(without_patterns);
            let before = std::mem::replace(&mut self.function, without);
            self.exemplify();
            let broken = crate::registry::schema::Checker::new(before.input_schema()).is_err();
            if broken || (engine_checks(&self.function).is_empty() && !self.function.examples.is_empty()) {
                self.warn("a pattern that cannot be understood is not checked");
            } else {
                self.function = before;
                self.function.examples.clear();
            }
        }
        if self.function.examples.is_empty() {
            let why = crate::base::name::printable(&self.unfit);
            self.warn(format!("no example could be made that its own schema allows ({why})"));
        }
        (self.function, self.warnings)
    }

    /// The first of some examples that validates.
    fn exemplify(&mut self) {
        let schema = self.function.input_schema();
        let ways = [self.arguments(true, true), self.arguments(true, false), self.arguments(false, false)];
        let checker = match crate::registry::schema::Checker::new(schema) {
            Ok(checker) => checker,
            Err(why) => {
                self.unfit = why;
                return self.function.examples.clear();
            }
        };
        self.function.examples.clear();
        for arguments in ways {
            match checker.problems(arguments.clone()).into_iter().next() {
                None => {
                    self.function.examples.push(Example { title: None, arguments });
                    break;
                }
                Some(problem) => self.unfit = format!("{} {}", problem.pointer, problem.message),
            }
        }
    }

    fn arguments(&self, theirs: bool, with_body: bool) -> Map<String, Value> {
        let maker = Maker { doc: self.doc, theirs };
        let needed = self.function.any_of.iter().filter_map(|group| group.first());
        let needed: HashSet<&str> = needed.chain(&self.function.required).map(String::as_str).collect();
        let body = self.body.as_ref().filter(|_| with_body);
        let mut arguments = Map::new();
        for seed in &self.seeds {
            let in_body =
                body.filter(|_| self.function.place(&seed.id) == Place::Body).and_then(|body| match self.function.wire_name(&seed.id) {
                    "." => Some(body),
                    _ => body.get(seed.wire),
                });
            let must = needed.contains(seed.id.as_str());
            let shown = self.doc.resolve(seed.schema).unwrap_or(seed.schema);
            let file = self.function.format(&seed.id) == Some("binary");
            let value = match in_body {
                _ if file && must => Value::from("aGVsbG8="),
                Some(value) if !file && (must || !value.is_null()) => value.clone(),
                _ if must => maker.given(seed.of).map_or_else(|| maker.value(seed.schema, seed.wire), |given| fitted(shown, given)),
                _ => continue,
            };
            arguments.insert(seed.id.clone(), value);
        }
        arguments
    }
}

/// What any of several schemas allows; `kinds` are the values that there are, where a text alone would not say it.
fn union(ways: Vec<Value>, kinds: Option<&[&str]>) -> Map<String, Value> {
    let mut apart: Vec<Map<String, Value>> = Vec::new();
    for way in ways {
        let Value::Object(mut way) = way else { continue };
        way.shift_remove("description");
        if !apart.contains(&way) {
            apart.push(way);
        }
    }
    let values = |way: &Map<String, Value>| match (way.get("const"), way.get("enum")) {
        (Some(one), _) => Some(vec![one.clone()]),
        (_, Some(Value::Array(several))) => Some(several.clone()),
        _ => None,
    };
    let types = |way: &Map<String, Value>| match way.get("type") {
        Some(Value::String(one)) => Some(vec![one.clone()]),
        Some(Value::Array(several)) => Some(several.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => values(way)?.iter().map(|value| Some(kind_of(value)?.to_owned())).collect(),
    };
    let mut wider = Map::new();
    let typed: Option<Vec<Vec<String>>> = apart.iter().map(types).collect();
    let mut all: Vec<String> = typed.unwrap_or_default().concat();
    let mut seen = HashSet::new();
    all.retain(|kind| seen.insert(kind.clone()));
    match all.as_slice() {
        [] => {}
        [one] => _ = wider.insert(String::from("type"), Value::from(one.as_str())),
        several => _ = wider.insert(String::from("type"), several.into()),
    }
    let listed: Option<Vec<Vec<Value>>> = apart.iter().map(values).collect();
    match (listed, kinds) {
        (Some(listed), _) => {
            let mut values: Vec<Value> = Vec::new();
            listed.into_iter().flatten().for_each(|value| {
                if !values.contains(&value) {
                    values.push(value)
                }
            });
            wider.insert(String::from("enum"), Value::Array(values));
        }
        (None, Some(kinds)) => _ = wider.insert(String::from("enum"), kinds.into()),
        (None, None) if apart.len() == 1 => return apart.pop().unwrap_or_default(),
        (None, None) => _ = wider.insert(String::from("anyOf"), apart.into()),
    }
    wider
}

fn kind_of(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// The word of a manifest for a place.
fn place_word(place: Place) -> &'static str {
    match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
        Place::Cookie => "cookie",
        Place::Body => "body",
    }
}

fn without_patterns(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("pattern").is_some_and(Value::is_string) {
                members.remove("pattern");
            }
            members.remove("patternProperties");
            members.values_mut().for_each(without_patterns);
        }
        Value::Array(items) => items.iter_mut().for_each(without_patterns),
        _ => {}
    }
}
