//! A plan carried out and recorded: a write is in the audit log before it is sent, and what cannot be kept afterwards is said. Whether it
//! may be carried out was decided before.

use crate::access::auth;
use crate::base::clock::now_ms;
use crate::base::envelope::Envelope;
use crate::base::error::{Error, Result};
use crate::base::secret::Scrubber;
use crate::call::audit;
use crate::call::draft::Draft;
use crate::call::executor::Ready;
use crate::call::finish;
use crate::call::plan::Plan;
use crate::call::request::Ctx;
use crate::call::runtime::Runtime;
use crate::call::tape;
use crate::registry::function::Operation;
use crate::store::calls::CallRow;

impl Runtime {
    /// Carries out a plan that may be carried out.
    pub async fn perform(&self, ctx: &Ctx, plan: Plan) -> Envelope {
        let draft = Draft::of(&plan);
        let provider = plan.callable.provider.clone();
        let (force, approval, timeout) = (plan.bypassed, plan.approval_id.clone(), plan.timeout);
        let (credentials, account) = match self.unlock(ctx, &plan).await {
            Ok(unlocked) => unlocked,
            Err(error) => return self.held(ctx, &draft, approval.as_deref(), error),
        };
        let scrubber = auth::scrubber(&provider, &credentials);
        let mut row = draft.row(ctx);
        row.force = force;
        row.approval_id.clone_from(&approval);
        audit::arguments(&mut row, &plan.shown_arguments(), &scrubber);
        let writes = plan.callable.function.operation != Operation::Read;
        let begun = finish::begin(&plan).and_then(|sink| {
            if writes && !plan.callable.local && !tape::replays(&plan.callable, &plan.options) {
                row.deadline_ms = Some(draft.time_ms.saturating_add(timeout.as_millis() as i64).saturating_add(60_000));
                self.put(&row).map_err(unrecordable)?;
            }
            Ok(sink)
        });
        let sink = match begun {
            Ok(sink) => sink,
            Err(error) => return self.held(ctx, &draft, approval.as_deref(), error),
        };
        let executor = self.executor(&plan.callable);
        let ready = Ready { plan, credentials, scrubber, account };
        let mut outcome = executor.execute(ctx, &ready).await;
        let scrubber = outcome.scrubber.take().unwrap_or_else(|| ready.scrubber.clone());
        scrubber.scrub_value(&mut outcome.data);
        let sent = outcome.attempts > 0 || outcome.replayed || ready.plan.callable.local;
        if let Some(id) = approval.as_ref().filter(|_| !sent) {
            // Nothing went out: the word that was given still holds.
            drop(self.memory.with(|store| store.unspend_ticket(id)));
        }
        row.outcome = audit::outcome(outcome.error.as_ref(), outcome.effect_unknown, sent).to_owned();
        row.code = outcome.error.as_ref().map(|error| error.code.as_str().to_owned());
        row.http_status = outcome.http_status;
        row.attempts = outcome.attempts;
        row.duration_ms = Some(draft.milliseconds());
        row.deadline_ms = None;
        let recorded = self.record(&row);
        let operation = ready.plan.callable.function.operation;
        finish::finish(&ready.plan, ctx.items.is_some(), sink, &mut outcome).await;
        if outcome.error.is_none() {
            outcome.error = outcome.unkept.take().map(|error| finish::after(operation, error));
        }
        let mut envelope = draft.envelope(outcome);
        envelope.meta.unrecorded = !recorded;
        envelope.meta.permission_bypassed = force;
        envelope.meta.approval_id = approval;
        envelope.scrub(&scrubber);
        envelope.meta.warnings.iter().for_each(|warning| (self.notes)(warning));
        envelope
    }

    /// Answers a call that was allowed but could not begin: the word that was given still holds.
    fn held(&self, ctx: &Ctx, draft: &Draft, approval: Option<&str>, error: Error) -> Envelope {
        if let Some(id) = approval {
            drop(self.memory.with(|store| store.unspend_ticket(id)));
        }
        self.refused(ctx, draft, error, None)
    }

    pub(crate) fn finish_row(&self, mut row: CallRow, draft: &Draft) -> bool {
        if let Some(arguments) = &draft.arguments {
            audit::arguments(&mut row, arguments, &Scrubber::default());
        }
        row.duration_ms = Some(draft.milliseconds());
        self.record(&row)
    }

    /// Writes a line of the audit log; where that fails a person is told, and the answer says so.
    fn record(&self, row: &CallRow) -> bool {
        let done = self.put(row);
        if let Err(error) = &done {
            (self.notes)(&format!("This call is not in the audit log: {error}"));
        }
        done.is_ok()
    }

    fn put(&self, row: &CallRow) -> Result<()> {
        let keep = i64::try_from(self.config.number("audit.keep_days")).unwrap_or(0);
        let now = now_ms();
        self.memory.with(|store| {
            if keep > 0 && fastrand::u8(..) == 0 {
                store.forget_calls(now.saturating_sub(keep.saturating_mul(86_400_000)))?;
            }
            store.put_call(row)
        })
    }
}

/// Why a write is not sent that could not be told of afterwards.
fn unrecordable(error: Error) -> Error {
    let message = format!("The call cannot be written to the audit log, so it was not sent: {}", error.message);
    Error { message, ..error }.hint("Writes need a folder for data that can be written: set ANGELIA_HOME or XDG_DATA_HOME")
}
