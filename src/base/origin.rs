//! Who asks for a call, and on whose behalf. Recorded with every call; surfaces add themselves here as they arrive.

/// The surface a call came in by. What stands for others keeps its parent: authority never grows along the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Cli,
    /// A client of our MCP server: the name it gave itself, and the connection it has.
    Mcp { client: String, connection: String },
    /// A Lua script, started by `parent`.
    Lua { parent: Box<Origin> },
}

impl Origin {
    /// A client of our MCP server; its name is made fit for a path.
    pub fn mcp(client: &str, connection: &str) -> Self {
        let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c.to_ascii_lowercase() } else { '-' };
        Self::Mcp { client: client.chars().take(40).map(fit).collect(), connection: connection.to_owned() }
    }

    /// The origin of calls that a script makes which was started from here.
    pub fn lua(&self) -> Self {
        Self::Lua { parent: Box::new(self.clone()) }
    }

    /// The chain from the outermost asker, as in the audit log: `cli`, `cli/lua`, `mcp:CLIENT:CONNECTION/lua`.
    pub fn path(&self) -> String {
        match self {
            Self::Cli => String::from("cli"),
            Self::Mcp { client, connection } => format!("mcp:{client}:{connection}"),
            Self::Lua { parent } => format!("{}/lua", parent.path()),
        }
    }

    /// How many scripts stand between the outermost asker and the call.
    pub fn depth(&self) -> usize {
        match self {
            Self::Cli | Self::Mcp { .. } => 0,
            Self::Lua { parent } => parent.depth() + 1,
        }
    }
}
