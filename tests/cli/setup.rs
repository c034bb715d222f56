//! `integrations:fields`, `configure`, `accounts`, `doctor`, `test`, `disconnect`, `remove`.

use super::{compare, told, transcript};
use crate::support::server::Server;
use crate::support::shop;

#[test]
fn fields() {
    transcript(
        "fields",
        &shop::closed(),
        "integrations:fields shop
        integrations:fields shop --account work --json
        integrations:fields data
        integrations:fields data --json
        integrations:fields shp
        integrations:fields",
    );
    transcript("fields_set", &shop::closed().env("SHOP_TOKEN", "x"), "integrations:fields shop\nintegrations:fields shop --json");
}

#[test]
fn configure() {
    let (home, server) = (shop::closed(), Server::start(shop::answer));
    home.config(&shop::settings(&server, ""));
    transcript(
        "configure",
        &home,
        &"integrations:configure shop
        integrations:configure shop --json
        integrations:configure shop --set tokn=x --set shelf=a --server nothing=http://127.0.0.1:1
        integrations:configure shop --set token
        integrations:configure shop --server default=ftp://shop.example --json
        integrations:configure shop --enable --disable
        integrations:configure shop --read sometimes
        integrations:configure shop --project --set token=x
        integrations:configure shp --enable
        integrations:configure shop --disable --read allow --json
        integrations:configure shop --enable --set token=TOKEN
        integrations:configure shop --test
        integrations:configure shop --account work --set token=wrong --use-account --test --json
        integrations:configure shop --account work --account-rules --write deny --function 'delete_*=ask'
        integrations:configure shop --account work --unset token --json
        config:list --json"
            .replace("TOKEN", shop::TOKEN),
    );
}

#[test]
fn configure_reads_json() {
    let home = shop::closed();
    let table = [
        r#"{"set": {"token": "abc"}, "enabled": true, "permissions": {"read": "allow"}, "functions": {"delete_*": "deny"}}"#,
        r#"{"account": "work", "credentials": {"token": null}}"#,
        r#"{"scope": "nowhere"}"#,
        r#"{"color": "red"}"#,
        r#"{"set": {"token": "cmd:cat /etc/passwd"}}"#,
        r#"{"permissions": {"everything": "allow"}}"#,
        "[]",
        "{",
        "",
    ];
    let told = table.map(|stdin| {
        let line = "integrations:configure shop --stdin-json --json";
        told(&format!("{line} <<< '{stdin}'"), &home.run_with(&super::words(line), stdin.as_bytes()))
    });
    compare("configure_json", &home, &told.join("\n"));
}

#[test]
fn accounts() {
    let home = shop::closed();
    transcript(
        "accounts",
        &home,
        "integrations:accounts
        integrations:accounts --json
        integrations:configure shop --set token=a
        integrations:configure shop --account work --set shelf=b
        integrations:accounts
        integrations:accounts shop --json
        integrations:accounts shop --rename work --to private
        integrations:accounts shop --rename work --to other --json
        integrations:accounts shop --rename private --to default
        integrations:accounts shop --rename private
        integrations:accounts --remove private
        integrations:accounts shop --remove private
        integrations:accounts shop --remove private --json
        integrations:accounts shop --remove 'No Name'
        integrations:accounts shp",
    );
}

#[test]
fn doctor() {
    let home = shop::closed();
    transcript(
        "doctor",
        &home,
        "integrations:doctor
        integrations:doctor --json
        integrations:doctor shop
        integrations:doctor shop --account work --json
        integrations:configure shop --set token=x --enable --read allow --destructive deny --allow-private
        integrations:doctor
        integrations:doctor shop
        integrations:doctor shp",
    );
    home.manifest("broken", "id: broken\ntitle: [");
    transcript("doctor_manifest", &home, "integrations:doctor\nintegrations:doctor --json");
}

#[test]
fn test() {
    let (home, _server) = shop::open("read = \"allow\"");
    transcript(
        "test",
        &home,
        "integrations:test
        integrations:test --json
        integrations:test shop
        integrations:test shop --account nobody --json
        integrations:test data
        integrations:test shp",
    );
    let (asks, _server) = shop::open("read = \"ask\"");
    transcript("test_asks", &asks, "integrations:test shop");
    transcript("test_nothing", &shop::closed(), "integrations:test\nintegrations:test --json");
}

#[test]
fn disconnect_and_remove() {
    transcript(
        "remove",
        &shop::closed(),
        "integrations:configure shop --set token=x
        integrations:disconnect shop
        integrations:disconnect shop
        integrations:disconnect shop --account work --json
        integrations:disconnect
        integrations:remove data
        integrations:remove data --json
        integrations:remove shop
        integrations:remove shop --json
        integrations:list --tier imported",
    );
}

#[test]
fn what_destroys_is_not_allowed_unsaid() {
    let (home, _server) = shop::open("");
    let said = |words: &[&str]| home.run(&[&["integrations:configure", "shop", "--write=allow"], words].concat()).stdout;
    assert!(said(&[]).contains("what destroys, such as shop."), "{}", said(&[]));
    assert!(!said(&["--destructive=ask"]).contains("what destroys"));
}
