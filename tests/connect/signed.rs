//! Requests that are signed: AWS Signature Version 4 and HMAC, made for each attempt and masked in a dry run.

use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::server::{Reply, Server};

const SECRET: &str = "s1gning?>~/secret+of=mine";

fn home(auth: &str, origin: &str) -> Home {
    let home = Home::new();
    let manifest = format!(
        r#"
id: depot
title: Depot
description: Boxes in a depot.
category: office
auth_strategy: signature
credentials:
  - {{key: key_id, label: Key id, secret: false}}
  - {{key: secret, label: Secret, secret: true}}
  - {{key: session, label: Session, secret: true, required: false}}
  - {{key: region, label: Region, secret: false, default: eu-west-1}}
auth: {auth}
servers: {{default: "{origin}"}}
functions:
  - {{id: get_box, title: Get, description: Returns a box., operation: read, request: "GET /boxes/{{name}}", parameters: {{name: {{type: string, description: Name.}}, q: {{type: string, in: query, description: Query.}}}}, required: [name], examples: [{{arguments: {{name: a}}}}]}}
  - {{id: put_box, title: Put, description: Puts a box., operation: write, request: POST /boxes, parameters: {{name: {{type: string, description: Name.}}}}, required: [name], examples: [{{arguments: {{name: a}}}}]}}
  - {{id: upload_box, title: Upload, description: Uploads a box., operation: write, request: POST /files, body: raw, parameters: {{file: {{type: string, format: binary, description: File.}}}}, required: [file], examples: [{{arguments: {{file: YQ==}}}}]}}
"#
    );
    home.manifest("depot", &manifest);
    home.config("[integrations.depot]\nenabled = true\nallow_private = true\nread = \"allow\"\nwrite = \"allow\"");
    assert_eq!(home.run(&["integrations:configure", "depot", "--set", "key_id=AKID", "--set", &format!("secret={SECRET}")]).code, 0);
    home
}

fn call(home: &Home, words: &[&str]) -> Value {
    let run = home.run(&[&["integrations:call", "--json"], words].concat());
    assert!(!format!("{run:?}").contains(SECRET), "{run:?}");
    run.json()
}

#[test]
fn aws_signatures_are_made_for_each_attempt() {
    let server = Server::start(|request| if request.nth() == 1 && request.method == "GET" { Reply::status(503) } else { Reply::ok(b"{}") });
    let auth = "{type: sigv4, signature: {access_key_id: \"{key_id}\", secret: \"{secret}\", session_token: \"{session}\", region: \"{region}\", service: execute-api}}";
    let home = home(auth, &server.origin());
    let answer = call(&home, &["depot.get_box", "--name=a b/c", "--q=x y&z"]);
    assert_eq!((&answer["success"], &answer["meta"]["attempts"]), (&json!(true), &json!(2)), "{answer}");
    for request in server.requests() {
        let value = request.header("authorization").unwrap();
        assert!(
            value.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")
                && value.contains("/eu-west-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, "),
            "{value}"
        );
        assert_eq!(request.header("x-amz-date").unwrap().len(), 16);
    }
    assert_eq!(home.run(&["integrations:configure", "depot", "--set", "session=s3ssion?>~/token"]).code, 0);
    let file = home.path().join("work/box");
    std::fs::write(&file, "contents").unwrap();
    assert_eq!(call(&home, &["depot.upload_box", "--file=@box"])["success"], true);
    let last = server.requests().pop().unwrap();
    assert_eq!(last.header("x-amz-security-token"), Some("s3ssion?>~/token"));
    assert!(last.header("authorization").unwrap().contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "));
    let shown = call(&home, &["depot.put_box", "--name=a", "--dry-run"]);
    assert_eq!(shown["meta"]["request"]["headers"]["authorization"], "AWS4-HMAC-SHA256 «secret»");
    let again = call(&home, &["depot.put_box", "--name=a", "--dry-run"]);
    assert_eq!(shown["meta"]["request"]["digest"], again["meta"]["request"]["digest"]);
}

#[test]
fn nothing_goes_out_unsigned() {
    let server = Server::start(|_| Reply::ok(b"{}"));
    let hmac = |of: &str, value: &str| {
        format!("{{type: hmac, name: X-Sign, value: \"{value}\", signature: {{secret: \"{{secret}}\", of: \"{of}\"}}}}")
    };
    let aws = |id: &str, region: &str| {
        format!("{{type: sigv4, signature: {{access_key_id: \"{id}\", secret: \"{{secret}}\", region: \"{region}\", service: s3}}}}")
    };
    let (whole, key) = ("{method}.{timestamp}", "{key_id}");
    for auth in
        [hmac("{session}.{timestamp}", "{signature}"), hmac(whole, "{session}:{signature}"), aws("{session}", "a"), aws(key, "{session}")]
    {
        let home = home(&auth, &server.origin());
        let answer = call(&home, &["depot.put_box", "--name=a"]);
        assert_eq!(answer["error_detail"]["code"], "missing_credentials", "{auth} {answer}");
        assert!(answer["error"].as_str().unwrap().contains("'session' has no value"), "{answer}");
        assert_eq!(answer["error_detail"]["hints"][0], "angelia integrations:fields depot", "{answer}");
    }
    assert!(server.requests().is_empty());
    let home = home(&hmac("{body}", "{signature}"), &server.origin());
    std::fs::write(home.path().join("work/box"), "contents").unwrap();
    let answer = call(&home, &["depot.upload_box", "--file=@box"]);
    assert_eq!((&answer["error_detail"]["code"], server.requests().len()), (&json!("usage"), 0), "{answer}");
}

#[test]
fn hmac_signs_what_the_manifest_names() {
    let server = Server::start(|_| Reply::ok(b"{}"));
    let auth = "{type: hmac, name: X-Sign, value: \"{key_id}:{signature}\", signature: {secret: \"{secret}\", of: \"{method}\\n{target}\\n{timestamp}\\n{body}\", encoding: base64, timestamp: milliseconds, timestamp_header: X-Time}}";
    let home = home(auth, &server.origin());
    assert_eq!(call(&home, &["depot.put_box", "--name=a"])["success"], true);
    let sent = server.requests().pop().unwrap();
    let text = format!("POST\n/boxes\n{}\n{}", sent.header("x-time").unwrap(), String::from_utf8_lossy(&sent.body));
    let made = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes()), text.as_bytes());
    let wanted = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, made.as_ref());
    assert_eq!(sent.header("x-sign").unwrap(), format!("AKID:{wanted}"));
    let shown = call(&home, &["depot.put_box", "--name=a", "--dry-run"]);
    assert_eq!(shown["meta"]["request"]["headers"]["x-sign"], "AKID:«secret»");
}
