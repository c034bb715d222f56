//! `integrations:import` and `integrations:update`: a description is read, made into a provider, shown and kept. What changes behind a person's
//! back is asked about: a description is somebody else's word.

pub mod ids;
pub mod source;
pub mod tree;
pub mod update;

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::json;

use crate::app::App;
use crate::base::clock::{now_ms, rfc3339};
use crate::base::error::{Error, Result};
use crate::base::name::clean;
use crate::cli::configure;
use crate::cli::output::{Out, Paint};
use crate::config::edit::{self, Change};
use crate::config::files;
use crate::registry::import::kept::Names;
use crate::registry::import::stored::{FOLDER, Overlay, Stored};
use crate::registry::import::{self, Imported, Report};
use crate::registry::index::is_provider_id;
use crate::registry::known::Known;
use crate::registry::user;

use self::source::Source;

fn text(arguments: &ArgMatches, key: &str) -> Option<String> {
    arguments.get_one::<String>(key).cloned()
}

fn texts(arguments: &ArgMatches, key: &str) -> Vec<String> {
    arguments.get_many::<String>(key).into_iter().flatten().cloned().collect()
}

/// Today, ISO 8601.
fn today() -> String {
    rfc3339(now_ms()).chars().take(10).collect()
}

/// `integrations:import`.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let allow_private = arguments.get_flag("allow-private");
    let word = text(arguments, "source").unwrap_or_default();
    let source = Source::of(&word)?;
    let known = source::described(&word)?;
    let overlay = text(arguments, "overlay").map(|path| source::overlay(&path)).transpose()?;
    let (include, exclude) = (texts(arguments, "include"), texts(arguments, "exclude"));
    let mut wanted = import::Wanted {
        id: text(arguments, "as").or_else(|| known.as_ref().map(|known| known.id.clone())).unwrap_or_default(),
        source: source.shown(),
        endpoint: text(arguments, "endpoint").or_else(|| source.endpoint()).or_else(|| known.as_ref().and_then(graphql_base)),
        today: today(),
        include: include.clone(),
        exclude: exclude.clone(),
        names: Names::default(),
    };
    if !wanted.id.is_empty() && !is_provider_id(&wanted.id) {
        return Err(Error::usage(format!("'{}' cannot be the id of a provider: use a-z, 0-9 and _", clean(&wanted.id))));
    }
    let replace = arguments.get_flag("replace");
    if !wanted.id.is_empty() {
        ids::may_take(&app.catalog()?, &wanted.id, replace)?;
    }
    let headers = texts(arguments, "header");
    let bytes = source.read(allow_private, &headers).map_err(|error| instead(error, known.as_ref()))?;
    let (mut imported, before) = again(app, &bytes, &mut wanted, overlay.as_ref())?;
    drop(bytes);
    let stored = Stored {
        source: source.kept(),
        include,
        exclude,
        headers,
        endpoint: wanted.endpoint.clone(),
        allow_private,
        overlay,
        names: imported.report.names.clone(),
        provider: imported.provider,
    };
    let id = stored.provider.id.clone();
    ids::may_take(&app.catalog()?, &id, replace)?;
    let dry = arguments.get_flag("dry-run");
    let drift = match before {
        Some(old) => import::drift::drift(&old.provider, &stored.provider),
        None => import::drift::Drift { provider: ids::inherits(app, &stored.provider)?.into_iter().collect(), ..Default::default() },
    };
    imported.report.notes.extend(drift.provider.iter().cloned());
    if drift.breaks() && !dry && !replace {
        update::agree(out, &id, &drift, "--replace imports it anyway")?;
    }
    let file = if dry { None } else { Some(keep(app, &stored)?) };
    if allow_private && !dry {
        let path = ["integrations", &id, "allow_private"].map(str::to_owned).to_vec();
        configure::apply(app, false, vec![Change { path, value: Some(edit::value("true")) }])?;
    }
    answer(
        out,
        &stored,
        &imported.report,
        &Told { file, dry, report: arguments.get_flag("report"), source: source.kept(), options: options(arguments) },
    );
    Ok(0)
}

/// Makes the provider, with the names that an import of the same id gave, and with that import. An id that nobody named is the description's.
fn again(app: &App, bytes: &[u8], wanted: &mut import::Wanted, overlay: Option<&Overlay>) -> Result<(Imported, Option<Stored>)> {
    if wanted.id.is_empty() {
        let first = import::import(bytes, wanted)?;
        wanted.id.clone_from(&first.provider.id);
        if update::kept(app, &wanted.id)?.is_none() {
            return Ok((laid(first, overlay)?, None));
        }
    }
    let before = update::kept(app, &wanted.id)?;
    if let Some(old) = &before {
        wanted.names = old.names.clone();
    }
    Ok((make(bytes, wanted, overlay)?, before))
}

/// What else can be done where the description of a service of the index cannot be fetched.
fn instead(error: Error, known: Option<&Known>) -> Error {
    match known {
        Some(known) => error.hint(format!(
            "Its description is at {}: saved to a file, angelia integrations:import FILE --as {} imports it",
            known.description, known.id
        )),
        None => error,
    }
}

/// Where a service of the index answers GraphQL: a schema does not say it.
fn graphql_base(known: &Known) -> Option<String> {
    (known.format == "graphql").then(|| known.base.clone())
}

/// Makes the provider, with the overlay over it.
pub fn make(bytes: &[u8], wanted: &import::Wanted, overlay: Option<&Overlay>) -> Result<Imported> {
    laid(import::import(bytes, wanted)?, overlay)
}

fn laid(imported: Imported, overlay: Option<&Overlay>) -> Result<Imported> {
    match overlay {
        None => Ok(imported),
        Some(overlay) => import::lay_over(imported, &overlay.name, &overlay.text),
    }
}

/// The file of an import.
pub fn file(app: &App, id: &str) -> Option<PathBuf> {
    app.dirs.data().map(|data| data.join(FOLDER).join(format!("{id}.json")))
}

/// Writes an import and compiles it, so that no later command has to.
pub fn keep(app: &App, stored: &Stored) -> Result<PathBuf> {
    let folder = app.dirs.make_data()?.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(|error| Error::usage(format!("The folder {} cannot be made: {error}", folder.display())))?;
    let path = folder.join(format!("{}.json", stored.provider.id));
    // The text may be large, and compiling needs room too.
    let write = |text: String| files::locked(&path, || files::write_private(&path, &text));
    write(serde_json::to_string(stored).map_err(|error| Error::internal(error.to_string()))?)?;
    if let Some(cache) = app.dirs.cache() {
        drop(user::open_imports(&folder, &cache.join(FOLDER), Some(&stored.provider.id)));
    }
    Ok(path)
}

struct Told {
    file: Option<PathBuf>,
    dry: bool,
    report: bool,
    /// As it was typed, without credentials.
    source: String,
    /// What else was wanted, as words of the command line.
    options: String,
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

fn answer(out: &Out, stored: &Stored, report: &Report, told: &Told) {
    let provider = &stored.provider;
    let id = &provider.id;
    let left_out = report.operations.iter().filter(|fate| fate.left_out.is_some()).count();
    let warned = report.operations.iter().filter(|fate| !fate.warnings.is_empty()).count();
    let tier = if provider.origin.as_ref().is_some_and(|origin| origin.verified) { "verified" } else { "imported" };
    let first = provider.functions.first().map_or("", |function| function.id.as_str());
    let mut next = Vec::new();
    if told.dry {
        next.push(format!("angelia integrations:import {} --as {id}{}", quoted(&told.source), told.options));
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
