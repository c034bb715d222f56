//! Requests to a server, in the words of our functions: a tool, or a method that has a function of its own.

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, GetPromptRequest, GetPromptRequestParams, InputResponses, ListPromptsRequest,
    ListResourceTemplatesRequest, ListResourcesRequest, ListToolsRequest, PaginatedRequestParams, ReadResourceRequest,
    ReadResourceRequestParams,
};
use serde_json::{Map, Value};

use crate::base::error::{Code, Error, Result};
use crate::registry::function::Upstream;

/// One request, to be sent again when the server wants input first.
#[derive(Debug, Clone)]
pub enum Ask {
    Tool(CallToolRequestParams),
    Resource(ReadResourceRequestParams),
    Prompt(GetPromptRequestParams),
    List { what: String, cursor: Option<String> },
}

impl Ask {
    /// A page of a list.
    pub fn list(what: &str, cursor: Option<&str>) -> Self {
        Self::List { what: what.to_owned(), cursor: cursor.map(str::to_owned) }
    }

    /// What a function asks for.
    pub fn of(upstream: &Upstream, arguments: &Map<String, Value>) -> Result<Self> {
        let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(tool) = &upstream.tool {
            let params = CallToolRequestParams::new(tool.clone()).with_arguments(arguments.clone());
            return Ok(Self::Tool(params));
        }
        match upstream.method.as_deref() {
            Some("resources/read") => Ok(Self::Resource(ReadResourceRequestParams::new(text("uri")))),
            Some("prompts/get") => {
                let mut params = GetPromptRequestParams::new(text("name"));
                params.arguments = arguments.get("arguments").and_then(Value::as_object).cloned();
                Ok(Self::Prompt(params))
            }
            Some("resources/list") => Ok(Self::list("resources", None)),
            Some("prompts/list") => Ok(Self::list("prompts", None)),
            other => Err(Error::new(Code::UnsupportedRuntime, format!("no MCP server is asked for {}", other.unwrap_or("nothing")))),
        }
    }

    /// The list that is asked for, if one is.
    pub fn listed(&self) -> Option<&str> {
        if let Self::List { what, .. } = self { Some(what) } else { None }
    }

    /// The request as it is sent.
    pub fn request(&self) -> ClientRequest {
        match self {
            Self::Tool(params) => ClientRequest::CallToolRequest(CallToolRequest::new(params.clone())),
            Self::Resource(params) => ClientRequest::ReadResourceRequest(ReadResourceRequest::new(params.clone())),
            Self::Prompt(params) => ClientRequest::GetPromptRequest(GetPromptRequest::new(params.clone())),
            Self::List { what, cursor } => {
                let page = cursor.is_some().then(|| PaginatedRequestParams::default().with_cursor(cursor.clone()));
                match what.as_str() {
                    "tools" => ClientRequest::ListToolsRequest(ListToolsRequest { params: page, ..ListToolsRequest::default() }),
                    "prompts" => ClientRequest::ListPromptsRequest(ListPromptsRequest { params: page, ..ListPromptsRequest::default() }),
                    "resourceTemplates" => ClientRequest::ListResourceTemplatesRequest(ListResourceTemplatesRequest {
                        params: page,
                        ..ListResourceTemplatesRequest::default()
                    }),
                    _ => ClientRequest::ListResourcesRequest(ListResourcesRequest { params: page, ..ListResourcesRequest::default() }),
                }
            }
        }
    }

    /// The same with what the server wanted to know.
    pub fn again(&mut self, answers: InputResponses, state: Option<String>) {
        let answers = (!answers.is_empty()).then_some(answers);
        match self {
            Self::Tool(params) => (params.input_responses, params.request_state) = (answers, state),
            Self::Resource(params) => (params.input_responses, params.request_state) = (answers, state),
            Self::Prompt(params) => (params.input_responses, params.request_state) = (answers, state),
            Self::List { .. } => {}
        }
    }
}
