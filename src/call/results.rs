//! Reading on in kept results: lists, parts by JSON Pointer, jq, text search; every answer has a bounded size and says how to go on.
//! Who asks on behalf of a server's client sees that owner's results alone, and of these only what the client may use now.

use std::iter::Peekable;

use serde_json::{Map, Value, json};

use crate::base::clock::rfc3339;
use crate::base::error::{Code, Error, Problem, Result};
use crate::base::json::escaped_key;
use crate::base::name::printable;
use crate::call::preview::{head, preview, size};
use crate::call::reach::Reach;
use crate::call::select;
use crate::store::Memory;
use crate::store::results::{Kept, Which};

/// What is read of a result.
#[derive(Debug, Default)]
pub struct Part<'a> {
    /// JSON Pointer to it.
    pub pointer: &'a str,
    /// jq program over it.
    pub select: Option<&'a str>,
    /// Text to find in it.
    pub search: Option<&'a str>,
    pub offset: usize,
    pub limit: Option<usize>,
    /// Most bytes of the value; `None` for all.
    pub bytes: Option<usize>,
}

/// Bytes of a value when nobody says how many.
const USUAL_BYTES: usize = 16_000;

/// Characters shown before and after a place that was found.
const AROUND: usize = 80;

/// Bytes around a text in JSON.
const QUOTES: usize = 2;

/// Most counts in an answer.
const MOST_COUNTS: usize = 20;

/// Keys that are named where a pointer leads nowhere.
const MOST_KEYS: usize = 10;

/// Part of an answer's room that its counts may take.
const COUNTS_PART: usize = 8;

/// Bytes of an answer besides its value and its counts.
const FRAME: usize = 1_000;

/// Room for a value in an answer of so many bytes as JSON text.
pub fn room(answer: usize) -> usize {
    answer.saturating_sub(FRAME) / (COUNTS_PART + 1) * COUNTS_PART
}

/// Carries out `results.list` or `results.read`, with at most `room` bytes of what was kept: more would be cut by whoever hands it
/// over, and `next_offset` would lead past what was cut.
pub fn run(memory: &Memory, reach: Option<&Reach>, function: &str, arguments: &Map<String, Value>, room: usize) -> Result<Value> {
    let word = |name: &str| arguments.get(name).and_then(Value::as_str);
    let number = |name: &str| arguments.get(name).and_then(Value::as_u64).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let offset = number("offset").unwrap_or(0);
    if function == "results.list" {
        return list(memory, reach, word("function"), (offset, number("limit").unwrap_or(50)), room);
    }
    let part = Part {
        pointer: word("pointer").unwrap_or_default(),
        select: word("select"),
        search: word("search"),
        offset,
        limit: number("limit"),
        bytes: Some(number("bytes").unwrap_or(USUAL_BYTES).min(room)),
    };
    read(memory, reach, word("id").unwrap_or_default(), &part)
}

/// What is known of a result, for an answer.
pub fn shown(kept: &Kept) -> Value {
    json!({
        "id": kept.id, "function": kept.function, "account": kept.account, "call_id": kept.call_id, "created_at": rfc3339(kept.created_ms),
        "bytes": kept.bytes, "items": kept.items,
    })
}

/// Whether whoever uses a server may see a result: it is theirs, and its function and account are within what the server offers now.
pub fn visible(reach: &Reach, kept: &Kept) -> bool {
    let offered = |(provider, function): (&str, &str)| reach.has(provider, function) && reach.has_account(provider, &kept.account);
    kept.owner == reach.owner && kept.function.rsplit_once('.').is_some_and(offered)
}

/// The newest results that may be seen, and how many there are.
fn seen(memory: &Memory, reach: Option<&Reach>, which: &Which<'_>, most: usize) -> Result<(Vec<Kept>, u64)> {
    let Some(reach) = reach else {
        return memory.with(|store| Ok((store.results(which, most)?, store.count_results(which)?)));
    };
    let mut found = memory.with(|store| store.results(which, usize::MAX))?;
    found.retain(|kept| visible(reach, kept));
    let total = found.len() as u64;
    found.truncate(most);
    Ok((found, total))
}

