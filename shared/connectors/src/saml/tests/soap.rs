//! Tests of assertions in SOAP envelopes.

use http::Response;
use proptest::prelude::*;

use super::*;
use crate::ResponseStart;
use crate::saml::soap_body::{is_about_the_token, with_assertion};

const TOKEN: &str = "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a\"/>";

fn put(body: &str, content_type: &str) -> Result<String, ConnectorError> {
    let body = with_assertion(&Bytes::from(body.to_owned()), Some(content_type), TOKEN)?;
    Ok(String::from_utf8(body.unwrap().to_vec()).unwrap())
}

fn unfit(body: &str, content_type: &str) {
    let outcome = put(body, content_type);
    assert!(matches!(outcome, Err(ConnectorError::Unfit(_))), "{content_type}: {body}: {outcome:?}");
}

const OLD: &str = "text/xml";
const NEW: &str = "application/soap+xml; charset=UTF-8; action=\"urn:x\"";

/// Every byte of the call stays in its order, and the gateway adds its own in one place.
#[test]
fn an_envelope_keeps_its_bytes_around_the_assertion() {
    for (before, after, content_type) in [
        (
            "<?xml version='1.0'?>\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" a='>'><!-- </s:Header> -->\n ",
            "<s:Body>\r\n<x y='&#10;'/><![CDATA[</s:Body>]]></s:Body></s:Envelope>\n",
            OLD,
        ),
        ("<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'>", "<Body/></Envelope>", NEW),
        ("\u{feff}<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'>", "<Body/></Envelope>", NEW),
        (
            "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Header ><x>1</x><!-- </s:Header> -->",
            "</s:Header\n><s:Body/></s:Envelope>",
            NEW,
        ),
    ] {
        let added = put(&[before, after].concat(), content_type).unwrap();
        let added = added.strip_prefix(before).unwrap_or_else(|| panic!("{added}")).strip_suffix(after).unwrap();
        assert_eq!(added.matches(TOKEN).count(), 1, "{added}");
        assert!(added.contains("soap:mustUnderstand=\"1\""), "{added}");
    }
    let empty = put(
        "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Header a='b' /><s:Body/></s:Envelope>",
        NEW,
    );
    let empty = empty.unwrap();
    let document = roxmltree::Document::parse(&empty).unwrap();
    let names: Vec<_> =
        document.descendants().filter(roxmltree::Node::is_element).map(|node| node.tag_name().name()).collect();
    assert_eq!(names, ["Envelope", "Header", "Security", "Assertion", "Body"]);
}

#[test]
fn a_security_header_of_the_call_may_have_a_timestamp_and_nothing_else() {
    let with = |attributes: &str, inside: &str, more: &str| {
        format!(
            "<s:Envelope xmlns:s='{}' xmlns:w='{}' xmlns:u='{}'><s:Header><w:Security{attributes}>{inside}</w:Security>{more}</s:Header><s:Body/></s:Envelope>",
            ns::SOAP11,
            ns::WSSE,
            ns::WSU
        )
    };
    let stamp = "<u:Timestamp u:Id='t'><u:Created>2030-01-01T00:00:00Z</u:Created></u:Timestamp>";
    let merged = put(&with(" s:mustUnderstand='1'", stamp, ""), OLD).unwrap();
    assert!(merged.contains(&format!("{stamp}{TOKEN}</w:Security></s:Header>")), "{merged}");
    assert!(put(&with("", "", ""), OLD).is_ok());

    unfit(&with("", "<w:UsernameToken/>", ""), OLD);
    unfit(&with("", &format!("{stamp}{TOKEN}"), ""), OLD);
    unfit(&with("", stamp, "<w:Security/>"), OLD);
    unfit(&with("", stamp, "<Security xmlns='http://schemas.xmlsoap.org/ws/2002/07/secext'/>"), OLD);
    unfit(&with(" s:actor='urn:other'", stamp, ""), OLD);
    let draft = with("", TOKEN, "").replace(ns::WSSE, "http://schemas.xmlsoap.org/ws/2003/06/secext");
    unfit(&draft, OLD);
}

#[test]
fn what_is_no_soap_envelope_does_not_pass() {
    let envelope = |inside: &str| format!("<s:Envelope xmlns:s='{}'>{inside}</s:Envelope>", ns::SOAP11);
    let good = envelope("<s:Body/>");
    assert!(put(&good, OLD).is_ok() && put(&good, "Text/XML; Charset=\"utf-8\"").is_ok());
    for content_type in ["application/json", "application/soap+xml", "text/xml; charset=utf-16", "text/xml-x", ""] {
        unfit(&good, content_type);
    }
    for inside in [
        "",
        "<s:Header/>",
        "<s:Body/><s:Body/>",
        "<s:Body/><s:Header/>",
        "<s:Header/><s:Body/><s:Header/>",
        "<Body/>",
        "<s:Body>",
        "<s:Body>&who;</s:Body>",
    ] {
        unfit(&envelope(inside), OLD);
    }
    unfit(&format!("<!DOCTYPE s [<!ENTITY who 'ada'>]>{good}"), OLD);
    unfit(&format!("<?xml version='1.0' encoding='utf-7'?>{good}"), OLD);
    unfit(&envelope(&format!("<s:Body>{}</s:Body>", " ".repeat(1024 * 1024))), OLD);
    assert!(with_assertion(&Bytes::from_static(b"\xff"), Some(OLD), TOKEN).is_err());
    assert!(with_assertion(&Bytes::from(good), None, TOKEN).is_err());
    // A call without a body has no place for an assertion.
    assert_eq!(with_assertion(&Bytes::new(), None, TOKEN), Ok(None));
}

