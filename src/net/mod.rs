//! The one way out: one client, bounded in time and bytes, guarded against private addresses, following redirects without
//! carrying credentials away. Retries and meaning are the caller's business.

pub mod accept;
mod guard;
mod tls;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
pub use reqwest::{Client, Error as ClientError, Method, header};
use tokio::time::Instant;
use url::Url;

use self::header::{HeaderMap, HeaderName, LOCATION};
use crate::base::error::Code;

/// What leaves.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Body,
    /// Headers that must not reach another host.
    pub secret_headers: Vec<HeaderName>,
}

/// The body of a [`Request`]; can be sent again.
#[derive(Debug, Clone)]
pub enum Body {
    Empty,
    Bytes(Bytes),
    /// Streamed from a file.
    File(PathBuf),
    Multipart(Vec<Part>),
}

/// One part of a multipart body.
#[derive(Debug, Clone)]
pub struct Part {
    pub name: String,
    pub content: PartContent,
}

/// What a part holds.
#[derive(Debug, Clone)]
pub enum PartContent {
    Text(String),
    Json(String),
    Bytes(Bytes),
    File(PathBuf),
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
    /// The service may have seen the request, or one before it in a chain of redirects.
    pub sent: bool,
}

impl Failure {
    /// A failure of the first request.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            sent: !matches!(kind, FailureKind::Unreachable | FailureKind::Refused | FailureKind::Local(_)),
        }
    }
}

/// What a [`Failure`] means for what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection: nothing was sent.
    Unreachable,
    /// An address or file was refused before anything was sent to it.
    Refused,
    /// The request could not be made, for this reason.
    Local(Code),
    /// The service answered with a redirect that is not followed; it carries the status.
    Redirect(u16),
    /// Time was up before an answer came; it may have been sent.
    Timeout,
    /// The connection broke after the request may have been sent.
    Broken,
    /// The answer is larger than allowed.
    TooLarge,
}

/// An answer whose body has not been read.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub url: Url,
    /// The status by which a write was taken, where this answer is what the service then pointed to.
    pub pointed: Option<u16>,
    response: reqwest::Response,
}

/// Bounds of one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub deadline: Instant,
    pub connect_timeout: Duration,
    pub allow_private: bool,
}

const MOST_REDIRECTS: usize = 10;

/// The clients, each made when first needed.
#[derive(Default)]
pub struct Net {
    clients: [OnceLock<Result<reqwest::Client, String>>; 4],
    proxies: Arc<[String]>,
}

impl Net {
    /// `proxies` are hosts of proxies, which may have private addresses.
    pub fn new(proxies: Vec<String>) -> Self {
        Self { proxies: proxies.into(), ..Self::default() }
    }

    fn client(&self, https: bool, limits: &Limits) -> Result<&reqwest::Client, Failure> {
        let slot = usize::from(https) + 2 * usize::from(limits.allow_private);
        let made = self.clients[slot].get_or_init(|| build(https, limits, &self.proxies));
        made.as_ref().map_err(|why| Failure::new(FailureKind::Unreachable, format!("no HTTP client can be made: {why}")))
    }

    /// A client for a library that sends by itself to this address. It follows no redirect, and names lead it to no private address.
    pub fn client_for(&self, url: &Url, limits: &Limits) -> Result<Client, Failure> {
        if !limits.allow_private {
            guard::check(url)?;
        }
        self.client(url.scheme() == "https", limits).cloned()
    }

    /// Sends and gives a redirect back as the answer that it is.
    pub async fn send_once_guarded(&self, request: Request, limits: &Limits) -> Result<Answer, Failure> {
        if !limits.allow_private {
            guard::check(&request.url)?;
        }
        self.send_once(&request, limits).await
    }

    /// Sends and follows redirects.
    pub async fn send(&self, mut request: Request, limits: &Limits) -> Result<Answer, Failure> {
        let (mut status, mut pointed) = (0, None);
        for hop in 0..=MOST_REDIRECTS {
            let sent = |failure: Failure| Failure { sent: failure.sent || hop > 0, ..failure };
            if !limits.allow_private {
                guard::check(&request.url).map_err(sent)?;
            }
            let answer = self.send_once(&request, limits).await.map_err(sent)?;
            status = answer.status;
            match redirect(&request, &answer).map_err(sent)? {
                Some(next) => {
                    pointed = pointed.or((next.method != request.method).then_some(status));
                    request = next;
                }
                None => return Ok(Answer { pointed, ..answer }),
            }
        }
        Err(Failure::new(FailureKind::Redirect(status), format!("more than {MOST_REDIRECTS} redirects")))
    }

    async fn send_once(&self, request: &Request, limits: &Limits) -> Result<Answer, Failure> {
        let client = self.client(request.url.scheme() == "https", limits)?;
        let builder = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        let builder = match &request.body {
            Body::Empty => builder,
            Body::Bytes(bytes) => builder.body(bytes.clone()),
            Body::File(path) => {
                let (file, length) = open(path).await?;
                builder.header(header::CONTENT_LENGTH, length).body(reqwest::Body::from(file))
            }
            Body::Multipart(parts) => builder.multipart(form(parts).await?),
        };
        match tokio::time::timeout_at(limits.deadline, builder.send()).await {
            Err(_) => Err(Failure::new(FailureKind::Timeout, String::from("no answer in time"))),
            Ok(Err(error)) => Err(failure(&error)),
            Ok(Ok(response)) => Ok(Answer {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                url: response.url().clone(),
                pointed: None,
                response,
            }),
        }
    }
}

