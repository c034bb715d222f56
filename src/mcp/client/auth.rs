//! Authorization of protected servers: the tokens in our own credential store, the way there in a browser and back to a listener on
//! loopback that answers exactly one request. Discovery, registration, PKCE and refresh are the protocol library's work.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationRequest, AuthorizationSession, CredentialRefreshGuard, CredentialStore,
    OAuthClientConfig, StoredCredentials,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::access::launch;
use crate::access::loopback::Loopback;
use crate::access::vault::Vault;
use crate::base::clock::now_ms;
use crate::base::error::{Code, Error, Result};
use crate::base::quote::shell;
use crate::base::secret::Secret;
use crate::config::dirs::Dirs;
use crate::config::files;
use crate::config::layers::StoreChoice;
use crate::mcp::client::failure::printable_text;
use crate::mcp::client::http::Out;
use crate::mcp::client::secrets::{OAUTH, title};
use crate::mcp::entry::Entry;
use crate::mcp::secrets;
use crate::registry::credential::RedirectHost;

/// How long a person may take in the browser.
const PATIENCE: Duration = Duration::from_secs(300);
/// A token that ends sooner is renewed before it is used.
const SOON_MS: i64 = 600_000;

/// Where the user stores the secret of a client that is registered already: `mcp:secret:set SERVER client_secret`.
const CLIENT_SECRET: &str = "client_secret";

/// The tokens of one server, in the store of all credentials.
#[derive(Clone)]
pub struct Tokens {
    dirs: Dirs,
    choice: StoreChoice,
    entry: Entry,
    /// Scheme, host and port that the tokens are for; tokens of another origin are not known here.
    origin: Option<String>,
    /// What was read last: a keychain is not asked for each request.
    known: Arc<Mutex<Option<Option<StoredCredentials>>>>,
}

/// What stands in the store: the tokens, and whom they were given for.
#[derive(Serialize, Deserialize)]
struct Kept {
    origin: String,
    credentials: StoredCredentials,
}

impl Tokens {
    /// Reads nothing yet. Without `url` it only says whether there are any, and removes them.
    pub fn new(dirs: &Dirs, choice: StoreChoice, entry: &Entry, url: Option<&Url>) -> Self {
        let origin = url.map(|url| url.origin().ascii_serialization());
        Self { dirs: dirs.clone(), choice, entry: entry.clone(), origin, known: Arc::default() }
    }

    fn account(&self) -> String {
        secrets::account(&self.entry)
    }

