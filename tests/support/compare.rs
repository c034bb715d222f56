//! What should have been said beside what was said: requests, and JSON values.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::request::Request;

/// Several values of one name; often one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Values {
    One(String),
    Many(Vec<String>),
}

type Fields = BTreeMap<String, Values>;
type Multimap = BTreeMap<String, Vec<String>>;

/// What every request must carry.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Always {
    pub headers: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
}

/// The request that must leave.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    pub method: String,
    pub path: String,
    pub query: Fields,
    pub headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "present")]
    pub json: Option<Value>,
    pub form: Option<Fields>,
    pub text: Option<String>,
    pub multipart: Option<BTreeMap<String, String>>,
}

/// Keeps a null that was written apart from nothing.
pub fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// How a request differs from what was wanted.
pub fn request(wanted: &Wanted, always: &Always, got: &Request) -> Vec<String> {
    let mut said = Vec::new();
    differs(&mut said, "method", wanted.method.as_str(), got.method.as_str());
    differs(&mut said, "path", wanted.path.as_str(), got.path());
    let mut query = multimap(&wanted.query);
    for (name, value) in &always.query {
        query.entry(name.clone()).or_insert_with(|| vec![value.clone()]);
    }
    differs(&mut said, "query", &query, &grouped(got.query()));
    let own = wanted.headers.iter().chain(always.headers.iter().filter(|(name, _)| !wanted.headers.contains_key(*name)));
    for (name, value) in own {
        differs(&mut said, &format!("header {name}"), [value.as_str()].as_slice(), got.all(name).as_slice());
    }
    said.extend(body(wanted, got));
    said
}

fn body(wanted: &Wanted, got: &Request) -> Vec<String> {
    let mut said = Vec::new();
    let kind = got.media_type();
    if let Some(value) = &wanted.json {
        match got.json() {
            Ok(got) => said.extend(values(value, &got).into_iter().map(|line| format!("body{line}"))),
            Err(why) => said.push(why),
        }
        if !kind.contains("json") {
            said.push(format!("content-type: expected JSON, got {kind:?}"));
        }
    } else if let Some(form) = &wanted.form {
        differs(&mut said, "form", &multimap(form), &grouped(got.form()));
        differs(&mut said, "content-type", "application/x-www-form-urlencoded", kind.as_str());
    } else if let Some(text) = &wanted.text {
        differs(&mut said, "body", text.as_str(), &*String::from_utf8_lossy(&got.body));
    } else if let Some(parts) = &wanted.multipart {
        let wanted: Multimap = parts.iter().map(|(name, content)| (name.clone(), vec![content.clone()])).collect();
        match got.parts() {
            Ok(parts) => {
                let parts = parts.into_iter().map(|part| (part.name, String::from_utf8_lossy(&part.content).into_owned()));
                differs(&mut said, "multipart", &wanted, &grouped(parts.collect()));
            }
            Err(why) => said.push(why),
        }
    } else {
        // Where every body parameter is optional, a function that was given none sends an empty object.
        let bare = got.body.is_empty() || (got.body == b"{}" && !matches!(got.method.as_str(), "GET" | "HEAD"));
        if !bare {
            said.push(format!("body: expected none, got {}", cut(&String::from_utf8_lossy(&got.body))));
        }
    }
    said
}

fn multimap(fields: &Fields) -> Multimap {
    let list = |values: &Values| match values {
        Values::One(value) => vec![value.clone()],
        Values::Many(values) => values.clone(),
    };
    fields.iter().map(|(name, values)| (name.clone(), list(values))).collect()
}

fn grouped(pairs: Vec<(String, String)>) -> Multimap {
    let mut grouped = Multimap::new();
    pairs.into_iter().for_each(|(name, value)| grouped.entry(name).or_default().push(value));
    grouped
}

fn differs<T: PartialEq + std::fmt::Debug + ?Sized>(said: &mut Vec<String>, what: &str, wanted: &T, got: &T) {
    if wanted != got {
        said.push(format!("{what}: expected {}, got {}", cut(&format!("{wanted:?}")), cut(&format!("{got:?}"))));
    }
}

/// How two JSON values differ: a line per place, each with its JSON pointer. Numbers are compared as they are written.
pub fn values(wanted: &Value, got: &Value) -> Vec<String> {
    const MOST: usize = 6;
    let mut said = Vec::new();
    walk("", wanted, got, &mut said);
    if said.len() > MOST {
        let more = said.len() - MOST;
        said.truncate(MOST);
        said.push(format!(": and {more} more"));
    }
    said
}

fn walk(at: &str, wanted: &Value, got: &Value, said: &mut Vec<String>) {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            for (name, value) in wanted {
                match got.get(name) {
                    Some(other) => walk(&format!("{at}/{name}"), value, other, said),
                    None => said.push(format!("{at}/{name}: expected {}, is missing", cut(&value.to_string()))),
                }
            }
            for (name, value) in got.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
                said.push(format!("{at}/{name}: is not expected, got {}", cut(&value.to_string())));
            }
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            for (number, (value, other)) in wanted.iter().zip(got).enumerate() {
                walk(&format!("{at}/{number}"), value, other, said);
            }
        }
        _ if wanted == got => {}
        _ => said.push(format!("{at}: expected {}, got {}", cut(&wanted.to_string()), cut(&got.to_string()))),
    }
}

