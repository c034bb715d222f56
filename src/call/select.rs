//! jq programs that somebody typed, over data. One that is bounded by itself runs here; every other one may go on for ever or take all
//! memory, and cannot be interrupted: it runs in a process of its own, which has limits and is ended with its time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::launch;
use crate::registry::jq;
use crate::registry::jq_plain::is_plain;

/// The command of our own program that runs one.
pub const COMMAND: &str = "__jq";

/// How long a program may run.
pub const TIME: Duration = Duration::from_secs(10);

/// Memory of a process, and how much more it has for each byte of its input.
const MEMORY: u64 = 1 << 30;
const MEMORY_PER_BYTE: u64 = 64;

/// Most bytes of an answer; it may be twice as long as the input where that is more.
const ANSWER: usize = 8 << 20;

/// Processes at once; the others wait within their time.
const MOST_RUNNING: usize = 4;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The right to have a process.
struct Turn;

impl Turn {
    fn take(until: Instant) -> Option<Self> {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let time = until.saturating_duration_since(Instant::now());
        let waited = ENDED.wait_timeout_while(running, time, |running| *running >= MOST_RUNNING);
        let (mut running, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *running >= MOST_RUNNING {
            return None;
        }
        *running += 1;
        Some(Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

/// Runs a program; what it puts out as one value. Blocks for `time` at most, and never for longer than [`TIME`].
pub fn apply(program: &str, input: &Value, time: Duration) -> Result<Value, String> {
    jq::check(program)?;
    if jq::deep(|| is_plain(program))? {
        return jq::deep(|| jq::apply(program, input))?;
    }
    let time = time.min(TIME);
    let until = Instant::now() + time;
    let _turn = Turn::take(until).ok_or("jq: too many programs are running; try again later")?;
    let text = input.to_string();
    let memory = MEMORY.saturating_add(MEMORY_PER_BYTE.saturating_mul(text.len() as u64));
    let most = ANSWER.max(text.len().saturating_mul(2));
    let sent = format!("{}\n{text}", json!({"program": program, "seconds": time.as_secs() + 1, "memory": memory}));
    drop(text);
    let left = until.saturating_duration_since(Instant::now());
    let answer = launch::ourselves(COMMAND, sent.as_bytes(), left, most).map_err(|error| format!("jq: {error}"))?;
    let answer = answer.ok_or_else(|| format!("jq: no end within {} seconds", time.as_secs_f64()))?;
    if answer.len() > most {
        return Err(format!("jq: the answer has more than {most} bytes"));
    }
    match answer.split_first() {
        Some((b'+', value)) => serde_json::from_slice(value).map_err(|error| format!("jq: the answer cannot be read: {error}")),
        Some((_, said)) => Err(String::from_utf8_lossy(said).trim_end().to_owned()),
        None => Err(String::from("jq: the program took too much memory or went too deep")),
    }
}

/// The other end: answers what [`apply`] sent.
pub fn answer(sent: &[u8]) -> String {
    let apart = sent.iter().position(|byte| *byte == b'\n').unwrap_or(sent.len());
    let (head, input) = sent.split_at(apart);
    let head: Value = serde_json::from_slice(head).unwrap_or_default();
    launch::limit_ourselves(head["memory"].as_u64().unwrap_or(MEMORY), head["seconds"].as_u64().unwrap_or(1));
    let program = head["program"].as_str().unwrap_or_default();
    let done = jq::deep(|| jq::apply_text(program, input).map(|value| format!("+{value}"))).and_then(|done| done);
    done.unwrap_or_else(|why| format!("-{why}"))
}
