//! The plan of a dry run: kept so that exactly its requests can be let through, found again for the run that makes them.

use std::sync::Arc;

use serde_json::Value;

use crate::access::plans;
use crate::base::clock::now_ms;
use crate::base::error::{Error, Result};
use crate::config::layers::Config;
use crate::lua::rehearsal::{Approved, Plan};
use crate::store::Memory;

/// Keeps a plan under its digest for as long as tickets are valid.
pub fn keep(memory: &Memory, config: &Config, script: &str, plan: &Plan) -> Result<()> {
    let requests = serde_json::to_string(plan).unwrap_or_default();
    let ttl = i64::try_from(config.number("approvals.ttl_seconds")).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    memory.with(|store| plans::keep(store, &plan.digest(), script, &requests, now_ms(), ttl))
}

/// The open plan of a digest.
pub fn find(memory: &Memory, digest: &str) -> Result<Plan> {
    let row = memory.with(|store| plans::find(store, digest, now_ms()))?;
    serde_json::from_str(&row).map_err(|error| Error::internal(format!("the plan is damaged: {error}")))
}

/// A run of the plan that a digest names. The plan is used up by its first write, not by a script that does not come so far.
pub fn approved(memory: Arc<Memory>, digest: &str) -> Result<Approved> {
    let plan = find(&memory, digest)?;
    let named = digest.to_owned();
    let spend = move || memory.with(|store| plans::spend(store, &named, now_ms()));
    Ok(Approved::new(digest.to_owned(), plan, Box::new(spend)))
}

/// A plan for whoever may approve it. That of a run that failed is not whole, so it has no digest.
pub fn shown(plan: &Plan, failed: bool) -> Value {
    let digest = (!failed).then(|| plan.digest());
    serde_json::json!({"digest": digest, "requests": plan.steps, "stand_ins": plan.open()})
}
