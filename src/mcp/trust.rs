//! Which servers of projects the user looked at, and how the tools of servers looked then. Kept in the data folder, so nothing inside a
//! project can trust itself: a changed entry asks again, and a tool that is new or changed since is quarantined until it is accepted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::error::{Code, Error, Result};
use crate::base::json::{digest, sha256};
use crate::base::name::printable;
use crate::base::quote::shell;
use crate::config::dirs::Dirs;
use crate::config::files;
use crate::mcp::entry::Entry;

/// What of a tool a model or a person acts on.
const PINNED: [&str; 6] = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];

/// The texts of a server's tools are kept up to this size; above it their digests alone.
const KEPT_BYTES: usize = 2 << 20;

/// A project's folder, a server's name, and the fingerprint that was trusted.
type Known = BTreeMap<String, BTreeMap<String, String>>;

/// What is trusted.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    known: Known,
    pins: Option<PathBuf>,
}

/// Why a tool may not be used yet. A text is null where it was too long to be kept; the digest says what it is all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quarantine {
    /// It was not there when the server was first met.
    New { new: Value, digest: String },
    /// It looked otherwise.
    Changed { old: Value, new: Value, digest: String },
}

/// The tools of one server, as they were.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Pins {
    fingerprint: String,
    pinned: BTreeMap<String, Pin>,
    /// The tools of the last contact, when they are not the pinned ones.
    seen: Option<BTreeMap<String, Pin>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pin {
    digest: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    tool: Value,
}

impl Pins {
    fn size(&self) -> usize {
        self.pinned.values().chain(self.seen.iter().flat_map(BTreeMap::values)).map(|pin| pin.tool.to_string().len()).sum()
    }

    /// Keeps the digests alone of these tools.
    fn forget(&mut self, which: impl Fn(&str) -> bool) {
        let all = self.pinned.iter_mut().chain(self.seen.iter_mut().flatten());
        all.filter(|(name, _)| which(name)).for_each(|(_, pin)| pin.tool = Value::Null);
    }
}

impl Trust {
    /// Reads what is trusted.
    pub fn open(dirs: &Dirs) -> Result<Self> {
        let known = Self::path(dirs).map(|path| read(&path)).transpose()?.unwrap_or_default();
        Ok(Self { known, pins: dirs.data().map(|folder| folder.join("mcp-pins")) })
    }

    /// The file that says so.
    pub fn path(dirs: &Dirs) -> Option<PathBuf> {
        dirs.data().map(|folder| folder.join("mcp-trust.json"))
    }

    /// Refuses a server of a project that is not trusted as it is now. The user's own are trusted by being there.
    pub fn check(&self, entry: &Entry) -> Result<()> {
        let Some(root) = &entry.project else { return Ok(()) };
        let known = key(root).ok().and_then(|root| self.known.get(&root)?.get(&entry.name));
        let name = printable(&entry.name);
        let why = match known {
            Some(known) if *known == entry.fingerprint() => return Ok(()),
            Some(_) => "has changed since you trusted it",
            None => "is not trusted",
        };
        Err(Error::new(Code::Untrusted, format!("The MCP server '{name}' of {} {why}", entry.file.display()))
            .hint(format!("angelia mcp:trust {}", shell(&entry.name))))
    }

    /// Whether this server was trusted, as it is now or otherwise.
    pub fn knows(&self, entry: &Entry) -> bool {
        let root = entry.project.as_deref().and_then(|root| key(root).ok());
        root.and_then(|root| self.known.get(&root)).is_some_and(|names| names.contains_key(&entry.name))
    }

    /// Trusts a server of a project as it is now.
    pub fn trust(dirs: &Dirs, entry: &Entry) -> Result<()> {
        let Some(root) = &entry.project else { return Ok(()) };
        let root = key(root)?;
        change(dirs, |known| {
            known.entry(root).or_default().insert(entry.name.clone(), entry.fingerprint());
        })
    }

