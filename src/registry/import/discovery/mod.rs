//! Google's own descriptions, `discovery#restDescription`: methods in nested resources become functions. Batches, subscriptions and
//! uploads of metadata and content in one request are deliberately absent; the report says where.

mod method;
mod names;
mod shapes;

use serde_json::{Map, Value, json};

use crate::base::json::text;
use crate::base::name::printable;
use crate::registry::credential::{Credential, OAuth};
use crate::registry::import::parts::{Ids, few_enough, field, id, left_out, origin, unwanted, verify_by_any};
use crate::registry::import::text::sentences;
use crate::registry::import::{Document, Imported, Report, Wanted};
use crate::registry::manifest::Provider;

use method::{Making, Method};
use shapes::Shapes;

/// Scopes that are asked for unless the user names others.
const MOST_SCOPES: usize = 8;

/// Whether a document is of this format.
pub fn is_one(document: &Value) -> bool {
    document.get("kind").and_then(Value::as_str) == Some("discovery#restDescription") || document.get("discoveryVersion").is_some()
}

/// A provider of a description.
pub fn import(document: &Document, wanted: &Wanted) -> Result<Imported, String> {
    let top = document.value.as_object().filter(|_| is_one(&document.value)).ok_or("this is no Google Discovery document")?;
    let mut found = Vec::new();
    collect(top, &mut Vec::new(), &mut found);
    if found.is_empty() {
        return Err(String::from("the Google Discovery document describes no method"));
    }
    few_enough(found.len())?;
    let mut report = Report::default();
    let mut provider = provider(top, wanted, &found, &mut report.notes)?;
    let mut origin = origin(wanted, "google-discovery", document.sha256.clone());
    origin.version = version(top);
    provider.origin = Some(origin);
    let mut ids = Ids::after(&wanted.names);
    let named = names::of(&found, &wanted.names, &mut ids);
    let shapes = Shapes::new(top.get("schemas").and_then(Value::as_object));
    let making = Making { shapes: &shapes, top, kept: &wanted.names };
    let mut functions = Vec::new();
    for (method, name) in found.iter().zip(&named) {
        let path = text(method.members, "path").unwrap_or_default();
        let request = format!("{} /{}", text(method.members, "httpMethod").unwrap_or("GET"), path.trim_start_matches('/'));
        match unwanted(wanted, &[name, &method.id, &request]) {
            Some(why) => report.operations.push(left_out(&method.id, why)),
            None => {
                for (function, fate) in making.functions(method, name, &mut ids) {
                    functions.extend(function);
                    report.operations.push(fate);
                }
            }
        }
    }
    provider.functions = functions;
    name_servers(&mut provider);
    provider.verify = verify_by_any(&provider.functions);
    Ok(Imported { provider, report })
}

/// All methods, in the document's order, each with the resources that it lies in. How deep these nest is bounded by whoever read the text.
fn collect<'a>(at: &'a Map<String, Value>, chain: &mut Vec<&'a str>, found: &mut Vec<Method<'a>>) {
    let children = |key: &str| at.get(key).and_then(Value::as_object).into_iter().flatten();
    for (name, members) in children("methods").filter_map(|(name, value)| value.as_object().map(|members| (name, members))) {
        let id = text(members, "id").map_or_else(|| [chain.join("."), name.clone()].join("."), str::to_owned);
        let id = printable(&id);
        found.push(Method { id, name, chain: chain.clone(), members });
    }
    for (name, members) in children("resources").filter_map(|(name, value)| value.as_object().map(|members| (name, members))) {
        chain.push(name);
        collect(members, chain, found);
        chain.pop();
    }
}

/// The id that a document gives itself by its name.
pub fn own_id(document: &Value) -> String {
    id(document.as_object().map_or(UNNAMED, name))
}

/// What a document without a name is called.
const UNNAMED: &str = "google";

fn name(top: &Map<String, Value>) -> &str {
    text(top, "name").unwrap_or(UNNAMED)
}

