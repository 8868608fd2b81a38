//! Assertions (RFC 7521): signed JWTs, each of which shows once who somebody is. What they have in common, whoever signs them.

use crate::jwt::{self, Compact};
use crate::one_use::OneUse;
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest assertion, in bytes.
const MAX_LENGTH: usize = 4096;
/// The longest time until `exp`. So long the `jti` of a used assertion has to be remembered.
const MAX_LIFETIME: Seconds = Seconds::new(300);
/// The longest `jti`, in bytes.
const MAX_JTI: usize = 255;

/// Why an assertion is not accepted. It is for the log alone: the response is the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAssertion(pub &'static str);

/// An assertion as it was sent. Nothing in it is proved.
pub(crate) struct Assertion {
    token: Secret,
    header: BTreeMap<String, Value>,
    claims: BTreeMap<String, Value>,
}

impl Assertion {
    /// Reads an assertion. A repeated name in its header or claims is an error.
    pub(crate) fn parse(token: Secret) -> Result<Self, InvalidAssertion> {
        let malformed = || InvalidAssertion("the assertion is not a JWT");
        if token.expose().len() > MAX_LENGTH {
            return Err(malformed());
        }
        let parts = Compact::parse(token.expose()).map_err(|_| malformed())?;
        let header = jwt::object(parts.header).map_err(|_| malformed())?;
        let claims = jwt::object(parts.payload).map_err(|_| malformed())?;
        Ok(Self { token, header, claims })
    }

    /// Who it says that it is of: `sub`.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.claim("sub")
    }

    /// A parameter of its header that is a text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// Whether its header has this parameter.
    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.header.contains_key(name)
    }

    /// Its parts.
    pub(crate) fn parts(&self) -> Result<Compact<'_>, InvalidAssertion> {
        Compact::parse(self.token.expose()).map_err(|_| InvalidAssertion("the assertion is not a JWT"))
    }

    /// Checks that its header asks for nothing that is not understood here, and that its type is none, or one of these.
    pub(crate) fn check_header(&self, types: &[&str]) -> Result<(), InvalidAssertion> {
        // What is critical is not understood here (RFC 7515 §4.1.11); keys in the header are never used.
        if self.has_header("crit") {
            return Err(InvalidAssertion("the assertion has critical header parameters"));
        }
        // A token of another kind that the same key signed is none (RFC 8725 §3.11).
        let is_typ = |typ: &str| types.iter().any(|name| name.eq_ignore_ascii_case(typ));
        if self.has_header("typ") && !self.header("typ").is_some_and(is_typ) {
            return Err(InvalidAssertion("typ of the assertion is another kind of token"));
        }
        Ok(())
    }

    /// Checks what it says (RFC 7523 §3), once its signature is verified: that it is of `subject` itself, that it is meant for one of
    /// these audiences alone, and that it is neither over nor valid for long, by a clock that is at most `ahead` of ours. Whether it
    /// was used before, the caller finds out.
    pub(crate) fn check_claims(
        &self,
        subject: &str,
        audiences: &[&str],
        (now, ahead): (Timestamp, Seconds),
    ) -> Result<OneUse, InvalidAssertion> {
        if self.claim("iss") != Some(subject) || self.claim("sub") != Some(subject) {
            return Err(InvalidAssertion("iss and sub of the assertion are not who signs it"));
        }
        // With one audience alone, no other server that the same key is known to can use it here.
        let audience = jwt::audiences(self.claims.get("aud"));
        if !matches!(audience.as_deref(), Some([one]) if audiences.contains(&one.as_str())) {
            return Err(InvalidAssertion("aud of the assertion is not the issuer or an endpoint"));
        }
        let date =
            |name| jwt::date(&self.claims, name).map_err(|_| InvalidAssertion("a time of the assertion is none"));
        let until = date("exp")?.ok_or(InvalidAssertion("the assertion has no exp"))?;
        let soon = now.saturating_add(ahead);
        if now >= until {
            return Err(InvalidAssertion("the assertion has expired"));
        }
        if until > soon.saturating_add(MAX_LIFETIME) {
            return Err(InvalidAssertion("the assertion is valid for more than five minutes"));
        }
        if date("nbf")?.is_some_and(|from| from > soon) || date("iat")?.is_some_and(|at| at > soon) {
            return Err(InvalidAssertion("the assertion is not valid yet"));
        }
        match self.claim("jti") {
            Some(jti) if (1..=MAX_JTI).contains(&jti.len()) => Ok(OneUse { jti: jti.to_owned(), until }),
            Some(_) | None => Err(InvalidAssertion("jti of the assertion is missing or too long")),
        }
    }

    fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }
}
