//! A client over streamable HTTP on kept connections: just enough of HTTP/1.1 for the servers measured here. An answer may be JSON or a
//! stream of events that ends with it.

use std::io::{BufRead as _, BufReader as Lines};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::message::{self, PATIENCE, REVISION};
use crate::support::{Measured, because};

/// A server over HTTP; it is ended with this.
pub struct Listening {
    child: Child,
    /// Host and port.
    pub address: String,
}

impl Listening {
    /// Starts a server that says `http://HOST:PORT/mcp` on stderr, and waits until it answers.
    pub fn start(command: &mut Command) -> Measured<Self> {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| format!("{command:?}: {error}"))?;
        let mut said = Lines::new(child.stderr.take().ok_or("no stderr")?).lines().map_while(Result::ok);
        let address = said.find_map(|line| {
            let (_, rest) = line.split_once("http://")?;
            rest.split_once("/mcp").map(|(address, _)| address.to_owned())
        });
        let Some(address) = address else {
            drop(child.kill());
            return Err(format!("{command:?} did not say where it listens: {:?}", child.wait()));
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || said.for_each(drop));
        let listening = Self { child, address };
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(&listening.address).is_err() {
            if Instant::now() > until {
                return Err(format!("{command:?} does not listen at {}", listening.address));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(listening)
    }

    /// The server's process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The head of an answer.
#[derive(Default)]
struct Head {
    status: u16,
    length: Option<usize>,
    chunked: bool,
    session: Option<String>,
}

/// One connection, as a rule of one session.
pub struct Connection {
    stream: BufReader<TcpStream>,
    address: String,
    session: Option<String>,
    line: String,
    body: Vec<u8>,
    last: u64,
}

impl Connection {
    /// Connects without a session.
    pub async fn open(address: &str) -> Measured<Self> {
        let stream = TcpStream::connect(address).await.map_err(because(address))?;
        stream.set_nodelay(true).map_err(because(address))?;
        let stream = BufReader::with_capacity(1 << 16, stream);
        Ok(Self { stream, address: address.to_owned(), session: None, line: String::new(), body: Vec::new(), last: 0 })
    }

    /// Connects and opens a session.
    pub async fn session(address: &str) -> Measured<Self> {
        let mut connection = Self::open(address).await?;
        connection.post(&message::initialize(0)).await?;
        connection.answered(0, "")?;
        connection.post(&message::initialized()).await?;
        Ok(connection)
    }

    /// Another connection of the same session.
    pub async fn beside(&self) -> Measured<Self> {
        let mut other = Self::open(&self.address).await?;
        other.session.clone_from(&self.session);
        Ok(other)
    }

    fn head(&self, method: &str, length: usize) -> String {
        let session = self.session.as_ref().map(|id| format!("Mcp-Session-Id: {id}\r\nMCP-Protocol-Version: {REVISION}\r\n"));
        let body = if method == "POST" { format!("Content-Type: application/json\r\nContent-Length: {length}\r\n") } else { String::new() };
        let accept = if method == "POST" { "application/json, text/event-stream" } else { "text/event-stream" };
        let session = session.unwrap_or_default();
        format!("{method} /mcp HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n{session}{body}\r\n", self.address)
    }

    async fn post(&mut self, text: &str) -> Measured<()> {
        let request = format!("{}{text}", self.head("POST", text.len()));
        self.stream.get_mut().write_all(request.as_bytes()).await.map_err(because("a request"))?;
        let head = self.read_head().await?;
        self.body.clear();
        if head.chunked {
            while self.chunk().await? {}
        } else {
            self.take(head.length.unwrap_or(0)).await?;
        }
        if let Some(session) = head.session {
            self.session = Some(session);
        }
        if (200..300).contains(&head.status) {
            return Ok(());
        }
        Err(format!("status {}: {}", head.status, String::from_utf8_lossy(&self.body)))
    }

    async fn read_line(&mut self) -> Measured<()> {
        self.line.clear();
        match self.stream.read_line(&mut self.line).await.map_err(because("an answer"))? {
            0 => Err(String::from("the server closed the connection")),
            _ => Ok(()),
        }
    }

    async fn read_head(&mut self) -> Measured<Head> {
        self.read_line().await?;
        let status = self.line.split(' ').nth(1).and_then(|number| number.parse().ok());
        let mut head = Head { status: status.ok_or_else(|| format!("no HTTP: {}", self.line))?, ..Head::default() };
        loop {
            self.read_line().await?;
            let Some((name, value)) = self.line.trim_end().split_once(':') else { return Ok(head) };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse().ok(),
                "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
                "mcp-session-id" => head.session = Some(value.to_owned()),
                _ => {}
            }
        }
    }

    async fn take(&mut self, length: usize) -> Measured<()> {
        let from = self.body.len();
        self.body.resize(from + length, 0);
        self.stream.read_exact(&mut self.body[from..]).await.map(drop).map_err(because("an answer"))
    }

    /// Reads one chunk into the body; whether another follows.
    async fn chunk(&mut self) -> Measured<bool> {
        self.read_line().await?;
        let size = self.line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(because("the size of a chunk"))?;
        self.take(size).await?;
        self.read_line().await?;
        Ok(size > 0)
    }

    /// Looks for the answer to a request in what was read.
    fn answered(&self, id: u64, proof: &str) -> Measured<()> {
        let text = std::str::from_utf8(&self.body).map_err(because("an answer"))?;
        let plain = text.starts_with('{').then_some(text);
        let events = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).filter(|data| !data.is_empty());
        for candidate in plain.into_iter().chain(events) {
            if message::answered(candidate, proof)? == Some(id) {
                return Ok(());
            }
        }
        Err(format!("no answer in {text:?}"))
    }

    /// One call of a tool; its time.
    pub async fn call(&mut self, params: &serde_json::Value, proof: &str) -> Measured<Duration> {
        self.last += 1;
        let text = message::request(self.last, "tools/call", params);
        let started = Instant::now();
        self.post(&text).await?;
        let time = started.elapsed();
        self.answered(self.last, proof).map(|()| time)
    }

    /// Opens the stream on which the server speaks unasked, and reads it until the server or the caller ends it.
    pub async fn listen(mut self) -> Measured<()> {
        let head = self.head("GET", 0);
        self.stream.get_mut().write_all(head.as_bytes()).await.map_err(because("a request"))?;
        let head = self.read_head().await?;
        if head.status != 200 {
            return Err(format!("status {} for the stream of a session", head.status));
        }
        let mut sink = [0; 4096];
        while self.stream.read(&mut sink).await.map_err(because("the stream of a session"))? > 0 {}
        Err(String::from("the server closed the stream of a session"))
    }

    /// Numbers the next requests from here, so that connections of one session do not share ids.
    pub fn from(&mut self, id: u64) {
        self.last = id;
    }
}
