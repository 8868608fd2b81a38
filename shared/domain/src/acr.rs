//! How a user has logged in, as tokens tell it and requests ask for it: authentication context classes (OpenID Connect Core §2, RFC 9470).

use crate::form::Form;
use crate::id_token::acr;
use crate::session::LoginMethod;
use crate::time::Timestamp;
use serde::{Serialize, Serializer};

/// The parameter of an authorization request, and of a challenge, that names classes (OpenID Connect Core §3.1.2.1, RFC 9470 §3).
pub const ACR_VALUES: &str = "acr_values";
/// The longest value of that parameter, in bytes.
const MAX_BYTES: usize = 512;

/// When and how a user has logged in (RFC 9068 §2.2.1, RFC 9470 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Authentication {
    /// When the password or the passkey was shown.
    pub auth_time: Timestamp,
    /// Which of them it was, told as its class.
    #[serde(rename = "acr", serialize_with = "class")]
    pub by: LoginMethod,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn class<S: Serializer>(by: &LoginMethod, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(acr(*by))
}

/// What a user has shown whose login is of this class.
pub fn of_class(text: &str) -> Option<LoginMethod> {
    [LoginMethod::Password, LoginMethod::Passkey].into_iter().find(|by| acr(*by) == text)
}

/// The classes that a request asks for. Without any, every login will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcrValues(Vec<LoginMethod>);

/// `acr_values` is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("acr_values must not exceed {MAX_BYTES} bytes")]
pub struct TooLong;

impl AcrValues {
    /// Those of a form. Names that this server does not know are left out: the parameter says what is wanted, and a request that wants
    /// what nobody can have is still a request (OpenID Connect Core §3.1.2.1).
    ///
    /// # Errors
    /// The value is longer than any that is of use.
    pub fn of(form: &Form) -> Result<Self, TooLong> {
        let text = form.get(ACR_VALUES).unwrap_or_default();
        if text.len() > MAX_BYTES {
            return Err(TooLong);
        }
        Ok(Self(text.split(' ').filter_map(of_class).collect()))
    }

    /// The same without a class that this gateway has switched off, which is then as unknown as any other name.
    #[must_use]
    pub fn without(mut self, by: LoginMethod) -> Self {
        self.0.retain(|other| *other != by);
        self
    }

    /// Whether a login by this is what is asked for.
    pub fn accept(&self, by: LoginMethod) -> bool {
        self.0.is_empty() || self.0.contains(&by)
    }

    /// Whether nothing but the password will do.
    pub fn need_password(&self) -> bool {
        !self.accept(LoginMethod::Passkey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id_token::ACR as PASSWORD;

    fn values(text: &str) -> Result<AcrValues, TooLong> {
        AcrValues::of(&Form::of_pairs([(ACR_VALUES.to_owned(), text.to_owned())].into()))
    }

    #[test]
    fn a_class_has_one_name_everywhere() {
        for by in [LoginMethod::Password, LoginMethod::Passkey] {
            assert_eq!(of_class(acr(by)), Some(by));
            let told = Authentication { auth_time: Timestamp::from_secs(1), by };
            assert_eq!(serde_json::json!(told), serde_json::json!({ "auth_time": 1, "acr": acr(by) }));
        }
        for text in ["", "pwd", "PHR", "phr ", "phrh"] {
            assert_eq!(of_class(text), None, "{text}");
        }
    }

    #[test]
    fn a_request_accepts_what_it_names_and_everything_where_it_names_nothing_known() {
        for (text, password, passkey) in [
            ("", true, true),
            ("x y  z", true, true),
            (PASSWORD, true, false),
            (&format!("x {PASSWORD}"), true, false),
            ("phr", false, true),
            (&format!("phr {PASSWORD}"), true, true),
        ] {
            let values = values(text).unwrap();
            assert_eq!(
                (values.accept(LoginMethod::Password), values.accept(LoginMethod::Passkey)),
                (password, passkey),
                "{text}"
            );
            assert_eq!(values.need_password(), !passkey, "{text}");
        }
        assert!(values("phr").unwrap().without(LoginMethod::Passkey).accept(LoginMethod::Password));
        assert_eq!(AcrValues::of(&Form::of_pairs(std::collections::BTreeMap::new())), Ok(AcrValues::default()));
    }

    #[test]
    fn a_value_is_bounded() {
        assert_eq!(values(&"x".repeat(512)), Ok(AcrValues::default()));
        assert_eq!(values(&"x".repeat(513)), Err(TooLong));
    }
}
