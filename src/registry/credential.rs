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
    /// In the path of the base URL, where `servers` names the field.
    Path,
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
    /// Port of the loopback address, where a service wants the redirect address registered with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_port: Option<u16>,
    /// What else of the answer is kept in fields: field to dotted path, such as `instance_url: instance_url`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub keep: Map<String, Value>,
    /// Why a person must bring a client of their own, and where it is made.
    #[serde(default)]
    pub help: String,
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
