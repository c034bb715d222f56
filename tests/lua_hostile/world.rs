//! Scripts against the policy, the file system, the environment, each other and themselves.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{Home, LOOSE, envelope, run};
use crate::support::home::finish;
use crate::support::shop;

fn result(home: &Home, script: &str, flags: &str) -> Value {
    let run = run(home, script.as_bytes(), &format!("{LOOSE} {flags}"));
    let envelope = envelope(&run).unwrap();
    assert_eq!(run.code, 0, "{script}: {envelope:#}");
    envelope["result"].clone()
}

#[test]
fn what_is_denied_stays_denied() {
    let (home, server) = shop::open("read = \"allow\"\nwrite = \"deny\"\ndestructive = \"ask\"\n");
    let script = r#"
        local shop = app.integrations.shop
        local lamp = {name = "Lamp", price = 1}
        local attempts = {
          function() return shop.create_article(lamp) end,
          function() return shop.create_article({name = "Lamp", price = 1, force = true}) end,
          function() return shop.create_article(lamp, {force = true}) end,
          function() return shop.create_article("Lamp", 1, nil, true) end,
          function() return shop.default.create_article(lamp) end,
          function() return shop.create_article:all(lamp, {force = true}) end,
          function() return shop.create_article:envelope(lamp, {force = true}) end,
          function() return shop["create_article --force"](lamp) end,
          function() return shop.delete_article{article = "a1"} end,
          function() return shop.delete_article{article = "../owner"} end,
        }
        local codes = {}
        for index, attempt in attempts do
          local ok, value = pcall(attempt)
          codes[index] = ok and (type(value) == "table" and value.error_detail and value.error_detail.code or "done") or value.code
        end
        return codes"#;
    let codes = result(&home, script, "");
    let refused = ["permission_denied", "invalid_arguments", "unknown_function", "approval_required"];
    for code in codes.as_array().unwrap() {
        assert!(refused.contains(&code.as_str().unwrap()), "{codes}");
    }
    assert_eq!(server.requests().len(), 0, "nothing was sent");
    let home = home.env("ANGELIA_FORCE", "1").env("FORCE", "1");
    assert_eq!(
        result(&home, "return select(2, pcall(app.integrations.shop.create_article, {name = 'Lamp', price = 1})).code", ""),
        "permission_denied"
    );
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_credential_never_reaches_a_script() {
    let (home, _server) = shop::open("read = \"allow\"\n");
    let script = r#"
        local _, failure = pcall(app.integrations.shop.get_article, {article = "nowhere"})
        print(json.encode({env = {pcall(env, "ANGELIA_SHOP_TOKEN")}, failure = failure, owner = app.integrations.shop.get_owner{}}))
        return {tostring(failure), docs.read("shop.get_owner")}"#;
    let run = run(&home, script.as_bytes(), "--env *");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.stdout.contains(shop::TOKEN) && !run.stderr.contains(shop::TOKEN), "{run:?}");
}

#[test]
fn only_what_is_open_of_the_environment_is_read() {
    let home = Home::new().env("OPEN_ONE", "1").env("CLOSED", "2").env("ANGELIA_X_TOKEN", "3");
    let script = "return (pcall(env, 'OPEN_ONE')), (pcall(env, 'CLOSED')), (pcall(env, 'ANGELIA_X_TOKEN'))";
    assert_eq!(result(&home, script, "--env OPEN_*"), json!([true, false, false]));
    assert_eq!(result(&home, script, "--env *"), json!([true, true, false]), "a glob does not open ours");
    assert_eq!(result(&home, script, "--env ANGELIA_X_TOKEN"), json!([false, false, true]), "its own name does");
}

