//! All upstream servers of this program: one connection for each, shared by concurrent calls, made when it is first needed, made again
//! after it broke, ended with the program. Whether an entry is trusted is asked before anything else.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::access::policy;
use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::base::origin::Origin;
use crate::call::executor::{BoxFuture, Executor, Outcome, Ready, Upstreams};
use crate::call::plan::Plan;
use crate::call::request::Ctx;
use crate::config::layers::Config;
use crate::mcp::client::ask::Ask;
use crate::mcp::client::auth::{self, Grant};
use crate::mcp::client::cache::{Cache, Found};
use crate::mcp::client::connect::{Means, Memory, scrubbed};
use crate::mcp::client::failure::Failure;
use crate::mcp::client::session::{Manner, Session};
use crate::mcp::client::{result, tools};
use crate::mcp::entry::{Entry, Transport};
use crate::mcp::files::{self, Servers};
use crate::mcp::trust::{Trust, quoted};
use crate::registry::manifest::{Function, Operation, Provider, Upstream};

/// Is told what a server turned out to have.
pub type Learn = Box<dyn Fn(&Arc<Provider>, Vec<Function>) + Send + Sync>;

/// Longest pause before a server that fails is tried again.
const LONGEST_PAUSE: u64 = 60;
/// A connection that lives so long is asked for its tools again.
const SETTLED: Duration = Duration::from_secs(2);

/// The servers.
pub struct Hub {
    means: RwLock<Arc<Means>>,
    cwd: Option<PathBuf>,
    cache: Cache,
    /// Where what comes to light is told.
    learn: Mutex<Option<Learn>>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    me: Weak<Self>,
}

/// The place of one server's connection. Whoever makes it holds the lock, so that it is made once.
#[derive(Default)]
struct Slot(tokio::sync::Mutex<State>);

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    failures: u32,
    again: Option<Instant>,
    last: Option<Error>,
}

impl Hub {
    /// Connects to nothing.
    pub fn new(means: Means, cwd: Option<PathBuf>) -> Arc<Self> {
        let cache = Cache::new(&means.dirs);
        Arc::new_cyclic(|me| Self {
            means: RwLock::new(Arc::new(means)),
            cwd,
            cache,
            learn: Mutex::default(),
            slots: Mutex::default(),
            me: me.clone(),
        })
    }

