//! OpenAPI 3.0 and 3.1 and Swagger 2 as a provider. What a description says is believed where it can be seen, whatever version it claims;
//! an operation that is broken is left out with the reason and harms no other. Callbacks and webhooks are not imported: nobody calls them.

mod answer;
mod arguments;
mod body;
mod doc;
mod draft;
mod example;
mod implied;
mod media;
mod pages;
mod repeat;
mod schema;
mod security;
mod servers;

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::base::error::{Code, Error, Result};
use crate::base::name::{printable, slug};
use crate::registry::function::Function;
use crate::registry::import::class::{Asked, class};
use crate::registry::import::names::{self, Unnamed, names};
use crate::registry::import::openapi::doc::{Doc, says, word};
use crate::registry::import::openapi::draft::Draft;
use crate::registry::import::openapi::security::Security;
use crate::registry::import::openapi::servers::Servers;
use crate::registry::import::text::{sentences, title};
use crate::registry::import::{Document, Fate, Imported, Report, Wanted, parts};
use crate::registry::lint;
use crate::registry::manifest::{Links, OneOrMany, Provider};

/// The methods of a path, as the description writes them.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The most operations of one description.
const MOST: usize = 20_000;

/// One operation and where it stands.
struct Operation<'a> {
    method: String,
    path: &'a str,
    item: &'a Value,
    value: &'a Value,
    lists: bool,
}

impl Operation<'_> {
    fn named(&self) -> String {
        format!("{} {}", self.method, printable(self.path))
    }
}

/// What all operations share.
struct Shared<'a> {
    doc: Doc<'a>,
    servers: Servers,
    keys: HashSet<(String, String)>,
}

/// Makes a provider of a description.
pub fn import(document: &Document, wanted: &Wanted) -> Result<Imported> {
    let doc = Doc { root: &document.value, old: document.value.get("swagger").is_some() };
    let mut report = Report::default();
    let operations = operations(&doc, &mut report)?;
    let info = doc.root.get("info").unwrap_or(&Value::Null);
    let unnamed: Vec<Unnamed<'_>> = operations.iter().map(unnamed).collect();
    let asked: Vec<String> = operations.iter().map(Operation::named).collect();
    let names = names(&unnamed, &wanted.names.kept(asked.iter().map(String::as_str)));
    let values: Vec<&Value> = operations.iter().map(|one| one.value).collect();
    let mut security = security::security(&doc, &values, &wanted.source);
    let parameters: Vec<&Value> =
        operations.iter().flat_map(|one| arguments::declared(&doc, one.item, one.value, &mut Vec::new())).collect();
    security.by_header(&parameters);
    security.by_parameter(&parameters, operations.len());
    report.notes.extend(unexpressed(&doc, &operations));
    let mut shared = Shared { doc, servers: Servers::of(&doc, &wanted.source), keys: std::mem::take(&mut security.keys) };
    let mut provider = provider(info, document, wanted);
    provider.rate_limit = repeat::limits(&doc, &values, &mut report.notes);
    provider.functions = functions(&operations, &names, &unnamed, &mut shared, wanted, &mut report);
    place(&mut provider, shared.servers, security, &mut report);
    leave_out_what_is_wrong(&mut provider, &mut report);
    provider.verify = parts::verify(&provider.functions);
    Ok(Imported { provider, report })
}

/// The operations in their order; what is none of ours is in the report.
fn operations<'a>(doc: &Doc<'a>, report: &mut Report) -> Result<Vec<Operation<'a>>> {
    let Some(paths) = doc.root.get("paths").and_then(Value::as_object) else {
        return Err(Error::new(Code::InvalidPayload, "The description has no paths: there is nothing to call"));
    };
    let mut all = Vec::new();
    for (path, written) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
        let item = match doc.resolve(written) {
            Ok(item) => item,
            Err(why) => {
                report.operations.push(parts::left_out(&printable(path), why));
                continue;
            }
        };
        for (method, written) in METHODS.iter().filter_map(|method| Some((*method, item.get(method)?))) {
            let method = method.to_uppercase();
            match doc.resolve(written) {
                Ok(value) if value.is_object() => {
                    let answer = answer::answer(doc, value);
                    let lists = answer.schema.is_some_and(|schema| pages::is_list(doc, schema, path));
                    all.push(Operation { method, path, item, value, lists });
                }
                Ok(_) => {
                    report.operations.push(parts::left_out(&format!("{method} {}", printable(path)), String::from("it is not described")))
                }
                Err(why) => report.operations.push(parts::left_out(&format!("{method} {}", printable(path)), why)),
            }
        }
        for method in item.as_object().into_iter().flatten().map(|(word, _)| word).filter(|word| is_odd_method(word)) {
            let why = String::from("its method is not called");
            report.operations.push(parts::left_out(&format!("{} {}", printable(&method.to_uppercase()), printable(path)), why));
        }
    }
    if all.len() > MOST {
        return Err(Error::new(
            Code::InvalidPayload,
            format!("The description has {} operations; at most {MOST} can be imported", all.len()),
        ));
    }
    Ok(all)
}

