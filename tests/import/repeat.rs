//! What descriptions say of sending a request again: keys, vendors' rules, headers about the rate. A write without a key is sent once.

use serde_json::{Value, json};

use super::{World, fate, operation};
use crate::support::server::{Reply, Server};

/// A service that fails each path once.
fn failing() -> World {
    let seen = std::sync::Mutex::new(std::collections::HashSet::new());
    let answer = move |request: &crate::support::server::Request| {
        let first = seen.lock().unwrap().insert(request.path().to_owned());
        if first { Reply::status(503) } else { Reply::ok(b"{}") }
    };
    World { server: Server::start(answer), ..World::new() }
}

fn header(name: &str, required: bool, schema: Value) -> Value {
    json!({"name": name, "in": "header", "required": required, "schema": schema})
}

#[test]
fn a_key_makes_a_write_harmless_and_nothing_else_does() {
    let world = failing();
    let keyed = |schema: Value| json!({"parameters": [header("Idempotency-Key", true, schema)]});
    let wished =
        json!({"x-speakeasy-retries": {"strategy": "backoff", "backoff": {"initialInterval": 500}, "statusCodes": ["5XX", "409"]}});
    let mut document = world.document(json!({
        "/keyed": {"post": operation("createKeyed", keyed(json!({"type": "string", "maxLength": 64})))},
        "/given": {"post": operation("createGiven", keyed(json!({"type": "string"})))},
        "/short": {"post": operation("createShort", keyed(json!({"type": "string", "maxLength": 8})))},
        "/fern": {"post": operation("createFern", json!({"x-fern-idempotent": true}))},
        "/plain": {"post": operation("createPlain", wished.clone())},
        "/read": {"get": operation("getRead", wished)},
        "/never": {"get": operation("getNever", json!({"x-fern-retries": {"disabled": true}}))},
    }));
    document["x-fern-idempotency-headers"] = json!([{"header": "IDEMPOTENCY-KEY", "name": "key"}]);
    let imported = world.import(&document);
    let tries = |function: &str, arguments: Value| {
        let before = world.server.requests().len();
        let code = world.try_call(function, &arguments).code;
        let keys: Vec<Option<String>> =
            world.server.requests()[before..].iter().map(|request| request.header("idempotency-key").map(str::to_owned)).collect();
        (code, keys)
    };
    let (code, keys) = tries("create_keyed", json!({}));
    assert!(code == 0 && keys.len() == 2 && keys[0] == keys[1] && keys[0].as_ref().unwrap().len() == 36, "{keys:?}");
    let mine = Some(String::from("mine"));
    assert_eq!(tries("create_given", json!({"idempotency_key": "mine"})), (0, vec![mine.clone(), mine]));
    assert_eq!(tries("create_short", json!({"idempotency_key": "k"})).1.len(), 1, "a form of its own is not filled in");
    let (code, keys) = tries("create_fern", json!({}));
    assert!(code == 0 && keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
    assert_eq!(tries("create_plain", json!({})), (6, vec![None]));
    assert_eq!(tries("get_read", json!({})).1.len(), 2);
    assert_eq!(tries("get_never", json!({})), (6, vec![None]));
    let warned = |operation: &str| fate(&imported, operation)["warnings"].to_string();
    assert!(warned("POST /plain").contains("nothing says that sending it twice is harmless"), "{imported:#}");
    assert!(warned("GET /read").contains("409") && !warned("GET /read").contains("5XX"), "{imported:#}");
    assert!(warned("POST /short").contains("a form of its own"), "{imported:#}");
    assert!(imported["notes"].to_string().contains("http.retries"), "{imported:#}");
}

#[test]
fn headers_about_the_rate_are_heeded() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let limited =
        move |_: &_| Reply::status(429).header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", &(now + 3_000).to_string());
    let world = World { server: Server::start(limited), ..World::new() };
    let of = |reset: Value| {
        let headers = json!({"X-RateLimit-Remaining": {"schema": {"type": "integer"}}, "X-RateLimit-Reset": reset});
        world.document(json!({"/a": {"get": operation("getA", json!({"responses": {"200": {"description": "", "headers": headers}}}))}}))
    };
    world.import(&of(json!({"description": "When it ends, in UTC epoch seconds.", "schema": {"type": "integer"}})));
    let wait = world.call("get_a", &json!({}))["error_detail"]["retry_after_ms"].as_u64().unwrap();
    assert!((2_900_000..=3_000_000).contains(&wait), "{wait}");
    let path = world.write(&of(json!({"example": 1_700_000_000, "schema": {"type": "integer"}})));
    let shown = world.home.run(&["integrations:import", &path, "--as=other", "--dry-run", "--json"]).json();
    assert!(!shown["notes"].to_string().contains("not heeded"), "an example says it too: {shown:#}");
    let path = world.write(&of(json!({"schema": {"type": "integer"}})));
    let unsaid = world.home.run(&["integrations:import", &path, "--as=other", "--dry-run", "--json"]).json();
    assert!(unsaid["notes"].to_string().contains("X-RateLimit-Reset is not heeded"), "{unsaid:#}");
}
