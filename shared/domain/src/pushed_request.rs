//! Authorization requests that their client keeps, sealed: nothing is stored. A `request_uri` (RFC 9126) goes through a browser, and an
//! `auth_session` (OAuth 2.0 for First-Party Applications draft-04 §5.3.1) comes back with the next step of a login.
//!
//! Either can be used more than once until it ends, as RFC 9126 §4 permits for a page that is loaded again: it says what was asked for, and
//! proves nothing of a user.

use crate::authorization_request::{DPOP_JKT, PARAMETERS};
use crate::form::Form;
use crate::holder_key::Thumbprint;
use crate::ids::ClientId;
use crate::sealing::{CannotOpen, SealedToken, SealingKeys};
use crate::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a request is sealed as: what it begins with. One is not taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedAs {
    /// A `request_uri`.
    RequestUri,
    /// An `auth_session`.
    AuthSession,
}

impl SealedAs {
    const fn prefix(self) -> &'static str {
        match self {
            Self::RequestUri => "urn:ietf:params:oauth:request_uri:",
            Self::AuthSession => "mga_",
        }
    }
}

/// How long it is good. The user fills in the form that it leads to meanwhile.
pub const LIFETIME: Seconds = Seconds::new(600);
/// The most bytes of all parameters: the URI is in a URL, and API Gateway takes 10,240 bytes of request line and headers.
const MAX_BYTES: usize = 4096;

/// The parameters are too long for a `request_uri`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the parameters of a pushed request must not exceed {MAX_BYTES} bytes")]
pub struct TooLong;

/// The parameters of an authorization request that a client keeps.
#[derive(Debug, Serialize, Deserialize)]
pub struct PushedRequest {
    client_id: ClientId,
    ends: Timestamp,
    parameters: BTreeMap<String, String>,
}

impl PushedRequest {
    /// The request in this form, and nothing else that is in it: no credential is carried about. It ends after [`LIFETIME`].
    pub fn new(client_id: &ClientId, form: &Form, now: Timestamp) -> Result<Self, TooLong> {
        let of_request = form.iter().filter(|(name, _)| PARAMETERS.contains(name));
        let parameters: BTreeMap<_, _> = of_request.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { client_id: client_id.clone(), ends: now.saturating_add(LIFETIME), parameters }.bounded()
    }

    /// The same, whose code is for the holder of this key alone: its client has proved to be that (RFC 9449 §10.1).
    pub fn of_holder(mut self, key: &Thumbprint) -> Result<Self, TooLong> {
        self.parameters.insert(DPOP_JKT.to_owned(), key.to_string());
        self.bounded()
    }

    fn bounded(self) -> Result<Self, TooLong> {
        // What is sealed is counted, since some characters take more room in JSON.
        let length = serde_json::to_vec(&self).map_or(usize::MAX, |plain| plain.len());
        if length > MAX_BYTES { Err(TooLong) } else { Ok(self) }
    }

    /// It as its client keeps it. The nonce must be 96 fresh random bits.
    pub fn seal(&self, sealed_as: SealedAs, keys: &SealingKeys, nonce: [u8; 12]) -> Result<String, CannotOpen> {
        let plain = serde_json::to_vec(self).map_err(|_| CannotOpen)?;
        let prefix = sealed_as.prefix();
        Ok(format!("{prefix}{}", keys.seal_as(prefix, nonce, &plain)?.as_str()))
    }

    /// The sealed part of a text; `None` if it is none of this server's.
    pub fn sealed(sealed_as: SealedAs, text: &str) -> Option<SealedToken> {
        text.strip_prefix(sealed_as.prefix()).map(SealedToken::parse)
    }

    /// The parameters, if they are this client's and still good.
    pub fn open(
        sealed_as: SealedAs,
        sealed: &SealedToken,
        keys: &SealingKeys,
        client_id: &ClientId,
        now: Timestamp,
    ) -> Result<Form, CannotOpen> {
        let (of, form) = Self::opened(sealed_as, sealed, keys, now)?;
        if of == *client_id { Ok(form) } else { Err(CannotOpen) }
    }

