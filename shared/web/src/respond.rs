//! Responses with pages, and redirects after forms.

use crate::{Page, Site};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::event::ApiResponse;
use gateway_domain::secret::sha256;
use http::Uri;

/// For a year, browsers reach this host by https alone (RFC 6797 §6.1). Other hosts of the domain are not ours to bind.
const TRANSPORT_SECURITY: &str = "max-age=31536000";

/// What pages may use of the device: nothing.
const PERMISSIONS: &str =
    "browsing-topics=(), camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

impl Site {
    /// A response with a page, which no other page frames and no script runs in but its own, and no cache stores, but the browser a refused
    /// form. `form_action` are the URIs
    /// that a redirect after the form may lead to besides this site, since Chromium applies `form-action` to it as well.
    pub fn respond(&self, status: u16, page: &impl Page, form_action: &[&str]) -> ApiResponse {
        // Templates fail only if writing to memory does.
        let Ok(body) = page.render() else { return ApiResponse::new(500) };
        let opener = if page.keeps_opener() || self.keeps_opener() { "unsafe-none" } else { "same-origin" };
        // A browser that goes back to a refused form cannot ask for it again, since it was posted: it shows what it has kept.
        let again = page.is_before_login() && page.is_mistaken();
        let response = ApiResponse::new(status)
            .header("Content-Type", "text/html; charset=utf-8")
            .header("Content-Language", self.language().tag())
            .header("Cache-Control", if again { "private, no-cache" } else { "no-store" })
            .header("Content-Security-Policy", self.policy(form_action, page.script()))
            .header("Cross-Origin-Opener-Policy", opener)
            .header("Cross-Origin-Resource-Policy", "same-origin")
            .header("Permissions-Policy", PERMISSIONS)
            // Back ends share the origin, and see no URL of these pages. With `no-referrer` browsers would send forms of ours
            // with `Origin: null`, which tells nothing (Fetch §3.1).
            .header("Referrer-Policy", "strict-origin")
            .header("X-Content-Type-Options", "nosniff")
            .header("X-Frame-Options", "DENY")
            .with_body(body);
        if self.is_secure() { response.header("Strict-Transport-Security", TRANSPORT_SECURITY) } else { response }
    }

    /// The Content Security Policy of a page.
    fn policy(&self, form_action: &[&str], script: Option<&str>) -> String {
        let logo = self.looks().logo.as_ref().and_then(|logo| logo.origin());
        let logo = logo.map(|origin| format!(" {origin}")).unwrap_or_default();
        let mut targets = String::new();
        for source in form_action.iter().filter_map(|uri| target(uri)) {
            targets.push(' ');
            targets.push_str(&source);
        }
        let script = script.map(|script| STANDARD.encode(sha256(script.as_bytes())));
        let script = script.map(|hash| format!("; script-src 'sha256-{hash}'; connect-src 'self'")).unwrap_or_default();
        format!(
            "default-src 'none'; style-src {}; img-src data:{logo}; form-action 'self'{targets}; frame-ancestors 'none'; \
             base-uri 'none'{script}",
            self.style_sources()
        )
    }
}

/// A redirect that follows a form: the browser gets what is there (RFC 9110 §15.4.4), so that loading the page again does
/// not send the form again.
pub fn see_other(location: &str) -> ApiResponse {
    ApiResponse::new(303)
        .header("Location", location)
        .header("Cache-Control", "no-store")
        .header("Referrer-Policy", "strict-origin")
}

