//! Ids of Discovery methods: `drive.files.list` is `list_files`. The same document always gives the same ids, and a method that is added
//! later seldom takes one away: what belongs to a project comes first, then what lies less deep.

use std::cmp::Reverse;

use crate::registry::import::discovery::method::Method;
use crate::registry::import::kept::Names;
use crate::registry::import::parts::{Ids, id_of, singular, words};

/// Words in method names that say what is done; a method whose name has one elsewhere is named by it all the same.
const VERBS: &[&str] =
    &["cancel", "create", "delete", "export", "get", "import", "insert", "list", "patch", "search", "set", "update", "upload"];

/// The id of each method, in the same order; those that had one before keep it.
pub(super) fn of(methods: &[Method<'_>], kept: &Names, ids: &mut Ids) -> Vec<String> {
    let mut order: Vec<usize> = (0..methods.len()).collect();
    let rank = |at: &usize| {
        let method = &methods[*at];
        let projects = method.chain.first().is_some_and(|first| *first == "projects");
        (Reverse(projects), method.chain.len(), method.id.clone())
    };
    order.sort_by_cached_key(rank);
    let mut named = vec![String::new(); methods.len()];
    for at in order {
        named[at] = ids.keep(kept, &methods[at].id, candidates(&methods[at]));
    }
    named
}

/// From the short name to the full one.
fn candidates(method: &Method<'_>) -> Vec<String> {
    let said = words(method.name);
    let (resource, above) = match method.chain.split_last() {
        Some((last, above)) => (words(last), above),
        None => (Vec::new(), &[][..]),
    };
    let place = |ancestors: &[&str]| -> Vec<String> {
        let one = |name: &&str| {
            let mut words = words(name);
            if let Some(last) = words.last_mut() {
                *last = singular(last);
            }
            words
        };
        ancestors.iter().flat_map(one).collect()
    };
    let outermost = above.first().map_or(&[][..], std::slice::from_ref);
    let nearest = above.last().map_or(&[][..], std::slice::from_ref);
    [&[][..], outermost, nearest, above].into_iter().map(|ancestors| id_of(&name(&said, &place(ancestors), &resource))).collect()
}

/// Verb, place, resource, and what else the method's name says.
fn name(said: &[String], place: &[String], resource: &[String]) -> Vec<String> {
    let batch = usize::from(said.first().is_some_and(|first| first == "batch" || first == "bulk"));
    let verb = match said.get(batch) {
        Some(first) if VERBS.contains(&first.as_str()) => batch,
        _ => said.iter().position(|word| VERBS.contains(&word.as_str())).unwrap_or(batch.min(said.len().saturating_sub(1))),
    };
    let Some(chosen) = said.get(verb) else { return resource.to_vec() };
    let many = batch == 1 || matches!(chosen.as_str(), "list" | "search" | "query");
    let mut resource = resource.to_vec();
    if let Some(last) = resource.last_mut().filter(|_| !many) {
        *last = singular(last);
    }
    let mut words: Vec<String> = said[..batch.min(verb)].to_vec();
    words.push(if chosen == "insert" { String::from("create") } else { chosen.clone() });
    words.extend(said[batch.min(verb)..verb].iter().cloned());
    words.extend(place.iter().cloned());
    words.extend(resource.iter().cloned());
    let rest = said[verb + 1..].iter().filter(|word| !resource.contains(word));
    words.extend(rest.cloned());
    words
}
