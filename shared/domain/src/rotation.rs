//! How the keys of a secret take turns: published as next, used as current, kept as previous, gone.
//!
//! A key becomes current only after every reader has had the time to read it, and leaves only when nothing can need it.

pub mod signing;
pub mod symmetric;
mod timing;

use crate::time::{Seconds, Timestamp};
pub use timing::{InvalidTiming, Timing};

/// A named key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<K> {
    /// Its name, which tokens carry.
    pub id: String,
    /// The key.
    pub key: K,
}

/// A key that was current once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired<K> {
    /// The key.
    pub entry: Entry<K>,
    /// By when another one was current; `None` in a secret that was written by hand.
    pub at: Option<Timestamp>,
}

/// The keys of one version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring<K> {
    /// When this version was made.
    pub made: Timestamp,
    /// The version of the secret it was made from; empty if it was made from none.
    pub follows: String,
    /// How long what a key made may live: the longest any rotation saw, so that a shortened setting forgets nothing.
    pub longest: Seconds,
    /// What new things are made with.
    pub current: Entry<K>,
    /// What will be current after the next rotation; absent only in a secret that was written by hand.
    pub next: Option<Entry<K>>,
    /// What old things may still need.
    pub previous: Vec<Retired<K>>,
}

/// How long a key is kept after its retirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// As long as what it made may live.
    For(Seconds),
    /// Always: what it made has no end.
    Ever,
}

/// Why the keys stay as they are. Nothing was changed; the text says when or how it will work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotMove {
    /// Some reader may not have the next key yet.
    #[error("the next key was published too recently for every reader to have it: rotate again in {wait} s")]
    TooEarly {
        /// How long it will take.
        wait: Seconds,
    },
    /// There is no such key.
    #[error("there is no key {0:?} in this secret")]
    Unknown(String),
    /// No other key could take over.
    #[error("there is no next key that could take over: rotate once, which adds one, and try again")]
    NoNext,
    /// Things without an end need the key.
    #[error("the key {0:?} must stay: what it made has no end; only the current one can be replaced")]
    Needed(String),
}

impl<K> Ring<K> {
    /// The keys of a new secret.
    pub fn first(current: Entry<K>, next: Entry<K>, now: Timestamp) -> Self {
        let longest = Seconds::new(0);
        Self { made: now, follows: String::new(), longest, current, next: Some(next), previous: Vec::new() }
    }

    /// One turn: next becomes current, current previous, `new` next; what nothing needs any more is gone.
    ///
    /// `published` is by when this version could be read. Without a next key the turn only adds one.
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
        // The version made now is current no later than this, or never.
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

    /// Takes a leaked key out of use at once, whatever still needs it. Where what keys make has no end, a key stays to check
    /// what it made, and the current one is only replaced.
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

    /// The same keys in a version that was made from that one.
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
