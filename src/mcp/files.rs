//! Which upstream servers are configured: the user's own `mcp.json`, and the files of the project around the current folder. A broken file or
//! entry is a problem that is told and harms nothing else. Nothing is started, contacted or written here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::error::{Code, Error, Result};
use crate::base::name::{nearest, printable};
use crate::config::dirs::Dirs;
use crate::config::{env, files};
use crate::mcp::entry::{self, Entry, Transport};
use crate::mcp::trust::Trust;
use crate::mcp::{jsonc, values};
use crate::registry::function::UPSTREAMS;

/// The files of a project that may name servers, strongest first.
pub const PROJECT_FILES: [&str; 4] = [".angelia/mcp.json", ".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json"];

/// The members that hold servers, as clients name them.
pub const MEMBERS: [&str; 2] = ["mcpServers", "servers"];

/// Everything that is configured.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// The servers that count, sorted by name.
    pub entries: Vec<Entry>,
    /// Entries of the same name in a weaker file.
    pub shadowed: Vec<Entry>,
    /// What could not be understood.
    pub problems: Vec<FileProblem>,
    /// The files that there are, strongest first.
    pub files: Vec<PathBuf>,
}

/// What is wrong with a file or with one entry of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    pub file: PathBuf,
    /// The entry; `None` for the whole file.
    pub name: Option<String>,
    pub why: String,
}

impl FileProblem {
    /// In one line.
    pub fn line(&self) -> String {
        match &self.name {
            Some(name) => format!("{}: '{}' {}", self.file.display(), printable(name), self.why),
            None => format!("{}: {}", self.file.display(), self.why),
        }
    }
}

/// Reads what is configured: a trusted entry of the project before the user's own, and that before an untrusted one.
pub fn servers(dirs: &Dirs, cwd: Option<&Path>) -> Result<Servers> {
    let trust = Trust::open(dirs)?;
    let mut found = Servers::default();
    let mut entries = Vec::new();
    if let Some(root) = cwd.and_then(project_root) {
        for path in project_files(&root) {
            entries.extend(load(&path, Some(&root), &mut found));
        }
    }
    if let Some(path) = own_file(dirs) {
        entries.extend(load(&path, None, &mut found));
    }
    // Stable: files of the same strength stay in their order.
    entries.sort_by_key(|entry| match entry.project {
        Some(_) if trust.check(entry).is_ok() => 0,
        None => 1,
        Some(_) => 2,
    });
    for entry in entries {
        let taken = found.entries.iter().any(|known| known.id == entry.id);
        if taken { found.shadowed.push(entry) } else { found.entries.push(entry) }
    }
    found.entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

impl Servers {
    /// The server of a name, or of the name as it stands in functions.
    pub fn find(&self, name: &str) -> Result<&Entry> {
        let short = name.strip_prefix(UPSTREAMS).unwrap_or(name);
        let by_name = self.entries.iter().find(|entry| entry.name == name);
        if let Some(entry) = by_name.or_else(|| self.entries.iter().find(|entry| entry.id == short)) {
            return Ok(entry);
        }
        if let Some(problem) = self.problems.iter().find(|problem| problem.name.as_deref() == Some(name)) {
            return Err(Error::usage(format!("The MCP server '{}' cannot be used: {}", printable(name), problem.line())));
        }
        let names = self.entries.iter().flat_map(|entry| [entry.name.as_str(), entry.id.as_str()]);
        let mut near = nearest(name, names);
        near.dedup();
        Err(Error::new(Code::NotFound, format!("No MCP server is named '{}'", printable(name)))
            .hints(near.into_iter().map(|near| format!("Did you mean '{}'?", printable(near))))
            .hints(self.problems.iter().filter(|problem| problem.name.is_none()).map(FileProblem::line))
            .hint("angelia mcp:list"))
    }
}

/// The user's own file.
pub fn own_file(dirs: &Dirs) -> Option<PathBuf> {
    dirs.config().map(|folder| folder.join("mcp.json"))
}

/// Every file whose change can change what [`servers`] answers, whether it is there or not.
pub fn candidates(dirs: &Dirs, cwd: Option<&Path>) -> Vec<PathBuf> {
    let project = cwd.and_then(project_root).map(|root| project_files(&root)).unwrap_or_default();
    project.into_iter().chain(own_file(dirs)).chain(Trust::path(dirs)).collect()
}

/// The nearest folder that has one of the files.
pub fn project_root(cwd: &Path) -> Option<PathBuf> {
    let has = |folder: &&Path| project_files(folder).iter().any(|path| path.exists());
    cwd.ancestors().find(has).map(Path::to_path_buf)
}

/// The files of a project, whether they are there or not. What Cursor keeps in the home folder is the user's, not a project's.
fn project_files(root: &Path) -> Vec<PathBuf> {
    let home = env::var("HOME").is_some_and(|home| Path::new(&home) == root);
    let of_project = |name: &&&str| !(home && name.starts_with(".cursor"));
    PROJECT_FILES.iter().filter(of_project).map(|name| root.join(name)).collect()
}

/// The entries of one file.
fn load(path: &Path, root: Option<&Path>, found: &mut Servers) -> Vec<Entry> {
    let mut problem = |name: Option<&str>, why: String| {
        found.problems.push(FileProblem { file: path.to_owned(), name: name.map(str::to_owned), why });
    };
    let text = match files::read(path) {
        Ok(None) => return Vec::new(),
        Ok(Some(text)) => text,
        Err(error) => {
            problem(None, error.message);
            return Vec::new();
        }
    };
    let (entries, problems) = read(&text, path, root);
    problems.into_iter().for_each(|(name, why)| problem(name.as_deref(), why));
    found.files.push(path.to_owned());
    entries
}

/// What is wrong, and with which entry.
type Wrong = (Option<String>, String);

/// The entries of a file's text.
pub fn read(text: &str, path: &Path, root: Option<&Path>) -> (Vec<Entry>, Vec<Wrong>) {
    let mut problems: Vec<Wrong> = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    let document = match jsonc::parse(text) {
        _ if text.trim().is_empty() => Value::Object(Map::new()),
        Ok(document) => document,
        Err(why) => return (entries, vec![(None, format!("is not valid JSON: {why}"))]),
    };
    if !document.is_object() {
        problems.push((None, String::from("must be an object")));
    }
    for member in MEMBERS {
        let Some(servers) = document.get(member) else { continue };
        let Some(servers) = servers.as_object() else {
            problems.push((None, format!("'{member}' must be an object")));
            continue;
        };
        let reader = Reader { file: path, root };
        for (name, value) in servers {
            match reader.entry(name, value) {
                // What runs this very program is a client's entry for us, not a server for us to use.
                Ok((entry, _)) if entry.is_ours() => {}
                Ok((entry, notes)) => {
                    problems.extend(notes.into_iter().map(|note| (Some(name.clone()), note)));
                    entries.push(entry);
                }
                Err(why) => problems.push((Some(name.clone()), why)),
            }
        }
    }
    (entries, problems)
}

/// Reads entries of one file.
struct Reader<'a> {
    file: &'a Path,
    root: Option<&'a Path>,
}

