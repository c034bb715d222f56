//! Where requests and people are sent by a description: addresses of servers and of signing in, pages that go on, names by what is done.

use serde_json::{Value, json};

use super::{World, fate, operation};
use crate::support::server::{Reply, Request, Server};

fn stored(world: &World) -> Value {
    let text = std::fs::read_to_string(world.home.root().join("data/imports/svc.json")).unwrap();
    let stored: Value = serde_json::from_str(&text).unwrap();
    stored.get("provider").cloned().unwrap_or(stored)
}

#[test]
fn relative_addresses_of_signing_in_are_below_the_service() {
    let world = World::new();
    let mut document = world.document(json!({"/a": {"get": operation("getA", json!({}))}}));
    document["components"] = json!({"securitySchemes": {"sign": {"type": "oauth2", "flows": {"authorizationCode": {
        "authorizationUrl": "/login", "tokenUrl": "oauth/token", "refreshUrl": "/renew", "scopes": {}}}}}});
    document["servers"] = json!([{"url": "https://api.example.com/v1"}]);
    let imported = world.import(&document);
    assert!(!imported["notes"].to_string().contains("missing"), "{imported:#}");
    let oauth = &stored(&world)["oauth"];
    assert_eq!(
        (&oauth["authorize_url"], &oauth["token_url"], &oauth["refresh_url"]),
        (
            &json!("https://api.example.com/login"),
            &json!("https://api.example.com/v1/oauth/token"),
            &json!("https://api.example.com/renew")
        )
    );
    document["servers"] = json!([{"url": "http://api.example.com/v1"}]);
    let path = world.write(&document);
    let run = world.home.run(&["integrations:import", &path, "--as=svc", "--dry-run", "--report", "--json"]);
    assert!(run.json()["notes"].to_string().contains("not https"), "tokens are not sent where others listen: {run:?}");
}

#[test]
fn addresses_that_are_none_are_said() {
    for (url, said) in [("?key=1#part", "was left out: it is not sent"), ("/../..", "leads out of itself"), (":99999", "its port is none")]
    {
        let world = World::new();
        let mut document = world.document(json!({"/a": {"get": operation("getA", json!({}))}}));
        document["servers"] = json!([{"url": format!("https://a.example{url}")}]);
        let imported = world.import(&document);
        assert!(imported["notes"].to_string().contains(said), "{url}: {imported:#}");
        let server = stored(&world)["servers"]["default"].as_str().unwrap().to_owned();
        assert_eq!(server, if url.starts_with('?') { "https://a.example" } else { "{base_url}" }, "{url}");
        document["servers"] = json!([{"url": format!("https://a.example{url}")}, {"url": world.server.origin()}]);
        if !url.starts_with('?') {
            let path = world.write(&document);
            let run = world.home.run(&["integrations:import", &path, "--as=svc", "--replace", "--json"]);
            assert_eq!(run.code, 0, "{run:?}");
            world.sent("get_a", &json!({}));
        }
    }
}

/// Two pages with an empty one between them, and a null where the number of the next page stood.
#[test]
fn a_list_goes_on_while_its_answers_say_so() {
    let pages = |request: &Request| {
        let page = request.target.split("page=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or("1").to_owned();
        let items = if page == "2" { json!([]) } else { json!([{"id": page}]) };
        let body = match request.path() {
            "/flags" => json!({"items": items, "hasMore": page != "3"}),
            _ => json!({"items": items, "nextPage": if page == "3" { Value::Null } else { json!(page.parse::<u64>().unwrap() + 1) }}),
        };
        Reply::ok(body.to_string().as_bytes())
    };
    let world = World { server: Server::start(pages), ..World::new() };
    let list = |id: &str, more: Value| {
        let schema = json!({"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object"}}, "hasMore": more["hasMore"], "nextPage": more["nextPage"]}});
        operation(
            id,
            json!({"parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}],
            "responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}}),
        )
    };
    world.import(&world.document(json!({
        "/flags": {"get": list("listFlags", json!({"hasMore": {"type": "boolean"}}))},
        "/numbers": {"get": list("listNumbers", json!({"nextPage": {"type": "integer", "nullable": true}}))},
    })));
    for function in ["list_flags", "list_numbers"] {
        let before = world.server.requests().len();
        let run = world.home.run(&["integrations:call", &format!("svc.{function}"), "--all", "--json"]);
        let asked = world.server.requests().len() - before;
        assert_eq!((run.code, asked), (0, 3), "{function}: {run:?}");
        assert!(run.stdout.contains("\"id\": \"3\"") || run.stdout.contains("\"id\":\"3\""), "{function}: {run:?}");
    }
}

#[test]
fn names_say_what_is_done() {
    let world = World::new();
    let imported = world.import(&world.document(json!({
        "/users/{id}/delete": {"get": operation("u1", json!({}))},
        "/orders/{id}": {"post": operation("post_cancel_order", json!({}))},
        "/echo": {"get": operation("echo", json!({})), "head": operation("Echo.Get_v2", json!({}))},
        "/same/a-b": {"get": operation("thing", json!({}))},
        "/same/a_b": {"get": operation("thing", json!({}))},
    })));
    assert_eq!(fate(&imported, "GET /users/{id}/delete")["function"], "delete_user");
    assert_eq!(fate(&imported, "POST /orders/{id}")["function"], "cancel_order");
    for function in stored(&world)["functions"].as_array().unwrap() {
        let title = function["title"].as_str().unwrap();
        assert!(!title.split(' ').any(|word| word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit())), "{function:#}");
    }
    let marked = |id: &str| id.rsplit('_').next().is_some_and(|end| end.len() == 8);
    assert!(
        stored(&world)["functions"].as_array().unwrap().iter().any(|of| marked(of["id"].as_str().unwrap())),
        "some are alike: {imported:#}"
    );
}
