//! When a request may be sent again, and how long to wait before. Only reads and what the manifest calls idempotent are ever repeated;
//! a service's own wish (Retry-After, rate-limit headers) counts before our own pause. Pure.

use std::time::Duration;

use crate::base::clock::parse_rfc3339;
use crate::registry::function::TRANSIENT;
use crate::registry::manifest::{RateLimit, ResetFormat};

/// Whether a status says "later".
pub fn transient(status: u16) -> bool {
    TRANSIENT.contains(&status)
}

/// The pause before attempt number `attempt` (from 1), with jitter: about 0.25, 0.5, 1, 2, … at most 8 seconds.
pub fn pause(attempt: u32) -> Duration {
    let full = 250_u64.saturating_mul(1 << attempt.saturating_sub(1).min(5)).min(8_000);
    Duration::from_millis(fastrand::u64(full / 2..=full))
}

/// How long the service asks to wait; `header` looks a header up.
pub fn asked(limit: &RateLimit, header: &dyn Fn(&str) -> Option<String>, now_ms: i64) -> Option<Duration> {
    if let Some(wait) = header("retry-after").and_then(|text| retry_after(text.trim(), now_ms)) {
        return Some(wait);
    }
    let remaining = limit.remaining.as_ref().and_then(|name| header(name));
    if remaining.is_some_and(|left| left.trim().parse::<f64>().is_ok_and(|left| left > 0.0)) {
        return None;
    }
    let text = limit.reset.as_ref().and_then(|name| header(name))?;
    let text = text.trim();
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let at = |ms: f64| Duration::from_millis((ms - now_ms as f64).max(0.0) as u64);
    match limit.reset_format {
        ResetFormat::EpochSeconds => number.map(|seconds| at(seconds * 1000.0)),
        ResetFormat::EpochMilliseconds => number.map(at),
        ResetFormat::DeltaSeconds => number.map(|seconds| Duration::from_millis((seconds * 1000.0) as u64)),
        ResetFormat::Iso8601 => parse_rfc3339(text).map(|ms| at(ms as f64)),
    }
}

/// Whether a refusal is about the rate: 429, or 403 with nothing left or a wait.
pub fn rate_limited(status: u16, limit: &RateLimit, header: &dyn Fn(&str) -> Option<String>) -> bool {
    status == 429 || (status == 403 && (none_left(limit, header) || header("retry-after").is_some()))
}

/// Whether the headers say that no further request is allowed for now.
pub fn none_left(limit: &RateLimit, header: &dyn Fn(&str) -> Option<String>) -> bool {
    let left = limit.remaining.as_ref().and_then(|name| header(name));
    left.is_some_and(|left| left.trim().parse::<f64>().is_ok_and(|left| left <= 0.0))
}

/// Seconds, or an HTTP date (RFC 9110).
fn retry_after(text: &str, now_ms: i64) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_millis((seconds * 1000.0).min(1e12) as u64));
    }
    let then = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Duration::from_millis((then.as_millis() as i64).saturating_sub(now_ms).max(0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(limit: &RateLimit, headers: &[(&str, &str)]) -> Option<u64> {
        let find = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| (*value).to_owned());
        asked(limit, &find, 1_000_000).map(|wait| wait.as_millis() as u64)
    }

    #[test]
    fn nothing_left_is_a_number_of_none() {
        let limit = RateLimit { remaining: Some("left".into()), ..RateLimit::default() };
        let none = |text: &str| none_left(&limit, &|name| (name == "left").then(|| text.to_owned()));
        assert!(none("0") && none(" 0.0 ") && !none("1") && !none("") && !none("none"));
        assert!(!none_left(&RateLimit::default(), &|_| Some(String::from("0"))), "only the header that the manifest names");
        assert!(rate_limited(403, &limit, &|_| Some(String::from("0"))) && !rate_limited(403, &limit, &|_| None));
    }

    #[test]
    fn waits_are_read_in_every_spelling() {
        let plain = RateLimit::default();
        assert_eq!(wait(&plain, &[("Retry-After", "2")]), Some(2000));
        assert_eq!(wait(&plain, &[("Retry-After", "Thu, 01 Jan 1970 00:16:45 GMT")]), Some(5000));
        assert_eq!(wait(&plain, &[("Retry-After", "-1")]), None);
        assert_eq!(wait(&plain, &[]), None);
        let reset = |format| RateLimit {
            remaining: Some("left".into()),
            reset: Some("reset".into()),
            reset_format: format,
            ..RateLimit::default()
        };
        assert_eq!(wait(&reset(ResetFormat::EpochSeconds), &[("left", "0"), ("reset", "1007")]), Some(7000));
        assert_eq!(wait(&reset(ResetFormat::DeltaSeconds), &[("left", "0"), ("reset", "3")]), Some(3000));
        assert_eq!(wait(&reset(ResetFormat::EpochSeconds), &[("left", "9"), ("reset", "1007")]), None);
        assert_eq!(wait(&reset(ResetFormat::Iso8601), &[("reset", "1970-01-01T00:16:42Z")]), Some(2000));
    }
}
