//! The gateway's own cookies. Back ends share its origin: they neither receive these cookies nor set them.

/// What the names of the gateway's cookies begin with, behind `__Host-` or not.
pub const OWN_COOKIES: &str = "gateway-";

/// What the name of a cookie begins with if it belongs to its host alone (RFC 6265bis §4.1.3.2).
pub const HOST_PREFIX: &str = "__Host-";

/// Whether a cookie could be one of the gateway's own, also for whom compares names without case, ignores quotes, or takes a
/// cookie without a name for one with the name in its value, as browsers send it (RFC 6265bis §5.8.3). Readers differ in what
/// they take for white space before a name, so no byte that is neither a letter nor a visible sign of ASCII counts.
pub fn is_own(cookie: &[u8]) -> bool {
    let begin = cookie.iter().position(|byte| byte.is_ascii_graphic() && !b"=\"".contains(byte));
    let name = cookie.get(begin.unwrap_or(cookie.len())..).unwrap_or_default();
    let after_prefix = name.get(HOST_PREFIX.len()..).filter(|_| begins(name, HOST_PREFIX)).unwrap_or(name);
    begins(after_prefix, OWN_COOKIES)
}

fn begins(text: &[u8], prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// A `Cookie` of a client without the gateway's own; `None` if no other is left. Semicolons and commas separate cookies even
/// between quotes, where some back ends see a single one.
pub(super) fn without_own(cookies: &str) -> Option<String> {
    let is_separator = |c: char| c == ';' || c == ',';
    if !cookies.split(is_separator).any(|cookie| is_own(cookie.as_bytes())) {
        return Some(cookies.to_owned());
    }
    let kept = cookies.split(is_separator).filter(|cookie| !is_own(cookie.as_bytes()));
    let kept: Vec<_> =
        kept.map(|cookie| cookie.trim_matches([' ', '\t'])).filter(|cookie| !cookie.is_empty()).collect();
    (!kept.is_empty()).then(|| kept.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_cookies_are_told_from_others_however_they_are_written() {
        for own in [
            "gateway-login=x",
            "__Host-gateway-login=x; Path=/",
            "GATEWAY-Browser=x",
            "__HOST-Gateway-x=",
            " \tgateway-login = x",
            "\"gateway-login\"=x",
            "=gateway-login=x",
            "= __Host-gateway-login=x",
            "gateway-",
            "\u{a0}__Host-gateway-login=x",
            "\u{85}gateway-login=x",
            "\u{2003} \u{3000}gateway-login=x",
            "\u{1}gateway-login=x",
        ] {
            assert!(is_own(own.as_bytes()), "{own}");
        }
        for other in
            ["gateway=x", "mygateway-login=x", "a=gateway-login", "__Secure-gateway-x=1", "__Host-x=1", "", "="]
        {
            assert!(!is_own(other.as_bytes()), "{other}");
        }
    }

    /// Abuse case B10.
    #[test]
    fn a_clients_cookies_lose_the_gateways() {
        for (sent, kept) in [
            ("a=1; b=\"x,y\"", Some("a=1; b=\"x,y\"")),
            ("a=1; __Host-gateway-login=secret; b=2", Some("a=1; b=2")),
            ("gateway-browser=secret", None),
            ("gateway-browser=secret;", None),
            ("a=1,gateway-browser=secret", Some("a=1")),
            // To a back end that honours quotes, all of this is the value of `a`.
            ("$Version=1; a=\"b; __Host-gateway-login=secret; c\"", Some("$Version=1; a=\"b; c\"")),
            ("", Some("")),
        ] {
            assert_eq!(without_own(sent).as_deref(), kept, "{sent}");
        }
    }
}
