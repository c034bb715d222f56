//! Discovery: `integrations:list`, `status`, `search`, `docs`, `examples`, `schema`. No network, no keychain.

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::access::policy;
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::DEFAULT_ACCOUNT;
use crate::cli::output::{Out, Paint};
use crate::cli::state::{self, State};
use crate::registry::catalog::{Catalog, Filter, Listed};
use crate::registry::docs::{self, Format};
use crate::registry::manifest::Operation;

fn text<'a>(arguments: &'a ArgMatches, name: &str) -> Option<&'a str> {
    arguments.get_one::<String>(name).map(String::as_str)
}

fn limit(arguments: &ArgMatches, usual: usize) -> usize {
    arguments.get_one::<u32>("limit").map_or(usual, |limit| *limit as usize)
}

/// Providers that fit the filters, each with its state.
fn chosen(app: &App, catalog: &Catalog, arguments: &ArgMatches) -> Result<(Vec<(Listed, State)>, usize)> {
    let vault = app.vault()?;
    let mut all: Vec<(Listed, State)> = Vec::new();
    for listed in catalog.list()? {
        let fits = text(arguments, "category").is_none_or(|category| category == listed.summary.category)
            && text(arguments, "tier").is_none_or(|tier| tier == listed.layer.tier());
        if !fits {
            continue;
        }
        let state = State::of(app, &vault, &listed.summary);
        if !arguments.get_flag("active") || state.active {
            all.push((listed, state));
        }
    }
    let total = all.len();
    all.truncate(limit(arguments, usize::MAX));
    Ok((all, total))
}

/// The chosen fields of each provider, by id.
fn by_id(app: &App, all: &[(Listed, State)], fields: &Fields) -> Result<Map<String, Value>> {
    let providers: Map<String, Value> =
        all.iter().map(|(listed, state)| (listed.summary.id.clone(), fields.keep(full(app, listed, state)))).collect();
    fields.check(providers.values().next())?;
    Ok(providers)
}

/// `integrations:list`.
pub fn list(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    const COMPACT: &[&str] = &[
        "title",
        "category",
        "tier",
        "active",
        "configured",
        "functions",
        "auth_strategy",
        "cli_setup_supported",
        "cli_runtime_supported",
    ];
    let catalog = app.catalog()?;
    let (all, total) = chosen(app, &catalog, arguments)?;
    let providers = by_id(app, &all, &Fields::read(arguments, COMPACT))?;
    let problems: Vec<Value> = catalog
        .problems()
        .into_iter()
        .map(|problem| json!({"file": problem.file, "line": problem.line, "message": problem.message}))
        .collect();
    let mut value = json!({"success": true, "providers": providers});
    if total > all.len() {
        value["total"] = Value::from(total);
    }
    if !problems.is_empty() {
        value["problems"] = Value::from(problems);
    }
    out.answer(&value, |paint| {
        let rows = all.iter().map(|(listed, state)| {
            let summary = &listed.summary;
            let origin =
                if listed.hides { format!("{} (hides built-in)", listed.layer.as_str()) } else { listed.layer.as_str().to_owned() };
            vec![
                summary.id.clone(),
                summary.title.clone(),
                mark(paint, state),
                functions(summary).to_string(),
                summary.category.clone(),
                listed.layer.tier().into(),
                origin,
            ]
        });
        let mut page = out.table(paint, &["provider", "title", "state", "functions", "category", "tier", "origin"], rows.collect());
        if total > all.len() {
            page.push_str(&format!("\n{}", paint.dim(&format!("{} of {total}", all.len()))));
        }
        page.push_str(&format!(
            "\n\n{}",
            paint.dim("angelia integrations:docs PROVIDER shows its functions; integrations:search WORDS finds one.")
        ));
        page
    });
    for problem in catalog.problems() {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        out.note(&format!("{}{line}: {} (this file was left out)", problem.file, problem.message));
    }
    Ok(0)
}

fn functions(summary: &crate::registry::index::Summary) -> u32 {
    summary.reads + summary.writes + summary.destructives
}

