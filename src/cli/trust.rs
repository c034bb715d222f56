//! `trust`: look at what a project's files ask for, and believe them as they are now.

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::json;

use crate::access::trust;
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::in_plain_sight;
use crate::cli::output::Out;
use crate::config::layers::PROJECT_FOLDER;

/// Runs the command.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    if arguments.get_flag("list") {
        return list(app, out);
    }
    let root = match arguments.get_one::<String>("folder") {
        Some(folder) => PathBuf::from(folder),
        None => app
            .config
            .project
            .as_ref()
            .map(|project| project.root.clone())
            .ok_or_else(|| Error::new(Code::NotFound, format!("Neither this folder nor one above it has a {PROJECT_FOLDER} folder")))?,
    };
    if arguments.get_flag("revoke") {
        if !trust::revoke(&app.dirs, &root)? {
            return Err(Error::new(Code::NotFound, format!("{} was not trusted", root.display())));
        }
        out.answer(&json!({"success": true, "project": root.display().to_string(), "trusted": false}), |_| {
            format!("{} is not trusted any more.", root.display())
        });
        return Ok(0);
    }
    if arguments.get_flag("show") {
        return show(app, out, &root);
    }
    let fingerprint = trust::trust(&app.dirs, &root)?;
    let files: Vec<String> = trust::files(&root).iter().map(|path| path.display().to_string()).collect();
    out.answer(
        &json!({"success": true, "project": root.display().to_string(), "trusted": true, "fingerprint": fingerprint, "files": files}),
        |paint| {
            format!(
                "{} {} is trusted as it is now; any change asks again.\n{}",
                paint.green("✓"),
                root.display(),
                in_plain_sight(&files.join("\n"))
            )
        },
    );
    Ok(0)
}

fn list(app: &App, out: &Out) -> Result<u8> {
    let known = trust::list(&app.dirs)?;
    let rows: Vec<_> = known
        .iter()
        .map(|(folder, known)| {
            let now = trust::fingerprint(&PathBuf::from(folder)).ok();
            (folder.clone(), known.as_str() == now.as_deref())
        })
        .collect();
    let value: Vec<_> = rows.iter().map(|(folder, current)| json!({"project": folder, "current": current})).collect();
    out.answer(&json!({"success": true, "projects": value}), |paint| {
        if rows.is_empty() {
            return String::from("No project is trusted.");
        }
        let cells = rows
            .iter()
            .map(|(folder, current)| vec![folder.clone(), if *current { paint.green("trusted") } else { paint.yellow("changed since") }]);
        out.table(paint, &["project", "state"], cells.collect())
    });
    Ok(0)
}

fn show(app: &App, out: &Out, root: &std::path::Path) -> Result<u8> {
    let mut texts = Vec::new();
    for path in trust::files(root) {
        texts.push((path.display().to_string(), String::from_utf8_lossy(&trust::content(&path)?).into_owned()));
    }
    let trusted = trust::trusted(&app.dirs, root).unwrap_or(false);
    let value: Vec<_> = texts.iter().map(|(path, text)| json!({"file": path, "text": text})).collect();
    out.answer(&json!({"success": true, "project": root.display().to_string(), "trusted": trusted, "files": value}), |paint| {
        let bodies: Vec<String> =
            texts.iter().map(|(path, text)| format!("{}\n{}", paint.bold(&in_plain_sight(path)), in_plain_sight(text))).collect();
        bodies.join("\n")
    });
    Ok(0)
}
