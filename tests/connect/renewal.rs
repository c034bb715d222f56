//! Tokens that end: renewed ahead of their end and when they are refused, once for all who want them, and never lost silently.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{end, ended, hints, renewing};
use crate::support::authority::{Authority, USUAL};
use crate::support::home::finish;
use crate::support::mcp::Client;

fn state(authority: &Authority) -> Value {
    authority.run(&["integrations:fields", "club", "--json"]).json()["sign_in"]["state"].clone()
}

#[test]
fn tokens_are_renewed_ahead_of_their_end_and_kept() {
    let authority = ended(|_| {});
    for _ in 0..3 {
        let called = authority.call("get_me", &[]);
        assert_eq!((called.code, &called.json()["data"]["echo"]), (0, &json!("Bearer «secret»")), "{called:?}");
    }
    assert_eq!(authority.world().count("refresh_token"), 1);
    let preview = authority.call("get_me", &["--dry-run"]);
    assert_eq!(preview.json()["meta"]["request"]["headers"]["authorization"], "Bearer «secret»");
}

#[test]
fn a_refused_token_is_renewed_once_and_the_call_made_again() {
    let authority = Authority::joined(USUAL, |_| {});
    authority.world().forget_access();
    // Who was not recognised was refused before anything was done: a write too is sent again.
    let written = authority.call("create_note", &["--text=hello"]);
    assert_eq!((written.code, authority.world().written), (0, 1), "{written:?}");
    assert_eq!(written.json()["data"]["echo"], "Bearer «secret»");
    authority.world().forget_access();
    let saved = authority.call("get_card", &["--output=card.json"]);
    assert_eq!(saved.code, 0, "{saved:?}");
    assert_eq!(authority.world().count("refresh_token"), 2);
    // The new one is refused too: that is said, and nothing goes round in circles.
    let other = Authority::joined(USUAL, |world| world.refreshes = false);
    other.world().forget_access();
    let refused = other.call("get_me", &[]);
    assert_eq!(end(&refused), (5, json!("needs_reauth")), "{refused:?}");
    assert_eq!(hints(&refused)[0], "angelia integrations:connect club");
    assert_eq!(other.world().count("refresh_token"), 0);
}

#[test]
fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let authority = ended(|world| world.rotates = false);
    authority.world().refreshes = false;
    for round in 1..4 {
        authority.world().forget_access();
        assert_eq!(authority.call("get_me", &[]).code, 0);
        assert_eq!(authority.world().count("refresh_token"), round);
    }
}

#[test]
fn what_fails_in_passing_removes_nothing() {
    let authority = ended(|_| {});
    for status in [500, 503, 429, 408] {
        authority.world().statuses = vec![status];
        let failed = authority.call("get_me", &[]);
        assert_eq!(end(&failed), (7, json!("unreachable")), "{failed:?}");
        assert_eq!(
            (&failed.json()["error_detail"]["retryable"], &failed.json()["error_detail"]["http_status"]),
            (&json!(true), &json!(status))
        );
        assert_eq!(state(&authority), "connected");
    }
    authority.world().statuses = vec![302];
    assert_eq!(end(&authority.call("get_me", &[])), (6, json!("invalid_response")));
    authority.world().statuses = vec![200];
    assert_eq!(end(&authority.call("get_me", &[])), (6, json!("invalid_response")), "a page is no answer");
    assert_eq!(authority.call("get_me", &[]).code, 0);
    // A token that has not ended yet is used where it cannot be renewed.
    let soon = Authority::joined(USUAL, |world| world.lasts = json!(4));
    std::thread::sleep(Duration::from_millis(3100));
    soon.world().statuses = vec![503];
    let called = soon.call("get_me", &[]);
    assert_eq!((called.code, soon.world().count("refresh_token")), (0, 1), "{called:?}");
}

