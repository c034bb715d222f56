//! What is asked, how, and in which context. No meaning yet: names are not looked up and arguments not checked.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::error::Error;
use crate::base::origin::Origin;
use crate::call::exchange::Replayer;
use crate::call::executor::BoxFuture;
use crate::call::plan::Plan;
use crate::call::reach::Reach;
use crate::registry::function::Operation;

/// One call, as asked.
pub struct Call {
    /// `provider.function`.
    pub function: String,
    /// Alias of the account; `None` for the configured or default one.
    pub account: Option<String>,
    /// What goes to the function.
    pub arguments: Arguments,
    /// How it is called.
    pub options: Options,
}

/// Arguments before or after they were read by the function's schema.
pub enum Arguments {
    /// A JSON object, with files for parameters of format `binary`.
    Ready { object: Map<String, Value>, files: BTreeMap<String, PathBuf> },
    /// Words of a command line.
    Raw(RawArguments),
}

/// A payload and flags, in the order in which they were given.
#[derive(Default)]
pub struct RawArguments {
    /// The JSON payload, or why it is none.
    pub payload: Option<Result<Value, Error>>,
    /// Flags that override it.
    pub flags: Vec<Flag>,
}

/// One flag.
#[derive(Debug, Clone)]
pub struct Flag {
    /// As written, without dashes; may have dots.
    pub key: String,
    /// `None` for a lone `--key`.
    pub value: Option<String>,
    /// `--no-key`.
    pub negated: bool,
    /// Content that `@-` stands for.
    pub stdin: Option<String>,
}

/// How a call is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub dry_run: bool,
    pub force: bool,
    /// Agreed to as part of a plan, with which whoever calls compares it: no ticket is looked for or spent.
    pub planned: bool,
    /// Follow the list to its end.
    pub all: bool,
    pub max_pages: Option<u32>,
    pub max_items: Option<u64>,
    /// jq program over the data.
    pub select: Option<String>,
    pub timeout_seconds: Option<f64>,
    /// Write a download or the data there.
    pub output: Option<PathBuf>,
    /// Allow `output` to replace a file.
    pub overwrite: bool,
    pub record: Option<PathBuf>,
    /// Answers instead of the service.
    pub replay: Option<Arc<Replayer>>,
}

impl Options {
    /// As JSON, for a ticket that may make the call later. A dry run and a force are not kept.
    pub fn to_value(&self) -> Value {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        serde_json::json!({
            "all": self.all, "max_pages": self.max_pages, "max_items": self.max_items, "select": self.select,
            "timeout_seconds": self.timeout_seconds, "output": path(&self.output), "overwrite": self.overwrite,
        })
    }

    /// Reads what [`Options::to_value`] wrote.
    pub fn from_value(value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        Self {
            all: flag("all"),
            max_pages: number("max_pages").and_then(|pages| u32::try_from(pages).ok()),
            max_items: number("max_items"),
            select: text("select"),
            timeout_seconds: value.get("timeout_seconds").and_then(Value::as_f64),
            output: text("output").map(PathBuf::from),
            overwrite: flag("overwrite"),
            ..Self::default()
        }
    }
}

/// In which context a call is made.
#[derive(Clone)]
pub struct Ctx {
    pub origin: Origin,
    /// Cancels the call.
    pub cancel: CancellationToken,
    /// Receives list items as they come (`--ndjson`).
    pub items: Option<UnboundedSender<Value>>,
    /// Receives news for a progress bar.
    pub progress: Option<UnboundedSender<Progress>>,
    /// Asks a person where the policy wants one; without it a ticket is left.
    pub asker: Option<Arc<dyn Asker>>,
    /// The most that may be done, whatever the policy allows: a workflow that says it reads does not write.
    pub ceiling: Operation,
    /// What the surface lets be used, whatever the policy allows.
    pub reach: Option<Arc<Reach>>,
    /// What is left for a script and the scripts that it starts.
    pub budget: Option<Arc<Budget>>,
    /// What else scripts of one chain share: a dry run, an approved list. Only the room `lua` looks inside.
    pub carried: Option<Arc<dyn Any + Send + Sync>>,
}

/// Asks a person for a word on exactly one request.
pub trait Asker: Send + Sync {
    /// `request` is what would be sent. `None` where nobody can answer.
    fn ask<'a>(&'a self, plan: &'a Plan, request: &'a Value) -> BoxFuture<'a, Option<bool>>;
}

/// What scripts that stand in one chain share.
#[derive(Debug)]
pub struct Budget {
    /// When all of them must be done.
    pub deadline: Instant,
    calls_left: AtomicU64,
}

impl Budget {
    /// A fresh budget.
    pub fn new(deadline: Instant, calls: u64) -> Self {
        Self { deadline, calls_left: AtomicU64::new(calls) }
    }

    /// Takes one call; false when none is left.
    pub fn take_call(&self) -> bool {
        self.calls_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// What a progress bar can show.
#[derive(Debug, Clone)]
pub enum Progress {
    Page {
        pages: u32,
        items: u64,
    },
    Bytes {
        done: u64,
        total: Option<u64>,
    },
    Waiting {
        seconds: u64,
        why: &'static str,
    },
    /// What a service tells of its own work.
    Step {
        done: f64,
        total: Option<f64>,
        message: Option<String>,
    },
}

impl Ctx {
    /// A context of an origin without listeners.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            cancel: CancellationToken::new(),
            items: None,
            progress: None,
            asker: None,
            ceiling: Operation::Destructive,
            reach: None,
            budget: None,
            carried: None,
        }
    }

    /// Tells a progress bar, if there is one.
    pub fn tell(&self, progress: Progress) {
        if let Some(listener) = &self.progress {
            drop(listener.send(progress));
        }
    }
}
