//! The body of a request of a collection: its members as parameters, by what its sample shows. A GraphQL
//! document is sent as it stands.

use serde_json::{Map, Value, json};

use crate::base::json::text;
use crate::registry::function::{BodyForm, Function, Operation};
use crate::registry::import::graphql::class_of;
use crate::registry::import::parts::{id, title};
use crate::registry::import::postman::request::{self, Pair, read_pairs};
use crate::registry::import::postman::secrets::{is_name, is_value, without};
use crate::registry::import::text::remark_or;
use crate::registry::sketch;

/// Largest sample that is read.
const LARGEST: usize = 1 << 20;

/// Largest member of a sample that is kept as an example.
const LARGEST_MEMBER: usize = 2000;

/// Longest name of a variable.
const LONGEST_NAME: usize = 120;

/// Adds what the body takes.
pub(super) fn add(
    raw: &Map<String, Value>,
    headers: &[Pair],
    made: &mut Function,
    samples: &mut Map<String, Value>,
    warnings: &mut Vec<String>,
) {
    match text(raw, "mode") {
        Some("raw") => of_text(raw, headers, made, samples, warnings),
        Some("urlencoded") => {
            made.body = BodyForm::Form;
            fields(raw.get("urlencoded"), made, samples);
        }
        Some("formdata") => {
            made.body = BodyForm::Multipart;
            fields(raw.get("formdata"), made, samples);
        }
        Some("file") => {
            made.body = BodyForm::Raw;
            made.content_type = content_type(headers);
            let schema = json!({"type": "string", "format": "binary", "description": "The file; on the command line @path.", "in": "body"});
            request::add(made, samples, "content", schema, "", true);
        }
        Some("graphql") => graphql(raw.get("graphql"), made, samples, warnings),
        Some(other) => warnings.push(format!("a body of the kind '{}' is not expressed", crate::base::name::printable(other))),
        None => {}
    }
}

fn content_type(headers: &[Pair]) -> Option<String> {
    let fits = |pair: &&Pair| {
        pair.key.eq_ignore_ascii_case("content-type") && !pair.disabled && !pair.value.contains("{{") && pair.value.is_ascii()
    };
    headers
        .iter()
        .find(fits)
        .map(|pair| pair.value.trim().to_owned())
        .filter(|value| !value.is_empty() && !value.chars().any(char::is_control))
}

fn of_text(raw: &Map<String, Value>, headers: &[Pair], made: &mut Function, samples: &mut Map<String, Value>, warnings: &mut Vec<String>) {
    let sample = text(raw, "raw").unwrap_or_default();
    if sample.trim().is_empty() {
        return;
    }
    let language = raw.get("options").and_then(|options| options.get("raw")?.get("language")?.as_str()).unwrap_or_default();
    let parsed = if sample.len() <= LARGEST { parse(sample) } else { None };
    let kind = content_type(headers);
    match parsed {
        Some(Value::Object(members))
            if !members.is_empty() && !members.keys().any(|name| name.contains(|c: char| matches!(c, '.' | '[') || c.is_control())) =>
        {
            made.content_type = kind.filter(|kind| !kind.starts_with("application/json"));
            json_members(&members, made, samples);
        }
        Some(value) if value.is_object() || value.is_array() => {
            let mut schema = sketch::infer(&value);
            schema["description"] = "The whole body.".into();
            (schema["in"], schema["as"]) = ("body".into(), ".".into());
            request::add(made, samples, "body", schema, "", false);
        }
        _ => {
            if language == "json" {
                warnings.push(String::from("the sample of its JSON body cannot be read: the body is sent as text"));
            }
            made.body = BodyForm::Raw;
            let usual = match language {
                "json" => "application/json",
                "xml" => "application/xml",
                "html" => "text/html",
                _ => "text/plain",
            };
            made.content_type = Some(kind.unwrap_or_else(|| usual.to_owned()));
            let schema = json!({"type": "string", "format": "text-file", "description": "The body, as text.", "in": "body"});
            request::add(made, samples, "content", schema, "", true);
        }
    }
}

fn json_members(members: &Map<String, Value>, made: &mut Function, samples: &mut Map<String, Value>) {
    let shown = without(members);
    for (name, value) in members {
        let mut schema = if is_mark(value) { json!({}) } else { sketch::infer(value) };
        schema["description"] = title(&id(name)).into();
        schema["in"] = "body".into();
        let before = made.parameters.len();
        request::add(made, samples, name, schema, "", false);
        let added = made.parameters.keys().nth(before).cloned();
        let fit = |value: &&Value| !is_mark(value) && !value.is_null() && harmless(value, 8) && value.to_string().len() <= LARGEST_MEMBER;
        if let (Some(added), Some(value)) = (added, shown.get(name).filter(fit)) {
            samples.insert(added, value.clone());
        }
    }
}

