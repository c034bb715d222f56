//! The commands of the `mcp` family, as clap knows them.

use clap::{Arg, Command};

use crate::cli::tree::{RULES, choice, flag, option, several, verb, word};

/// All of them.
pub fn commands() -> Vec<Command> {
    [servers(), secrets(), exchange(), gateway()].concat()
}

fn name(help: &'static str) -> Arg {
    word("name", help)
}

fn servers() -> Vec<Command> {
    let project = || flag("project", "In this project's .angelia/mcp.json instead of your own file");
    let place = |command: Command| {
        command
            .args([project(), flag("overwrite", "Replace an entry of this name")])
            .args([choice("read", RULES, "What its reads may do"), choice("write", RULES, "What its writes may do")])
    };
    vec![
        verb("mcp:list", "List the MCP servers that are configured, with their file and whether they are trusted"),
        verb("mcp:status", "Show which MCP servers can be used, with their rules, and what waits for a look"),
        verb("mcp:doctor", "Say what keeps MCP servers from working, with the next commands to paste")
            .arg(name("A server; all when left out")),
        place(
            verb("mcp:add", "Add an MCP server")
                .arg(name("Its name").required(true))
                .args([
                    option("command", "PROGRAM", "The program that is the server").conflicts_with_all(["url", "words"]),
                    several("arg", "WORD", "One argument of it").requires("command").allow_hyphen_values(true),
                ])
                .args([
                    several("env", "NAME=VALUE", "A variable for it; VALUE may be env:NAME, file:PATH, cmd:COMMAND, secret:KEY"),
                    option("cwd", "FOLDER", "The folder that it runs in"),
                ])
                .args([
                    option("url", "URL", "The address of a server that runs elsewhere").conflicts_with("words"),
                    several("header", "NAME=VALUE", "A header for it; VALUE as for --env, or with ${…} in it").requires("url"),
                    flag("sse", "It speaks the older HTTP with server-sent events").requires("url"),
                ])
                .arg(Arg::new("words").value_name("COMMAND").help("After --: the program and its arguments").num_args(1..).last(true)),
        )
        .after_help(
            "Secrets do not belong on a command line or in that file: --env TOKEN=secret:token, then angelia mcp:secret:set NAME token.",
        ),
        verb("mcp:remove", "Remove an MCP server from your file, with its secrets")
            .args([name("The server").required(true), flag("project", "From this project's .angelia/mcp.json instead")]),
        verb("mcp:enable", "Let an MCP server be used").arg(name("The server").required(true)),
        verb("mcp:disable", "Keep an MCP server from being used; its file stays as it is").arg(name("The server").required(true)),
        verb("mcp:trust", "Look at the servers of this project, and at tools that changed, and believe them as they are now").args([
            name("A server; all that wait for it when left out"),
            flag("diff", "Only show what would be trusted"),
            flag("yes", "Without a question"),
        ]),
        verb("mcp:untrust", "Trust a server of this project no more").arg(name("The server").required(true)),
        place(verb("mcp:preset", "Add a well-known MCP server").args([
            name("Which; they are listed when left out"),
            flag("list", "List them"),
            option("as", "NAME", "Under another name"),
            several("arg", "WORD", "One more argument of it").allow_hyphen_values(true),
        ])),
    ]
}

fn secrets() -> Vec<Command> {
    vec![
        verb("mcp:secret:set", "Store a secret of an MCP server")
            .args([name("The server").required(true), word("key", "Which: the KEY of secret:KEY, or env.NAME, header.NAME").required(true)])
            .args([flag("stdin", "Read it from stdin").conflicts_with("value"), option("value", "REF", "env:NAME, file:PATH or cmd:COMMAND: where it is kept")])
            .after_help("Without --stdin and --value it is asked for on the terminal. A secret on a command line would end up in the shell's history."),
        verb("mcp:secret:list", "List the secrets of MCP servers: which are stored, which are missing").arg(name("A server; all when left out")),
        verb("mcp:secret:unset", "Remove a secret of an MCP server")
            .args([name("The server").required(true), word("key", "Which").required(true)]),
    ]
}

fn exchange() -> Vec<Command> {
    vec![
        verb("mcp:import", "Copy MCP servers from another program's file into your own; secrets go to the credential store")
            .args([
                word("file", "The file"),
                option("from", "CLIENT", "The file of this client: claude-code, claude-desktop, cursor, vscode, codex, gemini, zed")
                    .conflicts_with("file"),
            ])
            .args([
                several("only", "NAME", "Only this server"),
                flag("overwrite", "Replace entries of the same name"),
                flag("dry-run", "Only say what would be copied"),
            ]),
        verb("mcp:export", "Print the MCP servers for another program, without secrets").args([
            choice("format", &["mcpServers", "servers"], "The member that holds them; mcpServers when left out"),
            option("output", "FILE", "Into a new file instead"),
        ]),
    ]
}

fn gateway() -> Vec<Command> {
    let client = || word("client", "claude-code, claude-desktop, cursor, vscode, codex, gemini or zed").required(true);
    let serve = |command: Command| {
        command
            .args([
                option("profile", "NAME", "What the client may use: a profile of your settings"),
                flag("project", "The client's file in this project"),
            ])
            .arg(Arg::new("words").value_name("FLAGS").help("After --: flags for mcp:serve").num_args(0..).last(true))
    };
    vec![
        serve(verb("mcp:gateway:export", "Print what a client needs in its file to use angelia as an MCP server").arg(client())),
        serve(verb("mcp:gateway:install", "Write angelia into a client's file as an MCP server").args([
            client(),
            flag("dry-run", "Show what would change"),
            flag("uninstall", "Remove it again"),
        ])),
    ]
}
