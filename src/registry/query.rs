//! What is asked, read: the words of a query, what else they may be called, how much each matters, and whether something is to be shown or
//! changed. What the words find is said in `search`.

use crate::registry::function::Operation;
use crate::registry::vocabulary::{BETWEEN, EITHER, READING, REMOVING, SYNONYMS, WRITING};
use crate::registry::words::{is_weak, plain, rewrite, stem};

/// More words are no question but a text; the first ones count.
const MOST_WORDS: usize = 24;
/// How much of the query is looked at.
const MOST_BYTES: usize = 4096;
/// What a word counts that says little.
const WEAK: f64 = 0.25;
/// What a word counts that says where or of what.
const BESIDE: f64 = 0.8;
/// What two words count that are written as one, or one that is written as two.
const JOINED: f64 = 0.95;
/// What a synonym counts that the table does not rate.
const SYNONYM: f64 = 0.6;

/// One word of a query.
#[derive(Debug, PartialEq)]
pub struct Term {
    /// As it was written.
    pub word: String,
    pub stem: String,
    /// Other stems that mean the same, and how much they count.
    pub others: Vec<(String, f64)>,
    /// How much the word says.
    pub weight: f64,
}

/// What is asked.
#[derive(Debug)]
pub struct Query {
    pub terms: Vec<Term>,
    /// Whether the words ask to be shown something (`Read`) or to change it (`Write`).
    pub intent: Option<Operation>,
    /// Whether something is to go away.
    pub removes: bool,
    /// Whether several of something are asked for.
    pub several: bool,
}

impl Query {
    /// Reads a query; `knows` tells whether anything has a stem.
    pub fn read(text: &str, knows: &dyn Fn(&str) -> bool) -> Self {
        let text = text.get(..text.floor_char_boundary(MOST_BYTES)).unwrap_or(text);
        let mut plain: Vec<String> = text.split_whitespace().flat_map(|word| parted(word, knows)).collect();
        plain.dedup();
        let mut words = rewrite(&plain);
        words.dedup();
        words.truncate(MOST_WORDS);
        let mut terms: Vec<Term> = words.iter().map(|word| term(word)).collect();
        terms.iter_mut().skip(head(&plain)).for_each(|term| term.weight *= BESIDE);
        join(&mut terms, &words, knows);
        let mut first = Vec::new();
        terms.retain(|term| {
            !first.contains(&term.stem) && {
                first.push(term.stem.clone());
                true
            }
        });
        // Words that say little are all that there is: then they say what there is to say.
        if terms.iter().all(|term| term.weight <= WEAK) {
            terms.iter_mut().for_each(|term| term.weight = 1.0);
        }
        let several = words.iter().any(|word| is_plural(word));
        let removes = words.iter().any(|word| is_in(REMOVING, word));
        Self { terms, intent: intent(&words, several), removes, several }
    }
}

/// How many words stand before what only says where or of what: `branches` in `branches of a repository`. All, where nothing does.
fn head(plain: &[String]) -> usize {
    let at = plain.iter().position(|word| BETWEEN.contains(&word.as_str())).unwrap_or(plain.len());
    let before = rewrite(plain.get(..at).unwrap_or_default());
    if before.iter().all(|word| is_weak(&stem(word))) { usize::MAX } else { before.len() }
}

fn term(word: &str) -> Term {
    let stem = stem(word);
    Term { others: synonyms(&stem), weight: if is_weak(&stem) { WEAK } else { 1.0 }, word: word.to_owned(), stem }
}

/// `createIssue` is two words, unless somebody is called so; `pullrequest` is two, if both are known and it is not.
fn parted(text: &str, knows: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut whole = Vec::new();
    for part in text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’') {
        let words = plain(part);
        let known = words.iter().all(|word| knows(&stem(word)));
        let humps = humps(part);
        if !known && humps.len() > 1 {
            whole.extend(humps);
        } else {
            whole.extend(words.into_iter().flat_map(|word| halves(&word, knows).unwrap_or_else(|| vec![word])));
        }
    }
    whole
}

fn humps(word: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut small = false;
    for letter in word.chars() {
        match parts.last_mut() {
            Some(last) if !(small && letter.is_uppercase()) => last.extend(letter.to_lowercase()),
            _ => parts.push(letter.to_lowercase().collect()),
        }
        small = letter.is_lowercase();
    }
    parts
}