    /// Whose it is, and the parameters, if they are still good.
    pub fn opened(
        sealed_as: SealedAs,
        sealed: &SealedToken,
        keys: &SealingKeys,
        now: Timestamp,
    ) -> Result<(ClientId, Form), CannotOpen> {
        let plain = keys.open_as(sealed_as.prefix(), sealed)?;
        let pushed: Self = serde_json::from_slice(&plain).map_err(|_| CannotOpen)?;
        if now >= pushed.ends {
            return Err(CannotOpen);
        }
        Ok((pushed.client_id, Form::of_pairs(pushed.parameters)))
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
        let form = Form::of_query(&Query::Raw("state=a+b&scope=x&username=ada&password=secret".to_owned())).unwrap();
        let request = PushedRequest::new(&mine, &form, at(0)).unwrap();
        for (sealed_as, twin) in
            [(SealedAs::RequestUri, SealedAs::AuthSession), (SealedAs::AuthSession, SealedAs::RequestUri)]
        {
            let text = request.seal(sealed_as, &keys(), [9; 12]).unwrap();
            let sealed = PushedRequest::sealed(sealed_as, &text).unwrap();
            let opened = PushedRequest::open(sealed_as, &sealed, &keys(), &mine, at(599)).unwrap();
            assert_eq!(opened.iter().collect::<Vec<_>>(), [("scope", "x"), ("state", "a b")], "no credential");
            assert!(PushedRequest::open(sealed_as, &sealed, &keys(), &mine, at(600)).is_err());
            assert!(PushedRequest::open(sealed_as, &sealed, &keys(), &other, at(0)).is_err());
            assert!(PushedRequest::open(twin, &sealed, &keys(), &mine, at(0)).is_err());
            let changed = PushedRequest::sealed(sealed_as, &text.replace("k1.", "k1.A")).unwrap();
            assert!(PushedRequest::open(sealed_as, &changed, &keys(), &mine, at(0)).is_err());
            assert!(PushedRequest::sealed(twin, &text).is_none());
        }
        assert!(PushedRequest::sealed(SealedAs::RequestUri, "https://evil.example/request").is_none());
    }

    #[test]
    fn a_request_that_was_pushed_with_a_proof_is_of_its_key() {
        let client = ClientId::parse("app").unwrap();
        let now = Timestamp::from_secs(0);
        let key = Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap();
        let form = Form::of_query(&Query::Raw("state=x".to_owned())).unwrap();
        let request = PushedRequest::new(&client, &form, now).unwrap().of_holder(&key).unwrap();
        let text = request.seal(SealedAs::RequestUri, &keys(), [1; 12]).unwrap();
        let sealed = PushedRequest::sealed(SealedAs::RequestUri, &text).unwrap();
        let opened = PushedRequest::open(SealedAs::RequestUri, &sealed, &keys(), &client, now).unwrap();
        assert_eq!(opened.get("dpop_jkt"), Some(key.as_str()));
        let longest = Form::of_query(&Query::Raw(format!("state={}", "x".repeat(MAX_BYTES - 80)))).unwrap();
        assert!(PushedRequest::new(&client, &longest, now).unwrap().of_holder(&key).is_err());
    }

    #[test]
    fn a_pushed_request_fits_into_a_url() {
        let client = ClientId::parse("app").unwrap();
        let form = |length| Form::of_query(&Query::Raw(format!("state={}", "x".repeat(length)))).unwrap();
        let now = Timestamp::from_secs(0);
        assert!(PushedRequest::new(&client, &form(MAX_BYTES), now).is_err());
        let quotes = Form::of_query(&Query::Raw(format!("state={}", "\"".repeat(MAX_BYTES / 2)))).unwrap();
        assert!(PushedRequest::new(&client, &quotes, now).is_err());
        let uri = PushedRequest::new(&client, &form(MAX_BYTES - 100), now)
            .unwrap()
            .seal(SealedAs::RequestUri, &keys(), [1; 12])
            .unwrap();
        assert!(uri.len() < 6_000, "{}", uri.len());
    }
}
