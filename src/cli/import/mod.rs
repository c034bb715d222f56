//! `integrations:import` and `integrations:update`: a description is read, made into a provider, shown and kept. What changes behind a person's
//! back is asked about: a description is somebody else's word.

pub mod source;
pub mod tree;
pub mod update;

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::clock::{now_ms, rfc3339};
use crate::base::error::{Code, Error, Result};
use crate::base::name::clean;
use crate::cli::configure;
use crate::cli::output::{Out, Paint};
use crate::config::edit::{self, Change};
use crate::config::files;
use crate::registry::catalog::{Catalog, Layer};
use crate::registry::import::stored::{FOLDER, Overlay, Stored};
use crate::registry::import::{self, Imported, Report};
use crate::registry::index::is_provider_id;
use crate::registry::known::Known;
use crate::registry::manifest::Provider;
use crate::registry::user;

use self::source::Source;

/// Words that no field of a Lua table can be named by.
#[rustfmt::skip]
const LUA: &[&str] = &[
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not", "or", "repeat",
    "return", "then", "true", "until", "while",
];

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
    let known = source::described(&word);
    let overlay = text(arguments, "overlay").map(|path| source::overlay(&path)).transpose()?;
    let (include, exclude) = (texts(arguments, "include"), texts(arguments, "exclude"));
    let wanted = import::Wanted {
        id: text(arguments, "as").or_else(|| known.as_ref().map(|known| known.id.clone())).unwrap_or_default(),
        source: source.shown(),
        endpoint: text(arguments, "endpoint").or_else(|| source.endpoint()).or_else(|| known.as_ref().and_then(graphql_base)),
        today: today(),
        include: include.clone(),
        exclude: exclude.clone(),
    };
    if !wanted.id.is_empty() && !is_provider_id(&wanted.id) {
        return Err(Error::usage(format!("'{}' cannot be the id of a provider: use a-z, 0-9 and _", clean(&wanted.id))));
    }
    let bytes = source.read(allow_private)?;
    let imported = make(&bytes, &wanted, overlay.as_ref())?;
    let stored = Stored {
        source: source.kept(),
        include,
        exclude,
        endpoint: wanted.endpoint.clone(),
        allow_private,
        overlay,
        provider: imported.provider,
    };
    let id = stored.provider.id.clone();
    may_take(&app.catalog()?, &id, arguments.get_flag("replace"))?;
    let dry = arguments.get_flag("dry-run");
    let old = update::kept(app, &id)?;
    if old.is_none() && !dry && !arguments.get_flag("replace") {
        may_inherit(app, &stored.provider)?;
    }
    let drift = old.map(|old| import::drift::drift(&old.provider, &stored.provider));
    if let Some(drift) = drift.as_ref().filter(|drift| drift.breaks() && !dry && !arguments.get_flag("replace")) {
        update::agree(out, &id, drift, "--replace imports it anyway")?;
    }
    let file = if dry { None } else { Some(keep(app, &stored)?) };
    if allow_private && !dry {
        let path = ["integrations", &id, "allow_private"].map(str::to_owned).to_vec();
        configure::apply(app, false, vec![Change { path, value: Some(edit::value("true")) }])?;
    }
    answer(out, &stored, &imported.report, &Told { file, dry, report: arguments.get_flag("report") });
    Ok(0)
}

/// Where a service of the index answers GraphQL: a schema does not say it.
fn graphql_base(known: &Known) -> Option<String> {
    (known.format == "graphql").then(|| known.base.clone())
}

/// Makes the provider, with the overlay over it.
pub fn make(bytes: &[u8], wanted: &import::Wanted, overlay: Option<&Overlay>) -> Result<Imported> {
    let imported = import::import(bytes, wanted)?;
    match overlay {
        None => Ok(imported),
        Some(overlay) => import::lay_over(imported, &overlay.name, &overlay.text),
    }
}