    /// Trusts a server of a project no more, and forgets how its tools looked; false when it was not trusted.
    pub fn untrust(dirs: &Dirs, root: &Path, name: &str) -> Result<bool> {
        // A folder that is gone has no other name any more.
        let key = key(root).unwrap_or_else(|_| root.display().to_string());
        let mut was = false;
        change(dirs, |known| {
            was = known.get_mut(&key).is_some_and(|names| names.remove(name).is_some());
            known.retain(|_, names| !names.is_empty());
        })?;
        if let Some(folder) = dirs.data() {
            drop(fs::remove_file(folder.join("mcp-pins").join(pin_file(Some(&key), name))));
        }
        Ok(was)
    }

    /// Tools of a server that may not be used yet, by name. Before the first contact was pinned there is none.
    pub fn quarantined(&self, entry: &Entry, tools: &[Value]) -> BTreeMap<String, Quarantine> {
        match self.pins(entry) {
            Ok(None) => BTreeMap::new(),
            Ok(Some(pins)) => compare(&pins.pinned, &as_pins(tools)),
            // What cannot be compared is not what was looked at.
            Err(_) => compare(&BTreeMap::new(), &as_pins(tools)),
        }
    }

    /// Whether there is anything to compare the tools of a server with.
    pub fn has_pins(&self, entry: &Entry) -> bool {
        !matches!(self.pins(entry), Ok(None))
    }

    /// Remembers the tools of a server: as the ones that may be used at the first contact, later as the ones to look at.
    pub fn pin(&self, dirs: &Dirs, entry: &Entry, tools: &[Value]) -> Result<()> {
        let now = as_pins(tools);
        self.change(dirs, entry, |pins| {
            let Some(pins) = pins else {
                return Ok(Some(Pins { fingerprint: entry.fingerprint(), pinned: now.clone(), seen: None }));
            };
            let seen = (!compare(&pins.pinned, &now).is_empty()).then(|| now.clone());
            Ok((digests(&seen) != digests(&pins.seen)).then_some(Pins { seen, ..pins }))
        })
    }

    /// Tools of the last contact that may not be used yet.
    pub fn pending(&self, entry: &Entry) -> Result<BTreeMap<String, Quarantine>> {
        let pins = self.pins(entry)?.unwrap_or_default();
        Ok(pins.seen.map(|seen| compare(&pins.pinned, &seen)).unwrap_or_default())
    }

    /// Lets the tools of the last contact be used, if they still are what was looked at ([`Trust::pending`]).
    pub fn accept(&self, dirs: &Dirs, entry: &Entry, looked_at: &BTreeMap<String, Quarantine>) -> Result<()> {
        self.change(dirs, entry, |pins| {
            let Some(Pins { seen: Some(seen), fingerprint, pinned }) = pins else { return Ok(None) };
            if compare(&pinned, &seen) != *looked_at {
                let name = printable(&entry.name);
                return Err(Error::new(Code::Untrusted, format!("The tools of '{name}' changed again while they were looked at"))
                    .hint(format!("angelia mcp:trust {} --diff", shell(&entry.name))));
            }
            Ok(Some(Pins { fingerprint, pinned: seen, seen: None }))
        })
    }

    /// Forgets how a server's tools looked: the next contact is the first.
    pub fn forget(&self, entry: &Entry) {
        if let Some(path) = self.pin_path(entry) {
            drop(fs::remove_file(path));
        }
    }

    /// What was pinned of this entry as it is now; a changed entry is another server.
    fn pins(&self, entry: &Entry) -> Result<Option<Pins>> {
        let Some(path) = self.pin_path(entry) else { return Ok(None) };
        let pins =
            files::read(&path)?.map(|text| serde_json::from_str::<Pins>(&text).map_err(|error| damaged(&path, &error))).transpose()?;
        Ok(pins.filter(|pins| pins.fingerprint == entry.fingerprint()))
    }

    /// Reads what was pinned, and writes what `work` makes of it, as one step.
    fn change(&self, dirs: &Dirs, entry: &Entry, work: impl Fn(Option<Pins>) -> Result<Option<Pins>>) -> Result<()> {
        let Some((folder, path)) = self.pins.as_ref().zip(self.pin_path(entry)) else { return Ok(()) };
        // What stays as it is needs no place that can be written.
        if work(self.pins(entry)?)?.is_none() {
            return Ok(());
        }
        dirs.make_data()?;
        fs::create_dir_all(folder).map_err(|error| Error::usage(format!("{} cannot be made: {error}", folder.display())))?;
        files::locked(&path, || work(self.pins(entry)?)?.map_or(Ok(()), |pins| write(&path, pins)))
    }