/// Whether a word of a path is none that is known: then it is a method.
fn is_odd_method(word: &str) -> bool {
    const OTHERS: [&str; 6] = ["summary", "description", "servers", "parameters", "$ref", "definitions"];
    !METHODS.contains(&word) && !OTHERS.contains(&word) && !word.starts_with("x-")
}

/// What of the whole is not imported: calls that the service makes, and what leads from one answer to another operation.
fn unexpressed(doc: &Doc<'_>, operations: &[Operation<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    let webhooks = ["webhooks", "x-webhooks"].iter().filter_map(|word| doc.root.get(word)?.as_object()).map(Map::len).sum::<usize>();
    if webhooks > 0 {
        notes.push(format!("{webhooks} webhooks are not imported: the service makes those calls"));
    }
    let links = |one: &&Operation<'_>| {
        let responses = one.value.get("responses").and_then(Value::as_object);
        responses
            .is_some_and(|all| all.values().any(|response| doc.resolve(response).is_ok_and(|response| response.get("links").is_some())))
    };
    let linked = operations.iter().filter(links).count();
    if linked > 0 {
        notes.push(format!("links from the answers of {linked} operations to others are not imported"));
    }
    notes
}

fn unnamed<'a>(one: &'a Operation<'_>) -> Unnamed<'a> {
    let patched = one.method == "PUT" && one.item.get("patch").is_some();
    let operation_id = word(one.value, "operationId");
    Unnamed { operation_id, method: &one.method, path: one.path, lists: one.lists, patched }
}

fn functions<'a>(
    operations: &[Operation<'a>],
    names: &[String],
    unnamed: &[Unnamed<'_>],
    shared: &mut Shared<'a>,
    wanted: &Wanted,
    report: &mut Report,
) -> Vec<Function> {
    let mut functions = Vec::new();
    for ((one, name), unnamed) in operations.iter().zip(names).zip(unnamed) {
        let operation = one.named();
        let tags: Vec<&str> = Doc::list(one.value, "tags").iter().filter_map(Value::as_str).collect();
        let known_as = [&[name.as_str(), operation.as_str(), one.path], tags.as_slice(), unnamed.operation_id.as_slice()].concat();
        if let Some(why) = parts::unwanted(wanted, &known_as) {
            report.operations.push(parts::left_out(&operation, why));
            continue;
        }
        match function(one, name, shared) {
            Ok((function, warnings)) => {
                report.operations.push(Fate { operation, function: Some(function.id.clone()), left_out: None, warnings });
                functions.push(function);
            }
            Err(why) => report.operations.push(parts::left_out(&operation, why)),
        }
    }
    functions
}

fn function<'a>(one: &Operation<'a>, name: &str, shared: &mut Shared<'a>) -> Result<(Function, Vec<String>), String> {
    if matches!(one.method.as_str(), "OPTIONS" | "TRACE") {
        return Err(format!("{} asks about the connection and is not called", one.method));
    }
    let (path, query) = path(one.path)?;
    let told: Vec<&str> = ["summary", "description"].iter().filter_map(|key| word(one.value, key)).collect();
    let (class, because) = class(&Asked { method: &one.method, path: one.path, id: word(one.value, "operationId"), told: &told });
    let mut draft = Draft::new(shared.doc, name, format!("{} {path}", one.method), class);
    draft.function.read_because = because;
    draft.function.query = query;
    let parameters = arguments::declared(&shared.doc, one.item, one.value, &mut draft.warnings);
    if parameters.len() > body::MOST {
        return Err(body::too_many(parameters.len()));
    }
    arguments::add(&mut draft, &parameters, &shared.keys);
    let wires: Vec<&'a str> = lint::names_in(one.path.split(['?', '#']).next().unwrap_or_default()).collect();
    arguments::add_undescribed(&mut draft, &wires);
    body::add(&mut draft, one.value, &parameters)?;
    let answer = answer::answer(&shared.doc, one.value);
    let unread = answer::read_by(&shared.doc, &answer, &mut draft.function);
    draft.warnings.extend(unread);
    draft.function.server = shared.servers.own(one.value).or_else(|| shared.servers.own(one.item));
    let own = [one.value, one.item].into_iter().map(|of| Doc::list(of, "servers").len()).find(|count| *count > 0);
    if own.is_some_and(|count| count > 1) {
        draft.warn("it has several servers of its own; the first is asked");
    }
    draft.function.pagination = pages::pagination(&draft, one.value, &answer);
    repeat::of(&mut draft, one.value);
    describe(one, &mut draft);
    Ok(draft.finish())
}

