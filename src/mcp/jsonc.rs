//! JSON as editors write it: comments, commas before a closing bracket, a byte order mark. Edits change the text of one member and leave
//! every other byte as it is, so comments, order, spacing and unknown members survive.

use serde_json::{Map, Value};

/// The value of a text.
pub fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(&plain(text)?).map_err(|error| error.to_string())
}

/// The same text as plain JSON: what is not JSON becomes spaces, so every offset stays.
fn plain(text: &str) -> Result<String, String> {
    let mut bytes = text.as_bytes().to_vec();
    let (mut at, mut comma) = (0, None);
    if text.starts_with('\u{feff}') {
        blank(&mut bytes, 0, 3);
        at = 3;
    }
    while let Some(&byte) = bytes.get(at) {
        let next = match (byte, bytes.get(at + 1)) {
            (b'"', _) => end_of_string(&bytes, at).ok_or("a text has no closing quote")?,
            (b'/', Some(b'/')) => {
                let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length);
                blank(&mut bytes, at, end);
                end
            }
            (b'/', Some(b'*')) => {
                let end = text.as_bytes()[at + 2..].windows(2).position(|two| two == b"*/").ok_or("a comment has no end")?;
                blank(&mut bytes, at, at + end + 4);
                at + end + 4
            }
            _ => at + 1,
        };
        match byte {
            b',' => comma = Some(at),
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    blank(&mut bytes, comma, comma + 1);
                }
            }
            byte if byte.is_ascii_whitespace() || byte == b'/' => {}
            _ => comma = None,
        }
        at = next;
    }
    String::from_utf8(bytes).map_err(|_| String::from("it is not UTF-8"))
}

/// Spaces in place of bytes; line breaks stay.
fn blank(bytes: &mut [u8], from: usize, to: usize) {
    bytes.iter_mut().take(to).skip(from).filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// The offset behind a text that begins at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut escaped = false;
    for (offset, byte) in bytes.iter().enumerate().skip(at + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(offset + 1),
            _ => {}
        }
    }
    None
}

/// One member of an object, by offsets.
struct Member {
    key: String,
    start: usize,
    value: usize,
    end: usize,
}

/// The members of the object that begins at `at`, and the offset of its closing bracket. The text is valid JSON.
fn members(text: &str, at: usize) -> Option<(Vec<Member>, usize)> {
    let bytes = text.as_bytes();
    let skip = |from: usize| (from..bytes.len()).find(|at| !bytes[*at].is_ascii_whitespace());
    let mut found = Vec::new();
    let mut at = skip(at).filter(|at| bytes[*at] == b'{')? + 1;
    loop {
        let start = skip(at)?;
        match bytes[start] {
            b'}' => return Some((found, start)),
            b',' => at = start + 1,
            _ => {
                let key_end = end_of_string(bytes, start)?;
                let value = skip(skip(key_end)? + 1)?;
                at = end_of_value(bytes, value)?;
                found.push(Member { key: serde_json::from_str(&text[start..key_end]).ok()?, start, value, end: at });
            }
        }
    }
}

fn end_of_value(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match bytes.get(at) {
            Some(b'"') => at = end_of_string(bytes, at)?,
            Some(b'{' | b'[') => (at, depth) = (at + 1, depth + 1),
            Some(b'}' | b']' | b',') | None if depth == 0 => return Some(at),
            Some(b'}' | b']') => (at, depth) = (at + 1, depth - 1),
            Some(byte) if depth == 0 && byte.is_ascii_whitespace() => return Some(at),
            Some(_) => at += 1,
            None => return None,
        }
        if depth == 0 && matches!(bytes.get(at.wrapping_sub(1)), Some(b'}' | b']' | b'"')) {
            return Some(at);
        }
    }
}

