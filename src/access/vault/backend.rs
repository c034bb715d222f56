//! Where new secrets go: the keychain, or a file sealed by a passphrase or by a key file. Never silently a weaker place.

use super::{Stored, Vault};
use crate::access::keychain::{self, Failure};
use crate::base::error::{Code, Error, Result};
use crate::config::env;
use crate::config::layers::StoreChoice;

/// Where new secrets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Keychain,
    Passphrase,
    KeyFile,
}

impl Backend {
    /// In words, honest about what it protects from.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Keychain => "the operating system's keychain",
            Self::Passphrase => "an encrypted file; the key comes from ANGELIA_PASSPHRASE",
            Self::KeyFile => {
                "an encrypted file; the key stands in another folder (0600): it protects copies of the data folder, not against a program that runs as you"
            }
        }
    }
}

/// The variable with the passphrase of the encrypted file.
pub const PASSPHRASE: &str = "ANGELIA_PASSPHRASE";

impl Vault {
    /// Which store new secrets go to, in words, without touching it more than a question.
    pub fn backend(&self) -> Result<Backend> {
        let file = || match env::var(PASSPHRASE) {
            Some(_) => Ok(Backend::Passphrase),
            // What a passphrase protects is not followed by secrets in a weaker store, unless somebody says so.
            None if self.all().any(|(_, stored)| matches!(stored, Stored::SealedByPassphrase(_))) => {
                Err(Error::new(Code::MissingCredentials, "Secrets are sealed by a passphrase here, and it is not given")
                    .hint(format!("Set {PASSPHRASE}")))
            }
            None => Ok(Backend::KeyFile),
        };
        match self.choice {
            StoreChoice::File => file(),
            StoreChoice::Keychain => keychain::answers().map(|()| Backend::Keychain).map_err(|failure| {
                Error::new(Code::Usage, format!("Secrets shall go to the keychain, but {failure}"))
                    .hint("angelia config:set credentials.store file")
            }),
            StoreChoice::Auto => match keychain::answers() {
                Ok(()) => Ok(Backend::Keychain),
                Err(Failure::None) => file(),
                Err(failure) => Err(Error::new(Code::Usage, format!("It is not clear where secrets shall go: {failure}"))
                    .hint("Unlock the keychain, or choose the encrypted file: angelia config:set credentials.store file")),
            },
        }
    }
}
