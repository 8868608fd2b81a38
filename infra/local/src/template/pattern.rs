//! Reads the patterns that filter events before a function gets them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>

use serde_json::Value;

/// What an event must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// An object whose members are like these.
    Object(Vec<(String, Pattern)>),
    /// A single value that is like one of these.
    OneOf(Vec<Alternative>),
}

/// What a single value can be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alternative {
    /// This text, number or boolean, or null.
    Literal(Value),
    /// A text that begins with this one.
    Prefix(String),
    /// Whether there is a value at all.
    Exists(bool),
}

impl Pattern {
    /// Reads a pattern; otherwise it says what is wrong.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("must be JSON: {error}"))?;
        match Self::of(&value)? {
            object @ Self::Object(_) => Ok(object),
            Self::OneOf(_) => Err("must be a JSON object".to_owned()),
        }
    }

    fn of(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(members) if !members.is_empty() => {
                let members = members.iter().map(|(name, value)| Ok((name.clone(), Self::of(value)?)));
                Ok(Self::Object(members.collect::<Result<Vec<_>, String>>()?))
            }
            Value::Array(items) if !items.is_empty() => {
                Ok(Self::OneOf(items.iter().map(Alternative::of).collect::<Result<Vec<_>, String>>()?))
            }
            Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Err(format!("`{value}` must be an object with members or a list of alternatives"))
            }
        }
    }

    /// Whether an event is like this.
    pub fn matches(&self, event: &Value) -> bool {
        self.fits(Some(event))
    }

    fn fits(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (Self::Object(_), Some(Value::Array(items))) if !items.is_empty() => {
                items.iter().any(|item| self.fits(Some(item)))
            }
            (Self::Object(members), _) => members.iter().all(|(name, pattern)| {
                // Members of what is absent are absent.
                pattern.fits(found.and_then(|found| found.get(name)))
            }),
            (Self::OneOf(alternatives), _) => {
                let leaves = found.map(leaves).unwrap_or_default();
                alternatives.iter().any(|alternative| alternative.fits(&leaves))
            }
        }
    }
}

impl Alternative {
    fn of(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Self::Literal(value.clone())),
            Value::Array(_) => Err(format!("`{value}` is no alternative")),
            Value::Object(operators) => {
                let mut operators = operators.iter();
                match (operators.next(), operators.next()) {
                    (Some((name, Value::Bool(exists))), None) if name == "exists" => Ok(Self::Exists(*exists)),
                    (Some((name, Value::String(text))), None) if name == "prefix" => Ok(Self::Prefix(text.clone())),
                    _ => Err(format!(
                        "`{value}` is not understood; known are `exists` (a boolean) and `prefix` (a text)"
                    )),
                }
            }
        }
    }

    fn fits(&self, leaves: &[&Value]) -> bool {
        match self {
            Self::Literal(literal) => leaves.contains(&literal),
            Self::Prefix(prefix) => {
                leaves.iter().any(|leaf| leaf.as_str().is_some_and(|text| text.starts_with(prefix.as_str())))
            }
            Self::Exists(exists) => *exists != leaves.is_empty(),
        }
    }
}

