//! Arguments to a request, by the manifest alone: path, query, headers, body. No credentials here.
//! A path argument stays one encoded segment, a header value one line; what cannot is a problem of that argument.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use url::Url;

use crate::access::auth;
use crate::base::error::{Error, Problem, Result};
use crate::base::json::{insert, plain, sha256};
use crate::base::quote::percent;
use crate::call::args::Checked;
use crate::call::style;
use crate::config::files;
use crate::registry::function::{BodyForm, Function, Place};
use crate::registry::jq;
use crate::registry::lint::names_in;
use crate::registry::manifest::Provider;

/// A request without credentials.
#[derive(Debug, Clone)]
pub struct Built {
    pub method: String,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: BuiltBody,
}

/// Its body.
#[derive(Debug, Clone)]
pub enum BuiltBody {
    Empty,
    Json(Value),
    Form(Vec<(String, String)>),
    Multipart(Vec<(String, Content)>),
    Raw(Content),
}

/// Content that is not JSON.
#[derive(Debug, Clone)]
pub enum Content {
    Text(String),
    /// A part that says that it is JSON.
    Json(Value),
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// Builds the request of a function below a base URL.
pub fn build(provider: &Provider, function: &Function, base: &str, arguments: &Checked) -> Result<Built> {
    let mut problems = Vec::new();
    let (method, template) = function.method_and_path();
    let path = path(function, template, arguments, &mut problems);
    let query = query(function, arguments);
    let mut headers = headers(provider, function, arguments, &mut problems);
    let body = body(function, method, arguments, &mut problems)?;
    if !problems.is_empty() {
        return Err(Error::arguments(problems));
    }
    let url = join(base, &path, &query)?;
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.extend(content_type(function, &body).map(|kind| (String::from("content-type"), kind)));
    }
    Ok(Built { method: method.to_owned(), url, headers, body })
}

fn path(function: &Function, template: &str, arguments: &Checked, problems: &mut Vec<Problem>) -> String {
    let mut path = template.to_owned();
    for wire in names_in(template) {
        let Some(name) = function.parameters.keys().find(|name| function.wire_name(name) == wire) else {
            continue;
        };
        let argument = arguments.object.get(name);
        let text = argument.map(plain).unwrap_or_default();
        let whole = function.format(name) == Some("path");
        let segments: Vec<&str> = if whole { text.trim_start_matches('/').split('/').collect() } else { vec![text.as_str()] };
        let bad = segments.iter().any(|segment| matches!(*segment, "." | ".."))
            || (text.is_empty() && !whole)
            || (whole && segments.len() > 1 && segments.contains(&""));
        if bad {
            problems.push(Problem {
                pointer: format!("/{name}"),
                message: String::from("stands in the URL's path and must not be empty, '.' or '..'"),
            });
        }
        let encoded = match argument {
            Some(value) if !whole => style::segment(style_of(function, name), wire, value),
            _ => segments.into_iter().map(percent).collect::<Vec<_>>().join("/"),
        };
        path = path.replace(&format!("{{{wire}}}"), &encoded);
    }
    path
}

fn style_of<'a>(function: &'a Function, name: &str) -> &'a str {
    function.parameters.get(name).and_then(|schema| schema.get("style")).and_then(Value::as_str).unwrap_or_default()
}

/// Joins base, path and query; the result must be what was written, so that nothing in an argument moved the endpoint.
fn join(base: &str, path: &str, query: &[(String, String)]) -> Result<Url> {
    let mut text = format!("{}{path}", base.trim_end_matches('/'));
    if !query.is_empty() {
        let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{}={}", encode_name(name), percent(value))).collect();
        text.push('?');
        text.push_str(&pairs.join("&"));
    }
    let url = Url::parse(&text).map_err(|error| Error::internal(format!("'{text}' is no URL: {error}")))?;
    let base = Url::parse(base).map_err(|error| Error::internal(format!("'{base}' is no URL: {error}")))?;
    let expected = format!("{}{path}", base.path().trim_end_matches('/'));
    if url.origin() != base.origin() || (url.path() != expected && !(expected.is_empty() && url.path() == "/")) {
        return Err(Error::usage("an argument would change the endpoint; nothing was sent"));
    }
    Ok(url)
}

