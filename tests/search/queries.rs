//! The query set: what people type, and the functions that serve it (`tests/fixtures/search/`). Which half of the first ones a query belongs to
//! follows from its text, so that nobody chooses; those written down later are a part of their own. Shared with `benches/search/`; how a query
//! is answered is deliberately the caller's.

use std::collections::BTreeMap;

const QUERIES: &str = include_str!("../fixtures/search/queries.yaml");
const KNOWN: &str = include_str!("../fixtures/search/known.yaml");
const LATER: &str = include_str!("../fixtures/search/later.yaml");

/// What a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The ranking is changed by looking at these.
    Tuning,
    /// The ranking is never changed for these.
    Untouched,
    /// Nor for these, which were written down when the ranking was as good as done.
    Later,
}

impl Part {
    pub const ALL: [Self; 3] = [Self::Tuning, Self::Untouched, Self::Later];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tuning => "tuning",
            Self::Untouched => "untouched",
            Self::Later => "later",
        }
    }
}

/// One query.
pub struct Query {
    pub text: String,
    /// Names, or `.name` for a function of that name of any provider; any of them is right.
    pub wanted: Vec<String>,
    pub part: Part,
}

/// How many of some queries were answered rightly, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quality {
    pub queries: usize,
    first: usize,
    five: usize,
    ten: usize,
}

impl Query {
    /// Whether a function serves it.
    pub fn is_served_by(&self, name: &str) -> bool {
        self.wanted.iter().any(|wanted| serves(wanted, name))
    }
}

/// Whether a function is one that was wanted.
pub fn serves(wanted: &str, name: &str) -> bool {
    match wanted.strip_prefix('.') {
        Some(function) => name.rsplit_once('.').is_some_and(|(_, own)| own == function),
        None => wanted == name,
    }
}

impl Quality {
    /// Counts one answer: the place of the first right function, from 0.
    pub fn count(&mut self, place: Option<usize>) {
        let within = |most| usize::from(place.is_some_and(|place| place < most));
        self.queries += 1;
        self.first += within(1);
        self.five += within(5);
        self.ten += within(10);
    }

    /// The right function came first, among the first five, among the first ten: percent of the queries.
    pub fn percent(&self) -> [f64; 3] {
        [self.first, self.five, self.ten].map(|right| 100.0 * right as f64 / self.queries.max(1) as f64)
    }
}

/// All queries, by their text.
pub fn queries() -> Result<Vec<Query>, String> {
    let read = |text| serde_saphyr::from_str::<BTreeMap<String, String>>(text).map_err(|error| error.to_string());
    let make =
        |(text, wanted): (String, String), part| Query { part, wanted: wanted.split_whitespace().map(str::to_owned).collect(), text };
    let asked = read(QUERIES)?.into_iter().map(|entry| {
        let part = if is_untouched(&entry.0) { Part::Untouched } else { Part::Tuning };
        make(entry, part)
    });
    let known = read(KNOWN)?.into_iter().map(|entry| make(entry, Part::Tuning));
    let later = read(LATER)?.into_iter().map(|entry| make(entry, Part::Later));
    Ok(asked.chain(known).chain(later).collect())
}

/// Every second query by its text (64-bit FNV-1a, bit 32).
fn is_untouched(text: &str) -> bool {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) & 1 == 1
}
