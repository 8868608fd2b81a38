//! SAML: SimpleSAMLphp as the identity provider, Apache with mod_auth_mellon as the service provider.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use connectors::back_end::{BackEndClients, Bounds};
use connectors::{Call, Connectors, Credentials};
use domain::ids::ConnectorName;
use domain::secret::Secret;
use domain::time::Seconds;
use startup::{Clock as _, SystemClock};
use support::{Answer, DEMO_APP, Gateway, Server, Tokens, User};

const ALICE: User = User { name: "alice@example.org", password: "alice-password" };
const BOB: User = User { name: "bob@example.org", password: "bob-password" };
/// Somebody whose password at the gateway is another one than at the identity provider.
const CAROL: User = User { name: "carol@example.org", password: "another password of carol" };

const ENVELOPE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:example:orders"><s:Body><who at='a > b'/></s:Body></s:Envelope>"#;

/// The servers, and a gateway with an API for each way to present an assertion, each with a scope of its own.
struct Site {
    gateway: Gateway,
    server: Server,
}

impl Site {
    async fn start() -> Option<Self> {
        let server = Server::start("saml", 3)?;
        let (idp, sp, back_end) = (server.port(0), server.port(1), server.port(2));
        let connectors = [
            (
                "portal",
                format!(
                    "begin: {{ service_provider: 'http://localhost:{sp}/who' }}\n    present: {{ cookies: [mellon-cookie] }}\n    \
                     login_page: 'http://localhost:{sp}/mellon/login'\n    \
                     logout: {{ method: GET, url: 'http://localhost:{sp}/mellon/invalidate?ReturnTo=http://localhost:{sp}/' }}"
                ),
            ),
            ("header", own(back_end, "sp", "authorization")),
            ("soap", own(back_end, "sp", "ws_security")),
            ("bearer", own(back_end, "sp", &format!("{{ exchange: {{ url: 'http://localhost:{back_end}/token' }} }}"))),
            ("short", own(back_end, "short", "authorization")),
            (
                "foreign",
                format!("{}\n    audience: https://elsewhere.example.com", own(back_end, "sp", "authorization")),
            ),
            ("down", own(back_end, "sp", "authorization")),
        ];
        let mut config = "plans: { standard: { calls: 1000, window: 1m } }\nconnectors:\n".to_owned();
        for (name, rest) in &connectors {
            // A port on which nothing can listen for strangers.
            let port = if *name == "down" { 1 } else { idp };
            config += &format!(
                "  {name}:\n    type: saml_ecp\n    identity_provider: 'http://127.0.0.1:{port}/saml2/idp/SSOService.php'\n    {rest}\n    timeout: 20s\n"
            );
        }
        config += "apis:\n";
        for (name, _) in &connectors {
            let (port, path) = match *name {
                "portal" => (sp, "/who".to_owned()),
                "soap" => (back_end, "/soap".to_owned()),
                _ => (back_end, format!("/{name}/who")),
            };
            config += &format!(
                "  {name}:\n    back_end: 'http://localhost:{port}'\n    connector: {name}\n    timeout: 20s\n    \
                 routes: [{{ path: {path}, methods: {{ GET: [{name}], POST: [{name}] }} }}]\n"
            );
        }
        let files = server.directory().to_owned();
        let names: Vec<_> = connectors.iter().map(|(name, _)| *name).collect();
        let seed = format!(
            "apps:\n  demo-app:\n    name: Demo App\n    kind: public\n    trusted: true\n    grants: [password, refresh_token]\n    \
             scopes: [{names}]\n    plan: standard\n    subscriptions: [{names}]\nusers:\n{}",
            [(ALICE, "alice"), (BOB, "bob"), (CAROL, "alice")]
                .map(|(user, link)| {
                    let links: Vec<_> = names.iter().map(|name| format!("{name}: {link}")).collect();
                    format!(
                        "  - {{ email: {}, password: {}, links: {{ {} }} }}\n",
                        user.name,
                        user.password,
                        links.join(", ")
                    )
                })
                .concat(),
            names = names.join(", "),
        );
        std::fs::write(files.join("gateway.yaml"), config).unwrap();
        std::fs::write(files.join("seed.yaml"), seed).unwrap();
        let gateway = Gateway::start_with(|options| {
            options.config = files.join("gateway.yaml");
            options.seed = files.join("seed.yaml");
        })
        .await;
        Some(Self { gateway, server })
    }

