//! What becomes of schemas: circles, alternatives, old and new words, names. A function's schema is complete and can be held to.

use serde_json::{Value, json};

use super::{World, fate, operation};

fn body(schema: Value) -> Value {
    json!({"requestBody": {"required": true, "content": {"application/json": {"schema": schema}}}})
}

#[test]
fn circles_end_in_definitions() {
    let world = World::new();
    let mut document = world.document(json!({
        "/trees": {"post": operation("createTree", body(json!({"$ref": "#/components/schemas/Tree"})))},
        "/loops": {"post": operation("createLoop", body(json!({"type": "object", "properties": {"loop": {"$ref": "#/components/schemas/Loop"}}})))}
    }));
    document["components"] = json!({"schemas": {
        "Tree": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}},
        "Loop": {"$ref": "#/components/schemas/Loop"}}});
    world.import(&document);
    let schema = world.schema("create_tree");
    assert_eq!(schema["properties"]["children"]["items"], json!({"$ref": "#/$defs/Tree"}), "{schema:#}");
    assert_eq!(schema["$defs"]["Tree"]["required"], json!(["name"]));
    let wrong = world.try_call("create_tree", &json!({"name": "a", "children": [{"name": "b", "children": [{"nam": "c"}]}]}));
    assert_eq!(
        (wrong.code, wrong.json()["error_detail"]["problems"][0]["pointer"].as_str()),
        (2, Some("/children/0/children/0/name")),
        "{wrong:?}"
    );
    let sent = world.sent("create_tree", &json!({"name": "a", "children": [{"name": "b"}]}));
    assert_eq!(sent.body, br#"{"name":"a","children":[{"name":"b"}]}"#);
    assert_eq!(world.sent("create_loop", &json!({"loop": 1})).body, br#"{"loop":1}"#, "what means nothing is left open");
}

#[test]
fn old_and_new_words_are_converted_by_what_is_seen() {
    let world = World::new();
    let properties = json!({
        "maybe": {"type": "string", "nullable": true, "enum": ["a"]},
        "above": {"type": "integer", "minimum": 0, "exclusiveMinimum": true},
        "below": {"type": "number", "exclusiveMaximum": 10},
        "both": {"type": ["string", "null"]},
        "pet": {"oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}], "discriminator": {"propertyName": "kind"}},
        "told": {"allOf": [{"$ref": "#/components/schemas/Cat"}, {"description": "Which cat."}]},
        "odd": {"type": "int", "enum": ["1", "2", "2"]},
        "text": {"type": "string", "enum": [1, true]},
        "nullable_ref": {"$ref": "#/components/schemas/Cat", "nullable": true}
    });
    let mut document =
        world.document(json!({"/x": {"post": operation("createX", body(json!({"type": "object", "properties": properties})))}}));
    document["openapi"] = json!("3.1.0");
    document["components"] = json!({"schemas": {
        "Cat": {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}},
        "Dog": {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "dog"}}}}});
    world.import(&document);
    let schema = world.schema("create_x");
    let of = |name: &str| &schema["properties"][name];
    assert_eq!(of("maybe")["type"], json!(["string", "null"]));
    assert_eq!(of("maybe")["enum"], json!(["a", null]));
    assert_eq!((&of("above")["exclusiveMinimum"], &of("above")["minimum"]), (&json!(0), &Value::Null));
    assert_eq!(of("odd")["enum"], json!([1, 2]));
    assert_eq!(of("text")["enum"], json!(["1", "true"]));
    assert_eq!(of("told")["description"], "Which cat.");
    assert!(of("pet")["discriminator"].is_null() && of("pet")["anyOf"].is_array(), "{schema:#}");
    let good = json!({"maybe": null, "above": 1, "below": 9.5, "both": null, "pet": {"kind": "dog"}, "nullable_ref": null});
    world.sent("create_x", &good);
    for (name, value) in [("above", json!(0)), ("below", json!(10)), ("pet", json!({"kind": "cow"})), ("maybe", json!("b"))] {
        let run = world.try_call("create_x", &json!({name: value}));
        assert_eq!(run.code, 2, "{name}: {run:?}");
    }
}

