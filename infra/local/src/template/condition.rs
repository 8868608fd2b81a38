//! Conditions of a statement: which items and attributes a request may name, and whether it may ask for all of an item.
//!
//! Only the keys and operators for access to single items and attributes are understood (Amazon DynamoDB, Using IAM policy conditions
//! for fine-grained access control).

use std::collections::{BTreeMap, BTreeSet};

use super::TemplateError;
use super::cursor::At;

/// The top-level attributes that a request names: in its key, its item and its expressions.
pub const ATTRIBUTES: &str = "dynamodb:Attributes";
/// The partition keys of the items that a request is for. A scan has none.
pub const LEADING_KEYS: &str = "dynamodb:LeadingKeys";
/// Which attributes a read returns: those of its projection, or all.
pub const SELECT: &str = "dynamodb:Select";
/// Which attributes a write returns.
pub const RETURN_VALUES: &str = "dynamodb:ReturnValues";

/// The values of a request for each condition key. A request to another service than `DynamoDB` has none.
pub type Keys = BTreeMap<&'static str, BTreeSet<String>>;

/// One condition. If a statement has several, all must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    operator: Operator,
    key: &'static str,
    values: Vec<String>,
}

/// How the values of a request are compared with the listed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    ForAllValuesStringEquals,
    ForAllValuesStringLike,
    StringEquals,
    StringEqualsIfExists,
}

const OPERATORS: [(&str, Operator); 4] = [
    ("ForAllValues:StringEquals", Operator::ForAllValuesStringEquals),
    ("ForAllValues:StringLike", Operator::ForAllValuesStringLike),
    ("StringEquals", Operator::StringEquals),
    ("StringEqualsIfExists", Operator::StringEqualsIfExists),
];

/// Actions whose requests are read for these keys. Batch operations are not.
const ACTIONS: [&str; 7] = [
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
];
/// The keys whose values are what a request names.
pub const NAMING: [&str; 2] = [ATTRIBUTES, LEADING_KEYS];
/// Those of the actions that return all attributes if they name none.
const READS: [&str; 3] = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"];

impl Condition {
    /// Whether it is on this key.
    pub fn is_on(&self, key: &str) -> bool {
        self.key == key
    }

    /// Whether a request with these values meets it.
    pub fn holds(&self, keys: &Keys) -> bool {
        let said = keys.get(self.key);
        let is_listed = |said: &BTreeSet<String>| said.iter().all(|name| self.values.contains(name));
        match self.operator {
            Operator::ForAllValuesStringEquals | Operator::StringEqualsIfExists => said.is_none_or(is_listed),
            Operator::StringEquals => said.is_some_and(is_listed),
            Operator::ForAllValuesStringLike => said.is_none_or(|said| said.iter().all(|name| self.likes(name))),
        }
    }

    /// The listed attributes and partition keys, or patterns of them, that match nothing of what requests named.
    pub fn unused<'c>(&'c self, named: &Keys) -> Vec<&'c str> {
        if !NAMING.contains(&self.key) {
            return Vec::new();
        }
        let of_key = named.get(self.key);
        let is_named =
            |value: &str| of_key.into_iter().flatten().any(|name| is_like(value.as_bytes(), name.as_bytes()));
        self.values.iter().map(String::as_str).filter(|value| !is_named(value)).collect()
    }

    /// What a request names, if this condition does not hold.
    pub fn broken_by<'k>(&self, keys: &'k Keys) -> impl Iterator<Item = &'k str> {
        let names = keys.get(self.key).filter(|_| !self.holds(keys));
        names.into_iter().flatten().map(String::as_str)
    }

    fn likes(&self, name: &str) -> bool {
        self.values.iter().any(|pattern| is_like(pattern.as_bytes(), name.as_bytes()))
    }
}

/// Whether a text matches a pattern, in which `*` stands for any text and `?` for any character.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) if is_like(rest, text) => true,
        ([b'*', ..], [_, text @ ..]) => is_like(pattern, text),
        ([b'?', pattern @ ..], [_, text @ ..]) => is_like(pattern, text),
        ([wanted, pattern @ ..], [found, text @ ..]) => wanted == found && is_like(pattern, text),
        _ => false,
    }
}

