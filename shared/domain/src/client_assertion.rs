//! Client authentication by a signed JWT: `private_key_jwt` (OpenID Connect Core §9, RFC 7523 §2.2 and §3).

use crate::assertion::Assertion;
use crate::ids::ClientId;
use crate::jose;
use crate::jwt::Compact;
use crate::keys::{InvalidKeys, distinct, ec_point, has_private_members, is_on_curve, rsa_key, uncompressed, verifies};
use crate::one_use::OneUse;
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub use crate::assertion::InvalidAssertion;

/// The value of `client_assertion_type` (RFC 7523 §2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The algorithms by which applications may sign.
pub const ALGORITHMS: [&str; 3] = ["ES256", "RS256", "PS256"];
/// The most keys of an application, and the most bytes of their set.
const MAX_KEYS: usize = 16;
const MAX_SET: usize = 16 * 1024;

/// How far the clock of an application's server may be ahead.
const AHEAD: Seconds = Seconds::new(5);
/// The types of an assertion by which a client authenticates.
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// An assertion as it was sent. Nothing in it is proved before [`ClientAssertion::verify`].
pub struct ClientAssertion(Assertion);

impl ClientAssertion {
    /// Reads an assertion. A repeated name in its header or claims is an error.
    pub fn parse(token: Secret) -> Result<Self, InvalidAssertion> {
        Assertion::parse(token).map(Self)
    }

    /// The application that it says it is from: `sub`.
    pub fn client_id(&self) -> Option<&str> {
        self.0.subject()
    }

    /// Verifies the assertion of this application: that one of its keys signed it, that it is meant for one of these
    /// audiences alone, and that it is neither over nor valid for long. Whether it was used before, the caller finds out.
    pub fn verify(
        &self,
        client: &ClientId,
        keys: &ClientKeys,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<OneUse, InvalidAssertion> {
        self.verify_signature(keys)?;
        self.0.check_claims(client.as_str(), audiences, (now, AHEAD))
    }

    fn verify_signature(&self, keys: &ClientKeys) -> Result<(), InvalidAssertion> {
        self.0.check_header(&TYPES)?;
        // `kid` is needed only where there is a choice (OpenID Connect Core §10.1).
        let key = match (self.0.has_header("kid"), keys.0.len()) {
            (false, 1) => keys.0.values().next(),
            (true | false, _) => self.0.header("kid").and_then(|kid| keys.0.get(kid)),
        };
        let key = key.ok_or(InvalidAssertion("kid of the assertion is no registered key"))?;
        let named = self.0.header("alg").unwrap_or_default();
        let algorithm = key.algorithms.iter().find(|(name, _)| *name == named);
        let (_, algorithm) = algorithm.ok_or(InvalidAssertion("alg of the assertion is not one of its key"))?;
        let wrong = InvalidAssertion("the signature of the assertion does not verify");
        let Compact { message, signature, .. } = self.0.parts()?;
        URL_SAFE_NO_PAD.decode(signature).map_err(|_| wrong)?;
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, *algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(wrong),
        }
    }
}

/// The public keys of an application, by their `kid`.
pub struct ClientKeys(BTreeMap<String, ClientKey>);

struct ClientKey {
    key: DecodingKey,
    /// Those that fit its type, or the one that its `alg` names.
    algorithms: Vec<(&'static str, Algorithm)>,
    /// The point of an EC key, in the form of SEC 1 §2.3.3.
    point: Option<Vec<u8>>,
}

impl ClientKeys {
    /// Parses a JWK Set (RFC 7517 §5) of EC keys on P-256 and RSA keys of at least 2048 bits, each with a `kid` of its own.
    /// Unlike in a set that others publish, a key that could not be used is an error: whoever registers it is told.
    pub fn parse(jwks: &str) -> Result<Self, InvalidKeys> {
        #[derive(Deserialize)]
        struct Raw {
            keys: Vec<Map<String, Value>>,
        }
        if jwks.len() > MAX_SET {
            return Err(InvalidKeys::Shape("a JWK Set of at most 16384 bytes"));
        }
        let raw: Raw = serde_json::from_str(jwks).map_err(|_| InvalidKeys::Shape(r#"a JWK Set {"keys":[…]}"#))?;
        if raw.keys.is_empty() || raw.keys.len() > MAX_KEYS {
            return Err(InvalidKeys::Missing("1 to 16 keys"));
        }
        let kid = |jwk: &Map<String, Value>| jwk.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned();
        let kids: Vec<_> = raw.keys.iter().map(kid).collect();
        distinct(kids.iter().map(String::as_str))?;
        let keys = kids.into_iter().zip(&raw.keys).map(|(kid, jwk)| {
            let key = ClientKey::parse(&kid, jwk).map_err(|reason| InvalidKeys::Key { kid: kid.clone(), reason })?;
            Ok((kid, key))
        });
        let keys = keys.collect::<Result<_, _>>()?;
        jose::install();
        Ok(Self(keys))
    }

    /// Checks that the point of each EC key is on its curve. It is done where keys are registered: verifying fails without.
    pub fn check_points(&self) -> Result<(), InvalidKeys> {
        for (kid, key) in &self.0 {
            if key.point.as_ref().is_some_and(|point| !is_on_curve(point)) {
                return Err(InvalidKeys::Key { kid: kid.clone(), reason: "the point is not on the curve P-256" });
            }
        }
        Ok(())
    }
}

impl ClientKey {
    fn parse(kid: &str, jwk: &Map<String, Value>) -> Result<Self, &'static str> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        if !(1..=64).contains(&kid.len()) {
            return Err("kid must be a text of 1 to 64 bytes");
        }
        if has_private_members(jwk) {
            return Err("it holds a private key, which must stay with the application");
        }
        if !verifies(jwk)? {
            return Err("use must be sig, and key_ops must hold verify");
        }
        let (key, point, fitting) = match (text("kty"), text("crv")) {
            ("EC", "P-256") => (
                ec_point(text("x"), text("y"))?,
                uncompressed(text("x"), text("y")),
                &[("ES256", Algorithm::ES256)][..],
            ),
            ("RSA", _) => {
                let both = &[("RS256", Algorithm::RS256), ("PS256", Algorithm::PS256)][..];
                (rsa_key(text("n"), text("e"))?, None, both)
            }
            _ => return Err("kty must be RSA, or EC with the crv P-256"),
        };
        let algorithms: Vec<_> = match jwk.get("alg") {
            None => fitting.to_vec(),
            Some(alg) => fitting.iter().filter(|(name, _)| alg == name).copied().collect(),
        };
        if algorithms.is_empty() {
            return Err("alg must be ES256 for an EC key, RS256 or PS256 for an RSA key");
        }
        Ok(Self { key, algorithms, point })
    }
}

#[cfg(test)]
#[path = "client_assertion_tests.rs"]
mod tests;
