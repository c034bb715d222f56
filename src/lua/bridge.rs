//! `app.integrations` from below: names to functions, Lua arguments to a `Call`, tickets for what is under way. What a call may do is
//! decided by `Runtime::call` alone; a dry run and an approved run only stand before it.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mlua::{FromLua as _, IntoLuaMulti as _, Lua, MultiValue, Table, Value as LuaValue};
use serde_json::{Map, Value};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use crate::base::envelope::{Envelope, Meta};
use crate::base::error::{Code, Error};
use crate::base::name::{DEFAULT_ACCOUNT, printable};
use crate::call::pages::Pages;
use crate::call::plan::Plan;
use crate::call::request::{Arguments, Call, Options};
use crate::call::runtime::Station;
use crate::lua::calls::{Done, Listing, Ticket};
use crate::lua::globals::one;
use crate::lua::host::{Fault, Function, Host, Mode, Told, held, wrong};
use crate::lua::limits::stop;
use crate::lua::log::Entry;
use crate::lua::rehearsal::{self, Approved, Step};
use crate::lua::write::{Unfit, Writer};
use crate::registry::catalog::Callable;
use crate::registry::function::Operation;

/// The functions of this file.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("provider", provider),
    ("resolve", resolve),
    ("functions", functions),
    ("active", active),
    ("start", start),
    ("open", open),
    ("next", next),
    ("wait", wait),
    ("any", any),
    ("take", take),
    ("sleep", sleep),
    ("concurrency", concurrency),
];

/// Most named arguments of a call: each unknown one is compared with the known ones.
const MOST_ARGUMENTS: usize = 1000;

/// Longest time that a call may be given.
const MOST_SECONDS: f64 = 86_400.0;

/// Longest single sleep; the time limit ends it earlier.
const LONGEST_SLEEP: f64 = 86_400.0;

fn text(value: Option<LuaValue>) -> Option<String> {
    match value {
        Some(LuaValue::String(text)) => Some(text.to_string_lossy()),
        _ => None,
    }
}

fn ticket(lua: &Lua, ticket: Ticket) -> Told<MultiValue> {
    one(lua, ticket as f64)
}

fn to_ticket(value: Option<LuaValue>) -> Told<Ticket> {
    match value {
        Some(LuaValue::Integer(ticket)) => Ok(ticket as Ticket),
        Some(LuaValue::Number(ticket)) => Ok(ticket as Ticket),
        _ => Err(wrong("a ticket is a number")),
    }
}

/// `app.integrations.X`: is there such a provider?
fn provider(host: &Rc<Host>, _: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let Some(id) = text(arguments.pop_front()) else { return Err(wrong("app.integrations: a provider's name is a string")) };
    if host.runtime.catalog.ids()?.contains(&id) {
        return Ok(MultiValue::new());
    }
    host.runtime.catalog.provider(&id)?;
    Ok(MultiValue::new())
}

/// `app.integrations.X.Y`: a function, or an account.
fn resolve(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let (provider, account, key) = (text(arguments.pop_front()), text(arguments.pop_front()), text(arguments.pop_front()));
    let (Some(provider), Some(key)) = (provider, key) else { return Err(wrong("a function's name is a string")) };
    let name = format!("{provider}.{key}");
    let error = match host.runtime.catalog.function(&name) {
        Ok(_) => return Ok(("function", name).into_lua_multi(lua)?),
        Err(error) => error,
    };
    if account.is_none() {
        let known = host.runtime.accounts(&provider);
        if key == DEFAULT_ACCOUNT || known.contains(&key) {
            return Ok(("account", key).into_lua_multi(lua)?);
        }
        if !known.is_empty() {
            return Err(error.hint(format!("Accounts of {provider}: {}", known.join(", "))).into());
        }
    }
    Err(error.into())
}

/// Names of a provider's functions.
fn functions(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let opened = host.runtime.catalog.provider(&text(arguments.pop_front()).unwrap_or_default())?;
    one(lua, lua.create_sequence_from(opened.functions.into_iter().map(|function| function.id))?)
}

