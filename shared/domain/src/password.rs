//! Passwords at rest: argon2id with a pepper, and with its parameters in every hash.
//!
//! An unknown user costs as much as a user whose hash has the current parameters. A hash that was imported from another
//! system costs what that system chose, until its user logs in.

mod legacy;

pub use legacy::InvalidHash;

use crate::sealing::{InvalidKeySet, KeySet};
use crate::secret::Secret;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use ring::hmac;
use std::sync::{Mutex, PoisonError};
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The longest accepted password in bytes: enough for any passphrase, and a bound on the work of one login.
pub const MAX_BYTES: usize = 1024;

/// Why a hash cannot be made or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Argon2 refused its parameters, or memory ran out.
    #[error("argon2 failed")]
    Argon2,
    /// The stored text is not a hash of a known form, or its pepper key was removed.
    #[error("the stored password hash is not readable")]
    Stored,
}

/// The prefix of a hash that another system made. A pepper key id has no colon, so such a hash is never taken for ours.
const LEGACY: &str = "legacy:";

/// A stored password: `<pepper key id>$argon2id$v=19$m=…,t=…,p=…$<salt>$<hash>`, or, until the user's first login here,
/// `legacy:` and the hash of another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a stored text; it is parsed when a password is compared with it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Imports a hash of another system, if its kind is known and its cost is within the bounds.
    pub fn import(text: &str) -> Result<Self, InvalidHash> {
        legacy::Legacy::parse(text).map(|_| Self(format!("{LEGACY}{text}")))
    }

    /// Whether another system made it: its user has not logged in here yet.
    pub fn is_legacy(&self) -> bool {
        self.0.starts_with(LEGACY)
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The result of comparing a password with a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right; `outdated` if it should be hashed again with the current parameters and pepper.
    Right {
        /// The parameters were raised or the pepper was rotated since the hash was made, or another system made it.
        outdated: bool,
    },
    /// The password is wrong, or there is no such user.
    Wrong,
}

/// The cost of a hash. The default is OWASP's `m=19456 KiB, t=2, p=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory: 19_456, passes: 2 }
    }
}

/// Hashes and compares passwords. The working memory is kept, so that a container reuses it at every login.
pub struct Passwords {
    pepper: KeySet,
    params: Params,
    memory: Mutex<Vec<Block>>,
}

impl Passwords {
    /// A hasher for this pepper (the JSON value of its secret) and cost.
    pub fn new(pepper: &str, cost: Cost) -> Result<Self, InvalidKeySet> {
        let params = Params::new(cost.memory, cost.passes, 1, Some(32)).map_err(|_| InvalidKeySet::Shape)?;
        Ok(Self { pepper: KeySet::parse(pepper)?, params, memory: Mutex::new(Vec::new()) })
    }

    /// Whether this set has the pepper key of the hash; a hash of another system needs none. A key that it does not have may
    /// be newer than the set, or removed.
    pub fn knows(&self, stored: &PasswordHash) -> bool {
        stored.is_legacy() || stored.0.split_once('$').is_some_and(|(pepper, _)| self.pepper.get(pepper).is_some())
    }

    /// Hashes with the current parameters and pepper. The salt must be 128 fresh random bits.
    pub fn hash(&self, password: &Secret, salt: [u8; 16]) -> Result<PasswordHash, HashError> {
        let pepper = self.pepper.current_id();
        let mut out = [0; 32];
        self.argon2id(&self.params, pepper, password, &salt, &mut out)?;
        let phc = Phc {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(|_| HashError::Argon2)?,
            salt: Some(Salt::new(&salt).map_err(|_| HashError::Argon2)?),
            hash: Some(Output::new(&out).map_err(|_| HashError::Argon2)?),
        };
        Ok(PasswordHash(format!("{pepper}{phc}")))
    }

    /// A seed that this set's keys make of a text, for whoever keeps no seed: with the key of this id, or the current one. Returns the
    /// key's id; `None` if the set has no such key.
    pub fn seed(&self, key: Option<&str>, of: &str) -> Option<(String, [u8; 20])> {
        let id = key.unwrap_or_else(|| self.pepper.current_id());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.pepper.get(id)?);
        // No password hash is made like this, so that a seed tells nothing of one.
        let tag = hmac::sign(&key, format!("seed\0{of}").as_bytes());
        let seed = tag.as_ref().get(..20)?.try_into().ok()?;
        Some((id.to_owned(), seed))
    }

    /// Compares a password with a stored hash. Without one, the work is done with a decoy salt and the verdict is
    /// [`Verdict::Wrong`], so that the time does not reveal whether there is a hash.
    pub fn verify(&self, password: &Secret, stored: Option<&PasswordHash>) -> Result<Verdict, HashError> {
        let Some(PasswordHash(text)) = stored else {
            self.argon2id(&self.params, self.pepper.current_id(), password, b"decoy decoy decoy", &mut [0; 32])?;
            return Ok(Verdict::Wrong);
        };
        if let Some(legacy) = text.strip_prefix(LEGACY) {
            return Self::verify_legacy(password, legacy);
        }
        let (pepper, _) = text.split_once('$').ok_or(HashError::Stored)?;
        let phc = Phc::new(text.get(pepper.len()..).unwrap_or_default()).map_err(|_| HashError::Stored)?;
        let (Some(salt), Some(expected)) = (&phc.salt, &phc.hash) else { return Err(HashError::Stored) };
        if phc.algorithm != ARGON2ID_IDENT {
            return Err(HashError::Stored);
        }
        let params = Params::try_from(&phc).map_err(|_| HashError::Stored)?;
        let mut out = vec![0; expected.as_bytes().len()];
        self.argon2id(&params, pepper, password, salt.as_ref(), &mut out)?;
        if !bool::from(out.as_slice().ct_eq(expected.as_bytes())) {
            return Ok(Verdict::Wrong);
        }
        let weaker = params.m_cost() < self.params.m_cost() || params.t_cost() < self.params.t_cost();
        Ok(Verdict::Right { outdated: weaker || pepper != self.pepper.current_id() })
    }

    /// Compares as the other system did: it may have hashed the text as typed, or in normal form C.
    fn verify_legacy(password: &Secret, text: &str) -> Result<Verdict, HashError> {
        let legacy = legacy::Legacy::parse(text).map_err(|_| HashError::Stored)?;
        let typed = password.expose();
        let normalised = Zeroizing::new(typed.nfc().collect::<String>());
        let right =
            legacy.matches(typed.as_bytes())? || (*normalised != typed && legacy.matches(normalised.as_bytes())?);
        Ok(if right { Verdict::Right { outdated: true } } else { Verdict::Wrong })
    }

    fn argon2id(
        &self,
        params: &Params,
        pepper: &str,
        password: &Secret,
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), HashError> {
        let key = self.pepper.get(pepper).ok_or(HashError::Stored)?;
        let argon2 = Argon2::new_with_secret(key, Algorithm::Argon2id, Version::V0x13, params.clone())
            .map_err(|_| HashError::Argon2)?;
        // Composed and decomposed spellings are the same password (SP 800-63B-4 §3.1.1.2); nothing else is folded or cut.
        let normalised = Zeroizing::new(password.expose().nfc().collect::<String>());
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() < params.block_count() {
            memory.resize(params.block_count(), Block::default());
        }
        argon2
            .hash_password_into_with_memory(normalised.as_bytes(), salt, out, &mut *memory)
            .map_err(|_| HashError::Argon2)
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Passwords({:?}, {:?})", self.pepper, self.params)
    }
}

#[cfg(test)]
mod tests;