fn describe(one: &Operation<'_>, draft: &mut Draft<'_>) {
    let id = &draft.function.id;
    let spoken = parts::title(id.strip_suffix(&format!("_{}", names::mark(&one.method, one.path))).unwrap_or(id));
    let (summary, description) = (word(one.value, "summary"), word(one.value, "description"));
    let long = description.or(summary).or_else(|| word(one.item, "description")).unwrap_or_default();
    let function = &mut draft.function;
    function.title = title(summary.unwrap_or_default(), &spoken);
    function.description = sentences(long, summary.unwrap_or(&spoken));
    function.deprecated = says(one.value, "deprecated");
    let tags = Doc::list(one.value, "tags").iter().filter_map(Value::as_str).take(3);
    function.synonyms = tags.map(|tag| title(tag, "")).filter(|tag| !tag.is_empty()).collect();
    if says(one.value, "x-internal") {
        draft.warn("its description calls it internal: the service may change it at any time");
    }
    for (word, what) in [("callbacks", "callbacks"), ("x-webhooks", "webhooks")] {
        if one.value.get(word).is_some() {
            draft.warn(format!("its {what} are not imported: the service makes those calls"));
        }
    }
}

/// A path as a request has it, and the query that stands in it.
fn path(written: &str) -> Result<(String, Map<String, Value>), String> {
    let (path, query) = written.split_once('?').unwrap_or((written, ""));
    let path = path.split('#').next().unwrap_or_default();
    let mut clean = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '{' | '}' if (c == '{') == inside => return Err(String::from("its path has braces that do not fit together")),
            '{' | '}' => {
                inside = c == '{';
                clean.push(c);
            }
            _ if inside => clean.push(c),
            c if c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%".contains(c) => clean.push(c),
            c => clean.push_str(
                &percent_encoding::utf8_percent_encode(c.encode_utf8(&mut [0; 4]), percent_encoding::NON_ALPHANUMERIC).to_string(),
            ),
        }
    }
    if inside {
        return Err(String::from("its path has braces that do not fit together"));
    }
    if clean.contains("{}") || clean.split('{').skip(1).any(|rest| rest.split('}').next().is_some_and(|name| name.contains(['/', ' ']))) {
        return Err(String::from("its path has a parameter without a proper name"));
    }
    if !clean.starts_with('/') {
        clean.insert(0, '/');
    }
    if clean.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(String::from("its path leads out of the service"));
    }
    let mut fixed = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if value.contains('{') || name.contains('{') {
            return Err(String::from("its path has a query with parameters"));
        }
        fixed.insert(name.to_owned(), Value::from(value));
    }
    Ok((clean, fixed))
}

