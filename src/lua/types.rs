//! Definitions for language servers (LuaCATS): the globals of a workflow, and a file for each provider made from its manifest.
//! Nothing is written here, and nothing is known of accounts and activation: they are handed in.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::base::name::is_id;
use crate::base::quote;
use crate::lua::check::literal;
use crate::registry::catalog::Opened;
use crate::registry::function::{Function, Operation, UPSTREAMS};

/// How deep a schema is described; what is deeper is a table.
const DEEPEST: usize = 12;

/// Words that are no names.
const KEYWORDS: &[&str] = &[
    "and", "break", "continue", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not", "or",
    "repeat", "return", "then", "true", "until", "while",
];

/// The globals of a workflow.
pub fn library() -> String {
    include_str!("types/angelia.lua").to_owned()
}

/// A provider with its functions, their arguments and results.
pub fn provider(opened: &Opened) -> String {
    let own = &opened.provider;
    let class = class_of(&own.id);
    let mut file = String::from("---@meta\n");
    let _ = write!(file, "---{}\n\n", one_line(&own.title));
    let (family, id) = own.id.strip_prefix(UPSTREAMS).map_or(("Integrations", own.id.as_str()), |server| ("Mcp", server));
    let _ = write!(file, "---@class angelia.{family}\n---@field {} {class} # {}\n\n", field(id), one_line(&own.description));
    let mut members = String::new();
    for function in &opened.functions {
        let mut page = Page { classes: Vec::new() };
        let name = format!("{class}.{}", function.id);
        let arguments = page.class(&format!("{name}.Arguments"), &function.input_schema(), Null::Sent, 0);
        let result =
            function.output.as_ref().map_or_else(|| String::from("any"), |it| page.kind(&format!("{name}.Result"), it, Null::Nil, 0));
        let optional = if function.required.is_empty() && function.any_of.is_empty() { "?" } else { "" };
        let call = Signature { name, arguments, result, optional, positional: positional(function) };
        let item = function.pagination(own).map(|_| item(opened, function, &mut page, &call.name));
        page.classes.push(call.class(item.as_deref()));
        let _ = writeln!(members, "{}---@field {} {}", documentation(function), field(&function.id), call.name);
        file.extend(page.classes);
    }
    let _ = write!(file, "---@class {class}.Functions\n{members}\n");
    let _ = write!(file, "---{}\n---@class {class}: {class}.Functions\n", one_line(&own.description));
    if family == "Integrations" {
        let _ = writeln!(file, "---@field default {class}.Functions # The default account.");
    }
    file
}

/// Further accounts of a provider, as members of its class; to stand behind [`provider`].
pub fn accounts(provider: &str, names: &[String]) -> String {
    let class = class_of(provider);
    let line = |name: &String| format!("---@field {} {class}.Functions # The account '{}'.\n", field(name), one_line(name));
    names.iter().filter(|name| *name != crate::base::name::DEFAULT_ACCOUNT).map(line).collect()
}

fn class_of(provider: &str) -> String {
    format!("angelia.{provider}")
}

/// The type of a list's items.
fn item(opened: &Opened, function: &Function, page: &mut Page, name: &str) -> String {
    let schema = function.pagination(&opened.provider).zip(function.output.as_ref()).and_then(|(pagination, output)| {
        let list = match pagination.items.as_str() {
            "." => Some(output),
            path => path.split('.').try_fold(output, |at, step| at.get("properties")?.get(step)),
        };
        list?.get("items")
    });
    schema.map_or_else(|| String::from("any"), |schema| page.kind(&format!("{name}.Item"), schema, Null::Nil, 0))
}

/// What a function takes and gives.
struct Signature {
    name: String,
    arguments: String,
    result: String,
    optional: &'static str,
    /// The parameters in schema order.
    positional: Option<String>,
}

