//! Pages about providers and functions for people and models, made from the definitions alone (text or Markdown).
//! What they say of activation is handed in; nothing is read here. Values of strangers are true where they are sent and in JSON; on a page
//! they hold no control characters.

use serde_json::{Map, Value};

use crate::base::name::{clean, printable};
use crate::registry::catalog::{Callable, Opened};
use crate::registry::function::Function;
use crate::registry::quote::{self, shown};

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Markdown,
}

/// One parameter, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub kind: String,
    pub required: bool,
    pub description: String,
}

impl Parameter {
    /// Type and description on one line.
    pub fn said(&self) -> String {
        said(&self.kind, &self.description)
    }
}

fn said(kind: &str, description: &str) -> String {
    if description.is_empty() { kind.to_owned() } else { format!("{kind} — {description}") }
}

/// The parameters of a function, required ones first.
pub fn parameters(function: &Function) -> Vec<Parameter> {
    let mut all: Vec<Parameter> = function
        .parameters
        .iter()
        .map(|(name, schema)| Parameter {
            name: name.clone(),
            kind: kind(schema),
            required: function.required.contains(name),
            description: describe(schema),
        })
        .collect();
    all.sort_by_key(|parameter| !parameter.required);
    all
}

/// A schema's type in words: `string`, `integer`, `list of string`, `a | b`.
pub fn kind(schema: &Value) -> String {
    if let Some(Value::Array(options)) = schema.get("enum") {
        let mut shown: Vec<String> = options.iter().take(8).map(shown).collect();
        if options.len() > 8 {
            shown.push(String::from("…"));
        }
        return shown.join(" | ");
    }
    match schema.get("type") {
        Some(Value::String(one)) if one == "array" => {
            format!("list of {}", schema.get("items").map_or_else(|| String::from("anything"), kind))
        }
        Some(Value::String(one)) => match schema.get("format").and_then(Value::as_str) {
            Some("binary") => String::from("file (@path)"),
            Some(format @ ("date" | "date-time" | "uri" | "email" | "uuid")) => format.to_owned(),
            _ => shown(&Value::from(one.as_str())),
        },
        Some(Value::Array(several)) => several.iter().map(shown).collect::<Vec<_>>().join(" or "),
        _ => String::from("anything"),
    }
}

fn describe(schema: &Value) -> String {
    let mut text = clean(schema.get("description").and_then(Value::as_str).unwrap_or_default());
    let limits: Vec<String> = [("minimum", "at least"), ("maximum", "at most"), ("default", "default")]
        .into_iter()
        .filter_map(|(word, said)| schema.get(word).map(|value| format!("{said} {}", quoted(value))))
        .collect();
    if !limits.is_empty() {
        text.push_str(&format!(" ({})", limits.join(", ")));
    }
    text.trim_start().to_owned()
}

/// A value as JSON has it, fit for a line.
fn quoted(value: &Value) -> String {
    shown(&Value::from(value.to_string()))
}

/// One place in an answer: `owner.login`, `items[].id`, `.` for the whole.
struct Field {
    path: String,
    kind: String,
    description: String,
    depth: usize,
}

fn fields(path: &str, schema: &Value, depth: usize, rows: &mut Vec<Field>) {
    let members = schema.get("properties").and_then(Value::as_object);
    if !path.is_empty() || members.is_none() {
        let shown = if path.is_empty() { "." } else { path };
        rows.push(Field { path: shown.to_owned(), kind: kind(schema), description: describe(schema), depth });
    }
    for (name, schema) in members.into_iter().flatten() {
        fields(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, schema, depth + 1, rows);
    }
    let mut items = schema.get("items");
    let mut path = path.to_owned();
    // The kind of a list says what its items are; only their members are places of their own.
    while let Some(item) = items {
        path.push_str("[]");
        for (name, schema) in item.get("properties").and_then(Value::as_object).into_iter().flatten() {
            fields(&format!("{path}.{name}"), schema, depth + 1, rows);
        }
        items = item.get("items");
    }
}

/// Ways to call a function with its example arguments.
pub struct Ways {
    pub shortcut: String,
    pub generic: String,
    pub json: String,
    pub stdin: String,
    pub lua: String,
}

