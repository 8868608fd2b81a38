//! Token exchange (RFC 8693): a service gets what the session of its caller has at a legacy system.

use gateway_domain::id_token::ACR as BY_PASSWORD;
use gateway_domain::ids::{ApiName, ClientId};
use gateway_domain::scope::Scope;
use gateway_domain::secret::sha256_hex;
use gateway_store::{App, AppKind, AuditRow, GrantType, Outcome};
use gateway_token::AuthorizationServer;
use serde_json::{Value, json};
use support::{Client, Verdict};

use crate::fixture::{AUDIENCE, Fixture, SECRET, login, send};
use crate::hosted::{redemption, redirected};
use crate::passkeys::{Open, enrolled};
use crate::renewing::Mood;
use crate::request::{Request, Response, Tokens, decoded, post};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SESSION: &str = "urn:mobile-api-gateway:token-type:session";
const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";
/// What opens the API of the service, and all of orders.
const WHOLE: &str = "notes:read orders:read orders:write";

/// The function where `notes` passes access tokens on to the application `service`.
struct Exchanges {
    fixture: Fixture,
    function: AuthorizationServer,
}

impl Exchanges {
    async fn new() -> Self {
        let fixture = Box::pin(Fixture::new()).await;
        let function = fixture.container_with(|config| {
            config.replacen("  notes:\n", "  notes:\n    pass_access_token: { audience: service }\n", 1)
        });
        let exchanges = Self { fixture, function };
        for name in ["service", "another-service"] {
            let service = App {
                client_id: ClientId::parse(name).unwrap(),
                kind: AppKind::Confidential,
                secret_hash: Some(sha256_hex(SECRET.as_bytes())),
                grants: [GrantType::TokenExchange].into(),
                ..exchanges.app("conf1").await
            };
            exchanges.fixture.db.store.apps.put(&service).await.unwrap();
        }
        exchanges
    }

    async fn app(&self, name: &str) -> App {
        self.fixture.db.store.apps.get(&ClientId::parse(name).unwrap()).await.unwrap().unwrap()
    }

    /// Changes an application.
    async fn change(&self, name: &str, change: impl FnOnce(&mut App)) {
        let mut app = self.app(name).await;
        change(&mut app);
        self.fixture.db.store.apps.put(&app).await.unwrap();
    }

    async fn login(&self, scope: &str) -> Tokens {
        send(&self.function, login("alice", "pub1", scope)).await.tokens()
    }

    async fn send(&self, request: Request) -> Response {
        send(&self.function, request).await
    }

    /// The service asks for what `audience` needs.
    async fn exchange(&self, access: &str, audience: &str) -> Response {
        self.send(exchange(&[("subject_token", access), ("audience", audience)]).basic("service", SECRET)).await
    }

    async fn audited(&self) -> Vec<AuditRow> {
        let (day, _) = gateway_store::day_and_time(self.fixture.now().as_secs() * 1_000);
        self.fixture.db.store.audit.of_day(&day, ("0", "~"), 100).await.unwrap().items
    }
}

fn exchange(fields: &[(&str, &str)]) -> Request {
    post("/oauth2/token", &[&[("grant_type", GRANT), ("subject_token_type", ACCESS_TOKEN)], fields].concat())
}

/// Checklist.
#[tokio::test]
async fn a_service_gets_the_session_of_its_caller_and_works_with_it() {
    let exchanges = Exchanges::new().await;
    let tokens = exchanges.login(WHOLE).await;
    assert_eq!(decoded(&tokens.access).1["aud"], json!([AUDIENCE, "service"]));

    let response = exchanges.exchange(&tokens.access, "orders").await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    let body = &response.body;
    assert_eq!((&body["issued_token_type"], &body["token_type"]), (&json!(SESSION), &json!("N_A")));
    assert_eq!(body["expires_in"], 1_800);
    assert!(body.get("refresh_token").is_none() && body.get("scope").is_none());

    let origin = exchanges.fixture.config.lines().find_map(|line| line.trim().strip_prefix("back_end: ")).unwrap();
    let client = Client::new(origin);
    let cookie = format!("LEGACYSESSID={}", body["access_token"].as_str().unwrap());
    let answer = client.response(client.request("GET", "/orders").header("Cookie", &cookie)).await;
    assert_eq!((answer.status, &answer.json()["user"]), (200, &json!("alice@example.com")));

    let row = &exchanges.audited().await[0];
    assert_eq!((row.who.as_str(), row.act.as_str()), ("app service", "token exchange"));
    assert_eq!((row.subject.as_str(), row.outcome), ("user u_alice", Outcome::Done));
    let given: Value = serde_json::from_str(row.after.as_ref().unwrap()).unwrap();
    let claims = decoded(&tokens.access).1;
    assert_eq!((&given["api"], &given["type"]), (&json!("orders"), &json!(SESSION)));
    assert_eq!((&given["app"], &given["session"], &given["jti"]), (&json!("pub1"), &claims["sid"], &claims["jti"]));
    assert!(!format!("{row:?}").contains(body["access_token"].as_str().unwrap()));
}

