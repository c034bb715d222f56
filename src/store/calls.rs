//! The audit log: one row per call. A write's row is made before it is sent, so that a crash in between is known:
//! a row still `pending` after its deadline is shown as `unknown`.

use rusqlite::{Row, ToSql, params};

use crate::base::error::Result;
use crate::store::{Store, failed};

/// One call, as recorded.
#[derive(Debug, Clone, Default)]
pub struct CallRow {
    pub call_id: String,
    pub time_ms: i64,
    pub origin: String,
    pub function: String,
    pub account: String,
    pub operation: Option<String>,
    pub arguments_digest: Option<String>,
    pub arguments: Option<String>,
    /// `succeeded`, `failed`, `refused`, `planned` (dry run), `pending`, `unknown`.
    pub outcome: String,
    pub code: Option<String>,
    pub http_status: Option<u16>,
    pub duration_ms: Option<f64>,
    pub force: bool,
    pub dry_run: bool,
    pub approval_id: Option<String>,
    pub attempts: u32,
    pub deadline_ms: Option<i64>,
}

/// What `audit:list` may ask for.
#[derive(Debug, Default)]
pub struct CallFilter {
    /// Exact name, or a prefix ending in `*`.
    pub function: Option<String>,
    pub account: Option<String>,
    pub outcome: Option<String>,
    pub operation: Option<String>,
    pub code: Option<String>,
    /// A whole chain such as `cli/lua`, or one link of it.
    pub origin: Option<String>,
    pub call_id: Option<String>,
    pub since_ms: Option<i64>,
    pub until_ms: Option<i64>,
    pub forced: bool,
    pub limit: u32,
}

const COLUMNS: &str = "call_id, time_ms, origin, function, account, operation, arguments_digest, arguments, outcome, code, \
                       http_status, duration_ms, force, dry_run, approval_id, attempts, deadline_ms";

/// `pending` rows whose time is over, as they are shown.
const SHOWN_OUTCOME: &str = "CASE WHEN outcome = 'pending' AND deadline_ms < ?1 THEN 'unknown' ELSE outcome END";

impl Store {
    /// Writes or replaces a call's row.
    pub fn put_call(&self, row: &CallRow) -> Result<()> {
        let sql = format!(
            "INSERT INTO calls ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17) \
             ON CONFLICT (call_id) DO UPDATE SET outcome = excluded.outcome, code = excluded.code, http_status = excluded.http_status, \
             duration_ms = excluded.duration_ms, attempts = excluded.attempts, deadline_ms = excluded.deadline_ms"
        );
        self.db
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement.execute(params![
                    row.call_id,
                    row.time_ms,
                    row.origin,
                    row.function,
                    row.account,
                    row.operation,
                    row.arguments_digest,
                    row.arguments,
                    row.outcome,
                    row.code,
                    row.http_status,
                    row.duration_ms,
                    row.force,
                    row.dry_run,
                    row.approval_id,
                    row.attempts,
                    row.deadline_ms
                ])
            })
            .map(drop)
            .map_err(|error| failed(&error))
    }

    /// Calls that fit, newest first.
    pub fn calls(&self, filter: &CallFilter, now_ms: i64) -> Result<Vec<CallRow>> {
        let mut sql = format!("SELECT {} FROM calls WHERE 1", COLUMNS.replace("outcome", &format!("{SHOWN_OUTCOME} AS outcome")));
        let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(now_ms)];
        let mut also = |condition: &str, value: Box<dyn ToSql>| {
            values.push(value);
            sql.push_str(" AND ");
            sql.push_str(&condition.replace('#', &format!("?{}", values.len())));
        };
        if let Some(function) = &filter.function {
            match function.strip_suffix('*') {
                Some(prefix) => also("substr(function, 1, length(#)) = #", Box::new(prefix.to_owned())),
                None => also("function = #", Box::new(function.clone())),
            }
        }
        let equal = [
            ("account = #", &filter.account),
            ("operation = #", &filter.operation),
            ("code = #", &filter.code),
            ("call_id = #", &filter.call_id),
        ];
        for (condition, value) in equal {
            if let Some(value) = value {
                also(condition, Box::new(value.clone()));
            }
        }
        if let Some(origin) = &filter.origin {
            let within = if origin.contains('/') {
                "origin = #"
            } else {
                "instr('/' || replace(origin, ':', '/') || '/', '/' || replace(#, ':', '/') || '/') > 0"
            };
            also(within, Box::new(origin.clone()));
        }
        if let Some(outcome) = &filter.outcome {
            also(&format!("{SHOWN_OUTCOME} = #"), Box::new(outcome.clone()));
        }
        if let Some(since) = filter.since_ms {
            also("time_ms >= #", Box::new(since));
        }
        if let Some(until) = filter.until_ms {
            also("time_ms < #", Box::new(until));
        }
        if filter.forced {
            sql.push_str(" AND force = 1");
        }
        values.push(Box::new(filter.limit));
        sql.push_str(&format!(" ORDER BY time_ms DESC, number DESC LIMIT ?{}", values.len()));
        let refs: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        let mut statement = self.db.prepare(&sql).map_err(|error| failed(&error))?;
        let rows = statement.query_map(refs.as_slice(), read).map_err(|error| failed(&error))?;
        rows.collect::<rusqlite::Result<Vec<_>>>().map_err(|error| failed(&error))
    }

    /// Forgets calls older than a time; answers how many.
    pub fn forget_calls(&self, before_ms: i64) -> Result<usize> {
        self.db.execute("DELETE FROM calls WHERE time_ms < ?1", [before_ms]).map_err(|error| failed(&error))
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<CallRow> {
    Ok(CallRow {
        call_id: row.get(0)?,
        time_ms: row.get(1)?,
        origin: row.get(2)?,
        function: row.get(3)?,
        account: row.get(4)?,
        operation: row.get(5)?,
        arguments_digest: row.get(6)?,
        arguments: row.get(7)?,
        outcome: row.get(8)?,
        code: row.get(9)?,
        http_status: row.get(10)?,
        duration_ms: row.get(11)?,
        force: row.get(12)?,
        dry_run: row.get(13)?,
        approval_id: row.get(14)?,
        attempts: row.get(15)?,
        deadline_ms: row.get(16)?,
    })
}
