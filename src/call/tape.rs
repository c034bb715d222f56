//! A call beside its exchanges: what is taken down for `--record`, and answers for `--replay`.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::access::policy::Decision;
use crate::base::error::{Error, Result};
use crate::call::body::Built;
use crate::call::cases::{self, Recorded, Sent};
use crate::call::exchange::Replayer;
use crate::call::executor::{Outcome, Ready};
use crate::call::http::Run;
use crate::call::plan::Plan;
use crate::call::request::Options;
use crate::call::wire::Reply;
use crate::config::layers::Rule;
use crate::net::{Failure, FailureKind};
use crate::registry::catalog::Callable;
use crate::registry::function::ResponseForm;
use crate::registry::lint::names_in;

impl Run<'_> {
    /// Writes what was taken down. A failure to do so does not undo the call: it is told at the end.
    pub(crate) fn keep_recording(&mut self, outcome: &mut Outcome) {
        let Some(recorder) = self.recorder.take() else { return };
        let name = &self.ready.plan.callable.name;
        let case = case(self.ready, outcome);
        let written = case.and_then(|case| recorder.write((&name.provider, &name.function), case, &self.scrubber));
        if let (None, Err(error)) = (&outcome.error, written) {
            outcome.unkept = Some(error);
        }
    }

    /// Takes an exchange for the recording.
    pub(crate) fn record(&mut self, built: &Built, reply: &Reply, body: &[u8]) {
        let (Some(recorder), Reply::Live(answer)) = (&mut self.recorder, reply) else {
            return;
        };
        let headers = answer.headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect();
        let recorded = Recorded { status: answer.status, headers, body: body.to_vec() };
        recorder.note(cases::request(built), &recorded, &built.url);
    }

    /// The answer of an exchange that was recorded. Where each request is watched, redirects of reads are followed as the network does.
    pub(crate) fn replayed(&self, replayer: &Replayer, built: &Built) -> Result<Reply, Failure> {
        const MOST_REDIRECTS: usize = 10;
        let mut built = built.clone();
        for _ in 0..MOST_REDIRECTS {
            if replayer.watches() {
                replayer.note(self.watched(&built)?);
            }
            let request = cases::request(&built);
            let refuse = |error: Error| Failure::new(FailureKind::Refused, error.message);
            let answer = replayer.answer(&self.ready.plan.callable.name.provider, &request, &built.url).map_err(refuse)?;
            let moved =
                replayer.watches() && matches!(answer.status, 301 | 302 | 303 | 307 | 308) && matches!(&*built.method, "GET" | "HEAD");
            let to = answer.headers.iter().find(|(name, _)| name == "location").and_then(|(_, to)| built.url.join(to).ok());
            match to.filter(|_| moved) {
                Some(to) => built.url = to,
                None => return Ok(Reply::Recorded(answer)),
            }
        }
        Err(Failure::new(FailureKind::Refused, "the recorded answers lead on and on"))
    }

    /// A request as it would leave, credentials on it.
    fn watched(&self, built: &Built) -> Result<Sent, Failure> {
        let whole = self.request(built)?;
        let headers = whole.headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect();
        Ok(Sent { request: cases::request(&Built { url: whole.url, ..built.clone() }), headers })
    }
}

/// Whether a call is answered from exchanges: nothing leaves, so that no account, no activation and no permission is needed.
pub fn replays(callable: &Callable, options: &Options) -> bool {
    options.replay.is_some() && !callable.local && callable.function.mcp.is_none()
}

/// Whether a call can leave exchanges behind: what a script calls is recorded as it is called.
pub fn records(callable: &Callable, options: &Options) -> bool {
    let sends = !callable.local && callable.function.mcp.is_none() && !options.dry_run && options.replay.is_none();
    sends || callable.function.is_script()
}

/// Why such a call may be made.
pub fn decision() -> Decision {
    Decision { rule: Rule::Allow, because: String::from("answers are recorded and nothing is sent") }
}

/// A base URL whose settings are not known: recorded requests are found by their paths.
pub fn stand_in(url: &str) -> String {
    const NOWHERE: &str = "replay.invalid";
    let mut text = url.to_owned();
    for name in names_in(url) {
        let with = if url.starts_with('{') { format!("https://{NOWHERE}") } else { NOWHERE.to_owned() };
        text = text.replace(&format!("{{{name}}}"), &with);
    }
    text
}

/// What a recording says of a call beside its exchanges: arguments, and what came of it.
fn case(ready: &Ready, outcome: &Outcome) -> Result<Map<String, Value>> {
    let plan = &ready.plan;
    let mut arguments = plan.arguments.object.clone();
    for (name, path) in &plan.arguments.files {
        arguments.insert(name.clone(), STANDARD.encode(bytes(path)?).into());
    }
    let mut case = Map::from_iter([(String::from("arguments"), Value::Object(arguments))]);
    if plan.options.all {
        case.insert(String::from("all"), true.into());
    }
    for (word, most) in [("max_pages", plan.options.max_pages.map(u64::from)), ("max_items", plan.options.max_items)] {
        case.extend(most.map(|most| (word.to_owned(), most.into())));
    }
    match &outcome.error {
        Some(error) => case.insert(String::from("error"), json!({"code": error.code.as_str()})),
        None => case.insert(String::from("result"), result(plan, &outcome.data)?),
    };
    Ok(case)
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::usage(format!("The exchange is not recorded: {} cannot be read: {error}", path.display())))
}

/// The result as it would be without `--output`: a recording does not point at a file of somebody's.
fn result(plan: &Plan, data: &Value) -> Result<Value> {
    Ok(match &plan.options.output {
        Some(path) if plan.callable.function.response == ResponseForm::Binary => {
            let bytes = bytes(path)?;
            json!({"content_type": data.get("content_type"), "size": bytes.len(), "base64": STANDARD.encode(&bytes)})
        }
        _ => data.clone(),
    })
}
