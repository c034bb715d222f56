//! Well-known servers, ready to be added. The list is data; nothing of it is used before somebody adds it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::base::error::{Error, Result};

const LIST: &str = include_str!("presets.json");

/// One server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub name: String,
    pub about: String,
    /// Where to read about it.
    pub home: String,
    pub entry: Map<String, Value>,
    /// An argument that it cannot do without, in words.
    #[serde(default)]
    pub arg: Option<String>,
    /// The secret that its entry refers to.
    #[serde(default)]
    pub secret: Option<String>,
}

/// All of them.
pub fn all() -> Result<Vec<Preset>> {
    serde_json::from_str(LIST).map_err(|error| Error::internal(format!("the list of presets: {error}")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::mcp::{files, secrets};

    #[test]
    fn every_preset_is_an_entry() {
        for preset in all().unwrap() {
            let text = serde_json::json!({"mcpServers": {&preset.name: preset.entry}}).to_string();
            let (entries, problems) = files::read(&text, Path::new("mcp.json"), None);
            assert!(problems.is_empty() && entries.len() == 1, "{problems:?}");
            assert_eq!(secrets::wanted(&entries[0]), preset.secret.into_iter().collect::<Vec<_>>());
        }
    }
}
