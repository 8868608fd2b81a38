//! Sites with logins of their own, each of another kind: Tomcat's login by form, JavaServer Faces, PHP in two steps and in
//! ISO-8859-1, ASP.NET Web Forms.

use serde_json::{Value as Json, json};
use support::{ADA, BOB, Client, DEMO_APP, Gateway, Server, Tokens};

/// One kind of site, and how the gateway logs in there.
struct Kind {
    /// The script that starts it, and how many ports it wants.
    server: (&'static str, usize),
    /// Where its back end says who calls.
    path: &'static str,
    /// The settings of the connector; `ORIGIN` stands for the site.
    connector: &'static str,
    /// Whether the site knows its sessions, or keeps them in a cookie alone.
    knows_sessions: bool,
}

/// Tomcat answers the first request of where one wanted to go as the one that was sent to the login page: a login that does
/// not go there itself turns the first call of the app into a `GET`.
const TOMCAT: Kind = Kind {
    server: ("tomcat", 1),
    path: "/shop/orders",
    connector: r#"
    login:
      - url: ORIGIN/shop/orders
      - submit: { fields: { j_username: "{username}", j_password: "{password}" } }
        follow: 1
        success: { body_has: '"user"', cookie: JSESSIONID }
        refused: { status: 200, body_has: class=wrong }
    extract: { cookie: JSESSIONID }
    expires: { idle: 30m }
    inject: { cookie: JSESSIONID }
    dead_session: { body_has: j_security_check }
    logout: { method: POST, url: ORIGIN/shop/logout }
"#,
    knows_sessions: true,
};

/// Each call gets another id, and the one before is gone.
const MOVING: Kind = Kind {
    path: "/moving/orders",
    connector: r#"
    login:
      - url: ORIGIN/moving/orders
      - submit: { fields: { j_username: "{username}", j_password: "{password}" } }
        follow: 1
        success: { body_has: '"user"', cookie: JSESSIONID }
        refused: { status: 200, body_has: class=wrong }
    extract: { cookie: JSESSIONID }
    expires: { idle: 30m }
    inject: { cookie: JSESSIONID }
    moves: in_turn
    dead_session: { body_has: j_security_check }
    logout: { method: POST, url: ORIGIN/moving/logout }
"#,
    ..TOMCAT
};

const FACES: Kind = Kind {
    server: ("tomcat", 1),
    path: "/faces/orders",
    connector: r#"
    login:
      - url: ORIGIN/faces/login.xhtml
      - submit: { fields: { "login:name": "{username}", "login:password": "{password}" } }
        success: { redirect_to: /faces/orders }
        refused: { status: 200, body_has: 'class="wrong"' }
    extract: { cookie: JSESSIONID }
    expires: { idle: 30m }
    inject: { cookie: JSESSIONID }
    dead_session: { redirect_to: /faces/login.xhtml }
    logout: { method: POST, url: ORIGIN/faces/logout }
"#,
    knows_sessions: true,
};

/// The name first, by a page that is compressed, then the password.
const PHP: Kind = Kind {
    server: ("php", 1),
    path: "/orders",
    connector: r#"
    login:
      - url: ORIGIN/packed/login
      - submit: { fields: { name: "{username}" } }
        follow: 1
      - submit: { fields: { password: "{password}" } }
        success: { redirect_to: /orders }
        refused: { redirect_to: "/password?wrong" }
    extract: { cookie: PHPSESSID }
    expires: { idle: 24m }
    inject: { cookie: PHPSESSID }
    dead_session: { redirect_to: /login }
    logout: { method: POST, url: ORIGIN/logout }
"#,
    knows_sessions: true,
};

/// A page whose hidden field, and whose fields, are in ISO-8859-1.
const LATIN: Kind = Kind {
    connector: r#"
    login:
      - url: ORIGIN/latin/login
      - submit: { fields: { name: "{username}", password: "{password}" } }
        success: { redirect_to: /orders }
        refused: { status: 200, body_has: "schöne Grüße" }
    extract: { cookie: PHPSESSID }
    expires: { idle: 24m }
    inject: { cookie: PHPSESSID }
    dead_session: { redirect_to: /login }
    logout: { method: POST, url: ORIGIN/logout }
"#,
    ..PHP
};

const ASPNET: Kind = Kind {
    server: ("aspnet", 2),
    path: "/Orders.aspx",
    connector: r#"
    login:
      - url: ORIGIN/Login.aspx
      - submit: { fields: { Name: "{username}", Password: "{password}" } }
        success: { status: 302, cookie: .ASPXAUTH }
        refused: { status: 200, body_has: 'class="wrong"' }
    extract: { cookie: .ASPXAUTH }
    expires: { idle: 20m }
    inject: { cookie: .ASPXAUTH }
    dead_session: { redirect_to: /Login.aspx }
"#,
    knows_sessions: false,
};

fn configuration(kind: &Kind, origin: &str) -> String {
    format!(
        "plans: {{ standard: {{ calls: 1000, window: 1m }} }}\nconnectors:\n  shop:\n    type: http_login\n    timeout: 25s{}\
         apis:\n  orders:\n    back_end: {origin}\n    connector: shop\n    timeout: 25s\n    \
         routes: [{{ path: {}, methods: {{ GET: [orders], POST: [orders] }} }}]\n",
        kind.connector.replace("ORIGIN", origin),
        kind.path
    )
}

/// Ada has another name at the site, Bob has not, Eve believes to be Ada, and Zoë's name and password have umlauts.
const SEED: &str = "
apps:
  demo-app:
    name: Demo App
    kind: public
    trusted: true
    grants: [password, refresh_token]
    scopes: [orders]
    plan: standard
    subscriptions: [orders]
users:
  - { email: ada@example.com, password: correct horse battery staple, links: { shop: ada } }
  - { email: bob@example.com, password: staple battery horse correct }
  - { email: eve@example.com, password: not known to the site, links: { shop: ada } }
  - { email: zoe@example.com, password: 'päss wörd & more+=%', links: { shop: zoë } }
";

struct Site {
    gateway: Gateway,
    client: Client,
    server: Server,
    path: &'static str,
}

impl Site {
    async fn start(kind: &Kind) -> Self {
        let server = Server::start(kind.server.0, kind.server.1);
        let origin = format!("http://127.0.0.1:{}", server.port(0));
        let gateway = Gateway::start_from(&configuration(kind, &origin), SEED, |_| {}).await;
        Self { gateway, client: Client::new(&origin), server, path: kind.path }
    }

