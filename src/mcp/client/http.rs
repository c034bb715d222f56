//! Streamable HTTP: which client, which headers, and all requests of the OAuth machinery through our own way out, with its guard.

use std::sync::Arc;
use std::time::Duration;

use hyper::http::Response;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthorizationManager, OAuthHttpClient, OAuthHttpClientFuture, OAuthHttpRedirectPolicy, OAuthHttpRequest,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use tokio::time::Instant;
use url::Url;

use crate::base::error::{Code, Error, Result};
use crate::mcp::client::secrets::Address;
use crate::net::{self, Body, Client, Limits, Net, Request};

/// Largest answer of an authorization server.
const LARGEST: u64 = 1 << 20;
/// How long one request to it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The way out, and whether private addresses are on it.
#[derive(Clone)]
pub struct Out {
    pub net: Arc<Net>,
    pub allow_private: bool,
    pub connect_timeout: Duration,
}

impl Out {
    /// For a server at this address: a private one may be used when the user wrote it down, and by no name that happens to lead there.
    pub fn to(net: &Arc<Net>, url: &Url, allowed: bool, connect_timeout: Duration) -> Self {
        Self { net: net.clone(), allow_private: allowed || net::is_private(url), connect_timeout }
    }

    fn limits(&self, patience: Duration) -> Limits {
        Limits { deadline: Instant::now() + patience, connect_timeout: self.connect_timeout, allow_private: self.allow_private }
    }

    /// A client for requests to this address.
    pub fn client(&self, url: &Url) -> Result<Client> {
        self.net.client_for(url, &self.limits(PATIENCE)).map_err(|failure| Error::new(Code::Unreachable, failure.message))
    }
}

/// A transport; with a manager the tokens of the store go along, and are refreshed.
pub enum Streamable {
    Plain(StreamableHttpClientTransport<Client>),
    Authorized(StreamableHttpClientTransport<AuthClient<Client>>),
}

/// Makes a transport; contacts nobody.
pub fn streamable(out: &Out, address: &Address, manager: Option<AuthorizationManager>) -> Result<Streamable> {
    let mut config = StreamableHttpClientTransportConfig::with_uri(address.url.as_str());
    config.custom_headers = address.headers.iter().cloned().collect();
    let client = out.client(&address.url)?;
    Ok(match manager {
        None => Streamable::Plain(StreamableHttpClientTransport::with_client(client, config)),
        Some(manager) => Streamable::Authorized(StreamableHttpClientTransport::with_client(AuthClient::new(client, manager), config)),
    })
}

impl OAuthHttpClient for Out {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(async move {
            let follow = matches!(request.redirect_policy, OAuthHttpRedirectPolicy::Follow);
            let limits = self.limits(request.timeout.unwrap_or(PATIENCE).min(PATIENCE));
            let (parts, body) = request.request.into_parts();
            let asked = Request {
                method: parts.method,
                url: Url::parse(&parts.uri.to_string())?,
                headers: parts.headers,
                body: if body.is_empty() { Body::Empty } else { Body::Bytes(body.into()) },
                secret_headers: vec![net::header::AUTHORIZATION],
            };
            let failed = |failure: net::Failure| Box::<dyn std::error::Error + Send + Sync>::from(failure.message);
            let sent = if follow { self.net.send(asked, &limits).await } else { self.net.send_once_guarded(asked, &limits).await };
            let mut answer = sent.map_err(failed)?;
            let bytes = answer.bytes(&limits, LARGEST).await.map_err(failed)?;
            let mut response = Response::builder().status(answer.status);
            for (name, value) in &answer.headers {
                response = response.header(name, value);
            }
            Ok(response.body(bytes)?)
        })
    }
}