fn mark(paint: &Paint, state: &State) -> String {
    match (state.active, state.configured, state.enabled) {
        (true, ..) => paint.green("active"),
        (_, true, false) => paint.yellow("not enabled"),
        (_, false, true) => paint.yellow("not configured"),
        _ => paint.dim("–"),
    }
}

fn full(app: &App, listed: &Listed, state: &State) -> Value {
    let summary = &listed.summary;
    let rule = |operation| state::rule(app, summary, operation, DEFAULT_ACCOUNT).as_str();
    json!({
        "title": summary.title, "description": summary.description, "category": summary.category, "tier": listed.layer.tier(), "origin": listed.layer.as_str(),
        "hides_built_in": listed.hides, "active": state.active, "enabled": state.enabled, "configured": state.configured, "accounts": state.accounts,
        "functions": functions(summary), "reads": summary.reads, "writes": summary.writes, "destructives": summary.destructives,
        "examples": summary.examples.iter().map(|id| format!("{}.{id}", summary.id)).collect::<Vec<_>>(),
        "read": rule(Operation::Read), "write": rule(Operation::Write), "destructive": rule(Operation::Destructive),
        "auth_strategy": summary.auth_strategy, "cli_setup_supported": summary.cli_setup_supported, "cli_runtime_supported": summary.cli_runtime_supported,
        "host_availability": summary.host_availability, "runtime_requirements": summary.runtime_requirements, "compatibility_summary": summary.compatibility_summary,
    })
}

/// Which fields a JSON answer has.
struct Fields {
    names: Vec<String>,
    all: bool,
}

impl Fields {
    fn read(arguments: &ArgMatches, usual: &[&str]) -> Self {
        let names: Vec<String> = match text(arguments, "fields") {
            Some(list) => list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
            None => usual.iter().map(|name| (*name).to_owned()).collect(),
        };
        Self { all: names.iter().any(|name| name == "all"), names }
    }

    fn keep(&self, value: Value) -> Value {
        let Value::Object(mut members) = value else { return value };
        if !self.all {
            members.retain(|name, _| self.names.contains(name));
        }
        Value::Object(members)
    }

    /// An unknown field is said, not left out silently.
    fn check(&self, first: Option<&Value>) -> Result<()> {
        let Some(first) = first.filter(|_| !self.all) else { return Ok(()) };
        match self.names.iter().find(|name| first.get(name).is_none()) {
            Some(unknown) => Err(Error::usage(format!("There is no field '{unknown}'; --fields all shows them"))),
            None => Ok(()),
        }
    }
}

/// `integrations:status`.
pub fn status(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    const COMPACT: &[&str] = &["active", "enabled", "configured", "accounts", "functions", "read", "write"];
    let catalog = app.catalog()?;
    let (all, total) = chosen(app, &catalog, arguments)?;
    let providers = by_id(app, &all, &Fields::read(arguments, COMPACT))?;
    let active = all.iter().filter(|(_, state)| state.active).count();
    out.answer(&json!({"success": true, "active": active, "total": total, "providers": providers}), |paint| {
        let shown: Vec<&(Listed, State)> =
            all.iter().filter(|(_, state)| state.enabled || state.accounts.len() > 1 || (state.configured && state.active)).collect();
        let rows = shown.iter().map(|(listed, state)| {
            let rule = |operation| state::rule(app, &listed.summary, operation, DEFAULT_ACCOUNT).as_str().to_owned();
            vec![
                listed.summary.id.clone(),
                mark(paint, state),
                state.accounts.join(", "),
                functions(&listed.summary).to_string(),
                rule(Operation::Read),
                rule(Operation::Write),
                rule(Operation::Destructive),
            ]
        });
        let table = out.table(paint, &["provider", "state", "accounts", "functions", "read", "write", "destructive"], rows.collect());
        format!("{table}\n\n{}", paint.dim(&format!("{active} of {total} providers are active; integrations:list shows all.")))
    });
    Ok(0)
}

