//! Postman: requests as functions, no secret kept, hostile collections.

use super::*;
use crate::registry::function::{BodyForm, Operation};
use crate::registry::lint::lint;

const KEY: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

fn collection() -> Value {
    json!({
        "info": {"name": "Shop API", "description": {"content": "Sells <b>things</b>."}, "version": "1.2", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": KEY}]},
        "variable": [{"key": "baseUrl", "value": "https://shop.example/api"}, {"key": "apiSecret", "value": "hunter2"}, {"key": "other", "value": KEY}, {"key": "version", "value": "v2"}],
        "event": [{"listen": "prerequest", "script": {"exec": ["pm.environment.set('x', 1)"]}}],
        "item": [
            {"name": "Orders", "item": [
                {"name": "List orders", "request": {"method": "GET", "url": {"raw": "{{baseUrl}}/{{version}}/orders?limit=10&api_key={{apiSecret}}", "host": ["{{baseUrl}}"], "path": ["{{version}}", "orders"],
                    "query": [{"key": "limit", "value": "10", "description": "How many."}, {"key": "cursor", "value": "", "disabled": true}, {"key": "access_token", "value": KEY}]},
                    "header": [{"key": "X-Version", "value": "2026-01-01"}, {"key": "X-Trace", "value": "{{trace}}"}, {"key": "Accept", "value": "application/json"}]},
                    "response": [{"code": 404, "body": "{}"}, {"code": 200, "body": "{\"orders\": [{\"id\": 1}]}"}]},
                {"name": "Get order", "request": {"method": "GET", "url": {"raw": "{{baseUrl}}/{{version}}/orders/:orderId", "variable": [{"key": "orderId", "value": "o1", "description": "Which."}]}}},
                {"name": "Create order", "request": {"method": "POST", "url": "{{baseUrl}}/{{version}}/orders", "header": "Content-Type: application/json",
                    "body": {"mode": "raw", "raw": "{\"item\": \"book\", \"count\": {{n}}, \"address\": {\"city\": \"Ulm\"}, \"clientSecret\": \"abc\", \"password\": \"pw\"}", "options": {"raw": {"language": "json"}}}}},
                {"name": "Delete order", "request": {"method": "DELETE", "url": "{{baseUrl}}/{{version}}/orders/5f8f8c44b54764421b7156d9", "auth": {"type": "digest"}}},
            ]},
            {"name": "Upload picture", "request": {"method": "POST", "url": "https://user:pw123@up.shop.example/pictures", "body": {"mode": "formdata", "formdata": [{"key": "file", "type": "file", "src": "/home/me/x.png"}, {"key": "title", "value": "Sea", "type": "text"}]}}},
            {"name": "Sign up", "request": {"method": "POST", "url": "{{baseUrl}}/signup", "body": {"mode": "urlencoded", "urlencoded": [{"key": "email", "value": "a@b.example"}, {"key": "password", "value": "geheim"}]}}},
            {"name": "Viewer", "request": {"method": "POST", "url": "{{baseUrl}}/graphql", "body": {"mode": "graphql", "graphql": {"query": "query V($id: ID) { viewer(id: $id) { id } }", "variables": "{\"id\": \"1\"}"}}}},
            {"name": "Note", "request": {"method": "PUT", "url": "{{baseUrl}}/note", "body": {"mode": "raw", "raw": "<a/>", "options": {"raw": {"language": "xml"}}}}},
            {"name": "Plain", "request": "{{baseUrl}}/ping"},
            {"name": "Odd", "request": {"method": "LINK", "url": "{{baseUrl}}/x"}},
        ],
    })
}

fn read(value: Value) -> Document {
    Document { value, sha256: String::from("abc") }
}

fn wanted() -> Wanted {
    Wanted { id: String::from("shop"), source: String::from("shop.json"), today: String::from("2026-11-21"), ..Wanted::default() }
}

#[test]
fn requests_become_functions() {
    let made = import(&read(collection()), &wanted()).unwrap();
    let provider = &made.provider;
    assert!(lint(provider, false).is_empty(), "{:?}", lint(provider, false));
    let ids: Vec<(&str, &str)> = provider.functions.iter().map(|function| (function.id.as_str(), function.operation.as_str())).collect();
    assert_eq!(
        ids,
        [
            ("list_orders", "read"),
            ("get_order", "read"),
            ("create_order", "write"),
            ("delete_order", "destructive"),
            ("upload_picture", "write"),
            ("sign_up", "write"),
            ("get_viewer", "read"),
            ("update_note", "write"),
            ("get_plain", "read"),
        ]
    );
    let get = |id: &str| provider.functions.iter().find(|function| function.id == id).unwrap();
    let list = get("list_orders");
    assert_eq!(list.request.as_deref(), Some("GET /{version}/orders"));
    assert_eq!(list.examples[0].arguments, json!({"version": "v2", "limit": "10"}).as_object().unwrap().clone());
    assert_eq!((&list.headers["X-Version"], &list.parameters["x_trace"]["in"]), (&json!("2026-01-01"), &json!("header")));
    assert_eq!(list.output.as_ref().unwrap()["properties"]["orders"]["type"], "array");
    assert_eq!(get("get_order").parameters["order_id"]["description"], "Which.");
    assert_eq!(get("delete_order").request.as_deref(), Some("DELETE /{version}/orders/{order_id}"));
    let create = get("create_order");
    assert_eq!(create.parameters["address"]["properties"]["city"]["type"], "string");
    assert!(create.parameters["count"].get("type").is_none());
    assert_eq!(create.parameters["client_secret"]["as"], "clientSecret");
    assert_eq!((get("upload_picture").body, get("upload_picture").server.is_some()), (BodyForm::Multipart, true));
    assert_eq!(get("upload_picture").parameters["file"]["format"], "binary");
    assert_eq!(get("sign_up").body, BodyForm::Form);
    assert!(get("get_viewer").graphql.is_some());
    assert_eq!(get("update_note").content_type.as_deref(), Some("application/xml"));
    assert_eq!(provider.servers["default"], "{base_url}");
    let base = provider.credentials.iter().find(|field| field.key == "base_url").unwrap();
    assert_eq!(base.default.as_deref(), Some("https://shop.example/api"));
    assert_eq!(provider.origin.as_ref().unwrap().format, "postman-2.1");
}

#[test]
fn no_secret_is_kept() {
    let made = import(&read(collection()), &wanted()).unwrap();
    let text = format!("{}{}", serde_json::to_string(&made.provider).unwrap(), serde_json::to_string(&made.report).unwrap());
    for secret in [KEY, "hunter2", "geheim", "\"abc\"}", "pw123", "\"pw\"", "5f8f8c44b54764421b7156d9", "/home/me"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(made.provider.credentials.iter().any(|field| field.key == "token" && field.secret && field.default.is_none()));
}

#[test]
fn every_request_has_a_fate() {
    let made = import(&read(collection()), &wanted()).unwrap();
    let fate = |name: &str| made.report.operations.iter().find(|fate| fate.operation.contains(name)).unwrap();
    assert_eq!(made.report.operations.len(), 10);
    assert!(fate("Odd").left_out.as_deref().unwrap().contains("LINK"));
    assert!(fate("Delete order").warnings.iter().any(|said| said.contains("digest")));
    assert!(made.report.notes.iter().any(|note| note.contains("scripts")));
    let narrow = Wanted { include: vec![String::from("Orders / *")], ..wanted() };
    assert_eq!(import(&read(collection()), &narrow).unwrap().provider.functions.len(), 4);
}

#[test]
fn signing_in_is_found_where_it_stands() {
    let of = |auth: Value, headers: Value| {
        let request = json!({"method": "GET", "url": "https://x.example/a", "header": headers});
        let made =
            import(&read(json!({"info": {"name": "x"}, "auth": auth, "item": [{"name": "a", "request": request}]})), &wanted()).unwrap();
        assert!(lint(&made.provider, false).is_empty(), "{:?}", lint(&made.provider, false));
        serde_json::to_value(&made.provider.auth).unwrap()
    };
    let apikey = of(json!({"type": "apikey", "apikey": {"key": "X-Key", "value": KEY}}), json!([]));
    assert_eq!((&apikey[0]["type"], &apikey[0]["name"]), (&json!("header"), &json!("X-Key")));
    let basic = of(json!({"type": "basic", "basic": []}), json!([]));
    assert_eq!(basic[0]["username"], "{username}");
    let header = of(Value::Null, json!([{"key": "Authorization", "value": format!("Token {KEY}")}]));
    assert_eq!((&header[0]["name"], &header[0]["value"]), (&json!("Authorization"), &json!("Token {token}")));
    let machine = json!({"type": "oauth2", "oauth2": [{"key": "accessTokenUrl", "value": "https://x.example/token"}, {"key": "grant_type", "value": "client_credentials"}, {"key": "clientSecret", "value": KEY}]});
    assert_eq!(of(machine, json!([]))[0]["value"], "{access_token}");
    assert_eq!(of(json!({"type": "hawk"}), json!([])), json!([]));
}

#[test]
fn hostile_collections_have_an_end() {
    let many: Vec<Value> = (0..20_001).map(|_| json!({"name": "a", "request": "https://x.example/"})).collect();
    assert!(import(&read(json!({"info": {}, "item": many})), &wanted()).unwrap_err().contains("20001"));
    let odd = [
        "{{a",
        "ftp://x.example/",
        "https://",
        "://",
        "https://x.example/../a",
        "https://x\u{0}y/",
        "{{}}/x",
        "https://x.example/{{a}}{{a}}/:/b?=&&a",
        "x.example:99/ä b",
        "file:///etc/passwd",
    ];
    let items: Vec<Value> = odd
        .iter()
        .map(|url| json!({"name": "\u{1b}[31m", "request": {"url": url, "header": 7, "body": {"mode": "raw", "raw": "{{{{"}}}))
        .collect();
    let bodies = [
        json!({"mode": "raw", "raw": "[".repeat(5000)}),
        json!({"mode": "raw", "raw": "{\"a\u{0}\": 1, \"b.c\": 2}"}),
        json!({"mode": "graphql"}),
        json!({"mode": 7}),
        json!({"mode": "raw", "raw": "{".repeat(1 << 20)}),
        json!({"mode": "formdata", "formdata": "x"}),
    ];
    let more = bodies.iter().map(|body| json!({"name": "b", "request": {"method": "POST", "url": "https://x.example/b", "body": body}}));
    let made = import(&read(json!({"info": {"name": "\u{1b}"}, "item": items.into_iter().chain(more).chain([json!(7), json!({"request": 7})]).collect::<Vec<_>>()})), &wanted()).unwrap();
    assert!(lint(&made.provider, false).is_empty(), "{:?}", lint(&made.provider, false));
    assert_eq!(made.report.operations.len(), odd.len() + bodies.len() + 1);
    let text = format!("{}{}", serde_json::to_string(&made.provider).unwrap(), serde_json::to_string(&made.report).unwrap());
    assert!(!text.contains("u001b") && !text.contains("u0000"), "{text}");
}

#[test]
fn what_acts_is_no_read() {
    let get = |name: &str, path: &str| json!({"name": name, "request": {"method": "GET", "url": format!("https://x.example{path}")}});
    let post = |name: &str, path: &str| json!({"name": name, "request": {"method": "POST", "url": format!("https://x.example{path}")}});
    let table = [
        (get("Delete user", "/users/:id/delete"), Operation::Destructive),
        (get("Send mail now", "/send?to=a@b.c"), Operation::Write),
        (get("Cancel subscription", "/subscriptions/cancel?id=5"), Operation::Write),
        (get("Users", "/api.php?action=deleteUser&id=5"), Operation::Destructive),
        (get("List users", "/users?limit=10"), Operation::Read),
        (post("Search and delete", "/search_and_delete"), Operation::Destructive),
        (post("Find or create person", "/people/find_or_create"), Operation::Write),
        (post("Find people", "/people"), Operation::Write),
        (post("Search people", "/people/search"), Operation::Read),
        (get("Who am I", "/v1/me"), Operation::Read),
    ];
    let items: Vec<&Value> = table.iter().map(|(item, _)| item).collect();
    let made = import(&read(json!({"info": {"name": "x"}, "item": items})), &wanted()).unwrap();
    for ((item, wanted), function) in table.iter().zip(&made.provider.functions) {
        assert_eq!(function.operation, *wanted, "{item}");
    }
    let verify = made.provider.verify.as_deref().and_then(|id| made.provider.functions.iter().find(|function| function.id == id));
    assert_eq!(verify.and_then(|function| function.request.as_deref()), Some("GET /v1/me"));
    let only = import(&read(json!({"info": {"name": "x"}, "item": [table[1].0, table[4].0]})), &wanted()).unwrap();
    assert_eq!(only.provider.verify, None);
}

#[test]
fn only_graphql_that_is_nothing_but_queries_reads() {
    let table = [
        ("query A { me { id } }", true),
        ("{ me { id } }", true),
        ("fragment F on U { id } query A($x: In = {a: [1]}) @d(a: 1) { me(x: $x) { ...F } }", true),
        ("query A { me(q: \"mutation B { x }\", r: \"\"\"} mutation \\\"\"\" \"\"\") { id } } # mutation", true),
        ("query A { a } query B { b }", true),
        ("# query\nmutation Kill { deleteAll { ok } }", false),
        ("query A { me { id } } mutation B { deleteAll { ok } }", false),
        ("fragment F on U { id } mutation B { deleteAll { ...F } }", false),
        ("subscription S { x }", false),
        ("query A { a } #\rmutation B { b }", false),
        ("query A { a(b: \"\\\\\") } mutation B { b(c: \"\") }", false),
        ("query A { a(b: \"x\n) } mutation B { b(c: \"\") }", false),
        ("query A mutation B { b }", false),
        ("query A { a } } mutation B { b", false),
        ("fragment F on U { id }", false),
        ("{{q}}", false),
        ("{{ q }}", false),
        ("query { a {{more}} }", false),
        ("query A { a", false),
        ("é", false),
        ("", false),
    ];
    for (document, reads) in table {
        let body = json!({"mode": "graphql", "graphql": {"query": document}});
        assert_eq!(body::is_query(body.as_object().unwrap()), reads, "{document}");
        if document.is_empty() {
            continue;
        }
        let item = json!({"name": "Ask", "request": {"method": "POST", "url": "https://x.example/graphql", "body": body}});
        let made = import(&read(json!({"info": {"name": "x"}, "item": [item]})), &wanted()).unwrap();
        let function = &made.provider.functions[0];
        assert_eq!((function.operation == Operation::Read, function.read_because.is_some()), (reads, reads), "{document}");
    }
}
