//! A site with a login of its own: Django, with its stock login view, CSRF protection and sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue};
use gateway_connectors::back_end::BackEndClients;
use gateway_connectors::{Call, Connector, ConnectorError, Connectors, Credentials};
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::sealing::SealingKeys;
use gateway_domain::secret::Secret;
use gateway_domain::time::Seconds;
use gateway_local::stack::Options;
use gateway_runtime::{SystemClock, SystemEntropy};
use serde_json::{Value as Json, json};
use support::{ADA, BOB, Client, DEMO_APP, Gateway, Server, Tokens, with_service};

/// The site of one test.
struct Site {
    server: Server,
    client: Client,
}

impl Site {
    fn start() -> Self {
        let server = Server::start("django", 1);
        let client = Client::new(&format!("http://127.0.0.1:{}", server.port(0)));
        Self { server, client }
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port(0))
    }

    /// How many sessions this user has there.
    async fn sessions(&self, user: &str) -> u64 {
        let response = self.client.response(self.client.request("GET", "/test/sessions")).await;
        response.json()[user].as_u64().unwrap_or(0)
    }

    /// Ends the sessions of this user there.
    async fn forget(&self, user: &str) {
        let response = self.client.response(self.client.request("POST", &format!("/test/forget?user={user}"))).await;
        assert_ne!(response.json()["ended"], 0, "{user} had no session");
    }

    async fn gateway(&self) -> Gateway {
        gateway(&self.origin()).await
    }
}

/// The configuration of a gateway before the site at this origin.
fn config(origin: &str) -> String {
    format!(
        r#"
scopes: {{ "orders:read": See orders, "orders:write": Place orders }}
plans: {{ standard: {{ calls: 1000, window: 1m }} }}
connectors:
  shop:
    type: http_login
    login:
      - url: {origin}/accounts/login/
      - submit: {{ fields: {{ username: "{{username}}", password: "{{password}}" }} }}
        success: {{ status: 302, cookie: sessionid }}
        refused: {{ status: 200, body_has: csrfmiddlewaretoken }}
    timeout: 25s
    extract: {{ cookie: sessionid }}
    extract_also: {{ csrf: {{ cookie: csrftoken }} }}
    expires: {{ cookie_max_age: true }}
    inject:
      - {{ cookie: sessionid }}
      - {{ cookie: csrftoken, value: "{{csrf}}" }}
      - {{ header: X-CSRFToken, value: "{{csrf}}" }}
    dead_session: {{ redirect_to: /accounts/login/ }}
    renew: {{ method: POST, url: {origin}/session/renew, for: 8h }}
    logout: {{ method: POST, url: {origin}/accounts/logout/ }}
apis:
  orders:
    back_end: {origin}
    connector: shop
    timeout: 25s
    routes: [{{ path: /orders, methods: {{ GET: ["orders:read"], POST: ["orders:write"] }} }}]
"#
    )
}

/// Ada has another name at the site, Bob has not.
const SEED: &str = r#"
apps:
  demo-app:
    name: Demo App
    kind: public
    trusted: true
    grants: [password, refresh_token]
    scopes: ["orders:read", "orders:write"]
    plan: standard
    subscriptions: [orders]
users:
  - { email: ada@example.com, password: correct horse battery staple, links: { shop: ada } }
  - { email: bob@example.com, password: staple battery horse correct }
  - { email: eve@example.com, password: not known to the site }
"#;

async fn gateway(origin: &str) -> Gateway {
    gateway_with(origin, |_| {}).await
}

pub(crate) async fn gateway_with(origin: &str, change: impl FnOnce(&mut Options)) -> Gateway {
    let (config, seed) = with_service(&config(origin), SEED);
    Gateway::start_from(&config, &seed, change).await
}

async fn user_of(gateway: &Gateway, tokens: &Tokens) -> Json {
    let response = gateway.call("GET", "/orders", &tokens.access).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["user"].clone()
}

