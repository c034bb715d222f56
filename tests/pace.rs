//! The pace that services ask for: a wait asked of one call holds back every call of the same provider and account in the process,
//! and no other. The service of these tests refuses whoever does not wait.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use angelia::base::envelope::Envelope;
use angelia::base::origin::Origin;
use angelia::call::request::{Arguments, Call, Ctx, Options, Progress};
use angelia::call::runtime::Runtime;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::support::apart::apart;
use crate::support::home::Home;
use crate::support::server::{Reply, Request, Server};

const FUNCTIONS: &str = r#"
title: Host
description: A test server.
category: test
auth_strategy: none
servers: {default: "http://127.0.0.1:1"}
rate_limit: {remaining: left, reset: reset, reset_format: delta_seconds}
errors: {rate_limited_when: ".slow == true"}
functions:
  - {id: get, title: Get, description: Reads., operation: read, request: "GET /{path}", parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
  - {id: post, title: Post, description: Writes., operation: write, request: "POST /{path}", parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
  - {id: put, title: Put, description: Writes again., operation: write, request: "PUT /{path}", idempotent: true, parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
  - {id: file, title: File, description: Downloads., operation: read, request: "GET /{path}", response: binary, parameters: {path: {type: string, description: Path.}}, required: [path], examples: [{arguments: {path: x}}]}
  - {id: pages, title: Pages, description: Lists., operation: read, request: "GET /{path}", parameters: {path: {type: string, description: Path.}, c: {type: string, description: Cursor.}}, required: [path], pagination: {style: cursor, items: d, parameter: c, next: next}, examples: [{arguments: {path: x}}]}
"#;

/// A home with the providers `host` and `other`, which are the same server.
fn host(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Home, Server) {
    let (server, home) = (Server::start(handler), Home::new());
    let settings = ["host", "other"].map(|id| {
        home.manifest(id, &format!("id: {id}{FUNCTIONS}"));
        format!(
            "[integrations.{id}]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n\
             [integrations.{id}.servers]\ndefault = \"{}\"\n[integrations.{id}.accounts.work]\nread = \"allow\"\n",
            server.origin()
        )
    });
    home.config(&format!("[http]\nmax_wait_seconds = 2\n{}", settings.concat()));
    (home, server)
}

fn asked(function: &str, path: &str) -> Call {
    Call {
        function: function.to_owned(),
        account: None,
        arguments: Arguments::Ready { object: Map::from_iter([(String::from("path"), Value::from(path))]), files: BTreeMap::new() },
        options: Options::default(),
    }
}

async fn call(runtime: &Runtime, function: &str, path: &str) -> Envelope {
    runtime.call(&Ctx::new(Origin::Cli), asked(function, path)).await
}

fn code(envelope: &Envelope) -> &str {
    envelope.error_detail.as_ref().map_or("none", |detail| detail.code)
}

fn paths(server: &Server) -> Vec<String> {
    server.requests().iter().map(|request| request.path().to_owned()).collect()
}

#[test]
fn a_wait_asked_of_one_call_holds_back_all_of_its_account() {
    let outside = |inside: &dyn Fn(&Home)| {
        let opens: Mutex<Option<Instant>> = Mutex::default();
        let (home, server) = host(move |request| {
            if request.path() == "/free" {
                return Reply::ok(b"{}");
            }
            let mut opens = opens.lock().unwrap();
            let opens = opens.get_or_insert_with(|| Instant::now() + Duration::from_secs(1));
            let open = Instant::now() >= *opens;
            if open { Reply::ok(b"{}") } else { Reply::status(429).header("retry-after", "1") }
        });
        inside(&home);
        let paths = paths(&server);
        assert_eq!(paths[..3], ["/limited", "/free", "/free"], "another account and another provider do not wait");
        assert_eq!(paths[3..], ["/limited"; 16], "each is sent once, after the wait");
    };
    apart("pace::a_wait_asked_of_one_call_holds_back_all_of_its_account", outside, async |runtime| {
        assert_eq!(code(&call(&runtime, "host.post", "limited").await), "rate_limited", "a write is not repeated");
        let held = ["get", "post", "file", "pages"].repeat(4);
        let runtime = runtime.as_ref();
        let held = held.iter().map(|function| async move { call(runtime, &format!("host.{function}"), "limited").await });
        let free = async {
            let call_of_work = Call { account: Some(String::from("work")), ..asked("host.get", "free") };
            let envelope = runtime.call(&Ctx::new(Origin::Cli), call_of_work).await;
            [envelope, call(runtime, "other.get", "free").await]
        };
        let (held, free) = futures_util::join!(join_all(held), free);
        for envelope in held.iter().chain(&free) {
            assert_eq!((code(envelope), envelope.meta.attempts), ("none", 1), "{:?}", envelope.error);
        }
    });
}

#[test]
fn a_call_that_would_wait_too_long_is_not_sent() {
    let outside = |inside: &dyn Fn(&Home)| {
        let (home, server) = host(|request| match (request.path(), request.method.as_str()) {
            ("/body", _) => Reply::status(400).header("retry-after", "60").body(br#"{"slow":true}"#),
            (_, "PUT") if request.nth() == 1 => {
                std::thread::sleep(Duration::from_millis(600));
                Reply::reset()
            }
            _ => Reply::status(429).header("retry-after", "3600"),
        });
        let recorded = home.path().join("recorded");
        std::fs::create_dir(&recorded).unwrap();
        let case = json!({"arguments": {}, "request": {"method": "GET", "path": "/recorded"}, "response": {"json": {}}, "result": {}});
        let exchange = json!({"provider": "host", "exchanges": {"get": [case]}});
        std::fs::write(recorded.join("1.json"), exchange.to_string()).unwrap();
        inside(&home);
        assert_eq!(paths(&server), ["/put", "/limited", "/body"]);
    };
    apart("pace::a_call_that_would_wait_too_long_is_not_sent", outside, async |runtime| {
        let late = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            call(&runtime, "host.get", "limited").await
        };
        let (lost, refused) = futures_util::join!(call(&runtime, "host.put", "put"), late);
        assert_eq!((code(&refused), refused.meta.attempts), ("rate_limited", 1));
        assert_eq!((code(&lost), lost.meta.attempts), ("rate_limited", 1));
        assert!(lost.error_detail.unwrap().hints[0].contains("check whether it took effect"), "its first try may have taken effect");
        for function in ["get", "post", "file", "pages"] {
            let held = call(&runtime, &format!("host.{function}"), "limited").await;
            assert_eq!((code(&held), held.meta.attempts), ("rate_limited", 0), "{function}");
            let detail = held.error_detail.unwrap();
            assert!(detail.retryable && detail.http_status.is_none());
            assert!((3_590_000..=3_600_000).contains(&detail.retry_after_ms.unwrap()), "{function}");
        }
        let replay = angelia::call::exchange::Replayer::open(std::path::Path::new("recorded")).unwrap();
        let options = Options { replay: Some(replay.into()), ..Options::default() };
        let replayed = runtime.call(&Ctx::new(Origin::Cli), Call { options, ..asked("host.get", "recorded") }).await;
        assert_eq!(code(&replayed), "none", "a recorded answer needs no wait");
        assert_eq!(code(&call(&runtime, "other.file", "body").await), "rate_limited", "as the body says");
        assert_eq!(call(&runtime, "other.get", "body").await.meta.attempts, 0);
        let outcomes: Vec<String> = runtime
            .memory
            .with(|store| store.calls(&angelia::store::calls::CallFilter { limit: 3, ..Default::default() }, 0))
            .unwrap()
            .into_iter()
            .map(|row| row.outcome)
            .collect();
        assert_eq!(outcomes, ["refused", "failed", "succeeded"]);
    });
}

#[test]
fn nothing_is_sent_into_a_window_that_is_used_up() {
    let outside = |inside: &dyn Fn(&Home)| {
        let (home, server) = host(|request| match request.path() {
            "/last" => Reply::ok(b"{}").header("left", "0").header("reset", "1"),
            "/far" => Reply::ok(b"{}").header("left", "0").header("reset", "3600"),
            "/some" => Reply::ok(b"{}").header("left", "9").header("reset", "3600"),
            _ => Reply::ok(b"{}"),
        });
        inside(&home);
        assert_eq!(paths(&server), ["/some", "/next", "/last", "/next", "/last", "/next", "/far", "/next"]);
    };
    apart("pace::nothing_is_sent_into_a_window_that_is_used_up", outside, async |runtime| {
        for (function, before, waits) in [("get", "some", false), ("get", "last", true), ("file", "last", true)] {
            let answered = call(&runtime, &format!("host.{function}"), before).await;
            assert_eq!(code(&answered), "none", "{before}");
            let next = call(&runtime, "host.get", "next").await;
            assert_eq!((code(&next), next.duration_ms >= 800.0), ("none", waits), "after {before}");
        }
        assert_eq!(code(&call(&runtime, "host.get", "far").await), "none");
        let next = call(&runtime, "host.post", "next").await;
        assert_eq!((code(&next), next.duration_ms < 900.0), ("none", true), "the service decides");
    });
}

#[test]
fn a_held_call_tells_that_it_waits_and_can_be_interrupted() {
    let outside = |inside: &dyn Fn(&Home)| {
        let (home, server) = host(|_| Reply::status(429).header("retry-after", "1.5"));
        inside(&home);
        assert_eq!(server.requests().len(), 1);
    };
    apart("pace::a_held_call_tells_that_it_waits_and_can_be_interrupted", outside, async |runtime| {
        assert_eq!(code(&call(&runtime, "host.post", "x").await), "rate_limited");
        let (send, mut news) = unbounded_channel();
        let ctx = Ctx { progress: Some(send), ..Ctx::new(Origin::Cli) };
        let interrupt = async {
            let told = news.recv().await;
            ctx.cancel.cancel();
            told
        };
        let (held, told) = futures_util::join!(runtime.call(&ctx, asked("host.get", "x")), interrupt);
        assert!(matches!(told, Some(Progress::Waiting { .. })), "{told:?}");
        assert_eq!((code(&held), held.meta.attempts), ("cancelled", 0));
        assert!(held.duration_ms < 1_000.0);
        let options = Options { timeout_seconds: Some(0.5), ..Options::default() };
        let hasty = runtime.call(&Ctx::new(Origin::Cli), Call { options, ..asked("host.get", "x") }).await;
        assert_eq!((code(&hasty), hasty.meta.attempts), ("rate_limited", 0), "the wait does not fit into the time of the call");
    });
}

#[test]
fn a_list_that_nobody_takes_is_not_read_on() {
    let outside = |inside: &dyn Fn(&Home)| {
        let (home, server) = host(|_| Reply::ok(br#"{"d":[1,2,3],"next":"more"}"#));
        inside(&home);
        assert_eq!(server.requests().len(), 1);
    };
    apart("pace::a_list_that_nobody_takes_is_not_read_on", outside, async |runtime| {
        for number in 0..1_001 {
            let document = json!({"number": number});
            runtime.memory.with(|store| store.add_document("c", &number.to_string(), &document, 1)).unwrap();
        }
        let native = Arguments::Ready { object: Map::from_iter([(String::from("collection"), Value::from("c"))]), files: BTreeMap::new() };
        for (read, items) in [(asked("host.pages", "x"), 3), (Call { arguments: native, ..asked("data.list", "") }, 1_000)] {
            let (send, mut taken) = unbounded_channel();
            let ctx = Ctx { items: Some(send), ..Ctx::new(Origin::Cli) };
            let mut reading = std::pin::pin!(runtime.call(&ctx, Call { options: Options { all: true, ..Options::default() }, ..read }));
            let first = tokio::select! {
                biased;
                first = taken.recv() => first,
                envelope = &mut reading => panic!("{envelope:?}"),
            };
            assert!(first.is_some());
            drop(taken);
            let meta = reading.await.meta;
            assert_eq!((meta.pages, meta.items, meta.complete, meta.stopped_by), (Some(1), Some(items), Some(false), Some("listener")));
        }
    });
}
