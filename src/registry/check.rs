//! Everything that is wrong with a manifest, at once: its text, its schema, its types, its names, its programs and schemas. What cannot be
//! read is left out and said, and the rest is looked at all the same. A file is loaded exactly when nothing is said here.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::base::json::escaped_key;
use crate::registry::advice::advice;
use crate::registry::faults::{self, Fault};
use crate::registry::function::{Function, NO_LUA, PLACEMENT_WORDS};
use crate::registry::lines::Lines;
use crate::registry::lint::{Finding, lint};
use crate::registry::manifest::Provider;
use crate::registry::schema::Checker;
use crate::registry::sense::nonsense;
use crate::registry::user::first_line;
use crate::registry::{fill, jq};

const SCHEMA: &str = include_str!("../../schemas/provider.json");

/// Members of which the schema and the rules beyond it say the same.
const SAID_ONCE: [&str; 6] = ["/id", "/title", "/operation", "/pagination", "/servers", "/verify"];

/// A thing to say about a text, with its line where there is one.
pub type Said = (Option<u64>, String);

/// What came of looking at a manifest.
#[derive(Debug, Default)]
pub struct Checked {
    /// The provider, where nothing is wrong.
    pub provider: Option<Provider>,
    /// What is wrong, by line.
    pub errors: Vec<Said>,
    /// What could be better in what can be read.
    pub advice: Vec<Said>,
}

/// Reads one manifest; every problem with its line.
pub fn parse(text: &str) -> Result<Provider, Vec<Said>> {
    let looked = Looked::at(text);
    match looked.provider {
        Some(provider) if looked.faults.is_empty() => Ok(provider),
        _ => Err(located(&Lines::of(text), &looked.value, looked.faults)),
    }
}

/// As [`parse`], with advice.
pub fn check(text: &str) -> Checked {
    let looked = Looked::at(text);
    let lines = Lines::of(text);
    let whole = looked.faults.is_empty();
    let better = looked.provider.as_ref().map(|provider| looked.advised(advice(provider))).unwrap_or_default();
    let advice = located(&lines, &looked.value, better);
    let errors = located(&lines, &looked.value, looked.faults);
    Checked { provider: looked.provider.filter(|_| whole), errors, advice }
}

/// A manifest, as far as it could be read, with the faults of it.
struct Looked {
    value: Value,
    faults: Vec<Fault>,
    provider: Option<Provider>,
    /// Where the provider's functions stand in the file.
    kept: Vec<usize>,
    /// Parts whose types did not fit, and which are not quite what is written.
    mended: HashSet<String>,
}

impl Looked {
    fn at(text: &str) -> Self {
        let mut looked = Self { value: Value::Null, faults: Vec::new(), provider: None, kept: Vec::new(), mended: HashSet::new() };
        looked.value = match looked.read(text) {
            Some(value) => without_nulls(value),
            None => return looked,
        };
        if let Some(why) = other_than_a_manifest(&looked.value) {
            looked.faults.push(Fault::new("", why));
            return looked;
        }
        match serde_json::from_str(SCHEMA).map_err(|error| error.to_string()).and_then(|schema| faults::by_schema(&schema, &looked.value)) {
            Ok(found) => looked.faults.extend(found.into_iter().map(no_file_to_run)),
            Err(why) => looked.faults.push(Fault::new("", why)),
        }
        looked.type_it();
        if let Some(provider) = looked.provider.take() {
            let mut found: Vec<Fault> = lint(&provider, false).into_iter().chain(nonsense(&provider)).map(|f| looked.placed(f)).collect();
            for (at, function) in looked.kept.iter().zip(&provider.functions) {
                found.extend(of_engine(function).into_iter().map(|fault| fault.below(&format!("/functions/{at}"))));
            }
            for (word, program) in provider.errors.programs() {
                found.extend(jq::Program::compile(program).err().map(|why| Fault::new(format!("/errors/{word}"), why)));
            }
            found.retain(|fault| !looked.says(fault));
            looked.faults.extend(found);
            looked.provider = Some(provider);
        }
        looked
    }

