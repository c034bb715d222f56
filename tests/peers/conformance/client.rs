//! The client that the suite drives: it connects, gets itself authorized where that is asked for, and uses everything that it finds. The
//! browser is a function that follows one redirect, the person agrees to whatever is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use angelia::app::App;
use angelia::base::name::DEFAULT_ACCOUNT;
use angelia::base::origin::Origin;
use angelia::base::secret::Secret;
use angelia::call::executor::BoxFuture;
use angelia::call::request::Ctx;
use angelia::config::dirs::Dirs;
use angelia::mcp::client::ask::Ask;
use angelia::mcp::client::auth::{self, Grant};
use angelia::mcp::client::connect::{Means, Memory};
use angelia::mcp::client::failure::Failure;
use angelia::mcp::client::handler::Person;
use angelia::mcp::client::session::{Manner, Session};
use angelia::mcp::entry::{Entry, Transport};
use angelia::mcp::secrets;
use rmcp::model::{CallToolRequestParams, GetPromptRequestParams, ReadResourceRequestParams};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::Url;

/// How long anything may take; the suite ends the program after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// Servers of older revisions speak on a stream that is opened beside the first request; the suite's lose what they say before it is.
const SETTLING: Duration = Duration::from_millis(500);
/// Authorizations of one run: a server that is never content is given up.
const AUTHORIZATIONS: u32 = 2;
/// The document that the suite takes for ours.
const DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";

/// Agrees, and leaves out what has a default.
struct Agreeable;

impl Person for Agreeable {
    fn fill_in<'a>(&'a self, _server: &'a str, _message: &'a str, schema: &'a Value) -> BoxFuture<'a, Option<Value>> {
        Box::pin(async move { Some(arguments(schema)) })
    }

    fn visit<'a>(&'a self, _server: &'a str, _message: &'a str, _url: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async { true })
    }
}

struct Client {
    means: Arc<Means>,
    entry: Entry,
    manner: Manner,
    context: Value,
    authorizations: u32,
    session: Option<Session>,
}

/// Plays one scenario with the server at this address.
pub async fn run(address: &str) {
    let mut app = App::open(Dirs::find(), None).unwrap();
    app.person = Some(Arc::new(Agreeable));
    let means = app.hub(Arc::new(|note: &str| println!("{note}"))).means();
    let text = |name: &str| std::env::var(name).unwrap_or_default();
    let manner = if text("MCP_CONFORMANCE_PROTOCOL_VERSION").as_str() < "2026-07-28" { Manner::Initialize } else { Manner::Discover };
    let transport = Transport::Http { url: address.to_owned(), headers: BTreeMap::new(), sse: false };
    let entry = Entry { name: "suite".into(), id: "suite".into(), file: "mcp.json".into(), project: None, transport, disabled: false };
    let context: Value = serde_json::from_str(&text("MCP_CONFORMANCE_CONTEXT")).unwrap_or_default();
    if let Some(secret) = context["client_secret"].as_str() {
        let changes = [(String::from("client_secret"), Some(Secret::new(secret.to_owned())))].into();
        let provider = secrets::provider(&entry.provider(), ["client_secret"]).unwrap();
        app.vault().unwrap().store(&app.dirs, &provider, DEFAULT_ACCOUNT, &changes).unwrap();
    }
    let mut client = Client { means, entry, manner, context, authorizations: 0, session: None };
    client.use_everything().await;
}

impl Client {
    async fn use_everything(&mut self) {
        let tools = self.list("tools").await;
        println!("tools: {}", Value::from(tools.clone()));
        let calls = match self.context["toolCalls"].as_array() {
            Some(calls) => calls.clone(),
            None => tools.iter().map(|tool| json!({"name": tool["name"], "arguments": fitting(tool, &tools)})).collect(),
        };
        for call in calls {
            let name = call["name"].as_str().unwrap().to_owned();
            let params = CallToolRequestParams::new(name).with_arguments(call["arguments"].as_object().cloned().unwrap_or_default());
            self.ask(Ask::Tool(params)).await;
        }
        let offers = |what: &str| self.session.as_ref().is_some_and(|session| session.about()["capabilities"].get(what).is_some());
        let (resources, prompts) = (offers("resources"), offers("prompts"));
        for resource in if resources { self.list("resources").await } else { Vec::new() } {
            self.ask(Ask::Resource(ReadResourceRequestParams::new(resource["uri"].as_str().unwrap()))).await;
        }
        for prompt in if prompts { self.list("prompts").await } else { Vec::new() } {
            self.ask(Ask::Prompt(GetPromptRequestParams::new(prompt["name"].as_str().unwrap()))).await;
        }
    }

