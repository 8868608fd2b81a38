//! Tests of which paths are accepted, and in which form.

use http::uri::{Authority, Scheme};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization as _;

use super::*;

fn refused(raw: &str) -> PathRefused {
    CheckedPath::parse(raw).expect_err(raw)
}

fn canonical(raw: &str) -> String {
    CheckedPath::parse(raw).expect(raw).as_str().to_owned()
}

#[test]
fn ordinary_paths_are_accepted_and_kept_as_they_are() {
    for raw in ["/", "/v1/accounts", "/v1/accounts/", "/orders/7", "/a%20b/c%C3%A9", "/a.b/..c/...", "/a:b@c,d=e+f!"] {
        assert_eq!(canonical(raw), raw);
    }
}

/// RFC 3986 §6.2.2.1, §6.2.2.2.
#[test]
fn spellings_of_one_path_have_one_form() {
    for (raw, one) in [
        ("/orders/%65xport", "/orders/export"),
        ("/orders/%65%78%70%6f%72%74", "/orders/export"),
        ("/%6Frders/%7e%2D%5f%2e%30", "/orders/~-_.0"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a%3ab%2ac", "/a%3Ab%2Ac"),
        ("/%7Bid%7d", "/%7Bid%7D"),
    ] {
        assert_eq!(canonical(raw), one);
    }
    let path = CheckedPath::parse("/orders/%65xport/caf%c3%a9").unwrap();
    let respelled: Vec<bool> = path.segments().iter().map(Segment::is_respelled).collect();
    assert_eq!(respelled, [false, true, false], "the case of digits says nothing");
    assert_eq!(path.segments().iter().map(Segment::decoded).collect::<Vec<_>>(), ["orders", "export", "café"]);
}

#[test]
fn segments_are_what_is_between_slashes() {
    let path = CheckedPath::parse("/orders/a%20b/").unwrap();
    assert_eq!(path.segments().iter().map(Segment::as_str).collect::<Vec<_>>(), ["orders", "a%20b", ""]);
}

/// Abuse case A2; checklist H-13.
#[test]
fn dot_segments_are_refused_plain_and_encoded() {
    for raw in ["/public/%2e%2e/v1/accounts", "/v1/orders/../accounts", "/v1/.", "/%2E./a", "/.%2e", "/./a"] {
        assert_eq!(refused(raw), PathRefused::DotSegment, "{raw}");
    }
}

/// Abuse case A3; checklist H-13.
#[test]
fn encoded_separators_and_controls_are_refused() {
    for raw in ["/v1%2faccounts", "/v1%2Faccounts", "/v1%5caccounts", "/a%00", "/a%0d%0ab", "/a%7f", "/a%C2%85"] {
        assert_eq!(refused(raw), PathRefused::EncodedCharacter, "{raw}");
    }
}

/// Abuse case A3; checklist H-13: a second or later decoding must reveal nothing.
#[test]
fn a_percent_encoding_of_a_percent_encoding_is_refused() {
    for raw in [
        "/a%252fb",
        "/%252E.",
        "/a%25%32%66b",
        "/a%2525252fb",
        "/%25252e",
        "/orders/%2565xport",
        "/orders/%25%36%35xport",
        "/a%25u0065",
        "/a%25U002fx",
        "/a%25ff",
    ] {
        assert_eq!(refused(raw), PathRefused::EncodedTwice, "{raw}");
    }
    for raw in [
        "/sale/100%25",
        "/sale/100%25%20off",
        "/sale/50%25-",
        "/a%25b",
        "/a%25%25",
        "/50%25%C3%A9",
        "/50%25under",
        "/a%25u006",
    ] {
        assert!(CheckedPath::parse(raw).is_ok(), "{raw}");
    }
}

#[test]
fn encoded_bytes_that_are_not_utf8_are_refused() {
    for raw in ["/a%c0%af", "/%ff", "/a%C0%AE%C0%AE", "/%e0%80%af", "/caf%E9", "/%C3", "/%ED%A0%80", "/%F4%90%80%80"] {
        assert_eq!(refused(raw), PathRefused::NotUtf8, "{raw}");
    }
}

/// Abuse cases A4, C3; checklist H-13.
#[test]
fn repeated_slashes_are_refused() {
    for raw in ["//v1/accounts", "/v1//accounts", "//evil.test/x", "///evil.test", "/a//"] {
        assert_eq!(refused(raw), PathRefused::EmptySegment, "{raw}");
    }
}

/// Abuse case C3.
#[test]
fn backslashes_semicolons_controls_and_foreign_characters_are_refused() {
    for raw in ["/\\evil.test/x", "/a;b=1", "/a b", "/a\tb", "/caf\u{e9}", "/a?b", "/a#b", "/a\"", "/{a}", "/a\0"] {
        assert_eq!(refused(raw), PathRefused::Character, "{raw}");
    }
    assert_eq!(refused("/orders/*"), PathRefused::Asterisk);
}

/// Abuse cases C3, C4.
#[test]
fn anything_that_does_not_start_with_a_slash_is_refused() {
    let foreign = ["", "@evil.test/x", ".evil.test/x", ":443@evil.test/x", "%40evil.test", "\\\\evil.test\\x"];
    for raw in foreign.into_iter().chain(["\t//evil.test/x", "http://evil.test/", "*"]) {
        assert_eq!(refused(raw), PathRefused::NotAbsolute, "{raw}");
    }
}

#[test]
fn malformed_percent_encodings_are_refused() {
    for raw in ["/a%", "/a%4", "/a%zz", "/%2/x", "/a%u0065", "/a%25%"] {
        assert_eq!(refused(raw), PathRefused::Malformed, "{raw}");
    }
}

#[test]
fn a_path_longer_than_its_bound_is_refused() {
    let path = |length: usize| format!("/{}", "a".repeat(length - 1));
    assert!(CheckedPath::parse(&path(MAX_PATH_BYTES)).is_ok());
    assert_eq!(refused(&path(MAX_PATH_BYTES + 1)), PathRefused::TooLong);
}

#[test]
fn a_lax_reader_takes_many_texts_for_one_literal() {
    for text in [
        "export",
        "EXPORT",
        "Export.",
        "export. . ",
        " export",
        "export+",
        "export\u{a0}",
        "export\u{3000}.",
        "export::$DATA",
        "export:$I30:$INDEX_ALLOCATION",
        "export.::$data",
        "export;v=1",
        "export.json",
        "EXPORT.tar.gz",
        "export?a",
        "export#b",
        "\u{ff45}xport",
        "\u{ff25}\u{ff38}PORT",
        "e\u{301}xport",
        "\u{e9}xport",
        "ex\u{200b}port",
        "ex\u{ad}port",
        "EXPORT~1",
        "EX1A2B~2.CSV",
        "export!delete",
        "\u{3b5}xport",
        "\u{395}XPORT",
        "expor\u{167}",
    ] {
        let readings = Readings::lax(text).expect(text);
        assert!(readings.are(&loose("export")), "{text}: {readings:?}");
        assert_eq!(Readings::exact(text).are("export"), text == "export", "{text}");
    }
    for text in ["exports", "xport", "re-export", "export-2", "export_", "7", "~1", "import~1", "1export", ".export"] {
        assert!(!Readings::lax(text).expect(text).are(&loose("export")), "{text}");
    }
    assert!(Readings::lax("Ping\u{131}").unwrap().are(&loose("pingi")), "the dotless i is an I in upper case");
}

#[test]
fn a_lax_reader_may_see_no_segment_or_several() {
    for text in [
        "...",
        " ",
        ". .",
        "+",
        "\u{200b}",
        "a\u{ff0f}b",
        "a\u{ff3c}b",
        "a\u{2215}b",
        "\u{2100}",
        "\u{a5}",
        "..;",
        "..::$DATA",
        ";a",
        "..?",
    ] {
        assert_eq!(Readings::lax(text), None, "{text:?}");
    }
    for text in ["", "a b", "100%", "½", "#1", ":a", "~", "日本"] {
        assert!(Readings::lax(text).is_some(), "{text:?}");
    }
}

#[test]
fn formats_are_told_from_names_that_have_a_dot() {
    for (literal, stem) in [("export.json", "export"), ("export.tar.xml", "export.tar"), ("a.b.csv", "a.b")] {
        assert_eq!(without_format(literal), stem);
    }
    for name in ["export", "export.", "orders.aspx", "users.list", "v1.2", ".json", "json", "export.json.", ""] {
        assert_eq!(without_format(name), name);
    }
}

/// The form is the same for a text in upper case and in lower case, so the order of case folding does not matter.
#[test]
fn the_loose_form_has_no_case() {
    for character in ('\u{80}'..='\u{1ffff}').filter(|character| !character.is_control()) {
        let one = loose(&character.to_string());
        let cases: [String; 2] = [character.to_uppercase().collect(), character.to_lowercase().collect()];
        for other in cases {
            // The iota below (U+0345) is a mark in lower case and a letter in upper case.
            let is_iota = character == '\u{345}' || character.to_string().nfd().any(|part| part == '\u{345}');
            assert!(is_iota || loose(&other) == one, "{character:?} {:x} {other:?}", u32::from(character));
        }
        assert_eq!(loose(&one), one, "{character:?}");
    }
    assert_eq!(loose("STRA\u{1e9e}E"), loose("stra\u{df}e"));
}

/// The work of reading a value does not grow with the number of its cuts, so a long value costs little.
#[test]
fn a_long_value_is_read_at_once() {
    let text = ".:!".repeat(MAX_PATH_BYTES / 3);
    assert!(Readings::lax(&format!("a{text}")).is_some_and(|readings| readings.are("a") && !readings.are("b")));
}

fn path_like() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-a-z0-9%/.:@!,=~ ;\\\\?#]{0,24}",
        "(/[a-z0-9.:@]{1,6}){1,4}/?",
        "(/(%[0-9a-fA-F]{2}|a){1,6}){1,3}"
    ]
}

