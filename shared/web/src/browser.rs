//! The browser that a form is bound to, so that no other page can send the form in its name (CSRF).

use crate::{Site, cookie};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::entropy::{Entropy, NoEntropy};
use gateway_domain::event::ApiRequest;
use gateway_domain::secret::{Secret, sha256};

/// The name of the cookie, without its prefix.
const COOKIE: &str = "browser";
/// The length of its value: 256 bits in base64url.
const LENGTH: usize = 43;

/// The browser that a form is bound to.
pub struct Browser {
    value: Secret,
    set_cookie: Option<String>,
}

impl Browser {
    /// The browser of a request, by its cookie. One without is given a cookie with 256 random bits.
    pub fn of(site: &Site, request: &ApiRequest, entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let known = cookie(request, &site.cookie_name(COOKIE)).filter(|value| {
            value.len() == LENGTH && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        });
        if let Some(value) = known {
            return Ok(Self { value: Secret::new(value.to_owned()), set_cookie: None });
        }
        let value = URL_SAFE_NO_PAD.encode(entropy.bytes::<32>()?);
        let set_cookie = Some(site.set_cookie(COOKIE, &value, None));
        Ok(Self { value: Secret::new(value), set_cookie })
    }

    /// The value of the hidden field `form_token` of a form, for this browser and purpose alone. It tells nothing of the
    /// cookie.
    pub fn form_token(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(sha256(format!("form\0{purpose}\0{}", self.value.expose()).as_bytes()))
    }

    /// Whether a form was made for this browser and purpose.
    pub fn check(&self, purpose: &str, form_token: Option<&str>) -> bool {
        let expected = Secret::new(self.form_token(purpose));
        form_token.is_some_and(|given| expected.constant_time_eq(given.as_bytes()))
    }

    /// The value of `Set-Cookie`, if the browser has no cookie yet.
    pub fn set_cookie(&self) -> Option<&str> {
        self.set_cookie.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::{ISSUER, request, site};

    /// Bytes that all have one value.
    struct Same(u8);

    impl Entropy for Same {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    struct Nothing;

    impl Entropy for Nothing {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy("none".to_owned()))
        }
    }

    fn browser(cookies: &str, entropy: &dyn Entropy) -> Result<Browser, NoEntropy> {
        Browser::of(&site("{}", ISSUER, "en"), &request(&[("Cookie", cookies)]), entropy)
    }

    fn value(letter: &str) -> String {
        letter.repeat(LENGTH)
    }

    #[test]
    fn a_browser_without_a_cookie_gets_one_and_keeps_it() {
        let new = browser("", &Same(0)).unwrap();
        let expected = format!("__Host-gateway-browser={}; Path=/; Secure; HttpOnly; SameSite=Lax", value("A"));
        assert_eq!(new.set_cookie(), Some(expected.as_str()));
        let known = browser(&format!("__Host-gateway-browser={}", value("A")), &Nothing).unwrap();
        assert_eq!(known.set_cookie(), None);
        assert_eq!(known.form_token("login"), new.form_token("login"));
        assert!(browser("", &Nothing).is_err());
    }

    #[test]
    fn a_cookie_that_the_gateway_did_not_make_is_replaced() {
        for cookies in [
            "__Host-gateway-browser=".to_owned(),
            "__Host-gateway-browser=short".to_owned(),
            format!("__Host-gateway-browser={}", value("!")),
            format!("__Host-gateway-browser={}A", value("A")),
            format!("__Host-gateway-browser={}; __Host-gateway-browser={}", value("A"), value("B")),
            format!("gateway-browser={}", value("A")),
        ] {
            assert!(browser(&cookies, &Same(1)).unwrap().set_cookie().is_some(), "{cookies}");
        }
    }

    #[test]
    fn a_form_is_bound_to_its_browser_and_purpose() {
        let (one, other) = (browser("", &Same(0)).unwrap(), browser("", &Same(1)).unwrap());
        let token = one.form_token("login");
        assert!(one.check("login", Some(&token)));
        assert!(!other.check("login", Some(&token)));
        assert!(!one.check("consent", Some(&token)));
        assert!(!one.check("login", Some(&token[1..])));
        assert!(!one.check("login", Some(&token.to_lowercase())));
        assert!(!one.check("login", Some("")));
        assert!(!one.check("login", None));
        assert_ne!(token, value("A"), "the form does not tell the cookie");
    }
}
