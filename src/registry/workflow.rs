//! Workflow files as functions: the long comment that opens a Lua file says in YAML what the function takes and does. Only that
//! comment is read here; the program below it is neither looked at nor run.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::base::name::is_id;
use crate::registry::function::{Example, Function, Operation, PLACEMENT_WORDS, WORKFLOWS};
use crate::registry::manifest::Provider;
use crate::registry::schema::Checker;
use crate::registry::{lint, user};

/// A workflow file larger than this is refused.
pub const LARGEST: u64 = 256 << 10;

/// One thing wrong, with its line where known.
/// What is wrong with a header, with its line where known.
pub type Problem = (Option<u64>, String);

/// The header as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: Option<String>,
    title: Option<String>,
    description: Option<String>,
    operation: Option<Operation>,
    input: Option<Input>,
    output: Option<Value>,
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(default)]
    synonyms: Vec<String>,
    #[serde(default)]
    prompt: bool,
}

/// The JSON Schema of the arguments, as far as a function's parameters can say it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Input {
    #[serde(rename = "type")]
    kind: Option<String>,
    properties: Map<String, Value>,
    required: Vec<String>,
    additional_properties: Option<bool>,
    #[serde(rename = "description")]
    _description: Option<String>,
}

/// Where the header's YAML stands.
struct Comment<'a> {
    yaml: &'a str,
    /// Lines before the YAML's first one.
    before: u64,
    /// The comment's end has a line of its own.
    tidy: bool,
}

impl Comment<'_> {
    /// The line of a top-level key, or of one below `input`.
    fn line_of(&self, key: &str) -> Option<u64> {
        let wanted = format!("{key}:");
        self.yaml.lines().position(|line| line.trim_start().starts_with(&wanted)).map(|line| self.before + line as u64 + 1)
    }
}

/// Reads a workflow file. `None` when it has no header: then it is a module for other files, and no function.
pub fn parse(stem: &str, text: &str) -> Result<Option<Function>, Vec<Problem>> {
    let Some(comment) = comment(text)? else { return Ok(None) };
    let header: Header = serde_saphyr::from_str(comment.yaml).map_err(|error| {
        let line = error.location().map(|location| comment.before + location.line());
        let why = error.without_snippet().to_string();
        let torn = if comment.tidy { "" } else { " (the comment ends at its first ]]; --[==[ … ]==] may hold some)" };
        vec![(line, format!("{}{torn}", why.lines().next().unwrap_or_default()))]
    })?;
    let mut found = head_problems(stem, &header, &comment);
    let input = header.input.unwrap_or_default();
    found.extend(input_problems(&input, &comment));
    let mut examples = header.examples;
    if examples.is_empty() && input.required.is_empty() {
        examples.push(Example { title: None, arguments: Map::new() });
    }
    let made = serde_json::from_value(json!({
        "id": stem, "title": header.title.unwrap_or_else(|| title(stem)), "description": header.description.unwrap_or_default(),
        "operation": header.operation.unwrap_or(Operation::Destructive), "parameters": input.properties, "required": input.required,
        "output": header.output, "examples": examples, "synonyms": header.synonyms, "prompt": header.prompt,
    }));
    let function: Function = made.map_err(|error| vec![(None, error.to_string())])?;
    if found.is_empty() {
        found = schema_problems(&function, &comment);
    }
    if found.is_empty() { Ok(Some(function)) } else { Err(found) }
}

/// The provider of all workflows.
pub fn provider(functions: Vec<Function>) -> Result<Provider, String> {
    let mut provider: Provider = serde_json::from_value(json!({
        "id": WORKFLOWS, "title": "Workflows", "description": "Lua files of yours and of this project that are called like any other function.",
        "category": "local", "auth_strategy": "none", "synonyms": ["script", "automation", "lua"],
        "compatibility_summary": "Runs inside this program; what a workflow calls passes every check by itself.",
    }))
    .map_err(|error| error.to_string())?;
    provider.functions = functions;
    Ok(provider)
}

