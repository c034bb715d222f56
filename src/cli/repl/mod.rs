//! `integrations:lua --repl`: lines from a terminal, or from a pipe without prompts, in one VM that keeps what they define. A line
//! that fails ends nothing. Ctrl-C ends the line that runs; the session stays.

mod commands;
mod complete;
mod scan;
mod terminal;

use std::io::{BufRead as _, IsTerminal as _};
use std::rc::Rc;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

use clap::ArgMatches;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::call::runtime::Runtime;
use crate::cli::call::context;
use crate::cli::output::Out;
use crate::cli::repl::scan::{End, scan};
use crate::cli::{interrupt, lua, render};
use crate::lua::host::Mode;
use crate::lua::limits::{LARGEST_SOURCE, Limits};
use crate::lua::report::{Line, Report, Shown};
use crate::lua::session::{Script, Session};

/// A session and what is typed so far.
pub struct Repl {
    session: Rc<Session>,
    runtime: Arc<Runtime>,
    limits: Limits,
    out: Out,
    /// Ends the line that runs.
    current: Current,
    /// Lines of a statement that is not complete.
    pending: String,
    /// What the last line came to.
    last: Option<Report>,
}

type Current = Arc<Mutex<CancellationToken>>;

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The statement goes on.
    More,
    Done,
    Quit,
}

/// Runs a session.
pub fn run(app: &App, arguments: &ArgMatches) -> Result<u8> {
    let given = |name: &str| arguments.value_source(name) == Some(clap::parser::ValueSource::CommandLine);
    if let Some(other) = ["json", "file", "eval", "dry-run", "approve"].into_iter().find(|name| given(name)) {
        let other = if other == "file" { String::from("a file") } else { format!("--{other}") };
        return Err(Error::usage(format!("--repl reads lines one by one; it does not go with {other}")));
    }
    let setup = lua::setup(app, arguments, None, Mode::Live)?;
    let (runtime, limits, current) = (setup.runtime.clone(), setup.limits, Current::default());
    let session = Rc::new(Session::open(setup)?);
    let repl = Repl { session, runtime, limits, out: Out::new(false), current, pending: String::new(), last: None };
    if std::io::stdin().is_terminal() { terminal::run(repl, app) } else { piped(repl) }
}

impl Repl {
    /// Takes a line.
    fn take(&mut self, line: &str) -> Step {
        let words = line.trim();
        if self.pending.is_empty() {
            if words.is_empty() {
                return Step::Done;
            }
            if words.starts_with(':') {
                return match commands::run(self, words) {
                    Ok(true) => Step::Done,
                    Ok(false) => Step::Quit,
                    Err(error) => {
                        self.out.error(error);
                        Step::Done
                    }
                };
            }
        } else if words.is_empty() && !open(&self.pending) {
            self.give_up();
            return Step::Done;
        }
        self.pending.push_str(line);
        self.pending.push('\n');
        if open(&self.pending) && self.pending.len() <= LARGEST_SOURCE {
            return Step::More;
        }
        let ctx = context();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = ctx.cancel.clone();
        let Some(line) = self.session.line(&self.script(), ctx) else { return Step::More };
        self.pending.clear();
        self.print(&line);
        self.last = Some(line.report);
        Step::Done
    }

    /// Says what is missing of a statement, and forgets it.
    fn give_up(&mut self) {
        if !self.pending.is_empty() {
            let report = self.session.run(&self.script());
            self.pending.clear();
            lua::failure(&self.out, &report);
        }
    }

    fn script(&self) -> Script {
        Script { name: String::from("(repl)"), source: self.pending.clone() }
    }

    fn print(&self, line: &Line) {
        let out = &self.out;
        let values = &line.values;
        let nothing = values.iter().all(|value| matches!(value, Shown::Nil));
        for value in values.iter().filter(|_| !nothing) {
            match value {
                Shown::Nil => out.text("nil"),
                Shown::Json(Value::Object(members)) if members.is_empty() => out.text("{}"),
                Shown::Json(value) => out.answer(value, |paint| render::data(out, paint, value)),
                Shown::Text(text) => out.answer(&Value::Null, |paint| render::data(out, paint, &Value::from(text.as_str()))),
            }
        }
        lua::failure(out, &line.report);
    }
}

/// Whether the source ends inside of a string or comment that goes on.
fn open(source: &str) -> bool {
    scan(source).1 == End::Open
}

/// Cancels the line that runs.
fn cancel(current: &Current) {
    current.lock().unwrap_or_else(PoisonError::into_inner).cancel();
}

/// What comes from a pipe.
enum Event {
    Line(String),
    Broken(String),
    Interrupted,
}

/// Lines from a pipe. There is nobody to edit, so Ctrl-C ends the session.
fn piped(mut repl: Repl) -> Result<u8> {
    let (send, events) = sync_channel(1);
    let (interrupted, current) = (send.clone(), repl.current.clone());
    interrupt::watch(move || {
        cancel(&current);
        drop(interrupted.send(Some(Event::Interrupted)));
    })
    .wait();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let event = line.map_or_else(|error| Event::Broken(error.to_string()), Event::Line);
            let last = matches!(event, Event::Broken(_));
            if send.send(Some(event)).is_err() || last {
                return;
            }
        }
        drop(send.send(None));
    });
    while let Ok(Some(event)) = events.recv() {
        match event {
            Event::Line(line) => {
                if repl.take(&line) == Step::Quit {
                    return Ok(0);
                }
            }
            Event::Broken(why) => return Err(Error::new(Code::InvalidPayload, format!("stdin cannot be read: {why}"))),
            Event::Interrupted => return Ok(Code::Cancelled.exit()),
        }
    }
    repl.give_up();
    Ok(0)
}
