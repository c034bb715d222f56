//! A VM with everything a script may use, and the running of scripts in it. One run has one VM; a session at a terminal keeps its
//! VM from line to line. The caller says where printed lines go and who may be asked.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use mlua::chunk::{ChunkMode, Compiler};
use mlua::{Function, Lua, LuaOptions, StdLib, Table, Value as LuaValue};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::base::error::{Code, Error, Problem, ProviderAnswer, Result};
use crate::call::request::{Budget, Ctx, Options};
use crate::call::runtime::Runtime;
use crate::lua::calls::Calls;
use crate::lua::driver::Driver;
use crate::lua::host::{Host, Mode, Voice, held};
use crate::lua::limits::{Fence, Limits};
use crate::lua::modules::Modules;
use crate::lua::report::{self, Line, Report, Shown};
use crate::lua::value::Json;
use crate::lua::write::{Unfit, Writer};
use crate::lua::{bridge, globals, mcp, modules, patterns};

/// `prelude.luau`, compiled by the build script.
const PRELUDE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prelude.luauc"));

/// Scripts that start each other stand at most so deep.
pub const DEEPEST: usize = 8;

/// Most members that are shown of a table that cannot be written as JSON.
const MOST_MEMBERS: usize = 100;

/// Most names of one table that completion offers.
const MOST_NAMES: usize = 1000;

/// A script as text.
#[derive(Debug, Clone)]
pub struct Script {
    /// As errors name it, such as `workflow.lua`.
    pub name: String,
    pub source: String,
}

/// What a run is given.
pub struct Setup {
    pub runtime: Arc<Runtime>,
    /// Whoever starts the script; its calls are made on behalf of that.
    pub ctx: Ctx,
    pub driver: Driver,
    pub limits: Limits,
    pub mode: Mode,
    /// Options of every call: force, record, replay.
    pub options: Options,
    /// Accounts by provider, for calls that name none.
    pub accounts: BTreeMap<String, String>,
    /// Environment variables that the script may read, as names or globs.
    pub env: Vec<String>,
    /// The script's folder, for `require`.
    pub folder: Option<PathBuf>,
    pub voice: Box<dyn Voice>,
    /// Words after `--`.
    pub words: Vec<String>,
    /// Named arguments, an object.
    pub named: Value,
    /// Reads piped data when the script asks for `stdin`.
    pub stdin: Box<dyn Fn() -> Option<String>>,
    /// Tests may run workflows beside them.
    pub testing: bool,
    /// Done once, when the script waits or is not over after a moment: what a short script is spared.
    pub lasting: Option<Box<dyn FnOnce()>>,
}

/// A VM and its host.
pub struct Session {
    lua: Lua,
    host: Rc<Host>,
    run: Function,
    started: Cell<Instant>,
}

/// What a chunk came to.
struct Ended {
    values: Vec<LuaValue>,
    error: Option<Error>,
    trace: Vec<String>,
}

impl Ended {
    fn failed(error: Error) -> Self {
        Self { values: Vec::new(), error: Some(error), trace: Vec::new() }
    }
}

impl Session {
    /// Makes a VM: libraries, limits, prelude, sandbox, in this order.
    pub fn open(setup: Setup) -> Result<Self> {
        if setup.ctx.origin.depth() >= DEEPEST {
            return Err(Error::new(Code::CallLimit, format!("Workflows call each other deeper than {DEEPEST} levels")));
        }
        Self::made(setup).map_err(|error| match error {
            mlua::Error::MemoryError(_) => Error::new(Code::MemoryLimit, "The memory limit is too small for any script")
                .hint("Give --memory-limit bytes: 67108864 is usual"),
            other => Error::internal(format!("the Lua engine cannot start: {other}")),
        })
    }

