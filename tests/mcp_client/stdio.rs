//! A server that is a child process: its tools as functions, its environment, what it is asked for and when it is started.

use serde_json::json;

use super::{Desk, code};
use crate::support::mcp::{Client, text};

#[test]
fn tools_are_functions() {
    let desk = Desk::new();
    let called = desk.call(&["echo", "--a=00123"]);
    assert_eq!(called["success"], true, "{called}");
    assert_eq!((&called["function"], &called["data"]), (&json!("mcp.script.echo"), &json!({"got": {"a": "00123"}})));
    assert_eq!(called["meta"]["operation"], "read");
    // By the server's own name, by ours, and as one word.
    for words in [
        &["mcp:call", "script", "get-sum", "{\"a\": 1}"][..],
        &["mcp:call", "script.get_sum", "--a=1"],
        &["mcp:script", "get-sum", "--a", "1"],
    ] {
        assert_eq!(desk.run(words).stdout, "called\n", "{words:?}");
    }
    assert_eq!(desk.run(&["integrations:call", "mcp.script.get_sum", "--a=1"]).stdout, "called\n");
    let missing = desk.call(&["get-sum"]);
    assert_eq!((code(&missing), missing["error_detail"]["problems"][0]["pointer"].as_str()), ("invalid_arguments", Some("/a")));
    let unknown = desk.call(&["get-sun"]);
    assert_eq!((code(&unknown), unknown["error_detail"]["hints"][0].as_str()), ("unknown_function", Some("Did you mean 'get-sum'?")));
}

#[test]
fn lists_are_read_page_by_page_and_kept() {
    let desk = Desk::new();
    let tools = desk.run(&["mcp:tools", "script", "--json"]).json();
    let names: Vec<&str> = tools["servers"][0]["tools"].as_array().unwrap().iter().map(|tool| tool["function"].as_str().unwrap()).collect();
    assert!(names.contains(&"mcp.script.second_page") && names.contains(&"mcp.script.get_sum"), "{names:?}");
    let starts = desk.notes("starts").len();
    assert_eq!(desk.run(&["mcp:tools", "--json"]).json()["servers"][0]["total"], 11);
    assert_eq!(desk.run(&["mcp:schema", "script", "get-sum", "--json"]).json()["required"], json!(["a"]));
    let found = desk.run(&["integrations:search", "adds", "--provider=mcp.script", "--json"]).json();
    assert_eq!(found["functions"][0]["function"], "mcp.script.get_sum");
    assert_eq!(desk.notes("starts").len(), starts, "nothing was started to list, describe and find");
    let lists = desk.notes("lists").len();
    assert_eq!(desk.call(&["env"])["success"], true);
    assert_eq!(desk.notes("lists").len(), lists, "a known list is not asked for again before a call");
    assert_eq!(desk.run(&["mcp:tools", "script", "--refresh"]).code, 0);
    assert!(desk.notes("lists").len() > lists);
}

#[test]
fn what_was_kept_of_servers_that_are_gone_is_removed_in_time() {
    let desk = Desk::new();
    desk.call(&["echo"]);
    let cache = desk.home.root().join("cache");
    let kept = std::fs::read_dir(cache.join("mcp")).unwrap().next().unwrap().unwrap().path();
    let digest = "0123456789abcdef";
    let put = |name: String, days: u64| {
        let file = std::fs::File::create(cache.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(days * 86_400)).unwrap();
    };
    put(format!("mcp/gone-{digest}.json"), 31);
    put(format!("catalog-mcp-{digest}.bin"), 31);
    put(format!("mcp/other-{digest}.json"), 29);
    put(String::from("mcp/notes.json"), 31);
    let file = std::fs::File::options().append(true).open(&kept).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 86_400)).unwrap();
    assert_eq!(desk.run(&["mcp:tools", "script"]).code, 0);
    let there = |name: &str| cache.join(name).exists();
    assert!(kept.exists() && there("mcp/notes.json") && there(&format!("mcp/other-{digest}.json")));
    assert!(!there(&format!("mcp/gone-{digest}.json")) && !there(&format!("catalog-mcp-{digest}.bin")));
}

