//! `script.run`: a Lua script that comes with a call, through the binary. What the engine itself can do is tested elsewhere.

use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::shop;

fn run(home: &Home, arguments: &Value) -> Run {
    home.run_with(&["integrations:call", "script.run", "-", "--json"], arguments.to_string().as_bytes())
}

fn data(home: &Home, arguments: &Value) -> Value {
    let run = run(home, arguments);
    assert_eq!(run.code, 0, "{}", run.stdout);
    run.json()["data"].clone()
}

#[test]
fn a_script_answers_what_it_came_to() {
    let home = Home::new();
    let code = "print('hello', args.n) app.integrations.data.collections{} return args.n + 1";
    let answer = data(&home, &json!({"code": code, "args": {"n": 1}}));
    assert_eq!((&answer["result"], &answer["output"], &answer["calls"]), (&json!(2), &json!("hello\t1\n"), &json!(1)));
    assert_eq!(answer["call_log"][0]["function"], "data.collections");
    assert!(answer.get("plan").is_none());
    let audited = home.run(&["audit:list", "--json"]).json();
    let origins: Vec<&str> = audited["calls"].as_array().unwrap().iter().map(|call| call["origin"].as_str().unwrap()).collect();
    assert_eq!(origins, ["cli/lua", "cli"], "newest first");
    let run = home.run(&["integrations:call", "script.run", r#"{"code":"return 1+1"}"#]);
    assert!(run.code == 0 && run.stdout.contains("result") && run.stdout.contains('2'), "{}", run.stdout);
}

#[test]
fn failures_have_their_own_codes() {
    let home = Home::new();
    for (arguments, exit, code) in [
        (json!({"code": "print('so far') error('no')"}), 8, "script_error"),
        (json!({"code": "return ("}), 8, "script_error"),
        (json!({"code": "print('so far') while true do end", "time_limit": 0.3}), 8, "time_limit"),
        (json!({"code": "app.integrations.data.get{collection = 'a', id = 'b'}"}), 3, "not_found"),
        (json!({"code": ""}), 2, "invalid_arguments"),
        (json!({"code": "return 1", "dry_run": true, "approve": "0".repeat(64)}), 2, "invalid_arguments"),
        (json!({"code": "return 1", "approve": "0".repeat(64)}), 3, "not_found"),
        (json!({"code": format!("return '{}'", "x".repeat(262_144))}), 2, "invalid_arguments"),
    ] {
        let run = run(&home, &arguments);
        let answer = run.json();
        assert_eq!((run.code, answer["error_detail"]["code"].as_str()), (exit, Some(code)), "{}", run.stdout);
        let prints = arguments["code"].as_str().unwrap().starts_with("print");
        assert!(!prints || answer["data"]["output"] == "so far\n", "what it printed is kept: {answer}");
    }
}

#[test]
fn a_dry_run_is_approved_on_the_command_line() {
    let (home, server) = shop::open("write = \"ask\"");
    let code = "local made = app.integrations.shop.create_article{name = 'Lamp', price = 1} return made.name";
    let planned = data(&home, &json!({"code": code, "dry_run": true}));
    let digest = planned["plan"]["digest"].as_str().unwrap();
    assert_eq!(planned["plan"]["requests"][0]["function"], "shop.create_article");
    let asked = run(&home, &json!({"code": code}));
    assert_eq!((asked.code, asked.json()["error_detail"]["code"].as_str()), (4, Some("approval_required")));
    let made = data(&home, &json!({"code": code, "approve": digest}));
    assert_eq!((&made["approved"]["requests_left"], &made["calls"]), (&json!(0), &json!(1)));
    let again = run(&home, &json!({"code": code, "approve": digest}));
    assert_eq!(again.code, 4, "a plan runs once: {}", again.stdout);
    drop(server);
}

#[test]
fn a_script_does_not_approve_its_own_plan() {
    let (home, _server) = shop::open("write = \"ask\"");
    let inner = "app.integrations.shop.create_article{name = 'Lamp', price = 1}";
    let planned = data(&home, &json!({"code": inner, "dry_run": true}));
    let digest = planned["plan"]["digest"].as_str().unwrap().to_owned();
    let code = "return app.integrations.script.run{code = args.inner, approve = args.digest}.calls";
    let outer = json!({"code": code, "args": {"inner": inner, "digest": digest}});
    let asked = run(&home, &outer);
    assert_eq!((asked.code, asked.json()["error_detail"]["code"].as_str()), (4, Some("approval_required")), "{}", asked.stdout);
    let tickets = home.run(&["approvals:list", "--json"]).json();
    let id = tickets["approvals"][0]["id"].as_str().unwrap().to_owned();
    let shown = home.run(&["approvals:show", &id]).stdout;
    assert!(shown.contains("shop.create_article") && shown.contains("Lamp"), "a person sees the requests: {shown}");
    assert_eq!(home.run(&["approvals:approve", &id]).code, 0);
    assert_eq!(data(&home, &outer)["result"], 1, "after a person's word it runs");
    let inside = json!({"code": "return app.integrations.script.run{code = 'return 1', dry_run = true}.result", "dry_run": true});
    assert_eq!(run(&home, &inside).code, 2, "a dry run has no dry run inside");
    let nested = json!({"code": "app.integrations.script.run{code = args.inner}", "args": {"inner": inner}, "dry_run": true});
    assert_eq!(data(&home, &nested)["plan"]["requests"][0]["function"], "shop.create_article", "it goes on inside");
}

#[test]
fn a_reading_workflow_writes_nothing_by_a_script() {
    let home = Home::new();
    let folder = home.root().join("config/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "--[[ workflow\ndescription: Looks.\noperation: read\n]]\nreturn app.integrations.script.run{code = [[app.integrations.data.create{collection = 'a', document = {}}]]}";
    std::fs::write(folder.join("look.lua"), text).unwrap();
    let run = home.run(&["integrations:call", "workflow.look", "--json"]);
    assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (4, Some("permission_denied")), "{}", run.stdout);
}
