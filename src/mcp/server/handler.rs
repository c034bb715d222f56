//! The protocol for any face: paging, subscriptions, log levels, news to whoever asked for them.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ResourceUpdatedNotificationParam, ServerConfig, SetLevelRequestMethod,
    SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::mcp::server::asks::asks_by_answer;
use crate::mcp::server::face::{Answer, At, Connection, Face, News, Typing, Update};

/// Entries of one page of a list.
const PAGE: usize = 200;

/// How often it is looked whether a connection is still there.
const LOOK: Duration = Duration::from_secs(2);

/// Most resources that one connection may watch.
const MOST_SUBSCRIBED: usize = 1000;

/// One connection's side of the protocol.
#[derive(Clone)]
pub struct Handler {
    face: Arc<dyn Face>,
    connection: Arc<Connection>,
}

impl Handler {
    /// A new connection to a face.
    pub fn new(face: Arc<dyn Face>) -> Self {
        Self { face, connection: Arc::new(Connection::new()) }
    }

    fn at<'a>(&'a self, context: &'a RequestContext<RoleServer>) -> At<'a> {
        At { context, connection: &self.connection }
    }
}

/// Hands news on until the connection is gone.
async fn tell(face: Arc<dyn Face>, peer: Peer<RoleServer>) {
    let mut news = face.news();
    while !peer.is_transport_closed() {
        // News may never come, and a connection that is gone must not wait for them.
        let Ok(heard) = tokio::time::timeout(LOOK, news.recv()).await else { continue };
        let Some(changed) = changed(heard) else { return };
        for news in changed {
            let sent = match news {
                News::Tools => peer.notify_tool_list_changed().await,
                News::Prompts => peer.notify_prompt_list_changed().await,
                News::Resources => peer.notify_resource_list_changed().await,
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

/// What is to be told; everything, where some was missed. `None` at the end of all news.
fn changed(heard: Result<News, RecvError>) -> Option<Vec<News>> {
    match heard {
        Ok(news) => Some(vec![news]),
        Err(RecvError::Lagged(_)) => Some(News::ALL.to_vec()),
        Err(RecvError::Closed) => None,
    }
}

/// Hands updates of subscribed resources on until the connection is gone.
async fn update(face: Arc<dyn Face>, connection: Arc<Connection>, peer: Peer<RoleServer>) {
    let mut updates = face.updates();
    while !peer.is_transport_closed() {
        let Ok(heard) = tokio::time::timeout(LOOK, updates.recv()).await else { continue };
        let uris = match heard {
            Ok(update) if update.concerns(&connection.id) && connection.wants(&update.uri) => vec![update.uri],
            Ok(_) => continue,
            // Some were missed: any of them may have changed.
            Err(RecvError::Lagged(_)) => connection.wanted(),
            Err(RecvError::Closed) => return,
        };
        for uri in uris {
            if peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await.is_err() {
                return;
            }
        }
    }
}

/// The entries from a cursor on, and the cursor of the next page.
fn page<T>(all: Vec<T>, request: Option<PaginatedRequestParams>) -> Answer<(Vec<T>, Option<String>)> {
    let start = match request.and_then(|request| request.cursor) {
        None => 0,
        Some(cursor) => match cursor.strip_prefix("at").and_then(|number| number.parse::<usize>().ok()) {
            Some(start) if start <= all.len() => start,
            _ => return Err(ErrorData::invalid_params("the cursor is not one of this list", None)),
        },
    };
    let next = (all.len() > start + PAGE).then(|| format!("at{}", start + PAGE));
    Ok((all.into_iter().skip(start).take(PAGE).collect(), next))
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        self.face.info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        // A client may say so again.
        if !self.connection.told.swap(true, Ordering::Relaxed) {
            tokio::spawn(tell(self.face.clone(), context.peer));
        }
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.face.tool(name)
    }

    async fn list_tools(&self, request: Option<PaginatedRequestParams>, context: RequestContext<RoleServer>) -> Answer<ListToolsResult> {
        let (tools, next) = page(self.face.tools(self.at(&context))?, request)?;
        let mut result = ListToolsResult::with_all_items(tools);
        result.next_cursor = next;
        Ok(result)
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Answer<CallToolResponse> {
        self.face.call(request, self.at(&context)).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Answer<ListResourcesResult> {
        let (resources, next) = page(self.face.resources(self.at(&context))?, request)?;
        let mut result = ListResourcesResult::with_all_items(resources);
        result.next_cursor = next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Answer<ListResourceTemplatesResult> {
        let (templates, next) = page(self.face.templates(), request)?;
        let mut result = ListResourceTemplatesResult::with_all_items(templates);
        result.next_cursor = next;
        Ok(result)
    }

    async fn read_resource(&self, request: ReadResourceRequestParams, context: RequestContext<RoleServer>) -> Answer<ReadResourceResponse> {
        self.face.read(request, self.at(&context)).await
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Answer<ListPromptsResult> {
        let (prompts, next) = page(self.face.prompts(self.at(&context))?, request)?;
        let mut result = ListPromptsResult::with_all_items(prompts);
        result.next_cursor = next;
        Ok(result)
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, context: RequestContext<RoleServer>) -> Answer<GetPromptResponse> {
        self.face.prompt(request, self.at(&context)).await
    }

    async fn complete(&self, request: CompleteRequestParams, context: RequestContext<RoleServer>) -> Answer<CompleteResult> {
        let typing = Typing { argument: &request.argument.name, typed: &request.argument.value };
        Ok(CompleteResult::new(self.face.complete(&request.r#ref, &typing, self.at(&context))))
    }

    async fn set_level(&self, request: SetLevelRequestParams, context: RequestContext<RoleServer>) -> Answer<()> {
        if asks_by_answer(&context) {
            // Since 2026-07-28 each request says for itself what it wants to hear.
            return Err(ErrorData::method_not_found::<SetLevelRequestMethod>());
        }
        *self.connection.level.lock().unwrap_or_else(PoisonError::into_inner) = request.level;
        Ok(())
    }

    async fn subscribe(&self, request: SubscribeRequestParams, context: RequestContext<RoleServer>) -> Answer<()> {
        if !self.connection.updated.swap(true, Ordering::Relaxed) {
            tokio::spawn(update(self.face.clone(), self.connection.clone(), context.peer));
        }
        let mut subscribed = self.connection.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        if subscribed.len() >= MOST_SUBSCRIBED {
            return Err(ErrorData::invalid_request(format!("at most {MOST_SUBSCRIBED} resources can be watched"), None));
        }
        subscribed.insert(request.uri);
        Ok(())
    }

    async fn unsubscribe(&self, request: UnsubscribeRequestParams, _context: RequestContext<RoleServer>) -> Answer<()> {
        self.connection.subscribed.lock().unwrap_or_else(PoisonError::into_inner).remove(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Answer<()> {
        let identity = self.at(context.request_context()).identity();
        let watched = context.accepted().resource_subscriptions.clone().unwrap_or_default();
        let mut news = self.face.news();
        let mut updates = (!watched.is_empty()).then(|| self.face.updates());
        loop {
            tokio::select! {
                heard = news.recv() => {
                    let Some(changed) = changed(heard) else { return Ok(()) };
                    for news in changed {
                        // What was not asked for is refused by the sink, which is what is wanted.
                        drop(match news {
                            News::Tools => context.sink().notify_tool_list_changed().await,
                            News::Prompts => context.sink().notify_prompt_list_changed().await,
                            News::Resources => context.sink().notify_resource_list_changed().await,
                        });
                    }
                }
                heard = next(&mut updates) => {
                    let uris = match heard {
                        Ok(update) if update.concerns(&identity) => vec![update.uri],
                        Ok(_) => Vec::new(),
                        Err(RecvError::Lagged(_)) => watched.clone(),
                        Err(RecvError::Closed) => return Ok(()),
                    };
                    for uri in uris {
                        drop(context.sink().notify_resource_updated(uri).await);
                    }
                }
                () = context.cancelled() => return Ok(()),
            }
        }
    }
}

/// The next update; none ever where nothing is watched.
async fn next(updates: &mut Option<Receiver<Update>>) -> Result<Update, RecvError> {
    match updates {
        Some(updates) => updates.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let all: Vec<usize> = (0..450).collect();
        let mut read = Vec::new();
        let mut cursor = None;
        loop {
            let request = PaginatedRequestParams::default().with_cursor(cursor);
            let (some, next) = page(all.clone(), Some(request)).unwrap();
            read.extend(some);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(read, all);
        for wrong in ["", "200", "at451", "at-1", "atx"] {
            let request = PaginatedRequestParams::default().with_cursor(Some(wrong.to_owned()));
            assert!(page(all.clone(), Some(request)).is_err(), "{wrong}");
        }
    }
}
