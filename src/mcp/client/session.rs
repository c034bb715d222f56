//! One connection to a server: its start, its requests, its end. Trust is not asked here: whoever connects has done that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientNotification, ClientRequest, InputRequest, InputRequiredResult,
    InputResponses, ProtocolVersion, RequestId, ServerResult, SubscriptionFilter,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, Peer, PeerRequestOptions, RoleClient, RunningService, ServiceError,
};
use rmcp::transport::IntoTransport;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::access::launch::{self, Group, Program};
use crate::base::error::{Code, Error};
use crate::base::secret::Scrubber;
use crate::call::request::Ctx;
use crate::mcp::client::ask::Ask;
use crate::mcp::client::failure::{self, Failure};
use crate::mcp::client::handler::{Handler, Shared, no_sampling};
use crate::mcp::client::stdio::{Pipes, Said, listen};

/// How a server begins to speak. Remembered, for asking costs a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Not known: it is asked for what it supports, and else initialized.
    Unknown,
    /// `initialize`, as up to 2025-11-25.
    Initialize,
    /// `server/discover`, as from 2026-07-28.
    Discover,
}

/// Times that a server may ask for input before it gives its answer.
const ROUNDS: usize = 8;
/// Most pages, entries and bytes of one list.
const PAGES: usize = 1000;
/// Most entries of one list.
pub const ENTRIES: usize = 10_000;
/// Most bytes of one list.
const BYTES: usize = 16 << 20;

/// A child process with what it said.
pub struct Process {
    group: Group,
    said: Arc<Said>,
}

/// A connection that was established.
pub struct Session {
    service: RunningService<RoleClient, Handler>,
    pub shared: Arc<Shared>,
    pub process: Option<Process>,
    /// A request found it broken.
    given_up: AtomicBool,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Whoever waits for news of it waits no more.
        self.shared.changed.notify_one();
    }
}

impl Process {
    /// Says in an error what the process said, and how it ended.
    pub fn testify(&self, mut error: Error) -> Error {
        if let Some(ended) = self.group.ended() {
            error.message = format!("{} ({ended})", error.message);
        }
        let words = self.said.last_words(12);
        let (count, strays) = self.said.strays();
        if let Some(last) = words.last() {
            error.message = format!("{}: {}", error.message, failure::printable_text(last));
            error.hints.push(format!("stderr: {}", words.join(" | ")));
        }
        if count > 0 {
            error.hints.push(format!("{count} line(s) on its stdout were no messages: {}", strays.join(" | ")));
        }
        error
    }
}

/// Starts the protocol over a transport.
pub async fn begin<T, E, A>(
    transport: T,
    shared: &Arc<Shared>,
    manner: Manner,
) -> Result<RunningService<RoleClient, Handler>, ClientInitializeError>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let legacy = ProtocolVersion::LATEST_WITH_INITIALIZE;
    let lifecycle = match manner {
        Manner::Initialize => ClientLifecycleMode::Initialize,
        Manner::Unknown | Manner::Discover => {
            ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::V_2026_07_28], legacy_version: Some(legacy) }
        }
    };
    Handler(shared.clone()).serve_with_lifecycle(transport, lifecycle).await
}

/// Starts a program and speaks to it.
pub async fn start(program: &Program, shared: &Arc<Shared>, manner: Manner, patience: Duration) -> Result<Session, Failure> {
    let until = Instant::now() + patience;
    // The handshake that nearly all servers know goes first: one that keeps silent about another request would cost ten seconds.
    let (first, second) = match manner {
        Manner::Discover => (Manner::Discover, Manner::Initialize),
        Manner::Unknown | Manner::Initialize => (Manner::Initialize, Manner::Discover),
    };
    match start_once(program, shared, first, until).await {
        Err(failure) if failure.broken || matches!(failure.error.code, Code::ProviderError | Code::InvalidResponse) => {
            start_once(program, shared, second, until).await.map_err(|again| if again.broken { failure } else { again })
        }
        other => other,
    }
}

async fn start_once(program: &Program, shared: &Arc<Shared>, manner: Manner, until: Instant) -> Result<Session, Failure> {
    let started = launch::start(program).map_err(Failure::before)?;
    let said = Arc::new(Said::default());
    let process = Process { group: started.group, said: said.clone() };
    tokio::spawn(listen(started.stderr, said.clone()));
    let pipes = Pipes::new(started.stdin, started.stdout, said);
    let begun = tokio::time::timeout_at(until, begin(pipes, shared, manner)).await;
    let failed = match begun {
        Ok(Ok(service)) => {
            return Ok(Session { service, shared: shared.clone(), process: Some(process), given_up: AtomicBool::new(false) });
        }
        Ok(Err(error)) => {
            // What it says last often comes after the pipe was closed.
            tokio::time::sleep(Duration::from_millis(30)).await;
            failure::of_start(&shared.server, &error)
        }
        Err(_) => Failure::before(no_start(&shared.server)),
    };
    Err(Failure { error: process.testify(failed.error), ..failed })
}

/// The server did not begin in time.
pub fn no_start(server: &str) -> Error {
    Error::new(Code::Timeout, format!("{server} was started, but did not answer in time"))
        .hint("angelia config:set mcp.start_timeout_seconds N gives it longer")
}

impl Session {
    /// Over a connection without a process of ours.
    pub fn remote(service: RunningService<RoleClient, Handler>, shared: &Arc<Shared>) -> Self {
        Self { service, shared: shared.clone(), process: None, given_up: AtomicBool::new(false) }
    }

    /// What must not be shown.
    pub fn scrubber(&self) -> Scrubber {
        self.shared.scrubber()
    }

