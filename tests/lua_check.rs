//! `lua:check` and `lua:types` through the program: what is found, where and how it is said; what is written, and what is left alone.

use std::fs;

use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::shop;

/// Checks a source from stdin.
fn check(home: &Home, source: &str) -> Run {
    home.run_with(&["lua:check", "-", "--json"], source.as_bytes())
}

/// Each finding as `line:column code`, and where it is a warning, that.
fn found(home: &Home, source: &str) -> Vec<String> {
    let answer = check(home, source).json();
    let findings = answer["findings"].as_array().unwrap().clone();
    let line = |finding: &Value| {
        let warning = if finding["severity"] == "warning" { " (warning)" } else { "" };
        format!("{}:{} {}{warning}", finding["line"], finding["column"], finding["code"].as_str().unwrap())
    };
    findings.iter().map(line).collect()
}

const OLD: &str = "
id: old
title: Old
description: Has a function that is on its way out.
category: commerce
auth_strategy: none
compatibility_summary: Works.
servers: {default: \"http://127.0.0.1:1\"}
functions:
  - id: get_it
    title: Get it
    description: Returns it.
    operation: read
    request: GET /it
    deprecated: true
    parameters:
      end: {type: string, description: A word of Lua.}
      page: {type: integer, default: 1, description: A page.}
      a: {type: string, description: One.}
      b: {type: string, description: Other.}
      filter: {type: object, properties: {at: {type: integer}}, required: [at], additionalProperties: false, description: Which.}
      tags: {type: array, items: {type: string}, description: Words.}
    required: [page]
    any_of: [[a, b]]
    examples: [{arguments: {a: x, page: 2}}]
";

fn home() -> Home {
    let home = shop::closed();
    home.manifest("old", OLD);
    home
}

#[test]
fn mistakes_are_found_where_they_are() {
    let home = home();
    let cases: &[(&str, &[&str])] = &[
        ("local s = app.integrations.shop\nreturn s.get_owner()", &[]),
        ("if true then\n  print(1", &["2:10 syntax"]),
        ("local x =\n", &["2:1 syntax"]),
        ("break", &["1:1 syntax"]),
        ("app.mcp.files.read({})\nmcp.call('files', 'read')", &[]),
        ("app.mcps.files.read({})", &["1:5 unknown_global"]),
        ("mcp.tool('files')", &["1:5 unknown_global"]),
        ("app.integrations.shp.get_owner()", &["1:18 unknown_provider"]),
        ("app.integrations['shp'].get_owner()", &["1:18 unknown_provider"]),
        ("app.shop.get_owner()", &["1:5 unknown_global"]),
        ("app.integrations.shop.get_ownr()", &["1:23 unknown_function"]),
        ("app.integrations.shop.work.get_ownr()", &["1:28 unknown_function"]),
        ("app.integrations.shop.work.get_owner()", &[]),
        ("local s = app.integrations.shop\ns.get_ownr{}", &["2:3 unknown_function"]),
        ("local i = app.integrations\nlocal s = i['shop'].work\ns.get_ownr{}", &["3:3 unknown_function"]),
        ("local f = app.integrations.shop.get_ownr\nf{}", &["2:1 unknown_function"]),
        ("local s = app.integrations.shop\ns = other()\ns.get_ownr{}\nfunction other() end", &[]),
        ("local s = app.integrations.shop\nlocal function f() s.get_ownr() end\ns = {}", &[]),
        ("do local s = app.integrations.shop end\nlocal s = {}\ns.get_ownr()", &[]),
        ("local function f(app) app.integrations.nothing.x() end", &[]),
        ("app.integrations.shop()", &["1:18 unknown_function"]),
        ("app.integrations.shop:get_owner()", &["1:23 unknown_function"]),
        ("app.integrations.shop.list_articles.each{}", &["1:37 unknown_function"]),
        ("app.integrations.shop.list_articles:first{}", &["1:37 unknown_function"]),
        ("for a in app.integrations.shop.list_articles:each{color = 'red'} do print(a) end", &[]),
        ("for a in app.integrations.shop.get_owner:each{} do print(a) end", &["1:42 not_a_list"]),
        ("app.integrations.shop.get_owner:all()", &["1:33 not_a_list"]),
        ("app.integrations.data.list:all{collection = 'x'}", &[]),
        ("app.integrations.shop.list_articles{colour = 'red'}", &["1:37 unknown_argument"]),
        ("app.integrations.shop.list_articles{'red'}", &["1:37 unknown_argument"]),
        ("app.integrations.shop.list_articles{color = 'green', limit = 0}", &["1:37 wrong_type", "1:54 wrong_type"]),
        ("app.integrations.shop.list_articles{limit = 'all', color = args.color}", &["1:37 wrong_type"]),
        ("app.integrations.shop.list_articles{color = function() end}", &["1:37 wrong_type"]),
        ("app.integrations.shop.create_article{name = 'x'}", &["1:23 missing_argument"]),
        ("app.integrations.shop.create_article{name = 'x', price = nil}", &["1:50 missing_argument"]),
        ("app.integrations.shop.create_article()", &["1:23 missing_argument", "1:23 missing_argument"]),
        ("app.integrations.shop.create_article{name = 'x', [args.a] = 1}", &[]),
        ("app.integrations.shop.create_article(args)", &[]),
        ("app.integrations.shop.create_article{name = args.name, price = 1.5}", &["1:56 wrong_type"]),
        ("app.integrations.shop.create_article('x', 1, true)", &[]),
        ("app.integrations.shop.create_article('x', 1, true, 4)", &["1:52 too_many_arguments"]),
        ("app.integrations.shop.create_article('x', '1')", &["1:43 wrong_type"]),
        ("app.integrations.shop.create_article 'x'", &["1:23 missing_argument"]),
        ("app.integrations.shop.create_article('x', unpack(args))", &[]),
        ("pcall(app.integrations.shop.create_article, {name = 'x'})", &["1:7 missing_argument"]),
        ("app.integrations.old.get_it{a = 'x'}", &["1:22 deprecated (warning)"]),
        ("app.integrations.old.get_it{['end'] = 'x'}", &["1:22 deprecated (warning)", "1:22 missing_argument"]),
        (
            "app.integrations.old.get_it{a = args.a, filter = {att = 1}, tags = {}}",
            &["1:22 deprecated (warning)", "1:41 unknown_argument", "1:41 missing_argument"],
        ),
        ("app.integrations.old.get_it{a = 'x', filter = {args.x}}", &["1:22 deprecated (warning)", "1:38 wrong_type"]),
        ("prnt(1)", &["1:1 unknown_global"]),
        ("shop.get_owner()", &["1:1 unknown_global"]),
        ("total = 1\nprint(total)", &[]),
        ("print(json.encod({}), string.splitt('a'))", &["1:12 unknown_global", "1:30 unknown_global"]),
        ("io.write('x') os.execute('ls') load('x')", &["1:1 removed", "1:18 removed", "1:32 removed"]),
        ("local io = {}\nio.write('x')", &[]),
        ("require('/etc/x') require '../x' require('x')", &["1:8 removed", "1:27 removed"]),
    ];
    let wrong = |(source, expected): &(&str, &[&str])| {
        let found = found(&home, source);
        (found != *expected).then(|| format!("{source}\n  found {found:?}, expected {expected:?}"))
    };
    let failures: Vec<String> = cases.iter().filter_map(wrong).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_finding_says_what_to_do() {
    let home = home();
    for (source, message, hint) in [
        ("if true thn print(1) end", "expected 'then'", ""),
        ("app.integrations.shp.x()", "Unknown integration: shp", "'shop'"),
        ("app.integrations.shop.get_ownr()", "shop.get_ownr", "'shop.get_owner'"),
        ("app.integrations.shop.list_articles{colour = 'red'}", "no argument 'colour'", "'color'"),
        ("app.integrations.shop.create_article{price = 1}", "needs the argument 'name'", "integrations:docs shop.create_article"),
        ("app.integrations.old.get_it{}", "at least one of: a, b", ""),
        ("shop.get_owner()", "unknown global 'shop'", "app.integrations.shop"),
        ("os.execute('x')", "os.execute", "app.integrations"),
        ("prnt()", "'prnt'", "'print'"),
        ("app.integrations.shop.get_owner:all()", "not a list", "get_owner{…}"),
    ] {
        let run = check(&home, source);
        let answer = run.json();
        let said = |finding: &Value| {
            let hints = finding["hints"].as_array().unwrap().iter().any(|said| said.as_str().unwrap().contains(hint));
            finding["message"].as_str().unwrap().to_lowercase().contains(&message.to_lowercase()) && (hints || hint.is_empty())
        };
        assert!(answer["findings"].as_array().unwrap().iter().any(said), "{source}: {answer:#}");
        assert_eq!((run.code, &answer["success"], &answer["error_detail"]["code"]), (8, &json!(false), &json!("script_error")), "{source}");
    }
}

#[test]
fn answers_have_one_shape() {
    let home = home();
    let (good, bad) = (home.path().join("good.lua"), home.path().join("bad.lua"));
    fs::write(&good, "print(args)").unwrap();
    fs::write(&bad, "print(1)\nprnt(1)\n").unwrap();
    let words = |name: &std::path::Path| name.display().to_string();
    let run = home.run(&["lua", "check", &words(&good), "--json"]);
    assert_eq!(run.json(), json!({"success": true, "files": 1, "findings": [], "error": null, "error_detail": null}));
    let both = home.run(&["lua:check", &words(&good), &words(&bad), "--json"]);
    let answer = both.json();
    assert_eq!((both.code, &answer["files"], &answer["error"]), (8, &json!(2), &json!("1 error(s) in 2 file(s)")));
    let hints = ["Did you mean 'print'?"];
    let finding = json!({
        "file": words(&bad), "line": 2, "column": 1, "severity": "error", "code": "unknown_global", "message": "unknown global 'prnt'", "hints": hints,
    });
    assert_eq!(answer["findings"][0], finding);
    let run = home.run(&["lua:check", &words(&bad)]);
    let told = format!("{}:2:1: error: unknown global 'prnt' (unknown_global)\n  → Did you mean 'print'?\n", words(&bad));
    assert_eq!((run.code, run.stdout, run.stderr), (8, told, String::new()));
    let warned = check(&home, "app.integrations.old.get_it{a = 'x'}");
    assert_eq!((warned.code, &warned.json()["success"]), (0, &json!(true)));
    let missing = home.run(&["lua:check", "nothing.lua", "--json"]);
    assert_eq!((missing.code, &missing.json()["error_detail"]["code"]), (3, &json!("not_found")));
    assert_eq!(home.run(&["lua:check", ".", "--json"]).code, 2);
    assert_eq!(home.run(&["lua:check"]).code, 2);
    assert_eq!(found(&home, ""), [""; 0]);
    assert_eq!(home.run_with(&["lua:check", "-"], b"\xff\xfe = 1").code, 8);
}

#[test]
fn definitions_of_all_providers_are_lua() {
    let home = home();
    let run = home.run(&["lua:types", "--all", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let files: Vec<String> = run.json()["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap().to_owned()).collect();
    assert!(files.len() > 10 && files.contains(&String::from(".angelia/types/integrations/shop.lua")), "{files:?}");
    let work = home.path().join("work");
    for file in &files {
        let text = fs::read_to_string(work.join(file)).unwrap();
        assert!(text.starts_with("---@meta\n"), "{file}");
        let class = |line: &&str| line.starts_with("---@class ");
        let mut classes: Vec<&str> = text.lines().filter(class).collect();
        let all = classes.len();
        classes.sort_unstable();
        classes.dedup();
        assert_eq!(classes.len(), all, "{file} names a class twice");
        // Comments alone would always parse: the checker sees what stands between them.
        // The checker takes less at once than a large provider has.
        let (first, second) = text.split_at(text[..text.len() / 2].rfind("\n\n").unwrap_or(0));
        for half in [first, second] {
            let answer = home.run_with(&["lua:check", "-", "--json"], half.as_bytes()).json();
            assert!(!answer["findings"].to_string().contains("\"syntax\""), "{file}: {answer}");
        }
    }
    let shop = fs::read_to_string(work.join(".angelia/types/integrations/shop.lua")).unwrap();
    for part in [
        "---@class angelia.Integrations\n---@field shop angelia.shop # Articles of a small shop.\n",
        "---@class angelia.shop.create_article.Arguments\n---@field name string # What it is called.\n---@field price integer # In cents.\n---@field sold? boolean",
        "---@field color? \"red\"|\"blue\" # Only this color.\n",
        "---@class angelia.shop.list_articles\n---@overload fun(arguments?: angelia.shop.list_articles.Arguments): any\n---@overload fun(color?: string, limit?: integer, cursor?: string): any\n---@field each fun(",
        "---@class angelia.shop.get_article.Result\n---@field id? string\n",
        "---@class angelia.shop.get_article\n---@overload fun(arguments: angelia.shop.get_article.Arguments): angelia.shop.get_article.Result\n",
        "---@field get_article angelia.shop.get_article\n",
        "---Operation: destructive; asks for approval where the policy says so.\n---@field delete_article angelia.shop.delete_article",
    ] {
        assert!(shop.contains(part), "{part}\n{shop}");
    }
    let old = fs::read_to_string(work.join(".angelia/types/integrations/old.lua")).unwrap();
    assert!(old.contains("---@field [\"end\"]? string # A word of Lua.\n"), "{old}");
}

#[test]
fn only_active_providers_are_described_unless_all_are_wanted() {
    let (home, _server) = shop::open("read = \"allow\"\n[integrations.shop.accounts.my-work]\nread = \"deny\"");
    let run = home.run(&["lua:types", "--output", "types", "--json"]);
    let files = run.json()["files"].clone();
    assert_eq!(
        files,
        json!(
            ["angelia.lua", "integrations/data.lua", "integrations/results.lua", "integrations/script.lua", "integrations/shop.lua"]
                .map(|file| format!("types/{file}"))
        )
    );
    assert_eq!(run.json()["luarc"]["workspace.library"], json!(["types"]));
    let shop = fs::read_to_string(home.path().join("work/types/integrations/shop.lua")).unwrap();
    assert!(shop.contains("---@field [\"my-work\"] angelia.shop.Functions"), "{shop}");
    let human = home.run(&["lua:types", "--output", "types"]);
    assert!(human.code == 0 && human.stdout.contains("types/angelia.lua\n") && human.stdout.contains(".luarc.json"), "{human:?}");
}

#[cfg(unix)]
#[test]
fn other_files_stay_and_links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let home = home();
    let work = home.path().join("work");
    fs::create_dir_all(work.join("types/integrations")).unwrap();
    fs::write(work.join("types/integrations/mine.lua"), "mine").unwrap();
    fs::write(home.path().join("victim.lua"), "victim").unwrap();
    symlink(home.path().join("victim.lua"), work.join("types/angelia.lua")).unwrap();
    assert_eq!(home.run(&["lua:types", "--output", "types"]).code, 0);
    assert_eq!(fs::read_to_string(work.join("types/integrations/mine.lua")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(home.path().join("victim.lua")).unwrap(), "victim");
    assert!(fs::symlink_metadata(work.join("types/angelia.lua")).unwrap().is_file());

    let elsewhere = home.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, work.join(".angelia")).unwrap();
    symlink(&elsewhere, work.join("linked")).unwrap();
    fs::create_dir(work.join("half")).unwrap();
    symlink(&elsewhere, work.join("half/integrations")).unwrap();
    let absolute = work.join("linked").display().to_string();
    for words in [
        vec!["lua:types"],
        vec!["lua:types", "--output", "linked"],
        vec!["lua:types", "--output", "half"],
        vec!["lua:types", "--output", &absolute],
    ] {
        let run = home.run(&words);
        assert_eq!(run.code, 2, "{words:?}: {run:?}");
        assert!(run.stderr.contains("is a link"), "{words:?}: {run:?}");
    }
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn the_commands_are_in_the_help() {
    let home = Home::new();
    for (words, part) in [
        (vec!["--help"], "lua:check"),
        (vec!["lua", "--help"], "lua:types"),
        (vec!["lua:check", "--help"], "or - for stdin"),
        (vec!["lua:types", "--help"], "--output"),
    ] {
        let run = home.run(&words);
        assert!(run.code == 0 && run.stdout.contains(part), "{words:?}: {run:?}");
    }
}
