use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::call_context::Admitted;
use crate::outbox::OutboxEvent;
use crate::path::{CheckedPath, PathRefused, Segment};
use crate::renewal::RenewalEvent;

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn read(event: Value) -> ApiRequest {
    ApiRequest::from_value(event).unwrap()
}

fn with(name: &str, field: &str, value: Value) -> Value {
    let mut event = sample(name);
    event[field] = value;
    event
}

#[test]
fn every_sample_event_is_read_and_those_behind_the_authorizer_have_an_identity() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("renewal") {
            assert!(RenewalEvent::parse(&sample(&name)).is_some(), "{name}");
            continue;
        }
        if name.starts_with("outbox") {
            assert!(OutboxEvent::parse(&sample(&name)).is_some(), "{name}");
            continue;
        }
        if ["usage.json", "events-user.json"].contains(&name.as_str()) {
            continue;
        }
        let request = read(sample(&name));
        let expected = if name.contains("-http") { ApiVersion::Http } else { ApiVersion::Rest };
        assert_eq!(request.version, expected, "{name}");
        assert_eq!(request.source_ip.as_deref(), Some("203.0.113.17"), "{name}");
        assert_eq!(request.stage_variables["issuer"], "https://api.example.com", "{name}");
        assert_eq!(request.domain_name.as_deref(), Some("api.example.com"), "{name}");
        assert_eq!(request.method_arn.is_some(), name.starts_with("authorizer"), "{name}");
        if name.starts_with("proxy") && !name.contains("public") {
            assert_eq!(Admitted::from_event(&request).unwrap().app.as_str(), "demo-app", "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 6, "{seen} samples");
}

/// Checklist H-12.
#[test]
fn repeated_headers_keep_all_values_in_order_and_names_have_no_case() {
    let request = read(sample("proxy-rest.json"));
    assert_eq!(request.header_values("ACCEPT").collect::<Vec<_>>(), ["application/json", "text/plain;q=0.5"]);
    assert_eq!(request.header("accept"), Err(Repeated));
    assert_eq!(request.header("hOST"), Ok(Some("api.example.com")));
    assert_eq!(request.header("x-none"), Ok(None));
}

#[test]
fn decoded_and_raw_queries_are_kept_as_the_event_tells_them() {
    let Query::Decoded(pairs) = read(sample("proxy-rest.json")).query else { panic!() };
    let tags: Vec<_> = pairs.iter().filter(|(name, _)| name == "tag").map(|(_, value)| value.as_str()).collect();
    assert_eq!(tags, ["a b", "ü"]);
    let Query::Raw(raw) = read(sample("proxy-http.json")).query else { panic!() };
    assert_eq!(raw, "status=open&tag=a%20b&tag=%C3%BC");
    let only_single = with("proxy-rest.json", "multiValueQueryStringParameters", Value::Null);
    let Query::Decoded(pairs) = read(only_single).query else { panic!() };
    assert!(pairs.contains(&("tag".to_owned(), "ü".to_owned())));
}

/// Abuse case B6.
#[test]
fn header_maps_that_disagree_are_refused() {
    let conflicting = [
        json!({ "X-Authenticated-Userid": "a" }),
        json!({ "x-authenticated-userid": "b", "X-Authenticated-Userid": "a" }),
        json!({ "Authorization": "Bearer other" }),
        json!({ "X-Only-Here": "a" }),
    ];
    for single in conflicting {
        let mut event = sample("proxy-rest.json");
        event["headers"] = single.clone();
        event["multiValueHeaders"] = json!({ "x-authenticated-userid": ["b", "c"], "authorization": ["Bearer t"] });
        let error = ApiRequest::from_value(event).unwrap_err();
        assert_eq!(error, EventError::ConflictingHeaders, "{single}");
        assert_eq!(error.status(), Some(400));
    }
}

/// The valid counterpart of abuse case B6: both maps agree, or one or both are absent.
#[test]
fn header_maps_that_agree_or_are_missing_are_read() {
    let event = sample("proxy-rest.json");
    let both = read(event.clone());
    let mut multiple_only = event.clone();
    multiple_only["headers"] = Value::Null;
    assert_eq!(read(multiple_only).headers, both.headers);
    for absent in [Value::Null, json!({})] {
        let mut single_only = event.clone();
        single_only["multiValueHeaders"] = absent;
        assert_eq!(read(single_only).header("Host"), Ok(Some("api.example.com")));
    }
    let mut none = event;
    none.as_object_mut().unwrap().retain(|name, _| !name.to_lowercase().contains("headers"));
    assert!(read(none).headers.is_empty());
}

#[test]
fn cookies_of_an_http_api_become_one_header_again() {
    let request = read(sample("proxy-http.json"));
    assert_eq!(request.header("Cookie"), Ok(Some("theme=dark; lang=de")));
}

#[test]
fn the_stage_is_no_part_of_an_http_apis_path() {
    for (stage, raw, path) in [
        ("live", "/live/orders", "/orders"),
        ("live", "/live", "/"),
        ("live", "/lively/orders", "/lively/orders"),
        ("$default", "/live/orders", "/live/orders"),
        ("live", "//live/orders", "//live/orders"),
    ] {
        let mut event = with("proxy-http.json", "rawPath", json!(raw));
        event["requestContext"]["stage"] = json!(stage);
        assert_eq!(read(event).path, path, "{stage} {raw}");
    }
}

fn http_path(raw: &str) -> String {
    read(with("proxy-http.json", "rawPath", json!(raw))).path
}

#[test]
fn what_an_http_api_has_decoded_is_encoded_again() {
    for (raw, path) in [
        ("/caf\u{e9}/\u{65e5}", "/caf%C3%A9/%E6%97%A5"),
        ("/a b", "/a%20b"),
        ("/a?b#c", "/a%3Fb%23c"),
        ("/{id}\"<>[]^`|", "/%7Bid%7D%22%3C%3E%5B%5D%5E%60%7C"),
        ("/a;v=1/*", "/a%3Bv=1/%2A"),
        ("/a:b@c,d=e+f!g$h&i'j(k)-._~", "/a:b@c,d=e+f!g$h&i'j(k)-._~"),
        ("/100%25/a%252Fb", "/100%25/a%252Fb"),
        ("/100%/a%2Fb%zz%", "/100%25/a%252Fb%25zz%25"),
    ] {
        assert_eq!(http_path(raw), path, "{raw}");
    }
}

/// Abuse cases A2, A3: what is refused of a REST API is refused of an HTTP API that has decoded it.
#[test]
fn a_decoded_path_that_two_readers_could_split_differently_is_refused() {
    for (raw, refused) in [
        ("/a/../b", PathRefused::DotSegment),
        ("/a//b", PathRefused::EmptySegment),
        ("/a\\b", PathRefused::EncodedCharacter),
        ("/a\0", PathRefused::EncodedCharacter),
        ("/a\r\nb", PathRefused::EncodedCharacter),
        ("/a%252Fb", PathRefused::EncodedTwice),
        ("/a%2e%2e/b", PathRefused::EncodedTwice),
        ("/a\u{fffd}", PathRefused::Character),
    ] {
        assert_eq!(CheckedPath::parse(&http_path(raw)), Err(refused), "{raw:?}");
    }
}

/// Checklist H-13.
#[test]
fn the_path_of_a_rest_api_is_not_touched() {
    for raw in ["/a/%2e%2e/b", "//a", "/a%2Fb", "/ä", "a", "/live/orders"] {
        assert_eq!(read(with("proxy-rest.json", "path", json!(raw))).path, raw);
    }
}

#[test]
fn a_body_is_decoded_when_it_says_so() {
    let request = read(sample("proxy-rest-post.json"));
    assert_eq!(request.body, r#"{"item":"Tee & Büsche","quantity":2}"#);
    let mut text = sample("proxy-rest-post.json");
    text["isBase64Encoded"] = Value::Null;
    text["body"] = json!("plain ü");
    assert_eq!(read(text.clone()).body, "plain ü");
    text["isBase64Encoded"] = json!(true);
    assert_eq!(ApiRequest::from_value(text), Err(EventError::BodyNotBase64));
}

#[test]
fn a_body_over_the_limit_is_refused_plain_and_encoded() {
    let text = |length| json!("A".repeat(length));
    let over = with("proxy-rest.json", "body", text(MAX_BODY_BYTES + 1));
    assert_eq!(ApiRequest::from_value(over).unwrap_err().status(), Some(413));
    let full = with("proxy-rest.json", "body", text(MAX_BODY_BYTES));
    assert_eq!(read(full).body.len(), MAX_BODY_BYTES);
    let mut encoded = with("proxy-rest.json", "body", text(MAX_BODY_BYTES / 3 * 4 + 4));
    encoded["isBase64Encoded"] = json!(true);
    assert_eq!(ApiRequest::from_value(encoded), Err(EventError::BodyTooLarge));
}

#[test]
fn an_unknown_shape_is_an_error_that_names_what_was_expected() {
    for other in [json!({}), json!([]), json!(null), json!("x"), json!({ "version": "3.0" }), json!({ "Records": [] })]
    {
        let error = ApiRequest::from_value(other).unwrap_err();
        assert_eq!(error.status(), None);
        assert!(error.to_string().contains("expected an API Gateway"), "{error}");
    }
    assert!(ApiRequest::parse(b"{").is_err());
    assert!(ApiRequest::parse(b"\xff").is_err());
}

#[test]
fn a_missing_or_mistyped_field_is_named() {
    for (name, field) in
        [("proxy-rest.json", "path"), ("proxy-rest.json", "requestContext"), ("proxy-http.json", "rawPath")]
    {
        for nothing in [Value::Null, json!("")] {
            let error = ApiRequest::from_value(with(name, field, nothing)).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
    for (field, wrong) in [
        ("headers", json!([])),
        ("headers", json!({ "a": 1 })),
        ("multiValueHeaders", json!({ "a": "b" })),
        ("body", json!({})),
        ("isBase64Encoded", json!("true")),
        ("stageVariables", json!({ "issuer": ["x"] })),
    ] {
        let error = ApiRequest::from_value(with("proxy-rest.json", field, wrong)).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn a_rest_event_marked_version_1_is_read_too() {
    assert_eq!(read(with("proxy-rest.json", "version", json!("1.0"))).version, ApiVersion::Rest);
}

/// Abuse case I1: the debug text of a request, if logged by accident, holds no header, query or body.
#[test]
fn the_debug_text_of_a_request_holds_no_secret() {
    let text = format!("{:?}", read(sample("token-rest.json")));
    assert!(!text.contains("horse") && !text.contains("Host"), "{text}");
}

/// Checklist H-09.
#[test]
fn a_response_keeps_repeated_headers_in_both_versions() {
    let response = ApiResponse::new(200)
        .header("Set-Cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("Vary", "Accept")
        .header("vary", "Origin")
        .with_body("hello");
    assert_eq!(
        response.clone().into_value(ApiVersion::Rest),
        json!({
            "statusCode": 200,
            "multiValueHeaders": { "Set-Cookie": ["a=1", "b=2"], "Vary": ["Accept", "Origin"] },
            "body": "hello",
            "isBase64Encoded": false
        })
    );
    assert_eq!(
        response.into_value(ApiVersion::Http),
        json!({
            "statusCode": 200,
            "headers": { "Vary": "Accept, Origin" },
            "cookies": ["a=1", "b=2"],
            "body": "hello",
            "isBase64Encoded": false
        })
    );
}

#[test]
fn a_body_that_is_no_text_travels_as_base64() {
    let response = ApiResponse::new(200).with_body(vec![0xff, 0x00]).into_value(ApiVersion::Rest);
    assert_eq!((&response["body"], &response["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!("2.0")),
    ];
    let name = prop_oneof!["[a-z]{1,3}", Just("http".to_owned()), Just("lambda".to_owned()), Just("stage".to_owned())];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// The path as an HTTP API hands it on: every encoding is decoded but that of the percent sign.
fn decoded_by_api_gateway(path: &str) -> String {
    let kept = path.replace("%25", "%2525");
    percent_encoding::percent_decode_str(&kept).decode_utf8_lossy().into_owned()
}

proptest! {
    /// Whatever is accepted of a REST API means the same at an HTTP API.
    #[test]
    fn a_path_keeps_its_meaning_when_it_is_decoded_and_encoded_again(
        raw in "(/([a-z0-9.:@!,=~+-]|%[2-7][0-9A-F]|%C3%A9|%EF%BC%8F){1,6}){1,4}/?",
    ) {
        if let Ok(path) = CheckedPath::parse(&raw) {
            let again = CheckedPath::parse(&http_path(&decoded_by_api_gateway(&raw)));
            let texts = |path: &CheckedPath| -> Vec<String> {
                path.segments().iter().map(Segment::decoded).map(str::to_owned).collect()
            };
            prop_assert_eq!(again.as_ref().map(texts), Ok(texts(&path)), "{}", raw);
        }
    }

    #[test]
    fn no_text_and_no_json_makes_the_reader_panic(text in ".{0,64}", value in json_value()) {
        let _ = ApiRequest::parse(text.as_bytes());
        let _ = ApiRequest::from_value(value);
    }

    #[test]
    fn no_value_of_any_field_makes_the_reader_panic(
        name in prop::sample::select(vec!["proxy-rest.json", "proxy-http.json", "authorizer-rest.json"]),
        which in any::<prop::sample::Index>(),
        value in json_value(),
    ) {
        let mut event = sample(name);
        let fields: Vec<String> = event.as_object().unwrap().keys().cloned().collect();
        event[which.get(&fields).as_str()] = value;
        if let Ok(request) = ApiRequest::from_value(event) {
            let _ = Admitted::from_event(&request);
        }
    }
}
