//! `integrations:update`: descriptions are fetched again and what changed is said. Where calls may break, or credentials would go elsewhere,
//! a person agrees first; where nobody can be asked nothing is changed.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::envelope::ErrorDetail;
use crate::base::error::{Code, Error, Result};
use crate::base::name::clean;
use crate::cli::import::source::Source;
use crate::cli::import::{file, keep, make, texts, today};
use crate::cli::output::{Out, Paint};
use crate::registry::import::drift::{Change, Drift, drift};
use crate::registry::import::stored::{FOLDER, Stored};
use crate::registry::user;

/// What became of one import.
struct Updated {
    provider: String,
    drift: Option<Drift>,
    /// It is in its file now.
    written: bool,
    error: Option<Error>,
}

/// An import as it is kept, if there is one of this id.
pub fn kept(app: &App, id: &str) -> Result<Option<Stored>> {
    match file(app, id).filter(|path| path.is_file()) {
        None => Ok(None),
        Some(path) => user::read_import(&path).map(Some).map_err(|why| {
            Error::usage(format!("{} cannot be read: {why}", path.display())).hint(format!("angelia integrations:remove {id}"))
        }),
    }
}

fn all(app: &App) -> Vec<String> {
    let folder: Option<PathBuf> = app.dirs.data().map(|data| data.join(FOLDER));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    let json = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
    let mut ids: Vec<String> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(json)
        .filter_map(|path| path.file_stem().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    ids.sort();
    ids
}

/// `integrations:update`.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let named = texts(arguments, "providers");
    for id in &named {
        if kept(app, id)?.is_none() {
            let opened = app.catalog()?.provider(id)?;
            return Err(Error::new(Code::NotFound, format!("'{id}' is a {} provider; only imports can be updated", opened.layer.as_str())));
        }
    }
    let ids = if named.is_empty() { all(app) } else { named };
    let (dry, yes) = (arguments.get_flag("dry-run"), arguments.get_flag("yes"));
    let done: Vec<Updated> = ids.into_iter().map(|id| one(app, out, id, dry, yes)).collect();
    let code = done.iter().filter_map(|one| one.error.as_ref()).map(|error| error.code.exit()).max().unwrap_or(0);
    let rows: Vec<Value> = done.iter().map(value).collect();
    let failed = done.iter().find_map(|one| one.error.as_ref());
    let message = failed.map(|error| error.message.clone());
    let detail = done.iter().find_map(|one| one.error.clone()).map(ErrorDetail::from);
    let answer = json!({"success": code == 0, "dry_run": dry, "providers": rows, "error": message, "error_detail": detail});
    out.answer(&answer, |paint| {
        if done.is_empty() {
            return String::from("Nothing is imported. angelia integrations:import SOURCE imports a description.");
        }
        done.iter().map(|one| lines(*paint, one, dry)).collect::<Vec<_>>().join("\n")
    });
    Ok(code)
}

fn value(one: &Updated) -> Value {
    let mut value = json!({
        "provider": one.provider, "changed": one.drift.as_ref().is_some_and(|drift| !drift.is_empty()), "updated": one.written,
        "drift": one.drift, "error": one.error.as_ref().map(|error| error.message.clone()),
    });
    value["error_code"] = one.error.as_ref().map(|error| Value::from(error.code.as_str())).unwrap_or_default();
    value
}

fn one(app: &App, out: &Out, provider: String, dry: bool, yes: bool) -> Updated {
    let mut updated = Updated { provider, drift: None, written: false, error: None };
    if let Err(error) = renew(app, out, &mut updated, dry, yes) {
        updated.error = Some(error);
    }
    updated
}

