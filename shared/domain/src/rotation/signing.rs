//! The secret of the key pairs that sign access tokens, and the public set that is made from it.
//!
//! `{"keys":[{"kid":"…","status":"current","alg":"ES256","private_key":"<base64 of PKCS#8>","x":"…","y":"…"}],"made":…}`. A
//! previous pair is stored without its private key. Only [`jwks`] makes the public set (RFC 7517).

use super::pair::{Pair, RawPair};
use super::stored::{Pairs, Read, parse, to_secret};
use super::{Entry, Ring};
use crate::keys::{InvalidKeys, SignatureAlgorithm, Status};
use crate::secret::Secret;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

#[derive(Serialize, Deserialize)]
pub(super) struct RawKey {
    kid: String,
    status: Status,
    #[serde(default)]
    alg: SignatureAlgorithm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private_key: Option<Zeroizing<String>>,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<Timestamp>,
}

impl Pairs for Pair {
    type Raw = RawKey;

    fn read(raw: RawKey) -> Read<Self> {
        let RawKey { kid, status, alg, private_key, x, y, retired } = raw;
        let key = match alg {
            SignatureAlgorithm::Es256 => Self::from_raw(RawPair { alg, private_key, x, y, ..RawPair::default() }),
            SignatureAlgorithm::Rs256 => Err("only ES256 keys rotate by themselves"),
        };
        Read { kid, status, retired, key }
    }

    fn raw(entry: &Entry<Self>, status: Status, retired: Option<Timestamp>) -> RawKey {
        let RawPair { alg, private_key, x, y, .. } = entry.key.to_raw(status != Status::Previous);
        RawKey { kid: entry.id.clone(), status, alg, private_key, x, y, retired }
    }

    fn can_sign(&self) -> bool {
        self.private().is_some()
    }
}

impl Ring<Pair> {
    /// Reads the text of the secret.
    pub fn parse_pairs(json: &str) -> Result<Self, InvalidKeys> {
        parse(json, r#"{"keys":[{"kid","status","alg","private_key"}]}"#)
    }

    /// The text of the secret.
    pub fn to_secret(&self) -> Secret {
        to_secret(self)
    }
}

/// The most keys that a public set names as revoked.
const MOST_REVOKED: usize = 16;

/// The public set of these pairs, with the time at which it was made and the id of the current key. As revoked it names, up
/// to `MOST_REVOKED`, the key that is `revoked` now, the keys that `before` had and this set has not, and those that
/// `before` names: readers that know of valid tokens of a key accept a set without it only if it is named so. `revoked` is
/// named even if `before` had no such key, since `before` may have been damaged or edited by hand.
pub fn jwks(ring: &Ring<Pair>, now: Timestamp, before: Option<&str>, revoked: Option<&str>) -> Secret {
    let keys: Vec<_> = ring.entries().map(jwk).collect();
    let (had, gone) = before.and_then(published).map(|set| (set.keys, set.revoked)).unwrap_or_default();
    let had = had.into_iter().filter_map(|key| key.get("kid")?.as_str().map(str::to_owned));
    let mut left: Vec<String> = Vec::new();
    for kid in revoked.map(str::to_owned).into_iter().chain(had).chain(gone) {
        if left.len() < MOST_REVOKED && !left.contains(&kid) && !ring.entries().any(|entry| entry.id == kid) {
            left.push(kid);
        }
    }
    let set = serde_json::json!({ "keys": keys, "made": now, "current": ring.current.id, "revoked": left });
    Secret::new(set.to_string())
}

fn jwk(entry: &Entry<Pair>) -> serde_json::Value {
    entry.key.jwk(&entry.id)
}

/// Whether this public set has the keys of these pairs, names the current one, and names the key that is `revoked` now. The
/// last is checked by itself: a key that was removed by hand is not in the set either, but readers that know of its tokens
/// accept the removal only if the key is named.
pub fn is_published(ring: &Ring<Pair>, set: &str, revoked: Option<&str>) -> bool {
    published(set).is_some_and(|set| {
        set.keys == ring.entries().map(jwk).collect::<Vec<_>>()
            && set.current.as_ref() == Some(&ring.current.id)
            && revoked.is_none_or(|kid| set.revoked.iter().any(|gone| gone == kid))
    })
}

/// When this public set was made, if it has the next key of these pairs or there is no next key. The next key has been
/// published since then at the latest.
pub fn published_since(ring: &Ring<Pair>, set: &str) -> Option<Timestamp> {
    let set = published(set)?;
    let made = set.made.unwrap_or(Timestamp::from_secs(0));
    ring.next.as_ref().is_none_or(|next| set.keys.contains(&jwk(next))).then_some(made)
}

/// A public set as it is stored in its secret.
#[derive(Deserialize)]
struct PublishedSet {
    keys: Vec<serde_json::Value>,
    #[serde(default)]
    made: Option<Timestamp>,
    #[serde(default)]
    current: Option<String>,
    #[serde(default)]
    revoked: Vec<String>,
}

fn published(set: &str) -> Option<PublishedSet> {
    serde_json::from_str(set).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{PublicKeys, SigningKey};
    use crate::rotation::{Keep, Timing};
    use crate::time::Seconds;

    fn entry(name: [u8; 16]) -> Result<Entry<Pair>, crate::rotation::pair::NoPair> {
        Pair::generate().map(|pair| Entry::named(name, pair))
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + hour * 3_600)
    }

