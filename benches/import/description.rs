//! The description that is imported, GitHub's of the npm package `@octokit/openapi`: 13 MB, 1,223 operations. Beside it the others that read it.

use std::path::PathBuf;

use crate::support::home::Home;
use crate::support::peers::Folder;
use crate::support::process::Program;
use crate::support::{Measured, because};

const NPM: [&str; 1] = ["@octokit/openapi@23.0.2"];
const PYPI: [&str; 2] = ["fastmcp==4.1.2", "mcp2cli==3.8.0"];
const FASTMCP: &str = include_str!("fastmcp_load.py");

/// The id of the import; the catalog's own GitHub is another provider.
pub const ID: &str = "octokit";
/// How many operations the description has.
pub const OPERATIONS: &str = "1223";

/// The description and who reads it.
pub struct Description {
    folder: Folder,
    path: PathBuf,
    fastmcp: PathBuf,
}

impl Description {
    /// Installs what is missing.
    pub fn install() -> Measured<Self> {
        let folder = Folder::new()?;
        folder.npm(&NPM)?;
        folder.pypi(&PYPI)?;
        let path = folder.module("@octokit/openapi").join("generated/api.github.com.json");
        let fastmcp = folder.file("fastmcp_load.py", FASTMCP)?;
        Ok(Self { folder, path, fastmcp })
    }

    /// Its size in MB.
    pub fn megabytes(&self) -> Measured<f64> {
        Ok(std::fs::metadata(&self.path).map_err(because("the description"))?.len() as f64 / 1e6)
    }

    /// Our import of it.
    pub fn ours(&self, home: &Home) -> Measured<Program> {
        let words = ["integrations:import", &self.path(), "--as", ID, "--json"];
        Ok(program(env!("CARGO_BIN_EXE_angelia"), home)?.arguments(words))
    }

    /// The list of its commands by mcp2cli, or a word of other commands.
    pub fn mcp2cli(&self, home: &Home, words: &[&str]) -> Measured<Program> {
        let path = self.path();
        Ok(program(self.folder.python("mcp2cli"), home)?.arguments([&["--spec", &path as &str], words].concat()))
    }

    /// The tools that FastMCP makes of it.
    pub fn fastmcp(&self, home: &Home) -> Measured<Program> {
        Ok(program(self.folder.python("python"), home)?
            .arguments([&self.fastmcp.display().to_string(), &self.path()].map(|word| word as &str)))
    }

    fn path(&self) -> String {
        self.path.display().to_string()
    }
}

/// A program whose home is private and whose environment is cleared.
pub fn program(path: impl Into<PathBuf>, home: &Home) -> Measured<Program> {
    Ok(Program::new(path, &home.work())?.environment(home.environment(ID)))
}
