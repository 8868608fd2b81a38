//! Introspection (RFC 7662): confidential applications, about their own tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::fixture::{AUDIENCE, Fixture, ISSUER, NOTES, PASSWORD, SECRET};
use crate::request::{Request, Response, Tokens, decoded, post};

fn by(client: &str, path: &str, fields: &[(&str, &str)]) -> Request {
    post(path, fields).basic(client, SECRET)
}

async fn login(fixture: &Fixture) -> Tokens {
    let form =
        [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD), ("scope", NOTES)];
    fixture.send(by("conf1", "/oauth2/token", &form)).await.tokens()
}

async fn asked(fixture: &Fixture, client: &str, token: &str) -> Response {
    let response = fixture.send(by(client, "/oauth2/introspect", &[("token", token)])).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response
}

/// Checklist I-02, I-03: inactive is exactly this.
async fn inactive(fixture: &Fixture, token: &str) -> bool {
    asked(fixture, "conf1", token).await.text == r#"{"active":false}"#
}

/// Checklist I-02, I-05, I-06: either kind, whatever the hint.
#[tokio::test]
async fn a_good_token_is_active_with_what_it_is_good_for() {
    let fixture = Fixture::new().await;
    let tokens = login(&fixture).await;
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        for token in [&tokens.access, &tokens.refresh] {
            let form = [("token", token.as_str()), ("token_type_hint", hint)];
            let response = fixture.send(by("conf1", "/oauth2/introspect", &form)).await;
            assert_eq!(response.header("Cache-Control"), Some("no-store"));
            for (name, value) in [
                ("active", json!(true)),
                ("sub", json!("u_alice")),
                ("client_id", json!("conf1")),
                ("scope", json!(NOTES)),
                ("iss", json!(ISSUER)),
            ] {
                assert_eq!(response.body[name], value, "{name}");
            }
        }
    }
    let access = asked(&fixture, "conf1", &tokens.access).await.body;
    let claims = decoded(&tokens.access).1;
    for name in ["exp", "iat", "jti", "aud", "auth_time", "acr"] {
        assert_eq!(access[name], claims[name]);
    }
    // RFC 9470 §6.2, of either kind.
    let refresh = asked(&fixture, "conf1", &tokens.refresh).await.body;
    let login = (json!(fixture.now()), json!(gateway_domain::id_token::ACR));
    for known in [&access, &refresh] {
        assert_eq!((&known["auth_time"], &known["acr"]), (&login.0, &login.1));
    }
    assert_eq!((&access["aud"], &access["token_type"]), (&json!([AUDIENCE]), &json!("Bearer")));
}

/// Abuse cases E11, E12; checklist I-02, I-03, I-04: to who may not know, and of what is not good, nothing.
#[tokio::test]
async fn a_foreign_or_forged_token_is_inactive() {
    let fixture = Fixture::new().await;
    let (tokens, foreign) = (login(&fixture).await, fixture.login("pub1", NOTES).await);
    for token in [&tokens.access, &tokens.refresh] {
        assert_eq!(asked(&fixture, "conf2", token).await.text, r#"{"active":false}"#);
    }
    let parts: Vec<_> = tokens.access.split('.').collect();
    let mut claims = decoded(&tokens.access).1;
    claims["sub"] = json!("u_bob");
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2]);
    for token in [foreign.access.as_str(), &foreign.refresh, &forged, "x", "mgr_x.1.y", &tokens.access[1..]] {
        assert!(inactive(&fixture, token).await, "{token}");
    }
}

