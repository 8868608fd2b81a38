//! Passkeys of people (W3C WebAuthn Level 3): what is kept of one, and the challenges that they sign.
//!
//! Nothing is stored of a challenge before it is used: it is a time, sealed for what it is for. What that is goes into the seal, so that no login
//! takes a challenge of an enrolment, nor the reverse, also where both are sealed by the keys of letters, as on the account pages.

use crate::address::is_invisible;
use crate::ids::UserId;
use crate::sealing::{CannotOpen, LetterKeys, SealedToken, SealingKeys};
use crate::secret::{sha256, sha256_hex};
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The most passkeys of a person.
pub const MAX_PASSKEYS: usize = 20;
/// The most characters of a passkey's name.
pub const MAX_NAME: usize = 64;
/// How long a challenge is good: whoever logs in may have to look for a phone first.
pub const LIFETIME: Seconds = Seconds::new(300);
/// The most bytes of a credential id (WebAuthn §4, Credential ID).
const MAX_ID: usize = 1023;
/// The most bytes of a public key; one of RSA with 8192 bits has fewer.
const MAX_KEY: usize = 2048;
/// The most bytes of a challenge.
const MAX_CHALLENGE: usize = 255;

/// The generator of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3) as a `COSE_Key`: `{1: 2, 3: -7, -1: 1, -2: x, -3: y}`.
const GENERATOR: [u8; 77] = [
    0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8,
    0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45,
    0xD8, 0x98, 0xC2, 0x96, 0x22, 0x58, 0x20, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A,
    0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51,
    0xF5,
];

/// It cannot be what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPasskey(&'static str);

/// Why a challenge is good for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoChallenge {
    /// It was not given out for this.
    #[error("the challenge is none of this")]
    Other,
    /// It was given out for this, and too long ago: whoever sends it is no stranger who guesses.
    #[error("the challenge has lapsed")]
    Lapsed,
}

/// What an authenticator calls a passkey: 1 to 1023 bytes of its own choice (WebAuthn §4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// The id of these bytes.
    pub fn of_bytes(bytes: Vec<u8>) -> Result<Self, InvalidPasskey> {
        if bytes.is_empty() || bytes.len() > MAX_ID {
            return Err(InvalidPasskey("a credential id has 1 to 1023 bytes"));
        }
        Ok(Self(bytes))
    }

    /// Reads base64url without padding.
    pub fn parse(text: &str) -> Result<Self, InvalidPasskey> {
        let invalid = InvalidPasskey("a credential id is base64url");
        if text.len() > MAX_ID.saturating_mul(2) {
            return Err(invalid);
        }
        Self::of_bytes(URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid)?)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it is kept under: as long for one as for another.
    pub fn key(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(&self.0))
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl Serialize for CredentialId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CredentialId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// By what a passkey signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256, of Windows Hello.
    Rs256,
}

impl Algorithm {
    /// All of them, the preferred first.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// Its number (IANA COSE Algorithms).
    pub const fn number(self) -> i32 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    /// The algorithm of this number, if it is one of these.
    pub fn of_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.number() == number)
    }
}

/// The public key of a passkey: a `COSE_Key` (RFC 9052 §7) and its algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    cose: Vec<u8>,
}

impl PublicKey {
    /// The key of these bytes.
    pub fn new(algorithm: Algorithm, cose: Vec<u8>) -> Result<Self, InvalidPasskey> {
        if cose.is_empty() || cose.len() > MAX_KEY {
            return Err(InvalidPasskey("a public key has 1 to 2048 bytes"));
        }
        Ok(Self { algorithm, cose })
    }

    /// By what it verifies.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `COSE_Key`.
    pub fn cose(&self) -> &[u8] {
        &self.cose
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}:{}", self.algorithm.number(), URL_SAFE_NO_PAD.encode(&self.cose)))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = || {
            let (number, key) = text.split_once(':')?;
            let algorithm = Algorithm::of_number(number.parse().ok()?)?;
            Self::new(algorithm, URL_SAFE_NO_PAD.decode(key).ok()?).ok()
        };
        read().ok_or_else(|| serde::de::Error::custom("no public key of a passkey"))
    }
}

/// A passkey of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// What its authenticator calls it.
    pub id: CredentialId,
    /// By what its signatures are verified.
    pub public_key: PublicKey,
    /// How often it has signed, as its authenticator counts; 0 from one that does not count (WebAuthn §6.1.1).
    pub sign_count: u32,
    /// What its person recognises it by.
    pub name: String,
    /// When it was enrolled.
    pub since: Timestamp,
    /// When it last logged its person in; to a day, of one that does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// Whether it was kept in more places than one, such as a password manager, when it was enrolled.
    pub backed_up: bool,
    /// The model of its authenticator, as that says without proof (WebAuthn §6.5.1): a UUID, all zeros from one that does not say.
    pub aaguid: String,
}

impl Passkey {
    /// What stands for a passkey that nobody has: a signature of it is verified like any other, and is none. Its key is the generator of the curve,
    /// whose private key everybody knows, so that whoever asks checks as well that there is a passkey.
    pub fn of_nobody(id: CredentialId) -> Self {
        Self {
            id,
            public_key: PublicKey { algorithm: Algorithm::Es256, cose: GENERATOR.to_vec() },
            sign_count: 0,
            name: String::new(),
            since: Timestamp::from_secs(0),
            used_at: None,
            backed_up: false,
            aaguid: uuid([0; 16]),
        }
    }

