//! For whoever writes a provider: what `integrations:new` makes is right from the start, `integrations:lint` says everything that is
//! wrong at once and can tell a wrong case from a good one, recordings are exchange tests, and nothing is sent by any of it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::server::{Reply, Server};

fn lint(home: &Home, file: &str, more: &[&str]) -> Run {
    home.run(&[&["integrations:lint", file, "--json"], more].concat())
}

fn made(home: &Home, more: &[&str]) -> (String, String) {
    let run = home.run(&[&["integrations:new", "yard_sale", "--json"], more].concat());
    assert_eq!(run.code, 0, "{run:?}");
    let files = run.json()["files"].as_array().unwrap().clone();
    let name = |at: usize| files[at].as_str().unwrap().to_owned();
    (name(0), name(1))
}

/// Replaces a text of a file, which must be in it.
fn change(file: &str, old: &str, new: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "{old:?} is not in {text}");
    std::fs::write(file, text.replace(old, new)).unwrap();
}

fn messages(run: &Run, severity: &str) -> Vec<String> {
    let findings = run.json()["findings"].as_array().unwrap().clone();
    let of = findings.iter().filter(|finding| finding["severity"] == severity);
    of.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_made_is_right_and_is_in_the_catalog() {
    for auth in ["bearer", "header", "query", "basic", "none"] {
        let home = Home::new();
        let (manifest, _) = made(&home, &["--auth", auth, "--title", "Yard & sale", "--url", "https://yard.example/api/v2/"]);
        let run = lint(&home, &manifest, &["--strict"]);
        assert_eq!((run.code, &run.json()["findings"], &run.json()["cases"]), (0, &json!([]), &json!(4)), "{auth}: {run:?}");
        let run = home.run(&["integrations:schema", "yard_sale.create_item"]);
        assert_eq!(run.code, 0, "{run:?}");
        let run = home.run(&["integrations:new", "yard_sale", "--json"]);
        assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (2, Some("usage")), "nothing is written over: {run:?}");
    }
    let home = Home::new();
    for words in [&["github"][..], &["Not_An_Id"], &["x", "--url=ftp://x"], &["x", "--title=a\"b"], &["x", "--auth=magic"]] {
        let run = home.run(&[&["integrations:new"], words].concat());
        assert_eq!(run.code, 2, "{words:?} {run:?}");
    }
    assert!(!home.root().join("config/providers/x").exists(), "nothing is left of what was refused");
}

#[test]
fn ids_that_mean_something_else_are_refused() {
    let home = Home::new();
    for id in ["list", "workflow", "mcp", "end", "data"] {
        let run = home.run(&["integrations:new", id, "--json"]);
        assert!(run.code == 2 && run.stdout.contains("cannot be the id of a provider"), "{id}: {run:?}");
        assert!(!home.root().join("config/providers").join(id).exists(), "{id}: nothing is made");
    }
}

#[test]
fn a_folder_is_its_provider_and_tests_are_those_of_this_one() {
    let home = Home::new();
    let (manifest, exchanges) = made(&home, &[]);
    let folder = PathBuf::from(&manifest).parent().unwrap().to_owned();
    let run = lint(&home, folder.to_str().unwrap(), &["--strict"]);
    assert_eq!((run.code, &run.json()["cases"]), (0, &json!(4)), "{run:?}");

    let none = home.path().join("none");
    std::fs::create_dir(&none).unwrap();
    let run = lint(&home, &manifest, &["--exchanges", none.to_str().unwrap()]);
    assert!(run.code == 2 && messages(&run, "error") == ["holds no exchange tests"], "{run:?}");

    let text = std::fs::read_to_string(&exchanges).unwrap();
    std::fs::write(&exchanges, format!("provider: other\n{text}")).unwrap();
    let run = lint(&home, &manifest, &[]);
    let said = messages(&run, "error").join("\n");
    assert!(run.code == 2 && said.contains("these are tests of 'other', the manifest is that of 'yard_sale'"), "{said}");
    std::fs::write(&exchanges, format!("provider: yard_sale\n{text}")).unwrap();
    assert_eq!(lint(&home, &manifest, &[]).code, 0);
}

