//! Logins at a SAML identity provider, and how what it gives travels with each call.

use super::http_login::default_timeout;
use crate::text::CookieName;
use crate::tls::Tls;
use crate::{HttpUrl, Method, NotAllowed, duration};
use gateway_domain::time::Seconds;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// A SAML 2.0 identity provider that takes name and password by HTTP Basic: the profile for enhanced clients and
/// proxies (SAML 2.0 Profiles §4.2). The password goes to the identity provider only.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SamlEcp {
    /// Where the identity provider takes authentication requests in SOAP.
    pub identity_provider: HttpUrl,
    /// Who asks the identity provider.
    pub begin: Begin,
    /// How what the login gave travels with each call to the back end.
    pub present: Present,
    /// Who the assertion must be for. Without it, `begin.issuer`; nobody is checked when a service provider begins.
    pub audience: Option<EntityId>,
    /// With `present.cookies`: where the service provider sends a browser without a session. A redirect to this page,
    /// or to the identity provider, means that the session is over; so does the status 401, however it is presented.
    pub login_page: Option<HttpUrl>,
    /// With `present.cookies`: the request that closes the session at the service provider. Without it, it runs out.
    pub logout: Option<LogoutRequest>,
    /// How long the whole login may take, 1 s to 25 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Permits `http` URLs beyond this machine. The password and the assertion then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at all of these URLs, and how to show who logs in. Without it, the public authorities are trusted.
    pub tls: Option<Tls>,
}

/// The request that closes a session at a service provider, with its cookies.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutRequest {
    /// The request's method.
    pub method: Method,
    /// Where it is sent; same scheme, host and port as the login.
    pub url: HttpUrl,
}

/// A security token service (WS-Trust 1.3) that takes name and password over TLS and gives a SAML 2.0 assertion.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WsTrust {
    /// Where the service takes requests in SOAP 1.2 with a `UsernameToken`.
    pub url: HttpUrl,
    /// The back end the assertion is for, as the service knows it (`wsp:AppliesTo`).
    pub applies_to: EntityId,
    /// How the assertion travels with each call to the back end.
    pub present: Present,
    /// Who the assertion must be for. Without it, `applies_to`.
    pub audience: Option<EntityId>,
    /// How long the whole login may take, 1 s to 25 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Permits `http` URLs beyond this machine. The password and the assertion then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at all of these URLs, and how to show who logs in. Without it, the public authorities are trusted.
    pub tls: Option<Tls>,
}

/// Who asks the identity provider.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "who asks: write `service_provider: URL`, or `issuer: ENTITY` with `consumer_url: URL`")]
pub enum Begin {
    /// A service provider, asked for its request first.
    ServiceProvider(ServiceProvider),
    /// The gateway, in the name of the back end.
    Own(OwnRequest),
}

/// A service provider that speaks the profile.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceProvider {
    /// A page that needs a session. Asked by a client of the profile, it answers with an authentication request.
    pub service_provider: HttpUrl,
}

/// A request of the gateway's own, unsigned.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnRequest {
    /// The entity id by which the identity provider knows the back end.
    pub issuer: EntityId,
    /// The consumer URL that the identity provider knows for it, with the binding PAOS. Nothing is sent there.
    pub consumer_url: HttpUrl,
}

/// How what a login gave travels with each call to the back end.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Present {
    /// The assertion, as `Authorization: SAML` with its raw DEFLATE in base64.
    Authorization,
    /// The assertion, in the `wsse:Security` header of a SOAP 1.1 or 1.2 body (WSS SAML Token Profile 1.1.1).
    WsSecurity,
    /// A token of the back end's own, as `Authorization: Bearer`, for which the assertion is exchanged at the login
    /// (RFC 7522 §2.1).
    Exchange(Exchange),
    /// These cookies of the service provider, with which the login was finished. They are reserved: no app can send them.
    Cookies(Vec<CookieName>),
}

/// Where an assertion is exchanged for a token.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The back end's token endpoint.
    pub url: HttpUrl,
    /// The gateway's name there, as the parameter `client_id`, if it wants one.
    pub client_id: Option<EntityId>,
    /// The scope to ask for, if it wants one.
    pub scope: Option<String>,
}

/// A name of a system: an entity id (SAML 2.0 Core §8.3.6), an address of WS-Trust, or a client id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[!-~]{1,1024}$"))]
pub struct EntityId(String);

impl EntityId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EntityId {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        if text.is_empty() || text.len() > 1024 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not the name of a system: write up to 1024 characters without spaces, \
                 such as https://portal.example.com/sp"
            )));
        }
        Ok(Self(text))
    }
}
