//! `routes`: what a request would meet, without any gateway.

use crate::operator::{Printed, run};

const FILE: &str = r#"
plans: { standard: { calls: 60, window: 1m } }
apis:
  shop:
    back_end: https://shop.internal/app
    strip_prefix: /shop
    routes:
      - { prefix: /shop, methods: { ANY: [shop], PATCH: refused } }
      - { path: "/shop/admin/{rest+}", methods: { GET: [admin] } }
      - { path: /shop/order/7, methods: { GET: [shop] }, rewrite: /Order.do, back_end: "https://orders.internal" }
"#;

async fn routes(arguments: &[&str]) -> Printed {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.yaml");
    std::fs::write(&file, FILE).unwrap();
    let named = ["--config", file.to_str().expect("UTF-8"), "routes"];
    run(&[&named, arguments].concat(), "", |command| command.env("PATH", "/nowhere")).await
}

#[tokio::test]
async fn a_request_is_told_where_it_goes_and_what_it_needs() {
    let met = routes(&["check", "get", "/shop/cart/caf%c3%a9?x=1", "-o", "json"]).await.json();
    assert_eq!(met["decided_on"], "/shop/cart/caf%C3%A9");
    assert_eq!((&met["route"], &met["api"]), (&"/shop".into(), &"shop".into()));
    assert_eq!(met["forwarded_to"], "https://shop.internal/app/cart/caf%C3%A9?x=1");
    assert_eq!(met["needs"], "a token with shop, of an app subscribed to shop");
    let elsewhere = routes(&["check", "GET", "/shop/order/7", "-o", "json"]).await.json();
    assert_eq!(elsewhere["forwarded_to"], "https://orders.internal/Order.do");
    assert!(routes(&["check", "GET", "/shop/admin/users"]).await.text().contains("a token with admin"));
}

#[tokio::test]
async fn a_refusal_says_why() {
    for (method, path, status, why) in [
        ("GET", "/shop/Admin/users", 400, "could take /shop/Admin/users for /shop/admin/{rest+} of shop"),
        ("GET", "/shop/%61dmin/users", 400, "write it plainly"),
        ("GET", "/shop/..%3B/x", 400, "exact_paths: true"),
        ("GET", "/shop/../admin", 400, "dot segment"),
        ("GET", "/shop/x?a b", 400, "query"),
        ("GET", "/Shop/x", 404, "near it are /shop"),
        ("POST", "/shop/admin/users", 405, "/shop/admin/{rest+} of shop has GET only"),
        ("PATCH", "/shop/x", 405, "/shop of shop has GET, HEAD, POST, PUT, DELETE only"),
        ("OPTIONS", "/shop/x", 403, "cors"),
    ] {
        let refused = routes(&["check", method, path, "-o", "json"]).await.json();
        assert_eq!(refused["status"], status, "{method} {path}: {refused}");
        assert!(refused["why"].as_str().unwrap().contains(why), "{method} {path}: {refused}");
    }
    assert!(routes(&["check", "G T", "/shop"]).await.problem().contains("write GET"));
}

#[tokio::test]
async fn all_routes_are_listed() {
    let printed = routes(&["list"]).await;
    let listed = printed.text();
    for text in ["/shop and below", "/shop/admin/{rest+}", "https://orders.internal as /Order.do", "GET [admin]"] {
        assert!(listed.contains(text), "{listed}");
    }
}
