//! The smaller globals from below: `json`, `docs`, `time`, `env`, `log`, `print`. Text in, values out; `regex` and `require` have
//! files of their own.

use std::rc::Rc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::strtime};
use mlua::{Lua, MultiValue, Table, Value as LuaValue};
use serde_json::Value;

use crate::base::clock;
use crate::base::error::{Code, Error};
use crate::base::name::printable;
use crate::call::pages::{Narrow, Pages};
use crate::config::env;
use crate::lua::host::{Function, Host, Told, wrong};
use crate::registry::docs::Format;

/// The functions of this file.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("json_encode", json_encode),
    ("json_decode", json_decode),
    ("docs_list", docs_list),
    ("docs_search", docs_search),
    ("docs_read", docs_read),
    ("time_now", time_now),
    ("time_format", time_format),
    ("time_parse", time_parse),
    ("env", env_value),
    ("log", log),
    ("print", print),
];

/// Longest query of a search: each of its words is compared with all words of the catalog.
const LONGEST_QUERY: usize = 1000;

/// Longest format of a time: a short one can ask for a long text.
const LONGEST_FORMAT: usize = 4096;

/// A text argument, or what is wrong with it.
pub fn text(value: Option<LuaValue>, what: &str) -> Told<String> {
    match value {
        Some(LuaValue::String(text)) => {
            text.to_str().map(|text| text.to_owned()).map_err(|_| wrong(format!("{what} must be a string in UTF-8")))
        }
        other => Err(wrong(format!("{what} must be a string, but is {}", shown(other.as_ref())))),
    }
}

/// The type of an argument in words.
pub fn shown(value: Option<&LuaValue>) -> &'static str {
    match value {
        None | Some(LuaValue::Nil) => "nil",
        Some(LuaValue::Integer(_) | LuaValue::Number(_)) => "a number",
        Some(LuaValue::Boolean(_)) => "a boolean",
        Some(LuaValue::String(_)) => "a string",
        Some(LuaValue::Table(_)) => "a table",
        Some(LuaValue::Function(_)) => "a function",
        Some(_) => "another thing",
    }
}

fn given(value: Option<LuaValue>) -> Option<LuaValue> {
    value.filter(|value| !value.is_nil())
}

/// One value as a result.
pub fn one(lua: &Lua, value: impl mlua::IntoLua) -> Told<MultiValue> {
    Ok(MultiValue::from_iter([value.into_lua(lua)?]))
}

/// Reads flags out of an options table; another key is an error.
fn flags(options: Option<LuaValue>, what: &str, names: &[&str]) -> Told<Vec<bool>> {
    let mut set = vec![false; names.len()];
    match given(options) {
        None => {}
        Some(LuaValue::Table(table)) => {
            for pair in table.pairs::<LuaValue, LuaValue>() {
                let (key, value) = pair?;
                let key = key.to_string().unwrap_or_default();
                let Some(at) = names.iter().position(|name| *name == key) else {
                    return Err(wrong(format!("{what}: there is no option '{}'; there are {}", printable(&key), names.join(", "))));
                };
                set[at] = value.as_boolean().unwrap_or(false);
            }
        }
        other => return Err(wrong(format!("{what}: options must be a table, but are {}", shown(other.as_ref())))),
    }
    Ok(set)
}

/// `json.encode(value, {pretty, sorted})`.
fn json_encode(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let value = arguments.pop_front().unwrap_or_default();
    let set = flags(arguments.pop_front(), "json.encode", &["pretty", "sorted"])?;
    let mut value = host.to_json(&value, None, "json.encode")?;
    if set[1] {
        value.sort_all_objects();
    }
    let text = if set[0] { format!("{value:#}") } else { value.to_string() };
    one(lua, text)
}

/// `json.decode(text)`.
fn json_decode(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let Some(LuaValue::String(text)) = arguments.pop_front() else { return Err(wrong("json.decode: the argument must be a string")) };
    match host.json.decode(lua, &text.as_bytes())? {
        Ok(value) => one(lua, value),
        Err(why) => Err(wrong(format!("json.decode: the text is not valid JSON: {why}"))),
    }
}

fn docs_list(host: &Rc<Host>, lua: &Lua, _: MultiValue) -> Told<MultiValue> {
    let pages = Pages::of(&host.runtime);
    let mut text = pages.read(None, Format::Text)?.0;
    text.push_str("\nProviders\n---------\n");
    for listed in host.runtime.catalog.list()? {
        let summary = listed.summary;
        text.push_str(&format!("  {:20}  {}\n", summary.id, summary.title));
    }
    one(lua, text)
}

fn docs_search(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let query = text(arguments.pop_front(), "docs.search: the query")?;
    if query.len() > LONGEST_QUERY {
        return Err(wrong(format!("docs.search: the query is longer than {LONGEST_QUERY} bytes")));
    }
    let limit = match given(arguments.pop_front()) {
        None => 10,
        Some(limit) => limit
            .as_usize()
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| wrong("docs.search: the limit is a whole number from 1 to 100"))?,
    };
    let found = Pages::of(&host.runtime).search(&query, &Narrow::default(), limit)?;
    let lines: Vec<String> = found.iter().map(|hit| format!("{} - {}", hit.found.record.name, hit.found.record.description)).collect();
    one(lua, lines.join("\n"))
}

