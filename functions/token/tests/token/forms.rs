//! How a request must look: one form, every name once, nothing in the URL.

use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET, login, refresh};
use crate::request::{Request, encode, post, request};

const TOKEN: &str = "/oauth2/token";

fn form() -> String {
    let (user, password, scope) = (encode("alice@example.com"), encode(PASSWORD), encode(NOTES));
    format!("grant_type=password&client_id=pub1&username={user}&password={password}&scope={scope}")
}

fn raw(body: impl Into<Vec<u8>>) -> Request {
    request("POST", TOKEN).header("Content-Type", "application/x-www-form-urlencoded").body(body)
}

/// Abuse case E1; checklist T-09, T-19.
#[tokio::test]
async fn a_repeated_parameter_is_refused_and_touches_nothing() {
    let fixture = Fixture::new().await;
    fixture.wire.since_last();
    let names = ["grant_type", "client_id", "username", "password", "scope", "%67rant_type", "%70assword"];
    let also = ["client_secret=a&client_secret=b", "refresh_token=a&refresh_token=b", "foo=a&foo=b"];
    let repeated = names.map(|name| format!("{name}=x")).into_iter().chain(also.map(str::to_owned));
    for again in repeated {
        let response = fixture.send(raw(format!("{}&{again}", form()))).await;
        assert_eq!(response.refusal(), (400, "invalid_request"), "{again}");
    }
    assert!(fixture.wire.since_last().is_empty());
    assert_eq!(fixture.send(raw(form())).await.status, 200);
}

/// Abuse case E3; checklist T-02, V-08.
#[tokio::test]
async fn parameters_in_the_url_are_refused_on_every_endpoint() {
    let fixture = Fixture::new().await;
    fixture.wire.since_last();
    for path in [TOKEN, "/oauth2/revoke", "/oauth2/introspect"] {
        for (name, value) in [("client_id", "conf1"), ("username", "alice@example.com"), ("token", "x"), ("x", "")] {
            let asked = raw(form()).query(name, value).at(path);
            assert_eq!(fixture.send(asked).await.refusal(), (400, "invalid_request"), "{path} {name}");
        }
        let empty = request("POST", path).query("client_id", "conf1").query("client_secret", SECRET);
        assert_eq!(fixture.send(empty).await.refusal(), (400, "invalid_request"));
    }
    assert!(fixture.wire.since_last().is_empty());
    assert_eq!(fixture.send(raw(form())).await.status, 200);
}

/// Abuse case E8; checklist T-11.
#[tokio::test]
async fn only_a_form_is_read() {
    let fixture = Fixture::new().await;
    fixture.wire.since_last();
    let json = r#"{"grant_type":"password","client_id":"pub1","username":"alice@example.com","password":"x"}"#;
    let gzip = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x2f, 0x4a];
    for request in [
        raw(json).header("Content-Type", "application/json"),
        raw(form()).header("Content-Type", "text/plain"),
        raw(form()).header("Content-Type", "multipart/form-data; boundary=x"),
        raw(form()).header("Content-Type", "application/x-www-form-urlencoded; charset=utf-16"),
        raw(form()).another_header("Content-Type", "application/x-www-form-urlencoded"),
        raw(form()).without_header("Content-Type"),
        raw(gzip).header("Content-Encoding", "gzip"),
    ] {
        assert_eq!(fixture.send(request).await.refusal(), (400, "invalid_request"));
    }
    assert!(fixture.wire.since_last().is_empty());
}

/// Checklist T-10: UTF-8 in each of its spellings, and a refusal of anything else that says so.
#[tokio::test]
async fn the_charset_of_a_form_is_utf_8_and_a_refusal_says_so() {
    let fixture = Fixture::new().await;
    let with = |parameters: &str| {
        raw(form()).header("Content-Type", &format!("application/x-www-form-urlencoded{parameters}"))
    };
    for utf_8 in [";charset=UTF-8", "; charset=UTF8", "; charset=\"utf8\"", ";charset=utf-8;", "; x=y"] {
        assert_eq!(fixture.send(with(utf_8)).await.status, 200, "{utf_8}");
    }
    for other in ["; charset=utf-16", "; charset=ISO-8859-1", "; charset=utf-8; charset=utf-8"] {
        let response = fixture.send(with(other)).await;
        assert_eq!(response.refusal(), (400, "invalid_request"), "{other}");
        let description = response.body["error_description"].as_str().unwrap();
        assert!(description.contains("charset") && description.contains("utf-8"), "{description}");
    }
}

/// Checklist T-10: the password is the one with every sign that forms write differently.
#[tokio::test]
async fn the_form_is_utf_8_and_nothing_else() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200);
    for bad in [&b"%ff=x"[..], b"password=%e9", b"password=%", b"password=%4", b"password=\xc3"] {
        let response = fixture.send(raw([b"grant_type=password&client_id=pub1&", bad].concat())).await;
        assert_eq!(response.refusal(), (400, "invalid_request"), "{bad:?}");
    }
}