    /// What connections are made with.
    pub fn means(&self) -> Arc<Means> {
        self.means.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on with other settings, and tells somebody else what comes to light. Servers that may not be used any more are ended.
    pub fn go_on(&self, config: &Config, learn: Learn) {
        let means = Means { config: config.clone(), ..self.means().as_ref().clone() };
        *self.means.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(means);
        let connected = !self.slots().is_empty();
        if let (true, Ok(servers)) = (connected, self.servers()) {
            let kept: Vec<String> = servers.entries.iter().filter(|entry| self.admit(entry).is_ok()).map(key).collect();
            // What ends does so after the lock is free again.
            let gone: Vec<Arc<Slot>> = self.slots().extract_if(|key, _| !kept.contains(key)).map(|(_, slot)| slot).collect();
            drop(gone);
        }
        *self.learn.lock().unwrap_or_else(PoisonError::into_inner) = Some(learn);
    }

    /// The servers that are configured here.
    pub fn servers(&self) -> Result<Servers> {
        files::servers(&self.means().dirs, self.cwd.as_deref())
    }

    /// Refuses a server that may not be started or contacted.
    fn admit(&self, entry: &Entry) -> Result<Trust> {
        let trust = Trust::open(&self.means().dirs)?;
        trust.check(entry)?;
        if entry.disabled {
            return Err(Error::new(
                Code::Inactive,
                format!("The MCP server '{}' is disabled in {}", printable(&entry.name), entry.file.display()),
            )
            .hint(format!("angelia mcp:enable {}", quoted(&entry.name))));
        }
        let means = self.means();
        let (provider, name) = (entry.provider(), printable(&entry.name));
        if !policy::enabled(&means.config, &provider, false) {
            return Err(Error::new(Code::Inactive, format!("The MCP server '{name}' is disabled in the settings"))
                .hint(format!("angelia mcp:enable {}", quoted(&entry.name))));
        }
        if policy::denies_all(&means.config, &provider) {
            return Err(Error::new(Code::PermissionDenied, format!("The settings deny everything that the MCP server '{name}' could do")));
        }
        Ok(trust)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, entry: &Entry) -> Arc<Slot> {
        self.slots().entry(key(entry)).or_default().clone()
    }

    fn start_until(&self, until: Instant) -> Instant {
        until.min(Instant::now() + Duration::from_secs(self.means().config.number("mcp.start_timeout_seconds")))
    }

    /// The connection of a server that was admitted; true when it was made just now.
    async fn session(&self, entry: &Entry, until: Instant, renew: bool) -> Result<(Arc<Session>, bool), Failure> {
        let slot = self.slot(entry);
        let mut state = slot.0.lock().await;
        if let Some(session) = state.session.as_ref().filter(|session| session.alive()) {
            return Ok((session.clone(), false));
        }
        state.session = None;
        if let (Some(again), Some(last)) = (state.again, &state.last)
            && let wait = again.saturating_duration_since(Instant::now())
            && !wait.is_zero()
        {
            let mut error = last.clone().retryable();
            error.retry_after_ms = u64::try_from(wait.as_millis()).ok();
            return Err(Failure::before(error));
        }
        let found = self.cache.get(entry);
        let memory = Memory {
            manner: found.as_ref().map_or(Manner::Unknown, |found| found.manner()),
            sse: found.as_ref().is_some_and(|found| found.sse),
            renew,
        };
        let mut connected = self.means().connect(entry, memory, self.start_until(until)).await;
        if connected
            .as_ref()
            .is_err_and(|failure| found.is_some() && failure.challenge.is_none() && failure.error.code == Code::InvalidResponse)
        {
            // It speaks otherwise than it did.
            let afresh = Memory { manner: Manner::Unknown, sse: false, renew };
            connected = self.means().connect(entry, afresh, self.start_until(until)).await;
        }
        match connected {
            Ok(connected) => {
                let session = Arc::new(connected.session);
                state.session = Some(session.clone());
                self.remember(entry, &session, connected.sse, found);
                self.watch(entry, &session);
                Ok((session, true))
            }
            Err(failure) => {
                if failure.challenge.is_none() {
                    let pause = 1_u64.checked_shl(state.failures).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
                    state.failures += 1;
                    state.again = Some(Instant::now() + Duration::from_secs(pause));
                    state.last = Some(failure.error.clone());
                }
                Err(failure)
            }
        }
    }

    /// Notes how a server speaks, where that is news.
    fn remember(&self, entry: &Entry, session: &Session, sse: bool, found: Option<Arc<Found>>) {
        let modern = session.manner() == Manner::Discover;
        if let Some(found) = found.filter(|found| found.modern != modern || found.sse != sse) {
            self.cache.put(entry, &Found { modern, sse, ..found.as_ref().clone() }).ok();
        }
    }

    /// Asks for the tools again once a connection turns out to last, and whenever the server says that they are others.
    fn watch(&self, entry: &Entry, session: &Arc<Session>) {
        let (me, entry, watched) = (self.me.clone(), entry.clone(), Arc::downgrade(session));
        let changed = session.shared.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SETTLED).await;
            if let Some(session) = watched.upgrade() {
                session.follow().await;
            }
            loop {
                let (Some(hub), Some(session)) = (me.upgrade(), watched.upgrade()) else { return };
                if !session.alive() {
                    return;
                }
                if hub.admit(&entry).is_err() {
                    // It was used until now, and may not be any more.
                    let gone = hub.slots().remove(&key(&entry));
                    drop(gone);
                    return;
                }
                let until = Instant::now() + Duration::from_secs(60);
                hub.refresh(&entry, &session, until).await.ok();
                drop((hub, session));
                changed.changed.notified().await;
            }
        });
    }

    /// Asks a connected server for its tools, and remembers them.
    async fn refresh(&self, entry: &Entry, session: &Session, until: Instant) -> Result<(Arc<Provider>, Vec<Function>)> {
        let about = session.about();
        let ctx = Ctx::new(Origin::Cli);
        let has_tools = about.pointer("/capabilities/tools").is_some_and(Value::is_object);
        let mut listed = if has_tools {
            session.list("tools", &ctx, until).await.map_err(|failure| scrubbed(&session.scrubber(), failure.error))?
        } else {
            Vec::new()
        };
        let scrubber = session.scrubber();
        listed.iter_mut().for_each(|tool| scrubber.scrub_value(tool));
        let modern = session.manner() == Manner::Discover;
        let sse = self.cache.get(entry).is_some_and(|found| found.sse) || matches!(entry.transport, Transport::Http { sse: true, .. });
        let trust = Trust::open(&self.means().dirs)?;
        if let Err(error) = trust.pin(&self.means().dirs, entry, &listed) {
            session.shared.complain(&format!("How the tools of '{}' look now was not kept: {}", printable(&entry.name), error.message));
        }
        let held = trust.quarantined(entry, &listed);
        let found = Found { time_ms: now_ms(), about, tools: listed, modern, sse };
        self.cache.put(entry, &found).ok();
        let (provider, functions) = tools::provider(entry, &found.about, &found.tools, &held).map_err(Error::internal)?;
        let provider = Arc::new(provider);
        if let Some(learn) = self.learn.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            learn(&provider, functions.clone());
        }
        Ok((provider, functions))
    }

    /// Refuses a tool that is not the one that was looked at.
    fn quarantine(&self, trust: &Trust, entry: &Entry, tool: &str) -> Result<()> {
        let Some(found) = self.cache.get(entry) else { return Ok(()) };
        let known: Vec<Value> = found.tools.iter().filter(|known| known["name"] == tool).cloned().collect();
        if trust.quarantined(entry, &known).is_empty() {
            return Ok(());
        }
        let name = quoted(&entry.name);
        Err(Error::new(
            Code::Untrusted,
            format!("The tool '{}' of {} is new or has changed since you looked at it", tools::shown(tool), tools::shown(&entry.name)),
        )
        .hint(format!("angelia mcp:trust {name} --diff")))
    }

    async fn carry_out(&self, ctx: &Ctx, plan: &Plan) -> Result<Value, Failure> {
        let upstream = upstream(plan).map_err(Failure::before)?;
        let entry = self.servers().and_then(|servers| servers.find(&upstream.server).cloned()).map_err(Failure::before)?;
        let trust = self.admit(&entry).map_err(Failure::before)?;
        if let Some(tool) = &upstream.tool {
            self.quarantine(&trust, &entry, tool).map_err(Failure::before)?;
        }
        let ask = Ask::of(upstream, &plan.arguments.object).map_err(Failure::before)?;
        let until = Instant::now() + plan.timeout;
        let read = plan.callable.function.operation == Operation::Read;
        let mut renew = false;
        for attempt in 0.. {
            let started = tokio::select! {
                started = self.session(&entry, until, renew) => started,
                () = ctx.cancel.cancelled() => return Err(Failure::before(Error::new(Code::Cancelled, "Interrupted"))),
            };
            let (session, fresh) = match started {
                // The tokens are renewed on the way, once.
                Err(failure)
                    if failure.challenge.is_some()
                        && !renew
                        && self.means().tokens(&entry, None).read().is_ok_and(|tokens| tokens.is_some()) =>
                {
                    renew = true;
                    continue;
                }
                started => started?,
            };
            match request(&session, &ask, ctx, until).await {
                Ok(answer) => {
                    self.succeeded(&entry, &session, until).await;
                    return Ok(answer);
                }
                Err(failure) => {
                    let again = attempt == 0 && failure.broken && (read || !failure.sent) && (!fresh || failure.challenge.is_some());
                    self.failed(&entry, &session, &failure).await;
                    if !again {
                        return Err(Failure { error: scrubbed(&session.scrubber(), failure.error), ..failure });
                    }
                    renew = failure.challenge.is_some();
                }
            }
        }
        Err(Failure::before(Error::internal("a call without an end")))
    }

    /// Asks for authorization at a server; `show` is given the address to open. Answers the scopes that were granted.
    pub async fn authorize(&self, entry: &Entry, grant: Grant, patience: Duration, show: &(dyn Fn(&str) + Sync)) -> Result<Vec<String>> {
        self.admit(entry)?;
        let (out, address) = self.means().address(entry)?;
        if address.authorized {
            let said = format!("'{}' has an Authorization header of its own; no other authorization is used", printable(&entry.name));
            return Err(Error::usage(said).hint("Remove the header from its file first"));
        }
        // Its challenge says where to ask, and for what.
        let memory = Memory { manner: Manner::Unknown, sse: false, renew: false };
        let challenge = match self.means().connect(entry, memory, Instant::now() + patience).await {
            Err(failure) if failure.challenge.is_none() => return Err(failure.error),
            Err(failure) => failure.challenge,
            Ok(_) => None,
        };
        auth::authorize(&out, &address.url, self.means().tokens(entry, Some(&address.url)), Grant { challenge, ..grant }, show).await
    }

    /// A list that is old is asked for again, after the answer.
    async fn succeeded(&self, entry: &Entry, session: &Session, until: Instant) {
        let slot = self.slot(entry);
        let mut state = slot.0.lock().await;
        (state.failures, state.again, state.last) = (0, None, None);
        drop(state);
        if !self.cache.get(entry).is_some_and(|found| found.is_fresh()) {
            self.refresh(entry, session, until).await.ok();
        }
    }

    /// A connection that broke is not used again.
    async fn failed(&self, entry: &Entry, session: &Arc<Session>, failure: &Failure) {
        if failure.broken {
            let slot = self.slot(entry);
            let mut state = slot.0.lock().await;
            state.session.take_if(|known| Arc::ptr_eq(known, session));
        }
    }
}

