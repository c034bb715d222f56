//! What importers of different formats need alike: words of names, ids that stay apart, an empty function, an
//! example made from schemas. Nothing here knows a format.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::base::name::is_id;
use crate::registry::credential::Credential;
use crate::registry::function::{BodyForm, Example, Function, Operation, ResponseForm};
use crate::registry::import::kept::Names;
use crate::registry::import::{Fate, Wanted};
use crate::registry::manifest::Origin;
use crate::registry::schema::Checker;

/// Longest id.
const LONGEST_ID: usize = 63;

/// The most operations of one description.
pub const MOST: usize = 20_000;

/// Words that are what they are, one or many.
const SAME_IN_PLURAL: &[&str] =
    &["series", "species", "sms", "mms", "news", "gps", "dns", "tls", "aws", "css", "rss", "https", "kubernetes"];

/// First words of names whose effect cannot simply be put back.
const GRAVE: &[&str] = &[
    "archive",
    "ban",
    "charge",
    "clear",
    "deactivate",
    "delete",
    "destroy",
    "discard",
    "drop",
    "empty",
    "erase",
    "expire",
    "kill",
    "merge",
    "pay",
    "purge",
    "refund",
    "remove",
    "reset",
    "revoke",
    "terminate",
    "trash",
    "uninstall",
    "void",
    "wipe",
];

