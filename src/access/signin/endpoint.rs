//! One request to an authorization server, and its answer brought into the standard's form: what a service does differently is data of
//! its manifest. Redirects are not followed, and what is said of a failure holds nothing of what was sent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::Url;

use crate::base::error::{Code, Error};
use crate::base::json::{path, plain};
use crate::base::name::printable;
use crate::base::secret::Scrubber;
use crate::net::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::net::{Body, FailureKind, Limits, Method, Net, Request};
use crate::registry::credential::{OAuth, TokenRequest};

/// How long an authorization server may take. Deliberately apart from the time that a call has: who turns away from a token that was
/// just renewed may never get it again.
const PATIENCE: Duration = Duration::from_secs(20);
/// Largest answer of an authorization server.
const LARGEST: u64 = 1 << 20;
/// Parameters that must not be repeated in a message.
const SECRET: &[&str] = &["client_secret", "code", "code_verifier", "refresh_token", "device_code", "assertion", "token"];

/// The way out to an authorization server.
#[derive(Clone)]
pub struct Way {
    pub net: Arc<Net>,
    pub allow_private: bool,
    pub connect_timeout: Duration,
}

/// An authorization server, as one provider's manifest describes it.
pub(super) struct Endpoint {
    pub way: Way,
    pub oauth: OAuth,
    pub title: String,
    /// What must not be repeated in a message, besides what a request holds.
    pub scrubber: Scrubber,
}

/// Why there is no answer to go by. Nothing is known of what was asked.
#[derive(Debug)]
pub(super) struct Lost(pub Error);

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Lost {}

impl<'c> AsyncHttpClient<'c> for Endpoint {
    type Error = Lost;
    type Future = BoxFuture<'c, Result<HttpResponse, Lost>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Endpoint {
    /// Sends a request that the protocol library made; answers as the standard has it.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Lost> {
        let (parts, body) = request.into_parts();
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
        let mut headers = parts.headers;
        let scrubber = self.knows(&pairs, &headers);
        let body = match self.oauth.token_request {
            TokenRequest::Form => body,
            TokenRequest::Json => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                let members: Map<String, Value> = pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
                Value::from(members).to_string().into_bytes()
            }
        };
        let url = Url::parse(&parts.uri.to_string()).map_err(|error| Lost(Error::internal(error.to_string())))?;
        let asked = Request { method: parts.method, url, headers, body: Body::Bytes(body.into()), secret_headers: vec![AUTHORIZATION] };
        let (status, value) = self.ask(asked, &scrubber).await.map_err(Lost)?;
        let made = oauth2::http::Response::builder().status(status).header(CONTENT_TYPE, "application/json");
        made.body(value.to_string().into_bytes()).map_err(|error| Lost(Error::internal(error.to_string())))
    }

    /// Every secret that an answer to this request might repeat.
    fn knows(&self, pairs: &[(String, String)], headers: &HeaderMap) -> Scrubber {
        let mut scrubber = self.scrubber.clone();
        pairs.iter().filter(|(name, _)| SECRET.contains(&name.as_str())).for_each(|(_, value)| scrubber.add(value));
        if let Some(basic) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic ")) {
            scrubber.add(basic);
        }
        scrubber
    }

    async fn ask(&self, request: Request, scrubber: &Scrubber) -> Result<(u16, Value), Error> {
        let (status, body) = self.exchange(request, scrubber).await?;
        standard(&self.oauth, status, &body, scrubber)
            .map_err(|(code, why)| Error::new(code, format!("The authorization server of {} {why}", self.title)).status(status))
    }

    /// Gives a token back by a form; why that was refused, if it was. Services answer success with anything or nothing.
    pub async fn revoked(&self, url: Url, mut headers: HeaderMap, form: &[(String, String)]) -> Result<Option<String>, Error> {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let scrubber = self.knows(form, &headers);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let asked = Request { method: Method::POST, url, headers, body: Body::Bytes(body.into()), secret_headers: vec![AUTHORIZATION] };
        let (status, body) = self.exchange(asked, &scrubber).await?;
        let answer = read(&body).unwrap_or_default();
        let refusal = refusal(status, &answer).filter(|(error, _)| error != "invalid_token");
        Ok(refusal.map(|(error, said)| shown(&if said.is_empty() { error } else { format!("{error}: {said}") }, &scrubber)))
    }

    /// Sends and reads. What says nothing of the request is an error.
    async fn exchange(&self, request: Request, scrubber: &Scrubber) -> Result<(u16, Vec<u8>), Error> {
        let limits = Limits {
            deadline: Instant::now() + PATIENCE,
            connect_timeout: self.way.connect_timeout,
            allow_private: self.way.allow_private,
        };
        let server = format!("The authorization server of {}", self.title);
        let unreachable = |failure: crate::net::Failure| {
            let why = scrubber.scrub(&failure.message);
            let (code, said) = match failure.kind {
                FailureKind::Timeout => (Code::Timeout, String::from("did not answer in time")),
                FailureKind::TooLarge => (Code::InvalidResponse, format!("cannot be understood: {why}")),
                _ => (Code::Unreachable, format!("cannot be reached: {why}")),
            };
            let error = Error::new(code, format!("{server} {said}"));
            if matches!(failure.kind, FailureKind::Refused | FailureKind::TooLarge) { error } else { error.retryable() }
        };
        let from = request.url.clone();
        let mut answer = self.way.net.send_once_guarded(request, &limits).await.map_err(unreachable)?;
        let status = answer.status;
        let body = answer.bytes(&limits, LARGEST).await.map_err(unreachable)?;
        if status >= 500 || matches!(status, 408 | 429) {
            return Err(Error::new(Code::Unreachable, format!("{server} answered {status}; try again later")).retryable().status(status));
        }
        if (300..400).contains(&status) {
            return Err(Error::new(Code::InvalidResponse, format!("{server} {}", led_elsewhere(status, &from, answer.header("location"))))
                .status(status));
        }
        Ok((status, body))
    }
}

