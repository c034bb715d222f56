//! Accounts and credentials: `integrations:fields`, `accounts`, `test`, `disconnect`, `remove`.

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::access::state::{self, SignIn, State};
use crate::access::vault::Source;
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{self, DEFAULT_ACCOUNT};
use crate::call::request::{Arguments, Call, Options};
use crate::call::runtime::Runtime;
use crate::cli::call::{block_on, exit_code, perform, runtime};
use crate::cli::connect::{self, End};
use crate::cli::output::Out;
use crate::registry::catalog::Layer;

fn provider(arguments: &ArgMatches) -> Option<&str> {
    arguments.get_one::<String>("provider").map(String::as_str)
}

/// The account named on the command line, checked.
pub fn account(arguments: &ArgMatches) -> Result<String> {
    name::account(arguments.get_one::<String>("account").map_or(DEFAULT_ACCOUNT, String::as_str))
}

/// `integrations:fields`.
pub fn fields(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let opened = app.catalog()?.provider(provider(arguments).unwrap_or_default())?;
    let account = account(arguments)?;
    let vault = app.vault()?;
    let rows: Vec<Value> = opened
        .provider
        .credentials
        .iter()
        .map(|field| {
            let source = vault.source(&opened.provider.id, &account, &field.key, &field.env, field.default.as_deref());
            let variable = match &source {
                Some(Source::Environment(name)) => Some(name.clone()),
                _ => None,
            };
            json!({
                "key": field.key, "label": field.label, "required": field.required, "secret": field.secret, "configured": source.is_some(),
                "source": source.as_ref().map(Source::as_str), "variable": variable, "default": field.default, "help": field.help, "env": field.env,
            })
        })
        .collect();
    let listed = app.catalog()?.list()?.into_iter().find(|listed| listed.summary.id == opened.provider.id);
    let sign_in = listed.and_then(|listed| SignIn::of(&vault, &listed.summary, &account));
    let mut value = json!({"success": true, "provider": opened.provider.id, "account": account, "fields": rows});
    if let Some(sign_in) = &sign_in {
        value["sign_in"] = sign_in.json();
    }
    out.answer(&value, |paint| {
        if rows.is_empty() {
            return format!("{} needs no credentials.", opened.provider.title);
        }
        let cells = rows.iter().map(|row| {
            let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let state = match (row["configured"].as_bool(), row["required"].as_bool()) {
                (Some(true), _) => paint.green(&word("source")),
                (_, Some(true)) => paint.red("missing"),
                _ => paint.dim("not set"),
            };
            let kind = match (row["required"].as_bool(), row["secret"].as_bool()) {
                (Some(true), Some(true)) => "required, secret",
                (Some(true), _) => "required",
                (_, Some(true)) => "optional, secret",
                _ => "optional",
            };
            vec![word("key"), state, kind.to_owned(), word("label"), word("help")]
        });
        let table = out.table(paint, &["field", "value from", "kind", "label", "help"], cells.collect());
        let of = if account == DEFAULT_ACCOUNT { String::new() } else { format!(" --account {account}") };
        let connect = sign_in.map(|sign_in| format!("{}\n", paint.dim(&sign_in.command))).unwrap_or_default();
        format!(
            "{table}\n\n{connect}{}",
            paint.dim(&format!("angelia integrations:configure {}{of} --set {}=…", opened.provider.id, opened.provider.credentials[0].key))
        )
    });
    Ok(0)
}