/// Names keep brackets readable: `filter[state]`.
fn encode_name(name: &str) -> String {
    percent(name).replace("%5B", "[").replace("%5D", "]")
}

fn query(function: &Function, arguments: &Checked) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = function.query.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    for (name, value) in placed(function, arguments, Place::Query) {
        let style = Some(style_of(function, name)).filter(|style| !style.is_empty()).unwrap_or("repeat");
        style::pairs(style, function.wire_name(name), value, &mut pairs);
    }
    pairs
}

fn headers(provider: &Provider, function: &Function, arguments: &Checked, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: String| {
        let name = name.to_lowercase();
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
    };
    set("accept", String::from("application/json"));
    for (name, value) in provider.headers.iter().chain(&function.headers) {
        set(name, plain(value));
    }
    let mut objects: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for (name, value) in placed(function, arguments, Place::Header) {
        if value.is_null() {
            continue;
        }
        if style_of(function, name) == "json" {
            let (header, member) = function.wire_name(name).split_once('.').unwrap_or((function.wire_name(name), "."));
            objects.entry(header.to_owned()).or_default().push((member.to_owned(), value.clone()));
            continue;
        }
        let text = style::line(style_of(function, name), value);
        if text.chars().any(|c| c.is_control() && c != '\t') {
            problems.push(Problem {
                pointer: format!("/{name}"),
                message: String::from("is sent as a header and must not hold control characters"),
            });
            continue;
        }
        set(function.wire_name(name), text);
    }
    let cookies: Vec<String> = placed(function, arguments, Place::Cookie)
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| format!("{}={}", percent(function.wire_name(name)), percent(style::line(style_of(function, name), value))))
        .collect();
    if !cookies.is_empty() {
        set("cookie", cookies.join("; "));
    }
    for (name, members) in objects {
        set(&name, ascii(&json_of(members)));
    }
    headers
}

/// One JSON value of the arguments that make up a header.
fn json_of(members: Vec<(String, Value)>) -> Value {
    let mut object = Map::new();
    for (member, value) in members {
        if member == "." {
            return value;
        }
        insert(&mut object, &member, value);
    }
    Value::Object(object)
}

/// JSON that a header can carry: everything beyond ASCII escaped.
fn ascii(value: &Value) -> String {
    let mut units = [0; 2];
    let escape = |c: char, units: &mut [u16; 2]| c.encode_utf16(units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    value.to_string().chars().map(|c| if matches!(c, ' '..='~') { c.to_string() } else { escape(c, &mut units) }).collect()
}

fn placed<'a>(function: &'a Function, arguments: &'a Checked, place: Place) -> impl Iterator<Item = (&'a String, &'a Value)> {
    arguments.object.iter().filter(move |(name, _)| function.place(name) == place && function.parameters.contains_key(*name))
}

fn body(function: &Function, method: &str, arguments: &Checked, problems: &mut Vec<Problem>) -> Result<BuiltBody> {
    if let Some(document) = &function.graphql {
        return Ok(BuiltBody::Json(json!({"query": document.trim(), "variables": members(function, arguments)})));
    }
    let takes = function.parameters.keys().any(|name| function.place(name) == Place::Body)
        || !function.fields.is_empty()
        || function.build.is_some();
    if function.body == BodyForm::None || matches!(method, "GET" | "HEAD") || !takes {
        return Ok(BuiltBody::Empty);
    }
    match function.body {
        BodyForm::Json | BodyForm::None => json_body(function, arguments),
        BodyForm::Form => form(function, arguments).map(BuiltBody::Form),
        BodyForm::Multipart => Ok(BuiltBody::Multipart(parts(function, arguments, problems))),
        BodyForm::Raw => Ok(BuiltBody::Raw(raw(function, arguments, problems))),
    }
}

