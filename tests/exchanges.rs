//! The exchange tests of every provider (`providers/*/exchanges.yaml`): the program itself makes each call against a world that
//! answers as the case says; every request must be the expected one, and the envelope must hold the expected result or error.
//! What is wrong is told for all providers at once. Local functions have no exchanges: nothing leaves.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use angelia::registry::manifest::{CredentialKind, Provider};

use crate::support::compare::{self, Always, Wanted, cut, present};
use crate::support::env::{Env, Run};
use crate::support::request::Request;
use crate::support::world::{Response, World};

/// Stands in answers for the test server's origin.
const SERVER: &str = "{server}";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchanges {
    credentials: BTreeMap<String, String>,
    expect: Always,
    exchanges: BTreeMap<String, Vec<Case>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: Option<String>,
    arguments: Value,
    #[serde(default)]
    all: bool,
    request: Option<Wanted>,
    response: Option<Given>,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<Refusal>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    request: Wanted,
    response: Given,
}

/// The answer that the world gives.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Given {
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "present")]
    json: Option<Value>,
    text: Option<String>,
    base64: Option<String>,
}

/// The failure that must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    code: String,
    message: Option<String>,
    http_status: Option<u16>,
    request_id: Option<String>,
}

impl Case {
    fn steps(&self) -> Vec<Step> {
        let single = self.request.clone().zip(self.response.clone()).map(|(request, response)| Step { request, response });
        single.into_iter().chain(self.steps.iter().cloned()).collect()
    }
}

impl Given {
    fn response(&self, origin: &str) -> Response {
        let mut response = Response::new(self.status.unwrap_or(200));
        for (name, value) in &self.headers {
            response = response.header(name, &value.replace(SERVER, origin));
        }
        if let Some(value) = &self.json {
            let named = self.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
            let response = if named { response } else { response.header("content-type", "application/json") };
            return response.body(value.to_string().replace(SERVER, origin));
        }
        match (&self.text, &self.base64) {
            (Some(text), _) => response.body(text.replace(SERVER, origin)),
            (None, Some(bytes)) => response.body(STANDARD.decode(bytes).unwrap()),
            (None, None) => response,
        }
    }
}

/// A provider in front of a world that answers for all of its servers.
struct Stage {
    provider: Provider,
    always: Always,
    answers: Arc<Mutex<VecDeque<Response>>>,
    world: World,
    env: Env,
}

impl Stage {
    fn new(provider: Provider, exchanges: &Exchanges) -> Result<Self, String> {
        let answers: Arc<Mutex<VecDeque<Response>>> = Arc::default();
        let left = answers.clone();
        let nothing = || Response::new(500).body("the case has no answer for this request");
        let world = World::start(move |_| left.lock().unwrap().pop_front().unwrap_or_else(nothing).into());
        let mut env = Env::new().with("ANGELIA_HTTP_RETRIES", "0");
        let mut fields: BTreeMap<&str, String> = BTreeMap::new();
        for field in &provider.credentials {
            if let Some(value) = exchanges.credentials.get(&field.key).or(field.default.as_ref()) {
                let value = if field.kind == CredentialKind::Url { moved(value, &world)? } else { value.clone() };
                fields.insert(&field.key, value);
            }
        }
        for key in exchanges.credentials.keys() {
            let value = fields.get(key.as_str()).ok_or_else(|| format!("credentials.{key} is no credential of this provider"))?;
            env = env.with(&format!("ANGELIA_{}_{}", provider.id, key).to_uppercase(), value);
        }
        env.config(&settings(&provider, &fields, &world)?);
        Ok(Self { provider, always: exchanges.expect.clone(), answers, world, env })
    }

    /// Makes the call of a case; everything that is not as the case says.
    fn play(&self, function: &str, case: &Case) -> Vec<String> {
        let steps = case.steps();
        *self.answers.lock().unwrap() = steps.iter().map(|step| step.response.response(&self.world.origin())).collect();
        let name = format!("{}.{function}", self.provider.id);
        let words = ["integrations:call", &name, "-", "--json", "--all"];
        let run = self.env.run_with_stdin(&words[..if case.all { 5 } else { 4 }], &case.arguments.to_string());
        let mut said = self.requests(&steps, &self.world.take());
        said.extend(self.envelope(case, &name, &run));
        said
    }

