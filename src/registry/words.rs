//! Text to search words: lower case, split at everything that is no letter or digit, short forms spelt out, endings cut, British spelling
//! made American. The same for what is indexed and what is asked. Shared with the build script. Languages other than English are deliberately
//! left as they are written.

use rust_stemmers::{Algorithm, Stemmer};

use crate::registry::vocabulary::{ENDINGS, FORMS, REWRITES, STOP, WEAK};

/// The longest run of words that is rewritten.
const LONGEST_REWRITE: usize = 3;
/// A longer word is no word of any language: only its beginning counts.
const LONGEST_WORD: usize = 40;

/// The words of a text as they are indexed, in order, stop words left out.
pub fn words(text: &str) -> Vec<String> {
    rewrite(&plain(text)).iter().map(|word| stem(word)).collect()
}

/// The words of a text in lower case, possessives cut.
pub fn plain(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.to_lowercase().replace('’', "'"))
        .map(|word| word.strip_suffix("'s").unwrap_or(&word).replace('\'', ""))
        .filter(|word| !word.is_empty())
        .map(|word| if word.chars().count() > LONGEST_WORD { word.chars().take(LONGEST_WORD).collect() } else { word })
        .collect()
}

/// Short forms spelt out, what is one thing made one word, stop words left out.
pub fn rewrite(words: &[String]) -> Vec<String> {
    let mut whole = Vec::new();
    let mut rest = words;
    while let Some((first, after)) = rest.split_first() {
        let found = (1..=LONGEST_REWRITE.min(rest.len())).rev().find_map(|length| {
            let run = rest.get(..length)?.join(" ");
            REWRITES.iter().find(|(from, _)| *from == run).map(|(_, to)| (length, *to))
        });
        match found {
            Some((length, to)) => {
                whole.extend(to.split(' ').map(str::to_owned));
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                whole.push(first.clone());
                rest = after;
            }
        }
    }
    whole.retain(|word| !STOP.contains(&word.as_str()));
    whole
}

/// A word without its ending.
pub fn stem(word: &str) -> String {
    let word = FORMS.iter().find(|(form, _)| *form == word).map_or(word, |(_, base)| base);
    let american = ENDINGS.iter().find_map(|(british, american)| {
        let start = word.strip_suffix(british).filter(|start| start.chars().count() >= 3)?;
        Some(format!("{start}{american}"))
    });
    Stemmer::create(Algorithm::English).stem(american.as_deref().unwrap_or(word)).into_owned()
}

/// Whether a stem says little about what is meant.
pub fn is_weak(stem: &str) -> bool {
    WEAK.contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::words;

    fn meet(a: &str, b: &str) {
        assert_eq!(words(a), words(b));
    }

    #[test]
    fn forms_of_a_word_meet() {
        meet("List the issues of Repositories", "listed issue repository");
        meet("creating created creates creation", "create create create create");
        meet("cancelling cancelled cancellation canceled", "cancel cancel cancel cancel");
        meet("settings deletion of branches", "setting delete branch");
        meet("people, children, statuses, indices", "person child status index");
        meet("who sent and paid", "who send and pay");
    }

    #[test]
    fn spellings_and_short_forms_meet() {
        meet("organisation colours catalogue", "organization color catalog");
        meet("e-mail to-do", "email todo");
        meet("who am i", "whoami");
        meet("PRs of a repo", "pull requests repository");
        meet("somebody's page", "somebody page");
    }

    #[test]
    fn any_text_is_split() {
        for text in ["", "  ", "🗂🗂", "İSTANBUL'", "''''", "'s", "ß's"] {
            assert!(words(text).len() < 3, "{text}");
        }
        assert_eq!(words(&"x".repeat(1 << 20)).first().map(String::len), Some(40));
    }
}