impl Signature {
    /// A function can be called and has methods. Language servers complete and check the arguments of a class's `overload`; with
    /// `operator call` they know the result alone.
    fn class(&self, item: Option<&str>) -> String {
        let Self { name, arguments, result, optional, .. } = self;
        let mut text = format!("---@class {name}\n---@overload fun(arguments{optional}: {arguments}): {result}\n");
        if let Some(positional) = &self.positional {
            let _ = writeln!(text, "---@overload fun({positional}): {result}");
        }
        let takes = format!("self: any, arguments{optional}: {arguments}");
        if let Some(item) = item {
            let options = "options?: {max_items?: integer, max_pages?: integer}";
            let _ = writeln!(
                text,
                "---@field each fun({takes}, {options}): (fun(): {item}) # Item by item, through all pages: for item in …:each{{…}} do"
            );
            let _ = writeln!(text, "---@field all fun({takes}, {options}): {} # The items of all pages.", list_of(item));
        }
        let _ = writeln!(text, "---@field envelope fun({takes}): angelia.Envelope # The whole answer; raises nothing.\n");
        text
    }
}

/// The parameters of a function as values in schema order; where there are many nobody counts them off.
fn positional(function: &Function) -> Option<String> {
    const MOST: usize = 6;
    if function.parameters.is_empty() || function.parameters.len() > MOST {
        return None;
    }
    let one = |(name, schema): (&String, &Value)| {
        let scalar = |kind: &&str| ["string", "integer", "number", "boolean"].contains(kind);
        let kind = schema.get("type").and_then(Value::as_str).filter(scalar).unwrap_or("any");
        let name =
            if field(name) == *name { name.clone() } else { format!("{}_", name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")) };
        let optional = if function.required.contains(&name) { "" } else { "?" };
        format!("{name}{optional}: {kind}")
    };
    Some(function.parameters.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn documentation(function: &Function) -> String {
    let approval = match function.operation {
        Operation::Read => "",
        Operation::Write | Operation::Destructive => "; asks for approval where the policy says so",
    };
    let mut text = format!("---**{}**\n---\n", one_line(&function.title));
    for line in function.description.lines() {
        let _ = writeln!(text, "---{}", one_line(line));
    }
    let _ = write!(text, "---\n---Operation: {}{approval}.\n", function.operation.as_str());
    if function.deprecated {
        text.push_str("---\n---Deprecated.\n");
    }
    text
}

/// What JSON's null is for a workflow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Null {
    /// Written as `json.null`.
    Sent,
    /// Read as a missing value.
    Nil,
}

/// The classes that one function needs.
struct Page {
    classes: Vec<String>,
}

impl Page {
    /// A schema as a type; objects with known members become classes.
    fn kind(&mut self, name: &str, schema: &Value, null: Null, depth: usize) -> String {
        if depth > DEEPEST {
            return String::from("any");
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return union(values.iter().map(|value| literal_type(value, null)).collect());
        }
        if let Some(value) = schema.get("const") {
            return literal_type(value, null);
        }
        let types = literal::types(schema);
        for word in ["anyOf", "oneOf"] {
            if let Some(forms) = schema.get(word).and_then(Value::as_array).filter(|_| types.is_empty()) {
                let forms = forms.iter().enumerate();
                return union(forms.map(|(at, form)| self.kind(&format!("{name}.Form{}", at + 1), form, null, depth + 1)).collect());
            }
        }
        if types.is_empty() && schema.get("properties").is_some() {
            return self.class(name, schema, null, depth);
        }
        union(types.into_iter().map(|kind| self.one(name, kind, schema, null, depth)).collect())
    }

    fn one(&mut self, name: &str, kind: &str, schema: &Value, null: Null, depth: usize) -> String {
        match kind {
            "string" | "number" | "boolean" | "integer" => kind.to_owned(),
            "null" if null == Null::Sent => String::from("angelia.null"),
            "null" => String::from("nil"),
            "array" => match schema.get("items") {
                Some(items) => list_of(&self.kind(&format!("{name}.Item"), items, null, depth + 1)),
                None => String::from("any[]"),
            },
            "object" => match schema.get("properties").and_then(Value::as_object).filter(|members| !members.is_empty()) {
                Some(_) => self.class(name, schema, null, depth),
                None => match schema.get("additionalProperties").filter(|more| more.is_object()) {
                    Some(more) => format!("table<string, {}>", self.kind(&format!("{name}.Value"), more, null, depth + 1)),
                    None => String::from("table<string, any>"),
                },
            },
            _ => String::from("any"),
        }
    }

    fn class(&mut self, name: &str, schema: &Value, null: Null, depth: usize) -> String {
        let nothing = Map::new();
        let members = schema.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut class = format!("---@class {name}\n");
        let mut parts: HashMap<String, usize> = HashMap::new();
        for (key, member) in members {
            let part = parts.entry(plain(key)).and_modify(|count| *count += 1).or_insert(1);
            let suffix = if *part > 1 { format!("_{part}") } else { String::new() };
            let kind = self.kind(&format!("{name}.{}{suffix}", plain(key)), member, null, depth + 1);
            let optional = if required.contains(&key.as_str()) { "" } else { "?" };
            let text = one_line(member.get("description").and_then(Value::as_str).unwrap_or_default());
            let text = if text.is_empty() { text } else { format!(" # {text}") };
            let _ = writeln!(class, "---@field {}{optional} {kind}{text}", field(key));
        }
        class.push('\n');
        self.classes.push(class);
        name.to_owned()
    }
}

/// A field's name; one that is no name in Lua stands in brackets.
fn field(name: &str) -> String {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let good = name.starts_with(first) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !KEYWORDS.contains(&name);
    // These words are read as the field's visibility.
    let scope = ["private", "protected", "public", "package"].contains(&name);
    if good && !scope { name.to_owned() } else { format!("[{}]", quote::lua(name)) }
}

/// A part of a class's name.
fn plain(name: &str) -> String {
    if is_id(name) { name.to_owned() } else { name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect() }
}

fn literal_type(value: &Value, null: Null) -> String {
    match value {
        Value::String(text) => quote::lua(text),
        Value::Bool(_) => value.to_string(),
        Value::Number(number) if number.is_i64() => number.to_string(),
        Value::Number(_) => String::from("number"),
        Value::Null if null == Null::Sent => String::from("angelia.null"),
        Value::Null => String::from("nil"),
        Value::Array(_) => String::from("any[]"),
        Value::Object(_) => String::from("table<string, any>"),
    }
}

fn union(kinds: Vec<String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for kind in kinds {
        if !seen.contains(&kind) {
            seen.push(kind);
        }
    }
    if seen.is_empty() || seen.iter().any(|kind| kind == "any") { String::from("any") } else { seen.join("|") }
}

fn list_of(kind: &str) -> String {
    if kind.contains('|') { format!("({kind})[]") } else { format!("{kind}[]") }
}

/// Text for a comment: one line, without control characters.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lua::check::names::OURS;

    #[test]
    fn the_definitions_name_what_the_check_knows() {
        let text = library();
        full_moon::parse(&text).unwrap();
        for library in OURS {
            let mut members: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("function ").unwrap_or(line).strip_prefix(library.name)?.strip_prefix('.'))
                .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap())
                .collect();
            members.sort_unstable();
            assert_eq!(members, library.members, "{}", library.name);
        }
        for name in ["app", "args", "stdin", "env", "require", "print"] {
            assert!(
                text.lines().any(|line| line.starts_with(&format!("{name} =")) || line.starts_with(&format!("function {name}("))),
                "{name}"
            );
        }
    }

    #[test]
    fn schemas_become_types() {
        let schema = json!({
            "required": ["end", "kind"],
            "properties": {
                "end": {"type": "string", "description": "Line one\nline two."},
                "kind": {"enum": ["a", "b\"c", 1, null]},
                "tags": {"type": ["array", "null"], "items": {"enum": ["x", "y"]}},
                "more": {"type": "object", "properties": {"deep": {"type": "integer"}}},
                "map": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "either": {"oneOf": [{"type": "string"}, {"type": "array"}]},
                "any": {},
            }
        });
        let mut page = Page { classes: Vec::new() };
        assert_eq!(page.kind("X", &schema, Null::Sent, 0), "X");
        assert_eq!(
            page.classes,
            [
                "---@class X.more\n---@field deep? integer\n\n",
                "---@class X\n---@field [\"end\"] string # Line one line two.\n---@field kind \"a\"|\"b\\\"c\"|1|angelia.null\n\
                 ---@field tags? (\"x\"|\"y\")[]|angelia.null\n---@field more? X.more\n---@field map? table<string, boolean>\n\
                 ---@field either? string|any[]\n---@field any? any\n\n"
            ]
        );
        assert_eq!(page.kind("R", &json!({"type": ["string", "null"]}), Null::Nil, 0), "string|nil");
    }
}