/// `integrations:search`.
pub fn search(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let catalog = app.catalog()?;
    let vault = app.vault()?;
    let query = arguments.get_many::<String>("query").into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let active: Vec<String> = catalog
        .list()?
        .iter()
        .filter(|listed| State::of(app, &vault, &listed.summary).active)
        .map(|listed| listed.summary.id.clone())
        .collect();
    let only = text(arguments, "provider");
    if let Some(id) = only {
        catalog.provider(id)?;
    }
    let keep = |id: &str| only.is_none_or(|only| only == id) && (!arguments.get_flag("active") || active.iter().any(|known| known == id));
    let operation = match text(arguments, "operation") {
        Some("read") => Some(Operation::Read),
        Some("write") => Some(Operation::Write),
        Some("destructive") => Some(Operation::Destructive),
        _ => None,
    };
    let narrowed = only.is_some() || arguments.get_flag("active");
    let filter = Filter {
        providers: if narrowed { Some(&keep) } else { None },
        operation,
        category: text(arguments, "category"),
        tier: text(arguments, "tier"),
    };
    let found = catalog.search(&query, &filter, limit(arguments, 10))?;
    let fields = Fields::read(arguments, &["function", "operation", "active", "score", "title", "description"]);
    let functions: Vec<Value> = found
        .iter()
        .map(|found| {
            let provider = found.record.name.rsplit_once('.').map_or("", |(provider, _)| provider);
            fields.keep(json!({
                "function": found.record.name, "operation": found.record.operation.as_str(), "active": active.iter().any(|id| id == provider),
                "score": (found.score * 100.0).round() / 100.0, "title": found.record.title, "description": found.record.description,
                "category": found.record.category, "tier": found.layer.tier(), "deprecated": found.record.deprecated,
            }))
        })
        .collect();
    fields.check(functions.first())?;
    out.answer(&json!({"success": true, "query": query, "functions": functions}), |paint| {
        if found.is_empty() {
            return format!("Nothing fits '{query}'. Fewer or other words may help; angelia integrations:list shows all providers.");
        }
        let rows = found.iter().map(|found| {
            let provider = found.record.name.rsplit_once('.').map_or("", |(provider, _)| provider);
            let state = if active.iter().any(|id| id == provider) { paint.green("active") } else { paint.dim("–") };
            vec![found.record.name.clone(), found.record.operation.as_str().into(), state, found.record.description.clone()]
        });
        out.table(paint, &["function", "operation", "state", "description"], rows.collect())
    });
    Ok(0)
}

/// `integrations:docs`.
pub fn docs(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    page(app, out, text(arguments, "page"), text(arguments, "format").unwrap_or("text"))
}

/// The page that `integrations:<provider>` shows.
pub fn provider_docs(app: &App, provider: &str, json: bool) -> Result<u8> {
    page(app, &Out::new(json), Some(provider), "text")
}

fn page(app: &App, out: &Out, page: Option<&str>, format: &str) -> Result<u8> {
    let catalog = app.catalog()?;
    let (text, value) = match page {
        None => {
            let all = catalog.list()?;
            let count = all.iter().map(|listed| u64::from(functions(&listed.summary))).sum();
            (
                docs::overview(all.len(), count, form(format)),
                json!({"providers": all.iter().map(|listed| listed.summary.id.clone()).collect::<Vec<_>>()}),
            )
        }
        Some(name) if name.contains('.') => function_page(app, &catalog, name, form(format)).map_err(no_page)?,
        Some(id) => provider_page(app, &catalog, id, form(format)).map_err(no_page)?,
    };
    if out.json || format == "json" {
        let mut whole = json!({"success": true, "page": page, "text": text});
        if let (Value::Object(whole), Value::Object(value)) = (&mut whole, value) {
            whole.extend(value);
        }
        out.json(&whole);
    } else {
        out.text(&text);
    }
    Ok(0)
}

fn form(format: &str) -> Format {
    if format == "markdown" { Format::Markdown } else { Format::Text }
}

fn no_page(error: Error) -> Error {
    error.hint("angelia integrations:search \"what you want to do\"")
}

fn provider_state(app: &App, catalog: &Catalog, id: &str) -> Result<String> {
    let vault = app.vault()?;
    let listed = catalog.list()?.into_iter().find(|listed| listed.summary.id == id);
    Ok(listed.map_or_else(String::new, |listed| State::of(app, &vault, &listed.summary).describe(&listed.summary)))
}

