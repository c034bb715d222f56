//! `mcp:doctor`: what keeps servers from working, as far as it can be seen without starting or contacting one, with the next commands.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::access::policy;
use crate::access::vault::Vault;
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::in_plain_sight;
use crate::base::quote::shell;
use crate::cli::mcp::{list, servers, text};
use crate::cli::output::Out;
use crate::config::env;
use crate::mcp::entry::{Entry, Transport};
use crate::mcp::files::check_url;
use crate::mcp::secrets;
use crate::mcp::trust::Trust;
use crate::mcp::values::{self, Part};

/// What is wrong, and the command that helps.
type Found = (String, Option<String>);

/// Runs the command.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let (found, trust, vault) = (servers(app)?, Trust::open(&app.dirs)?, app.vault()?);
    let (entries, problems) = match text(arguments, "name") {
        Some(name) => (vec![found.find(name)?], Vec::new()),
        None => (found.entries.iter().collect(), list::problems(&found.problems)),
    };
    let mut next: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for entry in entries {
        let problems = examine(app, &trust, &vault, entry);
        next.extend(problems.iter().filter_map(|(_, next)| next.clone()));
        let shown: Vec<Value> = problems.iter().map(|(message, next)| json!({"problem": message, "next": next})).collect();
        rows.push(json!({"name": entry.name, "ok": shown.is_empty(), "problems": shown}));
    }
    next.dedup();
    let wrong = problems.len() + rows.iter().filter(|row| row["ok"] != true).count();
    let said =
        || Error::new(Code::Inactive, format!("{wrong} of the MCP servers and their files cannot be used as they are")).hints(next.clone());
    let failure = (wrong > 0).then(said);
    let code = out.verdict(json!({"servers": rows, "problems": problems, "next": next}), failure, |paint| {
        let mut lines = Vec::new();
        for problem in &problems {
            let word = |key: &str| problem[key].as_str().unwrap_or_default();
            lines.push(in_plain_sight(&format!("{} {} {} {}", paint.red("✗"), word("file"), word("name"), word("problem"))));
        }
        for row in &rows {
            let mark = if row["ok"] == true { paint.green("✓") } else { paint.red("✗") };
            lines.push(format!("{mark} {}", in_plain_sight(row["name"].as_str().unwrap_or_default())));
            for problem in row["problems"].as_array().into_iter().flatten() {
                lines.push(format!("    {}", in_plain_sight(problem["problem"].as_str().unwrap_or_default())));
                if let Some(next) = problem["next"].as_str() {
                    lines.push(format!("    {} {}", paint.dim("→"), in_plain_sight(next)));
                }
            }
        }
        if lines.is_empty() { String::from("No MCP server is configured.") } else { lines.join("\n") }
    });
    Ok(code)
}

fn examine(app: &App, trust: &Trust, vault: &Vault, entry: &Entry) -> Vec<Found> {
    let name = shell(&entry.name);
    let mut found: Vec<Found> = Vec::new();
    if let Err(error) = trust.check(entry) {
        found.push((error.message, error.hints.first().cloned()));
    }
    if entry.disabled {
        found.push((format!("{} says that it is not to be used", entry.file.display()), None));
    }
    if !policy::enabled(&app.config, &entry.provider(), false) {
        found.push((String::from("your settings disable it"), Some(format!("angelia mcp:enable {name}"))));
    }
    match &entry.transport {
        Transport::Stdio { command, cwd, .. } => {
            found.extend(program(command, cwd.as_deref()).err().map(|why| (why, None)));
            if let Some(folder) = cwd.as_ref().filter(|folder| plain(&folder.to_string_lossy()).is_some() && !folder.is_dir()) {
                found.push((format!("its folder {} does not exist", folder.display()), None));
            }
        }
        Transport::Http { url, .. } => found.extend(check_url(&plain(url).unwrap_or_else(|| url.clone())).err().map(|why| (why, None))),
    }
    found.extend(references(entry));
    for key in secrets::missing(vault, entry) {
        found.push((format!("the secret '{key}' is not stored"), Some(format!("angelia mcp:secret:set {name} {key}"))));
    }
    match trust.pending(entry) {
        Ok(pending) if pending.is_empty() => {}
        Ok(pending) => {
            let tools = pending.keys().take(5).cloned().collect::<Vec<_>>().join(", ");
            let message = format!("{} of its tools are quarantined, for they are new or changed: {tools}", pending.len());
            found.push((message, Some(format!("angelia mcp:trust {name} --diff"))));
        }
        Err(error) => found.push((error.message, error.hints.first().cloned())),
    }
    found
}

/// What its values refer to and is not there.
fn references(entry: &Entry) -> Vec<Found> {
    let missing = values::references(entry).into_iter().filter_map(|(place, part)| match part {
        Part::Env { name, default: None } if env::var(&name).is_none() => {
            Some((format!("{place} wants the environment variable {name}, which is not set"), Some(format!("export {name}=…"))))
        }
        Part::File(path) if !Path::new(&path).is_file() => Some((format!("{place} wants the file {path}, which does not exist"), None)),
        _ => None,
    });
    missing.collect()
}

/// A text with its variables, if nothing else stands in it.
fn plain(text: &str) -> Option<String> {
    let parts = values::embedded(text).into_iter().map(|part| match part {
        Part::Text(text) => Some(text),
        Part::Env { name, default } => env::var(&name).or(default),
        _ => None,
    });
    parts.collect()
}

/// Whether a program is there.
fn program(command: &str, cwd: Option<&Path>) -> Result<(), String> {
    let Some(command) = plain(command) else { return Ok(()) };
    if command.contains('/') {
        let path = cwd.map_or_else(|| PathBuf::from(&command), |folder| folder.join(&command));
        return if runs(&path) { Ok(()) } else { Err(format!("the program {} is not there or cannot be run", path.display())) };
    }
    let path = env::var("PATH").unwrap_or_default();
    let endings: &[&str] = if cfg!(windows) { &["", ".exe", ".cmd", ".bat"] } else { &[""] };
    let there = std::env::split_paths(&path).any(|folder| endings.iter().any(|ending| runs(&folder.join(format!("{command}{ending}")))));
    if there { Ok(()) } else { Err(format!("the program '{command}' is in no folder of PATH: install it, or give its full path")) }
}

fn runs(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}
