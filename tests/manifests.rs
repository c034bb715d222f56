//! The user's own manifests: a broken one is named with file, line and reason and harms nothing else; a good one may hide a built-in
//! provider, which is said; what is compiled is kept and made again only when a file changed.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::server::{Reply, Server};

const GOOD: &str = r#"id: garden
title: Garden
description: Beds and plants.
category: garden
auth_strategy: none
servers: {default: "http://127.0.0.1:1"}
functions:
  - id: list_plants
    title: List plants
    description: Lists the plants of a bed.
    operation: read
    request: GET /beds/{bed}/plants
    parameters: {bed: {type: string, description: Its name.}}
    required: [bed]
    examples: [{arguments: {bed: north}}]
    synonyms: [flowerpots]
  - id: water_plant
    title: Water a plant
    description: Waters a plant.
    operation: write
    request: POST /plants
    parameters: {plant: {type: string, description: Its name.}}
    required: [plant]
    examples: [{arguments: {plant: rose}}]
"#;

/// The good manifest under another id with one text replaced, which must be in it.
fn broken(id: &str, old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old:?}");
    GOOD.replace(old, new).replace("id: garden", &format!("id: {id}"))
}

fn list(home: &Home) -> Value {
    let run = home.run(&["integrations:list", "--json", "--fields=all"]);
    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
    run.json()
}

fn path(home: &Home, name: &str) -> PathBuf {
    home.root().join("config/providers").join(name)
}

/// Problems of one file as `line message`.
fn problems(list: &Value, file: &str) -> Vec<String> {
    let all = list["problems"].as_array().cloned().unwrap_or_default();
    let of_file = all.iter().filter(|problem| problem["file"].as_str().unwrap().ends_with(file));
    of_file.map(|problem| format!("{} {}", problem["line"], problem["message"].as_str().unwrap())).collect()
}

fn docs(home: &Home, page: &str) -> Run {
    home.run(&["integrations:docs", page, "--json"])
}

