//! Signatures over whole requests: AWS Signature Version 4, and HMAC over what a manifest names. They are made last, anew for each attempt,
//! since they hold the time. A dry run shows that there will be one, not which.

use std::cell::RefCell;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use ring::hmac;
use url::{Position, Url};

use crate::access::field::fill;
use crate::access::vault::Credentials;
use crate::base::clock::rfc3339;
use crate::base::error::{Code, Error, Result};
use crate::base::json::{hex, sha256};
use crate::base::quote::percent;
use crate::base::secret::{MASK, Secret};
use crate::config::files;
use crate::net::header::{AUTHORIZATION, HeaderName, HeaderValue};
use crate::net::{Body, Request};
use crate::registry::credential::{Auth, AuthKind, Encoding, Hash, Signature, TimeFormat};

/// Services that sign a path as it is sent, and not encoded once more.
const STORAGE: &[&str] = &["s3", "s3express", "s3-object-lambda", "s3-outposts"];
/// Another that wants the body's digest as a header.
const DIGESTED: &str = "aoss";

/// Signs a request where a manifest's placement says so. A placement whose secret is absent is skipped; where anything else is, nothing may
/// go out unsigned.
pub fn sign(auth: &Auth, credentials: &Credentials, request: &mut Request, now_ms: i64) -> Result<()> {
    let Some(signature) = &auth.signature else { return Ok(()) };
    match auth.kind {
        AuthKind::Sigv4 => aws(signature, credentials, request, now_ms),
        AuthKind::Hmac => by_hmac(auth, signature, credentials, request, now_ms),
        _ => Ok(()),
    }
}

/// The header of a signature as it may be shown, where its credentials are there.
pub fn preview(auth: &Auth, shown: &dyn Fn(&str) -> Option<String>) -> Option<(String, String)> {
    let signature = auth.signature.as_ref()?;
    fill(&signature.secret, shown)?;
    match auth.kind {
        AuthKind::Sigv4 => {
            fill(&signature.access_key_id, shown).map(|_| (String::from("authorization"), format!("AWS4-HMAC-SHA256 {MASK}")))
        }
        AuthKind::Hmac => {
            let value = fill(value_of(auth), |name| if name == "signature" { Some(MASK.to_owned()) } else { shown(name) })?;
            Some((auth.name.to_lowercase(), value))
        }
        _ => None,
    }
}

fn value_of(auth: &Auth) -> &str {
    if auth.value.is_empty() { "{signature}" } else { &auth.value }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn aws(signature: &Signature, credentials: &Credentials, request: &mut Request, now_ms: i64) -> Result<()> {
    let Some(secret) = credentials.fill(&signature.secret) else { return Ok(()) };
    let part = |what: &str, template: &str| {
        let value = whole(template, |field| of_account(credentials, field))?;
        if value.is_empty() { Err(unsigned(what)) } else { Ok(value) }
    };
    let id = part("access_key_id", &signature.access_key_id)?;
    let (region, service) = (part("region", &signature.region)?, part("service", &signature.service)?);
    let payload = body_sha256(&request.body)?;
    let time: String = rfc3339(now_ms).split('.').next().unwrap_or_default().chars().filter(|c| !"-:".contains(*c)).chain(['Z']).collect();
    set(request, "x-amz-date", &Secret::new(time.clone()))?;
    let of_s3 = STORAGE.contains(&service.as_str());
    if of_s3 || service == DIGESTED {
        set(request, "x-amz-content-sha256", &Secret::new(payload.clone()))?;
    }
    if let Some(token) = credentials.fill(&signature.session_token).filter(|token| !token.expose().is_empty()) {
        set(request, "x-amz-security-token", &token)?;
    }
    let scope = format!("{}/{}/{}/aws4_request", time.get(..8).unwrap_or_default(), region, service);
    let (names, canonical) = canonical(request, &payload, of_s3);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let mut key = format!("AWS4{}", secret.expose()).into_bytes();
    for part in scope.split('/') {
        key = mac(hmac::HMAC_SHA256, &key, part.as_bytes());
    }
    let made = hex(&mac(hmac::HMAC_SHA256, &key, text.as_bytes()));
    let value = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={made}");
    set(request, AUTHORIZATION.as_str(), &Secret::new(value))
}

/// The names of the signed headers, and the canonical request.
fn canonical(request: &Request, payload: &str, of_s3: bool) -> (String, String) {
    let mut headers = vec![(String::from("host"), request.url[Position::BeforeHost..Position::AfterPort].to_owned())];
    // What is on the way may change other headers.
    let signed = |name: &str| name.starts_with("x-amz-") || matches!(name, "content-type" | "content-md5" | "date" | "range");
    headers.extend(request.headers.iter().filter(|(name, _)| signed(name.as_str())).map(|(name, value)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), text.split_whitespace().collect::<Vec<_>>().join(" "))
    }));
    headers.sort();
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    // S3 signs what a path means, encoded in one way; every other service encodes once more what is sent.
    let segment = |segment: &str| {
        if of_s3 { percent(percent_decode_str(segment).collect::<Vec<u8>>()) } else { percent(segment) }
    };
    let path = request.url.path().split('/').map(segment).collect::<Vec<_>>().join("/");
    let mut query: Vec<(String, String)> = request.url.query_pairs().map(|(name, value)| (percent(&*name), percent(&*value))).collect();
    query.sort();
    let query = query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    (names.clone(), format!("{}\n{path}\n{query}\n{lines}\n{names}\n{payload}", request.method))
}

