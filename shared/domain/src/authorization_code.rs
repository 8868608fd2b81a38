//! Authorization codes (RFC 6749 §4.1.2): `mgc_<session>.<secret>`, the id of a pending session and 256 random bits.

use crate::ids::SessionId;
use crate::secret::{Secret, sha256_hex};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const PREFIX: &str = "mgc_";

/// The text is not an authorization code of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an authorization code of this server")]
pub struct NotACode;

/// An authorization code. Its form is valid; whether it was issued, only the pending session tells.
#[derive(Debug)]
pub struct AuthorizationCode {
    /// The pending session that it redeems.
    pub sid: SessionId,
    secret: Secret,
}

impl AuthorizationCode {
    /// A new code for this pending session.
    pub fn from_random(sid: SessionId, bits: [u8; 32]) -> Self {
        Self { sid, secret: Secret::new(URL_SAFE_NO_PAD.encode(bits)) }
    }

    /// Parses a code as it was presented.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let (sid, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')).ok_or(NotACode)?;
        let sid = SessionId::parse(sid).ok().filter(|sid| sid.as_str().len() == 22).ok_or(NotACode)?;
        let bytes = URL_SAFE_NO_PAD.decode(secret).map_err(|_| NotACode)?;
        if bytes.len() == 32 { Ok(Self { sid, secret: Secret::new(secret.to_owned()) }) } else { Err(NotACode) }
    }

    /// The code as text.
    pub fn text(&self) -> Secret {
        Secret::new(format!("{PREFIX}{}.{}", self.sid, self.secret.expose()))
    }

    /// SHA-256 in hexadecimal of its secret, which is all that is stored.
    pub fn hash(&self) -> String {
        sha256_hex(self.secret.expose().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_was_written() {
        let code = AuthorizationCode::from_random(SessionId::from_random([1; 16]), [2; 32]);
        let read = AuthorizationCode::parse(code.text().expose()).unwrap();
        assert_eq!((&read.sid, read.hash()), (&code.sid, code.hash()));
        assert_eq!(format!("{read:?}").matches("redacted").count(), 1);
    }

    #[test]
    fn other_texts_are_none() {
        let code = AuthorizationCode::from_random(SessionId::from_random([1; 16]), [2; 32]).text();
        let text = code.expose();
        for bad in ["", "mgc_", &text[1..], &text[..text.len() - 1], &format!("{text}A"), &text.replace('.', "")] {
            assert_eq!(AuthorizationCode::parse(bad).map(drop), Err(NotACode), "{bad}");
        }
    }
}
