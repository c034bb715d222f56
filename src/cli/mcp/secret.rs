//! `mcp:secret:*`: secrets of servers in the credential store. A value comes from the terminal, from stdin or as a reference, never as a word.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::access::field::is_reference;
use crate::access::vault::{Source, Stored};
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, in_plain_sight, printable};
use crate::base::secret::Secret;
use crate::cli::hidden::Asking;
use crate::cli::mcp::{add, project_root, servers, text};
use crate::cli::output::Out;
use crate::cli::stdin;
use crate::mcp::entry;
use crate::mcp::trust::quoted;
use crate::mcp::{secrets, values};
use crate::registry::function::UPSTREAMS;

/// `mcp:secret:set`.
pub fn set(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let (name, key) = (text(arguments, "name").unwrap_or_default(), text(arguments, "key").unwrap_or_default());
    if !values::is_key(key) {
        return Err(Error::usage(format!("'{}' cannot be a secret's key: use letters, digits, '_', '-' and '.'", printable(key))));
    }
    let found = servers(app)?;
    let entry = found.find(name)?;
    let value = value(out, arguments, &format!("{name} {key}"))?;
    add::keep(app, &entry.provider(), &secrets::account(entry), &BTreeMap::from([(key.to_owned(), Some(value))]))?;
    let implied = key.starts_with("env.") || key.starts_with("header.");
    let used = implied || secrets::wanted(entry).iter().any(|wanted| wanted == key);
    if !used {
        out.note(&format!("nothing in the entry of '{}' refers to secret:{key} yet", printable(name)));
    }
    out.answer(&json!({"success": true, "name": entry.name, "provider": entry.provider(), "key": key, "used": used}), |paint| {
        format!("{} {} of '{}' is stored.", paint.green("✓"), in_plain_sight(key), in_plain_sight(&entry.name))
    });
    Ok(0)
}

fn value(out: &Out, arguments: &ArgMatches, what: &str) -> Result<Secret> {
    if let Some(reference) = text(arguments, "value") {
        if !is_reference(reference) {
            return Err(Error::usage("--value takes env:NAME, file:PATH or cmd:COMMAND, not the secret itself")
                .hint("Leave it out to be asked, or give the secret on stdin with --stdin"));
        }
        return Ok(Secret::new(reference.to_owned()));
    }
    let typed = if arguments.get_flag("stdin") {
        let bytes = stdin::read(stdin::Wait::Forever)?.ok_or_else(|| Error::usage("--stdin needs the secret on stdin"))?;
        String::from_utf8(bytes).map_err(|_| Error::usage("the secret on stdin is not UTF-8"))?
    } else if !out.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        Asking::begin(out).secret(&format!("{}: ", printable(what)))?
    } else {
        return Err(
            Error::usage("nobody can be asked for the secret here").hint("--stdin reads it from stdin; --value env:NAME refers to it")
        );
    };
    let typed = typed.trim_end_matches(['\r', '\n']);
    if is_reference(typed) {
        return Err(Error::usage("what was given is a reference, not a secret").hint("--value takes references"));
    }
    Ok(Secret::new(typed.to_owned()))
}

/// `mcp:secret:list`.
pub fn list(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let (found, vault) = (servers(app)?, app.vault()?);
    let only = match text(arguments, "name") {
        Some(name) => Some(found.find(name).map(|entry| entry.provider()).or_else(|error| {
            let id = format!("{UPSTREAMS}{}", entry::id(name));
            if vault.knows(&id) { Ok(id) } else { Err(error) }
        })?),
        None => None,
    };
    let places =
        secrets::servers(&vault).into_iter().flat_map(|id| vault.accounts(id).into_iter().map(move |account| (id.to_owned(), account)));
    let mut places: Vec<(String, String)> =
        places.chain(found.entries.iter().map(|entry| (entry.provider(), secrets::account(entry)))).collect();
    places.sort();
    places.dedup();
    let mut rows = Vec::new();
    for (id, account) in places.iter().filter(|(id, _)| only.as_ref().is_none_or(|only| only == id)) {
        let entry = found.entries.iter().find(|entry| entry.provider() == *id && secrets::account(entry) == *account);
        let whose = match entry {
            _ if account == DEFAULT_ACCOUNT => "user",
            Some(_) => "project",
            None => "another project",
        };
        let name = entry.map_or(id.as_str(), |entry| entry.name.as_str());
        let missing = entry.map(|entry| secrets::missing(&vault, entry)).unwrap_or_default();
        let row = |key: &str, kept: Option<&str>, reference: Option<&str>| json!({"server": name, "provider": id, "scope": whose, "key": key, "stored": kept, "reference": reference});
        for (key, stored) in vault.stored(id, account) {
            let reference = if let Stored::Reference(reference) = stored { Some(reference.as_str()) } else { None };
            rows.push(row(key, Some(Source::Stored(stored.clone()).as_str()), reference));
        }
        rows.extend(missing.iter().map(|key| row(key, None, None)));
    }
    out.answer(&json!({"success": true, "secrets": rows}), |paint| {
        let word = |row: &Value, key: &str| in_plain_sight(row[key].as_str().unwrap_or_default());
        let cells = rows.iter().map(|row| {
            let stored = if row["stored"].is_null() { paint.red("missing") } else { word(row, "stored") };
            vec![word(row, "server"), word(row, "scope"), word(row, "key"), stored, word(row, "reference")]
        });
        let cells: Vec<_> = cells.collect();
        if cells.is_empty() {
            String::from("No MCP server has secrets here.")
        } else {
            out.table(paint, &["server", "scope", "key", "kept in", "reference"], cells)
        }
    });
    Ok(0)
}

/// `mcp:secret:unset`.
pub fn unset(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let (name, key) = (text(arguments, "name").unwrap_or_default(), text(arguments, "key").unwrap_or_default());
    let (found, vault) = (servers(app)?, app.vault()?);
    let places = match found.find(name) {
        Ok(entry) => vec![(entry.provider(), secrets::account(entry))],
        Err(_) => {
            // A server that is configured no more may have left secrets behind.
            let (name, root) = (name.trim_start_matches(UPSTREAMS), project_root(app));
            let accounts = [Some(root.as_path()), None].map(|project| secrets::account_of(project, name));
            accounts.into_iter().map(|account| (format!("{UPSTREAMS}{}", entry::id(name)), account)).collect()
        }
    };
    let Some((id, account)) = places.iter().find(|(id, account)| vault.stored(id, account).any(|(known, _)| known == key)) else {
        return Err(Error::new(Code::NotFound, format!("'{}' has no secret '{}'", printable(name), printable(key)))
            .hint(format!("angelia mcp:secret:list {}", quoted(name))));
    };
    add::keep(app, id, account, &BTreeMap::from([(key.to_owned(), None)]))?;
    out.answer(&json!({"success": true, "provider": id, "key": key}), |paint| format!("{} {key} is removed.", paint.green("✓")));
    Ok(0)
}
