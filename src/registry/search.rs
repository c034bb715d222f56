//! Ranked search over the index. First every function is scored by its words: how rare each is, where it stands, whether it is the word
//! itself, a synonym, a beginning or a near spelling. Then the best ones are weighed by how well one of their short texts says what was asked.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use crate::registry::function::Operation;
use crate::registry::index::{Entry, Index, Phrases, Traits, Unreadable};
use crate::registry::inverted::{NAMED, SYNONYM, Vocabulary};
use crate::registry::query::{Query, Term};
use crate::registry::vocabulary::{MAKING, REMOVING};
use crate::registry::words::{is_weak, stem};

/// How many of the best by words are looked at more closely.
const CANDIDATES: usize = 120;
/// How many longer words a beginning may stand for.
const LONGER: usize = 40;
/// The least of a longer word's worth that a beginning counts.
const BEGINNING: f64 = 0.5;
/// How much of a provider's name a beginning must be to mean it: `page` is not PagerDuty.
const NEARLY_NAMED: f64 = 0.8;
/// What one and two wrong letters count.
const NEAR: [f64; 2] = [0.6, 0.35];
/// A provider's name is as rare as if each of its functions were one of so many.
const NAME_RARITY: f64 = 8.0;
/// What a word of the provider counts beside the same word of the function itself.
const ALSO: f32 = 0.25;
/// A word that says so much or more is said in full.
const FULL: f32 = 5.0;
/// What functions of others count when a provider was named.
const ELSEWHERE: f64 = 0.5;
/// What a word of a phrase counts that says little; `list` where several things are asked for, and `get` where one is, go without saying.
const WEAK: f64 = 0.3;
const UNFITTING: f64 = 0.6;
/// How much a phrase that says just what was asked is worth beyond the words themselves.
const PHRASE: f64 = 1.2;
/// How much of that is for the order of the words.
const ORDER: f64 = 0.1;
/// What a destructive function counts where nothing is to go away; and one that makes something where something is.
const UNASKED_REMOVAL: f64 = 0.8;
const MAKES_INSTEAD: f64 = 0.75;
/// What a function counts that does the other kind of thing than was asked; one that changes something when nothing was said, or several things
/// were named; and an old one.
const OTHER_KIND: f64 = 0.75;
const UNASKED: f64 = 0.95;
const UNASKED_SEVERAL: f64 = 0.85;
const DEPRECATED: f64 = 0.6;

/// One function found: its number in the index and how well it fits.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub number: u32,
    pub score: f64,
}

/// One of the indexes that are searched together.
pub struct Part<'a> {
    index: &'a Index,
    vocabulary: Vocabulary<'a>,
    /// Words of names, titles and synonyms as they are written, a line each.
    spellings: Cow<'a, str>,
    phrases: Phrases<'a>,
    traits: Vec<Traits>,
    ranges: Vec<Range<u32>>,
}

/// All indexes that are searched together: how rare a word is, is a matter of all of them, so that hits of a small one and of a
/// large one can be compared.
pub struct Library<'a> {
    parts: Vec<Part<'a>>,
    functions: f64,
}

impl<'a> Library<'a> {
    /// Opens the search parts of indexes, each with its directory.
    pub fn open(indexes: impl Iterator<Item = (&'a Index, &'a Vec<Entry>)>) -> Result<Self, Unreadable> {
        let open = |(index, directory): (&'a Index, &'a Vec<Entry>)| -> Result<Part<'a>, Unreadable> {
            let ranges = directory.iter().map(Index::numbers).collect();
            Ok(Part {
                index,
                vocabulary: index.vocabulary()?,
                spellings: index.spellings()?,
                phrases: index.phrases()?,
                traits: index.traits()?,
                ranges,
            })
        };
        let parts: Vec<Part<'a>> = indexes.map(open).collect::<Result<_, _>>()?;
        let functions = parts.iter().map(|part| part.traits.len() as f64).sum();
        Ok(Self { parts, functions })
    }

    /// Reads a query with the words that are known here.
    pub fn query(&self, text: &str) -> Query {
        Query::read(text, &|stem| self.knows(stem))
    }

    /// Operation and age of a part's functions.
    pub fn traits(&self, part: usize) -> &[Traits] {
        self.parts.get(part).map_or(&[], |part| &part.traits)
    }

    /// Providers of a part, by their place, that have a word as their name or synonym: just this word, not one like it.
    pub fn providers_named(&self, part: usize, word: &str) -> Result<Vec<usize>, Unreadable> {
        let Some(own) = self.parts.get(part) else { return Ok(Vec::new()) };
        let mut named = Vec::new();
        for term in self.query(word).terms {
            let words = [&term.stem].into_iter().chain(term.others.iter().map(|(other, _)| other));
            for token in words.filter_map(|word| own.vocabulary.find(word)) {
                let postings = own.index.postings(token)?;
                named.extend(postings.providers().filter(|(_, weight)| *weight >= SYNONYM).map(|(provider, _)| provider as usize));
            }
        }
        Ok(named)
    }

    fn knows(&self, stem: &str) -> bool {
        self.parts.iter().any(|part| part.vocabulary.find(stem).is_some())
    }

    /// How rare a word is: in functions, and as a word of providers.
    fn rarity(&self, word: &str) -> Result<(f64, f64), Unreadable> {
        let (mut functions, mut providers) = (0.0, 0.0);
        for part in &self.parts {
            if let Some(token) = part.vocabulary.find(word) {
                let (more, named) = part.index.counts(token)?;
                functions += f64::from(more);
                providers += f64::from(named);
            }
        }
        let of = |known: f64| if known > 0.0 { (1.0 + self.functions / (1.0 + known)).ln() } else { 0.0 };
        Ok((of(functions), of(NAME_RARITY * providers)))
    }
}

