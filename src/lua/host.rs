//! What the prelude may ask of the program: start calls, read lists, wait, print, look things up. Each function answers
//! `true, values…` or `false, error table`, so that scripts meet errors of one shape only.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::{IntoLuaMulti, Lua, MultiValue, Table, Value as LuaValue};
use serde_json::Value;

use crate::base::envelope::Envelope;
use crate::base::error::{Code, Error};
use crate::call::request::{Ctx, Options};
use crate::call::runtime::Runtime;
use crate::lua::calls::{Calls, Done, Ticket};
use crate::lua::driver::Driver;
use crate::lua::limits::Fence;
use crate::lua::log::Entry;
use crate::lua::modules::Modules;
use crate::lua::rehearsal::{Approved, Plan};
use crate::lua::value::Json;
use crate::lua::write::{Unfit, Writer};
use crate::registry::function;

/// Where printed and logged lines go.
pub trait Voice {
    /// A line that the script printed.
    fn print(&self, line: &str);
    /// A line that it logged: `info`, `warn` or `error`.
    fn log(&self, level: &str, line: &str);
}

/// Whether writes are made. Workflows that a script calls share its mode.
#[derive(Clone)]
pub enum Mode {
    /// As the policy says.
    Live,
    /// Writes are noted.
    Rehearsal(Arc<Mutex<Plan>>),
    /// Exactly the approved ones.
    Approved(Arc<Mutex<Approved>>),
}

/// Everything that a running script can reach.
pub struct Host {
    pub runtime: Arc<Runtime>,
    /// On whose behalf calls are made; a session has another one for each line.
    pub ctx: RefCell<Ctx>,
    pub driver: Driver,
    pub fence: Rc<Fence>,
    pub json: Json,
    pub calls: Calls,
    pub mode: Mode,
    /// Options of every call: force, record, replay.
    pub options: Options,
    /// Accounts by provider, for calls that name none.
    pub accounts: BTreeMap<String, String>,
    /// Names of environment variables that the script may read, with globs.
    pub env: Vec<String>,
    pub modules: Modules,
    pub voice: Box<dyn Voice>,
    pub printed: RefCell<String>,
    pub log: RefCell<Vec<Entry>>,
    /// Which entry of the log a ticket belongs to, and which step of a plan it is.
    pub entries: RefCell<HashMap<Ticket, (usize, Option<usize>)>>,
    pub regexes: RefCell<HashMap<String, regex::Regex>>,
    /// Functions of upstream servers that were asked for them by this script, by provider.
    pub upstreams: RefCell<HashMap<String, Vec<function::Function>>>,
}

/// What stands behind a lock that only one thread at a time uses.
pub fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a host function fails with.
pub enum Fault {
    /// The script is told, and may go on.
    Error(Error),
    /// A call of this function failed.
    Call(Error, String),
    /// The VM failed, or the run was stopped.
    Vm(mlua::Error),
}

