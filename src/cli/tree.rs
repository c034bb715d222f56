//! The commands that there are, as clap knows them: names, flags, help. What they do stands in their own files.

use clap::{Arg, ArgAction, Command, builder::PossibleValuesParser};

use crate::cli::words::OWN;
use crate::cli::{connect, examples, import, manifest, mcp};
use crate::lua::limits::YEAR;

/// Families of commands.
pub const FAMILIES: [&str; 10] =
    ["integrations", "lua", "mcp", "mcp:secret", "mcp:key", "mcp:gateway", "approvals", "audit", "results", "config"];

/// A switch.
pub fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// A flag with a value.
pub fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// A flag that may be repeated.
pub fn several(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    option(name, value, help).action(ArgAction::Append)
}

/// A word without a flag.
pub fn word(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).value_name(name.to_uppercase().replace('_', " ")).help(help)
}

/// A flag with a number from one on.
pub fn number(name: &'static str, help: &'static str) -> Arg {
    option(name, "N", help).value_parser(clap::value_parser!(u32).range(1..))
}

/// A flag with one of these values.
pub fn choice(name: &'static str, values: &'static [&'static str], help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(name.to_uppercase().replace('-', "_")).value_parser(PossibleValuesParser::new(values)).help(help)
}

/// What a rule may say.
pub const RULES: &[&str] = &["allow", "ask", "deny", "unset"];
const OPERATIONS: &[&str] = &["read", "write", "destructive"];
const TIERS: &[&str] = &["verified", "imported", "own", "described"];
const FIELDS: &str = "Which fields the JSON has; 'all' for every one";

/// A command; every one has `--json`.
pub fn verb(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).arg(flag("json", "Print one JSON document"))
}

fn integrations() -> Vec<Command> {
    let account = || option("account", "ALIAS", "The account; default when left out");
    vec![
        verb("integrations:list", "List providers with status and function counts")
            .args([
                flag("active", "Only active ones"),
                option("category", "NAME", "Only this category"),
                choice("tier", TIERS, "Only this tier"),
                choice("operation", OPERATIONS, "Only those with functions of this operation"),
            ])
            .args([number("limit", "At most so many"), option("fields", "A,B", FIELDS)]),
        verb("integrations:status", "Show which providers are active and configured, their accounts and permissions")
            .args([
                flag("active", "Only active ones"),
                option("category", "NAME", "Only this category"),
                choice("tier", TIERS, "Only this tier"),
                choice("operation", OPERATIONS, "Only those with functions of this operation"),
            ])
            .args([number("limit", "At most so many"), option("fields", "A,B", FIELDS)]),
        verb("integrations:doctor", "Say what is missing, with the next commands to paste")
            .args([word("provider", "A provider; all enabled ones when left out"), account()]),
        verb("integrations:fields", "Show a provider's credential fields and which are set")
            .args([word("provider", "A provider").required(true), account()]),
        configure(),
        verb("integrations:accounts", "List, rename and remove accounts")
            .args([
                word("provider", "A provider; all when left out"),
                option("rename", "ALIAS", "Rename this account; needs --to").requires("to"),
            ])
            .args([
                option("to", "ALIAS", "The new alias").requires("rename"),
                option("remove", "ALIAS", "Remove this account with its credentials").conflicts_with("rename"),
            ]),
        connect::command(),
        connect::end_command(),
        verb("integrations:search", "Find functions by what they do")
            .args([
                word("query", "Everyday words").required(true).num_args(1..),
                number("limit", "At most so many; 10 when left out"),
                flag("active", "Only active providers"),
            ])
            .args([
                choice("operation", OPERATIONS, "Only this operation"),
                option("category", "NAME", "Only this category"),
                choice("tier", TIERS, "Only this tier"),
            ])
            .args([option("provider", "ID", "Only this provider"), option("fields", "A,B", FIELDS)]),
        verb("integrations:docs", "Read about everything, a provider or a function")
            .args([word("page", "provider or provider.function"), choice("format", &["text", "markdown", "json"], "How to print it")]),
        verb("integrations:examples", "Show ways to call a function, or the functions of a provider")
            .arg(word("page", "provider or provider.function").required(true)),
        verb("integrations:schema", "Print the JSON Schema of a function's arguments")
            .args([word("function", "provider.function").required(true), flag("output", "Of its result instead, where it is known")]),
        call(),
        script("integrations:lua", "Run a Lua workflow that calls any function"),
        verb("integrations:test", "Prove credentials by one read-only call")
            .args([word("provider", "A provider; all configured ones when left out"), account()]),
        verb("integrations:remove", "Remove a provider of your own catalog").arg(word("provider", "A provider").required(true)),
    ]
}

