//! Entries between programs: from another program's form into ours, with secrets taken out, and from ours into forms that others read.

use serde_json::{Map, Value, json};

use crate::config::edit;
use crate::mcp::entry::{Entry, Transport};
use crate::mcp::jsonc;
use crate::mcp::values::{self, Part};

/// Where programs keep servers in a file.
const PLACES: [&[&str]; 5] = [&["mcpServers"], &["servers"], &["mcp", "servers"], &["context_servers"], &["mcp_servers"]];

/// The servers of any program's file.
pub fn find(text: &str, toml: bool) -> Result<Map<String, Value>, String> {
    let document = if toml { edit::to_json(text).ok_or("it is not valid TOML")? } else { jsonc::parse(text)? };
    let at = |place: &&[&str]| place.iter().try_fold(&document, |at, key| at.get(*key))?.as_object().cloned();
    let names: Vec<String> = PLACES.iter().map(|place| place.join(".")).collect();
    PLACES.iter().find_map(at).ok_or_else(|| format!("it has none of {}", names.join(", ")))
}

/// An entry in our form, and what was taken out of it for the credential store.
pub struct Taken {
    pub members: Map<String, Value>,
    pub secrets: Vec<(String, String)>,
}

/// Turns another program's entry into ours: a literal secret becomes a reference to the credential store.
pub fn take(value: &Value) -> Result<Taken, String> {
    let mut members = value.as_object().cloned().ok_or("must be an object")?;

    rename(&mut members);
    for key in ["env", "headers"] {
        let pairs = members.get_mut(key).and_then(Value::as_object_mut);
        pairs.into_iter().flat_map(Map::values_mut).filter(|value| value.is_string()).for_each(variable);
    }
    let secrets = hide(&mut members);
    Ok(Taken { members, secrets })
}

/// Puts references to the credential store in the place of what looks like a secret; what was there is answered.
pub fn hide(members: &mut Map<String, Value>) -> Vec<(String, String)> {
    let mut secrets = Vec::new();
    for (key, prefix) in [("env", "env"), ("headers", "header")] {
        let Some(pairs) = members.get_mut(key).and_then(Value::as_object_mut) else { continue };
        for (name, value) in pairs.iter_mut() {
            let Some(text) = value.as_str().filter(|text| values::is_secret(values::sounds_secret(name), text)) else { continue };
            let key = format!("{prefix}.{}", key_of(name));
            let said = store(&mut secrets, &key, text);
            *value = Value::from(if said == format!("${{secret:{key}}}") { format!("secret:{key}") } else { said });
        }
    }
    if let Some(args) = members.get_mut("args").and_then(Value::as_array_mut) {
        hide_args(args, &mut secrets);
    }
    if let Some(url) =
        ["url", "httpUrl", "serverUrl"].into_iter().find(|key| members.contains_key(*key)).and_then(|key| members.get_mut(key))
    {
        hide_query(url, &mut secrets);
    }
    secrets
}

/// Members that are named otherwise elsewhere.
fn rename(members: &mut Map<String, Value>) {
    if let Some(headers) = members.shift_remove("http_headers") {
        members.insert(String::from("headers"), headers);
    }
    if let Some(Value::String(variable)) = members.shift_remove("bearer_token_env_var") {
        let headers = members.entry("headers").or_insert_with(|| json!({}));
        headers["Authorization"] = Value::from(format!("Bearer ${{{variable}}}"));
    }
    members.shift_remove("source");
}

/// `$NAME`, as some write it, is `${NAME}`.
fn variable(value: &mut Value) {
    if let Some(name) = value.as_str().and_then(|text| text.strip_prefix('$')).filter(|name| values::is_name(name)) {
        *value = Value::from(format!("${{{name}}}"));
    }
}

/// Takes what stands there as it is out of a text; a word such as Bearer before it stays, and so do references. Of a variable with a default
/// the default is taken: there is no other place for it.
fn store(secrets: &mut Vec<(String, String)>, key: &str, text: &str) -> String {
    let mut take = |value: &str| {
        let again = secrets.iter().filter(|(known, _)| known == key || known.starts_with(&format!("{key}-"))).count();
        let key = if again == 0 { key.to_owned() } else { format!("{key}-{}", again + 1) };
        secrets.push((key.clone(), value.to_owned()));
        format!("${{secret:{key}}}")
    };
    let said = values::embedded(text).into_iter().map(|part| match part {
        Part::Text(text) => {
            let scheme = values::SCHEMES.into_iter().find(|scheme| text.starts_with(scheme)).unwrap_or_default();
            let rest = &text[scheme.len()..];
            if rest.contains(char::is_alphanumeric) { format!("{scheme}{}", take(rest)) } else { text }
        }
        Part::Env { default: Some(default), .. } if !default.is_empty() => take(&default),
        Part::Env { name, .. } => format!("${{{name}}}"),
        Part::Secret(key) => format!("${{secret:{key}}}"),
        Part::File(text) | Part::Command(text) => text,
    });
    said.collect()
}

