//! The envelope of a call: each code of the contract brought about once, with its exit status and the keys that go with it.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::mirrors::{Detail, Envelope};
use super::{EXITS, NOT_SEEN, SCRIPT, answers, check, read};
use crate::support::home::{Home, finish};
use crate::support::shop;

/// One call: the home it is made in, its words, its exit status, its code and which optional `meta` keys it has.
struct Case<'a>(&'a Home, &'a [&'a str], i32, Option<&'a str>, &'a [&'a str]);

const OPTIONAL: [&str; 10] =
    ["pages", "items", "complete", "stopped_by", "truncated", "result_id", "request", "approval_id", "replayed", "warnings"];

#[test]
#[rustfmt::skip]
fn every_call_answers_with_the_same_envelope() {
    let (free, _server) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    let (asks, _server2) = shop::open("read = \"allow\"\nwrite = \"ask\"");
    let (denies, _server3) = shop::open("read = \"allow\"\nwrite = \"deny\"");
    let (gone, server4) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    drop(server4);
    let inactive = shop::closed().env("ANGELIA_SHOP_TOKEN", shop::TOKEN);
    let keyless = shop::closed();
    keyless.config("[integrations.shop]\nenabled = true\nread = \"allow\"\n");
    let elsewhere = shop::closed();
    elsewhere.manifest("robot", "{id: robot, title: Robot, description: Runs elsewhere., category: test, auth_strategy: none, cli_runtime_supported: false, servers: {default: 'http://127.0.0.1:1'}, functions: [{id: get_arm, title: Get the arm, description: Reads., operation: read, request: GET /, examples: [{arguments: {}}]}]}");
    let sealed = damaged();
    let folder = free.path().join("exchanges").display().to_string();
    let new = ["shop.create_article", "--name=Lamp", "--price=1"];
    let new_dry = ["shop.create_article", "--name=Lamp", "--price=1", "--dry-run"];
    let cases = [
        Case(&free, &["shop.get_article", "--article=a1"], 0, None, &[]),
        Case(&free, &new, 0, None, &[]),
        Case(&free, &["shop.delete_article", "--article=a1"], 0, None, &[]),
        Case(&free, &new_dry, 0, None, &["request"]),
        Case(&free, &["shop.list_articles"], 0, None, &["pages", "items", "complete", "stopped_by"]),
        Case(&free, &["shop.list_articles", "--all"], 0, None, &["pages", "items", "complete"]),
        Case(&free, &["shop.get_article", "--article=a1", "--record", &folder], 0, None, &[]),
        Case(&free, &["shop.get_article", "--article=a1", "--replay", &folder], 0, None, &["replayed"]),
        Case(&free, &["data.list", "--collection=c"], 0, None, &["pages", "items", "complete"]),
        Case(&free, &["shop.create_article", "--price=-1", "--nmae=x"], 2, Some("invalid_arguments"), &[]),
        Case(&free, &["shop.get_owner", "--select=.["], 2, Some("usage"), &[]),
        Case(&free, &["shop.create_article", "[1]"], 2, Some("invalid_payload"), &[]),
        Case(&free, &["shop.create_article", "{\"name\":"], 2, Some("invalid_payload"), &[]),
        Case(&free, &["shp.get_owner"], 3, Some("unknown_provider"), &[]),
        Case(&free, &["shop.get_onwer"], 3, Some("unknown_function"), &[]),
        Case(&free, &["shop.get_owner", "--account=nobody"], 3, Some("unknown_account"), &[]),
        Case(&free, &["data.get", "--collection=c", "--id=none"], 3, Some("not_found"), &[]),
        Case(&denies, &new, 4, Some("permission_denied"), &[]),
        Case(&denies, &new_dry, 4, Some("permission_denied"), &[]),
        Case(&asks, &new, 4, Some("approval_required"), &["request", "approval_id"]),
        Case(&asks, &new_dry, 4, Some("approval_required"), &["request"]),
        Case(&denies, &["shop.delete_article", "--article=a1", "--force"], 0, None, &[]),
        Case(&inactive, &["shop.get_owner"], 5, Some("inactive"), &[]),
        Case(&keyless, &["shop.get_owner"], 5, Some("missing_credentials"), &[]),
        Case(&sealed, &["shop.get_owner"], 5, Some("needs_reauth"), &[]),
        Case(&elsewhere, &["robot.get_arm"], 5, Some("unsupported_runtime"), &[]),
        Case(&free, &["shop.get_article", "--article=none"], 6, Some("provider_error"), &[]),
        Case(&free, &["shop.get_article", "--article=busy"], 6, Some("rate_limited"), &[]),
        Case(&free, &["shop.get_article", "--article=page"], 6, Some("invalid_response"), &[]),
        Case(&gone, &["shop.get_owner"], 7, Some("unreachable"), &[]),
        Case(&free, &["shop.get_article", "--article=slow", "--timeout=0.3"], 7, Some("timeout"), &[]),
        Case(&free, &["shop.create_article", "--name=Lost", "--price=1"], 7, Some("outcome_unknown"), &[]),
    ];
    let mut seen: BTreeSet<&str> = BTreeSet::from(["cancelled"]); // has a test of its own
    for Case(home, words, exit, code, optional) in cases {
        let words = [&["integrations:call"], words, &["--json"]].concat();
        let run = home.run(&words);
        let envelope: Envelope = read(&words, &run);
        assert_eq!((run.code, envelope.error_detail.0.as_ref().map(|detail| detail.code.as_str())), (exit, code), "{words:?}: {run:?}");
        assert_eq!(envelope.function, words[1]);
        assert_eq!((envelope.meta.dry_run, envelope.meta.permission_bypassed), (words.contains(&"--dry-run"), words.contains(&"--force")));
        check(&words, run.code, &envelope);
        let meta = &run.json()["meta"];
        let there: Vec<&str> = OPTIONAL.into_iter().filter(|key| meta.get(key).is_some()).collect();
        assert_eq!(there, optional, "{words:?}: optional keys of meta");
        seen.extend(code);
    }
    let all: BTreeSet<&str> = EXITS.iter().flat_map(|(_, codes)| *codes).copied().filter(|code| !NOT_SEEN.contains(code) && !SCRIPT.contains(code)).collect();
    assert_eq!(seen, all, "every code of the contract has a case");
}

/// A home whose stored credential cannot be opened any more.
fn damaged() -> Home {
    let home = shop::closed();
    let set = home.run(&["integrations:configure", "shop", "--set=token=abc", "--enable", "--read=allow"]);
    assert_eq!(set.code, 0, "{set:?}");
    let keys: Vec<_> = home.files().into_iter().filter(|file| file.to_string_lossy().contains("key")).collect();
    assert!(!keys.is_empty(), "{:?}", home.files());
    keys.into_iter().for_each(|file| std::fs::remove_file(file).unwrap());
    home
}

#[test]
fn words_that_make_no_call_are_answered_with_an_envelope_too() {
    let (home, _server) = shop::open("read = \"allow\"");
    for more in [&["--max-items=0"][..], &["{}", "{}"], &["--timeout=soon"], &["--ndjson"], &["--json=7"], &["--arg"]] {
        let words = [&["integrations:call", "shop.get_owner", "--json"], more].concat();
        let run = home.run(&words);
        let envelope: Envelope = read(&words, &run);
        check(&words, run.code, &envelope);
        assert_eq!((envelope.function.as_str(), run.code), ("shop.get_owner", 2), "{words:?}");
    }
}

#[test]
fn an_interrupted_call_says_so() {
    let (home, server) = shop::open("read = \"allow\"");
    let words = ["integrations:call", "shop.get_article", "--article=slow", "--json"];
    let child = home.command(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while server.requests().is_empty() {
        assert!(Instant::now() < until, "no request came");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let run = finish(child, None);
    let envelope: Envelope = read(&words, &run);
    check(&words, run.code, &envelope);
    assert_eq!((run.code, envelope.error_detail.0.unwrap().code.as_str()), (130, "cancelled"));
}

#[test]
fn problems_point_into_the_arguments_and_carry_hints() {
    let (home, _server) = shop::open("write = \"allow\"");
    let words = ["shop.create_article", r#"{"price": -1, "nmae": "Lamp", "sold": "perhaps"}"#];
    let envelope: Envelope = answers(&home, &[&["integrations:call"], &words[..]].concat(), 2);
    let detail = envelope.error_detail.0.unwrap();
    let pointers: BTreeSet<&str> = detail.problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, BTreeSet::from(["/name", "/nmae", "/price", "/sold"]), "all at once");
    assert_eq!(detail.hints, ["angelia integrations:schema shop.create_article"]);
    assert!(envelope.error.0.unwrap().starts_with("Missing required parameter(s): name"));
}

#[test]
fn what_the_service_said_is_in_the_detail() {
    let (home, _server) = shop::open("read = \"allow\"");
    let call = |article: &str| -> Detail {
        let words = ["integrations:call", "shop.get_article", &format!("--article={article}")];
        answers::<Envelope>(&home, &words, 6).error_detail.0.unwrap()
    };
    let gone = call("none");
    assert_eq!((gone.http_status.0, gone.request_id.0.as_deref(), gone.retryable), (Some(404), Some("req-7"), false));
    let provider = gone.provider.0.unwrap();
    assert_eq!((provider.code.0.as_deref(), provider.body["message"].as_str()), (Some("gone"), Some("There is no such article.")));
    let busy = call("busy");
    assert_eq!((busy.http_status.0, busy.retry_after_ms.0, busy.retryable), (Some(429), Some(3_600_000), true));
}
