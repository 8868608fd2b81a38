//! Sealing: AES-256-GCM, bound to what is sealed. An internal token is bound to one session, one connector and one version,
//! the letter of a mail to that mail.

use crate::ids::{ApiName, ConnectorName, OutboxId, SessionId};
use crate::rotation::Ring;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

pub use crate::rotation::symmetric::InvalidKeySet;

/// It does not open: it was sealed for something else, it was changed, or its key was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed does not open here: it was sealed for something else, or changed, or its key was removed")]
pub struct CannotOpen;

/// Named 256-bit keys. One is current; older ones are kept while something made with them is still in use.
pub struct KeySet {
    current: String,
    keys: BTreeMap<String, Zeroizing<[u8; 32]>>,
}

impl KeySet {
    /// Parses the JSON value of a key secret.
    pub fn parse(json: &str) -> Result<Self, InvalidKeySet> {
        let ring = Ring::parse_keys(json)?;
        let current = ring.current.id.clone();
        Ok(Self { current, keys: ring.entries().map(|entry| (entry.id.clone(), entry.key.clone())).collect() })
    }

    /// The id of the key for everything new.
    pub fn current_id(&self) -> &str {
        &self.current
    }

    /// The key of that id, if the set has it.
    pub fn get(&self, id: &str) -> Option<&[u8; 32]> {
        self.keys.get(id).map(|key| &**key)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet {{ current: {:?}, keys: {:?} }}", self.current, self.keys.keys())
    }
}

/// A sealed internal token as text: `<key id>.<base64url of nonce, ciphertext and tag>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedToken(String);

impl SealedToken {
    /// Takes a stored text; only [`SealingKeys::open`] tells whether it is valid.
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The keys that seal and open internal tokens.
#[derive(Debug)]
pub struct SealingKeys(KeySet);

impl SealingKeys {
    /// Parses the JSON value of the sealing secret.
    pub fn parse(json: &str) -> Result<Self, InvalidKeySet> {
        KeySet::parse(json).map(Self)
    }

    /// Seals with the current key. The nonce must be 96 fresh random bits.
    pub fn seal(
        &self,
        session: &SessionId,
        connector: &ConnectorName,
        version: u64,
        nonce: [u8; 12],
        plain: &[u8],
    ) -> Result<SealedToken, CannotOpen> {
        self.seal_as(&of_token(session, connector, version), nonce, plain)
    }

    /// Opens a token that was sealed for exactly this session, connector and version.
    pub fn open(
        &self,
        session: &SessionId,
        connector: &ConnectorName,
        version: u64,
        sealed: &SealedToken,
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.open_as(&of_token(session, connector, version), sealed)
    }

    /// Seals the cookies of a session at one API. The nonce must be 96 fresh random bits.
    pub fn seal_jar(
        &self,
        session: &SessionId,
        api: &ApiName,
        nonce: [u8; 12],
        plain: &[u8],
    ) -> Result<SealedToken, CannotOpen> {
        self.seal_as(&of_jar(session, api), nonce, plain)
    }

    /// Opens what [`SealingKeys::seal_jar`] has sealed for exactly this session and API.
    pub fn open_jar(
        &self,
        session: &SessionId,
        api: &ApiName,
        sealed: &SealedToken,
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.open_as(&of_jar(session, api), sealed)
    }

    /// Seals for this purpose with the current key. The nonce must be 96 fresh random bits.
    pub(crate) fn seal_as(&self, purpose: &str, nonce: [u8; 12], plain: &[u8]) -> Result<SealedToken, CannotOpen> {
        let id = self.0.current_id();
        let mut bytes = plain.to_vec();
        self.key(id)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut bytes)
            .map_err(|_| CannotOpen)?;
        let mut sealed = nonce.to_vec();
        sealed.append(&mut bytes);
        Ok(SealedToken(format!("{id}.{}", URL_SAFE_NO_PAD.encode(sealed))))
    }

    /// Opens what was sealed for exactly this purpose.
    pub(crate) fn open_as(&self, purpose: &str, sealed: &SealedToken) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (id, text) = sealed.0.split_once('.').ok_or(CannotOpen)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CannotOpen)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<12>().ok_or(CannotOpen)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let length = self
            .key(id)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(purpose), &mut buffer)
            .map_err(|_| CannotOpen)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Whether this set has the key of the token. A key that it does not have may be newer than the set, or removed.
    pub fn knows(&self, sealed: &SealedToken) -> bool {
        sealed.0.split_once('.').is_some_and(|(id, _)| self.0.get(id).is_some())
    }

    fn key(&self, id: &str) -> Result<LessSafeKey, CannotOpen> {
        let key = self.0.get(id).ok_or(CannotOpen)?;
        UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| CannotOpen)
    }
}

/// The keys that seal and open the letters of mails. They are others than those of internal tokens, so that who writes or sends
/// mails cannot open a session.
#[derive(Debug)]
pub struct LetterKeys(SealingKeys);

impl LetterKeys {
    /// Parses the JSON value of the secret.
    pub fn parse(json: &str) -> Result<Self, InvalidKeySet> {
        SealingKeys::parse(json).map(Self)
    }

