//! What changed, as people read it, and the question whether it is wanted. A description is somebody else's word: what may break calls, sends
//! credentials elsewhere, or could be called at once because an older rule allows it is asked about. Nothing is stored here.

use std::io::{BufRead as _, IsTerminal as _};

use crate::access::policy::{Question, decide};
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::in_plain_sight;
use crate::cli::output::{Out, Paint};
use crate::config::layers::{Config, Rule};
use crate::registry::function::Operation;
use crate::registry::import::drift::{Added, Change, Drift};

/// Lines of each kind of change that are shown where nobody asked for all.
const SHOWN: usize = 20;

/// How many changes a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Much {
    /// The first of each kind, and how many more there are.
    First,
    All,
}

/// What somebody is to agree to.
pub struct Asked<'a> {
    pub id: &'a str,
    pub drift: &'a Drift,
    /// An import of the id was there before.
    pub known: bool,
    /// Commands that look closer, or go on without a question.
    pub next: Vec<String>,
}

/// Marks the new functions that change something and that the rules of now let be called without a question, by any account.
pub fn mark(app: &App, id: &str, drift: &mut Drift) -> Result<()> {
    if drift.added.iter().all(|added| added.operation == Operation::Read) {
        return Ok(());
    }
    // What the settings of this folder's project forbid may be allowed in the next folder.
    let own = Config { user: app.config.user.clone(), project: None };
    let (user, project) = app.config.integration(id);
    let mut accounts = app.vault()?.accounts(id);
    accounts.extend([user, project].into_iter().flatten().flat_map(|rules| rules.accounts.keys().cloned()));
    for added in drift.added.iter_mut().filter(|added| added.operation != Operation::Read) {
        let allowed = |config: &Config, account: &String| {
            let question = Question { provider: id, function: &added.function, operation: added.operation, account, local: false };
            decide(config, &question).rule == Rule::Allow
        };
        added.unasked = accounts.iter().any(|account| allowed(&app.config, account) || allowed(&own, account));
    }
    Ok(())
}

/// Asks whether a change is wanted; an error where it is not, or where nobody can be asked.
pub fn agree(out: &Out, asked: &Asked<'_>) -> Result<()> {
    if out.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(refused(asked, ", and nobody can be asked"));
    }
    out.stderr(&format!("{}\nTake it as it is now? [y/N] ", changes(out.paint(), asked.drift, Much::First)));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Error::usage(format!("the terminal cannot be read: {error}")))?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") { Ok(()) } else { Err(refused(asked, "")) }
}

fn refused(asked: &Asked<'_>, why: &str) -> Error {
    let Asked { id, drift, known, next } = asked;
    let allowed = if drift.breaks() { ", and your rules allow it without a question" } else { "" };
    let new = |added: &Added| format!("{} is new ({}){allowed}", added.function, added.operation.as_str());
    let unasked = drift.added.iter().filter(|added| added.unasked).map(new);
    let shown: Vec<String> = drift
        .provider
        .iter()
        .cloned()
        .chain(drift.removed.iter().map(|id| format!("{id} is gone")))
        .chain(drift.breaking.iter().map(said))
        .chain(unasked)
        .collect();
    let most = shown.iter().take(5).map(|text| in_plain_sight(text)).collect::<Vec<_>>().join("; ");
    let more = if shown.len() > 5 { format!("; and {} more", shown.len() - 5) } else { String::new() };
    let what = match (known, drift.breaks()) {
        (false, _) => "would get what is stored under its id",
        (true, true) => "changed so that calls may break",
        (true, false) => "has something new that your rules allow without a question",
    };
    Error::new(Code::ApprovalRequired, format!("'{id}' {what}{why}: {most}{more}. Nothing was changed")).hints(next.iter().cloned())
}

fn said(change: &Change) -> String {
    format!("{} {}", change.function, change.what.join(", "))
}

fn new(added: &Added) -> String {
    let unasked = if added.unasked { ", which your rules allow without a question" } else { "" };
    format!("{} ({}){unasked}", added.function, added.operation.as_str())
}

/// All that changed: one line each, what somebody must agree to first. The last line counts where some are not shown.
pub fn changes(paint: Paint, drift: &Drift, much: Much) -> String {
    let (asked, others): (Vec<_>, Vec<_>) = drift.added.iter().partition(|added| added.unasked);
    let lines = |changes: &[Change]| changes.iter().map(said).collect::<Vec<_>>();
    let added = |these: Vec<&Added>| these.into_iter().map(new).collect::<Vec<_>>();
    let kinds = [
        ("breaking", paint.red("breaking"), [drift.provider.clone(), lines(&drift.breaking)].concat()),
        ("removed", paint.red("removed"), drift.removed.clone()),
        ("added and allowed", paint.red("added"), added(asked)),
        ("added", paint.green("added"), added(others)),
        ("compatible", paint.dim("compatible"), lines(&drift.compatible)),
    ];
    let most = if much == Much::All { usize::MAX } else { SHOWN };
    let mut shown = Vec::new();
    for (_, word, all) in &kinds {
        shown.extend(all.iter().take(most).map(|text| format!("  {word} {}", in_plain_sight(text))));
    }
    if kinds.iter().any(|(_, _, all)| all.len() > most) {
        let counts = kinds.iter().filter(|(_, _, all)| !all.is_empty()).map(|(name, _, all)| format!("{} {name}", all.len()));
        let counts = counts.collect::<Vec<_>>().join(", ");
        shown.push(paint.dim(&format!("  {counts}; the first {SHOWN} of each kind are shown: --report shows all, --json too")));
    }
    shown.join("\n")
}
