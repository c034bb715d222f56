//! Credentials and accounts (contract section 7): where a value comes from, how it is kept, and what happens when that is tampered with,
//! interrupted or done by many at once. Secrets come out nowhere: each run and every file is searched for them (see `support::desk`).

use std::fs;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::desk::{Desk, TOKEN, WORK};
use crate::support::home::{Run, finish};

const READ: &str = "read = 'allow'";
const DONE: (i32, &str) = (0, "none");
const MISSING: (i32, &str) = (5, "missing_credentials");
const REAUTH: (i32, &str) = (5, "needs_reauth");

fn configure(desk: &Desk, more: &[&str]) -> Run {
    desk.run(&[&["integrations:configure", "desk", "--json"], more].concat())
}

/// The token that a call sends.
fn sent_token(desk: &Desk, variables: &[(&str, &str)], words: &[&str]) -> String {
    let before = desk.sent();
    let answer = desk.call_in(variables, "get_desk", words);
    assert_eq!((answer.end(), desk.sent()), (DONE, before + 1), "{answer:?}");
    desk.last_header("x-token").unwrap()
}

fn source(desk: &Desk, variables: &[(&str, &str)], field: &str, words: &[&str]) -> Value {
    let run = desk.run_in(variables, &[&["integrations:fields", "desk", "--json"], words].concat());
    run.json()["fields"].as_array().unwrap().iter().find(|row| row["key"] == field).unwrap()["source"].clone()
}

#[test]
fn a_value_is_looked_up_in_the_environment_then_in_the_store_then_in_the_manifest() {
    let mut desk = Desk::open(READ);
    let names = ["ANGELIA_DESK_TOKEN", "ANGELIA_DESK__DEFAULT__TOKEN", "DESK_TOKEN"];
    let values = names.map(|name| format!("v4lue&of={name}"));
    values.iter().for_each(|value| desk.hide(value));
    let all: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
    for first in 0..names.len() {
        assert_eq!(sent_token(&desk, &all[first..], &[]), values[first]);
        assert_eq!(source(&desk, &all[first..], "token", &[]), "environment");
    }
    assert_eq!((sent_token(&desk, &[], &[]), source(&desk, &[], "token", &[])), (TOKEN.to_owned(), json!("encrypted file")));
    assert_eq!(sent_token(&desk, &[(names[0], ""), (names[2], "")], &[]), TOKEN, "an empty variable is none");
    let work = ["--account=work"];
    assert_eq!(sent_token(&desk, &all, &work), WORK, "variables without an account are those of the default one");
    let own = [("ANGELIA_DESK__WORK__TOKEN", "v4lue&for=work")];
    desk.hide(own[0].1);
    assert_eq!((sent_token(&desk, &own, &work), sent_token(&desk, &own, &[])), (own[0].1.to_owned(), TOKEN.to_owned()));
    let other = [("ANGELIA_DESK__NEW_ONE__TOKEN", "v4lue&for=new-one")];
    desk.hide(other[0].1);
    assert_eq!(sent_token(&desk, &other, &["--account=new-one"]), other[0].1, "the environment alone makes an account");
    assert_eq!(desk.call("get_desk", &["--account=new-one"]).end(), (3, "unknown_account"));
    let note = |variables: &[(&str, &str)]| (sent_token(&desk, variables, &[]), desk.last_header("x-note").unwrap()).1;
    assert_eq!((note(&[]), source(&desk, &[], "note", &[])), ("plain".to_owned(), json!("default")));
    assert_eq!(configure(&desk, &["--set", "note=stored"]).code, 0);
    assert_eq!((note(&[]), source(&desk, &[], "note", &[])), ("stored".to_owned(), json!("settings")));
    assert_eq!(note(&[("ANGELIA_DESK_NOTE", "given")]), "given");
    assert_eq!(configure(&desk, &["--unset", "note"]).code, 0);
    assert_eq!(note(&[]), "plain");
}

