//! What a large catalog costs: 600 generated providers with 40,000 functions, compiled once, then CPU time and peak memory of the
//! commands that a caller uses most.

mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use support::home::Home;
use support::manifests::{FUNCTIONS, Manifest, PROVIDERS};
use support::process::Program;
use support::report::Table;
use support::server::{PROOF, Server};
use support::{Measured, runs};

const RUNS: u32 = 100;
const MOST_MILLISECONDS: f64 = 20.0;
const MOST_MEGABYTES: f64 = 40.0;
const MOST_KILOBYTES: f64 = 300.0;
/// The provider whose functions are looked at and called.
const CHOSEN: usize = 300;

fn main() -> ExitCode {
    support::main(measure)
}

fn measure() -> Measured<()> {
    let runs = runs(RUNS)?;
    let (server, home) = (Server::start()?, Home::new()?);
    let mut table = Table::new(&format!("Catalog: {PROVIDERS} user manifests, {FUNCTIONS} functions; CPU is the mean of {runs} runs"));
    let chosen = write(&mut table, &home, &server)?;
    let id = chosen.id();
    let program = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(home.environment(&id));
    let list = program.arguments(["integrations:list", "--json"]);
    compile(&mut table, &home, &list)?;

    let function = format!("{id}.{}", chosen.getter());
    let call = ["integrations:call", &function, "--id=item-7"];
    let commands = [
        ("integrations:search \"list issues\"", vec!["integrations:search", "list issues"], "list_"),
        ("integrations:schema", vec!["integrations:schema", &function], "properties"),
        ("integrations:call --dry-run", [&call[..], &["--dry-run", "--json"]].concat(), "item-7"),
        ("integrations:call", [&call[..], &["--json"]].concat(), PROOF),
        ("integrations:list --json", vec!["integrations:list", "--json"], "svc_599"),
    ];
    for (what, arguments, proof) in commands {
        cost(&mut table, what, &program.arguments(arguments), proof, runs)?;
    }
    if server.served() < u64::from(runs) {
        return Err(format!("{runs} calls made {} requests", server.served()));
    }
    table.print();
    Ok(())
}

/// Writes every manifest and the settings; returns the chosen one.
fn write(table: &mut Table, home: &Home, server: &Server) -> Measured<Manifest> {
    let (mut bytes, mut functions) = (0, 0);
    for number in 0..PROVIDERS {
        let manifest = Manifest::new(number);
        let text = manifest.yaml();
        bytes += text.len();
        functions += manifest.functions.len();
        home.provider(&manifest.id(), &text)?;
    }
    if functions != FUNCTIONS {
        return Err(format!("{functions} functions were made instead of {FUNCTIONS}"));
    }
    // Somebody uses a handful of the many.
    let used: Vec<String> = (0..10).chain([CHOSEN]).map(|number| Manifest::new(number).id()).collect();
    home.settings(used.iter().map(String::as_str), &server.url)?;
    table.tell("manifests", format!("{:.1} MB of YAML", bytes as f64 / 1e6));
    Ok(Manifest::new(CHOSEN))
}

/// The first command compiles; all providers must then be there.
fn compile(table: &mut Table, home: &Home, list: &Program) -> Measured<()> {
    let started = Instant::now();
    let peak = list.peak(1)?;
    table.tell(
        "first command, which compiles all manifests",
        format!("{:.2} s wall, {:.0} MB", started.elapsed().as_secs_f64(), peak.megabytes),
    );
    table.note(format!("Peak memory: highest of 5 runs; {}.", peak.how));
    let compiled = std::fs::metadata(home.path().join("cache/catalog.bin"));
    let compiled = compiled.map_err(|error| format!("the compiled catalog was not kept: {error}"))?;
    table.tell("compiled catalog", format!("{:.1} MB", compiled.len() as f64 / 1e6));
    let listed = list.check("svc_")?;
    let missing = (0..PROVIDERS).map(|number| Manifest::new(number).id());
    let missing: Vec<String> = missing.filter(|id| !listed.contains(&format!("\"{id}\""))).collect();
    match missing.first() {
        None => table.judge("integrations:list --json, size", listed.len() as f64 / 1e3, MOST_KILOBYTES, "kB"),
        Some(first) => {
            let broken = home.path().join(Path::new("config/providers")).join(format!("{first}.yaml"));
            let text = std::fs::read_to_string(broken).unwrap_or_default();
            let why = angelia::registry::user::parse(&text).err();
            return Err(format!("{} providers are not listed, such as {first}: {why:?}", missing.len()));
        }
    }
    Ok(())
}

fn cost(table: &mut Table, what: &str, program: &Program, proof: &str, runs: u32) -> Measured<()> {
    program.check(proof)?;
    program.warm_up(3)?;
    table.judge(&format!("{what}, CPU"), program.cpu(runs)?, MOST_MILLISECONDS, "ms");
    table.judge(&format!("{what}, peak memory"), program.peak(5)?.megabytes, MOST_MEGABYTES, "MB");
    Ok(())
}
