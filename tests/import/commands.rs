//! The commands themselves: where descriptions come from, ids that are taken, dry runs, removal.

use serde_json::json;

use super::{World, operation};
use crate::support::server::{Reply, Server};

fn small(world: &World) -> serde_json::Value {
    world.document(json!({"/a": {"get": operation("getA", json!({"tags": ["Letters"]}))}, "/b": {"post": operation("createB", json!({}))}}))
}

#[test]
fn an_address_is_fetched_and_its_credentials_are_forgotten() {
    let world = World::new();
    let text = small(&world).to_string();
    let server = Server::start(move |request| match request.path() {
        "/moved" => Reply::status(302).header("location", "/openapi.json"),
        _ => Reply::ok(text.as_bytes()),
    });
    let address = server.origin().replace("http://", "http://me:pa55word@") + "/moved?api_key=k3y&v=1&country_code=de";
    let refused = world.home.run(&["integrations:import", &address, "--as=svc", "--json"]);
    assert!(refused.code == 2 && refused.stdout.contains("--allow-private") && server.requests().is_empty(), "{refused:?}");
    let run = world.home.run(&["integrations:import", &address, "--as=svc", "--allow-private", "--json"]);
    assert_eq!((run.code, server.requests().len()), (0, 2), "{run:?}");
    assert_eq!(run.json()["origin"]["source"].as_str(), Some(format!("{}/moved?v=1&country_code=de", server.origin()).as_str()));
    assert!(run.json()["notes"].to_string().contains("the user name and password and 'api_key' was used once"), "{run:?}");
    for file in world.home.files() {
        let kept = std::fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&kept);
        assert!(!text.contains("pa55word") && !text.contains("k3y"), "{}", file.display());
    }
    let updated = world.home.run(&["integrations:update", "svc", "--json"]);
    assert_eq!(updated.code, 0, "{updated:?}");
    assert!(server.requests().iter().any(|request| request.target == "/moved?v=1&country_code=de"), "what is no credential is asked again");
    for address in ["file:///etc/passwd", "ftp://a.example/x", "http://a.example/x", "https://127.0.0.1:1/x", "https://["] {
        let run = world.home.run(&["integrations:import", address, "--json"]);
        assert!(run.code == 2 || run.code == 7, "{address}: {run:?}");
    }
}

