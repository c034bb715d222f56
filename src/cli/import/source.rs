//! Where a description comes from: a file, an address, stdin. Only that one is read: nothing that it refers to. Credentials in an address are
//! used once and kept nowhere.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::access::header;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{clean, nearest, printable};
use crate::cli::call::block_on;
use crate::cli::stdin::{self, Wait};
use crate::config::{env, files};
use crate::mcp::values::looks_secret;
use crate::net::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::net::{Body, Failure, FailureKind, Limits, Method, Net, Request, is_private};
use crate::registry::described;
use crate::registry::import::graphql;
use crate::registry::import::overlay::LARGEST as LARGEST_OVERLAY;
use crate::registry::import::parts::words;
use crate::registry::import::read::LARGEST;
use crate::registry::import::stored::Overlay;
use crate::registry::index::is_provider_id;
use crate::registry::known::Known;

/// How long a description may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// Words in the name of a parameter whose value is nobody's business.
const TELLING: &[&str] = &[
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "cred",
    "credential",
    "jwt",
    "key",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "sas",
    "secret",
    "session",
    "sig",
    "signature",
    "token",
];

/// What such a word ends with when it is written together with others.
const ENDS: &[&str] = &["token", "secret", "password", "signature", "apikey", "authkey", "accesskey", "appkey", "secretkey", "sessionid"];

/// Names that tell where they are the whole name: `country_code` and `access_level` do not.
const WHOLE: &[&str] = &["access", "code", "pat", "pw", "sid"];

/// Where a description comes from.
#[derive(Debug)]
pub enum Source {
    Stdin,
    File(PathBuf),
    Address(Url),
    /// A GraphQL service that is asked for its schema.
    Service(Url),
}

/// What stands before the address of a GraphQL service that is asked for its schema.
const ASKED: &str = "graphql:";

impl Source {
    /// What a word of the command line means.
    pub fn of(word: &str) -> Result<Self> {
        if word == "-" {
            return Ok(Self::Stdin);
        }
        if let Some(name) = word.strip_prefix("mcp:") {
            return Err(is_live(name));
        }
        if let Some(url) = word.strip_prefix(ASKED) {
            return match Self::of(url)? {
                Self::Address(url) | Self::Service(url) => Ok(Self::Service(url)),
                _ => Err(Error::usage(format!("After {ASKED} stands the address of a GraphQL service"))),
            };
        }
        if let Some(known) = described(word)? {
            return if known.format == "graphql" && known.description.trim_end_matches('/') == known.base {
                Self::of(&format!("{ASKED}{}", known.description))
            } else {
                Self::of(&known.description)
            };
        }
        if word.contains("://") {
            let url = Url::parse(word).map_err(|error| Error::usage(format!("The address cannot be read: {error}")))?;
            if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                return Err(Error::usage(format!("A description is fetched by https, not by {}", printable(url.scheme()))));
            }
            return match url.path_segments().and_then(|mut all| all.next_back()) {
                Some("graphql" | "gql") => Ok(Self::Service(url)),
                Some("mcp" | "sse") => Err(is_live("NAME").hint(format!("angelia mcp:add NAME --url {}", without_credentials(&url)))),
                _ => Ok(Self::Address(url)),
            };
        }
        let path = std::path::absolute(word).map_err(|error| Error::usage(format!("'{}' is no path: {error}", clean(word))))?;
        Ok(Self::File(path))
    }

    /// As it may be shown and kept: without credentials.
    pub fn kept(&self) -> String {
        match self {
            Self::Stdin => String::from("-"),
            Self::File(path) => path.display().to_string(),
            Self::Address(url) => without_credentials(url),
            Self::Service(url) => format!("{ASKED}{}", without_credentials(url)),
        }
    }

    /// What of an address is not kept, in words: whoever fetches it again does without.
    pub fn forgotten(&self) -> Option<String> {
        let (Self::Address(url) | Self::Service(url)) = self else { return None };
        let mut parts: Vec<String> = Vec::new();
        if !url.username().is_empty() || url.password().is_some() {
            parts.push(String::from("the user name and password"));
        }
        let telling = url.query_pairs().filter(|(name, value)| is_telling(name, value));
        parts.extend(telling.map(|(name, _)| format!("'{}'", printable(&name))));
        (!parts.is_empty()).then(|| {
            format!("of the address, {} was used once and is not kept, as a credential: an update fetches it without", parts.join(" and "))
        })
    }

    /// As people see it.
    pub fn shown(&self) -> String {
        match self {
            Self::Stdin => String::from("stdin"),
            _ => self.kept(),
        }
    }

    /// The description's bytes; `headers` are sent where it is fetched, as references to what is secret.
    pub fn read(&self, allow_private: bool, headers: &[String]) -> Result<Vec<u8>> {
        headers.iter().try_for_each(|header| header::check(header))?;
        match self {
            Self::Stdin | Self::File(_) if !headers.is_empty() => {
                Err(Error::usage("--header is for descriptions that are fetched from an address"))
            }
            Self::Stdin => match stdin::read(Wait::Forever) {
                Ok(Some(bytes)) => Ok(bytes),
                Ok(None) => Err(Error::usage("stdin has nothing to read; - wants the description there")),
                Err(error) => Err(error),
            },
            Self::File(path) => file(path),
            Self::Address(url) => fetch(url, Body::Empty, allow_private, headers),
            Self::Service(url) => fetch(url, Body::Bytes(graphql::question().to_string().into()), allow_private, headers),
        }
    }

    /// Where the service answers, if the description was asked of itself.
    pub fn endpoint(&self) -> Option<String> {
        match self {
            Self::Service(url) => Some(without_credentials(url)),
            _ => None,
        }
    }
}

