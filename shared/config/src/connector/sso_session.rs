//! A web single sign-on: the gateway logs in at its portal, and the portal's session opens the back ends behind it.

use super::http_login::{
    DeadSession, End, Expires, Extract, HttpLogin, Inject, LoginRequest, Preflight, RedirectTo, SessionRequest, Way,
};
use super::pattern::Statuses;
use super::template::{Template, ValueName};
use crate::tls::Tls;
use crate::{HttpUrl, duration};
use gateway_domain::time::Seconds;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A session at the portal of a web single sign-on, which opens the back ends behind it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SsoSession {
    /// The request before the login, for a portal that wants cookies or a CSRF value first.
    pub preflight: Option<Preflight>,
    /// The request that opens a session at the portal.
    pub login: LoginRequest,
    /// Where the response to the login carries the session token: the value `{token}`.
    pub extract: Extract,
    /// Further values of the response to the login, by name, which must be there too.
    #[serde(default)]
    pub extract_also: BTreeMap<ValueName, Extract>,
    /// How long a session lasts at most, as the portal is configured.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text")]
    pub ends: Seconds,
    /// How long a session lasts without a call, as the portal is configured. Only calls keep it alive.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text")]
    pub idle: Seconds,
    /// How the session travels with each call. Without it, as the cookie that is extracted.
    pub inject: Option<Inject>,
    /// The response by which a back end says that the session is over. Without it, a redirect to the portal or a 401.
    pub dead_session: Option<DeadSession>,
    /// The request that closes the session at the portal. Without it the session runs out by itself.
    pub logout: Option<SessionRequest>,
    /// Permits `http` URLs beyond this machine. The password and the session then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at the portal, and how to show who logs in. Without it, the public authorities are trusted.
    pub tls: Option<Tls>,
}

impl SsoSession {
    /// The same as a login over HTTP. What cannot be guessed (`inject` where no cookie is extracted) has no way.
    pub fn to_http_login(&self) -> HttpLogin {
        let inject = self.inject.clone().unwrap_or_else(|| {
            let ways = match &self.extract {
                Extract::Cookie(name) => vec![Way::Cookie(name.clone(), Template::token())],
                Extract::JsonPointer(_) | Extract::Header(..) | Extract::Body(_) => Vec::new(),
            };
            Inject { ways, listed: true }
        });
        HttpLogin {
            preflight: self.preflight.clone(),
            login: self.login.clone(),
            extract: self.extract.clone(),
            extract_also: self.extract_also.clone(),
            expires: Expires { end: Some(End::Fixed(self.ends)), idle: Some(self.idle) },
            inject,
            dead_session: self.dead_session.clone().unwrap_or_else(|| dead_at(&self.login.url)),
            renew: None,
            logout: self.logout.clone(),
            allow_plain_http: self.allow_plain_http,
            tls: self.tls.clone(),
        }
    }
}

/// What the handlers of such systems answer to a session that has ended: a page is sent to the portal, a script is told.
fn dead_at(portal: &HttpUrl) -> DeadSession {
    DeadSession {
        status: Some(Statuses::one(StatusCode::UNAUTHORIZED)),
        redirect_to: Some(RedirectTo::Url(portal.root())),
        body_has: None,
    }
}