/// The words of a name, lower case: `listHTTPProxies_v2` is list, http, proxies, v2.
pub fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().take(200).collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (at, c) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        // Of `IPs` the last letter only says that there are several.
        let plural = after == Some(&'s') && !letters.get(at + 2).is_some_and(char::is_ascii_lowercase);
        let starts = c.is_ascii_uppercase()
            && (before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit())
                || (before.is_some_and(char::is_ascii_uppercase) && after.is_some_and(char::is_ascii_lowercase) && !plural));
        if (starts || !c.is_ascii_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A name as an id: `pageToken` is `page_token`. Never empty.
pub fn id(name: &str) -> String {
    id_of(&words(name))
}

/// Words as an id.
pub fn id_of<W: AsRef<str>>(words: &[W]) -> String {
    let joined = words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("_");
    let joined = if joined.starts_with(|first: char| first.is_ascii_lowercase()) { joined } else { format!("x_{joined}") };
    if joined.len() <= LONGEST_ID {
        return joined.trim_end_matches('_').to_owned();
    }
    // Cut between words where there is a place to.
    let head: String = joined.chars().take(LONGEST_ID).collect();
    head.rsplit_once('_').map_or(head.as_str(), |(whole, _)| whole).trim_end_matches('_').to_owned()
}

/// One of what a plural word names: `policies` is `policy`.
pub fn singular(word: &str) -> String {
    if SAME_IN_PLURAL.contains(&word) {
        return word.to_owned();
    }
    let cut = |end: &str, least: usize| word.strip_suffix(end).filter(|rest| rest.len() >= least);
    if let Some(rest) = cut("ies", 2) {
        return format!("{rest}y");
    }
    for end in ["sses", "xes", "ches", "shes"] {
        if let Some(rest) = cut("es", 2).filter(|_| word.ends_with(end)) {
            return rest.to_owned();
        }
    }
    match cut("s", 2) {
        Some(rest) if !rest.ends_with(['s', 'u', 'i']) => rest.to_owned(),
        _ => word.to_owned(),
    }
}

/// An id as a line for a person: `list_files` is `List files`.
pub fn title(id: &str) -> String {
    let spaced = id.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether what a name says cannot simply be put back.
pub fn grave(words: &[String]) -> bool {
    let at = usize::from(matches!(words.first().map(String::as_str), Some("batch" | "bulk" | "mass" | "force")));
    words.get(at).is_some_and(|word| GRAVE.contains(&word.as_str()))
}

/// Ids that stay apart.
#[derive(Debug, Default)]
pub struct Ids(HashSet<String>);

impl Ids {
    /// Nothing gets a name that an operation had before.
    pub fn after(names: &Names) -> Self {
        Self(names.all().map(str::to_owned).collect())
    }

    /// The name that an operation had; else a free one.
    pub fn keep(&mut self, names: &Names, operation: &str, candidates: impl IntoIterator<Item = String>) -> String {
        names.get(operation).map_or_else(|| self.take(candidates), str::to_owned)
    }

    /// The first of the candidates that is free; else the last with a number.
    pub fn take(&mut self, candidates: impl IntoIterator<Item = String>) -> String {
        let mut last = String::from("call");
        for candidate in candidates.into_iter().filter(|candidate| is_id(candidate)) {
            if self.0.insert(candidate.clone()) {
                return candidate;
            }
            last = candidate;
        }
        let stem: String = last.chars().take(56).collect();
        let free = (2..=100_000_u32).map(|number| format!("{stem}_{number}")).find(|id| !self.0.contains(id)).unwrap_or(stem);
        self.0.insert(free.clone());
        free
    }
}

/// Why an operation is left out, by what was wanted; `names` are all that it goes by.
pub fn unwanted(wanted: &Wanted, names: &[&str]) -> Option<String> {
    let hit = |globs: &[String]| {
        let fits = |glob: &&String| names.iter().any(|name| wildmatch::WildMatch::new(glob).matches(name));
        globs.iter().find(fits).cloned()
    };
    if let Some(glob) = hit(&wanted.exclude) {
        return Some(format!("excluded by '{glob}'"));
    }
    let missed = !wanted.include.is_empty() && hit(&wanted.include).is_none();
    missed.then(|| String::from("no include names it"))
}

/// Whether a function can be called just so: it only looks, and needs nothing.
fn is_plain(function: &Function) -> bool {
    function.operation == Operation::Read
        && (function.graphql.is_some() || function.method_and_path().0 == "GET")
        && function.required.is_empty()
        && function.any_of.is_empty()
        && !function.deprecated
}

/// The call that proves credentials of a service that never answers without: who one is; else any that needs no argument.
pub fn verify_by_any(functions: &[Function]) -> Option<String> {
    let all = || functions.iter().filter(|function| is_plain(function) && function.response == ResponseForm::Json);
    let begins = |word: &str| all().find(|function| function.id.starts_with(word));
    verify(functions).or_else(|| begins("list_").or_else(|| begins("get_")).or_else(|| all().next()).map(|function| function.id.clone()))
}

/// The call that proves credentials: who one is, where that needs no argument.
pub fn verify(functions: &[Function]) -> Option<String> {
    const QUERIES: &[&str] = &["get_viewer", "get_me", "get_current_user", "get_whoami", "get_shop", "get_account"];
    let plain = |function: &&Function| is_plain(function);
    let asks = |function: &&Function| function.graphql.is_some() && QUERIES.contains(&function.id.as_str());
    if let Some(query) = functions.iter().filter(plain).find(asks) {
        return Some(query.id.clone());
    }
    let ends =
        ["/me", "/user", "/users/me", "/whoami", "/account", "/self", "/users/current", "/user/me", "/accounts/me", "/profile", "/ping"];
    let path = |function: &Function| function.method_and_path().1.trim_end_matches('/').to_lowercase();
    ends.iter()
        .find_map(|end| functions.iter().filter(plain).find(|function| path(function).ends_with(end)))
        .map(|function| function.id.clone())
}

/// Refuses a description with more operations than can be imported: of a part nobody would know which.
pub fn few_enough(operations: usize) -> Result<(), String> {
    if operations > MOST { Err(format!("it has {operations} operations; at most {MOST} can be imported")) } else { Ok(()) }
}

/// A name that no parameter of a function has yet: its own, one with a word before it, or one with a number.
pub fn free(function: &Function, own: &str, before: &str) -> String {
    let taken = |name: &String| function.parameters.contains_key(name);
    let stem: String = own.chars().take(56).collect();
    let count = function.parameters.len();
    let numbered = (2..100).chain(count..).map(|number| format!("{stem}_{number}"));
    [own.to_owned(), id_of(&[before, own])].into_iter().chain(numbered).find(|name| !taken(name)).unwrap_or(stem)
}

/// What became of an operation that is left out.
pub fn left_out(operation: &str, why: String) -> Fate {
    Fate { operation: operation.to_owned(), function: None, left_out: Some(why), warnings: Vec::new() }
}

/// A function that says nothing yet but its name and what it does.
pub fn function(id: &str, description: String, operation: Operation) -> Function {
    Function {
        id: id.to_owned(),
        title: title(id),
        description,
        operation,
        read_because: None,
        request: None,
        graphql: None,
        native: None,
        lua: None,
        mcp: None,
        server: None,
        input: None,
        parameters: Map::new(),
        required: Vec::new(),
        any_of: Vec::new(),
        body: BodyForm::Json,
        build: None,
        content_type: None,
        query: Map::new(),
        headers: Map::new(),
        defs: Map::new(),
        fields: Map::new(),
        response: ResponseForm::Json,
        item: None,
        shape: None,
        output: None,
        pagination: None,
        idempotent: false,
        idempotency_header: None,
        retry: true,
        examples: Vec::new(),
        synonyms: Vec::new(),
        deprecated: false,
        prompt: false,
    }
}

/// A field of an account that need not be filled in.
pub fn field(key: &str, label: &str, secret: bool, help: &str) -> Credential {
    Credential {
        key: key.to_owned(),
        label: label.to_owned(),
        required: false,
        unless: Vec::new(),
        secret,
        kind: crate::registry::credential::CredentialKind::Text,
        default: None,
        help: help.to_owned(),
        env: Vec::new(),
    }
}

/// Where an import came from.
pub fn origin(wanted: &Wanted, format: &str, sha256: String) -> Origin {
    Origin {
        source: wanted.source.clone(),
        format: format.to_owned(),
        sha256,
        license: None,
        version: None,
        imported: wanted.today.clone(),
        overlay: None,
        verified: false,
    }
}

/// Gives a function an example with what must be there; without one that validates it has none.
pub fn give_example(function: &mut Function) {
    let of = |name: &String| function.parameters.get(name).map(|schema| (name.clone(), sample(schema, name, 4)));
    let arguments: Map<String, Value> = function.required.iter().filter_map(of).collect();
    match Checker::new(tellings(function)) {
        Ok(checker) if checker.problems(arguments.clone()).is_empty() => function.examples = vec![Example { title: None, arguments }],
        Ok(_) => {}
        // What no engine can read would stop every call.
        Err(_) => function.parameters.values_mut().for_each(|schema| without_patterns(schema, 40)),
    }
}

/// Of the schema of a function what an example can fail by: what is required, and the patterns of all the rest. Compiling it whole takes
/// most of the time of an import.
fn tellings(function: &Function) -> Value {
    let mut properties = Map::new();
    for (name, schema) in &function.parameters {
        if function.required.contains(name) {
            properties.insert(name.clone(), schema.clone());
            continue;
        }
        let mut patterns = Vec::new();
        collect_patterns(schema, 40, &mut patterns);
        if !patterns.is_empty() {
            let all: Vec<Value> = patterns.into_iter().map(|pattern| json!({"pattern": pattern})).collect();
            properties.insert(name.clone(), json!({"allOf": all}));
        }
    }
    json!({"type": "object", "properties": properties, "required": function.required, "$defs": function.defs})
}

fn collect_patterns<'a>(schema: &'a Value, depth: usize, patterns: &mut Vec<&'a str>) {
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str).filter(|pattern| !patterns.contains(pattern)) {
        patterns.push(pattern);
    }
    let inner: Vec<&Value> = match schema {
        Value::Object(words) => words.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => return,
    };
    inner.into_iter().filter(|_| depth > 0).for_each(|one| collect_patterns(one, depth - 1, patterns));
}

