//! Rules that hold over all providers at once: what the compiler of the catalog does not check, because it needs an engine,
//! and what makes a large catalog one thing: names, words and promises. Every test names all places that break its rule.
//! What a function sends and understands is the business of the exchange tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use angelia::call::args;
use angelia::call::body;
use angelia::call::request::Arguments;
use angelia::registry::advice::advice;
use angelia::registry::catalog::Catalog;
use angelia::registry::check::check;
use angelia::registry::docs::{Format, function_page};
use angelia::registry::function::Function;
use angelia::registry::jq::Program;
use angelia::registry::lint::lint;
use angelia::registry::manifest::Provider;
use angelia::registry::schema::{Checker, valid};
use angelia::registry::user::engine_checks;

use crate::support::home::Home;

/// What is advised and not followed, and why: function or provider, a part of what is said, the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("data.collections", "first word", "the listing of collections itself, beside list, which lists the documents of one"),
    ("script.run", "first word", "a script is run, and changes nothing but through the calls that it makes"),
    ("slack.get_upload_url", "first word", "Slack's name; it makes a file that waits for its bytes"),
    ("todoist.quick_add_task", "first word", "Todoist's name for adding by one line of text"),
    ("clickup.delete_dependency", "deletes", "simply put back by the call that made it"),
    ("clickup.delete_task_link", "deletes", "simply put back by the call that made it"),
    ("arxiv", "verify", "needs no account, and every function needs words, ids or a category"),
    ("open_meteo", "verify", "needs no account, and every function needs a place"),
    ("script", "verify", "needs no account, and no script is usual"),
];

/// The least number of functions.
const LEAST: &[(&str, usize)] = &[("github", 60), ("plane", 33)];

struct File {
    folder: String,
    provider: Provider,
}

fn files() -> Vec<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(folder.join("provider.yaml")).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let provider = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        files.push(File { folder: folder.file_name().unwrap().to_string_lossy().into_owned(), provider });
    }
    files.sort_by(|a, b| a.folder.cmp(&b.folder));
    assert!(files.len() >= 13, "only {} providers were found", files.len());
    files
}

fn report(rule: &str, failures: &[String]) {
    assert!(failures.is_empty(), "{rule}\n  {}\n{} found\n", failures.join("\n  "), failures.len());
}

/// What a rule says of each function, with the function's full name.
fn in_functions(mut rule: impl FnMut(&Provider, &Function, &str) -> Vec<String>) -> Vec<String> {
    let mut failures = Vec::new();
    for File { provider, .. } in &files() {
        for function in &provider.functions {
            let name = format!("{}.{}", provider.id, function.id);
            failures.extend(rule(provider, function, &name).into_iter().map(|said| format!("{name}: {said}")));
        }
    }
    failures
}

fn in_providers(mut rule: impl FnMut(&Provider) -> Vec<String>) -> Vec<String> {
    files().iter().flat_map(|File { provider, .. }| rule(provider).into_iter().map(|said| format!("{}: {said}", provider.id))).collect()
}

#[test]
fn manifests_hold_together() {
    let mut failures = in_providers(|provider| {
        let findings =
            lint(provider, true).into_iter().map(|finding| format!("{}: {}", finding.function.unwrap_or_default(), finding.message));
        let programs = [&provider.errors.failed_when, &provider.errors.rate_limited_when].into_iter().flatten();
        findings.chain(programs.filter_map(|program| Program::compile(program).err())).collect()
    });
    failures.extend(in_functions(|_, function, _| engine_checks(function)));
    report("jq programs compile, examples validate, names lead somewhere.", &failures);
}

/// What the program refuses from others it does not have itself.
#[test]
fn built_in_manifests_are_right_by_the_rules_for_everyone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let mut failures = Vec::new();
    for File { folder: id, .. } in &files() {
        let found = check(&std::fs::read_to_string(folder.join(id).join("provider.yaml")).unwrap()).errors;
        let ours = |message: &str| message.ends_with("native functions are for built-in manifests");
        failures.extend(found.into_iter().filter(|(_, said)| !ours(said)).map(|(line, said)| format!("{id}:{line:?}: {said}")));
    }
    report("Built-in manifests load like those of anyone.", &failures);
}

