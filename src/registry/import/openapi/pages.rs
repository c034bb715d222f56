//! How a list goes on: by what vendors write into their descriptions, else by the usual names of parameters and members. A guess is made only
//! where request and answer both fit; everything else has no pagination, and `--all` says so.

use serde_json::{Map, Value, json};

use crate::registry::function::Place;
use crate::registry::import::openapi::answer::Answer;
use crate::registry::import::openapi::doc::{Doc, kind, shape, word};
use crate::registry::import::openapi::draft::Draft;
use crate::registry::import::parts::words;

const LISTS: &[&str] =
    &["data", "items", "results", "value", "values", "records", "entries", "objects", "list", "rows", "content", "elements"];
const CURSORS: &[&str] = &[
    "cursor",
    "page_token",
    "next_token",
    "next_cursor",
    "starting_after",
    "after",
    "continuation_token",
    "continuation",
    "marker",
    "page_cursor",
    "start_cursor",
    "bookmark",
    "next_page_token",
    "page_after",
    "after_cursor",
    "pagination_token",
    "scroll_id",
    "cursor_id",
    "continue",
];
const PAGES: &[&str] = &["page", "page_number", "page_no", "page_num", "page_index", "pagenumber"];
const OFFSETS: &[&str] = &["offset", "skip", "start_at", "start_index", "page_offset", "start"];
#[rustfmt::skip]
const LIMITS: &[&str] = &[
    "limit", "per_page", "page_size", "max_results", "page_limit", "size", "count", "results_per_page", "pagesize", "perpage", "top", "max_items",
];

/// A place in an answer that holds one value.
struct Spot<'a> {
    path: String,
    words: Vec<String>,
    schema: &'a Value,
}

/// Where the list of an answer stands: `.` for the whole.
pub fn list_path<'a>(doc: &Doc<'a>, schema: &'a Value) -> Option<String> {
    let schema = doc.resolve(schema).ok()?;
    if kind(schema) == Some("array") {
        return Some(String::from("."));
    }
    let members = shape(doc, schema)?.properties;
    let lists = |of: &[(&'a str, &'a Value)]| -> Vec<&'a str> {
        let is_list = |property: &'a Value| doc.resolve(property).is_ok_and(|property| kind(property) == Some("array"));
        let beside = |name: &str| ["_links", "links", "errors", "warnings", "included"].contains(&name);
        of.iter().filter(|(name, property)| !beside(name) && is_list(property) && plain(name)).map(|(name, _)| *name).collect()
    };
    let own = lists(&members);
    let usual = own.iter().find(|name| LISTS.contains(&name.to_lowercase().as_str()));
    let rows = |name: &&&str| members.iter().any(|(known, property)| *known == **name && holds_objects(doc, property));
    let only = own.iter().filter(rows).collect::<Vec<_>>();
    if let Some(name) = usual.or(match only.as_slice() {
        [one] => Some(*one),
        _ => None,
    }) {
        return Some((*name).to_owned());
    }
    let below = |outer: &str| {
        let (name, property) = members.iter().find(|(name, _)| name.to_lowercase() == outer)?;
        let inner = shape(doc, property)?.properties;
        let found = lists(&inner);
        let best = found.iter().find(|name| LISTS.contains(&name.to_lowercase().as_str()));
        best.or(if found.len() == 1 { found.first() } else { None }).map(|inner| format!("{name}.{inner}"))
    };
    ["data", "result", "response", "_embedded", "results"].into_iter().find_map(below)
}

/// Whether an answer is a list by its form and by the path that it is asked at.
pub fn is_list<'a>(doc: &Doc<'a>, schema: &'a Value, path: &str) -> bool {
    if path.trim_end_matches('/').ends_with('}') {
        return false;
    }
    let last = crate::registry::import::names::last_segment(path).map(words).unwrap_or_default();
    let named = |place: &str| {
        let name = place.rsplit('.').next().unwrap_or_default();
        LISTS.contains(&name.to_lowercase().as_str()) || words(name).last() == last.last()
    };
    list_path(doc, schema).is_some_and(|place| place == "." || named(&place))
}