/// Checklist T-06, V-08, I-06.
#[tokio::test]
async fn only_post_issues_revokes_and_introspects() {
    let fixture = Fixture::new().await;
    fixture.wire.since_last();
    for path in [TOKEN, "/oauth2/revoke", "/oauth2/introspect"] {
        for method in ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
            let response = fixture.send(request(method, path).body(form())).await;
            assert_eq!((response.status, response.header("Allow")), (405, Some("POST")), "{method} {path}");
            assert_eq!(response.header("Cache-Control"), Some("no-store"));
        }
    }
    assert!(fixture.wire.since_last().is_empty());
}

/// Checklist T-07, T-08.
#[tokio::test]
async fn a_parameter_without_a_value_is_omitted_and_an_unknown_one_ignored() {
    let fixture = Fixture::new().await;
    let issued = fixture.login("pub1", NOTES).await;
    assert_eq!(fixture.send(raw(format!("{}&client_secret=&foo=bar", form()))).await.status, 200);
    assert_eq!(fixture.refresh("pub1", "").await.refusal(), (400, "invalid_request"));
    let fields = [("grant_type", "refresh_token"), ("client_id", "pub1"), ("refresh_token", &issued.refresh)];
    let response = fixture.send(post(TOKEN, &[&fields[..], &[("scope", ""), ("foo", "bar")]].concat())).await;
    assert_eq!((response.status, response.body["scope"].as_str()), (200, Some(NOTES)));
    let itself = [("grant_type", "client_credentials"), ("foo", "bar"), ("scope", "")];
    assert_eq!(fixture.send(post(TOKEN, &itself).basic("conf1", SECRET)).await.status, 200);
}

/// Checklist G-01, T-19, T-23: what is missing, or unknown, is told.
#[tokio::test]
async fn a_missing_parameter_is_told() {
    let fixture = Fixture::new().await;
    let all = [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD)];
    for missing in ["grant_type", "username", "password"] {
        let rest: Vec<_> = all.into_iter().filter(|(name, _)| *name != missing).collect();
        let response = fixture.send(post(TOKEN, &[&rest[..], &[("client_id", "pub1")]].concat())).await;
        assert_eq!(response.refusal(), (400, "invalid_request"));
        assert!(response.body["error_description"].as_str().unwrap().contains(missing), "{missing}");
    }
    assert_eq!(fixture.send(post(TOKEN, &all)).await.refusal(), (401, "invalid_client"));
    assert_eq!(fixture.send(refresh("pub1", "")).await.refusal(), (400, "invalid_request"));
    for path in ["/oauth2/revoke", "/oauth2/introspect"] {
        assert_eq!(fixture.send(post(path, &[]).basic("conf1", SECRET)).await.refusal(), (400, "invalid_request"));
    }
    for unknown in ["implicit", "PASSWORD", "password ", "urn:ietf:params:oauth:grant-type:device_code"] {
        let response = fixture.send(post(TOKEN, &[("grant_type", unknown), ("client_id", "pub1")])).await;
        assert_eq!(response.refusal(), (400, "unsupported_grant_type"), "{unknown}");
    }
}

/// Abuse case E9; checklist T-24.
#[tokio::test]
async fn nothing_the_caller_sent_comes_back() {
    let fixture = Fixture::new().await;
    let evil = "\"><svg onload=1>\r\nSet-Cookie:x=1";
    let fields = [("grant_type", "password"), ("client_id", "pub1"), ("username", "a"), ("password", "b")];
    for name in ["grant_type", "client_id", "username", "password", "scope"] {
        let mut fields = fields.to_vec();
        fields.retain(|(other, _)| *other != name);
        for value in [evil, "quote\"back\\slash"] {
            let response = fixture.send(post(TOKEN, &[&fields[..], &[(name, value)]].concat())).await;
            assert!((400..=401).contains(&response.status), "{name} {}", response.text);
            let description = response.body["error_description"].as_str().unwrap();
            assert!(description.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
            let told = format!("{}{}", response.text, response.headers).to_lowercase();
            assert!(!told.contains("svg") && !told.contains("set-cookie") && !told.contains("slash"), "{told}");
        }
    }
    let harmless = fixture.send(post(TOKEN, &fields)).await;
    assert_eq!(harmless.refusal(), (400, "invalid_grant"));
}

/// Checklist T-17, T-18: also on errors.
#[tokio::test]
async fn no_response_about_tokens_may_be_kept() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", NOTES).await;
    let revoking = [("client_id", "pub1"), ("token", tokens.refresh.as_str())];
    for request in [
        login("alice", "pub1", NOTES),
        login("nobody", "pub1", NOTES),
        login("alice", "nobody", NOTES),
        refresh("pub1", &tokens.refresh),
        post("/oauth2/revoke", &revoking),
        post("/oauth2/introspect", &[("token", "x")]).basic("conf1", SECRET),
        request("GET", TOKEN),
        request("POST", "/elsewhere"),
    ] {
        let response = fixture.send(request).await;
        assert_eq!(response.header("Cache-Control"), Some("no-store"));
        assert_eq!(response.header("Pragma"), Some("no-cache"));
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        assert!(response.body.is_object());
    }
}
