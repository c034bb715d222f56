//! The text of a description as a value: JSON, else YAML. Bounded in size, depth and in what aliases may unfold to. Nothing is fetched.

use serde_json::Value;

use crate::base::error::{Code, Error, Result};

/// A description larger than this is refused.
pub const LARGEST: usize = 64 << 20;

/// How deep a description may nest.
const DEEPEST: usize = 120;

/// The description as a value.
pub fn document(bytes: &[u8]) -> Result<Value> {
    if bytes.len() > LARGEST {
        return Err(broken(format!("it has more than {} MiB", LARGEST >> 20)));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| broken(format!("it is not UTF-8 (at byte {})", error.valid_up_to())))?;
    let text = text.trim_start_matches('\u{feff}');
    let json = text.trim_start().starts_with(['{', '[']);
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        // What begins as JSON may still be YAML in flow style; the first reason is the better one then.
        Err(error) => yaml(text).map_err(|why| broken(if json { format!("it is not valid JSON: {error}") } else { why })),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    let limits = serde_saphyr::budget! {
        max_events: 20_000_000,
        max_nodes: 10_000_000,
        max_depth: DEEPEST,
        max_total_scalar_bytes: LARGEST,
        max_aliases: 20_000,
        max_anchors: 20_000,
    };
    let options = serde_saphyr::options! { budget: limits, strict_booleans: true, duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let said = error.without_snippet().to_string();
        format!("it is neither JSON nor YAML: {}", said.lines().next().unwrap_or_default())
    })
}

fn broken(why: String) -> Error {
    Error::new(Code::InvalidPayload, format!("The description cannot be read: {why}"))
}