/// Ids of the active providers.
fn active(host: &Rc<Host>, lua: &Lua, _: MultiValue) -> Told<MultiValue> {
    let active = Pages::of(&host.runtime).active()?;
    one(lua, lua.create_sequence_from(active.into_iter().map(|summary| summary.id))?)
}

/// A call as a script asks for it.
struct Asked {
    call: Call,
    callable: Option<Arc<Callable>>,
    /// Its entry in the log.
    at: usize,
}

impl Asked {
    fn read(host: &Host, mut arguments: MultiValue) -> Told<Self> {
        let Some(name) = text(arguments.pop_front()) else { return Err(wrong("a function's name is a string")) };
        let account = text(arguments.pop_front());
        let wanted = arguments.pop_front();
        if !host.ctx().budget.as_ref().is_none_or(|budget| budget.take_call()) {
            let most = host.fence.limits().calls;
            host.fence.trip(
                Error::new(Code::CallLimit, format!("The script made more than {most} calls"))
                    .hint("Allow more with --call-limit N, or with angelia config:set lua.call_limit N"),
            );
            return Err(Fault::Vm(stop()));
        }
        let callable = host.runtime.catalog.function(&name).ok();
        let provider = name.rsplit_once('.').map_or("", |(provider, _)| provider);
        let account = account.or_else(|| host.accounts.get(provider).cloned());
        let operation = callable.as_ref().map(|callable| callable.function.operation.as_str());
        let mut log = host.log.borrow_mut();
        let at = log.len();
        log.push(Entry::started(at + 1, &name, account.as_deref().unwrap_or(DEFAULT_ACCOUNT), operation));
        drop(log);
        let object = objects(host, callable.as_deref(), &name, arguments.into_iter().collect());
        let options = options(host, &name, wanted);
        let (object, options) = match (object, options) {
            (Ok(object), Ok(options)) => (object, options),
            (Err(fault), _) | (_, Err(fault)) => {
                host.log.borrow_mut()[at].effect = "none";
                return Err(fault);
            }
        };
        let arguments = Arguments::Ready { object, files: std::collections::BTreeMap::new() };
        Ok(Self { call: Call { function: name, account, arguments, options }, callable, at })
    }

    fn object(&self) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match &self.call.arguments {
            Arguments::Ready { object, .. } => object,
            Arguments::Raw(_) => &EMPTY,
        }
    }

    /// A workflow or another script: its own calls are noted or let through one by one.
    fn is_workflow(&self) -> bool {
        self.callable.as_ref().is_some_and(|callable| callable.function.is_script())
    }

    fn reads(&self) -> bool {
        self.callable.as_ref().is_none_or(|callable| callable.function.operation == Operation::Read)
    }
}

/// Named arguments in one table, or values in schema order.
fn objects(host: &Host, callable: Option<&Callable>, name: &str, mut values: Vec<LuaValue>) -> Told<Map<String, Value>> {
    let none = Map::new();
    let parameters = callable.map_or(&none, |callable| &callable.function.parameters);
    let mut writer = Writer::new(&host.fence, host.fence.limits().memory);
    let unfit = |unfit: Unfit| match unfit {
        Unfit::Value(why) => Fault::Call(Error::new(Code::InvalidArguments, format!("The arguments hold {why}")), name.to_owned()),
        Unfit::TooLarge => {
            Fault::Call(Error::new(Code::InvalidArguments, "The arguments are larger than the memory limit"), name.to_owned())
        }
        Unfit::Vm(error) => Fault::Vm(error),
    };
    while values.last().is_some_and(LuaValue::is_nil) {
        values.pop();
    }
    if let [LuaValue::Table(table)] = values.as_slice()
        && table.raw_len() == 0
    {
        let object = writer.arguments(table, parameters).map_err(unfit)?;
        return if object.len() > MOST_ARGUMENTS { Err(too_many(object.len(), parameters, name)) } else { Ok(object) };
    }
    if values.len() > parameters.len() {
        return Err(too_many(values.len(), parameters, name));
    }
    let mut object = Map::new();
    for ((parameter, schema), value) in parameters.iter().zip(values) {
        if !value.is_nil() {
            object.insert(parameter.clone(), writer.value(&value, Some(schema)).map_err(unfit)?);
        }
    }
    Ok(object)
}

