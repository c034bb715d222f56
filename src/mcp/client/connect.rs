//! From an entry to a connection: its values filled in, its transport made, with the ways back to older ones. Whoever calls has asked
//! whether the entry is trusted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rmcp::service::ClientInitializeError;
use rmcp::transport::auth::AuthorizationManager;
use tokio::time::Instant;

use crate::access::policy;
use crate::access::vault::Vault;
use crate::base::error::{Code, Error, Result};
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
    /// The project around the current folder.
    pub root: Option<PathBuf>,
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
        let scrubber = filler.scrubber;
        match connected {
            Ok(mut connected) => {
                connected.session.scrubber = scrubber;
                Ok(connected)
            }
            Err(failure) => Err(Failure { error: scrubbed(&scrubber, failure.error), ..failure }),
        }
    }

    async fn reach(
        &self,
        entry: &Entry,
        filler: &mut Filler<'_>,
        memory: Memory,
        until: Instant,
        depth: u32,
    ) -> Result<Connected, Failure> {
        let shared = Arc::new(Shared::new(&entry.name, self.root.clone(), self.person.clone(), self.note.clone()));
        if let Some(program) = filler.program(depth).map_err(Failure::before)? {
            let patience = until.saturating_duration_since(Instant::now());
            let session = session::start(&program, &shared, memory.manner, patience).await?;
            return Ok(Connected { session, sse: false });
        }
        let Some(address) = filler.address(depth).map_err(Failure::before)? else {
            return Err(Failure::before(Error::internal("an entry without a transport")));
        };
        let out = self.out(entry, &address);
        let older = memory.sse || matches!(entry.transport, Transport::Http { sse: true, .. });
        let first = if older { Ok(None) } else { self.newer(entry, &out, &address, &shared, memory, until).await.map(Some) };
        match first {
            Ok(Some(session)) => Ok(Connected { session, sse: false }),
            Ok(None) => self.older(entry, &out, &address, &shared, until).await,
            // It answered, but not as a server of the newer kind does.
            Err(failure) if failure.challenge.is_none() && matches!(failure.error.code, Code::InvalidResponse | Code::ProviderError) => {
                let soon = until.min(Instant::now() + OLDER);
                self.older(entry, &out, &address, &shared, soon).await.map_err(|_| failure)
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

    /// The tokens of a server.
    pub fn tokens(&self, entry: &Entry) -> Tokens {
        Tokens::new(&self.dirs, self.config.credential_store(), entry)
    }

    async fn manager(&self, entry: &Entry, out: &Out, address: &Address, renew: bool) -> Result<Option<AuthorizationManager>, Failure> {
        if address.authorized {
            return Ok(None);
        }
        auth::manager(out, &address.url, self.tokens(entry), renew).await.map_err(Failure::before)
    }

    async fn newer(
        &self,
        entry: &Entry,
        out: &Out,
        address: &Address,
        shared: &Arc<Shared>,
        memory: Memory,
        until: Instant,
    ) -> Result<Session, Failure> {
        let manager = self.manager(entry, out, address, memory.renew).await?;
        let known = manager.is_some();
        let begun = match http::streamable(out, address, manager).map_err(Failure::before)? {
            Streamable::Plain(transport) => within(until, shared, begin(transport, shared, memory.manner)).await,
            Streamable::Authorized(transport) => within(until, shared, begin(transport, shared, memory.manner)).await,
        };
        match begun {
            Ok(service) => Ok(Session::remote(service, shared)),
            Err(failure) => Err(refused(failure, known)),
        }
    }

    async fn older(&self, entry: &Entry, out: &Out, address: &Address, shared: &Arc<Shared>, until: Instant) -> Result<Connected, Failure> {
        let token = match self.manager(entry, out, address, true).await? {
            None => None,
            Some(manager) => {
                let token = manager.get_access_token().await.map_err(|error| {
                    Failure::before(
                        Error::new(Code::NeedsReauth, format!("{}: {error}", shared.server))
                            .hint(format!("angelia mcp:auth {}", entry.name)),
                    )
                })?;
                let (_, value) =
                    crate::access::launch::header("authorization", &Secret::new(format!("Bearer {token}"))).map_err(Failure::before)?;
                Some(value)
            }
        };
        let known = token.is_some();
        let patience = until.saturating_duration_since(Instant::now());
        let events =
            sse::open(out, address, token, patience).await.map_err(|broken| refused(failure::of_cause(&shared.server, &broken), known))?;
        let service = within(until, shared, begin(events, shared, Manner::Initialize)).await?;
        Ok(Connected { session: Session::remote(service, shared), sse: true })
    }
}

/// A server that knows us and refuses us wants us to come back in another way.
fn refused(mut failure: Failure, known: bool) -> Failure {
    if known && failure.error.code == Code::MissingCredentials {
        failure.error.code = Code::NeedsReauth;
        failure.error.message = format!("{}: the stored authorization is not accepted", failure.error.message);
    }
    failure
}

async fn within<T>(until: Instant, shared: &Shared, begun: impl Future<Output = Result<T, ClientInitializeError>>) -> Result<T, Failure> {
    match tokio::time::timeout_at(until, begun).await {
        Ok(begun) => begun.map_err(|error| failure::of_start(&shared.server, &error)),
        Err(_) => Err(Failure::before(no_start(&shared.server))),
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
