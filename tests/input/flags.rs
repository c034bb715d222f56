//! Flags: read by the schema of their parameter, over the payload, and every problem at once.

use serde_json::{Value, json};

use super::{body, call, echo, problems, refused, sent, words};

#[test]
fn every_problem_of_the_arguments_is_told_at_once() {
    let (home, server) = echo();
    let run = call(&home, "echo.create_strict", &["--json"]);
    refused(&run, "invalid_arguments");
    assert_eq!(problems(&run), ["/project_id is required", "/name is required", "/size is required"]);
    assert_eq!(run.json()["error"], "Missing required parameter(s): project_id, name, size");
    let run = call(&home, "echo.create_strict", &[r#"{"projectid": "p", "name": 7, "due": "tomorrow", "size": 0}"#]);
    refused(&run, "invalid_arguments");
    let told = problems(&run);
    for pointer in ["/projectid ", "/project_id ", "/name ", "/due ", "/size "] {
        assert!(told.iter().any(|line| line.starts_with(pointer)), "{pointer} in {told:?}");
    }
    assert!(told.iter().any(|line| line.starts_with("/projectid ") && line.contains("did you mean 'project_id'")), "{told:?}");
    assert!(run.json()["error_detail"]["hints"].to_string().contains("integrations:schema echo.create_strict"));
    for flag in ["--nmae=x", "--Name=x"] {
        let run = call(&home, "echo.create_thing", &[flag]);
        refused(&run, "invalid_arguments");
        assert!(problems(&run).iter().any(|line| line.contains("did you mean 'name'")), "{flag}: {:?}", problems(&run));
    }
    for (flag, pointer) in
        [("--count=many", "/count "), ("--count=1.5", "/count "), ("--draft=perhaps", "/draft "), ("--fields=x", "/fields ")]
    {
        let run = call(&home, "echo.create_thing", &["--name=x", flag]);
        refused(&run, "invalid_arguments");
        assert!(problems(&run).len() == 1 && problems(&run)[0].starts_with(pointer), "{flag}: {:?}", problems(&run));
    }
    assert!(server.requests().is_empty(), "nothing was sent");
}

#[test]
fn words_that_make_no_call_are_usage() {
    let (home, server) = echo();
    for more in
        [&["{}", "{}"][..], &["--name=x", "--max-items=0"], &["--name=x", "--timeout=soon"], &["--name=x", "--timeout=-1"], &["--arg=name"]]
    {
        refused(&call(&home, "echo.create_thing", more), "usage");
    }
    for more in [&["--select=.["][..], &["--select=nosuch"], &["--all"], &["--max-pages=2"], &["--ndjson"]] {
        let run = call(&home, "echo.get_all", more);
        refused(&run, "usage");
    }
    assert!(server.requests().is_empty(), "nothing was sent");
}

#[test]
fn flags_override_the_payload() {
    let (home, server) = echo();
    let payload = r#"{"name": "old", "count": 1, "labels": ["x"], "fields": {"a": 1, "b": {"c": 2}}}"#;
    assert_eq!(body(&home, &server, &[payload, "--name=new"]), r#"{"name":"new","count":1,"labels":["x"],"fields":{"a":1,"b":{"c":2}}}"#);
    let got: Value = serde_json::from_str(&body(&home, &server, &[payload, "--labels=y", "--labels", "z", "--fields.b.c=3"])).unwrap();
    assert_eq!(got, json!({"name": "old", "count": 1, "labels": ["y", "z"], "fields": {"a": 1, "b": {"c": 3}}}));
    let run = home.run_with(&words("echo.create_thing", &["--count", "-5"]), payload.as_bytes());
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(sent(&server).contains("\"count\":-5"), "stdin is a payload too: {}", sent(&server));
    assert_eq!(body(&home, &server, &["--name=a", "--name=b"]), r#"{"name":"b"}"#, "the last one counts");
}

#[test]
fn flags_are_read_by_the_schema() {
    let (home, server) = echo();
    for (flags, wanted) in [
        (&["--name=00123"][..], r#"{"name":"00123"}"#),
        (&["--name=1e3"], r#"{"name":"1e3"}"#),
        (&["--name", "+4912345"], r#"{"name":"+4912345"}"#),
        (&["--name=true"], r#"{"name":"true"}"#),
        (&["--name=null"], r#"{"name":"null"}"#),
        (&["--name={\"a\":1}"], r#"{"name":"{\"a\":1}"}"#),
        (&["--name=@nowhere"], r#"{"name":"@nowhere"}"#),
        (&["--name=a=b=c"], r#"{"name":"a=b=c"}"#),
        (&["--name=n", "--labels=1,2", "--labels=true"], r#"{"name":"n","labels":["1,2","true"]}"#),
        (&["--name=n", "--labels=[\"a\",\"b\"]"], r#"{"name":"n","labels":["a","b"]}"#),
        (&["--name=n", "--numbers=1", "--numbers", "2"], r#"{"name":"n","numbers":[1,2]}"#),
        (&["--name=n", "--count=123456789012345678901234567890"], r#"{"name":"n","count":123456789012345678901234567890}"#),
        (&["--name=n", "--ratio=0.10"], r#"{"name":"n","ratio":0.10}"#),
        (&["--name=n", "--draft"], r#"{"name":"n","draft":true}"#),
        (&["--draft", "--name=n"], r#"{"draft":true,"name":"n"}"#),
        (&["--name=n", "--no-draft"], r#"{"name":"n","draft":false}"#),
        (&["--name=n", "--draft=false"], r#"{"name":"n","draft":false}"#),
        (&["--name=n", "--due-date=2026-01-02"], r#"{"name":"n","due_date":"2026-01-02"}"#),
        (&["--name=n", "--due_date=2026-01-02"], r#"{"name":"n","due_date":"2026-01-02"}"#),
        (&["--name=n", "--camelCase=c"], r#"{"name":"n","camelCase":"c"}"#),
        (&["--name=n", "--fields.a.b=x", "--fields.c=1"], r#"{"name":"n","fields":{"a":{"b":"x"},"c":1}}"#),
        (&["--name=n", "--fields={\"a\":[1]}"], r#"{"name":"n","fields":{"a":[1]}}"#),
        (&["--arg", "name=n", "--arg=count=4"], r#"{"name":"n","count":4}"#),
        (&["--name=n", "--free=007", "--maybe=5"], r#"{"name":"n","free":"007","maybe":"5"}"#),
        (&["--name=n", "--free=7"], r#"{"name":"n","free":7}"#),
        (&["{\"name\":\"n\",\"maybe\":null}"], r#"{"name":"n","maybe":null}"#),
    ] {
        assert_eq!(body(&home, &server, flags), wanted, "{flags:?}");
    }
    refused(&call(&home, "echo.create_thing", &["--name=n", "--numbers=x"]), "invalid_arguments");
    refused(&call(&home, "echo.create_thing", &["--name=n", "--no-name"]), "invalid_arguments");
}

#[test]
fn parameters_may_be_named_like_our_flags_and_like_anything() {
    let (home, server) = echo();
    let odd = |more: &[&str]| {
        let run = call(&home, "echo.create_odd", more);
        assert_eq!(run.code, 0, "{more:?}: {}", run.stdout);
        (serde_json::from_str::<Value>(&sent(&server)).unwrap(), run.json())
    };
    let wanted = json!({"account": "7", "force": true, "json": "j", "dry_run": false, "end": "e", "function": "f", "__proto__": "p", "constructor": "c", "x-y": "z"});
    let (body, envelope) = odd(&[&wanted.to_string()]);
    assert_eq!(body, wanted);
    assert_eq!((&envelope["meta"]["account"], &envelope["meta"]["permission_bypassed"]), (&json!("default"), &json!(false)));
    assert_eq!(envelope["meta"]["dry_run"], false);
    let arguments: Vec<String> =
        wanted.as_object().unwrap().iter().map(|(key, value)| format!("--arg={key}={}", value.to_string().trim_matches('"'))).collect();
    assert_eq!(odd(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).0, wanted);
    assert_eq!(odd(&["--end=e", "--function=f", "--__proto__=p", "--constructor", "c", "--x-y=z"]).0["__proto__"], "p");
    let before = server.requests().len();
    let run = call(&home, "echo.create_odd", &["--dry-run", "--arg=dry_run=true"]);
    assert_eq!((run.code, &run.json()["meta"]["request"]["body"]), (0, &json!({"dry_run": true})), "{}", run.stdout);
    assert_eq!(server.requests().len(), before, "--dry-run stays ours");
}
