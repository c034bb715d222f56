//! From somebody else's description of a service to a provider of ours. Pure: a document in, a provider and a report out; reading
//! files and addresses, storing and asking are the business of whoever calls. What cannot be expressed is said in the report, operation
//! by operation; nothing is dropped without a word.

pub mod class;
pub mod discovery;
pub mod drift;
pub mod graphql;
pub mod kept;
pub mod names;
pub mod openapi;
pub mod overlay;
pub mod parts;
mod places;
pub mod postman;
pub mod read;
pub mod sample;
pub mod stored;
pub mod text;

use serde::Serialize;
use serde_json::Value;

use crate::base::error::{Code, Error, Result};
use crate::base::json::sha256;
use crate::base::name::printable;
use crate::registry::import::kept::Names;
use crate::registry::manifest::Provider;

/// What is wanted of a description.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Id of the provider to make.
    pub id: String,
    /// Where the description came from, as it may be shown: without credentials.
    pub source: String,
    /// Where a GraphQL service answers: it was asked itself, or its schema came from elsewhere.
    pub endpoint: Option<String>,
    /// Today, ISO 8601.
    pub today: String,
    /// Globs over function ids, `METHOD /path` and tags; without one everything is taken.
    pub include: Vec<String>,
    /// Globs of what is left out.
    pub exclude: Vec<String>,
    /// Names that an earlier import gave: they stay.
    pub names: Names,
}

/// A description that was read.
#[derive(Debug)]
pub struct Document {
    pub value: Value,
    /// Of its bytes, in hex.
    pub sha256: String,
}

/// A description as a provider, and what became of each of its operations.
#[derive(Debug)]
pub struct Imported {
    pub provider: Provider,
    pub report: Report,
}

/// What became of a description.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What concerns the whole: security schemes, servers, credentials.
    pub notes: Vec<String>,
    /// One entry for each operation of the description, in its order.
    pub operations: Vec<Fate>,
    /// What the description's operations are called before an overlay has its say.
    #[serde(skip)]
    pub names: Names,
}

/// What became of one operation.
#[derive(Debug, Clone, Serialize)]
pub struct Fate {
    /// As the description names it: `GET /users/{id}`, `drive.files.list`, `query viewer`.
    pub operation: String,
    /// The function that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Why it became none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// What of it could not be expressed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A description that was read.
#[derive(Debug)]
pub struct Description<'a> {
    format: Format<'a>,
    /// What was wrong with its text.
    notes: Vec<String>,
}

#[derive(Debug)]
enum Format<'a> {
    OpenApi(Document),
    Discovery(Document),
    /// The answer of an introspection.
    GraphqlAnswer(Document),
    /// A text in the schema language, and its hash.
    GraphqlSchema(&'a str, String),
    Postman(Document),
}

impl<'a> Description<'a> {
    /// Reads a description of some format that is known.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| bytes.len() <= read::LARGEST && graphql::is_schema(text)) {
            return Ok(Self { format: Format::GraphqlSchema(text, sha256(bytes)), notes: Vec::new() });
        }
        let (value, notes) = read::document(bytes)?;
        let document = Document { value, sha256: sha256(bytes) };
        let has = |key: &str| document.value.get(key).is_some();
        let format = if has("openapi") || has("swagger") || (has("paths") && has("info")) {
            Format::OpenApi(document)
        } else if discovery::is_one(&document.value) {
            Format::Discovery(document)
        } else if graphql::is_answer(&document.value) {
            Format::GraphqlAnswer(document)
        } else if postman::is_one(&document.value) {
            Format::Postman(document)
        } else {
            return Err(Error::new(Code::InvalidPayload, "The description is of no known format")
                .hint("OpenAPI 3.0 and 3.1, Swagger 2, Google Discovery, GraphQL schemas and Postman collections can be imported"));
        };
        Ok(Self { format, notes })
    }

    /// The id of its provider where nobody says another; `source` is where it came from.
    pub fn id(&self, source: &str) -> String {
        match &self.format {
            Format::OpenApi(document) => openapi::own_id(&document.value),
            Format::Discovery(document) => discovery::own_id(&document.value),
            Format::GraphqlAnswer(_) | Format::GraphqlSchema(..) => graphql::own_id(source),
            Format::Postman(document) => postman::own_id(&document.value),
        }
    }

    /// Makes a provider of it. One without functions is made too: an overlay or a filter may leave nothing, and the report says why.
    pub fn import(&self, wanted: &Wanted) -> Result<Imported> {
        let broken = |why: String| Error::new(Code::InvalidPayload, format!("The description cannot be imported: {why}"));
        let mut imported = match &self.format {
            Format::OpenApi(document) => openapi::import(document, wanted),
            Format::Discovery(document) => discovery::import(document, wanted).map_err(broken),
            Format::GraphqlAnswer(document) => graphql::import_answer(document, wanted).map_err(broken),
            Format::GraphqlSchema(text, sha256) => graphql::import_schema(text, sha256, wanted).map_err(broken),
            Format::Postman(document) => postman::import(document, wanted).map_err(broken),
        }?;
        imported.report.names = Names::of(&imported.report.operations);
        imported.report.notes.splice(..0, self.notes.iter().cloned());
        imported.report.notes.extend(places::notes(&imported.provider));
        Ok(imported)
    }
}

impl Imported {
    /// Why it is of no use: it has no function.
    pub fn nothing(&self) -> Option<Error> {
        if !self.provider.functions.is_empty() {
            return None;
        }
        let first = self.report.operations.iter().find_map(|fate| fate.left_out.as_ref());
        let why = first.map(|why| format!(": {why}")).unwrap_or_default();
        Some(Error::new(Code::InvalidPayload, format!("None of the {} operations can be imported{why}", self.report.operations.len())))
    }
}

/// Lays over an import what somebody knows better; `name` is that of the overlay's file.
pub fn lay_over(mut imported: Imported, name: &str, text: &str) -> Result<Imported> {
    let name = printable(name);
    let wrong = |problems: &[String]| match problems {
        [one] => Error::new(Code::InvalidPayload, format!("The overlay '{name}' does not fit: {one}")),
        [first, ..] => {
            Error::new(Code::InvalidPayload, format!("The overlay '{name}' does not fit, in {} places: {first}", problems.len()))
                .hints(problems.iter().skip(1).cloned())
        }
        [] => Error::internal("an overlay without problems does not fit"),
    };
    let overlay = overlay::Overlay::read(text).map_err(|why| wrong(&[why]))?;
    let laid = overlay::lay(&mut imported.provider, overlay).map_err(|problems| wrong(&problems))?;
    for fate in &mut imported.report.operations {
        let Some(function) = fate.function.clone() else { continue };
        if laid.left_out.contains(&function) {
            (fate.function, fate.left_out) = (None, Some(String::from("the overlay leaves it out")));
        } else if let Some((_, new)) = laid.renamed.iter().find(|(old, _)| *old == function) {
            fate.function = Some(new.clone());
        }
    }
    if let Some(origin) = &mut imported.provider.origin {
        origin.overlay = Some(name);
    }
    imported.report.notes.extend(laid.notes);
    Ok(imported)
}