fn key_of(name: &str) -> String {
    name.trim_start_matches('-')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' })
        .take(100)
        .collect()
}

/// `--api-key VALUE`, `--api-key=VALUE`, `API_KEY=VALUE`, `Authorization: VALUE`, and what looks like a key by itself.
fn hide_args(args: &mut [Value], secrets: &mut Vec<(String, String)>) {
    let mut before = String::new();
    for (at, arg) in args.iter_mut().enumerate() {
        let Some(text) = arg.as_str().map(str::to_owned) else { continue };
        let (start, key, value) = match named(&text) {
            Some((name, value)) if values::is_secret(asks_secret(name), value) => (text.len() - value.len(), key_of(name), value),
            _ if values::is_secret(before.starts_with('-') && asks_secret(&before) && !text.starts_with('-'), &text) => {
                let key = if before.starts_with('-') { key_of(&before) } else { (at + 1).to_string() };
                (0, key, text.as_str())
            }
            _ => {
                before = text;
                continue;
            }
        };
        *arg = Value::from(format!("{}{}", &text[..start], store(secrets, &format!("arg.{key}"), value)));
        before = text;
    }
}

/// An argument that says what it is, and what it says: a flag, a variable or a header.
fn named(text: &str) -> Option<(&str, &str)> {
    let named = text.split_once('=').filter(|(name, _)| values::is_name(&name.trim_start_matches('-').replace('-', "_")));
    let is_header = |name: &str, value: &str| {
        let known = ["authorization", "cookie", "x-api-key"].contains(&name.to_ascii_lowercase().as_str());
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && (known || value.starts_with(' '))
    };
    let (name, value) = named.or_else(|| text.split_once(':').filter(|(name, value)| is_header(name, value)))?;
    Some((name, value.trim_start()))
}

/// Whether the value of an argument is a secret by its name. `--no-auth` is none, and `keyboard=us` names no variable.
fn asks_secret(name: &str) -> bool {
    let bare = name.trim_start_matches('-').to_ascii_lowercase();
    let says = name.starts_with('-') || name.contains('-') || !name.contains(|c: char| c.is_ascii_lowercase()) || bare == "authorization";
    says && bare != "auth"
        && !["no-", "disable-", "skip-", "allow-", "use-"].iter().any(|no| bare.starts_with(no))
        && values::sounds_secret(&bare)
}

fn hide_query(url: &mut Value, secrets: &mut Vec<(String, String)>) {
    let Some(text) = url.as_str() else { return };
    let Some((base, query)) = text.split_once('?') else { return };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if values::is_secret(values::sounds_secret(name), value) => {
            format!("{name}={}", store(secrets, &format!("url.{}", key_of(name)), value))
        }
        _ => pair.to_owned(),
    });
    let query: Vec<String> = pairs.collect();
    *url = Value::from(format!("{base}?{}", query.join("&")));
}

/// Which program's words an exported value uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `mcpServers`, with `${NAME}`.
    Variables,
    /// `servers`, with `${env:NAME}` and `${input:ID}`.
    Inputs,
}

/// An entry for another program. What only our store knows becomes a variable, or an input that is asked for; its names are told.
pub fn give(entry: &Entry, dialect: Dialect) -> (Value, Vec<String>) {
    let mut asked = Vec::new();
    let mut word = |parts: Vec<Part>, place: &str| -> String {
        let said = parts.into_iter().map(|part| match (part, dialect) {
            (Part::Text(text), _) => text,
            (Part::Env { name, default: Some(default) }, Dialect::Variables) => format!("${{{name}:-{default}}}"),
            (Part::Env { name, .. }, Dialect::Variables) => format!("${{{name}}}"),
            (Part::Env { name, .. }, Dialect::Inputs) => format!("${{env:{name}}}"),
            (part, dialect) => {
                let key = if let Part::Secret(key) = part { key } else { place.to_owned() };
                let id = format!("{}-{}", entry.id, key.rsplit_once('.').map_or(key.as_str(), |(_, key)| key));
                let name = if dialect == Dialect::Inputs {
                    key_of(&id)
                } else {
                    id.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
                };
                asked.push(name.clone());
                if dialect == Dialect::Inputs { format!("${{input:{name}}}") } else { format!("${{{name}}}") }
            }
        });
        said.collect()
    };
    // What somebody wrote there in plain sight is not told to others.
    let mut members = ours(entry);
    hide(&mut members);
    let value = members.into_iter().map(|(key, value)| {
        let said = match value {
            Value::String(text) if key == "type" || key == "cwd" => Value::String(text),
            Value::String(text) => word(values::embedded(&text), &key).into(),
            Value::Array(words) => words.iter().filter_map(Value::as_str).map(|text| word(values::embedded(text), "argument")).collect(),
            Value::Object(pairs) => {
                let said = pairs.into_iter().map(|(name, text)| {
                    let text = word(values::parse(text.as_str().unwrap_or_default()), &name);
                    (name, Value::from(text))
                });
                Value::Object(said.collect())
            }
            other => other,
        };
        (key, said)
    });
    let value = Value::Object(value.collect());
    (value, asked)
}

