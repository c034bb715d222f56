//! The `data` provider through the binary: every function and operator, paging in any order, full-text search, merge patches,
//! and what is not there. How the store survives crashes is for `durability`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::home::{Home, Run};

fn call(home: &Home, function: &str, arguments: &Value, more: &[&str]) -> Run {
    let name = format!("data.{function}");
    let words = ["integrations:call", &name, "-", "--json"].into_iter().chain(more.iter().copied()).collect::<Vec<_>>();
    home.run_with(&words, arguments.to_string().as_bytes())
}

/// The data of a call that must succeed.
fn data(home: &Home, function: &str, arguments: &Value) -> Value {
    let run = call(home, function, arguments, &[]);
    assert_eq!(run.code, 0, "data.{function} {arguments}: {}", run.stdout);
    run.json()["data"].clone()
}

/// Exit status, code and the pointer of the first problem.
fn failure(home: &Home, function: &str, arguments: &Value) -> (i32, String, String) {
    let run = call(home, function, arguments, &[]);
    let (envelope, text) = (run.json(), |value: &Value| value.as_str().unwrap_or_default().to_owned());
    let detail = &envelope["error_detail"];
    (run.code, text(&detail["code"]), text(&detail["problems"][0]["pointer"]))
}

fn ids(answer: &Value) -> Vec<String> {
    answer["documents"].as_array().unwrap().iter().map(|document| document["id"].as_str().unwrap().to_owned()).collect()
}

fn put(home: &Home, collection: &str, id: &str, document: Value) -> Value {
    data(home, "create", &json!({"collection": collection, "id": id, "document": document}))
}

#[test]
fn a_document_lives_and_dies() {
    let home = Home::new();
    let made = data(&home, "create", &json!({"collection": "notes", "document": {"title": "Hello", "n": 1}}));
    let id = made["id"].as_str().unwrap();
    assert_eq!((id.len(), &made["document"]), (36, &json!({"title": "Hello", "n": 1})), "an id is made");
    assert_eq!(made["created_at"], made["updated_at"]);
    let key = json!({"collection": "notes", "id": id});
    assert_eq!(data(&home, "get", &key), made);
    let with = |name: &str, value: Value| json!({"collection": "notes", "id": id, name: value});
    let replaced = data(&home, "update", &with("document", json!({"other": true})));
    assert_eq!((&replaced["document"], &replaced["created_at"]), (&json!({"other": true}), &made["created_at"]));
    assert!(replaced["updated_at"].as_str() >= made["updated_at"].as_str());
    let patched = data(&home, "patch", &with("patch", json!({"other": null, "new": {"deep": 1}})));
    assert_eq!(patched["document"], json!({"new": {"deep": 1}}));
    assert_eq!(data(&home, "get", &key), patched);
    assert_eq!(data(&home, "collections", &json!({})), json!({"collections": [{"collection": "notes", "documents": 1}]}));
    assert_eq!(data(&home, "delete", &key), json!({"id": id, "deleted": true}));
    assert_eq!(data(&home, "collections", &json!({})), json!({"collections": []}));
    for (function, more) in
        [("get", json!({})), ("delete", json!({})), ("update", json!({"document": {}})), ("patch", json!({"patch": {}}))]
    {
        let mut arguments = key.clone();
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(failure(&home, function, &arguments), (3, "not_found".into(), String::new()), "{function}");
    }
    assert_eq!(data(&home, "list", &json!({"collection": "notes"})), json!({"documents": [], "next_cursor": null}));
    assert_eq!(data(&home, "search", &json!({"collection": "notes", "text": "Hello"})), json!({"documents": []}), "the index forgets too");
}

#[test]
fn an_id_is_taken_once_per_collection() {
    let home = Home::new();
    put(&home, "a", "x", json!({"n": 1}));
    put(&home, "b", "x", json!({"n": 2}));
    let again = json!({"collection": "a", "id": "x", "document": {"n": 3}});
    assert_eq!(failure(&home, "create", &again), (2, "invalid_arguments".into(), "/id".into()));
    assert_eq!(data(&home, "get", &json!({"collection": "a", "id": "x"}))["document"], json!({"n": 1}));
    put(&home, "a", "X", json!({}));
    put(&home, "a", "x ", json!({}));
    let all = data(&home, "collections", &json!({}));
    assert_eq!(all["collections"], json!([{"collection": "a", "documents": 3}, {"collection": "b", "documents": 1}]));
}

