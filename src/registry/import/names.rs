//! Names of functions, made from operation ids or from method and path: a verb first, words that a person would say, at most 63 letters.
//! All names of a description are made at once and by content alone, so that neither order nor what is left out changes one.

use std::collections::{BTreeMap, HashSet};

use crate::base::json::sha256;
use crate::registry::import::parts::{id_of, singular, words};

/// What a name is made from.
#[derive(Debug, Clone)]
pub struct Unnamed<'a> {
    pub operation_id: Option<&'a str>,
    pub method: &'a str,
    pub path: &'a str,
    /// It answers with a list.
    pub lists: bool,
    /// The same path is known by PATCH too: then PUT replaces.
    pub patched: bool,
}

/// What an operation is called by its description: a verb of ours and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    verb: String,
    about: Vec<String>,
}

/// Other words for the verbs that functions are named by.
const SAME: &[(&str, &[&str])] = &[
    ("get", &["get", "fetch", "retrieve", "show", "view", "describe", "obtain", "load", "display", "gets"]),
    ("list", &["list", "index", "browse", "enumerate", "ls", "lists"]),
    ("find", &["find", "lookup"]),
    ("create", &["create", "new", "insert", "make", "creates"]),
    ("update", &["update", "modify", "change", "updates"]),
    ("delete", &["delete", "destroy", "del", "deletes"]),
    ("test", &["check", "verify", "validate"]),
];

/// Verbs that stand for themselves.
#[rustfmt::skip]
const VERBS: &[&str] = &[
    "compare", "count", "download", "filter", "ping", "preview", "read", "search", "query", "export", "add", "append", "apply", "archive",
    "assign", "attach", "cancel", "capture", "close", "complete", "confirm", "detach", "edit", "erase", "expire", "finalize", "invite",
    "leave", "patch", "put", "remove", "rename", "reopen", "replace", "rerun", "resolve", "restore", "send", "trash", "unarchive",
    "unassign", "unlock", "unpin", "upload", "enable", "disable", "generate", "import", "sync", "refresh", "reset", "revoke", "activate",
    "deactivate", "approve", "reject", "accept", "decline", "publish", "unpublish", "subscribe", "unsubscribe", "follow", "unfollow",
    "star", "unstar", "mute", "unmute", "block", "unblock", "ban", "unban", "grant", "register", "deregister", "unregister", "suspend",
    "resume", "pause", "retry", "redeliver", "rotate", "revert", "convert", "render", "copy", "clone", "duplicate", "purge", "clear",
    "terminate", "dismiss", "execute", "trigger", "dispatch", "login", "logout", "authorize", "install", "uninstall", "deploy", "rollback",
    "upsert", "redeem", "refund", "charge", "mute", "reorder", "reprioritize", "transfer", "migrate", "encrypt", "decrypt", "sign",
    "untag", "kick", "unfurl", "invalidate", "calculate", "estimate", "batch", "bulk", "disconnect", "connect", "unlink", "promote", "demote", "snooze", "ack", "acknowledge",
];

/// Verbs that are as often nouns: they count where nothing is only looked at, or where the path says them too.
#[rustfmt::skip]
const NOUNS_TOO: &[&str] = &[
    "request", "link", "mark", "set", "run", "end", "pin", "rank", "post", "open", "pay", "test", "join", "schedule", "fork", "merge",
    "lock", "move", "reply", "start", "stop", "submit", "transition", "void", "lock", "save", "store", "process", "use", "tag", "watch",
    "report", "record", "track", "comment", "order", "rate", "vote", "share", "build", "rerequest", "kill", "wipe", "drop", "ack", "patch",
];

/// Verbs whose path a GET asks about.
const TOLD: &[&str] = &["import", "star", "follow", "block", "mute", "subscribe"];

/// Words that bind what follows to what stands before.
const BETWEEN: &[&str] = &["for", "by", "in", "from", "to", "with", "of", "on", "as", "at", "and", "via", "without", "between"];

