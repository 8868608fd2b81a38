//! Keeps the cookies that a system sets during a login.

use gateway_domain::time::{Seconds, Timestamp};
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

use super::state::is_value;
use crate::cookie_date;

/// The most cookies that are kept.
const MOST: usize = 32;
/// The most bytes of all of them together.
const MOST_BYTES: usize = 8 * 1024;

/// A cookie. It has no `Debug`, because its value may be a session.
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) value: String,
    /// When it ends, if the response sets a time.
    pub(super) ends: Option<Timestamp>,
}

/// The cookies so far.
#[derive(Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    /// Keeps the cookies that a response sets. The last cookie of a name counts, and one that has ended deletes it
    /// (RFC 6265 §5.3). So does an empty value, which is no session. A cookie beyond the bounds is dropped.
    pub(super) fn keep(&mut self, headers: &HeaderMap, now: Timestamp) {
        for cookie in set_cookies(headers, now) {
            self.0.retain(|kept| kept.name != cookie.name);
            let room = self.0.len() < MOST && self.bytes() + cookie.name.len() + cookie.value.len() <= MOST_BYTES;
            if room && !is_deletion(&cookie, now) {
                self.0.push(cookie);
            }
        }
    }

    /// The cookie of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Cookie> {
        self.0.iter().find(|cookie| cookie.name == name)
    }

    /// The `Cookie` header of the next request, if there are cookies to send.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let sendable = self.0.iter().filter(|cookie| is_value(&cookie.value) && is_value(&cookie.name));
        let pairs: Vec<_> = sendable.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        if pairs.is_empty() { None } else { HeaderValue::from_str(&pairs.join("; ")).ok() }
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|cookie| cookie.name.len() + cookie.value.len()).sum()
    }
}

/// Whether a response sets this cookie, and does not delete it.
pub(super) fn sets(headers: &HeaderMap, name: &str, now: Timestamp) -> bool {
    let last = set_cookies(headers, now).filter(|cookie| cookie.name == name).last();
    last.is_some_and(|cookie| !is_deletion(&cookie, now))
}

fn is_deletion(cookie: &Cookie, now: Timestamp) -> bool {
    cookie.value.is_empty() || cookie.ends.is_some_and(|ends| ends <= now)
}

fn set_cookies(headers: &HeaderMap, now: Timestamp) -> impl Iterator<Item = Cookie> {
    let texts = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.filter_map(move |text| {
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (mut max_age, mut expires) = (None, None);
        for (attribute, value) in parts.filter_map(|attribute| attribute.split_once('=')) {
            match attribute.trim().to_ascii_lowercase().as_str() {
                "max-age" => max_age = value.trim().parse::<i64>().ok().or(max_age),
                "expires" => expires = cookie_date::parse(value).or(expires),
                _ => {}
            }
        }
        // An age of zero or less means that the cookie has already ended (RFC 6265 §5.2.2).
        let after = |age: i64| now.saturating_add(Seconds::new(u64::try_from(age).unwrap_or(0)));
        let ends = max_age.map(after).or(expires);
        Some(Cookie { name: name.trim().to_owned(), value: value.trim().to_owned(), ends })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn jar(set: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for text in set {
            jar.keep(&HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_str(text).unwrap())]), NOW);
        }
        jar
    }

    #[test]
    fn the_last_cookie_of_a_name_counts_and_a_deleted_one_is_gone() {
        let jar = jar(&[
            "a=1; Path=/",
            "b=2",
            "a=3; HttpOnly",
            "b=; Max-Age=0",
            "c=4; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ]);
        assert_eq!(jar.header().unwrap(), "a=3");
        assert!(jar.get("b").is_none() && jar.get("c").is_none());
    }

    /// RFC 6265 §5.3, step 3.
    #[test]
    fn max_age_goes_before_expires() {
        let ends = |text: &str| jar(&[text]).get("a").and_then(|cookie| cookie.ends);
        let expires = "Expires=Thu, 31 Jan 2030 12:00:00 GMT";
        assert_eq!(ends(&format!("a=1; {expires}; Max-Age=60")), Some(Timestamp::from_secs(1_800_000_060)));
        assert_eq!(ends(&format!("a=1; max-age=x; {expires}")), Some(Timestamp::from_secs(1_896_091_200)));
        assert_eq!(ends("a=1; Expires=whenever"), None);
    }

    #[test]
    fn cookies_beyond_all_measure_are_dropped() {
        let many: Vec<_> = (0..100).map(|n| format!("c{n}={}", "x".repeat(1000))).collect();
        let jar = jar(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(jar.bytes() <= MOST_BYTES && jar.0.len() < 10);
    }
}
