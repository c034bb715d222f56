//! One request of a collection: its address in parts, and the function that it becomes.

use serde_json::{Map, Value, json};

use crate::base::json::text;
use crate::base::name::printable;
use crate::registry::function::{Example, Function, Operation};
use crate::registry::import::class::{Asked, class, is_action};
use crate::registry::import::parts::{Ids, free, function, give_example, id, id_of, singular, title};
use crate::registry::import::postman::secrets::{Signing, is_header, is_name, is_uuid, is_value};
use crate::registry::import::postman::{Shared, body};
use crate::registry::import::text::{remark_or, sentences};
use crate::registry::schema::Checker;
use crate::registry::sketch;

/// Longest sample value that is kept as an example.
const LONGEST_SAMPLE: usize = 400;

/// Where a request goes, as a server template, with the collection's names of the variables in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub template: String,
    pub variables: Vec<String>,
}

/// A parameter of a path.
#[derive(Debug)]
struct InPath {
    name: String,
    described: String,
    sample: String,
    /// An id stood there and no variable.
    literal: bool,
}

/// A header or a query parameter.
#[derive(Debug)]
pub(super) struct Pair {
    pub key: String,
    pub value: String,
    pub description: String,
    pub disabled: bool,
}

/// A request, read.
pub(super) struct Request<'a> {
    pub method: String,
    pub server: Server,
    /// With `{name}` for each parameter.
    pub path: String,
    in_path: Vec<InPath>,
    /// Whether its address holds a user name, a password or both.
    signed: bool,
    pub query: Vec<Pair>,
    pub headers: Vec<Pair>,
    body: Option<&'a Map<String, Value>>,
    described: String,
}

impl<'a> Request<'a> {
    /// Reads a request; the error says why it cannot be expressed.
    pub(super) fn read(raw: Option<&'a Value>, shared: &Shared<'_>) -> Result<Self, String> {
        let empty = Value::Null;
        let (method, url, members) = match raw {
            Some(Value::String(url)) => ("GET", Address::of_text(url), None),
            Some(Value::Object(members)) => {
                (text(members, "method").unwrap_or("GET"), Address::read(members.get("url").unwrap_or(&empty)), Some(members))
            }
            _ => return Err(String::from("it has no request")),
        };
        let method = method.trim().to_uppercase();
        if !matches!(method.as_str(), "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE") {
            return Err(format!("the method '{}' is not expressed", printable(&method)));
        }
        let url = url.ok_or("it has no address")?;
        let server = url.server()?;
        let (path, in_path) = url.path(shared)?;
        let pairs = |key: &str| members.and_then(|members| members.get(key)).map(read_pairs).unwrap_or_default();
        Ok(Self {
            method,
            server,
            path,
            in_path,
            signed: url.host.contains('@'),
            query: url.query,
            headers: pairs("header"),
            body: members
                .and_then(|members| members.get("body"))
                .and_then(Value::as_object)
                .filter(|body| !crate::base::json::flag(body, "disabled")),
            described: words_of(members.and_then(|members| members.get("description"))),
        })
    }

    /// The method, by what it does: a GraphQL query only looks, though it is sent by POST.
    pub(super) fn asks(&self) -> &str {
        if self.body.is_some_and(body::is_query) { "GET" } else { &self.method }
    }

    /// The function; without one, the last warning says why.
    pub(super) fn function(
        &self,
        name: &str,
        item: &Map<String, Value>,
        signing: &Signing,
        warnings: &mut Vec<String>,
    ) -> Option<Function> {
        let described = if self.described.is_empty() { words_of(item.get("description")) } else { self.described.clone() };
        let (operation, because) = self.class(text(item, "name").unwrap_or_default(), &described);
        let mut made = function(name, sentences(&described, &title(name)), operation);
        made.read_because = because;
        made.request = Some(format!("{} {}", self.method, self.path));
        made.idempotent = self.method == "PUT";
        let mut samples = Map::new();
        self.parameters(signing, &mut made, &mut samples, warnings);
        if let Some(raw) = self.body {
            match self.method.as_str() {
                "GET" | "HEAD" => warnings.push(String::from("the body of a GET is not sent")),
                _ => body::add(raw, &self.headers, &mut made, &mut samples, warnings),
            }
        }
        if made.graphql.is_some() && made.read_because.is_none() && made.operation == Operation::Read {
            made.read_because = Some(String::from("GraphQL queries are sent by POST."));
        }
        made.output = answered(item);
        finish(&mut made, samples);
        Some(made)
    }

