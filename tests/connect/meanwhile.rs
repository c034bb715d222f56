//! What a renewal and a user do at the same time, and what stands in the environment beside what is stored: each keeps to its own.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::code;
use crate::support::authority::{Authority, CLIENT_SECRET, USUAL, manifest};
use crate::support::home::finish;

/// A call that is renewing its token now, and takes its time.
fn renewing(authority: &Authority) -> Child {
    authority.world().forget_access();
    authority.world().slow = Duration::from_millis(1500);
    let mut command = authority.home.command(&["integrations:call", "club.get_me", "--json"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while authority.world().count("refresh_token") == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    authority.world().slow = Duration::ZERO;
    child
}

fn state(authority: &Authority) -> Value {
    authority.run(&["integrations:fields", "club", "--json"]).json()["sign_in"]["state"].clone()
}

#[test]
fn a_token_that_is_typed_meanwhile_stands() {
    let authority = Authority::joined(USUAL, |_| {});
    authority.world().refusal = Some("invalid_grant");
    let child = renewing(&authority);
    authority.done(&["integrations:configure", "club", "--set", "access_token=typed-by-hand"]);
    authority.clean(&finish(child, None));
    assert_eq!(state(&authority), "token");
    let refused = authority.call("get_me", &[]);
    assert_eq!((refused.code, code(&refused)), (6, json!("provider_error")), "it is the service that refuses it: {refused:?}");
}

#[test]
fn a_renewal_ends_before_its_account_gets_another_name() {
    let authority = Authority::joined(USUAL, |_| {});
    let child = renewing(&authority);
    authority.done(&["integrations:accounts", "club", "--rename", "default", "--to", "work"]);
    authority.clean(&finish(child, None));
    let called = authority.call("get_me", &["--account=work"]);
    assert_eq!((called.code, authority.world().count("refresh_token")), (0, 1), "{called:?}");
}

#[test]
fn an_account_that_is_removed_meanwhile_stays_removed() {
    let authority = Authority::joined(USUAL, |_| {});
    let child = renewing(&authority);
    authority.done(&["integrations:accounts", "club", "--remove", "default"]);
    authority.clean(&finish(child, None));
    let book = std::fs::read_to_string(authority.home.root().join("data/credentials.json")).unwrap();
    assert!(!book.contains("default"), "{book}");
}

#[test]
fn only_what_is_stored_is_renewed_and_given_back() {
    let mut authority = Authority::joined(USUAL, |_| {});
    authority.home = authority.home.env("ANGELIA_CLUB_REFRESH_TOKEN", "refresh-of-the-environment");
    for _ in 0..2 {
        authority.world().forget_access();
        assert_eq!(authority.call("get_me", &[]).code, 0);
        assert!(authority.world().asked.last().unwrap()["refresh_token"].starts_with("refresh-"));
        assert_ne!(authority.world().asked.last().unwrap()["refresh_token"], "refresh-of-the-environment");
    }
    authority.home = authority.home.env("ANGELIA_CLUB_ACCESS_TOKEN", "access-of-the-environment");
    let run = authority.run(&["integrations:disconnect", "club", "--json"]);
    assert_eq!((run.code, &run.json()["revoked"]), (0, &json!(true)), "{run:?}");
    let world = authority.world();
    assert_eq!(world.revoked, ["refresh_token", "access_token"]);
    assert!(world.given_back.iter().all(|token| !token.contains("environment")), "{:?}", world.given_back);
}

#[test]
fn a_client_that_fetches_is_not_renewed() {
    let authority = Authority::open("");
    let text = manifest(&authority.server.origin(), "  grants: [client_credentials]");
    let field = "  - {key: refresh_token, label: Refresh token, secret: true, required: false}\n";
    assert!(text.contains(field));
    authority.home.manifest("club", &text.replace(field, ""));
    authority.world().says = json!({"refresh_token": "not-asked-for"}).as_object().unwrap().clone();
    authority.done(&["integrations:configure", "club", "--set", &format!("client_secret={CLIENT_SECRET}"), "--set", "client_id=mine"]);
    for _ in 0..2 {
        assert_eq!(authority.call("get_me", &[]).code, 0);
    }
    assert_eq!(authority.world().count("client_credentials"), 1);
    let run = authority.run(&["integrations:connect", "club", "--client-credentials", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_token_is_not_spent_where_the_next_could_not_be_kept() {
    let authority = Authority::joined(USUAL, |_| {});
    authority.world().forget_access();
    let settings = authority.home.root().join("config/config.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    // There is no keychain where the tests run.
    std::fs::write(&settings, text.replace("store = \"file\"", "store = \"keychain\"")).unwrap();
    let refused = authority.call("get_me", &[]);
    assert_eq!((refused.code, authority.world().count("refresh_token")), (2, 0), "{refused:?}");
    std::fs::write(&settings, text).unwrap();
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 1));
}
