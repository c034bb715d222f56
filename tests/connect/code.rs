//! The authorization code with PKCE: a browser comes back to loopback, and nothing else that comes there is believed.

use serde_json::{Value, json};

use crate::support::authority::{Authority, USUAL};

fn code(run: &crate::support::home::Run) -> Value {
    run.json()["error_detail"]["code"].clone()
}

#[test]
fn a_person_consents_and_the_provider_can_be_used() {
    let authority = Authority::open(USUAL);
    let missing = authority.call("get_me", &[]);
    assert_eq!((missing.code, code(&missing)), (5, json!("missing_credentials")));
    assert!(missing.json()["error_detail"]["hints"].as_array().unwrap().contains(&json!("angelia integrations:connect club")), "{missing:?}");
    let (run, page) = authority.connect(&["--client-id", "mine"], &[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Signed in") && page.contains("Club"), "{page}");
    let answer = run.json();
    assert_eq!((&answer["state"], &answer["grant"], &answer["scopes"]), (&json!("connected"), &json!("authorization_code"), &json!(["read", "write"])));
    assert!(answer["expires_at"].as_str().unwrap().ends_with('Z'));
    let called = authority.call("get_me", &[]);
    assert_eq!((called.code, &called.json()["data"]["echo"]), (0, &json!("Bearer «secret»")), "{called:?}");
    let asked = authority.world().asked[0].clone();
    assert!(!asked["code_verifier"].is_empty() && asked["client_id"] == "mine", "{asked:?}");
}

#[test]
fn tokens_are_renewed_ahead_of_their_end() {
    let authority = Authority::joined(USUAL, |world| world.lasts = json!(1));
    authority.world().lasts = json!(3600);
    std::thread::sleep(std::time::Duration::from_millis(900));
    for _ in 0..3 {
        let called = authority.call("get_me", &[]);
        assert_eq!(called.code, 0, "{called:?}");
    }
    assert_eq!(authority.world().count("refresh_token"), 1);
}
