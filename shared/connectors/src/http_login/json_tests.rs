//! Tests of JSON in responses: tokens and times in every form, and the reason for each body that cannot be read.

use proptest::prelude::*;

use super::tests::settings;
use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const SECONDS: &str = "\n    extract: { json_pointer: /token }\n    expires: { json_pointer: /expires_in, as: seconds }\n    inject: { header: X-Session, value: \"{token}\" }";

/// Reads a response to a login with these fields and this body.
fn read(rest: &str, fields: &[(&'static str, &str)], body: &[u8]) -> Result<Acquired, ConnectorError> {
    let connector = HttpLogin::new(settings("http://127.0.0.1:1", rest), BackEndClient::new().unwrap());
    let mut response = Response::new(Bytes::copy_from_slice(body));
    for (name, value) in fields {
        response.headers_mut().append(*name, value.parse().unwrap());
    }
    connector.judge(&response, NOW)?;
    connector.read(&response, response::Before::default(), NOW)
}

/// The seconds until the session ends, and the value of the header that carries it.
fn session(body: &str) -> Result<(u64, String), ConnectorError> {
    let connector = HttpLogin::new(settings("http://127.0.0.1:1", SECONDS), BackEndClient::new().unwrap());
    let acquired = read(SECONDS, &[], body.as_bytes())?;
    let injection = connector.inject(&acquired.state, Call { content_type: None, body: &Bytes::new() })?;
    let ends = acquired.ends.unwrap().as_secs() - NOW.as_secs();
    Ok((u64::try_from(ends).unwrap(), injection.headers[0].1.to_str().unwrap().to_owned()))
}

fn reason(outcome: Result<Acquired, ConnectorError>) -> String {
    match outcome.map(|acquired| acquired.ends) {
        Err(ConnectorError::Misbehaved(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_length_of_time_is_understood_in_every_form_of_a_number() {
    for written in ["300", "300.0", "3e2", "3E+2", "30000e-2", "300.9", "\"300\"", "\"300.0\"", "\" 300 \"", "\"3e2\""]
    {
        let body = format!("{{\"token\":\"t\",\"expires_in\":{written}}}");
        assert_eq!(session(&body).unwrap().0, 300, "{written}");
    }
    for written in
        ["-1", "-0.5", "1e300", "\"\"", "\"inf\"", "\"NaN\"", "\"0x12c\"", "\"5m\"", "null", "true", "[300]", "3.3e10"]
    {
        let body = format!("{{\"token\":\"t\",\"expires_in\":{written}}}");
        assert!(reason(read(SECONDS, &[], body.as_bytes())).contains("no time there that can be read"), "{written}");
    }
    assert!(reason(read(SECONDS, &[], br#"{"token":"t"}"#)).contains("nothing there"));
}

#[test]
fn a_token_that_is_a_whole_number_keeps_its_digits() {
    for written in ["7", "-7", "9007199254740993", "18446744073709551615", "-9223372036854775808"] {
        let body = format!("{{\"token\":{written},\"expires_in\":1}}");
        assert_eq!(session(&body).unwrap().1, written);
    }
    for written in ["18446744073709551616", "1.0", "1e3", "123456789012345678901234567890"] {
        let body = format!("{{\"token\":{written},\"expires_in\":1}}");
        assert!(reason(read(SECONDS, &[], body.as_bytes())).contains("round"), "{written}");
    }
    for written in ["null", "true", "[]", "{}"] {
        let body = format!("{{\"token\":{written},\"expires_in\":1}}");
        assert!(reason(read(SECONDS, &[], body.as_bytes())).contains("neither a text nor a whole number"), "{written}");
    }
}

#[test]
fn a_byte_order_mark_before_json_is_ignored_and_other_encodings_are_told() {
    let body = r#"{"token":"t","expires_in":300}"#;
    assert_eq!(session(&format!("\u{feff}{body}")).unwrap(), (300, "t".to_owned()));
    let wide = |big: bool, mark: bool| {
        let text = format!("{}{body}", if mark { "\u{feff}" } else { "" });
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect::<Vec<_>>()
    };
    for (big, mark) in [(true, true), (true, false), (false, true), (false, false)] {
        assert!(reason(read(SECONDS, &[], &wide(big, mark))).contains("UTF-16"), "{big} {mark}");
    }
    let latin = [("content-type", "application/json; charset=iso-8859-1")];
    assert!(reason(read(SECONDS, &latin, b"{\"token\":\"t\xe9\"}")).contains("not UTF-8"));
    assert!(reason(read(SECONDS, &[], b"<html>")).contains("not JSON"));
    assert!(reason(read(SECONDS, &[], b"")).contains("not JSON"));
}

#[test]
fn a_body_compressed_without_being_asked_is_told_where_it_matters() {
    let body = br#"{"token":"t","expires_in":300}"#;
    for coding in ["gzip", "deflate", "br", "x-gzip", "identity, gzip", "GZIP"] {
        let told = reason(read(SECONDS, &[("content-encoding", coding)], body));
        assert!(told.contains("compressed") && told.contains("identity"), "{coding}: {told}");
    }
    for coding in ["identity", "Identity", "", "identity, identity"] {
        assert!(read(SECONDS, &[("content-encoding", coding)], body).is_ok(), "{coding}");
    }
    // A session in a cookie does not need the body. A condition on the body does.
    let cookie = [("content-encoding", "gzip"), ("set-cookie", "SID=1; Max-Age=60")];
    assert!(read("", &cookie, b"\x1f\x8b").is_ok());
    let marked = "login: { url: \"ORIGIN/login\", json: { user: \"{username}\", pass: \"{password}\" }, success: { body_lacks: wrong } }";
    assert!(reason(read(marked, &cookie, b"\x1f\x8b")).contains("compressed"));
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_fail_in_another_way(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let misbehaved = matches!(read(SECONDS, &[], &body), Err(ConnectorError::Misbehaved(_)));
        prop_assert!(misbehaved);
    }
}
