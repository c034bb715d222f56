//! Values of strangers where somebody else reads them: in a shell's words, in Lua, in a URL, on a page. They stay what they are wherever they
//! can be written without a character that a terminal acts on.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

use crate::base::json::plain;
use crate::base::name::in_plain_sight;

/// Longest value of a closed list or default that a page shows whole.
const LONGEST_VALUE: usize = 120;

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Text or bytes as a part of a URL.
pub fn percent(part: impl AsRef<[u8]>) -> String {
    percent_encode(part.as_ref(), RESERVED).to_string()
}

/// A text as one word of a shell.
pub fn shell(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@,+=".contains(c));
    if plain {
        return text.to_owned();
    }
    if !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    // Bytes that a terminal acts on are written as bash and zsh read them.
    let mut quoted = String::from("$'");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| quoted.push_str(&format!("\\x{byte:02x}"))),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A text as Lua reads it.
pub fn lua(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A value on one line, without what a terminal or a reader could be misled by.
pub fn shown(value: &Value) -> String {
    let long = in_plain_sight(&plain(value)).replace(['\n', '\t'], " ");
    if long.chars().count() > LONGEST_VALUE { format!("{}…", long.chars().take(LONGEST_VALUE).collect::<String>()) } else { long }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal() {
        let bad = "it's \u{1b}]0;t\u{7}\u{9b}\n\\";
        assert_eq!(shell(bad), "$'it\\'s \\x1b]0;t\\x07\\xc2\\x9b\\n\\\\'");
        assert_eq!(shell("it's"), "'it'\\''s'");
        assert_eq!(percent("a/b ~é"), "a%2Fb%20~%C3%A9");
        assert_eq!(lua(bad), "\"it's \\u{1b}]0;t\\u{7}\\u{9b}\\n\\\\\"");
        assert_eq!(shown(&Value::from("a\n\u{1b}b\u{202e}")), "a \u{fffd}b\u{fffd}");
        assert_eq!(shown(&Value::from("long ".repeat(100))).chars().count(), LONGEST_VALUE + 1);
    }
}
