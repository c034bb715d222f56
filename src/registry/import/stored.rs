//! An import as it is kept: the provider with what is needed to import it again. One file each, so that a change of one touches no other.

use serde::{Deserialize, Serialize};

use crate::registry::import::Wanted;
use crate::registry::import::kept::Names;
use crate::registry::manifest::Provider;

/// The folder of imports in the data folder.
pub const FOLDER: &str = "imports";

/// An import in its file, `imports/ID.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Where the description is fetched from again: a file or an address without credentials; `-` when it came from stdin.
    pub source: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Headers with which the description is fetched; of what is secret they say where it is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Private addresses may be asked for the description.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_private: bool,
    /// The overlay that is laid over it, as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
    /// What the operations are called, before the overlay.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub names: Names,
    pub provider: Provider,
}

/// An overlay with the name of its file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Overlay {
    pub name: String,
    pub text: String,
}

impl Stored {
    /// What was wanted then, today.
    pub fn wanted(&self, today: String) -> Wanted {
        Wanted {
            id: self.provider.id.clone(),
            source: self.source.clone(),
            endpoint: self.endpoint.clone(),
            today,
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            names: self.names.clone(),
        }
    }
}
