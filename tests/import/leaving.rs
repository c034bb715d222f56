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
    assert!(removed.code == 0 && removed.stdout.contains("integrations:accounts svc --remove default"), "{removed:?}");
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

#[test]
fn a_parameter_that_is_a_credential_is_no_argument() {
    let world = World::new();
    let token = json!({"parameters": [{"name": "token", "in": "header", "required": true, "schema": {"type": "string"}}]});
    let paths = json!({"/a": {"get": operation("getA", token.clone())}, "/b": {"get": operation("getB", token)}});
    world.import(&world.document(paths));
    assert!(world.schema("get_a")["properties"]["token"].is_null());
    assert_eq!(world.home.run(&["integrations:configure", "svc", "--set=token=s3cret", "--json"]).code, 0);
    assert_eq!(world.sent("get_a", &json!({})).header("token"), Some("s3cret"));
}

#[test]
fn requests_that_must_be_signed_are_signed_or_it_is_said() {
    let world = World::new();
    let scheme = json!({"hmac": {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"}});
    for (url, said) in
        [("https://athena.{region}.amazonaws.com", "for the service 'athena'"), ("https://api.example.com", "calls will be refused")]
    {
        let mut document = world.document(json!({"/a": {"get": operation("getA", json!({}))}}));
        document["servers"] = json!([{"url": url, "variables": {"region": {"default": "us-east-1"}}}]);
        document["components"] = json!({"securitySchemes": scheme});
        document["security"] = json!([{"hmac": []}]);
        let path = world.write(&document);
        let run = world.home.run(&["integrations:import", &path, "--as=svc", "--replace", "--json"]);
        let notes = run.json()["notes"].to_string();
        assert!(run.code == 0 && notes.contains(said), "{run:?}");
    }
}

#[test]
fn a_list_that_is_the_same_page_again_ends() {
    let paths = json!({"/pages": {"get": {"operationId": "listPages",
        "parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}],
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}}}}}}});
    let server = crate::support::server::Server::start(|_| crate::support::server::Reply::ok(b"[{\"id\": 1}]"));
    let world = World { server, ..World::new() };
    world.import(&world.document(paths));
    let listed = world.home.run(&["integrations:call", "svc.list_pages", "--all", "--json"]).json();
    assert_eq!((&listed["meta"]["stopped_by"], &listed["meta"]["items"]), (&json!("repeated_page"), &json!(1)), "{listed:#}");
    assert_eq!(world.server.requests().len(), 2);
}

#[test]
fn words_of_the_program_are_no_ids() {
    let world = World::new();
    let path = world.write(&world.document(json!({"/a": {"get": operation("getA", json!({}))}})));
    for id in ["list", "call", "end"] {
        let run = world.home.run(&["integrations:import", &path, &format!("--as={id}"), "--json"]);
        assert_eq!(run.code, 2, "{id}: {run:?}");
    }
}
