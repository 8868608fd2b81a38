//! Keeps the cookies of a login and sends them back, as RFC 6265 §5 has it.

use gateway_domain::time::{Seconds, Timestamp};
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::cookie_date;

/// The most cookies that are kept.
const MOST: usize = 64;
/// The most bytes of all of them together.
const MOST_BYTES: usize = 32 * 1024;

/// A cookie. It has no `Debug`, because its value may be a session.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    #[serde(serialize_with = "as_text", deserialize_with = "of_text")]
    value: Zeroizing<Vec<u8>>,
    domain: String,
    /// Whether it goes to its domain alone, and not to what is below.
    host_only: bool,
    path: String,
    /// Whether the response named the path.
    #[serde(skip)]
    names_path: bool,
    secure: bool,
    /// When it ends, if the response sets a time.
    pub(crate) ends: Option<Timestamp>,
}

impl Cookie {
    /// Its value, if it is a text.
    pub(crate) fn value(&self) -> Option<&str> {
        std::str::from_utf8(&self.value).ok().filter(|value| !value.is_empty())
    }

    /// Whether the host of this URL has it, at whatever path.
    fn is_of_host(&self, url: &Url) -> bool {
        if self.host_only { url.host_str() == Some(&self.domain) } else { domain_matches(url, &self.domain) }
    }

    /// Whether it goes with a request to this URL (RFC 6265 §5.4).
    fn goes_to(&self, url: &Url) -> bool {
        self.is_of_host(url) && path_matches(url.path(), &self.path) && (!self.secure || url.scheme() == "https")
    }

    /// Its path, if the response named one.
    pub(crate) fn named_path(&self) -> Option<&str> {
        self.names_path.then_some(self.path.as_str())
    }

    /// Whether its time is over.
    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }

    fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.domain == other.domain && self.path == other.path
    }

    /// Whether it is the same as another, but for an end that differs by less.
    pub(crate) fn is_as_good_as(&self, other: &Self, difference: Seconds) -> bool {
        let ends = match (self.ends, other.ends) {
            (Some(one), Some(other)) => one.since(other).max(other.since(one)) < difference,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        ends && self.is(other)
            && self.value == other.value
            && (self.host_only, self.secure) == (other.host_only, other.secure)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.name.len().saturating_add(self.value.len()).saturating_add(self.path.len())
    }
}

fn as_text<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    std::str::from_utf8(value).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

fn of_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<Vec<u8>>, D::Error> {
    Ok(Zeroizing::new(String::deserialize(deserializer)?.into_bytes()))
}

/// What one `Set-Cookie` did. It has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) path: String,
    /// Whether the response named the path.
    pub(crate) names_path: bool,
    pub(crate) kind: ChangeKind,
}

/// What happened to a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// It is there, with this end.
    Set(Option<Timestamp>),
    /// It is gone, or empty.
    Deleted,
    /// It is for another domain, or beyond the bounds.
    Ignored,
}

/// The cookies so far, in the order in which they were created.
#[derive(Default)]
pub(crate) struct Jar(pub(crate) Vec<Cookie>);

impl Jar {
    /// Keeps the cookies that the response from this URL sets. One with the same name, domain and path is replaced, and one
    /// that has ended is removed (RFC 6265 §5.3). A cookie beyond the bounds is dropped.
    ///
    /// `Secure` is kept for what came over https. Over plain http it was readable already, and a system behind a proxy that
    /// ends TLS says it of the other side.
    pub(crate) fn keep(&mut self, headers: &HeaderMap, url: &Url, now: Timestamp) -> Vec<Change> {
        let lines = headers.get_all(SET_COOKIE).iter();
        lines.filter_map(|line| parse(line.as_bytes(), url, now)).map(|parsed| self.store(parsed, now)).collect()
    }

    /// Removes the cookies that the response from this URL deletes, or empties, and keeps none.
    pub(crate) fn delete(&mut self, headers: &HeaderMap, url: &Url, now: Timestamp) {
        let parsed = headers.get_all(SET_COOKIE).iter().filter_map(|line| parse(line.as_bytes(), url, now));
        for (cookie, _) in parsed.filter(|(cookie, sound)| *sound && (cookie.has_ended(now) || cookie.value.is_empty()))
        {
            self.0.retain(|kept| !kept.is(&cookie));
        }
    }

