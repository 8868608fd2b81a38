//! The secrets that were injected into one call, and the search for them in the back end's response.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{COOKIE, HeaderName, HeaderValue};
use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use crate::query;

/// Secrets of at least this length are found anywhere in a text; shorter ones only as whole words, since they can occur by
/// chance.
const LONG: usize = 8;

/// Shorter words are not taken for secrets.
const SHORTEST: usize = 3;

/// The values that were injected, and the names of the parameters that carried them.
#[derive(Default)]
pub struct Injected {
    secrets: Vec<Zeroizing<Vec<u8>>>,
    parameters: Vec<String>,
}

/// Shows only what is safe to log.
impl std::fmt::Debug for Injected {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Injected").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl Injected {
    /// The secrets in these headers and query parameters: each value, each cookie's value, each word after the first (which
    /// is the scheme of a credential), and the value in such a word (`token="…"`).
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
                for word in value.split(u8::is_ascii_whitespace).skip(1) {
                    injected.add(word);
                    let at = word.iter().position(|byte| *byte == b'=').map_or(0, |at| at.saturating_add(1));
                    // A short value may be a realm, which is not a secret.
                    let named = unquoted(word.get(at..).unwrap_or_default());
                    if named.len() >= LONG {
                        injected.add(named);
                    }
                }
            }
        }
        for (name, value) in query {
            injected.add(value.as_bytes());
            injected.parameters.push(name.clone());
        }
        injected
    }

    /// Adds a secret, and the same without quotes and percent-decoded, since many back ends decode the values of cookies.
    fn add(&mut self, secret: &[u8]) {
        let secret = secret.trim_ascii();
        let bare = unquoted(secret);
        for form in [secret.to_vec(), bare.to_vec(), percent_decode(bare).collect()].map(Zeroizing::new) {
            if form.len() >= SHORTEST && !self.secrets.contains(&form) {
                self.secrets.push(form);
            }
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.parameters.is_empty()
    }

    /// Whether a parameter of this decoded name was injected.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.parameters.iter().any(|own| query::is_like(own, name))
    }

    /// Whether a value contains one of the secrets: as it is, escaped as in JSON, percent-encoded up to three times, or in
    /// base64.
    pub(super) fn is_in(&self, value: &[u8]) -> bool {
        if self.secrets.is_empty() {
            return false;
        }
        let tells =
            |text: &[u8]| percent_decoded(text).iter().any(|text| self.is_plainly_in(text) || self.is_encoded_in(text));
        tells(value) || (value.contains(&b'\\') && tells(&unescaped(value)))
    }

    fn is_plainly_in(&self, text: &[u8]) -> bool {
        self.secrets.iter().any(|secret| {
            if secret.len() >= LONG {
                // A secret in another case may still be valid, such as a hexadecimal id.
                return text.windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret));
            }
            let mut found = text.windows(secret.len()).enumerate().filter(|(_, part)| *part == secret.as_slice());
            let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
            found.any(|(at, _)| {
                let before = at.checked_sub(1).and_then(|before| text.get(before));
                is_edge(before) && is_edge(text.get(at.saturating_add(secret.len())))
            })
        })
    }

    /// Base64 groups four characters, and a run of its characters may begin before the encoded text: each run is decoded
    /// from each of four offsets.
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
                // A single character at the end holds no byte.
                let length = if rest.len() % 4 == 1 { rest.len().saturating_sub(1) } else { rest.len() };
                let decoded = rest.get(..length).and_then(|rest| engine.decode(rest).ok());
                decoded.is_some_and(|decoded| percent_decoded(&decoded).iter().any(|text| self.is_plainly_in(text)))
            })
        })
    }
}

/// The value without a comma at its end and without quotes around it.
fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b",").unwrap_or(value);
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// A text, and the results of decoding it once, twice and three times.
fn percent_decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let mut texts = vec![text.to_vec()];
    for _ in 0..3 {
        let decoded: Vec<u8> = texts.last().map(|text| percent_decode(text).collect()).unwrap_or_default();
        if texts.last() == Some(&decoded) {
            break;
        }
        texts.push(decoded);
    }
    texts
}

/// The value without the backslashes of quoted strings and JSON (RFC 8259 §7), including `\u002f`.
fn unescaped(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            text.push(*byte);
            continue;
        }
        let digits = after.strip_prefix(b"u00").and_then(|after| after.split_at_checked(2));
        let meant = digits.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        if let Some((meant, after)) = meant {
            text.push(meant);
            rest = after;
        }
    }
    text
}
