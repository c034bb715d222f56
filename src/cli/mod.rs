//! The command line: the tree of commands, and which word goes where. `family:verb` and `family verb` mean the same.
//! A call's own words are not parsed here: they need the function's schema (see `cli::words`).

mod approvals;
mod audit;
mod call;
mod catalog;
mod complete;
mod configure;
mod connect;
mod described;
mod doctor;
mod help;
mod hidden;
mod import;
mod interrupt;
mod jq;
mod lua;
mod lua_test;
mod manifest;
mod mcp;
mod output;
mod progress;
mod render;
mod repl;
mod results;
mod settings;
mod setup;
mod stdin;
mod tree;
mod trust;
mod words;
mod workbench;

use std::ffi::OsString;

use clap::ArgMatches;

use crate::access::launch;
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{nearest, printable};
use crate::call::select;
use crate::cli::output::Out;
use crate::config::dirs::Dirs;

/// Runs the program; answers the exit status. `ends` ends it from another thread.
pub fn main(words: impl Iterator<Item = OsString>, ends: fn(i32) -> !) -> u8 {
    interrupt::arm(ends);
    let mut typed = Vec::new();
    for word in words.skip(1) {
        match word.into_string() {
            Ok(word) => typed.push(word),
            Err(word) => return fail(false, Error::usage(format!("'{}' is not UTF-8", word.to_string_lossy()))),
        }
    }
    let json = words::wants_json(&typed);
    let code = dispatch(join_family(typed)).unwrap_or_else(|error| fail(json, error));
    // No server that was started outlives us.
    launch::end_all();
    let code = match output::lost() {
        Some(error) if code == 0 => fail(false, error),
        _ => code,
    };
    interrupt::status(code)
}

fn fail(json: bool, error: Error) -> u8 {
    let code = error.code.exit();
    Out::new(json).error(error);
    code
}

/// `integrations call x` becomes `integrations:call x`.
fn join_family(mut words: Vec<String>) -> Vec<String> {
    let at = usize::from(words.first().is_some_and(|word| word == "help"));
    // A family may hold families: `mcp secret set` becomes `mcp:secret:set`.
    while words.get(at).is_some_and(|word| tree::FAMILIES.contains(&word.as_str()))
        && words.get(at + 1).is_some_and(|word| !word.starts_with('-'))
    {
        let verb = words.remove(at + 1);
        words[at] = format!("{}:{verb}", words[at]);
    }
    words
}

fn dispatch(words: Vec<String>) -> Result<u8> {
    match words.first().map(String::as_str) {
        Some("help") if words.len() > 1 => dispatch([&words[1..], &[String::from("--help")]].concat()),
        Some("integrations:call") => call_words(&words[1..]),
        Some("mcp:call") if !asks_for_help(&words[1..]) => mcp::upstreams::call(&app()?, &words[1..]),
        Some(command) if tree::is_server(command) => mcp::upstreams::shortcut(&app()?, command, &words[1..]),
        Some(command) if tree::is_shortcut(command) => shortcut(command.trim_start_matches("integrations:"), &words[1..]),
        Some(family) if tree::FAMILIES.contains(&family) => {
            let help = words.iter().any(|word| word == "--help" || word == "-h");
            if !help && words::wants_json(&words) {
                let verbs = tree::verbs(family).join(", ");
                return Err(Error::usage(format!("{family} needs a verb: {verbs}")).hint(format!("angelia {family} --help")));
            }
            Out::new(false).text(&tree::family_help(family));
            Ok(if help { 0 } else { Code::Usage.exit() })
        }
        Some(select::COMMAND) => jq::run(),
        Some("__complete") => complete::complete(&words[1..]),
        _ => parsed(words),
    }
}

fn app() -> Result<App> {
    let app = App::open(Dirs::find(), std::env::current_dir().ok())?;
    Ok(App { person: mcp::upstreams::person::person(), ..app })
}

/// Whether the first of a call's words is none but asks what the command does.
fn asks_for_help(words: &[String]) -> bool {
    words.first().is_some_and(|word| word == "--help" || word == "-h")
}

/// `integrations:call`: the first word that is no flag is the function.
fn call_words(words: &[String]) -> Result<u8> {
    let mut rest = words.to_vec();
    let takes_value = |word: &str| words::OWN.iter().any(|(name, takes, _)| takes.is_some() && word.strip_prefix("--") == Some(*name));
    let mut at = 0;
    while let Some(word) = rest.get(at) {
        if !word.starts_with('-') {
            let function = rest.remove(at);
            return call::run(&app()?, &function, &rest);
        }
        at += if takes_value(word) { 2 } else { 1 };
    }
    if words.iter().any(|word| word == "--help" || word == "-h") {
        Out::new(false).text(&tree::call_help());
        return Ok(0);
    }
    Err(Error::usage("integrations:call needs the name of a function, such as github.list_issues")
        .hint("angelia integrations:search \"what you want to do\""))
}

/// `integrations:<provider> [function]`.
fn shortcut(provider: &str, words: &[String]) -> Result<u8> {
    let app = app()?;
    let catalog = app.catalog()?;
    if !catalog.ids()?.iter().any(|id| id == provider) {
        catalog.provider(provider).map_err(|error| unknown_command(provider, error))?;
    }
    match words.iter().position(|word| !word.starts_with('-')) {
        Some(0) => call::run(&app, &format!("{provider}.{}", words[0]), &words[1..]),
        Some(_) => Err(Error::usage(format!("write the function first: angelia integrations:{provider} FUNCTION --flags"))),
        None => {
            let json = words.iter().any(|word| word == "--json");
            catalog::provider_docs(&app, provider, json)
        }
    }
}

