//! The small face: five tools that reach everything, so that a model's context stays free. What they say of themselves is in `tools.json`.

use std::collections::HashMap;
use std::sync::LazyLock;

use rmcp::model::{JsonObject, Tool};
use serde_json::{Map, Value};

use crate::base::json::{flag, text};
use crate::call::request::{Arguments, Call, Options};
use crate::registry::schema::Checker;

/// Which of the five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Small {
    Search,
    Docs,
    Call,
    Lua,
    Result,
}

const NAMES: [(&str, Small); 5] = [
    ("search_functions", Small::Search),
    ("read_docs", Small::Docs),
    ("call_function", Small::Call),
    ("run_lua", Small::Lua),
    ("read_result", Small::Result),
];

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| serde_json::from_str(include_str!("tools.json")).unwrap_or_default());

static CHECKERS: LazyLock<HashMap<String, Result<Checker, String>>> = LazyLock::new(|| {
    let schema = |tool: &Tool| Value::Object(tool.input_schema.as_ref().clone());
    TOOLS.iter().map(|tool| (tool.name.to_string(), Checker::new(schema(tool)))).collect()
});

/// The five tools.
pub fn tools() -> &'static [Tool] {
    &TOOLS
}

/// The one that reads stored results: every face has it.
pub fn reader() -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == "read_result")
}

/// The tool of a name.
pub fn named(name: &str) -> Option<Small> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, small)| *small)
}

/// What is wrong with the arguments of one of the five.
pub fn problems(name: &str, arguments: &JsonObject) -> Vec<String> {
    match CHECKERS.get(name) {
        Some(Ok(checker)) => {
            let found = checker.problems(arguments.clone());
            found.into_iter().map(|problem| format!("{} {}", problem.pointer, problem.message)).collect()
        }
        Some(Err(why)) => vec![why.clone()],
        None => Vec::new(),
    }
}

/// The call that `call_function`, `run_lua` or `read_result` stands for.
pub fn call(which: Small, arguments: &JsonObject) -> Call {
    match which {
        Small::Call => Call {
            function: text(arguments, "function").unwrap_or_default().to_owned(),
            account: text(arguments, "account").map(str::to_owned),
            arguments: ready(arguments.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default()),
            options: Options {
                dry_run: flag(arguments, "dry_run"),
                all: flag(arguments, "all"),
                max_items: arguments.get("max_items").and_then(Value::as_u64),
                select: text(arguments, "select").map(str::to_owned),
                ..Options::default()
            },
        },
        Small::Lua => whole("script.run", arguments),
        _ => whole("results.read", arguments),
    }
}

/// A call of a function whose arguments are those of the tool.
pub fn whole(function: &str, arguments: &JsonObject) -> Call {
    Call { function: function.to_owned(), account: None, arguments: ready(arguments.clone()), options: Options::default() }
}

fn ready(object: Map<String, Value>) -> Arguments {
    Arguments::Ready { object, files: Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_tool_has_its_name_and_a_schema() {
        assert_eq!(tools().len(), NAMES.len());
        for tool in tools() {
            assert!(named(&tool.name).is_some(), "{}", tool.name);
            assert!(problems(&tool.name, &JsonObject::new()).iter().all(|said| said.contains("required")), "{}", tool.name);
        }
    }

    #[test]
    fn wrong_arguments_are_all_named() {
        let arguments = json!({"page": 1, "sheme": true});
        let said = problems("read_docs", arguments.as_object().unwrap());
        assert_eq!(said.len(), 2, "{said:?}");
    }
}
