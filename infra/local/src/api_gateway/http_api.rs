//! What an HTTP API does otherwise: it decodes the path, sends events of payload 2.0, takes simple responses of authorizers,
//! and refuses in words that a template cannot change.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>. How a path is decoded is
//! documented nowhere; this is what others have seen.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json, json};

use super::authorizer::Refused;
use super::event::headers;
use super::gateway_response::plain;
use super::integration::{self, Malformed};
use super::query;
use super::received::Received;
use super::routes::Matched;
use crate::process::InvokeError;
use crate::template::{ACCOUNT, Api};
use crate::{arn, limits};

/// A path as routes are found for it: every encoding is decoded but that of the percent sign, what is behind a decoded
/// question mark is gone, and bytes that are not UTF-8 are U+FFFD.
pub(super) fn decoded(path: &str) -> String {
    let kept = path.replace("%25", "%2525");
    let decoded = percent_decode_str(&kept).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or_default().to_owned()
}

/// The same path as routes match it: more than one slash at its beginning is one.
pub(super) fn routed(decoded: &str) -> String {
    format!("/{}", decoded.trim_start_matches('/'))
}

/// The event for the authorizer.
pub(super) fn authorizer_event(api: &Api, received: &Received, matched: &Matched<'_>, sources: &[String]) -> Json {
    let mut event = common(api, received, matched);
    let header = |name: &String| received.header(name).unwrap_or_default();
    let own = [
        ("type", json!("REQUEST")),
        ("routeArn", json!(arn::method(&api.id, &api.stage, &received.method, &decoded(&received.path)))),
        ("identitySource", sources.iter().map(header).collect()),
        ("requestContext", context(api, received, matched)),
    ];
    event.extend(own.map(|(name, value)| (name.to_owned(), value)));
    Json::Object(event)
}

/// The event for the function behind a route. `authorized` is the context of the authorizer, if the route has one.
pub(super) fn proxy_event(
    api: &Api,
    received: &Received,
    matched: &Matched<'_>,
    authorized: Option<&Map<String, Json>>,
) -> Json {
    let mut event = common(api, received, matched);
    let mut context = context(api, received, matched);
    if let (Some(authorized), Some(context)) = (authorized, context.as_object_mut()) {
        context.insert("authorizer".to_owned(), json!({ "lambda": authorized }));
    }
    event.insert("requestContext".to_owned(), context);
    let text = is_text(received.header("content-type").unwrap_or_default());
    if !received.body.is_empty() {
        let body =
            if text { String::from_utf8_lossy(&received.body).into_owned() } else { STANDARD.encode(&received.body) };
        event.insert("body".to_owned(), json!(body));
    }
    event.insert("isBase64Encoded".to_owned(), json!(!text && !received.body.is_empty()));
    Json::Object(event)
}

/// Whether a body of this type travels as text. Every other one is base64, also a form.
fn is_text(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/")
        || ["application/json", "application/xml", "application/javascript"].contains(&media_type.as_str())
}

fn common(api: &Api, received: &Received, matched: &Matched<'_>) -> Map<String, Json> {
    let (mut lines, mut cookies) = (Map::new(), Vec::new());
    for (name, value) in headers(received) {
        let name = name.to_ascii_lowercase();
        if name == "cookie" {
            cookies.extend(value.split(';').map(|cookie| json!(cookie.trim())));
            continue;
        }
        join(&mut lines, name, value);
    }
    let mut parameters = Map::new();
    for (name, value) in query::decode(&received.query) {
        join(&mut parameters, name, value);
    }
    let of_path = matched.parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let variables = api.variables.iter().map(|(name, value)| (name.clone(), json!(value)));
    let event = [
        ("version", json!("2.0")),
        ("routeKey", json!(route_key(matched))),
        ("rawPath", json!(raw_path(api, received))),
        ("rawQueryString", json!(received.query)),
        ("headers", Json::Object(lines)),
    ];
    let mut event: Map<String, Json> = event.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let present = [
        ("cookies", Json::Array(cookies)),
        ("queryStringParameters", Json::Object(parameters)),
        ("pathParameters", of_path.collect()),
        ("stageVariables", variables.collect()),
    ];
    let is_empty = |value: &Json| *value == json!([]) || *value == json!({});
    event.extend(
        present.into_iter().filter(|(_, value)| !is_empty(value)).map(|(name, value)| (name.to_owned(), value)),
    );
    event
}

