//! What an operation answers: how it is read, what it looks like, what its headers say.

use serde_json::Value;

use crate::base::name::printable;
use crate::registry::function::{Function, ResponseForm};
use crate::registry::import::openapi::doc::{Doc, word};
use crate::registry::import::openapi::schema::outline;

/// The answer of a success.
#[derive(Debug, Default)]
pub struct Answer<'a> {
    pub schema: Option<&'a Value>,
    /// What it is sent as; nothing where it has no body.
    pub media: Option<&'a str>,
    /// What else it could be sent as.
    pub others: Vec<&'a str>,
    /// Names of its headers, lower case.
    pub headers: Vec<String>,
    /// It has a body or may have one.
    pub body: bool,
}

/// The answer that counts: the first success that says what it holds.
pub fn answer<'a>(doc: &Doc<'a>, operation: &'a Value) -> Answer<'a> {
    let Some(all) = operation.get("responses").and_then(Value::as_object) else { return Answer { body: true, ..Answer::default() } };
    let mut good: Vec<(&String, &Value)> = all.iter().filter(|(code, _)| code.starts_with('2')).collect();
    good.sort_by_key(|(code, _)| *code);
    if good.is_empty() {
        good.extend(all.iter().find(|(code, _)| *code == "default"));
    }
    let read = |(code, written): (&String, &'a Value)| -> Option<Answer<'a>> {
        let response = doc.resolve(written).ok()?;
        let headers =
            response.get("headers").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.to_lowercase()).collect();
        let empty = matches!(code.as_str(), "204" | "205");
        if doc.old {
            let produces = [operation, doc.root].into_iter().find_map(|of| of.get("produces")?.as_array());
            let medias: Vec<&str> = produces.into_iter().flatten().filter_map(Value::as_str).collect();
            let media = medias.iter().find(|media| is_json(media)).or(medias.first()).copied();
            let schema = response.get("schema");
            let others = medias.into_iter().filter(|other| schema.is_some() && Some(*other) != media).collect();
            return Some(Answer { schema, media: media.filter(|_| schema.is_some()), others, headers, body: !empty });
        }
        let content = response.get("content").and_then(Value::as_object).filter(|content| !content.is_empty());
        let best = content.and_then(|content| content.iter().min_by_key(|(media, _)| rank(media)));
        let media = best.map(|(media, _)| media.as_str());
        let others = content.into_iter().flatten().map(|(media, _)| media.as_str()).filter(|other| Some(*other) != media).collect();
        Some(Answer { schema: best.and_then(|(_, of)| of.get("schema")), media, others, headers, body: !empty })
    };
    let mut answers: Vec<Answer<'a>> = good.into_iter().filter_map(read).collect();
    match answers.iter().position(|answer| answer.media.is_some()) {
        Some(at) => answers.swap_remove(at),
        None => {
            let body = answers.is_empty() || answers.iter().any(|answer| answer.body);
            answers.into_iter().next().map_or_else(|| Answer { body: true, ..Answer::default() }, |answer| Answer { body, ..answer })
        }
    }
}

fn is_json(media: &str) -> bool {
    rank(media) < 2
}

fn rank(media: &str) -> u8 {
    match media.split(';').next().unwrap_or_default().trim() {
        "application/json" => 0,
        json if json.contains("json") && !json.contains("seq") && !json.contains("ndjson") && !json.contains("jsonl") => 1,
        "*/*" => 2,
        text if text.starts_with("text/") => 4,
        _ => 3,
    }
}

/// Writes into a function how its answer is read; says what cannot be.
pub fn read_by<'a>(doc: &Doc<'a>, answer: &Answer<'a>, function: &mut Function) -> Vec<String> {
    let media = answer.media.map(bare);
    let schema = answer.schema.and_then(|schema| doc.resolve(schema).ok());
    let file = schema.is_some_and(|schema| word(schema, "format") == Some("binary") || word(schema, "type") == Some("file"));
    match media {
        None if !answer.body => function.response = ResponseForm::None,
        None => {}
        Some(media) if is_json(media) || (media == "*/*" && !file) => {
            if media != "application/json" && media != "*/*" && !media.contains('*') {
                function.headers.insert(String::from("accept"), media.into());
            }
            function.output = answer
                .schema
                .map(|schema| outline(doc, schema))
                .filter(|outline| outline.as_object().is_some_and(|outline| !outline.is_empty()));
        }
        Some(media) => {
            let text = (media.starts_with("text/") && !file)
                || ["xml", "yaml", "javascript", "csv", "jsonl", "ndjson", "x-www-form"].iter().any(|word| media.contains(word));
            function.response = match (is_xml(media) && !file, text) {
                (true, _) => ResponseForm::Xml,
                (_, true) => ResponseForm::Text,
                _ => ResponseForm::Binary,
            };
            let plain = !media.contains('*') && media.bytes().all(|b| b.is_ascii_graphic());
            function.headers.insert(String::from("accept"), if plain { media.into() } else { "*/*".into() });
        }
    }
    let mut others: Vec<String> = answer.others.iter().map(|other| bare(other)).filter(|other| is_more(other)).map(printable).collect();
    others.dedup();
    let asked = media.filter(|_| !others.is_empty()).map(|media| (printable(media), others.join(", ")));
    asked.map(|(media, others)| format!("it can also answer {others}; it is asked for {media}")).into_iter().collect()
}

fn bare(media: &str) -> &str {
    media.split(';').next().unwrap_or_default().trim()
}

/// XML that is data: no page and no picture.
fn is_xml(media: &str) -> bool {
    matches!(media, "application/xml" | "text/xml")
        || (media.starts_with("application/") && media.ends_with("+xml") && !media.contains("html"))
}

/// Whether an answer sent so holds something else than one in JSON does.
fn is_more(media: &str) -> bool {
    const SAME: [&str; 12] =
        ["json", "xml", "yaml", "html", "text/plain", "javascript", "*", "x-www-form", "protobuf", "msgpack", "messagepack", "cbor"];
    media.contains('/') && (media.contains("ndjson") || media.contains("seq") || !SAME.iter().any(|word| media.contains(word)))
}
