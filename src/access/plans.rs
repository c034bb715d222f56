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

/// Spends the plan of this digest; answers its requests.
pub fn spend(store: &Store, digest: &str, now_ms: i64) -> Result<String> {
    let again = "angelia integrations:lua FILE --dry-run makes it";
    let hex = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex {
        return Err(Error::usage(format!(
            "'{}' is no digest: --approve takes the 64 characters that a dry run printed",
            printable(digest)
        )));
    }
    let found = store.plans_like(digest)?;
    let Some(row) = found.into_iter().next() else {
        return Err(Error::new(Code::NotFound, "There is no dry run of that digest").hint(again));
    };
    if store.spend_plan(&row.digest, now_ms)? {
        return Ok(row.requests);
    }
    let why = if row.state == "spent" { "was used already; a plan runs once" } else { "is too old" };
    Err(Error::new(Code::ApprovalRequired, format!("The plan {} {why}", &row.digest[..12]))
        .hint(again.replace("makes it", "makes it anew")))
}
