//! The authorizer context: the authorizer's decision about one call, as strings for the function behind it.

#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::event::ApiRequest;
use crate::ids::{ApiName, ClientId, ConnectorName, SessionId, UserId};
use crate::rate_limit::Quota;
use crate::scope::Scope;
use crate::sealing::SealedToken;
use crate::time::{Seconds, Timestamp};
use crate::usage::Caller;

/// The most bytes of names and values in total. API Gateway accepts 8 KB for an authorizer's whole response with its policy.
pub const MAX_BYTES: usize = 6 * 1024;

/// The internal token of one connector as the activity item has it: its version, and the sealed token if it is small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRef {
    /// Raised each time the token is replaced.
    #[serde(rename = "v")]
    pub version: u64,
    /// The sealed token. If absent, the proxy reads it from the session.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedToken>,
    /// When `sealed` stops working, if known. Without `sealed` it is absent too, and the proxy reads it from the session.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
}

impl TokenRef {
    /// A reference by version, without the sealed token.
    pub const fn by_version(version: u64) -> Self {
        Self { version, sealed: None, ends: None }
    }
}

/// A call that may go to its back end, with the identity it is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The user, or the application acting for itself.
    pub user: UserId,
    /// The application.
    pub app: ClientId,
    /// The application's name.
    pub app_name: String,
    /// The application's subscription to the API.
    pub subscription: String,
    /// The scope of the access token.
    pub scope: Scope,
    /// The session of the access token.
    pub session: SessionId,
    /// The API that is called.
    pub api: ApiName,
    /// The route that matched, as the configuration has it.
    pub route: String,
    /// The session's internal tokens.
    pub tokens: BTreeMap<ConnectorName, TokenRef>,
    /// The limits and what is left of them.
    pub quotas: Vec<Quota>,
}

/// Why a call is refused. API Gateway lets it through, so that the function behind the authorizer writes the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the request is malformed, in most cases its path.
    BadRequest,
    /// 414: the path is longer than API Gateway passes to an authorizer; REST API only.
    PathTooLong,
    /// 401 (RFC 6750 §3.1); HTTP API only.
    InvalidToken,
    /// 401 (RFC 9449 §7.1): the token is bound to a key, and the proof that came with it is not of that key, this request or this moment.
    InvalidProof {
        /// What is wrong and what to do, in words of the gateway.
        detail: String,
    },
    /// 403 (RFC 6750 §3.1); HTTP API only.
    InsufficientScope {
        /// The scope that the route requires.
        required: Scope,
    },
    /// 404: no route for this path and method.
    NotFound,
    /// 429.
    RateLimited {
        /// The limits; of those that are exceeded nothing remains, and their `reset` is never later than `retry_after`.
        quotas: Vec<Quota>,
        /// The names of those that are exceeded.
        violated: Vec<String>,
        /// When a new attempt makes sense; at least one second.
        retry_after: Seconds,
    },
}

impl Refusal {
    /// The name of the reason, from a closed set, for logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::PathTooLong => "path_too_long",
            Self::InvalidToken => "invalid_token",
            Self::InvalidProof { .. } => "invalid_dpop_proof",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::NotFound => "not_found",
            Self::RateLimited { .. } => "rate_limited",
        }
    }
}

/// The authorizer's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The call may go on.
    Admitted(Box<Admitted>),
    /// The call ends here.
    Refused(Refusal),
}

/// The authorizer's decision, bound to the method and the path of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallContext {
    method: String,
    path_digest: String,
    outcome: Outcome,
    caller: Option<Caller>,
}

/// Why the context cannot be trusted. The response is 500; there is never a default identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ContextError {
    /// No authorizer ran, or its context is empty.
    #[error("the event has no authorizer context")]
    Absent,
    /// A value is absent or not a text.
    #[error("the authorizer context lacks {0}")]
    Missing(&'static str),
    /// A value has an invalid form.
    #[error("the authorizer context has an unusable {0}")]
    Invalid(&'static str),
    /// The decision was made for another method or path.
    #[error("the authorizer context belongs to another request")]
    OtherRequest,
    /// It has more than [`MAX_BYTES`].
    #[error("the authorizer context is larger than {MAX_BYTES} bytes")]
    TooLarge,
}

/// Why a call may not go to a back end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The authorizer refused it.
    Refused(Refusal),
    /// There is no decision that can be trusted: 500.
    Broken(ContextError),
}

impl CallContext {
    /// A decision about this request.
    pub fn new(request: &ApiRequest, outcome: Outcome) -> Self {
        let path_digest = path_digest(&request.method, &request.path);
        Self { method: request.method.clone(), path_digest, outcome, caller: None }
    }

    /// The same decision, of this caller's call. API Gateway logs it, so that the call is counted as usage; nothing else reads it.
    #[must_use]
    pub fn of(self, caller: Option<Caller>) -> Self {
        Self { caller, ..self }
    }

    /// The decision, for inspection; to act on it use [`CallContext::admitted`].
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The context's names and values. If the sealed tokens do not fit, only their versions are included.
    pub fn to_map(&self) -> Result<BTreeMap<&'static str, String>, ContextError> {
        let full = wire::write(self, true);
        if size(&full) <= MAX_BYTES {
            return Ok(full);
        }
        let small = wire::write(self, false);
        if size(&small) <= MAX_BYTES { Ok(small) } else { Err(ContextError::TooLarge) }
    }

    /// Reads the context of an event; anything missing or malformed is an error.
    pub fn from_event(request: &ApiRequest) -> Result<Self, ContextError> {
        match &request.authorizer {
            Some(values) if !values.is_empty() => wire::read(values),
            Some(_) | None => Err(ContextError::Absent),
        }
    }

    /// The only way to an identity: the decision must be for exactly this method and path, and must admit the call.
    pub fn admitted(self, request: &ApiRequest) -> Result<Admitted, NotAdmitted> {
        if self.method != request.method || self.path_digest != path_digest(&request.method, &request.path) {
            return Err(NotAdmitted::Broken(ContextError::OtherRequest));
        }
        match self.outcome {
            Outcome::Admitted(admitted) => Ok(*admitted),
            Outcome::Refused(refusal) => Err(NotAdmitted::Refused(refusal)),
        }
    }
}

impl Admitted {
    /// The admitted call of an event, or why there is none.
    pub fn from_event(request: &ApiRequest) -> Result<Self, NotAdmitted> {
        CallContext::from_event(request).map_err(NotAdmitted::Broken)?.admitted(request)
    }
}

/// SHA-256 of method, space and raw path in base64url, which binds a decision to its request.
pub fn path_digest(method: &str, raw_path: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{method} {raw_path}").as_bytes()))
}

fn size(map: &BTreeMap<&'static str, String>) -> usize {
    map.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum()
}