    /// What it does to the world: an address such as `/api.php?action=delete` says so in its query.
    fn class(&self, name: &str, described: &str) -> (Operation, Option<String>) {
        let actions = self.query.iter().filter(|pair| is_action(&pair.key)).map(|pair| format!("{}={}", pair.key, pair.value));
        let path = format!("{}?{}", self.path, actions.collect::<Vec<_>>().join("&"));
        class(&Asked { method: &self.method, path: &path, id: Some(name), told: &[name, described] })
    }

    fn parameters(&self, signing: &Signing, made: &mut Function, samples: &mut Map<String, Value>, warnings: &mut Vec<String>) {
        if self.signed {
            warnings.push(String::from("the user name and password in its address are left out; an overlay can say how they are sent"));
        }
        for InPath { name, described, sample, literal } in &self.in_path {
            let schema = json!({"type": "string", "description": remark_or(described, &title(name)), "in": "path"});
            add(made, samples, name, schema, sample, true);
            if *literal {
                warnings.push(format!("the id in its path became the parameter '{name}'"));
            }
        }
        for pair in &self.query {
            let carries = signing.carriers.contains(&pair.key.to_lowercase());
            if carries || pair.key.is_empty() || pair.key.chars().any(char::is_control) {
                continue;
            }
            let schema = json!({"type": "string", "description": remark_or(&pair.description, &title(&id(&pair.key))), "in": "query"});
            add(made, samples, &pair.key, schema, if pair.disabled { "" } else { &pair.value }, false);
        }
        for pair in &self.headers {
            let key = pair.key.to_lowercase();
            let ours = matches!(
                key.as_str(),
                "content-type" | "accept" | "user-agent" | "host" | "content-length" | "connection" | "accept-encoding" | "cache-control"
            );
            if ours || signing.carriers.contains(&key) {
                continue;
            }
            if !is_header(&pair.key) {
                warnings.push(format!("the header '{}' is left out", printable(&pair.key)));
                continue;
            }
            let fixed =
                !pair.disabled && !pair.value.contains("{{") && !is_name(&pair.key) && !is_value(&pair.value) && !pair.value.is_empty();
            if fixed && !pair.value.chars().any(char::is_control) {
                made.headers.insert(pair.key.clone(), pair.value.as_str().into());
            } else {
                let schema = json!({"type": "string", "description": remark_or(&pair.description, &title(&id(&pair.key))), "in": "header"});
                add(made, samples, &pair.key, schema, "", false);
            }
        }
    }
}

/// Adds a parameter under a free name; its sample is kept unless it may be a secret.
pub(super) fn add(made: &mut Function, samples: &mut Map<String, Value>, wire: &str, mut schema: Value, sample: &str, required: bool) {
    let own = id(wire);
    let place = schema.get("in").and_then(Value::as_str).unwrap_or("body").to_owned();
    // A key that stands there again is one more value of the same parameter.
    let same = |(name, known): &(&String, &Value)| {
        let says = |word: &str| known.get(word).and_then(Value::as_str);
        made.wire_name(name) == wire && says("in") == Some(&place) && says("format").is_none() && place != "header"
    };
    if let Some(name) = made.parameters.iter().find(same).map(|(name, _)| name.clone()) {
        return again(made, samples, &name, sample);
    }
    let name = free(made, &own, &place);
    if name != wire && schema.get("as").is_none() {
        schema["as"] = wire.into();
    }
    if required {
        made.required.push(name.clone());
    }
    let shows = !sample.is_empty() && sample.len() <= LONGEST_SAMPLE && !sample.contains("{{") && !is_name(wire) && !is_value(sample);
    if shows && schema.get("type").and_then(Value::as_str) == Some("string") {
        samples.insert(name.clone(), crate::base::name::clean(sample).into());
    }
    made.parameters.insert(name, schema);
}

/// Makes a list of a parameter whose key stands there more than once.
fn again(made: &mut Function, samples: &mut Map<String, Value>, name: &str, sample: &str) {
    let Some(schema) = made.parameters.get_mut(name) else { return };
    if schema.get("type").and_then(Value::as_str) == Some("string") {
        schema["type"] = "array".into();
        schema["items"] = json!({"type": "string"});
        let first = samples.remove(name);
        samples.extend(first.map(|first| (name.to_owned(), json!([first]))));
    }
    let shows = !sample.is_empty() && sample.len() <= LONGEST_SAMPLE && !sample.contains("{{") && !is_name(name) && !is_value(sample);
    if let Some(Value::Array(list)) = samples.get_mut(name).filter(|_| shows) {
        list.push(crate::base::name::clean(sample).into());
    }
}

