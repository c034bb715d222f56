//! What goes with an import that is removed, and what another service that takes its id does not get.

use serde_json::json;

use super::{World, operation};

#[test]
fn rules_go_with_an_import_and_credentials_are_not_handed_on() {
    let world = World::new();
    let mut document = world.document(json!({"/a": {"get": operation("getA", json!({}))}}));
    document["components"] = json!({"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "key"}}});
    document["security"] = json!([{"key": []}]);
    world.import(&document);
    assert_eq!(world.home.run(&["integrations:configure", "svc", "--set=key=OLDKEY", "--json"]).code, 0);
    assert_eq!(world.sent("get_a", &json!({})).target, "/a?key=OLDKEY");
    let removed = world.home.run(&["integrations:remove", "svc"]);
    assert!(removed.code == 0 && removed.stdout.contains("integrations:accounts svc --remove=default"), "{removed:?}");
    let path = world.write(&document);
    let again = world.home.run(&["integrations:import", &path, "--as=svc", "--json"]);
    assert_eq!(again.json()["error_detail"]["code"], "approval_required", "{again:?}");
    let forgotten = world.home.run(&["integrations:accounts", "svc", "--remove=default", "--json"]);
    assert_eq!(forgotten.code, 0, "{forgotten:?}");
    world.import(&document);
    let before = world.server.requests().len();
    let call = world.try_call("get_a", &json!({}));
    assert!(call.code != 0 && world.server.requests().len() == before, "{call:?}");
}

#[test]
fn an_import_that_cannot_be_read_can_be_removed() {
    let world = World::new();
    let paths = json!({"/a": {"get": operation("getA", json!({}))}});
    let file = world.import(&world.document(paths))["file"].as_str().unwrap().to_owned();
    std::fs::write(&file, "{").unwrap();
    let removed = world.home.run(&["integrations:remove", "svc", "--json"]);
    assert!(removed.code == 0 && !std::path::Path::new(&file).exists(), "{removed:?}");
}
