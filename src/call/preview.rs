//! JSON cut to a number of bytes: at borders of values, never inside a character, always valid, and of the same kind as before.
//! Arrays keep their first items, objects their keys with what is long below them shortened. What was cut is counted.

use serde_json::{Map, Value};

use crate::base::json::escaped_key;
use crate::registry::sketch;

/// A cut value, and how many items or members each array or object has that was cut, by JSON Pointer, outer ones first.
pub struct Preview {
    pub value: Value,
    pub counts: Vec<(String, u64)>,
    /// Something below the outermost array or object was cut, or a text.
    pub shortened: bool,
}

/// Longest JSON Pointer among the counts.
const LONGEST_POINTER: usize = 120;

/// The smallest text that a value of some kind can have: `""`, `[]`, `{}`.
const EMPTY: usize = 2;

/// Bytes of each value of an object that has too many keys.
const MODEST: usize = 40;

/// Numbers longer than this are left out where they do not fit; few are.
const LONGEST_NUMBER: usize = 32;

/// A value whose JSON text has at most `room` bytes; two bytes are always taken.
pub fn preview(value: &Value, room: usize) -> Preview {
    let mut cutter = Cutter { counts: Vec::new(), shortened: false };
    let value = cutter.fit(value, room.max(EMPTY), "", 0);
    cutter.counts.sort_by_key(|(depth, ..)| *depth);
    Preview { value, counts: cutter.counts.into_iter().map(|(_, pointer, count)| (pointer, count)).collect(), shortened: cutter.shortened }
}

/// A text of at most `room` bytes as it stands in JSON, without the quotes; a cut one says how long the whole is.
pub fn text(whole: &str, room: usize) -> String {
    if text_size(whole, room).is_some() {
        return whole.to_owned();
    }
    let said = format!("… ({} bytes)", whole.len());
    let marker = [said.as_str(), "…", ""].into_iter().find(|marker| marker.len() <= room).unwrap_or_default();
    format!("{}{marker}", head(whole, room.saturating_sub(marker.len())))
}

/// The beginning of a text: at most `room` bytes as it stands in JSON, without the quotes.
pub fn head(whole: &str, mut room: usize) -> &str {
    let end = whole.char_indices().find(|(_, c)| match room.checked_sub(escaped(*c)) {
        Some(left) => {
            room = left;
            false
        }
        None => true,
    });
    end.and_then(|(end, _)| whole.get(..end)).unwrap_or(whole)
}

/// The length of a value's JSON text, unless it is more than `most`.
pub fn size(value: &Value, most: usize) -> Option<usize> {
    let own = match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => number.to_string().len(),
        Value::String(text) => text_size(text, most.checked_sub(EMPTY)?)? + EMPTY,
        Value::Array(items) => {
            let mut all = EMPTY.max(items.len() + 1);
            for item in items {
                all += size(item, most.checked_sub(all)?)?;
            }
            all
        }
        Value::Object(members) => {
            let mut all = EMPTY.max(members.len() + 1);
            for (key, value) in members {
                all += key_size(key, most.checked_sub(all)?)?;
                all += size(value, most.checked_sub(all)?)?;
            }
            all
        }
    };
    (own <= most).then_some(own)
}

/// The JSON Schema sketch of a value in at most `room` bytes: what is deep or wide is left out of it first.
pub fn shape(value: &Value, room: usize) -> Value {
    let whole = sketch::infer(value);
    let narrower = [(8, 300), (6, 60), (4, 40), (3, 30), (3, 15), (2, 30), (2, 15), (1, 30), (1, 10), (0, 0)];
    let mut trimmed = narrower.into_iter().map(|(depth, width)| trim(&whole, depth, width));
    trimmed.find(|shape| size(shape, room).is_some()).unwrap_or_else(|| Value::Object(Map::new()))
}

fn trim(shape: &Value, depth: usize, width: usize) -> Value {
    let Value::Object(words) = shape else { return shape.clone() };
    let word = |(word, value): (&String, &Value)| {
        let value = match (word.as_str(), value) {
            ("items" | "properties", _) if depth == 0 => return None,
            ("items", items) => trim(items, depth - 1, width),
            ("properties", Value::Object(members)) => {
                members.iter().take(width).map(|(name, member)| (name.clone(), trim(member, depth - 1, width))).collect()
            }
            (_, value) => value.clone(),
        };
        Some((word.clone(), value))
    };
    words.iter().filter_map(word).collect()
}

/// Bytes of a character in JSON text.
fn escaped(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

fn text_size(text: &str, most: usize) -> Option<usize> {
    if text.len() > most {
        return None;
    }
    let size = text.chars().map(escaped).sum();
    (size <= most).then_some(size)
}

/// A key with its quotes and colon.
fn key_size(key: &str, most: usize) -> Option<usize> {
    text_size(key, most.checked_sub(EMPTY + 1)?).map(|size| size + EMPTY + 1)
}

/// The least that a value takes of its kind; only a number that is longer than any sensible one becomes null.
fn least(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => Some(number.to_string().len()).filter(|length| *length <= LONGEST_NUMBER).unwrap_or(4),
        Value::String(_) | Value::Array(_) | Value::Object(_) => EMPTY,
    }
}