/// What is said of a redirect. The request holds secrets, which go to the address that the manifest names and to no other; of the address that
/// was answered only the server is shown.
fn led_elsewhere(status: u16, from: &Url, location: Option<&str>) -> String {
    let to = location.and_then(|location| from.join(location).ok()).filter(|to| to.host_str().is_some());
    let whither = match &to {
        None => String::from("with a redirect"),
        Some(to) if to.origin() == from.origin() => String::from("with a redirect to another of its addresses"),
        Some(to) if to.scheme() == "http" => {
            format!("with a redirect to {}, which is not encrypted", printable(&to.origin().ascii_serialization()))
        }
        Some(to) => format!("with a redirect to {}", printable(&to.origin().ascii_serialization())),
    };
    format!(
        "answered {status} {whither}; it was not followed, since the request holds credentials. Its address in the manifest or in the account's settings must be the final one"
    )
}

/// An answer in the standard's form: an error, tokens (with the whole answer beside them), or what else it holds.
fn standard(oauth: &OAuth, status: u16, body: &[u8], scrubber: &Scrubber) -> Result<(u16, Value), (Code, String)> {
    let strange = |why: String| (Code::InvalidResponse, format!("answered {status} {why}"));
    let answer = read(body).ok_or_else(|| strange(String::from("with what is neither JSON nor a form")))?;
    if let Some((error, said)) = refusal(status, &answer) {
        let said = shown(&said, scrubber);
        if error == format!("status_{status}") && !oauth.ended_errors.contains(&error) {
            // It may be a page of something on the way there: nothing is known of the tokens.
            let colon = if said.is_empty() { "" } else { ": " };
            return Err((Code::ProviderError, format!("answered {status} and names no error{colon}{said}")));
        }
        return Ok((400, json!({"error": shown(&error, scrubber), "error_description": said})));
    }
    let Some(token) = path(&answer, &oauth.token_path).and_then(Value::as_str).filter(|token| !token.is_empty()) else {
        if answer.get("device_code").is_some() {
            return Ok((200, answer));
        }
        return if body.is_empty() { Ok((200, answer)) } else { Err(strange(format!("without a token at '{}'", oauth.token_path))) };
    };
    let mut tokens =
        Map::from_iter([(String::from("access_token"), Value::from(token)), (String::from("token_type"), Value::from("bearer"))]);
    // What belongs to a nested token stands beside it.
    let beside = oauth.token_path.rsplit_once('.').and_then(|(parent, _)| path(&answer, parent));
    let found = |word: &str| beside.and_then(|beside| beside.get(word)).or_else(|| answer.get(word)).filter(|value| !value.is_null());
    for word in ["refresh_token", "id_token"] {
        if let Some(Value::String(text)) = found(word).filter(|text| text.as_str() != Some("")) {
            tokens.insert(word.to_owned(), Value::from(text.as_str()));
        }
    }
    if let Some(seconds) = found("expires_in").and_then(seconds).or(oauth.expires_in) {
        tokens.insert(String::from("expires_in"), Value::from(seconds));
    }
    let scope = found("scope").and_then(|scope| match scope {
        Value::String(text) => Some(text.clone()),
        Value::Array(all) => all.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|all| all.join(" ")),
        _ => None,
    });
    if let Some(scope) = scope {
        tokens.insert(String::from("scope"), Value::from(scope.replace(',', " ")));
    }
    tokens.insert(String::from("answer"), answer);
    Ok((200, Value::from(tokens)))
}

/// What a server said, as it may be shown. A secret is looked for before the text is cut.
fn shown(text: &str, scrubber: &Scrubber) -> String {
    printable(&scrubber.scrub(text))
}

/// JSON, or a form where a service answers so.
fn read(body: &[u8]) -> Option<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Some(json!({}));
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Some(value),
        Ok(_) => None,
        Err(_) => {
            let form = std::str::from_utf8(body).ok().filter(|text| text.contains('=') && !text.contains(['<', '{', '\n']))?;
            Some(url::form_urlencoded::parse(form.as_bytes()).map(|(name, value)| (name.into_owned(), Value::from(&*value))).collect())
        }
    }
}

/// The error of an answer, whatever its status; some say so with 200, some nest it.
fn refusal(status: u16, answer: &Value) -> Option<(String, String)> {
    let text =
        |place: &str| path(answer, place).filter(|value| value.is_string() || value.is_number()).map(plain).filter(|text| !text.is_empty());
    let said = ["error_description", "error.message", "message", "detail"].into_iter().find_map(text).unwrap_or_default();
    if let Some(error) = ["error", "error.status", "error.code", "error.type"].into_iter().find_map(text) {
        return Some((error, said));
    }
    let failed = status >= 400 || answer.get("ok") == Some(&Value::Bool(false));
    failed.then(|| (format!("status_{status}"), said))
}

/// Seconds that a token lives. None and less are no statement: such a token is used until it is refused.
pub(super) fn seconds(value: &Value) -> Option<u64> {
    let number = match value {
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        other => other.to_string().parse::<f64>().ok()?,
    };
    // A century is for ever.
    (1.0..3.2e9).contains(&number).then_some(number as u64)
}
