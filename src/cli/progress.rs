//! A progress line on stderr, only when stderr is a terminal and only for what takes long.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};
use tokio::sync::mpsc::unbounded_channel;

use crate::call::request::{Ctx, Progress};
use crate::cli::output::Out;

/// Clears the line when dropped.
pub struct Bar(Option<ProgressBar>);

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Shows the progress of a call that runs longer than a moment.
pub fn start(ctx: &mut Ctx, out: &Out) -> Bar {
    if out.json || !std::io::stderr().is_terminal() {
        return Bar(None);
    }
    let (send, mut receive) = unbounded_channel();
    ctx.progress = Some(send);
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(ProgressDrawTarget::hidden());
    let shown = bar.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        shown.set_draw_target(ProgressDrawTarget::stderr());
        shown.enable_steady_tick(Duration::from_millis(120));
        while let Some(progress) = receive.recv().await {
            shown.set_message(message(&progress));
        }
    });
    Bar(Some(bar))
}

fn message(progress: &Progress) -> String {
    match progress {
        Progress::Page { pages, items } => format!("{items} items in {pages} pages"),
        Progress::Bytes { done, total: Some(total) } => format!("{} of {}", size(*done), size(*total)),
        Progress::Bytes { done, total: None } => size(*done),
        Progress::Waiting { seconds, why } => format!("waiting {seconds} s: {why}"),
        Progress::Step { done, total, message } => {
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            let message = message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
            format!("{done}{of}{message}")
        }
    }
}

fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
