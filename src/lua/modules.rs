//! `require`: the modules of `lua-stdlib/`, which are compiled in, and files beside the script. Nothing outside the script's
//! folder is read, also not through a symbolic link, and only text is loaded.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mlua::chunk::ChunkMode;
use mlua::{IntoLuaMulti as _, Lua, MultiValue};
use serde_json::Value;

use crate::base::error::{Code, Error, Result};
use crate::base::name::{nearest, printable};
use crate::lua::globals::{one, text};
use crate::lua::header;
use crate::lua::host::{Fault, Function, Host, Told, wrong};
use crate::lua::limits::LARGEST_SOURCE;

/// The functions of this file.
pub const FUNCTIONS: &[(&str, Function)] = &[("load", load), ("workflow", workflow)];

/// The standard library: name and source.
#[rustfmt::skip]
pub const STANDARD: &[(&str, &str)] = &[
    ("csv",      include_str!("../../lua-stdlib/csv.lua")),
    ("dates",    include_str!("../../lua-stdlib/dates.lua")),
    ("markdown", include_str!("../../lua-stdlib/markdown.lua")),
    ("retry",    include_str!("../../lua-stdlib/retry.lua")),
    ("schema",   include_str!("../../lua-stdlib/schema.lua")),
    ("strings",  include_str!("../../lua-stdlib/strings.lua")),
    ("tables",   include_str!("../../lua-stdlib/tables.lua")),
];

/// Most modules of one run.
const MOST: usize = 100;

/// The modules of one run.
pub struct Modules {
    /// The folder of the script; `None` for a script that is no file.
    folder: Option<PathBuf>,
    loaded: Cell<usize>,
}

impl Modules {
    /// Modules beside a script.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, loaded: Cell::new(0) }
    }

    /// Name and source of a module.
    fn source(&self, name: &str) -> Result<(String, String)> {
        let local = name.strip_prefix("./");
        if local.is_none()
            && let Some((_, source)) = STANDARD.iter().find(|(known, _)| *known == name)
        {
            return Ok((format!("{name}.lua"), (*source).to_owned()));
        }
        let path = local.unwrap_or(name);
        let path = path.strip_suffix(".lua").unwrap_or(path).replace('.', "/");
        let good = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if !path.split('/').all(good) {
            return Err(Error::new(
                Code::PermissionDenied,
                format!("require(\"{}\"): a module is named by letters, digits, _ and -, in folders below the script", printable(name)),
            ));
        }
        let Some(folder) = &self.folder else { return Err(missing(name, "a script that is no file has no files beside it")) };
        let file = format!("{path}.lua");
        let source = read(folder, Path::new(&file))?.ok_or_else(|| missing(name, "there is no such file beside the script"))?;
        Ok((file, source))
    }
}

/// Reads a file inside a folder.
fn read(folder: &Path, file: &Path) -> Result<Option<String>> {
    let Ok(path) = folder.join(file).canonicalize() else { return Ok(None) };
    let inside = folder.canonicalize().is_ok_and(|folder| path.starts_with(folder));
    if !inside {
        return Err(Error::new(Code::PermissionDenied, format!("{} lies outside of the script's folder", file.display())));
    }
    source(&path).map(Some)
}

/// Reads a Lua source: an ordinary file of text, not too large.
pub fn source(path: &Path) -> Result<String> {
    use std::io::Read as _;
    let refused = |why: String| Error::new(Code::NotFound, format!("{} cannot be read: {why}", path.display()));
    let meta = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    if !meta.is_file() {
        return Err(refused(String::from("it is not an ordinary file")));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| refused(error.to_string()))?;
    file.take(LARGEST_SOURCE as u64 + 1).read_to_end(&mut bytes).map_err(|error| refused(error.to_string()))?;
    checked(bytes, &path.display().to_string())
}

/// A source as text.
pub fn checked(bytes: Vec<u8>, name: &str) -> Result<String> {
    if bytes.len() > LARGEST_SOURCE {
        return Err(Error::new(Code::ScriptError, format!("{name} is larger than {} KiB", LARGEST_SOURCE >> 10))
            .hint("Data belongs into --args, stdin or a provider, not into the source"));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(Code::ScriptError, format!("{name} is not text (UTF-8); compiled Lua is not loaded")))
}

/// A source as the compiler takes it: without a byte order mark, the first line of a program file as a comment, and no NUL,
/// where the compiler would take the text to end.
pub fn cleaned(source: String, name: &str) -> Result<String> {
    if source.contains('\0') {
        return Err(Error::new(Code::ScriptError, format!("{name} holds a NUL byte; it is not text")));
    }
    let text = source.strip_prefix('\u{feff}').unwrap_or(&source);
    // Comments such as `--!optimize 2` steer the compiler where they stand before every statement; behind one they are comments.
    Ok(if text.starts_with("#!") { format!("do end --{text}") } else { format!("do end {text}") })
}

fn missing(name: &str, why: &str) -> Error {
    let near = nearest(name, STANDARD.iter().map(|(known, _)| *known));
    Error::new(Code::NotFound, format!("require(\"{}\"): {why}", printable(name)))
        .hints(near.iter().map(|near| format!("Did you mean '{near}'?")))
        .hint(format!("Standard modules: {}", STANDARD.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ")))
}

/// A workflow's chunk and its arguments, checked by its header as a call checks them.
fn workflow(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let name = text(arguments.pop_front(), "workflow: the file")?;
    let given = host.to_json(&arguments.pop_front().unwrap_or_default(), None, "workflow")?;
    let (file, source) = host.modules.source(&format!("./{name}"))?;
    let stem = file.strip_suffix(".lua").unwrap_or(&file);
    let header = header::read(&file, &source)?;
    let Value::Object(object) = given else { return Err(wrong("workflow: the arguments must be a table of names")) };
    let object = match header {
        None => object,
        Some(function) => header::arguments(&function, object).map_err(|error| Fault::Call(error, format!("workflow.{stem}")))?,
    };
    let chunk = compiled(lua, &file, source)?;
    Ok((chunk, host.json.to_lua(lua, &Value::Object(object))?).into_lua_multi(lua)?)
}

fn compiled(lua: &Lua, file: &str, source: String) -> Told<mlua::Function> {
    let source = cleaned(source, file)?;
    let loading = lua.load(source).set_name(format!("={file}")).set_mode(ChunkMode::Text).into_function();
    loading.map_err(|error| match error {
        mlua::Error::SyntaxError { message, .. } => Fault::Error(Error::new(Code::ScriptError, message)),
        other => Fault::Vm(other),
    })
}

/// A module's chunk; the prelude runs it once.
fn load(host: &Rc<Host>, lua: &Lua, mut arguments: MultiValue) -> Told<MultiValue> {
    let name = text(arguments.pop_front(), "require: the name")?;
    host.modules.loaded.set(host.modules.loaded.get() + 1);
    if host.modules.loaded.get() > MOST {
        return Err(wrong(format!("require: a script may have {MOST} modules")));
    }
    let (file, source) = host.modules.source(&name)?;
    one(lua, compiled(lua, &file, source)?)
}