fn comment(text: &str) -> Result<Option<Comment<'_>>, Vec<Problem>> {
    let mut start = text.trim_start_matches('\u{feff}');
    if start.starts_with("#!") {
        start = start.split_once('\n').map_or("", |(_, rest)| rest);
    }
    let start = start.trim_start();
    let Some(rest) = start.strip_prefix("--[") else { return Ok(None) };
    let level = rest.bytes().take_while(|byte| *byte == b'=').count();
    let Some((word, body)) = rest[level..].strip_prefix('[').and_then(|inside| inside.split_once('\n')) else { return Ok(None) };
    if word.trim() != WORKFLOWS {
        return Ok(None);
    }
    let before = text[..text.len() - start.len()].matches('\n').count() as u64 + 1;
    let end = format!("]{}]", "=".repeat(level));
    match body.split_once(&end) {
        Some((yaml, _)) => {
            Ok(Some(Comment { yaml, before, tidy: yaml.lines().last().is_none_or(|last| last.trim().is_empty()) || yaml.ends_with('\n') }))
        }
        None => Err(vec![(Some(before), format!("the comment of the header is not closed: {end} is missing"))]),
    }
}

fn head_problems(stem: &str, header: &Header, comment: &Comment<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    if !is_id(stem) {
        let why = format!("the file's name '{stem}' must be a-z, 0-9 and _, at most 63 characters: it is the function's name");
        found.push((None, why));
    }
    if let Some(name) = header.name.as_ref().filter(|name| *name != stem) {
        found.push((comment.line_of("name"), format!("name: '{name}' differs from the file's name '{stem}'")));
    }
    if header.description.as_ref().is_none_or(|text| text.trim().is_empty()) {
        found.push((comment.line_of("description"), String::from("description is missing: one sentence that says what it is for")));
    }
    if header.operation.is_none() {
        found.push((
            comment.line_of("operation"),
            String::from("operation is missing: it says what the workflow does: read, write or destructive"),
        ));
    }
    if header.prompt && header.operation.is_some_and(|operation| operation != Operation::Read) {
        let why = String::from("prompt: a prompt is offered to be read: operation must be read");
        found.push((comment.line_of("prompt"), why));
    }
    if header.output.as_ref().is_some_and(|schema| !schema.is_object()) {
        found.push((comment.line_of("output"), String::from("output must be a JSON Schema object")));
    }
    found
}

fn input_problems(input: &Input, comment: &Comment<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    if input.kind.as_ref().is_some_and(|kind| kind != "object") {
        found.push((comment.line_of("input"), String::from("input must have type: object: arguments have names")));
    }
    if input.additional_properties == Some(true) {
        let why = String::from("input takes no other arguments than its properties: additionalProperties can only be false");
        found.push((comment.line_of("additionalProperties"), why));
    }
    for (name, schema) in &input.properties {
        for word in PLACEMENT_WORDS.into_iter().filter(|word| schema.get(word).is_some()) {
            found.push((comment.line_of(name), format!("parameter '{name}': '{word}' is for requests; a workflow sends none by itself")));
        }
    }
    found
}

fn schema_problems(function: &Function, comment: &Comment<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    lint::lint_schemas(function, &mut |_, said| found.push((comment.line_of("input"), said)));
    if let Err(why) = Checker::new(function.input_schema()) {
        found.push((comment.line_of("input"), why));
    }
    if let Some(Err(why)) = function.output.clone().map(Checker::new) {
        found.push((comment.line_of("output"), why));
    }
    if found.is_empty() {
        found.extend(user::engine_checks(function).into_iter().map(|said| (comment.line_of("examples"), said)));
    }
    found
}

