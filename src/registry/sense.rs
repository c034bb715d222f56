//! What a manifest says that cannot work, though every word of it is known and every name leads somewhere: two fields of one name, headers
//! that cannot be sent, bounds that nothing fits. Shared with the build script. For what people write: an import is a vendor's word.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::registry::credential::AuthKind;
use crate::registry::function::{Function, Place};
use crate::registry::header::is_ours;
use crate::registry::lint::Finding;
use crate::registry::manifest::Provider;

/// Words of a schema that are bounds of the same thing, the lower first.
const BOUNDS: [(&str, &str); 4] =
    [("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties")];

/// Everything that cannot work.
pub fn nonsense(provider: &Provider) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |place: String, message: String| findings.push(Finding { function: None, place, message });
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (at, field) in provider.credentials.iter().enumerate() {
        if seen.insert(&field.key, at).is_some() {
            say(
                format!("/credentials/{at}/key"),
                format!("the credential field '{}' is there already: give each a key of its own", field.key),
            );
        }
    }
    for (name, url) in &provider.servers {
        if let Some(why) = url.as_str().and_then(wrong_base) {
            say(format!("/servers/{name}"), format!("server '{name}' {why}"));
        }
    }
    let many = provider.auth.0.len() > 1;
    for (at, auth) in provider.auth.0.iter().enumerate() {
        let place = if many { format!("/auth/{at}/name") } else { String::from("/auth/name") };
        if matches!(auth.kind, AuthKind::Header | AuthKind::Hmac) {
            header(&auth.name, &place, "auth", &mut say);
        }
        let named = auth.signature.iter().flat_map(|signature| [&signature.timestamp_header, &signature.nonce_header]).flatten();
        named.for_each(|name| header(name, &place, "auth", &mut say));
    }
    fixed(&provider.headers, "/headers", &mut say);
    if let Some(name) = &provider.idempotency_header {
        header(name, "/idempotency_header", "idempotency_header", &mut say);
    }
    for (at, function) in provider.functions.iter().enumerate() {
        let id = &function.id;
        of_function(function, &mut |place: String, message| {
            findings.push(Finding { function: Some(id.clone()), place: format!("/functions/{at}{place}"), message });
        });
    }
    findings
}

/// Why a base URL cannot be one. What its fields bring in is checked where they are stored.
fn wrong_base(url: &str) -> Option<String> {
    let rest = url.split_once("://").map(|(_, rest)| rest)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((_, host)) = authority.rsplit_once('@') {
        return Some(format!("holds a user or password before {host}: use credentials and auth"));
    }
    if rest.contains(['?', '#']) {
        return Some(String::from("is a base URL and has no ? or #: fixed query parameters are 'query' of a function"));
    }
    if authority.is_empty() {
        return Some(String::from("names no host"));
    }
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(['{', '}', ']']))?;
    (!port.is_empty() && port.parse::<u16>().is_err()).then(|| format!("names the port {port}, which there cannot be"))
}

fn header(name: &str, place: &str, of: &str, say: &mut impl FnMut(String, String)) {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        say(place.to_owned(), format!("{of}: {name:?} cannot be the name of a header: letters, digits and -, such as X-Api-Key"));
    } else if is_ours(name) {
        say(place.to_owned(), format!("{of}: the header {name} belongs to the connection and cannot be set"));
    }
}

fn fixed(headers: &Map<String, Value>, place: &str, say: &mut impl FnMut(String, String)) {
    for (name, value) in headers {
        let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
        header(name, &place, "headers", say);
        if value.as_str().is_some_and(|text| text.chars().any(|c| c.is_control() && c != '\t')) {
            say(place, format!("headers: the value of {name} holds a line break or another control character"));
        }
    }
}

fn of_function(function: &Function, say: &mut impl FnMut(String, String)) {
    let (_, path) = function.method_and_path();
    if path.contains(['?', '#']) {
        say("/request".into(), "the path has no ? or #: write fixed query parameters as 'query', others as 'parameters'".into());
    }
    fixed(&function.headers, "/headers", say);
    let mut wires: HashMap<(Place, &str), &str> = HashMap::new();
    for (name, schema) in &function.parameters {
        let (place, wire) = (function.place(name), function.wire_name(name));
        let at = format!("/parameters/{name}");
        if let Some(other) = wires.insert((place, wire), name) {
            say(at.clone(), format!("parameters '{other}' and '{name}' are both sent as '{wire}': only one of them can be"));
        }
        if place == Place::Header {
            let member = schema.get("style").and_then(Value::as_str) == Some("json");
            let wire = if member { wire.split('.').next().unwrap_or(wire) } else { wire };
            header(wire, &at, &format!("parameter '{name}'"), say);
        }
        bounds(schema, &at, name, say);
    }
}

/// Nothing fits an empty list of values, or a least above the most.
fn bounds(schema: &Value, at: &str, name: &str, say: &mut impl FnMut(String, String)) {
    if schema.get("enum").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        say(format!("{at}/enum"), format!("parameter '{name}': an empty enum fits no value; list what it may be"));
    }
    for (low, high) in BOUNDS {
        let bound = |word: &str| schema.get(word).and_then(Value::as_f64);
        if let (Some(least), Some(most)) = (bound(low), bound(high))
            && least > most
        {
            say(format!("{at}/{low}"), format!("parameter '{name}': {low} {least} is above {high} {most}, so no value fits"));
        }
    }
}
