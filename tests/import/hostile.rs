//! Documents that mean harm, and accidents: nothing is followed, nothing hangs, nothing but the broken operation is lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{World, fate, operation};
use crate::support::home::Run;
use crate::support::server::{Reply, Server};

fn import(world: &World, name: &str, bytes: &[u8]) -> Run {
    let path = world.home.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let started = Instant::now();
    let run = world.home.run(&["integrations:import", &path.display().to_string(), "--as=svc", "--report", "--json"]);
    assert!(started.elapsed() < Duration::from_secs(30), "{name} took {:?}", started.elapsed());
    assert!((0..=7).contains(&run.code) && run.json()["success"].is_boolean(), "{name}: {run:?}");
    run
}

#[test]
fn bombs_are_refused_and_leave_nothing() {
    let world = World::new();
    let aliases: String = (1..40).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))).collect();
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("bomb.yaml", format!("openapi: 3.0.0\ninfo: {{title: x}}\npaths: {{}}\na0: &a0 [x]\n{aliases}").into_bytes()),
        ("deep.json", deep("[", "]").into_bytes()),
        ("deep_object.json", deep("{\"a\":", "}").into_bytes()),
        ("deep.yaml", deep("- ", "").into_bytes()),
        ("flow.yaml", format!("openapi: {}", deep("{a: ", "}")).into_bytes()),
        ("binary.json", vec![0xff; 4_000]),
        ("empty.json", Vec::new()),
        ("list.json", b"[]".to_vec()),
        ("text.yaml", b"just words".to_vec()),
        ("unknown.json", b"{\"hello\": 1}".to_vec()),
        ("no_paths.json", b"{\"openapi\": \"3.0.0\", \"info\": {}}".to_vec()),
        ("paths_list.json", b"{\"openapi\": \"3.0.0\", \"info\": {}, \"paths\": []}".to_vec()),
        ("half.json", b"{\"openapi\": \"3.0.0\", \"paths\": {\"/a\": {\"get\":".to_vec()),
    ];
    for (name, bytes) in cases {
        let run = import(&world, name, &bytes);
        assert_eq!(
            (run.code, run.json()["error_detail"]["code"].as_str()),
            (2, Some(if name == "binary.json" { "usage" } else { "invalid_payload" })),
            "{name}: {run:?}"
        );
        let words = ["budget", "RecordedAnchorEvents", "{ ", "DuplicateKeyPolicy"];
        let said = run.json().to_string();
        assert!(!words.iter().any(|word| said.contains(word)), "{name}: {said}");
    }
    let huge = world.home.path().join("huge.json");
    std::fs::File::create(&huge).unwrap().set_len(100 << 20).unwrap();
    for path in [
        huge.display().to_string(),
        String::from("/dev/zero"),
        String::from("/nowhere/at/all.json"),
        world.home.path().display().to_string(),
    ] {
        let run = world.home.run(&["integrations:import", &path, "--json"]);
        assert!(run.code == 2 || run.code == 3, "{path}: {run:?}");
    }
    assert!(!world.home.root().join("data/imports").exists(), "nothing was kept");
}

