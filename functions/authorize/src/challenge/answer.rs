//! What an app is told: a code, or what is missing for one (OAuth 2.0 for First-Party Applications draft-04 §5.2).

use crate::error::{self, Failure};
use gateway_domain::authorization_code::AuthorizationCode;
use gateway_domain::authorization_request::Refused;
use gateway_domain::dpop::InvalidProof;
use gateway_domain::event::ApiResponse;
use gateway_domain::form::InvalidForm;
use gateway_domain::oauth_error::ErrorCode;
use gateway_domain::pushed_request::LIFETIME;
use gateway_domain::time::Seconds;
use gateway_telemetry::Metric;
use serde_json::{Value, json};

/// When a client may try again after a failure.
const AGAIN: Seconds = Seconds::new(5);

/// A field that the app shows.
#[derive(Debug)]
pub(super) struct Field {
    /// The parameter.
    pub(super) name: String,
    /// What users call the system whose password it is.
    pub(super) system: Option<String>,
    pub(super) required: bool,
}

impl Field {
    fn shown(self) -> Value {
        let mut shown = json!({ "name": self.name, "required": self.required });
        if let (Some(system), Some(members)) = (self.system, shown.as_object_mut()) {
            members.insert("system".to_owned(), system.into());
        }
        shown
    }
}

/// What was wrong with what came, and the system that said so, if it was one.
pub(super) type Told = (&'static str, Option<String>);

/// What is to come with the next request: the fields, or a passkey.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) auth_session: String,
    pub(super) fields: Vec<Field>,
    /// What an authenticator is asked, where people log in by passkeys.
    pub(super) passkey: Option<Box<Value>>,
    pub(super) mistake: Option<Told>,
}

/// The way in for the owner of an account whose attempts strangers have used up.
#[derive(Debug)]
pub(super) struct ByMail {
    pub(super) auth_session: String,
    /// As of [`Wanted`].
    pub(super) passkey: Option<Box<Value>>,
    /// Where the app asks for the mail, and below which it confirms the code.
    pub(super) endpoint: String,
    /// When the next attempt may be made without it.
    pub(super) wait: Seconds,
}

