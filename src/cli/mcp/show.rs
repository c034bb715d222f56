//! How a server is shown to somebody who decides about it: everything that is started or sent, references as references, and no secret.

use serde_json::{Map, Value, json};

use crate::base::name::in_plain_sight;
use crate::base::secret::MASK;
use crate::cli::output::Paint;
use crate::mcp::entry::{Entry, Transport};
use crate::mcp::trust::Quarantine;
use crate::mcp::values;

/// The word for how it is reached.
pub fn transport(entry: &Entry) -> &'static str {
    match &entry.transport {
        Transport::Stdio { .. } => "stdio",
        Transport::Http { sse: true, .. } => "sse",
        Transport::Http { .. } => "http",
    }
}

/// The command line or the address, in one line.
pub fn target(entry: &Entry) -> String {
    match &entry.transport {
        Transport::Stdio { command, args, .. } => [command].into_iter().chain(args).map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        Transport::Http { url, .. } => url.clone(),
    }
}

fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@:=+,%${}".contains(c));
    if plain { word.to_owned() } else { Value::from(word).to_string() }
}

/// In plain sight and in one line: nothing of a file's may look like a line of ours.
fn in_one_line(text: &str) -> String {
    in_plain_sight(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// A value of `env` or `headers`, unless it is a secret that stands there.
fn value(name: &str, value: &str) -> String {
    let secret = !values::is_reference(value) && (values::sounds_secret(name) || values::looks_secret(value));
    if secret { MASK.to_owned() } else { value.to_owned() }
}

/// Everything that is started or sent, as JSON.
pub fn parts(entry: &Entry) -> Value {
    let shown = |pairs: &std::collections::BTreeMap<String, String>| -> Map<String, Value> {
        pairs.iter().map(|(name, text)| (name.clone(), Value::from(value(name, text)))).collect()
    };
    match &entry.transport {
        Transport::Stdio { command, args, env, cwd } => json!({
            "command": command, "args": args, "env": shown(env), "cwd": cwd.as_ref().map(|folder| folder.display().to_string()),
        }),
        Transport::Http { url, headers, .. } => json!({"url": url, "headers": shown(headers)}),
    }
}

/// The same, for people.
pub fn lines(paint: &Paint, entry: &Entry) -> String {
    let mut lines = vec![format!("{}  {}", paint.bold(&in_one_line(&entry.name)), in_one_line(&entry.file.display().to_string()))];
    let mut line = |label: &str, text: &str| lines.push(format!("  {}  {}", paint.dim(&format!("{label:8}")), in_one_line(text)));
    let pairs = match &entry.transport {
        Transport::Stdio { env, cwd, .. } => {
            line("starts", &target(entry));
            cwd.iter().for_each(|folder| line("in", &folder.display().to_string()));
            env.iter().map(|(name, text)| ("variable", name, text)).collect::<Vec<_>>()
        }
        Transport::Http { url, headers, .. } => {
            line("contacts", url);
            headers.iter().map(|(name, text)| ("header", name, text)).collect()
        }
    };
    pairs.into_iter().for_each(|(label, name, text)| line(label, &format!("{name}={}", value(name, text))));
    lines.join("\n")
}

/// What differs in a tool, as JSON.
pub fn change(tool: &str, why: &Quarantine) -> Value {
    let (kind, old, new) = match why {
        Quarantine::New { new, .. } => ("new", &Value::Null, new),
        Quarantine::Changed { old, new, .. } => ("changed", old, new),
    };
    let fields: Map<String, Value> =
        differing(old, new).into_iter().map(|(key, old, new)| (key, json!({"old": old, "new": new}))).collect();
    let digest = digest(why);
    json!({"tool": tool, "change": kind, "fields": fields, "digest": digest, "shown": !new.is_null()})
}

/// The same, for people.
pub fn diff(paint: &Paint, tool: &str, why: &Quarantine) -> String {
    let (kind, old, new) = match why {
        Quarantine::New { new, .. } => ("new tool", &Value::Null, new),
        Quarantine::Changed { old, new, .. } => ("changed tool", old, new),
    };
    let mut lines = vec![format!("  {} {}", paint.yellow(kind), in_plain_sight(tool))];
    if new.is_null() {
        lines.push(format!("    {} {}", paint.red("its text is too long to be shown; its digest is"), digest(why)));
        return lines.join("\n");
    }
    for (key, old, new) in differing(old, new) {
        let text = |value: &Value| in_plain_sight(&crate::base::json::plain(value));
        lines.extend(text(&old).lines().map(|line| format!("    {} {key}: {line}", paint.red("-"))));
        lines.extend(text(&new).lines().map(|line| format!("    {} {key}: {line}", paint.green("+"))));
    }
    lines.join("\n")
}

fn digest(why: &Quarantine) -> &str {
    let (Quarantine::New { digest, .. } | Quarantine::Changed { digest, .. }) = why;
    digest
}

fn differing(old: &Value, new: &Value) -> Vec<(String, Value, Value)> {
    let keys = |value: &Value| value.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let mut all = keys(new);
    all.extend(keys(old).into_iter().filter(|key| new.get(key).is_none()));
    let member = |value: &Value, key: &str| value.get(key).cloned().unwrap_or(Value::Null);
    let pairs = all.into_iter().map(|key| (key.clone(), member(old, &key), member(new, &key)));
    pairs.filter(|(_, old, new)| old != new).collect()
}
