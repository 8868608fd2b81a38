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
    access_token: Zeroizing<String>,
    id_token: Option<Zeroizing<String>>,
    refresh_token: Option<Secret>,
}

#[derive(Serialize, Deserialize)]
struct Members {
    access_token: Zeroizing<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Zeroizing<String>>,
}

impl Answer {
    /// Reads a response, or what [`Answer::to_kept`] has made of one.
    pub fn read(json: &[u8]) -> Result<Self, Unreadable> {
        // Of a list, the reader would take the values in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(Unreadable);
        }
        let Members { access_token, id_token, refresh_token } = serde_json::from_slice(json).map_err(|_| Unreadable)?;
        if access_token.is_empty() {
            return Err(Unreadable);
        }
        let refresh_token = refresh_token.filter(|text| !text.is_empty()).map(|text| Secret::new((*text).clone()));
        Ok(Self { access_token, id_token, refresh_token })
    }

    /// What is kept of it, to be sealed.
    pub fn to_kept(&self) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let members = Members {
            access_token: self.access_token.clone(),
            id_token: self.id_token.clone(),
            refresh_token: self.refresh_token.as_ref().map(|secret| Zeroizing::new(secret.expose().to_owned())),
        };
        serde_json::to_vec(&members).map(Zeroizing::new).map_err(|_| Unreadable)
    }

    /// The refresh token that takes the place of the one that was asked with, if the issuer rotates them.
    pub const fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }

    pub(crate) fn access_token(&self) -> &str {
        &self.access_token
    }

    pub(crate) fn id_token(&self) -> Option<&str> {
        self.id_token.as_ref().map(|token| token.as_str())
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
    fn what_is_no_response_of_a_token_endpoint_is_none() {
        for bad in ["", "<html>", "[]", r#"["a"]"#, "{}", r#"{"access_token":""}"#, r#"{"access_token":1}"#] {
            assert!(Answer::read(bad.as_bytes()).is_err(), "{bad}");
        }
        let plain = Answer::read(br#"{"access_token":"a","refresh_token":""}"#).unwrap();
        assert!(plain.refresh_token().is_none() && plain.id_token().is_none());
    }
}
