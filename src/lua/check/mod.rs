//! Finds mistakes in a workflow without running it: syntax as Luau's own compiler sees it, and every call compared with the catalog.
//! What cannot be known without running is not claimed. No file is read here; the walk over the tree is in `walk`.

mod arguments;
pub mod literal;
pub mod names;
mod nesting;
mod paths;
mod walk;

use std::thread;

use serde::Serialize;

use crate::lua::check::walk::Walk;
use crate::lua::{header, modules};
use crate::registry::catalog::Catalog;
use crate::registry::workflow;

/// Larger sources are refused.
pub const LARGEST: usize = crate::lua::limits::LARGEST_SOURCE;

/// The parser and the walk go as deep as the source is nested; [`nesting`] bounds that.
const STACK: usize = 64 << 20;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub severity: Severity,
    /// Stable slug.
    pub code: &'static str,
    /// One line for a person.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

/// A finding whose file is not known yet.
#[derive(Debug)]
pub struct Remark {
    pub place: Place,
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    pub hints: Vec<String>,
}

impl Remark {
    /// An error without hints.
    pub fn error(place: Place, code: &'static str, message: impl Into<String>) -> Self {
        Self { place, severity: Severity::Error, code, message: message.into(), hints: Vec::new() }
    }

    /// Adds what to do.
    pub fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }
}

/// Everything that is wrong with a source, in its order. `name` is only repeated in the findings.
pub fn check(name: &str, source: &str, catalog: &Catalog) -> Vec<Finding> {
    let mut remarks = match too_much(source) {
        Some(remark) => vec![remark],
        None => on_a_large_stack(source, catalog),
    };
    let problems = workflow::parse(header::stem(name), source).err().unwrap_or_default();
    remarks.extend(problems.into_iter().map(|(line, why)| {
        let place = Place { line: line.and_then(|line| usize::try_from(line).ok()).unwrap_or(1), column: 1 };
        Remark::error(place, "header", why)
    }));
    remarks.sort_by_key(|remark| remark.place);
    let finding = |remark: Remark| Finding {
        file: name.to_owned(),
        line: remark.place.line,
        column: remark.place.column,
        severity: remark.severity,
        code: remark.code,
        message: remark.message,
        hints: remark.hints,
    };
    remarks.into_iter().map(finding).collect()
}

fn too_much(source: &str) -> Option<Remark> {
    let start = Place { line: 1, column: 1 };
    if source.len() > LARGEST {
        let message = format!("the source has more than {LARGEST} bytes");
        return Some(Remark::error(start, "syntax", message).hints([String::from("Move parts into modules and require them")]));
    }
    let line = nesting::too_deep(source)?;
    let message = "this is nested too deeply; expected fewer brackets, blocks and operators inside one another";
    Some(Remark::error(Place { line, column: 1 }, "syntax", message))
}

/// A parser that stops is a finding like any other.
fn on_a_large_stack(source: &str, catalog: &Catalog) -> Vec<Remark> {
    let gave_up = || vec![Remark::error(Place { line: 1, column: 1 }, "syntax", "the source cannot be checked: the parser gave up")];
    thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || remarks(source, catalog));
        worker.ok().and_then(|worker| worker.join().ok()).unwrap_or_else(gave_up)
    })
}

/// The compiler decides about the syntax, because it is what runs workflows; the parser, which makes the tree, only sees what is valid.
fn remarks(source: &str, catalog: &Catalog) -> Vec<Remark> {
    let text = match modules::cleaned(source.to_owned(), "The source") {
        Ok(text) => text,
        Err(error) => return vec![Remark::error(Place { line: 1, column: 1 }, "syntax", error.message)],
    };
    if let Err(error) = mlua::chunk::Compiler::new().compile(text) {
        let said = match &error {
            mlua::Error::SyntaxError { message, .. } => message.clone(),
            other => other.to_string(),
        };
        return vec![refusal(&said, source)];
    }
    match full_moon::parse(source) {
        Ok(tree) => Walk::new(catalog).over(&tree),
        Err(errors) => errors.first().map(unread).into_iter().collect(),
    }
}

