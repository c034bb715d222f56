//! What is said after a write was sent, or may have been: never that nothing happened when something did. And what is not sent because it
//! could not be told of afterwards.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hostile::{call, code, host};
use crate::support::home::{Home, finish};
use crate::support::server::{Reply, Server};

fn outcome(home: &Home) -> String {
    home.run(&["audit:list", "--json"]).json()["calls"][0]["outcome"].as_str().unwrap().to_owned()
}

fn hints(envelope: &Value) -> String {
    envelope["error_detail"]["hints"].to_string()
}

#[test]
fn a_status_that_leaves_a_write_open_is_no_reason_to_send_it_again() {
    let (home, _server) = host(|request| Reply::status(request.path()[1..].parse().unwrap()).header("retry-after", "0"));
    for status in ["408", "500", "502", "503", "504"] {
        let (exit, envelope) = call(&home, "post", status, &[]);
        assert_eq!((exit, code(&envelope)), (6, "provider_error"), "{envelope}");
        let detail = &envelope["error_detail"];
        assert_eq!((&detail["retryable"], &detail["retry_after_ms"]), (&json!(false), &Value::Null), "{status}");
        assert!(hints(&envelope).contains("may have taken effect"), "{envelope}");
        assert_eq!(outcome(&home), "unknown", "{status}");
    }
    for (function, status, retryable, recorded) in
        [("post", "429", true, "failed"), ("post", "400", false, "failed"), ("put", "503", true, "unknown"), ("get", "500", true, "failed")]
    {
        let (_, envelope) = call(&home, function, status, &[]);
        assert_eq!(envelope["error_detail"]["retryable"], retryable, "{function} {status}");
        assert_eq!(outcome(&home), recorded, "{function} {status}");
    }
}

#[test]
fn a_write_that_was_taken_points_to_its_answer() {
    let other = Server::start(|_| Reply::ok(b"{}"));
    let away = other.origin();
    let (home, server) = host(move |request| match (request.method.as_str(), request.path()) {
        ("POST", "/seen") => Reply::status(303).header("location", "/item"),
        ("POST", "/found") => Reply::status(302).header("location", "/item"),
        ("PUT", "/seen") => Reply::status(303).header("location", "/item"),
        ("PUT", "/found") => Reply::status(302).header("location", "/item"),
        ("POST", "/slash") => Reply::status(302).header("location", "/slash/"),
        ("POST", "/moved") => Reply::status(301).header("location", "/item"),
        ("POST", "/gone") => Reply::status(303).header("location", "/nowhere"),
        ("POST", "/away") => Reply::status(303).header("location", &format!("{away}/caught")),
        ("GET", "/item") => Reply::ok(json!({"id": 7, "token": request.header("x-token").is_some()}).to_string().as_bytes()),
        _ => Reply::status(404).body(b"{\"message\":\"no\"}"),
    });
    for (function, path) in [("post", "seen"), ("post", "found"), ("put", "seen")] {
        let (exit, envelope) = call(&home, function, path, &[]);
        assert_eq!((exit, &envelope["data"]), (0, &json!({"id": 7, "token": true})), "{function} {path}: {envelope}");
        assert_eq!(outcome(&home), "succeeded");
    }
    let followed = server.requests().iter().filter(|request| request.method == "GET").all(|request| request.body.is_empty());
    assert!(followed);
    for path in ["slash", "moved"] {
        let (exit, envelope) = call(&home, "post", path, &[]);
        assert_eq!((exit, code(&envelope), outcome(&home).as_str()), (6, "provider_error", "failed"), "{path}: {envelope}");
    }
    for (function, path) in [("post", "gone"), ("post", "away"), ("put", "found")] {
        let (exit, envelope) = call(&home, function, path, &[]);
        assert_eq!((exit, code(&envelope), outcome(&home).as_str()), (7, "outcome_unknown", "unknown"), "{path}: {envelope}");
        assert_eq!(envelope["error_detail"]["retryable"], false);
    }
    assert!(other.requests().is_empty(), "another host gets nothing of a write");
}

#[test]
fn an_answer_that_cannot_be_kept_does_not_look_unsent() {
    let folder = tempfile::tempdir().unwrap();
    let (output, tape) = (folder.path().join("answer.json"), folder.path().join("tape"));
    let (file, tapes) = (output.clone(), tape.clone());
    let (home, server) = host(move |_| {
        drop(std::fs::write(&file, "somebody was faster"));
        drop(std::fs::remove_dir_all(&tapes));
        Reply::ok(b"{\"id\":1}")
    });
    let (output, tape) = (output.display().to_string(), tape.display().to_string());
    for (function, wanted) in [("post", (7, "outcome_unknown")), ("get", (2, "usage"))] {
        for words in [["--output", &output], ["--record", &tape]] {
            drop(std::fs::remove_file(&output));
            let (exit, envelope) = call(&home, function, "x", &words);
            assert_eq!((exit, code(&envelope)), wanted, "{words:?}: {envelope}");
            assert_eq!((&envelope["data"], outcome(&home).as_str()), (&json!({"id": 1}), "succeeded"), "{words:?}");
            assert!(envelope["error"].as_str().unwrap().contains("The call itself was done"), "{envelope}");
        }
    }
    let (exit, envelope) = call(&home, "post", "x", &["--select", ".id | error"]);
    assert_eq!((exit, code(&envelope), &envelope["data"]), (7, "outcome_unknown", &json!({"id": 1})), "{envelope}");
    // What can be known before is known before.
    let before = server.requests().len();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let inside = format!("{}/x", file.display());
    for words in [["--output", "/proc/answer.json"], ["--record", &inside], ["--record", "/proc/tape"], ["--output", "/proc/self/x.json"]] {
        let (exit, envelope) = call(&home, "post", "x", &words);
        assert_eq!((exit, code(&envelope)), (2, "usage"), "{words:?}: {envelope}");
    }
    assert_eq!(server.requests().len(), before);
    let (exit, _) = call(&home, "file", "x", &["--output", "/proc/answer.bin"]);
    assert_eq!((exit, server.requests().len()), (2, before));
}

