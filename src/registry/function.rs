//! One callable thing, as a manifest writes it. Shared with the build script.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::registry::manifest::{Pagination, Provider};

/// What a function does to the world. An undeclared one does not parse.
/// The order is from harmless to grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Read,
    Write,
    Destructive,
}

impl Operation {
    /// The word used everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

/// One callable thing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    pub id: String,
    pub title: String,
    pub description: String,
    pub operation: Operation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_because: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graphql: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
    /// A workflow file that carries it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lua: Option<LuaFile>,
    /// What an upstream MCP server is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<Upstream>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The whole schema of the arguments, where the parameters alone cannot say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// Schemas that those of the parameters point to as `#/$defs/NAME`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub defs: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// Groups of parameters of which at least one must be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<Vec<String>>,
    #[serde(default)]
    pub body: BodyForm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub query: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub headers: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    #[serde(default)]
    pub response: ResponseForm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Value>,
    #[serde(default)]
    pub idempotent: bool,
    /// Header that gets a fresh key with each call, where the provider names none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_header: Option<String>,
    /// `false`: never sent a second time, however harmless it looks.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub retry: bool,
    pub examples: Vec<Example>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    #[serde(default)]
    pub deprecated: bool,
    /// A workflow whose answer is meant as a prompt for a model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prompt: bool,
}

/// The workflow file of a function, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LuaFile {
    /// Absolute path.
    pub path: String,
    /// SHA-256 of its content in hex: a changed file is another function.
    pub sha256: String,
}

/// What an upstream MCP server is asked for by a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Name of the server in the configuration.
    pub server: String,
    /// The server's own name of the tool; without one `method` says what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// A method of the protocol other than `tools/call`: `resources/list`, `resources/read`, `prompts/list`, `prompts/get`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// First part of the ids of providers that are upstream MCP servers: `mcp.NAME`.
pub const UPSTREAMS: &str = "mcp.";

/// Why a manifest may not say `lua`.
pub const NO_LUA: &str = "lua: a manifest names no file to run; a workflow file in the folder workflows/ is a function by itself";

impl<'de> Deserialize<'de> for LuaFile {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let word = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match (word("path"), word("sha256")) {
            (Some(path), Some(sha256)) => Ok(Self { path, sha256 }),
            _ => Err(serde::de::Error::custom(NO_LUA)),
        }
    }
}

/// Arguments that validate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub arguments: Map<String, Value>,
}

/// How body arguments are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyForm {
    #[default]
    Json,
    Form,
    Multipart,
    Raw,
    None,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseForm {
    #[default]
    Json,
    Xml,
    Text,
    Binary,
    None,
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    Path,
    Query,
    Header,
    Cookie,
    Body,
}

/// The provider whose functions are the workflow files.
pub const WORKFLOWS: &str = "workflow";

/// Statuses that say "later": the same request may succeed.
pub const TRANSIENT: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

/// The words of a parameter that are not JSON Schema.
pub const PLACEMENT_WORDS: [&str; 3] = ["in", "as", "style"];

fn yes() -> bool {
    true
}

impl Function {
    /// The header whose key makes a repeated write harmless.
    pub fn key_header<'a>(&'a self, provider: &'a Provider) -> Option<&'a str> {
        let header = self.idempotency_header.as_deref().or(provider.idempotency_header.as_deref());
        header.filter(|_| self.operation != Operation::Read)
    }

    /// Method and path; GraphQL without a path posts to the server's own URL.
    pub fn method_and_path(&self) -> (&str, &str) {
        match (&self.request, &self.graphql) {
            (Some(request), _) => request.split_once(' ').unwrap_or(("GET", request)),
            (None, Some(_)) => ("POST", ""),
            (None, None) => ("NATIVE", ""),
        }
    }

    /// Whether this program carries it out itself: nothing leaves the machine by it.
    pub fn is_local(&self) -> bool {
        self.native.is_some() || self.lua.is_some()
    }

    /// Whether a Lua script carries it out: a workflow file, or one that comes with the call.
    pub fn is_script(&self) -> bool {
        self.lua.is_some() || self.native.as_deref() == Some("script.run")
    }

    /// Where a parameter of this function goes.
    pub fn place(&self, name: &str) -> Place {
        let schema = self.parameters.get(name);
        match schema.and_then(|schema| schema.get("in")).and_then(Value::as_str) {
            Some("path") => return Place::Path,
            Some("query") => return Place::Query,
            Some("header") => return Place::Header,
            Some("cookie") => return Place::Cookie,
            Some("body") => return Place::Body,
            _ => {}
        }
        let (method, path) = self.method_and_path();
        if path.contains(&format!("{{{}}}", self.wire_name(name))) {
            Place::Path
        } else if matches!(method, "GET" | "HEAD" | "DELETE") {
            Place::Query
        } else {
            Place::Body
        }
    }

    /// The name on the wire.
    pub fn wire_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.parameters.get(name).and_then(|schema| schema.get("as")).and_then(Value::as_str).unwrap_or(name)
    }

    /// The `format` of a parameter's schema.
    pub fn format(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).and_then(|schema| schema.get("format")).and_then(Value::as_str)
    }

    /// How this function's list goes on, by name or in place.
    pub fn pagination(&self, provider: &Provider) -> Option<Pagination> {
        let written = match self.pagination.as_ref()? {
            Value::String(name) => provider.paginations.get(name)?,
            inline => inline,
        };
        Pagination::deserialize(written).ok()
    }

    /// JSON Schema of the arguments (2020-12), complete.
    pub fn input_schema(&self) -> Value {
        if let Some(schema) = &self.input {
            return schema.clone();
        }
        let properties: Map<String, Value> = self
            .parameters
            .iter()
            .map(|(name, schema)| {
                let mut schema = schema.clone();
                if let Value::Object(words) = &mut schema {
                    words.retain(|word, _| !PLACEMENT_WORDS.contains(&word.as_str()));
                }
                (name.clone(), schema)
            })
            .collect();
        let mut schema = serde_json::json!({
            "type": "object",
            "properties": properties,
            "required": self.required,
            "additionalProperties": false,
        });
        let groups: Vec<Value> = self
            .any_of
            .iter()
            .map(|group| serde_json::json!({"anyOf": group.iter().map(|name| serde_json::json!({"required": [name]})).collect::<Vec<_>>()}))
            .collect();
        if !groups.is_empty() {
            schema["allOf"] = Value::from(groups);
        }
        if !self.defs.is_empty() {
            schema["$defs"] = Value::Object(self.defs.clone());
        }
        schema
    }
}
