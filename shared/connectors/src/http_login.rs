//! A legacy system with a login of its own: JSON in, a session cookie or token out.
//!
//! The state is the session token as text. It lasts as long as the system said and cannot be renewed without the
//! password, so the gateway's session ends with it.

mod answer;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use config::connector::{Extract, HttpLogin as Settings, Inject, LoginField};
use domain::headers::Reserved;
use domain::time::Timestamp;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use zeroize::Zeroizing;

use crate::back_end::{BackEndClient, BackEndError, Bounds};
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, Injection};

/// The largest answer to a login or logout, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

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
        if let Extract::Cookie(name) = &settings.extract {
            reserved.cookies.insert(name.as_str().to_owned());
        }
        match &settings.inject {
            Inject::Cookie(name) => {
                reserved.headers.insert(COOKIE.to_string());
                reserved.cookies.insert(name.as_str().to_owned());
            }
            Inject::Header { name, .. } => {
                reserved.headers.insert(name.to_string());
            }
        }
        Self { settings, client, reserved }
    }

    /// The JSON body of the login. The password is encoded straight into memory that is overwritten afterwards.
    fn login_body(&self, login: Credentials<'_>) -> Result<Bytes, serde_json::Error> {
        // Room for every byte escaped as \u00XX, so that the buffer never moves and leaves a copy behind.
        let room = (login.name().len() + login.password.expose().len()).saturating_mul(6).saturating_add(4096);
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        for (position, (name, field)) in self.settings.login.json.iter().enumerate() {
            body.push(if position == 0 { b'{' } else { b',' });
            serde_json::to_writer(&mut *body, name)?;
            body.push(b':');
            match field {
                LoginField::Username => serde_json::to_writer(&mut *body, login.name())?,
                LoginField::Password => serde_json::to_writer(&mut *body, login.password.expose())?,
                LoginField::Literal(value) => serde_json::to_writer(&mut *body, value)?,
            }
        }
        body.push(b'}');
        Ok(Bytes::from_owner(body))
    }

    /// The header that carries this session.
    fn header(&self, state: &[u8]) -> Result<(HeaderName, HeaderValue), ConnectorError> {
        let token = std::str::from_utf8(state).ok().filter(|token| answer::is_token(token));
        let token =
            token.ok_or_else(|| ConnectorError::Misbehaved("the stored session is no header value".to_owned()))?;
        let (name, text) = match &self.settings.inject {
            Inject::Cookie(cookie) => (COOKIE, format!("{}={token}", cookie.as_str())),
            Inject::Header { name, value } => (name.clone(), format!("{}{token}{}", value.before(), value.after())),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| ConnectorError::Misbehaved("the session is no header value".to_owned()))?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// Sends a request to the system's own host, as configured; redirects are answers like any other.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        let timeout = Duration::from_secs(self.settings.login.timeout.as_u64());
        self.client.send(request, Bounds { timeout, max_body: MAX_ANSWER }).await.map_err(|error| match error {
            BackEndError::Unreachable | BackEndError::TimedOut => ConnectorError::Unavailable(error.to_string()),
            BackEndError::TooLarge | BackEndError::Broken => ConnectorError::Misbehaved(error.to_string()),
        })
    }
}

#[async_trait]
impl Connector for HttpLogin {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let request = self
            .login_body(login)
            .ok()
            .and_then(|body| {
                Request::post(self.settings.login.url.uri())
                    .header(CONTENT_TYPE, "application/json")
                    .header(ACCEPT, "application/json")
                    .body(body)
                    .ok()
            })
            .ok_or_else(|| ConnectorError::Misbehaved("the login request cannot be built".to_owned()))?;
        let answer = self.send(request).await?;
        self.read(&answer, now)
    }

    async fn renew(&self, _state: &[u8], _now: Timestamp) -> Result<Acquired, ConnectorError> {
        Err(ConnectorError::Refused)
    }

    async fn end(&self, state: &[u8]) -> Result<(), ConnectorError> {
        let Some(logout) = &self.settings.logout else { return Ok(()) };
        let method = Method::from(logout.method);
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = logout.url.uri().clone();
        request.headers_mut().extend([self.header(state)?]);
        let status = self.send(request).await?.status();
        // A client error means that the session was gone already.
        if status.is_server_error() {
            return Err(ConnectorError::Unavailable(format!(
                "the logout was answered with status {}",
                status.as_u16()
            )));
        }
        Ok(())
    }

    fn inject(&self, state: &[u8], _call: Call<'_>) -> Result<Injection, ConnectorError> {
        self.header(state).map(|header| Injection::headers(vec![header]))
    }

    fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    fn is_dead(&self, answer: &Response<Bytes>) -> bool {
        answer.status() == self.settings.dead_session.status
    }
}
