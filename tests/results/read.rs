//! Reading on in kept results, through the binary: parts, programs, searches, pages, and what is not there.

use angelia::store::Store;
use angelia::store::results::{Kept, MOST_BYTES};
use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::mcp::Client;
use crate::support::shop;

/// Keeps a result as a server would; answers its id.
pub fn keep_one(home: &Home, owner: &str, data: &Value) -> String {
    let folder = home.root().join("data");
    std::fs::create_dir_all(&folder).unwrap();
    let mut store = Store::open(folder).unwrap();
    let text = data.to_string();
    let id = format!("res_{owner}0{}", store.count_results(&Default::default()).unwrap());
    let kept = Kept {
        id: id.clone(),
        call_id: String::from("c1"),
        function: String::from("shop.list_articles"),
        account: String::from("default"),
        owner: owner.to_owned(),
        created_ms: angelia::base::clock::now_ms() - 3_600_000,
        bytes: text.len() as u64,
        items: data.as_array().map(Vec::len).or(data.as_object().map(|members| members.len())).map(|items| items as u64),
        shape: json!({"type": "object"}),
    };
    store.put_result(&kept, &text, MOST_BYTES).unwrap();
    id
}

fn read(home: &Home, arguments: Value) -> Value {
    let run = home.run_with(&["integrations:call", "results.read", "-", "--json"], arguments.to_string().as_bytes());
    assert_eq!(run.code, 0, "{arguments}: {}", run.stdout);
    run.json()["data"].clone()
}

fn articles() -> Value {
    let items: Vec<Value> =
        (0..500).map(|id| json!({"id": id, "name": format!("Lamp {id}"), "body": format!("{} Größe {id}", "text ".repeat(20))})).collect();
    json!({"total": 500, "items": items, "long": "ü".repeat(30_000)})
}

#[test]
fn a_result_is_read_in_parts() {
    let home = Home::new();
    let whole = articles();
    let id = keep_one(&home, "me", &whole);
    let all = read(&home, json!({"id": id}));
    assert_eq!(
        (&all["kind"], &all["total"], &all["truncated"], &all["value"]["total"]),
        (&json!("object"), &json!(3), &json!(true), &json!(500))
    );
    assert_eq!(all["counts"], json!({"/items": 500}));
    assert!(all["value"].to_string().len() <= 16_000);
    let one = read(&home, json!({"id": id, "pointer": "/items/7"}));
    assert_eq!((&one["value"], &one["truncated"]), (&whole["items"][7], &json!(false)));
    let names = read(&home, json!({"id": id, "select": "[.items[] | select(.id > 497) | .name]"}));
    assert_eq!((&names["value"], &names["next_offset"]), (&json!(["Lamp 498", "Lamp 499"]), &Value::Null));
    let slice = read(&home, json!({"id": id, "pointer": "/items", "offset": 10, "limit": 2}));
    assert_eq!((&slice["value"][0]["id"], &slice["total"], &slice["next_offset"]), (&json!(10), &json!(500), &json!(12)));
    let page = read(&home, json!({"id": id, "pointer": "/items", "bytes": 1000}));
    let count = page["value"].as_array().unwrap().len();
    assert!(count > 2 && page["value"].to_string().len() <= 1000 && page["next_offset"] == count);
    let text = read(&home, json!({"id": id, "pointer": "/long", "offset": 29_990}));
    assert_eq!((&text["value"], &text["total"]), (&json!("ü".repeat(10)), &json!(30_000)));
    let found = read(&home, json!({"id": id, "search": "GRÖSSE 49", "limit": 3}));
    assert_eq!((&found["kind"], &found["total"]), (&json!("matches"), &json!(0)), "ß is not SS");
    let found = read(&home, json!({"id": id, "search": "GRÖßE 49", "limit": 3}));
    assert_eq!((&found["total"], &found["next_offset"], &found["value"][0]["pointer"]), (&json!(11), &json!(3), &json!("/items/49/body")));
    assert!(found["value"][0]["text"].as_str().unwrap().ends_with("Größe 49"));
}

#[test]
fn every_page_together_is_the_whole() {
    let home = Home::new();
    let whole = articles();
    let id = keep_one(&home, "me", &whole);
    let (mut items, mut offset) = (Vec::new(), json!(0));
    while !offset.is_null() {
        let page = read(&home, json!({"id": id, "pointer": "/items", "offset": offset}));
        items.extend(page["value"].as_array().unwrap().clone());
        offset = page["next_offset"].clone();
    }
    assert_eq!(Value::Array(items), whole["items"]);
}

