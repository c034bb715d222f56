//! Accounts that sign in (OAuth 2.0): tokens that are renewed ahead of their end and when they are refused, once for all who wait, in this
//! process and in others. What a service does differently stands in its manifest; no provider has code here.

mod assertion;
mod client;
mod code;
pub mod connect;
mod device;
mod endpoint;
mod revoke;
mod underway;
mod unkept;

use std::fs::File;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use oauth2::RefreshToken;
use tokio::time::Instant;

use crate::access::signin::client::{Granted, Party, Trouble, of};
pub use crate::access::signin::endpoint::Way;
pub use crate::access::signin::revoke::Revoked;
use crate::access::signin::underway::UnderWay;
pub use crate::access::signin::underway::{idle, settled, when_begun};
use crate::access::signin::unkept::Unkept;
use crate::access::vault::{Credentials, Known, Lease, Source, Vault};
use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::base::secret::Secret;
use crate::config::dirs::Dirs;
use crate::config::layers::StoreChoice;
use crate::registry::credential::{Grant, OAuth};
use crate::registry::manifest::Provider;

/// The field of what renews tokens.
const REFRESH: &str = "refresh_token";
/// A token is renewed so long before its end, and sooner than that only where it lives no longer than a few such times.
const AHEAD_MS: i64 = 60_000;
/// A clock that stands so far before the moment at which a token was had says nothing of its end.
const SKEW_MS: i64 = 300_000;
/// How long another process may take to renew a token.
const HELD: Duration = Duration::from_secs(60);
/// How long a call waits for a new token while the one that it has still holds.
const PATIENCE_AHEAD: Duration = Duration::from_secs(3);
/// Between two looks at whether it is done.
const LOOK: Duration = Duration::from_millis(10);
/// How often it is tried to keep a token that was renewed, and the time between.
const WRITES: u32 = 4;
const AGAIN: Duration = Duration::from_millis(250);

/// One account of a provider that has a way to sign in.
#[derive(Clone)]
pub struct Account {
    provider: Arc<Provider>,
    name: String,
    dirs: Dirs,
    store: StoreChoice,
    way: Way,
}

/// Whether a token may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// As it is; it may end up refused.
    Usable,
    /// It ends soon, or has ended.
    Due { over: bool },
}

impl Account {
    /// The account, where its provider has a way to sign in.
    pub fn of(vault: &Vault, provider: &Arc<Provider>, name: &str, way: Way) -> Option<Self> {
        provider.oauth.as_ref()?;
        let (dirs, store) = vault.place();
        Some(Self { provider: provider.clone(), name: name.to_owned(), dirs, store, way })
    }

    /// The account's values with a token that may be used: renewed if it ends soon, fetched if there is none. The store's word counts, not
    /// what this process knew of it: another may have renewed the token.
    pub async fn ready(&self, vault: &Vault) -> Result<Credentials> {
        if self.standing(vault) == Standing::Usable {
            return vault.unlock(&self.provider, &self.name);
        }
        let known = vault.again()?;
        match self.standing(&known) {
            Standing::Usable => known.unlock(&self.provider, &self.name),
            Standing::Due { over: true } => self.renew(None, |vault| self.is_usable(vault)).await,
            // It ends soon, but has not ended.
            Standing::Due { over: false } => match self.renewed_ahead().await {
                Some(renewed) => Ok(renewed),
                None => known.unlock(&self.provider, &self.name),
            },
        }
    }

    /// The account's values with a token that takes the place of one that still holds; `None` where there is none soon.
    async fn renewed_ahead(&self) -> Option<Credentials> {
        let held = self.try_hold().ok().flatten()?;
        let renewing = self.renew_held(Some(held), None, |vault| self.is_usable(vault));
        tokio::time::timeout(PATIENCE_AHEAD, renewing).await.ok()?.ok()
    }

    fn is_usable(&self, vault: &Vault) -> Result<bool> {
        Ok(self.standing(vault) == Standing::Usable)
    }

