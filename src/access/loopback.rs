//! The way back from a browser: a listener on loopback that answers exactly one request, the one with the right path and state, and whose
//! page says plainly what happened. It repeats nothing of what it is sent. Who listens says what the page tells, once it is known.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;

/// The only path that is answered, where nobody names another.
const PATH: &str = "/callback";
/// How long a browser may take to say what it wants.
const READING: Duration = Duration::from_secs(5);
/// How many connections are looked at at once: browsers open some that say nothing.
const MOST: usize = 32;
/// After a connection that could not be taken, as where no file is left to be opened.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest head of a request.
const LONGEST: usize = 16 << 10;

/// A listener that waits for the browser to come back.
pub struct Loopback {
    listener: TcpListener,
    port: u16,
    path: String,
}

/// Whether a browser that is sent to this address comes back to this machine, where it can be listened at.
pub fn is_here(address: &Url) -> bool {
    address.scheme() == "http" && matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

/// The browser, back with an answer; it waits for a page.
pub struct Visit {
    pub answer: Answer,
    stream: Option<TcpStream>,
}

/// What an authorization server says by way of the browser.
#[derive(Debug, Default)]
pub struct Answer {
    /// The path and query that it came with.
    pub target: String,
    pub code: Option<String>,
    /// Who answers, where the server says it (RFC 9207).
    pub issuer: Option<String>,
    /// The error, and what is said of it.
    pub error: Option<(String, String)>,
}

impl Answer {
    /// A parameter that only this service knows.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    }
}

impl Loopback {
    /// Listens on this port, or on any.
    pub async fn open(port: Option<u16>) -> Result<Self> {
        Self::listen("127.0.0.1", port, PATH).await
    }

    /// Listens where this address leads: at its port, or at any where it names none. Answers the address with the port.
    pub async fn at(address: &Url) -> Result<(Self, String)> {
        let host = if address.host_str() == Some("[::1]") { "::1" } else { "127.0.0.1" };
        let loopback = Self::listen(host, address.port(), address.path()).await?;
        let mut whole = address.clone();
        // The port that is usual for http stands for none.
        whole.set_port(Some(loopback.port)).ok();
        Ok((loopback, String::from(whole)))
    }

    async fn listen(host: &str, port: Option<u16>, path: &str) -> Result<Self> {
        let listener = TcpListener::bind((host, port.unwrap_or(0))).await.map_err(|error| {
            let error = Error::new(Code::Unreachable, format!("Nothing can listen on {host}:{}: {error}", port.unwrap_or(0)));
            if port.is_some() { error.hint("Another program uses that port, or another sign-in waits there") } else { error }
        })?;
        let port = listener.local_addr().map(|address| address.port()).unwrap_or_default();
        Ok(Self { listener, port, path: path.to_owned() })
    }

    /// The redirect address, by this name of the loopback address.
    pub fn redirect(&self, host: &str) -> String {
        format!("http://{host}:{}{PATH}", self.port)
    }

    /// Waits for the one request with the right path and state; every other is told nothing, and `strange` is told, once, of answers that
    /// belong to another sign-in.
    pub async fn wait(&self, state: &str, strange: &(dyn Fn(&str) + Sync)) -> Visit {
        let said = AtomicBool::new(false);
        // A page can come with any number of them.
        let once = |text: &str| {
            if !said.swap(true, Ordering::Relaxed) {
                strange(text);
            }
        };
        let mut looks = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(looked) = looks.next() => if let Ok(Some(visit)) = looked {
                    return visit;
                },
                accepted = self.listener.accept(), if looks.len() < MOST => match accepted {
                    Ok((stream, _)) => looks.push(tokio::time::timeout(READING, look(stream, &self.path, state, &once))),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
            }
        }
    }
}

impl Visit {
    /// The visit that a pasted address stands for; `None` when it is not the answer to this sign-in.
    pub fn pasted(text: &str, state: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let target = format!("{PATH}?{}", url.query()?);
        (judged(&target, PATH, state) == Judgement::Right).then(|| Self { answer: answer(&target), stream: None })
    }

    /// Shows the page. `title` and `text` are our own words.
    pub async fn tell(mut self, good: bool, title: &str, text: &str) {
        if let Some(stream) = self.stream.take() {
            let status = if good { "200 OK" } else { "400 Bad Request" };
            // A browser that is gone needs no page.
            tokio::time::timeout(READING, reply(stream, status, title, text)).await.ok();
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Right,
    /// An answer, with a state that is not ours.
    Strange,
    Nothing,
}

/// Whether a request's target is the answer that is waited for.
fn judged(target: &str, expected: &str, state: &str) -> Judgement {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path != expected {
        return Judgement::Nothing;
    }
    let states: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "state").map(|(_, value)| value).collect();
    if states.len() == 1 && states.iter().all(|known| known == state) { Judgement::Right } else { Judgement::Strange }
}

fn answer(target: &str) -> Answer {
    let mut answer = Answer { target: target.to_owned(), ..Answer::default() };
    let said = answer.query("error_description").as_deref().map(printable).unwrap_or_default();
    answer.error = answer.query("error").map(|error| (printable(&error), said));
    answer.code = answer.query("code");
    answer.issuer = answer.query("iss");
    answer
}

async fn look(mut stream: TcpStream, path: &str, state: &str, strange: &(dyn Fn(&str) + Sync)) -> Option<Visit> {
    let mut head = Vec::new();
    let mut bytes = [0; 2048];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") && head.len() < LONGEST {
        let length = stream.read(&mut bytes).await.ok().filter(|length| *length > 0)?;
        head.extend_from_slice(bytes.get(..length)?);
    }
    let text = String::from_utf8_lossy(&head);
    let mut words = text.split_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    match judged(target, path, state) {
        Judgement::Right if method == "GET" => Some(Visit { answer: answer(target), stream: Some(stream) }),
        Judgement::Strange if method == "GET" => {
            strange("An answer came that belongs to no sign-in of this program (its state is wrong); it was refused");
            reply(stream, "400 Bad Request", "Refused", "This answer belongs to no sign-in that waits here. Nothing was done with it.")
                .await;
            None
        }
        _ => {
            reply(stream, "404 Not Found", "Nothing here", "There is nothing here.").await;
            None
        }
    }
}

async fn reply(mut stream: TcpStream, status: &str, title: &str, text: &str) {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Angelia: {0}</title><h1>{0}</h1><p>{1}</p></html>",
        escaped(title),
        escaped(text)
    );
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\ncontent-security-policy: default-src 'none'\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        stream.shutdown().await.ok();
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