#[test]
fn wrong_arguments_are_refused() {
    let home = Home::new();
    for (function, arguments, pointer) in [
        ("create", json!({"collection": "c"}), "/document"),
        ("create", json!({"collection": "", "document": {}}), "/collection"),
        ("create", json!({"collection": "c", "document": [1]}), "/document"),
        ("create", json!({"collection": "c", "document": {}, "id": "i".repeat(201)}), "/id"),
        ("get", json!({"collection": "c"}), "/id"),
        ("list", json!({"collection": "c", "limit": 0}), "/limit"),
        ("list", json!({"collection": "c", "limit": 1001}), "/limit"),
        ("list", json!({"collection": "c", "filter": []}), "/filter"),
        ("list", json!({"collection": "c", "filter": {"a": {"$gtt": 1}}}), "/filter/a/$gtt"),
        ("list", json!({"collection": "c", "filter": {"a": {"$in": 1}}}), "/filter/a/$in"),
        ("list", json!({"collection": "c", "filter": {"a": {"$exists": 1}}}), "/filter/a/$exists"),
        ("list", json!({"collection": "c", "filter": {"$and": {}}}), "/filter/$and"),
        ("list", json!({"collection": "c", "filter": {"$or": [{"$not": 1}]}}), "/filter/$or/0/$not"),
        ("list", json!({"collection": "c", "cursor": "nonsense"}), "/cursor"),
        ("list", json!({"collection": "c", "sort": "name,age", "nope": 1}), "/sort"),
        ("search", json!({"collection": "c", "text": ""}), "/text"),
        ("patch", json!({"collection": "c", "id": "x", "patch": [1]}), "/patch"),
    ] {
        assert_eq!(failure(&home, function, &arguments), (2, "invalid_arguments".into(), pointer.into()), "{function} {arguments}");
    }
}

#[test]
fn every_operator_filters() {
    let home = Home::new();
    for (id, document) in [
        ("a", json!({"state": "open", "count": 3, "flag": true, "tags": ["x", "y"], "at": {"city": "Wien"}, "gone": null})),
        ("b", json!({"state": "closed", "count": 10, "flag": false, "tags": [], "at": {"city": "Graz"}})),
        ("c", json!({"state": "Open", "count": "3", "tags": "x"})),
        ("d", json!({"count": 2.5, "a.b": 1, "list": [{"k": 1}, {"k": 2}]})),
    ] {
        put(&home, "c", id, document);
    }
    for (filter, wanted) in [
        (json!({}), "a b c d"),
        (json!({"state": "open"}), "a"),
        (json!({"state": {"$eq": "open"}}), "a"),
        (json!({"state": {"$ne": "open"}}), "b c d"),
        (json!({"count": 3}), "a"),
        (json!({"count": 3.0}), "a"),
        (json!({"count": {"$gt": 2.5}}), "a b"),
        (json!({"count": {"$gte": 2.5, "$lt": 10}}), "a d"),
        (json!({"count": {"$lte": 3}}), "a d"),
        (json!({"count": {"$gt": "2"}}), "c"),
        (json!({"state": {"$in": ["open", "Open"]}}), "a c"),
        (json!({"state": {"$nin": ["open", "Open"]}}), "b d"),
        (json!({"state": {"$in": []}}), ""),
        (json!({"flag": {"$exists": true}}), "a b"),
        (json!({"flag": {"$exists": false}}), "c d"),
        (json!({"gone": null}), "a"),
        (json!({"flag": true}), "a"),
        (json!({"flag": 1}), ""),
        (json!({"tags": "x"}), "a c"),
        (json!({"tags": {"$in": ["y"]}}), "a"),
        (json!({"tags": []}), "b"),
        (json!({"at.city": "Graz"}), "b"),
        (json!({"at": {"city": "Graz"}}), "b"),
        (json!({"list.1.k": 2}), "d"),
        (json!({"$or": [{"state": "closed"}, {"count": 2.5}]}), "b d"),
        (json!({"$and": [{"flag": {"$exists": true}}, {"$or": [{"count": 10}, {"count": 11}]}]}), "b"),
        (json!({"state": "open", "count": {"$lt": 0}}), ""),
        (json!({"state": "' OR 1=1 --"}), ""),
    ] {
        let found = data(&home, "list", &json!({"collection": "c", "filter": filter, "sort": ["id"]}));
        assert_eq!(ids(&found).join(" "), wanted, "{filter}");
    }
}

#[test]
fn members_with_dots_in_their_names_can_be_found() {
    let home = Home::new();
    put(&home, "c", "d", json!({"a.b": 1}));
    put(&home, "c", "e", json!({"a": {"b": 1}}));
    assert_eq!(ids(&data(&home, "list", &json!({"collection": "c", "filter": {"a.b": 1}}))), ["e"], "dots are paths");
}