fn renew(app: &App, out: &Out, updated: &mut Updated, dry: bool, yes: bool) -> Result<()> {
    let id = updated.provider.clone();
    let old = kept(app, &id)?.ok_or_else(|| Error::new(Code::NotFound, format!("'{id}' is no import")))?;
    if old.source == "-" {
        return Err(Error::usage(format!("'{id}' came from stdin, so it cannot be fetched again"))
            .hint(format!("angelia integrations:import - --as {id}")));
    }
    let bytes = Source::of(&old.source)?.read(old.allow_private, &old.headers)?;
    let imported = make(&bytes, &old.wanted(today()), old.overlay.as_ref())?;
    let new = Stored { names: imported.report.names.clone(), provider: imported.provider, ..old.clone() };
    let found = drift(&old.provider, &new.provider);
    let same = |stored: &Stored| stored.provider.origin.as_ref().map(|origin| origin.sha256.clone());
    let unchanged = found.is_empty() && same(&old) == same(&new);
    let found = updated.drift.insert(found);
    if dry || unchanged {
        return Ok(());
    }
    if found.breaks() && !yes {
        agree(out, &id, found, "angelia integrations:update --yes takes it as it is")?;
    }
    keep(app, &new)?;
    updated.written = true;
    Ok(())
}

/// Asks whether a change that breaks is wanted; an error where it is not, or where nobody can be asked.
pub fn agree(out: &Out, id: &str, drift: &Drift, otherwise: &str) -> Result<()> {
    let refused = |why: &str| {
        let shown: Vec<String> = drift
            .provider
            .iter()
            .cloned()
            .chain(drift.removed.iter().map(|id| format!("{id} is gone")))
            .chain(drift.breaking.iter().map(said))
            .collect();
        let most = shown.iter().take(5).map(|text| clean(text)).collect::<Vec<_>>().join("; ");
        let more = if shown.len() > 5 { format!("; and {} more", shown.len() - 5) } else { String::new() };
        Error::new(Code::ApprovalRequired, format!("'{id}' changed so that calls may break{why}: {most}{more}. Nothing was changed"))
            .hint(format!("angelia integrations:update {id} --dry-run"))
            .hint(otherwise.to_owned())
    };
    if out.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(refused(", and nobody can be asked"));
    }
    out.stderr(&format!("{}\nTake it as it is now? [y/N] ", changes(out.paint(), drift)));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Error::usage(format!("the terminal cannot be read: {error}")))?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") { Ok(()) } else { Err(refused("")) }
}

fn said(change: &Change) -> String {
    format!("{} {}", change.function, change.what.join(", "))
}

fn changes(paint: Paint, drift: &Drift) -> String {
    let mut lines: Vec<String> = drift.provider.iter().map(|what| format!("  {} {}", paint.red("breaking"), clean(what))).collect();
    lines.extend(drift.breaking.iter().map(|change| format!("  {} {}", paint.red("breaking"), clean(&said(change)))));
    lines.extend(drift.removed.iter().map(|id| format!("  {} {id}", paint.red("removed"))));
    lines.extend(drift.added.iter().map(|id| format!("  {} {id}", paint.green("added"))));
    lines.extend(drift.compatible.iter().map(|change| format!("  {} {}", paint.dim("compatible"), clean(&said(change)))));
    lines.join("\n")
}

fn lines(paint: Paint, one: &Updated, dry: bool) -> String {
    let id = paint.bold(&one.provider);
    let mut lines = match (&one.error, &one.drift) {
        (Some(error), _) => vec![format!("{id}: {} {}", paint.red("error:"), clean(&error.message))],
        (None, Some(drift)) if drift.is_empty() => vec![format!("{id}: nothing changed")],
        _ if dry => vec![format!("{id}: would change")],
        _ => vec![format!("{id}: updated")],
    };
    if let (Some(drift), Some(error)) = (&one.drift, &one.error) {
        lines.push(changes(paint, drift));
        lines.extend(error.hints.iter().map(|hint| format!("{} {hint}", paint.dim("  →"))));
    } else if let Some(drift) = one.drift.as_ref().filter(|drift| !drift.is_empty()) {
        lines.push(changes(paint, drift));
    }
    lines.join("\n")
}
