//! Client authentication by a signed JWT: `private_key_jwt` (OpenID Connect Core §9, RFC 7523 §2.2 and §3).

use crate::ids::ClientId;
use crate::jose;
use crate::jwt::{self, Compact};
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

/// The value of `client_assertion_type` (RFC 7523 §2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The algorithms by which applications may sign.
pub const ALGORITHMS: [&str; 3] = ["ES256", "RS256", "PS256"];
/// The longest assertion, in bytes.
const MAX_LENGTH: usize = 4096;
/// The longest time until `exp`. So long the `jti` of a used assertion has to be remembered.
const MAX_LIFETIME: Seconds = Seconds::new(300);
/// How far the application's clock may be ahead.
const SKEW: Seconds = Seconds::new(5);
/// The longest `jti`, in bytes.
const MAX_JTI: usize = 255;
/// The most keys of an application, and the most bytes of their set.
const MAX_KEYS: usize = 16;
const MAX_SET: usize = 16 * 1024;

/// Why an assertion is not accepted. It is for the log alone: the response is the same for all, `invalid_client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAssertion(pub &'static str);

/// An assertion as it was sent. Nothing in it is proved before [`ClientAssertion::verify`].
pub struct ClientAssertion {
    token: Secret,
    header: BTreeMap<String, Value>,
    claims: BTreeMap<String, Value>,
}

impl ClientAssertion {
    /// Reads an assertion. A repeated name in its header or claims is an error.
    pub fn parse(token: Secret) -> Result<Self, InvalidAssertion> {
        let malformed = || InvalidAssertion("the assertion is not a JWT");
        if token.expose().len() > MAX_LENGTH {
            return Err(malformed());
        }
        let parts = Compact::parse(token.expose()).map_err(|_| malformed())?;
        let header = jwt::object(parts.header).map_err(|_| malformed())?;
        let claims = jwt::object(parts.payload).map_err(|_| malformed())?;
        Ok(Self { token, header, claims })
    }

    /// The application that it says it is from: `sub`.
    pub fn client_id(&self) -> Option<&str> {
        self.claims.get("sub").and_then(Value::as_str)
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
        let text = |name: &str| self.claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(client.as_str()) || text("sub") != Some(client.as_str()) {
            return Err(InvalidAssertion("iss and sub of the assertion are not the client id"));
        }
        // With one audience alone, no other server that the application authenticates to can use it here.
        let audience = jwt::audiences(self.claims.get("aud"));
        if !matches!(audience.as_deref(), Some([one]) if audiences.contains(&one.as_str())) {
            return Err(InvalidAssertion("aud of the assertion is not the issuer or an endpoint"));
        }
        let date =
            |name| jwt::date(&self.claims, name).map_err(|_| InvalidAssertion("a time of the assertion is none"));
        let until = date("exp")?.ok_or(InvalidAssertion("the assertion has no exp"))?;
        let soon = now.saturating_add(SKEW);
        if now >= until {
            return Err(InvalidAssertion("the assertion has expired"));
        }
        if until > soon.saturating_add(MAX_LIFETIME) {
            return Err(InvalidAssertion("the assertion is valid for more than five minutes"));
        }
        if date("nbf")?.is_some_and(|from| from > soon) || date("iat")?.is_some_and(|at| at > soon) {
            return Err(InvalidAssertion("the assertion is not valid yet"));
        }
        match text("jti") {
            Some(jti) if (1..=MAX_JTI).contains(&jti.len()) => Ok(OneUse { jti: jti.to_owned(), until }),
            Some(_) | None => Err(InvalidAssertion("jti of the assertion is missing or too long")),
        }
    }

    fn verify_signature(&self, keys: &ClientKeys) -> Result<(), InvalidAssertion> {
        let text = |name: &str| self.header.get(name).and_then(Value::as_str);
        // What is critical is not understood here (RFC 7515 §4.1.11); keys in the header are never used.
        if self.header.contains_key("crit") {
            return Err(InvalidAssertion("the assertion has critical header parameters"));
        }
        // A token of another kind that the same key signed is none (RFC 8725 §3.11).
        let is_typ = |typ: &str| ["JWT", "client-authentication+jwt"].iter().any(|name| name.eq_ignore_ascii_case(typ));
        if self.header.contains_key("typ") && !text("typ").is_some_and(is_typ) {
            return Err(InvalidAssertion("typ of the assertion is another kind of token"));
        }
        // `kid` is needed only where there is a choice (OpenID Connect Core §10.1).
        let key = match (self.header.contains_key("kid"), keys.0.len()) {
            (false, 1) => keys.0.values().next(),
            (true | false, _) => text("kid").and_then(|kid| keys.0.get(kid)),
        };
        let key = key.ok_or(InvalidAssertion("kid of the assertion is no registered key"))?;
        let named = text("alg").unwrap_or_default();
        let algorithm = key.algorithms.iter().find(|(name, _)| *name == named);
        let (_, algorithm) = algorithm.ok_or(InvalidAssertion("alg of the assertion is not one of its key"))?;
        let wrong = InvalidAssertion("the signature of the assertion does not verify");
        let Compact { message, signature, .. } = Compact::parse(self.token.expose()).map_err(|_| wrong)?;
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
