//! What must hold in a manifest beyond its schema, all problems at once. Shared with the build script.
//! Examples against schemas and jq programs are checked elsewhere: they need an engine.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::registry::credential::{Auth, AuthKind, Credential, CredentialKind, Encoding, Grant, Signature};
use crate::registry::function::{Function, NO_LUA, Operation, PLACEMENT_WORDS, Place, WORKFLOWS};
use crate::registry::manifest::{PageStyle, Pagination, Provider};

/// The longest list of names that a message shows.
const MOST_SHOWN: usize = 12;

/// One thing wrong, with the function it is in and the place.
#[derive(Debug)]
pub struct Finding {
    pub function: Option<String>,
    /// JSON Pointer into the manifest.
    pub place: String,
    pub message: String,
}

/// Checks a whole manifest. `built_in` ones alone may name native functions.
pub fn lint(provider: &Provider, built_in: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (at, function) in provider.functions.iter().enumerate() {
        let mut say = |place: &str, message: String| {
            findings.push(Finding { function: Some(function.id.clone()), place: format!("/functions/{at}{place}"), message });
        };
        if !seen.insert(function.id.as_str()) {
            say("/id", "is defined twice: give each function an id of its own".into());
        }
        if function.native.is_some() && !built_in {
            say("/native", "native functions are for built-in manifests".into());
        }
        if function.lua.is_some() {
            say("/lua", NO_LUA.into());
        }
        lint_function(provider, function, &mut say);
    }
    let mut say = |place: &str, message: String| findings.push(Finding { function: None, place: place.to_owned(), message });
    if !crate::registry::index::is_provider_id(&provider.id) {
        say("/id", format!("id '{}' must be a-z, 0-9 and _, at most 63 characters", provider.id));
    }
    if provider.id == WORKFLOWS {
        say("/id", format!("the id '{WORKFLOWS}' is that of workflow files"));
    }
    lint_templates(provider, &mut say);
    if let Some(verify) = &provider.verify {
        match provider.functions.iter().find(|function| &function.id == verify) {
            Some(function) if function.operation == Operation::Read && function.required.is_empty() => {}
            _ => {
                say("/verify", format!("verify: '{verify}' is no read function without required parameters; name one, or leave verify out"))
            }
        }
    }
    for (name, written) in &provider.paginations {
        if let Err(error) = Pagination::deserialize(written) {
            say(&format!("/paginations/{name}"), format!("paginations.{name}: {error}"));
        }
    }
    findings
}

fn lint_templates(provider: &Provider, say: &mut impl FnMut(&str, String)) {
    let field = |key: &str| provider.credentials.iter().find(|field| field.key == key);
    let fields: Vec<&str> = provider.credentials.iter().map(|field| field.key.as_str()).collect();
    let servers = names(&provider.servers);
    for auth in &provider.auth.0 {
        for key in auth.templates().into_iter().flat_map(names_in) {
            let part = auth.kind == AuthKind::Hmac && Signature::PARTS.contains(&key);
            if !part && field(key).is_none() {
                say("/auth", format!("auth names '{key}', which is no credential field{}", instead(&fields)));
            }
        }
        for name in auth.servers.iter().filter(|name| !provider.servers.contains_key(*name)) {
            say("/auth", format!("auth names the server '{name}', which is not defined{}", instead(&servers)));
        }
        lint_signature(auth, &|key| field(key).is_some(), &mut |said| say("/auth", said));
    }
    lint_oauth(provider, &mut |said| say("/oauth", said));
    for other in provider.credentials.iter().flat_map(|field| &field.unless).filter(|other| field(other).is_none()) {
        say("/credentials", format!("credentials: unless names '{other}', which is no credential field"));
    }
    for (name, url) in &provider.servers {
        let place = format!("/servers/{name}");
        for key in names_in(url.as_str().unwrap_or_default()) {
            match field(key) {
                None => say(&place, format!("server '{name}' names '{key}', which is no credential field{}", instead(&fields))),
                Some(field) if field.secret && !in_path(provider, url.as_str().unwrap_or_default(), key) => {
                    say(&place, format!("server '{name}' names '{key}', which is secret"));
                }
                Some(_) => {}
            }
        }
    }
    let local = provider.functions.iter().all(|function| function.native.is_some());
    if !local && !provider.servers.contains_key("default") {
        say("/servers", "servers.default is missing: the base URL, such as servers: {default: \"https://api.example.com\"}".into());
    }
}

