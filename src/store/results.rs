//! Large answers kept for later reading, whole, as JSON text. They end by age and by the size of all of them; who may read one is
//! decided by whoever asks.

use rusqlite::{OptionalExtension as _, Row, ToSql, params};
use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::store::{Store, failed};

/// What is known of a kept result without its content.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub id: String,
    /// The call that it answers, as in the audit log.
    pub call_id: String,
    pub function: String,
    pub account: String,
    /// Whose result it is: the clients of one owner do not see those of another.
    pub owner: String,
    pub created_ms: i64,
    /// Length of its JSON text.
    pub bytes: u64,
    /// Items, where it is an array; members, where it is an object.
    pub items: Option<u64>,
    /// JSON Schema sketch.
    pub shape: Value,
}

/// Which results are meant.
#[derive(Debug, Default)]
pub struct Which<'a> {
    /// Only those of this owner.
    pub owner: Option<&'a str>,
    /// Only those of this function, or of those that begin so where it ends in `*`.
    pub function: Option<&'a str>,
    /// The id, or the beginning of it.
    pub id: Option<&'a str>,
    /// Only those from before this time.
    pub before_ms: Option<i64>,
}

/// The size of all results together; beyond it the oldest go.
pub const MOST_BYTES: u64 = 256 << 20;

const COLUMNS: &str = "id, call_id, function, account, owner, created_ms, bytes, items, shape";

impl Which<'_> {
    fn conditions(&self) -> (String, Vec<Box<dyn ToSql>>) {
        let mut sql = String::from(" WHERE 1");
        let mut values: Vec<Box<dyn ToSql>> = Vec::new();
        let mut also = |condition: &str, value: Box<dyn ToSql>| {
            values.push(value);
            sql.push_str(" AND ");
            sql.push_str(&condition.replace('#', &format!("?{}", values.len())));
        };
        if let Some(owner) = self.owner {
            also("owner = #", Box::new(owner.to_owned()));
        }
        if let Some(function) = self.function {
            match function.strip_suffix('*') {
                Some(prefix) => also("substr(function, 1, length(#)) = #", Box::new(prefix.to_owned())),
                None => also("function = #", Box::new(function.to_owned())),
            }
        }
        if let Some(id) = self.id {
            also("substr(id, 1, length(#)) = #", Box::new(id.to_owned()));
        }
        if let Some(before) = self.before_ms {
            also("created_ms < #", Box::new(before));
        }
        (sql, values)
    }
}

impl Store {
    /// Keeps a result, and lets the oldest go where all of them together became too large.
    pub fn put_result(&mut self, kept: &Kept, content: &str, most_bytes: u64) -> Result<()> {
        if kept.bytes > most_bytes {
            return Err(Error::internal(format!("{} bytes are more than all results together may have ({most_bytes})", kept.bytes)));
        }
        let sql = format!("INSERT INTO results ({COLUMNS}, content) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)");
        self.in_transaction(|db| {
            let (bytes, items) = (number(kept.bytes), kept.items.map(number));
            let shape = kept.shape.to_string();
            let row =
                params![kept.id, kept.call_id, kept.function, kept.account, kept.owner, kept.created_ms, bytes, items, shape, content];
            db.execute(&sql, row)?;
            shrink(db, &kept.id, most_bytes)
        })
    }