    fn made(setup: Setup) -> mlua::Result<Self> {
        let lua = Lua::new_with(libraries(), LuaOptions::default())?;
        // Without inlining: in a hostile source it multiplies the work, and no limit holds while a source is compiled.
        lua.set_compiler(Compiler::new().set_optimization_level(1).set_debug_level(1));
        let deadline = setup.ctx.budget.as_ref().map(|budget| budget.deadline);
        let fence = Rc::new(Fence::new(setup.limits, setup.ctx.cancel.child_token(), deadline, setup.lasting));
        let ctx = fenced(setup.ctx, &fence, &setup.mode);
        let host = Rc::new(Host {
            runtime: setup.runtime,
            ctx: RefCell::new(ctx),
            driver: setup.driver,
            json: Json::new(&lua, fence.clone())?,
            calls: Calls::default(),
            mode: setup.mode,
            options: setup.options,
            accounts: setup.accounts,
            env: setup.env,
            modules: Modules::new(setup.folder),
            voice: setup.voice,
            printed: RefCell::default(),
            log: RefCell::default(),
            entries: RefCell::default(),
            regexes: RefCell::default(),
            upstreams: RefCell::default(),
            fence: fence.clone(),
        });
        let offered = lua.create_table()?;
        for functions in [bridge::FUNCTIONS, globals::FUNCTIONS, mcp::FUNCTIONS, patterns::FUNCTIONS, modules::FUNCTIONS] {
            host.offer(&lua, &offered, functions)?;
        }
        offered.raw_set("testing", setup.testing)?;
        let prelude = lua.load(PRELUDE).set_name("=angelia").set_mode(ChunkMode::Binary);
        let run: Function = prelude.call((offered, host.json.list.clone(), LuaValue::NULL))?;
        lua.globals().raw_set("args", globals::args(&host, &lua, &setup.words, &setup.named)?)?;
        lazy_stdin(&lua, setup.stdin)?;
        lua.sandbox(true)?;
        // The sandbox gives the script a table of its own for globals; `_G` is to mean that one.
        lua.globals().raw_set("_G", lua.globals())?;
        fence.guard(&lua)?;
        Ok(Self { lua, host, run, started: Cell::new(Instant::now()) })
    }

    /// Runs a script, and ends what it left under way.
    pub fn run(&self, script: &Script) -> Report {
        let ended = match self.compile(script) {
            Ok(chunk) => self.call(chunk),
            Err((error, _)) => Ended::failed(error),
        };
        self.report(ended)
    }

    /// Runs a line of a session on behalf of `ctx`; `None` when it is not complete yet.
    pub fn line(&self, script: &Script, ctx: Ctx) -> Option<Line> {
        let expression = Script { name: script.name.clone(), source: format!("return {}", script.source) };
        let chunk = match (self.compile(&expression), self.compile(script)) {
            (Ok(chunk), _) | (_, Ok(chunk)) => Ok(chunk),
            (Err((_, true)), _) | (_, Err((_, true))) => return None,
            (_, Err((error, false))) => Err(error),
        };
        let host = &self.host;
        host.fence.restart(ctx.cancel.child_token());
        host.ctx.replace(fenced(ctx, &host.fence, &host.mode));
        host.printed.borrow_mut().clear();
        host.log.borrow_mut().clear();
        self.started.set(Instant::now());
        let mut ended = match chunk {
            Ok(chunk) => self.call(chunk),
            Err(error) => Ended::failed(error),
        };
        let values = std::mem::take(&mut ended.values).iter().map(|value| self.shown(value)).collect::<Result<Vec<Shown>>>();
        let values = values.unwrap_or_else(|error| {
            ended.error.get_or_insert(error);
            Vec::new()
        });
        Some(Line { values, report: self.report(ended) })
    }

    /// A value for a person: as JSON where it can be, in words where not.
    fn shown(&self, value: &LuaValue) -> Result<Shown> {
        let words = |value: &LuaValue| value.to_string().map_err(|error| self.vm_error(&error));
        match value {
            LuaValue::Nil => return Ok(Shown::Nil),
            LuaValue::LightUserData(_) => return Ok(Shown::Text(String::from("null"))),
            LuaValue::Table(table) if named(table) => return words(value).map(Shown::Text),
            _ => {}
        }
        let mut writer = Writer::new(&self.host.fence, self.host.fence.limits().output);
        match (self.written(writer.value(value, None)), value) {
            (Ok(value), _) => Ok(Shown::Json(value)),
            (Err((error, false)), _) => Err(error),
            (Err((_, true)), LuaValue::String(text)) => Ok(Shown::Text(text.to_string_lossy())),
            (Err((_, true)), LuaValue::Table(table)) => {
                let mut members = Map::new();
                for (key, value) in table.pairs::<LuaValue, LuaValue>().flatten().take(MOST_MEMBERS) {
                    members.insert(words(&key)?, Value::from(words(&value)?));
                }
                if members.len() == MOST_MEMBERS {
                    members.insert(String::from("…"), Value::from("there may be more"));
                }
                Ok(Shown::Json(Value::Object(members)))
            }
            (Err((_, true)), other) => words(other).map(Shown::Text),
        }
    }