fn too_many(count: usize, parameters: &Map<String, Value>, name: &str) -> Fault {
    let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    let takes = if names.is_empty() { String::from("takes no arguments") } else { format!("takes: {}", names.join(", ")) };
    let error = Error::new(Code::InvalidArguments, format!("{count} values were given, but the function {takes}"));
    Fault::Call(error.hint(format!("docs.read(\"{name}\")")), name.to_owned())
}

/// Options of `:each` and `:all`.
fn options(host: &Host, name: &str, wanted: Option<LuaValue>) -> Told<Options> {
    let mut options = host.options.clone();
    let Some(LuaValue::Table(wanted)) = wanted else { return Ok(options) };
    let refuse = |what: String| Err(Fault::Call(Error::new(Code::InvalidArguments, what), name.to_owned()));
    for pair in wanted.pairs::<String, LuaValue>() {
        let (key, value) = pair?;
        let number = match &value {
            LuaValue::Integer(number) => u64::try_from(*number).ok(),
            LuaValue::Number(number) if number.fract() == 0.0 && *number >= 0.0 => Some(*number as u64),
            _ => None,
        };
        match (key.as_str(), number) {
            ("max_items", Some(number)) if number > 0 => options.max_items = Some(number),
            ("max_pages", Some(number)) if number > 0 => options.max_pages = Some(u32::try_from(number).unwrap_or(u32::MAX)),
            ("max_items" | "max_pages", _) => return refuse(format!("The option {key} is a whole number of at least 1")),
            _ => return refuse(format!("There is no option '{}'; there are max_items and max_pages", printable(&key))),
        }
    }
    Ok(options)
}

/// Starts a call.
fn start(host: &Rc<Host>, lua: &Lua, arguments: MultiValue) -> Told<MultiValue> {
    let asked = Asked::read(host, arguments)?;
    let at = asked.at;
    let (number, step) = match &host.mode {
        Mode::Live => (live(host, asked), None),
        _ if asked.is_workflow() => (planned(host, asked), None),
        Mode::Rehearsal(plan) => (rehearse(host, plan, asked)?, None),
        Mode::Approved(plan) => approved(host, plan, asked)?,
    };
    host.entries.borrow_mut().insert(number, (at, step));
    ticket(lua, number)
}

/// A workflow in a dry run or an approved run: what it calls is noted, or let through, one by one, so it is not asked about itself.
fn planned(host: &Host, mut asked: Asked) -> Ticket {
    asked.call.options.planned = true;
    match host.runtime.prepare(&host.ctx(), asked.call) {
        Station::Refused(envelope) => host.calls.put(Done::Call(envelope)),
        Station::Asks(mut plan) | Station::Allowed(mut plan) => {
            plan.options.dry_run = matches!(host.mode, Mode::Rehearsal(_));
            perform(host, plan)
        }
    }
}

/// Starts what a plan says.
fn perform(host: &Host, plan: Box<Plan>) -> Ticket {
    let (runtime, ctx) = (host.runtime.clone(), host.ctx());
    host.calls.start(Box::pin(async move { Done::Call(Box::new(runtime.perform(&ctx, *plan).await)) }))
}

fn live(host: &Host, asked: Asked) -> Ticket {
    let (runtime, ctx) = (host.runtime.clone(), host.ctx());
    host.calls.start(Box::pin(async move { Done::Call(Box::new(runtime.call(&ctx, asked.call).await)) }))
}

