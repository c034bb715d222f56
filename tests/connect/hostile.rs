//! What an authorization server says is not trusted: it names no command, no file and no other server, and repeats no secret.

use serde_json::{Value, json};

use super::code;
use crate::support::authority::{Authority, CLIENT_SECRET, USUAL, manifest};
use crate::support::home::Home;
use crate::support::server::{Reply, Server};

fn said(members: Value) -> serde_json::Map<String, Value> {
    members.as_object().unwrap().clone()
}

#[test]
fn what_a_server_says_is_never_run() {
    let authority = Authority::open("  grants: [authorization_code]\n  keep: {team: redirect.realmId}");
    let trap = |name: &str| authority.home.path().join(name);
    let command = |name: &str| format!("cmd:touch '{}'; echo tok-{name}", trap(name).display());
    let untouched = |when: &str| {
        let all = ["access", "refresh", "realm"];
        assert!(all.iter().all(|name| !trap(name).exists()), "a command of the server was run: {when}");
    };
    authority.world().says = said(json!({"access_token": command("access"), "refresh_token": command("refresh")}));
    let (run, _) = authority.connect(&["--client-id", "mine"], &[("realmId", &command("realm"))]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(authority.call("get_me", &[]).code, 0, "the token is sent as it stands");
    untouched("signed in");
    authority.world().forget_access();
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 1));
    assert_eq!(authority.world().asked.last().unwrap()["refresh_token"], command("refresh"));
    untouched("renewed");
    authority.done(&["integrations:accounts", "club", "--rename", "default", "--to", "work"]);
    assert_eq!(authority.call("get_me", &["--account=work"]).code, 0);
    authority.world().forget_access();
    assert_eq!(authority.call("get_me", &["--account=work"]).code, 0);
    untouched("renamed");
    // Neither is a file read, nor a variable.
    for token in ["file:/etc/hostname", "env:HOME"] {
        authority.world().says = said(json!({"access_token": token}));
        authority.world().forget_access();
        assert_eq!(authority.call("get_me", &["--account=work"]).code, 0, "{token}");
    }
}

#[test]
fn references_of_the_user_stay_references() {
    let authority = Authority::open(USUAL);
    let file = authority.home.path().join("token.txt");
    std::fs::write(&file, "typed-by-hand").unwrap();
    authority.done(&["integrations:configure", "club", "--set", &format!("access_token=file:{}", file.display())]);
    authority.done(&["integrations:accounts", "club", "--rename", "default", "--to", "work"]);
    let book = std::fs::read_to_string(authority.home.root().join("data/credentials.json")).unwrap();
    assert!(book.contains("\"reference\": \"file:") && !book.contains("typed-by-hand"), "{book}");
}

#[test]
fn what_a_field_does_not_take_loses_no_token() {
    let authority = Authority::open("  grants: [authorization_code]\n  keep: {team: team, client_id: redirect.client}");
    authority.world().says = said(json!({"team": "one"}));
    let (run, _) = authority.connect(&["--client-id", "mine"], &[("client", "")]);
    assert_eq!(run.code, 0, "{run:?}");
    for team in [json!(""), json!("a\u{7}b"), json!(null)] {
        authority.world().says = said(json!({"team": team}));
        authority.world().forget_access();
        assert_eq!(authority.call("get_me", &[]).code, 0, "{team}");
    }
    assert_eq!(authority.world().count("refresh_token"), 3);
    let book = std::fs::read_to_string(authority.home.root().join("data/credentials.json")).unwrap();
    assert!(book.contains("\"plain\": \"one\""), "{book}");
}

#[test]
fn no_secret_comes_back_in_a_message() {
    let authority = Authority::open("  grants: [authorization_code]\n  keep: {team: access_token}");
    let secret = format!("client_secret={CLIENT_SECRET}");
    authority.done(&["integrations:configure", "club", "--set", &secret, "--set", "client_id=mine"]);
    authority.world().refusal = Some("invalid_client");
    let (run, _) = authority.connect(&[], &[]);
    assert!(run.json()["error"].as_str().unwrap().contains("no, «secret»"), "{run:?}");
    authority.world().refusal = None;
    // A scope and a kept value stand in the open: a token in their place is left out.
    authority.world().says = said(json!({"access_token": "tok-in-the-scope", "scope": ["read", "tok-in-the-scope"]}));
    let (run, _) = authority.connect(&[], &[]);
    assert_eq!((run.code, &run.json()["scopes"]), (0, &json!(["read"])), "{run:?}");
}

/// A provider whose token endpoint a setting names.
fn elsewhere(grants: &str) -> Authority {
    let authority = Authority::open("");
    let origin = authority.server.origin();
    let text = manifest(&origin, &format!("  grants: [{grants}]"))
        .replace(&format!("token_url: \"{origin}/token\""), "token_url: \"{team}/token\"")
        .replace("label: Team, secret: false", "label: Team, kind: url, secret: false");
    authority.home.manifest("club", &text);
    let set = format!("team={origin}");
    authority.done(&["integrations:configure", "club", "--set", &set, "--set", "client_id=mine"]);
    authority
}

