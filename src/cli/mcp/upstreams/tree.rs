//! The commands that use upstream MCP servers, as clap knows them.

use clap::{Arg, Command};

use crate::cli::tree::{flag, number, option, several, verb, word};

/// All of them.
pub fn commands() -> Vec<Command> {
    let server = || word("server", "The server, by name").required(true);
    let account = "Everything else is as with integrations:call";
    vec![
        verb("mcp:tools", "List the tools of MCP servers, as they were found last").args([
            word("server", "A server; all when left out"),
            flag("refresh", "Ask the servers again"),
            number("limit", "At most so many"),
        ]),
        verb("mcp:schema", "Print the JSON Schema of a tool's arguments")
            .args([
                word("tool", "SERVER.TOOL, or SERVER and TOOL").required(true),
                word("name", "The tool, where the first word is the server"),
            ])
            .arg(flag("output", "Of its result instead, where it is known")),
        verb("mcp:call", "Call a tool of an MCP server")
            .args([
                word("tool", "SERVER.TOOL, or SERVER and TOOL"),
                Arg::new("words").value_name("WORDS").help("The tool, a JSON payload, --flags").num_args(0..).trailing_var_arg(true),
            ])
            .after_help(account),
        verb("mcp:resources", "List what an MCP server has to read").arg(server()),
        verb("mcp:resource", "Read a resource of an MCP server").args([server(), word("uri", "As listed").required(true)]),
        verb("mcp:prompts", "List the prompts of an MCP server").arg(server()),
        verb("mcp:prompt", "Get a prompt of an MCP server, filled in")
            .args([server(), word("name", "As listed").required(true)])
            .arg(several("arg", "NAME=VALUE", "A value for one of its arguments")),
        verb("mcp:auth", "Authorize yourself at an MCP server, in the browser")
            .args([server(), flag("no-browser", "Only print the address to open"), flag("logout", "Forget the stored authorization")])
            .args([
                option("scopes", "A,B", "Ask for these scopes besides those that were granted before"),
                option("client-id", "ID", "The client that is registered there already (its secret: mcp:secret:set SERVER client_secret), or the https address of a document that describes it"),
            ]),
    ]
}
