//! Keycloak as the identity provider: of SAML, with Apache and mod_auth_mellon as the service provider, and of OpenID Connect by its
//! login pages, with mod_auth_openidc.

use std::time::Duration;

use support::{DEMO_APP, Gateway, Response, Server, Tokens, User};

use super::is;
use super::site::{ALICE, BOB, CAROL, ENVELOPE};

/// Somebody of whom Keycloak knows nothing.
const DAVE: User = User { name: "dave@example.org", password: "a password of dave" };

const NAMES: [&str; 5] = ["portal", "header", "soap", "bearer", "sealed"];

/// The login pages, behind a redirect from the site and before one to it.
const PAGES: &str = r#"  pages:
    type: http_login
    also_at: [KEYCLOAK]
    login:
      - { url: SITE/app/orders, follow: 3 }
      - submit: { fields: { username: "{username}", password: "{password}" } }
        follow: 3
        success: { status: 200, body_has: '"user"', cookie: mod_auth_openidc_session }
        refused: { status: 200, body_has: Invalid username or password }
    timeout: 25s
    extract: { cookie: mod_auth_openidc_session }
    expires: { idle: 5m }
    inject: { cookie: mod_auth_openidc_session }
    dead_session: { redirect_to: KEYCLOAK/realms/people/protocol/openid-connect/auth }
    logout: { method: GET, url: SITE/app/callback?logout=SITE/ }
"#;

fn own(back_end: u16, entity: &str, present: &str) -> String {
    format!(
        "begin: {{ issuer: 'http://localhost:{back_end}/{entity}', consumer_url: 'http://localhost:{back_end}/{entity}/acs' }}\n    \
         present: {present}"
    )
}

fn configuration(server: &Server) -> String {
    let (idp, sp, back_end) = (server.port(0), server.port(1), server.port(2));
    let mut config = "plans: { standard: { calls: 1000, window: 1m } }\nconnectors:\n".to_owned();
    for name in NAMES {
        let settings = match name {
            "portal" => format!(
                "begin: {{ service_provider: 'http://localhost:{sp}/who' }}\n    present: {{ cookies: [mellon-cookie] }}\n    \
                 login_page: 'http://localhost:{sp}/mellon/login'\n    \
                 logout: {{ method: GET, url: 'http://localhost:{sp}/mellon/invalidate?ReturnTo=http://localhost:{sp}/' }}"
            ),
            "soap" => own(back_end, "sp", "ws_security"),
            "bearer" => own(back_end, "sp", &format!("{{ exchange: {{ url: 'http://localhost:{back_end}/token' }} }}")),
            "sealed" => own(back_end, "sealed", "authorization"),
            _ => own(back_end, "sp", "authorization"),
        };
        config += &format!(
            "  {name}:\n    type: saml_ecp\n    identity_provider: 'http://127.0.0.1:{idp}/realms/people/protocol/saml'\n    \
             {settings}\n    refused: {{ status: 400, body_has: Invalid username or password }}\n    timeout: 25s\n"
        );
    }
    config += &PAGES
        .replace("SITE", &format!("http://localhost:{sp}"))
        .replace("KEYCLOAK", &format!("http://127.0.0.1:{idp}"));
    config += "apis:\n";
    for name in NAMES.into_iter().chain(["pages"]) {
        let (port, path) = match name {
            "pages" => (sp, "/app/orders".to_owned()),
            "portal" => (sp, "/who".to_owned()),
            "soap" => (back_end, "/soap/soap".to_owned()),
            _ => (back_end, format!("/{name}/who")),
        };
        config += &format!(
            "  {name}:\n    back_end: 'http://localhost:{port}'\n    connector: {name}\n    timeout: 25s\n    \
             routes: [{{ path: {path}, methods: {{ GET: [{name}], POST: [{name}] }} }}]\n"
        );
    }
    config
}

fn seed() -> String {
    let names = NAMES.join(", ") + ", pages";
    let users = [(ALICE, "alice"), (BOB, "bob"), (CAROL, "alice"), (DAVE, "dave")].map(|(user, link)| {
        let links = names.split(", ").map(|name| format!("{name}: {link}")).collect::<Vec<_>>().join(", ");
        format!("  - {{ email: {}, password: {}, links: {{ {links} }} }}\n", user.name, user.password)
    });
    format!(
        "apps:\n  demo-app:\n    name: Demo App\n    kind: public\n    trusted: true\n    \
         grants: [password, refresh_token]\n    scopes: [{names}]\n    plan: standard\n    subscriptions: [{names}]\n\
         users:\n{}",
        users.concat()
    )
}