/// Refuses an id that another provider has: an import must not quietly take the place of what somebody relies on.
fn may_take(catalog: &Catalog, id: &str, replace: bool) -> Result<()> {
    // A word of the command line would be that word, and one of Lua could not be written in a script.
    let spoken = crate::cli::tree::verbs("integrations").iter().any(|verb| verb == id) || LUA.contains(&id);
    let own = [crate::registry::function::WORKFLOWS, "workflows", "mcp", "data", "docs", "results", "script"].contains(&id);
    if !is_provider_id(id) || spoken || own {
        return Err(Error::usage(format!("'{}' cannot be the id of an import", clean(id))).hint("--as NAME takes another one"));
    }
    if !catalog.ids()?.iter().any(|known| known == id) {
        return Ok(());
    }
    let taken = |why: String| Err(Error::usage(why).hint(format!("--as {}_imported keeps both", id.chars().take(50).collect::<String>())));
    match catalog.provider(id)?.layer {
        Layer::Import | Layer::Overlaid => Ok(()),
        Layer::BuiltIn if replace => Ok(()),
        Layer::BuiltIn => taken(format!("'{id}' is a built-in provider that was checked against the service; the import would hide it"))
            .map_err(|error: Error| error.hint("--replace hides it all the same")),
        layer => taken(format!("'{id}' is a {} provider", layer.as_str())),
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
    let text = serde_json::to_string(stored).map_err(|error| Error::internal(error.to_string()))?;
    files::locked(&path, || files::write_private(&path, &text))?;
    if let Some(cache) = app.dirs.cache() {
        drop(user::open_imports(&folder, &cache.join(FOLDER)));
    }
    Ok(path)
}

struct Told {
    file: Option<PathBuf>,
    dry: bool,
    report: bool,
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
        next.push(format!("angelia integrations:import {} --as {id}", stored.source));
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

/// Refuses to hand credentials of an earlier service to another one that takes its id.
fn may_inherit(app: &App, provider: &Provider) -> Result<()> {
    let (id, vault) = (&provider.id, app.vault()?);
    let Some(account) = vault.accounts(id).into_iter().find(|account| vault.stored(id, account).next().is_some()) else { return Ok(()) };
    let to = provider.servers.values().next().map(crate::base::json::plain).unwrap_or_default();
    let why = format!(
        "Credentials of an earlier '{id}' are still stored, and would go to {} ({}). Nothing was changed",
        clean(&to),
        clean(&provider.title)
    );
    Err(Error::new(Code::ApprovalRequired, why)
        .hint(format!("angelia integrations:accounts {id} --remove={account}"))
        .hint("--replace hands them on; --as NAME takes another id"))
}

/// Takes the rules of a provider that is gone out of the user's settings, so that no other one has them by its name. Where another provider
/// of this name was only hidden, it keeps them but for private addresses.
pub fn forget_rules(app: &App, id: &str) -> Result<String> {
    let stays = app.catalog()?.ids()?.iter().any(|known| known == id);
    let mut path = vec![String::from("integrations"), id.to_owned()];
    if stays {
        path.push(String::from("allow_private"));
    }
    if app.dirs.config().is_some_and(|config| config.join("config.toml").is_file()) {
        configure::apply(app, false, vec![Change { path, value: None }])?;
    }
    let vault = app.vault()?;
    let kept = vault.accounts(id).into_iter().find(|account| vault.stored(id, account).next().is_some());
    Ok(match (stays, kept) {
        (true, _) => String::from("The provider that it hid is back, with the credentials and rules of that name."),
        (false, None) => String::from("Its rules went with it."),
        (false, Some(account)) => format!(
            "Its rules went with it; its credentials are still stored: angelia integrations:accounts {id} --remove={account} deletes them."
        ),
    })
}

/// Takes an import out of the catalog.
pub fn remove(app: &App, out: &Out, id: &str) -> Result<u8> {
    let Some(path) = file(app, id).filter(|path| path.is_file()) else {
        return Err(Error::new(Code::NotFound, format!("The file of the import '{id}' was not found")));
    };
    files::locked(&path, || {
        std::fs::remove_file(&path).map_err(|error| Error::usage(format!("{} cannot be removed: {error}", path.display())))
    })?;
    if let Some(cache) = app.dirs.cache() {
        drop(std::fs::remove_file(cache.join(FOLDER).join(format!("{id}.bin"))));
    }
    drop(std::fs::remove_file(path.with_extension("lock")));
    let rest = forget_rules(app, id)?;
    let value: Value = json!({"success": true, "provider": id, "file": path.display().to_string()});
    out.answer(&value, |_| format!("{} is removed. {rest}", path.display()));
    Ok(0)
}