#[tokio::test]
#[cfg_attr(not(installed = "django"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn two_users_of_a_django_site_log_in_call_and_log_out() {
    let site = Site::start();
    let gateway = site.gateway().await;
    let (ada, bob) = (gateway.login(ADA).await, gateway.login(BOB).await);
    assert_eq!((site.sessions("ada").await, site.sessions("bob@example.com").await), (1, 1));

    // Each call carries its own user, whatever the other does.
    for _ in 0..5 {
        let (one, other) = tokio::join!(user_of(&gateway, &ada), user_of(&gateway, &bob));
        assert_eq!((one, other), (json!("ada"), json!("bob@example.com")));
    }
    // The site takes a POST only with the CSRF value that belongs to the session.
    let placed = gateway.call("POST", "/orders", &bob.access).await;
    assert_eq!((placed.status, &placed.json()["method"]), (200, &json!("POST")), "{}", placed.text());
    // What the app brings for cookies or CSRF value does not arrive.
    let forged = gateway.request("POST", "/orders").bearer_auth(&ada.access);
    let forged = forged.header("X-CSRFToken", "x".repeat(32)).header("Cookie", "sessionid=x; other=1");
    let response = gateway.response(forged).await;
    assert_eq!(response.json()["user"], "ada", "{}", response.text());
    assert_eq!(response.json()["cookies"], json!(["csrftoken", "sessionid"]));

    let refreshed = gateway.refresh(&ada).await;
    assert_eq!(user_of(&gateway, &refreshed).await, "ada");

    // The site hears of the logout.
    let revoked = gateway.post_form("/oauth2/revoke", &[("client_id", DEMO_APP), ("token", &refreshed.refresh)]).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!((site.sessions("ada").await, site.sessions("bob@example.com").await), (0, 1));
    assert_eq!(user_of(&gateway, &bob).await, "bob@example.com");
}

/// A service behind the gateway gets cookie and CSRF value, with which it may do there what the user may.
#[tokio::test]
#[cfg_attr(not(installed = "django"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_service_gets_the_session_with_what_belongs_to_it() {
    let site = Site::start();
    let gateway = site.gateway().await;
    let (ada, _) = (gateway.login(ADA).await, gateway.login(BOB).await);
    let (session, body) = gateway.exchange(&ada.access, "orders", "urn:mobile-api-gateway:token-type:session").await;
    let csrf = body["also"]["csrf"].as_str().expect("the CSRF value");
    let place = site.client.request("POST", "/orders").header("X-CSRFToken", csrf);
    let placed = place.header("Cookie", format!("sessionid={session}; csrftoken={csrf}"));
    let placed = site.client.response(placed).await;
    assert_eq!((placed.status, &placed.json()["user"]), (200, &json!("ada")), "{}", placed.text());
    // It is the session of the app's calls, and ends with it.
    assert_eq!(site.sessions("ada").await, 1);
    let revoked = gateway.post_form("/oauth2/revoke", &[("client_id", DEMO_APP), ("token", &ada.refresh)]).await;
    assert_eq!((revoked.status, site.sessions("ada").await), (200, 0));
}

#[tokio::test]
#[cfg_attr(not(installed = "django"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_password_that_only_the_gateway_knows_is_refused_by_the_site() {
    let site = Site::start();
    let gateway = site.gateway().await;
    let response = gateway.try_login(DEMO_APP, "eve@example.com", "not known to the site").await;
    assert_eq!((response.status, &response.json()["error"]), (400, &json!("invalid_grant")), "{}", response.text());
    let told = response.json()["error_description"].clone();
    assert_eq!(told, "the back end of shop did not accept the username or password");
    // A wrong password at the gateway itself does not get as far as the site.
    let response = gateway.try_login(DEMO_APP, ADA.name, "wrong").await;
    assert_eq!(response.json()["error_description"], "the username or password is wrong");
    assert_eq!(site.sessions("ada").await, 0);
}

#[tokio::test]
#[cfg_attr(not(installed = "django"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_session_that_the_site_has_deleted_asks_for_a_login_and_passes_no_login_page_on() {
    let site = Site::start();
    let gateway = site.gateway().await;
    let (ada, bob) = (gateway.login(ADA).await, gateway.login(BOB).await);
    assert_eq!(user_of(&gateway, &ada).await, "ada");
    site.forget("ada").await;
    for method in ["GET", "POST"] {
        let response = gateway.call(method, "/orders", &ada.access).await;
        assert_eq!(response.status, 401, "{method}: {}", response.text());
        assert_eq!(response.json()["error"], "insufficient_user_authentication");
        assert!(!response.text().contains("accounts/login") && response.header("location").is_empty());
    }
    assert_eq!(user_of(&gateway, &bob).await, "bob@example.com");
    let again = gateway.login(ADA).await;
    assert_eq!(user_of(&gateway, &again).await, "ada");
}

