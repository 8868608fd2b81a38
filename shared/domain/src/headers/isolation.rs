//! Keeps what back ends send apart from the gateway's pages, which have the same origin.

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, StatusCode};

use crate::media_type::MediaType;

/// Fields that hold for the whole origin, and so for the gateway's pages: they delete what the browser keeps, have it report
/// URLs to others, connect elsewhere or forget that the origin is https, or widen what scripts may do.
const OF_THE_ORIGIN: [HeaderName; 12] = [
    HeaderName::from_static("accept-ch"),
    HeaderName::from_static("alt-svc"),
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("critical-ch"),
    HeaderName::from_static("nel"),
    HeaderName::from_static("origin-agent-cluster"),
    HeaderName::from_static("report-to"),
    HeaderName::from_static("reporting-endpoints"),
    HeaderName::from_static("service-worker-allowed"),
    HeaderName::from_static("set-login"),
    HeaderName::from_static("strict-transport-security"),
    HeaderName::from_static("use-as-dictionary"),
];

/// Has a browser show a response of a back end in an origin of its own, without scripts and forms, unless it is nothing that
/// scripts can run in. Types are what they say they are: `nosniff` (Fetch §3.7).
///
/// The policy stands beside the back end's own: where there are several, the strictest of each part holds (CSP Level 3 §8.1).
pub fn isolate(status: StatusCode, headers: &mut HeaderMap) {
    for name in OF_THE_ORIGIN {
        headers.remove(name);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The fields of a 304 replace those of a stored response, whose type may be another one (RFC 9111 §4.3.4).
    if status == StatusCode::NOT_MODIFIED || !is_inert(headers) {
        headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
}

/// Whether no browser runs scripts in this type. A type that is missing, there twice or not known counts as one with scripts.
fn is_inert(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let Some(media_type) = only.to_str().ok().and_then(MediaType::parse) else { return false };
    let essence = media_type.essence.as_str();
    let whole = ["application/json", "application/octet-stream", "application/pdf", "text/plain"];
    let families = ["image/", "audio/", "video/", "font/"];
    let of_family = families.iter().any(|family| essence.starts_with(family)) && !essence.ends_with("xml");
    whole.contains(&essence) || essence.ends_with("+json") || of_family
}

#[cfg(test)]
mod tests {
    use super::*;

    fn isolated(status: u16, fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        isolate(StatusCode::from_u16(status).unwrap(), &mut headers);
        headers
    }

    fn is_sandboxed(status: u16, fields: &[(&'static str, &'static str)]) -> bool {
        isolated(status, fields).get_all("content-security-policy").iter().any(|policy| policy == "sandbox")
    }

    /// Abuse case B9.
    #[test]
    fn what_scripts_run_in_is_shown_in_an_origin_of_its_own() {
        for content_type in [
            "text/html",
            "Text/HTML; charset=utf-8",
            "application/xhtml+xml",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "application/atom+xml",
            "multipart/x-mixed-replace; boundary=x",
            "text/vnd.unknown",
            "*/*",
            "application/json, text/html",
            "",
        ] {
            assert!(is_sandboxed(200, &[("content-type", content_type)]), "{content_type}");
        }
        assert!(is_sandboxed(200, &[]));
        assert!(is_sandboxed(200, &[("content-type", "application/json"), ("content-type", "text/html")]));
        assert!(is_sandboxed(404, &[("content-type", "text/html")]));
    }

    #[test]
    fn what_no_script_runs_in_is_left_as_it_is() {
        for content_type in [
            "application/json",
            "application/problem+json; charset=utf-8",
            "text/plain",
            "application/octet-stream",
            "application/pdf",
            "image/png",
            "video/mp4",
            "font/woff2",
        ] {
            assert!(!is_sandboxed(200, &[("content-type", content_type)]), "{content_type}");
        }
    }

    /// Abuse case B9: browsers take the policy of a 304 for a stored page, but not its type.
    #[test]
    fn a_stored_page_stays_isolated_when_it_has_not_changed() {
        assert!(is_sandboxed(
            304,
            &[("content-type", "application/json"), ("content-security-policy", "default-src *")]
        ));
    }

    #[test]
    fn the_back_ends_own_policy_stays_and_types_are_not_guessed() {
        let headers = isolated(
            200,
            &[
                ("content-type", "text/html"),
                ("content-security-policy", "default-src 'self'"),
                ("x-content-type-options", "none"),
                ("clear-site-data", "\"cookies\""),
                ("nel", "{\"report_to\":\"x\",\"success_fraction\":1}"),
                ("report-to", "{}"),
                ("strict-transport-security", "max-age=0"),
            ],
        );
        let policies: Vec<_> = headers.get_all("content-security-policy").iter().collect();
        assert_eq!(policies, ["default-src 'self'", "sandbox"]);
        assert_eq!(headers.get_all("x-content-type-options").iter().collect::<Vec<_>>(), ["nosniff"]);
        for name in OF_THE_ORIGIN {
            assert!(!headers.contains_key(&name), "{name}");
        }
        let headers = isolated(200, &[("content-type", "application/json")]);
        assert_eq!(headers.get("x-content-type-options").unwrap(), "nosniff");
    }
}
