//! How the program treats its streams: colours where they are wanted, JSON without them, and readers that go away early.

use std::process::Stdio;

use super::compare;
use crate::support::home::{Home, finish};
use crate::support::shop;

const COLOR: char = '\u{1b}';

/// What a terminal would see of a command, through `script`, which gives the program a terminal of its own.
#[cfg(target_os = "linux")]
fn on_a_terminal(home: &Home, line: &str) -> String {
    let program = home.command(&[]);
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &format!("{} {line}", program.get_program().display()), "/dev/null"]).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("TERM", "xterm").env("SHELL", "/bin/sh").current_dir(program.get_current_dir().unwrap());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    finish(child, None).stdout
}

#[test]
fn a_pipe_gets_colours_only_when_they_are_forced() {
    let lines: [&[&str]; 4] =
        [&["integrations:list", "--tier=imported"], &["integrations:docs", "shop"], &["integrations:doctor", "shop"], &["nothing"]];
    let (plain, forced) = (shop::closed(), shop::closed().env("CLICOLOR_FORCE", "1"));
    let mut colored = String::new();
    for words in lines {
        let (plain, forced) = (plain.run(words), forced.run(words));
        assert!(!plain.stdout.contains(COLOR) && !plain.stderr.contains(COLOR), "{words:?}: {plain:?}");
        assert_eq!((bare(&forced.stdout), bare(&forced.stderr)), (plain.stdout, plain.stderr), "{words:?}: colours change no word");
        colored.push_str(&format!("$ angelia {}\n{}{}", words.join(" "), forced.stdout, forced.stderr));
    }
    assert!(colored.contains(COLOR));
    compare("colors", &forced, &colored.replace(COLOR, "␛"));
    let off = shop::closed().env("CLICOLOR_FORCE", "0").run(&["integrations:list", "--tier=imported"]);
    assert!(!off.stdout.contains(COLOR), "0 forces nothing");
}

/// The text without colours.
fn bare(text: &str) -> String {
    let mut parts = text.split(COLOR);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |bare, part| bare + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn json_has_no_colours_even_when_they_are_forced() {
    let home = shop::closed().env("CLICOLOR_FORCE", "1");
    for words in [&["integrations:list", "--json"][..], &["integrations:call", "shop.get_owner", "--json"], &["nothing", "--json"]] {
        let run = home.run(words);
        assert!(!run.stdout.contains(COLOR), "{words:?}");
        let _ = run.json();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_gets_colours_unless_it_wants_none() {
    let line = "integrations:list --tier imported";
    assert!(on_a_terminal(&shop::closed(), line).contains(COLOR));
    assert!(on_a_terminal(&shop::closed().env("NO_COLOR", ""), line).contains(COLOR), "an empty NO_COLOR says nothing");
    let none = shop::closed().env("NO_COLOR", "1");
    let said = on_a_terminal(&none, line);
    assert!(said.contains("shop") && !said.contains(COLOR), "{said:?}");
    assert!(!on_a_terminal(&none, "nothing").contains(COLOR), "nor on stderr");
    let json = on_a_terminal(&shop::closed(), &format!("{line} --json"));
    assert!(json.starts_with("{\r\n  \"success\": true,\r\n"), "on a terminal JSON is spread over lines: {json:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (home, server) = shop::open("read = \"allow\"");
    let lines: [&[&str]; 5] = [
        &["integrations:list", "--fields=all", "--json"],
        &["integrations:docs", "github"],
        &["--help"],
        &["integrations:call", "shop.list_articles", "--all", "--ndjson"],
        &["integrations:call", "shop.get_owner", "--json"],
    ];
    for words in lines {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = home.command(words).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{words:?}: {run:?}");
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(said.is_empty() || said.starts_with("{\"function\":"), "{words:?}: {said}");
        if words.contains(&"--ndjson") {
            let envelope: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert_eq!(envelope["meta"]["stopped_by"], "listener", "no page is asked for that nobody reads: {said}");
        }
    }
    drop(server);
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let (home, server) = shop::open("read = \"allow\"");
    let lines: [&[&str]; 5] = [
        &["integrations:list", "--json"],
        &["integrations:docs", "github"],
        &["integrations:lua", "--eval", "print('a')"],
        &["integrations:call", "shop.list_articles", "--all", "--ndjson"],
        &["integrations:call", "shop.get_owner", "--json"],
    ];
    for words in lines {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = home.command(words).stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(70), "{words:?}: {said}");
        assert!(said.contains("could not be written to stdout: No space left on device"), "{words:?}: {said}");
    }
    drop(server);
}
