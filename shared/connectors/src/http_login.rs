//! A login over HTTP at a legacy system, which takes a name and a password and returns a session cookie or token.
//!
//! The configuration defines what is sent and how responses are read. `sso_session` is the same with other defaults.

mod content;
pub(crate) mod cookies;
mod dead;
mod json;
#[cfg(test)]
mod json_tests;
mod judge;
mod login;
mod moving;
mod outgoing;
mod page;
mod request;
mod response;
mod shown_url;
mod state;
#[cfg(test)]
mod step_tests;
mod submit;
#[cfg(test)]
mod tests;
mod walk;
#[cfg(test)]
mod walk_tests;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use gateway_config::connector::{Extract, HttpLogin as Settings, Moves, Way};
use gateway_domain::headers::Reserved;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_domain::token_type::TokenType;
use http::header::COOKIE;
use http::{Request, Response, StatusCode};
use zeroize::Zeroizing;

use crate::back_end::{BackEndClient, BackEndError, Bounds};
use crate::{
    Acquired, Call, Connector, ConnectorError, Credentials, HandedOut, Injection, Meeting, Moved, ResponseStart,
    reference,
};

use content::Content;
use cookies::Jar;
use judge::Kind;
use login::Run;
use request::Wanted;
use state::State;
use walk::Recorder;

pub use walk::{Compared, Event, Exchange, SeenCookie, SeenForm, Walk};

/// The largest response to any request of this connector, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;

/// A login as an operator sees it.
pub struct Walked {
    /// What was seen.
    pub walk: Walk,
    /// How it ended.
    pub outcome: Result<Acquired, ConnectorError>,
    /// If it failed: the session that the system seems to have begun before, for [`Connector::end`].
    pub begun: Option<Zeroizing<Vec<u8>>>,
}

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
                Extract::JsonPointer(_) | Extract::Body(_) | Extract::Input(_) => {}
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

    /// Logs in as [`Connector::acquire`] does, and tells what was seen on the way.
    pub async fn walk(&self, login: Credentials<'_>, now: Timestamp) -> Walked {
        let mut walk = Walk::of(&self.settings);
        let mut run = Run::new(self, login, now, Recorder(Some(&mut walk)));
        let outcome = self.within_time(run.log_in()).await;
        let begun = if outcome.is_err() { run.begun() } else { None };
        Walked { walk, outcome, begun }
    }

    async fn within_time(
        &self,
        login: impl Future<Output = Result<Acquired, ConnectorError>>,
    ) -> Result<Acquired, ConnectorError> {
        let logged_in = tokio::time::timeout(self.timeout(), login).await;
        logged_in.unwrap_or_else(|_| Err(ConnectorError::Unavailable(BackEndError::TimedOut.to_string())))
    }

    /// Sends a request that is alone, on a connection of its own.
    async fn send_alone(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        self.send(&self.client.with_own_connections(), request).await
    }

    /// Sends a request. Redirects are not followed here: they are responses like any other.
    async fn send(&self, client: &BackEndClient, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        let bounds = Bounds { timeout: self.timeout(), max_body: MAX_RESPONSE };
        client.send(request, bounds).await.map_err(|error| match error {
            BackEndError::Unreachable | BackEndError::TimedOut => ConnectorError::Unavailable(error.to_string()),
            BackEndError::TooLarge | BackEndError::Broken => ConnectorError::Misbehaved(error.to_string()),
        })
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.settings.timeout.as_u64())
    }
}

#[async_trait]
impl Connector for HttpLogin {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        self.within_time(Run::new(self, login, now, Recorder(None)).log_in()).await
    }

    async fn renew(&self, state: &[u8], now: Timestamp) -> Result<Acquired, ConnectorError> {
        let Some(renew) = &self.settings.renew else { return Err(ConnectorError::Refused) };
        let state = State::read(state).ok_or(ConnectorError::Refused)?;
        if state.renew_until.is_none_or(|until| until <= now) {
            return Err(ConnectorError::Refused);
        }
        let request = request::of_session(&self.settings.inject, &Wanted::renewal(renew), &state)
            .ok_or_else(|| misbehaved("the renewal request cannot be built"))?;
        let response = self.send_alone(request).await?;
        if self.is_dead(&ResponseStart::of(&response)) {
            return Err(ConnectorError::Refused);
        }
        response::judge_by_status(response.status(), "the renewal")?;
        let url = reference::url(renew.url.uri()).ok_or_else(|| misbehaved("the renewal has no URL"))?;
        let mut jar = Jar::default();
        jar.keep(response.headers(), &url, now);
        self.read_renewal(&Content::new(url, response, Vec::new(), 0), &jar, &state, now)
    }

    async fn end(&self, state: &[u8]) -> Result<(), ConnectorError> {
        let Some(logout) = &self.settings.logout else { return Ok(()) };
        let state = State::read(state).ok_or_else(unreadable)?;
        let request = request::of_session(&self.settings.inject, &Wanted::logout(logout), &state)
            .ok_or_else(|| misbehaved("the logout request cannot be built"))?;
        let status = self.send_alone(request).await?.status();
        match judge::kind(status) {
            // A client error means that the session had already ended.
            Kind::Fine | Kind::Elsewhere | Kind::Refused => Ok(()),
            // The same holds for systems where each session has its own URL, which no longer exists.
            Kind::NotThere if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) => {
                tracing::warn!(
                    status = status.as_u16(),
                    "a logout found no session, unless the URL of `logout` is wrong"
                );
                Ok(())
            }
            Kind::NotThere => Err(response::by_status("the logout", status, ConnectorError::Misbehaved)),
            Kind::Later => Err(response::by_status("the logout", status, ConnectorError::Unavailable)),
        }
    }

    fn inject(&self, state: &[u8], _call: Call<'_>) -> Result<Injection, ConnectorError> {
        let state = State::read(state).ok_or_else(unreadable)?;
        request::injection(&self.settings.inject, &state).ok_or_else(unreadable)
    }

    fn hand_out(&self, state: &[u8]) -> Result<HandedOut, ConnectorError> {
        // Whoever else used it would move it away from here.
        if self.settings.moves.is_some() {
            return Err(ConnectorError::Unfit("its session moves, so that only one may use it"));
        }
        let state = State::read(state).ok_or_else(unreadable)?;
        let secret = |text: &str| Secret::new(text.to_owned());
        let also = state.also.iter().map(|(name, value)| ((*name).to_owned(), secret(value))).collect();
        Ok(HandedOut { kind: TokenType::Session, token: secret(state.token), also })
    }

    fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    fn is_dead(&self, response: &ResponseStart<'_>) -> bool {
        dead::is_dead(&self.settings.dead_session, response)
    }

    fn moved(&self, state: &[u8], response: &ResponseStart<'_>, now: Timestamp) -> Moved {
        if self.settings.moves.is_some() { self.follow(state, response, now) } else { Moved::Same }
    }

    fn meeting(&self) -> Meeting {
        match self.settings.moves {
            Some(Moves::InTurn) => Meeting::InTurn,
            Some(Moves::Freely) | None => Meeting::Freely,
        }
    }

    fn examines_body(&self, _status: StatusCode) -> bool {
        self.settings.dead_session.body_has.is_some()
    }

    fn examines_bodies(&self) -> bool {
        self.settings.dead_session.body_has.is_some()
    }
}

fn misbehaved(text: &str) -> ConnectorError {
    ConnectorError::Misbehaved(text.to_owned())
}

fn unreadable() -> ConnectorError {
    misbehaved("the stored session cannot be sent")
}
