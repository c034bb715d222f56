//! The text of a description as a value: JSON, else YAML. Bounded in size, depth and in what aliases may unfold to. Nothing is fetched.

use std::collections::HashSet;

use serde_json::Value;

use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;

/// A description larger than this is refused.
pub const LARGEST: usize = 64 << 20;

/// How many names that stand twice are said.
const MOST_NAMED: usize = 5;

/// How deep a description is read. Schemas are converted less deep than this, and what is stored must be read again.
const DEEPEST: usize = 110;

/// How deep the parser of YAML goes; what lies between is cut off, and what lies deeper refuses the whole.
const DEEPEST_YAML: usize = 240;

/// The description as a value, and what of its text did not become a part of it.
pub fn document(bytes: &[u8]) -> Result<(Value, Vec<String>)> {
    if bytes.len() > LARGEST {
        return Err(broken(format!("it has more than {} MiB", LARGEST >> 20)));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| broken(format!("it is not UTF-8 (at byte {})", error.valid_up_to())))?;
    let text = text.trim_start_matches('\u{feff}');
    let json = text.trim_start().starts_with(['{', '[']);
    let read = |text: &str| serde_json::from_str(text).map(|value| (value, repeated(text)));
    match read(text) {
        Ok((value, notes)) => Ok(shallow(value, notes)),
        Err(error) if error.to_string().contains("recursion limit") => {
            let (text, cut) = without_depths(text);
            let (value, mut notes) = read(&text).map_err(|error| broken(format!("it is not valid JSON: {error}")))?;
            notes.extend(too_deep(cut));
            Ok((value, notes))
        }
        // What begins as JSON may still be YAML in flow style; the first reason is the better one then.
        Err(error) => either(text)
            .map(|(value, notes)| shallow(value, notes))
            .map_err(|why| broken(if json { format!("it is not valid JSON: {error}") } else { why })),
    }
}

fn either(text: &str) -> Result<(Value, Vec<String>), String> {
    use serde_saphyr::options::DuplicateKeyPolicy;
    yaml(text, DuplicateKeyPolicy::Error).map(|value| (value, Vec::new())).or_else(|why| {
        // What is broken otherwise stays so, and a hostile text is not read twice.
        let Some((_, said)) = why.split_once("duplicate") else { return Err(why) };
        let said = format!(" (duplicate{said})");
        let value = yaml(text, DuplicateKeyPolicy::LastWins)?;
        Ok((value, vec![format!("a name stands twice in an object of the description; the last one counts{}", printable(&said))]))
    })
}

/// What is said of parts that were not read.
fn too_deep(cut: usize) -> Option<String> {
    let parts = if cut == 1 { String::from("one part") } else { format!("{cut} parts") };
    (cut > 0).then(|| format!("{parts} of the description nest deeper than {DEEPEST} levels and were left open"))
}

/// A JSON text with an empty object for everything that nests too deep, and how often. No parser can be asked to go there.
fn without_depths(text: &str) -> (String, usize) {
    let bytes = text.as_bytes();
    let (mut kept, mut from, mut depth, mut at, mut cut) = (String::new(), 0, 0_usize, 0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
            }
            b'{' | b'[' => {
                depth += 1;
                if depth == DEEPEST + 1 {
                    kept.push_str(text.get(from..at).unwrap_or_default());
                    from = at;
                }
            }
            b'}' | b']' => {
                if depth == DEEPEST + 1 {
                    kept.push_str("{}");
                    (from, cut) = (at + 1, cut + 1);
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        at += 1;
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    (kept, cut)
}

/// A value with an empty object for everything that nests too deep.
fn shallow(mut value: Value, mut notes: Vec<String>) -> (Value, Vec<String>) {
    fn cut_below(value: &mut Value, left: usize) -> usize {
        let inner: Vec<&mut Value> = match value {
            Value::Object(members) => members.values_mut().collect(),
            Value::Array(items) => items.iter_mut().collect(),
            _ => return 0,
        };
        if left > 0 {
            return inner.into_iter().map(|inner| cut_below(inner, left - 1)).sum();
        }
        *value = Value::Object(serde_json::Map::new());
        1
    }
    notes.extend(too_deep(cut_below(&mut value, DEEPEST)));
    (value, notes)
}

/// Names that stand twice in one object of a JSON text, which is valid: of these the last one counts.
fn repeated(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let (mut open, mut twice, mut at): (Vec<HashSet<&str>>, Vec<&str>, usize) = (Vec::new(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => open.push(HashSet::new()),
            b'}' | b']' => _ = open.pop(),
            b'"' => {
                let start = at;
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
                let (name, rest) = (text.get(start..at), bytes.get(at + 1..).unwrap_or_default());
                at += 1;
                let is_name = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                if let (Some(name), Some(names)) = (name.filter(|_| is_name), open.last_mut())
                    && !names.insert(name)
                {
                    twice.push(name);
                }
            }
            _ => {}
        }
    }
    let mut shown: Vec<String> = twice.iter().take(MOST_NAMED).map(|name| format!("'{}'", printable(name))).collect();
    shown.dedup();
    let more = if twice.len() > MOST_NAMED { format!(" and {} more", twice.len() - MOST_NAMED) } else { String::new() };
    let note = format!("{}{more} stand twice in an object of the description; the last one counts", shown.join(", "));
    if twice.is_empty() { Vec::new() } else { vec![note] }
}

fn yaml(text: &str, duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy) -> Result<Value, String> {
    let limits = serde_saphyr::budget! {
        max_events: 20_000_000,
        max_nodes: 10_000_000,
        max_depth: DEEPEST_YAML,
        max_total_scalar_bytes: LARGEST,
        max_aliases: 20_000,
        max_anchors: 20_000,
    };
    let options = serde_saphyr::options! { budget: limits, strict_booleans: true, duplicate_keys: duplicate_keys };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| {
            let said = error.without_snippet().to_string();
            format!("it is neither JSON nor YAML: {}", said.lines().next().unwrap_or_default())
        })
        .map_err(|why| in_words(&why).unwrap_or(why))
}

/// A limit of the parser in words; its own ones are those of a program.
fn in_words(why: &str) -> Option<String> {
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if has(&["Depth {", "nesting", "recursion", "depth limit"]) {
        return Some(format!("it nests deeper than {DEEPEST_YAML} levels"));
    }
    let limited = has(&["budget breached", "limit exceeded", "exceeds", "exceeded"]);
    let aliases = has(&["lias", "nchor", "eplay", "ergeKeys"]);
    limited.then(|| String::from(if aliases { "its aliases unfold to more than is read" } else { "it holds more than is read" }))
}

fn broken(why: String) -> Error {
    Error::new(Code::InvalidPayload, format!("The description cannot be read: {why}"))
}
