//! Makes query strings safe to send. No decision on access depends on them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::headers::squash;

/// Everything but the unreserved characters of RFC 3986 §2.3 is percent-encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The query parameter of RFC 6750 §2.3. The gateway neither reads nor forwards it.
const TOKEN_PARAMETER: &str = "access_token";

/// The query parameter that some frameworks take for the method of the call. It is left out, since access was decided for
/// the real method.
const METHOD_PARAMETER: &str = "_method";

/// Names of headers, squashed, that replace the method of a call, and that some frameworks also accept as query parameters.
const METHOD_HEADERS: [&str; 3] = ["xhttpmethod", "xhttpmethodoverride", "xmethodoverride"];

/// The character by which a REST API replaces bytes that are not UTF-8 when it decodes a query.
const REPLACED: char = '\u{fffd}';

/// Why a query is not sent. The status is 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryRefused {
    /// Bytes that cannot travel in a request line.
    #[error("the query has a character that is not allowed")]
    Character,
    /// Bytes that are not UTF-8. A REST API replaces them, so what the client sent is lost.
    #[error("the query has bytes that are not UTF-8")]
    NotUtf8,
}

/// A raw query string (without `?`), unchanged except that parameters are left out that no client may send: `access_token`
/// (RFC 6750 §2.3), and those that frameworks take for a method.
pub fn checked_query(raw: &str) -> Result<String, QueryRefused> {
    let sendable = |byte: u8| matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'~');
    if !raw.bytes().all(sendable) {
        return Err(QueryRefused::Character);
    }
    let kept = raw.split('&').filter(|pair| !names(pair).any(|name| is_left_out(&name)));
    Ok(kept.collect::<Vec<_>>().join("&"))
}

/// The query string of decoded names and values, in their order, each percent-encoded as a URL component. It leaves out the
/// same parameters as [`checked_query`].
pub fn canonical_query(pairs: &[(String, String)]) -> Result<String, QueryRefused> {
    if pairs.iter().any(|(name, value)| name.contains(REPLACED) || value.contains(REPLACED)) {
        return Err(QueryRefused::NotUtf8);
    }
    Ok(encoded(pairs.iter().filter(|(name, _)| !is_left_out(&decoded(name)))))
}

fn encoded<'p>(pairs: impl Iterator<Item = &'p (String, String)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, RESERVED));
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    query
}

/// A query with the gateway's own parameters at its end. A client's parameter of the same name is left out, in every
/// spelling that a back end could take for that name.
pub fn with_injected(query: &str, ours: &[(String, String)]) -> String {
    if ours.is_empty() {
        return query.to_owned();
    }
    let is_ours = |pair: &&str| names(pair).any(|name| ours.iter().any(|(own, _)| is_like(own, &name)));
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !is_ours(pair)).map(str::to_owned);
    kept.chain([encoded(ours.iter())]).collect::<Vec<_>>().join("&")
}

/// Whether a lax reader may take one parameter name for the other: PHP reads `s.id` as `s_id` and `sid[]` as `sid`.
pub(crate) fn is_like(own: &str, name: &str) -> bool {
    let squashed = squash(own);
    own.eq_ignore_ascii_case(name) || (!squashed.is_empty() && squashed == squash(name))
}

/// The decoded names in the text between two ampersands. Some readers take `;` for an ampersand.
fn names(pair: &str) -> impl Iterator<Item = String> {
    pair.split(';').map(|part| decoded(part.split('=').next().unwrap_or_default()))
}

/// Percent-decoded three times, as three readers in a row may do.
pub(crate) fn decoded(text: &str) -> String {
    (0..3).fold(text.to_owned(), |text, _| percent_decode_str(&text).decode_utf8_lossy().into_owned())
}

fn is_left_out(name: &str) -> bool {
    let variable = variable(name);
    variable.eq_ignore_ascii_case(TOKEN_PARAMETER)
        || variable.eq_ignore_ascii_case(METHOD_PARAMETER)
        || METHOD_HEADERS.contains(&squash(name).as_str())
}

/// The variable that PHP makes of a name: it ends at a NUL, has no spaces at its start, and has `_` for characters that a
/// variable cannot have; `[…]` behind it is an index.
fn variable(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default().trim_start();
    let name = name.replace('+', " ");
    let name = match name.split_once('[') {
        Some((variable, rest)) if !variable.is_empty() && rest.contains(']') => variable,
        _ => &name,
    };
    name.trim_start().replace([' ', '.', '['], "_")
}

#[cfg(test)]
mod tests {
    use http::uri::{Authority, Scheme};
    use proptest::prelude::*;

