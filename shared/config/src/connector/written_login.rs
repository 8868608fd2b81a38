//! How the file writes the requests of a login, and how they become one type.

use super::http_login::{Extract, Headers};
use super::login::{Condition, FormChoice, Login, MOST_STEPS, Step, StepRequest, Submit, UrlRequest};
use super::template::{self, Field, Template, ValueName};
use crate::{HttpUrl, Method, NotAllowed};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// One request of a login.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["url"]}, {"required": ["submit"]}]))]
pub(super) struct StepFields {
    /// The method. Without it, `POST` with a body and `GET` without.
    method: Option<Method>,
    /// Where it is sent: on the scheme, host and port of the first request, or on one of `also_at`.
    url: Option<HttpUrl>,
    /// Parameters that are added to the query, by name. Their values are fixed text and values of `keep`.
    #[serde(default)]
    query: BTreeMap<String, Template>,
    /// Further headers. Their values are fixed text and values of `keep`.
    #[serde(default)]
    headers: Headers,
    /// The members of a JSON body.
    json: Option<BTreeMap<String, Field>>,
    /// The fields of a form, instead of `json`.
    #[serde(default, deserialize_with = "template::form")]
    #[schemars(with = "Option<BTreeMap<String, template::FormField>>")]
    form: Option<BTreeMap<String, Field>>,
    /// A form of the page before, sent as a browser sends it; instead of `url`.
    submit: Option<Submit>,
    /// How many redirects are followed, 0 to 10.
    #[serde(default)]
    #[schemars(range(max = 10), extend("default" = 0))]
    follow: u8,
    /// The response with which the login goes on. Without `status` and `redirect_to`, the status must be 200, and 200 to
    /// 299 if another request follows.
    success: Option<Condition>,
    /// The response that means that the password was wrong. Without it, any 4xx to a request that carries the password
    /// means that, except those that say that the URL has no such login (404, 405, 410, 415) or that the system is
    /// overloaded (408, 429).
    refused: Option<Condition>,
    /// Values of the response for later requests, by name.
    #[serde(default)]
    keep: BTreeMap<ValueName, Extract>,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = StepFields::deserialize(deserializer)?;
        if fields.url.is_none() && fields.submit.is_none() {
            // Most steps have a URL, and a missing field is told where its step begins.
            return Err(D::Error::missing_field("url"));
        }
        Self::try_from(fields).map_err(D::Error::custom)
    }
}

impl TryFrom<StepFields> for Step {
    type Error = NotAllowed;

    fn try_from(fields: StepFields) -> Result<Self, NotAllowed> {
        let StepFields { method, url, query, headers, json, form, submit, follow, success, refused, keep } = fields;
        let request = match (url, submit) {
            (Some(url), None) => {
                let has_body = json.is_some() || form.is_some();
                let method = method.unwrap_or(if has_body { Method::Post } else { Method::Get });
                StepRequest::Url(UrlRequest { method, url, query, json, form })
            }
            (None, Some(submit)) if method.is_none() && query.is_empty() && json.is_none() && form.is_none() => {
                StepRequest::Submit(submit)
            }
            (None, Some(_)) => {
                return Err(NotAllowed::new(
                    "the form of the page says how it is sent: write what is typed under `submit.fields`, without \
                     `method`, `query`, `json` and `form`",
                ));
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(NotAllowed::new(
                    "expected exactly one request: write `url`, or `submit` for a form of the page before",
                ));
            }
        };
        Ok(Self { request, headers, follow, success, refused, keep })
    }
}

/// Which form of a page, as the file writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["id"]}, {"required": ["name"]}, {"required": ["action"]}]))]
pub(super) struct FormFields {
    /// Its id.
    id: Option<String>,
    /// Its name.
    name: Option<String>,
    /// A text in its action.
    action: Option<String>,
}

impl TryFrom<FormFields> for FormChoice {
    type Error = NotAllowed;

    fn try_from(fields: FormFields) -> Result<Self, NotAllowed> {
        match fields {
            FormFields { id: Some(id), name: None, action: None } => Ok(Self::Id(id)),
            FormFields { id: None, name: Some(name), action: None } => Ok(Self::Name(name)),
            FormFields { id: None, name: None, action: Some(text) } if !text.is_empty() => Ok(Self::Action(text)),
            _ => Err(NotAllowed::new(
                "expected exactly one way to find the form: write `id: login`, `name: login` or `action: /login`, or \
                 leave it out for the form with the password field",
            )),
        }
    }
}

/// The forms in which the file can write `login`, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Login")]
#[expect(dead_code, clippy::large_enum_variant, reason = "only its schema is used")]
pub(super) enum WrittenLogin {
    One(StepFields),
    Several(#[schemars(length(min = 1, max = 8))] Vec<StepFields>),
}

impl<'de> Deserialize<'de> for Login {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Login;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request, such as `url: https://legacy.example.com/login` with `form`, or a list of requests")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Login, A::Error> {
        login(vec![Step::deserialize(MapAccessDeserializer::new(map))?], false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Login, A::Error> {
        let mut steps = Vec::new();
        while let Some(step) = list.next_element()? {
            steps.push(step);
        }
        if steps.len() > MOST_STEPS {
            return Err(A::Error::custom(format!(
                "a login has 1 to {MOST_STEPS} requests: keep those that are needed"
            )));
        }
        login(steps, true)
    }
}

fn login<E: serde::de::Error>(steps: Vec<Step>, listed: bool) -> Result<Login, E> {
    match steps.first().map(|step| &step.request) {
        Some(StepRequest::Url(first)) => Ok(Login { url: first.url.clone(), steps, listed }),
        Some(StepRequest::Submit(_)) => {
            Err(E::custom("the first request has no page before it whose form could be sent: write `url`"))
        }
        None => Err(E::custom(format!("a login has 1 to {MOST_STEPS} requests: write such as [{{ url: … }}]"))),
    }
}
