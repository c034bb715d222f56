//! Services of the index: visible, not callable, with the reason and the command that changes it. They are never added to the providers that can
//! be called, not in a list and not in a number.

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::base::error::{Error, Result};
use crate::cli::catalog::{Fields, limit};
use crate::cli::output::Out;
use crate::registry::catalog::Filter;
use crate::registry::described;
use crate::registry::known::Known;

/// Whether a command asks for the index.
pub fn wanted(arguments: &ArgMatches) -> bool {
    arguments.get_one::<String>("tier").is_some_and(|tier| tier == "described")
}

fn to_value(known: &Known) -> Value {
    json!({
        "title": known.title, "description": known.about, "category": known.category, "tier": "described", "origin": "index", "active": false,
        "functions": null, "reason": "described, not imported", "next": next(known), "format": known.format, "source": known.description,
        "auth": known.auth, "base": known.base, "docs": known.docs,
    })
}

fn next(known: &Known) -> String {
    format!("angelia integrations:import {}", known.id)
}

/// The index without what the user has already: an import of that id is no longer only described.
fn open(app: &App, arguments: &ArgMatches) -> Result<Vec<Known>> {
    if arguments.contains_id("operation") {
        return Err(Error::usage("--operation does not go with --tier described: what a service can do is known once it is imported"));
    }
    // Nothing described can be active.
    if arguments.get_flag("active") {
        return Ok(Vec::new());
    }
    let ids = app.catalog()?.ids()?;
    let mut all = described::all()?;
    all.retain(|known| ids.binary_search(&known.id).is_err());
    Ok(all)
}

fn fits(known: &Known, arguments: &ArgMatches) -> bool {
    arguments.get_one::<String>("category").is_none_or(|category| *category == known.category)
}

/// `integrations:list --tier described`.
pub fn list(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let mut shown = open(app, arguments)?;
    shown.retain(|known| fits(known, arguments));
    let total = shown.len();
    shown.truncate(limit(arguments, usize::MAX));
    let fields = Fields::read(arguments, &["title", "category", "tier", "reason", "next"]);
    let providers: Map<String, Value> = shown.iter().map(|known| (known.id.clone(), fields.keep(to_value(known)))).collect();
    fields.check(shown.first().map(to_value).as_ref())?;
    let mut value = json!({"success": true, "providers": providers});
    if total > shown.len() {
        value["total"] = total.into();
    }
    out.answer(&value, |paint| {
        let rows = shown
            .iter()
            .map(|known| vec![known.id.clone(), known.title.clone(), known.category.clone(), known.format.clone(), known.about.clone()]);
        let table = out.table(paint, &["service", "title", "category", "format", "about"], rows.collect());
        let said = format!("{} of {total} services are shown. None can be called before: angelia integrations:import SERVICE", shown.len());
        format!("{table}\n\n{}", paint.dim(&said))
    });
    Ok(0)
}

/// `integrations:search --tier described`.
pub fn search(app: &App, out: &Out, arguments: &ArgMatches, query: &str) -> Result<u8> {
    let all = open(app, arguments)?;
    let (still, category) = (|id: &str| all.iter().any(|known| known.id == id), arguments.get_one::<String>("category"));
    let filter = Filter { providers: Some(&still), category: category.map(String::as_str), ..Filter::default() };
    let hits = described::search(query, &filter, limit(arguments, 10))?;
    let found = hits.iter().filter_map(|(id, score)| Some((all.iter().find(|known| known.id == *id)?, *score)));
    let found: Vec<(&Known, f64)> = found.collect();
    let fields = Fields::read(arguments, &["provider", "title", "description", "tier", "score", "next"]);
    let whole = |(known, score): &(&Known, f64)| {
        let mut value = json!({"provider": known.id, "score": (score * 100.0).round() / 100.0});
        if let (Value::Object(value), Value::Object(more)) = (&mut value, to_value(known)) {
            value.extend(more);
        }
        value
    };
    fields.check(found.first().map(whole).as_ref())?;
    let providers: Vec<Value> = found.iter().map(|hit| fields.keep(whole(hit))).collect();
    // Functions are what can be called, and nothing of these can.
    out.answer(&json!({"success": true, "query": query, "functions": [], "providers": providers}), |paint| {
        if found.is_empty() {
            return format!("No described service fits '{query}'.");
        }
        let rows = found.iter().map(|(known, _)| vec![known.id.clone(), known.title.clone(), known.about.clone(), next(known)]);
        out.table(paint, &["service", "title", "about", "next"], rows.collect())
    });
    Ok(0)
}