#[tokio::test]
async fn only_tokens_that_open_the_api_of_a_service_name_it() {
    let exchanges = Exchanges::new().await;
    let tokens = exchanges.login("orders:read").await;
    assert_eq!(decoded(&tokens.access).1["aud"], json!([AUDIENCE]));
    assert_eq!(exchanges.exchange(&tokens.access, "orders").await.refusal(), (400, "invalid_request"));

    exchanges.change("pub1", |app| app.subscriptions.get_mut(&api("notes")).unwrap().enabled = false).await;
    let tokens = exchanges.login(WHOLE).await;
    assert_eq!(decoded(&tokens.access).1["aud"], json!([AUDIENCE]), "of an app that is not subscribed");
}

fn api(name: &str) -> ApiName {
    ApiName::parse(name).unwrap()
}

/// Checklist.
#[tokio::test]
async fn nobody_else_exchanges() {
    let exchanges = Exchanges::new().await;
    let access = exchanges.login(WHOLE).await.access;
    let asked = exchange(&[("subject_token", &access), ("audience", "orders")]);
    let refused = async |request: Request, expected| assert_eq!(exchanges.send(request).await.refusal(), expected);
    refused(asked.clone().basic("another-service", SECRET), (400, "invalid_request")).await;
    refused(asked.clone().basic("conf1", SECRET), (400, "unauthorized_client")).await;
    refused(asked.clone().basic("service", "wrong"), (401, "invalid_client")).await;
    let public = [("client_id", "pub1"), ("subject_token", access.as_str()), ("audience", "orders")];
    exchanges.change("pub1", |app| app.grants.extend([GrantType::TokenExchange])).await;
    refused(exchange(&public), (400, "unauthorized_client")).await;
    // Nor a client that has the name of the gateway's audience, to which every token is.
    let function = exchanges.fixture.container_with(|config| config.replace(AUDIENCE, "conf1"));
    exchanges.change("conf1", |app| app.grants.extend([GrantType::TokenExchange])).await;
    let access = send(&function, login("alice", "pub1", WHOLE)).await.tokens().access;
    let asked = exchange(&[("subject_token", &access), ("audience", "orders")]).basic("conf1", SECRET);
    assert_eq!(send(&function, asked).await.refusal(), (400, "invalid_request"));
    assert!(exchanges.audited().await.is_empty());
}

/// Checklist.
#[tokio::test]
async fn what_the_app_may_not_call_is_not_handed_out() {
    let exchanges = Exchanges::new().await;
    let access = exchanges.login(WHOLE).await.access;
    for audience in ["notes", "vault", "nothing", "orders ", "ORDERS", AUDIENCE] {
        assert_eq!(exchanges.exchange(&access, audience).await.refusal(), (400, "invalid_target"), "{audience}");
    }
    let enabled = |name: &'static str, enabled| {
        exchanges.change(name, move |app| app.subscriptions.get_mut(&api("orders")).unwrap().enabled = enabled)
    };
    for name in ["service", "pub1"] {
        enabled(name, false).await;
        assert_eq!(exchanges.exchange(&access, "orders").await.refusal(), (400, "invalid_target"), "{name}");
        enabled(name, true).await;
    }
    exchanges.change("pub1", |app| app.enabled = false).await;
    assert_eq!(exchanges.exchange(&access, "orders").await.refusal(), (400, "invalid_request"));
    assert!(exchanges.audited().await.is_empty());
}

