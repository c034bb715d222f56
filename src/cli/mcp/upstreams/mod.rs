//! Using upstream MCP servers: `mcp:tools`, `schema`, `call`, `resources`, `prompts`, `auth`. Calls go the way of all calls; what is added
//! here is how a tool is named, and that a server is asked for its tools where they are not known.

mod auth;
pub mod person;
pub mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{clean, nearest, printable};
use crate::base::quote::shell;
use crate::call::request::{Arguments, Call, Options};
use crate::call::runtime::Runtime;
use crate::cli::call::{self, block_on, exit_code};
use crate::cli::catalog::limit;
use crate::cli::mcp::servers;
use crate::cli::output::Out;
use crate::mcp::client::cache::Cache;
use crate::mcp::client::tools;
use crate::mcp::entry::{self, Entry};
use crate::mcp::files::Servers;
use crate::mcp::trust::Trust;
use crate::registry::catalog::upstream_tool;
use crate::registry::function::{Function, UPSTREAMS};
use crate::registry::manifest::Provider;

/// Runs a command of the family.
pub fn run(app: &App, out: &Out, name: &str, arguments: &ArgMatches) -> Result<u8> {
    let text = |key: &str| arguments.try_get_one::<String>(key).ok().flatten().cloned().unwrap_or_default();
    let given = |pairs: &[(&str, Value)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Map<_, _>>();
    match name {
        "mcp:tools" => list(app, out, arguments),
        "mcp:schema" => schema(app, out, arguments),
        "mcp:resources" => ask(app, out, &text("server"), "resources_list", Map::new()),
        "mcp:resource" => ask(app, out, &text("server"), "resources_read", given(&[("uri", text("uri").into())])),
        "mcp:prompts" => ask(app, out, &text("server"), "prompts_list", Map::new()),
        "mcp:prompt" => {
            let pairs = arguments.get_many::<String>("arg").into_iter().flatten();
            let values = pairs.map(|pair| pair.split_once('=').ok_or_else(|| Error::usage("--arg takes NAME=VALUE")));
            let values = values.map(|pair| pair.map(|(key, value)| (key.to_owned(), Value::from(value)))).collect::<Result<Map<_, _>>>()?;
            ask(app, out, &text("server"), "prompts_get", given(&[("name", text("name").into()), ("arguments", values.into())]))
        }
        "mcp:auth" => auth::run(app, out, arguments),
        other => Err(Error::usage(format!("there is no command '{}'", printable(other)))),
    }
}

/// `mcp:call`, and `mcp:SERVER TOOL`.
pub fn call(app: &App, words: &[String]) -> Result<u8> {
    let at = words.iter().position(|word| !word.starts_with('-'));
    let Some(first) = at.map(|at| words[at].clone()) else {
        return Err(Error::usage("mcp:call needs a tool: SERVER.TOOL, or SERVER and TOOL").hint("angelia mcp:tools"));
    };
    let mut rest = words.to_vec();
    rest.remove(at.unwrap_or_default());
    let servers = servers(app)?;
    let (entry, tool) = match target(&servers, &first, &mut rest, at.unwrap_or_default()) {
        Ok(target) => target,
        Err(error) => return Ok(call::refused(&first, words, error)),
    };
    let named = format!("{}.{}", entry.provider(), entry::id(&tool));
    let refusal = |error: &Error| matches!(error.code, Code::UnknownFunction | Code::Cancelled);
    call::run_with(app, &named, &rest, async |runtime| match name(app, runtime, entry, &tool).await {
        // What else fails here fails again when the call is made, and is recorded then.
        Err(error) if !refusal(&error) => Ok(named.clone()),
        named => named,
    })
}

/// What is called: `SERVER.TOOL`, or `SERVER` and the word after it, which is taken away.
fn target<'a>(servers: &'a Servers, first: &str, rest: &mut Vec<String>, at: usize) -> Result<(&'a Entry, String)> {
    if let Some((entry, tool)) = split(servers, first) {
        return Ok((entry, tool.to_owned()));
    }
    let entry = servers.find(first.strip_prefix(UPSTREAMS).unwrap_or(first))?;
    if rest.get(at).is_none_or(|word| word.starts_with(['-', '{'])) {
        let said = format!("name a tool of {}", printable(&entry.name));
        return Err(Error::usage(said).hint(format!("angelia mcp:tools {}", shell(&entry.name))));
    }
    Ok((entry, rest.remove(at)))
}

