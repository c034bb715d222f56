//! Who carries out a plan. Executors own no runtime; what they need comes with the call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::access::signin::Account;
use crate::access::vault::Credentials;
use crate::base::error::{Error, Result};
use crate::base::secret::Scrubber;
use crate::call::plan::Plan;
use crate::call::request::Ctx;
use crate::registry::function::Function;
use crate::registry::manifest::Provider;

/// A plan with the account's credentials.
pub struct Ready {
    pub plan: Plan,
    pub credentials: Credentials,
    pub scrubber: Scrubber,
    /// Has the token anew when the service refuses it, where the account signed in.
    pub account: Option<Account>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The data, shaped; on a failure what was read so far.
    pub data: Value,
    /// Requests sent.
    pub attempts: u32,
    pub http_status: Option<u16>,
    /// Present for lists.
    pub list: Option<ListOutcome>,
    pub error: Option<Error>,
    /// What must be known besides.
    pub warnings: Vec<String>,
    /// The failure leaves open whether a write took effect.
    pub effect_unknown: bool,
    /// Answers came from recorded exchanges.
    pub replayed: bool,
    /// What must not be shown besides what was known before, such as a token that was renewed meanwhile.
    pub scrubber: Option<Scrubber>,
}

/// How far a list was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListOutcome {
    pub pages: u32,
    pub items: u64,
    pub complete: bool,
    pub stopped_by: Option<&'static str>,
}

impl Outcome {
    /// A failure without data.
    pub fn failed(error: Error) -> Self {
        Self { error: Some(error), ..Self::default() }
    }
}

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries out plans of one kind.
pub trait Executor: Send + Sync {
    /// Refuses arguments from which no request can be built.
    fn check(&self, plan: &Plan) -> Result<()>;

    /// Why a person's word is wanted for this very call, whatever the policy allows.
    fn asks(&self, _ctx: &Ctx, _plan: &Plan) -> Option<String> {
        None
    }

    /// The exact request. `shown` gives a credential field as it may be shown: a setting as it is, a secret masked, nothing where
    /// there is no value.
    fn preview(&self, plan: &Plan, shown: &dyn Fn(&str) -> Option<String>) -> Result<Value>;

    /// Does it.
    fn execute<'a>(&'a self, ctx: &'a Ctx, ready: &'a Ready) -> BoxFuture<'a, Outcome>;
}

/// Upstream MCP servers, whose functions may only come to light when they are asked.
pub trait Upstreams: Send + Sync {
    /// Who carries their functions out.
    fn executor(&self) -> &dyn Executor;

    /// Providers of servers that may be started and were never asked for what they have.
    fn unmet(&self) -> Vec<String>;

    /// Asks the server of a provider (`mcp.NAME`) for what it has, if it may be started.
    fn discover<'a>(&'a self, provider: &'a str) -> BoxFuture<'a, Result<(Arc<Provider>, Vec<Function>)>>;
}
