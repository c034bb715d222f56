//! `integrations:lua` as its user meets it: where a script and its data come from, what it answers, how it fails, which accounts and
//! secrets it uses. Calls side by side, lists, dry runs and approvals are in `tests/lua_calls.rs`, the keys of the JSON in `tests/contract`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::contract::mirrors::Report;
use crate::support::desk::{Desk, TOKEN, WORK};
use crate::support::home::{Home, Run, finish};
use crate::support::server::Server;
use crate::support::shop;

/// What no text of ours says to a person: words of the engine and of the language that the program is written in.
const INNER: [&str; 6] = ["mlua", "runtime error:", "stack traceback", "panicked", "callback error", "thread '"];

fn clean(run: Run) -> Run {
    for word in INNER {
        assert!(!run.stdout.contains(word) && !run.stderr.contains(word), "{word}: {run:?}");
    }
    run
}

/// Runs the command.
fn lua(home: &Home, words: &[&str]) -> Run {
    clean(home.run(&[&["integrations:lua"], words].concat()))
}

/// Runs a line of Lua with `--json`.
fn eval(home: &Home, code: &str, more: &[&str]) -> (i32, Report) {
    let run = lua(home, &[&["--json", "--eval", code], more].concat());
    (run.code, serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}")))
}

/// The result of a line of Lua that must succeed.
fn result(home: &Home, code: &str, more: &[&str]) -> Value {
    let (exit, report) = eval(home, code, more);
    assert_eq!(exit, 0, "{code}: {:?}", report.error.0);
    report.result
}

