//! What importing a large description costs, at once and later, and how many renewals a crowd of processes makes.
//! Words after `--` choose parts: `cargo bench --bench import -- load`.

#[path = "../support/mod.rs"]
mod support;

mod after;
mod description;
mod load;
mod refresh;

use std::process::ExitCode;

use support::Part;

const PARTS: [Part; 3] = [("load", load::measure), ("after", after::measure), ("refresh", refresh::measure)];

fn main() -> ExitCode {
    support::main(|| support::parts(&PARTS))
}