    fn store(&mut self, (cookie, sound): (Cookie, bool), now: Timestamp) -> Change {
        let names_path = cookie.names_path;
        let change = |kind| Change { name: cookie.name.clone(), path: cookie.path.clone(), names_path, kind };
        if !sound {
            return change(ChangeKind::Ignored);
        }
        let place = self.0.iter().position(|kept| kept.is(&cookie));
        if cookie.has_ended(now) {
            self.0.retain(|kept| !kept.is(&cookie));
            return change(ChangeKind::Deleted);
        }
        let others: usize = self.0.iter().filter(|kept| !kept.is(&cookie)).map(Cookie::bytes).sum();
        if others.saturating_add(cookie.bytes()) > MOST_BYTES || (place.is_none() && self.0.len() >= MOST) {
            self.0.retain(|kept| !kept.is(&cookie));
            return change(ChangeKind::Ignored);
        }
        let change = change(if cookie.value.is_empty() { ChangeKind::Deleted } else { ChangeKind::Set(cookie.ends) });
        // The creation time of the old cookie stays (RFC 6265 §5.3, step 11.3).
        match place.and_then(|place| self.0.get_mut(place)) {
            Some(kept) => *kept = cookie,
            None => self.0.push(cookie),
        }
        change
    }

    /// The cookie of this name: the one that would be sent to this URL first, or else the latest of any path there. That of
    /// another host of the login, such as a single sign-on, is never taken for it.
    pub(crate) fn get(&self, name: &str, url: &Url) -> Option<&Cookie> {
        let sent = self.sent_to(url).into_iter().find(|cookie| cookie.name == name);
        sent.or_else(|| self.0.iter().rev().find(|cookie| cookie.name == name && cookie.is_of_host(url)))
    }

    /// The cookies of this name that go with a request to this URL, the one that is sent first before the others.
    pub(crate) fn all<'j>(&'j self, name: &'j str, url: &Url) -> impl Iterator<Item = &'j Cookie> + use<'j> {
        self.sent_to(url).into_iter().filter(move |cookie| cookie.name == name)
    }

    /// The `Cookie` header of a request to this URL, if there are cookies for it.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let mut line = Zeroizing::new(Vec::with_capacity(MOST_BYTES));
        for cookie in self.sent_to(url) {
            if !line.is_empty() {
                line.extend_from_slice(b"; ");
            }
            line.extend_from_slice(cookie.name.as_bytes());
            line.push(b'=');
            line.extend_from_slice(&cookie.value);
        }
        let mut value = HeaderValue::from_bytes(&line).ok().filter(|_| !line.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The names of the cookies that go with a request to this URL.
    pub(crate) fn names(&self, url: &Url) -> Vec<String> {
        self.sent_to(url).into_iter().map(|cookie| cookie.name.clone()).collect()
    }

    /// Longer paths first, then older cookies (RFC 6265 §5.4, step 2).
    fn sent_to(&self, url: &Url) -> Vec<&Cookie> {
        let mut sent: Vec<_> = self.0.iter().filter(|cookie| cookie.goes_to(url)).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        sent
    }
}

