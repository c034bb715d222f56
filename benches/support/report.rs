//! The one table that a bench prints: what, figure, target, verdict. A target is judged on the exact figure, not on the printed one.

use std::io::Write as _;

/// Figures in the order in which they were had.
pub struct Table {
    title: String,
    rows: Vec<[String; 4]>,
    notes: Vec<String>,
}

impl Table {
    /// An empty table.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), rows: Vec::new(), notes: Vec::new() }
    }

    /// A figure without a target.
    pub fn tell(&mut self, what: &str, figure: String) {
        self.rows.push([what.to_owned(), figure, String::from("–"), String::from("–")]);
    }

    /// A figure that should be at most `most`.
    pub fn judge(&mut self, what: &str, figure: f64, most: f64, unit: &str) {
        self.verdict(what, figure, (figure <= most, '≤', most), unit);
    }

    /// A figure that should be at least `least`.
    pub fn judge_least(&mut self, what: &str, figure: f64, least: f64, unit: &str) {
        self.verdict(what, figure, (figure >= least, '≥', least), unit);
    }

    fn verdict(&mut self, what: &str, figure: f64, (met, sign, target): (bool, char, f64), unit: &str) {
        let verdict = if met { "met" } else { "missed" };
        let digits = if figure.abs() >= 100.0 { 0 } else { 2 };
        // A target such as a third is shown as figures are, a whole one as it is.
        let target = if target.fract() == 0.0 { target.to_string() } else { format!("{target:.2}").trim_end_matches('0').to_owned() };
        self.rows.push([what.to_owned(), format!("{figure:.digits$} {unit}"), format!("{sign} {target} {unit}"), verdict.to_owned()]);
    }

    /// A line below the table.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Prints it, so that it can be pasted into a document.
    pub fn print(&self) {
        let heads = ["what", "figure", "target", "verdict"].map(String::from);
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&heads]).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths = [0, 1, 2, 3].map(width);
        let line = |row: &[String; 4]| {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            format!("| {} |", cells.join(" | "))
        };
        let mut text = format!("\n{}\n\n{}\n", self.title, line(&heads));
        text.push_str(&format!("| {} |\n", widths.map(|width| "-".repeat(width)).join(" | ")));
        self.rows.iter().for_each(|row| text.push_str(&format!("{}\n", line(row))));
        text.push('\n');
        self.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
        text.push_str(&format!("{}\n", machine()));
        // A reader that went away early is no failure of the measurement.
        drop(std::io::stdout().write_all(text.as_bytes()));
    }
}

/// What the figures were had on.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) { "a debug build, whose figures mean nothing" } else { "an optimised build" };
    format!("Machine: {cores} cores, {}, {}; {build}.", std::env::consts::OS, std::env::consts::ARCH)
}