    /// Whether requests can still be sent.
    pub fn alive(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed) && !self.service.is_closed() && !self.service.peer().is_transport_closed()
    }

    /// Nothing is sent any more; false when that was said already.
    pub fn give_up(&self) -> bool {
        !self.given_up.swap(true, Ordering::Relaxed)
    }

    /// What the server says of itself: `protocolVersion`, `serverInfo`, `capabilities`, `instructions`.
    pub fn about(&self) -> Value {
        self.service.peer().peer_info().and_then(|info| serde_json::to_value(info.as_ref()).ok()).unwrap_or(Value::Null)
    }

    /// How it began.
    pub fn manner(&self) -> Manner {
        let modern = self.service.peer().peer_info().is_some_and(|info| !info.protocol_version.has_initialize());
        if modern { Manner::Discover } else { Manner::Initialize }
    }

    /// Asks a server of the newer kind to say when its tools are others; older ones say so by themselves.
    pub async fn follow(&self) {
        let says = self.about().pointer("/capabilities/tools/listChanged").and_then(Value::as_bool).unwrap_or(false);
        if self.manner() != Manner::Discover || !says {
            return;
        }
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let Ok(mut news) = self.service.peer().listen(filter).await else { return };
        let shared = self.shared.clone();
        tokio::spawn(async move {
            while let Ok(Some(_)) = news.next().await {
                shared.changed.notify_one();
            }
        });
    }

    /// All entries of a list (`tools`, `resources`, `prompts`), page by page.
    pub async fn list(&self, what: &str, ctx: &Ctx, until: Instant) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        let (mut bytes, mut cursor) = (0, None::<String>);
        for _ in 0..PAGES {
            let mut page = self.ask(Ask::list(what, cursor.as_deref()), ctx, until).await?;
            let Some(Value::Array(entries)) = page.get_mut(what).map(Value::take) else {
                let said = format!("{} listed its {what} in a way that is none", self.shared.server);
                return Err(Failure::after(Error::new(Code::InvalidResponse, said)));
            };
            for entry in entries {
                bytes += entry.to_string().len();
                all.push(entry);
            }
            let next = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
            if all.len() > ENTRIES || bytes > BYTES {
                all.truncate(ENTRIES);
                self.shared.say(&format!("{} lists more {what} than are read; {} are known", self.shared.server, all.len()));
                break;
            }
            match next {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => break,
            }
        }
        Ok(all)
    }

    /// One request to its final answer.
    pub async fn ask(&self, mut ask: Ask, ctx: &Ctx, until: Instant) -> Result<Value, Failure> {
        for _ in 0..ROUNDS {
            match self.send(ask.request(), ctx, until).await? {
                ServerResult::InputRequiredResult(wanted) => {
                    let state = wanted.request_state.clone();
                    let answers = self.answers(wanted).await.map_err(Failure::after)?;
                    ask.again(answers, state);
                }
                result => {
                    return serde_json::to_value(&result)
                        .map_err(|error| Failure::after(Error::new(Code::InvalidResponse, format!("{}: {error}", self.shared.server))));
                }
            }
        }
        let said = format!("{} asks for input again and again", self.shared.server);
        Err(Failure::after(Error::new(Code::ProviderError, said)))
    }

    async fn answers(&self, wanted: InputRequiredResult) -> Result<InputResponses, Error> {
        let mut answers = InputResponses::new();
        for (key, request) in wanted.input_requests.unwrap_or_default() {
            let answer = match request {
                InputRequest::Elicitation(request) => json!(self.shared.elicit(request.params).await),
                InputRequest::ListRoots(_) => json!(self.shared.roots()),
                _ => return Err(Error::new(Code::ProviderError, format!("{}: {}", self.shared.server, no_sampling().message))),
            };
            answers.insert(key, answer);
        }
        Ok(answers)
    }

    async fn send(&self, request: ClientRequest, ctx: &Ctx, until: Instant) -> Result<ServerResult, Failure> {
        let server = &self.shared.server;
        let peer = self.service.peer();
        let failed = |error: ServiceError| failure::of_service(server, &error);
        let handle = peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await.map_err(failed)?;
        let (id, token) = (handle.id.clone(), handle.progress_token.clone());
        if let Some(to) = &ctx.progress {
            self.shared.listen(&token, to.clone());
        }
        let answer = tokio::select! {
            biased;
            answer = handle.await_response() => answer.map_err(failed),
            () = ctx.cancel.cancelled() => {
                cancel(peer, id, "the caller no longer wants it").await;
                Err(Failure::after(Error::new(Code::Cancelled, "Interrupted")))
            }
            () = tokio::time::sleep_until(until) => {
                cancel(peer, id, "it took too long").await;
                Err(Failure::after(Error::new(Code::Timeout, format!("{server} did not answer in time")).hint("Wait longer with --timeout SECONDS")))
            }
        };
        self.shared.forget(&token);
        match (answer, &self.process) {
            (Err(failure), Some(process)) if failure.broken => {
                tokio::time::sleep(Duration::from_millis(30)).await;
                Err(Failure { error: process.testify(failure.error), ..failure })
            }
            (answer, _) => answer,
        }
    }
}

/// Tells the server; waits only a moment for the way there.
async fn cancel(peer: &Peer<RoleClient>, id: RequestId, why: &str) {
    let params = CancelledNotificationParam::new(Some(id), Some(why.to_owned()));
    let said = peer.send_notification(ClientNotification::CancelledNotification(CancelledNotification::new(params)));
    drop(tokio::time::timeout(Duration::from_millis(200), said).await);
    // A program that ends now would end the server before it has read this.
    tokio::time::sleep(Duration::from_millis(50)).await;
}
