//! Collections of JSON documents, kept for workflows. Filters and sort keys are evaluated on the real JSON values by
//! two functions given to SQLite, so that `true` is not `1`, a missing member is not null and any types can be sorted.

use rusqlite::functions::FunctionFlags;
use rusqlite::{OptionalExtension as _, Row, ToSql, params};
use serde_json::{Value, json};

use crate::base::clock::rfc3339;
use crate::base::error::{Error, Result};
use crate::base::json::path;
use crate::store::{Store, failed};

/// One document with its times.
#[derive(Debug, Clone)]
pub struct Document {
    pub id: String,
    pub document: Value,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Document {
    /// As it is answered.
    pub fn to_value(&self) -> Value {
        json!({
            "id": self.id, "document": self.document,
            "created_at": rfc3339(self.created_ms), "updated_at": rfc3339(self.updated_ms),
        })
    }
}

/// One key to sort by.
#[derive(Debug, Clone)]
pub struct SortKey {
    /// Dotted path in the document; `id`, `created_at`, `updated_at` stand for the record's own.
    pub path: String,
    pub descending: bool,
}

/// What a list asks for.
pub struct ListQuery<'a> {
    pub collection: &'a str,
    pub filter: Option<&'a Value>,
    pub sort: Vec<SortKey>,
    pub limit: usize,
    /// Sort keys of the last document seen, in hex, the id last.
    pub after: Option<Vec<String>>,
}

/// A page of documents, and the sort keys of its last one when more follow.
pub type Page = (Vec<Document>, Option<Vec<String>>);

const COLUMNS: &str = "id, document, created_ms, updated_ms";

impl Store {
    /// Adds a document; false when the id is taken.
    pub fn add_document(&mut self, collection: &str, id: &str, document: &Value, now_ms: i64) -> Result<bool> {
        self.in_transaction(|db| {
            let added = db.execute(
                "INSERT INTO documents (collection, id, document, created_ms, updated_ms) VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING",
                params![collection, id, document.to_string(), now_ms],
            )?;
            if added == 1 {
                db.execute("INSERT INTO documents_text (rowid, body) VALUES (?1, ?2)", params![db.last_insert_rowid(), text_of(document)])?;
            }
            Ok(added == 1)
        })
    }

    /// One document.
    pub fn document(&self, collection: &str, id: &str) -> Result<Option<Document>> {
        let sql = format!("SELECT {COLUMNS} FROM documents WHERE collection = ?1 AND id = ?2");
        self.db.query_row(&sql, params![collection, id], read).optional().map_err(|error| failed(&error))
    }

    /// Changes a document by a function of the old one, in one transaction; `None` when there is none.
    pub fn change_document(
        &mut self,
        collection: &str,
        id: &str,
        now_ms: i64,
        change: impl FnOnce(Value) -> Value,
    ) -> Result<Option<Document>> {
        self.in_transaction(|db| {
            let sql = format!("SELECT {COLUMNS}, number FROM documents WHERE collection = ?1 AND id = ?2");
            let found = db.query_row(&sql, params![collection, id], |row| Ok((read(row)?, row.get::<_, i64>(4)?))).optional()?;
            let Some((mut document, number)) = found else { return Ok(None) };
            document.document = change(document.document);
            document.updated_ms = now_ms;
            db.execute(
                "UPDATE documents SET document = ?2, updated_ms = ?3 WHERE number = ?1",
                params![number, document.document.to_string(), now_ms],
            )?;
            db.execute("UPDATE documents_text SET body = ?2 WHERE rowid = ?1", params![number, text_of(&document.document)])?;
            Ok(Some(document))
        })
    }

    /// Removes a document; false when there is none.
    pub fn remove_document(&mut self, collection: &str, id: &str) -> Result<bool> {
        self.in_transaction(|db| {
            let sql = "DELETE FROM documents WHERE collection = ?1 AND id = ?2 RETURNING number";
            let number: Option<i64> = db.query_row(sql, params![collection, id], |row| row.get(0)).optional()?;
            if let Some(number) = number {
                db.execute("DELETE FROM documents_text WHERE rowid = ?1", [number])?;
            }
            Ok(number.is_some())
        })
    }