/// Documents with many elements, attributes or namespaces neither take minutes nor overflow the stack.
#[test]
fn a_document_is_read_within_bounds() {
    let envelope =
        |inside: &str| format!("<s:Envelope xmlns:s='{}'><s:Body>{inside}</s:Body></s:Envelope>", ns::SOAP11);
    let deep = 50_000;
    let _ = put(&envelope(&["<a>".repeat(deep), "</a>".repeat(deep)].concat()), OLD);
    let attributes = (0..60_000).map(|number| format!(" a{number}=''")).collect::<Vec<_>>().concat();
    unfit(&envelope(&format!("<a{attributes}/>")), OLD);
    let spaces = (0..20_000).map(|number| format!("<a xmlns:n{number}='u{number}'>")).collect::<Vec<_>>().concat();
    unfit(&envelope(&[spaces, "</a>".repeat(20_000)].concat()), OLD);
}

#[test]
fn a_fault_about_the_token_is_a_dead_session() {
    let fault = |code: &str| {
        format!(
            "<s:Envelope xmlns:s='{}' xmlns:w='{}' xmlns:j='{}'><s:Body><s:Fault><faultcode>{code}</faultcode></s:Fault></s:Body></s:Envelope>",
            ns::SOAP11,
            ns::WSSE,
            ns::WSS4J
        )
    };
    let dead = |status: u16, body: String| {
        is_about_the_token(&ResponseStart::of(&Response::builder().status(status).body(Bytes::from(body)).unwrap()))
    };
    assert!(dead(500, fault("w:InvalidSecurityToken")) && dead(500, fault("w:FailedAuthentication")));
    let latin = fault("w:InvalidSecurity").replace("<s:Fault>", "<s:Fault><a>\u{fc}</a>");
    assert!(dead(500, latin.clone()));
    let latin =
        encoding_rs::WINDOWS_1252.encode(&format!("<?xml version='1.0' encoding='iso-8859-1'?>{latin}")).0.into_owned();
    let response = Response::builder().status(500).body(Bytes::from(latin)).unwrap();
    assert!(is_about_the_token(&ResponseStart::of(&response)));
    // Apache CXF says no more than this.
    assert!(dead(500, fault("j:SecurityError")) && !dead(500, fault("w:SecurityError")));
    assert!(!dead(200, fault("w:InvalidSecurityToken")) && !dead(500, fault("s:Server")));
    assert!(!dead(500, fault("x:InvalidSecurityToken")) && !dead(500, "<html>".to_owned()));
}

/// Pieces from which envelopes are made, and texts that are no envelopes.
const PIECES: [&str; 22] = [
    "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'>",
    "</s:Envelope>",
    "<s:Header>",
    "<s:Header />",
    "</s:Header>",
    "<s:Body>",
    "<s:Body/>",
    "</s:Body>",
    "<o:Security xmlns:o='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd'>",
    "</o:Security>",
    "<o:Security xmlns:o='urn:x' />",
    "<a b='>' c=\"/>\">",
    "</a>",
    "<!-- </s:Header> <s:Body> -->",
    "<![CDATA[</s:Body>]]>",
    "<?pi </s:Header>?>",
    " \r\n",
    "\u{feff}",
    "&#10;",
    "é",
    "xmlns=''",
    "<",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever a client sends, it is refused, or forwarded well-formed with all its bytes and the assertion added.
    #[test]
    fn a_body_is_refused_or_kept_byte_for_byte(
        header in prop::collection::vec(0..PIECES.len(), 0..4),
        inside in prop::collection::vec(0..PIECES.len(), 0..4),
        shape in 0..3,
    ) {
        let text = |pieces: Vec<usize>| pieces.into_iter().map(|piece| PIECES[piece]).collect::<String>();
        let (header, inside) = (text(header), text(inside));
        let [open, close, header_open, _, header_close, body_open, _, body_close, ..] = PIECES;
        let body = match shape {
            0 => [header, inside].concat(),
            1 => [open, &header, body_open, &inside, body_close, close].concat(),
            _ => [open, header_open, &header, header_close, body_open, &inside, body_close, close].concat(),
        };
        prop_assume!(!body.is_empty());
        if let Ok(with) = put(&body, OLD) {
            let before = with.bytes().zip(body.bytes()).take_while(|(one, other)| one == other).count();
            let after = with.bytes().rev().zip(body.bytes().rev()).take_while(|(one, other)| one == other).count();
            // Only an empty header loses bytes: `/>` becomes a start tag and an end tag.
            let lost = if with.contains("<s:Header >") { 2 } else { 0 };
            prop_assert!(before + after + lost >= body.len(), "{}\n{}", body, with);
            let document = roxmltree::Document::parse(&with).unwrap();
            let tokens = document.descendants().filter(|node| node.has_tag_name((ns::SAML, "Assertion")));
            prop_assert_eq!(tokens.count(), 1);
            let parts = document.root_element().children().filter(roxmltree::Node::is_element);
            let names: Vec<_> = parts.map(|node| node.tag_name().name()).collect();
            prop_assert_eq!(names, ["Header", "Body"]);
        }
    }
}