/// The five ways to make one call.
pub fn ways(provider: &str, function: &Function, arguments: &Map<String, Value>) -> Ways {
    let name = format!("{provider}.{}", function.id);
    let flags: String = arguments.iter().map(|(key, value)| format!(" {}", flag(function, key, value))).collect();
    let payload = Value::Object(arguments.clone()).to_string();
    let quoted = quote::shell(&payload);
    Ways {
        shortcut: format!("angelia integrations:{provider} {}{flags} --json", function.id),
        generic: format!("angelia integrations:call {name}{flags} --json"),
        json: format!("angelia integrations:call {name} {quoted} --json"),
        stdin: format!("printf '%s' {quoted} | angelia integrations:call {name} --json"),
        lua: format!("local result = app.integrations.{provider}.{}({})", function.id, lua(&Value::Object(arguments.clone()))),
    }
}

/// A flag as the shell wants it; `--arg` where a flag of ours hides the parameter.
fn flag(function: &Function, key: &str, value: &Value) -> String {
    let (open, name) = if OWN_NAMES.contains(&key) { ("--arg ", key.to_owned()) } else { ("--", key.replace('_', "-")) };
    match (function.format(key), value) {
        (Some("binary"), _) => format!("{open}{name}=@file"),
        (_, Value::Bool(true)) if open == "--" => format!("--{name}"),
        (_, Value::Array(items)) if items.iter().all(|item| !item.is_object() && !item.is_array()) && !items.is_empty() => {
            items.iter().map(|item| format!("{open}{name}={}", quote::shell(&crate::base::json::plain(item)))).collect::<Vec<_>>().join(" ")
        }
        (_, value) => format!("{open}{name}={}", quote::shell(&crate::base::json::plain(value))),
    }
}

/// Parameter names that a flag of the call command hides (contract section 4).
pub const OWN_NAMES: [&str; 16] = [
    "json",
    "account",
    "dry_run",
    "force",
    "all",
    "max_pages",
    "max_items",
    "ndjson",
    "select",
    "timeout",
    "output",
    "overwrite",
    "record",
    "replay",
    "arg",
    "help",
];

fn lua(value: &Value) -> String {
    match value {
        Value::Null => String::from("json.null"),
        Value::Object(members) => {
            let inner: Vec<String> = members
                .iter()
                .map(|(key, value)| {
                    if crate::base::name::is_id(key) && !LUA_WORDS.contains(&key.as_str()) {
                        format!("{key} = {}", lua(value))
                    } else {
                        format!("[{}] = {}", quote::lua(key), lua(value))
                    }
                })
                .collect();
            format!("{{{}}}", inner.join(", "))
        }
        Value::Array(items) => format!("{{{}}}", items.iter().map(lua).collect::<Vec<_>>().join(", ")),
        Value::String(text) => quote::lua(text),
        other => other.to_string(),
    }
}

/// Words of Lua that no name can be.
pub const LUA_WORDS: [&str; 22] = [
    "and", "break", "continue", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not", "or",
    "repeat", "return", "then", "true", "until",
];

/// The page of a function. `state` says whether it can be called now.
pub fn function_page(callable: &Callable, state: &str, format: Format) -> String {
    let function = &callable.function;
    let mut page = Page::new(format);
    page.title(&callable.name.to_string());
    page.text(&function.title);
    page.text(&function.description);
    let mut facts =
        vec![("Operation", function.operation.as_str().to_owned()), ("State", state.to_owned()), ("Request", request(function))];
    if function.pagination.is_some() {
        facts.push(("Pages", String::from("yes: --all, --max-items, --max-pages, --ndjson")));
    }
    if function.operation != crate::registry::function::Operation::Read && function.lua.is_none() {
        facts.push((
            "Retries",
            if function.retry && (function.idempotent || function.key_header(&callable.provider).is_some()) {
                "safe: sending twice is the same as once"
            } else {
                "never: a lost answer is reported as outcome_unknown"
            }
            .to_owned(),
        ));
    }
    page.facts(&facts);
    page.heading("Parameters");
    page.parameters(&parameters(function));
    let hidden: Vec<&str> = function.parameters.keys().map(String::as_str).filter(|name| OWN_NAMES.contains(name)).collect();
    if !hidden.is_empty() {
        page.text(&format!(
            "Reach {} by --arg name=value or in the payload: flags of the call command have the same name.",
            hidden.join(", ")
        ));
    }
    if let Some(output) = &function.output {
        page.heading("Answer");
        page.answer(output, &format!("angelia integrations:schema {} --output", callable.name));
    }
    for example in &function.examples {
        page.heading(example.title.as_deref().unwrap_or("Example"));
        let ways = ways(&callable.provider.id, function, &example.arguments);
        for (label, code) in
            [("Shortcut", &ways.shortcut), ("Generic", &ways.generic), ("JSON payload", &ways.json), ("Stdin", &ways.stdin)]
        {
            page.code(label, "sh", code);
        }
        page.code("Lua", "lua", &ways.lua);
    }
    page.end()
}

