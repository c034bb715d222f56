//! A file that appears whole or not at all, and replaces another only when that was said.

use std::io::Write as _;
use std::path::Path;

use crate::base::error::{Error, Result};

/// A file that appears whole or not at all.
pub struct Sink {
    file: tempfile::NamedTempFile,
    /// Bytes written so far.
    pub bytes: u64,
}

impl Sink {
    /// Starts a file beside `path`.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(folder)
            .map_err(|error| Error::usage(format!("{} cannot be written: {error}", path.display())))?;
        Ok(Self { file, bytes: 0 })
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.file
            .write_all(bytes)
            .map_err(|error| Error::usage(format!("the download cannot be written: {error}. Nothing was left behind")))
    }

    /// Puts the file in its place; answers its size.
    pub fn keep(self, path: &Path, overwrite: bool) -> Result<u64> {
        let refused = |error: std::io::Error| {
            Error::usage(format!("{} cannot be written: {error}", path.display())).hint("Replace a file with --overwrite")
        };
        if overwrite {
            self.file.persist(path).map_err(|error| refused(error.error))?;
        } else {
            self.file.persist_noclobber(path).map_err(|error| refused(error.error))?;
        }
        Ok(self.bytes)
    }
}
