//! Introspection: the query that asks a service for its schema, and its answer as a model.

use serde_json::Value;

use crate::registry::import::graphql::model::{Argument, Field, Model, Ref, Type, Wrap, is_name};

/// How many wraps a type may have.
const MOST_WRAPS: usize = 8;

/// The query that is sent to a GraphQL endpoint, as a POST with the JSON body `{"query": …}`.
pub const QUERY: &str = "query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name } \
types { kind name description fields(includeDeprecated: true) { name description isDeprecated type { ...T } \
args { name description defaultValue type { ...T } } } inputFields { name description defaultValue type { ...T } } \
enumValues(includeDeprecated: true) { name } possibleTypes { name } } } } \
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } }";

/// Where an answer holds the schema.
pub(super) fn schema(document: &Value) -> Option<&Value> {
    let schema = document.get("__schema").or_else(|| document.get("data")?.get("__schema"))?;
    schema.get("types").is_some_and(Value::is_array).then_some(schema)
}

/// Reads an answer.
pub(super) fn read(document: &Value) -> Result<Model, String> {
    let schema = schema(document).ok_or("the answer holds no introspected schema (data.__schema.types)")?;
    let start = |key: &str| schema.get(key).and_then(name);
    let mut model = Model {
        query: start("queryType").unwrap_or_else(|| String::from("Query")),
        mutation: start("mutationType"),
        subscription: start("subscriptionType"),
        ..Model::default()
    };
    for raw in list(schema, "types") {
        let Some(own) = name(raw) else { continue };
        let names = |key: &str| list(raw, key).filter_map(name).collect::<Vec<_>>();
        let made = match raw.get("kind").and_then(Value::as_str) {
            Some("SCALAR") => Type::Scalar,
            Some("ENUM") => Type::Enum(names("enumValues")),
            Some("UNION") => Type::Union(names("possibleTypes")),
            Some("INPUT_OBJECT") => Type::Input(list(raw, "inputFields").filter_map(argument).collect()),
            Some("OBJECT") => {
                Type::Object { fields: list(raw, "fields").filter_map(field).collect(), possible: Vec::new(), interface: false }
            }
            Some("INTERFACE") => {
                Type::Object { fields: list(raw, "fields").filter_map(field).collect(), possible: names("possibleTypes"), interface: true }
            }
            _ => continue,
        };
        if !own.starts_with("__") {
            model.types.insert(own, made);
        }
    }
    Ok(model)
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// A name that may stand in a document.
fn name(value: &Value) -> Option<String> {
    value.get("name").and_then(Value::as_str).filter(|name| is_name(name)).map(str::to_owned)
}

fn word(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn field(raw: &Value) -> Option<Field> {
    Some(Field {
        name: name(raw)?,
        description: word(raw, "description"),
        arguments: list(raw, "args").filter_map(argument).collect(),
        kind: reference(raw.get("type")?)?,
        deprecated: raw.get("isDeprecated").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn argument(raw: &Value) -> Option<Argument> {
    Some(Argument {
        name: name(raw)?,
        description: word(raw, "description"),
        kind: reference(raw.get("type")?)?,
        default: raw.get("defaultValue").and_then(Value::as_str).map(str::to_owned),
        deprecated: raw.get("isDeprecated").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn reference(raw: &Value) -> Option<Ref> {
    let (mut at, mut wraps) = (raw, Vec::new());
    while wraps.len() <= MOST_WRAPS {
        match at.get("kind").and_then(Value::as_str) {
            Some("NON_NULL") => wraps.push(Wrap::NonNull),
            Some("LIST") => wraps.push(Wrap::List),
            _ => return name(at).map(|name| Ref { name, wraps }),
        }
        at = at.get("ofType")?;
    }
    None
}
