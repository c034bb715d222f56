//! Tickets for exactly one request each: left where nobody could be asked, decided by a person, spent once.

use serde_json::Value;

use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::store::Store;
use crate::store::approvals::Ticket;

/// What a ticket is for.
pub struct Asked<'a> {
    pub function: String,
    pub account: &'a str,
    pub operation: &'a str,
    pub arguments: &'a Value,
    pub files: &'a Value,
    pub options: &'a Value,
    pub request: &'a Value,
    pub digest: &'a str,
    pub origin: &'a str,
}

/// Spends an approved ticket for this request, if there is one; answers its id.
pub fn spend(store: &Store, digest: &str, now_ms: i64) -> Result<Option<String>> {
    while let Some(ticket) = store.ticket_for(digest, "approved", now_ms)? {
        if store.spend_ticket(&ticket.id, now_ms)? {
            return Ok(Some(ticket.id));
        }
    }
    Ok(None)
}

/// Spends this very ticket, which was approved.
pub fn spend_this(store: &Store, ticket: &Ticket, now_ms: i64) -> Result<()> {
    if store.spend_ticket(&ticket.id, now_ms)? {
        return Ok(());
    }
    let now = find(store, &ticket.id)?;
    Err(Error::new(Code::PermissionDenied, format!("Ticket {} is {}; nothing was sent", now.id, state(&now, now_ms)))
        .hint("Make the call again for a new ticket"))
}

/// The pending ticket for this request, left now if there is none; answers its id.
pub fn leave(store: &Store, asked: &Asked<'_>, now_ms: i64, ttl_ms: i64) -> Result<String> {
    if let Some(known) = store.ticket_for(asked.digest, "pending", now_ms)? {
        return Ok(known.id);
    }
    let id = format!("apr_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    store.put_ticket(&Ticket {
        id: id.clone(),
        function: asked.function.clone(),
        account: asked.account.to_owned(),
        operation: asked.operation.to_owned(),
        arguments: asked.arguments.to_string(),
        files: asked.files.to_string(),
        options: asked.options.to_string(),
        request: asked.request.to_string(),
        digest: asked.digest.to_owned(),
        origin: asked.origin.to_owned(),
        state: String::from("pending"),
        created_ms: now_ms,
        expires_ms: now_ms.saturating_add(ttl_ms),
        decided_ms: None,
        spent_ms: None,
    })?;
    Ok(id)
}

/// The state as shown: a ticket whose time is over is `expired`.
pub fn state(ticket: &Ticket, now_ms: i64) -> &str {
    let open = ticket.state == "pending" || ticket.state == "approved";
    if open && ticket.expires_ms <= now_ms { "expired" } else { &ticket.state }
}

/// A ticket by its id or the beginning of it.
pub fn find(store: &Store, id: &str) -> Result<Ticket> {
    let wanted = if id.starts_with("apr_") { id.to_owned() } else { format!("apr_{id}") };
    let mut found = store.tickets_like(&wanted)?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::new(Code::NotFound, format!("There is no approval ticket '{}'", printable(id))).hint("angelia approvals:list")),
        _ => Err(Error::usage(format!("Several tickets begin with '{}'; write more of it", printable(id)))),
    }
}

/// Decides a pending ticket.
pub fn decide(store: &Store, ticket: &Ticket, approve: bool, now_ms: i64) -> Result<()> {
    if store.decide_ticket(&ticket.id, if approve { "approved" } else { "denied" }, now_ms)? {
        return Ok(());
    }
    let now = find(store, &ticket.id)?;
    let next = match state(&now, now_ms) {
        "approved" => format!("Make the call now, or: angelia approvals:approve {} --run", now.id),
        _ => String::from("Make the call again for a new ticket"),
    };
    Err(Error::new(Code::PermissionDenied, format!("Ticket {} is {} and cannot be decided any more", now.id, state(&now, now_ms)))
        .hint(next))
}
