//! Accounts and their credentials. A value is looked up in the environment, then in the store, then in the manifest's default.
//! `credentials.json` says which fields an account has and where each is kept; secrets in it are sealed, held by the keychain,
//! or references (`env:`, `file:`, `cmd:`). Telling what is there reads no secret and asks no keychain.

mod backend;
mod book;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::backend::{Backend, PASSPHRASE};
pub use self::book::Lease;
use self::book::{Book, read_book};
use crate::access::field::{check, fill, follow, is_reference};
use crate::access::keychain::{self, Failure};
use crate::access::sealed::{KeyFrom, Sealer, salt, salt_bytes};
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, nearest, printable};
use crate::base::secret::Secret;
use crate::config::dirs::Dirs;
use crate::config::layers::StoreChoice;
use crate::config::{env, files};
use crate::registry::credential::Credential;
use crate::registry::manifest::Provider;

/// Where one field is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// Not a secret.
    Plain(String),
    /// `env:NAME`, `file:PATH`, `cmd:COMMAND`.
    Reference(String),
    /// In the operating system's keychain.
    Keychain,
    /// Here, sealed by the key file.
    Sealed(String),
    /// Here, sealed by the passphrase.
    SealedByPassphrase(String),
}

/// Where a field's value would come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An environment variable of this name.
    Environment(String),
    /// The store.
    Stored(Stored),
    /// The manifest's default.
    Default(String),
}

impl Source {
    /// The word in listings.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Environment(_) => "environment",
            Self::Stored(Stored::Plain(_)) => "settings",
            Self::Stored(Stored::Reference(_)) => "reference",
            Self::Stored(Stored::Keychain) => "keychain",
            Self::Stored(Stored::Sealed(_) | Stored::SealedByPassphrase(_)) => "encrypted file",
            Self::Default(_) => "default",
        }
    }
}

/// The values of one account, ready for use.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    values: BTreeMap<String, (Secret, bool)>,
}

impl Credentials {
    /// Fills a template such as `{token}`; `None` when a field in it has no value.
    pub fn fill(&self, template: &str) -> Option<Secret> {
        fill(template, |key| Some(self.values.get(key)?.0.expose())).map(Secret::new)
    }

    /// As they are, with another secret in this field.
    pub fn with(mut self, key: &str, secret: Secret) -> Self {
        self.values.insert(key.to_owned(), (secret, true));
        self
    }

    /// The values that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.values.values().filter(|(_, secret)| *secret).map(|(value, _)| value)
    }
}

/// Keys that were opened, each once.
#[derive(Default)]
struct Sealers {
    key_file: Option<Sealer>,
    passphrase: Option<Sealer>,
}

/// The accounts of all providers.
pub struct Vault {
    dirs: Dirs,
    key_path: Option<PathBuf>,
    choice: StoreChoice,
    book: Book,
}

impl Vault {
    /// Reads which accounts there are; no secret is opened.
    pub fn open(dirs: &Dirs, choice: StoreChoice) -> Result<Self> {
        let path = dirs.data().map(|folder| folder.join("credentials.json"));
        let book = match &path {
            Some(path) => read_book(path)?,
            None => Book::default(),
        };
        Ok(Self { dirs: dirs.clone(), key_path: dirs.config().map(|folder| folder.join("credentials.key")), choice, book })
    }

    /// Aliases of a provider's accounts, `default` first.
    pub fn accounts(&self, provider: &str) -> Vec<String> {
        let mut names = vec![DEFAULT_ACCOUNT.to_owned()];
        names.extend(
            self.book
                .accounts
                .get(provider)
                .into_iter()
                .flat_map(|accounts| accounts.keys().filter(|name| *name != DEFAULT_ACCOUNT).cloned()),
        );
        names
    }

    /// Whether anything is stored for a provider.
    pub fn knows(&self, provider: &str) -> bool {
        self.book.accounts.contains_key(provider)
    }

    /// What is stored for an account, by field.
    pub fn stored(&self, provider: &str, account: &str) -> impl Iterator<Item = (&str, &Stored)> {
        let fields = self.book.accounts.get(provider).and_then(|accounts| accounts.get(account));
        fields.into_iter().flatten().map(|(key, stored)| (key.as_str(), stored))
    }