async fn try_login(gateway: &Gateway, user: User, scope: &str) -> Response {
    let form = [
        ("grant_type", "password"),
        ("client_id", DEMO_APP),
        ("username", user.name),
        ("password", user.password),
        ("scope", scope),
    ];
    gateway.post_form("/oauth2/token", &form).await
}

async fn calls_as(gateway: &Gateway, tokens: &Tokens, name: &str) {
    for path in ["/who", "/header/who", "/bearer/who"] {
        is(&gateway.call("GET", path, &tokens.access).await, name);
    }
    let soap = gateway.request("POST", "/soap/soap").header("Content-Type", "text/xml; charset=utf-8");
    let soap = gateway.response(soap.body(ENVELOPE).bearer_auth(&tokens.access)).await;
    is(&soap, &format!("<who>{name}</who>"));
}

/// All in one, since Keycloak takes long to start.
#[tokio::test]
#[cfg_attr(not(installed = "keycloak"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn two_users_log_in_call_and_log_out_and_others_are_refused() {
    let server = Server::start("keycloak", 3);
    let gateway = Gateway::start_from(&configuration(&server), &seed(), |_| {}).await;
    let everything = "portal header soap bearer";
    let alice = try_login(&gateway, ALICE, everything).await.tokens();
    let bob = try_login(&gateway, BOB, everything).await.tokens();
    for _ in 0..2 {
        calls_as(&gateway, &alice, "alice").await;
        calls_as(&gateway, &bob, "bob").await;
    }
    // A refresh keeps what cannot be renewed.
    let alice = gateway.refresh(&alice).await;
    calls_as(&gateway, &alice, "alice").await;

    // A wrong password is a status of SAML there, and an unknown name a page.
    for user in [CAROL, DAVE] {
        for scope in ["portal", "header"] {
            let refused = try_login(&gateway, user, scope).await;
            assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")), "{scope}");
        }
    }
    // What the service provider opens (`portal` above), nobody else can.
    let unavailable = try_login(&gateway, ALICE, "sealed").await;
    assert_eq!(unavailable.status, 503, "{}", unavailable.text());
    let log = gateway.logged().await.join("\n");
    assert!(log.contains("the assertion is encrypted: let the identity provider only sign it"), "{log}");

    // The end of the session is the end of that at the service provider.
    let form = [("token", alice.refresh.as_str()), ("client_id", DEMO_APP)];
    assert_eq!(gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    assert_eq!(gateway.call("GET", "/who", &alice.access).await.status, 401);
    calls_as(&gateway, &bob, "bob").await;

    // The same people by the pages that they see in a browser.
    let (alice, bob) =
        (try_login(&gateway, ALICE, "pages").await.tokens(), try_login(&gateway, BOB, "pages").await.tokens());
    for _ in 0..2 {
        for (tokens, name) in [(&alice, "alice"), (&bob, "bob")] {
            for method in ["GET", "POST"] {
                let answer = gateway.call(method, "/app/orders", &tokens.access).await;
                is(&answer, &format!(r#"{{"user":"{name}","method":"{method}"}}"#));
            }
        }
    }
    for user in [CAROL, DAVE] {
        let refused = try_login(&gateway, user, "pages").await;
        assert_eq!(
            (refused.status, refused.json()["error"].as_str()),
            (400, Some("invalid_grant")),
            "{}",
            refused.text()
        );
    }
    let alice = gateway.refresh(&alice).await;
    // Logins come back to where logouts go.
    let came_back = || {
        let log = std::fs::read_to_string(server.directory().join("log/access.log")).expect("a log");
        log.lines().filter(|line| line.starts_with("GET /app/callback 302")).count()
    };
    let form = [("token", alice.refresh.as_str()), ("client_id", DEMO_APP)];
    let before = came_back();
    assert_eq!(gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    // Apache writes its log once the response is on its way.
    let told = tokio::time::timeout(Duration::from_secs(30), async {
        while came_back() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    told.await.expect("a logout at the site");
    is(&gateway.call("GET", "/app/orders", &bob.access).await, r#"{"user":"bob","method":"GET"}"#);

    // Without Keycloak there is no login, and without the others no call.
    drop(server);
    let down = loop {
        let response = try_login(&gateway, ALICE, "header").await;
        if response.status != 200 {
            break response;
        }
    };
    assert_eq!(down.status, 503, "{}", down.text());
}
