//! Whom a request was sent to and which page sent it (`Host` and `Origin`): a page of somebody else's that a browser here shows must not
//! reach this server, not even under a name that it made point here (DNS rebinding).

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode};
use url::Url;

use crate::base::error::{Error, Result};
use crate::base::name::printable;
use crate::mcp::http::answer::Refusal;

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Names and pages that are let in.
pub struct Allowed {
    hosts: Vec<(String, Option<u16>)>,
    origins: Vec<url::Origin>,
}

impl Allowed {
    /// Loopback names are always allowed; `hosts` are `NAME` or `NAME:PORT`, `origins` such as `https://app.example.com`.
    pub fn new(hosts: &[String], origins: &[String]) -> Result<Self> {
        let host = |text: &String| {
            let authority = Authority::try_from(text.as_str()).ok().filter(|authority| !authority.as_str().contains('@'));
            let cannot = || Error::usage(format!("'{}' is no host: write example.com or example.com:8443", printable(text)));
            authority.map(|authority| (authority.host().to_ascii_lowercase(), authority.port_u16())).ok_or_else(cannot)
        };
        let origin = |text: &String| {
            let origin = Url::parse(text).ok().map(|url| url.origin()).filter(url::Origin::is_tuple);
            origin.ok_or_else(|| Error::usage(format!("'{}' is no origin: write https://example.com", printable(text))))
        };
        Ok(Self { hosts: hosts.iter().map(host).collect::<Result<_>>()?, origins: origins.iter().map(origin).collect::<Result<_>>()? })
    }

    /// Refuses what was sent to another name, or by a page of somebody else's.
    pub fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let forbidden = |line: &'static str| Refusal::new(StatusCode::FORBIDDEN, line);
        let named = request.headers().get(HOST).map(HeaderValue::to_str);
        let authority = match named {
            Some(Ok(text)) => Authority::try_from(text).ok(),
            Some(Err(_)) => None,
            None => request.uri().authority().cloned(),
        };
        if request.headers().get_all(HOST).iter().count() > 1 || !authority.is_some_and(|authority| self.host(&authority)) {
            return Err(forbidden("this host name is not served here: start the server with --allow-host to allow it"));
        }
        if request.headers().contains_key(ORIGIN) && self.origin(request.headers()).is_none() {
            return Err(forbidden("pages of this origin are not let in: start the server with --allow-origin to allow it"));
        }
        Ok(())
    }

    fn host(&self, authority: &Authority) -> bool {
        let same = |known: &str| authority.host().eq_ignore_ascii_case(known);
        LOOPBACK.iter().any(|known| same(known))
            || self.hosts.iter().any(|(known, port)| same(known) && port.is_none_or(|port| authority.port_u16() == Some(port)))
    }

    /// Whether the page that asks was named by the user, or is of this machine.
    fn origin(&self, headers: &HeaderMap) -> Option<Page> {
        let text = headers.get(ORIGIN)?.to_str().ok()?;
        let url = Url::parse(text).ok()?;
        let origin = url.origin();
        if self.origins.contains(&origin) {
            return Some(Page::Named);
        }
        let local = url.scheme() == "http" || url.scheme() == "https";
        (local && url.host_str().is_some_and(|host| LOOPBACK.contains(&host))).then_some(Page::Local)
    }

    /// The page that may read the answer, if one was named. One of this machine is let in without: what runs here and is no browser may
    /// send any origin, but no page may drive this server that nobody named.
    pub fn page(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        headers.get(ORIGIN).filter(|_| matches!(self.origin(headers), Some(Page::Named))).cloned()
    }
}

/// Tells a browser that its page may read the answer.
pub fn share(page: HeaderValue, answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
    answer.append(VARY, HeaderValue::from_static("Origin"));
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Mcp-Session-Id, WWW-Authenticate, Retry-After"));
}

/// What a browser wants to know before its page may send anything.
pub fn preflight(answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    let headers = "Authorization, Content-Type, Accept, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID";
    answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(headers));
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

enum Page {
    Named,
    Local,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(host: &str, origin: Option<&str>) -> bool {
        let allowed = Allowed::new(&["mcp.example.com".into(), "two.example:8443".into()], &["https://app.example.com".into()]).unwrap();
        let mut request = Request::builder().uri("/mcp").header(HOST, host);
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        allowed.check(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn names_and_pages_that_were_not_allowed_are_refused() {
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:9", "mcp.example.com", "MCP.example.com:1", "two.example:8443"] {
            assert!(passes(host, None), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "two.example", "x@localhost.evil", "", "127.0.0.2"]
        {
            assert!(!passes(host, None), "{host}");
        }
        for origin in
            ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:1", "https://app.example.com", "https://app.example.com:443"]
        {
            assert!(passes("localhost", Some(origin)), "{origin}");
        }
        for origin in ["null", "http://app.example.com", "https://app.example.com:444", "https://evil.example", "file://localhost", "x", ""]
        {
            assert!(!passes("localhost", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn what_is_no_host_or_origin_is_said_at_the_start() {
        assert!(Allowed::new(&["a b".into()], &[]).is_err() && Allowed::new(&["u@h".into()], &[]).is_err());
        assert!(Allowed::new(&[], &["example.com".into()]).is_err() && Allowed::new(&[], &["data:x".into()]).is_err());
    }
}