fn by_hmac(auth: &Auth, signature: &Signature, credentials: &Credentials, request: &mut Request, now_ms: i64) -> Result<()> {
    let Some(secret) = credentials.fill(&signature.secret) else { return Ok(()) };
    let wrong = || {
        Error::new(
            Code::MissingCredentials,
            format!("The secret that requests are signed with is not written in {}", signature.secret_encoding.as_str()),
        )
    };
    let key = match signature.secret_encoding {
        Encoding::Text => secret.expose().as_bytes().to_vec(),
        Encoding::Base64 => STANDARD.decode(secret.expose()).map_err(|_| wrong())?,
        Encoding::Hex => unhex(secret.expose()).ok_or_else(wrong)?,
    };
    let time = match signature.timestamp {
        TimeFormat::Seconds => (now_ms / 1000).to_string(),
        TimeFormat::Milliseconds => now_ms.to_string(),
        TimeFormat::Iso8601 => rfc3339(now_ms),
    };
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let body = if signature.of.contains("{body}") { body_text(&request.body)? } else { String::new() };
    let digest = if signature.of.contains("{body_sha256}") { body_sha256(&request.body)? } else { String::new() };
    let part = |name: &str| {
        part(name, request).or_else(|| match name {
            "timestamp" => Some(time.clone()),
            "nonce" => Some(nonce.clone()),
            "body" => Some(body.clone()),
            "body_sha256" => Some(digest.clone()),
            field => of_account(credentials, field),
        })
    };
    let text = whole(&signature.of, part)?;
    let algorithm = match signature.algorithm {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    let made = mac(algorithm, &key, text.as_bytes());
    let made = if signature.encoding == Encoding::Base64 { STANDARD.encode(made) } else { hex(&made) };
    let value = whole(value_of(auth), |name| match name {
        "signature" => Some(made.clone()),
        "timestamp" => Some(time.clone()),
        "nonce" => Some(nonce.clone()),
        field => of_account(credentials, field),
    })?;
    for (header, value) in [(&signature.timestamp_header, &time), (&signature.nonce_header, &nonce)] {
        if let Some(header) = header {
            set(request, header, &Secret::new(value.clone()))?;
        }
    }
    set(request, &auth.name, &Secret::new(value))
}

/// A template of a signature, filled: one with a gap would leave the request unsigned.
fn whole(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String> {
    let missing = RefCell::new(String::new());
    let filled = fill(template, |name| {
        let value = value(name);
        if value.is_none() {
            name.clone_into(&mut missing.borrow_mut());
        }
        value
    });
    filled.ok_or_else(|| unsigned(&missing.borrow()))
}

fn of_account(credentials: &Credentials, field: &str) -> Option<String> {
    credentials.fill(&format!("{{{field}}}")).map(|value| value.expose().to_owned())
}

fn unsigned(field: &str) -> Error {
    Error::new(Code::MissingCredentials, format!("The request cannot be signed: '{field}' has no value"))
}

/// What of a request a template may name.
fn part(name: &str, request: &Request) -> Option<String> {
    let url: &Url = &request.url;
    match name {
        "method" => Some(request.method.to_string()),
        "path" => Some(url.path().to_owned()),
        "query" => Some(url.query().unwrap_or_default().to_owned()),
        // The path, and the query after a question mark where there is one.
        "target" => Some(url[Position::BeforePath..Position::AfterQuery].to_owned()),
        "host" => Some(url[Position::BeforeHost..Position::AfterPort].to_owned()),
        "url" => Some(url.to_string()),
        _ => None,
    }
}

fn mac(algorithm: hmac::Algorithm, key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, key), text).as_ref().to_vec()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).ok().filter(|two| two.len() == 2)?, 16).ok()).collect()
}

fn unsignable() -> Error {
    Error::usage("A body of several parts, or of a file whose text is signed, cannot be signed; this request cannot be made")
}

fn body_sha256(body: &Body) -> Result<String> {
    match body {
        Body::Empty => Ok(sha256(&[])),
        Body::Bytes(bytes) => Ok(sha256(bytes)),
        Body::File(path) => files::sha256(Path::new(path)).ok_or_else(|| Error::usage(format!("{} cannot be read", path.display()))),
        Body::Multipart(_) => Err(unsignable()),
    }
}

fn body_text(body: &Body) -> Result<String> {
    match body {
        Body::Empty => Ok(String::new()),
        Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).map_err(|_| unsignable()),
        Body::File(_) | Body::Multipart(_) => Err(unsignable()),
    }
}

