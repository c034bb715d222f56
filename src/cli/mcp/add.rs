//! `mcp:add`, `mcp:preset`, `mcp:remove`, `mcp:enable`, `mcp:disable`: changes to our own files. Files of other programs are left alone.

use std::collections::BTreeMap;

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{in_plain_sight, nearest, printable};
use crate::base::quote::shell;
use crate::cli::configure;
use crate::cli::mcp::{all, pair, project_root, servers, show, text};
use crate::cli::output::Out;
use crate::config::edit::{self as settings, Change};
use crate::mcp::edit::Own;
use crate::mcp::entry::{self, Entry};
use crate::mcp::trust::Trust;
use crate::mcp::{exchange, files, presets, secrets};
use crate::registry::function::UPSTREAMS;

/// The file that is meant by `--project` or its absence.
fn own(app: &App, project: bool) -> Result<Own> {
    if project {
        let root = project_root(app);
        return Ok(Own { path: root.join(files::PROJECT_FILES[0]), root: Some(root) });
    }
    Ok(Own { path: app.dirs.make_config()?.join("mcp.json"), root: None })
}

/// `mcp:add`.
pub fn add(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let name = text(arguments, "name").unwrap_or_default();
    put(app, out, arguments, name, from_flags(arguments)?)
}

fn from_flags(arguments: &ArgMatches) -> Result<Map<String, Value>> {
    let mut members = Map::new();
    let mut words = all(arguments, "words");
    if let Some(command) = text(arguments, "command") {
        words = [vec![command.to_owned()], all(arguments, "arg")].concat();
    }
    let pairs = |flag: &str, separators: &[char]| -> Result<Map<String, Value>> {
        let pairs = all(arguments, flag).into_iter().map(|text| pair(flag, &text, separators));
        let pairs: Vec<(String, String)> = pairs.collect::<Result<_>>()?;
        Ok(pairs.into_iter().map(|(key, value)| (key, Value::from(value))).collect())
    };
    match (text(arguments, "url"), words.split_first()) {
        (Some(url), _) => {
            if arguments.get_flag("sse") {
                members.insert(String::from("type"), json!("sse"));
            } else {
                members.insert(String::from("type"), json!("http"));
            }
            members.insert(String::from("url"), json!(url));
            members.insert(String::from("headers"), Value::Object(pairs("header", &['=', ':'])?));
            if !all(arguments, "env").is_empty() || text(arguments, "cwd").is_some() {
                return Err(Error::usage("--env and --cwd are for a program, not for a URL"));
            }
        }
        (None, Some((command, rest))) => {
            members.insert(String::from("command"), json!(command));
            members.insert(String::from("args"), json!(rest));
            members.insert(String::from("env"), Value::Object(pairs("env", &['='])?));
            members.extend(text(arguments, "cwd").map(|cwd| (String::from("cwd"), json!(cwd))));
        }
        (None, None) => {
            return Err(Error::usage("say what the server is: --command PROGRAM, --url URL, or -- PROGRAM ARGUMENTS")
                .hint("angelia mcp:add memory -- npx -y @modelcontextprotocol/server-memory"));
        }
    }
    members.retain(|_, value| {
        value.as_object().is_none_or(|pairs| !pairs.is_empty()) && value.as_array().is_none_or(|items| !items.is_empty())
    });
    Ok(members)
}

/// A secret on a command line stays in the shell's history, and in a file for every program to read.
fn refuse_secret(server: &str, members: &Map<String, Value>) -> Result<()> {
    let mut hidden = members.clone();
    let secrets = exchange::hide(&mut hidden);
    let Some((key, _)) = secrets.first() else { return Ok(()) };
    let (place, name) = key.split_once('.').unwrap_or(("", key));
    let is_there = |value: &&str| value.contains(&format!("secret:{key}"));
    let words = hidden.values().flat_map(|value| match value {
        Value::Object(pairs) => {
            pairs.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_str().filter(is_there)?))).collect()
        }
        Value::Array(words) => words.iter().filter_map(Value::as_str).filter(is_there).map(str::to_owned).collect(),
        value => value.as_str().filter(is_there).map(str::to_owned).into_iter().collect::<Vec<_>>(),
    });
    let flag = if place == "arg" { String::new() } else { format!("--{place} ") };
    let instead = words.into_iter().next().unwrap_or_default();
    Err(Error::usage(format!("'{}' looks like a secret, which does not belong on a command line or in that file", printable(name)))
        .hint(format!("angelia mcp:add {} … {flag}'{}'", shell(server), printable(&instead)))
        .hint(format!("angelia mcp:secret:set {} {key}", shell(server))))
}

