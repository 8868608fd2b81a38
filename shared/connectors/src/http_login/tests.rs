//! Tests of logins against a small server that responds correctly or not.

use gateway_domain::secret::Secret;
use http::header::{HeaderName, HeaderValue};

use super::*;
use crate::recording_server::{RecordingServer, Reply, http_response};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Settings whose login and logout are at this origin. `rest` replaces the settings that it names.
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
    let gateway = gateway_config::Gateway::parse(&yaml).unwrap_or_else(|error| panic!("{error} in {yaml}"));
    let (_, gateway_config::connector::ConnectorConfig::HttpLogin(settings)) = gateway.connectors().next().unwrap()
    else {
        panic!("another connector");
    };
    (**settings).clone()
}

/// A connector with these settings.
pub(super) fn connector(origin: &str, rest: &str) -> HttpLogin {
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

pub(super) async fn login(connector: &HttpLogin) -> Result<Acquired, ConnectorError> {
    let password = Secret::new("p\u{e4}ss \"word\\\r\n".to_owned());
    connector.acquire(Credentials { username: "ada@example.com", link: None, password: Some(&password) }, NOW).await
}

/// Logs in at a server that always sends this reply.
async fn answered(rest: &str, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Result<Acquired, ConnectorError> {
    let server = RecordingServer::start(move |_, _| reply());
    login(&connector(&server.origin(), rest)).await
}

pub(super) fn misbehaved(outcome: Result<Acquired, ConnectorError>) {
    let error = outcome.map(|acquired| acquired.ends).unwrap_err();
    assert!(matches!(error, ConnectorError::Misbehaved(_)), "{error:?}");
}

#[tokio::test]
async fn a_login_yields_the_cookie_and_its_end() {
    let server = RecordingServer::start(|_, _| {
        http_response(
            200,
            &[("Set-Cookie", "other=1"), ("Set-Cookie", "SID=abc123; Path=/; HttpOnly; max-age=1800")],
            b"{}",
        )
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
    let server = RecordingServer::start(|_, _| http_response(200, &[], body));
    let connector = connector(&server.origin(), JSON);
    let acquired = login(&connector).await.unwrap();
    assert_eq!(acquired.ends, Some(Timestamp::from_secs(1_896_091_200)));
    let injected = injected(&connector, &acquired.state).unwrap();
    assert_eq!(injected, [(HeaderName::from_static("x-session"), HeaderValue::from_static("Session t-1"))]);
    assert!(injected[0].1.is_sensitive());

    let seconds = JSON.replace("rfc3339", "seconds").replace("/ends", "/in");
    let body = br#"{"session": {"id": "t-1"}, "in": 60}"#;
    let acquired = answered(&seconds, || http_response(200, &[], body)).await.unwrap();
    assert_eq!(acquired.ends, Some(Timestamp::from_secs(1_800_000_060)));
}

#[tokio::test]
async fn a_wrong_password_is_refused_a_missing_login_is_misbehaviour_and_a_server_in_trouble_unavailable() {
    for status in [400, 401, 403, 422] {
        let outcome = answered(COOKIE, move || http_response(status, &[], b"")).await;
        assert_eq!(outcome.map(|_| ()), Err(ConnectorError::Refused), "{status}");
    }
    for status in [404, 405, 410, 415] {
        misbehaved(answered(COOKIE, move || http_response(status, &[], b"")).await);
    }
    for status in [408, 429, 500, 503] {
        let outcome = answered(COOKIE, move || http_response(status, &[], b"")).await.map(|_| ());
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
async fn a_response_without_a_usable_session_is_misbehaviour() {
    misbehaved(answered(COOKIE, || http_response(200, &[], b"")).await);
    misbehaved(answered(COOKIE, || http_response(200, &[("Set-Cookie", "SID=a")], b"")).await);
    misbehaved(answered(COOKIE, || http_response(200, &[("Set-Cookie", "SID=; Max-Age=60")], b"")).await);
    misbehaved(answered(COOKIE, || http_response(200, &[("Set-Cookie", "SID=a; Max-Age=0")], b"")).await);
    misbehaved(answered(COOKIE, || http_response(204, &[("Set-Cookie", "SID=a; Max-Age=60")], b"")).await);
    misbehaved(answered(JSON, || http_response(200, &[], b"<html>garbage")).await);
    misbehaved(answered(JSON, || http_response(200, &[], br#"{"session": {"id": "a"}}"#)).await);
    misbehaved(
        answered(JSON, || http_response(200, &[], br#"{"session": {"id": "a"}, "ends": "2020-01-01T00:00:00Z"}"#))
            .await,
    );
    misbehaved(answered(FIXED, || http_response(200, &[], br#"{"session": {"id": true}}"#)).await);
    misbehaved(answered(FIXED, || Reply::Close(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())).await);
    assert!(answered(FIXED, || http_response(200, &[], br#"{"session": {"id": "a"}}"#)).await.is_ok());
}

/// Abuse case C6; checklist H-04.
#[tokio::test]
async fn a_token_that_would_break_a_header_is_misbehaviour() {
    for id in [r"a\r\nX-Admin: 1", r"a\u0000", r"caf\u00e9", "a b", "a;b=1", "", &"x".repeat(5000)] {
        let body = format!(r#"{{"session": {{"id": "{id}"}}}}"#);
        misbehaved(answered(FIXED, move || http_response(200, &[], body.as_bytes())).await);
    }
    let connector = connector("http://127.0.0.1:1", FIXED);
    for state in [&b"a\r\nX-Admin: 1"[..], b"a\0", "caf\u{e9}".as_bytes(), b"\xff", b""] {
        assert!(injected(&connector, state).is_err(), "{state:?}");
    }
    assert!(injected(&connector, b"a").is_ok());
}

#[tokio::test]
async fn a_response_of_ten_megabytes_is_not_read_to_its_end() {
    misbehaved(answered(FIXED, || http_response(200, &[], &vec![b' '; 10 * 1024 * 1024])).await);
}

#[tokio::test(start_paused = true)]
async fn a_system_that_never_finishes_its_response_is_unavailable() {
    let outcome = answered(FIXED, || Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec())).await;
    assert!(matches!(outcome.map(|_| ()), Err(ConnectorError::Unavailable(_))));
}

/// Abuse case C7: the password is not sent to any other host.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = RecordingServer::start(|_, _| http_response(200, &[("Set-Cookie", "SID=a; Max-Age=60")], b""));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/login", elsewhere.origin());
        misbehaved(answered(COOKIE, move || http_response(status, &[("Location", &location)], b"")).await);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_logout_carries_the_session_and_a_dead_one_is_no_error() {
    let server = RecordingServer::start(|number, _| http_response(if number == 0 { 204 } else { 401 }, &[], b""));
    let connector = connector(&server.origin(), COOKIE);
    connector.end(b"abc").await.unwrap();
    connector.end(b"abc").await.unwrap();
    assert_eq!(server.requests()[0].line(), "POST /logout HTTP/1.1");
    assert_eq!(server.requests()[0].values("cookie"), ["SID=abc"]);
    let down = RecordingServer::start(|_, _| http_response(500, &[], b""));
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
    assert!(by_cookie.is_dead(&ResponseStart::of(&status(401))));
    assert!(!by_cookie.is_dead(&ResponseStart::of(&status(403))));
}

const CSRF: &str = r#"login: [{ url: "ORIGIN/form", keep: { csrf: { pattern: 'name="csrf" value="([^"]+)"' } } }, { url: "ORIGIN/login", form: { user: "{username}", pass: "{password}", csrf: "{csrf}", go: 1 }, headers: { X-CSRF: "{csrf}", Accept: text/html }, success: { status: [302, 303], header: { name: Location, pattern: "^/home" } }, refused: { status: 200, body_has: wrong } }]"#;
const PAGE: &[u8] = br#"<form><input name="csrf" value="a+b/c="></form>"#;

/// A server whose login page has this body and sets cookies, and which sends this reply to the login.
fn site(page: &'static [u8], reply: impl Fn() -> Reply + Send + Sync + 'static) -> RecordingServer {
    RecordingServer::start(move |_, request| match request.line() {
        "GET /form HTTP/1.1" => http_response(200, &[("Set-Cookie", "pre=1; Path=/"), ("Set-Cookie", "SID=old")], page),
        _ => reply(),
    })
}

#[tokio::test]
async fn a_form_is_sent_with_the_value_and_the_cookies_of_its_page() {
    let server =
        site(PAGE, || http_response(302, &[("Location", "/home?x"), ("Set-Cookie", "SID=new; Max-Age=60")], b""));
    let connector = connector(&server.origin(), CSRF);
    let acquired = login(&connector).await.unwrap();
    assert_eq!(acquired.state.as_slice(), b"new");
    let request = &server.requests()[1];
    assert_eq!(request.values("content-type"), ["application/x-www-form-urlencoded"]);
    assert_eq!(request.values("cookie"), ["pre=1; SID=old"]);
    assert_eq!((request.values("x-csrf"), request.values("accept")), (vec!["a+b/c="], vec!["text/html"]));
    let body = std::str::from_utf8(&request.body).unwrap();
    assert_eq!(body, "csrf=a%2Bb%2Fc%3D&go=1&pass=p%C3%A4ss%20%22word%5C%0D%0A&user=ada%40example.com");
}

#[tokio::test]
async fn what_is_a_refusal_is_as_configured() {
    let page: &'static [u8] = b"<p>wrong password</p>";
    let outcome = |status: u16, location: &'static str, body: &'static [u8]| async move {
        let cookie = ("Set-Cookie", "SID=a; Max-Age=60");
        let server = site(PAGE, move || http_response(status, &[("Location", location), cookie], body));
        login(&connector(&server.origin(), CSRF)).await.map(|_| ())
    };
    assert_eq!(outcome(302, "/home", b"").await, Ok(()));
    assert_eq!(outcome(200, "/", page).await, Err(ConnectorError::Refused));
    for (status, location, body) in
        [(200, "/", &b"fine"[..]), (302, "/login?error", page), (403, "/", page), (404, "/", b"")]
    {
        let outcome = outcome(status, location, body).await;
        assert!(matches!(outcome, Err(ConnectorError::Misbehaved(_))), "{status} {location}: {outcome:?}");
    }
    for status in [408, 429, 500, 503] {
        let outcome = outcome(status, "/", b"").await;
        assert!(matches!(outcome, Err(ConnectorError::Unavailable(_))), "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_page_before_the_login_that_is_not_as_configured_is_no_refusal() {
    let never = || http_response(302, &[("Location", "/home"), ("Set-Cookie", "SID=a; Max-Age=60")], b"");
    for page in [&b"<form></form>"[..], b"", b"name=\"csrf\" value=\"a\r\nX: 1\""] {
        let server = site(page, never);
        misbehaved(login(&connector(&server.origin(), CSRF)).await);
        assert_eq!(server.requests().len(), 1, "the password is not sent");
    }
    for (status, later) in [(302, false), (401, false), (404, false), (429, true), (500, true)] {
        let server = RecordingServer::start(move |_, _| http_response(status, &[("Location", "/form")], PAGE));
        let outcome = login(&connector(&server.origin(), CSRF)).await.map(|_| ());
        assert_eq!(matches!(outcome, Err(ConnectorError::Unavailable(_))), later, "{status}: {outcome:?}");
        assert_eq!(matches!(outcome, Err(ConnectorError::Misbehaved(_))), !later, "{status}: {outcome:?}");
        assert_eq!(server.requests().len(), 1, "the password is not sent");
    }
    let large = RecordingServer::start(|_, _| http_response(200, &[], &vec![b' '; 10 * 1024 * 1024]));
    misbehaved(login(&connector(&large.origin(), CSRF)).await);
}

/// The timeout is for preflight and login together, not for each of them.
#[tokio::test(start_paused = true)]
async fn a_page_and_a_login_that_drip_end_with_the_time_of_the_whole_login() {
    let server = site(PAGE, || Reply::Stall(b"HTTP/1.1 302 Found\r\nLoc".to_vec()));
    let connector = connector(&server.origin(), CSRF);
    let outcome = tokio::time::timeout(Duration::from_secs(6), login(&connector)).await.unwrap();
    assert!(matches!(outcome.map(|_| ()), Err(ConnectorError::Unavailable(_))));
}

#[tokio::test]
async fn values_are_found_in_headers_and_pages_and_sent_where_they_belong() {
    let rest = r#"extract: { header: Authorization, pattern: "^Bearer (.+)$" }
    extract_also: { csrf: { pattern: 'csrf=(\w+)' }, route: { cookie: ROUTE } }
    expires: { fixed: 1h, idle: 5m }
    inject: [{ cookie: T }, { cookie: ROUTE, value: "{route}" }, { header: X-CSRF, value: "v1 {csrf}" }, { query: t }, { header: Referer, value: "https://a/" }]
    logout: { method: DELETE, url: "ORIGIN/session?a=1", headers: { X-Why: "{csrf}" }, json: { t: "{token}", deep: { c: "{csrf}" } } }"#;
    let server = RecordingServer::start(|_, _| {
        http_response(200, &[("Authorization", "Bearer a&b=c"), ("Set-Cookie", "ROUTE=r1")], b"\xff csrf=xyz \xff")
    });
    let connector = connector(&server.origin(), rest);
    let acquired = login(&connector).await.unwrap();
    assert_eq!((acquired.idle, acquired.renew_until), (Some(gateway_domain::time::Seconds::new(300)), None));
    assert_eq!(acquired.state.as_slice(), b"a&b=c\ncsrf=xyz\nroute=r1");
    let call = Call { content_type: None, body: &Bytes::new() };
    let injection = connector.inject(&acquired.state, call).unwrap();
    let headers: Vec<_> =
        injection.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers, [("x-csrf", "v1 xyz"), ("referer", "https://a/"), ("cookie", "T=a&b=c; ROUTE=r1")]);
    assert_eq!(injection.query, [("t".to_owned(), "a&b=c".to_owned())]);
    let reserved = connector.reserved();
    for name in ["authorization", "cookie", "x-csrf", "referer"] {
        assert!(reserved.headers.contains(name), "{name}");
    }
    assert!(reserved.cookies.contains("T") && reserved.cookies.contains("ROUTE"));

    connector.end(&acquired.state).await.unwrap();
    let logout = &server.requests()[1];
    assert_eq!(logout.line(), "DELETE /session?a=1&t=a%26b%3Dc HTTP/1.1");
    assert_eq!((logout.values("cookie"), logout.values("x-why")), (vec!["T=a&b=c; ROUTE=r1"], vec!["xyz"]));
    assert_eq!(logout.body, br#"{"deep":{"c":"xyz"},"t":"a&b=c"}"#);
    // If the configuration needs a new value that an old state does not have, nothing of the state is sent.
    assert!(connector.inject(b"a&b=c", call).is_err());
}

#[tokio::test]
async fn a_session_may_end_only_without_use_and_a_cookie_of_the_page_may_become_it() {
    let page_only = CSRF.to_owned() + "\n    expires: { idle: 10m }";
    let server = site(PAGE, || http_response(302, &[("Location", "/home")], b""));
    let acquired = login(&connector(&server.origin(), &page_only)).await.unwrap();
    assert_eq!(acquired.state.as_slice(), b"old");
    assert_eq!((acquired.ends, acquired.idle), (None, Some(gateway_domain::time::Seconds::new(600))));
    // A cookie that the login deletes is not the session.
    let server = site(PAGE, || http_response(302, &[("Location", "/home"), ("Set-Cookie", "SID=; Max-Age=0")], b""));
    misbehaved(login(&connector(&server.origin(), &page_only)).await);
}

#[tokio::test]
async fn a_renewal_takes_what_is_new_keeps_the_rest_and_ends_in_time() {
    let rest = r#"extract: { json_pointer: /token }
    extract_also: { refresh: { json_pointer: /refresh } }
    expires: { json_pointer: /in, as: seconds }
    inject: { header: Authorization, value: "Bearer {token}" }
    renew: { method: POST, url: "ORIGIN/renew", form: { refresh_token: "{refresh}" }, for: 1h }"#;
    let server = RecordingServer::start(|number, _| match number {
        0 => http_response(200, &[], br#"{"token": "t1", "refresh": "r1", "in": 600}"#),
        1 => http_response(200, &[], br#"{"token": "t2", "in": 300}"#),
        2 => http_response(401, &[], b""),
        3 => http_response(503, &[], b""),
        4 => http_response(302, &[("Location", "/login")], b""),
        5 => http_response(200, &[], b"{}"),
        _ => http_response(200, &[], br#"{"token": "a\r\nb", "in": 300}"#),
    });
    let connector = connector(&server.origin(), rest);
    let acquired = login(&connector).await.unwrap();
    let until = Timestamp::from_secs(1_800_003_600);
    assert_eq!(acquired.renew_until, Some(until));
    let later = Timestamp::from_secs(1_800_000_500);
    let renewed = connector.renew(&acquired.state, later).await.unwrap();
    assert_eq!((renewed.ends, renewed.renew_until), (Some(Timestamp::from_secs(1_800_000_800)), Some(until)));
    assert_eq!(renewed.state.as_slice(), b"t2\nrefresh=r1\n@renew_until=1800003600");
    let request = &server.requests()[1];
    assert_eq!(
        (request.values("authorization"), request.body.as_slice()),
        (vec!["Bearer t1"], &b"refresh_token=r1"[..])
    );

    let again = async || connector.renew(&renewed.state, later).await;
    assert_eq!(again().await.map(|_| ()), Err(ConnectorError::Refused));
    assert!(matches!(again().await.map(|_| ()), Err(ConnectorError::Unavailable(_))));
    for _ in ["a redirect", "no end", "a broken token"] {
        misbehaved(again().await);
    }
    // No request is sent if it is too late or the state is not a session.
    assert_eq!(connector.renew(&renewed.state, until).await.map(|_| ()), Err(ConnectorError::Refused));
    assert_eq!(connector.renew(b"\xff", later).await.map(|_| ()), Err(ConnectorError::Refused));
    assert_eq!(server.requests().len(), 7);
}

#[tokio::test]
async fn a_logout_of_a_session_that_is_not_there_is_done_and_one_that_is_not_understood_is_told() {
    for status in [404, 410] {
        let server = RecordingServer::start(move |_, _| http_response(status, &[], b""));
        assert_eq!(connector(&server.origin(), COOKIE).end(b"abc").await, Ok(()), "{status}");
    }
    for status in [405, 415] {
        let server = RecordingServer::start(move |_, _| http_response(status, &[], b""));
        let outcome = connector(&server.origin(), COOKIE).end(b"abc").await;
        assert!(matches!(outcome, Err(ConnectorError::Misbehaved(_))), "{status}: {outcome:?}");
    }
}

/// An administrator's link is used instead of the name that the user typed.
#[tokio::test]
async fn a_linked_name_is_the_one_that_logs_in() {
    let server = RecordingServer::start(|_, _| http_response(200, &[("Set-Cookie", "SID=a; Max-Age=60")], b""));
    let password = Secret::new("x".to_owned());
    let credentials = Credentials { username: "ada@example.com", link: Some("ada"), password: Some(&password) };
    connector(&server.origin(), COOKIE).acquire(credentials, NOW).await.unwrap();
    assert_eq!(server.requests()[0].body, br#"{"app":"gateway","pass":"x","user":"ada"}"#);
}