/// Words that say which one, and not what.
const WHICH: &[&str] = &["authenticated", "public", "private", "current", "latest", "default", "one", "many", "multiple", "all", "root"];

/// Words of programs and not of what they are about.
const NOISE: &[&str] = &["controller", "api", "endpoint", "endpoints", "resource", "handler", "viewset", "rest", "using"];

/// Names of operations, in their order. Those in `kept` have theirs already, and no other gets one of these.
pub fn names(operations: &[Unnamed<'_>], kept: &[Option<String>]) -> Vec<String> {
    let held: HashSet<&str> = kept.iter().flatten().map(String::as_str).collect();
    let of = |(at, operation): (usize, &Unnamed<'_>)| match kept.get(at).and_then(Option::as_ref) {
        Some(name) => vec![name.clone()],
        None => candidates(operation).into_iter().filter(|name| !held.contains(name.as_str())).collect(),
    };
    let candidates: Vec<Vec<String>> = operations.iter().enumerate().map(of).collect();
    let mut level = vec![0; operations.len()];
    loop {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, all) in candidates.iter().enumerate() {
            groups.entry(all.get(level[at]).map_or("", String::as_str)).or_default().push(at);
        }
        let crowded = groups.into_values().filter(|group| group.len() > 1).flat_map(|group| movers(&group, operations, kept));
        let moving: Vec<usize> = crowded.filter(|at| level[*at] + 1 < candidates[*at].len()).collect();
        if moving.is_empty() {
            break;
        }
        moving.into_iter().for_each(|at| level[at] += 1);
    }
    candidates.iter().zip(level).map(|(all, at)| all.get(at).cloned().unwrap_or_default()).collect()
}

