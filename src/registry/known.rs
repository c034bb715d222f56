//! The index of services whose vendors publish a description: visible, not callable, until somebody imports one. Two small blocks of
//! the program, facts and what is searched, that are read only when somebody asks for them. Shared with the build script, which makes it of `providers/index.yaml`.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::registry::index::compile;
use crate::registry::manifest::Provider;

/// One service of the index.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub id: String,
    pub title: String,
    /// One line, in our own words.
    pub about: String,
    pub category: String,
    /// Where the vendor publishes the description.
    pub description: String,
    pub format: String,
    pub auth: Signing,
    /// Where the service answers.
    pub base: String,
    pub docs: String,
}

/// How one signs in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    pub kind: String,
    /// Of the header or query parameter.
    #[serde(default)]
    pub name: String,
}

/// What `format` may say.
const FORMATS: &[&str] = &["openapi", "google-discovery", "graphql", "postman"];

/// What `auth.kind` may say.
const KINDS: &[&str] = &["none", "bearer", "basic", "header", "query", "oauth2"];

/// The index cannot be larger than this when unpacked.
const LARGEST: usize = 4 << 20;

/// Packs the index.
pub fn pack(all: &[Known]) -> Result<Vec<u8>, String> {
    let raw = postcard::to_stdvec(all).map_err(|error| error.to_string())?;
    zstd::bulk::compress(&raw, 19).map_err(|error| error.to_string())
}

/// Unpacks it.
pub fn unpack(packed: &[u8]) -> Result<Vec<Known>, String> {
    let raw = zstd::bulk::decompress(packed, LARGEST).map_err(|error| error.to_string())?;
    postcard::from_bytes(&raw).map_err(|error| error.to_string())
}

/// All that is wrong with an index.
pub fn problems(all: &[Known]) -> Vec<String> {
    let mut found = Vec::new();
    for pair in all.windows(2) {
        if let [one, next] = pair
            && one.id >= next.id
        {
            found.push(format!("'{}' must stand once, and before '{}'", next.id, one.id));
        }
    }
    for one in all {
        let mut say = |message: &str| found.push(format!("{}: {message}", one.id));
        if !crate::registry::index::is_provider_id(&one.id) {
            say("the id must be a-z, 0-9 and _");
        }
        if one.title.trim().is_empty() || !one.about.ends_with('.') || one.about.len() > 100 {
            say("needs a title and one line about it, of at most 100 bytes, with a period");
        }
        if one.category.is_empty() || !one.category.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
            say("the category must be a-z and -");
        }
        if ![&one.description, &one.base, &one.docs].into_iter().all(|url| url.starts_with("https://") && !url.contains(' ')) {
            say("description, base and docs must be https addresses");
        }
        if !FORMATS.contains(&one.format.as_str()) {
            say("the format is none that can be imported");
        }
        let named = matches!(one.auth.kind.as_str(), "header" | "query");
        if !KINDS.contains(&one.auth.kind.as_str()) || named == one.auth.name.is_empty() {
            say("auth says a kind that there is, and a name where the kind wants one");
        }
    }
    found
}

/// The services as a catalog that is searched like any other: each is a provider with the one function of importing it.
pub fn searchable(all: &[Known]) -> Result<Vec<u8>, String> {
    let provider = |one: &Known| {
        let import = json!({"id": "import", "title": one.title, "description": one.about, "operation": "write", "synonyms": [one.category], "examples": []});
        serde_json::from_value(json!({
            "id": one.id, "title": one.title, "description": one.about, "category": one.category, "auth_strategy": "none",
            "functions": [import],
        }))
    };
    let providers: Vec<Provider> = all.iter().map(provider).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    compile(providers, "described", Vec::new())
}
