use super::*;
use proptest::prelude::*;

fn canonical(text: &str) -> String {
    Address::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}")).to_string()
}

#[test]
fn every_spelling_of_an_address_is_one_address() {
    for (address, spellings) in [
        (
            "ada@example.com",
            &[
                "Ada@Example.COM",
                " ada@example.com\t",
                "ada@example.com.",
                "ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
                "ada@example。com",
                "ADA@EXAMPLE.COM.",
            ][..],
        ),
        ("jos\u{e9}@example.com", &["jose\u{301}@example.com", "JOSÉ@example.com", "JOSE\u{301}@example.com"]),
        (
            "ada@xn--mller-kva.de",
            &[
                "ada@müller.de",
                "ada@mu\u{308}ller.de",
                "ada@MÜLLER.de",
                "ada@XN--MLLER-KVA.de",
                "ada@xn--mller-kva.de.",
            ],
        ),
        ("ida@example.com", &["ıda@example.com", "İda@example.com", "i\u{307}da@example.com", "IDA@example.com"]),
        (
            "strasse@example.com",
            &["straße@example.com", "STRASSE@example.com", "STRAẞE@example.com", "ſtraße@example.com"],
        ),
        ("k@example.com", &["\u{212a}@example.com", "K@example.com"]),
        ("γιωργοσ@example.com", &["ΓΙΩΡΓΟΣ@example.com", "γιωργος@example.com"]),
        ("ada+b_c!@a-b.example", &["ADA+b_c!@A-B.example"]),
    ] {
        for spelling in spellings.iter().chain([&address]) {
            assert_eq!(canonical(spelling), address, "{spelling:?}");
        }
    }
}

#[test]
fn addresses_that_differ_stay_apart() {
    for (one, other) in [
        ("ada@example.com", "ada+x@example.com"),
        ("ada@example.com", "a.da@example.com"),
        ("jose@example.com", "josé@example.com"),
        ("ada@müller.de", "ada@muller.de"),
        ("ada@straße.de", "ada@strasse.de"),
        ("ada@example.com", "ada@example.org"),
    ] {
        assert_ne!(canonical(one), canonical(other));
    }
}

#[test]
fn what_is_no_address_is_told() {
    use InvalidAddress::{Domain, Invisible, Long, Name, Shape};
    for (text, error) in [
        ("", Shape),
        ("ada", Shape),
        ("@example.com", Shape),
        ("ada@", Shape),
        ("a@b@example.com", Shape),
        ("＠example.com", Shape),
        ("<ada@example.com>", Name),
        ("Ada <ada@example.com>", Name),
        ("\"ada\"@example.com", Name),
        ("ada(home)@example.com", Name),
        ("mailto:ada@example.com", Name),
        ("a da@example.com", Name),
        ("a\u{a0}da@example.com", Name),
        ("a,b@example.com", Name),
        (".ada@example.com", Name),
        ("ada.@example.com", Name),
        ("a..da@example.com", Name),
        ("\u{301}ada@example.com", Name),
        ("🐟@example.com", Name),
        ("ada@example.com>", Domain),
        ("ada@[192.0.2.1]", Domain),
        ("ada@example..com", Domain),
        ("ada@example.com..", Domain),
        ("ada@.example.com", Domain),
        ("ada@.", Domain),
        ("ada@-a.example", Domain),
        ("ada@a_b.example", Domain),
        ("ada@exam ple.com", Domain),
        ("ada@xn--a.example", Domain),
        ("ada@example.com,bob", Domain),
        ("a\u{200b}da@example.com", Invisible('\u{200b}')),
        ("ada@exam\u{ad}ple.com", Invisible('\u{ad}')),
        ("\u{feff}ada@example.com", Invisible('\u{feff}')),
        ("a\u{202e}da@example.com", Invisible('\u{202e}')),
        ("ada\u{fe0f}@example.com", Invisible('\u{fe0f}')),
        ("ada\u{3164}@example.com", Invisible('\u{3164}')),
        ("a\nda@example.com", Invisible('\n')),
        ("a\0da@example.com", Invisible('\0')),
        (&format!("{}@example.com", "a".repeat(65)), Long),
        (&format!("ada@{}com", "abc.".repeat(62)), Long),
        (&"a".repeat(2_000), Long),
    ] {
        assert_eq!(Address::parse(text), Err(error), "{text:?}");
        assert!(error.to_string().contains("e-mail"));
    }
}

/// An address is stored as a text, and reading it checks it as [`Address::parse`] does.
#[test]
fn a_stored_text_is_read_as_an_address_or_not_at_all() {
    let read = serde_json::from_str::<Address>("\" Ada@Example.COM.\"").unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), "\"ada@example.com\"");
    for text in ["\"ada\"", "\"\"", "\"a\u{200b}da@example.com\"", "7"] {
        assert!(serde_json::from_str::<Address>(text).is_err(), "{text}");
    }
}

#[test]
fn a_name_at_a_back_end_keeps_its_letters() {
    assert_eq!(name_at_a_back_end(" EXAMPLE\\Jose\u{301} Ruiz ").as_deref(), Ok("EXAMPLE\\José Ruiz"));
    for bad in ["", "  ", "a\nb", "a\u{200b}b", "\u{202e}a", &"x".repeat(257)] {
        assert_eq!(name_at_a_back_end(bad), Err(InvalidName), "{bad:?}");
    }
}

proptest! {
    /// The canonical form of an address is an address and its own canonical form. So is the canonical form of each spelling
    /// that a keyboard or another system makes of it.
    #[test]
    fn the_canonical_form_is_one_form(text in "[\\pL\\pM\\pN._+a-zA-Z]{1,12}@[\\pL\\pN.a-zA-Z-]{1,12}") {
        let Ok(address) = Address::parse(&text) else { return Ok(()) };
        prop_assert_eq!(Address::parse(address.as_str()), Ok(address.clone()));
        let decomposed: String = text.nfd().collect();
        let (name, domain) = text.split_once('@').unwrap();
        // Only the part before the `@` is in capitals: in a domain, `ß` and `ss` differ (IDNA), and `ß` has the capital
        // `SS`.
        let capitals = format!("{}@{domain}", name.to_uppercase());
        let spellings = [decomposed, format!("  {text} "), format!("{text}."), capitals];
        for spelling in spellings {
            if let Ok(other) = Address::parse(&spelling) {
                prop_assert_eq!(&other, &address, "{:?}", spelling);
            }
        }
    }

    #[test]
    fn no_text_is_too_much(text in "\\PC{0,300}") {
        if let Ok(address) = Address::parse(&text) {
            prop_assert!(address.as_str().len() <= 254 && address.as_str().matches('@').count() == 1);
        }
    }
}

#[test]
fn what_a_system_may_take_for_another_name_is_not_plain() {
    let of = |text: &str| Address::parse(text).unwrap();
    for (text, plain) in [
        ("ada.o'neill_b-2+x@example.com", true),
        ("ádá@example.com", false),
        ("аda@example.com", false),
        ("a*@example.com", false),
        ("a%b@example.com", false),
    ] {
        assert_eq!(of(text).is_plain(), plain, "{text}");
    }
    for (text, untagged) in [
        ("ada+shop+2@example.com", "ada@example.com"),
        ("ada@example.com", "ada@example.com"),
        ("+1@example.com", "+1@example.com"),
    ] {
        assert_eq!(of(text).without_tag(), untagged);
    }
}
