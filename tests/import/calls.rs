//! What leaves when an imported function is called: every place and style of parameters, every kind of body, credentials, servers, pages.

use serde_json::{Value, json};

use super::{World, fate, operation};
use crate::support::home::Home;
use crate::support::server::{Reply, Server};

fn parameter(name: &str, place: &str, schema: Value, more: Value) -> Value {
    let mut one = json!({"name": name, "in": place, "required": true, "schema": schema});
    if let (Value::Object(one), Value::Object(more)) = (&mut one, more) {
        one.extend(more);
    }
    one
}

#[test]
fn parameters_are_written_as_the_description_says() {
    let world = World::new();
    let list = json!({"type": "array", "items": {"type": "string"}});
    let object = json!({"type": "object", "properties": {"R": {"type": "integer"}, "G": {"type": "integer"}}});
    let (lists, objects) = (json!(["blue", "bl ck"]), json!({"R": 100, "G": 200}));
    let cases = [
        ("query", &list, json!({}), &lists, "/q?color=blue&color=bl%20ck"),
        ("query", &list, json!({"explode": false}), &lists, "/q?color=blue%2Cbl%20ck"),
        ("query", &list, json!({"style": "spaceDelimited", "explode": false}), &lists, "/q?color=blue%20bl%20ck"),
        ("query", &list, json!({"style": "pipeDelimited", "explode": false}), &lists, "/q?color=blue%7Cbl%20ck"),
        ("query", &list, json!({"style": "pipeDelimited", "explode": true}), &lists, "/q?color=blue&color=bl%20ck"),
        ("query", &object, json!({}), &objects, "/q?R=100&G=200"),
        ("query", &object, json!({"explode": false}), &objects, "/q?color=R%2C100%2CG%2C200"),
        ("query", &object, json!({"style": "deepObject", "explode": true}), &objects, "/q?color[R]=100&color[G]=200"),
        ("query", &list, json!({"style": "deepObject", "explode": true}), &lists, "/q?color[]=blue&color[]=bl%20ck"),
        ("path", &list, json!({}), &lists, "/q/blue,bl%20ck"),
        ("path", &list, json!({"style": "label"}), &lists, "/q/.blue,bl%20ck"),
        ("path", &list, json!({"style": "label", "explode": true}), &lists, "/q/.blue.bl%20ck"),
        ("path", &list, json!({"style": "matrix"}), &lists, "/q/;color=blue,bl%20ck"),
        ("path", &list, json!({"style": "matrix", "explode": true}), &lists, "/q/;color=blue;color=bl%20ck"),
        ("path", &object, json!({}), &objects, "/q/R,100,G,200"),
        ("path", &object, json!({"explode": true}), &objects, "/q/R=100,G=200"),
        ("path", &object, json!({"style": "matrix", "explode": true}), &objects, "/q/;R=100;G=200"),
    ];
    let mut paths = serde_json::Map::new();
    for (number, (place, schema, style, ..)) in cases.iter().enumerate() {
        let path = format!("/{number}/q{}", if *place == "path" { "/{color}" } else { "" });
        let parameters = json!([parameter("color", place, (*schema).clone(), style.clone())]);
        paths.insert(path, json!({"get": operation(&format!("getCase{number}"), json!({"parameters": parameters}))}));
    }
    let imported = world.import(&world.document(Value::Object(paths)));
    assert_eq!((&imported["functions"], &imported["warned"]), (&json!(cases.len()), &json!(0)), "{imported:#}");
    for (number, (.., value, target)) in cases.iter().enumerate() {
        let sent = world.sent(&format!("get_case{number}"), &json!({"color": value}));
        assert_eq!(sent.target, format!("/{number}{target}"));
    }
}

