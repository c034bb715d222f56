//! Overlays by the command: what is laid over stays over an update, the tier is said honestly, and all that is wrong is said at once.

use serde_json::{Value, json};

use crate::support::home::Home;

fn write(home: &Home, name: &str, text: &str) -> String {
    let path = home.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn description() -> String {
    let read = |id: &str| json!({"operationId": id, "responses": {"200": {"description": "ok"}}});
    json!({"openapi": "3.0.0", "info": {"title": "Garden", "version": "1"}, "servers": [{"url": "https://garden.example"}],
        "paths": {"/plants": {"get": read("listPlants"), "delete": read("deletePlants")}, "/beds": {"get": read("listBeds")}}})
    .to_string()
}

const OVERLAY: &str = r#"
title: The garden
verify: show_plants
verified: {on: 2026-11-20, against: "https://garden.example/docs"}
exclude: ["delete_*"]
credentials: [{key: token, label: Token, secret: true, env: [GARDEN_TOKEN]}]
auth: {type: header, name: X-Token, value: "{token}"}
auth_strategy: api_key
functions:
  list_plants: {rename: show_plants, synonyms: [greenery], description: "Shows what grows."}
"#;

fn import(home: &Home, overlay: &str) -> (i32, Value) {
    let (file, overlay) = (write(home, "garden.json", &description()), write(home, "garden.yaml", overlay));
    let run = home.run(&["integrations:import", &file, "--as=garden", &format!("--overlay={overlay}"), "--report", "--replace", "--json"]);
    (run.code, run.json())
}

#[test]
fn an_overlay_makes_an_import_verified() {
    let home = Home::new();
    let (code, imported) = import(&home, OVERLAY);
    assert_eq!((code, imported["tier"].as_str(), imported["functions"].as_u64()), (0, Some("verified"), Some(2)), "{imported}");
    let fate = |operation: &str| imported["report"].as_array().unwrap().iter().find(|fate| fate["operation"] == operation).unwrap().clone();
    assert_eq!(fate("GET /plants")["function"], "show_plants");
    assert_eq!(fate("DELETE /plants")["left_out"], "the overlay leaves it out");
    let list = home.run(&["integrations:list", "--tier=verified", "--json"]).json();
    assert_eq!(list["providers"]["garden"]["title"], "The garden");
    let found = home.run(&["integrations:search", "greenery", "--json"]).json();
    assert_eq!(found["functions"][0]["function"], "garden.show_plants");
    let updated = home.run(&["integrations:update", "garden", "--json"]);
    assert_eq!(updated.code, 0, "{} {}", updated.stdout, updated.stderr);
    assert_eq!(home.run(&["integrations:docs", "garden.show_plants"]).code, 0);
    assert_eq!(home.run(&["integrations:remove", "garden"]).code, 0, "else its functions would be missed");
    let (_, plain) = import(&home, "title: Only another title\n");
    assert_eq!(plain["tier"], "imported");
}

#[test]
fn all_that_is_wrong_is_said_at_once_and_nothing_is_kept() {
    let home = Home::new();
    let (code, said) = import(
        &home,
        "verify: show_plants\nverified: {on: soon, against: here}\nfunctions: {list_plant: {title: X}, list_beds: {colour: red}}\n",
    );
    assert_eq!((code, said["error_detail"]["code"].as_str()), (2, Some("invalid_payload")), "{said}");
    let text = said.to_string();
    for word in ["did you mean 'list_plants'?", "colour", "verified.on", "verified.against", "show_plants"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(home.run(&["integrations:docs", "garden", "--json"]).code, 3);
}

#[test]
fn the_schema_knows_every_word() {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/overlay.json")).unwrap()).unwrap();
    let overlay: Value = serde_saphyr::from_str(OVERLAY).unwrap();
    angelia::registry::schema::valid(&schema, &overlay).unwrap();
    for wrong in
        [json!({"titel": "x"}), json!({"functions": {"a": {"colour": "red"}}}), json!({"verified": {"on": "soon", "against": "http://x"}})]
    {
        assert!(angelia::registry::schema::valid(&schema, &wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_overlay_that_leaves_nothing_imports_nothing() {
    let home = Home::new();
    let (code, said) = import(&home, "exclude: ['*']\n");
    assert_eq!((code, said["error_detail"]["code"].as_str()), (2, Some("invalid_payload")), "{said}");
    assert!(said["error"].as_str().unwrap().contains("the overlay leaves it out"), "{said}");
    assert_eq!(home.run(&["integrations:docs", "garden", "--json"]).code, 3);
}

#[test]
fn an_overlay_may_be_as_long_as_it_is_read() {
    let home = Home::new();
    let long = |bytes: usize| format!("title: The garden\n# {}\n", "x".repeat(bytes));
    assert_eq!(import(&home, &long(2 << 20)).0, 0);
    let (code, said) = import(&home, &long(4 << 20));
    assert!(code == 2 && said["error"].as_str().unwrap().contains("at most 4194304 are allowed"), "{said}");
}
