//! A protected server and its authorization server, both on loopback; the test is the browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::code;
use super::http::{home, streamable};
use crate::support::home::Home;
use crate::support::server::{Reply, Request, Server};

/// The token that is accepted now, and how long new ones last.
#[derive(Default)]
struct World {
    token: String,
    issued: usize,
    lasts: u64,
    grants: Vec<String>,
}

fn protected(world: Arc<Mutex<World>>) -> Server {
    let port = Arc::new(Mutex::new(String::new()));
    let known = port.clone();
    let server = Server::start(move |request| answer(&world, &known.lock().unwrap(), request));
    *port.lock().unwrap() = server.origin();
    server
}

fn answer(world: &Mutex<World>, origin: &str, request: &Request) -> Reply {
    let json = |value: Value| Reply::ok(value.to_string().as_bytes());
    match request.path() {
        "/.well-known/oauth-protected-resource/mcp" => {
            json(json!({"resource": format!("{origin}/mcp"), "authorization_servers": [origin], "scopes_supported": ["read", "write"]}))
        }
        "/.well-known/oauth-authorization-server" => json(json!({
            "issuer": origin, "authorization_endpoint": format!("{origin}/authorize"), "token_endpoint": format!("{origin}/token"),
            "registration_endpoint": format!("{origin}/register"), "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"], "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
        })),
        "/register" => {
            let asked: Value = serde_json::from_slice(&request.body).unwrap();
            let client = json!({"client_id": "client-1", "client_name": asked["client_name"], "redirect_uris": asked["redirect_uris"]});
            Reply::status(201).body(client.to_string().as_bytes())
        }
        "/token" => token(&mut world.lock().unwrap(), &String::from_utf8_lossy(&request.body)),
        "/mcp" => {
            let wanted = format!("Bearer {}", world.lock().unwrap().token);
            match request.header("authorization") {
                Some(given) if given == wanted && wanted != "Bearer " => streamable(request),
                _ => {
                    let challenge =
                        format!("Bearer resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\", scope=\"read\"");
                    Reply::status(401).header("www-authenticate", &challenge)
                }
            }
        }
        _ => Reply::status(404),
    }
}

fn token(world: &mut World, body: &str) -> Reply {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let value = |key: &str| form.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value.as_str());
    let right = match value("grant_type") {
        "authorization_code" => value("code") == "code-1" && !value("code_verifier").is_empty(),
        "refresh_token" => value("refresh_token") == format!("refresh-{}", world.issued),
        _ => false,
    };
    if !right {
        return Reply::status(400).body(b"{\"error\": \"invalid_grant\"}");
    }
    world.grants.push(value("grant_type").to_owned());
    world.issued += 1;
    world.token = format!("token-number-{}", world.issued);
    let answer = json!({
        "access_token": world.token, "token_type": "Bearer", "expires_in": world.lasts, "refresh_token": format!("refresh-{}", world.issued),
        "scope": "read",
    });
    Reply::ok(answer.to_string().as_bytes())
}

/// Sends one GET as a browser would; the status line of the answer.
fn visit(port: u16, target: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok();
    answer
}

