//! The events of the renewal function. The proxy requests a renewal when a back end no longer accepts an internal token;
//! operators request the back-end logout of an ended session, a schedule that of logins that lapsed. Events hold ids only,
//! since queues and logs keep them.

use crate::ids::{ConnectorName, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The only member of a renewal's event. A client cannot send it, since it does not choose the members of API Gateway's
/// events.
pub(crate) const RENEW: &str = "renew_internal_token";
/// The only member of a logout's event.
const LOG_OUT: &str = "log_out_ended_session";
/// The only member of the schedule's event.
const LOG_OUT_LAPSED: &str = "log_out_lapsed_logins";

/// An event of the renewal function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenewalEvent {
    /// The proxy waits for the response.
    Renew(RenewalRequest),
    /// It is asynchronous: Lambda repeats it when it fails.
    LogOut(LogoutRequest),
    /// It is asynchronous, and comes again.
    LogOutLapsed(LapsedRequest),
}

/// The request to renew an internal token that a back end has refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewalRequest {
    /// The session it belongs to.
    pub session: SessionId,
    /// The connector it came from.
    pub connector: ConnectorName,
    /// The version that was refused. If the session has another one by now, there is nothing to do.
    pub version: u64,
    /// The id of the request in which it was refused, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The result of a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewalResponse {
    /// The session has a newer token now.
    Renewed,
    /// Only a new login can replace it.
    Over,
    /// It could not be renewed now; another attempt may succeed.
    Later,
}

/// The request to log an ended session out of the legacy systems whose logout is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutRequest {
    /// The ended session.
    pub session: SessionId,
}

/// The request to log out the logins on the gateway's pages that were never finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LapsedRequest {}

impl RenewalEvent {
    /// The request in an event; `None` if the event is not one of these.
    pub fn parse(event: &Value) -> Option<Self> {
        let members = event.as_object().filter(|members| members.len() == 1)?;
        let (name, value) = members.iter().next()?;
        match name.as_str() {
            RENEW => RenewalRequest::deserialize(value).ok().map(Self::Renew),
            LOG_OUT => LogoutRequest::deserialize(value).ok().map(Self::LogOut),
            LOG_OUT_LAPSED => LapsedRequest::deserialize(value).ok().map(Self::LogOutLapsed),
            _ => None,
        }
    }
}

impl RenewalRequest {
    /// Whether an event is a renewal's, also if another version of the gateway wrote it and it cannot be read here.
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
        let scheduled = serde_json::json!({ "log_out_lapsed_logins": {} });
        assert_eq!(RenewalEvent::parse(&scheduled), Some(RenewalEvent::LogOutLapsed(LapsedRequest {})));
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
