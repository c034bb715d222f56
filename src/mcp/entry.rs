//! One upstream server as it is configured: what is started or contacted, and the fingerprint by which that is trusted.
//! Reading and writing the files is `mcp::files`' business.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::base::json::digest;
use crate::base::name::slug;
use crate::registry::function::UPSTREAMS;

/// A server of one configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As written in the file.
    pub name: String,
    /// The name as part of a function's name: a-z, 0-9 and `_`.
    pub id: String,
    /// The file that has it.
    pub file: PathBuf,
    /// The project whose file it is; `None` for the user's own.
    pub project: Option<PathBuf>,
    /// How it is reached.
    pub transport: Transport,
    /// The file says that it is not to be used.
    pub disabled: bool,
}

/// How a server is reached. Values of `env` and `headers` are as written: they may refer to secrets kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A child process that speaks on its stdin and stdout.
    Stdio { command: String, args: Vec<String>, env: BTreeMap<String, String>, cwd: Option<PathBuf> },
    /// Streamable HTTP, or with `sse` the older HTTP with server-sent events.
    Http { url: String, headers: BTreeMap<String, String>, sse: bool },
}

impl Entry {
    /// Id of the provider that its tools are functions of.
    pub fn provider(&self) -> String {
        format!("{UPSTREAMS}{}", self.id)
    }

    /// Whether this starts our own server, as a client's file does. By name alone, for an entry may have been written by another copy of this
    /// program; whether a program that is about to be started is this one whatever its name, `access::launch` finds out.
    pub fn is_ours(&self) -> bool {
        let Transport::Stdio { command, args, .. } = &self.transport else { return false };
        let words: Vec<&str> = args.iter().map(String::as_str).take(2).collect();
        let serves = matches!(words[..], ["mcp:serve", ..] | ["mcp", "serve"]);
        serves && Path::new(command).file_stem().is_some_and(|name| name == "angelia")
    }

    /// What was trusted, when this was trusted: a change of any part of it makes another one.
    pub fn fingerprint(&self) -> String {
        digest(&match &self.transport {
            Transport::Stdio { command, args, env, cwd } => json!({"command": command, "args": args, "env": env, "cwd": cwd}),
            Transport::Http { url, headers, sse } => json!({"url": url, "headers": headers, "sse": sse}),
        })
    }
}

/// A name made fit for a function's name: `My Server!` becomes `my_server`.
pub fn id(name: &str) -> String {
    slug(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ids() {
        let table = [
            ("memory", "memory"),
            ("My Server!", "my_server"),
            ("get-sum", "get_sum"),
            ("getTinyImage", "get_tiny_image"),
            ("API-post-search", "api_post_search"),
            ("@scope/server", "scope_server"),
            ("7zip", "x7zip"),
            ("\u{202e}évil", "vil"),
            ("", "x"),
        ];
        for (name, expected) in table {
            assert_eq!(id(name), expected, "{name}");
        }
    }
}
