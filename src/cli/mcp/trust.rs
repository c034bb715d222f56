//! `mcp:trust` and `mcp:untrust`: a person looks at what a project's file would start or contact, and at tools that changed, and believes them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _};

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{in_plain_sight, printable};
use crate::base::quote::shell;
use crate::cli::mcp::{project_root, servers, show, text};
use crate::cli::output::{Out, Paint};
use crate::mcp::entry::Entry;
use crate::mcp::files::Servers;
use crate::mcp::secrets;
use crate::mcp::trust::{Quarantine, Trust};

/// What waits for somebody's look.
struct Waiting<'a> {
    entry: &'a Entry,
    trusted: bool,
    tools: BTreeMap<String, Quarantine>,
    /// Secrets that it would get.
    secrets: Vec<String>,
    /// It would go before a server of the user's own.
    hides: bool,
    /// Rules of the user's settings that would apply to it.
    rules: bool,
}

impl Waiting<'_> {
    fn waits(&self) -> bool {
        !self.trusted || !self.tools.is_empty()
    }

    fn value(&self) -> Value {
        let tools: Vec<Value> = self.tools.iter().map(|(tool, why)| show::change(tool, why)).collect();
        json!({
            "name": self.entry.name, "file": self.entry.file.display().to_string(), "transport": show::transport(self.entry),
            "starts": show::parts(self.entry), "secrets": self.secrets, "fingerprint": self.entry.fingerprint(), "trusted": self.trusted,
            "tools": tools, "hides_own": self.hides, "rules": self.rules,
        })
    }

    fn lines(&self, paint: &Paint) -> String {
        let mut lines = vec![show::lines(paint, self.entry)];
        if !self.secrets.is_empty() {
            lines.push(format!("  {}  {}", paint.dim("gets    "), in_plain_sight(&self.secrets.join(", "))));
        }
        if self.hides {
            lines.push(format!("  {}  your own server of this name", paint.dim("hides   ")));
        }
        if self.rules {
            lines.push(format!("  {}  your rules for {}", paint.dim("obeys   "), self.entry.provider()));
        }
        if self.trusted && self.tools.is_empty() {
            lines.push(format!("  {}", paint.green("trusted as it is")));
        }
        lines.extend(self.tools.iter().map(|(tool, why)| show::diff(paint, tool, why)));
        lines.join("\n")
    }
}

/// `mcp:trust`.
pub fn trust(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let (found, trust) = (servers(app)?, Trust::open(&app.dirs)?);
    let waiting = waiting(app, &found, &trust, text(arguments, "name"))?;
    let values: Vec<Value> = waiting.iter().map(Waiting::value).collect();
    let shown = |paint: &Paint| {
        let nothing = String::from("Nothing waits for you.");
        if waiting.is_empty() { nothing } else { waiting.iter().map(|one| one.lines(paint)).collect::<Vec<_>>().join("\n") }
    };
    if arguments.get_flag("diff") || !waiting.iter().any(Waiting::waits) {
        out.answer(&json!({"success": true, "servers": values, "trusted": []}), shown);
        return Ok(0);
    }
    if !arguments.get_flag("yes") && !ask(out, &shown(&out.paint()))? {
        return Err(Error::new(Code::Untrusted, "Nothing was trusted"));
    }
    for one in &waiting {
        Trust::trust(&app.dirs, one.entry)?;
        trust.accept(&app.dirs, one.entry, &one.tools)?;
    }
    let names: Vec<&str> = waiting.iter().map(|one| one.entry.name.as_str()).collect();
    out.answer(&json!({"success": true, "servers": values, "trusted": names}), |paint| {
        let tools: usize = waiting.iter().map(|one| one.tools.len()).sum();
        let tools = match tools {
            0 => String::new(),
            1 => String::from(", with a tool that was new or changed"),
            tools => format!(", with {tools} tools that were new or changed"),
        };
        format!("{}\n{} trusted as they are now{tools}; a change asks again.", shown(paint), paint.green("✓"))
    });
    Ok(0)
}

fn waiting<'a>(app: &App, found: &'a Servers, trust: &Trust, name: Option<&str>) -> Result<Vec<Waiting<'a>>> {
    let vault = app.vault()?;
    let look = |entry: &'a Entry| -> Result<Waiting<'a>> {
        let stored = secrets::stored(&vault, entry).into_iter().map(|(key, _)| key.to_owned()).collect();
        let of_project = entry.project.is_some();
        let own = |known: &&Entry| known.project.is_none() && known.id == entry.id;
        Ok(Waiting {
            entry,
            trusted: trust.check(entry).is_ok(),
            tools: trust.pending(entry)?,
            secrets: stored,
            hides: of_project && found.entries.iter().chain(&found.shadowed).any(|known| own(&known)),
            rules: of_project && app.config.user.integrations.contains_key(&entry.provider()),
        })
    };
    if let Some(name) = name {
        // What stands behind a stronger file of the same name is meant when that one is trusted already.
        let hidden = found.shadowed.iter().find(|entry| entry.name == name && entry.project.is_some() && trust.check(entry).is_err());
        let entry = found.find(name)?;
        let entry = hidden.filter(|_| entry.project.is_none()).unwrap_or(entry);
        return Ok(vec![look(entry)?]);
    }
    let all: Vec<Waiting<'a>> = found.entries.iter().chain(&found.shadowed).map(look).collect::<Result<_>>()?;
    Ok(all.into_iter().filter(Waiting::waits).collect())
}

/// Shows it and asks; where nobody can be asked, an error.
fn ask(out: &Out, shown: &str) -> Result<bool> {
    if out.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::new(Code::Untrusted, "Nobody can be asked here whether these servers are to be trusted")
            .hint("angelia mcp:trust --diff shows them")
            .hint("angelia mcp:trust --yes trusts them"));
    }
    out.stderr(&format!("{shown}\nTrust this, and let it be started or contacted? [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Error::usage(format!("the terminal cannot be read: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// `mcp:untrust`.
pub fn untrust(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let name = text(arguments, "name").unwrap_or_default();
    let found = servers(app)?;
    let of_project = found.entries.iter().chain(&found.shadowed).filter(|entry| entry.project.is_some());
    let entry = of_project.into_iter().find(|entry| entry.name == name || entry.id == name);
    let root = entry.and_then(|entry| entry.project.clone()).unwrap_or_else(|| project_root(app));
    let name = entry.map_or(name, |entry| entry.name.as_str());
    if !Trust::untrust(&app.dirs, &root, name)? {
        let own = found.entries.iter().any(|entry| entry.name == name && entry.project.is_none());
        let error = Error::new(Code::NotFound, format!("The server '{}' of {} was not trusted", printable(name), root.display()));
        return Err(if own { error.hint(format!("It is your own: angelia mcp:disable {}", shell(name))) } else { error });
    }
    out.answer(&json!({"success": true, "name": name, "trusted": false}), |_| {
        format!("'{}' is not trusted any more.", in_plain_sight(name))
    });
    Ok(0)
}
