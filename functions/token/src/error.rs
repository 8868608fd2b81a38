//! Every way a request can fail, and the one RFC 6749 response for each.

mod exchange;
mod no_device;
mod no_sign_on;
mod not_traded;
mod words;

use gateway_config::NoIssuer;
use gateway_credentials::CredentialsError;
use gateway_domain::authorization_request::Refused;
use gateway_domain::dpop::InvalidProof;
use gateway_domain::entropy::NoEntropy;
use gateway_domain::event::EventError;
use gateway_domain::form::InvalidForm;
use gateway_domain::ids::ConnectorName;
use gateway_domain::oauth_error::ErrorCode;
use gateway_domain::password::HashError;
use gateway_domain::presented_token::NotTheHolder;
use gateway_domain::time::Seconds;
use gateway_runtime::StartError;
use gateway_sessions::SessionError;
use gateway_store::StoreError;
use std::borrow::Cow;
use words::{
    event, failed, invalid_form, malformed, missing, not_the_holder, over_header_budget, password_needed,
    refused_by_back_end, store,
};

pub(crate) use exchange::NotExchanged;
pub(crate) use no_device::NoDevice;
pub(crate) use no_sign_on::NoSignOn;
pub(crate) use not_traded::NotTraded;

/// What access tokens are for here.
const REALM: &str = "gateway";

