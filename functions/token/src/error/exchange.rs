//! What a service is told that gets nothing for an access token.

use super::ErrorResponse;
use gateway_domain::id_token::ACR as BY_PASSWORD;
use gateway_domain::ids::ConnectorName;
use gateway_domain::oauth_error::ErrorCode;
use gateway_domain::token_type::TokenType;
use std::borrow::Cow;

/// Why a service gets nothing for an access token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotExchanged {
    #[error("the subject token is refused: {0}")]
    SubjectToken(String),
    #[error("no such API for this service, this app and this token")]
    Target,
    #[error("what the session has at the back end of {0} can do more than this service, this app or this token may")]
    Wider(ConnectorName),
    #[error("what the session has is for no service")]
    Refused,
    #[error("only {0} is handed out there")]
    Type(TokenType),
    #[error("the session at the back end of {0} is over")]
    Over(ConnectorName),
    /// As RFC 9470 says it at an API.
    #[error("the login was without the password, and left out the back end of {0}")]
    LeftOut(ConnectorName),
}

impl NotExchanged {
    /// The response of RFC 8693 §2.2.2.
    pub(super) fn response(&self) -> ErrorResponse {
        let target = |description| ErrorResponse::new(ErrorCode::InvalidTarget, description);
        match self {
            Self::SubjectToken(_) => ErrorResponse::new(
                ErrorCode::InvalidRequest,
                Cow::Borrowed(
                    "the subject_token is expired, revoked or malformed, or it was not passed on to this client by an API of it",
                ),
            ),
            Self::Target => target(Cow::Borrowed(
                "audience must name an API with a connector that this client and the app of the token are subscribed to, and that the token opens",
            )),
            Self::Wider(connector) => target(Cow::Owned(format!(
                "what is handed out for {connector} knows no scopes: the token and this client need those of all methods, and this client and the app subscriptions, of every API of this connector"
            ))),
            Self::Refused => target(Cow::Borrowed("what this API needs is handed out to no service")),
            Self::Type(kind) => {
                target(Cow::Owned(format!("requested_token_type must be {kind} for this audience; or leave it out")))
            }
            Self::Over(connector) => target(Cow::Owned(format!(
                "the session at the back end of {connector} is over and cannot be renewed; the user has to log in again"
            ))),
            Self::LeftOut(connector) => ErrorResponse {
                acr_values: Some(BY_PASSWORD),
                ..target(Cow::Owned(format!(
                    "the login was without the password, which the back end of {connector} needs; the user has to log in again, to a request with these acr_values"
                )))
            },
        }
    }
}
