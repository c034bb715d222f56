//! The dry run of a whole workflow, and its approval.
//!
//! A dry run makes the reads, and notes each write instead of sending it. The script gets a stand-in for the answer, typed by the
//! function's output schema, whose every value is a token that no real answer has. Where a later request holds a token, the plan
//! so says "what call 2 answered at /number". An approved run puts the real values in place and lets exactly these requests
//! through, in their order; at the first other one it ends.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::error::{Code, Error, Result};
use crate::base::json::{canonical, digest, escaped_key, plain};
use crate::base::quote::percent;

/// Integers from here on are tokens; still exact in Lua.
const INTEGER_TOKENS: i64 = 9_007_100_000_000_000;

/// So far are they from each other: a script that adds to one does not make another.
const APART: i64 = 1009;

/// Deepest part of an output schema that a stand-in follows.
const DEEPEST: usize = 8;

/// One request of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// `provider.function`.
    pub function: String,
    pub account: String,
    /// `read`, `write` or `destructive`. A read stands here when its arguments come from an earlier answer.
    pub operation: String,
    /// The exact request without secrets; tokens stand for what is not known yet.
    pub request: Value,
}

/// A value of an answer that is not known yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// The stand-in: a string or an integer.
    pub value: Value,
    /// Which step's answer, from 1.
    pub step: usize,
    /// JSON Pointer into the answer.
    pub pointer: String,
}

/// What a dry run would have done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub tokens: Vec<Token>,
}

impl Plan {
    /// Names exactly this list of requests.
    pub fn digest(&self) -> String {
        digest(&serde_json::to_value(self).unwrap_or_default())
    }

    /// Notes a request; answers the stand-in for what it would have answered.
    pub fn note(&mut self, step: Step, output: Option<&Value>, arguments: &Map<String, Value>) -> Value {
        self.steps.push(step);
        let number = self.steps.len();
        match output {
            Some(schema) => self.stand_in(schema, number, &mut String::new(), 0),
            None => {
                // What was made usually has what it was made from, and an id.
                let mut made = arguments.clone();
                made.insert(String::from("id"), self.token(number, "/id", "string", None));
                Value::Object(made)
            }
        }
    }

    /// The tokens that stand in requests: what is not known yet of them.
    pub fn open(&self) -> Vec<&Token> {
        let texts: Vec<String> = self.steps.iter().map(|step| step.request.to_string()).collect();
        self.tokens.iter().filter(|token| texts.iter().any(|text| token.stands_in(text))).collect()
    }

    /// Whether a value holds a token.
    pub fn knows(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.tokens.iter().any(|token| token.stands_in(text)),
            Value::Number(_) => self.tokens.iter().any(|token| token.value == *value),
            Value::Array(items) => items.iter().any(|item| self.knows(item)),
            Value::Object(members) => members.values().any(|member| self.knows(member)),
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn stand_in(&mut self, schema: &Value, step: usize, pointer: &mut String, depth: usize) -> Value {
        let kind = match schema.get("type") {
            Some(Value::String(one)) => one.as_str(),
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null"),
            _ if schema.get("properties").is_some() => "object",
            _ => "null",
        };
        let length = pointer.len();
        match kind {
            "object" if depth < DEEPEST => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let members = properties.into_iter().flatten().map(|(name, schema)| {
                    pointer.push_str(&format!("/{}", escaped_key(name)));
                    let value = self.stand_in(schema, step, pointer, depth + 1);
                    pointer.truncate(length);
                    (name.clone(), value)
                });
                Value::Object(members.collect())
            }
            "array" if depth < DEEPEST => {
                pointer.push_str("/0");
                let item = schema.get("items").map(|items| self.stand_in(items, step, pointer, depth + 1));
                pointer.truncate(length);
                Value::Array(item.into_iter().filter(|item| !item.is_null()).collect())
            }
            "string" | "integer" | "number" => self.token(step, pointer, kind, schema.get("format").and_then(Value::as_str)),
            "boolean" => Value::Bool(false),
            _ => Value::Null,
        }
    }

    fn token(&mut self, step: usize, pointer: &str, kind: &str, format: Option<&str>) -> Value {
        let number = self.tokens.len() + 1;
        let value = match (kind, format) {
            ("integer" | "number", _) => Value::from(INTEGER_TOKENS + APART * i64::try_from(number).unwrap_or(0)),
            (_, Some("uuid")) => Value::from(format!("00000000-0000-4000-8000-{number:012}")),
            (_, Some("date-time")) => {
                Value::from(format!("1999-01-{:02}T{:02}:{:02}:07Z", number / 1440 % 28 + 1, number / 60 % 24, number % 60))
            }
            (_, Some("date")) => Value::from(format!("{:04}-07-07", 1000 + number % 900)),
            (_, Some("email")) => Value::from(format!("dry-run-{number}@dry-run.invalid")),
            (_, Some("uri")) => Value::from(format!("https://dry-run.invalid/{number}-")),
            _ => Value::from(self.name(step, pointer)),
        };
        self.tokens.push(Token { value: value.clone(), step, pointer: pointer.to_owned() });
        value
    }
}

