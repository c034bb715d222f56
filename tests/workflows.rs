//! Workflow files as functions: found, described and checked like any other; a broken one is named and harms nothing else; those of a
//! project count only as long as it is trusted. Carrying one out is not looked at here.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::home::{Home, Run};

const TRIAGE: &str = "--[[ workflow
title: Triage issues
description: Labels new issues of a repository.
operation: write
input:
  type: object
  properties:
    repo: {type: string, description: owner/name}
    days: {type: integer, default: 30, minimum: 1}
  required: [repo]
output: {type: object, properties: {labelled: {type: integer}}}
examples: [{title: One repository, arguments: {repo: a/b}}]
synonyms: [spring cleaning]
]]
return {labelled = 0}
";

fn read_only(description: &str) -> String {
    format!("--[[ workflow\ndescription: {description}\noperation: read\n]]\nreturn 1\n")
}

fn put(path: PathBuf, text: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn own(home: &Home, name: &str, text: &str) -> PathBuf {
    put(home.root().join("config/workflows").join(name), text)
}

fn project(home: &Home, name: &str, text: &str) -> PathBuf {
    put(home.path().join("work/.angelia/workflows").join(name), text)
}

fn done(home: &Home, words: &[&str]) -> Value {
    let run = home.run(&[words, &["--json"]].concat());
    assert_eq!(run.code, 0, "{words:?}: {run:?}");
    run.json()
}

fn docs(home: &Home, page: &str) -> Run {
    home.run(&["integrations:docs", page, "--json"])
}

fn problems(home: &Home) -> Vec<(String, Value, String)> {
    let list = done(home, &["integrations:list"]);
    let all = list["problems"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter().map(|one| (text(&one["file"]), one["line"].clone(), text(&one["message"]))).collect()
}

#[test]
fn a_workflow_is_a_function_like_any_other() {
    let home = Home::new();
    assert!(done(&home, &["integrations:list"])["providers"]["workflow"].is_null(), "nothing without files");
    let file = own(&home, "triage_issues.lua", TRIAGE);
    let listed = done(&home, &["integrations:list", "--fields=all"])["providers"]["workflow"].clone();
    assert_eq!((&listed["functions"], &listed["origin"], &listed["tier"]), (&json!(1), &json!("workflows"), &json!("own")));
    assert_eq!((&listed["active"], &listed["write"]), (&json!(true), &json!("allow")), "what it calls is asked about by itself");
    for query in ["triage", "spring cleaning", "label issues of a repository"] {
        let found = done(&home, &["integrations:search", query, "--active"]);
        assert!(found["functions"].to_string().contains("workflow.triage_issues"), "{query}: {found}");
    }
    let schema = done(&home, &["integrations:schema", "workflow.triage_issues"]);
    assert_eq!((&schema["required"], &schema["properties"]["days"]["default"]), (&json!(["repo"]), &json!(30)));
    assert_eq!(schema["additionalProperties"], false);
    let output = done(&home, &["integrations:schema", "workflow.triage_issues", "--output"]);
    assert_eq!(output["properties"]["labelled"]["type"], "integer");
    let page = docs(&home, "workflow.triage_issues").json();
    assert!(page["text"].as_str().unwrap().contains(file.to_str().unwrap()), "{page:#}");
    assert_eq!(page["examples"][0]["arguments"], json!({"repo": "a/b"}));
    let page = home.run(&["integrations:docs", "workflow"]).stdout;
    assert!(page.contains("workflow.triage_issues") && !page.contains("Credentials"), "{page}");
    assert!(home.run(&["integrations:fields", "workflow"]).stdout.contains("needs no credentials"));
    let doctor = done(&home, &["integrations:doctor", "workflow"]);
    assert_eq!((&doctor["success"], &doctor["functions"]), (&json!(true), &json!(1)));
    let shell = home.run(&["__complete", "integrations:call", "workflow."]).stdout;
    assert!(shell.contains("workflow.triage_issues"), "{shell}");
    let remove = home.run(&["integrations:remove", "workflow", "--json"]);
    assert!(remove.code == 2 && remove.stdout.contains(file.to_str().unwrap()) && file.exists(), "{remove:?}");
    fs::remove_file(&file).unwrap();
    assert_eq!(docs(&home, "workflow").code, 3);
}

#[test]
fn arguments_are_held_to_the_schema() {
    let home = Home::new();
    own(&home, "triage_issues.lua", TRIAGE);
    let words: [(&[&str], &str); 4] = [
        (&[], "/repo"),
        (&["--repo=a/b", "--days=0"], "/days"),
        (&["--repo=a/b", "--days=soon"], "/days"),
        (&["--repo=a/b", "--colour=red"], "/colour"),
    ];
    for (flags, pointer) in words {
        let run = home.run(&[&["integrations:call", "workflow.triage_issues", "--json"], flags].concat());
        let detail = &run.json()["error_detail"];
        assert_eq!((run.code, &detail["code"]), (2, &json!("invalid_arguments")), "{run:?}");
        assert_eq!(detail["problems"][0]["pointer"], pointer, "{run:?}");
    }
    home.config("[integrations.workflow]\nwrite = \"deny\"\n");
    let run = home.run(&["integrations:call", "workflow.triage_issues", "--repo=a/b", "--json"]);
    assert_eq!((run.code, &run.json()["error_detail"]["code"]), (4, &json!("permission_denied")), "rules hold for it");
}

#[test]
fn a_broken_header_is_named_and_a_file_without_one_is_left_alone() {
    let home = Home::new();
    own(&home, "good.lua", &read_only("Looks."));
    own(&home, "helper.lua", "-- shared words\nreturn {}\n");
    own(&home, "notes.txt", "--[[ workflow\n]]");
    own(&home, "lib/inner.lua", &read_only("A module of a workflow."));
    assert_eq!(problems(&home), []);
    let cases = [
        ("silent.lua", String::from("--[[ workflow\ndescription: Does something.\n]]\n"), json!(null), "operation is missing"),
        ("odd.lua", TRIAGE.replace("required: [repo]", "oneOf: []"), json!(10), "oneOf"),
        ("example.lua", TRIAGE.replace("{repo: a/b}", "{repo: 7}"), json!(12), "example: /repo"),
        ("Big-Name.lua", read_only("Looks."), json!(null), "'Big-Name'"),
        ("open.lua", String::from("\n--[==[ workflow\ndescription: A."), json!(2), "not closed"),
        ("huge.lua", format!("{}--{}", read_only("Looks."), "x".repeat(256 << 10)), json!(null), "at most 256 KiB"),
    ];
    for (name, text, ..) in &cases {
        own(&home, name, text);
    }
    let found = problems(&home);
    for (name, _, line, said) in &cases {
        let fits =
            |(file, at, why): &(String, Value, String)| file.ends_with(&format!("/workflows/{name}")) && at == line && why.contains(said);
        assert!(found.iter().any(fits), "{name}: {found:#?}");
    }
    assert_eq!(found.len(), cases.len(), "{found:#?}");
    let listed = docs(&home, "workflow").json()["functions"].clone();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["function"]), (1, &json!("workflow.good")));
    let doctor = home.run(&["integrations:doctor", "--json"]);
    assert!(doctor.code == 5 && doctor.stdout.contains("/odd.lua:10: ") && doctor.stdout.contains("\"workflow\""), "{}", doctor.stdout);
}