#[test]
fn what_is_not_there_is_said() {
    let home = Home::new();
    let id = keep_one(&home, "me", &articles());
    for (arguments, exit, code, says) in [
        (json!({"id": "res_nothing"}), 3, "not_found", "No result 'res_nothing'"),
        (json!({"id": id, "pointer": "/items/900/name"}), 3, "not_found", "nothing at /items/900/name"),
        (json!({"id": id, "pointer": "items"}), 2, "invalid_arguments", "must be empty or begin with /"),
        (json!({"id": id, "select": ".items["}), 2, "invalid_arguments", "cannot be parsed"),
        (json!({"id": id, "select": ".items | keys | .a"}), 2, "invalid_arguments", "jq: "),
        (json!({"id": id, "bytes": 1}), 2, "invalid_arguments", "bytes"),
    ] {
        let run = home.run_with(&["integrations:call", "results.read", "-", "--json"], arguments.to_string().as_bytes());
        let answer = run.json();
        assert_eq!((run.code, answer["error_detail"]["code"].as_str()), (exit, Some(code)), "{arguments}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(says), "{answer}");
    }
}

#[test]
fn commands_list_show_query_and_remove() {
    let home = Home::new();
    assert_eq!(home.run(&["results:list"]).stdout, "No results.\n");
    let first = keep_one(&home, "me", &articles());
    let second = keep_one(&home, "you", &json!([1, 2, 3]));
    let list = home.run(&["results:list"]).stdout;
    assert!(list.contains(&first) && list.contains(&second) && list.contains("shop.list_articles"));
    assert_eq!(home.run(&["results:list", "--function=other.*", "--json"]).json()["results"], json!([]));
    let listed = home.run(&["integrations:call", "results.list", "--limit=1", "--json"]).json();
    assert_eq!((&listed["data"]["total"], &listed["data"]["next_offset"]), (&json!(2), &json!(1)));
    assert_eq!(home.run(&["results:show", &second[..second.len() - 1]]).stdout, "[\n  1,\n  2,\n  3\n]\n");
    assert_eq!(home.run(&["results:query", &second, "map(. * 2)", "--json"]).json()["value"], json!([2, 4, 6]));
    let found = home.run(&["results:query", &first, "--search", "lamp 499", "--json"]).json();
    assert_eq!(found["value"], json!([{"pointer": "/items/499/name", "offset": 0, "text": "Lamp 499"}]));
    let page = home.run(&["results:query", &first, "--pointer=/items", "--limit=2"]);
    assert!(page.stderr.contains("500 in all; --offset 2 goes on"), "{}", page.stderr);
    let file = home.path().join("work/all.json");
    assert_eq!(home.run(&["results:show", &first, "--output", "all.json"]).code, 0);
    assert_eq!(serde_json::from_str::<Value>(&std::fs::read_to_string(&file).unwrap()).unwrap(), articles());
    assert_eq!(home.run(&["results:show", &first, "--output", "all.json"]).code, 2, "no file is replaced unasked");
    assert_eq!(home.run(&["results:remove", "--older-than=2h", "--json"]).json()["removed"], 0);
    assert_eq!(home.run(&["results:remove", &first]).stdout, "1 result is removed.\n");
    assert_eq!(home.run(&["results:show", &first]).code, 3);
    assert_eq!(home.run(&["results:remove", "--older-than=30m", "--json"]).json()["removed"], 1);
}

#[test]
fn a_client_sees_what_it_may_use_now() {
    let (home, _server) = shop::open("read = \"allow\"");
    let own = keep_one(&home, "local", &json!({"n": 1}));
    let other = keep_one(&home, "key:k1", &json!({"n": 2}));
    let seen = |words: &[&str]| {
        let mut client = Client::open(&home, words, json!({}));
        let listed =
            client.call("call_function", json!({"function": "results.list", "arguments": {}}))["structuredContent"]["data"].clone();
        let mut read = |id: &str| client.call("read_result", json!({"id": id}))["structuredContent"]["data"]["value"]["n"].clone();
        (listed["total"].clone(), read(&own), read(&other))
    };
    assert_eq!(seen(&[]), (json!(1), json!(1), Value::Null));
    assert_eq!(seen(&["--integration=shop", "--account=shop=default"]), (json!(1), json!(1), Value::Null));
    for elsewhere in [&["--integration=data"][..], &["--account=shop=work"], &["--account=work"]] {
        assert_eq!(seen(elsewhere), (json!(0), Value::Null, Value::Null), "{elsewhere:?}");
    }
}

#[test]
fn a_client_that_asks_for_more_than_it_gets_misses_nothing() {
    let (home, _server) = shop::open("read = \"allow\"");
    let whole = articles();
    let id = keep_one(&home, "local", &whole);
    (0..60).for_each(|n| drop(keep_one(&home, "local", &json!(n))));
    let mut client = Client::open(&home, &[], json!({}));
    let mut all = |function: &str, mut arguments: Value, items: &str| {
        let mut found: Vec<Value> = Vec::new();
        loop {
            let result = client.call("call_function", json!({"function": function, "arguments": arguments}));
            let envelope = &result["structuredContent"];
            assert!(envelope["meta"]["truncated"] != true && envelope.to_string().len() <= 20_000, "{envelope}");
            let page = &envelope["data"];
            match &page[items] {
                Value::Array(items) => found.extend(items.iter().cloned()),
                Value::String(text) => found.extend(text.chars().map(|c| json!(c.to_string()))),
                other => panic!("{other}"),
            }
            arguments["offset"] = page["next_offset"].clone();
            if page["next_offset"].is_null() {
                return found;
            }
        }
    };
    let items = all("results.read", json!({"id": id, "pointer": "/items", "bytes": 1_000_000}), "value");
    assert_eq!(Value::Array(items), whole["items"]);
    assert_eq!(all("results.read", json!({"id": id, "pointer": "/long", "bytes": 1_000_000}), "value").len(), 30_000);
    assert_eq!(all("results.list", json!({"limit": 1000}), "results").len(), 61);
}
