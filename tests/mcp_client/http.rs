//! A server over HTTP: streamable, and the older way with server-sent events; what is sent along, and what a refusal means.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::code;
use crate::support::home::Home;
use crate::support::server::{Reply, Request, Server};

/// What the server answers to a message; `None` to a notification.
pub fn answer(message: &Value) -> Option<Value> {
    let id = message.get("id")?;
    let result = match message["method"].as_str()? {
        "initialize" => json!({
            "protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "remote", "version": "1"},
        }),
        "tools/list" => json!({"tools": [
            {"name": "echo", "description": "Echoes.", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true}},
            {"name": "write", "description": "Writes.", "inputSchema": {"type": "object"}},
        ]}),
        "tools/call" => json!({"content": [], "structuredContent": message["params"]["arguments"]}),
        _ => return Some(json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no such method"}})),
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// A streamable answer as one JSON document.
pub fn streamable(request: &Request) -> Reply {
    if request.method != "POST" {
        return Reply::status(405);
    }
    let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match answer(&message) {
        Some(answer) => Reply::ok(answer.to_string().as_bytes()),
        None => Reply::status(202),
    }
}

/// A home that knows a server at this address.
pub fn home(url: &str, more: &Value) -> Home {
    let home = Home::new();
    let mut entry = json!({"url": url});
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    std::fs::write(home.root().join("config/mcp.json"), json!({"mcpServers": {"far": entry}}).to_string()).unwrap();
    home.config("[integrations.\"mcp.far\"]\nread = \"allow\"\nwrite = \"allow\"");
    home
}

#[test]
fn tools_are_called_over_http() {
    let server = Server::start(streamable);
    let home = home(&format!("{}/mcp", server.origin()), &json!({"headers": {"Authorization": "Bearer ${FAR_TOKEN}", "X-Team": "blue"}}))
        .env("FAR_TOKEN", "t0p-secret");
    let called = home.run(&["mcp:call", "far", "echo", "{\"a\": \"t0p-secret\"}", "--json"]).json();
    assert_eq!((called["success"].as_bool(), &called["data"]), (Some(true), &json!({"a": "«secret»"})), "{called}");
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.path() == "/mcp"));
    let call = requests.iter().find(|request| String::from_utf8_lossy(&request.body).contains("tools/call")).unwrap();
    assert_eq!((call.header("authorization"), call.header("x-team")), (Some("Bearer t0p-secret"), Some("blue")));
    assert_eq!((call.header("angelia-mcp-depth"), call.header("mcp-protocol-version")), (Some("1"), Some("2025-06-18")));
    // Known now: nothing is listed again.
    let lists =
        |server: &Server| server.requests().iter().filter(|request| String::from_utf8_lossy(&request.body).contains("tools/list")).count();
    assert_eq!(lists(&server), 1);
    assert_eq!(home.run(&["mcp:call", "far.echo", "--json"]).json()["success"], true);
    assert_eq!(lists(&server), 1);
}

#[test]
fn refusals_have_their_codes() {
    let table = [(401, "missing_credentials"), (429, "rate_limited"), (500, "provider_error"), (503, "provider_error")];
    for (status, expected) in table {
        let server = Server::start(move |_| Reply::status(status));
        let home = home(&format!("{}/mcp", server.origin()), &json!({}));
        let refused = home.run(&["mcp:call", "far", "echo", "--json"]).json();
        assert_eq!(code(&refused), expected, "{status}: {refused}");
    }
    let server = Server::start(|_| Reply::status(401).header("www-authenticate", "Bearer realm=\"x\""));
    let home = home(&format!("{}/mcp", server.origin()), &json!({}));
    let refused = home.run(&["mcp:call", "far", "echo", "--json"]).json();
    assert_eq!((code(&refused), refused["error_detail"]["hints"][0].as_str()), ("missing_credentials", Some("angelia mcp:auth far")));
}

#[test]
fn nobody_there_is_said() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = home(&format!("http://127.0.0.1:{port}/mcp"), &json!({})).run(&["mcp:call", "far", "echo", "--json"]).json();
    assert_eq!(code(&refused), "unreachable", "{refused}");
    let redirecting = Server::start(|_| Reply::status(307).header("location", "http://10.0.0.1/"));
    let refused = home(&redirecting.origin(), &json!({})).run(&["mcp:call", "far", "echo", "--json"]).json();
    assert_eq!(refused["success"], false, "a redirect is not followed: {refused}");
}

#[test]
fn a_lost_answer_to_a_write_is_said_to_be_one() {
    let server =
        Server::start(
            |request| {
                if String::from_utf8_lossy(&request.body).contains("tools/call") { Reply::reset() } else { streamable(request) }
            },
        );
    let home = home(&format!("{}/mcp", server.origin()), &json!({}));
    assert_eq!(code(&home.run(&["mcp:call", "far", "write", "--json"]).json()), "outcome_unknown");
    assert_eq!(code(&home.run(&["mcp:call", "far", "echo", "--json"]).json()), "unreachable");
}

/// The older transport: a stream of events, and posts to the address that it names.
fn older(endpoint: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let events: Arc<Mutex<Option<Sender<String>>>> = Arc::default();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let events = events.clone();
            std::thread::spawn(move || serve(stream, &events, endpoint));
        }
    });
    origin
}

fn serve(mut stream: TcpStream, events: &Mutex<Option<Sender<String>>>, endpoint: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    reader.read_line(&mut head).ok();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    if head.starts_with("GET /sse ") {
        let (send, receive) = channel();
        *events.lock().unwrap() = Some(send);
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: endpoint\ndata: {endpoint}\n\n").ok();
        for message in receive {
            write!(stream, "event: message\r\ndata: {message}\r\n\r\n").ok();
        }
    } else if head.starts_with("POST /messages") {
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok();
        if let (Some(answer), Some(events)) = (answer(&serde_json::from_slice(&body).unwrap()), events.lock().unwrap().as_ref()) {
            events.send(answer.to_string()).ok();
        }
        write!(stream, "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok();
    } else {
        write!(stream, "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok();
    }
}

#[test]
fn the_older_transport_is_spoken_too() {
    let origin = older("/messages?session=1");
    let named = home(&format!("{origin}/sse"), &json!({"type": "sse"}));
    assert_eq!(named.run(&["mcp:call", "far", "echo", "{\"a\": 1}", "--json"]).json()["data"], json!({"a": 1}));
    // Not named, it is found out, and remembered.
    let unnamed = home(&format!("{origin}/sse"), &json!({}));
    for _ in 0..2 {
        let called = unnamed.run(&["mcp:call", "far", "echo", "{\"a\": 1}", "--json"]).json();
        assert_eq!(called["data"], json!({"a": 1}), "{called}");
    }
}

#[test]
fn the_older_transport_posts_nowhere_else() {
    let origin = older("http://127.0.0.1:9/elsewhere");
    let refused = home(&format!("{origin}/sse"), &json!({"type": "sse"})).run(&["mcp:call", "far", "echo", "--json"]).json();
    assert_eq!(code(&refused), "invalid_response", "{refused}");
    assert!(refused["error"].as_str().unwrap().contains("not the server"), "{refused}");
}
