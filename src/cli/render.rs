//! Data for people: lists of objects as tables that fit the terminal, objects as lines, everything else as JSON.

use serde_json::{Map, Value};

use crate::base::name::clean;
use crate::cli::output::{Out, Paint};

/// Renders the data of a call.
pub fn data(out: &Out, paint: &Paint, data: &Value) -> String {
    match data {
        Value::Null => paint.dim("(no data)"),
        Value::String(text) => clean(text),
        Value::Array(items) if rows(items) => table(out, paint, items),
        Value::Object(members) => object(out, paint, members),
        other => clean(&format!("{other:#}")),
    }
}

fn rows(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(Value::is_object)
}

/// An object with a list in it is that list and what stands beside it.
fn object(out: &Out, paint: &Paint, members: &Map<String, Value>) -> String {
    let lists: Vec<(&String, &Vec<Value>)> =
        members.iter().filter_map(|(key, value)| value.as_array().filter(|items| rows(items)).map(|items| (key, items))).collect();
    let [(list, items)] = lists[..] else { return lines(paint, members) };
    let scalars = members.values().filter(|value| !value.is_array() && !value.is_object()).count();
    if scalars > 6 {
        return lines(paint, members);
    }
    let mut text = table(out, paint, items);
    for (key, value) in members.iter().filter(|(key, value)| *key != list && !value.is_null()) {
        text.push_str(&format!("\n{} {}", paint.dim(&clean(&format!("{key}:"))), cell(value)));
    }
    text
}

fn lines(paint: &Paint, members: &Map<String, Value>) -> String {
    let width = members.keys().map(|key| key.chars().count()).max().unwrap_or(0);
    let mut text = Vec::new();
    for (key, value) in members {
        let shown = match value {
            Value::String(long) if long.contains('\n') => {
                format!("\n{}", clean(long).lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"))
            }
            other => cell(other),
        };
        text.push(format!("{}  {shown}", paint.bold(&clean(&format!("{key:width$}")).replace('\n', " "))));
    }
    text.join("\n")
}

/// Columns that tell things apart come first; at most as many as the terminal can hold.
fn table(out: &Out, paint: &Paint, items: &[Value]) -> String {
    const FIRST: [&str; 12] =
        ["id", "number", "key", "identifier", "name", "title", "full_name", "login", "state", "status", "summary", "text"];
    let mut columns: Vec<&str> = Vec::new();
    let simple = |key: &str| {
        items.iter().filter_map(|item| item.get(key)).all(|value| !value.is_object() && !value.is_array())
            && items.iter().any(|item| item.get(key).is_some_and(|value| !value.is_null()))
    };
    for key in FIRST {
        if items.iter().any(|item| item.get(key).is_some()) && simple(key) {
            columns.push(key);
        }
    }
    let most = (out.width() / 14).clamp(2, 8);
    add(&mut columns, items, &|key| !noise(key) && simple(key), most);
    // What is nested comes last, as compact JSON, where there is room for it.
    add(&mut columns, items, &|key| !noise(key), most.min(4));
    columns.truncate(most);
    if columns.is_empty() {
        return clean(&format!("{:#}", Value::from(items.to_vec())));
    }
    let rows = items.iter().map(|item| columns.iter().map(|key| item.get(key).map(cell).unwrap_or_default()).collect()).collect();
    out.table(paint, &columns, rows)
}

/// Links and type words tell nothing apart.
fn noise(key: &str) -> bool {
    key.ends_with("_url") || matches!(key, "url" | "node_id" | "object")
}

fn add<'a>(columns: &mut Vec<&'a str>, items: &'a [Value], fits: &dyn Fn(&str) -> bool, most: usize) {
    for key in items.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if columns.len() < most && !columns.contains(&key.as_str()) && fits(key) {
            columns.push(key);
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => clean(text).replace('\n', " "),
        other => clean(&other.to_string()),
    }
}
