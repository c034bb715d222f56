//! Makes the words of two runs equal: folders, ids, times, durations and ports become names in brackets.

use std::path::Path;

/// A text in which nothing differs from run to run.
pub fn normalised(text: &str, folder: &Path) -> String {
    let mut text = text.to_owned();
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    for folder in [real.as_path(), folder] {
        text = text.replace(&folder.display().to_string(), "[folder]");
    }
    let (mut out, mut rest) = (String::new(), text.as_str());
    while let Some(c) = rest.chars().next() {
        match (!out.ends_with(char::is_alphanumeric)).then(|| replaced(&out, rest)).flatten() {
            Some((length, name)) => {
                out.push_str(name);
                rest = &rest[length..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

/// How many bytes at the beginning of `rest` differ from run to run, and what stands for them.
fn replaced(before: &str, rest: &str) -> Option<(usize, &'static str)> {
    const UUID: &str = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    const TICKET: &str = "apr_hhhhhhhhhhhh";
    let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let digits = number > 0 && !rest.starts_with('.');
    if before.ends_with("\"duration_ms\":") || before.ends_with("\"duration_ms\": ") {
        return digits.then_some((number, "[ms]"));
    }
    if before.ends_with("127.0.0.1:") || before.ends_with("localhost:") {
        return digits.then_some((number, "[port]"));
    }
    if fits(rest, UUID) {
        return Some((UUID.len(), "[id]"));
    }
    if fits(rest, TICKET) {
        return Some((TICKET.len(), "[ticket]"));
    }
    if digits && rest[number..].starts_with(" ms") && !rest[number + 3..].starts_with(char::is_alphanumeric) {
        return Some((number, "[n]"));
    }
    time(rest).map(|length| (length, "[time]"))
}

/// RFC 3339 to the second at least, with its zone.
fn time(rest: &str) -> Option<usize> {
    const SECONDS: &str = "dddd-dd-ddTdd:dd:dd";
    if !fits(rest, SECONDS) {
        return None;
    }
    let mut length = SECONDS.len();
    if let Some(fraction) = rest[length..].strip_prefix('.') {
        length += 1 + fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
    }
    let zone = &rest[length..];
    match zone.chars().next()? {
        'Z' => Some(length + 1),
        '+' | '-' if fits(&zone[1..], "dd:dd") => Some(length + "+00:00".len()),
        _ => None,
    }
}

/// Whether a text begins as a pattern says: `h` a hexadecimal digit, `d` a digit, others themselves.
fn fits(text: &str, pattern: &str) -> bool {
    let mut chars = text.chars();
    pattern.chars().all(|wanted| {
        chars.next().is_some_and(|c| match wanted {
            'h' => c.is_ascii_hexdigit(),
            'd' => c.is_ascii_digit(),
            _ => c == wanted,
        })
    })
}

mod tests {
    use std::path::Path;

    use super::normalised;

    #[test]
    fn what_differs_is_named_and_nothing_else() {
        let text = "/tmp/x1/angelia/config \"call_id\":\"0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b\" approve apr_0123456789ab \
            2026-11-21T11:02:59.682Z 2026-11-21T11:02:59+01:00 \"duration_ms\":0.8, \"duration_ms\": 12} took 1.5 ms \
            http://127.0.0.1:4321/a";
        let expected = "[folder]/angelia/config \"call_id\":\"[id]\" approve [ticket] \
            [time] [time] \"duration_ms\":[ms], \"duration_ms\": [ms]} took [n] ms http://127.0.0.1:[port]/a";
        assert_eq!(normalised(text, Path::new("/tmp/x1")), expected);
        let same = "within 60 seconds, 2026-11-21, apr_, 12 msgs, 1193a1b2-c3d4, 10.0.0.1:80, ü";
        assert_eq!(normalised(same, Path::new("/tmp/x1")), same);
    }
}
