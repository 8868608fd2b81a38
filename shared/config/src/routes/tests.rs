use crate::{Gateway, NoRoute};
use gateway_domain::path::CheckedPath;
use http::Method;

const TEXT: &str = r"
plans: { standard: { calls: 60, window: 1m } }
apis:
  orders:
    back_end: https://orders.example.com
    exact_paths: true
    routes:
      - { path: /orders, methods: { GET: [orders:read], POST: [orders:write, orders:read] } }
      - { path: /orders/, methods: { GET: [slash] } }
      - { path: '/orders/{id}', methods: { GET: [orders:read], DELETE: [orders:write] } }
      - { path: /orders/export, methods: { GET: [export] } }
      - { path: '/orders/export/{id}', methods: { GET: [export] } }
      - { path: '/orders/{id}/lines', methods: { GET: [lines] } }
      - { path: /orders/caf%C3%A9, methods: { GET: [cafe] } }
      - { path: '/orders/a:b', methods: { GET: [colon] } }
  tenants:
    back_end: https://tenants.example.com
    routes:
      - { path: '/{tenant}', methods: { GET: [tenant] } }
      - { path: '/{tenant}/{part}', methods: { GET: [tenant], POST: [tenant] } }
  open:
    back_end: https://open.example.com
    routes:
      - { path: /, methods: { GET: [root] } }
      - { path: '/public/{name}', methods: { GET: [] }, public: true }
";

/// The API, route and scopes of a call, or why it has no route.
fn found(method: &Method, path: &str) -> String {
    // `/orders/export/{id}` and `/orders/{id}/lines` both match `/orders/export/lines`, so one of them is replaced.
    let gateway = Gateway::parse(&TEXT.replace("'/orders/{id}/lines'", "'/lines/{id}'")).expect("good");
    let path = CheckedPath::parse(path).expect(path);
    match gateway.route(method, &path) {
        Ok(found) => {
            format!("{} {} [{}]{}", found.api, found.route, found.scopes, if found.public { " public" } else { "" })
        }
        Err(NoRoute::NotFound) => "not found".to_owned(),
        Err(NoRoute::Ambiguous) => "ambiguous".to_owned(),
        Err(NoRoute::MethodNotAllowed { allowed, api }) => format!("{api} allows {allowed:?}"),
    }
}

#[test]
fn a_name_in_braces_stands_for_exactly_one_segment() {
    assert_eq!(found(&Method::GET, "/orders/7"), "orders /orders/{id} [orders:read]");
    assert_eq!(found(&Method::GET, "/orders/7/"), "not found");
    assert_eq!(found(&Method::GET, "/orders/7/8"), "not found");
    assert_eq!(found(&Method::GET, "/lines/"), "not found");
    assert_eq!(found(&Method::GET, "/acme/"), "not found");
    assert_eq!(found(&Method::GET, "/orders/%7Bid%7D"), "orders /orders/{id} [orders:read]");
}

#[test]
fn a_literal_goes_before_a_name_in_braces() {
    assert_eq!(found(&Method::GET, "/orders/export"), "orders /orders/export [export]");
    assert_eq!(found(&Method::GET, "/orders/exports"), "orders /orders/{id} [orders:read]");
    assert_eq!(found(&Method::GET, "/orders/export/7"), "orders /orders/export/{id} [export]");
    assert_eq!(found(&Method::GET, "/orders"), "orders /orders [orders:read]");
    assert_eq!(found(&Method::GET, "/orders/ping"), "orders /orders/{id} [orders:read]");
    assert_eq!(found(&Method::GET, "/lines/ping"), "orders /lines/{id} [lines]");
    assert_eq!(found(&Method::GET, "/acme/ping"), "tenants /{tenant}/{part} [tenant]");
    // No route ends at the literal `lines`, so the name in braces matches.
    assert_eq!(found(&Method::GET, "/lines"), "tenants /{tenant} [tenant]");
}

