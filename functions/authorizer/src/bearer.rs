//! Reads the access token of a request from its one `Authorization: Bearer` field (RFC 6750 §2.1), and nowhere else.

use gateway_domain::event::ApiRequest;
use thiserror::Error;

/// Why a request has no token that can be verified. The response is that of an invalid token; the reason is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NoToken {
    /// No `Authorization` header.
    #[error("no Authorization header")]
    Absent,
    /// Two values: either could be the wrong one.
    #[error("more than one Authorization header")]
    Repeated,
    /// Another scheme, or not the syntax of RFC 6750 §2.1.
    #[error("the Authorization header is not Bearer, one space and a b64token")]
    Malformed,
}

/// The token text. A token in the body (RFC 6750 §2.2), the query (RFC 6750 §2.3) or a cookie is ignored.
pub(crate) fn token(request: &ApiRequest) -> Result<&str, NoToken> {
    let value = request.header("authorization").map_err(|_| NoToken::Repeated)?.ok_or(NoToken::Absent)?;
    let (scheme, token) = value.split_once(' ').ok_or(NoToken::Malformed)?;
    // The scheme is case-insensitive (RFC 9110 §11.1).
    if scheme.eq_ignore_ascii_case("bearer") && is_b64token(token) { Ok(token) } else { Err(NoToken::Malformed) }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 §2.1).
fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn with_headers(headers: &Value) -> ApiRequest {
        let event = json!({
            "httpMethod": "POST", "path": "/", "requestContext": {}, "multiValueHeaders": headers,
            "queryStringParameters": { "access_token": "abc" }, "body": "access_token=abc",
        });
        ApiRequest::from_value(event).unwrap()
    }

    /// Checklist B-01.
    #[test]
    fn one_bearer_token_is_taken_and_the_scheme_has_no_case() {
        for value in ["Bearer abc.DEF-_~+/1==", "bearer abc.DEF-_~+/1==", "BEARER abc.DEF-_~+/1=="] {
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
            assert_eq!(token(&request), Err(NoToken::Malformed), "{value:?}");
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

    /// Checklist B-03, B-04.
    #[test]
    fn a_token_in_query_or_body_is_no_credential() {
        assert_eq!(token(&with_headers(&json!({}))), Err(NoToken::Absent));
    }
}