    fn requests(&self, steps: &[Step], got: &[Request]) -> Vec<String> {
        let mut said = Vec::new();
        for (number, (step, request)) in steps.iter().zip(got).enumerate() {
            let at = if steps.len() > 1 { format!("request {}: ", number + 1) } else { String::new() };
            said.extend(compare::request(&step.request, &self.always, request).into_iter().map(|line| format!("{at}{line}")));
        }
        for step in steps.iter().skip(got.len()) {
            said.push(format!("expected {} {}, nothing was sent", step.request.method, step.request.path));
        }
        for request in got.iter().skip(steps.len()) {
            said.push(format!("expected no further request, got {} {}", request.method, request.target));
        }
        said
    }

    fn envelope(&self, case: &Case, name: &str, run: &Run) -> Vec<String> {
        let Ok(envelope) = serde_json::from_str::<Value>(&run.stdout) else {
            return vec![format!("expected an envelope, got {}", cut(&run.snapshot()))];
        };
        let mut said = Vec::new();
        if envelope["function"] != name {
            said.push(format!("function: expected {name}, got {}", envelope["function"]));
        }
        let success = (envelope["success"] == true, run.code == 0);
        match (&case.result, &case.error) {
            (Some(result), _) if success == (true, true) => {
                let result = serde_json::from_str(&result.to_string().replace(SERVER, &self.world.origin())).unwrap();
                said.extend(compare::values(&result, &envelope["data"]).into_iter().map(|line| format!("data{line}")));
            }
            (None, Some(error)) if success == (false, false) => said.extend(refusal(error, &envelope)),
            (expected, _) => {
                let expected = if expected.is_some() { "success" } else { "failure" };
                said.push(format!("expected {expected}, got exit code {} and {}", run.code, cut(&told(&envelope))));
            }
        }
        said
    }
}

fn refusal(error: &Refusal, envelope: &Value) -> Vec<String> {
    let detail = &envelope["error_detail"];
    let mut said = Vec::new();
    let mut equal = |what: &str, wanted: Option<Value>| {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != detail[what]) {
            said.push(format!("{what}: expected {wanted}, got {} ({})", detail[what], cut(&told(envelope))));
        }
    };
    equal("code", Some(Value::from(error.code.as_str())));
    equal("http_status", error.http_status.map(Value::from));
    equal("request_id", error.request_id.as_deref().map(Value::from));
    if let Some(part) = &error.message
        && !envelope["error"].as_str().is_some_and(|message| message.contains(part))
    {
        said.push(format!("error: expected a part {part:?}, got {}", envelope["error"]));
    }
    said
}

/// An envelope in short.
fn told(envelope: &Value) -> String {
    let problems = &envelope["error_detail"]["problems"];
    match &envelope["error"] {
        Value::Null => envelope["data"].to_string(),
        error => format!("{error} {} {problems}", envelope["error_detail"]["code"]),
    }
}

/// A base URL with the world for its scheme, host and port.
fn moved(url: &str, world: &World) -> Result<String, String> {
    let url = url::Url::parse(url).map_err(|error| format!("server {url}: {error}"))?;
    Ok(format!("{}{}", world.origin(), url.path().trim_end_matches('/')))
}

fn settings(provider: &Provider, fields: &BTreeMap<&str, String>, world: &World) -> Result<String, String> {
    let id = &provider.id;
    let rules = "enabled = true\nread = \"allow\"\nwrite = \"allow\"\ndestructive = \"allow\"\nallow_private = true";
    let mut text = format!("[integrations.{id}]\n{rules}\n[integrations.{id}.servers]\n");
    for (name, url) in &provider.servers {
        let mut url = url.as_str().unwrap_or_default().to_owned();
        for (key, value) in fields {
            url = url.replace(&format!("{{{key}}}"), value);
        }
        text.push_str(&format!("{name} = \"{}\"\n", moved(&url, world)?));
    }
    Ok(text)
}

fn providers() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn yaml<T: serde::de::DeserializeOwned>(folder: &Path, file: &str) -> Result<T, String> {
    let text = std::fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
    serde_saphyr::from_str(&text).map_err(|error| format!("{file}: {error}"))
}

fn has_exchanges(folder: &Path) -> bool {
    folder.join("exchanges.yaml").is_file()
}

/// Plays every case of a provider; everything that is wrong, and how many cases there were.
fn play(folder: &Path) -> Result<(Vec<String>, usize), String> {
    let (provider, exchanges): (Provider, Exchanges) = (yaml(folder, "provider.yaml")?, yaml(folder, "exchanges.yaml")?);
    let mut failures = Vec::new();
    for function in provider.functions.iter().filter(|function| !exchanges.exchanges.contains_key(&function.id)) {
        failures.push(format!("{}.{}: has no exchange", provider.id, function.id));
    }
    let stage = Stage::new(provider, &exchanges)?;
    let id = &stage.provider.id;
    for (function, cases) in &exchanges.exchanges {
        if !stage.provider.functions.iter().any(|known| known.id == *function) {
            failures.push(format!("{id}.{function}: is no function of this provider"));
            continue;
        }
        for (number, case) in cases.iter().enumerate() {
            let said = stage.play(function, case);
            if !said.is_empty() {
                let title = case.title.as_ref().map(|title| format!(" ({title})")).unwrap_or_default();
                failures.push(format!("{id}.{function}[{number}]{title}\n      {}", said.join("\n      ")));
            }
        }
    }
    failures.extend(stage.world.problems().into_iter().map(|problem| format!("{id}: sent what is no HTTP/1.1: {problem}")));
    Ok((failures, exchanges.exchanges.values().map(Vec::len).sum()))
}

