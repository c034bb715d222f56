//! `integrations:lua --repl` through a pipe: what lasts from line to line, what a failure leaves, limits of one line, commands.
//! The terminal (editing, Tab, Ctrl-C) is looked at by tests/peers/repl.py.

use crate::support::home::{Home, Run};

fn session(home: &Home, options: &[&str], lines: &[&str]) -> Run {
    home.run_with(&[&["integrations:lua", "--repl"], options].concat(), lines.join("\n").as_bytes())
}

/// What a session prints; it must fail nowhere.
fn printed(lines: &[&str]) -> String {
    let run = session(&Home::new(), &[], lines);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{lines:?}: {run:?}");
    run.stdout
}

#[test]
fn globals_last_and_locals_do_not() {
    assert_eq!(printed(&["x = 20", "local y = 1", "y", "x + 1", "function twice(n) return n * 2 end", "twice(x)"]), "21\n40\n");
}

#[test]
fn values_are_printed_as_what_they_are() {
    assert_eq!(
        printed(&["'a b'", "1, nil, true", "nil", "nil, nil", "json.null", "{}", "print('said')"]),
        "a b\n1\nnil\ntrue\nnull\n{}\nsaid\n"
    );
    assert_eq!(printed(&["{{id = 1, name = 'a'}, {id = 2, name = 'b'}}"]), "id  name\n1   a\n2   b\n");
    assert_eq!(printed(&["app.integrations, app.integrations.data"]), "integrations\nintegration data\n");
    assert!(printed(&["print"]).starts_with("function: "));
    let members = printed(&["{a = 1, b = print}"]);
    assert!(members.contains("a  1\n") && members.contains("b  function: "), "{members}");
}

#[test]
fn statements_go_on_until_they_are_complete() {
    assert_eq!(printed(&["function f(a)", "  return a", "end", "f(", "  'x'", ")"]), "x\n");
    assert_eq!(printed(&["{", "1,", "}", "1 +", "2"]), "[\n  1\n]\n3\n");
    assert_eq!(printed(&["s = [[a", "", ":help", "b]]", "#s", "--[[ a", "b ]] 7", "'a\\", "b'"]), "10\n7\na\nb\n");
}

#[test]
fn an_empty_line_gives_a_statement_up() {
    let run = session(&Home::new(), &[], &["if true then", "", "'next'", "f(1"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "next\n"), "{run:?}");
    assert!(run.stderr.contains("Expected 'end'") && run.stderr.contains("Expected ')'"), "{run:?}");
}

#[test]
fn errors_are_said_and_end_nothing() {
    let lines = ["x = 1", "error('no')", "x = = 2", "app.integrations.nobody.f{}", "app.integrations.data.list{}", "x"];
    let run = session(&Home::new(), &[], &lines);
    assert_eq!((run.code, run.stdout.as_str()), (0, "1\n"), "{run:?}");
    assert_eq!(run.stderr.matches("error: ").count(), 4, "{run:?}");
    assert!(run.stderr.contains("error: (repl):1: no\n") && run.stderr.contains("Unknown integration: nobody"), "{run:?}");
    assert!(run.stderr.contains("collection"), "{run:?}");
}

#[test]
fn every_line_has_limits_of_its_own() {
    let lines = ["while true do end", "pcall(function() while true do end end)", "1 + 1"];
    let run = session(&Home::new(), &["--cpu-limit", "0.2"], &lines);
    assert_eq!((run.code, run.stdout.as_str()), (0, "2\n"), "{run:?}");
    assert_eq!(run.stderr.matches("computed longer than 0.2 seconds").count(), 2, "{run:?}");

    let call = "app.integrations.data.collections{}";
    let twice = format!("{call} {call}");
    let run = session(&Home::new(), &["--call-limit", "1"], &[call, call, &twice, call]);
    assert_eq!(run.stdout.matches("collections").count(), 3, "{run:?}");
    assert_eq!(run.stderr.matches("error: ").count(), 1, "{run:?}");

    let run = session(&Home::new(), &["--time-limit", "0.3"], &["time.sleep(5)", "time.sleep(0.2)", "time.sleep(0.2)", "'on'"]);
    assert_eq!((run.stdout.as_str(), run.stderr.matches("took longer").count()), ("on\n", 1), "{run:?}");

    let run = session(&Home::new(), &["--memory-limit", "4000000"], &["string.rep('x', 8000000)", "'on'"]);
    assert_eq!((run.stdout.as_str(), run.stderr.matches("bytes of memory").count()), ("on\n", 1), "{run:?}");
}

