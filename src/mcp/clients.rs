//! Programs that speak MCP as clients: where each keeps its servers, and in which form. Facts only; what is written there is decided by who
//! calls.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::config::{edit, env};
use crate::mcp::jsonc;

/// A client's file may hold much besides: histories, projects.
pub const LARGEST: u64 = 64 << 20;

/// One client.
pub struct Client {
    /// The word on the command line.
    pub id: &'static str,
    pub title: &'static str,
    /// Where in its file the servers are.
    pub member: &'static [&'static str],
    pub form: Form,
    /// Its entries say `"type": "stdio"`.
    typed: bool,
    user: Place,
    /// Its file inside a project.
    pub project: Option<&'static str>,
    /// What a person does next.
    pub next: &'static str,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON, with comments where the client allows them.
    Json,
    Toml,
}

/// Where a user's own file is.
enum Place {
    /// Below the home folder.
    Home(&'static str),
    /// Below a folder that a variable names, or else below the home folder.
    Variable(&'static str, &'static str, &'static str),
    /// Below the folder of programs' settings: on Linux, macOS and Windows.
    Settings(&'static str, &'static str, &'static str),
}

/// All clients that we know.
#[rustfmt::skip]
pub const CLIENTS: [Client; 7] = [
    Client { id: "claude-code", title: "Claude Code", member: &["mcpServers"], form: Form::Json, typed: true, user: Place::Home(".claude.json"), project: Some(".mcp.json"), next: "Start Claude Code anew; /mcp shows the server." },
    Client { id: "claude-desktop", title: "Claude Desktop", member: &["mcpServers"], form: Form::Json, typed: false, user: Place::Settings("Claude/claude_desktop_config.json", "Claude/claude_desktop_config.json", "Claude/claude_desktop_config.json"), project: None, next: "Quit Claude Desktop and start it anew." },
    Client { id: "cursor", title: "Cursor", member: &["mcpServers"], form: Form::Json, typed: false, user: Place::Home(".cursor/mcp.json"), project: Some(".cursor/mcp.json"), next: "Cursor Settings, MCP shows the server." },
    Client { id: "vscode", title: "VS Code", member: &["servers"], form: Form::Json, typed: true, user: Place::Settings("Code/User/mcp.json", "Code/User/mcp.json", "Code/User/mcp.json"), project: Some(".vscode/mcp.json"), next: "The command 'MCP: List Servers' shows and starts the server." },
    Client { id: "codex", title: "Codex", member: &["mcp_servers"], form: Form::Toml, typed: false, user: Place::Variable("CODEX_HOME", "config.toml", ".codex/config.toml"), project: Some(".codex/config.toml"), next: "Start Codex anew; /mcp shows the server." },
    Client { id: "gemini", title: "Gemini CLI", member: &["mcpServers"], form: Form::Json, typed: false, user: Place::Home(".gemini/settings.json"), project: Some(".gemini/settings.json"), next: "Start Gemini CLI anew; /mcp shows the server." },
    Client { id: "zed", title: "Zed", member: &["context_servers"], form: Form::Json, typed: false, user: Place::Settings("zed/settings.json", "~/.config/zed/settings.json", "Zed/settings.json"), project: Some(".zed/settings.json"), next: "Zed reads its settings at once; the agent panel's settings show the server." },
];

/// The client of a name.
pub fn find(id: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|client| client.id == id)
}

impl Client {
    /// Its file: the user's, or the one of a project.
    pub fn file(&self, project: Option<&Path>) -> Option<PathBuf> {
        match project {
            Some(root) => self.project.map(|name| root.join(name)),
            None => self.user.path(),
        }
    }

    /// An entry that starts a program.
    pub fn entry(&self, command: &str, args: &[String], variables: &[(String, String)]) -> Map<String, Value> {
        let mut entry = Map::new();
        if self.typed {
            entry.insert(String::from("type"), json!("stdio"));
        }
        entry.insert(String::from("command"), json!(command));
        entry.insert(String::from("args"), json!(args));
        if !variables.is_empty() {
            entry.insert(String::from("env"), Value::Object(variables.iter().map(|(name, value)| (name.clone(), json!(value))).collect()));
        }
        entry
    }

    /// A file's text with an entry set, or removed.
    pub fn set(&self, text: &str, name: &str, entry: Option<&Map<String, Value>>) -> Result<String, String> {
        let path = [self.member, &[name]].concat();
        match self.form {
            Form::Json => jsonc::set(text, &path, entry.cloned().map(Value::Object).as_ref()),
            // What is the same is not written anew.
            Form::Toml if self.read(text)?.get(name).and_then(Value::as_object) == entry => Ok(text.to_owned()),
            Form::Toml => edit::set_table(text, &path, entry),
        }
    }

    /// The entries of a file's text.
    pub fn read(&self, text: &str) -> Result<Map<String, Value>, String> {
        let document = match self.form {
            _ if text.trim().is_empty() => Value::Null,
            Form::Json => jsonc::parse(text)?,
            Form::Toml => edit::to_json(text).ok_or("it is not valid TOML")?,
        };
        let found = self.member.iter().try_fold(&document, |at, key| at.get(*key));
        Ok(found.and_then(Value::as_object).cloned().unwrap_or_default())
    }
}

impl Place {
    fn path(&self) -> Option<PathBuf> {
        let home = || env::var("HOME").or_else(|| env::var("USERPROFILE")).map(PathBuf::from);
        match self {
            Self::Home(name) => Some(home()?.join(name)),
            Self::Variable(variable, name, in_home) => match env::var(variable) {
                Some(folder) => Some(Path::new(&folder).join(name)),
                None => Some(home()?.join(in_home)),
            },
            Self::Settings(linux, macos, windows) => {
                let (folder, name) = match std::env::consts::OS {
                    "macos" => (home()?.join("Library/Application Support"), macos),
                    "windows" => (env::var("APPDATA").map(PathBuf::from)?, windows),
                    _ => (env::var("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".config")))?, linux),
                };
                match name.strip_prefix("~/") {
                    Some(rest) => Some(home()?.join(rest)),
                    None => Some(folder.join(name)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_keeps_its_comments() {
        let codex = find("codex").unwrap();
        let text = "# mine\nmodel = \"x\" # best\n\n[mcp_servers.other]\ncommand = \"o\"\n\n[mcp_servers.angelia]\ncommand = \"old\"\ncwd = \"/\"\n";
        let entry = codex.entry("/bin/angelia", &[String::from("mcp:serve")], &[(String::from("A"), String::from("b"))]);
        let set = codex.set(text, "angelia", Some(&entry)).unwrap();
        assert!(set.contains("# mine") && set.contains("# best") && !set.contains("cwd"), "{set}");
        assert_eq!(codex.read(&set).unwrap()["angelia"], Value::Object(entry.clone()));
        assert_eq!(codex.set(&set, "angelia", Some(&entry)).unwrap(), set);
        let removed = codex.set(&set, "angelia", None).unwrap();
        assert!(removed.contains("mcp_servers.other") && !removed.contains("angelia"), "{removed}");
    }
}
