//! Builds the events of a REST API for the proxy integration and for the REQUEST authorizer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::query;
use super::received::Received;
use super::routes::Matched;
use crate::arn;
use crate::template::{ACCOUNT, Api};

/// Header fields that concern only the connection, which ends here.
const FRAMING: [&str; 2] = ["transfer-encoding", "expect"];

/// The ARN about which the authorizer decides.
pub(super) fn method_arn(api: &Api, received: &Received) -> String {
    arn::method(&api.id, &api.stage, &received.method, &received.path)
}

/// The event for the authorizer.
pub(super) fn authorizer(api: &Api, received: &Received, matched: &Matched<'_>) -> Json {
    let mut event = common(api, received, matched);
    event.insert("type".to_owned(), json!("REQUEST"));
    event.insert("methodArn".to_owned(), json!(method_arn(api, received)));
    event.insert("requestContext".to_owned(), context(api, received, matched));
    Json::Object(event)
}

/// The event for the function behind a route. `authorized` is the context of the authorizer, if the route has one.
pub(super) fn proxy(
    api: &Api,
    received: &Received,
    matched: &Matched<'_>,
    authorized: Option<&Map<String, Json>>,
) -> Json {
    let mut event = common(api, received, matched);
    let mut context = context(api, received, matched);
    if let (Some(authorized), Some(context)) = (authorized, context.as_object_mut()) {
        context.insert("authorizer".to_owned(), Json::Object(authorized.clone()));
    }
    event.insert("requestContext".to_owned(), context);
    let body = match () {
        () if received.body.is_empty() => Json::Null,
        () if api.binary => json!(STANDARD.encode(&received.body)),
        () => json!(String::from_utf8_lossy(&received.body)),
    };
    event.insert("isBase64Encoded".to_owned(), json!(api.binary && !received.body.is_empty()));
    event.insert("body".to_owned(), body);
    Json::Object(event)
}

fn common(api: &Api, received: &Received, matched: &Matched<'_>) -> Map<String, Json> {
    let headers = headers(received);
    let pairs = query::decode(&received.query);
    let parameters: Map<String, Json> =
        matched.parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(query::decode_path(value)))).collect();
    let variables: Map<String, Json> = api.variables.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    [
        ("resource", json!(matched.route.path)),
        ("path", json!(received.path)),
        ("httpMethod", json!(received.method)),
        ("headers", last(&headers)),
        ("multiValueHeaders", all(&headers)),
        ("queryStringParameters", or_null(last(&pairs))),
        ("multiValueQueryStringParameters", or_null(all(&pairs))),
        ("pathParameters", or_null(Json::Object(parameters))),
        ("stageVariables", or_null(Json::Object(variables))),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn context(api: &Api, received: &Received, matched: &Matched<'_>) -> Json {
    json!({
        "accountId": ACCOUNT,
        "apiId": api.id,
        // In AWS the port is always 443, and not part of it.
        "domainName": format!("127.0.0.1:{}", received.port),
        "domainPrefix": "127",
        "extendedRequestId": received.request_id,
        "httpMethod": received.method,
        "identity": {
            "accessKey": null,
            "accountId": null,
            "caller": null,
            "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null,
            "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null,
            "principalOrgId": null,
            "sourceIp": received.source.ip().to_string(),
            "user": null,
            "userAgent": received.header("user-agent"),
            "userArn": null,
        },
        "path": received.path,
        "protocol": received.protocol,
        "requestId": received.request_id,
        "requestTimeEpoch": received.time,
        "resourceId": "local",
        "resourcePath": matched.route.path,
        "stage": api.stage,
    })
}

/// The header fields of the client without those of the connection, and the fields that API Gateway sets itself.
pub(super) fn headers(received: &Received) -> Vec<(String, String)> {
    let source = received.source.ip().to_string();
    let forwarded = match received.header("x-forwarded-for") {
        Some(before) => format!("{before}, {source}"),
        None => source,
    };
    let own = [
        ("X-Forwarded-For", forwarded),
        ("X-Forwarded-Port", received.port.to_string()),
        ("X-Forwarded-Proto", "http".to_owned()),
        ("X-Amzn-Trace-Id", format!("Root={}", received.trace_root)),
    ];
    let replaced = |name: &str| own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let theirs = received.headers.iter().filter(|(name, _)| !FRAMING.contains(&name.as_str()) && !replaced(name));
    let mut headers: Vec<(String, String)> = theirs.cloned().collect();
    headers.extend(own.map(|(name, value)| (name.to_owned(), value)));
    headers
}

/// The last value of each name.
fn last(pairs: &[(String, String)]) -> Json {
    pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>().into()
}

/// All values of each name, in order.
fn all(pairs: &[(String, String)]) -> Json {
    let mut map = Map::new();
    for (name, value) in pairs {
        let values = map.entry(name.clone()).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push(json!(value));
        }
    }
    map.into()
}

fn or_null(map: Json) -> Json {
    if map.as_object().is_some_and(Map::is_empty) { Json::Null } else { map }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