    /// What is stored.
    pub fn read(&self) -> Result<Option<StoredCredentials>> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().as_ref() {
            return Ok(known.clone());
        }
        let vault = Vault::open(&self.dirs, self.choice)?;
        let stored = if secrets::stored(&vault, &self.entry).iter().any(|(key, _)| *key == OAUTH) {
            let credentials = vault.unlock(&secrets::provider(&self.entry.provider(), [OAUTH])?, &self.account())?;
            let kept: Option<Kept> = credentials.fill(&format!("{{{OAUTH}}}")).and_then(|secret| launch::parsed(&secret));
            // An entry that leads elsewhere now takes nothing along.
            kept.filter(|kept| self.origin.as_ref().is_none_or(|origin| *origin == kept.origin)).map(|kept| kept.credentials)
        } else {
            None
        };
        *known() = Some(stored.clone());
        Ok(stored)
    }

    /// Replaces what is stored; `None` removes it.
    pub fn write(&self, credentials: Option<StoredCredentials>) -> Result<()> {
        let secret = match &credentials {
            Some(credentials) => {
                let origin = self.origin.clone().ok_or_else(|| Error::internal("tokens of nobody"))?;
                let kept = Kept { origin, credentials: credentials.clone() };
                Some(Secret::new(serde_json::to_string(&kept).map_err(|error| Error::internal(error.to_string()))?))
            }
            None => None,
        };
        let mut vault = Vault::open(&self.dirs, self.choice)?;
        let changes = [(OAUTH.to_owned(), secret)].into_iter().collect();
        vault.store(&self.dirs, &secrets::provider(&self.entry.provider(), [OAUTH])?, &self.account(), &changes)?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials);
        Ok(())
    }

    /// The tokens themselves.
    pub fn secrets(&self) -> Vec<Secret> {
        let stored = self.read().ok().flatten().and_then(|stored| serde_json::to_value(stored).ok()).unwrap_or_default();
        let token = |name: &str| stored.pointer(&format!("/token_response/{name}")).and_then(serde_json::Value::as_str);
        ["access_token", "refresh_token"].into_iter().filter_map(token).map(|token| Secret::new(token.to_owned())).collect()
    }

    /// The secret of the client that is registered there already, where the user stored one.
    fn client_secret(&self) -> Result<Option<Secret>> {
        let vault = Vault::open(&self.dirs, self.choice)?;
        let id = self.entry.provider();
        if !secrets::stored(&vault, &self.entry).iter().any(|(key, _)| *key == CLIENT_SECRET) {
            return Ok(None);
        }
        Ok(vault.unlock(&secrets::provider(&id, [CLIENT_SECRET])?, &self.account())?.fill(&format!("{{{CLIENT_SECRET}}}")))
    }

    fn hold(&self) -> Result<std::fs::File> {
        let file = self.dirs.make_data()?.join("mcp-oauth.json");
        files::hold(&file)
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, AuthError>> + Send + 'a>>;

fn unstored(error: &Error) -> AuthError {
    AuthError::CredentialStoreError(error.message.clone())
}

// The trait is made by a macro that is not used here; these are the signatures it makes.
impl CredentialStore for Tokens {
    fn load<'a, 'b>(&'a self) -> Answer<'b, Option<StoredCredentials>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move { self.read().map_err(|error| unstored(&error)) })
    }

    fn save<'a, 'b>(&'a self, credentials: StoredCredentials) -> Answer<'b, ()>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move { self.write(Some(credentials)).map_err(|error| unstored(&error)) })
    }

    fn clear<'a, 'b>(&'a self) -> Answer<'b, ()>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move { self.write(None).map_err(|error| unstored(&error)) })
    }

    fn acquire_refresh_guard<'a, 'b>(&'a self) -> Answer<'b, Option<CredentialRefreshGuard>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let tokens = self.clone();
            let held = tokio::task::spawn_blocking(move || tokens.hold()).await;
            let file = held.map_err(|error| AuthError::InternalError(error.to_string()))?.map_err(|error| unstored(&error))?;
            // Another process may have renewed them meanwhile.
            self.known.lock().unwrap_or_else(PoisonError::into_inner).take();
            Ok(Some(CredentialRefreshGuard::new(file)))
        })
    }
}

/// Whether a token ends soon, so that the way to renew it must be known.
fn ends_soon(stored: &StoredCredentials) -> bool {
    let value = serde_json::to_value(stored).unwrap_or_default();
    let seconds = value.pointer("/token_response/expires_in").and_then(serde_json::Value::as_i64);
    match (seconds, stored.token_received_at) {
        (Some(seconds), Some(at)) => {
            let end = i64::try_from(at).unwrap_or(0).saturating_add(seconds).saturating_mul(1000);
            end.saturating_sub(now_ms()) < SOON_MS
        }
        _ => false,
    }
}

/// A manager that sends the stored tokens along; `None` where there are none. With `renew` it also knows how to renew them.
pub async fn manager(out: &Out, url: &Url, tokens: Tokens, renew: bool) -> Result<Option<AuthorizationManager>> {
    let Some(stored) = tokens.read()?.filter(|stored| stored.token_response.is_some()) else { return Ok(None) };
    let server = title(&tokens.entry);
    let failed = |error: AuthError| {
        Error::new(Code::Unreachable, format!("{server}: the authorization could not be renewed ({})", printable_text(&error.to_string())))
            .retryable()
    };
    let mut manager = AuthorizationManager::new_with_oauth_http_client(url.as_str(), Arc::new(out.clone())).await.map_err(failed)?;
    let renew = renew || ends_soon(&stored);
    let secret = if renew { tokens.client_secret()? } else { None };
    manager.set_credential_store(tokens);
    if renew {
        let known = manager.initialize_from_store().await.map_err(failed)?;
        if let (true, Some(secret)) = (known, secret) {
            let client = OAuthClientConfig::new(stored.client_id, url.as_str()).with_client_secret(launch::told(&secret));
            manager.configure_client(client).map_err(failed)?;
        }
    }
    Ok(Some(manager))
}

