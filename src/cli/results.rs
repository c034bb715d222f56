//! `results:*`: answers that were kept for later reading, of every owner.

use std::path::Path;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::clock::rfc3339;
use crate::base::error::{Error, Result};
use crate::base::name::clean;
use crate::call::results::{self, Part};
use crate::call::sink::Sink;
use crate::cli::output::Out;
use crate::cli::{audit, render};
use crate::store::results::{Kept, Which};

fn text<'a>(arguments: &'a ArgMatches, name: &str) -> Option<&'a str> {
    arguments.get_one::<String>(name).map(String::as_str)
}

fn number(arguments: &ArgMatches, name: &str) -> Option<usize> {
    arguments.get_one::<u32>(name).and_then(|number| usize::try_from(*number).ok())
}

/// `results:list`.
pub fn list(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let which = Which { function: text(arguments, "function"), ..Which::default() };
    let limit = number(arguments, "limit").unwrap_or(50);
    let found = app.memory().with(|store| store.results(&which, limit))?;
    let all: Vec<Value> = found
        .iter()
        .map(|kept| {
            let mut shown = results::shown(kept);
            shown["owner"] = kept.owner.as_str().into();
            shown
        })
        .collect();
    out.answer(&json!({"success": true, "results": all}), |paint| {
        if found.is_empty() {
            return String::from("No results.");
        }
        let row = |kept: &Kept| {
            let items = kept.items.map(|items| items.to_string()).unwrap_or_default();
            vec![kept.id.clone(), rfc3339(kept.created_ms), kept.function.clone(), kept.owner.clone(), kept.bytes.to_string(), items]
        };
        out.table(paint, &["id", "time", "function", "owner", "bytes", "items"], found.iter().map(row).collect())
    });
    Ok(0)
}

/// `results:show`.
pub fn show(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let memory = app.memory();
    let kept = results::find(&memory, None, text(arguments, "id").unwrap_or_default())?;
    let data = results::content(&memory, &kept)?;
    let mut shown = results::shown(&kept);
    shown["owner"] = kept.owner.as_str().into();
    shown["shape"] = kept.shape.clone();
    if let Some(path) = text(arguments, "output") {
        let mut sink = Sink::open(Path::new(path))?;
        sink.write(format!("{data:#}\n").as_bytes())?;
        let size = sink.keep(Path::new(path), arguments.get_flag("overwrite"))?;
        out.answer(&json!({"success": true, "result": shown, "path": path, "size": size}), |_| format!("{path} has {size} bytes."));
        return Ok(0);
    }
    shown["data"] = data.clone();
    out.answer(&json!({"success": true, "result": shown}), |_| clean(&format!("{data:#}")));
    Ok(0)
}

/// `results:query`.
pub fn query(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let part = Part {
        pointer: text(arguments, "pointer").unwrap_or_default(),
        select: text(arguments, "program"),
        search: text(arguments, "search"),
        offset: number(arguments, "offset").unwrap_or(0),
        limit: number(arguments, "limit"),
        bytes: None,
    };
    let mut answer = results::read(&app.memory(), None, text(arguments, "id").unwrap_or_default(), &part)?;
    answer["success"] = true.into();
    out.answer(&answer, |paint| render::data(out, paint, &answer["value"]));
    if let (false, Some(next), Some(total)) = (out.json, answer["next_offset"].as_u64(), answer["total"].as_u64()) {
        out.note(&format!("{total} in all; --offset {next} goes on"));
    }
    Ok(0)
}

/// `results:remove`.
pub fn remove(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let memory = app.memory();
    let removed = match (text(arguments, "id"), text(arguments, "older-than")) {
        (Some(id), _) => {
            let kept = results::find(&memory, None, id)?;
            memory.with(|store| store.remove_results(&Which { id: Some(&kept.id), ..Which::default() }))?
        }
        (None, Some(time)) => {
            let before = audit::when(time)?;
            memory.with(|store| store.remove_results(&Which { before_ms: Some(before), ..Which::default() }))?
        }
        (None, None) if arguments.get_flag("all") => memory.with(|store| store.remove_results(&Which::default()))?,
        (None, None) => return Err(Error::usage("Say which: an id, --all or --older-than 7d").hint("angelia results:list")),
    };
    out.answer(&json!({"success": true, "removed": removed}), |_| match removed {
        1 => String::from("1 result is removed."),
        several => format!("{several} results are removed."),
    });
    Ok(0)
}
