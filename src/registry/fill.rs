//! Makes a broken manifest fit its types, so that all else that is wrong with it can be found: what is misshapen is taken out, what is
//! missing gets a harmless value. Nothing that was filled in is ever called or kept.

use serde_json::{Map, Value, json};

/// Takes out what stands at some pointers.
pub fn without(value: &mut Value, pointers: &[&str]) {
    let mut holes: Vec<&str> = Vec::new();
    for pointer in pointers {
        let Some((above, last)) = pointer.rsplit_once('/') else { continue };
        match value.pointer_mut(above) {
            Some(Value::Object(members)) => _ = members.remove(&last.replace("~1", "/").replace("~0", "~")),
            // The others keep their places until all is taken out.
            Some(Value::Array(items)) => {
                if let Some(item) = last.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                    *item = Value::Null;
                    holes.push(above);
                }
            }
            _ => {}
        }
    }
    for above in holes {
        if let Some(Value::Array(items)) = value.pointer_mut(above) {
            items.retain(|item| !item.is_null());
        }
    }
}

/// What a function must say. Its id is unlike any other.
pub fn function(value: &mut Value, at: usize) {
    let Value::Object(members) = value else { return };
    let looks =
        members.get("request").and_then(Value::as_str).is_some_and(|request| request.starts_with("GET ") || request.starts_with("HEAD "));
    absent(members, "id", json!(format!("function_{at}")));
    absent(members, "operation", json!(if looks { "read" } else { "write" }));
    absent(members, "examples", json!([]));
    for word in ["title", "description"] {
        absent(members, word, json!(""));
    }
    for example in members.get_mut("examples").and_then(Value::as_array_mut).into_iter().flatten() {
        complete(example, &[("arguments", json!({}))]);
    }
}

/// What a provider must say besides its functions.
pub fn head(value: &mut Value) {
    complete(value, &[("id", json!("unnamed"))]);
    let texts: Vec<(&str, Value)> = ["title", "description", "category", "auth_strategy"].map(|word| (word, json!(""))).into();
    complete(value, &texts);
    let Value::Object(members) = value else { return };
    if let Some(Value::Array(fields)) = members.get_mut("credentials") {
        fields.retain(|field| field.get("key").is_some());
        fields.iter_mut().for_each(|field| complete(field, &[("label", json!("")), ("secret", json!(true))]));
    }
    if let Some(oauth) = members.get_mut("oauth") {
        complete(oauth, &[("grants", json!([])), ("token_url", json!(""))]);
    }
    let mut placements: Vec<Value> = match members.remove("auth") {
        Some(Value::Array(many)) => many,
        one => one.into_iter().collect(),
    };
    placements.retain(|auth| auth.get("type").is_some());
    for signature in placements.iter_mut().filter_map(|auth| auth.get_mut("signature")) {
        complete(signature, &[("secret", json!(""))]);
    }
    members.insert(String::from("auth"), Value::Array(placements));
}

fn complete(value: &mut Value, words: &[(&str, Value)]) {
    if let Value::Object(members) = value {
        words.iter().for_each(|(word, value)| absent(members, word, value.clone()));
    }
}

fn absent(members: &mut Map<String, Value>, word: &str, value: Value) {
    if !members.contains_key(word) {
        members.insert(word.to_owned(), value);
    }
}