/// Checklist I-04.
#[tokio::test]
async fn a_token_that_is_over_is_inactive() {
    let fixture = Fixture::new().await;
    let first = login(&fixture).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", first.refresh.as_str())];
    fixture.clock.forward(1);
    let second = fixture.send(by("conf1", "/oauth2/token", &form)).await.tokens();
    assert!(inactive(&fixture, &first.refresh).await, "used");
    assert!(!inactive(&fixture, &first.access).await, "an access token is good until it expires");
    fixture.clock.forward(599);
    assert!(inactive(&fixture, &first.access).await, "expired");
    assert!(!inactive(&fixture, &second.access).await);
    fixture.clock.forward(86_400);
    assert!(inactive(&fixture, &second.refresh).await, "idle");
    let third = login(&fixture).await;
    assert_eq!(fixture.send(by("conf1", "/oauth2/revoke", &[("token", &third.access)])).await.status, 200);
    assert!(inactive(&fixture, &third.access).await && inactive(&fixture, &third.refresh).await, "revoked");
}

/// Checklist I-04: what a refresh would refuse is not called active.
#[tokio::test]
async fn a_refresh_token_of_old_credentials_is_inactive() {
    let fixture = Fixture::new().await;
    let tokens = login(&fixture).await;
    assert!(!inactive(&fixture, &tokens.refresh).await);
    let alice = gateway_domain::ids::UserId::parse("u_alice").unwrap();
    fixture.db.store.users.change_credentials(&alice, None, true).await.unwrap();
    assert!(inactive(&fixture, &tokens.refresh).await);
}

/// Checklist I-04: introspection says of a refresh token what a refresh with it comes to.
#[tokio::test]
async fn a_refresh_token_is_as_active_as_its_application_may_refresh() {
    let fixture = Fixture::new().await;
    let tokens = login(&fixture).await;
    let id = gateway_domain::ids::ClientId::parse("conf1").unwrap();
    let app = fixture.db.store.apps.get(&id).await.unwrap().unwrap();
    let refreshed = async || {
        let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
        fixture.send(by("conf1", "/oauth2/token", &form)).await
    };

    let grants = [gateway_store::GrantType::Password].into();
    fixture.db.store.apps.put(&gateway_store::App { grants, ..app.clone() }).await.unwrap();
    assert!(inactive(&fixture, &tokens.refresh).await, "without the grant");
    assert_eq!(refreshed().await.refusal(), (400, "unauthorized_client"));

    let scope = gateway_domain::scope::Scope::parse("notes:read").unwrap();
    fixture.db.store.apps.put(&gateway_store::App { scope, ..app }).await.unwrap();
    let told = asked(&fixture, "conf1", &tokens.refresh).await.body;
    assert_eq!((&told["active"], &told["scope"]), (&json!(true), &json!("notes:read")), "with less scope");
    assert_eq!(refreshed().await.body["scope"], told["scope"]);
}

/// Checklist I-04: the session's only internal token is over, and only the password could make another.
#[tokio::test]
async fn a_refresh_token_that_leads_nowhere_is_inactive() {
    let fixture = Fixture::new().await;
    let user = [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD)];
    let form = [&user[..], &[("scope", "orders:read")]].concat();
    let tokens = fixture.send(by("conf1", "/oauth2/token", &form)).await.tokens();
    fixture.clock.forward(1_799);
    assert!(!inactive(&fixture, &tokens.refresh).await);
    fixture.clock.forward(1);
    assert!(inactive(&fixture, &tokens.refresh).await);
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    assert_eq!(fixture.send(by("conf1", "/oauth2/token", &form)).await.refusal(), (400, "invalid_grant"));
}

/// Checklist I-06: an unknown token and a foreign one cost the same reads.
#[tokio::test]
async fn unknown_and_foreign_tokens_cost_the_same() {
    let fixture = Fixture::new().await;
    let foreign = fixture.login("pub1", NOTES).await;
    let unknown = format!("mgr_{}.1.{}", "A".repeat(22), "A".repeat(43));
    let mut costs = Vec::new();
    for token in [unknown.as_str(), &foreign.refresh] {
        fixture.wire.since_last();
        assert!(inactive(&fixture, token).await);
        costs.push(fixture.wire.since_last());
    }
    assert_eq!(costs[0], costs[1]);
}
