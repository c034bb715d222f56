//! What a caller may hand in: payload, flags, files, stdin and our own options (contract sections 1 and 4), seen at the binary and at
//! the server that receives the request. What answers look like is not asked here.

mod files;
mod flags;
mod options;
mod payload;

use std::time::Duration;

use serde_json::Value;

use crate::support::home::{Home, Run};
use crate::support::server::{Reply, Request, Server};

const MANIFEST: &str = r#"
id: echo
title: Echo
description: Takes what it is given.
category: test
auth_strategy: none
servers: {default: "http://127.0.0.1:1"}
functions:
  - {id: get_thing, title: Get, description: Reads., operation: read, request: "GET /things/{thing}", parameters: {thing: {type: string}}, required: [thing], examples: []}
  - {id: get_all, title: All, description: Reads., operation: read, request: GET /all, parameters: {state: {type: string}, page_size: {type: integer}}, examples: []}
  - id: create_thing
    title: Create
    description: Writes.
    operation: write
    request: POST /things
    parameters:
      name: {type: string}
      count: {type: integer}
      ratio: {type: number}
      draft: {type: boolean}
      labels: {type: array, items: {type: string}}
      numbers: {type: array, items: {type: integer}}
      fields: {type: object}
      notes: {type: string, format: text-file}
      due_date: {type: string}
      camelCase: {type: string}
      maybe: {type: [string, "null"]}
      free: {}
    required: [name]
    examples: []
  - {id: create_strict, title: Strict, description: Writes., operation: write, request: POST /strict, parameters: {project_id: {type: string}, name: {type: string}, due: {type: string, format: date}, size: {type: integer, minimum: 1}}, required: [project_id, name, size], examples: []}
  - id: create_odd
    title: Odd
    description: Writes.
    operation: write
    request: POST /odd
    parameters: {account: {type: string}, force: {type: boolean}, json: {type: string}, dry_run: {type: boolean}, end: {type: string}, function: {type: string}, __proto__: {type: string}, constructor: {type: string}, "x-y": {type: string}}
    examples: []
  - {id: upload_file, title: Upload, description: Writes., operation: write, request: POST /files, body: multipart, parameters: {file: {type: string, format: binary}}, required: [file], examples: []}
  - {id: get_noted, title: Noted, description: Reads., operation: read, request: GET /noted, parameters: {note: {type: string, in: header, as: X-Note}}, required: [note], examples: []}
  - id: query_graph
    title: Graph
    description: Reads.
    operation: read
    read_because: a query changes nothing
    request: POST /graph
    graphql: "query One($id: String!) { one(id: $id) { name } }"
    parameters: {id: {type: string}}
    required: [id]
    examples: []
  - {id: list_things, title: List, description: Lists., operation: read, request: GET /list, parameters: {c: {type: string}}, pagination: {style: cursor, items: d, parameter: c, next: next}, examples: []}
"#;

fn answer(request: &Request) -> Reply {
    match request.path() {
        "/graph" => Reply::ok(br#"{"data":{"one":{"name":"n"}}}"#),
        "/things/slow" | "/strict" => Reply::trickle(Duration::from_millis(50)),
        "/list" if request.query("c").is_none() => Reply::ok(br#"{"d":[1,2],"next":"more"}"#),
        "/list" => Reply::ok(br#"{"d":[3],"next":null}"#),
        _ => Reply::ok(br#"{"items":[{"id":1},{"id":2}],"big":123456789012345678901234567890}"#),
    }
}

fn echo() -> (Home, Server) {
    let (home, server) = (Home::new(), Server::start(answer));
    home.manifest("echo", MANIFEST);
    home.config(&format!(
        "[integrations.echo]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n[integrations.echo.servers]\ndefault = \"{}\"\n",
        server.origin()
    ));
    (home, server)
}

fn words<'a>(function: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["integrations:call", function, "--json"].into_iter().chain(more.iter().copied()).collect()
}

fn call(home: &Home, function: &str, more: &[&str]) -> Run {
    home.run(&words(function, more))
}

fn code(run: &Run) -> String {
    run.json()["error_detail"]["code"].as_str().unwrap_or("none").to_owned()
}

/// Each problem as `/pointer message`.
fn problems(run: &Run) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = run.json()["error_detail"]["problems"].as_array().cloned().unwrap_or_default();
    list.iter().map(|problem| format!("{} {}", text(&problem["pointer"]), text(&problem["message"]))).collect()
}

fn refused(run: &Run, wanted: &str) {
    assert_eq!((run.code, code(run).as_str()), (2, wanted), "{}", run.stdout);
}

/// The text of the body that left last.
fn sent(server: &Server) -> String {
    String::from_utf8(server.requests().last().expect("nothing was sent").body.clone()).unwrap()
}

/// Makes a call that must succeed and answers the text of the body that left.
fn body(home: &Home, server: &Server, more: &[&str]) -> String {
    let before = server.requests().len();
    let run = call(home, "echo.create_thing", more);
    assert_eq!(run.code, 0, "{more:?}: {}", run.stdout);
    assert_eq!(server.requests().len(), before + 1);
    sent(server)
}
