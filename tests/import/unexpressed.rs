//! What a description says and a provider cannot: each is named once, none is dropped without a word.

use serde_json::{Value, json};

use super::{World, fate, operation};
use crate::support::server::{Reply, Server};

fn media(content: Value) -> Value {
    json!({"requestBody": {"required": true, "content": content}})
}

#[test]
fn of_several_media_types_the_best_is_sent_and_the_others_are_named() {
    let world = World::new();
    let object = |properties: Value| json!({"schema": {"type": "object", "properties": properties}});
    let (text, file) = (json!({"type": "string"}), json!({"type": "string", "format": "binary"}));
    let same = object(json!({"name": text}));
    let imported = world.import(&world.document(json!({
        "/same": {"post": operation("createSame", media(json!({"application/xml": same, "multipart/form-data": same, "application/json": same})))},
        "/more": {"post": operation("createMore", media(json!({"multipart/form-data": object(json!({"name": text, "photo": file})), "application/json": same})))},
        "/file": {"post": operation("uploadFile", media(json!({"application/json": object(json!({"photo": file})), "multipart/form-data": object(json!({"photo": file}))})))},
        "/mute": {"post": operation("createMute", media(json!({"application/json": {}, "application/x-www-form-urlencoded": same})))},
        "/raw": {"post": operation("createRaw", media(json!({"application/json": {}, "application/xml": {}, "image/png": {"schema": file}})))},
        "/patch": {"patch": operation("updatePatch", media(json!({"application/json-patch+json": {"schema": {"type": "array"}}, "application/merge-patch+json": same})))},
        "/csv": {"get": operation("getCsv", json!({"responses": {"200": {"description": "", "content": {"text/csv": {}, "application/json": {}, "application/xml": {}}}}}))},
    })));
    let warned = |operation: &str| fate(&imported, operation)["warnings"].to_string();
    let kind = |function: &str, arguments: Value| world.sent(function, &arguments).header("content-type").unwrap_or_default().to_owned();
    assert_eq!((kind("create_same", json!({"name": "a"})).as_str(), warned("POST /same").as_str()), ("application/json", "null"));
    assert_eq!(kind("create_more", json!({"name": "a"})), "application/json");
    assert!(warned("POST /more").contains("as multipart/form-data its body could also have photo"), "{imported:#}");
    assert!(kind("upload_file", json!({"photo": "aGk="})).starts_with("multipart/form-data"), "JSON carries no files");
    assert_eq!(kind("create_mute", json!({"name": "a"})), "application/x-www-form-urlencoded");
    assert_eq!(kind("create_raw", json!({"body": {"a": 1}})), "application/json");
    assert!(warned("POST /raw").contains("its body may also be image/png"), "{imported:#}");
    assert_eq!(kind("update_patch", json!({"name": "a"})), "application/merge-patch+json");
    assert!(warned("PATCH /patch").contains("application/json-patch+json"), "{imported:#}");
    assert!(warned("GET /csv").contains("text/csv; it is asked for application/json"), "{imported:#}");
}

#[test]
fn an_answer_in_xml_is_data() {
    let answer = |request: &crate::support::server::Request| match request.path() {
        "/empty" => Reply::ok(b""),
        _ => Reply::ok(b"<pets total=\"1\"><pet>Ada</pet></pets>").header("content-type", "application/xml"),
    };
    let world = World { server: Server::start(answer), ..World::new() };
    let of = |id: &str, media: &str| json!({"get": {"operationId": id, "responses": {"200": {"description": "", "content": {media: {"schema": {"type": "object"}}}}}}});
    let imported = world.import(&world.document(json!({
        "/pets": of("getPets", "application/xml"), "/feed": of("getFeed", "application/atom+xml"), "/empty": of("getEmpty", "text/xml"), "/drawing": of("getDrawing", "image/svg+xml"),
    })));
    assert_eq!(imported["warned"], 0, "{imported:#}");
    let pets = json!({"pets": {"@total": "1", "pet": ["Ada"]}});
    assert_eq!((&world.call("get_pets", &json!({}))["data"], &world.call("get_feed", &json!({}))["data"]), (&pets, &pets));
    assert_eq!(world.server.requests()[0].header("accept"), Some("application/xml"));
    assert_eq!(world.call("get_empty", &json!({}))["data"], Value::Null);
    assert!(world.call("get_drawing", &json!({}))["data"].is_string(), "a picture is none");
}