/// A member and the bytes that its value may have.
type Chosen<'a> = (&'a String, &'a Value, usize);

/// The first members that have room, each with what its value wants at least; and the room that is left.
fn choose(members: &Map<String, Value>, mut left: usize, least: impl Fn(&Value) -> usize) -> (Vec<Chosen<'_>>, usize) {
    let mut chosen = Vec::new();
    for (key, value) in members {
        let (comma, least) = (usize::from(!chosen.is_empty()), least(value));
        let Some(taken) = key_size(key, left).map(|size| size + comma + least).filter(|taken| *taken <= left) else { break };
        left -= taken;
        chosen.push((key, value, least));
    }
    (chosen, left)
}

struct Cutter {
    /// With the depth at which each stands.
    counts: Vec<(usize, String, u64)>,
    shortened: bool,
}

impl Cutter {
    fn fit(&mut self, value: &Value, room: usize, at: &str, depth: usize) -> Value {
        if size(value, room).is_some() {
            return value.clone();
        }
        self.shortened |= depth > 0 || !matches!(value, Value::Array(_) | Value::Object(_));
        match value {
            Value::String(whole) => Value::String(text(whole, room.saturating_sub(EMPTY))),
            Value::Array(items) => self.array(items, room, at, depth),
            Value::Object(members) => self.object(members, room, at, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => Value::Null,
        }
    }

    fn cut(&mut self, at: &str, depth: usize, count: usize) {
        if at.len() <= LONGEST_POINTER {
            self.counts.push((depth, at.to_owned(), count as u64));
        }
    }

    /// The first items, whole; the first that does not fit is shortened where much room is left.
    fn array(&mut self, items: &[Value], room: usize, at: &str, depth: usize) -> Value {
        let inside = room.saturating_sub(EMPTY);
        let mut left = inside;
        let mut kept: Vec<Value> = Vec::new();
        for item in items {
            let room = left.saturating_sub(usize::from(!kept.is_empty()));
            match size(item, room) {
                Some(size) => {
                    left = room - size;
                    kept.push(item.clone());
                }
                None if room > inside / 2 && room >= least(item) => {
                    kept.push(self.fit(item, room, &format!("{at}/{}", kept.len()), depth + 1));
                    break;
                }
                None => break,
            }
        }
        if kept.len() < items.len() {
            self.cut(at, depth, items.len());
        }
        Value::Array(kept)
    }

    /// The first keys; short values whole, what is left of the room in equal parts for the long ones.
    fn object(&mut self, members: &Map<String, Value>, room: usize, at: &str, depth: usize) -> Value {
        let inside = room.saturating_sub(EMPTY);
        let (mut chosen, mut left) = choose(members, inside, least);
        if chosen.len() < members.len() {
            // Fewer keys, each with a word of its value.
            (chosen, left) = choose(members, inside, |value| size(value, MODEST).unwrap_or(MODEST));
        }
        if chosen.len() < members.len() {
            self.cut(at, depth, members.len());
        }
        let mut wants: Vec<(usize, usize)> = chosen
            .iter()
            .enumerate()
            .map(|(number, (_, value, room))| (size(value, room + left).map_or(usize::MAX, |size| size.saturating_sub(*room)), number))
            .collect();
        wants.sort_unstable();
        let count = wants.len();
        for (place, (want, number)) in wants.into_iter().enumerate() {
            let share = want.min(left / (count - place));
            left -= share;
            if let Some((.., room)) = chosen.get_mut(number) {
                *room += share;
            }
        }
        let member = |(key, value, room): (&String, &Value, usize)| {
            let below = format!("{at}/{}", escaped_key(key));
            (key.clone(), self.fit(value, room, &below, depth + 1))
        };
        Value::Object(chosen.into_iter().map(member).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Random JSON of about `size` values, with every kind of text.
    fn random(dice: &mut fastrand::Rng, size: usize, depth: usize) -> Value {
        let kinds = if depth == 0 { 5 } else { 8 };
        let text = |dice: &mut fastrand::Rng| {
            let letters = ["a", "ü", "𝄞", "\"", "\\", "\n", "\u{1}", "/", "~", "語", " ", "…"];
            let long = [3, 30, 3000][dice.usize(..3)];
            (0..dice.usize(..long)).map(|_| letters[dice.usize(..letters.len())]).collect::<String>()
        };
        match dice.usize(..kinds) {
            0 => [Value::Null, json!(true), json!(false)][dice.usize(..3)].clone(),
            1 => json!(dice.i64(..)),
            2 => serde_json::from_str(&format!("{}.5e{}", "9".repeat(1 + dice.usize(..60)), dice.u8(..9))).unwrap(),
            3 | 4 => Value::String(text(dice)),
            5 => (0..dice.usize(..=size)).map(|_| random(dice, size / 2, depth - 1)).collect(),
            _ => Value::Object((0..dice.usize(..=size)).map(|_| (text(dice), random(dice, size / 2, depth - 1))).collect()),
        }
    }

    #[test]
    fn sizes_are_those_of_the_text() {
        let mut dice = fastrand::Rng::with_seed(7);
        for _ in 0..100 {
            let value = random(&mut dice, 8, 4);
            let length = value.to_string().len();
            assert_eq!((size(&value, length), size(&value, usize::MAX)), (Some(length), Some(length)));
            assert_eq!(size(&value, length - 1), None);
        }
    }

    #[test]
    fn previews_fit_and_are_of_the_same_kind() {
        let mut dice = fastrand::Rng::with_seed(8);
        for round in 0..200 {
            let value = random(&mut dice, 40, 5);
            let room = 32 + dice.usize(..3000);
            let cut = preview(&value, room).value;
            let text = cut.to_string();
            assert!(text.len() <= room, "{round}: {} of {room}", text.len());
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), cut);
            assert_eq!(std::mem::discriminant(&cut), std::mem::discriminant(&value), "{round}");
            assert_eq!(cut == value, value.to_string().len() <= room, "{round}: all of it where it has room, and else less");
            within(&cut, &value);
        }
    }

    /// A preview holds nothing that the whole does not have at the same place.
    fn within(cut: &Value, whole: &Value) {
        match (cut, whole) {
            (Value::Array(cut), Value::Array(whole)) => cut.iter().zip(whole).for_each(|(cut, whole)| within(cut, whole)),
            (Value::Object(cut), Value::Object(whole)) => cut.iter().for_each(|(key, value)| within(value, &whole[key])),
            (Value::String(cut), Value::String(whole)) if cut != whole => {
                let kept = cut.rsplit_once('…').map_or(cut.as_str(), |(kept, _)| kept);
                assert!(whole.starts_with(kept), "{cut}");
            }
            (cut, whole) => assert!(cut == whole || whole.is_number()),
        }
    }

    #[test]
    fn lists_keep_their_first_items_and_objects_their_keys() {
        let items: Vec<Value> = (0..1000).map(|id| json!({"id": id, "name": format!("item {id}")})).collect();
        let found = preview(&json!({"total": 1000, "items": items, "note": "short", "body": "x".repeat(5000)}), 1000);
        let keys: Vec<&String> = found.value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["total", "items", "note", "body"]);
        assert_eq!((&found.value["total"], &found.value["note"]), (&json!(1000), &json!("short")));
        let kept = found.value["items"].as_array().unwrap();
        assert!(kept.len() > 5 && kept[..] == items[..kept.len()], "whole items from the first on");
        assert!(found.value["body"].as_str().unwrap().ends_with("… (5000 bytes)"));
        assert_eq!(found.counts, [(String::from("/items"), 1000)]);
        let large = json!([{"id": 1, "body": "x".repeat(5000)}, {"id": 2}]);
        let found = preview(&large, 300);
        assert_eq!((&found.value[0]["id"], found.value.as_array().unwrap().len()), (&json!(1), 1), "one item is shortened");
        assert_eq!(found.counts, [(String::new(), 2)]);
        let wide: Map<String, Value> = (0..1000).map(|n| (format!("a/{n}"), json!([n]))).collect();
        let found = preview(&Value::Object(wide), 300);
        assert_eq!((&found.value["a/0"], found.counts[0].1), (&json!([0]), 1000));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(text("grüße", 7), "grüße");
        assert_eq!(text("grüße", 6), "gr…");
        assert_eq!(text("𝄞𝄞", 2), "");
        assert_eq!(text(&"ü".repeat(100), 40), format!("{}… (200 bytes)", "ü".repeat(12)));
        assert_eq!(text("\n\n\n\n", 7), "\n\n…", "as they stand in JSON");
    }

    #[test]
    fn shapes_have_an_end_too() {
        let mut dice = fastrand::Rng::with_seed(9);
        for _ in 0..100 {
            let value = random(&mut dice, 40, 5);
            let room = 100 + dice.usize(..2000);
            let shape = shape(&value, room);
            assert!(shape.to_string().len() <= room);
            assert_eq!(shape.get("type"), sketch::infer(&value).get("type"));
        }
        let items = json!([{"id": 1, "owner": {"login": "a", "site": {"url": "https://a.example"}}}]);
        assert_eq!(shape(&items, 1000), sketch::infer(&items));
        assert_eq!(
            shape(&items, 190)["items"]["properties"]["owner"],
            json!({"type": "object", "properties": {"login": {"type": "string"}, "site": {"type": "object"}}})
        );
    }
}
