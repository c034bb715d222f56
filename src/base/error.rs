//! What went wrong, said so that a person, a script and a model can each act on it.
//! One closed table maps a code to its exit status; texts for people are made where the error is.

use serde_json::Value;

/// Stable slug of a failure. The table of exit codes is section 2 of the contract (`docs/errors.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Usage,
    InvalidArguments,
    InvalidPayload,
    UnknownProvider,
    UnknownFunction,
    UnknownAccount,
    NotFound,
    PermissionDenied,
    ApprovalRequired,
    Untrusted,
    Inactive,
    MissingCredentials,
    NeedsReauth,
    UnsupportedRuntime,
    ProviderError,
    RateLimited,
    InvalidResponse,
    Unreachable,
    Timeout,
    OutcomeUnknown,
    ScriptError,
    MemoryLimit,
    TimeLimit,
    CallLimit,
    OutputLimit,
    Internal,
    Cancelled,
}

/// Every code with its slug, exit status and meaning; `docs/errors.md` is written from it.
#[rustfmt::skip]
pub const CODES: &[(Code, &str, u8, &str)] = &[
    (Code::Usage,              "usage",               2,   "the words of the command are wrong"),
    (Code::InvalidArguments,   "invalid_arguments",   2,   "the arguments do not fit the function's schema"),
    (Code::InvalidPayload,     "invalid_payload",     2,   "the payload is not a JSON object"),
    (Code::UnknownProvider,    "unknown_provider",    3,   "no provider of that name"),
    (Code::UnknownFunction,    "unknown_function",    3,   "no function of that name"),
    (Code::UnknownAccount,     "unknown_account",     3,   "the provider has no account of that name"),
    (Code::NotFound,           "not_found",           3,   "no such page, ticket, record, file or setting"),
    (Code::PermissionDenied,   "permission_denied",   4,   "the policy says deny"),
    (Code::ApprovalRequired,   "approval_required",   4,   "the policy says ask and nobody could be asked; a ticket was left"),
    (Code::Untrusted,          "untrusted",           4,   "a project's file has not been trusted"),
    (Code::Inactive,           "inactive",            5,   "the provider is not enabled"),
    (Code::MissingCredentials, "missing_credentials", 5,   "a required credential has no value"),
    (Code::NeedsReauth,        "needs_reauth",        5,   "the stored credentials cannot be used any more"),
    (Code::UnsupportedRuntime, "unsupported_runtime", 5,   "the provider can be read about but not called here"),
    (Code::ProviderError,      "provider_error",      6,   "the remote service said no"),
    (Code::RateLimited,        "rate_limited",        6,   "the remote service asks to slow down"),
    (Code::InvalidResponse,    "invalid_response",    6,   "the answer could not be understood"),
    (Code::Unreachable,        "unreachable",         7,   "no connection; nothing was sent"),
    (Code::Timeout,            "timeout",             7,   "no answer in time; nothing was changed by it"),
    (Code::OutcomeUnknown,     "outcome_unknown",     7,   "a write was sent and its answer was lost"),
    (Code::ScriptError,        "script_error",        8,   "a Lua script failed"),
    (Code::MemoryLimit,        "memory_limit",        8,   "a Lua script wanted more memory than it may have"),
    (Code::TimeLimit,          "time_limit",          8,   "a Lua script took more CPU or wall time than it may"),
    (Code::CallLimit,          "call_limit",          8,   "a Lua script made more calls than it may"),
    (Code::OutputLimit,        "output_limit",        8,   "a Lua script printed or returned more than it may"),
    (Code::Internal,           "internal",            70,  "our fault, or the answer could not be written to stdout"),
    (Code::Cancelled,          "cancelled",           130, "interrupted"),
];

impl Code {
    fn row(self) -> &'static (Self, &'static str, u8, &'static str) {
        CODES.iter().find(|row| row.0 == self).unwrap_or(&CODES[CODES.len() - 2])
    }

    /// The code of a slug.
    pub fn of(slug: &str) -> Option<Self> {
        CODES.iter().find(|row| row.1 == slug).map(|row| row.0)
    }

    /// The slug in `error_detail.code`.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The exit status of the program.
    pub fn exit(self) -> u8 {
        self.row().2
    }
}

/// One thing wrong with an argument object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// RFC 6901 JSON Pointer into the arguments.
    pub pointer: String,
    /// What is wrong, without repeating the pointer.
    pub message: String,
}

/// A failure: code, one line for a person, and what to do next.
#[derive(Debug, Clone)]
pub struct Error {
    /// Stable slug.
    pub code: Code,
    /// One line for a person.
    pub message: String,
    /// What to do next; commands that can be pasted where there are any.
    pub hints: Vec<String>,
    /// All problems of the arguments.
    pub problems: Vec<Problem>,
    /// Trying the same again may help.
    pub retryable: bool,
    /// Status of the remote service.
    pub http_status: Option<u16>,
    /// The remote service's id of the request.
    pub request_id: Option<String>,
    /// How long the remote service asks to wait.
    pub retry_after_ms: Option<u64>,
    /// The remote service's own code and body.
    pub provider: Option<ProviderAnswer>,
}

/// What the remote service said when it refused.
#[derive(Debug, Clone, Default)]
pub struct ProviderAnswer {
    /// The vendor's own error code.
    pub code: Option<String>,
    /// The body, parsed where it is JSON, cut where it is long.
    pub body: Value,
}

/// `Result` with our [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure with no more than a code and a line.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hints: Vec::new(),
            problems: Vec::new(),
            retryable: false,
            http_status: None,
            request_id: None,
            retry_after_ms: None,
            provider: None,
        }
    }

    /// Wrong words on the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// Our fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// Arguments that do not fit; the line is made from the problems.
    pub fn arguments(problems: Vec<Problem>) -> Self {
        let missing: Vec<&str> =
            problems.iter().filter(|problem| problem.message == REQUIRED).map(|problem| problem.pointer.trim_start_matches('/')).collect();
        let others: Vec<String> = problems
            .iter()
            .filter(|problem| problem.message != REQUIRED)
            .map(|problem| format!("{} {}", problem.pointer.trim_start_matches('/'), problem.message))
            .collect();
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("Missing required parameter(s): {}", missing.join(", ")));
        }
        if !others.is_empty() {
            parts.push(format!("Invalid argument(s): {}", others.join("; ")));
        }
        Self { problems, ..Self::new(Code::InvalidArguments, parts.join(". ")) }
    }

    /// Adds a next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds next steps.
    pub fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    /// Marks that trying again may help.
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Adds the remote service's status.
    pub fn status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }
}

/// The message of a problem for an argument that is not there.
pub const REQUIRED: &str = "is required";

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
