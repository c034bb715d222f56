//! What a manifest says of accounts: their fields, where these go on a request, and how one signs in.
//! Shared with the build script.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One field of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub key: String,
    pub label: String,
    #[serde(default = "yes")]
    pub required: bool,
    /// Not needed where one of these fields has a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<String>,
    pub secret: bool,
    #[serde(default)]
    pub kind: CredentialKind,
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    pub help: String,
    #[serde(default)]
    pub env: Vec<String>,
}

/// How a credential's value is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialKind {
    #[default]
    Text,
    Url,
    Host,
    Email,
    /// A JSON document, such as the key file of a service account; kept in one line.
    Json,
}

/// Where credentials go on a request. `value`, `username` and `password` are templates over credential fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    #[serde(rename = "type")]
    pub kind: AuthKind,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub value: String,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub password: String,
    /// Only on requests to these servers; without one to all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
    /// What a signature is made with and of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

impl Auth {
    /// The templates over credential fields.
    pub fn templates(&self) -> [&str; 3] {
        [&self.value, &self.username, &self.password]
    }
}

/// The kinds of [`Auth`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthKind {
    Bearer,
    Header,
    Basic,
    Query,
    /// AWS Signature Version 4.
    Sigv4,
    /// A keyed hash of what the manifest names.
    Hmac,
    /// In the path of the base URL, where `servers` names the field.
    Path,
}

/// A signature over the request. All texts but the names of headers are templates over credential fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The key.
    pub secret: String,
    /// How the key is written.
    #[serde(default, skip_serializing_if = "Encoding::is_text")]
    pub secret_encoding: Encoding,
    /// `hmac`: what is signed; also names parts of the request: `{method}`, `{host}`, `{path}`, `{query}`, `{target}`, `{url}`, `{body}`,
    /// `{body_sha256}`, `{timestamp}`, `{nonce}`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    #[serde(default)]
    pub algorithm: Hash,
    /// How the signature is written.
    #[serde(default = "in_hex")]
    pub encoding: Encoding,
    #[serde(default)]
    pub timestamp: TimeFormat,
    /// Header that carries the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<String>,
    /// Header that carries a text used once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_header: Option<String>,
    /// `sigv4`: whose key it is, where and for what.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub access_key_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub session_token: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
}

impl Signature {
    /// Names that a template may hold besides credential fields.
    pub const PARTS: &'static [&'static str] =
        &["method", "host", "path", "query", "target", "url", "body", "body_sha256", "timestamp", "nonce", "signature"];

    /// All templates.
    pub fn templates(&self) -> [&str; 6] {
        [&self.secret, &self.of, &self.access_key_id, &self.session_token, &self.region, &self.service]
    }
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

/// How bytes are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As they are.
    #[default]
    Text,
    Hex,
    Base64,
}

impl Encoding {
    /// The word in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }

    fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

/// How a time is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeFormat {
    #[default]
    Seconds,
    Milliseconds,
    Iso8601,
}

/// How one signs in by OAuth 2.0 (RFC 6749). What a service does differently from the standard is said here, and nowhere in code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// The ways in which a token may be had, the usual one first.
    pub grants: Vec<Grant>,
    /// Where a person consents. `{key}` is a credential field that is not secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    pub token_url: String,
    /// Where a token is renewed, where that is not `token_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_url: Option<String>,
    /// Who the authorization server says it is (RFC 9207), where that is not the origin of `authorize_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Where a device code is asked for (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_url: Option<String>,
    /// Where a token is given back (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_url: Option<String>,
    /// Asked for unless the user names others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    #[serde(default = "space", skip_serializing_if = "is_space")]
    pub scope_separator: String,
    /// Name of the parameter that carries the scopes.
    #[serde(default = "scope", skip_serializing_if = "is_scope")]
    pub scope_parameter: String,
    /// How the client says who it is at the token endpoint.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// How the request to the token endpoint is written.
    #[serde(default)]
    pub token_request: TokenRequest,
    /// Whether PKCE is used (RFC 7636).
    #[serde(default = "yes")]
    pub pkce: bool,
    /// Fixed parameters of the consent page's URL.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub authorize_parameters: Map<String, Value>,
    /// Fixed parameters of requests to the token endpoint.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub token_parameters: Map<String, Value>,
    /// Where the access token stands in the answer, such as `authed_user.access_token`.
    #[serde(default = "access_token")]
    pub token_path: String,
    /// The credential field that the access token is kept in.
    #[serde(default = "access_token")]
    pub token_field: String,
    /// Seconds that a token lives when the answer does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Errors besides `invalid_grant` that say that a grant has ended, such as `bad_refresh_token`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_errors: Vec<String>,
    /// Port of the loopback address, where a service wants the redirect address registered with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_port: Option<u16>,
    /// Name of the loopback address, where a service knows only one of them.
    #[serde(default)]
    pub redirect_host: RedirectHost,
    /// What else of the answer is kept in fields: field to dotted path, such as `instance_url: instance_url`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub keep: Map<String, Value>,
    /// Why a person must bring a client of their own, and where it is made.
    #[serde(default)]
    pub help: String,
}

impl OAuth {
    /// Every address of it, as templates.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        [&self.authorize_url, &self.refresh_url, &self.device_url, &self.revoke_url]
            .into_iter()
            .flatten()
            .chain([&self.token_url])
            .map(String::as_str)
    }

    /// Fields from which the token is fetched when a call needs it, without a person: one list for each way.
    pub fn fetched_from(&self) -> Vec<&'static [&'static str]> {
        let mut ways: Vec<&'static [&'static str]> = Vec::new();
        if self.grants.contains(&Grant::ServiceAccount) {
            ways.push(&["service_account"]);
        }
        // Where a person signs in first of all, a client alone is not meant to act by itself.
        if self.grants.first() == Some(&Grant::ClientCredentials) {
            ways.push(&["client_id", "client_secret"]);
        }
        ways
    }

    /// Whether a person can sign in.
    pub fn by_person(&self) -> bool {
        self.grants.iter().any(|grant| matches!(grant, Grant::AuthorizationCode | Grant::DeviceCode))
    }
}

/// The names of the loopback address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedirectHost {
    #[default]
    #[serde(rename = "127.0.0.1")]
    Address,
    #[serde(rename = "localhost")]
    Localhost,
}

impl RedirectHost {
    /// As it stands in the redirect address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "127.0.0.1",
            Self::Localhost => "localhost",
        }
    }
}

/// The ways in which a token is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// RFC 6749 section 4.1, with PKCE.
    AuthorizationCode,
    /// RFC 8628.
    DeviceCode,
    /// RFC 6749 section 4.4: no person is asked, and the token is fetched when a call needs it.
    ClientCredentials,
    /// RFC 7523 with the JSON key of a service account in the field `service_account`.
    ServiceAccount,
}

impl Grant {
    /// The word in manifests, options and listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
            Self::ClientCredentials => "client_credentials",
            Self::ServiceAccount => "service_account",
        }
    }
}

/// How a client says who it is (RFC 6749 section 2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// `Authorization: Basic`.
    #[default]
    Basic,
    /// `client_id` and `client_secret` as parameters.
    Body,
}

/// How a token is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenRequest {
    #[default]
    Form,
    Json,
}

fn yes() -> bool {
    true
}

fn space() -> String {
    String::from(" ")
}

fn is_space(text: &str) -> bool {
    text == " "
}

fn scope() -> String {
    String::from("scope")
}

fn is_scope(text: &str) -> bool {
    text == "scope"
}

fn access_token() -> String {
    String::from("access_token")
}

fn in_hex() -> Encoding {
    Encoding::Hex
}
