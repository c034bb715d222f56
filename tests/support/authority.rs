//! An authorization server on loopback with the service that it guards, and a person with a browser. It keeps to the standard unless it is
//! told otherwise, checks PKCE and the client, and remembers every secret that it gave out or was sent.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::Digest as _;

use super::home::{Home, Run, finish};
use super::secrets;
use super::server::{Reply, Request, Server};

/// The secret of the client that the tests bring.
pub const CLIENT_SECRET: &str = "cl1ent?>~/secret+of=mine";

/// What the server does and what it knows.
pub struct World {
    /// `expires_in` of answers, as it stands there.
    pub lasts: Value,
    /// Each refresh token holds once.
    pub rotates: bool,
    /// Whether answers have a refresh token.
    pub refreshes: bool,
    /// Answers of the token endpoint are a form, not JSON.
    pub form: bool,
    /// Errors have status 200.
    pub errors_ok: bool,
    /// The service refuses tokens with status 200.
    pub expires_ok: bool,
    /// The tokens stand in this member.
    pub nested: Option<&'static str>,
    /// What the token endpoint answers next, instead of doing anything.
    pub statuses: Vec<u16>,
    /// Where every endpoint leads, and by which status.
    pub leads: Option<(u16, String)>,
    /// What the token endpoint refuses with, instead of doing anything; nothing names no error.
    pub refusal: Option<&'static str>,
    /// Members of an answer with tokens, instead of what would stand there.
    pub says: Map<String, Value>,
    /// How long the token endpoint takes.
    pub slow: Duration,
    /// Errors that the device grant answers before consent.
    pub waits: Vec<&'static str>,
    /// Members of the device endpoint's answer that stand otherwise; null ones are left out.
    pub device: Value,
    /// What the person answers: an error instead of a code.
    pub denies: Option<&'static str>,
    /// `iss` of the redirect.
    pub issuer: Option<String>,
    /// Who the identity token says it answers, instead of the sign-in that asked.
    pub nonce: Option<&'static str>,
    /// Status of the revocation endpoint.
    pub revocation: u16,
    /// What the token endpoint was asked for, in order.
    pub asked: Vec<HashMap<String, String>>,
    pub revoked: Vec<String>,
    /// The tokens themselves.
    pub given_back: Vec<String>,
    pub written: usize,
    codes: HashMap<String, HashMap<String, String>>,
    access: Vec<String>,
    refresh: Vec<String>,
    secrets: Vec<String>,
    count: usize,
}

impl Default for World {
    fn default() -> Self {
        Self {
            lasts: json!(3600),
            rotates: true,
            refreshes: true,
            form: false,
            errors_ok: false,
            expires_ok: false,
            nested: None,
            statuses: Vec::new(),
            leads: None,
            refusal: None,
            says: Map::new(),
            slow: Duration::ZERO,
            waits: Vec::new(),
            device: json!({}),
            denies: None,
            issuer: None,
            nonce: None,
            revocation: 200,
            asked: Vec::new(),
            revoked: Vec::new(),
            given_back: Vec::new(),
            written: 0,
            codes: HashMap::new(),
            access: Vec::new(),
            refresh: Vec::new(),
            secrets: vec![CLIENT_SECRET.to_owned()],
            count: 0,
        }
    }
}

impl World {
    /// Every access token given out so far is refused from now on.
    pub fn forget_access(&mut self) {
        self.access.clear();
    }

    /// Every refresh token given out so far is refused from now on.
    pub fn forget_refresh(&mut self) {
        self.refresh.clear();
    }

    /// How often a grant was asked for.
    pub fn count(&self, grant: &str) -> usize {
        self.asked.iter().filter(|form| form.get("grant_type").is_some_and(|known| known == grant)).count()
    }

    fn secret(&mut self, kind: &str) -> String {
        self.count += 1;
        let secret = format!("{kind}-{}-{}", self.count, uuid::Uuid::new_v4().simple());
        self.secrets.push(secret.clone());
        secret
    }
}

/// The server, a home whose program knows it as the provider `vault`, and what must not come out of it.
pub struct Authority {
    pub home: Home,
    pub server: Server,
    world: Arc<Mutex<World>>,
}

