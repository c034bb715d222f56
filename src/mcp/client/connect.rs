//! From an entry to a connection: its values filled in, its transport made, with the ways back to older ones. Whoever calls has asked
//! whether the entry is trusted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rmcp::service::ClientInitializeError;
use rmcp::transport::auth::{AuthError, AuthorizationManager};
use tokio::time::Instant;
use url::Url;

use crate::access::launch;
use crate::access::policy;
use crate::access::vault::Vault;
use crate::base::error::{Code, Error, Result};
use crate::base::quote::shell;
use crate::base::secret::{Scrubber, Secret};
use crate::config::dirs::Dirs;
use crate::config::env;
use crate::config::layers::Config;
use crate::mcp::client::auth::{self, Tokens};
use crate::mcp::client::failure::{self, Failure};
use crate::mcp::client::handler::{Note, Person, Shared};
use crate::mcp::client::http::{self, Out, Streamable};
use crate::mcp::client::secrets::{Address, DEPTH, Filler};
use crate::mcp::client::session::{self, Manner, Session, begin, no_start};
use crate::mcp::client::sse;
use crate::mcp::entry::{Entry, Transport};
use crate::net::Net;
use crate::net::header::HeaderValue;

/// Servers of ours that may stand in one chain.
const DEEPEST: u32 = 2;
/// How long the older transport is tried where the newer one is refused.
const OLDER: Duration = Duration::from_secs(5);

/// What connections are made with.
#[derive(Clone)]
pub struct Means {
    pub dirs: Dirs,
    pub config: Config,
    pub net: Arc<Net>,
    pub note: Note,
    pub person: Option<Arc<dyn Person>>,
    /// The current folder.
    pub cwd: Option<PathBuf>,
}

/// How a server was spoken to last time.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub manner: Manner,
    pub sse: bool,
    /// The tokens were refused: they are to be renewed first.
    pub renew: bool,
}

/// A connection, and whether it is over the older HTTP.
pub struct Connected {
    pub session: Session,
    pub sse: bool,
}

impl Means {
    /// Starts or contacts a server.
    pub async fn connect(&self, entry: &Entry, memory: Memory, until: Instant) -> Result<Connected, Failure> {
        let depth = env::var(DEPTH).and_then(|depth| depth.parse().ok()).unwrap_or(0_u32);
        if depth >= DEEPEST {
            let said = format!("'{}' is not started: {depth} servers of ours already stand in one chain", entry.name);
            return Err(Failure::before(Error::new(Code::PermissionDenied, said)));
        }
        let vault = Vault::open(&self.dirs, self.config.credential_store()).map_err(Failure::before)?;
        let mut filler = Filler::new(entry, &vault).map_err(Failure::before)?;
        let connected = self.reach(entry, &mut filler, memory, until, depth + 1).await;
        connected.map_err(|failure| Failure { error: scrubbed(&filler.scrubber, failure.error), ..failure })
    }

