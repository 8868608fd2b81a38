//! The settings of SAML logins, and how their result is sent with each call.

use super::http_login::default_timeout;
use super::password::PasswordRule;
use crate::localized::{LocalizedText, WrittenText};
use crate::text::CookieName;
use crate::tls::Tls;
use crate::{HttpUrl, Method, NotAllowed, duration};
use gateway_domain::time::Seconds;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// A SAML 2.0 identity provider that takes name and password by HTTP Basic, in the Enhanced Client or Proxy profile
/// (SAML 2.0 Profiles §4.2). The password is sent to the identity provider only.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SamlEcp {
    /// Where the identity provider accepts authentication requests in SOAP.
    pub identity_provider: HttpUrl,
    /// Who makes the authentication request for the identity provider.
    pub begin: Begin,
    /// How the result of the login is sent with each call to the back end.
    pub present: Present,
    /// The audience that the assertion must have. Without it, that is `begin.issuer`; if a service provider makes the
    /// request, the audience is then not checked.
    pub audience: Option<EntityId>,
    /// With `present.cookies`: where the service provider sends a browser without a session. A redirect to this page means
    /// that the session has ended. So do, for every `present`, a redirect to the identity provider and the status 401.
    pub login_page: Option<HttpUrl>,
    /// With `present.cookies`: the request that ends the session at the service provider. Without it, the session ends only
    /// by its own expiry.
    pub logout: Option<LogoutRequest>,
    /// What else the identity provider answers to a wrong name or password, besides what the profile has for that.
    pub refused: Option<RefusedPage>,
    /// How long the whole login may take, 1 s to 25 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Whose password it logs in with: `ours`, `theirs`, `separate`, or fields.
    #[serde(default)]
    #[schemars(with = "super::password::WrittenPassword", extend("default" = "ours"))]
    pub password: PasswordRule,
    /// Permits `http` URLs that are not on this machine. The password and the assertion then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at all of these URLs, and how the gateway authenticates there. Without it, the public authorities are
    /// trusted.
    pub tls: Option<Tls>,
    /// Its name for users, or one for each language. Without it, its name here.
    #[schemars(with = "Option<WrittenText>")]
    pub label: Option<LocalizedText>,
}

/// A page that an identity provider answers a wrong name or password with. Both fields must match.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedPage {
    /// The status of the response, 200 or 400 to 499.
    pub status: u16,
    /// A text in its body, letter for letter.
    pub body_has: String,
}

/// The request that ends a session at a service provider. It carries the cookies of the session.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutRequest {
    /// The request's method.
    pub method: Method,
    /// Where it is sent, with the scheme, host and port of the service provider.
    pub url: HttpUrl,
}

/// A security token service (WS-Trust 1.3) that takes name and password and issues a SAML 2.0 assertion.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WsTrust {
    /// Where the service accepts requests in SOAP 1.2 with a `UsernameToken`.
    pub url: HttpUrl,
    /// The name by which the service knows the back end that the assertion is for (`wsp:AppliesTo`).
    pub applies_to: EntityId,
    /// How the assertion is sent with each call to the back end.
    pub present: Present,
    /// The audience that the assertion must have. Without it, that is `applies_to`. An encrypted assertion cannot be read,
    /// and is refused where this is written.
    pub audience: Option<EntityId>,
    /// How the service renews an assertion without the password. Without it, only a login gets another one.
    pub renew: Option<AssertionRenewal>,
    /// How long the whole login may take, 1 s to 25 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Whose password it logs in with: `ours`, `theirs`, `separate`, or fields.
    #[serde(default)]
    #[schemars(with = "super::password::WrittenPassword", extend("default" = "ours"))]
    pub password: PasswordRule,
    /// Permits `http` URLs that are not on this machine. The password and the assertion then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at all of these URLs, and how the gateway authenticates there. Without it, the public authorities are
    /// trusted.
    pub tls: Option<Tls>,
    /// Its name for users, or one for each language. Without it, its name here.
    #[schemars(with = "Option<WrittenText>")]
    pub label: Option<LocalizedText>,
}

/// How a token service renews assertions (WS-Trust 1.3 §5). They are asked for with `wst:Renewing`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssertionRenewal {
    /// Where the service takes renewals. Without it, that is the `url` of the connector.
    pub url: Option<HttpUrl>,
    /// What tells the service who asks for the renewal.
    #[serde(default)]
    #[schemars(extend("default" = "assertion"))]
    pub by: RenewedBy,
    /// Also renews assertions that have ended, if the service permits that. Such an assertion tells nobody who asks, so
    /// this needs `by: client_certificate`.
    #[serde(default)]
    pub after_end: bool,
    /// How long after the login the assertion can be renewed.
    #[serde(rename = "for", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text")]
    pub lasting: Seconds,
}

/// What tells a token service who asks for a renewal.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RenewedBy {
    /// The assertion itself, in the `wsse:Security` header.
    #[default]
    Assertion,
    /// The gateway's certificate in TLS, `tls.client_certificate`.
    ClientCertificate,
}

/// Who makes the authentication request for the identity provider.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "who asks: write `service_provider: URL`, or `issuer: ENTITY` with `consumer_url: URL`")]
pub enum Begin {
    /// A service provider, which is first asked for its request.
    ServiceProvider(ServiceProvider),
    /// The gateway, in the name of the back end.
    Own(OwnRequest),
}

/// A service provider that supports the profile.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceProvider {
    /// A page that needs a session. To a client of the profile, it responds with an authentication request.
    pub service_provider: HttpUrl,
}

/// The gateway's own authentication request, which is not signed.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnRequest {
    /// The entity id by which the identity provider knows the back end.
    pub issuer: EntityId,
    /// The assertion consumer URL, with the binding PAOS, that the identity provider knows for the back end. Nothing is sent
    /// there.
    pub consumer_url: HttpUrl,
}

/// How the result of a login is sent with each call to the back end.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Present {
    /// The assertion as `Authorization: SAML`, compressed with raw DEFLATE, in base64.
    Authorization,
    /// The assertion in the `wsse:Security` header of a SOAP 1.1 or 1.2 body (WSS SAML Token Profile 1.1.1).
    WsSecurity,
    /// The back end's own token as `Authorization: Bearer`. The login exchanges the assertion for it (RFC 7522 §2.1).
    Exchange(Exchange),
    /// These cookies, which the service provider sets at the end of the login. They are reserved: no client can send them.
    Cookies(Vec<CookieName>),
}

/// Where an assertion is exchanged for a token.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The back end's token endpoint.
    pub url: HttpUrl,
    /// The parameter `client_id`, if the endpoint needs one.
    pub client_id: Option<EntityId>,
    /// The parameter `scope`, if the endpoint needs one.
    pub scope: Option<String>,
}

/// The name of a system: an entity id (SAML 2.0 Core §8.3.6), an address of WS-Trust, or a client id.
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
