//! Tests of logins of several steps: forms, cookies and redirects as a browser has them.

use super::tests::{connector, login, misbehaved};
use super::*;
use crate::recording_server::{Recorded, RecordingServer, Reply, http_response};

fn page(body: &str) -> Reply {
    http_response(200, &[("Content-Type", "text/html; charset=utf-8")], body.as_bytes())
}

fn to(location: &str) -> Reply {
    http_response(302, &[("Location", location)], b"")
}

const HOME: &[(&str, &str)] = &[("Set-Cookie", "SID=s1; Max-Age=60")];

fn path(request: &Recorded) -> &str {
    request.line().split(' ').nth(1).unwrap_or_default()
}

fn reason(outcome: Result<Acquired, ConnectorError>) -> String {
    match outcome.map(|acquired| acquired.ends) {
        Err(ConnectorError::Misbehaved(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

const SUBMIT: &str = r#"login: [{ url: "ORIGIN/app/login" }, { submit: { fields: { user: "{username}", pass: "{password}" } }, success: { status: 302 }, refused: { status: 200 } }]"#;

#[tokio::test]
async fn a_form_is_sent_as_the_page_has_it_with_what_the_user_types() {
    let server = RecordingServer::start(|_, request| match request.line() {
        "GET /app/login HTTP/1.1" => page(
            r#"<form action="/search"><input name=q></form>
            <form method=post action="do?session_code=a&amp;tab=b"><input type=hidden name=__VIEWSTATE value="/w&#43;=&quot;">
            <input name=user value=nobody><input type=password name=pass><input type=checkbox name=stay checked>
            <button name=go value=1>Log in</button><button name=other>x</button></form>"#,
        ),
        _ => http_response(302, HOME, b""),
    });
    let acquired = login(&connector(&server.origin(), SUBMIT)).await.unwrap();
    assert_eq!(acquired.state.as_slice(), b"s1");
    let sent = &server.requests()[1];
    assert_eq!(sent.line(), "POST /app/do?session_code=a&tab=b HTTP/1.1");
    assert_eq!(sent.values("referer"), [format!("{}/app/login", server.origin())]);
    let body = std::str::from_utf8(&sent.body).unwrap();
    let password = "p%C3%A4ss%20%22word%5C%0D%0A";
    assert_eq!(body, format!("__VIEWSTATE=%2Fw%2B%3D%22&user=ada%40example.com&pass={password}&stay=on&go=1"));
}

/// The name alone, on a page with a search before it: neither form has a password field, a name or an address.
#[tokio::test]
async fn of_several_forms_the_one_with_the_fields_is_sent() {
    let server = RecordingServer::start(|number, _| match number {
        0 => {
            page("<form><input name=q></form><form method=post><input name=user></form><form><input name=user></form>")
        }
        1 => page(
            "<form method=post><input name=user><input name=new type=password></form><form method=post action=in><input name=user><input type=password name=pass>",
        ),
        _ => http_response(302, HOME, b""),
    });
    let steps = SUBMIT.replace("{ submit:", "{ submit: { fields: { user: \"{username}\" } } }, { submit:");
    login(&connector(&server.origin(), &steps)).await.unwrap();
    let lines: Vec<_> = server.requests().iter().map(|request| request.line().to_owned()).collect();
    assert_eq!(lines, ["GET /app/login HTTP/1.1", "POST /app/login HTTP/1.1", "POST /app/in HTTP/1.1"]);
}

/// Also where another form has more of the fields: a script would rename them in the form that asks for the password.
#[tokio::test]
async fn a_password_goes_to_a_form_that_asks_for_one() {
    let server = RecordingServer::start(|number, _| match number {
        0 => page(
            "<form method=post action=subscribe><input name=user><input name=lang><button name=pass></form>
            <form method=post action=in><input name=user><input type=password name=pw></form>",
        ),
        _ => http_response(302, HOME, b""),
    });
    let step = SUBMIT.replace("user: \"{username}\"", "user: \"{username}\", lang: de");
    login(&connector(&server.origin(), &step)).await.unwrap();
    assert_eq!(server.requests()[1].line(), "POST /app/in HTTP/1.1");
}

#[tokio::test]
async fn a_form_of_another_encoding_is_sent_in_it() {
    for (content_type, accept) in [("text/html; charset=ISO-8859-1", ""), ("text/html", "accept-charset=iso-8859-1")] {
        let server = RecordingServer::start(move |number, _| match number {
            0 => http_response(
                200,
                &[("Content-Type", content_type)],
                format!(
                    "<form method=post {accept}><input name=user><input type=password name=pass><input name=_charset_>"
                )
                .as_bytes(),
            ),
            _ => http_response(302, HOME, b""),
        });
        login(&connector(&server.origin(), SUBMIT)).await.unwrap();
        let body = String::from_utf8(server.requests()[1].body.clone()).unwrap();
        assert!(body.contains("pass=p%E4ss") && body.ends_with("_charset_=windows-1252"), "{body}");
    }
}

/// Abuse case C7: whatever a page says, the password stays at the addresses of the file.
#[tokio::test]
async fn no_form_and_no_redirect_leads_the_password_away() {
    let elsewhere = RecordingServer::start(|_, _| http_response(200, HOME, b""));
    for form in [
        format!("<form method=post action='{}/steal'><input type=password name=pass>", elsewhere.origin()),
        format!("<base href='{}/'><form method=post action=x><input type=password name=pass>", elsewhere.origin()),
        format!("<form method=post><input type=password name=pass><button formaction='{}'>", elsewhere.origin()),
        "<form method=post action='//127.0.0.2/'><input type=password name=pass>".to_owned(),
        "<form method=post action='javascript:x()'><input type=password name=pass>".to_owned(),
        "<form method=post action='http://u:p@127.0.0.1/'><input type=password name=pass>".to_owned(),
        "<form><input type=password name=pass>".to_owned(),
        "<form method=post enctype=multipart/form-data><input type=password name=pass>".to_owned(),
        "<p>no form".to_owned(),
        String::new(),
    ] {
        let server = RecordingServer::start(move |_, _| page(&form));
        misbehaved(login(&connector(&server.origin(), SUBMIT)).await);
        assert_eq!(server.requests().len(), 1);
    }
    let follow = SUBMIT.replace("success: { status: 302 }, refused: { status: 200 }", "follow: 5");
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/login", elsewhere.origin());
        let server = RecordingServer::start(move |number, _| match number {
            0 => page("<form method=post><input type=password name=pass>"),
            _ => http_response(status, &[("Location", &location)], b""),
        });
        assert!(reason(login(&connector(&server.origin(), &follow)).await).contains("neither the connector's own"));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn redirects_lead_on_as_in_a_browser_within_the_addresses_of_the_file() {
    let sso = RecordingServer::start(|_, request| match request.line() {
        "GET /sso?x=1 HTTP/1.1" => http_response(
            200,
            &[("Content-Type", "text/html"), ("Set-Cookie", "KC=k; Path=/sso")],
            b"<form method=post action=/sso/do><input name=user><input name=pass type=password>",
        ),
        "POST /sso/do HTTP/1.1" if request.values("cookie") == ["KC=k"] => {
            let back = request.values("host")[0].to_owned();
            assert!(!back.is_empty());
            http_response(302, &[("Location", "/sso/back")], b"")
        }
        _ => http_response(500, &[], b""),
    });
    let (origin, app) = (
        sso.origin(),
        RecordingServer::start({
            let origin = sso.origin();
            move |_, request| match path(request) {
                "/private" => to(&format!("{origin}/sso?x=1")),
                _ => http_response(404, &[], b""),
            }
        }),
    );
    let rest = format!(
        r#"also_at: ["{origin}"]
    login: [{{ url: "ORIGIN/private", follow: 3 }}, {{ submit: {{ fields: {{ user: "{{username}}", pass: "{{password}}" }} }}, success: {{ redirect_to: "{origin}/sso/back", cookie: SID }} }}]"#
    );
    // Without the cookie that `success` asks for, the redirect is followed no further, and is no success.
    let told = reason(login(&connector(&app.origin(), &rest)).await);
    assert!(
        told.contains("step 2") && told.contains("the cookie SID") && told.contains("a redirect within the host"),
        "{told}"
    );
    assert_eq!(sso.requests().iter().map(path).collect::<Vec<_>>(), ["/sso?x=1", "/sso/do"]);
    assert_eq!(app.requests().len(), 1);
}

#[tokio::test]
async fn a_method_and_its_body_change_with_a_redirect_as_in_a_browser() {
    for (status, second) in [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
        let server = RecordingServer::start(move |number, _| match number {
            0 => http_response(status, &[("Location", "next?a#b"), ("Set-Cookie", "R=1; Path=/app")], b""),
            _ => http_response(200, HOME, b""),
        });
        let rest = r#"login: { url: "ORIGIN/app/login", form: { u: "{username}", p: "{password}" }, headers: { X-A: b }, follow: 1, success: { cookie: SID } }"#;
        login(&connector(&server.origin(), rest)).await.unwrap();
        let next = &server.requests()[1];
        assert_eq!(next.line(), format!("{second} /app/next?a HTTP/1.1"));
        assert_eq!((next.values("cookie"), next.values("x-a")), (vec!["R=1"], vec!["b"]));
        assert_eq!(next.body.is_empty(), second == "GET", "{status}");
        assert_eq!(next.values("content-type").is_empty(), second == "GET", "{status}");
    }
}

/// A body with the password goes to no second host, not even to one of the file.
#[tokio::test]
async fn a_password_is_not_sent_again_to_another_host() {
    let other = RecordingServer::start(|_, _| http_response(200, HOME, b""));
    for (status, followed) in [(303, true), (307, false)] {
        let location = other.origin();
        let server = RecordingServer::start(move |_, _| http_response(status, &[("Location", &location)], b""));
        let rest = format!(
            r#"also_at: ["{}"]
    login: {{ url: "ORIGIN/l", form: {{ u: "{{username}}", p: "{{password}}" }}, headers: {{ X-A: b }}, follow: 1 }}"#,
            other.origin()
        );
        let outcome = login(&connector(&server.origin(), &rest)).await;
        assert_eq!(outcome.is_ok(), followed, "{status}");
    }
    let requests = other.requests();
    assert_eq!((requests.len(), requests[0].values("x-a").len()), (1, 0));
}

#[tokio::test]
async fn redirects_end_where_the_step_says() {
    let server = RecordingServer::start(|number, _| to(&format!("/{number}")));
    let rest = r#"login: { url: "ORIGIN/l", form: { u: "{username}", p: "{password}" }, follow: 3 }"#;
    let told = reason(login(&connector(&server.origin(), rest)).await);
    assert!(told.contains("expected status 200; got status 302 after redirects"), "{told}");
    assert_eq!(server.requests().len(), 4);
}

/// Values of one response go into the query, the headers and the body of a later request.
#[tokio::test]
async fn values_are_kept_for_later_requests() {
    let server = RecordingServer::start(|number, _| match number {
        0 => http_response(200, &[], br#"{"token": 12345678901234567890, "next": "a b&c"}"#),
        1 => page("<input type=hidden name=code value='x&amp;y'>"),
        _ => http_response(200, HOME, b""),
    });
    let rest = r#"login:
      - { url: "ORIGIN/start", keep: { t: { json_pointer: /token }, n: { json_pointer: /next } } }
      - { url: "ORIGIN/name?fixed=1", query: { next: "{n}" }, headers: { X-Token: "T {t}" }, json: { user: "{username}" }, keep: { code: { input: code } } }
      - { url: "ORIGIN/word", form: { pass: "{password}", code: "{code}" } }"#;
    let acquired = login(&connector(&server.origin(), rest)).await.unwrap();
    assert_eq!(acquired.state.as_slice(), b"s1");
    let requests = server.requests();
    assert_eq!(requests[1].line(), "POST /name?fixed=1&next=a%20b%26c HTTP/1.1");
    assert_eq!(requests[1].values("x-token"), ["T 12345678901234567890"]);
    assert!(String::from_utf8_lossy(&requests[2].body).starts_with("code=x%26y&pass="));
}

#[tokio::test]
async fn a_refusal_can_come_from_any_step() {
    let rest = r#"login:
      - { url: "ORIGIN/name", form: { user: "{username}" }, refused: { body_has: "no such user" } }
      - { url: "ORIGIN/word", form: { pass: "{password}" }, follow: 1, success: { status: 200 }, refused: { redirect_to: /login?error } }
      - { url: "ORIGIN/home" }"#;
    let outcome = |bodies: [&'static str; 3]| async move {
        let server = RecordingServer::start(move |number, _| match bodies[number] {
            location if location.starts_with('/') => to(location),
            "401" => http_response(401, &[], b""),
            body => http_response(200, HOME, body.as_bytes()),
        });
        let outcome = login(&connector(&server.origin(), rest)).await.map(|_| ());
        (outcome, server.requests().len())
    };
    assert_eq!(outcome(["", "", ""]).await, (Ok(()), 3));
    assert_eq!(outcome(["no such user", "", ""]).await, (Err(ConnectorError::Refused), 1));
    assert_eq!(outcome(["", "/login?error=1", ""]).await, (Err(ConnectorError::Refused), 2));
    // A 4xx is a refusal only where the password was sent and `refused` says nothing.
    for bodies in [["401", "", ""], ["", "401", ""], ["", "", "401"]] {
        let (outcome, _) = outcome(bodies).await;
        assert!(matches!(outcome, Err(ConnectorError::Misbehaved(_))), "{bodies:?}: {outcome:?}");
    }
}

/// Two cookies of one name at different paths, as Tomcat has them, are two cookies.
#[tokio::test]
async fn cookies_are_sent_by_their_paths() {
    let server = RecordingServer::start(|number, _| match number {
        0 => http_response(200, &[("Set-Cookie", "J=root; Path=/"), ("Set-Cookie", "J=app; Path=/app")], b""),
        _ => http_response(200, &[], b""),
    });
    let rest = r#"extract: { cookie: J }
    expires: { fixed: 1h }
    inject: { cookie: J }
    login: [{ url: "ORIGIN/" }, { url: "ORIGIN/app/x", form: { u: "{username}", p: "{password}" } }]"#;
    let acquired = login(&connector(&server.origin(), rest)).await.unwrap();
    assert_eq!(server.requests()[1].values("cookie"), ["J=app; J=root"]);
    assert_eq!(acquired.state.as_slice(), b"app");
}

#[tokio::test]
async fn what_failed_is_told_without_any_value() {
    let rest = r#"login: [{ url: "ORIGIN/form", keep: { a: { input: token } } }, { url: "ORIGIN/login", form: { u: "{username}", p: "{password}", a: "{a}" }, success: { redirect_to: /home, cookie: JSESSIONID }, refused: { body_has: Wrong } }]"#;
    let server = RecordingServer::start(|number, _| match number {
        0 => page("<form><input name=token value=SECRET1>"),
        _ => http_response(
            200,
            &[("Content-Type", "text/html; x=SECRET2"), ("X-Y", "SECRET3")],
            b"<title>SECRET4</title><form action=/SECRET5><input type=password name=SECRET6>",
        ),
    });
    let told = reason(login(&connector(&server.origin(), rest)).await);
    assert_eq!(
        told,
        "step 2: expected a redirect to the place of `redirect_to`, the cookie JSESSIONID; got status 200, text/html, \
         a page with a form with a password field, no cookie set"
    );
    let server = RecordingServer::start(|_, _| {
        http_response(
            302,
            &[("Location", "http://x.test/SECRET"), ("Content-Type", "SECRET"), ("Set-Cookie", "SECRET=SECRET")],
            b"SECRET",
        )
    });
    let told = reason(login(&connector(&server.origin(), rest)).await);
    let expected =
        "step 1: expected status 200 to 299; got status 302, another type, a redirect to another host, one cookie set";
    assert_eq!(told, expected);
    let server = RecordingServer::start(|_, _| page("SECRET"));
    let told = reason(login(&connector(&server.origin(), rest)).await);
    assert_eq!(
        told,
        "step 1: expected a form with the field token of `keep.a`: the response has nothing there; got status 200, \
         text/html, no cookie set, a page without a form"
            .replace(", no cookie set, a page without a form", ", a page without a form, no cookie set")
    );
}
