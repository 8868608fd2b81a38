//! The settings of a login over HTTP: what is sent to the legacy system, and how its responses are read.

use super::login::Login;
use super::password::PasswordRule;
use super::pattern::{Marker, Pattern, Statuses};
use super::template::{self, Field, Template, ValueName};
use super::written;
use crate::localized::{LocalizedText, WrittenText};
use crate::text::{CookieName, JsonPointer};
use crate::tls::Tls;
use crate::url::Origin;
use crate::{HttpUrl, Method, duration};
use gateway_domain::time::Seconds;
use http::{HeaderName, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A legacy system with its own login over HTTP. It takes a name and a password and returns a session cookie or token.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpLogin {
    /// The requests that open a session: one, or a list of up to 8.
    pub login: Login,
    /// Further addresses at which this system logs in, such as that of its single sign-on: scheme, host and port. Nothing is
    /// sent anywhere else.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub also_at: Vec<Origin>,
    /// How long the whole login may take, and each renewal and the logout, 1 s to 25 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Where the last response of the login has the session token, which is the value `{token}`.
    pub extract: Extract,
    /// Further values of the last response of the login, by name. All of them must be present.
    #[serde(default)]
    pub extract_also: BTreeMap<ValueName, Extract>,
    /// When the session ends.
    pub expires: Expires,
    /// How the session is sent with each call to the back end: one way, or a list of up to 8.
    pub inject: Inject,
    /// The response by which the back end says that the session has ended.
    #[serde(default)]
    pub dead_session: DeadSession,
    /// Whether responses of the back end give the session another value, and how calls of one session then meet. Without it, only
    /// a login or a renewal does.
    pub moves: Option<Moves>,
    /// The request that renews the session. Without it, only a login gives a new one.
    pub renew: Option<RenewRequest>,
    /// The request that ends the session. Without it, the session ends only by its own expiry.
    pub logout: Option<SessionRequest>,
    /// Whose password it logs in with: `ours`, `theirs`, `separate`, or fields.
    #[serde(default)]
    #[schemars(with = "super::password::WrittenPassword", extend("default" = "ours"))]
    pub password: PasswordRule,
    /// Permits `http` URLs that are not on this machine. The password and the session then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at this system, and how the gateway authenticates there. Without it, the public authorities are
    /// trusted.
    pub tls: Option<Tls>,
    /// Its name for users, or one for each language. Without it, its name here.
    #[schemars(with = "Option<WrittenText>")]
    pub label: Option<LocalizedText>,
}

/// How calls of one session meet at a back end whose responses give it another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moves {
    /// The back end takes the value before as well for a while, so that calls may go on side by side.
    Freely,
    /// The back end takes the newest value alone, so that calls go one after the other.
    InTurn,
}

/// Headers of a request, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeMap<String, Template>")]
#[schemars(with = "BTreeMap<String, Template>")]
pub struct Headers(pub Vec<(HeaderName, Template)>);

/// Where a response has a value.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "written::ExtractFields")]
#[schemars(with = "written::ExtractFields")]
pub enum Extract {
    /// The value of this cookie, whichever response of the login set it (RFC 6265 §5.3).
    Cookie(CookieName),
    /// The text at this place in the JSON body (RFC 6901).
    JsonPointer(JsonPointer),
    /// The value of this header, or the part of it that the pattern's group matches.
    Header(HeaderName, Option<Pattern>),
    /// The part of the body that the pattern's group matches.
    Body(Pattern),
    /// The value of the field with this name in a form of the page.
    Input(String),
}

/// When a session ends: at a fixed end, after a time without use, or at the earlier of both.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "written::ExpiresFields")]
#[schemars(with = "written::ExpiresFields")]
pub struct Expires {
    /// When it ends even if it is used.
    pub end: Option<End>,
    /// How long it lasts without a call.
    pub idle: Option<Seconds>,
}

/// Where the fixed end of a session comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The `Max-Age` of the extracted cookie, or else its `Expires` (RFC 6265 §5.3).
    Cookie,
    /// A value in the JSON body of the response to the login.
    JsonPointer {
        /// Where the value is.
        pointer: JsonPointer,
        /// How to read the value.
        form: ExpiryForm,
    },
    /// This length of time, whatever the response says.
    Fixed(Seconds),
}

/// How a JSON body writes the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpiryForm {
    /// A number of seconds from the time of the response.
    Seconds,
    /// A point in time such as `2030-01-31T12:00:00Z` (RFC 3339).
    Rfc3339,
}

/// How the session is sent with each call to the back end.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "written::WrittenInject")]
pub struct Inject {
    /// The ways, in order.
    pub ways: Vec<Way>,
    /// Whether the file writes them as a list.
    pub(crate) listed: bool,
}

/// One thing that is added to each call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "written::InjectFields")]
pub enum Way {
    /// As this cookie. A call has no other cookie of this name.
    Cookie(CookieName, Template),
    /// In this header.
    Header(HeaderName, Template),
    /// As this parameter of the query.
    Query(String, Template),
}

impl Way {
    /// The value that it sends.
    pub fn value(&self) -> &Template {
        match self {
            Self::Cookie(_, value) | Self::Header(_, value) | Self::Query(_, value) => value,
        }
    }
}

/// The response by which the back end says that the session has ended. One of these conditions is enough.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct DeadSession {
    /// The response has this status, or one of these, 300 to 499.
    pub status: Option<Statuses>,
    /// It redirects to a location that begins with this: a path such as `/login`, on any host, or a URL.
    pub redirect_to: Option<RedirectTo>,
    /// The first 64 KiB of its body contain this text.
    pub body_has: Option<Marker>,
}

/// The beginning of the location of a redirect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^(/|https?://[^/?#@{} ]+)[^#{} ]*$"))]
pub enum RedirectTo {
    /// The beginning of path and query, on any host.
    Path(String),
    /// The scheme, host and port, and the beginning of path and query.
    Url(HttpUrl),
}

impl Default for DeadSession {
    fn default() -> Self {
        Self { status: Some(Statuses::one(StatusCode::UNAUTHORIZED)), redirect_to: None, body_has: None }
    }
}

/// The request that renews a session. Like a call, it carries the session. The response must have a status of 200 to 299.
/// Its values are read like those of the login; a value that it does not have is kept.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// The request's method.
    pub method: Method,
    /// Where it is sent, on an address of the connector.
    pub url: HttpUrl,
    /// Further headers. Their values are fixed text and extracted values.
    #[serde(default)]
    pub headers: Headers,
    /// The members of a JSON body.
    pub json: Option<BTreeMap<String, Field>>,
    /// The fields of a form, instead of `json`.
    #[serde(default, deserialize_with = "template::form")]
    #[schemars(with = "Option<BTreeMap<String, template::FormField>>")]
    pub form: Option<BTreeMap<String, Field>>,
    /// How long after the login it can be renewed.
    #[serde(rename = "for", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text")]
    pub lasting: Seconds,
}

/// A request that carries the session, like a call.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The request's method.
    pub method: Method,
    /// Where it is sent, on an address of the connector.
    pub url: HttpUrl,
    /// Further headers. Their values are fixed text and extracted values.
    #[serde(default)]
    pub headers: Headers,
    /// The members of a JSON body.
    pub json: Option<BTreeMap<String, Field>>,
    /// The fields of a form, instead of `json`.
    #[serde(default, deserialize_with = "template::form")]
    #[schemars(with = "Option<BTreeMap<String, template::FormField>>")]
    pub form: Option<BTreeMap<String, Field>>,
}

pub(super) const fn default_timeout() -> Seconds {
    Seconds::new(5)
}
