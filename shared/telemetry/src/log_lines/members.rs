//! Writes the members of a JSON object, one after the other.

use serde_json::Value;
use std::fmt;
use tracing::field::{Field, Visit};

/// Names that every line may have. A field of an event with such a name, which a library may use, is written with `event_`
/// before it, so that no line has a name twice.
const RESERVED: [&str; 8] =
    ["level", "timestamp", "service", "function_request_id", "correlation_id", "xray_trace_id", "cold_start", "target"];

/// Members as JSON text, without the braces around them.
#[derive(Debug, Default)]
pub(super) struct Members(String);

impl Members {
    /// The members of a JSON object.
    pub(super) fn of(object: &str) -> Self {
        let members = object.strip_prefix('{').and_then(|members| members.strip_suffix('}'));
        Self(members.unwrap_or_default().to_owned())
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.json(name, &value.into());
    }

    pub(super) fn json(&mut self, name: &str, value: &Value) {
        self.append(&Self(format!("{}:{value}", Value::from(name))));
    }

    pub(super) fn append(&mut self, other: &Self) {
        if !self.0.is_empty() && !other.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&other.0);
    }

    pub(super) fn object(&self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// The fields of an event: its message, and all others.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) others: Members,
}

impl Fields {
    fn add(&mut self, field: &Field, value: &Value) {
        match field.name() {
            "message" => self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            name if RESERVED.contains(&name) => self.others.json(&format!("event_{name}"), value),
            name => self.others.json(name.strip_prefix("r#").unwrap_or(name), value),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, &value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}").into());
    }
}
