//! The calls of a run, in the order in which they were started: what the result envelope says of each.

use serde::Serialize;

use crate::base::envelope::Envelope;

/// One call of a script.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// From 1, in the order in which the calls were started.
    pub index: usize,
    /// `provider.function`.
    pub function: String,
    pub account: String,
    /// `read`, `write` or `destructive`; null when the function is unknown.
    pub operation: Option<&'static str>,
    /// What became of the world: `none`, `succeeded`, `failed`, `pending` (waits for a person's word), `denied`, `unknown`.
    pub effect: &'static str,
    /// The same call may succeed later.
    pub retryable: bool,
    pub duration_ms: f64,
    /// Our id of the call; also in the audit log. Null while it was never made (a stand-in of a dry run).
    pub call_id: Option<String>,
    /// Stable slug of the failure.
    pub code: Option<&'static str>,
}

impl Entry {
    /// A call that was just started.
    pub fn started(index: usize, function: &str, account: &str, operation: Option<&'static str>) -> Self {
        let write = operation.is_some_and(|operation| operation != "read");
        Self {
            index,
            function: function.to_owned(),
            account: account.to_owned(),
            operation,
            // Until its answer is known.
            effect: if write { "unknown" } else { "none" },
            retryable: false,
            duration_ms: 0.0,
            call_id: None,
            code: None,
        }
    }

    /// Takes over what the answer says.
    pub fn answered(&mut self, envelope: &Envelope) {
        self.function.clone_from(&envelope.function);
        self.account.clone_from(&envelope.meta.account);
        self.operation = envelope.meta.operation;
        self.duration_ms = envelope.duration_ms;
        self.call_id = Some(envelope.meta.call_id.clone());
        self.retryable = envelope.error_detail.as_ref().is_some_and(|detail| detail.retryable);
        self.code = envelope.error_detail.as_ref().map(|detail| detail.code);
        self.effect = effect(envelope);
    }
}

fn effect(envelope: &Envelope) -> &'static str {
    let code = envelope.error_detail.as_ref().map(|detail| detail.code);
    if code == Some("permission_denied") {
        return "denied";
    }
    if code == Some("approval_required") {
        return "pending";
    }
    if envelope.meta.operation.is_none_or(|operation| operation == "read") || envelope.meta.dry_run {
        return "none";
    }
    match code {
        None => "succeeded",
        Some("outcome_unknown") => "unknown",
        // It was on its way.
        Some("cancelled" | "timeout") if envelope.meta.attempts > 0 => "unknown",
        Some(_) if envelope.meta.attempts > 0 => "failed",
        Some(_) => "none",
    }
}
