//! Device secrets (OpenID Connect Native SSO §3.2): `mgd_<sign-on>.<mac>`, by which the other apps of a family on one device get sessions of
//! their own. Only this server can derive one, as it does a refresh token, so none is stored.

use crate::ids::SessionId;
use crate::refresh_token::RefreshKeys;
use crate::secret::{Secret, sha256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// The type of a device secret in a token exchange (OpenID Connect Native SSO §4.1).
pub const TOKEN_TYPE: &str = "urn:openid:params:token-type:device-secret";

const PREFIX: &str = "mgd_";

/// The text is not a device secret of this server: its form or its MAC is wrong, or its key was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a device secret of this server")]
pub struct NotADeviceSecret;

/// A device secret as it was presented. Its form is valid; its MAC is not checked yet.
#[derive(Debug, Clone)]
pub struct PresentedSecret {
    /// The sign-on that it names: the id of the session whose login began it.
    pub id: SessionId,
    mac: Vec<u8>,
}

impl PresentedSecret {
    /// Stands for a text that is no device secret: one of a sign-on that does not exist.
    pub fn of_nobody(id: SessionId) -> Self {
        Self { id, mac: Vec::new() }
    }

    /// Parses both parts.
    pub fn parse(text: &str) -> Result<Self, NotADeviceSecret> {
        let (id, mac) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')).ok_or(NotADeviceSecret)?;
        let id = SessionId::parse(id).ok().filter(|id| id.as_str().len() == 22).ok_or(NotADeviceSecret)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| NotADeviceSecret)?;
        if mac.len() == 32 { Ok(Self { id, mac }) } else { Err(NotADeviceSecret) }
    }

    /// Checks the MAC in constant time, with the salt and key id of the sign-on.
    pub fn check(&self, keys: &RefreshKeys, key_id: &str, salt: &[u8; 16]) -> Result<(), NotADeviceSecret> {
        hmac::verify(&key(keys, key_id)?, &message(salt, &self.id), &self.mac).map_err(|_| NotADeviceSecret)
    }

    /// Does the work of [`PresentedSecret::check`] where there is no sign-on, so that the time does not tell that there is none.
    pub fn check_nothing(&self, keys: &RefreshKeys) {
        let checked = self.check(keys, keys.current_id(), &[0; 16]);
        // The result is not used; `black_box` keeps the compiler from removing the work.
        let _ = std::hint::black_box(checked);
    }
}

/// Derives the secret of a sign-on, which is the same every time.
pub fn derive(keys: &RefreshKeys, key_id: &str, salt: &[u8; 16], id: &SessionId) -> Result<Secret, NotADeviceSecret> {
    let mac = hmac::sign(&key(keys, key_id)?, &message(salt, id));
    Ok(Secret::new(format!("{PREFIX}{id}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref()))))
}

/// The claim `ds_hash`, by which an ID token says to which device secret it belongs: its SHA-256. What it is made of is the server's affair
/// (OpenID Connect Native SSO §3.3).
pub fn ds_hash(secret: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(sha256(secret.expose().as_bytes()))
}

fn key(keys: &RefreshKeys, id: &str) -> Result<hmac::Key, NotADeviceSecret> {
    keys.key(id).map_err(|_| NotADeviceSecret)
}

/// Another message than that of any refresh token of the same session, whose salt and key it shares.
fn message(salt: &[u8; 16], id: &SessionId) -> Vec<u8> {
    let mut message = b"device-secret/".to_vec();
    message.extend_from_slice(salt);
    message.extend_from_slice(id.as_str().as_bytes());
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

    fn id() -> SessionId {
        SessionId::from_random([5; 16])
    }

    #[test]
    fn a_sign_on_has_one_secret_and_it_checks() {
        let secret = derive(&keys(1), "m1", &[3; 16], &id()).unwrap();
        assert_eq!(secret.expose(), derive(&keys(1), "m1", &[3; 16], &id()).unwrap().expose());
        let presented = PresentedSecret::parse(secret.expose()).unwrap();
        assert_eq!((&presented.id, presented.check(&keys(1), "m1", &[3; 16])), (&id(), Ok(())));
        assert_eq!(ds_hash(&secret).len(), 43);
    }

    /// Abuse case O7: neither the table nor a MAC key makes a secret.
    #[test]
    fn the_salt_and_the_key_are_both_needed() {
        let secret = derive(&keys(1), "m1", &[3; 16], &id()).unwrap();
        let presented = PresentedSecret::parse(secret.expose()).unwrap();
        assert_eq!(presented.check(&keys(2), "m1", &[3; 16]), Err(NotADeviceSecret));
        assert_eq!(presented.check(&keys(1), "m1", &[4; 16]), Err(NotADeviceSecret));
        assert_eq!(presented.check(&keys(1), "m2", &[3; 16]), Err(NotADeviceSecret));
    }

    /// Abuse case O7.
    #[test]
    fn other_texts_are_none() {
        let secret = derive(&keys(1), "m1", &[3; 16], &id()).unwrap();
        let text = secret.expose();
        for bad in ["", "mgd_", &text[1..], &text[..text.len() - 2], &format!("{text}AA"), &text.replace('.', "")] {
            assert!(PresentedSecret::parse(bad).is_err(), "{bad}");
        }
        let refresh = keys(1).token("m1", &[3; 16], &id(), 1).unwrap();
        let as_secret = refresh.expose().replacen("mgr_", "mgd_", 1).replacen(".1.", ".", 1);
        let presented = PresentedSecret::parse(&as_secret).unwrap();
        assert_eq!(presented.check(&keys(1), "m1", &[3; 16]), Err(NotADeviceSecret), "a refresh token is none");
    }
}