/// Reads `Condition`. An operator or key that is not understood is an error: otherwise the statement would allow less or
/// more here than in AWS.
pub(super) fn read(at: &At) -> Result<Vec<Condition>, TemplateError> {
    let mut conditions = Vec::new();
    for (name, keys) in at.entries()? {
        let Some((_, operator)) = OPERATORS.into_iter().find(|(known, _)| *known == name) else {
            return Err(
                keys.error(&format!("is not understood; known are {}", OPERATORS.map(|(known, _)| known).join(", ")))
            );
        };
        for (name, values) in keys.entries()? {
            let known: &[&'static str] = match operator {
                Operator::ForAllValuesStringEquals | Operator::ForAllValuesStringLike => &NAMING,
                Operator::StringEquals | Operator::StringEqualsIfExists => &[SELECT, RETURN_VALUES],
            };
            let Some(key) = known.iter().find(|key| **key == name) else {
                return Err(
                    values.error(&format!("is not understood under this operator, which knows {}", known.join(", ")))
                );
            };
            let listed =
                values.one_or_more().iter().map(|value| read_value(value, operator)).collect::<Result<_, _>>()?;
            conditions.push(Condition { operator, key, values: listed });
        }
    }
    Ok(conditions)
}

fn read_value(at: &At, operator: Operator) -> Result<String, TemplateError> {
    let text = at.text()?;
    if text.contains('$') {
        return Err(at.error("variables of policies are not understood"));
    }
    if operator != Operator::ForAllValuesStringLike && text.contains(['*', '?']) {
        return Err(at.error("is taken word for word; a pattern needs ForAllValues:StringLike"));
    }
    Ok(text.to_owned())
}

/// Checks that these conditions have an effect on this action.
pub(super) fn check(conditions: &[Condition], action: &str, at: &At) -> Result<(), TemplateError> {
    let has = |key: &str| conditions.iter().any(|condition| condition.key == key);
    if !conditions.is_empty() && !ACTIONS.contains(&action) {
        return Err(at.error("is not understood with a condition"));
    }
    if READS.contains(&action) && has(ATTRIBUTES) && !has(SELECT) {
        return Err(at.error("returns all attributes when it names none: add a condition on dynamodb:Select"));
    }
    if action == "dynamodb:Scan" && has(LEADING_KEYS) {
        return Err(at.error("reads items of all keys, whatever dynamodb:LeadingKeys lists"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn condition(operator: Operator, key: &'static str, values: &[&str]) -> Condition {
        Condition { operator, key, values: values.iter().map(|value| (*value).to_owned()).collect() }
    }

    #[test]
    fn every_attribute_that_is_named_must_be_listed() {
        let listed = condition(Operator::ForAllValuesStringEquals, ATTRIBUTES, &["pk", "v"]);
        for (named, holds) in [(&["pk"][..], true), (&["pk", "v"], true), (&["pk", "links"], false), (&["V"], false)] {
            assert_eq!(listed.holds(&Keys::from([(ATTRIBUTES, names(named))])), holds, "{named:?}");
        }
        // As in IAM: a request without values has no value that is not listed.
        assert!(listed.holds(&Keys::new()));
    }

    #[test]
    fn a_pattern_stands_for_names_of_its_form() {
        let listed = condition(Operator::ForAllValuesStringLike, ATTRIBUTES, &["v", "b*", "s??"]);
        for (named, holds) in [("v", true), ("b", true), ("b12", true), ("s12", true), ("s1", false), ("n", false)] {
            assert_eq!(listed.holds(&Keys::from([(ATTRIBUTES, names(&[named]))])), holds, "{named}");
        }
        for (pattern, text, like) in [("*", "", true), ("a*c", "abbc", true), ("a*c", "abcb", false), ("?", "", false)]
        {
            assert_eq!(is_like(pattern.as_bytes(), text.as_bytes()), like, "{pattern} {text}");
        }
    }

    #[test]
    fn only_if_exists_lets_a_request_say_nothing() {
        for key in [SELECT, RETURN_VALUES] {
            let must = condition(Operator::StringEquals, key, &["NONE", "SPECIFIC_ATTRIBUTES"]);
            let may = Condition { operator: Operator::StringEqualsIfExists, ..must.clone() };
            for (said, holds) in [("NONE", true), ("SPECIFIC_ATTRIBUTES", true), ("ALL_NEW", false), ("none", false)] {
                let keys = Keys::from([(key, names(&[said]))]);
                assert_eq!((must.holds(&keys), may.holds(&keys)), (holds, holds), "{key} {said}");
            }
            assert_eq!((must.holds(&Keys::new()), may.holds(&Keys::new())), (false, true));
        }
    }
}