/// Abuse cases A1, A2, A3. RFC 3986 §6.2.2: a path has one canonical form, so a literal has one spelling.
#[test]
fn a_literal_in_another_spelling_is_neither_the_literal_nor_a_value() {
    for respelled in ["/%6Frders", "/orders/%65xport", "/orders/expor%74", "/%6frders/7", "/orders/%65xport/7"] {
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(found(&method, respelled), "ambiguous", "{respelled}");
        }
    }
    // The case of hexadecimal digits does not matter (RFC 3986 §6.2.2.1).
    assert_eq!(found(&Method::GET, "/orders/caf%C3%A9"), "orders /orders/caf%C3%A9 [cafe]");
    assert_eq!(found(&Method::GET, "/orders/caf%c3%a9"), "orders /orders/caf%C3%A9 [cafe]");
    assert_eq!(found(&Method::GET, "/orders/a:b"), "orders /orders/a:b [colon]");
    assert_eq!(found(&Method::GET, "/orders/a%3ab"), "ambiguous");
    // A value may be percent-encoded in any way.
    assert_eq!(found(&Method::GET, "/orders/%37"), "orders /orders/{id} [orders:read]");
    assert_eq!(found(&Method::GET, "/orders/"), "orders /orders/ [slash]");
    assert_eq!(found(&Method::GET, "/"), "open / [root]");
}

const LOOKALIKES: [&str; 12] = [
    "EXPORT",
    "Export",
    "export.",
    "export%20",
    "%20export",
    "export+",
    "export::$DATA",
    "export%3A%3A$INDEX_ALLOCATION",
    "export%3Bv=1",
    "export.json",
    "%EF%BD%85xport",
    "EXPORT~1",
];

/// Abuse cases A2, A3: a value that a lax back end takes for a literal is refused, unless the API has `exact_paths`.
#[test]
fn a_value_that_looks_like_a_literal_is_refused_unless_the_back_end_is_exact() {
    let lax = TEXT.replace("'/orders/{id}/lines'", "'/lines/{id}'").replace("    exact_paths: true\n", "");
    let lax = lax.replace("      - { path: /orders/, methods: { GET: [slash] } }\n", "");
    let lax = Gateway::parse(&lax).expect("good");
    for text in LOOKALIKES {
        let path = CheckedPath::parse(&format!("/orders/{text}")).expect(text);
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(lax.route(&method, &path), Err(NoRoute::Ambiguous), "{text}");
        }
        assert_eq!(found(&Method::GET, path.as_str()), "orders /orders/{id} [orders:read]", "{text}");
    }
    for honest in ["7", "exports", "re-export", "export-2", "2024.12.31", "a%20b", "%2A", "550e8400%2De29b", "%C3%A9"] {
        let path = CheckedPath::parse(&format!("/orders/{honest}")).expect(honest);
        assert_eq!(lax.route(&Method::GET, &path).map(|found| found.route), Ok("/orders/{id}"), "{honest}");
    }
    // The literal may belong to another API, have other methods, or have further segments below it.
    for path in ["/Orders", "/ORDERS", "/Orders/x", "/orders./export", "/Lines/7", "/orders/..."] {
        let path = CheckedPath::parse(path).expect(path);
        assert_eq!(lax.route(&Method::POST, &path), Err(NoRoute::Ambiguous), "{path}");
    }
}

/// With and without a slash at the end are two paths to the gateway, and one path to many back ends.
#[test]
fn a_slash_at_the_end_does_not_hide_a_literal() {
    let text = "
plans: { standard: { calls: 60, window: 1m } }
apis:
  a:
    back_end: https://a.example.com
    routes:
      - { path: '/a/{id}/', methods: { GET: [low] } }
      - { path: /a/export, methods: { GET: [high] } }
      - { path: '/b/{id}', methods: { GET: [low] } }
      - { path: /b/export/, methods: { GET: [high] } }
";
    let gateway = Gateway::parse(text).expect("good");
    let route = |path: &str| gateway.route(&Method::GET, &CheckedPath::parse(path).unwrap()).map(|found| found.route);
    for path in ["/a/export/", "/a/EXPORT/", "/b/export", "/b/Export."] {
        assert_eq!(route(path), Err(NoRoute::Ambiguous), "{path}");
    }
    assert_eq!((route("/a/export"), route("/b/export/")), (Ok("/a/export"), Ok("/b/export/")));
    assert_eq!(
        (route("/a/7/"), route("/b/7"), route("/b/7/")),
        (Ok("/a/{id}/"), Ok("/b/{id}"), Err(NoRoute::NotFound))
    );
}

