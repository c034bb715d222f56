//! GraphQL schemas, in the schema language or as the answer of an introspection: each field of the query type becomes a read
//! unless its name says that it changes something, each of the mutation type a write. Subscriptions and directives are deliberately absent. What a schema cannot say, where the endpoint is and
//! how one signs in, becomes credential fields; an overlay says it better.

mod document;
mod function;
mod introspection;
mod model;
mod sdl;
mod select;

use serde_json::{Value, json};

use crate::base::name::slug;
use crate::registry::import::parts::{Ids, field, id, left_out, origin, title, unwanted, verify_by_any};
use crate::registry::import::{Document, Fate, Imported, Report, Wanted};
use crate::registry::manifest::Provider;

use model::{Field, Model, is_name};

pub use document::class_of;
pub use introspection::QUERY;

/// Fields of query types that belong to the machinery of federated services.
const MACHINERY: &[&str] = &["_entities", "_service"];

/// Whether a document is the answer of an introspection.
pub fn is_answer(document: &Value) -> bool {
    introspection::schema(document).is_some()
}

/// Whether a text is written in the schema language.
pub fn is_schema(text: &str) -> bool {
    const STARTS: &[&str] =
        &["type ", "schema ", "schema{", "interface ", "input ", "enum ", "scalar ", "union ", "directive @", "extend "];
    let begins = |line: &str| {
        STARTS.iter().any(|start| line.starts_with(start)) && (line.contains(['{', '@', '=', '&']) || line.starts_with("scalar "))
    };
    !text.trim_start().starts_with(['{', '[']) && text.lines().take(2000).any(begins)
}

/// What an endpoint is sent to tell its schema; the answer is imported with [`import_answer`].
pub fn question() -> Value {
    json!({"query": QUERY, "operationName": "IntrospectionQuery"})
}

/// A provider of a text in the schema language.
pub fn import_schema(text: &str, sha256: &str, wanted: &Wanted) -> Result<Imported, String> {
    import(&sdl::read(text)?, sha256, wanted)
}

/// A provider of the answer of an introspection.
pub fn import_answer(document: &Document, wanted: &Wanted) -> Result<Imported, String> {
    import(&introspection::read(&document.value)?, &document.sha256, wanted)
}

fn import(model: &Model, sha256: &str, wanted: &Wanted) -> Result<Imported, String> {
    if model.fields(&model.query).is_empty() && model.mutation.as_deref().is_none_or(|name| model.fields(name).is_empty()) {
        return Err(format!("the GraphQL schema has no field in its query type '{}'", model.query));
    }
    let mut provider = provider(model, sha256, wanted)?;
    let mut report = Report::default();
    if wanted.endpoint.is_none() {
        report.notes.push(String::from("a schema does not say where the service is: the endpoint is the credential field 'url'"));
    }
    report.notes.push(String::from(
        "a schema does not say how one signs in: a bearer token is sent where one is given; an overlay can say otherwise",
    ));
    let mut ids = Ids::after(&wanted.names);
    let noun_first = model.mutation.as_deref().is_some_and(|name| function::noun_first(model.fields(name)));
    let roots = [(Some(model.query.as_str()), None), (model.mutation.as_deref(), Some(noun_first))];
    for (root, mutation) in roots.into_iter().filter_map(|(root, mutation)| root.map(|root| (root, mutation))) {
        let names = named(model, model.fields(root), mutation, wanted, &mut ids);
        for (field, name) in model.fields(root).iter().zip(names) {
            report.operations.push(one(model, field, mutation, wanted, name, &mut provider));
        }
    }
    for field in model.subscription.as_deref().map(|name| model.fields(name)).into_iter().flatten() {
        report.operations.push(left_out(&format!("subscription {}", field.name), String::from("subscriptions are not expressed")));
    }
    provider.verify = verify_by_any(&provider.functions);
    Ok(Imported { provider, report })
}

fn operation(field: &Field, mutation: Option<bool>) -> String {
    format!("{} {}", if mutation.is_some() { "mutation" } else { "query" }, field.name)
}

fn is_machinery(field: &Field) -> bool {
    !is_name(&field.name) || MACHINERY.contains(&field.name.as_str())
}

/// The names of fields, in their order, whatever that is: a field that is called so itself has the name before one that would be.
fn named(model: &Model, fields: &[Field], mutation: Option<bool>, wanted: &Wanted, ids: &mut Ids) -> Vec<String> {
    let mut order: Vec<(usize, &Field)> = fields.iter().enumerate().filter(|(_, field)| !is_machinery(field)).collect();
    order.sort_by_cached_key(|(_, field)| (function::names(model, field, mutation)[0] != id(&field.name), &field.name));
    let mut names = vec![String::new(); fields.len()];
    for (at, field) in order {
        names[at] = ids.keep(&wanted.names, &operation(field, mutation), function::names(model, field, mutation));
    }
    names
}

fn one(model: &Model, field: &Field, mutation: Option<bool>, wanted: &Wanted, name: String, provider: &mut Provider) -> Fate {
    let operation = operation(field, mutation);
    if is_machinery(field) {
        return left_out(&operation, String::from("it belongs to the machinery of federated services"));
    }
    if let Some(why) = unwanted(wanted, &[&name, &operation, &field.name]) {
        return left_out(&operation, why);
    }
    let (made, warnings) = function::make(model, field, mutation.is_some(), &name);
    provider.functions.push(made);
    Fate { operation, function: Some(name), left_out: None, warnings }
}

/// The id of a service that is known by the place of its schema alone.
pub fn own_id(source: &str) -> String {
    id(&own_name(source))
}

fn provider(model: &Model, sha256: &str, wanted: &Wanted) -> Result<Provider, String> {
    let titled = title(&wanted.id);
    let raw = json!({
        "id": wanted.id, "title": titled, "description": format!("The GraphQL service {titled}."), "category": "imported",
        "auth_strategy": "bearer_token", "auth": [{"type": "bearer", "value": "{token}"}],
        "servers": {"default": wanted.endpoint.as_deref().unwrap_or("{url}")}, "functions": [],
    });
    let mut provider: Provider = serde_json::from_value(raw).map_err(|error| error.to_string())?;
    provider.credentials = vec![field("token", "Access token", true, "Sent as a bearer token, if there is one.")];
    if wanted.endpoint.is_none() {
        let mut url = field("url", "GraphQL endpoint", false, "Where queries are sent, such as https://api.example.com/graphql.");
        (url.required, url.kind) = (true, crate::registry::credential::CredentialKind::Url);
        provider.credentials.push(url);
    }
    let payloads = model.mutation.as_deref().map(|name| model.fields(name)).into_iter().flatten();
    let mut members = payloads.flat_map(|field| model.fields(&field.kind.name));
    if members.any(|member| member.name == "userErrors" && member.kind.is_list()) {
        provider.errors.failed_when = Some(String::from("[.data[]? | objects | .userErrors | arrays | length] | add // 0 | . > 0"));
    }
    provider.origin = Some(origin(wanted, "graphql", sha256.to_owned()));
    Ok(provider)
}

/// The name of a file without its folder and ending, or of a host without what all hosts share.
fn own_name(source: &str) -> String {
    if let Some(rest) = source.strip_prefix("https://").or_else(|| source.strip_prefix("http://")) {
        let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
        let parts: Vec<&str> = host.split('.').filter(|part| !matches!(*part, "api" | "www" | "graphql" | "gql")).collect();
        return parts.first().map_or_else(|| String::from("graphql"), |part| slug(part));
    }
    let file = source.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = file.split('.').next().unwrap_or_default();
    if name.is_empty() { String::from("graphql") } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
