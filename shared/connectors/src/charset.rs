//! The character encoding of a body: by its byte order mark, its `Content-Type`, or what the page says of itself.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How much of a page is searched for a `meta` with its encoding, in bytes (WHATWG HTML §13.2.3.2).
const PRESCAN: usize = 1024;

/// The encoding of a page.
pub(crate) fn of_page(content_type: Option<&str>, body: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(body) {
        return encoding;
    }
    let named = content_type.and_then(parameter).and_then(|label| Encoding::for_label(label.as_bytes()));
    named.or_else(|| meta(body)).unwrap_or_else(|| {
        // What says nothing is UTF-8 if it can be, and otherwise what Western browsers take it for.
        if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 }
    })
}

/// The encoding in which JSON is written. It is UTF-8 by RFC 8259 §8.1; UTF-16 is known by its mark, or by the zero that one
/// of its first two bytes is, since JSON begins with an ASCII character.
pub(crate) fn of_json(body: &[u8]) -> Option<&'static Encoding> {
    match body {
        [0, 0, ..] | [0xff, 0xfe, 0, 0, ..] | [_, 0, 0, ..] => None,
        [0xff, 0xfe, ..] | [_, 0, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] | [0, ..] => Some(UTF_16BE),
        _ => Some(UTF_8),
    }
}

/// A body as text. What cannot be decoded becomes U+FFFD.
pub(crate) fn text<'b>(encoding: &'static Encoding, body: &'b [u8]) -> Cow<'b, str> {
    encoding.decode(body).0
}

/// Whether a text occurs in a body, as it is read in its encoding.
pub(crate) fn has(content_type: Option<&str>, body: &[u8], text: &str) -> bool {
    let bytes = text.as_bytes();
    let found = |body: &[u8]| !bytes.is_empty() && body.windows(bytes.len()).any(|window| window == bytes);
    if found(body) {
        return true;
    }
    let encoding = of_page(content_type, body);
    // There, ASCII is the same bytes.
    if encoding == UTF_8 || (encoding.is_ascii_compatible() && text.is_ascii()) {
        return false;
    }
    found(self::text(encoding, body).as_bytes())
}

/// An XML document as text, without its declaration, which says how it was encoded (XML 1.0 §4.3.3).
pub(crate) fn xml<'b>(content_type: Option<&str>, body: &'b [u8]) -> Cow<'b, str> {
    let declared = || {
        let start = String::from_utf8_lossy(body.get(..PRESCAN).unwrap_or(body));
        let (_, after) = start.split("?>").next()?.strip_prefix("<?xml")?.split_once("encoding")?;
        let value = after.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
        let encoding = Encoding::for_label(value.split(['"', '\'']).next()?.as_bytes())?;
        // What could be searched is in no encoding of two bytes, whatever it says.
        Some(if encoding == UTF_16BE || encoding == UTF_16LE { UTF_8 } else { encoding })
    };
    let named = content_type.and_then(parameter).and_then(|label| Encoding::for_label(label.as_bytes()));
    // A mark goes before either, in what decodes.
    let encoding = named.or_else(declared).unwrap_or(UTF_8);
    let text = text(encoding, body);
    let end = text.strip_prefix("<?xml").and_then(|rest| rest.find("?>")).map_or(0, |end| end.saturating_add(7));
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(end..).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(end..).unwrap_or_default().to_owned()),
    }
}

