//! The events the functions are measured with: the project's samples, made valid for the running stack.

use crate::Failure;
use bytes::Bytes;
use local::stack::Running;
use serde_json::{Value, json};

/// A call with a token that is good.
pub(crate) async fn authorizer(stack: &Running) -> Result<Bytes, Failure> {
    let login = [
        ("grant_type", "password"),
        ("client_id", "demo-app"),
        ("username", "ada@example.com"),
        ("password", "correct horse battery staple"),
    ];
    let url = format!("{}/oauth2/token", stack.base_url());
    let answer: Value = reqwest::Client::new().post(url).form(&login).send().await?.json().await?;
    let token = answer.get("access_token").and_then(Value::as_str).ok_or("no access token")?;
    let mut event = sample("authorizer-rest.json")?;
    set_header(&mut event, "authorization", &format!("Bearer {token}"));
    set(&mut event, "path", json!("/orders"));
    set(&mut event, "httpMethod", json!("GET"));
    set(&mut event, "methodArn", json!("arn:aws:execute-api:eu-central-1:123456789012:abcdef/live/GET/orders"));
    set(&mut event, "stageVariables", json!({ "issuer": stack.base_url() }));
    Ok(Bytes::from(event.to_string()))
}

/// The same call, admitted by what the authorizer answered.
pub(crate) fn proxy(authorizer: &Bytes, answer: &Bytes) -> Result<Bytes, Failure> {
    let mut event: Value = serde_json::from_slice(authorizer)?;
    let answer: Value = serde_json::from_slice(answer)?;
    let context = answer.get("context").ok_or("the authorizer gave no context")?;
    let request = event.get_mut("requestContext").ok_or("no requestContext")?;
    set(request, "authorizer", context.clone());
    set(&mut event, "body", Value::Null);
    set(&mut event, "isBase64Encoded", json!(false));
    Ok(Bytes::from(event.to_string()))
}

/// A client credentials request.
pub(crate) fn token(stack: &Running) -> Result<Bytes, Failure> {
    let secret = stack.client_secret("partner-app").ok_or("no secret")?;
    let mut event = sample("token-rest.json")?;
    set_header(&mut event, "content-type", "application/x-www-form-urlencoded");
    let body = format!("grant_type=client_credentials&client_id=partner-app&client_secret={secret}");
    set(&mut event, "body", json!(body));
    set(&mut event, "isBase64Encoded", json!(false));
    set(&mut event, "stageVariables", json!({ "issuer": stack.base_url() }));
    Ok(Bytes::from(event.to_string()))
}

fn sample(name: &str) -> Result<Value, Failure> {
    let path = format!("{}/events/{name}", local::binaries::WORKSPACE);
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// Sets a header in both maps, whatever its case there.
fn set_header(event: &mut Value, name: &str, value: &str) {
    for (map, value) in [("headers", json!(value)), ("multiValueHeaders", json!([value]))] {
        if let Some(headers) = event.get_mut(map).and_then(Value::as_object_mut) {
            headers.retain(|given, _| !given.eq_ignore_ascii_case(name));
            headers.insert(name.to_owned(), value);
        }
    }
}