/// The service of the index that a word names, unless a file has that name.
pub fn described(word: &str) -> Result<Option<Known>> {
    let id = is_provider_id(word) && !Path::new(word).exists();
    if id { described::find(word) } else { Ok(None) }
}

/// An MCP server tells its tools whenever it is asked: there is nothing to import.
fn is_live(name: &str) -> Error {
    Error::usage("An MCP server is not imported: it is asked for its tools when they are needed")
        .hint(format!("angelia mcp:add {} --url URL, or -- COMMAND", printable(name)))
}

fn without_credentials(url: &Url) -> String {
    let mut plain = url.clone();
    // An address that can have none has none to lose.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    if url.query_pairs().any(|(name, value)| is_telling(&name, &value)) {
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, value)| !is_telling(name, value))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        plain.set_query(None);
        if !kept.is_empty() {
            plain.query_pairs_mut().extend_pairs(kept);
        }
    }
    plain.to_string()
}

/// Whether a parameter of an address looks as if it carried a credential.
fn is_telling(name: &str, value: &str) -> bool {
    let said = words(name);
    let page = said.iter().any(|word| matches!(word.as_str(), "page" | "next" | "sort" | "primary"));
    let word = |word: &String| {
        let one = word.trim_end_matches('s');
        TELLING.contains(&word.as_str()) || TELLING.contains(&one) || ENDS.iter().any(|end| one.ends_with(end))
    };
    let whole = WHOLE.contains(&said.concat().as_str());
    whole || (!page && said.iter().any(word)) || looks_secret(value)
}

fn file(path: &Path) -> Result<Vec<u8>> {
    match files::read_at_most(path, LARGEST as u64)? {
        Some(text) => Ok(text.into_bytes()),
        None => Err(Error::new(Code::NotFound, format!("There is no file {}", path.display()))
            .hints(near(path))
            .hint("A description is a file, an https address, the id of a described service, or - for stdin")),
    }
}

/// Ids of the index that a name which is no file may have meant.
fn near(path: &Path) -> Vec<String> {
    let meant = path.file_name().and_then(|name| name.to_str()).filter(|name| is_provider_id(name)).unwrap_or_default();
    let all = described::all().unwrap_or_default();
    let ids = nearest(meant, all.iter().map(|known| known.id.as_str()));
    ids.into_iter().map(|id| format!("Did you mean the described service '{id}'?")).collect()
}

/// The text of an overlay.
pub fn overlay(path: &str) -> Result<Overlay> {
    let path = Path::new(path);
    let text = files::read_at_most(path, LARGEST_OVERLAY as u64)?;
    let text = text.ok_or_else(|| Error::new(Code::NotFound, format!("There is no file {}", path.display())))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Overlay { name, text })
}

