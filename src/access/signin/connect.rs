//! Sign-in and its end: tokens for an account by a grant of its provider, kept with what is known of them; revoked and removed again.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use url::Url;

use crate::access::loopback::Visit;
use crate::access::signin::client::{Granted, Party, Trouble};
use crate::access::signin::{Account, REFRESH, code, device};
use crate::access::vault::Lease;
use crate::base::clock::now_ms;
use crate::base::error::Result;
use crate::base::secret::Secret;

use crate::registry::credential::Grant;

/// Who signs in.
pub trait Person: Sync {
    /// Shows the address where one consents, and opens it where that is wanted. `elsewhere` is where the browser ends, where nobody listens.
    fn visit(&self, address: &str, elsewhere: Option<&str>);
    /// Shows the code that is entered elsewhere.
    fn device(&self, shown: &Shown<'_>);
    /// Says something by the way.
    fn note(&self, text: &str);
    /// Waits until the person wants to leave.
    fn interrupted(&self) -> BoxFuture<'_, ()>;
    /// The next line that the person pastes; `None` where nobody can. Where there is no other way (`only`), it may come from a pipe.
    fn pasted(&self, only: bool) -> BoxFuture<'_, Option<String>>;
}

/// A code to be entered on another device.
pub struct Shown<'a> {
    pub address: &'a str,
    pub code: &'a str,
    /// The address with the code in it.
    pub complete: Option<&'a str>,
    /// How long the code holds.
    pub seconds: u64,
}

/// What is asked for.
pub struct Wish {
    pub grant: Grant,
    /// Instead of those of the manifest.
    pub scopes: Option<Vec<String>>,
    /// How long a person may take.
    pub patience: Duration,
    /// Where the browser is sent, instead of where the manifest says.
    pub redirect: Option<Url>,
}

impl Account {
    /// Signs in and keeps the tokens.
    pub async fn connect(&self, wish: &Wish, person: &dyn Person) -> Result<Lease> {
        let vault = self.vault()?;
        let credentials = vault.unlock(&self.provider, &self.name)?;
        let party = self.party(&credentials)?;
        let scopes = wish.scopes.as_ref().unwrap_or(&party.oauth.scopes);
        let (granted, visit) = self.granted(&party, wish, scopes, person).await?;
        let kept = self.keep(&party, granted, wish.grant, scopes).await;
        if let Some(visit) = visit {
            code::told(&party, visit, kept.as_ref().err()).await;
        }
        kept
    }

    /// Tokens by a grant, and the browser that waits for a page.
    async fn granted(&self, party: &Party<'_>, wish: &Wish, scopes: &[String], person: &dyn Person) -> Result<(Granted, Option<Visit>)> {
        let patience = wish.patience;
        match wish.grant {
            Grant::AuthorizationCode => code::by_code(party, scopes, wish, person).await.map(|(granted, visit)| (granted, Some(visit))),
            Grant::DeviceCode => tokio::select! {
                granted = device::by_device(party, scopes, person) => granted.map(|granted| (granted, None)),
                () = tokio::time::sleep(patience) => Err(code::nobody(party, patience)),
                () = person.interrupted() => Err(code::interrupted()),
            },
            by => tokio::select! {
                fetched = self.fetch(party, by, scopes) => match fetched {
                    Ok(granted) => Ok((granted, None)),
                    Err(Trouble::Other(error)) => Err(error),
                    Err(Trouble::Refused { error, said }) => Err(code::refused(party, &error, &said)),
                },
                () = person.interrupted() => Err(code::interrupted()),
            },
        }
    }

    /// Keeps the tokens of a sign-in.
    async fn keep(&self, party: &Party<'_>, granted: Granted, by: Grant, scopes: &[String]) -> Result<Lease> {
        // A refresh of the tokens before must not come after these.
        let held = self.hold().await?;
        let lease = party.lease(&granted, by, scopes)?;
        let mut changes = party.changes(granted, by);
        // What renewed the tokens of whoever signed in before must not renew these.
        if self.provider.credentials.iter().any(|field| field.key == REFRESH) {
            changes.entry(REFRESH.to_owned()).or_insert(None);
        }
        self.vault()?.store_lease(&self.provider, &self.name, &changes, Some(lease.clone()))?;
        drop(held);
        Ok(lease)
    }
}

impl Party<'_> {
    /// What is known of tokens that were just given.
    pub(super) fn lease(&self, granted: &Granted, by: Grant, asked: &[String]) -> Result<Lease> {
        let now = now_ms();
        let lives = granted.expires_in.and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1000)?.checked_add(now));
        Ok(Lease {
            by,
            obtained_at: now,
            expires_at: lives,
            scopes: granted.scopes.clone().unwrap_or_else(|| asked.to_vec()),
            client: self.digest(),
            server: self.server()?,
            ended: None,
        })
    }

    /// The fields that change by it. An answer without a refresh token changes none, and what is fetched anew is not renewed by one (RFC 6749
    /// section 4.4.3).
    pub(super) fn changes(&self, granted: Granted, by: Grant) -> BTreeMap<String, Option<Secret>> {
        let mut changes: BTreeMap<String, Option<Secret>> = BTreeMap::new();
        changes.extend(granted.kept.into_iter().map(|(field, value)| (field, Some(value))));
        changes.insert(self.oauth.token_field.clone(), Some(granted.access));
        let has_field = self.provider.credentials.iter().any(|field| field.key == REFRESH);
        if let Some(refresh) = granted.refresh.filter(|_| has_field && super::person(by)) {
            changes.insert(REFRESH.to_owned(), Some(refresh));
        }
        changes
    }
}
