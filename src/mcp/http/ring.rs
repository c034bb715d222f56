//! The keys as a running server sees them: read again when their file changes, compared in constant time, limited in rate. Wrong keys
//! are limited by the address they come from.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::base::clock::now_ms;
use crate::base::json::hex;
use crate::mcp::http::keys::{self, Grant, Key};

/// Which secret was shown: sessions belong to it, not to a name that another key may get.
pub type Owner = [u8; 32];

/// What there is to say of a secret.
#[derive(Debug)]
pub enum Verdict {
    /// It opens the door.
    Good(Owner, Grant),
    /// It is none of ours, or is no longer.
    Wrong,
    /// Its time is over.
    Expired,
    /// Come back after so many seconds.
    Slow(u64),
    /// The keys cannot be read.
    Broken,
}

/// Wrong keys that an address may show in a minute.
const WRONG: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// More addresses are not remembered at once.
const ADDRESSES: usize = 4096;
/// How exact the time of last use is.
const HOUR_MS: i64 = 3_600_000;

/// The keys of a running server.
pub struct Ring {
    path: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stamp: Stamp,
    known: Option<Vec<Known>>,
    buckets: HashMap<Owner, Bucket>,
    wrong: HashMap<IpAddr, (Instant, u32)>,
}

struct Known {
    owner: Owner,
    name: String,
    key: Key,
}

struct Bucket {
    left: f64,
    at: Instant,
}