/// One entry as it is configured now.
fn key(entry: &Entry) -> String {
    format!("{}\0{}", entry.id, entry.fingerprint())
}

async fn request(session: &Session, ask: &Ask, ctx: &Ctx, until: Instant) -> Result<Value, Failure> {
    let Some(what) = ask.listed() else {
        let answer = session.ask(ask.clone(), ctx, until).await?;
        let mut data =
            if matches!(ask, Ask::Tool(_)) { result::of_tool(&session.shared.server, answer).map_err(Failure::after)? } else { answer };
        session.scrubber().scrub_value(&mut data);
        return Ok(data);
    };
    let mut data = json!({what: session.list(what, ctx, until).await?});
    if what == "resources" {
        // Not every server has templates.
        if let Ok(templates) = session.list("resourceTemplates", ctx, until).await {
            data["resourceTemplates"] = templates.into();
        }
    }
    session.scrubber().scrub_value(&mut data);
    Ok(data)
}

fn upstream(plan: &Plan) -> Result<&Upstream> {
    plan.callable.function.mcp.as_ref().ok_or_else(|| Error::internal("not a function of an MCP server"))
}

impl Executor for Hub {
    fn check(&self, plan: &Plan) -> Result<()> {
        let upstream = upstream(plan)?;
        if plan.options.record.is_some() || plan.options.replay.is_some() {
            let said = format!("{} is a tool of an MCP server, whose answers cannot be recorded or replayed", plan.callable.name);
            return Err(Error::usage(said));
        }
        Ask::of(upstream, &plan.arguments.object)?;
        let servers = self.servers()?;
        let entry = servers.find(&upstream.server)?;
        let trust = self.admit(entry)?;
        upstream.tool.as_ref().map_or(Ok(()), |tool| self.quarantine(&trust, entry, tool))
    }