fn provider(top: &Map<String, Value>, wanted: &Wanted, found: &[Method<'_>], notes: &mut Vec<String>) -> Result<Provider, String> {
    let name = name(top);
    let title = sentences(text(top, "title").or(text(top, "canonicalName")).unwrap_or(name), name);
    let root = text(top, "rootUrl").unwrap_or("https://www.googleapis.com/");
    let base = text(top, "baseUrl").map_or_else(|| format!("{root}{}", text(top, "servicePath").unwrap_or_default()), str::to_owned);
    if !root.starts_with("https://") || !base.starts_with("https://") {
        return Err(format!("the base URL '{}' is no https address", printable(&base)));
    }
    let oauth = oauth(top, found, notes);
    let strategy = if oauth.is_some() { "oauth2_authorization_code" } else { "api_key" };
    let mut links = json!({});
    if let Some(docs) = text(top, "documentationLink").filter(|link| link.starts_with("https://")) {
        links["docs"] = docs.into();
    }
    let raw = json!({
        "id": wanted.id,
        "title": title.trim_end_matches('.'),
        "description": sentences(text(top, "description").unwrap_or_default(), &format!("{} by Google", title.trim_end_matches('.'))),
        "category": "imported",
        "links": links,
        "auth_strategy": strategy,
        // Whatever of these has no value is left out of a request.
        "auth": [{"type": "bearer", "value": "{access_token}"}, {"type": "header", "name": "X-Goog-Api-Key", "value": "{api_key}"}],
        "servers": {
            "default": base.trim_end_matches('/'), "root": root.trim_end_matches('/'),
            "download": format!("{root}download/{}", text(top, "servicePath").unwrap_or_default()).trim_end_matches('/'),
        },
        "errors": {"message": ["error.message", "error_description", "error"], "code": ["error.status", "error.code"]},
        "functions": [],
    });
    let mut provider: Provider = serde_json::from_value(raw).map_err(|error| error.to_string())?;
    provider.credentials = credentials(oauth.is_some());
    if oauth.is_none() {
        provider.auth.0.remove(0);
    }
    provider.oauth = oauth;
    say_globals(top, notes);
    Ok(provider)
}

fn version(top: &Map<String, Value>) -> Option<String> {
    let said = [text(top, "version"), text(top, "revision")].into_iter().flatten().map(printable);
    said.reduce(|version, revision| format!("{version} ({revision})"))
}

fn credentials(oauth: bool) -> Vec<Credential> {
    let client = "Google Cloud console > APIs & Services > Credentials > OAuth client ID, type Desktop app.";
    let mut fields =
        vec![field("api_key", "API key", true, "Google Cloud console > APIs & Services > Credentials. Enough for public data only.")];
    if oauth {
        fields.extend([
            field("client_id", "OAuth client ID", false, client),
            field("client_secret", "OAuth client secret", true, client),
            field("access_token", "Access token", true, "Filled in by integrations:connect."),
            field("refresh_token", "Refresh token", true, "Filled in by integrations:connect."),
            field("service_account", "Service account key", true, "The JSON key of a service account, for work without a person."),
        ]);
    }
    fields
}

fn oauth(top: &Map<String, Value>, found: &[Method<'_>], notes: &mut Vec<String>) -> Option<OAuth> {
    let all = top.get("auth")?.get("oauth2")?.get("scopes")?.as_object()?;
    let scopes = usual_scopes(text(top, "name").unwrap_or_default(), found);
    let others: Vec<&str> = all.keys().filter(|scope| !scopes.contains(*scope)).map(String::as_str).take(30).collect();
    if !others.is_empty() {
        notes.push(format!("scopes: asked for are {}; others that exist: {}", scopes.join(" "), others.join(" ")));
    }
    serde_json::from_value(json!({
        "grants": ["authorization_code", "service_account"],
        "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_url": "https://oauth2.googleapis.com/token",
        "revoke_url": "https://oauth2.googleapis.com/revoke",
        "scopes": scopes,
        "client_auth": "body",
        // Else there is no refresh token, or none the second time.
        "authorize_parameters": {"access_type": "offline", "prompt": "consent"},
        "help": "Google Cloud console: enable the API, then Credentials > Create OAuth client ID > Desktop app.",
    }))
    .ok()
}

/// As few scopes as allow every method; of two that allow as much, the one that is about this API.
fn usual_scopes(name: &str, found: &[Method<'_>]) -> Vec<String> {
    let needs: Vec<Vec<&str>> = found
        .iter()
        .map(|method| method.members.get("scopes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect())
        .filter(|scopes: &Vec<&str>| !scopes.is_empty())
        .collect();
    let mut open: Vec<&Vec<&str>> = needs.iter().collect();
    let mut chosen: Vec<String> = Vec::new();
    while !open.is_empty() && chosen.len() < MOST_SCOPES {
        let mut counts: Vec<(usize, bool, &str)> = Vec::new();
        for scope in open.iter().flat_map(|scopes| scopes.iter()) {
            match counts.iter_mut().find(|(_, _, known)| known == scope) {
                Some((count, ..)) => *count += 1,
                None => counts.push((1, scope.contains(name), scope)),
            }
        }
        let Some((_, _, best)) = counts.into_iter().max_by_key(|(count, own, scope)| (*count, *own, std::cmp::Reverse(*scope))) else {
            break;
        };
        chosen.push(best.to_owned());
        open.retain(|scopes| !scopes.contains(&best));
    }
    chosen
}

fn say_globals(top: &Map<String, Value>, notes: &mut Vec<String>) {
    let names = top.get("parameters").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str());
    let dropped: Vec<&str> = names.filter(|name| *name != "fields").take(30).collect();
    if !dropped.is_empty() {
        notes.push(format!("parameters of every method that are left out: {}", dropped.join(", ")));
    }
}

/// Only the servers that something uses stay.
fn name_servers(provider: &mut Provider) {
    let used: Vec<String> = provider.functions.iter().filter_map(|function| function.server.clone()).collect();
    provider.servers.retain(|name, _| name == "default" || used.contains(name));
}

#[cfg(test)]
mod tests;
