//! The words of a call: which are ours, which are the function's, and the payload. Nothing is coerced here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::call::args;
use crate::call::exchange::Replayer;
use crate::call::request::{Flag, Options};
use crate::registry::function::Function;

/// A call as typed.
#[derive(Debug, Default)]
pub struct Words {
    pub payload: Option<String>,
    pub flags: Vec<Flag>,
    pub options: Options,
    pub account: Option<String>,
    pub json: bool,
    pub ndjson: bool,
    pub help: bool,
}

/// Our own flags of a call: name, whether it takes a value, help. A parameter of the same name is reached by `--arg name=value`.
pub const OWN: &[(&str, Option<&str>, &str)] = &[
    ("json", None, "Print one JSON envelope"),
    ("account", Some("ALIAS"), "Use this account of the provider"),
    ("dry-run", None, "Check everything and show the exact request; send nothing"),
    ("force", None, "Bypass the read/write permission policy, and nothing else"),
    ("all", None, "Follow the list to its end"),
    ("max-pages", Some("N"), "With --all: stop after N pages"),
    ("max-items", Some("N"), "Stop after N items"),
    ("ndjson", None, "Print each item of a list as one JSON line as it comes; the envelope goes to stderr"),
    ("select", Some("JQ"), "Print what this jq program makes of the data"),
    ("timeout", Some("SECONDS"), "Longest time for the whole call"),
    ("output", Some("FILE"), "Write the download, or the data, to a file"),
    ("overwrite", None, "Let --output replace a file"),
    ("record", Some("DIR"), "Write every exchange to a folder, without secrets"),
    ("replay", Some("PATH"), "Answer from recorded exchanges; send nothing"),
    ("arg", Some("KEY=VALUE"), "One argument; also reaches a parameter named like one of these flags"),
    ("help", None, "Show the function's parameters"),
];

/// Whether the answer is to be JSON, also where the other words cannot be read.
pub fn wants_json(words: &[String]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// Reads the words after the function's name. `function` tells booleans apart; without it every flag takes a value.
pub fn read(words: &[String], function: Option<&Function>) -> Result<Words> {
    let mut read = Words::default();
    let mut words = words.iter().peekable();
    let mut flags_over = false;
    while let Some(word) = words.next() {
        if flags_over || !word.starts_with("--") || word == "--" {
            match word.as_str() {
                "--" if !flags_over => flags_over = true,
                "-h" if !flags_over => read.help = true,
                payload if read.payload.is_none() => read.payload = Some(payload.to_owned()),
                extra => {
                    return Err(Error::usage(format!(
                        "'{}' is one word too many: a call takes one JSON payload, then --flags",
                        crate::base::name::printable(extra)
                    )));
                }
            }
            continue;
        }
        let (key, given) = match word[2..].split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (&word[2..], None),
        };
        if let Some((name, takes, _)) = OWN.iter().find(|(name, ..)| *name == key) {
            let value = match (takes, given) {
                (None, None) => String::new(),
                (None, Some(value)) if value == "true" => String::new(),
                (None, Some(value)) if value == "false" => continue,
                (None, Some(_)) => return Err(Error::usage(format!("--{name} takes no value"))),
                (Some(_), Some(value)) => value,
                (Some(what), None) => words.next().cloned().ok_or_else(|| Error::usage(format!("--{name} needs a value: {what}")))?,
            };
            own(&mut read, name, value)?;
            continue;
        }
        read.flags.push(flag(key, given, &mut words, function));
    }
    Ok(read)
}

fn flag<'a>(
    key: &str,
    given: Option<String>,
    words: &mut std::iter::Peekable<impl Iterator<Item = &'a String>>,
    function: Option<&Function>,
) -> Flag {
    let boolean = |key: &str| function.is_some_and(|function| args::is_boolean(function, key));
    let known = |key: &str| function.is_some_and(|function| args::parameter(function, key).0.is_some());
    if let Some(positive) = key.strip_prefix("no-").filter(|positive| given.is_none() && !known(key) && boolean(positive)) {
        return Flag { key: positive.to_owned(), value: None, negated: true, stdin: None };
    }
    let next = |word: &&String| {
        if boolean(key) { matches!(word.as_str(), "true" | "false") } else { !word.starts_with("--") }
    };
    let value = given.or_else(|| words.next_if(next).cloned());
    Flag { key: key.to_owned(), value, negated: false, stdin: None }
}

