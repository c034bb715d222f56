//! What callers may rely on (section 3 of the contract and the JSON of every command), read from the program as a caller would: a key that comes,
//! goes or changes its type fails here. What texts for people say is deliberately absent (see `tests/cli`).

mod calls;
mod commands;
pub mod mirrors;
mod scripts;
mod servers;

use serde::de::DeserializeOwned;

use self::mirrors::{Envelope, Refusal};
use crate::support::home::{Home, Run};

/// Exit status and codes as the contract lists them.
const EXITS: &[(i32, &[&str])] = &[
    (2, &["usage", "invalid_arguments", "invalid_payload"]),
    (3, &["unknown_provider", "unknown_function", "unknown_account", "not_found"]),
    (4, &["permission_denied", "approval_required", "untrusted"]),
    (5, &["inactive", "missing_credentials", "needs_reauth", "unsupported_runtime"]),
    (6, &["provider_error", "rate_limited", "invalid_response"]),
    (7, &["unreachable", "timeout", "outcome_unknown"]),
    (8, SCRIPT),
    (70, &["internal"]),
    (130, &["cancelled"]),
];

/// Codes that only scripts end with; `scripts` has their cases.
const SCRIPT: &[&str] = &["script_error", "memory_limit", "time_limit", "call_limit", "output_limit"];

/// Codes that no case here can bring about: nothing raises them, or only a fault of ours would.
const NOT_SEEN: &[&str] = &["untrusted", "internal"];

/// Reads what must be one JSON document of this form, alone on its line.
fn read<T: DeserializeOwned>(words: &[&str], run: &Run) -> T {
    assert_eq!(run.stdout.matches('\n').count(), 1, "{words:?} is to print one line: {run:?}");
    assert!(!run.stdout.contains('\u{1b}'), "{words:?} colours JSON");
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}\n{run:?}"))
}

/// Runs a command that must succeed, or fail with `exit`, and reads its answer.
fn answers<T: DeserializeOwned>(home: &Home, words: &[&str], exit: i32) -> T {
    let run = home.run(&[words, &["--json"]].concat());
    assert_eq!(run.code, exit, "{words:?}: {run:?}");
    read(words, &run)
}

/// A refusal of a command that makes no call.
fn refuses(home: &Home, words: &[&str]) {
    let run = home.run(&[words, &["--json"]].concat());
    let refusal: Refusal = read(words, &run);
    assert!(!refusal.success);
    assert_exit(words, run.code, &refusal.error_detail.code);
    one_line(words, &refusal.error);
}

fn assert_exit(words: &[&str], exit: i32, code: &str) {
    let row = EXITS.iter().find(|(_, codes)| codes.contains(&code)).unwrap_or_else(|| panic!("{words:?}: '{code}' is not in the contract"));
    assert_eq!(exit, row.0, "{words:?}: exit status of {code}");
}

fn one_line(words: &[&str], error: &str) {
    assert!(!error.trim().is_empty() && !error.contains('\n'), "{words:?}: {error:?} is to be one line for a person");
}

/// What holds for every envelope, whatever became of the call.
fn check(words: &[&str], exit: i32, envelope: &Envelope) {
    let meta = &envelope.meta;
    assert_eq!(envelope.success, exit == 0, "{words:?}: success goes with exit status 0");
    assert_eq!(envelope.success, envelope.error.0.is_none(), "{words:?}");
    assert_eq!(envelope.success, envelope.error_detail.0.is_none(), "{words:?}");
    assert!(envelope.duration_ms >= 0.0);
    assert_eq!(meta.call_id.len(), 36, "{words:?}: {}", meta.call_id);
    assert!(meta.operation.0.as_deref().is_none_or(|operation| ["read", "write", "destructive"].contains(&operation)));
    let incomplete = meta.complete.0 == Some(false);
    assert_eq!(incomplete, meta.stopped_by.0.is_some(), "{words:?}: what is not complete says why");
    if let (Some(error), Some(detail)) = (&envelope.error.0, &envelope.error_detail.0) {
        one_line(words, error);
        assert_exit(words, exit, &detail.code);
        assert_eq!(detail.problems.is_empty(), detail.code != "invalid_arguments", "{words:?}: problems belong to arguments");
    }
}