/// The manifest of the provider; `oauth` are more words of it.
pub fn manifest(origin: &str, oauth: &str) -> String {
    format!(
        r#"
id: club
title: Club
description: A club with members.
category: office
auth_strategy: oauth
credentials:
  - {{key: access_token, label: Access token, secret: true}}
  - {{key: refresh_token, label: Refresh token, secret: true, required: false}}
  - {{key: client_id, label: Client id, secret: false, required: false}}
  - {{key: client_secret, label: Client secret, secret: true, required: false}}
  - {{key: service_account, label: Key, secret: true, required: false, kind: json}}
  - {{key: team, label: Team, secret: false, required: false}}
auth: {{type: bearer, value: "{{access_token}}"}}
servers: {{default: "{origin}/api"}}
verify: get_me
oauth:
  authorize_url: "{origin}/authorize"
  token_url: "{origin}/token"
  device_url: "{origin}/device"
  revoke_url: "{origin}/revoke"
  help: Make a client at club.example/clients.
{oauth}
errors: {{message: [message]}}
functions:
  - {{id: get_me, title: Get, description: Returns the member., operation: read, request: GET /me, examples: [{{arguments: {{}}}}]}}
  - {{id: get_card, title: Card, description: Returns the card., operation: read, request: GET /card, response: binary, examples: [{{arguments: {{}}}}]}}
  - id: create_note
    title: Create
    description: Leaves a note.
    operation: write
    request: POST /notes
    parameters: {{text: {{type: string, description: The note.}}}}
    required: [text]
    examples: [{{arguments: {{text: a}}}}]
"#
    )
}

/// Grants and scopes that most tests use.
pub const USUAL: &str = "  grants: [authorization_code, device_code, client_credentials, service_account]\n  scopes: [read, write]";

impl Authority {
    /// A server and a home whose provider has these words under `oauth`.
    pub fn open(oauth: &str) -> Self {
        let world: Arc<Mutex<World>> = Arc::default();
        let (known, port) = (world.clone(), Arc::new(Mutex::new(String::new())));
        let origin = port.clone();
        let server = Server::start(move |request| {
            // A slow answer must not hold the others up.
            let origin = origin.lock().unwrap().clone();
            answer(&known, &origin, request)
        });
        *port.lock().unwrap() = server.origin();
        let home = Home::new();
        home.manifest("club", &manifest(&server.origin(), oauth));
        home.config("[integrations.club]\nenabled = true\nallow_private = true\nread = \"allow\"\nwrite = \"allow\"");
        Self { home, server, world }
    }

    /// A signed-in account.
    pub fn joined(oauth: &str, change: impl FnOnce(&mut World)) -> Self {
        let authority = Self::open(oauth);
        change(&mut authority.world());
        let run = authority.connect(&["--client-id", "mine"], &[]).0;
        assert_eq!(run.code, 0, "{run:?}");
        authority
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Runs a command.
    pub fn run(&self, words: &[&str]) -> Run {
        let run = self.home.run(words);
        self.clean(&run);
        run
    }

    /// Runs a command that must succeed.
    pub fn done(&self, words: &[&str]) {
        let run = self.run(words);
        assert_eq!(run.code, 0, "{run:?}");
    }

    /// Makes a call of the provider.
    pub fn call(&self, function: &str, words: &[&str]) -> Run {
        self.run(&[&["integrations:call", &format!("club.{function}"), "--json"], words].concat())
    }

    /// No secret may stand in what the program said, nor in a file of its home in the open.
    pub fn clean(&self, run: &Run) {
        let secrets = self.world().secrets.clone();
        secrets::assert_absent(&secrets, run.stdout.as_bytes(), "stdout");
        secrets::assert_absent(&secrets, run.stderr.as_bytes(), "stderr");
        secrets::assert_no_file_holds(&secrets, &self.home.files());
    }

    /// Starts `integrations:connect`.
    pub fn begin(&self, words: &[&str]) -> Signing<'_> {
        let all = [&["integrations:connect", "club", "--no-browser", "--json"], words].concat();
        let mut command = self.home.command(&all);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdin.take());
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let (mut heard, mut address) = (String::new(), None);
        loop {
            let mut line = String::new();
            if said.read_line(&mut line).unwrap() == 0 {
                break;
            }
            heard.push_str(&line);
            if line.starts_with("http") || line.contains("enter") {
                address = Some(line.trim().to_owned());
                break;
            }
        }
        Signing { authority: self, child, said, heard, address }
    }

    /// Signs in with a person who consents; the run, and what the browser showed.
    pub fn connect(&self, words: &[&str], extra: &[(&str, &str)]) -> (Run, String) {
        let signing = self.begin(words);
        let page = match &signing.address {
            Some(address) if address.starts_with("http") => signing.consent(address, extra),
            _ => String::new(),
        };
        (signing.finish(), page)
    }
}

/// A sign-in that waits for a person.
pub struct Signing<'a> {
    authority: &'a Authority,
    pub child: Child,
    said: BufReader<std::process::ChildStderr>,
    heard: String,
    /// The address that was shown, or the line with the code.
    pub address: Option<String>,
}

