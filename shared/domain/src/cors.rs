//! The CORS protocol of the Fetch standard: which web pages may send what, and read what.

use std::collections::BTreeSet;

use crate::dpop;
use crate::event::{ApiRequest, ApiResponse};
use crate::time::Seconds;

/// The headers that a listed page may send besides those that every page may send: a token, the proof of its key, JSON, and the
/// attempt id of a refresh.
const REQUEST_HEADERS: [&str; 4] = ["Authorization", "Content-Type", dpop::HEADER, "Idempotency-Key"];

/// The headers that a listed page may read besides those that every page may read. A REST API renames the
/// `WWW-Authenticate` of a function. By `Date` a page knows what time to say in a proof.
const RESPONSE_HEADERS: [&str; 7] = [
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "x-amzn-Remapped-WWW-Authenticate",
    dpop::NONCE_HEADER,
    "Date",
];

/// The prefix of all headers of the protocol. Those of a back end are removed, since the gateway decides what a page may
/// read.
const PREFIX: &str = "access-control-";

/// The origins of pages that may call, and what they may send and read. Credentials such as cookies are never allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    origins: BTreeSet<String>,
    max_age: Seconds,
    request_headers: String,
    response_headers: String,
}

impl Cors {
    /// `origins` are compared byte for byte with what browsers send. The headers are allowed in addition to the gateway's
    /// own.
    pub fn new(
        origins: impl IntoIterator<Item = String>,
        max_age: Seconds,
        request_headers: &[String],
        response_headers: &[String],
    ) -> Self {
        let list = |ours: &[&str], more: &[String]| {
            ours.iter().copied().chain(more.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
        };
        Self {
            origins: origins.into_iter().collect(),
            max_age,
            request_headers: list(&REQUEST_HEADERS, request_headers),
            response_headers: list(&RESPONSE_HEADERS, response_headers),
        }
    }

    /// Whether this is a preflight request from a page of a listed origin. Any other request with the method `OPTIONS` is
    /// refused.
    pub fn is_preflight(&self, request: &ApiRequest) -> bool {
        let asks = request.header("access-control-request-method").ok().flatten().is_some();
        request.method == "OPTIONS" && asks && self.listed(request).is_some()
    }

    /// The response to a preflight request: the path may be called with these methods, a list separated by commas.
    /// [`Cors::dress`] adds the origin.
    ///
    /// The requested method and headers are not checked here: the browser compares them with the response.
    pub fn permission(&self, methods: &str) -> ApiResponse {
        ApiResponse::new(204)
            .header("Access-Control-Allow-Methods", methods)
            .header("Access-Control-Allow-Headers", &self.request_headers)
            .header("Access-Control-Max-Age", self.max_age.as_u64().to_string())
    }

    /// Lets the page of the request read the response if its origin is listed, and no other page.
    #[must_use]
    pub fn dress(&self, request: &ApiRequest, mut response: ApiResponse) -> ApiResponse {
        // The headers of a preflight response are the gateway's own. In any other response such headers come from a back
        // end.
        if !self.is_preflight(request) {
            response.headers.retain(|(name, _)| !is_of_the_protocol(name));
        }
        // Every response varies by `Origin`, even one to a request without it: otherwise a cache could send it to a page.
        let response = response.header("Vary", "Origin");
        let Some(origin) = self.listed(request) else { return response };
        response
            .header("Access-Control-Allow-Origin", origin)
            .header("Access-Control-Expose-Headers", &self.response_headers)
    }

    /// The value of the parameter `CorsOrigin` of `template.yaml`: API Gateway's own responses can name one origin or `*`.
    pub fn for_gateway_responses(&self) -> &str {
        let mut origins = self.origins.iter();
        match (origins.next(), origins.next()) {
            (Some(only), None) => only,
            _ => "*",
        }
    }

    /// The origin of the page, if it is listed.
    fn listed<'r>(&self, request: &'r ApiRequest) -> Option<&'r str> {
        request.header("origin").ok().flatten().filter(|origin| self.origins.contains(*origin))
    }
}

