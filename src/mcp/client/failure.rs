//! What went wrong between us and a server, in our own words: was it sent, is it lost, does it need a new authorization.

use std::io::ErrorKind;

use rmcp::model::{ErrorCode, ErrorData};
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::auth::AuthError;
use rmcp::transport::streamable_http_client::{AuthRequiredError, HttpStatusError, InsufficientScopeError, StreamableHttpError};
use serde_json::Value;

use crate::base::error::{Code, Error, ProviderAnswer};
use crate::base::name::printable;
use crate::base::quote::shell;
use crate::net::{self, ClientError, FailureKind};

/// A request that did not succeed.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    /// The server may have seen it.
    pub sent: bool,
    /// The connection cannot be used any more.
    pub broken: bool,
    /// The server wants another authorization: the text of its challenge.
    pub challenge: Option<String>,
}

impl Failure {
    /// Before anything was sent.
    pub fn before(error: Error) -> Self {
        Self { error, sent: false, broken: false, challenge: None }
    }

    /// After it was sent.
    pub fn after(error: Error) -> Self {
        Self { error, sent: true, broken: false, challenge: None }
    }
}

/// An answer that says no, of the server's own making.
pub fn refused(server: &str, error: &ErrorData) -> Error {
    if error.code == ErrorCode::PARSE_ERROR {
        return Error::new(Code::InvalidResponse, format!("{server}: {}", printable_text(&error.message)));
    }
    let said = if error.message.is_empty() { format!("error {}", error.code.0) } else { printable_text(&error.message) };
    Error {
        provider: Some(ProviderAnswer { code: Some(error.code.0.to_string()), body: error.data.clone().unwrap_or(Value::Null) }),
        ..Error::new(Code::ProviderError, format!("{server} refused: {said}"))
    }
}

/// A longer text of a server on one line.
pub fn printable_text(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(600).collect();
    if text.chars().count() > 600 { format!("{clean}…") } else { clean }
}

/// What a failed request means.
pub fn of_service(server: &str, error: &ServiceError) -> Failure {
    match error {
        ServiceError::McpError(data) => Failure::after(refused(server, data)),
        ServiceError::Timeout { .. } => Failure::after(Error::new(Code::Timeout, format!("{server} did not answer in time"))),
        ServiceError::TransportSend(failed) => of_cause(server, failed.error.as_ref()),
        ServiceError::TransportClosed => closed(server),
        ServiceError::Cancelled { .. } => Failure::after(Error::new(Code::Cancelled, "Interrupted")),
        other => Failure::after(Error::new(Code::InvalidResponse, format!("{server} answered what was not asked: {other}"))),
    }
}

/// What a failed start of a connection means.
pub fn of_start(server: &str, error: &ClientInitializeError) -> Failure {
    match error {
        ClientInitializeError::TransportError { error, .. } => of_cause(server, error.error.as_ref()),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => of_start(server, fallback),
        ClientInitializeError::JsonRpcError(data) => Failure::before(refused(server, data)),
        ClientInitializeError::ConnectionClosed(_) => {
            Failure { broken: true, ..Failure::before(Error::new(Code::Unreachable, format!("{server} ended before it answered"))) }
        }
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            let versions: Vec<String> = server_supported.iter().map(|version| printable(version.as_str())).collect();
            Failure::before(Error::new(
                Code::InvalidResponse,
                format!("{server} speaks only versions of MCP that we do not: {}", versions.join(", ")),
            ))
        }
        other => {
            let said = printable_text(&other.to_string());
            Failure::before(Error::new(Code::InvalidResponse, format!("{server} does not begin as an MCP server does: {said}")))
        }
    }
}

fn closed(server: &str) -> Failure {
    Failure { broken: true, ..Failure::after(Error::new(Code::Unreachable, format!("{server} closed the connection"))) }
}

/// The causes of an error, the error itself first.
fn causes<'a>(error: &'a (dyn std::error::Error + 'static)) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |at| at.source())
}