/// Whether a secret stands in the path of a base URL, and `auth` places it there.
fn in_path(provider: &Provider, url: &str, key: &str) -> bool {
    let host = url.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or(url);
    let placed = |auth: &Auth| auth.kind == AuthKind::Path && auth.value == format!("{{{key}}}");
    !host.contains('{') && provider.auth.0.iter().any(placed)
}

fn lint_signature(auth: &Auth, is_field: &dyn Fn(&str) -> bool, say: &mut impl FnMut(String)) {
    let signed = matches!(auth.kind, AuthKind::Sigv4 | AuthKind::Hmac);
    let Some(signature) = &auth.signature else {
        return if signed {
            say("auth: a placement that signs needs 'signature'".into())
        };
    };
    if !signed {
        say("auth: 'signature' is for the types sigv4 and hmac".into());
    }
    if signature.encoding == Encoding::Text {
        say("auth: a signature is written in hex or base64".into());
    }
    for key in signature.templates().into_iter().flat_map(names_in) {
        if !is_field(key) && !Signature::PARTS.contains(&key) {
            say(format!("a signature names '{key}', which is no credential field and no part of a request"));
        }
    }
}

/// What signing in needs are fields of the account, secret where they are secrets.
fn lint_oauth(provider: &Provider, say: &mut impl FnMut(String)) {
    let Some(oauth) = &provider.oauth else { return };
    let mut needed = vec![(oauth.token_field.as_str(), true)];
    let by = |grant: Grant| oauth.grants.contains(&grant);
    if by(Grant::AuthorizationCode) || by(Grant::DeviceCode) {
        needed.extend([("client_id", false), ("client_secret", true), ("refresh_token", true)]);
    }
    if by(Grant::ClientCredentials) {
        needed.extend([("client_id", false), ("client_secret", true)]);
    }
    if by(Grant::ServiceAccount) {
        needed.push(("service_account", true));
    }
    needed.dedup();
    for (key, secret) in needed {
        match provider.credentials.iter().find(|field| field.key == key) {
            None => say(format!("oauth needs the credential field '{key}'")),
            Some(field) if secret && !field.secret => say(format!("oauth: the credential field '{key}' must be secret")),
            Some(_) => {}
        }
    }
    for key in oauth.keep.keys().filter(|key| !provider.credentials.iter().any(|field| field.key == **key)) {
        say(format!("oauth.keep names '{key}', which is no credential field"));
    }
    for address in oauth.addresses() {
        for key in names_in(address) {
            match provider.credentials.iter().find(|field| field.key == key) {
                Some(field) if !field.secret => lint_server_field(field, address, say),
                _ => say(format!("an address of oauth names '{key}', which is no credential field that may be shown")),
            }
        }
    }
}

/// What says which server secrets are sent to is checked where it is stored.
fn lint_server_field(field: &Credential, address: &str, say: &mut impl FnMut(String)) {
    let mark = format!("{{{}}}", field.key);
    let (before, after) = address.split_once(&mark).unwrap_or_default();
    let (fits, kinds) = match before.split_once("://") {
        None => (field.kind == CredentialKind::Url, "url"),
        Some((_, host)) if host.contains('/') => return,
        // A part of a host, such as the name of a tenant, is text: it is looked at where it is put in.
        Some((_, host)) if !host.is_empty() || !(after.is_empty() || after.starts_with('/')) => {
            (field.kind != CredentialKind::Url, "host or text")
        }
        Some(_) => (field.kind == CredentialKind::Host, "host"),
    };
    if !fits {
        say(format!("the credential field '{}' says which server an address of oauth is at: its kind must be {kinds}", field.key));
    }
}

