//! What services do differently from the standard, each as a word of the manifest.

use serde_json::json;

use super::code;
use crate::support::authority::{Authority, CLIENT_SECRET, World};

const SECRET: &str = "client_secret";

fn joined(words: &str, change: impl FnOnce(&mut World)) -> Authority {
    let authority = Authority::open(&format!("  grants: [authorization_code]\n  scopes: [read, write]\n{words}"));
    change(&mut authority.world());
    authority.done(&["integrations:configure", "club", "--set", &format!("{SECRET}={CLIENT_SECRET}"), "--set", "client_id=mine"]);
    let (run, _) = authority.connect(&[], &[]);
    assert_eq!(run.code, 0, "{run:?}");
    authority.world().forget_access();
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 1));
    authority
}

#[test]
fn a_client_says_who_it_is_in_the_header_or_in_the_body() {
    let header = joined("", |_| {});
    assert!(header.world().asked.iter().all(|form| form["authorization"].starts_with("Basic ") && !form.contains_key(SECRET)));
    let body = joined("  client_auth: body", |_| {});
    assert!(body.world().asked.iter().all(|form| form["authorization"].is_empty() && form[SECRET] == CLIENT_SECRET));
}

#[test]
fn a_token_is_asked_for_in_json_and_answered_as_a_form() {
    let json = joined("  token_request: json\n  token_parameters: {resource: https://club.example}", |_| {});
    assert!(json.world().asked.iter().all(|form| form["content-type"] == "application/json" && form["resource"] == "https://club.example"));
    joined("", |world| world.form = true);
}

#[test]
fn a_token_is_renewed_at_an_address_of_its_own() {
    let authority = joined("  refresh_url: \"ORIGIN/renew\"", |_| {});
    let asked = |world: &World| world.asked.iter().map(|form| (form["grant_type"].clone(), form["at"].clone())).collect::<Vec<_>>();
    let told = [("authorization_code", "/token"), ("refresh_token", "/renew")].map(|(grant, at)| (grant.to_owned(), at.to_owned()));
    assert_eq!(asked(&authority.world()), told);
}

#[test]
fn a_token_stands_in_a_member_of_the_answer_and_more_of_it_is_kept() {
    let words = "  token_path: authed_user.access_token\n  keep: {team: team.id}\n  scope_parameter: user_scope\n  scope_separator: \",\"\n  pkce: false\n  authorize_parameters: {prompt: consent}";
    let authority = joined(words, |world| world.nested = Some("authed_user"));
    let shown = authority.run(&["integrations:fields", "club", "--json"]).json();
    let team = shown["fields"].as_array().unwrap().iter().find(|field| field["key"] == "team").unwrap().clone();
    assert_eq!((&team["configured"], &team["source"]), (&json!(true), &json!("settings")));
    let signing = authority.begin(&[]);
    let address = url::Url::parse(signing.address.as_ref().unwrap()).unwrap();
    let query = |key: &str| address.query_pairs().find(|(known, _)| known == key).map(|(_, value)| value.into_owned());
    assert_eq!((query("user_scope").as_deref(), query("prompt").as_deref()), (Some("read,write"), Some("consent")));
    assert_eq!((query("scope"), query("code_challenge")), (None, None));
    signing.consent(address.as_str(), &[]);
    assert_eq!(signing.finish().code, 0);
    assert_eq!(authority.run(&["integrations:disconnect", "club", "--json"]).json()["kept"], json!(["client_id", "client_secret"]));
}

#[test]
fn errors_have_status_200_and_other_names() {
    let authority = joined("  ended_errors: [bad_refresh_token]", |world| world.errors_ok = true);
    authority.world().refusal = Some("bad_refresh_token");
    authority.world().forget_access();
    let refused = authority.call("get_me", &[]);
    assert_eq!((refused.code, code(&refused)), (5, json!("needs_reauth")), "{refused:?}");
    let asked = authority.world().asked.len();
    assert_eq!(code(&authority.call("get_me", &[])), "needs_reauth");
    assert_eq!(authority.world().asked.len(), asked);
}

#[test]
fn a_life_that_no_answer_names_is_known_from_the_manifest() {
    let authority = joined("  expires_in: 900", |world| world.lasts = json!(null));
    let shown = authority.run(&["integrations:fields", "club", "--json"]).json();
    assert!(shown["sign_in"]["expires_at"].is_string(), "{shown}");
}

#[test]
fn scopes_are_those_that_a_person_names() {
    let authority = Authority::open("  grants: [authorization_code]\n  scopes: [read]");
    let (run, _) = authority.connect(&["--client-id", "mine", "--scopes", "admin,audit", "--scopes", "read write"], &[]);
    assert_eq!(run.json()["scopes"], json!(["admin", "audit", "read", "write"]));
}

#[test]
fn the_redirect_says_more_than_a_code() {
    let authority = Authority::open("  grants: [authorization_code]\n  keep: {team: redirect.realmId}");
    let (run, _) = authority.connect(&["--client-id", "mine"], &[("realmId", "4711")]);
    assert_eq!(run.code, 0, "{run:?}");
    let book = std::fs::read_to_string(authority.home.root().join("data/credentials.json")).unwrap();
    assert!(book.contains("\"plain\": \"4711\""), "{book}");
}

#[test]
fn an_ended_token_is_said_with_status_200() {
    let words = "  grants: [authorization_code]\nerrors: {failed_when: .ok == false, expired_when: '.error == \"token_expired\"'}";
    let authority = Authority::open("  grants: [authorization_code]");
    let manifest = crate::support::authority::manifest(&authority.server.origin(), words).replace("errors: {message: [message]}\n", "");
    authority.home.manifest("club", &manifest);
    assert_eq!(authority.connect(&["--client-id", "mine"], &[]).0.code, 0);
    authority.world().forget_access();
    authority.world().expires_ok = true;
    let written = authority.call("create_note", &["--text=a"]);
    {
        let mut world = authority.world();
        assert_eq!((written.code, world.written, world.count("refresh_token")), (0, 1, 1), "{written:?}");
        world.forget_access();
    }
    let saved = authority.call("get_card", &["--output=card.txt"]);
    assert_eq!((saved.code, authority.world().count("refresh_token")), (0, 2), "{saved:?}");
    assert_eq!(std::fs::read_to_string(authority.home.path().join("work/card.txt")).unwrap(), "a card");
}