    /// The file that remembers how a server's tools looked.
    pub fn pin_path(&self, entry: &Entry) -> Option<PathBuf> {
        let root = match &entry.project {
            Some(root) => Some(key(root).ok()?),
            None => None,
        };
        self.pins.as_ref().map(|folder| folder.join(pin_file(root.as_deref(), &entry.name)))
    }
}

fn write(path: &Path, mut pins: Pins) -> Result<()> {
    if pins.size() > KEPT_BYTES {
        // What a person has to look at is kept first.
        let differing = pins.seen.as_ref().map(|seen| compare(&pins.pinned, seen)).unwrap_or_default();
        pins.forget(|name| !differing.contains_key(name));
        if pins.size() > KEPT_BYTES {
            pins.forget(|_| true);
        }
    }
    let text = serde_json::to_string(&pins).map_err(|error| Error::internal(error.to_string()))?;
    files::write_private(path, &text)
}

/// What tells lists of tools apart, whether or not their texts were kept.
fn digests(pins: &Option<BTreeMap<String, Pin>>) -> Option<Vec<(&str, &str)>> {
    pins.as_ref().map(|pins| pins.iter().map(|(name, pin)| (name.as_str(), pin.digest.as_str())).collect())
}

fn pin_file(root: Option<&str>, name: &str) -> String {
    let whole = format!("{}\0{name}", root.unwrap_or_default());
    format!("{}.json", sha256(whole.as_bytes()).chars().take(32).collect::<String>())
}

/// Where a name stands twice, the first tool of it counts: it is the one that is used.
fn as_pins(tools: &[Value]) -> BTreeMap<String, Pin> {
    let mut pins = BTreeMap::new();
    for tool in tools {
        let Some(name) = tool.get("name").and_then(Value::as_str) else { continue };
        let kept = PINNED.iter().filter_map(|key| Some(((*key).to_owned(), tool.get(*key).filter(|value| !value.is_null())?.clone())));
        pins.entry(name.to_owned()).or_insert_with(|| {
            let tool = Value::Object(kept.collect());
            Pin { digest: digest(&tool), tool }
        });
    }
    pins
}

fn compare(pinned: &BTreeMap<String, Pin>, now: &BTreeMap<String, Pin>) -> BTreeMap<String, Quarantine> {
    let differing = now.iter().filter_map(|(name, new)| {
        let why = match pinned.get(name) {
            Some(old) if old.digest == new.digest => return None,
            Some(old) => Quarantine::Changed { old: old.tool.clone(), new: new.tool.clone(), digest: new.digest.clone() },
            None => Quarantine::New { new: new.tool.clone(), digest: new.digest.clone() },
        };
        Some((name.clone(), why))
    });
    differing.collect()
}

fn key(root: &Path) -> Result<String> {
    let full = fs::canonicalize(root).map_err(|error| Error::new(Code::NotFound, format!("{}: {error}", root.display())))?;
    full.to_str().map(str::to_owned).ok_or_else(|| Error::usage("the project's path is not UTF-8"))
}

fn damaged(path: &Path, error: &serde_json::Error) -> Error {
    Error::usage(format!("{} is damaged: {error}", path.display())).hint(format!("Forget it, and be asked again: rm '{}'", path.display()))
}

fn read(path: &Path) -> Result<Known> {
    match files::read(path)? {
        None => Ok(Known::new()),
        Some(text) => serde_json::from_str(&text).map_err(|error| damaged(path, &error)),
    }
}

fn change(dirs: &Dirs, work: impl FnOnce(&mut Known)) -> Result<()> {
    let path = dirs.make_data()?.join("mcp-trust.json");
    files::locked(&path, || {
        let mut known = read(&path)?;
        work(&mut known);
        let text = serde_json::to_string_pretty(&known).map_err(|error| Error::internal(error.to_string()))?;
        files::write_private(&path, &text)
    })
}