/// 250 documents with few different, mixed or missing values, made by one process each were too slow: written as a user would import them.
fn many() -> Home {
    let home = Home::new();
    put(&home, "c", "d000", document(0));
    let db = rusqlite::Connection::open(home.root().join("data/angelia.db")).unwrap();
    let now: i64 = db.query_row("SELECT created_ms FROM documents", [], |row| row.get(0)).unwrap();
    for number in 1..250_i64 {
        let sql = "INSERT INTO documents (collection, id, document, created_ms, updated_ms) VALUES ('c', ?1, ?2, ?3, ?4)";
        let row = rusqlite::params![format!("d{number:03}"), document(number).to_string(), now + number % 7, now + 1000 - number];
        db.execute(sql, row).unwrap();
    }
    home
}

fn document(number: i64) -> Value {
    let mixed = match number % 9 {
        0 => json!(null),
        1 => json!(number % 2 == 0),
        2 => json!(-number),
        3 => json!(number as f64 / 4.0),
        4 => json!(format!("text {}", number % 5)),
        5 => json!([number % 3]),
        6 => json!({"k": number % 3}),
        7 => json!("ä,\u{0}%"),
        _ => return json!({"n": number % 10, "deep": {"er": number % 4}}),
    };
    json!({"n": number % 10, "mixed": mixed, "deep": {"er": number % 4}})
}

/// Where a value stands among values of all kinds; texts and numbers among their own.
fn rank(value: Option<&Value>) -> (u8, f64, String) {
    match value {
        None => (0, 0.0, String::new()),
        Some(Value::Null) => (1, 0.0, String::new()),
        Some(Value::Bool(flag)) => (2 + u8::from(*flag), 0.0, String::new()),
        Some(Value::Number(number)) => (4, number.as_f64().unwrap(), String::new()),
        Some(Value::String(text)) => (5, 0.0, text.clone()),
        Some(other) => (6, 0.0, other.to_string()),
    }
}

#[test]
fn pages_hold_every_document_once_in_any_order() {
    let home = many();
    let orders: [(&[&str], &str); 5] =
        [(&["n"], "/n"), (&["-n", "deep.er"], "/n"), (&["mixed"], "/mixed"), (&["-mixed", "-n"], "/mixed"), (&["created_at", "-id"], "")];
    for ((sort, pointer), limit) in orders.into_iter().zip([7, 40, 33, 60, 100]) {
        let mut arguments = json!({"collection": "c", "sort": sort, "limit": limit});
        let mut seen: Vec<Value> = Vec::new();
        loop {
            let page = data(&home, "list", &arguments);
            let documents = page["documents"].as_array().unwrap().clone();
            assert!(!documents.is_empty() && documents.len() <= limit, "{sort:?}");
            seen.extend(documents);
            if page["next_cursor"].is_null() {
                break;
            }
            arguments["cursor"] = page["next_cursor"].clone();
            assert!(seen.len() <= 250, "{sort:?} goes round");
        }
        let unique: BTreeSet<&str> = seen.iter().map(|document| document["id"].as_str().unwrap()).collect();
        assert_eq!((seen.len(), unique.len()), (250, 250), "{sort:?}");
        if !pointer.is_empty() {
            let ranks: Vec<_> = seen.iter().map(|document| rank(document["document"].pointer(pointer))).collect();
            let ordered = |pair: &[(u8, f64, String)]| if sort[0].starts_with('-') { pair[0] >= pair[1] } else { pair[0] <= pair[1] };
            assert!(ranks.windows(2).all(ordered), "{sort:?}: {ranks:?}");
        }
    }
}

#[test]
fn a_cursor_belongs_to_its_sort() {
    let home = many();
    let list = |more: Value| {
        let mut arguments = json!({"collection": "c", "limit": 10});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let cursor = data(&home, "list", &list(json!({"sort": ["n"]})))["next_cursor"].clone();
    for sort in [json!(["-n"]), json!(["mixed"]), json!(["n", "id"]), json!([])] {
        let arguments = list(json!({"sort": sort, "cursor": cursor}));
        assert_eq!(failure(&home, "list", &arguments), (2, "invalid_arguments".into(), "/cursor".into()), "{sort}");
    }
    assert_eq!(failure(&home, "list", &list(json!({"cursor": cursor}))).0, 2);
    assert_eq!(ids(&data(&home, "list", &list(json!({"sort": ["n"], "cursor": cursor})))).len(), 10);
}

#[test]
fn all_pages_come_at_once_or_as_lines() {
    let home = many();
    let arguments = json!({"collection": "c", "sort": ["id"], "limit": 40});
    let run = call(&home, "list", &arguments, &["--all"]);
    let envelope = run.json();
    assert_eq!(ids(&envelope["data"]).len(), 250);
    let meta = |name: &str| envelope["meta"][name].clone();
    assert_eq!((meta("pages"), meta("items"), meta("complete")), (json!(7), json!(250), json!(true)));
    let run = call(&home, "list", &arguments, &["--max-items=45"]);
    assert_eq!((ids(&run.json()["data"]).len(), &run.json()["meta"]["stopped_by"]), (45, &json!("max_items")));
    let words = ["integrations:call", "data.list", "--collection=c", "--sort=-id", "--all", "--ndjson", "--select=.id"];
    let run = home.run(&words);
    let lines: Vec<String> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[0].as_str(), lines[249].as_str()), (250, "d249", "d000"));
    let envelope: Value = serde_json::from_str(run.stderr.trim()).unwrap();
    assert_eq!((&envelope["meta"]["complete"], &envelope["meta"]["items"]), (&json!(true), &json!(250)));
}

