//! For every function of every built-in provider: the request that leaves, and what becomes of an answer, from the data files beside the
//! manifests. `integrations:lint` plays every case without a network; those that differ in kind (method, form of body and answer, pages,
//! refusals) are played once more for each provider over real HTTP against a loopback server. A function without a case fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::support::home::Home;
use crate::support::server::{Reply, Request, Server};

fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Providers that talk to the network, by folder.
fn providers() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let names = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let mut ids: Vec<String> = names.filter(|id| !["data", "results", "script"].contains(&id.as_str())).collect();
    ids.sort();
    ids
}

fn files(id: &str) -> (Value, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers").join(id);
    (yaml(&folder.join("provider.yaml")), yaml(&folder.join("exchanges.yaml")))
}

#[test]
fn every_function_sends_what_it_should_and_understands_the_answer() {
    let ids = Arc::new(Mutex::new(providers()));
    let report = Arc::new(Mutex::new((String::new(), 0)));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (ids, report) = (ids.clone(), report.clone());
            std::thread::spawn(move || {
                while let Some(id) = { ids.lock().unwrap().pop() } {
                    let (manifest, exchanges) = files(&id);
                    let (said, played) = provider(&id, &manifest, &exchanges);
                    let mut report = report.lock().unwrap();
                    report.0.push_str(&said);
                    report.1 += played;
                }
            })
        })
        .collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    let report = report.lock().unwrap();
    assert!(report.0.is_empty(), "{}", report.0);
    assert!(report.1 >= 300, "only {} cases were played", report.1);
}

#[test]
fn every_case_goes_as_it_says() {
    let ids = Mutex::new(providers());
    let played = Mutex::new((String::new(), 0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(id) = { ids.lock().unwrap().pop() } {
                    let file = format!("{}/providers/{id}/provider.yaml", env!("CARGO_MANIFEST_DIR"));
                    let run = Home::new().run(&["integrations:lint", &file, "--json"]);
                    let answer = run.json();
                    let findings = answer["findings"].as_array().unwrap().clone();
                    let untested = |finding: &Value| finding["message"].as_str().unwrap().contains("has no exchange test");
                    let mut played = played.lock().unwrap();
                    for finding in findings.iter().filter(|finding| finding["severity"] == "error" || untested(finding)) {
                        let _ = writeln!(played.0, "{id}: {}", finding["message"].as_str().unwrap());
                    }
                    played.1 += answer["cases"].as_u64().unwrap();
                }
            });
        }
    });
    let (said, cases) = played.into_inner().unwrap();
    assert!(said.is_empty(), "{said}");
    assert!(cases >= 1500, "only {cases} cases were played");
}

/// The test above must be able to fail: each of these changes to a good case is told.
#[test]
fn a_wrong_case_is_told() {
    let (manifest, exchanges) = files("hackernews");
    let good = exchanges["exchanges"]["get_item"][0].clone();
    let of = |case: Value| {
        let mut wrong = exchanges.clone();
        wrong["exchanges"] = json!({"get_item": [case]});
        provider("hackernews", &manifest, &wrong).0.lines().filter(|line| line.starts_with("hackernews.get_item[")).count()
    };
    assert_eq!(of(good.clone()), 0);
    let changes = [
        ("/request/path", json!("/v0/item/other.json")),
        ("/request/method", json!("POST")),
        ("/request/query", json!({"more": "1"})),
        ("/request/headers", json!({"x-more": "1"})),
        ("/request/json", json!({"more": 1})),
        ("/response/status", json!(404)),
        ("/result", json!("another")),
    ];
    for (place, value) in changes {
        let mut case = good.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        case.pointer_mut(parent).unwrap()[key] = value;
        assert!(of(case) > 0, "a wrong {place} went unnoticed");
    }
    let mut without = exchanges.clone();
    without["exchanges"] = json!({});
    assert!(provider("hackernews", &manifest, &without).0.contains("has no exchange"));
}

/// What the server is to answer, and what came.
#[derive(Default)]
struct Script {
    replies: Vec<Value>,
    requests: Vec<Request>,
}

/// What makes a case different in kind from others of its provider.
fn kind(case: &Value) -> String {
    let step = case["steps"].get(0).unwrap_or(case);
    let forms = |value: &Value, forms: &[&str]| {
        forms.iter().filter(|form| value.get(**form).is_some()).map(|form| (*form).to_owned()).collect::<Vec<_>>()
    };
    let (request, response) = (&step["request"], &step["response"]);
    format!(
        "{} {:?} {:?} {} {} {}",
        request["method"],
        forms(request, &["query", "headers", "json", "form", "text", "multipart"]),
        forms(response, &["headers", "json", "text", "base64"]),
        case["all"],
        case["steps"].as_array().map_or(1, Vec::len).min(2),
        case["error"]["code"],
    )
}

