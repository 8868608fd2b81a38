//! The secret of the key pairs that sign ID tokens: under each id a pair for every algorithm, which take their turn together.
//!
//! `{"keys":[{"kid":"…","status":"current","rs256":{"alg":"RS256","private_key":"<base64 of PKCS#8>","n":"…","e":"…"},
//! "es256":{…,"x":"…","y":"…"}}],"made":…}`. Previous pairs are stored without their private keys. There is no second secret
//! for the public keys: the token function, which alone needs the private ones, publishes them.

use super::pair::{Pair, RawPair};
use super::stored::{Pairs, Read, parse, to_secret};
use super::{Entry, Ring};
use crate::keys::{InvalidKeys, SignatureAlgorithm, Status};
use crate::secret::Secret;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The pairs of one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenPairs {
    rs256: Pair,
    es256: Pair,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RawPairs {
    kid: String,
    status: Status,
    rs256: RawPair,
    es256: RawPair,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<Timestamp>,
}

impl IdTokenPairs {
    /// These pairs, if each is of its algorithm.
    pub fn new(rs256: Pair, es256: Pair) -> Option<Self> {
        let right = rs256.algorithm() == SignatureAlgorithm::Rs256 && es256.algorithm() == SignatureAlgorithm::Es256;
        right.then_some(Self { rs256, es256 })
    }

    /// The pair of this algorithm.
    pub(crate) fn of(&self, algorithm: SignatureAlgorithm) -> &Pair {
        match algorithm {
            SignatureAlgorithm::Rs256 => &self.rs256,
            SignatureAlgorithm::Es256 => &self.es256,
        }
    }
}

impl Pairs for IdTokenPairs {
    type Raw = RawPairs;

    fn read(raw: RawPairs) -> Read<Self> {
        let RawPairs { kid, status, rs256, es256, retired } = raw;
        let pairs = || {
            let pairs = Self::new(Pair::from_raw(rs256)?, Pair::from_raw(es256)?);
            pairs.ok_or("rs256 must have an RS256 key and es256 an ES256 key")
        };
        Read { kid, status, retired, key: pairs() }
    }

    fn raw(entry: &Entry<Self>, status: Status, retired: Option<Timestamp>) -> RawPairs {
        let signs = status != Status::Previous;
        let (rs256, es256) = (entry.key.rs256.to_raw(signs), entry.key.es256.to_raw(signs));
        RawPairs { kid: entry.id.clone(), status, rs256, es256, retired }
    }

    fn can_sign(&self) -> bool {
        self.rs256.private().is_some() && self.es256.private().is_some()
    }
}

impl Ring<IdTokenPairs> {
    /// Reads the text of the secret.
    pub fn parse_id_token_pairs(json: &str) -> Result<Self, InvalidKeys> {
        parse(json, r#"{"keys":[{"kid","status","rs256":{"private_key"},"es256":{"private_key"}}]}"#)
    }

    /// The text of the secret.
    pub fn to_secret(&self) -> Secret {
        to_secret(self)
    }
}
