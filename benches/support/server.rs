//! A loopback HTTP/1.1 server that answers every request with the same small JSON and keeps connections open.
//! One thread per connection. Nothing is looked at but where the head of a request ends: a body, which only forms have here, is one
//! line without an end, and so it goes for the beginning of the next request.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::{Measured, because};

/// What every request is answered with.
pub const BODY: &str = concat!(
    r#"{"id":7,"title":"Printer on the second floor is out of paper","state":"open","labels":["office","printer"],"#,
    r#""author":{"id":12,"name":"Ada"},"comments":3,"created_at":"2026-01-02T03:04:05Z"}"#
);

/// A word of [`BODY`] by which an answer is recognised.
pub const PROOF: &str = "second floor";

/// A running server; it ends with the process.
pub struct Server {
    pub url: String,
    served: Arc<AtomicU64>,
    body: Arc<RwLock<String>>,
}

impl Server {
    /// Listens on a free port.
    pub fn start() -> Measured<Self> {
        Self::slow(Duration::ZERO)
    }

    /// As [`Server::start`], but each answer takes so long.
    pub fn slow(wait: Duration) -> Measured<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(because("no loopback server"))?;
        let address = listener.local_addr().map_err(because("no loopback server"))?;
        let server = Self { url: format!("http://{address}"), served: Arc::default(), body: Arc::new(RwLock::new(BODY.to_owned())) };
        let (served, body) = (server.served.clone(), server.body.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (served, body) = (served.clone(), body.clone());
                std::thread::spawn(move || serve(&connection, &served, &body, wait));
            }
        });
        Ok(server)
    }

    /// From now on every request is answered with this JSON.
    pub fn answer(&self, json: &str) {
        if let Ok(mut body) = self.body.write() {
            json.clone_into(&mut body);
        }
    }

    /// Requests answered so far: proof that a measured program really asked.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

fn serve(connection: &TcpStream, served: &AtomicU64, body: &RwLock<String>, wait: Duration) {
    // A broken connection is the client's to report.
    drop(connection.set_nodelay(true));
    let mut reader = BufReader::new(connection);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line == b"\r\n" => {
                served.fetch_add(1, Ordering::Relaxed);
                if !wait.is_zero() {
                    std::thread::sleep(wait);
                }
                if answer(connection, body).is_none() {
                    return;
                }
            }
            Ok(_) => {}
        }
    }
}

fn answer(mut connection: &TcpStream, body: &RwLock<String>) -> Option<()> {
    let body = body.read().ok()?;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(&[head.as_bytes(), body.as_bytes()].concat()).ok()
}