fn without_patterns(schema: &mut Value, depth: usize) {
    let inner: Vec<&mut Value> = match schema {
        Value::Object(words) => {
            if words.get("pattern").is_some_and(Value::is_string) {
                words.remove("pattern");
            }
            words.values_mut().collect()
        }
        Value::Array(items) => items.iter_mut().collect(),
        _ => return,
    };
    inner.into_iter().filter(|_| depth > 0).for_each(|one| without_patterns(one, depth - 1));
}

/// A value that a schema probably allows.
fn sample(schema: &Value, name: &str, depth: usize) -> Value {
    for word in ["const", "default"] {
        if let Some(value) = schema.get(word) {
            return value.clone();
        }
    }
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find_map(Value::as_str),
        Some(Value::String(kind)) => Some(kind.as_str()),
        _ => None,
    };
    match kind {
        Some("string") => Value::from(sample_text(schema, name)),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        Some("array") => match schema.get("items").filter(|_| depth > 0) {
            Some(items) => json!([sample(items, &singular(name), depth - 1)]),
            None => json!([]),
        },
        Some("object") => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let member =
                |name: &str| schema.get("properties").and_then(|all| all.get(name)).map(|one| sample(one, name, depth.saturating_sub(1)));
            let members: Map<String, Value> =
                required.filter(|_| depth > 0).filter_map(|name| member(name).map(|value| (name.to_owned(), value))).collect();
            Value::Object(members)
        }
        _ => Value::from(name.replace('_', "-")),
    }
}