#[test]
fn a_grant_that_has_ended_is_said_and_remembered() {
    let authority = ended(|_| {});
    authority.world().forget_refresh();
    let refused = authority.call("get_me", &[]);
    assert_eq!(end(&refused), (5, json!("needs_reauth")), "{refused:?}");
    assert_eq!(hints(&refused), ["angelia integrations:connect club"]);
    assert_eq!(end(&authority.call("create_note", &["--text=a"])), (5, json!("needs_reauth")));
    assert_eq!(authority.world().count("refresh_token"), 1, "it was asked for again");
    assert_eq!(state(&authority), "needs_reauth");
    let doctor = authority.run(&["integrations:doctor", "club", "--json"]);
    assert_eq!((doctor.code, &doctor.json()["next"]), (5, &json!(["angelia integrations:connect club"])), "{doctor:?}");
    let status = authority.run(&["integrations:status", "--json"]).json();
    assert_eq!(status["providers"]["club"]["sign_in"]["default"]["state"], "needs_reauth");
    let tested = authority.run(&["integrations:test", "club", "--json"]);
    assert_eq!(tested.json()["tests"][0]["error_detail"]["code"], "needs_reauth");
    assert_eq!(authority.connect(&[], &[]).0.code, 0);
    assert_eq!((authority.call("get_me", &[]).code, state(&authority)), (0, json!("connected")));
}

#[test]
fn a_wrong_client_is_no_ended_grant() {
    let authority = ended(|_| {});
    authority.world().refusal = Some("invalid_client");
    let refused = authority.call("get_me", &[]);
    assert_eq!((end(&refused), state(&authority)), ((5, json!("needs_reauth")), json!("connected")), "{refused:?}");
    authority.world().refusal = None;
    assert_eq!(authority.call("get_me", &[]).code, 0);
}

#[test]
fn tokens_of_the_user_are_left_alone() {
    let authority = Authority::joined(USUAL, |_| {});
    let in_environment = |authority: &Authority| {
        let mut command = authority.home.command(&["integrations:call", "club.get_me", "--json"]);
        command.env("ANGELIA_CLUB_ACCESS_TOKEN", "of-the-environment").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap(), None)
    };
    let refused = in_environment(&authority);
    assert_eq!(end(&refused), (6, json!("provider_error")));
    assert!(refused.json()["error"].as_str().unwrap().contains("who are you?"), "{refused:?}");
    assert!(hints(&refused).iter().any(|hint| hint.contains("ANGELIA_CLUB_ACCESS_TOKEN; it cannot be renewed")), "{refused:?}");
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 0));
    authority.done(&["integrations:configure", "club", "--set", "access_token=typed-by-hand"]);
    assert_eq!(state(&authority), "token");
    let refused = authority.call("get_me", &[]);
    assert_eq!((end(&refused), authority.world().count("refresh_token")), ((6, json!("provider_error")), 0), "{refused:?}");
    assert_eq!(hints(&refused)[0], "angelia integrations:connect club");
}

#[test]
fn what_is_said_of_a_tokens_life_may_be_anything() {
    for (lasts, known) in [
        (json!(0), false),
        (json!(-5), false),
        (json!("3600"), true),
        (json!("soon"), false),
        (Value::Null, false),
        (json!(1e30), false),
        (json!(3599.5), true),
        (json!([1]), false),
    ] {
        let authority = Authority::joined(USUAL, |world| world.lasts = lasts.clone());
        let shown = authority.run(&["integrations:fields", "club", "--json"]).json()["sign_in"].clone();
        assert_eq!((&shown["state"], shown["expires_at"].is_string()), (&json!("connected"), known), "{lasts}");
        assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 0), "{lasts}");
    }
}

/// Moves the times that are known of the tokens.
fn shift(authority: &Authority, days: i64) {
    shift_seconds(authority, days * 86_400);
}

fn shift_seconds(authority: &Authority, seconds: i64) {
    let file = authority.home.root().join("data/credentials.json");
    let mut book: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let lease = &mut book["leases"]["club"]["default"];
    for key in ["obtained_at", "expires_at"] {
        lease[key] = json!(lease[key].as_i64().unwrap() + seconds * 1000);
    }
    std::fs::write(&file, book.to_string()).unwrap();
}

#[test]
fn a_clock_that_is_off_by_a_day_is_survived() {
    for (days, renewed) in [(1, 0), (-1, 1)] {
        let authority = Authority::joined(USUAL, |_| {});
        shift(&authority, days);
        assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, renewed), "{days}");
        authority.world().forget_access();
        assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, renewed + 1), "{days}");
    }
}