    /// A name that can be seen and read, without space around it; `None` if nothing is left of it, or too much.
    pub fn visible_name(typed: &str) -> Option<String> {
        let name = typed.chars().filter(|char| !is_invisible(*char)).collect::<String>().trim().to_owned();
        (!name.is_empty() && name.chars().count() <= MAX_NAME).then_some(name)
    }
}

/// Bytes in the form of a UUID (RFC 9562 §4).
pub fn uuid(bytes: [u8; 16]) -> String {
    let digits = crate::secret::hex(&bytes);
    let mut groups = digits.as_str();
    let mut text = String::with_capacity(36);
    for length in [8, 4, 4, 4] {
        let (group, rest) = groups.split_at(length);
        text.push_str(group);
        text.push('-');
        groups = rest;
    }
    text.push_str(groups);
    text
}

/// What a passkey signs: a time, sealed for what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyChallenge(SealedToken);

/// The random bytes of a challenge: 96 bits of the nonce, and 128 that nobody can guess (WebAuthn §13.4.3).
pub const RANDOM: usize = 28;

impl PasskeyChallenge {
    /// A challenge for a login. It is good together with this text alone, which is of the browser or of the `auth_session` that asks.
    pub fn for_login(
        keys: &SealingKeys,
        together_with: &str,
        random: [u8; RANDOM],
        now: Timestamp,
    ) -> Result<Self, CannotOpen> {
        Self::sealed_as(keys, &of_login(together_with), random, now)
    }

    /// A challenge for a login on the account pages. It is good together with this text alone, which is of the browser that asks.
    pub fn for_account_login(
        keys: &LetterKeys,
        together_with: &str,
        random: [u8; RANDOM],
        now: Timestamp,
    ) -> Result<Self, CannotOpen> {
        Self::sealed_as(keys.keys(), &of_account_login(together_with), random, now)
    }

    /// A challenge for the enrolment of a passkey of this user, with credentials of this epoch.
    pub fn for_enrolment(
        keys: &LetterKeys,
        (user, epoch): (&UserId, u64),
        random: [u8; RANDOM],
        now: Timestamp,
    ) -> Result<Self, CannotOpen> {
        Self::sealed_as(keys.keys(), &of_enrolment(user, epoch), random, now)
    }

    fn sealed_as(keys: &SealingKeys, purpose: &str, random: [u8; RANDOM], now: Timestamp) -> Result<Self, CannotOpen> {
        let (nonce, unguessable) = random.split_first_chunk::<12>().ok_or(CannotOpen)?;
        let mut plain = now.as_secs().to_be_bytes().to_vec();
        plain.extend_from_slice(unguessable);
        keys.seal_as(purpose, *nonce, &plain).map(Self)
    }

    /// Takes what an authenticator has signed; `None` if it cannot be one of these.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_CHALLENGE)?;
        text.contains('.').then(|| Self(SealedToken::parse(text)))
    }

    /// The bytes to be signed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_str().as_bytes()
    }

    /// It, sealed, for whoever looks for its key.
    pub const fn sealed(&self) -> &SealedToken {
        &self.0
    }

    /// By what its use is noted.
    pub fn key(&self) -> String {
        sha256_hex(self.as_bytes())
    }

    /// The first second at which it is no good any more for a login.
    ///
    /// # Errors
    /// If that is over, or if it is no such challenge.
    pub fn login_until(
        &self,
        keys: &SealingKeys,
        together_with: &str,
        now: Timestamp,
    ) -> Result<Timestamp, NoChallenge> {
        self.until(keys, &of_login(together_with), now)
    }

    /// The same of a login on the account pages.
    ///
    /// # Errors
    /// As above.
    pub fn account_login_until(
        &self,
        keys: &LetterKeys,
        together_with: &str,
        now: Timestamp,
    ) -> Result<Timestamp, NoChallenge> {
        self.until(keys.keys(), &of_account_login(together_with), now)
    }

    /// The same of an enrolment.
    ///
    /// # Errors
    /// As above.
    pub fn enrolment_until(
        &self,
        keys: &LetterKeys,
        (user, epoch): (&UserId, u64),
        now: Timestamp,
    ) -> Result<Timestamp, NoChallenge> {
        self.until(keys.keys(), &of_enrolment(user, epoch), now)
    }

    fn until(&self, keys: &SealingKeys, purpose: &str, now: Timestamp) -> Result<Timestamp, NoChallenge> {
        let plain = keys.open_as(purpose, &self.0).map_err(|_| NoChallenge::Other)?;
        let (issued, _) = plain.split_first_chunk::<8>().ok_or(NoChallenge::Other)?;
        let until = Timestamp::from_secs(i64::from_be_bytes(*issued)).saturating_add(LIFETIME);
        if now < until { Ok(until) } else { Err(NoChallenge::Lapsed) }
    }
}

/// What a challenge of a login is sealed as. The text is hashed, so that none gives the text of another purpose.
fn of_login(together_with: &str) -> String {
    format!("passkey-login/{}", sha256_hex(together_with.as_bytes()))
}

fn of_account_login(together_with: &str) -> String {
    format!("passkey-account-login/{}", sha256_hex(together_with.as_bytes()))
}

fn of_enrolment(user: &UserId, epoch: u64) -> String {
    format!("passkey-enrolment/{epoch}/{user}")
}

#[cfg(test)]
#[path = "passkey_tests.rs"]
mod tests;