/// What has a style of its own is written so; the rest is built as JSON would be and written with brackets.
fn form(function: &Function, arguments: &Checked) -> Result<Vec<(String, String)>> {
    let styled = |name: &String| function.place(name) == Place::Body && !style_of(function, name).is_empty();
    let (own, rest): (Map<_, _>, Map<_, _>) =
        arguments.object.iter().map(|(name, value)| (name.clone(), value.clone())).partition(|(name, _)| styled(name));
    let Value::Object(object) = json_value(function, &Checked { object: rest, files: arguments.files.clone() })? else {
        return Err(Error::internal("a form body must be an object"));
    };
    let mut pairs = Vec::new();
    object.iter().for_each(|(name, value)| style::brackets(name, value, &mut pairs));
    own.iter().for_each(|(name, value)| style::pairs(style_of(function, name), function.wire_name(name), value, &mut pairs));
    Ok(pairs)
}

fn json_body(function: &Function, arguments: &Checked) -> Result<BuiltBody> {
    let nothing_to_send =
        function.method_and_path().0 == "DELETE" && function.fields.is_empty() && placed(function, arguments, Place::Body).next().is_none();
    if nothing_to_send {
        return Ok(BuiltBody::Empty);
    }
    json_value(function, arguments).map(BuiltBody::Json)
}

fn json_value(function: &Function, arguments: &Checked) -> Result<Value> {
    let mut value = match &function.build {
        Some(program) => {
            let own: Map<String, Value> =
                placed(function, arguments, Place::Body).map(|(name, value)| (name.clone(), value.clone())).collect();
            jq::apply(program, &Value::Object(own)).map_err(|why| Error::usage(format!("The request body cannot be built: {why}")))?
        }
        None => members(function, arguments),
    };
    if let Value::Object(object) = &mut value {
        for (name, fixed) in &function.fields {
            insert(object, name, filled(fixed, arguments));
        }
    }
    Ok(value)
}

/// A fixed member; `{name}` stands for that argument.
fn filled(fixed: &Value, arguments: &Checked) -> Value {
    let name = fixed.as_str().and_then(|text| text.strip_prefix('{')?.strip_suffix('}'));
    name.and_then(|name| arguments.object.get(name)).unwrap_or(fixed).clone()
}

fn members(function: &Function, arguments: &Checked) -> Value {
    let mut object = Map::new();
    for (name, value) in placed(function, arguments, Place::Body) {
        match function.wire_name(name) {
            "." => return value.clone(),
            wire if wire.contains('[') => _ = object.insert(wire.to_owned(), value.clone()),
            wire => insert(&mut object, wire, value.clone()),
        }
    }
    Value::Object(object)
}

fn content(function: &Function, name: &str, value: &Value, problems: &mut Vec<Problem>) -> Content {
    match (function.format(name), value) {
        (Some("binary"), Value::String(text)) => match STANDARD.decode(text) {
            Ok(bytes) => Content::Bytes(bytes),
            Err(_) => {
                problems.push(Problem {
                    pointer: format!("/{name}"),
                    message: String::from("must be base64 in a JSON payload, or a file: --flag=@path"),
                });
                Content::Text(String::new())
            }
        },
        (_, scalar) => Content::Text(plain(scalar)),
    }
}

fn parts(function: &Function, arguments: &Checked, problems: &mut Vec<Problem>) -> Vec<(String, Content)> {
    let mut parts: Vec<(String, Content)> =
        function.fields.iter().map(|(name, value)| (name.clone(), Content::Text(plain(value)))).collect();
    for (name, value) in placed(function, arguments, Place::Body) {
        let wire = function.wire_name(name).to_owned();
        match value {
            Value::Null => {}
            Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
                parts.extend(items.iter().map(|item| (wire.clone(), Content::Text(plain(item)))));
            }
            Value::Object(_) | Value::Array(_) => parts.push((wire, Content::Json(value.clone()))),
            other => parts.push((wire, content(function, name, other, problems))),
        }
    }
    parts.extend(arguments.files.iter().map(|(name, path)| (function.wire_name(name).to_owned(), Content::File(path.clone()))));
    parts
}

