//! The parameters of an operation: where each goes and how lists and objects are written there. Those of the body stand apart.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::base::name::printable;
use crate::registry::function::Place;
use crate::registry::header;
use crate::registry::import::openapi::doc::{Doc, kind, says, word};
use crate::registry::import::openapi::draft::{Argument, Draft};
use crate::registry::lint::names_in;

/// A parameter that stands nowhere in the description.
static TEXT: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({"type": "string"}));

/// The parameters of an operation and of its path, references followed; the operation's own count.
pub fn declared<'a>(doc: &Doc<'a>, item: &'a Value, operation: &'a Value, warnings: &mut Vec<String>) -> Vec<&'a Value> {
    let mut all: Vec<&Value> = Vec::new();
    let mut known = HashSet::new();
    for written in Doc::list(operation, "parameters").iter().chain(Doc::list(item, "parameters")) {
        match doc.resolve(written) {
            Ok(parameter) => {
                if known.insert((word(parameter, "name"), word(parameter, "in"))) {
                    all.push(parameter);
                }
            }
            Err(why) => warnings.push(format!("a parameter was left out: {why}")),
        }
    }
    all
}

/// Says which parameters stand nowhere that is known.
fn misplaced(draft: &mut Draft<'_>, parameters: &[&Value]) {
    for parameter in parameters {
        let name = printable(word(parameter, "name").unwrap_or_default());
        match word(parameter, "in") {
            _ if name.is_empty() => draft.warn("a parameter without a name was left out"),
            Some("body" | "formData") if draft.doc.old => {}
            Some(place) if placed(place).is_some() => {}
            Some(place) => draft.warn(format!("the parameter '{name}' was left out: a place '{}' is not known", printable(place))),
            None => draft.warn(format!("the parameter '{name}' was left out: it does not say where it goes")),
        }
    }
}

/// Adds all that is not of the body. `keys` are places and names that credentials fill.
pub fn add<'a>(draft: &mut Draft<'a>, parameters: &[&'a Value], keys: &HashSet<(String, String)>) {
    misplaced(draft, parameters);
    let path = draft.function.method_and_path().1.to_owned();
    for place in [Place::Path, Place::Query, Place::Header, Place::Cookie] {
        for parameter in parameters {
            let (Some(name), Some(at)) = (word(parameter, "name"), word(parameter, "in")) else { continue };
            if placed(at) != Some(place) || keys.contains(&(at.to_owned(), name.to_lowercase())) {
                continue;
            }
            // Which form is sent and asked for, bodies and answers say.
            if place == Place::Header && ["accept", "content-type"].contains(&name.to_lowercase().as_str()) {
                continue;
            }
            if let Some(why) = Some(name).filter(|_| place == Place::Header).and_then(not_said) {
                draft.warn(format!("the header '{}' was left out: {why}", printable(name)));
                continue;
            }
            if place == Place::Header && (name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':')) {
                draft.warn(format!("'{}' is no name of a header", printable(name)));
                continue;
            }
            if place == Place::Path && !names_in(&path).any(|wire| wire == name) {
                draft.warn(format!("the path does not name the parameter '{}'", printable(name)));
                continue;
            }
            one(draft, parameter, name, place);
        }
    }
}

/// Why a header is no argument, whatever a description says.
fn not_said(name: &str) -> Option<&'static str> {
    match name.trim().to_ascii_lowercase().as_str() {
        "authorization" => Some("a credential is sent there"),
        "cookie" => Some("a cookie is described as one, by its name"),
        ours if header::is_ours(ours) => Some("it belongs to the connection, and the program sets it"),
        _ => None,
    }
}

/// The parameters that the path names and nobody describes are texts.
pub fn add_undescribed<'a>(draft: &mut Draft<'a>, wires: &[&'a str]) {
    for wire in wires {
        if draft.argument(wire, Place::Path).is_none() {
            draft.warn(format!("the parameter '{}' of the path is not described", printable(wire)));
            draft.add(Argument { wire, place: Place::Path, schema: &TEXT, of: &Value::Null, required: true, style: None });
        }
    }
}