#[test]
fn the_environment_is_what_is_named() {
    let desk = Desk::new();
    let run = desk.home.command(&["mcp:call", "script", "env"]).env("GITHUB_TOKEN", "ghp_1").env("LANG", "C").output().unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let names: Vec<&str> = text.split_whitespace().filter(|name| !matches!(*name, "_" | "PWD" | "SHLVL" | "OLDPWD")).collect();
    assert_eq!(names, ["ANGELIA_MCP_DEPTH", "HOME", "LANG", "NAMED", "PATH"]);
}

#[test]
fn secrets_are_filled_in_and_scrubbed() {
    let desk = Desk::new();
    let mut entry = desk.entry();
    entry["env"] = json!({"TOKEN": "env:MY_TOKEN"});
    desk.servers(&json!({"script": entry}));
    let call = |variable: &str| {
        let mut command = desk.home.command(&["mcp:call", "script", "secret", "--json"]);
        let output = command.env(variable, "s3cret-value").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = call("MY_TOKEN");
    assert!(said.contains("it is «secret»") && !said.contains("s3cret-value"), "{said}");
    let said = call("OTHER");
    assert!(said.contains("missing_credentials") && said.contains("MY_TOKEN"), "{said}");
}

#[test]
fn resources_and_prompts_are_functions_too() {
    let desk = Desk::new();
    let data = |words: &[&str]| desk.run(&[words, &["--json"]].concat()).json()["data"].clone();
    assert_eq!(data(&["mcp:resources", "script"])["resources"][0]["uri"], "x://a");
    assert_eq!(data(&["mcp:resource", "script", "x://a"])["contents"][0]["text"], "content of a");
    assert_eq!(data(&["mcp:prompts", "script"])["prompts"][0]["name"], "greet");
    assert_eq!(data(&["mcp:prompt", "script", "greet", "--arg=who=me"])["messages"][0]["role"], "user");
}

#[test]
fn the_policy_and_the_audit_log_know_them() {
    let desk = Desk::new();
    desk.home.config("[integrations.\"mcp.script\"]\nread = \"allow\"\nwrite = \"deny\"");
    assert_eq!(desk.call(&["echo"])["success"], true);
    let denied = desk.call(&["get-sum", "--a=1"]);
    assert_eq!(code(&denied), "permission_denied", "a tool without annotations is a write: {denied}");
    let plan = desk.call(&["echo", "--a=x", "--dry-run"]);
    assert_eq!(plan["meta"]["request"]["params"], json!({"name": "echo", "arguments": {"a": "x"}}));
    let rows = desk.run(&["audit:list", "--json"]).json();
    let of = |outcome: &str| {
        rows["calls"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["outcome"] == outcome && row["function"].as_str().unwrap().starts_with("mcp.script."))
    };
    assert!(of("succeeded") && of("refused"), "{rows}");
}

#[test]
fn the_whole_group_ends_with_us() {
    let desk = Desk::new();
    let pid = desk.call(&["family"])["data"].to_string();
    let ends = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim_matches('"'))).unwrap_or_default();
        // What nobody has waited for yet has ended too.
        state.is_empty() || state.contains(") Z ")
    });
    assert!(ends, "the child of the server ({pid}) outlived it");
}

#[test]
fn what_it_says_goes_to_whom_it_concerns() {
    let desk = Desk::new();
    let failed = desk.call(&["fail"]);
    assert_eq!((code(&failed), failed["error"].as_str()), ("provider_error", Some("script: no such thing")));
    let refused = desk.call(&["refuse"]);
    assert_eq!((code(&refused), refused["error_detail"]["provider"]["code"].as_str()), ("provider_error", Some("-32602")));
    assert_eq!(desk.call(&["noise"])["data"], "heard");
    let folder = desk.home.path().join("exchanges").display().to_string();
    let unplayed = desk.call(&["echo", "--record", &folder]);
    assert_eq!(code(&unplayed), "usage", "{unplayed}");
}

