//! The keys of clients that come in over HTTP, in the data folder: of each secret only its SHA-256 is kept. A secret has 192 random bits,
//! so nothing is gained by a slow hash. What a running server does with them stands in `ring`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::access::sealed;
use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::base::json::hex;
use crate::base::name::printable;
use crate::config::dirs::Dirs;
use crate::config::files;

/// What every secret begins with, so that scanners of repositories and logs can find one that got away.
pub const PREFIX: &str = "angelia_";
/// Requests per minute of a key that was made without a word about it.
pub const RATE: u32 = 600;

/// Who a request comes from: the key that was shown and what it is for. Stands in the extensions of an HTTP request's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Name of the key.
    pub key: String,
    /// Tells it from another key that has or had the same name.
    pub id: String,
    /// The profile whose rights the client has; those of the server when there is none.
    pub profile: Option<String>,
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// SHA-256 of the secret, in hex.
    pub hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    pub created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
    /// To the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_ms: Option<i64>,
    /// Requests per minute.
    pub rate: u32,
}

impl Key {
    /// Whether its time has not come.
    pub fn valid(&self, now_ms: i64) -> bool {
        self.expires_ms.is_none_or(|expires| now_ms < expires)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct File {
    keys: BTreeMap<String, Key>,
}

/// SHA-256 of a secret.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Where they are kept; `None` where there is no home.
pub fn path(dirs: &Dirs) -> Option<PathBuf> {
    dirs.data().map(|folder| folder.join("mcp-keys.json"))
}

/// All keys by name.
pub fn read(path: &Path) -> Result<BTreeMap<String, Key>> {
    let damaged = |error| {
        Error::usage(format!("{} is damaged: {error}", path.display())).hint("Put a copy back, or remove it and make the keys anew")
    };
    match files::read_private(path)? {
        None => Ok(BTreeMap::new()),
        Some(text) => serde_json::from_str(&text).map(|file: File| file.keys).map_err(damaged),
    }
}

/// All keys by name; none where there is no home.
pub fn list(dirs: &Dirs) -> Result<BTreeMap<String, Key>> {
    path(dirs).map_or_else(|| Ok(BTreeMap::new()), |path| read(&path))
}

/// Makes a key and answers its secret, which is kept nowhere.
pub fn create(dirs: &Dirs, name: &str, profile: Option<String>, expires_ms: Option<i64>, rate: u32) -> Result<String> {
    fit(name)?;
    dirs.make_data()?;
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed::salt_bytes(&sealed::salt())));
    let key = Key { hash: hex(&digest(&secret)), profile, created_ms: now_ms(), expires_ms, last_used_ms: None, rate };
    change(&place(dirs)?, |keys| {
        if keys.contains_key(name) {
            let line = format!("there is a key '{name}' already");
            return Err(Error::usage(line).hint(format!("angelia mcp:key:revoke {name}")));
        }
        keys.insert(name.to_owned(), key);
        Ok(())
    })?;
    Ok(secret)
}

/// Takes a key away; it ends with the next request, also in a server that runs.
pub fn revoke(dirs: &Dirs, name: &str) -> Result<Key> {
    let unknown = || Error::new(Code::NotFound, format!("there is no key '{}'", printable(name))).hint("angelia mcp:key:list");
    let path = place(dirs)?;
    if !path.exists() {
        return Err(unknown());
    }
    change(&path, |keys| keys.remove(name).ok_or_else(unknown))
}

/// Remembers that a key was used.
pub(super) fn used(path: &Path, name: &str, hash: &str, now_ms: i64) -> Result<()> {
    change(path, |keys| {
        if let Some(key) = keys.get_mut(name).filter(|key| key.hash == hash) {
            key.last_used_ms = Some(now_ms);
        }
        Ok(())
    })
}

fn place(dirs: &Dirs) -> Result<PathBuf> {
    path(dirs)
        .ok_or_else(|| Error::usage("there is no home folder to keep keys in").hint("Set ANGELIA_HOME to a folder that can be written"))
}

fn change<T>(path: &Path, work: impl FnOnce(&mut BTreeMap<String, Key>) -> Result<T>) -> Result<T> {
    files::locked(path, || {
        let mut file = File { keys: read(path)? };
        let done = work(&mut file.keys)?;
        let text = serde_json::to_string_pretty(&file).map_err(|error| Error::internal(format!("the keys cannot be written: {error}")))?;
        files::write_private(path, &text)?;
        Ok(done)
    })
}

fn fit(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 63 || !name.chars().all(fits) {
        return Err(Error::usage(format!("'{}' cannot be the name of a key: use up to 63 of a-z, 0-9, -, _ and .", printable(name))));
    }
    Ok(())
}
