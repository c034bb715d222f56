//! What a run came to, and its envelope: the same keys on success and failure, always all present.

use serde_json::{Value, json};

use crate::base::envelope::ErrorDetail;
use crate::base::error::Error;
use crate::lua::approval;
use crate::lua::log::Entry;
use crate::lua::rehearsal::Plan;

/// Most hints and problems of an error.
pub const MOST: usize = 100;

/// Longest text of an error in bytes.
const LONGEST: usize = 8 << 10;

/// A text of an error, cut where it is too long: a script may raise anything.
pub fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// An error whose every text has a bounded length.
pub fn bounded(mut error: Error) -> Error {
    error.message = cut(error.message);
    error.hints = error.hints.into_iter().take(MOST).map(cut).collect();
    error.problems.truncate(MOST);
    for problem in &mut error.problems {
        problem.pointer = cut(std::mem::take(&mut problem.pointer));
        problem.message = cut(std::mem::take(&mut problem.message));
    }
    error
}

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    /// What the script printed.
    pub output: String,
    /// What it returned.
    pub result: Value,
    pub error: Option<Error>,
    /// Lines of the script on the way to the error, innermost first.
    pub trace: Vec<String>,
    pub execution_time_ms: f64,
    /// Most bytes of the VM that were seen in use.
    pub memory_usage: usize,
    pub log: Vec<Entry>,
    /// `--force` was given.
    pub force: bool,
    /// A dry run's requests.
    pub plan: Option<Plan>,
    /// Digest of the approved plan, and how many of its requests were not made.
    pub approved: Option<(String, usize)>,
}

/// What a line of a session came to. The values stand beside the report, whose result is null.
#[derive(Debug)]
pub struct Line {
    pub values: Vec<Shown>,
    pub report: Report,
}

/// A value of a line, for a person.
#[derive(Debug)]
pub enum Shown {
    Nil,
    Json(Value),
    /// What is no JSON, such as a function.
    Text(String),
}

impl Report {
    /// A run that did not come about.
    pub fn failed(error: Error) -> Self {
        Self {
            output: String::new(),
            result: Value::Null,
            error: Some(error),
            trace: Vec::new(),
            execution_time_ms: 0.0,
            memory_usage: 0,
            log: Vec::new(),
            force: false,
            plan: None,
            approved: None,
        }
    }

    /// The envelope.
    pub fn to_value(&self, script: &str) -> Value {
        let detail = self.error.clone().map(ErrorDetail::from);
        let mut meta = json!({"script": script, "dry_run": self.plan.is_some(), "permission_bypassed": self.force});
        if !self.trace.is_empty() {
            meta["trace"] = json!(self.trace);
        }
        if let Some(plan) = &self.plan {
            meta["plan"] = approval::shown(plan, self.error.is_some());
        }
        if let Some((digest, left)) = &self.approved {
            meta["approved"] = json!({"digest": digest, "requests_left": left});
        }
        json!({
            "success": self.error.is_none(),
            "output": self.output,
            "result": self.result,
            "error": self.error.as_ref().map(|error| error.message.clone()),
            "error_detail": detail,
            "execution_time_ms": self.execution_time_ms,
            "memory_usage": self.memory_usage,
            "calls": self.log.len(),
            "call_log": self.log,
            "meta": meta,
        })
    }
}