/// `mcp:SERVER TOOL`; without a tool its tools.
pub fn shortcut(app: &App, command: &str, words: &[String]) -> Result<u8> {
    let name = command.trim_start_matches("mcp:");
    let servers = servers(app)?;
    let Ok(entry) = servers.find(name) else {
        let verbs = crate::cli::tree::verbs("mcp");
        let names = verbs.iter().map(String::as_str).chain(servers.entries.iter().map(|entry| entry.name.as_str()));
        let near = nearest(name, names).into_iter().map(|near| format!("Did you mean 'mcp:{near}'?"));
        return Err(Error::usage(format!("There is no command and no MCP server '{}'", printable(name)))
            .hints(near)
            .hint("angelia mcp --help"));
    };
    match words.iter().find(|word| !word.starts_with('-')) {
        Some(_) => call(app, &[std::slice::from_ref(&entry.name), words].concat()),
        None => {
            let tools = ["angelia", "mcp:tools", &entry.name].into_iter().map(str::to_owned).chain(words.iter().cloned());
            let matches = crate::cli::tree::command().try_get_matches_from(tools).map_err(|error| Error::usage(error.to_string()))?;
            let Some((_, arguments)) = matches.subcommand() else { return Err(Error::internal("no subcommand")) };
            list(app, &Out::new(arguments.get_flag("json")), arguments)
        }
    }
}

/// The server and the tool of `SERVER.TOOL`.
fn split<'a, 'b>(servers: &'a Servers, word: &'b str) -> Option<(&'a Entry, &'b str)> {
    let word = word.strip_prefix(UPSTREAMS).unwrap_or(word);
    let known = |name: &str| {
        servers.entries.iter().find(|entry| entry.name == name).or_else(|| servers.entries.iter().find(|entry| entry.id == name))
    };
    word.match_indices('.').find_map(|(at, _)| Some((known(&word[..at])?, &word[at + 1..])).filter(|(_, tool)| !tool.is_empty()))
}

/// The full name of a tool, which may be given by the server's own name of it. A server whose tools are not known is asked.
async fn name(app: &App, runtime: &Runtime, entry: &Entry, tool: &str) -> Result<String> {
    let (provider, functions, known) = match known(app, runtime, entry) {
        Some((provider, functions)) => (provider, functions, true),
        None => {
            let (provider, functions) = found(runtime, entry).await?;
            (provider, functions, false)
        }
    };
    match pick(&provider, &functions, tool) {
        Some(name) => Ok(name),
        None if known => {
            // It may be new.
            let (provider, functions) = found(runtime, entry).await?;
            pick(&provider, &functions, tool).ok_or_else(|| unknown(entry, &functions, tool))
        }
        None => Err(unknown(entry, &functions, tool)),
    }
}

/// What is known of a server without asking it.
fn known(app: &App, runtime: &Runtime, entry: &Entry) -> Option<(Arc<Provider>, Vec<Function>)> {
    Trust::open(&app.dirs).ok()?.check(entry).ok()?;
    let opened = runtime.catalog.provider(&entry.provider()).ok()?;
    Some((opened.provider, opened.functions))
}

async fn found(runtime: &Runtime, entry: &Entry) -> Result<(Arc<Provider>, Vec<Function>)> {
    let upstreams = runtime.upstreams.as_ref().ok_or_else(|| Error::internal("no upstream servers"))?;
    let id = entry.provider();
    tokio::select! {
        found = upstreams.discover(&id) => {
            let (provider, functions) = found?;
            runtime.catalog.learn(&provider, functions.clone());
            Ok((provider, functions))
        }
        _ = tokio::signal::ctrl_c() => Err(Error::new(Code::Cancelled, "Interrupted")),
    }
}