/// Why there is no code.
#[derive(Debug)]
pub(crate) enum NoCode {
    Method,
    /// A web page asks.
    Page,
    Malformed(&'static str),
    TooLong,
    RequestUri,
    /// For the log.
    Client(&'static str),
    Unauthorized,
    Session,
    /// A proof of possession that is none, or that is missing.
    Proof(InvalidProof),
    /// One of another time, or that was used before.
    ProofAgain,
    Authorization(Refused),
    /// The user has to do more.
    Step(Wanted),
    TooManyAttempts(Seconds),
    /// The same, where a mail proves who the owner is.
    EmailCode(ByMail),
    /// The user has to go on in a browser, with this request if the app has said where to come back to.
    Web(Option<String>),
    /// A system behind the gateway does not answer as it should.
    Unavailable(&'static str),
    Sealing,
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for NoCode {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

/// The code (draft-04 §5.2.1).
pub(super) fn code(code: &AuthorizationCode) -> ApiResponse {
    private(200, &json!({ "authorization_code": code.text().expose() }))
}

/// The response while the function cannot start.
pub(crate) fn not_ready(failure: Failure) -> ApiResponse {
    NoCode::Failed(failure).response()
}

/// No cache may keep it (RFC 6749 §5.1).
fn private(status: u16, body: &Value) -> ApiResponse {
    ApiResponse::json(status, "application/json", body).header("Pragma", "no-cache")
}

impl NoCode {
    /// Its name in metrics and the log.
    fn kind(&self) -> &'static str {
        match self {
            Self::Method => "method_not_allowed",
            Self::Page | Self::Malformed(_) | Self::TooLong | Self::RequestUri => "malformed_request",
            Self::Client(_) => "client_authentication",
            Self::Unauthorized => "unauthorized_client",
            Self::Session => "auth_session",
            Self::Proof(_) | Self::ProofAgain => "dpop_proof",
            Self::Authorization(_) => "authorization_request",
            Self::Step(Wanted { mistake: None, .. }) => "step",
            Self::Step(Wanted { mistake: Some(("wrong_login", _)), .. }) => "credentials",
            Self::Step(Wanted { mistake: Some(("wrong_passkey", _)), .. }) => "passkey",
            Self::Step(Wanted { mistake: Some(("password_needed", _)), .. }) => "password_needed",
            Self::Step(Wanted { mistake: Some(_), .. }) => "back_end_refused",
            Self::TooManyAttempts(_) | Self::EmailCode(_) => "too_many_attempts",
            Self::Web(_) => "not_verified",
            Self::Unavailable(kind) => kind,
            Self::Sealing => "internal",
            Self::Failed(failure) => failure.kind(),
        }
    }

    /// The code, and the text for developers in the characters of RFC 6749 §5.2, which never has what was sent.
    fn words(&self) -> (ErrorCode, &'static str) {
        use ErrorCode as E;
        match self {
            Self::Method => (E::InvalidRequest, "this endpoint allows POST alone"),
            Self::Page => (
                E::InvalidRequest,
                "a web page sends its users to the authorization endpoint, and asks for no password",
            ),
            Self::Malformed(text) => (E::InvalidRequest, text),
            Self::TooLong => (E::InvalidRequest, "the parameters of the request must not exceed 4096 bytes"),
            Self::RequestUri => {
                (E::InvalidRequest, "request_uri is no pushed request of this client, or has lapsed; push it again")
            }
            Self::Client(_) => (
                E::InvalidClient,
                "client authentication failed: a public client sends its client_id alone, another one authenticates in every request",
            ),
            Self::Unauthorized => {
                (E::UnauthorizedClient, "this client may not log users in by itself: it needs the grant challenge")
            }
            Self::Session => {
                (E::InvalidSession, "the auth_session is none of this client, or has lapsed; begin without one")
            }
            Self::Proof(InvalidProof(reason)) => (E::InvalidDpopProof, reason),
            Self::ProofAgain => (
                E::UseDpopNonce,
                "the DPoP proof is of another time or was used before; make another one, with the nonce in DPoP-Nonce",
            ),
            Self::Authorization(refused) => (refused.code.into(), refused.description),
            Self::Step(Wanted { mistake: None, .. }) => (
                E::InsufficientAuthorization,
                "send what is in fields with the auth_session, or a response to passkey if that is there",
            ),
            Self::Step(Wanted { mistake: Some(("wrong_login", _)), .. }) => {
                (E::InsufficientAuthorization, "the username or password is wrong")
            }
            Self::Step(Wanted { mistake: Some(("wrong_passkey", _)), .. }) => (
                E::InsufficientAuthorization,
                "the passkey was not accepted; have another response made to the new options, or send the fields",
            ),
            Self::Step(Wanted { mistake: Some(("password_needed", _)), .. }) => {
                (E::InsufficientAuthorization, "the password was asked for, and a passkey is none; send the fields")
            }
            Self::Step(Wanted { mistake: Some(_), .. }) => {
                (E::InsufficientAuthorization, "a system behind the gateway does not take this account")
            }
            Self::TooManyAttempts(_) => {
                (E::TooManyRequests, "too many attempts; try again after the time in Retry-After")
            }
            Self::EmailCode(_) => (
                E::InsufficientAuthorization,
                "too many attempts; try again after the time in Retry-After, or have a code sent from email_code_endpoint and confirm it",
            ),
            Self::Web(_) => (E::RedirectToWeb, "the user has to go on in a browser"),
            Self::Unavailable(_) => {
                (E::TemporarilyUnavailable, "a system behind the gateway does not answer as it should; try again")
            }
            Self::Sealing => (E::ServerError, "the service failed; it has been logged"),
            Self::Failed(failure) => match failure.status() {
                400 | 413 => (E::InvalidRequest, invalid_form(failure)),
                503 => (E::TemporarilyUnavailable, "a dependency does not answer as it should; try again"),
                _ => (E::ServerError, "the service failed; it has been logged"),
            },
        }
    }

    fn status(&self, code: ErrorCode) -> u16 {
        if matches!(self, Self::Method) {
            405
        } else if matches!(self, Self::Failed(Failure::Form(InvalidForm::TooLarge))) {
            413
        } else {
            code.status()
        }
    }

    /// What a response has beside code and text.
    fn members(self) -> Vec<(&'static str, Value)> {
        if let Self::Step(Wanted { auth_session, fields, passkey, mistake }) = self {
            let step = [
                ("auth_session", json!(auth_session)),
                ("step", json!("password")),
                ("fields", fields.into_iter().map(Field::shown).collect()),
            ];
            let (mistake, system) = mistake.unzip();
            let mistake = mistake.map(|mistake| ("mistake", json!(mistake)));
            let system = system.flatten().map(|system| ("system", json!(system)));
            let passkey = passkey.map(|options| ("passkey", *options));
            step.into_iter().chain(passkey).chain(mistake).chain(system).collect()
        } else if let Self::EmailCode(ByMail { auth_session, passkey, endpoint, wait: _ }) = self {
            let step = [
                ("auth_session", json!(auth_session)),
                ("step", json!("email_code")),
                ("email_code_endpoint", json!(endpoint)),
            ];
            step.into_iter().chain(passkey.map(|options| ("passkey", *options))).collect()
        } else if let Self::Web(Some(uri)) = self {
            vec![("request_uri", json!(uri)), ("expires_in", json!(LIFETIME.as_u64()))]
        } else {
            Vec::new()
        }
    }

    /// The response (draft-04 §5.2.2). The failure's own text goes to the log, once, and its kind is counted.
    pub(super) fn response(self) -> ApiResponse {
        let (code, description) = self.words();
        let (status, kind) = (self.status(code), self.kind());
        let reason = if let Self::Client(reason) = &self { reason } else { description };
        if let Self::Failed(failure) = &self {
            error::log(failure);
        } else if matches!(self, Self::Step(Wanted { mistake: None, .. })) {
            tracing::info!(status, kind, "the app is told what a login takes");
        } else if status >= 500 {
            gateway_telemetry::count(Metric::Refusal { reason: kind });
            tracing::error!(status, error = %code, kind, reason, "failed");
        } else {
            gateway_telemetry::count(Metric::Refusal { reason: kind });
            tracing::info!(status, error = %code, kind, reason, "refused");
        }
        let (allow, challenge) = (matches!(self, Self::Method), code == ErrorCode::InvalidClient);
        let wait = if let Self::TooManyAttempts(wait) | Self::EmailCode(ByMail { wait, .. }) = &self {
            Some(*wait)
        } else {
            None
        };
        let retry_after = wait.or((status == 503).then_some(AGAIN));
        let mut body = json!({ "error": code.as_str(), "error_description": description });
        if let Some(members) = body.as_object_mut() {
            members.extend(self.members().into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let mut response = private(status, &body);
        if allow {
            response = response.header("Allow", "POST");
        }
        if challenge {
            response = response.header("WWW-Authenticate", r#"Basic realm="gateway", charset="UTF-8""#);
        }
        match retry_after {
            Some(wait) => response.header("Retry-After", wait.to_string()),
            None => response,
        }
    }
}

fn invalid_form(failure: &Failure) -> &'static str {
    let Failure::Form(error) = failure else { return "the request is malformed" };
    match error {
        InvalidForm::TooLarge => "the body must not exceed 16384 bytes",
        InvalidForm::TooManyParameters => "the body must not hold more than 64 parameters",
        InvalidForm::ContentType => "send the parameters in the body as application/x-www-form-urlencoded",
        InvalidForm::Charset => "the charset of Content-Type must be utf-8, given once; or leave it out",
        InvalidForm::Encoding => "the body must be percent-encoded UTF-8",
        InvalidForm::Repeated => "a parameter must not be repeated",
    }
}
