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
    let second = drift["added"][0]["function"].as_str().unwrap().to_owned();
    document["paths"]["/v3/things"] = json!({"get": operation("listThings", json!({}))});
    world.write(&document);
    let run = world.home.run(&["integrations:update", "--json"]);
    assert_eq!((run.code, &run.json()["providers"][0]["drift"]["removed"]), (0, &json!([])), "{run:?}");
    assert!(world.sent(&second, &json!({})).target.starts_with("/v2/things"));
}

fn documented(world: &World, paths: Value) -> Value {
    world.write(&world.document(paths));
    world.home.run(&["integrations:update", "svc", "--dry-run", "--json"]).json()["providers"][0]["drift"].clone()
}

#[test]
fn what_would_be_sent_without_being_said_is_asked_about() {
    let world = World::new();
    let of = |name: &str, place: &str, schema: Value| json!({"name": name, "in": place, "required": true, "schema": schema});
    let delete = |path: &str, parameters: Value| json!({path: {"delete": operation("deleteThing", json!({"parameters": parameters}))}});
    let purge = |default: bool| of("purge_all", "query", json!({"type": "boolean", "default": default}));
    world.import(&world.document(delete("/thing", json!([]))));
    let said = |drift: &Value| drift["breaking"][0]["what"][0].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        said(&documented(&world, delete("/thing", json!([purge(true)])))),
        "'purge_all' is new and is sent as true where nobody gives it"
    );
    let header = of("X-Mode", "header", json!({"type": "string", "default": "wipe"}));
    assert!(said(&documented(&world, delete("/thing", json!([header])))).contains("sent as wipe"));
    let optional = json!([{"name": "purge_all", "in": "query", "schema": {"type": "boolean", "default": true}}]);
    let drift = documented(&world, delete("/thing", optional));
    assert_eq!((said(&drift), names(&drift["compatible"])), (String::new(), vec!["delete_thing"]), "what is not sent by itself: {drift}");
    let refused = {
        world.write(&world.document(delete("/thing", json!([purge(true)]))));
        world.home.run(&["integrations:update", "svc", "--json"])
    };
    assert_eq!((refused.code, world.sent("delete_thing", &json!({})).target), (4, String::from("/thing")), "{refused:?}");

    world.import_again(&world.document(delete("/thing", json!([purge(false)]))));
    let drift = documented(&world, delete("/thing", json!([purge(true)])));
    assert_eq!(said(&drift), "'purge_all' is sent as true instead of sent as false where nobody gives it");
    let drift = documented(&world, delete("/thing", optional_of(&purge(false))));
    assert_eq!(said(&drift), "'purge_all' is not sent instead of sent as false where nobody gives it");

    let must = of("purge_all", "query", json!({"type": "boolean"}));
    let drift = documented(&world, delete("/thing", json!([must])));
    assert_eq!(drift["breaking"][0]["what"], json!(["'purge_all' is required now"]));
    world.import_again(&world.document(delete("/thing", json!([must]))));
    let drift = documented(&world, delete("/thing", json!([purge(true)])));
    assert_eq!((said(&drift), names(&drift["compatible"])), (String::new(), vec!["delete_thing"]), "whoever calls it gives it: {drift}");

    world.import_again(&world.document(delete("/thing?action=hide", json!([]))));
    let drift = documented(&world, delete("/thing?action=wipe", json!([])));
    assert_eq!(said(&drift), "sends other values that nobody gives it", "{drift}");
}

/// The same parameters, that need not be given.
fn optional_of(parameter: &Value) -> Value {
    let mut parameter = parameter.clone();
    parameter["required"] = json!(false);
    json!([parameter])
}

#[test]
fn what_a_rule_allows_without_a_question_is_asked_about() {
    let world = World::new();
    let before = json!({"/a": {"get": operation("getA", json!({}))}});
    let mut after = before.clone();
    after["/a"]["delete"] = operation("deleteA", json!({}));
    after["/b"] = json!({"get": operation("getB", json!({}))});
    let rules = |text: &str| world.home.config(&format!("[integrations.svc]\nenabled = true\nallow_private = true\n{text}"));
    let path = world.write(&world.document(before.clone()));
    let import = ["integrations:import", &path, "--as=svc", "--json"];
    assert_eq!(world.home.run(&import).code, 0);
    for (text, code) in [
        ("write = \"allow\"\n", 4),
        ("destructive = \"allow\"\n", 4),
        ("[integrations.svc.functions]\n\"delete_*\" = \"allow\"\n", 4),
        ("[integrations.svc.accounts.work]\nwrite = \"allow\"\n", 4),
        ("write = \"allow\"\ndestructive = \"ask\"\n", 0),
        ("read = \"allow\"\n", 0),
    ] {
        world.home.config("");
        world.write(&world.document(before.clone()));
        assert_eq!(world.home.run(&[&import[..], &["--replace"]].concat()).code, 0);
        rules(text);
        world.write(&world.document(after.clone()));
        let update = world.home.run(&["integrations:update", "svc", "--json"]);
        assert_eq!(update.code, code, "{text}: {update:?}");
        let there = world.home.run(&["integrations:docs", "svc.delete_a"]).code;
        let drift = &update.json()["providers"][0]["drift"]["added"];
        assert_eq!((there == 0, &drift[0]["unasked"]), (code == 0, &json!(code == 4)), "{text}: {update:?}");
        assert_eq!(drift[0]["operation"], "destructive", "{text}: {update:?}");
        if code == 4 {
            let error = update.json()["error"].as_str().unwrap().to_owned();
            assert!(
                error.contains("your rules allow without a question, and nobody can be asked: delete_a is new (destructive). Nothing"),
                "{error}"
            );
            let again = world.home.run(&import);
            assert!(
                again.code == 4 && again.json()["error"].as_str().unwrap().contains("delete_a"),
                "importing over it asks the same: {again:?}"
            );
            assert_eq!(world.home.run(&["integrations:docs", "svc.delete_a"]).code, 3, "{text}");
        }
    }
    rules("write = \"allow\"\n");
    world.write(&world.document(before));
    assert_eq!(world.home.run(&[&import[..], &["--replace"]].concat()).code, 0);
    world.write(&world.document(after));
    let looked = world.home.run(&["integrations:import", &path, "--as=svc", "--dry-run"]);
    assert!(looked.code == 0 && looked.stdout.contains("delete_a (destructive), which your rules allow"), "{looked:?}");
    let taken = world.home.run(&["integrations:update", "svc", "--yes"]);
    assert!(taken.code == 0 && taken.stdout.contains("delete_a (destructive), which your rules allow"), "{taken:?}");
}

