//! One call is one request to the configured back end, however the client frames it and wherever it points.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::call_context::path_digest;

use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP, Gateway, Visitor, send, with_issuer};

use crate::canned::Canned;
use crate::events::{self, PROXY, set_header};
use crate::wire::{echo_at, last, raw, seen};

/// Abuse case C1; checklist H-01, H-02.
#[tokio::test]
async fn connection_names_no_header_of_ours() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let identity = ["x-authenticated-userid", "x-authenticated-scope", "x-credential-identifier", "cookie", "via"];
    let echo = async |headers: &str| {
        assert_eq!(raw(&gateway, "GET /echo", Some(&tokens.access), headers).await.status(), Some(200), "{headers}");
        let arrived = last(&gateway);
        assert!(arrived.header("connection").iter().all(|value| !value.contains("authenticated")), "{arrived:?}");
        assert_eq!(arrived.header("x-kept"), ["1"], "{headers}");
        identity.map(|name| arrived.header(name))
    };
    let honest = echo("X-Kept: 1\r\n").await;
    assert!(honest.iter().all(|values| values.len() == 1), "{honest:?}");
    for named in [
        "X-Authenticated-Userid",
        "x-authenticated-userid, X-Authenticated-Scope, cookie, via",
        "keep-alive, X_Authenticated_Userid",
        "Cookie, Host, Content-Length",
        "X-Hop",
    ] {
        let headers = format!("Connection: {named}\r\nX-Kept: 1\r\nX-Hop: evil\r\nTE: trailers\r\nUpgrade: evil\r\n");
        assert_eq!(echo(&headers).await, honest, "{named}");
        let arrived = last(&gateway);
        assert!(arrived.header("te").is_empty() && arrived.header("upgrade").is_empty(), "{arrived:?}");
        assert_eq!(arrived.header("x-hop").is_empty(), named == "X-Hop");
    }
}

/// Abuse case C2; checklist H-07.
#[tokio::test]
async fn a_request_has_one_framing_whatever_the_headers_say() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let body = b"honest\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n";
    for http in [false, true] {
        let authorizer = match http {
            true => events::http_authorizer(&gateway, "POST", "/echo", &tokens.access),
            false => events::rest_authorizer(&gateway, "POST", "/echo", &tokens.access),
        };
        let mut good = events::admitted(&gateway, &authorizer).await;
        good["body"] = json!(STANDARD.encode(body));
        good["isBase64Encoded"] = json!(true);
        for headers in [
            &[][..],
            &[("Transfer-Encoding", "chunked")],
            &[("Content-Length", "6")],
            &[("Content-Length", "100000"), ("Transfer-Encoding", "chunked")],
            &[("transfer-encoding", "xchunked"), ("Content_Length", "0"), ("Expect", "100-continue")],
        ] {
            let mut event = good.clone();
            for (name, value) in headers {
                set_header(&mut event, name, value);
            }
            let (requests, bytes) = (seen(&gateway), gateway.stack.legacy().received_bytes().len());
            assert_eq!(events::status(&gateway, PROXY, &event).await, Some(200), "{headers:?}");
            assert_eq!(seen(&gateway), requests + 1, "{headers:?}");
            let arrived = last(&gateway);
            assert_eq!((arrived.method.as_str(), arrived.body.as_ref()), ("POST", body.as_slice()), "{headers:?}");
            assert_eq!(arrived.header("content-length"), [body.len().to_string()]);
            assert!(arrived.header("transfer-encoding").is_empty() && arrived.header("expect").is_empty());
            let wire = gateway.stack.legacy().received_bytes().split_off(bytes);
            assert_eq!(String::from_utf8_lossy(&wire).matches(" HTTP/1.1\r\n").count(), 2, "the body's own is one");
        }
    }
    // Through the front door a request with two framings is at most one request.
    let before = seen(&gateway);
    let smuggled = format!(
        "POST /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 4\r\nTransfer-Encoding: \
         chunked\r\nConnection: close\r\n\r\n0\r\n\r\nGET /orders HTTP/1.1\r\nHost: x\r\n\r\n",
        tokens.access
    );
    send(gateway.stack.base_url(), smuggled.as_bytes()).await;
    assert!(seen(&gateway) <= before + 1);
}

