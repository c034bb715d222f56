//! `regex.match`, `match_all`, `gsub`, `split`: regular expressions that take linear time, so that no pattern hangs a script.

use std::rc::Rc;

use mlua::{IntoLuaMulti as _, Lua, MultiValue, Table, Value as LuaValue};
use regex::{Captures, Regex, RegexBuilder};

use crate::lua::globals::{one, text};
use crate::lua::host::{Function, Host, Told, wrong};

/// The functions of this file.
pub const FUNCTIONS: &[(&str, Function)] =
    &[("regex_match", first), ("regex_match_all", all), ("regex_gsub", replace), ("regex_split", split)];

/// Most compiled patterns that are kept.
const KEPT: usize = 64;

/// Largest compiled pattern in bytes.
const LARGEST: usize = 1 << 20;

fn compiled(host: &Host, what: &str, pattern: Option<LuaValue>) -> Told<Regex> {
    let pattern = text(pattern, &format!("{what}: the pattern"))?;
    if let Some(known) = host.regexes.borrow().get(&pattern) {
        return Ok(known.clone());
    }
    let made = RegexBuilder::new(&pattern).size_limit(LARGEST).dfa_size_limit(LARGEST).build();
    let made = made.map_err(|error| {
        let said = error.to_string();
        let reason =
            said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().trim_start_matches("error: ").to_owned();
        wrong(format!("{what}: the pattern cannot be used: {reason}"))
    })?;
    let mut kept = host.regexes.borrow_mut();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(pattern, made.clone());
    Ok(made)
}

/// A match: `[0]` the whole, `[1]…` the groups, named groups by name, `start` and `stop` in bytes from 1.
fn table(lua: &Lua, regex: &Regex, found: &Captures<'_>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (at, group) in found.iter().enumerate() {
        table.raw_set(at, group.map(|group| group.as_str()))?;
    }
    for name in regex.capture_names().flatten() {
        table.raw_set(name, found.name(name).map(|group| group.as_str()))?;
    }
    if let Some(whole) = found.get(0) {
        table.raw_set("start", whole.start() + 1)?;
        table.raw_set("stop", whole.end())?;
    }
    Ok(table)
}

fn limit(value: Option<LuaValue>, what: &str) -> Told<usize> {
    match value {
        None | Some(LuaValue::Nil) => Ok(usize::MAX),
        Some(value) => {
            value.as_usize().filter(|limit| *limit > 0).ok_or_else(|| wrong(format!("{what}: the limit is a whole number of at least 1")))
        }
    }
}

fn first(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let subject = text(arguments.pop_front(), "regex.match: the text")?;
    let regex = compiled(host, "regex.match", arguments.pop_front())?;
    match regex.captures(&subject) {
        Some(found) => one(lua, table(lua, &regex, &found)?),
        None => one(lua, LuaValue::Nil),
    }
}

fn all(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let subject = text(arguments.pop_front(), "regex.match_all: the text")?;
    let regex = compiled(host, "regex.match_all", arguments.pop_front())?;
    let most = limit(arguments.pop_front(), "regex.match_all")?;
    let list = lua.create_table()?;
    for found in regex.captures_iter(&subject).take(most) {
        // One search is linear, but there may be as many searches as bytes.
        host.fence.look()?;
        list.raw_push(table(lua, &regex, &found)?)?;
    }
    one(lua, list)
}

fn replace(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let subject = text(arguments.pop_front(), "regex.gsub: the text")?;
    let regex = compiled(host, "regex.gsub", arguments.pop_front())?;
    let replacement = text(arguments.pop_front(), "regex.gsub: the replacement")?;
    let most = limit(arguments.pop_front(), "regex.gsub")?;
    let (mut made, mut from, mut count) = (String::new(), 0, 0_usize);
    for found in regex.captures_iter(&subject).take(most) {
        host.fence.look()?;
        let Some(whole) = found.get(0) else { continue };
        made.push_str(&subject[from..whole.start()]);
        from = whole.end();
        count += 1;
        found.expand(&replacement, &mut made);
        if made.len() > host.fence.limits().memory {
            return Err(host.fence.out_of_memory().into());
        }
    }
    made.push_str(&subject[from..]);
    Ok((made, count).into_lua_multi(lua)?)
}

fn split(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let subject = text(arguments.pop_front(), "regex.split: the text")?;
    let regex = compiled(host, "regex.split", arguments.pop_front())?;
    let most = limit(arguments.pop_front(), "regex.split")?;
    let list = lua.create_table()?;
    for part in regex.splitn(&subject, most) {
        host.fence.look()?;
        list.raw_push(part)?;
    }
    one(lua, list)
}
