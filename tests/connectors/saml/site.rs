//! The servers of SAML, and a gateway with an API for each way to present an assertion, each with a scope of its own.

use gateway_local::stack::Options;
use support::{Client, DEMO_APP, Gateway, Response, Server, Tokens, User, with_service};

pub(crate) const ALICE: User = User { name: "alice@example.org", password: "alice-password" };
pub(super) const BOB: User = User { name: "bob@example.org", password: "bob-password" };
/// Somebody whose password at the gateway is another one than at the identity provider.
pub(crate) const CAROL: User = User { name: "carol@example.org", password: "another password of carol" };

pub(super) const ENVELOPE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:example:orders"><s:Body><who at='a > b'/></s:Body></s:Envelope>"#;

pub(crate) struct Site {
    pub(crate) gateway: Gateway,
    server: Server,
}

impl Site {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let server = Server::start("saml", 3);
        let (config, seed) = with_service(&configuration(&server), &seed());
        let gateway = Gateway::start_from(&config, &seed, change).await;
        Self { gateway, server }
    }

    pub(super) async fn try_login(&self, user: User, scope: &str) -> Response {
        let form = [
            ("grant_type", "password"),
            ("client_id", DEMO_APP),
            ("username", user.name),
            ("password", user.password),
            ("scope", scope),
        ];
        self.gateway.post_form("/oauth2/token", &form).await
    }

    pub(super) async fn login(&self, user: User, scope: &str) -> Tokens {
        self.try_login(user, scope).await.tokens()
    }

    /// A client of the service provider, and one of the back end, without the gateway.
    pub(super) fn directly(&self) -> [Client; 2] {
        [1, 2].map(|server| Client::new(&format!("http://localhost:{}", self.server.port(server))))
    }

    /// Whether the service provider answered such a request: method, path and the beginning of the status.
    pub(super) fn was_told(&self, request: &str) -> bool {
        let log = std::fs::read_to_string(self.server.directory().join("log/access.log"));
        log.is_ok_and(|log| log.lines().any(|line| line.starts_with(request)))
    }

    pub(super) async fn soap(&self, api: &str, body: &str, access_token: &str) -> Response {
        let request =
            self.gateway.request("POST", &format!("/{api}/soap")).header("Content-Type", "text/xml; charset=utf-8");
        self.gateway.response(request.body(body.to_owned()).bearer_auth(access_token)).await
    }
}

fn own(back_end: u16, entity: &str, present: &str) -> String {
    format!(
        "begin: {{ issuer: 'http://localhost:{back_end}/{entity}', consumer_url: 'http://localhost:{back_end}/{entity}/acs' }}\n    \
         present: {present}"
    )
}

const NAMES: [&str; 8] = ["portal", "header", "soap", "bearer", "short", "brief", "foreign", "down"];

/// The gateway's configuration for these servers.
pub(super) fn configuration(server: &Server) -> String {
    let (idp, sp, back_end) = (server.port(0), server.port(1), server.port(2));
    let settings = |name: &str| match name {
        "portal" => format!(
            "begin: {{ service_provider: 'http://localhost:{sp}/who' }}\n    present: {{ cookies: [mellon-cookie] }}\n    \
             audience: 'http://localhost:{sp}/mellon'\n    login_page: 'http://localhost:{sp}/mellon/login'\n    \
             logout: {{ method: GET, url: 'http://localhost:{sp}/mellon/invalidate?ReturnTo=http://localhost:{sp}/' }}"
        ),
        "soap" => own(back_end, "sp", "ws_security"),
        "bearer" => own(back_end, "sp", &format!("{{ exchange: {{ url: 'http://localhost:{back_end}/token' }} }}")),
        "short" => own(back_end, "short", "authorization"),
        "brief" => own(back_end, "short", "ws_security"),
        "foreign" => own(back_end, "sp", "authorization") + "\n    audience: https://elsewhere.example.com",
        _ => own(back_end, "sp", "authorization"),
    };
    let mut config = "plans: { standard: { calls: 1000, window: 1m } }\nconnectors:\n".to_owned();
    for name in NAMES {
        // A port on which nobody listens.
        let port = if name == "down" { 1 } else { idp };
        config += &format!(
            "  {name}:\n    type: saml_ecp\n    identity_provider: 'http://127.0.0.1:{port}/saml2/idp/SSOService.php'\n    \
             {}\n    timeout: 20s\n",
            settings(name)
        );
    }
    config += "apis:\n";
    for name in NAMES {
        let (port, path) = match name {
            "portal" => (sp, "/who".to_owned()),
            "soap" | "brief" => (back_end, format!("/{name}/soap")),
            _ => (back_end, format!("/{name}/who")),
        };
        config += &format!(
            "  {name}:\n    back_end: 'http://localhost:{port}'\n    connector: {name}\n    timeout: 20s\n    \
             routes: [{{ path: {path}, methods: {{ GET: [{name}], POST: [{name}] }} }}]\n"
        );
    }
    config
}

/// One app, and users linked to their names at the identity provider.
fn seed() -> String {
    let names = NAMES.join(", ");
    let users = [(ALICE, "alice"), (BOB, "bob"), (CAROL, "alice")].map(|(user, link)| {
        let links = NAMES.map(|name| format!("{name}: {link}")).join(", ");
        format!("  - {{ email: {}, password: {}, links: {{ {links} }} }}\n", user.name, user.password)
    });
    format!(
        "apps:\n  demo-app:\n    name: Demo App\n    kind: public\n    trusted: true\n    \
         grants: [password, refresh_token]\n    scopes: [{names}]\n    plan: standard\n    subscriptions: [{names}]\n\
         users:\n{}",
        users.concat()
    )
}