/// What the words of a query are in one part: for each word of the vocabulary that counts, the terms it stands for and how much it counts.
type Meant = HashMap<usize, Vec<(usize, f64)>>;

/// Scores while terms are looked up.
struct Tally {
    /// What the terms so far are worth, by function.
    scores: Vec<f32>,
    /// How much of the query, by function.
    covered: Vec<f32>,
    /// The best of the term at hand, by function: in its own words, and in those of its provider; and where it is not nothing.
    own: Vec<f32>,
    given: Vec<f32>,
    touched: Vec<u32>,
    /// Which terms name a provider, by its place.
    named: HashMap<u32, u32>,
}

impl Tally {
    fn new(functions: usize) -> Self {
        let none = || vec![0.0; functions];
        Self { scores: none(), covered: none(), own: none(), given: none(), touched: Vec::new(), named: HashMap::new() }
    }

    fn say(&mut self, number: u32, own: f64, given: f64) {
        let at = number as usize;
        if let (Some(known), Some(known_given)) = (self.own.get_mut(at), self.given.get_mut(at)) {
            if *known + *known_given == 0.0 {
                self.touched.push(number);
            }
            *known = known.max(own as f32);
            *known_given = known_given.max(given as f32);
        }
    }

    /// Ends a term that is worth `value`.
    fn end(&mut self, term: &Term, value: f64) {
        let value = value as f32;
        for number in self.touched.drain(..) {
            let at = number as usize;
            let (Some(own), Some(given)) = (self.own.get_mut(at), self.given.get_mut(at)) else { continue };
            let best = own.max(*given) + ALSO * own.min(*given);
            (*own, *given) = (0.0, 0.0);
            if let (Some(score), Some(covered)) = (self.scores.get_mut(at), self.covered.get_mut(at)) {
                *score += best * term.weight as f32;
                *covered += term.weight as f32 * value.min(best / FULL);
            }
        }
    }
}

/// The best hits of one part of a library for a query, best first. `worth` multiplies the score of a function; 0 leaves it out.
pub fn search(library: &Library<'_>, part: usize, query: &Query, worth: &dyn Fn(u32) -> f64, limit: usize) -> Result<Vec<Hit>, Unreadable> {
    let Some(own) = library.parts.get(part) else { return Ok(Vec::new()) };
    let mut tally = Tally::new(own.traits.len());
    let mut meant = Meant::new();
    let mut values = Vec::new();
    for (place, term) in query.terms.iter().enumerate() {
        let value = look_up(library, own, (place, term), &mut tally, &mut meant)?;
        tally.end(term, value);
        values.push(value * term.weight);
    }
    let whole: f64 = values.iter().sum();
    let found = tally.scores.iter().zip(&tally.covered).enumerate().filter(|(_, (score, _))| **score > 0.0);
    let mut hits: Vec<Hit> = found
        .map(|(number, (score, covered))| (number as u32, f64::from(*score) * (f64::from(*covered) / whole).powi(2)))
        .map(|(number, score)| Hit { number, score: score * worth(number) })
        .filter(|hit| hit.score > 0.0)
        .collect();
    let better = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then(a.number.cmp(&b.number));
    let closer = limit.saturating_mul(2).max(CANDIDATES);
    if hits.len() > closer {
        hits.select_nth_unstable_by(closer, better);
        hits.truncate(closer);
    }
    for hit in &mut hits {
        let provider = own.ranges.partition_point(|range| range.end <= hit.number) as u32;
        let named = tally.named.get(&provider).copied().unwrap_or(0);
        if !tally.named.is_empty() && named == 0 {
            hit.score *= ELSEWHERE;
        }
        let asked = Asked { values: &values, named, meant: &meant, several: query.several };
        let mut fit: f64 = 0.0;
        let phrases = own.phrases.of(hit.number)?;
        for phrase in &phrases {
            fit = fit.max(asked.fit(&own.vocabulary, phrase));
        }
        // The first phrase is the name, and a name begins with what is done.
        let verb = phrases.first().and_then(|name| name.first()).map_or("", |token| own.vocabulary.token(*token as usize));
        let traits = own.traits.get(hit.number as usize).copied();
        hit.score *= (1.0 + PHRASE * fit) * traits.map_or(1.0, |traits| kind(query, traits, verb));
    }
    hits.sort_by(better);
    hits.truncate(limit);
    Ok(hits)
}

