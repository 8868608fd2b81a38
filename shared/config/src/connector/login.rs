//! The requests of a login over HTTP, in order, and what their responses must be like.

use super::http_login::{Extract, Headers, RedirectTo};
use super::pattern::{Marker, Pattern, Statuses};
use super::template::{Field, Template, ValueName};
use super::written_login::{FormFields, StepFields, WrittenLogin};
use crate::text::CookieName;
use crate::url::Origin;
use crate::{HttpUrl, Method};
use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most requests of a login.
pub(crate) const MOST_STEPS: usize = 8;

/// The requests of a login: at least one, and the first has a URL.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(with = "WrittenLogin")]
pub struct Login {
    pub(super) steps: Vec<Step>,
    /// The URL of the first request. Its scheme, host and port are those of the connector.
    pub(super) url: HttpUrl,
    /// Whether the file writes them as a list.
    pub(crate) listed: bool,
}

impl Login {
    /// The requests, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The URL of the first request.
    pub fn url(&self) -> &HttpUrl {
        &self.url
    }

    /// The connector's own scheme, host and port.
    pub fn origin(&self) -> &Origin {
        self.url.origin()
    }
}

/// One request of a login.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(with = "StepFields")]
pub struct Step {
    /// What is requested.
    pub request: StepRequest,
    /// Further headers.
    pub headers: Headers,
    /// How many redirects are followed.
    pub follow: u8,
    /// The response with which the login goes on.
    pub success: Option<Condition>,
    /// The response that means that the password was wrong.
    pub refused: Option<Condition>,
    /// Values of the response for later requests, by name.
    pub keep: BTreeMap<ValueName, Extract>,
}

/// What a step requests.
#[derive(Debug, Clone, PartialEq)]
pub enum StepRequest {
    /// A request to a configured URL.
    Url(UrlRequest),
    /// A form of the page before.
    Submit(Submit),
}

/// A request to a configured URL.
#[derive(Debug, Clone, PartialEq)]
pub struct UrlRequest {
    /// Its method.
    pub method: Method,
    /// Where it is sent.
    pub url: HttpUrl,
    /// Parameters that are added to the query, by name.
    pub query: BTreeMap<String, Template>,
    /// The members of a JSON body.
    pub json: Option<BTreeMap<String, Field>>,
    /// The fields of a form.
    pub form: Option<BTreeMap<String, Field>>,
}

/// A form of the page before, sent as a browser sends it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// Which form. Without it, for a password one with a password field; of those, and otherwise of all, the one that has most of
    /// `fields`; of equals, the first.
    pub form: Option<FormChoice>,
    /// The name of the button that submits it. Without it, the first one.
    pub button: Option<String>,
    /// What the user would type, by the name of the field. All other fields are sent as the page has them.
    #[serde(default)]
    pub fields: BTreeMap<String, Template>,
}

/// Which form of a page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "FormFields")]
#[schemars(with = "FormFields")]
pub enum FormChoice {
    /// That with this id.
    Id(String),
    /// That with this name.
    Name(String),
    /// The first whose action contains this text.
    Action(String),
}

/// A condition on a response. All of its parts that are written must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Condition {
    /// It has this status, or one of these.
    pub status: Option<Statuses>,
    /// It redirects to a location that begins with this: a path such as `/home`, on any host, or a URL.
    pub redirect_to: Option<RedirectTo>,
    /// It has this header.
    pub header: Option<HeaderCondition>,
    /// It sets this cookie. With `follow`, one of the responses of this request does.
    pub cookie: Option<CookieName>,
    /// Its body contains this text.
    pub body_has: Option<Marker>,
    /// Its body does not contain this text.
    pub body_lacks: Option<Marker>,
}

impl Condition {
    /// Whether no part is written.
    pub(crate) fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A header of a response.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderCondition {
    /// Its name.
    #[serde(deserialize_with = "crate::header::name")]
    #[schemars(with = "crate::header::Text")]
    pub name: HeaderName,
    /// What its value must match, such as `^/home`. Without it, any value matches.
    pub pattern: Option<Pattern>,
}
