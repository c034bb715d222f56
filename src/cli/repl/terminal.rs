//! The session at a terminal: line editing, history, Tab.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rustyline::completion::Completer;
use rustyline::config::Behavior;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::app::App;
use crate::base::error::{Error, Result};
use crate::base::name::DEFAULT_ACCOUNT;
use crate::call::pages::Pages;
use crate::call::runtime::Runtime;
use crate::cli::interrupt;
use crate::cli::repl::complete::{Source, complete};
use crate::cli::repl::{Repl, Step, cancel};
use crate::lua::session::Session;
use crate::registry::docs;

/// Most statements that the history keeps.
const HISTORY: usize = 1000;

/// Runs a session until Ctrl-D.
pub fn run(mut repl: Repl, app: &App) -> Result<u8> {
    use std::io::IsTerminal as _;
    let mut editor = editor(&repl).map_err(broken)?;
    let history = app.dirs.make_data().ok().map(|folder| folder.join("repl_history"));
    if let Some(path) = history.as_ref().filter(|path| path.exists()) {
        drop(editor.load_history(path));
    }
    let current = repl.current.clone();
    interrupt::watch(move || cancel(&current)).wait();
    if std::io::stderr().is_terminal() {
        repl.out.stderr(&format!("angelia {} Lua. :help shows what there is, Ctrl-D ends.\n", env!("CARGO_PKG_VERSION")));
    }
    let mut typed = String::new();
    loop {
        if let Some(names) = editor.helper_mut() {
            names.pending.clone_from(&repl.pending);
        }
        match editor.readline(if repl.pending.is_empty() { "> " } else { ". " }) {
            Ok(line) => {
                typed = if repl.pending.is_empty() { line.clone() } else { format!("{typed}\n{line}") };
                let step = repl.take(&line);
                if step != Step::More {
                    keep(&mut editor, typed.trim_end(), history.as_ref());
                }
                if step == Step::Quit {
                    return Ok(0);
                }
            }
            Err(ReadlineError::Interrupted) => repl.pending.clear(),
            Err(ReadlineError::Eof) => return Ok(0),
            Err(error) => return Err(broken(error)),
        }
    }
}

fn broken(error: ReadlineError) -> Error {
    Error::internal(format!("the terminal cannot be read: {error}"))
}

fn editor(repl: &Repl) -> rustyline::Result<Editor<Names, FileHistory>> {
    let config = Config::builder()
        .max_history_size(HISTORY)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        // Prompts are no part of the answer on stdout.
        .behavior(Behavior::PreferTerm)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Names { session: repl.session.clone(), runtime: repl.runtime.clone(), pending: String::new() }));
    Ok(editor)
}

/// A history that cannot be written is no reason to stop.
fn keep(editor: &mut Editor<Names, FileHistory>, typed: &str, history: Option<&PathBuf>) {
    let added = !typed.is_empty() && editor.add_history_entry(typed).unwrap_or(false);
    if let Some(path) = history.filter(|_| added) {
        drop(editor.append_history(path));
    }
}

/// What Tab can offer: the catalog's names and the session's.
struct Names {
    session: Rc<Session>,
    runtime: Arc<Runtime>,
    /// Lines before the one that is being typed.
    pending: String,
}

impl Source for Names {
    fn providers(&self, active: bool) -> Vec<String> {
        if active {
            let active = Pages::of(&self.runtime).active().unwrap_or_default();
            active.into_iter().map(|summary| summary.id).collect()
        } else {
            self.runtime.catalog.ids().unwrap_or_default()
        }
    }

    fn functions(&self, provider: &str) -> Vec<String> {
        let opened = self.runtime.catalog.provider(provider);
        opened.map(|opened| opened.functions.into_iter().map(|function| function.id).collect()).unwrap_or_default()
    }

    fn accounts(&self, provider: &str) -> Vec<String> {
        let mut accounts = self.runtime.accounts(provider);
        if !accounts.iter().any(|alias| alias == DEFAULT_ACCOUNT) {
            accounts.push(DEFAULT_ACCOUNT.to_owned());
        }
        accounts
    }

    fn parameters(&self, function: &str) -> Vec<String> {
        let callable = self.runtime.catalog.function(function);
        let parameters = callable.map(|callable| docs::parameters(&callable.function)).unwrap_or_default();
        parameters.into_iter().map(|parameter| parameter.name).collect()
    }

    fn names(&self, path: &[&str]) -> Vec<String> {
        self.session.names(path)
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = self.pending.len();
        let (start, found) = complete(&format!("{}{line}", self.pending), before + pos, self);
        Ok((start.saturating_sub(before), found))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}
