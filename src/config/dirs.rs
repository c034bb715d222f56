//! The folders of this program: XDG rules, or everything below `ANGELIA_HOME`.

use std::path::{Path, PathBuf};

use etcetera::{AppStrategy as _, AppStrategyArgs, choose_app_strategy};

use crate::base::error::{Error, Result};
use crate::config::env;

/// Where things are. Without a home nothing can be stored, but discovery still works.
#[derive(Debug, Clone)]
pub struct Dirs {
    folders: Result<Folders, String>,
}

#[derive(Debug, Clone)]
struct Folders {
    config: PathBuf,
    data: PathBuf,
    cache: PathBuf,
}

impl Dirs {
    /// Finds the folders; makes none.
    pub fn find() -> Self {
        Self { folders: find() }
    }

    /// Everything below one folder, as with `ANGELIA_HOME`.
    pub fn below(home: &Path) -> Self {
        Self { folders: Ok(below(home)) }
    }

    /// Why there are none.
    pub fn problem(&self) -> Option<&str> {
        self.folders.as_ref().err().map(String::as_str)
    }

    fn get(&self) -> Option<&Folders> {
        self.folders.as_ref().ok()
    }

    /// Settings and the user's own manifests.
    pub fn config(&self) -> Option<&Path> {
        self.get().map(|folders| folders.config.as_path())
    }

    /// Credentials, documents, audit log, approvals, trust.
    pub fn data(&self) -> Option<&Path> {
        self.get().map(|folders| folders.data.as_path())
    }

    /// What can be made again.
    pub fn cache(&self) -> Option<&Path> {
        self.get().map(|folders| folders.cache.as_path())
    }

    /// The configuration folder, made if need be (0700).
    pub fn make_config(&self) -> Result<&Path> {
        self.make(|folders| &folders.config)
    }

    /// The data folder, made if need be (0700).
    pub fn make_data(&self) -> Result<&Path> {
        self.make(|folders| &folders.data)
    }

    fn make(&self, which: fn(&Folders) -> &PathBuf) -> Result<&Path> {
        let folders = self.folders.as_ref().map_err(|why| Error::usage(format!("Nothing can be stored: {why}")))?;
        let folder = which(folders);
        if !folder.is_dir() {
            make_private(folder).map_err(|error| {
                Error::usage(format!("The folder {} cannot be made: {error}", folder.display()))
                    .hint("Set ANGELIA_HOME to a folder that can be written")
            })?;
        }
        Ok(folder)
    }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn below(home: &Path) -> Folders {
    Folders { config: home.join("config"), data: home.join("data"), cache: home.join("cache") }
}

fn find() -> Result<Folders, String> {
    if let Some(home) = env::var("ANGELIA_HOME") {
        let home = PathBuf::from(home);
        if !home.is_absolute() {
            return Err(format!("ANGELIA_HOME is '{}', which is not an absolute path", home.display()));
        }
        return Ok(below(&home));
    }
    let arguments = AppStrategyArgs { top_level_domain: "dev".into(), author: "angelia".into(), app_name: "angelia".into() };
    let strategy = choose_app_strategy(arguments).map_err(|_| String::from("there is no home folder; set ANGELIA_HOME"))?;
    let folders = Folders { config: strategy.config_dir(), data: strategy.data_dir(), cache: strategy.cache_dir() };
    if folders.config.is_absolute() { Ok(folders) } else { Err(String::from("the home folder is not an absolute path; set ANGELIA_HOME")) }
}