#[test]
fn the_status_and_what_is_said_are_of_the_same_failure() {
    let world = World::new();
    let path = world.home.path().join("gone.json");
    std::fs::write(&path, first(&world).to_string()).unwrap();
    assert_eq!(world.home.run(&["integrations:import", path.to_str().unwrap(), "--as=gone", "--json"]).code, 0);
    std::fs::remove_file(&path).unwrap();
    world.import(&first(&world));
    world.write(&second(&world));
    let run = world.home.run(&["integrations:update", "--json"]);
    let answer = run.json();
    assert_eq!((run.code, answer["error_detail"]["code"].as_str()), (4, Some("approval_required")), "{run:?}");
    assert!(answer["error"].as_str().unwrap().starts_with("'svc' changed"), "{run:?}");
    let codes: Vec<&Value> = answer["providers"].as_array().unwrap().iter().map(|one| &one["error_code"]).collect();
    assert_eq!(codes, ["not_found", "approval_required"]);
}

#[test]
fn hints_name_the_command_that_was_meant() {
    let world = World::new();
    let mut document = keyed(&world);
    world.import(&document);
    let hints = |run: &crate::support::home::Run| run.json()["error_detail"]["hints"].clone();
    document["components"]["securitySchemes"]["other"] = json!({"type": "apiKey", "in": "header", "name": "X-Other"});
    document["security"] = json!([{"key": [], "other": []}]);
    let path = world.write(&document);
    let refused = world.home.run(&["integrations:update", "--json"]);
    assert_eq!(
        hints(&refused),
        json!(["angelia integrations:update svc --dry-run", "angelia integrations:update svc --yes"]),
        "{refused:?}"
    );
    let taken = world.home.run(&["integrations:update", "svc", "--yes", "--json"]).json();
    assert_eq!(taken["providers"][0]["next"], json!(["angelia integrations:configure svc --set x_other=…"]), "{taken:#}");

    let other = world.home.path().join("it's other.json");
    std::fs::write(&other, first(&world).to_string()).unwrap();
    let shown = other.display().to_string().replace('\'', "'\\''");
    let import = ["integrations:import", other.to_str().unwrap(), "--as=svc", "--exclude=get_w*", "--json"];
    let refused = world.home.run(&import);
    let again = format!("angelia integrations:import '{shown}' --as svc --exclude 'get_w*'");
    assert_eq!(hints(&refused), json!([format!("{again} --dry-run"), format!("{again} --replace")]), "{refused:?}");

    assert_eq!(world.home.run(&["integrations:configure", "svc", "--set", "x_key=k"]).code, 0);
    assert_eq!(world.home.run(&["integrations:remove", "svc"]).code, 0);
    let refused = world.home.run(&["integrations:import", &path, "--as=svc", "--json"]);
    assert!(refused.code == 4 && refused.json()["error"].as_str().unwrap().starts_with("'svc' would get what is stored"), "{refused:?}");
    let again = format!("angelia integrations:import {path} --as svc");
    let all = ["angelia integrations:accounts svc --remove default", &format!("{again} --dry-run"), &format!("{again} --replace")]
        .map(String::from);
    assert_eq!(hints(&refused), json!(all), "{refused:?}");
    for hint in all.iter().map(|hint| hint.strip_prefix("angelia ").unwrap().split(' ').collect::<Vec<_>>()) {
        let run = world.home.run(&hint);
        assert_eq!(run.code, 0, "{hint:?}: {run:?}");
    }
}

#[test]
fn of_many_changes_the_first_are_shown_and_all_are_counted() {
    let world = World::new();
    let paths = |words: &str| -> Value {
        (0..45)
            .map(|number| (format!("/a{number}"), json!({"get": operation(&format!("getA{number}"), json!({"summary": words}))})))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    world.import(&world.document(paths("Before.")));
    let path = world.write(&world.document(paths("After.")));
    let lines = |words: &[&str]| {
        let run = world.home.run(words);
        assert_eq!(run.code, 0, "{run:?}");
        (run.stdout.matches("is described differently").count(), run.stdout)
    };
    let (few, said) = lines(&["integrations:update", "svc", "--dry-run"]);
    assert!(few == 20 && said.contains("45 compatible; the first 20 of each kind are shown: --report"), "{said}");
    assert_eq!(lines(&["integrations:update", "svc", "--dry-run", "--report"]).0, 45);
    assert_eq!(lines(&["integrations:import", &path, "--as=svc"]).0, 20, "importing over it says the same");
    let run = world.home.run(&["integrations:update", "svc", "--dry-run", "--json"]);
    assert_eq!(run.json()["providers"][0]["drift"]["compatible"].as_array().map(Vec::len), Some(0), "it is imported: {run:?}");
}