fn original(function: &Function) -> Option<&str> {
    function.mcp.as_ref().and_then(|upstream| upstream.tool.as_deref())
}

fn pick(provider: &Provider, functions: &[Function], tool: &str) -> Option<String> {
    upstream_tool(functions, tool).map(|function| format!("{}.{}", provider.id, function.id))
}

fn unknown(entry: &Entry, functions: &[Function], tool: &str) -> Error {
    let names = functions.iter().map(|function| original(function).unwrap_or(&function.id));
    let near: Vec<String> = nearest(tool, names).into_iter().map(|near| format!("Did you mean '{}'?", tools::shown(near))).collect();
    Error::new(Code::UnknownFunction, format!("The MCP server '{}' has no tool '{}'", printable(&entry.name), printable(tool)))
        .hints(near)
        .hint(format!("angelia mcp:tools {}", shell(&entry.name)))
}

/// A call of one of the functions that are no tools.
fn ask(app: &App, out: &Out, server: &str, function: &str, object: Map<String, Value>) -> Result<u8> {
    let servers = servers(app)?;
    let entry = servers.find(server)?;
    let runtime = call::runtime(app)?;
    let call = Call {
        function: format!("{}.{function}", entry.provider()),
        account: None,
        arguments: Arguments::Ready { object, files: BTreeMap::new() },
        options: Options::default(),
    };
    let (envelope, _) = block_on(call::perform(&runtime, out, call, None))?;
    if envelope.error_detail.as_ref().is_some_and(|detail| detail.code == Code::UnknownFunction.as_str()) {
        let what = function.split('_').next().unwrap_or_default();
        return Err(Error::new(Code::NotFound, format!("The MCP server '{}' offers no {what}", printable(&entry.name)))
            .hint(format!("angelia mcp:tools {}", shell(&entry.name))));
    }
    match readable(&envelope.data).filter(|_| !out.json && envelope.success) {
        Some(text) => out.text(&text),
        None => call::print(out, &envelope),
    }
    Ok(exit_code(&envelope))
}

/// The text of a resource, or of a prompt's messages, as it is to be read; nothing where there is something else.
fn readable(data: &Value) -> Option<String> {
    let of_resource = |part: &Value| part.get("text").and_then(Value::as_str).map(clean);
    let of_message = |part: &Value| {
        let text = part.pointer("/content/text").and_then(Value::as_str)?;
        Some(format!("{}: {}", clean(part.get("role")?.as_str()?), clean(text)))
    };
    let all = |key: &str| data.get(key).and_then(Value::as_array).filter(|parts| !parts.is_empty());
    let texts: Option<Vec<String>> = match (all("contents"), all("messages")) {
        (Some(parts), _) => parts.iter().map(of_resource).collect(),
        (None, Some(parts)) => parts.iter().map(of_message).collect(),
        (None, None) => None,
    };
    texts.map(|texts| texts.join("\n"))
}

/// `mcp:schema`.
fn schema(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let word = |key: &str| arguments.get_one::<String>(key).map(String::as_str);
    let servers = servers(app)?;
    let first = word("tool").unwrap_or_default();
    let (entry, tool) = match (word("name"), split(&servers, first)) {
        (Some(tool), _) => (servers.find(first)?, tool),
        (None, Some(parts)) => parts,
        (None, None) => return Err(Error::usage("name a tool: SERVER.TOOL, or SERVER and TOOL").hint("angelia mcp:tools")),
    };
    let runtime = call::runtime(app)?;
    let callable = block_on(async { name(app, &runtime, entry, tool).await.and_then(|name| runtime.catalog.function(&name)) })?;
    let schema = if arguments.get_flag("output") {
        callable
            .function
            .output
            .clone()
            .ok_or_else(|| Error::new(Code::NotFound, format!("The result of {} has no known schema", callable.name)))?
    } else {
        callable.function.input_schema()
    };
    out.answer(&schema, |_| format!("{schema:#}"));
    Ok(0)
}

