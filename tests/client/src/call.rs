//! Calls of the APIs: the token is renewed before it expires, and once when it is refused.

use reqwest::{Method, StatusCode};
use serde_json::Value as Json;

use crate::patience::Trouble;
use crate::token_endpoint::retry_after;
use crate::{Client, Clock, Error, Storage};

/// A response of an API: whatever its back end said, except what this client deals with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status; 401, 429 and 503 only if they are the back end's own.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl<S: Storage, C: Clock> Client<S, C> {
    /// Calls an API.
    ///
    /// # Errors
    /// See [`Error`]; each kind is something else for the app to do.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Json>) -> Result<Response, Error> {
        let mut refused: Option<String> = None;
        loop {
            let token = self.access(refused.as_deref()).await?;
            let mut tries = self.tries(&self.calls)?;
            let response = loop {
                match self.send(&method, path, body, &token).await {
                    Ok(response) => break response,
                    Err(trouble) => tries.again(trouble).await?,
                }
            };
            // The body says what the header does; a REST API renames the header of functions.
            let told = response.json();
            let member = |name: &str| told.get(name).and_then(Json::as_str);
            match (response.status, member("error")) {
                (401, Some("insufficient_user_authentication")) => {
                    return Err(Error::PasswordNeeded {
                        acr_values: member("acr_values").unwrap_or_default().to_owned(),
                    });
                }
                (401, Some("invalid_token")) if refused.is_none() => refused = Some(token),
                (401, Some("invalid_token")) => return Err(Error::LoginAgain),
                (403, Some("insufficient_scope")) => {
                    return Err(Error::MissingScope { needed: member("scope").unwrap_or_default().to_owned() });
                }
                _ => return Ok(response),
            }
        }
    }

    async fn send(&self, method: &Method, path: &str, body: Option<&Json>, token: &str) -> Result<Response, Trouble> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.gateway)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        // Only what may be done twice is repeated when nobody knows whether it was done.
        let passing = |wait, error| {
            if method.is_idempotent() { Trouble::Passing(wait, error) } else { Trouble::Lasting(error) }
        };
        let response = match request.send().await {
            Ok(response) => response,
            // No connection: nothing was done.
            Err(error) if error.is_connect() => return Err(Trouble::Passing(None, Error::NoResponse)),
            Err(_) => return Err(passing(None, Error::NoResponse)),
        };
        let wait = retry_after(&response);
        match (response.status(), wait) {
            // Refused before anything was done, so that any method may be repeated.
            (StatusCode::TOO_MANY_REQUESTS, Some(wait)) => {
                return Err(Trouble::Passing(Some(wait), Error::TryLater(wait)));
            }
            (StatusCode::SERVICE_UNAVAILABLE, Some(wait)) => return Err(passing(Some(wait), Error::TryLater(wait))),
            _ => {}
        }
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(|_| passing(None, Error::NoResponse))?;
        Ok(Response { status, body: body.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_without_json_has_no_error() {
        let response = Response { status: 200, body: b"<html>".to_vec() };
        assert_eq!(response.json()["error"], Json::Null);
    }
}
