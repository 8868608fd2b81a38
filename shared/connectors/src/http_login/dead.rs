//! Decides whether a response of a back end means that its session has ended.

use gateway_config::connector::{DeadSession, RedirectTo};
use url::Url;

use crate::{ResponseStart, reference};

/// Whether the response meets one of the configured conditions.
pub(super) fn is_dead(dead: &DeadSession, response: &ResponseStart<'_>) -> bool {
    let status = response.status();
    dead.status.as_ref().is_some_and(|statuses| statuses.contains(status))
        || dead.redirect_to.as_ref().is_some_and(|to| response.redirect().is_some_and(|(_, target)| is_at(to, &target)))
        || dead.body_has.as_ref().is_some_and(|marker| response.has(marker.as_str()))
}

/// Whether a redirect leads to a configured place. It is compared as it is resolved against the URL that was requested
/// (RFC 3986 §5), since `login` and `../login` may mean `/login`.
pub(super) fn leads_to(to: &RedirectTo, requested: &Url, location: &str) -> bool {
    reference::resolved(requested, location).is_some_and(|target| is_at(to, &target))
}

fn is_at(to: &RedirectTo, target: &Url) -> bool {
    match to {
        RedirectTo::Path(path) => reference::path_and_query(target).starts_with(path),
        RedirectTo::Url(url) => reference::url(url.uri()).is_some_and(|wanted| {
            reference::same_origin(&wanted, target)
                && reference::path_and_query(target).starts_with(reference::path_and_query(&wanted))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::Response;
    use http::header::LOCATION;

    fn dead(yaml: &str, status: u16, location: &str, body: &'static [u8]) -> bool {
        let settings = crate::http_login::tests::settings("http://127.0.0.1:1", yaml);
        let response = Response::builder().status(status).header(LOCATION, location).body(Bytes::from_static(body));
        let url = "https://orders.example.com/orders/7".parse().unwrap();
        is_dead(&settings.dead_session, &ResponseStart::of(&response.unwrap()).at(&url))
    }

    #[test]
    fn a_redirect_to_the_login_is_a_dead_session_and_no_other_redirect_is() {
        let path = "dead_session: { redirect_to: /login }";
        for location in [
            "/login",
            "/login?next=/orders%3Fa=b|c",
            "http://any.example/login/x",
            "/login/",
            "../login",
            "//any.example/login",
            "/a/../login?x",
        ] {
            assert!(dead(path, 302, location, b""), "{location}");
        }
        for location in [
            "/",
            "/orders",
            "//login",
            "login",
            "?/login",
            "http://any.example/orders?next=/login",
            "",
            "http://a b/login",
        ] {
            assert!(!dead(path, 302, location, b""), "{location}");
        }
        assert!(!dead(path, 200, "/login", b"") && !dead(path, 401, "/", b""));
        assert!(dead("dead_session: { redirect_to: /orders/login }", 302, "login", b""));

        let url = "dead_session: { redirect_to: \"https://sso.example.com/\" }";
        for location in
            ["https://sso.example.com/?url=aHR0cDovLw==", "https://SSO.example.com:443/x", "https://sso.example.com"]
        {
            assert!(dead(url, 302, location, b""), "{location}");
        }
        for location in [
            "http://sso.example.com/",
            "https://sso.example.com.evil.test/",
            "https://sso.example.com@evil.test/",
            "https://evil.test/?https://sso.example.com/",
            "https://sso.example.com:8443/",
            "/sso.example.com/",
        ] {
            assert!(!dead(url, 302, location, b""), "{location}");
        }
    }

    #[test]
    fn a_status_of_the_list_or_a_text_in_the_body_is_a_dead_session() {
        let both = "dead_session: { status: [401, 440], body_has: \"Please log in\" }";
        assert!(dead(both, 440, "/", b"") && dead(both, 200, "/", b"<h1>Please log in</h1>"));
        // By its character, in whatever encoding the page is.
        let umlaut = "dead_session: { body_has: \"Bitte w\u{e4}hlen\" }";
        assert!(dead(umlaut, 200, "/", "Bitte w\u{e4}hlen".as_bytes()) && dead(umlaut, 200, "/", b"Bitte w\xe4hlen"));
        assert!(!dead(umlaut, 200, "/", b"Bitte w\xf6hlen"));
        assert!(!dead(both, 200, "/", b"fine") && !dead(both, 403, "/", b""));
    }
}
