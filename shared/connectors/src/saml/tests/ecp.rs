//! Tests of the Enhanced Client or Proxy (ECP) profile.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Response;

use super::*;
use crate::ResponseStart;
use crate::recording_server::RecordingServer;

const SUCCESS: &str = r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>"#;
const CONSUMER: &str = "https://orders.example.com/acs";

/// An identity provider's response in the form of `SimpleSAMLphp`.
fn response(consumer: &str, request: &str, status: &str, inside: &str) -> Vec<u8> {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">
    <SOAP-ENV:Header><ecp:Response xmlns:ecp="urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp" SOAP-ENV:mustUnderstand="1" SOAP-ENV:actor="http://schemas.xmlsoap.org/soap/actor/next" AssertionConsumerServiceURL="{consumer}"/></SOAP-ENV:Header>
    <SOAP-ENV:Body><samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ID="_r" Version="2.0" InResponseTo="{request}"><samlp:Status>{status}</samlp:Status>{inside}</samlp:Response></SOAP-ENV:Body>
</SOAP-ENV:Envelope>"#
    )
    .into_bytes()
}

fn own(origin: &str, rest: &str) -> Box<dyn Connector> {
    connector(&format!(
        "    type: saml_ecp\n    identity_provider: '{origin}/sso'\n    \
         begin: {{ issuer: https://orders.example.com/sp, consumer_url: '{CONSUMER}' }}\n    {rest}"
    ))
}

