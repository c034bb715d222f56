//! Secrets in a file: XChaCha20-Poly1305 with a fresh nonce for each, bound to provider, account and field.
//! The key comes from a passphrase (Argon2id) or from a key file kept in another folder. The key file protects backups and
//! accidental copies of the data folder, not against somebody who reads both folders; `doctor` says so.

use std::path::Path;

use argon2::Argon2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead as _, Generate as _, Key, KeyInit as _, Nonce, Payload};
use zeroize::Zeroizing;

use crate::base::error::{Code, Error, Result};
use crate::base::secret::Secret;
use crate::config::files;

/// What a key is made from.
pub enum KeyFrom<'a> {
    /// A passphrase and the store's salt.
    Passphrase { phrase: &'a str, salt: &'a [u8] },
    /// A key file.
    File(&'a Path),
}

/// A key that is ready.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
}

const NONCE: usize = 24;

impl Sealer {
    /// Derives or reads the key; `make` makes a key file where there is none, or a damaged one.
    pub fn open(from: &KeyFrom<'_>, make: bool) -> Result<Self> {
        let mut key = Zeroizing::new([0_u8; 32]);
        match from {
            KeyFrom::Passphrase { phrase, salt } => {
                Argon2::default()
                    .hash_password_into(phrase.as_bytes(), salt, key.as_mut())
                    .map_err(|error| Error::internal(format!("the passphrase cannot be used: {error}")))?;
            }
            KeyFrom::File(path) => {
                let there = files::read_private(path)?.map(Zeroizing::new);
                let bytes = match there.as_deref().and_then(|text| key_bytes(text)) {
                    Some(bytes) => bytes,
                    None if make => key_bytes(&make_key(path)?).ok_or_else(|| gone(path))?,
                    None => return Err(gone(path)),
                };
                key.copy_from_slice(&bytes);
            }
        }
        let key = Key::<XChaCha20Poly1305>::try_from(key.as_slice()).map_err(|_| Error::internal("the key has a wrong length"))?;
        Ok(Self { cipher: XChaCha20Poly1305::new(&key) })
    }

    /// Seals a value for one place.
    pub fn seal(&self, place: &str, value: &Secret) -> Result<String> {
        let nonce = Nonce::<XChaCha20Poly1305>::generate();
        let payload = Payload { msg: value.expose().as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(&nonce, payload).map_err(|_| Error::internal("a secret could not be sealed"))?;
        Ok(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens a value sealed for the same place.
    pub fn open_value(&self, place: &str, sealed: &str) -> Result<Secret> {
        let cannot = || {
            Error::new(
                Code::NeedsReauth,
                format!("The stored secret {place} cannot be opened: the key is another one, or the file was changed"),
            )
            .hint("Use the key file or the passphrase it was stored with, or store the secret again")
        };
        let bytes = STANDARD.decode(sealed).map_err(|_| cannot())?;
        let (nonce, rest) = bytes.split_at_checked(NONCE).ok_or_else(cannot)?;
        let nonce = Nonce::<XChaCha20Poly1305>::try_from(nonce).map_err(|_| cannot())?;
        let plain = self.cipher.decrypt(&nonce, Payload { msg: rest, aad: place.as_bytes() }).map_err(|_| cannot())?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| cannot())
    }
}

/// Random bytes for a salt, as text.
pub fn salt() -> String {
    STANDARD.encode(Nonce::<XChaCha20Poly1305>::generate())
}

/// The bytes of a stored salt.
pub fn salt_bytes(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap_or_default()
}

/// The key that a key file holds.
fn key_bytes(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    STANDARD.decode(text.trim()).ok().map(Zeroizing::new).filter(|bytes| bytes.len() == 32)
}

fn make_key(path: &Path) -> Result<Zeroizing<String>> {
    let key = Key::<XChaCha20Poly1305>::generate();
    let text = Zeroizing::new(STANDARD.encode(key));
    files::write_private(path, &text)?;
    Ok(text)
}

fn gone(path: &Path) -> Error {
    Error::new(Code::NeedsReauth, format!("The key file {} is missing or damaged, so stored secrets cannot be opened", path.display()))
        .hint(
            "Put the key file back, or store the credentials again with angelia integrations:configure, \
               when angelia integrations:disconnect has removed every other account that the key sealed",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_in_its_place_with_its_key() {
        let salt = salt_bytes(&salt());
        let sealer = Sealer::open(&KeyFrom::Passphrase { phrase: "correct horse", salt: &salt }, false).unwrap();
        let sealed = sealer.seal("github/default/token", &Secret::new("s3cret".into())).unwrap();
        assert!(!sealed.contains("s3cret"));
        assert_eq!(sealer.open_value("github/default/token", &sealed).unwrap().expose(), "s3cret");
        assert!(sealer.open_value("github/work/token", &sealed).is_err());
        let other = Sealer::open(&KeyFrom::Passphrase { phrase: "wrong", salt: &salt }, false).unwrap();
        assert!(other.open_value("github/default/token", &sealed).is_err());
        assert!(sealer.open_value("github/default/token", "AAAA").is_err());
    }
}
