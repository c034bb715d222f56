//! The user's own files, manifests and workflows: read, checked and compiled into the same form as the built-in manifests, again
//! only when a file changed. A broken file is remembered with its line and reason and harms nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::base::json::{digest, hex, sha256};
use crate::base::quote::shell;
use crate::registry::catalog::Layer;
pub use crate::registry::check::parse;
use crate::registry::function::{Function, LuaFile};
use crate::registry::import::stored::Stored;
use crate::registry::index::{FileProblem, Index, Source, compile, is_provider_id};
use crate::registry::manifest::Provider;
use crate::registry::{jq, lint, schema, workflow};

/// A manifest larger than this is refused.
const LARGEST: u64 = 64 << 20;

/// How the reason begins for which an import is left out.
pub const UNREADABLE_IMPORT: &str = "this import cannot be read";

/// So many problems of a file are told with the others; `integrations:lint` says all.
const MOST_SAID: usize = 5;

/// So is an import, which we wrote ourselves.
const LARGEST_IMPORT: u64 = 256 << 20;

/// The compiled catalog of a folder of manifests; `None` when it has none. `cache` is where the compiled form is kept.
pub fn open(folder: &Path, cache: &Path) -> Option<Index> {
    compiled(&manifests(folder), cache, compile_files)
}

/// The workflow files of some folders as one provider; of two that are valid and have one name, the one in the earlier folder counts.
pub fn open_workflows(folders: &[PathBuf], cache: &Path) -> Option<Index> {
    let absolute = folders.iter().filter_map(|folder| std::path::absolute(folder).ok());
    let found: Vec<_> = absolute.flat_map(|folder| files(&folder, &["lua"])).collect();
    compiled(&found, cache, compile_workflows)
}

/// Every import of a folder as a catalog of its own: when one changes the others stay as they are. Where only one is wanted, by its id, the
/// others are not looked at.
pub fn open_imports(folder: &Path, cache: &Path, id: Option<&str>) -> Vec<(Layer, Index)> {
    let found = match id {
        None => files(folder, &["json"]),
        Some(id) if is_provider_id(id) => {
            let path = folder.join(format!("{id}.json"));
            fs::metadata(&path).map(|meta| (path, meta)).into_iter().collect()
        }
        Some(_) => Vec::new(),
    };
    let open = |file: (PathBuf, fs::Metadata)| {
        let name = file.0.file_stem()?.to_str()?.to_owned();
        let index = compiled(&[file], &cache.join(format!("{name}.bin")), |files, fingerprint| compile_import(files, &name, fingerprint))?;
        let verified = index.summaries().is_ok_and(|all| all.iter().any(|summary| summary.verified));
        Some((if verified { Layer::Overlaid } else { Layer::Import }, index))
    };
    found.into_iter().filter_map(open).collect()
}

