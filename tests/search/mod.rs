//! Search finds what people mean: misspelt and inflected words, filters. How often it does for everyday queries is measured in `quality`.
//! A query that fails is answered by better words in a manifest or better ranking, not by another query.

mod quality;
mod queries;

use serde_json::Value;

use angelia::registry::catalog::{Catalog, Filter};
use angelia::registry::function::Operation;

use crate::support::home::Home;

/// Inflected, misspelt and reworded: the same function must come among the first three.
const BENT: [(&str, &str); 25] = [
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
    ("ListPullRequests", "github.list_pull_requests"),
    ("list-pull-requests", "github.list_pull_requests"),
    ("hackernews search", "hackernews.search"),
    ("Hacker News search", "hackernews.search"),
    ("openmeteo air quality", "open_meteo.get_air_quality"),
    ("click up goals", "clickup.list_goals"),
    ("gh PRs", "github.list_pull_requests"),
    ("organisation repositories on github", "github.list_organization_repositories"),
    ("cancelled the subscription", "stripe.cancel_subscription stripe.list_subscriptions"),
    ("people of a slack channel", "slack.list_channel_members"),
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
    let catalog = Catalog::built_in().unwrap();
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
fn nothing_is_deleted_unless_asked() {
    let catalog = Catalog::built_in().unwrap();
    let top = |query: &str| catalog.search(query, &Filter::default(), 5).unwrap();
    for query in [
        "kick off a deployment on vercel",
        "kick off a pipeline",
        "kick off a build on circleci",
        "trigger a build",
        "launch a workflow",
        "start a deployment",
        "spin up a droplet",
    ] {
        let deletes: Vec<String> =
            top(query).into_iter().filter(|hit| hit.record.operation == Operation::Destructive).map(|hit| hit.record.name).collect();
        assert!(deletes.is_empty(), "{query:?} finds {}", deletes.join(" "));
    }
    for (query, wanted) in [
        ("kick a member out of a channel", "slack.remove_from_channel"),
        ("drop a table row in airtable", "airtable.delete_record"),
        ("cancel my subscription to a customer plan stripe", "stripe.cancel_subscription"),
        ("merge a pr on github", "github.merge_pull_request"),
        ("unstar a repo", "github.unstar_repository"),
    ] {
        assert_eq!(top(query)[0].record.name, wanted, "{query:?}");
    }
}

#[test]
fn a_query_of_nothing_finds_nothing() {
    let catalog = Catalog::built_in().unwrap();
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
    for empty in [&["", ""][..], &["  "], &["", "--tier=described"]] {
        let run = home.run(&[&["integrations:search"], empty].concat());
        assert!(run.code == 2 && run.stderr.contains("integrations:search create an issue"), "{empty:?}: {} {}", run.stdout, run.stderr);
    }
    let nothing = home.run(&["integrations:search", "xyzzyplugh"]);
    assert!(nothing.code == 0 && nothing.stdout.contains("Nothing fits"), "{}", nothing.stdout);
}

/// Two functions that say the same; the vendor is about to remove one. And one that has no word of its own for what people call it.
const OLD_AND_NEW: &str = r#"id: depot
title: Depot
description: Things in a depot.
category: storage
auth_strategy: none
credentials: []
servers: {default: "https://depot.example"}
functions:
  - id: list_crates_old
    title: List crates
    description: Lists the crates.
    operation: read
    request: GET /old
    deprecated: true
    examples: [{arguments: {}}]
  - id: list_crates_now
    title: List crates
    description: Lists the crates.
    operation: read
    request: GET /crates
    examples: [{arguments: {}}]
  - id: delete_crate
    title: Delete a crate
    description: Deletes a crate.
    operation: destructive
    request: DELETE /crates/{id}
    parameters: {id: {type: string, description: Which.}}
    required: [id]
    examples: [{arguments: {id: a}}]
"#;

#[test]
fn what_is_old_comes_later_and_what_is_used_first() {
    let home = Home::new();
    home.manifest("depot", OLD_AND_NEW);
    let first = |words: &[&str]| -> Vec<String> {
        let run = home.run(&[&["integrations:search", "--json"], words].concat());
        let found = run.json()["functions"].as_array().unwrap().clone();
        found.iter().take(2).map(|one| one["function"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(first(&["show", "crates"]), ["depot.list_crates_now", "depot.list_crates_old"]);
    assert_eq!(first(&["remove", "a", "crate"])[0], "depot.delete_crate");
    assert_eq!(first(&["erase", "crate", "--operation=destructive", "--category=storage"])[0], "depot.delete_crate");
    let issues = first(&["create", "issue"]);
    home.config("[integrations.plane]\nenabled = true\n");
    let home = home.env("ANGELIA_PLANE_API_KEY", "k").env("ANGELIA_PLANE_WORKSPACE_SLUG", "w");
    let found = home.run(&["integrations:search", "create", "issue", "--json"]).json()["functions"][0].clone();
    assert!(
        found["function"] == "plane.create_issue" && found["active"] == true && issues[0] != "plane.create_issue",
        "{found} {issues:?}"
    );
}

#[test]
fn an_answer_is_small() {
    let home = Home::new();
    for query in ["create an issue", "send a message", "list everything", "who am i", "update a pull request review comment"] {
        let run = home.run(&["integrations:search", query, "--json"]);
        assert!(run.stdout.len() <= 1500, "{query}: {} bytes\n{}", run.stdout.len(), run.stdout);
        let first = &run.json()["functions"][0];
        assert!(first.get("description").is_none() && first["score"].is_number(), "{first}");
    }
}

#[test]
fn a_wrong_name_leads_to_the_function_meant() {
    let home = Home::new();
    for (wrong, meant) in [
        ("gh.create_issue", "github.create_issue"),
        ("slack.send_message", "slack.post_message"),
        ("github.listPullRequests", "github.list_pull_requests"),
        ("stripe.new_customer", "stripe.create_customer"),
        ("hacker_news.top", "hackernews.list_top_stories"),
    ] {
        let run = home.run(&["integrations:call", wrong, "--json"]);
        assert_eq!(run.code, 3, "{wrong}: {}", run.stdout);
        assert!(run.stdout.contains(&format!("Did you mean '{meant}'?")), "{wrong}: {}", run.stdout);
    }
    for command in ["call", "docs", "schema", "examples"] {
        let run = home.run(&[&format!("integrations:{command}"), "nope.x", "--json"]);
        let said = run.json()["error"].as_str().unwrap().to_owned();
        assert_eq!((run.code, said.as_str()), (3, "Unknown integration function: nope.x. There is no provider 'nope'"), "{command}");
        assert!(!run.stdout.contains("Did you mean"), "of a provider that is like no other nothing is guessed: {}", run.stdout);
    }
}
