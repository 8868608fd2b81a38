//! Reads the links of a user from JSON, each of which is named once.

use gateway_domain::ids::ConnectorName;
use serde::Deserializer;
use serde::de::{Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

type Links = BTreeMap<ConnectorName, String>;

/// An object of names and texts. A name that occurs twice is an error: of two links, chance would decide.
pub(super) fn each_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Links, D::Error> {
    deserializer.deserialize_map(EachOnce)
}

struct EachOnce;

impl<'de> Visitor<'de> for EachOnce {
    type Value = Links;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names and texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Links, A::Error> {
        let mut links = Links::new();
        while let Some((name, link)) = members.next_entry()? {
            if links.insert(name, link).is_some() {
                return Err(A::Error::custom("a link is named twice"));
            }
        }
        Ok(links)
    }
}
