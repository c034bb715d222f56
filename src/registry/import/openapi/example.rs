//! Examples of arguments: the description's own where they fit, else values made from schemas. They are checked by whoever asked.

use serde_json::{Map, Number, Value, json};

use crate::registry::import::openapi::doc::{Doc, kind, says, word};
use crate::registry::import::sample::of_pattern;

/// How deep a made value nests.
const DEEPEST: usize = 6;

/// Makes values.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a> {
    pub doc: Doc<'a>,
    /// Whether examples and defaults of the description are used; else values are made by the rules alone.
    pub theirs: bool,
}

impl<'a> Maker<'a> {
    /// A value that a schema probably allows.
    pub fn value(&self, schema: &'a Value, name: &str) -> Value {
        self.at(schema, name, 0)
    }

    /// What a parameter, a body or a schema itself gives as its example.
    pub fn given(&self, of: &'a Value) -> Option<Value> {
        if !self.theirs {
            return None;
        }
        let first = match of.get("examples") {
            Some(Value::Object(several)) => several.values().find_map(|one| self.doc.resolve(one).ok()?.get("value")),
            Some(Value::Array(several)) => several.first(),
            _ => None,
        };
        of.get("example").or(first).or_else(|| of.get("x-example")).cloned()
    }

    fn at(&self, schema: &'a Value, name: &str, depth: usize) -> Value {
        let Ok(schema) = self.doc.resolve(schema) else { return json!({}) };
        let given = self.given(schema).or_else(|| schema.get("default").filter(|_| self.theirs).cloned());
        if let Some(given) = given.filter(|given| !given.is_null()) {
            return fitted(schema, given);
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.iter().find(|value| !value.is_null())) {
            return fitted(schema, first.clone());
        }
        match kind(schema) {
            Some("object") => self.object(schema, depth),
            Some("array") => self.list(schema, name, depth),
            Some("integer" | "number" | "int" | "float" | "long" | "double") => number(schema),
            Some("boolean" | "bool") => json!(true),
            Some("string" | "file") => text(schema, name),
            _ => self.composed(schema, name, depth),
        }
    }

    fn composed(&self, schema: &'a Value, name: &str, depth: usize) -> Value {
        if depth > DEEPEST {
            return json!({});
        }
        for key in ["oneOf", "anyOf"] {
            let ways = Doc::list(schema, key);
            let of = |way: &&'a Value, wanted: &dyn Fn(Option<&str>) -> bool| self.doc.resolve(way).is_ok_and(|way| wanted(kind(way)));
            // A number in a URL is a text as well; a text is nothing else.
            let text = ways.iter().find(|way| depth == 0 && of(way, &|kind| kind == Some("string")));
            let way = text.or_else(|| ways.iter().find(|way| of(way, &|kind| kind != Some("null"))));
            if let Some(way) = way {
                return self.at(way, name, depth + 1);
            }
        }
        let parts = Doc::list(schema, "allOf");
        let told = |part: &&'a Value| {
            self.doc.resolve(part).is_ok_and(|part| {
                kind(part).is_some() || part.get("enum").is_some() || part.get("allOf").is_some() || part.get("oneOf").is_some()
            })
        };
        match parts.iter().find(told) {
            None if parts.is_empty() => Value::from(if name.is_empty() { "value" } else { name }),
            Some(part) if self.doc.resolve(part).ok().and_then(kind) != Some("object") => self.at(part, name, depth + 1),
            _ => self.object(schema, depth),
        }
    }

    fn object(&self, schema: &'a Value, depth: usize) -> Value {
        let mut members = Map::new();
        self.members(schema, depth, &mut members);
        Value::Object(members)
    }

    /// The members that must be there, of all parts of a schema.
    fn members(&self, schema: &'a Value, depth: usize, into: &mut Map<String, Value>) {
        let Ok(schema) = self.doc.resolve(schema) else { return };
        if depth > DEEPEST {
            return;
        }
        let properties = schema.get("properties");
        for name in Doc::list(schema, "required").iter().filter_map(Value::as_str) {
            let property = properties.and_then(|all| all.get(name)).or_else(|| self.elsewhere(schema, name));
            let hidden =
                |property: &'a Value| says(property, "readOnly") || self.doc.resolve(property).is_ok_and(|at| says(at, "readOnly"));
            match property {
                Some(property) if hidden(property) => {}
                Some(property) if !into.contains_key(name) => _ = into.insert(name.to_owned(), self.at(property, name, depth + 1)),
                None => _ = into.entry(name).or_insert_with(|| Value::from("value")),
                _ => {}
            }
        }
        for part in Doc::list(schema, "allOf") {
            self.members(part, depth + 1, into);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(first) = Doc::list(schema, key).first() {
                self.members(first, depth + 1, into);
            }
        }
        let least = schema.get("minProperties").and_then(Value::as_u64).unwrap_or(0) as usize;
        for (name, property) in properties.and_then(Value::as_object).into_iter().flatten() {
            if into.len() >= least {
                break;
            }
            into.entry(name.clone()).or_insert_with(|| self.at(property, name, depth + 1));
        }
        if into.is_empty() && least > 0 {
            let any = schema.get("additionalProperties").filter(|any| any.is_object());
            into.insert(String::from("key"), any.map_or_else(|| json!("value"), |any| self.at(any, "value", depth + 1)));
        }
    }

    /// A member that another part of the same schema describes.
    fn elsewhere(&self, schema: &'a Value, name: &str) -> Option<&'a Value> {
        let parts = ["allOf", "anyOf", "oneOf"].into_iter().flat_map(|key| Doc::list(schema, key));
        parts.filter_map(|part| self.doc.resolve(part).ok()).find_map(|part| part.get("properties")?.get(name))
    }

    fn list(&self, schema: &'a Value, name: &str, depth: usize) -> Value {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let Some(items) = schema.get("items").filter(|items| items.is_object() && depth <= DEEPEST) else { return json!([]) };
        let unique = says(schema, "uniqueItems");
        let count = if unique { least.min(1) } else { least.min(20) }.max(u64::from(depth < 3));
        let most = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let one = self.at(items, name, depth + 1);
        Value::Array((0..count.min(most)).map(|_| one.clone()).collect())
    }
}

