//! Payload and flags to one argument object, by the function's schema (contract section 4). A value is coerced by the type of its
//! parameter, never by its looks; only where the schema has no type do looks decide. All problems are collected.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::base::error::{Code, Error, Problem, Result};
use crate::base::json;
use crate::base::name::nearest;
use crate::call::request::{Arguments, Flag, RawArguments};
use crate::registry::function::Function;
use crate::registry::schema::Checker;

/// A checked argument object and the files it stands with.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    pub object: Map<String, Value>,
    pub files: BTreeMap<String, PathBuf>,
}

/// Largest file that `@path` reads into a text parameter.
const LARGEST_TEXT: u64 = 50 << 20;

/// Reads, coerces, fills in defaults and validates.
pub fn check(function: &Function, checker: &Checker, arguments: Arguments) -> Result<Checked> {
    let (mut checked, mut problems) = match arguments {
        Arguments::Ready { object, files } => (Checked { object, files }, Vec::new()),
        Arguments::Raw(raw) => assemble(function, raw)?,
    };
    // An upstream server fills in its own defaults.
    for (name, schema) in function.parameters.iter().filter(|_| function.mcp.is_none()) {
        if let Some(default) = schema.get("default").filter(|_| !checked.object.contains_key(name)) {
            checked.object.insert(name.clone(), default.clone());
        }
    }
    let mut instance = checked.object.clone();
    for name in checked.files.keys() {
        instance.insert(name.clone(), Value::from(""));
    }
    let flagged: Vec<String> = problems.iter().map(|problem| problem.pointer.clone()).collect();
    problems.extend(checker.problems(instance).into_iter().filter(|problem| !flagged.contains(&problem.pointer)));
    if problems.is_empty() { Ok(checked) } else { Err(Error::arguments(problems)) }
}

/// Whether flags alone give every required parameter: then an open, silent stdin is not waited for.
pub fn suffice(function: &Function, flags: &[Flag]) -> bool {
    let given = |name: &String| {
        let default = function.parameters.get(name).is_some_and(|schema| schema.get("default").is_some());
        default || flags.iter().any(|flag| parameter(function, &flag.key).0.as_ref() == Some(name))
    };
    function.required.iter().all(given) && function.any_of.iter().all(|group| group.iter().any(given))
}

/// Whether a parameter takes a lone `--flag`.
pub fn is_boolean(function: &Function, key: &str) -> bool {
    let (name, rest) = parameter(function, key);
    let schema = name.and_then(|name| function.parameters.get(&name).cloned());
    rest.is_empty() && schema.is_some_and(|schema| types(&schema).contains(&"boolean"))
}

/// The parameter that a flag means (kebab-case becomes snake_case where the schema has that name), and the path below it.
pub fn parameter(function: &Function, key: &str) -> (Option<String>, String) {
    let (head, rest) = key.split_once('.').unwrap_or((key, ""));
    let snake = head.replace('-', "_");
    let known = |name: &str| function.parameters.contains_key(name);
    let name = [key, head, snake.as_str()].into_iter().find(|name| known(name)).map(str::to_owned);
    let rest = if name.as_deref() == Some(key) { "" } else { rest };
    (name, rest.to_owned())
}

fn assemble(function: &Function, raw: RawArguments) -> Result<(Checked, Vec<Problem>)> {
    let mut checked = Checked::default();
    let mut problems = Vec::new();
    match raw.payload.transpose()? {
        None => {}
        Some(Value::Object(object)) => checked.object = object,
        Some(other) => {
            let kind = match other {
                Value::Array(_) => "an array",
                Value::String(_) => "a string",
                Value::Null => "null",
                _ => "a single value",
            };
            return Err(Error::new(Code::InvalidPayload, format!("The payload must be a JSON object, but it is {kind}")));
        }
    }
    let mut lists: Vec<String> = Vec::new();
    for flag in raw.flags {
        if let Err(message) = apply(function, &flag, &mut checked, &mut lists) {
            let (name, rest) = parameter(function, &flag.key);
            let below: String =
                rest.split('.').filter(|step| !step.is_empty()).map(|step| format!("/{}", json::escaped_key(step))).collect();
            problems.push(Problem { pointer: format!("/{}{below}", name.unwrap_or(flag.key)), message });
        }
    }
    Ok((checked, problems))
}