/// Whether nothing in a sample may be a secret or waits for a variable.
fn harmless(value: &Value, depth: usize) -> bool {
    match value {
        _ if depth == 0 => false,
        Value::String(text) => !is_value(text) && !text.contains("{{") && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'),
        Value::Array(items) => items.iter().all(|item| harmless(item, depth - 1)),
        Value::Object(members) => members.iter().all(|(name, value)| !is_name(name) && harmless(value, depth - 1)),
        _ => true,
    }
}

/// Whether a member is nothing but a variable.
fn is_mark(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("{{") && text.ends_with("}}"))
}

/// A sample as JSON, where a variable may stand outside of a text: `{"count": {{n}}}`.
fn parse(sample: &str) -> Option<Value> {
    serde_json::from_str(sample).ok().or_else(|| serde_json::from_str(&quoted(sample)).ok())
}

/// The name before `}}`, and what stands behind; only so far is looked as a name can be long.
fn name_in_braces(after: &str) -> Option<(&str, &str)> {
    let ends = |(_, c): &(usize, char)| matches!(c, '"' | '\n' | '{' | '}');
    let (at, _) = after.char_indices().take(LONGEST_NAME).find(ends)?;
    let behind = after.get(at..)?.strip_prefix("}}")?;
    Some((after.get(..at)?, behind))
}

fn quoted(sample: &str) -> String {
    let (mut made, mut rest) = (String::with_capacity(sample.len() + 16), sample);
    let (mut inside, mut escaped) = (false, false);
    while let Some(c) = rest.chars().next() {
        let mark = if inside { None } else { rest.strip_prefix("{{").and_then(name_in_braces) };
        if let Some((name, behind)) = mark {
            made.push_str(&format!("\"{{{{{name}}}}}\""));
            rest = behind;
            continue;
        }
        inside ^= c == '"' && !escaped;
        escaped = inside && c == '\\' && !escaped;
        made.push(c);
        rest = &rest[c.len_utf8()..];
    }
    made
}

fn fields(raw: Option<&Value>, made: &mut Function, samples: &mut Map<String, Value>) {
    let Some(raw) = raw else { return };
    let files: Vec<&str> = raw
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one.get("type").and_then(Value::as_str) == Some("file"))
        .filter_map(|one| one.get("key")?.as_str())
        .collect();
    for pair in read_pairs(raw).into_iter().filter(|pair| !pair.key.chars().any(char::is_control)) {
        let mut schema = json!({"type": "string", "description": remark_or(&pair.description, &title(&id(&pair.key))), "in": "body"});
        if files.contains(&pair.key.as_str()) && made.body == BodyForm::Multipart {
            schema["format"] = "binary".into();
            request::add(made, samples, &pair.key, schema, "", false);
        } else {
            request::add(made, samples, &pair.key, schema, if pair.disabled { "" } else { &pair.value }, false);
        }
    }
}

fn graphql(raw: Option<&Value>, made: &mut Function, samples: &mut Map<String, Value>, warnings: &mut Vec<String>) {
    let said = raw.and_then(Value::as_object);
    let Some(document) = said.and_then(|said| text(said, "query")).filter(|document| !document.trim().is_empty()) else {
        return warnings.push(String::from("its GraphQL body holds no document"));
    };
    made.operation = match class_of(document) {
        Some(class) if made.operation <= Operation::Write => class,
        _ => made.operation.max(Operation::Write),
    };
    made.read_because = None;
    made.graphql = Some(crate::base::name::clean(document.trim()));
    made.shape = Some(String::from(".data"));
    let variables = said.and_then(|said| said.get("variables"));
    let variables = match variables {
        Some(Value::String(text)) => parse(text),
        other => other.cloned(),
    };
    if let Some(Value::Object(members)) = variables {
        json_members(&members, made, samples);
    }
}

/// Whether a body is a GraphQL document that only asks.
pub(super) fn is_query(raw: &Map<String, Value>) -> bool {
    let document = || raw.get("graphql").and_then(|said| said.get("query")).and_then(Value::as_str);
    text(raw, "mode") == Some("graphql") && document().and_then(class_of) == Some(Operation::Read)
}