fn sample_text(schema: &Value, name: &str) -> String {
    let word = |key: &str| schema.get(key).and_then(Value::as_str);
    match word("format") {
        Some("date") => return String::from("2026-01-31"),
        Some("date-time") => return String::from("2026-01-31T12:00:00Z"),
        Some("uri" | "url") => return String::from("https://example.com/"),
        Some("email") => return String::from("person@example.com"),
        Some("uuid") => return String::from("3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
        Some("binary") => return String::from("aGVsbG8="),
        _ => {}
    }
    word("pattern").and_then(of_pattern).unwrap_or_else(|| format!("my-{}", name.replace('_', "-")))
}

/// `^projects/[^/]+/topics/[^/]+$` is `projects/my-project/topics/my-topic`.
fn of_pattern(pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let mut made: Vec<String> = Vec::new();
    for part in inner.replace("[^/]", "*").split('/') {
        let before = made.last().map_or("item", String::as_str);
        match part {
            "*+" | "**" | ".*" | ".+" => made.push(format!("my-{}", singular(before))),
            part if plain(part) => made.push(part.to_owned()),
            _ => return None,
        }
    }
    Some(made.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        let table = [
            ("pageToken", "page_token"),
            ("listHTTPProxies_v2", "list_http_proxies_v2"),
            ("listReservedIPs", "list_reserved_ips"),
            ("URLSet", "url_set"),
            ("Get User (by id)", "get_user_by_id"),
            ("$.xgafv", "xgafv"),
            ("3d", "x_3d"),
            ("", "x"),
            ("ÄÖ", "x"),
        ];
        for (name, wanted) in table {
            assert_eq!(id(name), wanted, "{name}");
            assert!(is_id(&id(name)), "{name}");
        }
        assert_eq!(
            ["policies", "addresses", "buckets", "status", "boxes", "releases"].map(singular),
            ["policy", "address", "bucket", "status", "box", "release"]
        );
        assert!(id(&"long".repeat(100)).len() <= 63);
    }

    #[test]
    fn ids_stay_apart() {
        let mut ids = Ids::default();
        let mut take = |names: &[&str]| ids.take(names.iter().map(|name| (*name).to_owned()));
        assert_eq!(take(&["list_files"]), "list_files");
        assert_eq!(take(&["list_files", "list_drive_files"]), "list_drive_files");
        assert_eq!(take(&["list_files"]), "list_files_2");
        assert_eq!(take(&["Bad Name"]), "call_2");
    }

    #[test]
    fn examples_follow_the_schema() {
        let mut made = function("get_topic", String::from("Reads."), Operation::Read);
        let schema = json!({"type": "string", "pattern": "^projects/[^/]+/topics/[^/]+$"});
        made.parameters.insert(String::from("name"), schema);
        made.required = vec![String::from("name")];
        give_example(&mut made);
        assert_eq!(made.examples[0].arguments["name"], "projects/my-project/topics/my-topic");
        made.parameters["name"] = json!({"type": "string", "pattern": "^[0-9]{7}$"});
        made.examples.clear();
        give_example(&mut made);
        assert!(made.examples.is_empty());
    }
}