/// Sets (or with `None` removes) the member at a path of objects; makes the objects on the way. An empty text counts as `{}`.
pub fn set(text: &str, path: &[&str], value: Option<&Value>) -> Result<String, String> {
    let text = if text.trim_start_matches('\u{feff}').trim().is_empty() { "{}\n" } else { text };
    let mut wanted = parse(text)?;
    if !wanted.is_object() {
        return Err(String::from("it is not an object"));
    }
    if !change(&mut wanted, path, value)? {
        return Ok(text.to_owned());
    }
    let edited = splice(text, path, value).ok_or("its layout is not understood")?;
    // The text is what was meant, or it is not written: members that stand there twice end here.
    if parse(&edited)? == wanted { Ok(edited) } else { Err(String::from("a name stands in it twice")) }
}

/// The change on the value; false when nothing changes.
fn change(at: &mut Value, path: &[&str], value: Option<&Value>) -> Result<bool, String> {
    let Some((key, rest)) = path.split_first() else { return Ok(false) };
    let members = at.as_object_mut().ok_or_else(|| format!("what holds '{key}' is not an object"))?;
    if !rest.is_empty() {
        if value.is_none() && !members.contains_key(*key) {
            return Ok(false);
        }
        return change(members.entry(*key).or_insert_with(|| Value::Object(Map::new())), rest, value);
    }
    Ok(match value {
        Some(value) => members.insert((*key).to_owned(), value.clone()).as_ref() != Some(value),
        None => members.shift_remove(*key).is_some(),
    })
}

fn splice(text: &str, path: &[&str], value: Option<&Value>) -> Option<String> {
    let plain = plain(text).ok()?;
    let (mut at, mut depth) = (0, 0);
    loop {
        let (members, close) = members(&plain, at)?;
        let key = path.get(depth)?;
        let position = members.iter().rposition(|member| member.key == *key);
        match position.map(|index| (index, &members[index])) {
            Some((_, member)) if depth + 1 < path.len() => (at, depth) = (member.value, depth + 1),
            Some((index, member)) => match value {
                Some(value) => return Some([&text[..member.value], &pretty(value, depth + 1, text), &text[member.end..]].concat()),
                None => return remove(text, &plain, &members, index),
            },
            None => {
                let missing = path[depth + 1..]
                    .iter()
                    .rev()
                    .try_fold(value?.clone(), |inner, key| Some(Value::Object(Map::from_iter([((*key).to_owned(), inner)]))))?;
                return Some(insert(text, &members, close, depth, (key, &missing)));
            }
        }
    }
}

fn insert(text: &str, members: &[Member], close: usize, depth: usize, (key, value): (&str, &Value)) -> String {
    let unit = indentation(text);
    let member = format!("\n{}{}: {}", unit.repeat(depth + 1), Value::from(key), pretty(value, depth + 1, text));
    match members.last() {
        // What follows the last member (a comma, a comment) stays where it is.
        Some(last) => {
            let comma = plain_comma(text, last.end, close);
            let at = comma.map_or(last.end, |comma| comma + 1);
            let (before, after) = if comma.is_some() { ("", ",") } else { (",", "") };
            [&text[..at], before, &member, after, &text[at..]].concat()
        }
        None => {
            let body = text[..close].trim_end();
            [body, &member, "\n", &unit.repeat(depth), &text[close..]].concat()
        }
    }
}

/// A comma between two offsets that is in no comment.
fn plain_comma(text: &str, from: usize, to: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < to {
        match (bytes[at], bytes.get(at + 1)) {
            (b',', _) => return Some(at),
            (b'/', Some(b'/')) => at = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(to, |length| at + length),
            (b'/', Some(b'*')) => at += bytes[at + 2..].windows(2).position(|two| two == b"*/").map_or(to, |length| length + 4),
            _ => at += 1,
        }
    }
    None
}

fn remove(text: &str, plain: &str, members: &[Member], index: usize) -> Option<String> {
    let member = members.get(index)?;
    let (mut start, mut end) = (member.start, member.end);
    if let Some(next) = members.get(index + 1) {
        end = plain_comma(text, end, next.start)? + 1;
    } else if let Some(comma) = plain_comma(text, end, end + plain[end..].find('}')?) {
        end = comma + 1;
    } else if let Some(before) = index.checked_sub(1).and_then(|index| members.get(index)) {
        // The comma before goes alone: a comment behind it may be about the member that stays.
        let comma = plain_comma(text, before.end, start)?;
        let kept = text[comma + 1..start].trim_end();
        return Some([&text[..comma], kept, &text[end..]].concat());
    }
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    if text[line..start].trim().is_empty() && text[end..].trim_start_matches([' ', '\t', '\r']).starts_with('\n') {
        start = line;
        end += text[end..].find('\n')? + 1;
    }
    Some([&text[..start], &text[end..]].concat())
}

