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
    let url = reference::url(&"http://127.0.0.1:1/login".parse().unwrap()).unwrap();
    let mut jar = Jar::default();
    let set = jar.keep(response.headers(), &url, NOW).into_iter().map(|change| change.name).collect();
    let content = Content::new(url, response, set, 0);
    let at = judge::At { step: &connector.settings.login.steps()[0], number: 1, last: true };
    judge::judge(at, &content)?;
    connector.read(at, &content, &jar, NOW)
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
fn a_token_that_is_a_number_is_as_it_is_written() {
    for written in [
        "7",
        "-7",
        "9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "18446744073709551616",
        "123456789012345678901234567890",
        "1.0",
        "1e3",
        "-0",
    ] {
        let body = format!("{{\"token\":{written},\"expires_in\":1}}");
        assert_eq!(session(&body).unwrap().1, written);
    }
    for written in ["null", "true", "[]", "{}"] {
        let body = format!("{{\"token\":{written},\"expires_in\":1}}");
        assert!(reason(read(SECONDS, &[], body.as_bytes())).contains("neither a text nor a number"), "{written}");
    }
}

#[test]
fn json_in_utf_16_is_read_and_other_encodings_are_told() {
    let body = r#"{"token":"t","expires_in":300}"#;
    assert_eq!(session(&format!("\u{feff}{body}")).unwrap(), (300, "t".to_owned()));
    let wide = |big: bool, mark: bool| {
        let text = format!("{}{body}", if mark { "\u{feff}" } else { "" });
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect::<Vec<_>>()
    };
    for (big, mark) in [(true, true), (true, false), (false, true), (false, false)] {
        let acquired = read(SECONDS, &[], &wide(big, mark)).unwrap();
        assert_eq!(acquired.state.as_slice(), b"t", "{big} {mark}");
    }
    for four in [&b"\0\0\0{"[..], b"{\0\0\0", b"\xff\xfe\0\0{\0\0\0"] {
        assert!(reason(read(SECONDS, &[], four)).contains("UTF-32"));
    }
    // What is no UTF-8 becomes U+FFFD, which is no token.
    let latin = [("content-type", "application/json; charset=iso-8859-1")];
    assert!(reason(read(SECONDS, &latin, b"{\"token\":\"t\xe9\",\"expires_in\":1}")).contains("can carry"));
    assert!(reason(read(SECONDS, &[], b"<html>")).contains("not JSON"));
    assert!(reason(read(SECONDS, &[], b"")).contains("not JSON"));
}

#[test]
fn a_body_compressed_without_being_asked_is_understood() {
    let body = br#"{"token":"t","expires_in":300}"#;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, body).unwrap();
    let gzip = encoder.finish().unwrap();
    assert_eq!(read(SECONDS, &[("content-encoding", "gzip")], &gzip).unwrap().state.as_slice(), b"t");
    for coding in ["identity", "Identity", "", "identity, identity"] {
        assert!(read(SECONDS, &[("content-encoding", coding)], body).is_ok(), "{coding}");
    }
    for (coding, says) in [("gzip", "not what"), ("br", "not what"), ("zstd", "other than gzip, deflate and br")] {
        assert!(reason(read(SECONDS, &[("content-encoding", coding)], body)).contains(says), "{coding}");
    }
    // A session in a cookie does not need the body. A condition on the body does.
    let cookie = [("content-encoding", "gzip"), ("set-cookie", "SID=1; Max-Age=60")];
    assert!(read("", &cookie, b"\x1f\x8b").is_ok());
    let marked = "login: { url: \"ORIGIN/login\", json: { user: \"{username}\", pass: \"{password}\" }, success: { body_lacks: wrong } }";
    assert!(reason(read(marked, &cookie, b"\x1f\x8b")).contains("not what"));
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_fail_in_another_way(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let misbehaved = matches!(read(SECONDS, &[], &body), Err(ConnectorError::Misbehaved(_)));
        prop_assert!(misbehaved);
    }
}
