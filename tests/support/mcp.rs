//! A client that speaks MCP over the program's stdin and stdout, line by line, and shows everything that comes back.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::home::Home;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One client with its server.
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    next: u64,
    /// Messages that were no answer to what was asked, in their order.
    pub heard: Vec<Value>,
}

impl Client {
    /// Starts `mcp:serve` with these words; nothing is sent yet.
    pub fn start(home: &Home, words: &[&str]) -> Self {
        let words = [&["mcp:serve"], words].concat();
        let mut child = home.command(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line).unwrap_or_else(|error| panic!("no protocol on stdout: {error}: {line:?}"));
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        Self { stdin: child.stdin.take(), child, lines, next: 0, heard: Vec::new() }
    }

    /// Starts and shakes hands with these capabilities.
    pub fn open(home: &Home, words: &[&str], capabilities: Value) -> Self {
        let mut client = Self::start(home, words);
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "Test Client", "version": "1"},
        });
        client.ask("initialize", params);
        client.notify("notifications/initialized", json!({}));
        client
    }

    /// Writes one line as it is.
    pub fn write(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
        stdin.flush().unwrap();
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.write(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
    }

    /// Sends a request and does not wait; its id.
    pub fn send(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        self.write(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}).to_string());
        self.next
    }

    /// The answer to a request, with `result` or `error`; what comes before it is put into `heard`.
    pub fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.lines.recv_timeout(PATIENCE).expect("an answer");
            if message.get("id") == Some(&json!(id)) && message.get("method").is_none() {
                return message;
            }
            self.heard.push(message);
        }
    }

    /// The whole answer to a request.
    pub fn asked(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// The result of a request that must succeed.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.asked(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The result of a tool.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// The next message of this method, also one that was heard before.
    pub fn wait_for(&mut self, method: &str) -> Value {
        let is = |message: &Value| message["method"] == method;
        if let Some(at) = self.heard.iter().position(is) {
            return self.heard.remove(at);
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())).expect("a message");
            if is(&message) {
                return message;
            }
            self.heard.push(message);
        }
    }

    /// The next message, whatever it is.
    pub fn wait_for_any(&mut self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("a message")
    }

    /// Closes stdin and waits; the exit code.
    pub fn close(mut self) -> i32 {
        self.stdin = None;
        self.end()
    }

    /// Sends SIGTERM and waits; the exit code.
    pub fn terminate(mut self) -> i32 {
        let sent = std::process::Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.end()
    }

    fn end(&mut self) -> i32 {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status.code().unwrap_or(-1),
                None if Instant::now() > until => return -2,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The text of a tool's result.
pub fn text(result: &Value) -> String {
    let blocks = result["content"].as_array().into_iter().flatten();
    blocks.filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
}