    /// Names and sizes of all collections.
    pub fn collections(&self) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT collection, count(*) FROM documents GROUP BY collection ORDER BY collection";
        let mut statement = self.db.prepare(sql).map_err(|error| failed(&error))?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|error| failed(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| failed(&error))
    }

    /// Documents that fit, sorted.
    pub fn list_documents(&self, query: &ListQuery<'_>) -> Result<Page> {
        self.define_functions().map_err(|error| failed(&error))?;
        let mut sort = query.sort.clone();
        sort.push(SortKey { path: "id".into(), descending: false });
        let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(query.collection.to_owned())];
        let keys: Vec<String> = sort.iter().map(|key| key_sql(key, &mut values)).collect();
        let mut sql = format!(
            "SELECT {COLUMNS}, {} FROM documents WHERE collection = ?1",
            keys.iter().map(|key| format!("hex({key})")).collect::<Vec<_>>().join(" || ',' || ")
        );
        if let Some(filter) = query.filter {
            values.push(Box::new(filter.to_string()));
            sql.push_str(&format!(" AND document_matches(document, ?{})", values.len()));
        }
        if let Some(after) = &query.after {
            if after.len() != sort.len() {
                return Err(Error::usage("the cursor belongs to another sort order"));
            }
            sql.push_str(&after_sql(&keys, &sort, after, &mut values));
        }
        let order: Vec<String> =
            keys.iter().zip(&sort).map(|(key, by)| format!("{key} {}", if by.descending { "DESC" } else { "ASC" })).collect();
        values.push(Box::new(query.limit as i64 + 1));
        sql.push_str(&format!(" ORDER BY {} LIMIT ?{}", order.join(", "), values.len()));
        let refs: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        let mut statement = self.db.prepare(&sql).map_err(|error| failed(&error))?;
        let rows =
            statement.query_map(refs.as_slice(), |row| Ok((read(row)?, row.get::<_, String>(4)?))).map_err(|error| failed(&error))?;
        let mut found = rows.collect::<rusqlite::Result<Vec<_>>>().map_err(|error| failed(&error))?;
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let last = found.last().filter(|_| more).map(|(_, keys)| keys.split(',').map(str::to_owned).collect());
        Ok((found.into_iter().map(|(document, _)| document).collect(), last))
    }

    /// Documents that hold all words of a text, best first. A word may be the beginning of one.
    pub fn search_documents(&self, collection: &str, text: &str, limit: usize) -> Result<Vec<Document>> {
        let terms: Vec<String> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(|word| format!("\"{word}\"*")).collect();
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT d.id, d.document, d.created_ms, d.updated_ms FROM documents_text t JOIN documents d ON d.number = t.rowid \
                   WHERE documents_text MATCH ?1 AND d.collection = ?2 ORDER BY rank, d.id LIMIT ?3";
        let mut statement = self.db.prepare(sql).map_err(|error| failed(&error))?;
        let rows = statement.query_map(params![terms.join(" "), collection, limit as i64], read).map_err(|error| failed(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| failed(&error))
    }

    pub(super) fn in_transaction<T>(&mut self, work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let run = |store: &mut Self| {
            let transaction = store.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        run(self).map_err(|error| failed(&error))
    }

    fn define_functions(&self) -> rusqlite::Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        self.db.create_scalar_function("document_matches", 2, flags, |context| {
            let document: Value = serde_json::from_str(context.get_raw(0).as_str()?).unwrap_or_default();
            let filter: Value = serde_json::from_str(context.get_raw(1).as_str()?).unwrap_or_default();
            Ok(crate::base::filter::matches(&document, &filter))
        })?;
        self.db.create_scalar_function("sort_key", 2, flags, |context| {
            let document: Value = serde_json::from_str(context.get_raw(0).as_str()?).unwrap_or_default();
            Ok(crate::base::filter::sort_key(path(&document, context.get_raw(1).as_str()?)))
        })
    }
}

fn key_sql(key: &SortKey, values: &mut Vec<Box<dyn ToSql>>) -> String {
    match key.path.as_str() {
        "id" => String::from("CAST(id AS BLOB)"),
        "created_at" => String::from("CAST(printf('%020d', created_ms) AS BLOB)"),
        "updated_at" => String::from("CAST(printf('%020d', updated_ms) AS BLOB)"),
        path => {
            values.push(Box::new(path.to_owned()));
            format!("sort_key(document, ?{})", values.len())
        }
    }
}

/// What comes after a document in the sort order: greater at the first key that differs.
fn after_sql(keys: &[String], sort: &[SortKey], after: &[String], values: &mut Vec<Box<dyn ToSql>>) -> String {
    let bound: Vec<String> = after
        .iter()
        .map(|hex| {
            values.push(Box::new(hex.clone()));
            format!("unhex(?{})", values.len())
        })
        .collect();
    let ways: Vec<String> = (0..keys.len())
        .map(|at| {
            let mut parts: Vec<String> = (0..at).map(|before| format!("{} = {}", keys[before], bound[before])).collect();
            parts.push(format!("{} {} {}", keys[at], if sort[at].descending { "<" } else { ">" }, bound[at]));
            format!("({})", parts.join(" AND "))
        })
        .collect();
    format!(" AND ({})", ways.join(" OR "))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Document> {
    let text: String = row.get(1)?;
    let document = serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error)))?;
    Ok(Document { id: row.get(0)?, document, created_ms: row.get(2)?, updated_ms: row.get(3)? })
}

/// All text of a document, for the full-text index.
fn text_of(document: &Value) -> String {
    match document {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        Value::Object(members) => members.values().map(text_of).collect::<Vec<_>>().join("\n"),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) => String::new(),
    }
}
