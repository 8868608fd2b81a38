//! Why an app gets no session by the login of another app.

use super::ErrorResponse;
use gateway_domain::oauth_error::ErrorCode;
use std::borrow::Cow;

/// Why an app gets no session by the login of another app. Reasons are for the log alone: what is forged, of another login and over is told
/// alike.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSignOn {
    #[error("{0}")]
    Refused(&'static str),
    #[error("the audience is not the issuer")]
    Audience,
    #[error("a late copy of an attempt whose session was used or has ended")]
    Used,
}

impl NoSignOn {
    /// The response of RFC 6749 §5.2, or of RFC 8693 §2.2.2.
    pub(super) fn response(&self) -> ErrorResponse {
        let (code, description) = match self {
            Self::Refused(_) => (
                ErrorCode::InvalidGrant,
                "the ID token or the device secret is malformed, of another login or app, or over; log in",
            ),
            Self::Audience => (ErrorCode::InvalidTarget, "audience must be the issuer"),
            Self::Used => (
                ErrorCode::InvalidGrant,
                "the session of this Idempotency-Key was used or has ended; repeat the request with another one",
            ),
        };
        ErrorResponse::new(code, Cow::Borrowed(description))
    }
}