    async fn list(&mut self, what: &str) -> Vec<Value> {
        self.insist(async |session| session.list(what, &Ctx::new(Origin::Cli), Instant::now() + PATIENCE).await).await.unwrap()
    }

    /// One request; what the server says no to is said, and the next one follows.
    async fn ask(&mut self, ask: Ask) {
        let answered = self.insist(async |session| session.ask(ask.clone(), &Ctx::new(Origin::Cli), Instant::now() + PATIENCE).await).await;
        println!("{ask:?}: {answered:?}");
    }

    /// Tries, and again after an authorization where the server asks for one.
    async fn insist<T>(&mut self, attempt: impl AsyncFn(&Session) -> Result<T, Failure>) -> Result<T, Failure> {
        loop {
            let session = self.connected().await;
            match attempt(&session).await {
                Err(failure) if failure.challenge.is_some() => self.authorize(failure).await,
                answered => {
                    self.session = Some(session);
                    return answered;
                }
            }
        }
    }

    async fn connected(&mut self) -> Session {
        if let Some(session) = self.session.take().filter(Session::alive) {
            return session;
        }
        loop {
            let memory = Memory { manner: self.manner, sse: false, renew: false };
            match self.means.connect(&self.entry, memory, Instant::now() + PATIENCE).await {
                Ok(connected) => {
                    if self.manner == Manner::Initialize {
                        tokio::time::sleep(SETTLING).await;
                    }
                    return connected.session;
                }
                Err(failure) if failure.challenge.is_some() => self.authorize(failure).await,
                Err(failure) => panic!("no connection: {failure:?}"),
            }
        }
    }

    async fn authorize(&mut self, failure: Failure) {
        println!("to be authorized: {failure:?}");
        assert!(self.authorizations < AUTHORIZATIONS, "authorized, and still refused: {}", failure.error.message);
        self.authorizations += 1;
        let (out, address) = self.means.address(&self.entry).unwrap();
        let asked = failure.challenge.as_deref().unwrap_or_default();
        let more = if failure.error.http_status == Some(403) { scopes(asked) } else { Vec::new() };
        let grant = Grant {
            scopes: more,
            client_id: Some(self.context["client_id"].as_str().unwrap_or(DOCUMENT).to_owned()),
            challenge: failure.challenge,
        };
        let browser = |address: &str| drop(tokio::spawn(browse(address.to_owned())));
        auth::authorize(&out, &address.url, self.means.tokens(&self.entry, Some(&address.url)), grant, &browser).await.unwrap();
    }
}

/// Arguments for a tool; the one that echoes a schema gets that of the tool before it.
fn fitting(tool: &Value, tools: &[Value]) -> Value {
    if tool["name"] == "json_schema_echo" { json!({"schema": tools[0]["inputSchema"]}) } else { arguments(&tool["inputSchema"]) }
}

/// The scopes that a challenge names.
fn scopes(challenge: &str) -> Vec<String> {
    let named = challenge.split_once("scope=\"").and_then(|(_, rest)| rest.split_once('"'));
    named.map(|(scopes, _)| scopes.split(' ').map(str::to_owned).collect()).unwrap_or_default()
}

/// Something for each field that is required and has no default.
fn arguments(schema: &Value) -> Value {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut filled = Map::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if required.contains(&name.as_str()) && field.get("default").is_none() {
            filled.insert(name.clone(), value(field));
        }
    }
    filled.into()
}

fn value(field: &Value) -> Value {
    match (field["enum"].get(0), field["type"].as_str()) {
        (Some(first), _) => first.clone(),
        (None, Some("string")) => json!("test"),
        (None, Some("number" | "integer")) => json!(1),
        (None, Some("boolean")) => json!(true),
        (None, Some("array")) => json!([]),
        (None, Some("object")) => arguments(field),
        _ => Value::Null,
    }
}

/// Opens an address, and the one that it leads to.
async fn browse(address: String) {
    let answer = fetch(&Url::parse(&address).unwrap()).await;
    let location = answer.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("location")));
    let (_, location) = location.unwrap_or_else(|| panic!("{address} leads nowhere: {answer}"));
    fetch(&Url::parse(location).unwrap()).await;
}

async fn fetch(url: &Url) -> String {
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).await.unwrap();
    let target = &url[url::Position::BeforePath..];
    let request = format!("GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", url.authority());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
