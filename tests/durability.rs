//! What is stored stays stored: killed processes, many processes at once, a full disk; and folders and settings files that cannot be
//! used, which must be said and hang nothing. Every run is a real process on a real database.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::home::{Home, Run, finish};
use crate::support::server::{Reply, Server};

fn create(home: &Home, id: &str, document: &Value) -> Command {
    let payload = json!({"collection": "c", "id": id, "document": document}).to_string();
    let mut command = home.command(&["integrations:call", "data.create", &payload, "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn created(home: &Home, id: &str, document: &Value) -> Run {
    finish(create(home, id, document).spawn().unwrap(), None)
}

/// Ids of all documents, by the program itself.
fn stored(home: &Home) -> BTreeSet<String> {
    let run = home.run(&["integrations:call", "data.list", "--collection=c", "--all", "--json"]);
    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
    let documents = run.json()["data"]["documents"].as_array().unwrap().clone();
    documents.iter().map(|document| document["id"].as_str().unwrap().to_owned()).collect()
}

fn database(home: &Home) -> rusqlite::Connection {
    rusqlite::Connection::open(home.root().join("data/angelia.db")).unwrap()
}

/// The database is whole, and its text index knows exactly its documents.
fn sound(home: &Home) {
    let db = database(home);
    let said: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    db.execute("INSERT INTO documents_text (documents_text) VALUES ('integrity-check')", []).unwrap();
    let apart =
        "SELECT count(*) FROM documents d FULL JOIN documents_text t ON t.rowid = d.number WHERE d.number IS NULL OR t.rowid IS NULL";
    assert_eq!(db.query_row(apart, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "documents and their text are written together");
}

fn audit(home: &Home, more: &[&str]) -> Vec<Value> {
    let run = home.run(&[&["audit:list", "--json", "--limit=1000"], more].concat());
    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
    run.json()["calls"].as_array().unwrap().clone()
}

/// Kills a child after a while; says whether it had reported success before, and whether the kill came in time.
fn killed(mut child: Child, after: Duration) -> (bool, bool) {
    thread::sleep(after);
    drop(child.kill());
    let output = child.wait_with_output().unwrap();
    (String::from_utf8_lossy(&output.stdout).contains("\"success\":true"), output.status.code().is_none())
}

#[test]
fn processes_killed_while_they_write_lose_nothing_that_they_reported() {
    let home = Home::new();
    let document = json!({"text": "words ".repeat(2_000)});
    let started = Instant::now();
    assert_eq!(created(&home, "first", &document).code, 0);
    // The span in which the kills fall is looked for: what a process takes depends on what else the machine does.
    let mut span = started.elapsed() * 4;
    let mut reported: BTreeSet<String> = BTreeSet::from([String::from("first")]);
    let (mut cut_short, mut wave) = (0, 0);
    while wave < 5 || ((cut_short < 10 || reported.len() < 10) && wave < 200) {
        wave += 1;
        let children: Vec<_> = (0..8)
            .map(|number| {
                let id = format!("w{wave}-{number}");
                let child = create(&home, &id, &document).spawn().unwrap();
                let after = span.mul_f64(fastrand::f64());
                thread::spawn(move || (id, killed(child, after)))
            })
            .collect();
        let ended: Vec<_> = children.into_iter().map(|child| child.join().unwrap()).collect();
        let in_time = ended.iter().filter(|(_, (_, in_time))| *in_time).count();
        cut_short += in_time;
        reported.extend(ended.into_iter().filter(|(_, (success, _))| *success).map(|(id, _)| id));
        span = match in_time {
            0..=2 => span.mul_f64(0.7),
            6..=8 => span.mul_f64(1.4),
            _ => span,
        };
    }
    assert!(cut_short >= 10 && reported.len() >= 10, "{cut_short} were killed, {} reported success", reported.len());
    let kept = stored(&home);
    assert!(kept.is_superset(&reported), "lost: {:?}", reported.difference(&kept).collect::<Vec<_>>());
    sound(&home);
    assert_eq!(created(&home, "last", &document).code, 0, "and it goes on");
}

#[test]
fn eight_processes_write_at_once() {
    const EACH: usize = 6;
    let home = Home::new();
    thread::scope(|scope| {
        for writer in 0..8 {
            let home = &home;
            scope.spawn(move || {
                for number in 0..EACH {
                    let run = created(home, &format!("w{writer}-{number}"), &json!({"writer": writer}));
                    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
                }
            });
        }
    });
    assert_eq!(stored(&home).len(), 8 * EACH);
    let calls = audit(&home, &["--function=data.create"]);
    let unique: BTreeSet<&str> = calls.iter().map(|call| call["call_id"].as_str().unwrap()).collect();
    assert_eq!((calls.len(), unique.len()), (8 * EACH, 8 * EACH));
    assert!(calls.iter().all(|call| call["outcome"] == "succeeded"));
    sound(&home);
}

#[test]
fn changes_of_one_document_by_several_processes_all_count() {
    let home = Home::new();
    assert_eq!(created(&home, "x", &json!({})).code, 0);
    thread::scope(|scope| {
        for writer in 0..8 {
            let home = &home;
            scope.spawn(move || {
                for number in 0..3 {
                    let patch = json!({"collection": "c", "id": "x", "patch": {format!("m{writer}-{number}"): true}}).to_string();
                    let run = home.run(&["integrations:call", "data.patch", &patch, "--json"]);
                    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
                }
            });
        }
    });
    let run = home.run(&["integrations:call", "data.get", "--collection=c", "--id=x", "--json"]);
    assert_eq!(run.json()["data"]["document"].as_object().unwrap().len(), 24, "{}", run.stdout);
    let same = thread::scope(|scope| {
        let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| created(&home, "one", &json!({})).code)).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!((same.iter().filter(|code| **code == 0).count(), same.iter().filter(|code| **code == 2).count()), (1, 7));
}

const SLOW: &str = r#"
id: slow
title: Slow
description: Takes its time.
category: test
auth_strategy: none
servers: {default: "http://127.0.0.1:1"}
functions:
  - {id: create_thing, title: Create, description: Writes., operation: write, request: POST /things, parameters: {name: {type: string}}, examples: []}
"#;

#[test]
fn a_write_whose_process_was_killed_is_known() {
    let (home, server) = (Home::new(), Server::start(|_| Reply::trickle(Duration::from_millis(20))));
    home.manifest("slow", SLOW);
    home.config(&format!(
        "[integrations.slow]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\nservers.default = \"{}\"\n",
        server.origin()
    ));
    let mut command = home.command(&["integrations:call", "slow.create_thing", "--name=n", "--timeout=30", "--json"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while server.requests().is_empty() && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let calls = audit(&home, &[]);
    assert_eq!(calls.len(), 1);
    assert_eq!((&calls[0]["function"], &calls[0]["outcome"]), (&json!("slow.create_thing"), &json!("pending")));
    assert_eq!(calls[0]["arguments"], json!({"name": "n"}));
    let db = database(&home);
    let (time, deadline): (i64, i64) =
        db.query_row("SELECT time_ms, deadline_ms FROM calls", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(deadline - time, 90_000, "the time limit and a minute");
    db.execute("UPDATE calls SET time_ms = time_ms - 90001, deadline_ms = deadline_ms - 90001", []).unwrap();
    assert_eq!(audit(&home, &["--outcome=unknown"]).len(), 1, "after its deadline nobody can know");
    assert!(audit(&home, &["--outcome=pending"]).is_empty());
}

/// A file system of our own over a folder; taken away again with this.
struct Mount(PathBuf);

impl Mount {
    /// `None` where mounting is not permitted.
    fn over(folder: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(folder).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success()).then(|| Self(folder.to_owned()))
    }

    fn again(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Writes until there is no room; answers what was reported as stored, and the failure.
fn fill(make: impl Fn(&str) -> Run) -> (BTreeSet<String>, Run) {
    let mut reported = BTreeSet::new();
    for number in 0..60 {
        let id = format!("d{number}");
        let run = make(&id);
        if run.code != 0 {
            return (reported, run);
        }
        reported.insert(id);
    }
    panic!("the disk never filled up");
}

fn no_room(run: &Run) {
    assert_eq!(run.code, 70, "{} {}", run.stdout, run.stderr);
    let error = run.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("full") && error.contains("nothing was stored"), "{error}");
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let home = Home::new();
    let Some(disk) = Mount::over(&home.root().join("data"), "size=1m") else { return };
    let document = json!({"text": "words ".repeat(15_000)});
    let (reported, failed) = fill(|id| created(&home, id, &document));
    no_room(&failed);
    assert!(!reported.is_empty());
    for word in ["integrations:list", "integrations:search create", "config:list"] {
        let run = home.run(&word.split(' ').collect::<Vec<_>>());
        assert_eq!(run.code, 0, "{word}: {}", run.stderr);
    }
    disk.again("size=16m");
    assert_eq!(stored(&home), reported, "what was reported is there, and nothing else");
    assert_eq!(created(&home, "later", &document).code, 0, "it works again when there is room");
    sound(&home);
}

#[test]
fn a_file_that_may_not_grow_is_said_and_loses_nothing() {
    let home = Home::new();
    let text = "words ".repeat(8_000);
    let limited = |id: &str| {
        let plain = create(&home, id, &json!({"text": text}));
        let mut command = home.command(&[]);
        let mut shell = Command::new("bash");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 900; exec \"$0\" \"$@\""]).arg(command.get_program()).args(plain.get_args());
        shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
        shell.current_dir(command.get_current_dir().unwrap());
        command = shell;
        finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), None)
    };
    let (reported, failed) = fill(limited);
    no_room(&failed);
    assert_eq!(stored(&home), reported);
    assert_eq!(created(&home, "later", &json!({"text": text})).code, 0);
    sound(&home);
}

/// Discovery and help, which need nothing.
fn discovery_works(home: &Home) {
    for words in [
        &["--version"][..],
        &["--help"],
        &["integrations:call", "--help"],
        &["completions", "bash"],
        &["integrations:list", "--json"],
        &["integrations:search", "create", "an", "issue"],
        &["integrations:docs", "data.create"],
        &["integrations:schema", "data.create"],
        &["integrations:call", "data.create", "--help"],
        &["integrations:call", "hackernews.get_item", "--id=1", "--dry-run", "--force", "--json"],
    ] {
        let run = home.run(words);
        assert!(!run.stderr.contains("panicked"), "{words:?}: {}", run.stderr);
        let enough = run.code == 0 || words[1..].contains(&"--dry-run") && run.code == 5;
        assert!(enough, "{words:?}: {} {} {}", run.code, run.stdout, run.stderr);
    }
}

/// Writes fail, and the message holds `said`.
fn nothing_is_stored(home: &Home, said: &str) {
    for words in [
        &["integrations:call", "data.create", "--collection=c", "--document={}", "--json"][..],
        &["integrations:configure", "github", "--set=token=x", "--json"],
        &["config:set", "http.retries", "1", "--json"],
    ] {
        let run = home.run(words);
        assert!(run.code != 0 && !run.stderr.contains("panicked"), "{words:?}: {} {}", run.stdout, run.stderr);
        assert!(run.json()["error"].as_str().unwrap().contains(said), "{words:?}: {}", run.stdout);
    }
}

#[test]
fn a_home_that_cannot_be_made_stops_writes_only() {
    let file = Home::new();
    std::fs::write(file.path().join("file"), "").unwrap();
    let inside = file.path().join("file/home").display().to_string();
    for (place, said) in
        [("/proc/angelia", "/proc/angelia/"), (inside.as_str(), inside.as_str()), ("relative/home", "not an absolute path")]
    {
        let home = Home::new().env("ANGELIA_HOME", place);
        discovery_works(&home);
        nothing_is_stored(&home, said);
        assert!(!home.path().join("work/relative").exists());
    }
    let nowhere = Home::new().env("ANGELIA_HOME", "").env("HOME", "relative");
    discovery_works(&nowhere);
    nothing_is_stored(&nowhere, "set ANGELIA_HOME");
}

#[test]
fn a_home_that_may_only_be_read_stops_writes_only() {
    let home = Home::new();
    home.config("[http]\nretries = 1\n");
    let root = home.root();
    let _mount = Mount::over(&root, "size=1m").inspect(|mount| {
        std::fs::create_dir_all(root.join("config/providers")).unwrap();
        home.config("[http]\nretries = 1\n");
        mount.again("ro");
    });
    let closed = |mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        let folders = [root.join("config"), root.clone()];
        folders.iter().for_each(|folder| drop(std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode))));
    };
    closed(0o555);
    if std::fs::write(root.join("probe"), "").is_ok() {
        return; // a superuser who may not mount: nothing can be closed to them
    }
    discovery_works(&home);
    nothing_is_stored(&home, &root.display().to_string());
    let run = home.run(&["config:get", "http.retries"]);
    assert_eq!((run.code, run.stdout.trim()), (0, "1"), "what is there is read: {}", run.stderr);
    closed(0o755);
}

