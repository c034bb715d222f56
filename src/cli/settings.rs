//! `config:*`: every setting with its value and source, and changes to one.

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{nearest, printable};
use crate::cli::configure;
use crate::cli::output::Out;
use crate::config::edit::{self, Change};
use crate::config::layers::{self, ForceRule, SETTINGS, StoreChoice};

/// One setting as shown.
struct Shown {
    key: String,
    value: Value,
    source: &'static str,
    help: &'static str,
}

fn all(app: &App) -> Vec<Shown> {
    let user = &app.config.user;
    let mut shown: Vec<Shown> = SETTINGS
        .iter()
        .map(|setting| Shown {
            key: setting.key.to_owned(),
            value: Value::from(app.config.number(setting.key)),
            source: app.config.source(setting),
            help: setting.help,
        })
        .collect();
    let force = if app.config.force() == ForceRule::Never { "never" } else { "allow" };
    let force_source = match (user.force, app.config.project.as_ref().and_then(|project| project.file.force)) {
        (_, Some(ForceRule::Never)) => "project",
        (Some(_), _) => "user",
        _ => "default",
    };
    shown.push(Shown { key: String::from("force"), value: Value::from(force), source: force_source, help: "'never' turns --force off." });
    let store = match app.config.credential_store() {
        StoreChoice::Auto => "auto",
        StoreChoice::Keychain => "keychain",
        StoreChoice::File => "file",
    };
    let store_source = if user.credentials.store.is_some() { "user" } else { "default" };
    shown.push(Shown {
        key: String::from("credentials.store"),
        value: Value::from(store),
        source: store_source,
        help: "Where secrets go: auto, keychain or file.",
    });
    shown.extend(of_integrations(app));
    shown
}

/// What the files say of providers, as it stands there.
fn of_integrations(app: &App) -> Vec<Shown> {
    let path = app.dirs.config().map(|folder| folder.join("config.toml"));
    let user = path.and_then(|path| crate::config::files::read(&path).ok().flatten());
    let project = app
        .config
        .project
        .as_ref()
        .and_then(|project| crate::config::files::read(&project.root.join(layers::PROJECT_FOLDER).join("config.toml")).ok().flatten());
    let trusted = app.config.trusted_project().is_some();
    let mut shown = Vec::new();
    for (text, source) in [(user, "user"), (project, if trusted { "project" } else { "project (untrusted)" })] {
        let document = text.and_then(|text| edit::to_json(&text));
        if let Some(integrations) = document.as_ref().and_then(|document| document.get("integrations")) {
            flatten("integrations", integrations, source, &mut shown);
        }
    }
    shown
}

fn flatten(prefix: &str, value: &Value, source: &'static str, shown: &mut Vec<Shown>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| {
            let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            let key = if plain { key.clone() } else { format!("\"{key}\"") };
            flatten(&format!("{prefix}.{key}"), member, source, shown);
        }),
        leaf => shown.push(Shown { key: prefix.to_owned(), value: leaf.clone(), source, help: "" }),
    }
}

/// `config:list`.
pub fn list(app: &App, out: &Out) -> Result<u8> {
    let all = all(app);
    let value: Vec<Value> =
        all.iter().map(|one| json!({"key": one.key, "value": one.value, "source": one.source, "help": one.help})).collect();
    out.answer(&json!({"success": true, "settings": value}), |paint| {
        let rows =
            all.iter().map(|one| vec![one.key.clone(), crate::base::json::plain(&one.value), one.source.to_owned(), one.help.to_owned()]);
        out.table(paint, &["setting", "value", "from", "meaning"], rows.collect())
    });
    Ok(0)
}

fn key(arguments: &ArgMatches) -> &str {
    arguments.get_one::<String>("key").map(String::as_str).unwrap_or_default()
}