/// An import from its file.
pub fn read_import(path: &Path) -> Result<Stored, String> {
    let meta = fs::metadata(path).map_err(|error| error.to_string())?;
    let text = read_text(path, &meta, LARGEST_IMPORT)
        .map_err(|problems| problems.into_iter().map(|problem| problem.message).collect::<String>())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn compile_import(files: &Files, name: &str, fingerprint: &str) -> Option<Vec<u8>> {
    let (path, _) = files.first()?;
    let checked = read_import(path).and_then(|stored| match lint::lint(&stored.provider, false).into_iter().next() {
        _ if stored.provider.id != name => Err(format!("it defines '{}'", stored.provider.id)),
        Some(finding) => Err(finding.message),
        None => Ok(stored.provider),
    });
    match checked {
        Ok(provider) => compile(vec![provider], fingerprint, Vec::new()).ok(),
        Err(why) => compile(Vec::new(), fingerprint, problems(path, vec![(None, format!("{UNREADABLE_IMPORT}: {why}"))])).ok(),
    }
}

/// A catalog that somebody else makes of some files; `make` is given what is to be its fingerprint.
pub fn open_made(files: &[PathBuf], cache: &Path, make: impl FnOnce(&str) -> Option<Vec<u8>>) -> Option<Index> {
    let found: Vec<_> = files.iter().filter_map(|path| fs::metadata(path).ok().map(|meta| (path.clone(), meta))).collect();
    compiled(&found, cache, |_, fingerprint| make(fingerprint))
}

type Files = [(PathBuf, fs::Metadata)];

fn compiled(files: &Files, cache: &Path, make: impl FnOnce(&Files, &str) -> Option<Vec<u8>>) -> Option<Index> {
    if files.is_empty() {
        return None;
    }
    let fingerprint = fingerprint(files);
    if let Some(index) = read_cache(cache).filter(|index| index.fingerprint() == fingerprint) {
        return Some(index);
    }
    let bytes = make(files, &fingerprint)?;
    let source = match write_cache(cache, &bytes) {
        Ok(file) => Source::File(file),
        Err(_) => Source::Memory(bytes),
    };
    Index::open(source).ok()
}

fn read_cache(cache: &Path) -> Option<Index> {
    fs::File::open(cache).ok().and_then(|file| Index::open(Source::File(file)).ok())
}

/// The name of a manifest in a folder of its own, beside which its exchange tests stand.
pub const IN_FOLDER: &str = "provider.yaml";

fn manifests(folder: &Path) -> Vec<(PathBuf, fs::Metadata)> {
    in_order(folder, |path, meta| {
        let inner = path.join(IN_FOLDER);
        match meta.is_dir().then(|| fs::metadata(&inner)) {
            Some(Ok(meta)) if meta.is_file() => Some((inner, meta)),
            _ => ends_with(&path, &["yaml", "yml", "json"]).then_some((path, meta)),
        }
    })
}

fn files(folder: &Path, ends: &[&str]) -> Vec<(PathBuf, fs::Metadata)> {
    in_order(folder, |path, meta| ends_with(&path, ends).then_some((path, meta)))
}

fn ends_with(path: &Path, ends: &[&str]) -> bool {
    path.extension().is_some_and(|end| ends.iter().any(|known| end == *known))
}

/// What is kept of a folder, ordered by path; a link counts as what it leads to.
fn in_order(folder: &Path, keep: impl Fn(PathBuf, fs::Metadata) -> Option<(PathBuf, fs::Metadata)>) -> Vec<(PathBuf, fs::Metadata)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut kept: Vec<_> = paths.filter_map(|path| fs::metadata(&path).ok().and_then(|meta| keep(path, meta))).collect();
    kept.sort_by(|a, b| a.0.cmp(&b.0));
    kept
}

fn fingerprint(files: &Files) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    for (path, meta) in files {
        let changed = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(meta.len().to_le_bytes());
        hash.update(changed.map_or(0, |since| since.as_nanos()).to_le_bytes());
    }
    hex(&hash.finalize())
}

fn compile_files(files: &Files, fingerprint: &str) -> Option<Vec<u8>> {
    let (mut providers, mut problems): (Vec<Provider>, Vec<FileProblem>) = (Vec::new(), Vec::new());
    for (path, meta) in files {
        match read(path, meta) {
            Ok(provider) if providers.iter().any(|known| known.id == provider.id) => problems.push(FileProblem {
                file: path.display().to_string(),
                line: None,
                message: format!("another file already defines '{}'", provider.id),
            }),
            Ok(provider) => providers.push(provider),
            Err(found) => problems.extend(found),
        }
    }
    compile(providers, fingerprint, problems).ok()
}

