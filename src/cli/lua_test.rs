//! `lua:test`: runs the functions `test_…` of a Lua file, each in a VM of its own. Nothing is sent: answers come from recorded
//! exchanges, one folder for each test, and the `data` provider writes to a database of the test. With `--record` calls are live.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::envelope::ErrorDetail;
use crate::base::error::{Code, Error, Result};
use crate::base::name::clean;
use crate::call::exchange::Replayer;
use crate::cli::lua::{Lines, setup};
use crate::cli::output::{Out, Paint};
use crate::lua::host::Mode;
use crate::lua::modules;
use crate::lua::report::Report;
use crate::lua::session::{Script, Session};

/// The functions that are tests.
const PREFIX: &str = "test_";

/// Where a test's answers come from, and go to.
enum Exchanges {
    Replay(PathBuf),
    Record(PathBuf),
}

/// One test that was run.
struct Ran {
    name: String,
    report: Report,
}

struct Tests<'a> {
    app: &'a App,
    arguments: &'a ArgMatches,
    script: Script,
    folder: PathBuf,
    exchanges: Exchanges,
}

/// `lua:test`.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let file = arguments.get_one::<String>("file").map(String::as_str).unwrap_or_default();
    let path = Path::new(file);
    let name = path.file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
    let given = |name: &str| arguments.get_one::<String>(name).map(PathBuf::from);
    let exchanges = match (given("record"), given("replay")) {
        (Some(folder), _) => Exchanges::Record(folder),
        (None, Some(folder)) => Exchanges::Replay(folder),
        (None, None) => Exchanges::Replay(path.with_extension("exchanges")),
    };
    let tests = Tests { app, arguments, script: Script { name, source: modules::source(path)? }, folder, exchanges };
    let names = tests.names()?;
    let mut ran = Vec::new();
    for name in names {
        let one = Ran { report: tests.run(&name)?, name };
        if !out.json {
            out.text(&line(out, &one));
        }
        let interrupted = one.report.error.clone().filter(|error| error.code == Code::Cancelled);
        ran.push(one);
        if let Some(error) = interrupted {
            return Err(error);
        }
    }
    Ok(answer(out, file, &ran))
}

impl Tests<'_> {
    /// The tests of the file, by name; nothing of them is run yet.
    fn names(&self) -> Result<Vec<String>> {
        let scratch = scratch()?;
        let session = self.session(PREFIX, scratch.path())?;
        let report = session.run(&self.script);
        if let Some(error) = report.error {
            return Err(error);
        }
        let only = self.arguments.get_one::<String>("only");
        let names: Vec<String> =
            session.functions(PREFIX).into_iter().filter(|name| only.is_none_or(|only| name.contains(only.as_str()))).collect();
        if names.is_empty() {
            return Err(Error::new(
                Code::NotFound,
                format!("{} has no test{}", self.script.name, only.map(|_| " of that name").unwrap_or_default()),
            )
            .hint("A test is a global function whose name begins with test_"));
        }
        Ok(names)
    }

    fn run(&self, name: &str) -> Result<Report> {
        let scratch = scratch()?;
        let session = self.session(name, scratch.path())?;
        let loaded = session.run(&self.script);
        Ok(if loaded.error.is_some() { loaded } else { session.call_global(name) })
    }

    fn session(&self, test: &str, scratch: &Path) -> Result<Session> {
        let app = App {
            dirs: self.app.dirs.clone(),
            config: self.app.config.clone(),
            notes: Vec::new(),
            person: None,
            connections: None,
            cwd: self.app.cwd.clone(),
            scratch: Some(scratch.to_path_buf()),
        };
        let live = matches!(self.exchanges, Exchanges::Record(_));
        let mut setup = setup(if live { self.app } else { &app }, self.arguments, Some(self.folder.clone()), Mode::Live)?;
        match &self.exchanges {
            // Listing the tests calls nothing.
            _ if test == PREFIX => setup.options.replay = Some(Arc::new(Replayer::empty())),
            Exchanges::Record(folder) => {
                let folder = folder.join(test);
                if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
                    return Err(
                        Error::usage(format!("{} holds exchanges already", folder.display())).hint("Remove the folder to record anew")
                    );
                }
                setup.options.record = Some(folder);
                setup.options.replay = None;
            }
            Exchanges::Replay(folder) => {
                let folder = folder.join(test);
                let replayer = if folder.is_dir() { Replayer::open(&folder)? } else { Replayer::empty() };
                setup.options.replay = Some(Arc::new(replayer));
            }
        }
        setup.voice = Box::new(Lines::new(false));
        setup.testing = true;
        Session::open(setup)
    }
}

/// A folder for the database of one test; gone afterwards.
fn scratch() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|error| Error::internal(format!("no folder for the tests' database: {error}")))
}

fn line(out: &Out, ran: &Ran) -> String {
    let paint: Paint = out.paint();
    let time = format!("({} calls, {:.0} ms)", ran.report.log.len(), ran.report.execution_time_ms);
    match &ran.report.error {
        None => format!("{} {} {}", paint.green("ok    "), ran.name, paint.dim(&time)),
        Some(error) => {
            let printed: String = ran.report.output.lines().map(|line| format!("        | {line}\n")).collect();
            let hints: String = error.hints.iter().map(|hint| format!("        → {hint}\n")).collect();
            let said = clean(&format!("        {}\n{hints}{printed}", error.message));
            format!("{} {} {}\n{said}", paint.red("FAILED"), ran.name, paint.dim(&time))
        }
    }
}

fn answer(out: &Out, file: &str, ran: &[Ran]) -> u8 {
    let failed = ran.iter().filter(|one| one.report.error.is_some()).count();
    let error = (failed > 0).then(|| Error::new(Code::ScriptError, format!("{failed} of {} tests failed", ran.len())));
    if out.json {
        let tests: Vec<Value> = ran
            .iter()
            .map(|one| {
                let report = &one.report;
                json!({
                    "name": one.name, "success": report.error.is_none(), "error": report.error.as_ref().map(|error| &error.message),
                    "error_detail": report.error.clone().map(ErrorDetail::from), "output": report.output, "calls": report.log.len(),
                    "call_log": report.log, "duration_ms": report.execution_time_ms,
                })
            })
            .collect();
        out.json(&json!({
            "success": failed == 0, "file": file, "passed": ran.len() - failed, "failed": failed, "tests": tests,
            "error": error.as_ref().map(|error| &error.message), "error_detail": error.clone().map(ErrorDetail::from),
        }));
    } else if let Some(error) = &error {
        out.error(error.clone());
    } else {
        let count = ran.len();
        out.text(&format!("{count} {} passed", if count == 1 { "test" } else { "tests" }));
    }
    error.map_or(0, |error| error.code.exit())
}
