//! Postman collections 2.0 and 2.1: each request becomes a function. Scripts and the values of secrets are deliberately absent: what
//! looks like a key is a credential field without a value, wherever the collection holds one.

mod body;
mod request;
mod secrets;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::base::address;
use crate::base::json::text;
use crate::base::name::printable;
use crate::registry::credential::CredentialKind;
use crate::registry::import::kept::Names;
use crate::registry::import::names::{Unnamed, names};
use crate::registry::import::openapi;
use crate::registry::import::parts::{Ids, few_enough, field, id, left_out, origin, unwanted, verify};
use crate::registry::import::text::sentences;
use crate::registry::import::{Document, Fate, Imported, Report, Wanted};
use crate::registry::manifest::Provider;

use request::{Request, Server};
use secrets::Signing;

/// Whether a document is a collection.
pub fn is_one(document: &Value) -> bool {
    let schema = document.get("info").and_then(|info| info.get("schema")).and_then(Value::as_str).unwrap_or_default();
    document.get("item").is_some_and(Value::is_array) && (schema.contains("collection/v2") || document.get("info").is_some())
}

/// What the parts of a collection share.
pub(super) struct Shared<'a> {
    pub variables: BTreeMap<&'a str, String>,
}

/// A request with what stands above it.
struct Item<'a> {
    name: String,
    folders: Vec<&'a str>,
    members: &'a Map<String, Value>,
    auth: Option<&'a Value>,
    scripts: bool,
}

/// A provider of a collection.
pub fn import(document: &Document, wanted: &Wanted) -> Result<Imported, String> {
    let top = document.value.as_object().filter(|_| is_one(&document.value)).ok_or("this is no Postman collection 2.0 or 2.1")?;
    let mut found = Vec::new();
    let scripts = top.contains_key("event");
    collect(top, &mut Vec::new(), top.get("auth"), scripts, &mut found);
    if found.is_empty() {
        return Err(String::from("the Postman collection holds no request"));
    }
    few_enough(found.len())?;
    let shared = Shared { variables: variables(top) };
    let requests: Vec<Result<Request<'_>, String>> = found.iter().map(|item| Request::read(item.members.get("request"), &shared)).collect();
    let mut report = Report::default();
    let signing = secrets::signing(top.get("auth"), &found.iter().map(|item| item.auth).collect::<Vec<_>>(), &requests, &mut report.notes);
    let mut provider = provider(top, document, wanted, &signing)?;
    servers(&mut provider, &requests, &shared);
    signing.place(&mut provider);
    let named = named(&found, &requests, &wanted.names);
    for ((item, request), name) in found.iter().zip(&requests).zip(named) {
        report.operations.push(one(item, request, &name, &signing, wanted, &mut provider));
    }
    if scripts || found.iter().any(|item| item.scripts) {
        report.notes.push(String::from("scripts of the collection are not run"));
    }
    provider.verify = verify(&provider.functions);
    Ok(Imported { provider, report })
}

/// All requests, in the collection's order. How deep folders nest is bounded by whoever read the text.
fn collect<'a>(at: &'a Map<String, Value>, folders: &mut Vec<&'a str>, auth: Option<&'a Value>, scripts: bool, found: &mut Vec<Item<'a>>) {
    for members in at.get("item").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let name = text(members, "name").unwrap_or("request");
        // An `auth` of null or without a type inherits.
        let own = members.get("auth").filter(|auth| auth.get("type").is_some()).or(auth);
        let scripts = scripts || members.contains_key("event");
        let folder = members.contains_key("item");
        if members.contains_key("request") || !folder {
            let asked = members.get("request").and_then(|request| request.get("auth")).filter(|auth| auth.get("type").is_some());
            found.push(Item { name: printable(name), folders: folders.clone(), members, auth: asked.or(own), scripts });
        }
        if folder {
            folders.push(name);
            collect(members, folders, own, scripts, found);
            folders.pop();
        }
    }
}

fn variables(top: &Map<String, Value>) -> BTreeMap<&str, String> {
    let mut variables = BTreeMap::new();
    for one in top.get("variable").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let Some(name) = text(one, "key").or(text(one, "id")) else { continue };
        let value = one.get("value").map(crate::base::json::plain).unwrap_or_default();
        // What may be a secret is known by name alone.
        let kept = if secrets::is_name(name) || secrets::is_value(&value) { String::new() } else { value };
        variables.insert(name, kept);
    }
    variables
}

/// Names of all requests: what a collection calls a request is read as other descriptions' operation ids are.
fn named(found: &[Item<'_>], requests: &[Result<Request<'_>, String>], kept: &Names) -> Vec<String> {
    let unnamed: Vec<Unnamed<'_>> = found
        .iter()
        .zip(requests)
        .map(|(item, request)| {
            let (method, path) = request.as_ref().map_or(("GET", "/"), |request| (request.asks(), request.path.as_str()));
            let lists = method == "GET" && !path.ends_with('}') && path.rsplit('/').next().is_some_and(|last| last.ends_with('s'));
            Unnamed { operation_id: Some(item.name.as_str()), method, path, lists, patched: false }
        })
        .collect();
    let operations: Vec<String> = found.iter().zip(requests).map(|(item, request)| operation(item, request).1).collect();
    let kept = kept.kept(operations.iter().map(String::as_str));
    let mut ids = Ids::default();
    kept.iter().flatten().for_each(|name| _ = ids.take([name.clone()]));
    let all = names(&unnamed, &kept);
    all.into_iter().zip(&kept).map(|(name, kept)| kept.clone().unwrap_or_else(|| ids.take([name]))).collect()
}

