//! What a provider file may say, as types. Strict: an unknown word is an error with its line.
//! Shared with the build script, which compiles the built-in files. No IO, no defaults from outside.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::registry::credential::{Auth, Credential, OAuth};
use crate::registry::function::Function;

/// A provider file, as written. The vocabulary is described in `schemas/provider.json` and `docs/manifests.md`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub id: String,
    pub title: String,
    pub description: String,
    pub category: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    #[serde(default)]
    pub links: Links,
    pub auth_strategy: String,
    #[serde(default = "yes")]
    pub cli_setup_supported: bool,
    #[serde(default = "yes")]
    pub cli_runtime_supported: bool,
    #[serde(default = "everywhere")]
    pub host_availability: Vec<String>,
    #[serde(default)]
    pub runtime_requirements: Vec<String>,
    #[serde(default)]
    pub compatibility_summary: String,
    #[serde(default)]
    pub credentials: Vec<Credential>,
    #[serde(default)]
    pub auth: OneOrMany<Auth>,
    /// How one signs in, where an account is more than a key that a person types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,
    #[serde(default)]
    pub servers: Map<String, Value>,
    #[serde(default)]
    pub headers: Map<String, Value>,
    #[serde(default)]
    pub verify: Option<String>,
    #[serde(default)]
    pub rate_limit: RateLimit,
    #[serde(default)]
    pub errors: ErrorPaths,
    #[serde(default)]
    pub paginations: Map<String, Value>,
    #[serde(default)]
    pub idempotency_header: Option<String>,
    /// Where an imported description came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    #[serde(default)]
    pub functions: Vec<Function>,
}

/// Where an imported provider came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// File or address, as it was given; without credentials.
    pub source: String,
    /// What it is: `openapi-3.0`, `openapi-3.1`, `swagger-2.0`, `google-discovery`, `graphql`, `postman-2.1`, `mcp`.
    pub format: String,
    /// SHA-256 of the description in hex.
    pub sha256: String,
    /// The licence that the description states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Version that the description states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Day of the import, ISO 8601.
    pub imported: String,
    /// The overlay that was laid over it, by file name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// The overlay says that it was checked against the service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
}

/// Where to read more.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// A list that may be written as one thing.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        match Value::deserialize(deserializer)? {
            Value::Array(items) => {
                items.into_iter().map(|item| serde_json::from_value(item).map_err(D::Error::custom)).collect::<Result<_, _>>().map(Self)
            }
            one => serde_json::from_value(one).map(|one| Self(vec![one])).map_err(D::Error::custom),
        }
    }
}

/// Response headers that tell how much may still be asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimit {
    pub remaining: Option<String>,
    pub reset: Option<String>,
    pub reset_format: ResetFormat,
    /// Requests of an account leave no sooner after each other.
    pub min_interval_ms: Option<u64>,
}

/// How a reset header is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetFormat {
    #[default]
    EpochSeconds,
    EpochMilliseconds,
    DeltaSeconds,
    Iso8601,
}

/// Where a failed answer says what happened.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorPaths {
    pub failed_when: Option<String>,
    pub rate_limited_when: Option<String>,
    pub expired_when: Option<String>,
    pub message: Vec<String>,
    pub code: Vec<String>,
    pub request_id: Vec<String>,
}

impl ErrorPaths {
    /// The jq programs, by their words.
    pub fn programs(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let all =
            [("failed_when", &self.failed_when), ("rate_limited_when", &self.rate_limited_when), ("expired_when", &self.expired_when)];
        all.into_iter().filter_map(|(word, program)| Some((word, program.as_ref()?)))
    }
}

/// How a list goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pagination {
    pub style: PageStyle,
    pub items: String,
    #[serde(default)]
    pub parameter: Option<String>,
    #[serde(default)]
    pub limit: Option<String>,
    #[serde(default)]
    pub page_size: Option<u64>,
    #[serde(default)]
    pub max_page_size: Option<u64>,
    #[serde(default)]
    pub next: Option<String>,
    #[serde(default)]
    pub more: Option<String>,
    #[serde(default)]
    pub last: Option<String>,
    #[serde(default)]
    pub total: Option<String>,
    #[serde(default)]
    pub pages: Option<String>,
    #[serde(default = "one")]
    pub start: u64,
}

/// The ways in which services page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageStyle {
    Cursor,
    Page,
    Offset,
    Link,
    Url,
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}

fn everywhere() -> Vec<String> {
    vec![String::from("cli"), String::from("server")]
}
