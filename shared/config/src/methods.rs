//! The methods of a route, each with the scopes that a call needs.

use crate::NotAllowed;
use crate::text::ScopeToken;
use gateway_domain::scope::Scope;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

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

impl Method {
    /// All of them, for which `ANY` stands.
    const ALL: [Self; 6] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];
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

/// The methods of a route. `ANY` stands for all that have no entry of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Methods {
    scopes: BTreeMap<Method, Scope>,
    /// The entries of the file, in order.
    pub(crate) written: Vec<(Key, Entry)>,
}

impl Methods {
    /// Each method with its scopes.
    pub fn iter(&self) -> impl Iterator<Item = (&Method, &Scope)> {
        self.scopes.iter()
    }

    /// The scopes of a method; `None` if the route does not have it.
    pub fn get(&self, method: Method) -> Option<&Scope> {
        self.scopes.get(&method)
    }

    /// Whether there is no method.
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }
}

/// The name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Key {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Any,
}

impl Key {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Any => "ANY",
        }
    }
}

impl From<Method> for Key {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Head => Self::Head,
            Method::Post => Self::Post,
            Method::Put => Self::Put,
            Method::Patch => Self::Patch,
            Method::Delete => Self::Delete,
        }
    }
}

/// What an entry says of its methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A call needs these scopes.
    Scopes(Scope),
    /// No call may have this method, although `ANY` is there.
    Refused,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl<'de> Visitor<'de> for Written {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scopes, such as [orders:read], or `refused`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Entry, E> {
                if text == "refused" {
                    return Ok(Entry::Refused);
                }
                Err(E::custom(NotAllowed::new(format!("expected a list: write [{text}], or `refused`"))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Entry, A::Error> {
                let tokens = Vec::<ScopeToken>::deserialize(SeqAccessDeserializer::new(list))?;
                let text = tokens.iter().map(ScopeToken::as_str).collect::<Vec<_>>().join(" ");
                let too_many = |_| A::Error::custom("too many scopes: write at most 15 for one method");
                Scope::parse(&text).map(Entry::Scopes).map_err(too_many)
            }
        }
        deserializer.deserialize_any(Written)
    }
}

impl JsonSchema for Entry {
    fn schema_name() -> Cow<'static, str> {
        "ScopesOfMethod".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let token = generator.subschema_for::<ScopeToken>();
        json_schema!({ "anyOf": [{ "type": "array", "items": token }, { "const": "refused" }] })
    }
}

impl<'de> Deserialize<'de> for Methods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<Key, Entry>::deserialize(deserializer)?;
        let own = |method: Method| written.get(&method.into()).or_else(|| written.get(&Key::Any));
        let scopes = Method::ALL.into_iter().filter_map(|method| match own(method)? {
            Entry::Scopes(scopes) => Some((method, scopes.clone())),
            Entry::Refused => None,
        });
        Ok(Self { scopes: scopes.collect(), written: written.into_iter().collect() })
    }
}

impl JsonSchema for Methods {
    fn schema_name() -> Cow<'static, str> {
        "Methods".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = <BTreeMap<Key, Entry>>::json_schema(generator);
        schema.insert("minProperties".to_owned(), 1.into());
        schema
    }
}