/// Reads are made, writes noted.
fn rehearse(host: &Host, plan: &Mutex<rehearsal::Plan>, mut asked: Asked) -> Told<Ticket> {
    if let (Some(callable), Arguments::Ready { object, .. }) = (&asked.callable, &mut asked.call.arguments) {
        held(plan).fit(object, &callable.function.parameters);
    }
    if asked.reads() && !held(plan).knows(&Value::Object(asked.object().clone())) {
        return Ok(live(host, asked));
    }
    let object = asked.object().clone();
    let output = asked.callable.as_ref().and_then(|callable| callable.function.output.clone());
    let mut call = asked.call;
    call.options.dry_run = true;
    let mut envelope = match host.runtime.prepare(&host.ctx(), call) {
        Station::Refused(envelope) => *envelope,
        Station::Asks(_) | Station::Allowed(_) => return Err(Error::internal("a dry run was about to be made").into()),
    };
    if let Some(request) = envelope.meta.request.take() {
        let step = Step {
            function: envelope.function.clone(),
            account: envelope.meta.account.clone(),
            operation: envelope.meta.operation.unwrap_or("write").to_owned(),
            request,
        };
        envelope.data = held(plan).note(step, output.as_ref(), &object);
        (envelope.success, envelope.error, envelope.error_detail) = (true, None, None);
    }
    Ok(host.calls.put(Done::Call(Box::new(envelope))))
}

/// Reads are made; a write only when it is the plan's next.
fn approved(host: &Host, approved: &Mutex<Approved>, mut asked: Asked) -> Told<(Ticket, Option<usize>)> {
    let (reads, at) = (asked.reads(), asked.at);
    if let Some(error) = held(approved).failed() {
        host.fence.trip(error);
        return Err(Fault::Vm(stop()));
    }
    asked.call.options.planned = !reads;
    let mut plan = match host.runtime.prepare(&host.ctx(), asked.call) {
        Station::Refused(envelope) => return Ok((host.calls.put(Done::Call(envelope)), None)),
        Station::Asks(plan) if reads => {
            let (runtime, ctx) = (host.runtime.clone(), host.ctx());
            let ticket = host.calls.start(Box::pin(async move { Done::Call(Box::new(runtime.asked(&ctx, *plan).await)) }));
            return Ok((ticket, None));
        }
        Station::Asks(plan) | Station::Allowed(plan) => plan,
    };
    let step = Step {
        function: plan.callable.name.to_string(),
        account: plan.account.clone(),
        operation: plan.callable.function.operation.as_str().to_owned(),
        request: host.runtime.shown(&plan)?,
    };
    let number = if reads {
        held(approved).read(&step)
    } else {
        match held(approved).write(&step) {
            Ok(number) => Some(number),
            Err(error) => {
                let envelope = host.runtime.withheld(&host.ctx(), &plan, error.clone());
                host.answered(Some((at, None)), &envelope);
                host.fence.trip(error);
                return Err(Fault::Vm(stop()));
            }
        }
    };
    if !reads {
        let digest = held(approved).digest().to_owned();
        plan.approval_id.get_or_insert(format!("plan_{}", &digest[..digest.len().min(12)]));
    }
    Ok((perform(host, plan), number))
}

/// Opens a list that is read page by page.
fn open(host: &Rc<Host>, lua: &Lua, arguments: MultiValue) -> Told<MultiValue> {
    let mut asked = Asked::read(host, arguments)?;
    let at = asked.at;
    let name = asked.call.function.clone();
    let listed = asked.callable.as_ref().is_none_or(|callable| {
        callable.function.pagination(&callable.provider).is_some() || callable.function.native.as_deref() == Some("data.list")
    });
    if !listed {
        host.log.borrow_mut()[at].effect = "none";
        let error = Error::new(Code::InvalidArguments, "This function does not answer in pages; call it without :each");
        return Err(Fault::Call(error, name));
    }
    if !asked.reads() {
        host.log.borrow_mut()[at].effect = "none";
        let error = Error::new(Code::InvalidArguments, "This function writes; :each and :all only read lists");
        return Err(Fault::Call(error, name));
    }
    asked.call.options.all = true;
    let left = host.fence.deadline().saturating_duration_since(Instant::now());
    asked.call.options.timeout_seconds = Some(left.as_secs_f64().clamp(0.001, MOST_SECONDS));
    let (send, items) = unbounded_channel();
    let unknown = matches!(&host.mode, Mode::Rehearsal(plan) if held(plan).knows(&Value::Object(asked.object().clone())));
    let listing = if unknown {
        // The list hangs on an answer that nobody has yet.
        Listing { items, reading: Box::pin(std::future::ready(nothing(&name))), begun: false }
    } else {
        let (runtime, mut ctx) = (host.runtime.clone(), host.ctx());
        ctx.items = Some(send);
        Listing { items, reading: Box::pin(async move { runtime.call(&ctx, asked.call).await }), begun: false }
    };
    let list = host.calls.list(listing);
    host.entries.borrow_mut().insert(list, (at, None));
    ticket(lua, list)
}