#[test]
fn what_is_compiled_is_kept_until_a_file_changes() {
    let home = Home::new();
    let cache = home.root().join("cache/catalog-workflows.bin");
    assert_eq!(docs(&home, "workflow").code, 3);
    assert!(!cache.exists());
    own(&home, "look.lua", &read_only("Looks at the sea."));
    assert_eq!(docs(&home, "workflow").code, 0);
    let first = fs::metadata(&cache).unwrap().modified().unwrap();
    assert_eq!(docs(&home, "workflow.look").code, 0);
    assert_eq!(fs::metadata(&cache).unwrap().modified().unwrap(), first);
    own(&home, "look.lua", &read_only("Looks at the stars."));
    assert!(docs(&home, "workflow.look").stdout.contains("stars"));
    fs::write(&cache, "garbage").unwrap();
    assert!(docs(&home, "workflow.look").stdout.contains("stars"));
}

#[test]
fn a_manifest_names_no_file_to_run_and_is_not_the_workflows() {
    let home = Home::new();
    own(&home, "look.lua", &read_only("Looks."));
    let manifest = |id: &str, how: &str| {
        format!(
            "id: {id}\ntitle: Mine\ndescription: Mine.\ncategory: a\nauth_strategy: none\nservers: {{default: \"http://127.0.0.1:1\"}}\n\
             functions:\n  - {{id: run, title: Run, description: Runs., operation: read, {how}, examples: []}}\n"
        )
    };
    let whole = format!("lua: {{path: /tmp/x.lua, sha256: {}}}", "0".repeat(64));
    home.manifest("short", &manifest("short", "lua: /tmp/x.lua"));
    home.manifest("whole", &manifest("whole", &whole));
    home.manifest("workflow", &manifest("workflow", "request: GET /"));
    let found = problems(&home);
    for (file, said) in
        [("short", "lua: a manifest names no file"), ("whole", "lua: a manifest names no file"), ("workflow", "the id 'workflow' is")]
    {
        let fits = |(path, _, why): &(String, Value, String)| path.ends_with(&format!("/{file}.yaml")) && why.contains(said);
        assert!(found.iter().any(fits), "{file}: {found:#?}");
    }
    assert_eq!(docs(&home, "workflow.look").code, 0);
    for name in ["short.run", "whole.run", "workflow.run"] {
        assert_eq!(docs(&home, name).code, 3, "{name}");
    }
}

