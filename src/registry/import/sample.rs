//! A text that a regular expression probably matches: enough of them to make examples for what a description demands. What is not understood
//! gives nothing; whoever asks checks the text anyway.

/// Longest text that is made.
const LONGEST: usize = 2_000;

/// How deep groups may nest.
const DEEPEST: usize = 12;

/// A short text that a pattern matches, if the pattern is one of the usual ones.
pub fn of_pattern(pattern: &str) -> Option<String> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut reader = Reader { letters: &letters, at: 0 };
    let made = reader.choice(0)?;
    (reader.at == letters.len() && made.len() <= LONGEST).then_some(made)
}

struct Reader<'a> {
    letters: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn skip(&mut self, text: &str) -> bool {
        let length = text.chars().count();
        let found = self.letters.get(self.at..self.at + length).is_some_and(|part| part.iter().copied().eq(text.chars()));
        if found {
            self.at += length;
        }
        found
    }

    /// The first of several ways that can be made; the others are read over.
    fn choice(&mut self, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return None;
        }
        let mut made = self.sequence(depth)?;
        while self.skip("|") {
            let other = self.sequence(depth)?;
            if made.is_empty() {
                made = other;
            }
        }
        Some(made)
    }

    fn sequence(&mut self, depth: usize) -> Option<String> {
        let mut made = String::new();
        while let Some(letter) = self.peek() {
            if matches!(letter, '|' | ')') {
                break;
            }
            self.at += 1;
            let piece = match letter {
                '^' | '$' => continue,
                '(' => self.group(depth)?,
                '[' => self.class()?.to_string(),
                '\\' => self.escape()?,
                '.' => String::from("a"),
                '*' | '+' | '?' => return None,
                plain => plain.to_string(),
            };
            let (least, most) = self.times()?;
            let count = if least == 0 && most > 0 && piece.len() == 1 { 1 } else { least };
            for _ in 0..count {
                made.push_str(&piece);
                if made.len() > LONGEST {
                    return None;
                }
            }
        }
        Some(made)
    }

    fn group(&mut self, depth: usize) -> Option<String> {
        let looks = ["?=", "?!", "?<=", "?<!"].iter().any(|mark| self.skip(mark));
        if !looks && !self.skip("?:") && self.skip("?") {
            // A named group: (?<name>…) or (?P<name>…).
            self.skip("P");
            while self.next()? != '>' {}
        }
        let made = self.choice(depth + 1)?;
        self.skip(")").then_some(if looks { String::new() } else { made })
    }

    /// One letter of a class; of a negated one, a letter that is not in it.
    fn class(&mut self) -> Option<char> {
        let negated = self.skip("^");
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut first = true;
        loop {
            let letter = self.next()?;
            if letter == ']' && !first {
                break;
            }
            first = false;
            let low = if letter == '\\' { self.escape()?.chars().next()? } else { letter };
            let ranged = self.peek() == Some('-') && self.letters.get(self.at + 1).is_some_and(|next| *next != ']');
            if ranged {
                self.at += 1;
                let high = self.next()?;
                let high = if high == '\\' { self.escape()?.chars().next()? } else { high };
                ranges.push((low, high));
            } else {
                ranges.push((low, low));
            }
        }
        let holds = |letter: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter));
        let usual = "a1Ax0-_ b".chars();
        if negated {
            return usual.chain('c'..='z').find(|letter| !holds(*letter));
        }
        usual.into_iter().find(|letter| holds(*letter)).or_else(|| ranges.first().map(|(low, _)| *low))
    }

    fn escape(&mut self) -> Option<String> {
        Some(match self.next()? {
            'd' => String::from("1"),
            'w' | 'S' | 'D' => String::from("a"),
            's' => String::from(" "),
            'W' => String::from("-"),
            'n' => String::from("\n"),
            't' => String::from("\t"),
            'r' => String::from("\r"),
            'b' | 'B' | 'A' | 'z' | 'Z' => String::new(),
            'u' | 'x' | 'p' | 'P' | 'k' | '0'..='9' => return None,
            other => other.to_string(),
        })
    }

    fn times(&mut self) -> Option<(usize, usize)> {
        let times = match self.peek() {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => {
                let end = self.letters.get(self.at..)?.iter().position(|letter| *letter == '}')?;
                let inner: String = self.letters.get(self.at + 1..self.at + end)?.iter().collect();
                self.at += end;
                let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
                (least.trim().parse().ok()?, most.trim().parse().unwrap_or(usize::MAX))
            }
            _ => return Some((1, 1)),
        };
        self.at += 1;
        // Lazy and possessive marks change nothing here.
        let _ = self.skip("?") || self.skip("+");
        Some(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_patterns_are_matched() {
        let table = [
            "^[a-z]{3}$",
            "^[A-Za-z0-9_-]+$",
            r"^\d{4}-\d{2}-\d{2}$",
            "^(foo|bar)$",
            r"^arn:aws:iam::\d{12}:role/.*$",
            "[^/]+",
            "^#?[0-9a-f]{6}$",
            r"^(?:\+|00)[1-9][0-9]{1,14}$",
            r"[\s\S]*",
            "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}$",
            "^[A-Z]{2}(-[A-Z]{2})?$",
            r"^\S+@\S+\.\S+$",
            "",
        ];
        for pattern in table {
            let made = of_pattern(pattern).unwrap_or_else(|| panic!("{pattern}"));
            let schema = serde_json::json!({"pattern": pattern});
            assert_eq!(crate::registry::schema::valid(&schema, &made.as_str().into()), Ok(()), "{pattern}: {made}");
        }
        for pattern in ["(", "[a", "a{2", "+", r"\p{L}", &"(".repeat(100), "a{999999999}"] {
            assert_eq!(of_pattern(pattern), None, "{pattern}");
        }
    }
}
