//! The body of an operation: the members of an object become arguments; what has no names is one argument.

use serde_json::{Value, json};

use crate::base::name::printable;
use crate::registry::function::{BodyForm, Place};
use crate::registry::import::openapi::doc::{Doc, Shape, kind, says, shape, word};
use crate::registry::import::openapi::draft::{Argument, Draft};
use crate::registry::import::openapi::{arguments, media};

static FILE: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({"type": "string", "format": "binary"}));
static TEXT: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({"type": "string"}));

/// The most arguments of one function.
pub const MOST: usize = 5_000;

/// Why an operation with so many arguments is left out.
pub fn too_many(count: usize) -> String {
    format!("it takes {count} arguments; at most {MOST} are taken")
}

/// Adds the body of an operation; the error says why it cannot be sent.
pub fn add<'a>(draft: &mut Draft<'a>, operation: &'a Value, parameters: &[&'a Value]) -> Result<(), String> {
    if draft.doc.old { old(draft, operation, parameters) } else { new(draft, operation) }
}

fn sends_none(draft: &mut Draft<'_>) -> bool {
    let none = matches!(draft.function.method_and_path().0, "GET" | "HEAD");
    if none {
        draft.warn("a body is described; none is sent with GET");
    }
    none
}

fn new<'a>(draft: &mut Draft<'a>, operation: &'a Value) -> Result<(), String> {
    let Some(written) = operation.get("requestBody") else { return Ok(()) };
    let body = draft.doc.resolve(written).map_err(|why| format!("its body cannot be read: {why}"))?;
    let Some(content) = body.get("content").and_then(Value::as_object).filter(|content| !content.is_empty()) else { return Ok(()) };
    let mute = !says(body, "required") && content.values().all(|of| says_nothing(&draft.doc, of.get("schema").unwrap_or(&Value::Null)));
    if matches!(draft.function.method_and_path().0, "GET" | "HEAD") && mute || sends_none(draft) {
        return Ok(());
    }
    let Some((media, of)) = media::best(&draft.doc, content) else { return Ok(()) };
    media::others(&draft.doc, content, media).into_iter().for_each(|warning| draft.warn(warning));
    let schema = of.get("schema").unwrap_or(&Value::Null);
    let needed = says(body, "required");
    match media::rank(media) {
        0 | 1 => json_body(draft, media, schema, of, needed),
        2 => form(draft, schema, of),
        3 => multipart(draft, schema, of),
        4 => json_body(draft, media, schema, of, needed),
        5 if draft.doc.resolve(schema).is_ok_and(|schema| matches!(kind(schema), Some("object" | "array"))) => {
            json_body(draft, "application/json", schema, of, needed)
        }
        _ if media.starts_with("multipart/") => Err(format!("its body is {}, which is not sent", printable(media))),
        _ => raw(draft, media, schema, of, needed),
    }
}

/// Whether a schema is that of an object without members.
fn says_nothing(doc: &Doc<'_>, schema: &Value) -> bool {
    let words = |key: &str| schema.get(key).and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
    let plain = ["$ref", "allOf", "anyOf", "oneOf", "items"].iter().all(|word| schema.get(word).is_none());
    plain && words("properties") && words("additionalProperties") && matches!(kind(schema), None | Some("object")) && !is_file(doc, schema)
}

fn old<'a>(draft: &mut Draft<'a>, operation: &'a Value, parameters: &[&'a Value]) -> Result<(), String> {
    let consumes = [operation, draft.doc.root].into_iter().find_map(|of| of.get("consumes")?.as_array());
    let medias: Vec<&'a str> = consumes.into_iter().flatten().filter_map(Value::as_str).collect();
    let fields: Vec<&'a Value> = parameters.iter().copied().filter(|one| word(one, "in") == Some("formData")).collect();
    if let Some(body) = parameters.iter().copied().find(|one| word(one, "in") == Some("body")) {
        if sends_none(draft) {
            return Ok(());
        }
        let schema = body.get("schema").unwrap_or(&Value::Null);
        let media = medias.iter().find(|media| media.contains("json")).or(medias.first()).copied().unwrap_or("application/json");
        if media.contains("json") || media == "*/*" {
            let media = if media == "*/*" { "application/json" } else { media };
            return json_body(draft, media, schema, body, says(body, "required"));
        }
        if media == "application/x-www-form-urlencoded" {
            return form(draft, schema, body);
        }
        return raw(draft, media, schema, body, says(body, "required"));
    }
    if fields.is_empty() || sends_none(draft) {
        return Ok(());
    }
    let files = fields.iter().any(|field| word(field, "type") == Some("file"));
    let multipart = files || (medias.contains(&"multipart/form-data") && !medias.contains(&"application/x-www-form-urlencoded"));
    draft.function.body = if multipart { BodyForm::Multipart } else { BodyForm::Form };
    for field in fields {
        let Some(name) = word(field, "name") else { continue };
        let schema = if word(field, "type") == Some("file") { &FILE } else { field };
        let style = if multipart { None } else { arguments::style(draft, field, field, Place::Query).or(Some("repeat")) };
        let id = draft.add(Argument { wire: name, place: Place::Body, schema, of: field, required: says(field, "required"), style });
        if word(field, "type") == Some("file") {
            draft.set(&id, "format", Value::from("binary"));
        }
    }
    Ok(())
}