/// Runs `mcp:auth` and plays the browser; the program's answer and what the listener said to false and right redirects.
fn authorize(home: &Home, target: impl Fn(&str) -> String) -> (Value, Vec<String>) {
    let mut child = home
        .command(&["mcp:auth", "far", "--no-browser", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("http")).expect("no address was shown");
    let address = url::Url::parse(&address).unwrap();
    let query = |key: &str| address.query_pairs().find(|(known, _)| known == key).unwrap().1.into_owned();
    assert_eq!((query("code_challenge_method").as_str(), query("client_id").as_str()), ("S256", "client-1"));
    let redirect = url::Url::parse(&query("redirect_uri")).unwrap();
    assert_eq!(redirect.host_str(), Some("127.0.0.1"));
    let port = redirect.port().unwrap();
    let mut said = vec![visit(port, "/callback?code=evil&state=wrong"), visit(port, "/other?code=code-1&state=x")];
    said.push(visit(port, &format!("{}&state={}", target(redirect.path()), query("state"))));
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.wait().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the listener is still there");
    (serde_json::from_str(&out).unwrap(), said)
}

#[test]
fn a_protected_server_is_used_after_authorization() {
    let world = Arc::new(Mutex::new(World { lasts: 3600, ..World::default() }));
    let server = protected(world.clone());
    let home = home(&format!("{}/mcp", server.origin()), &json!({}));
    let refused = home.run(&["mcp:call", "far", "echo", "--json"]).json();
    assert_eq!((code(&refused), refused["error_detail"]["hints"][0].as_str()), ("missing_credentials", Some("angelia mcp:auth far")));
    let (answer, said) = authorize(&home, |path| format!("{path}?code=code-1"));
    assert_eq!((&answer["success"], &answer["scopes"]), (&json!(true), &json!(["read"])), "{answer}");
    assert!(said[0].starts_with("HTTP/1.1 400") && said[1].starts_with("HTTP/1.1 404") && said[2].starts_with("HTTP/1.1 200"), "{said:?}");
    assert!(!said[0].contains("evil"));
    let called = home.run(&["mcp:call", "far", "echo", "{\"a\": \"token-number-1\"}", "--json"]).json();
    assert_eq!((&called["success"], &called["data"]), (&json!(true), &json!({"a": "«secret»"})), "{called}");
    let kept = home.files().iter().any(|file| std::fs::read_to_string(file).unwrap_or_default().contains("token-number-1"));
    assert!(!kept, "the token stands in a file");
    assert_eq!(home.run(&["mcp:auth", "far", "--logout", "--json"]).json()["removed"], true);
    assert_eq!(code(&home.run(&["mcp:call", "far", "echo", "--json"]).json()), "missing_credentials");
}

#[test]
fn tokens_are_renewed() {
    let world = Arc::new(Mutex::new(World { lasts: 1, ..World::default() }));
    let server = protected(world.clone());
    let home = home(&format!("{}/mcp", server.origin()), &json!({}));
    authorize(&home, |path| format!("{path}?code=code-1"));
    let called = home.run(&["mcp:call", "far", "echo", "--json"]).json();
    assert_eq!(called["success"], true, "{called}");
    assert!(world.lock().unwrap().grants.contains(&String::from("refresh_token")));
    // Refused although it should last: renewed, and when that is refused too a person is needed.
    world.lock().unwrap().lasts = 3600;
    home.run(&["mcp:call", "far", "echo", "--json"]).json();
    world.lock().unwrap().token = String::from("another");
    assert_eq!(home.run(&["mcp:call", "far", "echo", "--json"]).json()["success"], true);
    world.lock().unwrap().token = String::from("another");
    world.lock().unwrap().issued = 99;
    let refused = home.run(&["mcp:call", "far", "echo", "--json"]).json();
    assert_eq!(code(&refused), "needs_reauth", "{refused}");
}

#[test]
fn a_refusal_in_the_browser_is_said() {
    let server = protected(Arc::default());
    let home = home(&format!("{}/mcp", server.origin()), &json!({}));
    let (answer, _) = authorize(&home, |path| format!("{path}?error=access_denied&error_description=not%20today"));
    assert_eq!(code(&answer), "permission_denied", "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("not today"));
}

#[test]
fn tokens_stay_with_the_address_they_were_given_for() {
    let world = Arc::new(Mutex::new(World { lasts: 3600, ..World::default() }));
    let server = protected(world.clone());
    let home = home(&format!("{}/mcp", server.origin()), &json!({}));
    authorize(&home, |path| format!("{path}?code=code-1"));
    assert_eq!(home.run(&["mcp:call", "far", "echo", "--json"]).json()["success"], true);
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = heard.clone();
    let evil = Server::start(move |request| {
        kept.lock().unwrap().extend(request.header("authorization").map(str::to_owned));
        Reply::status(401).header("www-authenticate", "Bearer")
    });
    let entry = |origin: &str| json!({"mcpServers": {"far": {"type": "http", "url": format!("{origin}/mcp")}}}).to_string();
    std::fs::write(home.root().join("config/mcp.json"), entry(&evil.origin())).unwrap();
    let refused = home.run(&["mcp:call", "far", "echo", "--json"]).json();
    assert_eq!((code(&refused), heard.lock().unwrap().clone()), ("missing_credentials", Vec::new()), "{refused}");
    // An entry of a project has none of the user's own, wherever it leads.
    std::fs::remove_file(home.root().join("config/mcp.json")).unwrap();
    std::fs::write(home.path().join("work/.mcp.json"), entry(&server.origin())).unwrap();
    assert_eq!(home.run(&["mcp:trust", "far", "--yes"]).code, 0);
    assert_eq!(code(&home.run(&["mcp:call", "far", "echo", "--json"]).json()), "missing_credentials");
}