/// The example: what the collection sends, where that validates.
fn finish(made: &mut Function, samples: Map<String, Value>) {
    give_example(made);
    let Some(usual) = made.examples.first().cloned() else { return };
    let mut arguments = usual.arguments;
    arguments.extend(samples);
    let sound = Checker::new(made.input_schema()).is_ok_and(|checker| checker.problems(arguments.clone()).is_empty());
    if sound {
        made.examples = vec![Example { title: None, arguments }];
    }
}

/// What a saved answer of success looks like.
fn answered(item: &Map<String, Value>) -> Option<Value> {
    let saved = item.get("response").and_then(Value::as_array)?.iter().filter_map(Value::as_object);
    let good = |one: &&Map<String, Value>| one.get("code").and_then(Value::as_u64).is_none_or(|code| (200..300).contains(&code));
    let value = saved
        .filter(good)
        .find_map(|one| text(one, "body").filter(|body| body.len() <= 4 << 20).and_then(|body| serde_json::from_str::<Value>(body).ok()))?;
    Some(sketch::answer(&value))
}

/// A description, which may be an object that holds it.
pub(super) fn words_of(described: Option<&Value>) -> String {
    match described {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(members)) => text(members, "content").unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// Headers, query parameters or fields of a form: a list, or lines of text.
pub(super) fn read_pairs(raw: &Value) -> Vec<Pair> {
    match raw {
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_object)
            .map(|one| Pair {
                key: text(one, "key").unwrap_or_default().trim().to_owned(),
                value: one.get("value").map(crate::base::json::plain).unwrap_or_default(),
                description: words_of(one.get("description")),
                disabled: crate::base::json::flag(one, "disabled"),
            })
            .filter(|pair| !pair.key.is_empty())
            .collect(),
        Value::String(lines) => {
            let pair = |(key, value): (&str, &str)| Pair {
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
                description: String::new(),
                disabled: false,
            };
            lines.lines().filter_map(|line| line.split_once(':')).map(pair).collect()
        }
        _ => Vec::new(),
    }
}

/// An address in parts, with the collection's marks in them.
struct Address {
    /// `https://api.example.com`, or `{{baseUrl}}`.
    host: String,
    segments: Vec<String>,
    query: Vec<Pair>,
    /// Described path variables: name, description, sample.
    described: Vec<(String, String, String)>,
}

