//! What a JSON Schema finds wrong with a document, in words for whoever wrote it: where, what it may say instead, and what was probably
//! meant. Knows the forms of `schemas/provider.json`; arguments of calls have words of their own, in `schema`.

use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};
use serde_json::Value;

use crate::base::json::{escaped_key, plain};
use crate::base::name::{nearest, printable};
use crate::registry::schema::validator;

/// One thing wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer to it.
    pub pointer: String,
    /// What is wrong, without the place.
    pub message: String,
    /// It is of a form that the types of a manifest cannot hold.
    pub misshapen: bool,
    /// The message names the place by itself.
    pub said: bool,
    /// The line, where it is known without the place.
    pub line: Option<u64>,
}

impl Fault {
    /// A fault of a value that has the right form.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), misshapen: false, said: false, line: None }
    }

    /// The same in a part of something else.
    #[must_use]
    pub fn below(self, place: &str) -> Self {
        Self { pointer: format!("{place}{}", self.pointer), ..self }
    }
}

/// What texts must look like, by the patterns of the schema.
const PATTERNS: &[(&str, &str)] = &[
    ("^[a-z][a-z0-9_]{0,62}$", "must be a-z, 0-9 and _, a letter first, at most 63 characters"),
    ("^[a-z][a-z0-9-]{0,62}$", "must be a-z, 0-9 and -, a letter first, at most 63 characters"),
    ("^https?://", "must begin with https:// or http://"),
    ("^(https://|http://|\\{)", "must begin with https://, http:// or a credential field such as {url}"),
    ("^(GET|HEAD|POST|PUT|PATCH|DELETE) /\\S*$", "must be GET, HEAD, POST, PUT, PATCH or DELETE and a path, such as GET /items/{id}"),
    ("^(\\.|[^.\\s]+(\\.[^.\\s]+)*)$", "must be a dotted path such as data.items, or . for the whole"),
    ("^[A-Z][A-Z0-9_]*$", "must be the name of an environment variable: A-Z, 0-9 and _"),
];

/// The longest list of words that a message shows.
const MOST_SHOWN: usize = 16;

/// Members that say by their value which others there must be.
const CHOICES: [&str; 3] = ["type", "style", "grants"];

/// Everything that a schema finds wrong with a document.
pub fn by_schema(schema: &Value, document: &Value) -> Result<Vec<Fault>, String> {
    Ok(of(schema, validator(schema)?.iter_errors(document)))
}

/// Everything that is wrong with a schema itself.
pub fn of_schema(schema: &Value) -> Vec<Fault> {
    let faults = of(&Value::Null, jsonschema::draft7::meta::validator().iter_errors(schema));
    if !faults.is_empty() {
        return faults;
    }
    validator(schema).err().map(|why| Fault::new("", why)).into_iter().collect()
}

/// Everything that a validator finds wrong. `schema` is what it was made of.
fn of<'a>(schema: &Value, errors: impl Iterator<Item = ValidationError<'a>>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for error in errors {
        add(&mut faults, schema, &error);
    }
    let mut seen = std::collections::HashSet::new();
    faults.retain(|fault| seen.insert((fault.pointer.clone(), fault.message.clone())));
    faults
}

fn add(faults: &mut Vec<Fault>, schema: &Value, error: &ValidationError<'_>) {
    let at = error.instance_path().as_str();
    let mut say = |pointer: String, message: String, misshapen| faults.push(Fault { misshapen, ..Fault::new(pointer, message) });
    let own = || at.to_owned();
    let value = error.instance();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let known = known_words(schema, error);
            for name in unexpected {
                say(format!("{at}/{}", escaped_key(name)), unknown(name, &known), true);
            }
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => branches(faults, schema, at, value, context),
        Kind::OneOfMultipleValid { .. } => say(own(), String::from("says two things of which one excludes the other"), false),
        Kind::Enum { options } => say(own(), one_of(value, options), true),
        Kind::Type { kind } => say(own(), format!("must be {}, but is {}", kinds(kind), seen(value)), true),
        Kind::Required { property } => say(own(), needs(value, &plain(property)), false),
        Kind::Pattern { pattern } => {
            let words = PATTERNS.iter().find(|(known, _)| known == pattern);
            let words = words.map_or_else(|| format!("must match the pattern {pattern}"), |(_, words)| (*words).to_owned());
            say(own(), format!("{words}, but is {}", seen(value)), false);
        }
        Kind::PropertyNames { error } => {
            let name = plain(error.instance());
            let mut inner = Vec::new();
            add(&mut inner, schema, error);
            let message = inner.pop().map_or_else(|| error.to_string(), |fault| fault.message);
            say(format!("{at}/{}", escaped_key(&name)), format!("the name {message}"), false);
        }
        Kind::MinItems { limit: 1 } | Kind::MinLength { limit: 1 } => say(own(), String::from("must not be empty"), false),
        Kind::Maximum { limit } => say(own(), format!("must be at most {limit}, but is {}", seen(value)), true),
        Kind::Minimum { limit } => say(own(), format!("must be at least {limit}, but is {}", seen(value)), true),
        Kind::Format { format } if format == "regex" => say(own(), format!("{} is no regular expression", seen(value)), false),
        Kind::UniqueItems => say(own(), String::from("says something twice"), false),
        _ => say(own(), printable(&error.to_string()), false),
    }
}