    /// Seals the letter of a mail with the current key. The nonce must be 96 fresh random bits.
    pub fn seal(&self, mail: &OutboxId, nonce: [u8; 12], plain: &[u8]) -> Result<SealedToken, CannotOpen> {
        self.0.seal_as(&of_letter(mail), nonce, plain)
    }

    /// Opens a letter that was sealed for exactly this mail.
    pub fn open(&self, mail: &OutboxId, sealed: &SealedToken) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.0.open_as(&of_letter(mail), sealed)
    }

    /// As [`SealingKeys::knows`].
    pub fn knows(&self, sealed: &SealedToken) -> bool {
        self.0.knows(sealed)
    }

    /// The keys, for whatever else the functions that write letters seal.
    pub(crate) const fn keys(&self) -> &SealingKeys {
        &self.0
    }
}

/// No token and no letter is bound to such a text.
fn of_jar(session: &SessionId, api: &ApiName) -> String {
    format!("cookie-jar/{session}/{api}")
}

fn of_token(session: &SessionId, connector: &ConnectorName, version: u64) -> String {
    // No part can contain the separator, so different parts never give the same text.
    format!("internal-token/{session}/{connector}/{version}")
}

fn of_letter(mail: &OutboxId) -> String {
    format!("letter/{mail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    fn keys(current: &str, ids: &[(&str, u8)]) -> SealingKeys {
        let keys: BTreeMap<_, _> = ids.iter().map(|(id, byte)| (*id, STANDARD.encode([*byte; 32]))).collect();
        SealingKeys::parse(&serde_json::json!({ "current": current, "keys": keys }).to_string()).unwrap()
    }

    fn name(text: &str) -> ConnectorName {
        ConnectorName::parse(text).unwrap()
    }

    /// Checklist Y-02, Y-03, Z-43; abuse case I3.
    #[test]
    fn a_token_opens_only_for_its_own_session_connector_and_version() {
        let keys = keys("k1", &[("k1", 1)]);
        let (mine, other) = (SessionId::from_random([1; 16]), SessionId::from_random([2; 16]));
        let sealed = keys.seal(&mine, &name("orders"), 3, [9; 12], b"LEGACY=1").unwrap();
        assert_eq!(keys.open(&mine, &name("orders"), 3, &sealed).unwrap().as_slice(), b"LEGACY=1");
        assert_eq!(keys.open(&other, &name("orders"), 3, &sealed), Err(CannotOpen));
        assert_eq!(keys.open(&mine, &name("crm"), 3, &sealed), Err(CannotOpen));
        assert_eq!(keys.open(&mine, &name("orders"), 4, &sealed), Err(CannotOpen));
    }

    #[test]
    fn a_letter_opens_for_its_own_mail_alone_and_never_as_a_token() {
        let (of_letters, of_tokens) = (LetterKeys(keys("k1", &[("k1", 1)])), keys("k1", &[("k1", 1)]));
        let (mine, other) = (OutboxId::from_random([1; 16]), OutboxId::from_random([2; 16]));
        let sealed = of_letters.seal(&mine, [9; 12], b"code").unwrap();
        assert_eq!(of_letters.open(&mine, &sealed).unwrap().as_slice(), b"code");
        assert_eq!(of_letters.open(&other, &sealed), Err(CannotOpen));
        // Not even where both secrets hold one key.
        assert_eq!(of_tokens.open(&SessionId::from_random([1; 16]), &name("c"), 1, &sealed), Err(CannotOpen));
    }

    #[test]
    fn a_rotated_key_still_opens_what_it_sealed_until_it_is_removed() {
        let session = SessionId::from_random([1; 16]);
        let sealed = keys("k1", &[("k1", 1)]).seal(&session, &name("c"), 1, [1; 12], b"x").unwrap();
        assert!(keys("k2", &[("k1", 1), ("k2", 2)]).open(&session, &name("c"), 1, &sealed).is_ok());
        assert_eq!(keys("k2", &[("k2", 2)]).open(&session, &name("c"), 1, &sealed), Err(CannotOpen));
    }

    /// Checklist C-05, J-05: a MAC or sealing key has 256 bits, so a memorable word is not a key.
    #[test]
    fn a_malformed_key_secret_is_named() {
        assert_eq!(KeySet::parse("{}").unwrap_err(), InvalidKeySet::Shape);
        let short = r#"{"current":"a","keys":{"a":"AAAA"}}"#;
        assert_eq!(KeySet::parse(short).unwrap_err(), InvalidKeySet::Key("a".into()));
        let absent = serde_json::json!({"current":"b","keys":{"a":STANDARD.encode([1; 32])}}).to_string();
        assert_eq!(KeySet::parse(&absent).unwrap_err(), InvalidKeySet::Current("b".into()));
    }

    #[test]
    fn garbage_does_not_open_and_does_not_panic() {
        let keys = keys("k1", &[("k1", 1)]);
        for text in ["", ".", "k1.", "k1.AAAA", "k9.AAAA", "k1.!!!!"] {
            let opened = keys.open(&SessionId::from_random([1; 16]), &name("c"), 1, &SealedToken::parse(text));
            assert_eq!(opened, Err(CannotOpen), "{text}");
        }
    }
}
