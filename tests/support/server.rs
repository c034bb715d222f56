//! A loopback HTTP/1.1 server for tests, in plain std: answers what a handler says, also what no honest server would send,
//! and remembers every request.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    nth: usize,
}

impl Request {
    /// The path as sent, without query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Query parameters, decoded.
    pub fn queries(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// One query parameter, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// How many requests of this path there have been, this one included.
    pub fn nth(&self) -> usize {
        self.nth
    }
}

enum Content {
    Bytes(Vec<u8>),
    Half(Vec<u8>, usize),
    Reset,
    Huge(u64),
    Endless,
    Trickle(Duration),
}

/// What the server answers.
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    content: Content,
}

impl Reply {
    fn of(status: u16, content: Content) -> Self {
        Self { status, headers: vec![("content-type".into(), "application/json".into())], content }
    }

    /// 200 with a body.
    pub fn ok(body: &[u8]) -> Self {
        Self::of(200, Content::Bytes(body.to_vec()))
    }

    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::of(status, Content::Bytes(Vec::new()))
    }

    /// Promises `length` bytes, sends these and closes.
    pub fn half(body: &[u8], length: usize) -> Self {
        Self::of(200, Content::Half(body.to_vec(), length))
    }

    /// Reads the request and closes without a word.
    pub fn reset() -> Self {
        Self::of(0, Content::Reset)
    }

    /// So many bytes of text.
    pub fn huge(bytes: u64) -> Self {
        Self::of(200, Content::Huge(bytes))
    }

    /// A chunked body that does not end.
    pub fn endless() -> Self {
        Self::of(200, Content::Endless)
    }

    /// A byte now and then.
    pub fn trickle(pause: Duration) -> Self {
        Self::of(200, Content::Trickle(pause))
    }

    /// A small body that unpacks to so many bytes.
    pub fn gzip_bomb(bytes: usize) -> Self {
        Self::of(200, Content::Bytes(gzip_of_zeros(bytes))).header("content-encoding", "gzip")
    }

    /// Sets a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: &[u8]) -> Self {
        self.content = Content::Bytes(body.to_vec());
        self
    }
}

fn gzip_of_zeros(bytes: usize) -> Vec<u8> {
    let piped = std::process::Stdio::piped;
    let mut child = std::process::Command::new("gzip").arg("-1c").stdin(piped()).stdout(piped()).spawn().expect("gzip");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&vec![b'0'; bytes]));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server on a free loopback port; stops when dropped.
pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Starts with a handler.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let stopped = Arc::new(AtomicBool::new(false));
        let handler: Arc<Handler> = Arc::new(handler);
        let (known, stop) = (requests.clone(), stopped.clone());
        std::thread::spawn(move || {
            let counts: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (handler, known, counts, stop) = (handler.clone(), known.clone(), counts.clone(), stop.clone());
                std::thread::spawn(move || serve(stream, &*handler, &known, &counts, &stop));
            }
        });
        Self { port, requests, stopped }
    }

    /// Such as `http://127.0.0.1:4321`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(stream: TcpStream, handler: &Handler, known: &Mutex<Vec<Request>>, counts: &Mutex<HashMap<String, usize>>, stop: &AtomicBool) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(mut request) = read(&mut reader) {
        request.nth = {
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(request.path().to_owned()).or_insert(0);
            *count += 1;
            *count
        };
        known.lock().unwrap().push(request.clone());
        let reply = handler(&request);
        if write(&stream, &request, &reply, stop).is_none() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = header("content-length") {
        body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
    }
    Some(Request { method, target, headers, body, nth: 0 })
}

/// Sends a reply; `None` when the connection is over.
fn write(mut stream: &TcpStream, request: &Request, reply: &Reply, stop: &AtomicBool) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = match &reply.content {
        Content::Bytes(body) => body.len() as u64,
        Content::Half(_, length) => *length as u64,
        Content::Huge(bytes) => *bytes,
        Content::Trickle(_) => 100_000,
        Content::Endless | Content::Reset => 0,
    };
    match &reply.content {
        Content::Reset => return None,
        Content::Endless => head.push_str("transfer-encoding: chunked\r\n\r\n"),
        _ if reply.status == 204 => head.push_str("\r\n"),
        _ => head.push_str(&format!("content-length: {length}\r\n\r\n")),
    }
    stream.write_all(head.as_bytes()).ok()?;
    if request.method == "HEAD" {
        return Some(());
    }
    let block = [b'x'; 64 << 10];
    match &reply.content {
        Content::Bytes(body) => stream.write_all(body).ok(),
        Content::Half(body, _) => {
            stream.write_all(body).ok()?;
            drop(stream.shutdown(std::net::Shutdown::Both));
            None
        }
        Content::Huge(bytes) => {
            for _ in 0..bytes / block.len() as u64 {
                stream.write_all(&block).ok()?;
            }
            None
        }
        Content::Endless => loop {
            stream.write_all(format!("{:x}\r\n", block.len()).as_bytes()).ok()?;
            stream.write_all(&block).ok()?;
            stream.write_all(b"\r\n").ok()?;
        },
        Content::Trickle(pause) => {
            while !stop.load(Ordering::SeqCst) {
                stream.write_all(b" ").ok()?;
                std::thread::sleep(*pause);
            }
            None
        }
        Content::Reset => None,
    }
}