#[test]
fn alternatives_of_a_body_become_arguments() {
    let world = World::new();
    let either = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let ways = json!({"oneOf": [
        {"type": "object", "required": ["kind", "card"], "properties": {"kind": {"type": "string"}, "card": {"type": "string"}}},
        {"type": "object", "required": ["kind", "bank"], "properties": {"kind": {"type": "string"}, "bank": {"type": "string"}}}]});
    let mixed =
        json!({"oneOf": [{"type": "object", "properties": {"names": {"type": "array"}}}, {"type": "array", "items": {"type": "string"}}]});
    let open = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": true});
    let imported = world.import(&world.document(json!({
        "/either": {"post": operation("createEither", body(either))},
        "/ways": {"post": operation("createWay", body(ways))},
        "/mixed": {"post": operation("createMixed", body(mixed))},
        "/map": {"post": operation("createMap", body(json!({"type": "object", "additionalProperties": {"type": "integer"}})))},
        "/open": {"post": operation("createOpen", body(open))},
    })));
    assert_eq!(world.try_call("create_either", &json!({})).code, 2);
    world.sent("create_either", &json!({"b": "x"}));
    assert_eq!(world.schema("create_way")["required"], json!(["kind"]));
    assert_eq!(fate(&imported, "POST /ways")["warnings"], json!(["which members of the body go together is left to the service"]));
    assert_eq!(world.sent("create_mixed", &json!({"body": ["a"]})).body, br#"["a"]"#);
    assert_eq!(world.sent("create_map", &json!({"body": {"any": 1}})).body, br#"{"any":1}"#);
    assert!(fate(&imported, "POST /open")["warnings"].to_string().contains("members that are not named"), "{imported:#}");
}

#[test]
fn every_function_has_words_an_example_and_a_class() {
    let world = World::new();
    let mut deprecated = operation(
        "oldThing",
        json!({"deprecated": true, "summary": "Old **thing**.", "description": "Does\u{1b}[31m <b>bold</b> things. And more."}),
    );
    deprecated["parameters"] = json!([
        {"name": "day", "in": "query", "required": true, "schema": {"type": "string", "format": "date"}},
        {"name": "code", "in": "query", "required": true, "schema": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"}},
        {"name": "api-version", "in": "query", "required": true, "schema": {"type": "string", "default": "2026-01-01"}},
        {"name": "size", "in": "query", "required": true, "schema": {"type": "integer"}, "example": "12"},
        {"name": "sort", "in": "query", "schema": {"type": "string", "default": "name"}}
    ]);
    let search = operation(
        "searchThings",
        json!({"summary": "Search things", "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"q": {"type": "string"}}}}}}}),
    );
    world.import(&world.document(json!({
        "/old": {"get": deprecated}, "/things/search": {"post": search}, "/things/{id}": {"delete": operation("", json!({}))},
        "/send": {"get": operation("sendMail", json!({}))}
    })));
    let page = world.home.run(&["integrations:docs", "svc.get_old_thing", "--json"]).json();
    assert_eq!(page["title"], "Old thing", "{page:#}");
    let said = page["description"].as_str().unwrap();
    assert!(said == "Does [31m bold things. And more.", "{said:?}");
    let example = &world.home.run(&["integrations:examples", "svc.get_old_thing", "--json"]).json()["examples"][0]["arguments"];
    assert_eq!(example, &json!({"day": "2026-01-31", "code": "AA-111", "size": 12}), "{page:#}");
    let sent = world.sent("get_old_thing", example);
    assert_eq!(sent.query("api-version").as_deref(), Some("2026-01-01"), "what must be there and is known is sent");
    assert_eq!(sent.query("sort"), None, "what need not be there is the service's business");
    let operation = |name: &str| world.home.run(&["integrations:docs", &format!("svc.{name}"), "--json"]).json()["operation"].clone();
    let classes: Vec<Value> = ["get_old_thing", "search_things", "delete_thing", "send_mail"].map(operation).to_vec();
    assert_eq!(classes, ["read", "read", "destructive", "write"]);
}

/// A member that is something else in each way of a body is all of it; what says which way is meant has all its values.
#[test]
fn members_of_several_ways_are_what_any_of_them_says() {
    let world = World::new();
    let way =
        |kind: Value, value: Value| json!({"type": "object", "required": ["kind", "value"], "properties": {"kind": kind, "value": value}});
    let text = json!({"type": "string"});
    let ways = json!({"oneOf": [
        way(json!({"type": "string", "enum": ["card"]}), json!({"type": "integer", "description": "Digits."})),
        way(json!({"const": "bank"}), json!({"type": "string", "minLength": 2})),
        way(json!({"type": "string", "enum": ["cash", "card"]}), json!({"type": "integer"}))]});
    let mapped = json!({"oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/components/schemas/Cat", "kitten": "Cat", "dog": "#/components/schemas/Dog"}}});
    let beside = json!({"type": "object", "properties": {"mode": {"type": "string"}, "n": {"type": "integer"}},
        "oneOf": [{"properties": {"mode": {"enum": ["a"]}, "n": {"type": "integer", "maximum": 5}}}, {"properties": {"mode": {"enum": ["b"]}}}]});
    let told = json!({"allOf": [{"properties": {"name": {"type": "string", "maxLength": 3}}}, {"properties": {"name": {"description": "Its name."}}}]});
    let mut document = world.document(json!({
        "/ways": {"post": operation("createWay", body(ways))},
        "/mapped": {"post": operation("createMapped", body(mapped.clone()))},
        "/nested": {"post": operation("createNested", body(json!({"type": "object", "properties": {"pet": mapped}})))},
        "/base": {"post": operation("createBase", body(json!({"$ref": "#/components/schemas/Base"})))},
        "/beside": {"post": operation("createBeside", body(beside))},
        "/told": {"post": operation("createTold", body(told))},
    }));
    document["components"] = json!({"schemas": {
        "Cat": {"type": "object", "required": ["kind"], "properties": {"kind": text, "lives": {"type": "integer"}}},
        "Dog": {"type": "object", "required": ["kind"], "properties": {"kind": text, "tricks": {"type": "array", "items": text}}},
        "Base": {"type": "object", "properties": {"kind": text}, "discriminator": {"propertyName": "kind", "mapping": {"x": "#/components/schemas/Child"}}},
        "Child": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"own": text}}]}}});
    world.import(&document);
    let of = |function: &str, name: &str| world.schema(function)["properties"][name].clone();
    assert_eq!(
        (&of("create_way", "kind")["enum"], &world.schema("create_way")["required"]),
        (&json!(["card", "bank", "cash"]), &json!(["kind", "value"]))
    );
    let value = of("create_way", "value");
    assert_eq!(
        (&value["type"], &value["anyOf"]),
        (&json!(["integer", "string"]), &json!([{"type": "integer"}, {"type": "string", "minLength": 2}]))
    );
    for (arguments, code) in [
        (json!({"kind": "bank", "value": "ab"}), 0),
        (json!({"kind": "card", "value": 1}), 0),
        (json!({"kind": "bank", "value": "a"}), 2),
        (json!({"kind": "x", "value": 1}), 2),
        (json!({"value": 1}), 2),
    ] {
        assert_eq!(world.try_call("create_way", &arguments).code, code, "{arguments}");
    }
    assert_eq!(of("create_mapped", "kind")["enum"], json!(["cat", "kitten", "dog"]));
    let nested = |pet: Value| world.try_call("create_nested", &json!({"pet": pet})).code;
    assert_eq!(
        [nested(json!({"kind": "kitten"})), nested(json!({"kind": "dog", "tricks": []})), nested(json!({"kind": "cow"}))],
        [0, 0, 2]
    );
    assert_eq!(world.sent("create_base", &json!({"body": {"kind": "x", "own": "y"}})).body, br#"{"kind":"x","own":"y"}"#);
    assert_eq!(of("create_beside", "mode")["enum"], json!(["a", "b"]));
    assert_eq!(of("create_beside", "n")["maximum"], Value::Null, "what one way says does not hold for the other");
    assert_eq!(of("create_told", "name")["maxLength"], 3);
}

/// So many members are one argument, and cost no more than their number.
#[test]
fn very_many_members_are_one_argument() {
    let world = World::new();
    let many: serde_json::Map<String, Value> = (0..60_000).map(|n| (format!("member{n}"), json!({"type": "string"}))).collect();
    let started = std::time::Instant::now();
    let path = world.write(&world.document(json!({
        "/json": {"post": operation("createJson", body(json!({"type": "object", "properties": many})))},
        "/form": {"post": operation("createForm", json!({"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": many}}}}}))},
    })));
    let run = world.home.run(&["integrations:import", &path, "--as=svc", "--report", "--json"]);
    assert!(started.elapsed() < std::time::Duration::from_secs(40), "{:?}", started.elapsed());
    let imported = run.json();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(fate(&imported, "POST /json")["warnings"].to_string().contains("60000 members"), "{imported:#}");
    assert!(fate(&imported, "POST /form")["left_out"].as_str().unwrap().contains("at most 5000"), "{imported:#}");
    assert_eq!(world.sent("create_json", &json!({"body": {"member7": "x"}})).body, br#"{"member7":"x"}"#);
}