#[test]
fn a_reference_is_followed_when_it_is_needed_and_not_before() {
    let desk = Desk::open(READ);
    let file = desk.put_aside("token", &format!("{WORK}\n"));
    let count = desk.aside.path().join("count");
    let counting = format!("token=cmd:echo x >> {}; cat {file}", count.display());
    let counted = || fs::read_to_string(&count).unwrap_or_default().lines().count();
    assert_eq!(configure(&desk, &["--set", "token=env:MY_TOKEN"]).code, 0);
    assert_eq!(sent_token(&desk, &[("MY_TOKEN", WORK)], &[]), WORK);
    assert_eq!(desk.call("get_desk", &[]).end(), MISSING);
    assert_eq!(configure(&desk, &["--set", &format!("token=file:{file}")]).code, 0);
    assert_eq!((sent_token(&desk, &[], &[]), source(&desk, &[], "token", &[])), (WORK.to_owned(), json!("reference")));
    fs::remove_file(&file).unwrap();
    assert_eq!(desk.call("get_desk", &[]).end(), MISSING);
    desk.put_aside("token", WORK);
    assert_eq!(configure(&desk, &["--set", &counting]).code, 0);
    for words in ["list", "status", "doctor desk", "fields desk", "accounts desk", "docs desk", "search desk"] {
        let line = format!("integrations:{words}");
        let run = desk.run(&line.split(' ').collect::<Vec<_>>());
        assert!(run.code == 0, "{words}: {run:?}");
    }
    assert_eq!(desk.call("get_desk", &["--dry-run"]).end(), DONE);
    desk.settings("read = 'ask'");
    assert_eq!(desk.call("get_desk", &[]).exit, 4);
    assert_eq!(counted(), 0, "a password manager is not asked by who only looks");
    desk.settings(READ);
    assert_eq!((sent_token(&desk, &[], &[]), counted()), (WORK.to_owned(), 1));
}

#[test]
fn a_reference_that_leads_nowhere_sends_nothing() {
    let desk = Desk::open(READ);
    let silent = desk.put_aside("silent", "");
    let bad = desk.put_aside("bad", &format!("{TOKEN}\nand more\n"));
    fs::create_dir(desk.aside.path().join("folder")).unwrap();
    let table = [
        ("cmd:exit 3", "failed"),
        ("cmd:kill -9 $$", "failed"),
        ("cmd:true", "printed nothing"),
        ("cmd:echo", "printed nothing"),
        ("cmd:no-such-program-here 2>/dev/null", "failed"),
        ("cmd:printf '\\377'", "UTF-8"),
        ("file:FOLDER", "ordinary file"),
        ("env:NOT_SET_ANYWHERE", "missing required credentials"),
        ("file:/nowhere/at/all", "missing required credentials"),
    ];
    for (reference, said) in table {
        let reference = format!("token={}", reference.replace("FOLDER", desk.aside.path().join("folder").to_str().unwrap()));
        assert_eq!(configure(&desk, &["--set", &reference]).code, 0, "{reference}");
        let answer = desk.call("get_desk", &[]);
        assert_eq!(answer.end(), MISSING, "{reference}: {answer:?}");
        assert!(answer.error().contains(said), "{reference}: {answer:?}");
    }
    for path in [silent, bad] {
        assert_eq!(configure(&desk, &["--set", &format!("token=file:{path}")]).code, 0);
        let answer = desk.call("get_desk", &[]);
        assert!(answer.exit != 0 && answer.error().contains("token"), "{answer:?}");
    }
    assert_eq!(desk.sent(), 0);
}