/// The source of a policy that permits a URI: its origin, or its scheme where no source can name the origin, which holds
/// of private-use schemes (RFC 8252 §7.1) and of addresses in brackets. `None` for what is not a URI.
fn target(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let first = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    if !first || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
        return None;
    }
    if !["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) {
        return Some(format!("{}:", scheme.to_ascii_lowercase()));
    }
    let uri: Uri = uri.parse().ok().filter(|_| rest.starts_with("//"))?;
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    if host.starts_with('[') {
        return Some(format!("{scheme}:"));
    }
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) && !host.is_empty();
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    plain.then(|| format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Failure, Forgotten, Message, Notice, Profile, Reason};
    use crate::site::tests::{ISSUER, site};
    use crate::{Mistake, Mistakes};

    fn respond(pages: &str, form_action: &[&str]) -> ApiResponse {
        let site = site(pages, ISSUER, "de");
        site.respond(200, &Message { site: &site, notice: Notice::LoggedOut, next: None }, form_action)
    }

    fn only<'r>(response: &'r ApiResponse, name: &'r str) -> &'r str {
        let values: Vec<_> = response.header_values(name).collect();
        assert_eq!(values.len(), 1, "{name}");
        values[0]
    }

    /// Checklist G-24; abuse case J7.
    #[test]
    fn a_page_is_neither_stored_nor_framed_nor_guessed() {
        let response = respond("{}", &[]);
        for (name, value) in [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Language", "de"),
            ("Cache-Control", "no-store"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Permissions-Policy", PERMISSIONS),
            ("Referrer-Policy", "strict-origin"),
            ("Strict-Transport-Security", "max-age=31536000"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
        ] {
            assert_eq!(only(&response, name), value, "{name}");
        }
    }

    /// Going back to a form that was refused shows it again, with what was typed.
    #[test]
    fn a_refused_form_is_kept_by_the_browser_alone_and_only_before_a_login() {
        let site = site("{}", ISSUER, "en");
        let wrong = || Mistakes::of_form(Mistake::WrongLogin);
        let form = |mistakes| Forgotten { site: &site, form_token: "t", email: "a@b.example", mistakes, log_in: None };
        for (mistakes, kept) in [(Mistakes::default(), "no-store"), (wrong(), "private, no-cache")] {
            assert_eq!(only(&site.respond(400, &form(mistakes), &[]), "Cache-Control"), kept);
        }
        let owners =
            Profile { site: &site, form_token: "t", profile: vec![], saved: false, mistakes: wrong(), account: None };
        assert_eq!(only(&site.respond(400, &owners, &[]), "Cache-Control"), "no-store");
    }

    /// Browsers ignore the field on a plain connection (RFC 6797 §8.1), and a site on this machine has no other.
    #[test]
    fn a_site_without_https_does_not_ask_for_it() {
        let site = site("{}", "http://127.0.0.1:3000", "en");
        let response = site.respond(200, &Message { site: &site, notice: Notice::LoggedOut, next: None }, &[]);
        assert_eq!(response.header_values("Strict-Transport-Security").count(), 0);
    }

    #[test]
    fn a_page_on_the_way_to_an_app_leaves_the_window_that_opened_it_its_hold() {
        let site = site("{}", ISSUER, "en");
        let page = Failure { site: &site, reason: Reason::Expired, detail: None, reference: None };
        assert_eq!(only(&site.respond(400, &page, &[]), "Cross-Origin-Opener-Policy"), "unsafe-none");
    }

    #[test]
    fn the_policy_permits_the_style_sheets_of_the_page_and_nothing_else() {
        let response = respond("{ colour: '#b00020' }", &[]);
        let body = String::from_utf8(response.body.to_vec()).unwrap();
        let sheets: Vec<_> = body.split("<style>").skip(1).filter_map(|rest| rest.split("</style>").next()).collect();
        let hash = |sheet: &&str| format!("'sha256-{}'", STANDARD.encode(sha256(sheet.as_bytes())));
        let hashes: Vec<_> = sheets.iter().map(hash).collect();
        assert_eq!(sheets.get(1), Some(&":root{--button:#b00020}"));
        assert_eq!(
            only(&response, "Content-Security-Policy"),
            format!(
                "default-src 'none'; style-src {} {}; img-src data:; form-action 'self'; frame-ancestors 'none'; \
                 base-uri 'none'",
                hashes[0], hashes[1]
            )
        );
        for banned in ["<script", "javascript:", " style=", " onclick=", " onload="] {
            assert!(!body.contains(banned), "{banned}");
        }
    }

    #[test]
    fn the_policy_names_the_origin_of_the_logo() {
        let policy = |pages| only(&respond(pages, &[]), "Content-Security-Policy").to_owned();
        assert!(
            policy("{ logo: 'https://cdn.example.com:8443/a/logo.svg' }")
                .contains("img-src data: https://cdn.example.com:8443;")
        );
        assert!(policy("{ logo: 'data:image/png;base64,AA==' }").contains("img-src data:;"));
    }

    #[test]
    fn a_redirect_after_the_form_may_lead_to_the_origin_or_scheme_of_the_client() {
        for (uri, source) in [
            ("https://app.example.com/callback?x=1", Some("https://app.example.com")),
            ("https://app.example.com:8443/", Some("https://app.example.com:8443")),
            ("http://127.0.0.1:51004/callback", Some("http://127.0.0.1:51004")),
            ("http://[::1]:51004/callback", Some("http:")),
            ("com.example.app:/callback", Some("com.example.app:")),
            ("Com.Example.App://callback", Some("com.example.app:")),
            ("https:app.example.com", None),
            ("https://a;b/", None),
            ("https://*/", None),
            ("x;script-src *:", None),
            ("'self':", None),
            ("*:", None),
            ("/relative", None),
            ("", None),
        ] {
            assert_eq!(target(uri).as_deref(), source, "{uri}");
        }
        let response = respond("{}", &["https://app.example.com/cb", "x; script-src *"]);
        let policy = only(&response, "Content-Security-Policy");
        assert!(policy.contains("; form-action 'self' https://app.example.com; frame-ancestors"), "{policy}");
    }

    #[test]
    fn a_redirect_after_a_form_is_followed_with_get_and_not_stored() {
        let response = see_other("/v1/account");
        assert_eq!((response.status, only(&response, "Location")), (303, "/v1/account"));
        assert_eq!(only(&response, "Cache-Control"), "no-store");
    }
}
