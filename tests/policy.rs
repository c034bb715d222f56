//! Permission: the order of the checks, which rule decides, and what `--force` does and does not (contract sections 5 and 6).

use serde_json::json;

use crate::support::desk::{Answer, Desk, MANIFEST, TOKEN};

/// Looked at before anything else is: described only, not enabled, without credentials.
const FAR: &str = r#"
id: far
title: Far
description: Cannot be called from here.
category: office
auth_strategy: api_key
cli_runtime_supported: false
credentials: [{key: token, label: Token, secret: true}]
servers: {default: "http://127.0.0.1:1"}
functions:
  - {id: create_paper, title: Create, description: Writes., operation: write, request: POST /papers, parameters: {title: {type: string}}, required: [title], examples: []}
"#;

#[test]
fn each_check_hides_the_later_ones() {
    let desk = Desk::closed();
    desk.home.manifest("far", FAR);
    let deny = "write = \"deny\"";
    let closed = "[integrations.desk]\nwrite = \"deny\"\n";
    let bad = &["--titel=a", "--account=wrok"][..];
    let named = Desk::text(&desk.server, "write = \"deny\"\n[integrations.desk.accounts.wrok]");
    // Each step repairs what the step before failed at, and everything later is still wrong.
    let steps: [(&str, &str, &[&str], i32, &str); 7] = [
        (closed, "dsk.create_paper", bad, 3, "unknown_provider"),
        (closed, "desk.craete_paper", bad, 3, "unknown_function"),
        (closed, "far.create_paper", bad, 5, "unsupported_runtime"),
        (closed, "desk.create_paper", bad, 5, "inactive"),
        (&Desk::text(&desk.server, deny), "desk.create_paper", bad, 3, "unknown_account"),
        (&named, "desk.create_paper", bad, 5, "missing_credentials"),
        (&named, "desk.create_paper", &["{", "--account=wrok"], 5, "missing_credentials"),
    ];
    let mut calls = 0;
    let mut check = |settings: &str, function: &str, words: &[&str], exit: i32, code: &str| {
        desk.home.config(settings);
        for more in [&[][..], &["--dry-run"], &["--force"], &["--force", "--dry-run"]] {
            let forced = more.contains(&"--force") && matches!(code, "permission_denied" | "approval_required");
            let answer = desk.call(function, &[words, more].concat());
            let expected = if forced { (0, "none") } else { (exit, code) };
            assert_eq!(answer.end(), expected, "{function} {words:?} {more:?}: {answer:?}");
            calls += 1;
            let audit = desk.audit();
            assert_eq!((audit.len(), audit[0]["code"].as_str().unwrap_or("none")), (calls, expected.1), "each call leaves one line");
        }
    };
    for (settings, function, words, exit, code) in steps {
        check(settings, function, words, exit, code);
    }
    assert_eq!(desk.sent(), 0);
    desk.store("wrok", TOKEN);
    let account = "--account=wrok";
    check(&named, "desk.create_paper", bad, 2, "invalid_arguments");
    check(&named, "desk.create_paper", &["{", account], 2, "invalid_payload");
    assert_eq!(desk.sent(), 0, "nothing was sent yet, also by force");
    check(&named, "desk.create_paper", &["--title=a", account], 4, "permission_denied");
    check(&named.replace("deny", "ask"), "desk.create_paper", &["--title=a", account], 4, "approval_required");
    assert_eq!(desk.sent(), 2, "force alone sent something, and its dry run did not");
    check(&named.replace("deny", "allow"), "desk.create_paper", &["--title=a", account], 0, "none");
}

/// What became of a call: sent, asked or denied.
fn decided(desk: &Desk, function: &str, words: &[&str]) -> &'static str {
    let before = desk.sent();
    let answer = desk.call(function, words);
    let requests = desk.sent() - before;
    match (answer.exit, answer.code(), requests) {
        (0, "none", 1) => "allow",
        (4, "approval_required", 0) => "ask",
        (4, "permission_denied", 0) => "deny",
        _ => panic!("{function} {words:?}: {requests} requests, {answer:?}"),
    }
}

