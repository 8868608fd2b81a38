//! Kerberos: a Heimdal realm and an Active Directory domain of Samba, with Apache as the back end.

pub(crate) mod heimdal;
mod samba;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use gateway_connectors::back_end::BackEndClients;
use gateway_connectors::{Call, Connector, Connectors};
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::ConnectorName;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_local::binaries::WORKSPACE;
use gateway_local::stack::Options;
use gateway_runtime::{SystemClock, SystemEntropy};
use serde_json::Value as Json;
use support::{Authenticator, Client, DEMO_APP, Gateway, Response, SERVICE, Server, Tokens, with_service};
use tempfile::TempDir;
use tokio::process::Command;

/// People of the realms. Their passwords are `NAME-password`, at the gateway too, where dave has no links.
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// The type of what a service gets of a ticket.
const AP_REQ: &str = "urn:mobile-api-gateway:token-type:kerberos-ap-req";

/// What differs between the two.
pub(crate) struct Realm {
    name: &'static str,
    account: &'static str,
    /// An account that may stand only for people who came with a ticket.
    plain: &'static str,
    /// A service that the gateway's account may not stand for people at.
    unlisted: &'static str,
}

/// A realm, a site in it, and a gateway in front.
pub(crate) struct World {
    server: Server,
    pub(crate) gateway: Gateway,
    config: String,
    _files: TempDir,
}

impl Realm {
    /// A gateway that gets tickets in five ways: `delegated`, with the user's `own` password, for an `unlisted` service,
    /// with an account whose password is `wrong`, and with a `plain` one that may stand for nobody who came with a password.
    fn config(&self, server: &Server) -> String {
        let (kdc, site, realm) = (server.port(0), server.port(1), self.name);
        let delegated = |name: &str, service: &str, (account, secret): (&str, &str)| {
            format!(
                "  {name}:\n    type: kerberos_s4u\n    realm: {realm}\n    kdcs: [\"127.0.0.1:{kdc}\"]\n    \
                 service: {service}\n    account: {account}\n    secret: {secret}\n    timeout: 20s\n"
            )
        };
        let api = |name: &str, paths: &[&str]| {
            let routes = paths.iter().map(|path| format!("{{ path: {path}, methods: {{ GET: [{name}] }} }}"));
            format!(
                "  {name}:\n    back_end: http://127.0.0.1:{site}\n    connector: {name}\n    routes: [{}]\n",
                routes.collect::<Vec<_>>().join(", ")
            )
        };
        [
            "plans: { standard: { calls: 5000, window: 1m } }\nconnectors:\n".to_owned(),
            delegated("delegated", "HTTP/localhost", (self.account, "gateway-account")),
            delegated("unlisted", self.unlisted, (self.account, "gateway-account")),
            delegated("wrong", "HTTP/localhost", (self.account, "wrong-account")),
            delegated("plain", "HTTP/localhost", (self.plain, "plain-account")),
            format!(
                "  own:\n    type: kerberos_password\n    realm: {realm}\n    kdcs: [\"127.0.0.1:{kdc}\"]\n    \
                 service: HTTP/localhost\n    timeout: 20s\n"
            ),
            "apis:\n".to_owned(),
            api("delegated", &["/who", "/echo", "/bound"]),
            api("unlisted", &["/unlisted/who"]),
            api("wrong", &["/wrong/who"]),
            api("plain", &["/plain/who"]),
            api("own", &["/own/who", "/own/echo"]),
            // The same tickets, for a back end that takes less than Apache.
            api("delegated", &["/small/who"])
                .replace("  delegated:\n", "  small:\n    max_header_bytes: 4096\n")
                .replace("[delegated]", "[small]"),
        ]
        .concat()
    }

    async fn world(&self, server: Server) -> World {
        self.world_with(server, |_| {}).await
    }

    pub(crate) async fn world_with(&self, server: Server, change: impl FnOnce(&mut Options)) -> World {
        let (config, seed) = with_service(&self.config(&server), &seed());
        Self::world_of(server, (config, seed), change).await
    }