/// Where a request stands in its collection, alone and with what it asks.
fn operation(item: &Item<'_>, request: &Result<Request<'_>, String>) -> (String, String) {
    let place = item.folders.iter().map(|folder| printable(folder)).chain([item.name.clone()]).collect::<Vec<_>>().join(" / ");
    let whole = request.as_ref().map_or_else(|_| place.clone(), |request| format!("{place} ({} {})", request.method, request.path));
    (place, whole)
}

fn one(
    item: &Item<'_>,
    request: &Result<Request<'_>, String>,
    name: &str,
    signing: &Signing,
    wanted: &Wanted,
    provider: &mut Provider,
) -> Fate {
    let (place, operation) = operation(item, request);
    let request = match request {
        Ok(request) => request,
        Err(why) => return left_out(&operation, why.clone()),
    };
    let line = format!("{} {}", request.method, request.path);
    if let Some(why) = unwanted(wanted, &[name, &line, &place]) {
        return left_out(&operation, why);
    }
    let mut warnings = Vec::new();
    let server = server_name(provider, &request.server);
    let Some(mut made) = request.function(name, item.members, signing, &mut warnings) else {
        return left_out(&operation, warnings.pop().unwrap_or_default());
    };
    made.server = server.filter(|server| server != "default");
    if let Some(kind) = secrets::other_kind(item.auth, signing) {
        warnings.push(format!("it signs in by '{}', the others differently; that is not expressed", printable(kind)));
    }
    provider.functions.push(made);
    Fate { operation, function: Some(name.to_owned()), left_out: None, warnings }
}

/// The id that a collection gives itself by its name.
pub fn own_id(document: &Value) -> String {
    openapi::id(titled(document.get("info").and_then(Value::as_object)).trim_end_matches('.'))
}

fn titled(info: Option<&Map<String, Value>>) -> String {
    sentences(info.and_then(|info| text(info, "name")).unwrap_or("collection"), "Collection")
}

fn provider(top: &Map<String, Value>, document: &Document, wanted: &Wanted, signing: &Signing) -> Result<Provider, String> {
    let info = top.get("info").and_then(Value::as_object).cloned().unwrap_or_default();
    let titled = titled(Some(&info));
    let titled = titled.trim_end_matches('.');
    let described = request::words_of(info.get("description"));
    let raw = json!({
        "id": wanted.id,
        "title": titled, "description": sentences(&described, titled), "category": "imported",
        "auth_strategy": signing.strategy, "auth": signing.placements, "oauth": signing.oauth, "servers": {}, "functions": [],
    });
    let mut provider: Provider = serde_json::from_value(raw).map_err(|error| error.to_string())?;
    provider.credentials = signing.fields.clone();
    let schema = text(&info, "schema").unwrap_or_default();
    let format = if schema.contains("v2.0") { "postman-2.0" } else { "postman-2.1" };
    let mut origin = origin(wanted, format, document.sha256.clone());
    origin.version = text(&info, "version").map(printable);
    provider.origin = Some(origin);
    Ok(provider)
}

/// The server that most requests go to is the default; variables in addresses are fields of the account.
fn servers(provider: &mut Provider, requests: &[Result<Request<'_>, String>], shared: &Shared<'_>) {
    let mut counts: Vec<(&Server, usize)> = Vec::new();
    for server in requests.iter().flatten().map(|request| &request.server) {
        match counts.iter_mut().find(|(known, _)| *known == server) {
            Some((_, count)) => *count += 1,
            None => counts.push((server, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut ids = Ids::default();
    for (number, (server, _)) in counts.iter().enumerate() {
        let name = if number == 0 { String::from("default") } else { ids.take([id(&server.template)]) };
        for variable in &server.variables {
            add_field(provider, variable, &server.template, shared);
        }
        provider.servers.insert(name, server.template.as_str().into());
    }
}

fn add_field(provider: &mut Provider, variable: &str, template: &str, shared: &Shared<'_>) {
    let key = id(variable);
    if provider.credentials.iter().any(|known| known.key == key) {
        return;
    }
    let whole = template.starts_with(&format!("{{{key}}}"));
    let mut made = field(&key, &crate::registry::import::parts::title(&key), false, "A variable of the collection.");
    made.kind = if whole { CredentialKind::Url } else { CredentialKind::Text };
    made.default = shared
        .variables
        .get(variable)
        .filter(|value| !value.is_empty() && !value.contains("{{"))
        .map(|value| if whole && !value.contains("://") { format!("https://{}", printable(value)) } else { printable(value) })
        .filter(|value| address::fits(template, &key, value).is_ok());
    made.required = true;
    provider.credentials.push(made);
}

fn server_name(provider: &Provider, server: &Server) -> Option<String> {
    provider.servers.iter().find(|(_, url)| url.as_str() == Some(&server.template)).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests;
