//! How the key pairs of a ring are written in their secret.

use super::{Entry, Retired, Ring};
use crate::keys::{InvalidKeys, Status, distinct};
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a ring has under one id: a pair, or several that take their turn together.
pub(super) trait Pairs: Sized {
    /// An entry of the secret. Its fields are read directly, not through a map, so that no copy of a private key stays behind.
    type Raw: Serialize + DeserializeOwned;

    /// Reads an entry and checks its keys.
    fn read(raw: Self::Raw) -> Read<Self>;
    /// Writes an entry, with the private keys unless it is a previous one.
    fn raw(entry: &Entry<Self>, status: Status, retired: Option<Timestamp>) -> Self::Raw;
    /// Whether it can sign.
    fn can_sign(&self) -> bool;
}

/// An entry of the secret as it was read.
pub(super) struct Read<K> {
    pub(super) kid: String,
    pub(super) status: Status,
    pub(super) retired: Option<Timestamp>,
    /// The keys, or what is wrong with them.
    pub(super) key: Result<K, &'static str>,
}

#[derive(Serialize, Deserialize)]
struct Raw<R> {
    keys: Vec<R>,
    #[serde(default)]
    made: Option<Timestamp>,
    #[serde(default)]
    longest: Seconds,
    #[serde(default)]
    follows: String,
}

/// Reads a ring; `shape` is what the error tells to write.
pub(super) fn parse<K: Pairs>(json: &str, shape: &'static str) -> Result<Ring<K>, InvalidKeys> {
    let raw: Raw<K::Raw> = serde_json::from_str(json).map_err(|_| InvalidKeys::Shape(shape))?;
    let read: Vec<_> = raw.keys.into_iter().map(K::read).collect();
    distinct(read.iter().map(|key| key.kid.as_str()))?;
    let (mut current, mut next, mut previous) = (None, None, Vec::new());
    for Read { kid, status, retired, key } in read {
        let key = key.map_err(|reason| InvalidKeys::Key { kid: kid.clone(), reason })?;
        let entry = Entry { id: kid, key };
        let place = match status {
            Status::Previous => {
                previous.push(Retired { entry, at: retired });
                continue;
            }
            Status::Current => &mut current,
            Status::Next => &mut next,
        };
        if !entry.key.can_sign() || place.replace(entry).is_some() {
            return Err(InvalidKeys::Missing("one current and at most one next key, with their private keys"));
        }
    }
    let current = current.ok_or(InvalidKeys::Missing("exactly one key with status \"current\""))?;
    let made = raw.made.unwrap_or(Timestamp::from_secs(0));
    Ok(Ring { made, follows: raw.follows, longest: raw.longest, current, next, previous })
}

/// The text of the secret.
pub(super) fn to_secret<K: Pairs>(ring: &Ring<K>) -> Secret {
    let current = std::iter::once(K::raw(&ring.current, Status::Current, None));
    let next = ring.next.iter().map(|next| K::raw(next, Status::Next, None));
    let previous = ring.previous.iter().map(|key| K::raw(&key.entry, Status::Previous, key.at));
    let raw = Raw {
        keys: current.chain(next).chain(previous).collect(),
        made: Some(ring.made),
        longest: ring.longest,
        follows: ring.follows.clone(),
    };
    Secret::new(serde_json::to_string(&raw).unwrap_or_default())
}