/// Checklist X-05: a session has no scopes at its system.
#[tokio::test]
async fn a_session_that_can_do_more_than_both_may_is_not_handed_out() {
    let exchanges = Exchanges::new().await;
    let refused = async |exchanges: &Exchanges, access: &str, why| {
        let response = exchanges.exchange(access, "orders").await;
        assert_eq!(response.refusal(), (400, "invalid_target"), "{why}");
        assert!(response.text.contains("for orders-login knows no scopes"), "{}", response.text);
    };
    let reading = exchanges.login("notes:read orders:read").await.access;
    refused(&exchanges, &reading, "the user has let the app read").await;

    let access = exchanges.login(WHOLE).await.access;
    let scope = exchanges.app("service").await.scope;
    exchanges.change("service", |app| app.scope = Scope::parse("notes:read orders:read").unwrap()).await;
    refused(&exchanges, &access, "the service may read").await;
    exchanges.change("service", |app| app.scope = scope).await;
    assert_eq!(exchanges.exchange(&access, "orders").await.status, 200);

    // Another API of the same connector.
    let vault = "connector: vault-login";
    assert!(exchanges.fixture.config.contains(vault));
    let function = exchanges.fixture.container_with(|config| {
        let config = config.replacen("  notes:\n", "  notes:\n    pass_access_token: { audience: service }\n", 1);
        config.replace(vault, "connector: orders-login")
    });
    let exchanges = Exchanges { fixture: exchanges.fixture, function };
    let access = exchanges.login(WHOLE).await.access;
    refused(&exchanges, &access, "the token does not open vault").await;
    let access = exchanges.login(&format!("{WHOLE} vault:read")).await.access;
    assert_eq!(exchanges.exchange(&access, "orders").await.status, 200);
    for name in ["service", "pub1"] {
        exchanges.change(name, |app| app.subscriptions.get_mut(&api("vault")).unwrap().enabled = false).await;
        refused(&exchanges, &access, name).await;
        exchanges.change(name, |app| app.subscriptions.get_mut(&api("vault")).unwrap().enabled = true).await;
    }
    // Who may no longer call the service has it call nobody.
    exchanges.change("pub1", |app| app.subscriptions.get_mut(&api("notes")).unwrap().enabled = false).await;
    assert_eq!(exchanges.exchange(&access, "orders").await.refusal(), (400, "invalid_request"));
}

/// Checklist.
#[tokio::test]
async fn a_logout_new_credentials_and_time_are_felt() {
    let exchanges = Exchanges::new().await;
    let (fixture, scope) = (&exchanges.fixture, WHOLE);
    let gone = async |access: &str, why| {
        assert_eq!(exchanges.exchange(access, "orders").await.refusal(), (400, "invalid_request"), "{why}");
    };
    let first = exchanges.login(scope).await;
    assert_eq!(exchanges.exchange(&first.access, "orders").await.status, 200);
    let revoke = post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &first.refresh)]);
    assert_eq!(exchanges.send(revoke).await.status, 200);
    gone(&first.access, "revoked").await;

    let second = exchanges.login(scope).await;
    let alice = gateway_domain::ids::UserId::parse("u_alice").unwrap();
    fixture.db.store.users.change_credentials(&alice, None, true).await.unwrap();
    gone(&second.access, "another password").await;

    let third = exchanges.login(scope).await;
    fixture.clock.forward(600);
    gone(&third.access, "expired").await;
    let mut forged = third.access.clone();
    forged.pop();
    for token in [&forged, &third.refresh, "", "x"] {
        gone(token, "no token").await;
    }
}

#[tokio::test]
async fn a_token_about_to_end_is_renewed_and_one_that_is_over_says_so() {
    let exchanges = Exchanges::new().await;
    let fixture = &exchanges.fixture;
    let mut tokens = exchanges.login("notes:read orders:read orders:write vault:read").await;
    // A refresh just before the token is due.
    fixture.clock.forward(1_349);
    tokens = send(&exchanges.function, crate::fixture::refresh("pub1", &tokens.refresh)).await.tokens();
    fixture.clock.forward(390);
    assert_eq!(exchanges.exchange(&tokens.access, "vault").await.body["expires_in"], 61);
    assert_eq!(fixture.vault.renewals(), 0);
    fixture.clock.forward(1);
    fixture.vault.is(Mood::IsDown);
    assert_eq!(exchanges.exchange(&tokens.access, "vault").await.body["expires_in"], 60, "it still works");
    fixture.vault.is(Mood::Renews);
    // Who gets nothing has nothing renewed.
    let other = [("subject_token", tokens.access.as_str()), ("audience", "vault"), ("requested_token_type", SAML2)];
    assert_eq!(exchanges.send(exchange(&other).basic("service", SECRET)).await.refusal(), (400, "invalid_target"));
    assert_eq!(fixture.vault.renewals(), 0);
    assert_eq!(exchanges.exchange(&tokens.access, "vault").await.body["expires_in"], 1_800);
    assert_eq!(fixture.vault.renewals(), 1);
    assert_eq!(fixture.versions(&tokens.access).await, [1, 2], "calls have the renewed one");
    // Orders cannot be renewed.
    tokens = send(&exchanges.function, crate::fixture::refresh("pub1", &tokens.refresh)).await.tokens();
    fixture.clock.forward(60);
    let over = exchanges.exchange(&tokens.access, "orders").await;
    assert_eq!(over.refusal(), (400, "invalid_target"));
    assert!(over.text.contains("has to log in again"), "{}", over.text);
    assert_eq!(over.body.get("acr_values"), None, "its login was with the password");
}

