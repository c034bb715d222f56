//! Plans: the list of requests that a dry run of a workflow would have made, kept so that exactly this list can be let through once.

use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::store::Store;
use crate::store::plans::PlanRow;

/// Keeps a plan until it is used or its time is over.
pub fn keep(store: &Store, digest: &str, script: &str, requests: &str, now_ms: i64, ttl_ms: i64) -> Result<()> {
    store.forget_plans(now_ms)?;
    store.put_plan(&PlanRow {
        digest: digest.to_owned(),
        script: script.to_owned(),
        requests: requests.to_owned(),
        created_ms: now_ms,
        expires_ms: now_ms.saturating_add(ttl_ms),
        state: String::from("open"),
        spent_ms: None,
    })
}

const AGAIN: &str = "angelia integrations:lua FILE --dry-run makes it anew";

/// The requests of an open plan.
pub fn find(store: &Store, digest: &str, now_ms: i64) -> Result<String> {
    let hex = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex {
        return Err(Error::usage(format!(
            "'{}' is no digest: --approve takes the 64 characters that a dry run printed",
            printable(digest)
        )));
    }
    let Some(row) = store.plans_like(digest)?.into_iter().next() else {
        return Err(Error::new(Code::NotFound, "There is no dry run of that digest").hint(AGAIN));
    };
    if row.state == "open" && row.expires_ms > now_ms { Ok(row.requests) } else { Err(over(digest, row.state == "spent")) }
}

/// Spends an open plan: of several processes one wins.
pub fn spend(store: &Store, digest: &str, now_ms: i64) -> Result<()> {
    if store.spend_plan(digest, now_ms)? { Ok(()) } else { Err(over(digest, true)) }
}

fn over(digest: &str, spent: bool) -> Error {
    let why = if spent { "was used already; a plan runs once" } else { "is too old" };
    let short: String = digest.chars().take(12).collect();
    Error::new(Code::ApprovalRequired, format!("The plan {short} {why}")).hint(AGAIN)
}
