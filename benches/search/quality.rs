//! The query set, asked of the program itself: where the right function comes, and how long an answer is.

use serde_json::Value;

use crate::queries::{Part, Quality, Query, queries};
use crate::support::home::Home;
use crate::support::process::Program;
use crate::support::report::Table;
use crate::support::{Measured, because};

/// Percent of the untouched half with a right function among the first five.
const LEAST: f64 = 85.0;
/// Bytes of an answer of ten.
const MOST_BYTES: f64 = 1500.0;

/// What one part came to.
#[derive(Default)]
pub struct Half {
    quality: Quality,
    bytes: usize,
    largest: usize,
}

/// Measures it with the built-in catalog alone.
pub fn measure() -> Measured<()> {
    let home = Home::new()?;
    let program = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(home.environment("none"));
    let mut table = Table::new("Search, quality: everyday queries, the built-in catalog");
    for part in Part::ALL {
        let half = ask(&program, part)?;
        let name = part.name();
        let [_, five, _] = half.quality.percent();
        table.tell(&format!("{name}: first, among five, among ten"), half.told());
        if part == Part::Untouched {
            table.judge_least(&format!("{name}: among five"), five, LEAST, "%");
        }
        table.judge(
            &format!("{name}: bytes of an answer of ten, mean"),
            half.bytes as f64 / half.quality.queries as f64,
            MOST_BYTES,
            "bytes",
        );
        table.judge(&format!("{name}: bytes of an answer of ten, largest"), half.largest as f64, MOST_BYTES, "bytes");
    }
    table.note("A query belongs to a half by its text alone; the ranking was changed by looking at the tuning half only. The later part was written down after that.");
    table.print();
    Ok(())
}

/// Asks every query of a part.
pub fn ask(program: &Program, part: Part) -> Measured<Half> {
    let mut half = Half::default();
    for query in queries()?.iter().filter(|query| query.part == part) {
        let answer = program.arguments(["integrations:search", &query.text, "--json"]).check("functions")?;
        half.quality.count(place(query, &answer)?);
        half.bytes += answer.len();
        half.largest = half.largest.max(answer.len());
    }
    Ok(half)
}

fn place(query: &Query, answer: &str) -> Measured<Option<usize>> {
    let answer: Value = serde_json::from_str(answer).map_err(because(&query.text))?;
    let found = answer["functions"].as_array().ok_or_else(|| format!("{}: no list of functions", query.text))?;
    Ok(found.iter().position(|hit| hit["function"].as_str().is_some_and(|name| query.is_served_by(name))))
}

impl Half {
    /// The shares in one line.
    pub fn told(&self) -> String {
        let [first, five, ten] = self.quality.percent();
        format!("{first:.1} %, {five:.1} %, {ten:.1} % of {}", self.quality.queries)
    }
}