/// `integrations:accounts`.
pub fn accounts(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let text = |key: &str| arguments.get_one::<String>(key).map(String::as_str);
    let mut vault = app.vault()?;
    let catalog = app.catalog()?;
    if text("rename").or(text("remove")).is_some() && provider(arguments).is_none() {
        return Err(Error::usage("name the provider whose account is meant"));
    }
    if let (Some(id), Some(from), Some(to)) = (provider(arguments), text("rename"), text("to")) {
        let opened = catalog.provider(id)?;
        vault.rename(&app.dirs, &opened.provider, &name::account(from)?, &name::account(to)?)?;
        out.answer(&json!({"success": true, "provider": id, "renamed": {"from": from, "to": to}}), |_| {
            format!("Account '{from}' of {id} is now '{to}'. Rules for '{from}' in the settings stay as they are.")
        });
        return Ok(0);
    }
    if let (Some(id), Some(alias)) = (provider(arguments), text("remove")) {
        return remove_account(app, out, id, &name::account(alias)?);
    }
    let mut rows = Vec::new();
    for listed in catalog.list()? {
        let id = &listed.summary.id;
        let shown = match provider(arguments) {
            Some(only) => only == id,
            None => vault.knows(id),
        };
        if shown {
            for alias in State::of(&app.config, &vault, &listed.summary).accounts {
                let configured = state::configured(&vault, &listed.summary, &alias);
                rows.push(json!({"provider": id, "account": alias, "configured": configured}));
            }
        }
    }
    if let (Some(id), true) = (provider(arguments), rows.is_empty()) {
        catalog.provider(id)?;
    }
    out.answer(&json!({"success": true, "accounts": rows}), |paint| {
        if rows.is_empty() {
            return String::from("No account is stored. angelia integrations:configure PROVIDER stores one.");
        }
        let cells = rows.iter().map(|row| {
            let state = if row["configured"] == true { paint.green("configured") } else { paint.yellow("incomplete") };
            vec![row["provider"].as_str().unwrap_or_default().to_owned(), row["account"].as_str().unwrap_or_default().to_owned(), state]
        });
        out.table(paint, &["provider", "account", "state"], cells.collect())
    });
    Ok(0)
}

/// Removes everything that is stored for an account. Whoever removes one that signed in means that its grant ends: its tokens are given back
/// first, and where the service cannot be told nothing is removed.
pub fn remove_account(app: &App, out: &Out, id: &str, alias: &str) -> Result<u8> {
    // Credentials outlive a provider that was removed.
    let opened = match app.catalog()?.provider(id) {
        Ok(opened) => Some(opened),
        Err(_) if app.vault()?.knows(id) => None,
        Err(error) => return Err(error),
    };
    let end = match &opened {
        Some(opened) if connect::signed_in(app, opened, alias)? => Some(connect::end(app, opened, alias, false)?),
        _ => None,
    };
    if !app.vault()?.remove(&app.dirs, id, alias)? && end.is_none() {
        return Err(Error::new(Code::UnknownAccount, format!("Nothing is stored for account '{alias}' of {id}"))
            .hint(format!("angelia integrations:accounts {id}")));
    }
    let mut value = json!({"success": true, "provider": id, "removed": alias});
    if let Some(end) = &end {
        value["revoked"] = json!(end.why.is_none());
        value["not_revoked_because"] = json!(end.why);
    }
    out.answer(&value, |paint| {
        let removed = format!("The credentials of account '{alias}' of {id} are removed.");
        match (end, opened) {
            (Some(End { why: None, .. }), _) => format!("{removed} Its tokens are revoked."),
            (Some(End { why: Some(why), .. }), Some(opened)) => {
                format!("{removed}\n{} {}", paint.yellow("!"), connect::not_revoked(&opened, &why))
            }
            _ => removed,
        }
    });
    Ok(0)
}