#[test]
fn commands_come_from_the_user_alone() {
    let desk = Desk::open(READ);
    let mark = desk.aside.path().join("mark");
    let command = format!("cmd:touch {}", mark.display());
    for field in ["token", "note"] {
        for key in ["set", "credentials"] {
            let payload = json!({key: {field: command}}).to_string();
            let run = desk.run_with(&["integrations:configure", "desk", "--stdin-json", "--json"], &payload);
            assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (2, Some("invalid_payload")), "{run:?}");
        }
    }
    assert_eq!(sent_token(&desk, &[], &[]), TOKEN, "nothing was changed");
    assert_eq!(sent_token(&desk, &[("ANGELIA_DESK_TOKEN", &command)], &[]), command, "a variable is a value, not a reference");
    assert_eq!(configure(&desk, &["--set", "token=env:MY_TOKEN"]).code, 0);
    assert_eq!(sent_token(&desk, &[("MY_TOKEN", &command)], &[]), command, "nor is what a reference leads to");
    desk.store("default", TOKEN);
    assert_eq!(desk.call("create_paper", &["--dry-run", "--force", &format!("--title={command}")]).end(), DONE);
    assert!(!mark.exists());
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[test]
fn secrets_are_kept_sealed_and_for_their_owner_alone() {
    let desk = Desk::closed();
    let home = desk.home.path().join("fresh");
    let root = home.to_str().unwrap();
    let settings = |words: &[&str]| desk.run_in(&[("ANGELIA_HOME", root)], words).code;
    assert_eq!(settings(&["config:set", "credentials.store", "file"]), 0);
    fs::create_dir(home.join("config/providers")).unwrap();
    fs::write(home.join("config/providers/desk.yaml"), crate::support::desk::MANIFEST).unwrap();
    let set = format!("token={TOKEN}");
    assert_eq!(settings(&["integrations:configure", "desk", "--enable", "--set", &set, "--set", "note=seen"]), 0);
    assert_eq!(settings(&["integrations:call", "desk.get_desk"]), 4);
    for folder in ["", "config", "data"] {
        assert_eq!(mode(&home.join(folder)), 0o700, "'{folder}'");
    }
    for file in ["config/credentials.key", "config/config.toml", "data/credentials.json", "data/angelia.db"] {
        assert_eq!(mode(&home.join(file)), 0o600, "{file}");
    }
    let book: Value = serde_json::from_str(&fs::read_to_string(home.join("data/credentials.json")).unwrap()).unwrap();
    let stored = &book["accounts"]["desk"]["default"];
    assert_eq!((&stored["note"]["plain"], stored["token"]["sealed"].is_string()), (&json!("seen"), true), "{book}");
    let key = fs::read_to_string(home.join("config/credentials.key")).unwrap();
    for file in desk.home.files().into_iter().filter(|path| !path.ends_with("credentials.key")) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(key.trim().len()).any(|window| window == key.trim().as_bytes()), "the key is in {}", file.display());
    }
}

const PHRASE: (&str, &str) = ("ANGELIA_PASSPHRASE", "corr3ct horse/battery+staple");

#[test]
fn a_passphrase_keeps_the_secrets_without_a_key_file() {
    let mut desk = Desk::closed();
    desk.hide(PHRASE.1);
    desk.settings(READ);
    let set = |variables: &[(&str, &str)], account: &str, token: &str| {
        let token = format!("token={token}");
        desk.run_in(variables, &["integrations:configure", "desk", "--account", account, "--set", &token, "--json"])
    };
    assert_eq!(set(&[PHRASE], "default", TOKEN).code, 0);
    let key = desk.home.root().join("config/credentials.key");
    assert!(!key.exists());
    assert_eq!(sent_token(&desk, &[PHRASE], &[]), TOKEN);
    let wrong = [(PHRASE.0, "incorrect donkey")];
    assert_eq!(desk.call_in(&wrong, "get_desk", &[]).end(), REAUTH);
    let without = desk.call("get_desk", &[]);
    assert!(without.end() == MISSING && without.hints().contains(PHRASE.0), "{without:?}");
    let run = set(&[], "work", WORK);
    assert!(run.code != 0 && run.stdout.contains(PHRASE.0), "a store of passphrases is not silently made a weaker one: {run:?}");
    let run = set(&wrong, "work", WORK);
    assert!(run.code != 0, "what is sealed by a mistyped passphrase is lost: {run:?}");
    assert!(!key.exists() && desk.call_in(&[PHRASE], "get_desk", &["--account=work"]).exit == 3, "nothing was stored");
    assert_eq!((set(&[PHRASE], "work", WORK).code, sent_token(&desk, &[PHRASE], &["--account=work"])), (0, WORK.to_owned()));
    assert_eq!(sent_token(&desk, &[PHRASE], &[]), TOKEN);
    assert_eq!(desk.sent(), 3);
}