/// Members with names that cannot stand for themselves.
fn is_odd(name: &str) -> bool {
    name.is_empty() || name.contains(['.', '['])
}

fn json_body<'a>(draft: &mut Draft<'a>, media: &'a str, schema: &'a Value, of: &'a Value, needed: bool) -> Result<(), String> {
    let media = media.split(';').next().unwrap_or_default().trim();
    if media != "application/json" {
        draft.function.content_type = Some(media.to_owned());
    }
    draft.body = example(draft, of, schema);
    let named = shape(&draft.doc, schema).filter(|shape| !shape.properties.iter().any(|(name, _)| is_odd(name)));
    if let Some(many) = named.as_ref().map(|shape| shape.properties.len()).filter(|many| *many > MOST) {
        draft.warn(format!("the body has {many} members: it is one argument, as more than {MOST} are no flags"));
    }
    match named.filter(|shape| shape.properties.len() <= MOST) {
        Some(shape) => members(draft, &shape, of),
        None => {
            draft.add(Argument { wire: ".", place: Place::Body, schema, of, required: needed, style: None });
            rename_whole(draft);
        }
    }
    Ok(())
}

/// The argument that is the whole body is called so.
fn rename_whole(draft: &mut Draft<'_>) {
    draft.rename_last("body");
}

/// What is given as an example of the body.
fn example<'a>(draft: &Draft<'a>, of: &'a Value, schema: &'a Value) -> Option<Value> {
    let maker = crate::registry::import::openapi::example::Maker { doc: draft.doc, theirs: true };
    maker.given(of).or_else(|| draft.doc.resolve(schema).ok().and_then(|schema| maker.given(schema)))
}

fn members<'a>(draft: &mut Draft<'a>, shape: &Shape<'a>, of: &'a Value) {
    for (name, property) in &shape.properties {
        if is_read_only(draft, property) {
            continue;
        }
        let style = form_style(draft, name, property, of);
        let required = shape.requires(name);
        let id = draft.add(Argument { wire: name, place: Place::Body, schema: property, of: property, required, style });
        draft.widen(&id, shape, name);
    }
    for group in &shape.any_of {
        let ids: Vec<String> = group.iter().filter_map(|wire| draft.argument(wire, Place::Body).map(str::to_owned)).collect();
        if ids.len() == group.len() {
            draft.function.any_of.push(ids);
        }
    }
    if shape.open {
        draft.warn("the body may have members that are not named; only named ones can be given");
    }
    if shape.loose {
        draft.warn("which members of the body go together is left to the service");
    }
}

fn is_read_only<'a>(draft: &Draft<'a>, property: &'a Value) -> bool {
    says(property, "readOnly") || draft.doc.resolve(property).is_ok_and(|property| says(property, "readOnly"))
}

/// How a member of a form is written; nothing where the body is no form.
fn form_style<'a>(draft: &mut Draft<'a>, name: &str, property: &'a Value, of: &'a Value) -> Option<&'static str> {
    if draft.function.body != BodyForm::Form {
        return None;
    }
    let encoding = of.get("encoding").and_then(|all| all.get(name));
    if encoding.and_then(|encoding| word(encoding, "contentType")).is_some_and(|kind| kind.contains("json")) {
        return Some("json");
    }
    if let Some(encoding) = encoding.filter(|encoding| encoding.get("style").is_some() || encoding.get("explode").is_some()) {
        return arguments::style(draft, encoding, property, Place::Query).or(Some("repeat"));
    }
    let shown = draft.doc.resolve(property).unwrap_or(property);
    Some(if kind(shown) == Some("object") { "deep" } else { "repeat" })
}