fn configure() -> Command {
    verb("integrations:configure", "Set credentials, activation and permissions of a provider")
        .args([word("provider", "A provider").required(true), option("account", "ALIAS", "The account; default when left out")])
        .args([several("set", "FIELD=VALUE", "Set a credential; VALUE may be env:NAME, file:PATH, cmd:COMMAND"), several("unset", "FIELD", "Remove a credential")])
        .args([flag("enable", "Make the provider active").conflicts_with("disable"), flag("disable", "Make it inactive")])
        .args([choice("read", RULES, "What reads may do"), choice("write", RULES, "What writes may do"), choice("destructive", RULES, "What destructive calls may do; as --write when unset")])
        .args([several("function", "GLOB=RULE", "A rule for functions, such as 'delete_*=deny'"), flag("account-rules", "Write the rules for --account alone")])
        .args([flag("allow-private", "Let it reach private addresses").conflicts_with("no-allow-private"), flag("no-allow-private", "Keep it from private addresses")])
        .args([several("server", "NAME=URL", "A base URL in place of the manifest's; empty removes it"), flag("use-account", "Use --account when a call names none")])
        .args([flag("project", "Write settings to this project's file instead of your own"), flag("stdin-json", "Read {account, set, enabled, permissions, …} from stdin"), flag("test", "Then make the provider's verification call")])
        .after_help("Without any option, on a terminal, it asks for the credentials. Secrets on a command line end up in the shell's history: prefer env:NAME or --stdin-json.")
}

fn call() -> Command {
    let mut call = verb("integrations:call", "Call any function")
        .args([word("function", "provider.function"), word("payload", "JSON object, or - for stdin")]);
    for (name, takes, help) in OWN.iter().filter(|(name, ..)| !matches!(*name, "json" | "help")) {
        call = call.arg(match takes {
            Some(value) => option(name, value, help),
            None => flag(name, help),
        });
    }
    call.after_help("Every other --flag is an argument of the function: angelia integrations:call provider.function --help lists them.")
}

fn serve() -> Command {
    verb("mcp:serve", "Serve every function to MCP clients, on stdin and stdout or over HTTP")
        .args([
            option("profile", "NAME", "Let clients use what this profile of the settings names"),
            several("tools", "GLOB", "Offer these functions as tools of their own, such as 'github.list_*'"),
            several("integration", "GLOB", "Only these providers; no upstream server unless one is named too"),
            several("upstream", "GLOB", "Only these upstream MCP servers; no integration unless one is named too"),
        ])
        .args([
            choice("write", &["allow", "ask", "deny"], "The rule for writes; deny when left out. A deny of the settings stays one"),
            flag("read-only", "Nothing but reads, whatever else is said"),
            several("account", "[PROVIDER=]ALIAS", "The only account that is used, of one provider or of all"),
            flag("force", "Bypass allow, ask and deny of the settings; marked in the audit log"),
        ])
        .args([
            option("http", "ADDR", "Over HTTP at this address, such as 8080 (this machine alone) or 0.0.0.0:8080 (needs a key); 0 takes any free port"),
            option("tls-cert", "FILE", "With TLS: the certificates (PEM)").requires("tls-key"),
            option("tls-key", "FILE", "With TLS: their key (PEM)").requires("tls-cert"),
            flag("require-key", "Ask clients on this machine for a key too"),
        ])
        .args([
            several("allow-host", "NAME", "Another host name that clients may use for this server"),
            several("allow-origin", "URL", "A web page that may use this server, such as https://app.example.com"),
            number("max-sessions", "At most so many sessions at once; 1000 when left out"),
            number("idle", "Close sessions that are not used for so many seconds; 600 when left out"),
        ])
        .mut_args(|argument| {
            let over_http = ["tls-cert", "tls-key", "require-key", "allow-host", "allow-origin", "max-sessions", "idle"];
            if over_http.contains(&argument.get_id().as_str()) { argument.requires("http") } else { argument }
        })
        .after_help("Clients start this themselves: angelia mcp:gateway:install CLIENT\nWithout --tools and --profile the client sees five small tools that reach everything.")
}

/// One runner under two names: the environment is the same.
fn script(name: &'static str, about: &'static str) -> Command {
    let command = verb(name, about)
        .args([word("file", "A Lua file, or - for stdin"), option("eval", "CODE", "Run this text instead of a file")])
        .args([
            flag("repl", "Read lines from the terminal and keep what they define"),
            flag("dry-run", "Make the reads, show every write instead of sending it").conflicts_with("approve"),
        ])
        .arg(option("approve", "DIGEST", "Let exactly the requests of that dry run through, once"));
    running(command).after_help(
        "Without a file and --eval the script is read from stdin; else stdin is the script's data. What the script returns is the result.",
    )
}

