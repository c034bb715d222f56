//! What a caller wants of the answer besides having it: `--select`, `--output`. Checked before anything is sent. What fails after a
//! write was sent never looks as if nothing had been.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::error::{Code, Error, Result};
use crate::call::executor::Outcome;
use crate::call::plan::Plan;
use crate::call::request::Options;
use crate::call::select;
use crate::call::sink::Sink;
use crate::registry::catalog::{Callable, Layer};
use crate::registry::function::{Operation, ResponseForm};
use crate::registry::jq;

/// Options that do not fit the function are said before anything is sent.
pub fn check(callable: &Callable, options: &Options) -> Result<()> {
    let lists = callable.function.pagination.is_some();
    if !lists && (options.all || options.max_pages.is_some() || options.max_items.is_some()) {
        let error = Error::usage(format!("{} does not answer in pages; --all, --max-pages and --max-items do not apply", callable.name));
        let imported = matches!(callable.layer, Layer::Import | Layer::Overlaid);
        let hint = "If it does: an overlay says how, by 'pagination' (angelia integrations:import … --overlay FILE)";
        return Err(error.hints(imported.then(|| hint.to_owned())));
    }
    if let Some(program) = &options.select {
        jq::check(program).map_err(|why| Error::usage(format!("--select: {why}")))?;
    }
    if options.timeout_seconds.is_some_and(|seconds| !seconds.is_finite() || seconds <= 0.0 || seconds > 86_400.0) {
        return Err(Error::usage("--timeout must be a number of seconds between 0 and 86400"));
    }
    match &options.output {
        Some(path) if path.exists() && !options.overwrite => {
            Err(Error::usage(format!("{} exists", path.display())).hint("Replace it with --overwrite"))
        }
        Some(path) if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) => {
            Err(Error::usage(format!("the folder of {} does not exist", path.display())))
        }
        _ => Ok(()),
    }
}

/// Begins the file of `--output` where it is no download, so that most of what forbids it is known before anything is sent.
pub fn begin(plan: &Plan) -> Result<Option<Sink>> {
    let path = plan.options.output.as_deref().filter(|_| plan.callable.function.response != ResponseForm::Binary);
    path.map(Sink::open).transpose()
}

/// A failure after the call was done, its answer being in `data`.
pub fn after(operation: Operation, error: Error) -> Error {
    let message = format!("{}. The call itself was done; data holds its answer", error.message);
    sent(operation, Error { message, ..error })
}

/// A failure to keep what came of a request: that of a write has a code that nobody takes for "nothing was sent".
pub fn sent(operation: Operation, error: Error) -> Error {
    match operation {
        Operation::Read => error,
        _ => Error { code: Code::OutcomeUnknown, ..error }.hint("Do not send it again to have the answer: it was done"),
    }
}

/// `--select`, then `--output` into `sink`. Other calls go on while a program runs.
pub async fn finish(plan: &Plan, streamed: bool, sink: Option<Sink>, outcome: &mut Outcome) {
    let (options, operation) = (&plan.options, plan.callable.function.operation);
    if outcome.error.is_some() || streamed {
        return;
    }
    if let Some(program) = &options.select {
        match selected(program.clone(), &mut outcome.data, plan.timeout).await {
            Ok(selected) => outcome.data = selected,
            Err(why) => {
                outcome.error = Some(after(operation, Error::usage(format!("--select: {why}"))));
                return;
            }
        }
    }
    if let (Some(path), Some(sink)) = (options.output.as_deref(), sink) {
        let text = match &outcome.data {
            Value::String(text) => text.clone(),
            data => format!("{data:#}\n"),
        };
        match write(sink, path, &text, options.overwrite) {
            Ok(()) => outcome.data = json!({"path": path.display().to_string(), "size": text.len()}),
            Err(error) => outcome.error = Some(after(operation, error)),
        }
    }
}

/// What a program makes of data; the data stays as it is.
async fn selected(program: String, data: &mut Value, time: Duration) -> std::result::Result<Value, String> {
    let input = std::mem::take(data);
    let run = move || {
        let selected = select::apply(&program, &input, time);
        (input, selected)
    };
    let (input, selected) = tokio::task::spawn_blocking(run).await.map_err(|error| format!("jq: {error}"))?;
    *data = input;
    selected
}

fn write(mut sink: Sink, path: &Path, text: &str, overwrite: bool) -> Result<()> {
    sink.write(text.as_bytes())?;
    sink.keep(path, overwrite).map(drop)
}
