//! Routes: paths, public ones, and paths against each other.

use super::{accepted, told};

const ONE: &str = "path: /orders/{id}";
const FIELD: &str = "apis.orders.routes[1].path";

/// Abuse cases A2, A3, A4: a route that no accepted call could reach is a mistake.
#[test]
fn paths_that_no_call_can_have() {
    told(&[
        (ONE, "path: orders/{id}", 41, FIELD, "write /orders/{id}"),
        (ONE, "path: /orders//x", 41, FIELD, "empty segment"),
        (ONE, "path: /orders/../x", 41, FIELD, "dot segment"),
        (ONE, "path: /orders/%2e%2e", 41, FIELD, "dot segment"),
        (ONE, "path: /orders%2fx", 41, FIELD, "encoded character"),
        (ONE, "path: /orders/a%252fx", 41, FIELD, "percent-encoded twice"),
        (ONE, "path: /orders/%ff", 41, FIELD, "not UTF-8"),
        (ONE, "path: /orders/*", 41, FIELD, "written as %2A"),
        (ONE, "path: /orders;x", 41, FIELD, "not allowed"),
        (ONE, "path: /orders?x", 41, FIELD, "not allowed"),
        (ONE, "path: /orders/%zz", 41, FIELD, "malformed"),
        (ONE, "path: /orders/{id", 41, FIELD, "write a whole segment as {name}"),
        (ONE, "path: /orders/x{id}", 41, FIELD, "write a whole segment as {name}"),
        (ONE, "path: /orders/{id}x", 41, FIELD, "write a whole segment as {name}"),
        (ONE, "path: /orders/{}", 41, FIELD, "write a whole segment as {name}"),
        (ONE, "path: /orders/{id*}", 41, FIELD, "write a whole segment as {name}"),
    ]);
    accepted(&[
        (ONE, "path: /"),
        (ONE, "path: /orders/"),
        (ONE, "path: /orders/{id}/lines/{line_no}"),
        (ONE, "path: /{tenant}/orders"),
        (ONE, "path: /orders/caf%C3%A9"),
    ]);
}

/// Only what says so, and lies under /public/, is open.
#[test]
fn public_routes_lie_under_public_and_ask_for_nothing() {
    const PING: &str = "path: /public/ping";
    told(&[
        (PING, "path: /ping", 43, "apis.orders.routes[2].path", "write /public/…, or remove `public: true`"),
        (PING, "path: /public", 43, "apis.orders.routes[2].path", "under /public/ only"),
        (PING, "path: /public/", 43, "apis.orders.routes[2].path", "under /public/ only"),
        (ONE, "path: /public/{id}", 41, FIELD, "write another path, or `public: true`"),
        (ONE, "path: /oauth2/token", 41, FIELD, "/oauth2 belongs to the gateway itself"),
        (ONE, "path: /account/{id}", 41, FIELD, "/account belongs to the gateway itself"),
        (ONE, "path: /.well-known/x", 41, FIELD, "/.well-known belongs to the gateway itself"),
        (
            "GET: [] }",
            "GET: [orders:read] }",
            44,
            "apis.orders.routes[2].methods.GET",
            "a public route has no scopes: write []",
        ),
        ("[orders:write]", "[]", 40, "apis.orders.routes[0].methods.POST", "at least one scope"),
        ("{ GET: [] }", "{}", 44, "apis.orders.routes[2].methods", "write at least one"),
        ("[orders:write]", "[\"orders write\"]", 40, "apis.orders.routes[0].methods.POST[0]", "not a scope"),
        ("POST:", "TRACE:", 40, "apis.orders.routes[0].methods.TRACE", "write one of GET, HEAD, POST"),
    ]);
    accepted(&[(PING, "path: /public/{name}"), ("[orders:write]", "[orders:read, orders:write]")]);
}

#[test]
fn paths_that_two_routes_claim() {
    told(&[
        (ONE, "path: /orders", 41, FIELD, "apis.orders.routes[0] has the same path: write its methods in one place"),
        (ONE, "path: /%6frders", 41, FIELD, "apis.orders.routes[0] has the same path"),
        (
            ONE,
            "path: /orders/{a}\n        methods: { GET: [orders:read] }\n      - path: /orders/{b}",
            43,
            "apis.orders.routes[2].path",
            "apis.orders.routes[1] has the same path",
        ),
        (
            ONE,
            "path: /orders/{a}/x\n        methods: { GET: [orders:read] }\n      - path: /orders/y/{b}",
            43,
            "apis.orders.routes[2].path",
            "some calls fit /orders/{a}/x as well",
        ),
    ]);
    accepted(&[
        (ONE, "path: /orders/{a}\n        methods: { GET: [orders:read] }\n      - path: /orders/new"),
        (ONE, "path: /orders/{a}/x\n        methods: { GET: [orders:read] }\n      - path: /orders/y/z"),
        (ONE, "path: /{a}/x\n        methods: { GET: [orders:read] }\n      - path: /{a}/{b}"),
        // No name in braces stands for `public`, so these two never meet.
        (ONE, "path: /{a}/ping"),
    ]);
}

