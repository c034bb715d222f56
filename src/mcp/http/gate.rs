//! What every request passes, in this order: name and page, key, session, size, form, room. What gets through is rmcp's.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, BodyStream, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::mcp::http::answer::{self, Body, Refusal};
use crate::mcp::http::keys::{Grant, PREFIX};
use crate::mcp::http::manager::Manager;
use crate::mcp::http::message::{self, Kind};
use crate::mcp::http::origin::{self, Allowed};
use crate::mcp::http::ring::{Owner, Ring, Verdict};
use crate::mcp::http::session::{Full as NoRoom, Limits, Session, Table};

const ENDPOINT: &str = "/mcp";
const HEALTH: &str = "/healthz";
const SESSION: &str = "mcp-session-id";

/// What a gate is made of.
pub struct Parts {
    pub allowed: Allowed,
    pub ring: Arc<Ring>,
    /// Without a key nobody comes in.
    pub require_key: bool,
    pub limits: Limits,
    pub table: Arc<Table>,
    pub manager: Arc<Manager>,
    /// Nothing new is begun.
    pub stop: CancellationToken,
    /// Everything ends.
    pub end: CancellationToken,
}

/// The gate before one handler.
pub struct Gate<H: ServerHandler> {
    parts: Parts,
    service: StreamableHttpService<H, Manager>,
}

type Caller = Option<(Owner, Grant)>;

