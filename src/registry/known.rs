//! The index of services whose vendors publish a description: visible, not callable, until somebody imports one. A small block of its own
//! in the program that is unpacked only when somebody asks for it. Shared with the build script, which makes it of `providers/index.yaml`.

use serde::{Deserialize, Serialize};

use crate::registry::words::words;

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

/// The services that fit some words, the best first: every word must stand in id, title, category or the line about it.
pub fn search<'a>(all: &'a [Known], query: &str) -> Vec<(&'a Known, u32)> {
    let wanted = words(query);
    let mut found: Vec<(&Known, u32)> = all.iter().filter_map(|one| fit(one, &wanted).map(|score| (one, score))).collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.id.cmp(&b.0.id)));
    found
}

fn fit(one: &Known, wanted: &[String]) -> Option<u32> {
    let named = [words(&one.id), words(&one.title)].concat();
    let (about, category) = (words(&one.about), words(&one.category));
    let score = |word: &String| match word {
        word if named.contains(word) => 10,
        word if named.iter().any(|name| name.starts_with(word.as_str())) => 6,
        word if about.contains(word) => 4,
        word if category.contains(word) => 3,
        _ => 0,
    };
    let scores: Vec<u32> = wanted.iter().map(score).collect();
    (!scores.is_empty() && scores.iter().all(|score| *score > 0)).then(|| scores.iter().sum())
}