fn raw(function: &Function, arguments: &Checked, problems: &mut Vec<Problem>) -> Content {
    if let Some(path) = arguments.files.values().next() {
        return Content::File(path.clone());
    }
    match placed(function, arguments, Place::Body).next() {
        Some((name, value)) => content(function, name, value, problems),
        None => Content::Text(String::new()),
    }
}

fn content_type(function: &Function, body: &BuiltBody) -> Option<String> {
    let usual = match body {
        BuiltBody::Empty | BuiltBody::Multipart(_) => return None,
        BuiltBody::Json(_) => "application/json",
        BuiltBody::Form(_) => "application/x-www-form-urlencoded",
        BuiltBody::Raw(_) => "application/octet-stream",
    };
    Some(function.content_type.clone().unwrap_or_else(|| usual.to_owned()))
}

/// The form body's bytes.
pub fn form_text(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The request as JSON, for people and tickets. Files are shown by path, size and SHA-256.
pub fn preview(built: &Built, auth: &auth::Preview) -> Value {
    let mut headers: Map<String, Value> = built.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    headers.extend(auth.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
    let mut url = built.url.to_string();
    for (marker, value) in &auth.path {
        url = url.replace(marker, value);
    }
    for (name, value) in &auth.query {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&format!("{name}={value}"));
    }
    let body = match &built.body {
        BuiltBody::Empty => Value::Null,
        BuiltBody::Json(value) => value.clone(),
        BuiltBody::Form(pairs) => json!({"form": pairs.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>()}),
        BuiltBody::Multipart(parts) => {
            json!({"multipart": parts.iter().map(|(name, content)| json!([name, shown(content)])).collect::<Vec<_>>()})
        }
        BuiltBody::Raw(content) => shown(content),
    };
    json!({"method": built.method, "url": url, "headers": headers, "body": body})
}

fn shown(content: &Content) -> Value {
    match content {
        Content::Text(text) => Value::from(text.as_str()),
        Content::Json(value) => Value::from(value.to_string()),
        Content::Bytes(bytes) => {
            json!({"bytes": bytes.len(), "sha256": sha256(bytes)})
        }
        Content::File(path) => {
            json!({"file": path.display().to_string(), "bytes": std::fs::metadata(path).map_or(0, |meta| meta.len()), "sha256": files::sha256(path)})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(extra: Value) -> Function {
        let mut base = json!({
            "id": "f", "title": "F", "description": "F.", "operation": "write", "request": "POST /a/{id}/b", "examples": [],
            "parameters": {"id": {"type": "string"}}, "required": ["id"]
        });
        if let (Value::Object(base), Value::Object(extra)) = (&mut base, extra) {
            base.extend(extra);
        }
        serde_json::from_value(base).unwrap()
    }

    fn provider() -> Provider {
        serde_json::from_value(json!({"id": "p", "title": "P", "description": "P.", "category": "c", "auth_strategy": "none"})).unwrap()
    }

    fn built(function: &Function, arguments: Value) -> Result<Built> {
        let Value::Object(object) = arguments else { panic!("an object") };
        build(&provider(), function, "https://api.example/v1", &Checked { object, ..Checked::default() })
    }

    #[test]
    fn a_path_argument_stays_one_segment() {
        let function = function(json!({}));
        for (value, path) in [
            ("../../admin", "/v1/a/..%2F..%2Fadmin/b"),
            ("..%2f", "/v1/a/..%252f/b"),
            ("%2e%2e/", "/v1/a/%252e%252e%2F/b"),
            ("a/b", "/v1/a/a%2Fb/b"),
            ("a?x=1", "/v1/a/a%3Fx%3D1/b"),
            ("a#b", "/v1/a/a%23b/b"),
            (";x", "/v1/a/%3Bx/b"),
            ("ä\\", "/v1/a/%C3%A4%5C/b"),
        ] {
            assert_eq!(built(&function, json!({"id": value})).unwrap().url.path(), path);
        }
        for value in ["", ".", ".."] {
            assert!(built(&function, json!({"id": value})).is_err(), "{value}");
        }
    }

    #[test]
    fn a_whole_path_keeps_its_slashes() {
        let function = function(json!({"request": "GET /c/{id}", "parameters": {"id": {"type": "string", "format": "path"}}}));
        assert_eq!(built(&function, json!({"id": "src/a b.rs"})).unwrap().url.path(), "/v1/c/src/a%20b.rs");
        assert!(built(&function, json!({"id": "src/../../x"})).is_err());
        assert!(built(&function, json!({"id": "a//b"})).is_err());
    }

    #[test]
    fn headers_cannot_be_split() {
        let function = function(json!({"parameters": {"id": {}, "h": {"in": "header", "as": "X-H"}}}));
        assert!(built(&function, json!({"id": "1", "h": "a\r\nx: y"})).is_err());
        assert!(built(&function, json!({"id": "1", "h": "a\0"})).is_err());
        assert!(built(&function, json!({"id": "1", "h": "fine"})).unwrap().headers.contains(&("x-h".into(), "fine".into())));
    }

    #[test]
    fn bodies_nest_and_forms_use_brackets() {
        let parameters = json!({"id": {}, "a": {"as": "x.y"}, "list": {}, "meta": {}});
        let json_form = function(json!({"parameters": parameters, "fields": {"fixed": 1}}));
        let BuiltBody::Json(body) = built(&json_form, json!({"id": "1", "a": null})).unwrap().body else { panic!("json") };
        assert_eq!(body, json!({"x": {"y": null}, "fixed": 1}));
        let form = function(json!({"parameters": {"id": {}, "items": {}, "meta": {}, "expand": {}}, "body": "form"}));
        let BuiltBody::Form(pairs) =
            built(&form, json!({"id": "1", "items": [{"p": 1}], "meta": {"k": "v"}, "expand": ["a", "b"]})).unwrap().body
        else {
            panic!("form")
        };
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["items[0][p]=1", "meta[k]=v", "expand[]=a", "expand[]=b"]);
    }

    #[test]
    fn a_header_can_be_one_json_object() {
        let parameters = json!({"id": {}, "p": {"in": "header", "style": "json", "as": "X-Arg.path"}, "m": {"in": "header", "style": "json", "as": "X-Arg.mode.tag"}});
        let built = built(&function(json!({"parameters": parameters})), json!({"id": "1", "p": "/a\r\nb: ü😀", "m": "add"})).unwrap();
        let value = built.headers.iter().find(|(name, _)| name == "x-arg").map(|(_, value)| value.as_str());
        assert_eq!(value, Some(r#"{"path":"/a\r\nb: \u00fc\ud83d\ude00","mode":{"tag":"add"}}"#));
    }

    #[test]
    fn queries_follow_their_style() {
        let parameters = json!({"id": {}, "r": {"in": "query"}, "c": {"in": "query", "style": "comma"}, "b": {"in": "query", "style": "brackets"}, "j": {"in": "query", "style": "json"}});
        let function = function(json!({"parameters": parameters}));
        let url =
            built(&function, json!({"id": "1", "r": ["a b", "&"], "c": [1, 2], "b": {"k": true, "l": ["x"]}, "j": [1], "gone": null}))
                .unwrap()
                .url;
        assert_eq!(url.query(), Some("r=a%20b&r=%26&c=1%2C2&b[k]=true&b[l][]=x&j=%5B1%5D"));
    }
}
