//! What must stay secret: searched for in the logs, the responses, the contexts and the tables.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use support::{ADA, BOB, CHALLENGE, DEMO_APP, Gateway, PARTNER_APP, Response, Secrets, Tokens, UNTRUSTED_APP};

use crate::events::{self, AUTHORIZER};
use crate::turns::rotate;

/// A password that is nowhere but where a test sends it.
const CANARY: &str = "canary-7Qm2-never-to-be-seen";

/// The secrets that hold keys.
const KEYS: [&str; 6] = ["SigningKeys", "IdTokenKeys", "SealingKeys", "LetterKeys", "RefreshKeys", "Pepper"];

/// Every key that this secret holds now.
fn keep_keys(gateway: &Gateway, name: &str, secrets: &mut Secrets) {
    let value = gateway.stack.secrets().value(name).expect("a value");
    let value: Json = serde_json::from_str(&value).expect("JSON");
    let entries = value["keys"].as_array().into_iter().flatten();
    let pairs = entries.flat_map(|entry| [entry, &entry["rs256"], &entry["es256"]]);
    let pairs = pairs.filter_map(|pair| pair["private_key"].as_str());
    let keys = value["keys"].as_object().into_iter().flat_map(|keys| keys.values()).filter_map(Json::as_str);
    let all: Vec<_> = pairs.chain(keys).collect();
    assert!(all.len() >= 2, "{name}");
    for key in all {
        secrets.keep(&format!("a key of {name}: {key}"), key);
    }
}

/// A session's worth of traffic, good and bad, with what must be found nowhere and what was answered.
struct Traffic {
    secrets: Secrets,
    responses: Vec<Response>,
    contexts: Vec<String>,
}

impl Traffic {
    async fn run(gateway: &Gateway) -> Self {
        let mut traffic = Self { secrets: Secrets::default(), responses: Vec::new(), contexts: Vec::new() };
        traffic.log_in(gateway).await;
        let first = gateway.login(ADA).await;
        let second = gateway.refresh(&first).await;
        traffic.secrets.keep("access token", &second.access);
        for tokens in [&first, &second] {
            traffic.secrets.keep(&format!("access token {}", tokens.access.len()), &tokens.access);
            traffic.secrets.keep(&format!("refresh token {}", tokens.refresh), &tokens.refresh);
            traffic.call(gateway, tokens).await;
        }
        traffic.fail(gateway, &second).await;
        for tokens in [&first, &second] {
            let form = [("client_id", DEMO_APP), ("token", tokens.refresh.as_str())];
            traffic.responses.push(gateway.post_form("/oauth2/revoke", &form).await);
            traffic.responses.push(gateway.call("GET", "/orders", &tokens.access).await);
            traffic.responses.push(gateway.try_refresh(DEMO_APP, &tokens.refresh).await);
        }
        for (index, request) in gateway.stack.legacy().recorded().iter().enumerate() {
            for cookie in request.header("cookie") {
                let value = cookie.strip_prefix("LEGACYSESSID=").expect("the session alone").to_owned();
                traffic.secrets.keep(&format!("internal token {index}"), &value);
            }
        }
        traffic
    }

