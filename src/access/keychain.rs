//! The operating system's keychain, asked in a thread of its own with a bounded wait: one that never answers must not
//! hang a call.

use std::sync::mpsc;
use std::time::Duration;

use crate::base::secret::Secret;

const SERVICE: &str = "angelia";
const WAIT: Duration = Duration::from_secs(5);

/// Why the keychain did not do it.
#[derive(Debug)]
pub enum Failure {
    /// There is none here.
    None,
    /// It did not answer in time.
    Silent,
    /// It has no such entry.
    Missing,
    /// It said no.
    Refused(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("there is no keychain here"),
            Self::Silent => write!(f, "the keychain did not answer within {} seconds", WAIT.as_secs()),
            Self::Missing => f.write_str("the keychain has no such entry"),
            Self::Refused(why) => write!(f, "the keychain refused: {why}"),
        }
    }
}

/// Whether a keychain answers.
pub fn answers() -> Result<(), Failure> {
    bounded(|| {
        keyring::Entry::store_status().as_ref().map_err(failure)?;
        let probe = keyring::Entry::new(SERVICE, "probe").map_err(|error| failure(&error))?;
        match probe.get_password() {
            Ok(_) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    })
}

/// Reads an entry.
pub fn get(name: &str) -> Result<Secret, Failure> {
    let name = name.to_owned();
    bounded(move || entry(&name)?.get_password().map(Secret::new).map_err(|error| failure(&error)))
}

/// Writes an entry.
pub fn set(name: &str, value: &Secret) -> Result<(), Failure> {
    let (name, value) = (name.to_owned(), value.clone());
    bounded(move || entry(&name)?.set_password(value.expose()).map_err(|error| failure(&error)))
}

/// Removes an entry; one that is not there counts as removed.
pub fn remove(name: &str) -> Result<(), Failure> {
    let name = name.to_owned();
    bounded(move || match entry(&name)?.delete_credential() {
        Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
        Err(error) => Err(failure(&error)),
    })
}

fn entry(name: &str) -> Result<keyring::Entry, Failure> {
    keyring::Entry::new(SERVICE, name).map_err(|error| failure(&error))
}

fn failure(error: &keyring::Error) -> Failure {
    match error {
        keyring::Error::NoDefaultStore => Failure::None,
        keyring::Error::NoEntry => Failure::Missing,
        other if absent(&other.to_string()) => Failure::None,
        other => Failure::Refused(other.to_string()),
    }
}

/// Nobody offers a keychain here: no bus to connect to, or no such service on it. The library gives only text for this.
fn absent(said: &str) -> bool {
    ["Failed to connect to address", "ServiceUnknown", "not provided by any .service files", "No such file or directory"]
        .iter()
        .any(|sign| said.contains(sign))
}

fn bounded<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || drop(send.send(work())));
    receive.recv_timeout(WAIT).unwrap_or(Err(Failure::Silent))
}
