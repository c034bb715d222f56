//! Messages of the protocol as lines of text, and what is looked at in an answer: that it is the one, and that it succeeded.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::support::{Measured, because};

/// The revision that every server here speaks.
pub const REVISION: &str = "2025-11-25";

/// How long any answer may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The first request of a session.
pub fn initialize(id: u64) -> String {
    let info = json!({"name": "bench", "version": "1"});
    request(id, "initialize", &json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": info}))
}

/// What follows its answer.
pub fn initialized() -> String {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string()
}

/// Any request.
pub fn request(id: u64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// The part of a message that tells what it is.
#[derive(Deserialize)]
struct Head {
    id: Option<u64>,
    method: Option<IgnoredAny>,
    result: Option<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default, rename = "isError")]
    is_error: bool,
}

/// The id of an answer, which must be a success and hold `proof`; `None` for what is no answer.
pub fn answered(text: &str, proof: &str) -> Measured<Option<u64>> {
    let head: Head = serde_json::from_str(text).map_err(because("an answer is no message"))?;
    let (Some(id), None) = (head.id, &head.method) else { return Ok(None) };
    match head.result {
        Some(outcome) if !outcome.is_error && text.contains(proof) => Ok(Some(id)),
        _ => Err(format!("a request failed: {}", text.chars().take(600).collect::<String>())),
    }
}

/// The result of an answer, whole.
pub fn result(text: &str) -> Measured<Value> {
    let mut message: Value = serde_json::from_str(text).map_err(because("an answer is no message"))?;
    match message.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(format!("a request failed: {text}")),
    }
}
