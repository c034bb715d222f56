//! A credential onto a request. Every value placed here is told to the scrubber, in the form it is sent in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::access::field::fill;
use crate::access::signature;
use crate::access::vault::Credentials;
use crate::base::error::{Code, Error, Result};
use crate::base::secret::{MASK, Scrubber};
use crate::net::Request;
use crate::net::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use crate::registry::credential::{Auth, AuthKind};
use crate::registry::function::Function;
use crate::registry::manifest::Provider;

/// What a secret in a path keeps as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// What to take off a request that goes to another host.
#[derive(Debug, Clone, Default)]
pub struct Placed {
    pub headers: Vec<HeaderName>,
}

/// Where a request goes: a provider, and one of its servers.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    provider: &'a Provider,
    server: &'a str,
}

impl<'a> At<'a> {
    /// Where a function's requests go.
    pub fn of(provider: &'a Provider, function: &'a Function) -> Self {
        Self { provider, server: function.server.as_deref().unwrap_or("default") }
    }

    /// What is placed on a request there.
    fn placements(self) -> impl Iterator<Item = &'a Auth> {
        self.provider.auth.0.iter().filter(move |auth| auth.servers.is_empty() || auth.servers.iter().any(|name| name == self.server))
    }
}

/// Tells the scrubber every secret of an account, and every placement of them.
pub fn scrubber(provider: &Provider, credentials: &Credentials) -> Scrubber {
    let mut scrubber = Scrubber::default();
    credentials.secrets().for_each(|secret| scrubber.add(secret.expose()));
    for auth in provider.auth.0.iter().filter(|auth| auth.kind == AuthKind::Basic) {
        if let (Some(user), Some(password)) = (credentials.fill(&auth.username), credentials.fill(&auth.password)) {
            scrubber.add(&STANDARD.encode(format!("{}:{}", user.expose(), password.expose())));
        }
    }
    scrubber
}

/// Places an account's credentials on a request.
pub fn place(at: At<'_>, credentials: &Credentials, url: &mut Url, headers: &mut HeaderMap) -> Result<Placed> {
    let mut placed = Placed::default();
    for auth in at.placements() {
        place_one(auth, credentials, url, headers, &mut placed)?;
    }
    Ok(placed)
}

/// Signs a request on which everything else stands.
pub fn sign(at: At<'_>, credentials: &Credentials, request: &mut Request, now_ms: i64) -> Result<()> {
    at.placements().try_for_each(|auth| signature::sign(auth, credentials, request, now_ms))
}

fn place_one(auth: &Auth, credentials: &Credentials, url: &mut Url, headers: &mut HeaderMap, placed: &mut Placed) -> Result<()> {
    let (name, value) = match auth.kind {
        // Made when everything else of the request stands.
        AuthKind::Sigv4 | AuthKind::Hmac => return Ok(()),
        AuthKind::Query => {
            // A next-page link may carry it already.
            let there = url.query_pairs().any(|(name, _)| name == auth.name.as_str());
            if let Some(value) = credentials.fill(&auth.value).filter(|_| !there) {
                url.query_pairs_mut().append_pair(&auth.name, value.expose());
            }
            return Ok(());
        }
        AuthKind::Path => {
            if let Some(value) = credentials.fill(&auth.value) {
                let value = utf8_percent_encode(value.expose(), SEGMENT).to_string();
                url.set_path(&url.path().replace(&marker(&auth.value), &value));
            }
            return Ok(());
        }
        AuthKind::Basic => {
            let (Some(user), Some(password)) = (credentials.fill(&auth.username), credentials.fill(&auth.password)) else {
                return Ok(());
            };
            (AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{}:{}", user.expose(), password.expose()))))
        }
        AuthKind::Bearer => match credentials.fill(&auth.value) {
            Some(value) => (AUTHORIZATION, format!("Bearer {}", value.expose())),
            None => return Ok(()),
        },
        AuthKind::Header => match credentials.fill(&auth.value) {
            Some(value) => (header_name(&auth.name)?, value.expose().to_owned()),
            None => return Ok(()),
        },
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| {
        Error::new(Code::InvalidArguments, format!("The credential for header '{name}' holds a character that no header can carry"))
    })?;
    value.set_sensitive(true);
    placed.headers.push(name.clone());
    headers.insert(name, value);
    Ok(())
}

fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::internal(format!("'{name}' is no header name")))
}

/// What stands in a base URL for a secret until the request is sent: `{token}` as `(token)`, which no argument can bring into a path.
pub fn marker(template: &str) -> String {
    template.replace('{', "(").replace('}', ")")
}

/// A base URL whose path holds a secret, with markers in its place.
pub fn marked(provider: &Provider, url: &str) -> String {
    let placed = provider.auth.0.iter().filter(|auth| auth.kind == AuthKind::Path);
    placed.fold(url.to_owned(), |url, auth| url.replace(&auth.value, &marker(&auth.value)))
}

/// How the placement would look: headers, and query parameters. `shown` gives a field as it may be shown.
pub fn preview(at: At<'_>, shown: &dyn Fn(&str) -> Option<String>) -> Preview {
    let mut preview = Preview::default();
    for auth in at.placements() {
        let value = match auth.kind {
            AuthKind::Basic => fill(&auth.username, shown).and(fill(&auth.password, shown)).map(|_| format!("Basic {MASK}")),
            AuthKind::Bearer => fill(&auth.value, shown).map(|value| format!("Bearer {value}")),
            AuthKind::Header | AuthKind::Query | AuthKind::Path => fill(&auth.value, shown),
            AuthKind::Sigv4 | AuthKind::Hmac => {
                preview.headers.extend(signature::preview(auth, shown));
                None
            }
        };
        let Some(value) = value else { continue };
        match auth.kind {
            AuthKind::Bearer | AuthKind::Basic => preview.headers.push((String::from("authorization"), value)),
            AuthKind::Header => preview.headers.push((auth.name.to_lowercase(), value)),
            AuthKind::Query => preview.query.push((auth.name.clone(), value)),
            AuthKind::Sigv4 | AuthKind::Hmac => {}
            AuthKind::Path => preview.path.push((marker(&auth.value), value)),
        }
    }
    preview
}

/// A placement that may be shown.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// What stands in the path, and what is shown for it.
    pub path: Vec<(String, String)>,
}
