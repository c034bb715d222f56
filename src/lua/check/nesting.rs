//! How deep a source is nested, counted on its text before a parser goes down into it. It counts too much rather than too little: brackets,
//! blocks, and the operators of one expression. It does not say whether the source is valid.

/// More is refused: brackets and operators count once, blocks [`BLOCK`] times. Luau itself stops near it.
pub const DEEPEST: usize = 800;

/// What a parser needs for a block, compared with a bracket.
const BLOCK: usize = 6;

/// What is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Bracket,
    /// `{` inside an interpolated string: the string goes on behind its `}`.
    Hole,
    Block,
}

impl Open {
    fn weight(self) -> usize {
        if self == Self::Block { BLOCK } else { 1 }
    }
}

struct Level {
    open: Open,
    /// Operators since the last statement began here.
    chain: usize,
    /// An `if` without `end` is part of that chain.
    conditional: bool,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    levels: Vec<Level>,
    /// The sum of all levels and chains.
    depth: usize,
    /// Whether a value may end at the last token, so that what follows begins a statement.
    ended: bool,
}

/// The line where a source gets too deep.
pub fn too_deep(source: &str) -> Option<usize> {
    let mut scan = Scan { bytes: source.as_bytes(), at: 0, line: 1, levels: Vec::new(), depth: 0, ended: true };
    scan.push(Open::Block);
    while scan.at < scan.bytes.len() {
        scan.token();
        if scan.depth > DEEPEST {
            return Some(scan.line);
        }
    }
    None
}

