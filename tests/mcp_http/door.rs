//! A door with a small handler behind it, and a client that sends exactly the bytes it is told to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use angelia::mcp::http::{Door, Limits, grant, serve};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ProgressNotificationParam, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::home::Home;

pub const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// Tools: `who` names the key, `sleep` takes its milliseconds, `progress` says so on its way.
#[derive(Clone)]
struct Small;

impl ServerHandler for Small {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        if let Some(token) = context.meta.get_progress_token() {
            context.peer.notify_progress(ProgressNotificationParam::new(token, 1.0)).await.ok();
        }
        tokio::time::sleep(Duration::from_millis(arguments.get("ms").and_then(Value::as_u64).unwrap_or(0))).await;
        let said = match &*request.name {
            "who" => grant(&context.extensions).map_or(String::from("nobody"), |grant| format!("{}/{:?}", grant.key, grant.profile)),
            "large" => "x".repeat(arguments.get("bytes").and_then(Value::as_u64).unwrap_or(0) as usize),
            other => other.to_owned(),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(said)]).into())
    }
}

/// How a test opens its door.
pub struct Setting {
    pub address: &'static str,
    pub require_key: bool,
    pub hosts: Vec<String>,
    pub origins: Vec<String>,
    pub tls: Option<(PathBuf, PathBuf)>,
    pub limits: Limits,
}

impl Default for Setting {
    fn default() -> Self {
        let (hosts, origins) = (Vec::new(), Vec::new());
        // Long enough for a machine that is busy.
        let limits = Limits { at_once: Duration::from_millis(700), ..Limits::default() };
        Self { address: "127.0.0.1:0", require_key: false, hosts, origins, tls: None, limits }
    }
}

/// A door that is open until it is dropped.
pub struct Open {
    pub home: Home,
    pub address: SocketAddr,
    stop: CancellationToken,
    ended: mpsc::Receiver<angelia::base::error::Result<()>>,
}

impl Setting {
    /// Opens it, or says why not.
    pub fn try_open(self, home: Home) -> Result<Open, angelia::base::error::Error> {
        let (bound, hears) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let stop = CancellationToken::new();
        let door = Door {
            address: self.address.parse().unwrap(),
            tls: self.tls,
            hosts: self.hosts,
            origins: self.origins,
            keys: Some(home.root().join("data/mcp-keys.json")),
            require_key: self.require_key,
            limits: self.limits,
        };
        let stopped = stop.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let served = runtime.block_on(serve(|| Small, door, stopped, move |address| bound.send(address).unwrap()));
            runtime.shutdown_background();
            end.send(served).ok();
        });
        match hears.recv() {
            Ok(address) => Ok(Open { home, address, stop, ended }),
            Err(_) => Err(ended.recv().unwrap().unwrap_err()),
        }
    }

    pub fn open(self) -> Open {
        self.try_open(Home::new()).unwrap()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Answer {
    /// The answer, be it JSON or the last event of a stream.
    pub fn json(&self) -> Value {
        let last = self.body.lines().rev().find_map(|line| line.strip_prefix("data: {"));
        serde_json::from_str(&last.map_or_else(|| self.body.clone(), |rest| format!("{{{rest}")))
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    /// The text that a tool said.
    pub fn text(&self) -> String {
        self.json()["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {self:?}")).to_owned()
    }
}

/// A connection whose answer is read as it comes.
pub struct Wire<S: Read + Write = TcpStream> {
    reader: BufReader<S>,
}

impl<S: Read + Write> Wire<S> {
    pub fn over(stream: S) -> Self {
        Self { reader: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    /// Status and headers.
    pub fn head(&mut self) -> Answer {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no status line: {line:?}"));
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        Answer { status, headers, body: String::new() }
    }

    /// The next chunk of a stream; `None` at its end.
    pub fn chunk(&mut self) -> Option<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut bytes = vec![0; length + 2];
        self.reader.read_exact(&mut bytes).ok()?;
        (length > 0).then(|| String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// Everything.
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        if answer.headers.get("transfer-encoding").is_some_and(|value| value == "chunked") {
            while let Some(chunk) = self.chunk() {
                answer.body.push_str(&chunk);
            }
        } else {
            let length = answer.headers.get("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            let mut bytes = vec![0; length];
            self.reader.read_exact(&mut bytes).unwrap();
            answer.body = String::from_utf8(bytes).unwrap();
        }
        answer
    }
}

/// The bytes of a request.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    let usual = [("Host", "localhost"), ("Accept", "application/json, text/event-stream"), ("Content-Type", "application/json")];
    let given = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    for (name, value) in usual.iter().filter(|(name, _)| !given(name)).chain(headers) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !given("Content-Length") && method != "GET" {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}").into_bytes()
}

impl Open {
    pub fn wire(&self) -> Wire {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Wire::over(stream)
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut wire = self.wire();
        wire.send(&request(method, target, headers, body));
        wire.answer()
    }

    /// A POST to the endpoint.
    pub fn post(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask("POST", "/mcp", headers, body)
    }

    /// Opens a session; these headers go with every request of it.
    pub fn session(&self, headers: &[(&'static str, &str)]) -> Client<'_> {
        let answer = self.post(headers, INITIALIZE);
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer.headers.get("mcp-session-id").unwrap_or_else(|| panic!("no session: {answer:?}")).clone();
        let mut all: Vec<(&'static str, String)> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        all.push(("Mcp-Session-Id", id));
        let client = Client { door: self, headers: all };
        assert_eq!(client.post(INITIALIZED).status, 202);
        client
    }

    /// Makes a key with the program and answers its secret as a header's value.
    pub fn key(&self, words: &[&str]) -> String {
        bearer(&self.home, words)
    }

    /// Tells it to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for its end.
    pub fn ended(&self, within: Duration) -> bool {
        self.ended.recv_timeout(within).is_ok_and(|served| served.is_ok())
    }
}

/// Makes a key with the program and answers its secret as a header's value.
pub fn bearer(home: &Home, words: &[&str]) -> String {
    let made = home.run(&[&["mcp:key:create"], words, &["--json"]].concat());
    assert_eq!(made.code, 0, "{made:?}");
    format!("Bearer {}", made.json()["secret"].as_str().unwrap())
}

/// One session.
pub struct Client<'a> {
    door: &'a Open,
    headers: Vec<(&'static str, String)>,
}

impl Client<'_> {
    pub fn id(&self) -> &str {
        &self.headers.last().unwrap().1
    }

    fn with<'h>(&'h self, more: &[(&'h str, &'h str)]) -> Vec<(&'h str, &'h str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect()
    }

    pub fn ask(&self, method: &str, more: &[(&str, &str)], body: &str) -> Answer {
        self.door.ask(method, "/mcp", &self.with(more), body)
    }

    pub fn post(&self, body: &str) -> Answer {
        self.ask("POST", &[], body)
    }

    pub fn call(&self, id: u64, tool: &str, arguments: &Value) -> Answer {
        self.post(&call(id, tool, arguments))
    }

    /// Sends and does not wait.
    pub fn begin(&self, method: &str, more: &[(&str, &str)], body: &str) -> Wire {
        let mut wire = self.door.wire();
        wire.send(&request(method, "/mcp", &self.with(more), body));
        wire
    }
}

/// A call of a tool.
pub fn call(id: u64, tool: &str, arguments: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}).to_string()
}