#[test]
fn what_a_case_must_choose_is_said_in_words() {
    for (old, new, said) in [
        ("    result: {id: 2, name: \"Täst\"}", "    title: no end", "needs result or error"),
        ("    result: {id: 2, name: \"Täst\"}", "    result: null\n      error: {code: x}", "takes result or error, not both"),
    ] {
        let home = Home::new();
        let (manifest, exchanges) = made(&home, &[]);
        change(&exchanges, old, new);
        let run = lint(&home, &manifest, &[]);
        let all = messages(&run, "error");
        assert!(all.iter().any(|message| message.ends_with(said)) && !all.join("\n").contains("oneOf"), "{all:?}");
    }
}

#[test]
fn every_mistake_is_said_at_once() {
    let home = Home::new();
    let (manifest, _) = made(&home, &[]);
    change(&manifest, "in this state.}", "in this state., in: querry, style: comas}");
    change(&manifest, "verify: get_current_user", "verify: create_item");
    change(&manifest, "    synonyms: [add an item, new item]\n", "    shape: \".a |\"\n");
    change(&manifest, "arguments: {name: First}", "arguments: {nam: First}");
    let run = lint(&home, &manifest, &[]);
    assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (2, Some("invalid_payload")), "{run:?}");
    let said = messages(&run, "error").join("\n");
    for part in ["querry", "comas", "verify: 'create_item'", "create_item: example", "create_item: jq"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(run.json()["findings"].as_array().unwrap().iter().all(|finding| finding["line"].is_u64()));
    let human = home.run(&["integrations:lint", &manifest]);
    assert!(human.code == 2 && human.stdout.contains("provider.yaml:") && human.stdout.contains("error:"), "{human:?}");
}

/// One file with mistakes of every stage: text, schema, types, names, programs, schemas, examples.
const WRONG: &str = r#"id: bad_shop
title: Bad shop
description: A shop of bad tea
category: shopping
auth_strategy: oauth
credentials:
  - {key: token, label: Token, secret: true}
  - {key: token, label: Token twice, secret: maybe}
auth: {type: header, value: "{tokn}"}
servers: {default: "https://user:pw@tea.example/v2?x=1"}
headers: {Bad Header: "a\nb", Host: evil.example}
verify: whoami
functions:
  - id: list_teas
    title: List teas
    description: Lists teas.
    operation: reed
    request: GET /teas/{region}
    parameters:
      page: {type: intger, description: P.}
      limit: {type: integer, minimum: ten, description: P.}
      size: {type: integer, minimum: 10, maximum: 1, default: x, description: P.}
    requierd: [page]
    required: [sise]
    pagination: {style: page, items: teas}
    examples: [{arguments: {nix: one}}]
    title: List teas again
  - id: list_teas
    title: List again
    description: Lists again.
    operation: read
    request: GET /me?x=1
    parameters:
      tea: {type: string, as: t, description: P.}
      tee: {type: string, as: t, enum: [], description: P.}
      when: {type: string, pattern: "([a-z", description: P.}
    shape: ".data | map("
    examples: [{arguments: {foo: 1}}]
  - {id: no_request, title: T, description: D., operation: write, examples: [], pagination: 7}
"#;

