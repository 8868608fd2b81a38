//! Every way a request can fail, and the one response for each.

use gateway_administration::{ActError, Problem as WrongWith, WrongField};
use gateway_config::NoIssuer;
use gateway_credentials::{CredentialsError, NoAccess};
use gateway_domain::entropy::NoEntropy;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::UserId;
use gateway_domain::json_body::InvalidBody;
use gateway_domain::presented_token::NotTheHolder;
use gateway_domain::problem::{MEDIA_TYPE, Problem};
use gateway_domain::time::Seconds;
use gateway_runtime::StartError;
use gateway_store::StoreError;
use serde_json::{Value, json};

/// Why a request fails. The text is for the log alone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    NoIssuer(#[from] NoIssuer),
    #[error("there is no such path, or nothing there")]
    NotFound,
    /// Nobody who is logged in.
    #[error("a login is needed")]
    NotLoggedIn,
    #[error("a code of the authenticator app is needed")]
    SecondFactor,
    #[error("the code of the authenticator app is wrong, or was used")]
    WrongCode,
    #[error("the form is of another browser or site")]
    OtherBrowser,
    #[error("too many attempts; wait {0} s")]
    TooMany(Seconds),
    #[error("the pepper lacks a key that an authenticator app was set up with")]
    NoKey,
    #[error("the path does not have the method")]
    MethodNotAllowed(&'static str),
    #[error("no access token of an app that lives")]
    NoToken,
    #[error("access token refused: {0}")]
    NotTheHolder(NotTheHolder),
    #[error("the access token has not the scope {0}")]
    Scope(&'static str),
    #[error(transparent)]
    Body(#[from] InvalidBody),
    #[error("{0}")]
    Act(#[from] ActError),
    #[error("what was changed is not as the request expects it")]
    Precondition,
    #[error("the request does not say of which state it is")]
    PreconditionRequired,
    #[error("there is no such user: {0}")]
    NoUser(UserId),
    #[error("there is no such device")]
    NoDevice,
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

impl From<CredentialsError> for Failure {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::Store(error) => Self::Store(error),
            CredentialsError::Start(error) => Self::Start(error),
            CredentialsError::TooManyAttempts(wait) => Self::TooMany(wait),
            CredentialsError::Password
            | CredentialsError::Client(_)
            | CredentialsError::Directory(_)
            | CredentialsError::Hash(_) => Self::NoToken,
        }
    }
}

impl From<NoAccess> for Failure {
    fn from(error: NoAccess) -> Self {
        match error {
            NoAccess::NoToken => Self::NoToken,
            NoAccess::NotTheHolder(reason) => Self::NotTheHolder(reason),
        }
    }
}

impl Failure {
    /// One field that is wrong.
    pub(crate) fn malformed(field: impl Into<String>, text: impl Into<String>) -> Self {
        let wrong = WrongField { field: field.into(), problem: WrongWith::Malformed(text.into()) };
        Self::Act(ActError::Fields(vec![wrong]))
    }

    /// Its name in metrics and logs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::NoIssuer(_) => "no_issuer",
            Self::NotFound
            | Self::NoUser(_)
            | Self::NoDevice
            | Self::Act(ActError::NoApp(_) | ActError::NoSubscription { .. }) => "not_found",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::NoToken => "access_token",
            Self::NotTheHolder(_) => "access_token_holder",
            Self::NotLoggedIn => "not_logged_in",
            Self::SecondFactor => "second_factor",
            Self::WrongCode => "code",
            Self::OtherBrowser => "other_browser",
            Self::TooMany(_) => "too_many_attempts",
            Self::NoKey => "internal",
            Self::Scope(_) => "access_token_scope",
            Self::Body(_) => "malformed_request",
            Self::Act(ActError::Fields(_)) => "field",
            Self::Act(ActError::Taken(_)) => "taken",
            Self::Act(ActError::Conflict(_) | ActError::NothingWaits)
            | Self::Precondition
            | Self::PreconditionRequired => "conflict",
            Self::Act(ActError::Store(_) | ActError::NotAudited(_) | ActError::OutcomeNotAudited(_))
            | Self::Store(_) => "store",
            Self::Act(ActError::NoEntropy(_)) | Self::Start(_) => "dependency",
        }
    }

    /// What is wrong, field by field; empty if it is no field.
    pub(crate) fn fields(&self) -> &[WrongField] {
        if let Self::Act(ActError::Fields(wrong)) = self { wrong } else { &[] }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::new(404, "Not Found", "There is nothing here, or the path is no route."),
            Self::NoUser(_) => Problem::new(404, "Not Found", "There is no such user."),
            Self::NoDevice => Problem::new(404, "Not Found", "There is no such device."),
            Self::Act(ActError::NoApp(_)) => Problem::new(404, "Not Found", "There is no such app."),
            Self::Act(ActError::NoSubscription { .. }) => {
                Problem::new(404, "Not Found", "The app has no subscription to this API.")
            }
            Self::MethodNotAllowed(_) => {
                Problem::new(405, "Method Not Allowed", "See the Allow header for what this route takes.")
            }
            Self::NoToken => {
                let detail = "Send an access token that an app of the admin API got with the grant client_credentials.";
                Problem::new(401, "Unauthorized", detail)
            }
            Self::NotTheHolder(reason) => {
                Problem::new(401, "Unauthorized", &format!("{reason}.")).with("error", reason.code().as_str())
            }
            Self::Scope(scope) => {
                Problem::new(403, "Forbidden", &format!("The access token needs the scope `{scope}`."))
            }
            Self::Body(error @ InvalidBody::TooLarge(_)) => Problem::new(413, "Content Too Large", &error.to_string()),
            Self::Body(error @ InvalidBody::MediaType) => {
                Problem::new(415, "Unsupported Media Type", &error.to_string())
            }
            Self::Body(error @ (InvalidBody::Member(_) | InvalidBody::Other)) => {
                Problem::new(400, "Bad Request", &error.to_string())
            }
            Self::Act(ActError::Fields(wrong)) => {
                let one = |WrongField { field, problem }: &WrongField| json!({ "field": field, "reason": problem.to_string() });
                Problem::new(400, "Bad Request", "A field is not as it must be. Nothing was changed.")
                    .with("errors", wrong.iter().map(one).collect::<Value>())
            }
            Self::Act(error @ (ActError::Taken(_) | ActError::Conflict(_) | ActError::NothingWaits)) => {
                Problem::new(409, "Conflict", &format!("{error}."))
            }
            Self::Precondition => {
                let detail =
                    "It was changed since the request's If-Match was read. Nothing was changed; read it again.";
                Problem::new(412, "Precondition Failed", detail)
            }
            Self::PreconditionRequired => {
                let detail =
                    "Send If-Match with the ETag of what was seen: a decision is of that, and of nothing else.";
                Problem::new(428, "Precondition Required", detail)
            }
            Self::Act(ActError::OutcomeNotAudited(_)) => {
                let detail = "It was done, but its outcome could not be recorded.";
                Problem::new(500, "Internal Server Error", detail)
            }
            Self::NotLoggedIn | Self::SecondFactor => Problem::new(401, "Unauthorized", "Log in first."),
            Self::WrongCode => Problem::new(400, "Bad Request", "The code is wrong, or was used."),
            Self::OtherBrowser => Problem::new(400, "Bad Request", "Send the form once more."),
            Self::TooMany(_) => Problem::new(429, "Too Many Requests", "Too many attempts. Try again later."),
            Self::NoIssuer(_) | Self::NoKey => {
                Problem::new(500, "Internal Server Error", "Something went wrong inside the gateway.")
            }
            Self::Act(ActError::Store(_) | ActError::NotAudited(_) | ActError::NoEntropy(_))
            | Self::Store(_)
            | Self::Start(_) => Problem::new(503, "Service Unavailable", "It could not be done just now. Try again."),
        }
    }

    /// The response, as problem details (RFC 9457).
    pub(crate) fn response(&self) -> ApiResponse {
        let problem = self.problem();
        let response = ApiResponse::json(problem.status(), MEDIA_TYPE, &problem.to_value());
        self.with_headers(response)
    }

    /// A response with the header fields that the failure has.
    pub(crate) fn with_headers(&self, response: ApiResponse) -> ApiResponse {
        const REALM: &str = "gateway-admin";
        let bearer = |error: String| format!(r#"Bearer realm="{REALM}"{error}"#);
        match self {
            Self::MethodNotAllowed(methods) => response.header("Allow", *methods),
            Self::NoToken => response.header("WWW-Authenticate", bearer(r#", error="invalid_token""#.to_owned())),
            Self::NotTheHolder(reason) => response.header("WWW-Authenticate", reason.challenge(REALM)),
            Self::Scope(scope) => {
                response.header("WWW-Authenticate", bearer(format!(r#", error="insufficient_scope", scope="{scope}""#)))
            }
            Self::Act(_) | Self::Store(_) | Self::Start(_) if response.status == 503 => {
                response.header("Retry-After", "5")
            }
            Self::TooMany(wait) => response.header("Retry-After", wait.as_u64().to_string()),
            Self::NoIssuer(_)
            | Self::NoKey
            | Self::NotLoggedIn
            | Self::SecondFactor
            | Self::WrongCode
            | Self::OtherBrowser
            | Self::NotFound
            | Self::Body(_)
            | Self::Act(_)
            | Self::Precondition
            | Self::PreconditionRequired
            | Self::NoUser(_)
            | Self::NoDevice
            | Self::Store(_)
            | Self::Start(_) => response,
        }
    }
}