#[test]
fn references_to_elsewhere_are_never_followed() {
    let world = World::new();
    let body = |to: &str| json!({"requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"x": {"$ref": to}}}}}}});
    let away = format!("{}/schema.json#/X", world.server.origin());
    let imported = world.import(&world.document(json!({
        "/file": {"post": operation("createFile", body("file:///etc/passwd"))},
        "/away": {"post": operation("createAway", body(&away))},
        "/relative": {"post": operation("createRelative", body("other.yaml#/X"))},
        "/missing": {"post": operation("createMissing", body("#/components/schemas/Missing"))},
        "/item": {"$ref": "https://evil.example/paths.json"},
        "/parameter": {"get": operation("getParameter", json!({"parameters": [{"$ref": "/etc/hosts"}]}))},
        "/fine": {"get": operation("getFine", json!({}))}
    })));
    assert!(world.server.requests().is_empty(), "nothing was fetched");
    for operation in ["POST /file", "POST /away", "POST /relative"] {
        assert!(fate(&imported, operation)["warnings"].to_string().contains("was not followed"), "{operation}: {imported:#}");
    }
    assert!(fate(&imported, "POST /missing")["warnings"].to_string().contains("nothing stands at"), "{imported:#}");
    assert!(fate(&imported, "/item")["left_out"].as_str().unwrap().contains("was not followed"), "{imported:#}");
    assert!(!imported.to_string().contains("root:"), "no file was read");
    world.sent("get_fine", &json!({}));
}

#[test]
fn odd_names_and_huge_lists_harm_nothing() {
    let world = World::new();
    let values: Vec<Value> = (0..50_000).map(|n| json!(format!("value{n}"))).collect();
    let wide: serde_json::Map<String, Value> =
        (0..3_000).map(|n| (format!("member{n}"), json!({"$ref": "#/components/schemas/A"}))).collect();
    let nested = (0..50).fold(json!({"type": "string"}), |inner, _| json!({"type": "object", "properties": {"a": inner}}));
    let mut document = world.document(json!({
        "/enum": {"get": operation("listEnum", json!({"parameters": [{"name": "v", "in": "query", "schema": {"type": "string", "enum": values}}]}))},
        "/wide": {"post": operation("createWide", json!({"requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": wide}}}}}))},
        "/nested": {"post": operation("createNested", json!({"requestBody": {"content": {"application/json": {"schema": nested}}}}))},
        "/bell\u{7}/{a\u{1b}[31mb}": {"get": operation("\u{1b}]0;owned\u{7}", json!({"summary": "\u{202e}evil\u{1b}[2J"}))},
        "/../../admin": {"get": operation("getAdmin", json!({}))},
        "/brace/{a": {"get": operation("getBrace", json!({}))},
        "/empty/{}": {"get": operation("getEmpty", json!({}))},
        "/query?action={x}": {"get": operation("getQuery", json!({}))},
        "/fixed?action=run": {"get": operation("getFixed", json!({}))},
        "/trace": {"trace": operation("traceIt", json!({}))},
        "/proto": {"post": operation("__proto__", json!({"parameters": [
            {"name": "__proto__", "in": "query", "schema": {"type": "string"}}, {"name": "a b", "in": "header", "schema": {"type": "string"}},
            {"name": "ключ", "in": "query", "schema": {"type": "string"}}, {"name": "", "in": "query"}, {"in": "query"}, 7]}))},
        "/pattern": {"get": operation("getPattern", json!({"parameters": [{"name": "p", "in": "query", "required": true, "schema": {"type": "string", "pattern": "([a-z"}}]}))},
        "/odd": {"get": {"operationId": 7, "parameters": "x", "responses": [], "tags": "y", "security": 3, "requestBody": false}},
        "/null": null,
        "/fine": {"get": operation("getFine", json!({}))}
    }));
    document["components"] = json!({"schemas": {"A": {"type": "object", "properties": {"b": {"$ref": "#/components/schemas/A"}, "c": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}}}}});
    document["info"] = json!({"title": "\u{1b}[31mRed\u{7}", "version": ["x"], "license": {"name": "\u{9b}MIT"}});
    let imported = world.import(&document);
    let text = imported.to_string();
    assert!(!text.contains("\\u001b") && !text.contains("\\u0007") && !text.contains('\u{9b}') && !text.contains('\u{202e}'), "{text}");
    for (operation, why) in [
        ("GET /../../admin", "leads out"),
        ("GET /brace/{a", "braces"),
        ("GET /empty/{}", "without a proper name"),
        ("GET /query?action={x}", "a query with parameters"),
        ("TRACE /trace", "is not called"),
    ] {
        assert!(fate(&imported, operation)["left_out"].as_str().unwrap().contains(why), "{operation}: {imported:#}");
    }
    assert_eq!(world.sent("get_fixed", &json!({})).target, "/fixed?action=run");
    world.sent("get_pattern", &json!({"p": "anything"}));
    world.sent("get_fine", &json!({}));
    let names: Vec<&str> = imported["report"].as_array().unwrap().iter().filter_map(|fate| fate["function"].as_str()).collect();
    assert!(
        names.iter().all(|name| name.len() <= 63 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')),
        "{names:?}"
    );
    let size = std::fs::metadata(world.home.root().join("data/imports/svc.json")).unwrap().len();
    assert!(size < 2_000_000, "{size} bytes were kept");
}