/// `mcp:preset`.
pub fn preset(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let all_presets = presets::all()?;
    let Some(name) = text(arguments, "name").filter(|_| !arguments.get_flag("list")) else {
        let rows: Vec<Value> = all_presets
            .iter()
            .map(|preset| json!({"name": preset.name, "about": preset.about, "home": preset.home, "entry": preset.entry}))
            .collect();
        out.answer(&json!({"success": true, "presets": rows}), |paint| {
            let cells = all_presets.iter().map(|preset| vec![preset.name.clone(), preset.about.clone(), preset.home.clone()]);
            out.table(paint, &["preset", "what it is", "more"], cells.collect())
        });
        return Ok(0);
    };
    let Some(preset) = all_presets.iter().find(|preset| preset.name == name) else {
        let near = nearest(name, all_presets.iter().map(|preset| preset.name.as_str()));
        return Err(Error::new(Code::NotFound, format!("There is no preset '{}'", printable(name)))
            .hints(near.into_iter().map(|near| format!("Did you mean '{near}'?")))
            .hint("angelia mcp:preset --list"));
    };
    let more = all(arguments, "arg");
    if let Some(what) = preset.arg.as_ref().filter(|_| more.is_empty()) {
        return Err(
            Error::usage(format!("the preset '{name}' needs --arg: {what}")).hint(format!("angelia mcp:preset {name} --arg \"$PWD\""))
        );
    }
    let mut members = preset.entry.clone();
    match members.get_mut("args") {
        Some(Value::Array(args)) => args.extend(more.into_iter().map(Value::from)),
        _ if more.is_empty() => {}
        _ => return Err(Error::usage(format!("the preset '{name}' is a URL and takes no --arg"))),
    }
    put(app, out, arguments, text(arguments, "as").unwrap_or(name), members)
}

/// Writes an entry, its rules, and that its author trusts it.
fn put(app: &App, out: &Out, arguments: &ArgMatches, name: &str, members: Map<String, Value>) -> Result<u8> {
    let own = own(app, arguments.get_flag("project"))?;
    let entry = checked(&own, name, &members)?;
    refuse_secret(name, &members)?;
    refuse_overwrite(&own, &entry, arguments.get_flag("overwrite"))?;
    own.change(&app.dirs, &[(name.to_owned(), Some(Value::Object(members)))])?;
    // Whoever writes an entry knows it.
    Trust::trust(&app.dirs, &entry)?;
    let rules = ["read", "write"].into_iter().filter_map(|operation| Some((operation, text(arguments, operation)?)));
    let change = |(operation, rule): (&str, &str)| Change {
        path: path(&entry, operation),
        value: Some(rule).filter(|rule| *rule != "unset").map(settings::text),
    };
    let changes: Vec<Change> = rules.map(change).collect();
    if !changes.is_empty() {
        configure::apply(app, false, changes)?;
    }
    if let Some(stronger) = servers(app)?.entries.iter().find(|known| known.id == entry.id && known.file != entry.file) {
        out.note(&format!("'{}' of {} goes before it here", printable(&stronger.name), stronger.file.display()));
    }
    let missing = secrets::missing(&app.vault()?, &entry);
    let mut next: Vec<String> = missing.iter().map(|key| format!("angelia mcp:secret:set {} {key}", shell(name))).collect();
    next.push(format!("angelia mcp:tools {}", shell(name)));
    let value = json!({
        "success": true, "name": name, "provider": entry.provider(), "file": entry.file.display().to_string(), "transport": show::transport(&entry),
        "target": show::target(&entry), "next": next,
    });
    out.answer(&value, |paint| {
        let mut lines = vec![format!("{} {}: {}", paint.green("✓"), in_plain_sight(name), in_plain_sight(&show::target(&entry)))];
        lines.extend(next.iter().map(|next| format!("{} {next}", paint.dim("  →"))));
        lines.join("\n")
    });
    Ok(0)
}

/// The entry as it will be read.
fn checked(own: &Own, name: &str, members: &Map<String, Value>) -> Result<Entry> {
    let text = json!({"mcpServers": {name: members}}).to_string();
    let (mut entries, problems) = files::read(&text, &own.path, own.root.as_deref());
    if let Some((_, why)) = problems.first() {
        return Err(Error::usage(format!("'{}' {why}", printable(name))));
    }
    entries.pop().ok_or_else(|| Error::usage(format!("'{}' would be angelia itself", printable(name))))
}

