//! A program that is told to end while it renews a token: what has begun is finished first, whoever says it and however.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::{end, ended, renewing, wait_for};
use crate::support::authority::Authority;
use crate::support::home::finish;

fn send(child: &Child, signal: Signal) {
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
}

/// Ends a program by a signal while it renews; its exit status, and that the new token was kept.
fn waited_out(authority: &Authority, child: Child, signal: Signal) -> i32 {
    wait_for(authority, 1);
    send(&child, signal);
    let run = finish(child, None);
    authority.clean(&run);
    authority.world().slow = Duration::ZERO;
    let next = authority.call("get_me", &[]);
    assert_eq!((next.code, authority.world().count("refresh_token")), (0, 1), "{run:?} {next:?}");
    run.code
}

#[test]
fn a_renewal_that_has_begun_is_finished_before_the_program_ends() {
    let authority = ended(|_| {});
    authority.world().slow = Duration::from_millis(1500);
    let child = renewing(&authority);
    send(&child, Signal::INT);
    let run = finish(child, None);
    assert_eq!(end(&run), (130, json!("cancelled")), "{run:?}");
    authority.world().slow = Duration::ZERO;
    assert_eq!((authority.call("get_me", &[]).code, authority.world().count("refresh_token")), (0, 1));
    // The time of a call bounds what is waited for, not what is done.
    let late = ended(|_| {});
    late.world().slow = Duration::from_millis(6000);
    let run = late.call("get_me", &["--timeout=1"]);
    assert_eq!(end(&run), (7, json!("timeout")), "{run:?}");
    assert!(run.json()["duration_ms"].as_f64().unwrap() < 5500.0, "{run:?}");
    late.world().slow = Duration::ZERO;
    assert_eq!((late.call("get_me", &[]).code, late.world().count("refresh_token")), (0, 1));
    // Whoever presses it twice does not wait.
    let hanging = ended(|_| {});
    hanging.world().slow = Duration::from_secs(15);
    let (child, begun) = (renewing(&hanging), Instant::now());
    send(&child, Signal::INT);
    std::thread::sleep(Duration::from_millis(3000));
    send(&child, Signal::INT);
    let run = finish(child, None);
    assert!(run.code == 130 && begun.elapsed() < Duration::from_secs(12), "{run:?}");
    assert!(run.stderr.contains("still being renewed"), "{run:?}");
}

#[test]
fn the_words_of_the_system_are_waited_out_too() {
    let slow = || ended(|world| world.slow = Duration::from_millis(1500));
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let authority = slow();
        let words = ["integrations:call", "club.get_me", "--json"];
        let child = authority.home.command(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert_eq!(waited_out(&authority, child, signal), status);
    }
    // A script computes on its own thread; what it is doing does not keep the signal waiting.
    let authority = slow();
    let words = ["integrations:lua", "--eval", "app.integrations.club.get_me({}) while true do end"];
    let child = authority.home.command(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    assert_eq!(waited_out(&authority, child, Signal::TERM), 143);
    assert!(begun.elapsed() < Duration::from_secs(15));
    // Who says it twice does not wait.
    let authority = ended(|_| {});
    authority.world().slow = Duration::from_secs(15);
    let (child, begun) = (renewing(&authority), Instant::now());
    send(&child, Signal::TERM);
    std::thread::sleep(Duration::from_millis(1500));
    send(&child, Signal::TERM);
    let run = finish(child, None);
    assert!(run.code == 143 && begun.elapsed() < Duration::from_secs(10), "{run:?}");
    assert!(run.stderr.contains("still being renewed"), "{run:?}");
}

#[test]
fn a_program_that_shall_outlive_its_terminal_does() {
    let authority = ended(|world| world.slow = Duration::from_millis(1500));
    let words = ["integrations:call", "club.get_me", "--json"];
    let plain = authority.home.command(&words);
    let mut command = Command::new("nohup");
    command
        .arg(plain.get_program())
        .args(plain.get_args())
        .env_clear()
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(plain.get_current_dir().unwrap());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&authority, 1);
    send(&child, Signal::HUP);
    let run = finish(child, None);
    assert_eq!((run.code, &run.json()["success"]), (0, &json!(true)), "{run:?}");
}

#[test]
fn without_a_renewal_nothing_is_listened_for() {
    let authority = Authority::joined(crate::support::authority::USUAL, |_| {});
    let words = ["integrations:connect", "club", "--no-browser", "--json"];
    let mut child = authority.home.command(&words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
}