/// Plays the cases of a provider, one of each kind; answers what is wrong, a line each, and how many were played.
fn provider(id: &str, manifest: &Value, exchanges: &Value) -> (String, usize) {
    let script: Arc<Mutex<Script>> = Arc::default();
    let of_server = script.clone();
    let server = Server::start(move |request| {
        let mut script = of_server.lock().unwrap();
        let nth = script.requests.len();
        script.requests.push(request.clone());
        reply(script.replies.get(nth))
    });
    let home = home(id, manifest, exchanges, &server.origin());
    let (mut report, mut played) = (String::new(), 0);
    let cases = exchanges["exchanges"].as_object().unwrap();
    for function in manifest["functions"].as_array().unwrap() {
        let name = function["id"].as_str().unwrap();
        if !cases.contains_key(name) {
            let _ = writeln!(report, "{id}.{name}: has no exchange");
        }
    }
    let mut kinds = BTreeSet::new();
    for (function, list) in cases {
        for (nth, case) in list.as_array().unwrap().iter().enumerate().filter(|(_, case)| kinds.insert(kind(case))) {
            played += 1;
            let said = run(&home, &format!("{id}.{function}"), case, &exchanges["expect"], &script, &server.origin());
            said.into_iter()
                .for_each(|said| _ = writeln!(report, "{id}.{function}[{nth}]: {}", said.chars().take(1500).collect::<String>()));
        }
    }
    (report, played)
}

/// Settings that lead every server of the manifest to ours, its path kept.
fn home(id: &str, manifest: &Value, exchanges: &Value, origin: &str) -> Home {
    let credentials = exchanges["credentials"].as_object().unwrap();
    let mut config = format!("[integrations.{id}]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\nallow_private = true\n");
    let _ = writeln!(config, "[integrations.{id}.servers]");
    let fields = manifest["credentials"].as_array().cloned().unwrap_or_default();
    for (name, url) in manifest["servers"].as_object().unwrap() {
        let mut url = url.as_str().unwrap().to_owned();
        // A secret in a path is placed when the request is sent.
        for field in fields.iter().filter(|field| field["secret"] == false) {
            let key = field["key"].as_str().unwrap();
            if let Some(value) = credentials.get(key).or(field.get("default")).and_then(Value::as_str) {
                url = url.replace(&format!("{{{key}}}"), value);
            }
        }
        let url = url::Url::parse(&url).unwrap_or_else(|error| panic!("{id} server {name} {url}: {error}"));
        let path = url.path().trim_end_matches('/').replace("%7B", "{").replace("%7D", "}");
        let _ = writeln!(config, "{name} = \"{origin}{path}\"");
    }
    let home = Home::new();
    home.config(&config);
    credentials.iter().fold(home.env("ANGELIA_HTTP_RETRIES", "0"), |home, (key, value)| {
        home.env(&format!("ANGELIA_{}_{}", id.to_uppercase(), key.to_uppercase()), value.as_str().unwrap())
    })
}

/// A home for a provider, and a service that answers each request as the first case with its method and path does.
pub fn service(id: &str) -> (Home, Server) {
    let (manifest, exchanges) = files(id);
    let cases: Vec<Value> =
        exchanges["exchanges"].as_object().unwrap().values().flat_map(|list| list.as_array().unwrap().clone()).collect();
    let server = Server::start(move |request| {
        let fits = |case: &&Value| case["request"]["method"] == request.method.as_str() && case["request"]["path"] == request.path();
        reply(cases.iter().find(fits).map(|case| &case["response"]))
    });
    (home(id, &manifest, &exchanges, &server.origin()), server)
}

fn reply(response: Option<&Value>) -> Reply {
    let Some(response) = response else {
        return Reply::status(500).body(b"\"one request too many\"");
    };
    let body = match (response.get("json"), response.get("text"), response.get("base64")) {
        (Some(value), ..) => value.to_string().into_bytes(),
        (_, Some(text), _) => text.as_str().unwrap().as_bytes().to_vec(),
        (.., Some(bytes)) => STANDARD.decode(bytes.as_str().unwrap()).unwrap(),
        _ => Vec::new(),
    };
    let mut reply = Reply::status(response["status"].as_u64().unwrap_or(200) as u16).body(&body);
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        reply = reply.header(&name.to_lowercase(), value.as_str().unwrap());
    }
    reply
}

