//! XML as JSON, always in the same shape: an element without attributes and children is its text; any other is an object of `@attribute`
//! members, of a list per child name, and of `#text` where there is some. The root element is the only member of the whole. Names keep
//! their prefix. Document type definitions are refused, and with them entities that expand.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value};

/// Elements nested deeper are refused.
const DEEPEST: usize = 100;

/// The JSON of an XML text.
pub fn value(text: &str) -> Result<Value, String> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 2_000_000, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start(), options).map_err(|error| error.to_string())?;
    let root = document.root_element();
    Ok(Value::Object(Map::from_iter([(name(root), element(root, DEEPEST)?)])))
}

fn element(node: Node<'_, '_>, depth: usize) -> Result<Value, String> {
    let depth = depth.checked_sub(1).ok_or_else(|| format!("it is nested deeper than {DEEPEST} elements"))?;
    let mut members = Map::new();
    for attribute in node.attributes() {
        members.insert(format!("@{}", attribute.name()), attribute.value().into());
    }
    let mut text = String::new();
    for child in node.children() {
        if child.is_element() {
            let item = element(child, depth)?;
            match members.entry(name(child)).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(items) => items.push(item),
                other => *other = Value::Array(vec![item]),
            }
        } else if child.is_text() {
            text.push_str(child.text().unwrap_or_default());
        }
    }
    let text = text.trim();
    if members.is_empty() {
        return Ok(Value::from(text));
    }
    if !text.is_empty() {
        members.insert(String::from("#text"), text.into());
    }
    Ok(Value::Object(members))
}

fn name(node: Node<'_, '_>) -> String {
    let tag = node.tag_name();
    match tag.namespace().and_then(|uri| node.lookup_prefix(uri)).filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => format!("{prefix}:{}", tag.name()),
        None => tag.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::value;

    #[test]
    fn one_shape_for_everything() {
        let feed = r#"<?xml version="1.0"?><feed xmlns="urn:a" xmlns:os="urn:b"><os:total>2</os:total><entry><id>1</id><link rel="x" href="/1"/></entry><entry id="e">&lt;b&gt; <i>x</i></entry><empty/></feed>"#;
        let expected = json!({"feed": {
            "os:total": ["2"],
            "entry": [{"id": ["1"], "link": [{"@rel": "x", "@href": "/1"}]}, {"@id": "e", "i": ["x"], "#text": "<b>"}],
            "empty": [""],
        }});
        assert_eq!(value(feed).unwrap(), expected);
    }

    #[test]
    fn what_would_grow_is_refused() {
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>"#;
        assert!(value(bomb).is_err());
        assert!(value(&"<a>".repeat(500)).is_err() && value(&format!("{}{}", "<a>".repeat(200), "</a>".repeat(200))).is_err());
        assert!(value("no xml").is_err() && value("").is_err());
    }
}