fn request(function: &Function) -> String {
    if let Some(upstream) = &function.mcp {
        let asked = upstream
            .tool
            .as_ref()
            .map_or_else(|| upstream.method.clone().unwrap_or_default(), |tool| format!("tools/call {}", printable(tool)));
        return format!("{asked} of the MCP server '{}'", printable(&upstream.server));
    }
    match (&function.request, &function.lua) {
        _ if function.graphql.is_some() => String::from("GraphQL"),
        (Some(request), _) => request.clone(),
        (_, Some(file)) => format!("none by itself; runs {}", file.path),
        _ => String::from("runs inside this program"),
    }
}

/// The page of a provider.
pub fn provider_page(opened: &Opened, state: &str, format: Format) -> String {
    let provider = &opened.provider;
    let mut page = Page::new(format);
    page.title(&provider.title);
    page.text(&provider.description);
    let mut facts = vec![
        ("Provider", provider.id.clone()),
        ("State", state.to_owned()),
        ("Tier", opened.layer.tier().to_owned()),
        ("Sign-in", provider.auth_strategy.clone()),
    ];
    let links = [("Home", &provider.links.home), ("Reference", &provider.links.docs), ("Keys", &provider.links.keys)];
    facts.extend(links.into_iter().filter_map(|(label, link)| link.clone().map(|link| (label, link))));
    if !provider.compatibility_summary.is_empty() {
        facts.push(("Notes", provider.compatibility_summary.clone()));
    }
    page.facts(&facts);
    if !provider.credentials.is_empty() {
        page.heading("Credentials");
        let rows = provider.credentials.iter().map(|field| {
            let default = field.default.as_ref().map(|default| format!(" Default: {default}.")).unwrap_or_default();
            Parameter {
                name: field.key.clone(),
                kind: if field.secret { "secret" } else { "setting" }.into(),
                required: field.required && field.default.is_none(),
                description: format!("{} {}{default}", field.label, field.help),
            }
        });
        page.parameters(&rows.collect::<Vec<_>>());
    }
    page.heading("Functions");
    page.functions(provider.id.as_str(), &opened.functions);
    if let Some(function) = opened.functions.first() {
        let empty = Map::new();
        let ways = ways(&provider.id, function, function.examples.first().map_or(&empty, |example| &example.arguments));
        page.heading("Try");
        page.code("", "sh", &format!("angelia integrations:docs {}.{}\n{}", provider.id, function.id, ways.generic));
    }
    page.end()
}

/// The page that is shown when none is named.
pub fn overview(providers: usize, functions: u64, format: Format) -> String {
    let mut page = Page::new(format);
    page.title("Angelia integrations");
    page.text(&format!(
        "{providers} providers with {functions} functions. Every call passes the same checks and answers with the same envelope."
    ));
    page.heading("Find");
    page.code("", "sh", "angelia integrations:list\nangelia integrations:search \"create an issue\"\nangelia integrations:docs github\nangelia integrations:docs github.create_issue\nangelia integrations:schema github.create_issue");
    page.heading("Set up");
    page.code("", "sh", "angelia integrations:doctor github\nangelia integrations:configure github --set token=env:GITHUB_TOKEN --enable --read=allow --write=ask\nangelia integrations:test github");
    page.heading("Call");
    page.code("", "sh", "angelia integrations:call data.create --collection=notes --document.title=Hello --json\nangelia integrations:data list --collection=notes\nprintf '%s' '{\"collection\":\"notes\"}' | angelia integrations:call data.list --json");
    page.text("Writes: --dry-run shows the exact request. Under the policy 'ask', approvals:list shows what waits for a person.");
    page.end()
}

struct Page {
    format: Format,
    text: String,
}

impl Page {
    fn new(format: Format) -> Self {
        Self { format, text: String::new() }
    }

    fn markdown(&self) -> bool {
        self.format == Format::Markdown
    }

