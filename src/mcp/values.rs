//! What a value of `env`, `headers`, `args` or `url` may say: plain text, or words that stand for something kept elsewhere. A parser
//! only: no variable and no secret is read here.

use crate::mcp::entry::{Entry, Transport};

/// One piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// An environment variable, and what to use when it is not set.
    Env { name: String, default: Option<String> },
    /// The content of a file, without the line break at its end.
    File(String),
    /// What a command prints; only in the user's own entries.
    Command(String),
    /// A secret of this server in the credential store.
    Secret(String),
}

/// Reads a value of `env` or `headers`: `env:NAME`, `file:PATH`, `cmd:…`, `secret:NAME` stand for the whole value; otherwise as
/// [`embedded`].
pub fn parse(text: &str) -> Vec<Part> {
    let whole = match text.split_once(':') {
        Some(("env", name)) if is_name(name) => Some(Part::Env { name: name.to_owned(), default: None }),
        Some(("file", path)) if !path.is_empty() => Some(Part::File(path.to_owned())),
        Some(("cmd", command)) if !command.is_empty() => Some(Part::Command(command.to_owned())),
        Some(("secret", name)) if is_key(name) => Some(Part::Secret(name.to_owned())),
        _ => None,
    };
    whole.map_or_else(|| embedded(text), |part| vec![part])
}

/// Reads a value of `command`, `args`, `cwd` or `url`: `${NAME}`, `${NAME:-default}`, `${env:NAME}`, `${input:ID}`, `${secret:NAME}`,
/// `${userHome}`. What is no such word stays as it is.
pub fn embedded(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let (inside, end) = (&rest[start + 2..start + length], start + length + 1);
        match word(inside) {
            Some(part) => {
                plain.push_str(&rest[..start]);
                push(&mut parts, std::mem::take(&mut plain));
                parts.push(part);
            }
            None => plain.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    plain.push_str(rest);
    push(&mut parts, plain);
    parts
}

fn push(parts: &mut Vec<Part>, text: String) {
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
}

fn word(inside: &str) -> Option<Part> {
    let env =
        |name: &str, default: Option<&str>| is_name(name).then(|| Part::Env { name: name.to_owned(), default: default.map(str::to_owned) });
    match inside.split_once(':') {
        None if inside == "userHome" => env("HOME", None),
        None => env(inside, None),
        Some(("env", rest)) => match rest.split_once(":-") {
            Some((name, default)) => env(name, Some(default)),
            None => env(rest, None),
        },
        Some(("input" | "secret", id)) if is_key(id) => Some(Part::Secret(id.to_owned())),
        Some((name, rest)) => rest.strip_prefix('-').and_then(|default| env(name, Some(default))),
    }
}

/// Everything of an entry that stands for something else, with where it stands: `env.NAME`, `header.NAME`, `arg 2`, `url`.
pub fn references(entry: &Entry) -> Vec<(String, Part)> {
    let mut found = Vec::new();
    let mut add = |place: String, parts: Vec<Part>| {
        let parts = parts.into_iter().filter(|part| !matches!(part, Part::Text(_)));
        found.extend(parts.map(|part| (place.clone(), part)));
    };
    match &entry.transport {
        Transport::Stdio { command, args, env, cwd } => {
            add(String::from("command"), embedded(command));
            args.iter().enumerate().for_each(|(at, word)| add(format!("arg {}", at + 1), embedded(word)));
            env.iter().for_each(|(name, value)| add(format!("env.{name}"), parse(value)));
            cwd.iter().for_each(|folder| add(String::from("cwd"), embedded(&folder.to_string_lossy())));
        }
        Transport::Http { url, headers, .. } => {
            add(String::from("url"), embedded(url));
            headers.iter().for_each(|(name, value)| add(format!("header.{name}"), parse(value)));
        }
    }
    found
}

/// Whether a text can be the name of an environment variable.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a text can be the name of a stored secret.
pub fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Whether a name says that its value is a secret.
pub fn sounds_secret(name: &str) -> bool {
    const WORDS: [&str; 8] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "AUTHORIZATION", "CREDENTIAL", "COOKIE"];
    const NOT: [&str; 7] = ["_FILE", "_PATH", "_DIR", "_URL", "_URI", "MAX_TOKENS", "KEYBOARD"];
    let name = name.to_ascii_uppercase().replace('-', "_");
    if NOT.iter().any(|end| name.ends_with(end)) {
        return false;
    }
    WORDS.iter().any(|word| name.contains(word)) || name.ends_with("PAT") || name.ends_with("AUTH")
}

