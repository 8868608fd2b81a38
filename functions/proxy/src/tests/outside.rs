//! Tests of a back end whose paths are others than those of its calls: what it is told, and what becomes of what it says.

use gateway_domain::event::ApiVersion;

use super::events::{BOTH, Event};
use super::harness::Harness;
use super::recording_server::http_response;

/// A call below `/public/shop`, which is `/app` there.
fn call(version: ApiVersion, path: &str) -> Event {
    Event::new(version, "GET", &format!("/public/shop{path}"))
}

#[tokio::test]
async fn a_path_is_forwarded_below_its_base_and_the_back_end_knows_how_it_was_called() {
    for version in BOTH {
        let harness = Harness::new().await;
        for (path, there) in [("", "/app"), ("/", "/app/"), ("/cart/caf%c3%a9", "/app/cart/caf%C3%A9")] {
            let response = harness.send(call(version, path).anonymous()).await;
            assert_eq!(response.status(), 200);
            let request = harness.back_end.requests().pop().unwrap();
            assert_eq!(request.line(), format!("GET {there} HTTP/1.1"));
            for (name, value) in [
                ("x-forwarded-for", "192.0.2.7"),
                ("x-forwarded-host", "api.example.com"),
                ("x-forwarded-port", "443"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-prefix", "/public/shop"),
                ("forwarded", "for=192.0.2.7;host=api.example.com;proto=https"),
            ] {
                assert_eq!(request.values(name), [value], "{name}");
            }
        }
    }
}

/// Abuse case B7: locally too, and whatever the client says.
#[tokio::test]
async fn on_a_laptop_the_back_end_is_told_the_truth() {
    let harness = Harness::new().await;
    let spoofed = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Prefix", "/x"), ("Forwarded", "proto=https")];
    let mut event = Event::new(ApiVersion::Rest, "GET", "/public/ping").headers(&spoofed).anonymous();
    event["requestContext"]["domainName"] = "127.0.0.1:3000".into();
    event["requestContext"]["identity"]["sourceIp"] = "::1".into();
    assert_eq!(harness.send(event).await.status(), 200);
    let request = harness.back_end.requests().pop().unwrap();
    for (name, value) in [
        ("x-forwarded-host", "127.0.0.1:3000"),
        ("x-forwarded-port", "3000"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "for=\"[::1]\";host=\"127.0.0.1:3000\";proto=http"),
    ] {
        assert_eq!(request.values(name), [value], "{name}");
    }
    assert!(request.values("x-forwarded-prefix").is_empty());
}

#[tokio::test]
async fn what_the_back_end_says_of_itself_is_said_of_the_gateway() {
    for version in BOTH {
        let harness = Harness::answering(|_, request| {
            let host = request.values("host").concat();
            let inner = |path: &str| format!("http://{host}{path}");
            let fields = [
                ("Location", inner("/app/cart?x=1")),
                ("Content-Location", "/app/cart/7".to_owned()),
                ("Link", format!("<{}>; rel=\"next, last\", </other>; rel=up, </app/>; rel=top", inner("/app/a"))),
                ("Refresh", format!("5; URL='{}'", inner("/app/b"))),
                ("Set-Cookie", "cart=7; Path=/app; Domain=localhost".to_owned()),
                ("Set-Cookie", "other=1; Path=/app".to_owned()),
                ("X-Served-By", inner("")),
                ("Content-Type", "text/plain".to_owned()),
            ];
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            http_response(302, &fields, b"")
        })
        .await;
        let response =
            harness.send(call(version, "/orders").headers(&[("Cookie", "lang=de; sid=1")]).anonymous()).await;
        let request = harness.back_end.requests().pop().unwrap();
        assert_eq!(request.values("cookie"), ["lang=de"]);
        assert_eq!(response.status(), 302);
        for (name, value) in [
            ("location", "/public/shop/cart?x=1"),
            ("content-location", "/public/shop/cart/7"),
            ("link", "</public/shop/a>; rel=\"next, last\", </public/shop/>; rel=top"),
            ("refresh", "5; URL='/public/shop/b'"),
            ("set-cookie", "cart=7; Path=/public/shop"),
            ("x-served-by", "https://api.example.com"),
        ] {
            assert_eq!(response.values(name), [value], "{name}");
        }
        assert!(!response.0.to_string().contains("localhost"), "{:?}", response.0);
    }
}

/// A servlet container that does not know yet whether the client takes cookies writes the session into its first redirect.
#[tokio::test]
async fn a_session_in_the_path_of_a_redirect_does_not_hide_its_route() {
    for (target, outside) in [
        ("/app;jsessionid=A1", "/public/shop"),
        ("https://localhost/app/orders;jsessionid=A1.node?x=1", "/public/shop/orders?x=1"),
        ("orders;JSESSIONID=A1", "orders"),
        ("https://elsewhere.example/x;jsessionid=A1", "https://elsewhere.example/x;jsessionid=A1"),
    ] {
        let harness = Harness::answering(move |_, _| http_response(302, &[("Location", target)], b"")).await;
        let response = harness.send(call(ApiVersion::Rest, "/orders").anonymous()).await;
        assert_eq!((response.status(), response.values("location")), (302, vec![outside]), "{target}");
    }
}

#[tokio::test]
async fn a_redirect_to_where_no_route_leads_is_told_as_such() {
    for target in ["/console", "http://localhost:9/app", "//localhost/admin"] {
        let harness = Harness::answering(move |_, _| http_response(302, &[("Location", target)], b"")).await;
        let response = harness.send(call(ApiVersion::Rest, "/orders").anonymous()).await;
        // Of this machine, each port is a system of its own.
        let elsewhere = target.contains(":9");
        assert_eq!(response.status(), if elsewhere { 302 } else { 502 }, "{target}");
        assert!(elsewhere || !response.0.to_string().contains(target), "{:?}", response.0);
    }
}
