//! `audit:list`, `audit:show`: what was called, by whom, with what outcome.

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::clock::{now_ms, parse_rfc3339, rfc3339};
use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::cli::output::{Out, Paint};
use crate::store::calls::{CallFilter, CallRow};

fn shown(row: &CallRow) -> Value {
    json!({
        "call_id": row.call_id, "time": rfc3339(row.time_ms), "origin": row.origin, "function": row.function, "account": row.account, "operation": row.operation,
        "arguments": row.arguments.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()), "arguments_digest": row.arguments_digest,
        "outcome": row.outcome, "code": row.code, "http_status": row.http_status, "attempts": row.attempts, "duration_ms": row.duration_ms,
        "force": row.force, "dry_run": row.dry_run, "approval_id": row.approval_id,
    })
}

/// `audit:list`.
pub fn list(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let text = |name: &str| arguments.get_one::<String>(name).cloned();
    let filter = CallFilter {
        function: text("function"),
        account: text("account"),
        outcome: text("outcome"),
        operation: text("operation"),
        code: text("code"),
        origin: text("origin"),
        call_id: None,
        since_ms: text("since").map(|time| when(&time)).transpose()?,
        until_ms: text("until").map(|time| when(&time)).transpose()?,
        forced: arguments.get_flag("forced"),
        limit: arguments.get_one::<u32>("limit").copied().unwrap_or(50),
    };
    let rows = app.memory().with(|store| store.calls(&filter, now_ms()))?;
    out.answer(&json!({"success": true, "calls": rows.iter().map(shown).collect::<Vec<_>>()}), |paint| {
        if rows.is_empty() {
            return String::from("No calls.");
        }
        let cells = rows.iter().map(|row| {
            let status = row.http_status.map(|status| status.to_string()).unwrap_or_default();
            let force = if row.force { paint.yellow("forced") } else { String::new() };
            vec![
                rfc3339(row.time_ms),
                row.function.clone(),
                row.account.clone(),
                outcome(paint, row),
                row.code.clone().unwrap_or_default(),
                status,
                force,
                row.arguments.clone().unwrap_or_default(),
            ]
        });
        out.table(paint, &["time", "function", "account", "outcome", "code", "status", "", "arguments"], cells.collect())
    });
    Ok(0)
}

fn outcome(paint: &Paint, row: &CallRow) -> String {
    match row.outcome.as_str() {
        "succeeded" => paint.green("succeeded"),
        "failed" | "unknown" => paint.red(&row.outcome),
        other => paint.yellow(other),
    }
}

/// `audit:show`.
pub fn show(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let id = arguments.get_one::<String>("call_id").cloned().unwrap_or_default();
    let filter = CallFilter { call_id: Some(id.clone()), limit: 1, ..CallFilter::default() };
    let rows = app.memory().with(|store| store.calls(&filter, now_ms()))?;
    let row = rows
        .first()
        .ok_or_else(|| Error::new(Code::NotFound, format!("No call '{}' is recorded", printable(&id))).hint("angelia audit:list"))?;
    let value = shown(row);
    out.answer(&json!({"success": true, "call": value}), |_| format!("{value:#}"));
    Ok(0)
}

/// RFC 3339, or how long ago: `30m`, `12h`, `7d`.
pub fn when(text: &str) -> Result<i64> {
    if let Some(ms) = parse_rfc3339(text) {
        return Ok(ms);
    }
    let unit = |end: char| match end {
        's' => Some(1_000),
        'm' => Some(60_000),
        'h' => Some(3_600_000),
        'd' => Some(86_400_000_i64),
        _ => None,
    };
    let ago =
        text.chars().last().and_then(unit).zip(text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<i64>().ok()));
    match ago {
        Some((unit, number)) if number >= 0 => Ok(now_ms().saturating_sub(unit.saturating_mul(number))),
        _ => Err(Error::usage(format!("'{}' is no time: write 2026-01-31T08:00:00Z, or 30m, 12h, 7d for so long ago", printable(text)))),
    }
}