#[test]
fn tokens_stay_with_the_server_that_gave_them() {
    let mut authority = elsewhere("authorization_code");
    assert_eq!(authority.connect(&[], &[]).0.code, 0);
    let other = Authority::open(USUAL);
    authority.home = authority.home.env("ANGELIA_CLUB_TEAM", &other.server.origin());
    for _ in 0..2 {
        let refused = authority.call("get_me", &[]);
        assert_eq!((refused.code, code(&refused)), (5, json!("needs_reauth")), "{refused:?}");
        authority.world().forget_access();
    }
    assert!(other.world().asked.is_empty());
    authority.home = authority.home.env("ANGELIA_CLUB_TEAM", &authority.server.origin());
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 1));
}

#[test]
fn a_token_is_fetched_anew_from_another_server() {
    let authority = elsewhere("client_credentials");
    authority.done(&["integrations:configure", "club", "--set", &format!("client_secret={CLIENT_SECRET}")]);
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("client_credentials")), (0, 1));
    let other = Authority::open(USUAL);
    authority.done(&["integrations:configure", "club", "--set", &format!("team={}", other.server.origin())]);
    let called = authority.call("get_me", &[]);
    let asked = (authority.world().count("client_credentials"), other.world().count("client_credentials") > 0);
    assert_eq!(asked, (1, true), "{called:?}");
}

#[test]
fn a_setting_is_one_part_of_an_address() {
    let authority = Authority::open("");
    let origin = authority.server.origin();
    let text = manifest(&origin, "  grants: [authorization_code]");
    authority.home.manifest("club", &text.replace(&format!("{origin}/authorize"), &format!("{origin}/{{team}}/authorize")));
    let set = |team: &str| authority.done(&["integrations:configure", "club", "--set", "client_id=mine", "--set", &format!("team={team}")]);
    set("a/../b?c#d");
    let signing = authority.begin(&["--timeout=1"]);
    let address = signing.address.clone().unwrap();
    assert!(address.starts_with(&format!("{origin}/a%2F..%2Fb%3Fc%23d/authorize?")), "{address}");
    assert_eq!(code(&signing.finish()), "timeout");
    set("..");
    let run = authority.begin(&[]).finish();
    assert_eq!(code(&run), "missing_credentials", "{run:?}");
}

#[test]
fn an_answer_that_is_none_ends_no_sign_in() {
    let authority = Authority::joined(USUAL, |_| {});
    authority.world().forget_access();
    authority.world().refusal = Some("");
    let failed = authority.call("get_me", &[]);
    assert_eq!((failed.code, code(&failed)), (6, json!("provider_error")), "{failed:?}");
    assert!(failed.json()["error"].as_str().unwrap().contains("answered 403 and names no error: blocked on the way"), "{failed:?}");
    authority.world().refusal = None;
    authority.world().says = said(json!({"padding": "x".repeat(2 << 20)}));
    authority.world().rotates = false;
    let failed = authority.call("get_me", &[]);
    assert_eq!((code(&failed), &failed.json()["error_detail"]["retryable"]), (json!("invalid_response"), &json!(false)), "{failed:?}");
    authority.world().says = serde_json::Map::new();
    assert_eq!(authority.call("get_me", &[]).code, 0);
}

#[test]
fn credentials_follow_no_redirect() {
    let other = Server::start(|_| Reply::ok(b"{}"));
    let authority = Authority::joined(USUAL, |_| {});
    authority.world().forget_access();
    let plain = format!("a redirect to {}, which is not encrypted; it was not followed", other.origin());
    for (status, to, says) in [
        (307, format!("{}/token?a=b", other.origin()), plain.as_str()),
        (308, String::from("https://evil.example/token"), "a redirect to https://evil.example; it was not followed"),
        (308, String::from("/elsewhere"), "a redirect to another of its addresses; it was not followed"),
        (302, String::from("mailto:x"), "answered 302 with a redirect; it was not followed"),
    ] {
        authority.world().leads = Some((status, to));
        let runs = [
            authority.call("get_me", &[]),
            authority.begin(&["--device"]).finish(),
            authority.run(&["integrations:disconnect", "club", "--json"]),
            authority.run(&["integrations:connect", "club", "--client-credentials", "--json"]),
        ];
        for run in runs {
            assert_eq!((run.code, code(&run)), (6, json!("invalid_response")), "{run:?}");
            assert!(run.json()["error"].as_str().unwrap().contains(says), "{says}: {run:?}");
        }
    }
    assert!(other.requests().is_empty());
    authority.world().leads = None;
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 1), "nothing was lost");
}

#[test]
fn what_names_a_server_is_checked_where_it_is_stored() {
    let home = Home::new();
    let lint = |address: &str, kind: &str| {
        let text = manifest("https://club.example", "  grants: [authorization_code]")
            .replace("https://club.example/token", address)
            .replace("label: Team, secret: false", &format!("label: Team, kind: {kind}, secret: false"));
        home.manifest("club", &text);
        let file = home.root().join("config/providers/club.yaml");
        home.run(&["integrations:lint", file.to_str().unwrap(), "--json"]).stdout.contains("says which server an address of oauth is at")
    };
    for (address, right) in [
        ("{team}/token", &["url"][..]),
        ("https://{team}/token", &["host"]),
        ("https://{team}", &["host"]),
        ("https://{team}.club.example/token", &["text", "host"]),
        ("https://club.example/{team}/token", &["text", "host", "url"]),
    ] {
        for kind in ["text", "host", "url"] {
            assert_eq!(lint(address, kind), !right.contains(&kind), "{address} {kind}");
        }
    }
}
