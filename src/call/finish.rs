//! What a caller wants of the answer besides having it: `--select`, `--output`. Checked before anything is sent.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::call::executor::Outcome;
use crate::call::plan::Plan;
use crate::call::request::Options;
use crate::call::select;
use crate::call::sink::Sink;
use crate::registry::catalog::Callable;
use crate::registry::function::ResponseForm;
use crate::registry::jq;

/// Options that do not fit the function are said before anything is sent.
pub fn check(callable: &Callable, options: &Options) -> Result<()> {
    let lists = callable.function.pagination.is_some();
    if !lists && (options.all || options.max_pages.is_some() || options.max_items.is_some()) {
        return Err(Error::usage(format!("{} does not answer in pages; --all, --max-pages and --max-items do not apply", callable.name)));
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

/// `--select`, then `--output` for what is not a download. Other calls go on while a program runs.
pub async fn finish(plan: &Plan, streamed: bool, outcome: &mut Outcome) {
    let (options, response) = (&plan.options, plan.callable.function.response);
    if outcome.error.is_some() || streamed {
        return;
    }
    if let Some(program) = &options.select {
        match selected(program.clone(), &mut outcome.data, plan.timeout).await {
            Ok(selected) => outcome.data = selected,
            Err(why) => {
                outcome.error = Some(Error::usage(format!("--select: {why}. The call itself was done; data holds its whole answer")))
            }
        }
    }
    if let Some(path) = options.output.as_deref().filter(|_| response != ResponseForm::Binary) {
        let text = match &outcome.data {
            Value::String(text) => text.clone(),
            data => format!("{data:#}\n"),
        };
        match write(path, &text, options.overwrite) {
            Ok(()) => outcome.data = json!({"path": path.display().to_string(), "size": text.len()}),
            Err(error) => outcome.error = Some(error),
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

fn write(path: &Path, text: &str, overwrite: bool) -> Result<()> {
    let done = |error: Error| Error { message: format!("{}. The call itself was done; data holds its answer", error.message), ..error };
    let mut sink = Sink::open(path).map_err(done)?;
    sink.write(text.as_bytes()).map_err(done)?;
    sink.keep(path, overwrite).map(drop).map_err(done)
}
