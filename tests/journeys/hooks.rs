//! Hooks of the company that have a say in tokens: `allow_refresh` and `map_scope`.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::time::Timestamp;
use gateway_runtime::SystemClock;
use serde_json::{Value as Json, json};
use standardwebhooks::Webhook;
use support::{ADA, DEMO_APP, Gateway, OldIssuer, PARTNER_APP, Response, Tokens, Visitor};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use crate::deliveries;
use crate::directory::KEY;

const TIER: &str = "https://company.example/claims/tier";

/// The company's system. It verifies signatures by the library of the specification, and answers what it is told to.
#[derive(Clone)]
struct Company(Arc<Mutex<State>>);

struct State {
    /// What it answers to each kind of message: status, body, and after which time.
    allow_refresh: (u16, String, Duration),
    map_scope: (u16, String, Duration),
    /// What it was asked.
    messages: Vec<Json>,
}

impl Company {
    async fn start() -> (Self, String) {
        let allowed = (200, json!({ "allow": true }).to_string(), Duration::ZERO);
        let state = State { allow_refresh: allowed.clone(), map_scope: allowed, messages: Vec::new() };
        let company = Self(Arc::new(Mutex::new(state)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
        let answering = company.clone();
        let answer = move |headers: HeaderMap, body: Bytes| async move { answering.answer(&headers, &body).await };
        let router = axum::Router::new().route("/hooks", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (company, url)
    }

    async fn answer(&self, headers: &HeaderMap, body: &Bytes) -> (StatusCode, String) {
        if Webhook::new(KEY).expect("a key").verify(body, headers).is_err() {
            return (StatusCode::UNAUTHORIZED, String::new());
        }
        let message: Json = serde_json::from_slice(body).expect("JSON");
        let (status, answer, after) = {
            let mut state = self.0.lock().expect("a lock");
            state.messages.push(message.clone());
            if message["type"] == "map_scope" { state.map_scope.clone() } else { state.allow_refresh.clone() }
        };
        tokio::time::sleep(after).await;
        (StatusCode::from_u16(status).expect("a status"), answer)
    }

    fn maps(&self, answer: &Json) {
        self.0.lock().expect("a lock").map_scope = (200, answer.to_string(), Duration::ZERO);
    }

    fn maps_with(&self, status: u16, answer: &str, after: Duration) {
        self.0.lock().expect("a lock").map_scope = (status, answer.to_owned(), after);
    }

    fn refreshes(&self, status: u16, answer: &Json) {
        self.0.lock().expect("a lock").allow_refresh = (status, answer.to_string(), Duration::ZERO);
    }

    /// What it was asked since the last time.
    fn asked(&self) -> Vec<Json> {
        std::mem::take(&mut self.0.lock().expect("a lock").messages)
    }
}

/// The demo with both hooks, each with this policy.
async fn start(url: &str, when_down: &str) -> (Gateway, TempDir) {
    start_changed(url, when_down, |config| config).await
}

/// The same with a change of the configuration.
async fn start_changed(url: &str, when_down: &str, change: impl FnOnce(String) -> String) -> (Gateway, TempDir) {
    let files = tempfile::tempdir().expect("a directory");
    let (config, secrets) = (files.path().join("gateway.yaml"), files.path().join("secrets"));
    std::fs::create_dir(&secrets).expect("a directory");
    std::fs::write(secrets.join("company-hook"), KEY).expect("a file");
    let hook = format!("{{ url: '{url}', secret: company-hook, timeout: 1s, when_down: {when_down} }}");
    let hooks = format!(
        "hooks:\n  allow_refresh: {hook}\n  map_scope: {hook}\n  claims: https://company.example/claims/\nplans:\n"
    );
    let gateway = Gateway::start_with(|options| {
        let demo = std::fs::read_to_string(&options.config).expect("the demo's configuration");
        std::fs::write(&config, change(demo.replacen("plans:\n", &hooks, 1))).expect("a file");
        options.config.clone_from(&config);
        options.secrets = Some(secrets);
    })
    .await;
    (gateway, files)
}

async fn login(gateway: &Gateway) -> Response {
    gateway.try_login(DEMO_APP, ADA.name, ADA.password).await
}

fn session_of(tokens: &Tokens) -> SessionId {
    SessionId::parse(claims(&tokens.access)["sid"].as_str().expect("a text")).expect("a session id")
}

/// The claims of an access token.
fn claims(token: &str) -> Json {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// At every way to a token the hook is asked once, and what it says is in the token and in what the app is told.
#[tokio::test]
async fn a_hook_narrows_the_scope_and_adds_claims_at_every_way_to_a_token() {
    let (company, url) = Company::start().await;
    let (gateway, _files) = start(&url, "refuse").await;
    company.maps(&json!({ "allow": true, "scope": "orders:read", "claims": { TIER: "gold" } }));
    let by_password = login(&gateway).await;
    let asked = company.asked();
    let data = &asked[0]["data"];
    assert_eq!((asked.len(), &asked[0]["type"], &data["grant"]), (1, &json!("map_scope"), &json!("password")));
    let names: BTreeSet<_> = data.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(Vec::from_iter(names), ["client_id", "grant", "scope", "session", "user_id"], "no secret, no address");
    assert!(data["scope"].as_str().expect("a scope").contains("orders:write"));

    let mut responses = vec![by_password];
    responses.push(gateway.try_refresh(DEMO_APP, &responses[0].tokens().refresh).await);
    let kinds: Vec<_> = company.asked().iter().map(|message| message["type"].clone()).collect();
    assert_eq!(kinds, ["allow_refresh", "map_scope"]);
    let mut visitor = Visitor::of(&gateway);
    let path = Visitor::asking(DEMO_APP, "orders:read orders:write", &[]);
    let code = visitor.logs_in(&path, ADA).await;
    responses.push(visitor.redeem(DEMO_APP, &code).await);
    let secret = gateway.partner_secret();
    let form = [("grant_type", "client_credentials"), ("client_id", PARTNER_APP), ("client_secret", secret)];
    responses.push(gateway.post_form("/oauth2/token", &form).await);
    let grants: Vec<_> = company.asked().iter().map(|message| message["data"]["grant"].clone()).collect();
    assert_eq!(grants, ["authorization_code", "client_credentials"]);
    for response in responses {
        let claims = claims(&response.tokens().access);
        assert_eq!((&claims["scope"], &claims[TIER]), (&json!("orders:read"), &json!("gold")), "{response:?}");
        assert_eq!(response.json()["scope"], "orders:read");
        let call = async |method| gateway.call(method, "/orders", &response.tokens().access).await.status;
        assert_eq!(call("POST").await, 403, "{response:?}");
        // An application that acts for itself has no session at that back end.
        let expected = if response.json()["refresh_token"].is_string() { 200 } else { 401 };
        assert_eq!(call("GET").await, expected, "{response:?}");
    }
}

/// That an app lets others in is of its scope as well: what takes it away takes the device secret, and what an ID token says of it.
#[tokio::test]
async fn a_hook_keeps_an_app_from_letting_others_in() {
    const APP: &str = "first-app";
    const ALL: &str = "openid device_sso orders:read";
    const LESS: &str = "openid orders:read";
    let (company, url) = Company::start().await;
    let (gateway, _files) = start(&url, "refuse").await;
    let told = |response: &Response| {
        let body = response.json();
        let id_token = claims(body["id_token"].as_str().expect("an ID token"));
        (body["device_secret"].is_string(), id_token["ds_hash"].is_string())
    };
    let mut refresh = String::new();
    for (scope, lets_in) in [(LESS, false), (ALL, true)] {
        company.maps(&json!({ "allow": true, "scope": scope }));
        let mut visitor = Visitor::of(&gateway);
        let code = visitor.logs_in(&Visitor::asking(APP, ALL, &[]), ADA).await;
        let redeemed = visitor.redeem(APP, &code).await;
        assert_eq!(told(&redeemed), (lets_in, lets_in), "{scope}");
        refresh = redeemed.tokens().refresh;
    }
    for (scope, lets_in) in [(LESS, false), (ALL, true)] {
        company.maps(&json!({ "allow": true, "scope": scope }));
        let refreshed = gateway.try_refresh(APP, &refresh).await;
        assert_eq!(told(&refreshed), (false, lets_in), "{scope}");
        refresh = refreshed.tokens().refresh;
    }
}

#[tokio::test]
async fn a_login_that_the_company_does_not_allow_begins_no_session() {
    let (company, url) = Company::start().await;
    let (gateway, _files) = start(&url, "allow").await;
    company.maps(&json!({ "allow": false }));
    let refused = login(&gateway).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_grant")));
    let live = gateway.store().activity.sessions_of_app(None, Timestamp::from_secs(0)).await.expect("a scan");
    assert_eq!(live, []);
    // A code is not used up by that, nor by a hook that does not answer.
    let mut visitor = Visitor::of(&gateway);
    let path = Visitor::asking(DEMO_APP, "orders:read", &[]);
    let code = visitor.logs_in(&path, ADA).await;
    assert_eq!(visitor.redeem(DEMO_APP, &code).await.status, 400);
    company.maps_with(200, "[]", Duration::ZERO);
    assert_eq!(visitor.redeem(DEMO_APP, &code).await.status, 503);
    company.maps(&json!({ "allow": true }));
    assert_eq!(visitor.redeem(DEMO_APP, &code).await.status, 200);
}

/// A refresh that is not allowed ends the session, and calls are refused from then on.
#[tokio::test]
async fn a_refresh_that_the_company_does_not_allow_ends_the_session() {
    let (company, url) = Company::start().await;
    let (gateway, _files) = start(&url, "allow").await;
    let first = login(&gateway).await.tokens();
    let second = gateway.refresh(&first).await;
    company.refreshes(200, &json!({ "allow": false }));
    // What was served once is served again: the response may have been lost.
    assert_eq!(gateway.try_refresh(DEMO_APP, &first.refresh).await.tokens().refresh, second.refresh);
    assert_eq!(gateway.call("GET", "/orders", &second.access).await.status, 200);
    let refused = gateway.try_refresh(DEMO_APP, &second.refresh).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(gateway.call("GET", "/orders", &second.access).await.status, 401);
    company.refreshes(200, &json!({ "allow": true }));
    assert_eq!(gateway.try_refresh(DEMO_APP, &second.refresh).await.status, 400);
}

/// A refresh token of another issuer that is sent again is asked about as one of ours: its answer is not good for as long as the session.
#[tokio::test]
async fn a_traded_in_token_that_is_sent_again_is_asked_about() {
    let (company, url) = Company::start().await;
    let issuer = OldIssuer::start(SystemClock.now().as_secs()).await;
    let section = issuer.section(DEMO_APP);
    let change = |config: String| {
        assert!(config.contains("access_token: 10m"), "{config}");
        format!("{section}{}", config.replacen("access_token: 10m", "access_token: 1s", 1))
    };
    let (gateway, _files) = start_changed(&url, "refuse", change).await;
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("a user");
    let [old, twin] = [0; 2].map(|_| issuer.issue(ada.user_id.as_str()));
    let kinds = || company.asked().iter().map(|message| message["type"].clone()).collect::<Vec<_>>();
    let first = gateway.try_refresh(DEMO_APP, &old).await.tokens();
    gateway.try_refresh(DEMO_APP, &twin).await.tokens();
    assert_eq!(kinds(), ["map_scope", "map_scope"], "a session begins");
    // Longer than an access token lives.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(gateway.try_refresh(DEMO_APP, &twin).await.status, 200, "the twin");
    assert_eq!(kinds(), ["allow_refresh", "map_scope"]);
    company.refreshes(200, &json!({ "allow": false }));
    let refused = gateway.try_refresh(DEMO_APP, &old).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(kinds(), ["allow_refresh"]);
    company.refreshes(200, &json!({ "allow": true }));
    assert_eq!(gateway.try_refresh(DEMO_APP, &first.refresh).await.status, 400, "the session is over");
}

/// A hook that does not answer follows its policy, and loses nobody a session.
#[tokio::test]
async fn a_hook_that_is_down_follows_its_policy() {
    for (when_down, expected) in [("allow", 200), ("refuse", 503)] {
        let (company, url) = Company::start().await;
        let (gateway, _files) = start(&url, when_down).await;
        let tokens = login(&gateway).await.tokens();
        for (status, after) in [(500, Duration::ZERO), (302, Duration::ZERO), (200, Duration::from_secs(2))] {
            company.maps_with(status, r#"{"allow":false}"#, after);
            let response = login(&gateway).await;
            assert_eq!(response.status, expected, "{when_down} {status}: {}", response.text());
            assert!(expected == 200 || !response.header("retry-after").is_empty());
        }
        let (mut tokens, up, down) = (tokens, (200, json!({ "allow": true })), (500, json!({})));
        let generation = async |tokens: &Tokens| {
            let session = gateway.store().sessions.get(&session_of(tokens)).await.expect("a read");
            session.expect("a session").family.generation
        };
        for (allow_refresh, map_scope) in [(&down, &up), (&up, &down)] {
            company.maps_with(map_scope.0, &map_scope.1.to_string(), Duration::ZERO);
            company.refreshes(allow_refresh.0, &allow_refresh.1);
            let before = generation(&tokens).await;
            let response = gateway.try_refresh(DEMO_APP, &tokens.refresh).await;
            assert_eq!(response.status, expected, "{when_down}");
            let made = generation(&tokens).await - before;
            assert_eq!(made, u64::from(expected == 200), "{when_down}: what is not answered changes nothing");
            company.maps(&up.1);
            company.refreshes(up.0, &up.1);
            tokens = gateway.try_refresh(DEMO_APP, &tokens.refresh).await.tokens();
        }
    }
}

/// What a hook may not say is no answer, whatever the policy is: nobody gets more than was to be given, and no claim is forged.
#[tokio::test]
async fn a_hook_gives_no_more_scope_and_no_registered_claim() {
    let (company, url) = Company::start().await;
    let (gateway, _files) = start(&url, "allow").await;
    for answer in [
        json!({ "allow": true, "scope": "orders:read admin" }),
        json!({ "allow": true, "claims": { "sub": "root" } }),
        json!({ "allow": true, "claims": { "tier": "gold" } }),
        json!({ "allow": true, "claims": { "https://company.example/claims/": 1 } }),
        json!({ "allow": true, "claims": { "https://company.example/other": 1 } }),
        json!({ "allow": true, "claims": { TIER: "x".repeat(500) } }),
        json!({ "allow": false, "why": "x".repeat(20_000) }),
        json!({ "allow": true, "scopes": "orders:read" }),
        json!({ "allow": true, "scope": null }),
        json!({ "allow": "yes" }),
        json!({ "scope": "orders:read" }),
        json!([true]),
    ] {
        company.maps(&answer);
        let response = login(&gateway).await;
        assert_eq!((response.status, &response.json()["error"]), (503, &json!("temporarily_unavailable")), "{answer}");
    }
    company.maps(&json!({ "allow": true, "scope": "" }));
    assert_eq!(login(&gateway).await.json()["error"], "invalid_scope", "nothing of it is left");
}

/// The sample of the documents, which a company would begin with, as a process of its own.
async fn sample(suspended: &str, listen: &str) -> (Child, String) {
    let (child, url, _) = printing_sample(suspended, listen).await;
    (child, url)
}

/// The same with what it prints.
async fn printing_sample(suspended: &str, listen: &str) -> (Child, String, BufReader<ChildStdout>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sample-hooks"));
    command.env("HOOK_KEY", KEY).env("SUSPENDED", suspended).env("LISTEN", listen).kill_on_drop(true);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the sample");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("an output"));
    output.read_line(&mut line).await.expect("a line");
    (child, line.trim().to_owned(), output)
}

#[tokio::test]
async fn the_sample_in_rust_names_a_new_user_and_takes_events() {
    let (_hook, url, mut output) = printing_sample("", "127.0.0.1:0").await;
    let lines = "hooks:\n  registered: { TO }\nevents:\n  company: { TO, types: [user.created] }";
    let (gateway, _files) = deliveries::start(&url, lines).await;
    let user = deliveries::new_user(&gateway, "gerda").await;
    let mut line = String::new();
    output.read_line(&mut line).await.expect("a line");
    assert_eq!(line.trim(), format!("user.created user:{user}"));
    let connector = ConnectorName::parse("orders-login").expect("a name");
    for _ in 0..100 {
        let found = gateway.store().users.get(&user).await.expect("a read").expect("a user");
        if found.links.get(&connector).is_some_and(|name| name == "gerda@example.com") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it is never linked");
}

#[tokio::test]
async fn the_sample_in_rust_adds_a_claim_and_ends_the_session_of_who_is_suspended() {
    let (mut hook, url) = sample("", "127.0.0.1:0").await;
    let (gateway, _files) = start(&url, "refuse").await;
    let tokens = login(&gateway).await.tokens();
    assert_eq!(claims(&tokens.access)[TIER], "gold");
    let next = gateway.refresh(&tokens).await;
    assert_eq!(claims(&next.access)[TIER], "gold");
    // What nobody has signed is not answered.
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let forged = client.post(&url).json(&json!({ "type": "map_scope", "data": {} })).send().await;
    assert_eq!(forged.expect("a response").status(), 401);

    let suspended = claims(&next.access)["sub"].as_str().expect("a user").to_owned();
    hook.kill().await.expect("an end");
    let listen = url.trim_start_matches("http://").trim_end_matches("/hooks");
    let (_hook, _) = sample(&suspended, listen).await;
    let refused = gateway.try_refresh(DEMO_APP, &next.refresh).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(gateway.call("GET", "/orders", &next.access).await.status, 401);
}
