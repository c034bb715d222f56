//! What an operation does to the world, by its method and by what it is called. In doubt it writes.

use serde_json::Value;

use crate::registry::function::Operation;
use crate::registry::import::names::{Said, last_segment};
use crate::registry::import::openapi::doc::word;
use crate::registry::import::parts::words;

/// Verbs of what cannot simply be put back.
const GRAVE: &[&str] = &["delete", "destroy", "erase", "purge", "wipe", "terminate", "merge", "drop", "kill"];

/// Verbs that change something even where the method is GET.
#[rustfmt::skip]
const CHANGES: &[&str] = &[
    "create", "update", "delete", "remove", "send", "cancel", "add", "insert", "edit", "patch", "put", "replace", "upload", "archive",
    "unarchive", "approve", "reject", "publish", "unpublish", "subscribe", "unsubscribe", "enable", "disable", "activate", "deactivate",
    "revoke", "reset", "restart", "reboot", "start", "stop", "run", "execute", "trigger", "install", "uninstall", "register", "deregister",
    "unregister", "block", "unblock", "ban", "invite", "assign", "attach", "detach", "purge", "destroy", "erase", "wipe", "terminate",
    "merge", "move", "rename", "restore", "set", "post", "pay", "refund", "charge", "transfer", "logout", "submit", "clear", "drop", "kill",
    "regenerate", "rotate", "import", "migrate", "deploy", "rollback", "mark", "save", "vote", "like", "unlike", "follow", "unfollow",
];

/// Verbs that only look.
const LOOKS: &[&str] = &["search", "list", "find", "get", "count", "lookup", "fetch", "retrieve", "query", "filter", "preview", "compare"];

/// Looks that are sent by POST because they are long.
const SURE: &[&str] = &["search", "list", "find", "get", "count", "lookup", "fetch", "retrieve"];

/// The class of an operation, and why it is a read although its method says otherwise.
pub fn class(method: &str, path: &str, said: &Said, operation: &Value) -> (Operation, Option<String>) {
    let last = last_segment(path).map(words).unwrap_or_default();
    let in_path = last.first().map(String::as_str).unwrap_or_default();
    let verb = if said.by_id { said.verb.as_str() } else { in_path };
    let grave = GRAVE.contains(&verb) || GRAVE.contains(&in_path);
    match method {
        "DELETE" => (Operation::Destructive, None),
        "GET" | "HEAD" => {
            // Two signs, or one that nothing but a verb can be.
            let sure =
                ["create", "update", "delete", "remove", "send", "cancel", "destroy", "unsubscribe", "revoke", "purge", "logout", "add"];
            let both = said.by_id && CHANGES.contains(&verb) && verb == in_path;
            let writes = both || (said.by_id && sure.contains(&verb)) || (last.len() == 1 && sure.contains(&in_path));
            match (writes, grave) {
                (true, true) => (Operation::Destructive, None),
                (true, false) => (Operation::Write, None),
                _ => (Operation::Read, None),
            }
        }
        _ if grave => (Operation::Destructive, None),
        "POST" => read_by_post(said, in_path, &last, operation).map_or((Operation::Write, None), |why| (Operation::Read, Some(why))),
        _ => (Operation::Write, None),
    }
}

/// A POST is a read only where its name, its path and its words all say that it looks, and nothing says that it changes.
fn read_by_post(said: &Said, in_path: &str, last: &[String], operation: &Value) -> Option<String> {
    let looks = said.by_id && SURE.contains(&said.verb.as_str());
    let path_looks = LOOKS.contains(&in_path) || last.iter().any(|word| word == "search");
    let told = [word(operation, "summary"), word(operation, "description")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let head: String = told.chars().take(600).collect();
    let changing = |word: &String| {
        let stem = word.trim_end_matches("es").trim_end_matches(['s', 'd']);
        CHANGES.iter().any(|verb| verb == word || *verb == stem || verb.strip_suffix('e') == Some(stem))
            && !matches!(word.as_str(), "set" | "sets" | "post" | "run")
    };
    let changes = words(&head).iter().any(changing) || CHANGES.contains(&in_path) || last.iter().any(changing);
    let saved = said
        .about
        .iter()
        .chain(last)
        .any(|word| matches!(word.as_str(), "sql" | "job" | "jobs" | "export" | "async" | "token" | "session"));
    (looks && path_looks && !changes && !saved)
        .then(|| format!("Its name and its path say that it only looks ('{}'); POST carries what is looked for.", said.verb))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::import::names::{Unnamed, said};
    use serde_json::json;

    #[test]
    fn in_doubt_it_writes() {
        use Operation::{Destructive, Read, Write};
        let table = [
            ("GET", "/users", "listUsers", "", Read),
            ("GET", "/users/{id}/delete", "deleteUser", "", Destructive),
            ("GET", "/send", "sendMessage", "", Write),
            ("GET", "/jobs/{id}/start", "startJob", "", Write),
            ("GET", "/runs/{id}/logs", "runLogs", "", Read),
            ("GET", "/orders/{id}/cancel", "", "", Write),
            ("GET", "/settings/merge", "getMergeSettings", "", Read),
            ("DELETE", "/users/{id}", "x", "", Destructive),
            ("PUT", "/users/{id}", "getUser", "", Write),
            ("POST", "/users", "createUser", "", Write),
            ("POST", "/search", "searchDocuments", "Searches documents.", Read),
            ("POST", "/search", "searchDocuments", "Searches documents and deletes them.", Write),
            ("POST", "/search", "", "", Write),
            ("POST", "/files/list_folder", "files_list_folder", "Starts returning the contents of a folder.", Write),
            ("POST", "/files/list_folder", "list_folder", "Returns the contents of a folder.", Read),
            ("POST", "/query", "query", "Runs SQL.", Write),
            ("POST", "/users/delete", "removeThem", "", Destructive),
            ("POST", "/pulls/{n}/merge", "mergePull", "", Destructive),
            ("PATCH", "/x", "listX", "", Write),
        ];
        for (method, path, id, told, wanted) in table {
            let operation_id = Some(id).filter(|id| !id.is_empty());
            let name = said(&Unnamed { operation_id, method, path, lists: false, patched: false });
            let (class, why) = class(method, path, &name, &json!({"summary": told}));
            assert_eq!(class, wanted, "{method} {path} {id}");
            assert_eq!(why.is_some(), class == Read && method != "GET", "{method} {path}");
        }
    }
}
