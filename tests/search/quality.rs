//! How good search is: the query set against the built-in catalog, and floors below which no half may fall. No timing here (`benches/search.rs`).

use std::collections::BTreeMap;

use angelia::registry::catalog::{Catalog, Filter};

use super::queries::{Quality, Query, queries, serves};

/// Percent of first, first five and first ten for each half, rounded down.
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
    let untouched = queries.iter().filter(|query| query.untouched).count();
    assert!(queries.len() >= 260 && untouched >= 100, "{} queries, {untouched} of them untouched", queries.len());
}

#[test]
fn no_half_falls_below_its_floor() {
    let catalog = Catalog::built_in().unwrap();
    let mut halves = [(false, Quality::default()), (true, Quality::default())];
    let mut failures = Vec::new();
    for query in queries().unwrap() {
        let found = catalog.search(&query.text, &Filter::default(), 10).unwrap();
        let place = found.iter().position(|found| query.is_served_by(&found.record.name));
        halves[usize::from(query.untouched)].1.count(place);
        if !query.untouched && place.is_none_or(|place| place > 0) {
            let names: Vec<&str> = found.iter().take(5).map(|found| found.record.name.as_str()).collect();
            failures.push(told(&query, place, &names));
        }
    }
    let floors: BTreeMap<String, [f64; 3]> = serde_saphyr::from_str(&std::fs::read_to_string(FLOORS).unwrap()).unwrap();
    let (mut figures, mut fell) = (Vec::new(), false);
    for (untouched, quality) in halves {
        let half = if untouched { "untouched" } else { "tuning" };
        let percent = quality.percent().map(|percent| (percent * 10.0).floor() / 10.0);
        figures.push(format!("{half}: {percent:?} of {} queries, floor {:?}", quality.queries, floors[half]));
        fell |= percent.iter().zip(floors[half]).any(|(now, floor)| *now < floor);
    }
    let look = std::env::var_os("SEARCH_FAILURES").is_some();
    assert!(
        !fell && !look,
        "percent of queries with a right function first, among five, among ten:\n  {}\n{}\nIf search became worse: SEARCH_FAILURES=1 shows what the tuning half \
         misses. A new provider's function that serves a query is added to it in tests/fixtures/search/queries.yaml; figures of a change that is \
         meant go to {FLOORS}.",
        figures.join("\n  "),
        if look { failures.join("\n") } else { String::new() }
    );
}

fn told(query: &Query, place: Option<usize>, found: &[&str]) -> String {
    let place = place.map_or_else(|| String::from("--"), |place| format!("{:2}", place + 1));
    format!("{place} {:?} wants {}; found {}", query.text, query.wanted.join(" "), found.join(" "))
}
