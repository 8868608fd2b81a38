//! Refuses requests of web pages to services that are only for functions and tools on this machine.
//!
//! A page of any site can send requests to a port of its visitor's machine. It can also read the responses, if its own host
//! name resolves to that machine (DNS rebinding). `Origin` or `Sec-Fetch-*` show the first, and `Host` the second.

use std::net::IpAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;

/// Names of header fields that only browsers send.
const BROWSER: [&str; 5] =
    ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user", "access-control-request-method"];

/// Checks every request to this router, on this listener: it must come from no browser, and name this machine as host.
pub(crate) fn programs_only(router: Router, listener: &TcpListener) -> Router {
    router.layer(from_fn_with_state(address(listener), refuse_pages))
}

/// Checks only `Host`: for a service that receives header fields of browsers through a proxy.
pub(crate) fn our_names_only(router: Router, listener: &TcpListener) -> Router {
    router.layer(from_fn_with_state(address(listener), refuse_foreign_names))
}

fn address(listener: &TcpListener) -> IpAddr {
    listener.local_addr().map_or(IpAddr::from([127, 0, 0, 1]), |address| address.ip())
}

async fn refuse_pages(State(listening): State<IpAddr>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) || BROWSER.iter().any(|name| headers.contains_key(*name)) {
        return refusal("web pages are not answered here");
    }
    refuse_foreign_names(State(listening), request, next).await
}

async fn refuse_foreign_names(State(listening): State<IpAddr>, request: Request, next: Next) -> Response {
    if is_ours(request.headers(), request.uri(), listening) {
        next.run(request).await
    } else {
        refusal("Host must be this machine's address or localhost")
    }
}

fn refusal(message: &str) -> Response {
    let body = serde_json::json!({ "__type": "AccessDeniedException", "message": message });
    (StatusCode::FORBIDDEN, axum::Json(body)).into_response()
}

/// Whether every host that the request names is an address of this machine or `localhost`: no name server can make a foreign
/// name lead here. The port is not checked, since a tunnel may have another one.
fn is_ours(headers: &HeaderMap, uri: &Uri, listening: IpAddr) -> bool {
    let ours = |authority: &Authority| {
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let ours = address.map_or(host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback() || ip == listening);
        ours && !authority.as_str().contains('@')
    };
    let mut lines = headers.get_all(HOST).iter();
    let (Some(host), None) = (lines.next(), lines.next()) else { return false };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| ours(&host)) && uri.authority().is_none_or(ours)
}

#[cfg(test)]
#[path = "visitors_tests.rs"]
mod services;

#[cfg(test)]
mod tests {
    use super::*;

    fn named(hosts: &[&str], uri: &str) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        is_ours(&headers, &uri.parse().unwrap(), IpAddr::from([10, 88, 0, 1]))
    }

    #[test]
    fn only_addresses_of_this_machine_and_localhost_name_it() {
        for host in
            ["127.0.0.1:4566", "127.0.0.1", "localhost:1", "LocalHost", "[::1]:4566", "10.88.0.1:9", "127.9.9.9"]
        {
            assert!(named(&[host], "/"), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:4566",
            "localhost.evil.example",
            "127.0.0.1.nip.io:4566",
            "localhost.",
            "10.88.0.2:4566",
            "0.0.0.0:4566",
            "2130706433",
            "0x7f.1",
            "127.1",
            "[::ffff:8.8.8.8]",
            "user@127.0.0.1",
            "127.0.0.1@evil.example",
            "a b",
            "",
        ] {
            assert!(!named(&[host], "/"), "{host}");
        }
    }

    #[test]
    fn one_host_is_named_and_the_request_line_names_no_other() {
        assert!(!named(&[], "/"));
        assert!(!named(&["127.0.0.1", "evil.example"], "/"));
        assert!(!named(&["127.0.0.1"], "http://evil.example/"));
        assert!(named(&["127.0.0.1"], "http://127.0.0.1:4566/"));
    }
}
