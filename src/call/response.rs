//! An answer's bytes to a value or an error, by the manifest. Digits of numbers survive; what cannot be understood is said, not guessed.

use serde_json::Value;

use crate::base::error::{Code, Error, ProviderAnswer};
use crate::base::json::{path, plain};
use crate::call::retry;
use crate::call::xml;
use crate::registry::function::{Function, Operation, ResponseForm};
use crate::registry::jq;
use crate::registry::manifest::Provider;

/// An answer whose body was read.
pub struct Read<'a> {
    pub status: u16,
    pub header: &'a dyn Fn(&str) -> Option<String>,
    pub body: &'a [u8],
    pub now_ms: i64,
}

/// Longest body that an error repeats.
const LONGEST_ERROR_BODY: usize = 8_000;

/// The value of a successful answer, or why it is none.
pub fn value(provider: &Provider, function: &Function, read: &Read<'_>) -> Result<Value, Error> {
    if !(200..300).contains(&read.status) {
        return Err(refused(provider, function, read));
    }
    match function.response {
        ResponseForm::None => Ok(Value::Null),
        ResponseForm::Text | ResponseForm::Binary => match std::str::from_utf8(read.body) {
            Ok(text) => Ok(Value::from(text)),
            Err(error) => Err(invalid(provider, read, &format!("is not UTF-8 (at byte {})", error.valid_up_to()))),
        },
        ResponseForm::Json => json(provider, function, read),
        ResponseForm::Xml if read.body.iter().all(u8::is_ascii_whitespace) => Ok(Value::Null),
        ResponseForm::Xml => match std::str::from_utf8(read.body).map_err(|error| error.to_string()).and_then(xml::value) {
            Ok(value) => Ok(value),
            Err(why) => Err(invalid(provider, read, &format!("is no XML that can be read: {why}"))),
        },
    }
}

fn json(provider: &Provider, function: &Function, read: &Read<'_>) -> Result<Value, Error> {
    if read.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    let value: Value = serde_json::from_slice(read.body).map_err(|error| {
        let kind = (read.header)("content-type").unwrap_or_default();
        let html = kind.contains("html") || read.body.trim_ascii_start().first() == Some(&b'<');
        let why =
            if html { String::from("is a web page, not JSON; the base URL may be wrong") } else { format!("is not valid JSON: {error}") };
        invalid(provider, read, &why)
    })?;
    let half = function.graphql.is_some() && half(&value);
    let told = match &provider.errors.failed_when {
        Some(program) => jq::apply(program, &value).map_err(|why| invalid(provider, read, &why))? == Value::Bool(true),
        None => false,
    };
    if !half && !told {
        return Ok(value);
    }
    let limited = limited(provider, function, read);
    let some = half && value.get("data").is_some_and(|data| !empty(data));
    let mut error = describe(provider, read, if limited { Code::RateLimited } else { Code::ProviderError }, value);
    error.retryable = limited;
    Err(match (some, function.operation) {
        (false, _) => error,
        (true, Operation::Read) => error.hint("A part was answered all the same: error_detail.provider.body.data has it"),
        (true, _) => error.hint("A part was answered all the same, so it may have taken effect: see error_detail.provider.body.data"),
    })
}

/// Whether an answer of GraphQL is not the whole of what was asked: it names errors, or has no data.
fn half(answer: &Value) -> bool {
    answer.get("data").is_none() || answer.get("errors").is_some_and(|errors| !empty(errors))
}

/// Whether nothing but nulls is there.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(empty),
        _ => false,
    }
}

fn invalid(provider: &Provider, read: &Read<'_>, why: &str) -> Error {
    let mut error = Error::new(Code::InvalidResponse, format!("The answer of {} {why}", provider.title)).status(read.status);
    error.request_id = request_id(provider, read);
    error.provider = Some(ProviderAnswer { code: None, body: cut(read.body) });
    error
}

/// Whether a refusal is about the rate: by its status and headers, or by what its body says, also where its status is that of a success.
pub fn limited(provider: &Provider, function: &Function, read: &Read<'_>) -> bool {
    let by_body = || {
        let program = provider.errors.rate_limited_when.as_deref()?;
        let body = serde_json::from_slice(read.body).ok()?;
        Some(jq::apply(program, &body).ok()? == Value::Bool(true))
    };
    if (200..300).contains(&read.status) {
        let may_fail = provider.errors.failed_when.is_some() || function.graphql.is_some();
        return may_fail && read.body.len() <= LONGEST_ERROR_BODY && by_body() == Some(true);
    }
    retry::rate_limited(read.status, &provider.rate_limit, read.header) || by_body() == Some(true)
}

/// The error of a status that is no success.
fn refused(provider: &Provider, function: &Function, read: &Read<'_>) -> Error {
    let by_xml =
        || std::str::from_utf8(read.body).ok().filter(|_| function.response == ResponseForm::Xml).and_then(|text| xml::value(text).ok());
    let body = serde_json::from_slice(read.body).ok().or_else(by_xml).unwrap_or_else(|| cut(read.body));
    let limited = limited(provider, function, read);
    let mut error = describe(provider, read, if limited { Code::RateLimited } else { Code::ProviderError }, body);
    error.retryable = retry::transient(read.status) || limited;
    error.retry_after_ms = if error.retryable {
        retry::asked(&provider.rate_limit, read.header, read.now_ms).map(|wait| wait.as_millis() as u64)
    } else {
        None
    };
    match read.status {
        401 => error
            .hints(provider.oauth.as_ref().map(|_| format!("angelia integrations:connect {}", provider.id)))
            .hint(format!("angelia integrations:doctor {}", provider.id))
            .hint("The credentials were not accepted; store new ones with angelia integrations:configure"),
        403 if !limited => error.hint("The credentials may lack a permission or scope"),
        _ => error,
    }
}

fn describe(provider: &Provider, read: &Read<'_>, code: Code, body: Value) -> Error {
    const USUAL_MESSAGES: [&str; 8] =
        ["message", "error.message", "error_description", "error", "detail", "title", "errors.0.message", "errors"];
    let first = |own: &[String], usual: &[&str]| {
        own.iter()
            .map(String::as_str)
            .chain(usual.iter().copied())
            .filter_map(|place| path(&body, place))
            .map(|found| match found {
                Value::Array(_) | Value::Object(_) => found.to_string(),
                scalar => plain(scalar),
            })
            .find(|text| !text.is_empty() && text != "{}" && text != "[]")
    };
    let said = first(&provider.errors.message, &USUAL_MESSAGES).or_else(|| body.as_str().map(str::to_owned)).unwrap_or_default();
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(500).collect();
    let colon = if said.is_empty() { "" } else { ": " };
    let status = if (200..300).contains(&read.status) { String::from("refused") } else { format!("answered {}", read.status) };
    let mut error = Error::new(code, format!("{} {status}{colon}{said}", provider.title)).status(read.status);
    error.request_id = request_id(provider, read);
    error.provider = Some(ProviderAnswer { code: first(&provider.errors.code, &[]), body });
    error
}

fn request_id(provider: &Provider, read: &Read<'_>) -> Option<String> {
    const USUAL: [&str; 3] = ["x-request-id", "request-id", "x-correlation-id"];
    provider.errors.request_id.iter().map(String::as_str).chain(USUAL).find_map(|name| (read.header)(name))
}

fn cut(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body);
    if text.len() <= LONGEST_ERROR_BODY {
        return Value::from(text.trim());
    }
    let head: String = text.chars().take(LONGEST_ERROR_BODY).collect();
    Value::from(format!("{head}… ({} bytes)", body.len()))
}