#[test]
fn what_cannot_be_recorded_is_read_but_not_written() {
    let (home, server) = host(|_| Reply::ok(b"{\"id\":1}"));
    std::fs::write(home.root().join("data"), "no folder").unwrap();
    let (exit, envelope) = call(&home, "get", "x", &[]);
    assert_eq!((exit, &envelope["meta"]["unrecorded"]), (0, &json!(true)), "{envelope}");
    let (exit, envelope) = call(&home, "post", "x", &[]);
    assert_ne!(exit, 0);
    assert!(envelope["error"].as_str().unwrap().contains("it was not sent"), "{envelope}");
    assert_eq!((&envelope["meta"]["unrecorded"], server.requests().len()), (&json!(true), 1));
    std::fs::remove_file(home.root().join("data")).unwrap();
    let (exit, envelope) = call(&home, "post", "x", &[]);
    assert_eq!((exit, &envelope["meta"]["unrecorded"]), (0, &Value::Null), "{envelope}");
}

#[test]
fn the_system_may_end_a_call_as_a_person_may() {
    let (home, server) = host(|_| Reply::trickle(Duration::from_millis(50)));
    for (function, recorded) in [("post", "unknown"), ("get", "failed")] {
        let before = server.requests().len();
        let words = ["integrations:call", &format!("host.{function}"), "--path=x", "--json"];
        let child = home.command(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while server.requests().len() == before && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(100));
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let run = finish(child, None);
        let envelope = run.json();
        assert_eq!((run.code, code(&envelope), outcome(&home).as_str()), (143, "cancelled", recorded), "{function}: {envelope}");
    }
}

#[test]
fn answers_are_read_in_the_charset_they_have() {
    let (home, _server) = host(|request| match request.path() {
        "/bom" => Reply::ok("\u{feff}{\"a\":\"é\"}".as_bytes()),
        "/latin" => Reply::ok(b"{\"a\":\"\xe9\"}").header("content-type", "application/json; charset=ISO-8859-1"),
        "/wrongly" => Reply::ok("{\"a\":\"é\"}".as_bytes()).header("content-type", "application/json;charset=\"iso-8859-1\""),
        "/wide" => Reply::ok(&"{\"a\":\"é\"}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
            .header("content-type", "application/json; charset=utf-16le"),
        "/marked" => Reply::ok(&"\u{feff}{\"a\":\"é\"}".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()),
        _ => Reply::ok(b"{\"a\":\"\xe9\"}"),
    });
    for path in ["bom", "latin", "wrongly", "wide", "marked"] {
        let (exit, envelope) = call(&home, "post", path, &[]);
        assert_eq!((exit, &envelope["data"]["a"]), (0, &json!("é")), "{path}: {envelope}");
    }
    let (exit, envelope) = call(&home, "get", "undeclared", &[]);
    assert_eq!((exit, code(&envelope)), (6, "invalid_response"), "{envelope}");
}

#[test]
fn hints_say_what_helps_here() {
    let (home, _server) = host(|request| match request.path() {
        "/later" => Reply::status(429).header("retry-after", "3660").body(b"{\"message\":\"slow down\"}"),
        "/huge" => Reply::huge(100_000_000),
        _ => Reply::status(401),
    });
    let run = home.run(&["integrations:call", "host.get", "--path=later"]);
    assert!(run.stderr.contains("The service asks to wait 1 hour 1 minute before"), "{}", run.stderr);
    let home = home.env("ANGELIA_HOST__EXP__TOKEN", "expired");
    let told = hints(&call(&home, "get", "x", &["--account=exp"]).1);
    assert!(
        told.contains("integrations:doctor host --account exp") && told.contains("integrations:configure host --account exp"),
        "{told}"
    );
    assert!(hints(&call(&home, "get", "x", &[]).1).contains("integrations:configure host\""));
    for (function, more, offered) in [("get", &[][..], false), ("get", &["--output=f"], false), ("file", &[], true)] {
        let (_, envelope) = call(&home, function, "huge", more);
        assert_eq!(hints(&envelope).contains("--output"), offered, "{function}: {envelope}");
        assert!(hints(&envelope).contains("config:set http.max_response_bytes 5"), "{envelope}");
    }
}

#[test]
fn nobody_waits_for_what_was_recorded() {
    let (home, _server) = host(|request| match request.nth() {
        1 => Reply::status(429).header("retry-after", "2"),
        _ => Reply::ok(b"{}"),
    });
    let tape = home.path().join("tape").display().to_string();
    assert_eq!(call(&home, "get", "x", &["--record", &tape]).0, 0);
    let started = Instant::now();
    assert_eq!(call(&home, "get", "x", &["--replay", &tape]).0, 0);
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
}

#[test]
fn a_home_that_is_not_used_is_named() {
    let home = Home::new().env("ANGELIA_HOME", "relative");
    let run = home.run(&["config:get", "http.retries"]);
    assert!(run.stderr.contains("'relative', which is not an absolute path"), "{run:?}");
}