fn list(memory: &Memory, reach: Option<&Reach>, function: Option<&str>, (offset, limit): (usize, usize), room: usize) -> Result<Value> {
    let which = Which { owner: owner(reach), function, ..Which::default() };
    let (found, total) = seen(memory, reach, &which, offset.saturating_add(limit))?;
    let results = fitting(&mut found.iter().skip(offset).map(shown).peekable(), room);
    let end = offset.saturating_add(results.len());
    let next = Some(end).filter(|end| (*end as u64) < total && !results.is_empty());
    Ok(json!({"results": results, "total": total, "next_offset": next}))
}

fn owner(reach: Option<&Reach>) -> Option<&str> {
    reach.map(|reach| reach.owner.as_str())
}

/// The one result of an id, or of the beginning of one.
pub fn find(memory: &Memory, reach: Option<&Reach>, id: &str) -> Result<Kept> {
    let which = Which { owner: owner(reach), id: Some(id), ..Which::default() };
    let (mut found, _) = seen(memory, reach, &which, 2)?;
    match (found.len(), found.iter().position(|kept| kept.id == id)) {
        (_, Some(at)) => Ok(found.swap_remove(at)),
        (1, None) if id.len() > "res_".len() => Ok(found.swap_remove(0)),
        (0 | 1, None) => Err(Error::new(Code::NotFound, format!("No result '{}' is kept here", printable(id)))
            .hint("angelia results:list")
            .hint("Results are let go after some days: make the call again")),
        _ => Err(Error::usage(format!("Several results begin with '{}'", printable(id))).hint("angelia results:list")),
    }
}

/// The whole content of a result.
pub fn content(memory: &Memory, kept: &Kept) -> Result<Value> {
    let gone = || Error::new(Code::NotFound, format!("Result {} was let go just now", kept.id));
    let text = memory.with(|store| store.result_text(&kept.id))?.ok_or_else(gone)?;
    serde_json::from_str(&text).map_err(|error| Error::internal(format!("result {} cannot be read: {error}", kept.id)))
}

/// Reads a part of a result.
pub fn read(memory: &Memory, reach: Option<&Reach>, id: &str, part: &Part<'_>) -> Result<Value> {
    let kept = find(memory, reach, id)?;
    let whole = content(memory, &kept)?;
    let mut value = at(&whole, part.pointer)?.clone();
    drop(whole);
    if let Some(program) = part.select {
        value = select::apply(program, &value, select::TIME).map_err(|why| problem("/select", why))?;
    }
    let mut kind = kind(&value);
    if let Some(text) = part.search {
        (kind, value) = ("matches", Value::Array(matches(&value, text)));
    }
    let mut answer = page(value, part);
    let mut all = json!({"id": kept.id, "kind": kind});
    if let (Value::Object(all), Value::Object(answer)) = (&mut all, &mut answer) {
        all.append(answer);
    }
    Ok(all)
}

fn problem(pointer: &str, message: String) -> Error {
    Error::arguments(vec![Problem { pointer: pointer.to_owned(), message }])
}

/// What a JSON Pointer leads to.
fn at<'a>(whole: &'a Value, pointer: &str) -> Result<&'a Value> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(problem("/pointer", String::from("must be empty or begin with /, such as /items/0")));
    }
    if let Some(value) = whole.pointer(pointer) {
        return Ok(value);
    }
    let ends = pointer.match_indices('/').rev().map(|(end, _)| pointer.get(..end).unwrap_or_default());
    let (known, value) = ends.filter_map(|known| Some((known, whole.pointer(known)?))).next().unwrap_or(("", whole));
    let there = match value {
        Value::Array(items) => format!("{} items", items.len()),
        Value::Object(members) => {
            let names: Vec<String> = members.keys().take(MOST_KEYS).map(|key| printable(key)).collect();
            let more = if members.len() > MOST_KEYS { ", …" } else { "" };
            format!("the members {}{more}", names.join(", "))
        }
        other => format!("a {}", kind(other)),
    };
    let place = if known.is_empty() { String::from("The whole") } else { printable(known) };
    Err(Error::new(Code::NotFound, format!("The result has nothing at {}", printable(pointer))).hint(format!("{place} has {there}")))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The asked part of a list, of an object's members, of a text's characters.
