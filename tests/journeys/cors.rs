//! Web pages of other origins: what the configured ones may ask, call and read, and what nobody else may.

use gateway_local::template::ApiKind;
use support::{ADA, CHALLENGE, DEMO_APP, Response};

use super::Gateway;
use crate::canned::Canned;
use crate::events::AUTHORIZER;
use crate::wire::{echo_at, last, seen};

const PAGE: &str = "https://app.example.com";
const OTHER: &str = "https://evil.test";
const METADATA: &str = "/.well-known/oauth-authorization-server";

async fn with_origins(origins: &str) -> Gateway {
    let more = "request_headers: [If-Match], response_headers: [Location]";
    Gateway::start_with_config(|text| format!("{text}\ncors: {{ origins: [{origins}], max_age: 2m, {more} }}\n")).await
}

/// What a browser sends before a call with a token.
async fn preflight(gateway: &Gateway, origin: &str, method: &str, path: &str) -> Response {
    let request = gateway.request("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    gateway.response(request.header("access-control-request-headers", "authorization,content-type")).await
}

/// Every header of the protocol in a response, by name.
fn protocol(response: &Response) -> Vec<&str> {
    response
        .headers
        .keys()
        .map(reqwest::header::HeaderName::as_str)
        .filter(|n| n.starts_with("access-control-"))
        .collect()
}

fn is_for(response: &Response, origin: &str) {
    assert_eq!(response.header("access-control-allow-origin"), origin, "{response:?}");
    assert_eq!(response.header("access-control-allow-credentials"), "", "{response:?}");
    assert!(response.headers.get_all("vary").iter().any(|vary| vary == "Origin"), "{response:?}");
}

#[tokio::test]
async fn a_listed_page_is_permitted_the_methods_of_a_path_without_a_token() {
    let gateway = with_origins(PAGE).await;
    let (before, decided) = (seen(&gateway), gateway.stack.functions().invocations(AUTHORIZER));
    for (path, methods) in [
        ("/orders", "GET, POST"),
        ("/orders/7", "GET"),
        ("/public/ping", "GET"),
        ("/oauth2/token", "POST"),
        ("/oauth2/revoke", "POST"),
        ("/oauth2/introspect", "POST"),
        ("/oauth2/userinfo", "GET, HEAD, POST"),
        (METADATA, "GET, HEAD"),
        ("/.well-known/openid-configuration", "GET, HEAD"),
        ("/.well-known/jwks.json", "GET, HEAD"),
    ] {
        let response = preflight(&gateway, PAGE, "DELETE", path).await;
        assert_eq!((response.status, response.body.len()), (204, 0), "{path}: {response:?}");
        is_for(&response, PAGE);
        assert_eq!(response.header("access-control-allow-methods"), methods, "{path}");
        assert_eq!(response.header("access-control-max-age"), "120");
        let headers = "Authorization, Content-Type, DPoP, Idempotency-Key, if-match";
        assert_eq!(response.header("access-control-allow-headers"), headers);
    }
    // An HTTP API would make `/orders/1` of the first.
    let encoded = if Gateway::API == ApiKind::Rest { "/orders%2f1" } else { "/orders%5c1" };
    for (path, status) in [("/nowhere", 404), ("/orders/", 404), (encoded, 400), ("/public/../orders", 400)] {
        // The client would tidy such a path up.
        let head = format!(
            "OPTIONS {path} HTTP/1.1\r\nHost: x\r\nOrigin: {PAGE}\r\nAccess-Control-Request-Method: GET\r\n\
             Connection: close\r\n\r\n"
        );
        let response = support::send(gateway.stack.base_url(), head.as_bytes()).await;
        assert_eq!(response.status(), Some(status), "{path}");
        assert!(!response.text().contains("access-control-allow-methods"), "{}", response.text());
    }
    assert_eq!(seen(&gateway), before, "a preflight reached the back end");
    assert_eq!(gateway.stack.functions().invocations(AUTHORIZER), decided, "a preflight was authorised");
}

#[tokio::test]
async fn a_listed_page_reads_answers_refusals_and_what_is_left_of_its_limit() {
    let gateway = with_origins(PAGE).await;
    let tokens = gateway.login(ADA).await;
    let served =
        gateway.response(gateway.request("GET", "/orders").bearer_auth(&tokens.access).header("origin", PAGE)).await;
    assert_eq!(served.status, 200);
    assert!(last(&gateway).header("origin").is_empty(), "the back end has no say in this");
    let form = [("grant_type", "refresh_token"), ("client_id", DEMO_APP), ("refresh_token", tokens.refresh.as_str())];
    let refreshed = gateway.response(gateway.request("POST", "/oauth2/token").form(&form).header("origin", PAGE)).await;
    assert_eq!(refreshed.status, 200);
    let wrong = gateway.request("POST", "/oauth2/token").form(&[("grant_type", "x"), ("client_id", DEMO_APP)]);
    let wrong = gateway.response(wrong.header("origin", PAGE)).await;
    let not_there = gateway.request("DELETE", "/orders").bearer_auth(&tokens.access).header("origin", PAGE);
    let not_there = gateway.response(not_there).await;
    let metadata = gateway.response(gateway.request("GET", METADATA).header("origin", PAGE)).await;
    for (response, status) in [(&served, 200), (&refreshed, 200), (&wrong, 400), (&not_there, 405), (&metadata, 200)] {
        assert_eq!(response.status, status, "{response:?}");
        is_for(response, PAGE);
        let exposed = response.header("access-control-expose-headers");
        for name in ["RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "location"] {
            assert!(exposed.split(", ").any(|one| one == name), "{exposed} lacks {name}");
        }
        let names = ["access-control-allow-origin", "access-control-expose-headers"];
        assert!(protocol(response).iter().all(|name| names.contains(name)), "{response:?}");
    }
    // API Gateway's own words: no function runs that could tell origins apart.
    let no_token = gateway.response(gateway.request("GET", "/orders").header("origin", PAGE)).await;
    // Those of an HTTP API are for no page.
    let told = Gateway::API == ApiKind::Rest;
    let (origin, names) = if told { (PAGE, "Retry-After, WWW-Authenticate") } else { ("", "") };
    assert_eq!((no_token.status, no_token.header("access-control-allow-origin")), (401, origin), "{no_token:?}");
    assert_eq!(no_token.header("access-control-expose-headers"), names);
}

#[tokio::test]
async fn another_page_is_permitted_nothing_and_reads_nothing() {
    let gateway = with_origins(&format!("{PAGE}, http://localhost:5173")).await;
    let tokens = gateway.login(ADA).await;
    let before = seen(&gateway);
    for origin in [OTHER, "null", "https://app.example.com.evil.test", "https://APP.example.com"] {
        for (path, status) in [("/orders", 403), ("/public/ping", 403), ("/nowhere", 403), ("/oauth2/token", 405)] {
            let response = preflight(&gateway, origin, "GET", path).await;
            assert_eq!((response.status, protocol(&response)), (status, vec![]), "{origin} {path}: {response:?}");
        }
    }
    assert_eq!(seen(&gateway), before);
    let called = gateway.request("GET", "/orders").bearer_auth(&tokens.access).header("origin", OTHER);
    let called = gateway.response(called).await;
    assert_eq!((called.status, protocol(&called)), (200, vec![]));
    assert_eq!(called.header("vary"), "Origin", "a cache must not hand this to a listed page");
    // Two origins are listed, and API Gateway's own responses can name one or all: they hold nothing of anybody's.
    let no_token = gateway.response(gateway.request("GET", "/orders").header("origin", OTHER)).await;
    let all = if Gateway::API == ApiKind::Rest { "*" } else { "" };
    assert_eq!((no_token.status, no_token.header("access-control-allow-origin")), (401, all));
    let twin = preflight(&gateway, "http://localhost:5173", "GET", "/orders").await;
    is_for(&twin, "http://localhost:5173");
}

/// Checklist F-36, S-15: what somebody types in a browser belongs to the pages of the gateway. No page logs people in as apps do, listed or not.
#[tokio::test]
async fn no_page_is_permitted_the_login_of_apps() {
    let gateway = with_origins(PAGE).await;
    let form = [
        ("client_id", DEMO_APP),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("username", ADA.name),
        ("password", ADA.password),
    ];
    let own = gateway.stack.base_url();
    for origin in [PAGE, OTHER, "null", own] {
        let response = preflight(&gateway, origin, "POST", "/oauth2/challenge").await;
        assert_eq!((response.status, protocol(&response)), (405, vec![]), "{origin}: {response:?}");
        let asked = gateway.request("POST", "/oauth2/challenge").form(&form).header("origin", origin);
        let response = gateway.response(asked).await;
        assert_eq!((response.status, protocol(&response)), (400, vec![]), "{origin}: {response:?}");
        assert_eq!(response.json()["error"], "invalid_request", "{origin}");
    }
    let app = gateway.response(gateway.request("POST", "/oauth2/challenge").form(&form)).await;
    assert_eq!((app.status, protocol(&app)), (200, vec![]), "{}", app.text());
}

#[tokio::test]
async fn without_cors_in_the_configuration_there_is_none() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let before = seen(&gateway);
    for (path, status) in [("/orders", 403), ("/echo", 403), ("/nowhere", 403), ("/oauth2/token", 405)] {
        let response = preflight(&gateway, PAGE, "GET", path).await;
        assert_eq!((response.status, protocol(&response)), (status, vec![]), "{path}: {response:?}");
    }
    assert_eq!(seen(&gateway), before, "OPTIONS reached the back end");
    let called = gateway.request("GET", "/orders").bearer_auth(&tokens.access).header("origin", PAGE);
    for response in [
        gateway.response(called).await,
        gateway.response(gateway.request("GET", METADATA).header("origin", PAGE)).await,
        gateway.response(gateway.request("GET", "/orders").header("origin", PAGE)).await,
    ] {
        assert_eq!((protocol(&response), response.header("vary")), (vec![], ""), "{response:?}");
    }
}

#[tokio::test]
async fn what_a_back_end_says_about_origins_is_not_passed_on() {
    let headers = "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nVary: Accept\r\n";
    let response = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\n{{}}");
    let careless = Canned::start(Some(response)).await;
    let gateway = Gateway::start_with_config(|text| {
        format!("{}\ncors: {{ origins: [{PAGE}] }}\n", echo_at(&text, &careless.url(), ""))
    })
    .await;
    let tokens = gateway.login(ADA).await;
    for (origin, allowed) in [(PAGE, PAGE), (OTHER, "")] {
        let request = gateway.request("GET", "/echo").bearer_auth(&tokens.access).header("origin", origin);
        let response = gateway.response(request).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, allowed));
        assert_eq!(
            response.headers.get_all("access-control-allow-origin").iter().count(),
            usize::from(!allowed.is_empty())
        );
        assert_eq!(response.header("access-control-allow-credentials"), "");
        // An HTTP API joins what a REST API repeats.
        let vary: Vec<_> =
            response.headers.get_all("vary").iter().map(|value| value.to_str().expect("a text")).collect();
        assert_eq!(vary.join(", "), "Accept, Origin");
    }
}
