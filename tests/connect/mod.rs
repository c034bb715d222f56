//! Sign-in (OAuth 2.0) and what follows from it: consent, renewal, the end. The authorization server is `support::authority`.

mod builtin;
mod code;
mod end;
mod fetched;
mod hostile;
mod meanwhile;
mod quirks;
mod renewal;
mod signed;

use serde_json::Value;

use crate::support::home::Run;

/// The code of a failure.
fn code(run: &Run) -> Value {
    run.json()["error_detail"]["code"].clone()
}

/// What a failure proposes.
fn hints(run: &Run) -> Vec<String> {
    serde_json::from_value(run.json()["error_detail"]["hints"].clone()).unwrap()
}
