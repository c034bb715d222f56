//! All upstream servers of this program: one connection for each, shared by concurrent calls, made when it is first needed, made again
//! after it broke, ended with the program. Whether an entry is trusted is asked before anything else.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::access::policy;
use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::base::origin::Origin;
use crate::base::quote::shell;
use crate::call::request::Ctx;
use crate::config::layers::Config;
use crate::mcp::client::auth::{self, Grant};
use crate::mcp::client::cache::{Cache, Found};
use crate::mcp::client::connect::{Means, Memory, scrubbed};
use crate::mcp::client::failure::Failure;
use crate::mcp::client::session::{Manner, Session};
use crate::mcp::client::tools;
use crate::mcp::entry::{Entry, Transport};
use crate::mcp::files::{self, Servers};
use crate::mcp::trust::Trust;
use crate::registry::function::Function;
use crate::registry::manifest::Provider;

/// Is told what a server turned out to have.
pub type Learn = Box<dyn Fn(&Arc<Provider>, Vec<Function>) + Send + Sync>;

/// Longest pause before a server that fails is tried again.
const LONGEST_PAUSE: u64 = 60;
/// A connection that lives so long is asked for its tools again.
const SETTLED: Duration = Duration::from_secs(2);
/// How long an answer waits for a list that is asked for beside it.
const MOMENT: Duration = Duration::from_millis(300);
/// Between two lists that a server says are others; doubled up to [`PATIENCE`].
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
/// How long a list may take, and how often it is looked whether a connection still is one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The servers.
pub struct Hub {
    means: RwLock<Arc<Means>>,
    cache: Cache,
    /// Where what comes to light is told.
    learn: Mutex<Option<Learn>>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    /// What was found last, also where it cannot be kept on disk.
    found: Mutex<HashMap<String, Known>>,
    me: Weak<Self>,
}

/// What was found, and whether it was told to whom we tell now.
struct Known {
    found: Arc<Found>,
    told: bool,
}

/// The place of one server's connection. Whoever makes it holds the lock, so that it is made once.
#[derive(Default)]
struct Slot {
    state: tokio::sync::Mutex<State>,
    /// Its tools are asked for just now.
    asking: AtomicBool,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    failures: u32,
    again: Option<Instant>,
    last: Option<Error>,
}

impl State {
    /// No other attempt is made for a while.
    fn pause(&mut self, times: u32, error: &Error) {
        let pause = 1_u64.checked_shl(times).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        self.again = Some(Instant::now() + Duration::from_secs(pause));
        self.last = Some(error.clone());
    }
}

