//! The keys that sign tokens, and the public keys that verify access tokens.

use crate::jose;
use crate::rotation::pair::Pair;
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// Why a key secret is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// Not the expected JSON.
    #[error("expected {0}")]
    Shape(&'static str),
    /// A required key is missing.
    #[error("there must be {0}")]
    Missing(&'static str),
    /// A key is invalid, such as one whose `kid` another key has, or a public key with a private member.
    #[error("key {kid:?}: {reason}")]
    Key {
        /// The key's id, as given.
        kid: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// An algorithm that the gateway signs with. Each key has exactly one (RFC 8725 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SignatureAlgorithm {
    /// ECDSA with P-256 and SHA-256 (RFC 7518 §3.4).
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    #[serde(rename = "RS256")]
    Rs256,
}

/// The current private key, which signs tokens.
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// The stage of a key in its rotation.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Current,
    Next,
    Previous,
}

impl SigningKey {
    /// Parses the signing secret and keeps its current key:
    /// `{"keys":[{"kid":"…","status":"current","alg":"ES256","private_key":"<base64 of PKCS#8>"}]}`.
    pub fn parse(json: &str) -> Result<Self, InvalidKeys> {
        #[derive(Deserialize)]
        struct Raw {
            keys: Vec<RawKey>,
        }
        #[derive(Deserialize)]
        struct RawKey {
            kid: String,
            status: Status,
            #[serde(default)]
            alg: Option<String>,
            #[serde(default)]
            private_key: Zeroizing<String>,
        }
        let raw: Raw = serde_json::from_str(json)
            .map_err(|_| InvalidKeys::Shape(r#"{"keys":[{"kid","status","alg","private_key"}]}"#))?;
        distinct(raw.keys.iter().map(|key| key.kid.as_str()))?;
        let mut current = raw.keys.into_iter().filter(|key| matches!(key.status, Status::Current));
        let (Some(key), None) = (current.next(), current.next()) else {
            return Err(InvalidKeys::Missing("exactly one key with status \"current\""));
        };
        let bad = |reason| InvalidKeys::Key { kid: key.kid.clone(), reason };
        let der = STANDARD.decode(key.private_key.as_bytes()).map(Zeroizing::new);
        let der = der.map_err(|_| bad("private_key must be base64"))?;
        let (algorithm, encoding) = match key.alg.as_deref() {
            None | Some("ES256") => (Algorithm::ES256, EncodingKey::from_ec_der(&der)),
            Some("RS256") => (Algorithm::RS256, EncodingKey::from_rsa_der(&der)),
            Some(_) => return Err(bad("alg must be ES256 or RS256")),
        };
        jose::install();
        jsonwebtoken::crypto::sign(b"probe", &encoding, algorithm)
            .map_err(|_| bad("private_key must be a PKCS#8 key of its alg"))?;
        Ok(Self { kid: key.kid, algorithm, key: encoding })
    }

    /// The private key of a pair, under this id. Reading the pair has checked it.
    pub(crate) fn of_pair(kid: String, pair: &Pair) -> Result<Self, InvalidKeys> {
        let der = pair.private().and_then(|text| STANDARD.decode(text).ok()).map(Zeroizing::new);
        let der = der.ok_or(InvalidKeys::Missing("a private key in each pair that signs"))?;
        let (algorithm, key) = match pair.algorithm() {
            SignatureAlgorithm::Es256 => (Algorithm::ES256, EncodingKey::from_ec_der(&der)),
            SignatureAlgorithm::Rs256 => (Algorithm::RS256, EncodingKey::from_rsa_der(&der)),
        };
        jose::install();
        Ok(Self { kid, algorithm, key })
    }

    /// The id that tokens name in their header.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn encoding(&self) -> &EncodingKey {
        &self.key
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.kid)
    }
}

/// The public keys of the authorization server. Each is used with one algorithm only (RFC 8725 §3.1).
#[derive(Clone)]
pub struct PublicKeys {
    keys: BTreeMap<String, Verifier>,
    /// The ids of keys that were removed on purpose, although tokens of theirs may not have expired.
    revoked: BTreeSet<String>,
    jwks: String,
}

/// One public key.
#[derive(Clone)]
pub(crate) struct Verifier {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
    /// The members that identify the key: `x` and `y`, or `n` and `e`.
    numbers: [String; 2],
    /// The latest `exp`, in Unix seconds, of a token that it is known to have signed.
    used_until: Arc<AtomicI64>,
    /// Whether its point is on the curve, once that was checked.
    on_curve: OnceLock<bool>,
}

impl Verifier {
    /// The name of its algorithm in headers (RFC 7518 §3.1).
    pub(crate) fn name(&self) -> &'static str {
        if self.algorithm == Algorithm::ES256 { "ES256" } else { "RS256" }
    }

    /// Whether any signature of this key can verify. It is checked once, since the check costs as much as verifying a
    /// signature.
    pub(crate) fn check_point(&self, kid: &str) -> Result<(), InvalidKeys> {
        let [x, y] = &self.numbers;
        let on_curve = || uncompressed(x, y).is_some_and(|point| is_on_curve(&point));
        if self.algorithm != Algorithm::ES256 || *self.on_curve.get_or_init(on_curve) {
            return Ok(());
        }
        Err(InvalidKeys::Key { kid: kid.to_owned(), reason: "the point is not on the curve P-256" })
    }
}