/// What tells one version of the file from the next.
#[derive(Default, PartialEq, Eq, Clone, Copy)]
struct Stamp {
    changed: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Ring {
    /// Over the file of keys; without one no key is good.
    pub fn new(path: Option<PathBuf>) -> Self {
        let ring = Self { path, state: Mutex::default() };
        ring.lock().known = ring.load();
        ring
    }

    /// Whether any key would open the door now.
    pub fn any(&self) -> bool {
        let now = now_ms();
        self.fresh().known.as_ref().is_some_and(|known| known.iter().any(|known| known.key.valid(now)))
    }

    /// Whether this secret would still open the door; asks for no rate.
    pub fn holds(&self, owner: &Owner) -> bool {
        let now = now_ms();
        self.fresh().known.as_ref().is_some_and(|known| known.iter().any(|known| known.owner == *owner && known.key.valid(now)))
    }

    /// Judges a secret that came from an address.
    pub fn judge(&self, secret: &str, from: IpAddr) -> Verdict {
        let (owner, now) = (keys::digest(secret), now_ms());
        let mut state = self.fresh();
        let Some(known) = &state.known else { return Verdict::Broken };
        // All are compared, each whole: how long it takes says nothing.
        let found = known.iter().fold(None, |found, known| if same(&known.owner, &owner) { Some(known) } else { found });
        let Some(found) = found else { return state.wrong(from) };
        if !found.key.valid(now) {
            return Verdict::Expired;
        }
        let id = found.key.hash.chars().take(16).collect();
        let grant = Grant { key: found.name.clone(), id, profile: found.key.profile.clone() };
        let stale = found.key.last_used_ms.is_none_or(|last| now.saturating_sub(last) > HOUR_MS);
        let rate = found.key.rate;
        if let Some(seconds) = state.spend(owner, rate) {
            return Verdict::Slow(seconds);
        }
        if stale {
            state.touch(&owner, now);
            drop(state);
            self.remember(grant.key.clone(), owner, now);
        }
        Verdict::Good(owner, grant)
    }

    /// Writes the time of use down, aside: the file may have to be waited for.
    fn remember(&self, name: String, owner: Owner, now: i64) {
        if let Some(path) = self.path.clone() {
            tokio::task::spawn_blocking(move || drop(keys::used(&path, &name, &hex(&owner), now)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, its keys as the file has them now.
    fn fresh(&self) -> MutexGuard<'_, State> {
        let stamp = self.stamp();
        let mut state = self.lock();
        if state.stamp != stamp {
            state.known = self.load();
            state.stamp = stamp;
            state.forget_buckets();
        }
        state
    }

    fn load(&self) -> Option<Vec<Known>> {
        let all = match &self.path {
            Some(path) => keys::read(path).ok()?,
            None => BTreeMap::new(),
        };
        Some(all.into_iter().filter_map(|(name, key)| Some(Known { owner: bytes(&key.hash)?, name, key })).collect())
    }

    fn stamp(&self) -> Stamp {
        let meta = self.path.as_ref().and_then(|path| std::fs::metadata(path).ok());
        meta.map_or_else(Stamp::default, |meta| Stamp { changed: meta.modified().ok(), length: meta.len(), inode: inode(&meta) })
    }
}

impl State {
    /// Takes one request from a key's minute; the seconds to wait when there is none.
    fn spend(&mut self, owner: Owner, rate: u32) -> Option<u64> {
        let (now, rate) = (Instant::now(), f64::from(rate.max(1)));
        let bucket = self.buckets.entry(owner).or_insert(Bucket { left: rate, at: now });
        bucket.left = (bucket.left + now.duration_since(bucket.at).as_secs_f64() * rate / 60.0).min(rate);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return None;
        }
        let wait = Duration::from_secs_f64((1.0 - bucket.left) * 60.0 / rate);
        Some(wait.as_secs() + 1)
    }

    /// Counts a wrong key. Good ones from the same address still pass: many clients may stand behind one proxy, and the length of a
    /// secret is what keeps it from being guessed.
    fn wrong(&mut self, from: IpAddr) -> Verdict {
        let now = Instant::now();
        if self.wrong.len() >= ADDRESSES {
            self.wrong.retain(|_, (since, _)| now.duration_since(*since) < MINUTE);
        }
        if self.wrong.len() >= ADDRESSES && !self.wrong.contains_key(&from) {
            return Verdict::Slow(MINUTE.as_secs());
        }
        let (since, count) = self.wrong.entry(from).or_insert((now, 0));
        if now.duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count > WRONG {
            return Verdict::Slow(MINUTE.saturating_sub(now.duration_since(*since)).as_secs() + 1);
        }
        Verdict::Wrong
    }

    fn touch(&mut self, owner: &Owner, now: i64) {
        let known = self.known.iter_mut().flatten().find(|known| known.owner == *owner);
        known.into_iter().for_each(|known| known.key.last_used_ms = Some(now));
    }

    fn forget_buckets(&mut self) {
        let known = self.known.as_deref().unwrap_or_default();
        self.buckets.retain(|owner, _| known.iter().any(|known| known.owner == *owner));
    }
}

/// Compares without an early end.
fn same(left: &Owner, right: &Owner) -> bool {
    std::hint::black_box(left.iter().zip(right).fold(0_u8, |difference, (left, right)| difference | (left ^ right))) == 0
}

fn bytes(hex: &str) -> Option<Owner> {
    let mut owner = Owner::default();
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in owner.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(owner)
}

#[cfg(unix)]
fn inode(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_full_minute_at_once_and_then_so_many_a_minute() {
        let mut state = State::default();
        let owner = [7; 32];
        assert!((0..5).all(|_| state.spend(owner, 5).is_none()));
        assert!((1..=13).contains(&state.spend(owner, 5).unwrap()));
    }

    #[test]
    fn wrong_keys_are_counted_by_address() {
        let mut state = State::default();
        let from = IpAddr::from([10, 0, 0, 1]);
        assert!((0..WRONG).all(|_| matches!(state.wrong(from), Verdict::Wrong)));
        assert!(matches!(state.wrong(from), Verdict::Slow(1..=61)));
        assert!(matches!(state.wrong(IpAddr::from([10, 0, 0, 2])), Verdict::Wrong));
    }

    #[test]
    fn hashes_are_read_and_compared_whole() {
        let owner = keys::digest("angelia_x");
        assert_eq!(bytes(&hex(&owner)), Some(owner));
        assert!(same(&owner, &owner) && !same(&owner, &keys::digest("angelia_y")));
        assert_eq!(bytes("zz"), None);
        assert_eq!(bytes(&"é".repeat(32)), None);
    }
}