/// What every run of a script may be given.
fn running(command: Command) -> Command {
    let number = |name: &'static str, value: &'static str, help: &'static str| {
        option(name, value, help).value_parser(clap::value_parser!(u64).range(1..))
    };
    let time = |name: &'static str, help: &'static str| option(name, "SECONDS", help).value_parser(seconds);
    command
        .args([
            option("args", "JSON", "Named arguments: the members of args"),
            several("account", "PROVIDER=ALIAS", "Use this account where the script names none"),
        ])
        .args([
            several("env", "NAME", "Let the script read this environment variable"),
            flag("force", "Bypass the read/write permission policy, and nothing else"),
        ])
        .args([
            option("record", "DIR", "Write every exchange to a folder, without secrets"),
            option("replay", "PATH", "Answer from recorded exchanges; send nothing"),
        ])
        .args([
            number("memory-limit", "BYTES", "Most memory; 67108864 when left out"),
            time("cpu-limit", "Most time that it computes; 30 when left out"),
            time("time-limit", "Most time from start to end; 300 when left out"),
        ])
        .args([
            number("call-limit", "N", "Most calls; 1000 when left out"),
            number("output-limit", "BYTES", "Most bytes that it prints and returns; 8388608 when left out"),
        ])
        .arg(Arg::new("words").value_name("WORDS").help("After --: the script's own words, args[1] and so on").num_args(0..).last(true))
}

/// A time from the command line: more than nothing, less than a year.
fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| *number > 0.0 && *number <= YEAR as f64);
    number.ok_or_else(|| String::from("must be a number of seconds above 0"))
}

fn lua() -> Vec<Command> {
    vec![
        verb("lua:check", "Find mistakes in workflows without running them")
            .arg(word("files", "Workflow files, or - for stdin").value_name("FILE").required(true).num_args(1..)),
        verb("lua:types", "Write definitions with which an editor completes and checks workflows").args([
            option("output", "DIR", "Into this folder; .angelia/types when left out"),
            flag("all", "All providers, not only active ones"),
        ]),
        running(
            verb("lua:test", "Run the test functions of a Lua file against recorded exchanges")
                .arg(word("file", "The Lua file; its global functions test_… are the tests").required(true)),
        )
            .args([option("only", "WORD", "Only tests whose name holds this word")])
            .after_help("Nothing is sent: each test answers from its own folder below FILE.exchanges, or below --replay. --record makes the calls and writes these folders."),
    ]
}

fn shared() -> Vec<Command> {
    let id = || word("id", "The ticket's id, or the beginning of it").required(true);
    vec![
        verb("approvals:list", "List approval tickets").args([
            choice("state", &["pending", "approved", "denied", "spent", "expired"], "Only these"),
            number("limit", "At most so many"),
        ]),
        verb("approvals:show", "Show the exact request of a ticket").arg(id()),
        verb("approvals:approve", "Allow the request of a ticket, once").args([id(), flag("run", "Make the call now")]),
        verb("approvals:deny", "Refuse a ticket").arg(id()),
        verb("audit:list", "List recorded calls, newest first")
            .args([
                option("function", "NAME", "Only this function; a * at the end stands for the rest"),
                option("account", "ALIAS", "Only this account"),
            ])
            .args([
                choice("outcome", &["succeeded", "failed", "refused", "planned", "pending", "unknown"], "Only these"),
                choice("operation", OPERATIONS, "Only these"),
            ])
            .args([
                option("code", "SLUG", "Only this error code"),
                option("since", "TIME", "From this time (RFC 3339, or 30m, 12h, 7d ago)"),
                option("until", "TIME", "Before this time"),
            ])
            .args([
                flag("forced", "Only calls that bypassed the policy"),
                number("limit", "At most so many; 50 when left out"),
                option("origin", "NAME", "Only calls that came in by cli or lua, or by exactly cli/lua"),
            ]),
        verb("audit:show", "Show one recorded call").arg(word("call_id", "Its id").required(true)),
        verb("config:list", "Show every setting with its value and source"),
        verb("config:get", "Print one setting").arg(word("key", "Dotted key, such as http.timeout_seconds").required(true)),
        verb("config:set", "Change one setting").args([
            word("key", "Dotted key").required(true),
            word("value", "New value").required(true),
            flag("project", "In this project's file instead of your own"),
        ]),
        verb("config:unset", "Remove one setting")
            .args([word("key", "Dotted key").required(true), flag("project", "From this project's file instead of your own")]),
        verb("config:path", "Print where settings, data and cache are"),
        verb("trust", "Trust this project's settings and manifests as they are now").args([
            word("folder", "The project; the one around the current folder when left out"),
            flag("list", "List trusted projects"),
            flag("revoke", "Trust it no more"),
            flag("show", "Show what would be trusted"),
        ]),
        verb("completions", "Print a shell's completion script")
            .arg(word("shell", "bash, zsh or fish").required(true).value_parser(PossibleValuesParser::new(["bash", "zsh", "fish"]))),
    ]
}