#[test]
fn the_embedded_catalog_is_what_the_files_say() {
    let catalog = Catalog::built_in().unwrap();
    let files = files();
    assert_eq!(catalog.ids().unwrap(), files.iter().map(|file| file.folder.clone()).collect::<Vec<_>>());
    for File { folder, provider } in &files {
        let opened = catalog.provider(folder).unwrap();
        for (compiled, written) in opened.functions.iter().zip(&provider.functions) {
            // What a function answers is sketched where its file does not say it.
            let as_written = Function { output: written.output.clone(), ..compiled.clone() };
            assert!(
                compiled.output.is_some() && (written.output.is_none() || compiled.output == written.output),
                "{folder}.{}",
                written.id
            );
            assert_eq!(serde_json::to_value(&as_written).unwrap(), serde_json::to_value(written).unwrap(), "{folder}");
        }
        assert_eq!(opened.functions.len(), provider.functions.len(), "{folder}");
        let head = |provider: &Provider| {
            let mut value = serde_json::to_value(provider).unwrap();
            value["functions"] = Value::Null;
            value
        };
        assert_eq!(head(&opened.provider), head(provider), "{folder}");
    }
}

#[test]
fn what_is_said_of_an_answer_fits_the_answers_of_the_exchange_tests() {
    let catalog = Catalog::built_in().unwrap();
    let (mut failures, mut checked) = (Vec::new(), 0);
    for File { folder, provider } in &files() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers").join(folder).join("exchanges.yaml");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let tests: Value = serde_saphyr::from_str(&text).unwrap();
        for function in &provider.functions {
            let output = catalog.function(&format!("{folder}.{}", function.id)).unwrap().function.output.clone().unwrap();
            let cases = tests["exchanges"][&function.id].as_array().into_iter().flatten();
            let results: Vec<&Value> = cases.filter_map(|case| case.get("result")).collect();
            if let Some(example) = results.iter().find(|result| !result.is_null()).or(results.first()) {
                checked += 1;
                failures.extend(valid(&output, example).err().map(|why| format!("{folder}.{}: {why}", function.id)));
            }
        }
    }
    report("A sketch accepts the answer it was made from.", &failures);
    assert!(checked > 600, "only {checked} answers were looked at");
}

#[test]
fn pages_sketch_the_answer_in_few_lines() {
    let catalog = Catalog::built_in().unwrap();
    let failures = in_functions(|_, _, name| {
        let callable = catalog.function(name).unwrap();
        let page = function_page(&callable, "active", Format::Markdown);
        let answer = page.split("## Answer\n").nth(1).map(|rest| rest.split("\n## ").next().unwrap_or_default());
        match answer.map(|text| text.lines().filter(|line| line.starts_with("- `")).count()) {
            None => vec![String::from("its page does not say what it answers")],
            Some(0) if !page.contains("Nothing (null).") => vec![String::from("its answer has no line")],
            Some(lines) if lines > 30 => vec![format!("its answer has {lines} lines")],
            Some(_) => Vec::new(),
        }
    });
    report("A page says what comes back.", &failures);
    let page = function_page(&catalog.function("linear.list_issues").unwrap(), "active", Format::Text);
    assert!(
        page.contains("  issues[].identifier") && page.contains(" more: angelia integrations:schema linear.list_issues --output"),
        "{page}"
    );
}

#[test]
fn schemas_of_answers_can_be_read() {
    let home = Home::new();
    let schema = |name: &str| {
        let run = home.run(&["integrations:schema", name, "--output"]);
        assert_eq!(run.code, 0, "{run:?}");
        run.json()
    };
    let user = schema("github.get_user");
    assert_eq!((&user["type"], &user["title"]), (&"object".into(), &"github.get_user".into()));
    assert_eq!(user["properties"]["created_at"], serde_json::json!({"type": "string", "format": "date-time"}));
    assert!(user["$comment"].as_str().unwrap().contains("example"), "it is not taken for more than it is");
    assert_eq!(schema("github.delete_repository")["type"], "null");
    assert!(schema("jira.download_attachment")["properties"]["base64"].is_object());
    let documents = schema("data.list");
    assert!(documents["$comment"].is_null() && documents["properties"]["documents"]["items"]["required"].is_array());
}

