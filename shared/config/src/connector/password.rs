//! Whose password a connector logs in with: the gateway's, the legacy system's, or another one.

use crate::WebLink;
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Whose password a connector logs in with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PasswordRule {
    /// Whose it is.
    pub whose: Whose,
    /// With [`Whose::Theirs`]: where a forgotten password is replaced.
    pub reset_url: Option<WebLink>,
    /// With [`Whose::Theirs`]: where a password is changed.
    pub change_url: Option<WebLink>,
}

/// Whose password it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The gateway's. The legacy system takes what the gateway has checked, also after a reset or a change here.
    #[default]
    Ours,
    /// The legacy system's. The gateway has checked the same one, which can be reset and changed there alone.
    Theirs,
    /// Another one, which the legacy system alone knows. It is asked for at each login and kept nowhere.
    Separate,
}

/// Whose password it is, with where pages lead.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PasswordRule")]
pub(crate) struct Fields {
    /// Whose it is.
    whose: Whose,
    /// With `theirs`: where a forgotten password is replaced. Without it, pages lead nowhere.
    reset_url: Option<WebLink>,
    /// With `theirs`: where a password is changed. Without it, pages lead nowhere.
    change_url: Option<WebLink>,
}

/// The forms in which the file can write it, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "ConnectorPassword")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum WrittenPassword {
    Whose(Whose),
    With(Fields),
}

impl<'de> Deserialize<'de> for PasswordRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WhoseOrFields)
    }
}

struct WhoseOrFields;

impl<'de> Visitor<'de> for WhoseOrFields {
    type Value = PasswordRule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`ours`, `theirs`, `separate`, or fields of which `whose` is one of these")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PasswordRule, E> {
        let whose = Whose::deserialize(StrDeserializer::new(text))?;
        Ok(PasswordRule { whose, ..PasswordRule::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PasswordRule, A::Error> {
        let Fields { whose, reset_url, change_url } = Fields::deserialize(MapAccessDeserializer::new(map))?;
        if whose != Whose::Theirs && (reset_url.is_some() || change_url.is_some()) {
            return Err(A::Error::custom("`reset_url` and `change_url` are of `whose: theirs`: remove them"));
        }
        Ok(PasswordRule { whose, reset_url, change_url })
    }
}
