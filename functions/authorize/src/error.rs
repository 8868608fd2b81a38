//! Every way a page can fail, and what the user reads. Mistakes in a form are told by the form itself.

use gateway_config::NoIssuer;
use gateway_credentials::CredentialsError;
use gateway_domain::authorization_request::NoTarget;
use gateway_domain::entropy::NoEntropy;
use gateway_domain::event::{ApiRequest, ApiResponse, EventError};
use gateway_domain::form::InvalidForm;
use gateway_invoke::NotInvoked;
use gateway_runtime::StartError;
use gateway_sessions::SessionError;
use gateway_store::StoreError;
use gateway_telemetry::Metric;
use gateway_web::Site;
use gateway_web::pages::{self, Reason};

/// Why a request fails. The text is for the log; the user reads a page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("event: {0}")]
    Event(EventError),
    #[error(transparent)]
    NoIssuer(#[from] NoIssuer),
    #[error("no such page")]
    NotFound,
    #[error("method not allowed; allowed: {0}")]
    MethodNotAllowed(&'static str),
    #[error(transparent)]
    Form(#[from] InvalidForm),
    #[error("a header that may come once came twice")]
    RepeatedHeader,
    #[error("{0}")]
    Client(&'static str),
    #[error(transparent)]
    NoTarget(#[from] NoTarget),
    #[error("{0}")]
    Return(&'static str),
    #[error("sessions began in this browser faster than it could be logged out")]
    Busy,
    #[error(transparent)]
    NotInvoked(#[from] NotInvoked),
    #[error("another function answered as another version")]
    OtherVersion,
    #[error("a page of several steps was opened by itself")]
    Incomplete,
    #[error("the step has lapsed, was taken before, or belongs to another browser")]
    Expired,
    #[error("credentials: {0}")]
    Credentials(#[from] CredentialsError),
    #[error("session: {0}")]
    Session(#[from] SessionError),
    #[error("store: {0}")]
    Store(#[from] StoreError),
    #[error("start: {0}")]
    Start(#[from] StartError),
}

impl From<NoEntropy> for Failure {
    fn from(error: NoEntropy) -> Self {
        Self::Start(error.into())
    }
}

impl Failure {
    /// The kind of failure, for metrics and the log.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::NoIssuer(_) => "no_issuer",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Form(_) => "form",
            Self::RepeatedHeader => "repeated_header",
            Self::Client(_) => "client",
            Self::NoTarget(_) => "redirect_uri",
            Self::Return(_) => "post_logout_redirect_uri",
            Self::Busy => "busy",
            Self::NotInvoked(_) | Self::OtherVersion => "function",
            Self::Incomplete => "incomplete",
            Self::Expired => "expired",
            Self::Credentials(_) => "credentials",
            Self::Session(error) => error.kind(),
            Self::Store(_) => "store",
            Self::Start(_) => "dependency",
        }
    }

    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::Event(EventError::BodyTooLarge) | Self::Form(InvalidForm::TooLarge) => 413,
            Self::Event(EventError::ConflictingHeaders | EventError::BodyNotBase64)
            | Self::Form(_)
            | Self::RepeatedHeader
            | Self::Client(_)
            | Self::NoTarget(_)
            | Self::Return(_)
            | Self::Incomplete
            | Self::Expired => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::Event(_) | Self::NoIssuer(_) | Self::Session(SessionError::OverHeaderBudget { .. }) => 500,
            Self::Busy
            | Self::NotInvoked(_)
            | Self::OtherVersion
            | Self::Credentials(_)
            | Self::Session(_)
            | Self::Store(_)
            | Self::Start(_) => 503,
        }
    }

    const fn reason(&self) -> Reason {
        match self {
            Self::NotFound => Reason::NotFound,
            Self::Client(_) => Reason::UnknownApp,
            Self::NoTarget(_) | Self::Return(_) => Reason::UnknownReturnAddress,
            Self::Expired => Reason::Expired,
            Self::Event(_) | Self::MethodNotAllowed(_) | Self::Form(_) | Self::RepeatedHeader | Self::Incomplete => {
                Reason::Incomplete
            }
            Self::NoIssuer(_)
            | Self::Busy
            | Self::NotInvoked(_)
            | Self::OtherVersion
            | Self::Credentials(_)
            | Self::Session(_)
            | Self::Store(_)
            | Self::Start(_) => Reason::Unavailable,
        }
    }

    /// What developers need to know; nothing of what is behind the gateway.
    fn detail(&self) -> Option<String> {
        match self {
            Self::Event(_)
            | Self::Form(_)
            | Self::RepeatedHeader
            | Self::Client(_)
            | Self::NoTarget(_)
            | Self::Return(_) => Some(self.to_string()),
            Self::MethodNotAllowed(methods) => Some(format!("allowed methods: {methods}")),
            Self::NoIssuer(_)
            | Self::NotFound
            | Self::Busy
            | Self::NotInvoked(_)
            | Self::OtherVersion
            | Self::Incomplete
            | Self::Expired
            | Self::Credentials(_)
            | Self::Session(_)
            | Self::Store(_)
            | Self::Start(_) => None,
        }
    }
}

/// The page of a failure.
pub(crate) fn page(failure: &Failure, site: &Site, request: &ApiRequest) -> ApiResponse {
    log(failure);
    let detail = failure.detail();
    let (reason, reference) = (failure.reason(), request.request_id.as_deref());
    let page = pages::Failure { site, reason, detail: detail.as_deref(), reference };
    with_fields(failure, site.respond(failure.status(), &page, &[]))
}

/// A failure for which there is no page, since nothing is known of the site or of the request.
pub(crate) fn plain(failure: &Failure) -> ApiResponse {
    log(failure);
    let text = if failure.status() == 503 { "Try again in a moment." } else { "The request cannot be served." };
    let response = ApiResponse::new(failure.status())
        .header("Content-Type", "text/plain; charset=utf-8")
        .header("Cache-Control", "no-store")
        .header("X-Content-Type-Options", "nosniff")
        .with_body(text);
    with_fields(failure, response)
}

fn with_fields(failure: &Failure, response: ApiResponse) -> ApiResponse {
    if let Failure::MethodNotAllowed(methods) = failure {
        return response.header("Allow", *methods);
    }
    if failure.status() == 503 { response.header("Retry-After", "5") } else { response }
}

pub(crate) fn log(failure: &Failure) {
    let (status, kind) = (failure.status(), failure.kind());
    gateway_telemetry::count(Metric::Refusal { reason: kind });
    if status >= 500 {
        tracing::error!(status, kind, reason = %failure, "failed");
    } else {
        tracing::info!(status, kind, reason = %failure, "refused");
    }
}