/// Reads one `Set-Cookie` (RFC 6265 §5.2), and whether this URL may set such a cookie.
fn parse(line: &[u8], url: &Url, now: Timestamp) -> Option<(Cookie, bool)> {
    let mut parts = line.split(|byte| *byte == b';');
    let pair = parts.next()?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (pair.get(..equals)?.trim_ascii(), pair.get(equals.saturating_add(1)..)?.trim_ascii());
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && name.is_ascii())?.to_owned();
    let (mut max_age, mut expires, mut domain, mut path, mut secure) = (None, None, None, None, false);
    for attribute in parts.filter_map(|attribute| std::str::from_utf8(attribute).ok()) {
        let (attribute, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let value = value.trim();
        match attribute.trim().to_ascii_lowercase().as_str() {
            "max-age" => max_age = value.parse::<i64>().ok().or(max_age),
            "expires" => expires = cookie_date::parse(value).or(expires),
            "domain" => domain = Some(value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase()),
            "path" => path = Some(value.to_owned()),
            "secure" => secure = true,
            _ => {}
        }
    }
    // An age of zero or less means that the cookie has already ended (RFC 6265 §5.2.2).
    let after = |age: i64| now.saturating_add(Seconds::new(u64::try_from(age).unwrap_or(0)));
    let domain = domain.filter(|domain| !domain.is_empty());
    let sound = domain.as_ref().is_none_or(|domain| domain_matches(url, domain));
    let path = path.filter(|path| path.starts_with('/'));
    let cookie = Cookie {
        name,
        value: Zeroizing::new(value.to_vec()),
        host_only: domain.is_none(),
        domain: domain.unwrap_or_else(|| url.host_str().unwrap_or_default().to_owned()),
        names_path: path.is_some(),
        path: path.unwrap_or_else(|| default_path(url.path()).to_owned()),
        secure: secure && url.scheme() == "https",
        ends: max_age.map(after).or(expires),
    };
    Some((cookie, sound))
}

/// RFC 6265 §5.1.4.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(last) => path.get(..last).unwrap_or("/"),
    }
}

