//! Connections: accepted, wrapped in TLS, bounded in number and in patience, and ended in order when the server stops. HTTP/1.1 only: there a
//! client that does not read is seen at its socket, and a connection carries one request at a time.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::mcp::http::answer::Body;
use crate::mcp::http::session::Limits;
use crate::net::accept::Tls;

/// A handshake of TLS takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// After an error of accepting (no more files, say) the next try waits.
const AFTER_ERROR: Duration = Duration::from_millis(100);
/// The head of a request has no more bytes.
const HEAD: usize = 64 << 10;

/// How connections are served.
pub struct Listen {
    pub listener: TcpListener,
    pub tls: Option<Tls>,
    pub limits: Limits,
    /// No new ones, and each ends after its request.
    pub stop: CancellationToken,
    /// All end.
    pub end: CancellationToken,
}

impl Listen {
    /// Serves until told to stop, and then what runs, for a while.
    pub async fn run<F, A>(self, answer: F)
    where
        F: Fn(IpAddr, Request<Incoming>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let limits = self.limits;
        let room = Arc::new(Semaphore::new(limits.connections));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { break };
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => {
                    // Small answers leave at once.
                    drop(stream.set_nodelay(true));
                    let (stop, end) = (self.stop.clone(), self.end.clone());
                    let connection = Connection { limits, stop, end, _permit: permit };
                    tokio::spawn(connection.open(stream, self.tls.clone(), from.ip().to_canonical(), answer.clone()));
                }
                Err(_) => tokio::time::sleep(AFTER_ERROR).await,
            }
        }
        drop(self.listener);
        let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        if tokio::time::timeout(limits.farewell, room.acquire_many(all)).await.is_err() {
            self.end.cancel();
            drop(tokio::time::timeout(Duration::from_secs(1), room.acquire_many(all)).await);
        }
    }
}

struct Connection {
    limits: Limits,
    stop: CancellationToken,
    end: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn open<F, A>(self, stream: TcpStream, tls: Option<Tls>, from: IpAddr, answer: F)
    where
        F: Fn(IpAddr, Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let Some(tls) = tls else { return self.serve(stream, from, answer).await };
        let hands = tokio::select! {
            () = self.stop.cancelled() => return,
            hands = tokio::time::timeout(HANDSHAKE, tls.accept(stream)) => hands,
        };
        if let Ok(Ok(stream)) = hands {
            self.serve(stream, from, answer).await;
        }
    }

    async fn serve<S, F, A>(self, stream: S, from: IpAddr, answer: F)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Fn(IpAddr, Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let service = service_fn(move |request| {
            let answered = answer(from, request);
            async move { Ok::<_, Infallible>(answered.await) }
        });
        let stream = TokioIo::new(Patient { inner: stream, patience: self.limits.stall, waiting: None });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.limits.head_time).max_buf_size(HEAD);
        let connection = builder.serve_connection(stream, service);
        let mut connection = std::pin::pin!(connection);
        let mut stopping = false;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                () = self.end.cancelled() => return,
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// A stream whose other end must take what it is sent.
struct Patient<S> {
    inner: S,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Patient<S> {
    fn wait<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.waiting = None;
            return polled;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        waiting.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wait(context, polled)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.wait(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        self.wait(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(context);
        self.wait(context, polled)
    }
}
