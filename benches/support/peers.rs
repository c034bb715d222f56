//! Programs that others wrote: packages of npm and PyPI, installed into the folder that `BENCH_PEERS` names, or into a temporary one. What is
//! there already is not installed again. This is the only time that a bench asks for anything beyond this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Measured, because, tell};

/// A folder of packages.
pub struct Folder {
    path: PathBuf,
    /// Removed at the end.
    _own: Option<TempDir>,
}

impl Folder {
    /// The folder, as yet without what is missing.
    pub fn new() -> Measured<Self> {
        let (path, own) = match std::env::var_os("BENCH_PEERS") {
            Some(folder) => (std::path::absolute(folder).map_err(because("BENCH_PEERS"))?, None),
            None => {
                let own = tempfile::Builder::new().prefix("angelia-peers-").tempdir().map_err(because("no temporary folder"))?;
                (own.path().to_owned(), Some(own))
            }
        };
        std::fs::create_dir_all(&path).map_err(because("the folder of peers"))?;
        Ok(Self { path, _own: own })
    }

    /// Installs packages of npm, `name@version`, if one is missing.
    pub fn npm(&self, packages: &[&str]) -> Measured<()> {
        let name = |package: &str| package.rsplit_once('@').map_or(package.to_owned(), |(name, _)| name.to_owned());
        if packages.iter().all(|package| self.module(&name(package)).is_dir()) {
            return Ok(());
        }
        tell("installing the peers of npm");
        self.run(Path::new("npm"), &[&["install", "--no-audit", "--no-fund", "--loglevel=error"], packages].concat())
    }

    /// Installs packages of PyPI, `name==version`, if the program of that name is missing.
    pub fn pypi(&self, packages: &[&str]) -> Measured<()> {
        let name = |package: &str| package.split_once("==").map_or(package.to_owned(), |(name, _)| name.to_owned());
        if packages.iter().all(|package| self.python(&name(package)).is_file()) {
            return Ok(());
        }
        tell("installing the peers of PyPI");
        self.run(Path::new("python3"), &["-m", "venv", "py"])?;
        self.run(&self.python("pip"), &[&["install", "--quiet"], packages].concat())
    }

    fn run(&self, program: &Path, words: &[&str]) -> Measured<()> {
        let said = format!("{} {}", program.display(), words.join(" "));
        let output = Command::new(program).args(words).current_dir(&self.path).output().map_err(because(&said))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("the peers cannot be installed: {said}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }

    /// Writes a file beside the packages, and says where.
    pub fn file(&self, name: &str, text: &str) -> Measured<PathBuf> {
        let path = self.path.join(name);
        std::fs::write(&path, text).map_err(because(name))?;
        Ok(path)
    }

    /// A package of npm.
    pub fn module(&self, name: &str) -> PathBuf {
        self.path.join("node_modules").join(name)
    }

    /// A script of a package of npm.
    pub fn script(&self, name: &str) -> PathBuf {
        self.path.join("node_modules/.bin").join(name)
    }

    /// A program of the Python environment.
    pub fn python(&self, name: &str) -> PathBuf {
        self.path.join("py/bin").join(name)
    }
}
