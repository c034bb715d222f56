//! Postman collections, GraphQL schemas and Google Discovery at the boundary: nothing of them is lost without a word, what is a secret is a
//! credential, and what changes something is no read.

use serde_json::{Value, json};

use super::World;

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