#[test]
fn headers_cookies_and_json_in_a_query_arrive() {
    let world = World::new();
    let parameters = json!([
        parameter("X-Trace-Id", "header", json!({"type": "string"}), json!({})),
        parameter("X-List", "header", json!({"type": "array", "items": {"type": "integer"}}), json!({})),
        parameter("session", "cookie", json!({"type": "string"}), json!({})),
        {"name": "filter", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}},
        {"name": "Accept", "in": "header", "schema": {"type": "string"}},
        {"name": "id", "in": "query", "schema": {"type": "integer"}},
        {"name": "ids[]", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}}
    ]);
    let paths = json!({"/things/{id}": {
        "parameters": [parameter("id", "path", json!({"type": "string"}), json!({}))],
        "get": operation("getThing", json!({"parameters": parameters}))
    }});
    world.import(&world.document(paths));
    let arguments =
        json!({"id": "a/b", "x_trace_id": "t", "x_list": [1, 2], "session": "a; b=c", "filter": {"a": [1]}, "query_id": 7, "ids": [1, 2]});
    let sent = world.sent("get_thing", &arguments);
    assert_eq!(sent.target, "/things/a%2Fb?filter=%7B%22a%22%3A%5B1%5D%7D&id=7&ids[]=1&ids[]=2");
    assert_eq!(
        (sent.header("x-trace-id"), sent.header("x-list"), sent.header("cookie")),
        (Some("t"), Some("1,2"), Some("session=a%3B%20b%3Dc"))
    );
    let split = world.try_call("get_thing", &json!({"id": "1", "x_trace_id": "a\r\nx: y", "x_list": [], "session": "s"}));
    assert_eq!(split.code, 2, "{split:?}");
}