impl<H: ServerHandler + Send + 'static> Gate<H> {
    /// Before handlers that `make` makes, one for each session.
    pub fn new(parts: Parts, make: impl Fn() -> H + Send + Sync + 'static) -> Self {
        // Names and pages are checked here, before keys are.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_json_response(true)
            .with_max_request_body_bytes(parts.limits.body)
            .with_cancellation_token(parts.end.clone());
        let service = StreamableHttpService::new(move || Ok(make()), parts.manager.clone(), config);
        Self { parts, service }
    }

    /// Answers one request.
    pub async fn answer(&self, from: IpAddr, request: Request<Incoming>) -> Response<Body> {
        if let Err(refusal) = self.parts.allowed.check(&request) {
            return refusal.response();
        }
        let page = self.parts.allowed.page(request.headers());
        let mut response = match request.uri().path() {
            ENDPOINT if request.method() == Method::OPTIONS => {
                let mut response = answer::empty(StatusCode::NO_CONTENT);
                page.iter().for_each(|_| origin::preflight(response.headers_mut()));
                response
            }
            ENDPOINT => self.serve(from, request).await.unwrap_or_else(Refusal::response),
            HEALTH if request.method() == Method::GET => answer::json(StatusCode::OK, &br#"{"status":"ok"}"#[..]),
            _ => Refusal::new(StatusCode::NOT_FOUND, "there is nothing here: the endpoint is /mcp").response(),
        };
        page.into_iter().for_each(|page| origin::share(page, response.headers_mut()));
        response
    }

    async fn serve(&self, from: IpAddr, mut request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let caller = self.caller(from, request.uri(), request.headers())?;
        if self.parts.stop.is_cancelled() {
            return Err(Refusal::later(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping", 5));
        }
        let owner = caller.as_ref().map(|(owner, _)| *owner);
        if let Some((_, grant)) = caller {
            request.extensions_mut().insert(grant);
        }
        let session = self.session(request.headers(), owner.as_ref())?;
        match *request.method() {
            Method::POST => self.post(request, session, owner).await,
            Method::GET => self.get(request, session).await,
            Method::DELETE => Ok(self.pass(request.map(|_| Full::default()), &Value::Null).await),
            _ => {
                let mut response = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "only GET, POST and DELETE are served").response();
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
                Ok(response)
            }
        }
    }

    /// Whose key was shown, if one was; refused when it is no good, or when there must be one.
    fn caller(&self, from: IpAddr, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let unauthorized = |line: &'static str| Refusal::new(StatusCode::UNAUTHORIZED, line);
        if uri.query().is_some_and(names_a_key) {
            let line = "a key in the address is refused, for addresses are written down on the way: send it as Authorization: Bearer";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, line));
        }
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        let secret = match (shown.next(), shown.next()) {
            (None, _) if self.parts.require_key => return Err(unauthorized("a key is needed: send it as Authorization: Bearer")),
            (None, _) => return Ok(None),
            (Some(value), None) => bearer(value).ok_or_else(|| unauthorized("the key must be sent as Authorization: Bearer"))?,
            (Some(_), Some(_)) => return Err(unauthorized("one Authorization header is enough")),
        };
        match self.parts.ring.judge(secret, from) {
            Verdict::Good(owner, grant) => Ok(Some((owner, grant))),
            Verdict::Wrong => Err(unauthorized("the key is not known here, or it was revoked")),
            Verdict::Expired => Err(unauthorized("the key has expired")),
            Verdict::Slow(seconds) => {
                Err(Refusal::later(StatusCode::TOO_MANY_REQUESTS, "too many requests with this key, or too many wrong keys", seconds))
            }
            Verdict::Broken => {
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the keys cannot be read: look at angelia mcp:key:list"))
            }
        }
    }

    fn session(&self, headers: &HeaderMap, owner: Option<&Owner>) -> Result<Option<Arc<Session>>, Refusal> {
        let Some(id) = headers.get(SESSION) else { return Ok(None) };
        let found = id.to_str().ok().and_then(|id| self.parts.table.find(id, owner));
        found.map(Some).ok_or_else(Refusal::no_session)
    }

    async fn get(&self, request: Request<Incoming>, session: Option<Arc<Session>>) -> Result<Response<Body>, Refusal> {
        if session.is_some_and(|session| !session.has_stream_left()) {
            return Err(Refusal::later(StatusCode::TOO_MANY_REQUESTS, "this session holds too many streams open", 1));
        }
        let response = self.pass(request.map(|_| Full::default()), &Value::Null).await;
        let stop = self.parts.stop.clone();
        // A stream without an end of its own is not waited for.
        Ok(response.map(|body| Body::new(StreamBody::new(BodyStream::new(body).take_until(stop.cancelled_owned())))))
    }

    async fn post(
        &self,
        request: Request<Incoming>,
        session: Option<Arc<Session>>,
        owner: Option<Owner>,
    ) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let body = self.read(body).await?;
        let kind = message::look(&body)?;
        let id = kind.id();
        let request = Request::from_parts(parts, Full::new(body));
        match (session, &kind) {
            (Some(session), Kind::Initialize(request_id) | Kind::Request(request_id)) => {
                let begun = session.begin(request_id.clone()).map_err(|why| no_room(why).of(id.clone()))?;
                let response = self.pass(request, &id).await;
                drop(begun);
                Ok(answer::settle(response, self.parts.limits.at_once).await)
            }
            (Some(session), Kind::Word) => {
                session.touch();
                Ok(self.pass(request, &id).await)
            }
            (None, Kind::Initialize(_)) => {
                let place = self.parts.table.keep_place(owner.as_ref()).map_err(|why| no_room(why).of(id.clone()))?;
                let response = self.pass(request, &id).await;
                if let Some(session) = response.headers().get(SESSION).and_then(|id| id.to_str().ok()) {
                    self.parts.table.give(session, owner);
                }
                drop(place);
                Ok(answer::settle(response, self.parts.limits.at_once).await)
            }
            (None, _) => Ok(self.pass(request, &id).await),
        }
    }

    async fn pass(&self, request: Request<Full<Bytes>>, id: &Value) -> Response<Body> {
        answer::speak_json(self.service.handle(request).await, id).await
    }

    /// Reads a body that is neither too large nor too slow.
    async fn read(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let limits = &self.parts.limits;
        let too_large = || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a message may have {} bytes at most", limits.body));
        if body.size_hint().lower() > limits.body as u64 {
            return Err(too_large());
        }
        match tokio::time::timeout(limits.body_time, Limited::new(body, limits.body).collect()).await {
            Ok(Ok(whole)) => Ok(whole.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body broke off")),
            Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
        }
    }
}

fn no_room(why: NoRoom) -> Refusal {
    let busy = |line: &'static str, seconds| Refusal::later(StatusCode::SERVICE_UNAVAILABLE, line, seconds);
    match why {
        NoRoom::Server => busy("the server has as many sessions as it may have", 10),
        NoRoom::Key => busy("this key has as many sessions as it may have: end one with DELETE", 10),
        NoRoom::Session => Refusal::later(StatusCode::TOO_MANY_REQUESTS, "this session runs as many requests as it may run", 1),
        NoRoom::Id => Refusal::invalid(answer::INVALID_REQUEST, "a request of that id is still running in this session"),
    }
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    Some(secret.trim()).filter(|secret| scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty())
}

/// Whether the query of an address looks as if it carried a key.
fn names_a_key(query: &str) -> bool {
    const NAMES: [&str; 7] = ["key", "api_key", "apikey", "token", "access_token", "authorization", "bearer"];
    query.contains(PREFIX)
        || url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| NAMES.contains(&name.to_ascii_lowercase().as_str()))
}
