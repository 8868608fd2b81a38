//! `connector try`: a login from a laptop, whose report helps and has no secret.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::IntoResponse as _;
use tokio::net::TcpListener;

use crate::operator::{Printed, run};

const PAGE: &str = "<form method=post action='/login?code=S3CRET'><input type=hidden name=csrf value=S3CRET>\
                    <input name=user><input type=password name=pass></form>";

async fn answer(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> axum::response::Response {
    let typed = String::from_utf8_lossy(&body);
    let cookie = headers.get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match (method.as_str(), uri.path()) {
        ("GET", "/login") => {
            ([("content-type", "text/html"), ("set-cookie", "PRE=S3CRET; Path=/")], PAGE).into_response()
        }
        ("POST", "/login") if typed.contains("csrf=S3CRET") && typed.contains("pass=r1ght") => (
            axum::http::StatusCode::SEE_OTHER,
            [("location", "/home?t=S3CRET"), ("set-cookie", "SID=S3CRET; Max-Age=600")],
        )
            .into_response(),
        ("POST", "/login") => ([("content-type", "text/html")], PAGE).into_response(),
        ("GET", "/orders") if cookie.contains("SID=S3CRET") => "S3CRET".into_response(),
        ("GET", "/orders") => axum::http::StatusCode::UNAUTHORIZED.into_response(),
        _ => axum::http::StatusCode::NO_CONTENT.into_response(),
    }
}

/// Tries the connector of a configuration whose second request has these further fields.
async fn tried(more: &str, args: &[&str], password: &str) -> Printed {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.yaml");
    let yaml = format!(
        r#"
plans: {{ standard: {{ calls: 60, window: 1m }} }}
connectors:
  shop:
    type: http_login
    login:
      - {{ url: "{origin}/login" }}
      - {{ submit: {{ fields: {{ user: "{{username}}", pass: "{{password}}" }} }}{more} }}
    extract: {{ cookie: SID }}
    expires: {{ cookie_max_age: true }}
    inject: {{ cookie: SID }}
    logout: {{ method: GET, url: "{origin}/logout" }}
apis:
  orders: {{ back_end: "{origin}", connector: shop, routes: [{{ path: /orders, methods: {{ GET: [read] }} }}] }}
"#
    );
    std::fs::write(&file, yaml).unwrap();
    let base = ["--config", file.to_str().expect("UTF-8"), "connector", "try"];
    let printed =
        run(&[&base[..], args].concat(), &format!("{password}\n"), |command| command.env("PATH", "/nowhere")).await;
    let all = format!("{}{}", printed.out, printed.err);
    assert!(!all.contains("S3CRET") && !all.contains(password) && !all.contains("ad4"), "{printed:?}");
    printed
}

const GOOD: &str = ", success: { status: 303, cookie: SID }, refused: { status: 200 }";

#[tokio::test]
async fn a_login_is_shown_step_by_step_and_logged_out_again() {
    let printed = tried(GOOD, &["shop", "--user", "ad4", "--call", "/orders"], "r1ght").await;
    let text = printed.text();
    for part in [
        "step 1: GET http://",
        "cookie PRE at /: set",
        "/login?code=…: csrf, user, pass",
        "sent cookies PRE",
        "cookie SID at /: set, ends in 600 s",
        "/home?t=…",
        "status 303 holds; the cookie SID holds",
        "extract: the cookie SID: found, 6 characters",
        "logged in: the session ends in 600 s",
        "GET /orders: status 200, 6 bytes",
        "logged out",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json = tried(GOOD, &["shop", "--user", "ad4", "-o", "json"], "r1ght").await.json();
    assert_eq!((&json["outcome"], &json["logout"]), (&"acquired".into(), &"done".into()));
}

#[tokio::test]
async fn a_login_that_fails_says_why_and_what_to_change() {
    let refused = tried(GOOD, &["shop", "--user", "ad4"], "wr0ng").await;
    assert!(refused.out.contains("refused: the legacy system refused the credentials"), "{refused:?}");
    assert!(refused.problem().contains("shop did not log in"), "{refused:?}");
    let redirected = tried("", &["shop", "--user", "ad4"], "r1ght").await;
    assert!(redirected.out.contains("step 2: expected status 200; got status 303"), "{redirected:?}");
    assert!(redirected.out.contains("try: step 2 was redirected to http://"), "{redirected:?}");
    // The system has begun a session by then, which nobody else would end.
    assert!(redirected.out.contains("\nlogged out"), "{redirected:?}");
    assert!(!refused.out.contains("logged out"), "{refused:?}");
    let form = tried(", success: { status: 303 }", &["shop", "--user", "ad4"], "wr0ng").await;
    assert!(form.out.contains("write `refused: { status: 200 }`"), "{form:?}");
    let unknown = tried(GOOD, &["ship", "--user", "ad4"], "r1ght").await;
    assert!(unknown.problem().contains("there is no connector ship"), "{unknown:?}");
}
