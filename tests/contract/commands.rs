//! The JSON of every command that makes no call, on success and on failure.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::mirrors::{
    Accounts, Approval, Approvals, Calls, Changed, Configured, Doctor, DoctorAll, Envelope, Examples, Fields, FunctionPage, KeyMade,
    KeyRevoked, Keys, List, ListAll, OneCall, OneSetting, Overview, Paths, ProviderPage, Removed, RemovedFile, Renamed, ResultFile,
    ResultPart, Results, ResultsRemoved, Revoked, Script, Search, Settings, ShownApproval, ShownResult, Status, Tests, Trusted, Trusts,
    WouldTrust,
};
use super::{answers, read, refuses};
use crate::results::read::keep_one;
use crate::support::home::Home;
use crate::support::server::Server;
use crate::support::shop;

#[test]
fn discovery_answers_as_it_always_did() {
    let home = shop::closed();
    home.manifest("broken", "id: [");
    let list: List = answers(&home, &["integrations:list", "--tier=own"], 0);
    assert_eq!(list.providers.keys().collect::<Vec<_>>(), ["shop"]);
    assert_eq!(list.problems.0.map(|problems| problems.len()), Some(1));
    let whole: ListAll = answers(&shop::closed(), &["integrations:list", "--fields=all", "--tier=own"], 0);
    assert_eq!((whole.providers["shop"].functions, whole.providers["shop"].origin.as_str()), (5, "user"));
    assert_eq!(answers::<ListAll>(&shop::closed(), &["integrations:list", "--limit=1", "--fields=all"], 0).providers.len(), 1);
    let status: Status = answers(&home, &["integrations:status"], 0);
    assert!(!status.providers["shop"].active && status.active < status.total);
    let search: Search = answers(&home, &["integrations:search", "browse", "wares", "--provider=shop"], 0);
    assert_eq!((search.query.as_str(), search.functions[0].function.as_str()), ("browse wares", "shop.list_articles"));
    let overview: Overview = answers(&home, &["integrations:docs"], 0);
    assert!(overview.page.0.is_none() && overview.providers.contains(&"shop".into()));
    assert_eq!(answers::<ProviderPage>(&home, &["integrations:docs", "shop"], 0).functions.len(), 5);
    let page: FunctionPage = answers(&home, &["integrations:docs", "shop.create_article"], 0);
    assert_eq!(page.parameters.iter().filter(|parameter| parameter.required).count(), 2);
    let page = home.run(&["integrations:docs", "shop.create_article", "--format=json"]);
    let _: FunctionPage = read(&["--format=json"], &page);
    assert_eq!(answers::<Examples>(&home, &["integrations:examples", "shop"], 0).examples.len(), 5);
    let schema: Map<String, Value> = answers(&home, &["integrations:schema", "shop.create_article"], 0);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!((&schema["additionalProperties"], &schema["required"]), (&json!(false), &json!(["name", "price"])));
    let _: Map<String, Value> = answers(&home, &["integrations:schema", "shop.get_article", "--output"], 0);
}

#[test]
fn setting_up_answers_as_it_always_did() {
    let (home, server) = (shop::closed(), Server::start(shop::answer));
    home.config(&shop::settings(&server, ""));
    let fields: Fields = answers(&home, &["integrations:fields", "shop"], 0);
    assert_eq!(fields.fields.iter().map(|field| field.configured).collect::<Vec<_>>(), [false, true]);
    let doctor: Doctor = answers(&home, &["integrations:doctor", "shop"], 5);
    assert!(!doctor.success && !doctor.next.is_empty() && doctor.error.0.is_some());
    assert_eq!(doctor.error_detail.0.map(|detail| (detail.code, detail.hints)), Some((String::from("missing_credentials"), doctor.next)));
    let all: DoctorAll = answers(&home, &["integrations:doctor"], 5);
    assert!(!all.success && all.error.0.is_some() && all.error_detail.0.is_some());
    let set = format!("--set=token={}", shop::TOKEN);
    let configured: Configured = answers(&home, &["integrations:configure", "shop", &set, "--read=allow"], 0);
    assert!(configured.active && configured.test.0.is_none());
    let tested: Configured = answers(&home, &["integrations:configure", "shop", "--test"], 0);
    assert!(tested.test.0.unwrap().ok);
    assert!(answers::<DoctorAll>(&home, &["integrations:doctor"], 0).success);
    assert!(answers::<Tests>(&home, &["integrations:test"], 0).success);
    let failing: Configured = answers(&home, &["integrations:configure", "shop", "--account=other", "--set=token=wrong", "--test"], 6);
    assert!(!failing.success && failing.error.0.is_some() && failing.error_detail.0.is_some());
    let failing: Tests = answers(&home, &["integrations:test", "shop", "--account=other"], 6);
    assert_eq!(
        (failing.error.0, failing.error_detail.0.and_then(|detail| detail.http_status.0)),
        (failing.tests[0].error.0.clone(), Some(401))
    );
    assert_eq!(failing.tests[0].error_detail.0.as_ref().map(|detail| detail.code.as_str()), Some("provider_error"));
    assert_eq!(answers::<Accounts>(&home, &["integrations:accounts"], 0).accounts.len(), 2);
    let renamed: Renamed = answers(&home, &["integrations:accounts", "shop", "--rename=other", "--to=work"], 0);
    assert_eq!(renamed.renamed.to, "work");
    assert_eq!(answers::<Removed>(&home, &["integrations:accounts", "shop", "--remove=work"], 0).removed, "work");
    assert_eq!(answers::<Removed>(&home, &["integrations:disconnect", "shop"], 0).removed, "default");
    assert!(answers::<RemovedFile>(&home, &["integrations:remove", "shop"], 0).file.ends_with("shop.yaml"));
}