#[test]
fn require_stays_beside_the_script() {
    let home = Home::new();
    let work = home.path().join("work");
    std::fs::create_dir_all(work.join("lib")).unwrap();
    std::fs::create_dir_all(home.path().join("outside")).unwrap();
    std::fs::write(home.path().join("outside/secret.lua"), "return 'secret'").unwrap();
    std::fs::write(work.join("lib/inner.lua"), "return 'inner'").unwrap();
    std::fs::write(work.join("circle.lua"), "return require('circle')").unwrap();
    std::fs::write(work.join("csv.lua"), "return 'not the standard one'").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(home.path().join("outside/secret.lua"), work.join("linked.lua")).unwrap();
        std::os::unix::fs::symlink(home.path().join("outside"), work.join("folder")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", work.join("endless.lua")).unwrap();
    }
    let outside = home.path().join("outside/secret");
    let script = format!(
        r#"local codes = {{}}
        for _, name in {{"/etc/passwd", "../outside/secret", "..outside.secret", "lib/../../outside/secret", "{}", "linked", "folder.secret", "endless", "lib", "",
            ".", "./", "a\0b", "lib/inner\0", string.rep("a", 1e6), string.rep("a/", 1e5) .. "b", "~/x", "C:\\x", "file:///etc/passwd", "%2e%2e/x", "circle"}} do
          local ok, failure = pcall(require, name)
          codes[#codes + 1] = ok and "loaded " .. name or (type(failure) == "table" and failure.code or "?" .. tostring(failure))
        end
        for _, name in {{{{}}, 5, true, print}} do codes[#codes + 1] = select(2, pcall(require, name)).code end
        return {{codes = codes, inner = require("lib.inner"), same = require("lib/inner.lua"), csv = type(require("csv")), own = require("./csv")}}"#,
        outside.display()
    );
    let answer = result(&home, &script, "");
    for code in answer["codes"].as_array().unwrap() {
        let refused = ["permission_denied", "not_found", "script_error", "invalid_arguments"];
        assert!(refused.contains(&code.as_str().unwrap()), "{answer:#}");
    }
    assert_eq!((&answer["inner"], &answer["same"]), (&json!("inner"), &json!("inner")));
    assert_eq!((&answer["csv"], &answer["own"]), (&json!("table"), &json!("not the standard one")));
    let run = home.run(&["integrations:lua", "--eval", "return require('lib.inner')", "--json"]);
    assert_eq!((run.code, &run.json()["error_detail"]["code"]), (3, &json!("not_found")), "a script that is no file has no folder");
}

fn workflow(home: &Home, name: &str, body: &str) {
    let folder = home.root().join("config/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.lua")), format!("--[[ workflow\ndescription: Calls.\noperation: read\n]]\n{body}\n"))
        .unwrap();
}

#[test]
fn a_workflow_that_calls_itself_ends() {
    let home = Home::new();
    workflow(&home, "deep", "return app.integrations.workflow.deep{}");
    let run = run(&home, b"return app.integrations.workflow.deep{}", LOOSE);
    let envelope = envelope(&run).unwrap();
    assert_eq!((run.code, &envelope["error_detail"]["code"]), (8, &json!("call_limit")), "{envelope:#}");
    assert!(envelope["error"].as_str().unwrap().contains("levels"), "{envelope:#}");
}

#[test]
fn workflows_share_one_budget() {
    let home = Home::new();
    let fan = "local _ = async.map({1, 2, 3}, function() return app.integrations.workflow.fan{} end, {on_error = 'collect'})\nreturn 1";
    workflow(&home, "fan", fan);
    let run = run(&home, b"return app.integrations.workflow.fan{}", &format!("{LOOSE} --call-limit 25"));
    assert!(envelope(&run).unwrap()["calls"].as_u64().unwrap() <= 25, "{run:?}");
    let audit = home.run(&["audit:list", "--limit=1000", "--json"]).json();
    assert!(audit["calls"].as_array().unwrap().len() <= 25, "{}", audit["calls"].as_array().unwrap().len());
}

#[test]
fn sources_are_bounded_on_the_threads_of_workflows_too() {
    let home = Home::new();
    for (name, body) in [
        ("parentheses", format!("return {}1{}", "(".repeat(60_000), ")".repeat(60_000))),
        ("recursion", String::from("local function f() return 1 + f() end return f()")),
        ("gsub", String::from("local function f() return ((\"x\"):gsub(\".\", f)) end return f()")),
        ("coroutines", String::from("local function f() return coroutine.wrap(f)() end return f()")),
        ("nested", format!("return json.encode(json.decode('{}{}'))", "[".repeat(120), "]".repeat(120))),
        ("handlers", String::from("local function f() return xpcall(error, f) end f() error('x')")),
    ] {
        workflow(&home, name, &body);
        let run = home.run(&["integrations:call", &format!("workflow.{name}"), "--json"]);
        let code = run.json()["error_detail"]["code"].clone();
        assert!(code == "script_error" || (name == "nested" && code.is_null()), "{name}: {run:?}");
    }
}

#[test]
fn two_scripts_at_once_on_one_store() {
    let home = Home::new();
    std::fs::write(
        home.path().join("work/add.lua"),
        "for n = 1, 30 do app.integrations.data.create{collection = 'c', document = {n = n}} end return 1",
    )
    .unwrap();
    let start = || {
        let mut command = home.command(&["integrations:lua", "add.lua", "--json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let runs: Vec<_> = (0..3).map(|_| start()).collect();
    for child in runs {
        let run = finish(child, None);
        assert_eq!(run.code, 0, "{run:?}");
    }
    assert_eq!(result(&home, "local n = 0 for _ in app.integrations.data.list:each{collection = 'c'} do n += 1 end return n", ""), 90);
}