fn fetch(url: &Url, body: Body, allow_private: bool, secret: &[String]) -> Result<Vec<u8>> {
    let shown = without_credentials(url);
    if url.scheme() == "http" && !allow_private {
        let error = Error::usage(format!("{shown} would be fetched without encryption, and anybody on the way could change it"));
        return Err(if is_private(url) { error.hint("--allow-private allows it for private addresses") } else { error.hint("Use https") });
    }
    if url.scheme() == "http" && !secret.is_empty() && !is_private(url) {
        return Err(Error::usage(format!("{shown} would be sent a secret without encryption")).hint("Use https"));
    }
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/yaml;q=0.9, text/yaml;q=0.9, */*;q=0.5"));
    let asks = matches!(body, Body::Bytes(_));
    let method = if asks { Method::POST } else { Method::GET };
    if asks {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let mut secret_headers = Vec::new();
    for (name, value) in secret.iter().map(|text| header::follow(text)).collect::<Result<Vec<_>>>()? {
        headers.insert(name.clone(), value);
        secret_headers.push(name);
    }
    let request = Request { method, url: url.clone(), headers, body, secret_headers };
    let limits = Limits { deadline: Instant::now() + PATIENCE, connect_timeout: Duration::from_secs(15), allow_private };
    let net = Net::new(env::proxy_hosts());
    block_on(async {
        let mut answer = net.send(request, &limits).await.map_err(|failure| lost(&shown, &failure))?;
        if !(200..300).contains(&answer.status) {
            let error = Error::new(Code::ProviderError, format!("{shown} answered {} instead of a description", answer.status))
                .status(answer.status);
            // Some say by 404 that they show it to nobody unknown.
            let closed = secret.is_empty() && matches!(answer.status, 401 | 403 | 404) || (asks && answer.status == 400);
            let error = if closed {
                error.hint("Where a key is wanted: --header 'Authorization: Bearer env:NAME' sends what the variable NAME holds")
            } else {
                error
            };
            return Err(if asks { error.hint("Or save the schema to a file, and import it with --endpoint URL") } else { error });
        }
        answer.bytes(&limits, LARGEST as u64).await.map_err(|failure| lost(&shown, &failure))
    })
}

fn lost(shown: &str, failure: &Failure) -> Error {
    let code = match failure.kind {
        FailureKind::Timeout => Code::Timeout,
        FailureKind::TooLarge | FailureKind::Redirect(_) => Code::InvalidResponse,
        _ => Code::Unreachable,
    };
    let error = Error::new(code, format!("{shown} cannot be fetched: {}", failure.message));
    if failure.message.contains("private address") { error.hint("--allow-private allows it") } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_an_address_are_not_kept() {
        let kept = |url: &str| Source::of(url).unwrap().kept();
        assert_eq!(kept("https://me:secret@a.example/x?v=1&api_key=k&access_token=t#part"), "https://a.example/x?v=1");
        for plain in [
            "https://a.example/x",
            "https://a.example/x?country_code=de&keyword=a%20b&author=x&access_level=all&sort_key=n&monkey&passage=1",
        ] {
            assert_eq!(kept(plain), plain);
            assert_eq!(Source::of(plain).unwrap().forgotten(), None);
        }
        for told in [
            "apiKey",
            "api-keys",
            "X-Amz-Signature",
            "accesstoken",
            "AWSAccessKeyId",
            "code",
            "client_secret",
            "auth",
            "sig",
            "sessionId",
            "private_token",
        ] {
            let url = format!("https://a.example/x?{told}=v&page=2");
            assert_eq!(kept(&url), "https://a.example/x?page=2", "{told}");
            assert!(Source::of(&url).unwrap().forgotten().unwrap().contains(told), "{told}");
        }
        assert_eq!(kept("https://a.example/x?u=ghp_0123456789abcdef0123"), "https://a.example/x");
        assert_eq!(kept("https://me:secret@a.example/graphql?key=k"), "graphql:https://a.example/graphql");
        assert_eq!(kept("graphql:https://a.example/x"), "graphql:https://a.example/x");
        assert!(Source::of("graphql:here").is_err() && Source::of("mcp:files").is_err() && Source::of("https://a.example/mcp").is_err());
        assert!(kept("stripe").starts_with("https://raw.githubusercontent.com/stripe/"));
        assert!(Source::of("file:///etc/passwd").is_err() && Source::of("ftp://a.example/x").is_err());
    }
}