/// Puts something in a file's place.
type Make = fn(&Path);

#[test]
fn a_settings_file_that_cannot_be_read_is_named_and_hangs_nothing() {
    let bad: [(&str, Make, &str); 6] = [
        ("fifo", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success()), "not an ordinary file"),
        ("folder", |path| std::fs::create_dir(path).unwrap(), "not an ordinary file"),
        ("huge", |path| std::fs::write(path, "#".repeat(10 << 20)).unwrap(), "10485760 bytes"),
        ("latin", |path| std::fs::write(path, b"# \xe4\nforce = \"allow\"\n").unwrap(), "not UTF-8"),
        ("half", |path| std::fs::write(path, "[http]\nretries = 1\n[integrations.git").unwrap(), "line 3"),
        ("unknown", |path| std::fs::write(path, "[http]\nretrys = 1\n").unwrap(), "retrys"),
    ];
    for (kind, make, said) in bad {
        let home = Home::new();
        let path = home.root().join("config/config.toml");
        std::fs::remove_file(&path).unwrap();
        make(&path);
        for words in [&["--version"][..], &["--help"], &["-h"], &["help"], &["integrations:call", "--help"], &["completions", "zsh"]] {
            let run = home.run(words);
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{kind} {words:?}");
        }
        for words in [
            &["integrations:list", "--json"][..],
            &["integrations:doctor", "--json"],
            &["integrations:call", "data.collections", "--json"],
            &["integrations:search", "issue", "--json"],
            &["config:list", "--json"],
            &["config:set", "http.retries", "2", "--json"],
        ] {
            let started = Instant::now();
            let run = home.run(words);
            assert_eq!(run.code, 2, "{kind} {words:?}: {} {}", run.stdout, run.stderr);
            let error = run.json()["error"].as_str().unwrap().to_owned();
            assert!(error.contains(&path.display().to_string()) && error.contains(said), "{kind} {words:?}: {error}");
            assert!(started.elapsed() < Duration::from_secs(10));
        }
    }
}
