//! What a client's context is filled with when 40,000 functions are installed and all their providers are ready to use: at the start, by a
//! search, and by a page of documentation.

use std::process::Command;

use serde_json::{Value, json};

use crate::peers;
use crate::pipe::Pipe;
use crate::support::home::{Home, TOKEN};
use crate::support::manifests::{FUNCTIONS, Manifest, PROVIDERS};
use crate::support::process::Program;
use crate::support::report::Table;
use crate::support::{Measured, tell};

const MOST_AT_START: f64 = 6.0;
const MOST_OF_A_SEARCH: f64 = 2.0;
const MOST_OF_A_PAGE: f64 = 4.0;
/// Pages of documentation that are looked at.
const PAGES: usize = 200;

const QUERIES: [&str; 8] = [
    "list issues",
    "close an invoice",
    "create a customer in the billing system",
    "find documents that hold a text",
    "update the schedule of a shift",
    "remove a webhook for good",
    "deploy",
    "who is a member of the team",
];

/// Measures all of it.
pub fn measure() -> Measured<()> {
    let home = Home::new()?;
    let names = write(&home)?;
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_angelia"));
        command.args(["mcp:serve", "--write", "ask"]).env_clear().envs(environment(&home)).current_dir(home.work());
        command
    };
    tell("compiling the catalog");
    let program = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(environment(&home));
    program.arguments(["integrations:search", "list issues"]).check("list_")?;
    let (mut pipe, hello) = Pipe::open(&mut command())?;
    let mut table = Table::new(&format!("MCP, bytes for a model: {FUNCTIONS} functions of {PROVIDERS} providers that are ready to use"));

    let instructions = hello["instructions"].as_str().unwrap_or_default().len();
    let tools = pipe.ask("tools/list", &json!({}))?["tools"].to_string().len();
    table.tell("at the start: instructions; tools", format!("{instructions} bytes; {tools} bytes"));
    table.judge("at the start, together", (instructions + tools) as f64 / 1e3, MOST_AT_START, "kB");

    let searches = QUERIES.into_iter().flat_map(|query| [json!({"query": query}), json!({"query": query, "all": true})]);
    let found = answers(&mut pipe, "search_functions", searches)?;
    judge(&mut table, "a search", &found, MOST_OF_A_SEARCH);
    let pages = names.iter().step_by((names.len() / PAGES).max(1)).map(|name| json!({"page": name}));
    let functions = answers(&mut pipe, "read_docs", pages)?;
    judge(&mut table, "documentation of a function", &functions, MOST_OF_A_PAGE);
    let providers = (0..PROVIDERS).step_by(20).map(|number| json!({"page": Manifest::new(number).id()}));
    let providers = answers(&mut pipe, "read_docs", providers.chain([json!({})]))?;
    judge(&mut table, "documentation of a provider, and of all", &providers, MOST_OF_A_PAGE);
    table.tell("server, peak memory", format!("{:.1} MB", peers::memory(pipe.id(), "VmHWM")?));
    table.note("Bytes of the text of an answer, which is what a model reads.");
    table.print();
    Ok(())
}

/// Writes every manifest and settings that enable them; returns the names of all functions.
fn write(home: &Home) -> Measured<Vec<String>> {
    let mut names = Vec::new();
    for number in 0..PROVIDERS {
        let manifest = Manifest::new(number);
        home.provider(&manifest.id(), &manifest.yaml())?;
        names.extend(manifest.functions.iter().map(|function| format!("{}.{}", manifest.id(), function.id())));
    }
    let ids: Vec<String> = (0..PROVIDERS).map(|number| Manifest::new(number).id()).collect();
    home.settings(ids.iter().map(String::as_str), "http://127.0.0.1:1")?;
    Ok(names)
}

fn environment(home: &Home) -> Vec<(String, String)> {
    let tokens = (0..PROVIDERS).map(|number| (format!("ANGELIA_{}_TOKEN", Manifest::new(number).id().to_uppercase()), TOKEN.to_owned()));
    peers::environment(home).into_iter().chain(tokens).collect()
}

/// The sizes of the texts of answers.
fn answers(pipe: &mut Pipe, tool: &str, given: impl Iterator<Item = Value>) -> Measured<Vec<usize>> {
    given
        .map(|arguments| {
            let result = pipe.ask("tools/call", &json!({"name": tool, "arguments": arguments}))?;
            let texts = result["content"].as_array().into_iter().flatten().filter_map(|block| block["text"].as_str());
            let bytes = texts.map(str::len).sum();
            if bytes == 0 { Err(format!("{tool} {arguments}: {result}")) } else { Ok(bytes) }
        })
        .collect()
}

fn judge(table: &mut Table, what: &str, sizes: &[usize], most: f64) {
    let (sum, largest) = (sizes.iter().sum::<usize>() as f64, sizes.iter().max().copied().unwrap_or_default() as f64);
    table.tell(&format!("{what}: mean of {}", sizes.len()), format!("{:.2} kB", sum / sizes.len().max(1) as f64 / 1e3));
    table.judge(&format!("{what}: largest"), largest / 1e3, most, "kB");
}
