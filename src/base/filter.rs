//! Filters over JSON documents (`{"state": "open", "count": {"$gt": 3}}`) and order-preserving sort keys.
//! Pure: no storage. An operator that is not known is an error before anything is read.

use std::cmp::Ordering;

use serde_json::Value;

use crate::base::error::Problem;
use crate::base::json::{escaped_key, path};

const OPERATORS: [&str; 9] = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"];

/// All problems of a filter, with pointers below `at`.
pub fn problems(filter: &Value, at: &str) -> Vec<Problem> {
    let problem = |pointer: &str, message: String| vec![Problem { pointer: pointer.to_owned(), message }];
    let Value::Object(members) = filter else {
        return problem(at, "must be an object".into());
    };
    let mut found = Vec::new();
    for (key, value) in members {
        let pointer = format!("{at}/{}", escaped_key(key));
        match (key.as_str(), value) {
            ("$and" | "$or", Value::Array(parts)) if !parts.is_empty() => {
                found.extend(parts.iter().enumerate().flat_map(|(index, part)| problems(part, &format!("{pointer}/{index}"))));
            }
            ("$and" | "$or", _) => found.extend(problem(&pointer, "must be a list of filters that is not empty".into())),
            (key, _) if key.starts_with('$') => found.extend(problem(&pointer, "is no operator here; there are $and and $or".into())),
            (_, Value::Object(tests)) if tests.keys().any(|key| key.starts_with('$')) => {
                for (operator, operand) in tests {
                    let pointer = format!("{pointer}/{operator}");
                    match operator.as_str() {
                        "$in" | "$nin" if !operand.is_array() => found.extend(problem(&pointer, "must be a list".into())),
                        "$exists" if !operand.is_boolean() => found.extend(problem(&pointer, "must be true or false".into())),
                        known if OPERATORS.contains(&known) => {}
                        _ => found.extend(problem(&pointer, format!("is no operator; there are {}", OPERATORS.join(", ")))),
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a document fits a filter. Members are dotted paths; a plain value means `$eq`.
pub fn matches(document: &Value, filter: &Value) -> bool {
    let Value::Object(members) = filter else { return false };
    members.iter().all(|(key, test)| match (key.as_str(), test) {
        ("$and", Value::Array(parts)) => parts.iter().all(|part| matches(document, part)),
        ("$or", Value::Array(parts)) => parts.iter().any(|part| matches(document, part)),
        (key, test) => fits(path(document, key), test),
    })
}

fn fits(found: Option<&Value>, test: &Value) -> bool {
    match test {
        Value::Object(tests) if tests.keys().any(|key| key.starts_with('$')) => {
            tests.iter().all(|(operator, operand)| one(found, operator, operand))
        }
        plain => found.is_some_and(|found| equal(found, plain)),
    }
}

fn one(found: Option<&Value>, operator: &str, operand: &Value) -> bool {
    let order = || found.and_then(|found| order(found, operand));
    let within = |list: &Value| list.as_array().is_some_and(|list| found.is_some_and(|found| list.iter().any(|item| equal(found, item))));
    match operator {
        "$eq" => found.is_some_and(|found| equal(found, operand)),
        "$ne" => !found.is_some_and(|found| equal(found, operand)),
        "$gt" => order() == Some(Ordering::Greater),
        "$gte" => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
        "$lt" => order() == Some(Ordering::Less),
        "$lte" => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
        "$in" => within(operand),
        "$nin" => !within(operand),
        "$exists" => operand.as_bool() == Some(found.is_some()),
        _ => false,
    }
}

/// Equal as JSON values; `1` equals `1.0`; a list holds what equals one of its items.
fn equal(found: &Value, wanted: &Value) -> bool {
    let same = match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.as_f64() == b.as_f64() && !both_whole(a, b)),
        _ => found == wanted,
    };
    same || matches!(found, Value::Array(items) if !wanted.is_array() && items.iter().any(|item| equal(item, wanted)))
}

fn both_whole(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    let whole = |number: &serde_json::Number| !number.to_string().contains(['.', 'e', 'E']);
    whole(a) && whole(b)
}

/// Order of two values of the same kind; others have none.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Bytes that sort as the values do: missing, null, false, true, numbers, text, lists and objects.
pub fn sort_key(value: Option<&Value>) -> Vec<u8> {
    match value {
        None => vec![0],
        Some(Value::Null) => vec![1],
        Some(Value::Bool(false)) => vec![2],
        Some(Value::Bool(true)) => vec![3],
        Some(Value::Number(number)) => {
            let bits = number.as_f64().unwrap_or(0.0).to_bits();
            let ordered = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
            [&[4_u8][..], &ordered.to_be_bytes()].concat()
        }
        Some(Value::String(text)) => [&[5_u8][..], text.as_bytes()].concat(),
        Some(other) => [&[6_u8][..], other.to_string().as_bytes()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operators_do_what_they_say() {
        let document = json!({"state": "open", "count": 3, "flag": true, "tags": ["a", "b"], "at": {"x": 1}, "nothing": null});
        let yes = [
            json!({}),
            json!({"state": "open"}),
            json!({"count": {"$gt": 2, "$lte": 3}}),
            json!({"count": 3.0}),
            json!({"tags": "a"}),
            json!({"at.x": {"$in": [1, 2]}}),
            json!({"gone": {"$exists": false}}),
            json!({"nothing": {"$exists": true}}),
            json!({"$or": [{"state": "closed"}, {"flag": true}]}),
            json!({"gone": {"$ne": 1}}),
            json!({"at": {"x": 1}}),
        ];
        let no = [
            json!({"state": "closed"}),
            json!({"flag": 1}),
            json!({"count": {"$gt": "2"}}),
            json!({"gone": null}),
            json!({"$and": [{"state": "open"}, {"count": {"$nin": [3]}}]}),
            json!({"count": {"$lt": 3}}),
        ];
        for filter in yes {
            assert!(matches(&document, &filter), "{filter}");
        }
        for filter in no {
            assert!(!matches(&document, &filter), "{filter}");
        }
    }

    #[test]
    fn wrong_operators_are_all_named() {
        let found = problems(&json!({"a": {"$gtt": 1, "$in": 2}, "$not": []}), "/filter");
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn sort_keys_keep_the_order() {
        let mut values = [json!("b"), json!(2), json!(-1.5), json!(null), json!(true), json!(10), json!("a"), json!(-20)];
        values.sort_by_key(|value| sort_key(Some(value)));
        assert_eq!(json!(values), json!([null, true, -20, -1.5, 2, 10, "a", "b"]));
    }
}
