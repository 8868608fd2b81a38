//! What the renewal function is asked: another internal token, by the proxy, when a back end no longer takes the one
//! there is; and the logout of an ended session, by operators. Ids alone: events are kept in queues and logs.

use crate::ids::{ConnectorName, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The one member of a renewal's event. Clients never choose the members of API Gateway's events, so none can ask this.
pub(crate) const RENEW: &str = "renew_internal_token";
/// The one member of a logout's event.
const LOG_OUT: &str = "log_out_ended_session";

/// An event of the renewal function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenewalEvent {
    /// The proxy waits for what becomes of it.
    Renew(RenewalRequest),
    /// Nobody waits: Lambda repeats it when it fails.
    LogOut(LogoutRequest),
}

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
pub enum RenewalResponse {
    /// The session has another token now.
    Renewed,
    /// Only a login can replace it.
    Over,
    /// It could not be found out at present: worth another try.
    Later,
}

/// A session that has ended is to be logged out of the legacy systems that do not know it yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutRequest {
    /// The session.
    pub session: SessionId,
}

impl RenewalEvent {
    /// The request in an event; `None` if the event is another one.
    pub fn parse(event: &Value) -> Option<Self> {
        let members = event.as_object().filter(|members| members.len() == 1)?;
        let (name, value) = members.iter().next()?;
        match name.as_str() {
            RENEW => RenewalRequest::deserialize(value).ok().map(Self::Renew),
            LOG_OUT => LogoutRequest::deserialize(value).ok().map(Self::LogOut),
            _ => None,
        }
    }
}

impl RenewalRequest {
    /// Whether an event is a renewal's, also in words of another version.
    pub fn is_meant(event: &Value) -> bool {
        event.get(RENEW).is_some()
    }

    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ RENEW: self })
    }
}

impl LogoutRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ LOG_OUT: self })
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

    fn logout() -> LogoutRequest {
        LogoutRequest { session: SessionId::from_random([1; 16]) }
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        assert_eq!(RenewalEvent::parse(&request().to_event()), Some(RenewalEvent::Renew(request())));
        assert_eq!(RenewalEvent::parse(&logout().to_event()), Some(RenewalEvent::LogOut(logout())));
    }

    #[test]
    fn no_event_of_api_gateway_and_nothing_between_two_requests_is_one() {
        for (mut event, member) in [(request().to_event(), RENEW), (logout().to_event(), LOG_OUT)] {
            assert_eq!(RenewalEvent::parse(&serde_json::json!({ "body": event })), None);
            let mut more = event.clone();
            more[member]["more"] = Value::Null;
            assert_eq!(RenewalEvent::parse(&more), None);
            event["requestContext"] = Value::Null;
            assert_eq!(RenewalEvent::parse(&event), None);
            assert_eq!(RenewalEvent::parse(&serde_json::json!({ member: {} })), None);
        }
        let both = serde_json::json!({ RENEW: request(), LOG_OUT: logout() });
        assert_eq!(RenewalEvent::parse(&both), None);
        assert_eq!(RenewalEvent::parse(&serde_json::json!({ LOG_OUT: request() })), None);
        assert_eq!(RenewalEvent::parse(&Value::Null), None);
    }
}
