//! ID tokens of another issuer (OpenID Connect Core §3.1.3.7, §12.2): whose the refresh token was that it has just answered.

use crate::jose;
use crate::jwt::{self, Compact, NotAJwt};
use crate::keys::{InvalidKeys, ec_point, has_private_members, rsa_key, verifies};
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest ID token, in bytes: as long as a whole answer of an issuer may be, since some put every group of a user into it.
const LONGEST: usize = 64 * 1024;
/// The most keys of an issuer.
const MAX_KEYS: usize = 64;
/// The longest subject, in bytes (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;
/// How much the clock of an issuer may differ from ours.
const SKEW: Seconds = Seconds::new(60);

/// The public keys of another issuer (RFC 7517 §5).
pub struct IssuerKeys(Vec<IssuerKey>);

struct IssuerKey {
    kid: Option<String>,
    key: DecodingKey,
    /// Those that fit its type, or the one that its `alg` names (RFC 8725 §3.1).
    algorithms: Vec<(&'static str, Algorithm)>,
}

/// Why an ID token tells nothing. The text is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdToken {
    /// No key of the set has signed it: that may be one that is newer than the set.
    #[error("the ID token is signed with no key of the set of its issuer")]
    UnknownKey,
    /// It was good once.
    #[error("the ID token has expired")]
    Expired,
    /// It is none that this issuer, as it is configured here, makes for clients: whose it is cannot be told.
    #[error("the ID token cannot be verified: {0}")]
    Unverified(&'static str),
    /// It is this issuer's, and not of this client or of a user.
    #[error("the ID token is refused: {0}")]
    Refused(&'static str),
}

impl From<NotAJwt> for InvalidIdToken {
    fn from(_: NotAJwt) -> Self {
        Self::Unverified("it is no JWT")
    }
}

impl IssuerKeys {
    /// Parses a JWK Set. Keys that are not for verifying signatures, of another type or malformed are skipped (RFC 7517 §5): others publish
    /// what they like. A key whose private half is published as well proves nothing, and is skipped too.
    pub fn parse(jwks: &[u8]) -> Result<Self, InvalidKeys> {
        #[derive(Deserialize)]
        struct Raw {
            keys: Vec<Map<String, Value>>,
        }
        let raw: Raw = serde_json::from_slice(jwks).map_err(|_| InvalidKeys::Shape(r#"a JWK Set {"keys":[…]}"#))?;
        let keys: Vec<_> = raw.keys.iter().take(MAX_KEYS).filter_map(IssuerKey::of).collect();
        if keys.is_empty() {
            return Err(InvalidKeys::Missing("at least one key for ES256, RS256 or PS256"));
        }
        jose::install();
        Ok(Self(keys))
    }

    /// The key of this id; without an id, the only one (OpenID Connect Core §10.1).
    fn get(&self, kid: Option<&str>) -> Option<&IssuerKey> {
        let mut fitting = self.0.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let found = fitting.next()?;
        fitting.next().is_none().then_some(found)
    }
}

impl IssuerKey {
    fn of(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        if has_private_members(jwk) || verifies(jwk) != Ok(true) {
            return None;
        }
        let (key, fitting) = match (text("kty"), text("crv")) {
            ("EC", "P-256") => (ec_point(text("x"), text("y")).ok()?, &[("ES256", Algorithm::ES256)][..]),
            ("RSA", _) => {
                let both = &[("RS256", Algorithm::RS256), ("PS256", Algorithm::PS256)][..];
                (rsa_key(text("n"), text("e")).ok()?, both)
            }
            _ => return None,
        };
        let algorithms: Vec<_> = match jwk.get("alg") {
            None => fitting.to_vec(),
            Some(alg) => fitting.iter().filter(|(name, _)| alg == name).copied().collect(),
        };
        let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        (!algorithms.is_empty()).then_some(Self { kid, key, algorithms })
    }
}

/// `sub` of an ID token that this issuer has just given this client. Its signature is verified before any claim is read. No other
/// claim tells who it is: an address may be anybody's.
pub fn subject(
    token: &str,
    keys: &IssuerKeys,
    (issuer, client): (&str, &str),
    now: Timestamp,
) -> Result<String, InvalidIdToken> {
    use InvalidIdToken::Unverified;
    if token.len() > LONGEST {
        return Err(Unverified("it is too long"));
    }
    let Compact { message, header, payload, signature } = Compact::parse(token)?;
    let header = jwt::object(header)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    // What is critical is not understood here (RFC 7515 §4.1.11).
    if header.contains_key("crit") {
        return Err(Unverified("its header has critical parameters"));
    }
    // A token of another kind that the same key signed is none (RFC 8725 §3.11).
    if header.contains_key("typ") && !text("typ").is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")) {
        return Err(Unverified("its type is another"));
    }
    if header.contains_key("kid") && text("kid").is_none() {
        return Err(Unverified("its kid is no text"));
    }
    let named = text("alg").unwrap_or_default();
    if !["ES256", "RS256", "PS256"].contains(&named) {
        return Err(Unverified("its alg is none of ES256, RS256 and PS256"));
    }
    let key = keys.get(text("kid")).ok_or(InvalidIdToken::UnknownKey)?;
    let algorithm = key.algorithms.iter().find(|(name, _)| *name == named);
    let (_, algorithm) = algorithm.ok_or(Unverified("its alg is not one of its key"))?;
    URL_SAFE_NO_PAD.decode(signature).map_err(|_| Unverified("its signature is malformed"))?;
    let verified = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, *algorithm);
    if !matches!(verified, Ok(true)) {
        // A key without an id, or one that has kept it, is another one by now.
        return Err(InvalidIdToken::UnknownKey);
    }
    claimed(&jwt::object(payload)?, (issuer, client), now)
}

fn claimed(
    claims: &BTreeMap<String, Value>,
    (issuer, client): (&str, &str),
    now: Timestamp,
) -> Result<String, InvalidIdToken> {
    use InvalidIdToken::{Refused, Unverified};
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(issuer) {
        return Err(Unverified("its iss is not the configured issuer, letter for letter"));
    }
    let audiences = jwt::audiences(claims.get("aud")).unwrap_or_default();
    if !audiences.iter().any(|audience| audience == client) {
        return Err(Refused("it is for another client"));
    }
    // With several audiences, `azp` says whom it was issued to (OpenID Connect Core §3.1.3.7, items 4 and 5).
    if (audiences.len() > 1 || claims.contains_key("azp")) && text("azp") != Some(client) {
        return Err(Refused("it was issued to another client"));
    }
    let date = |name| jwt::date(claims, name).map_err(|_| Unverified("a time of it is none"));
    let (ends, made) =
        (date("exp")?.ok_or(Unverified("it has no exp"))?, date("iat")?.ok_or(Unverified("it has no iat"))?);
    let soon = now.saturating_add(SKEW);
    if made > soon || date("nbf")?.is_some_and(|from| from > soon) {
        return Err(Unverified("it is not valid yet: the clock of its issuer is ahead"));
    }
    if now >= ends.saturating_add(SKEW) {
        return Err(InvalidIdToken::Expired);
    }
    checked_subject(text("sub")).ok_or(Refused("it has no sub"))
}

/// A subject of another issuer: 1 to 255 characters of ASCII (OpenID Connect Core §2).
pub fn checked_subject(subject: Option<&str>) -> Option<String> {
    let subject = subject.filter(|text| (1..=MAX_SUBJECT).contains(&text.len()))?;
    subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)).then(|| subject.to_owned())
}

#[cfg(test)]
#[path = "foreign_token_tests.rs"]
mod tests;
