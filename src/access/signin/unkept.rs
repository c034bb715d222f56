//! Tokens that were renewed and could not be stored: this process has the only copy. It uses them, and tries again to keep them whenever they
//! are asked for. What another process does meanwhile, and what the user does, stands.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::access::vault::{Credentials, Known, Lease};
use crate::base::error::Error;
use crate::base::secret::Secret;

/// By provider and account.
static UNKEPT: LazyLock<Mutex<BTreeMap<(String, String), Unkept>>> = LazyLock::new(Mutex::default);

/// What was to be stored.
#[derive(Clone)]
pub(super) struct Unkept {
    /// The tokens whose place it takes.
    pub known: Known,
    pub changes: BTreeMap<String, Option<Secret>>,
    pub lease: Lease,
    /// The account's values with the new token.
    pub credentials: Credentials,
}

/// Remembers what could not be stored.
pub(super) fn put(provider: &str, account: &str, unkept: Unkept) {
    all().insert((provider.to_owned(), account.to_owned()), unkept);
}

/// What could not be stored, where it still takes the place of what is `known`.
pub(super) fn get(provider: &str, account: &str, known: &Known) -> Option<Unkept> {
    let key = (provider.to_owned(), account.to_owned());
    let mut all = all();
    if all.get(&key).is_some_and(|unkept| unkept.known != *known) {
        all.remove(&key);
    }
    all.get(&key).cloned()
}

/// What is said of it.
pub(super) fn said(title: &str, account: &str, why: &Error, connect: &str) -> String {
    let hints: String = why.hints.iter().map(|hint| format!(" ({hint})")).collect();
    format!(
        "The token of {title}, account '{account}', was renewed and could not be kept: {}{hints}. This process goes on with it; once it ends, the account may have to sign in again: {connect}",
        why.message
    )
}

fn all() -> std::sync::MutexGuard<'static, BTreeMap<(String, String), Unkept>> {
    UNKEPT.lock().unwrap_or_else(PoisonError::into_inner)
}
