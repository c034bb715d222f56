//! A private home for the measured program: settings, manifests and a cleared environment, removed at the end.
//! Nothing of the caller's own settings, proxies or keychain reaches a measurement.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Measured, because};

/// The credential that every call sends; `curl` sends the same.
pub const TOKEN: &str = "bench-token-0123456789";

/// A provider with one function, for the loopback server.
pub const LOOPBACK: &str = r#"id: loopback
title: Loopback
description: A server on this machine that answers small JSON.
category: development
auth_strategy: bearer_token
credentials:
  - {key: token, label: Token, secret: true}
auth: {type: bearer, value: "{token}"}
servers: {default: "https://loopback.example"}
functions:
  - id: get_item
    title: Get an item
    description: Returns one item with its author and labels.
    operation: read
    request: GET /items/{id}
    parameters:
      id: {type: integer, minimum: 1, description: Number of the item.}
      expand: {type: boolean, description: Also return the comments.}
    required: [id]
    examples: [{arguments: {id: 7}}]
"#;

/// A folder for `ANGELIA_HOME`.
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// An empty home in the folder for temporary files.
    pub fn new() -> Measured<Self> {
        let folder = tempfile::Builder::new().prefix("angelia-bench-").tempdir();
        let home = Self { folder: folder.map_err(because("no temporary folder"))? };
        for part in ["config/providers", "work"] {
            std::fs::create_dir_all(home.path().join(part)).map_err(because("no temporary folder"))?;
        }
        Ok(home)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the measured programs run: an empty folder, so no project is found.
    pub fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// Writes a manifest.
    pub fn provider(&self, id: &str, manifest: &str) -> Measured<()> {
        self.write(&format!("config/providers/{id}.yaml"), manifest)
    }

    /// Writes settings that allow reads of providers and send them to a server.
    pub fn settings<'a>(&self, providers: impl IntoIterator<Item = &'a str>, server: &str) -> Measured<()> {
        let mut text = String::new();
        for id in providers {
            text.push_str(&format!(
                "[integrations.{id}]\nenabled = true\nread = \"allow\"\nallow_private = true\n\
                 [integrations.{id}.servers]\ndefault = \"{server}\"\n\n"
            ));
        }
        self.write("config/config.toml", &text)
    }

    fn write(&self, name: &str, text: &str) -> Measured<()> {
        std::fs::write(self.path().join(name), text).map_err(because(name))
    }

    /// The whole environment of a measured program that calls `provider`. The token comes by the environment, so no keychain is opened.
    pub fn environment(&self, provider: &str) -> Vec<(String, String)> {
        let path = self.path().display().to_string();
        vec![
            (String::from("HOME"), path.clone()),
            (String::from("ANGELIA_HOME"), path),
            (format!("ANGELIA_{}_TOKEN", provider.to_uppercase()), TOKEN.to_owned()),
        ]
    }
}
