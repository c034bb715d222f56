//! One field of a query or mutation type as a function: its arguments as parameters, and a document with a selection.

use serde_json::{Map, Value, json};

use crate::base::name::printable;
use crate::registry::function::{Function, Operation};
use crate::registry::import::class::{Asked, class};
use crate::registry::import::graphql::document;
use crate::registry::import::graphql::model::{Argument, Field, Model, Ref, Type, Wrap};
use crate::registry::import::graphql::select::{Connection, connection, select};
use crate::registry::import::parts::{free, function, give_example, id, id_of, title, words};
use crate::registry::import::text::{remark_or, sentences};

/// Input objects nested deeper take any value.
const DEEPEST: usize = 4;

/// Schemas written for one function.
const MOST: usize = 250;

/// Items of a page where the caller says nothing: some services refuse a page without a size.
const PAGE: u64 = 20;

/// Words that may stand behind what they act on: `issueCreate`.
const VERBS: &[&str] = &[
    "accept",
    "activate",
    "add",
    "approve",
    "archive",
    "assign",
    "attach",
    "cancel",
    "clear",
    "close",
    "complete",
    "confirm",
    "connect",
    "copy",
    "create",
    "deactivate",
    "delete",
    "disable",
    "disconnect",
    "duplicate",
    "edit",
    "enable",
    "export",
    "import",
    "invite",
    "join",
    "leave",
    "link",
    "lock",
    "mark",
    "merge",
    "move",
    "open",
    "pause",
    "pin",
    "publish",
    "refresh",
    "register",
    "reject",
    "remove",
    "rename",
    "reopen",
    "reorder",
    "replace",
    "request",
    "resend",
    "reset",
    "resolve",
    "restore",
    "resume",
    "revoke",
    "rotate",
    "save",
    "send",
    "set",
    "start",
    "stop",
    "submit",
    "subscribe",
    "suspend",
    "sync",
    "toggle",
    "transfer",
    "trigger",
    "unarchive",
    "unassign",
    "unlink",
    "unlock",
    "unpin",
    "unpublish",
    "unsubscribe",
    "update",
    "upload",
    "upsert",
    "verify",
];

/// First words of queries that already say what is done.
const ASKS: &[&str] = &["check", "count", "fetch", "find", "get", "has", "is", "list", "lookup", "query", "read", "search", "validate"];

/// Whether the mutations of a service are named by what they act on: `issueCreate` and not `createIssue`.
pub(super) fn noun_first(mutations: &[Field]) -> bool {
    let verb = |word: Option<&String>| word.is_some_and(|word| VERBS.contains(&word.as_str()));
    let said: Vec<Vec<String>> = mutations.iter().map(|field| words(&field.name)).filter(|words| words.len() > 1).collect();
    let count = |ends: &dyn Fn(&Vec<String>) -> bool| said.iter().filter(|words| ends(words)).count();
    count(&|words| verb(words.last())) > count(&|words| verb(words.first()))
}

/// The ids that a field may have, the best first. `mutation` says whether what a mutation acts on comes first.
pub(super) fn names(model: &Model, field: &Field, mutation: Option<bool>) -> [String; 2] {
    let said = words(&field.name);
    let plain = id_of(&said);
    let starts = |list: &[&str]| said.first().is_some_and(|first| list.contains(&first.as_str()));
    if let Some(noun_first) = mutation {
        let moved = match said.split_last() {
            Some((last, before)) if noun_first && !starts(VERBS) && VERBS.contains(&last.as_str()) && !before.is_empty() => {
                [std::slice::from_ref(last), before].concat()
            }
            _ => said.clone(),
        };
        return [id_of(&moved), format!("{plain}_mutation")];
    }
    let many = field.kind.is_list() || connection(model, &field.kind.name).is_some();
    let reads = document::field(&field.name, &field.description, Some(&field.kind.name)) == Operation::Read;
    let best = if starts(ASKS) || !reads { plain.clone() } else { format!("{}_{plain}", if many { "list" } else { "get" }) };
    [best, format!("{plain}_query")]
}

