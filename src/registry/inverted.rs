//! The search part of the compiled catalog: for every word the functions and providers that have it, and for every function its short texts
//! (name, title, synonyms) as numbers of words. Written when a catalog is compiled, read by search; what a match is worth is said in `search`. Shared with the build script.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::registry::function::Function;
use crate::registry::index::{Unreadable, u32_at};
use crate::registry::manifest::Provider;
use crate::registry::words::{is_weak, plain, rewrite, words};

/// How much a word says about a provider that is called so.
pub const NAMED: u8 = 10;
/// And that of one that stands in a synonym of it.
pub const SYNONYM: u8 = 5;
/// A phrase of more words is no synonym but a text.
const LONGEST_PHRASE: usize = 12;

/// Who has a word, each with how much it says: functions, then providers by their place in the directory. Numbers are distances from the one before.
#[derive(Default, Serialize, Deserialize)]
pub struct Postings {
    /// How many of each: read alone where only that is asked.
    counts: (u32, u32),
    functions: Vec<(u32, u8)>,
    providers: Vec<(u32, u8)>,
}

impl Postings {
    pub fn functions(&self) -> impl Iterator<Item = (u32, u8)> {
        whole(&self.functions)
    }

    pub fn providers(&self) -> impl Iterator<Item = (u32, u8)> {
        whole(&self.providers)
    }

    /// How many functions and providers a word has, read from its packed postings.
    pub fn counts(packed: &[u8]) -> Result<(u32, u32), Unreadable> {
        postcard::take_from_bytes(packed).map(|(counts, _)| counts).map_err(|error| Unreadable(error.to_string()))
    }
}

fn whole(distances: &[(u32, u8)]) -> impl Iterator<Item = (u32, u8)> {
    distances.iter().scan(0_u32, |at, (distance, weight)| {
        *at = at.saturating_add(*distance);
        Some((*at, *weight))
    })
}

fn distances(numbers: &BTreeMap<u32, u8>) -> Vec<(u32, u8)> {
    let mut before = 0;
    numbers.iter().map(|(number, weight)| (number - std::mem::replace(&mut before, *number), *weight)).collect()
}

/// Gathers words while a catalog is compiled.
#[derive(Default)]
pub struct Builder {
    numbers: HashMap<String, u32>,
    lists: Vec<(BTreeMap<u32, u8>, BTreeMap<u32, u8>)>,
    phrases: Vec<Vec<Vec<u32>>>,
    spellings: BTreeSet<String>,
}

/// What the file holds of it: each part with where its pieces end.
pub struct Packed {
    pub tokens: (Vec<u8>, Vec<u8>),
    pub postings: (Vec<u8>, Vec<u8>),
    pub phrases: (Vec<u8>, Vec<u8>),
    /// Words as they are written, a line each: what a wrong one is compared with.
    pub spellings: String,
}

impl Builder {
    /// Words of a provider at this place of the directory; they stand for each of its functions.
    pub fn provider(&mut self, place: u32, provider: &Provider) {
        for name in [&provider.id, &provider.title] {
            let parts = words(name);
            self.spell(name);
            // One word of a longer name is hardly a name: `open` alone does not mean Open-Meteo.
            let weight = if parts.len() > 1 { 4 } else { NAMED };
            parts.iter().for_each(|word| self.provider_word(word, place, weight));
            self.provider_word(&parts.concat(), place, NAMED);
        }
        for (text, weight) in
            provider.synonyms.iter().map(|text| (text, SYNONYM)).chain([(&provider.category, 2), (&provider.description, 2)])
        {
            for word in words(text).iter().filter(|word| !is_weak(word)) {
                self.provider_word(word, place, weight);
            }
        }
    }

    /// Words and phrases of the next function.
    pub fn function(&mut self, number: u32, function: &Function) {
        let mut phrases: Vec<Vec<u32>> = Vec::new();
        let texts = [(&function.id, 10), (&function.title, 8)].into_iter().chain(function.synonyms.iter().map(|text| (text, 8)));
        for (text, weight) in texts {
            self.spell(text);
            let mut phrase: Vec<u32> = words(text).iter().map(|word| self.function_word(word, number, weight)).collect();
            phrase.truncate(LONGEST_PHRASE);
            if !phrase.is_empty() && !phrases.contains(&phrase) {
                phrases.push(phrase);
            }
        }
        let known: HashSet<String> = words(&function.description).into_iter().filter(|word| !is_weak(word)).collect();
        for word in &known {
            self.function_word(word, number, 3);
        }
        for name in function.parameters.keys() {
            for word in words(name).iter().filter(|word| !is_weak(word)) {
                self.function_word(word, number, 1);
            }
        }
        self.phrases.push(phrases);
    }

