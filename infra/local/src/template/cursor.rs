//! Reads nodes of a template. Each error names the place.

use std::str::FromStr;

use super::TemplateError;
use super::yaml::{Node, Value};

/// A node and the path of keys that leads to it.
#[derive(Debug, Clone)]
pub(super) struct At {
    place: String,
    node: Node,
}

/// The entries of a mapping whose keys are all known.
#[derive(Debug)]
pub(super) struct Fields {
    at: At,
}

impl At {
    pub(super) fn root(node: Node) -> Self {
        Self { place: String::new(), node }
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// The same place with another node.
    pub(super) fn with(&self, node: Node) -> Self {
        Self { place: self.place.clone(), node }
    }

    pub(super) fn error(&self, reason: &str) -> TemplateError {
        let place = if self.place.is_empty() { "top level".to_owned() } else { self.place.clone() };
        TemplateError::Place { line: self.node.line, place, reason: reason.to_owned() }
    }

    fn child(&self, key: &str, node: &Node) -> Self {
        let place = if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) };
        Self { place, node: node.clone() }
    }

    /// The entry with this key, if this is a mapping and has it.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let Value::Map(map) = &self.node.value else { return None };
        map.iter().find(|(name, _)| name == key).map(|(name, node)| self.child(name, node))
    }

    /// All entries of a mapping.
    pub(super) fn entries(&self) -> Result<Vec<(String, Self)>, TemplateError> {
        self.untagged()?;
        let Value::Map(map) = &self.node.value else { return Err(self.error("must be a mapping")) };
        Ok(map.iter().map(|(key, node)| (key.clone(), self.child(key, node))).collect())
    }

    /// A mapping that has only known keys.
    pub(super) fn fields(&self, known: &[&str]) -> Result<Fields, TemplateError> {
        for (key, entry) in self.entries()? {
            if !known.contains(&key.as_str()) {
                return Err(entry.error("is not part of the template the local stack runs"));
            }
        }
        Ok(Fields { at: self.clone() })
    }

    /// The items of a sequence.
    pub(super) fn items(&self) -> Result<Vec<Self>, TemplateError> {
        self.untagged()?;
        let Value::List(list) = &self.node.value else { return Err(self.error("must be a list")) };
        Ok(list.iter().enumerate().map(|(index, node)| self.child(&index.to_string(), node)).collect())
    }

    /// The items of a sequence, or this node alone if it is not a sequence.
    pub(super) fn one_or_more(&self) -> Vec<Self> {
        match &self.node.value {
            Value::List(list) => {
                list.iter().enumerate().map(|(index, node)| self.child(&index.to_string(), node)).collect()
            }
            Value::Null | Value::Scalar(_) | Value::Map(_) => vec![self.clone()],
        }
    }

    /// The text of a single value, as it is spelled.
    pub(super) fn text(&self) -> Result<&str, TemplateError> {
        self.untagged()?;
        match &self.node.value {
            Value::Scalar(text) => Ok(text),
            Value::Null => Ok(""),
            Value::List(_) | Value::Map(_) => Err(self.error("must be a single value")),
        }
    }

    /// Text that must be one of these.
    pub(super) fn one_of(&self, allowed: &[&str]) -> Result<&str, TemplateError> {
        let text = self.text()?;
        if allowed.contains(&text) {
            return Ok(text);
        }
        Err(self.error(&format!("`{text}` is not run by the local stack, which knows {}", allowed.join(", "))))
    }

    /// A number.
    pub(super) fn number<T: FromStr>(&self) -> Result<T, TemplateError> {
        self.text()?.parse().map_err(|_| self.error("must be a number in range"))
    }

    fn untagged(&self) -> Result<(), TemplateError> {
        match &self.node.tag {
            Some(tag) => Err(self.error(&format!("{tag} is not understood here"))),
            None => Ok(()),
        }
    }
}

impl Fields {
    pub(super) fn get(&self, key: &str) -> Option<At> {
        self.at.get(key)
    }

    pub(super) fn required(&self, key: &str) -> Result<At, TemplateError> {
        self.get(key).ok_or_else(|| self.at.error(&format!("needs `{key}`")))
    }
}
