//! The secrets of upstream servers: which keys the credential store has for one, in the form in which the store wants them. No secret is
//! read here.

use serde_json::{Value, json};

use crate::access::vault::{Stored, Vault};
use crate::base::error::{Error, Result};
use crate::base::name::DEFAULT_ACCOUNT;
use crate::mcp::entry::Entry;
use crate::mcp::values::{self, Part};
use crate::registry::manifest::{Provider, UPSTREAMS};

/// A server as the credential store knows it: its id, and these keys as fields.
pub fn provider<'a>(id: &str, keys: impl IntoIterator<Item = &'a str>) -> Result<Provider> {
    let fields: Vec<Value> = keys.into_iter().map(|key| json!({"key": key, "label": key, "required": false, "secret": true})).collect();
    let provider = json!({
        "id": id, "title": id, "description": "An upstream MCP server.", "category": "mcp", "auth_strategy": "none", "credentials": fields,
    });
    serde_json::from_value(provider).map_err(|error| Error::internal(format!("the fields of an MCP server: {error}")))
}

/// What is stored for a server, by key.
pub fn stored<'a>(vault: &'a Vault, id: &str) -> Vec<(&'a str, &'a Stored)> {
    vault.stored(id, DEFAULT_ACCOUNT).collect()
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
    let stored = stored(vault, &entry.provider());
    wanted(entry).into_iter().filter(|key| !stored.iter().any(|(known, _)| known == key)).collect()
}
