//! `integrations:call` and its shortcuts. What a call does is tested elsewhere; here it is how it is told.

use super::{compare, told, transcript};
use crate::support::shop;

#[test]
fn answers() {
    let (home, _server) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    transcript(
        "call",
        &home,
        r#"integrations:call shop.get_owner
        integrations:call shop.get_owner --json
        integrations call shop.get_owner --json
        integrations:shop get_owner --json
        integrations shop get_owner
        integrations:call shop.list_articles
        integrations:call shop.list_articles --all
        integrations:call shop.list_articles --all --json
        integrations:call shop.list_articles --max-items 1 --json
        integrations:call shop.list_articles --all --ndjson
        integrations:call shop.list_articles --select .articles[].name
        integrations:call shop.list_articles --all --select '[.articles[].price]|add' --json
        integrations:call shop.create_article '{"name": "Lamp", "price": 1}' --price 1200
        integrations:call shop.delete_article --article a1
        integrations:call shop.delete_article --article a1 --json"#,
    );
}

#[test]
fn dry_runs() {
    let (home, _server) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    transcript(
        "call_dry_run",
        &home,
        "integrations:call shop.create_article --name Lamp --price 1200 --dry-run
        integrations:call shop.create_article --name Lamp --price 1200 --no-sold --dry-run --json
        integrations:call shop.list_articles --color red --dry-run
        integrations:call data.create --collection c --document.a=1 --dry-run",
    );
}

#[test]
fn words_that_are_wrong() {
    let (home, _server) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    transcript(
        "call_wrong",
        &home,
        "integrations:call
        integrations:call --json
        integrations:call shop
        integrations:call shop.
        integrations:call shop.get_onwer
        integrations:call shp.get_owner --json
        integrations:shp
        integrations:shop nothing
        integrations:shop --json get_owner
        integrations:call shop.create_article
        integrations:call shop.create_article --nmae Lamp --price cheap --sold=perhaps
        integrations:call shop.create_article --nmae Lamp --price -1 --json
        integrations:call shop.list_articles --color green --limit 101
        integrations:call shop.create_article '[]'
        integrations:call shop.create_article {name --json
        integrations:call shop.get_owner {} {}
        integrations:call shop.get_owner --max-items none
        integrations:call shop.get_owner --ndjson
        integrations:call shop.get_owner --select .[ --json",
    );
}

#[test]
fn refusals() {
    let (home, _server) = shop::open("read = \"allow\"\nwrite = \"ask\"\ndestructive = \"deny\"");
    transcript(
        "call_refused",
        &home,
        "integrations:call shop.create_article --name Lamp --price 1
        integrations:call shop.create_article --name Lamp --price 1 --json
        integrations:call shop.create_article --name Lamp --price 1 --dry-run
        integrations:call shop.create_article --name Lamp --price 1 --force
        integrations:call shop.delete_article --article a1
        integrations:call shop.delete_article --article a1 --json
        integrations:call shop.delete_article --article a1 --force --json
        integrations:call shop.get_owner --account work
        config:set force never
        integrations:call shop.delete_article --article a1 --force",
    );
    let home = shop::closed();
    transcript(
        "call_closed",
        &home,
        "integrations:call shop.get_owner
        integrations:call shop.get_owner --json
        integrations:configure shop --enable
        integrations:call shop.get_owner
        integrations:call shop.get_owner --json",
    );
}

#[test]
fn failures_of_the_service() {
    let (home, server) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    transcript(
        "call_failed",
        &home,
        "integrations:call shop.get_article --article none
        integrations:call shop.get_article --article none --json
        integrations:call shop.get_article --article busy
        integrations:call shop.get_article --article busy --json
        integrations:call shop.get_article --article page
        integrations:call shop.create_article --name Lost --price 1
        integrations:call shop.create_article --name Lost --price 1 --json
        integrations:call shop.get_article --article slow --timeout 0.3
        integrations:configure shop --no-allow-private
        integrations:call shop.get_owner
        integrations:configure shop --allow-private",
    );
    drop(server);
    transcript("call_unreachable", &home, "integrations:call shop.create_article --name Lamp --price 1");
}

#[test]
fn payloads_come_from_stdin() {
    let (home, _server) = shop::open("write = \"allow\"");
    let table = [
        ("integrations:call shop.create_article --dry-run", r#"{"name": "Lamp", "price": 1}"#),
        ("integrations:call shop.create_article - --price 2 --dry-run", r#"{"name": "Lamp", "price": 1}"#),
        ("integrations:call shop.create_article --price 2 --name Rug --dry-run", ""),
        ("integrations:call shop.create_article - --json", "nothing"),
        ("integrations:call shop.create_article -", ""),
        ("integrations:call shop.create_article -", "7"),
    ];
    let told = table.map(|(line, stdin)| told(&format!("{line} <<< '{stdin}'"), &home.run_with(&super::words(line), stdin.as_bytes())));
    compare("call_stdin", &home, &told.join("\n"));
}
