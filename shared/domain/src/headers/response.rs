//! Headers to the app: the back end's, without what belongs to its connection or to the connector's session.

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, SET_COOKIE};

use super::{HOP_BY_HOP, Reserved, fold, named_by_connection};

/// The headers of an answer that may reach the app, repeated ones kept one by one in order.
///
/// `WWW-Authenticate` passes (RFC 9110 section 11.6.1). `Content-Length` is left to whoever sends the body.
pub fn clean_response(received: &HeaderMap, reserved: &Reserved) -> HeaderMap {
    let for_this_hop = named_by_connection(received.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let mut headers = HeaderMap::with_capacity(received.keys_len());
    for (name, value) in received {
        let folded = fold(name.as_str());
        let dropped = HOP_BY_HOP.contains(&folded.as_str())
            || for_this_hop.contains(&folded)
            || reserved.has_header(&folded)
            || name == CONTENT_LENGTH
            || (name == SET_COOKIE && reserved.has_cookie(&cookie_name(value)));
        if !dropped {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// The name in a `Set-Cookie` value (RFC 6265 section 5.2).
fn cookie_name(value: &HeaderValue) -> String {
    let name = value.as_bytes().split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default();
    String::from_utf8_lossy(name).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn reserved() -> Reserved {
        Reserved {
            headers: ["X-Session".to_owned()].into_iter().collect(),
            cookies: ["LEGACYSESSID".to_owned()].into_iter().collect(),
        }
    }

    fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// Checklist H-09, H-10.
    #[test]
    fn ordinary_headers_pass_one_by_one() {
        let received = map(&[
            ("content-type", "text/plain"),
            ("set-cookie", "a=1; Path=/"),
            ("set-cookie", "b=2"),
            ("www-authenticate", "Basic realm=x"),
            ("location", "http://evil.test/"),
        ]);
        assert_eq!(clean_response(&received, &reserved()), received);
    }

    /// Checklist H-02.
    #[test]
    fn headers_of_the_connection_are_dropped() {
        let received = map(&[
            ("connection", "keep-alive, X-Hop"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("upgrade", "h2c"),
            ("x-hop", "1"),
            ("x-end", "2"),
        ]);
        assert_eq!(clean_response(&received, &reserved()), map(&[("x-end", "2")]));
    }

    /// Abuse case B8: what the legacy system knows the user by never reaches the app.
    #[test]
    fn the_connectors_own_session_never_reaches_the_app() {
        let received = map(&[
            ("set-cookie", "LEGACYSESSID=secret; HttpOnly"),
            ("set-cookie", " legacysessid =again"),
            ("set-cookie", "theme=dark"),
            ("x-session", "secret"),
        ]);
        let cleaned = clean_response(&received, &reserved());
        assert_eq!(values(&cleaned, "set-cookie"), ["theme=dark"]);
        assert!(!cleaned.contains_key("x-session"));
        assert_eq!(values(&clean_response(&received, &Reserved::default()), "set-cookie").len(), 3);
    }
}
