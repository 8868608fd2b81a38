//! What was injected into one call, to be found again in what the back end answers.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{COOKIE, HeaderName, HeaderValue};
use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use crate::query;

/// Secrets of this length or more are looked for anywhere; shorter ones only as whole words, since they occur by chance.
const LONG: usize = 8;

/// Words shorter than this are no secrets.
const SHORTEST: usize = 3;

/// The values that were injected, and the names of the parameters that carried them.
#[derive(Default)]
pub struct Injected {
    secrets: Vec<Zeroizing<Vec<u8>>>,
    parameters: Vec<String>,
}

/// Names what is safe to log.
impl std::fmt::Debug for Injected {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Injected").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl Injected {
    /// What these headers and these parameters of the query carry: each value, each cookie's value, and each word that
    /// is not the scheme before a credential.
    pub fn of(headers: &[(HeaderName, HeaderValue)], query: &[(String, String)]) -> Self {
        let mut injected = Self::default();
        for (name, value) in headers {
            let value = value.as_bytes();
            if name == COOKIE {
                for pair in value.split(|byte| *byte == b';') {
                    let at = pair.iter().position(|byte| *byte == b'=').map_or(0, |at| at.saturating_add(1));
                    injected.add(pair.get(at..).unwrap_or_default());
                }
            } else {
                injected.add(value);
                value.split(u8::is_ascii_whitespace).skip(1).for_each(|word| injected.add(word));
            }
        }
        for (name, value) in query {
            injected.add(value.as_bytes());
            injected.parameters.push(name.clone());
        }
        injected
    }

    fn add(&mut self, secret: &[u8]) {
        let secret = secret.trim_ascii();
        if secret.len() >= SHORTEST {
            self.secrets.push(Zeroizing::new(secret.to_vec()));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.parameters.is_empty()
    }

    /// Whether a parameter of this decoded name carried something.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.parameters.iter().any(|own| query::is_like(own, name))
    }

    /// Whether a value tells one of the secrets: as it is, escaped, percent-encoded up to three times, or in base64.
    pub(super) fn is_in(&self, value: &[u8]) -> bool {
        if self.secrets.is_empty() {
            return false;
        }
        let unescaped: Vec<u8> = value.iter().copied().filter(|byte| *byte != b'\\').collect();
        let mut text = value.to_vec();
        for _ in 0..3 {
            if self.is_plainly_in(&text) || self.is_encoded_in(&text) {
                return true;
            }
            let decoded: Vec<u8> = percent_decode(&text).collect();
            if decoded == text {
                break;
            }
            text = decoded;
        }
        self.is_plainly_in(&text) || self.is_plainly_in(&unescaped)
    }

    fn is_plainly_in(&self, text: &[u8]) -> bool {
        self.secrets.iter().any(|secret| {
            let mut found = text.windows(secret.len()).enumerate().filter(|(_, part)| *part == secret.as_slice());
            if secret.len() >= LONG {
                return found.next().is_some();
            }
            let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
            found.any(|(at, _)| {
                let before = at.checked_sub(1).and_then(|before| text.get(before));
                is_edge(before) && is_edge(text.get(at.saturating_add(secret.len())))
            })
        })
    }

    /// In base64 a secret looks different at each of four places in a longer text, so the text is decoded at each.
    fn is_encoded_in(&self, text: &[u8]) -> bool {
        let Some(shortest) = self.secrets.iter().map(|secret| secret.len()).filter(|length| *length >= LONG).min()
        else {
            return false;
        };
        let engine = GeneralPurpose::new(
            &STANDARD,
            GeneralPurposeConfig::new()
                .with_decode_allow_trailing_bits(true)
                .with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let runs = text.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')));
        runs.filter(|run| run.len() >= shortest).any(|run| {
            let standard: Vec<u8> = run
                .iter()
                .map(|byte| match byte {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => *other,
                })
                .collect();
            (0..4).any(|offset| {
                let rest = standard.get(offset..).unwrap_or_default();
                // One character alone carries no byte.
                let length = if rest.len() % 4 == 1 { rest.len().saturating_sub(1) } else { rest.len() };
                let decoded = rest.get(..length).and_then(|rest| engine.decode(rest).ok());
                decoded.is_some_and(|decoded| self.is_plainly_in(&decoded))
            })
        })
    }
}