/// Abuse cases C3 and C4.
#[tokio::test]
async fn no_path_leads_to_another_host() {
    let gateway = Gateway::start().await;
    let elsewhere = Canned::start(Some("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned())).await;
    let tokens = gateway.login(ADA).await;
    let good = events::admitted(&gateway, &events::rest_authorizer(&gateway, "GET", "/echo", &tokens.access)).await;
    let good_http =
        events::admitted(&gateway, &events::http_authorizer(&gateway, "GET", "/echo", &tokens.access)).await;
    let before = seen(&gateway);
    let (host, port) = elsewhere.authority.split_once(':').expect("a port");
    let paths = [
        format!("//{host}:{port}/x"),
        format!("///{host}:{port}"),
        format!("\\\\{host}:{port}\\x"),
        format!("/\\{host}:{port}/x"),
        format!("\t//{host}:{port}/x"),
        format!("@{host}:{port}/x"),
        format!(".{host}:{port}/x"),
        format!(":443@{host}:{port}/x"),
        format!("%40{host}:{port}"),
        format!("http://{host}:{port}/x"),
        format!("/%2f{host}:{port}"),
        format!("/..//{host}:{port}"),
    ];
    for path in &paths {
        for (event, place) in [(&good, "path"), (&good_http, "rawPath")] {
            // Even if an authorizer admitted exactly this path.
            let mut event = event.clone();
            event[place] = json!(path);
            events::context_of(&mut event)["path_digest"] = json!(path_digest("GET", path));
            let status = events::status(&gateway, PROXY, &event).await;
            assert_eq!(status, Some(400), "{path}");
        }
        let response = raw(&gateway, &format!("GET {path}"), Some(&tokens.access), "").await;
        assert!(response.status().is_none_or(|status| (400..500).contains(&status)), "{path}: {}", response.text());
    }
    assert_eq!((elsewhere.connections(), seen(&gateway)), (0, before));

    for event in [&good, &good_http] {
        assert_eq!(events::status(&gateway, PROXY, event).await, Some(200));
    }
}

/// Abuse case C5; checklist H-06, M-02.
#[tokio::test]
async fn nothing_follows_the_host_header() {
    const ISSUER: &str = "https://auth.example.com";
    let gateway = Gateway::start_with_config(|text| with_issuer(&text, ISSUER)).await;
    let tokens = gateway.login(ADA).await;
    let host = gateway.stack.legacy_url().trim_start_matches("http://").to_owned();
    let base = gateway.stack.base_url();
    for name in ["evil.test", "evil.test:1", "[::1", "evil.test/x", "\u{1}", "", "127.0.0.1@evil.test"] {
        let request = |path: &str| {
            let authorization = format!("Authorization: Bearer {}", tokens.access);
            format!("GET {path} HTTP/1.1\r\nHost: {name}\r\n{authorization}\r\nConnection: close\r\n\r\n")
        };
        let before = seen(&gateway);
        let response = send(base, request("/echo").as_bytes()).await;
        assert!(response.status().is_none_or(|status| status == 200 || status == 400), "{name}: {}", response.text());
        if seen(&gateway) > before {
            assert_eq!(last(&gateway).header("host"), [host.as_str()]);
        }
        let metadata = send(base, request("/.well-known/oauth-authorization-server").as_bytes()).await.text();
        assert!(!metadata.contains("evil"), "{metadata}");
        // The text has the fields as well, `Location` among them.
        for page in ["/account/sessions", "/account/log-in", &Visitor::asking(DEMO_APP, "orders:read", &[])] {
            let page = send(base, request(page).as_bytes()).await.text();
            assert!(!page.contains("evil"), "{page}");
        }
    }
    assert!(!String::from_utf8_lossy(&gateway.stack.legacy().received_bytes()).contains("evil"));

    let metadata = gateway.request("GET", "/.well-known/oauth-authorization-server").header("host", "evil.test");
    let metadata = gateway.response(metadata).await.json();
    assert_eq!(
        (&metadata["issuer"], &metadata["jwks_uri"]),
        (&json!(ISSUER), &json!(format!("{ISSUER}/.well-known/jwks.json")))
    );
    // The event tells a host twice; neither is where the call goes.
    let mut event =
        events::admitted(&gateway, &events::rest_authorizer(&gateway, "GET", "/echo", &tokens.access)).await;
    set_header(&mut event, "Host", "evil.test");
    event["requestContext"]["domainName"] = json!("api.example.com");
    assert_eq!(events::status(&gateway, PROXY, &event).await, Some(200));
    let arrived = last(&gateway);
    assert_eq!(
        (arrived.header("host"), arrived.header("x-forwarded-host")),
        (vec![host], vec!["api.example.com".to_owned()])
    );
}

/// Abuse case C6; checklist H-04.
#[tokio::test]
async fn a_stored_value_that_is_no_header_is_not_sent() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    // The store refuses to write such a value, so somebody wrote it with another tool.
    let database = gateway.dynamodb();
    let put = |item| database.put_item().table_name("AppsTable").set_item(Some(item)).send();
    let read = database.get_item().table_name("AppsTable").key("client_id", AttributeValue::S(DEMO_APP.to_owned()));
    let honest = read.send().await.unwrap().item.expect("the app");
    for value in ["Demo\r\nX-Admin: 1", "Demo\nX: 1", "Demo\0", "Dem\u{f6}", "Demo\r", "\u{1F600}"] {
        for in_name in [true, false] {
            let mut item = honest.clone();
            let text = AttributeValue::S(value.to_owned());
            if in_name {
                item.insert("name".to_owned(), text);
            } else {
                let AttributeValue::M(subscriptions) = item.get_mut("subscriptions").unwrap() else { panic!("a map") };
                for subscription in subscriptions.values_mut() {
                    let AttributeValue::M(subscription) = subscription else { panic!("a map") };
                    subscription.insert("id".to_owned(), text.clone());
                }
            }
            put(item).await.unwrap();
            gateway.restart_functions();
            let before = seen(&gateway);
            let response = gateway.call("GET", "/echo", &tokens.access).await;
            assert!(matches!(response.status, 500 | 502 | 503), "{value:?}: {}", response.text());
            assert_eq!(seen(&gateway), before, "{value:?}");
        }
    }
    put(honest).await.unwrap();
    gateway.restart_functions();
    assert_eq!(gateway.call("GET", "/echo", &tokens.access).await.status, 200);
}

/// Abuse case C6: the value the back end itself gave at the login.
#[tokio::test]
async fn an_internal_token_that_is_no_header_is_not_sent() {
    for (value, good) in [("fine", true), ("caf\u{e9}", false), ("a\u{1}b", false), ("a\u{0}b", false)] {
        let cookie = format!("Set-Cookie: LEGACYSESSID={value}; Max-Age=60\r\n");
        let login = Canned::start(Some(format!("HTTP/1.1 200 OK\r\n{cookie}Content-Length: 0\r\n\r\n"))).await;
        let gateway = Gateway::start_with_config(|text| {
            text.replace("http://127.0.0.1:3001/log", &format!("{}/log", login.url()))
        })
        .await;
        let response = gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
        if response.status == 200 {
            gateway.call("GET", "/echo", &response.tokens().access).await;
        }
        assert_eq!(response.status == 200, good, "{value:?}: {}", response.text());
        assert_eq!(seen(&gateway), usize::from(good), "{value:?}");
        assert_eq!(login.requests().len(), 1);
    }
}

/// Abuse case C7.
#[tokio::test]
async fn a_redirect_of_the_back_end_is_passed_on_and_not_followed() {
    let elsewhere = Canned::start(Some("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned())).await;
    for status in ["302 Found", "307 Temporary Redirect"] {
        let location = format!("{}/stolen", elsewhere.url());
        let redirect = format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let back_end = Canned::start(Some(redirect)).await;
        let gateway = Gateway::start_with_config(|text| echo_at(&text, &back_end.url(), "")).await;
        let tokens = gateway.login(ADA).await;
        let response = gateway.call("GET", "/echo", &tokens.access).await;
        assert_eq!(response.status.to_string(), status[..3]);
        assert_eq!(response.header("location"), location);
        assert_eq!((back_end.requests().len(), elsewhere.connections()), (1, 0));
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    }
}

/// Abuse case C8.
#[tokio::test]
async fn odd_bytes_harm_nobody() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let works = async || {
        let response = raw(&gateway, "GET /echo?a=1&a=2&b=%22%3C%3E%20", Some(&tokens.access), "X-Plain: 1\r\n").await;
        assert_eq!(response.status(), Some(200), "{}", response.text());
        assert_eq!(last(&gateway).target, "/echo?a=1&a=2&b=%22%3C%3E%20");
    };
    works().await;
    let queries = ["a=\"b\"", "a=<b>", "a=b c", "a=\u{1}", "a=\u{e9}", "a=%ff", "a=%zz", "%", "a=\u{7f}", "a=#b"];
    for query in queries {
        let response = raw(&gateway, &format!("GET /echo?{query}"), Some(&tokens.access), "").await;
        assert!(response.status().is_none_or(|status| status < 500), "{query}: {}", response.text());
    }
    for value in ["\u{e9}", "\u{1}", "a\u{7f}b", "\u{1F600}", "\t", "a\u{0}b"] {
        let response = raw(&gateway, "GET /echo", Some(&tokens.access), &format!("X-Odd: {value}\r\n")).await;
        assert!(response.status().is_none_or(|status| status < 500), "{value:?}: {}", response.text());
    }
    let obs_text = [b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Odd: \xff\xfe\r\n".as_slice(), b"Connection: close\r\n\r\n"];
    assert!(send(gateway.stack.base_url(), &obs_text.concat()).await.status().is_none_or(|status| status < 500));

    // An HTTP API hands the query on undecoded.
    let good = events::admitted(&gateway, &events::http_authorizer(&gateway, "GET", "/echo", &tokens.access)).await;
    let processes = lines(&gateway, "panicked").await;
    for query in queries {
        let mut event = good.clone();
        event["rawQueryString"] = json!(query);
        let status = events::status(&gateway, PROXY, &event).await;
        assert!(matches!(status, Some(200 | 400)), "{query}: {status:?}");
    }
    for value in ["\u{e9}", "\u{1}", "a\r\nX-Evil: 1", "a\u{0}b"] {
        let mut event: Json = good.clone();
        set_header(&mut event, "x-odd", value);
        let before = seen(&gateway);
        assert_eq!(events::status(&gateway, PROXY, &event).await, Some(400), "{value:?}");
        assert_eq!(seen(&gateway), before);
    }
    assert_eq!(lines(&gateway, "panicked").await, processes);
    assert_eq!(events::status(&gateway, PROXY, &good).await, Some(200));
    works().await;
}

async fn lines(gateway: &Gateway, word: &str) -> usize {
    gateway.logged().await.iter().filter(|line| line.contains(word)).count()
}
