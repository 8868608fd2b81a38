//! Client authentication (RFC 6749 §2.3): decided before anything else in a request is looked at.

use crate::error::Failure;
use crate::{App, Request};
use domain::event::ApiRequest;
use domain::form::{Form, decode};
use domain::guess::CLIENT;
use domain::ids::ClientId;
use domain::secret::{Secret, sha256_hex};
use domain::source::Source;
use domain::time::Timestamp;
use store::{AppKind, GrantType, Reservation};

/// An application that has proved, as far as its kind can, who it is. Only [`App::authenticate`] makes one.
pub(crate) struct AuthenticatedApp(store::App);

impl AuthenticatedApp {
    /// The application as it is registered.
    pub(crate) fn registered(&self) -> &store::App {
        &self.0
    }

    /// Whether it has a secret, and so has shown it.
    pub(crate) fn is_confidential(&self) -> bool {
        self.0.kind == AppKind::Confidential
    }

    /// Refuses a grant the application was not given.
    pub(crate) fn may_use(&self, grant: GrantType) -> Result<(), Failure> {
        if self.0.grants.contains(&grant) { Ok(()) } else { Err(Failure::UnauthorizedClient) }
    }
}

struct Presented {
    client_id: String,
    secret: Option<Secret>,
}

impl App {
    /// Authenticates the application. A public one must not present a secret, a confidential one must; who does not
    /// exist, is disabled or shows the wrong secret gets one and the same answer.
    pub(crate) async fn authenticate(
        &self,
        request: &Request<'_>,
        form: &mut Form,
    ) -> Result<AuthenticatedApp, Failure> {
        let presented = presented(request.api, form)?;
        match self.identify(&presented, request.now).await {
            Err(Failure::Client(reason)) if presented.secret.is_some() => {
                Err(self.slowed_down(request).await?.unwrap_or(Failure::Client(reason)))
            }
            identified => identified,
        }
    }

    /// Counts a wrong secret under the source it came from (RFC 6749 §2.3.1). The right one, which has 128 bits or
    /// more, is not counted and never has to wait: nobody locks an application out.
    async fn slowed_down(&self, request: &Request<'_>) -> Result<Option<Failure>, Failure> {
        let key = format!("client#{}", Source::of(request.api.source_ip.as_deref()));
        let seen = self.attempts.get(&key).await?;
        match self.attempts.reserve(&key, CLIENT, &seen, request.now).await? {
            Reservation::Granted => Ok(None),
            Reservation::Wait(length) => Ok(Some(Failure::TooManyAttempts(length))),
        }
    }

    async fn identify(&self, presented: &Presented, now: Timestamp) -> Result<AuthenticatedApp, Failure> {
        let client_id =
            ClientId::parse(&presented.client_id).map_err(|_| Failure::Client("the client id is malformed"))?;
        let app = self.apps.get(&client_id).await?.ok_or(Failure::Client("unknown client"))?;
        if !app.enabled {
            return Err(Failure::Client("disabled client"));
        }
        match (app.kind, &presented.secret, &app.secret_hash) {
            (AppKind::Public, None, _) => Ok(AuthenticatedApp(app)),
            (AppKind::Public, Some(_), _) => Err(Failure::Client("a public client presented a secret")),
            (AppKind::Confidential, None, _) => Err(Failure::Client("a confidential client presented no secret")),
            (AppKind::Confidential, Some(_), None) => Err(Failure::Client("no secret is registered")),
            (AppKind::Confidential, Some(secret), Some(stored)) => {
                let hash = Secret::new(sha256_hex(secret.expose().as_bytes()));
                // A replaced secret works on until its end, so that all instances of an application can follow.
                let previous = app.previous_secret.as_ref().filter(|previous| now < previous.until);
                let right = hash.constant_time_eq(stored.as_bytes())
                    || previous.is_some_and(|previous| hash.constant_time_eq(previous.hash.as_bytes()));
                if right { Ok(AuthenticatedApp(app)) } else { Err(Failure::Client("wrong secret")) }
            }
        }
    }
}

/// The id and secret from the one place that has them.
fn presented(request: &ApiRequest, form: &mut Form) -> Result<Presented, Failure> {
    let header = request.header("authorization").map_err(|_| Failure::RepeatedHeader("Authorization"))?;
    let in_body = form.take("client_secret");
    let Some(header) = header else {
        let client_id = form.get("client_id").ok_or(Failure::Client("no client id"))?.to_owned();
        return Ok(Presented { client_id, secret: in_body });
    };
    let basic = basic(header)?;
    if in_body.is_some() || form.get("client_id").is_some_and(|id| id != basic.client_id) {
        return Err(Failure::TwoClientAuthentications);
    }
    Ok(basic)
}

/// HTTP Basic with both parts form-encoded inside (RFC 6749 §2.3.1, RFC 7617).
fn basic(header: &str) -> Result<Presented, Failure> {
    let (scheme, credentials) = header.split_once(' ').ok_or(Failure::MalformedBasic)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Failure::Client("an authentication scheme other than Basic"));
    }
    let (client_id, secret) = domain::basic::decode(credentials).ok_or(Failure::MalformedBasic)?;
    let secret = Secret::new(decode(secret.expose()).map_err(|_| Failure::MalformedBasic)?);
    Ok(Presented {
        client_id: decode(&client_id).map_err(|_| Failure::MalformedBasic)?,
        secret: Some(secret).filter(|secret| !secret.is_empty()),
    })
}