    async fn try_login(&self, user: User, scope: &str) -> Answer {
        let form = [
            ("grant_type", "password"),
            ("client_id", DEMO_APP),
            ("username", user.name),
            ("password", user.password),
            ("scope", scope),
        ];
        self.gateway.post_form("/oauth2/token", &form).await
    }

    async fn login(&self, user: User, scope: &str) -> Tokens {
        self.try_login(user, scope).await.tokens()
    }

    /// Whether the service provider answered such a request: method, path and the beginning of the status.
    fn was_told(&self, request: &str) -> bool {
        let log = std::fs::read_to_string(self.server.directory().join("log/access.log"));
        log.is_ok_and(|log| log.lines().any(|line| line.starts_with(request)))
    }

    async fn soap(&self, body: &str, access_token: &str) -> Answer {
        let request = self.gateway.request("POST", "/soap").header("Content-Type", "text/xml; charset=utf-8");
        self.gateway.answer(request.body(body.to_owned()).bearer_auth(access_token)).await
    }
}

fn own(back_end: u16, entity: &str, present: &str) -> String {
    format!(
        "begin: {{ issuer: 'http://localhost:{back_end}/{entity}', consumer_url: 'http://localhost:{back_end}/{entity}/acs' }}\n    \
         present: {present}"
    )
}

/// What the server at the back end answered is the name it believes.
fn is(answer: &Answer, body: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (200, body));
}

fn asks_for_a_login(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(answer.json()["error"], "insufficient_user_authentication");
}

