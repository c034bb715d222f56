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

mod client;
mod fixture;
mod rounds;

use std::net::SocketAddr;
use std::sync::Arc;

use angelia::mcp::http::{Door, Limits, serve};
use angelia::mcp::server::face::Face;
use angelia::mcp::server::handler::Handler;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["server"] => server().await,
        ["client", address] => client::run(address).await,
        words => panic!("server, or client URL; not {words:?}"),
    }
}

/// Serves until the program is ended, and says where.
async fn server() {
    let face: Arc<dyn Face> = Arc::new(fixture::Fixture::new());
    let door = Door {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        hosts: Vec::new(),
        origins: Vec::new(),
        keys: None,
        require_key: false,
        limits: Limits::default(),
    };
    let bound = |address| println!("http://{address}/mcp");
    serve(move || Handler::new(face.clone()), door, CancellationToken::new(), bound).await.unwrap();
}
