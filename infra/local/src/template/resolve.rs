//! Replaces `!Ref`, `!Sub`, `!GetAtt` and `!If` by their values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cursor::{At, Fields};
use super::yaml::{Node, Value};
use super::{ACCOUNT, Inputs, REGION, TemplateError};

/// The values of names and conditions.
#[derive(Debug)]
pub(super) struct Scope {
    /// Parameters, pseudo parameters and physical names of resources.
    names: BTreeMap<String, String>,
    conditions: BTreeMap<String, At>,
    /// Logical ids of the tables that have a stream.
    streams: BTreeSet<String>,
    table_prefix: String,
}

impl Scope {
    pub(super) fn read(sections: &Fields, inputs: &Inputs) -> Result<Self, TemplateError> {
        let mut names: BTreeMap<String, String> = [
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::StackName", "local"),
            ("AWS::URLSuffix", "amazonaws.com"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if let Some(parameters) = sections.get("Parameters") {
            for (name, parameter) in parameters.entries()? {
                let value = match (inputs.parameters.get(&name), parameter.get("Default")) {
                    (Some(given), _) => given.clone(),
                    (None, Some(default)) => default.text()?.to_owned(),
                    (None, None) => return Err(parameter.error("has no default and the local stack sets none")),
                };
                names.insert(name, value);
            }
        }
        let mut streams = BTreeSet::new();
        for (id, resource) in sections.required("Resources")?.entries()? {
            let is_table =
                resource.get("Type").is_some_and(|kind| kind.text().is_ok_and(|kind| kind == "AWS::DynamoDB::Table"));
            let properties = resource.get("Properties");
            if is_table && properties.is_some_and(|properties| properties.get("StreamSpecification").is_some()) {
                streams.insert(id.clone());
            }
            let name = if is_table { format!("{}{id}", inputs.table_prefix) } else { id.clone() };
            names.insert(id, name);
        }
        let conditions = match sections.get("Conditions") {
            Some(conditions) => conditions.entries()?.into_iter().collect(),
            None => BTreeMap::new(),
        };
        Ok(Self { names, conditions, streams, table_prefix: inputs.table_prefix.clone() })
    }

    pub(super) fn table_name(&self, id: &str) -> String {
        format!("{}{id}", self.table_prefix)
    }

    /// The node at this place, with all tags replaced. Parts that are `AWS::NoValue` are removed.
    pub(super) fn resolve(&self, at: &At) -> Result<At, TemplateError> {
        Ok(self.value(at)?.unwrap_or_else(|| at.with(Node { value: Value::Null, tag: None, line: at.node().line })))
    }

    /// Whether the condition with this name holds.
    pub(super) fn condition(&self, name: &str, at: &At) -> Result<bool, TemplateError> {
        let Some(condition) = self.conditions.get(name) else {
            return Err(at.error(&format!("there is no condition `{name}`")));
        };
        self.holds(condition)
    }

    /// The resolved node; `None` for `AWS::NoValue`.
    fn value(&self, at: &At) -> Result<Option<At>, TemplateError> {
        let line = at.node().line;
        let plain = || at.with(Node { tag: None, ..at.node().clone() });
        match at.node().tag.as_deref() {
            None => self.plain(at),
            Some("!Ref") => {
                let name = plain();
                let name = name.text()?;
                if name == "AWS::NoValue" {
                    return Ok(None);
                }
                Ok(Some(at.with(Node::scalar(self.name(name, at)?, line))))
            }
            Some("!Sub") => Ok(Some(at.with(Node::scalar(self.substitute(plain().text()?, at)?, line)))),
            Some("!GetAtt") => {
                let path = plain();
                let value = match path.text()?.split_once('.') {
                    // The ARN of a secret is its attribute `Id`.
                    Some((id, "Arn" | "Id")) => self.name(id, at).map(|_| arn(id))?,
                    Some((id, "StreamArn")) => self.stream_arn(id, at)?,
                    Some(_) | None => return Err(at.error("only the attributes Arn, Id and StreamArn are understood")),
                };
                Ok(Some(at.with(Node::scalar(value, line))))
            }
            Some("!If") => {
                let parts = plain().items()?;
                let [condition, yes, no] = parts.as_slice() else { return Err(at.error("!If takes three items")) };
                let chosen = if self.condition(condition.text()?, condition)? { yes } else { no };
                Ok(self.value(chosen)?.map(|chosen| at.with(chosen.node().clone())))
            }
            Some(tag) => Err(at.error(&format!("{tag} is not understood; known are !Ref, !Sub, !GetAtt and !If"))),
        }
    }

    fn plain(&self, at: &At) -> Result<Option<At>, TemplateError> {
        let node = at.node();
        let value = match &node.value {
            Value::Null => Value::Null,
            Value::Scalar(text) => Value::Scalar(text.clone()),
            Value::List(_) => {
                let mut list = Vec::new();
                for item in at.items()? {
                    list.extend(self.value(&item)?.map(|item| item.node().clone()));
                }
                Value::List(Arc::new(list))
            }
            Value::Map(_) => {
                let mut map = Vec::new();
                for (key, entry) in at.entries()? {
                    if key == "Ref" || key.starts_with("Fn::") {
                        return Err(entry.error("write it in its short form, such as !Ref"));
                    }
                    map.extend(self.value(&entry)?.map(|entry| (key, entry.node().clone())));
                }
                Value::Map(Arc::new(map))
            }
        };
        Ok(Some(at.with(Node { value, tag: None, line: node.line })))
    }

    fn name(&self, name: &str, at: &At) -> Result<&str, TemplateError> {
        let found = self.names.get(name).map(String::as_str);
        found.ok_or_else(|| at.error(&format!("there is no parameter or resource `{name}`")))
    }

    /// The ARN of the stream of a table, in a form of the local stack.
    fn stream_arn(&self, id: &str, at: &At) -> Result<String, TemplateError> {
        if !self.streams.contains(id) {
            return Err(at.error(&format!("`{id}` is no table with a StreamSpecification")));
        }
        Ok(format!("{}{STREAM}", arn(id)))
    }

    fn substitute(&self, text: &str, at: &At) -> Result<String, TemplateError> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let Some((name, tail)) = after.split_once('}') else { return Err(at.error("a `${` is not closed")) };
            match (name.strip_suffix(".Arn"), name.strip_suffix(".StreamArn")) {
                _ if name.starts_with('!') => return Err(at.error("`${!` is not understood")),
                (Some(id), _) => {
                    self.name(id, at)?;
                    result.push_str(&arn(id));
                }
                (None, Some(id)) => result.push_str(&self.stream_arn(id, at)?),
                (None, None) => result.push_str(self.name(name, at)?),
            }
            rest = tail;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn holds(&self, at: &At) -> Result<bool, TemplateError> {
        let parts = at.with(Node { tag: None, ..at.node().clone() });
        match (at.node().tag.as_deref(), parts.items().as_deref()) {
            (Some("!Equals"), Ok([left, right])) => Ok(self.resolve(left)?.text()? == self.resolve(right)?.text()?),
            (Some("!Not"), Ok([one])) => Ok(!self.holds(one)?),
            (Some("!Or"), Ok([one, other])) => Ok(self.holds(one)? || self.holds(other)?),
            (Some("!Condition"), _) => self.condition(parts.text()?, at),
            _ => Err(at.error("only !Equals [a, b], !Not [condition], !Or [a, b] and !Condition are understood")),
        }
    }
}

/// The end of the ARN of a stream, after that of its table.
const STREAM: &str = "/stream";

/// The ARN of a resource, in a form of the local stack: it ends with the logical id.
fn arn(id: &str) -> String {
    format!("arn:aws:local:{REGION}:{ACCOUNT}:resource:{id}")
}

/// The logical id in an ARN of this form.
pub(super) fn id_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix(&format!("arn:aws:local:{REGION}:{ACCOUNT}:resource:"))
}

/// The logical id of the table in the ARN of its stream.
pub(super) fn table_of_stream(arn: &str) -> Option<&str> {
    id_of_arn(arn)?.strip_suffix(STREAM)
}