impl Signing<'_> {
    /// Where the authorization server sends the browser to.
    pub fn redirect(&self, address: &str) -> String {
        let answer = get(address);
        answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_else(|| panic!("no redirect: {answer}")).to_owned()
    }

    /// Consents, and brings the browser back; `extra` are changes of the redirect's query. The page that is shown.
    pub fn consent(&self, address: &str, extra: &[(&str, &str)]) -> String {
        let mut url = url::Url::parse(&self.redirect(address)).unwrap();
        for (name, value) in extra {
            let others: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
            url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
        }
        get(url.as_str())
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Run {
        let mut rest = String::new();
        let (mut child, mut said) = (self.child, self.said);
        let reading = std::thread::spawn(move || said.read_to_string(&mut rest).map(|_| rest));
        child.stderr = None;
        let (empty, _) = std::io::pipe().unwrap();
        child.stderr = Some(std::os::fd::OwnedFd::from(empty).into());
        let run = finish(child, None);
        self.heard.push_str(&reading.join().unwrap().unwrap());
        let run = Run { stderr: self.heard, ..run };
        self.authority.clean(&run);
        run
    }
}

/// One GET as a browser makes it; the whole answer.
pub fn get(address: &str) -> String {
    let url = url::Url::parse(address).unwrap();
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut stream = match TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())) {
        Ok(stream) => stream,
        Err(error) => return format!("no connection: {error}"),
    };
    write!(stream, "GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", url.authority()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    // The test's own server keeps connections open: an answer ends with its body.
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        answer.extend_from_slice(&bytes[..length]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let whole = text.split_once("\r\n\r\n").map(|(head, body)| {
            let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").and_then(|n| n.parse().ok()));
            body.len() >= length.unwrap_or(0)
        });
        if whole == Some(true) {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn form(body: &[u8]) -> HashMap<String, String> {
    match serde_json::from_slice::<HashMap<String, String>>(body) {
        Ok(members) => members,
        Err(_) => url::form_urlencoded::parse(body).into_owned().collect(),
    }
}

fn answer(world: &Mutex<World>, origin: &str, request: &Request) -> Reply {
    let authorization = request.header("authorization").unwrap_or_default().to_owned();
    let mut world = world.lock().unwrap();
    if let (Some((status, to)), "/token" | "/device" | "/revoke") = (&world.leads, request.path()) {
        return Reply::status(*status).header("location", to);
    }
    match request.path() {
        "/authorize" => authorize(&mut world, request),
        "/token" => {
            let slow = world.slow;
            let reply = token(&mut world, origin, request);
            drop(world);
            std::thread::sleep(slow);
            reply
        }
        "/device" => {
            let code = world.secret("device");
            let mut answer = json!({"device_code": code, "user_code": "ABCD-EFGH", "verification_uri": format!("{origin}/enter"), "expires_in": 30, "interval": 1});
            for (name, value) in world.device.as_object().unwrap() {
                answer[name] = value.clone();
            }
            answer.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            if world.form { as_form(&answer) } else { Reply::ok(answer.to_string().as_bytes()) }
        }
        "/revoke" => {
            let form = form(&request.body);
            world.revoked.push(form.get("token_type_hint").cloned().unwrap_or_default());
            let token = form.get("token").cloned().unwrap_or_default();
            let echo = json!({"error_description": format!("what is {token}, or {}?", STANDARD.encode(&token))}).to_string();
            world.given_back.push(token);
            if world.revocation < 400 { Reply::status(world.revocation) } else { Reply::status(world.revocation).body(echo.as_bytes()) }
        }
        path => {
            let known = world.access.iter().any(|token| authorization == format!("Bearer {token}"));
            if !known && world.expires_ok {
                return Reply::ok(b"{\"ok\": false, \"error\": \"token_expired\"}");
            }
            if !known {
                return Reply::status(401).body(b"{\"message\": \"who are you?\"}");
            }
            if path == "/api/card" {
                return Reply::ok(b"a card");
            }
            if path == "/api/notes" {
                world.written += 1;
            }
            Reply::ok(json!({"login": "me", "echo": authorization, "notes": world.written}).to_string().as_bytes())
        }
    }
}

fn authorize(world: &mut World, request: &Request) -> Reply {
    let asked: HashMap<String, String> = request.queries().into_iter().collect();
    let mut back = url::Url::parse(&asked["redirect_uri"]).unwrap();
    match world.denies {
        Some(error) => _ = back.query_pairs_mut().append_pair("error", error).append_pair("error_description", "not <b>today</b>"),
        None => {
            let code = world.secret("code");
            back.query_pairs_mut().append_pair("code", &code);
            world.codes.insert(code, asked.clone());
        }
    }
    back.query_pairs_mut().append_pair("state", &asked["state"]);
    if let Some(issuer) = &world.issuer {
        back.query_pairs_mut().append_pair("iss", issuer);
    }
    Reply::status(302).header("location", back.as_str())
}

fn token(world: &mut World, origin: &str, request: &Request) -> Reply {
    let form = form(&request.body);
    world.secrets.extend(["code_verifier", "assertion"].iter().filter_map(|name| form.get(*name).cloned()));
    let mut asked = form.clone();
    asked.insert(String::from("content-type"), request.header("content-type").unwrap_or_default().to_owned());
    asked.insert(String::from("authorization"), request.header("authorization").unwrap_or_default().to_owned());
    world.asked.push(asked);
    if !world.statuses.is_empty() {
        return Reply::status(world.statuses.remove(0)).body(b"<html>busy</html>").header("content-type", "text/html");
    }
    let said = world.refusal.map_or_else(|| granted(world, origin, request, &form), Err);
    match said {
        Err("") => Reply::status(403).body(b"{\"message\": \"blocked on the way\"}"),
        Err(error) => {
            // Whom it knows it may know by the right secret.
            let client = if request.header("authorization") == Some(&right()) { CLIENT_SECRET } else { "" };
            let echo = format!("no, {client} {}", form.values().cloned().collect::<Vec<_>>().join(" "));
            let status = if world.errors_ok { 200 } else { 400 };
            let body = json!({"ok": false, "error": error, "error_description": echo});
            Reply::status(status).body(body.to_string().as_bytes())
        }
        Ok(tokens) if world.form => as_form(&tokens),
        Ok(tokens) => match world.nested {
            Some(member) => Reply::ok(json!({"ok": true, "team": {"id": 7}, member: tokens}).to_string().as_bytes()),
            None => Reply::ok(tokens.to_string().as_bytes()),
        },
    }
}

fn as_form(answer: &Value) -> Reply {
    let pairs = answer.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().map_or(value.to_string(), str::to_owned)));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Reply::ok(body.as_bytes()).header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
}

fn granted(world: &mut World, origin: &str, request: &Request, form: &HashMap<String, String>) -> Result<Value, &'static str> {
    let value = |key: &str| form.get(key).map_or("", String::as_str);
    let basic = right();
    let authorization = request.header("authorization").unwrap_or_default();
    let is_client = authorization == basic || (value("client_id") == "mine" && ["", CLIENT_SECRET].contains(&value("client_secret")));
    if !is_client && value("assertion").is_empty() {
        return Err("invalid_client");
    }
    let mut nonce = None;
    match value("grant_type") {
        "authorization_code" => {
            let asked = world.codes.remove(value("code")).ok_or("invalid_grant")?;
            let proof = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(value("code_verifier")));
            let proven = asked.get("code_challenge").is_none_or(|challenge| *challenge == proof);
            if !proven || asked["redirect_uri"] != value("redirect_uri") {
                return Err("invalid_grant");
            }
            nonce = asked.get("nonce").cloned();
        }
        "refresh_token" => {
            let known = world.refresh.iter().position(|token| token == value("refresh_token")).ok_or("invalid_grant")?;
            if world.rotates {
                world.refresh.remove(known);
            }
        }
        "urn:ietf:params:oauth:grant-type:device_code" if !world.waits.is_empty() => return Err(world.waits.remove(0)),
        "client_credentials" if value("client_secret").is_empty() && authorization.is_empty() => return Err("invalid_client"),
        _ => {}
    }
    let says = world.says.clone();
    let said = |world: &mut World, member: &str| {
        says.get(member).and_then(Value::as_str).map(|secret| {
            world.secrets.push(secret.to_owned());
            secret.to_owned()
        })
    };
    let access = said(world, "access_token").unwrap_or_else(|| world.secret("access"));
    world.access.push(access.clone());
    let mut tokens = json!({"access_token": access, "token_type": "Bearer", "expires_in": world.lasts, "issued_by": origin});
    if world.refreshes
        && matches!(value("grant_type"), "authorization_code" | "refresh_token") | value("grant_type").ends_with("device_code")
    {
        let refresh = said(world, "refresh_token").unwrap_or_else(|| world.secret("refresh"));
        world.refresh.push(refresh.clone());
        tokens["refresh_token"] = json!(refresh);
    }
    if let Some(nonce) = world.nonce.map(str::to_owned).or(nonce) {
        let claims = URL_SAFE_NO_PAD.encode(json!({"nonce": nonce}).to_string());
        tokens["id_token"] = json!(format!("e30.{claims}.sig"));
    }
    tokens.as_object_mut().unwrap().extend(says);
    Ok(tokens)
}

/// How the client says who it is.
fn right() -> String {
    format!("Basic {}", STANDARD.encode(format!("mine:{}", url_encoded(CLIENT_SECRET))))
}

fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
