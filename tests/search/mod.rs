//! Search finds what people mean: misspelt and inflected words, filters. How often it does for everyday queries is measured in `quality`.
//! A query that fails is answered by better words in a manifest or better ranking, not by another query.

mod quality;
mod queries;

use serde_json::Value;

use angelia::registry::catalog::{Catalog, Filter};

use crate::support::home::Home;

/// Inflected, misspelt and reworded: the same function must come among the first three.
const BENT: [(&str, &str); 16] = [
    ("creating issues github", "github.create_issue"),
    ("pull requests list", "github.list_pull_requests"),
    ("repositorys", "github.list_my_repositories github.search_repositories github.list_user_repositories"),
    ("githb create issue", "github.create_issue"),
    ("github craete issue", "github.create_issue"),
    ("slack mesage send", "slack.post_message"),
    ("stripe custmer create", "stripe.create_customer"),
    ("invoces stripe list", "stripe.list_invoices"),
    ("wether forecast", "open_meteo.get_forecast"),
    ("bitcoin prices", "coingecko.get_price"),
    ("MERGE PULL REQUEST", "github.merge_pull_request"),
    ("merge_pull_request", "github.merge_pull_request"),
    ("github.merge_pull_request", "github.merge_pull_request"),
    ("todoist taks create", "todoist.create_task"),
    ("notion databse query", "notion.query_data_source"),
    ("branches of a repository", "github.list_branches"),
];

fn found(catalog: &Catalog, query: &str, limit: usize) -> Vec<String> {
    catalog.search(query, &Filter::default(), limit).unwrap().into_iter().map(|found| found.record.name).collect()
}

/// The best place of a wanted function, from 0.
fn place(found: &[String], wanted: &str) -> Option<usize> {
    found.iter().position(|name| wanted.split(' ').any(|wanted| wanted == name))
}

fn every_name_exists(catalog: &Catalog, table: &[(&str, &str)]) {
    for name in table.iter().flat_map(|(_, wanted)| wanted.split(' ')) {
        assert!(catalog.function(name).is_ok(), "{name} does not exist");
    }
}

#[test]
fn bent_words_find_the_same() {
    let catalog = Catalog::open(Vec::new()).unwrap();
    every_name_exists(&catalog, &BENT);
    let missed: Vec<String> = BENT
        .into_iter()
        .map(|(query, wanted)| (query, wanted, found(&catalog, query, 3)))
        .filter(|(_, wanted, found)| place(found, wanted).is_none())
        .map(|(query, wanted, found)| format!("{query:?} should find {wanted}, found {}", found.join(" ")))
        .collect();
    assert!(missed.is_empty(), "{}\n", missed.join("\n"));
}

#[test]
fn a_query_of_nothing_finds_nothing() {
    let catalog = Catalog::open(Vec::new()).unwrap();
    for query in ["", " ", "the of and", "!?", "xyzzyplugh", "🗂"] {
        assert!(found(&catalog, query, 5).is_empty(), "{query:?}");
    }
    let long = "issue ".repeat(20_000);
    assert_eq!(found(&catalog, &long, 5).len(), 5);
    assert_eq!(found(&catalog, "issue", 3).len(), 3);
    let scores: Vec<f64> = catalog.search("create issue", &Filter::default(), 50).unwrap().iter().map(|found| found.score).collect();
    assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]) && scores.iter().all(|score| *score > 0.0), "{scores:?}");
}

#[test]
fn filters_narrow_and_the_answer_says_what_was_found() {
    let home = Home::new();
    let search = |more: &[&str]| -> Vec<Value> {
        let run = home.run(&[&["integrations:search", "create", "an", "issue", "--json", "--fields=all"], more].concat());
        assert_eq!(run.code, 0, "{more:?}: {} {}", run.stdout, run.stderr);
        assert_eq!(run.json()["query"], "create an issue");
        run.json()["functions"].as_array().unwrap().clone()
    };
    let all = |found: &[Value], name: &str, wanted: &str| !found.is_empty() && found.iter().all(|one| one[name] == wanted);
    assert_eq!(search(&[]).len(), 10, "ten unless told");
    assert_eq!(search(&["--limit=3"]).len(), 3);
    let plane = search(&["--provider=plane", "--limit=50"]);
    assert!(
        plane.iter().all(|one| one["function"].as_str().unwrap().starts_with("plane.")) && plane[0]["function"] == "plane.create_issue"
    );
    for operation in ["read", "write", "destructive"] {
        assert!(all(&search(&["--operation", operation, "--limit=50"]), "operation", operation), "{operation}");
    }
    let category = search(&[])[0]["category"].as_str().unwrap().to_owned();
    assert!(all(&search(&["--category", &category]), "category", &category));
    assert!(all(&search(&["--tier=verified"]), "tier", "verified"));
    assert!(search(&["--tier=imported"]).is_empty());
    assert!(search(&["--category=nosuch"]).is_empty());
    assert!(search(&["--active"]).iter().all(|one| one["active"] == true), "only what can be called");
    assert_eq!(home.run(&["integrations:search", "issue", "--provider=plain", "--json"]).code, 3);
    assert_eq!(home.run(&["integrations:search", "issue", "--operation=look", "--json"]).code, 2);
    assert_eq!(home.run(&["integrations:search", "--json"]).code, 2);
    let nothing = home.run(&["integrations:search", "xyzzyplugh"]);
    assert!(nothing.code == 0 && nothing.stdout.contains("Nothing fits"), "{}", nothing.stdout);
}
