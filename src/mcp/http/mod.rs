//! The door over HTTP: streamable HTTP of the Model Context Protocol for clients that are not started by us or that are not on this machine.
//! Who comes in and how much they may do at once is decided here; what they may call is the handler's business.

mod answer;
mod gate;
pub mod keys;
mod listen;
mod manager;
mod message;
mod origin;
mod ring;
mod session;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::SessionManager as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::mcp::http::gate::{Gate, Parts};
use crate::mcp::http::keys::Grant;
use crate::mcp::http::listen::Listen;
use crate::mcp::http::manager::Manager;
use crate::mcp::http::origin::Allowed;
use crate::mcp::http::ring::Ring;
pub use crate::mcp::http::session::Limits;
use crate::mcp::http::session::Table;
use crate::net::accept::Tls;

/// Where the server listens and whom it lets in.
pub struct Door {
    /// Port 0 takes any free one.
    pub address: SocketAddr,
    /// Certificates and key; without them it is plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Host names beside those of this machine.
    pub hosts: Vec<String>,
    /// Pages that may ask, beside those of this machine.
    pub origins: Vec<String>,
    /// The file of keys (see [`keys::path`]).
    pub keys: Option<PathBuf>,
    /// A key is needed on this machine too; from others it always is.
    pub require_key: bool,
    pub limits: Limits,
}

/// An address as people write it: `8080`, `:8080`, `localhost:8080`, `192.0.2.1:8080`, `[::]:8080`. Without a host it is this machine alone.
pub fn address(text: &str) -> Result<SocketAddr> {
    let local = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    if let Ok(port) = local.parse::<u16>() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let cannot = || Error::usage(format!("'{}' is no address to listen on: write 8080 or 127.0.0.1:8080", printable(text)));
    text.parse().map_err(|_| cannot())
}

/// Whether a request came by this door.
pub fn came_by(extensions: &rmcp::model::Extensions) -> bool {
    extensions.get::<hyper::http::request::Parts>().is_some()
}

/// Whether the client is an Angelia itself, which asks on behalf of somebody else.
pub fn from_ourselves(extensions: &rmcp::model::Extensions) -> bool {
    let parts = extensions.get::<hyper::http::request::Parts>();
    parts.is_some_and(|parts| parts.headers.contains_key(crate::mcp::client::secrets::DEPTH_HEADER))
}

/// Whom a request came from, when it came by this door with a key.
pub fn grant(extensions: &rmcp::model::Extensions) -> Option<&Grant> {
    extensions.get::<hyper::http::request::Parts>().and_then(|parts| parts.extensions.get())
}

/// Serves handlers that `make` makes, one for each session, until `stop`; `bound` hears where.
pub async fn serve<H>(
    make: impl Fn() -> H + Send + Sync + 'static,
    door: Door,
    stop: CancellationToken,
    bound: impl FnOnce(SocketAddr),
) -> Result<()>
where
    H: ServerHandler + Send + 'static,
{
    let allowed = Allowed::new(&door.hosts, &door.origins)?;
    let tls = door.tls.as_ref().map(|(certificates, key)| Tls::from_files(certificates, key)).transpose()?;
    let ring = Arc::new(Ring::new(door.keys));
    let open = !door.address.ip().to_canonical().is_loopback();
    if open && !ring.any() {
        let line = format!("{} can be reached from other machines, and there is no key to ask them for", door.address);
        return Err(Error::new(Code::MissingCredentials, line).hint("angelia mcp:key:create NAME"));
    }
    let cannot = |error: std::io::Error| Error::usage(format!("cannot listen on {}: {error}", door.address));
    let listener = TcpListener::bind(door.address).await.map_err(cannot)?;
    bound(listener.local_addr().map_err(cannot)?);
    let (end, limits) = (CancellationToken::new(), door.limits);
    let table = Arc::new(Table::new(limits));
    let manager = Arc::new(Manager::new(table.clone()));
    let sweeping = tokio::spawn(sweep(table.clone(), manager.clone(), ring.clone(), limits.idle));
    let require_key = door.require_key || open;
    let parts = Parts { allowed, ring, require_key, limits, table: table.clone(), manager, stop: stop.clone(), end: end.clone() };
    let gate = Arc::new(Gate::new(parts, make));
    let listen = Listen { listener, tls, limits, stop, end: end.clone() };
    listen
        .run(move |from, request| {
            let gate = gate.clone();
            async move { gate.answer(from, request).await }
        })
        .await;
    sweeping.abort();
    end.cancel();
    // Handlers hear that they end, and get a moment to.
    for _ in 0..50 {
        if table.count() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Closes sessions that nobody uses, and those of keys that were revoked.
async fn sweep(table: Arc<Table>, manager: Arc<Manager>, ring: Arc<Ring>, idle: Duration) {
    let often = (idle / 4).clamp(Duration::from_millis(100), Duration::from_secs(2));
    loop {
        tokio::time::sleep(often).await;
        for id in table.ended(|owner| ring.holds(owner)) {
            let manager = manager.clone();
            tokio::spawn(async move { drop(manager.close_session(&id).await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_a_host_are_of_this_machine() {
        let table = [
            ("8080", Some("127.0.0.1:8080")),
            (":0", Some("127.0.0.1:0")),
            ("localhost:1", Some("127.0.0.1:1")),
            ("0.0.0.0:5", Some("0.0.0.0:5")),
            ("[::1]:5", Some("[::1]:5")),
            ("example.com:5", None),
            ("99999", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(address(text).ok().map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }
}