    use super::*;
    use crate::path::CheckedPath;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Abuse case A8.
    #[test]
    fn an_injected_parameter_replaces_the_clients_own_of_that_name() {
        let ours = pairs(&[("sid", "a b&c")]);
        assert_eq!(with_injected("a=1&SID=x&%73id=y&sid&b=2", &ours), "a=1&b=2&sid=a%20b%26c");
        assert_eq!(with_injected("a=1&s_id=x&%2573id=y&sid[]=z&c=1;sid=2", &ours), "a=1&sid=a%20b%26c");
        assert_eq!(with_injected("", &ours), "sid=a%20b%26c");
        assert_eq!(with_injected("sid=x&&", &[]), "sid=x&&");
    }

    /// Abuse case C8.
    #[test]
    fn queries_with_unsendable_bytes_are_refused_and_others_pass_unchanged() {
        for raw in ["a=\"b\"", "a=<b>", "a=b c", "a=\u{1}", "a=\r\nX: y", "a=\u{e9}", "a#b"] {
            assert_eq!(checked_query(raw), Err(QueryRefused::Character), "{raw}");
        }
        for raw in ["", "a=1&a=2&b", "q=100%", "f[x]=1|2&g={y}", "u=https://x/?y=1;z", "a&&b=", "b=%ff", "method=post"]
        {
            assert_eq!(checked_query(raw).as_deref(), Ok(raw));
        }
    }

    /// A REST API replaces bytes that are not UTF-8. What the client sent is lost, so the query is refused.
    #[test]
    fn a_decoded_query_that_lost_bytes_is_refused() {
        for lost in [("b", "\u{fffd}"), ("\u{fffd}", "1"), ("b", "caf\u{fffd}")] {
            assert_eq!(canonical_query(&pairs(&[("a", "1"), lost])), Err(QueryRefused::NotUtf8));
        }
        assert_eq!(canonical_query(&pairs(&[("a", "caf\u{e9}")])).as_deref(), Ok("a=caf%C3%A9"));
    }

    /// Checklist B-03.
    #[test]
    fn an_access_token_in_the_query_is_left_out() {
        assert_eq!(checked_query("a=1&access_token=x&b=2").as_deref(), Ok("a=1&b=2"));
        assert_eq!(checked_query("access%5Ftoken=x").as_deref(), Ok(""));
        assert_eq!(checked_query("access%255Ftoken=x&b=1;access_token=y").as_deref(), Ok(""));
        assert_eq!(canonical_query(&pairs(&[("access_token", "x"), ("a", "1")])).as_deref(), Ok("a=1"));
    }

    /// Abuse case A8.
    #[test]
    fn a_parameter_that_frameworks_take_for_the_method_is_left_out() {
        assert_eq!(checked_query("a=1&_method=DELETE&X-HTTP-Method-Override=PUT").as_deref(), Ok("a=1"));
        for name in
            [".method", "%20_method", "+_method", "_method%00x", "[method", "%5bmethod", "_method[]", "+.method"]
        {
            assert_eq!(checked_query(&format!("a=1&{name}=DELETE")).as_deref(), Ok("a=1"), "{name}");
        }
        for name in ["method", "my_method", "method[]", "http.method", "[x]method"] {
            assert_eq!(checked_query(&format!("{name}=DELETE")), Ok(format!("{name}=DELETE")), "{name}");
        }
        assert_eq!(canonical_query(&pairs(&[("_METHOD", "DELETE"), ("a", "1")])).as_deref(), Ok("a=1"));
    }

    proptest! {
        /// Abuse case C8.
        #[test]
        fn an_accepted_query_is_sent_unchanged(raw in prop_oneof![any::<String>(), "[ -~]{0,24}"]) {
            if let Ok(query) = checked_query(&raw) && !query.is_empty() {
                let path = CheckedPath::parse("/x").unwrap();
                let uri = path.on(Scheme::HTTP, Authority::from_static("backend.test"), &query).unwrap();
                prop_assert_eq!(uri.query(), Some(query.as_str()));
            }
        }

        /// Checklist H-13: the canonical encoding keeps names, values and their order.
        #[test]
        fn a_canonical_query_decodes_to_the_same_pairs(pairs in prop::collection::vec(any::<(String, String)>(), 0..6)) {
            if let Ok(query) = canonical_query(&pairs) {
                let decoded: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                let expected: Vec<_> = pairs.into_iter().filter(|(name, _)| !is_left_out(&super::decoded(name))).collect();
                prop_assert_eq!(decoded, expected);
                prop_assert!(checked_query(&query).is_ok());
            }
        }
    }
}