/// Whether a header belongs to the protocol.
fn is_of_the_protocol(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAGE: &str = "https://app.example.com";

    fn cors() -> Cors {
        let more = |name: &str| [name.to_owned()];
        Cors::new([PAGE.to_owned()], Seconds::new(600), &more("If-Match"), &more("ETag"))
    }

    fn request(method: &str, headers: &[(&str, &str)]) -> ApiRequest {
        let mut values = serde_json::Map::new();
        for (name, value) in headers {
            let list = values.entry(*name).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(json!(value));
        }
        let context = json!({ "requestId": "1" });
        let event =
            json!({ "httpMethod": method, "path": "/a", "multiValueHeaders": values, "requestContext": context });
        ApiRequest::from_value(event).unwrap()
    }

    fn value<'r>(response: &'r ApiResponse, name: &'r str) -> Option<&'r str> {
        let mut values = response.header_values(name);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} comes once");
        value
    }

    #[test]
    fn a_listed_page_gets_the_permission_it_asks_for() {
        let cors = cors();
        let asked = request("OPTIONS", &[("Origin", PAGE), ("Access-Control-Request-Method", "GET")]);
        assert!(cors.is_preflight(&asked));
        let response = cors.dress(&asked, cors.permission("GET, POST"));
        assert_eq!((response.status, response.body.len()), (204, 0));
        assert_eq!(value(&response, "access-control-allow-origin"), Some(PAGE));
        assert_eq!(value(&response, "access-control-allow-methods"), Some("GET, POST"));
        let headers = "Authorization, Content-Type, DPoP, Idempotency-Key, If-Match";
        assert_eq!(value(&response, "access-control-allow-headers"), Some(headers));
        assert_eq!(value(&response, "access-control-max-age"), Some("600"));
        assert_eq!(value(&response, "vary"), Some("Origin"));
        assert_eq!(value(&response, "access-control-allow-credentials"), None);
    }

    /// An origin is a listed one only if it is the same byte for byte.
    #[test]
    fn what_merely_looks_like_a_listed_origin_is_another() {
        for origin in [
            "https://app.example.com.evil.test",
            "https://evil.test/https://app.example.com",
            "https://APP.example.com",
            "https://app.example.com:443",
            "https://app.example.com/",
            "http://app.example.com",
            "https://sub.app.example.com",
            "null",
            "*",
            "",
        ] {
            let asked = request("OPTIONS", &[("Origin", origin), ("Access-Control-Request-Method", "GET")]);
            assert!(!cors().is_preflight(&asked), "{origin}");
            let response = cors().dress(&request("GET", &[("Origin", origin)]), ApiResponse::new(200));
            assert_eq!(value(&response, "access-control-allow-origin"), None, "{origin}");
            assert_eq!(value(&response, "vary"), Some("Origin"), "{origin}");
        }
        let twice = request("GET", &[("Origin", PAGE), ("Origin", PAGE)]);
        assert_eq!(value(&cors().dress(&twice, ApiResponse::new(200)), "access-control-allow-origin"), None);
    }

    #[test]
    fn other_requests_with_the_method_options_ask_for_nothing() {
        assert!(!cors().is_preflight(&request("OPTIONS", &[("Origin", PAGE)])));
        assert!(!cors().is_preflight(&request("OPTIONS", &[("Access-Control-Request-Method", "GET")])));
        let get = request("GET", &[("Origin", PAGE), ("Access-Control-Request-Method", "GET")]);
        assert!(!cors().is_preflight(&get));
    }

    #[test]
    fn the_gateway_speaks_for_its_back_ends() {
        let theirs = ApiResponse::new(200)
            .header("Access-Control-Allow-Origin", "*")
            .header("access-control-allow-credentials", "true")
            .header("ACCESS-CONTROL-EXPOSE-HEADERS", "X-Secret")
            .header("X-Own", "kept")
            .header("Vary", "Accept");
        let response = cors().dress(&request("GET", &[("Origin", PAGE)]), theirs);
        assert_eq!(value(&response, "access-control-allow-origin"), Some(PAGE));
        assert_eq!(value(&response, "access-control-allow-credentials"), None);
        let exposed = "RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, x-amzn-Remapped-WWW-Authenticate, DPoP-Nonce, Date, ETag";
        assert_eq!(value(&response, "access-control-expose-headers"), Some(exposed));
        assert_eq!(value(&response, "x-own"), Some("kept"));
        assert_eq!(response.header_values("vary").collect::<Vec<_>>(), ["Accept", "Origin"]);
    }
}
