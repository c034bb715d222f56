//! The index: its entries are complete and apart, what is described is seen where it is asked for and nowhere else, and nothing of it can be
//! called before it is imported.

use std::collections::HashSet;

use serde_json::Value;

use angelia::registry::described;
use angelia::registry::known::problems;

use crate::support::home::Home;

fn json(home: &Home, words: &[&str], code: i32) -> Value {
    let run = home.run(&[words, &["--json"]].concat());
    assert_eq!(run.code, code, "{words:?}: {} {}", run.stdout, run.stderr);
    run.json()
}

#[test]
fn every_entry_is_complete_and_apart() {
    let all = described::all().unwrap();
    assert!(all.len() >= 300, "{}", all.len());
    assert_eq!(problems(&all), Vec::<String>::new());
    assert_eq!(all.iter().map(|known| &known.title).collect::<HashSet<_>>().len(), all.len(), "two titles are the same");
    assert_eq!(all.iter().map(|known| &known.about).collect::<HashSet<_>>().len(), all.len(), "two lines are the same");
    let formats: HashSet<&str> = all.iter().map(|known| known.format.as_str()).collect();
    assert_eq!(formats.len(), 4, "{formats:?}");
    for wanted in ["github", "gitlab", "stripe", "jira", "gmail", "google_drive", "slack", "openai", "linear", "hubspot_contacts"] {
        assert!(described::find(wanted).unwrap().is_some(), "{wanted}");
    }
    assert!(described::find("nothing").unwrap().is_none());
}

#[test]
fn it_is_shown_where_it_is_asked_for_and_nowhere_else() {
    let home = Home::new();
    let usual = json(&home, &["integrations:list"], 0);
    assert!(usual["providers"].get("gitlab_graphql").is_none());
    let all = json(&home, &["integrations:list", "--tier=described"], 0);
    let shown = all["providers"].as_object().unwrap();
    assert_eq!(shown["gitlab_graphql"]["next"], "angelia integrations:import gitlab_graphql");
    assert!(shown.values().all(|one| one["tier"] == "described" && one.get("functions").is_none()));
    // What is built in is no longer only described.
    assert!(!shown.contains_key("github"));
    let few = json(&home, &["integrations:list", "--tier=described", "--category=finance", "--limit=2", "--fields=title,base"], 0);
    assert_eq!(few["providers"].as_object().unwrap().len(), 2);
    assert!(few["total"].as_u64().unwrap() > 2);
    assert_eq!(json(&home, &["integrations:list", "--tier=described", "--active"], 0)["providers"].as_object().unwrap().len(), 0);
    assert_eq!(json(&home, &["integrations:list", "--tier=described", "--fields=colour"], 2)["success"], false);
    let human = home.run(&["integrations:list", "--tier=described", "--limit=1"]);
    assert!(human.stdout.contains("angelia integrations:import SERVICE"), "{}", human.stdout);
}

#[test]
fn it_is_found_by_words_and_is_no_function() {
    let home = Home::new();
    let found = json(&home, &["integrations:search", "feture flag", "--tier=described"], 0);
    assert_eq!(found["functions"].as_array().unwrap().len(), 0);
    let ids: Vec<&str> = found["providers"].as_array().unwrap().iter().map(|one| one["provider"].as_str().unwrap()).collect();
    assert!(ids.contains(&"launchdarkly") && ids.contains(&"configcat"), "{ids:?}");
    assert_eq!(found["providers"][0]["tier"], "described");
    assert!(json(&home, &["integrations:search", "zzzz", "--tier=described"], 0)["providers"].as_array().unwrap().is_empty());
    let usual = json(&home, &["integrations:search", "feature flags"], 0);
    assert!(usual.get("providers").is_none());
}

#[test]
fn nothing_of_it_can_be_called_and_the_answer_says_what_to_do() {
    let home = Home::new();
    for words in [
        vec!["integrations:docs", "netbird"],
        vec!["integrations:examples", "netbird"],
        vec!["integrations:configure", "netbird", "--enable"],
    ] {
        let run = home.run(&[&words[..], &["--json"]].concat());
        assert_eq!(run.code, 3, "{words:?}: {}", run.stdout);
        assert!(run.stdout.contains("angelia integrations:import netbird"), "{words:?}: {}", run.stdout);
    }
    let call = json(&home, &["integrations:call", "netbird.list_peers"], 3);
    assert_eq!(call["error_detail"]["code"], "unknown_provider");
    assert_eq!(call["error_detail"]["hints"][0], "angelia integrations:import netbird");
    assert!(call["error"].as_str().unwrap().contains("netbird.list_peers"), "{call}");
}
