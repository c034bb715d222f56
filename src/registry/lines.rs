//! Where the members of a YAML or JSON text stand, by JSON Pointer, and which of them are written twice. Made only for a text with which
//! something is wrong; what an alias or a merge brings in has no line of its own and is looked for at what holds it.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser};

use crate::base::json::escaped_key;

/// How deep a text is followed.
const DEEPEST: usize = 128;

/// Bytes that all pointers may have together; what comes behind has the line of what holds it.
const MOST: usize = 32 << 20;

/// Lines, from 1, of what a text holds.
#[derive(Debug, Default)]
pub struct Lines {
    known: HashMap<String, u64>,
    /// Members that stand twice in one mapping: the pointer, the line of the second and that of the first.
    pub doubled: Vec<(String, u64, u64)>,
    spent: usize,
}

/// A mapping or list that is still open.
struct Open {
    pointer: String,
    /// Keys of a mapping; `None` for a list.
    seen: Option<HashMap<String, u64>>,
    /// The key whose value comes next.
    key: Option<String>,
    next: usize,
}

impl Lines {
    /// Reads a text as far as it can be read.
    pub fn of(text: &str) -> Self {
        let mut lines = Self::default();
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            let line = span.start.line() as u64;
            let seen = match &event {
                Event::MappingEnd | Event::SequenceEnd => {
                    open.pop();
                    continue;
                }
                Event::MappingStart(..) => Some(HashMap::new()),
                Event::SequenceStart(..) | Event::Scalar(..) | Event::Alias(..) => None,
                _ => continue,
            };
            if let (Some(Open { pointer, seen: Some(seen), key: key @ None, .. }), Event::Scalar(text, ..)) = (open.last_mut(), &event) {
                if !lines.key(pointer, seen, text, line) {
                    break;
                }
                *key = Some(text.to_string());
                continue;
            }
            let Some(pointer) = lines.value(open.last_mut(), line) else { break };
            if matches!(event, Event::MappingStart(..) | Event::SequenceStart(..)) {
                open.push(Open { pointer, seen, key: None, next: 0 });
            }
            if open.len() > DEEPEST {
                break;
            }
        }
        lines
    }

    /// Notes a key of a mapping.
    fn key(&mut self, pointer: &str, seen: &mut HashMap<String, u64>, key: &str, line: u64) -> bool {
        let at = format!("{pointer}/{}", escaped_key(key));
        if let Some(first) = seen.insert(key.to_owned(), line) {
            self.doubled.push((at.clone(), line, first));
        }
        self.note(at, line)
    }

    /// The pointer of a value, which is noted where no key has a line for it; `None` where a key is no plain text, or there is too much.
    fn value(&mut self, parent: Option<&mut Open>, line: u64) -> Option<String> {
        let pointer = match parent {
            None => String::new(),
            Some(Open { pointer, seen: Some(_), key, .. }) => return Some(format!("{pointer}/{}", escaped_key(&key.take()?))),
            Some(Open { pointer, next, .. }) => {
                *next += 1;
                format!("{pointer}/{}", *next - 1)
            }
        };
        self.note(pointer.clone(), line).then_some(pointer)
    }

    fn note(&mut self, pointer: String, line: u64) -> bool {
        self.spent += pointer.len() + 16;
        self.known.entry(pointer).or_insert(line);
        self.spent <= MOST
    }

    /// The line of a member, or of the nearest that holds it.
    pub fn at(&self, pointer: &str) -> Option<u64> {
        let mut pointer = pointer;
        loop {
            if let Some(line) = self.known.get(pointer) {
                return Some(*line);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn members_have_lines() {
        let lines = Lines::of("a: 1\nb:\n  - {c: 1,\n     d: 2}\n  - e/f: {g: *x}\n");
        let at = |pointer: &str| lines.at(pointer).unwrap();
        assert_eq!((at(""), at("/a"), at("/b"), at("/b/0/c"), at("/b/0/d")), (1, 1, 2, 3, 4));
        assert_eq!((at("/b/1/e~1f"), at("/b/7/nowhere"), at("/zzz")), (5, 2, 1));
        let json = Lines::of("{\n\"a\": [1,\n2], \"b\": {},\n\"a\": 3}");
        assert_eq!((json.at("/a/1"), json.at("/b")), (Some(3), Some(3)));
        assert_eq!(json.doubled, [(String::from("/a"), 4, 2)]);
        for text in ["", "[", "? [a]\n: b", &"[".repeat(10_000), "a: *nothing", "\u{0}"] {
            assert!(Lines::of(text).at("/x").is_none_or(|line| line == 1), "{text:.20}");
        }
    }
}
