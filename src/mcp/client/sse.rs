//! The older HTTP with server-sent events: one stream of events for what the server says, and posts to the address that its first event
//! names. That address must be the server's own.

use std::future::Future;
use std::time::Duration;

use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::RoleClient;
use rmcp::transport::Transport;
use rmcp::transport::streamable_http_client::AuthRequiredError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use crate::mcp::client::http::Out;
use crate::mcp::client::secrets::Address;
use crate::net::Client;
use crate::net::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};

/// Longest event.
const LONGEST: usize = 16 << 20;

/// Why nothing was sent or nothing came.
#[derive(Debug)]
pub struct Broken {
    said: String,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

fn broken(said: impl Into<String>) -> Broken {
    Broken { said: said.into(), cause: None }
}

/// An open stream.
pub struct Events {
    client: Client,
    post: Url,
    headers: HeaderMap,
    messages: mpsc::Receiver<ServerJsonRpcMessage>,
    reader: JoinHandle<()>,
}

impl Drop for Events {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Opens the stream and waits for the address to post to.
pub async fn open(out: &Out, address: &Address, token: Option<HeaderValue>, patience: Duration) -> Result<Events, Broken> {
    let client = out.client(&address.url).map_err(|error| broken(error.message))?;
    let mut headers: HeaderMap = address.headers.iter().cloned().collect();
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, token);
    }
    let asked = client.get(address.url.clone()).headers(headers.clone()).header(ACCEPT, "text/event-stream").send();
    let late = |_| broken("no event stream in time");
    let answer = tokio::time::timeout(patience, asked).await.map_err(late)?;
    let mut answer = answer.map_err(|error| Broken { said: String::from("the event stream"), cause: Some(Box::new(error)) })?;
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    if answer.status().as_u16() == 401 {
        let challenge = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        return Err(Broken { said: String::from("not authorized"), cause: Some(Box::new(AuthRequiredError::new(challenge.to_owned()))) });
    }
    if !answer.status().is_success() || !kind.starts_with("text/event-stream") {
        return Err(broken(format!("HTTP {} with content of type '{kind}' where an event stream was expected", answer.status())));
    }
    let (send, mut named) = mpsc::channel(1);
    let (deliver, messages) = mpsc::channel(64);
    let reader = tokio::spawn(async move {
        let mut parser = Parser::default();
        while let Ok(Some(chunk)) = answer.chunk().await {
            let Some(events) = parser.feed(&chunk) else { return };
            for (kind, data) in events {
                if kind == "endpoint" {
                    drop(send.try_send(data));
                } else if let Ok(message) = serde_json::from_str(&data)
                    && deliver.send(message).await.is_err()
                {
                    return;
                }
            }
        }
    });
    let mut events = Events { client, post: address.url.clone(), headers, messages, reader };
    let endpoint =
        tokio::time::timeout(patience, named.recv()).await.map_err(late)?.ok_or_else(|| broken("the event stream ended at once"))?;
    let post = address.url.join(endpoint.trim()).map_err(|_| broken("the address to post to is none"))?;
    if post.origin() != address.url.origin() {
        return Err(broken(format!("the server wants messages sent to {}, which is not the server", post.origin().ascii_serialization())));
    }
    events.post = post;
    Ok(events)
}

#[derive(Default)]
struct Parser {
    line: Vec<u8>,
    kind: String,
    data: String,
}

impl Parser {
    /// The events that a piece completes; `None` when one is too long.
    fn feed(&mut self, chunk: &[u8]) -> Option<Vec<(String, String)>> {
        let mut events = Vec::new();
        for byte in chunk {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
            if line.is_empty() {
                if !self.data.is_empty() {
                    events.push((std::mem::take(&mut self.kind), std::mem::take(&mut self.data)));
                }
                self.kind.clear();
            } else {
                self.field(&line);
            }
        }
        (self.line.len() + self.data.len() <= LONGEST).then_some(events)
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {}
        }
    }
}

impl Transport<RoleClient> for Events {
    type Error = Broken;

    fn send(&mut self, item: ClientJsonRpcMessage) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (client, post, headers) = (self.client.clone(), self.post.clone(), self.headers.clone());
        async move {
            let body = serde_json::to_vec(&item).map_err(|error| broken(error.to_string()))?;
            let sent = client.post(post).headers(headers).header(CONTENT_TYPE, "application/json").body(body).send().await;
            let answer = sent.map_err(|error| Broken { said: String::from("a message"), cause: Some(Box::new(error)) })?;
            if answer.status().is_success() { Ok(()) } else { Err(broken(format!("HTTP {}", answer.status()))) }
        }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        self.messages.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.reader.abort();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_piece_by_piece() {
        let mut parser = Parser::default();
        assert!(parser.feed(b"event: endpoint\r\nda").unwrap().is_empty());
        let events = parser.feed(b"ta: /x?s=1\r\n\r\n: ping\n\ndata: a\ndata: b\n\n").unwrap();
        assert_eq!(events, [("endpoint".into(), "/x?s=1".into()), (String::new(), "a\nb".into())]);
    }
}
