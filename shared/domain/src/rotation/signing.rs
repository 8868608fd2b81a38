//! The secret of the key pairs that sign access tokens, and the public set that is made from it.
//!
//! `{"keys":[{"kid":"…","status":"current","alg":"ES256","private_key":"<base64 of PKCS#8>","x":"…","y":"…"}],"made":…}`. A
//! previous pair is stored without its private key. Only [`jwks`] makes the public set (RFC 7517).

use super::{Entry, Retired, Ring};
use crate::keys::{InvalidKeys, Status, distinct, is_on_curve};
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// A P-256 key pair.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// Base64 of PKCS#8. It is not stored any more once the pair is a previous one.
    private: Option<Zeroizing<String>>,
    x: String,
    y: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({}, {})", self.x, self.y)
    }
}

/// No pair could be made, since the system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key pair could be made")]
pub struct NoPair;

#[derive(Serialize, Deserialize)]
struct Raw {
    keys: Vec<RawKey>,
    #[serde(default)]
    made: Option<Timestamp>,
    #[serde(default)]
    longest: Seconds,
    #[serde(default)]
    follows: String,
}

#[derive(Serialize, Deserialize)]
struct RawKey {
    kid: String,
    status: Status,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private_key: Option<Zeroizing<String>>,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<Timestamp>,
}

impl Pair {
    /// A new pair with a random id. The key's random bytes come from the system directly, since ring accepts no other
    /// source.
    pub fn generate(name: [u8; 16]) -> Result<Entry<Self>, NoPair> {
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let private = Zeroizing::new(STANDARD.encode(private.map_err(|_| NoPair)?.as_ref()));
        let (x, y) = coordinates(&private).ok_or(NoPair)?;
        Ok(Entry { id: URL_SAFE_NO_PAD.encode(name), key: Self { private: Some(private), x, y } })
    }
}

/// The public point of a private key. ring gives it uncompressed: 4, then 32 bytes each of x and y (RFC 5480 §2.2).
fn coordinates(private: &str) -> Option<(String, String)> {
    let der = Zeroizing::new(STANDARD.decode(private).ok()?);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &SystemRandom::new()).ok()?;
    let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
    Some((URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y)))
}

fn is_point(x: &str, y: &str) -> bool {
    let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
    let point = coordinate(x).zip(coordinate(y)).map(|(x, y)| [vec![4], x, y].concat());
    point.is_some_and(|point| is_on_curve(&point))
}

impl Ring<Pair> {
    /// Reads the text of the secret.
    pub fn parse_pairs(json: &str) -> Result<Self, InvalidKeys> {
        let raw: Raw = serde_json::from_str(json)
            .map_err(|_| InvalidKeys::Shape(r#"{"keys":[{"kid","status","alg","private_key"}]}"#))?;
        distinct(raw.keys.iter().map(|key| key.kid.as_str()))?;
        let (mut current, mut next, mut previous) = (None, None, Vec::new());
        for key in raw.keys {
            let bad = |reason| InvalidKeys::Key { kid: key.kid.clone(), reason };
            if key.alg.as_deref().is_some_and(|alg| alg != "ES256") {
                return Err(bad("only ES256 keys rotate by themselves"));
            }
            let (x, y) = match &key.private_key {
                Some(private) => {
                    coordinates(private).ok_or_else(|| bad("private_key must be a P-256 key in PKCS#8"))?
                }
                None if is_point(&key.x, &key.y) => (key.x, key.y),
                None => return Err(bad("x and y must be a point of P-256")),
            };
            let entry = Entry { id: key.kid.clone(), key: Pair { private: key.private_key, x, y } };
            let place = match key.status {
                Status::Previous => {
                    previous.push(Retired { entry, at: key.retired });
                    continue;
                }
                Status::Current => &mut current,
                Status::Next => &mut next,
            };
            if entry.key.private.is_none() || place.replace(entry).is_some() {
                return Err(InvalidKeys::Missing("one current and at most one next key, with their private keys"));
            }
        }
        let current = current.ok_or(InvalidKeys::Missing("exactly one key with status \"current\""))?;
        let made = raw.made.unwrap_or(Timestamp::from_secs(0));
        Ok(Self { made, follows: raw.follows, longest: raw.longest, current, next, previous })
    }

    /// The text of the secret.
    pub fn to_secret(&self) -> Secret {
        let raw_key = |entry: &Entry<Pair>, status, retired| RawKey {
            kid: entry.id.clone(),
            private_key: entry.key.private.clone().filter(|_| status != Status::Previous),
            status,
            alg: Some("ES256".to_owned()),
            x: entry.key.x.clone(),
            y: entry.key.y.clone(),
            retired,
        };
        let current = std::iter::once(raw_key(&self.current, Status::Current, None));
        let next = self.next.iter().map(|next| raw_key(next, Status::Next, None));
        let previous = self.previous.iter().map(|key| raw_key(&key.entry, Status::Previous, key.at));
        let raw = Raw {
            keys: current.chain(next).chain(previous).collect(),
            made: Some(self.made),
            longest: self.longest,
            follows: self.follows.clone(),
        };
        Secret::new(serde_json::to_string(&raw).unwrap_or_default())
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
    let Pair { x, y, .. } = &entry.key;
    serde_json::json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": entry.id, "alg": "ES256", "use": "sig" })
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

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + hour * 3_600)
    }

    #[test]
    fn the_functions_understand_what_is_made_and_a_retired_pair_has_no_private_key() {
        let first = Ring::first(Pair::generate([1; 16]).unwrap(), Pair::generate([2; 16]).unwrap(), hour(0));
        let new = Pair::generate([3; 16]).unwrap();
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
        let ring = Ring::first(Pair::generate([1; 16]).unwrap(), Pair::generate([2; 16]).unwrap(), hour(0));
        let other = Ring::first(ring.current.clone(), Pair::generate([3; 16]).unwrap(), hour(0));
        assert_eq!(published_since(&ring, jwks(&other, hour(0), None, None).expose()), None);
        assert!(!is_published(&ring, jwks(&other, hour(0), None, None).expose(), None));
        assert_eq!(published_since(&ring, "{"), None);
    }

    #[test]
    fn a_public_set_that_does_not_name_the_current_or_the_revoked_key_is_published_anew() {
        let ring = Ring::first(Pair::generate([1; 16]).unwrap(), Pair::generate([2; 16]).unwrap(), hour(0));
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