/// Adds a value, behind a comma if the name is there.
fn join(map: &mut Map<String, Json>, name: String, value: String) {
    let joined = match map.get(&name).and_then(Json::as_str) {
        Some(before) => format!("{before},{value}"),
        None => value,
    };
    map.insert(name, json!(joined));
}

fn route_key(matched: &Matched<'_>) -> String {
    format!("{} {}", matched.route.method, matched.route.path)
}

/// The path with the stage before it, which is there at a custom domain, too.
fn raw_path(api: &Api, received: &Received) -> String {
    format!("/{}{}", api.stage, decoded(&received.path))
}

fn context(api: &Api, received: &Received, matched: &Matched<'_>) -> Json {
    json!({
        "accountId": ACCOUNT,
        "apiId": api.id,
        // In AWS the port is always 443, and not part of it.
        "domainName": format!("127.0.0.1:{}", received.port),
        "domainPrefix": "127",
        "http": {
            "method": received.method,
            "path": raw_path(api, received),
            "protocol": received.protocol,
            "sourceIp": received.source.ip().to_string(),
            "userAgent": received.header("user-agent").unwrap_or_default(),
        },
        "requestId": received.request_id,
        "routeKey": route_key(matched),
        "stage": api.stage,
        "timeEpoch": received.time,
    })
}

/// The context for the integration, if the call may go on. An `outcome` of `None` is a timeout.
pub(super) fn decide(outcome: Option<Result<Bytes, InvokeError>>) -> Result<Map<String, Json>, Refused> {
    let result = match outcome {
        Some(Ok(result)) => result,
        Some(Err(error)) => return Err(Refused::Failed(error.to_string())),
        None => return Err(Refused::Failed("it took too long".to_owned())),
    };
    let malformed = |reason: &str| Refused::Malformed(reason.to_owned());
    if result.len() > limits::AUTHORIZER_RESULT {
        return Err(Refused::Malformed(format!("{} bytes exceed {}", result.len(), limits::AUTHORIZER_RESULT)));
    }
    let result: Json = serde_json::from_slice(&result).map_err(|_| malformed("it is not JSON"))?;
    let context = match result.get("context") {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(context)) => context.clone(),
        Some(_) => return Err(malformed("its context is not an object")),
    };
    match result.get("isAuthorized").and_then(Json::as_bool) {
        Some(true) => Ok(context),
        Some(false) => Err(Refused::Denied { explicitly: true, context }),
        None => Err(malformed("isAuthorized is not a boolean")),
    }
}

/// The response in what a function returned, to a request with this method. API Gateway would also take a value without a
/// status for a body; here that is malformed.
pub(super) fn response(result: &[u8], method: &str) -> Result<Response, Malformed> {
    let result: Json = serde_json::from_slice(result).map_err(|_| Malformed("it is not JSON"))?;
    let Some(members) = result.as_object() else { return Err(Malformed("it is not an object")) };
    integration::only(members, &["statusCode", "headers", "cookies", "body", "isBase64Encoded"])?;
    let body = integration::body(members, true)?;
    // Of a response to HEAD there is no body to count.
    let mut response = integration::head(members, method == "HEAD")?;
    let cookies = match members.get("cookies") {
        None | Some(Json::Null) => &[],
        Some(Json::Array(cookies)) => cookies.as_slice(),
        Some(_) => return Err(Malformed("cookies is not a list")),
    };
    for cookie in cookies {
        let cookie = cookie.as_str().and_then(|text| HeaderValue::from_str(text).ok());
        response.headers_mut().append(SET_COOKIE, cookie.ok_or(Malformed("a cookie is not valid"))?);
    }
    *response.body_mut() = Body::from(body);
    response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The response of an HTTP API where a REST API has a gateway response of this type.
pub(super) fn own(kind: &str) -> Response {
    let (status, message) = match kind {
        "UNAUTHORIZED" => (401, "Unauthorized"),
        "ACCESS_DENIED" => (403, "Forbidden"),
        "MISSING_AUTHENTICATION_TOKEN" | "INVALID_SIGNATURE" => (404, "Not Found"),
        "REQUEST_TOO_LARGE" => (413, "Request Entity Too Large"),
        "INTEGRATION_TIMEOUT" => (503, "Service Unavailable"),
        _ => (500, "Internal Server Error"),
    };
    plain(status, message)
}

#[cfg(test)]
#[path = "http_api_tests.rs"]
mod tests;
