//! One cold call, from starting the program to its end, against `curl` that makes the same request.
//! The runs alternate, so that what disturbs one disturbs the other.

mod support;

use std::process::ExitCode;
use std::time::Duration;

use support::home::{Home, LOOPBACK, TOKEN};
use support::process::Program;
use support::report::Table;
use support::server::{PROOF, Server};
use support::statistics::Samples;
use support::{Measured, runs};

const RUNS: u32 = 300;
const WARM_UP: u32 = 20;
/// The rows without a target need fewer runs.
const ORIENTATION_RUNS: u32 = 50;
const MOST_RATIO: f64 = 1.5;
const MOST_MEGABYTES: f64 = 25.0;

fn main() -> ExitCode {
    support::main(measure)
}

fn measure() -> Measured<()> {
    let runs = runs(RUNS)?;
    let (server, home) = (Server::start()?, Home::new()?);
    home.provider("loopback", LOOPBACK)?;
    home.settings(["loopback"], &server.url)?;
    let program = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(home.environment("loopback"));
    let angelia = program.arguments(["integrations:call", "loopback.get_item", "--id=7", "--json"]);
    let curl = curl(&home, &server)?;

    let mut table = Table::new(&format!("Cold call: {runs} alternating runs each, after {WARM_UP} to warm up"));
    compare(&mut table, &server, (&angelia, &curl), runs)?;
    cpu(&mut table, &angelia, &curl, runs)?;
    memory(&mut table, &angelia, &curl)?;
    orientation(&mut table, &program, &angelia, &home, runs.min(ORIENTATION_RUNS))?;
    table.print();
    Ok(())
}

fn curl(home: &Home, server: &Server) -> Measured<Program> {
    let header = format!("Authorization: Bearer {TOKEN}");
    let url = format!("{}/items/7", server.url);
    let curl = Program::new("curl", &home.work())?.environment(home.environment("loopback"));
    Ok(curl.arguments(["-s", "-H", &header, &url]))
}

fn compare(table: &mut Table, server: &Server, (angelia, curl): (&Program, &Program), runs: u32) -> Measured<()> {
    angelia.check(PROOF)?;
    curl.check(PROOF)?;
    for _ in 0..WARM_UP {
        angelia.wall()?;
        curl.wall()?;
    }
    let before = server.served();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        ours.push(angelia.wall()?);
        theirs.push(curl.wall()?);
    }
    let asked = server.served() - before;
    if asked != 2 * u64::from(runs) {
        return Err(format!("{runs} runs of two programs made {asked} requests"));
    }
    let (ours, theirs) = (tell(table, "angelia", ours), tell(table, "curl -s", theirs));
    table.judge("ratio of the medians, angelia to curl", ours / theirs, MOST_RATIO, "×");
    Ok(())
}

fn tell(table: &mut Table, what: &str, times: Vec<Duration>) -> f64 {
    let samples = Samples::new(times);
    let figure = format!("{:.2} ms median, {:.2} ms p95, {:.2} ms fastest", samples.median(), samples.p95(), samples.fastest());
    table.tell(&format!("{what}, wall"), figure);
    samples.median()
}

/// Wall time on a small machine depends on when the scheduler wakes whom; CPU time does not.
fn cpu(table: &mut Table, angelia: &Program, curl: &Program, runs: u32) -> Measured<()> {
    for (what, program) in [("angelia, CPU", angelia), ("curl -s, CPU", curl)] {
        table.tell(what, format!("{:.2} ms mean", program.cpu(runs)?));
    }
    Ok(())
}

fn memory(table: &mut Table, angelia: &Program, curl: &Program) -> Measured<()> {
    let (ours, theirs) = (angelia.peak(5)?, curl.peak(5)?);
    table.judge("angelia, peak memory", ours.megabytes, MOST_MEGABYTES, "MB");
    table.tell("curl -s, peak memory", format!("{:.2} MB", theirs.megabytes));
    table.note(format!("Peak memory: highest of 5 runs; {}.", ours.how));
    Ok(())
}

/// What the rest of a cold call consists of: starting any process, starting ours, a call without a network, an impolite caller.
fn orientation(table: &mut Table, program: &Program, angelia: &Program, home: &Home, runs: u32) -> Measured<()> {
    let document = r#"{"collection": "notes", "id": "first", "document": {"title": "Hello"}}"#;
    program.arguments(["integrations:call", "data.create", document, "--json"]).check("first")?;
    let data = program.arguments(["integrations:call", "data.get", "--collection=notes", "--id=first", "--json"]);
    data.check("Hello")?;
    let nothing = Program::new("true", &home.work())?;
    let version = program.arguments(["--version"]);
    let waiting = angelia.open_stdin();
    let rows = [
        ("for orientation: true, a process that does nothing", &nothing),
        ("for orientation: angelia --version", &version),
        ("for orientation: data.get, a local call", &data),
        ("for orientation: the call, stdin an open silent pipe", &waiting),
    ];
    for (what, program) in rows {
        program.warm_up(5)?;
        let times = (0..runs).map(|_| program.wall()).collect::<Measured<_>>()?;
        tell(table, what, times);
    }
    Ok(())
}