#[test]
fn words_are_found_in_any_part_of_a_document() {
    let home = Home::new();
    for (id, document) in [
        ("a", json!({"title": "Release notes", "body": "The release of the parser"})),
        ("b", json!({"title": "Parser", "deep": [{"note": "Überraschung in Köln"}]})),
        ("c", json!({"title": "Unrelated", "n": 4711})),
    ] {
        put(&home, "c", id, document);
    }
    put(&home, "other", "x", json!({"title": "release"}));
    let search = |text: &str| ids(&data(&home, "search", &json!({"collection": "c", "text": text}))).join(" ");
    for (text, wanted) in [
        ("release", "a"),
        ("RELEASE parser", "a"),
        ("pars", "b a"),
        ("köln", "b"),
        ("überrasch", "b"),
        ("4711", "c"),
        ("nothing", ""),
        ("\"", ""),
        ("parser AND", ""),
        ("note:*", "a"),
        ("title", ""),
        ("' OR 1=1", ""),
    ] {
        let mut found: Vec<String> = search(text).split(' ').map(str::to_owned).collect();
        let mut wanted: Vec<String> = wanted.split(' ').map(str::to_owned).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{text:?}");
    }
    assert_eq!(search("release").split(' ').next(), Some("a"));
    data(&home, "patch", &json!({"collection": "c", "id": "c", "patch": {"title": "release"}}));
    assert_eq!(search("release").split(' ').collect::<BTreeSet<_>>(), BTreeSet::from(["a", "c"]), "a change is found");
    assert_eq!(search("unrelated"), "");
    assert_eq!(ids(&data(&home, "search", &json!({"collection": "c", "text": "release", "limit": 1}))).len(), 1);
}

#[test]
fn patches_follow_rfc_7396() {
    let home = Home::new();
    let start = json!({"title": "Goodbye!", "author": {"givenName": "John", "familyName": "Doe"}, "tags": ["example"], "content": "same"});
    put(&home, "c", "x", start);
    let patch = json!({"title": "Hello!", "phone": "+01", "author": {"familyName": null}, "tags": ["sample"]});
    let wanted = json!({"title": "Hello!", "author": {"givenName": "John"}, "tags": ["sample"], "content": "same", "phone": "+01"});
    let arguments = json!({"collection": "c", "id": "x", "patch": patch});
    assert_eq!(data(&home, "patch", &arguments)["document"], wanted);
    assert_eq!(data(&home, "patch", &arguments)["document"], wanted, "twice is once");
    let deep = json!({"collection": "c", "id": "x", "patch": {"new": {"a": null, "b": {"c": null}}, "tags": {"a": 1}}});
    let patched = data(&home, "patch", &deep)["document"].clone();
    assert_eq!((&patched["new"], &patched["tags"]), (&json!({"b": {}}), &json!({"a": 1})));
}

#[test]
fn anything_that_is_json_is_kept_as_it_is() {
    let home = Home::new();
    let text = r#"{"collection":"Sammlung 🗂","id":"Größe/../\u0000 ' \"","document":{"ключ":"значение","emoji":"👩‍👩‍👧","e\u0301":"\u0000","big":123456789012345678901234567890,"f":0.1000,"":"","__proto__":1,"a.b":{"$gt":1}}}"#;
    let run = home.run_with(&["integrations:call", "data.create", "-", "--json"], text.as_bytes());
    assert_eq!(run.code, 0, "{}", run.stdout);
    let given: Value = serde_json::from_str(text).unwrap();
    let key = json!({"collection": given["collection"], "id": given["id"]});
    let got = data(&home, "get", &key);
    assert_eq!((&got["document"], &got["id"]), (&given["document"], &given["id"]));
    assert!(call(&home, "get", &key, &[]).stdout.contains("\"big\":123456789012345678901234567890,\"f\":0.1000"));
    assert_eq!(ids(&data(&home, "list", &json!({"collection": given["collection"]}))), [given["id"].as_str().unwrap()]);
    let big = json!({"text": "wort ".repeat(200_000), "list": (0..5000).collect::<Vec<_>>()});
    put(&home, "big", "x", big.clone());
    assert_eq!(data(&home, "get", &json!({"collection": "big", "id": "x"}))["document"], big);
    assert_eq!(ids(&data(&home, "search", &json!({"collection": "big", "text": "wort"}))), ["x"]);
}