fn page(value: Value, part: &Part<'_>) -> Value {
    let (offset, limit) = (part.offset, part.limit.unwrap_or(usize::MAX));
    let room = part.bytes.unwrap_or(usize::MAX);
    let (mut counts, mut truncated) = (Vec::new(), false);
    let (total, taken, value) = match value {
        Value::Array(items) => {
            let total = items.len();
            let mut wanted = items.into_iter().skip(offset).take(limit).peekable();
            let mut kept = fitting(&mut wanted, room);
            if let Some(first) = wanted.next().filter(|_| kept.is_empty()) {
                // Too large by itself: it is better seen in part than not at all.
                let cut = preview(&Value::Array(vec![first]), room);
                (counts, truncated) = (cut.counts, true);
                kept = cut.value.as_array().cloned().unwrap_or_default();
            }
            (Some(total), kept.len(), Value::Array(kept))
        }
        Value::Object(members) => {
            let total = members.len();
            let cut = preview(&Value::Object(members.into_iter().skip(offset).take(limit).collect()), room);
            // What was left out of the object itself is said by `next_offset`.
            counts = cut.counts.into_iter().filter(|(pointer, _)| !pointer.is_empty()).collect();
            truncated = cut.shortened;
            (Some(total), cut.value.as_object().map_or(0, Map::len), cut.value)
        }
        Value::String(whole) => {
            let total = whole.chars().count();
            let wanted: String = whole.chars().skip(offset).take(limit).collect();
            let kept = head(&wanted, room.saturating_sub(QUOTES));
            (Some(total), kept.chars().count(), kept.into())
        }
        other => (None, 0, other),
    };
    let end = offset.saturating_add(taken);
    let next = total.filter(|total| end < *total && taken > 0).map(|_| end);
    let mut answer = json!({"total": total, "offset": offset, "next_offset": next, "truncated": truncated});
    if !counts.is_empty() {
        let mut left = room / COUNTS_PART;
        let mut has_room = |(pointer, count): &(String, u64)| {
            let taken = Value::from(pointer.as_str()).to_string().len() + count.to_string().len() + ":,".len();
            let fits = taken <= left;
            left = left.saturating_sub(taken);
            fits
        };
        let counts = counts.into_iter().take(MOST_COUNTS).filter(&mut has_room);
        answer["counts"] = counts.map(|(pointer, count)| (pointer, Value::from(count))).collect::<Map<_, _>>().into();
    }
    answer["value"] = value;
    answer
}

/// The first values that have room together as a JSON array.
fn fitting(items: &mut Peekable<impl Iterator<Item = Value>>, room: usize) -> Vec<Value> {
    let mut left = room.saturating_sub(QUOTES);
    let mut kept = Vec::new();
    loop {
        let here = left.saturating_sub(usize::from(!kept.is_empty()));
        let Some(taken) = items.peek().and_then(|item| size(item, here)) else { return kept };
        left = here - taken;
        kept.extend(items.next());
    }
}

