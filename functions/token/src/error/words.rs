//! Words for what is wrong with a request, and for what a back end says.

use super::{ErrorResponse, REALM};
use crate::parameters::{ACTOR_OF_ID_TOKEN, SUBJECT_OF_SECRET};
use gateway_domain::event::EventError;
use gateway_domain::form::InvalidForm;
use gateway_domain::ids::ConnectorName;
use gateway_domain::oauth_error::ErrorCode;
use gateway_domain::presented_token::NotTheHolder;
use gateway_domain::time::Seconds;
use gateway_store::StoreError;
use std::borrow::Cow;

pub(super) fn event(error: &EventError) -> ErrorResponse {
    let response = |code, description| ErrorResponse::new(code, Cow::Borrowed(description));
    match error.status() {
        Some(status) => {
            ErrorResponse { status, ..response(ErrorCode::InvalidRequest, "the request is malformed or too large") }
        }
        None => response(ErrorCode::ServerError, "the function received an event that is no API Gateway proxy event"),
    }
}

/// What RFC 9449 §7.1 answers at a protected resource.
pub(super) fn not_the_holder(reason: NotTheHolder) -> ErrorResponse {
    ErrorResponse {
        status: 401,
        challenge: Some(Cow::Owned(reason.challenge(REALM))),
        ..ErrorResponse::new(reason.code(), Cow::Owned(reason.to_string()))
    }
}

pub(super) fn store(error: &StoreError) -> ErrorResponse {
    let later = |description, seconds| ErrorResponse {
        retry_after: Some(Seconds::new(seconds)),
        ..ErrorResponse::new(ErrorCode::TemporarilyUnavailable, Cow::Borrowed(description))
    };
    match error {
        StoreError::Unavailable { .. } => later("the store does not answer; try again", 2),
        // A newer version wrote the item. It is deployed or being deployed, so a repeated request may reach it.
        StoreError::Newer { .. } => later("the service is being updated; try again", 5),
        StoreError::Corrupt { .. } => failed(),
    }
}

pub(super) fn failed() -> ErrorResponse {
    ErrorResponse::new(ErrorCode::ServerError, Cow::Borrowed("the service failed; it has been logged"))
}

pub(super) fn invalid_form(error: InvalidForm) -> ErrorResponse {
    let response = |description| ErrorResponse::new(ErrorCode::InvalidRequest, Cow::Borrowed(description));
    match error {
        InvalidForm::TooLarge => ErrorResponse { status: 413, ..response("the body must not exceed 16384 bytes") },
        InvalidForm::TooManyParameters => response("the body must not hold more than 64 parameters"),
        InvalidForm::ContentType => response("send the parameters in the body as application/x-www-form-urlencoded"),
        InvalidForm::Charset => response("the charset of Content-Type must be utf-8, given once; or leave it out"),
        InvalidForm::Encoding => response("the body must be percent-encoded UTF-8"),
        InvalidForm::Repeated => response("a parameter must not be repeated"),
    }
}

pub(super) fn password_needed(connector: &ConnectorName) -> ErrorResponse {
    let description =
        format!("the back end of {connector} has passwords of its own; send the one for it as password.{connector}");
    ErrorResponse::new(ErrorCode::InvalidRequest, Cow::Owned(description))
}

pub(super) fn over_header_budget(bytes: usize, budget: u32) -> ErrorResponse {
    let description = format!(
        "the session at a back end takes {bytes} bytes of headers: with the others of a call more than max_header_bytes of its API, {budget}"
    );
    ErrorResponse::new(ErrorCode::ServerError, Cow::Owned(description))
}

pub(super) fn refused_by_back_end(description: String) -> ErrorResponse {
    ErrorResponse::new(ErrorCode::InvalidGrant, Cow::Owned(description))
}

/// What to do about a parameter that is missing.
pub(super) fn missing(name: &'static str) -> &'static str {
    match name {
        "grant_type" => "grant_type is required",
        "code" => "code is required",
        "username" => "username is required",
        "password" => "password is required",
        "refresh_token" => "refresh_token is required",
        "token" => "token is required",
        "subject_token" => {
            "subject_token is required: the access token that was passed on, or the ID token of another app"
        }
        "actor_token" => "actor_token is required beside an ID token: the device secret",
        "actor_token_type" => "actor_token_type is required",
        "subject_token_type" => "subject_token_type is required",
        "audience" => "audience is required: the name of an API, or with a device secret the issuer",
        "assertion" => "assertion is required: a JWT that the device has signed",
        "client_assertion" => "client_assertion_type needs client_assertion",
        "client_assertion_type" => "client_assertion needs client_assertion_type",
        _ => "a required parameter is missing",
    }
}

/// What to do about a parameter that is malformed.
pub(super) fn malformed(name: &'static str) -> &'static str {
    match name {
        "password" => "password must not exceed 1024 bytes",
        "username" => "username must be 1 to 254 bytes without control characters",
        "dpop_jkt" => "dpop_jkt must be the thumbprint of the key of the DPoP proof",
        "redirect_uri" => "redirect_uri is required and must be the same text as one that is registered",
        "request_uri" => "request_uri must not be pushed",
        "request" => "the parameters of a pushed request must not exceed 4096 bytes",
        "subject_token_type" => "subject_token_type must be urn:ietf:params:oauth:token-type:access_token",
        SUBJECT_OF_SECRET => {
            "subject_token_type must be urn:ietf:params:oauth:token-type:id_token beside a device secret"
        }
        ACTOR_OF_ID_TOKEN => "actor_token_type must be urn:openid:params:token-type:device-secret beside an ID token",
        "requested_token_type" => "requested_token_type is unknown, or nothing that is issued here",
        "actor_token" | "actor_token_type" => "a token exchange has no actor_token here",
        "resource" => "name the target by audience, not by resource",
        "scope" => "what a token exchange gives has no scope",
        "Idempotency-Key" => "Idempotency-Key must be 1 to 255 visible ASCII characters",
        _ => "a parameter is malformed",
    }
}
