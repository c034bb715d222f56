//! A JSON Schema sketch of example values: types, members and items as far as the examples show them. It says what is there, not
//! what must be: no member is required, and nothing is closed. Shared with the build script.

use serde_json::{Map, Value, json};

/// What a sketch says of itself.
pub const COMMENT: &str = "From an example answer; a real one may hold more.";

/// Values nested deeper are not described.
const DEEPEST: usize = 8;

/// Members and lists described in one sketch.
const MOST: usize = 300;

/// The output schema that an example answer gives. Where the example is null, there is no answer to describe.
pub fn answer(example: &Value) -> Value {
    let mut schema = json!({"$comment": COMMENT});
    match infer(example) {
        Value::Object(words) if !example.is_null() => words.into_iter().for_each(|(word, value)| schema[word] = value),
        _ => schema["type"] = "null".into(),
    }
    schema
}

/// What a download answers: its bytes, or the file they were written to.
pub fn download() -> Value {
    json!({"type": "object", "properties": {
        "content_type": {"type": ["string", "null"]}, "size": {"type": "integer", "description": "Bytes."},
        "base64": {"type": "string", "description": "The content, unless it was written to a file."},
        "path": {"type": "string", "description": "The file that --output named."},
    }})
}

/// The sketch of one value; null says nothing.
pub fn infer(value: &Value) -> Value {
    of(&[value], DEEPEST, &mut MOST.clone())
}

/// What several values at one place have in common.
fn of(values: &[&Value], depth: usize, left: &mut usize) -> Value {
    let mut types: Vec<&str> = Vec::new();
    for value in values {
        let name = type_of(value);
        if !types.contains(&name) {
            types.push(name);
        }
    }
    if types.contains(&"number") {
        types.retain(|name| *name != "integer");
    }
    // A stable order, in which the word that says least comes last.
    types.sort_by_key(|name| *name == "null");
    let mut schema = Map::new();
    match types[..] {
        [] | ["null"] => return Value::Object(schema),
        [one] => schema.insert(String::from("type"), one.into()),
        _ => schema.insert(String::from("type"), json!(types)),
    };
    if let Some(format) = common_format(values) {
        schema.insert(String::from("format"), format.into());
    }
    if depth > 0 {
        nested(values, depth, left, &mut schema);
    }
    Value::Object(schema)
}

fn nested(values: &[&Value], depth: usize, left: &mut usize, schema: &mut Map<String, Value>) {
    let mut members: Map<String, Value> = Map::new();
    let objects: Vec<&Map<String, Value>> = values.iter().filter_map(|value| value.as_object()).collect();
    for name in objects.iter().flat_map(|object| object.keys()) {
        if *left == 0 {
            break;
        }
        if !members.contains_key(name) {
            *left -= 1;
            let values: Vec<&Value> = objects.iter().filter_map(|object| object.get(name)).collect();
            members.insert(name.clone(), of(&values, depth - 1, left));
        }
    }
    if !members.is_empty() {
        schema.insert(String::from("properties"), Value::Object(members));
    }
    let items: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
    if !items.is_empty() && *left > 0 {
        *left -= 1;
        schema.insert(String::from("items"), of(&items, depth - 1, left));
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.to_string().contains(['.', 'e', 'E']) => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The format that every text among the values has.
fn common_format(values: &[&Value]) -> Option<&'static str> {
    let mut formats = values.iter().filter_map(|value| value.as_str()).map(format_of);
    let first = formats.next()??;
    formats.all(|format| format == Some(first)).then_some(first)
}

fn format_of(text: &str) -> Option<&'static str> {
    if is_date(text) {
        return Some("date");
    }
    if text.get(..10).is_some_and(is_date) && text.get(10..).is_some_and(is_time) {
        return Some("date-time");
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()*+,;=%".contains(c);
    (rest.starts_with(|first: char| first.is_ascii_alphanumeric()) && rest.chars().all(plain)).then_some("uri")
}

fn is_date(text: &str) -> bool {
    shaped(text, "dddd-dd-dd") && (1..=days(&text[..4], &text[5..7])).contains(&number(&text[8..10]))
}

fn days(year: &str, month: &str) -> u32 {
    let leap = number(year).is_multiple_of(4) && (!number(year).is_multiple_of(100) || number(year).is_multiple_of(400));
    match number(month) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    }
}