/// `integrations:serach` may be a verb or a provider that was misspelt.
fn unknown_command(word: &str, error: Error) -> Error {
    let verbs: Vec<String> = tree::verbs("integrations");
    match (error.code, nearest(word, verbs.iter().map(String::as_str)).first()) {
        (Code::UnknownProvider, Some(verb)) => {
            Error { hints: [vec![format!("Did you mean the command 'integrations:{verb}'?")], error.hints.clone()].concat(), ..error }
        }
        _ => error,
    }
}

fn parsed(words: Vec<String>) -> Result<u8> {
    let named = words.first().cloned().unwrap_or_default();
    let matches = match tree::command().try_get_matches_from(std::iter::once(String::from("angelia")).chain(words)) {
        Ok(matches) => matches,
        Err(error) => return clap_answer(&named, &error),
    };
    let Some((name, arguments)) = matches.subcommand() else {
        Out::new(false).text(&tree::command().render_help().to_string());
        return Ok(Code::Usage.exit());
    };
    run(name, arguments)
}

fn run(name: &str, arguments: &ArgMatches) -> Result<u8> {
    let out = Out::new(arguments.try_get_one::<bool>("json").ok().flatten().copied().unwrap_or(false));
    if name == "completions" {
        return complete::script(&out, arguments);
    }
    let app = app()?;
    app.notes.iter().for_each(|note| out.note(note));
    match name {
        "integrations:list" => catalog::list(&app, &out, arguments),
        "integrations:status" => catalog::status(&app, &out, arguments),
        "integrations:search" => catalog::search(&app, &out, arguments),
        "integrations:docs" => catalog::docs(&app, &out, arguments),
        "integrations:examples" => catalog::examples(&app, &out, arguments),
        "integrations:schema" => catalog::schema(&app, &out, arguments),
        "integrations:fields" => setup::fields(&app, &out, arguments),
        "integrations:configure" => configure::run(&app, &out, arguments),
        "integrations:accounts" => setup::accounts(&app, &out, arguments),
        "integrations:lua" | "mcp:lua" => lua::run(&app, &out, arguments),
        "integrations:test" => setup::test(&app, &out, arguments),
        "integrations:connect" => connect::connect(&app, &out, arguments),
        "integrations:disconnect" => connect::disconnect(&app, &out, arguments),
        "integrations:new" => manifest::new(&app, &out, arguments),
        "integrations:lint" => manifest::lint(&out, arguments),
        "integrations:remove" => setup::remove(&app, &out, arguments),
        "integrations:import" => import::run(&app, &out, arguments),
        "integrations:update" => import::update::run(&app, &out, arguments),
        "integrations:doctor" => doctor::run(&app, &out, arguments),
        "lua:check" => workbench::check(&app, &out, arguments),
        "lua:test" => lua_test::run(&app, &out, arguments),
        "lua:types" => workbench::types(&app, &out, arguments),
        "approvals:list" => approvals::list(&app, &out, arguments),
        "approvals:show" => approvals::show(&app, &out, arguments),
        "approvals:approve" => approvals::approve(&app, &out, arguments),
        "approvals:deny" => approvals::deny(&app, &out, arguments),
        "audit:list" => audit::list(&app, &out, arguments),
        "audit:show" => audit::show(&app, &out, arguments),
        "config:list" => settings::list(&app, &out),
        "config:get" => settings::get(&app, &out, arguments),
        "config:set" => settings::set(&app, &out, arguments),
        "config:unset" => settings::unset(&app, &out, arguments),
        "config:path" => settings::path(&app, &out),
        "results:list" => results::list(&app, &out, arguments),
        "results:show" => results::show(&app, &out, arguments),
        "results:query" => results::query(&app, &out, arguments),
        "results:remove" => results::remove(&app, &out, arguments),
        "trust" => trust::run(&app, &out, arguments),
        of_mcp if of_mcp.starts_with("mcp:") => mcp::run(&app, &out, of_mcp, arguments),
        other => Err(Error::usage(format!("there is no command '{}'", printable(other)))),
    }
}

/// Help and version are answers; everything else that clap says is a usage error.
fn clap_answer(named: &str, error: &clap::Error) -> Result<u8> {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Out::new(false).text(&error.render().to_string());
            Ok(0)
        }
        ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument if !tree::names().iter().any(|known| known == named) => {
            let names = tree::names();
            let mut hints: Vec<String> =
                nearest(named, names.iter().map(String::as_str)).into_iter().map(|near| format!("Did you mean '{near}'?")).collect();
            hints.push(String::from("angelia --help"));
            Err(Error::usage(format!("There is no command '{}'", printable(named))).hints(hints))
        }
        _ => {
            let text = error.render().to_string();
            // What is missing or possible stands on the lines below the first.
            let mut lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
            let first = lines.next().unwrap_or_default().trim_start_matches("error: ");
            let said = [first.to_owned(), lines.collect::<Vec<_>>().join(", ")].join(" ");
            let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).map(str::to_owned);
            Err(Error::usage(said.trim_end()).hints(tips).hint(format!("angelia {named} --help")))
        }
    }
}
