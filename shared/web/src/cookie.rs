//! Cookies of the pages: their names and attributes.

use crate::Site;
use gateway_domain::event::ApiRequest;
use gateway_domain::headers::{HOST_PREFIX, OWN_COOKIES};
use gateway_domain::time::Seconds;

/// The cookie of a login of a browser, without its prefix.
pub const LOGIN_COOKIE: &str = "login";

impl Site {
    /// The cookie of the login of this browser, if it has one.
    pub fn login_cookie<'a>(&self, request: &'a ApiRequest) -> Option<&'a str> {
        cookie(request, &self.cookie_name(LOGIN_COOKIE))
    }

    /// The full name of a cookie. Browsers take a name with `__Host-` from this very host by https alone (RFC 6265bis
    /// §4.1.3.2), so neither a sister host nor a plain connection can set it. Back ends, which share the host, get and set none of these
    /// names.
    pub fn cookie_name(&self, name: &str) -> String {
        let prefix = if self.is_secure() { HOST_PREFIX } else { "" };
        format!("{prefix}{OWN_COOKIES}{name}")
    }

    /// The field value that sets a cookie. Without `max_age` it ends with the browser. Scripts cannot read it, and forms of
    /// other sites do not send it.
    pub fn set_cookie(&self, name: &str, value: &str, max_age: Option<Seconds>) -> String {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let age = max_age.map(|age| format!("; Max-Age={}", age.as_u64())).unwrap_or_default();
        format!("{}={value}; Path=/{secure}; HttpOnly; SameSite=Lax{age}", self.cookie_name(name))
    }

    /// The field value that removes a cookie.
    pub fn clear_cookie(&self, name: &str) -> String {
        self.set_cookie(name, "", Some(Seconds::new(0)))
    }
}

/// The value of a cookie, by its full name. `None` if it came twice: then one of them was set by somebody else, and nothing
/// tells which.
pub fn cookie<'a>(request: &'a ApiRequest, name: &str) -> Option<&'a str> {
    let pairs = request.header_values("Cookie").flat_map(|header| header.split(';'));
    let mut values =
        pairs.filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('=').filter(|(given, _)| *given == name));
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::{ISSUER, request, site};

    #[test]
    fn a_cookie_of_an_https_site_is_bound_to_its_host() {
        let site = site("{}", ISSUER, "en");
        assert_eq!(site.cookie_name("login"), "__Host-gateway-login");
        assert_eq!(
            site.set_cookie("login", "x", None),
            "__Host-gateway-login=x; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            site.set_cookie("login", "x", Some(Seconds::new(60))),
            "__Host-gateway-login=x; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60"
        );
        assert_eq!(
            site.clear_cookie("login"),
            "__Host-gateway-login=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }

    #[test]
    fn a_cookie_of_a_site_on_this_machine_does_without_https() {
        let site = site("{}", "http://127.0.0.1:3000", "en");
        assert_eq!(site.cookie_name("login"), "gateway-login");
        assert_eq!(site.set_cookie("login", "x", None), "gateway-login=x; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_that_came_twice_is_none() {
        let read = |headers: &[(&str, &str)]| cookie(&request(headers), "a").map(str::to_owned);
        assert_eq!(read(&[("Cookie", "b=1; a=x=y;c=2")]), Some("x=y".to_owned()));
        assert_eq!(read(&[("Cookie", "b=1"), ("cookie", "a=2")]), Some("2".to_owned()));
        assert_eq!(read(&[("Cookie", "a=1; a=2")]), None);
        assert_eq!(read(&[("Cookie", "a=1; a=1")]), None);
        assert_eq!(read(&[("Cookie", "a=1"), ("Cookie", "a=2")]), None);
        assert_eq!(read(&[("Cookie", "A=1; ab=2; a")]), None);
        // White space of other scripts is part of a name, for which browsers hold no rule about prefixes.
        for space in ["\u{a0}", "\u{85}", "\u{2003}", "\u{3000}", "\u{b}"] {
            assert_eq!(read(&[("Cookie", &format!("{space}a=1; a=2"))]), Some("2".to_owned()), "{space:?}");
            assert_eq!(read(&[("Cookie", &format!("{space}a=1"))]), None, "{space:?}");
        }
        assert_eq!(read(&[]), None);
    }
}
