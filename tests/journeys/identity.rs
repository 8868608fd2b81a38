//! Who calls is what the gateway says, whatever the client sends: looked at in the bytes the back end received.

use serde_json::{Value as Json, json};
use support::{ADA, Tokens};

use super::Gateway;
use crate::events::{self, AUTHORIZER, PROXY};
use crate::wire::{last, raw, seen};

/// Every header that tells the back end who calls.
const IDENTITY: [&str; 6] = [
    "x-authenticated-userid",
    "x-authenticated-scope",
    "x-consumer-username",
    "x-consumer-custom-id",
    "x-credential-identifier",
    "x-authenticated-subject-type",
];

/// What an honest call carries, to compare with.
struct Honest {
    gateway: Gateway,
    tokens: Tokens,
    identity: Vec<Vec<String>>,
}

impl Honest {
    async fn start() -> Self {
        let gateway = Gateway::start().await;
        let tokens = gateway.login(ADA).await;
        let honest = Self { gateway, tokens, identity: Vec::new() };
        let identity = honest.echo("X-Harmless: 1\r\n").await;
        assert!(identity.iter().all(|values| values.len() == 1), "{identity:?}");
        Self { identity, ..honest }
    }

    /// What the back end is told about a call with these header lines.
    async fn echo(&self, headers: &str) -> Vec<Vec<String>> {
        let before = seen(&self.gateway);
        let response = raw(&self.gateway, "GET /echo", Some(&self.tokens.access), headers).await;
        assert_eq!(response.status(), Some(200), "{headers}: {}", response.text());
        assert_eq!(seen(&self.gateway), before + 1);
        let arrived = last(&self.gateway);
        IDENTITY.iter().map(|name| arrived.header(name)).collect()
    }

    /// Calls with these header lines; the back end must see nothing but the truth.
    async fn is_unaffected_by(&self, headers: &str) {
        let from = self.gateway.stack.legacy().received_bytes().len();
        assert_eq!(self.echo(headers).await, self.identity, "{headers}");
        let bytes = self.gateway.stack.legacy().received_bytes();
        let arrived = String::from_utf8_lossy(&bytes[from..]).to_lowercase();
        assert!(!arrived.contains("evil"), "{headers}: {arrived}");
    }
}

/// Abuse cases B1, B2 and B3; checklist Y-05.
#[tokio::test]
async fn an_identity_header_of_the_client_never_arrives() {
    let honest = Honest::start().await;
    for headers in [
        "X-Authenticated-Userid: evil\r\n",
        "X_Authenticated_Userid: evil\r\n",
        "X_Authenticated-Userid: evil\r\n",
        "X.Authenticated.Userid: evil\r\n",
        "x-AUTHENTICATED-userid: evil\r\nX-authenticated-USERID: evil too\r\n",
        "X-Authenticated-Userid: evil\r\nX_Authenticated_Userid: evil\r\nX-Authenticated-UserId: evil\r\n",
    ] {
        honest.is_unaffected_by(headers).await;
    }
}

/// Abuse case B4; checklist S-09.
#[tokio::test]
async fn a_public_route_carries_no_identity_at_all() {
    let gateway = Gateway::start().await;
    let mut headers: String = IDENTITY.iter().map(|name| format!("{name}: evil\r\n")).collect();
    headers.push_str("X_Authenticated_Userid: evil\r\nAuthorization: Bearer evil\r\nX-Harmless: 1\r\n");
    assert_eq!(raw(&gateway, "GET /public/ping", None, &headers).await.status(), Some(200));
    let arrived = last(&gateway);
    assert_eq!(arrived.header("x-harmless"), ["1"]);
    assert!(IDENTITY.iter().all(|name| arrived.header(name).is_empty()), "{arrived:?}");
    assert!(!String::from_utf8_lossy(&gateway.stack.legacy().received_bytes()).contains("evil"));
}

/// Abuse case B5; checklist S-09, Y-05.
#[tokio::test]
async fn every_header_that_tells_who_calls_is_the_gateways() {
    let honest = Honest::start().await;
    for name in IDENTITY.into_iter().chain([
        "X-Consumer-Id",
        "X-Consumer-Groups",
        "X-Anonymous-Consumer",
        "X-Authenticated-Groups",
        "X_Consumer_Username",
        "X_Credential_Identifier",
    ]) {
        honest.is_unaffected_by(&format!("{name}: evil\r\n")).await;
    }
    let truth: Vec<_> = honest.identity.iter().map(|values| values[0].as_str()).collect();
    assert_eq!((truth[1], truth[2], truth[4]), ("orders:read orders:write", "Demo App", "demo-app"));
    assert_eq!(truth[5], "user");
}

