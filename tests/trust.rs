//! Projects: a file inside one may narrow what the user allows, and widens it only as long as it is exactly what the user trusted
//! (contract section 6). What a project wanted and did not get is said.

use std::fs;

use serde_json::{Value, json};

use crate::support::desk::{self, Answer, Desk, MANIFEST, WORK};
use crate::support::server::Server;

const DENIED: (i32, &str) = (4, "permission_denied");
const ASKED: (i32, &str) = (4, "approval_required");
const DONE: (i32, &str) = (0, "none");

/// Trusts the project around the current folder; what the command answers.
fn trust(desk: &Desk) -> Value {
    let run = desk.run(&["trust", "--json"]);
    assert_eq!((run.code, &run.json()["trusted"]), (0, &json!(true)), "{run:?}");
    run.json()
}

fn noted(answer: &Answer, what: &str) -> bool {
    answer.stderr.contains("not trusted") && answer.stderr.contains("angelia trust") && answer.stderr.contains(what)
}

/// A project's settings, what the user's are, the call, its end without and with trust, and what the note must name.
type Case<'a> = (&'a str, &'a str, &'a [&'a str], (i32, &'a str), (i32, &'a str), &'a str);

#[test]
fn what_widens_is_ignored_with_a_note_until_it_is_trusted() {
    let desk = Desk::open("");
    let own = Desk::text(&desk.server, "write = 'deny'");
    let off = own.replace("enabled = true", "enabled = false");
    let guarded = Desk::text(&desk.server, "read = 'allow'").replace("allow_private = true\n", "");
    let slow = format!("{}[approvals]\nttl_seconds = 1000\n", Desk::text(&desk.server, "read = 'allow'"));
    let (get, create) = (&["desk.get_desk"][..], &["desk.create_paper", "--title=a"][..]);
    let table: [Case<'_>; 11] = [
        ("[integrations.desk]\nenabled = true\nread = 'allow'", &off, get, (5, "inactive"), DONE, "enabled"),
        ("[integrations.desk]\nread = 'allow'", &own, get, ASKED, DONE, "allow rules"),
        ("[integrations.desk]\nwrite = 'allow'", &own, create, DENIED, DONE, "allow rules"),
        ("[integrations.desk]\nwrite = 'ask'", &own, create, DENIED, ASKED, ""),
        ("[integrations.desk.functions]\n'create_*' = 'allow'", &own, create, DENIED, DONE, "integrations.desk: allow rules"),
        ("[integrations.desk.accounts.default]\nwrite = 'allow'", &own, create, DENIED, DONE, "allow rules"),
        ("[integrations.desk.accounts.default.functions]\n'*' = 'allow'", &own, create, DENIED, DONE, "allow rules"),
        ("[integrations.desk]\nallow_private = true", &guarded, get, (7, "unreachable"), DONE, "allow_private"),
        ("[http]\nmax_response_bytes = 3", &slow, get, DONE, (6, "invalid_response"), "http"),
        ("[approvals]\nttl_seconds = 1", &slow, get, DONE, DONE, "approvals"),
        ("force = 'allow'", &format!("force = 'never'\n{own}"), &["desk.create_paper", "--title=a", "--force"], DENIED, DENIED, ""),
    ];
    for (project, user, words, before, after, note) in table {
        desk.home.config(user);
        desk.project("config.toml", project);
        let answer = desk.call(words[0], &words[1..]);
        assert_eq!(answer.exit, before.0, "{project}: {answer:?}");
        assert!(before.0 == 7 || answer.code() == before.1, "{project}: {answer:?}");
        assert!(note.is_empty() || noted(&answer, note), "{project}: {answer:?}");
        trust(&desk);
        let answer = desk.call(words[0], &words[1..]);
        assert_eq!(answer.end(), after, "{project} trusted: {answer:?}");
        assert!(!answer.stderr.contains("not trusted"), "{project}: {answer:?}");
    }
}

#[test]
fn what_would_send_secrets_elsewhere_is_ignored_too() {
    let desk = Desk::open("read = 'allow'");
    let other = Server::start(desk::answer);
    let elsewhere = format!("[integrations.desk.servers]\ndefault = \"{}\"\n", other.origin());
    desk.project("config.toml", &elsewhere);
    let answer = desk.call("get_desk", &[]);
    assert!(answer.end() == DONE && noted(&answer, "servers"), "{answer:?}");
    desk.project("config.toml", "[integrations.desk]\naccount = \"work\"\n");
    let answer = desk.call("get_desk", &[]);
    assert!(answer.end() == DONE && noted(&answer, "account"), "{answer:?}");
    assert_ne!(desk.last_header("x-token").as_deref(), Some(WORK));
    assert_eq!((desk.sent(), other.requests().len()), (2, 0));
    trust(&desk);
    assert_eq!(desk.call("get_desk", &[]).envelope["meta"]["account"], "work");
    assert_eq!(desk.last_header("x-token").as_deref(), Some(WORK));
    desk.project("config.toml", &elsewhere);
    trust(&desk);
    assert_eq!(desk.call("get_desk", &[]).end(), DONE);
    assert_eq!((desk.sent(), other.requests().len()), (3, 1));
}