    fn title(&mut self, text: &str) {
        let line = if self.markdown() { format!("# {text}\n\n") } else { format!("{text}\n{}\n\n", "=".repeat(text.chars().count())) };
        self.text.push_str(&line);
    }

    fn heading(&mut self, text: &str) {
        let line = if self.markdown() { format!("\n## {text}\n\n") } else { format!("\n{text}\n{}\n", "-".repeat(text.chars().count())) };
        self.text.push_str(&line);
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text.trim());
        self.text.push_str(if self.markdown() { "\n\n" } else { "\n" });
    }

    fn facts(&mut self, facts: &[(&str, String)]) {
        let width = facts.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        if !self.markdown() {
            self.text.push('\n');
        }
        for (label, value) in facts {
            let line = if self.markdown() { format!("- **{label}:** {value}\n") } else { format!("  {label:width$}  {value}\n") };
            self.text.push_str(&line);
        }
    }

    fn code(&mut self, label: &str, language: &str, code: &str) {
        if self.markdown() {
            let label = if label.is_empty() { String::new() } else { format!("{label}:\n\n") };
            self.text.push_str(&format!("{label}```{language}\n{code}\n```\n\n"));
        } else {
            let label = if label.is_empty() { String::new() } else { format!("  {label}:\n") };
            let code: String = code.lines().map(|line| format!("    {line}\n")).collect();
            self.text.push_str(&format!("{label}{code}"));
        }
    }

    fn parameters(&mut self, rows: &[Parameter]) {
        if rows.is_empty() {
            return self.text("None.");
        }
        if self.markdown() {
            self.text.push_str("| name | type | required | description |\n|---|---|---|---|\n");
            for row in rows {
                let required = if row.required { "yes" } else { "" };
                self.text.push_str(&format!(
                    "| `{}` | {} | {required} | {} |\n",
                    row.name,
                    row.kind.replace('|', "\\|"),
                    row.description.replace('|', "\\|")
                ));
            }
            return;
        }
        let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        for row in rows {
            let star = if row.required { "*" } else { " " };
            self.text.push_str(&format!("  {star} {:width$}  {}\n", row.name, row.said()));
        }
        self.text.push_str("  (* required)\n");
    }

    fn answer(&mut self, schema: &Value, whole: &str) {
        const MOST: usize = 30;
        if let Some(Value::String(comment)) = schema.get("$comment") {
            self.text(comment);
        }
        if schema.get("type").is_some_and(|kind| kind == "null") {
            return self.text("Nothing (null).");
        }
        let mut rows = Vec::new();
        fields("", schema, 0, &mut rows);
        let all = rows.len();
        // What lies deepest is left out first.
        let mut numbers: Vec<usize> = (0..all).collect();
        numbers.sort_by_key(|number| rows[*number].depth);
        let kept = &numbers[..all.min(MOST)];
        let mut number = 0..;
        rows.retain(|_| number.next().is_some_and(|number| kept.contains(&number)));
        let width = rows.iter().map(|row| row.path.chars().count()).max().unwrap_or(0);
        for Field { path, kind, description, .. } in &rows {
            let path = path.replace('\n', " ");
            let said = said(kind, description);
            let line = if self.markdown() { format!("- `{path}` {said}\n") } else { format!("  {path:width$}  {said}\n") };
            self.text.push_str(&line);
        }
        if rows.len() < all {
            self.text(&format!("{}and {} more: {whole}", if self.markdown() { "\n" } else { "  " }, all - rows.len()));
        }
    }

    fn functions(&mut self, provider: &str, functions: &[Function]) {
        let width = functions.iter().map(|function| function.id.len()).max().unwrap_or(0) + provider.len() + 1;
        if self.markdown() {
            self.text.push_str("| function | operation | title |\n|---|---|---|\n");
        }
        for function in functions {
            let name = format!("{provider}.{}", function.id);
            let old = if function.deprecated { " (deprecated)" } else { "" };
            let line = if self.markdown() {
                format!("| `{name}` | {} | {}{old} |\n", function.operation.as_str(), function.title)
            } else {
                format!("  {name:width$}  {:11}  {}{old}\n", function.operation.as_str(), function.title)
            };
            self.text.push_str(&line);
        }
    }

    fn end(self) -> String {
        format!("{}\n", clean(self.text.trim_end()))
    }
}
