//! Sign-in to the built-in providers, as far as it can be tried without them: what is said to who has no client, and where a token goes
//! whose place is another than that of a key. Deliberately absent: whether the services agree.

use std::path::Path;

use serde_json::Value;

use crate::connect::{code, hints};
use crate::support::home::Home;

/// The sign-ins of the built-in providers that a person takes part in, by id.
fn signed_into() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let manifests = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path().join("provider.yaml"));
    let read = |path: std::path::PathBuf| -> Option<(String, Value)> {
        let manifest: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).ok()?).unwrap();
        let person = |grant: &Value| grant == "authorization_code" || grant == "device_code";
        let oauth = manifest.get("oauth").filter(|oauth| oauth["grants"].as_array().unwrap().iter().any(person))?;
        Some((manifest["id"].as_str().unwrap().to_owned(), oauth.clone()))
    };
    let mut all: Vec<(String, Value)> = manifests.filter_map(read).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(all.len() >= 30, "{}", all.len());
    all
}

#[test]
fn who_has_no_client_is_told_where_to_make_one_and_which_address_to_register() {
    let home = Home::new();
    for (id, oauth) in signed_into() {
        let run = home.run(&["integrations:connect", &id, "--json"]);
        assert_eq!((run.code, code(&run)), (5, "missing_credentials".into()), "{id}: {}", run.stdout);
        let said = hints(&run);
        assert_eq!(said.first().map(String::as_str), oauth["help"].as_str(), "{id}");
        let host = oauth["redirect_host"].as_str().unwrap_or("127.0.0.1");
        if let Some(port) = oauth["redirect_port"].as_u64() {
            let address = format!("http://{host}:{port}/callback");
            assert!(said[0].contains(&address), "{id} does not say that {address} must be registered: {}", said[0]);
        }
        let fields = home.run(&["integrations:fields", &id]);
        let way = format!("integrations:connect {id}");
        assert!(fields.stdout.lines().any(|line| line.contains(&format!("`angelia {way}`"))), "{id}: no field names {way}");
    }
}

/// A function without arguments, settings, the fields of a key, and the header that the key is sent in: its name, and what stands before it.
type Placement = (&'static str, &'static [&'static str], &'static [&'static str], &'static str, &'static str);

/// Providers that place a key and the token of a sign-in differently.
const PLACEMENTS: &[Placement] = &[
    ("bitbucket.get_current_user", &[], &["email=a@b.example", "api_token=secretkey"], "authorization", "Basic"),
    ("clickup.get_authorized_user", &[], &["api_token=secretkey"], "authorization", ""),
    ("confluence.get_current_user", &[GATEWAY], &["email=a@b.example", "api_token=secretkey"], "authorization", "Basic"),
    ("figma.get_current_user", &[], &["token=secretkey"], "x-figma-token", ""),
    ("jira.get_myself", &[GATEWAY], &["email=a@b.example", "api_token=secretkey"], "authorization", "Basic"),
    ("linear.get_viewer", &[], &["api_key=secretkey"], "authorization", ""),
    ("mailchimp.get_account", &["data_center=us19"], &["api_key=secretkey"], "authorization", "Basic"),
    ("pagerduty.list_abilities", &[], &["api_key=secretkey"], "authorization", "Token token="),
    ("pipedrive.get_current_user", &[], &["api_token=secretkey"], "x-api-token", ""),
    ("zendesk.get_current_user", &[ACCOUNT], &["email=a@b.example", "api_token=secretkey"], "authorization", "Basic"),
];
const GATEWAY: &str = "url=https://api.atlassian.com/ex/product/1";
const ACCOUNT: &str = "url=https://acme.zendesk.example";

/// The header of a request that would be sent, without its secret.
fn header(function: &str, name: &str, fields: &[&[&str]]) -> Option<String> {
    let (home, provider) = (Home::new(), function.split('.').next().unwrap());
    let set: Vec<String> = fields.concat().iter().map(|field| format!("--set={field}")).collect();
    let mut words = vec!["integrations:configure", provider, "--enable", "--read=allow", "--json"];
    words.extend(set.iter().map(String::as_str));
    let run = home.run(&words);
    assert_eq!(run.json()["missing"], serde_json::json!([]), "{function}: {}{}", run.stdout, run.stderr);
    let run = home.run(&["integrations:call", function, "--dry-run", "--json"]);
    assert_eq!(run.code, 0, "{function}: {}{}", run.stdout, run.stderr);
    let sent = run.json()["meta"]["request"]["headers"][name].as_str().map(str::to_owned)?;
    assert!(sent.ends_with("«secret»"), "{function}: {sent}");
    Some(sent.trim_end_matches("«secret»").trim_end().to_owned())
}

#[test]
fn a_key_and_the_token_of_a_sign_in_go_each_to_its_place() {
    for (function, settings, key, name, before) in PLACEMENTS {
        let signed: &[&str] = &["access_token=signedin"];
        assert_eq!(header(function, name, &[settings, key]).as_deref(), Some(*before), "{function} with a key");
        assert_eq!(header(function, "authorization", &[settings, signed]).as_deref(), Some("Bearer"), "{function} signed in");
        let other = (*name != "authorization").then(|| header(function, name, &[settings, signed])).flatten();
        assert_eq!(other, None, "{function} signed in sends no key");
    }
}
