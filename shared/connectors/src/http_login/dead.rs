//! Decides whether a response of a back end means that its session has ended.

use gateway_config::HttpUrl;
use gateway_config::connector::{DeadSession, RedirectTo};
use http::Uri;
use http::header::LOCATION;
use http::uri::Scheme;

use crate::ResponseStart;

/// Whether the response meets one of the configured conditions.
pub(super) fn is_dead(dead: &DeadSession, response: &ResponseStart<'_>) -> bool {
    let status = response.status();
    dead.status.as_ref().is_some_and(|statuses| statuses.contains(status))
        || (status.is_redirection() && dead.redirect_to.as_ref().is_some_and(|to| leads_to(to, response)))
        || dead.body_has.as_ref().is_some_and(|marker| marker.is_in(response.body()))
}

fn leads_to(to: &RedirectTo, response: &ResponseStart<'_>) -> bool {
    let Some(location) = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()) else { return false };
    // A query may contain characters that `Uri` does not accept. Only the part before it decides where the redirect leads.
    let readable = |text: &str| text.parse::<Uri>().ok();
    let before_query = location.split(['?', '#']).next().unwrap_or_default();
    let Some(uri) = readable(before_query) else { return false };
    match to {
        RedirectTo::Path(path) => match uri.scheme() {
            None => location.starts_with(path),
            Some(_) => path_and_query(location).is_some_and(|found| found.starts_with(path)),
        },
        RedirectTo::Url(url) => {
            let found = path_and_query(location).map(|found| if found.starts_with('/') { found } else { "/" });
            let wanted = url.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
            same_origin(url, &uri) && found.is_some_and(|found| found.starts_with(wanted))
        }
    }
}

/// The part of an absolute URL after scheme, host and port.
fn path_and_query(location: &str) -> Option<&str> {
    let (_, rest) = location.split_once("://")?;
    rest.find(['/', '?', '#']).map_or(Some(""), |at| rest.get(at..))
}

fn same_origin(url: &HttpUrl, other: &Uri) -> bool {
    let port = |uri: &Uri| uri.port_u16().or_else(|| Some(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 }));
    let hosts = (url.uri().host(), other.host());
    let same_host = matches!(hosts, (Some(one), Some(other)) if one.eq_ignore_ascii_case(other));
    same_host && url.uri().scheme() == other.scheme() && port(url.uri()) == port(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::Response;

    fn dead(yaml: &str, status: u16, location: &str, body: &'static [u8]) -> bool {
        let settings = crate::http_login::tests::settings("http://127.0.0.1:1", yaml);
        let response = Response::builder().status(status).header(LOCATION, location).body(Bytes::from_static(body));
        is_dead(&settings.dead_session, &ResponseStart::of(&response.unwrap()))
    }

    #[test]
    fn a_redirect_to_the_login_is_a_dead_session_and_no_other_redirect_is() {
        let path = "dead_session: { redirect_to: /login }";
        for location in ["/login", "/login?next=/orders%3Fa=b|c", "http://any.example/login/x", "/login/"] {
            assert!(dead(path, 302, location, b""), "{location}");
        }
        for location in
            ["/", "/orders", "//login", "login", "http://any.example/orders?next=/login", "", "http://a b/login"]
        {
            assert!(!dead(path, 302, location, b""), "{location}");
        }
        assert!(!dead(path, 200, "/login", b"") && !dead(path, 401, "/", b""));

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
        assert!(!dead(both, 200, "/", b"fine") && !dead(both, 403, "/", b""));
    }
}