/// A text that is signed to check whether a private and a public key belong together.
const PROBE: &[u8] = b"do these two belong together?";

impl PublicKeys {
    /// Parses a JWK Set (RFC 7517 §5). Keys of an unknown type are skipped (§5), and so are keys that are not for verifying
    /// signatures (`use`, §4.2; `key_ops`, §4.3). Private members, two keys of one `kid`, and a `current` key that is not
    /// named or not in the set are errors: then no key of the set is used.
    ///
    /// Points are not checked here but in [`Self::check_points`], since each check costs as much as verifying a token, at
    /// every cold start. A key whose point is not on its curve verifies nothing; for a token of such a key the error says
    /// that the key is at fault ([`InvalidToken::UnusableKey`](crate::access_token::InvalidToken)).
    pub fn parse_jwks(json: &str) -> Result<Self, InvalidKeys> {
        #[derive(Deserialize)]
        struct Raw {
            keys: Vec<serde_json::Map<String, serde_json::Value>>,
            #[serde(default)]
            current: Option<String>,
            #[serde(default)]
            revoked: BTreeSet<String>,
        }
        let raw: Raw = serde_json::from_str(json).map_err(|_| InvalidKeys::Shape(r#"a JWK Set {"keys":[…]}"#))?;
        let mut keys = BTreeMap::new();
        let mut published = Vec::new();
        for jwk in raw.keys {
            let text = |name: &str| jwk.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            let kid = text("kid").to_owned();
            let bad = |reason| InvalidKeys::Key { kid: kid.clone(), reason };
            if has_private_members(&jwk) {
                return Err(bad("a public key set must not hold private members"));
            }
            if !verifies(&jwk).map_err(bad)? {
                continue;
            }
            let (algorithm, key, numbers) = match (text("kty"), text("crv"), text("alg")) {
                ("EC", "P-256", "ES256") => (Algorithm::ES256, ec_point(text("x"), text("y")), ["x", "y"]),
                ("RSA", _, "RS256") => (Algorithm::RS256, rsa_key(text("n"), text("e")), ["n", "e"]),
                _ => continue,
            };
            let key = key.map_err(bad)?;
            let numbers = numbers.map(|name| text(name).to_owned());
            if !(1..=64).contains(&kid.len()) {
                return Err(bad("kid must be a text of 1 to 64 bytes"));
            }
            let verifier = Verifier { algorithm, key, numbers, used_until: Arc::default(), on_curve: OnceLock::new() };
            if keys.insert(kid.clone(), verifier).is_some() {
                return Err(bad("kid must be distinct"));
            }
            published.push(serde_json::Value::Object(jwk));
        }
        if keys.is_empty() {
            return Err(InvalidKeys::Missing("at least one ES256 or RS256 key"));
        }
        // Required, since a set without the signing key would refuse every new token, and a container that starts has no
        // earlier set to compare with.
        let current = raw.current.ok_or(InvalidKeys::Missing("the id of the key that signs, under \"current\""))?;
        if !keys.contains_key(&current) {
            return Err(InvalidKeys::Key { kid: current, reason: "it is the current key and not in the set" });
        }
        jose::install();
        Ok(Self { keys, revoked: raw.revoked, jwks: serde_json::json!({ "keys": published }).to_string() })
    }

    /// The set as it is published at `jwks_uri`.
    pub fn as_jwks(&self) -> &str {
        &self.jwks
    }

    /// The key of this `kid`, compared exactly: a `kid` is never a path, a query or an expression.
    pub(crate) fn get(&self, kid: &str) -> Option<&Verifier> {
        self.keys.get(kid)
    }

    /// Checks that a signature of this key verifies here: the set has its `kid` with the same algorithm and the matching
    /// public key. The error names the key and says what differs.
    pub fn vouch_for(&self, key: &SigningKey) -> Result<(), InvalidKeys> {
        let bad = |reason| InvalidKeys::Key { kid: key.kid.clone(), reason };
        let public = self.get(&key.kid).ok_or_else(|| bad("it signs and is not in the public set"))?;
        if public.algorithm != key.algorithm {
            return Err(bad("it signs by another algorithm than the public set has for it"));
        }
        jose::install();
        let signed = jsonwebtoken::crypto::sign(PROBE, &key.key, key.algorithm);
        let verified =
            signed.and_then(|signed| jsonwebtoken::crypto::verify(&signed, PROBE, &public.key, key.algorithm));
        if matches!(verified, Ok(true)) { Ok(()) } else { Err(bad("the public set has another public half for it")) }
    }

    /// Checks that the point of each EC key is on its curve. The error names the key.
    pub fn check_points(&self) -> Result<(), InvalidKeys> {
        self.keys.iter().try_for_each(|(kid, key)| key.check_point(kid))
    }

    /// Notes that a token of this key is valid until then.
    pub fn note_use(&self, kid: &str, until: Timestamp) {
        if let Some(public) = self.get(kid) {
            public.used_until.fetch_max(until.as_secs(), Ordering::Relaxed);
        }
    }

    /// Checks that this set may replace `before`: it has each key of which a token is known that has not expired, unless it
    /// names the key as revoked, and the points of its new keys are on their curve. The error names the key; then `before`
    /// must stay in use.
    pub fn may_follow(&self, before: &Self, now: Timestamp) -> Result<(), InvalidKeys> {
        for (kid, key) in &self.keys {
            if before.get(kid).is_none_or(|known| known.numbers != key.numbers) {
                key.check_point(kid)?;
            }
        }
        for (kid, known) in &before.keys {
            let used_until = known.used_until.load(Ordering::Relaxed);
            if used_until <= now.as_secs() || self.revoked.contains(kid) {
                continue;
            }
            let bad = |reason| InvalidKeys::Key { kid: kid.clone(), reason };
            let new = self.get(kid).ok_or_else(|| bad("it is in use and no longer in the set"))?;
            if new.algorithm != known.algorithm || new.numbers != known.numbers {
                return Err(bad("it is in use and has become another key"));
            }
            new.used_until.fetch_max(used_until, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Whether a JWK holds a private or symmetric key, or a part of one (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
pub(crate) fn has_private_members(jwk: &serde_json::Map<String, serde_json::Value>) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "k", "oth"].iter().any(|name| jwk.contains_key(*name))
}

/// Whether a JWK may verify signatures, by its `use` and `key_ops` if it has them.
pub(crate) fn verifies(jwk: &serde_json::Map<String, serde_json::Value>) -> Result<bool, &'static str> {
    let for_signatures = match jwk.get("use") {
        None => true,
        Some(purpose) => purpose.as_str().ok_or("use must be a text")? == "sig",
    };
    let may_verify = match jwk.get("key_ops") {
        None => true,
        Some(operations) => {
            operations.as_array().ok_or("key_ops must be a list")?.iter().any(|operation| operation == "verify")
        }
    };
    Ok(for_signatures && may_verify)
}

/// Checks that no `kid` is repeated.
pub(crate) fn distinct<'k>(kids: impl Iterator<Item = &'k str>) -> Result<(), InvalidKeys> {
    let mut seen = BTreeSet::new();
    for kid in kids {
        if !seen.insert(kid) {
            return Err(InvalidKeys::Key { kid: kid.to_owned(), reason: "kid must be distinct" });
        }
    }
    Ok(())
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.keys()).finish()
    }
}

const LENGTH: &str = "the key's numbers do not have the length of its alg";

/// A point of P-256 (RFC 7518 §6.2.1).
pub(crate) fn ec_point(x: &str, y: &str) -> Result<DecodingKey, &'static str> {
    uncompressed(x, y).ok_or(LENGTH)?;
    DecodingKey::from_ec_components(x, y).map_err(|_| LENGTH)
}

