//! The end of a sign-in: tokens are revoked and removed, and what was not done is said.

use serde_json::json;

use super::{code, hints};
use crate::support::authority::{Authority, USUAL};

#[test]
fn tokens_are_revoked_and_removed_and_the_client_stays() {
    let authority = Authority::joined(USUAL, |_| {});
    let run = authority.run(&["integrations:disconnect", "club", "--json"]);
    let answer = run.json();
    assert_eq!(
        (run.code, &answer["revoked"], &answer["removed"], &answer["kept"]),
        (0, &json!(true), &json!("default"), &json!(["client_id"]))
    );
    assert_eq!(authority.world().revoked, ["refresh_token", "access_token"]);
    assert_eq!(code(&authority.call("get_me", &[])), "missing_credentials");
    assert_eq!(authority.connect(&[], &[]).0.code, 0, "the client is still known");
    assert_eq!(authority.call("get_me", &[]).code, 0);
}

#[test]
fn tokens_stay_where_the_service_cannot_be_told() {
    let authority = Authority::joined(USUAL, |world| world.revocation = 503);
    let run = authority.run(&["integrations:disconnect", "club", "--json"]);
    assert_eq!((run.code, code(&run)), (7, json!("unreachable")), "{run:?}");
    assert!(run.json()["error"].as_str().unwrap().contains("kept here"));
    assert_eq!(authority.call("get_me", &[]).code, 0);
    let told = authority.world().revoked.len();
    let run = authority.run(&["integrations:disconnect", "club", "--local", "--json"]);
    assert_eq!((run.code, &run.json()["revoked"], authority.world().revoked.len()), (0, &json!(false), told), "{run:?}");
    assert_eq!(code(&authority.call("get_me", &[])), "missing_credentials");
}

#[test]
fn a_refusal_to_revoke_is_said() {
    let authority = Authority::joined(USUAL, |world| world.revocation = 400);
    let run = authority.run(&["integrations:disconnect", "club", "--json"]);
    assert_eq!((run.code, &run.json()["revoked"]), (0, &json!(false)), "{run:?}");
    let why = run.json()["not_revoked_because"].as_str().unwrap().to_owned();
    assert!(why.contains("status_400: what is «secret», or «secret»?"), "{run:?}");
    assert_eq!(authority.world().revoked, ["refresh_token", "access_token"], "the other one may be revoked");
    assert_eq!(code(&authority.call("get_me", &[])), "missing_credentials");
}

#[test]
fn credentials_that_a_person_typed_are_removed_as_ever() {
    let authority = Authority::open(USUAL);
    authority.done(&["integrations:configure", "club", "--set", "access_token=typed-by-hand"]);
    let run = authority.run(&["integrations:disconnect", "club", "--json"]);
    assert_eq!((run.code, run.json()), (0, json!({"success": true, "provider": "club", "removed": "default"})));
    assert!(authority.world().revoked.is_empty());
    let run = authority.run(&["integrations:disconnect", "club", "--json"]);
    assert_eq!((run.code, code(&run)), (3, json!("unknown_account")));
}

#[test]
fn an_account_takes_its_sign_in_along_when_it_is_renamed() {
    let authority = Authority::joined(USUAL, |_| {});
    authority.done(&["integrations:accounts", "club", "--rename", "default", "--to", "work"]);
    let shown = authority.run(&["integrations:fields", "club", "--account", "work", "--json"]).json();
    assert_eq!(shown["sign_in"]["state"], "connected");
    authority.world().forget_access();
    assert_eq!((authority.call("get_me", &["--account=work"]).code, authority.world().count("refresh_token")), (0, 1));
    let removed = authority.run(&["integrations:accounts", "club", "--remove", "work", "--json"]);
    assert_eq!((removed.code, &removed.json()["revoked"]), (0, &json!(true)), "{removed:?}");
    assert_eq!(authority.world().revoked, ["refresh_token", "access_token"], "who removes an account ends its grant");
    assert!(!std::fs::read_to_string(authority.home.root().join("data/credentials.json")).unwrap().contains("work"));
}

#[test]
fn an_account_whose_grant_cannot_be_ended_is_not_removed() {
    let authority = Authority::joined(USUAL, |world| world.revocation = 503);
    let run = authority.run(&["integrations:accounts", "club", "--remove", "default", "--json"]);
    assert_eq!((run.code, code(&run)), (7, json!("unreachable")), "{run:?}");
    assert_eq!(hints(&run)[1], "angelia integrations:disconnect club --local");
    assert_eq!(authority.call("get_me", &[]).code, 0);
    authority.world().revocation = 400;
    let run = authority.run(&["integrations:accounts", "club", "--remove", "default"]);
    assert!(run.code == 0 && run.stdout.contains("removed here, but not revoked"), "{run:?}");
    let again = authority.run(&["integrations:accounts", "club", "--remove", "default", "--json"]);
    assert_eq!((again.code, code(&again)), (3, json!("unknown_account")), "{again:?}");
}
