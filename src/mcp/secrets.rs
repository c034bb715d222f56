//! The secrets of upstream servers: which keys the credential store has for one, in the form in which the store wants them. No secret is
//! read here.

use std::path::Path;

use serde_json::{Value, json};

use crate::access::vault::{Stored, Vault};
use crate::base::error::{Error, Result};
use crate::base::json::sha256;
use crate::base::name::DEFAULT_ACCOUNT;
use crate::mcp::entry::Entry;
use crate::mcp::values::{self, Part};
use crate::registry::function::UPSTREAMS;
use crate::registry::manifest::Provider;

/// A server as the credential store knows it: its id, and these keys as fields.
pub fn provider<'a>(id: &str, keys: impl IntoIterator<Item = &'a str>) -> Result<Provider> {
    let fields: Vec<Value> = keys.into_iter().map(|key| json!({"key": key, "label": key, "required": false, "secret": true})).collect();
    let provider = json!({
        "id": id, "title": id, "description": "An upstream MCP server.", "category": "mcp", "auth_strategy": "none", "credentials": fields,
    });
    serde_json::from_value(provider).map_err(|error| Error::internal(format!("the fields of an MCP server: {error}")))
}

/// The account that holds an entry's secrets: another project's entry of the same name is another server, and gets none of them.
pub fn account(entry: &Entry) -> String {
    account_of(entry.project.as_deref(), &entry.name)
}

/// The account of a name in a project's files, or in the user's own.
pub fn account_of(project: Option<&Path>, name: &str) -> String {
    let Some(root) = project else { return DEFAULT_ACCOUNT.to_owned() };
    let full = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    let whole = [full.as_os_str().as_encoded_bytes(), b"\0", name.as_bytes()].concat();
    format!("project-{}", sha256(&whole).chars().take(32).collect::<String>())
}

/// What is stored for an entry, by key.
pub fn stored<'a>(vault: &'a Vault, entry: &Entry) -> Vec<(&'a str, &'a Stored)> {
    vault.stored(&entry.provider(), &account(entry)).collect()
}

/// Ids of the servers that something is stored for.
pub fn servers(vault: &Vault) -> Vec<&str> {
    vault.providers().filter(|id| id.starts_with(UPSTREAMS)).collect()
}

/// Keys that an entry's values refer to.
pub fn wanted(entry: &Entry) -> Vec<String> {
    let mut keys: Vec<String> = values::references(entry)
        .into_iter()
        .filter_map(|(_, part)| match part {
            Part::Secret(key) => Some(key),
            _ => None,
        })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Keys that an entry's values refer to and nothing is stored for.
pub fn missing(vault: &Vault, entry: &Entry) -> Vec<String> {
    let stored = stored(vault, entry);
    wanted(entry).into_iter().filter(|key| !stored.iter().any(|(known, _)| known == key)).collect()
}
