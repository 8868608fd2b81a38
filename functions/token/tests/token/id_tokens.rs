//! ID tokens (OpenID Connect Core §2): who gets one, what it says, and that its published key verifies it.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::ids::SessionId;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::fixture::{Fixture, ISSUER, NOTES, PASSWORD, SECRET, login, refresh};
use crate::hosted::{Browser, asking, redemption};
use crate::request::{Response, decoded, post, request};

pub(crate) const OPENID: &str = "notes:read openid";

/// The header and claims of an ID token, after ring has verified it by the published key that it names.
pub(crate) async fn verified(fixture: &Fixture, token: &str) -> (Value, Value) {
    let set = fixture.send(request("GET", "/.well-known/jwks.json")).await.body;
    let (header, claims) = decoded(token);
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let mut named = set["keys"].as_array().unwrap().iter().filter(|key| key["kid"] == header["kid"]);
    let (Some(key), None) = (named.next(), named.next()) else { panic!("one key: {header}") };
    assert_eq!((&key["alg"], &key["use"]), (&header["alg"], &json!("sig")));
    let number = |name: &str| bytes(key[name].as_str().unwrap());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let outcome = match header["alg"].as_str().unwrap() {
        "RS256" => RsaPublicKeyComponents { n: number("n"), e: number("e") }.verify(
            &RSA_PKCS1_2048_8192_SHA256,
            message.as_bytes(),
            &bytes(signature),
        ),
        _ => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [vec![4], number("x"), number("y")].concat())
            .verify(message.as_bytes(), &bytes(signature)),
    };
    outcome.unwrap();
    (header, claims)
}

pub(crate) fn id_token(response: &Response) -> &str {
    assert_eq!(response.status, 200, "{}", response.text);
    response.body["id_token"].as_str().unwrap()
}

#[tokio::test]
async fn a_login_with_openid_gets_an_id_token_that_the_published_key_verifies() {
    let fixture = Fixture::new().await;
    for (client, algorithm) in [("oidc", "RS256"), ("oidc-es256", "ES256")] {
        let response = fixture.send(login("alice", client, OPENID)).await;
        assert_eq!(response.body["scope"], OPENID);
        let (header, claims) = verified(&fixture, id_token(&response)).await;
        assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!("JWT")));
        let access = response.tokens().access;
        let half = URL_SAFE_NO_PAD.encode(&digest(&SHA256, access.as_bytes()).as_ref()[..16]);
        let now = fixture.now().as_secs();
        let expected = json!({
            "iss": ISSUER, "sub": "u_alice", "aud": client, "iat": now, "exp": now + 600, "auth_time": now,
            "acr": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "amr": ["pwd"],
            "at_hash": half, "sid": decoded(&access).1["sid"],
        });
        assert_eq!(claims, expected, "and nothing personal");
    }
}

#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let fixture = Fixture::new().await;
    for scope in [NOTES, "notes:read email profile"] {
        let response = fixture.send(login("alice", "oidc", scope)).await;
        assert_eq!((response.status, response.body.get("id_token")), (200, None), "{scope}");
    }
    // An application that is not assigned the scope cannot have it.
    assert_eq!(fixture.send(login("alice", "pub1", OPENID)).await.refusal(), (400, "invalid_scope"));
    // Of an application for itself there is nobody to tell about, by default or when it asks.
    let form = [("grant_type", "client_credentials")];
    let itself = fixture.send(post("/oauth2/token", &form).basic("oidc-conf", SECRET)).await;
    assert!(!itself.body["scope"].as_str().unwrap().contains("openid"), "{}", itself.text);
    assert_eq!(itself.body.get("id_token"), None);
    let asked = [&form[..], &[("scope", OPENID)]].concat();
    let asked = fixture.send(post("/oauth2/token", &asked).basic("oidc-conf", SECRET)).await;
    assert_eq!(asked.refusal(), (400, "invalid_scope"));
}

