//! What an import costs every later command: cold calls of another provider in two homes, with and without it, in turns; and a call of one
//! of its own functions, against mcp2cli, which reads the description for it.

use crate::description::{Description, ID, program};
use crate::support::home::{Home, LOOPBACK};
use crate::support::process::Program;
use crate::support::report::Table;
use crate::support::server::{PROOF, Server};
use crate::support::statistics::Samples;
use crate::support::{Measured, runs};

const RUNS: u32 = 300;
const WARM_UP: u32 = 20;
/// A process that takes seconds is not run so often.
const SLOW_RUNS: u32 = 5;
const MOST_RATIO: f64 = 1.1;

/// Measures it.
pub fn measure() -> Measured<()> {
    let (runs, description, server) = (runs(RUNS)?, Description::install()?, Server::start()?);
    let homes = [Home::new()?, Home::new()?];
    for home in &homes {
        home.provider("loopback", LOOPBACK)?;
        home.settings(["loopback", ID], &server.url)?;
    }
    let [without, with] = &homes;
    description.ours(with)?.check("functions")?;
    let words = ["integrations:call", "loopback.get_item", "--id=7", "--json"];
    let call = |home: &Home| -> Measured<Program> {
        let program = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(home.environment("loopback"));
        Ok(program.arguments(words))
    };
    let calls = [call(without)?, call(with)?];
    for call in &calls {
        call.check(PROOF)?;
        call.warm_up(WARM_UP)?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for run in 0..runs {
        // Each goes first half of the time.
        for turn in if run % 2 == 0 { [0, 1] } else { [1, 0] } {
            times[turn].push(calls[turn].wall()?);
        }
    }
    let [alone, beside] = times.map(Samples::new);

    let mut table = Table::new(&format!("Commands after an import: {runs} alternating runs, after {WARM_UP} to warm up"));
    for (name, samples) in [("without", &alone), ("with", &beside)] {
        let figure = format!("{:.2} ms median, {:.2} ms fastest", samples.median(), samples.fastest());
        table.tell(&format!("a cold call {name} the import, wall"), figure);
    }
    table.judge("ratio of the medians, with to without", beside.median() / alone.median(), MOST_RATIO, "×");
    let cpu = [calls[0].cpu(runs)?, calls[1].cpu(runs)?];
    table.tell("the same, CPU: without, with, ratio", format!("{:.2} ms, {:.2} ms, {:.2} ×", cpu[0], cpu[1], cpu[1] / cpu[0]));
    own(&mut table, &description, with, &server, runs)?;
    table.print();
    Ok(())
}

/// A call of an imported function.
fn own(table: &mut Table, description: &Description, home: &Home, server: &Server, runs: u32) -> Measured<()> {
    let ours = program(env!("CARGO_BIN_EXE_angelia"), home)?;
    let ours = ours.arguments(["integrations:call", &format!("{ID}.get_issue"), "--owner=a", "--repo=b", "--issue_number=7", "--json"]);
    let words = ["--base-url", &server.url, "issues/get", "--owner", "a", "--repo", "b", "--issue-number", "7"];
    let theirs = description.mcp2cli(home, &words)?;
    for (name, program, runs) in [("angelia", &ours, runs), ("mcp2cli", &theirs, runs.min(SLOW_RUNS))] {
        program.check(PROOF)?;
        program.warm_up(2)?;
        table.tell(&format!("a call of an imported function by {name}, CPU"), format!("{:.2} ms", program.cpu(runs)?));
    }
    Ok(())
}
