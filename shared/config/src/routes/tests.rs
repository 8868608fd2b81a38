use crate::{Ambiguity, Gateway, NoRoute};
use gateway_domain::headers::Place;
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
        Err(NoRoute::Ambiguous(_)) => "ambiguous".to_owned(),
        Err(NoRoute::MethodNotAllowed { allowed, api, .. }) => format!("{api} allows {allowed:?}"),
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
            assert!(matches!(lax.route(&method, &path), Err(NoRoute::Ambiguous(_))), "{text}");
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
        assert!(matches!(lax.route(&Method::POST, &path), Err(NoRoute::Ambiguous(_))), "{path}");
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
        assert!(matches!(route(path), Err(NoRoute::Ambiguous(_))), "{path}");
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
        assert!(matches!(lax.route(&Method::GET, &path), Err(NoRoute::Ambiguous(_))), "{path}");
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

/// The API, the route, and where the call goes, or why it goes nowhere.
fn forwarded(gateway: &Gateway, method: &Method, path: &str) -> String {
    let path = CheckedPath::parse(path).expect(path);
    match gateway.route(method, &path) {
        Ok(found) => {
            let there = found.forwarded.as_ref().map_or(path.as_str(), CheckedPath::as_str);
            format!("{} [{}] {}{there}", found.route, found.scopes, found.back_end.origin())
        }
        Err(NoRoute::NotFound) => "not found".to_owned(),
        Err(NoRoute::MethodNotAllowed { allowed, route, .. }) => format!("{route} allows {allowed:?}"),
        Err(NoRoute::Ambiguous(Ambiguity::Respelled)) => "respelled".to_owned(),
        Err(NoRoute::Ambiguous(Ambiguity::Unclear)) => "unclear".to_owned(),
        Err(NoRoute::Ambiguous(Ambiguity::Other { route, .. })) => format!("could be {route}"),
        Err(NoRoute::Ambiguous(Ambiguity::ForwardedToOther { route, .. })) => format!("would be {route}"),
    }
}

const SHOP: &str = r"
plans: { standard: { calls: 60, window: 1m } }
apis:
  shop:
    back_end: https://shop.internal/app
    strip_prefix: /shop
    routes:
      - { prefix: /shop, methods: { ANY: [shop], DELETE: [shop, admin], PATCH: refused } }
      - { path: /shop/admin, methods: { GET: [admin] } }
      - { path: '/shop/admin/{rest+}', methods: { GET: [admin], POST: [admin] } }
      - { prefix: /shop/reports, methods: { GET: [reports] }, back_end: 'https://reports.internal:8443/jasper' }
      - { path: '/shop/order/{id}', methods: { GET: [shop] }, rewrite: '/Order.do/{id}/show' }
";

#[test]
fn a_rest_and_a_prefix_stand_for_all_paths_below() {
    let gateway = Gateway::parse(SHOP).expect("good");
    let get = |path: &str| forwarded(&gateway, &Method::GET, path);
    for (path, there) in [
        ("/shop", "/shop [shop] https://shop.internal/app"),
        ("/shop/", "/shop [shop] https://shop.internal/app/"),
        ("/shop/cart/7/lines", "/shop [shop] https://shop.internal/app/cart/7/lines"),
        ("/shop/cart/", "/shop [shop] https://shop.internal/app/cart/"),
        ("/shop/caf%c3%a9%20au/x", "/shop [shop] https://shop.internal/app/caf%C3%A9%20au/x"),
        ("/shop/admin", "/shop/admin [admin] https://shop.internal/app/admin"),
        ("/shop/admin/users/7", "/shop/admin/{rest+} [admin] https://shop.internal/app/admin/users/7"),
        ("/shop/reports", "/shop/reports [reports] https://reports.internal:8443/jasper/reports"),
        ("/shop/reports/a/b", "/shop/reports [reports] https://reports.internal:8443/jasper/reports/a/b"),
        ("/shop/order/7", "/shop/order/{id} [shop] https://shop.internal/app/Order.do/7/show"),
        ("/shop/order/7/8", "/shop [shop] https://shop.internal/app/order/7/8"),
        ("/shopping", "not found"),
        ("/other", "not found"),
    ] {
        assert_eq!(get(path), there, "{path}");
    }
}

#[test]
fn any_stands_for_the_methods_that_have_no_entry() {
    let gateway = Gateway::parse(SHOP).expect("good");
    let ask = |method: Method| forwarded(&gateway, &method, "/shop/x");
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
        assert_eq!(ask(method), "/shop [shop] https://shop.internal/app/x");
    }
    assert_eq!(ask(Method::DELETE), "/shop [admin shop] https://shop.internal/app/x");
    assert_eq!(ask(Method::PATCH), "/shop allows [GET, HEAD, POST, PUT, DELETE]");
    assert_eq!(ask(Method::OPTIONS), "/shop allows [GET, HEAD, POST, PUT, DELETE]");
    assert_eq!(ask(Method::TRACE), "/shop allows [GET, HEAD, POST, PUT, DELETE]");
}

