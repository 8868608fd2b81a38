//! The error codes of OAuth 2.0, and the HTTP status of each.

use crate::authorization_request::AuthorizationErrorCode;
use std::fmt;

/// An error code of RFC 6749 §5.2, of RFC 6750 §3.1 where an access token is used, or of OAuth 2.0 for First-Party Applications draft-04
/// §5.2.2.1 where an application logs a user in by itself. Where that section has none, `temporarily_unavailable`, `login_required` and
/// `server_error` are those of the authorization endpoint, and `too_many_requests` is the gateway's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// A parameter is missing, repeated or malformed.
    InvalidRequest,
    /// Client authentication failed.
    InvalidClient,
    /// The user's credentials, or the refresh token, are not valid.
    InvalidGrant,
    /// The client may not use this grant type.
    UnauthorizedClient,
    /// The server does not support this grant type.
    UnsupportedGrantType,
    /// The scope is malformed, unknown, or more than may be granted.
    InvalidScope,
    /// The server issues no token for this target (RFC 8693 §2.2.2).
    InvalidTarget,
    /// The access token is expired, revoked or otherwise not valid (RFC 6750 §3.1).
    InvalidToken,
    /// The access token lacks a scope (RFC 6750 §3.1).
    InsufficientScope,
    /// The user has to do more before the application gets a code; the response says what (First-Party Applications draft-04 §5.2.2.1).
    InsufficientAuthorization,
    /// The user has to do it in a browser (draft-04 §5.2.2.1.1).
    RedirectToWeb,
    /// The `auth_session` is not one that can go on (draft-04 §5.2.2.1).
    InvalidSession,
    /// The user who has logged in is another one than was asked for, or nobody may be asked (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// Too many attempts. The client may try again after `Retry-After` (RFC 6585 §4).
    TooManyRequests,
    /// The proof of possession is missing, or not for this request (RFC 9449 §5).
    InvalidDpopProof,
    /// The client has to make another proof, with the nonce of the response (RFC 9449 §8).
    UseDpopNonce,
    /// The device that a request shows is none here, or none that may be linked: the client registers it anew. The gateway's own.
    InvalidDevice,
    /// A service that the server depends on does not respond. The client may try again after `Retry-After`.
    TemporarilyUnavailable,
    /// An error of the server itself.
    ServerError,
}

impl ErrorCode {
    /// The code as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientAuthorization => "insufficient_authorization",
            Self::RedirectToWeb => "redirect_to_web",
            Self::InvalidSession => "invalid_session",
            Self::LoginRequired => "login_required",
            Self::TooManyRequests => "too_many_requests",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::InvalidDevice => "invalid_device",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope | Self::InsufficientAuthorization | Self::RedirectToWeb => 403,
            Self::TooManyRequests => 429,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::InvalidSession
            | Self::LoginRequired
            | Self::InvalidDpopProof
            | Self::UseDpopNonce
            | Self::InvalidDevice => 400,
        }
    }
}

impl From<AuthorizationErrorCode> for ErrorCode {
    /// The code where the response is no redirect (RFC 9126 §2.3): that of the authorization endpoint if there is such a one here.
    fn from(code: AuthorizationErrorCode) -> Self {
        use AuthorizationErrorCode as A;
        match code {
            A::UnauthorizedClient => Self::UnauthorizedClient,
            A::InvalidScope => Self::InvalidScope,
            A::ServerError => Self::ServerError,
            A::TemporarilyUnavailable => Self::TemporarilyUnavailable,
            A::LoginRequired => Self::LoginRequired,
            A::InvalidRequest
            | A::AccessDenied
            | A::UnsupportedResponseType
            | A::ConsentRequired
            | A::InteractionRequired
            | A::RequestNotSupported
            | A::InvalidRequestUri
            | A::RegistrationNotSupported => Self::InvalidRequest,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