    /// Names that the session knows: its globals, or the members of the table that a path of names leads to. Runs no Lua.
    pub fn names(&self, path: &[&str]) -> Vec<String> {
        let globals = self.lua.globals();
        let shared = globals.metatable().and_then(|meta| meta.raw_get::<Option<Table>>("__index").ok().flatten());
        let mut tables: Vec<Table> = shared.into_iter().chain([globals]).collect();
        for name in path {
            let found = tables.iter().rev().map(|table| table.raw_get::<LuaValue>(*name).unwrap_or_default()).find(|value| !value.is_nil());
            tables = match found {
                Some(LuaValue::Table(table)) => vec![table],
                _ => return Vec::new(),
            };
        }
        let keys = tables.iter().flat_map(|table| table.pairs::<LuaValue, LuaValue>().flatten().take(MOST_NAMES));
        let mut names: Vec<String> = keys.filter_map(|(key, _)| key.as_string().map(|key| key.to_string_lossy())).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Global functions whose names begin so.
    pub fn functions(&self, prefix: &str) -> Vec<String> {
        let globals = self.lua.globals();
        let mut names: Vec<String> = globals
            .pairs::<String, LuaValue>()
            .flatten()
            .filter(|(name, value)| name.starts_with(prefix) && value.is_function())
            .map(|(name, _)| name)
            .collect();
        names.sort();
        names
    }

    /// Calls a global function without arguments.
    pub fn call_global(&self, name: &str) -> Report {
        let ended = match self.lua.globals().get::<Function>(name) {
            Ok(function) => self.call(function),
            Err(error) => Ended::failed(self.vm_error(&error)),
        };
        self.report(ended)
    }

    /// The error, and whether more lines could complete the source.
    fn compile(&self, script: &Script) -> Result<Function, (Error, bool)> {
        let source = modules::checked(script.source.clone().into_bytes(), &script.name).map_err(|error| (error, false))?;
        let source = modules::cleaned(source, &script.name).map_err(|error| (error, false))?;
        let chunk = self.lua.load(source).set_name(format!("={}", script.name)).set_mode(ChunkMode::Text);
        chunk.into_function().map_err(|error| match error {
            mlua::Error::SyntaxError { message, incomplete_input } => (Error::new(Code::ScriptError, message), incomplete_input),
            other => (self.vm_error(&other), false),
        })
    }

    fn call(&self, chunk: Function) -> Ended {
        let outcome = self.run.call::<(bool, Table, Option<Vec<String>>, Table)>(chunk);
        let failed = match &self.host.mode {
            Mode::Approved(approved) => held(approved).failed(),
            Mode::Live | Mode::Rehearsal(_) => None,
        };
        let tripped = self.host.fence.tripped().or(failed);
        let (ok, values, trace, failure) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let error = tripped.unwrap_or_else(|| self.vm_error(&error));
                return Ended::failed(error);
            }
        };
        let count = values.raw_get::<usize>("n").unwrap_or(1);
        let all: Vec<LuaValue> = (2..=count).map(|at| values.raw_get(at).unwrap_or_default()).collect();
        if let Some(error) = tripped {
            return Ended { values: Vec::new(), error: Some(error), trace: trace.unwrap_or_default() };
        }
        if ok {
            return Ended { values: all, error: None, trace: Vec::new() };
        }
        let raised = all.into_iter().next().unwrap_or_default();
        Ended { values: Vec::new(), error: Some(self.raised(&raised, &failure)), trace: trace.unwrap_or_default() }
    }

    /// What a script raised and did not catch.
    fn raised(&self, raised: &LuaValue, failure: &Table) -> Error {
        match raised {
            LuaValue::Table(table) if table.metatable().as_ref() == Some(failure) => self.told(table),
            LuaValue::Error(error) => self.vm_error(error),
            LuaValue::String(text) if text.as_bytes() == b"not enough memory" => self.host.fence.out_of_memory(),
            LuaValue::String(text) => Error::new(Code::ScriptError, text.to_string_lossy()),
            LuaValue::Table(table) if table.metatable().is_some_and(|meta| meta.contains_key("__tostring").unwrap_or(false)) => {
                let said = raised.to_string().ok().filter(|_| self.host.fence.tripped().is_none());
                self.host.fence.tripped().unwrap_or_else(|| Error::new(Code::ScriptError, said.unwrap_or_default()))
            }
            LuaValue::Table(table) => {
                let message = table.raw_get::<Option<String>>("message").ok().flatten();
                Error::new(Code::ScriptError, message.unwrap_or_else(|| String::from("The script raised a table without a message")))
            }
            other => Error::new(Code::ScriptError, format!("The script raised {}", globals::shown(Some(other)))),
        }
    }

    /// An error table of ours as the error of the run, with the place in the script.
    fn told(&self, table: &Table) -> Error {
        let text = |key: &str| table.raw_get::<Option<String>>(key).ok().flatten();
        let slug = text("code").unwrap_or_default();
        let code = Code::of(&slug).unwrap_or(Code::ScriptError);
        let mut message = String::new();
        if let (Some(script), Ok(Some(line))) = (text("script"), table.raw_get::<Option<u64>>("line")) {
            message.push_str(&format!("{script}:{line}: "));
        }
        if let Some(function) = text("function") {
            message.push_str(&format!("{function}: "));
        }
        message.push_str(&text("message").unwrap_or_else(|| String::from("The script raised an error without a message")));
        let mut error = Error::new(code, message).hints(some(table, "hints"));
        error.retryable = table.raw_get::<Option<bool>>("retryable").ok().flatten().unwrap_or(false);
        error.http_status = table.raw_get::<Option<u16>>("http_status").ok().flatten();
        error.request_id = text("request_id");
        error.retry_after_ms = table.raw_get::<Option<f64>>("retry_after_ms").ok().flatten().map(|ms| ms as u64);
        for problem in some::<Table>(table, "problems") {
            let part = |key: &str| problem.raw_get::<Option<String>>(key).ok().flatten().unwrap_or_default();
            error.problems.push(Problem { pointer: part("pointer"), message: part("message") });
        }
        if let Ok(Some(answer)) = table.raw_get::<Option<Table>>("provider") {
            let body = answer.raw_get::<LuaValue>("body").unwrap_or_default();
            let body = Writer::new(&self.host.fence, self.host.fence.limits().output).value(&body, None).unwrap_or_default();
            error.provider = Some(ProviderAnswer { code: answer.raw_get::<Option<String>>("code").ok().flatten(), body });
        }
        error
    }

    fn vm_error(&self, error: &mlua::Error) -> Error {
        match error {
            mlua::Error::MemoryError(_) => self.host.fence.out_of_memory(),
            mlua::Error::CallbackError { cause, .. } | mlua::Error::WithContext { cause, .. } => self.vm_error(cause),
            mlua::Error::RuntimeError(text) if text.starts_with("not enough memory") => self.host.fence.out_of_memory(),
            mlua::Error::RuntimeError(text) => Error::new(Code::ScriptError, text.lines().next().unwrap_or_default()),
            other => Error::new(Code::ScriptError, other.to_string().lines().next().unwrap_or_default()),
        }
    }

    fn report(&self, mut ended: Ended) -> Report {
        let host = &self.host;
        for (ticket, envelope) in host.calls.finish(&host.driver, &host.fence.cancel()) {
            let entry = host.entries.borrow_mut().remove(&ticket);
            host.answered(entry, &envelope);
        }
        let result = match self.result(&ended.values) {
            Ok(result) => result,
            Err(error) => {
                ended.error.get_or_insert(error);
                Value::Null
            }
        };
        Report {
            output: host.printed.borrow().clone(),
            result,
            error: ended.error.map(report::bounded),
            trace: ended.trace.into_iter().map(report::cut).collect(),
            execution_time_ms: (self.started.get().elapsed().as_secs_f64() * 1e6).round() / 1e3,
            memory_usage: host.fence.peak(&self.lua),
            log: host.log.borrow().clone(),
            force: host.options.force,
            plan: match &host.mode {
                Mode::Rehearsal(plan) => Some(held(plan).clone()),
                Mode::Live | Mode::Approved(_) => None,
            },
            approved: match &host.mode {
                Mode::Approved(approved) => Some(held(approved).state()),
                Mode::Live | Mode::Rehearsal(_) => None,
            },
        }
    }

    /// What the script returned: one value, or a list of several.
    fn result(&self, values: &[LuaValue]) -> Result<Value> {
        let mut writer = Writer::new(&self.host.fence, self.host.fence.limits().output);
        let mut all = Vec::with_capacity(values.len());
        for value in values {
            all.push(self.written(writer.value(value, None)).map_err(|(error, _)| error)?);
        }
        Ok(match all.len() {
            0 => Value::Null,
            1 => all.remove(0),
            _ => Value::Array(all),
        })
    }

    /// What a value is as JSON; the error, and whether the value is the only reason for it.
    fn written(&self, written: Result<Value, Unfit>) -> Result<Value, (Error, bool)> {
        written.map_err(|unfit| match unfit {
            Unfit::Value(why) => {
                (Error::new(Code::ScriptError, format!("The script returned {why}, which cannot be written as JSON")), true)
            }
            Unfit::TooLarge => {
                drop(self.host.fence.take_output(usize::MAX));
                (self.host.fence.tripped().unwrap_or_else(|| Error::internal("the result is too large")), false)
            }
            Unfit::Vm(error) => (self.host.fence.tripped().unwrap_or_else(|| self.vm_error(&error)), false),
        })
    }
}