impl Plan {
    /// Where a parameter wants a number and a text stands in for what is not known, a number stands in for it: an answer without an
    /// output schema does not say its types.
    pub fn fit(&mut self, arguments: &mut Map<String, Value>, parameters: &Map<String, Value>) {
        for (name, value) in arguments.iter_mut() {
            let wanted = parameters.get(name).and_then(|schema| schema.get("type")).and_then(Value::as_str);
            let known = self.tokens.iter().find(|token| value.is_string() && token.value == *value);
            if let (Some("integer" | "number"), Some((step, pointer))) = (wanted, known.map(|token| (token.step, token.pointer.clone()))) {
                *value = self.token(step, &pointer, "integer", None);
            }
        }
    }

    /// A text that names a step and a part of its answer, such as `dry-run-3-user-id`; it stands in URLs as it is.
    fn name(&self, step: usize, pointer: &str) -> String {
        let path = pointer.trim_start_matches('/').replace('/', "-");
        let kept: String = path.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect();
        let name = format!("dry-run-{step}-{kept}");
        let taken = self.tokens.iter().any(|token| token.value.as_str() == Some(&name));
        if taken { format!("{name}-{}", self.tokens.len()) } else { name }
    }
}

impl Token {
    fn text(&self) -> String {
        plain(&self.value)
    }

    /// Whether a text holds this token, plain or as in a URL.
    fn stands_in(&self, text: &str) -> bool {
        let own = self.text();
        text.contains(&own) || text.contains(&percent(&own))
    }
}

/// A run that may make exactly the requests of a plan.
pub struct Approved {
    digest: String,
    left: VecDeque<Step>,
    tokens: Vec<Token>,
    answers: HashMap<usize, Value>,
    made: usize,
    /// Uses the plan up; called before its first write.
    spend: Option<Spend>,
    /// Why the run ended.
    failed: Option<Error>,
}

/// Uses a plan up, so that it runs once.
pub type Spend = Box<dyn FnOnce() -> Result<()> + Send>;

impl Approved {
    /// At the beginning of a plan.
    pub fn new(digest: String, plan: Plan, spend: Spend) -> Self {
        Self { digest, left: plan.steps.into(), tokens: plan.tokens, answers: HashMap::new(), made: 0, spend: Some(spend), failed: None }
    }

    /// The plan's digest.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The plan's digest, and how many of its requests were not made.
    pub fn state(&self) -> (String, usize) {
        (self.digest.clone(), self.left.len())
    }

    /// Whether a read is the plan's next step; answers its number.
    pub fn read(&mut self, step: &Step) -> Option<usize> {
        let next = self.left.front().filter(|next| next.operation == "read" && next.function == step.function)?;
        self.same(next, step).then(|| self.advance())
    }

    /// Why nothing more is let through; a workflow inside may have met it.
    pub fn failed(&self) -> Option<Error> {
        self.failed.clone()
    }

    /// Lets the plan's next write through and answers its number; at any other request the run ends.
    pub fn write(&mut self, step: &Step) -> Result<usize> {
        if let Some(error) = self.failed() {
            return Err(error);
        }
        self.next(step).map_err(|error| self.failed.insert(error).clone())
    }

    fn next(&mut self, step: &Step) -> Result<usize> {
        let number = self.made + 1;
        let refused = |what: String| {
            Err(Error::new(
                Code::ApprovalRequired,
                format!("Request {number} is not the approved one: {what}. It was not sent, and the run ended"),
            )
            .hint("angelia integrations:lua FILE --dry-run shows what the workflow would do now")
            .hint("Requests before it were made; the call log names them"))
        };
        let Some(next) = self.left.front() else {
            return refused(format!("{} comes after the end of the approved list", step.function));
        };
        if next.function != step.function || next.account != step.account {
            return refused(format!("{} as {} instead of {} as {}", step.function, step.account, next.function, next.account));
        }
        if !self.same(next, step) {
            let (wanted, given) = (shown(&self.expected(next)), shown(&bare(&step.request)));
            return refused(format!("{} would send {given} instead of {wanted}", step.function));
        }
        if let Some(spend) = self.spend.take() {
            spend()?;
        }
        Ok(self.advance())
    }

    /// Keeps what a step answered: later requests may hold parts of it.
    pub fn answered(&mut self, step: usize, data: &Value) {
        self.answers.insert(step, data.clone());
    }

    fn advance(&mut self) -> usize {
        self.left.pop_front();
        self.made += 1;
        self.made
    }

    fn same(&self, next: &Step, step: &Step) -> bool {
        canonical(&self.expected(next)) == canonical(&bare(&step.request))
    }

    /// A step's request with the real values in place of tokens.
    fn expected(&self, step: &Step) -> Value {
        let mut known: Vec<(&Token, &Value)> =
            self.tokens.iter().filter_map(|token| Some((token, self.answers.get(&token.step)?.pointer(&token.pointer)?))).collect();
        // One name may begin another.
        known.sort_by_key(|(token, _)| std::cmp::Reverse(token.text().len()));
        let mut request = bare(&step.request);
        replace(&mut request, &known, false);
        request
    }
}