proptest! {
    /// Abuse cases C3, C4: an accepted path cannot change the configured host.
    #[test]
    fn an_accepted_path_keeps_the_authority_and_is_sent_as_it_was_decided(raw in path_like()) {
        if let Ok(path) = CheckedPath::parse(&raw) {
            let authority = Authority::from_static("backend.test:8080");
            let uri = path.on(Scheme::HTTP, authority, "").unwrap();
            prop_assert_eq!(uri.authority().unwrap().as_str(), "backend.test:8080");
            prop_assert_eq!(uri.path(), path.as_str());
            prop_assert_eq!(uri.query(), None);
        }
    }

    /// RFC 3986 §6.2.2: the canonical form is stable and stands for the same text.
    #[test]
    fn the_canonical_form_is_canonical(raw in path_like()) {
        if let Ok(path) = CheckedPath::parse(&raw) {
            let again = CheckedPath::parse(path.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), path.as_str());
            prop_assert!(again.segments().iter().all(|segment| !segment.is_respelled()));
            let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
            prop_assert_eq!(decoded(&raw), decoded(path.as_str()));
            // A second decoding changes nothing.
            let once = String::from_utf8(decoded(&raw)).unwrap();
            prop_assert_eq!(decoded(&once), once.as_bytes());
        }
    }
}
