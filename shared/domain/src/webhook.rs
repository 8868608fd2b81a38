//! Signatures of requests to a system of the company, as the specification Standard Webhooks has them (symmetric scheme `v1`).

use crate::secret::Secret;
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// Before a key as text.
const PREFIX: &str = "whsec_";
/// The fewest and the most bytes of a key.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key for signatures: write `whsec_` and 24 to 64 random bytes in base64")]
pub struct InvalidWebhookKey;

/// The key that signs requests, which their receiver has too.
pub struct WebhookKey(hmac::Key);

impl WebhookKey {
    /// Parses the text of a secret.
    pub fn parse(text: &Secret) -> Result<Self, InvalidWebhookKey> {
        let encoded = text.expose().trim().strip_prefix(PREFIX).ok_or(InvalidWebhookKey)?;
        let bytes = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| InvalidWebhookKey)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(InvalidWebhookKey);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of `webhook-signature`. `id` and `sent` are those of `webhook-id` and `webhook-timestamp`.
    pub fn sign(&self, id: &str, sent: Timestamp, body: &[u8]) -> String {
        let mut message = hmac::Context::with_key(&self.0);
        message.update(format!("{id}.{}.", sent.as_secs()).as_bytes());
        message.update(body);
        format!("v1,{}", STANDARD.encode(message.sign()))
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        let key = WebhookKey::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned())).unwrap();
        let signed =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp::from_secs(1_614_265_330), br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_short_or_no_base64_is_no_key() {
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!", "whsec_"] {
            assert_eq!(WebhookKey::parse(&Secret::new(text.to_owned())).err(), Some(InvalidWebhookKey), "{text}");
        }
    }
}
