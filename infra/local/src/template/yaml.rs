//! Parses YAML with `CloudFormation` tags. Every node has its line.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Spanned, Tagged};

/// One node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// What it holds.
    pub(crate) value: Value,
    /// Its tag with the exclamation mark, such as `!Ref`.
    pub(crate) tag: Option<String>,
    /// Line it starts on, from 1.
    pub(crate) line: u64,
}

/// What a node holds. Numbers and booleans keep their spelling. Parts are shared: reading a template takes copies of nodes at each step down.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Nothing (`~`).
    Null,
    /// Text, a number or a boolean.
    Scalar(String),
    /// A sequence.
    List(Arc<Vec<Node>>),
    /// A mapping in the order it was written.
    Map(Arc<Vec<(String, Node)>>),
}

/// Reads one document.
pub(crate) fn parse(text: &str) -> Result<Node, serde_saphyr::Error> {
    serde_saphyr::from_str(text)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Tagged<Value>>::deserialize(deserializer)?;
        let line = spanned.referenced.line();
        let Tagged(value, tag) = spanned.value;
        Ok(Self { value, tag, line })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a template value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Scalar(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(Arc::new(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut seen = BTreeSet::new();
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Node>()? {
            if !seen.insert(key.clone()) {
                return Err(serde::de::Error::custom(format!("the key `{key}` appears twice")));
            }
            map.push((key, value));
        }
        Ok(Value::Map(Arc::new(map)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_lines_survive() {
        let node = parse("a: !Ref Name\nb:\n  - !If [X, 1, !Sub \"${Y}\"]\n  - true\n").unwrap();
        let Value::Map(map) = &node.value else { panic!("{node:?}") };
        assert_eq!(map[0].1.tag.as_deref(), Some("!Ref"));
        assert!(matches!(&map[0].1.value, Value::Scalar(name) if name == "Name"));
        let Value::List(list) = &map[1].1.value else { panic!("{node:?}") };
        assert_eq!((list[0].tag.as_deref(), list[0].line), (Some("!If"), 3));
        let Value::List(choice) = &list[0].value else { panic!("{node:?}") };
        assert_eq!(choice[2].tag.as_deref(), Some("!Sub"));
        assert!(matches!(&choice[1].value, Value::Scalar(one) if one == "1"));
        assert!(matches!(&list[1].value, Value::Scalar(yes) if yes == "true"));
    }

    #[test]
    fn the_same_key_twice_is_an_error() {
        assert!(parse("a: 1\na: 2\n").is_err());
    }
}
