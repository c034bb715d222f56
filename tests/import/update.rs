//! Importing again: what changed is said function by function, and what breaks, or sends credentials elsewhere, is asked about.

use serde_json::{Value, json};

use super::{World, operation};

fn query(name: &str, required: bool, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": required, "schema": schema})
}

fn first(world: &World) -> Value {
    world.document(json!({
        "/same": {"get": operation("getSame", json!({}))},
        "/gone": {"get": operation("getGone", json!({}))},
        "/wider": {"get": operation("listWider", json!({"parameters": [query("sort", false, json!({"type": "string", "enum": ["a"]}))]}))},
        "/narrower": {"get": operation("listNarrower", json!({"parameters": [query("sort", false, json!({"type": "string", "enum": ["a", "b"]}))]}))},
        "/needs": {"get": operation("listNeeds", json!({"parameters": [query("q", false, json!({"type": "string"}))]}))},
        "/class": {"get": operation("getClass", json!({}))},
        "/words": {"get": operation("getWords", json!({"summary": "Before"}))}
    }))
}

fn second(world: &World) -> Value {
    let mut document = first(world);
    let paths = document["paths"].as_object_mut().unwrap();
    paths.remove("/gone");
    paths.insert("/new".into(), json!({"post": operation("createNew", json!({}))}));
    paths["/wider"]["get"]["parameters"] =
        json!([query("sort", false, json!({"type": "string", "enum": ["a", "b"]})), query("more", false, json!({"type": "integer"}))]);
    paths["/narrower"]["get"]["parameters"] = json!([query("sort", false, json!({"type": "string", "enum": ["a"]}))]);
    paths["/needs"]["get"]["parameters"] = json!([query("q", true, json!({"type": "string"}))]);
    let class = paths["/class"]["get"].clone();
    paths["/class"] = json!({"post": class});
    paths["/words"]["get"]["summary"] = json!("After");
    document
}

fn names(changes: &Value) -> Vec<&str> {
    changes.as_array().unwrap().iter().map(|change| change["function"].as_str().or(change.as_str()).unwrap()).collect()
}