#[test]
fn an_import_does_not_take_the_place_of_another_provider() {
    let world = World::new();
    let mut document = small(&world);
    document["info"]["title"] = json!("GitHub v3 REST API");
    let path = world.write(&document);
    let refused = world.home.run(&["integrations:import", &path, "--json"]);
    assert!(
        refused.code == 2 && refused.stdout.contains("'github' is a built-in provider") && refused.stdout.contains("--as"),
        "{refused:?}"
    );
    world.home.manifest("garden", "id: garden\ntitle: G\ndescription: G.\ncategory: c\nauth_strategy: none\nservers: {default: \"http://127.0.0.1:1\"}\nfunctions:\n  - {id: get_x, title: X, description: X., operation: read, request: GET /x, examples: [{arguments: {}}]}\n");
    for id in ["garden", "workflow", "mcp", "Bad-Id", "mcp.x"] {
        let run = world.home.run(&["integrations:import", &path, &format!("--as={id}"), "--json"]);
        assert_eq!(run.code, 2, "{id}: {run:?}");
    }
    let replaced = world.home.run(&["integrations:import", &path, "--replace", "--json"]);
    assert_eq!(replaced.code, 0, "{replaced:?}");
    let listed = world.home.run(&["integrations:list", "--json", "--fields=all"]).json();
    assert_eq!(
        (&listed["providers"]["github"]["origin"], &listed["providers"]["github"]["hides_built_in"]),
        (&json!("import"), &json!(true))
    );
    let removed = world.home.run(&["integrations:remove", "github", "--json"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    let listed = world.home.run(&["integrations:list", "--json", "--fields=all"]).json();
    assert_eq!(listed["providers"]["github"]["origin"], "built-in", "what was hidden is back");
}

#[test]
fn a_dry_run_says_all_and_stores_nothing() {
    let world = World::new();
    let path = world.write(&small(&world));
    let run = world.home.run(&["integrations:import", &path, "--as=svc", "--dry-run", "--report"]);
    assert!(
        run.code == 0 && run.stdout.contains("would be imported") && run.stdout.contains("GET /a") && run.stdout.contains("create_b"),
        "{run:?}"
    );
    assert_eq!(world.home.run(&["integrations:docs", "svc"]).code, 3);
    let run = world.home.run(&["integrations:import", &path, "--as=svc", "--include=letters", "--include=Letters", "--report", "--json"]);
    let answer = run.json();
    assert_eq!(
        (&answer["functions"], &answer["left_out"], &answer["report"][1]["left_out"]),
        (&json!(1), &json!(1), &json!("no include names it")),
        "{answer:#}"
    );
    let none = world.home.run(&["integrations:import", &path, "--as=other", "--include=nothing", "--json"]);
    assert_eq!(none.code, 2, "{none:?}");
}

/// Whatever the format, and whatever left nothing: nothing is stored, and the report says why.
#[test]
fn an_import_without_functions_is_none() {
    let world = World::new();
    let postman = json!({"info": {"name": "C", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "item": [{"name": "Get a", "request": {"method": "GET", "url": "https://a.example/a"}}]});
    let discovery = json!({"kind": "discovery#restDescription", "name": "d", "rootUrl": "https://d.example/", "servicePath": "",
        "methods": {"get": {"id": "d.get", "httpMethod": "GET", "path": "a"}}});
    for (name, text) in [
        ("openapi", small(&world).to_string()),
        ("postman", postman.to_string()),
        ("discovery", discovery.to_string()),
        ("graphql", String::from("type Query { thing: String }")),
    ] {
        let path = world.home.path().join(name).display().to_string();
        std::fs::write(&path, text).unwrap();
        let import = ["integrations:import", &path, "--as=svc", "--exclude=*", "--json"];
        let run = world.home.run(&import);
        assert!(run.code == 2 && run.json()["error"].as_str().unwrap().starts_with("None of the "), "{name}: {run:?}");
        assert!(run.json()["error_detail"]["hints"][0].as_str().unwrap().ends_with("--as svc --exclude '*' --report"), "{name}: {run:?}");
        let report = world.home.run(&[&import[..], &["--report"]].concat());
        assert_eq!((report.code, report.json()["error_detail"]["code"].as_str()), (2, Some("invalid_payload")), "{name}: {report:?}");
        assert!(report.json()["report"][0]["left_out"].is_string(), "{name}: {report:?}");
        assert_eq!(world.home.run(&["integrations:docs", "svc"]).code, 3, "{name}: nothing is stored");
        let taken = world.home.run(&["integrations:import", &path, "--json"]);
        let id = taken.json()["provider"].as_str().unwrap().to_owned();
        let again = world.home.run(&["integrations:import", &path, "--json"]);
        assert_eq!((again.code, again.json()["drift"]["added"].as_array().map(Vec::len)), (0, Some(0)), "{name}: {again:?}");
        assert_eq!((again.json()["provider"].as_str(), id.is_empty()), (Some(id.as_str()), false), "{name}");
    }
    world.import(&small(&world));
    world.write(&world.document(json!({"/t": {"trace": operation("traceT", json!({}))}})));
    let run = world.home.run(&["integrations:update", "svc", "--yes", "--json"]);
    assert!(run.code == 2 && run.stdout.contains("None of the 1 operations"), "{run:?}");
    assert_eq!(world.home.run(&["integrations:docs", "svc.get_a"]).code, 0, "what was there stays");
}

#[test]
fn yaml_is_read_like_json() {
    let world = World::new();
    let text = format!(
        "openapi: 3.1.0\ninfo: {{title: Yaml, version: 1.0}}\nservers: [{{url: \"{}\"}}]\npaths:\n  /on:\n    get:\n      operationId: get_on\n      parameters:\n        - {{name: day, in: query, schema: {{type: string, enum: [on, off, 2026-01-31, 007]}}}}\n      responses:\n        200: {{description: fine}}\n        default: {{description: other}}\n",
        world.server.origin()
    );
    let path = world.home.path().join("api.yaml");
    std::fs::write(&path, text).unwrap();
    let run = world.home.run(&["integrations:import", &path.display().to_string(), "--as=svc", "--json"]);
    assert_eq!((run.code, &run.json()["origin"]["format"]), (0, &json!("openapi-3.1")), "{run:?}");
    assert_eq!(world.sent("get_on", &json!({"day": "on"})).target, "/on?day=on");
}

#[test]
fn an_id_hands_nothing_over_to_the_next_service() {
    let world = World::new();
    let keyed = |origin: String| {
        let mut document = small(&world);
        document["servers"] = json!([{"url": origin}]);
        document["components"] = json!({"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}});
        document["security"] = json!([{"key": []}]);
        document
    };
    world.import(&keyed(world.server.origin()));
    assert_eq!(world.home.run(&["integrations:configure", "svc", "--set", "x_key=OLDKEY"]).code, 0);
    let removed = world.home.run(&["integrations:remove", "svc", "--json"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    let gone = removed.json()["settings_removed"].to_string();
    assert!(gone.contains("integrations.svc.write") && gone.contains("integrations.svc.allow_private"), "{removed:?}");
    let path = world.write(&keyed(String::from("https://other.example")));
    let refused = world.home.run(&["integrations:import", &path, "--as=svc", "--json"]);
    assert!(refused.code == 4 && refused.stdout.contains("go to https://other.example"), "{refused:?}");
    let taken = world.home.run(&["integrations:import", &path, "--as=svc", "--replace", "--json"]);
    assert!(taken.code == 0 && taken.json()["notes"].to_string().contains("from before"), "{taken:?}");
    let listed = world.home.run(&["integrations:list", "--json", "--fields=all"]).json();
    assert_eq!(listed["providers"]["svc"]["active"], false, "what allowed the old one something is gone");
    assert_eq!(world.home.run(&["integrations:remove", "svc"]).code, 0);
    assert_eq!(world.home.run(&["integrations:accounts", "svc", "--remove", "default", "--json"]).code, 0, "credentials can still go");
    assert_eq!(world.home.run(&["integrations:import", &path, "--as=svc", "--json"]).code, 0);
}

#[test]
fn ids_that_mean_something_else_are_refused_before_anything_is_read() {
    let world = World::new();
    for id in ["list", "call", "lua", "end", "workflows"] {
        let run = world.home.run(&["integrations:import", "/nowhere.json", &format!("--as={id}"), "--json"]);
        assert!(run.code == 2 && run.stdout.contains("cannot be the id"), "{id}: {run:?}");
    }
    let run = world.home.run(&["integrations:import", "strpie", "--json"]);
    assert!(run.code == 3 && run.stdout.contains("Did you mean"), "{run:?}");
    let run = world.home.run(&["integrations:import", "stripe", "--json"]);
    assert!(run.code == 2 && run.stdout.contains("built-in"), "{run:?}");
}

#[test]
fn an_import_that_cannot_be_read_can_be_removed() {
    let world = World::new();
    world.import(&small(&world));
    let file = world.home.files().into_iter().find(|file| file.ends_with("imports/svc.json")).unwrap();
    std::fs::write(&file, "{").unwrap();
    let run = world.home.run(&["integrations:remove", "svc", "--json"]);
    assert!(run.code == 0 && !file.exists(), "{run:?}");
}

#[test]
fn a_call_opens_nothing_that_it_does_not_need() {
    let world = World::new();
    world.import(&world.document(json!({"/a": {"get": operation("getA", json!({}))}})));
    let data = world.home.root().join("data/imports");
    std::fs::copy(data.join("svc.json"), data.join("other.json")).unwrap();
    let workflows = world.home.root().join("config/workflows");
    std::fs::create_dir_all(&workflows).unwrap();
    std::fs::write(workflows.join("wave.lua"), "return 1").unwrap();
    let cached = |name: &str| world.home.root().join("cache").join(name).exists();
    for call in ["svc.get_a", "data.list"] {
        let run = world.home.run(&["integrations:call", call, r#"{"collection": "x"}"#, "--dry-run"]);
        assert!(!run.stderr.contains("other"), "{run:?}");
        assert_eq!((cached("imports/other.bin"), cached("catalog-workflows.bin")), (false, false), "{call}");
    }
    assert_eq!(world.home.run(&["integrations:list", "--json"]).code, 0);
    assert_eq!((cached("imports/other.bin"), cached("catalog-workflows.bin")), (true, true));
}

/// A description that is shown only to those who sign in: the secret is named, never typed, sent to its host alone and kept nowhere.
#[test]
fn a_description_may_want_a_key() {
    let world = World::new();
    let text = small(&world).to_string();
    let elsewhere = Server::start(|_| Reply::ok(b"{}"));
    let away = format!("{}/x.json", elsewhere.origin());
    let server = Server::start(move |request| match (request.path(), request.header("authorization")) {
        ("/away", _) => Reply::status(302).header("location", &away),
        (_, Some("Bearer t0p-s3cret")) => Reply::ok(text.as_bytes()),
        _ => Reply::status(401),
    });
    let home = world.home.env("DESCRIPTION_TOKEN", "t0p-s3cret");
    let address = format!("{}/openapi.json", server.origin());
    let import = |address: &str, words: &[&str]| {
        home.run(&[&["integrations:import", address, "--as=svc", "--allow-private", "--json"], words].concat())
    };
    let refused = import(&address, &[]);
    assert!(refused.code == 6 && refused.stdout.contains("--header 'Authorization: Bearer env:NAME'"), "{refused:?}");
    for wrong in ["Authorization: Bearer t0p-s3cret", "Authorization", "Bad Name: env:DESCRIPTION_TOKEN"] {
        let run = import(&address, &["--header", wrong]);
        assert!(run.code == 2 && run.stdout.contains("env:NAME") && !run.stdout.contains("t0p-s3cret"), "{run:?}");
    }
    assert_eq!(import(&address, &["--header=X-Key: env:NOT_THERE"]).code, 5);
    let taken = import(&address, &["--header", "Authorization: Bearer env:DESCRIPTION_TOKEN"]);
    assert!(taken.code == 0 && !taken.stdout.contains("t0p-s3cret"), "{taken:?}");
    let updated = home.run(&["integrations:update", "svc", "--json"]);
    assert!(updated.code == 0 && !updated.stdout.contains("t0p-s3cret"), "{updated:?}");
    for file in home.files() {
        assert!(!String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).contains("t0p-s3cret"), "{}", file.display());
    }
    assert_eq!(import(&format!("{}/away", server.origin()), &["--header", "Authorization: Bearer env:DESCRIPTION_TOKEN"]).code, 2);
    assert!(elsewhere.requests().iter().all(|request| request.header("authorization").is_none()), "another host gets no secret");
    let file = home.run(&["integrations:import", "/nowhere.json", "--header=X-Key: env:DESCRIPTION_TOKEN", "--json"]);
    assert!(file.code == 2 && file.stdout.contains("fetched from an address"), "{file:?}");
}