/// The answer of a list without items.
fn nothing(name: &str) -> Envelope {
    let meta = Meta { account: DEFAULT_ACCOUNT.to_owned(), operation: Some("read"), dry_run: true, ..Meta::default() };
    Envelope { function: name.to_owned(), success: true, data: Value::Null, error: None, error_detail: None, meta, duration_ms: 0.0 }
}

/// Asks a list for its next item.
fn next(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let list = to_ticket(arguments.pop_front())?;
    let Some(number) = host.calls.next(list) else {
        return Err(wrong("this list is being read by another task; give each task a list of its own"));
    };
    let entry = host.entries.borrow_mut().remove(&list);
    host.entries.borrow_mut().extend(entry.map(|entry| (number, entry)));
    ticket(lua, number)
}

/// Waits for a ticket.
fn wait(host: &Rc<Host>, _: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let number = to_ticket(arguments.pop_front())?;
    match host.calls.wait(&host.driver, &host.fence, &host.fence.cancel(), &[number]) {
        Some(_) => Ok(MultiValue::new()),
        None => Err(unending(host)),
    }
}

/// Waits for any of several tickets, and answers which.
fn any(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let tickets = Table::from_lua(arguments.pop_front().unwrap_or_default(), lua)?;
    let tickets: Vec<Ticket> =
        tickets.sequence_values::<f64>().map(|ticket| ticket.map(|ticket| ticket as Ticket)).collect::<Result<_, _>>()?;
    match host.calls.wait(&host.driver, &host.fence, &host.fence.cancel(), &tickets) {
        Some(number) => ticket(lua, number),
        None => Err(unending(host)),
    }
}

/// Why waiting came to nothing: the run was stopped, or nobody will ever answer.
fn unending(host: &Host) -> Fault {
    if host.fence.tripped().is_some() { Fault::Vm(stop()) } else { wrong("nothing is under way by that name") }
}

/// What a ticket stands for.
fn take(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let number = to_ticket(arguments.pop_front())?;
    let whole = arguments.pop_front().is_some_and(|whole| whole.as_boolean() == Some(true));
    host.take(lua, number, whole)
}

/// Starts a sleep.
fn sleep(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let seconds = match arguments.pop_front() {
        Some(LuaValue::Integer(seconds)) => seconds as f64,
        Some(LuaValue::Number(seconds)) => seconds,
        _ => f64::NAN,
    };
    if !(0.0..=LONGEST_SLEEP).contains(&seconds) {
        return Err(wrong(format!("time.sleep: seconds must be a number from 0 to {LONGEST_SLEEP}")));
    }
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let cancel = host.ctx().cancel;
    ticket(
        lua,
        host.calls.start(Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = cancel.cancelled() => {}
            }
            Done::Slept
        })),
    )
}

/// How many calls may be under way at once: a dry run and an approved run keep one order.
fn concurrency(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let wanted = arguments.pop_front().unwrap_or(LuaValue::Number(1.0));
    one(lua, if matches!(host.mode, Mode::Live) { wanted } else { LuaValue::Number(1.0) })
}
