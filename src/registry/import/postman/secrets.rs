//! What in a collection is a key, and where keys go on a request. No value of one is ever kept.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use crate::base::json::text;
use crate::base::name::printable;
use crate::registry::credential::Credential;
use crate::registry::import::parts::{Ids, field, id, id_of, words};
use crate::registry::import::postman::request::{Pair, Request};
use crate::registry::manifest::Provider;

/// Headers and query parameters that are taken for keys.
const MOST: usize = 50;

/// Words in names of what nobody else may see.
const WORDS: &[&str] = &[
    "apikey",
    "auth",
    "authentication",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
];

/// Words in names of what is no secret although another word says so: pages, and what is sorted by.
#[rustfmt::skip]
const OTHERS: &[&str] = &["page", "next", "continuation", "idempotency", "sort", "primary", "foreign", "sync", "cursor", "after", "before"];

/// Words that at the end of a name mean what signs a caller in.
const SIGNS: &[&str] = &["apikey", "authorization", "bearer", "cookie", "jwt", "secret", "token"];

/// Words before `key` and `auth` that make a secret of the caller of it.
const BEFORE: &[&str] = &["access", "api", "app", "auth", "client", "consumer", "private", "secret", "service", "subscription", "x"];

/// Words before `token` that make something else of it, which differs from call to call.
#[rustfmt::skip]
const HANDED: &[&str] = &["device", "reset", "invite", "invitation", "registration", "push", "confirmation", "verification", "upload"];

/// Whether a name says that its value is a secret.
pub(super) fn is_name(name: &str) -> bool {
    let said = words(name);
    let other = said.iter().any(|word| OTHERS.contains(&word.as_str()));
    !other && said.iter().any(|word| WORDS.contains(&word.as_str()) || WORDS.contains(&word.trim_end_matches('s')))
}

/// Whether a name is that of what signs a caller in, wherever it stands: `X-Auth-Token`, and not `tokenId` or `key`.
fn signs(name: &str) -> bool {
    let said = words(name);
    let Some((last, before)) = said.split_last() else { return false };
    let is = |list: &[&str]| before.last().is_some_and(|word| list.contains(&word.as_str()));
    is_name(name) && ((SIGNS.contains(&last.as_str()) && !is(HANDED)) || (matches!(last.as_str(), "key" | "auth") && is(BEFORE)))
}

/// Whether a header or query parameter carries a key of the caller, by its name, its value, or the variable that is its value.
fn carries(pair: &Pair) -> bool {
    let variable = pair.value.split_once("{{").and_then(|(_, rest)| rest.split_once("}}")).map(|(name, _)| name);
    let other = words(&pair.key).iter().any(|word| OTHERS.contains(&word.as_str()));
    signs(&pair.key)
        || variable.is_some_and(|name| signs(name) || (is_name(name) && is_name(&pair.key)))
        || (is_name(&pair.key) && is_value(&pair.value))
        || (is_marked(pair.value.trim()) && !other)
}

/// Whether a value looks like a key: a long word of letters and digits, or one that vendors mark.
pub(super) fn is_value(value: &str) -> bool {
    let value = value.trim();
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.=+/:".contains(c));
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let letters = value.chars().filter(char::is_ascii_alphabetic).count();
    let long = value.len() >= 24
        && plain
        && digits >= 4
        && letters >= 4
        && !value.contains("://")
        && !value.contains("{{")
        && !is_time(value)
        && !is_uuid(value);
    long || is_marked(value)
}

/// Whether a value begins as vendors mark their keys.
fn is_marked(value: &str) -> bool {
    const MARKS: &[&str] = &[
        "Bearer ",
        "Basic ",
        "Token ",
        "sk_",
        "pk_",
        "rk_",
        "sk-",
        "ghp_",
        "gho_",
        "github_pat_",
        "xox",
        "eyJ",
        "AKIA",
        "AIza",
        "glpat-",
        "PMAK-",
        "-----BEGIN",
    ];
    MARKS.iter().any(|mark| value.starts_with(mark) && value.len() >= mark.len() + 6 && !value.contains("{{"))
}

