//! The one shape of an answer (contract section 3). Success and failure have the same keys, always all present;
//! optional `meta` keys appear where they mean something.

use serde::Serialize;
use serde_json::Value;

use crate::base::error::Error;
use crate::base::secret::Scrubber;

/// The answer of any call on any surface.
#[derive(Debug, Clone, Serialize)]
pub struct Envelope {
    /// Full name of the function, as asked.
    pub function: String,
    /// Whether it did what was asked.
    pub success: bool,
    /// The result; on a failure in the middle of a list, the items so far.
    pub data: Value,
    /// One line for a person.
    pub error: Option<String>,
    /// The failure in full.
    pub error_detail: Option<ErrorDetail>,
    /// How the call went.
    pub meta: Meta,
    /// Wall time in milliseconds.
    pub duration_ms: f64,
}

/// The failure of an [`Envelope`].
#[derive(Debug, Clone, Serialize)]
pub struct ErrorDetail {
    /// Stable slug.
    pub code: &'static str,
    /// All problems of the arguments.
    pub problems: Vec<WireProblem>,
    /// What to do next.
    pub hints: Vec<String>,
    /// Trying the same again may help.
    pub retryable: bool,
    /// Status of the remote service.
    pub http_status: Option<u16>,
    /// The remote service's id of the request.
    pub request_id: Option<String>,
    /// How long the remote service asks to wait.
    pub retry_after_ms: Option<u64>,
    /// What the remote service said.
    pub provider: Option<WireProvider>,
}

/// One problem of the arguments.
#[derive(Debug, Clone, Serialize)]
pub struct WireProblem {
    /// RFC 6901 JSON Pointer.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// The remote service's own words.
#[derive(Debug, Clone, Serialize)]
pub struct WireProvider {
    /// Its error code.
    pub code: Option<String>,
    /// Its body.
    pub body: Value,
}

/// How a call went.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Meta {
    /// Our id of the call; also in the audit log.
    pub call_id: String,
    /// `read`, `write` or `destructive`; null when the function is unknown.
    pub operation: Option<&'static str>,
    /// The account used.
    pub account: String,
    /// Nothing was sent.
    pub dry_run: bool,
    /// `--force` was needed and used.
    pub permission_bypassed: bool,
    /// Requests tried, retries and pages included.
    pub attempts: u32,
    /// Pages read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Items in all pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// Whether the list is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// Why it is not: `one_page`, `max_pages`, `max_items`, `max_bytes`, `repeated_cursor`, `repeated_page`, `last_page`, `foreign_host`, `listener`, `error`, `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<&'static str>,
    /// `data` is a preview, or a text of the error was cut.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Where the whole data is kept: `results.read` reads on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_id: Option<String>,
    /// Bytes of the whole data as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many items the arrays, and members the objects, have that the preview cuts, by JSON Pointer; not all of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Value>,
    /// A JSON Schema sketch of the whole data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Value>,
    /// Why the whole data could not be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What must be known although the call did its work, such as a renewed token that could not be kept, with what to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The request of a dry run or of an approval ticket, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// The ticket that a person can approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
    /// The answer came from recorded exchanges.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

impl From<Error> for ErrorDetail {
    fn from(error: Error) -> Self {
        Self {
            code: error.code.as_str(),
            problems: error
                .problems
                .into_iter()
                .map(|problem| WireProblem { pointer: problem.pointer, message: problem.message })
                .collect(),
            hints: error.hints,
            retryable: error.retryable,
            http_status: error.http_status,
            request_id: error.request_id,
            retry_after_ms: error.retry_after_ms,
            provider: error.provider.map(|answer| WireProvider { code: answer.code, body: answer.body }),
        }
    }
}

impl Envelope {
    /// Removes every secret that was used in the call from everything that leaves.
    pub fn scrub(&mut self, scrubber: &Scrubber) {
        if scrubber.is_empty() {
            return;
        }
        scrubber.scrub_value(&mut self.data);
        if let Some(error) = &mut self.error {
            scrubber.scrub_string(error);
        }
        if let Some(detail) = &mut self.error_detail {
            detail.hints.iter_mut().for_each(|hint| scrubber.scrub_string(hint));
            detail.problems.iter_mut().for_each(|problem| scrubber.scrub_string(&mut problem.message));
            if let Some(id) = &mut detail.request_id {
                scrubber.scrub_string(id);
            }
            if let Some(provider) = &mut detail.provider {
                scrubber.scrub_value(&mut provider.body);
                if let Some(code) = &mut provider.code {
                    scrubber.scrub_string(code);
                }
            }
        }
        self.meta.warnings.iter_mut().for_each(|warning| scrubber.scrub_string(warning));
        if let Some(request) = &mut self.meta.request {
            scrubber.scrub_value(request);
        }
    }
}
