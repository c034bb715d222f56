//! Which of several media types a body is sent as: the first of a fixed order that says what the body holds. What only another of them could
//! carry is said.

use serde_json::{Map, Value};

use crate::base::name::printable;
use crate::registry::import::openapi::body::is_file;
use crate::registry::import::openapi::doc::{Doc, kind, shape};

/// The place of a media type among those that are sent; the lowest goes first.
pub fn rank(media: &str) -> u8 {
    match bare(media) {
        "application/json" => 0,
        // A list of changes is harder to write than what is to be.
        patch if patch.contains("json-patch") => 4,
        json if json.ends_with("+json") || json.ends_with("/json") => 1,
        "application/x-www-form-urlencoded" => 2,
        "multipart/form-data" => 3,
        "*/*" => 5,
        _ => 6,
    }
}

fn bare(media: &str) -> &str {
    media.split(';').next().unwrap_or_default().trim()
}

/// The media type that is sent, with what stands beside it.
pub fn best<'a>(doc: &Doc<'a>, content: &'a Map<String, Value>) -> Option<(&'a String, &'a Value)> {
    let mut all: Vec<(&String, &Value)> = content.iter().collect();
    all.sort_by_key(|(media, of)| {
        let members = members(doc, of);
        // JSON carries no files, and what says nothing of its members comes after what does.
        let unfit = rank(media) < 3 && members.iter().any(|(_, property)| is_file(doc, property));
        let mute =
            members.is_empty() && of.get("schema").and_then(|schema| doc.resolve(schema).ok()).is_none_or(|schema| kind(schema).is_none());
        (unfit || mute || rank(media) > 4, rank(media))
    });
    all.first().copied()
}

fn members<'a>(doc: &Doc<'a>, of: &'a Value) -> Vec<(&'a str, &'a Value)> {
    of.get("schema").and_then(|schema| shape(doc, schema)).map(|shape| shape.properties).unwrap_or_default()
}

/// What the media types that are not sent could carry besides.
pub fn others<'a>(doc: &Doc<'a>, content: &'a Map<String, Value>, sent: &str) -> Vec<String> {
    let Some(chosen) = content.get(sent) else { return Vec::new() };
    let known = members(doc, chosen);
    let of = |(media, of): (&String, &'a Value)| -> Option<String> {
        let (media, sent) = (printable(bare(media)), printable(bare(sent)));
        let more: Vec<String> = members(doc, of)
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !known.iter().any(|(known, _)| known == name))
            .map(printable)
            .collect();
        if !more.is_empty() {
            let shown = more.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
            return Some(format!("as {media} its body could also have {shown}; it is sent as {sent}"));
        }
        let spelling =
            ["json", "xml", "yaml", "x-www-form", "form-data", "*"].iter().any(|word| media.contains(word)) && !media.contains("patch");
        let other = media != sent && !spelling && (media.contains("patch") || of.get("schema") != chosen.get("schema"));
        other.then(|| format!("its body may also be {media}; it is sent as {sent}"))
    };
    content.iter().filter(|(media, _)| *media != sent).filter_map(of).collect()
}
