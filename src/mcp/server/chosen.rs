//! Functions as tools of their own: chosen by globs, with complete schemas, titles and hints.

use std::collections::HashMap;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::Value;
use wildmatch::WildMatch;

use crate::access::policy::Question;
use crate::base::error::Result;
use crate::base::name::DEFAULT_ACCOUNT;
use crate::call::pages::Pages;
use crate::call::runtime::Runtime;
use crate::mcp::server::names::tool_name;
use crate::mcp::server::scope::Scope;
use crate::mcp::server::{answer, small};
use crate::registry::catalog::Opened;
use crate::registry::function::{Function, Operation};

/// The tools of one scope, by name.
#[derive(Default)]
pub struct Chosen {
    /// In the order of their functions' names; the reader of stored results is the last.
    pub tools: Vec<Tool>,
    functions: HashMap<String, String>,
}

impl Chosen {
    /// Every function that is ready to use, is chosen, and is not denied.
    pub fn of(runtime: &Runtime, scope: &Scope) -> Result<Self> {
        let mut chosen = Self::default();
        for summary in Pages::of(runtime).active()? {
            if !scope.reach.has_provider(&summary.id) {
                continue;
            }
            let opened = runtime.catalog.provider(&summary.id)?;
            for function in &opened.functions {
                chosen.add(runtime, scope, &opened, function);
            }
        }
        chosen.tools.extend(small::reader().cloned());
        Ok(chosen)
    }

    fn add(&mut self, runtime: &Runtime, scope: &Scope, opened: &Opened, function: &Function) {
        let provider = &opened.provider.id;
        let name = format!("{provider}.{}", function.id);
        let fits = |globs: &Vec<String>| globs.iter().any(|glob| WildMatch::new(glob).matches(&name));
        let local = opened.local();
        let question = Question { provider, function: &function.id, operation: function.operation, account: DEFAULT_ACCOUNT, local };
        if scope.tools.iter().all(fits) && scope.reach.shows(&runtime.config, &question) {
            let tool = tool(&name, function, local);
            self.functions.insert(tool.name.to_string(), name);
            self.tools.push(tool);
        }
    }

    /// The function that a tool stands for.
    pub fn function(&self, tool: &str) -> Option<&str> {
        self.functions.get(tool).map(String::as_str)
    }
}

fn tool(name: &str, function: &Function, local: bool) -> Tool {
    let description = match function.operation {
        Operation::Read => function.description.clone(),
        operation => format!("{} ({}: the person's policy decides)", function.description, operation.as_str()),
    };
    let mut tool = Tool::new(tool_name(name), description, object(function.input_schema()));
    tool.title = Some(function.title.clone());
    tool.output_schema = Some(object(answer::schema(function.output.as_ref())));
    let mut hints = ToolAnnotations::default();
    hints.title = Some(function.title.clone());
    hints.read_only_hint = Some(function.operation == Operation::Read);
    hints.destructive_hint = Some(function.operation == Operation::Destructive);
    hints.idempotent_hint = Some(function.operation == Operation::Read || function.idempotent);
    hints.open_world_hint = Some(!local);
    tool.annotations = Some(hints);
    tool
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(members) => Arc::new(members),
        _ => Arc::default(),
    }
}