fn holds_objects<'a>(doc: &Doc<'a>, list: &'a Value) -> bool {
    let items = doc.resolve(list).ok().and_then(|list| list.get("items")).and_then(|items| doc.resolve(items).ok());
    items.is_some_and(|items| matches!(kind(items), None | Some("object")))
}

/// Whether a name can stand in a dotted path.
fn plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '.' || c.is_whitespace())
}

/// How the list of an operation goes on, as a manifest says it.
pub fn pagination<'a>(draft: &Draft<'a>, operation: &'a Value, answer: &Answer<'a>) -> Option<Value> {
    // To follow a list is to ask again and again: never for what changes something.
    if draft.function.operation != crate::registry::function::Operation::Read {
        return None;
    }
    let found = told(draft, operation, answer).or_else(|| guessed(draft, answer))?;
    let mut found: Map<String, Value> = found.into_iter().filter(|(_, value)| !value.is_null()).collect();
    if let Some(id) = found.get("limit").and_then(Value::as_str).map(str::to_owned) {
        let schema = draft.function.parameters.get(&id)?;
        let of = |key: &str| schema.get(key).and_then(Value::as_u64);
        let default = of("default").or_else(|| number_after(schema.get("description")?.as_str()?, "(without it: "));
        let most = of("maximum").or_else(|| number_after(&schema.get("description")?.as_str()?.to_lowercase(), "max"));
        default.filter(|size| *size > 0).map(|size| found.insert(String::from("page_size"), Value::from(size)));
        most.filter(|size| (1..=1_000).contains(size)).map(|size| found.insert(String::from("max_page_size"), Value::from(size)));
    }
    Some(Value::Object(found))
}

fn number_after(text: &str, mark: &str) -> Option<u64> {
    let rest = text.split_once(mark)?.1;
    let near: String = rest.chars().take(24).collect();
    let digits: String = near.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn object(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(members) = value { Some(members) } else { None }
}

fn by_names<'d>(draft: &'d Draft<'_>, names: &[&str]) -> Option<&'d str> {
    let of = |name: &&str| {
        draft.function.parameters.keys().find(|id| {
            let wire = words(draft.function.wire_name(id)).join("_");
            matches!(draft.function.place(id), Place::Query | Place::Body) && wire == **name
        })
    };
    names.iter().find_map(of).map(String::as_str)
}

fn guessed<'a>(draft: &Draft<'a>, answer: &Answer<'a>) -> Option<Map<String, Value>> {
    let items = list_path(&draft.doc, answer.schema?)?;
    let limit = by_names(draft, LIMITS);
    if answer.headers.iter().any(|name| name == "link") {
        return object(json!({"style": "link", "items": items, "limit": limit}));
    }
    let mut places = Vec::new();
    flatten(&draft.doc, answer.schema?, "", 0, &mut places);
    let flag = |names: &[&str]| {
        places
            .iter()
            .find(|place| kind(place.schema) == Some("boolean") && names.contains(&place.words.join("_").as_str()))
            .map(|place| &place.path)
    };
    let more = flag(&["has_more", "has_next", "has_next_page", "more", "is_truncated", "has_more_items", "more_items"]);
    let last = flag(&["is_last", "last", "is_last_page", "last_page"]);
    let count = |names: &[&str]| {
        places
            .iter()
            .find(|place| matches!(kind(place.schema), Some("integer" | "number")) && names.contains(&place.words.join("_").as_str()))
            .map(|place| &place.path)
    };
    let total = count(&["total", "total_count", "total_results", "total_items", "total_elements", "total_records"]);
    let pages = count(&["total_pages", "page_count", "pages", "num_pages", "last_page"]);
    if let Some(cursor) = by_names(draft, CURSORS) {
        let token = |place: &&Spot<'_>| {
            let has = |word: &str| place.words.iter().any(|known| known == word);
            let under_next = place.path.split('.').any(|step| ["next", "cursors", "cursor"].contains(&step));
            has("next") && ["cursor", "token", "page", "continuation", "marker"].iter().any(|word| has(word))
                || (under_next && has("after"))
                || place.words.join("_") == words(draft.function.wire_name(cursor)).join("_")
        };
        let text = |place: &&Spot<'_>| matches!(kind(place.schema), None | Some("string" | "integer"));
        if let Some(next) = places.iter().filter(text).find(token) {
            return object(
                json!({"style": "cursor", "items": items, "parameter": cursor, "next": next.path, "more": more, "limit": limit}),
            );
        }
        if cursor == "starting_after" && more.is_some() {
            let next = if items == "." { String::from("-1.id") } else { format!("{items}.-1.id") };
            return object(json!({"style": "cursor", "items": items, "parameter": cursor, "next": next, "more": more, "limit": limit}));
        }
    }
    let url = places.iter().find(|place| {
        let name = place.words.join("_");
        kind(place.schema) == Some("string")
            && ["next", "next_url", "next_link", "next_page_url", "next_href", "next_page_link"].contains(&name.as_str())
    });
    let page = by_names(draft, PAGES).filter(|id| is_number(draft, id));
    let offset = by_names(draft, OFFSETS).filter(|id| is_number(draft, id));
    let is_address = |place: &Spot<'_>| matches!(word(place.schema, "format"), Some("uri" | "url"));
    if let Some(url) = url.filter(|place| is_address(place) || page.or(offset).or(limit).is_some() || by_names(draft, CURSORS).is_some()) {
        return object(json!({"style": "url", "items": items, "next": url.path, "limit": limit}));
    }
    let more = more.or_else(|| places.iter().find(|place| follows(place)).map(|place| &place.path));
    let ends = json!({"more": more, "last": last, "total": total, "pages": pages, "limit": limit});
    let with_ends = |own: Value| Some([object(own)?, object(ends)?].into_iter().flatten().collect());
    match (page, offset) {
        (Some(page), _) => {
            let zero = draft.function.parameters.get(page).is_some_and(|schema| {
                schema.get("minimum").and_then(Value::as_u64) == Some(0)
                    || schema.get("description").and_then(Value::as_str).is_some_and(|text| text.contains("without it: 0)"))
            });
            with_ends(json!({"style": "page", "items": items, "parameter": page, "start": u8::from(!zero)}))
        }
        (None, Some(offset)) => with_ends(json!({"style": "offset", "items": items, "parameter": offset})),
        _ => None,
    }
}