fn provider(info: &Value, document: &Document, wanted: &Wanted) -> Provider {
    let root = &document.value;
    let name = word(info, "title").unwrap_or(UNTITLED);
    let version = |key: &str| root.get(key).map(crate::base::json::plain);
    let format = match version("swagger") {
        Some(_) => String::from("swagger-2.0"),
        None => format!("openapi-{}", version("openapi").unwrap_or_default().split('.').take(2).collect::<Vec<_>>().join(".")),
    };
    let mut origin = parts::origin(wanted, &printable(&format), document.sha256.clone());
    origin.license = info.get("license").and_then(|license| word(license, "identifier").or_else(|| word(license, "name"))).map(printable);
    origin.version = info.get("version").map(crate::base::json::plain).filter(|text| !text.is_empty()).map(|text| printable(&text));
    let link = |of: Option<&Value>| {
        of.and_then(|of| word(of, "url")).filter(|url| url.starts_with("https://") || url.starts_with("http://")).map(printable)
    };
    Provider {
        id: wanted.id.clone(),
        title: title(name, UNTITLED),
        description: sentences(word(info, "description").unwrap_or_default(), name),
        category: String::from("imported"),
        synonyms: Vec::new(),
        links: Links { home: link(info.get("contact")), docs: link(root.get("externalDocs")), keys: None, status: None },
        auth_strategy: String::from("none"),
        cli_setup_supported: true,
        cli_runtime_supported: true,
        host_availability: vec![String::from("cli"), String::from("server")],
        runtime_requirements: Vec::new(),
        compatibility_summary: String::new(),
        credentials: Vec::new(),
        auth: OneOrMany::default(),
        oauth: None,
        servers: Map::new(),
        headers: Map::new(),
        verify: None,
        rate_limit: Default::default(),
        errors: Default::default(),
        paginations: Map::new(),
        idempotency_header: None,
        origin: Some(origin),
        functions: Vec::new(),
    }
}

/// What a description without a title is called.
const UNTITLED: &str = "Imported service";

/// The id that a description gives itself by its title.
pub fn own_id(root: &Value) -> String {
    id(root.get("info").and_then(|info| word(info, "title")).unwrap_or(UNTITLED))
}

/// An id from a title: `GitHub v3 REST API` is `github`.
pub fn id(title: &str) -> String {
    const NOISE: &[&str] = &[
        "api",
        "rest",
        "openapi",
        "swagger",
        "specification",
        "spec",
        "documentation",
        "docs",
        "reference",
        "the",
        "service",
        "public",
        "http",
        "json",
        "web",
    ];
    let version = |word: &str| word.strip_prefix('v').unwrap_or(word).chars().all(|c| c.is_ascii_digit() || c == '.');
    let kept: Vec<&str> = title
        .split(|c: char| !c.is_alphanumeric() && c != '.')
        .filter(|word| !word.is_empty() && !NOISE.contains(&word.to_lowercase().as_str()) && !version(&word.to_lowercase()))
        .take(4)
        .collect();
    let joined = if kept.is_empty() { title.to_owned() } else { kept.join(" ") };
    slug(&joined.to_lowercase())
}

/// Where the service is and how one signs in; a field of both has the name of the first.
fn place(provider: &mut Provider, servers: Servers, mut security: Security, report: &mut Report) {
    servers.fields.iter().filter(|field| field.secret).for_each(|field| security.in_path(&field.key));
    provider.servers = servers.urls;
    provider.credentials = security.fields;
    for field in servers.fields {
        if !provider.credentials.iter().any(|known| known.key == field.key) {
            provider.credentials.push(field);
        }
    }
    provider.auth = OneOrMany(security.auth);
    provider.oauth = security.oauth;
    provider.auth_strategy = security.strategy.to_owned();
    report.notes.extend(servers.notes.into_iter().chain(security.notes));
}

/// A function that does not hold together is left out with the reason.
fn leave_out_what_is_wrong(provider: &mut Provider, report: &mut Report) {
    let mut wrong: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    for finding in lint::lint(provider, false) {
        match finding.function {
            Some(function) => _ = wrong.entry(function).or_insert(finding.message),
            None => report.notes.push(finding.message),
        }
    }
    for function in &provider.functions {
        if let Err(why) = crate::registry::schema::Checker::new(function.input_schema()) {
            wrong.entry(function.id.clone()).or_insert(why);
        }
    }
    provider.functions.retain(|function| !wrong.contains_key(&function.id));
    for fate in &mut report.operations {
        if let Some(why) = fate.function.as_ref().and_then(|function| wrong.get(function)) {
            fate.left_out = Some(printable(why));
            fate.function = None;
        }
    }
}