/// The indentation of a text's first indented line.
fn indentation(text: &str) -> String {
    let indented = text.lines().find(|line| line.starts_with([' ', '\t']) && line.trim_start().starts_with('"'));
    indented.map_or_else(|| String::from("  "), |line| line.chars().take_while(|c| *c == ' ' || *c == '\t').collect())
}

fn pretty(value: &Value, depth: usize, text: &str) -> String {
    let unit = indentation(text);
    let lines = format!("{value:#}");
    let mut lines = lines.lines();
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let spaces = line.len() - line.trim_start().len();
        out.push_str(&format!("\n{}{}", unit.repeat(depth + spaces / 2), line.trim_start()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "\u{feff}{\n    // a comment, with \"quotes\"\n    \"inputs\": [1.10, 2,],\n    \"servers\": { /* none, yet */\n        \"a\": {\"command\": \"x // no comment\"}, // about a\n        \"b\": {\"x\": [1]} // about b\n    },\n    \"last\": true,\n}\n";

    #[test]
    fn comments_and_commas_are_read_over() {
        let value = parse(TEXT).unwrap();
        assert_eq!(value["servers"]["a"]["command"], "x // no comment");
        for bad in ["{", "{\"a\": \"", "/* {}", "[,,]", "{,\"a\":1}"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("[1, /* , */ ]").unwrap(), json!([1]));
    }

    #[test]
    fn an_edit_leaves_every_other_byte() {
        let entry = json!({"command": "c", "args": ["d"]});
        let added = set(TEXT, &["servers", "new"], Some(&entry)).unwrap();
        assert!(added.contains("// about b") && added.contains("1.10") && added.contains("/* none, yet */"), "{added}");
        assert_eq!(parse(&added).unwrap()["servers"]["new"], entry);
        assert_eq!(set(&added, &["servers", "new"], Some(&entry)).unwrap(), added);
        assert_eq!(parse(&set(&added, &["servers", "new"], None).unwrap()).unwrap(), parse(TEXT).unwrap());
        for name in ["a", "b"] {
            let less = set(TEXT, &["servers", name], None).unwrap();
            assert!(parse(&less).unwrap()["servers"].get(name).is_none() && less.contains("a comment"), "{less}");
        }
        let replaced = set(TEXT, &["servers", "a"], Some(&entry)).unwrap();
        assert!(replaced.contains("// about a") && parse(&replaced).unwrap()["servers"]["a"] == entry, "{replaced}");
        assert_eq!(parse(&set(TEXT, &["mcp", "deep", "x"], Some(&json!(1))).unwrap()).unwrap()["mcp"], json!({"deep": {"x": 1}}));
        assert_eq!(set("", &["a"], Some(&json!({"b": []}))).unwrap(), "{\n  \"a\": {\n    \"b\": []\n  }\n}\n");
        assert_eq!(set("{\"a\":1,\"b\":2}", &["b"], None).unwrap(), "{\"a\":1}");
        assert_eq!(set("{\"a\":1}", &["a"], None).unwrap(), "{}");
        assert_eq!(set("{\"a\":1}", &["x", "y"], None).unwrap(), "{\"a\":1}");
    }

    #[test]
    fn what_cannot_be_edited_safely_is_refused() {
        for (text, path) in [("{\"a\":1,\"a\":2}", "a"), ("[1]", "a"), ("{\"a\": }", "a")] {
            assert!(set(text, &[path], None).is_err(), "{text}");
        }
        assert!(set("{\"a\": 1}", &["a", "b"], Some(&json!(1))).is_err());
    }
}
