//! Search finds what people mean: everyday queries, misspelt and inflected words, filters. The queries were written down before anyone
//! looked at what they find; a query that fails is answered by better words in a manifest or better ranking, not by another query.

use serde_json::Value;

use angelia::registry::catalog::{Catalog, Filter};

use crate::support::home::Home;

/// What somebody types, and the functions that would serve them; any of them is right.
const EVERYDAY: [(&str, &str); 64] = [
    ("create an issue on github", "github.create_issue"),
    ("open a pull request", "github.create_pull_request"),
    ("merge a pull request", "github.merge_pull_request"),
    ("list my repositories", "github.list_my_repositories"),
    ("comment on a github issue", "github.create_issue_comment"),
    ("search code on github", "github.search_code"),
    ("latest release of a repository", "github.get_latest_release"),
    ("rerun failed CI jobs", "github.rerun_failed_jobs"),
    ("read the readme", "github.get_readme"),
    ("download a file from a repo", "github.download_file github.get_file github.get_file_text"),
    ("star count of a repository", "github.get_repository"),
    ("who contributed to a repo", "github.list_contributors"),
    ("send a slack message", "slack.post_message"),
    ("post to a channel", "slack.post_message"),
    ("schedule a message for later", "slack.schedule_message"),
    ("list slack channels", "slack.list_channels slack.list_user_channels"),
    ("find slack user by email", "slack.find_user_by_email"),
    ("react with an emoji", "slack.add_reaction linear.create_reaction"),
    ("set my slack status", "slack.set_status"),
    ("invite someone to a channel", "slack.invite_to_channel"),
    ("upload a file to slack", "slack.get_upload_url slack.complete_upload"),
    ("refund a payment", "stripe.create_refund"),
    ("create a customer in stripe", "stripe.create_customer"),
    ("cancel a subscription", "stripe.cancel_subscription stripe.schedule_subscription_cancellation"),
    ("send an invoice to a customer", "stripe.send_invoice"),
    ("list unpaid invoices", "stripe.list_invoices stripe.search_invoices"),
    ("account balance", "stripe.get_balance"),
    ("make a payment link", "stripe.create_payment_link"),
    ("create a discount code", "stripe.create_promotion_code stripe.create_coupon"),
    ("charge a card", "stripe.create_and_confirm_payment_intent stripe.create_payment_intent"),
    ("bitcoin price", "coingecko.get_price"),
    ("trending coins", "coingecko.get_trending"),
    ("price history of a cryptocurrency", "coingecko.get_market_chart coingecko.get_coin_history coingecko.get_market_chart_range"),
    ("list crypto exchanges", "coingecko.list_exchanges"),
    ("weather tomorrow", "open_meteo.get_forecast"),
    ("current temperature", "open_meteo.get_current_weather"),
    ("air quality in a city", "open_meteo.get_air_quality"),
    ("coordinates of a town", "open_meteo.search_locations"),
    ("how high is this place above sea level", "open_meteo.get_elevation"),
    ("top hacker news stories", "hackernews.list_top_stories hackernews.list_front_page hackernews.list_best_stories"),
    ("search hacker news", "hackernews.search"),
    ("comments of a hacker news story", "hackernews.get_item_tree hackernews.get_item"),
    ("add a todo", "todoist.create_task todoist.quick_add_task"),
    ("mark a task as done in todoist", "todoist.close_task"),
    ("tasks due today", "todoist.filter_tasks todoist.list_tasks"),
    ("create a notion page", "notion.create_page"),
    ("query a notion database", "notion.query_data_source"),
    ("append text to a notion page", "notion.append_block_children notion.insert_page_markdown"),
    ("search jira issues with jql", "jira.search_issues"),
    ("move jira ticket to done", "jira.transition_issue"),
    ("log work on a jira issue", "jira.create_worklog"),
    ("assign a jira issue to someone", "jira.assign_issue"),
    ("issues in the current sprint", "jira.list_sprint_issues"),
    ("create a linear issue", "linear.create_issue"),
    ("my linear issues", "linear.list_my_issues"),
    ("list plane projects", "plane.list_projects"),
    ("create a work item in plane", "plane.create_issue"),
    ("add issue to cycle", "plane.add_issues_to_cycle"),
    ("create clickup task", "clickup.create_task"),
    ("start a timer", "clickup.start_timer"),
    ("store a json document", "data.create"),
    ("query documents with a filter", "data.list"),
    ("delete a branch", "github.delete_branch"),
    ("who am I logged in as on github", "github.get_authenticated_user"),
];

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
fn everyday_queries_find_the_function_meant() {
    let catalog = Catalog::open(Vec::new()).unwrap();
    every_name_exists(&catalog, &EVERYDAY);
    let mut missed = Vec::new();
    let mut first = 0;
    for (query, wanted) in EVERYDAY {
        let found = found(&catalog, query, 5);
        match place(&found, wanted) {
            Some(0) => first += 1,
            Some(_) => {}
            None => missed.push(format!("{query:?} should find {wanted}, found {}", found.join(" "))),
        }
    }
    let share = 100 * first / EVERYDAY.len();
    assert!(missed.is_empty(), "{} not among the first five ({share} % come first):\n  {}", missed.len(), missed.join("\n  "));
    assert!(share >= 60, "only {share} % of the functions meant come first");
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
