//! Writing to the vault: fields of an account, all of them or none, and accounts that are removed or get another name. What may be a
//! reference to something kept elsewhere is decided here: only what a person typed.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::book::{Book, read_book};
use super::{Backend, Sealers, Stored, Vault, not_read};
use crate::access::field::{check, follow, is_reference};
use crate::access::keychain;
use crate::access::sealed::salt;
use crate::base::error::{Code, Error, Result};
use crate::base::name::printable;
use crate::base::secret::Secret;
use crate::config::dirs::Dirs;
use crate::config::files;
use crate::registry::credential::Credential;
use crate::registry::manifest::Provider;

/// How long whoever renews an account's tokens is waited for: a minute, in looks.
const LOOKS: u32 = 6000;
const LOOK: Duration = Duration::from_millis(10);

/// What changes of one account.
pub(super) struct Change<'a> {
    pub provider: &'a Provider,
    pub account: &'a str,
    /// `None` removes a field.
    pub values: &'a BTreeMap<String, Option<Secret>>,
    /// Whether a field's value is a reference. What a server chose never is: following it would run a command of the server's.
    pub refers: &'a dyn Fn(&str, &Secret) -> bool,
}

impl Change<'_> {
    /// Whether there is a secret to be put away.
    fn needs_backend(&self) -> bool {
        let is_secret = |key: &str| field(self.provider, key).is_some_and(|field| field.secret);
        self.values.iter().any(|(key, value)| is_secret(key) && value.as_ref().is_some_and(|value| !(self.refers)(key, value)))
    }
}

impl Vault {
    /// Stores fields of an account; `None` removes one. All or nothing in the book; secrets go to the backend first. A person typed the
    /// values: they may be references.
    pub fn store(&mut self, dirs: &Dirs, provider: &Provider, account: &str, changes: &BTreeMap<String, Option<Secret>>) -> Result<()> {
        let change = Change { provider, account, values: changes, refers: &|_, value| is_reference(value.expose()) };
        self.store_with(dirs, &change, |_| true, |book| book.typed(provider, account, changes)).map(drop)
    }

    /// As [`Vault::store`], where what the book says still `stands`; false and nothing written where it does not. `note` writes into the
    /// book what else is known of the account, at the same moment.
    pub(super) fn store_with(
        &mut self,
        dirs: &Dirs,
        change: &Change<'_>,
        stands: impl FnOnce(&Book) -> bool,
        note: impl FnOnce(&mut Book),
    ) -> Result<bool> {
        let Change { provider, account, .. } = *change;
        let path = dirs.make_data()?.join("credentials.json");
        dirs.make_config()?;
        files::locked(&path, || {
            self.book = read_book(&path)?;
            if !stands(&self.book) {
                return Ok(false);
            }
            let backend = if change.needs_backend() { Some(self.backend()?) } else { None };
            if matches!(backend, Some(Backend::Passphrase)) && self.book.salt.is_none() {
                self.book.salt = Some(salt());
            }
            let replaced: Vec<String> = change.values.keys().map(|key| format!("{}/{account}/{key}", provider.id)).collect();
            let mut sealers = self.sealers(backend, &replaced)?;
            // A keychain takes one value after the other: a token is there no sooner than what renews it.
            let is_token = |key: &str| provider.oauth.as_ref().is_some_and(|oauth| oauth.token_field == key);
            let (tokens, others): (Vec<_>, Vec<_>) = change.values.iter().partition(|(key, _)| is_token(key));
            for (key, value) in others.into_iter().chain(tokens) {
                let field = field(provider, key).ok_or_else(|| Error::internal("a field that was not checked"))?;
                let stored = match value {
                    None => None,
                    Some(value) if (change.refers)(key, value) => Some(Stored::Reference(value.expose().to_owned())),
                    Some(value) => Some(self.keep(&format!("{}/{account}/{key}", provider.id), field, value, backend, &mut sealers)?),
                };
                self.put(&provider.id, account, key, stored)?;
            }
            note(&mut self.book);
            self.write(&path)?;
            Ok(true)
        })
    }

