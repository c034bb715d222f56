//! JSON Schema at work: validates an argument object and says every problem at once, in words for people.
//! No remote or file references are ever followed (the crate is built without them).

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use crate::base::error::{Problem, REQUIRED};
use crate::base::json::escaped_key;
use crate::base::name::nearest;

/// A function's input schema, compiled. Compiling takes a thousand times as long as validating.
pub struct Checker {
    schema: Value,
    validator: Validator,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Checker {
    /// Compiles a schema; the error says what is wrong with it.
    pub fn new(schema: Value) -> Result<Self, String> {
        Ok(Self { validator: validator(&schema)?, schema })
    }

    /// Everything that is wrong with an argument object.
    pub fn problems(&self, arguments: Map<String, Value>) -> Vec<Problem> {
        let instance = Value::Object(arguments);
        let mut problems = Vec::new();
        for error in self.validator.iter_errors(&instance) {
            push(&mut problems, error.instance_path().as_str(), error.kind(), &error.to_string(), &self.schema);
        }
        problems
    }
}

/// Validates any value; for manifests' own examples.
pub fn valid(schema: &Value, instance: &Value) -> Result<(), String> {
    let said: Vec<String> = faults(schema, instance)?.into_iter().map(|(place, fault)| format!("{place}: {fault}")).collect();
    if said.is_empty() { Ok(()) } else { Err(said.join("; ")) }
}

/// Everything that is wrong with a value: where, and what.
pub fn faults(schema: &Value, instance: &Value) -> Result<Vec<(String, String)>, String> {
    let validator = validator(schema)?;
    Ok(validator.iter_errors(instance).map(|error| (error.instance_path().to_string(), error.to_string())).collect())
}

/// Draft 7 compiles its meta-schema four times faster; the newer one is used where the schema has its words.
pub(super) fn validator(schema: &Value) -> Result<Validator, String> {
    const NEWER: [&str; 8] = [
        "$dynamicRef",
        "prefixItems",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedItems",
        "unevaluatedProperties",
        "minContains",
        "maxContains",
    ];
    let draft = if has_word(schema, &NEWER) { Draft::Draft202012 } else { Draft::Draft7 };
    jsonschema::options()
        .with_draft(draft)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .build(schema)
        .map_err(|error| format!("the function's schema is broken: {error}"))
}

fn has_word(schema: &Value, words: &[&str]) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(key, value)| words.contains(&key.as_str()) || has_word(value, words)),
        Value::Array(items) => items.iter().any(|item| has_word(item, words)),
        _ => false,
    }
}

fn push(problems: &mut Vec<Problem>, path: &str, kind: &Kind, said: &str, schema: &Value) {
    match kind {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            problems.push(Problem { pointer: format!("{path}/{}", escaped_key(name)), message: REQUIRED.into() });
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                problems.push(Problem { pointer: format!("{path}/{}", escaped_key(name)), message: unknown(schema, path, name) });
            }
        }
        Kind::AnyOf { context } if context.iter().flatten().all(|error| matches!(error.kind(), Kind::Required { .. })) => {
            let names = context.iter().flatten().filter_map(|error| match error.kind() {
                Kind::Required { property } => property.as_str().map(str::to_owned),
                _ => None,
            });
            let message = format!("needs at least one of: {}", names.collect::<Vec<_>>().join(", "));
            problems.push(Problem { pointer: path.into(), message });
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let mut reasons: Vec<String> = context.iter().flatten().map(ToString::to_string).collect();
            reasons.dedup();
            reasons.truncate(4);
            problems
                .push(Problem { pointer: path.into(), message: format!("fits none of the allowed forms ({})", cut(&reasons.join("; "))) });
        }
        _ => problems.push(Problem { pointer: path.into(), message: cut(said) }),
    }
}

fn unknown(schema: &Value, path: &str, name: &str) -> String {
    let known = path
        .split('/')
        .skip(1)
        .try_fold(schema, |at, step| at.get("properties").and_then(|properties| properties.get(step)))
        .and_then(|at| at.get("properties"))
        .and_then(Value::as_object);
    let names = known.map(|known| known.keys().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
    match nearest(name, names.iter().copied()).first() {
        Some(near) => format!("is not a parameter; did you mean '{near}'?"),
        None if names.is_empty() => String::from("is not a parameter; this function takes none"),
        None => String::from("is not a parameter"),
    }
}

/// A message repeats the value; long values are cut.
fn cut(text: &str) -> String {
    const LONGEST: usize = 300;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST / 2).collect();
    let tail: Vec<char> = text.chars().rev().take(LONGEST / 2).collect();
    format!("{head} … {}", tail.into_iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(arguments: Value) -> Vec<(String, String)> {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"}, "count": {"type": "integer"}, "due": {"type": "string", "format": "date"},
                "kind": {"enum": ["a", "b"]}
            },
            "required": ["name", "count"],
            "additionalProperties": false
        });
        let Value::Object(arguments) = arguments else { panic!("an object") };
        Checker::new(schema).unwrap().problems(arguments).into_iter().map(|p| (p.pointer, p.message)).collect()
    }

    #[test]
    fn all_problems_are_said_at_once() {
        let found = check(json!({"nam": 1, "count": "x", "due": "soon", "kind": "c"}));
        let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        for pointer in ["/nam", "/count", "/due", "/kind", "/name"] {
            assert!(pointers.contains(&pointer), "{pointer} in {found:?}");
        }
        assert!(found.contains(&("/nam".into(), "is not a parameter; did you mean 'name'?".into())));
        assert!(found.contains(&("/name".into(), REQUIRED.into())));
    }

    #[test]
    fn good_arguments_have_no_problem() {
        assert!(check(json!({"name": "x", "count": 1, "due": "2026-01-31", "kind": "a"})).is_empty());
    }
}