#[test]
fn approvals_and_the_audit_log_answer_as_they_always_did() {
    let (home, _server) = shop::open("write = \"ask\"");
    let new = ["integrations:call", "shop.create_article", "--name=Lamp", "--price=1"];
    let asked: Envelope = answers(&home, &new, 4);
    let id = asked.meta.approval_id.0.unwrap();
    let list: Approvals = answers(&home, &["approvals:list"], 0);
    assert_eq!((list.approvals[0].id.as_str(), list.approvals[0].state.as_str()), (id.as_str(), "pending"));
    let shown: ShownApproval = answers(&home, &["approvals:show", &id], 0);
    assert_eq!(shown.approval.arguments, json!({"name": "Lamp", "price": 1}));
    assert_eq!(answers::<Approval>(&home, &["approvals:approve", &id], 0).approval.state, "approved");
    let ran: Envelope = answers(&home, &["approvals:approve", &id, "--run"], 0);
    assert_eq!((ran.function.as_str(), ran.meta.attempts), ("shop.create_article", 1));
    let asked: Envelope = answers(&home, &new, 4);
    let id = asked.meta.approval_id.0.unwrap();
    assert_eq!(answers::<Approval>(&home, &["approvals:deny", &id], 0).approval.state, "denied");
    let calls: Calls = answers(&home, &["audit:list"], 0);
    assert_eq!(calls.calls.iter().map(|call| call.outcome.as_str()).collect::<Vec<_>>(), ["refused", "succeeded", "refused"]);
    let call: OneCall = answers(&home, &["audit:show", &calls.calls[1].call_id], 0);
    assert_eq!((call.call.http_status.0, call.call.attempts), (Some(200), 1));
}

#[test]
fn settings_and_trust_answer_as_they_always_did() {
    let home = shop::closed();
    assert!(answers::<Settings>(&home, &["config:list"], 0).settings.iter().any(|setting| setting.key == "http.retries"));
    assert_eq!(answers::<Changed>(&home, &["config:set", "http.retries", "2"], 0).value, json!(2));
    let one: OneSetting = answers(&home, &["config:get", "http.retries"], 0);
    assert_eq!((one.value, one.source.as_str()), (json!(2), "user"));
    assert!(answers::<Changed>(&home, &["config:unset", "http.retries"], 0).value.is_null());
    let project = home.path().join("work");
    std::fs::create_dir(project.join(".angelia")).unwrap();
    std::fs::write(project.join(".angelia/config.toml"), "[integrations.shop]\nread = \"allow\"\n").unwrap();
    assert!(answers::<Paths>(&home, &["config:path"], 0).project.0.is_some());
    let would: WouldTrust = answers(&home, &["trust", "--show"], 0);
    assert!(!would.trusted && would.files.len() == 1);
    assert!(answers::<Trusted>(&home, &["trust"], 0).trusted);
    assert!(answers::<Trusts>(&home, &["trust", "--list"], 0).projects[0].current);
    assert!(!answers::<Revoked>(&home, &["trust", "--revoke"], 0).trusted);
}

#[test]
fn kept_results_answer_as_they_always_did() {
    let home = Home::new();
    let id = keep_one(&home, "me", &json!({"items": [{"n": 1}, {"n": 2}]}));
    let list: Results = answers(&home, &["results:list"], 0);
    assert_eq!((list.results[0].id.as_str(), list.results[0].items.0), (id.as_str(), Some(1)));
    let shown: ShownResult = answers(&home, &["results:show", &id], 0);
    assert_eq!(shown.result.data["items"][1]["n"], 2);
    let file: ResultFile = answers(&home, &["results:show", &id, "--output=all.json"], 0);
    assert_eq!((file.path.as_str(), file.size > 20), ("all.json", true));
    let part: ResultPart = answers(&home, &["results:query", &id, "[.items[].n]", "--limit=1"], 0);
    assert_eq!((part.value, part.total.0, part.next_offset.0), (json!([1]), Some(2), Some(1)));
    assert_eq!(answers::<ResultsRemoved>(&home, &["results:remove", "--all"], 0).removed, 1);
}

