//! Why a refresh token of another issuer is not traded in.

use super::ErrorResponse;
use gateway_domain::oauth_error::ErrorCode;
use gateway_domain::time::Seconds;
use gateway_issuers::IssuerError;
use std::borrow::Cow;

/// Why a refresh token of another issuer is not traded in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTraded {
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    #[error("nobody here is the user that the issuer tells")]
    UnknownUser,
    #[error("the user has other credentials than when the issuer's subject was noted")]
    NewCredentials,
    #[error("the user has not consented to this application")]
    Consent,
}

impl NotTraded {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Issuer(IssuerError::Refused) => "foreign_refresh_token",
            Self::Issuer(IssuerError::Untrue(_)) => "foreign_id_token",
            Self::Issuer(IssuerError::Unavailable(_) | IssuerError::TooOften) => "issuer_down",
            Self::Issuer(IssuerError::Unusable(_) | IssuerError::Incomplete(_) | IssuerError::TooOld) => {
                "issuer_unusable"
            }
            Self::UnknownUser => "unknown_subject",
            Self::NewCredentials => "new_credentials",
            Self::Consent => "consent",
        }
    }

    /// How it is counted.
    pub(crate) const fn outcome(&self) -> &'static str {
        match self {
            Self::Issuer(IssuerError::Refused | IssuerError::Untrue(_)) | Self::NewCredentials | Self::Consent => {
                "refused"
            }
            Self::Issuer(
                IssuerError::Unavailable(_)
                | IssuerError::TooOften
                | IssuerError::Unusable(_)
                | IssuerError::Incomplete(_)
                | IssuerError::TooOld,
            ) => "failed",
            Self::UnknownUser => "unknown_user",
        }
    }

    /// The response of RFC 6749 §5.2. What tells to try again leaves the refresh token to the app: it keeps it.
    pub(super) fn response(&self) -> ErrorResponse {
        let refused = |description| ErrorResponse::new(ErrorCode::InvalidGrant, Cow::Borrowed(description));
        let later = |description, seconds| ErrorResponse {
            retry_after: Some(Seconds::new(seconds)),
            ..ErrorResponse::new(ErrorCode::TemporarilyUnavailable, Cow::Borrowed(description))
        };
        match self {
            Self::Issuer(IssuerError::Refused) => {
                refused("the issuer of this refresh token does not take it any more; log in again")
            }
            Self::Issuer(IssuerError::Untrue(_)) => {
                refused("the issuer of this refresh token names another client, or nobody; log in again")
            }
            Self::UnknownUser => refused(
                "the issuer of this refresh token names somebody who has no account here; log in again, or ask the administrator to import the account",
            ),
            Self::NewCredentials => refused(
                "the account has other credentials than when it came from the issuer of this refresh token; log in again",
            ),
            Self::Consent => refused("the user has to consent to this client first; log in in a browser"),
            Self::Issuer(IssuerError::Unavailable(_) | IssuerError::TooOften) => {
                later("the issuer of this refresh token does not answer; keep the token and try again", 5)
            }
            Self::Issuer(IssuerError::Unusable(_) | IssuerError::Incomplete(_) | IssuerError::TooOld) => later(
                "the issuer of this refresh token cannot be used at present, which has been logged; keep the token and try again",
                60,
            ),
        }
    }
}
