//! Our own options of a call: `--select`, `--output`, `--all`, `--record` and `--replay`, `--timeout`, and Ctrl-C.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{call, code, echo, refused, words};
use crate::support::home::{Home, Run, finish};
use crate::support::server::Server;

#[test]
fn select_prints_what_the_program_makes() {
    let (home, server) = echo();
    let select = |program: &str| call(&home, "echo.get_all", &["--select", program]);
    assert_eq!(select(".items[1].id").json()["data"], 2);
    assert_eq!(select("[.items[].id]").json()["data"], json!([1, 2]));
    assert!(select(".big").stdout.contains("\"data\":123456789012345678901234567890"));
    let run = select(".items + 1");
    assert_eq!((run.code, code(&run).as_str()), (2, "usage"), "{}", run.stdout);
    assert_eq!(run.json()["data"]["items"], json!([{"id": 1}, {"id": 2}]), "the whole answer is kept");
    assert!(run.json()["error"].as_str().unwrap().contains("The call itself was done"), "{}", run.stdout);
    let before = server.requests().len();
    for program in [".[", "nosuch", "$x", "import \"a\" as a; ."] {
        refused(&select(program), "usage");
    }
    refused(&call(&home, "echo.create_thing", &["--name=n", "--select=.["]), "usage");
    assert_eq!(server.requests().len(), before, "a program that does not compile sends nothing");
    let started = Instant::now();
    let run = call(&home, "echo.get_all", &["--select=[range(1e12)] | length", "--timeout=2"]);
    assert!(run.code != 0 && started.elapsed() < Duration::from_secs(30), "{:?} {}", started.elapsed(), run.stdout);
}

#[test]
fn output_replaces_nothing_unasked() {
    let (home, server) = echo();
    let file = home.path().join("out.json");
    let output = format!("--output={}", file.display());
    let run = call(&home, "echo.get_all", &[&output, "--select=.items"]);
    assert_eq!((run.code, &run.json()["data"]["path"]), (0, &json!(file.display().to_string())), "{}", run.stdout);
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!([{"id": 1}, {"id": 2}]));
    let before = server.requests().len();
    refused(&call(&home, "echo.get_all", &[&output]), "usage");
    refused(&call(&home, "echo.get_all", &[&format!("--output={}/none/x", home.path().display())]), "usage");
    assert_eq!((server.requests().len(), std::fs::read_to_string(&file).unwrap()), (before, written), "nothing was sent or changed");
    assert_eq!(call(&home, "echo.get_all", &[&output, "--overwrite", "--select=.big"]).code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "123456789012345678901234567890\n");
}

#[test]
fn what_was_recorded_is_replayed_without_the_service() {
    let (home, server) = echo();
    let folder = home.path().join("tape").display().to_string();
    let calls: [(&str, &[&str]); 3] =
        [("echo.get_all", &["--state=ü&x"]), ("echo.list_things", &["--all"]), ("echo.create_thing", &["--name=n", "--labels=a"])];
    let with = |(function, more): &(&str, &[&str]), option: &str| call(&home, function, &[*more, &[option, folder.as_str()]].concat());
    let first: Vec<Run> = calls.iter().map(|made| with(made, "--record")).collect();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 3, "one file for each call");
    let requests = server.requests().len();
    drop(server);
    for (made, first) in calls.iter().zip(&first) {
        let again = with(made, "--replay");
        assert_eq!((again.code, &again.json()["data"]), (0, &first.json()["data"]), "{}", again.stdout);
        assert_eq!((&first.json()["meta"]["replayed"], &again.json()["meta"]["replayed"]), (&Value::Null, &json!(true)));
    }
    assert!(Command::new("mkfifo").arg(format!("{folder}/fifo.json")).status().unwrap().success());
    let run = call(&home, "echo.get_all", &["--state=other", "--replay", &folder]);
    assert_eq!((run.code, code(&run).as_str()), (7, "unreachable"), "{}", run.stdout);
    assert!(run.json()["error"].as_str().unwrap().contains("No recorded exchange answers"), "{}", run.stdout);
    let nowhere = call(&home, "echo.get_all", &["--replay", "/nowhere/at/all"]);
    assert_eq!((nowhere.code, code(&nowhere).as_str()), (3, "not_found"), "{}", nowhere.stdout);
    assert_eq!(requests, 4);
}

#[test]
fn all_needs_pages() {
    let (home, server) = echo();
    assert_eq!(call(&home, "echo.list_things", &["--all"]).json()["data"]["d"], json!([1, 2, 3]));
    let before = server.requests().len();
    let run = call(&home, "echo.create_thing", &["--name=n", "--all"]);
    refused(&run, "usage");
    assert!(run.json()["error"].as_str().unwrap().contains("does not answer in pages"));
    assert_eq!(server.requests().len(), before);
}

/// Sends SIGINT as soon as the service has the request.
fn interrupted(home: &Home, server: &Server, function: &str, more: &[&str]) -> (Run, Duration) {
    let before = server.requests().len();
    let mut command = home.command(&words(function, more));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while server.requests().len() == before && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    (finish(child, None), started.elapsed())
}

#[test]
fn an_interrupt_ends_a_read_and_leaves_a_write_unknown() {
    let (home, server) = echo();
    let (run, took) = interrupted(&home, &server, "echo.get_thing", &["--thing=slow"]);
    assert_eq!((run.code, code(&run).as_str()), (130, "cancelled"), "{}", run.stdout);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let strict = ["--project-id=p", "--name=n", "--size=1"];
    let (run, _) = interrupted(&home, &server, "echo.create_strict", &strict);
    assert_eq!((run.code, code(&run).as_str()), (130, "cancelled"), "{}", run.stdout);
    assert!(run.json()["error_detail"]["hints"].to_string().contains("check whether it took effect"), "{}", run.stdout);
    let audit = home.run(&["audit:list", "--json"]).json();
    let outcomes: Vec<&str> = audit["calls"].as_array().unwrap().iter().filter_map(|call| call["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["unknown", "failed"], "{audit}");
    assert_eq!(server.requests().len(), 2, "nothing is sent again");
}

#[test]
fn a_time_limit_ends_a_call() {
    let (home, _server) = echo();
    let started = Instant::now();
    let run = call(&home, "echo.get_thing", &["--thing=slow", "--timeout=0.4"]);
    assert_eq!((run.code, code(&run).as_str()), (7, "timeout"), "{}", run.stdout);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    for wrong in ["0", "-1", "1e9", "nan", "inf"] {
        refused(&call(&home, "echo.get_all", &[&format!("--timeout={wrong}")]), "usage");
    }
}
