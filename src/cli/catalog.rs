//! Discovery: `integrations:list`, `status`, `search`, `docs`, `examples`, `schema`. No network, no keychain.

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::access::state::{self, State};
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::DEFAULT_ACCOUNT;
use crate::call::pages::{Narrow, Pages, is_function, no_page};
use crate::cli::described;
use crate::cli::output::{Out, Paint};
use crate::registry::catalog::{Catalog, Listed};
use crate::registry::docs::{self, Format};
use crate::registry::function::Operation;

fn text<'a>(arguments: &'a ArgMatches, name: &str) -> Option<&'a str> {
    arguments.get_one::<String>(name).map(String::as_str)
}

/// At most so many as the command says.
pub fn limit(arguments: &ArgMatches, usual: usize) -> usize {
    arguments.get_one::<u32>("limit").map_or(usual, |limit| *limit as usize)
}

fn operation(arguments: &ArgMatches) -> Option<Operation> {
    let named = text(arguments, "operation")?;
    [Operation::Read, Operation::Write, Operation::Destructive].into_iter().find(|operation| operation.as_str() == named)
}

/// Providers that fit the filters, each with its state.
fn chosen(app: &App, catalog: &Catalog, arguments: &ArgMatches) -> Result<(Vec<(Listed, State)>, usize)> {
    let vault = app.vault()?;
    let mut all: Vec<(Listed, State)> = Vec::new();
    for listed in catalog.list()? {
        let fits = text(arguments, "category").is_none_or(|category| category == listed.summary.category)
            && text(arguments, "tier").is_none_or(|tier| tier == listed.layer.tier())
            && operation(arguments).is_none_or(|operation| listed.summary.count(operation) > 0);
        if !fits {
            continue;
        }
        let state = State::of(&app.config, &vault, &listed.summary);
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
    if described::wanted(arguments) {
        return described::list(app, out, arguments);
    }
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
                summary.functions().to_string(),
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

fn mark(paint: &Paint, state: &State) -> String {
    let ended = state.sign_in.iter().any(|(_, sign_in)| sign_in.state == "needs_reauth");
    match (state.active, state.configured, state.enabled) {
        (true, ..) if ended => paint.red("needs_reauth"),
        (true, ..) => paint.green("active"),
        (_, true, false) => paint.yellow("not enabled"),
        (_, false, true) => paint.yellow("not configured"),
        _ => paint.dim("–"),
    }
}

fn full(app: &App, listed: &Listed, state: &State) -> Value {
    let summary = &listed.summary;
    let rule = |operation| state::rule(&app.config, summary, operation, DEFAULT_ACCOUNT).as_str();
    json!({
        "title": summary.title, "description": summary.description, "category": summary.category, "tier": listed.layer.tier(), "origin": listed.layer.as_str(),
        "hides_built_in": listed.hides, "active": state.active, "enabled": state.enabled, "configured": state.configured, "accounts": state.accounts,
        "functions": summary.functions(), "reads": summary.reads, "writes": summary.writes, "destructives": summary.destructives,
        "examples": summary.examples.iter().map(|id| format!("{}.{id}", summary.id)).collect::<Vec<_>>(),
        "read": rule(Operation::Read), "write": rule(Operation::Write), "destructive": rule(Operation::Destructive),
        "auth_strategy": summary.auth_strategy, "cli_setup_supported": summary.cli_setup_supported, "cli_runtime_supported": summary.cli_runtime_supported,
        "host_availability": summary.host_availability, "runtime_requirements": summary.runtime_requirements, "compatibility_summary": summary.compatibility_summary,
        "sign_in": state.sign_in.iter().map(|(alias, sign_in)| (alias.clone(), sign_in.json())).collect::<Map<_, _>>(),
    })
}

/// Which fields a JSON answer has.
pub struct Fields {
    names: Vec<String>,
    all: bool,
}

impl Fields {
    /// Those that the command names, else the usual ones.
    pub fn read(arguments: &ArgMatches, usual: &[&str]) -> Self {
        let names: Vec<String> = match text(arguments, "fields") {
            Some(list) => list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
            None => usual.iter().map(|name| (*name).to_owned()).collect(),
        };
        Self { all: names.iter().any(|name| name == "all"), names }
    }

    /// A value with these fields alone.
    pub fn keep(&self, value: Value) -> Value {
        let Value::Object(mut members) = value else { return value };
        if !self.all {
            members.retain(|name, _| self.names.contains(name));
        }
        Value::Object(members)
    }

    /// An unknown field is said, not left out silently.
    pub fn check(&self, first: Option<&Value>) -> Result<()> {
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
    let mut providers = by_id(app, &all, &Fields::read(arguments, COMPACT))?;
    if text(arguments, "fields").is_none() {
        for (listed, state) in all.iter().filter(|(_, state)| state.enabled && !state.sign_in.is_empty()) {
            let states = state.sign_in.iter().map(|(alias, sign_in)| (alias.clone(), sign_in.json()));
            providers[&listed.summary.id]["sign_in"] = states.collect::<Map<_, _>>().into();
        }
    }
    let active = all.iter().filter(|(_, state)| state.active).count();
    out.answer(&json!({"success": true, "active": active, "total": total, "providers": providers}), |paint| {
        let shown: Vec<&(Listed, State)> =
            all.iter().filter(|(_, state)| state.enabled || state.accounts.len() > 1 || (state.configured && state.active)).collect();
        let rows = shown.iter().map(|(listed, state)| {
            let rule = |operation| state::rule(&app.config, &listed.summary, operation, DEFAULT_ACCOUNT).as_str().to_owned();
            vec![
                listed.summary.id.clone(),
                mark(paint, state),
                state.accounts.join(", "),
                listed.summary.functions().to_string(),
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
    let query = arguments.get_many::<String>("query").into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    if query.trim().is_empty() {
        return Err(Error::usage("integrations:search needs words: what you want to do, such as integrations:search create an issue"));
    }
    if described::wanted(arguments) {
        return described::search(app, out, arguments, &query);
    }
    let (catalog, vault) = (app.catalog()?, app.vault()?);
    let narrow = Narrow {
        provider: text(arguments, "provider"),
        active: arguments.get_flag("active"),
        operation: operation(arguments),
        category: text(arguments, "category"),
        tier: text(arguments, "tier"),
    };
    let pages = Pages { catalog: &catalog, config: &app.config, vault: &vault };
    let hits = pages.search(&query, &narrow, limit(arguments, 10))?;
    let fields = Fields::read(arguments, &["function", "operation", "active", "score", "title"]);
    let functions: Vec<Value> = hits.iter().map(|hit| fields.keep(hit.to_value())).collect();
    fields.check(functions.first())?;
    out.answer(&json!({"success": true, "query": query, "functions": functions}), |paint| {
        if hits.is_empty() {
            return format!("Nothing fits '{query}'. Fewer or other words may help; angelia integrations:list shows all providers.");
        }
        let rows = hits.iter().map(|hit| {
            let record = &hit.found.record;
            let state = if hit.active { paint.green("active") } else { paint.dim("–") };
            vec![record.name.clone(), record.operation.as_str().into(), state, record.description.clone()]
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
    let (catalog, vault) = (app.catalog()?, app.vault()?);
    let pages = Pages { catalog: &catalog, config: &app.config, vault: &vault };
    let (text, value) = pages.read(page, if format == "markdown" { Format::Markdown } else { Format::Text })?;
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

/// `integrations:examples`.
pub fn examples(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let name = text(arguments, "page").unwrap_or_default();
    let catalog = app.catalog()?;
    let (id, functions) = if is_function(name) {
        let callable = catalog.function(name).map_err(no_page)?;
        (callable.provider.id.clone(), vec![callable.function.clone()])
    } else {
        let opened = catalog.provider(name).map_err(no_page)?;
        (opened.provider.id.clone(), opened.functions)
    };
    let mut shown = Vec::new();
    for function in &functions {
        for example in &function.examples {
            let ways = docs::ways(&id, function, &example.arguments);
            shown.push((format!("{id}.{}", function.id), example.arguments.clone(), ways));
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