/// Every place where a text occurs: in texts, in numbers, in keys.
fn matches(value: &Value, wanted: &str) -> Vec<Value> {
    let mut search = Search { wanted: lower(wanted), at: String::new(), found: Vec::new() };
    search.walk(value);
    search.found
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

struct Search {
    wanted: String,
    /// JSON Pointer to where it looks.
    at: String,
    found: Vec<Value>,
}

impl Search {
    fn walk(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Number(number) => self.text(&number.to_string()),
            Value::Array(items) => items.iter().enumerate().for_each(|(number, item)| self.below(&number.to_string(), item)),
            Value::Object(members) => {
                for (key, value) in members {
                    if lower(key).contains(&self.wanted) {
                        let pointer = format!("{}/{}", self.at, escaped_key(key));
                        self.found.push(json!({"pointer": pointer, "key": true, "text": key}));
                    }
                    self.below(&escaped_key(key), value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn below(&mut self, step: &str, value: &Value) {
        let length = self.at.len();
        self.at.push('/');
        self.at.push_str(step);
        self.walk(value);
        self.at.truncate(length);
    }

    fn text(&mut self, text: &str) {
        let lowered = lower(text);
        if !lowered.contains(&self.wanted) {
            return;
        }
        // Lower case may be longer or shorter: each of its characters is led back to the one that it came from.
        let origins: Vec<(usize, usize)> = text
            .chars()
            .enumerate()
            .flat_map(|(number, c)| c.to_lowercase().map(move |c| (number, c.len_utf8())))
            .scan(0, |end, (number, length)| {
                *end += length;
                Some((*end, number))
            })
            .collect();
        let all: Vec<char> = text.chars().collect();
        for (start, found) in lowered.match_indices(&self.wanted) {
            let origin =
                |byte: usize| origins.get(origins.partition_point(|(end, _)| *end <= byte)).map_or(all.len(), |(_, number)| *number);
            let (first, end) = (origin(start), origin(start + found.len() - 1) + 1);
            let (from, to) = (first.saturating_sub(AROUND), end.saturating_add(AROUND).min(all.len()));
            let part: String = all.get(from..to).unwrap_or_default().iter().collect();
            let (before, after) = (if from > 0 { "…" } else { "" }, if to < all.len() { "…" } else { "" });
            self.found.push(json!({"pointer": self.at, "offset": first, "text": format!("{before}{part}{after}")}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_any_case_and_place() {
        let value = json!({"Title": "GRÜSSE an İstanbul", "a/b": [12345, "title of the title"], "n": null});
        let at =
            |text: &str| matches(&value, text).iter().map(|found| (found["pointer"].clone(), found["offset"].clone())).collect::<Vec<_>>();
        assert_eq!(at("title"), [(json!("/Title"), Value::Null), (json!("/a~1b/1"), json!(0)), (json!("/a~1b/1"), json!(13))]);
        assert_eq!(at("grüsse"), [(json!("/Title"), json!(0))]);
        assert_eq!(at("stanbul"), [(json!("/Title"), json!(11))]);
        assert_eq!(at("234"), [(json!("/a~1b/0"), json!(1))]);
        let long = json!(format!("{}needle{}", "ü".repeat(500), "x".repeat(500)));
        let found = matches(&long, "NEEDLE");
        let text = found[0]["text"].as_str().unwrap();
        assert!(text.starts_with("…ü") && text.contains("needle") && text.ends_with("x…") && text.chars().count() == 168);
        assert_eq!((&found[0]["pointer"], &found[0]["offset"]), (&json!(""), &json!(500)));
    }

    #[test]
    fn pages_lead_through_everything() {
        let items: Vec<Value> = (0..100).map(|n| json!({"n": n, "text": "x".repeat(n % 7 * 30)})).collect();
        for whole in [Value::Array(items.clone()), json!("aü𝄞\\n".repeat(300))] {
            let (mut read, mut offset) = (String::new(), 0);
            loop {
                let part = Part { offset, bytes: Some(400), ..Part::default() };
                let answer = page(whole.clone(), &part);
                assert!(answer["value"].to_string().len() <= 400);
                assert_eq!(answer["truncated"], false);
                let text = answer["value"].to_string();
                read.push_str(text[1..text.len() - 1].trim_matches(','));
                read.push_str(if whole.is_string() { "" } else { "," });
                match answer["next_offset"].as_u64() {
                    Some(next) => offset = next as usize,
                    None => break,
                }
            }
            assert_eq!(read.trim_end_matches(','), &whole.to_string()[1..whole.to_string().len() - 1]);
        }
    }
    #[test]
    fn objects_are_shown_with_what_is_long_in_them_shortened() {
        let whole: Value = (0..100).map(|n| (n.to_string(), json!({"text": "x".repeat(100)}))).collect();
        let answer = page(whole, &Part { bytes: Some(500), ..Part::default() });
        let keys = answer["value"].as_object().unwrap().len();
        assert!(keys > 5 && answer["value"].to_string().len() <= 500, "{keys}");
        assert_eq!((&answer["total"], &answer["next_offset"], &answer["truncated"]), (&json!(100), &json!(keys), &json!(true)));
        let answer = page(json!([vec![1; 300]]), &Part { bytes: Some(100), ..Part::default() });
        assert_eq!((&answer["truncated"], &answer["counts"], &answer["next_offset"]), (&json!(true), &json!({"/0": 300}), &Value::Null));
    }
}
