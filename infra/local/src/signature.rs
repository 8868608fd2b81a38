//! Verifies AWS Signature Version 4: a request must be signed with the credentials whose id it names.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::header::AUTHORIZATION;
use http::request::Parts;

/// Seconds by which the time of a signature may differ from ours.
const SKEW: i64 = 300;

/// Why a request has no valid signature, in the words of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsigned {
    /// It has no `Authorization`, or more than one.
    #[error("Missing Authentication Token")]
    Missing,
    /// Its `Authorization` is not a signature of version 4, or it has no valid `X-Amz-Date`.
    #[error(
        "Authorization header requires Credential, SignedHeaders and Signature of AWS4-HMAC-SHA256, with X-Amz-Date."
    )]
    Incomplete,
    /// No credentials of this stack have this id.
    #[error("The security token included in the request is invalid.")]
    Unknown,
    /// The signature is wrong, too old or too new, or does not cover all that it must.
    #[error("The request signature we calculated does not match the signature you provided, or has expired.")]
    Wrong,
}

impl Unsigned {
    /// The error type of AWS.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete => "IncompleteSignatureException",
            Self::Unknown => "UnrecognizedClientException",
            Self::Wrong => "InvalidSignatureException",
        }
    }
}

/// The signature of a request, as its `Authorization` and `X-Amz-Date` describe it.
pub(crate) struct Signature<'r> {
    /// Id of the credentials.
    pub(crate) access_key_id: &'r str,
    region: &'r str,
    service: &'r str,
    signed_headers: Vec<&'r str>,
    value: &'r str,
    time: DateTime,
}

impl<'r> Signature<'r> {
    /// Reads the signature of a request, without verifying it.
    pub(crate) fn of(parts: &'r Parts) -> Result<Self, Unsigned> {
        let mut lines = parts.headers.get_all(AUTHORIZATION).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(Unsigned::Missing) };
        let line = line.to_str().map_err(|_| Unsigned::Incomplete)?;
        let fields = line.strip_prefix("AWS4-HMAC-SHA256 ").ok_or(Unsigned::Incomplete)?;
        let field = |name: &str| {
            let mut all = fields.split(',').filter_map(|field| field.trim().split_once('='));
            all.find(|(found, _)| *found == name).map(|(_, value)| value).ok_or(Unsigned::Incomplete)
        };
        let mut scope = field("Credential")?.split('/');
        let scope = (scope.next(), scope.next(), scope.next(), scope.next(), scope.next(), scope.next());
        let (Some(access_key_id), Some(_), Some(region), Some(service), Some("aws4_request"), None) = scope else {
            return Err(Unsigned::Incomplete);
        };
        let date = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok()).ok_or(Unsigned::Incomplete)?;
        let signed_headers = field("SignedHeaders")?.split(';').collect();
        let (value, time) = (field("Signature")?, time(date).ok_or(Unsigned::Incomplete)?);
        Ok(Self { access_key_id, region, service, signed_headers, value, time })
    }

    /// Verifies that these credentials made it for exactly this request, at about `now` (seconds since 1970).
    pub(crate) fn verify(&self, parts: &Parts, body: &[u8], by: &Credentials, now: i64) -> Result<(), Unsigned> {
        let covered = |name: &str| self.signed_headers.contains(&name);
        // A field that the signature does not cover could have been added by anybody.
        let all_covered =
            parts.headers.keys().all(|name| !name.as_str().starts_with("x-amz-") || covered(name.as_str()));
        let token = parts.headers.get("x-amz-security-token").map(http::HeaderValue::as_bytes);
        if token != by.session_token().map(str::as_bytes) {
            return Err(Unsigned::Wrong);
        }
        if !all_covered || !covered("host") || self.time.secs().abs_diff(now) > SKEW.unsigned_abs() {
            return Err(Unsigned::Wrong);
        }
        let expected = self.expected(parts, body, by).ok_or(Unsigned::Wrong)?;
        let same = subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), self.value.as_bytes());
        if bool::from(same) { Ok(()) } else { Err(Unsigned::Wrong) }
    }

    /// The signature that these credentials make.
    fn expected(&self, parts: &Parts, body: &[u8], by: &Credentials) -> Option<String> {
        let identity = by.clone().into();
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::try_from(self.time).ok()?)
            .settings(settings)
            .build()
            .ok()?
            .into();
        // The signer adds these two itself.
        let ours = ["x-amz-date", "x-amz-security-token"];
        let mut headers = Vec::new();
        for name in self.signed_headers.iter().filter(|name| !ours.contains(name)) {
            for value in parts.headers.get_all(*name) {
                headers.push((*name, value.to_str().ok()?));
            }
        }
        let path = parts.uri.path_and_query()?.as_str();
        let request =
            SignableRequest::new(parts.method.as_str(), path, headers.into_iter(), SignableBody::Bytes(body)).ok()?;
        Some(sign(request, &params).ok()?.into_parts().1)
    }
}

/// A time in the basic form of ISO 8601, such as `20261126T210500Z`.
fn time(text: &str) -> Option<DateTime> {
    let part = |range| text.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute, second) = (part(9..11)?, part(11..13)?, part(13..15)?);
    let extended = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    let time = DateTime::from_str(&extended, Format::DateTime).ok()?;
    (text == format!("{year}{month}{day}T{hour}{minute}{second}Z")).then_some(time)
}

#[cfg(test)]
pub(crate) mod tests;
