//! Schemas of a Discovery document as JSON Schema. They refer to each other in circles and are huge: what is written is bounded in depth
//! and in size, and whatever lies beyond allows any value, which is said.

use std::cell::RefCell;

use serde_json::{Map, Value, json};

use crate::base::json::text;
use crate::registry::import::text::remark_or;

/// Members and items nested deeper are not described.
const DEEPEST: usize = 5;

/// Schemas written for one function.
const MOST: usize = 250;

/// The schemas of a document.
pub(super) struct Shapes<'a> {
    schemas: Option<&'a Map<String, Value>>,
    /// What is still to be written, and whether something was cut.
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    left: usize,
    cut: bool,
}

impl<'a> Shapes<'a> {
    pub(super) fn new(schemas: Option<&'a Map<String, Value>>) -> Self {
        Self { schemas, state: RefCell::default() }
    }

    /// A new function begins.
    pub(super) fn begin(&self) {
        *self.state.borrow_mut() = State { left: MOST, cut: false };
    }

    /// Whether anything was cut since [`Self::begin`].
    pub(super) fn was_cut(&self) -> bool {
        self.state.borrow().cut
    }

    /// The schema that a name means.
    pub(super) fn named(&self, name: &str) -> Option<&'a Map<String, Value>> {
        self.schemas?.get(name)?.as_object()
    }

    /// A Discovery schema as JSON Schema. `input` leaves out what only the service sets, and says what is required.
    pub(super) fn schema(&self, raw: &'a Map<String, Value>, input: bool) -> Map<String, Value> {
        self.written(raw, input, &mut Vec::new(), DEEPEST)
    }

    fn written(&self, raw: &'a Map<String, Value>, input: bool, above: &mut Vec<&'a str>, depth: usize) -> Map<String, Value> {
        let mut schema = Map::new();
        let referred = text(raw, "$ref");
        let target = referred.and_then(|name| self.named(name));
        let spent = {
            let mut state = self.state.borrow_mut();
            state.left = state.left.saturating_sub(1);
            state.left == 0
        };
        match (referred, target) {
            (Some(name), Some(target)) if depth > 0 && !spent && !above.contains(&name) => {
                above.push(name);
                schema = self.written(target, input, above, depth);
                above.pop();
            }
            (Some(_), target) => {
                self.state.borrow_mut().cut |= target.is_some();
                let kind = target.and_then(|target| text(target, "type")).filter(|kind| *kind != "any");
                schema.extend(kind.map(|kind| (String::from("type"), json!(kind))));
            }
            (None, _) => self.plain(raw, input, above, if spent { 0 } else { depth }, &mut schema),
        }
        if let Some(said) = text(raw, "description") {
            schema.insert(String::from("description"), remark_or(said, "").into());
        }
        schema
    }

    fn plain(&self, raw: &'a Map<String, Value>, input: bool, above: &mut Vec<&'a str>, depth: usize, schema: &mut Map<String, Value>) {
        let kind = text(raw, "type").unwrap_or("any");
        if kind != "any" {
            schema.insert(String::from("type"), kind.into());
        }
        constraints(raw, schema);
        if let Some(items) = raw.get("items").and_then(Value::as_object) {
            match depth {
                0 => self.state.borrow_mut().cut = true,
                _ => _ = schema.insert(String::from("items"), Value::Object(self.written(items, input, above, depth - 1))),
            }
        }
        if let Some(members) = raw.get("properties").and_then(Value::as_object).filter(|members| !members.is_empty()) {
            match depth {
                0 => self.state.borrow_mut().cut = true,
                _ => self.members(members, input, above, depth, schema),
            }
        }
        if let Some(values) = raw.get("additionalProperties").and_then(Value::as_object).filter(|_| depth > 0) {
            schema.insert(String::from("additionalProperties"), Value::Object(self.written(values, input, above, depth - 1)));
        }
    }

    fn members(
        &self,
        members: &'a Map<String, Value>,
        input: bool,
        above: &mut Vec<&'a str>,
        depth: usize,
        schema: &mut Map<String, Value>,
    ) {
        let mut written = Map::new();
        for (name, member) in members {
            let Some(member) = member.as_object() else { continue };
            if self.state.borrow().left == 0 {
                self.state.borrow_mut().cut = true;
                break;
            }
            if !(input && only_answered(member)) {
                written.insert(name.clone(), Value::Object(self.written(member, input, above, depth - 1)));
            }
        }
        schema.insert(String::from("properties"), Value::Object(written));
    }
}

/// Whether only the service sets a member.
pub(super) fn only_answered(member: &Map<String, Value>) -> bool {
    let said = text(member, "description").unwrap_or_default();
    member.get("readOnly").and_then(Value::as_bool) == Some(true)
        || ["Output only", "[Output Only]", "[Output only]"].iter().any(|start| said.starts_with(start))
}

/// Enum, format, pattern and bounds, as far as they say something that can be checked. Discovery writes bounds as text.
pub(super) fn constraints(raw: &Map<String, Value>, schema: &mut Map<String, Value>) {
    let mut put = |word: &str, value: Value| _ = schema.insert(word.to_owned(), value);
    if let Some(values) =
        raw.get("enum").and_then(Value::as_array).filter(|values| values.iter().all(Value::is_string) && !values.is_empty())
    {
        let mut kept: Vec<&Value> = Vec::new();
        values.iter().filter(|value| value.as_str() != Some("")).for_each(|value| {
            if !kept.contains(&value) {
                kept.push(value);
            }
        });
        // An answer may hold values that are newer than the description; an argument may not.
        put("enum", json!(kept));
    }
    match text(raw, "format") {
        Some("date") => put("format", "date".into()),
        Some("date-time" | "google-datetime") => put("format", "date-time".into()),
        _ => {}
    }
    if let Some(pattern) = text(raw, "pattern").filter(|pattern| portable(pattern)) {
        put("pattern", pattern.into());
    }
    let numeric = matches!(text(raw, "type"), Some("integer" | "number"));
    for word in ["minimum", "maximum"] {
        if let Some(bound) = text(raw, word).filter(|_| numeric).and_then(|bound| bound.parse::<i64>().ok()) {
            put(word, bound.into());
        }
    }
}

/// Whether every engine reads a pattern alike.
fn portable(pattern: &str) -> bool {
    pattern.len() <= 300 && pattern.chars().all(|c| c.is_ascii_alphanumeric() || "_-/[]^+*.$@:, ".contains(c))
}
