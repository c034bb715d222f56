//! Which projects the user has looked at and believes. The fingerprint covers the project's settings and manifests and is kept
//! outside the project, so nothing inside one can trust itself; any change asks again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::base::error::{Code, Error, Result};
use crate::base::json::hex;
use crate::config::dirs::Dirs;
use crate::config::files;
use crate::config::layers::PROJECT_FOLDER;

/// Files that a fingerprint covers: settings, and manifests.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let folder = root.join(PROJECT_FOLDER);
    let mut found = vec![folder.join("config.toml")];
    if let Ok(entries) = fs::read_dir(folder.join("providers")) {
        found.extend(entries.flatten().map(|entry| entry.path()));
    }
    found.retain(|path| path.is_file());
    found.sort();
    found
}

/// What the project's files are now.
pub fn fingerprint(root: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for path in files(root) {
        let text = files::read(&path)?.unwrap_or_default();
        hash.update(path.strip_prefix(root).unwrap_or(&path).as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    Ok(hex(&hash.finalize()))
}

/// Whether the user trusts this project as it is now.
pub fn trusted(dirs: &Dirs, root: &Path) -> Result<bool> {
    match list(dirs)?.get(&key(root)?) {
        Some(Value::String(known)) => Ok(*known == fingerprint(root)?),
        _ => Ok(false),
    }
}

/// Every trusted project with its fingerprint.
pub fn list(dirs: &Dirs) -> Result<Map<String, Value>> {
    let Some(folder) = dirs.data() else { return Ok(Map::new()) };
    let path = folder.join("trust.json");
    match files::read(&path)? {
        None => Ok(Map::new()),
        Some(text) => serde_json::from_str(&text).map_err(|error| Error::usage(format!("{} is damaged: {error}", path.display()))),
    }
}

/// Trusts a project as it is now; answers the fingerprint.
pub fn trust(dirs: &Dirs, root: &Path) -> Result<String> {
    if files(root).is_empty() {
        return Err(Error::new(
            Code::NotFound,
            format!("{} has no {PROJECT_FOLDER}/config.toml and no manifests to trust", root.display()),
        ));
    }
    let fingerprint = fingerprint(root)?;
    change(dirs, |known| {
        known.insert(key(root)?, Value::from(fingerprint.clone()));
        Ok(())
    })?;
    Ok(fingerprint)
}

/// Trusts a project no more; false when it was not trusted.
pub fn revoke(dirs: &Dirs, root: &Path) -> Result<bool> {
    let mut was = false;
    change(dirs, |known| {
        was = known.shift_remove(&key(root)?).is_some();
        Ok(())
    })?;
    Ok(was)
}

fn change(dirs: &Dirs, work: impl FnOnce(&mut Map<String, Value>) -> Result<()>) -> Result<()> {
    let path = dirs.make_data()?.join("trust.json");
    files::locked(&path, || {
        let mut known = list(dirs)?;
        work(&mut known)?;
        files::write_private(&path, &format!("{:#}", Value::Object(known)))
    })
}

fn key(root: &Path) -> Result<String> {
    let full = fs::canonicalize(root).map_err(|error| Error::new(Code::NotFound, format!("{}: {error}", root.display())))?;
    full.to_str().map(str::to_owned).ok_or_else(|| Error::usage("the project's path is not UTF-8"))
}
