//! What is asked for of an answer: scalars and enums, one or two levels of objects, a page of a connection. Fields that need arguments,
//! deprecated ones and lists within lists are left out; whoever needs them writes a manifest with a document of their own.

use serde_json::{Map, Value, json};

use crate::registry::import::graphql::model::{Field, MOST_FIELDS, Model, Type};

/// Scalars asked for of one object.
const MOST_SCALARS: usize = 40;

/// Objects asked for of one object.
const MOST_OBJECTS: usize = 10;

/// Types that may stand for an interface or a union and are asked for.
const MOST_FRAGMENTS: usize = 6;

/// Fields that tell a person which object it is.
const TELLING: &[&str] =
    &["id", "name", "title", "key", "identifier", "number", "login", "email", "url", "displayName", "slug", "code", "message", "field"];

/// A selection, as GraphQL writes it with its braces, and the schema of what it answers. A leaf has none.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub text: String,
    pub schema: Value,
}

/// How a list goes on, by the conventions of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Nodes,
    Edges,
}

/// Whether a type is a connection: a list and how it goes on.
pub(super) fn connection(model: &Model, name: &str) -> Option<Connection> {
    let fields = model.first_fields(name);
    let find = |wanted: &str| fields.iter().find(|field| field.name == wanted && !needs_more(field));
    let pages = find("pageInfo").map(|field| model.first_fields(&field.kind.name))?;
    let goes_on = ["hasNextPage", "endCursor"].iter().all(|wanted| pages.iter().any(|field| field.name == *wanted));
    let nodes = find("nodes").filter(|field| field.kind.is_list());
    let edges =
        find("edges").filter(|field| field.kind.is_list() && model.first_fields(&field.kind.name).iter().any(|field| field.name == "node"));
    match (goes_on, nodes, edges) {
        (true, Some(_), _) => Some(Connection::Nodes),
        (true, None, Some(_)) => Some(Connection::Edges),
        _ => None,
    }
}

/// What is asked for of a type, this many levels of objects deep.
pub(super) fn select(model: &Model, name: &str, depth: usize) -> Selection {
    if model.is_leaf(name) {
        return Selection { text: String::new(), schema: leaf(model, name) };
    }
    if let Some(kind) = connection(model, name) {
        return page(model, name, kind, depth);
    }
    match model.types.get(name) {
        Some(Type::Union(possible)) => any_of(model, &[], possible),
        Some(Type::Object { fields, possible, interface: true }) => any_of(model, fields, possible),
        _ => object(model, name, depth),
    }
}

/// A page of a connection; the two lines about going on stand at its end.
fn page(model: &Model, name: &str, kind: Connection, depth: usize) -> Selection {
    let member = if kind == Connection::Nodes { "nodes" } else { "edges" };
    let listed =
        model.first_fields(name).iter().find(|field| field.name == member).map(|field| field.kind.name.clone()).unwrap_or_default();
    let node = model.first_fields(&listed).iter().find(|field| field.name == "node").map(|field| field.kind.name.clone());
    let inner = match kind {
        Connection::Nodes => select(model, &listed, depth),
        Connection::Edges => select(model, &node.unwrap_or_default(), depth),
    };
    let list = if kind == Connection::Nodes {
        format!("nodes{}", spaced(&inner.text))
    } else {
        format!("edges {{ node{} }}", spaced(&inner.text))
    };
    let counts =
        model.first_fields(name).iter().any(|field| field.name == "totalCount" && model.is_leaf(&field.kind.name) && !needs_more(field));
    let total = if counts { " totalCount" } else { "" };
    let mut properties = json!({"nodes": {"type": "array", "items": inner.schema}, "pageInfo": {"type": "object", "properties": {
        "hasNextPage": {"type": "boolean"}, "endCursor": {"type": ["string", "null"]}}}});
    if counts {
        properties["totalCount"] = json!({"type": "integer"});
    }
    Selection {
        text: format!("{{ {list} pageInfo {{ hasNextPage endCursor }}{total} }}"),
        schema: json!({"type": "object", "properties": properties}),
    }
}

