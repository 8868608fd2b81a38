//! Events handed to the functions past the gateway: the samples in `events/`, made good for a running stack.

use bytes::Bytes;
use gateway_local::binaries::WORKSPACE;
use serde_json::{Value as Json, json};
use support::Gateway;

pub(crate) const TOKEN: &str = "TokenFunction";
pub(crate) const RENEWAL: &str = "RenewalFunction";
pub(crate) const AUTHORIZER: &str = "AuthorizerFunction";
pub(crate) const PROXY: &str = "ProxyFunction";

/// Where API Gateway would have this call.
pub(crate) const ARN: &str = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/live";

/// A sample as it is.
pub(crate) fn sample(name: &str) -> Json {
    let text = std::fs::read_to_string(format!("{WORKSPACE}/events/{name}")).expect("a sample event");
    serde_json::from_str(&text).expect("JSON")
}

/// What a function returns, or its error's text.
pub(crate) async fn invoke(gateway: &Gateway, function: &str, event: &Json) -> Result<Json, String> {
    let outcome = gateway.stack.functions().invoke(function, Bytes::from(event.to_string())).await;
    outcome.map(|bytes| value(&bytes)).map_err(|error| error.to_string())
}

/// A value, or what a function streamed in the form of one: status and headers, and a body as text.
fn value(bytes: &[u8]) -> Json {
    let Some(end) = bytes.windows(8).position(|window| window == [0; 8]) else {
        return serde_json::from_slice(bytes).expect("JSON");
    };
    let mut value: Json = serde_json::from_slice(&bytes[..end]).expect("a prelude");
    value["body"] = json!(String::from_utf8_lossy(&bytes[end + 8..]));
    value["isBase64Encoded"] = json!(false);
    value
}

/// The status a function answers with.
pub(crate) async fn status(gateway: &Gateway, function: &str, event: &Json) -> Option<u64> {
    invoke(gateway, function, event).await.ok()?["statusCode"].as_u64()
}

/// The authorizer's event of a REST API.
pub(crate) fn rest_authorizer(gateway: &Gateway, method: &str, path: &str, token: &str) -> Json {
    let mut event = sample("authorizer-rest.json");
    event["methodArn"] = json!(format!("{ARN}/{method}{path}"));
    event["httpMethod"] = json!(method);
    event["path"] = json!(path);
    event["stageVariables"]["issuer"] = json!(gateway.stack.base_url());
    event["queryStringParameters"] = Json::Null;
    event["multiValueQueryStringParameters"] = Json::Null;
    set_header(&mut event, "Authorization", &format!("Bearer {token}"));
    event
}

/// The authorizer's event of an HTTP API.
pub(crate) fn http_authorizer(gateway: &Gateway, method: &str, path: &str, token: &str) -> Json {
    let mut event = sample("authorizer-http.json");
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!("");
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    event["stageVariables"]["issuer"] = json!(gateway.stack.base_url());
    event["identitySource"] = json!([format!("Bearer {token}")]);
    event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    event
}

/// The proxy's event that follows what the authorizer said to this one, of either version.
pub(crate) async fn admitted(gateway: &Gateway, authorizer: &Json) -> Json {
    let response = invoke(gateway, AUTHORIZER, authorizer).await.expect("a response of the authorizer");
    let mut event = authorizer.clone();
    event["body"] = Json::Null;
    event["isBase64Encoded"] = json!(false);
    let members = event.as_object_mut().expect("an object");
    for of_authorizers in ["type", "methodArn", "routeArn", "identitySource"] {
        members.remove(of_authorizers);
    }
    *context_of(&mut event) = response["context"].clone();
    event
}

/// The place of the authorizer's context in a proxy event.
pub(crate) fn context_of(event: &mut Json) -> &mut Json {
    let http = event["version"] == "2.0";
    let authorizer = &mut event["requestContext"]["authorizer"];
    if http { &mut authorizer["lambda"] } else { authorizer }
}

/// Sets a header in both maps of a REST event, or in the only one of an HTTP API's.
pub(crate) fn set_header(event: &mut Json, name: &str, value: &str) {
    event["headers"][name] = json!(value);
    if event["version"] != "2.0" {
        event["multiValueHeaders"][name] = json!([value]);
    }
}
