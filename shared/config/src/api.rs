//! One API of the gateway: its back end and its routes.

use crate::methods::Methods;
use crate::portal::ApiOffer;
use crate::text::CookieName;
use crate::tls::Tls;
use crate::url::BackEnd;
use crate::{duration, header};
use gateway_domain::headers::IdentityHeaders;
use gateway_domain::ids::{ClientId, ConnectorName};
use gateway_domain::scope::Scope;
use gateway_domain::time::Seconds;
use http::HeaderName;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// One API: its back end and its routes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the file, and none excludes another")]
pub struct Api {
    /// Where calls are sent: scheme, host and port, with a base path if there is one. The path of a call is appended in its
    /// canonical form.
    pub back_end: BackEnd,
    /// The beginning of all paths of this API that the back end does not have: it is removed before the rest is appended.
    #[schemars(extend("pattern" = r"^(/[^/{}?#;\\ ]+)+$"))]
    pub strip_prefix: Option<String>,
    /// Permits an `http` back end that is not on this machine. Identities and sessions then travel unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whom to trust at this back end, and how the gateway authenticates there. Without it, the public authorities are
    /// trusted.
    pub tls: Option<Tls>,
    /// The connector whose session each call carries. Without it, calls carry the user's identity alone.
    #[schemars(with = "Option<crate::file::Name>")]
    pub connector: Option<ConnectorName>,
    /// Lets a login succeed although this API's connector could not log in. Calls to the API then fail until the next login.
    #[serde(default)]
    pub optional: bool,
    /// How long the back end may take until the head of its response is there, 1 s to 899 s. The timeout of the function,
    /// 29 s unless it was deployed with another `ProxyTimeout`, bounds the whole call.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "10s"))]
    pub timeout: Seconds,
    /// How long the back end may send nothing in the middle of a body, 1 s to 300 s, before the response is cut.
    #[serde(default = "default_idle_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "60s"))]
    pub idle_timeout: Seconds,
    /// The most bytes that the back end accepts for all headers of a call together, 1024 to 65536.
    #[serde(default = "default_max_header_bytes")]
    #[schemars(range(min = 1024, max = 65536))]
    pub max_header_bytes: u32,
    /// The most bytes that the body of a response may have, 1024 to 209715200, which is what Lambda streams. Behind an HTTP
    /// API responses do not stream: there Lambda carries 6 MiB of text, and about 4.5 MB of other bytes.
    #[serde(default = "default_max_response_bytes")]
    #[schemars(range(min = 1024, max = 209_715_200))]
    pub max_response_bytes: u32,
    /// The names of the headers that tell the back end which user and application call.
    #[serde(default, deserialize_with = "identity_headers")]
    #[schemars(with = "HeaderNames")]
    pub headers: IdentityHeaders,
    /// The cookies of the app that the back end gets, and of the back end that the app gets, by name, 1 to 16. Without it, the app
    /// gets all but those of the connector, and the back end gets all of the app's where its connector has no cookie, and none
    /// where it has one.
    #[serde(default, deserialize_with = "cookie_names")]
    #[schemars(with = "Option<Vec<CookieName>>", length(min = 1, max = 16))]
    pub pass_cookies: Option<BTreeSet<String>>,
    /// Keeps the cookies of this back end at the gateway, for each session apart, for apps that keep none: the app gets none of them,
    /// and calls carry them beside the connector's.
    #[serde(default)]
    pub cookie_jar: bool,
    /// Passes the app's access token on to the back end, whose service may then exchange it. It is otherwise the app's and the
    /// gateway's alone.
    pub pass_access_token: Option<PassAccessToken>,
    /// States that the back end decodes a path once and compares it byte for byte. Without it, a call is refused if some
    /// back end could take its path for that of another route.
    #[serde(default)]
    pub exact_paths: bool,
    /// States that pages of this back end may run scripts in the origin of the gateway, where its login is. Without it,
    /// browsers show them in an origin of their own, without scripts and forms.
    #[serde(default)]
    pub trusted_pages: bool,
    /// Gives each call a connection of its own, closed behind it. Without it, calls follow each other on kept connections, those
    /// of different users too.
    #[serde(default)]
    pub one_call_per_connection: bool,
    /// Offers the API to developers. Without it, they do not see it.
    pub offer: Option<ApiOffer>,
    /// The paths of this API, each with its methods.
    #[schemars(length(min = 1))]
    pub routes: Vec<Route>,
}