    async fn world_of(server: Server, (config, seed): (String, String), change: impl FnOnce(&mut Options)) -> World {
        let files = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            std::fs::write(&path, text).expect("a file");
            path
        };
        let (config_file, seed_file) = (file("gateway.yaml", &config), file("seed.yaml", &seed));
        file("secrets/gateway-account", "gateway-password");
        file("secrets/wrong-account", "another-password");
        file("secrets/plain-account", "plain-password");
        let secrets = files.path().join("secrets");
        let gateway = Gateway::start_with(|options| {
            change(options);
            (options.config, options.seed, options.secrets) = (config_file, seed_file, Some(secrets));
        })
        .await;
        World { server, gateway, config, _files: files }
    }

    /// The gateway of docs/passkeys.md at this realm, with ada, whose name there is alice, and bob, who has none.
    fn demo(&self, server: &Server) -> (String, String) {
        let (kdc, site) = (format!("127.0.0.1:{}", server.port(0)), format!("http://127.0.0.1:{}", server.port(1)));
        let account = format!("account: {}", self.account);
        let page = passkeys_page();
        let block =
            page.split_once("<!-- config: kerberos -->\n```yaml\n").and_then(|(_, rest)| rest.split_once("```"));
        let (block, _) = block.expect("a configuration on the page");
        let here = [
            ("relying_party: example.com", "relying_party: localhost"),
            ("AD.EXAMPLE.COM", self.name),
            ("dc1.ad.example.com:88", &kdc),
            ("HTTP/orders.example.com", "HTTP/localhost"),
            ("account: svc-gateway", &account),
            ("secret: gateway-account", "secret: gateway-account\n    timeout: 20s"),
            ("https://orders.example.com", &site),
            (PATH, SITE),
        ];
        let config = here.iter().fold(block.to_owned(), |text, (there, here)| {
            assert_eq!(text.matches(there).count(), 1, "{there} in {text}");
            text.replace(there, here)
        });
        let seed = "apps:\n  demo-app:\n    name: Demo App\n    kind: public\n    trusted: true\n    \
                    grants: [authorization_code, challenge, refresh_token]\n    scopes: [\"orders:read\"]\n    \
                    plan: standard\n    subscriptions: [orders]\n    \
                    redirect_uris: [\"http://127.0.0.1/signed-in\"]\nusers:\n  \
                    - email: ada@example.com\n    password: ada-password\n    links: { tickets: alice }\n  \
                    - email: bob@example.com\n    password: bob-password\n";
        (format!("plans: {{ standard: {{ calls: 5000, window: 1m }} }}\n{config}"), seed.to_owned())
    }

    /// docs/passkeys.md: a login without a password, by its commands, ends in a ticket for who has the passkey.
    async fn passkey_world(&self, server: Server) -> World {
        let demo = self.demo(&server);
        let world = Self::world_of(server, demo, |_| {}).await;
        let mut ada = world.gateway.enrolled("ada@example.com").await;
        let wanted: Json = serde_json::from_str(&world.commands("options", &[]).await).expect("JSON");
        let response = ada.get(&wanted["passkey"]).await;
        let session = wanted["auth_session"].as_str().expect("a session");
        let said = world.commands("ticket", &[("SESSION", session), ("RESPONSE", &response)]).await;
        assert!(said.contains(&format!("user=alice@{}\n", self.name)), "{said}");

        let wanted = world.gateway.asks_to_log_in("orders:read", &[]).await;
        let tokens = world.gateway.redeems(&world.gateway.shows_passkey(&wanted, &mut ada).await).await.tokens();
        assert_eq!(world.caller(SITE, &tokens).await, format!("alice@{}", self.name));
        let next = world.gateway.refresh(&tokens).await;
        assert_eq!(world.caller(SITE, &next).await, format!("alice@{}", self.name));
        // Who has no name in the realm is nobody there, however well the passkey signs.
        let mut bob = world.gateway.enrolled("bob@example.com").await;
        world.refuses_passkey(&mut bob).await;
        let log = world.gateway.logged().await.join("\n");
        assert!(!log.contains("ada-password") && !log.contains("gateway-password"), "{log}");
        world
    }
}

/// The path of the page's API, and of the site.
const PATH: &str = "/orders";
const SITE: &str = "/who";

fn passkeys_page() -> String {
    std::fs::read_to_string(format!("{WORKSPACE}/docs/passkeys.md")).expect("docs/passkeys.md")
}

fn seed() -> String {
    let app = "apps:\n  demo-app:\n    name: Demo App\n    kind: public\n    trusted: true\n    \
               grants: [password, refresh_token]\n    scopes: [delegated, unlisted, wrong, plain, own, small]\n    plan: standard\n    \
               subscriptions: [delegated, unlisted, wrong, plain, own, small]\nusers:\n";
    let user = |name: &str| {
        let links = ["delegated", "unlisted", "wrong", "plain", "own"]
            .map(|connector| format!("{connector}: {name}"))
            .join(", ");
        let links = if name == "dave" { String::new() } else { format!("    links: {{ {links} }}\n") };
        format!("  - email: {name}@example.com\n    password: {name}-password\n{links}")
    };
    PEOPLE.iter().fold(app.to_owned(), |text, name| text + &user(name))
}

impl World {
    /// The response to a login of this user for what this scope opens.
    async fn try_login(&self, name: &str, scope: &str) -> Response {
        let (email, password) = (format!("{name}@example.com"), format!("{name}-password"));
        let form = [("grant_type", "password"), ("client_id", DEMO_APP), ("username", &email), ("password", &password)];
        self.gateway.post_form("/oauth2/token", &[form.as_slice(), &[("scope", scope)]].concat()).await
    }

    async fn login(&self, name: &str, scope: &str) -> Tokens {
        self.try_login(name, scope).await.tokens()
    }