/// A text of readable length: the middle of a long one is left out.
pub fn cut(text: &str) -> String {
    const LONGEST: usize = 400;
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= LONGEST {
        return text.to_owned();
    }
    let end = |part: &[char]| part.iter().collect::<String>();
    format!("{} … {}", end(&chars[..LONGEST / 2]), end(&chars[chars.len() - LONGEST / 2..]))
}

mod tests {
    use serde_json::{Value, json};

    use super::{Always, Request, Wanted, cut, values};

    fn said(wanted: Value, got: &Request) -> Vec<String> {
        let always = json!({"headers": {"x-key": "k"}, "query": {"v": "1"}});
        let (wanted, always): (Wanted, Always) = (serde_json::from_value(wanted).unwrap(), serde_json::from_value(always).unwrap());
        super::request(&wanted, &always, got)
    }

    fn sent(method: &str, target: &str, kind: &str, body: &str) -> Request {
        let headers = [("x-key", "k"), ("content-type", kind)].map(|(name, value)| (String::from(name), String::from(value)));
        Request { method: method.into(), target: target.into(), headers: headers.into(), body: body.into(), connection: 0 }
    }

    #[test]
    fn what_was_wanted_is_accepted() {
        let got = sent("GET", "/a%20b?b=%20x&v=1&a=1&a=2+", "", "");
        assert_eq!(said(json!({"method": "GET", "path": "/a%20b", "query": {"a": ["1", "2 "], "b": " x"}}), &got), Vec::<String>::new());
        let post = |kind: &str, body: &str, wanted: Value| {
            let mut whole = json!({"method": "POST", "path": "/"});
            whole.as_object_mut().unwrap().extend(wanted.as_object().unwrap().clone());
            assert_eq!(said(whole, &sent("POST", "/?v=1", kind, body)), Vec::<String>::new(), "{body}");
        };
        post("application/vnd.x+json; charset=utf-8", "{\"b\":null,\"a\":1.0}", json!({"json": {"a": 1.0, "b": null}}));
        post("application/json", "null", json!({"json": null}));
        post("application/x-www-form-urlencoded", "a%5B%5D=1&a%5B%5D=2", json!({"form": {"a[]": ["1", "2"]}}));
        post("text/plain", "x", json!({"text": "x", "headers": {"content-type": "text/plain"}}));
        post(
            "multipart/form-data; boundary=b",
            "--b\r\ncontent-disposition: form-data; name=\"f\"\r\n\r\nx\r\n--b--\r\n",
            json!({"multipart": {"f": "x"}}),
        );
        post("application/json", "{}", json!({}));
    }

    #[test]
    fn every_difference_is_said() {
        let got = sent("PUT", "/a b?a=2&a=1", "text/plain", "{\"a\":1}");
        let wanted = json!({"method": "POST", "path": "/a%20b", "query": {"a": ["1", "2"]}, "headers": {"x-other": "1"}, "json": {"a": 2}});
        let found = said(wanted, &got);
        for start in ["method: ", "path: ", "query: ", "header x-other: ", "body/a: ", "content-type: "] {
            assert!(found.iter().any(|line| line.starts_with(start)), "{start} in {found:#?}");
        }
        let differs = |wanted: Value| said(wanted, &got).iter().any(|line| line.contains("body") || line.contains("form"));
        assert!(differs(json!({"method": "PUT", "path": "/"})));
        assert!(differs(json!({"method": "PUT", "path": "/", "form": {"a": "1"}})));
        assert!(differs(json!({"method": "PUT", "path": "/", "text": "{\"a\": 1}"})));
        assert!(differs(json!({"method": "PUT", "path": "/", "multipart": {"a": "1"}})));
        assert!(!said(json!({"method": "GET", "path": "/"}), &sent("GET", "/?v=1", "", "{}")).is_empty());
    }

    #[test]
    fn values_differ_by_place_and_by_how_numbers_are_written() {
        let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(values(&number("1"), &number("1.0")), [": expected 1, got 1.0"]);
        let found = values(&json!({"a": [1, {"b": 2}], "c": 3, "e": null}), &json!({"a": [1, {"b": "2"}], "d": 3, "e": null}));
        assert_eq!(found, ["/a/1/b: expected 2, got \"2\"", "/c: expected 3, is missing", "/d: is not expected, got 3"]);
        assert_eq!(values(&json!([1]), &json!([1, 2])), [": expected [1], got [1,2]"]);
        let (many, none): (Vec<i32>, Vec<i32>) = ((0..50).collect(), (50..100).collect());
        assert_eq!(values(&json!(many), &json!(none)).last().unwrap(), ": and 44 more");
        assert_eq!(cut(&"x".repeat(401)).chars().count(), 403);
    }
}