/// Sets a header that must not reach another host.
fn set(request: &mut Request, name: &str, value: &Secret) -> Result<()> {
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::internal(format!("'{name}' is no header name")))?;
    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| {
        Error::new(Code::InvalidArguments, format!("The credential for header '{name}' holds a character that no header can carry"))
    })?;
    value.set_sensitive(true);
    request.headers.insert(header.clone(), value);
    if !request.secret_headers.contains(&header) {
        request.secret_headers.push(header);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::parse_rfc3339;
    use crate::net::header::HeaderMap;

    /// A service, a method, an address, headers (`name: value`, one a line), a body, and the signed headers with the signature.
    type Vector = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

    /// AWS's test suite (get-vanilla, get-vanilla-query-order-key-case, post-vanilla, post-x-www-form-urlencoded), the example of IAM's
    /// documentation, and those of S3's (GET Object, PUT Object, GET Bucket Lifecycle, GET Bucket).
    #[rustfmt::skip]
    const PUBLISHED: [Vector; 9] = [
        ("service", "GET", "https://example.amazonaws.com/", "", "", "host;x-amz-date 5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("service", "GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", "", "", "host;x-amz-date b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("service", "POST", "https://example.amazonaws.com/", "", "", "host;x-amz-date 5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("service", "POST", "https://example.amazonaws.com/", "content-type: application/x-www-form-urlencoded", "Param1=value1", "content-type;host;x-amz-date ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        ("iam", "GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", "content-type: application/x-www-form-urlencoded; charset=utf-8", "", "content-type;host;x-amz-date 5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
        ("s3", "GET", "https://examplebucket.s3.amazonaws.com/test.txt", "range: bytes=0-9", "", "host;range;x-amz-content-sha256;x-amz-date f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("s3", "PUT", "https://examplebucket.s3.amazonaws.com/test%24file.text", "date: Fri, 24 May 2013 00:00:00 GMT\nx-amz-storage-class: REDUCED_REDUNDANCY", "Welcome to Amazon S3.", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class 98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        ("s3", "GET", "https://examplebucket.s3.amazonaws.com/?lifecycle", "", "", "host;x-amz-content-sha256;x-amz-date fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("s3", "GET", "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", "", "", "host;x-amz-content-sha256;x-amz-date 34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ];

    #[test]
    fn published_requests_have_their_published_signatures() {
        for (service, method, url, given, body, expected) in PUBLISHED {
            let (key, time) = match service {
                "s3" => (("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "2013-05-24T00:00:00Z"),
                _ => (("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), "2015-08-30T12:36:00Z"),
            };
            let auth: Auth = serde_json::from_value(serde_json::json!({"type": "sigv4", "signature": {
                "access_key_id": key.0, "secret": key.1, "region": "us-east-1", "service": service,
            }}))
            .unwrap();
            let mut request = request(method, url, body);
            for (name, value) in given.lines().filter_map(|line| line.split_once(": ")) {
                request.headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
            }
            sign(&auth, &Credentials::default(), &mut request, parse_rfc3339(time).unwrap()).unwrap();
            let value = request.headers[AUTHORIZATION].to_str().unwrap();
            assert_eq!(value.rsplit_once("SignedHeaders=").unwrap().1.replace(", Signature=", " "), expected, "{url}");
        }
    }

    fn request(method: &str, url: &str, body: &str) -> Request {
        Request {
            method: method.parse().unwrap(),
            url: Url::parse(url).unwrap(),
            headers: HeaderMap::new(),
            body: Body::Bytes(body.to_owned().into()),
            secret_headers: Vec::new(),
        }
    }

    #[test]
    fn what_a_manifest_names_is_signed() {
        // RFC 4231, test case 2; and its SHA-512.
        for (algorithm, encoding, start) in
            [("sha256", "hex", "5bdcc146bf60754e"), ("sha512", "hex", "164b7a7bfcf819e2"), ("sha1", "base64", "7/zfau")]
        {
            let auth: Auth = serde_json::from_value(serde_json::json!({"type": "hmac", "name": "X-Signature", "value": "v1 {signature}", "signature": {
                "secret": "Jefe", "of": "{body}", "algorithm": algorithm, "encoding": encoding, "timestamp_header": "X-Time", "nonce_header": "X-Nonce",
            }}))
            .unwrap();
            let mut request = request("POST", "https://a.example/b?c=d", "what do ya want for nothing?");
            sign(&auth, &Credentials::default(), &mut request, 1_500).unwrap();
            let value = request.headers["x-signature"].to_str().unwrap();
            assert!(value.starts_with(&format!("v1 {start}")), "{algorithm}: {value}");
            assert_eq!((request.headers["x-time"].to_str().unwrap(), request.headers["x-nonce"].len()), ("1", 32));
            assert_eq!(part("target", &request).as_deref(), Some("/b?c=d"));
        }
        assert_eq!((unhex("0aFF"), unhex("0g"), unhex("abc")), (Some(vec![10, 255]), None, None));
    }
}
