//! The `mcp` family: serving clients, with their keys and their own files; and servers that a user has: how they are configured, what of them
//! is trusted, their secrets. Only `serve` and `upstreams` start or contact a server.

mod add;
mod doctor;
mod gateway;
mod import;
pub mod keys;
mod list;
mod secret;
mod serve;
mod show;
pub mod tree;
mod trust;
pub mod upstreams;

use std::path::PathBuf;

use clap::ArgMatches;

use crate::app::App;
use crate::base::error::{Error, Result};
use crate::cli::output::Out;
use crate::mcp::clients::CLIENTS;
use crate::mcp::files::{self, Servers};
use crate::mcp::presets;

/// Runs a command of the family.
pub fn run(app: &App, out: &Out, name: &str, arguments: &ArgMatches) -> Result<u8> {
    match name {
        "mcp:list" => list::list(app, out),
        "mcp:status" => list::status(app, out),
        "mcp:doctor" => doctor::run(app, out, arguments),
        "mcp:add" => add::add(app, out, arguments),
        "mcp:preset" => add::preset(app, out, arguments),
        "mcp:remove" => add::remove(app, out, arguments),
        "mcp:enable" => add::switch(app, out, arguments, true),
        "mcp:disable" => add::switch(app, out, arguments, false),
        "mcp:trust" => trust::trust(app, out, arguments),
        "mcp:untrust" => trust::untrust(app, out, arguments),
        "mcp:secret:set" => secret::set(app, out, arguments),
        "mcp:secret:list" => secret::list(app, out, arguments),
        "mcp:secret:unset" => secret::unset(app, out, arguments),
        "mcp:import" => import::import(app, out, arguments),
        "mcp:export" => import::export(app, out, arguments),
        "mcp:gateway:export" => gateway::export(app, out, arguments),
        "mcp:gateway:install" => gateway::install(app, out, arguments),
        "mcp:key:create" => keys::create(app, out, arguments),
        "mcp:key:list" => keys::list(app, out),
        "mcp:key:revoke" => keys::revoke(app, out, arguments),
        "mcp:serve" => serve::run(app, out, arguments),
        other => upstreams::run(app, out, other, arguments),
    }
}

/// Names that the first word of a command may be, for completion.
pub fn candidates(app: &App, command: &str) -> Vec<String> {
    match command {
        "mcp:add" => Vec::new(),
        "mcp:preset" => presets::all().unwrap_or_default().into_iter().map(|preset| preset.name).collect(),
        gateway if gateway.starts_with("mcp:gateway:") => CLIENTS.iter().map(|client| client.id.to_owned()).collect(),
        _ => servers(app).map(|found| found.entries.into_iter().map(|entry| entry.name).collect()).unwrap_or_default(),
    }
}

/// What is configured here.
pub fn servers(app: &App) -> Result<Servers> {
    files::servers(&app.dirs, app.cwd.as_deref())
}

/// The project around the current folder; the folder itself where there is none.
fn project_root(app: &App) -> PathBuf {
    let cwd = app.cwd.clone().unwrap_or_else(|| PathBuf::from("."));
    let known = app.config.project.as_ref().map(|project| project.root.clone());
    files::project_root(&cwd).or(known).unwrap_or(cwd)
}

/// A word of the command line.
fn text<'a>(arguments: &'a ArgMatches, name: &str) -> Option<&'a str> {
    arguments.try_get_one::<String>(name).ok().flatten().map(String::as_str)
}

/// All values of a repeated flag.
fn all(arguments: &ArgMatches, name: &str) -> Vec<String> {
    arguments.try_get_many::<String>(name).ok().flatten().into_iter().flatten().cloned().collect()
}

/// A `NAME=VALUE` of a flag.
fn pair(flag: &str, text: &str, separators: &[char]) -> Result<(String, String)> {
    match text.split_once(separators) {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(Error::usage(format!("--{flag} takes NAME=VALUE"))),
    }
}
