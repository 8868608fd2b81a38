//! A key pair for signatures, as a secret holds it and as a JWK Set publishes it.

use crate::keys::{SignatureAlgorithm, is_on_curve, rsa_key, uncompressed};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair, RsaPublicKeyComponents,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use zeroize::Zeroizing;

/// A key pair of one algorithm.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    algorithm: SignatureAlgorithm,
    /// Base64 of PKCS#8. It is not stored any more once the pair is a previous one.
    private: Option<Zeroizing<String>>,
    /// The members that identify the public key: `x` and `y`, or `n` and `e`.
    numbers: [String; 2],
}

/// No pair could be made: the system gave no random bytes, or the key is not one that can sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key pair could be made")]
pub struct NoPair;

/// A pair as its secret holds it.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct RawPair {
    #[serde(default)]
    pub(super) alg: SignatureAlgorithm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) private_key: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) x: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) y: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) n: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) e: String,
}

impl Pair {
    /// A new P-256 pair. The key's random bytes come from the system directly, since ring accepts no other source.
    pub fn generate() -> Result<Self, NoPair> {
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self::of(SignatureAlgorithm::Es256, private.map_err(|_| NoPair)?.as_ref())
    }

    /// The pair of an RSA key in PKCS#8. ring makes no RSA keys, so they come from outside and are checked here.
    pub fn of_rsa(pkcs8: &[u8]) -> Result<Self, NoPair> {
        Self::of(SignatureAlgorithm::Rs256, pkcs8)
    }

    fn of(algorithm: SignatureAlgorithm, pkcs8: &[u8]) -> Result<Self, NoPair> {
        let private = Zeroizing::new(STANDARD.encode(pkcs8));
        let numbers = numbers(algorithm, &private).ok_or(NoPair)?;
        Ok(Self { algorithm, private: Some(private), numbers })
    }

    /// The algorithm.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Base64 of the private key in PKCS#8; `None` if the pair is a previous one.
    pub(crate) fn private(&self) -> Option<&str> {
        self.private.as_ref().map(|text| text.as_str())
    }

    /// The public key as a JWK (RFC 7517 §4) with this `kid`.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let [one, other] = &self.numbers;
        match self.algorithm {
            SignatureAlgorithm::Es256 => {
                json!({ "kty": "EC", "crv": "P-256", "x": one, "y": other, "kid": kid, "alg": "ES256", "use": "sig" })
            }
            SignatureAlgorithm::Rs256 => {
                json!({ "kty": "RSA", "n": one, "e": other, "kid": kid, "alg": "RS256", "use": "sig" })
            }
        }
    }

    pub(super) fn from_raw(raw: RawPair) -> Result<Self, &'static str> {
        let RawPair { alg: algorithm, private_key: private, x, y, n, e } = raw;
        let numbers = match (&private, algorithm) {
            (Some(private), SignatureAlgorithm::Es256) => {
                numbers(algorithm, private).ok_or("private_key must be a P-256 key in PKCS#8")?
            }
            (Some(private), SignatureAlgorithm::Rs256) => {
                numbers(algorithm, private).ok_or("private_key must be an RSA key of 2048 to 4096 bits in PKCS#8")?
            }
            (None, SignatureAlgorithm::Es256) if uncompressed(&x, &y).is_some_and(|point| is_on_curve(&point)) => {
                [x, y]
            }
            (None, SignatureAlgorithm::Es256) => return Err("x and y must be a point of P-256"),
            (None, SignatureAlgorithm::Rs256) => rsa_key(&n, &e).map(|_| [n, e])?,
        };
        Ok(Self { algorithm, private, numbers })
    }

    /// The pair as its secret holds it: without the private key once it signs no more.
    pub(super) fn to_raw(&self, signs: bool) -> RawPair {
        let private_key = self.private.clone().filter(|_| signs);
        let [one, other] = self.numbers.clone();
        let none = String::new;
        let (x, y, n, e) = match self.algorithm {
            SignatureAlgorithm::Es256 => (one, other, none(), none()),
            SignatureAlgorithm::Rs256 => (none(), none(), one, other),
        };
        RawPair { alg: self.algorithm, private_key, x, y, n, e }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({:?}, {:?})", self.algorithm, self.numbers)
    }
}

/// The public key of a private one. ring gives a point uncompressed: 4, then 32 bytes each of x and y (RFC 5480 §2.2).
fn numbers(algorithm: SignatureAlgorithm, private: &str) -> Option<[String; 2]> {
    let der = Zeroizing::new(STANDARD.decode(private).ok()?);
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match algorithm {
        SignatureAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &SystemRandom::new()).ok()?;
            let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
            Some([encoded(x), encoded(y)])
        }
        SignatureAlgorithm::Rs256 => {
            let public = RsaPublicKeyComponents::<Vec<u8>>::from(RsaKeyPair::from_pkcs8(&der).ok()?.public());
            Some([encoded(&public.n), encoded(&public.e)])
        }
    }
}
