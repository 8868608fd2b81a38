//! Refresh tokens: `mgr_<session>.<generation>.<mac>`, which only this server can derive.
//!
//! The MAC covers the session's salt, so neither the table alone nor a MAC key alone mints a token. A token is derived
//! again when it must be served a second time, so none is stored.

use crate::ids::SessionId;
use crate::sealing::{InvalidKeySet, KeySet};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

const PREFIX: &str = "mgr_";
/// What begins the secrets that this gateway gives out: refresh tokens, codes, sessions of logins, device secrets, secrets of clients, and
/// tokens of registrations. No other issuer's token is told by less.
pub(crate) const OURS: [&str; 6] = [PREFIX, "mgc_", "mga_", "mgd_", "mgs_", "mgt_"];

/// The text is not a refresh token of this server: its form or its MAC is wrong, or its key was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of this server")]
pub struct NotARefreshToken;

/// A token as it was presented. Its form is valid; its MAC is not checked yet.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The session it names.
    pub sid: SessionId,
    /// Its generation in the family.
    pub generation: u64,
    mac: Vec<u8>,
}

impl Presented {
    /// Stands for a text that is not a token: a token of a session that does not exist.
    pub fn of_nobody(sid: SessionId) -> Self {
        Self { sid, generation: 1, mac: Vec::new() }
    }

    /// Parses the three parts of a token.
    pub fn parse(token: &str) -> Result<Self, NotARefreshToken> {
        let mut parts = token.strip_prefix(PREFIX).ok_or(NotARefreshToken)?.split('.');
        let (Some(sid), Some(generation), Some(mac), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotARefreshToken);
        };
        // A number has one spelling: no sign and no leading zero.
        if generation.len() > 18 || generation.starts_with('0') || !generation.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotARefreshToken);
        }
        Ok(Self {
            sid: SessionId::parse(sid).ok().filter(|sid| sid.as_str().len() == 22).ok_or(NotARefreshToken)?,
            generation: generation.parse().map_err(|_| NotARefreshToken)?,
            mac: URL_SAFE_NO_PAD.decode(mac).map_err(|_| NotARefreshToken)?,
        })
    }
}

/// The MAC keys. A session keeps the one it began with.
#[derive(Debug)]
pub struct RefreshKeys(KeySet);

impl RefreshKeys {
    /// Parses the JSON value of the refresh secret.
    pub fn parse(json: &str) -> Result<Self, InvalidKeySet> {
        KeySet::parse(json).map(Self)
    }

    /// The id of the key that new sessions begin with.
    pub fn current_id(&self) -> &str {
        self.0.current_id()
    }

    /// Whether this set has the key. A key that it does not have may be newer than the set, or removed.
    pub fn knows(&self, key_id: &str) -> bool {
        self.0.get(key_id).is_some()
    }

    /// Derives the token of this generation, which is the same every time.
    pub fn token(
        &self,
        key_id: &str,
        salt: &[u8; 16],
        sid: &SessionId,
        generation: u64,
    ) -> Result<Secret, NotARefreshToken> {
        let mac = hmac::sign(&self.key(key_id)?, &message(salt, sid, generation));
        Ok(Secret::new(format!("{PREFIX}{sid}.{generation}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref()))))
    }

    /// Checks the MAC in constant time, with the session's salt and key id.
    pub fn check(&self, key_id: &str, salt: &[u8; 16], presented: &Presented) -> Result<(), NotARefreshToken> {
        hmac::verify(&self.key(key_id)?, &message(salt, &presented.sid, presented.generation), &presented.mac)
            .map_err(|_| NotARefreshToken)
    }

    /// Does the work of [`RefreshKeys::check`] for a token without a session, so that the time does not tell that there is
    /// none.
    pub fn check_nothing(&self, presented: &Presented) {
        let checked = self.check(self.current_id(), &[0; 16], presented);
        // The result is not used; `black_box` keeps the compiler from removing the work.
        let _ = std::hint::black_box(checked);
    }

    pub(crate) fn key(&self, id: &str) -> Result<hmac::Key, NotARefreshToken> {
        self.0.get(id).map(|key| hmac::Key::new(hmac::HMAC_SHA256, key)).ok_or(NotARefreshToken)
    }
}

fn message(salt: &[u8; 16], sid: &SessionId, generation: u64) -> Vec<u8> {
    let mut message = b"refresh-token/".to_vec();
    message.extend_from_slice(salt);
    message.extend_from_slice(sid.as_str().as_bytes());
    message.extend_from_slice(&generation.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    fn keys(byte: u8) -> RefreshKeys {
        let json = serde_json::json!({"current": "m1", "keys": {"m1": STANDARD.encode([byte; 32])}});
        RefreshKeys::parse(&json.to_string()).unwrap()
    }

    fn sid() -> SessionId {
        SessionId::from_random([5; 16])
    }

    #[test]
    fn a_generation_has_one_token_and_it_checks() {
        let keys = keys(1);
        let token = keys.token("m1", &[3; 16], &sid(), 7).unwrap();
        assert_eq!(token.expose(), keys.token("m1", &[3; 16], &sid(), 7).unwrap().expose());
        let presented = Presented::parse(token.expose()).unwrap();
        assert_eq!((presented.sid.clone(), presented.generation), (sid(), 7));
        assert_eq!(keys.check("m1", &[3; 16], &presented), Ok(()));
    }

    /// Abuse case I2; checklist G-15, T-28, O-02: neither the table nor a MAC key mints a token.
    #[test]
    fn the_salt_and_the_key_are_both_needed() {
        let token = keys(1).token("m1", &[3; 16], &sid(), 7).unwrap();
        let presented = Presented::parse(token.expose()).unwrap();
        assert!(keys(2).check("m1", &[3; 16], &presented).is_err());
        assert!(keys(1).check("m1", &[4; 16], &presented).is_err());
        assert!(keys(1).check("m2", &[3; 16], &presented).is_err());
    }

    /// Checklist G-15: one flipped bit anywhere makes a token invalid.
    #[test]
    fn any_changed_character_is_noticed() {
        let keys = keys(1);
        let token = keys.token("m1", &[3; 16], &sid(), 7).unwrap();
        for position in 0..token.expose().len() {
            let mut bytes = token.expose().as_bytes().to_vec();
            bytes[position] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let good = Presented::parse(&changed).and_then(|p| {
                // A changed session id names another session, which has another salt.
                let salt = if p.sid == sid() { [3; 16] } else { [9; 16] };
                keys.check("m1", &salt, &p)
            });
            assert!(good.is_err(), "{changed}");
        }
    }
}
