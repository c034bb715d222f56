//! The end of a server, TLS, and the command that starts it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::door::{INITIALIZE, Setting, call};
use crate::support::home::Home;

#[test]
fn what_runs_is_answered_and_what_only_waits_is_let_go() {
    let door = Setting::default().open();
    let client = door.session(&[]);
    let mut running = client.begin("POST", &[], &call(1, "said", &json!({"ms": 1000})));
    let mut stream = client.begin("GET", &[], "");
    assert_eq!(stream.head().status, 200);
    let idle = door.wire();
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    door.stop();
    assert!(running.answer().body.contains("said"));
    while stream.chunk().is_some() {}
    assert!(door.ended(Duration::from_secs(4)), "it waits for nobody who has nothing to get");
    assert!(begun.elapsed() < Duration::from_secs(4));
    drop(idle);
    assert!(std::net::TcpStream::connect(door.address).is_err());
}

#[test]
fn what_takes_too_long_is_cut_off() {
    let mut setting = Setting::default();
    setting.limits.farewell = Duration::from_millis(500);
    let door = setting.open();
    let client = door.session(&[]);
    let _running = client.begin("POST", &[], &call(1, "said", &json!({"ms": 60_000})));
    std::thread::sleep(Duration::from_millis(200));
    door.stop();
    assert!(door.ended(Duration::from_secs(4)));
}

#[test]
fn tls_wants_files_that_fit() {
    let home = Home::new();
    let (certificate, key) = (home.path().join("c.pem"), home.path().join("k.pem"));
    let open = || Setting { tls: Some((certificate.clone(), key.clone())), ..Setting::default() }.try_open(Home::new()).err().unwrap();
    assert_eq!(open().code.as_str(), "not_found");
    std::fs::write(&certificate, "nothing").unwrap();
    std::fs::write(&key, "nothing").unwrap();
    assert_eq!(open().code.as_str(), "usage");
}

#[cfg(unix)]
#[test]
fn the_command_serves_until_a_signal() {
    let home = Home::new();
    for signal in ["TERM", "INT"] {
        let mut child = home.command(&["mcp:serve", "--http=0", "--idle=60"]).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        let address = said
            .trim()
            .strip_prefix("serving MCP on http://")
            .and_then(|rest| rest.strip_suffix("/mcp"))
            .unwrap_or_else(|| panic!("{said}"));
        let mut wire = super::door::Wire::over(std::net::TcpStream::connect(address).unwrap());
        wire.send(&super::door::request("POST", "/mcp", &[], INITIALIZE));
        assert_eq!(wire.answer().json()["result"]["serverInfo"]["name"], "angelia");
        let kill = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let until = Instant::now() + Duration::from_secs(4);
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > until => {
                    child.kill().unwrap();
                    panic!("it did not end");
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[test]
fn the_command_refuses_what_does_not_fit() {
    let home = Home::new();
    for (words, exit) in [
        (&["--http=0.0.0.0:0"][..], 5),
        (&["--http=nowhere"], 2),
        (&["--require-key"], 2),
        (&["--http=0", "--tls-cert=x"], 2),
        (&["--http=0", "--tls-cert=x", "--tls-key=y"], 3),
        (&["--http=0", "--allow-origin=example.com"], 2),
        (&["--http=0", "--allow-host=a b"], 2),
    ] {
        let run = home.run(&[&["mcp:serve"], words].concat());
        assert_eq!(run.code, exit, "{words:?}: {run:?}");
        assert_eq!(run.stdout, "", "{words:?}");
    }
}