    /// Ids of the providers that something is stored for.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.book.accounts.keys().map(String::as_str)
    }

    /// Refuses an account that neither the store, the settings (`named`) nor the environment knows.
    pub fn check_account(&self, provider: &Provider, account: &str, named: bool) -> Result<()> {
        let in_environment =
            || provider.credentials.iter().any(|field| env::var(&account_variable(&provider.id, account, &field.key)).is_some());
        if named || self.accounts(&provider.id).iter().any(|known| known == account) || in_environment() {
            return Ok(());
        }
        let known = self.accounts(&provider.id);
        let near = nearest(account, known.iter().map(String::as_str));
        Err(Error::new(
            Code::UnknownAccount,
            format!("Integration '{}' has no account '{}'; it has {}", provider.id, printable(account), known.join(", ")),
        )
        .hints(near.iter().map(|near| format!("Did you mean '{near}'?")))
        .hint(format!("angelia integrations:configure {} --account {} --set …", provider.id, printable(account))))
    }

    /// Where a field's value would come from.
    pub fn source(&self, provider: &str, account: &str, key: &str, aliases: &[String], default: Option<&str>) -> Option<Source> {
        let mut variables = vec![account_variable(provider, account, key)];
        if account == DEFAULT_ACCOUNT {
            variables.insert(0, format!("ANGELIA_{}_{}", provider.to_uppercase(), key.to_uppercase()));
            variables.extend(aliases.iter().cloned());
        }
        let stored = || self.book.accounts.get(provider)?.get(account)?.get(key).filter(|stored| leads_somewhere(stored)).cloned();
        variables
            .into_iter()
            .find(|name| env::var(name).is_some())
            .map(Source::Environment)
            .or_else(|| stored().map(Source::Stored))
            .or_else(|| default.map(|default| Source::Default(default.to_owned())))
    }

    /// Required fields of an account that have no value.
    pub fn missing<'a>(&self, provider: &'a Provider, account: &str) -> Vec<&'a Credential> {
        provider
            .credentials
            .iter()
            .filter(|field| field.required && !self.has(provider, account, field) && !self.is_fetched(provider, account, &field.key))
            .filter(|field| {
                !provider.credentials.iter().any(|other| field.unless.contains(&other.key) && self.has(provider, account, other))
            })
            .collect()
    }

    /// Whether a field has a value.
    fn has(&self, provider: &Provider, account: &str, field: &Credential) -> bool {
        self.source(&provider.id, account, &field.key, &field.env, field.default.as_deref()).is_some()
    }

    /// The values of the fields that are not secret, checked.
    pub fn settings(&self, provider: &Provider, account: &str) -> Result<BTreeMap<String, String>> {
        let mut settings = BTreeMap::new();
        for field in provider.credentials.iter().filter(|field| !field.secret) {
            if let Some(value) = self.value(&provider.id, account, field, &mut Sealers::default())? {
                settings.insert(field.key.clone(), check(field, value.expose())?);
            }
        }
        Ok(settings)
    }

    /// All values of an account.
    pub fn unlock(&self, provider: &Provider, account: &str) -> Result<Credentials> {
        let mut credentials = Credentials::default();
        let mut sealers = Sealers::default();
        for field in &provider.credentials {
            if let Some(value) = self.value(&provider.id, account, field, &mut sealers)? {
                let value = Secret::new(check(field, value.expose())?);
                credentials.values.insert(field.key.clone(), (value, field.secret));
            }
        }
        Ok(credentials)
    }

    fn value(&self, provider: &str, account: &str, field: &Credential, sealers: &mut Sealers) -> Result<Option<Secret>> {
        let place = format!("{provider}/{account}/{}", field.key);
        let value = match self.source(provider, account, &field.key, &field.env, field.default.as_deref()) {
            None => return Ok(None),
            Some(Source::Environment(name)) => env::var(&name).map(Secret::new),
            Some(Source::Default(text) | Source::Stored(Stored::Plain(text))) => Some(Secret::new(text)),
            Some(Source::Stored(Stored::Reference(reference))) => Some(follow(&place, &reference)?),
            Some(Source::Stored(Stored::Keychain)) => Some(keychain::get(&place).map_err(|failure| not_read(&place, &failure))?),
            Some(Source::Stored(Stored::Sealed(sealed))) => Some(self.by_key_file(sealers, false)?.open_value(&place, &sealed)?),
            Some(Source::Stored(Stored::SealedByPassphrase(sealed))) => Some(self.by_passphrase(sealers)?.open_value(&place, &sealed)?),
        };
        Ok(value)
    }

    fn by_key_file<'a>(&self, sealers: &'a mut Sealers, make: bool) -> Result<&'a Sealer> {
        let sealer = match sealers.key_file.take() {
            Some(sealer) => sealer,
            None => {
                let path = self
                    .key_path
                    .as_deref()
                    .ok_or_else(|| Error::usage("Nothing can be stored: there is no home folder; set ANGELIA_HOME"))?;
                Sealer::open(&KeyFrom::File(path), make)?
            }
        };
        Ok(sealers.key_file.insert(sealer))
    }

    fn by_passphrase<'a>(&self, sealers: &'a mut Sealers) -> Result<&'a Sealer> {
        let sealer = match sealers.passphrase.take() {
            Some(sealer) => sealer,
            None => {
                let needed =
                    || Error::new(Code::MissingCredentials, "Stored secrets are sealed by a passphrase").hint(format!("Set {PASSPHRASE}"));
                let phrase = env::var(PASSPHRASE).ok_or_else(needed)?;
                let salt = salt_bytes(self.book.salt.as_deref().ok_or_else(needed)?);
                Sealer::open(&KeyFrom::Passphrase { phrase: &phrase, salt: &salt }, false)?
            }
        };
        Ok(sealers.passphrase.insert(sealer))
    }

    /// Stores fields of an account; `None` removes one. All or nothing in the book; secrets go to the backend first.
    pub fn store(&mut self, dirs: &Dirs, provider: &Provider, account: &str, changes: &BTreeMap<String, Option<Secret>>) -> Result<()> {
        self.store_with(dirs, provider, account, changes, |book| book.typed(provider, account, changes))
    }

    /// As [`Vault::store`]; `note` writes into the book what else is known of the account, at the same moment.
    fn store_with(
        &mut self,
        dirs: &Dirs,
        provider: &Provider,
        account: &str,
        changes: &BTreeMap<String, Option<Secret>>,
        note: impl FnOnce(&mut Book),
    ) -> Result<()> {
        let path = dirs.make_data()?.join("credentials.json");
        dirs.make_config()?;
        files::locked(&path, || {
            self.book = read_book(&path)?;
            let has_secret = |key: &str| provider.credentials.iter().any(|field| field.key == key && field.secret);
            let needs_backend =
                changes.iter().any(|(key, value)| has_secret(key) && value.as_ref().is_some_and(|value| !is_reference(value.expose())));
            let backend = if needs_backend { Some(self.backend()?) } else { None };
            if matches!(backend, Some(Backend::Passphrase)) && self.book.salt.is_none() {
                self.book.salt = Some(salt());
            }
            let replaced: Vec<String> = changes.keys().map(|key| format!("{}/{account}/{key}", provider.id)).collect();
            let mut sealers = self.sealers(backend, &replaced)?;
            // A keychain takes one value after the other: a token is there no sooner than what renews it.
            let is_token = |key: &str| provider.oauth.as_ref().is_some_and(|oauth| oauth.token_field == key);
            let (tokens, others): (Vec<_>, Vec<_>) = changes.iter().partition(|(key, _)| is_token(key));
            for (key, value) in others.into_iter().chain(tokens) {
                let field = provider
                    .credentials
                    .iter()
                    .find(|field| field.key == *key)
                    .ok_or_else(|| Error::internal("a field that was not checked"))?;
                let stored = match value {
                    None => None,
                    Some(value) => Some(self.keep(&format!("{}/{account}/{key}", provider.id), field, value, backend, &mut sealers)?),
                };
                self.put(&provider.id, account, key, stored)?;
            }
            note(&mut self.book);
            self.write(&path)
        })
    }

    /// Puts a value where it belongs; answers what the book says of it.
    fn keep(&self, place: &str, field: &Credential, value: &Secret, backend: Option<Backend>, sealers: &mut Sealers) -> Result<Stored> {
        if is_reference(value.expose()) {
            return Ok(Stored::Reference(value.expose().to_owned()));
        }
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

    /// Every field with its place.
    fn all(&self) -> impl Iterator<Item = (String, &Stored)> {
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

    /// Removes an account with all its secrets; false when nothing was stored for it.
    pub fn remove(&mut self, dirs: &Dirs, provider: &str, account: &str) -> Result<bool> {
        let path = dirs.make_data()?.join("credentials.json");
        files::locked(&path, || {
            self.book = read_book(&path)?;
            let keys: Vec<String> = self
                .book
                .accounts
                .get(provider)
                .and_then(|accounts| accounts.get(account))
                .map(|fields| fields.keys().cloned().collect())
                .unwrap_or_default();
            for key in &keys {
                self.put(provider, account, key, None)?;
            }
            self.book.set_lease(provider, account, None);
            self.write(&path)?;
            Ok(!keys.is_empty())
        })
    }

    /// Gives an account another alias. Sealed values are bound to their place, so they are opened and sealed again.
    pub fn rename(&mut self, dirs: &Dirs, provider: &Provider, from: &str, to: &str) -> Result<()> {
        let stored = self.book.accounts.get(&provider.id).and_then(|accounts| accounts.get(from)).cloned();
        let Some(stored) = stored else {
            return Err(Error::new(
                Code::UnknownAccount,
                format!("Integration '{}' has nothing stored for account '{}'", provider.id, printable(from)),
            ));
        };
        if self.book.accounts.get(&provider.id).is_some_and(|accounts| accounts.contains_key(to)) {
            return Err(Error::usage(format!("Integration '{}' already has an account '{to}'", provider.id)));
        }
        let mut changes = BTreeMap::new();
        for field in provider.credentials.iter().filter(|field| stored.contains_key(&field.key)) {
            let value = match &stored[&field.key] {
                Stored::Reference(reference) => Some(Secret::new(reference.clone())),
                _ => self.stored_value(&provider.id, from, field)?,
            };
            changes.insert(field.key.clone(), value);
        }
        let lease = self.lease(&provider.id, from).cloned();
        self.store_with(dirs, provider, to, &changes, |book| book.set_lease(&provider.id, to, lease))?;
        self.remove(dirs, &provider.id, from).map(drop)
    }

    fn stored_value(&self, provider: &str, account: &str, field: &Credential) -> Result<Option<Secret>> {
        let place = format!("{provider}/{account}/{}", field.key);
        match self.book.accounts.get(provider).and_then(|accounts| accounts.get(account)).and_then(|fields| fields.get(&field.key)) {
            Some(Stored::Plain(text)) => Ok(Some(Secret::new(text.clone()))),
            Some(Stored::Keychain) => keychain::get(&place).map(Some).map_err(|failure| not_read(&place, &failure)),
            Some(Stored::Sealed(sealed)) => self.by_key_file(&mut Sealers::default(), false)?.open_value(&place, sealed).map(Some),
            Some(Stored::SealedByPassphrase(sealed)) => self.by_passphrase(&mut Sealers::default())?.open_value(&place, sealed).map(Some),
            Some(Stored::Reference(_)) | None => Ok(None),
        }
    }
}

/// Whether a reference has something to refer to; a command is not run to find out.
fn leads_somewhere(stored: &Stored) -> bool {
    match stored {
        Stored::Reference(reference) => match reference.split_once(':') {
            Some(("env", name)) => env::var(name).is_some(),
            Some(("file", path)) => Path::new(path).exists(),
            _ => true,
        },
        _ => true,
    }
}

fn account_variable(provider: &str, account: &str, key: &str) -> String {
    format!("ANGELIA_{}__{}__{}", provider.to_uppercase(), account.to_uppercase().replace('-', "_"), key.to_uppercase())
}

fn not_read(place: &str, failure: &Failure) -> Error {
    Error::new(Code::MissingCredentials, format!("The secret {place} cannot be read: {failure}"))
        .hint("Unlock the keychain, or give the value in the environment, or store it again with angelia integrations:configure")
}
