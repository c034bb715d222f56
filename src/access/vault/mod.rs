//! Accounts and their credentials. A value is looked up in the environment, then in the store, then in the manifest's default.
//! `credentials.json` says which fields an account has and where each is kept; secrets in it are sealed, held by the keychain,
//! or references (`env:`, `file:`, `cmd:`). Telling what is there reads no secret and asks no keychain.

mod backend;
mod book;
mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::backend::{Backend, PASSPHRASE};
use self::book::{Book, read_book};
pub use self::book::{Known, Lease};
use crate::access::field::{check, fill, follow};
use crate::access::keychain::{self, Failure};
use crate::access::sealed::{KeyFrom, Sealer, salt_bytes};
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, nearest, printable};
use crate::base::secret::Secret;
use crate::config::dirs::Dirs;
use crate::config::env;
use crate::config::layers::StoreChoice;
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
    /// What must be known of a token among them that could not be stored.
    pub unkept: Option<String>,
}

impl Credentials {
    /// Fills a template such as `{token}`; `None` when a field in it has no value.
    pub fn fill(&self, template: &str) -> Option<Secret> {
        fill(template, |key| Some(self.values.get(key)?.0.expose())).map(Secret::new)
    }

    /// As [`Credentials::fill`], each value in the form that it takes there; `None` also when one cannot stand there.
    pub fn fill_as(&self, template: &str, form: impl Fn(&str, &str) -> Option<String>) -> Option<Secret> {
        fill(template, |key| form(key, self.values.get(key)?.0.expose())).map(Secret::new)
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
