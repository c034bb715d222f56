//! The form in which requests and answers are written down: `schemas/exchanges.json`. What `--record` writes, what `--replay` reads and
//! what stands beside a manifest as its tests are the same files. A request is described without credentials and without its host.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use url::{Origin, Url};

use crate::base::json::{canonical, plain, sha256};
use crate::base::name::printable;
use crate::call::body::{Built, BuiltBody, Content};

/// What stands in an answer for scheme, host and port that the request went to.
const SERVER: &str = "{server}";

/// Contents of parts longer than this are described by their digest.
const LONGEST_PART: usize = 16_384;

/// An answer that was recorded.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Step {
    pub request: Value,
    pub response: Value,
}

/// The requests and answers of a case, in their order.
pub fn steps(case: &Value) -> Vec<Step> {
    let one = |step: &Value| Some(Step { request: step.get("request")?.clone(), response: step.get("response")?.clone() });
    match case.get("steps").and_then(Value::as_array) {
        Some(steps) => steps.iter().filter_map(one).collect(),
        None => one(case).into_iter().collect(),
    }
}

/// A request as a case describes it.
pub fn request(built: &Built) -> Value {
    let mut request = json!({"method": built.method, "path": built.url.path()});
    let query = multimap(built.url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())));
    if !query.is_empty() {
        request["query"] = Value::Object(query);
    }
    match &built.body {
        BuiltBody::Empty => {}
        BuiltBody::Json(value) => request["json"] = value.clone(),
        BuiltBody::Form(pairs) => request["form"] = Value::Object(multimap(pairs.iter().cloned())),
        BuiltBody::Multipart(parts) => {
            request["multipart"] =
                parts.iter().map(|(name, content)| (name.clone(), Value::from(part(content)))).collect::<Map<_, _>>().into();
        }
        BuiltBody::Raw(content) => request["text"] = part(content).into(),
    }
    request
}

/// Content as text, or what is known of it where it is none or long.
fn part(content: &Content) -> String {
    let bytes = match content {
        Content::Text(text) => text.clone().into_bytes(),
        Content::Json(value) => value.to_string().into_bytes(),
        Content::Bytes(bytes) => bytes.clone(),
        Content::File(path) => std::fs::read(path).unwrap_or_default(),
    };
    match String::from_utf8(bytes) {
        Ok(text) if text.len() <= LONGEST_PART => text,
        Ok(text) => format!("sha256:{}", sha256(text.as_bytes())),
        Err(other) => format!("sha256:{}", sha256(other.as_bytes())),
    }
}

fn multimap(pairs: impl Iterator<Item = (String, String)>) -> Map<String, Value> {
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    pairs.for_each(|(name, value)| lists.entry(name).or_default().push(value));
    lists
        .into_iter()
        .map(|(name, values)| (name, if let [one] = &values[..] { Value::from(one.as_str()) } else { values.into() }))
        .collect()
}

/// What two requests of a provider have in common when one answer fits both.
pub fn key(provider: &str, request: &Value) -> String {
    let lists = |word: &str| -> Value {
        let pairs = request.get(word).and_then(Value::as_object).into_iter().flatten();
        let list = |value: &Value| if value.is_array() { value.clone() } else { json!([value]) };
        pairs.map(|(name, value)| (name.clone(), list(value))).collect::<Map<_, _>>().into()
    };
    let body =
        ["json", "multipart", "text"].into_iter().find_map(|word| Some((word, request.get(word)?))).filter(|(_, value)| !empty(value));
    let about = json!([provider, request.get("method"), request.get("path"), lists("query"), lists("form"), body.map(|(_, value)| value)]);
    canonical(&about)
}

/// A request as one line for people.
pub fn asked(request: &Value) -> String {
    let word = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in request.get("query").and_then(Value::as_object).into_iter().flatten() {
        for one in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            query.append_pair(name, &plain(one));
        }
    }
    let query = query.finish();
    printable(&format!("{} {}{}{query}", word("method"), word("path"), if query.is_empty() { "" } else { "?" }))
}

/// A JSON body that says nothing is the same as none.
fn empty(body: &Value) -> bool {
    body.as_object().is_some_and(Map::is_empty) || body.as_str().is_some_and(str::is_empty)
}