fn kind(query: &Query, traits: Traits, verb: &str) -> f64 {
    let reads = traits.operation == Operation::Read;
    let is_in = |list: &str| list.split_whitespace().any(|word| stem(word) == verb);
    let removal = match traits.operation {
        Operation::Destructive if !query.removes && is_in(REMOVING) => UNASKED_REMOVAL,
        Operation::Destructive | Operation::Write if query.removes && is_in(MAKING) => MAKES_INSTEAD,
        _ => 1.0,
    };
    let wanted = match query.intent {
        Some(Operation::Read) if !reads => OTHER_KIND,
        Some(Operation::Write | Operation::Destructive) if reads => OTHER_KIND,
        None if !reads && query.several => UNASKED_SEVERAL,
        None if !reads => UNASKED,
        _ => 1.0,
    };
    removal * if traits.deprecated { wanted * DEPRECATED } else { wanted }
}

/// Scores one term; returns what having it is worth.
fn look_up(
    library: &Library<'_>,
    own: &Part<'_>,
    (place, term): (usize, &Term),
    tally: &mut Tally,
    meant: &mut Meant,
) -> Result<f64, Unreadable> {
    // What the word itself is worth bounds what stands for it: a longer or near spelling is not worth more for being rare.
    let most = match library.knows(&term.stem) {
        true => library.rarity(&term.stem)?,
        false => (f64::MAX, f64::MAX),
    };
    let mut value: f64 = 0.0;
    for Meaning { token, factor, names } in tokens(library, own, term) {
        meant.entry(token).or_default().push((place, factor));
        let rarity = library.rarity(own.vocabulary.token(token))?;
        let (in_functions, in_names) = (rarity.0.min(most.0.max(most.1)), rarity.1);
        let postings = own.index.postings(token)?;
        for (number, weight) in postings.functions() {
            value = value.max(in_functions);
            tally.say(number, f64::from(weight) * in_functions * factor, 0.0);
        }
        for (provider, weight) in postings.providers().filter(|_| names) {
            value = value.max(in_names * f64::from(weight) / f64::from(NAMED));
            if weight == NAMED && factor >= NEAR[0] {
                *tally.named.entry(provider).or_default() |= 1 << place;
            }
            for number in own.ranges.get(provider as usize).cloned().unwrap_or_default() {
                tally.say(number, 0.0, f64::from(weight) * in_names * factor);
            }
        }
    }
    Ok(value)
}

/// A word of the vocabulary that a term stands for.
struct Meaning {
    token: usize,
    /// How much it counts.
    factor: f64,
    /// Whether a provider may be meant by it.
    names: bool,
}

fn tokens(library: &Library<'_>, own: &Part<'_>, term: &Term) -> Vec<Meaning> {
    let vocabulary = &own.vocabulary;
    let mut found: Vec<Meaning> = Vec::new();
    let mut add = |token: usize, factor: f64, names: bool| match found.iter_mut().find(|known| known.token == token) {
        Some(known) => known.factor = known.factor.max(factor),
        None => found.push(Meaning { token, factor, names }),
    };
    let others = term.others.iter().map(|(other, factor)| (other, *factor));
    for (word, factor) in [(&term.stem, 1.0)].into_iter().chain(others) {
        if let Some(token) = vocabulary.find(word) {
            add(token, factor, true);
        }
    }
    let length = term.stem.chars().count();
    if length >= 3 && term.weight > 0.5 {
        let start = vocabulary.lower_bound(&term.stem);
        let longer = (start..vocabulary.len()).take(LONGER).map(|token| (token, vocabulary.token(token)));
        for (token, word) in longer.take_while(|(_, word)| word.starts_with(&term.stem)).filter(|(_, word)| **word != term.stem) {
            let share = length as f64 / word.chars().count() as f64;
            add(token, BEGINNING + (0.9 - BEGINNING) * share, share >= NEARLY_NAMED);
        }
    }
    if found.is_empty() && !library.knows(&term.stem) {
        found = near(own, term);
    }
    found
}