#[test]
fn keys_of_clients_answer_as_they_always_did() {
    let home = shop::closed();
    let made: KeyMade = answers(&home, &["mcp:key:create", "laptop", "--expires=1d", "--rate=5"], 0);
    assert!(made.secret.starts_with("angelia_") && made.key.expires_at.0.is_some() && made.key.rate_per_minute == 5);
    let keys: Keys = answers(&home, &["mcp:key:list"], 0);
    assert_eq!((keys.keys[0].name.as_str(), keys.keys[0].state.as_str(), keys.keys[0].profile.0.as_deref()), ("laptop", "valid", None));
    assert!(answers::<KeyRevoked>(&home, &["mcp:key:revoke", "laptop"], 0).revoked);
}

/// For each command words that fail; those that cannot fail by their words have an unknown flag.
const FAILING: &[&[&str]] = &[
    &["integrations:list", "--limit=0"],
    &["integrations:status", "--fields=nothing"],
    &["integrations:doctor", "nothing"],
    &["integrations:fields", "nothing"],
    &["integrations:configure", "shop", "--set=nothing=x"],
    &["integrations:connect", "shop"],
    &["integrations:accounts", "shop", "--remove=nobody"],
    &["integrations:search"],
    &["integrations:docs", "shop.nothing"],
    &["integrations:examples", "nothing"],
    &["integrations:schema", "shop.get_owner", "--output"],
    &["integrations:call"],
    &["integrations:new", "github"],
    &["integrations:lint", "/nowhere"],
    &["integrations:lua", "--nothing"],
    &["mcp:lua", "--nothing"],
    &["mcp:tools", "nothing"],
    &["mcp:schema", "nothing"],
    &["mcp:call"],
    &["mcp:resources", "nothing"],
    &["mcp:resource", "nothing", "x"],
    &["mcp:prompts", "nothing"],
    &["mcp:prompt", "nothing", "x"],
    &["mcp:auth", "nothing"],
    &["integrations:test", "nothing"],
    &["integrations:disconnect", "shop"],
    &["integrations:remove", "github"],
    &["integrations:import", "nothing.json"],
    &["integrations:connect", "nothing"],
    &["integrations:update", "nothing"],
    &["mcp:list", "--nothing"],
    &["mcp:status", "--nothing"],
    &["mcp:doctor", "nothing"],
    &["mcp:add", "memory"],
    &["mcp:preset", "nothing"],
    &["mcp:remove", "nothing"],
    &["mcp:enable", "nothing"],
    &["mcp:disable", "nothing"],
    &["mcp:trust", "nothing"],
    &["mcp:untrust", "nothing"],
    &["mcp:secret:set", "nothing", "token", "--stdin"],
    &["mcp:secret:list", "nothing"],
    &["mcp:secret:unset", "nothing", "token"],
    &["mcp:serve", "--nothing"],
    &["mcp:import"],
    &["mcp:export", "--format=nothing"],
    &["mcp:gateway:export", "nothing"],
    &["mcp:gateway:install", "nothing"],
    &["lua:check", "nothing.lua"],
    &["lua:test", "nothing.lua"],
    &["lua:types", "--nothing"],
    &["mcp:key:create", "a b"],
    &["mcp:key:list", "--nothing"],
    &["mcp:key:revoke", "nothing"],
    &["approvals:list", "--state=gone"],
    &["approvals:show", "apr_0"],
    &["approvals:approve", "apr_0"],
    &["approvals:deny", "apr_0"],
    &["audit:list", "--since=yesterday"],
    &["audit:show", "0"],
    &["results:list", "--limit=0"],
    &["results:show", "res_0"],
    &["results:query", "res_0", "."],
    &["results:remove"],
    &["config:list", "--nothing"],
    &["config:get", "nothing"],
    &["config:set", "http.retries", "many"],
    &["config:unset", "..."],
    &["config:path", "--nothing"],
    &["trust"],
    &["completions", "tcsh"],
];

#[test]
fn every_command_fails_in_json() {
    let help = shop::closed().run(&["--help"]).stdout;
    let commands: BTreeSet<&str> = help.lines().filter_map(|line| line.strip_prefix("  ")?.split("  ").next()).collect();
    let commands: BTreeSet<&str> =
        commands.into_iter().filter(|word| !word.is_empty() && !word.starts_with('-') && *word != "help").collect();
    assert_eq!(FAILING.iter().map(|words| words[0]).collect::<BTreeSet<_>>(), commands, "each command of the help has a row");
    let home = shop::closed();
    for words in FAILING {
        refuses(&home, words);
        refuses(&home, &words[0].split(':').chain(words[1..].iter().copied()).collect::<Vec<_>>());
    }
    for words in [
        &[][..],
        &["integrations"],
        &["config"],
        &["help", "nothing"],
        &["nothing"],
        &["integrations:nothing"],
        &["integrations:shop", "--json", "x"],
    ] {
        refuses(&home, words);
    }
    let script: Script = answers(&home, &["completions", "bash"], 0);
    assert!(script.shell == "bash" && script.script.contains("complete -F"));
}
