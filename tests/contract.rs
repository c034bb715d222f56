//! What callers may rely on (section 3 of the contract and the JSON of every command), read from the program as a caller would: mirror types that
//! demand every key and refuse every other one. A key that comes, goes or changes its type fails here. What the texts say is deliberately absent.
#![allow(dead_code, reason = "fields of the mirror types are demanded, not read")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::home::{Home, Run, finish};
use crate::support::server::{Reply, Server};
use crate::support::shop;

/// Exit status and codes as the contract lists them; Lua's are absent because nothing of it exists yet.
const EXITS: &[(i32, &[&str])] = &[
    (2, &["usage", "invalid_arguments", "invalid_payload"]),
    (3, &["unknown_provider", "unknown_function", "unknown_account", "not_found"]),
    (4, &["permission_denied", "approval_required", "untrusted"]),
    (5, &["inactive", "missing_credentials", "needs_reauth", "unsupported_runtime"]),
    (6, &["provider_error", "rate_limited", "invalid_response"]),
    (7, &["unreachable", "timeout", "outcome_unknown"]),
    (70, &["internal"]),
    (130, &["cancelled"]),
];

/// Codes that no case here can bring about: nothing raises them, or only a fault of ours would.
const NOT_SEEN: &[&str] = &["untrusted", "internal"];

/// A key that must be there; its value may be null.
struct Nullable<T>(Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Null => Ok(Self(None)),
            value => serde_json::from_value(value).map(|value| Self(Some(value))).map_err(D::Error::custom),
        }
    }
}

/// A key that may be absent, but is never null.
struct Sometimes<T>(Option<T>);

impl<T> Default for Sometimes<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sometimes<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(|value| Self(Some(value)))
    }
}