/// The function of a field, and what of it could not be expressed.
pub(super) fn make(model: &Model, field: &Field, mutation: bool, name: &str) -> (Function, Vec<String>) {
    let mut warnings = Vec::new();
    let operation = match mutation {
        true => class(&Asked { method: "POST", path: &field.name, id: Some(name), told: &[&field.description] }).0.max(Operation::Write),
        false => document::field(&field.name, &field.description, Some(&field.kind.name)),
    };
    let mut made = function(name, sentences(&field.description, &title(name)), operation);
    made.read_because = (operation == Operation::Read).then(|| String::from("GraphQL queries are sent by POST."));
    made.deprecated = field.deprecated;
    made.synonyms = if id(&field.name) == name { Vec::new() } else { vec![field.name.clone()] };
    let goes_on = connection(model, &field.kind.name).filter(|_| operation == Operation::Read);
    let taken: Vec<&Argument> = field.arguments.iter().filter(|argument| keep(argument, goes_on.is_some(), &mut warnings)).collect();
    let mut writing = Writing { model, left: MOST, cut: false };
    for argument in &taken {
        writing.argument(argument, taken.len(), goes_on.is_some(), &mut made);
    }
    if writing.cut {
        warnings.push(String::from("input objects are described to a bounded depth; deeper members take any value"));
    }
    write_document(model, field, mutation, &taken, &mut made);
    if let Some(kind) = goes_on {
        pages(field, kind, &mut made);
    }
    give_example(&mut made);
    (made, warnings)
}

/// Paging backwards is another way through the same list, and cannot be said together with forwards.
fn keep(argument: &Argument, connection: bool, warnings: &mut Vec<String>) -> bool {
    let backwards = connection && matches!(argument.name.as_str(), "last" | "before") && !argument.required();
    if backwards {
        warnings.push(format!("paging backwards ('{}') is left out", argument.name));
    }
    !backwards && (!argument.deprecated || argument.required())
}

/// Writes arguments as parameters, within bounds.
struct Writing<'a> {
    model: &'a Model,
    left: usize,
    cut: bool,
}

impl Writing<'_> {
    /// An argument as a parameter; the members of an input object that stands alone are parameters themselves.
    fn argument(&mut self, argument: &Argument, of: usize, connection: bool, made: &mut Function) {
        let members = match self.model.types.get(&argument.kind.name) {
            Some(Type::Input(members)) if !argument.kind.is_list() && argument.required() => members,
            _ => {
                let mut schema = self.schema(&argument.kind, DEEPEST, false);
                if connection && argument.name == "first" {
                    schema["default"] = PAGE.into();
                }
                return add(made, argument, argument.name.clone(), schema, argument.required());
            }
        };
        if of > 1 && argument.name != "input" {
            let schema = self.schema(&argument.kind, DEEPEST, false);
            return add(made, argument, argument.name.clone(), schema, argument.required());
        }
        for member in members.iter().filter(|member| !member.deprecated || member.required()) {
            let schema = self.schema(&member.kind, DEEPEST - 1, true);
            add(made, member, format!("{}.{}", argument.name, member.name), schema, member.required());
        }
    }

    fn schema(&mut self, kind: &Ref, depth: usize, nullable: bool) -> Value {
        self.left = self.left.saturating_sub(1);
        let null = nullable && !kind.required();
        let kind = if kind.required() { kind.inner() } else { kind.clone() };
        if kind.wraps.first() == Some(&Wrap::List) {
            let items = if self.left == 0 { json!({}) } else { self.schema(&kind.inner(), depth, true) };
            return or_null(json!({"type": "array", "items": items}), null);
        }
        let schema = match (kind.name.as_str(), self.model.types.get(&kind.name)) {
            ("Int", _) => json!({"type": "integer"}),
            ("Float", _) => json!({"type": "number"}),
            ("Boolean", _) => json!({"type": "boolean"}),
            ("String" | "ID", _) => json!({"type": "string"}),
            (_, Some(Type::Enum(values))) if !values.is_empty() => json!({"type": "string", "enum": values}),
            (_, Some(Type::Input(members))) if depth > 0 && self.left > members.len() => self.object(members, depth),
            (_, Some(Type::Input(_))) => {
                self.cut = true;
                json!({"type": "object"})
            }
            // A scalar of the service's own: dates and the like are text, others are anything.
            (name, _) if textual(name) => json!({"type": "string"}),
            _ => return json!({}),
        };
        or_null(schema, null)
    }

    fn object(&mut self, members: &[Argument], depth: usize) -> Value {
        let mut properties = Map::new();
        for member in members {
            let mut schema = self.schema(&member.kind, depth - 1, true);
            let said = described(member);
            if !said.is_empty() {
                schema["description"] = said.into();
            }
            properties.insert(member.name.clone(), schema);
        }
        let required: Vec<&str> = members.iter().filter(|member| member.required()).map(|member| member.name.as_str()).collect();
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }
}