/// Words before a secret that are none.
pub const SCHEMES: [&str; 4] = ["Bearer ", "Basic ", "Token ", "token "];

/// Whether a value, under a name that `sounds` as if, holds a secret as it is: also as the default of a variable.
pub fn is_secret(sounds: bool, text: &str) -> bool {
    let literal = |part: &Part| match part {
        Part::Text(text) => looks_secret(text),
        Part::Env { name, default: Some(default) } if !default.is_empty() => sounds_secret(name) || looks_secret(default),
        _ => false,
    };
    !text.is_empty() && !is_reference(text) && (sounds || parse(text).iter().any(literal))
}

/// Whether a value begins as the keys of well-known services do.
pub fn looks_secret(value: &str) -> bool {
    const STARTS: [&str; 16] = [
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "sk-",
        "sk_live_",
        "xoxb-",
        "xoxp-",
        "AKIA",
        "AIza",
        "lin_api_",
        "ntn_",
        "secret_",
        "eyJ",
    ];
    let value = SCHEMES.iter().find_map(|scheme| value.strip_prefix(scheme)).unwrap_or(value);
    value.len() >= 16 && STARTS.iter().any(|start| value.starts_with(start))
}

/// Whether a value holds nothing but words for what is kept elsewhere, besides `Bearer` and its like.
pub fn is_reference(text: &str) -> bool {
    let parts = parse(text);
    let scheme = |text: &str| !text.contains(char::is_alphanumeric) || SCHEMES.iter().any(|scheme| scheme.trim() == text.trim());
    parts.iter().any(|part| !matches!(part, Part::Text(_)))
        && parts.iter().all(|part| match part {
            Part::Text(text) => scheme(text),
            Part::Env { default, .. } => default.as_deref().is_none_or(str::is_empty),
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        let text = |text: &str| Part::Text(text.into());
        let env = |name: &str, default: Option<&str>| Part::Env { name: name.into(), default: default.map(str::to_owned) };
        let secret = |name: &str| Part::Secret(name.into());
        let table = [
            ("plain", vec![text("plain")]),
            ("", vec![]),
            ("env:HOME", vec![env("HOME", None)]),
            ("env: HOME", vec![text("env: HOME")]),
            ("file:/x/${y}", vec![Part::File("/x/${y}".into())]),
            ("cmd:pass show x", vec![Part::Command("pass show x".into())]),
            ("secret:token", vec![secret("token")]),
            ("https://x/${A}?${B:-b:-c}", vec![text("https://x/"), env("A", None), text("?"), env("B", Some("b:-c"))]),
            ("Bearer ${input:api-key}", vec![text("Bearer "), secret("api-key")]),
            ("${env:A}${env:B:-}", vec![env("A", None), env("B", Some(""))]),
            ("${secret:a.b}", vec![secret("a.b")]),
            ("${userHome}/x", vec![env("HOME", None), text("/x")]),
            ("${command:x} ${1} ${ ${A", vec![text("${command:x} ${1} ${ ${A")]),
            ("$A {B} ${}", vec![text("$A {B} ${}")]),
        ];
        for (value, expected) in table {
            assert_eq!(parse(value), expected, "{value}");
        }
        assert_eq!(embedded("file:x"), vec![text("file:x")]);
    }

    #[test]
    fn secrets_are_told_from_references() {
        for reference in ["env:A", "Bearer ${TOKEN}", "secret:x", "cmd:pass x", "${input:x}", "Basic ${A}:${B}"] {
            assert!(is_reference(reference), "{reference}");
        }
        for literal in ["abc", "Bearer abc", "${A:-abc}", "x${A}", ""] {
            assert!(!is_reference(literal), "{literal}");
        }
        assert!(sounds_secret("Authorization") && sounds_secret("x-api-key") && sounds_secret("GITHUB_PAT") && !sounds_secret("PATH"));
    }
}
