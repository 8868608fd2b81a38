//! Nonces for proofs (RFC 9449 §8): the time at which one was given out, sealed. Nothing is stored.

use crate::sealing::{CannotOpen, SealedToken, SealingKeys};
use crate::time::{Seconds, Timestamp};

/// What a nonce is sealed as.
const PURPOSE: &str = "dpop-nonce";
/// How long a nonce is good. A proof that has one is of that time, whatever the client's clock says.
const LIFETIME: Seconds = Seconds::new(300);
/// The longest, in bytes.
const MAX_LENGTH: usize = 255;

/// A nonce as a client sent it, not opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DpopNonce(SealedToken);

impl DpopNonce {
    /// A nonce that is given out now. The random bits must be fresh.
    pub fn issue(keys: &SealingKeys, random: [u8; 12], now: Timestamp) -> Result<String, CannotOpen> {
        let sealed = keys.seal_as(PURPOSE, random, now.as_secs().to_string().as_bytes())?;
        Ok(sealed.as_str().to_owned())
    }

    /// Takes what a client sent; `None` if it is too long for a nonce.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= MAX_LENGTH).then(|| Self(SealedToken::parse(text)))
    }

    /// It, sealed, for whoever looks for its key.
    pub fn sealed(&self) -> &SealedToken {
        &self.0
    }

    /// The first second at which it is no good any more; `None` if that is over, or if this server gave out no such nonce.
    pub fn until(&self, keys: &SealingKeys, now: Timestamp) -> Option<Timestamp> {
        let plain = keys.open_as(PURPOSE, &self.0).ok()?;
        let issued: i64 = std::str::from_utf8(&plain).ok()?.parse().ok()?;
        let until = Timestamp::from_secs(issued).saturating_add(LIFETIME);
        (now < until).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn keys(byte: u8) -> SealingKeys {
        let keys = serde_json::json!({ "current": "k1", "keys": { "k1": STANDARD.encode([byte; 32]) } });
        SealingKeys::parse(&keys.to_string()).unwrap()
    }

    #[test]
    fn a_nonce_is_good_for_five_minutes_here_alone() {
        let at = Timestamp::from_secs;
        let text = DpopNonce::issue(&keys(1), [7; 12], at(1_000)).unwrap();
        let nonce = DpopNonce::parse(&text).unwrap();
        assert_eq!(nonce.until(&keys(1), at(1_000)), Some(at(1_300)));
        assert_eq!(nonce.until(&keys(1), at(1_299)), Some(at(1_300)));
        assert_eq!(nonce.until(&keys(1), at(1_300)), None);
        assert_eq!(nonce.until(&keys(2), at(1_000)), None);
        let other = keys(1).seal_as("another-purpose", [7; 12], b"1000").unwrap();
        assert_eq!(DpopNonce::parse(other.as_str()).unwrap().until(&keys(1), at(1_000)), None);
        assert_eq!(DpopNonce::parse("no nonce").unwrap().until(&keys(1), at(1_000)), None);
        assert!(DpopNonce::parse(&"x".repeat(256)).is_none());
        // RFC 9449 §8.1: NQCHAR.
        assert!(text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{text}");
    }
}
