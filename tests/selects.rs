//! jq programs that have no end, take all memory or go too deep: they end, they say so, and nobody waits for them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::results::read::keep_one;
use crate::support::home::Home;
use crate::support::mcp::Client;
use crate::support::shop;

const READS: &str = "read = \"allow\"";

/// More than a program may take, with what a busy machine adds.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn every_program_ends_and_the_answer_stays() {
    let (home, _server) = shop::open(READS);
    for program in ["def f: f; f", "[repeat(1)]", "[range(infinite)]", "def f: 1 + f; f", "reduce range(60) as $n (.; [., .]) | tojson"] {
        let began = Instant::now();
        let run = home.run(&["integrations:call", "shop.get_owner", "--json", "--timeout=3", "--select", program]);
        let answer = run.json();
        assert_eq!((run.code, answer["error_detail"]["code"].as_str()), (2, Some("usage")), "{program}: {answer}");
        assert!(answer["error"].as_str().unwrap().starts_with("--select: jq: "), "{program}: {answer}");
        assert_eq!(answer["data"]["name"], "Ada", "{program}: {answer}");
        assert!(began.elapsed() < LONG, "{program} took {:?}", began.elapsed());
    }
}

#[test]
fn programs_in_a_process_answer_as_others_do() {
    let (home, _server) = shop::open(READS);
    let select = |program: &str| home.run(&["integrations:call", "shop.list_articles", "--json", "--select", program]);
    for (program, expected) in [
        ("[.articles[].price] | add", json!(1500)),
        ("reduce .articles[] as $one (0; . + $one.price)", json!(1500)),
        (".articles[] | .name", json!(["Lamp", "Cup"])),
        (".articles | map(\"\\(.name): \\(.price)\") | join(\", \")", json!("Lamp: 1200, Cup: 300")),
        ("12345678901234567890123 | [., .]", json!([1, 1])),
        ("def none: empty; none", Value::Null),
    ] {
        let run = select(program);
        assert_eq!(run.code, 0, "{program}: {}", run.stdout);
        if program.starts_with('1') {
            assert!(run.stdout.contains("[12345678901234567890123,12345678901234567890123]"), "{}", run.stdout);
            continue;
        }
        assert_eq!(run.json()["data"], expected, "{program}");
    }
    let wrong = select(".articles | add(error(\"no \" + \"more\"))").json();
    assert!(wrong["error"].as_str().unwrap().contains("no more"), "{wrong}");
    let env = select("env | tojson | error").json();
    assert!(env["error"].as_str().unwrap().contains("not available here"), "{env}");
    for nested in
        ["[".repeat(4_000), format!("{}.", "-".repeat(3_999)), format!("{}1{}", "[".repeat(1_900), "]".repeat(1_900)), "x".repeat(5_000)]
    {
        assert_eq!(select(&nested).code, 2);
    }
}

#[test]
fn other_calls_go_on_while_programs_run() {
    let (home, _server) = shop::open(READS);
    let home = home.env("ANGELIA_HTTP_TIMEOUT_SECONDS", "6");
    let id = keep_one(&home, "local", &json!({"n": 1}));
    let mut client = Client::open(&home, &[], json!({}));
    let endless =
        |client: &mut Client, tool: &str, arguments: Value| client.send("tools/call", json!({"name": tool, "arguments": arguments}));
    let mut asked: Vec<u64> = (0..5)
        .map(|_| endless(&mut client, "call_function", json!({"function": "shop.get_owner", "arguments": {}, "select": "def f: f; f"})))
        .collect();
    asked.push(endless(&mut client, "read_result", json!({"id": id, "select": "[repeat(1)]"})));
    client.ask("ping", json!({}));
    let plain = client.call("call_function", json!({"function": "shop.get_owner", "arguments": {}, "select": ".name"}));
    assert_eq!(plain["structuredContent"]["data"], "Ada");
    assert!(!client.heard.iter().any(|message| asked.iter().any(|id| message["id"] == *id)), "the others still ran");
    for id in asked {
        let heard = client.heard.iter().position(|message| message["id"] == id);
        let answer = heard.map(|at| client.heard.remove(at)).unwrap_or_else(|| client.answer(id));
        assert_eq!(answer["result"]["isError"], true, "{answer}");
    }
    let later = client.call("call_function", json!({"function": "shop.get_owner", "arguments": {}, "select": "[.name] | add"}));
    assert_eq!(later["structuredContent"]["data"], "Ada", "all of them ended");
    assert_eq!(client.close(), 0);
}

#[test]
fn a_command_with_nothing_to_do_ends() {
    let run = Home::new().run_with(&["__jq"], b"");
    assert_eq!((run.code, run.stdout.starts_with('-')), (0, true), "{}", run.stdout);
}