#[test]
fn bodies_of_every_kind_are_built() {
    let world = World::new();
    let body = |media: &str, schema: Value, more: Value| {
        let mut content = json!({"schema": schema});
        content.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"requestBody": {"required": true, "content": {media: content}}})
    };
    let form = json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}, "meta": {"type": "object"},
        "expand": {"type": "array", "items": {"type": "string"}}}});
    let paths = json!({
        "/json": {"post": operation("createJson", body("application/json", json!({"allOf": [
            {"$ref": "#/components/schemas/Base"}, {"type": "object", "required": ["firstName"], "properties": {"firstName": {"type": "string"}}}]}), json!({})))},
        "/list": {"put": operation("setList", body("application/vnd.api+json", json!({"type": "array", "items": {"type": "integer"}}), json!({})))},
        "/form": {"post": operation("createForm", body("application/x-www-form-urlencoded", form, json!({"encoding": {"expand": {"style": "deepObject", "explode": true}, "tags": {"explode": false}}})))},
        "/upload": {"post": operation("uploadFile", body("multipart/form-data", json!({"type": "object", "required": ["file"], "properties": {
            "file": {"type": "string", "format": "binary"}, "note": {"type": "string"}, "meta": {"type": "object"}}}), json!({})))},
        "/raw": {"put": operation("setRaw", body("application/octet-stream", json!({"type": "string", "format": "binary"}), json!({})))},
        "/text": {"post": operation("createText", body("text/plain", json!({"type": "string"}), json!({})))},
        "/delete": {"delete": operation("deleteMany", body("application/json", json!({"type": "object", "properties": {"ids": {"type": "array", "items": {"type": "integer"}}}}), json!({})))},
        "/dots": {"post": operation("createDots", body("application/json", json!({"type": "object", "properties": {"a.b": {"type": "integer"}}}), json!({})))}
    });
    let mut document = world.document(paths);
    document["components"] = json!({"schemas": {"Base": {"type": "object", "required": ["kind"], "properties": {
        "kind": {"enum": ["a", "b"], "type": "string"}, "id": {"type": "integer", "readOnly": true}, "note": {"type": "string", "nullable": true}}}}});
    let imported = world.import(&document);
    assert_eq!((&imported["functions"], &imported["left_out"]), (&json!(8), &json!(0)), "{imported:#}");
    let text = |function: &str, arguments: &Value| String::from_utf8_lossy(&world.sent(function, arguments).body).into_owned();
    assert_eq!(
        text("create_json", &json!({"kind": "a", "first_name": "Ada", "note": null})),
        r#"{"kind":"a","firstName":"Ada","note":null}"#
    );
    assert!(world.schema("create_json")["properties"]["id"].is_null(), "what only answers have is no argument");
    let list = world.sent("set_list", &json!({"body": [1, 2]}));
    assert_eq!((list.body.as_slice(), list.header("content-type")), (&b"[1,2]"[..], Some("application/vnd.api+json")));
    let sent = text("create_form", &json!({"name": "n", "tags": ["a", "b"], "meta": {"k": "v"}, "expand": ["x"]}));
    assert_eq!(sent, "name=n&tags=a%2Cb&meta%5Bk%5D=v&expand%5B%5D=x");
    let file = world.home.path().join("photo.png");
    std::fs::write(&file, b"\x89PNG").unwrap();
    let upload =
        world.home.run(&["integrations:call", "svc.upload_file", &format!("--file=@{}", file.display()), "--meta={\"a\":1}", "--json"]);
    assert_eq!(upload.code, 0, "{upload:?}");
    let parts = String::from_utf8_lossy(&world.server.requests().last().unwrap().body).into_owned();
    assert!(parts.contains("filename=\"photo.png\"") && parts.contains("PNG") && parts.contains("{\"a\":1}"), "{parts}");
    assert!(parts.contains("Content-Type: application/json"), "{parts}");
    assert_eq!(world.sent("set_raw", &json!({"file": "aGk="})).body, b"hi");
    let plain = world.sent("create_text", &json!({"body": "words"}));
    assert_eq!((plain.body.as_slice(), plain.header("content-type")), (&b"words"[..], Some("text/plain")));
    assert_eq!(text("delete_many", &json!({"ids": [3]})), r#"{"ids":[3]}"#);
    assert_eq!(text("create_dots", &json!({"body": {"a.b": 1}})), r#"{"a.b":1}"#);
}

#[test]
fn swagger_2_is_understood() {
    let world = World::new();
    let host = world.server.origin().replace("http://", "");
    let document = json!({
        "swagger": "2.0", "info": {"title": "Old", "version": "1"}, "host": host, "basePath": "/v2", "schemes": ["http"],
        "consumes": ["application/json"], "produces": ["application/json"],
        "securityDefinitions": {"key": {"type": "apiKey", "in": "query", "name": "api_key"}}, "security": [{"key": []}],
        "parameters": {"Limit": {"name": "limit", "in": "query", "type": "integer", "maximum": 50}},
        "definitions": {"Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}}}},
        "paths": {
            "/pets": {
                "get": {"operationId": "findPets", "parameters": [{"$ref": "#/parameters/Limit"},
                    {"name": "status", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "pipes"},
                    {"name": "api_key", "in": "query", "type": "string"}],
                    "responses": {"200": {"description": "", "schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}}}},
                "post": {"operationId": "addPet", "parameters": [{"in": "body", "name": "body", "required": true, "schema": {"$ref": "#/definitions/Pet"}}], "responses": {"201": {"description": ""}}}
            },
            "/pets/{id}/photo": {"post": {"operationId": "uploadPhoto", "consumes": ["multipart/form-data"], "parameters": [
                {"name": "id", "in": "path", "required": true, "type": "integer"}, {"name": "note", "in": "formData", "type": "string"},
                {"name": "file", "in": "formData", "type": "file", "required": true}], "responses": {"204": {"description": ""}}}}
        }
    });
    let imported = world.import(&document);
    assert_eq!((&imported["origin"]["format"], &imported["functions"]), (&json!("swagger-2.0"), &json!(3)), "{imported:#}");
    let set = world.home.run(&["integrations:configure", "svc", "--set=api_key=s3cret", "--json"]);
    assert_eq!(set.code, 0, "{set:?}");
    assert_eq!(world.sent("find_pets", &json!({"limit": 5, "status": ["a", "b"]})).target, "/v2/pets?limit=5&status=a%7Cb&api_key=s3cret");
    assert_eq!(world.sent("add_pet", &json!({"name": "Rex"})).body, br#"{"name":"Rex"}"#);
    let photo = world.sent("upload_photo", &json!({"id": 1, "file": "aGk=", "note": "n"}));
    assert!(photo.header("content-type").unwrap().starts_with("multipart/form-data"), "{photo:?}");
}

#[test]
fn credentials_go_where_the_schemes_say() {
    let world = World::new();
    let of = |id: &str, security: Value| json!({"get": operation(id, json!({"security": security}))});
    let mut document =
        world.document(json!({"/a": of("getA", json!([{"bearer": []}])), "/b": of("getB", json!([{"key": [], "session": []}]))}));
    document["components"] = json!({"securitySchemes": {
        "bearer": {"type": "http", "scheme": "bearer"}, "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        "session": {"type": "apiKey", "in": "cookie", "name": "sid"}, "digest": {"type": "http", "scheme": "digest"},
        "unused": {"type": "apiKey", "in": "header", "name": "X-Unused"}}});
    let imported = world.import(&document);
    let notes = imported["notes"].to_string();
    assert!(notes.contains("'unused' is used by no operation") && notes.contains("several ways to sign in"), "{notes}");
    let run = world.home.run(&["integrations:configure", "svc", "--set=token=t1", "--set=x_api_key=k1", "--set=sid=s1", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let sent = world.sent("get_a", &json!({}));
    assert_eq!(
        (sent.header("authorization"), sent.header("x-api-key"), sent.header("cookie")),
        (Some("Bearer t1"), Some("k1"), Some("sid=s1"))
    );
    let oauth = json!({"type": "oauth2", "flows": {
        "authorizationCode": {"authorizationUrl": "https://a.example/authorize", "tokenUrl": "https://a.example/token", "scopes": {"read": "Reads"}},
        "implicit": {"authorizationUrl": "https://a.example/authorize", "scopes": {}}}});
    document["components"]["securitySchemes"] = json!({"bearer": oauth});
    document["paths"] = json!({"/a": of("getA", json!([{"bearer": ["read"]}]))});
    let path = world.write(&document);
    let run = world.home.run(&["integrations:import", &path, "--as=signed", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("the OAuth flow 'implicit' is not supported"), "{}", run.stdout);
    let fields = world.home.run(&["integrations:fields", "signed", "--json"]).json();
    let keys: Vec<&str> = fields["fields"].as_array().unwrap().iter().filter_map(|field| field["key"].as_str()).collect();
    assert_eq!(keys, ["access_token", "client_id", "client_secret", "refresh_token"]);
}

#[test]
fn servers_and_their_variables_are_settings() {
    let world = World::new();
    let port = world.server.origin().rsplit(':').next().unwrap().to_owned();
    let mut document = world.document(json!({
        "/a": {"get": operation("getA", json!({}))},
        "/b": {"get": operation("getB", json!({"servers": [{"url": format!("{}/own/", world.server.origin())}]}))}
    }));
    document["servers"] = json!([{"url": "http://{host}:{port}/{basePath}", "variables": {
        "host": {"default": "127.0.0.1"}, "port": {"default": port, "enum": [port, "1"]}, "basePath": {"default": "v1"}}}, {"url": "https://other.example"}]);
    let imported = world.import(&document);
    assert!(imported["notes"].to_string().contains("other.example"), "{imported:#}");
    assert!(
        !world.home.run(&["integrations:call", "svc.get_a", "--json"]).json()["success"].as_bool().unwrap()
            || world.server.requests().len() == 1
    );
    let run = world.home.run(&["integrations:configure", "svc", "--set=base_path=v2", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(world.sent("get_a", &json!({})).target, "/v2/a");
    assert_eq!(world.sent("get_b", &json!({})).target, "/own/b");
}

#[test]
fn lists_are_followed_by_what_vendors_write_and_by_usual_names() {
    let answer = |request: &crate::support::server::Request| {
        let page = request.query("page").or(request.query("cursor")).unwrap_or_default();
        match (request.path(), page.as_str()) {
            ("/cursor" | "/told", "") => Reply::ok(br#"{"data": [{"id": 1}], "meta": {"next_cursor": "c2"}}"#),
            ("/cursor" | "/told", _) => Reply::ok(br#"{"data": [{"id": 2}], "meta": {"next_cursor": null}}"#),
            ("/pages", "1") => Reply::ok(br#"{"items": [{"id": 1}], "total_pages": 2}"#),
            ("/pages", _) => Reply::ok(br#"{"items": [{"id": 2}], "total_pages": 2}"#),
            ("/link", "") => Reply::ok(br#"[{"id": 1}]"#).header("link", "</link?page=2>; rel=\"next\""),
            _ => Reply::ok(br#"[{"id": 2}]"#),
        }
    };
    let world = World { server: Server::start(answer), ..World::new() };
    let list = |name: &str, more: Value| {
        let mut properties = json!({name: {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}}});
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"type": "object", "properties": properties})
    };
    let of = |id: &str, parameter: &str, kind: &str, schema: Value, more: Value| {
        let mut operation = json!({"operationId": id, "parameters": [{"name": parameter, "in": "query", "schema": {"type": kind}}],
            "responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}});
        operation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"get": operation})
    };
    let meta = json!({"meta": {"type": "object", "properties": {"next_cursor": {"type": "string", "nullable": true}}}});
    let told = json!({"x-speakeasy-pagination": {"type": "cursor", "inputs": [{"name": "cursor", "in": "parameters", "type": "cursor"}],
        "outputs": {"results": "$.data", "nextCursor": "$.meta.next_cursor"}}});
    let mut linked = of("listLink", "page", "integer", json!({"type": "array", "items": {"type": "object"}}), json!({}));
    linked["get"]["responses"]["200"]["headers"] = json!({"Link": {"schema": {"type": "string"}}});
    world.import(&world.document(json!({
        "/cursor": of("listCursor", "cursor", "string", list("data", meta), json!({})),
        "/told": of("listTold", "cursor", "string", json!({"type": "object"}), told),
        "/pages": of("listPages", "page", "integer", list("items", json!({"total_pages": {"type": "integer"}})), json!({})),
        "/link": linked,
    })));
    for function in ["list_cursor", "list_told", "list_pages", "list_link"] {
        let run = world.home.run(&["integrations:call", &format!("svc.{function}"), "--all", "--json"]);
        let envelope = run.json();
        assert_eq!((&envelope["meta"]["items"], &envelope["meta"]["complete"]), (&json!(2), &json!(true)), "{function}: {envelope:#}");
    }
}

#[test]
fn answers_are_read_by_what_they_are() {
    let world = World {
        server: Server::start(|request| match request.path() {
            "/none" => Reply::status(204),
            "/file" => Reply::ok(&[0xff, 0xd8]).header("content-type", "image/jpeg"),
            _ => Reply::ok(b"<a/>").header("content-type", "application/xml"),
        }),
        ..World::new()
    };
    let of = |id: &str, code: &str, content: Value| json!({"get": {"operationId": id, "responses": {code: {"description": "", "content": content}}}});
    let imported = world.import(&world.document(json!({
        "/none": of("getNone", "204", json!({})),
        "/file": of("getFile", "200", json!({"image/jpeg": {"schema": {"type": "string", "format": "binary"}}})),
        "/xml": of("getXml", "200", json!({"application/xml": {"schema": {"type": "object"}}})),
    })));
    assert_eq!(imported["warned"], 0, "{imported:#}");
    assert_eq!(world.call("get_none", &json!({}))["data"], Value::Null);
    assert_eq!(world.call("get_xml", &json!({}))["data"], json!({"a": ""}));
    assert_eq!(world.server.requests().last().unwrap().header("accept"), Some("application/xml"));
    let file = world.home.run(&["integrations:call", "svc.get_file", "--output=photo.jpg", "--json"]);
    assert_eq!(file.code, 0, "{file:?}");
    assert_eq!(std::fs::read(world.home.path().join("work/photo.jpg")).unwrap(), [0xff, 0xd8]);
}

#[test]
fn start_up_does_not_notice_an_import() {
    let world = World::new();
    world.import(&world.document(json!({"/a": {"get": operation("getA", json!({}))}})));
    let listed = world.home.run(&["integrations:list", "--json", "--fields=all"]).json();
    assert_eq!(
        (&listed["providers"]["svc"]["origin"], &listed["providers"]["svc"]["tier"]),
        (&json!("import"), &json!("imported")),
        "{listed:#}"
    );
    let compiled = world.home.root().join("cache/imports/svc.bin");
    let before = std::fs::metadata(&compiled).unwrap().modified().unwrap();
    assert_eq!(world.sent("get_a", &json!({})).target, "/a");
    assert_eq!(std::fs::metadata(&compiled).unwrap().modified().unwrap(), before, "nothing is compiled again");
    std::fs::write(&compiled, b"broken").unwrap();
    assert_eq!(world.sent("get_a", &json!({})).target, "/a", "what is lost is made again");
    let other: Home = Home::new();
    assert_eq!(other.run(&["integrations:docs", "svc"]).code, 3);
}

#[test]
fn variables_of_an_address_stand_where_they_are_meant() {
    let world = World::new();
    let of = |url: String, variables: Value| {
        let mut document = world.document(json!({"/a": {"get": operation("getA", json!({}))}}));
        document["servers"] = json!([{"url": url, "variables": variables}]);
        world.write(&document);
        let path = world.home.path().join("description.json");
        let run = world.home.run(&["integrations:import", &path.display().to_string(), "--as=svc", "--replace", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
        run.json()
    };
    let imported = of(format!("{}{{basePath}}", world.server.origin()), json!({"basePath": {"default": "/sell/v1"}}));
    assert!(!imported["notes"].to_string().contains("left out"), "{imported:#}");
    assert_eq!(world.sent("get_a", &json!({})).target, "/sell/v1/a");
    of(format!("{}/bot{{token}}", world.server.origin()), json!({"token": {"default": "123456:example", "description": "Of the bot."}}));
    assert_eq!(world.try_call("get_a", &json!({})).code, 5, "an example of a token is none");
    assert_eq!(world.home.run(&["integrations:configure", "svc", "--set=token=s3cret-of-the-bot", "--json"]).code, 0);
    let shown = world.home.run(&["integrations:call", "svc.get_a", "--dry-run", "--json"]);
    assert!(shown.code == 0 && !shown.stdout.contains("s3cret"), "{shown:?}");
    assert_eq!(world.sent("get_a", &json!({})).target, "/bots3cret-of-the-bot/a");
}

#[test]
fn what_is_empty_is_neither_asked_for_nor_warned_of() {
    let world = World::new();
    let body = |media: &str, schema: Value| json!({"requestBody": {"content": {media: {"schema": schema}}}});
    let list = |more: Value| {
        let mut properties =
            json!({"members": {"type": "array", "items": {"type": "object"}}, "_links": {"type": "array", "items": {"type": "object"}}});
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "object", "properties": properties}}}}}})
    };
    let next = list(json!({"next": {"type": "string", "format": "uri"}}));
    let imported = world.import(&world.document(json!({
        "/quiet": {"get": operation("getQuiet", body("application/x-www-form-urlencoded", json!({"type": "object", "properties": {}})))},
        "/loud": {"get": operation("getLoud", body("application/json", json!({"type": "object", "properties": {"q": {"type": "string"}}})))},
        "/things/{id}": {"delete": operation("deleteThing", body("application/octet-stream", json!({})))},
        "/lists/{id}/members": {"get": operation("listMembers", next)},
    })));
    assert_eq!(fate(&imported, "GET /quiet")["warnings"], Value::Null);
    assert!(fate(&imported, "GET /loud")["warnings"].to_string().contains("a body is described"), "{imported:#}");
    assert!(world.sent("delete_thing", &json!({"id": "1"})).body.is_empty());
    let pages = world.home.run(&["integrations:call", "svc.list_members", "{\"id\": \"1\"}", "--all", "--dry-run", "--json"]);
    assert_eq!(pages.code, 0, "links beside a list are no list, and an address of the next page is followed: {pages:?}");
}
