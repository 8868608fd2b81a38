//! The access token of a request, from its one `Authorization` field (RFC 6750 §2.1, RFC 9449 §7.1), and nowhere else.

use crate::dpop::{self, InvalidProof, Proof, ProvedRequest};
use crate::event::ApiRequest;
use crate::holder_key::{ALGORITHM, Thumbprint};
use crate::oauth_error::ErrorCode;
use thiserror::Error;

/// Why a request has no token that can be verified. The response is that of an invalid token; the reason is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoToken {
    /// No `Authorization` header.
    #[error("no Authorization header")]
    Absent,
    /// Two values: either could be the wrong one.
    #[error("more than one Authorization header")]
    Repeated,
    /// Another scheme, which is no attempt to use a token (RFC 6750 §3.1).
    #[error("the Authorization header is not Bearer or DPoP")]
    OtherScheme,
    /// Not the syntax of RFC 6750 §2.1.
    #[error("the Authorization header is not a scheme, one space and a b64token")]
    Malformed,
}

/// Why a token is of no use to who presents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotTheHolder {
    /// It is bound to a key, and is presented as if whoever has it might use it (RFC 9449 §7.2).
    #[error("the access token is bound to a key: send it as Authorization: DPoP, with a proof in the header DPoP")]
    NotProved,
    /// It is bound to no key.
    #[error("the access token is bound to no key: send it as Authorization: Bearer")]
    NotBound,
    /// There is no proof, there are several, or it is not for this request.
    #[error(transparent)]
    Proof(#[from] InvalidProof),
    /// Its proof is of another time by the client's clock, or was used before.
    #[error(
        "the DPoP proof is of another time or was used before; make another one for each request, by the time in the Date header"
    )]
    Again,
}

impl NotTheHolder {
    /// The code of the response, whose status is 401.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::NotProved | Self::NotBound => ErrorCode::InvalidToken,
            Self::Proof(_) | Self::Again => ErrorCode::InvalidDpopProof,
        }
    }

    /// How the token has to be presented in this realm: `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1).
    pub fn challenge(self, realm: &str) -> String {
        let code = self.code();
        match self {
            Self::NotBound => format!(r#"Bearer realm="{realm}", error="{code}""#),
            Self::NotProved | Self::Proof(_) | Self::Again => {
                format!(r#"DPoP realm="{realm}", error="{code}", algs="{ALGORITHM}""#)
            }
        }
    }
}

/// By which scheme a token is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

/// A token as a request presents it.
#[derive(Debug, Clone, Copy)]
pub struct PresentedToken<'a> {
    scheme: Scheme,
    token: &'a str,
    /// The `DPoP` field; an error if it came more than once (RFC 9449 §4.3, item 1).
    proof: Result<Option<&'a str>, InvalidProof>,
}

impl<'a> PresentedToken<'a> {
    /// The token of a request. A token in the body (RFC 6750 §2.2), the query (RFC 6750 §2.3) or a cookie is ignored.
    pub fn of(request: &'a ApiRequest) -> Result<Self, NoToken> {
        let value = request.header("authorization").map_err(|_| NoToken::Repeated)?.ok_or(NoToken::Absent)?;
        let (scheme, token) = value.split_once(' ').ok_or(NoToken::OtherScheme)?;
        // The scheme is case-insensitive (RFC 9110 §11.1).
        let scheme = if scheme.eq_ignore_ascii_case("bearer") {
            Scheme::Bearer
        } else if scheme.eq_ignore_ascii_case("dpop") {
            Scheme::Dpop
        } else {
            return Err(NoToken::OtherScheme);
        };
        if !is_b64token(token) {
            return Err(NoToken::Malformed);
        }
        let proof = request.header(dpop::HEADER).map_err(|_| dpop::REPEATED);
        Ok(Self { scheme, token, proof })
    }

    /// A token that a form has (RFC 6750 §2.2), which is no place for one that is bound to a key.
    pub const fn in_body(token: &'a str) -> Self {
        Self { scheme: Scheme::Bearer, token, proof: Ok(None) }
    }

