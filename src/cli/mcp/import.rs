//! `mcp:import` and `mcp:export`: servers from and for other programs. Secrets go into the credential store on the way in, and stay there on
//! the way out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, in_plain_sight, printable};
use crate::base::secret::Secret;
use crate::cli::mcp::{add, all, servers, text};
use crate::cli::output::Out;
use crate::config::files as plain;
use crate::mcp::clients::{self, CLIENTS, Form};
use crate::mcp::edit::Own;
use crate::mcp::entry;
use crate::mcp::exchange::{self, Dialect};
use crate::mcp::files;
use crate::mcp::trust::Trust;
use crate::registry::function::UPSTREAMS;

/// What becomes of the entries of a file.
#[derive(Default)]
struct Plan {
    entries: Vec<(String, Option<Value>)>,
    secrets: Vec<(String, BTreeMap<String, Option<Secret>>)>,
    skipped: Vec<(String, String)>,
}

/// `mcp:import`.
pub fn import(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let (path, found) = source(arguments)?;
    let own = Own { path: app.dirs.make_config()?.join("mcp.json"), root: None };
    let plan = plan(&own, found, &all(arguments, "only"), arguments.get_flag("overwrite"))?;
    if let Some(name) = all(arguments, "only")
        .into_iter()
        .find(|name| !plan.entries.iter().any(|(known, _)| known == name) && !plan.skipped.iter().any(|(known, _)| known == name))
    {
        return Err(Error::new(Code::NotFound, format!("{} has no server '{}'", path.display(), printable(&name))));
    }
    let dry = arguments.get_flag("dry-run");
    if !dry {
        for (id, values) in &plan.secrets {
            add::keep(app, id, DEFAULT_ACCOUNT, values)?;
        }
        own.change(&app.dirs, &plan.entries)?;
    }
    let names: Vec<&str> = plan.entries.iter().map(|(name, _)| name.as_str()).collect();
    let secrets: Vec<String> = plan.secrets.iter().flat_map(|(id, values)| values.keys().map(move |key| format!("{id} {key}"))).collect();
    let skipped: Vec<Value> = plan.skipped.iter().map(|(name, why)| json!({"name": name, "why": why})).collect();
    let value = json!({
        "success": true, "from": path.display().to_string(), "file": own.path.display().to_string(), "dry_run": dry, "imported": names,
        "secrets": secrets, "skipped": skipped,
    });
    out.answer(&value, |paint| {
        let mut lines: Vec<String> = names.iter().map(|name| format!("{} {}", paint.green("✓"), in_plain_sight(name))).collect();
        lines.extend(secrets.iter().map(|secret| format!("  {} into the credential store: {}", paint.dim("→"), in_plain_sight(secret))));
        lines.extend(
            plan.skipped.iter().map(|(name, why)| format!("{} {}: {}", paint.yellow("!"), in_plain_sight(name), in_plain_sight(why))),
        );
        if lines.is_empty() { format!("{} names no server.", path.display()) } else { lines.join("\n") }
    });
    Ok(0)
}

/// The file, and the servers in it.
fn source(arguments: &ArgMatches) -> Result<(PathBuf, Map<String, Value>)> {
    let (path, toml) = match (text(arguments, "file"), text(arguments, "from")) {
        (Some(file), _) => (PathBuf::from(file), Path::new(file).extension().is_some_and(|ending| ending == "toml")),
        (None, Some(id)) => {
            let client = clients::find(id).ok_or_else(|| {
                let names: Vec<&str> = CLIENTS.iter().map(|client| client.id).collect();
                Error::new(Code::NotFound, format!("There is no client '{}'; there are {}", printable(id), names.join(", ")))
            })?;
            let path = client.file(None).ok_or_else(|| Error::usage(format!("it is not known where {} keeps its file", client.title)))?;
            (path, client.form == Form::Toml)
        }
        (None, None) => return Err(Error::usage("say which file, or --from which client").hint("angelia mcp:import --from claude-code")),
    };
    let there = plain::read_at_most(&path, clients::LARGEST)?
        .ok_or_else(|| Error::new(Code::NotFound, format!("{} does not exist", path.display())))?;
    let found = exchange::find(&there, toml).map_err(|why| Error::usage(format!("{} cannot be read: {why}", path.display())))?;
    Ok((path, found))
}