impl Hub {
    /// Connects to nothing.
    pub fn new(means: Means) -> Arc<Self> {
        let cache = Cache::new(&means.dirs);
        Arc::new_cyclic(|me| Self {
            means: RwLock::new(Arc::new(means)),
            cache,
            learn: Mutex::default(),
            slots: Mutex::default(),
            found: Mutex::default(),
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
        if connected && let Ok(servers) = self.servers() {
            let kept: Vec<String> = servers.entries.iter().filter(|entry| self.admit(entry).is_ok()).map(key).collect();
            // What ends does so after the lock is free again.
            let gone: Vec<Arc<Slot>> = self.slots().extract_if(|key, _| !kept.contains(key)).map(|(_, slot)| slot).collect();
            drop(gone);
        }
        self.found.lock().unwrap_or_else(PoisonError::into_inner).values_mut().for_each(|known| known.told = false);
        *self.learn.lock().unwrap_or_else(PoisonError::into_inner) = Some(learn);
    }

    /// The servers that are configured here.
    pub fn servers(&self) -> Result<Servers> {
        let means = self.means();
        files::servers(&means.dirs, means.cwd.as_deref())
    }

    /// Refuses a server that may not be started or contacted.
    pub(super) fn admit(&self, entry: &Entry) -> Result<Trust> {
        let trust = Trust::open(&self.means().dirs)?;
        trust.check(entry)?;
        if entry.disabled {
            return Err(Error::new(
                Code::Inactive,
                format!("The MCP server '{}' is disabled in {}", printable(&entry.name), entry.file.display()),
            )
            .hint(format!("angelia mcp:enable {}", shell(&entry.name))));
        }
        let means = self.means();
        let (provider, name) = (entry.provider(), printable(&entry.name));
        if !policy::enabled(&means.config, &provider, false) {
            return Err(Error::new(Code::Inactive, format!("The MCP server '{name}' is disabled in the settings"))
                .hint(format!("angelia mcp:enable {}", shell(&entry.name))));
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
    pub(super) async fn session(&self, entry: &Entry, until: Instant, renew: bool) -> Result<(Arc<Session>, bool), Failure> {
        let slot = self.slot(entry);
        let Ok(mut state) = tokio::time::timeout_at(until, slot.state.lock()).await else {
            let said = format!("'{}' is still being started for another call", printable(&entry.name));
            return Err(Failure::before(Error::new(Code::Timeout, said).retryable()));
        };
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
                    let times = state.failures;
                    state.pause(times, &failure.error);
                    state.failures += 1;
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

    /// Asks for the tools again once a connection turns out to last, and whenever the server says that they are others: the more often it
    /// says so, the less often it is asked.
    fn watch(&self, entry: &Entry, session: &Arc<Session>) {
        let (me, entry, watched) = (self.me.clone(), entry.clone(), Arc::downgrade(session));
        let shared = session.shared.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SETTLED).await;
            if let Some(session) = watched.upgrade() {
                session.follow().await;
            }
            let mut pause = SHORTEST_PAUSE;
            loop {
                let (Some(hub), Some(session)) = (me.upgrade(), watched.upgrade()) else { return };
                if !session.alive() || hub.admit(&entry).is_err() {
                    return hub.let_go(&entry, &session);
                }
                let asked = Instant::now();
                hub.refresh(&entry, &session, asked + PATIENCE).await.ok();
                drop((hub, session));
                while tokio::time::timeout(PATIENCE, shared.changed.notified()).await.is_err() {
                    let (Some(hub), Some(session)) = (me.upgrade(), watched.upgrade()) else { return };
                    if !session.alive() {
                        return hub.let_go(&entry, &session);
                    }
                }
                pause = if asked.elapsed() > PATIENCE { SHORTEST_PAUSE } else { PATIENCE.min(pause * 2) };
                tokio::time::sleep_until(asked + pause).await;
            }
        });
    }

    /// A connection that ended, or may not be used any more, has no place here.
    fn let_go(&self, entry: &Entry, session: &Arc<Session>) {
        session.give_up();
        let slot = self.slots().get(&key(entry)).cloned();
        // Whoever holds the lock makes another one.
        if let Some(mut state) = slot.as_ref().and_then(|slot| slot.state.try_lock().ok()) {
            state.session.take_if(|known| Arc::ptr_eq(known, session));
        }
    }

    /// Asks a connected server for its tools, and remembers them.
    pub(super) async fn refresh(&self, entry: &Entry, session: &Session, until: Instant) -> Result<(Arc<Provider>, Vec<Function>)> {
        let mut about = session.about();
        let ctx = Ctx::new(Origin::Cli);
        let has_tools = about.pointer("/capabilities/tools").is_some_and(Value::is_object);
        let mut listed = if has_tools {
            session.list("tools", &ctx, until).await.map_err(|failure| scrubbed(&session.scrubber(), failure.error))?
        } else {
            Vec::new()
        };
        let scrubber = session.scrubber();
        listed.iter_mut().chain([&mut about]).for_each(|text| scrubber.scrub_value(text));
        let modern = session.manner() == Manner::Discover;
        let sse = self.cache.get(entry).is_some_and(|found| found.sse) || matches!(entry.transport, Transport::Http { sse: true, .. });
        let trust = Trust::open(&self.means().dirs)?;
        if let Err(error) = trust.pin(&self.means().dirs, entry, &listed) {
            session.shared.complain(&format!("How the tools of '{}' look now was not kept: {}", printable(&entry.name), error.message));
        }
        let held = trust.quarantined(entry, &listed);
        let found = Arc::new(Found { time_ms: now_ms(), about, tools: listed, modern, sse });
        let before =
            self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(key(entry), Known { found: found.clone(), told: true });
        let news = before.is_none_or(|before| !before.told || !before.found.is_same(&found));
        self.cache.put(entry, &found).ok();
        let (provider, functions) = tools::provider(entry, &found.about, &found.tools, &held).map_err(Error::internal)?;
        let provider = Arc::new(provider);
        if let Some(learn) = self.learn.lock().unwrap_or_else(PoisonError::into_inner).as_ref().filter(|_| news) {
            learn(&provider, functions.clone());
        }
        Ok((provider, functions))
    }

    /// What was found last, by us or by another process.
    pub(super) fn known(&self, entry: &Entry) -> Option<Arc<Found>> {
        let own = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&key(entry)).map(|known| known.found.clone());
        [own, self.cache.get(entry)].into_iter().flatten().max_by_key(|found| found.time_ms)
    }

    /// Refuses a tool that is not the one that was looked at.
    pub(super) fn quarantine(&self, trust: &Trust, entry: &Entry, tool: &str) -> Result<()> {
        let free = match self.known(entry) {
            Some(found) => {
                let known: Vec<Value> = found.tools.iter().filter(|known| known["name"] == tool).cloned().collect();
                trust.quarantined(entry, &known).is_empty()
            }
            // What cannot be compared is not what was looked at.
            None => !trust.has_pins(entry),
        };
        if free {
            return Ok(());
        }
        let name = shell(&entry.name);
        Err(Error::new(
            Code::Untrusted,
            format!("The tool '{}' of {} is new or has changed since you looked at it", tools::shown(tool), tools::shown(&entry.name)),
        )
        .hint(format!("angelia mcp:trust {name} --diff")))
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

    /// A list that is old is asked for again, beside the answer.
    pub(super) async fn succeeded(&self, entry: &Entry, session: &Arc<Session>) {
        let slot = self.slot(entry);
        // Whoever holds the lock makes another connection, which is not the one that succeeded.
        if let Ok(mut state) = slot.state.try_lock() {
            (state.failures, state.again, state.last) = (0, None, None);
        }
        let fresh = self.known(entry).is_some_and(|found| found.is_fresh());
        let Some(hub) = self.me.upgrade().filter(|_| !fresh && !slot.asking.swap(true, Ordering::Relaxed)) else { return };
        let (entry, session) = (entry.clone(), session.clone());
        let asked = tokio::spawn(async move {
            hub.refresh(&entry, &session, Instant::now() + PATIENCE).await.ok();
            slot.asking.store(false, Ordering::Relaxed);
        });
        // A program that ends with its answer would never come to it.
        drop(tokio::time::timeout(MOMENT, asked).await);
    }

    /// A connection that broke is not used again. A server that breaks again and again is left alone for a while.
    pub(super) fn failed(&self, entry: &Entry, session: &Arc<Session>, failure: &Failure) {
        if !failure.broken || !session.give_up() {
            return;
        }
        let slot = self.slot(entry);
        let Ok(mut state) = slot.state.try_lock() else { return };
        let was = state.session.take_if(|known| Arc::ptr_eq(known, session));
        if was.is_some() && failure.challenge.is_none() {
            if let Some(times) = state.failures.checked_sub(1) {
                state.pause(times, &failure.error);
            }
            state.failures += 1;
        }
    }
}

/// One entry as it is configured now. Another project's is another server, with other secrets.
fn key(entry: &Entry) -> String {
    let project = entry.project.as_deref().unwrap_or(Path::new("")).display();
    format!("{}\0{}\0{project}", entry.id, entry.fingerprint())
}
