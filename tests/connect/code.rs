//! The authorization code with PKCE: a browser comes back to loopback, and nothing else that comes there is believed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{code, hints};
use crate::support::authority::{Authority, CLIENT_SECRET, USUAL, get};
use crate::support::home::finish;

const MINE: &[&str] = &["--client-id", "mine"];

#[test]
fn a_person_consents_and_the_provider_can_be_used() {
    let authority = Authority::open(USUAL);
    let missing = authority.call("get_me", &[]);
    assert_eq!((missing.code, code(&missing)), (5, json!("missing_credentials")));
    assert!(hints(&missing).contains(&String::from("angelia integrations:connect club")), "{missing:?}");
    let (run, page) = authority.connect(MINE, &[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Signed in") && page.contains("Club"), "{page}");
    let answer = run.json();
    let expected = (&json!("connected"), &json!("authorization_code"), &json!(["read", "write"]));
    assert_eq!((&answer["state"], &answer["grant"], &answer["scopes"]), expected);
    assert!(answer["expires_at"].as_str().unwrap().ends_with('Z'));
    let called = authority.call("get_me", &[]);
    assert_eq!((called.code, &called.json()["data"]["echo"]), (0, &json!("Bearer «secret»")), "{called:?}");
    let asked = authority.world().asked[0].clone();
    assert!(asked["code_verifier"].len() >= 43 && asked["client_id"] == "mine", "{asked:?}");
    let other = authority.call("get_me", &["--account", "work"]);
    assert_eq!(code(&other), "unknown_account");
    assert_eq!(authority.connect(&["--account", "work", "--client-id", "mine"], &[]).0.code, 0);
    assert_eq!(authority.call("get_me", &["--account", "work"]).code, 0);
}

#[test]
fn only_the_answer_to_this_sign_in_is_believed() {
    let authority = Authority::open(USUAL);
    let signing = authority.begin(MINE);
    let address = signing.address.clone().unwrap();
    let mut redirect = url::Url::parse(&signing.redirect(&address)).unwrap();
    let right = redirect.to_string();
    let evil = "<script>alert(1)</script>";
    redirect.query_pairs_mut().clear().append_pair("code", evil).append_pair("state", evil);
    let wrong = get(redirect.as_str());
    assert!(wrong.starts_with("HTTP/1.1 400") && wrong.contains("no sign-in") && !wrong.contains("script"), "{wrong}");
    redirect.set_query(Some("code=x"));
    assert!(get(redirect.as_str()).starts_with("HTTP/1.1 400"));
    redirect.set_query(Some(&format!("{}&state=twice", right.split_once('?').unwrap().1)));
    assert!(get(redirect.as_str()).starts_with("HTTP/1.1 400"));
    redirect.set_path("/favicon.ico");
    assert!(get(redirect.as_str()).starts_with("HTTP/1.1 404"));
    let page = get(&right);
    assert!(page.contains("Signed in") && page.contains("content-security-policy: default-src 'none'"), "{page}");
    let run = signing.finish();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("its state is wrong"), "{run:?}");
    assert!(get(&right).starts_with("no connection"), "the listener is still there");
    assert_eq!(authority.world().count("authorization_code"), 1);
}

#[test]
fn a_person_who_does_not_consent_is_told_so() {
    let authority = Authority::open(USUAL);
    authority.world().denies = Some("access_denied");
    let (run, page) = authority.connect(MINE, &[]);
    assert_eq!((run.code, code(&run)), (4, json!("permission_denied")));
    assert!(run.json()["error"].as_str().unwrap().contains("not <b>today</b>"), "{run:?}");
    assert!(page.contains("Not allowed") && !page.contains("today"), "{page}");
    assert!(authority.world().asked.is_empty());
    authority.world().denies = Some("temporarily_unavailable");
    let (run, _) = authority.connect(MINE, &[]);
    assert_eq!((run.code, code(&run)), (7, json!("unreachable")));
}

#[test]
fn an_answer_of_another_server_is_refused() {
    let authority = Authority::open(USUAL);
    authority.world().issuer = Some(authority.server.origin());
    assert_eq!(authority.connect(MINE, &[]).0.code, 0);
    authority.world().issuer = Some(String::from("https://evil.example"));
    let (run, page) = authority.connect(MINE, &[]);
    assert_eq!((run.code, code(&run)), (6, json!("invalid_response")), "{run:?}");
    assert!(page.contains("Not signed in"), "{page}");
    let named = Authority::open(&format!("{USUAL}\n  issuer: https://accounts.club.example"));
    named.world().issuer = Some(String::from("https://accounts.club.example/"));
    assert_eq!(named.connect(MINE, &[]).0.code, 0);
    named.world().issuer = Some(named.server.origin());
    assert_eq!(code(&named.connect(MINE, &[]).0), "invalid_response");
    named.world().issuer = None;
    assert_eq!(code(&named.connect(MINE, &[]).0), "invalid_response", "who says who they are always does");
}

#[test]
fn an_identity_of_another_sign_in_is_refused() {
    let authority = Authority::open("  grants: [authorization_code]\n  scopes: [openid, read]");
    assert_eq!(authority.connect(MINE, &[]).0.code, 0);
    authority.done(&["integrations:disconnect", "club"]);
    authority.world().nonce = Some("of another");
    let (run, _) = authority.connect(MINE, &[]);
    assert_eq!((run.code, code(&run)), (6, json!("invalid_response")), "{run:?}");
    assert!(run.json()["error"].as_str().unwrap().contains("nonce"));
    assert_eq!(code(&authority.call("get_me", &[])), "missing_credentials");
}

#[test]
fn a_code_that_is_not_accepted_keeps_nothing() {
    let authority = Authority::open(USUAL);
    let (run, page) = authority.connect(MINE, &[("code", "another")]);
    assert_eq!((run.code, code(&run)), (5, json!("needs_reauth")), "{run:?}");
    assert!(run.json()["error"].as_str().unwrap().contains("invalid_grant"), "{run:?}");
    assert!(page.contains("Not signed in"), "{page}");
    let (run, _) = authority.connect(MINE, &[("code", "")]);
    assert_eq!(code(&run), "invalid_response");
    authority.world().statuses = vec![503];
    let (run, _) = authority.connect(MINE, &[]);
    assert_eq!((run.code, code(&run), run.json()["error_detail"]["retryable"].clone()), (7, json!("unreachable"), json!(true)), "{run:?}");
    assert_eq!(code(&authority.call("get_me", &[])), "missing_credentials");
}

#[test]
fn nobody_waits_for_ever() {
    let authority = Authority::open(USUAL);
    let run = authority.begin(&["--client-id", "mine", "--timeout", "1"]).finish();
    assert_eq!((run.code, code(&run)), (7, json!("timeout")), "{run:?}");
    let signing = authority.begin(MINE);
    let id = rustix::process::Pid::from_raw(i32::try_from(signing.child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let run = signing.finish();
    assert_eq!((run.code, code(&run)), (130, json!("cancelled")), "{run:?}");
}

#[test]
fn a_client_is_brought_once_and_its_secret_is_not_on_the_command_line() {
    let authority = Authority::open(USUAL);
    let run = authority.begin(&[]).finish();
    assert_eq!((run.code, code(&run)), (5, json!("missing_credentials")));
    let said = hints(&run);
    assert!(
        said[0].contains("club.example/clients") && said[1].starts_with("angelia integrations:connect club --client-id ID"),
        "{said:?}"
    );
    let words =
        ["integrations:connect", "club", "--client-id", "mine", "--client-secret-stdin", "--no-browser", "--json", "--timeout", "1"];
    let run = authority.home.run_with(&words, format!("{CLIENT_SECRET}\n").as_bytes());
    assert_eq!(code(&run), "timeout", "{run:?}");
    authority.clean(&run);
    let (run, _) = authority.connect(&[], &[]);
    assert_eq!(run.code, 0, "{run:?}");
    let asked = authority.world().asked[0].clone();
    assert!(asked["authorization"].starts_with("Basic ") && !asked.contains_key("client_secret"), "{asked:?}");
    let empty = authority.run(&["integrations:connect", "club", "--client-secret-stdin", "--json"]);
    assert_eq!((empty.code, code(&empty)), (2, json!("usage")));
}

#[test]
fn what_cannot_be_is_said_before_a_browser_opens() {
    let authority = Authority::open("  grants: [authorization_code]\n  redirect_port: 47811\n  redirect_host: localhost");
    let refused = |words: &[&str]| {
        let run = authority.run(&[&["integrations:connect", "--json"], words].concat());
        (run.code, code(&run))
    };
    assert_eq!(refused(&["club", "--device"]), (2, json!("usage")));
    assert_eq!(refused(&["hackernews"]), (2, json!("usage")));
    assert_eq!(refused(&["clubb"]), (3, json!("unknown_provider")));
    let taken = std::net::TcpListener::bind("127.0.0.1:47811").unwrap();
    assert_eq!(refused(&["club", "--client-id", "mine", "--no-browser"]), (7, json!("unreachable")));
    drop(taken);
    let signing = authority.begin(&[]);
    let address = url::Url::parse(signing.address.as_ref().unwrap()).unwrap();
    let redirect = address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    assert_eq!(redirect, "http://localhost:47811/callback");
    let page = signing.consent(address.as_str(), &[]);
    assert!(page.contains("Signed in"), "{page}");
    assert_eq!(signing.finish().code, 0);
}

#[test]
fn private_addresses_are_reached_only_where_the_user_opened_them() {
    let authority = Authority::open(USUAL);
    authority.home.config("[integrations.club]\nenabled = true\nread = \"allow\"");
    let (run, _) = authority.connect(MINE, &[]);
    assert_eq!((run.code, code(&run)), (7, json!("unreachable")), "{run:?}");
    assert!(run.json()["error"].as_str().unwrap().contains("private address"), "{run:?}");
    assert!(!run.stderr.contains("Open this address") && hints(&run)[0].ends_with("club --allow-private"), "{run:?}");
    assert!(authority.world().asked.is_empty());
}

#[test]
fn connections_that_say_nothing_hold_nobody_up() {
    let authority = Authority::open(USUAL);
    let signing = authority.begin(MINE);
    let redirect = signing.redirect(signing.address.as_ref().unwrap());
    let url = url::Url::parse(&redirect).unwrap();
    let idle: Vec<_> = (0..6).map(|_| std::net::TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).unwrap()).collect();
    for _ in 0..3 {
        assert!(get(&redirect.replace("state=", "state=x")).starts_with("HTTP/1.1 400"));
    }
    let begun = Instant::now();
    assert!(get(&redirect).contains("Signed in"));
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(idle);
    let run = signing.finish();
    assert_eq!((run.code, run.stderr.matches("its state is wrong").count()), (0, 1), "{run:?}");
}

#[test]
fn a_secret_does_not_go_out_with_another_client() {
    let authority = Authority::open(USUAL);
    let words = ["integrations:connect", "club", "--client-id", "one", "--client-secret-stdin", "--no-browser", "--json", "--timeout", "1"];
    assert_eq!(code(&authority.home.run_with(&words, CLIENT_SECRET.as_bytes())), "timeout");
    let kept = |id: &str| {
        assert_eq!(
            code(&authority.run(&["integrations:connect", "club", "--client-id", id, "--no-browser", "--json", "--timeout", "1"])),
            "timeout"
        );
        let fields = authority.run(&["integrations:fields", "club", "--json"]).json()["fields"].clone();
        fields.as_array().unwrap().iter().find(|field| field["key"] == "client_secret").unwrap()["configured"].clone()
    };
    assert_eq!((kept("one"), kept("mine")), (json!(true), json!(false)));
    assert_eq!(authority.connect(&[], &[]).0.code, 0);
    assert!(authority.world().asked[0]["authorization"].is_empty(), "{:?}", authority.world().asked);
}

#[test]
fn a_code_that_came_in_time_is_redeemed_and_its_tokens_are_kept() {
    let authority = Authority::open(USUAL);
    // The person has time enough on a busy machine; the tokens come after it is over.
    authority.world().slow = Duration::from_millis(10_500);
    let signing = authority.begin(&["--client-id", "mine", "--timeout", "10"]);
    let page = signing.consent(signing.address.as_ref().unwrap(), &[]);
    assert!(page.contains("Signed in"), "{page}");
    assert_eq!(signing.finish().code, 0);
    let signing = authority.begin(MINE);
    let id = rustix::process::Pid::from_raw(i32::try_from(signing.child.id()).unwrap()).unwrap();
    let page = std::thread::scope(|scope| {
        let page = scope.spawn(|| signing.consent(signing.address.as_ref().unwrap(), &[]));
        std::thread::sleep(Duration::from_millis(1000));
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        page.join().unwrap()
    });
    assert!(page.contains("Signed in"), "{page}");
    assert_eq!(signing.finish().code, 0);
}

#[test]
fn a_token_of_the_environment_that_goes_on_being_used_is_said() {
    let authority = Authority::open(USUAL);
    authority.done(&["integrations:configure", "club", "--set", "client_id=mine", "--set", &format!("client_secret={CLIENT_SECRET}")]);
    let mut command = authority.home.command(&["integrations:connect", "club", "--client-credentials", "--json"]);
    command.env("ANGELIA_CLUB_ACCESS_TOKEN", "of-the-environment").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = finish(command.spawn().unwrap(), None);
    assert_eq!((run.code, &run.json()["overridden_by"]), (0, &json!("ANGELIA_CLUB_ACCESS_TOKEN")), "{run:?}");
    let plain = authority.run(&["integrations:connect", "club", "--client-credentials", "--json"]);
    assert_eq!(plain.json()["overridden_by"], json!(null));
}

#[test]
fn two_sign_ins_at_once_do_not_mix() {
    let authority = Authority::open(USUAL);
    let (one, two) = (authority.begin(MINE), authority.begin(&["--account", "work", "--client-id", "mine"]));
    let of_one = url::Url::parse(&one.redirect(one.address.as_ref().unwrap())).unwrap();
    let mut crossed = url::Url::parse(&two.redirect(two.address.as_ref().unwrap())).unwrap();
    crossed.set_port(of_one.port()).unwrap();
    assert!(get(crossed.as_str()).starts_with("HTTP/1.1 400"));
    crossed.set_port(url::Url::parse(&two.redirect(two.address.as_ref().unwrap())).unwrap().port()).unwrap();
    assert!(get(crossed.as_str()).contains("Signed in"));
    assert!(get(of_one.as_str()).contains("Signed in"));
    assert_eq!((one.finish().code, two.finish().code), (0, 0));
    let tokens = authority.run(&["integrations:accounts", "club", "--json"]).json();
    assert_eq!(tokens["accounts"].as_array().unwrap().len(), 2);
}

#[test]
fn a_client_is_registered_with_another_redirect_address() {
    let authority = Authority::open(USUAL);
    let asked = |address: &str| {
        let address = url::Url::parse(address).unwrap();
        address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned()
    };
    for (given, port) in [("http://localhost:47812/auth/back", Some(47812)), ("http://127.0.0.1/cb", None)] {
        let signing = authority.begin(&["--client-id", "mine", "--redirect", given]);
        let address = signing.address.clone().unwrap();
        let redirect = url::Url::parse(&asked(&address)).unwrap();
        assert_eq!(redirect.path(), url::Url::parse(given).unwrap().path());
        assert!(port.is_none_or(|port| redirect.port() == Some(port)) && redirect.port().is_some(), "{redirect}");
        assert!(signing.consent(&address, &[]).contains("Signed in"));
        assert_eq!(signing.finish().code, 0);
    }
    // Where the browser does not come back here, its last address is pasted.
    let elsewhere = "https://localhost:8443/callback?kind=club";
    let words = ["integrations:connect", "club", "--no-browser", "--json", "--redirect", elsewhere];
    let mut child = authority.home.command(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut heard = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("http") {
        line.clear();
        std::io::BufRead::read_line(&mut heard, &mut line).unwrap();
    }
    assert_eq!(asked(line.trim()), elsewhere);
    let back = get(line.trim()).lines().find_map(|line| line.strip_prefix("location: ").map(str::to_owned)).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, format!("{elsewhere}&code=x&state=y\n{back}\n").as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((done.status.code(), &answer["state"]), (Some(0), &json!("connected")), "{answer}");
    drop(stdin);
    // Where nobody pastes it, nobody waits.
    let run = authority.begin(&["--redirect", elsewhere]).finish();
    assert_eq!((run.code, code(&run)), (2, json!("usage")), "{run:?}");
    assert!(run.json()["error"].as_str().unwrap().contains("nobody pastes"), "{run:?}");
    for wrong in ["http://example.com/cb", "callback", "https://u@example.com/cb", "https://example.com/cb#x", "javascript:alert(1)"] {
        let run = authority.run(&["integrations:connect", "club", "--redirect", wrong, "--json"]);
        assert_eq!((run.code, code(&run)), (2, json!("usage")), "{wrong}");
    }
}