/// Checklist E-01: a service can tell its app which login would help, as the gateway does at an API.
#[tokio::test]
async fn a_login_without_the_password_is_told_apart_from_one_that_is_over() {
    let exchanges = Exchanges::new().await;
    let mut alice = enrolled(&exchanges.fixture, "alice").await;
    let mut open = Open::new(&exchanges.fixture, WHOLE).await;
    let code = redirected(&open.signs(&mut alice).await)["code"].clone();
    let tokens = exchanges.send(redemption("native", &code, &[])).await.tokens();
    let left_out = exchanges.exchange(&tokens.access, "orders").await;
    assert_eq!(left_out.refusal(), (400, "invalid_target"));
    assert_eq!(left_out.body["acr_values"], BY_PASSWORD);
    assert!(left_out.text.contains("without the password"), "{}", left_out.text);
    assert_eq!(exchanges.audited().await.len(), 0, "nothing was handed out");
}

/// Checklist X-04.
#[tokio::test]
async fn a_request_says_what_it_wants_in_words_that_are_understood() {
    let exchanges = Exchanges::new().await;
    let access = exchanges.login(WHOLE).await.access;
    let whole = [("subject_token", access.as_str()), ("audience", "orders")];
    let with = |more: &[(&str, &str)]| exchange(&[&whole[..], more].concat()).basic("service", SECRET);
    assert_eq!(exchanges.send(with(&[("requested_token_type", SESSION)])).await.status, 200);
    let saml = with(&[("requested_token_type", SAML2)]);
    let refused = exchanges.send(saml).await;
    assert_eq!(refused.refusal(), (400, "invalid_target"));
    assert!(refused.text.contains(SESSION), "{}", refused.text);
    for more in [
        ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("actor_token", "x"),
        ("actor_token_type", ACCESS_TOKEN),
        ("resource", "https://legacy.example.com/"),
        ("scope", "orders:read"),
    ] {
        assert_eq!(exchanges.send(with(&[more])).await.refusal(), (400, "invalid_request"), "{more:?}");
    }
    let grant = ("grant_type", GRANT);
    let kind = ("subject_token_type", ACCESS_TOKEN);
    for form in [
        &[grant, kind, whole[0]][..],
        &[grant, kind, whole[1]],
        &[grant, whole[0], whole[1]],
        &[grant, ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), whole[0], whole[1]],
    ] {
        let request = post("/oauth2/token", form).basic("service", SECRET);
        assert_eq!(exchanges.send(request).await.refusal(), (400, "invalid_request"), "{form:?}");
    }
}

/// Checklist X-06: without its row, nothing is handed out.
#[tokio::test]
async fn what_cannot_be_audited_is_not_handed_out() {
    let exchanges = Exchanges::new().await;
    let access = exchanges.login(WHOLE).await.access;
    exchanges.fixture.wire.script(|operation| if operation.writes() { Verdict::Fail } else { Verdict::Forward });
    let response = exchanges.exchange(&access, "orders").await;
    assert_eq!(response.refusal(), (503, "temporarily_unavailable"));
    assert!(!response.text.contains("access_token"));
}

#[tokio::test]
async fn an_exchange_costs_five_reads_and_a_write() {
    let exchanges = Exchanges::new().await;
    let access = exchanges.login(WHOLE).await.access;
    exchanges.fixture.wire.since_last();
    assert_eq!(exchanges.exchange(&access, "orders").await.status, 200);
    let expected =
        ["GetItem Apps", "GetItem Apps", "GetItem Sessions", "GetItem Activity", "GetItem Users", "PutItem Audit"];
    assert_eq!(exchanges.fixture.wire.since_last(), expected);
}

/// Whoever is passed a token may ask about it.
#[tokio::test]
async fn a_service_may_ask_about_a_token_that_it_was_passed() {
    let exchanges = Exchanges::new().await;
    let tokens = exchanges.login("notes:read").await;
    let asked = async |client: &str, token: &str| {
        let request = post("/oauth2/introspect", &[("token", token)]).basic(client, SECRET);
        exchanges.send(request).await.body["active"].clone()
    };
    assert_eq!(asked("service", &tokens.access).await, true);
    assert_eq!(asked("another-service", &tokens.access).await, false);
    assert_eq!(asked("service", &tokens.refresh).await, false);
    let other = exchanges.login("orders:read").await;
    assert_eq!(asked("service", &other.access).await, false);
}
