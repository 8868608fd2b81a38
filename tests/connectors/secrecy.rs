//! Passwords, internal tokens and the app's own tokens are found in no table, log line, trace or answer, whatever logged in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_local::stack::Options;
use support::{ADA, DEMO_APP, Daemon, Gateway, Response, Secrets, Server, User};

use crate::http_login;
use crate::kerberos::heimdal::HEIMDAL;
use crate::saml::site::{ALICE, CAROL, Site};
use crate::sso_session::{self, DWHO, LONG};
use crate::ws_trust::site as ws_trust;

/// A password that is nowhere but where a test sends it.
const CANARY: &str = "canary-9Vt4-never-to-be-seen";

/// Everything is logged and traced.
fn watched(daemon: &Daemon) -> impl FnOnce(&mut Options) {
    |options| {
        daemon.is_known(options, true);
        options.log_level = "TRACE".to_owned();
    }
}

async fn login(gateway: &Gateway, user: User, scope: &str) -> Response {
    let form = [
        ("grant_type", "password"),
        ("client_id", DEMO_APP),
        ("username", user.name),
        ("password", user.password),
        ("scope", scope),
    ];
    gateway.post_form("/oauth2/token", &form).await
}

/// Logs in, calls, refreshes, logs out, in good and in bad ways, and looks for what must not be found. `refused` is
/// somebody whose password only the gateway takes.
async fn search(gateway: &Gateway, daemon: &Daemon, [user, refused]: [User; 2], scope: &str, paths: &[&str]) {
    let mut secrets = Secrets::default();
    secrets.keep("canary", CANARY);
    secrets.keep("refused password", refused.password);
    // The portal's demonstration users have their names as passwords.
    if user.password.len() > 8 {
        secrets.keep("password", user.password);
    }
    let mut responses =
        vec![login(gateway, User { password: CANARY, ..user }, scope).await, login(gateway, refused, scope).await];
    let first = login(gateway, user, scope).await.tokens();
    let second = gateway.refresh(&first).await;
    for (number, tokens) in [&first, &second].into_iter().enumerate() {
        secrets.keep(&format!("access token {number}"), &tokens.access);
        secrets.keep(&format!("refresh token {number}"), &tokens.refresh);
    }
    for (connector, state) in gateway.internal_tokens(&second).await {
        secrets.keep(&format!("what {connector} keeps"), &STANDARD.encode(&state));
        // It keeps text with the token in it, or bytes.
        let text = String::from_utf8_lossy(&state).into_owned();
        let parts = text.split(|part: char| part == '"' || part.is_control() || part == '\u{fffd}');
        for (number, part) in parts.filter(|part| part.len() >= 16).enumerate() {
            secrets.keep(&format!("part {number} of what {connector} keeps"), part);
        }
    }
    for path in paths {
        let response = gateway.call("GET", path, &second.access).await;
        assert_eq!(response.status, 200, "{path}: {}", response.text());
    }
    responses.push(gateway.call("GET", "/nowhere", &second.access).await);
    responses.push(gateway.call("GET", paths[0], &first.refresh).await);
    let form = [("client_id", DEMO_APP), ("token", second.refresh.as_str())];
    responses.push(gateway.post_form("/oauth2/revoke", &form).await);
    responses.push(gateway.call("GET", paths[0], &second.access).await);
    responses.push(gateway.try_refresh(DEMO_APP, &second.refresh).await);
    let statuses: Vec<_> = responses.iter().map(|response| response.status).collect();
    assert_eq!(statuses, [400, 400, 404, 401, 200, 401, 400]);
    secrets.are_nowhere(gateway, daemon, &responses).await;
}

/// Abuse case I1; checklist Y-01.
#[tokio::test]
#[cfg_attr(not(installed = "django"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn nothing_of_a_login_over_http_is_found_anywhere() {
    let server = Server::start("django", 1);
    let daemon = Daemon::start();
    let origin = format!("http://127.0.0.1:{}", server.port(0));
    let gateway = http_login::gateway_with(&origin, watched(&daemon)).await;
    let eve = User { name: "eve@example.com", password: "not known to the site" };
    search(&gateway, &daemon, [ADA, eve], "orders:read", &["/orders"]).await;
}

/// Abuse case I1; checklist Y-01.
#[tokio::test]
#[cfg_attr(not(installed = "lemonldap"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn nothing_of_a_single_sign_on_is_found_anywhere() {
    let server = Server::start("lemonldap", 3);
    let daemon = Daemon::start();
    let gateway = sso_session::gateway_with(&server, &LONG, watched(&daemon)).await;
    let msmith = User { name: "msmith@example.com", password: "not the one at the portal" };
    search(&gateway, &daemon, [DWHO, msmith], "orders:read", &["/orders"]).await;
}

/// Abuse case I1; checklist Y-01.
#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn nothing_of_a_ticket_is_found_anywhere() {
    let server = Server::start("heimdal", 2);
    let daemon = Daemon::start();
    let world = HEIMDAL.world_with(server, watched(&daemon)).await;
    let alice = User { name: "alice@example.com", password: "alice-password" };
    let dave = User { name: "dave@example.com", password: "dave-password" };
    search(&world.gateway, &daemon, [alice, dave], "delegated own", &["/who", "/own/who"]).await;
}

/// Abuse case I1; checklist Y-01.
#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn nothing_of_an_assertion_is_found_anywhere() {
    let daemon = Daemon::start();
    let site = Site::start_with(watched(&daemon)).await;
    let paths = ["/header/who", "/bearer/who", "/who"];
    search(&site.gateway, &daemon, [ALICE, CAROL], "header bearer portal", &paths).await;
}

/// Abuse case I1; checklist Y-01.
#[tokio::test]
#[cfg_attr(not(installed = "cxf"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn nothing_of_a_token_service_is_found_anywhere() {
    let daemon = Daemon::start();
    let site = ws_trust::Site::start_with(watched(&daemon)).await;
    let paths = ["/rest/header/who", "/oauth/who", "/rest/renewed/who"];
    search(&site.gateway, &daemon, [ws_trust::ALICE, ws_trust::CAROL], "header bearer renewed", &paths).await;
}
