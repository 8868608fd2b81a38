//! A real browser, when there is one: a page of a listed origin logs in, calls and refreshes; another page can not, and a page
//! of a back end reaches nothing of the gateway's origin.

use std::time::Duration;

use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP, Gateway};
use tokio::process::Command;

use crate::canned::Canned;
use crate::wire::seen;

/// Tries everything in turn and leaves what came of it in the page. A blocked fetch is a `TypeError`.
const PAGE: &str = r#"<!doctype html><title>page</title><pre id="outcome">unfinished</pre><script type="module">
const { gateway, app, user, password } = Object.fromEntries(new URLSearchParams(location.search));
const outcome = {};
const attempt = async (name, path, options, read) => {
  try {
    const response = await fetch(gateway + path, options);
    outcome[name] = { status: response.status, ...await read(response) };
  } catch (error) { outcome[name] = { blocked: error.name }; }
};
const form = (fields, headers = {}) => ({ method: "POST", headers, body: new URLSearchParams(fields) });
const bearer = (token) => ({ Authorization: "Bearer " + token });
let tokens = {};
const login = { grant_type: "password", client_id: app, username: user, password };
await attempt("login", "/oauth2/token", form(login), async (response) => { tokens = await response.json(); return {}; });
await attempt("call", "/orders", { headers: bearer(tokens.access_token) },
  async (response) => ({ user: (await response.json()).user, limit: response.headers.get("RateLimit-Policy") }));
const order = JSON.stringify({ item: "from a page", quantity: 2 });
await attempt("write", "/orders", { method: "POST", body: order,
  headers: { ...bearer(tokens.access_token), "Content-Type": "application/json" } }, async () => ({}));
const refresh = { grant_type: "refresh_token", client_id: app, refresh_token: tokens.refresh_token };
await attempt("refresh", "/oauth2/token", form(refresh, { "Idempotency-Key": crypto.randomUUID() }),
  async (response) => ({ another: (await response.json()).refresh_token !== tokens.refresh_token }));
await attempt("refused", "/orders", { headers: bearer("wrong") },
  async (response) => ({ error: (await response.json()).error, challenge: response.headers.get("WWW-Authenticate") }));
await attempt("public", "/public/ping", {}, async (response) => response.json());
await attempt("cookies", "/public/ping", { credentials: "include" }, async () => ({}));
document.getElementById("outcome").textContent = "outcome: " + JSON.stringify(outcome) + " end";
</script>"#;

/// A page of a back end that does in the gateway's origin what its scripts may.
const BACK_END_PAGE: &str = r#"<!doctype html><title>page</title><pre id="outcome">no script</pre><script type="module">
const read = await fetch("/.well-known/jwks.json").then(async (response) => response.status, (error) => error.name);
document.cookie = "a=1; Path=/";
document.getElementById("outcome").textContent = JSON.stringify([origin, read, document.cookie]);
</script>"#;

/// A server of a page, on an origin of its own.
async fn page(page: &str) -> Canned {
    let length = page.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n");
    Canned::start(Some(format!("{head}Connection: close\r\n\r\n{page}"))).await
}

/// What the page found out.
async fn visit(browser: &str, page: &Canned, gateway: &Gateway) -> Json {
    let address = reqwest::Url::parse_with_params(
        &page.url(),
        [("gateway", gateway.stack.base_url()), ("app", DEMO_APP), ("user", ADA.name), ("password", ADA.password)],
    );
    let dom = dom(browser, address.expect("an address").as_str()).await;
    let outcome = dom.split("outcome: ").nth(1).and_then(|rest| rest.split(" end").next());
    let outcome = outcome.unwrap_or_else(|| panic!("{dom}"));
    serde_json::from_str(outcome).unwrap_or_else(|_| panic!("no JSON: {outcome}"))
}

/// The page at an address, after its scripts have run.
async fn dom(browser: &str, address: &str) -> String {
    let profile = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--disable-dev-shm-usage", "--virtual-time-budget=30000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    // Reports of crashes would go to the user's own profile all the same.
    command.env("XDG_CONFIG_HOME", profile.path());
    command.arg(address).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(120), command.output()).await;
    let output = output.expect("the browser ends").expect("the browser runs");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(dom.contains("id=\"outcome\""), "{dom}\n{}", String::from_utf8_lossy(&output.stderr));
    dom
}

#[cfg_attr(not(installed = "browser"), ignore = "no browser is installed: Debian's package `chromium` has one")]
#[tokio::test]
async fn a_browser_lets_the_listed_page_in_and_keeps_another_out() {
    let browser = option_env!("BROWSER_OF_TESTS").unwrap_or("chromium");
    let (listed, other) = (page(PAGE).await, page(PAGE).await);
    let cors = format!("\ncors: {{ origins: [{}] }}\n", listed.url());
    let gateway = Gateway::start_with_config(|text| text + &cors).await;

    let outcome = visit(browser, &listed, &gateway).await;
    let expected = json!({
        "login": { "status": 200 },
        "call": { "status": 200, "user": ADA.name, "limit": "\"default\";q=60;w=60" },
        "write": { "status": 201 },
        "refresh": { "status": 200, "another": true },
        "refused": {
            "status": 401, "error": "invalid_token", "challenge": "Bearer realm=\"gateway\", error=\"invalid_token\"",
        },
        "public": { "status": 200, "ping": "pong" },
        // Nobody's cookies are asked for, so that a page that sends them gets nothing.
        "cookies": { "blocked": "TypeError" },
    });
    assert_eq!(outcome, expected);

    let before = seen(&gateway);
    let outcome = visit(browser, &other, &gateway).await;
    for (name, result) in outcome.as_object().expect("an object") {
        assert_eq!(result, &json!({ "blocked": "TypeError" }), "{name}: {outcome}");
    }
    assert_eq!(outcome.as_object().map(serde_json::Map::len), Some(7));
    // What needs no permission arrives all the same, without anybody's token: the login and the public path.
    let paths: Vec<_> = gateway.stack.legacy().recorded().into_iter().skip(before).map(|r| r.target).collect();
    assert!(paths.iter().all(|path| path == "/login" || path == "/public/ping"), "{paths:?}");
}

/// Abuse case B9.
#[cfg_attr(not(installed = "browser"), ignore = "no browser is installed: Debian's package `chromium` has one")]
#[tokio::test]
async fn a_page_of_a_back_end_reaches_the_gateways_origin_only_if_it_is_trusted() {
    let browser = option_env!("BROWSER_OF_TESTS").unwrap_or("chromium");
    let back_end = page(BACK_END_PAGE).await;
    let apis = ["apart", "trusted"].map(|name| {
        let trusted = name == "trusted";
        let routes = format!("[{{ path: /public/{name}, methods: {{ GET: [] }}, public: true }}]");
        format!("\n  {name}: {{ back_end: {}, trusted_pages: {trusted}, routes: {routes} }}\n", back_end.url())
    });
    let gateway = Gateway::start_with_config(|text| text + &apis.concat()).await;
    let url = gateway.stack.base_url();

    let apart = dom(browser, &format!("{url}/public/apart")).await;
    assert!(apart.contains(">no script<"), "{apart}");
    // The same page, where nothing holds it back, so that the one above shows something.
    let trusted = dom(browser, &format!("{url}/public/trusted")).await;
    assert!(trusted.contains(&format!(r#">["{url}",200,"a=1"]<"#)), "{trusted}");
}
