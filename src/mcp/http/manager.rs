//! How messages travel in a session: rmcp's sessions in memory, watched so that it is known what runs, and so that an answer whose
//! client had gone away waits for it (`Last-Event-ID`) for a while.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ClientNotification, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::WorkerTransport;
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, LocalSessionManagerError, LocalSessionWorker};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};

use crate::mcp::http::session::{Session, Table};

/// A session that does not take its own end in this time is let go; its worker ends when it looks up.
const CLOSING: Duration = Duration::from_secs(2);

/// Sessions of rmcp, entered in our table.
pub struct Manager {
    local: LocalSessionManager,
    table: Arc<Table>,
}

impl Manager {
    /// Over a table of sessions.
    pub fn new(table: Arc<Table>) -> Self {
        let mut local = LocalSessionManager::default();
        // The table knows better when a session is idle: an open stream and a long call are use.
        local.session_config.keep_alive = None;
        Self { local, table }
    }

    async fn close(&self, id: &SessionId) -> Result<(), LocalSessionManagerError> {
        self.table.remove(id);
        // A worker that waits for a client to read takes no message; without a handle it ends all the same.
        tokio::time::timeout(CLOSING, self.local.close_session(id)).await.unwrap_or(Ok(()))
    }

    fn session(&self, id: &SessionId) -> Result<Arc<Session>, LocalSessionManagerError> {
        self.table.session(id).ok_or_else(|| LocalSessionManagerError::SessionNotFound(id.clone()))
    }
}

impl SessionManager for Manager {
    type Error = LocalSessionManagerError;
    type Transport = Watched;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let (id, inner) = self.local.create_session().await?;
        let session = self.table.add(&id);
        Ok((id, Watched { inner, session }))
    }

    async fn initialize_session(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<ServerJsonRpcMessage, Self::Error> {
        self.local.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        self.local.has_session(id).await
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.close(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let session = self.session(id)?;
        let request = match &message {
            JsonRpcMessage::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        request.iter().for_each(|request| session.take(request));
        let inner = self.local.create_stream(id, message).await?;
        Ok(Delivery { inner: Box::pin(inner), session, request, numbered: false, ended: false })
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        self.local.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let session = self.session(id)?;
        let inner = self.local.create_standalone_stream(id).await?;
        Ok(held(inner, session))
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let session = self.session(id)?;
        let Some(number) = stream_number(&last_event_id) else {
            let inner = self.local.resume(id, last_event_id).await?;
            return Ok(held(inner, session).boxed_sync());
        };
        let late = session.late(number);
        if !late.is_empty() {
            return Ok(stream::iter(late).boxed_sync());
        }
        let inner = self.local.resume(id, last_event_id).await?;
        let request = session.request_of(number);
        request.iter().for_each(|request| session.attach(request, number));
        Ok(Delivery { inner: Box::pin(inner), session, request, numbered: true, ended: false }.boxed_sync())
    }
}

type BoxedStream = Pin<Box<dyn Stream<Item = ServerSseMessage> + Send + Sync>>;

trait BoxedSync {
    fn boxed_sync(self) -> BoxedStream;
}

impl<S: Stream<Item = ServerSseMessage> + Send + Sync + 'static> BoxedSync for S {
    fn boxed_sync(self) -> BoxedStream {
        Box::pin(self)
    }
}

/// Number of the stream that an event belongs to: `INDEX/STREAM`; events of the common stream have none.
fn stream_number(event: &str) -> Option<u64> {
    event.split_once('/').and_then(|(_, stream)| stream.parse().ok())
}

/// Counts a stream beside requests while it is open.
fn held(inner: impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, session: Arc<Session>) -> Held {
    session.open_stream();
    Held { inner: Box::pin(inner), session }
}

struct Held {
    inner: BoxedStream,
    session: Arc<Session>,
}

impl Stream for Held {
    type Item = ServerSseMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(context)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.session.close_stream();
    }
}

/// The events of one request on their way to the client.
struct Delivery {
    inner: BoxedStream,
    session: Arc<Session>,
    request: Option<RequestId>,
    /// Whether its number is known: its first event has it.
    numbered: bool,
    ended: bool,
}

impl Stream for Delivery {
    type Item = ServerSseMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.poll_next_unpin(context);
        match &polled {
            Poll::Ready(Some(event)) if !self.numbered => {
                self.numbered = true;
                self.number(event);
            }
            Poll::Ready(None) => {
                self.ended = true;
                self.request.iter().for_each(|request| self.session.finish(request));
            }
            _ => {}
        }
        polled
    }
}

impl Delivery {
    fn number(&self, event: &ServerSseMessage) -> Option<u64> {
        let number = event.event_id.as_deref().and_then(stream_number)?;
        self.request.iter().for_each(|request| self.session.attach(request, number));
        Some(number)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut context = Context::from_waker(Waker::noop());
        // What came after the client had gone is kept for it.
        while let Poll::Ready(Some(event)) = self.inner.poll_next_unpin(&mut context) {
            let number = self.number(&event);
            if let (Some(number), Some(JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_))) = (number, event.message.as_deref()) {
                self.session.keep(number, event);
            }
        }
        self.request.iter().for_each(|request| self.session.leave(request));
    }
}

/// What a session's handler speaks through.
pub struct Watched {
    inner: WorkerTransport<LocalSessionWorker>,
    session: Arc<Session>,
}

fn answered(message: &TxJsonRpcMessage<RoleServer>) -> Option<RequestId> {
    match message {
        JsonRpcMessage::Response(response) => Some(response.id.clone()),
        JsonRpcMessage::Error(error) => error.id.clone(),
        _ => None,
    }
}

impl Transport<RoleServer> for Watched {
    type Error = <WorkerTransport<LocalSessionWorker> as Transport<RoleServer>>::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let request = answered(&item);
        let deserted = request.as_ref().and_then(|request| self.session.deserted(request));
        let late = deserted.map(|number| (number, ServerSseMessage::new(format!("1/{number}"), item.clone())));
        let session = self.session.clone();
        let sending = self.inner.send(item);
        async move {
            let sent = sending.await;
            late.into_iter().for_each(|(number, event)| session.keep(number, event));
            request.iter().for_each(|request| session.finish(request));
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let message = self.inner.receive().await;
        if let Some(JsonRpcMessage::Notification(notification)) = &message
            && let ClientNotification::CancelledNotification(cancelled) = &notification.notification
        {
            // A request that is called off may never be answered.
            cancelled.params.request_id.iter().for_each(|request| self.session.finish(request));
        }
        message
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}
