//! Tests of back ends that share their origin with the gateway's pages, as browsers see it.

use super::events::{BOTH, Event, Response};
use super::harness::Harness;
use super::recording_server::http_response;

const PAGE: [(&str, &str); 3] =
    [("Content-Type", "text/html"), ("Content-Security-Policy", "img-src *"), ("Clear-Site-Data", "\"*\"")];

/// The policies of a response, however the kind of API joins them.
fn policies(response: &Response) -> Vec<String> {
    let values = response.values("content-security-policy").into_iter();
    values.flat_map(|value| value.split(", ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Abuse case B9.
#[tokio::test]
async fn a_page_of_a_back_end_is_shown_in_an_origin_of_its_own() {
    for version in BOTH {
        let harness = Harness::answering(|_, _| http_response(200, &PAGE, b"<script></script>")).await;
        let calls = [
            Event::new(version, "GET", "/orders").by(harness.alice(b"alices")),
            Event::new(version, "GET", "/public/plain").anonymous(),
        ];
        for call in calls {
            let response = harness.send(call).await;
            assert_eq!(policies(&response), ["img-src *", "sandbox"]);
            assert_eq!(response.values("x-content-type-options"), ["nosniff"]);
            assert!(response.values("clear-site-data").is_empty());
        }
    }
}

/// Abuse case B9.
#[tokio::test]
async fn a_body_without_a_type_is_not_guessed_to_be_a_page() {
    let harness = Harness::answering(|_, _| http_response(200, &[], b"<script></script>")).await;
    let response = harness.send(Event::new(BOTH[0], "GET", "/public/plain").anonymous()).await;
    assert_eq!(response.values("content-type"), ["application/octet-stream"]);
    assert_eq!(response.values("x-content-type-options"), ["nosniff"]);
}

#[tokio::test]
async fn pages_that_the_configuration_trusts_are_left_as_they_are() {
    for version in BOTH {
        let harness = Harness::answering(|_, _| http_response(200, &PAGE, b"<script></script>")).await;
        let response = harness.send(Event::new(version, "GET", "/public/trusted").anonymous()).await;
        assert_eq!(policies(&response), ["img-src *"]);
        assert!(response.values("x-content-type-options").is_empty());
    }
}

/// Abuse case B10: also where the back end's pages are trusted, and where it may set cookies of its own.
#[tokio::test]
async fn no_back_end_gets_or_sets_a_cookie_of_the_gateway() {
    for version in BOTH {
        let harness = Harness::answering(|_, _| {
            let cookies = [
                ("Set-Cookie", "theme=dark"),
                ("Set-Cookie", "__Host-gateway-login=evil; Path=/; Secure"),
                ("Set-Cookie", "a=1; Path=/, GATEWAY-browser=evil"),
                ("Set-Cookie", "=gateway-login=evil"),
            ];
            http_response(200, &cookies, b"")
        })
        .await;
        for path in ["/public/plain", "/public/trusted"] {
            let sent = [("Cookie", "theme=light; __Host-gateway-login=secret; gateway-browser=secret; b=2")];
            let response = harness.send(Event::new(version, "GET", path).headers(&sent).anonymous()).await;
            assert_eq!(response.values("set-cookie"), ["theme=dark", "a=1; Path=/"], "{path}");
        }
        for request in harness.back_end.requests() {
            assert_eq!(request.values("cookie"), ["theme=light; b=2"]);
        }
    }
}