    async fn reach(
        &self,
        entry: &Entry,
        filler: &mut Filler<'_>,
        memory: Memory,
        until: Instant,
        depth: u32,
    ) -> Result<Connected, Failure> {
        if let Some(program) = filler.program(depth).map_err(Failure::before)? {
            let shared = Arc::new(Shared::new(&entry.name, self, filler.scrubber.clone()));
            let patience = until.saturating_duration_since(Instant::now());
            let session = session::start(&program, &shared, memory.manner, patience).await?;
            return Ok(Connected { session, sse: false });
        }
        let Some(address) = filler.address(depth).map_err(Failure::before)? else {
            return Err(Failure::before(Error::internal("an entry without a transport")));
        };
        let out = self.out(entry, &address);
        let shared = Arc::new(Shared::new(&entry.name, self, filler.scrubber.clone()));
        let way = Way { entry, out, address, shared, until };
        let older = memory.sse || matches!(entry.transport, Transport::Http { sse: true, .. });
        let first = if older { Ok(None) } else { self.newer(&way, memory).await.map(Some) };
        match first {
            Ok(Some(session)) => Ok(Connected { session, sse: false }),
            Ok(None) => self.older(&way).await,
            // It answered, but not as a server of the newer kind does.
            Err(failure) if failure.challenge.is_none() && matches!(failure.error.code, Code::InvalidResponse | Code::ProviderError) => {
                let soon = Way { until: until.min(Instant::now() + OLDER), ..way };
                self.older(&soon).await.map_err(|_| failure)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Where an HTTP server is, and the way out to it.
    pub fn address(&self, entry: &Entry) -> Result<(Out, Address)> {
        let vault = Vault::open(&self.dirs, self.config.credential_store())?;
        let none = || Error::usage(format!("'{}' is a program, which is not authorized over HTTP", entry.name));
        let address = Filler::new(entry, &vault)?.address(1)?.ok_or_else(none)?;
        Ok((self.out(entry, &address), address))
    }

    /// The way out to a server.
    pub fn out(&self, entry: &Entry, address: &Address) -> Out {
        let allowed = policy::allows_private(&self.config, &entry.provider());
        let timeout = Duration::from_secs(self.config.number("http.connect_timeout_seconds"));
        Out::to(&self.net, &address.url, allowed, timeout)
    }

    /// The tokens of a server, as far as they are for this address.
    pub fn tokens(&self, entry: &Entry, url: Option<&Url>) -> Tokens {
        Tokens::new(&self.dirs, self.config.credential_store(), entry, url)
    }

    async fn manager(&self, way: &Way<'_>, renew: bool) -> Result<Option<(AuthorizationManager, Tokens)>, Failure> {
        if way.address.authorized {
            return Ok(None);
        }
        let tokens = self.tokens(way.entry, Some(&way.address.url));
        let manager = auth::manager(&way.out, &way.address.url, tokens.clone(), renew).await.map_err(Failure::before)?;
        Ok(manager.map(|manager| (manager, tokens)))
    }

    async fn newer(&self, way: &Way<'_>, memory: Memory) -> Result<Session, Failure> {
        let (manager, tokens) = self.manager(way, memory.renew).await?.unzip();
        let known = tokens.is_some();
        tokens.into_iter().for_each(|tokens| drop(way.shared.tokens.set(tokens)));
        let begun = match http::streamable(&way.out, &way.address, manager).map_err(Failure::before)? {
            Streamable::Plain(transport) => within(way, begin(transport, &way.shared, memory.manner)).await,
            Streamable::Authorized(transport) => within(way, begin(transport, &way.shared, memory.manner)).await,
        };
        match begun {
            Ok(service) => Ok(Session::remote(service, &way.shared)),
            Err(failure) => Err(refused(failure, known)),
        }
    }

    async fn older(&self, way: &Way<'_>) -> Result<Connected, Failure> {
        let (manager, tokens) = self.manager(way, true).await?.unzip();
        let token = match &manager {
            None => None,
            Some(manager) => Some(bearer(way, manager).await?),
        };
        let known = token.is_some();
        tokens.into_iter().for_each(|tokens| drop(way.shared.tokens.set(tokens)));
        let patience = way.until.saturating_duration_since(Instant::now());
        let opened = sse::open(&way.out, &way.address, token, patience).await;
        let events = opened.map_err(|broken| refused(failure::of_cause(&way.shared.server, &broken), known))?;
        let service = within(way, begin(events, &way.shared, Manner::Initialize)).await?;
        Ok(Connected { session: Session::remote(service, &way.shared), sse: true })
    }
}

/// The way to an HTTP server.
struct Way<'a> {
    entry: &'a Entry,
    out: Out,
    address: Address,
    shared: Arc<Shared>,
    until: Instant,
}

/// The header with the stored token, renewed if need be.
async fn bearer(way: &Way<'_>, manager: &AuthorizationManager) -> Result<HeaderValue, Failure> {
    let refused = |error: &AuthError| {
        let error = Error::new(Code::NeedsReauth, format!("{}: {error}", way.shared.server));
        Failure::before(error.hint(format!("angelia mcp:auth {}", shell(&way.entry.name))))
    };
    let token = manager.get_access_token().await.map_err(|error| refused(&error))?;
    let header = launch::header("authorization", &Secret::new(format!("Bearer {token}")));
    header.map(|(_, value)| value).map_err(Failure::before)
}

/// A server that knows us and refuses us wants us to come back in another way.
fn refused(mut failure: Failure, known: bool) -> Failure {
    if known && failure.error.code == Code::MissingCredentials {
        failure.error.code = Code::NeedsReauth;
        failure.error.message = format!("{}: the stored authorization is not accepted", failure.error.message);
    }
    failure
}

async fn within<T>(way: &Way<'_>, begun: impl Future<Output = Result<T, ClientInitializeError>>) -> Result<T, Failure> {
    match tokio::time::timeout_at(way.until, begun).await {
        Ok(begun) => begun.map_err(|error| failure::of_start(&way.shared.server, &error)),
        Err(_) => Err(Failure::before(no_start(&way.shared.server))),
    }
}

/// An error without the secrets that were used.
pub fn scrubbed(scrubber: &Scrubber, mut error: Error) -> Error {
    scrubber.scrub_string(&mut error.message);
    error.hints.iter_mut().for_each(|hint| scrubber.scrub_string(hint));
    if let Some(provider) = &mut error.provider {
        scrubber.scrub_value(&mut provider.body);
    }
    error
}
