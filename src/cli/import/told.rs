//! What an import tells: what was made of a description, what is different now, what could not be expressed, and what to do next. Decides nothing.

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::json;

use crate::base::envelope::ErrorDetail;
use crate::base::error::{Error, Result};
use crate::base::name::clean;
use crate::cli::import::agree::{Much, changes};
use crate::cli::import::{text, texts};
use crate::cli::output::{Out, Paint};
use crate::registry::import::Report;
use crate::registry::import::drift::Drift;
use crate::registry::import::stored::Stored;

/// What a person is told beside what was imported.
pub struct Told {
    /// Where it is kept.
    pub file: Option<PathBuf>,
    pub dry: bool,
    pub report: bool,
    /// The command that imports the same again.
    pub again: String,
    /// What is different from the import of the same id that was there.
    pub drift: Option<Drift>,
}

/// The command that imports the same again, without credentials in its source.
pub fn again(source: &str, id: &str, arguments: &ArgMatches) -> String {
    format!("angelia integrations:import {} --as {id}{}", quoted(source), options(arguments))
}

/// The options of an import, for another run of it.
fn options(arguments: &ArgMatches) -> String {
    let mut words = String::new();
    for key in ["overlay", "endpoint", "include", "exclude", "header"] {
        let values: Vec<String> = if matches!(key, "include" | "exclude" | "header") {
            texts(arguments, key)
        } else {
            text(arguments, key).into_iter().collect()
        };
        values.iter().for_each(|value| words.push_str(&format!(" --{key} {}", quoted(&clean(value)))));
    }
    for key in ["allow-private", "replace"].into_iter().filter(|key| arguments.get_flag(key)) {
        words.push_str(&format!(" --{key}"));
    }
    words
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@:=+,%".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Nothing of the description can be called, or nothing was wanted of it: that is said, and why where it was asked for.
pub fn nothing(out: &Out, error: Error, report: &Report, told: &Told) -> Result<u8> {
    if !told.report {
        return Err(error.hint(format!("{} --report", told.again)));
    }
    let code = error.code.exit();
    let (message, detail) = (error.message.clone(), ErrorDetail::from(error));
    let value = json!({"success": false, "error": message, "error_detail": detail, "notes": report.notes, "report": report.operations});
    out.answer(&value, |paint| format!("{}\n{} {}", fates(out, *paint, report), paint.red("error:"), clean(&message)));
    Ok(code)
}

/// What was imported, or would be.
pub fn answer(out: &Out, stored: &Stored, report: &Report, told: &Told) {
    let provider = &stored.provider;
    let id = &provider.id;
    let left_out = report.operations.iter().filter(|fate| fate.left_out.is_some()).count();
    let warned = report.operations.iter().filter(|fate| !fate.warnings.is_empty()).count();
    let tier = if provider.origin.as_ref().is_some_and(|origin| origin.verified) { "verified" } else { "imported" };
    let first = provider.functions.first().map_or("", |function| function.id.as_str());
    let mut next = Vec::new();
    if told.dry {
        next.push(told.again.clone());
    } else {
        if provider.credentials.iter().any(|field| field.required && field.default.is_none()) || !provider.auth.0.is_empty() {
            next.push(format!("angelia integrations:fields {id}"));
        }
        next.push(format!("angelia integrations:configure {id} --enable"));
        next.push(format!("angelia integrations:docs {id}.{first}"));
    }
    let mut value = json!({
        "success": true, "provider": id, "title": provider.title, "tier": tier, "dry_run": told.dry,
        "operations": report.operations.len(), "functions": provider.functions.len(), "left_out": left_out, "warned": warned,
        "notes": report.notes, "origin": provider.origin, "file": told.file.as_ref().map(|file| file.display().to_string()), "next": next,
    });
    if let Some(drift) = &told.drift {
        value["drift"] = serde_json::to_value(drift).unwrap_or_default();
    }
    if told.report {
        value["report"] = serde_json::to_value(&report.operations).unwrap_or_default();
    }
    out.answer(&value, |paint| {
        let verb = if told.dry { "would be imported" } else { "is imported" };
        let mut lines = vec![format!(
            "{} {} {verb} as {}: {} of {} operations.",
            paint.green("✓"),
            clean(&provider.title),
            paint.bold(id),
            provider.functions.len(),
            report.operations.len()
        )];
        lines.extend(report.notes.iter().map(|note| format!("{} {}", paint.yellow("!"), clean(note))));
        if let Some(drift) = told.drift.as_ref().filter(|drift| !drift.is_empty()) {
            lines.push(changes(*paint, drift, if told.report { Much::All } else { Much::First }));
        }
        if told.report {
            lines.push(fates(out, *paint, report));
        } else if left_out + warned > 0 {
            lines.push(paint.dim(&format!("{left_out} left out, {warned} with warnings: --report says which and why")));
        }
        lines.extend(next.iter().map(|next| format!("{} {next}", paint.dim("  →"))));
        lines.join("\n")
    });
}

fn fates(out: &Out, paint: Paint, report: &Report) -> String {
    let rows = report.operations.iter().map(|fate| {
        let function = fate.function.clone().unwrap_or_else(|| paint.red("left out"));
        let why = fate.left_out.iter().chain(&fate.warnings).map(|text| clean(text)).collect::<Vec<_>>().join("; ");
        vec![clean(&fate.operation), function, why]
    });
    out.table(&paint, &["operation", "function", "what could not be expressed"], rows.collect())
}