/// `mcp:tools`.
fn list(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let servers = servers(app)?;
    let only = arguments.get_one::<String>("server").map(|name| servers.find(name)).transpose()?;
    let refresh = arguments.get_flag("refresh");
    let runtime = call::runtime(app)?;
    let chosen: Vec<&Entry> = only.map_or_else(|| servers.entries.iter().filter(|entry| !entry.disabled).collect(), |entry| vec![entry]);
    let rows = block_on(async {
        let mut rows = Vec::new();
        for entry in chosen {
            let known = known(app, &runtime, entry).filter(|_| !refresh);
            let asked = match known {
                Some(known) => Ok(Some(known)),
                None if refresh || only.is_some() => found(&runtime, entry).await.map(Some),
                None => Trust::open(&app.dirs)?.check(entry).map(|()| None),
            };
            match asked {
                Err(error) if only.is_some() => return Err(error),
                asked => rows.push((entry, asked)),
            }
        }
        Ok(rows)
    })?;
    let trust = Trust::open(&app.dirs)?;
    let mut left = limit(arguments, usize::MAX);
    let shown: Vec<Value> = rows.iter().map(|(entry, asked)| row(app, &trust, entry, asked, &mut left)).collect();
    out.answer(&json!({"success": true, "servers": shown}), |paint| {
        if shown.is_empty() {
            return String::from("No MCP server is configured here. angelia mcp:add adds one.");
        }
        let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let mut text = Vec::new();
        for server in &shown {
            let empty = Vec::new();
            let tools = server["tools"].as_array().unwrap_or(&empty);
            let state = server["state"].as_str().filter(|state| *state != "known").map(|state| format!(" ({state})")).unwrap_or_default();
            text.push(format!("{}{}", paint.bold(&word(server, "server")), paint.dim(&state)));
            let cells = tools.iter().map(|tool| {
                let held = if tool["quarantined"] == true { paint.red("quarantined") } else { word(tool, "operation") };
                vec![format!("  {}", word(tool, "function")), held, word(tool, "description").lines().next().unwrap_or_default().to_owned()]
            });
            if !tools.is_empty() {
                text.push(out.table(paint, &["  function", "operation", "description"], cells.collect()));
            }
            if let Some(why) = server["error"].as_str() {
                text.push(format!("  {}", paint.yellow(why)));
            }
        }
        text.join("\n")
    });
    Ok(0)
}

fn row(app: &App, trust: &Trust, entry: &Entry, asked: &Result<Option<(Arc<Provider>, Vec<Function>)>>, left: &mut usize) -> Value {
    let mut row = json!({"server": tools::shown(&entry.name), "id": entry.id, "provider": entry.provider()});
    match asked {
        Ok(Some((provider, functions))) => {
            let cached = Cache::new(&app.dirs).get(entry).map(|found| found.tools.clone()).unwrap_or_default();
            let held = trust.quarantined(entry, &cached);
            let of_tools: Vec<&Function> = functions.iter().filter(|function| original(function).is_some()).collect();
            let shown = of_tools.iter().take(*left).map(|function| {
                let name = original(function).unwrap_or_default();
                json!({
                    "name": tools::shown(name), "id": function.id, "function": format!("{}.{}", provider.id, function.id), "title": function.title,
                    "description": function.description, "operation": function.operation.as_str(), "quarantined": held.contains_key(name),
                })
            });
            row["tools"] = shown.collect::<Vec<_>>().into();
            row["total"] = of_tools.len().into();
            row["state"] = "known".into();
            *left = left.saturating_sub(of_tools.len());
        }
        Ok(None) => row["state"] = "not asked yet; --refresh asks".into(),
        Err(error) => {
            row["state"] = error.code.as_str().into();
            row["error"] = error.message.clone().into();
        }
    }
    row
}
