//! Requests in bytes, and what of them reached the back end.

use gateway_local::legacy::Recorded;
use support::{DEMO_APP, Gateway, RawResponse, Tokens, User, send};

/// Sends a request with exactly this target and these header lines, each ended by CR LF.
pub(crate) async fn raw(gateway: &Gateway, line: &str, token: Option<&str>, headers: &str) -> RawResponse {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!("{line} HTTP/1.1\r\nHost: gateway.test\r\n{authorization}{headers}Connection: close\r\n\r\n");
    send(gateway.stack.base_url(), head.as_bytes()).await
}

/// How many requests the back end has seen.
pub(crate) fn seen(gateway: &Gateway) -> usize {
    gateway.stack.legacy().recorded().len()
}

/// What the back end saw last.
pub(crate) fn last(gateway: &Gateway) -> Recorded {
    gateway.stack.legacy().recorded().pop().expect("a request at the back end")
}

/// Logs in for no more than this scope.
pub(crate) async fn login_for(gateway: &Gateway, user: User, scope: &str) -> Tokens {
    let form = [
        ("grant_type", "password"),
        ("client_id", DEMO_APP),
        ("username", user.name),
        ("password", user.password),
        ("scope", scope),
    ];
    gateway.post_form("/oauth2/token", &form).await.tokens()
}

/// The demo's configuration with another back end for the API `echo`, and more fields of that API.
pub(crate) fn echo_at(text: &str, url: &str, fields: &str) -> String {
    let demo = "  echo:\n    back_end: http://127.0.0.1:3001\n";
    assert!(text.contains(demo), "{text}");
    text.replace(demo, &format!("  echo:\n    back_end: {url}\n{fields}"))
}
