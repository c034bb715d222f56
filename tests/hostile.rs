//! Servers that misbehave, by accident or on purpose: each gets the right code, a clear message, bounded time and memory,
//! and a write is never repeated. The provider is a user manifest, as a user would write one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::server::{Reply, Request, Server};

const MANIFEST: &str = r#"
id: host
title: Host
description: A test server.
category: test
auth_strategy: api_key
credentials: [{key: token, label: Token, secret: true}]
auth: {type: header, name: X-Token, value: "{token}"}
servers: {default: "http://127.0.0.1:1"}
functions:
  - {id: get, title: Get, description: Reads., operation: read, request: "GET /{path}", parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
  - {id: post, title: Post, description: Writes., operation: write, request: "POST /{path}", parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
  - {id: put, title: Put, description: Writes again., operation: write, request: "PUT /{path}", idempotent: true, parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
  - {id: file, title: File, description: Downloads., operation: read, request: "GET /{path}", response: binary, parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
  - {id: pages, title: Pages, description: Lists., operation: read, request: "GET /{path}", parameters: {path: {type: string, description: Path.}, c: {type: string, description: Cursor.}}, required: [path], pagination: {style: cursor, items: d, parameter: c, next: next}, examples: [{arguments: {path: x}}]}
  - {id: linked, title: Linked, description: Lists., operation: read, request: "GET /{path}", parameters: {path: {type: string, description: Path.}}, required: [path], pagination: {style: link, items: "."}, examples: [{arguments: {path: x}}]}
"#;

const TOKEN: &str = "tok3n/with+odd=chars";

pub fn host(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Home, Server) {
    let server = Server::start(handler);
    let home = Home::new();
    home.manifest("host", MANIFEST);
    home.config(&format!(
        "[integrations.host]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n[integrations.host.servers]\ndefault = \"{}\"\n",
        server.origin()
    ));
    (home.env("ANGELIA_HOST_TOKEN", TOKEN), server)
}

pub fn call(home: &Home, function: &str, path: &str, more: &[&str]) -> (i32, Value) {
    let name = format!("host.{function}");
    let path = format!("--path={path}");
    let words: Vec<&str> = ["integrations:call", &name, &path, "--json"].into_iter().chain(more.iter().copied()).collect();
    let run = home.run(&words);
    (run.code, run.json())
}

pub fn code(envelope: &Value) -> &str {
    envelope["error_detail"]["code"].as_str().unwrap_or("none")
}

#[test]
fn answers_that_are_not_json_are_said() {
    let table: [(&'static str, &'static str, &'static [u8], &str); 5] = [
        ("page", "text/html", b"<html>please log in</html>", "web page"),
        ("broken", "application/json", b"{\"a\":", "not valid JSON"),
        ("utf8", "application/json", b"{\"a\":\"\xff\"}", "not valid JSON: it is not UTF-8 (at byte 6)"),
        ("nan", "application/json", b"{\"a\":NaN}", "not valid JSON"),
        ("array", "application/json", b"[1,2", "not valid JSON"),
    ];
    let (home, _server) = host(move |request| {
        let row = table.iter().find(|row| request.path() == format!("/{}", row.0)).unwrap();
        Reply::ok(row.2).header("content-type", row.1)
    });
    for (path, _, _, said) in table {
        let (exit, envelope) = call(&home, "get", path, &[]);
        assert_eq!((exit, code(&envelope)), (6, "invalid_response"), "{path}: {envelope}");
        assert!(envelope["error"].as_str().unwrap().contains(said), "{path}: {envelope}");
        assert_eq!(envelope["error_detail"]["http_status"], 200);
    }
}

#[test]
fn deep_json_is_refused_and_digits_survive() {
    let (home, _server) = host(|request| match request.path() {
        "/deep" => Reply::ok(&[vec![b'['; 100_000], vec![b']'; 100_000]].concat()),
        _ => Reply::ok(br#"{"n":123456789012345678901234567890,"f":0.1000,"e":1E400}"#),
    });
    assert_eq!(code(&call(&home, "get", "deep", &[]).1), "invalid_response");
    let run = home.run(&["integrations:call", "host.get", "--path=digits", "--json"]);
    assert!(run.stdout.contains(r#""n":123456789012345678901234567890,"f":0.1000"#), "{}", run.stdout);
}

#[test]
fn an_empty_answer_is_no_data() {
    let (home, _server) = host(|request| if request.path() == "/204" { Reply::status(204) } else { Reply::ok(b"") });
    for path in ["204", "empty"] {
        let (exit, envelope) = call(&home, "get", path, &[]);
        assert_eq!((exit, &envelope["data"]), (0, &Value::Null));
    }
}

#[test]
fn half_a_body_is_tried_again_for_a_read_and_unknown_for_a_write() {
    let (home, server) = host(|_| Reply::half(b"{\"a\":", 1000));
    let (exit, envelope) = call(&home, "get", "x", &[]);
    assert_eq!((exit, code(&envelope), &envelope["meta"]["attempts"]), (6, "invalid_response", &json!(4)));
    let before = server.requests().len();
    let (exit, envelope) = call(&home, "post", "x", &[]);
    assert_eq!((exit, code(&envelope), &envelope["meta"]["attempts"]), (7, "outcome_unknown", &json!(1)));
    assert_eq!(envelope["error_detail"]["http_status"], 200);
    assert_eq!(server.requests().len(), before + 1, "a write is sent once");
}

#[test]
fn a_reset_after_a_write_is_an_unknown_outcome_in_the_audit_log() {
    let (home, server) = host(|_| Reply::reset());
    let (exit, envelope) = call(&home, "post", "x", &[]);
    assert_eq!((exit, code(&envelope)), (7, "outcome_unknown"));
    assert_eq!(server.requests().len(), 1);
    let audit = home.run(&["audit:list", "--json"]).json();
    assert_eq!(audit["calls"][0]["outcome"], "unknown");
    let (exit, envelope) = call(&home, "get", "x", &[]);
    assert_eq!((exit, code(&envelope)), (7, "unreachable"), "{envelope}");
    let (_, envelope) = call(&home, "put", "x", &[]);
    assert_eq!((code(&envelope), &envelope["meta"]["attempts"]), ("outcome_unknown", &json!(4)), "an idempotent write is tried again");
}

#[test]
fn nothing_listening_is_unreachable_also_for_a_write() {
    let (home, server) = host(|_| Reply::ok(b"{}"));
    drop(server);
    for function in ["get", "post"] {
        let (exit, envelope) = call(&home, function, "x", &[]);
        assert_eq!((exit, code(&envelope)), (7, "unreachable"), "{envelope}");
    }
    let audit = home.run(&["audit:list", "--json", "--function", "host.post"]).json();
    assert_eq!(audit["calls"][0]["outcome"], "failed");
}

#[test]
fn a_read_waits_as_it_is_told_and_a_write_is_not_repeated() {
    let (home, server) = host(|request| match (request.path(), request.nth()) {
        ("/later", 1) => Reply::status(429).header("retry-after", "1"),
        ("/oops", 1) => Reply::status(500),
        ("/never", _) => Reply::status(429).header("retry-after", "3600").body(b"{\"message\":\"slow down\"}"),
        ("/limit", _) => Reply::status(429),
        _ => Reply::ok(b"{\"ok\":true}"),
    });
    let (exit, envelope) = call(&home, "get", "later", &[]);
    assert_eq!((exit, &envelope["meta"]["attempts"]), (0, &json!(2)));
    assert!(envelope["duration_ms"].as_f64().unwrap() >= 1000.0);
    assert_eq!(call(&home, "get", "oops", &[]).1["meta"]["attempts"], 2);
    let (exit, envelope) = call(&home, "get", "never", &[]);
    assert_eq!((exit, code(&envelope), &envelope["meta"]["attempts"]), (6, "rate_limited", &json!(1)));
    assert_eq!((&envelope["error_detail"]["retry_after_ms"], &envelope["error_detail"]["retryable"]), (&json!(3_600_000), &json!(true)));
    let (_, envelope) = call(&home, "get", "limit", &[]);
    assert_eq!((code(&envelope), &envelope["meta"]["attempts"]), ("rate_limited", &json!(4)));
    let before = server.requests().len();
    let (exit, envelope) = call(&home, "post", "limit", &[]);
    assert_eq!((exit, code(&envelope)), (6, "rate_limited"));
    assert_eq!(server.requests().len(), before + 1);
}

#[test]
fn huge_endless_and_packed_bodies_are_bounded() {
    let (home, _server) = host(|request| match request.path() {
        "/huge" => Reply::huge(1_000_000_000),
        "/endless" => Reply::endless(),
        _ => Reply::gzip_bomb(60 << 20),
    });
    for path in ["huge", "endless", "bomb"] {
        let (exit, envelope) = call(&home, "get", path, &["--timeout", "30"]);
        assert_eq!((exit, code(&envelope)), (6, "invalid_response"), "{path}: {envelope}");
        assert!(envelope["error"].as_str().unwrap().contains("more than 52428800 bytes"), "{path}");
    }
}

#[test]
fn a_slow_trickle_ends_at_the_time_limit() {
    let (home, _server) = host(|_| Reply::trickle(Duration::from_millis(50)));
    let (exit, envelope) = call(&home, "get", "x", &["--timeout", "0.6"]);
    assert_eq!((exit, code(&envelope)), (7, "timeout"), "{envelope}");
    assert!(envelope["duration_ms"].as_f64().unwrap() < 5_000.0);
    let (exit, envelope) = call(&home, "post", "x", &["--timeout", "0.6"]);
    assert_eq!((exit, code(&envelope)), (7, "outcome_unknown"));
}

#[test]
fn redirects_carry_no_credentials_away_and_end() {
    let other = Server::start(|request| Reply::ok(json!({"token": request.header("x-token")}).to_string().as_bytes()));
    let away = other.origin().replace("127.0.0.1", "localhost");
    let (home, _server) = host(move |request| match request.path() {
        "/away" => Reply::status(302).header("location", &format!("{away}/caught")),
        "/here" => Reply::status(302).header("location", "/end"),
        "/loop" => Reply::status(302).header("location", "/loop"),
        "/file" => Reply::status(302).header("location", "file:///etc/passwd"),
        "/end" => Reply::ok(json!({"token": request.header("x-token").is_some()}).to_string().as_bytes()),
        other => Reply::status(404).body(other.as_bytes()),
    });
    assert_eq!(call(&home, "get", "away", &[]).1["data"], json!({"token": null}), "another host sees no credential");
    assert_eq!(call(&home, "get", "here", &[]).1["data"], json!({"token": true}));
    for path in ["loop", "file"] {
        assert_eq!(code(&call(&home, "get", path, &[]).1), "invalid_response", "{path}");
    }
    let (exit, envelope) = call(&home, "post", "away", &[]);
    assert_eq!(
        (exit, code(&envelope), &envelope["error_detail"]["http_status"]),
        (7, "outcome_unknown", &json!(302)),
        "a write is not sent elsewhere"
    );
    assert_eq!(other.requests().len(), 1);
}

#[test]
fn private_addresses_are_closed_until_opened() {
    let (home, server) = host(|_| Reply::ok(b"{}"));
    home.config(&format!(
        "[integrations.host]\nenabled = true\nread = \"allow\"\n[integrations.host.servers]\ndefault = \"{}\"\n",
        server.origin().replace("127.0.0.1", "localtest.invalid")
    ));
    assert_eq!(call(&home, "get", "x", &[]).0, 7, "a name that does not resolve");
    for address in [server.origin(), server.origin().replace("127.0.0.1", "localhost"), server.origin().replace("127.0.0.1", "2130706433")]
    {
        home.config(&format!(
            "[integrations.host]\nenabled = true\nread = \"allow\"\n[integrations.host.servers]\ndefault = \"{address}\"\n"
        ));
        let (exit, envelope) = call(&home, "get", "x", &[]);
        assert_eq!((exit, code(&envelope)), (7, "unreachable"), "{address}: {envelope}");
        assert!(envelope["error"].as_str().unwrap().contains("private address"), "{envelope}");
        assert!(envelope["error_detail"]["hints"].to_string().contains("--allow-private"));
    }
    assert!(server.requests().is_empty(), "nothing was sent");
}

#[test]
fn a_credential_that_comes_back_is_scrubbed_everywhere() {
    let (home, _server) = host(|request| {
        let token = request.header("x-token").unwrap_or_default().to_owned();
        let forms = json!({"plain": token, "in key": {format!("k{token}"): 1}, "url": "tok3n%2Fwith%2Bodd%3Dchars", "base64": "dG9rM24vd2l0aCtvZGQ9Y2hhcnM="});
        let reply = if request.path() == "/fail" { Reply::status(400) } else { Reply::ok(b"") };
        reply.header("x-request-id", &token).body(forms.to_string().as_bytes())
    });
    for words in [vec!["get", "echo"], vec!["get", "fail"], vec!["file", "fail"]] {
        let name = format!("host.{}", words[0]);
        let path = format!("--path={}", words[1]);
        for more in [vec!["--json"], vec![]] {
            let run = home.run(&[vec!["integrations:call", &name, &path], more].concat());
            let all = format!("{}{}", run.stdout, run.stderr);
            for form in [TOKEN, "tok3n%2Fwith", "dG9rM24vd2l0aCtvZGQ9Y2hhcnM"] {
                assert!(!all.contains(form), "{form} in {all}");
            }
            assert!(all.contains("«secret»"));
        }
    }
    let record = home.path().join("recorded");
    drop(home.run(&["integrations:call", "host.get", "--path=echo", "--json", "--record", record.to_str().unwrap()]));
    assert!(std::fs::read_dir(&record).unwrap().count() > 0);
    for file in home.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(TOKEN), "{}", file.display());
    }
}

#[test]
fn lists_stop_where_they_cannot_go_on() {
    let (home, _server) = host(|request| match request.path() {
        "/same" => Reply::ok(b"{\"d\":[1],\"next\":\"x\"}"),
        "/breaks" if request.query("c").is_some() => Reply::status(403).body(b"{\"message\":\"no more\"}"),
        "/breaks" => Reply::ok(b"{\"d\":[1,2],\"next\":\"y\"}"),
        "/three" => {
            let page: u32 = request.query("c").and_then(|c| c.parse().ok()).unwrap_or(1);
            Reply::ok(
                json!({"d": [page * 10, page * 10 + 1], "next": if page < 3 { Some((page + 1).to_string()) } else { None }})
                    .to_string()
                    .as_bytes(),
            )
        }
        "/foreign" => Reply::ok(b"[1]").header("link", "<http://192.0.2.1/x>; rel=\"next\""),
        other => Reply::status(404).body(other.as_bytes()),
    });
    let meta = |envelope: &Value| {
        (
            envelope["meta"]["complete"].clone(),
            envelope["meta"]["stopped_by"].clone(),
            envelope["meta"]["pages"].clone(),
            envelope["meta"]["items"].clone(),
        )
    };
    let (_, envelope) = call(&home, "pages", "same", &["--all"]);
    assert_eq!(meta(&envelope), (json!(false), json!("repeated_cursor"), json!(2), json!(2)));
    let (exit, envelope) = call(&home, "pages", "breaks", &["--all"]);
    assert_eq!((exit, code(&envelope), &envelope["success"]), (6, "provider_error", &json!(false)));
    assert_eq!(envelope["data"]["d"], json!([1, 2]), "what was read is kept");
    assert_eq!(meta(&envelope), (json!(false), json!("error"), json!(1), json!(2)));
    let (_, envelope) = call(&home, "pages", "three", &["--all"]);
    assert_eq!(
        (envelope["data"]["d"].clone(), meta(&envelope)),
        (json!([10, 11, 20, 21, 30, 31]), (json!(true), Value::Null, json!(3), json!(6)))
    );
    assert_eq!(meta(&call(&home, "pages", "three", &[]).1), (json!(false), json!("one_page"), json!(1), json!(2)));
    assert_eq!(meta(&call(&home, "pages", "three", &["--max-items", "3"]).1), (json!(false), json!("max_items"), json!(2), json!(3)));
    assert_eq!(meta(&call(&home, "pages", "three", &["--max-items", "6"]).1), (json!(true), Value::Null, json!(3), json!(6)));
    assert_eq!(meta(&call(&home, "pages", "three", &["--max-pages", "2"]).1), (json!(false), json!("max_pages"), json!(2), json!(4)));
    let (_, envelope) = call(&home, "linked", "foreign", &["--all"]);
    assert_eq!(meta(&envelope), (json!(false), json!("foreign_host"), json!(1), json!(1)));
    let run = home.run(&["integrations:call", "host.pages", "--path=three", "--all", "--ndjson"]);
    assert_eq!(run.stdout, "10\n11\n20\n21\n30\n31\n");
    let envelope: Value = serde_json::from_str(run.stderr.trim()).unwrap();
    assert_eq!(envelope["meta"]["complete"], true);
}

#[test]
fn downloads_appear_whole_or_not_at_all() {
    let (home, _server) = host(|request| match request.path() {
        "/good" => Reply::ok(&[7_u8; 3_000_000]).header("content-type", "application/octet-stream"),
        "/half" => Reply::half(b"only some", 100_000),
        _ => Reply::status(404).body(b"{\"message\":\"gone\"}"),
    });
    let target = home.path().join("file.bin");
    let output = target.to_str().unwrap();
    let (exit, envelope) = call(&home, "file", "half", &["--output", output]);
    assert_eq!((exit, code(&envelope)), (6, "invalid_response"), "{envelope}");
    assert!(!target.exists());
    assert_eq!(call(&home, "file", "missing", &["--output", output]).0, 6);
    assert!(!target.exists());
    let (exit, envelope) = call(&home, "file", "good", &["--output", output]);
    assert_eq!((exit, &envelope["data"]["size"]), (0, &json!(3_000_000)));
    assert_eq!(std::fs::read(&target).unwrap(), vec![7_u8; 3_000_000]);
    let (exit, envelope) = call(&home, "file", "good", &["--output", output]);
    assert_eq!((exit, code(&envelope)), (2, "usage"), "an existing file is not replaced unasked: {envelope}");
    assert_eq!(call(&home, "file", "good", &["--output", output, "--overwrite"]).0, 0);
}