/// Abuse cases A1, A2: what a lax back end takes for one path asks for one thing, or the back end is not lax.
#[test]
fn paths_that_a_back_end_may_take_for_one() {
    const LAX: &str = "a back end may take /orders for the same path";
    told(&[
        (ONE, "path: /Orders", 41, FIELD, LAX),
        (ONE, "path: /orders.", 41, FIELD, "or `exact_paths: true` if the back end compares paths byte for byte"),
        (ONE, "path: /%EF%BD%8Frders", 41, FIELD, LAX),
        (
            "path: /orders/{id}\n        methods: { GET: [orders:read] }",
            "path: /orders/\n        methods: { GET: [orders:write] }",
            41,
            FIELD,
            LAX,
        ),
        (
            "path: /orders/{id}",
            "path: /orders/a%3Ab\n        methods: { GET: [orders:write] }\n      - path: /orders/a:b",
            43,
            "apis.orders.routes[2].path",
            "a back end may take /orders/a%3Ab",
        ),
        ("timeout: 10s", "exact_paths: maybe", 35, "apis.orders.exact_paths", "true or false"),
    ]);
    accepted(&[
        (ONE, "path: /orders/"),
        (ONE, "path: /orders/a:b\n        methods: { GET: [orders:read] }\n      - path: /orders/A:B"),
        (ONE, "path: /orders-2"),
        ("timeout: 10s", "exact_paths: true"),
    ]);
    let exact = super::changed("timeout: 10s", "exact_paths: true");
    for path in ["/Orders", "/orders.", "/%EF%BD%8Frders"] {
        gateway_config::Gateway::parse(&exact.replace(ONE, &format!("path: {path}"))).expect(path);
    }
    let twins = exact.replace(ONE, "path: /orders/a%3Ab\n        methods: { GET: [x] }\n      - path: /orders/a:b");
    assert!(gateway_config::Gateway::parse(&twins).is_err(), "no back end tells these apart");
}

/// Checklist H-13: where the back end chooses a format by the extension, one action has several paths.
#[test]
fn formats_of_one_resource_ask_for_the_same() {
    const SECOND: &str = "apis.orders.routes[2].path";
    let after = |path: &str, next: &str| {
        format!("path: {path}\n        methods: {{ GET: [orders:write] }}\n      - path: {next}")
    };
    told(&[
        (ONE, &after("/orders.json", "/x"), 41, FIELD, "a back end may take /orders for the same path"),
        (ONE, &after("/orders/a.json", "/orders/a.xml"), 43, SECOND, "a back end may take /orders/a.json"),
        (ONE, &after("/orders/a", "/orders/A.Csv/"), 43, SECOND, "a back end may take /orders/a for"),
    ]);
    accepted(&[
        // The format has no POST, and GET asks for the same.
        (ONE, "path: /orders.json"),
        (ONE, &after("/orders/a.json", "/orders/b.json")),
        (ONE, &after("/orders/a.json/x", "/orders/a.xml/x")),
        // What no framework takes for a format is part of the name.
        (ONE, &after("/orders.list", "/orders.delete")),
        (ONE, &after("/orders.aspx", "/orders.ashx")),
    ]);
    let exact = super::changed("timeout: 10s", "exact_paths: true");
    gateway_config::Gateway::parse(&exact.replace(ONE, &after("/orders.json", "/orders.xml")))
        .expect("an exact back end");
}

