//! The values of one entry as they are sent: references followed, stored secrets filled in, and all that must not be shown told to a
//! scrubber. Nothing is looked at here; `access::launch` does that.

use crate::access::field;
use crate::access::launch::{self, Program};
use crate::access::vault::{Credentials, Vault};
use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::base::quote::shell;
use crate::base::secret::{Scrubber, Secret};
use crate::mcp::entry::{Entry, Transport};
use crate::mcp::secrets;
use crate::mcp::values::{self, Part};
use crate::net::header::{HeaderName, HeaderValue};

/// Field of the token set that an authorization server gave.
pub const OAUTH: &str = "oauth";

/// What an HTTP server is reached with.
pub struct Address {
    pub url: url::Url,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// One of the headers says who we are: no other authorization is looked for.
    pub authorized: bool,
}

/// Fills in the values of one entry.
pub struct Filler<'a> {
    entry: &'a Entry,
    stored: Vec<String>,
    credentials: Credentials,
    pub scrubber: Scrubber,
}

impl<'a> Filler<'a> {
    /// Opens the secrets that the entry needs, and no store where it needs none.
    pub fn new(entry: &'a Entry, vault: &Vault) -> Result<Self> {
        let id = entry.provider();
        let named = secrets::wanted(entry);
        let kind = if matches!(entry.transport, Transport::Stdio { .. }) { "env." } else { "header." };
        let needed = |key: &str| key.starts_with(kind) || named.iter().any(|name| name == key);
        let wanted: Vec<String> =
            secrets::stored(vault, entry).into_iter().map(|(key, _)| key.to_owned()).filter(|key| needed(key)).collect();
        let keys = || wanted.iter().map(String::as_str);
        let credentials = if wanted.is_empty() {
            Credentials::default()
        } else {
            vault.unlock(&secrets::provider(&id, keys())?, &secrets::account(entry))?
        };
        Ok(Self { entry, stored: wanted, credentials, scrubber: Scrubber::default() })
    }

    /// One value; `place` names it in messages, and says whether it sounds like a secret.
    fn value(&mut self, place: &str, parts: Vec<Part>) -> Result<Secret> {
        let whole = format!("{}/{place}", self.entry.provider());
        let mut pieces = Vec::new();
        for part in parts {
            let secret = !matches!(part, Part::Text(_) | Part::Env { .. });
            let (piece, hidden) = match part {
                Part::Text(text) => (Secret::new(text), false),
                Part::Env { name, default } => {
                    let hidden = values::sounds_secret(&name) || values::sounds_secret(place);
                    match (field::follow(&whole, &format!("env:{name}")), default) {
                        (Ok(value), _) => (value, hidden),
                        (Err(_), Some(default)) => (Secret::new(default), hidden),
                        (Err(error), None) => return Err(self.missing(&name, error)),
                    }
                }
                Part::File(path) => (field::follow(&whole, &format!("file:{path}"))?, secret),
                Part::Command(command) => (self.command(&whole, &command)?, secret),
                Part::Secret(key) => (self.stored(&key)?, secret),
            };
            if hidden {
                launch::forget(&mut self.scrubber, &piece);
            }
            pieces.push(piece);
        }
        let value = launch::join(&pieces);
        if values::sounds_secret(place) {
            launch::forget(&mut self.scrubber, &value);
        }
        Ok(value)
    }

    fn missing(&self, name: &str, error: Error) -> Error {
        error.hint(format!("export {name}=…")).hint(format!("angelia mcp:secret:set {} {name}", shell(&self.entry.name)))
    }

    fn command(&self, place: &str, command: &str) -> Result<Secret> {
        if self.entry.project.is_some() {
            return Err(Error::new(
                Code::Untrusted,
                format!("{place} is a command of a project's file; only your own entries may run commands for their values"),
            ));
        }
        field::follow(place, &format!("cmd:{command}"))
    }

    fn stored(&self, key: &str) -> Result<Secret> {
        self.credentials.fill(&format!("{{{key}}}")).ok_or_else(|| {
            Error::new(
                Code::MissingCredentials,
                format!("The MCP server '{}' needs the secret '{key}', which is not stored", self.entry.name),
            )
            .hint(format!("angelia mcp:secret:set {} {key}", shell(&self.entry.name)))
        })
    }

    /// Keys of stored secrets that are added by themselves: `env.NAME` and `header.NAME`.
    fn added(&self, kind: &str) -> Vec<(String, String)> {
        let names = self.stored.iter().filter_map(|key| Some((key.strip_prefix(kind)?.to_owned(), key.clone())));
        names.filter(|(name, _)| !name.is_empty()).collect()
    }

    /// What a stdio server is started with.
    pub fn program(&mut self, depth: u32) -> Result<Option<Program>> {
        let entry = self.entry;
        let Transport::Stdio { command, args, env, cwd } = &entry.transport else { return Ok(None) };
        let mut variables = Vec::new();
        for (name, value) in env {
            variables.push((name.clone(), self.value(&format!("env.{name}"), values::parse(value))?));
        }
        for (name, key) in self.added("env.") {
            let value = self.stored(&key)?;
            launch::forget(&mut self.scrubber, &value);
            variables.retain(|(known, _)| *known != name);
            variables.push((name, value));
        }
        variables.push((String::from(DEPTH), Secret::new(depth.to_string())));
        let mut words = Vec::new();
        for arg in args {
            words.push(self.value("args", values::embedded(arg))?);
        }
        let command = self.value("command", values::embedded(command))?;
        let folder = cwd.as_ref().map(|folder| self.value("cwd", values::embedded(&folder.display().to_string()))).transpose()?;
        let shown = command_shown(entry);
        Ok(Some(Program { shown, command, args: words, env: variables, folder, root: entry.project.clone() }))
    }

    /// What an HTTP server is reached with.
    pub fn address(&mut self, depth: u32) -> Result<Option<Address>> {
        let entry = self.entry;
        let Transport::Http { url, headers, .. } = &entry.transport else { return Ok(None) };
        let url = launch::url(&self.value("url", values::embedded(url))?)?;
        let mut sent = Vec::new();
        for (name, value) in headers {
            let value = self.value(&format!("header.{name}"), values::parse(value))?;
            sent.push(launch::header(name, &value)?);
        }
        for (name, key) in self.added("header.") {
            let value = self.stored(&key)?;
            launch::forget(&mut self.scrubber, &value);
            let (name, value) = launch::header(&name, &value)?;
            sent.retain(|(known, _)| *known != name);
            sent.push((name, value));
        }
        let authorized = sent.iter().any(|(name, _)| name.as_str() == "authorization");
        sent.push(launch::header(DEPTH_HEADER, &Secret::new(depth.to_string()))?);
        Ok(Some(Address { url, headers: sent, authorized }))
    }
}

/// How many servers of ours stand in a chain, as a variable of a child.
pub const DEPTH: &str = "ANGELIA_MCP_DEPTH";
/// The same as a header.
pub const DEPTH_HEADER: &str = "angelia-mcp-depth";

/// The command of an entry as it stands in the file.
fn command_shown(entry: &Entry) -> String {
    match &entry.transport {
        Transport::Stdio { command, .. } => command.clone(),
        Transport::Http { url, .. } => url.clone(),
    }
}

/// The entry's name, fit for a message.
pub fn title(entry: &Entry) -> String {
    printable(&entry.name)
}
