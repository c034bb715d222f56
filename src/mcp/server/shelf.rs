//! The face over the catalog: five small tools, or chosen functions as tools of their own. Every use of a function is one `Runtime::call`
//! of origin `mcp`, within the reach of whoever is connected.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompletionInfo, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    Implementation, JsonObject, Prompt, ReadResourceRequestParams, ReadResourceResponse, Reference, Resource, ResourceTemplate,
    ServerCapabilities, ServerConfig, Tool,
};
use tokio::sync::broadcast;
use wildmatch::WildMatch;

use crate::base::envelope::Envelope;
use crate::base::error::{Code, Error, Result};
use crate::base::json;
use crate::base::name::printable;
use crate::call::executor::BoxFuture;
use crate::call::keep::{self, Cap};
use crate::call::request::{Call, Ctx};
use crate::call::runtime::{Runtime, Station};
use crate::mcp::http::{self, keys::Grant};
use crate::mcp::server::chosen::Chosen;
use crate::mcp::server::face::{Answer, At, Face, News, Typing, Update};
use crate::mcp::server::live::Live;
use crate::mcp::server::scope::{Flags, Holder, Scope};
use crate::mcp::server::small::{self, Small};
use crate::mcp::server::{answer, asks, pages, prompts, resources, telling};
use crate::registry::function::Operation;

/// The face over the catalog.
pub struct Shelf {
    live: Arc<Live>,
    flags: Flags,
    letters: asks::Letters,
    /// Chosen tools by key and profile.
    chosen: Mutex<HashMap<Whose, Choice>>,
}

/// Id and profile of a key.
type Whose = Option<(String, Option<String>)>;

/// Tools, and the runtime that they were chosen from.
type Choice = (Arc<Runtime>, Arc<Chosen>);

/// One call on its way: what it is made with and for whom.
pub struct Visit<'a> {
    pub runtime: Arc<Runtime>,
    pub scope: Scope,
    pub at: At<'a>,
}

impl Shelf {
    /// The face of a runtime that follows its sources, as far as the flags let it be used.
    pub fn new(live: Arc<Live>, flags: Flags) -> Self {
        Self { live, flags, letters: asks::Letters::default(), chosen: Mutex::default() }
    }

    /// Refuses flags that make no sense with the settings; answers what of them fits nothing that there is now.
    pub fn check(&self) -> Result<Vec<String>> {
        let runtime = self.live.runtime();
        let scope = self.flags.scope(&runtime.config, None)?;
        let mut notes = Vec::new();
        if !scope.tools.is_empty() && Chosen::of(&runtime, &scope)?.tools.len() <= 1 {
            notes.push(String::from("no function that is ready to use fits --tools: clients only get read_result"));
        }
        let ids = runtime.catalog.ids()?;
        let unknown = self.flags.own.integrations.iter().flatten().filter(|glob| !ids.iter().any(|id| WildMatch::new(glob).matches(id)));
        notes.extend(unknown.map(|glob| format!("there is no integration '{}'", printable(glob))));
        Ok(notes)
    }

    /// Follows the sources until the program ends.
    pub async fn follow(&self) {
        tokio::join!(self.meet(), self.reload());
    }

    /// Asks upstream servers that were never asked, one after the other: nobody finds what is not known.
    async fn meet(&self) {
        let runtime = self.live.runtime();
        let (Some(upstreams), Ok(scope)) = (&runtime.upstreams, self.flags.scope(&runtime.config, None)) else { return };
        for provider in upstreams.unmet().into_iter().filter(|provider| scope.reach.has_provider(provider)) {
            // Who uses it hears why it cannot be used.
            drop(upstreams.discover(&provider).await);
        }
    }

    async fn reload(&self) {
        self.live.clone().follow(|| self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clear()).await;
    }

