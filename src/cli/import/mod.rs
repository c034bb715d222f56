//! `integrations:import` and `integrations:update`: a description is read, made into a provider, shown and kept. What changes behind a person's
//! back is asked about: a description is somebody else's word.

mod agree;
pub mod ids;
pub mod source;
mod told;
pub mod tree;
pub mod update;

use std::path::PathBuf;

use crate::app::App;
use crate::base::clock::{now_ms, rfc3339};
use crate::base::error::{Error, Result};
use crate::base::name::clean;
use crate::cli::configure;
use crate::cli::output::Out;
use crate::config::edit::{self, Change};
use crate::config::files;
use crate::registry::import::drift::{Drift, drift};
use crate::registry::import::kept::Names;
use crate::registry::import::stored::{FOLDER, Overlay, Stored};
use crate::registry::import::{self, Description, Imported};
use crate::registry::index::is_provider_id;
use crate::registry::known::Known;
use crate::registry::manifest::Provider;
use crate::registry::user;
use clap::ArgMatches;

use self::agree::{Asked, agree, mark};
use self::source::Source;
use self::told::Told;

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
    let mut wanted = wanted(arguments, &source, known.as_ref())?;
    let replace = arguments.get_flag("replace");
    if !wanted.id.is_empty() {
        ids::may_take(&app.catalog()?, &wanted.id, replace)?;
    }
    let headers = texts(arguments, "header");
    let bytes = source.read(allow_private, &headers).map_err(|error| instead(error, known.as_ref()))?;
    let description = Description::read(&bytes)?;
    if wanted.id.is_empty() {
        wanted.id = description.id(&wanted.source);
        ids::may_take(&app.catalog()?, &wanted.id, replace)?;
    }
    let before = update::kept(app, &wanted.id)?;
    if let Some(old) = &before {
        wanted.names = old.names.clone();
    }
    let mut imported = laid(description.import(&wanted)?, overlay.as_ref())?;
    // Both may be large, and what comes needs room too.
    drop(description);
    drop(bytes);
    let mut told = Told {
        file: None,
        dry: arguments.get_flag("dry-run"),
        report: arguments.get_flag("report"),
        again: told::again(&source.kept(), &wanted.id, arguments),
        drift: None,
    };
    if let Some(nothing) = imported.nothing() {
        return told::nothing(out, nothing, &imported.report, &told);
    }
    let stored = Stored {
        source: source.kept(),
        include: wanted.include.clone(),
        exclude: wanted.exclude.clone(),
        headers,
        endpoint: wanted.endpoint.clone(),
        allow_private,
        overlay,
        names: imported.report.names.clone(),
        provider: imported.provider,
    };
    imported.report.notes.extend(source.forgotten());
    let drift = changed(app, before.as_ref(), &stored.provider)?;
    if before.is_none() {
        imported.report.notes.extend(drift.provider.iter().cloned());
    }
    if drift.asks() && !told.dry && !replace {
        let mut next = vec![format!("{} --dry-run", told.again), format!("{} --replace", told.again)];
        if before.is_none() {
            next.splice(..0, ids::forget(app, &wanted.id)?);
        }
        agree(out, &Asked { id: &wanted.id, drift: &drift, known: before.is_some(), next })?;
    }
    told.drift = before.map(|_| drift);
    if !told.dry {
        told.file = Some(keep(app, &stored)?);
    }
    if allow_private && !told.dry {
        let path = ["integrations", &wanted.id, "allow_private"].map(str::to_owned).to_vec();
        configure::apply(app, false, vec![Change { path, value: Some(edit::value("true")) }])?;
    }
    told::answer(out, &stored, &imported.report, &told);
    Ok(0)
}

/// What the command line wants; the id is empty where it says none.
fn wanted(arguments: &ArgMatches, source: &Source, known: Option<&Known>) -> Result<import::Wanted> {
    let wanted = import::Wanted {
        id: text(arguments, "as").or_else(|| known.map(|known| known.id.clone())).unwrap_or_default(),
        source: source.shown(),
        endpoint: text(arguments, "endpoint").or_else(|| source.endpoint()).or_else(|| known.and_then(graphql_base)),
        today: today(),
        include: texts(arguments, "include"),
        exclude: texts(arguments, "exclude"),
        names: Names::default(),
    };
    if !wanted.id.is_empty() && !is_provider_id(&wanted.id) {
        return Err(Error::usage(format!("'{}' cannot be the id of a provider: use a-z, 0-9 and _", clean(&wanted.id))));
    }
    Ok(wanted)
}

/// What is different from the import of the same id, or what the first one would get that is stored under the id.
fn changed(app: &App, before: Option<&Stored>, new: &Provider) -> Result<Drift> {
    let Some(old) = before else {
        return Ok(Drift { provider: ids::inherits(app, new)?.into_iter().collect(), ..Drift::default() });
    };
    let mut found = drift(&old.provider, new);
    mark(app, &new.id, &mut found)?;
    Ok(found)
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

/// An import with the overlay over it.
pub fn laid(imported: Imported, overlay: Option<&Overlay>) -> Result<Imported> {
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
