//! What a server may ask of us: ping and the project's folder are answered, an elicitation goes to a person where there is one, sampling is
//! refused. What it tells us: progress goes to the call it belongs to, log lines become notes at a bounded rate.
#![expect(deprecated, reason = "servers of older versions still ask for roots and sampling, and still log")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rmcp::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams, ElicitResult,
    ElicitationAction, ErrorCode, ErrorData, Implementation, ListRootsResult, LoggingMessageNotificationParam, ProgressNotificationParam,
    ProgressToken, Root,
};
use rmcp::service::{NotificationContext, RequestContext, RoleClient};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::access::launch;
use crate::base::clock::now_ms;
use crate::base::name::printable;
use crate::base::secret::Scrubber;
use crate::call::executor::BoxFuture;
use crate::call::request::Progress;
use crate::mcp::client::auth::Tokens;
use crate::mcp::client::connect::Means;
use crate::mcp::files::project_root;

/// A person who can answer what a server asks during a call.
pub trait Person: Send + Sync {
    /// Asks for an object of this schema; what is left out has its default. `None` where it is declined or nobody is there.
    fn fill_in<'a>(&'a self, server: &'a str, message: &'a str, schema: &'a Value) -> BoxFuture<'a, Option<Value>>;

    /// Asks to open an address that the server names; true when the person did.
    fn visit<'a>(&'a self, server: &'a str, message: &'a str, url: &'a str) -> BoxFuture<'a, bool>;
}

/// Says something to a person.
pub type Note = Arc<dyn Fn(&str) + Send + Sync>;

/// Who waits for one request, and when it last heard of it.
struct Listener {
    to: UnboundedSender<Progress>,
    heard: Option<Instant>,
    done: bool,
}

/// How often progress is passed on at most; what comes sooner is left out.
const STEP: Duration = Duration::from_millis(100);

/// Log lines that are passed on per minute.
const LOG_LINES: u64 = 20;

/// What a connection and its handler share.
pub struct Shared {
    pub server: String,
    pub root: Option<PathBuf>,
    pub person: Option<Arc<dyn Person>>,
    note: Note,
    /// What it was started with and must not be shown.
    secrets: Scrubber,
    /// The tokens that go along, if it has any.
    pub tokens: OnceLock<Tokens>,
    /// The server said that its tools are others now.
    pub changed: tokio::sync::Notify,
    listeners: Mutex<HashMap<ProgressToken, Listener>>,
    minute: AtomicU64,
    lines: AtomicU64,
    complained: AtomicBool,
}

impl Shared {
    /// Nothing is known yet.
    pub fn new(server: &str, means: &Means, scrubber: Scrubber) -> Self {
        Self {
            server: printable(server),
            root: means.cwd.as_deref().and_then(project_root),
            person: means.person.clone(),
            note: means.note.clone(),
            secrets: scrubber,
            tokens: OnceLock::new(),
            changed: tokio::sync::Notify::new(),
            listeners: Mutex::default(),
            minute: AtomicU64::new(0),
            lines: AtomicU64::new(0),
            complained: AtomicBool::new(false),
        }
    }

    /// What must not be shown: what it was started with, and the tokens of now.
    pub fn scrubber(&self) -> Scrubber {
        let mut scrubber = self.secrets.clone();
        self.tokens.get().into_iter().flat_map(Tokens::secrets).for_each(|secret| launch::forget(&mut scrubber, &secret));
        scrubber
    }

    /// Says something to a person.
    pub fn say(&self, text: &str) {
        (self.note)(&self.scrubber().scrub(text));
    }