    /// Puts a value where it belongs, as it stands; answers what the book says of it.
    fn keep(&self, place: &str, field: &Credential, value: &Secret, backend: Option<Backend>, sealers: &mut Sealers) -> Result<Stored> {
        let value = Secret::new(check(field, value.expose())?);
        if !field.secret {
            return Ok(Stored::Plain(value.expose().to_owned()));
        }
        match backend {
            Some(Backend::Keychain) => {
                keychain::set(place, &value).map_err(|failure| {
                    Error::new(Code::MissingCredentials, format!("{place} was not stored: {failure}"))
                        .hint("Unlock the keychain, or choose the encrypted file: angelia config:set credentials.store file")
                })?;
                Ok(Stored::Keychain)
            }
            Some(Backend::Passphrase) => Ok(Stored::SealedByPassphrase(self.by_passphrase(sealers)?.seal(place, &value)?)),
            _ => Ok(Stored::Sealed(self.by_key_file(sealers, false)?.seal(place, &value)?)),
        }
    }

    /// Fails where nothing could be stored now: what is given only once is not asked for then.
    pub fn writable(&self) -> Result<()> {
        let path = self.dirs.make_data()?.join("credentials.json");
        self.backend()?;
        files::locked(&path, || match files::read_private(&path)? {
            Some(text) => files::write_private(&path, &text),
            None => Ok(()),
        })
    }

    /// Every field with its place.
    pub(super) fn all(&self) -> impl Iterator<Item = (String, &Stored)> {
        self.book.accounts.iter().flat_map(|(provider, accounts)| {
            accounts
                .iter()
                .flat_map(move |(account, fields)| fields.iter().map(move |(key, stored)| (format!("{provider}/{account}/{key}"), stored)))
        })
    }

    /// The key for new secrets. A new key file is made only when nothing stays that an old one sealed, and a passphrase must open
    /// what stays: a mistyped one would seal what nobody can open.
    fn sealers(&self, backend: Option<Backend>, replaced: &[String]) -> Result<Sealers> {
        let mut sealers = Sealers::default();
        let mut stays = self.all().filter(|(place, _)| !replaced.contains(place));
        match backend {
            Some(Backend::KeyFile) => {
                let make = !stays.any(|(_, stored)| matches!(stored, Stored::Sealed(_)));
                self.by_key_file(&mut sealers, make)?;
            }
            Some(Backend::Passphrase) => {
                let known = stays.find_map(|(place, stored)| match stored {
                    Stored::SealedByPassphrase(sealed) => Some((place, sealed)),
                    _ => None,
                });
                if let Some((place, sealed)) = known {
                    self.by_passphrase(&mut sealers)?.open_value(&place, sealed)?;
                }
            }
            _ => {}
        }
        Ok(sealers)
    }

    fn put(&mut self, provider: &str, account: &str, key: &str, stored: Option<Stored>) -> Result<()> {
        let accounts = self.book.accounts.entry(provider.to_owned()).or_default();
        let fields = accounts.entry(account.to_owned()).or_default();
        let old = match stored {
            Some(stored) => fields.insert(key.to_owned(), stored.clone()).filter(|old| *old != stored),
            None => fields.remove(key),
        };
        if fields.is_empty() {
            accounts.remove(account);
        }
        if accounts.is_empty() {
            self.book.accounts.remove(provider);
        }
        match old {
            Some(Stored::Keychain) => keychain::remove(&format!("{provider}/{account}/{key}"))
                .map_err(|failure| Error::usage(format!("{provider}/{account}/{key} is still in the keychain: {failure}"))),
            _ => Ok(()),
        }
    }

    fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.book).map_err(|error| Error::internal(error.to_string()))?;
        files::write_private(path, &text)
    }

    /// Removes an account with all its secrets; false when nothing was stored for it. Who renews its tokens just now would bring them back.
    pub fn remove(&mut self, dirs: &Dirs, provider: &str, account: &str) -> Result<bool> {
        let held = self.lease(provider, account).is_some().then(|| self.hold(provider, account)).transpose()?;
        let removed = self.remove_held(dirs, provider, account);
        drop(held);
        removed
    }

    fn remove_held(&mut self, dirs: &Dirs, provider: &str, account: &str) -> Result<bool> {
        let path = dirs.make_data()?.join("credentials.json");
        files::locked(&path, || {
            self.book = read_book(&path)?;
            let keys: Vec<String> = self.stored(provider, account).map(|(key, _)| key.to_owned()).collect();
            for key in &keys {
                self.put(provider, account, key, None)?;
            }
            self.book.set_lease(provider, account, None);
            self.write(&path)?;
            Ok(!keys.is_empty())
        })
    }

    /// Gives an account another alias. Sealed values are bound to their place, so they are opened and sealed again. Who renews its tokens
    /// just now has done so before.
    pub fn rename(&mut self, dirs: &Dirs, provider: &Provider, from: &str, to: &str) -> Result<()> {
        // In the order of their names: two who wait for each other would wait for ever.
        let mut names = [from, to];
        names.sort_unstable();
        let signs_in = provider.oauth.is_some() && from != to;
        let held: Vec<File> = names.into_iter().filter(|_| signs_in).map(|name| self.hold(&provider.id, name)).collect::<Result<_>>()?;
        *self = self.again()?;
        let renamed = self.rename_held(dirs, provider, from, to);
        drop(held);
        renamed
    }

    fn rename_held(&mut self, dirs: &Dirs, provider: &Provider, from: &str, to: &str) -> Result<()> {
        let stored: BTreeMap<String, Stored> =
            self.stored(&provider.id, from).map(|(key, stored)| (key.to_owned(), stored.clone())).collect();
        if stored.is_empty() {
            return Err(Error::new(
                Code::UnknownAccount,
                format!("Integration '{}' has nothing stored for account '{}'", provider.id, printable(from)),
            ));
        }
        if self.book.accounts.get(&provider.id).is_some_and(|accounts| accounts.contains_key(to)) {
            return Err(Error::usage(format!("Integration '{}' already has an account '{to}'", provider.id)));
        }
        let refers = |key: &str| matches!(stored.get(key), Some(Stored::Reference(_)));
        let mut values = BTreeMap::new();
        for field in &provider.credentials {
            let value = match stored.get(&field.key) {
                None => continue,
                Some(Stored::Reference(reference)) => Some(Secret::new(reference.clone())),
                Some(_) => self.stored_value(provider, from, &field.key)?,
            };
            values.insert(field.key.clone(), value);
        }
        let lease = self.lease(&provider.id, from).cloned();
        // What is no reference stays none, whatever it looks like.
        let change = Change { provider, account: to, values: &values, refers: &|key, _| refers(key) };
        self.store_with(dirs, &change, |_| true, |book| book.set_lease(&provider.id, to, lease))?;
        self.remove_held(dirs, &provider.id, from).map(drop)
    }

    /// What is stored of a field, whatever stands in the environment.
    pub fn stored_value(&self, provider: &Provider, account: &str, key: &str) -> Result<Option<Secret>> {
        let place = format!("{}/{account}/{key}", provider.id);
        match self.stored(&provider.id, account).find(|(known, _)| *known == key).map(|(_, stored)| stored) {
            Some(Stored::Plain(text)) => Ok(Some(Secret::new(text.clone()))),
            Some(Stored::Keychain) => keychain::get(&place).map(Some).map_err(|failure| not_read(&place, &failure)),
            Some(Stored::Sealed(sealed)) => self.by_key_file(&mut Sealers::default(), false)?.open_value(&place, sealed).map(Some),
            Some(Stored::SealedByPassphrase(sealed)) => self.by_passphrase(&mut Sealers::default())?.open_value(&place, sealed).map(Some),
            Some(Stored::Reference(reference)) => follow(&place, reference).map(Some),
            None => Ok(None),
        }
    }

    /// Holds an account's tokens for this process, as who renews them does.
    fn hold(&self, provider: &str, account: &str) -> Result<File> {
        for _ in 0..LOOKS {
            if let Some(held) = self.try_hold(provider, account)? {
                return Ok(held);
            }
            std::thread::sleep(LOOK);
        }
        Err(Error::new(
            Code::Unreachable,
            format!("The tokens of {provider}, account '{account}', are being renewed, and that does not end"),
        )
        .retryable())
    }

    /// Holds an account's tokens for this process; `None` while another one does.
    pub fn try_hold(&self, provider: &str, account: &str) -> Result<Option<File>> {
        files::try_hold(&self.dirs.make_data()?.join(format!("oauth-{provider}-{account}.json")))
    }
}

fn field<'a>(provider: &'a Provider, key: &str) -> Option<&'a Credential> {
    provider.credentials.iter().find(|field| field.key == key)
}