/// A flag that no parameter has the name of: refused, unless the schema is somebody else's and leaves room for more.
fn unnamed(function: &Function, flag: &Flag, checked: &mut Checked) -> Result<(), String> {
    if function.input.as_ref().is_some_and(|input| input.get("additionalProperties") != Some(&Value::Bool(false))) {
        let value = flag.value.as_ref().map_or_else(|| Ok(Value::from(!flag.negated)), |text| coerce(&Value::Null, text))?;
        checked.object.insert(flag.key.clone(), value);
        return Ok(());
    }
    let names = function.parameters.keys().map(String::as_str);
    let wanted = flag.key.replace('-', "_");
    Err(match page_size(function, &wanted).or_else(|| nearest(&wanted, names).first().copied()) {
        Some(near) => format!("is not a parameter; did you mean '{near}'?"),
        None if function.parameters.is_empty() => String::from("is not a parameter; this function takes none"),
        None => String::from("is not a parameter"),
    })
}

/// The parameter for the size of a page, where that is what is meant.
fn page_size<'a>(function: &'a Function, wanted: &str) -> Option<&'a str> {
    const USUAL: [&str; 8] = ["per_page", "page_size", "pagesize", "page_limit", "limit", "count", "max_results", "size"];
    let meant = function.pagination.is_some() && USUAL.contains(&wanted);
    USUAL.into_iter().filter(|_| meant).find_map(|name| function.parameters.get_key_value(name)).map(|(name, _)| name.as_str())
}

fn apply(function: &Function, flag: &Flag, checked: &mut Checked, lists: &mut Vec<String>) -> Result<(), String> {
    let (name, rest) = parameter(function, &flag.key);
    let Some(name) = name else { return unnamed(function, flag, checked) };
    let schema = &function.parameters[&name];
    if !rest.is_empty() {
        let inner = rest.split('.').try_fold(schema, |at, step| at.get("properties").and_then(|properties| properties.get(step)));
        let text = flag.value.clone().unwrap_or_else(|| String::from("true"));
        return put(inner.unwrap_or(&Value::Null), &text, (&name, &rest), checked, lists);
    }
    let kinds = types(schema);
    let Some(text) = &flag.value else {
        if kinds.contains(&"boolean") || kinds.is_empty() {
            checked.object.insert(name, Value::from(!flag.negated));
            return Ok(());
        }
        return Err(String::from("needs a value"));
    };
    match (function.format(&name), text.strip_prefix('@')) {
        (Some("binary"), Some("-")) => return Err(String::from("cannot be read from stdin; give a file as @path")),
        (Some("binary"), Some(path)) => {
            let path = readable(path)?;
            checked.object.shift_remove(&name);
            checked.files.insert(name, path);
            return Ok(());
        }
        (Some("binary"), None) => return Err(String::from("takes a file: write @path")),
        (Some("text-file"), Some("-")) => {
            let content = flag.stdin.clone().ok_or("stdin has nothing to read")?;
            checked.object.insert(name, Value::from(content));
            return Ok(());
        }
        (Some("text-file"), Some(path)) => {
            checked.object.insert(name, Value::from(read_text(path)?));
            return Ok(());
        }
        _ => {}
    }
    put(schema, text, (&name, ""), checked, lists)
}