/// `T12:00:00Z`, with a fraction or another offset.
fn is_time(text: &str) -> bool {
    let Some(rest) = text.get(9..).filter(|_| text.get(..9).is_some_and(|time| shaped(time, "Tdd:dd:dd"))) else { return false };
    let sound = number(&text[1..3]) < 24 && number(&text[4..6]) < 60 && number(&text[7..9]) < 60;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|first: char| first.is_ascii_digit()) => {
            fraction.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        _ => rest,
    };
    let offset = |zone: &str| (shaped(zone, "+dd:dd") || shaped(zone, "-dd:dd")) && number(&zone[1..3]) < 24 && number(&zone[4..6]) < 60;
    sound && (zone == "Z" || offset(zone))
}

/// Whether a text has the form of a pattern, in which `d` is a digit.
fn shaped(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(c, form)| if form == b'd' { c.is_ascii_digit() } else { c == form })
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_items_are_described() {
        let example =
            json!({"id": 1, "price": 1.5, "open": true, "tags": ["a"], "owner": {"login": "x"}, "gone": null, "empty": [], "bare": {}});
        let wanted = json!({"type": "object", "properties": {
            "id": {"type": "integer"}, "price": {"type": "number"}, "open": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}},
            "owner": {"type": "object", "properties": {"login": {"type": "string"}}}, "gone": {}, "empty": {"type": "array"}, "bare": {"type": "object"}
        }});
        assert_eq!(infer(&example), wanted);
        assert_eq!(infer(&Value::Null), json!({}));
    }

    #[test]
    fn all_items_count() {
        let items = json!([{"a": null, "n": 1}, {"a": "x", "n": 1.5, "b": [1]}, {"a": null, "b": [{"c": 1}]}, 7]);
        let wanted = json!({"type": "array", "items": {"type": ["object", "integer"], "properties": {
            "a": {"type": ["string", "null"]}, "n": {"type": "number"},
            "b": {"type": "array", "items": {"type": ["integer", "object"], "properties": {"c": {"type": "integer"}}}}
        }}});
        assert_eq!(infer(&items), wanted);
    }

    #[test]
    fn formats_are_said_only_when_certain() {
        let format = |values: Value| infer(&values)["items"]["format"].as_str().map(str::to_owned);
        let table = [
            (json!(["2026-01-31"]), Some("date")),
            (json!(["2026-13-31"]), None),
            (json!(["2026-01-32"]), None),
            (json!(["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+02:00"]), Some("date-time")),
            (json!(["2026-01-31T12:00:00"]), None),
            (json!(["2026-01-31T12:00:00.Z"]), None),
            (json!(["2026-01-31T25:00:00Z"]), None),
            (json!(["2026-01-31T12:00:00.000+0000"]), None),
            (json!(["https://a.example/b?c=d#e"]), Some("uri")),
            (json!(["https://"]), None),
            (json!(["https://a.example/{id}"]), None),
            (json!(["2026-01-31", "soon"]), None),
            (json!(["2026-01-31", null]), Some("date")),
            (json!(["2026-01-31", "2026-01-31T12:00:00Z"]), None),
            (json!(["äöüäöüäöüä"]), None),
        ];
        for (values, wanted) in table {
            assert_eq!(format(values.clone()).as_deref(), wanted, "{values}");
        }
    }

    #[test]
    fn a_sketch_has_an_end() {
        let wide: Map<String, Value> = (0..10_000).map(|number| (number.to_string(), json!({"a": [number]}))).collect();
        assert!(infer(&Value::Object(wide)).to_string().len() < 20_000);
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        assert!(infer(&deep).to_string().len() < 400);
    }
}
