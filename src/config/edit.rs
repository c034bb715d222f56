//! Changes to a settings file that keep its comments and order. The result is checked before it replaces the old one.

use std::path::Path;

pub use toml_edit::Value;
use toml_edit::{DocumentMut, Item, Table};

use crate::base::error::{Error, Result};
use crate::config::{files, layers};

/// One change: a dotted key as a path, and its value (`None` removes it).
pub struct Change {
    pub path: Vec<String>,
    pub value: Option<Value>,
}

/// How the refusal of a change begins.
pub const REFUSED: &str = "The setting was refused: ";

/// Applies changes to a settings file under its lock.
pub fn apply(path: &Path, changes: Vec<Change>) -> Result<()> {
    files::locked(path, || {
        let text = files::read(path)?.unwrap_or_default();
        let mut document: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| Error::usage(format!("{} is not valid TOML: {}", path.display(), error.message())))?;
        for change in changes {
            set(document.as_table_mut(), &change.path, change.value)?;
        }
        let text = document.to_string();
        layers::parse(&text).map_err(|why| Error::usage(format!("{REFUSED}{why}. Nothing was changed")))?;
        files::write_private(path, &text)
    })
}

fn set(table: &mut Table, path: &[String], value: Option<Value>) -> Result<()> {
    let Some((key, rest)) = path.split_first() else { return Ok(()) };
    if rest.is_empty() {
        match value {
            Some(value) => {
                table.insert(key, Item::Value(value));
            }
            None => {
                table.remove(key);
            }
        }
        return Ok(());
    }
    if value.is_none() && !table.contains_key(key) {
        return Ok(());
    }
    let inner = table.entry(key).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    if let Some(inline) = inner.as_inline_table() {
        *inner = Item::Table(inline.clone().into_table());
    }
    let Some(inner_table) = inner.as_table_mut() else {
        return Err(Error::usage(format!("'{key}' is a value in the settings file, not a section")));
    };
    set(inner_table, rest, value)?;
    if inner_table.is_empty() {
        table.remove(key);
    }
    Ok(())
}

/// Sets (or with `None` removes) a table of another program's TOML text; everything else stays, comments too.
pub fn set_table(text: &str, path: &[&str], members: Option<&serde_json::Map<String, serde_json::Value>>) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
    set(document.as_table_mut(), &path, None).map_err(|error| error.message)?;
    if let Some(members) = members {
        for (key, value) in members {
            let value = from_json(value).ok_or_else(|| format!("'{key}' cannot be written as TOML"))?;
            set(document.as_table_mut(), &[&path[..], std::slice::from_ref(key)].concat(), Some(value)).map_err(|error| error.message)?;
        }
    }
    Ok(document.to_string())
}

fn from_json(value: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match value {
        Json::String(text) => Value::from(text.as_str()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect::<Option<_>>()?),
        Json::Object(members) => {
            let pairs: Option<Vec<_>> = members.iter().map(|(key, value)| Some((key.as_str(), from_json(value)?))).collect();
            Value::InlineTable(pairs?.into_iter().collect())
        }
        _ => return None,
    })
}

/// A word from the command line as a TOML value: true, false and whole numbers are what they look like.
pub fn value(word: &str) -> Value {
    match word {
        "true" => Value::from(true),
        "false" => Value::from(false),
        _ => word.parse::<i64>().map_or_else(|_| Value::from(word), Value::from),
    }
}

/// A word as TOML text, whatever it looks like.
pub fn text(word: &str) -> Value {
    Value::from(word)
}

/// Splits a dotted key; a part in quotes may hold dots and stars.
pub fn path(key: &str) -> Result<Vec<String>> {
    let keys = toml_edit::Key::parse(key)
        .map_err(|error| Error::usage(format!("'{key}' is not a key: {}", error.message().lines().next().unwrap_or_default())))?;
    Ok(keys.into_iter().map(|key| key.get().to_owned()).collect())
}

/// A settings file as JSON; `None` when it is not valid.
pub fn to_json(text: &str) -> Option<serde_json::Value> {
    toml_edit::de::from_str(text).ok()
}

/// A word from the command line as JSON, read as [`value`] reads it.
pub fn to_value(word: &str) -> serde_json::Value {
    match value(word) {
        Value::Boolean(yes) => (*yes.value()).into(),
        Value::Integer(number) => (*number.value()).into(),
        _ => word.into(),
    }
}