/// The context of a script's calls: what starts it, ended and limited by its fence.
fn fenced(mut ctx: Ctx, fence: &Fence, mode: &Mode) -> Ctx {
    ctx.carried = Some(Arc::new(mode.clone()));
    ctx.origin = ctx.origin.lua();
    ctx.cancel = fence.cancel();
    ctx.asker = ctx.asker.take().map(|asker| fence.patient(asker));
    ctx.budget.get_or_insert_with(|| Arc::new(Budget::new(fence.deadline(), fence.limits().calls)));
    ctx
}

/// Whether a table says itself how it is written.
fn named(table: &Table) -> bool {
    table.metatable().is_some_and(|meta| meta.raw_get::<LuaValue>("__tostring").is_ok_and(|value| value.is_function()))
}

fn libraries() -> StdLib {
    StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::UTF8 | StdLib::COROUTINE | StdLib::BIT | StdLib::OS | StdLib::DEBUG
}

/// `stdin` is read when the script first asks for it.
fn lazy_stdin(lua: &Lua, read: Box<dyn Fn() -> Option<String>>) -> mlua::Result<()> {
    let kept: RefCell<Option<Option<String>>> = RefCell::default();
    let index = lua.create_function(move |_, (_, key): (LuaValue, LuaValue)| {
        let LuaValue::String(key) = key else { return Ok(None) };
        if key.as_bytes() != b"stdin" {
            return Ok(None);
        }
        Ok(kept.borrow_mut().get_or_insert_with(&read).clone())
    })?;
    let meta = lua.create_table()?;
    meta.raw_set("__index", index)?;
    meta.raw_set("__metatable", "globals")?;
    lua.globals().set_metatable(Some(meta))
}

/// The first members of a list, which a script may have filled with anything.
fn some<T: mlua::FromLua>(table: &Table, key: &str) -> Vec<T> {
    let list = table.raw_get::<Option<Table>>(key).ok().flatten();
    list.iter().flat_map(|list| list.sequence_values::<T>().take(report::MOST)).flatten().collect()
}
