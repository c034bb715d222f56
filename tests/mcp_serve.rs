//! `mcp:serve` over stdio, as a client meets it: the handshake, the small face, chosen functions as tools, and what the policy lets through.
//! Clients that others wrote talk to it in `tests/peers`; HTTP has a file of its own.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::mcp::{Client, text};
use crate::support::server::{Reply, Server};
use crate::support::shop;

const READS: &str = "read = \"allow\"\nwrite = \"ask\"";

fn client(rules: &str, words: &[&str]) -> (Client, Home, Server) {
    let (home, server) = shop::open(rules);
    (Client::open(&home, words, json!({})), home, server)
}

fn call(client: &mut Client, function: &str, arguments: Value) -> Value {
    client.call("call_function", json!({"function": function, "arguments": arguments}))
}

fn code(result: &Value) -> &str {
    assert_eq!(result["isError"], true, "{result}");
    result["structuredContent"]["error_detail"]["code"].as_str().unwrap_or_default()
}

fn writes(server: &Server) -> usize {
    server.requests().iter().filter(|request| request.method != "GET").count()
}

#[test]
fn every_revision_is_agreed_on_and_an_unknown_one_is_answered_with_a_known_one() {
    let (home, _server) = shop::open(READS);
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let mut client = Client::start(&home, &[]);
        let info = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let result = client.ask("initialize", info);
        assert_eq!((result["protocolVersion"].as_str(), result["serverInfo"]["name"].as_str()), (Some(agreed), Some("angelia")));
        client.notify("notifications/initialized", json!({}));
        assert_eq!(client.ask("ping", json!({})), json!({}));
        assert_eq!(client.close(), 0);
    }
}

#[test]
fn what_is_no_protocol_is_survived() {
    let (mut client, _home, _server) = client(READS, &[]);
    for line in ["", "hello", "{", "[]", "[1,2]", "null", "{\"jsonrpc\":\"2.0\"}", "\u{0}", &format!("\"{}\"", "x".repeat(2 << 20))] {
        client.write(line);
    }
    client.write(&"x".repeat(17 << 20));
    assert_eq!(client.asked("no/such/method", json!({}))["error"]["code"], -32601);
    assert!(client.asked("tools/call", json!({"arguments": {}})).get("error").is_some());
    assert!(client.asked("tools/call", json!({"name": "no_such_tool"})).get("error").is_some());
    assert!(client.asked("tools/list", json!({"cursor": "no cursor"})).get("error").is_some());
    for id in [json!("a"), json!(0), json!(u64::from(u32::MAX) * 4)] {
        client.write(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}).to_string());
        let id_back = loop {
            let message = client.wait_for_any();
            if message.get("id").is_some() && message.get("result").is_some() {
                break message["id"].clone();
            }
        };
        assert_eq!(id_back, id);
    }
    assert_eq!(client.ask("tools/list", json!({}))["tools"].as_array().unwrap().len(), 5);
    assert_eq!(client.close(), 0);
}

#[test]
fn a_client_that_says_nothing_is_no_failure() {
    let (home, _server) = shop::open(READS);
    assert_eq!(Client::start(&home, &[]).close(), 0);
}

#[test]
fn no_answer_is_lost_when_the_client_closes_its_side_at_once() {
    let (home, _server) = shop::open(READS);
    let line = |message: Value| format!("{message}\n");
    let info = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let hello = line(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": info}));
    let ready = line(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    for (function, success) in [("shop.get_owner", true), ("shop.create_article", false), ("shop.nothing", false)] {
        let params = json!({"name": "call_function", "arguments": {"function": function, "arguments": {}}});
        let call = line(json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}));
        let run = home.run_with(&["mcp:serve"], format!("{hello}{ready}{call}").as_bytes());
        let answers: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let answer = answers.iter().find(|answer| answer["id"] == 2).unwrap_or_else(|| panic!("{function}: {run:?}"));
        assert_eq!((run.code, answer["result"]["structuredContent"]["success"].as_bool()), (0, Some(success)), "{answer}");
    }
}