    #[test]
    fn the_functions_understand_what_is_made_and_a_retired_pair_has_no_private_key() {
        let first = Ring::first(entry([1; 16]).unwrap(), entry([2; 16]).unwrap(), hour(0));
        let new = entry([3; 16]).unwrap();
        let keep = Keep::For(Seconds::new(3_600));
        let (was, is) = (first.current.id.clone(), first.next.as_ref().unwrap().id.clone());
        let second = first.rotate(new, hour(0), keep, Timing::default(), hour(1)).unwrap().following("v1");
        let text = second.to_secret();
        assert_eq!(SigningKey::parse(text.expose()).unwrap().kid(), is);
        assert_eq!(text.expose().matches("private_key").count(), 2);
        let again = Ring::parse_pairs(text.expose()).unwrap();
        assert_eq!(again.previous[0].entry.id, was);
        let set = jwks(&again, hour(1), None, None);
        let public = PublicKeys::parse_jwks(set.expose()).unwrap();
        assert!(!public.as_jwks().contains("made"));
        assert!(is_published(&second, set.expose(), None));
        assert_eq!(published_since(&second, set.expose()), Some(hour(1)));
    }

    #[test]
    fn a_public_set_without_the_next_key_has_not_published_it() {
        let ring = Ring::first(entry([1; 16]).unwrap(), entry([2; 16]).unwrap(), hour(0));
        let other = Ring::first(ring.current.clone(), entry([3; 16]).unwrap(), hour(0));
        assert_eq!(published_since(&ring, jwks(&other, hour(0), None, None).expose()), None);
        assert!(!is_published(&ring, jwks(&other, hour(0), None, None).expose(), None));
        assert_eq!(published_since(&ring, "{"), None);
    }

    #[test]
    fn a_public_set_that_does_not_name_the_current_or_the_revoked_key_is_published_anew() {
        let ring = Ring::first(entry([1; 16]).unwrap(), entry([2; 16]).unwrap(), hour(0));
        let set = jwks(&ring, hour(0), None, Some("leaked"));
        assert!(is_published(&ring, set.expose(), None) && is_published(&ring, set.expose(), Some("leaked")));
        assert!(!is_published(&ring, set.expose(), Some("another")));
        for current in [serde_json::Value::Null, ring.next.as_ref().unwrap().id.as_str().into()] {
            let mut set: serde_json::Value = serde_json::from_str(set.expose()).unwrap();
            set["current"] = current;
            assert!(!is_published(&ring, &set.to_string(), None), "{set}");
        }
    }
}