/// RFC 6265 §5.1.4.
pub(crate) fn path_matches(path: &str, cookie: &str) -> bool {
    path.strip_prefix(cookie).is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// RFC 6265 §5.1.3.
fn domain_matches(url: &Url, domain: &str) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => {
            let below = host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            // A domain of one label, such as `com`, is nobody's.
            below && (domain.contains('.') || host == domain)
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => url.host_str() == Some(domain),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn at(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn headers(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_bytes(text.as_bytes()).unwrap())])
    }

    /// A jar after these responses, each with the URL that it came from.
    fn jar(set: &[(&str, &str)]) -> Jar {
        let mut jar = Jar::default();
        for (url, text) in set {
            jar.keep(&headers(text), &at(url), NOW);
        }
        jar
    }

    fn sent(jar: &Jar, url: &str) -> String {
        jar.header(&at(url)).map_or(String::new(), |value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn the_last_cookie_of_a_name_counts_and_a_deleted_one_is_gone() {
        let all =
            ["a=1; Path=/", "b=2", "a=3; HttpOnly", "b=; Max-Age=0", "c=4; Expires=Thu, 01 Jan 1970 00:00:00 GMT"];
        let jar = jar(&all.map(|text| ("https://a.test/", text)));
        assert_eq!(sent(&jar, "https://a.test/x"), "a=3");
        assert!(jar.get("b", &at("https://a.test/")).is_none() && jar.get("c", &at("https://a.test/")).is_none());
    }

    /// RFC 6265 §5.3, step 3.
    #[test]
    fn max_age_goes_before_expires() {
        let url = "https://a.test/";
        let ends = |text: &str| jar(&[(url, text)]).get("a", &at(url)).and_then(|cookie| cookie.ends);
        let expires = "Expires=Thu, 31 Jan 2030 12:00:00 GMT";
        assert_eq!(ends(&format!("a=1; {expires}; Max-Age=60")), Some(Timestamp::from_secs(1_800_000_060)));
        assert_eq!(ends(&format!("a=1; max-age=x; {expires}")), Some(Timestamp::from_secs(1_896_091_200)));
        assert_eq!(ends("a=1; Expires=whenever"), None);
    }

    /// RFC 6265 §5.1.4 and §5.4: JSESSIONID at `/` and at `/app` are two cookies.
    #[test]
    fn a_cookie_goes_where_its_path_leads_and_the_longest_path_comes_first() {
        let jar = jar(&[
            ("https://a.test/", "S=root; Path=/"),
            ("https://a.test/app/login", "S=app"),
            ("https://a.test/app/login", "T=deep; Path=/app/admin"),
            ("https://a.test/app/login", "U=odd; Path=app"),
        ]);
        for (url, cookies) in [
            ("https://a.test/", "S=root"),
            ("https://a.test/app", "S=app; U=odd; S=root"),
            ("https://a.test/app/x", "S=app; U=odd; S=root"),
            ("https://a.test/application", "S=root"),
            ("https://a.test/app/admin/", "T=deep; S=app; U=odd; S=root"),
            ("https://b.test/app", ""),
        ] {
            assert_eq!(sent(&jar, url), cookies, "{url}");
        }
        let found = |url: &str, name: &str| jar.get(name, &at(url)).and_then(Cookie::value).map(str::to_owned);
        assert_eq!(found("https://a.test/", "S").as_deref(), Some("root"));
        assert_eq!(found("https://a.test/app/", "S").as_deref(), Some("app"));
        assert_eq!(found("https://a.test/", "T").as_deref(), Some("deep"));
        assert_eq!(found("https://b.test/", "S"), None);
    }

    /// RFC 6265 §5.1.3 and §5.3, steps 4 to 6.
    #[test]
    fn a_cookie_of_a_domain_goes_below_it_and_nobody_sets_that_of_another() {
        let mut all = Jar::default();
        let mut keep = |url: &str, text: &str| all.keep(&headers(text), &at(url), NOW).remove(0).kind;
        let set = ChangeKind::Set(None);
        assert_eq!(keep("https://sso.a.test/", "host=1"), set);
        assert_eq!(keep("https://sso.a.test/", "all=1; Domain=.A.test"), set);
        for domain in ["b.test", "app.a.test", "xa.test", "test", "1.2.3.4", "so.a.test"] {
            let text = format!("bad=1; Domain={domain}");
            assert_eq!(keep("https://sso.a.test/", &text), ChangeKind::Ignored, "{domain}");
        }
        assert_eq!(keep("http://127.0.0.1/", "ip=1; Domain=127.0.0.1"), set);
        assert_eq!(keep("http://127.0.0.1/", "bad=1; Domain=0.0.1"), ChangeKind::Ignored);
        assert_eq!(keep("http://localhost/", "local=1; Domain=localhost"), set);
        for (url, cookies) in [
            ("https://sso.a.test/", "host=1; all=1"),
            ("https://x.sso.a.test/", "all=1"),
            ("https://app.a.test/", "all=1"),
            ("https://a.test/", "all=1"),
            ("https://xa.test/", ""),
            ("http://127.0.0.1:8080/", "ip=1"),
        ] {
            assert_eq!(sent(&all, url), cookies, "{url}");
        }
    }

    #[test]
    fn a_secure_cookie_stays_off_plain_http_unless_it_came_that_way() {
        let secure = jar(&[("https://a.test/", "S=1; Secure"), ("http://b.test/", "T=1; Secure")]);
        assert_eq!((sent(&secure, "https://a.test/"), sent(&secure, "http://a.test/")), ("S=1".into(), String::new()));
        assert_eq!(sent(&secure, "http://b.test/"), "T=1");
    }

    #[test]
    fn values_are_sent_as_they_came() {
        let all = ["a=\"x, y\"", "b=\u{fc}", "c=1=2", "d=", "=e", "f", "g=1\t2"];
        let jar = jar(&all.map(|text| ("https://a.test/", text)));
        assert_eq!(sent(&jar, "https://a.test/"), "a=\"x, y\"; b=\u{fc}; c=1=2; d=; g=1\t2");
    }

    #[test]
    fn cookies_beyond_all_measure_are_dropped() {
        let many: Vec<_> = (0..1000).map(|n| format!("c{n}={}", "x".repeat(1000))).collect();
        let jar_of_large = jar(&many.iter().map(|text| ("https://a.test/", text.as_str())).collect::<Vec<_>>());
        assert!(jar_of_large.0.iter().map(Cookie::bytes).sum::<usize>() <= MOST_BYTES && jar_of_large.0.len() < 40);
        let many: Vec<_> = (0..1000).map(|n| format!("c{n}=x")).collect();
        let jar_of_many = jar(&many.iter().map(|text| ("https://a.test/", text.as_str())).collect::<Vec<_>>());
        assert_eq!(jar_of_many.0.len(), MOST);
    }
}
