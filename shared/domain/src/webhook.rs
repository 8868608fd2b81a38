//! Signatures of requests to a system of the company, as the specification Standard Webhooks has them (symmetric scheme `v1`).

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

/// The most keys of a secret.
const MOST: usize = 2;

/// A text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no key for signatures: write `whsec_` and 24 to 64 random bytes in base64, or two of these with a space between"
)]
pub struct InvalidWebhookKey;

/// The keys that sign requests, of which their receiver has one: a second one while they are changed.
pub struct WebhookKeys(Vec<hmac::Key>);

impl WebhookKeys {
    /// Parses the text of a secret.
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookKey> {
        let keys: Vec<_> = text.split_ascii_whitespace().map(key).collect::<Result<_, _>>()?;
        if (1..=MOST).contains(&keys.len()) { Ok(Self(keys)) } else { Err(InvalidWebhookKey) }
    }

    /// The value of `webhook-signature`: one by each key. `id` and `sent` are those of `webhook-id` and `webhook-timestamp`.
    pub fn sign(&self, id: &str, sent: Timestamp, body: &[u8]) -> String {
        let signatures = self.0.iter().map(|key| {
            let mut message = hmac::Context::with_key(key);
            message.update(format!("{id}.{}.", sent.as_secs()).as_bytes());
            message.update(body);
            format!("v1,{}", STANDARD.encode(message.sign()))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

fn key(text: &str) -> Result<hmac::Key, InvalidWebhookKey> {
    let encoded = text.strip_prefix(PREFIX).ok_or(InvalidWebhookKey)?;
    let bytes = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| InvalidWebhookKey)?;
    if !BYTES.contains(&bytes.len()) {
        return Err(InvalidWebhookKey);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

impl fmt::Debug for WebhookKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        let sign = |keys: &str| {
            let keys = WebhookKeys::parse(keys).unwrap();
            keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp::from_secs(1_614_265_330), br#"{"test": 2432232314}"#)
        };
        let signed = sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = sign("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\nwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
        assert!(both.split(' ').count() == 2 && both.ends_with(&signed), "{both}");
    }

    #[test]
    fn what_is_short_or_no_base64_is_no_key() {
        for text in [
            "",
            &"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ".repeat(3),
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_c2hvcnQ=",
            "whsec_!",
            "whsec_",
        ] {
            assert_eq!(WebhookKeys::parse(text).err(), Some(InvalidWebhookKey), "{text}");
        }
    }
}
