//! What there is to serve, apart from how the protocol asks for it.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompletionInfo, GetPromptRequestParams, GetPromptResponse, LoggingLevel,
    LoggingMessageNotificationParam, Prompt, ReadResourceRequestParams, ReadResourceResponse, Reference, Resource, ResourceTemplate,
    ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use tokio::sync::broadcast;

use crate::base::origin::Origin;
use crate::call::executor::BoxFuture;
use crate::mcp::http;
use crate::mcp::server::asks::asks_by_answer;

/// How long a log message may be on its way before the answer goes without it.
const LOG_PATIENCE: Duration = Duration::from_millis(50);

/// An answer, or why the protocol has none. What a tool itself fails with is an answer.
pub type Answer<T> = Result<T, ErrorData>;

/// One connection with what it asked to be told.
#[derive(Debug)]
pub struct Connection {
    /// Short and unique while the program runs; in the audit log.
    pub id: String,
    /// The least grave log message that it wants.
    pub level: Mutex<LoggingLevel>,
    /// Resources whose changes it wants to hear of.
    pub subscribed: Mutex<BTreeSet<String>>,
    /// News are on their way to it.
    pub told: AtomicBool,
    /// Updates of what it subscribed to are on their way to it.
    pub updated: AtomicBool,
}

impl Connection {
    /// A new one.
    pub fn new() -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Self {
            id: id.chars().take(12).collect(),
            level: Mutex::new(LoggingLevel::Warning),
            subscribed: Mutex::default(),
            told: AtomicBool::new(false),
            updated: AtomicBool::new(false),
        }
    }

    /// Resources whose changes it wants to hear of.
    pub fn wanted(&self) -> Vec<String> {
        self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether it wants to hear of a change of this resource.
    pub fn wants(&self, uri: &str) -> bool {
        self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).contains(uri)
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

/// One request of one connection.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub context: &'a RequestContext<RoleServer>,
    pub connection: &'a Connection,
}

impl At<'_> {
    /// Where its calls come from.
    pub fn origin(&self) -> Origin {
        let client = self.context.client_info().map_or_else(|| String::from("unknown"), |client| client.name);
        Origin::mcp(&client, &self.identity())
    }

    /// Whose calls these are: a connection's, or where each request stands alone (HTTP since 2026-07-28) all of a key.
    pub fn identity(&self) -> String {
        let alone = asks_by_answer(self.context) && http::came_by(&self.context.extensions);
        match http::grant(&self.context.extensions) {
            _ if !alone => self.connection.id.clone(),
            Some(grant) => format!("key-{}", grant.key),
            None => String::from("http"),
        }
    }

    /// Sends a log message, where the client wants one so grave. Since 2026-07-28 each request says so itself, or hears nothing.
    pub async fn log(&self, message: LoggingMessageNotificationParam) {
        let wanted = if asks_by_answer(self.context) {
            self.context.meta.log_level()
        } else {
            Some(*self.connection.level.lock().unwrap_or_else(PoisonError::into_inner))
        };
        if wanted.is_some_and(|wanted| message.level as u8 >= wanted as u8) {
            // A client that is gone, or goes, needs no log; the answer does not wait for it.
            drop(tokio::time::timeout(LOG_PATIENCE, self.context.peer.notify_logging_message(message)).await);
        }
    }
}

/// A list that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Tools,
    Prompts,
    Resources,
}

impl News {
    /// All of them: for whoever missed some.
    pub const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];
}

/// A resource that changed, for one connection (see [`At::identity`]) or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub uri: String,
    pub whose: Option<String>,
}

impl Update {
    /// Whether it is for this connection.
    pub fn concerns(&self, identity: &str) -> bool {
        self.whose.as_ref().is_none_or(|whose| whose == identity)
    }
}

/// Values that may complete an argument.
#[derive(Debug, Default)]
pub struct Typing<'a> {
    /// Name of the argument.
    pub argument: &'a str,
    /// What was typed so far.
    pub typed: &'a str,
}

/// What there is to serve. Lists are whole; paging is the handler's business.
pub trait Face: Send + Sync + 'static {
    /// Name, capabilities and instructions.
    fn info(&self) -> ServerConfig;

    /// Lists that change, as they do.
    fn news(&self) -> broadcast::Receiver<News>;

    /// Resources that change, as they do. There are many: only who watches some listens.
    fn updates(&self) -> broadcast::Receiver<Update>;

    /// Every tool.
    fn tools(&self, at: At<'_>) -> Answer<Vec<Tool>>;

    /// One tool, for the checks of the transport; may be one that is not offered to everybody.
    fn tool(&self, name: &str) -> Option<Tool>;

    /// Calls a tool.
    fn call<'a>(&'a self, request: CallToolRequestParams, at: At<'a>) -> BoxFuture<'a, Answer<CallToolResponse>>;

    /// Every resource.
    fn resources(&self, at: At<'_>) -> Answer<Vec<Resource>>;

    /// Every template.
    fn templates(&self) -> Vec<ResourceTemplate>;

    /// Reads a resource.
    fn read<'a>(&'a self, request: ReadResourceRequestParams, at: At<'a>) -> BoxFuture<'a, Answer<ReadResourceResponse>>;

    /// Every prompt.
    fn prompts(&self, at: At<'_>) -> Answer<Vec<Prompt>>;

    /// Fills a prompt.
    fn prompt<'a>(&'a self, request: GetPromptRequestParams, at: At<'a>) -> BoxFuture<'a, Answer<GetPromptResponse>>;

    /// Values for an argument.
    fn complete(&self, of: &Reference, typing: &Typing<'_>, at: At<'_>) -> CompletionInfo;
}