    fn spell(&mut self, text: &str) {
        let long = rewrite(&plain(text)).into_iter().filter(|word| word.len() > 3);
        self.spellings.extend(long);
    }

    fn provider_word(&mut self, word: &str, place: u32, weight: u8) {
        let token = self.number(word);
        if let Some((_, providers)) = self.lists.get_mut(token as usize) {
            let known = providers.entry(place).or_insert(0);
            *known = weight.max(*known);
        }
    }

    fn function_word(&mut self, word: &str, number: u32, weight: u8) -> u32 {
        let token = self.number(word);
        if let Some((functions, _)) = self.lists.get_mut(token as usize) {
            let known = functions.entry(number).or_insert(0);
            *known = weight.max(*known);
        }
        token
    }

    fn number(&mut self, word: &str) -> u32 {
        if let Some(known) = self.numbers.get(word) {
            return *known;
        }
        let number = self.lists.len() as u32;
        self.numbers.insert(word.to_owned(), number);
        self.lists.push(Default::default());
        number
    }

    /// The sections of the file. Words get their place in the alphabet as number.
    pub fn pack(self) -> Result<Packed, String> {
        let spellings = self.spellings.into_iter().collect::<Vec<_>>().join("\n");
        let mut sorted: Vec<(String, u32)> = self.numbers.into_iter().collect();
        sorted.sort();
        let mut places = vec![0_u32; sorted.len()];
        let (mut tokens, mut postings, mut phrases) = (Pieces::default(), Pieces::default(), Pieces::default());
        for (place, (word, number)) in sorted.iter().enumerate() {
            places[*number as usize] = place as u32;
            tokens.put(word.as_bytes())?;
            let (functions, providers) = &self.lists[*number as usize];
            let counts = (functions.len() as u32, providers.len() as u32);
            let list = Postings { counts, functions: distances(functions), providers: distances(providers) };
            postings.put(&postcard::to_stdvec(&list).map_err(|error| error.to_string())?)?;
        }
        for mut own in self.phrases {
            own.iter_mut().flatten().for_each(|number| *number = places[*number as usize]);
            phrases.put(&postcard::to_stdvec(&own).map_err(|error| error.to_string())?)?;
        }
        Ok(Packed { tokens: tokens.parts(), postings: postings.parts(), phrases: phrases.parts(), spellings })
    }
}

/// Pieces one after the other, and where each ends.
#[derive(Default)]
pub struct Pieces {
    bytes: Vec<u8>,
    ends: Vec<u8>,
}

impl Pieces {
    /// Adds one.
    pub fn put(&mut self, piece: &[u8]) -> Result<(), String> {
        self.bytes.extend(piece);
        self.ends.extend(u32::try_from(self.bytes.len()).map_err(|error| error.to_string())?.to_le_bytes());
        Ok(())
    }

    /// The bytes, and the ends.
    pub fn parts(self) -> (Vec<u8>, Vec<u8>) {
        (self.bytes, self.ends)
    }
}

/// The sorted words of a catalog.
pub struct Vocabulary<'a> {
    pub tokens: Cow<'a, [u8]>,
    pub ends: Cow<'a, [u8]>,
}

impl Vocabulary<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len() / 4
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The word of a number.
    pub fn token(&self, number: usize) -> &str {
        let from = if number == 0 { 0 } else { u32_at(&self.ends, number - 1) as usize };
        let to = u32_at(&self.ends, number) as usize;
        self.tokens.get(from..to).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// The first number whose word is not less than `text`.
    pub fn lower_bound(&self, text: &str) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.token(middle) < text { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The number of a word, where it is known.
    pub fn find(&self, text: &str) -> Option<usize> {
        let at = self.lower_bound(text);
        (at < self.len() && self.token(at) == text).then_some(at)
    }
}