/// A value as the type of its schema wants it, where only the spelling differs.
pub fn fitted(schema: &Value, value: Value) -> Value {
    match (kind(schema), &value) {
        (Some("string"), Value::Number(_) | Value::Bool(_)) => Value::from(value.to_string()),
        (Some("integer" | "number"), Value::String(text)) => text.parse::<Number>().map_or(value.clone(), Value::Number),
        (Some("boolean"), Value::String(text)) => text.parse::<bool>().map_or(value.clone(), Value::Bool),
        (Some("array"), Value::String(text)) => Value::Array(text.split(',').map(|part| Value::from(part.trim())).collect()),
        (Some("array"), Value::Number(_) | Value::Object(_)) => json!([value]),
        _ => value,
    }
}

fn number(schema: &Value) -> Value {
    let of = |key: &str| schema.get(key).and_then(Value::as_f64);
    let step = of("multipleOf").filter(|step| *step > 0.0);
    let exclusive = |key: &str, limit: &str| match schema.get(key) {
        Some(Value::Bool(true)) => of(limit),
        Some(Value::Number(_)) => of(key),
        _ => None,
    };
    let low = exclusive("exclusiveMinimum", "minimum").map(|low| low.floor() + 1.0).or_else(|| of("minimum"));
    let high = exclusive("exclusiveMaximum", "maximum").map(|high| high.ceil() - 1.0).or_else(|| of("maximum"));
    let value = match (low, high) {
        (Some(low), _) if low > 1.0 => low.ceil(),
        (low, Some(high)) if high < 1.0 => high.floor().max(low.unwrap_or(f64::MIN)),
        _ => 1.0,
    };
    let value = step.map_or(value, |step| (value / step).ceil() * step);
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

fn text(schema: &Value, name: &str) -> Value {
    let fixed = match word(schema, "format") {
        Some("date") => Some("2026-01-31"),
        Some("date-time") => Some("2026-01-31T12:00:00Z"),
        Some("uri" | "url") => Some("https://example.com/"),
        Some("email" | "idn-email") => Some("person@example.com"),
        Some("uuid") => Some("3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
        Some("binary" | "byte") => Some("aGVsbG8="),
        Some("ipv4") => Some("192.0.2.1"),
        Some("ipv6") => Some("2001:db8::1"),
        Some("hostname") => Some("example.com"),
        _ => None,
    };
    let made = schema.get("pattern").and_then(Value::as_str).and_then(of_pattern);
    let mut text = made.or_else(|| fixed.map(str::to_owned)).unwrap_or_else(|| {
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').take(30).collect();
        if name.is_empty() { String::from("text") } else { name }
    });
    let length = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
    if let Some(least) = length("minLength").filter(|least| *least < 5_000 && fixed.is_none()) {
        let last = text.chars().next_back().unwrap_or('a');
        text.extend(std::iter::repeat_n(last, least.saturating_sub(text.chars().count())));
    }
    if let Some(most) = length("maxLength") {
        text = text.chars().take(most).collect();
    }
    Value::from(text)
}