/// Rules, and what they say to: a read, a write, another write, a destructive call, and the first write as `work`.
const DECISIONS: &[(&str, [&str; 5])] = &[
    ("", ["ask", "ask", "ask", "ask", "ask"]),
    ("read = 'allow'", ["allow", "ask", "ask", "ask", "ask"]),
    ("write = 'allow'", ["ask", "allow", "allow", "allow", "allow"]),
    ("write = 'deny'", ["ask", "deny", "deny", "deny", "deny"]),
    ("write = 'allow'\ndestructive = 'deny'", ["ask", "allow", "allow", "deny", "allow"]),
    ("write = 'deny'\ndestructive = 'allow'", ["ask", "deny", "deny", "allow", "deny"]),
    ("destructive = 'allow'", ["ask", "ask", "ask", "allow", "ask"]),
    ("write = 'deny'\nfunctions.'create_*' = 'allow'", ["ask", "allow", "deny", "deny", "allow"]),
    ("write = 'allow'\nfunctions.'delete_*' = 'ask'", ["ask", "allow", "allow", "ask", "allow"]),
    ("functions.'*' = 'deny'\nfunctions.'*_paper' = 'ask'\nfunctions.create_paper = 'allow'", ["deny", "allow", "ask", "ask", "allow"]),
    // Neither of two globs lies inside the other: the stricter decides.
    ("functions.'create_*' = 'allow'\nfunctions.'*_paper' = 'deny'", ["ask", "deny", "deny", "deny", "deny"]),
    ("functions.'create_*' = 'ask'\nfunctions.'*_paper' = 'allow'", ["ask", "ask", "allow", "allow", "ask"]),
    // A glob is no pattern of another kind.
    ("functions.'create_pape.' = 'allow'\nfunctions.'CREATE_*' = 'allow'", ["ask", "ask", "ask", "ask", "ask"]),
    ("write = 'allow'\naccounts.work.write = 'deny'", ["ask", "allow", "allow", "allow", "deny"]),
    ("write = 'deny'\naccounts.work.write = 'allow'", ["ask", "deny", "deny", "deny", "allow"]),
    ("write = 'deny'\naccounts.default.write = 'allow'", ["ask", "allow", "allow", "allow", "deny"]),
    ("accounts.work.write = 'deny'\naccounts.work.functions.'create_*' = 'allow'", ["ask", "ask", "ask", "ask", "allow"]),
    // A rule for a function and one for an account are of equal rank: the stricter decides.
    ("functions.create_paper = 'allow'\naccounts.work.write = 'deny'", ["ask", "allow", "ask", "ask", "deny"]),
    ("functions.create_paper = 'deny'\naccounts.work.write = 'allow'", ["ask", "deny", "ask", "ask", "deny"]),
    ("accounts.wor.write = 'allow'", ["ask", "ask", "ask", "ask", "ask"]),
];

#[test]
fn the_most_specific_rule_decides() {
    let desk = Desk::open("");
    for (rules, expected) in DECISIONS {
        desk.settings(rules);
        let decisions = [
            decided(&desk, "get_desk", &[]),
            decided(&desk, "create_paper", &["--title=a"]),
            decided(&desk, "rename_paper", &["--title=a"]),
            decided(&desk, "delete_paper", &["--paper=a"]),
            decided(&desk, "create_paper", &["--title=a", "--account=work"]),
        ];
        assert_eq!(decisions, *expected, "{rules}");
    }
}

#[test]
fn a_refusal_names_the_rule_and_what_would_change_it() {
    let desk = Desk::open("write = 'deny'\nfunctions.'rename_*' = 'deny'\naccounts.work.write = 'deny'");
    let table: [(&str, &[&str], &str, &str); 4] = [
        ("create_paper", &["--title=a"], "desk.write = deny", "--write=allow"),
        ("delete_paper", &["--paper=a"], "desk.write = deny", "--destructive=allow"),
        ("rename_paper", &["--title=a"], "desk.functions.\"rename_*\" = deny", "integrations:configure desk"),
        ("create_paper", &["--title=a", "--account=work"], "desk.accounts.work.write = deny", "integrations:configure desk"),
    ];
    for (function, words, rule, hint) in table {
        let answer = desk.call(function, words);
        assert_eq!(answer.end(), (4, "permission_denied"));
        assert!(answer.error().contains("access denied") && answer.error().contains(rule), "{answer:?}");
        assert!(answer.hints().contains(hint), "{answer:?}");
    }
}