impl Scan<'_> {
    fn push(&mut self, open: Open) {
        self.depth += open.weight();
        self.levels.push(Level { open, chain: 0, conditional: false });
    }

    /// Closes the innermost of these and all that is open inside it; the outermost level stays.
    fn pop(&mut self, wanted: &[Open]) -> Option<Open> {
        let found = self.levels.iter().skip(1).rposition(|level| wanted.contains(&level.open))? + 1;
        let open = self.levels[found].open;
        self.depth -= self.levels.drain(found..).map(|level| level.chain + level.open.weight()).sum::<usize>();
        Some(open)
    }

    fn operator(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.chain += 1;
            self.depth += 1;
        }
        self.ended = false;
    }

    /// A statement begins or an expression is over for sure.
    fn reset(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.depth -= level.chain;
            (level.chain, level.conditional) = (0, false);
        }
    }

    fn ahead(&self, by: usize) -> u8 {
        self.bytes.get(self.at + by).copied().unwrap_or(0)
    }

    fn step(&mut self) {
        self.line += usize::from(self.ahead(0) == b'\n');
        self.at += 1;
    }

    fn token(&mut self) {
        match self.ahead(0) {
            b'-' if self.ahead(1) == b'-' => self.comment(),
            b'"' | b'\'' => self.quoted(),
            b'`' => self.interpolated(),
            b'[' if self.long().is_some() => self.long_text(),
            b'(' | b'[' | b'{' => {
                self.push(Open::Bracket);
                self.ended = false;
                self.step();
            }
            b')' | b']' | b'}' => self.close(),
            b'=' if self.ahead(1) != b'=' => {
                self.reset();
                self.ended = false;
                self.step();
            }
            b'.' if self.ahead(1) != b'.' => self.step(),
            b',' | b';' => {
                // A comma does not end `A<B, C<D, …`.
                if self.ahead(0) == b';' {
                    self.reset();
                }
                self.ended = false;
                self.step();
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => self.word(),
            byte if byte.is_ascii_whitespace() || byte >= 0x80 => self.step(),
            _ => self.punctuation(),
        }
    }

    /// Operators; `+=` and its like begin an expression.
    fn punctuation(&mut self) {
        let first = self.ahead(0);
        let mut length = 1;
        while matches!(self.ahead(length), b'=' | b'.' | b'/' | b'>' | b':') && length < 3 {
            length += 1;
        }
        let assigns = self.ahead(length - 1) == b'=' && !matches!(first, b'=' | b'<' | b'>' | b'~');
        if assigns {
            self.reset();
        } else if first != b':' || self.ahead(1) == b':' {
            self.operator();
        }
        self.ended = false;
        self.at += length;
    }

    fn close(&mut self) {
        self.step();
        self.ended = true;
        if self.pop(&[Open::Bracket, Open::Hole]) == Some(Open::Hole) {
            self.text_with_holes();
        }
    }

    fn word(&mut self) {
        let start = self.at;
        while self.ahead(0).is_ascii_alphanumeric() || self.ahead(0) == b'_' {
            self.at += 1;
        }
        let before = self.ended;
        self.ended = false;
        match &self.bytes[start..self.at] {
            b"if" => self.condition(before),
            b"function" | b"do" => self.block(),
            b"repeat" => {
                self.reset();
                self.block();
            }
            b"end" | b"until" => {
                self.pop(&[Open::Block]);
                self.ended = true;
            }
            b"then" | b"else" | b"elseif" => {
                if !self.levels.last().is_some_and(|level| level.conditional) {
                    self.reset();
                    self.ended = true;
                }
            }
            b"and" | b"or" | b"not" => self.operator(),
            b"local" | b"return" | b"while" | b"for" | b"break" => self.reset(),
            _ => self.ended = true,
        }
    }

    /// Behind a block's first word a statement begins.
    fn block(&mut self) {
        self.push(Open::Block);
        self.ended = true;
    }

    /// `if` where a value is expected has no `end`.
    fn condition(&mut self, statement: bool) {
        if statement {
            self.reset();
            self.push(Open::Block);
            // What follows is a condition.
            self.ended = false;
        } else {
            self.operator();
            if let Some(level) = self.levels.last_mut() {
                level.conditional = true;
            }
        }
    }

    fn comment(&mut self) {
        self.at += 2;
        if self.ahead(0) == b'[' && self.long().is_some() {
            let ended = self.ended;
            self.long_text();
            self.ended = ended;
        } else {
            while self.at < self.bytes.len() && self.ahead(0) != b'\n' {
                self.at += 1;
            }
        }
    }

    /// The number of `=` of `[==[`.
    fn long(&self) -> Option<usize> {
        let equals = self.bytes[self.at + 1..].iter().take_while(|byte| **byte == b'=').count();
        (self.ahead(1 + equals) == b'[').then_some(equals)
    }

    fn long_text(&mut self) {
        let end = [b"]".as_slice(), &vec![b'='; self.long().unwrap_or(0)], b"]"].concat();
        let length =
            self.bytes[self.at..].windows(end.len()).position(|window| window == end).map_or(self.bytes.len(), |at| at + end.len());
        let until = (self.at + length).min(self.bytes.len());
        while self.at < until {
            self.step();
        }
        self.ended = true;
    }

    fn quoted(&mut self) {
        let quote = self.ahead(0);
        self.at += 1;
        while self.at < self.bytes.len() && self.ahead(0) != quote && self.ahead(0) != b'\n' {
            self.escaped();
        }
        self.step();
        self.ended = true;
    }

    /// One character of a string, with the backslash before it.
    fn escaped(&mut self) {
        if self.ahead(0) == b'\\' {
            self.at += 1;
        }
        self.step();
    }

    fn interpolated(&mut self) {
        self.at += 1;
        self.text_with_holes();
    }

    fn text_with_holes(&mut self) {
        while self.at < self.bytes.len() {
            match self.ahead(0) {
                b'`' => break,
                b'{' => {
                    self.at += 1;
                    self.push(Open::Hole);
                    self.ended = false;
                    return;
                }
                _ => self.escaped(),
            }
        }
        self.at += 1;
        self.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_is_counted() {
        let many = DEEPEST + 1;
        for (before, part) in [
            ("return ", "("),
            ("return ", "{"),
            ("return ", "- "),
            ("return ", "not "),
            ("return ", "a .. "),
            ("return ", "a + "),
            ("", "do "),
            ("", "repeat "),
            ("", "if a then "),
            ("", "local function f() "),
            ("return ", "if a then b else "),
            ("return ", "if "),
            ("type A = ", "A<B, "),
            ("return ", "`{"),
            ("return ", "f(function() "),
            ("local a: ", "() -> "),
        ] {
            assert_eq!(too_deep(&format!("{before}{}", part.repeat(many))), Some(1), "{part}");
            assert_eq!(too_deep(&format!("{before}{}", part.repeat(DEEPEST / 16))), None, "{part}");
        }
    }

    #[test]
    fn what_stands_side_by_side_is_not() {
        for part in [
            "f(a + b)\n",
            "local x = a + b .. c\n",
            "x += 1\n",
            "if a < b then f() elseif c < d then g() else h() end\n",
            "while a < b do f() end\n",
            "repeat f() until a < b\n",
            "local x = if a then b else c\n",
            "-- ((((\n",
            "--[[ ((( ]]\n",
            "print(`it's {a + b} of {c}`)\n",
            "f'('\n",
            "f[[((]]\n",
            "for i = 1, #t do f(t[i]) end\n",
            "local function f() return -1 end\n",
            "t[1] = {a = 1, b = -2}\n",
            "x ..= \"a\"\n",
            "if not a then return end\n",
        ] {
            assert_eq!(too_deep(&part.repeat(DEEPEST * 2)), None, "{part}");
        }
        assert_eq!(too_deep(&format!("\n\n{}", "(".repeat(DEEPEST))), Some(3));
    }
}
