//! The door on stdin and stdout: one client, until it closes the pipe.

use std::sync::Arc;

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;

use crate::base::error::{Error, Result};
use crate::mcp::server::handler::Handler;
use crate::mcp::server::shelf::Shelf;

/// Longest message that is read.
const LONGEST: usize = 16 << 20;

/// Serves until the client goes.
pub async fn serve(shelf: Arc<Shelf>) -> Result<()> {
    let (read, write) = rmcp::transport::io::stdio_pipes();
    let transport = AsyncRwTransport::new_server(read, write).with_max_line_length(LONGEST);
    let following = tokio::spawn({
        let shelf = shelf.clone();
        async move { shelf.follow().await }
    });
    let ended = match Handler::new(shelf).serve(transport).await {
        Ok(running) => running.waiting().await.map(drop).map_err(|error| Error::internal(format!("the server ended: {error}"))),
        // A client that goes before it said anything is no failure.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(Error::usage(format!("the client did not start a session: {error}"))),
    };
    following.abort();
    ended
}
