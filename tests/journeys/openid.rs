//! OpenID Connect through the whole gateway: ID tokens by keys that turn, userinfo, and applications that sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::ClientId;
use gateway_domain::scope::Scope;
use gateway_runtime::{SystemClock, SystemEntropy};
use gateway_store::App;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP, PARTNER_APP, Response};

use super::Gateway;
use crate::events;
use crate::forge::Key;
use crate::rotation::kid;
use crate::turns::{current, rotate};

/// The path of the metadata.
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";
/// The type of an assertion.
pub(crate) const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) async fn registered(gateway: &Gateway, id: &str) -> App {
    let id = ClientId::parse(id).expect("an id");
    gateway.store().apps.get(&id).await.expect("a read").expect("an app")
}

/// Lets an application ask for ID tokens and addresses.
pub(crate) async fn widen(gateway: &Gateway, id: &str) {
    let mut app = registered(gateway, id).await;
    app.scope = Scope::parse(&format!("{} openid email profile", app.scope)).expect("a scope");
    gateway.store().apps.put(&app).await.expect("a write");
}

/// A login of Ada for this scope.
pub(crate) async fn login(gateway: &Gateway, scope: &str) -> Response {
    let form = [("grant_type", "password"), ("client_id", DEMO_APP), ("scope", scope)];
    let form = [&form[..], &[("username", ADA.name), ("password", ADA.password)]].concat();
    gateway.post_form("/oauth2/token", &form).await
}

/// An application that authenticates by its key.
pub(crate) struct KeyedApp {
    key: Key,
    id: String,
}

impl KeyedApp {
    /// Registers one like `partner-app`.
    pub(crate) async fn register(gateway: &Gateway) -> Self {
        let key = Key::generate("client-key");
        let like = registered(gateway, PARTNER_APP).await;
        let id = "keyed-app".to_owned();
        let app = App {
            client_id: ClientId::parse(&id).expect("an id"),
            secret_hash: None,
            jwks: Some(json!({ "keys": [key.jwk()] }).to_string()),
            ..like
        };
        gateway.store().apps.put(&app).await.expect("a write");
        Self { key, id }
    }

    /// A new assertion for this gateway.
    pub(crate) fn assertion(&self, gateway: &Gateway) -> String {
        let (now, jti) = (SystemClock.now().as_secs(), SystemEntropy.bytes::<16>().expect("random bytes"));
        let header = json!({ "alg": "ES256", "kid": self.key.kid, "typ": "JWT" });
        let claims = json!({
            "iss": self.id, "sub": self.id, "aud": gateway.stack.base_url(), "exp": now + 120,
            "jti": URL_SAFE_NO_PAD.encode(jti),
        });
        self.key.sign(&header.to_string(), &claims.to_string())
    }

    /// The response to a request of the application for itself.
    pub(crate) async fn authenticate(&self, gateway: &Gateway, assertion: &str) -> Response {
        let form = [("grant_type", "client_credentials"), ("client_assertion_type", ASSERTION)];
        gateway.post_form("/oauth2/token", &[&form[..], &[("client_assertion", assertion)]].concat()).await
    }
}

pub(crate) async fn published(gateway: &Gateway) -> Vec<Json> {
    let metadata = gateway.response(gateway.request("GET", METADATA)).await.json();
    let path = metadata["jwks_uri"].as_str().expect("a URL").strip_prefix(gateway.stack.base_url()).expect("ours");
    let set = gateway.response(gateway.request("GET", path)).await.json();
    set["keys"].as_array().expect("keys").clone()
}

/// Whether one of these keys is the one that the token names, and verifies it. ring does, as a client would.
pub(crate) fn is_verified(token: &str, keys: &[Json]) -> bool {
    let Some(key) = keys.iter().find(|key| key["kid"] == json!(kid(token))) else { return false };
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let number = |name: &str| bytes(key[name].as_str().expect("a number"));
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &bytes(signature)).is_ok()
}

fn id_token(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["id_token"].as_str().expect("an ID token").to_owned()
}