/// What an error of a transport means.
pub fn of_cause(server: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    for cause in causes(error) {
        // These two do not name what they hold as their cause.
        match cause.downcast_ref::<StreamableHttpError<ClientError>>() {
            Some(StreamableHttpError::HttpStatus(status)) => return of_status(server, status),
            Some(StreamableHttpError::Client(failed)) => return of_cause(server, failed),
            _ => {}
        }
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if kind.is_some_and(|kind| matches!(kind, ErrorKind::BrokenPipe | ErrorKind::NotConnected | ErrorKind::ConnectionReset)) {
            return closed(server);
        }
        if let Some(required) = cause.downcast_ref::<AuthRequiredError>() {
            return unauthorized(server, &required.www_authenticate_header);
        }
        if let Some(scope) = cause.downcast_ref::<InsufficientScopeError>() {
            return too_little(server, scope.required_scope.as_deref(), &scope.www_authenticate_header);
        }
        if let Some(failed) = cause.downcast_ref::<AuthError>() {
            return not_refreshed(server, failed);
        }
        if let Some(status) = cause.downcast_ref::<HttpStatusError>() {
            return of_status(server, status);
        }
    }
    if let Some(failure) = net::failure_in(error) {
        let code = match failure.kind {
            FailureKind::Timeout => Code::Timeout,
            FailureKind::Refused => Code::PermissionDenied,
            FailureKind::TooLarge => Code::InvalidResponse,
            _ => Code::Unreachable,
        };
        let said = Error::new(code, format!("{server} cannot be reached: {}", failure.message));
        return Failure { error: said, sent: failure.sent, broken: true, challenge: None };
    }
    let said = printable_text(&causes(error).map(ToString::to_string).last().unwrap_or_default());
    if said.contains("HTTP 401") {
        return unauthorized(server, "");
    }
    Failure {
        broken: true,
        ..Failure::after(Error::new(Code::InvalidResponse, format!("{server} did not answer as an MCP server does: {said}")))
    }
}

fn unauthorized(server: &str, challenge: &str) -> Failure {
    let error = Error::new(Code::MissingCredentials, format!("{server} wants to know who you are"))
        .hint(format!("angelia mcp:auth {}", shell(server)))
        .status(401);
    Failure { error, sent: false, broken: true, challenge: Some(challenge.to_owned()) }
}

/// A 403 that asks for more than the token may.
fn too_little(server: &str, scope: Option<&str>, challenge: &str) -> Failure {
    let scopes = scope.map(|scope| format!(" --scopes '{}'", printable(scope).replace('\'', ""))).unwrap_or_default();
    let wanted = scope.map(|scope| format!(": {}", printable(scope))).unwrap_or_default();
    let error = Error::new(Code::NeedsReauth, format!("{server} wants more than you have allowed{wanted}"))
        .hint(format!("angelia mcp:auth {}{scopes}", shell(server)))
        .status(403);
    Failure { error, sent: false, broken: false, challenge: Some(challenge.to_owned()) }
}

fn not_refreshed(server: &str, failed: &AuthError) -> Failure {
    let lasting = matches!(failed, AuthError::AuthorizationRequired | AuthError::TokenRefreshRejected(_) | AuthError::InternalError(_));
    let said = printable_text(&failed.to_string());
    let error = if lasting {
        Error::new(Code::NeedsReauth, format!("{server}: the authorization is used up ({said})"))
            .hint(format!("angelia mcp:auth {}", shell(server)))
    } else {
        Error::new(Code::Unreachable, format!("{server}: the authorization could not be renewed ({said})")).retryable()
    };
    Failure { error, sent: false, broken: true, challenge: lasting.then(String::new) }
}

fn of_status(server: &str, status: &HttpStatusError) -> Failure {
    let code = if status.status == 429 { Code::RateLimited } else { Code::ProviderError };
    let mut error = Error::new(code, format!("{server} answered with HTTP {}", status.status)).status(status.status);
    error.retryable = true;
    error.retry_after_ms = status.retry_after.as_deref().and_then(|after| after.trim().parse::<u64>().ok()).map(|seconds| seconds * 1000);
    Failure { error, sent: status.status != 429, broken: false, challenge: None }
}