fn refuse_overwrite(own: &Own, entry: &Entry, overwrite: bool) -> Result<()> {
    let (known, _) = files::read(&own.text()?, &own.path, own.root.as_deref());
    if let Some(other) = known.iter().find(|known| known.id == entry.id && known.name != entry.name) {
        return Err(Error::usage(format!(
            "{} has '{}', which functions would know by the same name",
            own.path.display(),
            printable(&other.name)
        ))
        .hint("Choose another name"));
    }
    if !overwrite && own.find(&entry.name)?.is_some() {
        return Err(
            Error::usage(format!("{} already has '{}'", own.path.display(), printable(&entry.name))).hint("Replace it with --overwrite")
        );
    }
    Ok(())
}

/// Where the settings speak of a server.
fn path(entry: &Entry, key: &str) -> Vec<String> {
    vec![String::from("integrations"), entry.provider(), key.to_owned()]
}

/// `mcp:remove`.
pub fn remove(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let name = text(arguments, "name").unwrap_or_default();
    let own = own(app, arguments.get_flag("project"))?;
    if own.find(name)?.is_none() {
        return Err(elsewhere(app, &own, name)?);
    }
    own.change(&app.dirs, &[(name.to_owned(), None)])?;
    if let Some(root) = &own.root {
        Trust::untrust(&app.dirs, root, name)?;
    }
    let id = entry::id(name);
    let account = secrets::account_of(own.root.as_deref(), name);
    let found = servers(app)?;
    let stays = found.entries.iter().chain(&found.shadowed).any(|entry| entry.id == id && secrets::account(entry) == account);
    let removed = if stays { false } else { app.vault()?.remove(&app.dirs, &format!("{UPSTREAMS}{id}"), &account)? };
    let value = json!({"success": true, "name": name, "file": own.path.display().to_string(), "secrets_removed": removed});
    out.answer(&value, |paint| {
        let secrets = if removed { ", with its secrets" } else { "" };
        format!("{} '{}' is removed{secrets}.", paint.green("✓"), in_plain_sight(name))
    });
    Ok(0)
}

/// Why a server cannot be removed from a file that does not have it.
fn elsewhere(app: &App, own: &Own, name: &str) -> Result<Error> {
    let found = servers(app)?;
    let entry = found.entries.iter().chain(&found.shadowed).find(|entry| entry.name == name);
    let Some(entry) = entry.filter(|entry| entry.file != own.path) else {
        return found
            .find(name)
            .map(|entry| {
                Error::new(Code::NotFound, format!("{} has no entry '{}'", own.path.display(), printable(name)))
                    .hint(format!("It is named '{}' there", entry.name))
            })
            .or_else(Ok);
    };
    let error = Error::usage(format!("'{}' stands in {}, not in {}", printable(name), entry.file.display(), own.path.display()));
    let ours = entry.project.is_none() || entry.file.ends_with(files::PROJECT_FILES[0]);
    Ok(if ours {
        error.hint(format!("angelia mcp:remove {}{}", shell(name), if entry.project.is_some() { " --project" } else { "" }))
    } else {
        error.hint(format!("angelia mcp:disable {}", shell(name)))
    })
}

/// `mcp:enable` and `mcp:disable`: our settings say so, whoever's file has the entry.
pub fn switch(app: &App, out: &Out, arguments: &ArgMatches, on: bool) -> Result<u8> {
    let found = servers(app)?;
    let entry = found.find(text(arguments, "name").unwrap_or_default())?;
    if on && entry.disabled {
        return Err(Error::usage(format!(
            "{} says that '{}' is not to be used: change it there",
            entry.file.display(),
            printable(&entry.name)
        )));
    }
    configure::apply(
        app,
        false,
        vec![Change { path: path(entry, "enabled"), value: Some(settings::value(if on { "true" } else { "false" })) }],
    )?;
    out.answer(&json!({"success": true, "name": entry.name, "provider": entry.provider(), "enabled": on}), |paint| {
        format!("{} '{}' is {}.", paint.green("✓"), in_plain_sight(&entry.name), if on { "enabled" } else { "disabled" })
    });
    Ok(0)
}

/// Stores values in the credential store, as secrets of a server.
pub fn keep(app: &App, id: &str, account: &str, values: &BTreeMap<String, Option<crate::base::secret::Secret>>) -> Result<()> {
    let provider = secrets::provider(id, values.keys().map(String::as_str))?;
    app.vault()?.store(&app.dirs, &provider, account, values)
}
