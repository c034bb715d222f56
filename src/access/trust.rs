//! Which projects the user has looked at and believes. The fingerprint covers the project's settings, manifests and workflows and is kept
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

/// Files that a fingerprint covers: settings, manifests, and everything below the folder of workflows, for a workflow may load it.
/// What lies behind a linked folder is not part of the project.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let folder = root.join(PROJECT_FOLDER);
    let mut found = vec![folder.join("config.toml")];
    if let Ok(entries) = fs::read_dir(folder.join("providers")) {
        found.extend(entries.flatten().map(|entry| entry.path()));
    }
    below(&folder.join("workflows"), &mut found);
    found.retain(|path| path.is_file());
    found.sort();
    found
}

/// The project's folder of workflows, if it is one and no link to one.
pub fn workflows(root: &Path) -> Option<PathBuf> {
    let folder = root.join(PROJECT_FOLDER).join("workflows");
    is_own_folder(&folder).then_some(folder)
}

fn is_own_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    if !is_own_folder(folder) {
        return;
    }
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if is_own_folder(&path) { below(&path, found) } else { found.push(path) }
    }
}

/// What the project's files are now.
pub fn fingerprint(root: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for path in files(root) {
        let content = content(&path)?;
        hash.update(path.strip_prefix(root).unwrap_or(&path).as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content);
    }
    Ok(hex(&hash.finalize()))
}

/// What a covered file holds; of any kind, for a workflow may bring data.
pub fn content(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::usage(format!("{} cannot be read: {error}", path.display())))
}

/// Whether the user trusts this project as it is now. What cannot be read is not what was trusted.
pub fn trusted(dirs: &Dirs, root: &Path) -> Result<bool> {
    match list(dirs)?.get(&key(root)?) {
        Some(Value::String(known)) => Ok(fingerprint(root).is_ok_and(|now| now == *known)),
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
            format!("{} has no {PROJECT_FOLDER}/config.toml, no manifests and no workflows to trust", root.display()),
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
