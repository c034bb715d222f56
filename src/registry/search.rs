//! Ranked search over the index: words of the query against words of names, titles, synonyms, providers, descriptions
//! and parameters; beginnings and near spellings count less. Only the best hits are read in full.

use std::collections::HashMap;

use crate::registry::index::{Index, Unreadable, Vocabulary};
use crate::registry::words::words;

/// One function found: its number in the index and how well it fits.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub number: u32,
    pub score: f64,
}

/// All indexes that are searched together: how rare a word is, is a matter of all of them, so that hits of a small one and of a
/// large one can be compared.
pub struct Library<'a> {
    parts: Vec<(&'a Index, Vocabulary<'a>)>,
    functions: u32,
}

impl<'a> Library<'a> {
    /// Opens the vocabularies of indexes that hold so many functions together.
    pub fn open(indexes: impl Iterator<Item = &'a Index>, functions: u32) -> Result<Self, Unreadable> {
        let parts = indexes.map(|index| Ok((index, index.vocabulary()?))).collect::<Result<_, Unreadable>>()?;
        Ok(Self { parts, functions })
    }

    /// How rare a token is that so many functions of one part have.
    fn rarity(&self, part: usize, token: &str, own: usize) -> Result<f64, Unreadable> {
        let mut known = own;
        for (_, (index, vocabulary)) in self.parts.iter().enumerate().filter(|(number, _)| *number != part) {
            let at = vocabulary.lower_bound(token);
            if at < vocabulary.len() && vocabulary.token(at) == token {
                known += index.postings(at)?.len();
            }
        }
        Ok((1.0 + f64::from(self.functions) / (1.0 + known as f64)).ln())
    }
}

/// The best hits of one index of a library for a query, best first.
pub fn search(library: &Library<'_>, part: usize, query: &str, keep: &dyn Fn(u32) -> bool, limit: usize) -> Result<Vec<Hit>, Unreadable> {
    let Some((index, vocabulary)) = library.parts.get(part) else { return Ok(Vec::new()) };
    let mut terms = words(query);
    terms.dedup();
    terms.truncate(24);
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let mut scores: HashMap<u32, (f64, u32)> = HashMap::new();
    for term in &terms {
        let mut best: HashMap<u32, f64> = HashMap::new();
        // A longer or near spelling is not worth more for being rare: the word itself, which comes first, sets the value.
        let mut most = f64::MAX;
        for (token, factor) in matches(vocabulary, term) {
            let postings = index.postings(token)?;
            let rarity = library.rarity(part, vocabulary.token(token), postings.len())?.min(most);
            most = rarity;
            for (number, weight) in postings {
                let score = f64::from(weight) * rarity * factor;
                let known = best.entry(number).or_insert(0.0);
                *known = known.max(score);
            }
        }
        for (number, score) in best {
            let known = scores.entry(number).or_insert((0.0, 0));
            known.0 += score;
            known.1 += 1;
        }
    }
    let wanted = terms.len() as f64;
    let mut hits: Vec<Hit> = scores
        .into_iter()
        .filter(|(number, _)| keep(*number))
        .map(|(number, (score, matched))| Hit { number, score: score * (f64::from(matched) / wanted).powi(2) })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.number.cmp(&b.number)));
    hits.truncate(limit);
    Ok(hits)
}

/// Tokens that a term stands for, each with how much it counts.
fn matches(vocabulary: &Vocabulary<'_>, term: &str) -> Vec<(usize, f64)> {
    let start = vocabulary.lower_bound(term);
    let mut found = Vec::new();
    for number in start..vocabulary.len() {
        let token = vocabulary.token(number);
        if token == term {
            found.push((number, 1.0));
        } else if term.len() >= 3 && token.starts_with(term) {
            found.push((number, 0.6));
        } else {
            break;
        }
    }
    if found.is_empty() && term.chars().count() >= 4 {
        let most = if term.chars().count() >= 8 { 2 } else { 1 };
        for number in 0..vocabulary.len() {
            let token = vocabulary.token(number);
            if token.len().abs_diff(term.len()) <= most && strsim::osa_distance(token, term) <= most {
                found.push((number, 0.5));
            }
        }
    }
    found
}

/// How well a function's own name fits a query, from 1: a name that says little else than what was asked comes first, and so does
/// one whose verb was asked for.
pub fn name_fit(query: &str, name: &str) -> f64 {
    let asked = words(query);
    let own = words(name.rsplit('.').next().unwrap_or(name));
    let said = own.iter().filter(|word| asked.contains(word)).count();
    let verb = own.first().is_some_and(|verb| asked.contains(verb));
    1.0 + 0.3 * said as f64 / own.len().max(1) as f64 + if verb { 0.1 } else { 0.0 }
}
