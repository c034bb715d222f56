//! What servers were found to have, on disk: searched and called without starting them. One file for each entry as it is configured; a
//! changed entry is another server and has another file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::now_ms;
use crate::base::error::Result;
use crate::base::json::sha256;
use crate::config::dirs::Dirs;
use crate::config::files;
use crate::mcp::client::session::Manner;
use crate::mcp::client::tools;
use crate::mcp::entry::Entry;
use crate::mcp::trust::Trust;
use crate::registry::index::{Index, compile};
use crate::registry::user;

/// How long a list is believed.
const FRESH_MS: i64 = 86_400_000;
/// Largest file that is read.
const LARGEST: u64 = 64 << 20;

/// What of servers that are not configured here was not touched for so long is removed: another project may still have them.
const KEPT_MS: i64 = 30 * FRESH_MS;
/// Most files that are looked at when old ones are removed.
const LOOKED_AT: usize = 1000;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// When.
    pub time_ms: i64,
    /// What the server says of itself.
    pub about: Value,
    /// Its tools as it lists them.
    pub tools: Vec<Value>,
    /// It speaks by `server/discover`.
    pub modern: bool,
    /// It speaks by the older HTTP with server-sent events.
    pub sse: bool,
}

impl Found {
    /// Whether it need not be looked at again yet.
    pub fn is_fresh(&self) -> bool {
        let age = now_ms().saturating_sub(self.time_ms);
        (0..FRESH_MS).contains(&age)
    }

    /// Whether the other says the same, whenever it was found.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.about, &self.tools, self.modern, self.sse) == (&other.about, &other.tools, other.modern, other.sse)
    }

    /// How the server is to be spoken to.
    pub fn manner(&self) -> Manner {
        if self.modern { Manner::Discover } else { Manner::Initialize }
    }
}

/// A file as it was when it was read.
type Read = (SystemTime, u64, Arc<Found>);

/// Where it is kept.
#[derive(Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    /// What was read: a program that stays does not read it for each call.
    read: Mutex<HashMap<PathBuf, Read>>,
}

impl Cache {
    /// In the cache folder.
    pub fn new(dirs: &Dirs) -> Self {
        Self { folder: dirs.cache().map(|folder| folder.join("mcp")), read: Mutex::default() }
    }

    fn path(&self, entry: &Entry) -> Option<PathBuf> {
        let whole = format!("{}\0{}\0{}", entry.project.as_deref().unwrap_or(Path::new("")).display(), entry.name, entry.fingerprint());
        self.folder.as_ref().map(|folder| folder.join(format!("{}-{}.json", entry.id, &sha256(whole.as_bytes())[..16])))
    }

    /// What is known of a server.
    pub fn get(&self, entry: &Entry) -> Option<Arc<Found>> {
        let path = self.path(entry)?;
        let meta = std::fs::metadata(&path).ok()?;
        let (time, size) = (meta.modified().ok()?, meta.len());
        if !meta.is_file() || size > LARGEST {
            return None;
        }
        let read = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, length, found)) = read().get(&path)
            && (*known, *length) == (time, size)
        {
            return Some(found.clone());
        }
        let found: Arc<Found> = Arc::new(serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?);
        read().insert(path, (time, size, found.clone()));
        Some(found)
    }

    /// Remembers it. What cannot be written is asked for again next time; what is known is not written anew each time it is asked for,
    /// for programs that stay follow these files.
    pub fn put(&self, entry: &Entry, found: &Found) -> Result<()> {
        let same = |known: &Found| {
            let young = found.time_ms.saturating_sub(known.time_ms) < FRESH_MS / 2;
            young && found.is_same(known)
        };
        if self.get(entry).is_some_and(|known| same(&known)) {
            return Ok(());
        }
        let Some((folder, path)) = self.folder.as_ref().zip(self.path(entry)) else { return Ok(()) };
        std::fs::create_dir_all(folder).ok();
        files::write_private(&path, &serde_json::to_string(found).unwrap_or_default())
    }

    /// Forgets it.
    pub fn remove(&self, entry: &Entry) {
        if let Some(path) = self.path(entry) {
            std::fs::remove_file(path).ok();
        }
    }

    /// The known servers as providers, compiled again only when one of them changed.
    pub fn index(&self, entries: &[Entry], trust: &Trust) -> Option<Index> {
        let folder = self.folder.as_ref()?;
        let known: Vec<(&Entry, PathBuf)> = entries
            .iter()
            .filter(|entry| !entry.disabled)
            .filter_map(|entry| Some((entry, self.path(entry)?)))
            .filter(|(_, path)| path.is_file())
            .collect();
        if known.is_empty() {
            return None;
        }
        let mut paths: Vec<PathBuf> = known.iter().map(|(_, path)| path.clone()).collect();
        // Other projects have other servers: each set has a compiled form of its own.
        let names: Vec<&str> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        let compiled = folder.with_file_name(format!("catalog-mcp-{}.bin", &sha256(names.join("\0").as_bytes())[..16]));
        // A tool is shown in full once somebody looked at it.
        paths.extend(known.iter().filter_map(|(entry, _)| trust.pin_path(entry)));
        user::open_made(&paths, &compiled, |fingerprint| {
            let kept: Vec<PathBuf> = entries.iter().filter_map(|entry| self.path(entry)).collect();
            tidy(folder, |name| ours(name, "", ".json"), &kept);
            let beside = folder.parent().unwrap_or(folder);
            tidy(beside, |name| ours(name, "catalog-mcp", ".bin"), std::slice::from_ref(&compiled));
            let providers = known.iter().filter_map(|(entry, _)| {
                let found = self.get(entry)?;
                let (mut provider, functions) =
                    tools::provider(entry, &found.about, &found.tools, &trust.quarantined(entry, &found.tools)).ok()?;
                provider.functions = functions;
                Some(provider)
            });
            compile(providers.collect(), fingerprint, Vec::new()).ok()
        })
    }
}

/// Whether a file has a name that we give: `START-` or `ID-`, 16 digits, and the ending.
fn ours(name: &str, start: &str, end: &str) -> bool {
    let parts = name.strip_suffix(end).and_then(|name| name.rsplit_once('-'));
    parts.is_some_and(|(before, digest)| {
        let named = if start.is_empty() { before.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') } else { before == start };
        named && digest.len() == 16 && digest.chars().all(|c| c.is_ascii_hexdigit())
    })
}

/// Removes old files that nothing needs. What cannot be removed stays.
fn tidy(folder: &Path, ours: impl Fn(&str) -> bool, kept: &[PathBuf]) {
    let before = now_ms().saturating_sub(KEPT_MS);
    for file in std::fs::read_dir(folder).into_iter().flatten().take(LOOKED_AT).flatten() {
        let old = || {
            let time = file.metadata().ok().filter(std::fs::Metadata::is_file)?.modified().ok()?;
            let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some(i64::try_from(since.as_millis()).ok()? < before)
        };
        if file.file_name().to_str().is_some_and(&ours) && !kept.contains(&file.path()) && old() == Some(true) {
            std::fs::remove_file(file.path()).ok();
        }
    }
}
