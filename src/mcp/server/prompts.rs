//! Prompts: workflows that say in their header that they are one. What such a workflow returns becomes the messages.

use rmcp::ErrorData;
use rmcp::model::{GetPromptRequestParams, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::Value;

use crate::base::envelope::Envelope;
use crate::base::error::Result;
use crate::base::name::printable;
use crate::call::request::Call;
use crate::mcp::server::answer;
use crate::mcp::server::face::{Answer, Typing};
use crate::mcp::server::pages;
use crate::mcp::server::shelf::Visit;
use crate::mcp::server::small;
use crate::registry::docs;
use crate::registry::function::{Function, WORKFLOWS};

/// Every workflow that is a prompt and may be used.
pub fn list(visit: &Visit<'_>) -> Result<Vec<Prompt>> {
    Ok(functions(visit).iter().map(prompt).collect())
}

fn functions(visit: &Visit<'_>) -> Vec<Function> {
    // Without workflows there is no such provider.
    let opened = visit.runtime.catalog.provider(WORKFLOWS).map(|opened| opened.functions).unwrap_or_default();
    opened
        .into_iter()
        .filter(|function| {
            function.prompt && pages::shows(&visit.runtime, &visit.scope.reach, &format!("{WORKFLOWS}.{}", function.id), function.operation)
        })
        .collect()
}

fn prompt(function: &Function) -> Prompt {
    let argument = |one: docs::Parameter| PromptArgument::new(one.name).with_description(one.description).with_required(one.required);
    let arguments: Vec<PromptArgument> = docs::parameters(function).into_iter().map(argument).collect();
    Prompt::new(&function.id, Some(&function.description), Some(arguments)).with_title(&function.title)
}

/// The workflow of a prompt, and the call that runs it.
pub fn call(visit: &Visit<'_>, request: GetPromptRequestParams) -> Answer<(Function, Call)> {
    let Some(function) = functions(visit).into_iter().find(|function| function.id == request.name) else {
        return Err(ErrorData::invalid_params(format!("there is no prompt '{}'", printable(&request.name)), None));
    };
    let arguments = typed(&function, request.arguments.unwrap_or_default());
    let call = small::whole(&format!("{WORKFLOWS}.{}", function.id), &arguments);
    Ok((function, call))
}

/// The messages that a workflow answered.
pub fn result(function: &Function, envelope: Envelope) -> Answer<GetPromptResult> {
    if let Some(detail) = &envelope.error_detail {
        let problems: String = detail.problems.iter().map(|problem| format!("; {} {}", problem.pointer, problem.message)).collect();
        let said = format!("{}: {}{problems}", detail.code, envelope.error.unwrap_or_default());
        return Err(ErrorData::invalid_params(said, None));
    }
    Ok(GetPromptResult::new(messages(envelope.data)).with_description(function.description.clone()))
}

/// Clients send arguments of prompts as text; what is not meant to be text is read as JSON.
fn typed(function: &Function, arguments: JsonObject) -> JsonObject {
    let is_text = |name: &str| function.parameters.get(name).is_none_or(|schema| schema.get("type").is_none_or(|kind| kind == "string"));
    let value = |name: &str, value: Value| match &value {
        Value::String(text) if !is_text(name) => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    };
    arguments.into_iter().map(|(name, given)| (name.clone(), value(&name, given))).collect()
}

/// A text, or a list of `{role, text}`.
fn messages(data: Value) -> Vec<PromptMessage> {
    let one = |value: &Value| {
        let text = value.get("text").and_then(Value::as_str)?;
        let role = if value.get("role").is_some_and(|role| role == "assistant") { Role::Assistant } else { Role::User };
        Some(PromptMessage::new_text(role, text))
    };
    let several = data.as_array().filter(|items| !items.is_empty()).and_then(|items| items.iter().map(one).collect::<Option<Vec<_>>>());
    several.unwrap_or_else(|| vec![PromptMessage::new_text(Role::User, answer::said(&data))])
}

/// Values of an argument that has a closed list of them.
pub fn complete(visit: &Visit<'_>, prompt: &str, typing: &Typing<'_>) -> Vec<String> {
    let found = functions(visit).into_iter().find(|function| function.id == prompt);
    let schema = found.and_then(|function| function.parameters.get(typing.argument).cloned()).unwrap_or_default();
    let options = schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    options.iter().map(crate::base::json::plain).filter(|value| value.starts_with(typing.typed)).collect()
}
