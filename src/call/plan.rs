//! A call that may be shown: everything decided, nothing sent, no secret inside.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::access::policy::Decision;
use crate::base::json::digest;
use crate::call::args::Checked;
use crate::call::request::Options;
use crate::registry::catalog::Callable;

/// What will be done, for whom, and whether it may be.
pub struct Plan {
    pub call_id: String,
    pub callable: Arc<Callable>,
    pub account: String,
    pub arguments: Checked,
    pub options: Options,
    pub decision: Decision,
    /// `--force` is given and needed.
    pub bypassed: bool,
    /// A ticket was spent for this call.
    pub approval_id: Option<String>,
    /// Base URL of each server that this account uses.
    pub server: Option<String>,
    pub allow_private: bool,
    pub timeout: Duration,
}

impl Plan {
    /// The arguments as JSON, files named by path and size.
    pub fn shown_arguments(&self) -> Value {
        let mut object = self.arguments.object.clone();
        for (name, path) in &self.arguments.files {
            let bytes = std::fs::metadata(path).map_or(0, |meta| meta.len());
            object.insert(name.clone(), json!({"file": path.display().to_string(), "bytes": bytes}));
        }
        Value::Object(object)
    }

    /// The files as JSON: parameter to path.
    pub fn files_value(&self) -> Value {
        self.arguments
            .files
            .iter()
            .map(|(name, path)| (name.clone(), Value::from(path.display().to_string())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// What identifies exactly this request: function and what it does, account, arguments, the request itself, file contents and
    /// how many more pages would be asked for.
    pub fn digest(&self, request: &Value) -> String {
        let pages = self.options.all.then(|| json!({"max_pages": self.options.max_pages, "max_items": self.options.max_items}));
        digest(&json!({
            "function": self.callable.name.to_string(),
            "definition": self.callable.definition,
            "operation": self.callable.function.operation.as_str(),
            "account": self.account,
            "arguments": self.arguments.object,
            "request": request,
            "pages": pages,
        }))
    }
}
