//! The form of JWTs (RFC 7519) that are read here, whoever signed them.

use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The text is not three parts, or a part is not base64url of a JSON object with distinct names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAJwt;

/// A claim is no `NumericDate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotADate;

/// The parts of a compact serialisation (RFC 7515 §3.1).
pub(crate) struct Compact<'t> {
    /// What is signed: header and payload.
    pub(crate) message: &'t str,
    pub(crate) header: &'t str,
    pub(crate) payload: &'t str,
    pub(crate) signature: &'t str,
}

impl<'t> Compact<'t> {
    /// Splits the text into exactly three parts.
    pub(crate) fn parse(token: &'t str) -> Result<Self, NotAJwt> {
        let (message, signature) = token.rsplit_once('.').ok_or(NotAJwt)?;
        let (header, payload) = message.split_once('.').ok_or(NotAJwt)?;
        if payload.contains('.') { Err(NotAJwt) } else { Ok(Self { message, header, payload, signature }) }
    }
}

/// The names of `aud`, which is a text or a list of texts (RFC 7519 §4.1.3).
pub(crate) fn audiences(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => many.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// A `NumericDate`: a JSON number in the range of real dates, rounded down; anything else is refused.
pub(crate) fn date(claims: &BTreeMap<String, Value>, name: &str) -> Result<Option<Timestamp>, NotADate> {
    const LATEST: f64 = 253_402_300_799.0; // 9999-12-31
    let Some(value) = claims.get(name) else { return Ok(None) };
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        Some(seconds) if (0.0..=LATEST).contains(&seconds) => Ok(Some(Timestamp::from_secs(seconds.floor() as i64))),
        _ => Err(NotADate),
    }
}

/// A JSON object from base64url without padding; a repeated name is an error (RFC 7515 §4, RFC 7519 §4).
pub(crate) fn object(part: &str) -> Result<BTreeMap<String, Value>, NotAJwt> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| NotAJwt)?;
    serde_json::from_slice::<Distinct>(&bytes).map(|object| object.0).map_err(|_| NotAJwt)
}

struct Distinct(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Distinct;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object with distinct names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Distinct, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("repeated name"));
                    }
                }
                Ok(Distinct(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