#[test]
fn a_server_cannot_make_the_program_fetch_for_ever() {
    let (home, endless) = (
        World::new().home,
        Server::start(|request| match request.path() {
            "/bomb" => Reply::gzip_bomb(200 << 20),
            "/huge" => Reply::huge(200 << 20),
            "/gone" => Reply::status(404),
            "/http" => Reply::status(302).header("location", "file:///etc/passwd"),
            "/self" => Reply::status(302).header("location", "/self"),
            _ => Reply::ok(b"<html>"),
        }),
    );
    for (path, exit) in [("bomb", 6), ("huge", 6), ("gone", 6), ("http", 6), ("self", 6), ("page", 2)] {
        let run = home.run(&["integrations:import", &format!("{}/{path}", endless.origin()), "--allow-private", "--json"]);
        assert_eq!(run.code, exit, "{path}: {run:?}");
    }
}

/// What a person reads holds nothing that a terminal acts on; what is sent and what a program reads is true.
#[test]
fn values_of_strangers_do_not_reach_the_terminal() {
    let world = World::new();
    let bad = "\u{1b}]0;t\u{7}\u{9b}2J\nState  enabled";
    let values = json!({
        "mode": {"type": "string", "enum": [bad, "a"], "default": bad, "example": bad, "description": bad}, "kind": {"type": "string", "const": bad},
    });
    let paths = json!({"/things": {"post": {
        "operationId": "addThing", "parameters": [{"name": "level", "in": "query", "required": true, "schema": {"type": "string", "enum": [bad], "default": bad}}],
        "requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["mode"], "properties": values}, "example": {"mode": bad}}}},
        "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": "object", "properties": values}}}}},
    }}});
    world.import(&world.document(paths));
    let runs: [&[&str]; 6] = [
        &["integrations:docs", "svc.add_thing"],
        &["integrations:docs", "svc.add_thing", "--format=markdown"],
        &["integrations:docs", "svc"],
        &["integrations:call", "svc.add_thing", "--help"],
        &["integrations:examples", "svc.add_thing"],
        &["integrations:schema", "svc.add_thing"],
    ];
    for words in runs {
        let run = world.home.run(words);
        assert_eq!(run.code, 0, "{words:?} {}", run.stderr);
        let acts = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!run.stdout.contains(acts) && !run.stderr.contains(acts), "{words:?} {:?}", run.stdout);
        let forged = run.stdout.lines().any(|line| line.trim_start().starts_with("State  enabled"));
        assert!(!forged, "{words:?} {}", run.stdout);
    }
    let schema = world.home.run(&["integrations:schema", "svc.add_thing", "--json"]).json();
    assert_eq!(schema["properties"]["level"]["enum"][0], bad);
    let sent = world.home.run(&["integrations:call", "svc.add_thing", &json!({"level": bad, "mode": bad}).to_string(), "--json"]).json();
    let body: Value = serde_json::from_str(sent["data"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["mode"], bad);
}

/// Large descriptions are taken, JSON and YAML alike; what is too large is refused by its size, before it is read.
#[test]
fn forty_megabytes_are_imported() {
    let world = World::new();
    let words = "What it is, in words that nobody reads to their end. ".repeat(400);
    let of = |n: usize| json!({"get": operation(&format!("getThing{n}"), json!({"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/S{n}")}}}}}}))});
    let paths: serde_json::Map<String, Value> = (0..200).map(|n| (format!("/things{n}"), of(n))).collect();
    let mut document = world.document(Value::Object(paths));
    let schemas: serde_json::Map<String, Value> = (0..2_000)
        .map(|n| (format!("S{n}"), json!({"type": "object", "properties": {"id": {"type": "integer", "description": words}}})))
        .collect();
    document["components"] = json!({"schemas": schemas});
    let text = document.to_string();
    assert!(text.len() > 40 << 20, "{}", text.len());
    // What begins with a comment is YAML; its flow style is that of JSON.
    for (name, text) in [("large.json", text.clone()), ("large.yaml", format!("# large\n{text}"))] {
        let path = world.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        let run = world.home.run(&["integrations:import", &path.display().to_string(), "--as=svc", "--dry-run", "--json"]);
        assert_eq!((run.code, &run.json()["functions"]), (0, &json!(200)), "{name}: {run:?}");
    }
    let path = world.home.path().join("huge.json");
    std::fs::File::create(&path).unwrap().set_len(65 << 20).unwrap();
    let run = world.home.run(&["integrations:import", &path.display().to_string(), "--as=svc", "--json"]);
    assert!(run.code == 2 && run.stdout.contains("67108864"), "{run:?}");
}