/// The single values of what is found: alternatives are compared with each item of a list, and never with an object.
fn leaves(found: &Value) -> Vec<&Value> {
    match found {
        Value::Object(_) => Vec::new(),
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![found],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A record that was deleted because it had expired.
    fn record() -> Value {
        let image = json!({
            "pk": { "S": "session#1" },
            "tags": { "SS": ["a", "b"] },
            "on": { "BOOL": true },
            "n": { "N": "7" },
        });
        json!({
            "eventName": "REMOVE",
            "userIdentity": { "type": "Service", "principalId": "dynamodb.amazonaws.com" },
            "dynamodb": { "OldImage": image, "SizeBytes": 26 },
        })
    }

    fn matches(pattern: &Value) -> bool {
        Pattern::read(&pattern.to_string()).unwrap().matches(&record())
    }

    /// A pattern of an attribute of the old image.
    fn old(attribute: &Value) -> Value {
        json!({ "dynamodb": { "OldImage": attribute } })
    }

    #[test]
    fn each_member_must_match_with_one_of_its_alternatives() {
        assert!(matches(&json!({ "eventName": ["INSERT", "REMOVE"] })));
        assert!(!matches(&json!({ "eventName": ["INSERT", "MODIFY"] })));
        assert!(!matches(&json!({ "eventName": ["remove"] })));
        assert!(matches(&json!({ "eventName": ["REMOVE"], "userIdentity": { "type": ["Service"] } })));
        assert!(!matches(&json!({ "eventName": ["INSERT"], "userIdentity": { "type": ["Service"] } })));
        assert!(!matches(&json!({ "eventName": { "type": ["REMOVE"] } })));
    }

    #[test]
    fn literals_keep_their_type() {
        assert!(matches(&old(&json!({ "on": { "BOOL": [true] } }))));
        assert!(!matches(&old(&json!({ "on": { "BOOL": ["true"] } }))));
        assert!(matches(&old(&json!({ "n": { "N": ["7"] } }))));
        assert!(!matches(&old(&json!({ "n": { "N": [7] } }))));
        assert!(matches(&json!({ "dynamodb": { "SizeBytes": [26] } })));
        assert!(!matches(&json!({ "dynamodb": { "SizeBytes": [null] } })));
    }

    #[test]
    fn a_prefix_is_of_texts() {
        assert!(matches(&old(&json!({ "pk": { "S": [{ "prefix": "session#" }] } }))));
        assert!(!matches(&old(&json!({ "pk": { "S": [{ "prefix": "user#" }] } }))));
        assert!(matches(&old(&json!({ "pk": { "S": ["x", { "prefix": "session#" }] } }))));
        assert!(!matches(&json!({ "dynamodb": { "SizeBytes": [{ "prefix": "2" }] } })));
    }

    #[test]
    fn what_exists_is_a_single_value() {
        let exists = |exists: bool| json!([{ "exists": exists }]);
        for (pattern, found) in [
            (old(&json!({ "pk": { "S": exists(true) } })), true),
            (old(&json!({ "pk": { "N": exists(false) } })), true),
            (old(&json!({ "pk": { "S": exists(false) } })), false),
            (old(&json!({ "other": { "S": exists(true) } })), false),
            // Its parents are absent, too.
            (json!({ "dynamodb": { "NewImage": { "pk": { "S": exists(false) } } } }), true),
            (json!({ "dynamodb": { "NewImage": { "pk": { "S": exists(true) } } } }), false),
            // An object is no single value.
            (json!({ "dynamodb": { "OldImage": exists(true) } }), false),
            (json!({ "dynamodb": { "NewImage": exists(false) }, "eventName": ["REMOVE"] }), true),
        ] {
            assert_eq!(matches(&pattern), found, "{pattern}");
        }
    }

    #[test]
    fn any_item_of_a_list_will_do() {
        assert!(matches(&old(&json!({ "tags": { "SS": ["b", "c"] } }))));
        assert!(!matches(&old(&json!({ "tags": { "SS": ["c"] } }))));
        let pattern = Pattern::read(r#"{"L":{"M":["x"],"N":["1"]}}"#).unwrap();
        assert!(pattern.matches(&json!({ "L": [{ "M": "y" }, { "M": "x", "N": "1" }] })));
        assert!(!pattern.matches(&json!({ "L": [{ "M": "x" }, { "N": "1" }] })));
        assert!(!pattern.matches(&json!({ "L": [] })));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (pattern, told) in [
            ("{", "must be JSON"),
            ("{}", "must be an object with members"),
            ("[\"a\"]", "must be a JSON object"),
            (r#"{"a":"b"}"#, "`\"b\"` must be an object"),
            (r#"{"a":[]}"#, "a list of alternatives"),
            (r#"{"a":[["b"]]}"#, "is no alternative"),
            (r#"{"a":[{"anything-but":["b"]}]}"#, "is not understood"),
            (r#"{"a":[{"numeric":["=",1]}]}"#, "is not understood"),
            (r#"{"a":[{"exists":"true"}]}"#, "is not understood"),
            (r#"{"a":[{"prefix":"b","exists":true}]}"#, "is not understood"),
            (r#"{"a":{"b":[{}]}}"#, "is not understood"),
        ] {
            let message = Pattern::read(pattern).unwrap_err();
            assert!(message.contains(told), "{pattern}: {message}");
        }
    }
}
