//! `mcp:list` and `mcp:status`: what is configured, and what of it can be used.

use serde_json::{Value, json};

use crate::access::policy;
use crate::app::App;
use crate::base::error::Result;
use crate::base::name::in_plain_sight;
use crate::cli::mcp::{servers, show};
use crate::cli::output::{Out, Paint};
use crate::mcp::entry::Entry;
use crate::mcp::files::{FileProblem, Servers};
use crate::mcp::trust::Trust;
use crate::registry::catalog::Catalog;

/// Whether a server may be used: `ready`, `disabled`, `untrusted` or `changed`.
pub fn state(app: &App, trust: &Trust, entry: &Entry) -> &'static str {
    match trust.check(entry) {
        Err(_) if trust.knows(entry) => "changed",
        Err(_) => "untrusted",
        Ok(()) if entry.disabled || !policy::enabled(&app.config, &entry.provider(), false) => "disabled",
        Ok(()) => "ready",
    }
}

/// How many tools a server has, as far as it was asked before.
fn tools(catalog: Option<&Catalog>, entry: &Entry) -> Option<usize> {
    let opened = catalog?.provider(&entry.provider()).ok()?;
    let is_tool = |upstream: &crate::registry::function::Upstream| upstream.tool.is_some();
    Some(opened.functions.iter().filter(|function| function.mcp.as_ref().is_some_and(is_tool)).count())
}

fn row(app: &App, trust: &Trust, catalog: Option<&Catalog>, entry: &Entry, shadowed: bool) -> Value {
    let state = state(app, trust, entry);
    json!({
        "name": entry.name, "provider": entry.provider(), "transport": show::transport(entry), "target": show::target(entry),
        "file": entry.file.display().to_string(), "scope": if entry.project.is_some() { "project" } else { "user" },
        "trusted": !matches!(state, "untrusted" | "changed"),
        "enabled": !entry.disabled && policy::enabled(&app.config, &entry.provider(), false),
        "state": state, "tools": tools(catalog, entry), "shadowed": shadowed,
    })
}

/// Problems as JSON.
pub fn problems(problems: &[FileProblem]) -> Vec<Value> {
    problems
        .iter()
        .map(|problem| json!({"file": problem.file.display().to_string(), "name": problem.name, "problem": problem.why}))
        .collect()
}

fn word(row: &Value, key: &str) -> String {
    in_plain_sight(row[key].as_str().unwrap_or_default())
}

fn coloured(paint: &Paint, state: &str) -> String {
    match state {
        "ready" => paint.green(state),
        "disabled" => paint.dim(state),
        _ => paint.yellow(state),
    }
}

fn tell(out: &Out, found: &Servers) {
    if !out.json {
        found.problems.iter().for_each(|problem| out.note(&problem.line()));
    }
}

const NONE: &str = "No MCP server is configured. angelia mcp:add --help, angelia mcp:preset and angelia mcp:import --help say how.";

/// `mcp:list`.
pub fn list(app: &App, out: &Out) -> Result<u8> {
    let (found, trust, catalog) = (servers(app)?, Trust::open(&app.dirs)?, app.catalog().ok());
    let row = |entry: &Entry, shadowed| row(app, &trust, catalog.as_ref(), entry, shadowed);
    let rows: Vec<Value> =
        found.entries.iter().map(|entry| row(entry, false)).chain(found.shadowed.iter().map(|entry| row(entry, true))).collect();
    tell(out, &found);
    out.answer(&json!({"success": true, "servers": rows, "problems": problems(&found.problems)}), |paint| {
        let cells = rows.iter().map(|row| {
            let state = if row["shadowed"] == true { paint.dim("shadowed") } else { coloured(paint, &word(row, "state")) };
            let tools = row["tools"].as_u64().map(|count| count.to_string()).unwrap_or_default();
            vec![word(row, "name"), state, word(row, "transport"), tools, word(row, "target"), word(row, "file")]
        });
        let cells: Vec<_> = cells.collect();
        if cells.is_empty() { String::from(NONE) } else { out.table(paint, &["server", "state", "by", "tools", "what", "file"], cells) }
    });
    Ok(0)
}

/// `mcp:status`.
pub fn status(app: &App, out: &Out) -> Result<u8> {
    let (found, trust, catalog) = (servers(app)?, Trust::open(&app.dirs)?, app.catalog().ok());
    let rows: Vec<Value> = found
        .entries
        .iter()
        .map(|entry| {
            let rules = app.config.integration(&entry.provider());
            let rule = |which: fn(&crate::config::layers::Integration) -> Option<crate::config::layers::Rule>| {
                let own = rules.0.and_then(which);
                let theirs = rules.1.and_then(which).filter(|theirs| app.config.trusted_project().is_some() || Some(*theirs) > own);
                theirs.or(own).map_or("ask", crate::config::layers::Rule::as_str)
            };
            let waiting = trust.pending(entry).map(|pending| pending.len()).unwrap_or_default();
            json!({
                "name": entry.name, "provider": entry.provider(), "transport": show::transport(entry), "state": state(app, &trust, entry),
                "tools": tools(catalog.as_ref(), entry), "quarantined": waiting, "read": rule(|rules| rules.read), "write": rule(|rules| rules.write),
            })
        })
        .collect();
    let ready = rows.iter().filter(|row| row["state"] == "ready").count();
    tell(out, &found);
    out.answer(&json!({"success": true, "ready": ready, "servers": rows, "problems": problems(&found.problems)}), |paint| {
        let cells = rows.iter().map(|row| {
            let number = |key: &str| row[key].as_u64().filter(|count| *count > 0).map(|count| count.to_string()).unwrap_or_default();
            let state = coloured(paint, &word(row, "state"));
            vec![word(row, "name"), state, number("tools"), number("quarantined"), word(row, "read"), word(row, "write")]
        });
        let cells: Vec<_> = cells.collect();
        if cells.is_empty() {
            String::from(NONE)
        } else {
            out.table(paint, &["server", "state", "tools", "quarantined", "read", "write"], cells)
        }
    });
    Ok(0)
}
