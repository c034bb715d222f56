//! `mcp:key:*`: keys of clients that come in over HTTP. A secret is shown once, when it is made.

use clap::{ArgMatches, Command};
use serde_json::{Value, json};

use crate::app::App;
use crate::base::clock::{now_ms, rfc3339};
use crate::base::error::{Code, Error, Result};
use crate::base::name::{nearest, printable};
use crate::cli::output::Out;
use crate::cli::tree::{number, option, verb, word};
use crate::mcp::http::keys::{self, Key, RATE};

/// The commands of the family.
pub fn commands() -> Vec<Command> {
    let name = || word("name", "The key's name").required(true);
    vec![
        verb("mcp:key:create", "Make a key for clients of mcp:serve --http, and print it once")
            .args([
                name(),
                option("profile", "NAME", "What clients with it may use: a profile of your settings"),
                option("expires", "TIME", "When it ends: in 12h, 30d, or at 2026-12-31T00:00:00Z; never when left out"),
            ])
            .arg(number("rate", "At most so many requests a minute; 600 when left out")),
        verb("mcp:key:list", "List the keys of clients"),
        verb("mcp:key:revoke", "Take a key away, at once").arg(name()),
    ]
}

fn name(arguments: &ArgMatches) -> &str {
    arguments.get_one::<String>("name").map(String::as_str).unwrap_or_default()
}

fn shown(name: &str, key: &Key, profiles: &[String]) -> Value {
    let state = if !key.valid(now_ms()) {
        "expired"
    } else if key.profile.as_ref().is_some_and(|profile| !profiles.contains(profile)) {
        "profile missing"
    } else {
        "valid"
    };
    json!({
        "name": name, "state": state, "profile": key.profile, "created_at": rfc3339(key.created_ms), "expires_at": key.expires_ms.map(rfc3339),
        "last_used_at": key.last_used_ms.map(rfc3339), "rate_per_minute": key.rate,
    })
}

/// `mcp:key:create`.
pub fn create(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let profiles = app.config.profiles();
    let profile = arguments.get_one::<String>("profile").cloned();
    if let Some(profile) = profile.as_ref().filter(|profile| !profiles.contains(profile)) {
        let near = nearest(profile, profiles.iter().map(String::as_str)).into_iter().map(|near| format!("Did you mean '{near}'?"));
        return Err(Error::new(Code::NotFound, format!("there is no profile '{}' in your settings", printable(profile)))
            .hints(near)
            .hint("Write a section [mcp.profiles.NAME] into the file that angelia config:path names"));
    }
    let expires = arguments.get_one::<String>("expires").map(|text| when(text)).transpose()?;
    let rate = arguments.get_one::<u32>("rate").copied().unwrap_or(RATE);
    let secret = keys::create(&app.dirs, name(arguments), profile, expires, rate)?;
    let all = keys::list(&app.dirs)?;
    let key = all.get(name(arguments)).map_or(Value::Null, |key| shown(name(arguments), key, &profiles));
    if !out.json {
        out.note("this is shown once; clients send it as Authorization: Bearer");
    }
    out.answer(&json!({"success": true, "key": key, "secret": secret}), |_| secret.clone());
    Ok(0)
}

/// `mcp:key:list`.
pub fn list(app: &App, out: &Out) -> Result<u8> {
    let profiles = app.config.profiles();
    let rows: Vec<Value> = keys::list(&app.dirs)?.iter().map(|(name, key)| shown(name, key, &profiles)).collect();
    out.answer(&json!({"success": true, "keys": rows}), |paint| {
        if rows.is_empty() {
            return String::from("No keys. Make one: angelia mcp:key:create NAME");
        }
        let cells = rows.iter().map(|row| {
            let text = |field: &str| row[field].as_str().unwrap_or("-").to_owned();
            let state = if row["state"] == "valid" { paint.green("valid") } else { paint.yellow(&text("state")) };
            vec![
                text("name"),
                state,
                text("profile"),
                text("created_at"),
                text("expires_at"),
                text("last_used_at"),
                row["rate_per_minute"].to_string(),
            ]
        });
        out.table(paint, &["name", "state", "profile", "created", "expires", "last used", "per minute"], cells.collect())
    });
    Ok(0)
}

/// `mcp:key:revoke`.
pub fn revoke(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    keys::revoke(&app.dirs, name(arguments))?;
    out.answer(&json!({"success": true, "name": name(arguments), "revoked": true}), |paint| {
        format!("{} {} opens nothing any more, also in servers that run.", paint.green("✓"), name(arguments))
    });
    Ok(0)
}

/// A time to come: RFC 3339, or how far away (`12h`, `30d`).
fn when(text: &str) -> Result<i64> {
    let cannot = || Error::usage(format!("'{}' is no time to come: write 12h, 30d or 2026-12-31T00:00:00Z", printable(text)));
    let unit = |end: char| match end {
        'm' => Some(60_000),
        'h' => Some(3_600_000),
        'd' => Some(86_400_000_i64),
        _ => None,
    };
    let far =
        text.chars().last().and_then(unit).zip(text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<i64>().ok()));
    let time = match far {
        Some((unit, number)) => number.checked_mul(unit).and_then(|far| far.checked_add(now_ms())),
        None => crate::base::clock::parse_rfc3339(text),
    };
    // Later years cannot be written down.
    time.filter(|time| *time > now_ms() && *time < 253_402_300_800_000).ok_or_else(cannot)
}
