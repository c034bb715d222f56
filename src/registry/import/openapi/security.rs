//! Security schemes as fields of an account and places on a request. What cannot be used is said.

use std::collections::HashSet;

use serde_json::{Value, json};
use url::Url;

use crate::base::name::printable;
use crate::registry::credential::{Auth, AuthKind, Credential, Grant, OAuth};
use crate::registry::header;
use crate::registry::import::openapi::doc::{Doc, says, word};
use crate::registry::import::openapi::implied::addresses;
use crate::registry::import::parts;
use crate::registry::import::places;
use crate::registry::import::text::remark;

/// What is said where nothing is.
pub const NO_SCHEME: &str = "it does not say how one signs in";

/// Where one signs in and where tokens come from.
struct Addresses {
    authorize: Option<String>,
    token: String,
    refresh: Option<String>,
}

/// The first address of the service that is one, as a folder; else where its description came from.
fn base(servers: &[String], source: &str) -> Option<Url> {
    let source = Url::parse(source).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let folder = |text: &String| {
        let text = format!("{}/", text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/'));
        Url::parse(&text).ok().or_else(|| source.as_ref()?.join(&text).ok())
    };
    servers.iter().filter(|url| !url.contains('{')).find_map(folder).filter(|url| url.has_host()).or_else(|| source.clone())
}

/// How one signs in.
#[derive(Debug, Default)]
pub struct Security {
    pub fields: Vec<Credential>,
    pub auth: Vec<Auth>,
    pub oauth: Option<OAuth>,
    pub strategy: &'static str,
    pub notes: Vec<String>,
    /// Places and names (lower case) on a request that credentials fill.
    pub keys: HashSet<(String, String)>,
    /// What addresses of signing in may be relative to.
    base: Option<Url>,
    /// Schemes, and the fields that each of them fills.
    pub(super) made: Vec<(String, Vec<String>)>,
}

/// The schemes of a description, those first that its operations ask for most.
/// `source` is where the description came from.
pub fn security(doc: &Doc<'_>, operations: &[&Value], source: &str) -> Security {
    let mut security = Security { strategy: "none", base: base(&addresses(doc.root), source), ..Security::default() };
    let schemes = doc.components(if doc.old { "securityDefinitions" } else { "securitySchemes" });
    let global = doc.root.get("security").and_then(Value::as_array);
    let asked: Vec<&Value> =
        operations.iter().filter_map(|operation| operation.get("security")?.as_array()).chain(global).flatten().collect();
    let count = |name: &str| asked.iter().filter(|ways| ways.get(name).is_some()).count();
    let mut named: Vec<(&String, &Value)> = schemes.into_iter().flatten().collect();
    named.sort_by_key(|(name, _)| std::cmp::Reverse(count(name)));
    for (name, written) in &named {
        if !asked.is_empty() && count(name) == 0 {
            security.notes.push(format!("the security scheme '{}' is used by no operation", printable(name)));
            continue;
        }
        match doc.resolve(written) {
            Ok(scheme) => security.scheme(doc, name, scheme),
            Err(why) => security.notes.push(format!("the security scheme '{}' was left out: {why}", printable(name))),
        }
    }
    if security.made.is_empty() && !operations.is_empty() {
        security.notes.push(String::from(NO_SCHEME));
    }
    security.require(&asked);
    security.basic_last();
    security
}

impl Security {
    fn scheme(&mut self, doc: &Doc<'_>, name: &str, scheme: &Value) {
        let kind = word(scheme, "type").unwrap_or_default().to_lowercase();
        let http = word(scheme, "scheme").unwrap_or_default().to_lowercase();
        match (kind.as_str(), http.as_str()) {
            ("apikey", _) if Self::is_sigv4(scheme) => self.sigv4(name, &addresses(doc.root)),
            ("apikey", _) => self.key(name, scheme),
            ("basic", _) | ("http", "basic") => self.basic(name, scheme),
            ("http", "bearer") => self.bearer(name, scheme, "token"),
            ("oauth2", _) => self.oauth2(doc, name, scheme),
            ("openidconnect", _) => {
                self.notes.push(format!("'{}' is OpenID Connect; its addresses are not looked up: bring an access token", printable(name)));
                self.bearer(name, scheme, "access_token");
            }
            (_, other) => {
                let what = if other.is_empty() { &kind } else { other };
                self.notes.push(format!("the security scheme '{}' ({}) cannot be used", printable(name), printable(what)));
            }
        }
    }

    pub(super) fn strategy(&mut self, strategy: &'static str) {
        if self.strategy == "none" {
            self.strategy = strategy;
        }
    }

    /// A field that is not there yet; what it is for stands in the description.
    pub(super) fn field(&mut self, key: &str, label: &str, secret: bool, scheme: &Value) -> String {
        let key = self.free(key);
        let help = word(scheme, "description").map(remark).unwrap_or_default();
        self.fields.push(parts::field(&key, label, secret, &help));
        key
    }

    fn free(&self, key: &str) -> String {
        let taken = |key: &String| self.fields.iter().any(|field| field.key == *key);
        let mut names = std::iter::once(key.to_owned()).chain((2..).map(|number| format!("{key}_{number}")));
        names.find(|name| !taken(name)).unwrap_or_else(|| key.to_owned())
    }

    pub(super) fn key(&mut self, name: &str, scheme: &Value) {
        let (Some(wire), Some(place)) = (word(scheme, "name"), word(scheme, "in")) else {
            return self.notes.push(format!("the security scheme '{}' does not say where its key goes", printable(name)));
        };
        if !wire.bytes().all(|b| b.is_ascii_graphic()) {
            return self.notes.push(format!("the security scheme '{}' has a name that cannot be sent", printable(name)));
        }
        if place == "header" && (header::is_ours(wire) || wire.eq_ignore_ascii_case("cookie")) {
            let of = (printable(name), printable(wire));
            return self.notes.push(format!("the security scheme '{}' was left out: no key is sent in the header '{}'", of.0, of.1));
        }
        let id: String = parts::id(wire).chars().take(50).collect();
        let id = if id == "authorization" { String::from("api_key") } else { id };
        let key = self.field(&id, &parts::title(&id), true, scheme);
        let value = format!("{{{key}}}");
        let auth = match place {
            "query" => placement(AuthKind::Query, wire, &value),
            "cookie" => placement(AuthKind::Header, "Cookie", &format!("{wire}={value}")),
            _ => placement(AuthKind::Header, wire, &value),
        };
        let whole = place == "header" && wire.eq_ignore_ascii_case("authorization");
        if let Some(field) = self.fields.last_mut().filter(|_| whole) {
            let help =
                format!("The whole header's value, with a word such as Bearer before it where the service wants one. {}", field.help);
            help.trim_end().clone_into(&mut field.help);
        }
        self.keys.insert((place.to_owned(), wire.to_lowercase()));
        self.auth.push(auth);
        self.made.push((name.to_owned(), vec![key]));
        self.strategy("api_key");
    }

    fn basic(&mut self, name: &str, scheme: &Value) {
        let user = self.field("username", "User name", false, scheme);
        let password = self.field("password", "Password", true, scheme);
        let (username, word) = (format!("{{{user}}}"), format!("{{{password}}}"));
        self.auth.push(Auth { username, password: word, ..placement(AuthKind::Basic, "", "") });
        self.made.push((name.to_owned(), vec![user, password]));
        self.strategy("basic");
    }

    fn bearer(&mut self, name: &str, scheme: &Value, key: &str) {
        // Several ways of coming by a token end in the same header.
        if let Some(known) = self.auth.iter().find(|auth| auth.kind == AuthKind::Bearer) {
            let key = known.value.trim_matches(['{', '}']).to_owned();
            return self.made.push((name.to_owned(), vec![key]));
        }
        let key = self.field(key, if key == "token" { "Token" } else { "Access token" }, true, scheme);
        self.auth.push(placement(AuthKind::Bearer, "", &format!("{{{key}}}")));
        self.made.push((name.to_owned(), vec![key]));
        self.strategy("bearer_token");
    }

    fn oauth2(&mut self, doc: &Doc<'_>, name: &str, scheme: &Value) {
        let flows: Vec<(String, &Value)> = if doc.old {
            vec![(word(scheme, "flow").unwrap_or_default().to_owned(), scheme)]
        } else {
            scheme.get("flows").and_then(Value::as_object).into_iter().flatten().map(|(flow, of)| (flow.clone(), of)).collect()
        };
        let address = |of: &Value, key: &str| self.address(word(of, key)?);
        let mut grants = Vec::new();
        let (mut authorize, mut token, mut refresh) = (None, None, None);
        let mut notes = Vec::new();
        for (flow, of) in &flows {
            let grant = match flow.as_str() {
                "authorizationCode" | "accessCode" => Grant::AuthorizationCode,
                "clientCredentials" | "application" => Grant::ClientCredentials,
                other => {
                    notes.push(format!(
                        "'{}': the OAuth flow '{}' is not supported; bring an access token",
                        printable(name),
                        printable(other)
                    ));
                    continue;
                }
            };
            let (at, from) = (address(of, "tokenUrl"), address(of, "authorizationUrl"));
            let same = token.is_none() || token == at;
            if at.is_none() || (grant == Grant::AuthorizationCode && from.is_none()) || !same {
                let of = (printable(name), printable(flow));
                notes.push(format!(
                    "'{}': the addresses of the OAuth flow '{}' are missing, or not https; bring an access token",
                    of.0, of.1
                ));
                continue;
            }
            token = at;
            authorize = authorize.or(from);
            refresh = refresh.or_else(|| address(of, "refreshUrl"));
            grants.push(grant);
        }
        self.notes.extend(notes);
        let Some(token) = token.filter(|_| !grants.is_empty() && self.oauth.is_none()) else {
            return self.bearer(name, scheme, "access_token");
        };
        grants.sort_by_key(|grant| *grant != Grant::AuthorizationCode);
        self.sign_in(name, scheme, grants, Addresses { authorize, refresh: refresh.filter(|refresh| *refresh != token), token });
    }

    /// An address of signing in, if nobody can listen on the way there. A relative one is below the service's own.
    fn address(&self, written: &str) -> Option<String> {
        let whole = match Url::parse(written) {
            Err(url::ParseError::RelativeUrlWithoutBase) => self.base.as_ref()?.join(written).ok()?.to_string(),
            _ => written.to_owned(),
        };
        places::is_private_talk(&whole).then_some(whole)
    }

    fn sign_in(&mut self, name: &str, scheme: &Value, grants: Vec<Grant>, at: Addresses) {
        let known = self.auth.iter().find(|auth| auth.kind == AuthKind::Bearer).map(|auth| auth.value.trim_matches(['{', '}']).to_owned());
        let token = match known {
            Some(known) => known,
            None => {
                let key = self.field("access_token", "Access token", true, scheme);
                self.auth.push(placement(AuthKind::Bearer, "", &format!("{{{key}}}")));
                key
            }
        };
        let person = grants.contains(&Grant::AuthorizationCode);
        let client = json!({"description": "Of a client that you register with the service."});
        for (key, label, secret) in [("client_id", "Client id", false), ("client_secret", "Client secret", true)] {
            if !self.fields.iter().any(|field| field.key == key) {
                self.field(key, label, secret, &client);
            }
        }
        if person && !self.fields.iter().any(|field| field.key == "refresh_token") {
            self.field("refresh_token", "Refresh token", true, &json!({"description": "Filled in by signing in."}));
        }
        let first = grants.first().copied();
        let block =
            json!({"grants": grants, "token_url": at.token, "refresh_url": at.refresh, "token_field": token, "client_auth": "body"});
        self.oauth =
            serde_json::from_value(block).ok().map(|oauth: OAuth| OAuth { authorize_url: at.authorize.filter(|_| person), ..oauth });
        self.made.push((name.to_owned(), vec![token]));
        self.strategy(if first == Some(Grant::AuthorizationCode) { "oauth2_authorization_code" } else { "oauth2_client_credentials" });
    }

    /// A field that every way of signing in needs is required.
    fn require(&mut self, asked: &[&Value]) {
        let ways: Vec<Vec<&String>> = asked.iter().filter_map(|way| Some(way.as_object()?.keys().collect())).collect();
        if ways.is_empty() || ways.iter().any(Vec::is_empty) {
            return;
        }
        let fields = |way: &Vec<&String>| -> Vec<&String> {
            self.made.iter().filter(|(name, _)| way.contains(&name)).flat_map(|(_, keys)| keys).collect()
        };
        let signs_in = |key: &String| self.oauth.as_ref().is_some_and(|oauth| oauth.token_field == *key);
        let always: Vec<String> = self
            .fields
            .iter()
            .map(|field| field.key.clone())
            .filter(|key| !signs_in(key) && ways.iter().all(|way| fields(way).contains(&key)))
            .collect();
        self.fields.iter_mut().filter(|field| always.contains(&field.key)).for_each(|field| field.required = true);
        if always.is_empty() && self.made.len() > 1 {
            let mut keys: Vec<&str> = Vec::new();
            for key in self.made.iter().flat_map(|(_, keys)| keys).filter(|key| !key.is_empty()) {
                if !keys.contains(&key.as_str()) {
                    keys.push(key);
                }
            }
            if keys.len() < 2 {
                return;
            }
            self.notes.push(format!("there are several ways to sign in; fill in what one of them needs: {}", keys.join(", ")));
        }
    }

    /// Of several that fill the same header the last one that has a value counts: a token goes before a password.
    fn basic_last(&mut self) {
        self.auth.sort_by_key(|auth| auth.kind != AuthKind::Basic);
    }

    /// Operations that take the header by themselves, in a description without a scheme.
    pub fn by_header(&mut self, parameters: &[&Value]) {
        let takes = |one: &&Value| {
            word(one, "in") == Some("header") && word(one, "name").is_some_and(|name| name.eq_ignore_ascii_case("authorization"))
        };
        let Some(found) = parameters.iter().find(|one| takes(one)).filter(|_| self.auth.is_empty()) else { return };
        self.notes.retain(|note| note != NO_SCHEME);
        let scheme = json!({"name": "Authorization", "in": "header", "description": word(found, "description").unwrap_or_default()});
        self.key("Authorization", &scheme);
        self.notes.push(String::from("it has no security scheme; the header Authorization of its operations became a credential"));
        if let Some(field) = self.fields.last_mut() {
            field.required = says(found, "required");
        }
    }
}

pub(super) fn placement(kind: AuthKind, name: &str, value: &str) -> Auth {
    Auth {
        kind,
        name: name.to_owned(),
        value: value.to_owned(),
        username: String::new(),
        password: String::new(),
        signature: None,
        servers: Vec::new(),
    }
}
