//! The cookies of one session at the back end of an API, kept at the gateway for an app that keeps none.

use gateway_domain::headers::{Reserved, is_own_cookie};
use gateway_domain::time::{Seconds, Timestamp};
use http::header::{HeaderMap, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use crate::http_login::cookies::{Cookie, Jar};

/// The most bytes of names and values of all cookies together.
const MOST_BYTES: usize = 4096;

/// An end that moves by less is not worth a write, if the cookie lives for longer than some times that.
const WORTH_A_WRITE: u64 = 60;

/// A jar, which is empty at first.
#[derive(Default)]
pub struct CookieJar(Jar);

impl CookieJar {
    /// Reads the bytes of [`CookieJar::write`]; `None` if they are not those of a jar.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self(Jar(serde_json::from_slice(bytes).ok()?)))
    }

    /// The jar as bytes, which hold the cookies' values.
    pub fn write(&self) -> Option<Zeroizing<Vec<u8>>> {
        serde_json::to_vec(&self.0.0).ok().map(Zeroizing::new)
    }

    /// Keeps the cookies that the response from this URL sets (RFC 6265 §5.3), but for those of the connector and of the gateway, and
    /// those beyond the bounds: half of what the back end takes as headers, and 4 KB. Returns whether that is worth a write.
    pub fn keep(
        &mut self,
        headers: &HeaderMap,
        url: &Url,
        now: Timestamp,
        (reserved, max_header_bytes): (&Reserved, usize),
    ) -> bool {
        let before: Vec<Cookie> = self.0.0.clone();
        self.0.keep(headers, url, now);
        let cookies = &mut self.0.0;
        cookies.retain(|cookie| {
            !cookie.has_ended(now)
                && cookie.value().is_some()
                && !reserved.has_cookie(&cookie.name)
                && !is_own_cookie(cookie.name.as_bytes())
        });
        let most = MOST_BYTES.min(max_header_bytes / 2);
        let mut bytes = 0_usize;
        cookies.retain(|cookie| {
            let with = bytes.saturating_add(cookie.bytes()).saturating_add(3);
            let fits = with <= most;
            bytes = if fits { with } else { bytes };
            fits
        });
        let same = |(one, other): (&Cookie, &Cookie)| {
            let left = other.ends.map_or(u64::MAX, |ends| ends.since(now).as_u64());
            one.is_as_good_as(other, Seconds::new(WORTH_A_WRITE.min(left / 4)))
        };
        before.len() != cookies.len() || !before.iter().zip(cookies.iter()).all(same)
    }

    /// Removes the cookies that the response from this URL deletes, and keeps none. Returns whether there were any.
    pub fn delete(&mut self, headers: &HeaderMap, url: &Url, now: Timestamp) -> bool {
        let before = self.0.0.len();
        self.0.delete(headers, url, now);
        self.0.0.len() < before
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// The `Cookie` header of a request to this URL, if there are cookies for it (RFC 6265 §5.4). None is the connector's, also where
    /// that had another name when the cookie was kept.
    pub fn header(&mut self, url: &Url, now: Timestamp, reserved: &Reserved) -> Option<HeaderValue> {
        self.0.0.retain(|cookie| !cookie.has_ended(now) && !reserved.has_cookie(&cookie.name));
        self.0.header(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::SET_COOKIE;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
    const WIDE: usize = 65_536;

    fn at(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn reserved() -> Reserved {
        Reserved { cookies: ["SESSID".to_owned()].into(), ..Reserved::default() }
    }

    fn keep(jar: &mut CookieJar, lines: &[&str], now: Timestamp, most: usize) -> bool {
        let lines = lines.iter().map(|line| (SET_COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        jar.keep(&headers, &at("https://shop.test/app/x"), now, (&reserved(), most))
    }

    fn sent(jar: &mut CookieJar, url: &str, now: Timestamp) -> String {
        jar.header(&at(url), now, &reserved()).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_jar_is_read_as_it_was_written() {
        let mut jar = CookieJar::default();
        let lines =
            ["lang=de; Path=/; Max-Age=600", "cart=\"a b\"; Secure; HttpOnly", "d=1; Domain=shop.test", "a=\u{e9}"];
        assert!(keep(&mut jar, &lines, NOW, WIDE));
        let mut read = CookieJar::read(&jar.write().unwrap()).unwrap();
        for (url, cookies) in [
            ("https://shop.test/app/y", "cart=\"a b\"; d=1; a=\u{e9}; lang=de"),
            ("https://shop.test/", "lang=de"),
            ("http://shop.test/app/", "d=1; a=\u{e9}; lang=de"),
            ("https://sub.shop.test/app/", "d=1"),
            ("https://other.test/app/", ""),
        ] {
            let value = |jar: &mut CookieJar| {
                jar.header(&at(url), NOW, &reserved())
                    .map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
            };
            assert_eq!(value(&mut read).unwrap_or_default(), cookies, "{url}");
        }
        for bytes in [&b""[..], b"{}", b"[1]", b"[{}]", b"\xff"] {
            assert!(CookieJar::read(bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn cookies_of_the_connector_and_of_the_gateway_are_not_kept() {
        let mut jar = CookieJar::default();
        let lines = ["SESSID=1", "sessid=2", "gateway-login=3", "__Host-gateway-login=4", "\u{e4}=5", "=6", "empty="];
        assert!(!keep(&mut jar, &lines, NOW, WIDE));
        assert_eq!(sent(&mut jar, "https://shop.test/app/", NOW), "");
    }

    #[test]
    fn only_what_makes_a_difference_is_worth_a_write() {
        let mut jar = CookieJar::default();
        assert!(!keep(&mut jar, &[], NOW, WIDE));
        let after = |seconds| NOW.saturating_add(Seconds::new(seconds));
        assert!(keep(&mut jar, &["a=1; Max-Age=600"], NOW, WIDE));
        assert!(!keep(&mut jar, &["a=1; Max-Age=600"], after(59), WIDE));
        // Measured from what was written last, which a caller who writes nothing keeps.
        let mut jar = CookieJar::default();
        assert!(keep(&mut jar, &["a=1; Max-Age=600"], NOW, WIDE));
        assert!(keep(&mut jar, &["a=1; Max-Age=600"], after(60), WIDE));
        assert!(keep(&mut jar, &["a=2; Max-Age=600"], after(60), WIDE));
        assert!(keep(&mut jar, &["a=2"], after(60), WIDE), "now it ends with the session");
        assert!(keep(&mut jar, &["a=; Max-Age=0"], after(60), WIDE));
        assert!(!keep(&mut jar, &["a=; Max-Age=0"], after(60), WIDE));
    }

    #[test]
    fn a_cookie_that_lives_shortly_is_prolonged_in_time() {
        let mut jar = CookieJar::default();
        let after = |seconds| NOW.saturating_add(Seconds::new(seconds));
        assert!(keep(&mut jar, &["a=1; Max-Age=60"], NOW, WIDE));
        assert!(keep(&mut jar, &["a=1; Max-Age=60"], after(15), WIDE));
        assert_eq!(sent(&mut jar, "https://shop.test/app/", after(74)), "a=1");
    }

    #[test]
    fn a_deletion_alone_keeps_nothing() {
        let mut jar = CookieJar::default();
        keep(&mut jar, &["a=1", "b=1", "c=1; Path=/", "d=1"], NOW, WIDE);
        let mut headers = HeaderMap::new();
        for line in
            ["a=; Max-Age=0", "b=2", "c=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "d=", "e=5", "x=; Max-Age=0"]
        {
            headers.append(SET_COOKIE, HeaderValue::from_static(line));
        }
        assert!(jar.delete(&headers, &at("https://shop.test/app/x"), NOW));
        assert_eq!(sent(&mut jar, "https://shop.test/app/", NOW), "b=1; c=1", "another path is another cookie");
        assert!(!jar.delete(&headers, &at("https://shop.test/app/x"), NOW));
    }

    #[test]
    fn what_has_become_the_connectors_is_not_sent() {
        let mut jar = CookieJar::default();
        keep(&mut jar, &["a=1", "b=1"], NOW, WIDE);
        let reserved = Reserved { cookies: ["a".to_owned()].into(), ..Reserved::default() };
        assert_eq!(jar.header(&at("https://shop.test/app/"), NOW, &reserved).unwrap(), "b=1");
    }

    #[test]
    fn a_cookie_that_has_ended_is_not_sent() {
        let mut jar = CookieJar::default();
        keep(&mut jar, &["a=1; Max-Age=60", "b=1"], NOW, WIDE);
        let later = NOW.saturating_add(Seconds::new(60));
        assert_eq!(sent(&mut jar, "https://shop.test/app/", later), "b=1");
        assert!(keep(&mut jar, &["b=2"], later, WIDE));
    }

    #[test]
    fn a_jar_leaves_room_for_the_other_headers_of_a_call() {
        let mut jar = CookieJar::default();
        let large = format!("large={}", "x".repeat(2_000));
        assert!(keep(&mut jar, &["small=1", &large, &large.replace("large", "other"), "last=1"], NOW, WIDE));
        let cookies = sent(&mut jar, "https://shop.test/app/", NOW);
        assert!(cookies.len() < 4_096 && cookies.starts_with("small=1; large=") && cookies.ends_with("last=1"));
        let mut jar = CookieJar::default();
        keep(&mut jar, &["small=1", &large], NOW, 1_024);
        assert_eq!(sent(&mut jar, "https://shop.test/app/", NOW), "small=1");
    }
}
