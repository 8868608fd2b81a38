//! Whether a response could have come from a cache that several users share (RFC 9111 §3). A session id in such a response may be
//! somebody else's.

use http::header::{AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, LAST_MODIFIED, PRAGMA, VARY};
use http::{HeaderName, HeaderValue, Method, StatusCode};

/// The statuses that a cache may keep although nothing says for how long (RFC 9110 §15.1).
const HEURISTIC: [u16; 10] = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410];

/// Whether a cache between the gateway and the back end might have kept this response for others, or got it for others. Only a
/// response that says that it is for one, or that no cache keeps, is certainly its own. What a cache must ask for again each time is
/// one's own if there is nothing by which it could ask whether what it has kept is still right (RFC 9111 §4.3.1).
pub fn may_be_shared(method: &Method, status: StatusCode, headers: &HeaderMap) -> bool {
    let directives: Vec<String> = list(headers, &CACHE_CONTROL).collect();
    let has = |wanted: &str| directives.iter().any(|directive| name(directive) == wanted);
    // A cache has had it.
    if headers.contains_key(AGE) || has("public") || has("s-maxage") {
        return true;
    }
    // With names of fields behind them, `private` and `no-cache` are about these alone (RFC 9111 §5.2.2.4, §5.2.2.7).
    let says = |any: &[&str]| directives.iter().any(|directive| any.contains(&directive.as_str()));
    let varies = list(headers, &VARY).any(|name| name == "cookie" || name == "*");
    if varies || says(&["no-store", "private", "private=\"set-cookie\""]) {
        return false;
    }
    // Beside `Cache-Control` nobody heeds `Pragma` (RFC 9111 §5.4), and beside `max-age` nobody `Expires` (§5.3).
    let no_cache = directives.is_empty() && list(headers, &PRAGMA).any(|directive| directive == "no-cache");
    let has_ended = !has("max-age") && has_expired(headers);
    let asked_each_time = no_cache || has_ended || says(&["no-cache", "max-age=0", "no-cache=\"set-cookie\""]);
    let can_be_asked = headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED);
    if asked_each_time && !can_be_asked {
        return false;
    }
    let explicit = has("max-age") || headers.contains_key(EXPIRES);
    // Without a time, what is no response to a question is not kept at all (RFC 9110 §9.3.3, RFC 9111 §3).
    let is_safe = matches!(*method, Method::GET | Method::HEAD);
    explicit || (is_safe && HEURISTIC.contains(&status.as_u16()))
}

/// Whether its end is in the past, as old servers say that nothing may be kept: not after its own date, `0`, `-1`, or a date of the
/// last century in whatever form.
fn has_expired(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(|text| text.trim().to_owned()).unwrap_or_default();
    let expires = headers.get(EXPIRES).map(text).unwrap_or_default();
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    if let (Some(end), Some(now)) = (date(&expires), headers.get(DATE).and_then(|value| date(&text(value)))) {
        return end <= now;
    }
    let year = expires.split([' ', '-']).filter_map(|part| part.parse::<u16>().ok()).find(|part| *part > 1_000);
    matches!(expires.as_str(), "0" | "-1") || year.is_some_and(|year| year < 2_000)
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
            &[("expires", "Wed, 17 Aug 2005 00:00:00 GMT"), ("date", "Sat, 28 Nov 2026 12:00:00 GMT")],
            &[("expires", "Sat, 28 Nov 2026 12:00:00 GMT"), ("date", "Sat, 28 Nov 2026 12:00:00 GMT")],
            &[("cache-control", "no-cache, private"), ("etag", "\"1\"")],
        ] {
            assert!(!shared(&Method::GET, 200, own), "{own:?}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert!(!shared(&method, 200, &[]));
        }
        assert!(!shared(&Method::GET, 302, &[]) && !shared(&Method::GET, 500, &[]));
        // Frameworks add a validator to everything.
        let asked = [("cache-control", "no-cache"), ("etag", "W/\"1\"")];
        assert!(!shared(&Method::POST, 200, &asked) && !shared(&Method::GET, 302, &asked));
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
            &[("expires", "Sat, 28 Nov 2026 12:00:01 GMT"), ("date", "Sat, 28 Nov 2026 12:00:00 GMT")],
            &[("cache-control", "max-age=3600"), ("pragma", "no-cache"), ("expires", "Thu, 19 Nov 1981 08:52:00 GMT")],
            &[("cache-control", "must-revalidate"), ("pragma", "no-cache")],
            // It may be kept, and shown to others once the back end has said that it is still right.
            &[("cache-control", "no-cache"), ("etag", "\"1\"")],
            &[("expires", "0"), ("last-modified", "Sat, 28 Nov 2026 12:00:00 GMT")],
            &[("pragma", "no-cache"), ("etag", "W/\"1\"")],
        ] {
            assert!(shared(&Method::GET, 200, fields), "{fields:?}");
        }
        assert!(shared(&Method::HEAD, 404, &[]) && shared(&Method::POST, 200, &[("cache-control", "max-age=60")]));
        assert!(shared(&Method::GET, 302, &[("cache-control", "max-age=60")]));
    }
}
