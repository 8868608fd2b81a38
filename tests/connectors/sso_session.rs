//! Web single sign-on: LemonLDAP::NG, its portal under one name and an application behind its handler under another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gateway_connectors::back_end::BackEndClients;
use gateway_connectors::{Call, Connector, ConnectorError, Connectors, Credentials};
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::ConnectorName;
use gateway_domain::secret::Secret;
use gateway_domain::time::Seconds;
use gateway_local::stack::Options;
use gateway_runtime::{SystemClock, SystemEntropy};
use serde_json::{Value as Json, json};
use support::{Client, DEMO_APP, Gateway, Response, Server, Tokens, User};

use crate::http_login::{sizes, timed};

/// The demonstration users of the portal have their names as passwords.
pub(crate) const DWHO: User = User { name: "dwho@example.com", password: "dwho" };
const RTYLER: User = User { name: "rtyler@example.com", password: "rtyler" };

const SEED: &str = r#"
apps:
  demo-app:
    name: Demo App
    kind: public
    trusted: true
    grants: [password, refresh_token]
    scopes: ["orders:read"]
    plan: standard
    subscriptions: [orders]
users:
  - { email: dwho@example.com, password: dwho, links: { sso: dwho } }
  - { email: rtyler@example.com, password: rtyler, links: { sso: rtyler } }
  - { email: msmith@example.com, password: not the one at the portal, links: { sso: msmith } }
"#;

/// The portal ends sessions after so long.
pub(crate) struct Ends {
    ends: &'static str,
    idle: &'static str,
}

/// Longer than the portal's: what ends is found out by calls.
pub(crate) const LONG: Ends = Ends { ends: "10h", idle: "1h" };
/// The portal's own.
const EXACT: Ends = Ends { ends: "30s", idle: "6s" };

fn config(server: &Server, ends: &Ends) -> String {
    let (portal, application, Ends { ends, idle }) = (server.port(0), server.port(1), ends);
    format!(
        r#"
plans: {{ standard: {{ calls: 1000, window: 1m }} }}
connectors:
  sso:
    type: sso_session
    login:
      url: http://localhost:{portal}/
      form: {{ user: "{{username}}", password: "{{password}}" }}
      headers: {{ Accept: application/json }}
    timeout: 25s
    extract: {{ cookie: lemonldap }}
    ends: {ends}
    idle: {idle}
    logout: {{ method: GET, url: "http://localhost:{portal}/?logout=1" }}
apis:
  orders:
    back_end: http://127.0.0.1:{application}
    connector: sso
    timeout: 25s
    routes: [{{ path: /orders, methods: {{ GET: ["orders:read"] }} }}]
"#
    )
}

async fn gateway(server: &Server, ends: &Ends) -> Gateway {
    gateway_with(server, ends, |_| {}).await
}

pub(crate) async fn gateway_with(server: &Server, ends: &Ends, change: impl FnOnce(&mut Options)) -> Gateway {
    Gateway::start_from(&config(server, ends), SEED, change).await
}

/// What the application received with a call.
async fn received(gateway: &Gateway, tokens: &Tokens) -> Json {
    let response = gateway.call("GET", "/orders", &tokens.access).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["headers"].clone()
}

/// A call without the gateway.
async fn straight(server: &Server, cookie: &str) -> Response {
    let client = Client::new(&format!("http://127.0.0.1:{}", server.port(1)));
    client.response(client.request("GET", "/orders").header("Cookie", cookie)).await
}

fn asks_for_a_login(response: &Response) {
    assert_eq!(response.status, 401, "{}", response.text());
    assert_eq!(response.json()["error"], "insufficient_user_authentication");
    assert!(response.header("location").is_empty() && !response.text().contains("localhost"), "{}", response.text());
}

#[tokio::test]
#[cfg_attr(not(installed = "lemonldap"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn two_users_of_a_portal_reach_an_application_behind_it_until_they_log_out() {
    let server = Server::start("lemonldap", 3);
    let gateway = gateway(&server, &LONG).await;
    let (dwho, rtyler) = (gateway.login(DWHO).await, gateway.login(RTYLER).await);
    for _ in 0..5 {
        let (one, other) = tokio::join!(received(&gateway, &dwho), received(&gateway, &rtyler));
        assert_eq!((&one["auth-user"], &other["auth-user"]), (&json!("dwho"), &json!("rtyler")));
    }
    let headers = received(&gateway, &dwho).await;
    let cookie = headers["cookie"].as_str().expect("a cookie");
    assert!(cookie.starts_with("lemonldap=") && !cookie.contains(';'), "{cookie}");
    assert_eq!(straight(&server, cookie).await.status, 200);

    // The portal hears of the logout; the handler in front of the application asks it again after a second.
    let revoked = gateway.post_form("/oauth2/revoke", &[("client_id", DEMO_APP), ("token", &dwho.refresh)]).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    let gone = async {
        while straight(&server, cookie).await.status != 302 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the portal knows the session no more");
    assert_eq!(received(&gateway, &rtyler).await["auth-user"], "rtyler");
}