/// OpenID Connect Core §12.2: the same issuer, subject, audience and time of login.
#[tokio::test]
async fn a_refresh_gets_an_id_token_of_the_same_login() {
    let fixture = Fixture::new().await;
    let first = fixture.send(login("alice", "oidc", OPENID)).await;
    let (_, before) = verified(&fixture, id_token(&first)).await;
    fixture.clock.forward(100);
    let second = fixture.send(refresh("oidc", &first.tokens().refresh)).await;
    let (_, after) = verified(&fixture, id_token(&second)).await;
    for name in ["iss", "sub", "aud", "sid", "auth_time"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(after["iat"].as_i64().unwrap(), before["iat"].as_i64().unwrap() + 100);
    assert_ne!(after["at_hash"], before["at_hash"]);
    // A token that is narrowed to other scopes is of the same session and comes without.
    let form = [("grant_type", "refresh_token"), ("client_id", "oidc"), ("scope", "notes:read")];
    let newest = second.tokens().refresh;
    let form = [&form[..], &[("refresh_token", &newest)]].concat();
    let narrowed = fixture.send(post("/oauth2/token", &form)).await;
    assert_eq!((narrowed.status, narrowed.body.get("id_token")), (200, None));
}

#[tokio::test]
async fn a_login_into_a_session_moves_the_time_of_login_for_all_that_follows() {
    let fixture = Fixture::new().await;
    let first = fixture.send(login("alice", "oidc", OPENID)).await.tokens();
    fixture.clock.forward(100);
    let again = [
        ("grant_type", "password"),
        ("client_id", "oidc"),
        ("username", "alice@example.com"),
        ("password", PASSWORD),
        ("refresh_token", &first.refresh),
    ];
    let second = fixture.send(post("/oauth2/token", &again)).await;
    let shown = fixture.now().as_secs();
    assert_eq!(verified(&fixture, id_token(&second)).await.1["auth_time"], shown);
    fixture.clock.forward(100);
    let third = fixture.send(refresh("oidc", &second.tokens().refresh)).await;
    assert_eq!(verified(&fixture, id_token(&third)).await.1["auth_time"], shown);
}

/// A session of before this attribute existed is refreshed as ever, and its ID tokens leave out what is not known.
#[tokio::test]
async fn a_session_whose_time_of_login_was_not_noted_claims_none() {
    let fixture = Fixture::new().await;
    let first = fixture.send(login("alice", "oidc", OPENID)).await.tokens();
    let sid = SessionId::parse(decoded(&first.access).1["sid"].as_str().unwrap()).unwrap();
    let session = fixture.db.store.sessions.get(&sid).await.unwrap().unwrap();
    assert_eq!(session.auth_time, Some(fixture.now()));
    let update = fixture.db.client.update_item().table_name(&fixture.db.tables.sessions);
    let update = update.key("sid", AttributeValue::S(sid.to_string())).update_expression("REMOVE auth_time");
    update.send().await.unwrap();
    let second = fixture.send(refresh("oidc", &first.refresh)).await;
    assert_eq!(verified(&fixture, id_token(&second)).await.1.get("auth_time"), None);
    let access = decoded(&second.tokens().access).1;
    assert_eq!((access.get("auth_time"), access.get("acr")), (None, None));
}

/// OpenID Connect Core §3.1.3.3: the first ID token of a code is bound to the request that asked for it; those after it are not.
#[tokio::test]
async fn the_id_token_of_a_code_has_the_nonce_of_its_request() {
    let fixture = Fixture::new().await;
    let shown = fixture.now().as_secs();
    let query = asking("oidc-native", "com.example.oidc:/cb", OPENID, &[("nonce", "n-0S6_WzA2Mj")]);
    let code = Browser::new(&fixture).logs_in(&query).await["code"].clone();
    fixture.clock.forward(10);
    let form = redemption("oidc-native", &code, &[("redirect_uri", "com.example.oidc:/cb")]);
    let redeemed = fixture.send(form).await;
    let (_, claims) = verified(&fixture, id_token(&redeemed)).await;
    assert_eq!((&claims["nonce"], &claims["auth_time"]), (&json!("n-0S6_WzA2Mj"), &json!(shown)));
    let refreshed = fixture.send(refresh("oidc-native", &redeemed.tokens().refresh)).await;
    let (_, claims) = verified(&fixture, id_token(&refreshed)).await;
    assert_eq!((claims.get("nonce"), &claims["auth_time"]), (None, &json!(shown)));
}

/// An ID token opens nothing: not here, where its keys are known, nor with its subject in place.
#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let fixture = Fixture::new().await;
    for client in ["oidc", "oidc-es256"] {
        let response = fixture.send(login("alice", client, OPENID)).await;
        let token = id_token(&response);
        let userinfo = request("GET", "/oauth2/userinfo").header("Authorization", &format!("Bearer {token}"));
        assert_eq!(fixture.send(userinfo).await.refusal(), (401, "invalid_token"));
        let introspected = post("/oauth2/introspect", &[("token", token)]).basic("conf1", SECRET);
        assert_eq!(fixture.send(introspected).await.body, json!({ "active": false }));
        assert_eq!(fixture.send(post("/oauth2/revoke", &[("client_id", client), ("token", token)])).await.status, 200);
        assert_eq!(fixture.send(refresh(client, &response.tokens().refresh)).await.status, 200, "nothing was ended");
    }
}
