//! Where requests and credentials go, before and after: whatever sends a credential that somebody stored to another place, or in another
//! way, is said. Two descriptions may mean the same by different words; then it is said once too often.

use serde_json::Value;
use url::{Host, Url};

use crate::base::json::plain;
use crate::base::name::printable;
use crate::registry::credential::{Auth, AuthKind, OAuth, Signature};
use crate::registry::lint::names_in;
use crate::registry::manifest::Provider;

/// All that goes elsewhere, as sentences.
pub fn moved(old: &Provider, new: &Provider) -> Vec<String> {
    let mut said = servers(old, new);
    said.extend(placements(old, new));
    said.extend(headers(old, new));
    said.extend(sign_in(old, new));
    said.extend(fields(old, new));
    said
}

/// Whether nobody on the way can read what is sent to an address: https, or this machine.
pub fn is_private_talk(url: &str) -> bool {
    // One with a setting in its host is no URL yet.
    let Ok(url) = Url::parse(url) else { return url.starts_with("https://") };
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

/// What somebody should know of where an import sends credentials.
pub fn notes(provider: &Provider) -> Vec<String> {
    if provider.auth.0.is_empty() {
        return Vec::new();
    }
    let usual = provider.servers.get("default");
    let mut said = Vec::new();
    for (name, url) in &provider.servers {
        let shown = printable(origin(url));
        let count = provider.functions.iter().filter(|function| function.server.as_ref() == Some(name)).count();
        if count > 0 && usual.is_none_or(|usual| origin(usual) != origin(url)) {
            said.push(format!("{count} functions send the same credentials to {shown}"));
        }
        if url.as_str().is_some_and(|url| url.starts_with("http://") && !is_private_talk(url)) {
            said.push(format!("requests to {shown} are not encrypted: others on the way can read the credentials"));
        }
    }
    said
}

/// Scheme and host of a server, as its template says them.
fn origin(url: &Value) -> &str {
    let url = url.as_str().unwrap_or_default();
    let host = url.find("//").map_or(0, |at| at + 2);
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |end| host + end);
    url.get(..end).unwrap_or(url)
}

fn servers(old: &Provider, new: &Provider) -> Vec<String> {
    let known = |url: &Value| old.servers.values().any(|was| origin(was) == origin(url));
    let change = |(name, is): (&String, &Value)| match old.servers.get(name) {
        Some(was) if was != is => {
            Some(format!("requests to server '{name}' go to {} instead of {}", printable(&plain(is)), printable(&plain(was))))
        }
        None if !known(is) => Some(format!("requests may go to {} too", printable(&plain(is)))),
        _ => None,
    };
    let mut said: Vec<String> = new.servers.iter().filter_map(change).collect();
    if old.servers.contains_key("default") && !new.servers.contains_key("default") {
        said.push(String::from("it has no server any more"));
    }
    said
}

/// The fields that a placement sends.
fn sent(auth: &Auth) -> Vec<&str> {
    let mut keys: Vec<&str> = auth.templates().into_iter().flat_map(names_in).collect();
    keys.extend(auth.signature.iter().flat_map(Signature::templates).flat_map(names_in));
    keys
}

/// A placement in words.
fn place(auth: &Auth) -> String {
    let name = printable(&auth.name);
    let on = if auth.servers.is_empty() { String::new() } else { format!(" on {}", printable(&auth.servers.join(", "))) };
    let what = match auth.kind {
        AuthKind::Bearer => String::from("as a bearer token"),
        AuthKind::Header => format!("in the header {name}"),
        AuthKind::Basic => String::from("as user name and password"),
        AuthKind::Query => format!("in the address, as {name}"),
        AuthKind::Path => String::from("in the path of the address"),
        AuthKind::Sigv4 | AuthKind::Hmac => String::from("as a signature"),
    };
    what + &on
}

fn same(one: &Auth, other: &Auth) -> bool {
    let value = |auth: &Auth| serde_json::to_value(auth).unwrap_or_default();
    value(one) == value(other)
}

