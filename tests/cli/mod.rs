//! What every command prints: transcripts of exit status, stdout and stderr beside these files, in `snapshots`. `INSTA_UPDATE=always cargo test`
//! writes them anew; read the difference before you keep it. Forms of JSON are checked in `tests/contract`, providers in `exchanges`.

mod approvals;
mod audit;
mod calls;
mod catalog;
mod help;
mod settings;
mod setup;
mod streams;

use serde_json::Value;

use crate::support::home::{Home, Run};
use crate::support::snapshot::normalised;

/// Runs the lines of a script, each the words of one command, and compares all that was printed with the snapshot `name`.
fn transcript(name: &str, home: &Home, script: &str) {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<String> = lines.map(|line| told(line, &home.run(&words(line)))).collect();
    compare(name, home, &told.join("\n"));
}

/// Compares a text with a snapshot; what differs from run to run gets a name in brackets.
fn compare(name: &str, home: &Home, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter("[0-9a-f]{64}", "[digest]");
    settings.add_filter(r"\d{4}-\d\d-\d\dT[0-9:.]*…", "[time]…");
    // Systems number and name their errors each in their own way.
    settings.add_filter(r"\(os error \d+\)", "(os error [n])");
    settings.add_filter(r"its answer was lost \([^;]*\);", "its answer was lost ([why]);");
    // The rarity of a word depends on the whole catalog.
    settings.add_filter(r#""score": [0-9.]+"#, r#""score": [score]"#);
    let text = normalised(text, home.path());
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// A run as text. JSON is spread over lines to be read; that it came on one line is checked.
fn told(line: &str, run: &Run) -> String {
    let stdout = match serde_json::from_str::<Value>(&run.stdout) {
        Ok(value) if run.stdout.starts_with('{') && run.stdout.lines().count() == 1 => format!("{value:#}\n"),
        _ => run.stdout.clone(),
    };
    let mut text = format!("$ angelia {line}\n{stdout}");
    if !stdout.is_empty() && !stdout.ends_with('\n') {
        text.push_str("⏎ missing\n");
    }
    if !run.stderr.is_empty() {
        text.push_str(&format!("--- stderr\n{}", run.stderr));
    }
    text.push_str(&format!("--- exit {}\n", run.code));
    text
}

/// The words of a line: parted by spaces, except between single quotes.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), line.trim());
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}
