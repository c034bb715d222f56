//! Reading and writing our own small files: bounded, ordinary files only, written atomically and privately.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::json::hex;

/// A configuration file larger than this is refused.
const LARGEST: u64 = 4 << 20;

/// The text of a file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<String>> {
    read_at_most(path, LARGEST)
}

/// As [`read`], of a file of another program that may have more to say.
pub fn read_at_most(path: &Path, largest: u64) -> Result<Option<String>> {
    let broken = |why: String| Error::usage(format!("{} cannot be read: {why}", path.display()));
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(broken(error.to_string())),
    };
    if !meta.is_file() {
        return Err(broken("it is not an ordinary file".into()));
    }
    if meta.len() > largest {
        return Err(broken(format!("it has {} bytes; at most {largest} are allowed", meta.len())));
    }
    let bytes = fs::read(path).map_err(|error| broken(error.to_string()))?;
    String::from_utf8(bytes).map(Some).map_err(|_| broken("it is not UTF-8".into()))
}

/// As [`read`], for a file with secrets: refused when others may read it.
pub fn read_private(path: &Path) -> Result<Option<String>> {
    #[cfg(unix)]
    if let Ok(meta) = fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt as _;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(Error::usage(format!("{} can be read by others", path.display())).hint(format!("chmod 600 '{}'", path.display())));
        }
    }
    read(path)
}

/// SHA-256 of a file in hex; `None` where it cannot be read.
pub fn sha256(path: &Path) -> Option<String> {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    let mut file = std::fs::File::open(path).ok()?;
    std::io::copy(&mut file, &mut HashWriter(&mut hash)).ok()?;
    Some(hex(&hash.finalize()))
}

/// Replaces a file whole or not at all; only its owner may read it. A link in its place is replaced, not followed.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let broken = |error: std::io::Error| Error::usage(format!("{} cannot be written: {error}. Nothing was changed", path.display()));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(broken)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(broken)?;
    file.persist(path).map_err(|error| broken(error.error))?;
    Ok(())
}

/// Replaces a file that others read too, whole or not at all: its permissions stay, a new one has the usual ones, a link in its place is
/// followed.
pub fn write_shared(path: &Path, text: &str) -> Result<()> {
    let broken = |error: std::io::Error| Error::usage(format!("{} cannot be written: {error}. Nothing was changed", path.display()));
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(broken)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(broken)?;
    if let Ok(meta) = fs::metadata(&target) {
        file.as_file().set_permissions(meta.permissions()).map_err(broken)?;
    }
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(broken)?;
    file.persist(&target).map_err(|error| broken(error.error))?;
    Ok(())
}

/// Runs `work` while no other process does, by a lock file beside `path`. A link in its place is refused: following it would make a file
/// wherever it points.
pub fn locked<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let held = hold(path)?;
    let done = work();
    drop(held);
    done
}

/// As [`locked`], until the answer is dropped.
pub fn hold(path: &Path) -> Result<fs::File> {
    let lock = path.with_extension("lock");
    let file = make_lock(&lock).map_err(|error| unlockable(&lock, &error))?;
    file.lock().map_err(|error| unlockable(&lock, &error))?;
    Ok(file)
}

/// As [`hold`]; `None` while another process holds it. A process that dies holds nothing any more.
pub fn try_hold(path: &Path) -> Result<Option<fs::File>> {
    let lock = path.with_extension("lock");
    let file = make_lock(&lock).map_err(|error| unlockable(&lock, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(unlockable(&lock, &error)),
    }
}

fn unlockable(lock: &Path, error: &std::io::Error) -> Error {
    Error::usage(format!("{} cannot be locked: {error}", lock.display()))
}

fn make_lock(lock: &Path) -> std::io::Result<fs::File> {
    match fs::OpenOptions::new().create_new(true).write(true).open(lock) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => open_lock(lock),
        made => made,
    }
}

fn open_lock(lock: &Path) -> std::io::Result<fs::File> {
    if !fs::symlink_metadata(lock)?.is_file() {
        return Err(std::io::Error::other("it is not an ordinary file"));
    }
    fs::OpenOptions::new().write(true).open(lock)
}

struct HashWriter<'a>(&'a mut sha2::Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        use sha2::Digest as _;
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
