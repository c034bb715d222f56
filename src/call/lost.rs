//! What it means that no answer came, or none that says what was done: the codes, and whether a write may have taken effect.
//! Nothing is sent from here.

use crate::base::error::{Code, Error};
use crate::base::name::account_flag;
use crate::call::exchange;
use crate::call::http::Run;
use crate::call::retry;
use crate::net::{Failure, FailureKind};
use crate::registry::function::{Operation, ResponseForm};

/// What to do when a write may or may not have been done.
const LOOK: &str = "Look at the service before sending it again";

impl Run<'_> {
    fn writes(&self) -> bool {
        self.ready.plan.callable.function.operation != Operation::Read
    }

    /// A failure without an answer, in words and with a code.
    pub(crate) fn lost(&mut self, failure: Failure) -> Error {
        let plan = &self.ready.plan;
        let title = &plan.callable.provider.title;
        let write = self.writes();
        if self.ctx.cancel.is_cancelled() {
            self.effect_unknown = write && self.attempts > 0;
            let error = Error::new(Code::Cancelled, "Interrupted");
            return if self.effect_unknown { error.hint("The request had been sent; check whether it took effect") } else { error };
        }
        if write && self.attempts > 0 && failure.sent {
            self.effect_unknown = true;
            let line = match failure.kind {
                FailureKind::Redirect(_) => format!("{title}: {}; the request may have taken effect", failure.message),
                _ => format!("The request was sent to {title}, but its answer was lost ({}); it may have taken effect", failure.message),
            };
            let error = Error::new(Code::OutcomeUnknown, line).hint(LOOK);
            let redirected = match failure.kind {
                FailureKind::Redirect(status) => Some(status),
                _ => None,
            };
            return Error { http_status: redirected.or(self.last_status), ..error };
        }
        match failure.kind {
            FailureKind::Timeout => {
                Error::new(Code::Timeout, format!("{title} did not answer within {} seconds", plan.timeout.as_secs_f64()))
                    .retryable()
                    .hint("Allow more with --timeout SECONDS")
            }
            FailureKind::TooLarge => Error::new(Code::InvalidResponse, format!("{title}: {}", failure.message))
                .hints(self.downloads())
                .hint(format!("angelia config:set http.max_response_bytes {}", self.http.settings.max_response_bytes.saturating_mul(10))),
            FailureKind::Redirect(status) => {
                let code = if write { Code::ProviderError } else { Code::InvalidResponse };
                Error::new(code, format!("{title}: {}", failure.message)).status(status)
            }
            FailureKind::Broken => match self.last_status {
                Some(status) => Error::new(Code::InvalidResponse, format!("{title}: {}", failure.message)).retryable().status(status),
                None => Error::new(Code::Unreachable, format!("{title} broke off the connection: {}", failure.message)).retryable(),
            },
            FailureKind::Unreachable => {
                Error::new(Code::Unreachable, format!("{title} cannot be reached: {}", failure.message)).retryable()
            }
            FailureKind::Local(_) | FailureKind::Refused => self.unsent(&failure),
        }
    }

    /// A request that could not be made.
    fn unsent(&self, failure: &Failure) -> Error {
        let plan = &self.ready.plan;
        let provider = &plan.callable.provider;
        let code = if let FailureKind::Local(code) = failure.kind { code } else { Code::Unreachable };
        let error = Error::new(code, format!("{}: {}", provider.title, failure.message));
        if code == Code::MissingCredentials {
            let of = account_flag(&plan.account);
            return error.hint(format!("angelia integrations:fields {}{of}", provider.id));
        }
        if self.replayer.is_some() && code == Code::Unreachable {
            return error.hint(exchange::RECORD);
        }
        if failure.message.contains("private address") {
            return error.hint(format!("angelia integrations:configure {} --allow-private", provider.id));
        }
        error
    }

    /// How an answer of any size can be had: a download goes to a file as it comes, unless it is recorded.
    fn downloads(&self) -> Option<String> {
        let (function, options) = (&self.ready.plan.callable.function, &self.ready.plan.options);
        match (function.response, &options.output, &options.record) {
            (ResponseForm::Binary, None, _) => Some(String::from("Write a download of any size with --output FILE")),
            (ResponseForm::Binary, Some(_), Some(_)) => Some(String::from("Without --record, --output writes downloads of any size")),
            _ => None,
        }
    }

    /// A write whose answer came but does not say what was done.
    pub(crate) fn after_write(&mut self, error: Error) -> Error {
        if !self.writes() {
            return error;
        }
        match error.http_status {
            Some(status) if error.code == Code::InvalidResponse && (200..300).contains(&status) => {
                self.effect_unknown = true;
                let message = format!("{}. The service answered {status}, so it very likely took effect", error.message);
                Error { code: Code::OutcomeUnknown, message, ..error }
            }
            Some(_) if self.pointed.is_some() => {
                self.effect_unknown = true;
                let pointed = self.pointed.unwrap_or_default();
                let message = format!("The service took the request (status {pointed}), but where it points to: {}", error.message);
                Error { code: Code::OutcomeUnknown, message, retryable: false, retry_after_ms: None, ..error }.hint(LOOK)
            }
            Some(status) if error.code == Code::ProviderError && retry::leaves_open(status) => {
                self.effect_unknown = true;
                let again = self.may_retry();
                let error = Error { retryable: again, retry_after_ms: error.retry_after_ms.filter(|_| again), ..error };
                let what = if matches!(status, 502 | 504) { "A gateway answered" } else { "The service did not say what it did" };
                error.hint(format!("{what}; the request may have taken effect. {LOOK}"))
            }
            _ => error,
        }
    }
}

/// Ctrl-C, as a failure.
pub(crate) fn cancelled() -> Failure {
    Failure::new(FailureKind::Broken, String::from("interrupted"))
}