impl From<mlua::Error> for Fault {
    fn from(error: mlua::Error) -> Self {
        Self::Vm(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// A host function's result.
pub type Told<T> = Result<T, Fault>;

/// Wrong arguments of a host function.
pub fn wrong(what: impl Into<String>) -> Fault {
    Fault::Error(Error::new(Code::InvalidArguments, what))
}

/// A function of the host by its name.
pub type Function = fn(&Rc<Host>, &Lua, MultiValue) -> Told<MultiValue>;

impl Host {
    /// The context of a call.
    pub fn ctx(&self) -> Ctx {
        self.ctx.borrow().clone()
    }

    /// Puts functions into the table that the prelude gets.
    pub fn offer(self: &Rc<Self>, lua: &Lua, table: &Table, functions: &[(&str, Function)]) -> mlua::Result<()> {
        for (name, function) in functions {
            let (host, function) = (Rc::downgrade(self), *function);
            let made = lua.create_function(move |lua, arguments: MultiValue| {
                let Some(host) = host.upgrade() else { return Err(mlua::Error::runtime("the run is over")) };
                match function(&host, lua, arguments) {
                    Ok(mut values) => {
                        values.push_front(LuaValue::Boolean(true));
                        Ok(values)
                    }
                    Err(Fault::Error(error)) => (false, host.failure(lua, &error, None)?).into_lua_multi(lua),
                    Err(Fault::Call(error, name)) => (false, host.failure(lua, &error, Some(&name))?).into_lua_multi(lua),
                    Err(Fault::Vm(error)) => Err(error),
                }
            })?;
            table.raw_set(*name, made)?;
        }
        Ok(())
    }

    /// An error as the table that scripts get.
    pub fn failure(&self, lua: &Lua, error: &Error, function: Option<&str>) -> mlua::Result<Table> {
        let table = lua.create_table()?;
        table.raw_set("code", error.code.as_str())?;
        table.raw_set("message", error.message.as_str())?;
        table.raw_set("function", function)?;
        table.raw_set("hints", error.hints.clone())?;
        table.raw_set("retryable", error.retryable)?;
        table.raw_set("http_status", error.http_status)?;
        table.raw_set("request_id", error.request_id.as_deref())?;
        table.raw_set("retry_after_ms", error.retry_after_ms.map(|ms| ms as f64))?;
        let problems = lua.create_table()?;
        for problem in &error.problems {
            let one = lua.create_table()?;
            one.raw_set("pointer", problem.pointer.as_str())?;
            one.raw_set("message", problem.message.as_str())?;
            problems.raw_push(one)?;
        }
        table.raw_set("problems", problems)?;
        if let Some(answer) = &error.provider {
            let provider = lua.create_table()?;
            provider.raw_set("code", answer.code.as_deref())?;
            provider.raw_set("body", self.json.to_lua(lua, &answer.body)?)?;
            table.raw_set("provider", provider)?;
        }
        Ok(table)
    }

    /// The failure of an envelope as an error.
    pub fn error_of(envelope: &Envelope) -> Option<Error> {
        let detail = envelope.error_detail.as_ref()?;
        let code = Code::of(detail.code).unwrap_or(Code::Internal);
        let mut error = Error::new(code, envelope.error.clone().unwrap_or_default()).hints(detail.hints.iter().cloned());
        error.retryable = detail.retryable;
        error.http_status = detail.http_status;
        error.request_id.clone_from(&detail.request_id);
        error.retry_after_ms = detail.retry_after_ms;
        error.problems = detail
            .problems
            .iter()
            .map(|problem| crate::base::error::Problem { pointer: problem.pointer.clone(), message: problem.message.clone() })
            .collect();
        error.provider = detail
            .provider
            .as_ref()
            .map(|answer| crate::base::error::ProviderAnswer { code: answer.code.clone(), body: answer.body.clone() });
        Some(error)
    }

    /// A Lua value as JSON; what cannot be written is said as an error of `what`.
    pub fn to_json(&self, value: &LuaValue, schema: Option<&Value>, what: &str) -> Told<Value> {
        Writer::new(&self.fence, self.fence.limits().memory).value(value, schema).map_err(|unfit| match unfit {
            Unfit::Value(why) => wrong(format!("{what}: {why} cannot be written as JSON")),
            Unfit::TooLarge => wrong(format!("{what}: as JSON it is larger than the memory limit")),
            Unfit::Vm(error) => Fault::Vm(error),
        })
    }

    /// What a ticket stands for, once it is done: the answer to the script, or the `whole` envelope.
    pub fn take(&self, lua: &Lua, ticket: Ticket, whole: bool) -> Told<MultiValue> {
        let entry = self.entries.borrow_mut().remove(&ticket);
        match self.calls.take(ticket) {
            None => Err(wrong("nothing is under way by that name")),
            Some(Done::Slept) => Ok(MultiValue::new()),
            Some(Done::Discovered(provider, found)) => {
                self.upstreams.borrow_mut().insert(provider, (*found)?);
                Ok(MultiValue::new())
            }
            Some(Done::Item(list, listing, item)) => {
                self.calls.put_back(list, listing);
                self.entries.borrow_mut().extend(entry.map(|entry| (list, entry)));
                // A nil would end the loop that asks.
                let item = if item.is_null() { LuaValue::NULL } else { self.json.to_lua(lua, &item)? };
                Ok((item, true).into_lua_multi(lua)?)
            }
            Some(Done::End(envelope)) => {
                self.answered(entry, &envelope);
                refused(&envelope)?;
                Ok((LuaValue::Nil, false).into_lua_multi(lua)?)
            }
            Some(Done::Call(envelope)) => {
                self.answered(entry, &envelope);
                if whole {
                    let value = serde_json::to_value(&*envelope).map_err(|error| Error::internal(error.to_string()))?;
                    return Ok(self.json.to_lua(lua, &value)?.into_lua_multi(lua)?);
                }
                refused(&envelope)?;
                Ok(self.json.to_lua(lua, &envelope.data)?.into_lua_multi(lua)?)
            }
        }
    }

    /// Notes what became of a call.
    pub fn answered(&self, entry: Option<(usize, Option<usize>)>, envelope: &Envelope) {
        let Some((at, step)) = entry else { return };
        if let Some(entry) = self.log.borrow_mut().get_mut(at) {
            entry.answered(envelope);
            if matches!(self.mode, Mode::Rehearsal(_)) && entry.effect == "succeeded" {
                entry.effect = "none";
            }
        }
        if let (Mode::Approved(approved), Some(step)) = (&self.mode, step) {
            held(approved).answered(step, &envelope.data);
        }
    }
}

fn refused(envelope: &Envelope) -> Told<()> {
    Host::error_of(envelope).map_or(Ok(()), |error| Err(Fault::Call(error, envelope.function.clone())))
}
