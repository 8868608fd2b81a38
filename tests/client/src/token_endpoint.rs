//! Requests to the token endpoint and its neighbours, and what their responses mean.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::patience::Trouble;
use crate::{Client, Clock, Error, Storage};

/// The response of RFC 6749 §5.1, as far as this client needs it.
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    /// Seconds from the moment it was made.
    pub(crate) expires_in: u64,
}

/// The error of RFC 6749 §5.2, and of OAuth 2.0 for First-Party Applications draft-04 §5.2.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
    request_uri: Option<String>,
}

impl<S: Storage, C: Clock> Client<S, C> {
    /// Posts a form, tokens and passwords in the body, where no log keeps them.
    pub(crate) async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        attempt: Option<&str>,
    ) -> Result<reqwest::Response, Trouble> {
        let mut request = self.http.post(format!("{}{path}", self.gateway)).form(form);
        if let Some(attempt) = attempt {
            request = request.header("Idempotency-Key", attempt);
        }
        let response = request.send().await.map_err(|_| Trouble::Passing(None, Error::NoResponse))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            // Also a login whose attempts are used up, which a mail would open again.
            status
                if status == StatusCode::TOO_MANY_REQUESTS
                    || status == StatusCode::SERVICE_UNAVAILABLE
                    || response.headers().contains_key(RETRY_AFTER) =>
            {
                let wait = retry_after(&response);
                Err(Trouble::Passing(wait, Error::TryLater(wait.unwrap_or_default())))
            }
            // API Gateway's own failures: nothing is known, so that repeating under the same attempt id is right.
            status if status.is_server_error() => Err(Trouble::Passing(None, Error::NoResponse)),
            _ => Err(refusal(response).await),
        }
    }

    /// Tokens from a form.
    pub(crate) async fn tokens(&self, form: &[(&str, &str)], attempt: Option<&str>) -> Result<Tokens, Trouble> {
        read(self.post("/oauth2/token", form, attempt).await?).await
    }
}

/// What a response has. One that breaks off is a lost response.
pub(crate) async fn read<T: DeserializeOwned>(response: reqwest::Response) -> Result<T, Trouble> {
    let body = response.bytes().await.map_err(|_| Trouble::Passing(None, Error::NoResponse))?;
    serde_json::from_slice(&body).map_err(|_| Trouble::Passing(None, Error::NoResponse))
}

/// Seconds of a `Retry-After`. It may also be a date (RFC 9110 §10.2.3), which the gateway never sends.
pub(crate) fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn refusal(response: reqwest::Response) -> Trouble {
    let Ok(body) = response.bytes().await else { return Trouble::Passing(None, Error::NoResponse) };
    let Ok(refusal) = serde_json::from_slice::<Refusal>(&body) else {
        return Trouble::Lasting(Error::Refused("a response without an error code".to_owned()));
    };
    Trouble::Lasting(match refusal.error.as_str() {
        // The token or code is unknown, expired, used or revoked, or a login was begun too long ago.
        "invalid_grant" | "invalid_session" => Error::LoginAgain,
        "insufficient_authorization" => {
            let unknown = || Error::Refused("a login takes a step that is not known here".to_owned());
            serde_json::from_slice(&body).map_or_else(|_| unknown(), Error::MoreNeeded)
        }
        "redirect_to_web" => Error::OpenBrowser { request_uri: refusal.request_uri },
        _ => Error::Refused(format!("{}: {}", refusal.error, refusal.error_description)),
    })
}