    /// Who the site says calls, by this method.
    async fn is(&self, tokens: &Tokens, method: &str, user: &str) {
        let response = self.gateway.call(method, self.path, &tokens.access).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!((&response.json()["user"], &response.json()["method"]), (&json!(user), &json!(method)));
    }

    async fn asks_for_a_login(&self, tokens: &Tokens) {
        let response = self.gateway.call("GET", self.path, &tokens.access).await;
        assert_eq!((response.status, &response.json()["error"]), (401, &json!("insufficient_user_authentication")));
    }

    async fn refuses(&self, name: &str, password: &str) {
        let refused = self.gateway.try_login(DEMO_APP, name, password).await;
        let told: Json = refused.json()["error_description"].clone();
        assert_eq!(
            (refused.status, told),
            (400, json!("the back end of shop did not accept the username or password"))
        );
    }

    /// How many sessions this user has there.
    async fn sessions(&self, user: &str) -> u64 {
        let response = self.client.response(self.client.request("GET", "/test/sessions")).await;
        response.json()[user].as_u64().unwrap_or(0)
    }
}

/// What every site has to hold.
async fn two_users_log_in_call_and_log_out(kind: &Kind) {
    let site = Site::start(kind).await;
    let (ada, bob) = (site.gateway.login(ADA).await, site.gateway.login(BOB).await);
    for method in ["POST", "GET", "POST"] {
        tokio::join!(site.is(&ada, method, "ada"), site.is(&bob, method, "bob@example.com"));
    }
    site.refuses("eve@example.com", "not known to the site").await;
    let ada = site.gateway.refresh(&ada).await;
    site.is(&ada, "GET", "ada").await;

    let mut last = ada;
    if kind.knows_sessions {
        assert_eq!((site.sessions("ada").await, site.sessions("bob@example.com").await), (1, 1));
        let ended = site.client.response(site.client.request("POST", "/test/forget?user=ada")).await;
        assert_eq!(ended.json()["ended"], 1);
        site.asks_for_a_login(&last).await;
        site.is(&bob, "GET", "bob@example.com").await;
        last = site.gateway.login(ADA).await;
        site.is(&last, "GET", "ada").await;
    }
    let form = [("client_id", DEMO_APP), ("token", last.refresh.as_str())];
    assert_eq!(site.gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    site.is(&bob, "GET", "bob@example.com").await;
    if kind.knows_sessions {
        assert_eq!((site.sessions("ada").await, site.sessions("bob@example.com").await), (0, 1));
    }

    let Site { gateway, server, .. } = site;
    drop(server);
    // Its port closes when the process has ended.
    let down = loop {
        let response = gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
        if response.status != 200 {
            break response;
        }
    };
    assert_eq!(down.status, 503, "{}", down.text());
}

#[tokio::test]
#[cfg_attr(not(installed = "tomcat"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn two_users_of_an_application_on_tomcat() {
    two_users_log_in_call_and_log_out(&TOMCAT).await;
}

/// Calls of one session go in turn, so that each meets the newest id; those of two users go side by side.
#[tokio::test]
#[cfg_attr(not(installed = "tomcat"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn sessions_that_move_with_every_call() {
    let site = Site::start(&MOVING).await;
    let (mut ada, bob) = (site.gateway.login(ADA).await, site.gateway.login(BOB).await);
    for _ in 0..3 {
        tokio::join!(
            site.is(&ada, "GET", "ada"),
            site.is(&bob, "GET", "bob@example.com"),
            site.is(&ada, "POST", "ada"),
            site.is(&bob, "POST", "bob@example.com"),
            site.is(&ada, "GET", "ada"),
        );
        // A refresh keeps what the last call has made of the session.
        ada = site.gateway.refresh(&ada).await;
    }
    assert_eq!((site.sessions("ada").await, site.sessions("bob@example.com").await), (1, 1));
    let form = [("client_id", DEMO_APP), ("token", ada.refresh.as_str())];
    assert_eq!(site.gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    assert_eq!((site.sessions("ada").await, site.sessions("bob@example.com").await), (0, 1));
}

#[tokio::test]
#[cfg_attr(not(installed = "tomcat"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn two_users_of_java_server_faces() {
    two_users_log_in_call_and_log_out(&FACES).await;
}

#[tokio::test]
#[cfg_attr(not(installed = "php"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn two_users_of_a_login_in_two_steps() {
    two_users_log_in_call_and_log_out(&PHP).await;
}

#[tokio::test]
#[cfg_attr(not(installed = "aspnet"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn two_users_of_asp_net_web_forms() {
    two_users_log_in_call_and_log_out(&ASPNET).await;
}

#[tokio::test]
#[cfg_attr(not(installed = "php"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn names_and_passwords_arrive_in_the_encoding_of_the_page() {
    let site = Site::start(&LATIN).await;
    let zoe = site.gateway.try_login(DEMO_APP, "zoe@example.com", "p\u{e4}ss w\u{f6}rd & more+=%").await.tokens();
    site.is(&zoe, "GET", "zo\u{eb}").await;
    site.refuses("eve@example.com", "not known to the site").await;
}