#[test]
fn every_kind_of_break_is_named_with_file_line_and_reason() {
    let home = Home::new();
    home.manifest("garden", GOOD);
    let read = "    operation: read\n    request: GET /beds/{bed}/plants\n";
    let cases: [(&str, &str, &str, &str, &str); 22] = [
        ("syntax", "servers: {default: \"http://127.0.0.1:1\"}", "servers: {default: \"http", "", ""),
        ("tabs", "    title: List plants", "\ttitle: List plants", "8 ", "tab"),
        ("unknown_word", "    operation: read", "    operaton: read", "11 ", "operaton"),
        ("unknown_top", "category: garden", "categories: garden", "4 ", "categories"),
        ("wrong_operation", "operation: read", "operation: look", "11 ", "look"),
        ("wrong_type", "required: [bed]", "required: bed", "14 ", ""),
        ("no_title", "title: Garden\n", "", "", "title"),
        ("read_by_post", "GET /beds/{bed}/plants", "POST /beds/{bed}/plants", "11 ", "is a read by POST without read_because"),
        ("path_name", "GET /beds/{bed}/plants", "GET /beds/{bad}/plants", "12 ", "path names 'bad', which is no parameter"),
        ("required_name", "required: [bed]", "required: [bed, color]", "14 ", "required parameter 'color' is not defined"),
        ("optional_path", "    required: [bed]\n", "", "13 ", "path parameter 'bed' must be required or have a default"),
        ("jq", "    synonyms: [flowerpots]", "    shape: \".plants | nosuch(\"", "16 ", ""),
        ("jq_name", "    synonyms: [flowerpots]", "    item: nosuch", "16 ", "nosuch"),
        ("example", "{bed: north}", "{bed: 7}", "15 ", "example: bed 7 is not of type \"string\""),
        ("example_key", "{plant: rose}", "{plant: rose, color: red}", "24 ", "example: "),
        ("native", read, "    operation: read\n    native: data.list\n", "12 ", "native functions are for built-in manifests"),
        ("twice", "id: water_plant", "id: list_plants", "17 ", "list_plants: is defined twice"),
        ("server", "    synonyms: [flowerpots]", "    server: elsewhere", "16 ", "server 'elsewhere' is not defined"),
        ("no_server", "servers: {default:", "servers: {other:", "", "servers: needs 'default'"),
        ("verify", "auth_strategy: none", "auth_strategy: none\nverify: water_plant", "6 ", "verify: 'water_plant' is no read function"),
        ("auth", "auth_strategy: none", "auth_strategy: none\nauth: {type: bearer, value: \"{key}\"}", "6 ", "auth names 'key'"),
        ("schema", "bed: {type: string,", "bed: {type: strung,", "13 ", "strung"),
    ];
    for (id, old, new, ..) in cases {
        home.manifest(id, &broken(id, old, new));
    }
    home.manifest("bad_id", &broken("Bad-Id", "required", "required"));
    home.manifest("empty", "");
    home.manifest("zz_again", GOOD);
    let all = list(&home);
    for (id, _, _, line, said) in cases {
        let found = problems(&all, &format!("/{id}.yaml"));
        assert!(found.iter().any(|one| one.starts_with(line) && one.contains(said)), "{id}: {found:?}");
        assert!(all["providers"][id].is_null(), "{id} is in the list");
    }
    assert!(problems(&all, "/bad_id.yaml")[0].contains("id: must be a-z, 0-9 and _"), "{all:#}");
    assert_eq!(problems(&all, "/empty.yaml").len(), 1);
    assert_eq!(problems(&all, "/zz_again.yaml"), ["null another file already defines 'garden'"]);
    assert_eq!((&all["providers"]["garden"]["functions"], &all["providers"]["garden"]["origin"]), (&json!(2), &json!("user")));
    assert!(all["providers"]["github"]["functions"].as_u64().unwrap() >= 60, "nothing else is harmed");
    let run = home.run(&["integrations:list"]);
    assert!(run.stderr.contains("/wrong_operation.yaml:11: ") && run.stderr.contains("(this file was left out)"), "{}", run.stderr);
    let doctor = home.run(&["integrations:doctor", "--json"]);
    assert!(doctor.code == 5 && doctor.stdout.contains("/read_by_post.yaml:11: list_plants: is a read by POST"), "{}", doctor.stdout);
    for (words, code) in [(&["integrations:docs", "garden.water_plant"][..], 0), (&["integrations:call", "jq.list_plants", "--json"], 3)] {
        assert_eq!(home.run(words).code, code, "{words:?}");
    }
}

#[test]
fn files_that_are_no_manifests_hang_nothing() {
    let home = Home::new();
    home.manifest("garden", GOOD);
    let huge = File::create(path(&home, "huge.yaml")).unwrap();
    huge.set_len(100 << 20).unwrap();
    assert!(Command::new("mkfifo").arg(path(&home, "fifo.yaml")).status().unwrap().success());
    std::fs::create_dir(path(&home, "folder.yaml")).unwrap();
    std::fs::write(path(&home, "latin.yaml"), b"id: latin\ntitle: \xe4\n").unwrap();
    std::fs::write(path(&home, "notes.txt"), "not a manifest").unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", path(&home, "dangling.yaml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", path(&home, "zero.yaml")).unwrap();
    std::fs::write(path(&home, "deep.yaml"), format!("id: {}{}", "[".repeat(50_000), "]".repeat(50_000))).unwrap();
    let bomb: String = (1..30).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))).collect();
    std::fs::write(path(&home, "bomb.yaml"), format!("a0: &a0 [x]\n{bomb}id: bomb\n")).unwrap();
    let started = Instant::now();
    let all = list(&home);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    for (file, said) in [
        ("/huge.yaml", "ordinary file of at most 64 MiB"),
        ("/fifo.yaml", "ordinary file"),
        ("/folder.yaml", "ordinary file"),
        ("/zero.yaml", "ordinary file"),
        ("/latin.yaml", "UTF-8"),
        ("/deep.yaml", ""),
        ("/bomb.yaml", ""),
    ] {
        let found = problems(&all, file);
        assert!(found.len() == 1 && found[0].contains(said), "{file}: {found:?}");
    }
    assert!(problems(&all, "notes.txt").is_empty());
    assert_eq!(all["providers"]["garden"]["functions"], 2);
}