/// Abuse case A3: a back end that decodes before it splits, or that drops parameters, reads these as shorter paths.
#[test]
fn a_value_that_ends_the_path_or_leaves_it_leads_to_no_other_route() {
    let text = "
plans: { standard: { calls: 60, window: 1m } }
apis:
  a:
    back_end: https://a.example.com
    routes:
      - { path: '/a/{id}', methods: { GET: [low] } }
      - { path: '/a/{id}/lines', methods: { GET: [low] } }
      - { path: /a/export, methods: { GET: [high] } }
      - { path: '/b/{id}/lines', methods: { GET: [low] } }
      - { path: '/Files/{name}', methods: { GET: [low] } }
      - { path: /files/admin, methods: { GET: [high] } }
      - { path: '/c/{name}', methods: { GET: [low] } }
      - { path: /c/export.json, methods: { GET: [high] } }
      - { path: /c/v1.0, methods: { GET: [high] } }
";
    let exact = text.replace("    routes:", "    exact_paths: true\n    routes:");
    let (lax, exact) = (Gateway::parse(text).expect("good"), Gateway::parse(&exact).expect("good"));
    for path in [
        "/a/export%3F/lines",
        "/a/EXPORT%23x/lines",
        "/a/7%3F/lines",
        "/a/..%3B/lines",
        "/a/..%3Bx",
        "/b/%3Bx/lines",
        "/b/..::$DATA/lines",
        "/b/(S(x))/lines",
        "/b/x(S(y)z/lines",
        "/a/export!delete",
        "/a/%CE%B5xport",
        "/a/%EF%BC%8565xport",
        "/b/..%C2%A5..%C2%A5admin/lines",
        "/Files/admin",
        "/c/export",
        "/c/export.xml",
    ] {
        let path = CheckedPath::parse(path).expect(path);
        assert_eq!(lax.route(&Method::GET, &path), Err(NoRoute::Ambiguous), "{path}");
        assert!(exact.route(&Method::GET, &path).is_ok(), "{path}");
    }
    for honest in
        ["/a/7%3F", "/a/%231", "/b/%231/lines", "/b/f(x)/lines", "/Files/7", "/c/v1.1", "/c/7.json", "/a/%CE%B1"]
    {
        let path = CheckedPath::parse(honest).expect(honest);
        assert!(lax.route(&Method::GET, &path).is_ok(), "{path}");
    }
}

/// RFC 9110 §15.5.6: for a known path with another method, `Allow` has the methods of that route only.
#[test]
fn a_method_that_is_not_there_is_told_from_a_path_that_is_not_there() {
    assert_eq!(found(&Method::PUT, "/orders"), "orders allows [GET, POST]");
    assert_eq!(found(&Method::HEAD, "/orders"), "orders allows [GET, POST]");
    assert_eq!(found(&Method::DELETE, "/orders/export"), "orders allows [GET]");
    assert_eq!(found(&Method::from_bytes(b"get").unwrap(), "/orders"), "orders allows [GET, POST]");
    assert_eq!(found(&Method::GET, "/a/b/c"), "not found");
}

/// A call without an authorizer must never reach a route that needs one.
#[test]
fn no_name_in_braces_stands_for_a_first_segment_that_others_serve() {
    assert_eq!(found(&Method::GET, "/public/ping"), "open /public/{name} [] public");
    assert_eq!(found(&Method::GET, "/public"), "not found");
    assert_eq!(found(&Method::POST, "/oauth2/token"), "not found");
    assert_eq!(found(&Method::POST, "/acme/token"), "tenants /{tenant}/{part} [tenant]");
    assert_eq!(found(&Method::GET, "/.well-known"), "not found");
}

#[test]
fn two_routes_that_fit_the_same_call_are_refused() {
    let error = Gateway::parse(TEXT).unwrap_err().to_string();
    assert!(
        error.contains("line 13, column 17: apis.orders.routes[5].path: some calls fit /orders/export/{id}"),
        "{error}"
    );
}
