//! Resources: documentation, stored results, and the audit log of the connection. Each is text of a `angelia://` URI.

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};

use crate::base::clock::{now_ms, rfc3339};
use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::call::pages::Pages;
use crate::call::results::visible;
use crate::mcp::server::face::{Answer, Typing};
use crate::mcp::server::pages;
use crate::mcp::server::shelf::Visit;
use crate::store::calls::{CallFilter, CallRow};
use crate::store::results::{Kept, Which};

/// The calls of this connection.
pub const AUDIT: &str = "angelia://audit";

const DOCS: &str = "angelia://docs/";
const RESULTS: &str = "angelia://results/";

/// Stored results that are listed, the newest first.
const LISTED: usize = 50;

/// Calls that the audit log shows.
const CALLS: u32 = 200;

/// Everything that can be read now; single functions' pages are left to the template.
pub fn list(visit: &Visit<'_>) -> Result<Vec<Resource>> {
    let mut all = vec![
        Resource::new(AUDIT, "audit")
            .with_title("Calls of this connection")
            .with_description("What was called over this connection, with outcomes; the newest first.")
            .with_mime_type("application/json"),
    ];
    for summary in Pages::of(&visit.runtime).active()? {
        if visit.scope.reach.has_provider(&summary.id) {
            let page = Resource::new(format!("{DOCS}{}", summary.id), summary.id.clone());
            all.push(page.with_title(summary.title).with_description(summary.description).with_mime_type("text/plain"));
        }
    }
    for kept in kept(visit, None)? {
        let result = Resource::new(format!("{RESULTS}{}", kept.id), kept.id.clone()).with_mime_type("application/json");
        all.push(result.with_title(format!("Answer of {}", kept.function)).with_size(kept.bytes));
    }
    Ok(all)
}

/// Stored results of whoever is connected, the newest first.
fn kept(visit: &Visit<'_>, id: Option<&str>) -> Result<Vec<Kept>> {
    let which = Which { owner: Some(&visit.scope.reach.owner), id, ..Which::default() };
    let mut found = visit.runtime.memory.with(|store| store.results(&which, LISTED))?;
    found.retain(|kept| visible(&visit.scope.reach, kept));
    Ok(found)
}

/// The forms of all URIs.
pub fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("angelia://docs/{page}", "docs")
            .with_title("Documentation")
            .with_description("Of a provider (github) or a function (github.list_issues).")
            .with_mime_type("text/plain"),
        ResourceTemplate::new("angelia://results/{id}", "results")
            .with_title("Stored result")
            .with_description("The whole answer of a call that was too large to be handed over.")
            .with_mime_type("application/json"),
    ]
}

/// Reads one.
pub fn read(visit: &Visit<'_>, uri: &str) -> Answer<ReadResourceResult> {
    let (text, kind) = content(visit, uri).map_err(|error| missing(uri, &error))?;
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(kind)]))
}

fn content(visit: &Visit<'_>, uri: &str) -> Result<(String, &'static str)> {
    let reach = &visit.scope.reach;
    if uri == AUDIT {
        return Ok((audit(visit)?.to_string(), "application/json"));
    }
    if let Some(page) = uri.strip_prefix(DOCS) {
        return pages::docs(&visit.runtime, reach, Some(page), true).map(|text| (text, "text/plain"));
    }
    let id = uri.strip_prefix(RESULTS).unwrap_or_default();
    let known = !id.is_empty() && kept(visit, Some(id))?.iter().any(|kept| kept.id == id);
    let text = if known { visit.runtime.memory.with(|store| store.result_text(id))? } else { None };
    text.map(|text| (text, "application/json")).ok_or_else(|| Error::new(Code::NotFound, "there is no such resource"))
}

fn missing(uri: &str, error: &Error) -> ErrorData {
    ErrorData::resource_not_found(format!("{}: {}", printable(uri), error.message), Some(json!({"uri": uri})))
}

fn audit(visit: &Visit<'_>) -> Result<Value> {
    let filter = CallFilter { origin: Some(visit.at.origin().path()), limit: CALLS, ..CallFilter::default() };
    let rows = visit.runtime.memory.with(|store| store.calls(&filter, now_ms()))?;
    Ok(json!({"calls": rows.iter().map(shown).collect::<Vec<_>>()}))
}

fn shown(row: &CallRow) -> Value {
    json!({
        "call_id": row.call_id, "time": rfc3339(row.time_ms), "function": row.function, "account": row.account, "operation": row.operation,
        "outcome": row.outcome, "code": row.code, "duration_ms": row.duration_ms, "force": row.force, "dry_run": row.dry_run,
        "approval_id": row.approval_id,
    })
}

/// Values for the parts of a template.
pub fn complete(visit: &Visit<'_>, template: &str, typing: &Typing<'_>) -> Vec<String> {
    let runtime = &visit.runtime;
    let mut values = match (template, typing.argument) {
        ("angelia://docs/{page}", "page") => match typing.typed.rsplit_once('.') {
            Some((provider, _)) if visit.scope.reach.has_provider(provider) => runtime.catalog.provider(provider).map_or_else(
                |_| Vec::new(),
                |opened| {
                    let named = opened.functions.iter().map(|function| (format!("{provider}.{}", function.id), function.operation));
                    let shown = named.filter(|(name, operation)| pages::shows(runtime, &visit.scope.reach, name, *operation));
                    shown.map(|(name, _)| name).collect()
                },
            ),
            _ => {
                let ids = runtime.catalog.ids().unwrap_or_default();
                ids.into_iter().filter(|id| visit.scope.reach.has_provider(id)).collect()
            }
        },
        ("angelia://results/{id}", "id") => kept(visit, None).unwrap_or_default().into_iter().map(|kept| kept.id).collect(),
        _ => Vec::new(),
    };
    values.retain(|value| value.starts_with(typing.typed));
    values
}
