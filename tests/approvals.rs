//! Approval tickets: leave for exactly one request, once, in time, given by a person (contract section 6).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::desk::{self, Desk, MANIFEST, TOKEN};
use crate::support::home::finish;
use crate::support::server::Server;

const ASK: &str = "read = 'ask'\nwrite = 'ask'";
const CREATE: &[&str] = &["--title=a"];
const ASKED: (i32, &str) = (4, "approval_required");
const DONE: (i32, &str) = (0, "none");

/// A ticket as it is shown.
fn shown(desk: &Desk, ticket: &str) -> Value {
    desk.run(&["approvals:show", ticket, "--json"]).json()["approval"].clone()
}

fn tickets(desk: &Desk) -> Vec<Value> {
    desk.run(&["approvals:list", "--json"]).json()["approvals"].as_array().unwrap().clone()
}

/// Leaves a ticket and approves it.
fn approved(desk: &Desk, function: &str, words: &[&str]) -> String {
    let answer = desk.call(function, words);
    assert_eq!(answer.end(), ASKED, "{answer:?}");
    let ticket = answer.ticket();
    desk.approve(&ticket);
    ticket
}

#[test]
fn an_approval_holds_for_one_call_and_is_told_everywhere() {
    let desk = Desk::open(ASK);
    let first = desk.call("create_paper", CREATE);
    assert_eq!(first.end(), ASKED);
    let ticket = first.ticket();
    assert!(first.hints().contains(&format!("angelia approvals:approve {ticket}")), "{first:?}");
    assert_eq!(desk.call("create_paper", CREATE).ticket(), ticket, "asking again leaves no second ticket");
    assert_eq!(desk.call("create_paper", &[r#"{"title":"a"}"#]).ticket(), ticket, "however the arguments are written");
    let pending = shown(&desk, &ticket);
    assert_eq!((&pending["state"], &pending["operation"], &pending["origin"]), (&json!("pending"), &json!("write"), &json!("cli")));
    assert_eq!(pending["request"]["url"], format!("{}/papers", desk.server.origin()));
    assert_eq!(desk.sent(), 0);
    desk.approve(&ticket);
    let done = desk.call("create_paper", CREATE);
    assert_eq!((done.end(), done.ticket(), desk.sent()), (DONE, ticket.clone(), 1));
    assert_eq!(done.envelope["meta"]["permission_bypassed"], false);
    let row = &desk.audit()[0];
    assert_eq!((&row["outcome"], &row["approval_id"], &row["force"]), (&json!("succeeded"), &json!(ticket), &json!(false)));
    assert_eq!(shown(&desk, &ticket)["state"], "spent");
    let again = desk.call("create_paper", CREATE);
    assert_eq!((again.end(), desk.sent()), (ASKED, 1));
    assert_ne!(again.ticket(), ticket);
}

#[test]
fn an_approval_holds_for_no_other_request() {
    let desk = Desk::open(ASK);
    let ticket = approved(&desk, "create_paper", CREATE);
    let others: [(&str, &[&str]); 6] = [
        ("create_paper", &["--title=a", "--account=work"]),
        ("create_paper", &["--title=b"]),
        ("create_paper", &["--title=A"]),
        ("create_paper", &["--title=a", "--arg", "force=false"]),
        ("rename_paper", &["--title=a"]),
        ("delete_paper", &["--paper=a"]),
    ];
    for (function, words) in others {
        let answer = desk.call(function, words);
        assert_eq!(answer.end(), ASKED, "{function} {words:?}: {answer:?}");
        assert_ne!(answer.ticket(), ticket);
    }
    assert_eq!((desk.sent(), shown(&desk, &ticket)["state"].as_str()), (0, Some("approved")));
    assert_eq!(desk.call("create_paper", CREATE).end(), DONE, "the approval itself is untouched");
}

#[test]
fn an_approval_ends_when_the_function_or_its_place_changes() {
    let desk = Desk::open(ASK);
    let own = Desk::text(&desk.server, ASK);
    let other = Server::start(desk::answer);
    let changes = [
        (
            MANIFEST.replacen("operation: write\n    request: POST /papers", "operation: destructive\n    request: POST /papers", 1),
            own.clone(),
        ),
        (MANIFEST.replacen("request: POST /papers", "request: POST /papirs", 1), own.clone()),
        (MANIFEST.replacen("request: POST /papers", "request: PATCH /papers", 1), own.clone()),
        (
            MANIFEST.replacen("title: {type: string, description: Title.}", "title: {type: string, as: name, description: Title.}", 1),
            own.clone(),
        ),
        (MANIFEST.replacen("request: POST /papers", "request: POST /papers\n    query: {burn: all}", 1), own.clone()),
        (MANIFEST.replacen("request: POST /papers", "request: POST /papers\n    headers: {X-Burn: all}", 1), own.clone()),
        // The request stays the same, but what the function accepts does not.
        (MANIFEST.replacen("title: {type: string,", "title: {type: string, maxLength: 9,", 1), own.clone()),
        (MANIFEST.replacen("name: X-Note", "name: X-Other", 1), own.clone()),
        (MANIFEST.to_owned(), Desk::text(&other, ASK)),
        (MANIFEST.to_owned(), own.replace("\nread", "/v2\nread").replace("\"/v2", "/v2\"")),
    ];
    for (index, (manifest, settings)) in changes.into_iter().enumerate() {
        let ticket = approved(&desk, "create_paper", CREATE);
        assert!(manifest != MANIFEST || settings != own, "change {index} changes nothing");
        desk.home.manifest("desk", &manifest);
        desk.home.config(&settings);
        let answer = desk.call("create_paper", CREATE);
        assert_eq!(answer.end(), ASKED, "change {index}: {answer:?}");
        let run = desk.run(&["approvals:approve", &ticket, "--run", "--json"]);
        assert_eq!(run.code, 4, "change {index}: {run:?}");
        assert_eq!((desk.sent(), other.requests().len()), (index, 0), "change {index} was sent");
        desk.home.manifest("desk", MANIFEST);
        desk.home.config(&own);
        assert_eq!(desk.call("create_paper", CREATE).end(), DONE, "what was approved is still approved");
    }
}

#[test]
fn an_approval_of_an_upload_holds_for_the_content() {
    let desk = Desk::open(ASK);
    let path = desk.put_aside("letter", "dear sir");
    let file = format!("--file=@{path}");
    let ticket = approved(&desk, "upload_file", &[&file]);
    assert!(shown(&desk, &ticket)["request"].to_string().contains("sha256"), "a person can tell what would be sent");
    desk.put_aside("letter", "dear mrs");
    assert_eq!(desk.call("upload_file", &[&file]).end(), ASKED, "as many bytes, but others");
    assert_eq!(desk.run(&["approvals:approve", &ticket, "--run", "--json"]).code, 4);
    std::fs::remove_file(&path).unwrap();
    assert_ne!(desk.call("upload_file", &[&file]).exit, 0);
    assert_ne!(desk.run(&["approvals:approve", &ticket, "--run", "--json"]).code, 0);
    assert_eq!(desk.sent(), 0);
    desk.put_aside("letter", "dear sir");
    assert_eq!(desk.run(&["approvals:approve", &ticket, "--run", "--json"]).code, 0);
    assert_eq!(desk.server.requests()[0].body, b"dear sir");
}

#[test]
fn an_approval_of_one_page_is_none_of_all_pages() {
    let desk = Desk::open(ASK);
    approved(&desk, "list_papers", &[]);
    assert_eq!(desk.call("list_papers", &["--all"]).end(), ASKED);
    assert_eq!(desk.sent(), 0);
    approved(&desk, "list_papers", &["--all", "--max-pages=1"]);
    assert_eq!(desk.call("list_papers", &["--all"]).end(), ASKED);
    assert_eq!(desk.call("list_papers", &["--all", "--max-pages=1"]).end(), DONE);
    approved(&desk, "list_papers", &["--all"]);
    assert_eq!((desk.call("list_papers", &["--all"]).end(), desk.sent()), (DONE, 3));
}

#[test]
fn time_ends_tickets() {
    let desk = Desk::open(ASK);
    let lasting = |seconds: u32| desk.home.config(&format!("{}[approvals]\nttl_seconds = {seconds}\n", Desk::text(&desk.server, ASK)));
    lasting(2);
    let ready = approved(&desk, "rename_paper", CREATE);
    lasting(1);
    let pending = desk.call("create_paper", CREATE).ticket();
    std::thread::sleep(Duration::from_millis(2_100));
    for words in [&["approvals:approve", &pending][..], &["approvals:approve", &pending, "--run"], &["approvals:deny", &pending]] {
        let run = desk.run(&[words, &["--json"]].concat());
        assert_eq!((run.code, run.json()["error"].to_string().contains("is expired")), (4, true), "{words:?}: {run:?}");
    }
    let run = desk.run(&["approvals:approve", &ready, "--run", "--json"]);
    assert_eq!((run.code, run.json()["error"].to_string().contains("is expired")), (4, true), "{run:?}");
    assert_eq!(desk.call("rename_paper", CREATE).end(), ASKED);
    assert_ne!(desk.call("create_paper", CREATE).ticket(), pending, "a new ticket takes its place");
    assert_eq!((shown(&desk, &pending)["state"].as_str(), shown(&desk, &ready)["state"].as_str()), (Some("expired"), Some("expired")));
    assert_eq!(desk.sent(), 0);
}

#[test]
fn an_approval_runs_at_once_when_asked_to() {
    let desk = Desk::open(ASK);
    let ticket = desk.call("create_paper", &["--title=a", "--account=work"]).ticket();
    let run = desk.run(&["approvals:approve", &ticket, "--run", "--json"]);
    assert_eq!((run.code, run.json()["meta"]["account"].as_str(), desk.sent()), (0, Some("work"), 1), "{run:?}");
    for words in [&["approvals:approve", &ticket, "--run"][..], &["approvals:approve", &ticket], &["approvals:deny", &ticket]] {
        let run = desk.run(&[words, &["--json"]].concat());
        assert_eq!((run.code, run.json()["error"].to_string().contains("is spent")), (4, true), "{words:?}: {run:?}");
    }
    assert_eq!((desk.call("create_paper", &["--title=a", "--account=work"]).end(), desk.sent()), (ASKED, 1));
    assert_eq!(desk.run(&["approvals:approve", "apr_000000000000", "--json"]).code, 3);
}

#[test]
fn a_denied_ticket_stays_denied() {
    let desk = Desk::open(ASK);
    let ticket = desk.call("create_paper", CREATE).ticket();
    assert_eq!(desk.run(&["approvals:deny", &ticket]).code, 0);
    for words in [&["approvals:approve", &ticket][..], &["approvals:approve", &ticket, "--run"], &["approvals:deny", &ticket]] {
        assert_eq!(desk.run(words).code, 4, "{words:?}");
    }
    let answer = desk.call("create_paper", CREATE);
    assert_eq!(answer.end(), ASKED);
    assert_ne!(answer.ticket(), ticket);
    let taken_back = approved(&desk, "rename_paper", CREATE);
    assert_eq!(desk.run(&["approvals:deny", &taken_back]).code, 0);
    assert_eq!((desk.call("rename_paper", CREATE).end(), desk.sent()), (ASKED, 0));
}

#[test]
fn an_approval_passes_every_other_check() {
    let desk = Desk::open(ASK);
    let ticket = approved(&desk, "create_paper", CREATE);
    let run = |exit: i32, code: &str| {
        let answer = desk.call("create_paper", CREATE);
        assert_eq!(answer.end(), (exit, code), "{answer:?}");
        let run = desk.run(&["approvals:approve", &ticket, "--run", "--json"]);
        assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (exit, Some(code)), "{run:?}");
        assert_eq!(desk.sent(), 0);
    };
    desk.settings("write = 'deny'");
    run(4, "permission_denied");
    desk.home.config("[integrations.desk]\nwrite = 'ask'\n");
    run(5, "inactive");
    desk.settings(ASK);
    assert_eq!(desk.run(&["integrations:disconnect", "desk"]).code, 0);
    run(5, "missing_credentials");
    desk.home.manifest(
        "desk",
        &MANIFEST.replace("title: {type: string,", "title: {type: string, minLength: 2,").replace("{title: a}", "{title: ab}"),
    );
    desk.store("default", TOKEN);
    run(2, "invalid_arguments");
    desk.home.manifest("desk", MANIFEST);
    assert_eq!(desk.call("create_paper", CREATE).end(), DONE);
}

#[test]
fn a_ticket_that_was_run_is_used_up_whatever_the_rules_say() {
    let desk = Desk::open(ASK);
    let ticket = desk.call("create_paper", CREATE).ticket();
    let other = Server::start(desk::answer);
    desk.home.config(&Desk::text(&other, "write = 'allow'"));
    assert_eq!(desk.run(&["approvals:approve", &ticket, "--run", "--json"]).code, 4, "not what was shown");
    assert_eq!((desk.sent(), other.requests().len()), (0, 0));
    desk.settings("write = 'allow'");
    assert_eq!(desk.run(&["approvals:approve", &ticket, "--run", "--json"]).code, 0);
    assert_eq!(desk.run(&["approvals:approve", &ticket, "--run", "--json"]).code, 4);
    desk.settings(ASK);
    assert_eq!((desk.call("create_paper", CREATE).end(), desk.sent()), (ASKED, 1), "the approval was for one request, and that was made");
}

/// Runs the same command eight times at once; the exit statuses, sorted.
fn at_once(desk: &Desk, words: &[&str]) -> Vec<i32> {
    let children: Vec<_> = (0..8).map(|_| desk.start(&[], words)).collect();
    let mut codes: Vec<i32> = children.into_iter().map(|child| desk.clean(words, finish(child, None)).code).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn of_many_at_once_one_gets_through() {
    let desk = Desk::open(ASK);
    let call = ["integrations:call", "desk.create_paper", "--title=a", "--json"];
    for round in 1..=3 {
        let ticket = approved(&desk, "create_paper", CREATE);
        assert_eq!(at_once(&desk, &call), [0, 4, 4, 4, 4, 4, 4, 4]);
        assert_eq!((desk.sent(), shown(&desk, &ticket)["state"].as_str()), (round, Some("spent")));
    }
    let ticket = desk.call("rename_paper", CREATE).ticket();
    assert_eq!(at_once(&desk, &["approvals:approve", &ticket, "--run", "--json"]), [0, 4, 4, 4, 4, 4, 4, 4]);
    assert_eq!(desk.sent(), 4);
    let ticket = desk.call("delete_paper", &["--paper=a"]).ticket();
    assert_eq!(at_once(&desk, &["approvals:approve", &ticket, "--json"]), [0, 4, 4, 4, 4, 4, 4, 4]);
    let spent = tickets(&desk).iter().filter(|ticket| ticket["state"] == "spent").count();
    assert_eq!(spent, 4);
}

#[test]
fn a_dry_run_shows_the_request_and_asks_nobody() {
    let desk = Desk::open(ASK);
    let dry = || desk.call("create_paper", &["--title=a", "--dry-run"]);
    let first = dry();
    assert_eq!((first.end(), &first.envelope["meta"]["dry_run"]), (ASKED, &json!(true)));
    let request = &first.envelope["meta"]["request"];
    assert_eq!((&request["method"], &request["body"]), (&json!("POST"), &json!({"title": "a"})));
    assert!(request["headers"].to_string().contains("«secret»"), "{request}");
    assert!(first.envelope["meta"].get("approval_id").is_none() && tickets(&desk).is_empty(), "{first:?}");
    let ticket = desk.call("create_paper", CREATE).ticket();
    assert_eq!(shown(&desk, &ticket)["digest"], request["digest"]);
    assert_eq!(shown(&desk, &ticket)["request"]["digest"], request["digest"]);
    assert_eq!(dry().end(), ASKED, "a ticket nobody decided changes nothing");
    desk.approve(&ticket);
    for _ in 0..2 {
        let planned = dry();
        assert_eq!((planned.end(), &planned.envelope["meta"]["request"]["digest"]), (DONE, &request["digest"]), "{planned:?}");
    }
    assert_eq!((desk.sent(), shown(&desk, &ticket)["state"].as_str()), (0, Some("approved")), "a dry run spends nothing");
    assert_eq!((desk.call("create_paper", CREATE).end(), desk.sent()), (DONE, 1));
    assert_eq!(dry().end(), ASKED);
}

#[test]
fn a_ticket_is_given_back_when_nothing_could_be_sent() {
    let desk = Desk::open(ASK);
    let run = desk.run(&["integrations:configure", "desk", "--set", "token=cmd:exit 7"]);
    assert_eq!(run.code, 0, "{run:?}");
    let ticket = approved(&desk, "create_paper", CREATE);
    assert_eq!(desk.call("create_paper", CREATE).end(), (5, "missing_credentials"));
    assert_eq!((desk.sent(), shown(&desk, &ticket)["state"].as_str()), (0, Some("approved")));
    desk.store("default", TOKEN);
    assert_eq!((desk.call("create_paper", CREATE).end(), desk.sent()), (DONE, 1));
    assert_eq!(shown(&desk, &ticket)["state"], "spent");
}

#[test]
fn nobody_is_asked_where_nobody_can_answer() {
    let desk = Desk::open(ASK);
    let words = ["integrations:call", "desk.create_paper", r#"{"title": "a"}"#];
    // A pipe that says yes is no person, and one that stays silent hangs nothing.
    for said in ["y\n", "yes\nyes\n"] {
        let run = desk.run_with(&words, said);
        assert_eq!((run.code, run.stderr.contains("[y/N]")), (4, false), "{run:?}");
    }
    let started = Instant::now();
    let mut command = desk.home.command(&words);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdin(reader).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let run = desk.clean(&words, finish(command.spawn().unwrap(), None));
    drop(writer);
    assert_eq!((run.code, run.stderr.contains("[y/N]")), (4, false), "{run:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!((desk.sent(), tickets(&desk).len()), (0, 1));
}

#[test]
fn a_ticket_holds_no_secret() {
    let desk = Desk::open(ASK);
    let ticket = desk.call("create_paper", CREATE).ticket();
    for words in
        [&["approvals:list"][..], &["approvals:show", &ticket], &["approvals:approve", &ticket], &["approvals:approve", &ticket, "--run"]]
    {
        let (text, json) = (desk.run(words), desk.run(&[words, &["--json"]].concat()));
        assert!(!text.stdout.is_empty() || !json.stdout.is_empty());
    }
    let shown = shown(&desk, &ticket);
    assert_eq!(shown["request"]["headers"]["x-token"], "«secret»");
    assert_eq!(shown["request"]["headers"]["x-note"], "plain", "what is no secret is shown");
}

#[test]
fn a_request_hides_nothing_from_who_decides() {
    let desk = Desk::open(ASK);
    let ticket = desk.call("create_paper", &["--title=a\u{202e}\u{200b}\u{1b}[2K"]).ticket();
    for words in [&["approvals:list"][..], &["approvals:show", &ticket]] {
        let run = desk.run(words);
        assert!(run.stdout.contains(&ticket) && !run.stdout.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{run:?}");
    }
    assert_eq!(shown(&desk, &ticket)["arguments"]["title"], "a\u{202e}\u{200b}\u{1b}[2K", "and is sent as it was given");
}
