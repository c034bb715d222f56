//! Scripts that attack: they want memory, time, calls or output without end, a way out of the sandbox, or another's data. Each runs
//! through the program with `--json` and must end soon, with the right code and exactly one whole envelope. What a script may do
//! rightly is tested elsewhere; here it stands only where a guard could break it.

mod sources;
mod spending;
mod walls;
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::home::{Home, Run};

/// Limits of a script that must be stopped.
const TIGHT: &str = "--memory-limit 33554432 --cpu-limit 0.15 --time-limit 1";

/// Limits of a script that ends by itself, also on a busy machine.
const LOOSE: &str = "--memory-limit 67108864 --cpu-limit 20 --time-limit 30";

/// Longest run: limits are a second, and the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// The keys that every envelope has.
const KEYS: [&str; 10] =
    ["success", "output", "result", "error", "error_detail", "execution_time_ms", "memory_usage", "calls", "call_log", "meta"];

/// Any of the codes of a script that wanted too much: which limit it meets first depends on the machine.
const STOPPED: &str = "time_limit|memory_limit|output_limit|call_limit";

struct Case {
    name: &'static str,
    flags: &'static str,
    exit: i32,
    /// Codes that are right, with `|` between them; empty for success.
    code: &'static str,
    script: Script,
    /// The result as JSON; what the error holds, when the run fails; empty when it does not matter.
    shows: &'static str,
}

enum Script {
    Text(&'static str),
    Made(fn() -> Vec<u8>),
}

/// A script that is stopped by one of these limits.
const fn stops(name: &'static str, code: &'static str, script: &'static str) -> Case {
    Case { name, flags: TIGHT, exit: 8, code, script: Script::Text(script), shows: "" }
}

/// A script that fails, with this in the message.
const fn fails(name: &'static str, exit: i32, code: &'static str, script: &'static str, shows: &'static str) -> Case {
    Case { name, flags: LOOSE, exit, code, script: Script::Text(script), shows }
}

/// A script that goes well and answers this.
const fn gives(name: &'static str, script: &'static str, shows: &'static str) -> Case {
    Case { name, flags: LOOSE, exit: 0, code: "", script: Script::Text(script), shows }
}

/// A source that is made, and what becomes of it.
const fn source(name: &'static str, code: &'static str, made: fn() -> Vec<u8>, shows: &'static str) -> Case {
    Case { name, flags: LOOSE, exit: if code.is_empty() { 0 } else { 8 }, code, script: Script::Made(made), shows }
}

/// The same case with further flags.
const fn with(case: Case, flags: &'static str) -> Case {
    Case { flags, ..case }
}

/// Runs a script of a file in a home.
fn run(home: &Home, bytes: &[u8], flags: &str) -> Run {
    let file = home.path().join("work/script.lua");
    std::fs::write(&file, bytes).unwrap();
    let words: Vec<&str> = ["integrations:lua", "script.lua", "--json"].into_iter().chain(flags.split_whitespace()).collect();
    home.run(&words)
}

/// The envelope, whole.
fn envelope(run: &Run) -> Result<Value, String> {
    let envelope: Value = serde_json::from_str(&run.stdout).map_err(|error| format!("{error}: exit {}: {}", run.code, run.stderr))?;
    let missing: Vec<&&str> = KEYS.iter().filter(|key| envelope.get(**key).is_none()).collect();
    if !missing.is_empty() {
        return Err(format!("without {missing:?}: {envelope}"));
    }
    let success = envelope["success"] == true;
    if success != (run.code == 0) || success != envelope["error_detail"].is_null() || success != envelope["error"].is_null() {
        return Err(format!("exit {} of {envelope}", run.code));
    }
    Ok(envelope)
}

fn judge(case: &Case) -> Result<(), String> {
    let home = Home::new();
    let bytes = match &case.script {
        Script::Text(text) => text.as_bytes().to_vec(),
        Script::Made(made) => made(),
    };
    let from = Instant::now();
    let run = run(&home, &bytes, case.flags);
    let took = from.elapsed();
    let envelope = envelope(&run)?;
    let short: String = envelope.to_string().chars().take(2000).collect();
    let code = envelope["error_detail"]["code"].as_str().unwrap_or("");
    if run.code != case.exit || !case.code.split('|').any(|right| right == code) {
        return Err(format!("exit {} {code:?} instead of {} {:?}: {short}", run.code, case.exit, case.code));
    }
    let fits = match envelope["error"].as_str() {
        Some(error) => error.contains(case.shows),
        None => case.shows.is_empty() || serde_json::to_string(&envelope["result"]).unwrap() == case.shows,
    };
    if !fits {
        return Err(format!("does not show {}: {short}", case.shows));
    }
    if took > SOON { Err(format!("took {took:?}: {short}")) } else { Ok(()) }
}

/// Runs cases side by side and names every one that went wrong.
fn all(cases: &[Case]) {
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let worker = || {
            let mut wrong = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                wrong.extend(judge(case).err().map(|why| format!("{}: {why}", case.name)));
            }
            wrong
        };
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