fn results() -> Vec<Command> {
    let id = || word("id", "The result's id, or the beginning of it");
    vec![
        verb("results:list", "List kept answers, newest first").args([
            number("limit", "At most so many; 50 when left out"),
            option("function", "NAME", "Only of this function; a * at the end stands for the rest"),
        ]),
        verb("results:show", "Print a kept answer, whole").args([
            id().required(true),
            option("output", "FILE", "Write it to a file"),
            flag("overwrite", "Let --output replace a file").requires("output"),
        ]),
        verb("results:query", "Read a part of a kept answer")
            .args([id().required(true), word("program", "jq program, such as '.items[] | {id, title}'")])
            .args([
                option("search", "TEXT", "List the places where this text occurs, upper or lower case"),
                option("pointer", "POINTER", "Only what this JSON Pointer leads to, such as /items/0"),
            ])
            .args([
                option("offset", "N", "Leave out so many items, members, characters or places").value_parser(clap::value_parser!(u32)),
                number("limit", "At most so many"),
            ]),
        verb("results:remove", "Remove kept answers")
            .args([id().conflicts_with_all(["all", "older-than"]), flag("all", "Every one").conflicts_with("older-than")])
            .arg(option("older-than", "TIME", "Those from before a time (RFC 3339, or 30m, 12h, 7d ago)")),
    ]
}

/// The whole tree.
pub fn command() -> Command {
    Command::new("angelia")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Lets any program use any service, under one policy.")
        .long_about(
            "Lets any program use any service, under one policy. Every call passes the same checks (name, activation, credentials, arguments, permission), \
             answers with the same JSON envelope and leaves one audit line.",
        )
        .after_help("angelia integrations:<provider> [function] is a shortcut for integrations:call. 'integrations call' means 'integrations:call'.\nStart with: angelia integrations:search \"create an issue\"")
        .subcommand_required(false)
        .subcommands(integrations())
        .subcommands(import::tree::commands())
        .subcommands(manifest::commands())
        .subcommands(mcp::tree::commands())
        .subcommands(mcp::upstreams::tree::commands())
        .subcommands(lua())
        .subcommand(serve())
        .subcommand(script("mcp:lua", "Run a Lua workflow that calls any function, as integrations:lua does"))
        .subcommands(mcp::keys::commands())
        .subcommands(shared())
        .subcommands(results())
        .mut_subcommands(examples::shown)
}

/// Names of all commands.
pub fn names() -> Vec<String> {
    command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// Verbs of a family.
pub fn verbs(family: &str) -> Vec<String> {
    names().iter().filter_map(|name| name.strip_prefix(family)?.strip_prefix(':').map(str::to_owned)).collect()
}

/// Whether a word is `integrations:<provider>` and no verb.
pub fn is_shortcut(word: &str) -> bool {
    word.strip_prefix("integrations:").is_some_and(|rest| !rest.is_empty() && !verbs("integrations").iter().any(|verb| verb == rest))
}

/// Whether a word is `mcp:<server>` and no verb.
pub fn is_server(word: &str) -> bool {
    let known = |name: &str| names().iter().any(|known| known == name) || FAMILIES.contains(&name);
    word.strip_prefix("mcp:").is_some_and(|rest| !rest.is_empty()) && !known(word)
}

/// Help of `integrations:call` without a function.
pub fn call_help() -> String {
    let mut command = command();
    command
        .find_subcommand_mut("integrations:call")
        .map(|call| call.clone().bin_name("angelia integrations:call").render_long_help().to_string())
        .unwrap_or_default()
}

/// The commands of a family with what they do.
pub fn family_help(family: &str) -> String {
    let command = command();
    let rows: Vec<(&str, String)> = command
        .get_subcommands()
        .filter(|verb| verb.get_name().starts_with(&format!("{family}:")))
        .map(|verb| (verb.get_name(), verb.get_about().map(ToString::to_string).unwrap_or_default()))
        .collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: String = rows.iter().map(|(name, about)| format!("  {name:width$}  {about}\n")).collect();
    format!("Usage: angelia {family}:<verb> [words]\n\n{lines}\nangelia {family}:<verb> --help says more.\n")
}
