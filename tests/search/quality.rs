//! How good search is: the query set against the built-in catalog, and floors below which no part may fall. No timing here (`benches/search.rs`).

use std::collections::BTreeMap;

use angelia::registry::catalog::{Catalog, Filter};

use super::queries::{Part, Quality, Query, queries, serves};

/// Percent of first, first five and first ten for each part, rounded down.
const FLOORS: &str = "tests/fixtures/search/floors.yaml";

fn names(catalog: &Catalog) -> Vec<String> {
    let providers = catalog.list().unwrap();
    let of = |id: &str| catalog.provider(id).unwrap().functions.into_iter().map(|function| function.id);
    providers.iter().flat_map(|listed| of(&listed.summary.id).map(|function| format!("{}.{function}", listed.summary.id))).collect()
}

#[test]
fn queries_name_functions_that_exist() {
    let names = names(&Catalog::built_in().unwrap());
    let queries = queries().unwrap();
    let none = |wanted: &&String| !names.iter().any(|name| serves(wanted, name));
    let unknown: Vec<String> =
        queries.iter().flat_map(|query| query.wanted.iter().filter(none).map(|name| format!("{:?}: {name}", query.text))).collect();
    assert!(unknown.is_empty(), "no function of this name:\n  {}", unknown.join("\n  "));
    let of = |part| queries.iter().filter(|query| query.part == part).count();
    let counts = Part::ALL.map(of);
    assert!(counts.iter().zip([280, 160, 60]).all(|(now, least)| *now >= least), "{counts:?} queries of each part");
}

#[test]
fn no_part_falls_below_its_floor() {
    let catalog = Catalog::built_in().unwrap();
    let mut parts = Part::ALL.map(|part| (part, Quality::default()));
    let mut failures = Vec::new();
    for query in queries().unwrap() {
        let found = catalog.search(&query.text, &Filter::default(), 10).unwrap();
        let place = found.iter().position(|found| query.is_served_by(&found.record.name));
        parts.iter_mut().filter(|(part, _)| *part == query.part).for_each(|(_, quality)| quality.count(place));
        if query.part == Part::Tuning && place.is_none_or(|place| place > 0) {
            let names: Vec<&str> = found.iter().take(5).map(|found| found.record.name.as_str()).collect();
            failures.push(told(&query, place, &names));
        }
    }
    let floors: BTreeMap<String, [f64; 3]> = serde_saphyr::from_str(&std::fs::read_to_string(FLOORS).unwrap()).unwrap();
    let (mut figures, mut fell) = (Vec::new(), false);
    for (part, quality) in parts {
        let part = part.name();
        let percent = quality.percent().map(|percent| (percent * 10.0).floor() / 10.0);
        figures.push(format!("{part}: {percent:?} of {} queries, floor {:?}", quality.queries, floors[part]));
        fell |= percent.iter().zip(floors[part]).any(|(now, floor)| *now < floor);
    }
    let look = std::env::var_os("SEARCH_FAILURES").is_some();
    assert!(
        !fell && !look,
        "percent of queries with a right function first, among five, among ten:\n  {}\n{}\nIf search became worse: SEARCH_FAILURES=1 shows what the tuning part \
         misses. A new provider's function that serves a query is added to it in tests/fixtures/search; figures of a change that is \
         meant go to {FLOORS}.",
        figures.join("\n  "),
        if look { failures.join("\n") } else { String::new() }
    );
}

fn told(query: &Query, place: Option<usize>, found: &[&str]) -> String {
    let place = place.map_or_else(|| String::from("--"), |place| format!("{:2}", place + 1));
    format!("{place} {:?} wants {}; found {}", query.text, query.wanted.join(" "), found.join(" "))
}