/// Abuse case B6; checklist B-02.
#[tokio::test]
async fn two_maps_of_headers_cannot_tell_two_stories() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let authorizer = events::rest_authorizer(&gateway, "GET", "/echo", &tokens.access);
    let good = events::admitted(&gateway, &authorizer).await;
    let before = seen(&gateway);
    for (single, multiple) in [
        (json!("evil-a"), json!(["evil-b", "evil-c"])),
        (json!("evil-a"), json!(["evil-b"])),
        (json!("evil-a"), json!(null)),
        (json!(null), json!(["evil-b", "evil-c"])),
        (json!("evil-c"), json!(["evil-b", "evil-c"])),
    ] {
        let mut event = good.clone();
        put(&mut event, "headers", "X-Authenticated-Userid", &single);
        put(&mut event, "multiValueHeaders", "X-Authenticated-Userid", &multiple);
        let status = events::status(&gateway, PROXY, &event).await;
        assert!(matches!(status, Some(200 | 400)), "{status:?}: {single} {multiple}");
    }
    // Neither of the two functions may take another Authorization than the other one would.
    for (single, multiple) in [
        (json!("Bearer evil"), json!([format!("Bearer {}", tokens.access)])),
        (json!(format!("Bearer {}", tokens.access)), json!(["Bearer evil"])),
        (json!("Bearer evil"), json!([format!("Bearer {}", tokens.access), "Bearer evil"])),
    ] {
        let mut event = authorizer.clone();
        event["headers"]["Authorization"] = single;
        event["multiValueHeaders"]["Authorization"] = multiple;
        let response = events::invoke(&gateway, AUTHORIZER, &event).await;
        assert!(response.as_ref().is_err_and(|error| error.contains("Unauthorized")), "{response:?}");
    }
    let arrived = gateway.stack.legacy().recorded().split_off(before);
    for request in &arrived {
        assert_eq!(request.header("x-authenticated-userid").len(), 1);
        assert!(!format!("{request:?}").contains("evil"), "{request:?}");
    }
    assert!(!String::from_utf8_lossy(&gateway.stack.legacy().received_bytes()).contains("evil"));

    let mut event = good.clone();
    events::set_header(&mut event, "X-Harmless", "1");
    assert_eq!(events::status(&gateway, PROXY, &event).await, Some(200));
    assert_eq!(last(&gateway).header("x-harmless"), ["1"]);
}

fn put(event: &mut Json, map: &str, name: &str, value: &Json) {
    if !value.is_null() {
        event[map][name] = value.clone();
    }
}

/// Abuse case B7.
#[tokio::test]
async fn forwarded_headers_of_the_client_change_nothing() {
    let honest = Honest::start().await;
    let spoofed = "X-Forwarded-For: evil\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: evil\r\n\
                   X-Forwarded-Prefix: /evil\r\nX-Forwarded-Uri: /evil\r\nX-Forwarded-Port: evil\r\n\
                   X-Real-IP: evil\r\nForwarded: for=evil\r\nX-Original-URL: /evil\r\nX-Rewrite-URL: /evil\r\n";
    honest.is_unaffected_by(spoofed).await;
    let arrived = last(&honest.gateway);
    assert_eq!(arrived.header("x-forwarded-for"), ["127.0.0.1"]);
    // On a laptop the gateway is called over plain HTTP, at a port of its own.
    assert_eq!((arrived.header("x-forwarded-proto"), arrived.header("x-real-ip")), (vec!["http".to_owned()], vec![]));
    let origin = honest.gateway.url("");
    let host = origin.strip_prefix("http://").expect("plain HTTP");
    let port = host.rsplit_once(':').expect("a port").1;
    assert_eq!(
        (arrived.header("x-forwarded-host"), arrived.header("x-forwarded-port")),
        (vec![host.to_owned()], vec![port.to_owned()])
    );
    assert_eq!(arrived.header("forwarded"), [format!("for=127.0.0.1;host=\"{host}\";proto=http")]);
    assert!(arrived.header("x-forwarded-prefix").is_empty());

    // Nor where tokens come from, nor what may be called.
    let metadata = "GET /.well-known/oauth-authorization-server";
    let body = |text: String| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    let plain = body(raw(&honest.gateway, metadata, None, "").await.text());
    assert_eq!(body(raw(&honest.gateway, metadata, None, spoofed).await.text()), plain);
    assert_eq!(raw(&honest.gateway, "GET /orders", None, spoofed).await.status(), Some(401));
}

/// Abuse case B8; checklist H-11.
#[tokio::test]
async fn the_back_ends_own_credential_comes_from_the_gateway_alone() {
    let honest = Honest::start().await;
    let cookie = last(&honest.gateway).header("cookie");
    assert!(cookie.len() == 1 && cookie[0].starts_with("LEGACYSESSID="), "{cookie:?}");
    for headers in [
        "Cookie: LEGACYSESSID=evil\r\n",
        "Cookie: theme=dark; LEGACYSESSID=evil\r\nCookie: legacysessid=evil\r\n",
        "cookie: LEGACYSESSID=evil; LEGACYSESSID=evil\r\n",
        "Proxy-Authorization: Negotiate evil\r\n",
    ] {
        honest.is_unaffected_by(headers).await;
        assert_eq!(last(&honest.gateway).header("cookie"), cookie, "{headers}");
    }
    // A second Authorization is not the first one's, and none of them travels on.
    let before = seen(&honest.gateway);
    let two = raw(&honest.gateway, "GET /echo", Some(&honest.tokens.access), "Authorization: Negotiate evil\r\n").await;
    assert_eq!(two.status(), Some(401), "{}", two.text());
    assert_eq!(raw(&honest.gateway, "GET /echo", None, "Authorization: Negotiate evil\r\n").await.status(), Some(401));
    assert_eq!(seen(&honest.gateway), before);
    let bytes = String::from_utf8_lossy(&honest.gateway.stack.legacy().received_bytes()).to_lowercase();
    assert!(!bytes.contains("authorization") && !bytes.contains(&honest.tokens.access.to_lowercase()));
}
