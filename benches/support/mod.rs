//! What the benches share: a loopback server, a private home folder, measured processes, CPU time, statistics and the table.
//! There is deliberately no benchmark framework here: the figures are medians and ratios of whole runs, and one table says them.
#![allow(clippy::disallowed_methods, reason = "a bench starts programs and finds them by the environment")]
#![allow(dead_code, reason = "each bench is a program of its own and uses a part of this")]

pub mod cpu;
pub mod home;
pub mod manifests;
pub mod peers;
pub mod process;
pub mod report;
pub mod server;
pub mod statistics;

use std::io::Write as _;
use std::process::ExitCode;

/// A figure, or why it could not be had.
pub type Measured<T> = Result<T, String>;

/// Runs a bench. A missed target is a figure like any other; only a figure that could not be had is a failure.
pub fn main(measure: fn() -> Measured<()>) -> ExitCode {
    // `cargo test --all-targets` starts the benches too, without this word and in a debug build.
    if !std::env::args().any(|argument| argument == "--bench") {
        tell("nothing was measured: run this by cargo bench, or with --bench");
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tell(&format!("could not measure: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// A part of a bench by its name.
pub type Part = (&'static str, fn() -> Measured<()>);

/// Runs the parts that the words after `--` choose; all of them without any.
pub fn parts(parts: &[Part]) -> Measured<()> {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|word| !parts.iter().any(|(name, _)| name == word)) {
        let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no part '{unknown}'; there are {}", names.join(", ")));
    }
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|word| word == name);
    parts.iter().filter(|(name, _)| wanted(name)).try_for_each(|(_, part)| part())
}

/// Says something beside the table.
pub fn tell(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// How often something is repeated: `BENCH_RUNS`, or what the bench proposes.
pub fn runs(proposed: u32) -> Measured<u32> {
    match std::env::var("BENCH_RUNS") {
        Err(_) => Ok(proposed),
        Ok(text) => text.parse().ok().filter(|runs| *runs > 0).ok_or_else(|| format!("BENCH_RUNS is '{text}', which is no number of runs")),
    }
}

/// Puts what was being done before an error.
pub fn because<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}