fn compile_workflows(files: &Files, fingerprint: &str) -> Option<Vec<u8>> {
    let (mut functions, mut problems): (Vec<Function>, Vec<FileProblem>) = (Vec::new(), Vec::new());
    for (path, meta) in files {
        match read_workflow(path, meta) {
            Ok(Some(function)) if !functions.iter().any(|known| known.id == function.id) => functions.push(function),
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
    }
    functions.sort_by(|a, b| a.id.cmp(&b.id));
    let providers = if functions.is_empty() { Vec::new() } else { vec![workflow::provider(functions).ok()?] };
    compile(providers, fingerprint, problems).ok()
}

fn read(path: &Path, meta: &fs::Metadata) -> Result<Provider, Vec<FileProblem>> {
    let text = read_text(path, meta, LARGEST)?;
    parse(&text).map_err(|mut found| {
        let more = found.len().saturating_sub(MOST_SAID);
        found.truncate(MOST_SAID);
        if more > 0 {
            found.push((None, format!("and {more} more: angelia integrations:lint {}", shell(&path.display().to_string()))));
        }
        problems(path, found)
    })
}

fn read_workflow(path: &Path, meta: &fs::Metadata) -> Result<Option<Function>, Vec<FileProblem>> {
    let text = read_text(path, meta, workflow::LARGEST)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let Some(mut function) = workflow::parse(&stem, &text).map_err(|found| problems(path, found))? else { return Ok(None) };
    let Some(name) = path.to_str() else { return Err(problems(path, vec![(None, String::from("the file's path is not UTF-8"))])) };
    function.lua = Some(LuaFile { path: name.to_owned(), sha256: sha256(text.as_bytes()) });
    Ok(Some(function))
}

fn read_text(path: &Path, meta: &fs::Metadata, largest: u64) -> Result<String, Vec<FileProblem>> {
    let wrong = |why: String| problems(path, vec![(None, why)]);
    if !meta.is_file() || meta.len() > largest {
        let size = if largest >> 20 > 0 { format!("{} MiB", largest >> 20) } else { format!("{} KiB", largest >> 10) };
        return Err(wrong(format!("must be an ordinary file of at most {size}")));
    }
    fs::read_to_string(path).map_err(|error| wrong(error.to_string()))
}

fn problems(path: &Path, found: Vec<(Option<u64>, String)>) -> Vec<FileProblem> {
    let file = path.display().to_string();
    found.into_iter().map(|(line, message)| FileProblem { file: file.clone(), line, message }).collect()
}

/// The file of a folder that defines a provider: the one that counts, where several do.
pub fn defining(folder: &Path, id: &str) -> Option<PathBuf> {
    let defines = |(path, meta): &(PathBuf, fs::Metadata)| read(path, meta).is_ok_and(|provider| provider.id == id);
    manifests(folder).into_iter().find(defines).map(|(path, _)| path)
}

/// Whether a file that could not be read was to define a provider: by its name, or by what it says of its id.
pub fn is_for(path: &Path, id: &str) -> bool {
    if ends_with(path, &["lua"]) {
        return false;
    }
    let stem = path.file_stem().filter(|_| !path.ends_with(IN_FOLDER)).or_else(|| path.parent().and_then(Path::file_name));
    let says = |text: String| {
        let ids = text.lines().filter_map(|line| line.trim_start_matches(['{', ' ', '\t']).split_once(':'));
        let first = ids.filter(|(key, _)| key.trim_matches(['"', '\'', ' ']) == "id").map(|(_, value)| value).next();
        first.is_some_and(|value| value.trim_matches(['"', '\'', ',', ' ', '\r']) == id)
    };
    let text = || fs::metadata(path).ok().and_then(|meta| read_text(path, &meta, LARGEST).ok());
    stem.is_some_and(|stem| stem == id) || text().is_some_and(says)
}

/// A file of JSON or YAML, read no further than its size can be refused.
pub fn document(path: &Path) -> Result<Value, String> {
    let meta = fs::metadata(path).map_err(|error| error.to_string())?;
    let text = read_text(path, &meta, LARGEST).map_err(|found| found.into_iter().map(|problem| problem.message).collect::<String>())?;
    if path.extension().is_some_and(|end| end == "json") {
        return serde_json::from_str(&text).map_err(|error| error.to_string());
    }
    serde_saphyr::from_str(&text).map_err(|error| first_line(&error.without_snippet().to_string()))
}

/// What needs an engine: jq programs compile, examples validate.
pub fn engine_checks(function: &Function) -> Vec<String> {
    let mut said: Vec<String> = [&function.item, &function.shape, &function.build]
        .into_iter()
        .flatten()
        .filter_map(|program| jq::Program::compile(program).err())
        .collect();
    let schema = function.input_schema();
    for example in &function.examples {
        if let Err(why) = schema::valid(&schema, &Value::Object(example.arguments.clone())) {
            said.push(format!("example: {why}"));
        }
    }
    said
}

pub(super) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn write_cache(cache: &Path, bytes: &[u8]) -> std::io::Result<fs::File> {
    use std::io::Write as _;
    let folder = cache.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    // Else a power cut may leave the new name with old or no bytes.
    file.as_file().sync_all()?;
    file.persist(cache).map_err(|error| error.error)
}

/// Identity of what a function does: approvals do not carry over to a changed one.
pub fn definition(function: &Function) -> String {
    let value = serde_json::to_value(function).unwrap_or_default();
    let parts = [
        "id",
        "any_of",
        "required",
        "operation",
        "request",
        "graphql",
        "native",
        "lua",
        "mcp",
        "server",
        "input",
        "parameters",
        "defs",
        "fields",
        "build",
    ];
    let kept: serde_json::Map<String, Value> =
        parts.into_iter().filter_map(|part| value.get(part).map(|value| (part.to_owned(), value.clone()))).collect();
    digest(&Value::Object(kept))
}
