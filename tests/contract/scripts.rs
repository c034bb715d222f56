//! The JSON of `integrations:lua`: the same keys whatever became of the run, each code of scripts brought about once.

use std::collections::BTreeSet;

use super::mirrors::Report;
use super::{SCRIPT, assert_exit, one_line, read};
use crate::support::home::{Home, Run};
use crate::support::shop;

/// What holds for every report.
fn check(words: &[&str], run: &Run) -> Report {
    let report: Report = read(words, run);
    assert_eq!(report.success, run.code == 0, "{words:?}: success goes with exit status 0");
    assert_eq!((report.success, report.success), (report.error.0.is_none(), report.error_detail.0.is_none()), "{words:?}");
    if let (Some(error), Some(detail)) = (&report.error.0, &report.error_detail.0) {
        one_line(words, error);
        assert_exit(words, run.code, &detail.code);
    }
    assert_eq!(report.calls, report.call_log.len() as u64);
    for (at, call) in report.call_log.iter().enumerate() {
        assert_eq!(call.index, at as u64 + 1);
        assert!(["none", "succeeded", "failed", "pending", "denied", "unknown"].contains(&call.effect.as_str()), "{}", call.effect);
        assert!(call.operation.0.as_deref().is_none_or(|operation| ["read", "write", "destructive"].contains(&operation)));
        assert!(call.call_id.0.as_ref().is_none_or(|id| id.len() == 36));
    }
    report
}

/// Runs a line of Lua, and more words.
fn lua(home: &Home, code: &str, more: &[&str]) -> (i32, Report) {
    let words = [&["integrations:lua", "--json", "--eval", code], more].concat();
    let run = home.run(&words);
    (run.code, check(&words, &run))
}

#[test]
#[rustfmt::skip]
fn every_run_answers_with_the_same_keys() {
    let (home, _server) = shop::open("read = \"allow\"\nwrite = \"ask\"");
    let call = "return app.integrations.data.collections{}";
    let cases = [
        ("return 1", &[][..], 0, None),
        ("print('x')", &[], 0, None),
        (call, &["--dry-run"], 0, None),
        (call, &["--force"], 0, None),
        ("app.integrations.shop.create_article{name = 'Lamp', price = 1}", &["--dry-run"], 0, None),
        ("error('no')", &[], 8, Some("script_error")),
        ("local x = = 1", &[], 8, Some("script_error")),
        ("local t = {} while true do t[#t + 1] = string.rep('x', 100000) .. #t end", &["--memory-limit=4194304"], 8, Some("memory_limit")),
        ("while true do end", &["--cpu-limit=0.1"], 8, Some("time_limit")),
        ("time.sleep(30)", &["--time-limit=0.1"], 8, Some("time_limit")),
        ("for _ = 1, 3 do app.integrations.data.collections{} end", &["--call-limit=2"], 8, Some("call_limit")),
        ("while true do print('much') end", &["--output-limit=1000"], 8, Some("output_limit")),
        ("return string.rep('x', 2000)", &["--output-limit=1000"], 8, Some("output_limit")),
        ("app.integrations.shop.create_article{name = 'Lamp', price = 1}", &[], 4, Some("approval_required")),
        ("app.integrations.shop.create_article{name = 'Lamp'}", &[], 2, Some("invalid_arguments")),
        ("app.integrations.shop.get_article{article = 'none'}", &[], 6, Some("provider_error")),
        ("return app.integrations.shp", &[], 3, Some("unknown_provider")),
        ("return app.integrations.github.list_issues{owner = 'a', repo = 'b'}", &[], 5, Some("inactive")),
    ];
    let mut seen = BTreeSet::new();
    for (code, more, exit, slug) in cases {
        let (left, report) = lua(&home, code, more);
        assert_eq!((left, report.error_detail.0.as_ref().map(|detail| detail.code.as_str())), (exit, slug), "{code}: {:?}", report.error.0);
        assert_eq!((report.meta.dry_run, report.meta.permission_bypassed), (more.contains(&"--dry-run"), more.contains(&"--force")), "{code}");
        assert_eq!(report.meta.plan.0.is_some(), more.contains(&"--dry-run"), "{code}");
        assert!(report.execution_time_ms > 0.0 && report.memory_usage > 0, "{code}");
        seen.extend(slug);
    }
    assert!(SCRIPT.iter().all(|code| seen.contains(code)), "every code of scripts has a case: {seen:?}");
}

#[test]
fn what_does_not_come_to_run_has_the_same_keys() {
    let home = Home::new();
    let (nobody, short) = ("f".repeat(64), "abc");
    let cases = [
        (&["nothing.lua"][..], 3),
        (&["--eval", "return 1", "--args", "[1]"], 2),
        (&["--eval", "return 1", "--account", "shop"], 2),
        (&["--eval", "return 1", "--approve", &nobody], 3),
        (&["--eval", "return 1", "--approve", short], 2),
        (&["a.lua", "--eval", "return 1"], 2),
        (&[], 2),
    ];
    for (more, exit) in cases {
        let words = [&["integrations:lua", "--json"], more].concat();
        let run = home.run(&words);
        let report = check(&words, &run);
        assert_eq!((run.code, report.calls, report.memory_usage), (exit, 0, 0), "{words:?}: {run:?}");
    }
}

#[test]
fn limits_cannot_be_caught() {
    let home = Home::new();
    let loops = "while true do pcall(function() while true do end end) end";
    let sleeps = "while true do pcall(time.sleep, 10) end";
    let prints = "while true do pcall(print, string.rep('x', 100)) end";
    let calls = "while true do pcall(app.integrations.data.collections) end";
    for (code, limit, slug) in [
        (loops, "--cpu-limit=0.2", "time_limit"),
        (sleeps, "--time-limit=0.2", "time_limit"),
        (prints, "--output-limit=1000", "output_limit"),
        (calls, "--call-limit=5", "call_limit"),
    ] {
        let (exit, report) = lua(&home, code, &[limit]);
        assert_eq!((exit, report.error_detail.0.unwrap().code.as_str()), (8, slug), "{code}");
    }
}

#[test]
fn settings_and_flags_hold_the_same_limits() {
    let home = Home::new();
    home.config("[lua]\ncall_limit = 2\noutput_limit = 50\n");
    let (exit, report) = lua(&home, "for _ = 1, 3 do app.integrations.data.collections{} end", &[]);
    assert_eq!((exit, report.error_detail.0.unwrap().code.as_str(), report.calls), (8, "call_limit", 2));
    let (exit, _) = lua(&home, "print(string.rep('x', 100))", &["--output-limit=200"]);
    assert_eq!(exit, 0, "a flag goes before the setting");
}
