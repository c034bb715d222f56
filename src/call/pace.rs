//! How fast a service wants to be asked. A wait that it asked of one call holds back every call of the same provider and account in
//! this process. Nothing is kept on disk: another process finds out by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::call::http::Run;
use crate::call::response::{self, Read};
use crate::call::retry;
use crate::call::wire::Reply;
use crate::registry::function::Operation;

/// Why calls are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// A request was refused with a wait.
    Refused,
    /// A request succeeded and was the last one of its window.
    Spent,
}

/// Until when each provider and account is held back.
#[derive(Debug, Default)]
pub struct Pace {
    holds: Mutex<HashMap<(String, String, Why), Instant>>,
}

impl Pace {
    /// Holds back until then; a hold that lasts longer stays.
    pub fn hold(&self, provider: &str, account: &str, why: Why, until: Instant) {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let known = holds.entry((provider.to_owned(), account.to_owned(), why)).or_insert(until);
        *known = until.max(*known);
    }

    /// How long a hold still lasts. Those whose time is over are forgotten.
    pub fn left(&self, provider: &str, account: &str, why: Why, now: Instant) -> Duration {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        holds.retain(|_, until| *until > now);
        if holds.is_empty() {
            return Duration::ZERO;
        }
        holds.get(&(provider.to_owned(), account.to_owned(), why)).map_or(Duration::ZERO, |until| until.duration_since(now))
    }
}

impl Run<'_> {
    /// Keeps in mind what an answer says about the pace.
    pub(crate) fn heed(&self, reply: &Reply, body: &[u8]) {
        let Reply::Live(answer) = reply else { return };
        let plan = &self.ready.plan;
        let provider = &plan.callable.provider;
        let header = |name: &str| reply.header(name);
        let read = Read { status: answer.status, header: &header, body, now_ms: now_ms() };
        if let Some(until) = provider.rate_limit.min_interval_ms.and_then(|gap| Instant::now().checked_add(Duration::from_millis(gap))) {
            self.http.pace.hold(&provider.id, &plan.account, Why::Spent, until);
        }
        let why = if response::limited(provider, &plan.callable.function, &read) {
            Why::Refused
        } else if (200..300).contains(&answer.status) && retry::none_left(&provider.rate_limit, &header) {
            Why::Spent
        } else {
            return;
        };
        let wait = retry::asked(&provider.rate_limit, &header, read.now_ms);
        if let Some(until) = wait.and_then(|wait| Instant::now().checked_add(wait)) {
            self.http.pace.hold(&provider.id, &plan.account, why, until);
        }
    }

    /// Waits until the service may be asked. Where that takes too long: after a refusal nothing is sent; after the last request of a
    /// window it is sent all the same, and the service decides.
    pub(crate) async fn hold(&mut self) -> Result<()> {
        while self.replayer.is_none() {
            let refused = self.held(Why::Refused);
            if !refused.is_zero() && !self.can_wait(refused) {
                return Err(self.held_back(refused));
            }
            let spent = self.held(Why::Spent);
            let wait = if self.can_wait(spent) { refused.max(spent) } else { refused };
            if wait.is_zero() {
                break;
            }
            self.pause(wait).await?;
        }
        Ok(())
    }

    fn held(&self, why: Why) -> Duration {
        let plan = &self.ready.plan;
        self.http.pace.left(&plan.callable.provider.id, &plan.account, why, Instant::now())
    }

    fn held_back(&mut self, wait: Duration) -> Error {
        let plan = &self.ready.plan;
        let title = &plan.callable.provider.title;
        let mut error =
            Error::new(Code::RateLimited, format!("{title} asked to wait for {} seconds", wait.as_secs_f64().ceil())).retryable();
        error.retry_after_ms = Some(wait.as_millis() as u64);
        let refused = self.last_status.is_some_and(|status| (400..500).contains(&status));
        if plan.callable.function.operation != Operation::Read && self.attempts > 0 && !refused {
            self.effect_unknown = true;
            return error.hint("The request had been sent before; check whether it took effect");
        }
        error.hint("The request was not sent; another one had been refused. angelia config:set http.max_wait_seconds allows longer waits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_of_a_provider_and_account_counts_until_it_is_over() {
        let (pace, now) = (Pace::default(), Instant::now());
        let at = |ms| now + Duration::from_millis(ms);
        let left = |provider, account, why, ms| pace.left(provider, account, why, at(ms)).as_millis();
        assert_eq!(left("a", "default", Why::Refused, 0), 0);
        pace.hold("a", "default", Why::Refused, at(500));
        pace.hold("a", "default", Why::Refused, at(200));
        pace.hold("a", "default", Why::Spent, at(900));
        assert_eq!((left("a", "default", Why::Refused, 100), left("a", "default", Why::Spent, 100)), (400, 800));
        assert_eq!((left("a", "work", Why::Refused, 100), left("b", "default", Why::Refused, 100)), (0, 0));
        assert_eq!((left("a", "default", Why::Refused, 500), left("a", "default", Why::Spent, 500)), (0, 400));
        assert_eq!(pace.holds.lock().unwrap().len(), 1, "what is over is forgotten");
        assert_eq!(left("a", "default", Why::Spent, 900), 0);
        assert!(pace.holds.lock().unwrap().is_empty());
    }
}
