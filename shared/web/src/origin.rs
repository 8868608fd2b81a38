//! Whether a form comes from a page of this site.

use gateway_domain::event::ApiRequest;
use http::Uri;

/// Whether what the browser says about the page that sent a form names this site: `Origin` (RFC 6454 §7) is the issuer's, and
/// `Sec-Fetch-Site` is `same-origin`. Browsers that say nothing are left to the form's token.
pub fn same_origin(issuer: &str, request: &ApiRequest) -> bool {
    let mut origins = request.header_values("Origin");
    let mut sites = request.header_values("Sec-Fetch-Site");
    let expected = origin(issuer);
    origins.all(|given| expected.as_deref() == Some(given)) && sites.all(|site| site == "same-origin")
}

/// The origin of a URL as browsers write it: in small letters, without the usual port.
fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.host()?.to_ascii_lowercase());
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = uri.port_u16().filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::request;

    fn same(issuer: &str, headers: &[(&str, &str)]) -> bool {
        same_origin(issuer, &request(headers))
    }

    #[test]
    fn a_form_of_another_origin_is_told_from_ours() {
        let ours = |headers: &[(&str, &str)]| same("https://auth.example.com/v1", headers);
        assert!(ours(&[]));
        assert!(ours(&[("Origin", "https://auth.example.com")]));
        assert!(ours(&[("Origin", "https://auth.example.com"), ("Sec-Fetch-Site", "same-origin")]));
        for other in ["null", "https://evil.example", "http://auth.example.com", "https://auth.example.com:8443", ""] {
            assert!(!ours(&[("Origin", other)]), "{other}");
        }
        assert!(!ours(&[("Origin", "https://auth.example.com"), ("Origin", "https://evil.example")]));
        for other in ["cross-site", "same-site", "none"] {
            assert!(!ours(&[("Sec-Fetch-Site", other)]), "{other}");
        }
    }

    #[test]
    fn an_issuer_is_compared_as_browsers_write_origins() {
        assert!(same("https://Auth.Example.com:443", &[("Origin", "https://auth.example.com")]));
        assert!(same("http://127.0.0.1:3000", &[("Origin", "http://127.0.0.1:3000")]));
        assert!(same("http://[::1]:3000", &[("Origin", "http://[::1]:3000")]));
        assert!(!same("http://127.0.0.1:3000", &[("Origin", "http://localhost:3000")]));
    }
}
