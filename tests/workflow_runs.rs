//! Workflow files that are called, and the tests of workflows: what a function of one's own may do, what a dry run of it shows, and how
//! `lua:test` keeps a test away from the world. How such files are found and described is tested in `workflows`.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::server::{Reply, Server};

const TALLY: &str = "--[[ workflow
description: Counts the documents of a collection and files the sum.
operation: write
input:
  type: object
  properties:
    collection: {type: string}
    least: {type: integer, default: 0}
  required: [collection]
]]
local sum = 0
for _ in app.integrations.data.list:each{ collection = args.collection } do sum += 1 end
local made = app.integrations.data.create{ collection = 'sums', document = { sum = sum, least = args.least } }
return { sum = sum, id = made.id }
";

fn workflow(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.root().join("config/workflows").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn header(operation: &str) -> String {
    format!("--[[ workflow\ndescription: For a test.\noperation: {operation}\n]]\n")
}

fn call(home: &Home, name: &str, arguments: &str) -> (i32, Value) {
    let run = home.run(&["integrations:call", name, arguments, "--json"]);
    (run.code, run.json())
}

fn script(home: &Home, source: &str, flags: &[&str]) -> (i32, Value) {
    let run = home.run(&[&["integrations:lua", "--eval", source, "--json"], flags].concat());
    (run.code, run.json())
}

fn collections(home: &Home) -> Value {
    call(home, "data.collections", "{}").1["data"]["collections"].clone()
}

#[test]
fn a_workflow_is_called_like_any_function() {
    let home = Home::new();
    workflow(&home, "tally.lua", TALLY);
    assert_eq!(call(&home, "data.create", r#"{"collection": "notes", "document": {"a": 1}}"#).0, 0);
    let (code, answer) = call(&home, "workflow.tally", r#"{"collection": "notes"}"#);
    assert_eq!((code, &answer["data"]["sum"]), (0, &json!(1)), "{answer}");
    assert_eq!(answer["meta"]["operation"], "write");
    let (_, list) = call(&home, "data.list", r#"{"collection": "sums"}"#);
    assert_eq!(list["data"]["documents"][0]["document"], json!({"sum": 1, "least": 0}), "the header's default is filled in");
    let (code, answer) = call(&home, "workflow.tally", r#"{"colection": "notes"}"#);
    assert_eq!(code, 2, "{answer}");
    assert_eq!(answer["error_detail"]["code"], "invalid_arguments");
    assert_eq!(answer["error_detail"]["problems"].as_array().unwrap().len(), 2, "all problems at once: {answer}");
    let (code, answer) = script(&home, "return app.integrations.workflow.tally('notes').sum", &[]);
    assert_eq!((code, &answer["result"]), (0, &json!(1)), "{answer}");
}

#[test]
fn every_call_of_a_workflow_is_recorded_with_its_chain() {
    let home = Home::new();
    workflow(&home, "tally.lua", TALLY);
    call(&home, "workflow.tally", r#"{"collection": "notes"}"#);
    let calls = home.run(&["audit:list", "--json"]).json()["calls"].clone();
    let seen: Vec<(&str, &str)> =
        calls.as_array().unwrap().iter().map(|call| (call["function"].as_str().unwrap(), call["origin"].as_str().unwrap())).collect();
    for row in [("workflow.tally", "cli"), ("data.list", "cli/lua"), ("data.create", "cli/lua")] {
        assert!(seen.contains(&row), "{row:?} in {seen:?}");
    }
}

#[test]
fn a_workflow_does_no_more_than_its_header_says() {
    let home = Home::new();
    workflow(&home, "sly.lua", &format!("{}return app.integrations.data.create{{ collection = 'x', document = {{}} }}", header("read")));
    for flags in [&[][..], &["--force"]] {
        let run = home.run(&[&["integrations:call", "workflow.sly", "{}", "--json"], flags].concat());
        let answer = run.json();
        assert_eq!((run.code, &answer["error_detail"]["code"]), (4, &json!("permission_denied")), "{answer}");
    }
    assert_eq!(collections(&home), json!([]));
}

#[test]
fn a_failure_inside_keeps_its_code_and_names_the_line() {
    let home = Home::new();
    workflow(&home, "lost.lua", &format!("{}\nreturn app.integrations.data.get{{ collection = 'x', id = 'y' }}", header("read")));
    let (code, answer) = call(&home, "workflow.lost", "{}");
    assert_eq!((code, &answer["error_detail"]["code"]), (3, &json!("not_found")), "{answer}");
    let said = answer["error"].as_str().unwrap();
    assert!(said.starts_with("lost.lua:6: data.get: "), "{said}");
}

#[test]
fn workflows_that_call_themselves_end() {
    let home = Home::new();
    workflow(&home, "loop.lua", &format!("{}return app.integrations.workflow.loop{{}}", header("read")));
    let (code, answer) = call(&home, "workflow.loop", "{}");
    assert_eq!((code, &answer["error_detail"]["code"]), (8, &json!("call_limit")), "{answer}");
    // Fanning out does not multiply the calls that one run may make.
    workflow(
        &home,
        "fan.lua",
        &format!("{}for i = 1, 20 do pcall(function() app.integrations.workflow.fan{{}} end) end return 1", header("read")),
    );
    let (code, answer) =
        script(&home, "for i = 1, 50 do pcall(function() app.integrations.workflow.fan{} end) end", &["--call-limit", "40"]);
    assert_eq!((code, &answer["error_detail"]["code"]), (8, &json!("call_limit")), "{answer}");
    let rows =
        home.run(&["audit:list", "--json", "--function", "workflow.fan", "--limit", "500"]).json()["calls"].as_array().unwrap().len();
    assert!(rows <= 40, "{rows} calls were made");
}

#[test]
fn a_dry_run_goes_into_the_workflows_that_it_calls() {
    let home = Home::new();
    workflow(&home, "tally.lua", TALLY);
    let source = "local first = app.integrations.workflow.tally{ collection = 'notes' }
        app.integrations.data.create{ collection = 'log', document = { of = first.id } }";
    let (code, plan) = script(&home, source, &["--dry-run"]);
    assert_eq!(code, 0, "{plan}");
    let functions: Vec<&str> =
        plan["meta"]["plan"]["requests"].as_array().unwrap().iter().map(|step| step["function"].as_str().unwrap()).collect();
    assert_eq!(functions, ["data.create", "data.create"]);
    assert_eq!(collections(&home), json!([]), "nothing was written");
    let digest = plan["meta"]["plan"]["digest"].as_str().unwrap();
    let (code, done) = script(&home, source, &["--approve", digest]);
    assert_eq!(code, 0, "{done}");
    assert_eq!(done["meta"]["approved"], json!({"digest": digest, "requests_left": 0}));
    let (_, sums) = call(&home, "data.list", r#"{"collection": "sums"}"#);
    let (_, log) = call(&home, "data.list", r#"{"collection": "log"}"#);
    assert_eq!(log["data"]["documents"][0]["document"]["of"], sums["data"]["documents"][0]["id"], "the real id stands in the log");
    assert_eq!(script(&home, source, &["--approve", digest]).0, 4, "a plan runs once");
}

#[test]
fn a_changed_file_is_run_as_it_is_now() {
    let home = Home::new();
    workflow(&home, "one.lua", &format!("{}return 1", header("read")));
    assert_eq!(call(&home, "workflow.one", "{}").1["data"], 1);
    workflow(&home, "one.lua", &format!("{}return 22", header("read")));
    assert_eq!(call(&home, "workflow.one", "{}").1["data"], 22);
}

#[test]
fn an_approved_run_ends_at_another_request_also_inside_a_workflow() {
    let home = Home::new();
    workflow(&home, "tally.lua", TALLY);
    let source = "pcall(function() app.integrations.workflow.tally{ collection = args.of } end)
        for i = 1, 2 do app.integrations.data.create{ collection = 'after', document = { i = i } } end";
    let (code, plan) = script(&home, source, &["--dry-run", "--args", r#"{"of": "notes"}"#]);
    assert_eq!((code, plan["meta"]["plan"]["requests"].as_array().unwrap().len()), (0, 3), "{plan}");
    let digest = plan["meta"]["plan"]["digest"].as_str().unwrap().to_owned();
    // What the workflow counts is another number now, so its write is another one.
    call(&home, "data.create", r#"{"collection": "notes", "document": {}}"#);
    let (code, answer) = script(&home, source, &["--approve", &digest, "--args", r#"{"of": "notes"}"#]);
    assert_eq!((code, &answer["error_detail"]["code"]), (4, &json!("approval_required")), "{answer}");
    assert_eq!(collections(&home), json!([{"collection": "notes", "documents": 1}]), "nothing came after it");
    let refused = home.run(&["audit:list", "--json", "--outcome", "refused"]).json()["calls"][0].clone();
    assert_eq!((&refused["function"], &refused["code"]), (&json!("data.create"), &json!("approval_required")), "{refused}");
}

#[test]
fn a_plan_is_used_up_by_its_first_write_and_not_before() {
    let home = Home::new();
    let source = "app.integrations.data.create{ collection = 'x', document = {} }";
    let digest = script(&home, source, &["--dry-run"]).1["meta"]["plan"]["digest"].as_str().unwrap().to_owned();
    assert_eq!(script(&home, source, &["--approve", &digest, "--args", "{bad"]).0, 2);
    assert_eq!(script(&home, "this is no Lua", &["--approve", &digest]).0, 8);
    assert_eq!(script(&home, "return 1", &["--approve", &digest]).0, 0);
    assert_eq!(script(&home, source, &["--approve", &digest]).0, 0);
    assert_eq!(script(&home, source, &["--approve", &digest]).0, 4);
}

#[test]
fn a_header_counts_also_where_the_file_is_run_by_its_path() {
    let home = Home::new();
    let path = workflow(&home, "tally.lua", TALLY).display().to_string();
    let run = home.run(&["integrations:lua", &path, "--json", "--args", r#"{"collection": "notes"}"#]);
    assert_eq!(run.code, 0, "{run:?}");
    let (_, list) = call(&home, "data.list", r#"{"collection": "sums"}"#);
    assert_eq!(list["data"]["documents"][0]["document"]["least"], 0, "the default is filled in");
    let run = home.run(&["integrations:lua", &path, "--json"]);
    assert_eq!((run.code, &run.json()["error_detail"]["code"]), (2, &json!("invalid_arguments")), "{run:?}");
    let sly = workflow(&home, "sly.lua", &format!("{}app.integrations.data.create{{ collection = 'y', document = {{}} }}", header("read")));
    assert_eq!(home.run(&["integrations:lua", &sly.display().to_string(), "--json"]).code, 4);
    let wrong = workflow(&home, "wrong.lua", "#!/usr/bin/env angelia\n--[[ workflow\ndescription: A.\n]]\n");
    for command in ["integrations:lua", "lua:check"] {
        let run = home.run(&[command, &wrong.display().to_string()]);
        assert!(run.code == 8 && format!("{run:?}").contains("operation is missing"), "{run:?}");
    }
}

fn tests(home: &Home, file: &str, flags: &[&str]) -> Run {
    let path = home.root().join("config/workflows").join(file);
    home.run(&[&["lua:test", &path.display().to_string(), "--json"], flags].concat())
}

#[test]
fn tests_run_apart_from_each_other_and_from_the_data() {
    let home = Home::new();
    workflow(&home, "tally.lua", TALLY);
    workflow(
        &home,
        "tally_test.lua",
        "function test_two()
           for i = 1, 2 do app.integrations.data.create{ collection = 'x', document = { i = i } } end
           assert(workflow('tally', { collection = 'x' }).sum == 2)
         end
         function test_none() assert(workflow('tally', { collection = 'x' }).sum == 0, 'a fresh database') end
         function test_bad() workflow('tally', { least = 'many' }) end
         local function test_hidden() error('a local is no test') end",
    );
    let run = tests(&home, "tally_test.lua", &[]);
    let answer = run.json();
    assert_eq!((run.code, &answer["passed"], &answer["failed"]), (8, &json!(2), &json!(1)), "{answer}");
    let bad = &answer["tests"][0];
    assert_eq!((&bad["name"], &bad["error_detail"]["code"]), (&json!("test_bad"), &json!("invalid_arguments")), "{bad}");
    assert_eq!(collections(&home), json!([]), "the user's own data was not touched");
    let run = tests(&home, "tally_test.lua", &["--only", "none"]);
    assert_eq!((run.code, &run.json()["passed"]), (0, &json!(1)));
    assert_eq!(tests(&home, "tally_test.lua", &["--only", "nothing"]).code, 3);
    assert_eq!(tests(&home, "absent.lua", &[]).code, 3);
}

const STALL: &str = r#"
id: stall
title: Stall
description: A market stall.
category: commerce
auth_strategy: none
servers: {default: "http://127.0.0.1:1"}
functions:
  - {id: drain, title: Drain, description: Takes away what waits., operation: write, request: "POST /drain", parameters: {page: {type: integer}}, pagination: {style: page, items: ".", parameter: page}, examples: [{arguments: {}}]}
  - {id: get_price, title: Get a price, description: Returns a price., operation: read, request: "GET /price/{fruit}", parameters: {fruit: {type: string}}, required: [fruit], examples: [{arguments: {fruit: fig}}]}
"#;

#[test]
fn answers_are_recorded_once_and_replayed_without_the_service() {
    let server = Server::start(|_| Reply::ok(br#"{"price": 7}"#));
    let home = Home::new();
    home.manifest("stall", STALL);
    let settings = |origin: &str| {
        format!(
            "[integrations.stall]\nenabled = true\nread = \"allow\"\nallow_private = true\n[integrations.stall.servers]\ndefault = \"{origin}\"\n"
        )
    };
    home.config(&settings(&server.origin()));
    workflow(&home, "prices.lua", "function test_fig() assert(app.integrations.stall.get_price('fig').price == 7) end");
    let folder = home.root().join("config/workflows/prices.exchanges");
    let run = tests(&home, "prices.lua", &[]);
    let said = run.json()["tests"][0]["error"].as_str().unwrap().to_owned();
    assert_eq!(run.code, 8);
    assert!(said.contains("No recorded exchange") && server.requests().is_empty(), "a test sends nothing by itself: {said}");
    let run = tests(&home, "prices.lua", &["--record", folder.to_str().unwrap()]);
    assert_eq!((run.code, server.requests().len()), (0, 1), "{run:?}");
    let run = tests(&home, "prices.lua", &[]);
    assert_eq!((run.code, server.requests().len()), (0, 1), "answered from the folder beside the file: {run:?}");
    let run = tests(&home, "prices.lua", &["--record", folder.to_str().unwrap()]);
    assert_eq!((run.code, server.requests().len()), (2, 1), "a recording is not mixed with an older one: {run:?}");
}

#[test]
fn a_list_is_read_and_never_written() {
    let server = Server::start(|_| Reply::ok(b"[1, 2]"));
    let home = Home::new();
    home.manifest("stall", STALL);
    home.config(&format!(
        "[integrations.stall]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n[integrations.stall.servers]\ndefault = \"{}\"\n",
        server.origin()
    ));
    for flags in [&["--dry-run"][..], &[]] {
        let (code, answer) = script(&home, "app.integrations.stall.drain:all()", flags);
        assert_eq!((code, &answer["error_detail"]["code"]), (2, &json!("invalid_arguments")), "{answer}");
    }
    assert!(server.requests().is_empty());
}
