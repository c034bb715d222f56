//! The rest of the world: a loopback HTTP/1.1 server on a port of its own, a thread per connection, connections kept.
//! It answers what a handler says, also what no honest server would send, and remembers every request.

use std::collections::HashMap;
use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::request::Request;

/// An honest answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// A status without headers and body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// 200 with a JSON body.
    pub fn json(body: &Value) -> Self {
        Self::new(200).header("content-type", "application/json").body(body.to_string())
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Sets the status.
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

/// What a handler may answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// As it should be.
    Full(Response),
    /// Promises one byte more than the body has, and closes.
    Half(Response),
    /// Resets the connection without a word, after the request was read. `Raw` of nothing closes it politely.
    Reset,
    /// The head at once, then a byte of the body after each pause.
    Trickle(Response, Duration),
    /// The body as one chunk, again and again.
    Endless(Response),
    /// The head, then a JSON string of exactly so many bytes (two at least).
    Huge(Response, u64),
    /// These bytes, whatever they are; then closes.
    Raw(Vec<u8>),
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self::Full(response)
    }
}

struct Shared {
    handler: Box<dyn Fn(&Request) -> Reply + Send + Sync>,
    requests: Mutex<Vec<Request>>,
    problems: Mutex<Vec<String>>,
    /// Open connections, to be cut when the world ends.
    streams: Mutex<HashMap<usize, TcpStream>>,
    stopped: AtomicBool,
}

/// The server. Stops when dropped, also in the middle of an answer; a handler that panicked fails the test then.
pub struct World {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<Vec<JoinHandle<()>>>>,
}

impl World {
    /// Starts with a handler.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            requests: Mutex::default(),
            problems: Mutex::default(),
            streams: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let known = shared.clone();
        Self { address, shared, accepting: Some(thread::spawn(move || accept(&listener, &known))) }
    }

    /// Such as `http://127.0.0.1:4321`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Every request since the last time, taken away.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut lock(&self.shared.requests))
    }

    /// What came and was no request.
    pub fn problems(&self) -> Vec<String> {
        lock(&self.shared.problems).clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        let connections = self.accepting.take().and_then(|accepting| accepting.join().ok()).unwrap_or_default();
        for stream in lock(&self.shared.streams).values() {
            drop(stream.shutdown(Shutdown::Both));
        }
        for connection in connections {
            if let Err(panic) = connection.join()
                && !thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
    let mut connections = Vec::new();
    for (number, stream) in listener.incoming().enumerate() {
        if shared.stopped.load(Ordering::SeqCst) {
            break;
        }
        let (Ok(stream), shared) = (stream, shared.clone()) else { continue };
        if let Ok(other) = stream.try_clone() {
            lock(&shared.streams).insert(number, other);
            connections.push(thread::spawn(move || serve(stream, number, &shared)));
        }
    }
    connections
}

/// How a connection goes on after an answer.
enum After {
    Keep,
    Close,
    Reset,
}

fn serve(stream: TcpStream, number: usize, shared: &Shared) {
    drop(stream.set_nodelay(true));
    let after = converse(&stream, number, shared);
    // A connection is over when its last handle is dropped: first the one kept for the end of the world.
    lock(&shared.streams).remove(&number);
    if matches!(after, Ok(After::Reset)) {
        let socket = tokio::net::TcpSocket::from_std_stream(stream);
        drop(socket.set_zero_linger());
    } else {
        drop(stream.shutdown(Shutdown::Both));
    }
}

fn converse(stream: &TcpStream, number: usize, shared: &Shared) -> io::Result<After> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = match Request::read(&mut reader) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(After::Close),
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData && !shared.stopped.load(Ordering::SeqCst) {
                    lock(&shared.problems).push(error.to_string());
                    send(stream, &head(&Response::new(400), Some("content-length: 0")))?;
                }
                return Err(error);
            }
        };
        request.connection = number;
        lock(&shared.requests).push(request.clone());
        let closes = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        match answer(stream, &request, (shared.handler)(&request), &shared.stopped)? {
            After::Keep if !closes => {}
            After::Keep => return Ok(After::Close),
            other => return Ok(other),
        }
    }
}

fn send(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)
}

fn head(response: &Response, framing: Option<&str>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Said\r\n", response.status);
    response.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    framing.iter().for_each(|framing| head.push_str(&format!("{framing}\r\n")));
    head.push_str("\r\n");
    head.into_bytes()
}

fn length(bytes: u64) -> String {
    format!("content-length: {bytes}")
}