#[test]
fn the_small_face_takes_few_bytes() {
    let (home, _server) = shop::open(READS);
    let mut client = Client::start(&home, &[]);
    let info = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let hello = client.ask("initialize", info);
    client.notify("notifications/initialized", json!({}));
    let tools = client.ask("tools/list", json!({}));
    let bytes = hello["instructions"].as_str().unwrap().len() + tools["tools"].to_string().len();
    assert!(bytes <= 6000, "{bytes} bytes");
    let names: Vec<&str> = tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["search_functions", "read_docs", "call_function", "run_lua", "read_result"]);
}

#[test]
fn a_function_is_found_read_about_and_called() {
    let (mut client, home, server) = client(READS, &[]);
    let found = text(&client.call("search_functions", json!({"query": "browse wares"})));
    assert!(found.contains("shop.list_articles (read)") && found.len() <= 2000, "{found}");
    let page = text(&client.call("read_docs", json!({"page": "shop.get_article"})));
    assert!(page.contains("\"article\"") && page.contains("permission: allow") && page.len() <= 4000, "{page}");
    let result = call(&mut client, "shop.get_article", json!({"article": "a1"}));
    assert_eq!(result["structuredContent"]["data"]["name"], "Lamp");
    assert_eq!(serde_json::from_str::<Value>(&text(&result)).unwrap()["price"], 1200);
    assert_eq!(server.requests().len(), 1);
    let audit = home.run(&["audit:list", "--origin", "mcp:test-client", "--json"]).json();
    assert_eq!(audit["calls"][0]["function"], "shop.get_article");
    let origin = audit["calls"][0]["origin"].as_str().unwrap();
    assert!(origin.starts_with("mcp:test-client:"), "{origin}");
}

#[test]
fn mistakes_are_answered_with_the_envelope() {
    let (mut client, _home, server) = client(READS, &[]);
    for (function, arguments, expected) in [
        ("shop.get_articel", json!({"article": "a1"}), "unknown_function"),
        ("shoop.get_article", json!({}), "unknown_provider"),
        ("shop.get_article", json!({"artikel": 1}), "invalid_arguments"),
        ("shop.get_article", json!({"article": "none"}), "provider_error"),
        ("github.list_issues", json!({}), "inactive"),
        ("../../etc", json!({}), "unknown_function"),
    ] {
        let result = call(&mut client, function, arguments);
        assert_eq!(code(&result), expected, "{function}");
        assert!(text(&result).starts_with(expected), "{}", text(&result));
    }
    let result = client.call("call_function", json!({"function": 1, "nonsense": true}));
    assert!(result["isError"] == true && text(&result).contains("nonsense"), "{result}");
    assert_eq!(server.requests().len(), 1, "only the article that is not there was asked for");
}

#[test]
fn writes_are_denied_and_hidden_unless_the_server_was_started_for_them() {
    let (mut client, _home, server) = client("read = \"allow\"\nwrite = \"allow\"", &[]);
    let found = text(&client.call("search_functions", json!({"query": "article", "provider": "shop"})));
    assert!(found.contains("get_article") && !found.contains("create_article"), "{found}");
    let result = call(&mut client, "shop.create_article", json!({"name": "Lamp", "price": 1}));
    assert_eq!(code(&result), "permission_denied");
    let forced =
        client.call("call_function", json!({"function": "shop.create_article", "arguments": {"name": "a", "price": 1}, "force": true}));
    assert_eq!(forced["isError"], true, "no argument forces");
    let script = client.call("run_lua", json!({"code": "return app.integrations.shop.create_article{name = 'a', price = 1}"}));
    assert!(text(&script).contains("permission_denied"), "{script}");
    assert_eq!(writes(&server), 0);
}