    /// The text as a value. Of a key that is written twice the first counts, so that the rest can be looked at.
    fn read(&mut self, text: &str) -> Option<Value> {
        let error = match serde_saphyr::from_str(text) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        for (pointer, line, first) in Lines::of(text).doubled {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            let message = format!("'{name}' is written twice, first in line {first}: keep one of them");
            self.faults.push(Fault { line: Some(line), said: true, ..Fault::new(pointer.clone(), message) });
        }
        if self.faults.is_empty() {
            let line = error.location().map(|location| location.line());
            let why = first_line(&error.without_snippet().to_string());
            self.faults.push(Fault { line, ..Fault::new("", format!("this is neither YAML nor JSON: {why}")) });
            return None;
        }
        let lenient = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::FirstWins };
        serde_saphyr::from_str_with_options(text, lenient).ok()
    }

    /// Reads the functions one by one and then the rest, so that a broken one hides no other.
    fn type_it(&mut self) {
        let Value::Object(mut head) = self.value.clone() else { return };
        let written = match head.insert(String::from("functions"), json!([])) {
            Some(Value::Array(functions)) => functions,
            _ => Vec::new(),
        };
        let mut functions = Vec::new();
        for (at, value) in written.into_iter().enumerate() {
            if let Some(function) = self.piece::<Function>(value, &format!("/functions/{at}"), |value| fill::function(value, at)) {
                functions.push(function);
                self.kept.push(at);
            }
        }
        self.provider = self.piece::<Provider>(Value::Object(head), "", fill::head);
        if let Some(provider) = &mut self.provider {
            provider.functions = functions;
        }
    }

    /// A part as its type; where it does not fit, without what the schema said of it and with what is missing filled in.
    fn piece<T: DeserializeOwned>(&mut self, value: Value, pointer: &str, complete: impl Fn(&mut Value)) -> Option<T> {
        let error = match serde_json::from_value(value.clone()) {
            Ok(piece) => return Some(piece),
            Err(error) => error,
        };
        let mut mended = value;
        let wrong = self.faults.iter().filter(|fault| fault.misshapen).filter_map(|fault| fault.pointer.strip_prefix(pointer));
        let wrong: Vec<&str> = wrong.filter(|rest| rest.starts_with('/')).collect();
        let said = self.faults.iter().any(|fault| fault.pointer.starts_with(pointer));
        fill::without(&mut mended, &wrong);
        complete(&mut mended);
        self.mended.insert(pointer.to_owned());
        let piece = serde_json::from_value(mended).ok();
        if !said {
            self.faults.push(Fault::new(pointer, error.to_string()));
        }
        piece
    }

    /// Whether the schema said it of the same place already.
    fn says(&self, fault: &Fault) -> bool {
        let whole = ["/pagination", "/id"].iter().any(|end| fault.pointer.ends_with(end)) || fault.pointer.starts_with("/paginations/");
        let one_thing = SAID_ONCE.iter().any(|end| fault.pointer.ends_with(end)) || fault.pointer.contains("/parameters/");
        let same = |known: &Fault| one_thing && known.pointer == fault.pointer;
        let below = |known: &Fault| whole && known.pointer.starts_with(&fault.pointer);
        let part_of_it =
            |known: &Fault| known.pointer.starts_with(&format!("{}/", fault.pointer)) && fault.pointer.contains("/parameters/");
        self.faults.iter().any(|known| same(known) || below(known) || part_of_it(known))
    }

    /// A finding, at its place in the file: functions that could not be read are not counted by it.
    fn placed(&self, finding: Finding) -> Fault {
        let step = finding.place.strip_prefix("/functions/").and_then(|rest| rest.split('/').next());
        let at = step.and_then(|step| step.parse::<usize>().ok());
        let real = at.and_then(|at| self.kept.get(at));
        let pointer = match (step, real) {
            (Some(step), Some(real)) => finding.place.replacen(&format!("/functions/{step}"), &format!("/functions/{real}"), 1),
            _ => finding.place,
        };
        Fault { said: true, ..Fault::new(pointer, finding.message) }
    }

    /// Advice about what is as it was written.
    fn advised(&self, found: Vec<Finding>) -> Vec<Fault> {
        let part = |pointer: &str| pointer.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let of = |fault: &Fault| if fault.pointer.starts_with("/functions/") { part(&fault.pointer) } else { String::new() };
        let found = found.into_iter().map(|finding| self.placed(finding));
        found.filter(|fault| !self.mended.contains(&of(fault)) && !self.says(fault)).collect()
    }
}

/// Faults as lines of text, in the order of the file, none twice.
fn located(lines: &Lines, value: &Value, faults: Vec<Fault>) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    for fault in faults {
        let line = fault.line.or_else(|| lines.at(&fault.pointer));
        let place = place(value, &fault);
        let said_so = if place.is_empty() { fault.message } else { format!("{place}: {}", fault.message) };
        if !said.iter().any(|(known, message)| *known == line && *message == said_so) {
            said.push((line, said_so));
        }
    }
    said.sort_by_key(|(line, _)| *line);
    said
}

/// A place in words: the function's id, then the members. Some messages name the members themselves.
fn place(value: &Value, fault: &Fault) -> String {
    let steps: Vec<String> = fault.pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let join = |steps: &[String]| if fault.said { String::new() } else { steps.join(".") };
    match steps.as_slice() {
        [first, at, rest @ ..] if first == "functions" => {
            let id = value.pointer(&format!("/functions/{at}/id")).and_then(Value::as_str);
            let name = id.map_or_else(|| format!("functions.{at}"), crate::base::name::printable);
            let rest = join(rest);
            if rest.is_empty() { name } else { format!("{name}: {rest}") }
        }
        _ => join(&steps),
    }
}