fn answer(stream: &TcpStream, request: &Request, reply: Reply, stopped: &AtomicBool) -> io::Result<After> {
    match reply {
        Reply::Full(response) => {
            let bodiless = matches!(response.status, 100..200 | 204 | 304);
            let size = length(response.body.len() as u64);
            let mut bytes = head(&response, (!bodiless).then_some(&size));
            if !bodiless && request.method != "HEAD" {
                bytes.extend(&response.body);
            }
            send(stream, &bytes)?;
            return Ok(After::Keep);
        }
        Reply::Half(response) => {
            send(stream, &head(&response, Some(&length(response.body.len() as u64 + 1))))?;
            send(stream, &response.body)?;
        }
        Reply::Reset => return Ok(After::Reset),
        Reply::Trickle(response, pause) => {
            send(stream, &head(&response, Some(&length(response.body.len() as u64))))?;
            for byte in response.body {
                thread::sleep(pause);
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                send(stream, &[byte])?;
            }
        }
        Reply::Endless(response) => {
            send(stream, &head(&response, Some("transfer-encoding: chunked")))?;
            let chunk = [format!("{:x}\r\n", response.body.len()).as_bytes(), &response.body, b"\r\n"].concat();
            while !stopped.load(Ordering::SeqCst) {
                send(stream, &chunk)?;
            }
        }
        Reply::Huge(response, bytes) => {
            send(stream, &head(&response, Some(&length(bytes))))?;
            send(stream, b"\"")?;
            let block = [b'x'; 64 << 10];
            let mut left = bytes.saturating_sub(2);
            while left > 0 && !stopped.load(Ordering::SeqCst) {
                let size = left.min(block.len() as u64);
                send(stream, &block[..usize::try_from(size).unwrap_or(block.len())])?;
                left -= size;
            }
            send(stream, b"\"")?;
        }
        Reply::Raw(bytes) => send(stream, &bytes)?,
    }
    Ok(After::Close)
}

mod tests {
    use std::io::{self, Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::{Reply, Response, World};

    fn connect(world: &World) -> TcpStream {
        let stream = TcpStream::connect(world.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// What the server sends until the connection ends, and how it ends.
    fn exchange(reply: Reply) -> (String, io::Result<usize>) {
        let world = World::start(move |_| reply.clone());
        let mut stream = connect(&world);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes);
        (String::from_utf8(bytes).unwrap(), end)
    }

    fn small() -> Response {
        Response::new(200).body("abc")
    }

    #[test]
    fn honest_answers_keep_the_connection() {
        let world = World::start(|request| match request.path() {
            "/none" => Response::new(204).into(),
            path => Response::json(&json!({"path": path})).status(201).header("x-a", "1").into(),
        });
        let mut stream = connect(&world);
        let mut expected = String::from("HTTP/1.1 204 Said\r\n\r\n");
        stream.write_all(b"GET /none HTTP/1.1\r\n\r\n").unwrap();
        for (method, body) in [("HEAD", ""), ("POST", "{\"path\":\"/b\"}")] {
            stream.write_all(format!("{method} /b HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
            expected.push_str("HTTP/1.1 201 Said\r\ncontent-type: application/json\r\nx-a: 1\r\ncontent-length: 13\r\n\r\n");
            expected.push_str(body);
        }
        let mut bytes = vec![0; expected.len()];
        stream.read_exact(&mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        assert!(world.requests().iter().all(|request| request.connection == 0));
        connect(&world).write_all(b"GARBAGE\r\n\r\n").unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while world.problems().is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(world.problems(), ["request line \"GARBAGE\""]);
        assert_eq!((world.take().len(), world.requests().len()), (3, 0));
    }

    #[test]
    fn hostile_answers_are_hostile() {
        let (half, end) = exchange(Reply::Half(small()));
        assert_eq!((half.as_str(), end.is_ok()), ("HTTP/1.1 200 Said\r\ncontent-length: 4\r\n\r\nabc", true));
        let (nothing, end) = exchange(Reply::Reset);
        assert_eq!((nothing.as_str(), end.unwrap_err().kind()), ("", io::ErrorKind::ConnectionReset));
        let (huge, _) = exchange(Reply::Huge(small(), 70_000));
        assert!(huge.ends_with("\"") && huge.contains("\r\ncontent-length: 70000\r\n\r\n\"xxx"));
        assert_eq!(huge.split_once("\r\n\r\n").unwrap().1.len(), 70_000);
        assert_eq!(exchange(Reply::Raw(b"?".into())).0, "?");
        let started = Instant::now();
        assert!(exchange(Reply::Trickle(small(), Duration::from_millis(20))).0.ends_with("\r\n\r\nabc"));
        assert!(started.elapsed() >= Duration::from_millis(60));
    }

    #[test]
    fn an_endless_answer_ends_with_the_world() {
        let world = World::start(|_| Reply::Endless(small()));
        let mut stream = connect(&world);
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let expected = "HTTP/1.1 200 Said\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n";
        let mut bytes = vec![0; expected.len()];
        stream.read_exact(&mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        drop(world);
        let rest = io::copy(&mut stream, &mut io::sink());
        assert!(rest.is_ok() || rest.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
    }
}
