//! What the proxy asks of the renewal function when a back end no longer takes an internal token, and what it is told.

use crate::ids::{ConnectorName, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The one member of the event. Clients never choose the members of API Gateway's events, so none can ask this.
pub(crate) const MEMBER: &str = "renew_internal_token";

/// An internal token that a back end has refused is to be renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewalRequest {
    /// The session it belongs to.
    pub session: SessionId,
    /// The connector it came from.
    pub connector: ConnectorName,
    /// The version that was refused; a session that has another one by now needs nothing.
    pub version: u64,
    /// The request in which it was refused, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewalAnswer {
    /// The session has another token now.
    Renewed,
    /// Only a login can replace it.
    Over,
    /// It could not be found out at present: worth another try.
    Later,
}

impl RenewalRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ MEMBER: self })
    }

    /// The request in an event; `None` if the event is another one.
    pub fn from_event(event: &Value) -> Option<Self> {
        let members = event.as_object().filter(|members| members.len() == 1)?;
        Self::deserialize(members.get(MEMBER)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RenewalRequest {
        let connector = ConnectorName::parse("orders-login").unwrap();
        RenewalRequest {
            session: SessionId::from_random([1; 16]),
            connector,
            version: 3,
            request_id: Some("id-1".to_owned()),
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        assert_eq!(RenewalRequest::from_event(&request().to_event()), Some(request()));
    }

    #[test]
    fn no_event_of_api_gateway_is_a_request() {
        let mut event = request().to_event();
        event["requestContext"] = Value::Null;
        assert_eq!(RenewalRequest::from_event(&event), None);
        assert_eq!(RenewalRequest::from_event(&serde_json::json!({ "body": request().to_event() })), None);
        assert_eq!(RenewalRequest::from_event(&serde_json::json!({ MEMBER: {} })), None);
        assert_eq!(RenewalRequest::from_event(&Value::Null), None);
    }
}
