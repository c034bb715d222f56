//! The only printer. The answer goes to stdout, everything said to a person to stderr. With `--json` stdout carries one JSON document.
//! A reader that goes away early is no error; an answer that cannot be written for another reason is one ([`lost`]).

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::object::{Columns, Rows};
use tabled::settings::peaker::PriorityMax;
use tabled::settings::{Alignment, Modify, Padding, Style, Width};

use crate::base::envelope::{Envelope, ErrorDetail};
use crate::base::error::{Code, Error};
use crate::base::name::{clean, reorders};
use crate::config::env;

/// Into a pipe or file nothing is cut.
const UNCUT: usize = 1_000_000;

/// The first failure to write to stdout.
static FAILED: OnceLock<std::io::Error> = OnceLock::new();

/// Nothing can be written to stdout any more: its reader is gone, or its disk is full.
pub fn closed() -> bool {
    FAILED.get().is_some()
}

/// Why a part of the answer did not reach a reader who still waits for it.
pub fn lost() -> Option<Error> {
    let why = FAILED.get().filter(|why| why.kind() != ErrorKind::BrokenPipe)?;
    Some(Error::new(Code::Internal, format!("The answer could not be written to stdout: {why}; what was done is done")))
}

/// How to print.
pub struct Out {
    /// One JSON document on stdout.
    pub json: bool,
    color: bool,
    color_stderr: bool,
    width: usize,
}

impl Out {
    /// Looks at the terminals and at `NO_COLOR` and `CLICOLOR_FORCE`.
    pub fn new(json: bool) -> Self {
        let forced = env::var("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let wanted = |terminal: bool| forced || (terminal && env::var("NO_COLOR").is_none() && env::var("TERM").as_deref() != Some("dumb"));
        let terminal = std::io::stdout().is_terminal();
        let width = if terminal { terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0)) } else { UNCUT };
        Self { json, color: wanted(terminal), color_stderr: wanted(std::io::stderr().is_terminal()), width: width.max(40) }
    }

    /// Columns of the terminal.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Prints the answer: the JSON document, or the text for people.
    pub fn answer(&self, value: &Value, human: impl FnOnce(&Paint) -> String) {
        if self.json {
            self.json(value);
        } else {
            self.text(&human(&self.paint()));
        }
    }

    /// Prints one JSON document.
    pub fn json(&self, value: &Value) {
        let text = if std::io::stdout().is_terminal() { format!("{value:#}") } else { value.to_string() };
        self.text(&escaped(&text));
    }

    /// Prints text, ended by one line break.
    pub fn text(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(end.as_bytes())).and_then(|()| stdout.flush());
        if let Err(why) = written {
            drop(FAILED.set(why));
        }
    }

    /// Prints an envelope; `human` renders the data of a success.
    pub fn envelope(&self, envelope: &Envelope, human: impl FnOnce(&Paint) -> String) {
        if self.json {
            let value = serde_json::to_value(envelope).unwrap_or_else(|error| json!({"success": false, "error": error.to_string()}));
            return self.json(&value);
        }
        let planned = envelope.meta.dry_run && envelope.meta.request.is_some();
        if envelope.success || planned || !envelope.data.is_null() {
            self.text(&human(&self.paint()));
        }
        if let (Some(error), Some(detail)) = (&envelope.error, &envelope.error_detail) {
            self.complain(error, detail);
        }
        if envelope.meta.permission_bypassed {
            self.note("The permission policy was bypassed by --force; the audit log says so.");
        }
    }

    /// Prints a failure that has no envelope.
    pub fn error(&self, error: Error) {
        let message = error.message.clone();
        let detail = ErrorDetail::from(error);
        if self.json {
            self.json(&json!({"success": false, "error": message, "error_detail": detail}));
        } else {
            self.complain(&message, &detail);
        }
    }

    fn complain(&self, message: &str, detail: &ErrorDetail) {
        let paint = Paint { color: self.color_stderr };
        let mut text = format!("{} {}\n", paint.red("error:"), clean(message));
        if detail.problems.len() > 1 {
            for problem in &detail.problems {
                text.push_str(&format!("  {} {}\n", paint.bold(&clean(&problem.pointer)), clean(&problem.message)));
            }
        }
        if let Some(id) = &detail.request_id {
            text.push_str(&format!("  request id {}\n", clean(id)));
        }
        for hint in &detail.hints {
            text.push_str(&format!("{} {}\n", paint.dim("  →"), clean(hint)));
        }
        self.stderr(&text);
    }

    /// Says something to a person.
    pub fn note(&self, text: &str) {
        let paint = Paint { color: self.color_stderr };
        self.stderr(&format!("{} {}\n", paint.yellow("note:"), clean(text)));
    }

    /// A line that a script logged.
    pub fn log(&self, level: &str, text: &str) {
        let paint = Paint { color: self.color_stderr };
        let level = match level {
            "error" => paint.red("error:"),
            "warn" => paint.yellow("warn:"),
            _ => paint.dim("info:"),
        };
        self.stderr(&format!("{level} {}\n", clean(text)));
    }

    /// Writes to stderr as it is.
    pub fn stderr(&self, text: &str) {
        drop(std::io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Colours for stdout.
    pub fn paint(&self) -> Paint {
        Paint { color: self.color }
    }

    /// A table that fits the terminal; the widest column gives way.
    pub fn table(&self, paint: &Paint, heads: &[&str], rows: Vec<Vec<String>>) -> String {
        let mut builder = Builder::default();
        builder.push_record(heads.iter().map(|head| paint.bold(head)));
        rows.into_iter().for_each(|row| builder.push_record(row.iter().map(|cell| one_line(cell))));
        let mut table = builder.build();
        table
            .with(Style::blank())
            .with(Padding::new(0, 1, 0, 0))
            .with(Modify::new(Rows::first()).with(Alignment::left()))
            .with(Modify::new(Columns::first()).with(Alignment::left()))
            .with(Width::truncate(self.width).priority(PriorityMax::right()).suffix("…"));
        let text = table.to_string();
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

/// JSON in which every character is escaped that some terminals act on, though it may stand in texts.
fn escaped(json: &str) -> String {
    let acts = |c: char| (c.is_control() && c != '\n') || reorders(c);
    if !json.contains(acts) {
        return json.to_owned();
    }
    let mut text = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        match c {
            c if acts(c) => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

/// Colours, where they are wanted.
#[derive(Clone, Copy)]
pub struct Paint {
    color: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// For headings and names.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For what matters less.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// For what is well.
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// For what failed.
    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// For what needs a look.
    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }
}

/// A cell holds one line, without control characters that a remote service may have sent; our own colours stay.
fn one_line(text: &str) -> String {
    const OURS: [&str; 6] = ["[0m", "[1m", "[2m", "[32m", "[1;31m", "[33m"];
    let mut line = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let colour = c == '\u{1b}' && OURS.iter().any(|code| text[at + 1..].starts_with(code));
        line.push(if colour || !c.is_control() { c } else { ' ' });
    }
    line
}
