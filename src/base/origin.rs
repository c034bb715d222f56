//! Who asks for a call, and on whose behalf. Recorded with every call; surfaces add themselves here as they arrive.

/// The surface a call came in by. What stands for others keeps its parent: authority never grows along the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Cli,
    /// A Lua script, started by `parent`.
    Lua { parent: Box<Origin> },
}

impl Origin {
    /// The origin of calls that a script makes which was started from here.
    pub fn lua(&self) -> Self {
        Self::Lua { parent: Box::new(self.clone()) }
    }

    /// The chain from the outermost asker, as in the audit log: `cli`, `cli/lua`.
    pub fn path(&self) -> String {
        match self {
            Self::Cli => String::from("cli"),
            Self::Lua { parent } => format!("{}/lua", parent.path()),
        }
    }

    /// How many scripts stand between the outermost asker and the call.
    pub fn depth(&self) -> usize {
        match self {
            Self::Cli => 0,
            Self::Lua { parent } => parent.depth() + 1,
        }
    }
}