/// Whether it is the number of the next page, which is null behind the last one.
fn follows(place: &Spot<'_>) -> bool {
    let names = ["next_page", "next_page_number", "next_offset"];
    matches!(kind(place.schema), Some("integer" | "number")) && names.contains(&place.words.join("_").as_str())
}

fn is_number(draft: &Draft<'_>, id: &str) -> bool {
    draft.function.parameters.get(id).is_some_and(|schema| matches!(kind(schema), Some("integer" | "number")))
}

fn flatten<'a>(doc: &Doc<'a>, schema: &'a Value, path: &str, depth: usize, into: &mut Vec<Spot<'a>>) {
    let Some(members) = shape(doc, schema).filter(|_| depth < 3 && into.len() < 200) else { return };
    for (name, property) in members.properties.into_iter().filter(|(name, _)| plain(name)) {
        let Ok(property) = doc.resolve(property) else { continue };
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match kind(property) {
            Some("array") => {}
            Some("object") => flatten(doc, property, &path, depth + 1, into),
            _ => into.push(Spot { words: words(name), path, schema: property }),
        }
    }
}

/// What a vendor's extension says of it.
fn told<'a>(draft: &Draft<'a>, operation: &'a Value, answer: &Answer<'a>) -> Option<Map<String, Value>> {
    let items = || list_path(&draft.doc, answer.schema?);
    let parameter = |name: &str| draft.function.parameters.keys().find(|id| draft.function.wire_name(id) == name || **id == name).cloned();
    if let Some(of) = operation.get("x-speakeasy-pagination") {
        let input = |kind: &str| {
            Doc::list(of, "inputs").iter().find(|input| word(input, "type") == Some(kind)).and_then(|input| parameter(word(input, "name")?))
        };
        let output = |key: &str| of.get("outputs").and_then(|all| word(all, key)).and_then(dotted);
        let items = output("results").or_else(items)?;
        return match word(of, "type")? {
            "cursor" => object(
                json!({"style": "cursor", "items": items, "parameter": input("cursor")?, "next": output("nextCursor")?, "limit": input("limit")}),
            ),
            "url" => object(json!({"style": "url", "items": items, "next": output("nextUrl")?})),
            _ => match input("page") {
                Some(page) => object(
                    json!({"style": "page", "items": items, "parameter": page, "pages": output("numPages"), "limit": input("limit")}),
                ),
                None => object(json!({"style": "offset", "items": items, "parameter": input("offset")?, "limit": input("limit")})),
            },
        };
    }
    let fern = operation
        .get("x-fern-pagination")
        .map(|own| if own.is_object() { own } else { draft.doc.root.get("x-fern-pagination").unwrap_or(own) });
    if let Some(of) = fern.filter(|of| of.is_object()) {
        let asked = |key: &str| word(of, key).and_then(|text| parameter(text.strip_prefix("$request.")?.rsplit('.').next()?));
        let got = |key: &str| word(of, key).and_then(dotted);
        let items = got("results").or_else(items)?;
        return match (asked("cursor"), got("next_cursor"), asked("offset")) {
            (Some(cursor), Some(next), _) => object(json!({"style": "cursor", "items": items, "parameter": cursor, "next": next})),
            (_, _, Some(offset)) if PAGES.contains(&offset.as_str()) => {
                object(json!({"style": "page", "items": items, "parameter": offset, "more": got("has-next-page")}))
            }
            (_, _, Some(offset)) => object(json!({"style": "offset", "items": items, "parameter": offset, "more": got("has-next-page")})),
            _ => object(json!({"style": "url", "items": items, "next": got("next_uri").or_else(|| got("next_url"))?})),
        };
    }
    if let Some(of) = operation.get("x-ms-pageable") {
        let next = word(of, "nextLinkName").filter(|name| plain(name))?;
        return object(json!({"style": "url", "items": word(of, "itemName").unwrap_or("value"), "next": next}));
    }
    plainly(draft, operation.get("x-pagination").filter(|of| of.is_object())?, items)
}