fn plan(own: &Own, found: Map<String, Value>, only: &[String], overwrite: bool) -> Result<Plan> {
    let mut plan = Plan::default();
    let (known, _) = files::read(&own.text()?, &own.path, None);
    let mut taken: Vec<(String, String)> = known.into_iter().map(|entry| (entry.id, entry.name)).collect();
    for (name, value) in found {
        if !only.is_empty() && !only.contains(&name) {
            continue;
        }
        let id = entry::id(&name);
        let other = taken.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone());
        let why = match other {
            Some(other) if other != name => Some(format!("functions would know it by the same name as '{other}'")),
            Some(_) if !overwrite => Some(String::from("is there already; --overwrite replaces it")),
            _ if own.find(&name)?.is_some() && !overwrite => Some(String::from("is there already; --overwrite replaces it")),
            _ => None,
        };
        match why.map_or_else(|| checked(own, &name, &value), Err) {
            Err(why) => plan.skipped.push((name, why)),
            Ok(exchange::Taken { members, secrets }) => {
                taken.push((id.clone(), name.clone()));
                plan.entries.push((name, Some(Value::Object(members))));
                let values: BTreeMap<_, _> = secrets.into_iter().map(|(key, value)| (key, Some(Secret::new(value)))).collect();
                if !values.is_empty() {
                    plan.secrets.push((format!("{UPSTREAMS}{id}"), values));
                }
            }
        }
    }
    Ok(plan)
}

/// An entry in our form, if it can be read then.
fn checked(own: &Own, name: &str, value: &Value) -> Result<exchange::Taken, String> {
    let taken = exchange::take(value)?;
    let text = json!({"mcpServers": {name: taken.members}}).to_string();
    let (entries, problems) = files::read(&text, &own.path, None);
    match (problems.into_iter().next(), entries.is_empty()) {
        (Some((_, why)), _) => Err(why),
        (None, true) => Err(String::from("is angelia itself")),
        (None, false) => Ok(taken),
    }
}

/// `mcp:export`.
pub fn export(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let member = text(arguments, "format").unwrap_or("mcpServers");
    let dialect = if member == "servers" { Dialect::Inputs } else { Dialect::Variables };
    let (found, trust) = (servers(app)?, Trust::open(&app.dirs)?);
    let (mut given, mut asked) = (Map::new(), Vec::new());
    for entry in found.entries.iter().filter(|entry| trust.check(entry).is_ok() && !entry.disabled) {
        let (value, names) = exchange::give(entry, dialect);
        given.insert(entry.name.clone(), value);
        asked.extend(names);
    }
    asked.sort();
    asked.dedup();
    let mut document = json!({member: given});
    if dialect == Dialect::Inputs {
        let inputs = asked.iter().map(|id| json!({"type": "promptString", "id": id, "description": id, "password": true}));
        document["inputs"] = inputs.collect();
    }
    if !asked.is_empty() && dialect == Dialect::Variables {
        out.note(&format!("secrets stay here; set these variables where the file is used: {}", asked.join(", ")));
    }
    let Some(file) = text(arguments, "output") else {
        out.answer(&document, |_| format!("{document:#}"));
        return Ok(0);
    };
    let path = PathBuf::from(file);
    if path.symlink_metadata().is_ok() {
        return Err(Error::usage(format!("{} is there already. Nothing was written", path.display())));
    }
    plain::write_shared(&path, &format!("{document:#}\n"))?;
    let value = json!({"success": true, "file": file, "servers": given_names(&document, member), "asked": asked});
    out.answer(&value, |paint| format!("{} {} is written.", paint.green("✓"), path.display()));
    Ok(0)
}

fn given_names(document: &Value, member: &str) -> Vec<String> {
    document[member].as_object().map(|given| given.keys().cloned().collect()).unwrap_or_default()
}
