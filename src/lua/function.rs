//! Scripts as functions: the executor that runs workflow files (`workflow.NAME`) and source that comes with the call (`script.run`).
//! Each runs in a VM of its own, on behalf of whoever calls it; a workflow may do no more than its header says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::base::error::{Code, Error, Problem, Result};
use crate::base::json::{flag, sha256, text};
use crate::base::origin::Origin;
use crate::call::executor::{BoxFuture, Executor, Outcome, Ready};
use crate::call::plan::Plan;
use crate::call::request::{Ctx, Options};
use crate::call::runtime::Runtime;
use crate::lua::approval;
use crate::lua::driver::Driver;
use crate::lua::host::{Mode, Voice};
use crate::lua::limits::Limits;
use crate::lua::modules;
use crate::lua::report::Report;
use crate::lua::session::{DEEPEST, Script, Session, Setup};
use crate::registry::function::LuaFile;

/// How many scripts of one level run at once. Each has the memory of a whole VM; the others wait. A workflow waits only for deeper
/// ones, so that the levels cannot block each other.
static LEVELS: [Semaphore; DEEPEST] = [const { Semaphore::const_new(AT_ONCE) }; DEEPEST];

const AT_ONCE: usize = 8;

/// How many of them one owner among the users of a server has: the others are not kept waiting.
const OF_ONE_OWNER: usize = AT_ONCE / 2;

/// The turns of each owner, by level.
static OWNERS: Mutex<BTreeMap<(String, usize), Arc<Semaphore>>> = Mutex::new(BTreeMap::new());

/// Waits for an owner's turn, where there is one, and then for one of all; both are given back together.
async fn turn(owner: Option<&str>, level: usize) -> Option<(Option<OwnedSemaphorePermit>, SemaphorePermit<'static>)> {
    let own = owner.map(|owner| {
        let mut owners = OWNERS.lock().unwrap_or_else(PoisonError::into_inner);
        owners.entry((owner.to_owned(), level)).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_OWNER))).clone()
    });
    let own = match own {
        Some(own) => Some(own.acquire_owned().await.ok()?),
        None => None,
    };
    Some((own, LEVELS.get(level)?.acquire().await.ok()?))
}

/// The executor of workflow files and of scripts in a call.
pub struct Workflows {
    /// Whose functions a workflow calls.
    pub runtime: Weak<Runtime>,
}

/// A script that is called as a function says to a person what it logs, and what it prints unless that is part of its answer.
struct Notes {
    runtime: Arc<Runtime>,
    prints: bool,
}

impl Voice for Notes {
    fn print(&self, line: &str) {
        if self.prints {
            (self.runtime.notes)(line);
        }
    }

    fn log(&self, level: &str, line: &str) {
        (self.runtime.notes)(&format!("{level}: {line}"));
    }
}

impl Executor for Workflows {
    fn check(&self, plan: &Plan) -> Result<()> {
        let arguments = &plan.arguments.object;
        if plan.callable.function.lua.is_none() && flag(arguments, "dry_run") && arguments.contains_key("approve") {
            let message = String::from("a dry run makes a plan, an approved run makes its requests: give one of both");
            return Err(Error::arguments(vec![Problem { pointer: String::from("/approve"), message }]));
        }
        Ok(())
    }

    /// Who made a plan does not approve it: only a person on the command line does both.
    fn asks(&self, ctx: &Ctx, plan: &Plan) -> Option<String> {
        let forced = plan.options.force || ctx.reach.as_ref().is_some_and(|reach| reach.force);
        let approves = plan.callable.function.lua.is_none() && plan.arguments.object.contains_key("approve");
        let asks = approves && !forced && ctx.origin != Origin::Cli;
        asks.then(|| String::from("the requests of a dry run are approved by a person"))
    }

