//! A token service of Apache CXF with back ends that verify its assertions, and a gateway with an API for each way to
//! present one, each with a scope of its own.

use std::process::Command;

use gateway_local::stack::Options;
use support::{DEMO_APP, Gateway, Response, Server, Tokens, User, with_service};
use tempfile::TempDir;

pub(crate) const ALICE: User = User { name: "alice@example.org", password: "alice-password" };
/// His password has what XML escapes, and letters of more than one byte.
pub(super) const BOB: User = User { name: "bob@example.org", password: "b\u{f6}b <&>-password" };
/// Somebody whose password at the gateway is another one than at the token service.
pub(crate) const CAROL: User = User { name: "carol@example.org", password: "another password of carol" };

/// Each API, with the path of its back end, the token service's address, and what its connector has besides.
const APIS: [(&str, &str, &str, &str); 11] = [
    ("soap", "/soap", "password", "present: ws_security"),
    ("timed", "/timed", "plain", "present: ws_security"),
    ("header", "/rest/header/who", "password", "present: authorization"),
    ("plain", "/rest/plain/who", "plain", "present: authorization"),
    ("bearer", "/oauth/who", "password", "present: { exchange: { url: 'https://localhost:PORT/oauth/token' } }"),
    ("encrypted", "/encrypted", "encrypting", "present: ws_security"),
    ("unreadable", "/rest/unreadable/who", "encrypting", "present: authorization"),
    ("short", "/rest/short/who", "short", "present: authorization"),
    (
        "renewed",
        "/rest/renewed/who",
        "brief",
        "present: authorization\n    renew: { url: 'https://localhost:PORT/sts/renew', for: 1h }",
    ),
    (
        "certified",
        "/certified",
        "short",
        "present: ws_security\n    renew: { url: 'https://localhost:PORT/sts/renew-by-certificate', \
         by: client_certificate, after_end: true, for: 1h }",
    ),
    // The service knows no such relying party.
    ("foreign", "/rest/foreign/who", "password", "present: authorization"),
];

pub(crate) struct Site {
    pub(crate) gateway: Gateway,
    server: Server,
    _secrets: TempDir,
}

impl Site {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let server = Server::start("cxf", 1);
        let secrets = tempfile::tempdir().expect("a directory");
        for (name, file) in [("sts-ca", "ca.crt"), ("gateway-at-sts", "client.pem")] {
            std::fs::copy(server.directory().join(file), secrets.path().join(name)).expect("a file");
        }
        let (config, seed) = with_service(&configuration(server.port(0)), &seed());
        let gateway = Gateway::start_from(&config, &seed, |options| {
            change(options);
            options.secrets = Some(secrets.path().to_owned());
        })
        .await;
        Self { gateway, server, _secrets: secrets }
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

    /// Calls an API as this user, in the way that is its back end's.
    pub(super) async fn call(&self, api: &str, tokens: &Tokens) -> Response {
        let path = APIS.iter().find(|(name, ..)| *name == api).expect("an API").1;
        let (kind, soap, header) = match api {
            "soap" | "encrypted" | "certified" => {
                ("text/xml", "http://schemas.xmlsoap.org/soap/envelope/", String::new())
            }
            "timed" => ("application/soap+xml", "http://www.w3.org/2003/05/soap-envelope", timestamp()),
            _ => return self.gateway.call("GET", path, &tokens.access).await,
        };
        let body = format!(
            "<s:Envelope xmlns:s=\"{soap}\">{header}<s:Body><who xmlns=\"urn:example:orders\"/></s:Body></s:Envelope>"
        );
        let request = self.gateway.request("POST", path).header("Content-Type", format!("{kind}; charset=utf-8"));
        self.gateway.response(request.body(body).bearer_auth(&tokens.access)).await
    }

    /// From now on no back end believes an assertion of this user.
    pub(super) fn distrust(&self, user: &str) {
        self.directly(&format!("/test/distrust?user={user}"), &["-X", "POST"]);
    }

    /// What a back end answers without the gateway.
    pub(super) fn directly(&self, path: &str, options: &[&str]) -> String {
        let mut curl = Command::new("curl");
        curl.args(["-fsS", "--cacert"]).arg(self.server.directory().join("ca.crt")).args(options);
        let answer = curl.arg(format!("https://localhost:{}{path}", self.server.port(0))).output().expect("curl");
        assert!(answer.status.success(), "{path}: {answer:?}");
        String::from_utf8(answer.stdout).expect("text")
    }

    /// Ends the token service and the back ends.
    pub(super) fn stop(self) -> Gateway {
        drop(self.server);
        self.gateway
    }
}

/// A header of SOAP 1.2 as clients of WS-Security write it, with the time that it is.
fn timestamp() -> String {
    let now = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.000Z"]).output().expect("date").stdout;
    format!(
        "<s:Header><w:Security xmlns:w=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" \
         s:mustUnderstand=\"1\"><u:Timestamp \
         xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\"><u:Created>{}\
         </u:Created></u:Timestamp></w:Security></s:Header>",
        String::from_utf8(now).expect("text").trim()
    )
}

/// The gateway's configuration for a token service on this port.
fn configuration(port: u16) -> String {
    let mut config = "plans: { standard: { calls: 1000, window: 1m } }\nconnectors:\n".to_owned();
    for (name, _, address, more) in APIS {
        let applies_to =
            if name == "foreign" { "https://elsewhere.example.com/" } else { "https://orders.example.com/" };
        let certificate = if name == "certified" { ", client_certificate: gateway-at-sts" } else { "" };
        config += &format!(
            "  {name}:\n    type: ws_trust\n    url: 'https://localhost:{port}/sts/{address}'\n    applies_to: {applies_to}\n    \
             {}\n    timeout: 20s\n    tls: {{ ca: sts-ca{certificate} }}\n",
            more.replace("PORT", &port.to_string())
        );
    }
    config += "apis:\n";
    for (name, path, ..) in APIS {
        config += &format!(
            "  {name}:\n    back_end: 'https://localhost:{port}'\n    connector: {name}\n    timeout: 20s\n    \
             tls: {{ ca: sts-ca }}\n    routes: [{{ path: {path}, methods: {{ GET: [{name}], POST: [{name}] }} }}]\n"
        );
    }
    config
}

/// One app, and users linked to their names at the token service.
fn seed() -> String {
    let names = APIS.map(|(name, ..)| name).join(", ");
    let users = [(ALICE, "alice"), (BOB, "bob"), (CAROL, "alice")].map(|(user, link)| {
        let links = APIS.map(|(name, ..)| format!("{name}: {link}")).join(", ");
        format!("  - {{ email: {}, password: '{}', links: {{ {links} }} }}\n", user.name, user.password)
    });
    format!(
        "apps:\n  demo-app:\n    name: Demo App\n    kind: public\n    trusted: true\n    \
         grants: [password, refresh_token]\n    scopes: [{names}]\n    plan: standard\n    subscriptions: [{names}]\n\
         users:\n{}",
        users.concat()
    )
}
