//! Credentials for a call: with a token that is renewed before the call, and once more when the service refuses it.

use serde_json::Value;

use crate::access::auth;
use crate::access::signin::{Account, Way};
use crate::access::vault::Credentials;
use crate::base::error::{Code, Error, Result};
use crate::call::body::Built;
use crate::call::http::Run;
use crate::call::plan::Plan;
use crate::call::request::Ctx;
use crate::call::runtime::Runtime;
use crate::call::tape;
use crate::call::wire::Reply;
use crate::registry::jq;

/// The longest answer that is read to see whether it says that a token has ended.
const SHORT: u64 = 64 << 10;

impl Runtime {
    /// The values of a plan's account, and who has a refused token anew. Recorded answers need none.
    pub(crate) async fn unlock(&self, ctx: &Ctx, plan: &Plan) -> Result<(Credentials, Option<Account>)> {
        if tape::replays(&plan.callable, &plan.options) && !plan.options.replay.as_ref().is_some_and(|replayer| replayer.watches()) {
            return Ok((Credentials::default(), None));
        }
        let provider = &plan.callable.provider;
        let way =
            Way { net: self.http.net.clone(), allow_private: plan.allow_private, connect_timeout: self.http.settings.connect_timeout };
        let account = Account::of(&self.vault, provider, &plan.account, way).filter(|_| plan.options.replay.is_none());
        let Some(account) = account else { return Ok((self.vault.unlock(provider, &plan.account)?, None)) };
        let credentials = tokio::select! {
            credentials = tokio::time::timeout(plan.timeout, account.ready(&self.vault)) => credentials.map_err(|_| late(plan))??,
            () = ctx.cancel.cancelled() => return Err(Error::new(Code::Cancelled, "Interrupted while the token was renewed")),
        };
        Ok((credentials, Some(account)))
    }
}

/// The time of a call is up before there is a token. What has begun goes on.
fn late(plan: &Plan) -> Error {
    let line = format!("{} gave no new token within {} seconds", plan.callable.provider.title, plan.timeout.as_secs_f64());
    Error::new(Code::Timeout, line).retryable().hint("Allow more with --timeout SECONDS")
}

/// Why a token is wanted at all.
fn after_refusal(error: Error) -> Error {
    Error { message: format!("{} (the service had refused the token before)", error.message), ..error }
}

impl Run<'_> {
    /// Whether an answer is the refusal of a token that may be had anew. Any request may be sent again then, a write too: who was not
    /// recognised was refused before anything was done. Another server, which a redirect led to, was shown no token.
    pub(crate) fn may_renew(&self, built: &Built, reply: &Reply, body: &[u8]) -> bool {
        self.may_renew_by(built, reply) && (reply.status() == 401 || self.says_expired(body))
    }

    /// Whether a body says that the token has ended, by a service that does not say it by status 401.
    fn says_expired(&self, body: &[u8]) -> bool {
        let said = || {
            let program = self.ready.plan.callable.provider.errors.expired_when.as_deref()?;
            let body = serde_json::from_slice(body).ok()?;
            jq::apply(program, &body).ok()
        };
        said() == Some(Value::Bool(true))
    }

    /// Whether a successful answer may turn out to say that the token has ended: a short one, where the service says it in that way.
    pub(crate) fn may_say_expired(&self, built: &Built, reply: &Reply) -> bool {
        let provider = &self.ready.plan.callable.provider;
        let short = || reply.header("content-length").and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length <= SHORT);
        let json = || reply.header("content-type").is_some_and(|kind| kind.contains("json"));
        provider.errors.expired_when.is_some() && self.may_renew_by(built, reply) && json() && short()
    }

    fn may_renew_by(&self, built: &Built, reply: &Reply) -> bool {
        !self.renewed && self.ready.account.is_some() && matches!(reply, Reply::Live(answer) if answer.url.origin() == built.url.origin())
    }

    /// Has the token anew; false where that cannot be, and the refusal stands.
    pub(crate) async fn renew(&mut self) -> Result<bool> {
        let Some(account) = &self.ready.account else { return Ok(false) };
        let renewed = tokio::select! {
            renewed = tokio::time::timeout_at(self.limits.deadline, account.refused(&self.credentials)) => {
                renewed.map_err(|_| late(&self.ready.plan)).flatten().map_err(after_refusal)?
            }
            () = self.ctx.cancel.cancelled() => return Err(Error::new(Code::Cancelled, "Interrupted while the token was renewed")),
        };
        let Some(credentials) = renewed else { return Ok(false) };
        self.scrubber.extend(&auth::scrubber(&self.ready.plan.callable.provider, &credentials));
        self.credentials = credentials;
        self.renewed = true;
        Ok(true)
    }

    /// Says of a refusal whose token cannot be renewed where that token comes from.
    pub(crate) fn with_source(&self, error: Error) -> Error {
        let variable = || self.ready.account.as_ref()?.variable();
        match error.http_status {
            Some(401) => match variable() {
                Some(variable) => {
                    error.hint(format!("The token comes from the environment variable {variable}; it cannot be renewed here"))
                }
                None => error,
            },
            _ => error,
        }
    }
}
