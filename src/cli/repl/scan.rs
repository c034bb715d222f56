//! Lua source as words and signs, as far as completion and unfinished input need them. The grammar is deliberately not known here:
//! whether a statement is complete is the compiler's word, except inside of strings and comments, where it only says "malformed".

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// A sign; dots and colons that stand together are one.
    Sign,
    /// A string.
    Text,
}

/// A piece of the source.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Byte where it starts.
    pub start: usize,
}

impl Token<'_> {
    /// Byte after it.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this sign.
    pub fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }
}

/// Where the source ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Code,
    /// In a string or comment of one line.
    Line,
    /// In a string or comment that goes on in the next line.
    Open,
}

/// Tokens of a source, without comments, and where it ends.
pub fn scan(source: &str) -> (Vec<Token<'_>>, End) {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let comment = rest.starts_with("--");
        let (kind, length, end) = if comment {
            let (length, end) = self::comment(rest);
            (None, length, end)
        } else if first.is_whitespace() {
            (None, first.len_utf8(), End::Code)
        } else if let Some((length, end)) = long(rest) {
            (Some(Kind::Text), length, end)
        } else if matches!(first, '"' | '\'' | '`') {
            let (length, end) = quoted(rest, first);
            (Some(Kind::Text), length, end)
        } else if word(first) {
            (Some(Kind::Word), rest.find(|c| !word(c)).unwrap_or(rest.len()), End::Code)
        } else if matches!(first, '.' | ':') {
            (Some(Kind::Sign), rest.find(|c| c != first).unwrap_or(rest.len()), End::Code)
        } else {
            (Some(Kind::Sign), first.len_utf8(), End::Code)
        };
        if end != End::Code {
            return (tokens, end);
        }
        tokens.extend(kind.map(|kind| Token { kind, text: &rest[..length], start: at }));
        at += length;
    }
    (tokens, End::Code)
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Length of a comment.
fn comment(rest: &str) -> (usize, End) {
    if let Some((length, end)) = long(&rest[2..]) {
        return (length + 2, end);
    }
    rest.find('\n').map_or((rest.len(), End::Line), |length| (length, End::Code))
}

/// Length of what long brackets hold: `[[…]]`, `[=[…]=]`.
fn long(rest: &str) -> Option<(usize, End)> {
    let level = rest.strip_prefix('[')?.find(|c| c != '=')?;
    if !rest[level + 1..].starts_with('[') {
        return None;
    }
    let close = format!("]{}]", "=".repeat(level));
    let from = level + 2;
    Some(match rest[from..].find(&close) {
        Some(length) => (from + length + close.len(), End::Code),
        None => (rest.len(), End::Open),
    })
}

/// Length of a string in quotes; a line break that is not escaped ends it too.
fn quoted(rest: &str, quote: char) -> (usize, End) {
    let mut skips = false;
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                None => return (rest.len(), End::Open),
                Some((_, after)) => skips = after == 'z',
            },
            '\n' if skips => {}
            '\n' => return (at, End::Code),
            c if c == quote => return (at + c.len_utf8(), End::Code),
            c => skips = skips && c.is_whitespace(),
        }
    }
    (rest.len(), if skips || rest.ends_with("\\\n") { End::Open } else { End::Line })
}

#[cfg(test)]
mod tests {
    use super::{End, scan};

    fn words(source: &str) -> Vec<&str> {
        scan(source).0.iter().map(|token| token.text).collect()
    }

    #[test]
    fn names_signs_and_strings_are_told_apart() {
        assert_eq!(words("a.b:c(1, 'x y')"), ["a", ".", "b", ":", "c", "(", "1", ",", "'x y'", ")"]);
        assert_eq!(words("a..b -- c\n[==[ ]] ]==] t[ [[k]] ]"), ["a", "..", "b", "[==[ ]] ]==]", "t", "[", "[[k]]", "]"]);
        assert_eq!(words(r#""a\"b" é --[[ x ]] y"#), [r#""a\"b""#, "é", "y"]);
    }

    #[test]
    fn the_end_is_known() {
        for (source, end) in [
            ("x = 1", End::Code),
            ("x = \"a", End::Line),
            ("x -- a", End::Line),
            ("x -- a\n", End::Code),
            ("x = [[a\n", End::Open),
            ("--[=[ a ]]", End::Open),
            ("x = 'a\\", End::Open),
            ("x = 'a\\\n", End::Open),
            ("x = 'a\\z  \n ", End::Open),
            ("x = 'a\n", End::Code),
            ("x = [[a]]", End::Code),
        ] {
            assert_eq!(scan(source).1, end, "{source:?}");
        }
    }
}