/// `config:get`.
pub fn get(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let key = key(arguments);
    let all = all(app);
    // A project's word on the same key stands behind the user's; the last one that counts is shown.
    let Some(one) = all.iter().rev().find(|one| one.key == key && !one.source.contains("untrusted")) else {
        let near = nearest(key, all.iter().map(|one| one.key.as_str()));
        return Err(Error::new(Code::NotFound, format!("'{}' is not set", printable(key)))
            .hints(near.iter().map(|near| format!("Did you mean '{near}'?")))
            .hint("angelia config:list"));
    };
    out.answer(&json!({"success": true, "key": key, "value": one.value, "source": one.source}), |_| crate::base::json::plain(&one.value));
    Ok(0)
}

/// `config:set`.
pub fn set(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let word = arguments.get_one::<String>("value").map(String::as_str).unwrap_or_default();
    change(app, arguments, Some(word))?;
    out.answer(&json!({"success": true, "key": key(arguments), "value": edit::to_value(word)}), |_| format!("{} = {word}", key(arguments)));
    Ok(0)
}

/// `config:unset`.
pub fn unset(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    change(app, arguments, None)?;
    out.answer(&json!({"success": true, "key": key(arguments), "value": null}), |_| format!("{} is unset", key(arguments)));
    Ok(0)
}

fn change(app: &App, arguments: &ArgMatches, word: Option<&str>) -> Result<()> {
    let path = edit::path(key(arguments))?;
    let change = Change { path: path.clone(), value: word.map(edit::value) };
    configure::apply(app, arguments.get_flag("project"), vec![change]).map_err(|error| match word {
        Some(word) if error.message.starts_with(edit::REFUSED) => refused(app, &path, word, error),
        _ => error,
    })
}

/// A refused setting by its key, with what it takes, or with the key that may be meant.
fn refused(app: &App, path: &[String], word: &str, error: Error) -> Error {
    let key = path.join(".");
    let takes = takes(path);
    let message = match takes {
        Some(takes) => {
            let takes = if takes == NUMBER && word.parse::<u64>().is_ok() { "a smaller number" } else { takes };
            format!("{} takes {takes}, not '{}'. Nothing was changed", printable(&key), printable(word))
        }
        None => match error.message.split_once("unknown field") {
            Some(_) => format!("There is no setting '{}'. Nothing was changed", printable(&key)),
            None => error.message,
        },
    };
    let all = all(app);
    let near = nearest(&key, all.iter().map(|one| one.key.as_str()).filter(|known| *known != key));
    let near = near.iter().filter(|_| takes.is_none()).map(|near| format!("Did you mean '{near}'?")).collect::<Vec<_>>();
    Error::usage(message).hints(near).hint("angelia config:list")
}

/// What most settings take.
const NUMBER: &str = "a whole number, 0 or more";

/// What a setting takes, where that can be said in a few words.
fn takes(path: &[String]) -> Option<&'static str> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    const RULES: &str = "allow, ask or deny";
    match parts.as_slice() {
        ["force"] => Some("allow or never"),
        ["credentials", "store"] => Some("auto, keychain or file"),
        ["integrations", _, "enabled" | "allow_private"] => Some("true or false"),
        ["integrations", _, "read" | "write" | "destructive"] | ["integrations", _, "functions", _] => Some(RULES),
        ["integrations", _, "accounts", _, "read" | "write" | "destructive"] => Some(RULES),
        ["integrations", _, "accounts", _, "functions", _] => Some(RULES),
        _ => SETTINGS.iter().any(|setting| setting.key == path.join(".")).then_some(NUMBER),
    }
}

/// `config:path`.
pub fn path(app: &App, out: &Out) -> Result<u8> {
    let shown = |folder: Option<&std::path::Path>| folder.map(|folder| folder.display().to_string());
    let (config, data, cache) = (shown(app.dirs.config()), shown(app.dirs.data()), shown(app.dirs.cache()));
    let project = app.config.project.as_ref().map(|project| project.root.join(layers::PROJECT_FOLDER).display().to_string());
    out.answer(&json!({"success": true, "config": config, "data": data, "cache": cache, "project": project}), |paint| {
        let line = |label: &str, folder: &Option<String>| {
            folder.as_ref().map(|folder| format!("{}  {folder}\n", paint.bold(&format!("{label:8}"))))
        };
        [line("config", &config), line("data", &data), line("cache", &cache), line("project", &project)].into_iter().flatten().collect()
    });
    Ok(0)
}