/// An answer as a case describes it.
pub fn response(answer: &Recorded, url: &Url) -> Value {
    let origin = origin(url);
    let mut said = json!({"status": answer.status});
    let headers: Map<String, Value> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["set-cookie", "authorization", "www-authenticate"].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), Value::from(value.replace(&origin, SERVER))))
        .collect();
    if !headers.is_empty() {
        said["headers"] = Value::Object(headers);
    }
    match std::str::from_utf8(&answer.body) {
        Ok("") => {}
        Ok(text) => {
            let text = text.replace(&origin, SERVER);
            match serde_json::from_str::<Value>(&text).ok().filter(|value| value.is_object() || value.is_array()) {
                Some(value) => said["json"] = value,
                None => said["text"] = text.into(),
            }
        }
        Err(_) => said["base64"] = STANDARD.encode(&answer.body).into(),
    }
    said
}

/// The answer that a case describes, to a request for a URL.
pub fn recorded(response: &Value, url: &Url) -> Option<Recorded> {
    let origin = origin(url);
    let body = match (response.get("json"), response.get("text"), response.get("base64")) {
        (Some(value), ..) => value.to_string().replace(SERVER, &origin).into_bytes(),
        (_, Some(text), _) => text.as_str()?.replace(SERVER, &origin).into_bytes(),
        (.., Some(bytes)) => STANDARD.decode(bytes.as_str()?).ok()?,
        _ => Vec::new(),
    };
    let headers = response.get("headers").and_then(Value::as_object).into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.replace(SERVER, &origin)))).collect();
    let status = response.get("status").map_or(Some(200), |status| u16::try_from(status.as_u64()?).ok())?;
    Some(Recorded { status, headers, body })
}

fn origin(url: &Url) -> String {
    match url.origin() {
        Origin::Opaque(_) => String::from(SERVER),
        tuple @ Origin::Tuple(..) => tuple.ascii_serialization(),
    }
}

/// What differs between a request that would leave and the one of a case; `always` is what every request must carry.
pub fn differences(sent: &Sent, wanted: &Value, always: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let word = |request: &Value, key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for key in ["method", "path"] {
        if word(&sent.request, key) != word(wanted, key) {
            said.push(format!("{key} is {} instead of {}", word(&sent.request, key), word(wanted, key)));
        }
    }
    let mut query = lists(wanted.get("query"));
    lists(always.get("query")).into_iter().for_each(|(name, values)| query.entry(name).or_default().extend(values));
    let has = lists(sent.request.get("query"));
    if has != query {
        said.push(format!("query is {has:?} instead of {query:?}"));
    }
    let own = wanted.get("headers").and_then(Value::as_object);
    let usual = always.get("headers").and_then(Value::as_object);
    let usual = usual.into_iter().flatten().filter(|(name, _)| !own.is_some_and(|own| own.contains_key(*name)));
    for (name, value) in own.into_iter().flatten().chain(usual) {
        let has = sent.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        if has != value.as_str() {
            said.push(format!("header {name} is {} instead of {value}", has.unwrap_or("missing")));
        }
    }
    said.extend(wrong_body(&sent.request, wanted));
    said
}

fn wrong_body(sent: &Value, wanted: &Value) -> Option<String> {
    for word in ["json", "multipart", "text"] {
        let (has, should) = (sent.get(word).filter(|body| !empty(body)), wanted.get(word).filter(|body| !empty(body)));
        if has != should {
            let shown = |body: Option<&Value>| body.map_or_else(|| String::from("none"), ToString::to_string);
            return Some(format!("{word} body is {} instead of {}", shown(has), shown(should)));
        }
    }
    let (has, should) = (lists(sent.get("form")), lists(wanted.get("form")));
    (has != should).then(|| format!("form is {has:?} instead of {should:?}"))
}

fn lists(value: Option<&Value>) -> BTreeMap<String, Vec<Value>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    value.and_then(Value::as_object).into_iter().flatten().map(|(name, value)| (name.clone(), list(value))).collect()
}

/// A request that would have left, credentials on it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// As a case describes it.
    pub request: Value,
    pub headers: Vec<(String, String)>,
}