/// The encoding in which a form is sent: the first that `accept-charset` names, or else that of its page.
pub(crate) fn of_form(accept_charset: Option<&str>, page: &'static Encoding) -> &'static Encoding {
    let accepted = accept_charset.unwrap_or_default().split([',', ' ', '\t', '\n', '\r']);
    let mut accepted = accepted.filter_map(|label| Encoding::for_label(label.as_bytes()));
    accepted.next().unwrap_or(page).output_encoding()
}

/// The parameter `charset` of a `Content-Type`.
fn parameter(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// `<meta charset=…>`, or `<meta http-equiv=… content="…; charset=…">`.
fn meta(body: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(body.get(..PRESCAN).unwrap_or(body)).to_ascii_lowercase();
    let tags = start.match_indices("<meta").filter_map(|(at, _)| start.get(at..)?.split('>').next());
    let mut labels = tags.filter_map(|tag| {
        let (_, after) = tag.split_once("charset")?;
        let value = after.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
        value.split(['"', '\'', ';', ' ', '/', '\t', '\r', '\n']).next().map(str::to_owned)
    });
    let encoding = labels.find_map(|label| Encoding::for_label(label.as_bytes()))?;
    // A page that could be searched is in no encoding of two bytes.
    Some(if encoding == UTF_16BE || encoding == UTF_16LE { UTF_8 } else { encoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_however_the_page_is_encoded() {
        let latin = Some("text/html; charset=ISO-8859-1");
        assert!(has(latin, b"Bitte w\xe4hlen Sie", "w\u{e4}hlen") && has(None, b"Bitte w\xe4hlen Sie", "w\u{e4}hlen"));
        assert!(has(Some("text/html"), "Bitte w\u{e4}hlen Sie".as_bytes(), "w\u{e4}hlen"));
        let wide: Vec<u8> = "\u{feff}Log in".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(has(Some("text/html"), &wide, "Log in") && !has(Some("text/html"), &wide, "Log out"));
        assert!(
            !has(latin, b"Bitte w\xe4hlen Sie", "w\u{f6}hlen")
                && !has(latin, b"x", "")
                && !has(None, b"\xff\x00", "Log")
        );
    }

    #[test]
    fn a_document_is_read_as_its_type_or_its_declaration_says() {
        let declared = b"<?xml version='1.0' encoding=\"ISO-8859-1\"?><a>\xfc</a>";
        assert_eq!(xml(None, declared), "<a>\u{fc}</a>");
        assert_eq!(xml(Some("text/xml; charset=iso-8859-1"), b"<a>\xfc</a>"), "<a>\u{fc}</a>");
        assert_eq!(xml(Some("text/xml"), "\u{feff}<?xml version=\"1.0\"?><a>\u{fc}</a>".as_bytes()), "<a>\u{fc}</a>");
        let wide: Vec<u8> = "\u{feff}<?xml encoding='utf-16'?><a/>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(xml(Some("text/xml"), &wide), "<a/>");
        assert_eq!(xml(None, b"<?xml"), "<?xml");
        assert_eq!(xml(Some("text/xml"), b"<?xml version='1.0' encoding='utf-16'?><a/>"), "<a/>");
    }

    #[test]
    fn a_mark_goes_before_the_header_and_the_header_before_the_page() {
        let latin = "<meta charset=\"iso-8859-1\">";
        let of = |content_type: &str, body: &[u8]| of_page(Some(content_type), body).name();
        assert_eq!(of("text/html; charset=UTF-8", latin.as_bytes()), "UTF-8");
        assert_eq!(of("text/html; Charset='windows-1251'", b""), "windows-1251");
        assert_eq!(of("text/html", latin.as_bytes()), "windows-1252");
        assert_eq!(of("text/html", b"<META http-equiv=x content='text/html; charset=iso-8859-15'>"), "ISO-8859-15");
        assert_eq!(of("text/html", b"<meta charset = utf-16>"), "UTF-8");
        assert_eq!(of("text/html; charset=x", b"\xef\xbb\xbf"), "UTF-8");
        assert_eq!(of("text/html", "gr\u{fc}n".as_bytes()), "UTF-8");
        assert_eq!(of("text/html", b"gr\xfcn"), "windows-1252");
        assert_eq!(text(of_page(None, b"gr\xfcn"), b"gr\xfcn"), "gr\u{fc}n");
    }

    #[test]
    fn a_form_may_want_another_encoding_than_its_page() {
        assert_eq!(of_form(Some("nonsense, ISO-8859-1"), UTF_8).name(), "windows-1252");
        assert_eq!(of_form(None, WINDOWS_1252).name(), "windows-1252");
        assert_eq!(of_form(Some(""), UTF_16LE).name(), "UTF-8");
    }
}
