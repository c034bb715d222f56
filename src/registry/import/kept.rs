//! Names that an import gave, by operation: importing again gives the same, whatever has come since. People write them into rules, scripts and
//! prompts.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::base::name::is_id;
use crate::registry::import::Fate;

/// Function ids by operation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Names(BTreeMap<String, String>);

/// Tells operations apart that are written alike: the second is another one.
#[derive(Default)]
struct Keys(HashMap<String, usize>);

impl Keys {
    fn of(&mut self, operation: &str) -> String {
        let count = self.0.entry(operation.to_owned()).or_default();
        *count += 1;
        if *count == 1 { operation.to_owned() } else { format!("{operation} #{count}") }
    }
}

/// An operation without the names of its path's parameters, which are nobody's business but the description's.
fn shape(operation: &str) -> String {
    operation.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect::<Vec<_>>().join("{}")
}

/// What has a shape that nothing else has.
fn by_shape<T>(all: impl Iterator<Item = (String, T)>) -> HashMap<String, T> {
    let mut found: HashMap<String, Option<T>> = HashMap::new();
    for (operation, what) in all {
        found.entry(shape(&operation)).and_modify(|there| *there = None).or_insert(Some(what));
    }
    found.into_iter().filter_map(|(shape, what)| what.map(|what| (shape, what))).collect()
}

impl Names {
    /// Those that an import gave.
    pub fn of(fates: &[Fate]) -> Self {
        let mut keys = Keys::default();
        let pairs = fates.iter().filter_map(|fate| {
            let key = keys.of(&fate.operation);
            fate.function.clone().map(|function| (key, function))
        });
        Self(pairs.collect())
    }

    /// Whether nothing was imported before.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of each of these operations, where it had one. No two have the same.
    pub fn kept<'a>(&self, operations: impl Iterator<Item = &'a str>) -> Vec<Option<String>> {
        let mut keys = Keys::default();
        let asked: Vec<String> = operations.map(|operation| keys.of(operation)).collect();
        let mut given: HashSet<&str> = HashSet::new();
        let mut names: Vec<Option<&str>> = asked.iter().map(|key| self.get(key).filter(|name| given.insert(name))).collect();
        let before = by_shape(self.0.iter().map(|(operation, name)| (operation.clone(), name)));
        let now = by_shape(asked.iter().cloned().zip(0_usize..));
        for (shape, at) in now {
            if let (Some(slot @ None), Some(name)) = (names.get_mut(at), before.get(&shape).filter(|name| is_id(name)))
                && given.insert(name)
            {
                *slot = Some(name.as_str());
            }
        }
        names.into_iter().map(|name| name.map(str::to_owned)).collect()
    }

    /// The name of one operation, where it had one.
    pub fn get(&self, operation: &str) -> Option<&str> {
        self.0.get(operation).filter(|name| is_id(name)).map(String::as_str)
    }

    /// All names.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_keep_their_names() {
        let fate = |operation: &str, function: &str| Fate {
            operation: operation.to_owned(),
            function: Some(function.to_owned()),
            left_out: None,
            warnings: Vec::new(),
        };
        let names = Names::of(&[fate("GET /a/{x}", "get_a"), fate("same", "one"), fate("same", "two")]);
        let kept = names.kept(["same", "GET /a/{y}", "GET /b", "same", "same"].into_iter());
        let kept: Vec<&str> = kept.iter().map(|name| name.as_deref().unwrap_or("-")).collect();
        assert_eq!(kept, ["one", "get_a", "-", "two", "-"]);
        assert_eq!((names.get("GET /a/{x}"), names.get("GET /a/{z}")), (Some("get_a"), None));
    }
}