#[test]
fn what_stands_beside_the_operations_is_named() {
    let world = World::new();
    let get = operation(
        "getA",
        json!({
        "x-internal": true, "callbacks": {"done": {}}, "servers": [{"url": world.server.origin()}, {"url": "https://other.example"}],
        "parameters": [{"name": "q", "in": "query", "allowReserved": true, "schema": {"type": "string"}}, {"name": "odd", "in": "moon"}, {"in": "query"}, {"name": "lost"}],
        "responses": {"200": {"description": "", "links": {"next": {"operationId": "getB"}}, "content": {"application/json": {"schema": {"type": "object",
            "properties": {"id": {"type": "integer"}, "password": {"type": "string", "writeOnly": true}}}}}}}}),
    );
    let mut document = world.document(
        json!({"/a": {"get": get, "query": operation("queryA", json!({})), "put": "later", "delete": {"$ref": "#/components/x"}}}),
    );
    document["openapi"] = json!("3.1.0");
    document["webhooks"] = json!({"made": {"post": {}}, "gone": {"post": {}}});
    let imported = world.import(&document);
    for note in ["2 webhooks are not imported", "links from the answers of 1 operations"] {
        assert!(imported["notes"].to_string().contains(note), "{note}: {imported:#}");
    }
    let warned = fate(&imported, "GET /a")["warnings"].to_string();
    for warning in
        ["internal", "callbacks", "several servers", "reserved characters", "'odd' was left out", "without a name", "'lost' was left out"]
    {
        assert!(warned.contains(warning), "{warning}: {warned}");
    }
    for (operation, why) in [("QUERY /a", "not called"), ("PUT /a", "not described"), ("DELETE /a", "nothing stands at")] {
        assert!(fate(&imported, operation)["left_out"].as_str().unwrap().contains(why), "{operation}: {imported:#}");
    }
    let output = world.home.run(&["integrations:schema", "svc.get_a", "--output", "--json"]).json().to_string();
    assert!(output.contains("\"id\"") && !output.contains("password"), "{output}");
}

#[test]
fn a_name_that_stands_twice_is_said() {
    let world = World::new();
    let get = operation("getA", json!({})).to_string();
    let origin = world.server.origin();
    let json = format!(
        r#"{{"openapi": "3.0.0", "info": {{"title": "a \" {{: b", "title": "T"}}, "servers": [{{"url": "{origin}"}}], "paths": {{"/a": {{"get": {get}}}, "/b": {{"get": {get}}}, "/b" : {{"get": {get}}}}}}}"#
    );
    let yaml = format!(
        "openapi: 3.0.0\ninfo: {{title: T}}\nservers: [{{url: \"{origin}\"}}]\npaths:\n  /a:\n    get: {get}\n  /b:\n    get: {get}\n  /b:\n    get: {get}\n"
    );
    for (file, text) in [("twice.json", json.as_str()), ("twice.yaml", yaml.as_str())] {
        let path = world.home.path().join(file);
        std::fs::write(&path, text).unwrap();
        let imported = world.home.run(&["integrations:import", &path.display().to_string(), "--as=svc", "--dry-run", "--json"]);
        assert_eq!((imported.code, &imported.json()["functions"]), (0, &json!(2)), "{imported:?}");
        let notes = imported.json()["notes"].to_string();
        assert!(notes.contains("twice in an object") && notes.contains("/b"), "{file}: {notes}");
        assert!(file.ends_with("yaml") || notes.contains("'title', '/b' stand twice"), "{notes}");
    }
}