    fn visit<'a>(&self, at: At<'a>) -> Result<Visit<'a>> {
        let runtime = self.live.runtime();
        let holder = grant(at).map(|grant| Holder { id: &grant.id, profile: grant.profile.as_deref() });
        let mut scope = self.flags.scope(&runtime.config, holder.as_ref())?;
        if http::from_ourselves(&at.context.extensions) {
            // A client that is a server too could lead back to us.
            Arc::make_mut(&mut scope.reach).upstreams.push(Vec::new());
        }
        Ok(Visit { runtime, scope, at })
    }

    fn chosen(&self, visit: &Visit<'_>) -> Result<Arc<Chosen>> {
        if http::from_ourselves(&visit.at.context.extensions) {
            return Chosen::of(&visit.runtime, &visit.scope).map(Arc::new);
        }
        let whose = grant(visit.at).map(|grant| (grant.id.clone(), grant.profile.clone()));
        let made = || self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((runtime, chosen)) = made().get(&whose)
            && Arc::ptr_eq(runtime, &visit.runtime)
        {
            return Ok(chosen.clone());
        }
        let chosen = Arc::new(Chosen::of(&visit.runtime, &visit.scope)?);
        made().insert(whose, (visit.runtime.clone(), chosen.clone()));
        Ok(chosen)
    }

    async fn called(&self, request: CallToolRequestParams, at: At<'_>) -> Answer<CallToolResponse> {
        let visit = match self.visit(at) {
            Ok(visit) => visit,
            Err(error) => return Ok(answer::failed(&error).into()),
        };
        let empty = JsonObject::new();
        let arguments = request.arguments.as_ref().unwrap_or(&empty);
        let small = small::named(&request.name).filter(|small| visit.scope.tools.is_empty() || *small == Small::Result);
        let call = match small {
            Some(which) => {
                let problems = small::problems(&request.name, arguments);
                if !problems.is_empty() {
                    return Ok(wrong(&problems).into());
                }
                match which {
                    Small::Search | Small::Docs => return Ok(look(&visit, which, arguments).into()),
                    which => small::call(which, arguments),
                }
            }
            None => match self.chosen(&visit).map(|chosen| chosen.function(&request.name).map(str::to_owned)) {
                Ok(Some(function)) => small::whole(&function, arguments),
                Ok(None) => return Err(unknown(&request.name)),
                Err(error) => return Ok(answer::failed(&error).into()),
            },
        };
        self.perform(&visit, call, &request).await
    }

    async fn perform(&self, visit: &Visit<'_>, call: Call, request: &CallToolRequestParams) -> Answer<CallToolResponse> {
        let Visit { runtime, at, .. } = visit;
        let mut ctx = context(visit);
        let progress = telling::progress(&mut ctx, *at);
        let mut envelope = if asks::can_ask(at.context) && asks::asks_by_answer(at.context) {
            match runtime.checked(&ctx, call).await {
                Station::Refused(envelope) => *envelope,
                Station::Allowed(plan) => runtime.perform(&ctx, *plan).await,
                Station::Asks(plan) => {
                    let shown = runtime.shown(&plan).unwrap_or_default();
                    let owner = visit.scope.reach.owner.as_str();
                    match self.letters.word(request, &shown, owner) {
                        Some(true) => runtime.perform(&ctx, *plan).await,
                        Some(false) => runtime.declined(&ctx, &plan),
                        None => match self.letters.question(&plan, &shown, owner) {
                            Some(question) => return Ok(question),
                            None => runtime.leave_ticket(&ctx, *plan),
                        },
                    }
                }
            }
        } else {
            runtime.call(&ctx, call).await
        };
        drop((ctx, progress));
        let media = answer::media(&mut envelope);
        self.done(visit, &mut envelope).await;
        Ok(answer::of(&envelope, media).into())
    }

    /// What follows every call: an answer that fits, a log message, an update for who watches the audit log.
    async fn done(&self, visit: &Visit<'_>, envelope: &mut Envelope) {
        pages::forget_hidden(&visit.runtime, &visit.scope.reach, envelope);
        keep_large(visit, envelope);
        telling::log(visit.at, envelope).await;
        self.live.updated(Update { uri: resources::AUDIT.to_owned(), whose: Some(visit.at.identity()) });
    }

    /// Runs the workflow of a prompt; a person is asked as for a tool.
    async fn prompted(&self, visit: &Visit<'_>, request: GetPromptRequestParams) -> Answer<GetPromptResult> {
        let (function, call) = prompts::call(visit, request)?;
        let mut ctx = context(visit);
        let progress = telling::progress(&mut ctx, visit.at);
        let mut envelope = visit.runtime.call(&ctx, call).await;
        drop((ctx, progress));
        self.done(visit, &mut envelope).await;
        prompts::result(&function, envelope)
    }
}

/// The key that a request over HTTP came with.
fn grant(at: At<'_>) -> Option<&Grant> {
    http::grant(&at.context.extensions)
}

fn context(visit: &Visit<'_>) -> Ctx {
    let context = visit.at.context;
    let mut ctx = Ctx::new(visit.at.origin());
    ctx.cancel = context.ct.clone();
    if asks::can_ask(context) && !asks::asks_by_answer(context) {
        ctx.asker = Some(Arc::new(asks::Form { peer: context.peer.clone() }));
    }
    if visit.scope.reach.read_only {
        ctx.ceiling = Operation::Read;
    }
    ctx.reach = Some(visit.scope.reach.clone());
    ctx
}