/// `triage_issues` as a title.
fn title(stem: &str) -> String {
    let words = stem.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "--[[ workflow\ndescription: Labels new issues.\noperation: write\n";

    fn said(text: &str) -> Vec<Problem> {
        parse("triage_issues", text).unwrap_err()
    }

    #[test]
    fn a_header_becomes_a_function() {
        let text = format!("{HEAD}name: triage_issues\ninput:\n  properties: {{days: {{type: integer}}}}\n]]\nreturn 1\n");
        let function = parse("triage_issues", &text).unwrap().unwrap();
        assert_eq!(
            (function.id.as_str(), function.title.as_str(), function.operation),
            ("triage_issues", "Triage issues", Operation::Write)
        );
        assert_eq!(function.input_schema()["properties"]["days"]["type"], "integer");
        assert_eq!(function.examples.len(), 1, "a call without arguments is an example where none is needed");
    }

    #[test]
    fn a_reading_workflow_may_be_a_prompt() {
        let head = "--[[ workflow\ndescription: Asks for a summary.\noperation: read\n";
        let prompt = |more: &str| parse("summary", &format!("{head}{more}]]")).unwrap().unwrap().prompt;
        assert!(prompt("prompt: true\n") && !prompt("prompt: false\n") && !prompt(""));
    }

    #[test]
    fn a_file_without_header_is_no_function() {
        for text in
            ["", "return {}", "-- workflow\n", "--[[ notes\n]]", "--[[ workflows\n]]", "--[[ workflow ]]", "local x\n--[[ workflow\n]]"]
        {
            assert!(parse("x", text).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn comments_of_any_level_hold_a_header() {
        let text = "\n\n--[==[ workflow\ndescription: A.\noperation: read\ninput: {properties: {x: {enum: [[1]]}}}\n]==] return 1";
        assert!(parse("x", text).unwrap().is_some());
        let torn = text.replace("==", "");
        let found = said(&torn);
        assert!(found[0].1.contains("first ]]"), "{found:?}");
        assert_eq!(
            said("\n--[=[ workflow\ndescription: A."),
            [(Some(2), "the comment of the header is not closed: ]=] is missing".into())]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let table = [
            (
                "--[[ workflow\ndescription: A.\n]]",
                None,
                "operation is missing: it says what the workflow does: read, write or destructive",
            ),
            ("--[[ workflow\noperation: read\n]]", None, "description"),
            ("--[[ workflow\noperation: look\n]]", Some(2), "look"),
            (&format!("{HEAD}colour: red\n]]"), Some(4), "colour"),
            (&format!("{HEAD}prompt: true\n]]"), Some(4), "operation must be read"),
            (&format!("{HEAD}name: other\n]]"), Some(4), "differs from the file's name"),
            (&format!("{HEAD}input:\n  type: array\n]]"), Some(4), "type: object"),
            (&format!("{HEAD}input:\n  oneOf: []\n]]"), Some(5), "oneOf"),
            (&format!("{HEAD}input:\n  additionalProperties: true\n]]"), Some(5), "can only be false"),
            (&format!("{HEAD}input:\n  required: [repo]\n]]"), Some(4), "required parameter 'repo' is not defined"),
            (&format!("{HEAD}input: {{properties: {{a: 1}}}}\n]]"), Some(4), "must be a JSON Schema object"),
            (&format!("{HEAD}input: {{properties: {{a: {{type: strung}}}}}}\n]]"), Some(4), "strung"),
            (&format!("{HEAD}input:\n  properties:\n    a: {{in: path}}\n]]"), Some(6), "'in' is for requests"),
            (&format!("{HEAD}output: {{type: strung}}\n]]"), Some(4), "strung"),
            (&format!("{HEAD}examples: [{{arguments: {{a: 1}}}}]\n]]"), Some(4), "example: "),
        ];
        for (text, line, part) in table {
            let found = said(text);
            assert!(found.iter().any(|(at, why)| *at == line && why.contains(part)), "{text}: {found:?}");
        }
        assert!(parse("Bad-Name", &format!("{HEAD}]]")).unwrap_err()[0].1.contains("'Bad-Name' must be"));
    }
}
