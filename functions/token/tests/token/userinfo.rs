//! The userinfo endpoint (OpenID Connect Core §5.3): to whom it says what, and how it refuses (RFC 6750 §3).

use gateway_domain::ids::UserId;
use serde_json::json;

use crate::fixture::{Fixture, NOTES, login, refresh, send};
use crate::request::{Request, post, request};

fn with(token: &str) -> Request {
    request("GET", "/oauth2/userinfo").header("Authorization", &format!("Bearer {token}"))
}

#[tokio::test]
async fn the_scope_of_the_token_decides_what_is_said() {
    let fixture = Fixture::new().await;
    for (scope, expected) in [
        ("openid", json!({ "sub": "u_alice" })),
        ("openid profile", json!({ "sub": "u_alice" })),
        ("openid email", json!({ "sub": "u_alice", "email": "alice@example.com", "email_verified": true })),
    ] {
        let token = fixture.login("oidc", scope).await.access;
        let header = format!("bearer {token}");
        for request in [
            with(&token),
            request("HEAD", "/oauth2/userinfo").header("Authorization", &header),
            request("POST", "/oauth2/userinfo").header("Authorization", &header),
            post("/oauth2/userinfo", &[("access_token", &token)]),
            post("/oauth2/userinfo", &[("other", "x")]).header("Authorization", &header),
        ] {
            let response = fixture.send(request).await;
            assert_eq!((response.status, &response.body), (200, &expected), "{scope}");
            assert_eq!(response.header("Content-Type"), Some("application/json"));
            assert_eq!(response.header("Cache-Control"), Some("no-store"));
        }
    }
}

/// Only a field with a claim is told, only under `profile`, and only of who has filled it in.
#[tokio::test]
async fn the_scope_profile_tells_the_fields_that_have_a_claim() {
    let fixture = Fixture::new().await;
    let fields = "accounts: { fields: [
        { id: first, label: First, claim: given_name }, { id: born, label: Born, type: date, claim: birthdate },
        { id: news, label: News, type: boolean, claim: 'https://example.com/news' }, { id: shoe, label: Shoe },
        { id: tel, label: Tel, type: tel, claim: phone_number }] }\n";
    let app = fixture.container_with(|config| format!("{fields}{config}"));
    let alice = fixture.db.store.users.by_email("alice@example.com").await.unwrap().unwrap();
    let profile = [("first", "Alice"), ("born", "2000-02-29"), ("news", "yes"), ("shoe", "39")];
    let profile = profile.map(|(id, value)| (id.to_owned(), value.to_owned())).into();
    let user_id = UserId::parse("u_paula").unwrap();
    let email = gateway_domain::address::Address::parse("paula@example.com").unwrap();
    let paula = gateway_store::User { user_id, email, profile, ..alice };
    fixture.db.store.users.create(&paula).await.unwrap();
    let told = json!({
        "sub": "u_paula", "given_name": "Alice", "birthdate": "2000-02-29", "https://example.com/news": true,
    });
    for (scope, expected) in [("openid profile", told), ("openid", json!({ "sub": "u_paula" }))] {
        let token = send(&app, login("paula", "oidc", scope)).await.tokens().access;
        assert_eq!(send(&app, with(&token)).await.body, expected, "{scope}");
    }
    let metadata = send(&app, request("GET", "/.well-known/openid-configuration")).await;
    let claims: Vec<_> = metadata.body["claims_supported"].as_array().unwrap().iter().collect();
    for claim in ["given_name", "birthdate", "https://example.com/news", "phone_number"] {
        assert!(claims.contains(&&json!(claim)), "{claims:?}");
    }
}

#[tokio::test]
async fn a_request_without_a_good_token_is_challenged() {
    let fixture = Fixture::new().await;
    let token = fixture.login("oidc", "openid").await.access;
    let (start, end) = token.split_at(token.len() - 10);
    let changed = format!("{start}{}{}", if end.starts_with('A') { 'B' } else { 'A' }, &end[1..]);
    for request in [with(&changed), with("x"), with(""), post("/oauth2/userinfo", &[("access_token", "x")])] {
        let response = fixture.send(request).await;
        assert_eq!(response.refusal(), (401, "invalid_token"));
        assert_eq!(response.header("WWW-Authenticate"), Some(r#"Bearer realm="gateway", error="invalid_token""#));
    }
    // Who shows nothing is told no error (RFC 6750 §3.1).
    for request in [
        request("GET", "/oauth2/userinfo"),
        request("POST", "/oauth2/userinfo"),
        request("GET", "/oauth2/userinfo").basic("conf1", "x"),
        post("/oauth2/userinfo", &[]),
        // A body has a token only in a POST.
        post("/oauth2/userinfo", &[("access_token", &token)]).by_get(),
    ] {
        let response = fixture.send(request).await;
        assert_eq!((response.status, response.header("WWW-Authenticate")), (401, Some(r#"Bearer realm="gateway""#)));
    }
    let both = post("/oauth2/userinfo", &[("access_token", &token)]);
    for request in [
        both.header("Authorization", &format!("Bearer {token}")),
        with(&token).another_header("Authorization", &format!("Bearer {token}")),
        request("GET", "/oauth2/userinfo").query("access_token", &token),
        with(&token).query("a", "b"),
        request("POST", "/oauth2/userinfo").header("Content-Type", "text/plain").body(token.as_str()),
    ] {
        assert_eq!(fixture.send(request).await.refusal(), (400, "invalid_request"));
    }
    assert_eq!(fixture.send(with(&token)).await.status, 200);
    fixture.clock.forward(600);
    assert_eq!(fixture.send(with(&token)).await.refusal(), (401, "invalid_token"));
    let other = fixture.send(request("DELETE", "/oauth2/userinfo")).await;
    assert_eq!((other.status, other.header("Allow")), (405, Some("GET, HEAD, POST")));
}

#[tokio::test]
async fn a_token_without_openid_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let token = fixture.login("oidc", &format!("{NOTES} email profile")).await.access;
    let response = fixture.send(with(&token)).await;
    assert_eq!(response.refusal(), (403, "insufficient_scope"));
    let challenge = r#"Bearer realm="gateway", error="insufficient_scope", scope="openid""#;
    assert_eq!(response.header("WWW-Authenticate"), Some(challenge));
}

/// The signature may be good for a while longer; the session is what counts.
#[tokio::test]
async fn nothing_is_said_of_a_user_whose_session_is_over() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("oidc", "openid").await;
    assert_eq!(fixture.send(with(&tokens.access)).await.status, 200);
    let revoked = post("/oauth2/revoke", &[("client_id", "oidc"), ("token", &tokens.refresh)]);
    assert_eq!(fixture.send(revoked).await.status, 200);
    assert_eq!(fixture.send(with(&tokens.access)).await.refusal(), (401, "invalid_token"));

    // Disabled, and the session not ended yet.
    let tokens = fixture.login("oidc", "openid").await;
    let alice = UserId::parse("u_alice").unwrap();
    fixture.db.store.users.change_credentials(&alice, None, false).await.unwrap();
    assert_eq!(fixture.send(with(&tokens.access)).await.refusal(), (401, "invalid_token"));
    assert_eq!(fixture.send(refresh("oidc", &tokens.refresh)).await.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.send(login("alice", "oidc", "openid")).await.refusal(), (400, "invalid_grant"));
}