fn halves(word: &str, knows: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
    if word.len() < 8 || !word.is_ascii() || knows(&stem(word)) {
        return None;
    }
    let (left, right) = (3..=word.len() - 3).map(|at| word.split_at(at)).find(|(left, right)| knows(&stem(left)) && knows(&stem(right)))?;
    Some(vec![left.to_owned(), right.to_owned()])
}

/// Neighbours that somebody writes as one word (`check list`, `hacker news`) may also mean that word.
fn join(terms: &mut [Term], words: &[String], knows: &dyn Fn(&str) -> bool) {
    for at in 1..words.len() {
        let (Some(left), Some(right)) = (words.get(at - 1), words.get(at)) else { continue };
        let (plain, stems) = (stem(&format!("{left}{right}")), format!("{}{}", stem(left), stem(right)));
        for whole in [plain, stems] {
            if knows(&whole) {
                let both = terms.iter_mut().skip(at - 1).take(2);
                both.filter(|term| term.others.iter().all(|(known, _)| *known != whole)).for_each(|term| {
                    term.others.push((whole.clone(), JOINED));
                    term.weight = 1.0;
                });
            }
        }
    }
}

/// What else a word may be called. The table is compared by stems, but only where the first letters agree.
fn synonyms(asked: &str) -> Vec<(String, f64)> {
    let start: String = asked.chars().take(2).collect();
    let is_asked = |word: &str| word.starts_with(&start) && stem(word) == asked;
    let mut found: Vec<(String, f64)> = Vec::new();
    for (_, meant) in SYNONYMS.iter().filter(|(from, _)| from.split(' ').any(is_asked)) {
        for word in meant.split(' ') {
            let (word, factor) = match word.split_once(':') {
                Some((word, percent)) => (word, percent.parse().map_or(SYNONYM, |percent: f64| percent / 100.0)),
                None => (word, SYNONYM),
            };
            let other = stem(word);
            if other != asked && found.iter().all(|(known, _)| *known != other) {
                found.push((other, factor));
            }
        }
    }
    found
}

/// The first verb tells. A word that is a verb as well as a thing is a verb at the beginning, unless several things are asked for.
fn intent(words: &[String], several: bool) -> Option<Operation> {
    words.iter().enumerate().find_map(|(at, word)| {
        let first = at < 2 && at + 1 < words.len() && !several;
        if is_in(READING, word) {
            Some(Operation::Read)
        } else if is_in(WRITING, word) || (first && is_in(EITHER, word)) {
            Some(Operation::Write)
        } else {
            None
        }
    })
}

fn is_in(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|verb| verb == word || (word.ends_with("ing") && stem(verb) == stem(word)))
}

fn is_plural(word: &str) -> bool {
    word.len() > 3
        && word.ends_with('s')
        && !["ss", "us", "is"].iter().any(|end| word.ends_with(end))
        && stem(word) == stem(&word[..word.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Query {
        let known = ["create", "issu", "pull", "request", "checklist", "hackernew", "check", "list", "github"];
        Query::read(text, &|stem| known.contains(&stem))
    }

    fn stems(text: &str) -> Vec<String> {
        read(text).terms.into_iter().map(|term| term.stem).collect()
    }

    #[test]
    fn words_are_parted_and_joined() {
        assert_eq!(stems("createIssue GitHub"), ["creat", "issu", "github"]);
        assert_eq!(stems("pullrequest"), ["pull", "request"]);
        let joined = read("check list");
        assert!(joined.terms.iter().all(|term| term.others.iter().any(|(other, _)| other == "checklist")), "{joined:?}");
        assert!(stems("").is_empty() && stems("the of and ...").is_empty());
        assert_eq!(read(&"issue ü ".repeat(10_000)).terms.len(), 2);
    }

    #[test]
    fn intent_is_read_from_the_verb() {
        for (text, intent) in [
            ("show my issues", Some(Operation::Read)),
            ("who am i", Some(Operation::Read)),
            ("delete a branch", Some(Operation::Write)),
            ("open a pull request", Some(Operation::Write)),
            ("open pull requests", None),
            ("merge requests", None),
            ("creating an issue", Some(Operation::Write)),
            ("issue", None),
        ] {
            assert_eq!(read(text).intent, intent, "{text}");
        }
    }

    #[test]
    fn words_weigh_by_what_they_say() {
        let query = read("branches of somebody");
        assert_eq!(query.terms.iter().map(|term| term.weight).collect::<Vec<_>>(), [1.0, WEAK * BESIDE]);
        assert!(query.several);
        assert!(read("who are they").terms.iter().all(|term| term.weight >= 1.0), "nothing else is left to say");
    }
}
