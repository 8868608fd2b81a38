//! Request targets: which paths and queries are fit to be decided on and forwarded, byte for byte.
//!
//! A path that two programs could read differently is refused rather than repaired, so that the authorizer and the
//! back end decide on the same bytes. Query strings never decide anything; they only have to be safe to send.

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986 section 2.3 is percent-encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encoded percent signs followed by these would turn into dots, separators or NUL in a back end that decodes twice.
const DANGEROUS_WHEN_DECODED_TWICE: [&str; 4] = ["2e", "2f", "5c", "00"];

/// The query parameter of RFC 6750 section 2.3, which this gateway neither reads nor forwards.
const TOKEN_PARAMETER: &str = "access_token";

/// An absolute path in its raw, percent-encoded form (RFC 3986 section 3.3) that every reader splits the same way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckedPath(String);

/// Why a path was refused. The answer to the client is 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathRefused {
    /// It is relative, or a whole URL.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// Two slashes in a row, which some readers take for an authority and others for one slash.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..`, plain or percent-encoded.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A byte RFC 3986 does not allow in a path, or `;`, whose meaning differs between servers.
    #[error("the path has a character that is not allowed")]
    Character,
    /// An encoded slash, backslash or control character, also when encoded twice.
    #[error("the path has an encoded character that is not allowed")]
    EncodedCharacter,
    /// A percent sign without two hexadecimal digits.
    #[error("the path has a malformed percent-encoding")]
    Malformed,
}

impl CheckedPath {
    /// Accepts a raw path, without its query, or says why not. Nothing is decoded, folded or normalised.
    pub fn parse(raw: &str) -> Result<Self, PathRefused> {
        let rest = raw.strip_prefix('/').ok_or(PathRefused::NotAbsolute)?;
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            // Only the last segment may be empty: a trailing slash is a path of its own.
            if segment.is_empty() && segments.peek().is_some() {
                return Err(PathRefused::EmptySegment);
            }
            check_segment(segment)?;
        }
        Ok(Self(raw.to_owned()))
    }

    /// The bytes as received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The raw segments between slashes: `/a/b` has two, `/a/` has `a` and an empty one, `/` has one empty one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.strip_prefix('/').unwrap_or_default().split('/')
    }

    /// The same path on a fixed authority. `query` is sent when not empty and must come from this module.
    pub fn on(&self, scheme: Scheme, authority: Authority, query: &str) -> Result<Uri, http::Error> {
        let target = if query.is_empty() { self.0.clone() } else { format!("{}?{query}", self.0) };
        let target = PathAndQuery::try_from(target)?;
        Uri::builder().scheme(scheme).authority(authority).path_and_query(target).build()
    }
}

impl fmt::Display for CheckedPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn check_segment(segment: &str) -> Result<(), PathRefused> {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (Some(high), Some(low)) = (bytes.next().and_then(hex), bytes.next().and_then(hex)) else {
                return Err(PathRefused::Malformed);
            };
            if matches!(high * 16 + low, b'/' | b'\\' | 0..=0x1f | 0x7f) {
                return Err(PathRefused::EncodedCharacter);
            }
        } else if !is_path_character(byte) {
            return Err(PathRefused::Character);
        }
    }
    let encoded_twice = segment.split("%25").skip(1).any(|after| {
        after.get(..2).is_some_and(|digits| DANGEROUS_WHEN_DECODED_TWICE.contains(&&*digits.to_ascii_lowercase()))
    });
    if encoded_twice {
        return Err(PathRefused::EncodedCharacter);
    }
    let decoded = segment.replace("%2e", ".").replace("%2E", ".");
    if matches!(decoded.as_str(), "." | "..") {
        return Err(PathRefused::DotSegment);
    }
    Ok(())
}

/// The value of a hexadecimal digit.
const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// `pchar` of RFC 3986 section 3.3, without percent-encodings and `;`.
const fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+')
        || matches!(byte, b',' | b'=' | b':' | b'@')
}

/// A query string with bytes that cannot travel in a request line. The answer to the client is 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the query has a character that is not allowed")]
pub struct QueryRefused;

/// A raw query string (without `?`), unchanged but for `access_token` (RFC 6750 section 2.3), which is left out.
pub fn checked_query(raw: &str) -> Result<String, QueryRefused> {
    let sendable = |byte: u8| matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'~');
    if !raw.bytes().all(sendable) {
        return Err(QueryRefused);
    }
    let kept = raw.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !is_token_parameter(&percent_decode_str(name).decode_utf8_lossy())
    });
    Ok(kept.collect::<Vec<_>>().join("&"))
}

/// A query string for decoded names and values, in their order, each percent-encoded as a URL component.
/// `access_token` (RFC 6750 section 2.3) is left out.
pub fn canonical_query(pairs: &[(String, String)]) -> String {
    let mut query = String::new();
    for (name, value) in pairs.iter().filter(|(name, _)| !is_token_parameter(name)) {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, RESERVED));
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    query
}

/// A query of either of the two kinds above with parameters of ours behind it. A client's own of the same name, in
/// whatever case, is left out.
pub fn with_injected(query: &str, ours: &[(String, String)]) -> String {
    if ours.is_empty() {
        return query.to_owned();
    }
    let is_ours = |pair: &&str| {
        let name = percent_decode_str(pair.split('=').next().unwrap_or_default()).decode_utf8_lossy();
        ours.iter().any(|(own, _)| own.eq_ignore_ascii_case(&name))
    };
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !is_ours(pair)).map(str::to_owned);
    kept.chain([canonical_query(ours)]).collect::<Vec<_>>().join("&")
}