#[test]
fn wide_paths_end_wide_and_name_one_place() {
    const PREFIX: &str = "apis.orders.routes[1].prefix";
    told(&[
        (ONE, "path: /orders/{rest+}/x", 41, FIELD, "write it at the end"),
        (ONE, "path: /orders/{+}", 41, FIELD, "{rest+} at the end"),
        (ONE, "path: /orders/{rest*}", 41, FIELD, "{rest+} at the end"),
        (ONE, "prefix: /orders/x/", 41, PREFIX, "leave out what is behind its last name"),
        (ONE, "prefix: /orders/{rest+}", 41, PREFIX, "leave out what is behind its last name"),
        (ONE, "prefix: /", 41, PREFIX, "leave out what is behind its last name"),
        (ONE, "prefix: /orders", 41, PREFIX, "apis.orders.routes[0] has the same path"),
        (ONE, "prefix: /oauth2", 41, PREFIX, "/oauth2 belongs to the gateway itself"),
        (ONE, "prefix: /x\n        path: /x", 41, PREFIX, "write one of the two"),
        (ONE, "public: false", 41, FIELD, "or `prefix: /orders`"),
        (
            ONE,
            "path: /orders/{a}/x\n        methods: { GET: [orders:read] }\n      - path: /orders/y/{rest+}",
            43,
            "apis.orders.routes[2].path",
            "some calls fit /orders/{a}/x as well",
        ),
        (
            ONE,
            "path: /a/{id}\n        methods: { GET: [orders:write] }\n      - path: /A/{rest+}",
            43,
            "apis.orders.routes[2].path",
            "a back end may take /a/{id} for the same path",
        ),
    ]);
    accepted(&[
        (ONE, "path: /orders/{rest+}"),
        (ONE, "path: /{rest+}"),
        (ONE, "prefix: /shop/{tenant}"),
        (ONE, "path: /orders/{a}/{rest+}\n        methods: { GET: [orders:read] }\n      - path: /orders/y/{rest+}"),
        (ONE, "path: /orders/{a}\n        methods: { GET: [orders:read] }\n      - path: /orders/{rest+}"),
    ]);
}

#[test]
fn any_and_its_exceptions() {
    const POST: &str = "POST: [orders:write]";
    told(&[
        (POST, "POST: refused", 40, "apis.orders.routes[0].methods.POST", "beside `ANY: […]`"),
        (POST, "ANY: refused", 40, "apis.orders.routes[0].methods.ANY", "beside `ANY: […]`"),
        (POST, "ANY: []", 40, "apis.orders.routes[0].methods.ANY", "at least one scope"),
        (POST, "ANY: [orders:all]", 40, "apis.orders.routes[0].methods.ANY", "there is no scope `orders:all`"),
        (POST, "POST: orders:write", 40, "apis.orders.routes[0].methods.POST", "write [orders:write], or `refused`"),
    ]);
    accepted(&[(POST, "ANY: [orders:write]"), (POST, "ANY: [orders:write], DELETE: refused")]);
}

#[test]
fn what_is_forwarded_comes_from_the_path() {
    const REWRITE: &str = "apis.orders.routes[1].rewrite";
    let rewrite = |text: &str| format!("{ONE}\n        rewrite: {text}");
    told(&[
        (ONE, &rewrite("x"), 42, REWRITE, "write /x"),
        (ONE, &rewrite("/x/{number}"), 42, REWRITE, "`{number}` is no name of /orders/{id}"),
        (ONE, &rewrite("/x/{id+}"), 42, REWRITE, "`{id+}` is no name of /orders/{id}"),
        (ONE, &rewrite("/x/{id}/{id}"), 42, REWRITE, "there twice"),
        (ONE, &rewrite("/x//{id}"), 42, REWRITE, "empty segment"),
        (ONE, &rewrite("/../{id}"), 42, REWRITE, "dot segment"),
        (ONE, &rewrite("/x?id={id}"), 42, REWRITE, "whole segment"),
        ("timeout: 10s", "strip_prefix: /orders", 43, "apis.orders.routes[2].path", "write a path that begins with it"),
        ("timeout: 10s", "strip_prefix: orders", 35, "apis.orders.strip_prefix", "write one such as /shop"),
        ("timeout: 10s", "strip_prefix: /orders/", 35, "apis.orders.strip_prefix", "write one such as /shop"),
        ("timeout: 10s", "strip_prefix: /a/../orders", 35, "apis.orders.strip_prefix", "write one such as /shop"),
        (
            ONE,
            "path: /lines/{id}\n        methods: { GET: [orders:write] }\n        rewrite: /orders\n      - path: /orders/{id}",
            41,
            FIELD,
            "/orders becomes the same path at the back end",
        ),
        (
            ONE,
            "path: /x\n        back_end: http://other.example.com",
            42,
            "apis.orders.routes[1].back_end",
            "unencrypted",
        ),
    ]);
    accepted(&[
        (ONE, &rewrite("/Order.do/{id}")),
        (ONE, &rewrite("/")),
        (ONE, "path: /x/{id}/{rest+}\n        rewrite: /{id}/show/{rest+}"),
        (ONE, "path: /x\n        back_end: https://other.example.com/app"),
        // It asks for the same.
        (
            ONE,
            "path: /lines/{id}\n        methods: { GET: [orders:read] }\n        rewrite: /old/{id}\n      - path: /old/{id}",
        ),
    ]);
}
