//! Changes to files that name servers: ours and those of other programs. One member changes, every other byte stays; a file is replaced whole
//! or not at all. What a file of another program looks like is `clients`' business.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::config::dirs::Dirs;
use crate::config::files;
use crate::mcp::files::MEMBERS;
use crate::mcp::jsonc;

/// One of our own files: the user's, or a project's `.angelia/mcp.json`.
#[derive(Debug, Clone)]
pub struct Own {
    pub path: PathBuf,
    /// The project it belongs to.
    pub root: Option<PathBuf>,
}

impl Own {
    /// The file's text; empty when there is none.
    pub fn text(&self) -> Result<String> {
        Ok(files::read(&self.path)?.unwrap_or_default())
    }

    /// The member that holds an entry of this name, and the entry.
    pub fn find(&self, name: &str) -> Result<Option<(&'static str, Value)>> {
        let text = self.text()?;
        let document = if text.trim().is_empty() { Value::Null } else { jsonc::parse(&text).map_err(|why| self.broken(&why))? };
        let entry = |member: &&'static str| Some((*member, document.get(*member)?.get(name)?.clone()));
        Ok(MEMBERS.iter().find_map(entry))
    }

    /// Sets or removes entries.
    pub fn change(&self, dirs: &Dirs, changes: &[(String, Option<Value>)]) -> Result<()> {
        self.refuse_links()?;
        dirs.make_config()?;
        files::locked(&dirs.make_data()?.join("mcp-edit.json"), || {
            let old = self.text()?;
            let mut text = old.clone();
            for (name, value) in changes {
                let member = self.find(name)?.map_or(MEMBERS[0], |(member, _)| member);
                text = jsonc::set(&text, &[member, name], value.as_ref()).map_err(|why| self.broken(&why))?;
            }
            match &self.root {
                _ if text == old => Ok(()),
                Some(_) => files::write_shared(&self.path, &text),
                None => files::write_private(&self.path, &text),
            }
        })
    }

    fn broken(&self, why: &str) -> Error {
        Error::usage(format!("{} cannot be changed: {why}. Nothing was changed", self.path.display()))
    }

    fn refuse_links(&self) -> Result<()> {
        match self.root.as_deref().and_then(|root| link_below(root, &self.path)) {
            Some(link) => Err(self.broken(&format!("{} is a link", link.display()))),
            None => Ok(()),
        }
    }
}

/// The first link on the way from a project's folder to one of its files: a link inside a project leads where its author likes.
pub fn link_below<'a>(root: &Path, path: &'a Path) -> Option<&'a Path> {
    let is_link = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    path.ancestors().take_while(|path| *path != root).find(is_link)
}
