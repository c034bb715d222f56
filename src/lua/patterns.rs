//! `regex.match`, `match_all`, `gsub`, `split`: regular expressions that take linear time, so that no pattern hangs a script. Nothing
//! interrupts one search, so its work is bounded before.

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

/// Longest pattern in bytes: parsing one takes many times its length of memory.
const LONGEST: usize = 4 << 10;

/// Most work of one search: bytes of text times positions of the pattern.
const WORK: usize = 1 << 26;

/// A pattern that is made for a text.
fn compiled(host: &Host, what: &str, pattern: Option<LuaValue>, subject: &str) -> Told<Regex> {
    let pattern = text(pattern, &format!("{what}: the pattern"))?;
    if pattern.len() > LONGEST {
        return Err(wrong(format!("{what}: the pattern is longer than {LONGEST} bytes")));
    }
    let positions = positions(&pattern);
    if subject.len().saturating_mul(positions) > WORK {
        let size = subject.len();
        return Err(wrong(format!("{what}: {size} bytes times a pattern of {positions} positions is too much work; search it in parts")));
    }
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

/// In how many places of a pattern a search may stand at once, at most: its length with counted repetitions written out.
fn positions(pattern: &str) -> usize {
    // In verbose mode blanks may stand before a count; then the largest compiled pattern is taken.
    let verbose = |flags: &str| flags.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '-').any(|c| c == 'x');
    if pattern.match_indices("(?").any(|(at, _)| verbose(&pattern[at + 2..])) {
        return LARGEST / 16;
    }
    // For each open group: what stands before the last part, and the last part, which a count multiplies.
    let mut open = vec![(0_usize, 0_usize)];
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let (taken, part) = match first {
            '(' => {
                open.push((0, 0));
                (1, None)
            }
            ')' if open.len() > 1 => {
                let (before, last) = open.pop().unwrap_or_default();
                (1, Some(before.saturating_add(last).max(1)))
            }
            '{' => match counted(rest) {
                Some((taken, times)) => {
                    if let Some((_, last)) = open.last_mut() {
                        *last = last.saturating_mul(times.max(1));
                    }
                    (taken, None)
                }
                None => (1, Some(1)),
            },
            '[' => (class(rest), Some(1)),
            '\\' => (escape(rest), Some(1)),
            other => (other.len_utf8(), Some(1)),
        };
        if let (Some(part), Some((before, last))) = (part, open.last_mut()) {
            *before = before.saturating_add(*last);
            *last = part;
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    open.iter().fold(0, |sum, (before, last)| sum.saturating_add(*before).saturating_add(*last))
}

/// Length and number of `{n}`, `{n,}` or `{n,m}`.
fn counted(rest: &str) -> Option<(usize, usize)> {
    let end = rest.find('}')?;
    let times = rest[1..end].split(',').map(str::trim).filter(|part| !part.is_empty());
    let most = times.map(str::parse::<usize>).collect::<Result<Vec<_>, _>>().ok()?.into_iter().max()?;
    Some((end + 1, most.saturating_add(1)))
}

/// Length of `\d`, `\pL`, `\p{Greek}`, `\x{41}`.
fn escape(rest: &str) -> usize {
    let letter = rest.chars().nth(1).map_or(0, char::len_utf8);
    let braced = rest.starts_with(r"\p{") || rest.starts_with(r"\P{") || rest.starts_with(r"\x{") || rest.starts_with(r"\u{");
    match rest.find('}') {
        Some(end) if braced || rest.starts_with(r"\U{") || rest.starts_with(r"\b{") => end + 1,
        _ => 1 + letter,
    }
}

/// Length of a class in brackets; classes stand in classes.
fn class(rest: &str) -> usize {
    let (mut depth, mut at, mut opened) = (0_usize, 0, false);
    while let Some(first) = rest[at..].chars().next() {
        match first {
            '[' => depth += 1,
            // The first one is a member.
            ']' if !opened => depth -= 1,
            _ => {}
        }
        opened = first == '[' || (first == '^' && opened && rest[..at].ends_with('['));
        at += if first == '\\' { escape(&rest[at..]) } else { first.len_utf8() };
        if depth == 0 {
            break;
        }
    }
    at
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
    let regex = compiled(host, "regex.match", arguments.pop_front(), &subject)?;
    match regex.captures(&subject) {
        Some(found) => one(lua, table(lua, &regex, &found)?),
        None => one(lua, LuaValue::Nil),
    }
}

fn all(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let subject = text(arguments.pop_front(), "regex.match_all: the text")?;
    let regex = compiled(host, "regex.match_all", arguments.pop_front(), &subject)?;
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
    let regex = compiled(host, "regex.gsub", arguments.pop_front(), &subject)?;
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
    let regex = compiled(host, "regex.split", arguments.pop_front(), &subject)?;
    let most = limit(arguments.pop_front(), "regex.split")?;
    let list = lua.create_table()?;
    for part in regex.splitn(&subject, most) {
        host.fence.look()?;
        list.raw_push(part)?;
    }
    one(lua, list)
}

#[cfg(test)]
mod tests {
    use super::positions;

    #[test]
    fn counted_repetitions_are_written_out() {
        for (pattern, most, least) in [
            ("abc", 3, 3),
            (r"\d{4}-\d{2}", 12, 7),
            (r"([ab]{100}){100}", 10_201, 10_000),
            (r"[]a{9}]{3}", 4, 3),
            (r"[^]{9}[x]]{3}", 4, 3),
            (r"[\]{9}]{3}", 4, 3),
            (r"[\[]{1000}", 1001, 1000),
            (r"[^\[]{1000}x]", 1004, 1000),
            (r"\p{Greek}{3}\{99}", 9, 4),
            ("a{,9}", 10, 9),
            ("{9}", 9, 0),
            ("((((a{10}){10}){10}){10}){1000}", usize::MAX, 10_000_000),
            ("(?x) a {1000}", usize::MAX, 1000),
            ("(?s-x:a)", usize::MAX, 1),
            ("é{50}|ü", 55, 51),
            ("(((", 3, 0),
            (r"\", 1, 0),
        ] {
            let found = positions(pattern);
            assert!((least..=most).contains(&found), "{pattern}: {found}");
        }
    }
}
