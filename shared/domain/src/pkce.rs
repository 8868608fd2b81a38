//! Proof Key for Code Exchange (RFC 7636), with the method `S256` alone.

use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};
use subtle::ConstantTimeEq as _;

/// The text is not a challenge of the method `S256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("code_challenge must be the base64url of a SHA-256 digest, 43 characters (RFC 7636 §4.2)")]
pub struct InvalidChallenge;

/// A code challenge (RFC 7636 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Parses the challenge: the base64url of 32 bytes, without padding.
    pub fn parse(text: &str) -> Result<Self, InvalidChallenge> {
        // Decoding is strict, so a digest has one spelling.
        let digest = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidChallenge)?;
        if digest.len() == 32 { Ok(Self(text.to_owned())) } else { Err(InvalidChallenge) }
    }

    /// The challenge as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this verifier has the challenge. A text that is not a verifier (RFC 7636 §4.1) has none.
    pub fn is_of(&self, verifier: &Secret) -> bool {
        let text = verifier.expose();
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if !(43..=128).contains(&text.len()) || !text.bytes().all(unreserved) {
            return false;
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        URL_SAFE_NO_PAD.encode(digest).as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

impl<'de> Deserialize<'de> for CodeChallenge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_verifier_of_the_rfc_has_its_challenge() {
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        assert!(challenge.is_of(&Secret::new(VERIFIER.to_owned())));
        for other in [&VERIFIER[1..], &VERIFIER.replace('d', "e"), "", &"x".repeat(129), &format!("{VERIFIER}=")] {
            assert!(!challenge.is_of(&Secret::new((*other).to_owned())), "{other}");
        }
    }

    #[test]
    fn a_challenge_is_a_digest() {
        for bad in ["", "short", VERIFIER.split_at(42).0, &format!("{CHALLENGE}="), &format!("{CHALLENGE}A")] {
            assert_eq!(CodeChallenge::parse(bad), Err(InvalidChallenge), "{bad}");
        }
    }

    /// Checklist K-02: a verifier is at least 43 characters long (RFC 7636 §4.1), however right its digest is.
    #[test]
    fn a_verifier_has_a_form_of_its_own() {
        let of = |text: &str| URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()));
        for bad in [&"a".repeat(42), &"a".repeat(129), &format!("{} ", "a".repeat(43)), &"é".repeat(22)] {
            let challenge = CodeChallenge::parse(&of(bad)).unwrap();
            assert!(!challenge.is_of(&Secret::new((*bad).clone())), "{bad}");
        }
    }
}
