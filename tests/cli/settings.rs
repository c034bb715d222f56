//! `config:*` and `trust`.

use super::transcript;
use crate::support::shop;

#[test]
fn settings() {
    let (home, _server) = shop::open("read = \"allow\"\n[integrations.shop.functions]\n\"delete_*\" = \"deny\"");
    transcript(
        "config",
        &home,
        "config:list
        config:list --json
        config:get http.retries
        config:get http.retries --json
        config:get http.retry
        config:get http.retry --json
        config:set http.retries 5
        config:set http.retries 6 --json
        config:get http.retries --json
        config:set http.retries many
        config:set http.retry 5
        config:set 'integrations.shop.functions.\"get_*\"' allow
        config:set integrations.shop.write sometimes
        config:unset http.retries
        config:unset http.retries --json
        config:get http.retries --json
        config:get integrations.shop.functions.\"get_*\" --json
        config:set http.retries
        config:path
        config:path --json",
    );
}

#[test]
fn projects() {
    let home = shop::closed();
    let project = home.path().join("project");
    std::fs::create_dir_all(project.join("below")).unwrap();
    let home = home.cwd(&project.join("below"));
    transcript("trust_none", &home, "trust\ntrust --json\ntrust --list\ntrust --list --json\ntrust --revoke --json");
    std::fs::create_dir_all(project.join(".angelia/providers")).unwrap();
    std::fs::write(project.join(".angelia/config.toml"), "[integrations.shop]\nenabled = true\nread = \"allow\"\nwrite = \"deny\"\n")
        .unwrap();
    transcript(
        "trust",
        &home,
        "trust --show
        trust --show --json
        integrations:doctor
        integrations:call shop.get_owner
        config:list --json
        trust
        trust --list
        integrations:doctor --json
        integrations:call shop.get_owner
        config:get integrations.shop.read --json
        config:set http.retries 1 --project
        trust --list --json
        config:path",
    );
    std::fs::write(project.join(".angelia/config.toml"), "[integrations.shop]\nwrite = \"allow\"\n").unwrap();
    transcript(
        "trust_changed",
        &home,
        "trust --list
        trust --show --json
        trust --json
        trust --revoke
        trust --revoke
        trust /nowhere/at/all
        trust --list",
    );
}