/// Whether a process is there and is no mere entry of a table.
#[cfg(target_os = "linux")]
fn runs(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_will_not_end_ends_with_ours() {
    for told in [false, true] {
        let desk = Desk::new();
        // It neither listens to the signal nor cares for the end of its input.
        let script = format!("trap '' TERM\n{}\nwhile :; do sleep 1; done", super::SCRIPT);
        std::fs::write(desk.home.path().join("server.sh"), script).unwrap();
        let mut client = Client::open(&desk.home, &[], json!({}));
        let called = client.call("call_function", json!({"function": "mcp.script.echo", "arguments": {"a": "x"}}));
        assert!(text(&called).contains("got"), "{called}");
        let pid = desk.notes("starts").pop().unwrap();
        assert!(runs(&pid));
        let code = if told { client.terminate() } else { client.close() };
        assert_eq!(code, 0, "told: {told}");
        assert!(!runs(&pid), "told: {told}: {pid} outlived us");
    }
}

#[test]
fn a_server_that_may_not_be_used_is_not_started() {
    let desk = Desk::new();
    let rules = |text: &str| desk.home.config(&format!("[integrations.\"mcp.script\"]\n{text}"));
    for (text, expected) in
        [("enabled = false", "inactive"), ("read = \"deny\"\nwrite = \"deny\"\ndestructive = \"deny\"", "permission_denied")]
    {
        rules(text);
        assert_eq!(code(&desk.call(&["echo"])), expected);
        assert_ne!(desk.run(&["mcp:tools", "script", "--refresh"]).code, 0, "{text}");
        assert_eq!(desk.notes("starts"), Vec::<String>::new(), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_ends_when_it_is_disabled() {
    let desk = Desk::new();
    let mut client = Client::open(&desk.home, &[], json!({}));
    let call = json!({"function": "mcp.script.echo", "arguments": {"a": "x"}});
    assert!(text(&client.call("call_function", call.clone())).contains("got"));
    let pid = desk.notes("starts").pop().unwrap();
    assert!(runs(&pid));
    desk.home.config("[integrations.\"mcp.script\"]\nenabled = false");
    let ends = (0..400).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        !runs(&pid)
    });
    assert!(ends, "{pid} still runs");
    assert!(text(&client.call("call_function", call)).contains("inactive"));
}

#[test]
fn a_server_that_dies_at_each_call_is_left_alone_for_a_while() {
    let desk = Desk::new();
    let mut client = Client::open(&desk.home, &[], json!({}));
    let mut call = |tool: &str| text(&client.call("call_function", json!({"function": format!("mcp.script.{tool}"), "arguments": {}})));
    assert!(call("echo").contains("got"));
    // Once is an accident, and the call is made again.
    call("die");
    let starts = desk.notes("starts").len();
    let refused = call("echo");
    assert!(!refused.contains("got"), "it was to be left alone: {refused}");
    assert_eq!(desk.notes("starts").len(), starts);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(call("echo").contains("got"));
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_call_leaves_no_server_behind() {
    let desk = Desk::new();
    let script = format!("trap '' TERM\n{}\nwhile :; do sleep 1; done", super::SCRIPT);
    std::fs::write(desk.home.path().join("server.sh"), script).unwrap();
    let quiet = std::process::Stdio::null;
    let mut call = desk.home.command(&["mcp:call", "script", "slow"]).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn().unwrap();
    while desk.notes("slow").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &call.id().to_string()]).status().unwrap();
    assert!(sent.success() && !call.wait().unwrap().success());
    for pid in desk.notes("starts") {
        assert!(!runs(&pid), "{pid} outlived us");
    }
}