fn is_token_parameter(name: &str) -> bool {
    name.eq_ignore_ascii_case(TOKEN_PARAMETER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(raw: &str) -> PathRefused {
        CheckedPath::parse(raw).expect_err(raw)
    }

    #[test]
    fn ordinary_paths_are_accepted_and_kept_as_they_are() {
        for raw in ["/", "/v1/accounts", "/v1/accounts/", "/orders/7", "/a%20b/c%C3%A9", "/a.b/..c/...", "/x%2Ey"] {
            assert_eq!(CheckedPath::parse(raw).expect(raw).as_str(), raw);
        }
    }

    /// Abuse case A8.
    #[test]
    fn an_injected_parameter_replaces_the_clients_own_of_that_name() {
        let ours = [("sid".to_owned(), "a b&c".to_owned())];
        assert_eq!(with_injected("a=1&SID=x&%73id=y&sid&b=2", &ours), "a=1&b=2&sid=a%20b%26c");
        assert_eq!(with_injected("", &ours), "sid=a%20b%26c");
        assert_eq!(with_injected("sid=x&&", &[]), "sid=x&&");
    }

    #[test]
    fn segments_are_the_raw_text_between_slashes() {
        let path = CheckedPath::parse("/orders/a%20b/").unwrap();
        assert_eq!(path.segments().collect::<Vec<_>>(), ["orders", "a%20b", ""]);
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
    fn encoded_separators_and_controls_are_refused_also_when_encoded_twice() {
        for raw in ["/v1%2faccounts", "/v1%2Faccounts", "/v1%5caccounts", "/a%00", "/a%0d%0ab", "/a%252fb", "/%252E."] {
            assert_eq!(refused(raw), PathRefused::EncodedCharacter, "{raw}");
        }
        assert!(CheckedPath::parse("/sale/100%25").is_ok());
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
        for raw in ["/a%", "/a%4", "/a%zz", "/%2/x"] {
            assert_eq!(refused(raw), PathRefused::Malformed, "{raw}");
        }
    }

    /// Abuse case C8.
    #[test]
    fn queries_with_unsendable_bytes_are_refused_and_others_pass_unchanged() {
        for raw in ["a=\"b\"", "a=<b>", "a=b c", "a=\u{1}", "a=\r\nX: y", "a=\u{e9}", "a#b"] {
            assert_eq!(checked_query(raw), Err(QueryRefused), "{raw}");
        }
        for raw in ["", "a=1&a=2&b", "q=100%", "f[x]=1|2&g={y}", "u=https://x/?y=1;z", "a&&b="] {
            assert_eq!(checked_query(raw).as_deref(), Ok(raw));
        }
    }

    /// Checklist B-03.
    #[test]
    fn an_access_token_in_the_query_is_left_out() {
        assert_eq!(checked_query("a=1&access_token=x&b=2").as_deref(), Ok("a=1&b=2"));
        assert_eq!(checked_query("access%5Ftoken=x").as_deref(), Ok(""));
        let pairs = [("access_token".to_owned(), "x".to_owned()), ("a".to_owned(), "1".to_owned())];
        assert_eq!(canonical_query(&pairs), "a=1");
    }

    fn path_like() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "/[-a-z0-9%/.:@!,=~ ;\\\\?#]{0,24}", "(/[a-z0-9.:@]{1,6}){1,4}/?"]
    }

    proptest! {
        /// Abuse cases C3, C4: whatever is accepted stays on the configured host.
        #[test]
        fn an_accepted_path_keeps_the_authority_and_its_bytes(raw in path_like()) {
            if let Ok(path) = CheckedPath::parse(&raw) {
                let authority = Authority::from_static("backend.test:8080");
                let uri = path.on(Scheme::HTTP, authority, "").unwrap();
                prop_assert_eq!(uri.authority().unwrap().as_str(), "backend.test:8080");
                prop_assert_eq!(uri.path(), raw.as_str());
                prop_assert_eq!(uri.query(), None);
            }
        }

        /// Abuse case C8.
        #[test]
        fn an_accepted_query_is_sent_unchanged(raw in prop_oneof![any::<String>(), "[ -~]{0,24}"]) {
            if let Ok(query) = checked_query(&raw) && !query.is_empty() {
                let path = CheckedPath::parse("/x").unwrap();
                let uri = path.on(Scheme::HTTP, Authority::from_static("backend.test"), &query).unwrap();
                prop_assert_eq!(uri.query(), Some(query.as_str()));
            }
        }

        /// Checklist H-13: names, values and their order survive the canonical encoding.
        #[test]
        fn a_canonical_query_decodes_to_the_same_pairs(pairs in prop::collection::vec(any::<(String, String)>(), 0..6)) {
            let query = canonical_query(&pairs);
            let decoded: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            let expected: Vec<_> = pairs.into_iter().filter(|(name, _)| !is_token_parameter(name)).collect();
            prop_assert_eq!(decoded, expected);
            prop_assert!(checked_query(&query).is_ok());
        }
    }
}
