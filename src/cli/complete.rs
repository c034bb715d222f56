//! Shell completion from the live catalog. The shells' scripts hand the words to `angelia __complete`, which prints candidates; a shim joins
//! words that bash splits at colons. Opens no network connection and no keychain.

use clap::ArgMatches;
use serde_json::json;

use crate::app::App;
use crate::base::error::Result;
use crate::cli::mcp;
use crate::cli::output::Out;
use crate::cli::tree;
use crate::cli::words::OWN;
use crate::config::dirs::Dirs;

const BASH: &str = include_str!("completions/angelia.bash");
const ZSH: &str = include_str!("completions/angelia.zsh");
const FISH: &str = include_str!("completions/angelia.fish");

/// `completions SHELL`.
pub fn script(out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let shell = arguments.get_one::<String>("shell").map_or("bash", String::as_str);
    let script = match shell {
        "zsh" => ZSH,
        "fish" => FISH,
        _ => BASH,
    };
    out.answer(&json!({"success": true, "shell": shell, "script": script}), |_| script.to_owned());
    Ok(0)
}

/// `__complete WORDS…`: the words after the program's name; the last one is being typed. One candidate a line.
pub fn complete(words: &[String]) -> Result<u8> {
    let typed = words.last().map(String::as_str).unwrap_or_default();
    let before = crate::cli::join_family(words[..words.len().saturating_sub(1)].to_vec());
    if let [family] = &before[..]
        && tree::FAMILIES.contains(&family.as_str())
    {
        let mut verbs: Vec<String> = tree::verbs(family).into_iter().filter(|verb| verb.starts_with(typed)).collect();
        verbs.sort();
        Out::new(false).text(&verbs.join("\n"));
        return Ok(0);
    }
    let mut found: Vec<String> = candidates(&before, typed).into_iter().filter(|candidate| candidate.starts_with(typed)).collect();
    found.sort();
    found.dedup();
    Out::new(false).text(&found.join("\n"));
    Ok(0)
}

fn candidates(before: &[String], typed: &str) -> Vec<String> {
    let Some(command) = before.first() else {
        let shortcuts = if typed.starts_with("integrations:") {
            providers().into_iter().map(|id| format!("integrations:{id}")).collect()
        } else {
            Vec::new()
        };
        return tree::names().into_iter().chain(shortcuts).collect();
    };
    let previous = before.last().map(String::as_str).unwrap_or_default();
    if previous == "--account" {
        return accounts(before);
    }
    if command == "integrations:call" {
        return match before.get(1) {
            None => functions(typed),
            Some(function) => flags(function),
        };
    }
    if tree::is_shortcut(command) {
        let provider = command.trim_start_matches("integrations:");
        return match before.get(1) {
            None => functions_of(provider).into_iter().filter_map(|name| name.rsplit_once('.').map(|(_, id)| id.to_owned())).collect(),
            Some(function) => flags(&format!("{provider}.{function}")),
        };
    }
    let Some(verb) = tree::command().find_subcommand(command).cloned() else {
        return Vec::new();
    };
    if typed.starts_with('-') {
        return verb.get_arguments().filter_map(|argument| argument.get_long()).map(|name| format!("--{name}")).collect();
    }
    let option = verb.get_arguments().find(|argument| argument.get_long().is_some_and(|name| previous == format!("--{name}")));
    let positional = verb.get_positionals().next();
    match (option.or(positional), positional.map(|argument| argument.get_id().as_str())) {
        (Some(argument), _) if !argument.get_possible_values().is_empty() => {
            argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
        }
        (_, Some("provider")) => providers(),
        (_, Some("function" | "page")) => functions(typed),
        (_, Some("name" | "server" | "client")) if command.starts_with("mcp:") => {
            app().map(|app| mcp::candidates(&app, command)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn app() -> Option<App> {
    App::open(Dirs::find(), std::env::current_dir().ok()).ok()
}

fn providers() -> Vec<String> {
    app().and_then(|app| app.catalog().ok()).and_then(|catalog| catalog.ids().ok()).unwrap_or_default()
}

/// Providers until a dot is typed, then the functions of that provider.
fn functions(typed: &str) -> Vec<String> {
    match typed.rsplit_once('.') {
        Some((provider, _)) => functions_of(provider),
        None => {
            let fitting: Vec<String> = providers().into_iter().filter(|id| id.starts_with(typed)).collect();
            match &fitting[..] {
                [only] => functions_of(only),
                _ => fitting.into_iter().map(|id| format!("{id}.")).collect(),
            }
        }
    }
}

fn functions_of(provider: &str) -> Vec<String> {
    let opened = app().and_then(|app| app.catalog().ok()).and_then(|catalog| catalog.provider(provider).ok());
    opened.map(|opened| opened.functions.iter().map(|function| format!("{provider}.{}", function.id)).collect()).unwrap_or_default()
}

fn flags(function: &str) -> Vec<String> {
    let mut flags: Vec<String> = OWN.iter().map(|(name, ..)| format!("--{name}")).collect();
    if let Some(callable) = app().and_then(|app| app.catalog().ok()).and_then(|catalog| catalog.function(function).ok()) {
        flags.extend(callable.function.parameters.keys().map(|name| format!("--{}", name.replace('_', "-"))));
    }
    flags
}

fn accounts(before: &[String]) -> Vec<String> {
    let provider = before.iter().find_map(|word| match word.strip_prefix("integrations:") {
        Some(provider) if tree::is_shortcut(word) => Some(provider.to_owned()),
        _ => word.split_once('.').map(|(provider, _)| provider.to_owned()),
    });
    let provider = provider.or_else(|| before.get(1).cloned()).unwrap_or_default();
    app().and_then(|app| app.vault().ok()).map(|vault| vault.accounts(&provider)).unwrap_or_default()
}
