//! Tests of what an operator is shown: all that helps, and no value.

use super::tests::connector;
use super::*;
use crate::recording_server::{RecordingServer, http_response};
use gateway_domain::secret::Secret;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Every value of the responses has SECRET in it, and so have name and password.
#[tokio::test]
async fn a_walk_shows_names_and_no_values() {
    let server = RecordingServer::start(|_, request| {
        match request.line().split(' ').nth(1) {
        Some("/form?next=SECRET&SECRET") => http_response(
            200,
            &[
                ("Content-Type", "text/html; charset=utf-8; SECRET"),
                ("Set-Cookie", "PRE=SECRET; Path=/; Max-Age=60"),
                ("Set-Cookie", "OLD=; Path=/app; Max-Age=0"),
                ("Set-Cookie", "BAD=SECRET; Domain=other.test"),
            ],
            b"<title>SECRET</title><form id=f method=post action='/do;jsessionid=SECRET?code=SECRET&amp;SECRET#SECRET'>
              <input name=user value=SECRET><input name=hidden value=SECRET><input type=password name=pass></form><form><input name='odd\x1b[2J'></form>",
        ),
        Some("/start") => http_response(302, &[("Location", "/form?next=SECRET&SECRET")], b"SECRET"),
        _ => http_response(
            302,
            &[("Location", "http://other.test/SECRET-free?ticket=SECRET"), ("Set-Cookie", "SID=SECRET0; Max-Age=99")],
            b"",
        ),
    }
    });
    let rest = r#"login: [{ url: "ORIGIN/start", follow: 2, keep: { h: { input: hidden } } }, { submit: { fields: { user: "{username}", pass: "{password}" } }, success: { redirect_to: /SECRET-free, cookie: SID }, refused: { status: 200 } }]"#;
    let password = Secret::new("SECRET".to_owned());
    let login = Credentials { username: "SECRET", link: None, password: Some(&password) };
    let Walked { walk, outcome, begun } = connector(&server.origin(), rest).walk(login, NOW).await;
    assert!(begun.is_none());
    assert_eq!(outcome.unwrap().state.as_slice(), b"SECRET0");
    let shown = serde_json::to_string(&walk).unwrap();
    let unknown = shown.replace("SECRET-free", "");
    assert!(!unknown.contains("SECRET") && !unknown.contains('\u{1b}'), "{shown}");
    for part in [
        "/form?next=…&…",
        "/do;jsessionid=…?code=…&…",
        "http://other.test/SECRET-free?ticket=…",
        r#""fields":["user","hidden","pass"]"#,
        r#""cookies_sent":["PRE"]"#,
        r#"{"name":"PRE","path":"/","what":"set","ends_in":60}"#,
        r#"{"name":"OLD","path":"/app","what":"deleted","ends_in":null}"#,
        "ignored",
        "odd\u{fffd}[2J",
        r#"{"what":"the cookie SID","holds":true}"#,
        r#"{"what":"status 200","holds":false}"#,
        r#""field":"keep.h","place":"a form with the field hidden","found":"6 characters: letters and digits""#,
        r#""field":"extract","place":"the cookie SID","found":"7 characters: letters and digits""#,
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!(walk.last().map(|exchange| (exchange.step, exchange.status)), Some((2, 302)));
}
