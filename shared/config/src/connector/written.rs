//! The parts of a connector that are written in one of several ways.

use super::{Expires, ExpiryForm, Inject, LoginField};
use crate::text::{CookieName, JsonPointer, TokenTemplate};
use crate::{NotAllowed, duration, header};
use domain::time::Seconds;
use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;

/// `expires` as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["cookie_max_age"]}, {"required": ["json_pointer", "as"]}, {"required": ["fixed"]}]))]
pub(super) struct ExpiresFields {
    /// `true`: as the `Max-Age` of the extracted cookie says.
    #[schemars(extend("const" = true))]
    cookie_max_age: Option<bool>,
    /// As the login's JSON body says at this place.
    json_pointer: Option<JsonPointer>,
    /// How the JSON body writes it.
    #[serde(rename = "as")]
    form: Option<ExpiryForm>,
    /// After this long, whatever the answer says.
    #[serde(default, deserialize_with = "duration::optional_seconds")]
    #[schemars(with = "Option<duration::Text>")]
    fixed: Option<Seconds>,
}

impl TryFrom<ExpiresFields> for Expires {
    type Error = NotAllowed;

    fn try_from(fields: ExpiresFields) -> Result<Self, NotAllowed> {
        match fields {
            ExpiresFields { cookie_max_age: Some(true), json_pointer: None, form: None, fixed: None } => {
                Ok(Self::CookieMaxAge)
            }
            ExpiresFields { cookie_max_age: None, json_pointer: Some(pointer), form: Some(form), fixed: None } => {
                Ok(Self::JsonPointer { pointer, form })
            }
            ExpiresFields { cookie_max_age: None, json_pointer: None, form: None, fixed: Some(length) } => {
                Ok(Self::Fixed(length))
            }
            _ => Err(NotAllowed::new(
                "expected exactly one way to tell the end of a session: write `cookie_max_age: true`, \
                 or `json_pointer: /expires_in` with `as: seconds` or `as: rfc3339`, or `fixed: 30m`",
            )),
        }
    }
}

/// `inject` as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["cookie"]}, {"required": ["header", "value"]}]))]
pub(super) struct InjectFields {
    /// As this cookie.
    cookie: Option<CookieName>,
    /// In this header.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    header: Option<HeaderName>,
    /// The header's value, with `{token}` where the session token goes.
    value: Option<TokenTemplate>,
}

impl TryFrom<InjectFields> for Inject {
    type Error = NotAllowed;

    fn try_from(fields: InjectFields) -> Result<Self, NotAllowed> {
        match fields {
            InjectFields { cookie: Some(name), header: None, value: None } => Ok(Self::Cookie(name)),
            InjectFields { cookie: None, header: Some(name), value: Some(value) } => Ok(Self::Header { name, value }),
            _ => Err(NotAllowed::new(
                "expected exactly one way to send the token: write `cookie: NAME`, \
                 or `header: NAME` with `value: \"{token}\"`",
            )),
        }
    }
}

impl TryFrom<serde_json::Value> for LoginField {
    type Error = NotAllowed;

    fn try_from(value: serde_json::Value) -> Result<Self, NotAllowed> {
        use serde_json::Value;
        match &value {
            Value::String(text) if text == "{username}" => Ok(Self::Username),
            Value::String(text) if text == "{password}" => Ok(Self::Password),
            Value::String(text) if text.contains(['{', '}']) => Err(NotAllowed::new(format!(
                "`{text}` is not a known placeholder: write \"{{username}}\" or \"{{password}}\" as the whole value"
            ))),
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(Self::Literal(value)),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err(NotAllowed::new("expected a text, a number or a boolean; {username} and {password} need quotes"))
            }
        }
    }
}
