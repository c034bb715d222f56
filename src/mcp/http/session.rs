//! The sessions there are: whose they are, what runs in them, when they were last used, and answers that found nobody at the other end.
//! Everything a client can make grow has a bound here. How messages travel stands in `manager`.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rmcp::model::RequestId;
use rmcp::transport::streamable_http_server::session::ServerSseMessage;

use crate::mcp::http::ring::Owner;

/// How many sessions and requests there may be, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sessions at once.
    pub sessions: usize,
    /// Sessions at once of one key.
    pub sessions_of_key: usize,
    /// A session that is not used for so long is closed.
    pub idle: Duration,
    /// Requests at once in one session.
    pub requests: usize,
    /// Connections at once, each with one request at most.
    pub connections: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// A body must have come in this time.
    pub body_time: Duration,
    /// A request's head must have come in this time; a connection without requests ends after it.
    pub head_time: Duration,
    /// A client that takes nothing of what it is sent for so long is gone.
    pub stall: Duration,
    /// An answer that is there in this time is sent as JSON; what takes longer is a stream from its beginning, so that the client sees life.
    pub at_once: Duration,
    /// What running requests get when the server stops.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 1000,
            sessions_of_key: 100,
            idle: Duration::from_secs(600),
            requests: 64,
            connections: 4096,
            body: 4 << 20,
            body_time: Duration::from_secs(30),
            head_time: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            at_once: Duration::from_millis(150),
            farewell: Duration::from_secs(5),
        }
    }
}

/// Streams that one session may hold open beside its requests.
const STREAMS: usize = 8;
/// Answers that a session keeps for a client that comes back.
const LATE: usize = 8;
/// For how long it keeps them.
const LATE_TIME: Duration = Duration::from_secs(60);

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// For any session.
    Server,
    /// For another session of this key.
    Key,
    /// For another request or stream of this session.
    Session,
    /// A request of that id is still running.
    Id,
}

/// All sessions by id.
pub struct Table {
    sessions: Mutex<HashMap<Arc<str>, Arc<Session>>>,
    opening: AtomicUsize,
    limits: Limits,
}

/// One session.
pub struct Session {
    owner: OnceLock<Option<Owner>>,
    requests: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    used: Instant,
    running: HashMap<RequestId, Running>,
    streams: usize,
    late: VecDeque<Late>,
}

#[derive(Default)]
struct Running {
    /// The protocol's crate has it: it will be answered there.
    taken: bool,
    /// Number of the stream that carries the answer.
    stream: Option<u64>,
    /// Nobody reads that stream any more.
    left: bool,
}

struct Late {
    stream: u64,
    message: ServerSseMessage,
    at: Instant,
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place that is kept while a session opens.
pub struct Opening<'a>(&'a Table);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.opening.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Table {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self { sessions: Mutex::default(), opening: AtomicUsize::new(0), limits }
    }

    /// Keeps a place for a session of this owner, if there is one.
    pub fn keep_place(&self, owner: Option<&Owner>) -> Result<Opening<'_>, Full> {
        let opening = Opening(self);
        let others = self.opening.fetch_add(1, Ordering::Relaxed);
        let sessions = open(&self.sessions);
        if sessions.len() + others >= self.limits.sessions {
            return Err(Full::Server);
        }
        if let Some(owner) = owner {
            let theirs = sessions.values().filter(|session| session.owner.get().is_some_and(|known| known.as_ref() == Some(owner)));
            if theirs.count() >= self.limits.sessions_of_key {
                return Err(Full::Key);
            }
        }
        drop(sessions);
        Ok(opening)
    }

    /// A new session that nobody owns yet.
    pub(super) fn add(&self, id: &Arc<str>) -> Arc<Session> {
        let inner = Inner { used: Instant::now(), running: HashMap::new(), streams: 0, late: VecDeque::new() };
        let session = Arc::new(Session { owner: OnceLock::new(), requests: self.limits.requests, inner: Mutex::new(inner) });
        open(&self.sessions).insert(id.clone(), session.clone());
        session
    }

    /// Gives a new session to whoever opened it.
    pub fn give(&self, id: &str, owner: Option<Owner>) {
        if let Some(session) = self.session(id) {
            // Only the first one gets it.
            session.owner.set(owner).ok();
        }
    }

    /// The session of that id, if it is this owner's.
    pub fn find(&self, id: &str, owner: Option<&Owner>) -> Option<Arc<Session>> {
        self.session(id).filter(|session| session.owner.get().is_some_and(|known| known.as_ref() == owner))
    }

    pub(super) fn session(&self, id: &str) -> Option<Arc<Session>> {
        open(&self.sessions).get(id).cloned()
    }

    pub(super) fn remove(&self, id: &str) {
        open(&self.sessions).remove(id);
    }

    /// Ids of sessions to close: not used for long, or of a key that opens nothing any more.
    pub fn ended(&self, holds: impl Fn(&Owner) -> bool) -> Vec<Arc<str>> {
        let all: Vec<_> = open(&self.sessions).iter().map(|(id, session)| (id.clone(), session.clone())).collect();
        let ended = all.into_iter().filter(|(_, session)| {
            let revoked = session.owner.get().and_then(Option::as_ref).is_some_and(|owner| !holds(owner));
            revoked || session.idle_for() >= self.limits.idle
        });
        ended.map(|(id, _)| id).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        open(&self.sessions).len()
    }
}

