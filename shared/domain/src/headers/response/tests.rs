//! Which of a back end's headers reach the app.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, COOKIE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use crate::headers::outside::tests::same;

use super::*;

const SECRET: &str = "s3cr3t/T0ken+Of~Alice";

fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    map
}

fn reserved() -> Reserved {
    Reserved {
        headers: ["X-Session".to_owned()].into_iter().collect(),
        cookies: ["LEGACYSESSID".to_owned()].into_iter().collect(),
    }
}

/// The cleaned headers when nothing was injected.
fn clean(received: &HeaderMap, reserved: &Reserved) -> HeaderMap {
    let (names, injected) = (IdentityHeaders::default(), Injected::default());
    clean_response(
        received,
        Cleaning {
            reserved,
            names: &names,
            injected: &injected,
            cookies: None,
            outside: Outside::same(&same("", "/")),
        },
    )
}

/// The cleaned headers when the secret was injected as the query parameter `sid`.
fn clean_of_query(fields: &[(&'static str, &str)]) -> HeaderMap {
    let injected = Injected::of(&[], &[("sid".to_owned(), SECRET.to_owned())]);
    let (names, reserved) = (IdentityHeaders::default(), Reserved::default());
    clean_response(
        &map(fields),
        Cleaning {
            reserved: &reserved,
            names: &names,
            injected: &injected,
            cookies: None,
            outside: Outside::same(&same("", "/")),
        },
    )
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Checklist H-09, H-10.
#[test]
fn ordinary_headers_pass_one_by_one() {
    let received = map(&[
        ("content-type", "text/plain"),
        ("set-cookie", "a=1; Path=/; Expires=Wed, 09 Jun 2021 10:18:14 GMT"),
        ("set-cookie", "b=2,c=3"),
        ("www-authenticate", "Basic realm=x"),
        ("location", "http://evil.test/?a=b;c&&d#e?f"),
        ("link", "</orders?page=2>; rel=\"next\", </orders>; rel=first"),
        ("refresh", "5; url=/orders;v=1?a"),
    ]);
    assert_eq!(clean(&received, &reserved()), received);
    assert_eq!(clean(&received, &Reserved::default()), received);
}

/// Checklist H-02.
#[test]
fn headers_of_the_connection_are_dropped() {
    let received = map(&[
        ("connection", "keep-alive, X-Hop"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("content-length", "3"),
        ("upgrade", "h2c"),
        ("x-hop", "1"),
        ("x-end", "2"),
    ]);
    assert_eq!(clean(&received, &reserved()), map(&[("x-end", "2")]));
}

/// Abuse case B8: the session by which the legacy system knows the user never reaches the app.
#[test]
fn the_connectors_own_session_never_reaches_the_app() {
    let received = map(&[
        ("set-cookie", "LEGACYSESSID=secret; HttpOnly"),
        ("set-cookie", " legacysessid =again"),
        ("set-cookie", "theme=dark"),
        ("x-session", "secret"),
        ("x.session", "secret"),
        ("set-cookie2", "LEGACYSESSID=secret; Version=1"),
    ]);
    let cleaned = clean(&received, &reserved());
    assert_eq!(values(&cleaned, "set-cookie"), ["theme=dark"]);
    assert_eq!(cleaned.len(), 1);
    assert_eq!(values(&clean(&received, &Reserved::default()), "set-cookie").len(), 3);
}

/// Abuse case B8.
#[test]
fn cookies_folded_into_one_header_are_told_apart() {
    for (folded, kept) in [
        ("a=1; Path=/, LEGACYSESSID=secret; HttpOnly", vec!["a=1; Path=/"]),
        ("LEGACYSESSID=secret; Expires=Wed, 09 Jun 2021 10:18:14 GMT, b=2", vec!["b=2"]),
        ("a=1,legacysessid =secret,b=2; Secure", vec!["a=1", "b=2; Secure"]),
        (
            "a=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT, LEGACYSESSID=x, LEGACYSESSID=y",
            vec!["a=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT"],
        ),
    ] {
        assert_eq!(values(&clean(&map(&[("set-cookie", folded)]), &reserved()), "set-cookie"), kept, "{folded}");
    }
}

/// Abuse case B10.
/// The gateway's own nonces are for its own endpoints, and a client keeps one for each server.
#[test]
fn no_back_end_gives_nonces_for_proofs() {
    let received = map(&[("dpop-nonce", "a"), ("DPoP_Nonce", "b"), ("x-nonce", "c")]);
    let names: Vec<_> = clean(&received, &Reserved::default()).keys().map(ToString::to_string).collect();
    assert_eq!(names, ["x-nonce"]);
}

#[test]
fn no_back_end_sets_a_cookie_of_the_gateway() {
    let received = map(&[
        ("set-cookie", "a=1"),
        ("set-cookie", "__host-Gateway-login=evil"),
        ("set-cookie", "b=2; Path=/, gateway-browser=evil; Path=/, c=3"),
    ]);
    assert_eq!(values(&clean(&received, &Reserved::default()), "set-cookie"), ["a=1", "b=2; Path=/", "c=3"]);
}

/// What is left where a session was removed names no host that was not there before.
#[test]
fn no_host_appears_where_a_session_was() {
    for reserved in [Reserved::default(), reserved()] {
        for location in [
            "/;jsessionid=1/evil.example/x",
            "/;jsessionid=x//evil.example",
            "/\t;jsessionid=1/evil.example",
            "/;LEGACYSESSID=1/evil.example",
        ] {
            for (name, value) in [
                ("location", location.to_owned()),
                ("content-location", location.to_owned()),
                ("refresh", format!("0; url={location}")),
                ("link", format!("<{location}>; rel=next")),
            ] {
                let cleaned = clean(&map(&[(name, &value)]), &reserved);
                let kept = values(&cleaned, name).concat();
                assert!(!kept.contains("//"), "{name}: {value} becomes {kept}");
            }
        }
    }
}

/// Abuse case B8: servlet containers put their session into references.
#[test]
fn references_lose_the_session_in_path_query_and_fragment() {
    for (location, kept) in [
        ("/orders;jsessionid=0A1B2C", "/orders"),
        ("https://back.test/a;JSESSIONID=x;v=1/b;legacysessid=y?q=1#top", "https://back.test/a;v=1/b?q=1#top"),
        ("/a?LEGACYSESSID=x&b=1", "/a?b=1"),
        ("/a?b=1;LEGACYSESSID=x", "/a?b=1"),
        ("/a?LEGACY%53ESSID=x", "/a"),
        ("/a#LEGACYSESSID=x", "/a"),
    ] {
        for name in ["location", "content-location"] {
            assert_eq!(values(&clean(&map(&[(name, location)]), &reserved()), name), [kept], "{location}");
        }
        let (link, refresh) = (format!("<{location}>; rel=next, </b>; rel=last"), format!("0;URL={location}"));
        let cleaned = clean(&map(&[("link", &link), ("refresh", &refresh)]), &reserved());
        assert_eq!(values(&cleaned, "link"), [format!("<{kept}>; rel=next, </b>; rel=last")]);
        assert_eq!(values(&cleaned, "refresh"), [format!("0;URL={kept}")]);
        let spaced = clean(&map(&[("refresh", &format!("5 url='{location}'"))]), &reserved());
        assert_eq!(values(&spaced, "refresh"), [format!("5 url='{kept}'")]);
        let bare = clean(&map(&[("refresh", &format!("5; {location}"))]), &reserved());
        assert_eq!(values(&bare, "refresh"), [format!("5; {kept}")]);
    }
}

/// Abuse case B8.
#[test]
fn a_redirect_with_the_query_it_got_loses_the_injected_parameter() {
    let encoded = percent(SECRET);
    for location in [
        format!("/orders/?a=1&sid={encoded}"),
        format!("/orders/?sid={encoded}&a=1"),
        format!("/orders/?SID=other&a=1&s%69d={encoded}"),
        format!("/orders/?a=1&next={encoded}"),
        format!("/orders/?a=1&next={}", percent(&format!("/x?sid={encoded}"))),
        format!("/orders/;sid={encoded}?a=1"),
        format!("/orders/?a=1#sid={encoded}"),
    ] {
        assert_eq!(values(&clean_of_query(&[("location", &location)]), "location"), ["/orders/?a=1"], "{location}");
    }
    assert!(clean_of_query(&[("location", &format!("/orders/{encoded}/x"))]).is_empty(), "nothing else helps");
}

/// Abuse case B8: in any header and any encoding.
#[test]
fn no_header_tells_what_was_injected() {
    let quoted = SECRET.replace('/', "\\/");
    let lower = percent(SECRET).replace("%2F", "%2f").replace("%7E", "~");
    for told in [
        SECRET.to_owned(),
        format!("before {SECRET} after"),
        percent(SECRET),
        percent(&percent(SECRET)),
        lower,
        format!("\"{quoted}\""),
        STANDARD.encode(SECRET),
        format!("Basic {}", STANDARD.encode(format!("a:{SECRET}"))),
        URL_SAFE_NO_PAD.encode(format!("{{\"t\":\"{SECRET}\"}}")),
        percent(&STANDARD.encode(format!("ab{SECRET}cd"))),
        STANDARD.encode(format!("https://back.test/x?sid={}", percent(SECRET))),
        format!("{{\"t\":\"{}\"}}", SECRET.replace('/', "\\u002F").replace('+', "\\u002b")),
        SECRET.to_ascii_uppercase(),
    ] {
        for name in ["x-debug", "warning", "etag", "www-authenticate", "set-cookie", "link", "x-amzn-remapped-via"] {
            assert!(clean_of_query(&[(name, &told)]).is_empty(), "{name}: {told}");
        }
    }
    let harmless = [("etag", "\"s3cr3t\""), ("server", "Apache"), ("set-cookie", "lang=de"), ("warning", "199 - x")];
    assert_eq!(clean_of_query(&harmless), map(&harmless));
}

#[test]
fn header_values_and_cookies_are_known_by_their_parts() {
    let header = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let injected = Injected::of(
        &[header(AUTHORIZATION, "Bearer abcdefgh12345"), header(COOKIE, "SID=alices; lang=de; token=qwertzuiop")],
        &[],
    );
    for told in ["abcdefgh12345", "Bearer abcdefgh12345", "x=alices;", "qwertzuiop", "/a/qwertzuiop2"] {
        assert!(injected.is_in(told.as_bytes()), "{told}");
    }
    for harmless in ["Bearer", "Bearer realm=\"x\"", "malices", "alices2", "de", "SID", "token"] {
        assert!(!injected.is_in(harmless.as_bytes()), "{harmless}");
    }
    assert!(!format!("{injected:?}").contains("abcdefgh"));
}

/// Abuse case B5.
#[test]
fn who_calls_is_not_told_to_the_app() {
    let names = IdentityHeaders { user_id: HeaderName::from_static("x-user"), ..IdentityHeaders::default() };
    let (reserved, injected) = (Reserved::default(), Injected::default());
    let received = map(&[
        ("x-authenticated-userid", "user-1"),
        ("x_authenticated.userid", "user-1"),
        ("x-consumer-id", "1"),
        ("x-credential-identifier", "demo"),
        ("x-user", "user-1"),
        ("x_user", "user-1"),
        ("x-own", "1"),
    ]);
    let cleaned = clean_response(
        &received,
        Cleaning {
            reserved: &reserved,
            names: &names,
            injected: &injected,
            cookies: None,
            outside: Outside::same(&same("", "/")),
        },
    );
    assert_eq!(cleaned, map(&[("x-own", "1")]));
}

/// Abuse case B8: PHP and Express decode the values of cookies before they print them.
#[test]
fn a_value_that_was_injected_encoded_is_known_decoded() {
    let header = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let injected = Injected::of(
        &[
            header(COOKIE, "sid=s%3Aabc%2Fdef.ghi%3D; quoted=\"qwertzuiop\""),
            header(AUTHORIZATION, "Token realm=\"orders\", token=\"yxcvbnm123\""),
        ],
        &[],
    );
    for told in ["s:abc/def.ghi=", "s%3Aabc%2Fdef.ghi%3D", "s%3aabc/def.ghi%3d", "a qwertzuiop", "yxcvbnm123"] {
        assert!(injected.is_in(told.as_bytes()), "{told}");
    }
    for harmless in ["/orders/7", "Token", "realm", "abc", "token=1"] {
        assert!(!injected.is_in(harmless.as_bytes()), "{harmless}");
    }
}

proptest! {
    /// Abuse case B8.
    #[test]
    fn an_injected_value_is_found_wherever_it_is_encoded(
        secret in "[!-:<-~]{8,40}", before in "[ -~]{0,6}", after in "[ -~]{0,6}", way in 0..5,
    ) {
        let injected = Injected::of(&[], &[("sid".to_owned(), secret.clone())]);
        let text = format!("{before}{secret}{after}");
        let told = match way {
            0 => text,
            1 => percent(&text),
            2 => STANDARD.encode(text),
            3 => URL_SAFE_NO_PAD.encode(text),
            _ => percent(&percent(&text)),
        };
        prop_assert!(injected.is_in(told.as_bytes()), "{}", told);
    }
}

#[test]
fn of_cookies_that_are_listed_no_others_reach_the_app() {
    let (names, injected) = (IdentityHeaders::default(), Injected::default());
    let listed = BTreeSet::from(["lang".to_owned(), "LEGACYSESSID".to_owned()]);
    let received = map(&[
        ("set-cookie", "lang=de; Path=/"),
        ("set-cookie", "cart=7, lang=fr"),
        ("set-cookie", "LEGACYSESSID=x"),
        ("set-cookie", "Lang=it"),
    ]);
    let (reserved, urls) = (reserved(), same("", "/"));
    let cleaning = Cleaning {
        reserved: &reserved,
        names: &names,
        injected: &injected,
        cookies: Some(&listed),
        outside: Outside::same(&urls),
    };
    assert_eq!(values(&clean_response(&received, cleaning), "set-cookie"), ["lang=de; Path=/", "lang=fr"]);
}