/// Puts what a word means at a parameter or a path below it; words for one list come together.
fn put(schema: &Value, text: &str, (name, below): (&str, &str), checked: &mut Checked, lists: &mut Vec<String>) -> Result<(), String> {
    let kinds = types(schema);
    let list = kinds.contains(&"array") && !kinds.contains(&"string") || kinds == ["array", "null"];
    let value = if list && !text.trim_start().starts_with('[') {
        let item = coerce(schema.get("items").unwrap_or(&Value::Null), text)?;
        let key = format!("{name}.{below}");
        if lists.contains(&key) {
            let steps = below.split('.').filter(|step| !step.is_empty());
            let at = steps.fold(checked.object.get_mut(name), |at, step| at?.as_object_mut()?.get_mut(step));
            if let Some(Value::Array(items)) = at {
                items.push(item);
                return Ok(());
            }
        }
        lists.push(key);
        Value::Array(vec![item])
    } else {
        coerce(schema, text)?
    };
    let at = checked.object.entry(name).or_insert(Value::Null);
    match at {
        _ if below.is_empty() => *at = value,
        Value::Object(object) => json::insert(object, below, value),
        _ => {
            let mut object = Map::new();
            json::insert(&mut object, below, value);
            *at = Value::Object(object);
        }
    }
    Ok(())
}

/// The types a schema allows; empty where it names none.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => match schema.get("enum") {
            Some(Value::Array(options)) if options.iter().all(Value::is_string) && !options.is_empty() => vec!["string"],
            _ => ["oneOf", "anyOf"]
                .iter()
                .find_map(|word| schema.get(word))
                .and_then(Value::as_array)
                .map(|ways| ways.iter().flat_map(types).collect())
                .unwrap_or_default(),
        },
    }
}

/// A word as the schema wants it.
fn coerce(schema: &Value, text: &str) -> Result<Value, String> {
    let kinds = types(schema);
    if kinds.is_empty() {
        return Ok(by_looks(text));
    }
    for kind in &kinds {
        let value = match *kind {
            "boolean" => match text {
                "true" => Some(Value::from(true)),
                "false" => Some(Value::from(false)),
                _ => None,
            },
            "integer" => number(text).filter(|number| {
                !number.to_string().contains(['.', 'e', 'E']) || number.as_f64().is_some_and(|float| float.fract() == 0.0)
            }),
            "number" => number(text),
            "null" => (text == "null" && !kinds.contains(&"string")).then_some(Value::Null),
            "array" => parsed(text, '[').filter(Value::is_array),
            "object" => parsed(text, '{').filter(Value::is_object),
            _ => None,
        };
        if let Some(value) = value {
            return Ok(value);
        }
    }
    if kinds.contains(&"string") {
        return Ok(Value::from(text));
    }
    let shown: String = text.chars().take(60).collect();
    let wanted = kinds
        .iter()
        .map(|kind| if matches!(*kind, "array" | "object") { format!("{kind} (JSON)") } else { (*kind).to_owned() })
        .collect::<Vec<_>>()
        .join(" or ");
    Err(format!("must be {wanted}, but is '{shown}'"))
}

fn parsed(text: &str, start: char) -> Option<Value> {
    text.trim_start().starts_with(start).then(|| serde_json::from_str(text).ok()).flatten()
}

fn number(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text).ok().filter(Value::is_number)
}

/// Where the schema has no type: true, false, null and numbers are what they look like; JSON lists and objects too.
fn by_looks(text: &str) -> Value {
    match text {
        "true" => Value::from(true),
        "false" => Value::from(false),
        "null" => Value::Null,
        _ => number(text).or_else(|| parsed(text, '[')).or_else(|| parsed(text, '{')).unwrap_or_else(|| Value::from(text)),
    }
}

fn readable(path: &str) -> Result<PathBuf, String> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => std::fs::canonicalize(path).map_err(|error| format!("'{path}': {error}")),
        Ok(_) => Err(format!("'{path}' is not an ordinary file")),
        Err(error) => Err(format!("'{path}' cannot be read: {error}")),
    }
}