#[test]
fn drift_is_said_function_by_function() {
    let world = World::new();
    world.import(&first(&world));
    let nothing = world.home.run(&["integrations:update", "--json"]);
    assert_eq!((nothing.code, &nothing.json()["providers"][0]["changed"]), (0, &json!(false)), "{nothing:?}");
    let path = world.write(&second(&world));
    let dry = world.home.run(&["integrations:update", "svc", "--dry-run", "--json"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    let answer = dry.json();
    let drift = &answer["providers"][0]["drift"];
    assert_eq!(names(&drift["added"]), ["create_new"], "{drift:#}");
    assert_eq!(names(&drift["removed"]), ["get_gone"]);
    assert_eq!(names(&drift["compatible"]), ["get_words", "list_wider"]);
    assert_eq!(names(&drift["breaking"]), ["get_class", "list_narrower", "list_needs"]);
    assert_eq!(drift["breaking"][1]["what"], json!(["'sort' does not allow b any more"]));
    let refused = world.home.run(&["integrations:update", "--json"]);
    assert_eq!((refused.code, refused.json()["error_detail"]["code"].as_str()), (4, Some("approval_required")), "{refused:?}");
    assert_eq!(world.home.run(&["integrations:docs", "svc.create_new"]).code, 3, "nothing was changed");
    let again = world.home.run(&["integrations:import", &path, "--as=svc", "--json"]);
    assert_eq!(again.code, 4, "importing over it asks the same: {again:?}");
    let taken = world.home.run(&["integrations:update", "--yes", "--json"]);
    assert_eq!((taken.code, &taken.json()["providers"][0]["updated"]), (0, &json!(true)), "{taken:?}");
    assert_eq!(world.home.run(&["integrations:docs", "svc.create_new"]).code, 0);
    assert_eq!(world.home.run(&["integrations:docs", "svc.get_gone"]).code, 3);
}

#[test]
fn credentials_do_not_quietly_go_elsewhere() {
    let world = World::new();
    world.import(&first(&world));
    let mut moved = first(&world);
    moved["servers"] = json!([{"url": "https://evil.example"}]);
    world.write(&moved);
    let refused = world.home.run(&["integrations:update", "--json"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.json()["error"].as_str().unwrap().contains("go to https://evil.example instead of http://127.0.0.1"), "{refused:?}");
    world.sent("get_same", &json!({}));
}

#[test]
fn what_was_wanted_is_wanted_again() {
    let world = World::new();
    let path = world.write(&first(&world));
    let run = world.home.run(&["integrations:import", &path, "--as=svc", "--include=GET /w*", "--exclude=get_words", "--json"]);
    assert_eq!((run.code, &run.json()["functions"]), (0, &json!(1)), "{run:?}");
    world.write(&second(&world));
    let run = world.home.run(&["integrations:update", "--yes", "--json"]);
    assert_eq!(run.json()["providers"][0]["drift"]["added"], json!([]), "{run:?}");
    std::fs::remove_file(&path).unwrap();
    let run = world.home.run(&["integrations:update", "--json"]);
    assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (3, Some("not_found")), "{run:?}");
    assert_eq!(world.sent("list_wider", &json!({"more": 1})).target, "/wider?more=1", "what cannot be fetched stays as it is");
}

#[test]
fn what_came_from_stdin_and_what_is_no_import_cannot_be_updated() {
    let world = World::new();
    let text = first(&world).to_string();
    let run = world.home.run_with(&["integrations:import", "-", "--as=svc", "--json"], text.as_bytes());
    assert_eq!(run.code, 0, "{run:?}");
    let run = world.home.run(&["integrations:update", "--json"]);
    assert!(run.code == 2 && run.stdout.contains("came from stdin"), "{run:?}");
    assert_eq!(world.home.run(&["integrations:update", "github", "--json"]).code, 3);
    assert_eq!(world.home.run(&["integrations:update", "nothing", "--json"]).code, 3);
}

/// A document with a server of this template, a key in a header, and one operation.
fn keyed(world: &World) -> Value {
    let mut document = first(world);
    document["servers"] = json!([{"url": "https://{r}.dr.example/v1", "variables": {"r": {"default": "eu"}}}]);
    document["components"] = json!({"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}});
    document["security"] = json!([{"key": []}]);
    document
}

/// What is changed, how, and what is said of it.
type Moved = (&'static str, fn(&mut Value), &'static str);

#[test]
fn whatever_sends_a_credential_another_way_is_asked_about() {
    let cases: [Moved; 5] = [
        ("a key in the address", |it| it["components"]["securitySchemes"]["key"]["in"] = json!("query"), "in the address"),
        ("another header", |it| it["components"]["securitySchemes"]["key"]["name"] = json!("X_Key"), "in the header X_Key instead of"),
        ("another default", |it| it["servers"][0]["variables"]["r"]["default"] = json!("us"), "go to us instead of eu"),
        ("a default that is a host", |it| it["servers"][0]["variables"]["r"]["default"] = json!("evil.example/x"), "'r' is needed now"),
        (
            "an operation elsewhere",
            |it| it["paths"]["/more"] = json!({"servers": [{"url": "https://evil.example/a"}], "get": operation("getMore", json!({}))}),
            "requests may go to https://evil.example/a too",
        ),
    ];
    for (what, change, said) in cases {
        let world = World::new();
        let mut document = keyed(&world);
        world.import(&document);
        change(&mut document);
        world.write(&document);
        let run = world.home.run(&["integrations:update", "svc", "--json"]);
        assert_eq!((run.code, &run.json()["providers"][0]["updated"]), (4, &json!(false)), "{what}: {run:?}");
        assert!(run.json()["error"].as_str().unwrap().contains(said), "{what}: {run:?}");
    }
}

#[test]
fn no_value_of_a_server_variable_changes_the_host() {
    let world = World::new();
    let mut document = keyed(&world);
    document["servers"][0]["variables"]["r"]["default"] = json!("evil.example/x");
    let imported = world.import(&document);
    assert!(imported["notes"].to_string().contains("the default 'evil.example/x'"), "{imported:#}");
    for value in ["evil.example/x", "x@evil.example", "evil.example:443", "../..", "evil.example#"] {
        let set = world.home.run(&["integrations:configure", "svc", "--set", "x_key=k", "--set", &format!("r={value}")]);
        assert_eq!(set.code, 0, "{set:?}");
        let run = world.try_call("get_same", &json!({}));
        assert!(run.code == 2 && run.stdout.contains("'r' is part of a host"), "{value}: {run:?}");
    }
}

#[test]
fn what_comes_takes_no_name_away() {
    let world = World::new();
    let mut document = world.document(json!({"/v1/things": {"get": operation("listThings", json!({}))}}));
    let path = world.write(&document);
    let overlay = world.home.path().join("overlay.yaml");
    std::fs::write(&overlay, "functions: {list_things: {title: All things}}\n").unwrap();
    let import = ["integrations:import", &path, "--as=svc", &format!("--overlay={}", overlay.display()), "--json"];
    assert_eq!(world.home.run(&import).code, 0);
    document["paths"]["/v2/things"] = json!({"get": operation("listThings", json!({}))});
    world.write(&document);
    let again = world.home.run(&[&import[..], &["--dry-run", "--report"]].concat());
    assert_eq!(again.json()["report"][0]["function"], "list_things", "{again:?}");
    let run = world.home.run(&["integrations:update", "--json"]);
    let drift = &run.json()["providers"][0]["drift"];
    assert_eq!((run.code, &drift["removed"], drift["added"].as_array().map(Vec::len)), (0, &json!([]), Some(1)), "{run:?}");
    let second = drift["added"][0].as_str().unwrap().to_owned();
    document["paths"]["/v3/things"] = json!({"get": operation("listThings", json!({}))});
    world.write(&document);
    let run = world.home.run(&["integrations:update", "--json"]);
    assert_eq!((run.code, &run.json()["providers"][0]["drift"]["removed"]), (0, &json!([])), "{run:?}");
    assert!(world.sent(&second, &json!({})).target.starts_with("/v2/things"));
}
