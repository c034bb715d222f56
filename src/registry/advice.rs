//! What a manifest should say beyond what it must: names, words and promises by which functions are found, understood and trusted.
//! A manifest that does not follow this advice works all the same; the built-in ones follow it, but for exceptions that their test lists.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::name::{is_id, nearest};
use crate::registry::function::{Function, Operation};
use crate::registry::lint::{Finding, names_in};
use crate::registry::manifest::Provider;

/// First words of functions that only look.
const READS: &[&str] = &[
    "compare", "count", "describe", "download", "export", "filter", "find", "get", "list", "lookup", "ping", "preview", "read", "search",
    "test", "validate",
];

/// First words of functions that change something.
#[rustfmt::skip]
const CHANGES: &[&str] = &[
    "add", "append", "apply", "approve", "archive", "assign", "attach", "cancel", "capture", "close", "complete", "confirm", "copy",
    "create", "delete", "detach", "disable", "edit", "enable", "end", "erase", "expire", "finalize", "follow", "fork", "generate", "import",
    "insert", "invite", "join", "leave", "link", "lock", "mark", "merge", "move", "open", "patch", "pause", "pay", "pin", "post", "publish",
    "purge", "rank", "rebase", "refund", "remove", "rename", "reopen", "replace", "reply", "request", "rerun", "resolve", "restore",
    "resume", "retry", "revoke", "run", "schedule", "send", "set", "share", "star", "start", "stop", "submit", "subscribe", "tag",
    "transition", "trash", "trigger", "unarchive", "unassign", "unfollow", "unlock", "unpin", "unstar", "unsubscribe", "unwatch", "update",
    "upload", "upsert", "void", "watch",
];

/// First words that both kinds use.
const EITHER: &[&str] = &["query"];

/// A place in the manifest or function, and what to say of it.
type Said = (String, String);

fn at(place: &str, message: impl Into<String>) -> Said {
    (place.to_owned(), message.into())
}

/// The ways in which one signs in; an import may say others.
const STRATEGIES: [&str; 9] = [
    "none",
    "api_key",
    "bearer_token",
    "basic",
    "oauth2_authorization_code",
    "oauth2_client_credentials",
    "oauth2_device_code",
    "service_account",
    "signature",
];

/// The longest description.
const LONGEST: usize = 300;

/// Everything that could be better.
pub fn advice(provider: &Provider) -> Vec<Finding> {
    let of_it = of_provider(provider).into_iter().map(|(place, message)| Finding { function: None, place, message });
    let mut findings: Vec<Finding> = of_it.collect();
    for (at, function) in provider.functions.iter().enumerate() {
        let said = [name(function), words(function), read_because(function)].concat();
        findings.extend(said.into_iter().map(|(place, message)| Finding {
            function: Some(function.id.clone()),
            place: format!("/functions/{at}{place}"),
            message,
        }));
    }
    findings
}

fn of_provider(provider: &Provider) -> Vec<Said> {
    let local = provider.functions.iter().all(Function::is_local);
    let mut said = Vec::new();
    if provider.verify.is_none() {
        said.push(at("", "verify is missing: nothing proves that the credentials work: name a read function without required parameters"));
    }
    if provider.title.trim().is_empty() {
        said.push(at("/title", "has no title"));
    }
    said.extend(unlike_a_sentence(&provider.description).map(|why| at("/description", format!("the description {why}"))));
    if !local && provider.links.docs.as_ref().is_none_or(|link| !link.starts_with("https://")) {
        said.push(at("/links", "links.docs is missing: the vendor's reference, by https"));
    }
    let strategy = provider.auth_strategy.as_str();
    if !STRATEGIES.contains(&strategy) {
        let near = nearest(strategy, STRATEGIES).first().map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        said.push(at("/auth_strategy", format!("auth_strategy '{strategy}' is none of {}{near}", STRATEGIES.join(", "))));
    }
    for (n, field) in provider.credentials.iter().enumerate().filter(|(_, field)| field.help.trim().is_empty()) {
        said.push(at(&format!("/credentials/{n}"), format!("credential '{}' does not say where to get it (help)", field.key)));
    }
    said.extend(credentials(provider));
    said.extend(same_words_twice(provider));
    said
}

/// Every field that a person fills in has one use.
fn credentials(provider: &Provider) -> Vec<Said> {
    let templates = provider.auth.0.iter().flat_map(|auth| auth.templates());
    let mut used: Vec<&str> = templates.chain(provider.servers.values().filter_map(Value::as_str)).flat_map(names_in).collect();
    if let Some(oauth) = &provider.oauth {
        used.extend(["client_id", "client_secret", "refresh_token", "service_account", oauth.token_field.as_str()]);
        used.extend(oauth.keep.keys().map(String::as_str));
        used.extend(oauth.addresses().flat_map(names_in));
    }
    let mut said = Vec::new();
    let mut names: Vec<&String> = Vec::new();
    for (n, field) in provider.credentials.iter().enumerate() {
        let place = format!("/credentials/{n}");
        if !used.contains(&field.key.as_str()) {
            said.push(at(&place, format!("credential '{}' is asked for and never used", field.key)));
        }
        for name in &field.env {
            if names.contains(&name) {
                said.push(at(&place, format!("{name} stands for two credentials")));
            }
            names.push(name);
        }
    }
    said
}