/// Logs in at an identity provider that always sends this reply.
async fn answered(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Result<Acquired, ConnectorError> {
    let server = RecordingServer::start(move |_, request| to(request, reply()));
    login(&*own(&server.origin(), "present: authorization")).await
}

/// The identifier of a request.
fn identifier(request: &Recorded) -> String {
    let text = String::from_utf8_lossy(&request.body);
    text.split_once(" ID=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default().to_owned()
}

/// The reply with the identifier of this request in it.
fn to(request: &Recorded, reply: Reply) -> Reply {
    match reply {
        Reply::Send(bytes) if bytes.len() < 100_000 && std::str::from_utf8(&bytes).is_ok() => {
            Reply::Send(String::from_utf8(bytes).unwrap().replace(REQUEST, &identifier(request)).into_bytes())
        }
        Reply::Send(bytes) => Reply::Send(bytes),
        Reply::Stall(bytes) => Reply::Stall(bytes),
        Reply::Close(bytes) => Reply::Close(bytes),
    }
}

async fn says(status: &str) -> Result<Acquired, ConnectorError> {
    let body = response(CONSUMER, REQUEST, status, "");
    answered(move || http_response(200, &[("Content-Type", "text/xml")], &body)).await
}

async fn gives(inside: &str) -> Result<Acquired, ConnectorError> {
    let body = response(CONSUMER, REQUEST, SUCCESS, inside);
    answered(move || http_response(200, &[], &body)).await
}

fn code(first: &str, second: Option<&str>, message: &str) -> String {
    let status = "urn:oasis:names:tc:SAML:2.0:status:";
    let second = second.map(|second| format!(r#"<samlp:StatusCode Value="{status}{second}"/>"#)).unwrap_or_default();
    format!(
        r#"<samlp:StatusCode Value="{status}{first}">{second}</samlp:StatusCode><samlp:StatusMessage>{message}</samlp:StatusMessage>"#
    )
}

/// Keycloak says of a failure only what it is, and not of which request.
#[tokio::test]
async fn a_failure_need_not_say_which_request_it_is_for_and_a_success_must() {
    let without = |status: &str, inside: &str| {
        let body = String::from_utf8(response(CONSUMER, REQUEST, status, inside)).unwrap();
        let body = body.replace(&format!(" InResponseTo=\"{REQUEST}\""), "");
        answered(move || http_response(200, &[], body.as_bytes()))
    };
    refused(without(&code("Responder", Some("NoPassive"), ""), "").await);
    unavailable(without(&code("Responder", None, ""), "").await);
    misbehaved(without(SUCCESS, ASSERTION).await);
    let other = response(CONSUMER, "_of_another_request", &code("Responder", Some("NoPassive"), ""), "");
    misbehaved(answered(move || http_response(200, &[], &other)).await);
}

#[tokio::test]
async fn a_page_that_is_configured_as_a_refusal_is_one() {
    let page = "<p>Invalid username or password.</p>";
    let log_in = async |status: u16, page: &'static str| {
        let server = RecordingServer::start(move |_, _| http_response(status, &[], page.as_bytes()));
        let refused = "present: authorization\n    refused: { status: 400, body_has: Invalid username }";
        login(&*own(&server.origin(), refused)).await
    };
    refused(log_in(400, page).await);
    misbehaved(log_in(403, page).await);
    misbehaved(log_in(400, "<p>Invalid requester</p>").await);
    misbehaved(log_in(400, "").await);
}

#[tokio::test]
async fn a_login_yields_the_assertion_and_its_end() {
    let body = response(CONSUMER, REQUEST, SUCCESS, ASSERTION);
    let server = RecordingServer::start(move |_, request| to(request, http_response(200, &[], &body)));
    let connector = own(&server.origin(), "present: authorization");
    let acquired = login(&*connector).await.unwrap();
    assert_eq!((acquired.ends, acquired.idle, acquired.renew_until), (Some(ENDS_AT), None, None));

    let request = &server.requests()[0];
    assert_eq!(request.line(), "POST /sso HTTP/1.1");
    let basic = format!("Basic {}", STANDARD.encode("ada:p\u{e4}ss <&\"'>"));
    assert_eq!(request.values("authorization"), [basic]);
    let asked = String::from_utf8(request.body.clone()).unwrap();
    for part in [
        r#" Version="2.0" IssueInstant="2030-01-31T12:00:00Z""#,
        r#"AssertionConsumerServiceURL="https://orders.example.com/acs""#,
        "<saml:Issuer>https://orders.example.com/sp</saml:Issuer>",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
    assert!(roxmltree::Document::parse(&asked).is_ok(), "{asked}");
    login(&*connector).await.unwrap();
    let (first, second) = (identifier(request), identifier(&server.requests()[1]));
    assert!(first != second && first.len() == REQUEST.len() && first.starts_with('_'), "{first} {second}");

    let injection = injected(&*connector, &acquired.state);
    let (name, value) = &injection.headers[0];
    assert!(value.is_sensitive() && injection.body.is_none() && injection.query.is_empty());
    assert_eq!(name, "authorization");
    let value = value.to_str().unwrap().strip_prefix("SAML ").unwrap();
    let presented = miniz_oxide::inflate::decompress_to_vec(&STANDARD.decode(value).unwrap()).unwrap();
    let presented = String::from_utf8(presented).unwrap();
    assert!(roxmltree::Document::parse(&presented).is_ok(), "{presented}");
    // All of its bytes, and the namespaces that were declared outside of it.
    let (name, rest) = ASSERTION.split_at("<saml:Assertion".len());
    let declared = presented.strip_prefix(name).unwrap().strip_suffix(rest).unwrap();
    for (prefix, uri) in [("saml", ns::SAML), ("samlp", ns::SAMLP), ("SOAP-ENV", ns::SOAP11)] {
        assert_eq!(declared.matches(&format!(" xmlns:{prefix}=\"{uri}\"")).count(), 1, "{declared}");
    }
    assert!(!declared.contains("xmlns:xs=") && declared.contains(r#" xmlns="""#), "{declared}");
    assert!(matches!(connector.renew(&acquired.state, NOW).await, Err(ConnectorError::Refused)));
    assert!(connector.reserved().headers.contains("authorization"));
}

/// A wrong password need not be an HTTP error: the SAML status reports it.
#[tokio::test]
async fn the_status_tells_a_refusal_from_a_failure() {
    refused(says(&code("Responder", None, "SimpleSAML\\Error\\Error: WRONGUSERPASS")).await);
    refused(says(&code("Responder", Some("AuthnFailed"), "")).await);
    refused(says(&code("Requester", Some("AuthnFailed"), "")).await);
    refused(says(&code("Responder", Some("UnknownPrincipal"), "")).await);
    refused(says(&code("Responder", Some("RequestDenied"), "")).await);
    unavailable(says(&code("Responder", None, "LDAP is down")).await);
    misbehaved(says(&code("VersionMismatch", Some("RequestVersionTooHigh"), "")).await);
    misbehaved(says(&code("Requester", None, "")).await);
    refused(says(&code("Responder", Some("NoPassive"), "")).await);
    misbehaved(says("").await);
    misbehaved(says(SUCCESS).await);
    refused(answered(|| http_response(401, &[("WWW-Authenticate", "Basic")], b"")).await);
    for status in [408, 429, 500, 502, 503] {
        unavailable(answered(move || http_response(status, &[], b"")).await);
    }
    for status in [204, 400, 403, 404, 405, 415] {
        misbehaved(answered(move || http_response(status, &[], b"")).await);
    }
}

#[tokio::test]
async fn an_assertion_has_to_answer_this_request_for_this_audience_and_to_last() {
    assert!(gives(ASSERTION).await.is_ok());
    for (right, wrong) in [
        ("https://orders.example.com/sp<", "https://orders.example.com/sp/2<"),
        ("<saml:Audience>https://orders.example.com/sp</saml:Audience>", ""),
        ("AudienceRestriction", "Restriction"),
        ("NotOnOrAfter", "Until"),
        (ENDS, "2030-01-31T12:00:00Z"),
        (ENDS, "soon"),
        (r#"Version="2.0""#, r#"Version="1.1""#),
        ("Assertion", "EncryptedAssertion"),
    ] {
        misbehaved(gives(&ASSERTION.replace(right, wrong)).await);
    }
    misbehaved(gives(&ASSERTION.repeat(2)).await);
    // The earliest end counts, and every restriction must be met.
    let shorter = ASSERTION.replacen(ENDS, "2030-01-31T12:01:00.5Z", 1);
    assert_eq!(gives(&shorter).await.unwrap().ends, Some(Timestamp::from_secs(1_896_091_260)));
    let stricter = ASSERTION.replace(
        "</saml:Conditions>",
        "<saml:AudienceRestriction><saml:Audience>other</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
    );
    misbehaved(gives(&stricter).await);
    for (consumer, request) in [("https://evil.example.com/acs", REQUEST), (CONSUMER, "_other")] {
        let body = response(consumer, request, SUCCESS, ASSERTION);
        misbehaved(answered(move || http_response(200, &[], &body)).await);
    }
}

/// Whatever an identity provider sends, it can only make the login fail.
#[tokio::test]
async fn a_response_that_is_none_is_misbehaviour() {
    let body = String::from_utf8(response(CONSUMER, REQUEST, SUCCESS, ASSERTION)).unwrap();
    let entity = r#"<!DOCTYPE e [<!ENTITY who "ada">]><SOAP-ENV:Envelope "#;
    let many = format!("</samlp:Status>{}", "<x xmlns:a='b'>".repeat(5000));
    let attributes = (0..2000).map(|number| format!(" a{number}=''")).collect::<Vec<_>>().concat();
    for wrong in [
        body.replace("<SOAP-ENV:Envelope ", entity),
        body.replace("ada &amp; co", "&who;"),
        body.replace("encoding=\"utf-8\"", "encoding=\"utf-16\""),
        body.replace("</samlp:Status>", &many),
        body.replace("<samlp:Status>", &format!("<samlp:Status{attributes}>")),
        body.replace("xmlns:samlp", "xmlns:other"),
        body.replace("</SOAP-ENV:Body>", ""),
        body.replace("AssertionConsumerServiceURL", "Elsewhere"),
        "<html>garbage".to_owned(),
        String::new(),
    ] {
        misbehaved(answered(move || http_response(200, &[], wrong.as_bytes())).await);
    }
    misbehaved(answered(|| http_response(200, &[], b"\xff\xfe<\0")).await);
    misbehaved(answered(|| http_response(200, &[], &vec![b' '; 10 * 1024 * 1024])).await);
    misbehaved(answered(|| Reply::Close(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())).await);
    assert!(answered(move || http_response(200, &[], body.as_bytes())).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_identity_provider_that_never_finishes_is_unavailable() {
    unavailable(answered(|| Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<".to_vec())).await);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = RecordingServer::start(|_, _| http_response(200, &[], b""));
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.origin();
        misbehaved(answered(move || http_response(status, &[("Location", &location)], b"")).await);
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// Checklist H-04: in `Basic`, the name ends at the first colon, so a name with a colon is refused.
#[tokio::test]
async fn a_name_or_password_that_cannot_be_said_is_refused_before_anybody_is_asked() {
    let server = RecordingServer::start(|_, _| http_response(500, &[], b""));
    let connector = own(&server.origin(), "present: authorization");
    for (name, password) in [("ada:x", "p"), ("ada\r\nX: 1", "p"), ("ada", "p\r\nX: 1"), ("ada", "p\0")] {
        refused(login_as(&*connector, name, password).await);
    }
    assert_eq!(server.connections(), 0);
}

/// A service provider and its identity provider in one server. `consumer` gives the URL that it wants the response at.
fn provider(consumer: impl Fn(&str) -> String + Send + Sync + 'static, back: fn() -> Reply) -> RecordingServer {
    RecordingServer::start(move |_, request| {
        let host = format!("http://{}", request.values("host")[0]);
        let consumer = consumer(&host);
        match request.line() {
            "GET /private HTTP/1.1" => {
                let body = format!(
                    r#"<s:Envelope xmlns:s="{}" xmlns:paos="{}" xmlns:ecp="{}" xmlns:samlp="{}"><s:Header><paos:Request responseConsumerURL="{consumer}" messageID="_m&lt;" service="x" s:mustUnderstand="1"/><ecp:RelayState s:mustUnderstand="1">a &amp; b</ecp:RelayState></s:Header><s:Body><samlp:AuthnRequest ID="_q"  Version='2.0'/></s:Body></s:Envelope>"#,
                    ns::SOAP11,
                    ns::PAOS,
                    ns::ECP,
                    ns::SAMLP
                );
                let headers = [("Content-Type", "application/vnd.paos+xml"), ("Set-Cookie", "early=1; Path=/")];
                http_response(200, &headers, body.as_bytes())
            }
            "POST /sso HTTP/1.1" => http_response(200, &[], &response(&consumer, "_q", SUCCESS, ASSERTION)),
            _ => back(),
        }
    })
}

fn by_cookie(origin: &str) -> Box<dyn Connector> {
    connector(&format!(
        "    type: saml_ecp\n    identity_provider: '{origin}/sso'\n    begin: {{ service_provider: '{origin}/private' }}\n    \
         present: {{ cookies: [SID, early] }}\n    login_page: '{origin}/login'\n    \
         logout: {{ method: POST, url: '{origin}/logout' }}"
    ))
}

#[tokio::test]
async fn the_profile_is_finished_at_the_service_provider() {
    let server = provider(
        |host| format!("{host}/acs"),
        || {
            http_response(
                303,
                &[("Set-Cookie", "SID=abc; Max-Age=600; HttpOnly"), ("Location", "https://a.example.com")],
                b"",
            )
        },
    );
    let connector = by_cookie(&server.origin());
    let acquired = login(&*connector).await.unwrap();
    assert_eq!(acquired.ends, Some(Timestamp::from_secs(NOW.as_secs() + 600)));
    let injection = injected(&*connector, &acquired.state);
    assert_eq!(injection.headers, [(http::header::COOKIE, "SID=abc; early=1".parse().unwrap())]);

    let requests = server.requests();
    let lines: Vec<_> = requests.iter().map(Recorded::line).collect();
    assert_eq!(lines, ["GET /private HTTP/1.1", "POST /sso HTTP/1.1", "POST /acs HTTP/1.1"]);
    let text = |number: usize| String::from_utf8(requests[number].body.clone()).unwrap();
    // The identity provider gets the request unchanged, without the header. Only it gets the password.
    assert!(text(1).contains(r#"><s:Body><samlp:AuthnRequest ID="_q"  Version='2.0'/></s:Body>"#), "{}", text(1));
    let secrets: Vec<_> = requests.iter().map(|request| request.values("authorization").len()).collect();
    assert_eq!(secrets, [0, 1, 0]);
    // The service provider gets the response byte for byte, and its own relay state.
    assert!(text(2).contains(ASSERTION) && text(2).contains(r#"refToMessageID="_m&lt;"/>"#), "{}", text(2));
    assert!(text(2).contains(">a &amp; b</ecp:RelayState></soap:Header>"), "{}", text(2));
    assert!(roxmltree::Document::parse(&text(2)).is_ok(), "{}", text(2));
    assert_eq!(requests[2].values("cookie"), ["early=1"]);
    assert_eq!(requests[2].values("content-type"), ["application/vnd.paos+xml"]);

    connector.end(&acquired.state).await.unwrap();
    assert_eq!(server.requests()[3].line(), "POST /logout HTTP/1.1");
    assert_eq!(server.requests()[3].values("cookie"), ["SID=abc; early=1"]);
    assert!(connector.reserved().cookies.contains("SID") && connector.reserved().cookies.contains("early"));
}

/// SAML 2.0 Profiles §4.2.4.4: an assertion is not sent to a URL on another host than the service provider's.
#[tokio::test]
async fn a_response_goes_nowhere_but_to_the_service_provider() {
    let elsewhere = RecordingServer::start(|_, _| http_response(303, &[("Set-Cookie", "SID=abc")], b""));
    let there = elsewhere.origin();
    let server = provider(move |_| format!("{there}/acs"), || http_response(303, &[("Set-Cookie", "SID=abc")], b""));
    misbehaved(login(&*by_cookie(&server.origin())).await);
    assert_eq!((elsewhere.connections(), server.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_service_provider_without_a_session_is_no_login() {
    let consumer = |host: &str| format!("{host}/acs");
    let login = async |back| login(&*by_cookie(&provider(consumer, back).origin())).await;
    misbehaved(login(|| http_response(303, &[], b"")).await);
    misbehaved(login(|| http_response(303, &[("Set-Cookie", "SID=")], b"")).await);
    misbehaved(login(|| http_response(303, &[("Set-Cookie", "SID=a; Max-Age=0")], b"")).await);
    misbehaved(login(|| http_response(303, &[("Set-Cookie", "SID=a b")], b"")).await);
    misbehaved(login(|| http_response(400, &[("Set-Cookie", "SID=a")], b"")).await);
    unavailable(login(|| http_response(500, &[], b"")).await);
    refused(login(|| http_response(403, &[], b"")).await);
}

#[tokio::test]
async fn a_dead_session_is_a_401_or_a_redirect_to_where_people_log_in() {
    let connector = by_cookie("http://127.0.0.1:1");
    let redirect = |to: &str| Response::builder().status(303).header("Location", to).body(Bytes::new()).unwrap();
    let dead = |to: &str| connector.is_dead(&ResponseStart::of(&redirect(to)));
    assert!(dead("http://127.0.0.1:1/login?ReturnTo=x") && dead("/login?ReturnTo=x") && dead("/login"));
    assert!(dead("http://127.0.0.1:1/sso"), "the identity provider's own");
    assert!(!dead("/orders/7") && !dead("/login2") && !dead("https://127.0.0.1:12/login") && !dead(""));
    // With back end, page and provider on one host, as they resolve.
    let url = "http://127.0.0.1:1/app/orders".parse().unwrap();
    let dead = |to: &str| connector.is_dead(&ResponseStart::of(&redirect(to)).at(&url));
    assert!(dead("../login?x") && dead("/sso/begin") && dead("http://127.0.0.1:1/app/../login;jsessionid=1"));
    assert!(!dead("/app/orders/7") && !dead("7") && !dead("/login/done") && !dead("../app/login"));
    let status = |status: u16| Response::builder().status(status).body(Bytes::new()).unwrap();
    let dead = |code: u16| connector.is_dead(&ResponseStart::of(&status(code)));
    assert!(dead(401) && !dead(403) && !dead(303));
}

/// RFC 7522 §2.1.
#[tokio::test]
async fn an_assertion_is_exchanged_for_a_token_of_the_back_end() {
    async fn exchanged(
        reply: fn() -> Reply,
    ) -> (Result<Acquired, ConnectorError>, RecordingServer, Box<dyn Connector>) {
        let body = response(CONSUMER, REQUEST, SUCCESS, ASSERTION);
        let server =
            RecordingServer::start(
                move |number, request| if number == 0 { to(request, http_response(200, &[], &body)) } else { reply() },
            );
        let url = format!("{}/token", server.origin());
        let connector = own(
            &server.origin(),
            &format!("present: {{ exchange: {{ url: '{url}', client_id: mobile, scope: a b }} }}"),
        );
        (login(&*connector).await, server, connector)
    }
    const GRANTED: &[u8] = br#"{"access_token": "abc.DEF", "token_type": "bearer", "expires_in": 60}"#;
    let (acquired, server, connector) = exchanged(|| http_response(200, &[], GRANTED)).await;
    let acquired = acquired.unwrap();
    assert_eq!((acquired.ends, acquired.renew_until), (Some(Timestamp::from_secs(NOW.as_secs() + 60)), None));
    let injection = injected(&*connector, &acquired.state);
    assert_eq!(injection.headers, [(http::header::AUTHORIZATION, "Bearer abc.DEF".parse().unwrap())]);
    let form = String::from_utf8(server.requests()[1].body.clone()).unwrap();
    let (grant, rest) = form.split_once("&assertion=").unwrap();
    assert_eq!(grant, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml2-bearer");
    let assertion = URL_SAFE_NO_PAD.decode(rest.strip_suffix("&client_id=mobile&scope=a+b").unwrap()).unwrap();
    assert!(String::from_utf8(assertion).unwrap().ends_with("</saml:Assertion>"));
    assert!(server.requests()[1].values("authorization").is_empty(), "the password stays behind");

    let outcome = async |reply| exchanged(reply).await.0;
    refused(outcome(|| http_response(400, &[], br#"{"error": "invalid_grant"}"#)).await);
    misbehaved(outcome(|| http_response(400, &[], br#"{"error": "invalid_request"}"#)).await);
    misbehaved(outcome(|| http_response(401, &[], br#"{"error": "invalid_client"}"#)).await);
    unavailable(outcome(|| http_response(503, &[], b"")).await);
    misbehaved(outcome(|| http_response(200, &[], b"<html>")).await);
    misbehaved(outcome(|| http_response(200, &[], br#"{"access_token": "a\r\nX: 1", "token_type": "Bearer"}"#)).await);
    misbehaved(outcome(|| http_response(200, &[], br#"{"access_token": "a", "token_type": "mac"}"#)).await);
    misbehaved(
        outcome(|| http_response(200, &[], br#"{"access_token": "a", "token_type": "Bearer", "expires_in": 0}"#)).await,
    );
    let silent = outcome(|| http_response(200, &[], br#"{"access_token": "a", "token_type": "Bearer"}"#)).await;
    assert_eq!(silent.unwrap().ends, Some(ENDS_AT));
}

#[test]
fn what_a_session_keeps_is_read_with_care() {
    let connector = own("http://127.0.0.1:1", "present: authorization");
    let call = Call { content_type: None, body: &Bytes::new() };
    for state in [&b""[..], b"\x09a", b"\x02SID=a", b"\x03token"] {
        assert!(matches!(connector.inject(state, call), Err(ConnectorError::Misbehaved(_))), "{state:?}");
    }
    let cookies = by_cookie("http://127.0.0.1:1");
    for state in [&b"\x02a\r\nX-Admin: 1"[..], b"\x02\xff", b"\x01"] {
        assert!(cookies.inject(state, call).is_err(), "{state:?}");
    }
}
