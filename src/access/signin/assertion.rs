//! Tokens for a service account (RFC 7523): a short statement signed with its private key is exchanged for one. No person is asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::HttpRequest;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::signin::client::{Granted, Party, Tokens, Trouble};
use crate::access::signin::endpoint::Lost;
use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::base::json::text;
use crate::net::Method;
use crate::net::header::CONTENT_TYPE;

/// How long a statement holds, in seconds.
const HOLDS: i64 = 3600;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What is needed of a key file.
#[derive(Deserialize)]
struct Key {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: Option<String>,
}

/// Exchanges a statement for a token.
pub(super) async fn by_assertion(party: &Party<'_>, scopes: &[String]) -> Result<Granted, Trouble> {
    let assertion = assertion(party, scopes, now_ms() / 1000).map_err(Trouble::Other)?;
    let url = party.address(&party.oauth.token_url).map_err(Trouble::Other)?;
    let pairs = [("grant_type", GRANT), ("assertion", &assertion)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let form =
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs.into_iter().chain(party.token_parameters())).finish();
    let broken = |error: String| Trouble::Other(Error::internal(error));
    let request: HttpRequest = oauth2::http::Request::builder()
        .method(Method::POST)
        .uri(url.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.into_bytes())
        .map_err(|error| broken(error.to_string()))?;
    let answer = party.endpoint().send(request).await.map_err(|Lost(error)| Trouble::Other(error))?;
    let value: Value = serde_json::from_slice(answer.body()).map_err(|error| broken(error.to_string()))?;
    if let Some(members) = value.as_object().filter(|members| members.contains_key("error")) {
        let word = |key: &str| text(members, key).unwrap_or_default().to_owned();
        return Err(Trouble::Refused { error: word("error"), said: word("error_description") });
    }
    let tokens: Tokens = serde_json::from_slice(answer.body()).map_err(|error| broken(error.to_string()))?;
    Ok(party.granted(&tokens))
}

fn assertion(party: &Party<'_>, scopes: &[String], now: i64) -> Result<String> {
    let title = &party.provider.title;
    let wrong = |why: &str| Error::new(Code::MissingCredentials, format!("The service account's key for {title} {why}"));
    let fields = format!("angelia integrations:configure {} --set service_account=file:/path/to/key.json", party.provider.id);
    let kept = party.field("service_account").ok_or_else(|| wrong("has no value").hint(fields.clone()))?;
    let key: Key = serde_json::from_str(kept.expose())
        .map_err(|_| wrong("is no key file: a JSON document with client_email and private_key").hint(fields.clone()))?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(key.private_key.as_bytes()).map_err(|_| wrong("holds no private key (PKCS#8, PEM)"))?;
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
        .map_err(|error| wrong(&format!("holds a private key that cannot be used: {error}")))?;
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = key.private_key_id {
        header["kid"] = Value::from(id);
    }
    let audience = party.address(&party.oauth.token_url)?;
    let mut claims = json!({"iss": key.client_email, "aud": audience.as_str(), "iat": now, "exp": now + HOLDS});
    if let Some((_, scopes)) = party.scopes(scopes) {
        claims["scope"] = Value::from(scopes);
    }
    // On whose behalf, where the account may act for others.
    if let Some(subject) = party.field("subject") {
        claims["sub"] = Value::from(subject.expose());
    }
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| Error::internal("the statement of a service account was not signed"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