/// What a person is asked to allow.
#[derive(Default)]
pub struct Grant {
    /// What to ask for; the server's own choice when empty.
    pub scopes: Vec<String>,
    /// A client id that the authorization server knows already, or the address of a document that describes us, for servers that read such
    /// documents instead of registering clients.
    pub client_id: Option<String>,
    /// The server's challenge, if it gave one.
    pub challenge: Option<String>,
}

/// Asks for authorization; `show` is given the address to open. Answers the scopes that were granted.
pub async fn authorize(out: &Out, url: &Url, tokens: Tokens, grant: Grant, show: &(dyn Fn(&str) + Sync)) -> Result<Vec<String>> {
    let server = title(&tokens.entry);
    let failed = |error: AuthError| Error::new(Code::NeedsReauth, format!("{server}: no authorization: {}", chain(&error)));
    let loopback = Loopback::open(None).await?;
    let redirect = loopback.redirect(RedirectHost::Address.as_str());
    let before = tokens.read()?;
    let mut manager = AuthorizationManager::new_with_oauth_http_client(url.as_str(), Arc::new(out.clone())).await.map_err(failed)?;
    manager.set_credential_store(tokens.clone());
    let found = match grant.challenge.as_deref().filter(|challenge| !challenge.is_empty()) {
        Some(challenge) => manager.resolve_metadata_from_challenge(Some(challenge)).await,
        None => manager.resolve_metadata().await,
    };
    manager.set_metadata(found.map_err(failed)?.metadata);
    let mut request = AuthorizationRequest::new(&redirect).with_client_name("Angelia");
    if !grant.scopes.is_empty() {
        // A step up keeps what was allowed before.
        let mut scopes = grant.scopes;
        scopes.extend(before.map(|before| before.granted_scopes).unwrap_or_default());
        scopes.sort();
        scopes.dedup();
        request = request.with_scopes(scopes);
    }
    match grant.client_id {
        Some(document) if document.starts_with("https://") => request = request.with_client_metadata_url(document),
        Some(id) => {
            request = request.with_preregistered_client(id);
            request.client_secret = tokens.client_secret()?.as_ref().map(launch::told);
        }
        None => {}
    }
    if let Some(challenge) = grant.challenge.filter(|challenge| !challenge.is_empty()) {
        request = request.with_challenge(challenge);
    }
    let session = AuthorizationSession::new(manager, request).await.map_err(|(_, error)| {
        failed(error)
            .hint(format!("Where clients cannot register themselves: angelia mcp:auth {} --client-id ID", shell(&tokens.entry.name)))
    })?;
    let address = Url::parse(session.get_authorization_url()).map_err(|error| Error::internal(error.to_string()))?;
    let state = address.query_pairs().find(|(key, _)| key == "state").map(|(_, state)| state.into_owned()).unwrap_or_default();
    if !matches!(address.scheme(), "http" | "https") || state.is_empty() {
        return Err(Error::new(Code::InvalidResponse, format!("{server}: its authorization server has no usable address")));
    }
    show(address.as_str());
    let waiting = tokio::time::timeout(PATIENCE, loopback.wait(&state, &|_| {})).await;
    drop(loopback);
    let visit = waiting.map_err(|_| Error::new(Code::Timeout, "Nobody came back from the browser within 5 minutes"))?;
    if let Some((error, said)) = &visit.answer.error {
        let why = printable_text(if said.is_empty() { error } else { said });
        visit.tell(false, "Not allowed", "Access was not allowed; nothing was kept. You can close this page.").await;
        return Err(Error::new(Code::PermissionDenied, format!("The authorization was refused: {why}")));
    }
    let origin = redirect.trim_end_matches("/callback");
    let handled = session.handle_callback_url(&format!("{origin}{}", visit.answer.target)).await.map_err(failed);
    match &handled {
        Ok(_) => visit.tell(true, "Signed in", "You can close this page and go back to the terminal.").await,
        Err(_) => visit.tell(false, "Not signed in", "That did not work; the terminal says why. You can close this page.").await,
    }
    handled?;
    Ok(tokens.read()?.map(|stored| stored.granted_scopes).unwrap_or_default())
}

fn chain(error: &AuthError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |at| at.source());
    let said: Vec<String> = causes.map(ToString::to_string).collect();
    printable_text(&said.join(": "))
}