/// The words nearest to a wrong one. Whole words are compared: a wrong letter may cost a word its ending, and then no stem is near.
fn near(own: &Part<'_>, term: &Term) -> Vec<Meaning> {
    let meaning = |token, distance| Meaning { token, factor: if distance <= 1 { NEAR[0] } else { NEAR[1] }, names: true };
    let (spelt, distance) = nearest(own.spellings.split('\n'), &term.word);
    if !spelt.is_empty() {
        let tokens = spelt.into_iter().filter_map(|word| own.vocabulary.find(&stem(word)));
        return tokens.map(|token| meaning(token, distance)).collect();
    }
    let (stems, distance) = nearest((0..own.vocabulary.len()).map(|token| own.vocabulary.token(token)), &term.stem);
    stems.into_iter().filter_map(|word| own.vocabulary.find(word)).map(|token| meaning(token, distance)).collect()
}

/// All words of the least distance to a wrong one, and that distance. Those that begin alike are meant rather than others.
fn nearest<'a>(words: impl Iterator<Item = &'a str>, wrong: &str) -> (Vec<&'a str>, usize) {
    let mut most = match wrong.chars().count() {
        0..=3 => return (Vec::new(), 0),
        4..=5 => 1,
        _ => 2,
    };
    let letters = letters(wrong);
    let mut found: Vec<(&str, usize)> = Vec::new();
    for word in words {
        let own = self::letters(word);
        let differ = (letters & !own).count_ones().max((own & !letters).count_ones()) as usize;
        if differ > most || word.len().abs_diff(wrong.len()) > most {
            continue;
        }
        let distance = strsim::osa_distance(word, wrong);
        if distance <= most {
            most = distance;
            found.push((word, distance));
        }
    }
    found.retain(|(_, distance)| *distance <= most);
    let alike = |word: &str| word.chars().next() == wrong.chars().next();
    let any = found.iter().any(|(word, _)| alike(word));
    let words = found.into_iter().map(|(word, _)| word);
    (words.filter(|word| alike(word) || (!any && most < 2)).collect(), most)
}

/// Which letters a word has, one bit each: two words that differ much here cannot be near.
fn letters(word: &str) -> u32 {
    word.bytes().fold(0, |set, byte| set | 1 << (byte.wrapping_sub(b'a').min(26)))
}

/// What a phrase is compared with.
struct Asked<'a> {
    values: &'a [f64],
    named: u32,
    meant: &'a Meant,
    several: bool,
}

impl Asked<'_> {
    /// What a word of a phrase counts.
    fn weight(&self, word: &str) -> f64 {
        let (implied, unfitting) = if self.several { ("list", "get") } else { ("get", "list") };
        match word {
            _ if word == implied || is_weak(word) => WEAK,
            _ if word == unfitting => UNFITTING,
            _ => 1.0,
        }
    }

    /// How well a phrase says what was asked, from 0 to 1: how much of it was asked, how much of what was asked it says, and whether in this order.
    fn fit(&self, vocabulary: &Vocabulary<'_>, phrase: &[u32]) -> f64 {
        let (mut all, mut asked) = (0.0, 0.0);
        let mut said = vec![0.0_f64; self.values.len()];
        let (mut before, mut pairs) = (None, 0);
        for token in phrase {
            let token = *token as usize;
            let weight = self.weight(vocabulary.token(token));
            all += weight;
            let terms = self.meant.get(&token).map_or(&[][..], Vec::as_slice);
            let best = terms.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            asked += weight * best.map_or(0.0, |(_, factor)| *factor);
            for (place, factor) in terms {
                if let Some(known) = said.get_mut(*place) {
                    *known = known.max(*factor);
                }
            }
            let place = best.map(|(place, _)| *place);
            if let (Some(before), Some(place)) = (before, place) {
                pairs += usize::from(place > before);
            }
            before = place;
        }
        let terms = || self.values.iter().zip(&said).enumerate().filter(|(place, _)| self.named & (1 << place) == 0);
        let whole: f64 = terms().map(|(_, (value, _))| value).sum();
        let matched: f64 = terms().map(|(_, (value, said))| value * said).sum();
        if asked == 0.0 || matched == 0.0 || whole == 0.0 {
            return 0.0;
        }
        let (of_phrase, of_query) = (asked / all, matched / whole);
        let count = said.iter().filter(|said| **said > 0.0).count();
        let order = if count > 1 { pairs as f64 / (count - 1) as f64 } else { 1.0 };
        2.0 * of_phrase * of_query / (of_phrase + of_query) * (1.0 - ORDER + ORDER * order.min(1.0))
    }
}