#[test]
fn a_manifest_of_a_project_is_ignored_until_it_is_trusted() {
    let desk = Desk::open("read = 'allow'\nwrite = 'allow'");
    desk.project("providers/shelf.yaml", &MANIFEST.replace("id: desk", "id: shelf"));
    desk.project(
        "providers/desk.yaml",
        &MANIFEST.replace("POST /papers", "POST /stolen").replace("request: GET /desk", "request: GET /stolen"),
    );
    let answer = desk.call("shelf.get_desk", &[]);
    assert!(answer.end() == (3, "unknown_provider") && noted(&answer, "providers/"), "{answer:?}");
    for (function, words) in [("get_desk", &[][..]), ("create_paper", &["--title=a"])] {
        let answer = desk.call(function, words);
        assert!(answer.end() == DONE && noted(&answer, "providers/"), "{answer:?}");
    }
    let listed = |desk: &Desk| desk.run(&["integrations:list", "--json"]).stdout.contains("\"shelf\"");
    assert!(!listed(&desk) && desk.server.requests().iter().all(|request| request.path() != "/stolen"));
    trust(&desk);
    assert!(listed(&desk));
    assert_eq!(desk.call("shelf.get_desk", &[]).end(), (5, "inactive"), "it is known now, and passes every check");
    assert_eq!(desk.call("get_desk", &[]).end(), DONE);
    assert_eq!(desk.server.requests().last().unwrap().path(), "/stolen");
    assert_eq!(desk.run(&["trust", "--revoke"]).code, 0);
    assert_eq!((desk.call("get_desk", &[]).end(), listed(&desk)), (DONE, false), "what was compiled once is not used any more");
    assert_eq!(desk.server.requests().last().unwrap().path(), "/desk");
}

#[test]
fn what_narrows_needs_no_trust() {
    let desk = Desk::open("read = 'allow'\nwrite = 'allow'\nfunctions.'create_*' = 'allow'");
    let create = &["desk.create_paper", "--title=a"][..];
    let table: [(&str, &[&str], (i32, &str)); 8] = [
        ("[integrations.desk]\nenabled = false", &["desk.get_desk"], (5, "inactive")),
        ("[integrations.desk]\nread = 'deny'", &["desk.get_desk"], DENIED),
        ("[integrations.desk]\nread = 'ask'", &["desk.get_desk"], ASKED),
        ("[integrations.desk]\nwrite = 'deny'", create, DENIED),
        ("[integrations.desk.functions]\n'*' = 'deny'", create, DENIED),
        ("[integrations.desk.accounts.default]\nwrite = 'ask'", create, ASKED),
        ("[integrations.data]\nenabled = false", &["data.list", "--collection=notes"], (5, "inactive")),
        ("force = 'never'", &["desk.create_paper", "--title=a", "--force"], DENIED),
    ];
    let reader = desk.home.path().join("work");
    for (project, words, end) in table {
        desk.project("config.toml", project);
        let answer = desk.call(words[0], &words[1..]);
        assert_eq!(answer.end(), end, "{project}: {answer:?}");
        assert!(!answer.stderr.contains("not trusted"), "{project}: {answer:?}");
    }
    assert_eq!(desk.sent(), 0);
    let narrow = "[integrations.desk.accounts.work]\nwrite = 'deny'\n[integrations.other]\nenabled = false\n";
    desk.project("config.toml", narrow);
    assert_eq!(desk.call("create_paper", &["--title=a"]).end(), DONE, "what it says of others is no matter");
    fs::remove_dir_all(reader.join(".angelia")).unwrap();
    assert_eq!(desk.call("get_desk", &[]).end(), DONE);
}

#[test]
fn a_refusal_by_a_project_says_so() {
    let desk = Desk::open("write = 'allow'");
    desk.project("config.toml", "[integrations.desk]\nwrite = 'deny'");
    let answer = desk.call("create_paper", &["--title=a"]);
    assert!(answer.end() == DENIED && answer.error().contains("the project's settings: desk.write = deny"), "{answer:?}");
    assert!(answer.hints().contains(".angelia/config.toml"), "{answer:?}");
}