/// What the document is instead of a manifest.
fn other_than_a_manifest(value: &Value) -> Option<String> {
    let Some(members) = value.as_object() else {
        return Some(String::from("a manifest is a mapping that begins like id: my_service; angelia integrations:new makes one"));
    };
    let has = |word: &str| members.contains_key(word);
    if has("exchanges") && !has("functions") {
        return Some(String::from(
            "these are exchange tests or a recording, not a manifest: angelia integrations:lint provider.yaml --exchanges FILE",
        ));
    }
    (["openapi", "swagger"].into_iter().any(has) && !has("functions"))
        .then(|| String::from("this is an OpenAPI document: angelia integrations:import FILE makes a provider of it"))
}

/// Why a function of a manifest has no word `lua`, which a workflow's has.
fn no_file_to_run(fault: Fault) -> Fault {
    let lua = fault.pointer.starts_with("/functions/") && fault.pointer.split('/').skip(3).eq(["lua"]);
    if lua { Fault { message: NO_LUA.into(), said: true, ..fault } } else { fault }
}

/// What is left empty is not said.
fn without_nulls(mut value: Value) -> Value {
    let drop = |value: &mut Value| {
        if let Value::Object(members) = value {
            members.retain(|_, value| !value.is_null());
        }
    };
    drop(&mut value);
    for (word, part) in value.as_object_mut().into_iter().flatten() {
        match part {
            Value::Array(items) if ["functions", "credentials"].contains(&word.as_str()) => items.iter_mut().for_each(drop),
            part if ["rate_limit", "errors", "links", "oauth"].contains(&word.as_str()) => drop(part),
            _ => {}
        }
    }
    value
}

/// What needs an engine: programs compile, schemas are schemas, examples and defaults fit them.
fn of_engine(function: &Function) -> Vec<Fault> {
    let mut found = Vec::new();
    for (word, program) in [("item", &function.item), ("shape", &function.shape), ("build", &function.build)] {
        let program = program.iter().filter_map(|program| jq::Program::compile(program).err());
        found.extend(program.map(|why| Fault { said: true, ..Fault::new(format!("/{word}"), why) }));
    }
    if let Some(output) = &function.output {
        found.extend(faults::of_schema(output).into_iter().map(|fault| fault.below("/output")));
    }
    let mut sound = function.clone();
    let mut checker = Checker::new(sound.input_schema());
    if checker.is_err() {
        found.extend(unsound(&mut sound));
        checker = Checker::new(sound.input_schema());
    }
    match checker {
        Err(why) => found.push(Fault::new("/parameters", why)),
        Ok(checker) => {
            for (at, example) in sound.examples.iter().enumerate() {
                found.extend(checker.problems(example.arguments.clone()).into_iter().map(|problem| {
                    let what = problem.pointer.trim_start_matches('/').replace('/', ".");
                    let message = format!("example: {what} {}", problem.message).replace("  ", " ");
                    Fault { said: true, ..Fault::new(format!("/examples/{at}/arguments{}", problem.pointer), message) }
                }));
            }
            found.extend(defaults(&sound));
        }
    }
    found
}

/// What is wrong with the schemas of parameters, each by itself; those are taken out.
fn unsound(function: &mut Function) -> Vec<Fault> {
    let mut found = Vec::new();
    for (word, schemas) in [("parameters", &mut function.parameters), ("defs", &mut function.defs)] {
        for (name, schema) in schemas {
            // A pointer to a definition leads nowhere from a schema by itself.
            let mut wrong = faults::of_schema(&json!({"properties": {"": &*schema}}));
            wrong.retain(|fault| !fault.pointer.is_empty());
            if wrong.is_empty() {
                continue;
            }
            let at = format!("/{word}/{}", escaped_key(name));
            found.extend(wrong.into_iter().map(|mut fault| {
                fault.pointer = fault.pointer.strip_prefix("/properties/").unwrap_or_default().to_owned();
                fault.below(&at)
            }));
            *schema = json!({});
        }
    }
    found
}

/// Defaults that their own schema refuses: they would be sent, and every call that leaves the parameter out would fail.
fn defaults(function: &Function) -> Vec<Fault> {
    let mut found = Vec::new();
    for (name, schema) in &function.parameters {
        let (Some(default), Value::Object(words)) = (schema.get("default"), schema) else { continue };
        let mut words: Map<String, Value> = words.clone();
        // An empty enum is said by itself.
        let empty = |word: &str, value: &Value| word == "enum" && value.as_array().is_some_and(Vec::is_empty);
        words.retain(|word, value| !PLACEMENT_WORDS.contains(&word.as_str()) && !empty(word, value));
        words.insert(String::from("$defs"), Value::Object(function.defs.clone()));
        let at = format!("/parameters/{}/default", escaped_key(name));
        found.extend(faults::by_schema(&Value::Object(words), default).unwrap_or_default().into_iter().map(|fault| fault.below(&at)));
    }
    found
}
