//! Small helpers over JSON values: dotted paths, canonical text, parsing with a position, a depth limit.
//! No schema knowledge.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Looks up a dotted path: digits index arrays, `-1` is the last element, `.` is the whole. A last member that begins with `@` may have
/// dots in its name, as those of OData have.
pub fn path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path == "." {
        return Some(value);
    }
    if let Some(whole) = value.as_object().filter(|_| path.starts_with('@')).and_then(|members| members.get(path)) {
        return Some(whole);
    }
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let inner = match value {
        Value::Array(items) if step == "-1" => items.last(),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Object(members) => members.get(step),
        _ => None,
    }?;
    rest.map_or(Some(inner), |rest| self::path(inner, rest))
}

/// As [`path`], to change what stands there.
pub fn path_mut<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    if path == "." {
        return Some(value);
    }
    if path.starts_with('@') && value.get(path).is_some() {
        return value.get_mut(path);
    }
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let inner = match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        Value::Object(members) => members.get_mut(step),
        _ => None,
    }?;
    match rest {
        Some(rest) => path_mut(inner, rest),
        None => Some(inner),
    }
}

/// Puts a value at a dotted path of object members, making the objects on the way.
pub fn insert(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = object.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// JSON text with sorted keys and no spaces: equal values have equal text.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort();
            let body: Vec<String> = keys.iter().map(|key| format!("{}:{}", Value::from(key.as_str()), canonical(&members[*key]))).collect();
            format!("{{{}}}", body.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// A text among the members of an object.
pub fn text<'a>(members: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    members.get(key).and_then(Value::as_str)
}

/// A yes or no among the members of an object; no where there is none.
pub fn flag(members: &Map<String, Value>, key: &str) -> bool {
    members.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// SHA-256 of the canonical text, in hex.
pub fn digest(value: &Value) -> String {
    sha256(canonical(value).as_bytes())
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A key as a step of a JSON Pointer (RFC 6901), without the slash.
pub fn escaped_key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A scalar as it stands in a URL, header or form: strings without quotes, null as nothing.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_reach_into_lists_and_objects() {
        let value = json!({"data": [{"id": 1}, {"id": 2}]});
        assert_eq!(path(&value, "data.-1.id"), Some(&json!(2)));
        assert_eq!(path(&value, "data.0.id"), Some(&json!(1)));
        assert_eq!(path(&value, "data.x"), None);
        let mut dotted = json!({"a": {"@odata.nextLink": "u"}, "b.c": {"d.e": [1]}});
        assert_eq!((path(&dotted, "a.@odata.nextLink"), path(&dotted, "b.c.d.e.0")), (Some(&json!("u")), None));
        assert_eq!(path_mut(&mut dotted, "a.@odata.nextLink"), Some(&mut json!("u")));
        let mut object = Map::new();
        insert(&mut object, "a.b", json!(1));
        insert(&mut object, "a.c", json!(2));
        assert_eq!(Value::Object(object), json!({"a": {"b": 1, "c": 2}}));
    }

    #[test]
    fn equal_values_have_equal_digests() {
        assert_eq!(digest(&json!({"a": 1, "b": [1, 2]})), digest(&json!({"b": [1, 2], "a": 1})));
        assert_ne!(digest(&json!({"a": 1})), digest(&json!({"a": "1"})));
    }
}