#[test]
fn a_user_manifest_hides_a_built_in_one_and_this_is_said() {
    let (home, server) = (Home::new(), Server::start(|request| Reply::ok(format!("{{\"path\":\"{}\"}}", request.path()).as_bytes())));
    let before = list(&home);
    assert_eq!(
        (&before["providers"]["plane"]["origin"], &before["providers"]["plane"]["hides_built_in"]),
        (&json!("built-in"), &json!(false))
    );
    home.manifest("plane", &broken("plane", "title: Garden", "title: My own Plane"));
    home.config(&format!(
        "[integrations.plane]\nenabled = true\nread = \"allow\"\nallow_private = true\nservers.default = \"{}\"\n",
        server.origin()
    ));
    let plane = list(&home)["providers"]["plane"].clone();
    let field = |name: &str| plane[name].clone();
    assert_eq!((field("title"), field("origin"), field("hides_built_in")), (json!("My own Plane"), json!("user"), json!(true)));
    assert_eq!((field("tier"), field("functions")), (json!("own"), json!(2)), "it is not called verified");
    let table = home.run(&["integrations:list"]).stdout;
    assert!(table.lines().any(|line| line.contains("My own Plane") && line.contains("user (hides built-in)")), "{table}");
    let run = home.run(&["integrations:call", "plane.list_plants", "--bed=a", "--json"]);
    assert_eq!((run.code, &run.json()["data"]["path"]), (0, &json!("/beds/a/plants")), "{}", run.stdout);
    assert_eq!(home.run(&["integrations:call", "plane.create_issue", "--json"]).code, 3, "the hidden functions are hidden");
    let search = home.run(&["integrations:search", "create", "issue", "plane", "--json"]);
    assert!(!search.stdout.contains("plane.create_issue"), "{}", search.stdout);
    std::fs::write(path(&home, "plane.yaml"), "id: [").unwrap();
    let all = list(&home);
    assert_eq!(all["providers"]["plane"]["origin"], "built-in", "a broken one hides nothing");
    assert_eq!(problems(&all, "/plane.yaml").len(), 1);
}

fn compiled(home: &Home) -> (PathBuf, Option<SystemTime>) {
    let file = home.root().join("cache/catalog.bin");
    let time = std::fs::metadata(&file).ok().and_then(|meta| meta.modified().ok());
    (file, time)
}

#[test]
fn only_a_changed_file_is_compiled_again() {
    let home = Home::new();
    assert_eq!(list(&home)["providers"]["garden"], Value::Null);
    assert_eq!(compiled(&home).1, None, "nothing to compile, nothing kept");
    home.manifest("garden", GOOD);
    assert_eq!(list(&home)["providers"]["garden"]["functions"], 2);
    let first = compiled(&home).1.expect("a compiled catalog");
    for words in [&["integrations:list"][..], &["integrations:search", "flowerpots"], &["integrations:docs", "garden"]] {
        assert_eq!(home.run(words).code, 0);
        assert_eq!(compiled(&home).1, Some(first), "{words:?} compiled again");
    }
    home.manifest("garden", &GOOD.replace("List plants", "List all that grows"));
    assert!(docs(&home, "garden.list_plants").stdout.contains("List all that grows"));
    let second = compiled(&home).1.unwrap();
    assert!(second > first);
    home.manifest("other", &broken("other", "title: Garden", "title: Other"));
    assert_eq!(docs(&home, "other").code, 0);
    let third = compiled(&home).1.unwrap();
    assert!(third > second);
    std::fs::remove_file(path(&home, "garden.yaml")).unwrap();
    assert_eq!(docs(&home, "garden").code, 3);
    assert!(compiled(&home).1.unwrap() > third);
    std::fs::rename(path(&home, "other.yaml"), path(&home, "other.txt")).unwrap();
    assert_eq!(docs(&home, "other").code, 3);
}