fn object(model: &Model, name: &str, depth: usize) -> Selection {
    let fields: Vec<&Field> = model.first_fields(name).iter().filter(|field| usable(field)).collect();
    let mut parts: Vec<String> = Vec::new();
    let mut properties = Map::new();
    let mut objects = 0;
    for field in &fields {
        let inner = match model.is_leaf(&field.kind.name) {
            true if parts.len() < MOST_SCALARS => Selection { text: String::new(), schema: leaf(model, &field.kind.name) },
            false if depth > 0 && objects < MOST_OBJECTS => match within(model, field, depth) {
                Some(inner) => inner,
                None => continue,
            },
            _ => continue,
        };
        objects += usize::from(!inner.text.is_empty());
        parts.push(format!("{}{}", field.name, spaced(&inner.text)));
        let schema = if field.kind.is_list() { json!({"type": "array", "items": inner.schema}) } else { inner.schema };
        properties.insert(field.name.clone(), schema);
    }
    if parts.is_empty() {
        parts.push(String::from("__typename"));
    }
    Selection { text: format!("{{ {} }}", parts.join(" ")), schema: json!({"type": "object", "properties": properties}) }
}

/// An object inside an object: whole where there is depth left for it, else what tells which one it is. Pages within pages cost too much.
fn within(model: &Model, field: &Field, depth: usize) -> Option<Selection> {
    let name = &field.kind.name;
    if connection(model, name).is_some() {
        return None;
    }
    match model.types.get(name) {
        Some(Type::Object { interface: false, .. }) if depth > 1 && !field.kind.is_list() => Some(object(model, name, depth - 1)),
        Some(Type::Object { fields, .. }) => telling(model, fields),
        _ => None,
    }
}

fn telling(model: &Model, fields: &[Field]) -> Option<Selection> {
    let leaves: Vec<&Field> = fields.iter().take(MOST_FIELDS).filter(|field| usable(field) && model.is_leaf(&field.kind.name)).collect();
    let mut chosen: Vec<&&Field> = leaves.iter().filter(|field| TELLING.contains(&field.name.as_str())).take(5).collect();
    if chosen.is_empty() {
        chosen = leaves.iter().take(4).collect();
    }
    let parts: Vec<&str> = chosen.iter().map(|field| field.name.as_str()).collect();
    let properties: Map<String, Value> = chosen.iter().map(|field| (field.name.clone(), shaped(model, field))).collect();
    (!parts.is_empty())
        .then(|| Selection { text: format!("{{ {} }}", parts.join(" ")), schema: json!({"type": "object", "properties": properties}) })
}

/// One of several types: what they share, and of each what tells which one it is. A name that two of them type differently is left out,
/// because no answer could hold both.
fn any_of(model: &Model, shared: &[Field], possible: &[String]) -> Selection {
    let mut kinds: Vec<(String, String)> = Vec::new();
    let mut parts = vec![String::from("__typename")];
    for field in shared.iter().filter(|field| usable(field) && model.is_leaf(&field.kind.name)).take(MOST_SCALARS) {
        kinds.push((field.name.clone(), field.kind.to_string()));
        parts.push(field.name.clone());
    }
    for name in possible.iter().take(MOST_FRAGMENTS) {
        let mut own: Vec<&str> = Vec::new();
        for field in model.first_fields(name).iter().filter(|field| usable(field) && model.is_leaf(&field.kind.name)) {
            if !TELLING.contains(&field.name.as_str()) || own.len() >= 6 {
                continue;
            }
            let kind = field.kind.to_string();
            match kinds.iter().position(|(known, _)| *known == field.name) {
                Some(at) if kinds[at].1 != kind => {}
                Some(_) if parts.contains(&field.name) => {}
                Some(_) => own.push(&field.name),
                None => {
                    kinds.push((field.name.clone(), kind));
                    own.push(&field.name);
                }
            }
        }
        if !own.is_empty() {
            parts.push(format!("... on {name} {{ {} }}", own.join(" ")));
        }
    }
    Selection { text: format!("{{ {} }}", parts.join(" ")), schema: json!({"type": "object"}) }
}

/// Whether a field may be asked for without more words.
fn usable(field: &Field) -> bool {
    !field.deprecated && !needs_more(field) && super::model::is_name(&field.name)
}

fn needs_more(field: &Field) -> bool {
    field.arguments.iter().any(super::model::Argument::required)
}

fn shaped(model: &Model, field: &Field) -> Value {
    let schema = leaf(model, &field.kind.name);
    if field.kind.is_list() { json!({"type": "array", "items": schema}) } else { schema }
}

/// What a leaf of an answer is. Null is always possible where something failed.
fn leaf(model: &Model, name: &str) -> Value {
    match (name, model.types.get(name)) {
        ("Int", _) => json!({"type": ["integer", "null"]}),
        ("Float", _) => json!({"type": ["number", "null"]}),
        ("Boolean", _) => json!({"type": ["boolean", "null"]}),
        ("String" | "ID", _) | (_, Some(Type::Enum(_))) => json!({"type": ["string", "null"]}),
        _ => json!({}),
    }
}

fn spaced(selection: &str) -> String {
    if selection.is_empty() { String::new() } else { format!(" {selection}") }
}
