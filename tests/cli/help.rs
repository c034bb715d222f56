//! Help, version, completions, and commands that there are not. The help of each command stands in `docs/cli.md`, which is checked there.

use std::process::{Command, Stdio};

use super::{compare, told, transcript};
use crate::support::home::{Home, finish};
use crate::support::shop;

/// Every command that the help names.
fn commands(home: &Home) -> Vec<String> {
    let help = home.run(&["--help"]).stdout;
    let words = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = words.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn help() {
    transcript(
        "help",
        &shop::closed(),
        "
        -h
        --help
        integrations --help
        approvals -h
        audit
        audit --json
        config -h
        integrations:call --help
        integrations:call shop.create_article --help
        integrations:shop get_owner -h
        integrations:call shop.nothing --help
        help integrations:schema
        help audit show
        help nothing",
    );
    let bare = shop::closed().run(&[]);
    compare("help_bare", &Home::new(), &told("", &bare));
}

#[test]
fn version() {
    for word in ["--version", "-V"] {
        let run = Home::new().run(&[word]);
        assert_eq!((run.code, run.stdout, run.stderr), (0, format!("angelia {}\n", env!("CARGO_PKG_VERSION")), String::new()));
    }
}

#[test]
fn each_command_has_short_and_long_help() {
    let home = shop::closed();
    let commands = commands(&home);
    assert!(commands.len() > 20 && commands.iter().any(|name| name == "trust"), "{commands:?}");
    for command in &commands {
        let spaced: Vec<&str> = command.split(':').collect();
        let says = format!("Usage: angelia {command}");
        for flag in ["-h", "--help"] {
            let (one, two) = (home.run(&[command, flag]), home.run(&[&spaced[..], &[flag]].concat()));
            assert_eq!((one.code, one.stderr.as_str()), (0, ""), "{command} {flag}");
            assert!(one.stdout.contains(&says), "{command} {flag}: {}", one.stdout);
            assert!(one.stdout.contains("--json"), "{command} {flag}");
            assert_eq!(one.stdout, two.stdout, "{command} {flag}");
        }
        let asked = home.run(&[&["help"], &spaced[..]].concat());
        assert_eq!((asked.code, &asked.stdout), (0, &home.run(&[command, "--help"]).stdout), "help {command}");
    }
}

#[test]
fn families_and_functions_have_help_by_every_way() {
    let home = shop::closed();
    let same = |ways: &[&[&str]]| {
        let first = home.run(ways[0]);
        assert_eq!((first.code, first.stderr.as_str()), (0, ""), "{:?}", ways[0]);
        for way in &ways[1..] {
            let run = home.run(way);
            assert_eq!((run.code, &run.stdout), (0, &first.stdout), "{way:?} and {:?}", ways[0]);
        }
    };
    for family in ["integrations", "lua", "approvals", "audit", "config"] {
        same(&[&[family, "--help"], &[family, "-h"], &["help", family]]);
    }
    let function = "shop.create_article";
    same(&[
        &["integrations:call", function, "--help"],
        &["integrations:call", "--help", function],
        &["integrations", "call", function, "-h"],
        &["integrations:shop", "create_article", "--help"],
        &["integrations:shop", "create_article", "-h"],
        &["help", "integrations:call", function],
        &["help", "integrations", "shop", "create_article"],
    ]);
    same(&[&["integrations:docs", "shop"], &["integrations:shop"], &["integrations:shop", "--help"], &["help", "integrations:shop"]]);
}

#[test]
fn commands_that_there_are_not() {
    transcript(
        "unknown",
        &shop::closed(),
        "integrations:lst
        integrations lst --json
        integrations:sarch articles
        itegrations:list
        aproval:list --json
        config:got http.retries
        audit lst
        trsut
        nothing
        nothing --json
        --nothing
        --json
        --json integrations:list --limit 3
        integrations:list --nothing
        integrations:list --jsno
        integrations:list extra --json",
    );
}

#[test]
fn completions() {
    let home = shop::closed();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]);
        assert_eq!((script.code, script.stderr.as_str()), (0, ""));
        assert!(script.stdout.contains("angelia") && script.stdout.contains("__complete"), "{shell}: {}", script.stdout);
        assert_eq!(home.run(&["completions", shell, "--json"]).json()["script"], script.stdout.as_str());
    }
    let script = home.run(&["completions", "bash"]).stdout;
    let check = Command::new("bash").arg("-n").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let checked = finish(check, Some(script.into_bytes()));
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "bash reads its script");
    transcript(
        "completions",
        &home,
        "completions
        completions tcsh --json
        __complete int
        __complete tr
        __complete integrations ''
        __complete integrations:sh
        __complete integrations:call sho
        __complete integrations:call shop.get
        __complete integrations:call shop.create_article --p
        __complete integrations:shop cr
        __complete integrations:list --t
        __complete integrations:list --tier ''
        __complete completions ''
        __complete nothing ''",
    );
}