fn lint_function(provider: &Provider, function: &Function, say: &mut impl FnMut(&str, String)) {
    let (method, path) = function.method_and_path();
    let (known, servers) = (names(&function.parameters), names(&provider.servers));
    if function.operation == Operation::Read && !matches!(method, "GET" | "HEAD" | "NATIVE") && function.read_because.is_none() {
        say("/operation", format!("is a read by {method} without read_because: say why it changes nothing, or that it is a write"));
    }
    if function.operation != Operation::Read && matches!(method, "GET" | "HEAD") && function.idempotent {
        say("/idempotent", format!("is a {} by {method}; it cannot be idempotent", function.operation.as_str()));
    }
    if function.idempotency_header.is_some() && function.operation == Operation::Read {
        say("/operation", String::from("is a read; it needs no idempotency_header"));
    }
    if let Some(server) = function.server.as_ref().filter(|server| !provider.servers.contains_key(*server)) {
        say("/server", format!("server '{server}' is not defined{}", instead(&servers)));
    }
    for name in function.fields.values().filter_map(Value::as_str).flat_map(names_in) {
        if !function.parameters.contains_key(name) {
            say("/fields", format!("fields name '{name}', which is no parameter"));
        }
    }
    for wire in names_in(path) {
        match function.parameters.keys().find(|name| function.wire_name(name) == wire) {
            None => say("/request", format!("path names '{wire}', which is no parameter{}", instead(&known))),
            Some(name) => {
                let has_default = function.parameters[name].get("default").is_some();
                if !has_default && !function.required.contains(name) {
                    say(&format!("/parameters/{name}"), format!("path parameter '{name}' must be required or have a default"));
                }
            }
        }
    }
    lint_schemas(function, say);
    for (name, schema) in &function.parameters {
        for word in PLACEMENT_WORDS {
            if schema.get(word).is_some_and(|value| !value.is_string()) {
                say(&format!("/parameters/{name}/{word}"), format!("parameter '{name}': '{word}' must be text"));
            }
        }
        if function.place(name) == Place::Path && !names_in(path).any(|wire| wire == function.wire_name(name)) {
            say(&format!("/parameters/{name}"), format!("path does not name parameter '{name}'"));
        }
    }
    lint_pagination(provider, function, say);
}

/// What holds for the parameters of any function: they are schemas, and what is required is there.
pub fn lint_schemas(function: &Function, say: &mut impl FnMut(&str, String)) {
    let known = names(&function.parameters);
    let groups = function.any_of.iter().flatten().map(|name| ("/any_of", name));
    for (place, name) in function.required.iter().map(|name| ("/required", name)).chain(groups) {
        if !function.parameters.contains_key(name) {
            say(place, format!("required parameter '{name}' is not defined{}", instead(&known)));
        }
    }
    for (name, schema) in &function.parameters {
        if !schema.is_object() {
            say(&format!("/parameters/{name}"), format!("parameter '{name}' must be a JSON Schema object"));
        }
        if let Some(word) = schema.get("required").filter(|word| word.is_boolean()) {
            say(
                &format!("/parameters/{name}/required"),
                format!("parameter '{name}': write `required: [..., {name}]` instead of required: {word}"),
            );
        }
    }
}

fn lint_pagination(provider: &Provider, function: &Function, say: &mut impl FnMut(&str, String)) {
    let written = match &function.pagination {
        None => return,
        Some(Value::String(name)) => match provider.paginations.get(name) {
            Some(written) => written,
            None => return say("/pagination", format!("pagination '{name}' is not defined{}", instead(&names(&provider.paginations)))),
        },
        Some(inline) => inline,
    };
    match Pagination::deserialize(written) {
        Err(error) => say("/pagination", format!("pagination: {error}")),
        Ok(pagination) => {
            for name in [&pagination.parameter, &pagination.limit].into_iter().flatten() {
                if !function.parameters.contains_key(name) {
                    say(
                        "/pagination",
                        format!("pagination names '{name}', which is no parameter{}", instead(&names(&function.parameters))),
                    );
                }
            }
            let style = pagination.style;
            if matches!(style, PageStyle::Cursor | PageStyle::Page | PageStyle::Offset) && pagination.parameter.is_none() {
                say("/pagination", "pagination needs 'parameter'".into());
            }
            if matches!(style, PageStyle::Cursor | PageStyle::Url) && pagination.next.is_none() {
                say("/pagination", "pagination needs 'next'".into());
            }
        }
    }
}

fn names(map: &Map<String, Value>) -> Vec<&str> {
    map.keys().map(String::as_str).collect()
}

/// What there is instead of a wrong name.
fn instead(known: &[&str]) -> String {
    match known {
        [] => String::new(),
        known if known.len() <= MOST_SHOWN => format!("; known are {}", known.join(", ")),
        _ => format!("; {} are known", known.len()),
    }
}

/// The names in braces of a template.
pub fn names_in(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
