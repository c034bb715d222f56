//! Tokens that were renewed and cannot be stored: the process that has them goes on with them and says so, and what comes after is honest.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use super::{code, ended, hints, renewing};
use crate::support::authority::Authority;
use crate::support::home::finish;
use crate::support::mcp::Client;

/// An account whose token has ended beside another account, whose secret keeps a new key from being made.
fn beside_another() -> Authority {
    let authority = ended(|world| world.slow = Duration::from_millis(800));
    authority.done(&["integrations:configure", "club", "--account", "work", "--set", "access_token=typed-by-hand"]);
    authority
}

/// Takes the key of the store away while the token is being renewed: what comes can then not be sealed. Where the key is, and where it went.
fn without_key(authority: &Authority) -> (PathBuf, PathBuf) {
    let key = authority.home.root().join("config/credentials.key");
    let away = key.with_extension("away");
    std::fs::rename(&key, &away).unwrap();
    (key, away)
}

#[test]
fn a_call_goes_on_with_a_token_that_cannot_be_kept() {
    let authority = beside_another();
    let child = renewing(&authority);
    let (key, away) = without_key(&authority);
    let run = finish(child, None);
    assert_eq!((run.code, &run.json()["data"]["login"]), (0, &json!("me")), "{run:?}");
    let warnings = run.json()["meta"]["warnings"].clone();
    let warning = warnings[0].as_str().unwrap();
    assert!(
        warning.contains("was renewed and could not be kept") && warning.ends_with("sign in again: angelia integrations:connect club"),
        "{run:?}"
    );
    assert!(run.stderr.contains("note: The token of Club"), "{run:?}");
    authority.clean(&run);
    // The token before it held once.
    std::fs::rename(&away, &key).unwrap();
    authority.world().slow = Duration::ZERO;
    let next = authority.call("get_me", &[]);
    assert_eq!((next.code, code(&next)), (5, json!("needs_reauth")), "{next:?}");
    assert_eq!(hints(&next)[0], "angelia integrations:connect club");
    assert_eq!(next.json()["meta"]["warnings"], json!(null));
}

#[test]
fn a_process_that_lives_on_keeps_the_token_when_it_can() {
    let authority = beside_another();
    let mut client = Client::open(&authority.home, &[], json!({}));
    let call = json!({"name": "call_function", "arguments": {"function": "club.get_me", "arguments": {}}});
    let first = client.send("tools/call", call.clone());
    super::wait_for(&authority, 1);
    let (key, away) = without_key(&authority);
    let answer = client.answer(first);
    assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
    assert!(answer["result"].to_string().contains("could not be kept"), "{answer}");
    authority.world().slow = Duration::ZERO;
    // Neither a second call nor a refused token loses what only this process has.
    let second = client.send("tools/call", call.clone());
    assert_eq!(client.answer(second)["result"]["isError"], json!(false));
    assert_eq!(authority.world().count("refresh_token"), 1);
    authority.world().forget_access();
    let third = client.send("tools/call", call.clone());
    let answer = client.answer(third);
    assert_eq!((&answer["result"]["isError"], authority.world().count("refresh_token")), (&json!(false), 2), "{answer}");
    std::fs::rename(&away, &key).unwrap();
    let fourth = client.send("tools/call", call);
    let answer = client.answer(fourth);
    assert!(answer["result"]["isError"] == json!(false) && !answer.to_string().contains("could not be kept"), "{answer}");
    let other = authority.call("get_me", &[]);
    assert_eq!((other.code, authority.world().count("refresh_token")), (0, 2), "{other:?}");
}

#[test]
fn a_script_goes_on_with_a_token_that_cannot_be_kept() {
    let authority = beside_another();
    let script = "local a = app.integrations.club.get_me({}) local b = app.integrations.club.get_me({}) return a.login .. b.login";
    let mut command = authority.home.command(&["integrations:lua", "--eval", script, "--json"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    super::wait_for(&authority, 1);
    without_key(&authority);
    let run = finish(child, None);
    assert_eq!((run.code, authority.world().count("refresh_token")), (0, 1), "{run:?}");
    assert!(run.stdout.contains("meme") && run.stderr.contains("could not be kept"), "{run:?}");
    authority.clean(&run);
}
