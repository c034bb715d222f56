//! Postman collections, GraphQL schemas and Google Discovery at the boundary: nothing of them is lost without a word, what is a secret is a
//! credential, and what changes something is no read.

use serde_json::{Value, json};

use super::World;
use crate::support::server::{Reply, Server};

/// A collection with these requests.
fn collection(items: Value) -> Value {
    json!({"info": {"name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}, "item": items})
}

fn request(name: &str, method: &str, url: String) -> Value {
    json!({"name": name, "request": {"method": method, "url": url}})
}

#[test]
fn requests_in_deep_folders_are_there_and_what_is_no_request_is_said() {
    let world = World::new();
    let mut deep = request("Deepest", "GET", format!("{}/deep", world.server.origin()));
    for _ in 0..30 {
        deep = json!({"name": "f", "item": [deep]});
    }
    let both = json!({"name": "Both", "request": format!("{}/both", world.server.origin()), "item": [deep]});
    let imported = world.import(&collection(json!([both, {"name": "Empty"}])));
    assert_eq!(imported["functions"], 2, "{imported:#}");
    let report = imported["report"].as_array().unwrap();
    let empty = report.iter().find(|fate| fate["operation"].as_str().unwrap().starts_with("Empty")).unwrap();
    assert_eq!(empty["left_out"], "it has no request", "{imported:#}");
    assert_eq!(world.sent("get_deepest", &json!({})).target, "/deep");
}

#[test]
fn a_discovery_method_in_deep_resources_is_there() {
    let world = World::new();
    let mut deep = json!({"methods": {"get": {"id": "x.deep.get", "path": "deep", "httpMethod": "GET"}}});
    for _ in 0..30 {
        deep = json!({"resources": {"r": deep}});
    }
    deep["kind"] = "discovery#restDescription".into();
    deep["name"] = "x".into();
    deep["rootUrl"] = "https://x.example/".into();
    let imported = world.import(&deep);
    assert_eq!(imported["report"][0]["operation"], "x.deep.get", "{imported:#}");
}

#[test]
fn parameters_of_colliding_names_are_all_sent() {
    let world = World::new();
    let url = format!("{}/a?user-id=1&userId=2&user_id=3&tag=a&tag=b&tag=c", world.server.origin());
    world.import(&collection(json!([request("List things", "GET", url)])));
    let given = json!({"user_id": "1", "query_user_id": "2", "user_id_2": "3", "tag": ["a", "b", "c"]});
    assert_eq!(world.sent("list_things", &given).target, "/a?user-id=1&userId=2&user_id=3&tag=a&tag=b&tag=c");
}

/// The class of a function, as its page says it.
fn class(world: &World, function: &str) -> String {
    let docs = world.home.run(&["integrations:docs", &format!("svc.{function}")]);
    assert_eq!(docs.code, 0, "{docs:?}");
    let found = ["destructive", "write", "read"].into_iter().find(|class| docs.stdout.contains(class));
    found.unwrap_or_default().to_owned()
}

#[test]
fn keys_in_headers_and_queries_are_credentials_of_their_servers() {
    let world = World::new();
    let other = Server::start(|_| Reply::ok(b"{}"));
    let origin = world.server.origin();
    let header = json!([{"key": "X-Token", "value": "hunter2hunter2"}, {"key": "X-Tenant", "value": "{{tenantToken}}"}]);
    let items = json!([
        {"name": "List things", "request": {"method": "GET", "url": format!("{origin}/things?token=sk_live_4eC39HqLyjWDarjtT1zdp7dc&key=colour"), "header": header}},
        request("List others", "GET", format!("{origin}/others")),
        request("List more", "GET", format!("{origin}/more")),
        request("Get elsewhere", "GET", format!("{}/elsewhere", other.origin().replacen("://", "://me:geheim@", 1))),
    ]);
    let imported = world.import(&collection(items));
    let text = imported.to_string();
    for said in ["query parameter 'token'", "header 'X-Token'", "header 'X-Tenant'", "the user name and password in its address"] {
        assert!(text.contains(said), "{said} in {imported:#}");
    }
    assert!(!["hunter2", "sk_live", "geheim"].iter().any(|secret| text.contains(secret)), "{imported:#}");
    let schema = world.schema("list_things");
    assert_eq!(schema["properties"].as_object().unwrap().keys().collect::<Vec<_>>(), ["key"], "{schema:#}");
    let set = ["--set=token=QT", "--set=x_token=HT", "--set=x_tenant=TT"];
    assert_eq!(world.home.run(&[&["integrations:configure", "svc"][..], &set, &["--json"]].concat()).code, 0);
    let sent = world.sent("list_things", &json!({"key": "colour"}));
    assert_eq!((sent.query("token").as_deref(), sent.header("x-token"), sent.header("x-tenant")), (Some("QT"), Some("HT"), Some("TT")));
    assert_eq!(world.try_call("get_elsewhere", &json!({})).code, 0);
    let elsewhere = other.requests().pop().unwrap();
    assert_eq!((elsewhere.target.as_str(), elsewhere.header("x-token")), ("/elsewhere", None));
}

#[test]
fn an_id_in_a_path_is_a_parameter() {
    let world = World::new();
    let origin = world.server.origin();
    let imported = world.import(&collection(json!([
        request("Upload", "POST", format!("{origin}/items/3/file")),
        request("Remove part", "DELETE", format!("{origin}/items/3/items/4")),
        request("Get page", "GET", format!("{origin}/rest/api/3/pages/3f2504e0-4f89-41d3-9a0c-0305e82c3301")),
    ])));
    assert!(imported["report"][0]["warnings"].to_string().contains("'item_id'"), "{imported:#}");
    let upload = imported["report"][0]["function"].as_str().unwrap();
    assert_eq!(world.schema(upload)["required"], json!(["item_id"]));
    assert_eq!(world.sent(upload, &json!({"item_id": "7"})).target, "/items/7/file");
    let remove = imported["report"][1]["function"].as_str().unwrap();
    assert_eq!(world.sent(remove, &json!({"item_id": "7", "item_id_2": "8"})).target, "/items/7/items/8");
    let page = imported["report"][2]["function"].as_str().unwrap();
    assert_eq!(world.sent(page, &json!({"page_id": "a"})).target, "/rest/api/3/pages/a");
}

#[test]
fn a_graphql_query_that_says_it_changes_is_no_read() {
    let world = World::new();
    let schema = "type Query { deleteEverything: Boolean sendMail(to: String!): Boolean release(id: ID!): Release viewer: User }
type Release { id: ID! }
type User { id: ID! }
";
    let path = world.home.path().join("svc.graphql");
    std::fs::write(&path, schema).unwrap();
    let run =
        world.home.run(&["integrations:import", path.to_str().unwrap(), "--as=svc", "--endpoint=https://x.example/graphql", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let table = [("delete_everything", "destructive"), ("send_mail", "write"), ("get_release", "read"), ("get_viewer", "read")];
    for (function, wanted) in table {
        assert_eq!(class(&world, function), wanted, "{function}");
    }
}

#[test]
fn a_graphql_document_of_a_collection_is_read_as_one() {
    let world = World::new();
    let table = [
        ("query A { viewer { id } }", "read"),
        ("query A { ...F } fragment F on Query { viewer { canDelete } }", "read"),
        ("query A { ...F } fragment F on Query { deleteAll { ok } }", "destructive"),
        ("query A { sendMail(to: \"a\") }", "write"),
        ("query A { viewer } mutation B { b }", "write"),
        ("query A { viewer { {{fields}} } }", "write"),
        ("query A @@ { viewer }", "write"),
    ];
    for (document, wanted) in table {
        let body = json!({"mode": "graphql", "graphql": {"query": document}});
        let asked = json!({"method": "POST", "url": format!("{}/graphql", world.server.origin()), "body": body});
        let path = world.write(&collection(json!([{"name": "Ask", "request": asked}])));
        let run = world.home.run(&["integrations:import", &path, "--as=svc", "--replace", "--report", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
        let function = run.json()["report"][0]["function"].as_str().unwrap().to_owned();
        assert_eq!(class(&world, &function), wanted, "{document}");
    }
}

#[test]
fn names_of_graphql_fields_do_not_depend_on_their_order() {
    let named = |fields: &str| {
        let world = World::new();
        let path = world.home.path().join("svc.graphql");
        std::fs::write(&path, format!("type Query {{ {fields} }}\n")).unwrap();
        let path = path.to_str().unwrap();
        let run = world.home.run(&["integrations:import", path, "--as=svc", "--endpoint=https://x.example/graphql", "--report", "--json"]);
        let report = run.json()["report"].clone();
        let function = |operation: &str| super::fate(&json!({"report": report}), operation)["function"].clone();
        (function("query item"), function("query getItem"))
    };
    let names = named("item: Int getItem: Int");
    assert_eq!((&names, &names.1), (&named("getItem: Int item: Int"), &json!("get_item")));
}

#[test]
fn a_collection_is_called_by_its_title_as_other_descriptions_are() {
    let world = World::new();
    let mut document = collection(json!([request("Get a", "GET", world.server.origin())]));
    document["info"]["name"] = "BerryPatch v3 REST API".into();
    let run = world.home.run(&["integrations:import", &world.write(&document), "--json"]);
    assert_eq!((run.code, run.json()["provider"].as_str()), (0, Some("berrypatch")), "{run:?}");
}
