//! `integrations:list`, `status`, `search`, `docs`, `examples`, `schema`.

use super::{compare, told, transcript};
use crate::support::shop;

#[test]
fn list() {
    let (home, _server) = shop::open("read = \"allow\"");
    transcript(
        "list",
        &home,
        "integrations:list --tier own
        integrations:list --tier own --json
        integrations:list --category commerce --tier own --fields title,accounts,read,write --json
        integrations:list --category nothing
        integrations:list --category nothing --json
        integrations:list --tier own --operation destructive --fields reads,destructives --json
        integrations:list --category weather --operation write --json
        integrations:list --tier described --operation read
        integrations:list --tier own --fields nothing
        integrations:list --tier golden
        integrations:list --limit many --json",
    );
}

#[test]
fn list_with_a_manifest_that_cannot_be_read_and_one_that_hides() {
    let home = shop::closed();
    home.manifest("broken", "id: broken\ntitle: [");
    home.manifest("wrong", "{id: wrong, title: Wrong, functions: []}");
    let github = "{id: github, title: Mine, description: My own., category: test, auth_strategy: none, servers: {default: 'http://127.0.0.1:1'}, \
         functions: [{id: get_it, title: Get it, description: Reads., operation: read, request: GET /, examples: [{arguments: {}}]}]}";
    home.manifest("github", github);
    transcript("list_problems", &home, "integrations:list --tier own\nintegrations:list --tier own --json");
}

#[test]
fn status() {
    let (home, _server) = shop::open("read = \"allow\"\ndestructive = \"deny\"\n[integrations.shop.accounts.work]\nread = \"deny\"");
    transcript(
        "status",
        &home,
        "integrations:status --tier own\nintegrations:status --tier own --json\nintegrations:status --category weather --operation write --json",
    );
    transcript("status_closed", &shop::closed(), "integrations:status --tier own\nintegrations:status --tier own --active --json");
}

#[test]
fn search() {
    transcript(
        "search",
        &shop::closed(),
        "integrations:search --provider shop browse wares
        integrations:search 'browse wares' --provider shop --json
        integrations:search create article --provider shop --operation write --limit 1 --json
        integrations:search article --tier own --operation destructive
        integrations:search artcle --provider shop --fields function,tier --json
        integrations:search zzzzzz --provider shop
        integrations:search zzzzzz --provider shop --json
        integrations:search article --provider shp
        integrations:search --json",
    );
}

#[test]
fn docs() {
    let (home, _server) = shop::open("read = \"allow\"");
    transcript(
        "docs",
        &home,
        "integrations:docs shop
        integrations:docs shop.create_article
        integrations:docs shop.list_articles --format markdown
        integrations:docs shop.get_owner --json
        integrations:docs shop.get_onwer
        integrations:docs shp --json",
    );
}

#[test]
fn docs_without_a_page_tell_how_to_go_on() {
    let home = shop::closed();
    let run = home.run(&["integrations:docs"]);
    // How much there is grows with the catalog.
    let counts = |line: &&str| !line.contains("functions") || !line.contains(|c: char| c.is_ascii_digit());
    let kept: Vec<&str> = run.stdout.lines().filter(counts).collect();
    assert_eq!(kept.len() + 1, run.stdout.lines().count(), "{}", run.stdout);
    compare("docs_overview", &home, &kept.join("\n"));
}

#[test]
fn examples() {
    transcript(
        "examples",
        &shop::closed(),
        "integrations:examples shop
        integrations:examples shop.create_article
        integrations:examples shop.create_article --json
        integrations:examples shop.nothing
        integrations:examples --json",
    );
}

#[test]
fn schema() {
    transcript(
        "schema",
        &shop::closed(),
        "integrations:schema shop.list_articles
        integrations:schema shop.create_article --json
        integrations:schema shop.get_article --output
        integrations:schema shop.get_owner --output
        integrations:schema shop.nothing --json",
    );
}

#[test]
fn two_words_for_a_command_are_the_same_as_one() {
    let home = shop::closed();
    for line in ["list --tier own", "docs shop", "schema shop.get_owner", "call shop.get_owner --json", "nothing", "fields shp"] {
        let (one, two) = (format!("integrations:{line}"), format!("integrations {line}"));
        let run = |line: &str| super::normalised(&told("", &home.run(&super::words(line))), home.path());
        assert_eq!(run(&one), run(&two), "{line}");
    }
}
