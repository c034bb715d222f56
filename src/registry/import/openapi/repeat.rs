//! When a request may be sent again, as a description says it: keys that make a repeated write harmless, vendors' rules for retries, headers
//! that say how much may still be asked. A write is never repeated because a description wants it so: only a key makes it harmless.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::name::printable;
use crate::registry::function::{Operation, Place, TRANSIENT};
use crate::registry::import::openapi::doc::{Doc, says, word};
use crate::registry::import::openapi::draft::Draft;
use crate::registry::manifest::{RateLimit, ResetFormat};
use crate::registry::schema::valid;

/// Headers that carry an idempotency key.
const KEYS: &[&str] = &["idempotency-key", "x-idempotency-key", "idempotence-key", "x-idempotence-key", "idempotency_key"];

/// What is sent as a key.
const LIKE_OURS: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

/// Extensions that say when a failed request is sent again.
const RETRIES: [&str; 2] = ["x-speakeasy-retries", "x-fern-retries"];

/// What an operation says of being sent twice.
pub fn of(draft: &mut Draft<'_>, operation: &Value) {
    if draft.function.operation != Operation::Read {
        key(draft, operation);
    }
    let Some(rules) = RETRIES.iter().find_map(|word| operation.get(word).or_else(|| draft.doc.root.get(word))) else { return };
    if says(rules, "disabled") || word(rules, "strategy") == Some("none") {
        draft.function.retry = false;
        return;
    }
    if draft.function.operation != Operation::Read && draft.function.idempotency_header.is_none() {
        return draft.warn("it is not repeated after a failure, as its description has it: nothing says that sending it twice is harmless");
    }
    let ours = |code: &str| code.eq_ignore_ascii_case("5xx") || code.parse().is_ok_and(|status| TRANSIENT.contains(&status));
    let codes: Vec<String> = Doc::list(rules, "statusCodes").iter().map(crate::base::json::plain).filter(|code| !ours(code)).collect();
    if !codes.is_empty() {
        draft.warn(format!("it is not repeated after the statuses {}, as its description has it", printable(&codes.join(", "))));
    }
}

/// The key that makes a repeated write harmless: sent anew with each call, unless the caller has one.
fn key(draft: &mut Draft<'_>, operation: &Value) {
    let is_key = |wire: &str| KEYS.contains(&wire.to_lowercase().as_str());
    let function = &draft.function;
    let found = function.parameters.keys().find(|id| function.place(id) == Place::Header && is_key(function.wire_name(id))).cloned();
    if let Some(id) = found {
        let schema = draft.function.parameters.get(&id).cloned().unwrap_or_default();
        if !draft.converter.is_closed(&schema) || valid(&schema, &Value::from(LIKE_OURS)).is_err() {
            return draft.warn("its idempotency key has a form of its own: none is sent by itself, and it is not repeated");
        }
        draft.function.idempotency_header = Some(draft.function.wire_name(&id).to_owned());
        draft.function.required.retain(|name| *name != id);
        let said = word(&schema, "description").unwrap_or("Idempotency key").trim_end_matches('.');
        return draft.set(&id, "description", Value::from(format!("{said} (without it: a fresh one)")));
    }
    if !["x-fern-idempotent", "x-idempotent"].iter().any(|word| says(operation, word)) {
        return;
    }
    let header = Doc::list(draft.doc.root, "x-fern-idempotency-headers").iter().find_map(|one| word(one, "header"));
    match header.filter(|name| is_key(name)) {
        Some(header) => draft.function.idempotency_header = Some(header.to_owned()),
        None => draft.warn("it may be repeated with an idempotency key; none is sent by itself, and it is not repeated"),
    }
}