impl Address {
    fn read(raw: &Value) -> Option<Self> {
        let members = match raw {
            Value::String(url) => return Self::of_text(url),
            Value::Object(members) => members,
            _ => return None,
        };
        let mut made = Self::of_text(text(members, "raw").unwrap_or_default());
        let joined = |key: &str, with: &str| match members.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Array(parts)) => Some(
                parts
                    .iter()
                    .map(|part| part.as_str().or(part.get("value").and_then(Value::as_str)).unwrap_or_default())
                    .collect::<Vec<_>>()
                    .join(with),
            ),
            _ => None,
        };
        if made.is_none() {
            let host = joined("host", ".")?;
            let port = text(members, "port").map(|port| format!(":{port}")).unwrap_or_default();
            let scheme =
                if host.starts_with("{{") { String::new() } else { format!("{}://", text(members, "protocol").unwrap_or("https")) };
            made = Self::of_text(&format!("{scheme}{host}{port}/{}", joined("path", "/").unwrap_or_default().trim_start_matches('/')));
        }
        let mut made = made?;
        if let Some(query) = members.get("query").filter(|query| query.is_array()) {
            made.query = read_pairs(query);
        }
        for one in members.get("variable").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            let name = text(one, "key").or(text(one, "id")).unwrap_or_default();
            made.described.push((
                name.to_owned(),
                words_of(one.get("description")),
                one.get("value").map(crate::base::json::plain).unwrap_or_default(),
            ));
        }
        Some(made)
    }

    fn of_text(url: &str) -> Option<Self> {
        let url = url.trim().split('#').next().unwrap_or_default();
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() {
            return None;
        }
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            Pair { key: key.to_owned(), value: value.to_owned(), description: String::new(), disabled: false }
        };
        Some(Self {
            host: if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") },
            segments: path.split('/').map(str::to_owned).collect(),
            query: query.split('&').filter(|part| !part.is_empty()).map(pair).collect(),
            described: Vec::new(),
        })
    }

    fn server(&self) -> Result<Server, String> {
        let (template, variables) = braces(&self.host)?;
        // Whoever wrote a name and a password into an address meant them for himself.
        let (scheme, host) = template.split_once("://").map_or(("", template.as_str()), |(scheme, rest)| (scheme, rest));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let named = host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:_{}[]".contains(c)) && !host.is_empty();
        let template = match scheme {
            "http" | "https" => format!("{scheme}://{host}"),
            "" if host.starts_with('{') => host.to_owned(),
            "" => format!("https://{host}"),
            _ => return Err(format!("addresses with '{}' are not expressed", printable(scheme))),
        };
        let variables = variables.into_iter().filter(|name| template.contains(&format!("{{{}}}", id(name)))).collect();
        if named { Ok(Server { template, variables }) } else { Err(String::from("its host cannot be read")) }
    }

    fn path(&self, shared: &Shared<'_>) -> Result<(String, Vec<InPath>), String> {
        let marked = |segment: &String| match segment.strip_prefix(':') {
            Some(name) if !name.is_empty() => format!("{{{{{name}}}}}"),
            _ => segment.clone(),
        };
        let segments: Vec<(String, Vec<String>)> = self.segments.iter().map(|one| braces(&marked(one))).collect::<Result<_, _>>()?;
        let mut ids = Ids::default();
        segments.iter().flat_map(|(_, variables)| variables).for_each(|variable| _ = ids.take([id(variable)]));
        let mut named: Vec<InPath> = Vec::new();
        let mut path = String::new();
        let mut before = None;
        for (written, variables) in &segments {
            path.push('/');
            if variables.is_empty() && is_id_of_one(written, before) {
                let stem = before.filter(|before| !is_value(before)).map(|before| singular(&id(before)));
                let name = ids.take([stem.map_or_else(|| String::from("id"), |stem| id_of(&[stem.as_str(), "id"]))]);
                path.push_str(&format!("{{{name}}}"));
                let sample = if is_value(written) { String::new() } else { written.clone() };
                named.push(InPath { name, described: String::new(), sample, literal: true });
            } else {
                path.push_str(&encoded(written)?);
            }
            before = variables.is_empty().then_some(written.as_str());
            for variable in variables {
                let name = id(variable);
                if named.iter().any(|known| known.name == name) {
                    continue;
                }
                let known = self.described.iter().find(|(name, ..)| name == variable);
                let sample = known.map(|(_, _, sample)| sample.clone()).filter(|sample| !sample.is_empty());
                let sample = sample.or_else(|| shared.variables.get(variable.as_str()).cloned()).unwrap_or_default();
                let described = known.map(|(_, said, _)| said.clone()).unwrap_or_default();
                named.push(InPath { name, described, sample, literal: false });
            }
        }
        Ok((path, named))
    }
}

/// Whether a part of a path names one of many: an id of whoever made the collection, or a key; neither is anybody else's. A number behind
/// `api`, or where a path begins, is a version.
fn is_id_of_one(segment: &str, before: Option<&str>) -> bool {
    const VERSIONED: &[&str] = &["api", "apis", "rest", "version", "v"];
    let number = || !segment.is_empty() && segment.len() <= 20 && segment.bytes().all(|byte| byte.is_ascii_digit());
    let behind = || before.is_some_and(|before| !before.is_empty() && !VERSIONED.contains(&before.to_lowercase().as_str()));
    is_value(segment) || is_uuid(segment) || (number() && behind())
}

/// `{{base url}}/x` as `{base_url}/x`, and the names in it.
fn braces(text: &str) -> Result<(String, Vec<String>), String> {
    let (mut made, mut names, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").ok_or("a variable in its address has no end")?;
        made.push_str(before);
        made.push_str(&format!("{{{}}}", id(name)));
        names.push(name.trim().to_owned());
        rest = behind;
    }
    made.push_str(rest);
    Ok((made, names))
}

/// A segment that a URL can hold.
fn encoded(segment: &str) -> Result<String, String> {
    if matches!(segment, "." | "..") || segment.chars().any(|c| c.is_control() || matches!(c, '\\' | '"' | '<' | '>')) {
        return Err(String::from("its path cannot be written as a request"));
    }
    Ok(segment
        .chars()
        .map(|c| {
            if c == ' ' {
                String::from("%20")
            } else if c.is_ascii() {
                c.to_string()
            } else {
                percent_encoding::utf8_percent_encode(&c.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string()
            }
        })
        .collect())
}