#[test]
fn no_mistake_hides_another_and_each_has_its_line() {
    let home = Home::new();
    let file = home.path().join("bad_shop.yaml");
    std::fs::write(&file, WRONG).unwrap();
    let run = lint(&home, file.to_str().unwrap(), &[]);
    let findings = run.json()["findings"].as_array().unwrap().clone();
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| format!("{} {}", finding["line"], finding["message"].as_str().unwrap()))
        .collect();
    let expected = [
        "8 the credential field 'token' is there already",
        "8 credentials.1.secret: must be true or false, but is 'maybe'",
        "9 auth: needs 'name' with type: header",
        "9 auth names 'tokn', which is no credential field; known are token",
        "10 server 'default' holds a user or password",
        "11 headers: \"Bad Header\" cannot be the name of a header",
        "11 headers: the value of Bad Header holds a line break",
        "11 headers: the header Host belongs to the connection",
        "12 verify: 'whoami' is no read function",
        "17 list_teas: operation: must be one of read, write, destructive, but is 'reed'; did you mean 'read'?",
        "18 list_teas: path names 'region', which is no parameter; known are page, limit, size",
        "20 list_teas: parameters.page.type: must be one of integer, array",
        "21 list_teas: parameters.limit.minimum: must be a number, but is 'ten'",
        "22 list_teas: parameter 'size': minimum 10 is above maximum 1",
        "22 list_teas: parameters.size.default: must be a whole number, but is 'x'",
        "23 list_teas: requierd: is not known here; did you mean 'required'?",
        "24 list_teas: required parameter 'sise' is not defined",
        "25 list_teas: pagination: needs 'parameter' with style: page",
        "26 list_teas: example: nix is not a parameter",
        "27 list_teas: 'title' is written twice, first in line 15",
        "28 list_teas: is defined twice",
        "32 list_teas: the path has no ? or #",
        "35 list_teas: parameters 'tea' and 'tee' are both sent as 't'",
        "35 list_teas: parameter 'tee': an empty enum fits no value",
        "36 list_teas: parameters.when.pattern: '([a-z' is no regular expression",
        "37 list_teas: jq program",
        "38 list_teas: example: foo is not a parameter",
        "39 no_request: needs one of request, graphql, native",
        "39 no_request: pagination: must be text or a mapping, but is 7",
    ];
    for part in expected {
        assert!(errors.iter().any(|error| error.starts_with(part)), "{part:?} is not in {errors:#?}");
    }
    let once: std::collections::BTreeSet<&String> = errors.iter().collect();
    assert!(once.len() == errors.len() && findings.iter().all(|finding| finding["line"].is_u64()), "{findings:#?}");
    let advice = messages(&run, "advice").join("\n");
    assert!(!errors.iter().any(|error| error.contains("schemas listed") || error.contains("Policy")), "{errors:#?}");
    assert_eq!(
        (run.code, advice.matches("list_teas: has no synonym").count()),
        (2, 1),
        "none on what could be read only in part: {advice}"
    );
}