#[test]
fn every_example_becomes_a_request() {
    let failures = in_functions(|provider, function, _| {
        if function.native.is_some() {
            return Vec::new();
        }
        let checker = Checker::new(function.input_schema()).unwrap();
        let mut said = Vec::new();
        for (number, example) in function.examples.iter().enumerate() {
            let arguments = Arguments::Ready { object: example.arguments.clone(), files: BTreeMap::new() };
            let built = args::check(function, &checker, arguments)
                .and_then(|checked| body::build(provider, function, "https://service.example/base", &checked));
            match built {
                Ok(built) if built.url.path().starts_with("/base") => {}
                Ok(built) => said.push(format!("example {number} leads to {}", built.url)),
                Err(error) => said.push(format!("example {number}: {} {:?}", error.message, error.problems)),
            }
        }
        if function.examples.is_empty() {
            said.push(String::from("has no example"));
        }
        said
    });
    report("An example is a call that can be made.", &failures);
}

#[test]
fn schemas_are_json_schema_and_refuse_what_is_wrong() {
    let failures = in_functions(|_, function, _| {
        let schema = function.input_schema();
        let mut said = Vec::new();
        for (name, schema) in [("input", Some(&schema)), ("output", function.output.as_ref())] {
            let wrong = schema.and_then(|schema| jsonschema::draft202012::meta::validate(schema).err());
            said.extend(wrong.map(|error| format!("{name} schema: {error} at {}", error.instance_path())));
        }
        let checker = Checker::new(schema).unwrap();
        let pointers = |object: Map<String, Value>| checker.problems(object).into_iter().map(|problem| problem.pointer).collect::<Vec<_>>();
        let Some(example) = function.examples.first().map(|example| example.arguments.clone()) else { return said };
        for name in &function.required {
            let mut without = example.clone();
            without.remove(name);
            if pointers(without) != [format!("/{name}")] {
                said.push(format!("'{name}' is required and may be left out"));
            }
        }
        let mut more = example;
        more.insert(String::from("no_such_parameter"), Value::Null);
        if pointers(more) != ["/no_such_parameter"] {
            said.push(String::from("takes a parameter that it does not have"));
        }
        said
    });
    report("Schemas are valid JSON Schema 2020-12 and are held to.", &failures);
}

#[test]
fn every_name_is_one_thing() {
    let mut names = BTreeSet::new();
    let failures = in_functions(|_, function, name| {
        let mut said = Vec::new();
        if !names.insert(name.to_owned()) {
            said.push(String::from("is there twice"));
        }
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !plain(&function.id) || !function.id.starts_with(|first: char| first.is_ascii_lowercase()) || function.id.ends_with('_') {
            said.push(String::from("is no snake_case name"));
        }
        said
    });
    report("Functions have names of their own.", &failures);
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    for File { folder, provider } in files() {
        assert_eq!(folder, provider.id, "a provider's folder has its name");
        assert_eq!(titles.insert(provider.title.to_lowercase(), folder), None, "two providers are called {}", provider.title);
    }
}

#[test]
fn advice_is_followed() {
    let mut needed = BTreeSet::new();
    let failures = in_providers(|provider| {
        let mut said = Vec::new();
        for finding in advice(provider) {
            let place = finding.function.map_or_else(|| provider.id.clone(), |function| format!("{}.{function}", provider.id));
            match EXCEPTIONS.iter().find(|(known, part, _)| *known == place && finding.message.contains(part)) {
                Some(exception) => _ = needed.insert(exception),
                None => said.push(format!("{place}: {}", finding.message)),
            }
        }
        said
    });
    report("Names, words and promises by which a large catalog is one thing.", &failures);
    assert_eq!(needed, EXCEPTIONS.iter().collect(), "an exception that is no longer needed");
}

#[test]
fn promised_depth_is_there() {
    for (id, least) in LEAST {
        let found = files().into_iter().find(|file| file.provider.id == *id).map_or(0, |file| file.provider.functions.len());
        assert!(found >= *least, "{id} has {found} functions, at least {least} were promised");
    }
}
