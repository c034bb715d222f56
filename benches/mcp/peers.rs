//! The servers and the other command lines: where they come from and how each is started.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::peers::Folder;
use crate::support::process::Program;
use crate::support::server::{BODY, PROOF};
use crate::support::{Measured, because};

const NPM: [&str; 3] = ["node@24.21.0", "@modelcontextprotocol/sdk@1.32.2", "mcporter@0.9.0"];
const PYPI: [&str; 2] = ["fastmcp==4.1.2", "mcp2cli==3.8.0"];

const TYPESCRIPT: &str = include_str!("servers/typescript.mjs");
const FASTMCP: &str = include_str!("servers/fastmcp_server.py");

/// What npm and pip installed, with the servers beside it.
pub struct Peers {
    folder: Folder,
    typescript: PathBuf,
    fastmcp: PathBuf,
}

impl Peers {
    /// Installs what is missing.
    pub fn install() -> Measured<Self> {
        let folder = Folder::new()?;
        folder.npm(&NPM)?;
        folder.pypi(&PYPI)?;
        folder.file("document.json", BODY)?;
        let (typescript, fastmcp) = (folder.file("typescript.mjs", TYPESCRIPT)?, folder.file("fastmcp_server.py", FASTMCP)?);
        Ok(Self { folder, typescript, fastmcp })
    }

    /// The Node.js of npm.
    pub fn node(&self) -> PathBuf {
        self.folder.module("node").join("bin/node")
    }

    /// A program of the Python environment.
    pub fn python(&self, name: &str) -> PathBuf {
        self.folder.python(name)
    }

    /// A script of an npm package.
    pub fn script(&self, name: &str) -> PathBuf {
        self.folder.script(name)
    }

    /// The TypeScript SDK's server.
    pub fn typescript(&self) -> PathBuf {
        self.typescript.clone()
    }
}

/// Whose server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Ours, with the function as a tool of its own.
    Chosen,
    /// Ours, with the five small tools.
    Small,
    TypeScript,
    FastMcp,
}

pub const ALL: [Whose; 4] = [Whose::Chosen, Whose::Small, Whose::TypeScript, Whose::FastMcp];

impl Whose {
    /// How a table names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chosen => "angelia, data-get",
            Self::Small => "angelia, call_function",
            Self::TypeScript => "TypeScript SDK",
            Self::FastMcp => "FastMCP",
        }
    }

    /// Whether it is ours.
    pub fn ours(self) -> bool {
        matches!(self, Self::Chosen | Self::Small)
    }

    /// The server's process, for stdio or with `http`.
    pub fn command(self, peers: &Peers, home: &Home, http: bool) -> Command {
        let (program, script) = match self {
            Self::Chosen | Self::Small => return self.of_ours(home, http),
            Self::TypeScript => (peers.node(), peers.typescript()),
            Self::FastMcp => (peers.python("python"), peers.fastmcp.clone()),
        };
        let mut command = Command::new(program);
        command.arg(script).args(http.then_some("--http"));
        clean(command, home)
    }

    /// One of our own, which needs no peer.
    pub fn of_ours(self, home: &Home, http: bool) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_angelia"));
        command.arg("mcp:serve");
        if http {
            command.args(["--http", "127.0.0.1:0"]);
        }
        if self == Self::Chosen {
            command.args(["--tools", "data.get"]);
        }
        clean(command, home)
    }

    /// The call of the equal tool.
    pub fn call(self) -> Value {
        let arguments = json!({"collection": "notes", "id": "first"});
        match self {
            Self::Chosen => json!({"name": "data-get", "arguments": arguments}),
            Self::Small => json!({"name": "call_function", "arguments": {"function": "data.get", "arguments": arguments}}),
            Self::TypeScript | Self::FastMcp => json!({"name": "get", "arguments": arguments}),
        }
    }
}

fn clean(mut command: Command, home: &Home) -> Command {
    command.env_clear().envs(environment(home)).current_dir(home.work());
    command
}

/// The environment of every measured program.
pub fn environment(home: &Home) -> Vec<(String, String)> {
    let path = std::env::var("PATH").unwrap_or_default();
    home.environment("none").into_iter().chain([(String::from("PATH"), path)]).collect()
}

/// A home with the document that every server has.
pub fn home() -> Measured<Home> {
    let home = Home::new()?;
    let program = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(environment(&home));
    let document: Value = serde_json::from_str(BODY).map_err(because("the document"))?;
    let arguments = json!({"collection": "notes", "id": "first", "document": document}).to_string();
    program.arguments(["integrations:call", "data.create", &arguments, "--json"]).check(PROOF)?;
    Ok(home)
}

/// The largest amount of memory that a running process has held, or holds now, in MB.
pub fn memory(process: u32, what: &str) -> Measured<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).map_err(because("the memory of a server"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kibibytes.map(|kibibytes| kibibytes * 1.024e-3).ok_or_else(|| format!("/proc tells no {what}"))
}
