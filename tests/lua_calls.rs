//! What scripts do with many calls: side by side, page by page, rehearsed and approved, recorded and replayed. Against a small issue tracker
//! on loopback, whose answers take their time when asked to; and the examples of the reference against Plane's exchange data.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::contract::mirrors::Report;
use crate::exchanges;
use crate::support::home::Home;
use crate::support::server::{Reply, Request, Server};

const MANIFEST: &str = r#"
id: tracker
title: Tracker
description: Issues and comments.
category: test
auth_strategy: none
servers: {default: "http://127.0.0.1:1"}
errors: {message: [message]}
functions:
  - id: list_issues
    title: List
    description: Lists issues.
    operation: read
    request: GET /issues
    parameters: {cursor: {type: string, description: Cursor.}, limit: {type: integer, description: A page.}}
    pagination: {style: cursor, items: issues, parameter: cursor, limit: limit, next: next, max_page_size: 2}
    examples: [{arguments: {}}]
  - id: get_issue
    title: Get
    description: Returns an issue.
    operation: read
    request: GET /issues/{number}
    parameters: {number: {type: integer, description: Its number.}}
    required: [number]
    examples: [{arguments: {number: 1}}]
  - id: create_issue
    title: Create
    description: Makes an issue.
    operation: write
    request: POST /issues
    parameters: {title: {type: string, description: Title.}}
    required: [title]
    output: {type: object, properties: {number: {type: integer}, url: {type: string, format: uri}, labels: {type: array, items: {type: string}}}}
    examples: [{arguments: {title: a}}]
  - id: comment
    title: Comment
    description: Writes a comment.
    operation: write
    request: POST /issues/{number}/comments
    parameters: {number: {type: integer, description: Issue.}, text: {type: string, description: Text.}}
    required: [number, text]
    examples: [{arguments: {number: 1, text: a}}]
  - id: close_issue
    title: Close
    description: Closes an issue.
    operation: destructive
    request: DELETE /issues/{number}
    parameters: {number: {type: integer, description: Issue.}}
    required: [number]
    examples: [{arguments: {number: 1}}]
"#;

/// The provider, its service, and how many requests were under way at once.
struct Tracker {
    home: Home,
    server: Server,
    most: Arc<AtomicUsize>,
}

impl Tracker {
    fn new(rules: &str) -> Self {
        Self::slow(rules, 0)
    }

    /// Each answer takes so many milliseconds.
    fn slow(rules: &str, pause: u64) -> Self {
        let (now, most) = (AtomicUsize::new(0), Arc::<AtomicUsize>::default());
        let (seen, made) = (most.clone(), Mutex::new(40));
        let server = Server::start(move |request| {
            seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(pause));
            now.fetch_sub(1, Ordering::SeqCst);
            answer(request, &made)
        });
        let home = Home::new();
        home.manifest("tracker", MANIFEST);
        let tracker = Self { home, server, most };
        tracker.rules(rules);
        tracker
    }

    fn rules(&self, rules: &str) {
        let origin = self.server.origin();
        self.home
            .config(&format!("[integrations.tracker]\nenabled = true\nallow_private = true\nservers.default = \"{origin}\"\n{rules}\n"));
    }

    /// Runs Lua in which `tracker` is the provider.
    fn lua(&self, code: &str, more: &[&str]) -> (i32, Report) {
        let code = format!("local tracker = app.integrations.tracker {code}");
        let run = self.home.run(&[&["integrations:lua", "--json", "--eval", &code], more].concat());
        (run.code, serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}")))
    }

    /// The result of Lua that must succeed.
    fn result(&self, code: &str) -> Value {
        let (exit, report) = self.lua(code, &[]);
        assert_eq!(exit, 0, "{code}: {:?}", report.error.0);
        report.result
    }

    /// The digest of a dry run that must succeed.
    fn plan(&self, code: &str) -> String {
        let (exit, report) = self.lua(code, &["--dry-run"]);
        assert_eq!(exit, 0, "{code}: {:?}", report.error.0);
        report.meta.plan.0.unwrap().digest.0.unwrap()
    }

    fn approved(&self, code: &str, digest: &str) -> (i32, Report) {
        self.lua(code, &["--approve", digest])
    }

    /// Writes that the service saw, as `METHOD path body`.
    fn writes(&self) -> Vec<String> {
        let told = |request: &Request| {
            format!("{} {} {}", request.method, request.target, String::from_utf8_lossy(&request.body)).trim().to_owned()
        };
        self.server.requests().iter().filter(|request| request.method != "GET").map(told).collect()
    }

    fn count(&self) -> usize {
        self.server.requests().len()
    }
}

