//! Tokens without a browser: another device, the client itself, a service account.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::{code, hints};
use crate::support::authority::{Authority, CLIENT_SECRET, USUAL};
use crate::support::home::finish;

const KEY: &str = include_str!("../fixtures/signin/test-key.pem");

#[test]
fn a_code_is_entered_on_another_device() {
    let authority = Authority::open(USUAL);
    authority.world().waits = vec!["authorization_pending", "slow_down"];
    let (run, _) = authority.connect(&["--device", "--client-id", "mine"], &[]);
    assert_eq!((run.code, &run.json()["grant"]), (0, &json!("device_code")), "{run:?}");
    assert!(run.stderr.contains("ABCD-EFGH") && run.stderr.contains("/enter"), "{run:?}");
    assert_eq!(authority.call("get_me", &[]).code, 0);
    authority.world().forget_access();
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 1));
    for (error, code_of, exit) in [("access_denied", "permission_denied", 4), ("expired_token", "timeout", 7)] {
        authority.world().waits = vec![error];
        let (run, _) = authority.connect(&["--device"], &[]);
        assert_eq!((run.code, code(&run)), (exit, json!(code_of)), "{run:?}");
    }
    assert_eq!(authority.call("get_me", &[]).code, 0, "the account stays as it was");
}

#[test]
fn the_answer_with_the_code_may_be_written_in_many_ways() {
    for (device, form, shown) in [
        (json!({"expires_in": "30", "interval": "1"}), false, "30 seconds"),
        (json!({"expires_in": 29.5}), false, "29 seconds"),
        (json!({"expires_in": null}), false, "900 seconds"),
        (json!({"expires_in": 18_446_744_073_709_551_615_u64}), false, "900 seconds"),
        (json!({"expires_in": 1_000_000_000}), false, "86400 seconds"),
        (json!({}), true, "30 seconds"),
    ] {
        let authority = Authority::open(USUAL);
        authority.world().device = device.clone();
        authority.world().form = form;
        let (run, _) = authority.connect(&["--device", "--client-id", "mine"], &[]);
        assert!(run.code == 0 && run.stderr.contains(shown), "{device} {run:?}");
    }
}

#[test]
fn a_client_fetches_a_token_when_a_call_needs_it() {
    let authority = Authority::open("  grants: [client_credentials]\n  scopes: [read]");
    let missing = authority.call("get_me", &[]);
    assert_eq!(code(&missing), "missing_credentials");
    let set = |key: &str, value: &str| authority.run(&["integrations:configure", "club", "--set", &format!("{key}={value}")]);
    assert_eq!(set("client_id", "mine").code, 0);
    assert_eq!(code(&authority.call("get_me", &[])), "missing_credentials");
    assert_eq!(set("client_secret", CLIENT_SECRET).code, 0);
    let shown = authority.run(&["integrations:fields", "club", "--json"]).json();
    assert_eq!(shown["sign_in"]["state"], "fetched");
    assert_eq!(authority.run(&["integrations:doctor", "club"]).code, 0);
    for _ in 0..3 {
        let called = authority.call("get_me", &[]);
        assert_eq!(called.code, 0, "{called:?}");
    }
    assert_eq!(authority.world().count("client_credentials"), 1);
    assert_eq!(authority.world().asked[0]["scope"], "read");
    authority.world().forget_access();
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("client_credentials")), (0, 2));
    authority.world().forget_access();
    assert_eq!(set("client_secret", "another?>~/wrong").code, 0);
    let refused = authority.call("get_me", &[]);
    assert_eq!((refused.code, code(&refused)), (5, json!("needs_reauth")), "{refused:?}");
    assert_eq!(hints(&refused), ["angelia integrations:fields club"]);
}

#[test]
fn a_client_in_the_environment_needs_nothing_stored() {
    let authority = Authority::open("  grants: [client_credentials]");
    let call = |secret: &str| {
        let mut command = authority.home.command(&["integrations:call", "club.get_me", "--json"]);
        command.env("ANGELIA_CLUB_CLIENT_ID", "mine").env("ANGELIA_CLUB_CLIENT_SECRET", secret);
        let run = finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), None);
        authority.clean(&run);
        run
    };
    assert_eq!(code(&call("wrong-one")), "needs_reauth");
    assert_eq!((call(CLIENT_SECRET).code, call(CLIENT_SECRET).code), (0, 0));
    assert_eq!(authority.world().count("client_credentials"), 2);
    // Another client's token is not taken for ours.
    let book = authority.home.root().join("data/credentials.json");
    let text = std::fs::read_to_string(&book).unwrap();
    let client = serde_json::from_str::<Value>(&text).unwrap()["leases"]["club"]["default"]["client"].as_str().unwrap().to_owned();
    std::fs::write(&book, text.replace(&client, "of another")).unwrap();
    assert_eq!((call(CLIENT_SECRET).code, authority.world().count("client_credentials")), (0, 3));
    // Where nothing can be kept, each call fetches its own.
    std::fs::remove_dir_all(authority.home.root().join("data")).unwrap();
    std::fs::write(authority.home.root().join("data"), "no folder").unwrap();
    let last = call(CLIENT_SECRET);
    assert_eq!((last.code, authority.world().count("client_credentials")), (0, 4), "{last:?}");
}

#[test]
fn a_service_account_signs_for_its_token() {
    let authority = Authority::open("  grants: [service_account]\n  scopes: [read, write]");
    let key = json!({"type": "service_account", "client_email": "robot@club.example", "private_key_id": "k1", "private_key": KEY});
    let file = authority.home.path().join("key.json");
    std::fs::write(&file, format!("{key:#}")).unwrap();
    let configure =
        |value: &str| authority.home.run(&["integrations:configure", "club", "--json", "--set", &format!("service_account={value}")]);
    assert_eq!(code(&configure("no json")), "invalid_arguments");
    assert_eq!(configure(&format!("file:{}", file.display())).code, 0);
    assert_eq!((authority.home.run(&["integrations:call", "club.get_me"]).code, authority.world().asked.len()), (0, 1));
    let assertion = authority.world().asked[0]["assertion"].clone();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let decoded = |text: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let (header, claims) = signed.split_once('.').map(|(header, claims)| (decoded(header), decoded(claims))).unwrap();
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    let wanted = (json!("robot@club.example"), json!("read write"), json!(format!("{}/token", authority.server.origin())));
    assert_eq!((claims["iss"].clone(), claims["scope"].clone(), claims["aud"].clone()), wanted);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let pair = RsaKeyPair::from_pkcs8(PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).unwrap().secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    // The key in the store, in one line; and one that is no key.
    assert_eq!(configure(&format!("{key:#}")).code, 0);
    authority.world().forget_access();
    assert_eq!(authority.home.run(&["integrations:call", "club.get_me"]).code, 0);
    assert_eq!(configure("{\"client_email\": \"a\", \"private_key\": \"none\"}").code, 0);
    authority.world().forget_access();
    let run = authority.home.run(&["integrations:call", "club.get_me", "--json"]);
    assert_eq!((run.code, code(&run)), (5, json!("missing_credentials")), "{run:?}");
}