const WIDE: &str = "[integrations.desk]\nwrite = 'allow' # 1\n";

#[test]
fn trust_holds_for_the_exact_files() {
    let desk = Desk::open("");
    let may = |desk: &Desk| desk.call("create_paper", &["--title=a"]).end() == DONE;
    let path = desk.project("config.toml", WIDE);
    assert!(!may(&desk));
    trust(&desk);
    assert!(may(&desk));
    fs::write(&path, WIDE.replace('1', "2")).unwrap();
    assert!(!may(&desk), "one byte of a comment changed");
    fs::write(&path, WIDE).unwrap();
    assert!(may(&desk), "it is again what was trusted");
    let manifest = desk.project("providers/shelf.yaml", &MANIFEST.replace("id: desk", "id: shelf"));
    assert!(!may(&desk), "a manifest came");
    trust(&desk);
    assert!(may(&desk));
    let moved = manifest.with_file_name("board.yaml");
    fs::rename(&manifest, &moved).unwrap();
    assert!(!may(&desk), "it has another name");
    fs::rename(&moved, &manifest).unwrap();
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("POST /papers", "POST /papirs")).unwrap();
    assert!(!may(&desk), "it says something else");
    fs::remove_file(&manifest).unwrap();
    assert!(!may(&desk), "it is gone");
    trust(&desk);
    assert!(may(&desk));
    let copy = desk.home.path().join("copy/.angelia");
    fs::create_dir_all(&copy).unwrap();
    fs::copy(&path, copy.join("config.toml")).unwrap();
    let words = ["integrations:call", "desk.create_paper", "--title=a", "--json"];
    let mut command = desk.home.command(&words);
    let output = command.current_dir(copy.parent().unwrap()).stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "the same files elsewhere are another project");
}

#[test]
fn trust_is_listed_shown_and_revoked() {
    let desk = Desk::open("");
    let path = desk.project("config.toml", WIDE);
    let folder = desk.home.path().join("work").canonicalize().unwrap();
    let list = || desk.run(&["trust", "--list", "--json"]).json()["projects"].clone();
    let show = || desk.run(&["trust", "--show", "--json"]).json();
    assert_eq!((list(), &show()["trusted"]), (json!([]), &json!(false)), "looking is not trusting");
    assert_eq!(show()["files"][0]["text"], WIDE);
    desk.project("providers/shelf.yml", "id: shelf\ntitle: \u{1b}[2K\u{1b}[1A\u{202e}nothing to see\n");
    let seen = desk.run(&["trust", "--show"]).stdout;
    assert!(seen.contains("id: shelf") && seen.contains("write = 'allow'"), "{seen}");
    assert!(!seen.contains(['\u{1b}', '\u{202e}']), "what is shown cannot hide itself: {seen:?}");
    let trusted = trust(&desk);
    assert_eq!(trusted["files"].as_array().unwrap().len(), 2);
    assert_eq!(list(), json!([{"project": folder.to_str().unwrap(), "current": true}]));
    fs::write(&path, "").unwrap();
    assert_eq!((&list()[0]["current"], &show()["trusted"]), (&json!(false), &json!(false)));
    fs::write(&path, WIDE).unwrap();
    assert_eq!(desk.call("create_paper", &["--title=a", "--dry-run"]).end(), DONE);
    assert_eq!(desk.run(&["trust", "--revoke"]).code, 0);
    assert_eq!((list(), desk.call("create_paper", &["--title=a"]).end()), (json!([]), ASKED));
    assert_eq!(desk.run(&["trust", "--revoke"]).code, 3);
}

#[test]
fn nothing_inside_a_project_can_trust_it() {
    let desk = Desk::open("");
    desk.project("config.toml", WIDE);
    let fingerprint = trust(&desk)["fingerprint"].clone();
    assert_eq!(desk.run(&["trust", "--revoke"]).code, 0);
    let folder = desk.home.path().join("work").canonicalize().unwrap();
    let forged = json!({folder.to_str().unwrap(): fingerprint}).to_string();
    for place in ["trust.json", "data/trust.json", "home/data/trust.json", "../trust.json", "../data/trust.json"] {
        desk.project(place, &forged);
        assert_eq!(desk.call("create_paper", &["--title=a"]).end(), ASKED, "{place}");
    }
    for (name, value) in [("ANGELIA_TRUST", "1"), ("ANGELIA_TRUSTED", "true")] {
        assert_eq!(desk.call_in(&[(name, value)], "create_paper", &["--title=a"]).end(), ASKED, "{name}");
    }
    for text in ["trusted = true\n", "[trust]\nproject = true\n", "[integrations.desk]\ntrusted = true\n"] {
        desk.project("config.toml", &format!("{text}\n"));
        assert_eq!(desk.call("create_paper", &["--title=a"]).end(), (2, "usage"), "{text}");
    }
    assert_eq!((desk.sent(), desk.run(&["integrations:list"]).code), (0, 2), "a file that says what cannot be said is no settings file");
}

