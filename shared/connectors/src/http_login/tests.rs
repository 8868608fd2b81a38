//! Logins, well behaved and not, against a small server.

use domain::secret::Secret;
use http::header::{HeaderName, HeaderValue};

use super::*;
use crate::recording_server::{RecordingServer, Reply, answer};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Settings whose login and logout are at this origin; `rest` replaces what it names.
pub(super) fn settings(origin: &str, rest: &str) -> Settings {
    let defaults = [
        (
            "login",
            format!(
                "{{ url: \"{origin}/login\", json: {{ user: \"{{username}}\", pass: \"{{password}}\", app: gateway }} }}"
            ),
        ),
        ("logout", format!("{{ method: POST, url: \"{origin}/logout\" }}")),
        ("extract", "{ cookie: SID }".to_owned()),
        ("expires", "{ cookie_max_age: true }".to_owned()),
        ("inject", "{ cookie: SID }".to_owned()),
    ];
    let missing =
        defaults.iter().filter(|(name, _)| !rest.lines().any(|line| line.trim().starts_with(&format!("{name}:"))));
    let missing = missing.map(|(name, value)| format!("    {name}: {value}\n")).collect::<Vec<_>>().concat();
    let rest = rest.replace("ORIGIN", origin);
    let yaml = format!(
        r"
plans: {{ standard: {{ calls: 60, window: 1m }} }}
connectors:
  legacy:
    type: http_login
{missing}    {rest}
apis:
  orders:
    back_end: http://127.0.0.1:1
    connector: legacy
    routes: [{{ path: /orders, methods: {{ GET: [read] }} }}]
"
    );
    let gateway = config::Gateway::parse(&yaml).unwrap_or_else(|error| panic!("{error} in {yaml}"));
    let (_, config::connector::ConnectorConfig::HttpLogin(settings)) = gateway.connectors().next().unwrap() else {
        panic!("another connector");
    };
    (**settings).clone()
}

/// A connector with such settings.
fn connector(origin: &str, rest: &str) -> HttpLogin {
    HttpLogin::new(settings(origin, rest), BackEndClient::new().unwrap())
}

const COOKIE: &str =
    "\n    extract: { cookie: SID }\n    expires: { cookie_max_age: true }\n    inject: { cookie: SID }";
const JSON: &str = "\n    extract: { json_pointer: /session/id }\n    expires: { json_pointer: /ends, as: rfc3339 }\n    inject: { header: X-Session, value: \"Session {token}\" }";
const FIXED: &str = "\n    extract: { json_pointer: /session/id }\n    expires: { fixed: 30m }\n    inject: { header: X-Session, value: \"{token}\" }";

fn injected(connector: &HttpLogin, state: &[u8]) -> Result<Vec<(HeaderName, HeaderValue)>, ConnectorError> {
    connector.inject(state, Call { content_type: None, body: &Bytes::new() }).map(|injection| injection.headers)
}

fn status(code: u16) -> Response<Bytes> {
    Response::builder().status(code).body(Bytes::new()).unwrap()
}

async fn login(connector: &HttpLogin) -> Result<Acquired, ConnectorError> {
    let password = Secret::new("p\u{e4}ss \"word\\\r\n".to_owned());
    connector.acquire(Credentials { username: "ada@example.com", link: None, password: &password }, NOW).await
}