fn form<'a>(draft: &mut Draft<'a>, schema: &'a Value, of: &'a Value) -> Result<(), String> {
    draft.function.body = BodyForm::Form;
    draft.body = example(draft, of, schema);
    match shape(&draft.doc, schema) {
        Some(shape) if shape.properties.len() > MOST => return Err(too_many(shape.properties.len())),
        Some(shape) => members(draft, &shape, of),
        None if matches!(draft.doc.resolve(schema).ok().and_then(kind), None | Some("object")) => {
            draft.add(Argument { wire: ".", place: Place::Body, schema, of, required: false, style: None });
            rename_whole(draft);
        }
        None => return Err(String::from("its form is no object")),
    }
    Ok(())
}

pub(super) fn is_file(doc: &Doc<'_>, schema: &Value) -> bool {
    let binary = |schema: &Value| {
        word(schema, "format") == Some("binary")
            || word(schema, "type") == Some("file")
            || (schema.get("contentMediaType").is_some() && schema.get("contentEncoding").is_none())
    };
    // The schema is looked at where it stands: one that is referred to may be a file too.
    binary(schema) || crate::registry::import::openapi::doc::reference(schema).and_then(|to| doc.pointer(to).ok()).is_some_and(binary)
}

fn multipart<'a>(draft: &mut Draft<'a>, schema: &'a Value, of: &'a Value) -> Result<(), String> {
    draft.function.body = BodyForm::Multipart;
    draft.body = example(draft, of, schema);
    let Some(shape) = shape(&draft.doc, schema) else { return Err(String::from("its multipart body is no object")) };
    if shape.properties.len() > MOST {
        return Err(too_many(shape.properties.len()));
    }
    for (name, property) in &shape.properties {
        if is_read_only(draft, property) {
            continue;
        }
        let several =
            draft.doc.resolve(property).ok().and_then(|property| property.get("items")).is_some_and(|items| is_file(&draft.doc, items));
        let media = of.get("encoding").and_then(|all| all.get(*name)).and_then(|encoding| word(encoding, "contentType"));
        let typed = media.is_some_and(|media| !media.contains("json") && !media.starts_with("text/"));
        let bare = draft.doc.resolve(property).is_ok_and(|property| matches!(kind(property), None | Some("string")));
        let file = several || is_file(&draft.doc, property) || (typed && bare);
        if several {
            draft.warn(format!("'{}' takes several files; one can be sent with a call", printable(name)));
        }
        let schema = if file { &FILE } else { *property };
        let id = draft.add(Argument { wire: name, place: Place::Body, schema, of: property, required: shape.requires(name), style: None });
        if file {
            draft.set(&id, "format", Value::from("binary"));
        } else {
            draft.widen(&id, &shape, name);
        }
    }
    if shape.loose {
        draft.warn("which members of the body go together is left to the service");
    }
    Ok(())
}

fn raw<'a>(draft: &mut Draft<'a>, media: &'a str, schema: &'a Value, of: &'a Value, needed: bool) -> Result<(), String> {
    let kind = media.split(';').next().unwrap_or_default().trim();
    let text = kind.starts_with("text/")
        || kind.ends_with("xml")
        || kind.contains("yaml")
        || kind.contains("javascript")
        || kind.contains("graphql");
    draft.function.body = BodyForm::Raw;
    let method = draft.function.method_and_path().0.to_owned();
    if kind.contains('*') {
        draft.warn(format!("any content of {} may be sent; it is sent as application/octet-stream", printable(kind)));
    } else {
        draft.function.content_type = Some(kind.to_owned());
    }
    let resolved = draft.doc.resolve(schema).ok().and_then(crate::registry::import::openapi::doc::kind);
    if text && matches!(resolved, Some("object" | "array")) {
        draft.warn(format!("the body is written as {} by whoever calls", printable(kind)));
    }
    let shown = if text { &TEXT } else { &FILE };
    draft.add(Argument {
        wire: ".",
        place: Place::Body,
        schema: shown,
        of,
        required: needed || (!text && method != "DELETE"),
        style: None,
    });
    rename_whole(draft);
    if !text {
        draft.rename_last("file");
        draft.set("file", "format", Value::from("binary"));
    }
    Ok(())
}