/// What the compiler said, `LINE: text`. It names no column, but often the token that it did not expect.
fn refusal(said: &str, source: &str) -> Remark {
    let numbered = said.split_once(": ").and_then(|(number, text)| Some((number.parse::<usize>().ok()?, text)));
    let (line, text) = numbered.unwrap_or((1, said));
    let written = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let got = text.rsplit_once("got ").map(|(_, got)| got.split_once(';').map_or(got, |(got, _)| got));
    let at = match got {
        Some("<eof>") => written.len(),
        Some(token) => written.find(token.trim_matches('\'')).unwrap_or(0),
        None => written.len() - written.trim_start().len(),
    };
    let column = written.get(..at).map_or(1, |before| before.chars().count() + 1);
    Remark::error(Place { line, column }, "syntax", text)
}

fn unread(error: &full_moon::Error) -> Remark {
    let start = error.range().0;
    let place = Place { line: start.line().max(1), column: start.character().max(1) };
    let message = format!("calls cannot be checked: this is valid, but not understood here ({})", error.error_message());
    Remark { severity: Severity::Warning, ..Remark::error(place, "syntax", message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKFLOW: &str = include_str!("../../../tests/fixtures/lua/everything.lua");

    fn catalog() -> Catalog {
        Catalog::built_in().unwrap()
    }

    fn codes(source: &str) -> Vec<&'static str> {
        check("x.lua", source, &catalog()).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_workflow_with_everything_in_it_is_good() {
        assert_eq!(check("x.lua", WORKFLOW, &catalog()), []);
    }

    #[test]
    fn what_is_too_much_is_refused() {
        assert_eq!(codes(&"-- x\n".repeat(LARGEST / 5 + 1)), ["syntax"]);
        for (before, part, middle, after) in [
            ("return ", "(", "1", ")"),
            ("return ", "{", "1", "}"),
            ("return ", "`{", "1", "}`"),
            ("return ", "- ", "1", ""),
            ("return ", "1 .. ", "1", ""),
            ("return ", "1 + ", "1", ""),
            ("return ", "if true then 1 else ", "1", ""),
            ("return ", "function() return ", "1", " end"),
            ("return ", "print(function() return ", "1", " end)"),
            ("", "do ", "", "end "),
            ("", "if true then ", "", "end "),
            ("", "while true do ", "", "end "),
            ("", "for i = 1, 2 do ", "", "end "),
            ("", "repeat ", "", "until true "),
            ("", "local function f() ", "", "end "),
            ("local x: ", "{", "number", "}"),
            ("local x: ", "() -> ", "()", ""),
        ] {
            let nested = |times: usize| format!("{before}{}{middle}{}", part.repeat(times), after.repeat(times));
            assert_eq!(codes(&nested(240_000 / (part.len() + after.len()))), ["syntax"], "{part}");
            // As deep as is let through, the parser must not run out of its stack.
            let most = (1..=nesting::DEEPEST).take_while(|times| nesting::too_deep(&nested(*times)).is_none()).last().unwrap();
            assert!(most > 100, "{part}: {most}");
            codes(&nested(most));
        }
    }

    /// Nothing stops the program: not a part of a workflow, not a workflow with something wrong in the middle.
    #[test]
    fn broken_sources_end_in_findings() {
        let catalog = catalog();
        let pieces = [
            "(",
            ")",
            "{",
            "}",
            "[[",
            "]]",
            "\"",
            "`",
            "{{",
            "--",
            "--[[",
            "end",
            "function",
            "if",
            "then",
            "else",
            "=",
            "..",
            "...",
            ":",
            "::",
            "<",
            ">",
            "\\u{110000}",
            "\\",
            "0x",
            "1e",
            "é",
            "\0",
            "\r",
            "local",
            "app.integrations.",
            ".each",
            ":all",
            "@",
            "~",
            "!",
        ];
        let (mut random, whole) = (fastrand::Rng::with_seed(7), WORKFLOW.chars().collect::<Vec<char>>());
        for round in 0..400 {
            let cut = random.usize(..whole.len());
            let mut source: String = whole[..cut].iter().collect();
            if round % 2 == 0 {
                source.push_str(pieces[random.usize(..pieces.len())]);
                source.extend(&whole[(cut + random.usize(..9)).min(whole.len())..]);
            }
            check("x.lua", &source, &catalog);
            let noise: String = (0..random.usize(..40)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            check("x.lua", &noise, &catalog);
        }
    }
}
