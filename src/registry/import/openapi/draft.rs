//! A function in the making: arguments come in one by one, each under a name of its own, with what an example may be made from.

use serde_json::{Map, Value};

use crate::registry::function::{Example, Function, Operation, Place};
use crate::registry::import::openapi::doc::{Doc, word};
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
        let needed: Vec<&str> = self.function.any_of.iter().filter_map(|group| group.first()).map(String::as_str).collect();
        let body = self.body.as_ref().filter(|_| with_body);
        let mut arguments = Map::new();
        for seed in &self.seeds {
            let in_body =
                body.filter(|_| self.function.place(&seed.id) == Place::Body).and_then(|body| match self.function.wire_name(&seed.id) {
                    "." => Some(body),
                    _ => body.get(seed.wire),
                });
            let must = self.function.required.contains(&seed.id) || needed.contains(&seed.id.as_str());
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
