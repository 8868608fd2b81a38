//! The secrets of 256-bit keys: sealing, refresh, pepper.
//!
//! `{"current":"k2","next":"k3","keys":{"k1":"<base64 of 32 bytes>",…},"retired":{"k1":1700000000},"made":1700000000,
//! "longest":7776000,"follows":"<version>"}`; only `current` and `keys` are required.

use super::{Entry, Retired, Ring};
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A 256-bit key, overwritten when dropped.
pub type Key = Zeroizing<[u8; 32]>;

/// Why a secret of keys is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeySet {
    /// Not the expected JSON.
    #[error(r#"expected {{"current":"<id>","keys":{{"<id>":"<base64 of 32 bytes>"}}}}"#)]
    Shape,
    /// A key that is not base64 of 32 bytes, or has an invalid id.
    #[error("key {0:?} must be the base64 of exactly 32 bytes and its id 1 to 16 characters of a-z 0-9")]
    Key(String),
    /// The current or next key is not among the keys.
    #[error("the current or next key {0:?} is not among the keys")]
    Current(String),
}

#[derive(Serialize, Deserialize)]
struct Raw {
    current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    keys: BTreeMap<String, Zeroizing<String>>,
    #[serde(default)]
    retired: BTreeMap<String, Timestamp>,
    #[serde(default)]
    made: Option<Timestamp>,
    #[serde(default)]
    longest: Seconds,
    #[serde(default)]
    follows: String,
}

impl Ring<Key> {
    /// The keys of a new secret, from fresh random bits.
    pub fn generate(current: [u8; 32], next: [u8; 32], now: Timestamp) -> Self {
        let entry = |id: &str, key| Entry { id: id.to_owned(), key: Zeroizing::new(key) };
        Self::first(entry("k1", current), entry("k2", next), now)
    }

    /// A new key from fresh random bits, with an id that no key of this version has.
    pub fn fresh_entry(&self, key: [u8; 32]) -> Entry<Key> {
        let numbers = self.entries().filter_map(|entry| entry.id.strip_prefix('k')?.parse::<u64>().ok());
        let number = numbers.max().unwrap_or(0).saturating_add(1);
        Entry { id: format!("k{number}"), key: Zeroizing::new(key) }
    }

    /// Reads the text of a secret.
    pub fn parse_keys(json: &str) -> Result<Self, InvalidKeySet> {
        let raw: Raw = serde_json::from_str(json).map_err(|_| InvalidKeySet::Shape)?;
        let mut keys = BTreeMap::new();
        for (id, text) in raw.keys {
            let id_ok =
                (1..=16).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let bytes = STANDARD.decode(text.as_bytes()).map(Zeroizing::new).ok();
            match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()) {
                Some(key) if id_ok => keys.insert(id, Zeroizing::new(key)),
                _ => return Err(InvalidKeySet::Key(id)),
            };
        }
        let mut take = |id: String| match keys.remove(&id) {
            Some(key) => Ok(Entry { id, key }),
            None => Err(InvalidKeySet::Current(id)),
        };
        let current = take(raw.current)?;
        let next = raw.next.map(take).transpose()?;
        let previous = keys
            .into_iter()
            .map(|(id, key)| Retired { at: raw.retired.get(&id).copied(), entry: Entry { id, key } })
            .collect();
        let made = raw.made.unwrap_or(Timestamp::from_secs(0));
        Ok(Self { made, follows: raw.follows, longest: raw.longest, current, next, previous })
    }

    /// The text of the secret.
    pub fn to_secret(&self) -> Secret {
        let encoded = |entry: &Entry<Key>| (entry.id.clone(), Zeroizing::new(STANDARD.encode(*entry.key)));
        let raw = Raw {
            current: self.current.id.clone(),
            next: self.next.as_ref().map(|next| next.id.clone()),
            keys: self.entries().map(encoded).collect(),
            retired: self.previous.iter().filter_map(|key| Some((key.entry.id.clone(), key.at?))).collect(),
            made: Some(self.made),
            longest: self.longest,
            follows: self.follows.clone(),
        };
        Secret::new(serde_json::to_string(&raw).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::{Keep, Timing};

    #[test]
    fn a_secret_reads_back_as_it_was_written() {
        let day = |day: i64| Timestamp::from_secs(1_700_000_000 + day * 86_400);
        let keep = Keep::For(Seconds::new(90 * 86_400));
        let first = Ring::generate([1; 32], [2; 32], day(0));
        assert_eq!(Ring::parse_keys(first.to_secret().expose()).unwrap(), first);
        let new = first.fresh_entry([3; 32]);
        let second = first.rotate(new, day(0), keep, Timing::default(), day(30)).unwrap().following("v1");
        assert_eq!(Ring::parse_keys(second.to_secret().expose()).unwrap(), second);
        assert_eq!(second.current.id, "k2");
        assert_eq!(second.fresh_entry([4; 32]).id, "k4");
    }

    #[test]
    fn a_secret_written_by_hand_has_no_next_key_and_its_first_turn_only_adds_one() {
        let hand = r#"{"current":"m1","keys":{"m1":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}"#;
        let hand = Ring::parse_keys(hand).unwrap();
        let now = Timestamp::from_secs(1_700_000_000);
        let new = hand.fresh_entry([1; 32]);
        let turned = hand.rotate(new, now, Keep::Ever, Timing::default(), now).unwrap();
        assert_eq!((turned.current.id.as_str(), turned.next.unwrap().id.as_str()), ("m1", "k1"));
        assert!(turned.previous.is_empty());
    }
}
