//! ID tokens that come back as a hint (OpenID Connect Core §3.1.2.1, RP-Initiated Logout 1.0 §2): they name a user and a
//! session, and prove nothing of who sends them.

use crate::access_token::MAX_LENGTH;
use crate::id_token::IdTokenKeys;
use crate::ids::{ClientId, SessionId, UserId};
use crate::jwt::{self, Compact, NotAJwt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// The text is no ID token that this server has signed with a key that it still publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no ID token of this server: {0}")]
pub struct InvalidHint(&'static str);

impl From<NotAJwt> for InvalidHint {
    fn from(_: NotAJwt) -> Self {
        Self("it is no JWT")
    }
}

/// Reads an ID token of this issuer. Its signature is verified before any claim is read. That it has expired is no fault:
/// applications keep the ID token of a session, and send it when the session ends (RP-Initiated Logout 1.0 §4).
pub fn verify(token: &str, keys: &IdTokenKeys, issuer: &str) -> Result<Hint, InvalidHint> {
    if token.len() > MAX_LENGTH {
        return Err(InvalidHint("it is too long"));
    }
    let Compact { message, header, payload, signature } = Compact::parse(token)?;
    let header = jwt::object(header)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    // An ID token has these alone, and a logout token of the same keys has another type.
    if header.len() != 3 || text("typ") != Some("JWT") {
        return Err(InvalidHint("its header is another"));
    }
    let public = keys.verifying().map_err(|_| InvalidHint("the keys cannot be used"))?;
    let verifier = text("kid").and_then(|kid| public.get(kid)).ok_or(InvalidHint("its key is unknown"))?;
    if text("alg") != Some(verifier.name()) || URL_SAFE_NO_PAD.decode(signature).is_err() {
        return Err(InvalidHint("its header or signature is malformed"));
    }
    let outcome = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &verifier.key, verifier.algorithm);
    if !matches!(outcome, Ok(true)) {
        return Err(InvalidHint("its signature does not verify"));
    }
    let claims = jwt::object(payload)?;
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
