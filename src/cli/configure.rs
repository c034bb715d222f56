//! `integrations:configure`: credentials to the store, activation and permissions to the settings file that was named.
//! Everything is checked before anything is written.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::access::field::{self, is_reference};
use crate::access::policy::{self, Question};
use crate::access::trust;
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{self, DEFAULT_ACCOUNT, nearest};
use crate::base::secret::Secret;
use crate::cli::call::runtime;
use crate::cli::hidden::Asking;
use crate::cli::output::Out;
use crate::cli::{setup, stdin};
use crate::config::edit::{self, Change};
use crate::config::layers::PROJECT_FOLDER;
use crate::registry::catalog::Opened;
use crate::registry::function::Operation;
use crate::registry::manifest::Provider;

/// What shall change.
#[derive(Default)]
struct Wish {
    account: String,
    credentials: BTreeMap<String, Option<Secret>>,
    /// Dotted path below the provider's section, and the value (`None` removes it).
    settings: Vec<(Vec<String>, Option<String>)>,
    project: bool,
    test: bool,
}

/// Runs the command.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let id = arguments.get_one::<String>("provider").map(String::as_str).unwrap_or_default();
    let opened = app.catalog()?.provider(id)?;
    let mut wish = from_flags(arguments)?;
    if arguments.get_flag("stdin-json") {
        from_json(&mut wish)?;
    }
    if wish.credentials.is_empty() && wish.settings.is_empty() && !wish.test {
        ask(out, &opened, &mut wish)?;
    }
    check(&opened, &wish)?;
    write(app, &opened, &wish)?;
    answer(out, &opened, &wish)
}

fn from_flags(arguments: &ArgMatches) -> Result<Wish> {
    let all = |name: &str| arguments.get_many::<String>(name).into_iter().flatten();
    let mut wish = Wish {
        account: setup::account(arguments)?,
        project: arguments.get_flag("project"),
        test: arguments.get_flag("test"),
        ..Wish::default()
    };
    for pair in all("set") {
        let (key, value) = pair.split_once('=').ok_or_else(|| Error::usage("--set takes FIELD=VALUE"))?;
        wish.credentials.insert(key.to_owned(), Some(Secret::new(value.to_owned())));
    }
    for key in all("unset") {
        wish.credentials.insert(key.clone(), None);
    }
    for (flag, key, value) in [
        ("enable", "enabled", "true"),
        ("disable", "enabled", "false"),
        ("allow-private", "allow_private", "true"),
        ("no-allow-private", "allow_private", "false"),
    ] {
        if arguments.get_flag(flag) {
            wish.settings.push((vec![key.to_owned()], Some(value.to_owned())));
        }
    }
    let scope = |wish: &Wish| {
        if arguments.get_flag("account-rules") { vec![String::from("accounts"), wish.account.clone()] } else { Vec::new() }
    };
    for operation in ["read", "write", "destructive"] {
        if let Some(rule) = arguments.get_one::<String>(operation) {
            let path = [scope(&wish), vec![operation.to_owned()]].concat();
            wish.settings.push((path, Some(rule.clone()).filter(|rule| rule != "unset")));
        }
    }
    for pair in all("function") {
        let (glob, rule) = pair.rsplit_once('=').ok_or_else(|| Error::usage("--function takes GLOB=allow|ask|deny|unset"))?;
        let path = [scope(&wish), vec![String::from("functions"), glob.to_owned()]].concat();
        wish.settings.push((path, Some(rule.to_owned()).filter(|rule| rule != "unset")));
    }
    for pair in all("server") {
        let (name, url) = pair.split_once('=').ok_or_else(|| Error::usage("--server takes NAME=URL"))?;
        wish.settings.push((vec![String::from("servers"), name.to_owned()], Some(url.to_owned()).filter(|url| !url.is_empty())));
    }
    if arguments.get_flag("use-account") {
        wish.settings.push((vec![String::from("account")], Some(wish.account.clone()).filter(|account| account != DEFAULT_ACCOUNT)));
    }
    Ok(wish)
}