/// Abuse cases A1 to A4: what lies below a wide route is guarded as it is beside a name in braces.
#[test]
fn no_spelling_of_a_narrower_route_passes_as_the_rest_of_a_wider_one() {
    let gateway = Gateway::parse(SHOP).expect("good");
    for (path, why) in [
        ("/shop/Admin", "could be /shop/admin"),
        ("/shop/ADMIN/users", "could be /shop/admin/{rest+}"),
        ("/shop/admin./users", "could be /shop/admin/{rest+}"),
        ("/shop/admin%20/users", "could be /shop/admin/{rest+}"),
        ("/shop/admin%3Bx/users", "could be /shop/admin/{rest+}"),
        ("/shop/%61dmin/users", "respelled"),
        ("/shop/admin/", "could be /shop/admin"),
        ("/shop/admin%3F/x", "could be /shop/admin"),
        ("/shop/..%3B/x", "unclear"),
        ("/shop/Reports/x", "could be /shop/reports"),
        ("/Shop/x", "not found"),
        ("/shop/order/7/", "could be /shop/order/{id}"),
        // The other way to what `/shop/order/{id}` is forwarded to asks for the same.
        ("/shop/Order.do/7/show", "/shop [shop] https://shop.internal/app/Order.do/7/show"),
    ] {
        assert_eq!(forwarded(&gateway, &Method::GET, path), why, "{path}");
    }
    // An index of what is below answers for the path itself.
    let gateway_without =
        Gateway::parse(&SHOP.replace("      - { path: /shop/admin, methods: { GET: [admin] } }\n", ""));
    let gateway_without = gateway_without.expect("good");
    for path in ["/shop/admin", "/shop/admin/", "/shop/Admin", "/shop/admin%3Fx"] {
        assert_eq!(forwarded(&gateway_without, &Method::GET, path), "could be /shop/admin/{rest+}", "{path}");
    }
    let many = format!("/shop/{}", vec!["a%3F"; 1_600].join("/"));
    assert_eq!(
        forwarded(&gateway, &Method::GET, &many),
        format!("/shop [shop] https://shop.internal/app{}", &many[5..])
    );
}

/// Two ways to one path at a back end: the one that asks for less must not lead there.
#[test]
fn a_path_at_the_back_end_is_guarded_by_whatever_leads_to_it() {
    let text = r"
plans: { standard: { calls: 60, window: 1m } }
apis:
  shop:
    back_end: https://legacy.internal/app
    strip_prefix: /shop
    routes: [{ prefix: /shop, methods: { GET: [shop] } }]
  admin:
    back_end: https://LEGACY.internal:443
    routes:
      - { path: '/app/admin/{rest+}', methods: { GET: [admin] } }
      - { path: '/console/{page}', methods: { GET: [admin] }, rewrite: '/app/console/{page}.do' }
";
    let text = text.replace("{page}.do", "{page}");
    let gateway = Gateway::parse(&text).expect("good");
    let get = |path: &str| forwarded(&gateway, &Method::GET, path);
    assert_eq!(get("/shop/cart"), "/shop [shop] https://legacy.internal/app/cart");
    assert_eq!(get("/app/admin/x"), "/app/admin/{rest+} [admin] https://LEGACY.internal:443/app/admin/x");
    assert_eq!(get("/console/x"), "/console/{page} [admin] https://LEGACY.internal:443/app/console/x");
    for (path, why) in [
        ("/shop/admin/x", "would be /app/admin/{rest+}"),
        ("/shop/ADMIN/x", "could be /app/admin/{rest+}"),
        ("/shop/console/x", "would be /console/{page}"),
        ("/shop/console/x/", "could be /console/{page}"),
    ] {
        assert_eq!(get(path), why, "{path}");
    }
}

#[test]
fn a_path_at_the_back_end_is_found_here_again() {
    let gateway = Gateway::parse(SHOP).expect("good");
    let at = |origin: &str, path: &str| {
        let back_end = crate::BackEnd::try_from(origin.to_owned()).unwrap();
        let origin = back_end.origin();
        match gateway.place_of(origin, (origin.authority().host(), origin.authority().port_u16()), path) {
            Place::Here(path) => Some(path),
            Place::Elsewhere | Place::Nowhere => None,
        }
    };
    for (path, here) in [
        ("/app", Some("/shop")),
        ("/app/", Some("/shop/")),
        ("/app/cart/7", Some("/shop/cart/7")),
        ("/app/a;b/c d", Some("/shop/a;b/c d")),
        ("/app/Order.do/7/show", Some("/shop/order/7")),
        ("/", None),
        ("/other/x", None),
        ("/appendix", None),
    ] {
        assert_eq!(at("https://SHOP.internal", path).as_deref(), here, "{path}");
    }
    assert_eq!(at("https://reports.internal:8443", "/jasper/reports/x").as_deref(), Some("/shop/reports/x"));
    assert_eq!(at("https://reports.internal:8443", "/jasper/x"), None);
    // Where nothing is moved, every path is the same here.
    let same = Gateway::parse(
        &SHOP
            .replace("/app", "")
            .replace("    strip_prefix: /shop\n", "")
            .replace(", rewrite: '/Order.do/{id}/show'", ""),
    );
    let shop = crate::BackEnd::try_from("https://shop.internal".to_owned()).unwrap();
    assert_eq!(
        same.expect("good").place_of(shop.origin(), ("shop.internal", None), "/x"),
        Place::Here("/x".to_owned())
    );
}

#[test]
fn addresses_of_back_ends_are_told_from_those_of_others() {
    let gateway =
        Gateway::parse(&SHOP.replace("https://reports.internal:8443", "http://127.0.0.1:8443")).expect("good");
    let shop = crate::BackEnd::try_from("https://shop.internal".to_owned()).unwrap();
    let place = |host, port| gateway.place_of(shop.origin(), (host, port), "/app/x");
    let here = Place::Here("/shop/x".to_owned());
    for port in [None, Some(80), Some(443)] {
        assert_eq!(place("Shop.Internal", port), here);
    }
    assert_eq!(place("shop.internal.", None), here);
    assert_eq!(place("shop.internal", Some(9000)), Place::Nowhere);
    assert_eq!(place("127.0.0.1", Some(8443)), Place::Nowhere);
    assert_eq!(place("127.0.0.1", Some(5173)), Place::Elsewhere);
    assert_eq!(place("www.example.com", None), Place::Elsewhere);
}