#[test]
fn json_has_lines_too_and_what_is_no_manifest_is_named() {
    let home = Home::new();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let manifest = "{\n\"id\": \"x\",\n\"title\": 7,\n\"category\": \"a\", \"description\": \"D.\", \"auth_strategy\": \"none\",\n\"servers\": {\"default\": \"https://x.example\"},\n\"functions\": []}";
    let run = lint(&home, &file("x.json", manifest), &[]);
    let finding = run.json()["findings"][0].clone();
    assert_eq!((finding["line"].as_u64(), finding["message"].as_str()), (Some(3), Some("title: must be text, but is 7")), "{run:?}");
    for (text, said) in [
        (r#"{"provider": "x", "exchanges": {"list_x": []}}"#, "--exchanges"),
        ("openapi: 3.1.0\npaths: {}\n", "integrations:import"),
        ("- 1\n", "integrations:new"),
        ("a: [\n", "neither YAML nor JSON"),
    ] {
        let run = lint(&home, &file("other.yaml", text), &[]);
        let errors = messages(&run, "error");
        assert!(errors.len() == 1 && errors[0].contains(said), "{text:?}: {errors:?}");
    }
}

/// What lint calls an error is not loaded, and what is loaded has none.
#[test]
fn what_is_wrong_is_not_loaded_and_whoever_asks_for_it_is_told_why() {
    let home = Home::new();
    let (good, _) = made(&home, &["--output", home.path().to_str().unwrap()]);
    let good = std::fs::read_to_string(good).unwrap().replace("id: yard_sale", "id: tea");
    let changes: [(&str, &str, bool); 8] = [
        ("category: ", "category: NOT a slug ", false),
        ("auth_strategy: bearer_token", "auth_strategy: oauth", true),
        ("auth_strategy: bearer_token", "auth_strategy: bearer_token\nverify:", false),
        ("verify: get_current_user", "verify:", true),
        ("arguments: {name: First}", "arguments: {name: 7}", false),
        ("in this state.}", "in this state., default: 7}", false),
        ("servers: {default: \"https://", "servers: {default: \"https://u:p@", false),
        ("", "", true),
    ];
    for (old, new, right) in changes {
        assert!(good.contains(old), "{old:?} is not in {good}");
        let text = if old.is_empty() { good.clone() } else { good.replacen(old, new, 1) };
        home.manifest("tea", &text);
        let file = home.root().join("config/providers/tea.yaml").display().to_string();
        let (code, asked) = (lint(&home, &file, &[]).code, home.run(&["integrations:docs", "tea", "--json"]));
        assert_eq!((code == 0, asked.code == 0), (right, right), "{new:?}: {asked:?}");
        if right {
            continue;
        }
        for words in [
            &["integrations:doctor", "tea", "--json"][..],
            &["integrations:docs", "tea", "--json"],
            &["integrations:call", "tea.list_items", "--json"],
        ] {
            let run = home.run(words);
            let answer = run.json();
            let said = answer["error"].as_str().unwrap();
            assert!(run.code == 3 && said.contains("'tea' is not loaded: ") && said.contains("tea.yaml:"), "{words:?} {run:?}");
            assert!(answer["error_detail"]["hints"][0].as_str().unwrap().starts_with("angelia integrations:lint "), "{run:?}");
        }
    }
    // By the id in a file of another name.
    home.manifest("other", &good.replace("category: ", "category: NOT a slug ").replace("id: tea", "id: coffee"));
    let run = home.run(&["integrations:docs", "coffee", "--json"]);
    assert!(run.json()["error"].as_str().unwrap().contains("other.yaml:"), "{run:?}");
}

#[test]
fn the_manifests_of_the_documentation_are_right() {
    let home = Home::new();
    let mut seen = 0;
    for page in ["connect", "manifests", "quickstart", "providers"] {
        let text = std::fs::read_to_string(format!("{}/docs/{page}.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let blocks = text.split("```yaml\n").skip(1).filter_map(|block| block.split_once("\n```").map(|(yaml, _)| yaml));
        for block in blocks.filter(|block| block.starts_with("id: ")) {
            let file = home.path().join("page.yaml");
            std::fs::write(&file, block).unwrap();
            let run = lint(&home, file.to_str().unwrap(), &[]);
            let advice = messages(&run, "advice").join("\n");
            assert!(run.code == 0 && !advice.contains("auth_strategy"), "{page}: {run:?}");
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}

#[test]
fn advice_fails_only_where_it_is_strict() {
    let home = Home::new();
    let (manifest, exchanges) = made(&home, &[]);
    change(&manifest, "    synonyms: [add an item, new item]\n", "");
    change(&manifest, "id: list_items", "id: items");
    change(&exchanges, "  list_items:", "  items:");
    std::fs::remove_file(&exchanges).unwrap();
    let run = lint(&home, &manifest, &[]);
    let said = messages(&run, "advice").join("\n");
    assert_eq!((run.code, messages(&run, "error").len()), (0, 0), "{run:?}");
    for part in ["has no synonym", "'items' is no usual first word", "has no exchange tests"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert_eq!(lint(&home, &manifest, &["--strict"]).code, 2);
}

/// A check that cannot fail is none: each of these changes to a good case is told.
#[test]
fn a_wrong_case_is_told() {
    let changes = [
        ("path: /v1/items, query: {state: open}", "path: /v1/item, query: {state: open}", "path is /v1/items"),
        ("path: /v1/items, query: {state: open}", "path: /v1/items", "query is"),
        ("json: {name: \"Täst\"}}\n", "json: {name: Test}}\n", "json body is"),
        ("method: POST", "method: PUT", "method is POST"),
        ("authorization: Bearer test-token", "authorization: Bearer other", "header authorization is"),
        ("http_status: 401", "http_status: 402", "error is"),
        ("result: {id: 2, name: \"Täst\"}", "result: {id: 3}", "data is"),
        ("response: {json: {id: 7, name: Ada}}", "response: {status: 500, json: {}}", "failed:"),
        ("error: {code: provider_error, message: bad credentials, http_status: 401}", "result: null", "failed:"),
        ("credentials: {token: test-token}", "credentials: {tokken: test-token}", "'tokken' is no credential field"),
        ("  create_item:", "  no_such_function:", "no_such_function"),
        ("arguments: {state: open}", "arguments: {state: opened}", "0 requests instead of 1"),
        ("exchanges:\n", "exchanged:\n", "exchanges"),
    ];
    for (old, new, said) in changes {
        let home = Home::new();
        let (manifest, exchanges) = made(&home, &[]);
        change(&exchanges, old, new);
        let run = lint(&home, &manifest, &[]);
        let all = messages(&run, "error").join("\n");
        assert!(run.code == 2 && all.contains(said), "{old:?} -> {new:?}: {all}");
    }
}

/// The credentials of tests are those of the file: neither an account nor the environment comes in.
#[test]
fn nothing_of_the_user_has_a_part_in_it() {
    let home = Home::new().env("ANGELIA_YARD_SALE_TOKEN", "from-the-environment").env("YARD_TOKEN", "from-the-alias");
    let (manifest, _) = made(&home, &[]);
    change(&manifest, "help: \"Where one makes it.\"", "help: \"Where one makes it.\", env: [YARD_TOKEN]");
    let run = lint(&home, &manifest, &["--strict"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!format!("{run:?}").contains("from-the-"));
}

#[test]
fn a_recording_is_an_exchange_test_and_needs_no_account_to_be_replayed() {
    let home = Home::new().env("ANGELIA_YARD_SALE_TOKEN", "a-real-token");
    let (manifest, _) = made(&home, &[]);
    let server = Server::start(|request| match request.path() {
        "/v1/items" if request.method == "POST" => Reply::ok(br#"{"id": 9, "echo": "a-real-token"}"#),
        _ => Reply::ok(br#"{"items": [{"id": 12345678901234567890}], "at": 1.50}"#),
    });
    home.config(&format!(
        "[integrations.yard_sale]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n[integrations.yard_sale.servers]\ndefault = \"{}/v1\"\n",
        server.origin()
    ));
    let folder = home.path().join("tape").display().to_string();
    let calls: [&[&str]; 2] = [&["yard_sale.list_items", "--state=open", "--all"], &["yard_sale.create_item", "--name=Ä"]];
    let call =
        |home: &Home, words: &[&str], option: &str| home.run(&[&["integrations:call"], words, &["--json", option, &folder]].concat());
    let live: Vec<Value> = calls.iter().map(|words| call(&home, words, "--record").json()["data"].clone()).collect();
    assert_eq!(server.requests().len(), 2);
    let file = PathBuf::from(&folder).join("00002.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("a-real-token") && text.contains("«secret»"), "{text}");
    let run = lint(&home, &manifest, &["--exchanges", &folder]);
    assert_eq!((run.code, &run.json()["cases"], messages(&run, "error")), (0, &json!(2), Vec::new()), "{run:?}");
    drop(server);

    // Somebody else, without account, activation or permission.
    let other = Home::new();
    std::fs::create_dir_all(other.root().join("config/providers")).unwrap();
    std::fs::copy(&manifest, other.root().join("config/providers/yard_sale.yaml")).unwrap();
    for (words, live) in calls.iter().zip(&live) {
        let again = call(&other, words, "--replay");
        assert_eq!((again.code, &again.json()["meta"]["replayed"]), (0, &json!(true)), "{again:?}");
        assert_eq!(again.json()["data"].to_string(), live.to_string());
    }
    let run = call(&other, &["yard_sale.create_item", "--name=another"], "--replay");
    assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (7, Some("unreachable")), "{run:?}");
    let said = run.json()["error"].as_str().unwrap().to_owned();
    assert!(said.contains("POST /v1/items") && said.contains("with another body"), "{said}");
    let run = call(&other, &["yard_sale.list_items", "--state=closed"], "--replay");
    let said = run.json()["error"].as_str().unwrap().to_owned();
    assert!(said.contains("?state=closed") && said.contains("The nearest") && said.contains("GET /v1/items?"), "{said}");
    assert!(run.json()["error_detail"]["hints"].to_string().contains("--record"), "{run:?}");
    let run = home.run(&["integrations:call", "yard_sale.list_items", "--replay=/nowhere/at/all", "--json"]);
    assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (3, Some("not_found")), "{run:?}");
    assert!(run.json()["error"].as_str().unwrap().contains("--replay"), "{run:?}");
}

#[test]
fn recordings_are_numbered_on_and_none_is_not_silent() {
    let home = Home::new();
    let folder = home.path().join("tape");
    std::fs::create_dir(&folder).unwrap();
    for name in ["00003.json", "00041.json", "99999999.json", "notes.json"] {
        std::fs::write(folder.join(name), "{}").unwrap();
    }
    let server = Server::start(|_| Reply::ok(b"[1]"));
    home.config(&format!(
        "[integrations.hackernews]\nenabled = true\nread = \"allow\"\nallow_private = true\n[integrations.hackernews.servers]\ndefault = \"{}\"\n",
        server.origin()
    ));
    let record = format!("--record={}", folder.display());
    let run = home.run(&["integrations:call", "hackernews.list_top_stories", &record, "--json"]);
    assert!(run.code == 0 && folder.join("00042.json").is_file() && !folder.join("00001.json").exists(), "{run:?}");
    assert!(!run.stderr.contains("--record"), "{run:?}");
    let run = home.run(&["integrations:call", "data.list", "--collection=notes", &record, "--json"]);
    assert!(run.code == 0 && run.stderr.contains("--record wrote nothing"), "{run:?}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 5);
}

/// A file that is gone when the call is over cannot be recorded as if it had been empty.
#[test]
fn a_file_that_cannot_be_read_again_is_said() {
    let home = Home::new();
    home.manifest(
        "vault",
        "id: vault\ntitle: Vault\ndescription: Keeps files.\ncategory: storage\nauth_strategy: none\nservers: {default: \"http://127.0.0.1:1\"}\nfunctions:\n  - id: upload_file\n    title: Upload a file\n    description: Uploads a file.\n    operation: write\n    request: POST /files\n    body: multipart\n    parameters: {file: {type: string, format: binary}}\n    required: [file]\n    examples: [{arguments: {file: x}}]\n",
    );
    let file = home.path().join("gone.txt");
    std::fs::write(&file, "contents").unwrap();
    let path = file.clone();
    let server = Server::start(move |_| {
        std::fs::remove_file(&path).unwrap();
        Reply::ok(b"{}")
    });
    home.config(&format!(
        "[integrations.vault]\nenabled = true\nwrite = \"allow\"\nallow_private = true\n[integrations.vault.servers]\ndefault = \"{}\"\n",
        server.origin()
    ));
    let given = format!("--file=@{}", file.display());
    let run = home.run(&["integrations:call", "vault.upload_file", &given, "--record=tape", "--json"]);
    let said = run.json()["error"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("gone.txt cannot be read") && said.contains("The call itself was done"), "{run:?}");
}

/// The tests of a built-in provider answer calls.
#[test]
fn exchange_tests_answer_calls() {
    let home = Home::new();
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/providers/hackernews/exchanges.yaml");
    let cases: Value = serde_saphyr::from_str(&std::fs::read_to_string(tests).unwrap()).unwrap();
    let case = &cases["exchanges"]["get_item"][0];
    let run = home.run(&["integrations:call", "hackernews.get_item", &case["arguments"].to_string(), "--json", "--replay", tests]);
    assert_eq!((run.code, &run.json()["data"]), (0, &case["result"]), "{run:?}");
}

#[test]
fn hostile_files_end_in_a_word() {
    let home = Home::new();
    let file = home.path().join("provider.yaml");
    let bomb = format!(
        "a: &a [x,x]\n{}",
        (0..30)
            .map(|n| format!("b{n}: &b{n} [*{p}, *{p}]\n", p = if n == 0 { String::from("a") } else { format!("b{}", n - 1) }))
            .collect::<String>()
    );
    for text in ["", "\u{0}", "[", "- 1", "id: [", &bomb, &"[".repeat(100_000), &format!("id: {}", "x".repeat(100_000))] {
        std::fs::write(&file, text).unwrap();
        let run = lint(&home, file.to_str().unwrap(), &[]);
        assert_eq!(run.code, 2, "{:?} {run:?}", text.chars().take(20).collect::<String>());
    }
    let run = lint(&home, home.path().to_str().unwrap(), &[]);
    assert_eq!(run.code, 2, "a folder is no manifest: {run:?}");
    assert_eq!(lint(&home, "/nowhere/at/all.yaml", &[]).code, 3);
}
