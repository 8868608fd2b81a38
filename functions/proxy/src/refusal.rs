//! The only place that words the proxy's failures for clients.

mod step_up;

use gateway_connectors::ConnectorError;
use gateway_connectors::back_end::BackEndError;
use gateway_domain::call_context::Refusal;
use gateway_domain::event::ApiResponse;
use gateway_domain::headers::CannotBuild;
use gateway_domain::holder_key;
use gateway_domain::oauth_error::ErrorCode;
use gateway_domain::path::PathRefused;
use gateway_domain::problem::{MEDIA_TYPE, Problem};
use gateway_store::StoreError;
use gateway_telemetry::Metric;
use http::{Method, StatusCode};

use crate::failure::Failure;
use crate::quotas::with_quotas;
pub(crate) use step_up::StepUp;

/// Seconds after which a failing dependency may be tried again.
const RETRY_AFTER: &str = "1";

impl Failure {
    /// The response to a client that no login could help.
    pub(crate) fn response(self) -> ApiResponse {
        self.response_of(StepUp::default())
    }

    /// The response to the client. It says what the client can do, and nothing about the gateway's internals. `step_up` is what the call
    /// asks for where only a login can help.
    pub(crate) fn response_of(self, step_up: StepUp) -> ApiResponse {
        let response = match &self {
            Self::NotReady(_) => later("The gateway is starting. Repeat the call."),
            Self::Event(413) => problem(413, "The request's body is larger than the gateway carries, about 4.5 MB."),
            Self::Event(_) => problem(400, "The request is malformed."),
            Self::Path(PathRefused::TooLong) => path_too_long(),
            Self::Path(refused) => problem(400, &format!("The path is not allowed: {refused}.")),
            Self::Ambiguous => problem(
                400,
                "A back end could take this path for another one: write it exactly as the API documents it.",
            ),
            Self::Query(refused) => problem(400, &format!("The query is not allowed: {refused}.")),
            Self::Method => problem(400, "The method is not allowed."),
            Self::NoPreflight => {
                problem(403, "OPTIONS is for web pages that the gateway lists; see cors in gateway.yaml.")
            }
            Self::MethodNotAllowed(allowed) => {
                problem(405, "This path has other methods; see Allow.").header("Allow", listed(allowed))
            }
            Self::Refused(refusal) => refused(refusal),
            Self::Headers(CannotBuild::ClientHeader) => problem(400, "A header is malformed."),
            Self::Headers(CannotBuild::TooLarge) => problem(431, "The headers are larger than the back end takes."),
            Self::Connector(ConnectorError::Unfit(_)) => {
                problem(400, "The body is not one that can carry the session at the back end.")
            }
            Self::Headers(CannotBuild::OwnValue(_) | CannotBuild::OwnTooLarge)
            | Self::Context(_)
            | Self::Sealing(_)
            | Self::Connector(
                ConnectorError::Refused
                | ConnectorError::NotLinked
                | ConnectorError::PasswordNeeded
                | ConnectorError::Unavailable(_)
                | ConnectorError::Misbehaved(_),
            )
            | Self::Configuration(_)
            | Self::Store(StoreError::Corrupt { .. }) => problem(500, "The gateway cannot carry this call."),
            Self::Redirect => problem(502, "The back end sends elsewhere, where the gateway does not lead."),
            Self::SessionOver => step_up.over(),
            Self::NotLoggedIn => step_up.never_begun(),
            Self::SessionRenewed => later("The session was renewed meanwhile. Repeat the call."),
            Self::NotAllowed => problem(403, "The back end does not allow this to the user."),
            Self::Busy => later("The back end takes one call of a session at a time. Repeat the call."),
            Self::NotRenewed => later("The session at the back end cannot be renewed at present. Repeat the call."),
            Self::Store(StoreError::Unavailable { .. }) => later("The gateway cannot read its store. Repeat the call."),
            Self::Store(StoreError::Newer { .. }) => later("The gateway is being updated. Repeat the call."),
            Self::BackEnd(BackEndError::TimedOut) => problem(504, "The back end did not answer in time."),
            Self::BackEnd(BackEndError::Unreachable) => problem(502, "The back end could not be reached."),
            Self::BackEnd(BackEndError::TooLarge) => {
                problem(502, "The back end's response is larger than the gateway carries.")
            }
            Self::BackEnd(BackEndError::Broken) => problem(502, "The back end's response is broken."),
        };
        let kind = self.kind();
        // The authorizer has already counted its own refusals.
        if !matches!(self, Self::Refused(_)) {
            gateway_telemetry::count(Metric::Refusal { reason: kind });
        }
        if response.status >= 500 {
            tracing::error!(status = response.status, kind, error = %self, "the call was not carried");
        } else {
            tracing::info!(status = response.status, kind, error = %self, "the call was refused");
        }
        response
    }
}

fn refused(refusal: &Refusal) -> ApiResponse {
    match refusal {
        Refusal::BadRequest => problem(400, "The request is malformed."),
        Refusal::PathTooLong => path_too_long(),
        Refusal::InvalidToken => {
            challenge(401, "invalid_token", "The access token is missing, expired or revoked", None)
        }
        Refusal::InvalidProof { detail } => invalid_proof(detail),
        Refusal::InsufficientScope { required } => {
            let required = required.to_string();
            challenge(403, "insufficient_scope", "The access token lacks a scope", Some(&required))
        }
        Refusal::NotFound => problem(404, "There is nothing at this path."),
        Refusal::RateLimited { quotas, violated, retry_after } => {
            let response = send(&Problem::quota_exceeded(violated));
            with_quotas(response, quotas).header("Retry-After", retry_after.to_string())
        }
    }
}

/// A challenge (RFC 6750 §3), repeated in the body, since a REST API renames the field `WWW-Authenticate` of a function.
fn challenge(status: u16, error: &str, description: &str, scope: Option<&str>) -> ApiResponse {
    let mut header = format!("Bearer realm=\"gateway\", error=\"{error}\", error_description=\"{description}\"");
    let mut body = Problem::new(status, phrase(status), &format!("{description}."))
        .with("error", error)
        .with("error_description", description);
    if let Some(scope) = scope {
        header = format!("{header}, scope=\"{scope}\"");
        body = body.with("scope", scope);
    }
    send(&body).header("WWW-Authenticate", header)
}

/// The challenge of a token that is bound to a key (RFC 9449 §7.1), repeated in the body as any other.
fn invalid_proof(detail: &str) -> ApiResponse {
    let error = ErrorCode::InvalidDpopProof.as_str();
    let body = Problem::new(401, phrase(401), detail).with("error", error).with("error_description", detail);
    send(&body).header(
        "WWW-Authenticate",
        format!("DPoP realm=\"gateway\", error=\"{error}\", algs=\"{}\"", holder_key::ALGORITHM),
    )
}

/// 414 (RFC 9110 §15.5.15).
fn path_too_long() -> ApiResponse {
    problem(414, "The path is longer than the gateway carries: send long values in the query or the body.")
}

/// The methods as a list for `Allow` (RFC 9110 §10.2.1) and the like.
pub(crate) fn listed(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

fn later(detail: &str) -> ApiResponse {
    problem(503, detail).header("Retry-After", RETRY_AFTER)
}

fn problem(status: u16, detail: &str) -> ApiResponse {
    send(&Problem::new(status, phrase(status), detail))
}

fn phrase(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Refused")
}

fn send(problem: &Problem) -> ApiResponse {
    ApiResponse::json(problem.status(), MEDIA_TYPE, &problem.to_value())
}