    /// What the site says of a call.
    async fn call(&self, path: &str, tokens: &Tokens) -> BTreeMap<String, String> {
        let response = self.gateway.call("GET", path, &tokens.access).await;
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert_eq!(response.header("www-authenticate"), "", "the handshake is the gateway's");
        let text = response.text();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Whom the site takes a call for.
    async fn caller(&self, path: &str, tokens: &Tokens) -> String {
        self.call(path, tokens).await.remove("user").unwrap_or_default()
    }

    /// A service behind the gateway shows Apache who calls it, each time by a message of its own.
    async fn assert_hands_out(&self, realm: &str) {
        // `small` leads to the same tickets.
        for (user, scope, also) in [("alice", "delegated", " small"), ("bob", "own", "")] {
            let tokens = self.login(user, &format!("{scope} {SERVICE}{also}")).await;
            let mut shown = BTreeSet::new();
            for _ in 0..2 {
                let (message, body) = self.gateway.exchange(&tokens.access, scope, AP_REQ).await;
                assert_eq!(body["token_type"], "N_A");
                let authorization = format!("Negotiate {message}");
                let answer = self.directly("/who", &authorization).await;
                assert_eq!(
                    (answer.status, answer.text().contains(&format!("user={user}@{realm}\n"))),
                    (200, true),
                    "{answer:?}"
                );
                assert_eq!(self.directly("/who", &authorization).await.status, 401, "it was shown already");
                shown.insert(message);
            }
            assert_eq!(shown.len(), 2);
            assert_eq!(
                self.caller(if scope == "own" { "/own/who" } else { "/who" }, &tokens).await,
                format!("{user}@{realm}")
            );
            // Nobody gets it for a user who has logged out, or for an API that the token does not open.
            let elsewhere = self.gateway.try_exchange(&tokens.access, "unlisted").await;
            assert_eq!((elsewhere.status, &elsewhere.json()["error"]), (400, &"invalid_target".into()));
            let form = [("client_id", DEMO_APP), ("token", tokens.refresh.as_str())];
            assert_eq!(self.gateway.post_form("/oauth2/revoke", &form).await.status, 200);
            let ended = self.gateway.try_exchange(&tokens.access, scope).await;
            assert_eq!((ended.status, &ended.json()["error"]), (400, &"invalid_request".into()));
        }
    }

    /// What these commands of docs/passkeys.md print.
    async fn commands(&self, name: &str, variables: &[(&str, &str)]) -> String {
        let page = passkeys_page();
        let block = page.split_once(&format!("<!-- journey: {name} -->\n```sh\n"));
        let (block, _) = block.and_then(|(_, rest)| rest.split_once("```")).expect("commands on the page");
        let base = self.gateway.stack.base_url();
        let script = block.replace("http://127.0.0.1:3000", base).replace(PATH, SITE);
        let mut command = Command::new("bash");
        command.args(["-c", &format!("set -eu -o pipefail\n{script}")]).env("GATEWAY", base);
        let output = command.envs(variables.iter().copied()).output().await.expect("bash");
        assert!(output.status.success(), "{name}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The realm does not take whose passkey this is, and the app is told which system it was.
    async fn refuses_passkey(&self, authenticator: &mut Authenticator) {
        let wanted = self.gateway.asks_to_log_in("orders:read", &[]).await;
        let refused = self.gateway.shows_passkey(&wanted, authenticator).await;
        let body = refused.json();
        assert_eq!((refused.status, &body["mistake"], &body["system"]), (403, &"refused_by".into(), &"tickets".into()));
    }

    /// The site's response to this `Authorization`, without the gateway.
    async fn directly(&self, path: &str, authorization: &str) -> Response {
        let site = Client::new(&format!("http://127.0.0.1:{}", self.server.port(1)));
        site.response(site.request("GET", path).header("authorization", authorization)).await
    }

    /// A connector of the configuration, as the token function has it.
    fn connector(&self, name: &str) -> Arc<dyn Connector> {
        let gateway = gateway_config::Gateway::parse(&self.config).expect("a configuration");
        let clients = BackEndClients::new(&gateway, &BTreeMap::new()).expect("clients");
        let secret = |text: &str| Secret::new(text.to_owned());
        let secrets = [("gateway-account", "gateway-password"), ("wrong-account", "another-password")]
            .map(|(name, text)| (name.to_owned(), secret(text)));
        let connectors = Connectors::from_config(&gateway, &clients, &secrets.into(), &(Arc::new(SystemEntropy) as _));
        connectors.get(&ConnectorName::parse(name).expect("a name")).expect("a connector").clone()
    }
}

/// Refused for good, with this in the description.
#[track_caller]
fn assert_refused(response: &Response, says: &str) {
    let body = response.json();
    assert_eq!((response.status, &body["error"]), (400, &"invalid_grant".into()), "{body}");
    assert!(body["error_description"].as_str().is_some_and(|text| text.contains(says)), "{body}");
}

/// Not now: nobody has refused the user.
#[track_caller]
fn assert_later(response: &Response) {
    assert_eq!(response.status, 503, "{}", response.text());
    assert!(response.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
}

/// The message that shows the ticket in this state, as the value of `Authorization`.
fn header(connector: &dyn Connector, state: &[u8]) -> String {
    let call = Call { content_type: None, body: &Bytes::new() };
    let injection = connector.inject(state, call).expect("an injection");
    injection.headers[0].1.to_str().expect("text").to_owned()
}

fn now() -> Timestamp {
    SystemClock.now()
}