    /// The text of the token.
    pub const fn token(&self) -> &'a str {
        self.token
    }

    /// The proof of the key that the token is bound to, if it is bound to one.
    pub(crate) fn proof_of(
        &self,
        bound_to: Option<&Thumbprint>,
        method: &str,
        url: &str,
    ) -> Result<Option<Proof>, NotTheHolder> {
        let holder = match (self.scheme, bound_to) {
            // A proof beside a token that is bound to nothing proves nothing, and does no harm.
            (Scheme::Bearer, None) => return Ok(None),
            (Scheme::Bearer, Some(_)) => return Err(NotTheHolder::NotProved),
            (Scheme::Dpop, None) => return Err(NotTheHolder::NotBound),
            (Scheme::Dpop, Some(holder)) => holder,
        };
        let text = self.proof?.ok_or(InvalidProof("there is no proof in the header DPoP"))?;
        let proof = Proof::verify(text, &ProvedRequest { method, url, access_token: Some(self.token) })?;
        if proof.thumbprint() == *holder {
            Ok(Some(proof))
        } else {
            Err(InvalidProof("the DPoP proof is of another key than that of the access token").into())
        }
    }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 §2.1).
fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn token(request: &ApiRequest) -> Result<&str, NoToken> {
        PresentedToken::of(request).map(|presented| presented.token())
    }

    fn with_headers(headers: &Value) -> ApiRequest {
        let event = json!({
            "httpMethod": "POST", "path": "/", "requestContext": {}, "multiValueHeaders": headers,
            "queryStringParameters": { "access_token": "abc" }, "body": "access_token=abc",
        });
        ApiRequest::from_value(event).unwrap()
    }

    /// Checklist B-01.
    #[test]
    fn one_token_is_taken_and_the_scheme_has_no_case() {
        for value in
            ["Bearer abc.DEF-_~+/1==", "bearer abc.DEF-_~+/1==", "BEARER abc.DEF-_~+/1==", "dPoP abc.DEF-_~+/1=="]
        {
            for name in ["Authorization", "authorization", "AUTHORIZATION"] {
                assert_eq!(token(&with_headers(&json!({ name: [value] }))), Ok("abc.DEF-_~+/1=="), "{name}: {value}");
            }
        }
    }

    /// Checklist B-01.
    #[test]
    fn anything_but_one_space_and_a_b64token_is_malformed() {
        let bad = [
            "Bearer",
            "Bearer ",
            "Bearer  abc",
            " Bearer abc",
            "Bearer abc ",
            "Bearer a b",
            "Bearer\tabc",
            "Bearer a=b",
        ];
        let foreign = ["Basic abc", "Bearer =", "Bearer é", "Bearer abc,Bearer def", "Bearer abc, def", "abc", ""];
        for value in bad.into_iter().chain(foreign) {
            let request = with_headers(&json!({ "Authorization": [value] }));
            assert!(matches!(token(&request), Err(NoToken::Malformed | NoToken::OtherScheme)), "{value:?}");
        }
    }

    /// Checklist B-02.
    #[test]
    fn two_values_are_refused_never_the_first_taken() {
        for headers in [
            json!({ "Authorization": ["Bearer abc", "Bearer abc"] }),
            json!({ "Authorization": ["Bearer abc"], "authorization": ["Basic xyz"] }),
        ] {
            assert_eq!(token(&with_headers(&headers)), Err(NoToken::Repeated), "{headers}");
        }
    }

    /// Checklist D-14, D-15.
    #[test]
    fn a_refusal_says_how_the_token_is_presented_and_by_which_algorithm() {
        for (refused, challenge) in [
            (NotTheHolder::NotBound, r#"Bearer realm="r", error="invalid_token""#),
            (NotTheHolder::NotProved, r#"DPoP realm="r", error="invalid_token", algs="ES256""#),
            (NotTheHolder::Proof(InvalidProof("x")), r#"DPoP realm="r", error="invalid_dpop_proof", algs="ES256""#),
            (NotTheHolder::Again, r#"DPoP realm="r", error="invalid_dpop_proof", algs="ES256""#),
        ] {
            assert_eq!(refused.challenge("r"), challenge);
        }
    }

    /// Checklist B-03, B-04.
    #[test]
    fn a_token_in_query_or_body_is_no_credential() {
        assert_eq!(token(&with_headers(&json!({}))), Err(NoToken::Absent));
    }
}