#[test]
fn every_function_sends_and_answers_what_its_exchanges_say() {
    let folders: Vec<PathBuf> = providers().into_iter().filter(|folder| has_exchanges(folder)).collect();
    let played: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = folders.iter().map(|folder| scope.spawn(|| play(folder))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(String::from("the test itself panicked, see above"))))
            .collect()
    });
    let (mut report, mut cases) = (String::new(), 0);
    for (folder, outcome) in folders.iter().zip(played) {
        let (failures, count) = outcome.unwrap_or_else(|why| (vec![why], 0));
        cases += count;
        if !failures.is_empty() {
            report.push_str(&format!("\n{}: {} of {count} cases\n    {}\n", folder.display(), failures.len(), failures.join("\n    ")));
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(cases >= 800, "only {cases} cases were played");
}

#[test]
fn every_exchanges_file_fits_its_schema() {
    let schema = include_str!("../schemas/exchanges.json");
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let mut failures = Vec::new();
    for folder in providers().into_iter().filter(|folder| has_exchanges(folder)) {
        match yaml::<Value>(&folder, "exchanges.yaml") {
            Ok(value) => failures.extend(
                validator
                    .iter_errors(&value)
                    .map(|error| format!("{}{}: {}", folder.display(), error.instance_path(), cut(&error.to_string()))),
            ),
            Err(why) => failures.push(format!("{}: {why}", folder.display())),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn only_local_functions_need_no_exchanges() {
    let mut local = Vec::new();
    for folder in providers().into_iter().filter(|folder| !has_exchanges(folder)) {
        let provider: Provider = yaml(&folder, "provider.yaml").unwrap();
        assert!(provider.functions.iter().all(|function| function.native.is_some()), "{} has no exchanges.yaml", folder.display());
        local.push(provider.id);
    }
    assert_eq!(local, ["data"]);
}

/// The referee sees what is wrong: otherwise the test above could pass by seeing nothing.
#[test]
fn a_case_that_does_not_hold_is_told() {
    let folder = providers().into_iter().find(|folder| folder.ends_with("todoist")).unwrap();
    let exchanges: Exchanges = yaml(&folder, "exchanges.yaml").unwrap();
    let stage = Stage::new(yaml(&folder, "provider.yaml").unwrap(), &exchanges).unwrap();
    let judged = |case: &str| stage.play("get_user", &serde_saphyr::from_str::<Case>(case).unwrap()).join("\n");

    assert_eq!(judged("{arguments: {}, request: {method: GET, path: /api/v1/user}, response: {json: {id: 1}}, result: {id: 1}}"), "");
    let wrong = judged("{arguments: {}, request: {method: PUT, path: /user, query: {a: b}}, response: {json: {id: 1}}, result: {id: 2}}");
    for part in ["method: ", "path: ", "query: ", "data/id: expected 2, got 1"] {
        assert!(wrong.contains(part), "{part} in {wrong}");
    }
    let one = "{request: {method: GET, path: /api/v1/user}, response: {json: {}}}";
    assert!(judged(&format!("{{arguments: {{}}, steps: [{one}, {one}], result: {{}}}}")).contains("nothing was sent"));
    let refused = "{arguments: {}, request: {method: GET, path: /api/v1/user}, response: {status: 403, json: {error: 'no'}}, ";
    assert!(judged(&format!("{refused} result: {{}}}}")).contains("expected success"));
    assert_eq!(judged(&format!("{refused} error: {{code: provider_error, message: 'no', http_status: 403}}}}")), "");
    let wrong = judged(&format!("{refused} error: {{code: rate_limited, message: nono, http_status: 404, request_id: r}}}}"));
    for part in ["code: ", "error: ", "http_status: ", "request_id: "] {
        assert!(wrong.contains(part), "{part} in {wrong}");
    }
    assert!(judged("{arguments: {x: 1}, request: {method: GET, path: /api/v1/user}, response: {}, result: {}}").contains("/x"));
}