impl Session {
    /// Enters a request, if it may run beside the others.
    pub fn begin(self: &Arc<Self>, id: RequestId) -> Result<Begun, Full> {
        let mut inner = open(&self.inner);
        inner.used = Instant::now();
        if inner.running.len() >= self.requests {
            return Err(Full::Session);
        }
        if inner.running.contains_key(&id) {
            return Err(Full::Id);
        }
        inner.running.insert(id.clone(), Running::default());
        drop(inner);
        Ok(Begun { session: self.clone(), id })
    }

    /// Says that it is used.
    pub fn touch(&self) {
        open(&self.inner).used = Instant::now();
    }

    /// Whether it may hold another stream.
    pub fn has_stream_left(&self) -> bool {
        let mut inner = open(&self.inner);
        inner.used = Instant::now();
        inner.streams < STREAMS
    }

    pub(super) fn take(&self, id: &RequestId) {
        if let Some(running) = open(&self.inner).running.get_mut(id) {
            running.taken = true;
        }
    }

    /// The request is answered on this stream, which somebody reads.
    pub(super) fn attach(&self, id: &RequestId, stream: u64) {
        if let Some(running) = open(&self.inner).running.get_mut(id) {
            (running.stream, running.left) = (Some(stream), false);
        }
    }

    /// Nobody reads the stream any more; the request goes on.
    pub(super) fn leave(&self, id: &RequestId) {
        let mut inner = open(&self.inner);
        inner.used = Instant::now();
        if let Some(running) = inner.running.get_mut(id) {
            running.left = true;
        }
    }

    pub(super) fn finish(&self, id: &RequestId) {
        let mut inner = open(&self.inner);
        inner.used = Instant::now();
        inner.running.remove(id);
    }

    /// The stream of a request whose answer would find nobody.
    pub(super) fn deserted(&self, id: &RequestId) -> Option<u64> {
        open(&self.inner).running.get(id).filter(|running| running.left).and_then(|running| running.stream)
    }

    /// The request that a stream answers.
    pub(super) fn request_of(&self, stream: u64) -> Option<RequestId> {
        open(&self.inner).running.iter().find(|(_, running)| running.stream == Some(stream)).map(|(id, _)| id.clone())
    }

    pub(super) fn open_stream(&self) {
        open(&self.inner).streams += 1;
    }

    pub(super) fn close_stream(&self) {
        let mut inner = open(&self.inner);
        inner.used = Instant::now();
        inner.streams = inner.streams.saturating_sub(1);
    }

    /// Keeps an answer for a client that comes back for it.
    pub(super) fn keep(&self, stream: u64, message: ServerSseMessage) {
        let mut inner = open(&self.inner);
        inner.drop_old();
        if inner.late.len() >= LATE {
            inner.late.pop_front();
        }
        inner.late.push_back(Late { stream, message, at: Instant::now() });
    }

    /// Answers that a stream would have brought.
    pub(super) fn late(&self, stream: u64) -> Vec<ServerSseMessage> {
        let mut inner = open(&self.inner);
        inner.drop_old();
        inner.late.iter().filter(|late| late.stream == stream).map(|late| late.message.clone()).collect()
    }

    /// For how long nobody has used it. A request that somebody waits for and an open stream are use.
    fn idle_for(&self) -> Duration {
        let mut inner = open(&self.inner);
        inner.drop_old();
        let live = inner.streams > 0 || inner.running.values().any(|running| !running.left);
        if live { Duration::ZERO } else { inner.used.elapsed() }
    }
}

impl Inner {
    fn drop_old(&mut self) {
        self.late.retain(|late| late.at.elapsed() < LATE_TIME);
    }
}

/// A request that was entered. Forgotten when nobody took it, as when it was refused on its way.
pub struct Begun {
    session: Arc<Session>,
    id: RequestId,
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut inner = open(&self.session.inner);
        if inner.running.get(&self.id).is_some_and(|running| !running.taken) {
            inner.running.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(sessions: usize) -> Table {
        Table::new(Limits { sessions, sessions_of_key: 2, requests: 2, ..Limits::default() })
    }

    #[test]
    fn there_is_room_for_so_many_sessions_and_so_many_of_a_key() {
        let table = table(3);
        let (ours, theirs) = ([1; 32], [2; 32]);
        for id in ["a", "b"] {
            let place = table.keep_place(Some(&ours)).ok();
            assert!(place.is_some());
            table.add(&Arc::from(id));
            table.give(id, Some(ours));
        }
        assert_eq!(table.keep_place(Some(&ours)).err(), Some(Full::Key));
        let place = table.keep_place(Some(&theirs));
        assert!(place.is_ok());
        assert_eq!(table.keep_place(None).err(), Some(Full::Server), "a place that is kept counts");
        drop(place);
        assert!(table.keep_place(None).is_ok());
        assert!(table.find("a", Some(&ours)).is_some());
        assert!(table.find("a", Some(&theirs)).is_none() && table.find("a", None).is_none());
        assert_eq!(table.ended(|owner| *owner != ours).len(), 2);
    }

    #[test]
    fn requests_are_entered_once_and_leave_no_trace_when_nobody_takes_them() {
        let table = table(1);
        let session = table.add(&Arc::from("a"));
        let first = session.begin(RequestId::Number(1));
        assert!(first.is_ok());
        assert_eq!(session.begin(RequestId::Number(1)).err(), Some(Full::Id));
        session.take(&RequestId::Number(1));
        drop(first);
        assert_eq!(session.begin(RequestId::Number(1)).err(), Some(Full::Id), "it runs on");
        let second = session.begin(RequestId::Number(2));
        assert_eq!(session.begin(RequestId::Number(3)).err(), Some(Full::Session));
        drop(second);
        session.finish(&RequestId::Number(1));
        assert!(session.begin(RequestId::Number(1)).is_ok());
    }
}