#[test]
fn fifty_processes_renew_a_token_once() {
    let authority = ended(|world| world.slow = Duration::from_millis(200));
    let start = |_| {
        let mut command = authority.home.command(&["integrations:call", "club.get_me", "--json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..50).map(start).collect();
    for run in children.into_iter().map(|child| finish(child, None)) {
        assert_eq!(run.code, 0, "{run:?}");
        authority.clean(&run);
    }
    assert_eq!(authority.world().count("refresh_token"), 1);
    // The same where the token is refused before its time.
    authority.world().forget_access();
    let children: Vec<_> = (0..20).map(start).collect();
    children.into_iter().for_each(|child| assert_eq!(finish(child, None).code, 0));
    assert_eq!(authority.world().count("refresh_token"), 2);
}

#[test]
fn the_calls_of_one_process_renew_a_token_once() {
    let authority = ended(|world| world.slow = Duration::from_millis(200));
    let mut client = Client::open(&authority.home, &[], json!({}));
    let call = json!({"name": "call_function", "arguments": {"function": "club.get_me", "arguments": {}}});
    let ids: Vec<u64> = (0..10).map(|_| client.send("tools/call", call.clone())).collect();
    let mut left = ids.len();
    while left > 0 {
        let answer = client.wait_for_any();
        if answer.get("result").is_some() {
            assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
            left -= 1;
        }
    }
    assert_eq!(authority.world().count("refresh_token"), 1);
    // What another process renewed is used, and not renewed once more.
    authority.world().forget_access();
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 2));
    let id = client.send("tools/call", call.clone());
    assert_eq!(client.answer(id)["result"]["isError"], json!(false));
    assert_eq!(authority.world().count("refresh_token"), 2);
}

#[test]
fn a_token_that_still_holds_is_used_where_its_renewal_fails_or_takes_long() {
    let soon = || {
        let authority = Authority::joined(USUAL, |world| world.lasts = json!(200));
        shift_seconds(&authority, -160);
        authority
    };
    for status in [503, 200, 302, 404] {
        let authority = soon();
        authority.world().statuses = vec![status];
        let called = authority.call("get_me", &[]);
        assert_eq!((called.code, authority.world().count("refresh_token")), (0, 1), "{status} {called:?}");
    }
    for error in ["invalid_client", "invalid_grant"] {
        let authority = soon();
        authority.world().refusal = Some(error);
        assert_eq!((authority.call("get_me", &[]).code, authority.call("get_me", &[]).code), (0, 0), "{error}");
    }
    let slow = soon();
    slow.world().slow = Duration::from_millis(9000);
    let child = renewing(&slow);
    let other = slow.call("get_me", &[]);
    assert!(other.code == 0 && other.json()["duration_ms"].as_f64().unwrap() < 5000.0, "{other:?}");
    let run = finish(child, None);
    assert!(run.code == 0 && run.json()["duration_ms"].as_f64().unwrap() < 8500.0, "{run:?}");
    slow.world().slow = Duration::ZERO;
    assert_eq!((slow.call("get_me", &[]).code, slow.world().count("refresh_token")), (0, 1));
}

/// Kills a process while it renews.
fn kill_the_renewer(authority: &Authority) {
    let mut child = renewing(authority);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(authority.world().count("refresh_token"), 1);
}

#[test]
fn a_process_that_is_killed_while_it_renews_stops_nobody() {
    let authority = ended(|world| {
        world.rotates = false;
        world.slow = Duration::from_millis(1500);
    });
    kill_the_renewer(&authority);
    authority.world().slow = Duration::ZERO;
    let begun = Instant::now();
    let called = authority.call("get_me", &[]);
    assert_eq!((called.code, authority.world().count("refresh_token")), (0, 2), "{called:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Where the old refresh token does not hold any more, that is said.
    let lost = ended(|world| world.slow = Duration::from_millis(1500));
    kill_the_renewer(&lost);
    lost.world().slow = Duration::ZERO;
    let refused = lost.call("get_me", &[]);
    assert_eq!((end(&refused), hints(&refused)[0].as_str()), ((5, json!("needs_reauth")), "angelia integrations:connect club"));
}

#[test]
fn recorded_calls_need_no_token_that_holds() {
    let authority = ended(|_| {});
    let recorded = authority.call("get_me", &["--record=calls"]);
    assert_eq!(recorded.code, 0, "{recorded:?}");
    shift(&authority, -1);
    let asked = authority.world().asked.len();
    let replayed = authority.call("get_me", &["--replay=calls"]);
    assert_eq!((replayed.code, authority.world().asked.len()), (0, asked), "{replayed:?}");
}
