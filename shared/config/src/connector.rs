//! How the gateway logs in to one legacy system, reads its session and hands it on with each call.

mod kerberos;
mod saml;
mod written;

use crate::text::{CookieName, JsonPointer, TokenTemplate};
use crate::tls::{SecretName, Tls};
use crate::{HttpUrl, Method, duration};
use domain::time::Seconds;
use http::{HeaderName, StatusCode};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

pub use kerberos::{Kdc, KerberosPassword, KerberosS4u, PrincipalName, Realm};
pub use saml::{Begin, EntityId, Exchange, OwnRequest, Present, SamlEcp, ServiceProvider, WsTrust};

/// A connector: one legacy system and the way to a session with it. `type` comes first and says which kind it is.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there are a handful, read once")]
pub enum ConnectorConfig {
    /// A login over HTTP with the user's name and password.
    HttpLogin(HttpLogin),
    /// Kerberos tickets for people, by constrained delegation.
    KerberosS4u(KerberosS4u),
    /// Kerberos tickets with the user's password.
    KerberosPassword(KerberosPassword),
    /// A login at a SAML identity provider with the user's name and password.
    SamlEcp(Box<SamlEcp>),
    /// A login at a security token service with the user's name and password.
    WsTrust(WsTrust),
}

/// A legacy system with a login of its own: a JSON body goes in, a session cookie or token comes out.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpLogin {
    /// The request that opens a session.
    pub login: LoginRequest,
    /// Where the answer to the login carries the session token.
    pub extract: Extract,
    /// When the session ends.
    pub expires: Expires,
    /// How the session token travels with each call to the back end.
    pub inject: Inject,
    /// The answer by which the back end says that the session is over.
    #[serde(default)]
    pub dead_session: DeadSession,
    /// The request that closes the session, with the token injected as in a call. Without it the session runs out by itself.
    pub logout: Option<LogoutRequest>,
    /// Permits `http` URLs beyond this machine. The password and the session then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at this system, and how to show who logs in. Without it, the public authorities are trusted.
    pub tls: Option<Tls>,
}

impl ConnectorConfig {
    /// Its own TLS setting.
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            Self::HttpLogin(http_login) => http_login.tls.as_ref(),
            Self::KerberosS4u(_) | Self::KerberosPassword(_) => None,
            Self::SamlEcp(saml_ecp) => saml_ecp.tls.as_ref(),
            Self::WsTrust(ws_trust) => ws_trust.tls.as_ref(),
        }
    }

    /// The secrets it logs in with, each with the name of its field. Only who logs in reads them.
    pub fn secrets(&self) -> impl Iterator<Item = (&'static str, &SecretName)> {
        match self {
            Self::KerberosS4u(kerberos) => Some(("secret", &kerberos.secret)),
            Self::HttpLogin(_) | Self::KerberosPassword(_) | Self::SamlEcp(_) | Self::WsTrust(_) => None,
        }
        .into_iter()
    }
}

/// The request that opens a session: `POST` with a JSON object as body.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Where the login is sent. All URLs of a connector have the same scheme, host and port.
    pub url: HttpUrl,
    /// The members of the JSON body. `{username}` and `{password}` must both occur.
    pub json: BTreeMap<String, LoginField>,
    /// The status that means the password was right. A 4xx means that it was wrong, but for those that say that no
    /// login is there (404, 405, 410, 415) or that it is overloaded (408, 429).
    #[serde(default = "status_ok", deserialize_with = "status")]
    #[schemars(with = "u16", range(min = 200, max = 399))]
    pub success_status: StatusCode,
    /// How long the whole login may take, 1 s to 25 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
}

/// The value of one member of the login's JSON body.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "serde_json::Value")]
#[schemars(with = "serde_json::Value", extend("type" = ["string", "number", "boolean"]))]
pub enum LoginField {
    /// `"{username}"`: what the user typed as the name.
    Username,
    /// `"{password}"`: what the user typed as the password.
    Password,
    /// A text, number or boolean that is sent as it is.
    Literal(serde_json::Value),
}

/// Where the answer to the login carries the session token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extract {
    /// The value of this cookie, from `Set-Cookie` (RFC 6265 §4.1).
    Cookie(CookieName),
    /// The text at this place in the JSON body (RFC 6901).
    JsonPointer(JsonPointer),
}

/// When a session ends, counted from the login.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "written::ExpiresFields")]
#[schemars(with = "written::ExpiresFields")]
pub enum Expires {
    /// As the `Max-Age` of the extracted cookie says (RFC 6265 §4.1.2.2).
    CookieMaxAge,
    /// As the login's JSON body says.
    JsonPointer {
        /// Where it says so.
        pointer: JsonPointer,
        /// How to read what is there.
        form: ExpiryForm,
    },
    /// After this long, whatever the answer says.
    Fixed(Seconds),
}

/// How a JSON body writes the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpiryForm {
    /// A number of seconds from now.
    Seconds,
    /// A point in time such as `2030-01-31T12:00:00Z` (RFC 3339).
    Rfc3339,
}

/// How the session token travels with each call to the back end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "written::InjectFields")]
#[schemars(with = "written::InjectFields")]
pub enum Inject {
    /// As this cookie, and the only cookie of that name.
    Cookie(CookieName),
    /// In this header.
    Header {
        /// The header's name.
        name: HeaderName,
        /// The header's value around the token.
        value: TokenTemplate,
    },
}

/// The answer by which the back end says that the session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadSession {
    /// The status of that answer, 300 to 499.
    #[serde(deserialize_with = "status")]
    #[schemars(with = "u16", range(min = 300, max = 499))]
    pub status: StatusCode,
}

impl Default for DeadSession {
    fn default() -> Self {
        Self { status: StatusCode::UNAUTHORIZED }
    }
}

/// The request that closes a session.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutRequest {
    /// The request's method.
    pub method: Method,
    /// Where it is sent; same scheme, host and port as the login.
    pub url: HttpUrl,
}

impl<'de> Deserialize<'de> for ConnectorConfig {
    /// Reads `type` first and the rest straight into that kind's own type, so that errors keep their place in the file.
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
            Kind::HttpLogin => HttpLogin::deserialize(MapAccessDeserializer::new(map)).map(ConnectorConfig::HttpLogin),
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
    KerberosS4u,
    KerberosPassword,
    SamlEcp,
    WsTrust,
}

const fn status_ok() -> StatusCode {
    StatusCode::OK
}

const fn default_timeout() -> Seconds {
    Seconds::new(5)
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
    let code = u16::deserialize(deserializer)?;
    StatusCode::from_u16(code).map_err(|_| D::Error::custom(format!("{code} is not an HTTP status: write 200 to 499")))
}
