//! The memory: one SQLite file, opened only by commands that need it. WAL, a busy timeout, numbered migrations;
//! several processes may use it at once.

pub mod approvals;
pub mod calls;
pub mod documents;
pub mod plans;
pub mod results;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::base::error::{Error, Result};

/// The open database.
pub struct Store {
    db: Connection,
}

/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

const MIGRATIONS: &[&str] = &[include_str!("migrations/1.sql"), include_str!("migrations/2.sql"), include_str!("migrations/3.sql")];

impl Store {
    /// Opens `angelia.db` in a folder, making or migrating it as needed.
    pub fn open(folder: PathBuf) -> Result<Self> {
        let path = folder.join("angelia.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        make_private(&path);
        let db = Connection::open_with_flags(&path, flags)
            .map_err(|error| failed(&error).hint(format!("The database is {}", path.display())))?;
        let store = Self { db };
        store.prepare().map_err(|error| failed(&error).hint(format!("The database is {}", path.display())))?;
        Ok(store)
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.db.busy_timeout(PATIENCE)?;
        let version = self.version()?;
        if version < MIGRATIONS.len() {
            self.migrate()?;
        }
        self.db.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
    }

    fn version(&self) -> rusqlite::Result<usize> {
        let version: i64 = self.db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok(usize::try_from(version).unwrap_or(usize::MAX))
    }

    /// Switches to WAL. SQLite does not always wait here for others that do the same.
    fn use_wal(&self) -> rusqlite::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.db.pragma_update(None, "journal_mode", "wal") {
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                done => return done,
            }
        }
    }

    fn migrate(&self) -> rusqlite::Result<()> {
        self.use_wal()?;
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let step = || {
            let version = self.version()?;
            for sql in MIGRATIONS.iter().skip(version) {
                self.db.execute_batch(sql)?;
            }
            self.db.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len().max(version)).unwrap_or(i64::MAX))
        };
        match step() {
            Ok(()) => self.db.execute_batch("COMMIT"),
            Err(error) => self.db.execute_batch("ROLLBACK").and(Err(error)),
        }
    }
}

/// The database file is made with 0600 before SQLite would make it with the umask's mode.
fn make_private(path: &std::path::Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path));
}

/// A database error in words for people.
pub fn failed(error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Why;
    let said = match error.sqlite_error_code() {
        Some(Why::DiskFull) => String::from("the disk is full; nothing was stored"),
        Some(Why::DatabaseBusy | Why::DatabaseLocked) => {
            String::from("another process holds the database for too long; nothing was stored")
        }
        Some(Why::ReadOnly | Why::CannotOpen | Why::PermissionDenied) => {
            format!("the database cannot be written ({error}); nothing was stored")
        }
        Some(Why::SystemIoFailure) => format!("the disk failed or is full ({error}); nothing was stored"),
        Some(Why::NotADatabase | Why::DatabaseCorrupt) => format!("the database is damaged ({error})"),
        _ => format!("the database failed: {error}"),
    };
    Error::internal(said)
}

/// Finds or makes the folder of the database.
pub type Folder = Box<dyn Fn() -> Result<PathBuf> + Send + Sync>;

/// The database, opened when first used.
pub struct Memory {
    folder: Folder,
    store: Mutex<Option<Store>>,
}

impl Memory {
    /// Nothing is opened yet.
    pub fn new(folder: Folder) -> Self {
        Self { folder, store: Mutex::new(None) }
    }

    /// Works with the open database.
    pub fn with<T>(&self, work: impl FnOnce(&mut Store) -> Result<T>) -> Result<T> {
        let mut slot = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let store = match slot.take() {
            Some(store) => store,
            None => Store::open((self.folder)()?)?,
        };
        work(slot.insert(store))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_older_database_is_brought_up_to_date_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join("angelia.db")).unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute("INSERT INTO documents (collection, id, document, created_ms, updated_ms) VALUES ('c', 'a', '{\"n\":1}', 1, 1)", [])
            .unwrap();
        drop(old);
        for _ in 0..2 {
            let store = Store::open(folder.path().to_owned()).unwrap();
            assert_eq!(store.version().unwrap(), MIGRATIONS.len());
            assert!(store.plans_like("").unwrap().is_empty());
            assert_eq!(store.document("c", "a").unwrap().unwrap().document, json!({"n": 1}));
        }
    }

    #[test]
    fn several_processes_may_migrate_at_once() {
        for version in 0..MIGRATIONS.len() {
            let folder = tempfile::tempdir().unwrap();
            let old = Connection::open(folder.path().join("angelia.db")).unwrap();
            MIGRATIONS[..version].iter().for_each(|sql| old.execute_batch(sql).unwrap());
            old.pragma_update(None, "user_version", version as i64).unwrap();
            drop(old);
            std::thread::scope(|scope| {
                (0..8).for_each(|_| drop(scope.spawn(|| Store::open(folder.path().to_owned()).unwrap().plans_like("").unwrap())));
            });
        }
    }
}