impl Reader<'_> {
    /// An entry, and what of it is not understood.
    fn entry(&self, name: &str, value: &Value) -> Result<(Entry, Vec<String>), String> {
        if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
            return Err(String::from("has a name that is empty, too long or holds control characters"));
        }
        let members = value.as_object().ok_or("must be an object")?;
        let transport = self.transport(members)?;
        let mut notes = Vec::new();
        if members.contains_key("envFile") {
            notes.push(String::from("has an envFile, which is not supported: name the variables in 'env'"));
        }
        let flag = |key: &str| match members.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(yes)) => Ok(Some(*yes)),
            Some(_) => Err(format!("'{key}' must be true or false")),
        };
        let disabled = flag("disabled")? == Some(true) || flag("enabled")? == Some(false);
        let entry = Entry {
            name: name.to_owned(),
            id: entry::id(name),
            file: self.file.to_owned(),
            project: self.root.map(Path::to_path_buf),
            transport,
            disabled,
        };
        Ok((entry, notes))
    }

    fn transport(&self, members: &Map<String, Value>) -> Result<Transport, String> {
        let kind = kind(members)?;
        let url = ["url", "serverUrl", "httpUrl"].into_iter().find(|key| members.contains_key(*key));
        let local = match (kind, members.contains_key("command"), url) {
            (Some("stdio"), false, _) => return Err(String::from("has no 'command'")),
            (Some("http" | "sse"), _, None) => return Err(String::from("has no 'url'")),
            (None, true, Some(_)) => return Err(String::from("has both a command and a url: say which by 'type'")),
            (None, false, None) => return Err(String::from("has neither 'command' nor 'url'")),
            (Some(kind), ..) => kind == "stdio",
            (None, command, _) => command,
        };
        match url.filter(|_| !local) {
            None => self.stdio(members),
            Some(key) => {
                let url = self.text(key, &members[key])?;
                check_url(&url)?;
                let headers = self.pairs("headers", members)?;
                headers.iter().try_for_each(|(name, value)| check_header(name, value))?;
                Ok(Transport::Http { url, headers, sse: kind == Some("sse") })
            }
        }
    }

    fn stdio(&self, members: &Map<String, Value>) -> Result<Transport, String> {
        let mut words = match members.get("command") {
            Some(Value::Array(words)) => self.words("command", words)?,
            Some(command) => vec![self.text("command", command)?],
            None => Vec::new(),
        };
        match members.get("args") {
            None | Some(Value::Null) => {}
            Some(Value::Array(args)) => words.extend(self.words("args", args)?),
            Some(_) => return Err(String::from("'args' must be a list of texts")),
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err(String::from("has a zero byte in 'command' or 'args'"));
        }
        let mut words = words.into_iter();
        let command = words.next().filter(|command| !command.trim().is_empty()).ok_or("has an empty 'command'")?;
        let env = self.pairs("env", members)?;
        if let Some((name, _)) = env.iter().find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')) {
            return Err(format!("'env' has '{}', which cannot be a variable", printable(name)));
        }
        let cwd = match members.get("cwd") {
            None | Some(Value::Null) => None,
            Some(cwd) => Some(self.folder(&self.text("cwd", cwd)?)?),
        };
        Ok(Transport::Stdio { command, args: words.collect(), env, cwd })
    }

    fn folder(&self, text: &str) -> Result<PathBuf, String> {
        let path = match (text.strip_prefix("~/"), env::var("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => PathBuf::from(text),
        };
        match self.root {
            _ if path.is_absolute() || text.starts_with("${") => Ok(path),
            Some(root) => Ok(root.join(path)),
            None => Err(String::from("'cwd' must be an absolute path")),
        }
    }

    /// A text with the words that stand for the project's folder replaced.
    fn text(&self, key: &str, value: &Value) -> Result<String, String> {
        let text = match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => crate::base::json::plain(value),
            _ => return Err(format!("'{key}' must be text")),
        };
        Ok(match self.root {
            Some(root) => {
                let folder = root.to_string_lossy();
                let name = root.file_name().unwrap_or_default().to_string_lossy();
                text.replace("${workspaceFolder}", &folder).replace("${workspaceFolderBasename}", &name)
            }
            None => text,
        })
    }

    fn words(&self, key: &str, words: &[Value]) -> Result<Vec<String>, String> {
        words.iter().map(|word| self.text(key, word)).collect()
    }

    fn pairs(&self, key: &str, members: &Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
        let pairs = match members.get(key) {
            None | Some(Value::Null) => return Ok(BTreeMap::new()),
            Some(Value::Object(pairs)) => pairs,
            Some(_) => return Err(format!("'{key}' must be an object of texts")),
        };
        let mut read = BTreeMap::new();
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_null()) {
            let text = self.text(&format!("{key}.{}", printable(name)), value)?;
            if self.root.is_some() && values::parse(&text).iter().any(|part| matches!(part, values::Part::Command(_))) {
                return Err(format!("'{key}.{}' is a cmd: reference, which only your own entries may have", printable(name)));
            }
            read.insert(name.clone(), text);
        }
        Ok(read)
    }
}

/// The transport that an entry names.
fn kind(members: &Map<String, Value>) -> Result<Option<&'static str>, String> {
    let Some(value) = ["type", "transport"].into_iter().find_map(|key| members.get(key)) else { return Ok(None) };
    match value.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("stdio" | "local") => Ok(Some("stdio")),
        Some("http" | "streamable-http" | "streamablehttp" | "streamable_http" | "remote") => Ok(Some("http")),
        Some("sse") => Ok(Some("sse")),
        _ => Err(String::from("has a 'type' that is none of stdio, http, sse")),
    }
}

/// Whether a server can be reached by this; words that stand for something else are not looked into.
pub fn check_url(text: &str) -> Result<(), String> {
    if text.contains("${") {
        return Ok(());
    }
    let url = url::Url::parse(text).map_err(|error| format!("'url' is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(String::from("'url' must be an http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(String::from("'url' must not hold a user name or password: use 'headers'"));
    }
    Ok(())
}

/// Whether this can be a header.
pub fn check_header(name: &str, value: &str) -> Result<(), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) || value.contains(['\r', '\n', '\0']) {
        return Err(format!("'headers' has '{}', which cannot be a header", printable(name)));
    }
    Ok(())
}
