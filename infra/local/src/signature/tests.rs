//! Requests that the signer of AWS has signed are verified, and refused if anything is changed.

use http::Request;
use proptest::prelude::*;

use super::*;
use crate::credentials;

const NOW: i64 = 1_800_000_000;

fn signed(by: &Credentials, path: &str, body: &[u8], at: i64) -> Parts {
    signed_for(by, &format!("http://127.0.0.1:4566{path}"), "DynamoDB_20120810.GetItem", body, at)
}

/// A request as the SDK sends it, signed by these credentials at that time.
pub(crate) fn signed_for(by: &Credentials, url: &str, target: &str, body: &[u8], at: i64) -> Parts {
    let request = Request::post(url).header("content-type", "application/x-amz-json-1.0");
    let mut request = request.header("x-amz-target", target).body(()).unwrap();
    let identity = by.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("dynamodb")
        .time(SystemTime::try_from(DateTime::from_secs(at)).unwrap())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let uri = request.uri().to_string();
    let signable = SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    let mut parts = request.into_parts().0;
    parts.headers.insert("host", parts.uri.authority().unwrap().as_str().parse().unwrap());
    parts.uri = parts.uri.path_and_query().unwrap().as_str().parse().unwrap();
    parts
}

fn verified(parts: &Parts, body: &[u8], by: &Credentials, now: i64) -> Result<(), Unsigned> {
    Signature::of(parts)?.verify(parts, body, by, now)
}

#[test]
fn what_the_sdk_signs_is_verified() {
    for by in [credentials::of_owner().unwrap(), credentials::of_role().unwrap()] {
        for path in ["/", "/2015-03-31/functions/TokenFunction/invocations", "/a?b=c&a=%20"] {
            let parts = signed(&by, path, b"{}", NOW);
            assert_eq!(Signature::of(&parts).unwrap().access_key_id, by.access_key_id());
            for now in [NOW, NOW + 300, NOW - 300] {
                assert_eq!(verified(&parts, b"{}", &by, now), Ok(()), "{path}");
            }
            assert_eq!(verified(&parts, b"{}", &by, NOW + 301), Err(Unsigned::Wrong));
            assert_eq!(verified(&parts, b"{}", &by, NOW - 301), Err(Unsigned::Wrong));
        }
    }
}

#[test]
fn nothing_of_a_signed_request_can_be_changed() {
    let by = credentials::of_role().unwrap();
    let change = |change: fn(&mut Parts)| {
        let mut parts = signed(&by, "/", b"{}", NOW);
        change(&mut parts);
        verified(&parts, b"{}", &by, NOW)
    };
    let insert = |parts: &mut Parts, name: &'static str, value: &str| {
        parts.headers.insert(name, value.parse().unwrap());
    };
    assert_eq!(change(|_| {}), Ok(()));
    for changed in [
        change(|parts| parts.method = http::Method::PUT),
        change(|parts| parts.uri = "/other".parse().unwrap()),
        change(|parts| parts.uri = "/?a=b".parse().unwrap()),
        change(|parts| drop(parts.headers.insert("x-amz-target", "DynamoDB_20120810.Scan".parse().unwrap()))),
        change(|parts| {
            parts.headers.append("x-amz-target", "DynamoDB_20120810.Scan".parse().unwrap());
        }),
        change(|parts| drop(parts.headers.insert("x-amz-more", "1".parse().unwrap()))),
        change(|parts| drop(parts.headers.insert("host", "evil.example:4566".parse().unwrap()))),
        change(|parts| drop(parts.headers.remove("x-amz-security-token"))),
        change(|parts| drop(parts.headers.insert("x-amz-security-token", "other".parse().unwrap()))),
    ] {
        assert_eq!(changed, Err(Unsigned::Wrong));
    }
    let mut parts = signed(&by, "/", b"{}", NOW);
    assert_eq!(verified(&parts, b"{ }", &by, NOW), Err(Unsigned::Wrong));
    assert_eq!(verified(&parts, b"{}", &credentials::of_role().unwrap(), NOW), Err(Unsigned::Wrong));
    insert(&mut parts, "x-amz-date", "20270115T080001Z");
    assert_eq!(verified(&parts, b"{}", &by, NOW), Err(Unsigned::Wrong));
}

#[test]
fn what_is_no_signature_is_told_from_a_wrong_one() {
    let by = credentials::of_owner().unwrap();
    let mut parts = signed(&by, "/", b"{}", NOW);
    let good = parts.headers["authorization"].to_str().unwrap().to_owned();
    for bad in [
        "Bearer eyJ0eXAiOiJhdCtqd3QifQ",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=AKIA/20270115/us-east-1/dynamodb/aws4_request",
        &good.replace("aws4_request", "aws3_request"),
        &good.replace("/us-east-1", ""),
        &good.replace("Signature=", "Sign="),
    ] {
        parts.headers.insert("authorization", bad.parse().unwrap());
        assert_eq!(verified(&parts, b"{}", &by, NOW), Err(Unsigned::Incomplete), "{bad}");
    }
    parts.headers.insert("authorization", good.parse().unwrap());
    for bad in
        ["", "2027-01-15T08:00:00Z", "20270115T080000", "20271315T080000Z", "20270115X080000Z", "20270115T080000Zé"]
    {
        parts.headers.insert("x-amz-date", http::HeaderValue::from_bytes(bad.as_bytes()).unwrap());
        assert_eq!(verified(&parts, b"{}", &by, NOW), Err(Unsigned::Incomplete), "{bad}");
    }
    parts.headers.remove("authorization");
    assert_eq!(verified(&parts, b"{}", &by, NOW), Err(Unsigned::Missing));
}

proptest! {
    #[test]
    fn no_text_in_authorization_is_a_signature(text in "(AWS4-HMAC-SHA256 )?[ -~]{0,200}") {
        let by = credentials::of_owner().unwrap();
        let mut parts = signed(&by, "/", b"{}", NOW);
        parts.headers.insert("authorization", text.parse().unwrap());
        let refused = verified(&parts, b"{}", &by, NOW).is_err();
        prop_assert!(refused);
    }
}