#[test]
fn a_project_sets_no_credentials_and_runs_nothing() {
    let desk = Desk::open("read = 'allow'");
    let mark = desk.aside.path().join("mark");
    let command = format!("cmd:touch {}", mark.display());
    let table = [
        format!("[integrations.desk]\ntoken = \"{command}\""),
        format!("[integrations.desk.credentials]\ntoken = \"{command}\""),
        format!("[integrations.desk.accounts.default]\ntoken = \"{command}\""),
        format!("[integrations.desk.servers]\ndefault = \"{command}\""),
        format!("[integrations.desk]\naccount = \"{command}\""),
        format!("[credentials]\ncommand = \"{command}\""),
    ];
    for text in &table {
        desk.project("config.toml", text);
        let _ = desk.call("get_desk", &[]);
        if desk.run(&["trust"]).code == 0 {
            let _ = desk.call("get_desk", &[]);
        }
        assert!(!mark.exists(), "{text}");
    }
    desk.project("config.toml", "[credentials]\nstore = \"keychain\"");
    for _ in 0..2 {
        let doctor = desk.run(&["integrations:doctor", "--json"]).stdout;
        assert!(doctor.contains("an encrypted file"), "where secrets go is the user's word: {doctor}");
        trust(&desk);
    }
}

#[test]
fn configure_writes_to_the_project_what_belongs_there() {
    let desk = Desk::open("read = 'deny'");
    let own = desk.home.root().join("config/config.toml");
    let before = fs::read_to_string(&own).unwrap();
    let configure = |more: &[&str]| desk.run(&[&["integrations:configure", "desk", "--project", "--json"], more].concat());
    let run = configure(&["--set", "note=x"]);
    assert_eq!(run.code, 2, "credentials belong to nobody's project: {run:?}");
    let path = desk.home.path().join("work/.angelia/config.toml");
    assert!(!path.exists());
    let run = configure(&["--read=allow"]);
    assert_eq!((run.code, &run.json()["scope"]), (0, &json!("project")), "{run:?}");
    assert_eq!((fs::read_to_string(&own).unwrap(), desk.call("get_desk", &[]).end()), (before, DONE), "a project of one's own is trusted");
    assert_eq!(configure(&["--write=allow"]).code, 0);
    assert_eq!(desk.call("create_paper", &["--title=a"]).end(), DONE, "and stays so when its user changes it");
    fs::write(&path, format!("{}# by somebody else\n", fs::read_to_string(&path).unwrap())).unwrap();
    assert_eq!(desk.call("get_desk", &[]).end(), DENIED);
    assert_eq!(configure(&["--write=ask"]).code, 0);
    assert_eq!(desk.call("get_desk", &[]).end(), DENIED, "changing a file that is not trusted trusts nothing of it");
    assert_eq!(desk.run(&["config:set", "integrations.desk.destructive", "deny", "--project"]).code, 0);
    assert_eq!(desk.call("delete_paper", &["--paper=a"]).end(), DENIED);
    assert_eq!(desk.call("get_desk", &[]).end(), DENIED);
}

#[cfg(unix)]
#[test]
fn links_in_a_project_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let desk = Desk::open("read = 'allow'");
    let victim = desk.put_aside("victim", "[integrations.desk]\nread = 'deny'\n");
    let nothing = desk.aside.path().join("nothing");
    let lock = desk.project("config.lock", "");
    let config = lock.with_file_name("config.toml");
    symlink(&victim, &config).unwrap();
    fs::remove_file(&lock).unwrap();
    symlink(&nothing, &lock).unwrap();
    let run = desk.run(&["integrations:configure", "desk", "--project", "--write=deny"]);
    assert!(run.code != 0 && run.stderr.contains("config.lock"), "{run:?}");
    fs::remove_file(&lock).unwrap();
    assert_eq!(desk.run(&["integrations:configure", "desk", "--project", "--write=deny"]).code, 0);
    assert_eq!(desk.call("create_paper", &["--title=a"]).end(), DENIED);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "[integrations.desk]\nread = 'deny'\n", "what a link points to is not written");
    assert!(!nothing.exists(), "nor made");
}