fn keep_large(visit: &Visit<'_>, envelope: &mut Envelope) {
    let bytes = usize::try_from(visit.runtime.config.number("mcp.result_bytes")).unwrap_or(usize::MAX);
    let cap = Cap { bytes, owner: visit.scope.reach.owner.clone() };
    keep::keep(&visit.runtime, &cap, envelope);
}

fn look(visit: &Visit<'_>, which: Small, arguments: &JsonObject) -> CallToolResult {
    let reach = &visit.scope.reach;
    let looked = if which == Small::Docs {
        pages::docs(&visit.runtime, reach, json::text(arguments, "page"), json::flag(arguments, "schema"))
    } else {
        let operation = json::text(arguments, "operation").map(serde_json::Value::from);
        let wanted = pages::Wanted {
            query: json::text(arguments, "query").unwrap_or_default(),
            provider: json::text(arguments, "provider"),
            operation: operation.and_then(|word| serde_json::from_value(word).ok()),
            all: json::flag(arguments, "all"),
            limit: arguments.get("limit").and_then(serde_json::Value::as_u64).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(8),
        };
        pages::search(&visit.runtime, reach, &wanted)
    };
    match looked {
        Ok(text) => answer::text(text),
        Err(error) => answer::failed(&error),
    }
}

fn wrong(problems: &[String]) -> CallToolResult {
    answer::failed(&Error::new(Code::InvalidArguments, problems.join("; ")))
}

fn unknown(tool: &str) -> ErrorData {
    ErrorData::invalid_params(format!("there is no tool '{}'", printable(tool)), None)
}

/// An error of ours where the protocol has no result to put it in.
pub fn refused(error: &Error) -> ErrorData {
    ErrorData::invalid_request(format!("{}: {}", error.code.as_str(), error.message), None)
}

impl Face for Shelf {
    fn info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_completions()
            .enable_logging()
            .build();
        let me = Implementation::new("angelia", env!("CARGO_PKG_VERSION")).with_title("Angelia");
        ServerConfig::new(capabilities).with_server_info(me).with_instructions(include_str!("instructions.md"))
    }

    fn news(&self) -> broadcast::Receiver<News> {
        self.live.news()
    }

    fn updates(&self) -> broadcast::Receiver<Update> {
        self.live.updates()
    }

    fn tools(&self, at: At<'_>) -> Answer<Vec<Tool>> {
        let visit = self.visit(at).map_err(|error| refused(&error))?;
        if visit.scope.tools.is_empty() {
            return Ok(small::tools().to_vec());
        }
        Ok(self.chosen(&visit).map_err(|error| refused(&error))?.tools.clone())
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        small::tools().iter().find(|tool| tool.name == name).cloned()
    }

    fn call<'a>(&'a self, request: CallToolRequestParams, at: At<'a>) -> BoxFuture<'a, Answer<CallToolResponse>> {
        Box::pin(self.called(request, at))
    }

    fn resources(&self, at: At<'_>) -> Answer<Vec<Resource>> {
        self.visit(at).and_then(|visit| resources::list(&visit)).map_err(|error| refused(&error))
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        resources::templates()
    }

    fn read<'a>(&'a self, request: ReadResourceRequestParams, at: At<'a>) -> BoxFuture<'a, Answer<ReadResourceResponse>> {
        Box::pin(async move {
            let visit = self.visit(at).map_err(|error| refused(&error))?;
            resources::read(&visit, &request.uri).map(Into::into)
        })
    }

    fn prompts(&self, at: At<'_>) -> Answer<Vec<Prompt>> {
        self.visit(at).and_then(|visit| prompts::list(&visit)).map_err(|error| refused(&error))
    }

    fn prompt<'a>(&'a self, request: GetPromptRequestParams, at: At<'a>) -> BoxFuture<'a, Answer<GetPromptResponse>> {
        Box::pin(async move {
            let visit = self.visit(at).map_err(|error| refused(&error))?;
            self.prompted(&visit, request).await.map(Into::into)
        })
    }

    fn complete(&self, of: &Reference, typing: &Typing<'_>, at: At<'_>) -> CompletionInfo {
        let values = self.visit(at).map(|visit| match of {
            Reference::Prompt(prompt) => prompts::complete(&visit, &prompt.name, typing),
            Reference::Resource(template) => resources::complete(&visit, &template.uri, typing),
            _ => Vec::new(),
        });
        let mut values = values.unwrap_or_default();
        let all = values.len();
        values.truncate(CompletionInfo::MAX_VALUES);
        let total = u32::try_from(all).ok();
        CompletionInfo::with_pagination(values, total, all > CompletionInfo::MAX_VALUES).unwrap_or_default()
    }
}
