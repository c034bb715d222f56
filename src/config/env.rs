//! The only reader of environment variables.

/// The value of a variable; empty and non-UTF-8 ones count as absent.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How long an open, silent stdin is waited for when the flags alone suffice, in milliseconds.
pub fn stdin_wait_ms() -> u64 {
    var("ANGELIA_STDIN_WAIT_MS").and_then(|value| value.parse().ok()).unwrap_or(200)
}
