//! The settings of a web single sign-on: the gateway logs in at the portal, and the back ends behind accept its session.

use super::http_login::{
    DeadSession, End, Expires, Extract, HttpLogin, Inject, Moves, RedirectTo, SessionRequest, Way, default_timeout,
};
use super::login::Login;
use super::password::PasswordRule;
use super::pattern::Statuses;
use super::template::{Template, ValueName};
use crate::localized::{LocalizedText, WrittenText};
use crate::tls::Tls;
use crate::url::Origin;
use crate::{HttpUrl, duration};
use gateway_domain::time::Seconds;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A session at the portal of a web single sign-on. The back ends behind the portal accept it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SsoSession {
    /// The requests that open a session at the portal: one, or a list of up to 8.
    pub login: Login,
    /// Further addresses at which the portal logs in: scheme, host and port. Nothing is sent anywhere else.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub also_at: Vec<Origin>,
    /// How long the whole login may take, and the logout, 1 s to 25 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Where the last response of the login has the session token, which is the value `{token}`.
    pub extract: Extract,
    /// Further values of the last response of the login, by name. All of them must be present.
    #[serde(default)]
    pub extract_also: BTreeMap<ValueName, Extract>,
    /// How long a session lasts at most, by the portal's own settings.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text")]
    pub ends: Seconds,
    /// How long a session lasts without a call, by the portal's own settings. Only calls keep it alive.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text")]
    pub idle: Seconds,
    /// How the session is sent with each call. Without it, as the cookie that `extract` names.
    pub inject: Option<Inject>,
    /// The response by which a back end says that the session has ended. Without it, a redirect to the portal or a 401.
    pub dead_session: Option<DeadSession>,
    /// Whether responses of back ends give the session another value, and how calls of one session then meet.
    pub moves: Option<Moves>,
    /// The request that ends the session at the portal. Without it, the session ends only by its own expiry.
    pub logout: Option<SessionRequest>,
    /// Whose password it logs in with: `ours`, `theirs`, `separate`, or fields.
    #[serde(default)]
    #[schemars(with = "super::password::WrittenPassword", extend("default" = "ours"))]
    pub password: PasswordRule,
    /// Permits `http` URLs that are not on this machine. The password and the session then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at the portal, and how the gateway authenticates there. Without it, the public authorities are trusted.
    pub tls: Option<Tls>,
    /// Its name for users, or one for each language. Without it, its name here.
    #[schemars(with = "Option<WrittenText>")]
    pub label: Option<LocalizedText>,
}

impl SsoSession {
    /// The same settings as a login over HTTP. If `inject` is missing and no cookie is extracted, the result has no way to
    /// send the session, which the check refuses.
    pub fn to_http_login(&self) -> HttpLogin {
        let inject = self.inject.clone().unwrap_or_else(|| {
            let ways = match &self.extract {
                Extract::Cookie(name) => vec![Way::Cookie(name.clone(), Template::token())],
                Extract::JsonPointer(_) | Extract::Header(..) | Extract::Body(_) | Extract::Input(_) => Vec::new(),
            };
            Inject { ways, listed: true }
        });
        HttpLogin {
            label: self.label.clone(),
            login: self.login.clone(),
            also_at: self.also_at.clone(),
            timeout: self.timeout,
            extract: self.extract.clone(),
            extract_also: self.extract_also.clone(),
            expires: Expires { end: Some(End::Fixed(self.ends)), idle: Some(self.idle) },
            inject,
            dead_session: self.dead_session.clone().unwrap_or_else(|| dead_at(self.login.url())),
            moves: self.moves,
            renew: None,
            logout: self.logout.clone(),
            password: self.password.clone(),
            allow_plain_http: self.allow_plain_http,
            tls: self.tls.clone(),
        }
    }
}

/// The usual responses of such systems when the session has ended: a redirect to the portal for a page, 401 for a script.
fn dead_at(portal: &HttpUrl) -> DeadSession {
    DeadSession {
        status: Some(Statuses::one(StatusCode::UNAUTHORIZED)),
        redirect_to: Some(RedirectTo::Url(portal.root())),
        body_has: None,
    }
}
