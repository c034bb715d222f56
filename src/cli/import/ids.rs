//! Ids of imports: which may be taken, and what is given back with one. An id carries credentials, rules and the leave to reach private
//! addresses; none of these passes quietly to another service that takes the id later.

use serde_json::{Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::cli::import::file;
use crate::cli::output::Out;
use crate::cli::{configure, tree};
use crate::config::edit::Change;
use crate::config::files;
use crate::config::layers::{Integration, Rule};
use crate::registry::catalog::{Catalog, Layer};
use crate::registry::docs::LUA_WORDS;
use crate::registry::function::WORKFLOWS;
use crate::registry::import::stored::FOLDER;
use crate::registry::index::is_provider_id;
use crate::registry::manifest::Provider;

/// Refuses what cannot be the id of a provider: no command would reach it, or the word means something else already.
pub fn may_be(id: &str) -> Result<()> {
    let ours = [WORKFLOWS, "workflows", "mcp", "data", "docs", "results", "script"].contains(&id);
    let meant_otherwise = LUA_WORDS.contains(&id) || !tree::is_shortcut(&format!("integrations:{id}"));
    let why = match is_provider_id(id) {
        false => "a-z, 0-9 and _, a letter first, at most 63 characters",
        true if ours || meant_otherwise => "the word means something else here",
        true => return Ok(()),
    };
    Err(Error::usage(format!("'{}' cannot be the id of a provider: {why}", printable(id))))
}

/// Refuses an id that another provider has: an import must not quietly take the place of what somebody relies on.
pub fn may_take(catalog: &Catalog, id: &str, replace: bool) -> Result<()> {
    may_be(id).map_err(|error| error.hint("Take another one with --as NAME"))?;
    if !catalog.ids()?.iter().any(|known| known == id) {
        return Ok(());
    }
    let taken =
        |why: String| Err(Error::usage(why).hint(format!("Keep both with --as {}_imported", id.chars().take(50).collect::<String>())));
    match catalog.provider(id)?.layer {
        Layer::Import | Layer::Overlaid => Ok(()),
        Layer::BuiltIn if replace => Ok(()),
        Layer::BuiltIn => taken(format!("'{id}' is a built-in provider that was checked against the service; the import would hide it"))
            .map_err(|error: Error| error.hint("Hide it all the same with --replace")),
        layer => taken(format!("'{id}' is a {} provider", layer.as_str())),
    }
}

/// Where credentials would go that are stored for an id from before; nothing where the new provider uses none of them.
pub fn inherits(app: &App, new: &Provider) -> Result<Option<String>> {
    let vault = app.vault()?;
    if !vault.knows(&new.id) {
        return Ok(None);
    }
    let used = |key: &str| new.credentials.iter().any(|field| field.key == key);
    let accounts = vault.accounts(&new.id);
    let any = accounts.iter().any(|account| vault.stored(&new.id, account).any(|(key, _)| used(key)));
    let server = new.servers.get("default").and_then(Value::as_str).map(printable).unwrap_or_default();
    Ok(any.then(|| format!("credentials that are stored for '{}' from before go to {server}", new.id)))
}

/// The commands that remove what is stored under an id.
pub fn forget(app: &App, id: &str) -> Result<Vec<String>> {
    let vault = app.vault()?;
    let kept = if vault.knows(id) { vault.accounts(id) } else { Vec::new() };
    Ok(kept.iter().map(|alias| format!("angelia integrations:accounts {id} --remove {alias}")).collect())
}

/// Takes an import out of the catalog, and with it whatever allowed it something. What forbids stays.
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
    let allowed = app.config.integration(id).0.map(|rules| allowances(id, rules)).unwrap_or_default();
    let settings: Vec<String> = allowed.iter().map(|path| path.join(".")).collect();
    if !allowed.is_empty() {
        configure::apply(app, false, allowed.into_iter().map(|path| Change { path, value: None }).collect())?;
    }
    let next = forget(app, id)?;
    let value: Value = json!({
        "success": true, "provider": id, "file": path.display().to_string(), "settings_removed": settings, "next": next,
    });
    out.answer(&value, |paint| {
        let mut lines = vec![format!("{} is removed.", path.display())];
        if !settings.is_empty() {
            lines.push(format!("What allowed '{id}' something is removed from the settings: {}.", settings.join(", ")));
        }
        if !next.is_empty() {
            lines.push(format!("Credentials of '{id}' stay until you remove them:"));
            lines.extend(next.iter().map(|next| format!("{} {next}", paint.dim("  →"))));
        }
        lines.join("\n")
    });
    Ok(0)
}

/// The settings that allow a provider something, as paths.
fn allowances(id: &str, rules: &Integration) -> Vec<Vec<String>> {
    let path = |rest: &[&str]| -> Vec<String> { ["integrations", id].iter().chain(rest).map(|part| (*part).to_owned()).collect() };
    let allows = |rule: &Option<Rule>| *rule == Some(Rule::Allow);
    let mut found = Vec::new();
    for (key, set) in [
        ("enabled", rules.enabled == Some(true)),
        ("allow_private", rules.allow_private == Some(true)),
        ("servers", !rules.servers.is_empty()),
        ("read", allows(&rules.read)),
        ("write", allows(&rules.write)),
        ("destructive", allows(&rules.destructive)),
    ] {
        if set {
            found.push(path(&[key]));
        }
    }
    let allowed = |(name, rule): (&String, &Rule)| (*rule == Rule::Allow).then(|| name.clone());
    found.extend(rules.functions.iter().filter_map(allowed).map(|name| path(&["functions", &name])));
    for (alias, account) in &rules.accounts {
        let of = |rest: &[&str]| path(&[&["accounts", alias.as_str()], rest].concat());
        for (key, rule) in [("read", &account.read), ("write", &account.write), ("destructive", &account.destructive)] {
            if allows(rule) {
                found.push(of(&[key]));
            }
        }
        found.extend(account.functions.iter().filter_map(allowed).map(|name| of(&["functions", &name])));
    }
    found
}
