//! `audit:*`.

use super::transcript;
use crate::support::home::Home;
use crate::support::shop;

#[test]
fn log() {
    let (home, _server) = shop::open("read = \"allow\"\nwrite = \"ask\"\ndestructive = \"deny\"");
    transcript("audit_none", &home, "audit:list\naudit:list --json\naudit:show 1\naudit:show 1 --json");
    for line in [
        "integrations:call shop.get_article --article a1",
        "integrations:call shop.get_article --article none",
        "integrations:call shop.get_article --article a1 --dry-run",
        "integrations:call shop.create_article --name Lamp --price 1",
        "integrations:call shop.create_article --name Lost --price 1 --force",
        "integrations:call shop.delete_article --article a1",
        "integrations:call shop.nothing",
        "integrations:call shop.create_article --price -1",
    ] {
        let _ = home.run(&super::words(line));
    }
    transcript(
        "audit",
        &home,
        "audit:list
        audit:list --json
        audit:list --function shop.get_article --outcome failed
        audit:list --function shop.get_* --limit 1 --json
        audit:list --forced --json
        audit:list --code permission_denied --operation destructive
        audit:list --since 1h --until 2100-01-01T00:00:00Z --account default --origin cli --limit 1
        audit:list --account work
        audit:list --since yesterday
        audit:list --outcome lost --json",
    );
    let calls = home.run(&["audit:list", "--json"]).json();
    let id = calls["calls"][3]["call_id"].as_str().unwrap();
    transcript("audit_show", &home, &format!("audit:show {id}\naudit:show {id} --json"));
}

#[test]
fn origins_are_chains() {
    let home = Home::new();
    for id in ["1", "2", "3", "4"] {
        let run = home.run(&["integrations:call", "data.create", "--collection=c", "--id", id, "--arg=document={}", "--json"]);
        assert_eq!(run.code, 0, "{}", run.stdout);
    }
    let db = rusqlite::Connection::open(home.root().join("data/angelia.db")).unwrap();
    for (number, origin) in [(2, "cli/lua"), (3, "cli/lua/lua"), (4, "cli/luau")] {
        assert_eq!(db.execute("UPDATE calls SET origin = ?2 WHERE number = ?1", (number, origin)).unwrap(), 1);
    }
    let table: [(&str, &[&str]); 6] = [
        ("cli", &["cli/luau", "cli/lua/lua", "cli/lua", "cli"]),
        ("lua", &["cli/lua/lua", "cli/lua"]),
        ("cli/lua", &["cli/lua"]),
        ("lua/lua", &[]),
        ("lu", &[]),
        ("%", &[]),
    ];
    for (asked, expected) in table {
        let calls = home.run(&["audit:list", "--origin", asked, "--json"]).json();
        let found: Vec<&str> = calls["calls"].as_array().unwrap().iter().map(|call| call["origin"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{asked}");
    }
}
