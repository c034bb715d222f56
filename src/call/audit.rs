//! Every call leaves a line, refused ones too. Recording never fails a call: the failure is handed back as a note.

use serde_json::Value;

use crate::base::error::{Code, Error};
use crate::base::json::digest;
use crate::base::origin::Origin;
use crate::base::secret::Scrubber;
use crate::store::calls::CallRow;

/// Longest argument text that is kept.
const LONGEST: usize = 4_000;

/// A row before the outcome is known.
pub fn begin(call_id: &str, time_ms: i64, origin: &Origin, function: &str) -> CallRow {
    CallRow {
        call_id: call_id.to_owned(),
        time_ms,
        origin: origin.path(),
        function: function.to_owned(),
        outcome: String::from("pending"),
        ..CallRow::default()
    }
}

/// Keeps the digest of the arguments, and the arguments without secrets, long texts cut.
pub fn arguments(row: &mut CallRow, arguments: &Value, scrubber: &Scrubber) {
    row.arguments_digest = Some(digest(arguments));
    let mut shown = arguments.clone();
    scrubber.scrub_value(&mut shown);
    shorten(&mut shown);
    let text = shown.to_string();
    row.arguments = Some(if text.len() > LONGEST { format!("{{\"cut\":{}}}", text.len()) } else { text });
}

/// The outcome word for an error.
pub fn outcome(error: Option<&Error>, effect_unknown: bool, sent: bool) -> &'static str {
    match error {
        None => "succeeded",
        Some(_) if effect_unknown => "unknown",
        Some(error) if error.code == Code::OutcomeUnknown => "unknown",
        Some(_) if !sent => "refused",
        Some(_) => "failed",
    }
}

fn shorten(value: &mut Value) {
    const LONGEST_TEXT: usize = 200;
    match value {
        Value::String(text) if text.chars().count() > LONGEST_TEXT => {
            let head: String = text.chars().take(LONGEST_TEXT).collect();
            *text = format!("{head}… ({} bytes)", text.len());
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(members) => members.values_mut().for_each(shorten),
        _ => {}
    }
}
