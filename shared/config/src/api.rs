//! One API of the gateway: its back end and its routes.

use crate::text::ScopeToken;
use crate::tls::Tls;
use crate::url::Origin;
use crate::{NotAllowed, duration, header};
use gateway_domain::headers::IdentityHeaders;
use gateway_domain::ids::ConnectorName;
use gateway_domain::scope::Scope;
use gateway_domain::time::Seconds;
use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// One API: its back end and its routes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the file, and none excludes another")]
pub struct Api {
    /// Where calls are sent. The path of a call is appended in its canonical form.
    pub back_end: Origin,
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
    /// States that the back end decodes a path once and compares it byte for byte. Without it, a call is refused if some
    /// back end could take its path for that of another route.
    #[serde(default)]
    pub exact_paths: bool,
    /// States that pages of this back end may run scripts in the origin of the gateway, where its login is. Without it,
    /// browsers show them in an origin of their own, without scripts and forms.
    #[serde(default)]
    pub trusted_pages: bool,
    /// The paths of this API, each with its methods.
    #[schemars(length(min = 1))]
    pub routes: Vec<Route>,
}

/// A path and its methods.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The path, such as `/orders/{id}`. A name in braces stands for exactly one segment that is not empty.
    #[schemars(extend("pattern" = r"^(/([^/{}?#;\\ ]*|\{[A-Za-z_][A-Za-z0-9_]*\}))+$"))]
    pub path: String,
    /// The methods, each with its scopes. A call needs all scopes of its method.
    #[serde(deserialize_with = "methods")]
    #[schemars(with = "BTreeMap<Method, Vec<ScopeToken>>", extend("minProperties" = 1))]
    pub methods: BTreeMap<Method, Scope>,
    /// Whether calls need no token. The path must then begin with `/public/`, and the methods have no scopes.
    #[serde(default)]
    pub public: bool,
}

/// A method that routes can have. The gateway handles `OPTIONS` itself, for the preflight requests of browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the methods of RFC 9110 §9.3 and RFC 5789")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
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
        scope: names.scope.unwrap_or(usual.scope),
        app_name: names.app_name.unwrap_or(usual.app_name),
        subscription: names.subscription.unwrap_or(usual.subscription),
        client_id: names.client_id.unwrap_or(usual.client_id),
    })
}

fn methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Method, Scope>, D::Error> {
    let written = BTreeMap::<Method, Scopes>::deserialize(deserializer)?;
    Ok(written.into_iter().map(|(method, scopes)| (method, scopes.0)).collect())
}

/// A list of scopes as the file writes it.
#[derive(Deserialize)]
#[serde(try_from = "Vec<ScopeToken>")]
struct Scopes(Scope);

impl TryFrom<Vec<ScopeToken>> for Scopes {
    type Error = NotAllowed;

    fn try_from(tokens: Vec<ScopeToken>) -> Result<Self, NotAllowed> {
        let text = tokens.iter().map(ScopeToken::as_str).collect::<Vec<_>>().join(" ");
        Scope::parse(&text).map(Self).map_err(|_| NotAllowed::new("too many scopes: write at most 15 for one method"))
    }
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