/// Whether a value is a UUID: those name things.
pub(super) fn is_uuid(value: &str) -> bool {
    value.len() == 36 && value.matches('-').count() == 4 && value.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

fn is_time(value: &str) -> bool {
    value.get(..5).is_some_and(|start| start.ends_with('-') && start[..4].bytes().all(|c| c.is_ascii_digit())) && value.contains('T')
}

/// How the requests of a collection sign in.
#[derive(Debug)]
pub(super) struct Signing {
    pub strategy: &'static str,
    pub placements: Value,
    pub oauth: Value,
    pub fields: Vec<Credential>,
    /// Headers and query parameters that carry keys: no function has them as parameters.
    pub carriers: Vec<String>,
    /// Of a placement by its number, the servers that it was seen at.
    places: Vec<(usize, BTreeSet<String>)>,
    /// The kind, as the collection calls it.
    pub kind: String,
}

/// The way in which most requests sign in, the collection's own before all others.
pub(super) fn signing(
    top: Option<&Value>,
    each: &[Option<&Value>],
    requests: &[Result<Request<'_>, String>],
    notes: &mut Vec<String>,
) -> Signing {
    let kind_of = |auth: &&Value| auth.get("type").and_then(Value::as_str).is_some_and(|kind| kind != "noauth");
    let usual = each.iter().flatten().copied().find(kind_of);
    let chosen = top.filter(kind_of).or(usual);
    let mut signing = chosen.and_then(|auth| of_auth(auth, notes)).unwrap_or_else(|| Signing {
        strategy: "none",
        placements: json!([]),
        oauth: Value::Null,
        fields: Vec::new(),
        carriers: Vec::new(),
        places: Vec::new(),
        kind: String::new(),
    });
    signing.carry(requests, notes);
    signing
}

/// The parameters of a kind: a list of keys and values in 2.1, an object in 2.0. Values are looked at for names alone.
fn parameter<'a>(auth: &'a Value, kind: &str, key: &str) -> Option<&'a str> {
    match auth.get(kind)? {
        Value::Array(list) => list.iter().find(|one| one.get("key").and_then(Value::as_str) == Some(key))?.get("value")?.as_str(),
        Value::Object(members) => text(members, key),
        _ => None,
    }
}

fn of_auth(auth: &Value, notes: &mut Vec<String>) -> Option<Signing> {
    let kind = auth.get("type").and_then(Value::as_str)?;
    let made = |strategy: &'static str, placements: Value, fields: Vec<Credential>| Signing {
        strategy,
        placements,
        oauth: Value::Null,
        fields,
        carriers: vec![String::from("authorization")],
        places: Vec::new(),
        kind: kind.to_owned(),
    };
    let token = |label: &str| vec![needed("token", label, true)];
    Some(match kind {
        "bearer" => made("bearer_token", json!([{"type": "bearer", "value": "{token}"}]), token("Access token")),
        "basic" => made(
            "basic",
            json!([{"type": "basic", "username": "{username}", "password": "{password}"}]),
            vec![needed("username", "User name", false), needed("password", "Password", true)],
        ),
        "apikey" => {
            let name = parameter(auth, kind, "key").map(str::trim).filter(|name| is_header(name)).unwrap_or("Authorization");
            let place = if parameter(auth, kind, "in") == Some("query") { "query" } else { "header" };
            let mut signing =
                made("api_key", json!([{"type": place, "name": name, "value": "{api_key}"}]), vec![needed("api_key", "API key", true)]);
            signing.carriers.push(name.to_lowercase());
            signing
        }
        "oauth2" => oauth2(auth, made("bearer_token", json!([{"type": "bearer", "value": "{access_token}"}]), Vec::new())),
        other => {
            notes.push(format!("signing in by '{}' is not expressed: requests are sent without", printable(other)));
            return None;
        }
    })
}

fn needed(key: &str, label: &str, secret: bool) -> Credential {
    Credential { required: true, ..field(key, label, secret, "The collection does not say where it is had.") }
}

/// Where the collection names plain addresses, one can sign in by them.
fn oauth2(auth: &Value, mut signing: Signing) -> Signing {
    let address = |key: &str| parameter(auth, "oauth2", key).filter(|url| url.starts_with("https://") && !url.contains(['{', '}']));
    signing.fields = vec![field("access_token", "Access token", true, "Filled in by integrations:connect.")];
    let machine = parameter(auth, "oauth2", "grant_type") == Some("client_credentials");
    let Some(token_url) = address("accessTokenUrl") else {
        signing.fields = vec![needed("access_token", "Access token", true)];
        return signing;
    };
    let authorize = address("authUrl").filter(|_| !machine);
    if authorize.is_none() && !machine {
        signing.fields = vec![needed("access_token", "Access token", true)];
        return signing;
    }
    let grant = if machine { "client_credentials" } else { "authorization_code" };
    let scopes: Vec<&str> =
        parameter(auth, "oauth2", "scope").unwrap_or_default().split_whitespace().filter(|scope| !scope.contains("{{")).collect();
    let mut oauth = json!({"grants": [grant], "token_url": token_url, "scopes": scopes});
    if let Some(authorize) = authorize {
        oauth["authorize_url"] = authorize.into();
    }
    signing.oauth = oauth;
    signing.strategy = if machine { "oauth2_client_credentials" } else { "oauth2_authorization_code" };
    let client = "From the application that you register with the service.";
    signing.fields.extend([field("client_id", "Client ID", false, client), field("client_secret", "Client secret", true, client)]);
    if !machine {
        signing.fields.push(field("refresh_token", "Refresh token", true, "Filled in by integrations:connect."));
    }
    signing
}