/// Logs in at a server that always answers like this.
async fn answered(rest: &str, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Result<Acquired, ConnectorError> {
    let server = RecordingServer::start(move |_, _| reply());
    login(&connector(&server.origin(), rest)).await
}

fn misbehaved(outcome: Result<Acquired, ConnectorError>) {
    let error = outcome.map(|acquired| acquired.ends).unwrap_err();
    assert!(matches!(error, ConnectorError::Misbehaved(_)), "{error:?}");
}

#[tokio::test]
async fn a_login_yields_the_cookie_and_its_end() {
    let server = RecordingServer::start(|_, _| {
        answer(200, &[("Set-Cookie", "other=1"), ("Set-Cookie", "SID=abc123; Path=/; HttpOnly; max-age=1800")], b"{}")
    });
    let connector = connector(&server.origin(), COOKIE);
    let acquired = login(&connector).await.unwrap();
    assert_eq!(acquired.state.as_slice(), b"abc123");
    assert_eq!(acquired.ends, Some(Timestamp::from_secs(1_800_001_800)));
    assert_eq!(injected(&connector, &acquired.state).unwrap(), [(http::header::COOKIE, "SID=abc123".parse().unwrap())]);

    let requests = server.requests();
    assert_eq!(requests[0].line(), "POST /login HTTP/1.1");
    let body: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
    let expected = serde_json::json!({"user": "ada@example.com", "pass": "p\u{e4}ss \"word\\\r\n", "app": "gateway"});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_login_yields_the_token_in_the_body_and_its_end() {
    let body = br#"{"session": {"id": "t-1"}, "ends": "2030-01-31T12:00:00Z"}"#;
    let server = RecordingServer::start(|_, _| answer(200, &[], body));
    let connector = connector(&server.origin(), JSON);
    let acquired = login(&connector).await.unwrap();
    assert_eq!(acquired.ends, Some(Timestamp::from_secs(1_896_091_200)));
    let injected = injected(&connector, &acquired.state).unwrap();
    assert_eq!(injected, [(HeaderName::from_static("x-session"), HeaderValue::from_static("Session t-1"))]);
    assert!(injected[0].1.is_sensitive());

    let seconds = JSON.replace("rfc3339", "seconds").replace("/ends", "/in");
    let body = br#"{"session": {"id": "t-1"}, "in": 60}"#;
    let acquired = answered(&seconds, || answer(200, &[], body)).await.unwrap();
    assert_eq!(acquired.ends, Some(Timestamp::from_secs(1_800_000_060)));
}

#[tokio::test]
async fn a_wrong_password_is_refused_a_missing_login_is_misbehaviour_and_a_server_in_trouble_unavailable() {
    for status in [400, 401, 403, 422] {
        let outcome = answered(COOKIE, move || answer(status, &[], b"")).await;
        assert_eq!(outcome.map(|_| ()), Err(ConnectorError::Refused), "{status}");
    }
    for status in [404, 405, 410, 415] {
        misbehaved(answered(COOKIE, move || answer(status, &[], b"")).await);
    }
    for status in [408, 429, 500, 503] {
        let outcome = answered(COOKIE, move || answer(status, &[], b"")).await.map(|_| ());
        assert!(matches!(outcome, Err(ConnectorError::Unavailable(_))), "{status}");
    }
}

#[tokio::test]
async fn a_system_that_cannot_be_reached_is_unavailable() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = login(&connector(&format!("http://{nobody}"), COOKIE)).await.map(|_| ());
    assert!(matches!(outcome, Err(ConnectorError::Unavailable(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_without_a_usable_session_is_misbehaviour() {
    misbehaved(answered(COOKIE, || answer(200, &[], b"")).await);
    misbehaved(answered(COOKIE, || answer(200, &[("Set-Cookie", "SID=a")], b"")).await);
    misbehaved(answered(COOKIE, || answer(200, &[("Set-Cookie", "SID=; Max-Age=60")], b"")).await);
    misbehaved(answered(COOKIE, || answer(200, &[("Set-Cookie", "SID=a; Max-Age=0")], b"")).await);
    misbehaved(answered(COOKIE, || answer(204, &[("Set-Cookie", "SID=a; Max-Age=60")], b"")).await);
    misbehaved(answered(JSON, || answer(200, &[], b"<html>garbage")).await);
    misbehaved(answered(JSON, || answer(200, &[], br#"{"session": {"id": "a"}}"#)).await);
    misbehaved(
        answered(JSON, || answer(200, &[], br#"{"session": {"id": "a"}, "ends": "2020-01-01T00:00:00Z"}"#)).await,
    );
    misbehaved(answered(FIXED, || answer(200, &[], br#"{"session": {"id": 7}}"#)).await);
    misbehaved(answered(FIXED, || Reply::Close(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())).await);
    assert!(answered(FIXED, || answer(200, &[], br#"{"session": {"id": "a"}}"#)).await.is_ok());
}

/// Abuse case C6; checklist H-04.
#[tokio::test]
async fn a_token_that_would_break_a_header_is_misbehaviour() {
    for id in [r"a\r\nX-Admin: 1", r"a\u0000", r"caf\u00e9", "a b", "a;b=1", "", &"x".repeat(5000)] {
        let body = format!(r#"{{"session": {{"id": "{id}"}}}}"#);
        misbehaved(answered(FIXED, move || answer(200, &[], body.as_bytes())).await);
    }
    let connector = connector("http://127.0.0.1:1", FIXED);
    for state in [&b"a\r\nX-Admin: 1"[..], b"a\0", "caf\u{e9}".as_bytes(), b"\xff", b""] {
        assert!(injected(&connector, state).is_err(), "{state:?}");
    }
    assert!(injected(&connector, b"a").is_ok());
}

#[tokio::test]
async fn an_answer_of_ten_megabytes_is_not_read_to_its_end() {
    misbehaved(answered(FIXED, || answer(200, &[], &vec![b' '; 10 * 1024 * 1024])).await);
}

#[tokio::test(start_paused = true)]
async fn a_system_that_never_finishes_its_answer_is_unavailable() {
    let outcome = answered(FIXED, || Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec())).await;
    assert!(matches!(outcome.map(|_| ()), Err(ConnectorError::Unavailable(_))));
}

/// Abuse case C7: the password is not sent anywhere else.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = RecordingServer::start(|_, _| answer(200, &[("Set-Cookie", "SID=a; Max-Age=60")], b""));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/login", elsewhere.origin());
        misbehaved(answered(COOKIE, move || answer(status, &[("Location", &location)], b"")).await);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_logout_carries_the_session_and_a_dead_one_is_no_error() {
    let server = RecordingServer::start(|number, _| answer(if number == 0 { 204 } else { 401 }, &[], b""));
    let connector = connector(&server.origin(), COOKIE);
    connector.end(b"abc").await.unwrap();
    connector.end(b"abc").await.unwrap();
    assert_eq!(server.requests()[0].line(), "POST /logout HTTP/1.1");
    assert_eq!(server.requests()[0].values("cookie"), ["SID=abc"]);
    let down = RecordingServer::start(|_, _| answer(500, &[], b""));
    let outcome = super::tests::connector(&down.origin(), COOKIE).end(b"abc").await;
    assert!(matches!(outcome, Err(ConnectorError::Unavailable(_))));
}

#[tokio::test]
async fn names_of_the_session_are_reserved_and_it_is_not_renewable() {
    let by_cookie = connector("http://127.0.0.1:1", COOKIE);
    assert!(by_cookie.reserved().headers.contains("cookie") && by_cookie.reserved().cookies.contains("SID"));
    let by_header = connector("http://127.0.0.1:1", JSON);
    assert!(by_header.reserved().headers.contains("x-session") && by_header.reserved().cookies.is_empty());
    assert!(matches!(by_cookie.renew(b"abc", NOW).await, Err(ConnectorError::Refused)));
    assert!(by_cookie.is_dead(&status(401)));
    assert!(!by_cookie.is_dead(&status(403)));
}
