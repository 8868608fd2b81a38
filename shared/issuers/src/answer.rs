//! What an issuer answers a refresh with (RFC 6749 §5.1, OpenID Connect Core §12.2), and how it is kept.

use gateway_domain::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// It is not the response of a token endpoint, or not what was kept of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it answers otherwise than a token endpoint does (RFC 6749 §5.1)")]
pub struct Unreadable;

/// What it answered. It is secret as a whole.
pub struct Answer {
    access: Zeroizing<String>,
    id: Option<Zeroizing<String>>,
    refresh: Option<Secret>,
}

#[derive(Serialize, Deserialize)]
struct Members {
    #[serde(rename = "access_token")]
    access: Zeroizing<String>,
    #[serde(rename = "id_token", default, skip_serializing_if = "Option::is_none")]
    id: Option<Zeroizing<String>>,
    #[serde(rename = "refresh_token", default, skip_serializing_if = "Option::is_none")]
    refresh: Option<Zeroizing<String>>,
}

impl Answer {
    /// Reads a response, or what [`Answer::to_kept`] has made of one.
    pub fn read(json: &[u8]) -> Result<Self, Unreadable> {
        // Of a list, the reader would take the values in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(Unreadable);
        }
        let Members { access, id, refresh } = serde_json::from_slice(json).map_err(|_| Unreadable)?;
        if access.is_empty() {
            return Err(Unreadable);
        }
        let refresh = refresh.filter(|text| !text.is_empty()).map(|text| Secret::new((*text).clone()));
        Ok(Self { access, id, refresh })
    }

    /// The same, after one of before. An issuer that answers without a new refresh token leaves the one that it was asked with in use
    /// (RFC 6749 §6), which is that of before.
    #[must_use]
    pub fn after(mut self, before: Option<Self>) -> Self {
        self.refresh = self.refresh.or_else(|| before?.refresh);
        self
    }

    /// What is kept of it, to be sealed.
    pub fn to_kept(&self) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let members = Members {
            access: self.access.clone(),
            id: self.id.clone(),
            refresh: self.refresh.as_ref().map(|secret| Zeroizing::new(secret.expose().to_owned())),
        };
        serde_json::to_vec(&members).map(Zeroizing::new).map_err(|_| Unreadable)
    }

    /// The refresh token that takes the place of the one that was asked with, if the issuer rotates them.
    pub const fn refresh_token(&self) -> Option<&Secret> {
        self.refresh.as_ref()
    }

    pub(crate) fn access_token(&self) -> &str {
        &self.access
    }

    pub(crate) fn id_token(&self) -> Option<&str> {
        self.id.as_ref().map(|token| token.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_with_what_is_needed_later_and_nothing_else() {
        let json = br#" {"access_token":"a","token_type":"Bearer","expires_in":300,"id_token":"i","refresh_token":"r","email":"x"}"#;
        let answer = Answer::read(json).unwrap();
        assert_eq!((answer.access_token(), answer.id_token()), ("a", Some("i")));
        let kept = answer.to_kept().unwrap();
        assert_eq!(kept.as_slice(), br#"{"access_token":"a","id_token":"i","refresh_token":"r"}"#);
        assert_eq!(Answer::read(&kept).unwrap().refresh_token().unwrap().expose(), "r");
    }

    #[test]
    fn the_newest_refresh_token_outlives_an_answer_without_one() {
        let read = |json: &[u8]| Answer::read(json).unwrap();
        let newest = |answer: Answer| answer.refresh_token().map(|token| token.expose().to_owned());
        let with = || read(br#"{"access_token":"a","refresh_token":"r-2"}"#);
        let without = || read(br#"{"access_token":"b"}"#);
        let rotated = || read(br#"{"access_token":"b","refresh_token":"r-3"}"#);
        let after = without().after(Some(with()));
        assert_eq!(after.access_token(), "b");
        assert_eq!(newest(after).as_deref(), Some("r-2"));
        assert_eq!(newest(rotated().after(Some(with()))).as_deref(), Some("r-3"));
        assert_eq!(newest(without().after(None)), None);
        assert_eq!(newest(without().after(Some(without()))), None);
    }

    #[test]
    fn what_is_no_response_of_a_token_endpoint_is_none() {
        for bad in ["", "<html>", "[]", r#"["a"]"#, "{}", r#"{"access_token":""}"#, r#"{"access_token":1}"#] {
            assert!(Answer::read(bad.as_bytes()).is_err(), "{bad}");
        }
        let plain = Answer::read(br#"{"access_token":"a","refresh_token":""}"#).unwrap();
        assert!(plain.refresh_token().is_none() && plain.id_token().is_none());
    }
}