/// Seven issues in pages of two; a new one gets the next number.
fn answer(request: &Request, made: &Mutex<u64>) -> Reply {
    let json = |value: Value| Reply::ok(value.to_string().as_bytes());
    let issue = |number: u64| json!({"number": number, "title": format!("issue {number}")});
    let last = request.path().rsplit('/').next().unwrap_or_default();
    match (request.method.as_str(), last) {
        ("GET", "issues") => {
            let from: u64 = request.query("cursor").map_or(1, |cursor| cursor.parse().unwrap());
            let issues: Vec<Value> = (from..from + 2).filter(|number| *number <= 7).map(issue).collect();
            json(json!({"issues": issues, "next": (from + 2 <= 7).then(|| (from + 2).to_string())}))
        }
        ("GET", "404") => Reply::status(404).body(br#"{"message": "no such issue"}"#),
        ("GET", number) => json(issue(number.parse().unwrap())),
        ("POST", "issues") => {
            let mut made = made.lock().unwrap();
            *made += 1;
            json(json!({"number": *made, "url": format!("https://tracker.example/{made}"), "labels": ["new"]}))
        }
        ("POST", _) => json(json!({"id": "c1"})),
        _ => Reply::status(204),
    }
}

const OPEN: &str = "read = \"allow\"\nwrite = \"allow\"";

#[test]
fn tasks_call_side_by_side_and_keep_their_order() {
    let tracker = Tracker::slow(OPEN, 400);
    let numbers = "local numbers = {} for number = 1, 16 do numbers[number] = number end ";
    let map = "async.map(numbers, function(number) return tracker.get_issue{number = number}.number end";
    let from = Instant::now();
    let got = tracker.result(&format!("{numbers} return {map}, {{concurrency = 16}})"));
    assert_eq!(got, json!((1..=16).collect::<Vec<u64>>()));
    assert_eq!(tracker.most.load(Ordering::SeqCst), 16, "all at once");
    assert!(from.elapsed() < Duration::from_secs(4), "16 calls of 400 ms took {:?}", from.elapsed());
    let tracker = Tracker::slow(OPEN, 150);
    for (options, most) in [("", 8), (", {concurrency = 3}", 3), (", {concurrency = 1}", 1)] {
        tracker.most.store(0, Ordering::SeqCst);
        tracker.result(&format!("{numbers} return {map} {options})"));
        assert_eq!(tracker.most.load(Ordering::SeqCst), most, "{options}");
    }
    tracker.most.store(0, Ordering::SeqCst);
    let got = tracker.result("return async.all{one = function() return tracker.get_issue{number = 1}.number end, list = function() return #tracker.list_issues{}.issues end}");
    assert_eq!((got, tracker.most.load(Ordering::SeqCst)), (json!({"one": 1, "list": 2}), 2));
}

#[test]
fn a_failing_task_is_collected_stops_the_others_or_is_told_at_the_end() {
    let tracker = Tracker::new(OPEN);
    let map = |options: &str| {
        format!("async.map({{1, 404, 3, 404, 5}}, function(number) return tracker.get_issue{{number = number}}.number end, {options})")
    };
    let got = tracker.result(&format!(
        "local results, errors = {} return {{results[1], results[3], results[5], errors[2].code, errors[4].http_status, errors[1] == nil}}",
        map("{on_error = 'collect'}")
    ));
    assert_eq!((got, tracker.count()), (json!([1, 3, 5, "provider_error", 404, true]), 5));
    let (exit, report) = tracker.lua(&format!("return {}", map("{on_error = 'finish'}")), &[]);
    let message = report.error.0.unwrap();
    assert_eq!((exit, tracker.count(), report.calls), (6, 10, 5), "the others were made");
    assert!(message.contains("2 of 5 failed; the first: Tracker answered 404: no such issue"), "{message}");
    let (exit, report) = tracker.lua(&format!("return {}", map("{on_error = 'stop', concurrency = 1}")), &[]);
    assert_eq!((exit, tracker.count(), report.calls), (6, 12, 2), "nothing more is started");
    let caught = tracker
        .result(&format!("local ok, e = pcall(function() {} end) return {{e.code, e.results[1], e.errors[2].http_status}}", map("nil")));
    assert_eq!(caught, json!(["provider_error", 1, 404]));
}

#[test]
fn pages_are_fetched_as_they_are_read() {
    let tracker = Tracker::new(OPEN);
    let requests = |code: &str| {
        let before = tracker.count();
        let result = tracker.result(code);
        (result, tracker.count() - before)
    };
    let numbers = "local seen = json.array() for issue in tracker.list_issues:each({}, OPTIONS) do seen[#seen + 1] = issue.number WHEN end return seen";
    let each = |options: &str, when: &str| requests(&numbers.replace("OPTIONS", options).replace("WHEN", when));
    assert_eq!(each("nil", ""), (json!([1, 2, 3, 4, 5, 6, 7]), 4));
    assert_eq!(each("nil", "if #seen == 1 then break end"), (json!([1]), 1));
    assert_eq!(each("nil", "if #seen == 2 then break end"), (json!([1, 2]), 1), "what is on the page needs no further one");
    assert_eq!(each("nil", "if #seen == 3 then break end"), (json!([1, 2, 3]), 2));
    assert_eq!(each("{max_items = 4}", ""), (json!([1, 2, 3, 4]), 2));
    assert_eq!(each("{max_pages = 3}", ""), (json!([1, 2, 3, 4, 5, 6]), 3));
    assert_eq!(requests("return tracker.list_issues:each{} ~= nil"), (json!(true), 0), "nothing is read before it is asked for");
    assert_eq!(requests("return #tracker.list_issues{}.issues"), (json!(2), 1));
    assert_eq!(requests("return #tracker.list_issues:all({})"), (json!(7), 4));
    assert_eq!(requests("return #tracker.list_issues:all({}, {max_pages = 2})"), (json!(4), 2));
    let (exit, report) = tracker.lua("for issue in tracker.list_issues:each{} do if issue.number == 3 then error('enough') end end", &[]);
    assert_eq!((exit, report.call_log.len(), report.call_log[0].effect.as_str()), (8, 1, "none"));
    assert!(report.call_log[0].call_id.0.is_some(), "a list that is left early is in the log");
}

#[test]
fn lists_are_read_side_by_side() {
    let tracker = Tracker::slow(OPEN, 100);
    let got = tracker.result(
        "return async.map({1, 2, 3}, function() local sum = 0 for issue in tracker.list_issues:each{} do sum += issue.number end return sum end)",
    );
    assert_eq!((got, tracker.count(), tracker.most.load(Ordering::SeqCst)), (json!([28, 28, 28]), 12, 3));
}

/// Reads, an issue, a comment on it whose text has its number and address, and the end of another one.
const WORK: &str = "local first = tracker.get_issue{number = 1}
    local made = tracker.create_issue{title = 'after ' .. first.title}
    tracker.comment{number = made.number, text = 'see ' .. made.url .. ' and ' .. made.number}
    tracker.close_issue{number = first.number}
    return made.number";

const DONE: [&str; 3] = [
    r#"POST /issues {"title":"after issue 1"}"#,
    r#"POST /issues/41/comments {"text":"see https://tracker.example/41 and 41"}"#,
    "DELETE /issues/1",
];

#[test]
fn a_dry_run_reads_and_lists_every_write() {
    let tracker = Tracker::new("read = \"allow\"\nwrite = \"ask\"");
    let (exit, report) = tracker.lua(WORK, &["--dry-run"]);
    let plan = report.meta.plan.0.unwrap();
    let digest = plan.digest.0.unwrap();
    assert_eq!((exit, tracker.writes().len(), tracker.count()), (0, 0, 1), "only the read was made: {:?}", report.error.0);
    let steps: Vec<_> = plan.requests.iter().map(|step| (step.function.as_str(), step.operation.as_str(), step.account.as_str())).collect();
    let wanted = [
        ("tracker.create_issue", "write", "default"),
        ("tracker.comment", "write", "default"),
        ("tracker.close_issue", "destructive", "default"),
    ];
    assert_eq!(steps, wanted);
    assert_eq!(plan.requests[0].request["body"], json!({"title": "after issue 1"}));
    assert!(report.call_log.iter().all(|call| call.effect == "none"), "nothing had an effect");
    assert_eq!(digest, tracker.plan(WORK), "the same script has the same plan");
    assert_ne!(digest, tracker.plan(&WORK.replace("see", "look")));
    let text = tracker.home.run(&["integrations:lua", "--dry-run", "--eval", &format!("local tracker = app.integrations.tracker {WORK}")]);
    for part in ["1. tracker.create_issue (write, account default)", "3. tracker.close_issue (destructive", &format!("--approve {digest}")]
    {
        assert!(text.stderr.contains(part), "{part}: {text:?}");
    }
    let (_, report) = tracker.lua("return tracker.get_issue{number = 1}.title", &["--dry-run"]);
    assert_eq!((report.result, report.meta.plan.0.unwrap().requests.len()), (json!("issue 1"), 0));
    let tickets = tracker.home.run(&["approvals:list", "--json"]).json();
    assert_eq!(tickets["approvals"], json!([]), "a dry run leaves no ticket");
}

#[test]
fn an_approved_plan_runs_exactly_once() {
    let tracker = Tracker::new("read = \"allow\"\nwrite = \"ask\"");
    let digest = tracker.plan(WORK);
    let (exit, report) = tracker.approved(WORK, &digest);
    assert_eq!((exit, tracker.writes()), (0, DONE.map(str::to_owned).to_vec()), "{:?}", report.error.0);
    let approved = report.meta.approved.0.unwrap();
    assert_eq!((report.result, approved.requests_left, approved.digest), (json!(41), 0, digest.clone()));
    let effects: Vec<&str> = report.call_log.iter().map(|call| call.effect.as_str()).collect();
    assert_eq!(effects, ["none", "succeeded", "succeeded", "succeeded"]);
    let (exit, report) = tracker.approved_json(WORK, &digest);
    assert_eq!((exit, report["error_detail"]["code"].as_str()), (4, Some("approval_required")), "a plan is used once: {report}");
    assert_eq!(tracker.writes().len(), 3);
    for (digest, exit, code) in [("f".repeat(64), 3, "not_found"), ("abc".into(), 2, "usage")] {
        let (left, report) = tracker.approved_json(WORK, &digest);
        assert_eq!((left, report["error_detail"]["code"].as_str()), (exit, Some(code)), "{report}");
    }
    assert_eq!(tracker.writes().len(), 3);
}

impl Tracker {
    /// An approved run that is refused before the script starts.
    fn approved_json(&self, code: &str, digest: &str) -> (i32, Value) {
        let code = format!("local tracker = app.integrations.tracker {code}");
        let run = self.home.run(&["integrations:lua", "--json", "--eval", &code, "--approve", digest]);
        (run.code, run.json())
    }
}

#[test]
fn a_plan_that_is_too_old_is_refused() {
    let tracker = Tracker::new(OPEN);
    tracker.rules("read = \"allow\"\nwrite = \"ask\"\n[approvals]\nttl_seconds = 1");
    let digest = tracker.plan(WORK);
    std::thread::sleep(Duration::from_millis(1300));
    let (exit, report) = tracker.approved_json(WORK, &digest);
    assert_eq!((exit, report["error_detail"]["code"].as_str(), tracker.count()), (4, Some("approval_required"), 1), "{report}");
}

#[test]
fn whatever_is_not_on_the_list_stops_before_it_is_sent() {
    let two = "tracker.create_issue{title = 'a'} tracker.create_issue{title = 'b'}";
    let table = [
        ("another value", "tracker.create_issue{title = 'a'} tracker.create_issue{title = 'c'}", 1),
        ("one more", "tracker.create_issue{title = 'a'} tracker.create_issue{title = 'b'} tracker.create_issue{title = 'c'}", 2),
        ("another order", "tracker.create_issue{title = 'b'} tracker.create_issue{title = 'a'}", 0),
        ("another function", "tracker.close_issue{number = 1}", 0),
        ("one is caught", "pcall(tracker.create_issue, {title = 'x'}) tracker.create_issue{title = 'a'}", 0),
    ];
    for (what, other, sent) in table {
        let tracker = Tracker::new("read = \"allow\"\nwrite = \"ask\"");
        let digest = tracker.plan(two);
        let (exit, report) = tracker.approved(other, &digest);
        let (error, detail) = (report.error.0.unwrap(), report.error_detail.0.unwrap());
        assert_eq!((exit, detail.code.as_str(), tracker.writes().len()), (4, "approval_required", sent), "{what}: {error}");
        assert!(detail.hints.iter().any(|hint| hint.contains("--dry-run")), "{what}: {:?}", detail.hints);
    }
    let tracker = Tracker::new("read = \"allow\"\nwrite = \"ask\"");
    let digest = tracker.plan(two);
    let (exit, report) = tracker.approved("tracker.create_issue{title = 'a'}", &digest);
    assert_eq!((exit, report.meta.approved.0.unwrap().requests_left), (0, 1), "fewer requests are told");
}

#[test]
fn approval_goes_over_ask_and_never_over_deny() {
    let tracker = Tracker::new("read = \"allow\"\nwrite = \"ask\"");
    let digest = tracker.plan(WORK);
    tracker.rules("read = \"allow\"\nwrite = \"ask\"\ndestructive = \"deny\"");
    let (exit, report) = tracker.approved(WORK, &digest);
    assert_eq!((exit, report.error_detail.0.unwrap().code.as_str()), (4, "permission_denied"));
    assert_eq!((tracker.writes().len(), report.call_log[3].effect.as_str()), (2, "denied"));
    let (exit, report) = tracker.lua(WORK, &["--dry-run"]);
    assert_eq!((exit, report.error_detail.0.unwrap().code.as_str()), (4, "permission_denied"), "a dry run says so");
    let no_plan = tracker.home.run(&["integrations:lua", "--eval", "return 1", "--dry-run", "--approve", &digest]);
    assert_eq!(no_plan.code, 2);
}

#[test]
fn a_plan_keeps_one_order_in_parallel_work() {
    let tracker = Tracker::slow("read = \"allow\"\nwrite = \"ask\"", 20);
    let code = "return async.map({'a', 'b', 'c', 'd'}, function(title) return tracker.create_issue{title = title}.number end)";
    let digest = tracker.plan(code);
    let (exit, report) = tracker.approved(code, &digest);
    assert_eq!((exit, report.result), (0, json!([41, 42, 43, 44])), "{:?}", report.error.0);
    assert_eq!(tracker.most.load(Ordering::SeqCst), 1);
}

#[test]
fn a_recorded_run_is_replayed_without_a_service() {
    let tracker = Tracker::new(OPEN);
    let code = "local titles = json.array() for issue in tracker.list_issues:each{} do titles[#titles + 1] = issue.title end
        return {titles = titles, made = tracker.create_issue{title = 'a'}.number}";
    let (exit, recorded) = tracker.lua(code, &["--record", "exchanges"]);
    assert_eq!((exit, tracker.count()), (0, 5));
    let (exit, replayed) = tracker.lua(code, &["--replay", "exchanges"]);
    assert_eq!((exit, tracker.count(), &replayed.result), (0, 5, &recorded.result), "{:?}", replayed.error.0);
    let (exit, report) = tracker.lua("return tracker.get_issue{number = 5}", &["--replay", "exchanges"]);
    assert_eq!((exit, report.error_detail.0.unwrap().code.as_str(), tracker.count()), (7, "unreachable", 5));
}

/// Plane on loopback with its exchange data.
fn plane(code: &str) -> Report {
    let (home, _server) = exchanges::service("plane");
    let run = home.run(&["integrations:lua", "--json", "--eval", code]);
    assert_eq!(run.code, 0, "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn the_reference_finds_a_project_and_prints_its_issues() {
    let report = plane(
        r#"
        local projects = app.integrations.plane.list_projects({
          workspace_slug = "acme"
        })
        local kosmo_project = nil
        for _, project in ipairs(projects.projects or {}) do
          if project.name == "KosmoKrator" then
            kosmo_project = project
            break
          end
        end
        if not kosmo_project then
          error("KosmoKrator project not found")
        end
        local issues = app.integrations.plane.list_issues({
          workspace_slug = "acme",
          project_id = kosmo_project.id,
          order_by = "-updated_at"
        })
        print(json.encode({
          project = kosmo_project.name,
          count = issues.count,
          issues = issues.issues
        }))
        "#,
    );
    let printed: Value = serde_json::from_str(&report.output).unwrap();
    assert_eq!(
        (&printed["project"], &printed["count"], &printed["issues"][0]["sequence_id"]),
        (&json!("KosmoKrator"), &json!(1), &json!(42))
    );
    assert_eq!(printed["issues"][0]["labels"], json!([]), "an empty list stays one");
    assert_eq!(printed["issues"][0].get("parent"), Some(&Value::Null), "a null stays one");
    let log: Vec<&str> = report.call_log.iter().map(|call| call.function.as_str()).collect();
    assert_eq!((log, report.result), (vec!["plane.list_projects", "plane.list_issues"], Value::Null));
}

#[test]
fn the_reference_searches_issues_and_lists_workspaces() {
    let report = plane(
        r#"
        local docs_text = docs.read("plane.search_issues")
        local issues = app.integrations.plane.search_issues({
          workspace_slug = "acme",
          search = "permission"
        })
        print(json.encode({
          docs_checked = type(docs_text) == "string",
          count = issues.count,
          issues = issues.issues
        }))
        local workspaces = app.integrations.plane.list_workspaces({})
        return { workspaces.workspaces[1].slug, app.integrations.plane.default.get_current_user({}).display_name }
        "#,
    );
    let printed: Value = serde_json::from_str(&report.output).unwrap();
    assert_eq!((&printed["docs_checked"], &printed["count"], &printed["issues"][0]["sequence_id"]), (&json!(true), &json!(1), &json!(42)));
    assert_eq!((report.result, report.calls), (json!(["acme", "robin"]), 3));
}
