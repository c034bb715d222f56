//! Words of strangers made fit for a page: one line without markup and without marks that a terminal or a reader could be misled by.
//! They stay what strangers say: nothing here makes them true.

use crate::base::name::in_plain_sight;

/// Longest description of a function or a provider.
const LONGEST: usize = 300;

/// Longest description of a parameter.
const LONGEST_REMARK: usize = 200;

/// Longest title.
const LONGEST_TITLE: usize = 80;

/// So much of a text is looked at.
const LOOKED_AT: usize = 4_000;

/// The first sentences, with a period; `otherwise` where there are none.
pub fn sentences(text: &str, otherwise: &str) -> String {
    let said = capital(&cut(&plain(text), LONGEST - 1));
    let said = if said.chars().any(char::is_alphanumeric) { said } else { capital(&cut(&plain(otherwise), LONGEST - 1)) };
    match said.chars().next_back() {
        Some('.' | '…') if !said.ends_with('…') => said,
        _ => format!("{}.", said.trim_end_matches([':', ';', ',', '!', '?', ' ', '…', '-'])),
    }
}

/// What is said of a parameter, on one line.
pub fn remark(text: &str) -> String {
    cut(&plain(text), LONGEST_REMARK)
}

/// What is said of a parameter, or what is said otherwise where that is nothing.
pub fn remark_or(text: &str, otherwise: &str) -> String {
    let said = remark(text);
    if said.is_empty() { remark(otherwise) } else { said }
}

/// A title: one line, no period.
pub fn title(text: &str, otherwise: &str) -> String {
    let said = plain(text);
    let short = cut(&said, LONGEST_TITLE);
    let short = short.trim_end_matches(['.', '…', ':', ' ']);
    if short.chars().any(char::is_alphanumeric) { capital(short) } else { capital(otherwise) }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// One line without tags, links, emphasis and control characters.
fn plain(text: &str) -> String {
    let head: String = text.chars().take(LOOKED_AT).collect();
    let seen = in_plain_sight(&head).replace('\u{fffd}', " ");
    let seen = without_links(&without_tags(&seen));
    let lines = seen.lines().map(|line| line.trim().trim_start_matches(['#', '>', '|']).trim());
    // A block of code or a table is no sentence.
    let kept: Vec<&str> = lines.take_while(|line| !line.starts_with("```")).filter(|line| !line.starts_with(":---")).collect();
    let joined = kept.join(" ").replace("**", "").replace("__", "").replace('`', "");
    let joined = ["[!NOTE]", "[!WARNING]", "[!IMPORTANT]", "[!TIP]", "[!CAUTION]"].iter().fold(joined, |text, mark| text.replace(mark, ""));
    joined.split_whitespace().collect::<Vec<_>>().join(" ").trim_start_matches(['*', '-', ' ']).to_owned()
}

/// Leaves out `<b>` and the like; a lone `<` stays.
pub fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match tag.split_once('>').filter(|(name, _)| is_tag && name.len() < 400) {
            Some((_, after)) => {
                plain.push(' ');
                rest = after;
            }
            None => {
                plain.push('<');
                rest = tag;
            }
        }
    }
    plain.push_str(rest);
    plain.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// `[words](address)` is `words`.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        let parts = link.split_once("](").and_then(|(words, after)| Some((words, after.split_once(')')?.1)));
        match parts.filter(|(words, _)| words.len() < 200 && !words.contains(['[', ']', '\n'])) {
            Some((words, after)) => {
                plain.push_str(words);
                rest = after;
            }
            None => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Cut after a sentence where one ends, else between words.
fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let head: String = text.chars().take(longest).collect();
    match head.rfind(". ").filter(|end| *end > 20) {
        Some(end) => head.get(..=end).unwrap_or_default().to_owned(),
        None => {
            let words = head.rsplit_once(' ').map_or(head.as_str(), |(whole, _)| whole);
            format!("{}…", words.chars().take(longest - 1).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_words_become_sentences() {
        assert_eq!(sentences("lists **all** [pets](https://x.example/y), <b>newest</b> first", ""), "Lists all pets, newest first.");
        assert_eq!(sentences("# Heading\nText `code`.\n```\nignored\n```", ""), "Heading Text code.");
        assert_eq!(sentences("  ", "get a pet"), "Get a pet.");
        assert_eq!(sentences("a\u{1b}[31mred\u{202e}x\u{7}", ""), "A [31mred x.");
        assert_eq!(sentences("1 < 2 and 3 > 2", ""), "1 < 2 and 3 > 2.");
        let long = sentences(&format!("{} {}", "First sentence that is long enough. ", "word ".repeat(200)), "");
        assert!(long.chars().count() <= 300 && long.ends_with('.'), "{long}");
        assert!(sentences(&"x".repeat(5_000), "").chars().count() <= 300);
        assert_eq!(title("List pets.", "x"), "List pets");
        assert_eq!(title("…", "list pets"), "List pets");
    }
}