    async fn log_in(&mut self, gateway: &Gateway) {
        self.secrets.keep("password", ADA.password);
        self.secrets.keep("canary", CANARY);
        self.secrets.keep("client secret", gateway.partner_secret());
        for name in KEYS {
            keep_keys(gateway, name, &mut self.secrets);
        }
        // Refused in as many ways as there are.
        for app in [DEMO_APP, PARTNER_APP, UNTRUSTED_APP, "nobody"] {
            self.responses.push(gateway.try_login(app, ADA.name, CANARY).await);
        }
        self.responses.push(gateway.try_login(DEMO_APP, CANARY, CANARY).await);
        self.responses.push(gateway.try_login(CANARY, ADA.name, CANARY).await);
        let query = format!("/oauth2/token?grant_type=password&username={}&password={CANARY}", ADA.name);
        self.responses.push(gateway.post_form(&query, &[("client_id", DEMO_APP), ("client_secret", CANARY)]).await);
        self.responses.push(gateway.response(gateway.request("POST", "/oauth2/token").body(CANARY)).await);
        let form = [("grant_type", CANARY), ("client_id", DEMO_APP), ("scope", CANARY), ("password", CANARY)];
        self.responses.push(gateway.post_form("/oauth2/token", &form).await);
        let form = [("grant_type", "password"), ("client_id", DEMO_APP), ("username", ADA.name), ("password", CANARY)];
        let form = [&form[..], &[("device_assertion", CANARY)]].concat();
        self.responses.push(gateway.post_form("/oauth2/token", &form).await);
        self.responses.push(gateway.post_form("/oauth2/devices", &form).await);
        let request = [
            ("client_id", DEMO_APP),
            ("response_type", "code"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("username", ADA.name),
        ];
        for password in [CANARY, ADA.password] {
            let form = [&request[..], &[("password", password)]].concat();
            let response = gateway.post_form("/oauth2/challenge", &form).await;
            if password == CANARY {
                self.responses.push(response);
            } else {
                self.secrets.keep("code", response.json()["authorization_code"].as_str().expect("a code"));
            }
        }
        let twice = format!("grant_type=password&password={CANARY}&password={CANARY}");
        let request = gateway.request("POST", "/oauth2/token").body(twice);
        let form = request.header("content-type", "application/x-www-form-urlencoded");
        self.responses.push(gateway.response(form).await);
        for secret in [gateway.partner_secret(), CANARY] {
            let request = gateway.request("POST", "/oauth2/token").basic_auth(PARTNER_APP, Some(secret));
            let response = gateway.response(request.form(&[("grant_type", "client_credentials")])).await;
            if secret == CANARY {
                self.responses.push(response);
            } else {
                self.secrets.keep("access token of an app", &response.tokens().access);
            }
        }
    }

    async fn call(&mut self, gateway: &Gateway, tokens: &Tokens) {
        for (method, path) in
            [("GET", "/orders"), ("GET", "/orders/7"), ("POST", "/orders"), ("GET", "/nowhere"), ("GET", "/a//b")]
        {
            self.responses.push(gateway.call(method, path, &tokens.access).await);
        }
        let query = format!("/orders?access_token={}&password={CANARY}", tokens.access);
        self.responses.push(gateway.call("GET", &query, &tokens.access).await);
        let event = events::rest_authorizer(gateway, "GET", "/orders", &tokens.access);
        self.contexts.push(events::invoke(gateway, AUTHORIZER, &event).await.expect("a policy").to_string());
        let event = events::http_authorizer(gateway, "GET", "/orders", &tokens.access);
        self.contexts.push(events::invoke(gateway, AUTHORIZER, &event).await.expect("a response").to_string());
    }

    /// Calls that fail at every station.
    async fn fail(&mut self, gateway: &Gateway, tokens: &Tokens) {
        let mut broken = tokens.access.clone();
        broken.truncate(broken.len() - 4);
        self.responses.push(gateway.call("GET", "/orders", &broken).await);
        self.responses.push(gateway.call("GET", "/orders", &tokens.refresh).await);
        let mut forged = tokens.refresh.clone();
        forged.push('A');
        self.responses.push(gateway.try_refresh(DEMO_APP, &forged).await);
        self.responses.push(gateway.try_refresh(PARTNER_APP, &tokens.refresh).await);
        self.responses.push(gateway.try_refresh(UNTRUSTED_APP, &tokens.refresh).await);
        gateway.stack.legacy().forget_sessions();
        self.responses.push(gateway.call("GET", "/orders", &tokens.access).await);
        let odd = gateway.request("GET", "/orders").bearer_auth(&tokens.access).header("x-password", CANARY);
        self.responses.push(gateway.response(odd).await);
    }
}

/// What of the tables opens something together with other things: hashes of passwords, salts and sealed tokens.
async fn stored(gateway: &Gateway, secrets: &mut Secrets) {
    let dump = gateway.dump().await;
    let lines: Vec<&str> = dump.lines().collect();
    let names = ["password", "secret_hash", "salt", "x"];
    // Applications have a grant of the name `password`.
    let is_secret = |pair: &[&str]| names.contains(&pair[0]) && (pair[0] != "password" || pair[1].contains("argon2id"));
    for (number, pair) in lines.windows(2).enumerate().filter(|(_, pair)| is_secret(pair)) {
        secrets.keep(&format!("{} {number} of the tables", pair[0]), pair[1]);
    }
    for name in &names[..3] {
        assert!(lines.contains(name), "no item has {name}");
    }
    assert!(lines.iter().any(|line| line.contains("argon2id")));
}

/// Abuse cases I1 and E3; checklist B-10, Y-01.
#[tokio::test]
async fn no_secret_is_logged_or_told_at_any_level_that_the_template_offers() {
    let levels =
        std::fs::read_to_string(format!("{}/template.yaml", gateway_local::binaries::WORKSPACE)).expect("a template");
    let levels =
        levels.split_once("  LogLevel:").and_then(|(_, rest)| rest.split_once("AllowedValues: [")).expect("it");
    let levels = levels.1.split_once(']').expect("a list").0.split(", ");
    for level in levels {
        let gateway = Gateway::start_with(|options| {
            options.log_level = level.to_owned();
            options.environment.push(("KEY_CACHE_SECONDS".to_owned(), "2".to_owned()));
        })
        .await;
        let mut traffic = Traffic::run(&gateway).await;
        // Hashes, salts and sealed tokens of a live session.
        let live = gateway.login(BOB).await;
        stored(&gateway, &mut traffic.secrets).await;
        assert_eq!(gateway.call("GET", "/orders", &live.access).await.status, 200);
        // The keys function reads and writes every secret.
        for name in KEYS {
            rotate(&gateway, name).await;
            keep_keys(&gateway, name, &mut traffic.secrets);
        }
        let lines = gateway.logged().await;
        // Metrics are lines like others, and are looked at with them.
        assert!(lines.iter().any(|line| line.contains(r#""CloudWatchMetrics""#)), "{level}");
        for function in ["[token", "[authorizer", "[proxy", "[keys"] {
            let wrote = lines.iter().any(|line| line.starts_with(function));
            assert!(wrote || ["WARN", "ERROR"].contains(&level), "{level}: {function} wrote nothing: {lines:#?}");
        }
        for line in &lines {
            assert_eq!(traffic.secrets.found_in(line), Vec::<String>::new(), "in the log at {level}: {line}");
        }
        traffic.told_nothing();
    }
}

impl Traffic {
    /// No response but those that are for it, and no context, holds a secret.
    fn told_nothing(&self) {
        for response in self.responses.iter().filter(|response| response.status != 200) {
            let text = format!("{:?} {}", response.headers, response.text());
            assert_eq!(self.secrets.found_in(&text), Vec::<String>::new(), "in a response: {text}");
        }
        assert!(self.responses.iter().filter(|response| response.status >= 400).count() > 20);
        for context in &self.contexts {
            assert_eq!(self.secrets.found_in(context), Vec::<String>::new(), "in a context: {context}");
        }
        // The harmless twin: the search does find what is there.
        assert_eq!(self.secrets.found_in(&format!("x{CANARY}x")), ["canary"]);
    }
}

/// Abuse case I2; checklist T-28, Y-01, Y-02.
#[tokio::test]
async fn a_dump_of_the_tables_opens_nothing() {
    let gateway = Gateway::start().await;
    let traffic = Traffic::run(&gateway).await;
    let live = gateway.login(BOB).await;
    let dump = gateway.dump().await;
    assert_eq!(traffic.secrets.found_in(&dump), Vec::<String>::new());
    assert!(!dump.contains(&live.refresh) && !dump.contains(&live.access));
    let (_, mac) = live.refresh.rsplit_once('.').expect("a refresh token");
    assert!(!dump.contains(mac));
    let cookie = gateway.stack.legacy().recorded();
    assert!(!cookie.is_empty());

    // The dump is one: it holds the session that the live token names, and nothing in it is a credential.
    let sid = live.refresh.trim_start_matches("mgr_").split('.').next().expect("a session");
    assert!(dump.contains(sid), "{dump}");
    let texts: BTreeSet<&str> = dump.split(['\n', '"']).filter(|text| text.len() > 15).collect();
    for text in texts {
        assert_ne!(gateway.try_refresh(DEMO_APP, text).await.status, 200, "{text}");
    }
    assert_eq!(gateway.call("GET", "/orders", &live.access).await.status, 200);
}
