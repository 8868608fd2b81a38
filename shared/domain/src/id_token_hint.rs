//! ID tokens that come back as a hint (OpenID Connect Core §3.1.2.1, RP-Initiated Logout 1.0 §2): they name a user and a
//! session, and prove nothing of who sends them.

use crate::access_token::MAX_LENGTH;
use crate::id_token::{IdTokenKeys, kid_ending};
use crate::ids::{ClientId, SessionId, UserId};
use crate::jwt::{self, Compact, NotAJwt};
use crate::keys::SignatureAlgorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest id of a key, in bytes; ours have about half as many.
const MAX_KID: usize = 64;

/// What an ID token of this server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// The application that it was issued to.
    pub client_id: ClientId,
    /// The user.
    pub user_id: UserId,
    /// The session.
    pub sid: SessionId,
}

/// What a text says that has the form of an ID token of this server. Anybody can write such a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedHint(Hint);

/// What an ID token says that belongs to a device secret (OpenID Connect Native SSO §3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedIdToken {
    /// What every ID token says.
    pub hint: Hint,
    /// Of which device secret it is.
    pub ds_hash: String,
}

/// The text is no ID token that this server has signed with a key that it still publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no ID token of this server: {0}")]
pub struct InvalidHint(&'static str);

impl UnverifiedHint {
    /// Reads a text without its signature, so that only what can be an ID token of this issuer is sent to who has the keys.
    pub fn parse(token: &str, issuer: &str) -> Result<Self, InvalidHint> {
        let Parts { header, payload, signature_length, .. } = parts(token)?;
        let algorithm = header.get("alg").and_then(|name| SignatureAlgorithm::deserialize(name).ok());
        let algorithm = algorithm.ok_or(InvalidHint("its algorithm is another"))?;
        let kid = header.get("kid").and_then(Value::as_str).unwrap_or_default();
        if kid.len() > MAX_KID || !kid.ends_with(kid_ending(algorithm)) {
            return Err(InvalidHint("its key is no key of ID tokens"));
        }
        if !is_length_of_signature(algorithm, signature_length) {
            return Err(InvalidHint("its signature has another length"));
        }
        said(payload, issuer).map(Self)
    }

    /// What it says of itself, which decides nothing that an ID token would permit.
    pub const fn claims(&self) -> &Hint {
        &self.0
    }
}

/// Whether signatures have this many bytes (RFC 7518 §3.4): for RSA as many as the modulus, from 2,048 to 8,192 bits in steps of
/// 512.
fn is_length_of_signature(algorithm: SignatureAlgorithm, length: usize) -> bool {
    match algorithm {
        SignatureAlgorithm::Es256 => length == 64,
        SignatureAlgorithm::Rs256 => (256..=1024).contains(&length) && length.is_multiple_of(64),
    }
}

impl From<NotAJwt> for InvalidHint {
    fn from(_: NotAJwt) -> Self {
        Self("it is no JWT")
    }
}

/// A text of the form of an ID token, of which nothing is believed.
struct Parts<'t> {
    message: &'t str,
    header: BTreeMap<String, Value>,
    payload: &'t str,
    signature: &'t str,
    signature_length: usize,
}

fn parts(token: &str) -> Result<Parts<'_>, InvalidHint> {
    if token.len() > MAX_LENGTH {
        return Err(InvalidHint("it is too long"));
    }
    let compact = Compact::parse(token)?;
    let header = jwt::object(compact.header)?;
    // An ID token has these alone, and a logout token of the same keys has another type.
    if header.len() != 3 || header.get("typ").and_then(Value::as_str) != Some("JWT") {
        return Err(InvalidHint("its header is another"));
    }
    let Compact { message, payload, signature, .. } = compact;
    let decoded = URL_SAFE_NO_PAD.decode(signature).map_err(|_| InvalidHint("its signature is malformed"))?;
    Ok(Parts { message, header, payload, signature, signature_length: decoded.len() })
}

/// What the claims say, if they are of this issuer.
fn said(payload: &str, issuer: &str) -> Result<Hint, InvalidHint> {
    hint_of(&jwt::object(payload)?, issuer)
}

fn hint_of(claims: &BTreeMap<String, Value>, issuer: &str) -> Result<Hint, InvalidHint> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(InvalidHint("a claim is missing"));
    if text("iss")? != issuer {
        return Err(InvalidHint("its issuer is another"));
    }
    let odd = |_| InvalidHint("a claim is malformed");
    Ok(Hint {
        client_id: ClientId::parse(text("aud")?).map_err(odd)?,
        user_id: UserId::parse(text("sub")?).map_err(odd)?,
        sid: SessionId::parse(text("sid")?).map_err(odd)?,
    })
}

/// Reads an ID token of this issuer. Its signature is verified before any claim is read. That it has expired is no fault:
/// applications keep the ID token of a session, and send it when the session ends (RP-Initiated Logout 1.0 §4).
pub fn verify(token: &str, keys: &IdTokenKeys, issuer: &str) -> Result<Hint, InvalidHint> {
    said(verified_payload(token, keys)?, issuer)
}

/// The same of an ID token that is presented with its device secret. That it has expired is no fault here either: whether its session
/// lives is asked (OpenID Connect Native SSO §4.3).
pub fn verify_shared(token: &str, keys: &IdTokenKeys, issuer: &str) -> Result<SharedIdToken, InvalidHint> {
    let claims = jwt::object(verified_payload(token, keys)?)?;
    let ds_hash = claims.get("ds_hash").and_then(Value::as_str).ok_or(InvalidHint("it belongs to no device secret"))?;
    Ok(SharedIdToken { hint: hint_of(&claims, issuer)?, ds_hash: ds_hash.to_owned() })
}

fn verified_payload<'t>(token: &'t str, keys: &IdTokenKeys) -> Result<&'t str, InvalidHint> {
    let Parts { message, header, payload, signature, .. } = parts(token)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    let public = keys.verifying().map_err(|_| InvalidHint("the keys cannot be used"))?;
    let verifier = text("kid").and_then(|kid| public.get(kid)).ok_or(InvalidHint("its key is unknown"))?;
    if text("alg") != Some(verifier.name()) {
        return Err(InvalidHint("its algorithm is another"));
    }
    let outcome = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &verifier.key, verifier.algorithm);
    if !matches!(outcome, Ok(true)) {
        return Err(InvalidHint("its signature does not verify"));
    }
    Ok(payload)
}