/// Of several forms, what is wrong with the one that was meant: the one whose kind of value it is.
fn branches(faults: &mut Vec<Fault>, schema: &Value, at: &str, value: &Value, context: &[Vec<ValidationError<'static>>]) {
    let here = |error: &ValidationError<'_>| error.instance_path().as_str() == at;
    let of_kind = |branch: &&Vec<ValidationError<'static>>| !branch.iter().any(|e| here(e) && matches!(e.kind(), Kind::Type { .. }));
    let meant: Vec<&Vec<ValidationError<'static>>> = context.iter().filter(of_kind).collect();
    let missing = |branch: &Vec<ValidationError<'static>>| match branch.as_slice() {
        [error] if here(error) => match error.kind() {
            Kind::Required { property } => Some(plain(property)),
            _ => None,
        },
        _ => None,
    };
    let choices: Vec<String> = meant.iter().filter_map(|branch| missing(branch)).collect();
    if choices.len() == meant.len() && choices.len() > 1 {
        let like = if choices.iter().any(|choice| choice == "request") { ", such as request: GET /items" } else { "" };
        return faults.push(Fault::new(at, format!("needs one of {}{like}", choices.join(", "))));
    }
    match meant.into_iter().min_by_key(|branch| branch.len()) {
        Some(branch) => branch.iter().for_each(|error| add(faults, schema, error)),
        None => {
            let mut forms: Vec<String> = Vec::new();
            for error in context.iter().flatten() {
                if let Kind::Type { kind } = error.kind() {
                    forms.push(kinds(kind));
                }
            }
            let message = format!("must be {}, but is {}", forms.join(" or "), seen(value));
            faults.push(Fault { misshapen: true, ..Fault::new(at, message) });
        }
    }
}

/// The members that the schema knows at the place of an error.
fn known_words(schema: &Value, error: &ValidationError<'_>) -> Vec<String> {
    let path = error.schema_path().as_str();
    let node = path.rsplit_once('/').and_then(|(above, _)| schema.pointer(above));
    let words = node.and_then(|node| node.get("properties")).and_then(Value::as_object);
    words.into_iter().flatten().map(|(word, _)| word.clone()).collect()
}

fn unknown(name: &str, known: &[String]) -> String {
    match nearest(name, known.iter().map(String::as_str)).first() {
        Some(near) => format!("is not known here; did you mean '{near}'?"),
        None if known.is_empty() || known.len() > MOST_SHOWN => String::from("is not known here"),
        None => format!("is not known here; known are {}", known.join(", ")),
    }
}

fn one_of(value: &Value, options: &Value) -> String {
    let mut options: Vec<String> = options.as_array().into_iter().flatten().map(plain).collect();
    let near = value.as_str().and_then(|wrong| nearest(wrong, options.iter().map(String::as_str)).first().map(|near| (*near).to_owned()));
    if let Some(at) = near.as_ref().and_then(|near| options.iter().position(|option| option == near)) {
        options[..=at].rotate_right(1);
    }
    let meant = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
    format!("must be one of {}, but is {}{meant}", options.join(", "), seen(value))
}

/// What is missing, and what asks for it.
fn needs(value: &Value, word: &str) -> String {
    let choice = CHOICES.iter().find_map(|choice| Some((*choice, value.get(choice)?)));
    match choice {
        Some((choice, chosen)) if word != choice && (chosen.is_string() || chosen.is_array()) => {
            let chosen = chosen.as_array().map_or_else(|| plain(chosen), |all| all.iter().map(plain).collect::<Vec<_>>().join(", "));
            format!("needs '{word}' with {choice}: {}", printable(&chosen))
        }
        _ => format!("needs '{word}', which is missing"),
    }
}

fn kinds(kind: &TypeKind) -> String {
    let word = |name: &str| match name {
        "array" => String::from("a list"),
        "object" => String::from("a mapping"),
        "string" => String::from("text"),
        "boolean" => String::from("true or false"),
        "integer" => String::from("a whole number"),
        "number" => String::from("a number"),
        other => other.to_owned(),
    };
    match kind {
        TypeKind::Single(one) => word(&one.to_string()),
        TypeKind::Multiple(many) => many.iter().map(|one| word(&one.to_string())).collect::<Vec<_>>().join(" or "),
    }
}

/// A value in a message.
fn seen(value: &Value) -> String {
    match value {
        Value::Null => String::from("empty"),
        Value::String(text) => format!("'{}'", printable(text)),
        Value::Array(_) => String::from("a list"),
        Value::Object(_) => String::from("a mapping"),
        other => printable(&other.to_string()),
    }
}
