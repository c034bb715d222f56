//! How lists and objects are written where there is room for text only: queries and forms as pairs, paths, headers and cookies as one text.
//! The words are those of `style` in a manifest. Nothing here knows a request.

use serde_json::Value;

use crate::base::json::plain;
use crate::base::quote::percent;

/// A value of a query or a form as pairs; null is left out.
pub fn pairs(style: &str, name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    let mut put = |text: String| into.push((name.to_owned(), text));
    match (style, value) {
        (_, Value::Null) => {}
        ("json", Value::Array(_) | Value::Object(_)) => put(value.to_string()),
        ("comma" | "space" | "pipe" | "tab", Value::Array(_) | Value::Object(_)) => put(flat(value).join(separator(style))),
        ("repeat" | "spread", Value::Array(items)) if items.iter().all(|item| !item.is_object()) => {
            items.iter().for_each(|item| put(plain(item)));
        }
        ("spread", Value::Object(members)) => members.iter().for_each(|(key, member)| pairs("repeat", key, member, into)),
        _ => brackets(name, value, into),
    }
}

/// `a[k]=v`, `a[]=1`, and an index for lists of objects: `a[0][k]=v`.
pub fn brackets(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => members.iter().for_each(|(key, member)| brackets(&format!("{name}[{key}]"), member, into)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let inner = if item.is_object() || item.is_array() { format!("{name}[{index}]") } else { format!("{name}[]") };
                brackets(&inner, item, into);
            }
        }
        scalar => into.push((name.to_owned(), plain(scalar))),
    }
}

/// A value of a path, each part of it encoded (RFC 6570 sections 3.2.2, 3.2.5 and 3.2.7).
pub fn segment(style: &str, name: &str, value: &Value) -> String {
    let parts = || flat(value).iter().map(percent).collect::<Vec<_>>();
    let name = percent(name);
    match style {
        "json" => percent(value.to_string()),
        "pairs" => named(value).join(","),
        "label" => format!(".{}", parts().join(",")),
        "label_pairs" => format!(".{}", named(value).join(".")),
        "matrix" => format!(";{name}={}", parts().join(",")),
        "matrix_pairs" if value.is_object() => format!(";{}", named(value).join(";")),
        "matrix_pairs" => parts().iter().map(|part| format!(";{name}={part}")).collect(),
        _ => parts().join(","),
    }
}

/// A value of a header or a cookie.
pub fn line(style: &str, value: &Value) -> String {
    match (style, value) {
        ("json", Value::Array(_) | Value::Object(_)) => value.to_string(),
        ("pairs", Value::Object(members)) => {
            members.iter().map(|(key, member)| format!("{key}={}", plain(member))).collect::<Vec<_>>().join(",")
        }
        _ => flat(value).join(separator(style)),
    }
}

fn separator(style: &str) -> &'static str {
    match style {
        "space" => " ",
        "pipe" => "|",
        "tab" => "\t",
        _ => ",",
    }
}

/// Items of a list, keys and values of an object in turn, a scalar as it is.
fn flat(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => members.iter().flat_map(|(key, member)| [key.clone(), plain(member)]).collect(),
        scalar => vec![plain(scalar)],
    }
}

/// As [`flat`], encoded, the members of an object as `key=value`.
fn named(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members.iter().map(|(key, member)| format!("{}={}", percent(key), percent(plain(member)))).collect(),
        other => flat(other).iter().map(percent).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pairs_follow_the_tables_of_openapi() {
        let list = json!(["blue", "black"]);
        let object = json!({"R": 100, "G": 200});
        let table = [
            ("repeat", &list, "color=blue&color=black"),
            ("comma", &list, "color=blue,black"),
            ("space", &list, "color=blue black"),
            ("pipe", &list, "color=blue|black"),
            ("tab", &list, "color=blue\tblack"),
            ("brackets", &list, "color[]=blue&color[]=black"),
            ("json", &list, r#"color=["blue","black"]"#),
            ("comma", &object, "color=R,100,G,200"),
            ("pipe", &object, "color=R|100|G|200"),
            ("spread", &object, "R=100&G=200"),
            ("deep", &object, "color[R]=100&color[G]=200"),
            // What OpenAPI leaves open is written as services with such parameters read it.
            ("deep", &list, "color[]=blue&color[]=black"),
            ("repeat", &object, "color[R]=100&color[G]=200"),
        ];
        for (style, value, wanted) in table {
            let mut got = Vec::new();
            pairs(style, "color", value, &mut got);
            let got: Vec<String> = got.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(got.join("&"), wanted, "{style}");
        }
        let mut deep = Vec::new();
        pairs("deep", "f", &json!({"a": [1, 2], "b": {"c": null, "d": [{"e": 1}]}}), &mut deep);
        assert_eq!(deep.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["f[a][]", "f[a][]", "f[b][d][0][e]"]);
    }

    #[test]
    fn segments_follow_the_tables_of_openapi() {
        let list = json!(["blue", "bl/ck"]);
        let object = json!({"R": 100, "G": 200});
        let table = [
            ("", &list, "blue,bl%2Fck"),
            ("label", &list, ".blue,bl%2Fck"),
            ("label_pairs", &list, ".blue.bl%2Fck"),
            ("matrix", &list, ";color=blue,bl%2Fck"),
            ("matrix_pairs", &list, ";color=blue;color=bl%2Fck"),
            ("", &object, "R,100,G,200"),
            ("pairs", &object, "R=100,G=200"),
            ("label", &object, ".R,100,G,200"),
            ("label_pairs", &object, ".R=100.G=200"),
            ("matrix", &object, ";color=R,100,G,200"),
            ("matrix_pairs", &object, ";R=100;G=200"),
        ];
        for (style, value, wanted) in table {
            assert_eq!(segment(style, "color", value), wanted, "{style}");
        }
        assert_eq!((line("", &list).as_str(), line("pairs", &object).as_str()), ("blue,bl/ck", "R=100,G=200"));
    }
}