fn read_text(path: &str) -> Result<String, String> {
    let file = readable(path)?;
    let size = std::fs::metadata(&file).map_or(0, |meta| meta.len());
    if size > LARGEST_TEXT {
        return Err(format!("'{path}' has {size} bytes; at most {LARGEST_TEXT} can be read"));
    }
    let bytes = std::fs::read(&file).map_err(|error| format!("'{path}' cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("'{path}' is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn function() -> Function {
        serde_json::from_value(json!({
            "id": "f", "title": "F", "description": "F.", "operation": "read", "request": "GET /", "examples": [],
            "parameters": {
                "name": {"type": "string"}, "count": {"type": "integer"}, "ratio": {"type": "number"}, "draft": {"type": "boolean"},
                "label": {"type": "array", "items": {"type": "string"}}, "fields": {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "integer"}}}}, "any": {}, "assignee": {"type": ["string", "null"]},
                "per_page": {"type": "integer", "default": 5}, "level": {"type": ["integer", "null"]}
            },
            "required": ["name"]
        }))
        .unwrap()
    }

    fn flags(words: &[(&str, Option<&str>)]) -> Vec<Flag> {
        words.iter().map(|(key, value)| Flag { key: (*key).into(), value: value.map(Into::into), negated: false, stdin: None }).collect()
    }

    fn run(payload: Option<Value>, words: &[(&str, Option<&str>)]) -> Result<Value, Vec<(String, String)>> {
        let raw = RawArguments { payload: payload.map(Ok), flags: flags(words) };
        match check(&function(), &Checker::new(function().input_schema()).unwrap(), Arguments::Raw(raw)) {
            Ok(checked) => Ok(Value::Object(checked.object)),
            Err(error) => Err(error.problems.into_iter().map(|p| (p.pointer, p.message)).collect()),
        }
    }

    #[test]
    fn strings_stay_what_they_are() {
        for text in ["00123", "1e3", "+4912345", "true", "null", "{}", "@x"] {
            assert_eq!(run(None, &[("name", Some(text))]).unwrap()["name"], json!(text));
        }
    }

    #[test]
    fn values_are_coerced_by_schema() {
        let got = run(
            None,
            &[
                ("name", Some("n")),
                ("count", Some("7")),
                ("ratio", Some("1.50")),
                ("draft", None),
                ("label", Some("a")),
                ("label", Some("b,c")),
                ("fields.name", Some("x")),
                ("fields.deep.er", Some("3")),
                ("fields.tags", Some("1")),
                ("fields.tags", Some("2")),
                ("any", Some("12")),
                ("per-page", Some("9")),
                ("assignee", Some("null")),
                ("level", Some("null")),
            ],
        )
        .unwrap();
        assert_eq!(
            got.to_string(),
            r#"{"name":"n","count":7,"ratio":1.50,"draft":true,"label":["a","b,c"],"fields":{"name":"x","deep":{"er":3},"tags":[1,2]},"any":12,"per_page":9,"assignee":"null","level":null}"#
        );
    }

    #[test]
    fn flags_override_the_payload_and_defaults_fill_in() {
        let got = run(Some(json!({"name": "old", "label": ["x"]})), &[("name", Some("new")), ("label", Some(r#"["y"]"#))]).unwrap();
        assert_eq!(got, json!({"name": "new", "label": ["y"], "per_page": 5}));
    }

    #[test]
    fn all_problems_come_at_once() {
        let problems =
            run(None, &[("count", Some("x")), ("nme", Some("1")), ("draft", Some("maybe")), ("fields.tags", Some("x"))]).unwrap_err();
        let pointers: Vec<&str> = problems.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/count", "/nme", "/draft", "/fields/tags", "/name"]);
    }

    #[test]
    fn a_payload_must_be_an_object() {
        let raw = RawArguments { payload: Some(Ok(json!([1]))), flags: Vec::new() };
        assert_eq!(
            check(&function(), &Checker::new(function().input_schema()).unwrap(), Arguments::Raw(raw)).unwrap_err().code,
            Code::InvalidPayload
        );
    }
}