#[tokio::test]
async fn a_login_with_openid_is_told_who_logged_in_and_the_apis_take_no_id_token() {
    let gateway = Gateway::start().await;
    widen(&gateway, DEMO_APP).await;
    let response = login(&gateway, "openid email orders:read").await;
    let (token, access) = (id_token(&response), response.tokens().access);
    assert!(is_verified(&token, &published(&gateway).await));
    let told = gateway.call("GET", "/oauth2/userinfo", &access).await;
    assert_eq!((told.status, &told.json()["email"]), (200, &json!(ADA.name)));
    assert!(told.header("cache-control").contains("no-store"));
    assert_eq!(gateway.call("GET", "/orders", &access).await.status, 200, "the routes are as open as without");
    assert_eq!(gateway.call("GET", "/orders", &token).await.status, 401);
    assert_eq!(gateway.call("GET", "/oauth2/userinfo", &token).await.status, 401);
    // The REST API renames the challenge; the body says the same.
    let refused = gateway.response(gateway.request("GET", "/oauth2/userinfo")).await;
    assert_eq!((refused.status, &refused.json()["error"]), (401, &json!("invalid_token")));
    assert_eq!(refused.header("x-amzn-remapped-www-authenticate"), r#"Bearer realm="gateway""#);
}

/// A client that has read the keys before a rotation verifies what is signed after it, and what was signed before it
/// verifies as long as it may be accepted.
#[tokio::test]
async fn keys_of_id_tokens_turn_and_clients_have_the_next_one_before_it_signs() {
    let gateway = Gateway::start_with(|options| {
        options.environment.push(("KEY_CACHE_SECONDS".to_owned(), "1".to_owned()));
    })
    .await;
    widen(&gateway, DEMO_APP).await;
    let public = gateway.stack.secrets().value("PublicKeys");
    let (before, old) = (published(&gateway).await, id_token(&login(&gateway, "openid").await));
    assert!(kid(&old).starts_with(&current(&gateway, "IdTokenKeys")));
    rotate(&gateway, "IdTokenKeys").await;
    gateway.restart_functions();
    let (after, new) = (published(&gateway).await, id_token(&login(&gateway, "openid").await));
    assert!(kid(&new).starts_with(&current(&gateway, "IdTokenKeys")) && kid(&new) != kid(&old));
    for keys in [&before, &after] {
        assert!(is_verified(&old, keys) && is_verified(&new, keys), "{keys:?}");
    }
    assert_eq!(gateway.stack.secrets().value("PublicKeys"), public, "the authorizer's keys are none of this");
}

/// What a leaked key signed is verified by nobody who reads the keys again.
#[tokio::test]
async fn a_leaked_key_of_id_tokens_is_published_no_more() {
    let gateway = Gateway::start().await;
    widen(&gateway, DEMO_APP).await;
    let old = id_token(&login(&gateway, "openid").await);
    let leaked = current(&gateway, "IdTokenKeys");
    let event = json!({ "action": "revoke", "secret": "id-token", "key": leaked });
    let response = events::invoke(&gateway, "KeysFunction", &event).await.expect("revoked");
    assert_eq!(response["current"], json!(current(&gateway, "IdTokenKeys")));
    gateway.restart_functions();
    let keys = published(&gateway).await;
    assert!(!is_verified(&old, &keys) && !json!(keys).to_string().contains(&leaked));
    assert!(is_verified(&id_token(&login(&gateway, "openid").await), &keys));
}

#[tokio::test]
async fn an_application_authenticates_by_its_key_and_once_by_each_assertion() {
    let gateway = Gateway::start().await;
    let app = KeyedApp::register(&gateway).await;
    let assertion = app.assertion(&gateway);
    assert_eq!(app.authenticate(&gateway, &assertion).await.status, 200);
    gateway.restart_functions();
    let again = app.authenticate(&gateway, &assertion).await;
    assert_eq!((again.status, &again.json()["error"]), (401, &json!("invalid_client")));
    assert_eq!(app.authenticate(&gateway, &app.assertion(&gateway)).await.status, 200);
}
