//! Sign-in (OAuth 2.0) and what follows from it: consent, renewal, the end. The authorization server is `support::authority`.

mod builtin;
mod code;
mod end;
mod ends;
mod fetched;
mod hostile;
mod meanwhile;
mod quirks;
mod renewal;
mod signed;
mod unkept;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::authority::{Authority, USUAL, World};
use crate::support::home::Run;

/// The code of a failure.
fn code(run: &Run) -> Value {
    run.json()["error_detail"]["code"].clone()
}

/// What a failure proposes.
fn hints(run: &Run) -> Vec<String> {
    serde_json::from_value(run.json()["error_detail"]["hints"].clone()).unwrap()
}

/// How a run ended.
fn end(run: &Run) -> (i32, Value) {
    (run.code, code(run))
}

/// An account whose token has ended; new ones last.
fn ended(change: impl FnOnce(&mut World)) -> Authority {
    let authority = Authority::joined(USUAL, |world| {
        world.lasts = json!(1);
        change(world);
    });
    authority.world().lasts = json!(3600);
    std::thread::sleep(Duration::from_millis(1100));
    authority
}

/// A call that renews the token just now.
fn renewing(authority: &Authority) -> Child {
    let mut command = authority.home.command(&["integrations:call", "club.get_me", "--json"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(authority, 1);
    child
}

/// Waits until so many renewals were asked for.
fn wait_for(authority: &Authority, renewals: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while authority.world().count("refresh_token") < renewals && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}