    fn preview(&self, plan: &Plan, _shown: &dyn Fn(&str) -> Option<String>) -> Result<Value> {
        if let Some(file) = &plan.callable.function.lua {
            return Ok(json!({"workflow": file.path, "sha256": file.sha256, "arguments": plan.shown_arguments()}));
        }
        let mut shown = json!({"script": text(&plan.arguments.object, "code").unwrap_or_default(), "arguments": plan.shown_arguments()});
        if let Some(arguments) = shown["arguments"].as_object_mut() {
            arguments.shift_remove("code");
        }
        if let Some(digest) = plan.arguments.object.get("approve").and_then(Value::as_str) {
            let runtime = self.runtime()?;
            shown["plan"] = approval::shown(&approval::find(&runtime.memory, digest)?, false);
        }
        Ok(shown)
    }

    fn execute<'a>(&'a self, ctx: &'a Ctx, ready: &'a Ready) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let started = self.runtime().and_then(|runtime| Start::read(runtime, ctx, &ready.plan));
            let start = match started {
                Ok(start) => start,
                Err(error) => return Outcome::failed(error),
            };
            let level = ctx.origin.depth().min(DEEPEST - 1);
            let turn = tokio::select! {
                turn = turn(ctx.reach.as_ref().map(|reach| reach.owner.as_str()), level) => turn,
                () = ctx.cancel.cancelled() => None,
            };
            let Some(_turn) = turn else { return Outcome::failed(Error::new(Code::Cancelled, "Interrupted")) };
            match tokio::task::spawn_blocking(move || start.run()).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::failed(Error::internal(format!("the script's thread ended: {error}"))),
            }
        })
    }
}

impl Workflows {
    fn runtime(&self) -> Result<Arc<Runtime>> {
        self.runtime.upgrade().ok_or_else(|| Error::internal("the runtime is gone"))
    }
}

/// What a script's thread needs.
struct Start {
    runtime: Arc<Runtime>,
    ctx: Ctx,
    handle: Handle,
    script: Script,
    /// For `require`; a script that comes with a call has none.
    folder: Option<PathBuf>,
    env: Vec<String>,
    options: Options,
    arguments: Value,
    limits: Limits,
    mode: Mode,
    /// It came with the call: the answer says all that the run came to, not only what the script returned.
    given: bool,
    /// A dry run begins here: its plan is kept. One around this keeps its own.
    keeps: bool,
}

impl Start {
    fn read(runtime: Arc<Runtime>, ctx: &Ctx, plan: &Plan) -> Result<Self> {
        let arguments = &plan.arguments.object;
        let mut ctx = ctx.clone();
        ctx.items = None;
        ctx.progress = None;
        let mut limits = Limits::of(&runtime.config);
        if let Some(seconds) = plan.options.timeout_seconds {
            limits.time = limits.time.min(plan.timeout).min(seconds_of(seconds));
        }
        let options = Options {
            force: plan.options.force,
            record: plan.options.record.clone(),
            replay: plan.options.replay.clone(),
            ..Options::default()
        };
        // A dry run and an approved run go on inside.
        let carried = ctx.carried.as_ref().and_then(|carried| carried.downcast_ref::<Mode>().cloned()).unwrap_or(Mode::Live);
        let handle = Handle::current();
        if let Some(file) = &plan.callable.function.lua {
            ctx.ceiling = ctx.ceiling.min(plan.callable.function.operation);
            let (script, folder) = workflow(file)?;
            let (env, arguments) = (runtime.config.lua_env(), Value::Object(arguments.clone()));
            return Ok(Self {
                runtime,
                ctx,
                handle,
                script,
                folder,
                env,
                options,
                arguments,
                limits,
                mode: carried,
                given: false,
                keeps: false,
            });
        }
        if let Some(seconds) = arguments.get("time_limit").and_then(Value::as_f64) {
            limits.time = limits.time.min(seconds_of(seconds));
        }
        // Variables are opened to the user's own scripts, not to those of whoever uses a server.
        let env = if ctx.reach.is_some() { Vec::new() } else { runtime.config.lua_env() };
        let script = Script { name: String::from("script"), source: text(arguments, "code").unwrap_or_default().to_owned() };
        let keeps = matches!(carried, Mode::Live);
        let mode = mode(&runtime, carried, arguments)?;
        let arguments = arguments.get("args").cloned().unwrap_or_else(|| json!({}));
        Ok(Self { runtime, ctx, handle, script, folder: None, env, options, arguments, limits, mode, given: true, keeps })
    }

