//! The `:` commands of a session: help, pages, search, what the last line called, limits.

use serde_json::json;

use crate::base::error::{Error, Result};
use crate::base::name::{nearest, printable};
use crate::call::pages::{Narrow, Pages};
use crate::cli::repl::Repl;
use crate::registry::docs::Format;

/// Name, argument, what it does.
pub const NAMES: [(&str, &str, &str); 6] = [
    ("help", "", "Show this"),
    ("docs", "[page]", "Read about everything, a provider or a function"),
    ("search", "words", "Find functions by what they do"),
    ("calls", "", "Show the calls of the last line"),
    ("limits", "", "Show what a line may use"),
    ("quit", "", "End the session; so does Ctrl-D"),
];

const HELP: &str = "
Write Lua. The value of an expression is printed. A statement may go on over several lines; an empty line or Ctrl-C gives it up.
Globals stay until the end of the session; what is declared local lives for one line. Limits count anew for each line.
Ctrl-C while a line runs interrupts it. Tab completes. Lines that begin with a space are not kept in the history.
app.integrations.PROVIDER.FUNCTION{parameter = value} calls a function.";

/// Carries out a command; says whether the session goes on.
pub fn run(repl: &Repl, line: &str) -> Result<bool> {
    let (name, rest) = line.trim_start_matches(':').split_once(char::is_whitespace).unwrap_or((line.trim_start_matches(':'), ""));
    let rest = rest.trim();
    let out = &repl.out;
    match name {
        "help" => out.text(&help()),
        "docs" => out.text(&Pages::of(&repl.runtime).read(Some(rest).filter(|page| !page.is_empty()), Format::Text)?.0),
        "search" => search(repl, rest)?,
        "calls" => calls(repl),
        "limits" => limits(repl),
        "quit" => return Ok(false),
        other => {
            let names = NAMES.map(|(name, ..)| name);
            let near = nearest(other, names).into_iter().map(|near| format!("Did you mean ':{near}'?"));
            let all = names.map(|name| format!(":{name}")).join(" ");
            return Err(Error::usage(format!("There is no command ':{}'", printable(other))).hints(near).hint(all));
        }
    }
    Ok(true)
}

fn help() -> String {
    let rows: Vec<String> = NAMES.iter().map(|(name, takes, what)| format!(":{:15} {what}", format!("{name} {takes}"))).collect();
    format!("{}\n{HELP}", rows.join("\n"))
}

fn search(repl: &Repl, words: &str) -> Result<()> {
    if words.is_empty() {
        return Err(Error::usage(":search needs words, such as :search create an issue"));
    }
    let found = Pages::of(&repl.runtime).search(words, &Narrow::default(), 10)?;
    repl.out.answer(&json!(null), |paint| {
        if found.is_empty() {
            return format!("Nothing fits '{}'", printable(words));
        }
        let row = |record: &crate::registry::index::Record| {
            vec![record.name.clone(), record.operation.as_str().to_owned(), record.description.clone()]
        };
        let rows = found.iter().map(|found| row(&found.found.record)).collect();
        repl.out.table(paint, &["function", "operation", "description"], rows)
    });
    Ok(())
}

fn calls(repl: &Repl) {
    let Some(report) = repl.last.as_ref().filter(|report| !report.log.is_empty()) else {
        return repl.out.note("The last line made no call");
    };
    let rows = report.log.iter().map(|entry| {
        let effect = entry.code.map_or_else(|| entry.effect.to_owned(), |code| format!("{} ({code})", entry.effect));
        vec![entry.index.to_string(), entry.function.clone(), effect, format!("{:.1}", entry.duration_ms)]
    });
    repl.out.answer(&json!(null), |paint| repl.out.table(paint, &["index", "function", "effect", "ms"], rows.collect()));
}

fn limits(repl: &Repl) {
    let limits = &repl.limits;
    let row = |what: &str, most: String, option: &str| vec![what.to_owned(), most, option.to_owned()];
    let rows = vec![
        row("memory", format!("{} bytes", limits.memory), "--memory-limit"),
        row("computing", format!("{} s", limits.cpu.as_secs_f64()), "--cpu-limit"),
        row("time", format!("{} s", limits.time.as_secs_f64()), "--time-limit"),
        row("calls", limits.calls.to_string(), "--call-limit"),
        row("output", format!("{} bytes", limits.output), "--output-limit"),
    ];
    repl.out.answer(&json!(null), |paint| repl.out.table(paint, &["limit", "most of a line", "option"], rows));
}