#[cfg(unix)]
#[test]
fn files_that_others_can_read_are_refused_with_what_repairs_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::open(READ);
    for file in ["data/credentials.json", "config/credentials.key"] {
        for bits in [0o644, 0o640, 0o604, 0o660, 0o777] {
            fs::set_permissions(desk.home.root().join(file), fs::Permissions::from_mode(bits)).unwrap();
            let answer = desk.call("get_desk", &[]);
            assert!(answer.exit != 0 && answer.error().contains("can be read by others"), "{file} {bits:o}: {answer:?}");
            let hint = answer.envelope["error_detail"]["hints"][0].as_str().unwrap();
            assert!(hint.starts_with("chmod 600 "), "{answer:?}");
            assert_eq!(std::process::Command::new("sh").args(["-c", hint]).status().unwrap().code(), Some(0));
            assert_eq!(sent_token(&desk, &[], &[]), TOKEN);
        }
    }
}

/// The book of accounts, changed by hand.
fn tamper(desk: &Desk, change: impl FnOnce(&mut Value)) -> String {
    let path = desk.home.root().join("data/credentials.json");
    let before = fs::read_to_string(&path).unwrap();
    let mut book: Value = serde_json::from_str(&before).unwrap();
    change(&mut book["accounts"]["desk"]);
    fs::write(path, book.to_string()).unwrap();
    before
}

/// What somebody did to the book of accounts.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Value));

