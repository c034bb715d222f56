//! `integrations:lua`: a script from a file, a word or stdin; its limits and arguments; the envelope or what it printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::call::exchange::Replayer;
use crate::call::request::Options;
use crate::call::runtime::Runtime;
use crate::cli::call::{context, runtime};
use crate::cli::output::Out;
use crate::cli::{render, repl, stdin};
use crate::config::layers::ForceRule;
use crate::lua::approval;
use crate::lua::driver::Driver;
use crate::lua::header;
use crate::lua::host::{Mode, Voice};
use crate::lua::limits::Limits;
use crate::lua::modules;
use crate::lua::rehearsal::Plan;
use crate::lua::report::Report;
use crate::lua::session::{Script, Session, Setup};

/// Printed lines go to stdout as they come, or only into the envelope; log lines to stderr.
pub struct Lines {
    out: Out,
    live: bool,
}

impl Lines {
    /// `live` prints lines as they come.
    pub fn new(live: bool) -> Self {
        Self { out: Out::new(false), live }
    }
}

impl Voice for Lines {
    fn print(&self, line: &str) {
        if self.live {
            self.out.text(&format!("{line}\n"));
        }
    }

    fn log(&self, level: &str, line: &str) {
        self.out.log(level, line);
    }
}

/// `integrations:lua`.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    if arguments.get_flag("repl") {
        return repl::run(app, arguments);
    }
    ran(app, out, arguments).or_else(|error| {
        // What did not come to run is answered in the same envelope.
        let script = Script { name: text(arguments, "file").unwrap_or("(eval)").to_owned(), source: String::new() };
        Ok(answer(out, &Report::failed(error), &script))
    })
}

fn ran(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let (script, folder, piped) = script(arguments)?;
    let digest = text(arguments, "approve");
    let mode = match digest {
        Some(digest) => Mode::Approved(Arc::new(approval::approved(Arc::new(app.memory()), digest)?.into())),
        None if arguments.get_flag("dry-run") => Mode::Rehearsal(Arc::default()),
        None => Mode::Live,
    };
    let mut setup = setup(app, arguments, folder, mode)?;
    if let Some(function) = header::read(&script.name, &script.source)? {
        let object = setup.named.as_object().cloned().unwrap_or_default();
        setup.named = Value::Object(header::arguments(&function, object)?);
        setup.ctx.ceiling = setup.ctx.ceiling.min(function.operation);
    }
    setup.voice = Box::new(Lines::new(!out.json));
    if piped {
        setup.stdin =
            Box::new(|| stdin::read(stdin::Wait::Forever).ok().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    let report = Session::open(setup)?.run(&script);
    if let Some(plan) = report.plan.as_ref().filter(|plan| !plan.steps.is_empty() && report.error.is_none()) {
        approval::keep(&app.memory(), &app.config, &script.name, plan)
            .unwrap_or_else(|error| out.note(&format!("The plan could not be kept, so it cannot be approved: {error}")));
    }
    Ok(answer(out, &report, &script))
}

fn text<'a>(arguments: &'a ArgMatches, name: &str) -> Option<&'a str> {
    arguments.get_one::<String>(name).map(String::as_str)
}

/// The script, its folder, and whether stdin is left for its data.
fn script(arguments: &ArgMatches) -> Result<(Script, Option<PathBuf>, bool)> {
    let named = |name: &str, source: String| Script { name: name.to_owned(), source };
    match (text(arguments, "file"), text(arguments, "eval")) {
        (Some(_), Some(_)) => Err(Error::usage("Give a file or --eval, not both")),
        (None, Some(source)) => Ok((named("(eval)", source.to_owned()), None, true)),
        (Some(file), None) if file != "-" => {
            let path = Path::new(file);
            let source = modules::source(path)?;
            let name = path.file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned());
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok((named(&name, source), Some(folder.to_path_buf()), true))
        }
        (file, None) => {
            let wait = if file.is_some() { stdin::Wait::Forever } else { stdin::Wait::AtMost(Duration::from_secs(10)) };
            let Some(bytes) = stdin::read(wait)? else {
                return Err(Error::usage("integrations:lua needs a script: a file, --eval CODE, or a script on stdin")
                    .hint("angelia integrations:lua --repl")
                    .hint("angelia integrations:lua --help"));
            };
            Ok((named("(stdin)", modules::checked(bytes, "The script")?), None, false))
        }
    }
}