fn own(read: &mut Words, name: &str, value: String) -> Result<()> {
    let number = |value: &str| {
        value
            .parse()
            .ok()
            .filter(|number: &u64| *number > 0)
            .ok_or_else(|| Error::usage(format!("--{name} must be a whole number above 0")))
    };
    let options = &mut read.options;
    match name {
        "json" => read.json = true,
        "ndjson" => read.ndjson = true,
        "help" => read.help = true,
        "account" => read.account = Some(value),
        "dry-run" => options.dry_run = true,
        "force" => options.force = true,
        "all" => options.all = true,
        "overwrite" => options.overwrite = true,
        "max-pages" => options.max_pages = Some(u32::try_from(number(&value)?).unwrap_or(u32::MAX)),
        "max-items" => options.max_items = Some(number(&value)?),
        "select" => options.select = Some(value),
        "timeout" => options.timeout_seconds = Some(value.parse().map_err(|_| Error::usage("--timeout must be a number of seconds"))?),
        "output" => options.output = Some(PathBuf::from(value)),
        "record" => options.record = Some(PathBuf::from(value)),
        "replay" => options.replay = Some(Arc::new(Replayer::open(Path::new(&value))?)),
        _ => {
            let (key, value) = value.split_once('=').ok_or_else(|| Error::usage("--arg takes KEY=VALUE"))?;
            read.flags.push(Flag { key: key.to_owned(), value: Some(value.to_owned()), negated: false, stdin: None });
        }
    }
    if options.max_pages.is_some() || options.max_items.is_some() {
        options.all = true;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Words {
        let function = serde_json::from_value(serde_json::json!({
            "id": "f", "title": "F", "description": "F.", "operation": "read", "request": "GET /", "examples": [],
            "parameters": {"draft": {"type": "boolean"}, "name": {"type": "string"}, "no_proxy": {"type": "string"}, "account": {"type": "string"}}
        }))
        .unwrap();
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        read(&words, Some(&function)).unwrap()
    }

    fn flags(text: &str) -> Vec<(String, Option<String>, bool)> {
        words(text).flags.into_iter().map(|flag| (flag.key, flag.value, flag.negated)).collect()
    }

    #[test]
    fn flags_take_values_as_their_type_wants() {
        assert_eq!(flags("--draft {} --name x"), [("draft".into(), None, false), ("name".into(), Some("x".into()), false)]);
        assert_eq!(flags("--draft false"), [("draft".into(), Some("false".into()), false)]);
        assert_eq!(
            flags("--no-draft --no-proxy=1 --name -5"),
            [("draft".into(), None, true), ("no-proxy".into(), Some("1".into()), false), ("name".into(), Some("-5".into()), false)]
        );
        assert_eq!(words("--draft {\"a\":1}").payload.as_deref(), Some("{\"a\":1}"));
    }

    #[test]
    fn our_flags_are_ours_and_arg_reaches_the_rest() {
        let read = words("--account work --arg account=7 --json --max-items 3");
        assert_eq!((read.account.as_deref(), read.json, read.options.max_items), (Some("work"), true, Some(3)));
        assert_eq!(read.flags[0].key, "account");
        assert!(super::read(&["--max-items".into(), "0".into()], None).is_err());
        assert!(super::read(&["{}".into(), "{}".into()], None).is_err());
    }

    #[test]
    fn the_pages_know_every_flag_that_hides_a_parameter() {
        let own: Vec<String> = OWN.iter().map(|(name, ..)| name.replace('-', "_")).collect();
        let mut pages: Vec<&str> = crate::registry::docs::OWN_NAMES.to_vec();
        pages.sort_by_key(|name| own.iter().position(|known| known == name));
        assert_eq!(pages, own);
    }
}