#[test]
fn what_leaves_the_machine_is_asked_for_and_what_stays_is_not() {
    let desk = Desk::closed();
    let document = r#"{"collection": "notes", "id": "a", "document": {"n": 1}}"#;
    assert_eq!(desk.call("data.create", &[document]).end(), (0, "none"), "a local provider is active and allowed");
    assert_eq!(desk.call("data.delete", &["--collection=notes", "--id=a"]).end(), (0, "none"));
    desk.home.config("[integrations.data]\nwrite = \"deny\"\n");
    assert_eq!(desk.call("data.create", &[document]).end(), (4, "permission_denied"), "but it may be narrowed");
    assert_eq!(desk.call("data.delete", &["--collection=notes", "--id=a"]).end(), (4, "permission_denied"));
    assert_eq!(desk.call("data.list", &["--collection=notes"]).end(), (0, "none"));
    desk.home.config("[integrations.data]\nenabled = false\n");
    assert_eq!(desk.call("data.list", &["--collection=notes"]).end(), (5, "inactive"));
    assert_eq!(desk.call("desk.get_desk", &[]).end(), (5, "inactive"), "a network provider is not active by itself");
    desk.settings("");
    desk.store("default", TOKEN);
    let answer = desk.call("get_desk", &[]);
    assert_eq!(answer.end(), (4, "approval_required"), "and a read of it is asked for");
    assert!(answer.error().contains("default for network providers is ask"), "{answer:?}");
    assert_eq!(desk.sent(), 0);
}

fn bypassed(answer: &Answer) -> bool {
    answer.envelope["meta"]["permission_bypassed"].as_bool().unwrap()
}

#[test]
fn force_is_marked_where_it_was_needed() {
    let desk = Desk::open("");
    for (rules, needed) in [("write = 'allow'", false), ("write = 'ask'", true), ("write = 'deny'", true)] {
        desk.settings(rules);
        for dry in [&[][..], &["--dry-run"]] {
            let answer = desk.call("create_paper", &[&["--title=a", "--force"], dry].concat());
            assert_eq!((answer.end(), bypassed(&answer)), ((0, "none"), needed), "{rules} {dry:?}: {answer:?}");
            let row = &desk.audit()[0];
            assert_eq!((&row["force"], &row["call_id"]), (&json!(needed), &answer.envelope["meta"]["call_id"]), "{rules} {dry:?}");
            assert_eq!(row["outcome"], if dry.is_empty() { "succeeded" } else { "planned" });
        }
    }
    assert_eq!(desk.sent(), 3);
    let forced = desk.run(&["audit:list", "--forced", "--json"]).json();
    assert_eq!(forced["calls"].as_array().unwrap().len(), 4);
    let tickets = desk.run(&["approvals:list", "--json"]).json();
    assert_eq!(tickets["approvals"], json!([]), "force leaves nothing to approve");
    let answer = desk.call("create_paper", &["--title=a"]);
    assert_eq!((answer.end(), bypassed(&answer)), ((4, "permission_denied"), false), "force holds for one call");
}

#[test]
fn force_opens_no_private_address() {
    let desk = Desk::open("write = 'allow'");
    desk.home.config(&Desk::text(&desk.server, "write = 'allow'").replace("allow_private = true\n", ""));
    let answer = desk.call("create_paper", &["--title=a", "--force"]);
    assert_ne!(answer.exit, 0, "{answer:?}");
    assert_eq!(desk.sent(), 0);
}

#[test]
fn force_can_be_turned_off() {
    let desk = Desk::open("");
    let own = Desk::text(&desk.server, "read = 'allow'");
    let refused = |desk: &Desk| {
        for function in ["create_paper", "rename_paper"] {
            let answer = desk.call(function, &["--title=a", "--force"]);
            assert_eq!((answer.end(), bypassed(&answer)), ((4, "permission_denied"), false), "{answer:?}");
            assert!(answer.error().contains("force = \"never\""), "{answer:?}");
        }
        let answer = desk.call("get_desk", &["--force"]);
        assert_eq!(answer.end(), (4, "permission_denied"), "also where it would not be needed: the word itself is off");
    };
    desk.home.config(&format!("force = \"never\"\n{own}"));
    refused(&desk);
    desk.project("config.toml", "force = \"allow\"\n");
    refused(&desk);
    assert_eq!(desk.run(&["trust"]).code, 0);
    refused(&desk);
    desk.home.config(&format!("force = \"allow\"\n{own}"));
    assert_eq!(desk.call("create_paper", &["--title=a", "--force"]).end(), (0, "none"));
    desk.project("config.toml", "force = \"never\"\n");
    refused(&desk);
    let answer = desk.call("create_paper", &["--title=a", "--force"]);
    assert!(!answer.stderr.contains("not trusted"), "a project may narrow unasked: {answer:?}");
    assert_eq!(desk.sent(), 1);
}