#[tokio::test]
#[cfg_attr(not(installed = "lemonldap"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_portal_that_refuses_the_password_or_is_down_is_told_apart() {
    let server = Server::start("lemonldap", 3);
    let gateway = gateway(&server, &LONG).await;
    let response = gateway.try_login(DEMO_APP, "msmith@example.com", "not the one at the portal").await;
    assert_eq!((response.status, &response.json()["error"]), (400, &json!("invalid_grant")), "{}", response.text());
    assert_eq!(response.json()["error_description"], "the back end of sso did not accept the username or password");

    drop(server);
    let response = loop {
        let response = gateway.try_login(DEMO_APP, DWHO.name, DWHO.password).await;
        if response.status != 200 {
            break response;
        }
    };
    assert_eq!(response.status, 503, "{}", response.text());
    assert!(response.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
}

/// A session that is used outlives one that is not, and ends all the same.
#[tokio::test]
#[cfg_attr(not(installed = "lemonldap"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn calls_keep_a_session_alive_until_its_absolute_end_and_each_end_asks_for_a_login() {
    let server = Server::start("lemonldap", 3);
    let gateway = gateway(&server, &LONG).await;
    let used = gateway.login(DWHO).await;
    let unused = gateway.login(RTYLER).await;
    assert_eq!(received(&gateway, &unused).await["auth-user"], "rtyler");

    // The portal ends a session after 6 s without a call, and a call moves it: only one is made after it has passed.
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..11 {
        seconds.tick().await;
        assert_eq!(received(&gateway, &used).await["auth-user"], "dwho");
    }
    asks_for_a_login(&gateway.call("GET", "/orders", &unused.access).await);
    // The other is older and lives: so this one ended without use, not at its absolute end.
    assert_eq!(received(&gateway, &used).await["auth-user"], "dwho");

    let ended = async {
        loop {
            let response = gateway.call("GET", "/orders", &used.access).await;
            if response.status != 200 {
                return response;
            }
            seconds.tick().await;
        }
    };
    let response = tokio::time::timeout(Duration::from_secs(60), ended).await.expect("an absolute end");
    asks_for_a_login(&response);
    let again = gateway.login(DWHO).await;
    assert_eq!(received(&gateway, &again).await["auth-user"], "dwho");
}

/// The gateway knows both ends as the portal does, and moves the one without use with every call that succeeds.
#[tokio::test]
#[cfg_attr(not(installed = "lemonldap"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn calls_move_the_end_that_the_gateway_knows_and_a_session_without_any_asks_for_a_login() {
    let server = Server::start("lemonldap", 3);
    let gateway = gateway(&server, &EXACT).await;
    let used = gateway.login(DWHO).await;
    let unused = gateway.login(RTYLER).await;
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..11 {
        seconds.tick().await;
        assert_eq!(received(&gateway, &used).await["auth-user"], "dwho");
    }
    asks_for_a_login(&gateway.call("GET", "/orders", &unused.access).await);
    assert_eq!(received(&gateway, &used).await["auth-user"], "dwho");
}

/// The connector alone. What it takes and keeps is printed, not asserted.
#[tokio::test]
#[cfg_attr(not(installed = "lemonldap"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_session_has_two_ends_and_cannot_be_renewed_and_its_sizes_and_times_are_printed() {
    let server = Server::start("lemonldap", 3);
    let connector = connector(&server);
    let now = SystemClock.now();
    let password = Secret::new(DWHO.password.to_owned());
    let credentials = Credentials { username: DWHO.name, link: Some("dwho"), password: Some(&password) };
    let acquired = timed("lemonldap: acquire", connector.acquire(credentials, now)).await.expect("a session");
    assert_eq!(acquired.ends, Some(now.saturating_add(Seconds::new(30))));
    assert_eq!((acquired.idle, acquired.renew_until), (Some(Seconds::new(6)), None));
    assert_eq!(connector.renew(&acquired.state, now).await.map(|_| ()), Err(ConnectorError::Refused));
    let call = Call { content_type: None, body: &Default::default() };
    let injection = timed("lemonldap: inject", async { connector.inject(&acquired.state, call) }).await;
    sizes("lemonldap", &acquired.state, &injection.expect("headers").headers);
    timed("lemonldap: end", connector.end(&acquired.state)).await.expect("an end");
}

fn connector(server: &Server) -> Arc<dyn Connector> {
    let gateway = gateway_config::Gateway::parse(&config(server, &EXACT)).expect("a configuration");
    let clients = BackEndClients::new(&gateway, &BTreeMap::new()).expect("clients");
    let connectors = Connectors::from_config(&gateway, &clients, &BTreeMap::new(), &(Arc::new(SystemEntropy) as _));
    connectors.get(&ConnectorName::parse("sso").expect("a name")).expect("a connector").clone()
}
