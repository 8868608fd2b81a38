//! A login over HTTP at a legacy system, which takes a name and a password and returns a session cookie or token.
//!
//! The configuration defines what is sent and how responses are read. `sso_session` is the same with other defaults.

mod cookies;
mod dead;
#[cfg(test)]
mod json_tests;
mod request;
mod response;
mod state;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use gateway_config::connector::{Extract, HttpLogin as Settings, Way};
use gateway_domain::headers::Reserved;
use gateway_domain::time::Timestamp;
use http::header::COOKIE;
use http::{Request, Response, StatusCode};

use crate::back_end::{BackEndClient, BackEndError, Bounds};
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, Injection, ResponseStart};

use request::Wanted;
use response::Before;
use state::State;

/// The largest response to any request of this connector, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;

/// A connector of type `http_login`.
pub struct HttpLogin {
    settings: Settings,
    client: BackEndClient,
    reserved: Reserved,
}

impl HttpLogin {
    /// A connector for these settings.
    pub fn new(settings: Settings, client: BackEndClient) -> Self {
        let mut reserved = Reserved::default();
        for extract in [&settings.extract].into_iter().chain(settings.extract_also.values()) {
            match extract {
                Extract::Cookie(name) => {
                    reserved.cookies.insert(name.as_str().to_owned());
                }
                Extract::Header(name, _) => {
                    reserved.headers.insert(name.to_string());
                }
                Extract::JsonPointer(_) | Extract::Body(_) => {}
            }
        }
        for way in &settings.inject.ways {
            match way {
                Way::Cookie(name, _) => {
                    reserved.headers.insert(COOKIE.to_string());
                    reserved.cookies.insert(name.as_str().to_owned());
                }
                Way::Header(name, _) => {
                    reserved.headers.insert(name.to_string());
                }
                Way::Query(..) => {}
            }
        }
        Self { settings, client, reserved }
    }

    /// Does the whole login: the preflight, the login itself, and the reading of the session.
    async fn log_in(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let mut before = Before::default();
        if let Some(preflight) = &self.settings.preflight {
            let response = self.send(request::preflight(preflight)).await?;
            before = response::preflight(preflight, &response, now)?;
        }
        let request = request::login(&self.settings.login, login, &before)
            .ok_or_else(|| misbehaved("the login request cannot be built"))?;
        let response = self.send(request).await?;
        self.judge(&response, now)?;
        self.read(&response, before, now)
    }

    /// Sends a request to the configured host. Redirects are not followed: they are responses like any other.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        let bounds = Bounds { timeout: self.timeout(), max_body: MAX_RESPONSE };
        self.client.send(request, bounds).await.map_err(|error| match error {
            BackEndError::Unreachable | BackEndError::TimedOut => ConnectorError::Unavailable(error.to_string()),
            BackEndError::TooLarge | BackEndError::Broken => ConnectorError::Misbehaved(error.to_string()),
        })
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.settings.login.timeout.as_u64())
    }
}

#[async_trait]
impl Connector for HttpLogin {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let logged_in = tokio::time::timeout(self.timeout(), self.log_in(login, now)).await;
        logged_in.unwrap_or_else(|_| Err(ConnectorError::Unavailable(BackEndError::TimedOut.to_string())))
    }

    async fn renew(&self, state: &[u8], now: Timestamp) -> Result<Acquired, ConnectorError> {
        let Some(renew) = &self.settings.renew else { return Err(ConnectorError::Refused) };
        let state = State::read(state).ok_or(ConnectorError::Refused)?;
        if state.renew_until.is_none_or(|until| until <= now) {
            return Err(ConnectorError::Refused);
        }
        let request = request::of_session(&self.settings.inject, &Wanted::renewal(renew), &state)
            .ok_or_else(|| misbehaved("the renewal request cannot be built"))?;
        let response = self.send(request).await?;
        if self.is_dead(&ResponseStart::of(&response)) {
            return Err(ConnectorError::Refused);
        }
        response::judge_by_status(&response, "the renewal")?;
        self.read_renewal(&response, &state, now)
    }

    async fn end(&self, state: &[u8]) -> Result<(), ConnectorError> {
        let Some(logout) = &self.settings.logout else { return Ok(()) };
        let state = State::read(state).ok_or_else(unreadable)?;
        let request = request::of_session(&self.settings.inject, &Wanted::logout(logout), &state)
            .ok_or_else(|| misbehaved("the logout request cannot be built"))?;
        let status = self.send(request).await?.status();
        match response::kind(status) {
            // A client error means that the session had already ended.
            response::Kind::Fine | response::Kind::Elsewhere | response::Kind::Refused => Ok(()),
            // The same holds for systems where each session has its own URL, which no longer exists.
            response::Kind::NotThere if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) => {
                tracing::warn!(
                    status = status.as_u16(),
                    "a logout found no session, unless the URL of `logout` is wrong"
                );
                Ok(())
            }
            response::Kind::NotThere => Err(response::by_status("the logout", status, ConnectorError::Misbehaved)),
            response::Kind::Later => Err(response::by_status("the logout", status, ConnectorError::Unavailable)),
        }
    }

    fn inject(&self, state: &[u8], _call: Call<'_>) -> Result<Injection, ConnectorError> {
        let state = State::read(state).ok_or_else(unreadable)?;
        request::injection(&self.settings.inject, &state).ok_or_else(unreadable)
    }

    fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    fn is_dead(&self, response: &ResponseStart<'_>) -> bool {
        dead::is_dead(&self.settings.dead_session, response)
    }

    fn examines_body(&self, _status: StatusCode) -> bool {
        self.settings.dead_session.body_has.is_some()
    }
}

fn misbehaved(text: &str) -> ConnectorError {
    ConnectorError::Misbehaved(text.to_owned())
}

fn unreadable() -> ConnectorError {
    misbehaved("the stored session cannot be sent")
}