    /// Results that fit, newest first.
    pub fn results(&self, which: &Which<'_>, limit: usize) -> Result<Vec<Kept>> {
        let (conditions, mut values) = which.conditions();
        values.push(Box::new(number(limit as u64)));
        let sql = format!("SELECT {COLUMNS} FROM results{conditions} ORDER BY created_ms DESC, rowid DESC LIMIT ?{}", values.len());
        let refs: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        let mut statement = self.db.prepare(&sql).map_err(|error| failed(&error))?;
        let rows = statement.query_map(refs.as_slice(), read).map_err(|error| failed(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| failed(&error))
    }

    /// How many results fit.
    pub fn count_results(&self, which: &Which<'_>) -> Result<u64> {
        let (conditions, values) = which.conditions();
        let refs: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        let sql = format!("SELECT count(*) FROM results{conditions}");
        let count: i64 = self.db.query_row(&sql, refs.as_slice(), |row| row.get(0)).map_err(|error| failed(&error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The JSON text of a result.
    pub fn result_text(&self, id: &str) -> Result<Option<String>> {
        let sql = "SELECT content FROM results WHERE id = ?1";
        self.db.query_row(sql, [id], |row| row.get(0)).optional().map_err(|error| failed(&error))
    }

    /// Removes what fits; answers how many.
    pub fn remove_results(&self, which: &Which<'_>) -> Result<usize> {
        let (conditions, values) = which.conditions();
        let refs: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        self.db.execute(&format!("DELETE FROM results{conditions}"), refs.as_slice()).map_err(|error| failed(&error))
    }
}

/// Lets the oldest go until the rest fits; the newest one stays.
fn shrink(db: &rusqlite::Transaction<'_>, newest: &str, most_bytes: u64) -> rusqlite::Result<()> {
    let all: i64 = db.query_row("SELECT coalesce(sum(bytes), 0) FROM results", [], |row| row.get(0))?;
    let mut over = all.saturating_sub(number(most_bytes));
    while over > 0 {
        let sql = "DELETE FROM results WHERE rowid = (SELECT rowid FROM results WHERE id <> ?1 ORDER BY created_ms, rowid LIMIT 1) RETURNING bytes";
        match db.query_row(sql, [newest], |row| row.get::<_, i64>(0)).optional()? {
            Some(bytes) => over = over.saturating_sub(bytes.max(1)),
            None => break,
        }
    }
    Ok(())
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Kept {
        id: row.get(0)?,
        call_id: row.get(1)?,
        function: row.get(2)?,
        account: row.get(3)?,
        owner: row.get(4)?,
        created_ms: row.get(5)?,
        bytes: count(row.get(6)?),
        items: row.get::<_, Option<i64>>(7)?.map(count),
        shape: serde_json::from_str(&row.get::<_, String>(8)?).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(id: &str, created_ms: i64, bytes: u64) -> Kept {
        Kept { id: id.into(), function: format!("shop.{id}"), owner: String::from("me"), created_ms, bytes, ..Kept::default() }
    }

    #[test]
    fn the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().to_owned()).unwrap();
        for (id, created, bytes) in [("a", 1, 40), ("b", 2, 40), ("c", 3, 30), ("d", 3, 30)] {
            store.put_result(&kept(id, created, bytes), "1", 100).unwrap();
        }
        let ids = |store: &Store| store.results(&Which::default(), 9).unwrap().into_iter().map(|kept| kept.id).collect::<Vec<_>>();
        assert_eq!(ids(&store), ["d", "c", "b"]);
        store.put_result(&kept("e", 0, 100), "1", 100).unwrap();
        assert_eq!(ids(&store), ["e"], "the newest stays, also where its clock is behind");
        assert!(store.put_result(&kept("f", 9, 101), "1", 100).is_err());
        assert_eq!(ids(&store), ["e"], "what does not fit drives nothing out");
    }

    #[test]
    fn results_are_found_by_owner_function_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().to_owned()).unwrap();
        for (id, owner, created) in [("abc", "me", 1), ("abd", "you", 2), ("x%", "me", 3)] {
            store.put_result(&Kept { owner: owner.into(), ..kept(id, created, 1) }, "{\"a\":1}", 100).unwrap();
        }
        let count = |which: Which<'_>| store.count_results(&which).unwrap();
        assert_eq!(count(Which { owner: Some("me"), ..Which::default() }), 2);
        assert_eq!(count(Which { id: Some("ab"), ..Which::default() }), 2);
        assert_eq!(count(Which { id: Some("%"), ..Which::default() }), 0);
        assert_eq!(count(Which { function: Some("shop.*"), ..Which::default() }), 3);
        assert_eq!(count(Which { function: Some("shop.abc"), owner: Some("you"), ..Which::default() }), 0);
        assert_eq!(store.result_text("abc").unwrap().as_deref(), Some("{\"a\":1}"));
        assert_eq!(store.remove_results(&Which { before_ms: Some(3), ..Which::default() }).unwrap(), 2);
        assert_eq!(store.result_text("abc").unwrap(), None);
    }
}