/// Those of one name that need another: all but the one whose path names the fewest parameters, where that is one alone. A list keeps the
/// plain name, and what lies in it says more.
fn movers(group: &[usize], operations: &[Unnamed<'_>], kept: &[Option<String>]) -> Vec<usize> {
    let rank = |at: &usize| {
        let count = operations.get(*at).map_or(0, |operation| parameters(operation.path).count());
        (!kept.get(*at).is_some_and(Option::is_some), count)
    };
    let least = group.iter().map(rank).min();
    let first: Vec<usize> = group.iter().copied().filter(|at| Some(rank(at)) == least).collect();
    let stays = if first.len() == 1 { first.first() } else { None };
    group.iter().copied().filter(|at| Some(at) != stays).collect()
}

/// From the shortest to one that nothing else has.
fn candidates(operation: &Unnamed<'_>) -> Vec<String> {
    let by_path = of_path(operation);
    let mut all = Vec::new();
    if let Some(id) = of_id(operation) {
        let (tag, said) = id;
        all.push(id_of(&joined(&said)));
        if !tag.is_empty() && !said.about.starts_with(&tag) {
            let one: Vec<String> = tag.iter().map(|word| singular(word)).collect();
            let about = [one, said.about.clone()].concat();
            all.push(id_of(&joined(&Said { about, ..said.clone() })));
        }
    }
    all.push(id_of(&joined(&by_path)));
    let named: Vec<String> = parameters(operation.path).flat_map(words).collect();
    if !named.is_empty() {
        all.push(id_of(&[joined(&by_path), vec![String::from("by")], named].concat()));
    }
    all.dedup();
    let stem: String = all.first().map_or_else(String::new, |first| first.chars().take(50).collect());
    all.push(format!("{}_{}", stem.trim_end_matches('_'), mark(operation.method, operation.path)));
    all
}

/// What ends a name that would otherwise be that of another operation too.
pub fn mark(method: &str, path: &str) -> String {
    sha256(format!("{method} {path}").as_bytes()).chars().take(8).collect()
}

fn joined(said: &Said) -> Vec<String> {
    let mut all = vec![said.verb.clone()];
    all.extend(said.about.iter().cloned());
    all.dedup();
    all
}

fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// The words of an operation id without what a framework adds; those before its last mark are the tag.
fn split(operation: &Unnamed<'_>) -> Option<(Vec<String>, Vec<String>)> {
    let id = operation.operation_id?;
    let plain: String = operation.path.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    let id = id.strip_suffix(&format!("{plain}_{}", operation.method.to_lowercase())).filter(|rest| !rest.is_empty()).unwrap_or(id);
    let useful = |text: &str| -> Vec<String> {
        let version = |word: &String| word.len() > 1 && word.starts_with('v') && word[1..].chars().all(|c| c.is_ascii_digit());
        words(text).into_iter().filter(|word| !NOISE.contains(&word.as_str()) && !version(word)).collect()
    };
    let (tag, rest) = match id.rfind(['/', '.', ':']).or_else(|| id.find("Controller_").map(|at| at + 10)) {
        Some(at) => (useful(id.get(..at).unwrap_or_default()), useful(id.get(at + 1..).unwrap_or_default())),
        None => dotted(operation.path, useful(id)),
    };
    if rest.is_empty() { Some((Vec::new(), tag)).filter(|(_, rest)| !rest.is_empty()) } else { Some((tag, rest)) }
}

/// Words whose first ones are the tag of a path such as `/chat.postMessage`: the verb stands behind it.
fn dotted(path: &str, all: Vec<String>) -> (Vec<String>, Vec<String>) {
    let tag = last_segment(path).and_then(|last| last.rsplit_once('.')).map(|(tag, _)| words(tag)).unwrap_or_default();
    if !tag.is_empty() && all.len() > tag.len() && all.starts_with(&tag) {
        let (tag, rest) = all.split_at(tag.len());
        return (tag.to_vec(), rest.to_vec());
    }
    (Vec::new(), all)
}

/// The verb of ours that a word is, if it is one here.
fn verb(word: &str, operation: &Unnamed<'_>) -> Option<&'static str> {
    if let Some((ours, _)) = SAME.iter().find(|(_, others)| others.contains(&word)) {
        return Some(ours);
    }
    if let Some(known) = VERBS.iter().find(|known| **known == word) {
        return Some(known);
    }
    let looks = matches!(operation.method, "GET" | "HEAD");
    let says = |last: &str| words(last.rsplit('.').next().unwrap_or(last)).first().is_some_and(|first| first == word);
    let in_path = || last_segment(operation.path).is_some_and(says);
    NOUNS_TOO.iter().find(|known| **known == word).copied().filter(|_| !looks || in_path())
}

/// Tag and what is said by the operation id; nothing where it only repeats the method and the path.
fn of_id(operation: &Unnamed<'_>) -> Option<(Vec<String>, Said)> {
    let (tag, words) = split(operation)?;
    let method = operation.method.to_lowercase();
    let literal: Vec<String> = literals(operation.path).flat_map(crate::registry::import::parts::words).collect();
    let first = words.first()?;
    if *first == method
        && words.len() > 2
        && words[1..].iter().all(|word| literal.contains(word) || parameters(operation.path).any(|name| same(name, word)))
    {
        return None;
    }
    let tail = words.get(1..).unwrap_or_default();
    // `u1` says nothing; `post_cancel` says what is done behind the method.
    if tag.is_empty() && words.iter().all(|word| is_opaque(word)) {
        return None;
    }
    if let Some(done) = tail.first().filter(|done| tag.is_empty() && first == "post" && VERBS.contains(&done.as_str())) {
        return Some((tag.clone(), about(verb(done, operation)?, &tag, &words[2..], operation)));
    }
    if let Some(found) = verb(first, operation) {
        // `postMessage` posts; `PostAccounts` is only the method.
        let by_method = tag.is_empty() && *first == method && matches!(first.as_str(), "put" | "patch" | "post");
        let found = if by_method { method_verb(operation) } else { found };
        return Some((tag.clone(), about(found, &tag, &words[1..], operation)));
    }
    let last = words.last()?;
    if let Some(found) = verb(last, operation).filter(|_| words.len() > 1 && !is_noun(last)) {
        let before: Vec<String> = words[..words.len() - 1].iter().filter(|word| *word != "partial").cloned().collect();
        return Some((tag, about(found, &before, &[], operation)));
    }
    const SURE: &[&str] = &["get", "list", "create", "update", "delete", "find", "add", "remove", "retrieve", "destroy"];
    if let Some(at) = words.iter().position(|word| SURE.contains(&word.as_str())).filter(|at| *at > 0) {
        let found = verb(&words[at], operation)?;
        let before: Vec<String> = words[..at].iter().filter(|word| *word != "partial").cloned().collect();
        return Some((tag, about(found, &before, &words[at + 1..], operation)));
    }
    let searches = tag.last().map(String::as_str).filter(|tag| matches!(*tag, "search" | "find" | "query"));
    let found = searches.unwrap_or_else(|| method_verb(operation));
    let of = if words.len() == 1 && !tag.is_empty() && WHICH.contains(&words[0].as_str()) {
        [words.clone(), tag.clone()].concat()
    } else {
        words
    };
    let said = about(found, &[], &of, operation);
    Some((tag.clone(), said))
}

/// Whether a word is only a letter or two and a number, as generators write them.
fn is_opaque(word: &str) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    letters.len() < 2 && !(letters.len() == 1 && word.len() == 1)
        || (letters.len() < word.len() && matches!(letters, "op" | "route" | "endpoint" | "operation"))
}

fn is_noun(word: &str) -> bool {
    NOUNS_TOO.contains(&word)
}

fn same(name: &str, word: &str) -> bool {
    words(name).iter().any(|part| part == word)
}

fn about(verb: &str, tag: &[String], rest: &[String], operation: &Unnamed<'_>) -> Said {
    let mut rest: Vec<String> = rest.to_vec();
    let mut verb = verb;
    if rest.first().is_some_and(|first| first == "all") && matches!(verb, "get" | "list" | "find") {
        rest.remove(0);
        verb = "list";
    }
    let bound = rest.first().is_none_or(|first| BETWEEN.contains(&first.as_str()));
    let which = rest.len() == 1 && WHICH.contains(&rest[0].as_str());
    let lists = verb == "list"
        || (verb == "get" && operation.lists && rest.iter().chain(tag).next_back().is_some_and(|word| singular(word) != *word));
    let many = lists || matches!(verb, "search" | "find" | "count" | "filter" | "query");
    let mut of = tag.to_vec();
    if let Some(last) = of.last_mut().filter(|_| !many) {
        *last = singular(last);
    }
    let words = match (bound, which) {
        (true, _) => [of, rest].concat(),
        (_, true) => [rest, of].concat(),
        _ => rest,
    };
    let verb = if lists { "list" } else { verb };
    // A verb alone says nothing.
    let words = if words.is_empty() { of_path(operation).about } else { words };
    Said { verb: verb.to_owned(), about: words }
}

/// The parts of a path that are words and not parameters, versions or the name of the door.
fn literals(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    let plain = |part: &&str| {
        let version = part.len() > 1 && part.starts_with('v') && part[1..].chars().all(|c| c.is_ascii_digit() || c == '.');
        !part.is_empty()
            && !part.contains('{')
            && !version
            && !matches!(*part, "api" | "rest" | "rpc")
            && !part.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    path.split('?').next().unwrap_or_default().split(['/', ':']).filter(plain)
}

/// The last part of a path that is a word.
pub fn last_segment(path: &str) -> Option<&str> {
    literals(path).next_back()
}

fn ends_with_parameter(path: &str) -> bool {
    path.trim_end_matches('/').rsplit('/').next().is_some_and(|last| last.contains('{'))
}

fn method_verb(operation: &Unnamed<'_>) -> &'static str {
    match operation.method {
        "GET" | "HEAD" if operation.lists => "list",
        "GET" | "HEAD" => "get",
        "PUT" if operation.patched => "replace",
        "PUT" | "PATCH" => "update",
        "DELETE" => "delete",
        _ if ends_with_parameter(operation.path) => "update",
        _ => "create",
    }
}

fn of_path(operation: &Unnamed<'_>) -> Said {
    let parts: Vec<&str> = literals(operation.path).collect();
    let item = ends_with_parameter(operation.path);
    let mut found = method_verb(operation);
    let mut parts = parts.as_slice();
    let mut tail: Vec<String> = Vec::new();
    // `sendPhoto` is what is done and to what, and no thing that is made.
    let called = |last: &str| last.starts_with(|c: char| c.is_ascii_lowercase()) && last.contains(|c: char| c.is_ascii_uppercase());
    if let Some((last, before)) = parts.split_last().filter(|(last, _)| operation.method == "POST" && !item && called(last)) {
        let own = words(last);
        if let Some((own_verb, about)) = own.split_first().and_then(|(first, about)| Some((verb(first, operation)?, about))) {
            (found, parts, tail) = (own_verb, before, about.to_vec());
        }
    } else if let Some((last, before)) =
        parts.split_last().filter(|(_, before)| !before.is_empty() && !matches!(operation.method, "DELETE" | "PUT"))
    {
        let own = words(last);
        // A GET at `/watch` tells whether somebody does.
        let thing = |word: &str| matches!(operation.method, "GET" | "HEAD") && (NOUNS_TOO.contains(&word) || TOLD.contains(&word));
        let own_verb = own.first().filter(|word| !thing(word)).and_then(|word| verb(word, operation));
        if let (Some(own_verb), 1, false) = (own_verb, own.len(), item) {
            found = own_verb;
            parts = before;
        }
    }
    let many = matches!(found, "list" | "search" | "find" | "count" | "filter" | "query")
        || (!item && matches!(operation.method, "DELETE" | "PUT" | "PATCH"));
    let last = parts.len().saturating_sub(1);
    let mut about: Vec<String> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let mut of = words(part);
        if let Some(end) = of.last_mut().filter(|_| at < last || !many) {
            *end = singular(end);
        }
        if !about.ends_with(&of) {
            about.extend(of);
        }
    }
    about.extend(tail);
    if about.is_empty() {
        about = parameters(operation.path).flat_map(words).collect();
    }
    if about.is_empty() {
        about.push(String::from("root"));
    }
    Said { verb: found.to_owned(), about }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str, request: &str, lists: bool) -> String {
        let (method, path) = request.split_once(' ').unwrap();
        let one = Unnamed { operation_id: Some(id).filter(|id| !id.is_empty()), method, path, lists, patched: false };
        names(&[one], &[]).remove(0)
    }

    #[test]
    fn ids_become_names() {
        let table = [
            ("issues/list-for-repo", "GET /repos/{owner}/{repo}/issues", true, "list_issues_for_repo"),
            ("repos/get", "GET /repos/{owner}/{repo}", false, "get_repo"),
            ("users/get-authenticated", "GET /user", false, "get_authenticated_user"),
            ("issues/create-comment", "POST /repos/{o}/{r}/issues/{n}/comments", false, "create_comment"),
            ("listPets", "GET /pets", true, "list_pets"),
            ("getPets", "GET /pets", true, "list_pets"),
            ("showPetById", "GET /pets/{petId}", false, "get_pet_by_id"),
            ("users_list", "GET /users/", true, "list_users"),
            ("users_partial_update", "PATCH /users/{id}/", false, "update_user"),
            ("users_retrieve", "GET /users/{id}/", false, "get_user"),
            ("read_item_items__item_id__get", "GET /items/{item_id}", false, "read_item"),
            ("UsersController_findAll", "GET /users", true, "list_users"),
            ("GetCustomersCustomerSources", "GET /v1/customers/{customer}/sources", true, "list_customer_sources"),
            ("PostCustomers", "POST /v1/customers", false, "create_customers"),
            ("userProfile", "GET /profile", false, "get_user_profile"),
            ("chat.postMessage", "POST /chat.postMessage", false, "post_message"),
            ("chat_postMessage", "POST /chat.postMessage", false, "post_message"),
            ("files_revokePublicURL", "POST /files.revokePublicURL", false, "revoke_public_url"),
            ("conversations_kick", "POST /conversations.kick", false, "kick_conversation"),
            ("views_open", "GET /views.open", false, "open_view"),
            ("createCreateChannel", "POST /channels", false, "create_channel"),
            ("UntagResource", "POST /tags", false, "untag_tag"),
            ("", "GET /series/{id}", false, "get_series"),
            ("runLogs", "GET /runs/{id}/logs", false, "get_run_logs"),
            ("", "GET /users/{id}/posts", true, "list_user_posts"),
            ("", "GET /users/{id}", false, "get_user"),
            ("", "POST /users", false, "create_user"),
            ("", "GET /issues/{id}/watch", false, "get_issue_watch"),
            ("", "POST /sendPhoto", false, "send_photo"),
            ("", "POST /getMe", false, "get_me"),
            ("", "POST /users/{id}/resetPassword", false, "reset_user_password"),
            ("", "POST /lineItems", false, "create_line_item"),
            ("", "DELETE /users/{id}", false, "delete_user"),
            ("", "POST /orders/{id}/cancel", false, "cancel_order"),
            ("", "GET /api/v2/search", false, "get_search"),
            ("", "GET /", false, "get_root"),
            ("获取", "GET /用户", false, "get_root"),
        ];
        for (id, request, lists, wanted) in table {
            assert_eq!(name(id, request, lists), wanted, "{id} {request}");
        }
    }

    #[test]
    fn names_are_apart_and_do_not_depend_on_order() {
        let one = |id, method, path| Unnamed { operation_id: Some(id), method, path, lists: false, patched: false };
        let long = "word".repeat(60);
        let all = [
            one("issues/list-comments", "GET", "/issues/{n}/comments"),
            one("gists/list-comments", "GET", "/gists/{id}/comments"),
            one("same", "POST", "/a/{x}"),
            one("same", "POST", "/a/{y}"),
            one("same", "GET", "/c"),
            one(&long, "GET", "/d"),
            one("very long operation id that goes on and on and on and on and on and on one", "GET", "/e"),
            one("very long operation id that goes on and on and on and on and on and on two", "GET", "/f"),
        ];
        let forward = names(&all, &[]);
        let mut reversed = all.clone();
        reversed.reverse();
        let mut backward = names(&reversed, &[]);
        backward.reverse();
        assert_eq!(forward, backward);
        assert_eq!(forward[..2], ["list_issue_comments", "list_gist_comments"]);
        let list = Unnamed { operation_id: None, method: "GET", path: "/users", lists: false, patched: false };
        let item = Unnamed { path: "/user/{id}", ..list.clone() };
        assert_eq!(names(&[item.clone(), Unnamed { path: "/user", ..list.clone() }], &[]), ["get_user_by_id", "get_user"]);
        let held = names(&[item, Unnamed { path: "/user", ..list }], &[Some(String::from("get_user")), None]);
        assert!(held[0] == "get_user" && held[1].starts_with("get_user_"), "{held:?}");
        let apart: std::collections::BTreeSet<&String> = forward.iter().collect();
        assert_eq!(apart.len(), all.len(), "{forward:?}");
        assert!(forward.iter().all(|name| crate::base::name::is_id(name)), "{forward:?}");
    }
}