    /// As [`Shared::say`], for what would be said again and again.
    pub fn complain(&self, text: &str) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            self.say(text);
        }
    }

    /// Passes the progress of one request on.
    pub fn listen(&self, token: &ProgressToken, to: UnboundedSender<Progress>) {
        let listener = Listener { to, heard: None, done: false };
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), listener);
    }

    /// One step of a request; whoever waits for it hears of some of them, and of the last.
    fn step(&self, params: &ProgressNotificationParam) {
        let to = {
            let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(listener) = listeners.get_mut(&params.progress_token) else { return };
            let last = params.total.is_some_and(|total| params.progress >= total);
            let soon = listener.heard.is_some_and(|heard| heard.elapsed() < STEP);
            if listener.done || (soon && !last) {
                return;
            }
            (listener.done, listener.heard) = (last, Some(Instant::now()));
            listener.to.clone()
        };
        let message = params.message.as_deref().map(|text| printable(&self.scrubber().scrub(text)));
        drop(to.send(Progress::Step { done: params.progress, total: params.total, message }));
    }

    /// The request is over.
    pub fn forget(&self, token: &ProgressToken) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// Whether one more line may be passed on now.
    fn may_speak(&self) -> bool {
        let minute = u64::try_from(now_ms() / 60_000).unwrap_or(0);
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            self.lines.store(0, Ordering::Relaxed);
        }
        let lines = self.lines.fetch_add(1, Ordering::Relaxed);
        if lines == LOG_LINES {
            self.say(&format!("{} says more than {LOG_LINES} things a minute; the rest is left out", self.server));
        }
        lines < LOG_LINES
    }

    /// Answers an elicitation.
    pub async fn elicit(&self, request: ElicitRequestParams) -> ElicitResult {
        let Some(person) = &self.person else { return ElicitResult::new(ElicitationAction::Decline) };
        let scrubber = self.scrubber();
        match request {
            ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } => {
                let mut schema = serde_json::to_value(&requested_schema).unwrap_or_default();
                scrubber.scrub_value(&mut schema);
                match person.fill_in(&self.server, &scrubber.scrub(&message), &schema).await {
                    Some(content) => ElicitResult::new(ElicitationAction::Accept).with_content(completed(content, &schema)),
                    None => ElicitResult::new(ElicitationAction::Decline),
                }
            }
            ElicitRequestParams::UrlElicitationParams { message, url, .. } => {
                let visited = person.visit(&self.server, &scrubber.scrub(&message), &scrubber.scrub(&url)).await;
                ElicitResult::new(if visited { ElicitationAction::Accept } else { ElicitationAction::Decline })
            }
            _ => ElicitResult::new(ElicitationAction::Decline),
        }
    }

    /// The folders that the server may think of as the project.
    pub fn roots(&self) -> ListRootsResult {
        let uri = self.root.as_ref().and_then(|root| url::Url::from_directory_path(root).ok());
        ListRootsResult::new(uri.map(|uri| Root::new(uri.as_str().trim_end_matches('/'))).into_iter().collect())
    }
}

/// An answer with the defaults of what was left out.
fn completed(mut content: Value, schema: &Value) -> Value {
    if let (Some(content), Some(fields)) = (content.as_object_mut(), schema["properties"].as_object()) {
        for (name, field) in fields {
            if let (false, Some(default)) = (content.contains_key(name), field.get("default")) {
                content.insert(name.clone(), default.clone());
            }
        }
    }
    content
}

/// The answer to every request for sampling.
pub fn no_sampling() -> ErrorData {
    ErrorData::new(ErrorCode(-1), "sampling is refused: this client lends no language model to servers", None)
}

/// Our side of one connection.
#[derive(Clone)]
pub struct Handler(pub Arc<Shared>);

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let elicitation =
            if self.0.person.is_some() { json!({"elicitation": {"form": {}, "url": {}}, "roots": {}}) } else { json!({"roots": {}}) };
        let capabilities: ClientCapabilities = serde_json::from_value(elicitation).unwrap_or_default();
        ClientConfig::new(capabilities, Implementation::new("angelia", env!("CARGO_PKG_VERSION")))
    }

    async fn create_message(
        &self,
        _params: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        Err(no_sampling())
    }

    async fn list_roots(&self, _context: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        Ok(self.0.roots())
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(self.0.elicit(request).await)
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.0.step(&params);
    }

    async fn on_logging_message(&self, params: LoggingMessageNotificationParam, _context: NotificationContext<RoleClient>) {
        if self.0.may_speak() {
            let text = match &params.data {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let level = serde_json::to_value(params.level).unwrap_or_default();
            // Cut afterwards: half a secret would not be known as one.
            let text = printable(&self.0.scrubber().scrub(&text));
            self.0.say(&format!("{} says ({}): {text}", self.0.server, level.as_str().unwrap_or("info")));
        }
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let schema = json!({"properties": {"a": {"type": "integer", "default": 1}, "b": {"default": 2}, "c": {"type": "string"}}});
        assert_eq!(completed(json!({"b": 3}), &schema), json!({"b": 3, "a": 1}));
        assert_eq!(completed(json!({}), &json!({"properties": 1})), json!({}));
    }
}
