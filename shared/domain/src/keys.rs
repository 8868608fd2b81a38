//! Signing keys and the public keys that verify what they signed.

use crate::jose;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// A key secret is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// Not the expected JSON.
    #[error("expected {0}")]
    Shape(&'static str),
    /// There is no key, or none is usable.
    #[error("there must be {0}")]
    Missing(&'static str),
    /// Two keys share a `kid`, a key contradicts its own algorithm, or a public set holds a private member.
    #[error("key {kid:?}: {reason}")]
    Key {
        /// The key's id as given.
        kid: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The private key that signs access tokens now.
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// Where a key stands in its life.
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

/// The public keys of the authorization server: each verifies one algorithm (RFC 8725 §3.1).
#[derive(Clone)]
pub struct PublicKeys {
    keys: BTreeMap<String, (Algorithm, DecodingKey)>,
    jwks: String,
}

impl PublicKeys {
    /// Parses a JWK Set (RFC 7517 §5). Keys of an unknown type are skipped; private members are an error.
    pub fn parse_jwks(json: &str) -> Result<Self, InvalidKeys> {
        #[derive(Deserialize)]
        struct Raw {
            keys: Vec<serde_json::Map<String, serde_json::Value>>,
        }
        let raw: Raw = serde_json::from_str(json).map_err(|_| InvalidKeys::Shape(r#"a JWK Set {"keys":[…]}"#))?;
        let mut keys = BTreeMap::new();
        let mut published = Vec::new();
        for jwk in raw.keys {
            let text = |name: &str| jwk.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            let kid = text("kid").to_owned();
            let bad = |reason| InvalidKeys::Key { kid: kid.clone(), reason };
            if ["d", "p", "q", "dp", "dq", "qi", "k", "oth"].iter().any(|name| jwk.contains_key(*name)) {
                return Err(bad("a public key set must not hold private members"));
            }
            let (algorithm, key) = match (text("kty"), text("crv"), text("alg")) {
                ("EC", "P-256", "ES256") => (Algorithm::ES256, ec_point(text("x"), text("y"))),
                ("RSA", _, "RS256") => (Algorithm::RS256, rsa_key(text("n"), text("e"))),
                _ => continue,
            };
            let key = key.ok_or_else(|| bad("the key's numbers do not have the length of its alg"))?;
            if !(1..=64).contains(&kid.len()) {
                return Err(bad("kid must be a text of 1 to 64 bytes"));
            }
            if keys.insert(kid.clone(), (algorithm, key)).is_some() {
                return Err(bad("kid must be distinct"));
            }
            published.push(serde_json::Value::Object(jwk));
        }
        if keys.is_empty() {
            return Err(InvalidKeys::Missing("at least one ES256 or RS256 key"));
        }
        jose::install();
        Ok(Self { keys, jwks: serde_json::json!({ "keys": published }).to_string() })
    }

    /// The set as it is published at `jwks_uri`.
    pub fn as_jwks(&self) -> &str {
        &self.jwks
    }

    /// An exact look-up: a `kid` is never a path, a query or an expression.
    pub(crate) fn get(&self, kid: &str) -> Option<(Algorithm, &DecodingKey)> {
        self.keys.get(kid).map(|(algorithm, key)| (*algorithm, key))
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.keys()).finish()
    }
}

fn ec_point(x: &str, y: &str) -> Option<DecodingKey> {
    let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
    coordinate(x)?;
    coordinate(y)?;
    DecodingKey::from_ec_components(x, y).ok()
}

fn rsa_key(n: &str, e: &str) -> Option<DecodingKey> {
    URL_SAFE_NO_PAD.decode(n).ok().filter(|modulus| modulus.len() >= 256)?;
    DecodingKey::from_rsa_components(n, e).ok()
}
