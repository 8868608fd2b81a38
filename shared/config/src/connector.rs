//! How the gateway logs in to one legacy system, reads the session from the response and sends it with each call.

mod http_login;
mod kerberos;
mod login;
mod password;
mod pattern;
mod saml;
mod sso_session;
mod template;
mod written;
mod written_login;

use crate::LocalizedText;
use crate::tls::{SecretName, Tls};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

pub use http_login::{
    DeadSession, End, Expires, ExpiryForm, Extract, Headers, HttpLogin, Inject, Moves, RedirectTo, RenewRequest,
    SessionRequest, Way,
};
pub use kerberos::{Kdc, KerberosPassword, KerberosS4u, PrincipalName, Realm};
pub use login::{Condition, FormChoice, HeaderCondition, Login, Step, StepRequest, Submit, UrlRequest};
pub use password::{PasswordRule, Whose};
pub use pattern::{Marker, Pattern, Statuses};
pub use saml::{
    AssertionRenewal, Begin, EntityId, Exchange, LogoutRequest, OwnRequest, Present, RefusedPage, RenewedBy, SamlEcp,
    ServiceProvider, WsTrust,
};
pub use sso_session::SsoSession;
pub use template::{Field, Piece, Template, ValueName};

/// A connector: one legacy system and how to open a session there. `type` comes first and names the kind of connector.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there are a handful, read once")]
pub enum ConnectorConfig {
    /// A login over HTTP with the user's name and password.
    HttpLogin(Box<HttpLogin>),
    /// A session at the portal of a web single sign-on.
    SsoSession(Box<SsoSession>),
    /// Kerberos tickets for users, by constrained delegation.
    KerberosS4u(KerberosS4u),
    /// Kerberos tickets with the user's password.
    KerberosPassword(KerberosPassword),
    /// A login at a SAML identity provider with the user's name and password.
    SamlEcp(Box<SamlEcp>),
    /// A login at a security token service with the user's name and password.
    WsTrust(WsTrust),
}

impl ConnectorConfig {
    /// Its name for users, if the configuration has one.
    pub fn label(&self) -> Option<&LocalizedText> {
        match self {
            Self::HttpLogin(http_login) => http_login.label.as_ref(),
            Self::SsoSession(session) => session.label.as_ref(),
            Self::KerberosS4u(kerberos) => kerberos.label.as_ref(),
            Self::KerberosPassword(kerberos) => kerberos.label.as_ref(),
            Self::SamlEcp(saml_ecp) => saml_ecp.label.as_ref(),
            Self::WsTrust(ws_trust) => ws_trust.label.as_ref(),
        }
    }

    /// Its own TLS setting.
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            Self::HttpLogin(http_login) => http_login.tls.as_ref(),
            Self::KerberosS4u(_) | Self::KerberosPassword(_) => None,
            Self::SamlEcp(saml_ecp) => saml_ecp.tls.as_ref(),
            Self::WsTrust(ws_trust) => ws_trust.tls.as_ref(),
            Self::SsoSession(session) => session.tls.as_ref(),
        }
    }

    /// Whose password it logs in with; `None` if it takes none.
    pub fn password(&self) -> Option<&PasswordRule> {
        match self {
            Self::HttpLogin(http_login) => Some(&http_login.password),
            Self::SsoSession(session) => Some(&session.password),
            Self::KerberosS4u(_) => None,
            Self::KerberosPassword(kerberos) => Some(&kerberos.password),
            Self::SamlEcp(saml_ecp) => Some(&saml_ecp.password),
            Self::WsTrust(ws_trust) => Some(&ws_trust.password),
        }
    }

    /// Whether a login needs the user's password. A login without one goes on without what does, and a call that needs it asks for the
    /// password (RFC 9470).
    pub fn needs_password(&self) -> bool {
        self.password().is_some()
    }

    /// The secrets that it logs in with, each with the name of its field.
    pub fn secrets(&self) -> impl Iterator<Item = (&'static str, &SecretName)> {
        match self {
            Self::KerberosS4u(kerberos) => Some(("secret", &kerberos.secret)),
            Self::HttpLogin(_)
            | Self::SsoSession(_)
            | Self::KerberosPassword(_)
            | Self::SamlEcp(_)
            | Self::WsTrust(_) => None,
        }
        .into_iter()
    }
}

impl<'de> Deserialize<'de> for ConnectorConfig {
    /// Reads `type` first, then the rest directly into the type of that kind, so errors keep their position in the file.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByType)
    }
}

struct ByType;

impl<'de> Visitor<'de> for ByType {
    type Value = ConnectorConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a connector, which starts with `type: http_login`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ConnectorConfig, A::Error> {
        match map.next_key::<String>()? {
            Some(key) if key == "type" => {}
            _ => {
                return Err(A::Error::custom("expected `type` as a connector's first field: write `type: http_login`"));
            }
        }
        match map.next_value()? {
            Kind::HttpLogin => {
                let settings = HttpLogin::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ConnectorConfig::HttpLogin(Box::new(settings)))
            }
            Kind::SsoSession => {
                let settings = SsoSession::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ConnectorConfig::SsoSession(Box::new(settings)))
            }
            Kind::KerberosS4u => {
                KerberosS4u::deserialize(MapAccessDeserializer::new(map)).map(ConnectorConfig::KerberosS4u)
            }
            Kind::KerberosPassword => {
                KerberosPassword::deserialize(MapAccessDeserializer::new(map)).map(ConnectorConfig::KerberosPassword)
            }
            Kind::SamlEcp => SamlEcp::deserialize(MapAccessDeserializer::new(map))
                .map(|saml_ecp| ConnectorConfig::SamlEcp(Box::new(saml_ecp))),
            Kind::WsTrust => WsTrust::deserialize(MapAccessDeserializer::new(map)).map(ConnectorConfig::WsTrust),
        }
    }
}

/// The values of `type`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    HttpLogin,
    SsoSession,
    KerberosS4u,
    KerberosPassword,
    SamlEcp,
    WsTrust,
}