    /// The account's values after a service refused the token that was `used`; `None` where it cannot be had anew.
    pub async fn refused(&self, used: &Credentials) -> Result<Option<Credentials>> {
        let oauth = self.oauth()?;
        let vault = self.vault()?;
        if matches!(self.source(&vault, oauth), Some(Source::Environment(_))) {
            return Ok(None);
        }
        if vault.lease(&self.provider.id, &self.name).is_none() && !vault.is_fetched(&self.provider, &self.name, &oauth.token_field) {
            return Ok(None);
        }
        let before = self.token(used);
        let another = |vault: &Vault| {
            // What is stored is older than what this process alone has.
            if unkept::get(&self.provider.id, &self.name, &vault.known(&self.provider, &self.name)).is_some() {
                return Ok(false);
            }
            let now = self.token(&vault.unlock(&self.provider, &self.name)?);
            Ok(now.is_some() && now.as_ref().map(|now| now.expose()) != before.as_ref().map(|before| before.expose()))
        };
        self.renew(before.clone(), another).await.map(Some)
    }

    /// The environment variable that the token comes from, where it does.
    pub fn variable(&self) -> Option<String> {
        match self.source(&self.vault().ok()?, self.provider.oauth.as_ref()?) {
            Some(Source::Environment(variable)) => Some(variable),
            _ => None,
        }
    }

    fn oauth(&self) -> Result<&OAuth> {
        self.provider.oauth.as_ref().ok_or_else(|| Error::internal("a provider without a way to sign in"))
    }

    fn vault(&self) -> Result<Vault> {
        Vault::open(&self.dirs, self.store)
    }

    fn source(&self, vault: &Vault, oauth: &OAuth) -> Option<Source> {
        let field = self.provider.credentials.iter().find(|field| field.key == oauth.token_field)?;
        vault.source(&self.provider.id, &self.name, &field.key, &field.env, field.default.as_deref())
    }

    fn party<'a>(&'a self, credentials: &'a Credentials) -> Result<Party<'a>> {
        Ok(Party { provider: &self.provider, oauth: self.oauth()?, account: &self.name, credentials, way: &self.way })
    }

    fn standing(&self, vault: &Vault) -> Standing {
        let Ok(oauth) = self.oauth() else { return Standing::Usable };
        let fetched = || vault.is_fetched(&self.provider, &self.name, &oauth.token_field);
        match (self.source(vault, oauth), vault.lease(&self.provider.id, &self.name)) {
            // What a person typed, and what stands in the environment, is theirs.
            (Some(Source::Environment(_)), _) | (Some(_), None) => Standing::Usable,
            (None, _) if fetched() => Standing::Due { over: true },
            (None, _) => Standing::Usable,
            // A token that another client or service account fetched is not ours.
            (Some(_), Some(lease)) if !person(lease.by) && !self.is_of(vault, lease) => Standing::Due { over: true },
            // What a person consented to at one server is not for another.
            (Some(_), Some(lease)) if !self.is_there(vault, lease) => Standing::Due { over: true },
            (Some(_), Some(lease)) => standing(lease, now_ms(), self.renewable(vault, lease)),
        }
    }

    /// Whether a token was given to the client or service account that there is now.
    fn is_of(&self, vault: &Vault, lease: &Lease) -> bool {
        let whose = || Ok::<_, Error>(self.party(&vault.unlock(&self.provider, &self.name)?)?.digest());
        // What cannot be read is said when it is used.
        whose().map_or(true, |whose| whose == lease.client)
    }

    /// Whether a token is of the server that the account's settings name now.
    fn is_there(&self, vault: &Vault, lease: &Lease) -> bool {
        let server = || self.party(&vault.unlock(&self.provider, &self.name)?)?.server();
        // An address that no setting changes is looked at when it is used.
        let fixed = self.provider.oauth.as_ref().is_none_or(|oauth| !oauth.token_url.contains('{'));
        fixed || server().map_or(true, |server| server == lease.server)
    }