/// Types that mirror a JSON object: every key demanded, no other allowed.
macro_rules! mirrors {
    ($($(#[$about:meta])* $name:ident { $($(#[$how:meta])* $key:ident: $kind:ty),* $(,)? })*) => {
        $($(#[$about])* #[derive(Deserialize)] #[serde(deny_unknown_fields)] struct $name { $($(#[$how])* $key: $kind),* })*
    };
}

mirrors! {
    Envelope { function: String, success: bool, data: Value, error: Nullable<String>, error_detail: Nullable<Detail>, meta: Meta, duration_ms: f64 }
    Detail {
        code: String, problems: Vec<Problem>, hints: Vec<String>, retryable: bool, http_status: Nullable<u16>, request_id: Nullable<String>,
        retry_after_ms: Nullable<u64>, provider: Nullable<Provider>,
    }
    Problem { pointer: String, message: String }
    /// What the remote service said.
    Provider { code: Nullable<String>, body: Value }
    Meta {
        call_id: String, operation: Nullable<String>, account: String, dry_run: bool, permission_bypassed: bool, attempts: u32,
        #[serde(default)] pages: Sometimes<u32>,
        #[serde(default)] items: Sometimes<u64>,
        #[serde(default)] complete: Sometimes<bool>,
        #[serde(default)] stopped_by: Sometimes<String>,
        #[serde(default)] truncated: Sometimes<bool>,
        #[serde(default)] result_id: Sometimes<String>,
        #[serde(default)] request: Sometimes<Request>,
        #[serde(default)] approval_id: Sometimes<String>,
        #[serde(default)] replayed: Sometimes<bool>,
    }
    Request { method: String, url: String, headers: BTreeMap<String, String>, #[serde(default)] body: Value, digest: String }
    /// A failure of every command that makes no call.
    Refusal { success: bool, error: String, error_detail: Detail }

    List { success: bool, providers: BTreeMap<String, Listed>, #[serde(default)] total: Sometimes<u64>, #[serde(default)] problems: Sometimes<Vec<BadFile>> }
    Listed {
        title: String, category: String, tier: String, active: bool, configured: bool, functions: u32, auth_strategy: String,
        cli_setup_supported: bool, cli_runtime_supported: bool,
    }
    BadFile { file: String, line: Nullable<u64>, message: String }
    ListAll { success: bool, providers: BTreeMap<String, Whole>, #[serde(default)] total: Sometimes<u64> }
    Whole {
        title: String, description: String, category: String, tier: String, origin: String, hides_built_in: bool, active: bool, enabled: bool,
        configured: bool, accounts: Vec<String>, functions: u32, reads: u32, writes: u32, destructives: u32, examples: Vec<String>, read: String,
        write: String, destructive: String, auth_strategy: String, cli_setup_supported: bool, cli_runtime_supported: bool, host_availability: Value,
        runtime_requirements: Value, compatibility_summary: String,
    }
    Status { success: bool, active: u64, total: u64, providers: BTreeMap<String, StatusOf> }
    StatusOf { active: bool, enabled: bool, configured: bool, accounts: Vec<String>, functions: u32, read: String, write: String }
    Search { success: bool, query: String, functions: Vec<Found> }
    Found { function: String, operation: String, active: bool, score: f64, title: String, description: String }
    Overview { success: bool, page: Nullable<String>, text: String, providers: Vec<String> }
    ProviderPage {
        success: bool, page: String, text: String, provider: String, title: String, description: String, state: String,
        links: BTreeMap<String, String>, functions: Vec<Entry>,
    }
    Entry { function: String, operation: String, title: String }
    FunctionPage {
        success: bool, page: String, text: String, function: String, title: String, description: String, operation: String, state: String,
        permission: String, parameters: Vec<Parameter>, examples: Vec<Titled>, schema: Value,
    }
    Parameter { name: String, r#type: String, required: bool, description: String }
    Titled { title: Nullable<String>, arguments: Value, shortcut: String, generic: String, json: String, stdin: String, lua: String }
    Examples { success: bool, page: String, examples: Vec<Example> }
    Example { function: String, arguments: Value, shortcut: String, generic: String, json: String, stdin: String, lua: String }
    Fields { success: bool, provider: String, account: String, fields: Vec<Field> }
    Field {
        key: String, label: String, required: bool, secret: bool, configured: bool, source: Nullable<String>, variable: Nullable<String>,
        default: Nullable<String>, help: String, env: Vec<String>,
    }
    Doctor { success: bool, provider: String, account: String, functions: u64, checks: Vec<Check>, next: Vec<String> }
    DoctorAll { success: bool, checks: Vec<Check>, providers: BTreeMap<String, Vec<Check>>, next: Vec<String> }
    Check { check: String, ok: bool, message: String, next: Vec<String> }
    Accounts { success: bool, accounts: Vec<Account> }
    Account { provider: String, account: String, configured: bool }
    Renamed { success: bool, provider: String, renamed: FromTo }
    FromTo { from: String, to: String }
    Removed { success: bool, provider: String, removed: String }
    RemovedFile { success: bool, provider: String, file: String }
    Configured {
        success: bool, provider: String, account: String, scope: String, credentials_changed: Vec<String>, settings_changed: Vec<String>,
        enabled: bool, configured: bool, missing: Vec<String>, active: bool, test: Nullable<Tested>,
    }
    Tests { success: bool, tests: Vec<Tested> }
    Tested {
        provider: String, account: String, function: String, ok: bool, error: Nullable<String>, error_detail: Nullable<Detail>, duration_ms: f64,
    }
    Approvals { success: bool, approvals: Vec<Ticket> }
    Approval { success: bool, approval: Ticket }
    Ticket {
        id: String, state: String, function: String, account: String, operation: String, origin: String, created_at: String, expires_at: String,
        decided_at: Nullable<String>, spent_at: Nullable<String>, digest: String,
    }
    ShownApproval { success: bool, approval: WholeTicket }
    WholeTicket {
        id: String, state: String, function: String, account: String, operation: String, origin: String, created_at: String, expires_at: String,
        decided_at: Nullable<String>, spent_at: Nullable<String>, digest: String, arguments: Value, request: Request,
    }
    Calls { success: bool, calls: Vec<Recorded> }
    OneCall { success: bool, call: Recorded }
    Recorded {
        call_id: String, time: String, origin: String, function: String, account: String, operation: Nullable<String>, arguments: Value,
        arguments_digest: Nullable<String>, outcome: String, code: Nullable<String>, http_status: Nullable<u16>, attempts: u32, duration_ms: f64,
        force: bool, dry_run: bool, approval_id: Nullable<String>,
    }
    Settings { success: bool, settings: Vec<Setting> }
    Setting { key: String, value: Value, source: String, help: String }
    OneSetting { success: bool, key: String, value: Value, source: String }
    Changed { success: bool, key: String, value: Nullable<String> }
    Paths { success: bool, config: Nullable<String>, data: Nullable<String>, cache: Nullable<String>, project: Nullable<String> }
    Trusts { success: bool, projects: Vec<Trust> }
    Trust { project: String, current: bool }
    Trusted { success: bool, project: String, trusted: bool, fingerprint: String, files: Vec<String> }
    Revoked { success: bool, project: String, trusted: bool }
    WouldTrust { success: bool, project: String, trusted: bool, files: Vec<TrustFile>, ignored: Vec<String> }
    TrustFile { file: String, text: String }
    Script { success: bool, shell: String, script: String }
}

/// Reads what must be one JSON document of this form, alone on its line.
fn read<T: DeserializeOwned>(words: &[&str], run: &Run) -> T {
    assert_eq!(run.stdout.matches('\n').count(), 1, "{words:?} is to print one line: {run:?}");
    assert!(!run.stdout.contains('\u{1b}'), "{words:?} colours JSON");
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}\n{run:?}"))
}

/// Runs a command that must succeed, or fail with `exit`, and reads its answer.
fn answers<T: DeserializeOwned>(home: &Home, words: &[&str], exit: i32) -> T {
    let run = home.run(&[words, &["--json"]].concat());
    assert_eq!(run.code, exit, "{words:?}: {run:?}");
    read(words, &run)
}

/// A refusal of a command that makes no call.
fn refuses(home: &Home, words: &[&str]) {
    let run = home.run(&[words, &["--json"]].concat());
    let refusal: Refusal = read(words, &run);
    assert!(!refusal.success);
    assert_exit(words, run.code, &refusal.error_detail.code);
    one_line(words, &refusal.error);
}

fn assert_exit(words: &[&str], exit: i32, code: &str) {
    let row = EXITS.iter().find(|(_, codes)| codes.contains(&code)).unwrap_or_else(|| panic!("{words:?}: '{code}' is not in the contract"));
    assert_eq!(exit, row.0, "{words:?}: exit status of {code}");
}

fn one_line(words: &[&str], error: &str) {
    assert!(!error.trim().is_empty() && !error.contains('\n'), "{words:?}: {error:?} is to be one line for a person");
}

/// What holds for every envelope, whatever became of the call.
fn check(words: &[&str], exit: i32, envelope: &Envelope) {
    let meta = &envelope.meta;
    assert_eq!(envelope.success, exit == 0, "{words:?}: success goes with exit status 0");
    assert_eq!(envelope.success, envelope.error.0.is_none(), "{words:?}");
    assert_eq!(envelope.success, envelope.error_detail.0.is_none(), "{words:?}");
    assert!(envelope.duration_ms >= 0.0);
    assert_eq!(meta.call_id.len(), 36, "{words:?}: {}", meta.call_id);
    assert!(meta.operation.0.as_deref().is_none_or(|operation| ["read", "write", "destructive"].contains(&operation)));
    let incomplete = meta.complete.0 == Some(false);
    assert_eq!(incomplete, meta.stopped_by.0.is_some(), "{words:?}: what is not complete says why");
    if let (Some(error), Some(detail)) = (&envelope.error.0, &envelope.error_detail.0) {
        one_line(words, error);
        assert_exit(words, exit, &detail.code);
        assert_eq!(detail.problems.is_empty(), detail.code != "invalid_arguments", "{words:?}: problems belong to arguments");
    }
}

/// One call: the home it is made in, its words, its exit status, its code and which optional `meta` keys it has.
struct Case<'a>(&'a Home, &'a [&'a str], i32, Option<&'a str>, &'a [&'a str]);

const OPTIONAL: [&str; 9] = ["pages", "items", "complete", "stopped_by", "truncated", "result_id", "request", "approval_id", "replayed"];

#[test]
#[rustfmt::skip]
fn every_call_answers_with_the_same_envelope() {
    let (free, _server) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    let (asks, _server2) = shop::open("read = \"allow\"\nwrite = \"ask\"");
    let (denies, _server3) = shop::open("read = \"allow\"\nwrite = \"deny\"");
    let (gone, server4) = shop::open("read = \"allow\"\nwrite = \"allow\"");
    drop(server4);
    let inactive = shop::closed().env("ANGELIA_SHOP_TOKEN", shop::TOKEN);
    let keyless = shop::closed();
    keyless.config("[integrations.shop]\nenabled = true\nread = \"allow\"\n");
    let elsewhere = shop::closed();
    elsewhere.manifest("robot", "{id: robot, title: Robot, description: Runs elsewhere., category: test, auth_strategy: none, cli_runtime_supported: false, servers: {default: 'http://127.0.0.1:1'}, functions: [{id: get_arm, title: Get the arm, description: Reads., operation: read, request: GET /, examples: [{arguments: {}}]}]}");
    let sealed = damaged();
    let folder = free.path().join("exchanges").display().to_string();
    let new = ["shop.create_article", "--name=Lamp", "--price=1"];
    let new_dry = ["shop.create_article", "--name=Lamp", "--price=1", "--dry-run"];
    let cases = [
        Case(&free, &["shop.get_article", "--article=a1"], 0, None, &[]),
        Case(&free, &new, 0, None, &[]),
        Case(&free, &["shop.delete_article", "--article=a1"], 0, None, &[]),
        Case(&free, &new_dry, 0, None, &["request"]),
        Case(&free, &["shop.list_articles"], 0, None, &["pages", "items", "complete", "stopped_by"]),
        Case(&free, &["shop.list_articles", "--all"], 0, None, &["pages", "items", "complete"]),
        Case(&free, &["shop.get_article", "--article=a1", "--record", &folder], 0, None, &[]),
        Case(&free, &["shop.get_article", "--article=a1", "--replay", &folder], 0, None, &["replayed"]),
        Case(&free, &["data.list", "--collection=c"], 0, None, &["pages", "items", "complete"]),
        Case(&free, &["shop.create_article", "--price=-1", "--nmae=x"], 2, Some("invalid_arguments"), &[]),
        Case(&free, &["shop.get_owner", "--select=.["], 2, Some("usage"), &[]),
        Case(&free, &["shop.create_article", "[1]"], 2, Some("invalid_payload"), &[]),
        Case(&free, &["shop.create_article", "{\"name\":"], 2, Some("invalid_payload"), &[]),
        Case(&free, &["shp.get_owner"], 3, Some("unknown_provider"), &[]),
        Case(&free, &["shop.get_onwer"], 3, Some("unknown_function"), &[]),
        Case(&free, &["shop.get_owner", "--account=nobody"], 3, Some("unknown_account"), &[]),
        Case(&free, &["data.get", "--collection=c", "--id=none"], 3, Some("not_found"), &[]),
        Case(&denies, &new, 4, Some("permission_denied"), &[]),
        Case(&denies, &new_dry, 4, Some("permission_denied"), &[]),
        Case(&asks, &new, 4, Some("approval_required"), &["request", "approval_id"]),
        Case(&asks, &new_dry, 4, Some("approval_required"), &["request"]),
        Case(&denies, &["shop.delete_article", "--article=a1", "--force"], 0, None, &[]),
        Case(&inactive, &["shop.get_owner"], 5, Some("inactive"), &[]),
        Case(&keyless, &["shop.get_owner"], 5, Some("missing_credentials"), &[]),
        Case(&sealed, &["shop.get_owner"], 5, Some("needs_reauth"), &[]),
        Case(&elsewhere, &["robot.get_arm"], 5, Some("unsupported_runtime"), &[]),
        Case(&free, &["shop.get_article", "--article=none"], 6, Some("provider_error"), &[]),
        Case(&free, &["shop.get_article", "--article=busy"], 6, Some("rate_limited"), &[]),
        Case(&free, &["shop.get_article", "--article=page"], 6, Some("invalid_response"), &[]),
        Case(&gone, &["shop.get_owner"], 7, Some("unreachable"), &[]),
        Case(&free, &["shop.get_article", "--article=slow", "--timeout=0.3"], 7, Some("timeout"), &[]),
        Case(&free, &["shop.create_article", "--name=Lost", "--price=1"], 7, Some("outcome_unknown"), &[]),
    ];
    let mut seen: BTreeSet<&str> = BTreeSet::from(["cancelled"]); // has a test of its own
    for Case(home, words, exit, code, optional) in cases {
        let words = [&["integrations:call"], words, &["--json"]].concat();
        let run = home.run(&words);
        let envelope: Envelope = read(&words, &run);
        assert_eq!((run.code, envelope.error_detail.0.as_ref().map(|detail| detail.code.as_str())), (exit, code), "{words:?}: {run:?}");
        assert_eq!(envelope.function, words[1]);
        assert_eq!((envelope.meta.dry_run, envelope.meta.permission_bypassed), (words.contains(&"--dry-run"), words.contains(&"--force")));
        check(&words, run.code, &envelope);
        let meta = &run.json()["meta"];
        let there: Vec<&str> = OPTIONAL.into_iter().filter(|key| meta.get(key).is_some()).collect();
        assert_eq!(there, optional, "{words:?}: optional keys of meta");
        seen.extend(code);
    }
    let all: BTreeSet<&str> = EXITS.iter().flat_map(|(_, codes)| *codes).copied().filter(|code| !NOT_SEEN.contains(code)).collect();
    assert_eq!(seen, all, "every code of the contract has a case");
}

/// A home whose stored credential cannot be opened any more.
fn damaged() -> Home {
    let home = shop::closed();
    let set = home.run(&["integrations:configure", "shop", "--set=token=abc", "--enable", "--read=allow"]);
    assert_eq!(set.code, 0, "{set:?}");
    let keys: Vec<_> = home.files().into_iter().filter(|file| file.to_string_lossy().contains("key")).collect();
    assert!(!keys.is_empty(), "{:?}", home.files());
    keys.into_iter().for_each(|file| std::fs::remove_file(file).unwrap());
    home
}
