//! Problem details (RFC 9457): the bodies of refusals that are not OAuth responses.

use serde_json::{Map, Value};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The problem type "Quota Exceeded" (draft-ietf-httpapi-ratelimit-headers-11).
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// A refusal in words for users and programs. It repeats nothing that a client sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(u16, Map<String, Value>);

impl Problem {
    /// A problem of type `about:blank`. Its title should be the phrase of the status (RFC 9457 §4.2.1).
    pub fn new(status: u16, title: &str, detail: &str) -> Self {
        Self::of_type("about:blank", status, title, detail)
    }

    /// The refusal of a call that exceeds limits of these names.
    pub fn quota_exceeded(violated: &[String]) -> Self {
        Self::of_type(
            QUOTA_EXCEEDED,
            429,
            "Request cannot be satisfied as assigned quota has been exceeded",
            "Too many calls for the limits in violated-policies. Retry-After says when there is room again.",
        )
        .with("violated-policies", Value::from(violated.to_vec()))
    }

    /// Adds a member of the problem type (RFC 9457 §3.2).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.1.insert(name.to_owned(), value.into());
        self
    }

    /// The HTTP status, which the body repeats.
    pub fn status(&self) -> u16 {
        self.0
    }

    /// The body.
    pub fn to_value(&self) -> Value {
        Value::Object(self.1.clone())
    }

    fn of_type(problem_type: &str, status: u16, title: &str, detail: &str) -> Self {
        Self(status, Map::new())
            .with("type", problem_type)
            .with("title", title)
            .with("status", status)
            .with("detail", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checklist Q-02.
    #[test]
    fn a_call_over_its_limit_is_told_which_policy_it_violated() {
        let problem = Problem::quota_exceeded(&["default".to_owned()]);
        let body = problem.to_value();
        assert_eq!(problem.status(), 429);
        assert_eq!(body["status"], 429);
        assert_eq!(body["type"], QUOTA_EXCEEDED);
        assert_eq!(body["violated-policies"], serde_json::json!(["default"]));
    }

    #[test]
    fn an_ordinary_problem_has_all_members_of_the_rfc() {
        let body = Problem::new(404, "Not Found", "No route for this path.").to_value();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "about:blank", "title": "Not Found", "status": 404, "detail": "No route for this path."
            })
        );
    }
}