/// Whoever sets the host or the frame of a message speaks to another service than the person allowed.
#[test]
fn headers_of_the_connection_are_nobodys_to_say() {
    let world = World::new();
    let ours = [
        "Host",
        "connection",
        "Content-Length",
        "Transfer-Encoding",
        "TE",
        "Upgrade",
        "Proxy-Authorization",
        "Expect",
        "Cookie",
        "Authorization",
    ];
    let mut parameters: Vec<Value> = ours
        .iter()
        .map(|name| json!({"name": name, "in": "header", "required": true, "schema": {"type": "string", "default": "evil.example"}}))
        .collect();
    parameters.push(json!({"name": "X-Fine", "in": "header", "schema": {"type": "string", "default": "x"}}));
    let mut document = world.document(json!({"/a": {"get": operation("getA", json!({"parameters": parameters}))}}));
    document["components"] = json!({"securitySchemes": {
        "odd": {"type": "apiKey", "in": "header", "name": "HOST"}, "token": {"type": "http", "scheme": "bearer"}}});
    document["security"] = json!([{"odd": []}, {"token": []}]);
    let imported = world.import(&document);
    let warnings = fate(&imported, "GET /a")["warnings"].to_string();
    for name in ours {
        assert!(warnings.contains(&format!("the header '{name}' was left out")), "{name}: {imported:#}");
    }
    assert!(imported["notes"].to_string().contains("the security scheme 'odd' was left out"), "{imported:#}");
    let stored = std::fs::read_to_string(world.home.root().join("data/imports/svc.json")).unwrap();
    assert!(!stored.contains("evil.example") && stored.contains("X-Fine"), "{stored}");
    let schema = world.schema("get_a");
    assert_eq!(schema["properties"].as_object().unwrap().keys().collect::<Vec<_>>(), ["x_fine"], "{schema:#}");
}

/// What nests deeper than anybody reads is left open; everything else is there.
#[test]
fn one_deep_schema_costs_no_other_operation() {
    let world = World::new();
    let deep = |levels: usize, open: &str, close: &str| format!("{}{{\"type\":\"string\"}}{}", open.repeat(levels), close.repeat(levels));
    let (open, close) = ("{\"type\":\"object\",\"properties\":{\"a\":", "}}");
    let (origin, answers) = (world.server.origin(), "\"responses\":{\"204\":{\"description\":\"OK\"}}");
    let document = |schema: &str| {
        format!(
            "{{\"openapi\":\"3.0.3\",\"info\":{{\"title\":\"S\",\"version\":\"1\"}},\"servers\":[{{\"url\":\"{origin}\"}}],\"paths\":{{\"/deep\":{{\"post\":{{\"operationId\":\"addDeep\",\"requestBody\":{{\"content\":{{\"application/json\":{{\"schema\":{schema}}}}}}},{answers}}}}},\"/fine\":{{\"get\":{{\"operationId\":\"getFine\",{answers}}}}}}}}}"
        )
    };
    for (name, text) in [
        ("deep.json", document(&deep(70, open, close))),
        ("deeper.json", document(&deep(50_000, open, close))),
        ("deep.yaml", format!("# yaml\n{}", document(&deep(70, open, close)))),
    ] {
        let run = import(&world, name, text.as_bytes());
        assert_eq!(run.code, 0, "{name}: {run:?}");
        let imported = run.json();
        assert!(imported["notes"].to_string().contains("nest deeper than"), "{name}: {imported:#}");
        assert!(fate(&imported, "POST /deep")["warnings"].to_string().contains("nested too deep"), "{name}: {imported:#}");
        let call = world.try_call("get_fine", &json!({}));
        assert_eq!(call.code, 0, "{name}: {call:?}");
        assert_eq!(world.sent("add_deep", &json!({"a": {"a": {}}})).body, br#"{"a":{"a":{}}}"#, "{name}");
        std::fs::remove_dir_all(world.home.root().join("data/imports")).unwrap();
    }
}
