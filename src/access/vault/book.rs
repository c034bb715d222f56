//! `credentials.json`: which fields an account has, where each is kept, and how long its tokens live. No secret stands here in the open.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::store::Change;
use super::{Stored, Vault};
use crate::base::error::{Error, Result};
use crate::base::secret::Secret;
use crate::config::dirs::Dirs;
use crate::config::files;
use crate::config::layers::StoreChoice;
use crate::registry::credential::Grant;
use crate::registry::manifest::Provider;

type Accounts<T> = BTreeMap<String, BTreeMap<String, T>>;

/// The file, as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) salt: Option<String>,
    #[serde(default)]
    pub(super) accounts: Accounts<BTreeMap<String, Stored>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    leases: Accounts<Lease>,
}

/// What is known of the tokens that an account signed in for. A token that a person typed has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// How they were had.
    pub by: Grant,
    /// Milliseconds since the epoch, as all times here.
    pub obtained_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// What was granted; what was asked for, where the answer did not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Digest of whom the tokens were given to, so that another client's are not taken for them.
    pub client: String,
    /// Digest of the server that gave them: they are renewed and given back there and nowhere else.
    #[serde(default)]
    pub server: String,
    /// Why the authorization server will not renew them any more: its error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// Which token an account has, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    lease: Option<Lease>,
    token: Option<Stored>,
}

impl Known {
    fn of(book: &Book, provider: &Provider, account: &str) -> Self {
        let lease = book.leases.get(&provider.id).and_then(|accounts| accounts.get(account)).cloned();
        let fields = book.accounts.get(&provider.id).and_then(|accounts| accounts.get(account));
        let token = provider.oauth.as_ref().and_then(|oauth| fields?.get(&oauth.token_field)).cloned();
        Self { lease, token }
    }
}

impl Book {
    pub(super) fn set_lease(&mut self, provider: &str, account: &str, lease: Option<Lease>) {
        let of = self.leases.entry(provider.to_owned()).or_default();
        match lease {
            Some(lease) => _ = of.insert(account.to_owned(), lease),
            None => _ = of.remove(account),
        }
        self.leases.retain(|_, accounts| !accounts.is_empty());
    }

    /// A person wrote these fields: what was known of a token that they replace is not true any more, and another client may be renewed.
    pub(super) fn typed(&mut self, provider: &Provider, account: &str, changes: &BTreeMap<String, Option<Secret>>) {
        let Some(oauth) = &provider.oauth else { return };
        if changes.contains_key(&oauth.token_field) {
            return self.set_lease(&provider.id, account, None);
        }
        if let Some(lease) = self.leases.get_mut(&provider.id).and_then(|accounts| accounts.get_mut(account)) {
            lease.ended = None;
        }
    }
}

impl Vault {
    /// Reads the book again: another process may have written it.
    pub fn again(&self) -> Result<Self> {
        Self::open(&self.dirs, self.choice)
    }

    /// Where it is, for whoever opens it later.
    pub fn place(&self) -> (Dirs, StoreChoice) {
        (self.dirs.clone(), self.choice)
    }

    /// What is known of an account's tokens.
    pub fn lease(&self, provider: &str, account: &str) -> Option<&Lease> {
        self.book.leases.get(provider)?.get(account)
    }

    /// Stores what an authorization server gave (`None` removes a field), and how long it lives, at one moment. Its values are taken as they
    /// stand: none is a reference.
    pub fn store_lease(
        &mut self,
        provider: &Provider,
        account: &str,
        changes: &BTreeMap<String, Option<Secret>>,
        lease: Option<Lease>,
    ) -> Result<()> {
        let dirs = self.dirs.clone();
        let given = Change { provider, account, values: changes, refers: &|_, _| false };
        self.store_with(&dirs, &given, |_| true, |book| book.set_lease(&provider.id, account, lease)).map(drop)
    }

    /// What is known of an account's token now.
    pub fn known(&self, provider: &Provider, account: &str) -> Known {
        Known::of(&self.book, provider, account)
    }

    /// As [`Vault::store_lease`], where the account's token is still the one that was `known`: what the user did meanwhile stands. False
    /// and nothing stored where it is not.
    pub fn renew_lease(
        &mut self,
        provider: &Provider,
        account: &str,
        changes: &BTreeMap<String, Option<Secret>>,
        lease: Lease,
        known: &Known,
    ) -> Result<bool> {
        let dirs = self.dirs.clone();
        let given = Change { provider, account, values: changes, refers: &|_, _| false };
        let stands = |book: &Book| Known::of(book, provider, account) == *known;
        self.store_with(&dirs, &given, stands, |book| book.set_lease(&provider.id, account, Some(lease)))
    }

    /// Whether a field holds a token that is fetched when a call needs it, from fields that have values.
    pub fn is_fetched(&self, provider: &Provider, account: &str, key: &str) -> bool {
        let Some(oauth) = provider.oauth.as_ref().filter(|oauth| oauth.token_field == key) else { return false };
        let has = |key: &&str| {
            let field = provider.credentials.iter().find(|field| field.key == **key);
            field.is_some_and(|field| self.has(provider, account, field))
        };
        oauth.fetched_from().iter().any(|fields| fields.iter().all(has))
    }
}

pub(super) fn read_book(path: &Path) -> Result<Book> {
    match files::read_private(path)? {
        None => Ok(Book::default()),
        Some(text) => serde_json::from_str(&text).map_err(|error| Error::usage(format!("{} is damaged: {error}", path.display()))),
    }
}
