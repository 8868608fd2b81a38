//! Turns what a function returned as a whole into an HTTP response.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value as Json};

/// The function returned something that is not a proxy response. API Gateway then responds with 502.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed response of the function: {0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// Header fields that API Gateway renames to `x-amzn-remapped-…`.
const REMAPPED: [&str; 10] = [
    "authorization",
    "connection",
    "content-md5",
    "date",
    "host",
    "max-forwards",
    "server",
    "user-agent",
    "via",
    "www-authenticate",
];

/// Header fields that are dropped: those of the connection, and the length.
const DROPPED: [&str; 8] =
    ["content-length", "expect", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"];

/// The response in this result, to a request with this method. A body marked as base64 is decoded only if `binary`.
pub(super) fn response(result: &[u8], binary: bool, method: &str) -> Result<Response, Malformed> {
    let result: Json = serde_json::from_slice(result).map_err(|_| Malformed("it is not JSON"))?;
    let Some(members) = result.as_object() else { return Err(Malformed("it is not an object")) };
    only(members, &["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"])?;
    let body = body(members, binary)?;
    // Of a response to HEAD there is no body to count.
    let mut response = head(members, method == "HEAD")?;
    *response.body_mut() = Body::from(body);
    response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Succeeds if a response has no other members.
pub(super) fn only(members: &Map<String, Json>, known: &[&str]) -> Result<(), Malformed> {
    let all_known = members.keys().all(|key| known.contains(&key.as_str()));
    if all_known { Ok(()) } else { Err(Malformed("it has members API Gateway does not know")) }
}

/// The body. One that is marked as base64 is decoded only if `binary`.
pub(super) fn body(members: &Map<String, Json>, binary: bool) -> Result<Vec<u8>, Malformed> {
    let encoded = match members.get("isBase64Encoded") {
        None | Some(Json::Null) => false,
        Some(flag) => flag.as_bool().ok_or(Malformed("isBase64Encoded is not a boolean"))?,
    };
    match members.get("body") {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::String(text)) if encoded && binary => {
            STANDARD.decode(text).map_err(|_| Malformed("the body is not base64"))
        }
        Some(Json::String(text)) => Ok(text.clone().into_bytes()),
        Some(_) => Err(Malformed("the body is not text")),
    }
}

/// Status and fields of a response. Only the caller knows whether the declared length is that of the body.
pub(super) fn head(members: &Map<String, Json>, with_length: bool) -> Result<Response, Malformed> {
    let status = members.get("statusCode").and_then(Json::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = status.filter(|code| (100..=599).contains(code)).and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Malformed("statusCode is not a status"))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    for (name, value) in headers(members)? {
        let name = name.to_ascii_lowercase();
        if DROPPED.contains(&name.as_str()) && !(with_length && name == "content-length") {
            continue;
        }
        let name = if REMAPPED.contains(&name.as_str()) { format!("x-amzn-remapped-{name}") } else { name };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Malformed("a header name is not valid"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Malformed("a header value is not valid"))?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// The fields of both maps. A name in both has the values of `multiValueHeaders` alone.
fn headers(members: &Map<String, Json>) -> Result<Vec<(String, String)>, Malformed> {
    let (mut headers, mut repeated) = (Vec::new(), Vec::new());
    match members.get("multiValueHeaders") {
        None | Some(Json::Null) => {}
        Some(Json::Object(map)) => {
            for (name, values) in map {
                let values = values.as_array().ok_or(Malformed("multiValueHeaders holds no lists"))?;
                repeated.push(name.to_ascii_lowercase());
                for value in values {
                    headers.push((name.clone(), text(value)?));
                }
            }
        }
        Some(_) => return Err(Malformed("multiValueHeaders is not an object")),
    }
    match members.get("headers") {
        None | Some(Json::Null) => {}
        Some(Json::Object(map)) => {
            for (name, value) in map {
                if !repeated.contains(&name.to_ascii_lowercase()) {
                    headers.push((name.clone(), text(value)?));
                }
            }
        }
        Some(_) => return Err(Malformed("headers is not an object")),
    }
    Ok(headers)
}

fn text(value: &Json) -> Result<String, Malformed> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(flag) => Ok(flag.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(Malformed("a header value is not text")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(result: &Json) -> Result<Response, Malformed> {
        response(result.to_string().as_bytes(), true, "GET")
    }

    async fn body(response: Response) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn a_base64_body_is_decoded() {
        let response = answered(&json!({ "statusCode": 200, "body": "AP97", "isBase64Encoded": true })).unwrap();
        assert_eq!(body(response).await, b"\x00\xff{");
    }

    #[tokio::test]
    async fn a_text_body_stays_as_it_is() {
        let response = answered(&json!({ "statusCode": 200, "body": "AP97" })).unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(body(response).await, b"AP97");
    }

    #[test]
    fn www_authenticate_is_remapped() {
        let response = answered(&json!({ "statusCode": 401, "headers": { "WWW-Authenticate": "Bearer" } })).unwrap();
        assert!(response.headers().get("www-authenticate").is_none());
        assert_eq!(response.headers()["x-amzn-remapped-www-authenticate"], "Bearer");
    }

    #[test]
    fn the_length_of_a_response_to_head_is_what_the_function_says() {
        let result = json!({ "statusCode": 200, "headers": { "Content-Length": "99" } }).to_string();
        let length =
            |method| response(result.as_bytes(), true, method).unwrap().headers().get("content-length").cloned();
        assert_eq!((length("HEAD"), length("GET")), (Some(HeaderValue::from_static("99")), None));
    }

    #[test]
    fn repeated_headers_are_all_sent() {
        let result = json!({
            "statusCode": 200,
            "headers": { "Set-Cookie": "ignored", "X-One": "1", "Content-Length": "99" },
            "multiValueHeaders": { "set-cookie": ["a=1", "b=2"] },
        });
        let response = answered(&result).unwrap();
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(response.headers()["x-one"], "1");
        assert!(response.headers().get("content-length").is_none());
    }

    #[test]
    fn what_is_no_proxy_response_is_malformed() {
        for wrong in [
            json!(null),
            json!("text"),
            json!({}),
            json!({ "statusCode": "200" }),
            json!({ "statusCode": 99 }),
            json!({ "statusCode": 200, "body": {} }),
            json!({ "statusCode": 200, "body": "!", "isBase64Encoded": true }),
            json!({ "statusCode": 200, "isBase64Encoded": "true" }),
            json!({ "statusCode": 200, "headers": [] }),
            json!({ "statusCode": 200, "headers": { "a": ["b"] } }),
            json!({ "statusCode": 200, "headers": { "a": "b\r\nc: d" } }),
            json!({ "statusCode": 200, "headers": { "a b": "c" } }),
            json!({ "statusCode": 200, "multiValueHeaders": { "a": "b" } }),
            json!({ "statusCode": 200, "cookies": [] }),
        ] {
            assert!(answered(&wrong).is_err(), "{wrong}");
        }
        assert!(response(b"{", true, "GET").is_err());
    }
}
