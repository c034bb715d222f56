//! Sessions: answers as JSON and as streams, resuming, and every bound on what one client may hold.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::door::{INITIALIZE, Setting, call};

fn with_token(id: u64, ms: u64) -> String {
    let params = json!({"name": "said", "arguments": {"ms": ms}, "_meta": {"progressToken": "t"}});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

/// The messages of a stream.
fn messages(stream: &str) -> Vec<Value> {
    stream.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

#[test]
fn what_is_known_at_once_is_json_and_what_takes_time_is_a_stream() {
    let door = Setting::default().open();
    let answer = door.post(&[], INITIALIZE);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.json()["result"]["protocolVersion"], "2025-11-25");
    let client = door.session(&[]);
    let fast = client.call(1, "said", &json!({}));
    assert_eq!((fast.headers["content-type"].as_str(), fast.text().as_str()), ("application/json", "said"));
    let slow = client.call(2, "said", &json!({"ms": 1000}));
    assert_eq!(slow.headers["content-type"], "text/event-stream");
    assert_eq!(messages(&slow.body)[0]["result"]["content"][0]["text"], "said");
    let telling = client.post(&with_token(3, 0));
    let told = messages(&telling.body);
    assert_eq!((told[0]["method"].as_str(), told[1]["id"].as_u64()), (Some("notifications/progress"), Some(3)), "{telling:?}");
    let large = client.call(4, "large", &json!({"bytes": 3 << 20}));
    assert_eq!(large.text().len(), 3 << 20);
}

#[test]
fn requests_of_the_newest_revision_need_no_session() {
    let door = Setting::default().open();
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "who", "arguments": {}, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "who")];
    let key = door.key(&["a"]);
    let answer = door.post(&[&headers[..], &[("Authorization", &key)]].concat(), &body);
    assert_eq!((answer.status, answer.text().as_str()), (200, "a/None"), "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[test]
fn a_session_ends_when_its_client_says_so() {
    let door = Setting::default().open();
    let client = door.session(&[]);
    assert!(client.ask("DELETE", &[], "").status < 300);
    let answer = client.call(1, "who", &json!({}));
    assert_eq!((answer.status, answer.code()), (404, -32001));
    assert_eq!(client.ask("DELETE", &[], "").status, 404);
}

#[test]
fn an_answer_waits_for_a_client_that_lost_its_stream() {
    let mut setting = Setting::default();
    setting.limits.at_once = Duration::from_millis(50);
    let door = setting.open();
    let client = door.session(&[]);
    for (id, away, takes) in [(1, 1500, 700), (2, 0, 1500)] {
        let mut wire = client.begin("POST", &[], &call(id, "said", &json!({"ms": takes})));
        assert_eq!(wire.head().headers["content-type"], "text/event-stream");
        let first = wire.chunk().unwrap();
        let event = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
        drop(wire);
        std::thread::sleep(Duration::from_millis(away));
        let resumed = client.ask("GET", &[("Last-Event-ID", &event)], "");
        let answer = messages(&resumed.body);
        assert_eq!((answer.len(), answer[0]["id"].as_u64()), (1, Some(id)), "{resumed:?}");
        assert_eq!(answer[0]["result"]["content"][0]["text"], "said");
    }
    let other = door.session(&[]);
    for event in ["0/0", "0/7", "9/9/9", "x", "18446744073709551616/1"] {
        let answer = other.ask("GET", &[("Last-Event-ID", event)], "");
        assert_eq!((answer.status, messages(&answer.body).len()), (200, 0), "nothing of another session: {event}");
    }
}

#[test]
fn an_id_is_used_once_at_a_time() {
    let door = Setting::default().open();
    let client = door.session(&[]);
    let mut first = client.begin("POST", &[], &call(7, "said", &json!({"ms": 1500})));
    std::thread::sleep(Duration::from_millis(100));
    let again = client.call(7, "said", &json!({}));
    assert_eq!((again.status, again.code(), &again.json()["id"]), (400, -32600, &json!(7)));
    assert_eq!(first.answer().json()["id"], 7);
    assert_eq!(client.call(7, "said", &json!({})).text(), "said", "and again when it is done");
    // A request that was called off frees its id.
    let _waiting = client.begin("POST", &[], &call(8, "said", &json!({"ms": 60_000})));
    std::thread::sleep(Duration::from_millis(100));
    let cancelled = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}"#;
    assert_eq!(client.post(cancelled).status, 202);
    let until = Instant::now() + Duration::from_secs(5);
    while client.call(8, "said", &json!({})).status != 200 {
        assert!(Instant::now() < until, "it frees its id");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_session_runs_so_many_requests_and_holds_so_many_streams() {
    let mut setting = Setting::default();
    setting.limits.requests = 3;
    let door = setting.open();
    let client = door.session(&[]);
    let mut waiting: Vec<_> = (0..3).map(|id| client.begin("POST", &[], &call(id, "said", &json!({"ms": 2000})))).collect();
    std::thread::sleep(Duration::from_millis(150));
    let over = client.call(9, "said", &json!({}));
    assert_eq!((over.status, over.headers["retry-after"].as_str()), (429, "1"));
    // Leaving does not make room: what was begun goes on.
    drop(waiting.pop());
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(client.call(9, "said", &json!({})).status, 429);
    assert_eq!(door.session(&[]).call(9, "said", &json!({})).status, 200, "others are not affected");
    for mut wire in waiting {
        assert_eq!(wire.answer().text(), "said");
    }
    let until = Instant::now() + Duration::from_secs(5);
    while client.call(9, "said", &json!({})).status != 200 {
        assert!(Instant::now() < until, "what is done makes room");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut streams: Vec<_> = (0..8).map(|_| client.begin("GET", &[], "")).collect();
    assert!(streams.iter_mut().all(|wire| wire.head().status == 200));
    assert_eq!(client.ask("GET", &[], "").status, 429);
    drop(streams);
    let until = Instant::now() + Duration::from_secs(5);
    while client.begin("GET", &[], "").head().status != 200 {
        assert!(Instant::now() < until, "streams that were left are forgotten");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn there_are_so_many_sessions_and_those_that_nobody_uses_end() {
    let mut setting = Setting { require_key: true, ..Setting::default() };
    (setting.limits.sessions, setting.limits.sessions_of_key, setting.limits.idle) = (3, 2, Duration::from_secs(2));
    let door = setting.open();
    let (one, two) = (door.key(&["one"]), door.key(&["two"]));
    let opened: Vec<_> = (0..2).map(|_| door.session(&[("Authorization", &one)])).collect();
    let over = door.post(&[("Authorization", &one)], INITIALIZE);
    assert_eq!((over.status, over.code(), over.headers.contains_key("retry-after")), (503, -32000, true));
    let other = door.session(&[("Authorization", &two)]);
    assert_eq!(door.post(&[("Authorization", &two)], INITIALIZE).status, 503);
    // A stream that is open, and a call that runs, are use.
    let stream = opened[0].begin("GET", &[], "");
    let mut long = opened[1].begin("POST", &[], &call(1, "said", &json!({"ms": 4000})));
    let until = Instant::now() + Duration::from_secs(8);
    while other.call(1, "who", &json!({})).status == 200 {
        assert!(Instant::now() < until, "it is in use all the time");
        std::thread::sleep(Duration::from_millis(2600));
    }
    assert_eq!(long.answer().text(), "said");
    assert_eq!(opened[0].call(1, "who", &json!({})).status, 200);
    drop(stream);
    let until = Instant::now() + Duration::from_secs(8);
    while opened[0].begin("GET", &[], "").head().status == 200 {
        assert!(Instant::now() < until, "a session that nobody uses ends");
        std::thread::sleep(Duration::from_millis(2600));
    }
    assert_eq!(door.session(&[("Authorization", &one)]).call(1, "who", &json!({})).text(), "one/None", "and there is room again");
}

#[test]
fn a_client_that_reads_nothing_holds_up_nobody_for_long() {
    let mut setting = Setting::default();
    setting.limits.stall = Duration::from_millis(500);
    let door = setting.open();
    let client = door.session(&[]);
    let _deaf: Vec<_> = (0..3).map(|id| client.begin("POST", &[], &call(id, "large", &json!({"bytes": 32 << 20})))).collect();
    std::thread::sleep(Duration::from_millis(2500));
    let begun = Instant::now();
    assert_eq!(client.call(9, "said", &json!({})).text(), "said");
    assert!(begun.elapsed() < Duration::from_secs(5));
}
