//! A text for users: one for everybody, or one for each language.

use crate::NotAllowed;
use gateway_domain::language::Language;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The longest text, in characters.
const LONGEST: usize = 200;

/// A text for users: one for everybody, or one for each language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalizedText {
    english: String,
    german: Option<String>,
}

impl LocalizedText {
    /// The text in a language, or otherwise in English.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::English => &self.english,
            Language::German => self.german.as_deref().unwrap_or(&self.english),
        }
    }
}

/// A text of 1 to 200 characters, such as `See your orders`.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = 200))]
pub(crate) struct Sentence(String);

impl TryFrom<String> for Sentence {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        if text.trim().is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return Err(NotAllowed::new("not a text for users: write 1 to 200 characters in one line"));
        }
        Ok(Self(text))
    }
}

/// A text for each language. A language that is not there has the English one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextByLanguage {
    /// English.
    en: Sentence,
    /// German.
    de: Option<Sentence>,
}

/// The forms in which the file can write a text, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "LocalizedText")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum WrittenText {
    One(Sentence),
    ByLanguage(TextByLanguage),
}

impl<'de> Deserialize<'de> for LocalizedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrByLanguage)
    }
}

struct OneOrByLanguage;

impl<'de> Visitor<'de> for OneOrByLanguage {
    type Value = LocalizedText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes, or `en` and `de` with one each")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LocalizedText, E> {
        let english = Sentence::try_from(text.to_owned()).map_err(E::custom)?.0;
        Ok(LocalizedText { english, german: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LocalizedText, A::Error> {
        let texts = TextByLanguage::deserialize(MapAccessDeserializer::new(map))?;
        Ok(LocalizedText { english: texts.en.0, german: texts.de.map(|text| text.0) })
    }
}
