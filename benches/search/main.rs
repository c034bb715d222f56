//! How good search is and what it costs: the query set of the tests against the built-in catalog, and cold searches among 40,000 functions
//! against a full-text index of SQLite that holds the same texts.
//! Words after `--` choose parts: `cargo bench --bench search -- quality`.

#![allow(clippy::disallowed_methods, reason = "the bench starts programs and finds them by the environment")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../../tests/search/queries.rs"]
mod queries;

mod cold;
mod quality;

use std::process::ExitCode;

use support::Part;

const PARTS: [Part; 2] = [("quality", quality::measure), ("cold", cold::measure)];

fn main() -> ExitCode {
    support::main(|| support::parts(&PARTS))
}
