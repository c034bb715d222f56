//! What goes back: refusals as JSON-RPC errors, and answers that came at once as plain JSON instead of a stream of one event.

use std::borrow::Cow;
use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// Every body that we send.
pub type Body = BoxBody<Bytes, Infallible>;

/// JSON-RPC's codes.
pub const PARSE_ERROR: i32 = -32700;
pub const INVALID_REQUEST: i32 = -32600;
/// What the server refuses for reasons of its own.
pub const REFUSED: i32 = -32000;
/// The session is not there.
pub const NO_SESSION: i32 = -32001;

/// A request that is not served.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    pub code: i32,
    pub message: Cow<'static, str>,
    /// The request's own id, where it was readable.
    pub id: Value,
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// With a status and a line.
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: REFUSED, message: message.into(), id: Value::Null, retry_after: None }
    }

    /// A message that is no request of this protocol.
    pub fn invalid(code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// The session is not there, or not the client's: which of the two is not said.
    pub fn no_session() -> Self {
        Self { code: NO_SESSION, ..Self::new(StatusCode::NOT_FOUND, "session not found: send initialize to open one") }
    }

    /// To be tried again.
    pub fn later(status: StatusCode, message: impl Into<Cow<'static, str>>, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(status, message) }
    }

    /// Names the request.
    pub fn of(self, id: Value) -> Self {
        Self { id, ..self }
    }

    /// As an answer over HTTP.
    pub fn response(self) -> Response<Body> {
        let error = json!({"jsonrpc": "2.0", "id": self.id, "error": {"code": self.code, "message": self.message}});
        let mut response = json(self.status, error.to_string());
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"angelia\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON document.
pub fn json(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = empty(status);
    *response.body_mut() = Full::new(text.into()).boxed();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A status alone.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(http_body_util::Empty::new().boxed());
    *response.status_mut() = status;
    response
}

fn starts(headers: &HeaderMap, kind: &str) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(kind.as_bytes()))
}

/// Gives an error that rmcp said as text the form that every other error has.
pub async fn speak_json(response: Response<Body>, id: &Value) -> Response<Body> {
    let refused = response.status().is_client_error() || response.status().is_server_error();
    if !refused || starts(response.headers(), "application/json") {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let said = String::from_utf8_lossy(&text).into_owned();
    // The body was JSON-RPC, but its parameters fit no method that has this name.
    let misfit = said.starts_with("fail to deserialize");
    if misfit {
        parts.status = StatusCode::BAD_REQUEST;
    }
    let code = if misfit { INVALID_REQUEST } else { REFUSED };
    let message = if misfit { String::from("the message is no request, notification or answer of this protocol") } else { said };
    let mut answer = Refusal { code, ..Refusal::new(parts.status, message) }.of(id.clone()).response();
    parts.headers.remove(CONTENT_TYPE);
    answer.headers_mut().extend(parts.headers);
    answer
}

/// A stream whose first message is the answer becomes JSON, if the answer comes in this time.
pub async fn settle(response: Response<Body>, patience: Duration) -> Response<Body> {
    if !starts(response.headers(), "text/event-stream") {
        return response;
    }
    let (mut parts, mut body) = response.into_parts();
    let mut seen: Vec<Bytes> = Vec::new();
    let mut waiting = std::pin::pin!(tokio::time::sleep(patience));
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = &mut waiting => break,
        };
        let Some(Ok(Ok(event))) = frame.map(|frame| frame.map(Frame::into_data)) else { break };
        if let Some(answer) = answer(&event) {
            parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            parts.headers.remove("x-accel-buffering");
            // The stream ends with its answer; reading the end says so to whoever watches it.
            drop(tokio::time::timeout(patience, body.frame()).await);
            return Response::from_parts(parts, Full::new(answer).boxed());
        }
        let more = data(&event).is_none_or(|data| data.is_empty());
        seen.push(event);
        if !more {
            break;
        }
    }
    let first = stream::iter(seen).map(|event| Ok(Frame::data(event)));
    Response::from_parts(parts, BoxBody::new(StreamBody::new(first.chain(BodyStream::new(body)))))
}

/// What an event carries.
fn data(event: &Bytes) -> Option<Bytes> {
    let start = event.strip_prefix(b"data: ")?;
    let length = start.iter().position(|byte| *byte == b'\n').unwrap_or(start.len());
    Some(event.slice(b"data: ".len()..b"data: ".len() + length))
}

/// The answer that an event carries, if it carries one: a request or a notification has no `result` or `error` behind its id.
fn answer(event: &Bytes) -> Option<Bytes> {
    let data = data(event)?;
    let rest = data.strip_prefix(br#"{"jsonrpc":"2.0","id":"#)?;
    let length = match rest.strip_prefix(b"\"") {
        Some(text) => {
            let mut escaped = false;
            let end = text.iter().position(|byte| {
                let ends = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            });
            end? + 2
        }
        None => rest.iter().position(|byte| *byte == b',')?,
    };
    let after = rest.get(length..)?;
    (after.starts_with(br#","result":"#) || after.starts_with(br#","error":"#)).then_some(data.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(event: &'static str) -> Option<Bytes> {
        answer(&Bytes::from_static(event.as_bytes()))
    }

    #[test]
    fn an_answer_is_told_from_a_request_and_a_notification() {
        let answers = [
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":"a\"\\","result":{"method":1}}"#,
            r#"{"jsonrpc":"2.0","id":-5,"error":{"code":1,"message":"\n"}}"#,
        ];
        for text in answers {
            let event = Bytes::from(format!("data: {text}\nid: 1/2\n\n"));
            assert_eq!(answer(&event).as_deref(), Some(text.as_bytes()), "{text}");
        }
        assert!(found("data: \nid: 0/2\nretry: 3000\n\n").is_none());
        assert!(found("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n").is_none());
        assert!(found("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n").is_none());
        assert!(found(":\n\n").is_none());
    }
}