/// The point in the form of SEC 1 §2.3.3.
pub(crate) fn uncompressed(x: &str, y: &str) -> Option<Vec<u8>> {
    let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
    Some([vec![4], coordinate(x)?, coordinate(y)?].concat())
}

/// Whether an uncompressed point is on P-256. It tries a key agreement, for which ring checks the peer's key first.
pub(crate) fn is_on_curve(point: &[u8]) -> bool {
    let ours = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new());
    ours.is_ok_and(|ours| agree_ephemeral(ours, &UnparsedPublicKey::new(&ECDH_P256, point), |_| ()).is_ok())
}

/// A modulus and an exponent (RFC 7518 §6.3.1) that ring accepts: a modulus of 256 to 1024 bytes, an exponent of at most
/// four bytes and not 1, both odd and without leading zeros (§2, `Base64urlUInt`).
pub(crate) fn rsa_key(n: &str, e: &str) -> Result<DecodingKey, &'static str> {
    let number = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let is_odd = bytes.last().is_some_and(|byte| byte & 1 == 1);
        (is_odd && bytes.first() != Some(&0)).then_some(bytes)
    };
    let (Some(modulus), Some(exponent)) = (number(n), number(e)) else {
        return Err("the modulus and the exponent must be odd and begin with no zero");
    };
    if !(256..=1024).contains(&modulus.len()) || exponent.len() > 4 || exponent == [1] {
        return Err(LENGTH);
    }
    DecodingKey::from_rsa_components(n, e).map_err(|_| LENGTH)
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