#[test]
fn a_damaged_or_unwritable_cache_is_no_trouble() {
    let home = Home::new();
    home.manifest("garden", GOOD);
    let works = |what: &str| {
        for words in [&["integrations:docs", "garden.water_plant"][..], &["integrations:search", "flowerpots"]] {
            let run = home.run(words);
            assert!(run.code == 0 && run.stdout.contains("garden"), "{what}: {} {}", run.stdout, run.stderr);
        }
    };
    works("fresh");
    let (cache, _) = compiled(&home);
    let whole = std::fs::read(&cache).unwrap();
    let damages: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("text", b"garbage"),
        ("half", &whole[..whole.len() / 2]),
        ("short", &whole[..10]),
        ("one byte less", &whole[..whole.len() - 1]),
    ];
    for (what, bytes) in damages {
        std::fs::write(&cache, bytes).unwrap();
        works(what);
    }
    std::fs::remove_file(&cache).unwrap();
    std::fs::create_dir(&cache).unwrap();
    works("a folder in its place");
    std::fs::remove_dir_all(home.root().join("cache")).unwrap();
    std::fs::write(home.root().join("cache"), "").unwrap();
    works("a file in place of its folder");
}

#[test]
fn flipped_bytes_in_the_cache_never_crash() {
    let home = Home::new();
    home.manifest("garden", GOOD);
    assert_eq!(docs(&home, "garden").code, 0);
    let (cache, _) = compiled(&home);
    let whole = std::fs::read(&cache).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&cache, bytes).unwrap();
        for words in [&["integrations:search", "flowerpots"][..], &["integrations:docs", "garden.water_plant"]] {
            let run = home.run(words);
            assert!([0, 3, 70].contains(&run.code) && !run.stderr.contains("panicked"), "byte {at}: {} {}", run.code, run.stderr);
            let says_how = run.stderr.contains("Remove catalog*.bin") && run.stderr.contains("config:path");
            assert!(run.code != 70 || says_how, "byte {at}: {}", run.stderr);
        }
    }
    std::fs::remove_file(&cache).unwrap();
    assert_eq!(docs(&home, "garden").code, 0);
}

#[test]
fn a_provider_of_ones_own_can_be_removed() {
    let home = Home::new();
    assert!(Command::new("mkfifo").arg(path(&home, "fifo.yaml")).status().unwrap().success());
    home.manifest("odd_name", GOOD);
    home.manifest("other", &broken("other", "title: Garden", "title: Other"));
    let run = home.run(&["integrations:remove", "garden", "--json"]);
    assert_eq!((run.code, &run.json()["success"]), (0, &json!(true)), "{} {}", run.stdout, run.stderr);
    assert!(!path(&home, "odd_name.yaml").exists() && path(&home, "other.yaml").exists());
    assert_eq!((docs(&home, "garden").code, docs(&home, "other").code), (3, 0));
    home.manifest("a_first", GOOD);
    home.manifest("b_second", &GOOD.replace("title: Garden", "title: Second"));
    assert_eq!(list(&home)["providers"]["garden"]["title"], "Garden");
    assert_eq!(home.run(&["integrations:remove", "garden", "--json"]).code, 0);
    assert!(!path(&home, "a_first.yaml").exists(), "of two files the one that counts is removed");
    assert_eq!(list(&home)["providers"]["garden"]["title"], "Second");
    assert_eq!(home.run(&["integrations:remove", "garden", "--json"]).code, 0);
    for (id, said) in [("github", "built-in"), ("garden", "Unknown integration")] {
        let run = home.run(&["integrations:remove", id, "--json"]);
        assert_eq!(run.code, 3, "{}", run.stdout);
        assert!(run.json()["error"].as_str().unwrap().contains(said), "{}", run.stdout);
    }
    home.manifest("github", &broken("github", "title: Garden", "title: Mine"));
    assert_eq!(list(&home)["providers"]["github"]["title"], "Mine");
    assert_eq!(home.run(&["integrations:remove", "github", "--json"]).code, 0);
    assert_eq!(list(&home)["providers"]["github"]["origin"], "built-in", "the hidden one is back");
}