/// `{account, set | credentials, enabled, permissions, functions, scope}` from stdin.
fn from_json(wish: &mut Wish) -> Result<()> {
    let bytes =
        stdin::read(stdin::Wait::Forever)?.ok_or_else(|| Error::new(Code::InvalidPayload, "--stdin-json needs a JSON object on stdin"))?;
    let Value::Object(members) = stdin::parse(&bytes)? else {
        return Err(Error::new(Code::InvalidPayload, "The payload must be a JSON object"));
    };
    let wrong = |key: &str, want: &str| Error::new(Code::InvalidPayload, format!("'{key}' must be {want}"));
    for (key, value) in members {
        match (key.as_str(), value) {
            ("account", Value::String(alias)) => wish.account = name::account(&alias)?,
            ("set" | "credentials", Value::Object(fields)) => {
                for (field, value) in fields {
                    let text = match value {
                        Value::String(text) if text.starts_with("cmd:") => {
                            return Err(Error::new(Code::InvalidPayload, "A cmd: reference is accepted only by --set, not in a payload"));
                        }
                        Value::String(text) => Some(Secret::new(text)),
                        Value::Null => None,
                        _ => return Err(wrong(&field, "text or null")),
                    };
                    wish.credentials.insert(field, text);
                }
            }
            ("enabled", Value::Bool(enabled)) => wish.settings.push((vec![key], Some(enabled.to_string()))),
            ("permissions", Value::Object(rules)) => push_rules(wish, &[], rules)?,
            ("functions", Value::Object(rules)) => push_rules(wish, &["functions"], rules)?,
            ("scope", Value::String(scope)) if scope == "global" || scope == "project" => wish.project = scope == "project",
            ("account", _) => return Err(wrong("account", "text")),
            ("set" | "credentials" | "permissions" | "functions", _) => return Err(wrong(&key, "an object")),
            ("enabled", _) => return Err(wrong("enabled", "true or false")),
            ("scope", _) => return Err(wrong("scope", "\"global\" or \"project\"")),
            _ => {
                return Err(Error::new(
                    Code::InvalidPayload,
                    format!(
                        "'{}' is not a member here; there are account, set, credentials, enabled, permissions, functions, scope",
                        name::printable(&key)
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn push_rules(wish: &mut Wish, below: &[&str], rules: serde_json::Map<String, Value>) -> Result<()> {
    for (key, rule) in rules {
        let rule = rule
            .as_str()
            .ok_or_else(|| Error::new(Code::InvalidPayload, format!("'{key}' must be \"allow\", \"ask\" or \"deny\"")))?
            .to_owned();
        if below.is_empty() && !["read", "write", "destructive"].contains(&key.as_str()) {
            return Err(Error::new(
                Code::InvalidPayload,
                format!("'{}' is no operation; there are read, write, destructive", name::printable(&key)),
            ));
        }
        let path = below.iter().map(|part| (*part).to_owned()).chain([key]).collect();
        wish.settings.push((path, Some(rule).filter(|rule| rule != "unset")));
    }
    Ok(())
}

/// On a terminal, without options: asks for the credentials and enables the provider.
fn ask(out: &Out, opened: &Opened, wish: &mut Wish) -> Result<()> {
    let provider = &opened.provider;
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::usage("nothing to change")
            .hint(format!("angelia integrations:fields {}", provider.id))
            .hint(format!("angelia integrations:configure {} --help", provider.id)));
    }
    out.stderr(&format!("{}: an empty answer leaves a field as it is.\n", provider.title));
    if provider.oauth.is_some() {
        out.stderr(&format!("To sign in instead: angelia integrations:connect {}\n", provider.id));
    }
    let typed_ones = provider.credentials.iter().filter(|field| provider.oauth.is_none() || field.key != "refresh_token");
    let asking = Asking::begin(out);
    for field in typed_ones {
        let default = field.default.as_ref().map(|default| format!(" [{default}]")).unwrap_or_default();
        if !field.help.is_empty() {
            out.stderr(&format!("{}\n", field.help));
        }
        let prompt = format!("{}{default}: ", field.label);
        let typed = if field.secret { asking.secret(&prompt)? } else { asking.line(&prompt)? };
        if !typed.trim().is_empty() {
            wish.credentials.insert(field.key.clone(), Some(Secret::new(typed.trim().to_owned())));
        }
    }
    wish.settings.push((vec![String::from("enabled")], Some(String::from("true"))));
    Ok(())
}

/// Refuses what cannot be, all of it at once, before anything is written.
fn check(opened: &Opened, wish: &Wish) -> Result<()> {
    let provider = &opened.provider;
    if !provider.cli_setup_supported && !wish.credentials.is_empty() {
        return Err(Error::new(
            Code::UnsupportedRuntime,
            format!("The credentials of '{}' cannot be set on the command line", provider.id),
        )
        .hint(format!("angelia integrations:docs {}", provider.id)));
    }
    if wish.project && !wish.credentials.is_empty() {
        return Err(Error::usage(
            "Credentials belong to you, not to a project: leave out --project, or set them in a command of their own",
        ));
    }
    let mut wrong = Vec::new();
    for (key, value) in &wish.credentials {
        match provider.credentials.iter().find(|field| field.key == *key) {
            None => wrong.push(unknown(provider, key)),
            Some(field) => {
                if let Some(value) = value.as_ref().filter(|value| !is_reference(field::plain(value))) {
                    wrong.extend(field::check(field, field::plain(value)).err().map(|error| error.message));
                }
            }
        }
    }
    for (path, value) in &wish.settings {
        if let [section, server] = &path[..] {
            if section == "servers" && !provider.servers.contains_key(server) {
                wrong.push(format!(
                    "'{}' is no server of {}; there are {}",
                    name::printable(server),
                    provider.id,
                    provider.servers.keys().cloned().collect::<Vec<_>>().join(", ")
                ));
            }
            if let (true, Some(url)) = (section == "servers", value) {
                wrong.extend(field::base_url(url).err().map(|why| format!("The URL of server '{server}' {why}")));
            }
        }
    }
    wrong.extend(wish.settings.iter().filter_map(|(path, value)| wrong_rule(path, value.as_deref())));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::new(Code::InvalidArguments, wrong.join("; ")).hint(format!("angelia integrations:fields {}", provider.id)))
    }
}

/// What is wrong with a rule's word; nothing for what is no rule.
fn wrong_rule(path: &[String], value: Option<&str>) -> Option<String> {
    let last = path.last().map(String::as_str).unwrap_or_default();
    let of_functions = path.iter().rev().nth(1).is_some_and(|section| section == "functions");
    let is_rule = of_functions || matches!(last, "read" | "write" | "destructive");
    let word = value.filter(|word| is_rule && !matches!(*word, "allow" | "ask" | "deny"))?;
    Some(format!("'{}' is no rule for {last}; there are allow, ask, deny", name::printable(word)))
}

fn unknown(provider: &Provider, key: &str) -> String {
    let names: Vec<&str> = provider.credentials.iter().map(|field| field.key.as_str()).collect();
    match nearest(key, names.iter().copied()).first() {
        Some(near) => format!("'{}' is no credential field of {}; did you mean '{near}'?", name::printable(key), provider.id),
        None if names.is_empty() => format!("{} has no credential fields", provider.id),
        None => format!("'{}' is no credential field of {}; there are {}", name::printable(key), provider.id, names.join(", ")),
    }
}

fn write(app: &App, opened: &Opened, wish: &Wish) -> Result<()> {
    if !wish.credentials.is_empty() {
        app.vault()?.store(&app.dirs, &opened.provider, &wish.account, &wish.credentials)?;
    }
    if wish.settings.is_empty() {
        return Ok(());
    }
    let changes = wish
        .settings
        .iter()
        .map(|(path, value)| {
            let path = [vec![String::from("integrations"), opened.provider.id.clone()], path.clone()].concat();
            Change { value: value.as_deref().map(|word| typed(&path, word)), path }
        })
        .collect();
    apply(app, wish.project, changes)
}

/// Switches are true or false; everything else is text, also an account named 123.
fn typed(path: &[String], word: &str) -> edit::Value {
    match path.last().map(String::as_str) {
        Some("enabled" | "allow_private") => edit::value(word),
        _ => edit::text(word),
    }
}

/// Changes the user's settings or the project's. A project that was trusted, or is new, stays trusted: its user made the change.
pub fn apply(app: &App, project: bool, changes: Vec<Change>) -> Result<()> {
    if !project {
        return edit::apply(&app.dirs.make_config()?.join("config.toml"), changes);
    }
    let known = app.config.project.as_ref();
    let root = known.map_or_else(|| std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")), |project| project.root.clone());
    let trusted = known.is_none_or(|project| project.trusted);
    let folder = root.join(PROJECT_FOLDER);
    std::fs::create_dir_all(&folder).map_err(|error| Error::usage(format!("{} cannot be made: {error}", folder.display())))?;
    edit::apply(&folder.join("config.toml"), changes)?;
    if trusted {
        trust::trust(&app.dirs, &root)?;
    }
    Ok(())
}

/// What the policy says of each kind of function that the provider has, rules for single functions aside.
fn permissions(app: &App, opened: &Opened, account: &str) -> BTreeMap<&'static str, &'static str> {
    let rule = |operation| {
        let question = Question { provider: &opened.provider.id, function: "", operation, account, local: opened.local() };
        (operation.as_str(), policy::decide(&app.config, &question).rule.as_str())
    };
    opened.functions.iter().map(|function| function.operation).map(rule).collect()
}

fn answer(out: &Out, opened: &Opened, wish: &Wish) -> Result<u8> {
    let id = &opened.provider.id;
    let app = crate::cli::app()?;
    let vault = app.vault()?;
    let missing: Vec<String> = vault.missing(&opened.provider, &wish.account).iter().map(|field| field.key.clone()).collect();
    let enabled = crate::access::policy::enabled(&app.config, id, opened.local());
    let tested = match wish.test {
        true => Some(setup::verify(runtime(&app)?.as_ref(), out, id, &wish.account)?),
        false => None,
    };
    let code = tested.as_ref().map_or(0, |(_, code)| *code);
    let changed: Vec<&String> = wish.credentials.keys().collect();
    let settings: Vec<String> = wish.settings.iter().map(|(path, _)| path.join(".")).collect();
    let rules = permissions(&app, opened, &wish.account);
    let value = json!({
        "success": code == 0, "provider": id, "account": wish.account, "permissions": rules, "scope": if wish.project { "project" } else { "global" },
        "credentials_changed": changed, "settings_changed": settings, "enabled": enabled, "configured": missing.is_empty(), "missing": missing,
        "active": enabled && missing.is_empty() && opened.provider.cli_runtime_supported, "test": tested.as_ref().map(|(row, _)| row),
    });
    out.answer(&value, |paint| {
        let mut lines = vec![format!("{} {id}, account {}: saved.", paint.green("✓"), wish.account)];
        if !missing.is_empty() {
            let of = if wish.account == DEFAULT_ACCOUNT { String::new() } else { format!(" --account {}", wish.account) };
            let connect = opened.provider.oauth.as_ref().map(|_| format!(" (angelia integrations:connect {id}{of})")).unwrap_or_default();
            lines.push(format!("{} still missing: {}{connect}", paint.yellow("!"), missing.join(", ")));
        }
        if !enabled {
            lines.push(format!("{} not enabled: angelia integrations:configure {id} --enable", paint.yellow("!")));
        }
        let writes = wish.settings.iter().any(|(path, _)| path.last().is_some_and(|last| last == "write"));
        let grave = opened.functions.iter().find(|function| function.operation == Operation::Destructive);
        if let (Some(grave), true) = (grave, writes && rules.get("destructive") == Some(&"allow")) {
            let id = format!("{id}.{}", grave.id);
            lines.push(format!("{} allowed with the writes: what destroys, such as {id}; --destructive=ask asks first", paint.yellow("!")));
        }
        if let Some((row, code)) = &tested {
            lines.push(if *code == 0 {
                format!("{} the verification call works.", paint.green("✓"))
            } else {
                format!("{} the verification call failed: {}", paint.red("✗"), row["error"].as_str().unwrap_or_default())
            });
        }
        lines.join("\n")
    });
    Ok(code)
}
