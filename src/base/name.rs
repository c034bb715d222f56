//! Names, parsed once and then trusted, and the nearest names to a wrong one.

use crate::base::error::{Code, Error, Result};

/// `provider.function`; the last part is the function, the rest the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionName {
    /// Provider id.
    pub provider: String,
    /// Function id within the provider.
    pub function: String,
}

impl FunctionName {
    /// Reads `provider.function`.
    pub fn parse(text: &str) -> Result<Self> {
        match text.rsplit_once('.') {
            Some((provider, function)) if is_id(function) && provider.split('.').all(is_id) => {
                Ok(Self { provider: provider.to_owned(), function: function.to_owned() })
            }
            _ => Err(Error::new(
                Code::UnknownFunction,
                format!("Unknown integration function: {}. A function is named provider.function", printable(text)),
            )
            .hint("angelia integrations:search \"what you want to do\"")),
        }
    }
}

impl std::fmt::Display for FunctionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.provider, self.function)
    }
}

/// Whether a text may be a provider, function or field id.
pub fn is_id(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A name made fit for an id: `My Server!` becomes `my_server`.
pub fn slug(name: &str) -> String {
    let mut id = String::new();
    for (at, c) in name.chars().enumerate() {
        let after_small = at > 0 && name.chars().nth(at - 1).is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        if c.is_ascii_uppercase() && after_small && !id.ends_with('_') {
            id.push('_');
        }
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => id.push(c),
            _ if !id.is_empty() && !id.ends_with('_') => id.push('_'),
            _ => {}
        }
    }
    let id = id.trim_matches('_');
    let id = if id.starts_with(|first: char| first.is_ascii_lowercase()) { id.to_owned() } else { format!("x{id}") };
    id.chars().take(63).collect()
}

/// The account that is meant when none is named.
pub const DEFAULT_ACCOUNT: &str = "default";

/// Checks an account alias: letters, digits, `_` and `-`, no longer than 63 characters, lower case.
pub fn account(text: &str) -> Result<String> {
    let good = !text.is_empty()
        && text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if good {
        Ok(text.to_owned())
    } else {
        Err(Error::new(Code::UnknownAccount, format!("'{}' cannot be an account: use a-z, 0-9, - and _", printable(text))))
    }
}

/// Text from outside, cut and without control characters, fit for a message.
pub fn printable(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() || reorders(c) { '\u{fffd}' } else { c }).take(120).collect();
    if clean.len() < text.len() && text.chars().count() > 120 { format!("{clean}…") } else { clean }
}

/// As [`clean`], for text that somebody decides about: marks that hide or reorder what stands around them are seen too.
pub fn in_plain_sight(text: &str) -> String {
    let hides = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    clean(text).chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).collect()
}

/// Text from outside without control characters (line breaks and tabs stay).
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if (c.is_control() && c != '\n' && c != '\t') || reorders(c) { '\u{fffd}' } else { c }).collect()
}

/// Marks that turn the direction of what follows, so that a line reads as something else than it says.
pub fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Longest word that is compared with names: comparing takes time by the product of both lengths.
const LONGEST_WORD: usize = 120;

/// Up to three of `names` that look like `wanted`, nearest first.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if wanted.len() > LONGEST_WORD {
        return Vec::new();
    }
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| {
            let mut score = strsim::jaro_winkler(&wanted, name);
            if strsim::damerau_levenshtein(&wanted, name) <= 2 {
                score += 0.1;
            }
            (score, name)
        })
        .filter(|(score, _)| *score >= 0.84)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert!(FunctionName::parse("plane.list_issues").is_ok());
        assert!(FunctionName::parse("device.lamp.blink").is_ok());
        for bad in ["", "plane", "plane.", ".x", "Plane.x", "plane.a b", "../x.y", "a..b"] {
            assert!(FunctionName::parse(bad).is_err(), "{bad}");
        }
        assert!(account("work-2").is_ok());
        assert!(account("../x").is_err());
    }

    #[test]
    fn near_names_are_found() {
        assert_eq!(nearest("list_isues", ["create_issue", "list_issues"]), ["list_issues"]);
        assert!(nearest("zzz", ["create_issue"]).is_empty());
    }
}
