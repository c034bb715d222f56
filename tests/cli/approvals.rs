//! `approvals:*`.

use super::transcript;
use crate::support::server::Server;
use crate::support::shop;

#[test]
fn tickets() {
    let (home, _server) = shop::open("write = \"ask\"");
    transcript("approvals_none", &home, "approvals:list\napprovals:list --json\napprovals:show apr_1\napprovals:show apr_1 --json");
    let new = ["integrations:call", "shop.create_article", "--name=Lamp", "--price=1", "--json"];
    let ticket = || home.run(&new).json()["meta"]["approval_id"].as_str().unwrap().to_owned();
    let id = ticket();
    transcript(
        "approvals",
        &home,
        &"approvals:list
        approvals:list --state pending --json
        approvals:list --state spent
        approvals:show ID
        approvals:show ID --json
        approvals:approve ID
        approvals:list
        approvals:approve ID --json
        integrations:call shop.create_article --name Lamp --price 1 --json
        approvals:approve ID
        approvals:deny ID
        approvals:list --limit 1 --json"
            .replace("ID", &id),
    );
    let id = ticket();
    let (head, _) = id.split_at(10);
    transcript(
        "approvals_denied",
        &home,
        &"approvals:deny ID --json
        approvals:deny ID
        approvals:approve ID --run
        approvals:list --state denied
        approvals:list --state some"
            .replace("ID", &id),
    );
    assert_eq!(home.run(&["approvals:show", head, "--json"]).json()["approval"]["id"], id.as_str(), "the beginning of an id suffices");
}

#[test]
fn a_ticket_can_be_run_at_once() {
    let (home, _server) = shop::open("write = \"ask\"");
    let new = ["integrations:call", "shop.create_article", "--name=Lamp", "--price=1", "--json"];
    let ticket = || home.run(&new).json()["meta"]["approval_id"].as_str().unwrap().to_owned();
    transcript("approvals_run", &home, &format!("approvals:approve {} --run", ticket()));
    transcript("approvals_run_json", &home, &format!("approvals:approve {} --run --json", ticket()));
    let id = ticket();
    let elsewhere = Server::start(shop::answer);
    home.config(&shop::settings(&elsewhere, "write = \"ask\""));
    transcript("approvals_run_other", &home, &format!("approvals:approve {id} --run\naudit:list --outcome succeeded --limit 1"));
    assert!(elsewhere.requests().is_empty(), "what was approved is another request");
}
