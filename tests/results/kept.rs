//! What is kept and what is handed over in its place, by the library in a process of its own.

use angelia::base::envelope::{Envelope, Meta};
use angelia::base::error::{Code, Error, Problem, ProviderAnswer};
use angelia::base::origin::Origin;
use angelia::call::keep::{Cap, LEAST, keep};
use angelia::call::reach::Reach;
use angelia::call::request::{Arguments, Call, Ctx, Options};
use angelia::config::layers::Rule;
use serde_json::{Value, json};

use crate::support::apart::apart;
use crate::support::home::Home;

fn envelope(data: Value) -> Envelope {
    let meta = Meta { call_id: String::from("c1"), operation: Some("read"), account: String::from("default"), ..Meta::default() };
    let function = String::from("shop.list_articles");
    Envelope { function, success: true, data, error: None, error_detail: None, meta, duration_ms: 1.5 }
}

fn cap(bytes: usize) -> Cap {
    Cap { bytes, owner: String::from("me") }
}

fn length(envelope: &Envelope) -> usize {
    serde_json::to_string(envelope).unwrap().len()
}

fn random(dice: &mut fastrand::Rng, size: usize, depth: usize) -> Value {
    match if depth == 0 { dice.usize(..3) } else { dice.usize(..7) } {
        0 => json!(dice.i64(..)),
        1 => json!(dice.bool()),
        2 => Value::String("aü𝄞\"\n".repeat(dice.usize(..600))),
        3 | 4 => (0..dice.usize(..=size)).map(|_| random(dice, size / 2, depth - 1)).collect(),
        _ => (0..dice.usize(..=size))
            .map(|key| (format!("{key}/~é"), random(dice, size / 2, depth - 1)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[test]
fn what_is_too_large_is_kept_whole_and_handed_over_cut() {
    apart(
        "results::kept::what_is_too_large_is_kept_whole_and_handed_over_cut",
        |again| again(&Home::new()),
        async |runtime| {
            let mut dice = fastrand::Rng::with_seed(3);
            let mut cut = 0;
            for round in 0..200 {
                let data = random(&mut dice, 30, 4);
                let most = LEAST + dice.usize(..20_000);
                let (mut envelope, whole) = (envelope(data.clone()), length(&envelope(data.clone())));
                keep(&runtime, &cap(most), &mut envelope);
                assert!(length(&envelope) <= most, "{round}: {} of {most}", length(&envelope));
                if whole <= most {
                    assert_eq!((envelope.data, envelope.meta.truncated), (data, false));
                    continue;
                }
                cut += 1;
                let id = envelope.meta.result_id.clone().unwrap();
                let text = runtime.memory.with(|store| store.result_text(&id)).unwrap().unwrap();
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), data, "{round}");
                assert_eq!(envelope.meta.bytes, Some(text.len() as u64));
                assert!(envelope.meta.truncated && envelope.meta.note.is_none());
                assert_eq!(std::mem::discriminant(&envelope.data), std::mem::discriminant(&data));
                assert!(envelope.meta.shape.is_some());
                // At least half of the room is used, where there are items or texts to fill it.
                assert!(length(&envelope) > most / 4, "{round}: only {} of {most}", length(&envelope));
            }
            assert!(cut > 50, "{cut}");
        },
    );
}

#[test]
fn what_stands_beside_the_data_is_bounded_too() {
    apart(
        "results::kept::what_stands_beside_the_data_is_bounded_too",
        |again| again(&Home::new()),
        async |runtime| {
            let mut error = Error::new(Code::ProviderError, "ü".repeat(50_000)).hints((0..1000).map(|n| format!("hint {n}")));
            error.problems = (0..1000).map(|n| Problem { pointer: format!("/{n}"), message: "is wrong ".repeat(1000) }).collect();
            error.provider = Some(ProviderAnswer { code: Some("E".repeat(9999)), body: json!({"trace": "x".repeat(9999), "kind": "odd"}) });
            for (most, data) in
                [(LEAST, Value::Null), (LEAST, json!([1, "x".repeat(9999)])), (0, json!({"a": "x".repeat(9999)})), (20_000, Value::Null)]
            {
                let mut envelope = envelope(data.clone());
                envelope.success = false;
                envelope.error = Some(error.message.clone());
                envelope.error_detail = Some(error.clone().into());
                envelope.meta.request = Some(json!({"body": "x".repeat(9999), "digest": "d"}));
                keep(&runtime, &cap(most), &mut envelope);
                assert!(length(&envelope) <= most.max(LEAST), "{}", length(&envelope));
                assert_eq!((envelope.meta.truncated, envelope.meta.result_id.is_some()), (true, !data.is_null()));
                let body = envelope.error_detail.unwrap().provider.unwrap().body;
                assert_eq!(body["kind"], "odd");
                assert!(envelope.error.unwrap().starts_with("üü"));
            }
        },
    );
}

#[test]
fn without_a_database_there_is_still_a_preview() {
    let broken = || {
        let home = Home::new();
        std::fs::write(home.root().join("data"), "no folder").unwrap();
        home
    };
    apart(
        "results::kept::without_a_database_there_is_still_a_preview",
        |again| again(&broken()),
        async |runtime| {
            let mut envelope = envelope(json!({"text": "x".repeat(9999), "id": 7}));
            keep(&runtime, &cap(LEAST), &mut envelope);
            assert!(envelope.success && envelope.meta.result_id.is_none() && length(&envelope) <= LEAST);
            assert_eq!(envelope.data["id"], 7);
            assert!(envelope.meta.note.unwrap().starts_with("The whole answer could not be kept: "));
        },
    );
}

/// What a client of an owner's server may do.
fn client(owner: &str) -> Ctx {
    let mut ctx = Ctx::new(Origin::mcp("test", "c1"));
    ctx.reach = Some(std::sync::Arc::new(Reach {
        integrations: vec![vec![String::from("shop")]],
        upstreams: Vec::new(),
        functions: Vec::new(),
        write: Rule::Deny,
        read_only: true,
        force: false,
        accounts: Default::default(),
        owner: owner.to_owned(),
    }));
    ctx
}

fn call(function: &str, arguments: Value) -> Call {
    let Value::Object(object) = arguments else { panic!("arguments are an object") };
    let arguments = Arguments::Ready { object, files: Default::default() };
    Call { function: function.to_owned(), account: None, arguments, options: Options::default() }
}

#[test]
fn a_client_reads_the_results_of_its_owner_alone() {
    apart(
        "results::kept::a_client_reads_the_results_of_its_owner_alone",
        |again| again(&Home::new()),
        async |runtime| {
            let mut ids = Vec::new();
            for owner in ["me", "you"] {
                let mut envelope = envelope(json!({"text": owner.repeat(9999)}));
                keep(&runtime, &Cap { bytes: LEAST, owner: owner.to_owned() }, &mut envelope);
                ids.push(envelope.meta.result_id.unwrap());
            }
            for (owner, own, foreign) in [("me", &ids[0], &ids[1]), ("you", &ids[1], &ids[0])] {
                let ctx = client(owner);
                let listed = runtime.call(&ctx, call("results.list", json!({}))).await;
                assert_eq!((&listed.data["total"], &listed.data["results"][0]["id"]), (&json!(1), &json!(own)));
                let mut read = runtime.call(&ctx, call("results.read", json!({"id": own, "pointer": "/text"}))).await;
                assert!(read.success && read.data["value"].as_str().unwrap().starts_with(owner), "{:?}", read.error);
                keep(&runtime, &cap(LEAST), &mut read);
                assert!(
                    read.meta.truncated && read.meta.result_id.is_none() && read.meta.note.is_none(),
                    "an answer about a result is not kept"
                );
                let refused = runtime.call(&ctx, call("results.read", json!({"id": foreign}))).await;
                assert_eq!(refused.error_detail.unwrap().code, "not_found");
                let code = format!("return app.integrations.results.read{{id = '{foreign}'}}");
                let refused = runtime.call(&ctx, call("script.run", json!({"code": code}))).await;
                assert_eq!(refused.error_detail.unwrap().code, "not_found", "also by a script");
            }
            let outside =
                runtime.call(&client("me"), call("script.run", json!({"code": "return app.integrations.data.collections{}"}))).await;
            assert_eq!(outside.error_detail.unwrap().code, "permission_denied", "a script does what its client may do");
            let approves = json!({"code": "return 1", "approve": "0".repeat(64)});
            assert!(!runtime.call(&client("me"), call("script.run", approves)).await.success);
        },
    );
}
