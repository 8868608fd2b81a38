//! The events of the token function that no route brings. It alone holds the keys of ID tokens, so other functions ask it to
//! read a hint, or to sign a logout token. A client cannot send these events, since it does not choose the members of API
//! Gateway's events: only a role that may invoke the function can.

use crate::back_channel_uri::BackChannelUri;
use crate::ids::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The only member of a hint's event.
const READ_HINT: &str = "read_id_token_hint";
/// The only member of a logout token's event.
const LOGOUT_TOKEN: &str = "sign_logout_token";

/// An event of the token function that is no request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderEvent {
    /// The authorize function waits for what an ID token says.
    ReadHint(HintRequest),
    /// The outbox function waits for a logout token.
    SignLogoutToken(LogoutTokenRequest),
}

/// The request to read an ID token that came as a hint. The response is a [`Hint`](crate::id_token_hint::Hint), or `null` for
/// a text that is no ID token of this issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HintRequest {
    /// The text.
    pub id_token: String,
    /// The issuer that the request came to.
    pub issuer: String,
}

/// The request for a logout token of an ended session. The response is a [`LogoutNotice`], or `null` if there is nobody to
/// tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutTokenRequest {
    /// The ended session.
    pub session: SessionId,
}

/// A logout token with the address that it goes to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutNotice {
    /// As the application registered it.
    pub uri: BackChannelUri,
    /// The signed token.
    pub logout_token: String,
}

impl ProviderEvent {
    /// The request in an event; `None` if the event is not one of these.
    pub fn parse(event: &Value) -> Option<Self> {
        let members = event.as_object().filter(|members| members.len() == 1)?;
        let (name, value) = members.iter().next()?;
        match name.as_str() {
            READ_HINT => HintRequest::deserialize(value).ok().map(Self::ReadHint),
            LOGOUT_TOKEN => LogoutTokenRequest::deserialize(value).ok().map(Self::SignLogoutToken),
            _ => None,
        }
    }
}

impl HintRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ READ_HINT: self })
    }
}

impl LogoutTokenRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ LOGOUT_TOKEN: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_read_as_it_was_written_and_no_event_of_api_gateway_is_one() {
        let hint = HintRequest { id_token: "a.b.c".to_owned(), issuer: "https://auth.example.com".to_owned() };
        let token = LogoutTokenRequest { session: SessionId::from_random([1; 16]) };
        assert_eq!(ProviderEvent::parse(&hint.to_event()), Some(ProviderEvent::ReadHint(hint.clone())));
        assert_eq!(ProviderEvent::parse(&token.to_event()), Some(ProviderEvent::SignLogoutToken(token.clone())));
        for event in [hint.to_event(), token.to_event()] {
            assert_eq!(ProviderEvent::parse(&json!({ "body": event })), None);
            let mut with_more = event.clone();
            with_more["requestContext"] = Value::Null;
            assert_eq!(ProviderEvent::parse(&with_more), None);
        }
        assert_eq!(ProviderEvent::parse(&json!({ LOGOUT_TOKEN: {} })), None);
        assert_eq!(ProviderEvent::parse(&Value::Null), None);
    }
}
