//! The JSON payload, as an argument and on stdin: broken, huge, slow or silent.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{body, call, echo, refused, sent, words};
use crate::support::home::{Home, finish};

#[test]
fn a_payload_that_is_no_object_is_refused_with_its_position() {
    let (home, server) = echo();
    for (payload, said) in [
        ("{\"name\":", "line 1 column 8"),
        ("{\"name\": \"x\",\n  \"count\": 1,,}", "line 2 column 14"),
        ("{'name': 1}", "line 1 column 2"),
        ("{} {}", "line 1 column 4"),
        ("", "line 1 column 0"),
        ("name=x", "line 1 column 2"),
        ("[1]", "an array"),
        ("\"text\"", "a string"),
        ("null", "null"),
        ("7", "a single value"),
    ] {
        for run in [call(&home, "echo.create_thing", &[payload]), home.run_with(&words("echo.create_thing", &["-"]), payload.as_bytes())] {
            refused(&run, "invalid_payload");
            assert!(run.json()["error"].as_str().unwrap().contains(said), "{payload:?}: {}", run.stdout);
        }
    }
    let run = home.run_with(&words("echo.create_thing", &[]), b"{\"name\": \"\xff\"}");
    refused(&run, "invalid_payload");
    assert!(run.json()["error"].as_str().unwrap().contains("not UTF-8 (at byte 10)"), "{}", run.stdout);
    let deep = format!("{{\"name\": \"x\", \"free\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    refused(&call(&home, "echo.create_thing", &[&deep]), "invalid_payload");
    assert!(server.requests().is_empty());
}

#[test]
fn a_huge_payload_ends_soon() {
    let (home, server) = echo();
    let huge = [b"{\"name\": \"".as_slice(), &vec![b'x'; 100 << 20], b"\"}"].concat();
    for more in [&[][..], &["-"]] {
        let started = Instant::now();
        let run = home.run_with(&words("echo.create_thing", more), &huge);
        refused(&run, "invalid_payload");
        assert!(run.json()["error"].as_str().unwrap().contains("larger than 64 MiB"), "{}", run.stdout);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
    assert!(server.requests().is_empty());
}

/// A run whose stdin stays open and silent until the writer is dropped.
fn silent(home: &Home, words: &[&str]) -> (Child, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    let child = home.command(words).stdin(Stdio::from(reader)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    (child, writer)
}

#[test]
fn an_open_silent_stdin_hangs_nothing() {
    let (home, _server) = echo();
    let timed = |home: &Home, more: &[&str]| {
        let started = Instant::now();
        let (child, _writer) = silent(home, &words("echo.create_thing", more));
        (finish(child, None), started.elapsed())
    };
    let (run, took) = timed(&home, &["--name=x"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let (run, took) = timed(&home, &["{\"name\": \"x\"}"]);
    assert!(run.code == 0 && took < Duration::from_secs(3), "{took:?} {}", run.stdout);
    let impatient = home.env("ANGELIA_STDIN_WAIT_MS", "20");
    let (run, took) = timed(&impatient, &["--count=1"]);
    refused(&run, "invalid_arguments");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let patient = impatient.env("ANGELIA_STDIN_WAIT_MS", "900");
    let (run, took) = timed(&patient, &["--name=x"]);
    assert!(run.code == 0 && took >= Duration::from_millis(900), "{took:?}");
}

#[test]
fn a_slow_stdin_is_waited_for_when_asked() {
    use std::io::Write as _;
    let (home, server) = echo();
    let slow = |more: &[&str], pause: u64| {
        let (child, mut writer) = silent(&home, &words("echo.create_thing", more));
        let writing = std::thread::spawn(move || {
            for part in ["{\"name\"", ": \"late", "\"}"] {
                std::thread::sleep(Duration::from_millis(pause));
                drop(writer.write_all(part.as_bytes()));
            }
        });
        let run = finish(child, None);
        writing.join().unwrap();
        run
    };
    assert_eq!(slow(&["-", "--name=flag", "--count=1"], 400).code, 0);
    assert_eq!(sent(&server), r#"{"name":"flag","count":1}"#, "'-' waits although flags suffice");
    assert_eq!(slow(&[], 400).code, 0);
    assert_eq!(sent(&server), r#"{"name":"late"}"#, "without the name the payload may come late");
    for more in [&["-"][..], &["-", "--count=1"]] {
        let run = home.run_with(&words("echo.create_thing", more), b"");
        assert_eq!(run.code, 2, "'-' with nothing on stdin: {}", run.stdout);
    }
}

#[test]
fn digits_of_a_payload_are_kept_and_the_last_of_two_keys_counts() {
    let (home, server) = echo();
    let numbers = r#"{"name":"n","free":[123456789012345678901234567890,0.1000,1E400,-0]}"#;
    assert_eq!(body(&home, &server, &[numbers]), r#"{"name":"n","free":[123456789012345678901234567890,0.1000,1e+400,-0]}"#);
    assert_eq!(body(&home, &server, &[r#"{"name":"first","count":1,"name":"second"}"#]), r#"{"name":"second","count":1}"#);
    let text = r#"{"name":"zwölf \u0000 \ud83d\ude00 ünï"}"#;
    assert_eq!(serde_json::from_str::<Value>(&body(&home, &server, &[text])).unwrap()["name"], "zwölf \u{0} 😀 ünï");
}
