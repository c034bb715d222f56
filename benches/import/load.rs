//! The import itself against what the others do with the same file: mcp2cli lists its commands, FastMCP makes its tools.

use crate::description::{Description, OPERATIONS};
use crate::support::home::Home;
use crate::support::report::Table;
use crate::support::{Measured, runs};

const RUNS: u32 = 10;
const MOST_MILLISECONDS: f64 = 2_000.0;
const MOST_MEGABYTES: f64 = 300.0;

/// Measures it. Each import takes the place of the one before, as its own update.
pub fn measure() -> Measured<()> {
    let (runs, description, home) = (runs(RUNS)?, Description::install()?, Home::new()?);
    let ours = description.ours(&home)?;
    let mcp2cli = description.mcp2cli(&home, &["--list"])?;
    let fastmcp = description.fastmcp(&home)?;
    ours.check(&format!("\"operations\":{OPERATIONS}"))?;
    mcp2cli.check("issues/list-for-repo")?;
    fastmcp.check(&format!("{OPERATIONS} tools"))?;

    let size = description.megabytes()?;
    let mut table = Table::new(&format!("Import of a description: {size:.1} MB, {OPERATIONS} operations; CPU is the mean of {runs} runs"));
    let cpu = ours.cpu(runs)?;
    table.judge("angelia integrations:import, CPU", cpu, MOST_MILLISECONDS, "ms");
    let peak = ours.peak(3)?;
    table.judge("angelia integrations:import, peak memory", peak.megabytes, MOST_MEGABYTES, "MB");
    for (name, program) in [("mcp2cli --list", &mcp2cli), ("FastMCP.from_openapi", &fastmcp)] {
        let (theirs, memory) = (program.cpu(runs)?, program.peak(3)?.megabytes);
        table.tell(&format!("{name}, CPU and peak memory"), format!("{theirs:.0} ms, {memory:.0} MB"));
        table.tell(&format!("  ours to {name}: CPU, peak memory"), format!("{:.2} ×, {:.2} ×", cpu / theirs, peak.megabytes / memory));
    }
    table.note("An import is stored and compiled; the others read the description again each time that they are started.");
    table.note(format!("Peak memory: highest of 3 runs; {}.", peak.how));
    table.print();
    Ok(())
}