/// Two functions that say the same cannot be told apart.
fn same_words_twice(provider: &Provider) -> Vec<Said> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let texts = provider.functions.iter().flat_map(|function| [(&function.title, &function.id), (&function.description, &function.id)]);
    texts.filter_map(|(text, id)| seen.insert(text, id).map(|other| at("", format!("{other} and {id} both say {text:?}")))).collect()
}

/// A name begins with a verb, and the verb tells whether something changes.
fn name(function: &Function) -> Vec<Said> {
    let verb = function.id.split('_').next().unwrap_or_default();
    let reads = function.operation == Operation::Read;
    let mut said = Vec::new();
    if !EITHER.contains(&verb) && !(if reads { READS } else { CHANGES }).contains(&verb) {
        said.push(at("/id", format!("'{verb}' is no usual first word of a {}", function.operation.as_str())));
    }
    if function.id.ends_with('_') {
        said.push(at("/id", "the id ends with _"));
    }
    if ["delete", "erase"].contains(&verb) && function.operation != Operation::Destructive {
        let operation = function.operation.as_str();
        said.push(at("/operation", format!("deletes, and is a {operation}: a policy cannot treat it apart from a write")));
    }
    said
}

/// A function can be found and understood by its words alone.
fn words(function: &Function) -> Vec<Said> {
    let mut said = Vec::new();
    if [&function.id, &function.title].iter().any(|name| same_words(name, &function.description)) {
        said.push(at("/description", format!("the description is the name once more: {:?}", function.description)));
    }
    said.extend(unlike_a_sentence(&function.description).map(|why| at("/description", format!("the description {why}"))));
    if !function.title.starts_with(char::is_uppercase) || function.title.ends_with('.') {
        said.push(at("/title", format!("{:?} is no title: a capital first, no full stop last", function.title)));
    }
    if function.synonyms.is_empty() {
        said.push(at("", "has no synonym: people search by other words than vendors"));
    }
    if function.examples.is_empty() {
        said.push(at("", "has no example"));
    }
    let odd = function.parameters.keys().filter(|name| !is_id(name));
    said.extend(odd.map(|name| {
        at(&format!("/parameters/{name}"), format!("parameter '{name}': a-z, 0-9 and _ are easier to type; `as: {name}` is what is sent"))
    }));
    let undescribed = |schema: &Value| schema.get("description").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    let parameters = function.parameters.iter().filter(|(_, schema)| undescribed(schema));
    said.extend(parameters.map(|(name, _)| at(&format!("/parameters/{name}"), format!("parameter '{name}' has no description"))));
    said
}

/// Who declares a read by POST says why it changes nothing.
fn read_because(function: &Function) -> Vec<Said> {
    let (method, _) = function.method_and_path();
    let odd = function.operation == Operation::Read && (function.is_script() || !matches!(method, "GET" | "HEAD" | "NATIVE"));
    match (odd, function.read_because.as_deref().map(str::trim)) {
        (true, None | Some("")) => vec![at("/operation", format!("is a read by {method} without read_because"))],
        (false, Some(_)) => {
            vec![at("/read_because", format!("is a {} by {method} and needs no read_because", function.operation.as_str()))]
        }
        _ => Vec::new(),
    }
}

/// Whether two texts differ at most in capitals and marks, as `list_issues` and "List issues." do.
fn same_words(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    plain(one) == plain(other)
}

/// Why a text is no sentence or two on one line, if it is none.
fn unlike_a_sentence(text: &str) -> Option<String> {
    if !text.ends_with('.') {
        return Some(format!("must end with a full stop: {text:?}"));
    }
    if !text.starts_with(|first: char| first.is_uppercase()) {
        return Some(format!("does not begin with a capital: {text:?}"));
    }
    if text.trim() != text || text.contains('\n') {
        return Some(format!("is not one line: {text:?}"));
    }
    (text.chars().count() > LONGEST).then(|| format!("is longer than {LONGEST} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules judge texts by this; it must not take everything for a sentence.
    #[test]
    fn sentences_are_known() {
        assert_eq!(unlike_a_sentence("Lists issues, newest first."), None);
        assert!(same_words("list_issues", "List issues.") && !same_words("list_issues", "Lists issues of a repository."));
        for bad in ["", "Lists issues", "lists issues.", "Lists\nissues.", " Lists issues.", &format!("L{}.", "o".repeat(300))] {
            assert!(unlike_a_sentence(bad).is_some(), "{bad:?}");
        }
    }
}
