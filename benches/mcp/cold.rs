//! One cold call of a tool of somebody else's server, which is started for it: what a command line adds to what the server takes by itself.
//! The server's own time is that of a client that writes three messages and reads two answers.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::peers::{self, Peers, Whose};
use crate::pipe::Pipe;
use crate::support::process::Program;
use crate::support::report::Table;
use crate::support::server::PROOF;
use crate::support::statistics::Samples;
use crate::support::{Measured, because, runs};

const RUNS: u32 = 50;
const WARM_UP: u32 = 3;
const MOST_MILLISECONDS: f64 = 20.0;

/// Measures ours against the others.
pub fn measure() -> Measured<()> {
    let runs = runs(RUNS)?;
    let (peers, home) = (Peers::install()?, peers::home()?);
    let (node, script) = (peers.node().display().to_string(), peers.typescript().display().to_string());
    let servers = json!({"mcpServers": {"bench": {"command": node, "args": [script]}}});
    std::fs::write(home.path().join("config/mcp.json"), servers.to_string()).map_err(because("mcp.json"))?;
    std::fs::write(home.path().join("config/config.toml"), "[integrations.\"mcp.bench\"]\nread = \"allow\"\n")
        .map_err(because("config.toml"))?;
    let program = |path: &std::path::Path| Ok::<_, String>(Program::new(path, &home.work())?.environment(peers::environment(&home)));
    let stdio = format!("{node} {script}");
    let mcporter = peers.script("mcporter").display().to_string();
    let contenders = [
        (
            "angelia mcp:call",
            program(env!("CARGO_BIN_EXE_angelia").as_ref())?.arguments([
                "mcp:call",
                "bench",
                "get",
                "--collection=notes",
                "--id=first",
                "--json",
            ]),
        ),
        (
            "mcporter call",
            program(&peers.node())?
                .arguments([&mcporter, "call", "--stdio", &stdio, "get", "collection=notes", "id=first"].map(|word| word as &str)),
        ),
        ("mcp2cli", program(&peers.python("mcp2cli"))?.arguments(["--mcp-stdio", &stdio, "get", "--collection", "notes", "--id", "first"])),
    ];
    let mut bare = Vec::new();
    let mut times: Vec<Vec<Duration>> = contenders.iter().map(|_| Vec::new()).collect();
    for (name, program) in &contenders {
        program.check(PROOF).map_err(because(name))?;
        program.warm_up(WARM_UP)?;
    }
    for run in 0..usize::try_from(runs).unwrap_or(1) {
        // What one leaves behind, such as a server that still ends, must not always meet the same next one.
        for turn in 0..=contenders.len() {
            match (run + turn) % (contenders.len() + 1) {
                0 => bare.push(alone(&mut Whose::TypeScript.command(&peers, &home, false))?),
                place => times[place - 1].push(contenders[place - 1].1.wall()?),
            }
        }
    }
    let bare = Samples::new(bare);
    let mut table = Table::new(&format!("MCP, cold call of a stdio server: {runs} alternating runs, after {WARM_UP} to warm up"));
    table.tell("the server alone: start, initialize, call", format!("{:.1} ms median, {:.1} ms fastest", bare.median(), bare.fastest()));
    for ((name, _), times) in contenders.iter().zip(times) {
        let samples = Samples::new(times);
        table.tell(name, format!("{:.1} ms median, {:.1} ms fastest", samples.median(), samples.fastest()));
        let more = samples.median() - bare.median();
        match *name {
            "angelia mcp:call" => table.judge("angelia mcp:call, beyond the server alone", more, MOST_MILLISECONDS, "ms"),
            name => table.tell(&format!("{name}, beyond the server alone"), format!("{more:.1} ms")),
        }
    }
    table.note("The server is one of the TypeScript SDK on Node.js, the same for all. Tool lists are cached by whoever caches them.");
    table.print();
    Ok(())
}

/// From before the server is started until its answer is there.
fn alone(command: &mut Command) -> Measured<Duration> {
    let started = Instant::now();
    let (mut pipe, _) = Pipe::open(command)?;
    pipe.load(&Whose::TypeScript.call(), PROOF, 1, 1)?;
    Ok(started.elapsed())
}
