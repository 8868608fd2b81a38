//! The parts of a connector that can be written in several ways, and how each becomes one type.

use super::http_login::{End, Expires, ExpiryForm, Extract, Headers, Inject, RedirectTo, Way};
use super::pattern::Pattern;
use super::template::Template;
use crate::text::{CookieName, JsonPointer};
use crate::{HttpUrl, NotAllowed, duration, header};
use gateway_domain::time::Seconds;
use http::HeaderName;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// A place in a response as the file writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["cookie"]}, {"required": ["json_pointer"]}, {"required": ["header"]},
    {"required": ["pattern"], "not": {"required": ["header"]}}, {"required": ["input"]},
]))]
pub(super) struct ExtractFields {
    /// The value of this cookie.
    cookie: Option<CookieName>,
    /// The text at this place in the JSON body (RFC 6901).
    json_pointer: Option<JsonPointer>,
    /// The value of this header.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    header: Option<HeaderName>,
    /// The part of the body, or of the header, that the only group in parentheses matches.
    pattern: Option<Pattern>,
    /// The value of the field with this name in a form of the page, such as a hidden one.
    input: Option<String>,
}

impl TryFrom<ExtractFields> for Extract {
    type Error = NotAllowed;

    fn try_from(fields: ExtractFields) -> Result<Self, NotAllowed> {
        if fields.pattern.as_ref().is_some_and(|pattern| pattern.groups() != 1) {
            return Err(NotAllowed::new(
                "the pattern has no single group: put parentheses around what is wanted, and (?:…) elsewhere",
            ));
        }
        match fields {
            ExtractFields { cookie: Some(name), json_pointer: None, header: None, pattern: None, input: None } => {
                Ok(Self::Cookie(name))
            }
            ExtractFields { cookie: None, json_pointer: Some(pointer), header: None, pattern: None, input: None } => {
                Ok(Self::JsonPointer(pointer))
            }
            ExtractFields { cookie: None, json_pointer: None, header: Some(name), pattern, input: None } => {
                Ok(Self::Header(name, pattern))
            }
            ExtractFields { cookie: None, json_pointer: None, header: None, pattern: Some(pattern), input: None } => {
                Ok(Self::Body(pattern))
            }
            ExtractFields { cookie: None, json_pointer: None, header: None, pattern: None, input: Some(name) }
                if !name.is_empty() && name.len() <= 256 =>
            {
                Ok(Self::Input(name))
            }
            _ => Err(NotAllowed::new(
                "expected exactly one place: write `cookie: NAME`, `json_pointer: /session/id`, `header: NAME` (with or \
                 without `pattern`), `input: NAME` for a field of a form, or `pattern` alone for the body",
            )),
        }
    }
}

/// `expires` as the file writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    {"required": ["cookie_max_age"]}, {"required": ["json_pointer", "as"]}, {"required": ["fixed"]},
    {"required": ["idle"], "not": {"required": ["json_pointer"]}},
]))]
pub(super) struct ExpiresFields {
    /// `true`: the `Max-Age` of the extracted cookie tells the end, or otherwise its `Expires`.
    #[schemars(extend("const" = true))]
    cookie_max_age: Option<bool>,
    /// The place in the JSON body of the response to the login that tells the end.
    json_pointer: Option<JsonPointer>,
    /// How the JSON body writes the end.
    #[serde(rename = "as")]
    form: Option<ExpiryForm>,
    /// How long the session lasts, whatever the response says.
    #[serde(default, deserialize_with = "duration::optional_seconds")]
    #[schemars(with = "Option<duration::Text>")]
    fixed: Option<Seconds>,
    /// How long the session lasts without a call; alone, or beside one of the others.
    #[serde(default, deserialize_with = "duration::optional_seconds")]
    #[schemars(with = "Option<duration::Text>")]
    idle: Option<Seconds>,
}

impl TryFrom<ExpiresFields> for Expires {
    type Error = NotAllowed;