fn run(home: &Home, name: &str, case: &Value, always: &Value, script: &Mutex<Script>, origin: &str) -> Vec<String> {
    let case: Value = serde_json::from_str(&case.to_string().replace("{server}", origin)).unwrap();
    let steps: Vec<Value> = case["steps"].as_array().cloned().unwrap_or_else(|| vec![case.clone()]);
    let replies = steps.iter().map(|step| step["response"].clone()).collect();
    *script.lock().unwrap() = Script { replies, requests: Vec::new() };
    let mut words = vec!["integrations:call", name, "-", "--json"];
    if case["all"] == true {
        words.push("--all");
    }
    let run = home.run_with(&words, case["arguments"].to_string().as_bytes());
    let Ok(envelope) = serde_json::from_str::<Value>(&run.stdout) else {
        return vec![format!("no envelope: {run:?}")];
    };
    let requests = std::mem::take(&mut script.lock().unwrap().requests);
    let mut said = Vec::new();
    if requests.len() != steps.len() {
        said.push(format!("{} requests instead of {}; the envelope says {envelope}", requests.len(), steps.len()));
    }
    for (request, step) in requests.iter().zip(&steps) {
        said.extend(differences(request, &step["request"], always));
    }
    match case.get("error") {
        Some(error) => said.extend(wrong_error(&envelope, error)),
        None if envelope["success"] != true => said.push(format!("failed: {} {}", envelope["error"], envelope["error_detail"])),
        None if envelope["data"] != case["result"] => said.push(format!("data is {} instead of {}", envelope["data"], case["result"])),
        None => {}
    }
    said
}

fn wrong_error(envelope: &Value, error: &Value) -> Vec<String> {
    let detail = &envelope["error_detail"];
    let mut said = Vec::new();
    if detail["code"] != error["code"] || envelope["success"] != false {
        said.push(format!("error is {detail} instead of {error}"));
    }
    if let Some(message) = error["message"].as_str().filter(|message| !envelope["error"].as_str().unwrap_or_default().contains(message)) {
        said.push(format!("the message {} lacks {message:?}", envelope["error"]));
    }
    for key in ["http_status", "request_id"] {
        if error.get(key).is_some_and(|wanted| detail[key] != *wanted) {
            said.push(format!("{key} is {} instead of {}", detail[key], error[key]));
        }
    }
    said
}

fn differences(request: &Request, wanted: &Value, always: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let line = format!("{} {}", request.method, request.path());
    let expected = format!("{} {}", wanted["method"].as_str().unwrap(), wanted["path"].as_str().unwrap());
    if line != expected {
        said.push(format!("sent {line} instead of {expected}"));
    }
    let mut pairs = multimap(&wanted["query"]);
    multimap(&always["query"]).into_iter().for_each(|(name, values)| pairs.entry(name).or_default().extend(values));
    let sent = group(request.queries());
    if sent != pairs {
        said.push(format!("query is {sent:?} instead of {pairs:?}"));
    }
    let own = |name: &str| wanted["headers"].get(name).is_some();
    for (headers, usual) in [(&wanted["headers"], false), (&always["headers"], true)] {
        for (name, value) in headers.as_object().into_iter().flatten().filter(|(name, _)| !(usual && own(name))) {
            if request.header(name) != value.as_str() {
                said.push(format!("header {name} is {:?} instead of {value}", request.header(name)));
            }
        }
    }
    said.extend(wrong_body(request, wanted));
    said
}

fn wrong_body(request: &Request, wanted: &Value) -> Option<String> {
    let text = String::from_utf8_lossy(&request.body).into_owned();
    if let Some(json) = wanted.get("json") {
        let sent: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(format!("(no JSON) {text}")));
        return (sent != *json).then(|| format!("body is {sent} instead of {json}"));
    }
    if let Some(form) = wanted.get("form") {
        let sent = group(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect());
        let form = multimap(form);
        return (sent != form).then(|| format!("form is {sent:?} instead of {form:?}"));
    }
    if let Some(parts) = wanted.get("multipart") {
        let sent = multipart(request);
        return (sent != *parts).then(|| format!("parts are {sent} instead of {parts}"));
    }
    if let Some(body) = wanted["text"].as_str() {
        return (text != body).then(|| format!("body is {text:?} instead of {body:?}"));
    }
    (!text.is_empty() && text != "{}").then(|| format!("body is {text:?} instead of none"))
}

type Multimap = BTreeMap<String, Vec<String>>;

fn multimap(value: &Value) -> Multimap {
    let words = |value: &Value| match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap_or_else(|| panic!("{one} must be text")).to_owned()],
    };
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), words(value))).collect()
}

fn group(pairs: Vec<(String, String)>) -> Multimap {
    let mut map = Multimap::new();
    pairs.into_iter().for_each(|(name, value)| map.entry(name).or_default().push(value));
    map
}

/// Part name to content.
fn multipart(request: &Request) -> Value {
    let boundary = request.header("content-type").and_then(|kind| kind.split("boundary=").nth(1)).unwrap_or_default().to_owned();
    let text = String::from_utf8_lossy(&request.body).into_owned();
    let mut parts = Map::new();
    for part in text.split(&format!("--{boundary}")) {
        if let Some((head, content)) = part.split_once("\r\n\r\n") {
            let name = head.split("name=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            parts.insert(name.to_owned(), Value::from(content.strip_suffix("\r\n").unwrap_or(content)));
        }
    }
    Value::Object(parts)
}
