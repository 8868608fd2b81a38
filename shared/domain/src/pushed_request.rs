//! Pushed authorization requests (RFC 9126). The `request_uri` holds the parameters, sealed: nothing is stored.
//!
//! So it can be used more than once until it ends, as RFC 9126 §4 permits for a page that is loaded again.

use crate::form::Form;
use crate::ids::ClientId;
use crate::sealing::{CannotOpen, SealedToken, SealingKeys};
use crate::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// How long a pushed request is good. The user fills in the form that it leads to meanwhile.
pub const LIFETIME: Seconds = Seconds::new(600);
/// The most bytes of all parameters: the URI is in a URL, and API Gateway takes 10,240 bytes of request line and headers.
const MAX_BYTES: usize = 4096;

/// The parameters are too long for a `request_uri`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the parameters of a pushed request must not exceed {MAX_BYTES} bytes")]
pub struct TooLong;

/// The parameters of an authorization request that a client has pushed.
#[derive(Debug, Serialize, Deserialize)]
pub struct PushedRequest {
    client_id: ClientId,
    ends: Timestamp,
    parameters: BTreeMap<String, String>,
}

impl PushedRequest {
    /// The request in this form, which its client sends without credentials. It ends after [`LIFETIME`].
    pub fn new(client_id: &ClientId, form: &Form, now: Timestamp) -> Result<Self, TooLong> {
        let parameters: BTreeMap<_, _> = form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let pushed = Self { client_id: client_id.clone(), ends: now.saturating_add(LIFETIME), parameters };
        // What is sealed is counted, since some characters take more room in JSON.
        let length = serde_json::to_vec(&pushed).map_or(usize::MAX, |plain| plain.len());
        if length > MAX_BYTES { Err(TooLong) } else { Ok(pushed) }
    }

    /// The `request_uri` of it. The nonce must be 96 fresh random bits.
    pub fn seal(&self, keys: &SealingKeys, nonce: [u8; 12]) -> Result<String, CannotOpen> {
        let plain = serde_json::to_vec(self).map_err(|_| CannotOpen)?;
        Ok(format!("{PREFIX}{}", keys.seal_as(PREFIX, nonce, &plain)?.as_str()))
    }

    /// The sealed part of a `request_uri`; `None` if it is none of this server's.
    pub fn sealed(request_uri: &str) -> Option<SealedToken> {
        request_uri.strip_prefix(PREFIX).map(SealedToken::parse)
    }

    /// The parameters, if this client has pushed them and they are still good.
    pub fn open(
        sealed: &SealedToken,
        keys: &SealingKeys,
        client_id: &ClientId,
        now: Timestamp,
    ) -> Result<Form, CannotOpen> {
        let plain = keys.open_as(PREFIX, sealed)?;
        let pushed: Self = serde_json::from_slice(&plain).map_err(|_| CannotOpen)?;
        if pushed.client_id != *client_id || now >= pushed.ends {
            return Err(CannotOpen);
        }
        Ok(Form::of_pairs(pushed.parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Query;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn keys() -> SealingKeys {
        let keys = serde_json::json!({ "current": "k1", "keys": { "k1": STANDARD.encode([1; 32]) } });
        SealingKeys::parse(&keys.to_string()).unwrap()
    }

    #[test]
    fn a_pushed_request_is_opened_for_its_client_until_it_ends() {
        let at = Timestamp::from_secs;
        let (mine, other) = (ClientId::parse("mine").unwrap(), ClientId::parse("other").unwrap());
        let form = Form::of_query(&Query::Raw("state=a+b&scope=x".to_owned())).unwrap();
        let uri = PushedRequest::new(&mine, &form, at(0)).unwrap().seal(&keys(), [9; 12]).unwrap();
        let sealed = PushedRequest::sealed(&uri).unwrap();
        let opened = PushedRequest::open(&sealed, &keys(), &mine, at(599)).unwrap();
        assert_eq!(opened.iter().collect::<Vec<_>>(), [("scope", "x"), ("state", "a b")]);
        assert!(PushedRequest::open(&sealed, &keys(), &mine, at(600)).is_err());
        assert!(PushedRequest::open(&sealed, &keys(), &other, at(0)).is_err());
        let changed = PushedRequest::sealed(&uri.replace("k1.", "k1.A")).unwrap();
        assert!(PushedRequest::open(&changed, &keys(), &mine, at(0)).is_err());
        assert!(PushedRequest::sealed("https://evil.example/request").is_none());
    }

    #[test]
    fn a_pushed_request_fits_into_a_url() {
        let client = ClientId::parse("app").unwrap();
        let form = |length| Form::of_query(&Query::Raw(format!("s={}", "x".repeat(length)))).unwrap();
        let now = Timestamp::from_secs(0);
        assert!(PushedRequest::new(&client, &form(MAX_BYTES), now).is_err());
        let quotes = Form::of_query(&Query::Raw(format!("s={}", "\"".repeat(MAX_BYTES / 2)))).unwrap();
        assert!(PushedRequest::new(&client, &quotes, now).is_err());
        let uri = PushedRequest::new(&client, &form(MAX_BYTES - 100), now).unwrap().seal(&keys(), [1; 12]).unwrap();
        assert!(uri.len() < 6_000, "{}", uri.len());
    }
}
