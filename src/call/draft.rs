//! What is known of a call while it is checked and carried out, from which its answer and its audit line are made.

use std::time::Instant;

use serde_json::Value;

use crate::base::clock::now_ms;
use crate::base::envelope::{Envelope, Meta};
use crate::base::name::DEFAULT_ACCOUNT;
use crate::call::audit;
use crate::call::executor::Outcome;
use crate::call::plan::Plan;
use crate::call::request::{Call, Ctx};
use crate::registry::function::Operation;
use crate::store::calls::CallRow;

/// What is known of a call that is being checked.
pub struct Draft {
    pub call_id: String,
    pub function: String,
    started: Instant,
    pub time_ms: i64,
    pub operation: Option<Operation>,
    pub account: String,
    dry_run: bool,
    pub arguments: Option<Value>,
}

impl Draft {
    /// Of a call as it was asked.
    pub fn begun(call: &Call) -> Self {
        Self {
            call_id: uuid::Uuid::now_v7().to_string(),
            function: call.function.clone(),
            started: Instant::now(),
            time_ms: now_ms(),
            operation: None,
            account: call.account.clone().unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned()),
            dry_run: call.options.dry_run,
            arguments: None,
        }
    }

    /// Of one that passed its checks.
    pub fn of(plan: &Plan) -> Self {
        Self {
            call_id: plan.call_id.clone(),
            function: plan.callable.name.to_string(),
            started: Instant::now(),
            time_ms: now_ms(),
            operation: Some(plan.callable.function.operation),
            account: plan.account.clone(),
            dry_run: plan.options.dry_run,
            arguments: Some(plan.shown_arguments()),
        }
    }

    /// The answer.
    pub fn envelope(&self, outcome: Outcome) -> Envelope {
        let list = outcome.list;
        Envelope {
            function: self.function.clone(),
            success: outcome.error.is_none(),
            data: outcome.data,
            error: outcome.error.as_ref().map(|error| error.message.clone()),
            error_detail: outcome.error.map(Into::into),
            meta: Meta {
                call_id: self.call_id.clone(),
                operation: self.operation.map(Operation::as_str),
                account: self.account.clone(),
                dry_run: self.dry_run,
                attempts: outcome.attempts,
                pages: list.map(|list| list.pages),
                items: list.map(|list| list.items),
                complete: list.map(|list| list.complete),
                stopped_by: list.and_then(|list| list.stopped_by),
                replayed: outcome.replayed,
                warnings: outcome.warnings,
                ..Meta::default()
            },
            duration_ms: self.milliseconds(),
        }
    }

    /// The line of the audit log, as far as it is known.
    pub fn row(&self, ctx: &Ctx) -> CallRow {
        let mut row = audit::begin(&self.call_id, self.time_ms, &ctx.origin, &self.function);
        row.account.clone_from(&self.account);
        row.operation = self.operation.map(|operation| operation.as_str().to_owned());
        row.dry_run = self.dry_run;
        row
    }

    /// Wall time since it began.
    pub fn milliseconds(&self) -> f64 {
        (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3
    }
}