/// To whom an access token is passed on, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PassAccessToken {
    /// The client id of the service behind this API. It is in the audience (`aud`) of every access token that opens the API.
    #[schemars(with = "String")]
    pub audience: ClientId,
    /// The header with the token. `Authorization` says `Bearer` before it; any other has the token alone.
    #[serde(default = "authorization", deserialize_with = "header::name")]
    #[schemars(with = "header::Text", extend("default" = "Authorization"))]
    pub header: HeaderName,
}

/// A path, or all paths below one, and their methods.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The path, such as `/orders/{id}`. A name in braces stands for exactly one segment that is not empty; one with a plus, such
    /// as `{rest+}`, at the end, for one or more.
    #[schemars(extend("pattern" = r"^(/([^/{}?#;\\ ]*|\{[A-Za-z_][A-Za-z0-9_]*\}))+(/\{[A-Za-z_][A-Za-z0-9_]*\+\})?$|^/\{[A-Za-z_][A-Za-z0-9_]*\+\}$"))]
    pub path: Option<String>,
    /// Instead of `path`: this path, with and without a slash at its end, and all paths below it.
    #[schemars(extend("pattern" = r"^(/([^/{}?#;\\ ]+|\{[A-Za-z_][A-Za-z0-9_]*\}))+$"))]
    pub prefix: Option<String>,
    /// The methods, each with its scopes. A call needs all scopes of its method. `ANY` stands for every method that has no entry
    /// of its own; `refused` takes a method out of it.
    pub methods: Methods,
    /// Whether calls need no token. The path must then begin with `/public/`, and the methods have no scopes.
    #[serde(default)]
    pub public: bool,
    /// What a call uses of the limits of its application's plan, 1 to 1000.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: u32,
    /// Where calls of this route are sent, if not to the API's `back_end`.
    pub back_end: Option<BackEnd>,
    /// The path at the back end, behind its base path, instead of the call's own: of literals and of names that `path` has. For a
    /// `prefix`, what stands there in its place.
    #[schemars(extend("pattern" = "^/"))]
    pub rewrite: Option<String>,
}

impl Api {
    /// The scopes that each method of each route needs, public ones apart.
    pub fn needed(&self) -> impl Iterator<Item = &Scope> {
        let protected = self.routes.iter().filter(|route| !route.public);
        protected.flat_map(|route| route.methods.iter()).map(|(_, needed)| needed)
    }
}

impl Route {
    /// Its `path` or `prefix`, whichever is written.
    pub fn written(&self) -> &str {
        self.path.as_ref().or(self.prefix.as_ref()).map_or("", String::as_str)
    }
}

/// Other names for the headers that tell the back end which user and application call.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HeaderNames {
    /// Instead of `X-Authenticated-UserId`.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    user_id: Option<HeaderName>,
    /// Instead of `X-Authenticated-Subject-Type`: `user`, `device` or `application`.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    subject_type: Option<HeaderName>,
    /// Instead of `X-Authenticated-Scope`.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    scope: Option<HeaderName>,
    /// Instead of `X-Consumer-Username`, the application's name.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    app_name: Option<HeaderName>,
    /// Instead of `X-Consumer-Custom-Id`, the application's subscription to this API.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    subscription: Option<HeaderName>,
    /// Instead of `X-Credential-Identifier`, the application's client id.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    client_id: Option<HeaderName>,
}

fn identity_headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IdentityHeaders, D::Error> {
    let names = HeaderNames::deserialize(deserializer)?;
    let usual = IdentityHeaders::default();
    Ok(IdentityHeaders {
        user_id: names.user_id.unwrap_or(usual.user_id),
        subject_type: names.subject_type.unwrap_or(usual.subject_type),
        scope: names.scope.unwrap_or(usual.scope),
        app_name: names.app_name.unwrap_or(usual.app_name),
        subscription: names.subscription.unwrap_or(usual.subscription),
        client_id: names.client_id.unwrap_or(usual.client_id),
    })
}

fn cookie_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeSet<String>>, D::Error> {
    let names = Vec::<CookieName>::deserialize(deserializer)?;
    if !(1..=16).contains(&names.len()) {
        return Err(D::Error::custom("out of range: write 1 to 16 names of cookies, or leave it out"));
    }
    Ok(Some(names.iter().map(|name| name.as_str().to_owned()).collect()))
}

fn authorization() -> HeaderName {
    http::header::AUTHORIZATION
}

const fn default_weight() -> u32 {
    1
}

const fn default_timeout() -> Seconds {
    Seconds::new(10)
}

const fn default_idle_timeout() -> Seconds {
    Seconds::new(60)
}

const fn default_max_response_bytes() -> u32 {
    209_715_200
}

const fn default_max_header_bytes() -> u32 {
    8190
}
