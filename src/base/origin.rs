//! Who asks for a call. Recorded with every call; surfaces add themselves here as they arrive.

/// The surface a call came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Cli,
}

impl Origin {
    /// The word used in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cli => "cli",
        }
    }
}
