//! Keys.

/// The key that a request came with.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its name.
    pub key: String,
    /// What it may use.
    pub profile: Option<String>,
}
