//! Types that mirror the program's JSON and demand exactly its keys. What the values mean is for the tests that use them.
#![allow(dead_code, reason = "fields of the mirror types are demanded, not read")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::Value;

/// A key that must be there; its value may be null.
pub struct Nullable<T>(pub Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Null => Ok(Self(None)),
            value => serde_json::from_value(value).map(|value| Self(Some(value))).map_err(D::Error::custom),
        }
    }
}

/// A key that may be absent, but is never null.
pub struct Sometimes<T>(pub Option<T>);

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
        $($(#[$about])* #[derive(Deserialize)] #[serde(deny_unknown_fields)] pub struct $name { $($(#[$how])* pub $key: $kind),* })*
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
        #[serde(default)] bytes: Sometimes<u64>,
        #[serde(default)] counts: Sometimes<BTreeMap<String, u64>>,
        #[serde(default)] shape: Sometimes<Value>,
        #[serde(default)] note: Sometimes<String>,
        #[serde(default)] request: Sometimes<Request>,
        #[serde(default)] approval_id: Sometimes<String>,
        #[serde(default)] replayed: Sometimes<bool>,
        #[serde(default)] warnings: Sometimes<Vec<String>>,
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
        runtime_requirements: Value, compatibility_summary: String, sign_in: Value,
    }
    Status { success: bool, active: u64, total: u64, providers: BTreeMap<String, StatusOf> }
    StatusOf { active: bool, enabled: bool, configured: bool, accounts: Vec<String>, functions: u32, read: String, write: String }
    Search { success: bool, query: String, functions: Vec<Found> }
    Found { function: String, operation: String, active: bool, score: f64, title: String }
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
        permissions: BTreeMap<String, String>, enabled: bool, configured: bool, missing: Vec<String>, active: bool, test: Nullable<Tested>,
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
    Results { success: bool, results: Vec<Kept> }
    Kept {
        id: String, function: String, account: String, call_id: String, created_at: String, bytes: u64, items: Nullable<u64>, owner: String,
    }
    ShownResult { success: bool, result: WholeResult }
    WholeResult {
        id: String, function: String, account: String, call_id: String, created_at: String, bytes: u64, items: Nullable<u64>, owner: String,
        shape: Value, data: Value,
    }
    ResultFile { success: bool, result: Value, path: String, size: u64 }
    ResultPart {
        success: bool, id: String, kind: String, total: Nullable<u64>, offset: u64, next_offset: Nullable<u64>, truncated: bool, value: Value,
    }
    ResultsRemoved { success: bool, removed: u64 }
    Settings { success: bool, settings: Vec<Setting> }
    Setting { key: String, value: Value, source: String, help: String }
    OneSetting { success: bool, key: String, value: Value, source: String }
    Changed { success: bool, key: String, value: Value }
    Paths { success: bool, config: Nullable<String>, data: Nullable<String>, cache: Nullable<String>, project: Nullable<String> }
    Trusts { success: bool, projects: Vec<Trust> }
    Trust { project: String, current: bool }
    Trusted { success: bool, project: String, trusted: bool, fingerprint: String, files: Vec<String> }
    Revoked { success: bool, project: String, trusted: bool }
    WouldTrust { success: bool, project: String, trusted: bool, files: Vec<TrustFile> }
    TrustFile { file: String, text: String }
    Servers { success: bool, servers: Vec<Server>, problems: Vec<ServerProblem> }
    Server {
        name: String, provider: String, transport: String, target: String, file: String, scope: String, trusted: bool, enabled: bool,
        state: String, tools: Nullable<u64>, shadowed: bool,
    }
    ServerProblem { file: String, name: Nullable<String>, problem: String }
    ServersStatus { success: bool, ready: u64, servers: Vec<ServerState>, problems: Vec<ServerProblem> }
    ServerState {
        name: String, provider: String, transport: String, state: String, tools: Nullable<u64>, quarantined: u64, read: String,
        write: String,
    }
    ServersDoctor { success: bool, servers: Vec<ServerHealth>, problems: Vec<ServerProblem>, next: Vec<String> }
    ServerHealth { name: String, ok: bool, problems: Vec<ServerFinding> }
    ServerFinding { problem: String, next: Nullable<String> }
    ServerAdded { success: bool, name: String, provider: String, file: String, transport: String, target: String, next: Vec<String> }
    ServerRemoved { success: bool, name: String, file: String, secrets_removed: bool }
    ServerSwitched { success: bool, name: String, provider: String, enabled: bool }
    ServersTrusted { success: bool, servers: Vec<ServerLook>, trusted: Vec<String> }
    ServerLook {
        name: String, file: String, transport: String, starts: Value, secrets: Vec<String>, fingerprint: String, trusted: bool, hides_own: bool, rules: bool,
        tools: Vec<ToolLook>,
    }
    ToolLook { tool: String, change: String, fields: Value }
    ServerUntrusted { success: bool, name: String, trusted: bool }
    ServerSecretSet { success: bool, name: String, provider: String, key: String, used: bool }
    ServerSecrets { success: bool, secrets: Vec<ServerSecret> }
    ServerSecret { server: String, provider: String, scope: String, key: String, stored: Nullable<String>, reference: Nullable<String> }
    ServerSecretUnset { success: bool, provider: String, key: String }
    Presets { success: bool, presets: Vec<Preset> }
    Preset { name: String, about: String, home: String, entry: Value }
    Imported { success: bool, from: String, file: String, dry_run: bool, imported: Vec<String>, secrets: Vec<String>, skipped: Vec<Skipped> }
    Skipped { name: String, why: String }
    GatewayEntry { success: bool, client: String, file: String, entry: Value, snippet: String }
    Gateway {
        success: bool, client: String, file: String, changed: bool, would_change: bool, dry_run: bool, backup: Nullable<String>,
        diff: Vec<String>, next: Nullable<String>,
    }
    Script { success: bool, shell: String, script: String }
    Keys { success: bool, keys: Vec<Key> }
    Key {
        name: String, state: String, profile: Nullable<String>, created_at: String, expires_at: Nullable<String>, last_used_at: Nullable<String>,
        rate_per_minute: u64,
    }
    KeyMade { success: bool, key: Key, secret: String }
    KeyRevoked { success: bool, name: String, revoked: bool }
    /// What `integrations:lua --json` prints.
    Report {
        success: bool, output: String, result: Value, error: Nullable<String>, error_detail: Nullable<Detail>, execution_time_ms: f64,
        memory_usage: u64, calls: u64, call_log: Vec<Logged>, meta: ReportMeta,
    }
    Logged {
        index: u64, function: String, account: String, operation: Nullable<String>, effect: String, retryable: bool, duration_ms: f64,
        call_id: Nullable<String>, code: Nullable<String>,
    }
    ReportMeta {
        script: String, dry_run: bool, permission_bypassed: bool,
        #[serde(default)] trace: Sometimes<Vec<String>>,
        #[serde(default)] plan: Sometimes<Plan>,
        #[serde(default)] approved: Sometimes<Approved>,
    }
    /// The list of a run that failed cannot be approved: it has no digest.
    Plan { digest: Nullable<String>, requests: Vec<Planned>, stand_ins: Vec<StandIn> }
    StandIn { value: Value, step: u64, pointer: String }
    Planned { function: String, account: String, operation: String, request: Value }
    Approved { digest: String, requests_left: u64 }
}

mod tests {
    use super::Meta;

    #[test]
    fn the_mirrors_demand_every_key_and_no_other() {
        let meta = r#"{"call_id": "", "operation": null, "account": "", "dry_run": true, "permission_bypassed": true, "attempts": 1}"#;
        let reads = |text: &str| serde_json::from_str::<Meta>(text).is_ok();
        assert!(reads(meta) && reads(&meta.replace("1}", "1, \"pages\": 2}")));
        assert!(!reads(&meta.replace("\"operation\": null, ", "")), "a key is missing");
        assert!(!reads(&meta.replace("1}", "1, \"more\": 1}")), "a key is unknown");
        assert!(!reads(&meta.replace("1}", "1, \"pages\": null}")), "an optional key is null");
    }
}