    fn preview(&self, plan: &Plan, _shown: &dyn Fn(&str) -> Option<String>) -> Result<Value> {
        let upstream = upstream(plan)?;
        let servers = self.servers()?;
        let entry = servers.find(&upstream.server)?;
        let transport = match &entry.transport {
            Transport::Stdio { .. } => "stdio",
            Transport::Http { .. } => "http",
        };
        let arguments = &plan.arguments.object;
        let (method, params) = match &upstream.tool {
            Some(tool) => ("tools/call", json!({"name": tool, "arguments": arguments})),
            None => (upstream.method.as_deref().unwrap_or_default(), json!(arguments)),
        };
        Ok(json!({"server": entry.name, "transport": transport, "entry": entry.fingerprint(), "method": method, "params": params}))
    }

    fn execute<'a>(&'a self, ctx: &'a Ctx, ready: &'a Ready) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.carry_out(ctx, &ready.plan).await {
                Ok(data) => Outcome { data, attempts: 1, ..Outcome::default() },
                Err(failure) => lost(&ready.plan, failure),
            }
        })
    }
}

/// A failed call; of a write whose answer was lost nobody knows what it did.
fn lost(plan: &Plan, failure: Failure) -> Outcome {
    let write = plan.callable.function.operation != Operation::Read;
    let unanswered = failure.broken || matches!(failure.error.code, Code::Timeout | Code::Cancelled);
    let effect_unknown = write && failure.sent && unanswered;
    let mut error = failure.error;
    if effect_unknown && error.code != Code::Cancelled {
        error.message = format!("The request was sent, but its answer was lost ({}); it may have taken effect", error.message);
        error.code = Code::OutcomeUnknown;
        error.retryable = false;
    }
    if effect_unknown {
        error.hints.push(String::from("Look at the server before sending it again"));
    }
    let http_status = error.http_status;
    Outcome { attempts: u32::from(failure.sent), http_status, effect_unknown, ..Outcome::failed(error) }
}

impl Upstreams for Hub {
    fn executor(&self) -> &dyn Executor {
        self
    }

    fn unmet(&self) -> Vec<String> {
        let entries = self.servers().map(|servers| servers.entries).unwrap_or_default();
        let unmet = entries.iter().filter(|entry| self.admit(entry).is_ok() && self.cache.get(entry).is_none());
        unmet.map(Entry::provider).collect()
    }

    fn discover<'a>(&'a self, provider: &'a str) -> BoxFuture<'a, Result<(Arc<Provider>, Vec<Function>)>> {
        Box::pin(async move {
            let servers = self.servers()?;
            let Some(entry) = servers.entries.iter().find(|entry| entry.provider() == provider) else {
                return Err(
                    Error::new(Code::UnknownProvider, format!("There is no MCP server '{}'", printable(provider))).hint("angelia mcp:list")
                );
            };
            self.admit(entry)?;
            let until = Instant::now() + Duration::from_secs(self.means().config.number("http.timeout_seconds"));
            let mut renew = false;
            loop {
                match self.session(entry, until, renew).await {
                    Ok((session, _)) => return self.refresh(entry, &session, until).await,
                    Err(failure) if failure.challenge.is_some() && !renew && self.means().tokens(entry, None).read()?.is_some() => {
                        renew = true
                    }
                    Err(failure) => return Err(failure.error),
                }
            }
        })
    }
}