/// Signatures are verified by SimpleSAMLphp's own library at the back end: the bytes arrive as they were signed.
#[tokio::test]
async fn each_way_to_present_an_assertion_reaches_its_back_end_as_the_user() {
    let Some(site) = Site::start().await else { return };
    let everything = "portal header soap bearer";
    let (alice, bob) = (site.login(ALICE, everything).await, site.login(BOB, everything).await);
    for _ in 0..2 {
        for (tokens, name) in [(&alice, "alice"), (&bob, "bob")] {
            for path in ["/who", "/header/who", "/bearer/who"] {
                is(&site.gateway.call("GET", path, &tokens.access).await, name);
            }
            is(&site.soap(ENVELOPE, &tokens.access).await, &format!("<who>{name}</who>"));
        }
    }
    // A refresh keeps what cannot be renewed.
    let alice = site.gateway.refresh(&alice).await;
    is(&site.gateway.call("GET", "/who", &alice.access).await, "alice");
    is(&site.gateway.call("GET", "/header/who", &alice.access).await, "alice");

    // The end of the session is the end of that at the service provider.
    let form = [("token", alice.refresh.as_str()), ("client_id", DEMO_APP)];
    assert_eq!(site.gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    // Apache writes its log once the answer is on its way.
    let told = tokio::time::timeout(Duration::from_secs(30), async {
        while !site.was_told("GET /mellon/invalidate 30") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    told.await.expect("a logout at the service provider");
    is(&site.gateway.call("GET", "/who", &bob.access).await, "bob");
}

#[tokio::test]
async fn a_call_cannot_say_itself_who_calls() {
    let Some(site) = Site::start().await else { return };
    let alice = site.login(ALICE, "header soap").await;
    // SOAP with a timestamp of its own is completed.
    let security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    let utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    let with = |inside: &str| {
        let header = format!(
            "<s:Header><x:Security xmlns:x=\"{security}\" xmlns:u=\"{utility}\">{inside}</x:Security></s:Header><s:Body>"
        );
        ENVELOPE.replace("<s:Body>", &header)
    };
    let timestamp = "<u:Timestamp><u:Created>2026-01-01T00:00:00Z</u:Created></u:Timestamp>";
    is(&site.soap(&with(timestamp), &alice.access).await, "<who>alice</who>");
    let named = "<x:UsernameToken><x:Username>bob</x:Username></x:UsernameToken>";
    for body in
        [with(named), with(&[timestamp, named].concat()), "no envelope".to_owned(), ENVELOPE.replace("s:", "t:")]
    {
        let refused = site.soap(&body, &alice.access).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
    }
    // A header of the app's own is not passed on.
    let request = site.gateway.request("GET", "/header/who").bearer_auth(&alice.access);
    is(&site.gateway.answer(request).await, "alice");
}

#[tokio::test]
async fn only_what_the_identity_provider_says_decides_a_login() {
    let Some(site) = Site::start().await else { return };
    for scope in ["portal", "header"] {
        let refused = site.try_login(CAROL, scope).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")), "{scope}");
    }
    // One is for somebody else, the other one is not there: another try may help, and the password was not wrong.
    for scope in ["foreign", "down"] {
        let unavailable = site.try_login(ALICE, scope).await;
        assert_eq!(unavailable.status, 503, "{scope}: {}", unavailable.text());
        assert!(!unavailable.header("retry-after").is_empty());
    }
    site.login(ALICE, "portal").await;
}

#[tokio::test]
async fn an_assertion_that_has_ended_asks_for_a_login_and_nothing_else_stops() {
    let Some(site) = Site::start().await else { return };
    let alice = site.login(ALICE, "portal header short").await;
    is(&site.gateway.call("GET", "/short/who", &alice.access).await, "alice");
    let over = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let answer = site.gateway.call("GET", "/short/who", &alice.access).await;
            if answer.status != 200 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    asks_for_a_login(&over.await.expect("an assertion of eight seconds ends"));
    for path in ["/who", "/header/who"] {
        is(&site.gateway.call("GET", path, &alice.access).await, "alice");
    }
    // It cannot be renewed, and the session goes on without it.
    let alice = site.gateway.refresh(&alice).await;
    asks_for_a_login(&site.gateway.call("GET", "/short/who", &alice.access).await);
    is(&site.gateway.call("GET", "/who", &alice.access).await, "alice");
}

/// The connector alone: its token opens the page, its end closes it, and the page then looks like a dead session.
#[tokio::test]
async fn a_session_at_the_service_provider_ends_there() {
    let Some(server) = Server::start("saml", 3) else { return };
    let (idp, sp) = (server.port(0), server.port(1));
    let config = format!(
        r#"
plans: {{ standard: {{ calls: 60, window: 1m }} }}
connectors:
  portal:
    type: saml_ecp
    identity_provider: "http://127.0.0.1:{idp}/saml2/idp/SSOService.php"
    begin: {{ service_provider: "http://localhost:{sp}/who" }}
    present: {{ cookies: [mellon-cookie] }}
    audience: "http://localhost:{sp}/mellon"
    login_page: "http://localhost:{sp}/mellon/login"
    logout: {{ method: GET, url: "http://localhost:{sp}/mellon/invalidate?ReturnTo=http://localhost:{sp}/" }}
    timeout: 20s
apis:
  portal:
    back_end: "http://localhost:{sp}"
    connector: portal
    routes: [{{ path: /who, methods: {{ GET: [read] }} }}]
"#
    );
    let gateway = config::Gateway::parse(&config).unwrap();
    let clients = BackEndClients::new(&gateway, &BTreeMap::new()).unwrap();
    let connectors = Connectors::from_config(&gateway, &clients, &BTreeMap::new());
    let portal = connectors.get(&ConnectorName::parse("portal").unwrap()).unwrap();

    let now = SystemClock.now();
    let password = Secret::new(ALICE.password.to_owned());
    let alice = Credentials { username: ALICE.name, link: Some("alice"), password: &password };
    let acquired = portal.acquire(alice, now).await.unwrap();
    // The identity provider's session of eight hours.
    let ends = acquired.ends.unwrap();
    assert!(ends > now.saturating_add(Seconds::new(7 * 3600)) && ends < now.saturating_add(Seconds::new(9 * 3600)));
    assert_eq!((acquired.idle, acquired.renew_until), (None, None));

    let page = async || {
        let injection = portal.inject(&acquired.state, Call { content_type: None, body: &Bytes::new() }).unwrap();
        let mut request = Request::get(format!("http://localhost:{sp}/who")).body(Bytes::new()).unwrap();
        request.headers_mut().extend(injection.headers);
        let bounds = Bounds { timeout: Duration::from_secs(20), max_body: 1024 * 1024 };
        clients.get(None).send(request, bounds).await.unwrap()
    };
    let before = page().await;
    assert_eq!((before.status().as_u16(), &before.body()[..]), (200, &b"alice"[..]));
    assert!(!portal.is_dead(&before));
    portal.end(&acquired.state).await.unwrap();
    let after = page().await;
    assert!(portal.is_dead(&after), "{after:?}");
}
