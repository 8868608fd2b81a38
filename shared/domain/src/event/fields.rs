//! Typed reading of an event's fields. Null counts as absent; every other value must have the documented type.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{EventError, MAX_BODY_BYTES};

type Object = Map<String, Value>;

/// Removes a field and returns its value; null counts as absent.
fn take(object: &mut Object, field: &str) -> Option<Value> {
    object.remove(field).filter(|value| !value.is_null())
}

/// A text.
pub(super) fn text(object: &mut Object, field: &'static str) -> Result<Option<String>, EventError> {
    match take(object, field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(EventError::WrongType { field, expected: "a string" }),
    }
}

/// A required text, not empty.
pub(super) fn required(object: &mut Object, field: &'static str) -> Result<String, EventError> {
    text(object, field)?.filter(|text| !text.is_empty()).ok_or(EventError::Missing(field))
}

/// An object.
pub(super) fn object(parent: &mut Object, field: &'static str) -> Result<Option<Object>, EventError> {
    match take(parent, field) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(EventError::WrongType { field, expected: "an object" }),
    }
}

/// A list of texts.
pub(super) fn texts(object: &mut Object, field: &'static str) -> Result<Option<Vec<String>>, EventError> {
    take(object, field).map(|value| strings(value, field)).transpose()
}

fn strings(value: Value, field: &'static str) -> Result<Vec<String>, EventError> {
    let wrong = EventError::WrongType { field, expected: "lists of strings" };
    let Value::Array(values) = value else { return Err(wrong) };
    values
        .into_iter()
        .map(|value| match value {
            Value::String(text) => Ok(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(wrong.clone()),
        })
        .collect()
}

/// An object of single texts, as pairs; empty if absent. Names whose value is null are left out.
pub(super) fn single(object: &mut Object, field: &'static str) -> Result<Vec<(String, String)>, EventError> {
    let Some(map) = self::object(object, field)? else { return Ok(Vec::new()) };
    let mut pairs = Vec::with_capacity(map.len());
    for (name, value) in map {
        match value {
            Value::String(text) => pairs.push((name, text)),
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err(EventError::WrongType { field, expected: "an object of strings" });
            }
        }
    }
    Ok(pairs)
}

/// An object of lists of texts, as pairs in order; empty if absent.
pub(super) fn multiple(object: &mut Object, field: &'static str) -> Result<Vec<(String, String)>, EventError> {
    let Some(map) = self::object(object, field)? else { return Ok(Vec::new()) };
    let mut pairs = Vec::with_capacity(map.len());
    for (name, values) in map {
        if !values.is_null() {
            pairs.extend(strings(values, field)?.into_iter().map(|value| (name.clone(), value)));
        }
    }
    Ok(pairs)
}

/// Stage variables.
pub(super) fn stage_variables(event: &mut Object) -> Result<BTreeMap<String, String>, EventError> {
    Ok(single(event, "stageVariables")?.into_iter().collect())
}

/// The body, decoded from base64 if the event says so.
pub(super) fn body(event: &mut Object) -> Result<Bytes, EventError> {
    let encoded = match take(event, "isBase64Encoded") {
        None => false,
        Some(Value::Bool(encoded)) => encoded,
        Some(_) => return Err(EventError::WrongType { field: "isBase64Encoded", expected: "true or false" }),
    };
    let Some(text) = text(event, "body")? else { return Ok(Bytes::new()) };
    // Four characters hold three bytes, so a body that must be too large is refused before it is decoded.
    let at_most = if encoded { MAX_BODY_BYTES.div_ceil(3).saturating_mul(4) } else { MAX_BODY_BYTES };
    if text.len() > at_most {
        return Err(EventError::BodyTooLarge);
    }
    if encoded {
        let bytes = STANDARD.decode(text).map_err(|_| EventError::BodyNotBase64)?;
        if bytes.len() > MAX_BODY_BYTES {
            return Err(EventError::BodyTooLarge);
        }
        Ok(bytes.into())
    } else {
        Ok(text.into())
    }
}
