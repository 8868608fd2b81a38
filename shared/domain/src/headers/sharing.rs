//! Whether a response could have come from a cache that several users share (RFC 9111 §3). A session id in such a response may be
//! somebody else's.

use http::header::{AGE, CACHE_CONTROL, EXPIRES, HeaderMap, PRAGMA, VARY};
use http::{HeaderName, Method, StatusCode};

/// The statuses that a cache may keep although nothing says for how long (RFC 9110 §15.1).
const HEURISTIC: [u16; 10] = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410];

/// Whether a cache between the gateway and the back end might have kept this response for others, or got it for others. Only a
/// response that says that it is for one, or that no cache keeps, is certainly its own.
pub fn may_be_shared(method: &Method, status: StatusCode, headers: &HeaderMap) -> bool {
    let directives: Vec<String> = list(headers, &CACHE_CONTROL).collect();
    let has = |wanted: &str| directives.iter().any(|directive| name(directive) == wanted);
    // A cache has had it.
    if headers.contains_key(AGE) || has("public") || has("s-maxage") {
        return true;
    }
    // With names of fields behind them, `private` and `no-cache` are about these alone (RFC 9111 §5.2.2.4, §5.2.2.7).
    let own = ["no-store", "private", "no-cache", "max-age=0", "no-cache=\"set-cookie\"", "private=\"set-cookie\""];
    if directives.iter().any(|directive| own.contains(&directive.as_str())) {
        return false;
    }
    let varies = list(headers, &VARY).any(|name| name == "cookie" || name == "*");
    let no_cache = list(headers, &PRAGMA).any(|directive| directive == "no-cache");
    if varies || no_cache || has_expired(headers) {
        return false;
    }
    let explicit = has("max-age") || headers.contains_key(EXPIRES);
    let is_safe = matches!(*method, Method::GET | Method::HEAD);
    explicit || (is_safe && HEURISTIC.contains(&status.as_u16()))
}

/// Whether its end is in the past, as old servers say that nothing may be kept: `0`, `-1`, or a date of the last century.
fn has_expired(headers: &HeaderMap) -> bool {
    let text = headers.get(EXPIRES).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let year = text.split([' ', '-']).filter_map(|part| part.parse::<u16>().ok()).find(|part| *part > 1_000);
    matches!(text, "0" | "-1") || year.is_some_and(|year| year < 2_000)
}

/// The members of a list, in lower case and without spaces.
fn list<'h>(headers: &'h HeaderMap, field: &'h HeaderName) -> impl Iterator<Item = String> {
    let lines = headers.get_all(field).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|member| member.trim().to_ascii_lowercase().replace(' ', ""))
}

fn name(directive: &str) -> &str {
    directive.split('=').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn shared(method: &Method, status: u16, fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        may_be_shared(method, StatusCode::from_u16(status).unwrap(), &headers)
    }

    /// RFC 9111 §3, §7.3: a shared cache may hand one user's cookie to another.
    #[test]
    fn a_response_is_ones_own_if_no_cache_keeps_it_for_others() {
        for own in [
            &[("cache-control", "no-store")][..],
            &[("cache-control", "max-age=60, Private")],
            &[("cache-control", "no-cache=\"Set-Cookie\"")],
            &[("cache-control", "max-age = 0")],
            &[("vary", "Accept-Encoding, Cookie")],
            &[("pragma", "no-cache")],
            &[("expires", "Thu, 01 Jan 1970 00:00:00 GMT")],
            &[("expires", "0")],
            &[("expires", "Thu, 19 Nov 1981 08:52:00 GMT"), ("cache-control", "must-revalidate")],
        ] {
            assert!(!shared(&Method::GET, 200, own), "{own:?}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert!(!shared(&method, 200, &[]));
        }
        assert!(!shared(&Method::GET, 302, &[]) && !shared(&Method::GET, 500, &[]));
    }

    #[test]
    fn a_response_that_a_cache_may_keep_or_has_had_is_not() {
        for fields in [
            &[][..],
            &[("cache-control", "max-age=60")],
            &[("cache-control", "public, no-cache")],
            &[("cache-control", "private, s-maxage=5")],
            &[("cache-control", "no-store"), ("age", "3")],
            &[("cache-control", "private=\"X-Foo\"")],
            &[("expires", "Thu, 01 Jan 2099 00:00:00 GMT")],
            &[("vary", "Accept-Encoding")],
        ] {
            assert!(shared(&Method::GET, 200, fields), "{fields:?}");
        }
        assert!(shared(&Method::HEAD, 404, &[]) && shared(&Method::POST, 200, &[("cache-control", "max-age=60")]));
        assert!(shared(&Method::GET, 302, &[("cache-control", "max-age=60")]));
    }
}
