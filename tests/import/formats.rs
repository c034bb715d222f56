//! Google Discovery, GraphQL, Postman and MCP as sources: imported by the command, called against a server on loopback. What is hostile is
//! refused or bounded.

use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::server::{Reply, Request, Server};

const KEY: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

fn write(home: &Home, name: &str, text: &str) -> String {
    let path = home.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn ok(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
    run.json()
}

/// Lets a provider be called, at a server on loopback.
fn open(home: &Home, id: &str, server: &Server) {
    let origin = server.origin();
    home.config(&format!(
        "[integrations.{id}]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n[integrations.{id}.servers]\ndefault = \"{origin}/v1\"\nroot = \"{origin}\"\n"
    ));
}

fn discovery() -> Value {
    json!({
        "kind": "discovery#restDescription", "discoveryVersion": "v1", "name": "shelf", "version": "v1", "title": "Shelf API", "description": "Books.",
        "rootUrl": "https://shelf.example/", "servicePath": "v1/", "baseUrl": "https://shelf.example/v1/",
        "auth": {"oauth2": {"scopes": {"https://x.example/shelf": {}}}},
        "schemas": {
            "Book": {"type": "object", "properties": {"name": {"type": "string"}, "parent": {"$ref": "Book"}}},
            "Books": {"type": "object", "properties": {"books": {"type": "array", "items": {"$ref": "Book"}}, "nextPageToken": {"type": "string"}}}},
        "resources": {"books": {"methods": {
            "list": {"id": "shelf.books.list", "path": "books", "httpMethod": "GET", "response": {"$ref": "Books"}, "scopes": ["https://x.example/shelf"],
                "parameters": {"pageToken": {"type": "string", "location": "query"}}},
            "get": {"id": "shelf.books.get", "path": "{+name}", "httpMethod": "GET", "parameters": {"name": {"type": "string", "required": true, "location": "path", "pattern": "^books/[^/]+$"}}, "response": {"$ref": "Book"}},
            "create": {"id": "shelf.books.create", "path": "books", "httpMethod": "POST", "request": {"$ref": "Book"}, "response": {"$ref": "Book"},
                "mediaUpload": {"protocols": {"simple": {"path": "/upload/v1/books"}}}}}}},
    })
}

#[test]
fn a_discovery_document_is_called() {
    let home = Home::new().env("ANGELIA_SHELF_ACCESS_TOKEN", "t0ken-of-the-shelf");
    let imported = ok(&home.run(&["integrations:import", &write(&home, "shelf.json", &discovery().to_string()), "--report", "--json"]));
    assert_eq!((imported["provider"].as_str(), imported["functions"].as_u64()), (Some("shelf"), Some(4)));
    assert_eq!(imported["origin"]["format"], "google-discovery");
    assert_eq!(imported["report"].as_array().unwrap().len(), 4);
    let server = Server::start(|request: &Request| match (request.path(), request.query("pageToken")) {
        ("/v1/books", None) if request.method == "GET" => Reply::ok(br#"{"books": [{"name": "a"}], "nextPageToken": "p2"}"#),
        ("/v1/books", Some(_)) => Reply::ok(br#"{"books": [{"name": "b"}]}"#),
        ("/v1/books/sea%20side" | "/v1/books", None) => Reply::ok(br#"{"name": "books/sea side"}"#),
        ("/upload/v1/books", None) if request.body == b"hello" && request.query("uploadType").as_deref() == Some("media") => {
            Reply::ok(b"{}")
        }
        _ => Reply::status(404),
    });
    open(&home, "shelf", &server);
    let all = ok(&home.run(&["integrations:call", "shelf.list_books", "--all", "--json"]));
    assert_eq!(all["data"]["books"], json!([{"name": "a"}, {"name": "b"}]));
    let one = ok(&home.run(&["integrations:call", "shelf.get_book", "--name=books/sea side", "--json"]));
    assert_eq!(one["data"]["name"], "books/sea side");
    ok(&home.run(&["integrations:call", "shelf.create_book", "--name=x", "--parent.name=y", "--json"]));
    let file = write(&home, "text", "hello");
    ok(&home.run(&["integrations:call", "shelf.upload_book", &format!("--content=@{file}"), "--content-type=text/plain", "--json"]));
    let wrong = home.run(&["integrations:call", "shelf.get_book", "--name=../secret", "--json"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stdout);
    let sent = server.requests();
    assert!(sent.iter().all(|request| request.header("authorization") == Some("Bearer t0ken-of-the-shelf")), "{sent:?}");
    let created = sent.iter().find(|request| request.method == "POST" && request.path() == "/v1/books").unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&created.body).unwrap(), json!({"name": "x", "parent": {"name": "y"}}));
    assert_eq!(sent.last().unwrap().header("content-type"), Some("text/plain"));
}

const SCHEMA: &str = "type Query { things(first: Int, after: String): ThingConnection! thing(id: ID!): Thing }
type Mutation { createThing(input: ThingInput!): Thing deleteThing(id: ID!): Boolean }
type ThingConnection { nodes: [Thing] pageInfo: PageInfo! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Thing { id: ID! name: String }
input ThingInput { name: String! tags: [String!] }";

#[test]
fn a_graphql_schema_is_called() {
    let home = Home::new();
    let server = Server::start(|request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let (document, variables) = (body["query"].as_str().unwrap().to_owned(), &body["variables"]);
        let data = match (document.split_whitespace().next(), variables["after"].as_str()) {
            (Some("mutation"), _) => json!({"createThing": {"id": "9", "name": variables["input"]["name"]}}),
            (_, None) => json!({"things": {"nodes": [{"id": "1"}], "pageInfo": {"hasNextPage": true, "endCursor": "c1"}}}),
            _ => json!({"things": {"nodes": [{"id": "2"}], "pageInfo": {"hasNextPage": false, "endCursor": null}}}),
        };
        Reply::ok(json!({"data": data}).to_string().as_bytes())
    });
    let (file, url) = (write(&home, "things.graphql", SCHEMA), format!("{}/graphql", server.origin()));
    let imported = ok(&home.run(&["integrations:import", &file, &format!("--endpoint={url}"), "--allow-private", "--json"]));
    assert_eq!((imported["provider"].as_str(), imported["functions"].as_u64()), (Some("things"), Some(4)));
    home.config("[integrations.things]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n");
    let all = ok(&home.run(&["integrations:call", "things.list_things", "--all", "--json"]));
    assert_eq!(all["data"]["nodes"], json!([{"id": "1"}, {"id": "2"}]));
    let made = ok(&home.run(&["integrations:call", "things.create_thing", "--name=chair", "--tags=a", "--json"]));
    assert_eq!(made["data"], json!({"id": "9", "name": "chair"}));
    let schema = ok(&home.run(&["integrations:schema", "things.create_thing", "--json"]));
    assert_eq!(schema["required"], json!(["name"]));
    let docs = home.run(&["integrations:docs", "things.delete_thing"]);
    assert!(docs.stdout.contains("destructive"), "{}", docs.stdout);
}

#[test]
fn a_graphql_service_is_asked_for_its_schema() {
    let home = Home::new();
    let server = Server::start(|request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), body["operationName"].as_str()) {
            ("POST", Some("IntrospectionQuery")) => Reply::ok(
                json!({"data": {"__schema": {"queryType": {"name": "Query"}, "types": [
                    {"kind": "OBJECT", "name": "Query", "fields": [{"name": "hello", "args": [], "type": {"kind": "SCALAR", "name": "String"}}]}]}}})
                .to_string()
                .as_bytes(),
            ),
            ("POST", None) => Reply::ok(br#"{"data": {"hello": "world"}}"#),
            _ => Reply::status(405),
        }
    });
    let url = format!("{}/api/graphql", server.origin());
    let imported = ok(&home.run(&["integrations:import", &url, "--as=greeter", "--allow-private", "--json"]));
    assert_eq!(imported["functions"], 1);
    home.config("[integrations.greeter]\nenabled = true\nread = \"allow\"\nallow_private = true\n");
    assert_eq!(ok(&home.run(&["integrations:call", "greeter.get_hello", "--json"]))["data"], "world");
    let again = ok(&home.run(&["integrations:update", "greeter", "--json"]));
    assert_eq!(again["success"], true, "{again}");
}

#[test]
fn a_postman_collection_is_called_and_keeps_no_secret() {
    let home = Home::new();
    let server = Server::start(|request: &Request| match request.header("x-key") {
        Some("from-the-user") => Reply::ok(br#"{"ok": true}"#),
        _ => Reply::status(401),
    });
    let collection = json!({
        "info": {"name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "auth": {"type": "apikey", "apikey": [{"key": "key", "value": "X-Key"}, {"key": "value", "value": KEY}]},
        "variable": [{"key": "baseUrl", "value": server.origin()}, {"key": "password", "value": "hunter2-hunter2"}],
        "item": [{"name": "Orders", "item": [
            {"name": "Create order", "request": {"method": "POST", "url": "{{baseUrl}}/orders/:shop", "body": {"mode": "raw", "raw": format!("{{\"item\": \"book\", \"token\": \"{KEY}\", \"count\": {{{{n}}}}}}")}}}]}],
    });
    let file = write(&home, "shop.json", &collection.to_string());
    let imported = home.run(&["integrations:import", &file, "--allow-private", "--report", "--json"]);
    ok(&imported);
    std::fs::remove_file(file).unwrap();
    for path in home.files() {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(KEY) && !text.contains("hunter2-hunter2"), "{}", path.display());
    }
    assert!(!imported.stdout.contains(KEY));
    home.config("[integrations.shop]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n");
    let home = home.env("ANGELIA_SHOP_API_KEY", "from-the-user");
    let made = ok(&home.run(&["integrations:call", "shop.create_order", "--shop=s1", "--item=pen", "--count=2", "--json"]));
    assert_eq!(made["data"]["ok"], true);
    let sent = server.requests().pop().unwrap();
    assert_eq!((sent.path(), serde_json::from_slice::<Value>(&sent.body).unwrap()), ("/orders/s1", json!({"item": "pen", "count": 2})));
}

#[test]
fn an_mcp_server_is_not_imported_and_the_answer_says_what_is() {
    let home = Home::new();
    for source in ["mcp:files", "https://mcp.example.com/mcp"] {
        let run = home.run(&["integrations:import", source, "--json"]);
        assert_eq!(run.code, 2, "{}", run.stdout);
        assert!(run.stdout.contains("angelia mcp:add"), "{}", run.stdout);
    }
}

#[test]
fn hostile_descriptions_are_refused() {
    let home = Home::new();
    let deep = format!("{}1{}", "{\"a\": ".repeat(100_000), "}".repeat(100_000));
    let circular = json!({"kind": "discovery#restDescription", "name": "x", "schemas": {"A": {"$ref": "B"}, "B": {"$ref": "A"}},
        "methods": {"m": {"path": "m", "httpMethod": "POST", "request": {"$ref": "A"}, "response": {"$ref": "B"}}}});
    let cases = [
        ("deep.json", deep.clone()),
        ("deep.graphql", format!("type Query {{ a: {}Int }}", "[".repeat(100_000))),
        ("empty.graphql", String::from("type Query {\n}\n")),
        ("empty.json", String::from("{\"info\": {}, \"item\": []}")),
        ("odd.json", String::from("{\"kind\": \"discovery#restDescription\", \"resources\": 7}")),
        ("http.json", circular.to_string().replace("\"name\":\"x\"", "\"name\":\"x\",\"rootUrl\":\"http://x.example/\"")),
    ];
    for (name, text) in cases {
        let run = home.run(&["integrations:import", &write(&home, name, &text), "--as=odd", "--json"]);
        assert_eq!(run.code, 2, "{name}: {} {}", run.stdout, run.stderr);
        assert_eq!(run.json()["error_detail"]["code"], "invalid_payload", "{name}: {}", run.stdout);
        assert!(run.stdout.len() < 4000, "{name}");
    }
    let made = ok(&home.run(&["integrations:import", &write(&home, "circular.json", &circular.to_string()), "--as=circular", "--json"]));
    assert_eq!(made["functions"], 1);
    assert!(home.run(&["integrations:docs", "circular.m"]).stdout.len() < 4000);
    let red = json!({"info": {"name": "a\u{1b}[31mb"}, "item": [{"name": "c\u{7}\u{1b}[31md", "request": "https://x.example/"}]});
    let run = home.run(&["integrations:import", &write(&home, "red.json", &red.to_string()), "--as=red", "--report"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains('\u{7}'), "{:?}", run.stdout);
}

/// Half an answer is a failure: what was answered is there, and nobody takes it for the whole. Also for manifests written by hand.
#[test]
fn half_an_answer_of_graphql_is_a_failure() {
    let home = Home::new();
    let server = Server::start(|request: &Request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let errors = json!([{"message": "name is not for you", "path": ["thing", "name"]}]);
        let answer = match () {
            () if body.contains("mutation") => json!({"data": {"createThing": {"id": "9"}}, "errors": errors}),
            () if body.contains("nothing") => json!({"message": "odd"}),
            () if body.contains("whole") => json!({"data": {"thing": {"id": "1"}}, "errors": []}),
            () => json!({"data": {"thing": {"id": "1", "name": null}}, "errors": errors}),
        };
        Reply::ok(answer.to_string().as_bytes())
    });
    let (file, url) = (write(&home, "things.graphql", SCHEMA), format!("{}/graphql", server.origin()));
    ok(&home.run(&["integrations:import", &file, &format!("--endpoint={url}"), "--allow-private", "--json"]));
    home.manifest(
        "hand",
        &format!(
            "id: hand\ntitle: H\ndescription: H.\ncategory: c\nauth_strategy: none\nservers: {{default: \"{url}\"}}\nfunctions:\n  - {{id: get_thing, title: T, description: T., operation: read, read_because: a query, graphql: \"query {{ thing {{ id name }} }}\", shape: .data.thing, examples: [{{arguments: {{}}}}]}}\n"
        ),
    );
    let may = "enabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n";
    home.config(&format!("[integrations.things]\n{may}[integrations.hand]\n{may}"));
    let failed = |words: &[&str]| {
        let run = home.run(&[&["integrations:call"], words, &["--json"]].concat());
        assert_eq!(run.code, 6, "{} {}", run.stdout, run.stderr);
        run.json()
    };
    for words in [&["things.get_thing", "--id=1"][..], &["hand.get_thing"]] {
        let envelope = failed(words);
        assert_eq!((&envelope["data"], &envelope["error_detail"]["code"]), (&Value::Null, &json!("provider_error")), "{envelope:#}");
        assert!(envelope["error"].as_str().unwrap().contains("name is not for you"), "{envelope:#}");
        assert_eq!(envelope["error_detail"]["provider"]["body"]["data"]["thing"]["id"], "1", "{envelope:#}");
    }
    let made = failed(&["things.create_thing", "--name=chair"]);
    assert!(made["error_detail"]["hints"].to_string().contains("may have taken effect"), "{made:#}");
    failed(&["things.get_thing", "--id=nothing"]);
    assert_eq!(ok(&home.run(&["integrations:call", "things.get_thing", "--id=whole", "--json"]))["data"]["id"], "1");
}