/// Why a request fails. The text is for the log alone; the client gets [`Failure::response`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("event: {0}")]
    Event(EventError),
    #[error(transparent)]
    NoIssuer(#[from] NoIssuer),
    #[error("the function could not start")]
    NotReady,
    #[error("no such path")]
    NotFound,
    #[error("method not allowed; allowed: {0}")]
    MethodNotAllowed(&'static str),
    #[error(transparent)]
    Form(#[from] InvalidForm),
    #[error("parameters in the query")]
    Query,
    #[error("{0} sent twice")]
    RepeatedHeader(&'static str),
    #[error("malformed Authorization header")]
    MalformedBasic,
    #[error("two client authentication methods")]
    TwoClientAuthentications,
    #[error("{0} missing")]
    Missing(&'static str),
    #[error("{0} malformed")]
    Malformed(&'static str),
    #[error("client authentication failed: {0}")]
    Client(&'static str),
    #[error("no access token")]
    NoAccessToken,
    #[error("an access token in the header and another in the body")]
    TwoAccessTokens,
    #[error("access token refused: {0}")]
    AccessToken(String),
    #[error("the access token has not the scope {0}")]
    AccessTokenScope(&'static str),
    #[error("DPoP proof refused: {0}")]
    Proof(#[from] InvalidProof),
    #[error("a DPoP proof of another time, or one that was used before")]
    ProofAgain,
    #[error("access token refused: {0}")]
    NotTheHolder(#[from] NotTheHolder),
    #[error("unsupported grant type")]
    UnsupportedGrantType,
    #[error("grant not allowed for this application")]
    UnauthorizedClient,
    #[error("scope not available")]
    Scope,
    #[error("wrong username or password")]
    Credentials,
    #[error("authorization request refused: {0}")]
    AuthorizationRequest(Refused),
    #[error("authorization code refused: {0}")]
    Code(&'static str),
    #[error("not exchanged: {0}")]
    NotExchanged(#[from] NotExchanged),
    #[error("device refused: {0}")]
    NoDevice(#[from] NoDevice),
    #[error("sign-on refused: {0}")]
    NoSignOn(#[from] NoSignOn),
    #[error("not traded in: {0}")]
    NotTraded(#[from] NotTraded),
    #[error("refresh token refused: {0}")]
    RefreshToken(&'static str),
    #[error("the session is over at the back end")]
    LoginAgain,
    #[error("the hook {0} refuses")]
    HookRefused(&'static str),
    #[error("the back end of {0} refused the credentials")]
    BackEndRefused(ConnectorName),
    #[error("the user is not linked to a name at the back end of {0}")]
    NotLinked(ConnectorName),
    #[error("the back end of {0} has passwords of its own, and none was sent")]
    PasswordNeeded(ConnectorName),
    #[error("the address of the user is not proved yet")]
    NotVerified,
    #[error(
        "an internal token takes {bytes} bytes of headers: with the others of a call more than the budget, {budget}"
    )]
    OverHeaderBudget { bytes: usize, budget: u32 },
    #[error("too many attempts; wait {0} s")]
    TooManyAttempts(Seconds),
    #[error("another refresh of this session is under way")]
    Busy,
    #[error("back end: {0}")]
    BackEnd(String),
    #[error("store: {0}")]
    Store(#[from] StoreError),
    #[error("hash: {0}")]
    Hash(#[from] HashError),
    #[error("start: {0}")]
    Start(#[from] StartError),
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl From<NoEntropy> for Failure {
    fn from(error: NoEntropy) -> Self {
        Self::Start(error.into())
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::BackEndRefused(connector) => Self::BackEndRefused(connector),
            SessionError::NotLinked(connector) => Self::NotLinked(connector),
            SessionError::PasswordNeeded(connector) => Self::PasswordNeeded(connector),
            SessionError::OverHeaderBudget { bytes, budget } => Self::OverHeaderBudget { bytes, budget },
            SessionError::BackEnd(..) | SessionError::NoBackEnd => Self::BackEnd(error.to_string()),
            SessionError::Over => Self::LoginAgain,
            SessionError::NotForServices(_) => Self::NotExchanged(NotExchanged::Refused),
            SessionError::OtherType(kind) => Self::NotExchanged(NotExchanged::Type(kind)),
            SessionError::CredentialsChanged => Self::RefreshToken("the credentials changed or the user is disabled"),
            SessionError::Busy => Self::Busy,
            SessionError::Store(error) => Self::Store(error),
            SessionError::Start(error) => Self::Start(error),
            SessionError::Internal(reason) => Self::Internal(reason),
        }
    }
}

impl From<CredentialsError> for Failure {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::Password => Self::Credentials,
            CredentialsError::Client(reason) => Self::Client(reason),
            CredentialsError::TooManyAttempts(wait) => Self::TooManyAttempts(wait),
            CredentialsError::Directory(reason) => Self::BackEnd(reason),
            CredentialsError::Store(error) => Self::Store(error),
            CredentialsError::Hash(error) => Self::Hash(error),
            CredentialsError::Start(error) => Self::Start(error),
        }
    }
}

/// An error response (RFC 6749 §5.2), before it is written as JSON.
pub(crate) struct ErrorResponse {
    pub(crate) status: u16,
    pub(crate) code: ErrorCode,
    /// Within `%x20-21 / %x23-5B / %x5D-7E` (RFC 6749 §5.2), and never text that the client sent.
    pub(crate) description: Cow<'static, str>,
    pub(crate) retry_after: Option<Seconds>,
    pub(crate) allow: Option<&'static str>,
    /// How to authenticate (RFC 9110 §11.6.1).
    pub(crate) challenge: Option<Cow<'static, str>>,
    /// Of which class a login would help (RFC 9470 §3).
    pub(crate) acr_values: Option<&'static str>,
}

impl ErrorResponse {
    fn new(code: ErrorCode, description: Cow<'static, str>) -> Self {
        let challenge = match code {
            ErrorCode::InvalidClient => Some(r#"Basic realm="gateway", charset="UTF-8""#),
            ErrorCode::InvalidToken => Some(r#"Bearer realm="gateway", error="invalid_token""#),
            ErrorCode::InvalidRequest
            | ErrorCode::InvalidGrant
            | ErrorCode::UnauthorizedClient
            | ErrorCode::UnsupportedGrantType
            | ErrorCode::InvalidScope
            | ErrorCode::InvalidTarget
            | ErrorCode::InsufficientScope
            | ErrorCode::InsufficientAuthorization
            | ErrorCode::RedirectToWeb
            | ErrorCode::InvalidSession
            | ErrorCode::LoginRequired
            | ErrorCode::TooManyRequests
            | ErrorCode::InvalidDpopProof
            | ErrorCode::UseDpopNonce
            | ErrorCode::InvalidDevice
            | ErrorCode::TemporarilyUnavailable
            | ErrorCode::ServerError => None,
        };
        let challenge = challenge.map(Cow::Borrowed);
        Self { status: code.status(), code, description, retry_after: None, allow: None, challenge, acr_values: None }
    }
}

impl Failure {
    /// The kind of failure for the log and the metric, from a closed set of names.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::NoIssuer(_) => "no_issuer",
            Self::NotReady => "not_ready",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Form(_)
            | Self::Query
            | Self::RepeatedHeader(_)
            | Self::Missing(_)
            | Self::Malformed(_)
            | Self::TwoAccessTokens => "malformed_request",
            Self::MalformedBasic | Self::TwoClientAuthentications | Self::Client(_) => "client_authentication",
            Self::NoAccessToken | Self::AccessToken(_) => "access_token",
            Self::Proof(_) | Self::ProofAgain => "dpop_proof",
            Self::NoDevice(reason) => reason.kind(),
            Self::NotTheHolder(_) => "access_token_holder",
            Self::AccessTokenScope(_) => "access_token_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::Scope => "scope",
            Self::Credentials => "credentials",
            Self::AuthorizationRequest(_) => "authorization_request",
            Self::Code(_) => "code",
            Self::NotExchanged(NotExchanged::SubjectToken(_)) => "subject_token",
            Self::NotExchanged(_) => "target",
            Self::NoSignOn(_) => "sign_on",
            Self::NotTraded(reason) => reason.kind(),
            Self::RefreshToken(_) => "refresh_token",
            Self::LoginAgain => "login_again",
            Self::HookRefused(_) => "hook_refused",
            Self::BackEndRefused(_) => "back_end_refused",
            Self::NotLinked(_) => "not_linked",
            Self::PasswordNeeded(_) => "password_needed",
            Self::NotVerified => "not_verified",
            Self::OverHeaderBudget { .. } => "over_header_budget",
            Self::TooManyAttempts(_) => "too_many_attempts",
            Self::Busy => "busy",
            Self::BackEnd(_) => "back_end",
            Self::Store(_) => "store",
            Self::Hash(_) | Self::Internal(_) => "internal",
            Self::Start(_) => "dependency",
        }
    }

    /// The only place, with what it calls below, that words failures for clients (RFC 6749 §5.2).
    pub(crate) fn response(&self) -> ErrorResponse {
        use ErrorCode as E;
        let response = |code: E, description: &'static str| ErrorResponse::new(code, Cow::Borrowed(description));
        let later = |description: &'static str, seconds| ErrorResponse {
            retry_after: Some(seconds),
            ..response(E::TemporarilyUnavailable, description)
        };
        match self {
            Self::Event(error) => event(error),
            Self::NoIssuer(_) => response(E::ServerError, "the gateway is not configured: set issuer"),
            Self::NotReady => later("the service is starting or a dependency is down; try again", Seconds::new(5)),
            Self::NotFound => ErrorResponse { status: 404, ..response(E::InvalidRequest, "there is no such endpoint") },
            Self::MethodNotAllowed(allow) => ErrorResponse {
                status: 405,
                allow: Some(allow),
                ..response(E::InvalidRequest, "this endpoint does not allow the method; see the Allow header")
            },
            Self::Form(error) => invalid_form(*error),
            Self::Query => response(E::InvalidRequest, "send parameters in the body, never in the URL"),
            Self::RepeatedHeader(_) => response(E::InvalidRequest, "a header that may come once came twice"),
            Self::MalformedBasic => {
                response(E::InvalidRequest, "the Authorization header is not Basic with base64 of id:secret")
            }
            Self::TwoClientAuthentications => response(
                E::InvalidRequest,
                "authenticate the client in one way: Authorization header, secret or assertion",
            ),
            Self::Missing(name) => response(E::InvalidRequest, missing(name)),
            Self::Malformed(name) => response(E::InvalidRequest, malformed(name)),
            Self::Client(_) => response(E::InvalidClient, "client authentication failed"),
            // A request without authentication is told no error (RFC 6750 §3.1).
            Self::NoAccessToken => ErrorResponse {
                challenge: Some(Cow::Borrowed(r#"Bearer realm="gateway""#)),
                ..response(E::InvalidToken, "send an access token as Authorization: Bearer")
            },
            Self::TwoAccessTokens => {
                response(E::InvalidRequest, "send the access token in one way: Authorization header or body")
            }
            Self::AccessToken(_) => {
                response(E::InvalidToken, "the access token is expired, revoked or malformed; refresh or log in again")
            }
            Self::AccessTokenScope(_) => ErrorResponse {
                challenge: Some(Cow::Borrowed(r#"Bearer realm="gateway", error="insufficient_scope", scope="openid""#)),
                ..response(E::InsufficientScope, "the access token has not the scope openid; log in with it")
            },
            Self::Proof(InvalidProof(reason)) => response(E::InvalidDpopProof, reason),
            Self::ProofAgain => response(
                E::UseDpopNonce,
                "the DPoP proof is of another time or was used before; make another one, with the nonce in DPoP-Nonce",
            ),
            Self::NoDevice(reason) => reason.response(),
            Self::NotTheHolder(reason) => not_the_holder(*reason),
            Self::UnsupportedGrantType => response(
                E::UnsupportedGrantType,
                "grant_type must be authorization_code, password, refresh_token, client_credentials, urn:ietf:params:oauth:grant-type:token-exchange or, where there are devices, urn:ietf:params:oauth:grant-type:jwt-bearer",
            ),
            Self::UnauthorizedClient => response(E::UnauthorizedClient, "this client may not use this grant"),
            Self::Scope => response(
                E::InvalidScope,
                "the scope is unknown, more than this client may have, or not words with one space between two of them",
            ),
            Self::Credentials => response(E::InvalidGrant, "the username or password is wrong"),
            Self::AuthorizationRequest(refused) => response(refused.code.into(), refused.description),
            Self::Code(_) => response(
                E::InvalidGrant,
                "the code is unknown, expired or used, or redirect_uri, code_verifier or the key of the DPoP proof is not that of its request; log in again",
            ),
            Self::NotExchanged(reason) => reason.response(),
            Self::NoSignOn(reason) => reason.response(),
            Self::NotTraded(reason) => reason.response(),
            Self::RefreshToken(_) => {
                response(E::InvalidGrant, "the refresh token is unknown, expired, used or revoked; log in again")
            }
            Self::LoginAgain => {
                response(E::InvalidGrant, "the session at the back end is over and cannot be renewed; log in again")
            }
            Self::HookRefused(_) => {
                response(E::InvalidGrant, "the rules of the company do not allow this; ask its administrator")
            }
            Self::OverHeaderBudget { bytes, budget } => over_header_budget(*bytes, *budget),
            Self::NotVerified => response(E::InvalidGrant, "the address of this account is not verified yet"),
            Self::NotLinked(connector) => refused_by_back_end(format!(
                "this account is not linked to a name at the back end of {connector}; ask its administrator"
            )),
            Self::PasswordNeeded(connector) => password_needed(connector),
            Self::BackEndRefused(connector) => {
                refused_by_back_end(format!("the back end of {connector} did not accept the username or password"))
            }
            Self::TooManyAttempts(wait) => ErrorResponse {
                retry_after: Some(*wait),
                ..response(
                    E::TooManyRequests,
                    "too many attempts; try again after the time in Retry-After, or prove by a mail that it is you, where that is offered",
                )
            },
            Self::Busy => later("this session is being refreshed; repeat the request", Seconds::new(1)),
            Self::BackEnd(_) => later("a back end does not answer as it should; try again", Seconds::new(5)),
            Self::Store(error) => store(error),
            Self::Start(_) => later("a dependency does not answer; try again", Seconds::new(5)),
            Self::Hash(_) | Self::Internal(_) => failed(),
        }
    }
}

#[cfg(test)]
mod tests;