#[test]
fn what_is_denied_is_not_named_either() {
    let (mut client, _home, _server) = client(READS, &[]);
    let page = client.call("read_docs", json!({"page": "shop.create_article"}));
    assert!(page["isError"] == true && !text(&page).contains("Puts an article"), "{page}");
    for (tool, arguments) in [
        ("read_docs", json!({"page": "shop.create_articel"})),
        ("call_function", json!({"function": "shop.create_articel", "arguments": {}})),
    ] {
        let said = client.call(tool, arguments).to_string();
        assert!(said.contains("unknown_function") && !said.contains("create_article"), "{said}");
    }
    let typing = json!({"ref": {"type": "ref/resource", "uri": "angelia://docs/{page}"}, "argument": {"name": "page", "value": "shop."}});
    let values = client.ask("completion/complete", typing)["completion"]["values"].to_string();
    assert!(values.contains("shop.get_article") && !values.contains("create_article"), "{values}");
    let found = text(&client.call("search_functions", json!({"query": "create delete article shelf", "limit": 1})));
    assert!(found.contains("(read)"), "reads are found although writes fit better: {found}");
}

#[test]
fn a_deny_of_the_settings_is_lifted_by_force_alone() {
    let deny = "read = \"allow\"\nwrite = \"deny\"";
    let article = json!({"name": "Lamp", "price": 1});
    let (mut lax, _home, server) = client(deny, &["--write", "allow"]);
    assert_eq!(code(&call(&mut lax, "shop.create_article", article.clone())), "permission_denied");
    assert_eq!(writes(&server), 0);
    let (mut forced, home, server) = client(deny, &["--force"]);
    let result = call(&mut forced, "shop.create_article", article.clone());
    assert_eq!(result["structuredContent"]["meta"]["permission_bypassed"], true, "{result}");
    assert_eq!(writes(&server), 1);
    assert_eq!(home.run(&["audit:list", "--forced", "--json"]).json()["calls"].as_array().unwrap().len(), 1);
    let (mut reads, _home, server) = client(deny, &["--force", "--read-only"]);
    assert_eq!(code(&call(&mut reads, "shop.create_article", article)), "permission_denied");
    assert_eq!(writes(&server), 0);
    let (home, _server) = shop::open(deny);
    home.config("force = \"never\"");
    assert_eq!(home.run(&["mcp:serve", "--force"]).code, 4);
}

#[test]
fn without_anybody_to_ask_a_ticket_is_left_and_then_the_same_call_runs_once() {
    let (mut client, home, server) = client(READS, &["--write", "ask"]);
    let article = json!({"name": "Lamp", "price": 1});
    let result = call(&mut client, "shop.create_article", article.clone());
    assert_eq!(code(&result), "approval_required");
    let ticket = result["structuredContent"]["meta"]["approval_id"].as_str().unwrap().to_owned();
    assert!(text(&result).contains(&format!("approvals:approve {ticket}")), "{result}");
    assert_eq!(home.run(&["approvals:approve", &ticket]).code, 0);
    let other = call(&mut client, "shop.create_article", json!({"name": "Lamp", "price": 2}));
    assert_eq!(code(&other), "approval_required", "another request is not covered");
    assert_eq!(call(&mut client, "shop.create_article", article.clone())["structuredContent"]["success"], true);
    assert_eq!(code(&call(&mut client, "shop.create_article", article)), "approval_required");
    assert_eq!(writes(&server), 1);
}

#[test]
fn a_client_with_forms_asks_its_person_about_the_exact_request() {
    let (home, server) = shop::open(READS);
    let mut client = Client::open(&home, &["--write", "ask"], json!({"elicitation": {}}));
    let params =
        json!({"name": "call_function", "arguments": {"function": "shop.create_article", "arguments": {"name": "Lamp", "price": 1200}}});
    for (answer, sent) in [
        (json!({"action": "decline"}), 0),
        (json!({"action": "cancel"}), 0),
        (json!({"action": "accept"}), 0),
        (json!({"action": "accept", "content": {"approve": false}}), 0),
        (json!({"action": "accept", "content": {"approve": true}}), 1),
    ] {
        let id = client.send("tools/call", params.clone());
        let question = client.wait_for("elicitation/create");
        let message = question["params"]["message"].as_str().unwrap();
        assert!(message.contains("shop.create_article (write, account default)") && message.contains("\"price\": 1200"), "{message}");
        assert!(message.contains("«secret»") && !message.contains(shop::TOKEN), "{message}");
        client.write(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer}).to_string());
        let result = client.answer(id)["result"].clone();
        assert_eq!(result["isError"] == false, sent == 1, "{answer}: {result}");
        assert_eq!(writes(&server), sent);
    }
}

