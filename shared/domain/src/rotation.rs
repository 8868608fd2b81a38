//! The rotation of the keys of a secret: a key is next, then current, then previous, then removed.
//!
//! A key becomes current only after every reader has had time to read it. It is removed only when nothing can need it,
//! unless it is revoked.

pub mod id_token;
pub mod pair;
pub mod signing;
mod stored;
pub mod symmetric;
mod timing;

use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub use timing::{InvalidTiming, Timing};

/// A key with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<K> {
    /// Its id, by which readers find the key for what it made.
    pub id: String,
    /// The key.
    pub key: K,
}

impl<K> Entry<K> {
    /// The key under an id of these random bytes.
    pub fn named(name: [u8; 16], key: K) -> Self {
        Self { id: URL_SAFE_NO_PAD.encode(name), key }
    }
}

/// A key that was current before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired<K> {
    /// The key.
    pub entry: Entry<K>,
    /// The time by which another key had become current; `None` in a secret that was written by hand.
    pub at: Option<Timestamp>,
}

/// The keys of one version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring<K> {
    /// When this version was made.
    pub made: Timestamp,
    /// The version of the secret that it was made from; empty if it was made from none.
    pub follows: String,
    /// The longest life of anything a key made, over all rotations, so that a shorter setting removes no key too early.
    pub longest: Seconds,
    /// The key that makes new tokens and hashes.
    pub current: Entry<K>,
    /// The key that the next rotation makes current; `None` only in a secret that was written by hand.
    pub next: Option<Entry<K>>,
    /// The keys that older tokens and hashes may need.
    pub previous: Vec<Retired<K>>,
}

/// How long a key is kept after it is no longer current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// As long as anything it made may live, which is this long.
    For(Seconds),
    /// Always, since what it made has no end.
    Ever,
}

/// Why the keys were not changed. The message says what to do, if anything can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotMove {
    /// Some readers may not have the next key yet.
    #[error("the next key was published too recently for every reader to have it: rotate again in {wait} s")]
    TooEarly {
        /// How long to wait.
        wait: Seconds,
    },
    /// No key has this id.
    #[error("there is no key {0:?} in this secret")]
    Unknown(String),
    /// There is no next key to become current.
    #[error("there is no next key that could take over: rotate once, which adds one, and try again")]
    NoNext,
    /// What the key made has no end, so the key is needed.
    #[error("the key {0:?} must stay: what it made has no end; only the current one can be replaced")]
    Needed(String),
}

impl<K> Ring<K> {
    /// The keys of a new secret.
    pub fn first(current: Entry<K>, next: Entry<K>, now: Timestamp) -> Self {
        let longest = Seconds::new(0);
        Self { made: now, follows: String::new(), longest, current, next: Some(next), previous: Vec::new() }
    }

    /// One rotation: the next key becomes current, the current one previous, and `new` next. Previous keys that nothing can
    /// need are removed.
    ///
    /// `published` is the latest time at which this version became readable. Without a next key, the rotation only adds
    /// one.
    pub fn rotate(
        self,
        new: Entry<K>,
        published: Timestamp,
        keep: Keep,
        timing: Timing,
        now: Timestamp,
    ) -> Result<Self, CannotMove> {
        let usable = published.saturating_add(timing.overlap());
        if self.next.is_some() && now < usable {
            return Err(CannotMove::TooEarly { wait: usable.since(now) });
        }
        // The version made now becomes current at this time at the latest, or never.
        let retired = now.saturating_add(timing.finish());
        let mut ring = self.turn(new, retired);
        ring.made = now;
        if let Keep::For(life) = keep {
            ring.longest = ring.longest.max(life);
            let kept = timing.last_good().saturating_add(ring.longest);
            ring.previous.retain(|key| key.at.is_none_or(|at| now < at.saturating_add(kept)));
        }
        for key in &mut ring.previous {
            key.at = key.at.or(Some(retired));
        }
        Ok(ring)
    }

    /// Takes a leaked key out of use at once, even if something still needs it. If what keys make has no end (`has_end` is
    /// false), a current key is replaced but kept, to check what it made, and a previous key cannot be revoked.
    pub fn revoke(self, id: &str, new: Entry<K>, has_end: bool, now: Timestamp) -> Result<Self, CannotMove> {
        let is_current = self.current.id == id;
        let is_next = self.next.as_ref().is_some_and(|next| next.id == id);
        let is_previous = self.previous.iter().any(|key| key.entry.id == id);
        let mut ring = match (is_current, is_next, is_previous) {
            (true, ..) if self.next.is_none() => return Err(CannotMove::NoNext),
            (true, ..) => self.turn(new, now),
            (_, true, _) => Self { next: Some(new), ..self },
            (_, _, true) if !has_end => return Err(CannotMove::Needed(id.to_owned())),
            (_, _, true) => self,
            (false, false, false) => return Err(CannotMove::Unknown(id.to_owned())),
        };
        if has_end {
            ring.previous.retain(|key| key.entry.id != id);
        }
        ring.made = now;
        Ok(ring)
    }

    /// The same keys, in a version that was made from that one.
    #[must_use]
    pub fn following(self, version: &str) -> Self {
        Self { follows: version.to_owned(), ..self }
    }

    /// Every key, the current one first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<K>> {
        let previous = self.previous.iter().map(|key| &key.entry);
        std::iter::once(&self.current).chain(&self.next).chain(previous)
    }

    fn turn(mut self, new: Entry<K>, retired: Timestamp) -> Self {
        if let Some(next) = self.next.replace(new) {
            let old = std::mem::replace(&mut self.current, next);
            self.previous.push(Retired { entry: old, at: Some(retired) });
        }
        self
    }
}