/// Writes a file into the working folder.
fn put(home: &Home, name: &str, text: &str) {
    let path = home.path().join("work").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_script_comes_from_a_file_a_word_or_stdin() {
    let home = Home::new();
    let script = "print('hello', #args, stdin) return {1, 2}";
    put(&home, "hello.lua", script);
    put(&home, "deep/hello.lua", script);
    for words in [&["hello.lua"][..], &["deep/hello.lua"], &["--eval", script]] {
        let run = lua(&home, words);
        assert_eq!((run.code, run.stdout.starts_with("hello\t0\tnil\n"), run.stderr.as_str()), (0, true, ""), "{run:?}");
        let piped = clean(home.run_with(&[&["integrations:lua"], words].concat(), b"some data\n"));
        assert!(piped.stdout.starts_with("hello\t0\tsome data\n"), "stdin is the script's data: {piped:?}");
    }
    for words in [&["integrations:lua"][..], &["integrations:lua", "-"]] {
        let run = clean(home.run_with(words, script.as_bytes()));
        assert!(run.code == 0 && run.stdout.starts_with("hello\t0\tnil\n"), "{run:?}");
    }
    for (words, exit) in
        [(&[][..], 2), (&["hello.lua", "--eval", "return 1"], 2), (&["none.lua"], 3), (&["deep"], 3), (&["a.lua", "b.lua"], 2)]
    {
        let run = lua(&home, words);
        assert!(run.code == exit && run.stdout.is_empty() && run.stderr.starts_with("error: "), "{words:?}: {run:?}");
    }
    put(&home, "binary.lua", "");
    std::fs::write(home.path().join("work/binary.lua"), [0x1b, 0x4c, 0xff]).unwrap();
    put(&home, "large.lua", &"-- much\n".repeat(40_000));
    for name in ["binary.lua", "large.lua"] {
        assert_eq!(lua(&home, &[name]).code, 8, "{name}");
    }
}

#[test]
fn words_and_named_arguments_are_in_args() {
    let home = Home::new();
    let code = "return {n = #args, first = args[1], last = args[#args], name = args.name, deep = args.deep}";
    let got = result(&home, code, &["--args", r#"{"name": "Ada", "deep": {"list": [], "none": null}}"#, "--", "one", "--two", "3"]);
    assert_eq!(got, json!({"n": 3, "first": "one", "last": "3", "name": "Ada", "deep": {"list": [], "none": null}}));
    put(&home, "words.lua", "return table.concat(args, ',')");
    assert_eq!(lua(&home, &["words.lua", "--", "a", "--json", "b"]).stdout, "a,--json,b\n");
    for wrong in ["[1]", "{", "7"] {
        assert_eq!(report_code(&home, &["--eval", "return 1", "--args", wrong, "--json"]), "invalid_payload", "{wrong}");
    }
}

/// The code of a refusal before anything ran.
fn report_code(home: &Home, words: &[&str]) -> String {
    lua(home, words).json()["error_detail"]["code"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn variables_are_read_only_where_they_are_open() {
    let home = Home::new().env("CITY", "Oslo").env("ANGELIA_SHOP_TOKEN", "tok3n");
    assert_eq!(result(&home, "return env('CITY')", &["--env", "CITY"]), "Oslo");
    assert_eq!(result(&home, "return {city = env('CITY'), none = env('CI')}", &["--env", "CI*"]), json!({"city": "Oslo"}));
    for (code, more) in [("return env('CITY')", &[][..]), ("return env('ANGELIA_SHOP_TOKEN')", &["--env", "*"])] {
        let (exit, report) = eval(&home, code, more);
        assert_eq!((exit, report.error_detail.0.unwrap().code.as_str()), (4, "permission_denied"), "{code}");
    }
    home.config("[lua]\nenv = [\"CITY\"]\n");
    assert_eq!(result(&home, "return env('CITY')", &[]), "Oslo");
}

#[test]
fn what_is_printed_logged_and_returned_goes_its_own_way() {
    let home = Home::new();
    let code = "print('a', 1, nil) log.info('b', 2) log.warn('c') log.error('d') print('e') return {done = true, list = json.array()}";
    let run = lua(&home, &["--eval", code]);
    assert!(run.stdout.starts_with("a\t1\tnil\ne\n") && run.stdout.contains("done"), "{run:?}");
    for line in ["b 2", "c", "d"] {
        assert!(run.stderr.lines().any(|said| said.ends_with(line)), "{line}: {run:?}");
    }
    let run = lua(&home, &["--json", "--eval", code]);
    assert!(run.stdout.lines().count() == 1 && run.stderr.contains("b 2"), "{run:?}");
    let report: Report = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((report.output.as_str(), report.result), ("a\t1\tnil\ne\n", json!({"done": true, "list": []})));
    assert_eq!((report.calls, report.meta.script.as_str()), (0, "(eval)"));
    for (code, wanted) in [
        ("return", json!(null)),
        ("return nil", json!(null)),
        ("return 1, 'a', nil", json!([1, "a", null])),
        ("return {}", json!({})),
        ("return json.decode('[null, 12345678901234567890]')", serde_json::from_str("[null, 12345678901234567890]").unwrap()),
    ] {
        assert_eq!(result(&home, code, &[]), wanted, "{code}");
    }
    let (exit, report) = eval(&home, "return {f = print}", &[]);
    assert!(exit == 8 && report.error.0.unwrap().contains("at /f"));
}

#[test]
fn the_call_log_says_what_became_of_each_call() {
    let (home, _server) = shop::open("read = \"allow\"\nwrite = \"allow\"\n[integrations.shop.functions]\n\"delete_*\" = \"deny\"");
    let code = "local shop = app.integrations.shop
        shop.get_owner{}
        shop.create_article{name = 'Lamp', price = 1}
        for _, call in {
            function() shop.delete_article{article = 'a1'} end,
            function() shop.get_article{article = 'none'} end,
            function() shop.create_article{name = 'Lamp'} end,
            function() shop.create_article{name = 'Lost', price = 1} end,
            function() for _ in shop.list_articles:each{} do end error('done') end,
            function() shop.get_article{article = 'busy'} end,
        } do assert(not pcall(call)) end";
    let (exit, report) = eval(&home, code, &[]);
    assert_eq!(exit, 0, "{:?}", report.error.0);
    let log: Vec<_> = report
        .call_log
        .iter()
        .map(|call| {
            (call.function.as_str(), call.operation.0.as_deref().unwrap(), call.effect.as_str(), call.code.0.as_deref(), call.retryable)
        })
        .collect();
    let wanted = [
        ("shop.get_owner", "read", "none", None, false),
        ("shop.create_article", "write", "succeeded", None, false),
        ("shop.delete_article", "destructive", "denied", Some("permission_denied"), false),
        ("shop.get_article", "read", "none", Some("provider_error"), false),
        ("shop.create_article", "write", "none", Some("invalid_arguments"), false),
        ("shop.create_article", "write", "unknown", Some("outcome_unknown"), false),
        ("shop.list_articles", "read", "none", None, false),
        ("shop.get_article", "read", "none", Some("rate_limited"), true),
    ];
    assert_eq!(log, wanted);
    assert!(report.call_log.iter().all(|call| call.call_id.0.is_some() && call.account == "default"));
    let audit = home.run(&["audit:list", "--origin", "cli/lua", "--json"]).json();
    assert_eq!(audit["calls"].as_array().unwrap().len(), wanted.len(), "each is in the audit log");
}

#[test]
fn an_error_that_nobody_catches_names_place_function_and_next_steps() {
    let (home, _server) = shop::open("read = \"allow\"");
    put(&home, "work.lua", "local helper = require('lib/helper')\n\nfunction outer()\n  return helper.look('none')\nend\nouter()\n");
    put(
        &home,
        "lib/helper.lua",
        "local helper = {}\nfunction helper.look(id)\n  return app.integrations.shop.get_article{article = id}\nend\nreturn helper\n",
    );
    let run = lua(&home, &["work.lua"]);
    assert_eq!((run.code, run.stdout.as_str()), (6, ""), "{run:?}");
    assert!(
        run.stderr.contains("lib/helper.lua:3: shop.get_article: Shop answered 404: There is no such article."),
        "the required file is named: {run:?}"
    );
    for part in ["lib/helper.lua:3 in look", "work.lua:4 in outer", "work.lua:6"] {
        assert!(run.stderr.contains(part), "{part}: {run:?}");
    }
    let table = [
        ("local a = 1\nlocal b = a.b.c\n", 8, "wrong.lua:2: "),
        ("error('no such day')\n", 8, "wrong.lua:1: no such day"),
        ("error('plain', 0)\n", 8, "plain"),
        ("error({code = 'mine', message = 'a table of my own'})\n", 8, "a table of my own"),
        ("error()\n", 8, "nil"),
        ("\n\nlocal x = = 2\n", 8, "wrong.lua:3: "),
        ("for x in do end", 8, "wrong.lua:1: "),
        ("goto done", 8, "wrong.lua:1: "),
        ("assert(false)", 8, "wrong.lua:1: assertion failed!"),
        ("require('lib/none')", 3, "wrong.lua:1: require(\"lib/none\"): there is no such file"),
        ("require('lib/broken')", 8, "lib/broken.lua:2: "),
        ("require('lib/failing')", 8, "lib/failing.lua:1: not here"),
        ("local t = nil\nt()\n", 8, "wrong.lua:2: "),
        ("app.integrations.shop.get_artikel{}", 3, "Did you mean 'shop.get_article'?"),
        ("app.integrations.shp.get_owner{}", 3, "Did you mean 'shop'?"),
        ("app.integrations.shop.create_article{nmae = 'x', price = 1}", 2, "nmae is not a parameter; did you mean 'name'?"),
        ("app.integrations.shop.create_article{name = 'x', price = 1}", 4, "angelia approvals:approve apr_"),
        ("string.rep('x', 1e9)", 8, "more than 67108864 bytes of memory"),
        ("local function f() return f() + 1 end f()", 8, "wrong.lua:1: "),
    ];
    put(&home, "lib/broken.lua", "local a\nlocal = 1\n");
    put(&home, "lib/failing.lua", "error('not here')\n");
    for (code, exit, part) in table {
        put(&home, "wrong.lua", code);
        let run = lua(&home, &["wrong.lua"]);
        assert_eq!((run.code, run.stdout.as_str()), (exit, ""), "{code}: {run:?}");
        assert!(run.stderr.contains(part) && run.stderr.starts_with("error: ") | run.stderr.starts_with("  in "), "{code}: {run:?}");
    }
}

#[test]
fn caught_errors_are_tables_that_say_everything() {
    let (home, _server) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    let caught = |call: &str| {
        let code = format!("local ok, e = pcall(function() return app.integrations.shop.{call} end) assert(not ok)
            return {{code = e.code, message = e.message, hints = e.hints, problems = e.problems, http_status = e.http_status, of = e['function'],
                retryable = e.retryable, request_id = e.request_id, wait = e.retry_after_ms, provider = e.provider, at = e.script .. ':' .. e.line}}");
        result(&home, &code, &[])
    };
    let gone = caught("get_article{article = 'none'}");
    assert_eq!(
        (&gone["code"], &gone["message"], &gone["http_status"], &gone["of"], &gone["retryable"], &gone["request_id"], &gone["at"]),
        (
            &json!("provider_error"),
            &json!("Shop answered 404: There is no such article."),
            &json!(404),
            &json!("shop.get_article"),
            &json!(false),
            &json!("req-7"),
            &json!("(eval):1")
        )
    );
    assert_eq!(gone["provider"], json!({"code": "gone", "body": {"code": "gone", "message": "There is no such article."}}));
    let busy = caught("get_article{article = 'busy'}");
    assert_eq!((&busy["code"], &busy["retryable"], &busy["wait"]), (&json!("rate_limited"), &json!(true), &json!(3_600_000)));
    let wrong = caught("create_article{price = -1, nmae = 'x'}");
    let pointers: Vec<&str> = wrong["problems"].as_array().unwrap().iter().map(|problem| problem["pointer"].as_str().unwrap()).collect();
    assert!(["/name", "/nmae", "/price"].iter().all(|pointer| pointers.contains(pointer)), "{wrong}");
    assert_eq!(wrong["hints"], json!(["angelia integrations:schema shop.create_article"]));
}

#[test]
fn arguments_may_stand_in_the_order_of_the_schema() {
    let (home, server) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    let shop = "local shop = app.integrations.shop ";
    result(&home, &format!("{shop} shop.create_article('Lamp', 12, true) shop.create_article('Cup', 3) shop.get_article('a1')"), &[]);
    let bodies: Vec<Value> = server.requests().iter().filter_map(|request| serde_json::from_slice(&request.body).ok()).collect();
    assert_eq!(bodies, [json!({"name": "Lamp", "price": 12, "sold": true}), json!({"name": "Cup", "price": 3})]);
    let (exit, report) = eval(&home, &format!("{shop} shop.get_article('a1', 'a2')"), &[]);
    assert!(exit == 2 && report.error.0.unwrap().contains("takes: article"));
}

#[test]
fn an_ask_leaves_a_ticket_and_the_next_run_goes_through() {
    let (home, server) = shop::open("read = \"allow\"\nwrite = \"ask\"");
    let code = "local made = app.integrations.shop.create_article{name = 'Lamp', price = 1} return made.id";
    let (exit, first) = eval(&home, code, &[]);
    assert_eq!((exit, first.call_log[0].effect.as_str(), server.requests().len()), (4, "pending", 0));
    let hints = first.error_detail.0.unwrap().hints;
    let ticket = hints.iter().find_map(|hint| hint.strip_prefix("angelia approvals:approve ")).unwrap();
    assert_eq!(home.run(&["approvals:approve", ticket]).code, 0);
    assert_eq!(result(&home, code, &[]), "a4");
    assert_eq!((eval(&home, code, &[]).0, server.requests().len()), (4, 1), "a ticket is for one request");
    assert_eq!(result(&home, code, &["--force"]), "a4");
    home.config(&format!("force = \"never\"\n{}", shop::settings(&server, "write = \"ask\"")));
    assert_eq!(report_code(&home, &["--eval", code, "--force", "--json"]), "permission_denied");
}

#[test]
fn accounts_are_named_in_the_path_or_on_the_command_line() {
    let desk = Desk::open("read = \"allow\"");
    let run = |code: &str, more: &[&str]| {
        let words = [&["integrations:lua", "--json", "--eval", code], more].concat();
        let run = clean(desk.run(&words));
        let report: Report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        (run.code, report)
    };
    let get = "app.integrations.desk.get_desk{}";
    let (work, usual) = ("app.integrations.desk.work.get_desk{}", "app.integrations.desk.default.get_desk{}");
    for (code, more, token) in [
        (get, &[][..], TOKEN),
        (work, &[], WORK),
        (usual, &[], TOKEN),
        (get, &["--account", "desk=work"], WORK),
        (work, &["--account", "desk=default"], WORK),
    ] {
        let (exit, report) = run(code, more);
        assert_eq!((exit, desk.last_header("x-token").as_deref()), (0, Some(token)), "{code} {more:?}");
        assert_eq!(report.call_log[0].account, if token == WORK { "work" } else { "default" });
    }
    let (exit, report) = run("app.integrations.desk.wrk.get_desk{}", &[]);
    let hints = report.error_detail.0.unwrap().hints.join(" ");
    assert!(exit == 3 && hints.contains("Accounts of desk: default, work"), "{hints}");
    for more in [&["--account", "desk=nobody"][..], &["--account", "desk"]] {
        assert_ne!(clean(desk.run(&[&["integrations:lua", "--json", "--eval", get], more].concat())).code, 0, "{more:?}");
    }
    assert_eq!(run(get, &["--account", "desk=nobody"]).1.error_detail.0.unwrap().code, "unknown_account");
}

/// The service repeats every secret; [`Desk::run`] fails when one comes out.
#[test]
fn secrets_that_a_service_repeats_stay_inside() {
    let desk = Desk::open("read = \"allow\"\nwrite = \"allow\"");
    let code = "local desk = app.integrations.desk
        print(json.encode((desk.get_desk{}))) log.warn(json.encode((desk.work.get_desk{})))
        for paper in desk.list_papers:each{} do print(json.encode(paper)) end
        local ok, e = pcall(desk.delete_paper, {paper = 'cursed'}) print(tostring(e), json.encode(e.provider))
        error(e)";
    for more in [&[][..], &["--json"]] {
        let run = clean(desk.run(&[&["integrations:lua", "--eval", code], more].concat()));
        assert!(run.code == 6 && run.stdout.contains("«secret»"), "{run:?}");
    }
    let run = desk.run(&["integrations:lua", "--dry-run", "--json", "--eval", "app.integrations.desk.create_paper{title = 'a'}"]);
    assert!(run.code == 0 && run.stdout.contains("«secret»"), "{run:?}");
    let run = desk.run(&["integrations:lua", "--record", "exchanges", "--json", "--eval", "return app.integrations.desk.get_desk{}"]);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn ctrl_c_ends_a_script_that_waits_or_computes() {
    let (home, server) = shop::open("read = \"allow\"");
    for (seen, code) in [
        "time.sleep(60)",
        "while true do end",
        "while true do pcall(time.sleep, 60) end",
        "app.integrations.shop.get_article{article = 'slow'}",
    ]
    .iter()
    .enumerate()
    {
        let code = format!("app.integrations.shop.get_owner{{}} print('begun') {code}");
        let mut command = home.command(&["integrations:lua", "--json", "--eval", &code]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(&server, "/owner", seen + 1);
        std::thread::sleep(Duration::from_millis(200));
        assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let run = clean(finish(child, None));
        let report: Report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{code}: {error}: {run:?}"));
        assert_eq!(
            (run.code, report.error_detail.0.unwrap().code.as_str(), report.output.as_str()),
            (130, "cancelled", "begun\n"),
            "{code}"
        );
    }
}

fn wait_for(server: &Server, path: &str, count: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while server.requests().iter().filter(|request| request.path() == path).count() < count {
        assert!(Instant::now() < until, "no request came");
        std::thread::sleep(Duration::from_millis(5));
    }
}
