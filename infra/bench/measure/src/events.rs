//! The events the functions are measured with: the project's samples, made valid for the running stack.

use crate::Failure;
use bytes::Bytes;
use gateway_local::stack::Running;
use serde_json::{Value, json};

const CLIENT: &str = "demo-app";

/// The tokens of a token response.
pub(crate) struct Tokens {
    access: String,
    refresh: String,
}

/// A login through the whole stack.
pub(crate) async fn login(stack: &Running) -> Result<Tokens, Failure> {
    let login = [
        ("grant_type", "password"),
        ("client_id", CLIENT),
        ("username", "ada@example.com"),
        ("password", "correct horse battery staple"),
    ];
    let url = format!("{}/oauth2/token", stack.base_url());
    let response = reqwest::Client::new().post(url).form(&login).send().await?.json().await?;
    of_body(&response)
}

/// The tokens that the token function answered with.
pub(crate) fn tokens(response: &Bytes) -> Result<Tokens, Failure> {
    let response: Value = serde_json::from_slice(response)?;
    let body = response.get("body").and_then(Value::as_str).ok_or("no body")?;
    of_body(&serde_json::from_str(body)?)
}

fn of_body(body: &Value) -> Result<Tokens, Failure> {
    let text = |name| body.get(name).and_then(Value::as_str).ok_or_else(|| format!("no {name} in {body}"));
    Ok(Tokens { access: text("access_token")?.to_owned(), refresh: text("refresh_token")?.to_owned() })
}

/// The request for the login form.
pub(crate) fn login_page(stack: &Running) -> Result<Bytes, Failure> {
    let mut event = sample("authorize-rest.json")?;
    set(&mut event, "stageVariables", json!({ "issuer": stack.base_url() }));
    Ok(Bytes::from(event.to_string()))
}

/// The request for the form of a sign-up.
pub(crate) fn sign_up_page(stack: &Running) -> Result<Bytes, Failure> {
    let mut event = sample("authorize-rest.json")?;
    set(&mut event, "path", json!("/account/sign-up"));
    set(&mut event, "queryStringParameters", Value::Null);
    set(&mut event, "multiValueQueryStringParameters", Value::Null);
    set(&mut event, "stageVariables", json!({ "issuer": stack.base_url() }));
    Ok(Bytes::from(event.to_string()))
}

/// The schedule of the outbox, while nothing waits there.
pub(crate) fn nothing_due() -> Result<Bytes, Failure> {
    Ok(Bytes::from(sample("outbox-due.json")?.to_string()))
}

/// A call with a token that is good.
pub(crate) async fn authorizer(stack: &Running) -> Result<Bytes, Failure> {
    let token = login(stack).await?.access;
    let mut event = sample("authorizer-rest.json")?;
    set_header(&mut event, "authorization", &format!("Bearer {token}"));
    set(&mut event, "path", json!("/orders"));
    set(&mut event, "httpMethod", json!("GET"));
    set(&mut event, "methodArn", json!("arn:aws:execute-api:eu-central-1:123456789012:abcdef/live/GET/orders"));
    set(&mut event, "stageVariables", json!({ "issuer": stack.base_url() }));
    Ok(Bytes::from(event.to_string()))
}

/// The same call, admitted by what the authorizer answered.
pub(crate) fn proxy(authorizer: &Bytes, response: &Bytes) -> Result<Bytes, Failure> {
    let mut event: Value = serde_json::from_slice(authorizer)?;
    let response: Value = serde_json::from_slice(response)?;
    let context = response.get("context").ok_or("the authorizer gave no context")?;
    let request = event.get_mut("requestContext").ok_or("no requestContext")?;
    set(request, "authorizer", context.clone());
    set(&mut event, "body", Value::Null);
    set(&mut event, "isBase64Encoded", json!(false));
    Ok(Bytes::from(event.to_string()))
}

/// A client credentials request.
pub(crate) fn client_credentials(stack: &Running) -> Result<Bytes, Failure> {
    let secret = stack.client_secret("partner-app").ok_or("no secret")?;
    token(stack, &format!("grant_type=client_credentials&client_id=partner-app&client_secret={secret}"))
}

/// A refresh of these tokens.
pub(crate) fn refresh(stack: &Running, tokens: &Tokens) -> Result<Bytes, Failure> {
    token(stack, &format!("grant_type=refresh_token&client_id={CLIENT}&refresh_token={}", tokens.refresh))
}

/// A request for a renewal, of a session that is not there.
pub(crate) fn renewal() -> Bytes {
    let asked = json!({ "session": "AAAAAAAAAAAAAAAAAAAAAA", "connector": "orders-login", "version": 1 });
    Bytes::from(json!({ "renew_internal_token": asked }).to_string())
}

fn token(stack: &Running, form: &str) -> Result<Bytes, Failure> {
    post(stack, "/oauth2/token", "application/x-www-form-urlencoded", form, "203.0.113.17")
}

/// A `POST` of this body from this address.
pub(crate) fn post(stack: &Running, path: &str, media: &str, body: &str, source: &str) -> Result<Bytes, Failure> {
    let mut event = sample("token-rest.json")?;
    set_header(&mut event, "content-type", media);
    set(&mut event, "path", json!(path));
    set(&mut event, "body", json!(body));
    if let Some(identity) = event.pointer_mut("/requestContext/identity") {
        set(identity, "sourceIp", json!(source));
    }
    set(&mut event, "isBase64Encoded", json!(false));
    set(&mut event, "stageVariables", json!({ "issuer": stack.base_url() }));
    Ok(Bytes::from(event.to_string()))
}

fn sample(name: &str) -> Result<Value, Failure> {
    let path = format!("{}/events/{name}", gateway_local::binaries::WORKSPACE);
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