    fn run(self) -> Outcome {
        let (given, keeps, runtime) = (self.given, self.keeps, self.runtime.clone());
        let session = Session::open(Setup {
            voice: Box::new(Notes { runtime: self.runtime.clone(), prints: !given }),
            env: self.env,
            folder: self.folder,
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
        let data = if given { parts(&report) } else { report.result };
        let kept = report.plan.as_ref().filter(|plan| keeps && report.error.is_none() && !plan.steps.is_empty());
        let kept = kept.map_or(Ok(()), |plan| approval::keep(&runtime.memory, &runtime.config, &self.script.name, plan));
        let error = report.error.or(kept.err());
        let error =
            error.map(|error| if wrote { error.hint("Some of its writes were made: angelia audit:list --origin lua") } else { error });
        Outcome { data, effect_unknown: unknown && error.is_some(), error, ..Outcome::default() }
    }
}

fn seconds_of(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 1e9))
}

/// A workflow's file as it was when its header was read.
fn workflow(file: &LuaFile) -> Result<(Script, Option<PathBuf>)> {
    let path = Path::new(&file.path);
    let source = modules::source(path)?;
    if sha256(source.as_bytes()) != file.sha256 {
        return Err(Error::new(Code::ScriptError, format!("{} changed while it was being called; nothing was run", file.path))
            .hint("Make the call again")
            .retryable());
    }
    let name = path.file_name().map_or_else(|| file.path.clone(), |name| name.to_string_lossy().into_owned());
    Ok((Script { name, source }, path.parent().map(Path::to_path_buf)))
}

/// What the arguments ask for; inside a dry run or an approved run there is only that one.
fn mode(runtime: &Runtime, carried: Mode, arguments: &Map<String, Value>) -> Result<Mode> {
    let approve = arguments.get("approve").and_then(Value::as_str);
    match carried {
        Mode::Live => Ok(match approve {
            Some(digest) => Mode::Approved(Arc::new(approval::approved(runtime.memory.clone(), digest)?.into())),
            None if flag(arguments, "dry_run") => Mode::Rehearsal(Arc::default()),
            None => Mode::Live,
        }),
        inside if approve.is_none() && !flag(arguments, "dry_run") => Ok(inside),
        Mode::Rehearsal(_) | Mode::Approved(_) => {
            Err(Error::new(Code::InvalidArguments, "A script in a dry run or in an approved run has no dry run or approval of its own"))
        }
    }
}

/// What a run came to, as data.
fn parts(report: &Report) -> Value {
    let mut data = json!({"result": report.result, "output": report.output, "calls": report.log.len(), "call_log": report.log});
    if !report.trace.is_empty() {
        data["trace"] = json!(report.trace);
    }
    if let Some(plan) = &report.plan {
        data["plan"] = approval::shown(plan, report.error.is_some());
    }
    if let Some((digest, left)) = &report.approved {
        data["approved"] = json!({"digest": digest, "requests_left": left});
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_owner_does_not_have_all_turns() {
        const LEVEL: usize = DEEPEST - 1;
        let mut held = Vec::new();
        for _ in 0..OF_ONE_OWNER {
            held.push(turn(Some("greedy"), LEVEL).await);
        }
        let soon = Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, turn(Some("greedy"), LEVEL)).await.is_err(), "the next one waits");
        let other = tokio::time::timeout(soon, turn(Some("modest"), LEVEL)).await;
        assert!(other.is_ok_and(|turn| turn.is_some()), "another owner goes on");
        held.pop();
        assert!(tokio::time::timeout(soon, turn(Some("greedy"), LEVEL)).await.is_ok());
    }
}
