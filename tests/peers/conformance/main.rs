//! The official conformance suite drives this program: as a server it shows the suite's own tools, resources and prompts through the same
//! handler and door as `mcp:serve`, as a client it speaks through the same sessions as `mcp:call`. What it serves is for the suite alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    deprecated,
    reason = "a test says what it expects by panicking, prints where it listens, and speaks older revisions too"
)]

mod fixture;
mod rounds;

use std::sync::Arc;

use angelia::mcp::server::face::Face;
use angelia::mcp::server::handler::Handler;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["server"] => serve().await,
        words => panic!("server, or client URL; not {words:?}"),
    }
}

/// Serves until the program is ended, and says where.
async fn serve() {
    use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
    use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
    let face: Arc<dyn Face> = Arc::new(fixture::Fixture::new());
    let manager = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(Handler::new(face.clone())), manager, StreamableHttpServerConfig::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/mcp", listener.local_addr().unwrap());
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await.unwrap();
}