#[tokio::test]
#[cfg_attr(not(installed = "django"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_site_that_is_down_is_a_503_and_the_user_may_try_again() {
    let site = Site::start();
    let gateway = site.gateway().await;
    drop(site);
    // Its port closes when the process has ended.
    let response = loop {
        let response = gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
        if response.status != 200 {
            break response;
        }
    };
    assert_eq!(response.status, 503, "{}", response.text());
    assert!(response.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
}

fn connector(origin: &str) -> Arc<dyn Connector> {
    let gateway = gateway_config::Gateway::parse(&config(origin)).expect("a configuration");
    let clients = BackEndClients::new(&gateway, &BTreeMap::new()).expect("clients");
    let connectors = Connectors::from_config(&gateway, &clients, &BTreeMap::new(), &(Arc::new(SystemEntropy) as _));
    connectors.get(&ConnectorName::parse("shop").expect("a name")).expect("a connector").clone()
}

/// The connector alone against the site. What it takes and keeps is printed, not asserted.
#[tokio::test]
#[cfg_attr(not(installed = "django"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_session_is_renewed_under_a_new_id_and_its_sizes_and_times_are_printed() {
    let site = Site::start();
    let connector = connector(&site.origin());
    let now = SystemClock.now();
    let password = Secret::new(ADA.password.to_owned());
    let credentials = Credentials { username: ADA.name, link: Some("ada"), password: Some(&password) };
    let acquired = timed("django: acquire", connector.acquire(credentials, now)).await.expect("a session");
    let inject = |state: &[u8]| {
        let call = Call { content_type: None, body: &Default::default() };
        connector.inject(state, call).expect("headers").headers
    };
    let two_weeks = now.saturating_add(Seconds::new(14 * 86_400));
    assert_eq!((acquired.ends, acquired.idle), (Some(two_weeks), None));
    assert_eq!(acquired.renew_until, Some(now.saturating_add(Seconds::new(8 * 3600))));
    let headers = timed("django: inject", async { inject(&acquired.state) }).await;
    sizes("django", &acquired.state, &headers);

    let status = async |headers: Vec<(HeaderName, HeaderValue)>| {
        let request = site.client.request("GET", "/orders").headers(headers.into_iter().collect());
        site.client.response(request).await.status
    };
    assert_eq!(status(inject(&acquired.state)).await, 200);
    let renewed = timed("django: renew", connector.renew(&acquired.state, now)).await.expect("a session");
    assert_ne!(renewed.state, acquired.state);
    assert_eq!((renewed.ends.is_some(), renewed.renew_until), (true, acquired.renew_until));
    assert_eq!((status(inject(&acquired.state)).await, status(inject(&renewed.state)).await), (302, 200));
    // The old id is dead, and a session whose time of renewals is over is not asked for.
    let dead = connector.renew(&acquired.state, now).await.map(|_| ());
    assert_eq!(dead, Err(ConnectorError::Refused));
    let late = connector.renew(&renewed.state, now.saturating_add(Seconds::new(8 * 3600))).await.map(|_| ());
    assert_eq!(late, Err(ConnectorError::Refused));

    timed("django: end", connector.end(&renewed.state)).await.expect("an end");
    assert_eq!((status(inject(&renewed.state)).await, site.sessions("ada").await), (302, 0));
}

/// Waits and prints how long that took.
pub(crate) async fn timed<T>(what: &str, task: impl Future<Output = T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
    let start = std::time::Instant::now();
    let done = task.await;
    println!("{what}: {:?}", start.elapsed());
    done
}

/// Prints how large a session is at rest and on its way.
pub(crate) fn sizes(what: &str, state: &[u8], headers: &[(HeaderName, HeaderValue)]) {
    let keys = r#"{"current":"k1","keys":{"k1":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}"#;
    let keys = SealingKeys::parse(keys).expect("keys");
    let (session, connector) = (SessionId::from_random([1; 16]), ConnectorName::parse("any").expect("a name"));
    let sealed = keys.seal(&session, &connector, 1, [2; 12], state).expect("sealed bytes");
    let headers: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    println!("{what}: state {} bytes, sealed {} bytes, headers {headers} bytes", state.len(), sealed.as_str().len());
}