fn or_null(mut schema: Value, null: bool) -> Value {
    if null {
        if let Some(kind) = schema.get("type").cloned() {
            schema["type"] = json!([kind, "null"]);
        }
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    schema
}

fn textual(scalar: &str) -> bool {
    ["date", "time", "uri", "url", "uuid", "html", "markdown", "string", "base64", "email", "color", "oid", "id"]
        .iter()
        .any(|word| scalar.to_lowercase().ends_with(word))
}

fn described(argument: &Argument) -> String {
    let said = remark_or(&argument.description, "");
    match argument.default.as_deref().filter(|default| default.len() <= 60 && *default != "null") {
        Some(default) if said.is_empty() => format!("Default: {}.", printable(default)),
        Some(default) => format!("{}. Default: {}.", said.trim_end_matches('.'), printable(default)),
        None => said,
    }
}

fn add(made: &mut Function, argument: &Argument, wire: String, mut schema: Value, required: bool) {
    let own = id(&argument.name);
    let name = free(made, &own, "input");
    let said = described(argument);
    schema["description"] = if said.is_empty() { title(&own) } else { said }.into();
    if wire != name {
        schema["as"] = wire.into();
    }
    if required {
        made.required.push(name.clone());
    }
    made.parameters.insert(name, schema);
}

fn write_document(model: &Model, field: &Field, mutation: bool, taken: &[&Argument], made: &mut Function) {
    let list = |pair: &dyn Fn(&&Argument) -> String| taken.iter().map(pair).collect::<Vec<_>>().join(", ");
    let declared = list(&|argument| format!("${}: {}", argument.name, argument.kind));
    let passed = list(&|argument| format!("{0}: ${0}", argument.name));
    let within = |text: &str| if text.is_empty() { String::new() } else { format!("({text})") };
    let many = field.kind.is_list() || connection(model, &field.kind.name).is_some();
    let depth = if many { 1 } else { 2 };
    let selection = select(model, &field.kind.name, depth);
    let kind = if mutation { "mutation" } else { "query" };
    let operation: String = words(&field.name).iter().map(|word| title(word)).collect();
    let space = if selection.text.is_empty() { "" } else { " " };
    made.graphql =
        Some(format!("{kind} {operation}{} {{ {}{}{space}{} }}", within(&declared), field.name, within(&passed), selection.text));
    let at = path(&field.name);
    made.shape = Some(match connection(model, &field.kind.name) {
        Some(Connection::Edges) => format!(
            "{at} | {{nodes: [.edges[]?.node], pageInfo: .pageInfo, totalCount: .totalCount}} | with_entries(select(.value != null))"
        ),
        _ => at,
    });
    made.output = Some(if field.kind.is_list() { json!({"type": "array", "items": selection.schema}) } else { selection.schema });
}

/// Where an answer holds a field; words of jq's own are quoted.
fn path(field: &str) -> String {
    const OWN: &[&str] = &[
        "and", "as", "catch", "def", "elif", "else", "end", "foreach", "if", "import", "include", "label", "not", "or", "reduce", "then",
        "try",
    ];
    if OWN.contains(&field) || field.starts_with('_') { format!(".data[\"{field}\"]") } else { format!(".data.{field}") }
}

fn pages(field: &Field, kind: Connection, made: &mut Function) {
    let named = |wire: &str| made.parameters.keys().find(|name| made.wire_name(name) == wire).cloned();
    let Some(after) = named("after") else { return };
    let list = if kind == Connection::Nodes { "nodes" } else { "edges" };
    let at = format!("data.{}", field.name);
    let mut pages = json!({"style": "cursor", "items": format!("{at}.{list}"), "parameter": after,
        "next": format!("{at}.pageInfo.endCursor"), "more": format!("{at}.pageInfo.hasNextPage"), "page_size": PAGE});
    if let Some(first) = named("first") {
        pages["limit"] = first.into();
    }
    made.pagination = Some(pages);
}