#[test]
fn nothing_but_the_flag_is_a_force() {
    let desk = Desk::open("write = 'ask'\nfunctions.'rename_*' = 'deny'");
    // A parameter of that name is the function's own.
    for words in [&[r#"{"title": "a", "force": true}"#][..], &["--title=a", "--arg", "force=true"], &["--title=a", "--force=false"]] {
        let answer = desk.call("create_paper", words);
        assert_eq!((answer.end(), bypassed(&answer)), ((4, "approval_required"), false), "{words:?}: {answer:?}");
    }
    // Where there is no such parameter it is an unknown word.
    for payload in
        [r#"{"title": "a", "force": true}"#, r#"{"title": "a", "--force": true}"#, r#"{"title": "a", "options": {"force": true}}"#]
    {
        assert_eq!(desk.call("rename_paper", &[payload]).end(), (2, "invalid_arguments"), "{payload}");
    }
    for name in ["ANGELIA_FORCE", "ANGELIA_FORCED", "ANGELIA_DESK_FORCE", "ANGELIA_INTEGRATIONS_DESK_WRITE", "FORCE"] {
        for value in ["1", "true", "allow", "yes"] {
            let answer = desk.call_in(&[(name, value)], "rename_paper", &["--title=a"]);
            assert_eq!((answer.end(), bypassed(&answer)), ((4, "permission_denied"), false), "{name}={value}: {answer:?}");
        }
    }
    assert_eq!(desk.sent(), 0);
}

#[test]
fn no_file_can_force() {
    let desk = Desk::open("write = 'deny'");
    let path = desk.project("config.toml", "force = \"allow\"\n");
    assert_eq!(desk.call("create_paper", &["--title=a"]).end(), (4, "permission_denied"));
    assert_eq!(desk.run(&["trust"]).code, 0);
    assert_eq!(desk.call("create_paper", &["--title=a"]).end(), (4, "permission_denied"), "it only says that --force may be used");
    for text in ["force = \"always\"", "force = true", "[integrations.desk]\nforce = true", "[call]\nforce = true"] {
        std::fs::write(&path, text).unwrap();
        let answer = desk.call("create_paper", &["--title=a"]);
        assert_eq!(answer.end(), (2, "usage"), "{text}: {answer:?}");
        assert!(answer.error().contains(".angelia/config.toml"), "{answer:?}");
    }
    std::fs::remove_file(path).unwrap();
    desk.home.config("force = \"always\"");
    assert_eq!(desk.call("create_paper", &["--title=a"]).end(), (2, "usage"));
    assert_eq!(desk.sent(), 0);
}

#[test]
fn a_class_that_changes_is_decided_anew() {
    let desk = Desk::open("write = 'allow'\ndestructive = 'deny'");
    assert_eq!(decided(&desk, "rename_paper", &["--title=a"]), "allow");
    let stricter = MANIFEST.replacen("operation: write\n    request: PUT", "operation: destructive\n    request: PUT", 1);
    assert_ne!(stricter, MANIFEST);
    desk.home.manifest("desk", &stricter);
    assert_eq!(decided(&desk, "rename_paper", &["--title=a"]), "deny");
    let renamed = MANIFEST.replacen("id: rename_paper", "id: retitle_paper", 1);
    desk.home.manifest("desk", &renamed);
    desk.settings("functions.rename_paper = 'allow'");
    assert_eq!(decided(&desk, "retitle_paper", &["--title=a"]), "ask", "a rule for the old name does not carry over");
    assert_eq!(desk.call("rename_paper", &["--title=a"]).end(), (3, "unknown_function"));
}

#[test]
fn an_echo_of_the_secret_is_not_passed_on() {
    let desk = Desk::open("read = 'allow'\nwrite = 'allow'");
    let answer = desk.call("get_desk", &[]);
    let echo = answer.envelope["data"]["echo"].as_array().unwrap();
    assert!(echo.len() > 5 && echo.iter().all(|form| form == "«secret»"), "{answer:?}");
    let answer = desk.call("delete_paper", &["--paper=cursed"]);
    assert_eq!(answer.end(), (6, "provider_error"));
    assert!(answer.error().contains("curses, «secret»"), "{answer:?}");
    for words in [&["--dry-run"][..], &["--all", "--ndjson"], &["--select=.papers", "--output=papers.json"], &["--record=tape"]] {
        let run = desk.run(&[&["integrations:call", "desk.list_papers"], words].concat());
        assert_eq!(run.code, 0, "{run:?}");
    }
}
