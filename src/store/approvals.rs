//! Approval tickets at rest. Every change of state is one conditional UPDATE, so two processes cannot both win.

use rusqlite::{OptionalExtension as _, Row, params};

use crate::base::error::Result;
use crate::store::{Store, failed};

/// One ticket: leave to make exactly one request once.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub id: String,
    pub function: String,
    pub account: String,
    pub operation: String,
    /// JSON object.
    pub arguments: String,
    /// JSON object: parameter to file path.
    pub files: String,
    /// JSON object: how the call was made.
    pub options: String,
    /// The request as shown, without secrets (JSON).
    pub request: String,
    pub digest: String,
    pub origin: String,
    /// `pending`, `approved`, `denied`, `spent`.
    pub state: String,
    pub created_ms: i64,
    pub expires_ms: i64,
    pub decided_ms: Option<i64>,
    pub spent_ms: Option<i64>,
}

const COLUMNS: &str = "id, function, account, operation, arguments, files, options, request, digest, origin, state, created_ms, expires_ms, decided_ms, spent_ms";

impl Store {
    /// Leaves a ticket.
    pub fn put_ticket(&self, ticket: &Ticket) -> Result<()> {
        let sql = format!("INSERT INTO approvals ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,NULL,NULL)");
        self.db
            .execute(
                &sql,
                params![
                    ticket.id,
                    ticket.function,
                    ticket.account,
                    ticket.operation,
                    ticket.arguments,
                    ticket.files,
                    ticket.options,
                    ticket.request,
                    ticket.digest,
                    ticket.origin,
                    ticket.state,
                    ticket.created_ms,
                    ticket.expires_ms
                ],
            )
            .map(drop)
            .map_err(|error| failed(&error))
    }

    /// A valid ticket of a state for a request.
    pub fn ticket_for(&self, digest: &str, state: &str, now_ms: i64) -> Result<Option<Ticket>> {
        let sql =
            format!("SELECT {COLUMNS} FROM approvals WHERE digest = ?1 AND state = ?2 AND expires_ms > ?3 ORDER BY created_ms LIMIT 1");
        self.db.query_row(&sql, params![digest, state, now_ms], read).optional().map_err(|error| failed(&error))
    }

    /// Tickets whose id begins so.
    pub fn tickets_like(&self, start: &str) -> Result<Vec<Ticket>> {
        let sql = format!("SELECT {COLUMNS} FROM approvals WHERE substr(id, 1, length(?1)) = ?1 LIMIT 3");
        self.collect_tickets(&sql, &[&start])
    }

    /// Tickets, newest first.
    pub fn tickets(&self, limit: u32) -> Result<Vec<Ticket>> {
        self.collect_tickets(&format!("SELECT {COLUMNS} FROM approvals ORDER BY created_ms DESC LIMIT ?1"), &[&limit])
    }

    fn collect_tickets(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Ticket>> {
        let mut statement = self.db.prepare(sql).map_err(|error| failed(&error))?;
        let rows = statement.query_map(values, read).map_err(|error| failed(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| failed(&error))
    }

    /// Decides a pending, valid ticket, or takes an approval back; false when it is too late for that.
    pub fn decide_ticket(&self, id: &str, state: &str, now_ms: i64) -> Result<bool> {
        let sql = "UPDATE approvals SET state = ?2, decided_ms = ?3 WHERE id = ?1 AND expires_ms > ?3 \
                   AND (state = 'pending' OR (state = 'approved' AND ?2 = 'denied'))";
        self.db.execute(sql, params![id, state, now_ms]).map(|changed| changed == 1).map_err(|error| failed(&error))
    }

    /// Uses up an approved, valid ticket; false when another call did so first.
    pub fn spend_ticket(&self, id: &str, now_ms: i64) -> Result<bool> {
        let sql = "UPDATE approvals SET state = 'spent', spent_ms = ?2 WHERE id = ?1 AND state = 'approved' AND expires_ms > ?2";
        self.db.execute(sql, params![id, now_ms]).map(|changed| changed == 1).map_err(|error| failed(&error))
    }

    /// Gives a spent ticket back: the call ended before anything was sent.
    pub fn unspend_ticket(&self, id: &str) -> Result<()> {
        let sql = "UPDATE approvals SET state = 'approved', spent_ms = NULL WHERE id = ?1 AND state = 'spent'";
        self.db.execute(sql, [id]).map(drop).map_err(|error| failed(&error))
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Ticket> {
    Ok(Ticket {
        id: row.get(0)?,
        function: row.get(1)?,
        account: row.get(2)?,
        operation: row.get(3)?,
        arguments: row.get(4)?,
        files: row.get(5)?,
        options: row.get(6)?,
        request: row.get(7)?,
        digest: row.get(8)?,
        origin: row.get(9)?,
        state: row.get(10)?,
        created_ms: row.get(11)?,
        expires_ms: row.get(12)?,
        decided_ms: row.get(13)?,
        spent_ms: row.get(14)?,
    })
}