/// An entry as it stands in our own file.
fn ours(entry: &Entry) -> Map<String, Value> {
    let value = match &entry.transport {
        Transport::Stdio { command, args, env, cwd: None } => json!({"type": "stdio", "command": command, "args": args, "env": env}),
        Transport::Stdio { command, args, env, cwd: Some(folder) } => {
            json!({"type": "stdio", "command": command, "args": args, "env": env, "cwd": folder.display().to_string()})
        }
        Transport::Http { url, headers, sse } => json!({"type": if *sse { "sse" } else { "http" }, "url": url, "headers": headers}),
    };
    if let Value::Object(members) = value { members } else { Map::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_every_place() {
        let taken = take(&json!({
            "command": "npx", "args": ["-y", "x", "--api-key", "k1", "--token=k2", "--header", "Authorization: Bearer ${T}", "sk-0123456789abcdef"],
            "env": {"API_TOKEN": "k3", "LOG": "debug", "OTHER": "$HOME", "KEY": "${KEY}"}, "x-own": {"a": 1},
        }))
        .unwrap();
        assert_eq!(
            Value::Object(taken.members),
            json!({
                "command": "npx",
                "args": ["-y", "x", "--api-key", "${secret:arg.api-key}", "--token=${secret:arg.token}", "--header", "Authorization: Bearer ${T}", "${secret:arg.8}"],
                "env": {"API_TOKEN": "secret:env.API_TOKEN", "LOG": "debug", "OTHER": "${HOME}", "KEY": "${KEY}"}, "x-own": {"a": 1},
            })
        );
        let keys: Vec<&str> = taken.secrets.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(keys, ["k3", "k1", "k2", "sk-0123456789abcdef"]);
        let taken = take(&json!({"url": "https://x/mcp?a=b&apiKey=k4", "http_headers": {"Authorization": "Bearer k5"}})).unwrap();
        assert_eq!(taken.members["url"], "https://x/mcp?a=b&apiKey=${secret:url.apiKey}");
        assert_eq!(taken.members["headers"]["Authorization"], "Bearer ${secret:header.Authorization}");
        assert_eq!(taken.secrets[0], (String::from("header.Authorization"), String::from("k5")));
        let args = ["run", "-e", "API_KEY=k6", "-e", "API_KEY=k7", "keycloak:latest", "keyboard=us", "--no-auth", "x", "--key-file", "/k"];
        let more =
            ["--header", "Authorization: Bearer k8", "Authorization:${A}", "--token", "${T:-k9}", "--secret=${S}", "--max-tokens", "9"];
        let words = [&args[..], &more].concat();
        let taken = take(&json!({"command": "docker", "args": words, "env": {"A_TOKEN": "a${B}", "HOST": "${KEY:-k10}"}})).unwrap();
        let changed =
            ["API_KEY=${secret:arg.API_KEY}", "API_KEY=${secret:arg.API_KEY-2}", "Authorization: Bearer ${secret:arg.Authorization}"];
        let mut expected = words;
        (expected[2], expected[4], expected[12], expected[15]) = (changed[0], changed[1], changed[2], "${secret:arg.token}");
        assert_eq!(taken.members["args"], json!(expected));
        assert_eq!(taken.members["env"], json!({"A_TOKEN": "${secret:env.A_TOKEN}${B}", "HOST": "secret:env.HOST"}));
        let keys: Vec<&str> = taken.secrets.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(keys, ["a", "k10", "k6", "k7", "k8", "k9"]);
        let taken = take(&json!({"url": "https://x", "bearer_token_env_var": "T"})).unwrap();
        assert_eq!(taken.members["headers"], json!({"Authorization": "Bearer ${T}"}));
    }
}
