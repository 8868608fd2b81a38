//! The events of the renewal function. The proxy requests a renewal when a back end no longer accepts an internal token, and a
//! replacement when a response has moved the session to another; operators request the back-end logout of an ended session, a
//! schedule that of logins that lapsed. Events hold ids and what is sealed, since queues and logs keep them.

use crate::ids::{ConnectorName, SessionId};
use crate::sealing::SealedToken;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The only member of a renewal's event. A client cannot send it, since it does not choose the members of API Gateway's
/// events.
pub(crate) const RENEW: &str = "renew_internal_token";
/// The only member of a replacement's event.
const REPLACE: &str = "replace_internal_token";
/// The only member of a logout's event.
const LOG_OUT: &str = "log_out_ended_session";
/// The only member of the schedule's event.
const LOG_OUT_LAPSED: &str = "log_out_lapsed_logins";

/// An event of the renewal function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenewalEvent {
    /// The proxy waits for the response.
    Renew(RenewalRequest),
    /// The proxy waits for the response.
    Replace(ReplaceRequest),
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

/// The request to keep what a back end's response has made of an internal token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceRequest {
    /// The session it belongs to.
    pub session: SessionId,
    /// The connector it came from.
    pub connector: ConnectorName,
    /// The version that the call used. If the session has another one by now, that one stays.
    pub version: u64,
    /// The next version, sealed as such; `None` if the response ended the session at the back end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<NextToken>,
    /// The id of the request whose response it was, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What an internal token has become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextToken {
    /// The connector's state, sealed for the next version.
    pub sealed: SealedToken,
    /// When it ends however much it is used, if the response said so; otherwise as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
}

/// The result of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplaceResponse {
    /// The session has it now.
    Replaced,
    /// The session has ended, or another version is there already, which stays.
    Kept,
    /// It could not be written.
    Failed,
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
            REPLACE => ReplaceRequest::deserialize(value).ok().map(Self::Replace),
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

impl ReplaceResponse {
    /// Its name, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Kept => "kept",
            Self::Failed => "failed",
        }
    }
}

impl ReplaceRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ REPLACE: self })
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

    fn replacement() -> ReplaceRequest {
        let RenewalRequest { session, connector, version, request_id } = request();
        let token = Some(NextToken { sealed: SealedToken::parse("k1.abc"), ends: None });
        ReplaceRequest { session, connector, version, token, request_id }
    }

    fn logout() -> LogoutRequest {
        LogoutRequest { session: SessionId::from_random([1; 16]) }
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        assert_eq!(RenewalEvent::parse(&request().to_event()), Some(RenewalEvent::Renew(request())));
        let ended = ReplaceRequest { token: None, ..replacement() };
        for request in [replacement(), ended] {
            assert_eq!(RenewalEvent::parse(&request.to_event()), Some(RenewalEvent::Replace(request)));
        }
        assert_eq!(RenewalEvent::parse(&logout().to_event()), Some(RenewalEvent::LogOut(logout())));
        let scheduled = serde_json::json!({ "log_out_lapsed_logins": {} });
        assert_eq!(RenewalEvent::parse(&scheduled), Some(RenewalEvent::LogOutLapsed(LapsedRequest {})));
    }

    #[test]
    fn no_event_of_api_gateway_and_nothing_between_two_requests_is_one() {
        for (mut event, member) in
            [(request().to_event(), RENEW), (replacement().to_event(), REPLACE), (logout().to_event(), LOG_OUT)]
        {
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