/// What a run is given by the words of the command.
pub fn setup(app: &App, arguments: &ArgMatches, folder: Option<PathBuf>, mode: Mode) -> Result<Setup> {
    let force = arguments.get_flag("force");
    if force && app.config.force() == ForceRule::Never {
        return Err(Error::new(Code::PermissionDenied, "--force is turned off (force = \"never\" in the settings)"));
    }
    let options = Options {
        force,
        record: text(arguments, "record").map(PathBuf::from),
        replay: text(arguments, "replay").map(|folder| Replayer::open(Path::new(folder))).transpose()?.map(Arc::new),
        ..Options::default()
    };
    let mut env = app.config.lua_env();
    env.extend(arguments.get_many::<String>("env").into_iter().flatten().cloned());
    let ctx = context();
    let cancel = ctx.cancel.clone();
    let runtime = runtime(app)?;
    Ok(Setup {
        accounts: accounts(arguments, &runtime)?,
        runtime,
        ctx,
        driver: Driver::own(),
        limits: limits(app, arguments),
        mode,
        options,
        env,
        folder,
        voice: Box::new(Lines::new(true)),
        words: arguments.get_many::<String>("words").into_iter().flatten().cloned().collect(),
        named: named(arguments)?,
        stdin: Box::new(|| None),
        testing: false,
        lasting: Some(Box::new(move || drop(super::interrupt::watch_for_end(move || cancel.cancel())))),
    })
}

fn limits(app: &App, arguments: &ArgMatches) -> Limits {
    let mut limits = Limits::of(&app.config);
    let number = |name: &str| arguments.get_one::<u64>(name).copied();
    let bytes = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    limits.memory = number("memory-limit").map_or(limits.memory, bytes);
    limits.output = number("output-limit").map_or(limits.output, bytes);
    limits.calls = number("call-limit").unwrap_or(limits.calls);
    let seconds = |name: &str, usual: Duration| arguments.get_one::<f64>(name).map_or(usual, |seconds| Duration::from_secs_f64(*seconds));
    limits.cpu = seconds("cpu-limit", limits.cpu);
    limits.time = seconds("time-limit", limits.time);
    limits
}

/// `--account PROVIDER=ALIAS`, repeated.
fn accounts(arguments: &ArgMatches, runtime: &Runtime) -> Result<BTreeMap<String, String>> {
    let mut accounts = BTreeMap::new();
    for word in arguments.get_many::<String>("account").into_iter().flatten() {
        let Some((provider, alias)) = word.split_once('=') else {
            return Err(Error::usage(format!("--account is written PROVIDER=ALIAS here, not '{}'", crate::base::name::printable(word))));
        };
        if !runtime.catalog.ids()?.iter().any(|id| id == provider) {
            runtime.catalog.provider(provider)?;
        }
        accounts.insert(provider.to_owned(), crate::base::name::account(alias)?);
    }
    Ok(accounts)
}

/// `--args`: a JSON object.
fn named(arguments: &ArgMatches) -> Result<Value> {
    let Some(written) = text(arguments, "args") else { return Ok(Value::Object(Map::new())) };
    match serde_json::from_str::<Value>(written) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Error::new(Code::InvalidPayload, "--args must be a JSON object")),
        Err(error) => Err(Error::new(Code::InvalidPayload, format!("--args is not valid JSON: {error}"))
            .hint("Write it as --args '{\"city\": \"Oslo\"}'")),
    }
}

/// Prints what a run came to; answers the exit status.
fn answer(out: &Out, report: &Report, script: &Script) -> u8 {
    if out.json {
        out.json(&report.to_value(&script.name));
    } else {
        if !report.result.is_null() && report.error.is_none() {
            match &report.result {
                Value::String(text) => out.text(text),
                other => out.answer(other, |paint| render::data(out, paint, other)),
            }
        }
        if let Some(plan) = &report.plan {
            planned(out, plan, report.error.is_some());
        }
        failure(out, report);
    }
    if let Some((_, left @ 1..)) = report.approved.as_ref().filter(|_| report.error.is_none()) {
        out.note(&format!("{left} of the approved requests were not made"));
    }
    report.error.as_ref().map_or(0, |error| error.code.exit())
}

/// Says why a run failed, and whether the policy was bypassed.
pub fn failure(out: &Out, report: &Report) {
    if let Some(error) = &report.error {
        if report.trace.len() > 1 {
            out.stderr(&format!("  in {}\n", report.trace.join("\n  in ")));
        }
        out.error(error.clone());
    }
    if report.force && !report.log.is_empty() {
        out.note("The permission policy was bypassed by --force; the audit log says so.");
    }
}

/// The requests of a dry run, for a person.
fn planned(out: &Out, plan: &Plan, failed: bool) {
    let mut text = String::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let request = match step.request.get("url") {
            Some(url) => json!({"method": step.request["method"], "url": url, "body": step.request["body"]}),
            None => step.request.clone(),
        };
        text.push_str(&format!("{}. {} ({}, account {})\n{request:#}\n", at + 1, step.function, step.operation, step.account));
    }
    if plan.steps.is_empty() && !failed {
        out.note("dry run: the workflow writes nothing");
        return;
    }
    out.stderr(&crate::base::name::in_plain_sight(&text));
    if failed {
        out.note("dry run: the script failed, so there is nothing to approve");
        return;
    }
    let count = plan.steps.len();
    out.note(&format!("dry run: nothing of these {count} was sent. To make exactly these: --approve {}", plan.digest()));
}
