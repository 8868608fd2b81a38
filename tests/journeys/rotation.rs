//! Signing keys come and go: a token is as good as the key that signed it.

use gateway_local::access::Access;
use gateway_local::secrets;
use gateway_local::secrets_manager::SecretsManager;
use serde_json::{Value as Json, json};
use support::{ADA, Gateway, Response, Switch};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::forge::{Forge, Key};
use crate::wire::seen;

const NAMES: [&str; 7] =
    ["SigningKeys", "PublicKeys", "IdTokenKeys", "SealingKeys", "LetterKeys", "RefreshKeys", "Pepper"];

/// A gateway whose secrets can be changed, and its line to them cut.
pub(crate) struct Site {
    pub(crate) gateway: Gateway,
    pub(crate) secrets: SecretsManager,
    line: Switch,
    _data: tempfile::TempDir,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with_cache("300").await
    }

    pub(crate) async fn start_with_cache(seconds: &str) -> Self {
        let names = NAMES.map(str::to_owned);
        let values = secrets::open(None, &names, &[]).expect("secrets");
        let data = tempfile::tempdir().expect("a directory");
        std::fs::write(data.path().join("secrets.json"), json!(values).to_string()).expect("a file");
        let secrets = SecretsManager::new(&values, None, &[]);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let line = Switch::start().await;
        line.lead_to(&format!("http://{}", listener.local_addr().expect("an address")));
        tokio::spawn(secrets.clone().serve(listener, Access::of_everybody()));
        let gateway = Gateway::start_with(|options| {
            options.data = Some(data.path().to_owned());
            options.environment.push(("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), line.url.clone()));
            options.environment.push(("KEY_CACHE_SECONDS".to_owned(), seconds.to_owned()));
        })
        .await;
        Self { gateway, secrets, line, _data: data }
    }

    /// Changes the keys; the functions are new ones from here on.
    fn rotate(&self, signing: &[Json], public: &[Json]) {
        self.secrets.set("SigningKeys", &json!({ "keys": signing }).to_string());
        let current = signing.iter().find(|key| key["status"] == "current").expect("a current key");
        let set = json!({ "keys": public, "current": current["kid"] });
        self.secrets.set("PublicKeys", &set.to_string());
        self.gateway.restart_functions();
    }

    pub(crate) async fn status(&self, token: &str) -> u16 {
        let before = seen(&self.gateway);
        let Response { status, .. } = self.gateway.call("GET", "/orders", token).await;
        assert_eq!(seen(&self.gateway) - before, usize::from(status == 200));
        status
    }
}

/// Abuse case D12; checklist J-08.
#[tokio::test]
async fn a_token_works_while_its_key_is_published() {
    let site = Site::start().await;
    let old_token = site.gateway.login(ADA).await.access;
    let old = Forge::new(&site.gateway, &old_token);
    let next = Forge::with(Key::generate("next-key"), &old_token);
    let early = next.sign(&next.header_with(&json!({ "kid": "next-key" })), &next.claims());

    assert_eq!((site.status(&old_token).await, site.status(&early).await), (200, 401));
    site.rotate(&[old.key.private("current"), next.key.private("next")], &[old.key.jwk(), next.key.jwk()]);
    assert_eq!((site.status(&old_token).await, site.status(&early).await), (200, 200));
    assert_eq!(kid(&site.gateway.login(ADA).await.access), old.key.kid);

    site.rotate(&[old.key.private("previous"), next.key.private("current")], &[old.key.jwk(), next.key.jwk()]);
    let new_token = site.gateway.login(ADA).await.access;
    assert_eq!(kid(&new_token), "next-key");
    assert_eq!((site.status(&old_token).await, site.status(&new_token).await), (200, 200));

    site.rotate(&[next.key.private("current")], &[next.key.jwk()]);
    assert_eq!((site.status(&old_token).await, site.status(&new_token).await), (401, 200));
    let published = site.gateway.response(site.gateway.request("GET", "/.well-known/jwks.json")).await.json();
    let of_access = |key: &&Json| !key["kid"].as_str().is_some_and(|kid| kid.ends_with("256"));
    let published: Vec<_> = published["keys"].as_array().expect("keys").iter().filter(of_access).collect();
    assert_eq!(published, [&next.key.jwk()]);
}

pub(crate) fn kid(token: &str) -> String {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap_or_default();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let header: Json = serde_json::from_slice(&header).expect("JSON");
    header["kid"].as_str().expect("a kid").to_owned()
}

/// Abuse case D5.
#[tokio::test]
async fn a_thousand_unknown_key_ids_fetch_no_key() {
    let site = Site::start().await;
    let token = site.gateway.login(ADA).await.access;
    let forge = Forge::new(&site.gateway, &token);
    let unknown = |index: usize| forge.header_with(&json!({ "kid": format!("unknown-{index}") }));
    // One wave, so that every container there will be is up.
    let mut fetched = usize::MAX;
    for wave in 0..11 {
        let mut calls = JoinSet::new();
        for index in 0..8 {
            let tokens: Vec<_> =
                (0..12).map(|i| forge.sign(&unknown((wave * 8 + index) * 12 + i), &forge.claims())).collect();
            let requests = tokens.into_iter().map(|token| site.gateway.request("GET", "/orders").bearer_auth(token));
            let requests: Vec<_> = requests.collect();
            calls.spawn(async move {
                for request in requests {
                    assert_eq!(request.send().await.expect("a response").status(), 401);
                }
            });
        }
        calls.join_all().await;
        fetched = fetched.min(site.secrets.reads());
    }
    assert!(fetched > 0);
    assert!(site.secrets.reads() <= fetched + 8, "{} key fetches after {fetched}", site.secrets.reads());
    assert_eq!(site.status(&token).await, 200);
}

/// Abuse case K2: unreachable. The one who began warm goes on; the one who begins cold says when to come back.
#[tokio::test]
async fn without_secrets_manager_warm_containers_go_on_and_cold_ones_say_when_to_come_back() {
    let site = Site::start_with_cache("1").await;
    let tokens = site.gateway.login(ADA).await;
    assert_eq!(site.status(&tokens.access).await, 200);
    site.line.cut();
    let alarmed = async || {
        // Every call finds its keys a second old sooner or later, and cannot read them again.
        while !site.gateway.stack.log().lines().join("\n").contains(r#""alarm":"keys_stale""#) {
            assert_eq!(site.status(&tokens.access).await, 200);
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    alarmed().await;
    let tokens = site.gateway.refresh(&tokens).await;
    assert_eq!(site.status(&tokens.access).await, 200);

    site.gateway.restart_functions();
    let cold = site.gateway.call("GET", "/orders", &tokens.access).await;
    assert_eq!((cold.status, cold.header("retry-after").is_empty()), (503, false), "{}", cold.text());
    let cold = site.gateway.try_refresh(support::DEMO_APP, &tokens.refresh).await;
    assert_eq!((cold.status, cold.header("retry-after").is_empty()), (503, false), "{}", cold.text());
    site.line.mend();
    let tokens = site.gateway.refresh(&tokens).await;
    assert_eq!(site.status(&tokens.access).await, 200);
}

/// Abuse case K2: malformed. It is met warm, and is an alarm; the good one after it is taken.
#[tokio::test]
async fn a_malformed_secret_is_ignored_with_an_alarm() {
    let site = Site::start_with_cache("1").await;
    let tokens = site.gateway.login(ADA).await;
    let good = NAMES.map(|name| site.secrets.value(name).expect("a value"));
    for name in NAMES {
        site.secrets.set(name, r#"{"keys":"#);
    }
    let alarms = || {
        let log = site.gateway.stack.log().lines().join("\n");
        NAMES
            .iter()
            .filter(|name| {
                let of_it = format!(r#""secret":"{name}""#);
                log.lines().any(|line| line.contains(r#""alarm":"keys_stale""#) && line.contains(&of_it))
            })
            .count()
    };
    let mut tokens = tokens;
    while alarms() < NAMES.len() {
        tokens = site.gateway.refresh(&tokens).await;
        assert_eq!(site.status(&tokens.access).await, 200);
        // Who writes mails has keys that no other function reads.
        let page = site.gateway.response(site.gateway.request("GET", "/account/forgotten")).await;
        assert_eq!(page.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for (name, value) in NAMES.iter().zip(&good) {
        site.secrets.set(name, value);
    }
    let tokens = site.gateway.login(ADA).await;
    assert_eq!(site.status(&tokens.access).await, 200);
}
