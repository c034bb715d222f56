//! Exchange tests of a provider, played: every case is a call through the runtime whose answers come from the case, and what would be
//! sent is compared with what the case says. Nothing leaves the machine. The runtime is one in which the provider may do everything.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::base::envelope::Envelope;
use crate::base::origin::Origin;
use crate::call::cases::{self, Sent, Step};
use crate::call::exchange::Replayer;
use crate::call::request::{Arguments, Call, Ctx, Options};
use crate::call::runtime::Runtime;

/// A case that did not go as it says.
#[derive(Debug, Clone)]
pub struct Wrong {
    pub function: String,
    /// Which case of the function, from 0.
    pub case: usize,
    pub message: String,
}

/// Plays the cases of a document; answers what went wrong and how many were played.
pub async fn play(runtime: &Runtime, provider: &str, document: &Value) -> (Vec<Wrong>, usize) {
    let (mut wrong, mut played) = (Vec::new(), 0);
    let always = document.get("expect").unwrap_or(&Value::Null);
    let functions = document.get("exchanges").and_then(Value::as_object);
    for (function, list) in functions.into_iter().flatten() {
        for (number, case) in list.as_array().into_iter().flatten().enumerate() {
            played += 1;
            let said = one(runtime, &format!("{provider}.{function}"), case, always).await;
            wrong.extend(said.into_iter().map(|message| Wrong { function: function.clone(), case: number, message }));
        }
    }
    (wrong, played)
}

async fn one(runtime: &Runtime, name: &str, case: &Value, always: &Value) -> Vec<String> {
    let steps = cases::steps(case);
    let replayer = Arc::new(Replayer::in_order(&steps));
    let number = |word: &str| case.get(word).and_then(Value::as_u64);
    let options = Options {
        all: case.get("all") == Some(&Value::Bool(true)),
        max_pages: number("max_pages").and_then(|pages| u32::try_from(pages).ok()),
        max_items: number("max_items"),
        replay: Some(replayer.clone()),
        ..Options::default()
    };
    let object = case.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default();
    let arguments = Arguments::Ready { object, files: Default::default() };
    let call = Call { function: name.to_owned(), account: None, arguments, options };
    let envelope = runtime.call(&Ctx::new(Origin::Cli), call).await;
    let mut said = requests(&replayer.sent(), &steps, always, &envelope);
    said.extend(outcome(&envelope, case));
    said
}

fn requests(sent: &[Sent], steps: &[Step], always: &Value, envelope: &Envelope) -> Vec<String> {
    let mut said = Vec::new();
    if sent.len() != steps.len() {
        let why = envelope.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
        said.push(format!("{} requests instead of {}{why}", sent.len(), steps.len()));
    }
    for (number, (sent, step)) in sent.iter().zip(steps).enumerate() {
        let place = if steps.len() > 1 { format!("step {number}: ") } else { String::new() };
        said.extend(cases::differences(sent, &step.request, always).into_iter().map(|said| format!("{place}{said}")));
    }
    said
}

fn outcome(envelope: &Envelope, case: &Value) -> Option<String> {
    let detail = envelope.error_detail.as_ref();
    match (case.get("error").and_then(Value::as_object), detail) {
        (Some(wanted), Some(detail)) => {
            let has: Map<String, Value> = serde_json::to_value(detail).ok()?.as_object().cloned().unwrap_or_default();
            let said = envelope.error.clone().unwrap_or_default();
            let fits = wanted.iter().all(|(word, value)| match word.as_str() {
                "message" => value.as_str().is_some_and(|part| said.contains(part)),
                word => has.get(word) == Some(value),
            });
            (!fits).then(|| format!("error is {said} {} instead of {}", Value::Object(has), Value::Object(wanted.clone())))
        }
        (Some(wanted), None) => Some(format!("succeeded instead of {}", Value::Object(wanted.clone()))),
        (None, Some(_)) => Some(format!("failed: {}", envelope.error.as_deref().unwrap_or_default())),
        (None, None) => {
            let wanted = case.get("result").unwrap_or(&Value::Null);
            (envelope.data != *wanted).then(|| format!("data is {} instead of {wanted}", envelope.data))
        }
    }
}
