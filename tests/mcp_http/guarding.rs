//! Names, pages, keys, and messages that are none.

use std::io::Write;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use serde_json::json;

use super::door::{INITIALIZE, Setting, bearer, call, request};
use crate::support::home::Home;

#[test]
fn other_names_and_pages_of_others_are_refused() {
    let door =
        Setting { hosts: vec!["mcp.example.com".into()], origins: vec!["https://app.example.com".into()], ..Setting::default() }.open();
    for headers in [
        &[("Host", "evil.example")][..],
        &[("Host", "localhost.evil.example:80")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", "http://localhost.evil.example")],
        &[("Host", "localhost"), ("Host", "evil.example")],
    ] {
        let answer = door.post(headers, INITIALIZE);
        assert_eq!((answer.status, answer.code()), (403, -32000), "{headers:?}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
        assert!(!answer.headers.contains_key("mcp-session-id"));
    }
    assert_eq!(door.ask("GET", "/healthz", &[("Host", "evil.example")], "").status, 403);
    for headers in [&[("Host", "mcp.example.com:9")][..], &[("Host", "[::1]:1")], &[("Origin", "http://localhost:5173")]] {
        let answer = door.post(headers, INITIALIZE);
        assert_eq!(answer.status, 200, "{headers:?}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{headers:?}");
    }
    let page = [("Origin", "https://app.example.com")];
    let answer = door.post(&page, INITIALIZE);
    assert_eq!(answer.headers["access-control-allow-origin"], "https://app.example.com");
    let answer = door.ask("OPTIONS", "/mcp", &page, "");
    assert_eq!((answer.status, answer.headers["access-control-allow-methods"].as_str()), (204, "GET, POST, DELETE"));
    assert!(!door.ask("OPTIONS", "/mcp", &[("Origin", "http://localhost:1")], "").headers.contains_key("access-control-allow-methods"));
}

#[test]
fn keys_open_the_door_until_they_are_revoked() {
    let home = Home::new();
    home.config("[mcp.profiles.reader]\nread_only = true");
    let door = Setting { require_key: true, ..Setting::default() }.try_open(home).unwrap();
    let refused = |headers: &[(&str, &str)], status: u16| {
        let answer = door.post(headers, INITIALIZE);
        assert_eq!((answer.status, answer.code()), (status, -32000), "{headers:?}");
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401, "{headers:?}");
    };
    refused(&[], 401);
    refused(&[("Authorization", "Bearer angelia_no")], 401);
    assert_eq!(door.ask("GET", "/healthz", &[], "").body, r#"{"status":"ok"}"#);
    let key = door.key(&["laptop", "--profile=reader"]);
    refused(&[("Authorization", &key.replace("Bearer", "Basic"))], 401);
    refused(&[("Authorization", &key), ("Authorization", &key)], 401);
    refused(&[("Authorization", &key[..key.len() - 1])], 401);
    let secret = key.trim_start_matches("Bearer ");
    for query in [format!("?x={secret}"), String::from("?token=x"), String::from("?Access_Token=x")] {
        let answer = door.ask("POST", &format!("/mcp{query}"), &[("Authorization", &key)], INITIALIZE);
        assert_eq!((answer.status, answer.code()), (400, -32000), "{query}");
    }
    let client = door.session(&[("Authorization", &key)]);
    assert_eq!(client.call(1, "who", &json!({})).text(), "laptop/Some(\"reader\")");
    let listed = door.home.run(&["mcp:key:list", "--json"]).json();
    assert_eq!(listed["keys"][0]["name"], "laptop");
    assert!(!listed.to_string().contains(secret) && !listed.to_string().contains("hash"));
    let kept = std::fs::read_to_string(door.home.root().join("data/mcp-keys.json")).unwrap();
    assert!(!kept.contains(secret));
    let revoked = door.home.run(&["mcp:key:revoke", "laptop", "--json"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(client.call(2, "who", &json!({})).status, 401);
    // The same name again is another key: it does not get the session.
    let other = door.key(&["laptop"]);
    let id = client.id().to_owned();
    let answer = door.post(&[("Authorization", &other), ("Mcp-Session-Id", &id)], &call(3, "who", &json!({})));
    assert_eq!((answer.status, answer.code()), (404, -32001));
}

#[test]
fn a_key_that_is_not_needed_must_be_good_all_the_same() {
    let door = Setting::default().open();
    assert_eq!(door.post(&[("Authorization", "Bearer angelia_no")], INITIALIZE).status, 401);
    let key = door.key(&["a"]);
    let (with, without) = (door.session(&[("Authorization", &key)]), door.session(&[]));
    assert_eq!((with.call(1, "who", &json!({})).text(), without.call(1, "who", &json!({})).text()), ("a/None".into(), "nobody".into()));
    // Neither enters the session of the other.
    assert_eq!(door.post(&[("Mcp-Session-Id", with.id())], &call(2, "who", &json!({}))).status, 404);
    assert_eq!(door.post(&[("Mcp-Session-Id", without.id()), ("Authorization", &key)], &call(2, "who", &json!({}))).status, 404);
    assert_eq!(door.ask("DELETE", "/mcp", &[("Mcp-Session-Id", with.id())], "").status, 404);
    assert_eq!(with.call(3, "who", &json!({})).status, 200);
}

#[test]
fn keys_have_rates_and_wrong_ones_are_slowed() {
    let door = Setting { require_key: true, ..Setting::default() }.open();
    let key = door.key(&["slow", "--rate=2"]);
    let tries: Vec<_> = (0..3).map(|_| door.post(&[("Authorization", &key)], INITIALIZE)).collect();
    assert_eq!(tries.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 429]);
    assert!((1..=31).contains(&tries[2].headers["retry-after"].parse::<u32>().unwrap()));
    let wrong: Vec<_> = (0..11).map(|_| door.post(&[("Authorization", "Bearer angelia_no")], INITIALIZE).status).collect();
    assert_eq!((&wrong[..10], wrong[10]), (&[401; 10][..], 429));
    let good = door.key(&["good"]);
    assert_eq!(door.post(&[("Authorization", &good)], INITIALIZE).status, 200, "others behind the same address still come in");
}

#[test]
fn keys_end_at_their_time_and_have_names_and_profiles_that_are_checked() {
    let home = Home::new();
    for (words, code) in [
        (&["a b"][..], "usage"),
        (&["a", "--profile=nothing"], "not_found"),
        (&["a", "--expires=yesterday"], "usage"),
        (&["a", "--expires=-1d"], "usage"),
        (&["a", "--rate=0"], "usage"),
    ] {
        let run = home.run(&[&["mcp:key:create"], words, &["--json"]].concat());
        assert_eq!(run.json()["error_detail"]["code"], code, "{words:?}");
    }
    assert_eq!(home.run(&["mcp:key:revoke", "a", "--json"]).code, 3);
    assert_eq!(home.run(&["mcp:key:list", "--json"]).json()["keys"], json!([]));
    let run = home.run(&["mcp", "key", "create", "a", "--expires=30d"]);
    assert!(run.stdout.starts_with("angelia_") && run.stdout.trim().len() == 40, "{run:?}");
    assert_eq!(home.run(&["mcp:key:create", "a"]).code, 2, "a name is given once");
    let path = home.root().join("data/mcp-keys.json");
    let text = std::fs::read_to_string(&path).unwrap();
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    let secret = bearer(&home, &["b", "--expires=30d"]);
    let mut kept: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    kept["keys"]["b"]["expires_ms"] = json!(1);
    let door = Setting { require_key: true, ..Setting::default() }.try_open(home).unwrap();
    std::fs::write(&path, kept.to_string()).unwrap();
    let answer = door.post(&[("Authorization", &secret)], INITIALIZE);
    assert_eq!((answer.status, answer.json()["error"]["message"].as_str().unwrap()), (401, "the key has expired"));
    std::fs::write(&path, &text[..20]).unwrap();
    assert_eq!(door.post(&[("Authorization", &secret)], INITIALIZE).status, 500, "what cannot be read opens nothing");
}

#[test]
fn beyond_this_machine_there_must_be_a_key() {
    let open = |home| Setting { address: "0.0.0.0:0", ..Setting::default() }.try_open(home);
    let error = open(Home::new()).err().unwrap();
    assert_eq!((error.code.as_str(), error.hints[0].as_str()), ("missing_credentials", "angelia mcp:key:create NAME"));
    let home = Home::new();
    let key = bearer(&home, &["a"]);
    let door = open(home).unwrap();
    assert_eq!(door.post(&[], INITIALIZE).status, 401);
    assert_eq!(door.post(&[("Authorization", &key)], INITIALIZE).status, 200);
}

#[test]
fn what_is_no_message_is_answered_as_such() {
    let door = Setting::default().open();
    let client = door.session(&[]);
    let huge = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(1 << 20));
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":99999999999999999999999,"method":"ping"}"#, -32600),
        (&huge, -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":7}"#, 0),
        (r#"{"id":1,"method":"ping"}"#, -32600),
        ("\"ping\"", -32600),
        (&"[".repeat(1 << 20), -32600),
        (&"{\"a\":".repeat(1 << 18), -32700),
    ] {
        let answer = client.post(body);
        let shown: String = body.chars().take(60).collect();
        match code {
            0 => assert!(answer.status < 500, "{shown}: {answer:?}"),
            code => assert_eq!((answer.status, answer.code()), (400, code), "{shown}"),
        }
    }
    let answer = client.post(r#"{"jsonrpc":"2.0","id":5,"method":"no/such"}"#);
    assert_eq!((answer.status, answer.code(), &answer.json()["id"]), (200, -32601, &json!(5)));
    for (headers, status) in [
        (&[("Accept", "application/json")][..], 406),
        (&[("Content-Type", "text/plain")], 415),
        (&[("MCP-Protocol-Version", "1999-01-01")], 400),
        (&[("Mcp-Session-Id", "nothing")], 404),
    ] {
        let answer = door.post(headers, INITIALIZE);
        assert_eq!(answer.status, status, "{headers:?}");
        assert!(answer.code() < -31000, "{headers:?}");
    }
    assert_eq!(client.ask("POST", &[("MCP-Protocol-Version", "1999-01-01")], &call(1, "who", &json!({}))).status, 400);
    assert_eq!(door.post(&[], &call(1, "who", &json!({}))).status, 400, "without a session");
    assert_eq!(door.ask("PUT", "/mcp", &[], "").status, 405);
    assert_eq!(door.ask("GET", "/", &[], "").status, 404);
    assert_eq!(client.call(9, "who", &json!({})).text(), "nobody", "and the session lives");
}

#[test]
fn large_and_slow_bodies_are_given_up() {
    let mut setting = Setting::default();
    (setting.limits.body_time, setting.limits.head_time) = (Duration::from_millis(300), Duration::from_millis(300));
    let door = setting.open();
    let answer = door.post(&[("Content-Length", "104857600")], "");
    assert_eq!((answer.status, answer.code()), (413, -32000));
    let begun = Instant::now();
    let mut wire = door.wire();
    wire.send(&request("POST", "/mcp", &[("Content-Length", "100")], "{"));
    assert_eq!(wire.answer().status, 408);
    // Half a head, and then silence.
    let mut stream = std::net::TcpStream::connect(door.address).unwrap();
    stream.write_all(b"POST /mcp HTTP/1.1\r\nHost: loc").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut rest).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8));
    drop(stream.shutdown(Shutdown::Both));
    // A stream of chunks that never ends.
    let mut wire = door.wire();
    let text = String::from_utf8(request("POST", "/mcp", &[("Content-Length", "0")], "")).unwrap();
    wire.send(text.replace("Content-Length: 0", "Transfer-Encoding: chunked").as_bytes());
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    for _ in 0..5 {
        wire.send(chunk.as_bytes());
    }
    assert_eq!(wire.head().status, 413);
    assert_eq!(door.session(&[]).call(1, "who", &json!({})).text(), "nobody");
}