impl Answer {
    /// The next piece of the body.
    pub async fn chunk(&mut self, limits: &Limits) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout_at(limits.deadline, self.response.chunk()).await {
            Err(_) => Err(Failure::new(FailureKind::Timeout, String::from("the answer did not end in time"))),
            Ok(Err(error)) => Err(Failure::new(FailureKind::Broken, format!("the answer broke off: {}", chain(&error)))),
            Ok(Ok(chunk)) => Ok(chunk),
        }
    }

    /// The whole body, if it is not larger than `most` bytes (after decompression).
    pub async fn bytes(&mut self, limits: &Limits, most: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(limits).await? {
            if (bytes.len() + chunk.len()) as u64 > most {
                return Err(Failure::new(FailureKind::TooLarge, format!("the answer has more than {most} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The request that a redirect asks for; `None` when the answer is none. A write goes to no other origin and is sent again only where
/// the service says so (307, 308); where it says that it took the write and its answer is elsewhere (303, and 302 after a POST, which
/// stands for it since browsers take it so), that is read. A 302 to the same path but for its last slash took nothing.
fn redirect(request: &Request, answer: &Answer) -> Result<Option<Request>, Failure> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    // One that is not followed leaves open what was done where the status may say that it was.
    let refused = |why: String, sent: bool| Err(Failure { sent, ..Failure::new(FailureKind::Redirect(answer.status), why) });
    let refuse = |why: String| refused(why, matches!(answer.status, 302 | 303));
    let Some(location) = answer.header(LOCATION.as_str()) else {
        return Ok(None);
    };
    let Ok(url) = request.url.join(location) else {
        return refuse(String::from("the redirect's location is no URL"));
    };
    let (from, to) = (request.url.origin().ascii_serialization(), url.origin().ascii_serialization());
    if !matches!(url.scheme(), "http" | "https") {
        return refuse(format!("a redirect to {} was not followed", url.scheme()));
    }
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return refuse(format!("a redirect from https to {to} was not followed"));
    }
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    let slash = url.path().trim_end_matches('/') == request.url.path().trim_end_matches('/');
    let taken = !reads && (answer.status == 303 || (answer.status == 302 && request.method == Method::POST && !slash));
    if !reads && (from != to || !(taken || matches!(answer.status, 307 | 308))) {
        let why = format!("the service moved {} to {to} (status {}); a write is not sent elsewhere", request.method, answer.status);
        return refused(why, answer.status == 303 || (answer.status == 302 && !slash));
    }
    let mut next = Request { url, ..request.clone() };
    if taken {
        (next.method, next.body) = (Method::GET, Body::Empty);
        [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LENGTH].iter().for_each(|name| _ = next.headers.remove(name));
    }
    if from != to {
        next.secret_headers.drain(..).for_each(|name| _ = next.headers.remove(name));
    }
    Ok(Some(next))
}

fn build(https: bool, limits: &Limits, proxies: &Arc<[String]>) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(https))
        .user_agent(concat!("angelia/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(limits.connect_timeout)
        .http1_allow_obsolete_multiline_headers_in_responses(false);
    if !limits.allow_private {
        builder = builder.dns_resolver(guard::Resolver { proxies: proxies.clone() });
    }
    builder.build().map_err(|error| chain(&error))
}

async fn open(path: &PathBuf) -> Result<(tokio::fs::File, u64), Failure> {
    let broken = |error: std::io::Error| Failure::new(FailureKind::Refused, format!("{} cannot be read: {error}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(broken)?;
    let length = file.metadata().await.map_err(broken)?.len();
    Ok((file, length))
}

async fn form(parts: &[Part]) -> Result<reqwest::multipart::Form, Failure> {
    let mut form = reqwest::multipart::Form::new();
    for part in parts {
        let made = match &part.content {
            PartContent::Text(text) => reqwest::multipart::Part::text(text.clone()),
            PartContent::Json(text) => {
                reqwest::multipart::Part::text(text.clone()).mime_str("application/json").map_err(|error| failure(&error))?
            }
            PartContent::Bytes(bytes) => {
                reqwest::multipart::Part::stream_with_length(bytes.clone(), bytes.len() as u64).file_name(part.name.clone())
            }
            PartContent::File(path) => {
                let (file, length) = open(path).await?;
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let kind = mime_guess::from_path(path).first_or_octet_stream();
                let made = reqwest::multipart::Part::stream_with_length(reqwest::Body::from(file), length).file_name(name);
                made.mime_str(kind.as_ref()).map_err(|error| failure(&error))?
            }
        };
        form = form.part(part.name.clone(), made);
    }
    Ok(form)
}

/// Whether a URL's host is a private address or a local name, as it is written.
pub fn is_private(url: &Url) -> bool {
    guard::check(url).is_err()
}

/// The failed request in the causes of an error.
pub fn failure_in(error: &(dyn std::error::Error + 'static)) -> Option<Failure> {
    let mut causes = std::iter::successors(Some(error), |at| at.source());
    causes.find_map(|cause| cause.downcast_ref::<reqwest::Error>()).map(failure)
}

fn failure(error: &reqwest::Error) -> Failure {
    if let Some(refused) = guard::refusal(error) {
        return Failure::new(FailureKind::Refused, refused);
    }
    let kind = match (error.is_connect(), error.is_timeout(), error.is_builder()) {
        (true, ..) | (_, _, true) => FailureKind::Unreachable,
        (_, true, _) => FailureKind::Timeout,
        _ => FailureKind::Broken,
    };
    Failure::new(kind, chain(error))
}

/// An error with its causes, without the URL (which may hold a secret).
fn chain(error: &reqwest::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut at: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = at {
        let text = cause.to_string();
        if !said.iter().any(|known| known.contains(&text)) {
            said.push(text);
        }
        at = cause.source();
    }
    if said.is_empty() { String::from("the request failed") } else { said.join(": ") }
}
