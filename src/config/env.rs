//! The only reader of environment variables.

/// The value of a variable; empty and non-UTF-8 ones count as absent.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variables that are this program's own, some of which are secrets.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub fn own_names() -> Vec<std::ffi::OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().to_uppercase().starts_with("ANGELIA_")).collect()
}

/// How long an open, silent stdin is waited for when the flags alone suffice, in milliseconds.
pub fn stdin_wait_ms() -> u64 {
    var("ANGELIA_STDIN_WAIT_MS").and_then(|value| value.parse().ok()).unwrap_or(200)
}

/// Hosts of the proxies that the environment names.
pub fn proxy_hosts() -> Vec<String> {
    const NAMES: [&str; 6] = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let host = |value: String| {
        let value = if value.contains("://") { value } else { format!("http://{value}") };
        url::Url::parse(&value).ok().and_then(|url| url.host_str().map(str::to_owned))
    };
    NAMES.into_iter().filter_map(var).filter_map(host).collect()
}