    /// Whether the token is one that no person is asked for.
    fn is_fetched(&self) -> Result<bool> {
        let vault = self.vault()?;
        let lease = vault.lease(&self.provider.id, &self.name);
        Ok(lease.is_none_or(|lease| !person(lease.by)) && vault.is_fetched(&self.provider, &self.name, &self.oauth()?.token_field))
    }

    /// Whether there is something to renew a token with.
    fn renewable(&self, vault: &Vault, lease: &Lease) -> bool {
        !person(lease.by) || vault.stored(&self.provider.id, &self.name).any(|(key, _)| key == REFRESH)
    }

    /// Holds the account's tokens for this process: of all who want to renew them one does.
    async fn hold(&self) -> Result<File> {
        let until = Instant::now() + HELD;
        loop {
            if let Some(held) = self.try_hold()? {
                return Ok(held);
            }
            if Instant::now() > until {
                let line = format!("Another process renews the token of {} and does not end", self.provider.title);
                return Err(Error::new(Code::Unreachable, line).retryable());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// As [`Self::hold`]; `None` while another process holds them.
    fn try_hold(&self) -> Result<Option<File>> {
        self.vault()?.try_hold(&self.provider.id, &self.name)
    }

    /// Renews the token unless `done` finds that somebody else did. The work goes on where whoever asked for it turns away: an answer that
    /// nobody keeps would lose a token that takes the place of the one before.
    async fn renew(&self, used: Option<Secret>, done: impl Fn(&Vault) -> Result<bool>) -> Result<Credentials> {
        let held = match self.hold().await {
            Ok(held) => Some(held),
            // Where nothing can be written, a token that no person is asked for is fetched for this call alone.
            Err(error) if error.code == Code::Usage && self.is_fetched()? => None,
            Err(error) => return Err(error),
        };
        self.renew_held(held, used, done).await
    }

    async fn renew_held(&self, held: Option<File>, used: Option<Secret>, done: impl Fn(&Vault) -> Result<bool>) -> Result<Credentials> {
        let vault = self.vault()?;
        if done(&vault)? {
            return vault.unlock(&self.provider, &self.name);
        }
        let (account, under_way) = (self.clone(), UnderWay::begin());
        let work = tokio::spawn(async move {
            let renewed = account.renew_now(vault, used).await;
            drop((held, under_way));
            renewed
        });
        work.await.map_err(|error| Error::internal(error.to_string()))?
    }

    async fn renew_now(&self, mut vault: Vault, used: Option<Secret>) -> Result<Credentials> {
        let unkept = match self.remembered(&mut vault, used.as_ref())? {
            ControlFlow::Break(credentials) => return Ok(credentials),
            ControlFlow::Continue(unkept) => unkept,
        };
        let known = vault.known(&self.provider, &self.name);
        let (credentials, lease) = match &unkept {
            Some(unkept) => (unkept.credentials.clone(), Some(unkept.lease.clone())),
            None => (vault.unlock(&self.provider, &self.name)?, vault.lease(&self.provider.id, &self.name).cloned()),
        };
        let party = self.party(&credentials)?;
        if let Some(ended) = lease.as_ref().and_then(|lease| lease.ended.as_deref()) {
            return Err(self.needs_person(&format!("the authorization server refused to renew it ({ended})")));
        }
        let scopes = lease.as_ref().map_or_else(|| party.oauth.scopes.clone(), |lease| lease.scopes.clone());
        let by = match &lease {
            Some(lease) => lease.by,
            None if party.field("service_account").is_some() => Grant::ServiceAccount,
            None => Grant::ClientCredentials,
        };
        if let Some(lease) = lease.as_ref().filter(|lease| person(lease.by)) {
            if lease.server != party.server()? {
                return Err(self.needs_person("its tokens are of another server than its settings name now"));
            }
            // Where the new tokens could not be kept, the old ones are not spent for them. Those that nobody keeps are lost anyway.
            if unkept.is_none() {
                vault.writable().map_err(|error| self.not_spent(error))?;
            }
        }
        let granted = if person(by) { self.refresh(&party, &vault, unkept.as_ref()).await } else { self.fetch(&party, by, &scopes).await };
        match granted {
            Ok(granted) => self.renewed(&party, vault, &known, (granted, by, &scopes)).await,
            Err(Trouble::Other(error)) => Err(error),
            Err(Trouble::Refused { error, said }) => self.not_renewed(vault, &known, &error, &said),
        }
    }

    /// Keeps what was renewed, then answers it. What cannot be kept is used all the same: there is no other copy, and the token before it may
    /// hold no more.
    async fn renewed(&self, party: &Party<'_>, mut vault: Vault, known: &Known, had: (Granted, Grant, &[String])) -> Result<Credentials> {
        let (granted, by, scopes) = had;
        let lease = party.lease(&granted, by, scopes)?;
        let mut credentials = party.credentials.clone().with(&party.oauth.token_field, granted.access.clone());
        if let Some(refresh) = &granted.refresh {
            credentials = credentials.with(REFRESH, refresh.clone());
        }
        let changes = party.changes(granted, by);
        let mut left = WRITES;
        loop {
            match vault.renew_lease(&self.provider, &self.name, &changes, lease.clone(), known) {
                // Where the user signed in anew, out, or typed a token meanwhile, that stands.
                Ok(_) => return vault.unlock(&self.provider, &self.name),
                Err(_) if !person(by) => return Ok(credentials),
                // A full disk and a keychain that is busy may pass.
                Err(_) if left > 1 => left -= 1,
                Err(error) => {
                    let unkept = Unkept { known: known.clone(), changes, lease, credentials };
                    unkept::put(&self.provider.id, &self.name, unkept.clone());
                    return Ok(self.unkept(unkept, &error));
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// What could not be kept before is kept now; where it cannot be, this process goes on from its memory: with the token while that may be
    /// used, then with what renews it.
    fn remembered(&self, vault: &mut Vault, used: Option<&Secret>) -> Result<ControlFlow<Credentials, Option<Unkept>>> {
        let known = vault.known(&self.provider, &self.name);
        let Some(unkept) = unkept::get(&self.provider.id, &self.name, &known) else { return Ok(ControlFlow::Continue(None)) };
        let token = self.token(&unkept.credentials);
        let refused = used.is_some_and(|used| token.as_ref().is_some_and(|token| token.expose() == used.expose()));
        let usable = !refused && standing(&unkept.lease, now_ms(), true) == Standing::Usable;
        Ok(match vault.renew_lease(&self.provider, &self.name, &unkept.changes, unkept.lease.clone(), &known) {
            Ok(_) if usable => ControlFlow::Break(vault.unlock(&self.provider, &self.name)?),
            Ok(_) => ControlFlow::Continue(None),
            Err(error) if usable => ControlFlow::Break(self.unkept(unkept, &error)),
            Err(_) => ControlFlow::Continue(Some(unkept)),
        })
    }

    fn unkept(&self, unkept: Unkept, why: &Error) -> Credentials {
        let said = unkept::said(&self.provider.title, &self.name, why, &self.command());
        let mut credentials = unkept.credentials;
        credentials.unkept = Some(said);
        credentials
    }

    /// The token among an account's values.
    fn token(&self, credentials: &Credentials) -> Option<Secret> {
        credentials.fill(&format!("{{{}}}", self.provider.oauth.as_ref()?.token_field))
    }

    /// What comes of a refusal. A grant that has ended is remembered, so that nobody asks for it again.
    fn not_renewed(&self, mut vault: Vault, known: &Known, error: &str, said: &str) -> Result<Credentials> {
        let oauth = self.oauth()?;
        let colon = if said.is_empty() { "" } else { ": " };
        let Some(lease) = vault.lease(&self.provider.id, &self.name).filter(|lease| person(lease.by)).cloned() else {
            let line = format!("{} gives no token to account '{}' ({error}){colon}{said}", self.provider.title, self.name);
            return Err(Error::new(Code::NeedsReauth, line).hint(format!(
                "angelia integrations:fields {}{}",
                self.provider.id,
                of(&self.name)
            )));
        };
        if error == "invalid_grant" || oauth.ended_errors.iter().any(|known| known == error) {
            let ended = Lease { ended: Some(error.to_owned()), ..lease };
            let kept = vault.renew_lease(&self.provider, &self.name, &Default::default(), ended, known);
            let error = self.needs_person(&format!("the authorization server refused to renew it ({error}{colon}{said})"));
            return match kept {
                Ok(true) => Err(error),
                // It was another token that was refused.
                Ok(false) => vault.unlock(&self.provider, &self.name),
                Err(unkept) => Err(error.hint(format!("This could not be remembered: {}", unkept.message))),
            };
        }
        let line = format!("The token of {} was not renewed ({error}){colon}{said}", self.provider.title);
        Err(Error::new(Code::NeedsReauth, line)
            .hint(format!("Is the client right? angelia integrations:fields {}{}", self.provider.id, of(&self.name)))
            .hint(self.command()))
    }

    /// Why a token is not renewed although it could be.
    fn not_spent(&self, error: Error) -> Error {
        let line = format!("The token of {} is not renewed, since the new one could not be kept: {}", self.provider.title, error.message);
        Error { message: line, ..error }
    }

    /// The command that signs in.
    pub fn command(&self) -> String {
        format!("angelia integrations:connect {}{}", self.provider.id, of(&self.name))
    }

    fn needs_person(&self, why: &str) -> Error {
        let line = format!("Account '{}' of {} must sign in again: {why}", self.name, self.provider.title);
        Error::new(Code::NeedsReauth, line).hint(self.command())
    }

    /// RFC 6749 section 6.
    async fn refresh(&self, party: &Party<'_>, vault: &Vault, unkept: Option<&Unkept>) -> Result<Granted, Trouble> {
        // That of the environment would be sent again and again, while each that takes its place is stored and never used.
        let stored = || vault.stored_value(&self.provider, &self.name, REFRESH).map_err(Trouble::Other);
        let newer = unkept.and_then(|unkept| unkept.changes.get(REFRESH)?.clone());
        let Some(token) = newer.map_or_else(stored, |token| Ok(Some(token)))? else {
            return Err(Trouble::Other(self.needs_person("its token has ended, and there is nothing to renew it with")));
        };
        let token = RefreshToken::new(token.expose().to_owned());
        let client = party.client().map_err(Trouble::Other)?;
        let mut request = client.exchange_refresh_token(&token);
        for (name, value) in party.token_parameters() {
            request = request.add_extra_param(name, value);
        }
        let endpoint = party.endpoint();
        let tokens = request.request_async(&endpoint).await;
        tokens.map(|tokens| party.granted(&tokens)).map_err(|error| party.trouble(error))
    }

    /// A token that no person is asked for.
    async fn fetch(&self, party: &Party<'_>, by: Grant, scopes: &[String]) -> Result<Granted, Trouble> {
        if by == Grant::ServiceAccount {
            return assertion::by_assertion(party, scopes).await;
        }
        let client = party.client().map_err(Trouble::Other)?;
        let mut request = client.exchange_client_credentials();
        for (name, value) in party.scopes(scopes).into_iter().chain(party.token_parameters()) {
            request = request.add_extra_param(name, value);
        }
        let endpoint = party.endpoint();
        let tokens = request.request_async(&endpoint).await;
        tokens.map(|tokens| party.granted(&tokens)).map_err(|error| party.trouble(error))
    }
}

/// Whether a person consented to what a grant gave.
fn person(by: Grant) -> bool {
    matches!(by, Grant::AuthorizationCode | Grant::DeviceCode)
}

/// Whether a token with this lease may be used now.
fn standing(lease: &Lease, now: i64, renewable: bool) -> Standing {
    let Some(end) = lease.expires_at.filter(|_| renewable) else { return Standing::Usable };
    if now < lease.obtained_at.saturating_sub(SKEW_MS) {
        return Standing::Usable;
    }
    let life = end.saturating_sub(lease.obtained_at).max(0);
    let ahead = AHEAD_MS.min(life / 4);
    if now < end.saturating_sub(ahead) { Standing::Usable } else { Standing::Due { over: now >= end } }
}