    fn try_from(fields: ExpiresFields) -> Result<Self, NotAllowed> {
        let idle = fields.idle;
        let end = match fields {
            ExpiresFields { cookie_max_age: Some(true), json_pointer: None, form: None, fixed: None, .. } => {
                Some(End::Cookie)
            }
            ExpiresFields {
                cookie_max_age: None, json_pointer: Some(pointer), form: Some(form), fixed: None, ..
            } => Some(End::JsonPointer { pointer, form }),
            ExpiresFields { cookie_max_age: None, json_pointer: None, form: None, fixed: Some(length), .. } => {
                Some(End::Fixed(length))
            }
            ExpiresFields { cookie_max_age: None, json_pointer: None, form: None, fixed: None, idle: Some(_) } => None,
            _ => {
                return Err(NotAllowed::new(
                    "expected exactly one way to tell the end of a session: write `cookie_max_age: true`, \
                     or `json_pointer: /expires_in` with `as: seconds` or `as: rfc3339`, or `fixed: 30m`, \
                     with or without `idle: 20m`",
                ));
            }
        };
        Ok(Self { end, idle })
    }
}

/// One way of `inject` as the file writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["cookie"]}, {"required": ["header", "value"]}, {"required": ["query"]}]))]
pub(super) struct InjectFields {
    /// As this cookie.
    cookie: Option<CookieName>,
    /// In this header.
    #[serde(default, deserialize_with = "header::optional_name")]
    #[schemars(with = "Option<header::Text>")]
    header: Option<HeaderName>,
    /// As this parameter of the query.
    query: Option<String>,
    /// The value, with `{token}` in place of the session token. It is required for a header; otherwise it is `{token}`.
    value: Option<Template>,
}

impl TryFrom<InjectFields> for Way {
    type Error = NotAllowed;

    fn try_from(fields: InjectFields) -> Result<Self, NotAllowed> {
        let value = fields.value.clone().unwrap_or_else(Template::token);
        match fields {
            InjectFields { cookie: Some(name), header: None, query: None, .. } => Ok(Self::Cookie(name, value)),
            InjectFields { cookie: None, header: Some(name), query: None, value: Some(value) } => {
                Ok(Self::Header(name, value))
            }
            InjectFields { cookie: None, header: None, query: Some(name), .. } => {
                if name.is_empty() || name.len() > 128 || !name.bytes().all(|b| b.is_ascii_graphic()) {
                    return Err(NotAllowed::new(
                        "not the name of a parameter: write up to 128 letters, digits, `-`, `_` or `.`, such as sid",
                    ));
                }
                Ok(Self::Query(name, value))
            }
            _ => Err(NotAllowed::new(
                "expected exactly one way to send the token: write `cookie: NAME`, `query: NAME`, \
                 or `header: NAME` with `value: \"{token}\"`",
            )),
        }
    }
}

/// The forms in which the file can write `inject`, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Inject")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum WrittenInject {
    One(InjectFields),
    Several(#[schemars(length(min = 1, max = 8))] Vec<InjectFields>),
}

impl<'de> Deserialize<'de> for Inject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Inject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a way to send the token, such as `cookie: NAME`, or a list of ways")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Inject, A::Error> {
        let way = Way::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Inject { ways: vec![way], listed: false })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Inject, A::Error> {
        let mut ways = Vec::new();
        while let Some(way) = list.next_element()? {
            ways.push(way);
        }
        if ways.is_empty() || ways.len() > 8 {
            return Err(A::Error::custom("a list of ways has 1 to 8: write such as [{ cookie: SID }]"));
        }
        Ok(Inject { ways, listed: true })
    }
}

impl TryFrom<BTreeMap<String, Template>> for Headers {
    type Error = NotAllowed;

    fn try_from(written: BTreeMap<String, Template>) -> Result<Self, NotAllowed> {
        let mut headers: Vec<(HeaderName, Template)> = Vec::new();
        for (name, value) in written {
            let name = header::Text::try_from(name)?.name().clone();
            if headers.iter().any(|(other, _)| *other == name) {
                return Err(NotAllowed::new(format!("the header `{name}` is there twice: keep one")));
            }
            headers.push((name, value));
        }
        Ok(Self(headers))
    }
}

impl TryFrom<String> for RedirectTo {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let path = text.starts_with('/')
            && !text.starts_with("//")
            && text.len() <= 2048
            && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'{' | b'}' | b'\\'));
        if path {
            return Ok(Self::Path(text));
        }
        HttpUrl::try_from(text.clone()).map(Self::Url).map_err(|_| {
            NotAllowed::new(format!(
                "`{text}` is not where a redirect leads: write how its path begins, such as /login, or how its URL does, \
                 such as https://sso.example.com/"
            ))
        })
    }
}
