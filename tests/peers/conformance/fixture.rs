//! The face that the suite wants to see: what `fixture.json` lists, behind the same handler and door as the catalog.

use std::time::Duration;

use angelia::call::executor::BoxFuture;
use angelia::mcp::server::face::{Answer, At, Face, News, Typing, Update};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, CompletionInfo, ContentBlock, CreateMessageRequestParams,
    ElicitRequestParams, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation, JsonObject, LoggingLevel,
    LoggingMessageNotificationParam, ProgressNotificationParam, Prompt, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, Reference, RequestStateCodec, Resource, ResourceContents, ResourceTemplate, ServerCapabilities, ServerConfig, Tool,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::rounds::{Brought, Rounds};

/// Between two messages of one tool.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
struct Facts {
    tools: Vec<Listed>,
    resources: Vec<Readable>,
    template: Template,
    prompts: Vec<Filled>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    description: String,
    #[serde(default, rename = "inputSchema")]
    input_schema: Option<JsonObject>,
    does: Does,
}

/// What a tool does.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Does {
    Says(Vec<ContentBlock>),
    Fails(String),
    Logs(Vec<String>),
    Counts(Vec<f64>),
    Samples(Value),
    Elicits(Value),
    Needs(ClientCapabilities),
    Changes(String),
    Asks(Rounds),
}

#[derive(Deserialize)]
struct Readable {
    resource: Resource,
    contents: ResourceContents,
}

#[derive(Deserialize)]
struct Template {
    template: ResourceTemplate,
    contents: Value,
}

#[derive(Deserialize)]
struct Filled {
    prompt: Prompt,
    asks: Option<Rounds>,
    messages: Value,
}

/// The suite's tools, resources and prompts.
pub struct Fixture {
    facts: Facts,
    codec: RequestStateCodec,
    news: broadcast::Sender<News>,
    updates: broadcast::Sender<Update>,
}

impl Fixture {
    pub fn new() -> Self {
        let facts = serde_json::from_str(include_str!("fixture.json")).unwrap();
        Self {
            facts,
            codec: RequestStateCodec::new(*b"only for a test: 32 bytes of key"),
            news: broadcast::channel(16).0,
            updates: broadcast::channel(16).0,
        }
    }

    async fn done(&self, listed: &Listed, request: &CallToolRequestParams, at: At<'_>) -> Answer<CallToolResponse> {
        let empty = JsonObject::new();
        let arguments = request.arguments.as_ref().unwrap_or(&empty);
        match &listed.does {
            Does::Says(content) => return Ok(CallToolResult::success(content.clone()).into()),
            Does::Fails(why) => return Ok(CallToolResult::error(vec![ContentBlock::text(why)]).into()),
            Does::Logs(messages) => log(messages, at).await,
            Does::Counts(steps) => count(steps, at).await,
            Does::Samples(params) => return sample(filled(params, arguments)?, at).await,
            Does::Elicits(params) => return elicit(filled(params, arguments)?, at).await,
            Does::Needs(needed) => {
                if can(at).sampling.is_none() {
                    return Err(ErrorData::missing_required_client_capability(needed.clone()));
                }
            }
            Does::Changes(what) => drop(self.news.send(if what == "tools" { News::Tools } else { News::Prompts })),
            Does::Asks(rounds) => {
                let (responses, state) = (request.input_responses.as_ref(), request.request_state.as_deref());
                let brought = Brought { name: &request.name, responses, state, capabilities: can(at) };
                if let Some(asked) = rounds.next(&self.codec, &brought)? {
                    return Ok(asked.into());
                }
            }
        }
        said("state-ok".into())
    }
}

fn can(at: At<'_>) -> ClientCapabilities {
    at.context.client_capabilities().unwrap_or_default()
}

fn said(text: String) -> Answer<CallToolResponse> {
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
}

async fn log(messages: &[String], at: At<'_>) {
    for message in messages {
        at.log(LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(message))).await;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn count(steps: &[f64], at: At<'_>) {
    for step in steps {
        if let Some(token) = at.context.meta.get_progress_token() {
            let progress = ProgressNotificationParam::new(token, *step).with_total(100.0);
            at.context.peer.notify_progress(progress).await.unwrap();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn sample(params: CreateMessageRequestParams, at: At<'_>) -> Answer<CallToolResponse> {
    match at.context.peer.create_message(params).await {
        Ok(sampled) => said(format!("LLM response: {}", json!(sampled.message.content))),
        Err(error) => Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())]).into()),
    }
}