/// Where a word of the description puts a parameter.
pub fn placed(word: &str) -> Option<Place> {
    match word {
        "path" => Some(Place::Path),
        "query" => Some(Place::Query),
        "header" => Some(Place::Header),
        "cookie" => Some(Place::Cookie),
        _ => None,
    }
}

fn one<'a>(draft: &mut Draft<'a>, parameter: &'a Value, name: &'a str, place: Place) {
    let content = parameter.get("content").and_then(Value::as_object).and_then(|content| content.iter().next());
    let (schema, style) = match (parameter.get("schema"), content) {
        (Some(schema), _) => (schema, style(draft, parameter, schema, place)),
        (None, Some((media, content))) => {
            let json = media.contains("json");
            if !json {
                draft.warn(format!("'{}' is sent as text, not as {}", printable(name), printable(media)));
            }
            (content.get("schema").unwrap_or(&Value::Null), json.then_some("json"))
        }
        // In Swagger 2 the parameter is its own schema.
        (None, None) => (parameter, style(draft, parameter, parameter, place)),
    };
    if says(parameter, "allowEmptyValue") && draft.doc.resolve(schema).is_ok_and(|schema| kind(schema) == Some("boolean")) {
        draft.warn(format!("'{}' may be sent without a value, and is sent with one", printable(name)));
    }
    if says(parameter, "allowReserved") {
        draft.warn(format!("'{}' may hold reserved characters as they are, and is sent with them percent-encoded", printable(name)));
    }
    let required = says(parameter, "required") || place == Place::Path;
    let id = draft.add(Argument { wire: name, place, schema, of: parameter, required, style });
    if place == Place::Path && !draft.function.required.contains(&id) {
        // A default of a path parameter is one value among others.
        draft.function.required.push(id);
    }
}

/// How lists and objects are written, by `style` and `explode` or by `collectionFormat`.
pub fn style<'a>(draft: &mut Draft<'a>, parameter: &'a Value, schema: &'a Value, place: Place) -> Option<&'static str> {
    let doc = draft.doc;
    let shown = doc.resolve(schema).ok()?;
    let kind = kind(shown).or_else(|| Doc::list(shown, "allOf").iter().filter_map(|part| doc.resolve(part).ok()).find_map(kind));
    let (list, object) = (kind == Some("array"), kind == Some("object"));
    if let Some(format) = word(parameter, "collectionFormat") {
        return match format {
            "multi" => None,
            "ssv" => Some("space"),
            "tsv" => Some("tab"),
            "pipes" => Some("pipe"),
            _ => Some("comma"),
        };
    }
    if doc.old {
        return (list && place == Place::Query).then_some("comma");
    }
    let style = word(parameter, "style");
    let explode = parameter
        .get("explode")
        .and_then(Value::as_bool)
        .unwrap_or(matches!(style, None | Some("form")) && place != Place::Path && place != Place::Header);
    match (place, style) {
        (Place::Path, Some("label")) if explode => Some("label_pairs"),
        (Place::Path, Some("label")) => Some("label"),
        (Place::Path, Some("matrix")) if explode => Some("matrix_pairs"),
        (Place::Path, Some("matrix")) => Some("matrix"),
        (Place::Path | Place::Header, _) => (object && explode).then_some("pairs"),
        (Place::Cookie, _) => None,
        (_, Some("deepObject")) => Some("deep"),
        (_, Some("spaceDelimited")) => Some(if explode && list { "repeat" } else { "space" }),
        (_, Some("pipeDelimited")) => Some(if explode && list { "repeat" } else { "pipe" }),
        (_, Some(other)) if other != "form" => {
            draft.warn(format!("the style '{}' is not known; lists are written as a=1&a=2", printable(other)));
            None
        }
        _ if !explode && (list || object) => Some("comma"),
        _ if object => Some("spread"),
        _ => None,
    }
}