/// `integrations:remove`: deletes the user's own manifest or import.
pub fn remove(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let id = provider(arguments).unwrap_or_default();
    let import = crate::registry::index::is_provider_id(id) && crate::cli::import::file(app, id).is_some_and(|path| path.is_file());
    let opened = match app.catalog()?.provider(id) {
        Ok(opened) => opened,
        // A file that cannot be read is no provider, and can be removed all the same.
        Err(_) if import => return crate::cli::import::ids::remove(app, out, id),
        Err(error) => return Err(error),
    };
    if opened.layer == Layer::Workflows {
        let files = opened.functions.iter().filter_map(|function| function.lua.as_ref());
        return Err(Error::usage(format!("'{id}' is made of workflow files; remove the file of the one that you no longer want"))
            .hints(files.map(|file| file.path.clone())));
    }
    if matches!(opened.layer, Layer::Import | Layer::Overlaid) {
        return crate::cli::import::ids::remove(app, out, id);
    }
    if opened.layer != Layer::User {
        return Err(Error::new(
            Code::NotFound,
            format!("'{id}' is a {} provider; only providers of your own catalog can be removed", opened.layer.as_str()),
        )
        .hint(format!("angelia integrations:configure {id} --disable")));
    }
    let folder = app.dirs.make_config()?.join("providers");
    let Some(file) = crate::registry::user::defining(&folder, id) else {
        return Err(Error::new(Code::NotFound, format!("The file that defines '{id}' was not found in {}", folder.display())));
    };
    std::fs::remove_file(&file).map_err(|error| Error::usage(format!("{} cannot be removed: {error}", file.display())))?;
    out.answer(&json!({"success": true, "provider": id, "file": file.display().to_string()}), |_| {
        format!("{} is removed. Credentials and rules of '{id}' stay until you remove them.", file.display())
    });
    Ok(0)
}

/// `integrations:test`.
pub fn test(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let runtime = runtime(app)?;
    let alias = account(arguments)?;
    let which = match provider(arguments) {
        Some(id) => vec![(id.to_owned(), alias)],
        None => configured(app)?,
    };
    let mut rows = Vec::new();
    let mut worst = 0;
    for (id, alias) in which {
        let (row, code) = verify(&runtime, out, &id, &alias)?;
        worst = worst.max(code);
        rows.push(row);
    }
    out.answer(&json!({"success": worst == 0, "tests": rows}), |paint| {
        if rows.is_empty() {
            return String::from("No provider is configured. angelia integrations:configure PROVIDER sets one up.");
        }
        let cells = rows.iter().map(|row| {
            let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let state = if row["ok"] == true { paint.green("ok") } else { paint.red("failed") };
            vec![word("provider"), word("account"), state, word("function"), word("error")]
        });
        out.table(paint, &["provider", "account", "state", "function", "error"], cells.collect())
    });
    Ok(worst)
}

fn configured(app: &App) -> Result<Vec<(String, String)>> {
    let vault = app.vault()?;
    let mut all = Vec::new();
    for listed in app.catalog()?.list()? {
        let state = State::of(&app.config, &vault, &listed.summary);
        if state.active && !listed.summary.local && !listed.summary.credentials.is_empty() {
            let accounts = state.accounts.into_iter().filter(|alias| state::configured(&vault, &listed.summary, alias));
            all.extend(accounts.map(|alias| (listed.summary.id.clone(), alias)));
        }
    }
    Ok(all)
}

/// One verification call; answers what to show and the exit status.
pub fn verify(runtime: &Runtime, out: &Out, id: &str, alias: &str) -> Result<(Value, u8)> {
    let opened = runtime.catalog.provider(id)?;
    let Some(function) = &opened.provider.verify else {
        return Err(
            Error::new(Code::NotFound, format!("'{id}' has no verification function")).hint(format!("angelia integrations:docs {id}"))
        );
    };
    let name = format!("{id}.{function}");
    let call = Call {
        function: name.clone(),
        account: Some(alias.to_owned()),
        arguments: Arguments::Ready { object: serde_json::Map::new(), files: std::collections::BTreeMap::new() },
        options: Options::default(),
    };
    let (envelope, _) = block_on(perform(runtime, out, call, None))?;
    let row = json!({
        "provider": id, "account": alias, "function": name, "ok": envelope.success, "error": envelope.error,
        "error_detail": serde_json::to_value(&envelope.error_detail).unwrap_or_default(), "duration_ms": envelope.duration_ms,
    });
    Ok((row, exit_code(&envelope)))
}