#[test]
fn workflows_of_a_project_count_while_it_is_trusted() {
    let home = Home::new();
    own(&home, "look.lua", &read_only("Looks at mine."));
    own(&home, "mine.lua", &read_only("Is mine."));
    let theirs = project(&home, "look.lua", &read_only("Looks at theirs."));
    let helper = project(&home, "lib/words.lua", "return {}\n");
    let looks = || docs(&home, "workflow.look").stdout.contains("theirs");
    let run = docs(&home, "workflow.look");
    assert!(!looks() && run.stderr.contains("workflows/") && run.stderr.contains("angelia trust"), "{run:?}");
    assert!(home.run(&["integrations:doctor"]).stdout.contains("is not trusted; ignored: workflows/"));
    let trust = || done(&home, &["trust"])["files"].as_array().unwrap().len();
    assert_eq!(trust(), 2, "the workflow and its module");
    assert!(looks() && docs(&home, "workflow.mine").code == 0);
    fs::write(&helper, "return {1}\n").unwrap();
    assert!(!looks(), "what a workflow may load is covered");
    trust();
    assert!(looks());
    fs::write(&theirs, read_only("Looks at theirs, once more.")).unwrap();
    assert!(!looks());
    trust();
    assert!(looks());
    fs::write(&theirs, "--[[ workflow\n]]").unwrap();
    trust();
    assert!(!looks() && docs(&home, "workflow.look").stdout.contains("mine"), "a broken one hides nothing");
    fs::write(helper.with_file_name("data.bin"), [0xff, 0xfe]).unwrap();
    assert_eq!(trust(), 3, "any kind of file may lie there");
}

#[cfg(unix)]
#[test]
fn linked_folders_are_not_part_of_a_project() {
    let home = Home::new();
    let aside = home.path().join("aside");
    put(aside.join("look.lua"), &read_only("Looks from aside."));
    project(&home, "near.lua", &read_only("Is near."));
    let folder = home.path().join("work/.angelia/workflows");
    std::os::unix::fs::symlink(&aside, folder.join("lib")).unwrap();
    assert_eq!(done(&home, &["trust"])["files"].as_array().unwrap().len(), 1);
    assert_eq!(docs(&home, "workflow.near").code, 0);
    fs::remove_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(&aside, &folder).unwrap();
    put(home.path().join("work/.angelia/config.toml"), "");
    done(&home, &["trust"]);
    assert_eq!(docs(&home, "workflow.look").code, 3, "what trust does not cover is not read");
}