/// A header or query parameter that carries a key.
struct Carrier<'a> {
    pair: &'a Pair,
    header: bool,
    times: usize,
    sure: bool,
    servers: BTreeSet<&'a str>,
}

/// The headers and query parameters that carry keys, the usual one first: those that say so, and those that are named like a key in most of
/// the requests.
fn carriers<'a>(requests: &'a [Result<Request<'_>, String>], known: &[String]) -> Vec<Carrier<'a>> {
    let mut found: HashMap<(String, bool), Carrier<'a>> = HashMap::new();
    let mut all = 0;
    for request in requests.iter().flatten() {
        all += 1;
        let pairs = request.headers.iter().map(|pair| (pair, true)).chain(request.query.iter().map(|pair| (pair, false)));
        for (pair, header) in pairs.filter(|(pair, _)| is_header(&pair.key)) {
            let (key, sure) = (pair.key.to_lowercase(), carries(pair));
            if known.contains(&key) || !(sure || is_name(&pair.key)) {
                continue;
            }
            let made = || Carrier { pair, header, times: 0, sure: false, servers: BTreeSet::new() };
            let one = found.entry((key, header)).or_insert_with(made);
            one.times += 1;
            one.sure |= sure;
            one.servers.insert(&request.server.template);
        }
    }
    let mut found: Vec<Carrier<'a>> = found.into_values().filter(|one| one.sure || one.times * 2 > all).collect();
    found.sort_by_key(|one| (Reverse(one.times), !one.header, one.pair.key.clone()));
    found
}

impl Signing {
    /// What the requests carry besides are fields of an account and no arguments: those stand in audits, dry runs and tickets.
    fn carry(&mut self, requests: &[Result<Request<'_>, String>], notes: &mut Vec<String>) {
        let all = requests.iter().flatten().count();
        let alone = self.kind.is_empty();
        let mut ids = Ids::default();
        self.fields.iter().for_each(|field| _ = ids.take([field.key.clone()]));
        for (number, one) in carriers(requests, &self.carriers).into_iter().take(MOST).enumerate() {
            let key = one.pair.key.as_str();
            let (place, what) = if one.header { ("header", "header") } else { ("query", "query parameter") };
            let own = if key.eq_ignore_ascii_case("authorization") { String::from("token") } else { id(key) };
            let own = ids.take([own.clone(), id_of(&[place, &own])]);
            // `Bearer {{token}}`: the word before the key stays.
            let scheme = one
                .pair
                .value
                .split_once(' ')
                .map(|(scheme, _)| scheme)
                .filter(|scheme| one.header && matches!(*scheme, "Bearer" | "Token" | "Basic" | "ApiKey" | "Key" | "token" | "bearer"));
            let template = scheme.map_or_else(|| format!("{{{own}}}"), |scheme| format!("{scheme} {{{own}}}"));
            if let Value::Array(placements) = &mut self.placements {
                self.places.push((placements.len(), one.servers.iter().map(|server| (*server).to_owned()).collect()));
                placements.push(json!({"type": place, "name": key, "value": template}));
            }
            let required = alone && number == 0 && one.times * 2 > all;
            self.fields.push(Credential { required, ..needed(&own, &crate::registry::import::parts::title(&own), true) });
            self.carriers.push(key.to_lowercase());
            notes.push(format!("the {what} '{}' is the credential '{own}'", printable(key)));
            if self.strategy == "none" {
                self.strategy = "api_key";
            }
        }
    }

    /// A key goes to no other servers than those that the collection sends it to.
    pub(super) fn place(&self, provider: &mut Provider) {
        let named = |of: &BTreeSet<String>| {
            let fits = |(_, url): &(&String, &Value)| url.as_str().is_some_and(|url| of.contains(url));
            provider.servers.iter().filter(fits).map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let all: Vec<(usize, Vec<String>)> = self.places.iter().map(|(at, of)| (*at, named(of))).collect();
        for (at, servers) in all.into_iter().filter(|(_, servers)| servers.len() < provider.servers.len()) {
            if let Some(auth) = provider.auth.0.get_mut(at) {
                auth.servers = servers;
            }
        }
    }
}

/// The kind of a request that signs in in another way than most.
pub(super) fn other_kind<'a>(auth: Option<&'a Value>, signing: &Signing) -> Option<&'a str> {
    auth.and_then(|auth| auth.get("type"))
        .and_then(Value::as_str)
        .filter(|kind| *kind != "noauth" && *kind != signing.kind && !signing.kind.is_empty())
}

/// Whether a name may stand in a header.
pub(super) fn is_header(name: &str) -> bool {
    !name.is_empty() && name.len() <= 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.[]".contains(c))
}

/// Members of an object without those that are named like keys or look like one.
pub(super) fn without(members: &Map<String, Value>) -> Map<String, Value> {
    let shows = |name: &String, value: &Value| !is_name(name) && !value.as_str().is_some_and(is_value);
    members.iter().filter(|(name, value)| shows(name, value)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
