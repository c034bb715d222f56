//! Accounts that sign in (OAuth 2.0): tokens that are renewed ahead of their end and when they are refused, once for all who wait, in this
//! process and in others. What a service does differently stands in its manifest; no provider has code here.

mod assertion;
mod client;
mod code;
pub mod connect;
mod device;
mod endpoint;
mod revoke;

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use oauth2::RefreshToken;
use tokio::time::Instant;

use crate::access::signin::client::{Granted, Party, Trouble, of};
pub use crate::access::signin::endpoint::Way;
pub use crate::access::signin::revoke::Revoked;
use crate::access::vault::{Credentials, Lease, Source, Vault};
use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::config::dirs::Dirs;
use crate::config::files;
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
/// Between two looks at whether it is done.
const LOOK: Duration = Duration::from_millis(10);

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
            Standing::Due { over } => match self.renew(|vault| Ok(self.standing(vault) == Standing::Usable)).await {
                // It ends soon, but has not ended.
                Err(error) if !over && error.retryable => known.unlock(&self.provider, &self.name),
                renewed => renewed,
            },
        }
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
        let token = |credentials: &Credentials| credentials.fill(&format!("{{{}}}", oauth.token_field));
        let before = token(used);
        let another = |vault: &Vault| {
            let now = token(&vault.unlock(&self.provider, &self.name)?);
            Ok(now.is_some() && now.as_ref().map(|now| now.expose()) != before.as_ref().map(|before| before.expose()))
        };
        self.renew(another).await.map(Some)
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
            (Some(_), Some(lease)) => standing(lease, now_ms(), self.renewable(vault, lease)),
        }
    }

    /// Whether a token was given to the client or service account that there is now.
    fn is_of(&self, vault: &Vault, lease: &Lease) -> bool {
        let whose = || Ok::<_, Error>(self.party(&vault.unlock(&self.provider, &self.name)?)?.digest());
        // What cannot be read is said when it is used.
        whose().map_or(true, |whose| whose == lease.client)
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
        let file = self.dirs.make_data()?.join(format!("oauth-{}-{}.json", self.provider.id, self.name));
        let until = Instant::now() + HELD;
        loop {
            if let Some(held) = files::try_hold(&file)? {
                return Ok(held);
            }
            if Instant::now() > until {
                let line = format!("Another process renews the token of {} and does not end", self.provider.title);
                return Err(Error::new(Code::Unreachable, line).retryable());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Renews the token unless `done` finds that somebody else did. The work goes on where whoever asked for it turns away: an answer that
    /// nobody keeps would lose a token that takes the place of the one before.
    async fn renew(&self, done: impl Fn(&Vault) -> Result<bool>) -> Result<Credentials> {
        let held = match self.hold().await {
            Ok(held) => Some(held),
            // Where nothing can be written, a token that no person is asked for is fetched for this call alone.
            Err(error) if error.code == Code::Usage && self.is_fetched()? => None,
            Err(error) => return Err(error),
        };
        let vault = self.vault()?;
        if done(&vault)? {
            return vault.unlock(&self.provider, &self.name);
        }
        let account = self.clone();
        let work = tokio::spawn(async move {
            let renewed = account.renew_now(vault).await;
            drop(held);
            renewed
        });
        work.await.map_err(|error| Error::internal(error.to_string()))?
    }

    async fn renew_now(&self, mut vault: Vault) -> Result<Credentials> {
        let credentials = vault.unlock(&self.provider, &self.name)?;
        let party = self.party(&credentials)?;
        let lease = vault.lease(&self.provider.id, &self.name).cloned();
        if let Some(ended) = lease.as_ref().and_then(|lease| lease.ended.as_deref()) {
            return Err(self.needs_person(&format!("the authorization server refused to renew it ({ended})")));
        }
        let scopes = lease.as_ref().map_or_else(|| party.oauth.scopes.clone(), |lease| lease.scopes.clone());
        let by = match &lease {
            Some(lease) => lease.by,
            None if party.field("service_account").is_some() => Grant::ServiceAccount,
            None => Grant::ClientCredentials,
        };
        let granted = if person(by) { self.refresh(&party).await } else { self.fetch(&party, by, &scopes).await };
        match granted {
            // The user signed in anew, out, or typed a token meanwhile: that stands.
            Ok(_) if person(by) && self.vault()?.lease(&self.provider.id, &self.name) != lease.as_ref() => {
                self.vault()?.unlock(&self.provider, &self.name)
            }
            Ok(granted) => {
                let lease = party.lease(&granted, by, &scopes);
                let access = granted.access.clone();
                // Kept first, then used: a token that was used and lost could not be renewed.
                match vault.store_lease(&self.provider, &self.name, &party.changes(granted), Some(lease)) {
                    Err(_) if !person(by) => Ok(credentials.clone().with(&party.oauth.token_field, access)),
                    Err(error) => {
                        let message = format!("The token of {} was renewed, but not kept: {}", self.provider.title, error.message);
                        Err(Error { message, ..error }.hint(self.command()))
                    }
                    Ok(()) => vault.unlock(&self.provider, &self.name),
                }
            }
            Err(Trouble::Other(error)) => Err(error),
            Err(Trouble::Refused { error, said }) => Err(self.not_renewed(&mut vault, lease, &error, &said)),
        }
    }

    /// The error of a refusal. A grant that has ended is remembered, so that nobody asks for it again.
    fn not_renewed(&self, vault: &mut Vault, lease: Option<Lease>, error: &str, said: &str) -> Error {
        let Ok(oauth) = self.oauth() else { return Error::internal("no oauth") };
        let colon = if said.is_empty() { "" } else { ": " };
        let Some(lease) = lease.filter(|lease| person(lease.by)) else {
            let line = format!("{} gives no token to account '{}' ({error}){colon}{said}", self.provider.title, self.name);
            return Error::new(Code::NeedsReauth, line).hint(format!("angelia integrations:fields {}{}", self.provider.id, of(&self.name)));
        };
        if error == "invalid_grant" || oauth.ended_errors.iter().any(|known| known == error) {
            let ended = Lease { ended: Some(error.to_owned()), ..lease };
            let kept = vault.store_lease(&self.provider, &self.name, &Default::default(), Some(ended));
            let error = self.needs_person(&format!("the authorization server refused to renew it ({error}{colon}{said})"));
            return match kept {
                Ok(()) => error,
                Err(unkept) => error.hint(format!("This could not be remembered: {}", unkept.message)),
            };
        }
        let line = format!("The token of {} was not renewed ({error}){colon}{said}", self.provider.title);
        Error::new(Code::NeedsReauth, line)
            .hint(format!("Is the client right? angelia integrations:fields {}{}", self.provider.id, of(&self.name)))
            .hint(self.command())
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
    async fn refresh(&self, party: &Party<'_>) -> Result<Granted, Trouble> {
        let Some(token) = party.field(REFRESH) else {
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