/// An extension that names parameter and places by one of the usual words.
fn plainly(draft: &Draft<'_>, of: &Value, items: impl FnOnce() -> Option<String>) -> Option<Map<String, Value>> {
    let parameter = |name: &str| draft.function.parameters.keys().find(|id| draft.function.wire_name(id) == name || **id == name).cloned();
    let any = |keys: &[&str]| keys.iter().find_map(|key| word(of, key));
    let named = |keys: &[&str]| any(keys).and_then(parameter);
    let place = |keys: &[&str]| any(keys).and_then(dotted);
    let items = place(&["items", "results", "data", "items_path", "result"]).or_else(items)?;
    let style = any(&["style", "type", "strategy"])?.to_lowercase();
    let limit = named(&["limit", "limit_param", "size", "size_param", "page_size", "limitParam"]);
    let next = place(&["next", "next_cursor", "nextCursor", "cursor_path", "next_path", "next_url", "nextUrl"]);
    let at = named(&[
        "parameter",
        "param",
        "cursor",
        "cursor_param",
        "cursorParam",
        "page",
        "page_param",
        "pageParam",
        "offset",
        "offset_param",
        "offsetParam",
    ]);
    match style.as_str() {
        "cursor" | "token" => object(json!({"style": "cursor", "items": items, "parameter": at?, "next": next?, "limit": limit})),
        "page" | "page_number" | "pagenumber" => object(json!({"style": "page", "items": items, "parameter": at?, "limit": limit})),
        "offset" | "offset_limit" | "offsetlimit" => object(json!({"style": "offset", "items": items, "parameter": at?, "limit": limit})),
        "link" | "link_header" => object(json!({"style": "link", "items": items, "limit": limit})),
        "url" | "next_url" => object(json!({"style": "url", "items": items, "next": next?, "limit": limit})),
        _ => None,
    }
}

/// `$.meta.next` and `$response.meta.next` as a dotted path.
fn dotted(path: &str) -> Option<String> {
    let path = ["$response.", "$.", "$"].iter().find_map(|start| path.strip_prefix(start)).unwrap_or(path);
    let path = path.replace("['", ".").replace("']", "").replace("[*]", "");
    let path = path.trim_matches('.');
    if path.is_empty() { Some(String::from(".")) } else { path.split('.').all(plain).then(|| path.to_owned()) }
}
