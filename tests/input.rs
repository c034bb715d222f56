//! What a caller may hand in: payload, flags, files and stdin (contract sections 1 and 4), seen at the binary and at the server
//! that receives the request. Nothing here is about answers; `--select`, `--output`, `--record` and interrupts are, because they are words.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::home::{Home, Run, finish};
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

#[test]
fn a_payload_that_is_no_object_is_refused_with_its_position() {
    let (home, server) = echo();
    for (payload, said) in [
        ("{\"name\":", "line 1 column 8"),
        ("{\"name\": \"x\",\n  \"count\": 1,,}", "line 2 column 14"),
        ("{'name': 1}", "line 1 column 2"),
        ("{} {}", "line 1 column 4"),
        ("", "line 1 column 0"),
        ("name=x", "line 1 column 2"),
        ("[1]", "an array"),
        ("\"text\"", "a string"),
        ("null", "null"),
        ("7", "a single value"),
    ] {
        for run in [call(&home, "echo.create_thing", &[payload]), home.run_with(&words("echo.create_thing", &["-"]), payload.as_bytes())] {
            refused(&run, "invalid_payload");
            assert!(run.json()["error"].as_str().unwrap().contains(said), "{payload:?}: {}", run.stdout);
        }
    }
    let run = home.run_with(&words("echo.create_thing", &[]), b"{\"name\": \"\xff\"}");
    refused(&run, "invalid_payload");
    assert!(run.json()["error"].as_str().unwrap().contains("not UTF-8 (at byte 10)"), "{}", run.stdout);
    let deep = format!("{{\"name\": \"x\", \"free\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    refused(&call(&home, "echo.create_thing", &[&deep]), "invalid_payload");
    assert!(server.requests().is_empty());
}

#[test]
fn every_problem_of_the_arguments_is_told_at_once() {
    let (home, server) = echo();
    let run = call(&home, "echo.create_strict", &["--json"]);
    refused(&run, "invalid_arguments");
    assert_eq!(problems(&run), ["/project_id is required", "/name is required", "/size is required"]);
    assert_eq!(run.json()["error"], "Missing required parameter(s): project_id, name, size");
    let run = call(&home, "echo.create_strict", &[r#"{"projectid": "p", "name": 7, "due": "tomorrow", "size": 0}"#]);
    refused(&run, "invalid_arguments");
    let told = problems(&run);
    for pointer in ["/projectid ", "/project_id ", "/name ", "/due ", "/size "] {
        assert!(told.iter().any(|line| line.starts_with(pointer)), "{pointer} in {told:?}");
    }
    assert!(told.iter().any(|line| line.starts_with("/projectid ") && line.contains("did you mean 'project_id'")), "{told:?}");
    assert!(run.json()["error_detail"]["hints"].to_string().contains("integrations:schema echo.create_strict"));
    for flag in ["--nmae=x", "--Name=x"] {
        let run = call(&home, "echo.create_thing", &[flag]);
        refused(&run, "invalid_arguments");
        assert!(problems(&run).iter().any(|line| line.contains("did you mean 'name'")), "{flag}: {:?}", problems(&run));
    }
    for (flag, pointer) in
        [("--count=many", "/count "), ("--count=1.5", "/count "), ("--draft=perhaps", "/draft "), ("--fields=x", "/fields ")]
    {
        let run = call(&home, "echo.create_thing", &["--name=x", flag]);
        refused(&run, "invalid_arguments");
        assert!(problems(&run).len() == 1 && problems(&run)[0].starts_with(pointer), "{flag}: {:?}", problems(&run));
    }
    assert!(server.requests().is_empty(), "nothing was sent");
}

#[test]
fn words_that_make_no_call_are_usage() {
    let (home, server) = echo();
    for more in
        [&["{}", "{}"][..], &["--name=x", "--max-items=0"], &["--name=x", "--timeout=soon"], &["--name=x", "--timeout=-1"], &["--arg=name"]]
    {
        refused(&call(&home, "echo.create_thing", more), "usage");
    }
    for more in [&["--select=.["][..], &["--select=nosuch"], &["--all"], &["--max-pages=2"], &["--ndjson"]] {
        let run = call(&home, "echo.get_all", more);
        refused(&run, "usage");
    }
    assert!(server.requests().is_empty(), "nothing was sent");
}

#[test]
fn a_huge_payload_ends_soon() {
    let (home, server) = echo();
    let huge = [b"{\"name\": \"".as_slice(), &vec![b'x'; 100 << 20], b"\"}"].concat();
    for more in [&[][..], &["-"]] {
        let started = Instant::now();
        let run = home.run_with(&words("echo.create_thing", more), &huge);
        refused(&run, "invalid_payload");
        assert!(run.json()["error"].as_str().unwrap().contains("larger than 64 MiB"), "{}", run.stdout);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
    assert!(server.requests().is_empty());
}

/// A run whose stdin stays open and silent until the writer is dropped.
fn silent(home: &Home, words: &[&str]) -> (Child, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    let child = home.command(words).stdin(Stdio::from(reader)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    (child, writer)
}

#[test]
fn an_open_silent_stdin_hangs_nothing() {
    let (home, _server) = echo();
    let timed = |home: &Home, more: &[&str]| {
        let started = Instant::now();
        let (child, _writer) = silent(home, &words("echo.create_thing", more));
        (finish(child, None), started.elapsed())
    };
    let (run, took) = timed(&home, &["--name=x"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let (run, took) = timed(&home, &["{\"name\": \"x\"}"]);
    assert!(run.code == 0 && took < Duration::from_secs(3), "{took:?} {}", run.stdout);
    let impatient = home.env("ANGELIA_STDIN_WAIT_MS", "20");
    let (run, took) = timed(&impatient, &["--count=1"]);
    refused(&run, "invalid_arguments");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let patient = impatient.env("ANGELIA_STDIN_WAIT_MS", "900");
    let (run, took) = timed(&patient, &["--name=x"]);
    assert!(run.code == 0 && took >= Duration::from_millis(900), "{took:?}");
}

#[test]
fn a_slow_stdin_is_waited_for_when_asked() {
    use std::io::Write as _;
    let (home, server) = echo();
    let slow = |more: &[&str], pause: u64| {
        let (child, mut writer) = silent(&home, &words("echo.create_thing", more));
        let writing = std::thread::spawn(move || {
            for part in ["{\"name\"", ": \"late", "\"}"] {
                std::thread::sleep(Duration::from_millis(pause));
                drop(writer.write_all(part.as_bytes()));
            }
        });
        let run = finish(child, None);
        writing.join().unwrap();
        run
    };
    assert_eq!(slow(&["-", "--name=flag", "--count=1"], 400).code, 0);
    assert_eq!(sent(&server), r#"{"name":"flag","count":1}"#, "'-' waits although flags suffice");
    assert_eq!(slow(&[], 400).code, 0);
    assert_eq!(sent(&server), r#"{"name":"late"}"#, "without the name the payload may come late");
    for more in [&["-"][..], &["-", "--count=1"]] {
        let run = home.run_with(&words("echo.create_thing", more), b"");
        assert_eq!(run.code, 2, "'-' with nothing on stdin: {}", run.stdout);
    }
}

#[test]
fn flags_override_the_payload() {
    let (home, server) = echo();
    let payload = r#"{"name": "old", "count": 1, "labels": ["x"], "fields": {"a": 1, "b": {"c": 2}}}"#;
    assert_eq!(body(&home, &server, &[payload, "--name=new"]), r#"{"name":"new","count":1,"labels":["x"],"fields":{"a":1,"b":{"c":2}}}"#);
    let got: Value = serde_json::from_str(&body(&home, &server, &[payload, "--labels=y", "--labels", "z", "--fields.b.c=3"])).unwrap();
    assert_eq!(got, json!({"name": "old", "count": 1, "labels": ["y", "z"], "fields": {"a": 1, "b": {"c": 3}}}));
    let run = home.run_with(&words("echo.create_thing", &["--count", "-5"]), payload.as_bytes());
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(sent(&server).contains("\"count\":-5"), "stdin is a payload too: {}", sent(&server));
    assert_eq!(body(&home, &server, &["--name=a", "--name=b"]), r#"{"name":"b"}"#, "the last one counts");
}

#[test]
fn flags_are_read_by_the_schema() {
    let (home, server) = echo();
    for (flags, wanted) in [
        (&["--name=00123"][..], r#"{"name":"00123"}"#),
        (&["--name=1e3"], r#"{"name":"1e3"}"#),
        (&["--name", "+4912345"], r#"{"name":"+4912345"}"#),
        (&["--name=true"], r#"{"name":"true"}"#),
        (&["--name=null"], r#"{"name":"null"}"#),
        (&["--name={\"a\":1}"], r#"{"name":"{\"a\":1}"}"#),
        (&["--name=@nowhere"], r#"{"name":"@nowhere"}"#),
        (&["--name=a=b=c"], r#"{"name":"a=b=c"}"#),
        (&["--name=n", "--labels=1,2", "--labels=true"], r#"{"name":"n","labels":["1,2","true"]}"#),
        (&["--name=n", "--labels=[\"a\",\"b\"]"], r#"{"name":"n","labels":["a","b"]}"#),
        (&["--name=n", "--numbers=1", "--numbers", "2"], r#"{"name":"n","numbers":[1,2]}"#),
        (&["--name=n", "--count=123456789012345678901234567890"], r#"{"name":"n","count":123456789012345678901234567890}"#),
        (&["--name=n", "--ratio=0.10"], r#"{"name":"n","ratio":0.10}"#),
        (&["--name=n", "--draft"], r#"{"name":"n","draft":true}"#),
        (&["--draft", "--name=n"], r#"{"draft":true,"name":"n"}"#),
        (&["--name=n", "--no-draft"], r#"{"name":"n","draft":false}"#),
        (&["--name=n", "--draft=false"], r#"{"name":"n","draft":false}"#),
        (&["--name=n", "--due-date=2026-01-02"], r#"{"name":"n","due_date":"2026-01-02"}"#),
        (&["--name=n", "--due_date=2026-01-02"], r#"{"name":"n","due_date":"2026-01-02"}"#),
        (&["--name=n", "--camelCase=c"], r#"{"name":"n","camelCase":"c"}"#),
        (&["--name=n", "--fields.a.b=x", "--fields.c=1"], r#"{"name":"n","fields":{"a":{"b":"x"},"c":1}}"#),
        (&["--name=n", "--fields={\"a\":[1]}"], r#"{"name":"n","fields":{"a":[1]}}"#),
        (&["--arg", "name=n", "--arg=count=4"], r#"{"name":"n","count":4}"#),
        (&["--name=n", "--free=007", "--maybe=5"], r#"{"name":"n","free":"007","maybe":"5"}"#),
        (&["--name=n", "--free=7"], r#"{"name":"n","free":7}"#),
        (&["{\"name\":\"n\",\"maybe\":null}"], r#"{"name":"n","maybe":null}"#),
    ] {
        assert_eq!(body(&home, &server, flags), wanted, "{flags:?}");
    }
    refused(&call(&home, "echo.create_thing", &["--name=n", "--numbers=x"]), "invalid_arguments");
    refused(&call(&home, "echo.create_thing", &["--name=n", "--no-name"]), "invalid_arguments");
}

#[test]
fn digits_of_a_payload_are_kept_and_the_last_of_two_keys_counts() {
    let (home, server) = echo();
    let numbers = r#"{"name":"n","free":[123456789012345678901234567890,0.1000,1E400,-0]}"#;
    assert_eq!(body(&home, &server, &[numbers]), r#"{"name":"n","free":[123456789012345678901234567890,0.1000,1e+400,-0]}"#);
    assert_eq!(body(&home, &server, &[r#"{"name":"first","count":1,"name":"second"}"#]), r#"{"name":"second","count":1}"#);
    let text = r#"{"name":"zwölf \u0000 \ud83d\ude00 ünï"}"#;
    assert_eq!(serde_json::from_str::<Value>(&body(&home, &server, &[text])).unwrap()["name"], "zwölf \u{0} 😀 ünï");
}

#[test]
fn parameters_may_be_named_like_our_flags_and_like_anything() {
    let (home, server) = echo();
    let odd = |more: &[&str]| {
        let run = call(&home, "echo.create_odd", more);
        assert_eq!(run.code, 0, "{more:?}: {}", run.stdout);
        (serde_json::from_str::<Value>(&sent(&server)).unwrap(), run.json())
    };
    let wanted = json!({"account": "7", "force": true, "json": "j", "dry_run": false, "end": "e", "function": "f", "__proto__": "p", "constructor": "c", "x-y": "z"});
    let (body, envelope) = odd(&[&wanted.to_string()]);
    assert_eq!(body, wanted);
    assert_eq!((&envelope["meta"]["account"], &envelope["meta"]["permission_bypassed"]), (&json!("default"), &json!(false)));
    assert_eq!(envelope["meta"]["dry_run"], false);
    let arguments: Vec<String> =
        wanted.as_object().unwrap().iter().map(|(key, value)| format!("--arg={key}={}", value.to_string().trim_matches('"'))).collect();
    assert_eq!(odd(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).0, wanted);
    assert_eq!(odd(&["--end=e", "--function=f", "--__proto__=p", "--constructor", "c", "--x-y=z"]).0["__proto__"], "p");
    let before = server.requests().len();
    let run = call(&home, "echo.create_odd", &["--dry-run", "--arg=dry_run=true"]);
    assert_eq!((run.code, &run.json()["meta"]["request"]["body"]), (0, &json!({"dry_run": true})), "{}", run.stdout);
    assert_eq!(server.requests().len(), before, "--dry-run stays ours");
}

#[test]
fn files_are_read_where_the_schema_takes_them() {
    let (home, server) = echo();
    let file = |name: &str, bytes: &[u8]| {
        let path = home.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let (text, binary, latin) = (file("a.txt", "zeile\n".as_bytes()), file("a.bin", b"\x00\xff\r\n"), file("latin.txt", b"\xe4"));
    assert_eq!(body(&home, &server, &["--name=n", &format!("--notes=@{text}")]), r#"{"name":"n","notes":"zeile\n"}"#);
    assert_eq!(body(&home, &server, &["--name=n", "--notes=plain @text"]), r#"{"name":"n","notes":"plain @text"}"#);
    let run = home.run_with(&words("echo.create_thing", &["--name=n", "--notes=@-"]), "von stdin\n".as_bytes());
    assert_eq!((run.code, sent(&server).as_str()), (0, r#"{"name":"n","notes":"von stdin\n"}"#));
    let run = call(&home, "echo.upload_file", &[&format!("--file=@{binary}")]);
    let part = b"\r\n\r\n\x00\xff\r\n\r\n--";
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(server.requests().last().unwrap().body.windows(part.len()).any(|window| window == part), "the bytes are sent as they are");
    assert_eq!(call(&home, "echo.upload_file", &[r#"{"file": "AP8NCg=="}"#]).code, 0);
    assert!(server.requests().last().unwrap().body.windows(part.len()).any(|window| window == part), "base64 in a payload is the same");
    let before = server.requests().len();
    let fifo = home.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for (path, said) in [
        (home.path().join("none").display().to_string(), "No such file"),
        (home.path().display().to_string(), "not an ordinary file"),
        (fifo.display().to_string(), "not an ordinary file"),
        (String::from("/dev/zero"), "not an ordinary file"),
    ] {
        for (function, more) in [("echo.create_thing", &["--name=n"][..]), ("echo.upload_file", &[])] {
            let flag = format!("--{}=@{path}", if more.is_empty() { "file" } else { "notes" });
            let run = call(&home, function, &[more, &[&flag]].concat());
            refused(&run, "invalid_arguments");
            assert!(problems(&run).len() == 1 && problems(&run)[0].contains(said), "{flag}: {:?}", problems(&run));
        }
    }
    for (function, flag) in [("echo.create_thing", format!("--notes=@{latin}")), ("echo.upload_file", String::from("--file=text"))] {
        refused(&call(&home, function, &["--arg=name=n", &flag]), "invalid_arguments");
    }
    refused(&call(&home, "echo.upload_file", &[r#"{"file": "no base64!"}"#]), "invalid_arguments");
    refused(&call(&home, "echo.upload_file", &[&json!({"file": format!("@{binary}")}).to_string()]), "invalid_arguments");
    assert_eq!(server.requests().len(), before, "nothing was sent");
}

#[test]
fn an_argument_cannot_leave_its_place() {
    let (home, server) = echo();
    for (value, segment) in [
        ("../../admin", "..%2F..%2Fadmin"),
        ("..%2f", "..%252f"),
        ("%2e%2e/", "%252e%252e%2F"),
        ("a/b", "a%2Fb"),
        ("a?x=1", "a%3Fx=1"),
        ("a#b", "a%23b"),
        (";x", ";x"),
        ("ü \r\n", "%C3%BC%20%0D%0A"),
        ("a\\b", "a%5Cb"),
    ] {
        assert_eq!(call(&home, "echo.get_thing", &[&format!("--thing={value}")]).code, 0, "{value:?}");
        let target = server.requests().last().unwrap().target.clone();
        let same = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        let got = target.strip_prefix("/things/").unwrap_or_else(|| panic!("{value:?} went to {target}"));
        assert!(!got.contains(['/', '?', '#', '\\']) && same(got) == value.as_bytes(), "{value:?} became {got}, expected {segment}");
    }
    let before = server.requests().len();
    for value in ["", ".", ".."] {
        refused(&call(&home, "echo.get_thing", &[&format!("--thing={value}")]), "invalid_arguments");
    }
    for note in ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\u{0}b"] {
        refused(&call(&home, "echo.get_noted", &[&json!({"note": note}).to_string()]), "invalid_arguments");
    }
    assert_eq!(server.requests().len(), before, "nothing was sent");
    assert_eq!(call(&home, "echo.get_noted", &["--note=zwölf: ok"]).code, 0);
    assert_eq!(call(&home, "echo.get_all", &["--state=a&b=c#d\r\n é"]).code, 0);
    assert_eq!(server.requests().last().unwrap().queries(), [(String::from("state"), String::from("a&b=c#d\r\n é"))]);
    let graph = "x\") { one } } mutation { deleteAll(id: \"";
    assert_eq!(call(&home, "echo.query_graph", &[&format!("--id={graph}")]).code, 0);
    let got: Value = serde_json::from_str(&sent(&server)).unwrap();
    assert_eq!(got["query"], "query One($id: String!) { one(id: $id) { name } }");
    assert_eq!(got["variables"], json!({"id": graph}), "a variable stays a variable");
}
