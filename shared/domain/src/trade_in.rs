//! Trade-in: another issuer's refresh token becomes the first refresh token of a session here. The rules of its record.
//!
//! Asking the issuer spends the token there. So one request at a time asks, by a lease; what the issuer answered is kept before anything else
//! is done with it; and which session it became is kept before that begins. A repetition goes on from where the record is, and never asks
//! twice what has been answered. Only between the answer and the write that keeps it can a token be lost.
//!
//! For that session the traded-in token is the generation before its first one: how a repetition of it is treated is decided by the
//! same rules as that of a refresh token of ours ([`judge`](crate::session::judge)).

use crate::holder_key::Thumbprint;
use crate::ids::{ClientId, IssuerName, SessionId, UserId};
use crate::jwt::{self, Compact};
use crate::refresh_token;
use crate::sealing::{CannotOpen, SealedToken, SealingKeys};
use crate::secret::{Secret, sha256_hex};
use crate::session::Shown;
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use zeroize::Zeroizing;

/// How long one request may ask: longer than a function runs, so that no lease lapses while its holder works.
pub const LEASE: Seconds = Seconds::new(30);
/// How long the record of a text is kept that no issuer has answered: it says nothing.
pub const FORGOTTEN: Seconds = Seconds::new(86_400);
/// The generation of a traded-in token in the session that it became.
pub const GENERATION: u64 = 0;
/// The longest refresh token of another issuer, in bytes.
const LONGEST: usize = 8_192;

/// A refresh token that is none of ours, of an application that trades in those of this issuer.
#[derive(Debug)]
pub struct ForeignRefreshToken(Secret);

impl ForeignRefreshToken {
    /// Takes a text that can be another issuer's refresh token. `None` for one that is ours, whatever is wrong with it: a secret that
    /// this gateway gives out by its prefix, an access or ID token of this issuer by its `iss`. What is ours is sent to nobody. `None` also
    /// for a JWT in another spelling than its one: an issuer may take it, and it would have a record and a session of its own.
    pub fn of(text: &str, issuer: &str) -> Option<Self> {
        // `*VSCHAR` (RFC 6749 appendix A.17).
        let is_token = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let is_ours = refresh_token::OURS.iter().any(|prefix| text.starts_with(prefix)) || is_issued_by(text, issuer);
        (is_token && !is_ours && !is_respelled(text)).then(|| Self(Secret::new(text.to_owned())))
    }

    /// The text, for the request to its issuer.
    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// The key of its record: two issuers may give out the same text.
    pub fn record(&self, issuer: &IssuerName) -> RecordKey {
        // No name has a space, so that no two pairs are one text.
        RecordKey(sha256_hex(format!("{issuer} {}", self.0.expose()).as_bytes()))
    }
}

/// Whether a text says of itself, as a JWT, that this issuer issued it.
fn is_issued_by(text: &str, issuer: &str) -> bool {
    let claims = Compact::parse(text).and_then(|parts| jwt::object(parts.payload));
    claims.is_ok_and(|claims| claims.get("iss").and_then(Value::as_str) == Some(issuer))
}

/// Whether a text is a JWT, as whoever decodes base64 leniently sees it, and not in the one spelling that a JWT has: three parts, or five
/// if it is encrypted (RFC 7515 §7.1, RFC 7516 §7.1), each base64url without padding, and without bits that mean nothing (RFC 4648 §3.5).
fn is_respelled(text: &str) -> bool {
    let Some((header, _)) = text.split_once('.') else { return false };
    if !is_object_to_somebody(header) {
        return false;
    }
    let parts: Vec<_> = text.split('.').collect();
    let is_canonical = |part: &&str| URL_SAFE_NO_PAD.decode(part).is_ok();
    // An empty part at the end is one that some parsers do not see.
    !matches!(parts.len(), 3 | 5) || text.ends_with('.') || !parts.iter().all(is_canonical)
}

/// Whether a part is base64 of a JSON object: in either alphabet, with padding or without, and with anything between that is none of it.
fn is_object_to_somebody(part: &str) -> bool {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let letters = part.chars().filter_map(|letter| match letter {
        '+' => Some('-'),
        '/' => Some('_'),
        letter if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_') => Some(letter),
        _ => None,
    });
    let bytes = LENIENT.decode(letters.collect::<String>()).unwrap_or_default();
    serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes).is_ok()
}

/// The key of a record: SHA-256 of the issuer's name and the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey(String);

impl RecordKey {
    /// As text, in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What has become of a refresh token of another issuer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TradeIn {
    /// Until when one request alone works at it, if one does.
    pub leased_until: Option<Timestamp>,
    /// How far it has come.
    pub progress: Progress,
}

/// How far a trade-in has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The issuer has answered nothing yet, or has refused.
    Asked,
    /// The issuer has answered this, sealed: whose it is, is still to be found out.
    Answered(SealedToken),
    /// It became a session.
    Traded(Traded),
}

/// The session that a refresh token of another issuer became.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Traded {
    /// The user.
    pub user_id: UserId,
    /// The application.
    pub client_id: ClientId,
    /// The session, which may not have begun yet.
    pub sid: SessionId,
    /// When the session ends at the latest. After that none begins.
    pub ends: Timestamp,
    /// The user's credential epoch when that was decided. Under another one none begins.
    pub credential_epoch: u64,
}

/// What a request with a refresh token of another issuer does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'r> {
    /// Take the lease, and ask the issuer.
    Ask,
    /// Take the lease, and find out whose this answer is.
    Identify(&'r SealedToken),
    /// Serve this session, or begin it.
    Serve(&'r Traded),
    /// Another request works at it: look again.
    Wait,
}

/// Decides by the record of the token, if it has one.
pub fn next(record: Option<&TradeIn>, now: Timestamp) -> Next<'_> {
    let Some(TradeIn { leased_until, progress }) = record else { return Next::Ask };
    match progress {
        Progress::Traded(traded) => Next::Serve(traded),
        Progress::Asked | Progress::Answered(_) if leased_until.is_some_and(|until| now < until) => Next::Wait,
        Progress::Asked => Next::Ask,
        Progress::Answered(answer) => Next::Identify(answer),
    }
}

/// The traded-in token as a token of the session that it became.
pub const fn shown<'a>(attempt: Option<&'a str>, key: Option<&'a Thumbprint>) -> Shown<'a> {
    Shown { generation: GENERATION, attempt, key }
}

impl SealingKeys {
    /// Seals what the issuer answered, for exactly this record. The nonce must be 96 fresh random bits.
    pub fn seal_answer(&self, record: &RecordKey, nonce: [u8; 12], plain: &[u8]) -> Result<SealedToken, CannotOpen> {
        self.seal_as(&purpose(record), nonce, plain)
    }

    /// Opens what [`SealingKeys::seal_answer`] has sealed for exactly this record.
    pub fn open_answer(&self, record: &RecordKey, sealed: &SealedToken) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.open_as(&purpose(record), sealed)
    }
}

fn purpose(record: &RecordKey) -> String {
    format!("trade-in/{}", record.as_str())
}

#[cfg(test)]
#[path = "trade_in_tests.rs"]
mod tests;