#[test]
fn what_was_tampered_with_is_not_used() {
    let desk = Desk::open(READ);
    let flip = |book: &mut Value| {
        let sealed = book["default"]["token"]["sealed"].as_str().unwrap();
        let other = if &sealed[50..51] == "A" { "B" } else { "A" };
        book["default"]["token"]["sealed"] = json!(format!("{}{other}{}", &sealed[..50], &sealed[51..]));
    };
    let changes: [Change<'_>; 5] = [
        ("a changed letter", &flip),
        ("the value of another account", &|book| book["default"]["token"] = book["work"]["token"].clone()),
        ("a cut value", &|book| book["default"]["token"]["sealed"] = json!("AAAA")),
        ("no base64", &|book| book["default"]["token"]["sealed"] = json!("!")),
        ("nothing", &|book| book["default"]["token"]["sealed"] = json!("")),
    ];
    for (what, change) in changes {
        let before = tamper(&desk, change);
        let answer = desk.call("get_desk", &[]);
        assert_eq!(answer.end(), REAUTH, "{what}: {answer:?}");
        assert!(answer.error().contains("desk/default/token"), "{what}: {answer:?}");
        fs::write(desk.home.root().join("data/credentials.json"), before).unwrap();
    }
    assert_eq!(desk.sent(), 0);
    let path = desk.home.root().join("data/credentials.json");
    let before = fs::read_to_string(&path).unwrap();
    for text in [&before[..before.len() / 2], "", "{\"accounts\": 1}", "{\"akkounts\": {}}"] {
        fs::write(&path, text).unwrap();
        let (answer, run) = (desk.call("get_desk", &[]), configure(&desk, &["--set", "note=x"]));
        assert!(answer.exit != 0 && answer.error().contains("is damaged"), "{text:?}: {answer:?}");
        assert_ne!(run.code, 0, "{text:?}: {run:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "what cannot be read is not written over");
    }
    fs::write(&path, before).unwrap();
    assert_eq!(sent_token(&desk, &[], &[]), TOKEN);
}

#[test]
fn a_lost_key_is_told_and_can_be_made_good() {
    let desk = Desk::open(READ);
    let key = desk.home.root().join("config/credentials.key");
    let kept = fs::read_to_string(&key).unwrap();
    for lost in [None, Some("not a key"), Some("AAAA")] {
        fs::remove_file(&key).unwrap();
        lost.iter().for_each(|text| write_private(&key, text));
        let answer = desk.call("get_desk", &[]);
        assert_eq!(answer.end(), REAUTH, "{lost:?}: {answer:?}");
        assert!(answer.error().contains("credentials.key") && answer.hints().contains("integrations:configure"), "{answer:?}");
        assert_ne!(
            configure(&desk, &["--account=third", "--set", "token=other"]).code,
            0,
            "a new key would bury what is sealed by the old one"
        );
        write_private(&key, &kept);
        assert_eq!(sent_token(&desk, &[], &[]), TOKEN, "back with the key");
    }
    assert_eq!(desk.run(&["integrations:disconnect", "desk", "--account=work"]).code, 0);
    // The hint says to store the credential again: it must work.
    for (lost, token) in [(None, WORK), (Some("not a key"), TOKEN)] {
        fs::remove_file(&key).unwrap();
        lost.iter().for_each(|text| write_private(&key, text));
        desk.store("default", token);
        assert_eq!(sent_token(&desk, &[], &[]), token);
    }
}

fn write_private(path: &std::path::Path, text: &str) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn an_account_lives_from_its_first_field_to_its_end() {
    let desk = Desk::closed();
    desk.settings(READ);
    let missing = desk.run(&["integrations:fields", "desk", "--account=work", "--json"]).json();
    assert_eq!((&missing["account"], &missing["fields"][0]["configured"]), (&json!("work"), &json!(false)));
    assert_eq!(desk.call("get_desk", &["--account=work"]).end(), (3, "unknown_account"));
    desk.store("work", WORK);
    assert_eq!(desk.call("get_desk", &[]).end(), MISSING, "the default account has nothing of it");
    desk.store("default", TOKEN);
    assert_eq!((sent_token(&desk, &[], &[]), sent_token(&desk, &[], &["--account=work"])), (TOKEN.to_owned(), WORK.to_owned()));
    let answer = desk.call("get_desk", &["--account=wrok"]);
    assert_eq!(answer.end(), (3, "unknown_account"));
    assert!(answer.hints().contains("Did you mean 'work'?"), "{answer:?}");
    for name in ["../work", "Work", "work account", "wörk", "", "-work", &"w".repeat(64)] {
        assert_eq!(desk.call("get_desk", &[&format!("--account={name}")]).end(), (3, "unknown_account"), "{name}");
        assert_eq!(configure(&desk, &[&format!("--account={name}"), "--set", "note=x"]).code, 3, "{name}");
    }
    let listed = || {
        let run = desk.run(&["integrations:accounts", "desk", "--json"]).json();
        run["accounts"].as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(), ["default", "work"]);
    assert_eq!(desk.run(&["integrations:accounts", "desk", "--rename", "work", "--to", "private"]).code, 0);
    assert_eq!((listed(), desk.call("get_desk", &["--account=work"]).exit), (vec!["default".into(), "private".into()], 3));
    assert_eq!(sent_token(&desk, &[], &["--account=private"]), WORK);
    assert_ne!(desk.run(&["integrations:accounts", "desk", "--rename", "private", "--to", "default"]).code, 0);
    assert_eq!((sent_token(&desk, &[], &[]), sent_token(&desk, &[], &["--account=private"])), (TOKEN.to_owned(), WORK.to_owned()));
    assert_eq!(configure(&desk, &["--account=private", "--use-account"]).code, 0);
    assert_eq!((sent_token(&desk, &[], &[]), sent_token(&desk, &[], &["--account=default"])), (WORK.to_owned(), TOKEN.to_owned()));
    assert_eq!(configure(&desk, &["--use-account"]).code, 0);
    assert_eq!(desk.run(&["integrations:accounts", "desk", "--remove", "private"]).code, 0);
    assert_eq!((listed(), desk.call("get_desk", &["--account=private"]).exit), (vec!["default".to_owned()], 3));
    assert_eq!(desk.run(&["integrations:disconnect", "desk"]).code, 0);
    assert_eq!((desk.call("get_desk", &[]).end(), desk.run(&["integrations:disconnect", "desk"]).code), (MISSING, 3));
    let book = fs::read_to_string(desk.home.root().join("data/credentials.json")).unwrap();
    assert!(!book.contains("sealed") && !book.contains("desk"), "nothing stays behind: {book}");
}

#[test]
fn fields_that_there_are_not_and_values_that_cannot_be_are_refused() {
    let desk = Desk::open(READ);
    let path = desk.home.root().join("data/credentials.json");
    let before = fs::read_to_string(&path).unwrap();
    let table = [
        ("tokn=x", "did you mean 'token'?"),
        ("TOKEN=x", "did you mean 'token'?"),
        ("secret=x", "there are token, note"),
        ("=x", "no credential field"),
        ("token=", "is empty"),
        ("token=a\nX-Evil: b", "control character"),
        ("token=a\r\nb", "control character"),
        ("note=a\tb\u{1b}[2K", "control character"),
        ("drawer=ftp://host/", "http or https URL"),
        ("drawer=javascript:alert(1)", "http or https URL"),
        ("drawer=https://", "http or https URL"),
        ("drawer=host", "http or https URL"),
        ("drawer=https://user:pass@host/", "user name or password"),
        ("drawer=https://user@host/", "user name or password"),
        ("drawer=https://host/?key=1", "must not hold ? or #"),
        ("drawer=https://host/#top", "must not hold ? or #"),
        ("drawer=https://[fe80::1%25eth0]/", "http or https URL"),
        ("lamp=host/path", "must be a host name"),
        ("lamp=user@host", "must be a host name"),
        ("lamp=host?x", "must be a host name"),
        ("owner=nobody", "e-mail address"),
        ("owner=no body@host", "e-mail address"),
    ];
    for (set, said) in table {
        let run = configure(&desk, &["--set", "note=good", "--set", set, "--disable"]);
        assert_eq!((run.code, run.json()["error_detail"]["code"].as_str()), (2, Some("invalid_arguments")), "{set}: {run:?}");
        assert!(run.json()["error"].as_str().unwrap().contains(said), "{set}: {run:?}");
    }
    let run = configure(&desk, &["--set", "tokn=x", "--unset", "nte", "--set", "owner=x"]);
    let error = run.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("'token'?") && error.contains("'note'?") && error.contains("e-mail"), "all at once: {error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), before, "nothing of a refused command was stored");
    assert_eq!(sent_token(&desk, &[], &[]), TOKEN, "nor was it disabled");
    for value in ["a\nb", "a\r\nX-Evil: b", "a\u{7f}b"] {
        let answer = desk.call_in(&[("ANGELIA_DESK_TOKEN", value)], "get_desk", &[]);
        assert_eq!(answer.end(), (2, "invalid_arguments"), "{answer:?}");
    }
    assert_eq!(desk.sent(), 1);
    assert_eq!(configure(&desk, &["--set", "drawer= https://Host.Example/api/ ", "--set", "lamp=Host.Example:81"]).code, 0);
    let book: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let stored = &book["accounts"]["desk"]["default"];
    assert_eq!((&stored["drawer"]["plain"], &stored["lamp"]["plain"]), (&json!("https://host.example/api"), &json!("host.example:81")));
}

#[test]
fn many_at_once_lose_nothing() {
    let desk = Desk::closed();
    desk.settings(READ);
    let words: Vec<[String; 6]> = (0..16)
        .map(|n| {
            [
                "integrations:configure",
                "desk",
                "--account-rules",
                "--write=deny",
                &format!("--account=a{n}"),
                &format!("--set=token=value-{n}"),
            ]
            .map(str::to_owned)
        })
        .collect();
    let start = |words: &[String; 6]| desk.start(&[], &words.iter().map(String::as_str).collect::<Vec<_>>());
    let children: Vec<_> = words.iter().map(start).collect();
    for child in children {
        let run = finish(child, None);
        assert_eq!(run.code, 0, "{run:?}");
    }
    let settings = fs::read_to_string(desk.home.root().join("config/config.toml")).unwrap();
    for n in 0..16 {
        assert_eq!(sent_token(&desk, &[], &[&format!("--account=a{n}")]), format!("value-{n}"));
        assert!(settings.contains(&format!("[integrations.desk.accounts.a{n}]")), "{settings}");
    }
}

#[test]
fn who_is_killed_in_the_middle_leaves_the_old_or_the_new() {
    let started = Instant::now();
    Desk::closed().store("default", TOKEN);
    let whole = started.elapsed();
    let desk = Desk::closed();
    desk.settings(READ);
    let root = desk.home.root();
    let mut known: Option<String> = None;
    let (mut kept, mut changed) = (0, 0);
    for n in 0..60_u32 {
        let value = format!("value-{n}");
        let rule = if n % 2 == 0 { "--write=deny" } else { "--write=ask" };
        let mut child = desk.start(&[], &["integrations:configure", "desk", rule, "--set", &format!("token={value}")]);
        std::thread::sleep(whole * (n * 7 % 40) / 25);
        drop(child.kill());
        child.wait().unwrap();
        let settings = desk.run(&["config:get", "integrations.desk.read", "--json"]);
        assert_eq!(settings.code, 0, "the settings are whole: {settings:?}");
        if let Ok(text) = fs::read_to_string(root.join("data/credentials.json")) {
            let book: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert!(book["accounts"].is_object(), "{text}");
        }
        let answer = desk.call("get_desk", &[]);
        let now = if answer.end() == DONE { desk.last_header("x-token") } else { None };
        assert!(now.is_some() || (known.is_none() && answer.end() == MISSING), "neither the old nor the new: {answer:?}");
        assert!(now == known || now.as_deref() == Some(&value), "{known:?} became {now:?} by {value}");
        *(if now == known { &mut kept } else { &mut changed }) += 1;
        known = now;
    }
    assert!(kept > 0 && changed > 0, "the times were all too early or too late: {kept} kept, {changed} changed");
    desk.store("default", TOKEN);
    assert_eq!(sent_token(&desk, &[], &[]), TOKEN, "no lock stayed behind");
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_file_is_not_followed() {
    use std::os::unix::fs::symlink;
    let desk = Desk::closed();
    desk.settings(READ);
    let root = desk.home.root();
    fs::create_dir(root.join("data")).unwrap();
    let aside = |name: &str| desk.aside.path().join(name);
    let book = r#"{"accounts": {}}"#;
    write_private(&aside("book"), book);
    symlink(aside("book"), root.join("data/credentials.json")).unwrap();
    symlink(aside("key"), root.join("config/credentials.key")).unwrap();
    desk.store("default", TOKEN);
    assert_eq!((fs::read_to_string(aside("book")).unwrap().as_str(), aside("key").exists()), (book, false));
    for file in ["data/credentials.json", "config/credentials.key"] {
        let meta = fs::symlink_metadata(root.join(file)).unwrap();
        assert!(meta.is_file() && mode(&root.join(file)) == 0o600, "{file}: {meta:?}");
    }
    assert_eq!(sent_token(&desk, &[], &[]), TOKEN);
    for (lock, words) in [("data/credentials.lock", "--set=note=x"), ("config/config.lock", "--read=allow")] {
        drop(fs::remove_file(root.join(lock)));
        symlink(aside("lock"), root.join(lock)).unwrap();
        let run = configure(&desk, &[words]);
        assert!(run.code != 0 && !aside("lock").exists(), "{lock}: {run:?}");
    }
}
