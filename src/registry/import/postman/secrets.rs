//! What in a collection is a key, and where keys go on a request. No value of one is ever kept.

use serde_json::{Map, Value, json};

use crate::base::json::text;
use crate::base::name::printable;
use crate::registry::credential::Credential;
use crate::registry::import::parts::{field, id, words};
use crate::registry::import::postman::request::Request;

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

/// Whether a name says that its value is a secret.
pub(super) fn is_name(name: &str) -> bool {
    let said = words(name);
    let page =
        said.iter().any(|word| matches!(word.as_str(), "page" | "next" | "continuation" | "idempotency" | "sort" | "primary" | "foreign"));
    !page && said.iter().any(|word| WORDS.contains(&word.as_str()) || WORDS.contains(&word.trim_end_matches('s')))
}

/// Whether a value looks like a key: a long word of letters and digits, or one that vendors mark.
pub(super) fn is_value(value: &str) -> bool {
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
    let value = value.trim();
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.=+/:".contains(c));
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let letters = value.chars().filter(char::is_ascii_alphabetic).count();
    let uuid = value.len() == 36 && value.matches('-').count() == 4;
    let long = value.len() >= 24
        && plain
        && digits >= 4
        && letters >= 4
        && !value.contains("://")
        && !value.contains("{{")
        && !is_time(value)
        && !uuid;
    long || MARKS.iter().any(|mark| value.starts_with(mark) && value.len() >= mark.len() + 6 && !value.contains("{{"))
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
    let made = chosen.and_then(|auth| of_auth(auth, notes)).or_else(|| of_carrier(requests));
    made.unwrap_or_else(|| Signing {
        strategy: "none",
        placements: json!([]),
        oauth: Value::Null,
        fields: Vec::new(),
        carriers: Vec::new(),
        kind: String::new(),
    })
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

/// Where no request says how it signs in, the header or query parameter that is named like a key in most of them does.
fn of_carrier(requests: &[Result<Request<'_>, String>]) -> Option<Signing> {
    let mut counts: Vec<(String, bool, String, usize)> = Vec::new();
    for request in requests.iter().flatten() {
        let headers = request.headers.iter().map(|pair| (pair, true));
        let query = request.query.iter().map(|pair| (pair, false));
        for (pair, header) in headers.chain(query).filter(|(pair, _)| is_name(&pair.key) && is_header(&pair.key)) {
            match counts.iter_mut().find(|(key, known, ..)| key.eq_ignore_ascii_case(&pair.key) && *known == header) {
                Some((.., count)) => *count += 1,
                None => counts.push((pair.key.clone(), header, pair.value.clone(), 1)),
            }
        }
    }
    let (key, header, value, _) =
        counts.into_iter().max_by_key(|(key, header, _, count)| (*count, *header, std::cmp::Reverse(key.clone())))?;
    // `Bearer {{token}}`: the word before the key stays.
    let scheme = value
        .split_once(' ')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| header && matches!(*scheme, "Bearer" | "Token" | "Basic" | "ApiKey" | "Key" | "token" | "bearer"));
    let own = if key.eq_ignore_ascii_case("authorization") { String::from("token") } else { id(&key) };
    let template = scheme.map_or_else(|| format!("{{{own}}}"), |scheme| format!("{scheme} {{{own}}}"));
    let place = if header { "header" } else { "query" };
    Some(Signing {
        strategy: "api_key",
        placements: json!([{"type": place, "name": key, "value": template}]),
        oauth: Value::Null,
        fields: vec![needed(&own, &crate::registry::import::parts::title(&own), true)],
        carriers: vec![key.to_lowercase()],
        kind: String::new(),
    })
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