/// A request without its digest, which changes with every value.
fn bare(request: &Value) -> Value {
    let mut request = request.clone();
    if let Value::Object(members) = &mut request {
        members.shift_remove("digest");
    }
    request
}

/// Puts real values in place of tokens. In the URL of a request they are percent-encoded, though a token needs no encoding.
fn replace(value: &mut Value, known: &[(&Token, &Value)], url: bool) {
    match value {
        Value::String(text) => {
            if let Some((_, real)) = known.iter().find(|(token, _)| token.value.as_str() == Some(text)) {
                *value = (*real).clone();
                return;
            }
            for (token, real) in known {
                if token.stands_in(text) {
                    let (own, real) = (token.text(), plain(real));
                    let there = if url { percent(&real) } else { real.clone() };
                    *text = text.replace(&own, &there).replace(&percent(&own), &percent(&real));
                }
            }
        }
        Value::Number(_) => {
            if let Some((_, real)) = known.iter().find(|(token, _)| token.value == *value) {
                *value = (*real).clone();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, known, url)),
        Value::Object(members) => {
            let request = members.contains_key("method");
            members.iter_mut().for_each(|(name, member)| replace(member, known, request && name == "url"));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn shown(request: &Value) -> String {
    let text = match request.get("method") {
        Some(method) => format!("{} {} {}", plain(method), plain(&request["url"]), request["body"]),
        None => request.to_string(),
    };
    if text.chars().count() > 300 { format!("{}…", text.chars().take(300).collect::<String>()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(function: &str, request: Value) -> Step {
        Step { function: function.into(), account: "default".into(), operation: "write".into(), request }
    }

    fn output() -> Value {
        json!({"type": "object", "properties": {"number": {"type": "integer"}, "url": {"type": "string", "format": "uri"}, "name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}}})
    }

    #[test]
    fn an_approved_run_follows_values_from_answer_to_request() {
        let mut plan = Plan::default();
        let made = plan.note(
            step("a.create", json!({"method": "POST", "url": "https://x/issues", "body": {"title": "t"}})),
            Some(&output()),
            &Map::new(),
        );
        let number = made["number"].as_i64().unwrap();
        let name = made["name"].as_str().unwrap();
        assert!(plan.knows(&json!({"deep": [name]})) && plan.knows(&json!(number)) && !plan.knows(&json!({"x": 7})));
        let second = json!({"method": "POST", "url": format!("https://x/issues/{number}/{name}"), "body": {"ref": number, "text": format!("see {name}")}});
        plan.note(step("a.comment", second), Some(&output()), &Map::new());
        let plan: Plan = serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
        let run = |second: Value| {
            let mut approved = Approved::new(plan.digest(), plan.clone(), Box::new(|| Ok(())));
            let first = approved
                .write(&step("a.create", json!({"method": "POST", "url": "https://x/issues", "body": {"title": "t"}, "digest": "d"})))
                .unwrap();
            approved.answered(first, &json!({"number": 12, "name": "a b", "url": "https://x/12"}));
            approved.write(&step("a.comment", second)).map(|_| approved.state().1)
        };
        assert_eq!(run(json!({"method": "POST", "url": "https://x/issues/12/a%20b", "body": {"ref": 12, "text": "see a b"}})).unwrap(), 0);
        let other = run(json!({"method": "POST", "url": "https://x/issues/13/a%20b", "body": {"ref": 13, "text": "see a b"}})).unwrap_err();
        assert_eq!(other.code, Code::ApprovalRequired);
    }

    #[test]
    fn what_is_not_on_the_list_is_refused() {
        let mut plan = Plan::default();
        plan.note(step("a.create", json!({"url": "https://x/1"})), None, &Map::new());
        let run = |requests: &[(&str, &str)]| {
            let mut approved = Approved::new(plan.digest(), plan.clone(), Box::new(|| Ok(())));
            let made = requests.iter().map(|(function, url)| approved.write(&step(function, json!({"url": url}))).is_ok());
            made.collect::<Vec<bool>>()
        };
        assert_eq!(run(&[("a.create", "https://x/1"), ("a.create", "https://x/1")]), [true, false]);
        // After the first other request nothing is let through.
        assert_eq!(run(&[("a.delete", "https://x/1"), ("a.create", "https://x/1")]), [false, false]);
        assert_eq!(run(&[("a.create", "https://x/2"), ("a.create", "https://x/1")]), [false, false]);
    }

    #[test]
    fn equal_plans_have_equal_digests() {
        let plan = |title: &str| {
            let mut plan = Plan::default();
            plan.note(step("a.create", json!({"body": {"title": title}})), Some(&output()), &Map::new());
            plan.digest()
        };
        assert_eq!(plan("x"), plan("x"));
        assert_ne!(plan("x"), plan("y"));
    }
}