/// A request of the revision in which an answer itself may be a question.
fn modern(client: &mut Client, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "modern", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
    });
    client.asked(method, params)
}

#[test]
fn in_the_newest_revision_the_answer_is_the_question() {
    let (home, server) = shop::open(READS);
    let mut client = Client::start(&home, &["--write", "ask"]);
    let versions = modern(&mut client, "server/discover", json!({}));
    assert!(versions["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{versions}");
    let create = |price: u64| json!({"name": "call_function", "arguments": {"function": "shop.create_article", "arguments": {"name": "Lamp", "price": price}}});
    let question = modern(&mut client, "tools/call", create(1))["result"].clone();
    assert_eq!(question["resultType"], "input_required", "{question}");
    let message = question["inputRequests"]["approval"]["params"]["message"].as_str().unwrap();
    assert!(message.contains("\"price\": 1"), "{message}");
    let answered = |state: Value, price: u64, approve: bool| {
        let mut params = create(price);
        params["requestState"] = state;
        params["inputResponses"] = json!({"approval": {"action": "accept", "content": {"approve": approve}}});
        params
    };
    let state = question["requestState"].clone();
    let torn = json!(format!("{}x", state.as_str().unwrap()));
    for (params, why) in [(answered(torn, 1, true), "a torn state"), (answered(state.clone(), 2, true), "another request")] {
        let again = modern(&mut client, "tools/call", params)["result"].clone();
        assert_eq!(again["resultType"], "input_required", "{why}: {again}");
    }
    assert_eq!(writes(&server), 0);
    let done = modern(&mut client, "tools/call", answered(state.clone(), 1, true))["result"].clone();
    assert_eq!(done["structuredContent"]["success"], true, "{done}");
    let twice = modern(&mut client, "tools/call", answered(state, 1, true))["result"].clone();
    assert_eq!((writes(&server), twice["resultType"].as_str()), (1, Some("input_required")), "a word counts once");
    let declined = modern(&mut client, "tools/call", answered(twice["requestState"].clone(), 1, false))["result"].clone();
    assert_eq!(code(&declined), "permission_denied");
    assert_eq!(writes(&server), 1);
}

#[test]
fn chosen_functions_are_tools_with_schemas_and_hints() {
    let (mut client, _home, server) = client("read = \"allow\"\nwrite = \"allow\"", &["--tools", "shop.*", "--write", "allow"]);
    let tools = client.ask("tools/list", json!({}))["tools"].as_array().unwrap().clone();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let expected =
        ["shop-get_owner", "shop-list_articles", "shop-get_article", "shop-create_article", "shop-delete_article", "read_result"];
    assert_eq!(names, expected);
    let hints = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap()["annotations"].clone();
    assert_eq!(hints("shop-get_article")["readOnlyHint"], true);
    assert_eq!(
        (hints("shop-create_article")["readOnlyHint"].clone(), hints("shop-create_article")["destructiveHint"].clone()),
        (json!(false), json!(false))
    );
    assert_eq!(hints("shop-delete_article")["destructiveHint"], true);
    assert_eq!(tools[2]["inputSchema"]["required"], json!(["article"]));
    assert_eq!(tools[2]["title"], "Get an article");
    let result = client.call("shop-get_article", json!({"article": "a1"}));
    assert_eq!(result["structuredContent"]["data"]["name"], "Lamp");
    assert_eq!(code(&client.call("shop-get_article", json!({"article": 1, "more": 2}))), "invalid_arguments");
    assert!(
        client.asked("tools/call", json!({"name": "call_function", "arguments": {"function": "shop.get_owner"}})).get("error").is_some()
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_is_denied_is_no_tool() {
    let rules = "read = \"allow\"\nwrite = \"allow\"\n[integrations.shop.functions]\nget_owner = \"deny\"";
    let (mut client, _home, _server) = client(rules, &["--tools", "shop.*"]);
    let tools = client.ask("tools/list", json!({}))["tools"].as_array().unwrap().clone();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["shop-list_articles", "shop-get_article", "read_result"]);
    assert!(client.asked("tools/call", json!({"name": "shop-get_owner"})).get("error").is_some());
}

#[test]
fn long_lists_of_tools_come_in_pages() {
    let home = Home::new();
    let functions: String = (0..450)
        .map(|number| format!("  - {{id: f{number}, title: F, description: D., operation: read, request: GET /f{number}, examples: [{{arguments: {{}}}}]}}\n"))
        .collect();
    home.manifest("many", &format!("id: many\ntitle: Many\ndescription: Many.\ncategory: test\nauth_strategy: none\nservers: {{default: \"http://127.0.0.1:1\"}}\nfunctions:\n{functions}"));
    home.config("[integrations.many]\nenabled = true\nread = \"allow\"");
    let mut client = Client::open(&home, &["--tools", "many.*"], json!({}));
    let (mut names, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = client.ask("tools/list", if cursor.is_null() { json!({}) } else { json!({"cursor": cursor}) });
        names.extend(page["tools"].as_array().unwrap().iter().map(|tool| tool["name"].to_string()));
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!((all, names.len()), (451, 451));
}

#[test]
fn the_server_reaches_no_further_than_it_was_started_for() {
    let (mut other, _home, server) = client(READS, &["--integration", "github"]);
    assert_eq!(code(&call(&mut other, "shop.get_owner", json!({}))), "permission_denied");
    assert!(!text(&other.call("read_docs", json!({}))).contains("shop"));
    assert_eq!(other.call("read_docs", json!({"page": "shop.get_owner"}))["isError"], true);
    assert_eq!(code(&call(&mut other, "data.collections", json!({}))), "permission_denied");
    assert_eq!(server.requests().len(), 0);
    let (home, _server) = shop::open(READS);
    let home = home.env("ANGELIA_SHOP__WORK__TOKEN", shop::TOKEN);
    let mut work = Client::open(&home, &["--account", "shop=work"], json!({}));
    let result = call(&mut work, "shop.get_owner", json!({}));
    assert_eq!(result["structuredContent"]["meta"]["account"], "work", "{result}");
    let other = work.call("call_function", json!({"function": "shop.get_owner", "account": "default"}));
    assert_eq!(code(&other), "permission_denied");
}

#[test]
fn a_profile_names_what_its_clients_may_use() {
    let (home, server) = shop::open(READS);
    home.config(&format!("{}\n[mcp.profiles.reader]\ntools = [\"shop.get_*\"]\n", shop::settings(&server, READS)));
    let mut client = Client::open(&home, &["--profile", "reader"], json!({}));
    let tools = client.ask("tools/list", json!({}))["tools"].as_array().unwrap().clone();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["shop-get_owner", "shop-get_article", "read_result"]);
    let run = home.run(&["mcp:serve", "--profile", "raeder"]);
    assert!(run.code == 3 && run.stderr.contains("reader"), "{run:?}");
}

#[test]
fn changes_are_told_while_it_runs() {
    let (home, server) = shop::open(READS);
    let mut client = Client::open(&home, &["--tools", "shop.*"], json!({}));
    assert_eq!(client.ask("tools/list", json!({}))["tools"].as_array().unwrap().len(), 4);
    std::thread::sleep(Duration::from_millis(50));
    home.config(&shop::settings(&server, "read = \"deny\""));
    client.wait_for("notifications/tools/list_changed");
    assert_eq!(client.ask("tools/list", json!({}))["tools"].as_array().unwrap().len(), 1);
    home.config("this is [no TOML");
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(client.ask("tools/list", json!({}))["tools"].as_array().unwrap().len(), 1, "a broken file changes nothing");
}

#[test]
fn a_cancelled_call_ends_its_request() {
    let (mut client, home, server) = client(READS, &[]);
    let id = client.send(
        "tools/call",
        json!({"name": "call_function", "arguments": {"function": "shop.get_article", "arguments": {"article": "slow"}}}),
    );
    while server.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    client.notify("notifications/cancelled", json!({"requestId": id, "reason": "changed my mind"}));
    assert_eq!(client.ask("ping", json!({})), json!({}));
    let until = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let calls = home.run(&["audit:list", "--json"]).json()["calls"].clone();
        if calls[0]["code"] == "cancelled" {
            break;
        }
        assert!(std::time::Instant::now() < until, "{calls}");
    }
}

#[test]
fn progress_and_log_messages_come_to_whoever_asked_for_them() {
    let (mut client, _home, _server) = client(READS, &[]);
    let params = json!({
        "name": "call_function", "arguments": {"function": "shop.list_articles", "arguments": {}, "all": true}, "_meta": {"progressToken": "p1"},
    });
    let result = client.ask("tools/call", params);
    assert_eq!(result["structuredContent"]["meta"]["items"], 3);
    let progress = client.wait_for("notifications/progress");
    assert_eq!(progress["params"]["progressToken"], "p1");
    client.ask("logging/setLevel", json!({"level": "info"}));
    call(&mut client, "shop.get_owner", json!({}));
    let log = client.wait_for("notifications/message");
    assert_eq!((log["params"]["level"].as_str(), log["params"]["data"]["function"].as_str()), (Some("info"), Some("shop.get_owner")));
}

#[test]
fn a_large_answer_is_a_preview_that_can_be_read_on() {
    let big: Vec<Value> =
        (0..3000).map(|number| json!({"id": number, "name": format!("Ärtikel 日本 {number}"), "tags": ["a", "b"]})).collect();
    let body = json!({"articles": big, "next": null}).to_string();
    let home = shop::closed().env("ANGELIA_SHOP_TOKEN", shop::TOKEN);
    let server = Server::start(move |_| Reply::ok(body.as_bytes()));
    home.config(&shop::settings(&server, READS));
    let mut client = Client::open(&home, &[], json!({}));
    let result = call(&mut client, "shop.list_articles", json!({}));
    let (content, structured) = (result["content"].to_string(), result["structuredContent"].to_string());
    assert!(content.len() <= 24_000 && structured.len() <= 24_000, "{} and {} bytes", content.len(), structured.len());
    let meta = &result["structuredContent"]["meta"];
    assert_eq!(meta["truncated"], true);
    let id = meta["result_id"].as_str().unwrap();
    assert!(text(&result).contains(id), "the model is told how to read on");
    let read = client.call("read_result", json!({"id": id, "select": "length"}));
    let whole = client.call("read_result", json!({"id": id, "select": ".articles // . | length"}));
    assert!(text(&read).contains("3000") || text(&whole).contains("3000"), "{read} {whole}");
    assert_eq!(server.requests().len(), 1, "reading on asks the service nothing");
    let listed = client.ask("resources/list", json!({}))["resources"].to_string();
    assert!(listed.contains(&format!("angelia://results/{id}")), "{listed}");
    let resource = client.ask("resources/read", json!({"uri": format!("angelia://results/{id}")}));
    assert!(resource["contents"][0]["text"].as_str().unwrap().contains("日本 2999"));
}

#[test]
fn resources_are_listed_read_and_watched() {
    let (mut client, _home, _server) = client(READS, &[]);
    let listed = client.ask("resources/list", json!({}))["resources"].to_string();
    assert!(listed.contains("angelia://docs/shop") && listed.contains("angelia://audit"), "{listed}");
    let templates = client.ask("resources/templates/list", json!({}))["resourceTemplates"].to_string();
    assert!(templates.contains("angelia://docs/{page}"), "{templates}");
    let page = client.ask("resources/read", json!({"uri": "angelia://docs/shop.get_article"}));
    assert!(page["contents"][0]["text"].as_str().unwrap().contains("shop.get_article"));
    for gone in ["angelia://docs/none", "angelia://results/none", "angelia://results/", "file:///etc/passwd", ""] {
        assert_eq!(client.asked("resources/read", json!({"uri": gone}))["error"]["code"], -32002, "{gone}");
    }
    client.ask("resources/subscribe", json!({"uri": "angelia://audit"}));
    call(&mut client, "shop.get_owner", json!({}));
    assert_eq!(client.wait_for("notifications/resources/updated")["params"]["uri"], "angelia://audit");
    let audit = client.ask("resources/read", json!({"uri": "angelia://audit"}));
    assert!(audit["contents"][0]["text"].as_str().unwrap().contains("shop.get_owner"));
    let typing =
        json!({"ref": {"type": "ref/resource", "uri": "angelia://docs/{page}"}, "argument": {"name": "page", "value": "shop.get"}});
    assert_eq!(client.ask("completion/complete", typing)["completion"]["values"], json!(["shop.get_owner", "shop.get_article"]));
}

#[test]
fn a_workflow_that_says_so_is_a_prompt() {
    let (home, _server) = shop::open(READS);
    let folder = home.root().join("config/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    let header = "--[[ workflow\ndescription: Asks for a review of an article.\noperation: read\nprompt: true\ninput:\n  properties:\n    article: {type: string, description: Which one., enum: [a1, a2]}\n    depth: {type: integer}\n  required: [article]\n]]\n";
    std::fs::write(folder.join("review.lua"), format!("{header}local one = app.integrations.shop.get_article{{article = args.article}}\nreturn 'Review ' .. one.name .. ' ' .. tostring(args.depth)\n")).unwrap();
    std::fs::write(folder.join("plain.lua"), "--[[ workflow\ndescription: No prompt.\noperation: read\n]]\nreturn 1\n").unwrap();
    let mut client = Client::open(&home, &[], json!({}));
    let prompts = client.ask("prompts/list", json!({}))["prompts"].clone();
    assert_eq!((prompts.as_array().unwrap().len(), prompts[0]["name"].as_str()), (1, Some("review")));
    assert_eq!(prompts[0]["arguments"][0]["required"], true);
    let filled = client.ask("prompts/get", json!({"name": "review", "arguments": {"article": "a1", "depth": "2"}}));
    assert_eq!(filled["messages"][0]["content"]["text"], "Review Lamp 2");
    assert!(
        client.asked("prompts/get", json!({"name": "review", "arguments": {}}))["error"]["message"].as_str().unwrap().contains("article")
    );
    assert!(client.asked("prompts/get", json!({"name": "plain"})).get("error").is_some());
    let typing = json!({"ref": {"type": "ref/prompt", "name": "review"}, "argument": {"name": "article", "value": "a"}});
    assert_eq!(client.ask("completion/complete", typing)["completion"]["values"], json!(["a1", "a2"]));
}

#[test]
fn calls_run_side_by_side() {
    let home = shop::closed().env("ANGELIA_SHOP_TOKEN", shop::TOKEN);
    let server = Server::start(|request| {
        std::thread::sleep(Duration::from_millis(200));
        shop::answer(request)
    });
    home.config(&shop::settings(&server, READS));
    let mut client = Client::open(&home, &[], json!({}));
    let started = std::time::Instant::now();
    let params = json!({"name": "call_function", "arguments": {"function": "shop.get_owner", "arguments": {}}});
    let ids: Vec<u64> = (0..10).map(|_| client.send("tools/call", params.clone())).collect();
    for id in ids {
        // Answers come in any order: those of others are looked for among what was heard.
        let heard = client.heard.iter().position(|message| message["id"] == id);
        let answer = heard.map(|at| client.heard.remove(at)).unwrap_or_else(|| client.answer(id));
        assert_eq!(answer["result"]["structuredContent"]["success"], true, "{answer}");
    }
    assert!(started.elapsed() < Duration::from_millis(1500), "one after the other they take 2 s");
}