/// The headers that say how much may still be asked and when the window ends: the family that most answers have.
pub fn limits(doc: &Doc<'_>, operations: &[&Value], notes: &mut Vec<String>) -> RateLimit {
    let waits = |of: &Value| RETRIES.iter().find_map(|word| of.get(word)).is_some_and(|rules| rules.get("backoff").is_some());
    if std::iter::once(doc.root).chain(operations.iter().copied()).any(waits) {
        notes.push(String::from("how often a failed request is repeated, and after how long, is a setting (http.retries): its description is not followed there"));
    }
    let mut families: BTreeMap<String, Family<'_>> = BTreeMap::new();
    for operation in operations {
        headers(doc, operation, &mut families);
    }
    let Some(best) = families.values().max_by_key(|family| family.times) else { return RateLimit::default() };
    let others: Vec<String> =
        families.values().filter(|family| family.remaining != best.remaining).map(|of| printable(of.remaining)).collect();
    if !others.is_empty() {
        notes.push(format!("of its headers about the rate {} is heeded, and not {}", printable(best.remaining), others.join(", ")));
    }
    let reset = best.reset.and_then(|(name, header)| Some((name, written(doc, name, header)?)));
    if let (Some((name, _)), None) = (best.reset, reset) {
        notes.push(format!("its header {} is not heeded: it does not say how a time is written there", printable(name)));
    }
    RateLimit {
        remaining: Some(best.remaining.to_owned()),
        reset: reset.map(|(name, _)| name.to_owned()),
        reset_format: reset.map(|(_, format)| format).unwrap_or_default(),
        min_interval_ms: None,
    }
}

/// Headers that belong together.
struct Family<'a> {
    remaining: &'a str,
    reset: Option<(&'a str, &'a Value)>,
    times: usize,
}

fn headers<'a>(doc: &Doc<'a>, operation: &'a Value, families: &mut BTreeMap<String, Family<'a>>) {
    for written in operation.get("responses").and_then(Value::as_object).into_iter().flatten().map(|(_, response)| response) {
        let Some(all) = doc.resolve(written).ok().and_then(|response| response.get("headers")?.as_object()) else { continue };
        for (name, _) in all {
            let Some(stem) = name.to_lowercase().strip_suffix("-remaining").map(str::to_owned) else { continue };
            if !stem.replace('-', "").contains("ratelimit") || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                continue;
            }
            let reset = all.iter().find(|(other, _)| other.to_lowercase() == format!("{stem}-reset")).map(|(name, of)| (name.as_str(), of));
            let family = families.entry(stem).or_insert(Family { remaining: name, reset: None, times: 0 });
            family.times += 1;
            family.reset = family.reset.or(reset);
        }
    }
}

/// How a time is written in a header that says when the window ends; nothing where that is not said.
fn written<'a>(doc: &Doc<'a>, name: &str, header: &'a Value) -> Option<ResetFormat> {
    let header = doc.resolve(header).ok()?;
    let schema = header.get("schema").and_then(|schema| doc.resolve(schema).ok()).unwrap_or(header);
    let told = [header, schema].into_iter().filter_map(|of| word(of, "description")).collect::<Vec<_>>().join(" ").to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| told.contains(word));
    if word(schema, "format") == Some("date-time") || has(&["iso 8601", "iso8601", "rfc 3339", "rfc3339"]) {
        return Some(ResetFormat::Iso8601);
    }
    if has(&["epoch", "unix"]) {
        return Some(if has(&["millisecond"]) { ResetFormat::EpochMilliseconds } else { ResetFormat::EpochSeconds });
    }
    let example = [header, schema].into_iter().find_map(|of| of.get("example")).map(crate::base::json::plain);
    match example.and_then(|example| example.parse::<f64>().ok()) {
        Some(at) if at > 1e12 => return Some(ResetFormat::EpochMilliseconds),
        Some(at) if at > 1e9 => return Some(ResetFormat::EpochSeconds),
        _ => {}
    }
    // The header that is standardised counts from now.
    let from_now = name.to_lowercase().starts_with("ratelimit-")
        || has(&["seconds until", "seconds left", "seconds remaining", "remaining window", "number of seconds"]);
    (from_now && !has(&["millisecond"])).then_some(ResetFormat::DeltaSeconds)
}
