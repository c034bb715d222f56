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
    let mut secrets = Vec::new();
    rename(&mut members);
    for (key, prefix) in [("env", "env"), ("headers", "header")] {
        let Some(pairs) = members.get_mut(key).and_then(Value::as_object_mut) else { continue };
        for (name, value) in pairs.iter_mut() {
            let Some(text) = value.as_str().map(variable) else { continue };
            let secret = (values::sounds_secret(name) || values::looks_secret(&text)) && !text.is_empty() && !values::is_reference(&text);
            *value = Value::from(if secret { store(&mut secrets, &format!("{prefix}.{}", key_of(name)), &text) } else { text });
        }
    }
    if let Some(args) = members.get_mut("args").and_then(Value::as_array_mut) {
        take_args(args, &mut secrets);
    }
    if let Some(url) =
        ["url", "httpUrl", "serverUrl"].into_iter().find(|key| members.contains_key(*key)).and_then(|key| members.get_mut(key))
    {
        take_query(url, &mut secrets);
    }
    Ok(Taken { members, secrets })
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
fn variable(text: &str) -> String {
    match text.strip_prefix('$') {
        Some(name) if values::is_name(name) => format!("${{{name}}}"),
        _ => text.to_owned(),
    }
}

/// Takes a secret out; a word such as Bearer before it stays.
fn store(secrets: &mut Vec<(String, String)>, key: &str, text: &str) -> String {
    let scheme = ["Bearer ", "Basic ", "Token ", "token "].into_iter().find(|scheme| text.starts_with(scheme)).unwrap_or_default();
    secrets.push((key.to_owned(), text[scheme.len()..].to_owned()));
    if scheme.is_empty() { format!("secret:{key}") } else { format!("{scheme}${{secret:{key}}}") }
}

fn key_of(name: &str) -> String {
    name.trim_start_matches('-')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' })
        .take(100)
        .collect()
}

/// `--api-key VALUE`, `--api-key=VALUE`, and what looks like a key by itself.
fn take_args(args: &mut [Value], secrets: &mut Vec<(String, String)>) {
    let mut before = String::new();
    for (at, arg) in args.iter_mut().enumerate() {
        let Some(text) = arg.as_str().map(str::to_owned) else { continue };
        let flag = before.starts_with('-') && values::sounds_secret(&before) && !text.starts_with('-');
        let taken = match text.split_once('=') {
            _ if values::is_reference(&text) || text.contains("${") => None,
            Some((name, value))
                if name.starts_with('-') && !value.is_empty() && (values::sounds_secret(name) || values::looks_secret(value)) =>
            {
                Some((format!("{name}="), format!("arg.{}", key_of(name)), value.to_owned()))
            }
            _ if flag => Some((String::new(), format!("arg.{}", key_of(&before)), text.clone())),
            _ if values::looks_secret(&text) => Some((String::new(), format!("arg.{}", at + 1), text.clone())),
            _ => None,
        };
        if let Some((start, key, value)) = taken {
            *arg = Value::from(format!("{start}${{secret:{key}}}"));
            secrets.push((key, value));
        }
        before = text;
    }
}

fn take_query(url: &mut Value, secrets: &mut Vec<(String, String)>) {
    let Some(text) = url.as_str() else { return };
    let Some((base, query)) = text.split_once('?') else { return };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value))
            if !value.is_empty() && !value.contains("${") && (values::sounds_secret(name) || values::looks_secret(value)) =>
        {
            let key = format!("url.{}", key_of(name));
            let said = format!("{name}=${{secret:{key}}}");
            secrets.push((key, value.to_owned()));
            said
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
    let value = match &entry.transport {
        Transport::Stdio { command, args, env, cwd } => {
            let args: Vec<String> = args.iter().map(|arg| word(values::embedded(arg), "argument")).collect();
            let env: Map<String, Value> =
                env.iter().map(|(name, value)| (name.clone(), Value::from(word(values::parse(value), name)))).collect();
            let mut value = json!({"type": "stdio", "command": word(values::embedded(command), "command"), "args": args, "env": env});
            if let Some(folder) = cwd {
                value["cwd"] = Value::from(folder.display().to_string());
            }
            value
        }
        Transport::Http { url, headers, sse } => {
            let headers: Map<String, Value> =
                headers.iter().map(|(name, value)| (name.clone(), Value::from(word(values::parse(value), name)))).collect();
            json!({"type": if *sse { "sse" } else { "http" }, "url": word(values::embedded(url), "url"), "headers": headers})
        }
    };
    (value, asked)
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
        let taken = take(&json!({"url": "https://x", "bearer_token_env_var": "T"})).unwrap();
        assert_eq!(taken.members["headers"], json!({"Authorization": "Bearer ${T}"}));
    }
}