#[test]
fn calls_that_a_line_leaves_are_ended_and_harm_no_later_line() {
    let lines = ["async.map({1, 2}, function(i) if i == 1 then error('no') end time.sleep(9) end, {on_error = 'stop'})", "1"];
    let run = session(&Home::new(), &["--time-limit", "1"], &lines);
    assert_eq!(run.stdout, "1\n", "{run:?}");
    let lines = [
        "app.integrations.data.create{collection = 'c', document = {n = 1}}",
        "next_one = app.integrations.data.list:each{collection = 'c'}",
    ];
    let run = session(&Home::new(), &[], &[&lines[..], &["app.integrations.data.list{collection = 'c'}", ":calls"]].concat());
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("data.list") && !run.stderr.contains("Interrupted"), "{run:?}");
}

#[test]
fn the_policy_holds_and_options_count_for_every_line() {
    let home = Home::new();
    home.config("[integrations.data]\nwrite = \"deny\"");
    let put = "app.integrations.data.create{collection = 'c', document = {n = 1}}";
    let run = session(&home, &[], &[put, ":calls"]);
    assert!(run.stderr.contains("denied") && run.stdout.contains("denied (permission_denied)"), "{run:?}");
    let run = session(&home, &["--force"], &[put, ":calls"]);
    assert!(run.stderr.contains("bypassed by --force") && run.stdout.contains("succeeded"), "{run:?}");
    let home = Home::new().env("OPEN", "yes");
    let run = session(&home, &["--env", "OPEN"], &["env('OPEN')", "env('HOME')"]);
    assert_eq!((run.stdout.as_str(), run.stderr.matches("not open to scripts").count()), ("yes\n", 1), "{run:?}");
}

#[test]
fn commands_answer_and_an_unknown_one_says_what_there_is() {
    let home = Home::new();
    let run = session(&home, &[], &[":help", ":limits", ":search create an issue", ":calls", ":quit", "'never'"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, "note: The last line made no call\n"), "{run:?}");
    for wanted in ["local lives for one line", ":search words", "--memory-limit", "create_issue"] {
        assert!(run.stdout.contains(wanted), "{wanted}: {run:?}");
    }
    assert!(!run.stdout.contains("never"), "{run:?}");
    let run = session(&home, &[], &[":serch", ":search", "1"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "1\n"), "{run:?}");
    assert!(run.stderr.contains("Did you mean ':search'?") && run.stderr.contains(":help :docs :search :calls :limits :quit"), "{run:?}");
}

#[test]
fn the_calls_of_the_last_line_are_a_table() {
    let run = session(&Home::new(), &[], &["app.integrations.data.collections{}", ":calls"]);
    let mut lines = run.stdout.lines();
    assert_eq!(lines.next(), Some("collections  []"), "{run:?}");
    assert_eq!(lines.next().map(|heads| heads.split_whitespace().collect::<Vec<_>>()), Some(vec!["index", "function", "effect", "ms"]));
    assert!(lines.next().is_some_and(|row| row.starts_with("1      data.collections  none    ")), "{run:?}");
}

#[test]
fn it_goes_with_no_json_and_no_script() {
    for (words, named) in
        [(vec!["--json"], "--json"), (vec!["--eval", "1"], "--eval"), (vec!["x.lua"], "a file"), (vec!["--dry-run"], "--dry-run")]
    {
        let run = session(&Home::new(), &words, &["1"]);
        assert_eq!(run.code, 2, "{words:?}: {run:?}");
        assert!(format!("{}{}", run.stdout, run.stderr).contains(&format!("does not go with {named}")), "{run:?}");
    }
}

#[test]
fn what_is_no_text_ends_the_session_with_a_reason() {
    let run = Home::new().run_with(&["integrations:lua", "--repl"], b"1\n\xff\xfe\n2\n");
    assert_eq!((run.code, run.stdout.as_str()), (2, "1\n"), "{run:?}");
    assert!(run.stderr.contains("UTF-8"), "{run:?}");
}
