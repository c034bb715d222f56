//! Workflow files as functions: the executor that runs `workflow.NAME`. The file is run in a VM of its own, on behalf of whoever
//! calls it; it may do no more than its header says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::base::error::{Code, Error, Result};
use crate::base::json::sha256;
use crate::call::executor::{BoxFuture, Executor, Outcome, Ready};
use crate::call::plan::Plan;
use crate::call::request::{Ctx, Options};
use crate::call::runtime::Runtime;
use crate::lua::driver::Driver;
use crate::lua::host::{Mode, Voice};
use crate::lua::limits::Limits;
use crate::lua::modules;
use crate::lua::session::{DEEPEST, Script, Session, Setup};

/// How many workflows of one level run at once. Each has the memory of a whole VM; the others wait. A workflow waits only for deeper
/// ones, so that the levels cannot block each other.
static LEVELS: [Semaphore; DEEPEST] = [const { Semaphore::const_new(8) }; DEEPEST];

/// The executor of workflow files.
pub struct Workflows {
    /// Whose functions a workflow calls.
    pub runtime: Weak<Runtime>,
}

/// A workflow that is called as a function says what it prints and logs to a person.
struct Notes(Arc<Runtime>);

impl Voice for Notes {
    fn print(&self, line: &str) {
        (self.0.notes)(line);
    }

    fn log(&self, level: &str, line: &str) {
        (self.0.notes)(&format!("{level}: {line}"));
    }
}

impl Executor for Workflows {
    fn check(&self, _plan: &Plan) -> Result<()> {
        Ok(())
    }

    fn preview(&self, plan: &Plan, _shown: &dyn Fn(&str) -> Option<String>) -> Result<Value> {
        let file = plan.callable.function.lua.as_ref();
        Ok(json!({"workflow": file.map(|file| &file.path), "sha256": file.map(|file| &file.sha256), "arguments": plan.shown_arguments()}))
    }

    fn execute<'a>(&'a self, ctx: &'a Ctx, ready: &'a Ready) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let made = self.runtime.upgrade().ok_or_else(|| Error::internal("the runtime is gone"));
            let started = made.and_then(|runtime| Start::read(runtime, ctx, &ready.plan));
            let start = match started {
                Ok(start) => start,
                Err(error) => return Outcome::failed(error),
            };
            let level = ctx.origin.depth().min(DEEPEST - 1);
            let turn = tokio::select! {
                turn = LEVELS[level].acquire() => turn.ok(),
                () = ctx.cancel.cancelled() => None,
            };
            let Some(_turn) = turn else { return Outcome::failed(Error::new(Code::Cancelled, "Interrupted")) };
            match tokio::task::spawn_blocking(move || start.run()).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::failed(Error::internal(format!("the workflow's thread ended: {error}"))),
            }
        })
    }
}

/// What a workflow's thread needs.
struct Start {
    runtime: Arc<Runtime>,
    ctx: Ctx,
    handle: Handle,
    script: Script,
    path: String,
    options: Options,
    arguments: Value,
    limits: Limits,
    mode: Mode,
}

impl Start {
    fn read(runtime: Arc<Runtime>, ctx: &Ctx, plan: &Plan) -> Result<Self> {
        let function = &plan.callable.function;
        let file = function.lua.as_ref().ok_or_else(|| Error::internal(format!("{} is no workflow", plan.callable.name)))?;
        let source = modules::source(Path::new(&file.path))?;
        if sha256(source.as_bytes()) != file.sha256 {
            return Err(Error::new(Code::ScriptError, format!("{} changed while it was being called; nothing was run", file.path))
                .hint("Make the call again")
                .retryable());
        }
        let mut ctx = ctx.clone();
        ctx.ceiling = ctx.ceiling.min(function.operation);
        ctx.items = None;
        ctx.progress = None;
        let mut limits = Limits::of(&runtime.config);
        if let Some(seconds) = plan.options.timeout_seconds {
            limits.time = limits.time.min(plan.timeout).min(std::time::Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
        }
        let options = Options {
            force: plan.options.force,
            record: plan.options.record.clone(),
            replay: plan.options.replay.clone(),
            ..Options::default()
        };
        let name = Path::new(&file.path).file_name().map_or_else(|| file.path.clone(), |name| name.to_string_lossy().into_owned());
        // A dry run and an approved run go on inside.
        let mode = ctx.carried.as_ref().and_then(|carried| carried.downcast_ref::<Mode>().cloned()).unwrap_or(Mode::Live);
        Ok(Self {
            mode,
            ctx,
            handle: Handle::current(),
            script: Script { name, source },
            path: file.path.clone(),
            options,
            arguments: Value::Object(plan.arguments.object.clone()),
            limits,
            runtime,
        })
    }

    fn run(self) -> Outcome {
        let session = Session::open(Setup {
            voice: Box::new(Notes(self.runtime.clone())),
            env: self.runtime.config.lua_env(),
            folder: Path::new(&self.path).parent().map(Path::to_path_buf),
            runtime: self.runtime,
            ctx: self.ctx,
            driver: Driver::Shared(self.handle),
            limits: self.limits,
            mode: self.mode,
            options: self.options,
            accounts: BTreeMap::new(),
            words: Vec::new(),
            named: self.arguments,
            stdin: Box::new(|| None),
            testing: false,
            lasting: None,
        });
        let report = match session {
            Ok(session) => session.run(&self.script),
            Err(error) => return Outcome::failed(error),
        };
        let wrote = report.log.iter().any(|entry| entry.effect == "succeeded");
        let unknown = report.log.iter().any(|entry| entry.effect == "unknown");
        let error = report
            .error
            .map(|error| if wrote { error.hint("Some of its writes were made: angelia audit:list --origin lua") } else { error });
        Outcome { data: report.result, effect_unknown: unknown && error.is_some(), error, ..Outcome::default() }
    }
}