fn function_page(app: &App, catalog: &Catalog, name: &str, format: Format) -> Result<(String, Value)> {
    let callable = catalog.function(name)?;
    let mut state = provider_state(app, catalog, &callable.provider.id)?;
    let question = policy::Question {
        provider: &callable.provider.id,
        function: &callable.function.id,
        operation: callable.function.operation,
        account: DEFAULT_ACCOUNT,
        local: callable.local,
    };
    let decision = policy::decide(&app.config, &question);
    state.push_str(&format!(", permission: {}", decision.rule.as_str()));
    let ways: Vec<Value> = callable.function.examples.iter().map(|example| {
        let ways = docs::ways(&callable.provider.id, &callable.function, &example.arguments);
        json!({"title": example.title, "arguments": example.arguments, "shortcut": ways.shortcut, "generic": ways.generic, "json": ways.json, "stdin": ways.stdin, "lua": ways.lua})
    }).collect();
    let parameters: Vec<Value> = docs::parameters(&callable.function).into_iter().map(|parameter| json!({"name": parameter.name, "type": parameter.kind, "required": parameter.required, "description": parameter.description})).collect();
    let value = json!({
        "function": callable.name.to_string(), "title": callable.function.title, "description": callable.function.description, "operation": callable.function.operation.as_str(),
        "state": state, "permission": decision.rule.as_str(), "parameters": parameters, "examples": ways, "schema": callable.function.input_schema(),
    });
    Ok((docs::function_page(&callable, &state, format), value))
}

fn provider_page(app: &App, catalog: &Catalog, id: &str, format: Format) -> Result<(String, Value)> {
    let opened = catalog.provider(id)?;
    let state = provider_state(app, catalog, id)?;
    let functions: Vec<Value> = opened.functions.iter().map(|function| json!({"function": format!("{id}.{}", function.id), "operation": function.operation.as_str(), "title": function.title})).collect();
    let value = json!({"provider": id, "title": opened.provider.title, "description": opened.provider.description, "state": state, "links": opened.provider.links, "functions": functions});
    Ok((docs::provider_page(&opened, &state, format), value))
}

/// `integrations:examples`.
pub fn examples(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let name = text(arguments, "page").unwrap_or_default();
    let catalog = app.catalog()?;
    let opened = catalog.provider(name.rsplit_once('.').map_or(name, |(provider, _)| provider)).map_err(no_page)?;
    let functions: Vec<_> =
        if name.contains('.') { vec![catalog.function(name).map_err(no_page)?.function.clone()] } else { opened.functions.clone() };
    let mut shown = Vec::new();
    for function in &functions {
        for example in &function.examples {
            let ways = docs::ways(&opened.provider.id, function, &example.arguments);
            shown.push((format!("{}.{}", opened.provider.id, function.id), example.arguments.clone(), ways));
        }
    }
    let value: Vec<Value> = shown
        .iter()
        .map(|(name, arguments, ways)| json!({"function": name, "arguments": arguments, "shortcut": ways.shortcut, "generic": ways.generic, "json": ways.json, "stdin": ways.stdin, "lua": ways.lua}))
        .collect();
    out.answer(&json!({"success": true, "page": name, "examples": value}), |paint| {
        let one = functions.len() == 1;
        let lines = shown.iter().map(|(_, _, ways)| {
            if one {
                format!("{}\n{}\n{}\n{}\n{}\n", paint.bold(&ways.shortcut), ways.generic, ways.json, ways.stdin, ways.lua)
            } else {
                ways.generic.clone()
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    Ok(0)
}

/// `integrations:schema`.
pub fn schema(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let name = text(arguments, "function").unwrap_or_default();
    let callable = app.catalog()?.function(name)?;
    let about = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": callable.name.to_string(), "description": callable.function.description});
    let schema = if arguments.get_flag("output") {
        callable.function.output.clone().ok_or_else(|| {
            Error::new(Code::NotFound, format!("The result schema of {name} is not known"))
                .hint(format!("angelia integrations:docs {name}"))
        })?
    } else {
        callable.function.input_schema()
    };
    let mut whole = about;
    if let (Value::Object(whole), Value::Object(schema)) = (&mut whole, schema) {
        whole.extend(schema);
    }
    out.json(&whole);
    Ok(0)
}
