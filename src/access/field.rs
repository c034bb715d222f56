//! One credential value: checked by its field's kind, and followed where it refers to something kept elsewhere.

use std::path::Path;

use crate::base::error::{Code, Error, Result};
use crate::base::secret::Secret;
use crate::config::{env, files};
use crate::registry::credential::{Credential, CredentialKind};

/// A value as it was typed, to check it before it is stored.
pub fn plain(value: &Secret) -> &str {
    value.expose()
}

/// Whether a value stands for one that is kept elsewhere.
pub fn is_reference(value: &str) -> bool {
    ["env:", "file:", "cmd:"].iter().any(|scheme| value.starts_with(scheme))
}

/// The value that a reference stands for.
pub fn follow(place: &str, reference: &str) -> Result<Secret> {
    let missing = |why: String| Error::new(Code::MissingCredentials, format!("The credential {place} refers to {why}"));
    let (scheme, rest) = reference.split_once(':').unwrap_or((reference, ""));
    match scheme {
        "env" => env::var(rest).map(Secret::new).ok_or_else(|| missing(format!("the environment variable {rest}, which is not set"))),
        "file" => match files::read(Path::new(rest)) {
            Ok(Some(text)) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())),
            Ok(None) => Err(missing(format!("the file {rest}, which does not exist"))),
            Err(error) => Err(missing(format!("a file: {error}"))),
        },
        _ => run(rest).map(Secret::new).map_err(|why| missing(format!("a command that {why}"))),
    }
}

/// Runs a password manager's command; what it prints is the secret.
#[expect(clippy::disallowed_methods, reason = "the one place that runs the user's own credential commands")]
fn run(command: &str) -> Result<String, String> {
    use std::process::{Command, Stdio};
    const WAIT: std::time::Duration = std::time::Duration::from_secs(60);
    let child = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let child = child.map_err(|error| format!("could not be started: {error}"))?;
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || drop(send.send(child.wait_with_output())));
    let output = receive.recv_timeout(WAIT).map_err(|_| format!("did not end within {} seconds", WAIT.as_secs()))?;
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("failed ({})", output.status));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| String::from("printed what is not UTF-8"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(String::from("printed nothing")) } else { Ok(text.to_owned()) }
}

/// Fills a template such as `{email}:{token}`; `None` when a field in it has no value.
pub fn fill<T: AsRef<str>>(template: &str, value: impl Fn(&str) -> Option<T>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (key, tail) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(value(key)?.as_ref());
        rest = tail;
    }
    filled.push_str(rest);
    Some(filled)
}

/// Checks and normalises a value by the field's kind.
pub fn check(field: &Credential, value: &str) -> Result<String> {
    let refuse = |why: &str| Err(Error::new(Code::InvalidArguments, format!("Credential '{}' {why}", field.key)));
    if value.is_empty() {
        return refuse("is empty");
    }
    if field.kind == CredentialKind::Json {
        let Ok(document) = serde_json::from_str::<serde_json::Value>(value) else {
            return refuse("must be a JSON document");
        };
        return Ok(document.to_string());
    }
    if value.chars().any(char::is_control) {
        return refuse("holds a control character");
    }
    match field.kind {
        CredentialKind::Json => Err(Error::internal("a document that was not read")),
        CredentialKind::Text => Ok(value.to_owned()),
        CredentialKind::Email if value.contains('@') && !value.contains(char::is_whitespace) => Ok(value.to_owned()),
        CredentialKind::Email => refuse("must be an e-mail address"),
        CredentialKind::Host => match url::Url::parse(&format!("https://{value}/")) {
            Ok(url)
                if url.username().is_empty()
                    && url.password().is_none()
                    && url.path() == "/"
                    && url.query().is_none()
                    && url.fragment().is_none() =>
            {
                Ok(url.authority().to_owned())
            }
            _ => refuse("must be a host name, with a port if need be"),
        },
        CredentialKind::Url => {
            base_url(value).map_err(|why| Error::new(Code::InvalidArguments, format!("Credential '{}' {why}", field.key)))
        }
    }
}

/// A base URL, normalised: http or https, no user, no query, no trailing slash.
pub fn base_url(value: &str) -> Result<String, String> {
    let url = url::Url::parse(value.trim()).map_err(|error| format!("must be an http or https URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(String::from("must be an http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(String::from("must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(String::from("must not hold ? or #"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_normalised_or_refused() {
        assert_eq!(base_url(" https://Example.com/api/ ").unwrap(), "https://example.com/api");
        assert_eq!(base_url("http://[::1]:80/").unwrap(), "http://[::1]");
        for bad in ["ftp://x", "https://u:p@x", "https://x?y", "x", "https://", "file:///etc/passwd", "https://[fe80::1%25eth0]/"] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
