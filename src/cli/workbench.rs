//! What helps to write workflows: `lua:check`, `lua:types`. They run no script and call nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::access::state::State;
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::clean;
use crate::call::sink::Sink;
use crate::cli::output::{Out, Paint};
use crate::cli::stdin::{self, Wait};
use crate::lua::check::{self, Finding, LARGEST, Severity};
use crate::lua::types;

/// Where definitions go unless something else is said.
const FOLDER: &str = ".angelia/types";

/// `lua:check`.
pub fn check(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let names: Vec<&String> = arguments.get_many::<String>("files").into_iter().flatten().collect();
    let sources = names.iter().map(|name| source(name)).collect::<Result<Vec<String>>>()?;
    let catalog = app.catalog()?;
    let findings: Vec<Finding> = names.iter().zip(&sources).flat_map(|(name, source)| check::check(name, source, &catalog)).collect();
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let failure = (errors > 0).then(|| Error::new(Code::ScriptError, format!("{errors} error(s) in {} file(s)", names.len())));
    let answer = json!({"files": names.len(), "findings": findings});
    Ok(out.verdict(answer, failure, |paint| listing(paint, &findings, names.len())))
}

/// The text of a file or of stdin.
fn source(name: &str) -> Result<String> {
    let bytes = if name == "-" { stdin::read(Wait::Forever)?.unwrap_or_default() } else { file(Path::new(name))? };
    String::from_utf8(bytes)
        .map_err(|_| Error::new(Code::ScriptError, format!("{name} is not text (UTF-8)")).hint("angelia integrations:lua refuses it too"))
}

/// A file, no further than its size can be refused.
fn file(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            Error::new(Code::NotFound, format!("There is no file {}", path.display()))
        }
        _ => Error::usage(format!("{} cannot be read: {error}", path.display())),
    };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::usage(format!("{} is not an ordinary file", path.display())));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(failed)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn listing(paint: &Paint, findings: &[Finding], files: usize) -> String {
    if findings.is_empty() {
        return format!("No mistakes in {files} file(s).");
    }
    let mut text = String::new();
    for finding in findings {
        let word = match finding.severity {
            Severity::Error => paint.red("error:"),
            Severity::Warning => paint.yellow("warning:"),
        };
        let place = format!("{}:{}:{}:", clean(&finding.file), finding.line, finding.column);
        text.push_str(&format!("{place} {word} {} ({})\n", clean(&finding.message), finding.code));
        for hint in &finding.hints {
            text.push_str(&format!("{} {}\n", paint.dim("  →"), clean(hint)));
        }
    }
    text
}

/// `lua:types`.
pub fn types(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let folder = PathBuf::from(arguments.get_one::<String>("output").map_or(FOLDER, String::as_str));
    let files = definitions(app, arguments.get_flag("all"))?;
    for folder in [folder.clone(), folder.join("integrations")] {
        no_links(&folder)?;
        fs::create_dir_all(&folder).map_err(|error| Error::usage(format!("{} cannot be made: {error}", folder.display())))?;
    }
    let mut written = Vec::new();
    for (name, text) in &files {
        let path = folder.join(name);
        let mut sink = Sink::open(&path)?;
        sink.write(text.as_bytes())?;
        sink.keep(&path, true)?;
        written.push(path.display().to_string());
    }
    let settings = settings(&folder);
    out.answer(&json!({"success": true, "folder": folder.display().to_string(), "files": written, "luarc": settings}), |paint| {
        let list: String = written.iter().map(|path| format!("{}\n", clean(path))).collect();
        format!("{list}\n{}\n{settings:#}", paint.dim("For lua-language-server, in .luarc.json:"))
    });
    Ok(0)
}

/// Names and texts of all files.
fn definitions(app: &App, all: bool) -> Result<BTreeMap<String, String>> {
    let (catalog, vault) = (app.catalog()?, app.vault()?);
    let mut files = BTreeMap::from([(String::from("angelia.lua"), types::library())]);
    for listed in catalog.list()? {
        let state = State::of(&app.config, &vault, &listed.summary);
        if all || state.active {
            let id = &listed.summary.id;
            let text = types::provider(&catalog.provider(id)?) + &types::accounts(id, &state.accounts);
            files.insert(format!("integrations/{id}.lua"), text);
        }
    }
    Ok(files)
}

/// Refuses a folder that is reached through a link: it may lead anywhere. The folders above an absolute path are the user's own business.
fn no_links(folder: &Path) -> Result<()> {
    let mut path = PathBuf::new();
    for part in folder.components() {
        path.push(part);
        let own = !folder.is_absolute() || path == folder;
        let named = matches!(part, Component::Normal(_));
        if own && named && fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink()) {
            return Err(Error::usage(format!("{} is a link: definitions are not written through it", path.display()))
                .hint("angelia lua:types --output DIR"));
        }
    }
    Ok(())
}

/// What a language server must know of workflows.
fn settings(folder: &Path) -> Value {
    json!({
        "runtime.version": "Lua 5.4",
        "runtime.nonstandardSymbol": ["+=", "-=", "*=", "/=", "%=", "^=", "//=", "continue", "`"],
        "runtime.builtin": {"io": "disable", "os": "disable", "debug": "disable", "package": "disable", "bit32": "enable"},
        "workspace.library": [folder.display().to_string()],
    })
}