fn placements(old: &Provider, new: &Provider) -> Vec<String> {
    let without = |these: &[Auth], others: &[Auth]| -> Vec<Auth> {
        these.iter().filter(|one| !others.iter().any(|other| same(one, other))).cloned().collect()
    };
    let gone = without(&old.auth.0, &new.auth.0);
    let mut come = without(&new.auth.0, &old.auth.0);
    let mut said = Vec::new();
    for was in gone {
        let keys = sent(&was);
        let shown = printable(&keys.join(", "));
        match come.iter().position(|is| sent(is).iter().any(|key| keys.contains(key))) {
            Some(at) => {
                let is = come.remove(at);
                let (now, before) = (place(&is), place(&was));
                said.push(if now == before {
                    format!("the credential '{shown}' is sent differently {now}")
                } else {
                    format!("the credential '{shown}' is sent {now} instead of {before}")
                });
            }
            None => said.push(format!("the credential '{shown}' is no longer sent {}", place(&was))),
        }
    }
    // What nobody has stored yet goes nowhere before somebody stores it.
    let stored = |is: &Auth| sent(is).iter().any(|key| old.credentials.iter().any(|field| field.key == *key));
    let more = come.iter().filter(|is| stored(is));
    said.extend(more.map(|is| format!("the credential '{}' is sent {} too", printable(&sent(is).join(", ")), place(is))));
    said
}

fn headers(old: &Provider, new: &Provider) -> Vec<String> {
    let shown = |value: Option<&Value>| value.map_or_else(|| String::from("not sent"), |value| printable(&plain(value)));
    let mut names: Vec<&String> = old.headers.keys().chain(new.headers.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| old.headers.get(*name) != new.headers.get(*name))
        .map(|name| {
            format!(
                "the header '{}' of every request is {} instead of {}",
                printable(name),
                shown(new.headers.get(name)),
                shown(old.headers.get(name))
            )
        })
        .collect()
}

/// Addresses that get client secrets, tokens and people.
fn sign_in(old: &Provider, new: &Provider) -> Vec<String> {
    let addresses = |oauth: &OAuth| {
        [
            ("gets its tokens from", Some(oauth.token_url.clone())),
            ("renews its tokens at", oauth.refresh_url.clone()),
            ("signs in at", oauth.authorize_url.clone()),
            ("takes the word of", oauth.issuer.clone()),
            ("signs in, without a browser, at", oauth.device_url.clone()),
            ("gives tokens back at", oauth.revoke_url.clone()),
        ]
    };
    let none = || String::from("no address");
    let said = |before: Option<&OAuth>, after: &OAuth| -> Vec<String> {
        let was = before.map(addresses);
        addresses(after)
            .into_iter()
            .enumerate()
            .filter_map(|(at, (what, is))| {
                let was = was.as_ref().and_then(|was| was.get(at)).and_then(|(_, was)| was.clone());
                (was != is).then(|| {
                    let (is, was) = (is.map_or_else(none, |is| printable(&is)), was.map_or_else(none, |was| printable(&was)));
                    format!("one {what} {is} instead of {was}")
                })
            })
            .collect()
    };
    match (&old.oauth, &new.oauth) {
        (before, Some(after)) if before.is_some() || !old.credentials.is_empty() => said(before.as_ref(), after),
        (Some(_), None) => vec![String::from("one can no longer sign in in the browser")],
        _ => Vec::new(),
    }
}

fn fields(old: &Provider, new: &Provider) -> Vec<String> {
    let mut said = Vec::new();
    let known = |key: &str| old.credentials.iter().find(|field| field.key == key);
    let urls: Vec<&str> =
        new.servers.values().filter_map(Value::as_str).chain(new.oauth.iter().map(|oauth| oauth.token_url.as_str())).collect();
    let in_address = |key: &str| urls.iter().any(|url| names_in(url).any(|name| name == key));
    let none = || String::from("nothing");
    for field in &new.credentials {
        let was = known(&field.key);
        if field.required && field.default.is_none() && was.is_none_or(|was| !was.required) {
            said.push(format!("the credential '{}' is needed now", field.key));
        }
        let Some(was) = was else { continue };
        if was.default != field.default && in_address(&field.key) {
            let shown = |default: &Option<String>| default.as_deref().map_or_else(none, printable);
            let (is, was) = (shown(&field.default), shown(&was.default));
            said.push(format!("requests go to {is} instead of {was} where '{}' is not set", field.key));
        }
        if was.secret && !field.secret {
            said.push(format!("the credential '{}' is no secret any more and would be shown", field.key));
        }
    }
    for field in old.credentials.iter().filter(|field| !new.credentials.iter().any(|now| now.key == field.key)) {
        said.push(format!("the credential '{}' is gone", field.key));
    }
    said
}