fn docs_read(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let page = text(arguments.pop_front(), "docs.read: the page")?;
    one(lua, Pages::of(&host.runtime).read(Some(&page), Format::Text)?.0)
}

fn time_now(_: &Rc<Host>, lua: &Lua, _: MultiValue) -> Told<MultiValue> {
    one(lua, clock::now_ms() as f64 / 1000.0)
}

fn number(value: Option<LuaValue>, what: &str) -> Told<f64> {
    match value {
        Some(LuaValue::Integer(number)) => Ok(number as f64),
        Some(LuaValue::Number(number)) if number.is_finite() => Ok(number),
        other => Err(wrong(format!("{what} must be a number, but is {}", shown(other.as_ref())))),
    }
}

/// `time.format(seconds, format, zone)`: RFC 3339 in UTC when no format is given.
fn time_format(_: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let seconds = number(arguments.pop_front(), "time.format: the time")?;
    let format = given(arguments.pop_front()).map(|format| text(Some(format), "time.format: the format")).transpose()?;
    let zone = given(arguments.pop_front()).map(|zone| text(Some(zone), "time.format: the zone")).transpose()?;
    if format.as_ref().is_some_and(|format| format.len() > LONGEST_FORMAT) {
        return Err(wrong(format!("time.format: the format is longer than {LONGEST_FORMAT} bytes")));
    }
    let time = Timestamp::from_millisecond((seconds * 1000.0).floor() as i64)
        .map_err(|_| wrong(format!("time.format: {seconds} is not a time between the years -9999 and 9999")))?;
    let zone = match zone.as_deref() {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name).map_err(|_| wrong(format!("time.format: there is no time zone '{}'", printable(name))))?,
    };
    let shown = time.to_zoned(zone);
    let text = match format {
        Some(format) => strtime::format(&format, &shown).map_err(|error| wrong(format!("time.format: {error}")))?,
        None => shown.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().replace("+00:00", "Z"),
    };
    one(lua, text)
}

/// `time.parse(text, format)`: RFC 3339 or a date when no format is given; without an offset UTC is meant.
fn time_parse(_: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let written = text(arguments.pop_front(), "time.parse: the text")?;
    let format = given(arguments.pop_front()).map(|format| text(Some(format), "time.parse: the format")).transpose()?;
    let unreadable = |why: String| wrong(format!("time.parse: '{}' cannot be read as a time: {why}", printable(&written)));
    let time = match format {
        Some(format) => {
            let broken = strtime::parse(&format, &written).map_err(|error| unreadable(error.to_string()))?;
            broken.to_timestamp().or_else(|_| {
                let time = broken.to_datetime().or_else(|_| broken.to_date().map(|date| date.at(0, 0, 0, 0)));
                time.and_then(|time| time.to_zoned(TimeZone::UTC)).map(|time| time.timestamp())
            })
        }
        None => written.parse::<Timestamp>().or_else(|error| {
            let time = written.parse::<jiff::civil::DateTime>().map_err(|_| error)?;
            time.to_zoned(TimeZone::UTC).map(|time| time.timestamp())
        }),
    };
    let time = time.map_err(|error| unreadable(error.to_string()))?;
    one(lua, time.as_millisecond() as f64 / 1000.0)
}

/// `env(name)`: only what the user allowed.
fn env_value(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let name = text(arguments.pop_front(), "env: the name")?;
    // Our own variables hold credentials; a glob does not open them.
    let ours = name.starts_with("ANGELIA_");
    let allowed = host.env.iter().any(|glob| if ours { *glob == name } else { wildmatch::WildMatch::new(glob).matches(&name) });
    if !allowed {
        return Err(Error::new(Code::PermissionDenied, format!("The environment variable {} is not open to scripts", printable(&name)))
            .hint(format!("Open it for one run with --env {name}"))
            .hint("Open it for every run with lua.env = [\"NAME\"] in the settings file; angelia config:path says where that is")
            .into());
    }
    one(lua, env::var(&name))
}

fn log(host: &Rc<Host>, _: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let level = text(arguments.pop_front(), "log: the level")?;
    let line = line(arguments.pop_front());
    host.fence.take_output(line.len() + 1)?;
    host.voice.log(&level, &line);
    Ok(MultiValue::new())
}

fn print(host: &Rc<Host>, _: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let line = line(arguments.pop_front());
    host.fence.take_output(line.len() + 1)?;
    host.voice.print(&line);
    let mut printed = host.printed.borrow_mut();
    printed.push_str(&line);
    printed.push('\n');
    Ok(MultiValue::new())
}

fn line(value: Option<LuaValue>) -> String {
    match value {
        Some(LuaValue::String(text)) => text.to_string_lossy(),
        _ => String::new(),
    }
}

/// The `args` of a script: words by number, named ones by name.
pub fn args(host: &Host, lua: &Lua, words: &[String], named: &Value) -> mlua::Result<Table> {
    let table = match host.json.to_lua(lua, named)? {
        LuaValue::Table(table) => table,
        _ => lua.create_table()?,
    };
    for word in words {
        table.raw_push(word.as_str())?;
    }
    Ok(table)
}