async fn elicit(params: ElicitRequestParams, at: At<'_>) -> Answer<CallToolResponse> {
    match at.context.peer.create_elicitation(params).await {
        Ok(answer) => said(format!("User response: action={}, content={}", json!(answer.action), json!(answer.content))),
        Err(error) => Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())]).into()),
    }
}

/// A value whose texts have `{name}` where the argument of that name goes.
fn filled<T: DeserializeOwned>(value: &Value, arguments: &JsonObject) -> Answer<T> {
    fn fill(value: &Value, arguments: &JsonObject) -> Value {
        match value {
            Value::String(text) => arguments
                .iter()
                .fold(text.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default()))
                .into(),
            Value::Array(all) => all.iter().map(|value| fill(value, arguments)).collect(),
            Value::Object(all) => all.iter().map(|(key, value)| (key.clone(), fill(value, arguments))).collect::<JsonObject>().into(),
            other => other.clone(),
        }
    }
    serde_json::from_value(fill(value, arguments)).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

impl Face for Fixture {
    fn info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_completions()
            .enable_logging()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("angelia-conformance", "1"))
    }

    fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    fn updates(&self) -> broadcast::Receiver<Update> {
        self.updates.subscribe()
    }

    fn tools(&self, _at: At<'_>) -> Answer<Vec<Tool>> {
        Ok(self.facts.tools.iter().map(tool).collect())
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.facts.tools.iter().find(|listed| listed.name == name).map(tool)
    }

    fn call<'a>(&'a self, request: CallToolRequestParams, at: At<'a>) -> BoxFuture<'a, Answer<CallToolResponse>> {
        Box::pin(async move {
            let listed = self.facts.tools.iter().find(|listed| listed.name == request.name);
            let listed = listed.ok_or_else(|| ErrorData::invalid_params("there is no such tool", None))?;
            self.done(listed, &request, at).await
        })
    }

    fn resources(&self, _at: At<'_>) -> Answer<Vec<Resource>> {
        Ok(self.facts.resources.iter().map(|readable| readable.resource.clone()).collect())
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![self.facts.template.template.clone()]
    }

    fn read<'a>(&'a self, request: ReadResourceRequestParams, _at: At<'a>) -> BoxFuture<'a, Answer<ReadResourceResponse>> {
        Box::pin(async move {
            if let Some(found) = self.facts.resources.iter().find(|readable| readable.resource.uri == request.uri) {
                return Ok(ReadResourceResult::new(vec![found.contents.clone()]).into());
            }
            let id = request.uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
            let id = id.ok_or_else(|| ErrorData::resource_not_found("there is no such resource", Some(json!({"uri": request.uri}))))?;
            let arguments = JsonObject::from_iter([(String::from("id"), json!(id))]);
            Ok(ReadResourceResult::new(vec![filled(&self.facts.template.contents, &arguments)?]).into())
        })
    }

    fn prompts(&self, _at: At<'_>) -> Answer<Vec<Prompt>> {
        Ok(self.facts.prompts.iter().map(|filled| filled.prompt.clone()).collect())
    }

    fn prompt<'a>(&'a self, request: GetPromptRequestParams, at: At<'a>) -> BoxFuture<'a, Answer<GetPromptResponse>> {
        Box::pin(async move {
            let found = self.facts.prompts.iter().find(|filled| filled.prompt.name == request.name);
            let found = found.ok_or_else(|| ErrorData::invalid_params("there is no such prompt", None))?;
            if let Some(rounds) = &found.asks {
                let (responses, state) = (request.input_responses.as_ref(), request.request_state.as_deref());
                let brought = Brought { name: &request.name, responses, state, capabilities: can(at) };
                if let Some(asked) = rounds.next(&self.codec, &brought)? {
                    return Ok(asked.into());
                }
            }
            let messages: Vec<PromptMessage> = filled(&found.messages, &request.arguments.unwrap_or_default())?;
            Ok(GetPromptResult::new(messages).into())
        })
    }

    fn complete(&self, _of: &Reference, _typing: &Typing<'_>, _at: At<'_>) -> CompletionInfo {
        CompletionInfo::default()
    }
}

fn tool(listed: &Listed) -> Tool {
    let schema = listed.input_schema.clone().unwrap_or_else(|| JsonObject::from_iter([(String::from("type"), json!("object"))]));
    Tool::new(listed.name.clone(), listed.description.clone(), schema)
}
