//! `integrations:update`: descriptions are fetched again and what changed is said. Where calls may break, or credentials would go elsewhere,
//! a person agrees first; where nobody can be asked nothing is changed.

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::envelope::ErrorDetail;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, clean};
use crate::cli::import::agree::{Asked, Much, agree, changes, mark};
use crate::cli::import::source::Source;
use crate::cli::import::{file, keep, laid, texts, today};
use crate::cli::output::{Out, Paint};
use crate::registry::credential::Credential;
use crate::registry::import::Description;
use crate::registry::import::drift::{Drift, drift};
use crate::registry::import::stored::{FOLDER, Stored};
use crate::registry::manifest::Provider;
use crate::registry::user;

/// What became of one import.
struct Updated {
    provider: String,
    drift: Option<Drift>,
    /// It is in its file now.
    written: bool,
    /// What is to be done before it can be called again.
    next: Vec<String>,
    error: Option<Error>,
}

/// How imports are made again.
#[derive(Clone, Copy)]
struct How {
    dry: bool,
    yes: bool,
    much: Much,
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
    let much = if arguments.get_flag("report") { Much::All } else { Much::First };
    let how = How { dry: arguments.get_flag("dry-run"), yes: arguments.get_flag("yes"), much };
    let done: Vec<Updated> = ids.into_iter().map(|id| one(app, out, id, how)).collect();
    // The exit status is the gravest, and what is said of the whole is said of the same one.
    let worst = done.iter().filter_map(|one| one.error.as_ref()).reduce(|a, b| if b.code.exit() > a.code.exit() { b } else { a });
    let code = worst.map_or(0, |error| error.code.exit());
    let rows: Vec<Value> = done.iter().map(value).collect();
    let detail = worst.cloned().map(ErrorDetail::from);
    let message = worst.map(|error| &error.message);
    let answer = json!({"success": code == 0, "dry_run": how.dry, "providers": rows, "error": message, "error_detail": detail});
    out.answer(&answer, |paint| {
        if done.is_empty() {
            return String::from("Nothing is imported. angelia integrations:import SOURCE imports a description.");
        }
        done.iter().map(|one| lines(*paint, one, how)).collect::<Vec<_>>().join("\n")
    });
    Ok(code)
}

fn value(one: &Updated) -> Value {
    let mut value = json!({
        "provider": one.provider, "changed": one.drift.as_ref().is_some_and(|drift| !drift.is_empty()), "updated": one.written,
        "drift": one.drift, "next": one.next, "error": one.error.as_ref().map(|error| error.message.clone()),
    });
    value["error_code"] = one.error.as_ref().map(|error| Value::from(error.code.as_str())).unwrap_or_default();
    value
}

fn one(app: &App, out: &Out, provider: String, how: How) -> Updated {
    let mut updated = Updated { provider, drift: None, written: false, next: Vec::new(), error: None };
    if let Err(error) = renew(app, out, &mut updated, how) {
        updated.error = Some(error);
    }
    updated
}

fn renew(app: &App, out: &Out, updated: &mut Updated, how: How) -> Result<()> {
    let id = updated.provider.clone();
    let old = kept(app, &id)?.ok_or_else(|| Error::new(Code::NotFound, format!("'{id}' is no import")))?;
    if old.source == "-" {
        return Err(Error::usage(format!("'{id}' came from stdin, so it cannot be fetched again"))
            .hint(format!("angelia integrations:import - --as {id}")));
    }
    let bytes = Source::of(&old.source)?.read(old.allow_private, &old.headers)?;
    let imported = laid(Description::read(&bytes)?.import(&old.wanted(today()))?, old.overlay.as_ref())?;
    if let Some(nothing) = imported.nothing() {
        return Err(nothing.hint(format!("angelia integrations:docs {id} shows it as it is, unchanged")));
    }
    let new = Stored { names: imported.report.names.clone(), provider: imported.provider, ..old.clone() };
    let mut found = drift(&old.provider, &new.provider);
    mark(app, &id, &mut found)?;
    let same = |stored: &Stored| stored.provider.origin.as_ref().map(|origin| origin.sha256.clone());
    let unchanged = found.is_empty() && same(&old) == same(&new);
    let found = updated.drift.insert(found);
    if how.dry || unchanged {
        return Ok(());
    }
    if found.asks() && !how.yes {
        let next = ["--dry-run", "--yes"].map(|word| format!("angelia integrations:update {id} {word}")).to_vec();
        agree(out, &Asked { id: &id, drift: found, known: true, next })?;
    }
    keep(app, &new)?;
    updated.written = true;
    updated.next = wanted_now(app, &old.provider, &new.provider)?;
    Ok(())
}

/// The command that gives the credentials which nobody needed before.
fn wanted_now(app: &App, old: &Provider, new: &Provider) -> Result<Vec<String>> {
    let vault = app.vault()?;
    let needed = |field: &&Credential| field.required && field.default.is_none();
    let before: Vec<&str> = old.credentials.iter().filter(needed).map(|field| field.key.as_str()).collect();
    let come = new.credentials.iter().filter(needed).map(|field| field.key.as_str()).filter(|key| !before.contains(key));
    let has = |key: &str| vault.stored(&new.id, DEFAULT_ACCOUNT).any(|(stored, _)| stored == key);
    let set: String = come.filter(|key| !has(key)).map(|key| format!(" --set {key}=…")).collect();
    Ok(if set.is_empty() { Vec::new() } else { vec![format!("angelia integrations:configure {}{set}", new.id)] })
}

fn lines(paint: Paint, one: &Updated, how: How) -> String {
    let id = paint.bold(&one.provider);
    let mut lines = match (&one.error, &one.drift) {
        (Some(error), _) => vec![format!("{id}: {} {}", paint.red("error:"), clean(&error.message))],
        (None, Some(drift)) if drift.is_empty() => vec![format!("{id}: nothing changed")],
        _ if how.dry => vec![format!("{id}: would change")],
        _ => vec![format!("{id}: updated")],
    };
    if let Some(drift) = one.drift.as_ref().filter(|drift| !drift.is_empty()) {
        lines.push(changes(paint, drift, how.much));
    }
    let hints = one.error.iter().flat_map(|error| &error.hints).chain(&one.next);
    lines.extend(hints.map(|hint| format!("{} {}", paint.dim("  →"), clean(hint))));
    lines.join("\n")
}
