//! Tokens that are bound to a key (RFC 9449), through the whole gateway: from the login to the calls, and what a copy of them is worth.

use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use serde_json::{Value as Json, json};
use support::{ADA, CHALLENGE, ClientKey, DEMO_APP, PARTNER_APP, Response, Tokens, Unsigned, VERIFIER};

use super::Gateway;
use crate::openid::METADATA;
use crate::wire::{last, seen};

const TOKEN: &str = "/oauth2/token";
const CHALLENGED: &str = "/oauth2/challenge";

/// Somebody's phone, with a key that does not leave it.
struct Phone<'g> {
    gateway: &'g Gateway,
    key: ClientKey,
}

impl<'g> Phone<'g> {
    fn new(gateway: &'g Gateway) -> Self {
        Self { gateway, key: ClientKey::new() }
    }

    fn proof(&self, method: &str, path: &str) -> Unsigned<'_> {
        self.key.proof(method, &self.gateway.url(path), SystemClock.now().as_secs())
    }

    /// Posts a form with a proof of its own.
    async fn posts(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.gateway.request("POST", path).header("DPoP", self.proof("POST", path).signed());
        self.gateway.response(request.form(form)).await
    }

    async fn asks(&self, scope: &str) -> Response {
        let form = [("grant_type", "password"), ("client_id", DEMO_APP), ("scope", scope)];
        self.posts(TOKEN, &[&form[..], &[("username", ADA.name), ("password", ADA.password)]].concat()).await
    }

    async fn logs_in(&self) -> Tokens {
        let response = self.asks("orders:read").await;
        let tokens = response.tokens();
        assert_eq!(response.json()["token_type"], "DPoP", "{}", response.text());
        tokens
    }

    async fn refreshes(&self, refresh_token: &str) -> Response {
        let form = [("grant_type", "refresh_token"), ("client_id", DEMO_APP), ("refresh_token", refresh_token)];
        self.posts(TOKEN, &form).await
    }

    /// A call with this proof.
    async fn calls_with(&self, method: &str, path: &str, access: &str, proof: &Unsigned<'_>) -> Response {
        let request = self.gateway.request(method, path).header("Authorization", format!("DPoP {access}"));
        self.gateway.response(request.header("DPoP", proof.signed())).await
    }

    /// A call with a proof of its own.
    async fn calls(&self, method: &str, path: &str, access: &str) -> Response {
        self.calls_with(method, path, access, &self.proof(method, path).of_token(access)).await
    }
}

/// A request of the partner's app with a proof of its key.
async fn partner_asks(gateway: &Gateway, key: &ClientKey, form: &[(&str, &str)]) -> Tokens {
    let proof = key.proof("POST", &gateway.url(TOKEN), SystemClock.now().as_secs()).signed();
    let request = gateway.request("POST", TOKEN).basic_auth(PARTNER_APP, Some(gateway.partner_secret()));
    gateway.response(request.header("DPoP", proof).form(form)).await.tokens()
}

/// What a refusal asks for: a REST API renames the field, an HTTP API does not.
fn challenge(response: &Response) -> String {
    let names = ["x-amzn-remapped-www-authenticate", "www-authenticate"];
    names.map(|name| response.header(name).to_owned()).concat()
}

fn is_unproved(response: &Response) -> bool {
    response.status == 401
        && challenge(response).starts_with("DPoP ")
        && challenge(response).contains(r#"error="invalid_dpop_proof""#)
        && response.json()["error"] == "invalid_dpop_proof"
}

/// Uses all that bound tokens need, for the test of the roles; but the admin API.
pub(crate) async fn use_keys(gateway: &Gateway) {
    let phone = Phone::new(gateway);
    phone.logs_in().await;
    let asked = [
        ("client_id", DEMO_APP),
        ("response_type", "code"),
        ("scope", "orders:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("username", ADA.name),
        ("password", ADA.password),
    ];
    assert_eq!(phone.posts(CHALLENGED, &asked).await.status, 200);
    let form = [("grant_type", "password"), ("username", ADA.name), ("password", ADA.password)];
    let access = partner_asks(gateway, &phone.key, &form).await.access;
    assert_eq!(phone.calls("GET", "/orders", &access).await.status, 200);
    crate::owners::widen(gateway).await;
    let access = phone.asks("account").await.tokens().access;
    assert_eq!(phone.calls("GET", "/account/api/v1/me", &access).await.status, 200);
}

/// The same at the admin API, for the partner's app as an operator.
pub(crate) async fn use_the_admin_api_with_a_key(gateway: &Gateway) {
    let phone = Phone::new(gateway);
    let access = partner_asks(gateway, &phone.key, &[("grant_type", "client_credentials")]).await.access;
    assert_eq!(phone.calls("GET", "/gateway/api/v1/apps", &access).await.status, 200);
}

/// Checklist D-11, D-18: what a user does, with a key.
#[tokio::test]
async fn a_phone_holds_its_key_from_the_login_to_the_logout() {
    let gateway = Gateway::start().await;
    let metadata = gateway.response(gateway.request("GET", METADATA)).await.json();
    assert_eq!(metadata["dpop_signing_alg_values_supported"], json!(["ES256"]));
    let phone = Phone::new(&gateway);
    let tokens = phone.logs_in().await;
    assert_eq!(phone.calls("GET", "/orders", &tokens.access).await.status, 200);
    let refreshed = phone.refreshes(&tokens.refresh).await;
    assert!(!refreshed.header("dpop-nonce").is_empty(), "for the next proof");
    let refreshed = refreshed.tokens();
    // What answers a query: its URL is without it.
    let proof = phone.proof("GET", "/orders").of_token(&refreshed.access);
    assert_eq!(phone.calls_with("GET", "/orders?since=2026", &refreshed.access, &proof).await.status, 200);
    // A logout needs nothing but the token.
    let form = [("client_id", DEMO_APP), ("token", refreshed.refresh.as_str())];
    assert_eq!(gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    assert_eq!(phone.calls("GET", "/orders", &refreshed.access).await.status, 401);
    assert_eq!(phone.refreshes(&refreshed.refresh).await.json()["error"], "invalid_grant");
}

/// The proof is for the gateway alone.
#[tokio::test]
async fn a_back_end_gets_no_proof() {
    let gateway = Gateway::start().await;
    let phone = Phone::new(&gateway);
    let access = phone.logs_in().await.access;
    assert_eq!(phone.calls("GET", "/echo", &access).await.status, 200);
    let arrived = last(&gateway);
    for name in ["dpop", "authorization"] {
        assert_eq!(arrived.header(name), [""; 0], "{name}");
    }
    // Without a token, on a public route, as well.
    let proof = phone.proof("GET", "/public/ping").signed();
    let public = gateway.request("GET", "/public/ping").header("DPoP", proof);
    assert_eq!(gateway.response(public).await.status, 200);
    assert_eq!(last(&gateway).header("dpop"), [""; 0]);
}

/// Abuse cases D13, D14, D15; checklist D-15, D-16.
#[tokio::test]
async fn a_copied_access_token_is_worth_nothing_without_the_key() {
    let gateway = Gateway::start_with_config(|text| text.replace("calls: 60", "calls: 30")).await;
    let phone = Phone::new(&gateway);
    let (access, other) = (phone.logs_in().await.access, phone.logs_in().await.access);
    let right = phone.proof("GET", "/orders").of_token(&access);
    assert_eq!(phone.calls_with("GET", "/orders", &access, &right).await.status, 200);
    let before = seen(&gateway);
    // Whoever has recorded the call sends it again, at once or to other containers.
    for restarts in [false, true] {
        if restarts {
            gateway.restart_functions();
        }
        let again = phone.calls_with("GET", "/orders", &access, &right).await;
        assert!(is_unproved(&again), "{again:?}");
        assert!(again.json()["detail"].as_str().is_some_and(|text| text.contains("Date")), "{}", again.text());
        assert!(!again.header("date").is_empty(), "by which a phone knows what time it is");
    }
    let host = phone.key.proof("GET", "https://elsewhere.example/orders", SystemClock.now().as_secs());
    let thief = ClientKey::new();
    let thiefs = thief.proof("GET", &gateway.url("/orders"), SystemClock.now().as_secs());
    for wrong in [
        phone.proof("POST", "/orders").of_token(&access),
        phone.proof("GET", "/orders/1").of_token(&access),
        host.of_token(&access),
        phone.proof("GET", "/orders").of_token(&other),
        phone.proof("GET", "/orders"),
        thiefs.of_token(&access),
        phone.proof("GET", "/orders").of_token(&access).with("iat", 1_000),
    ] {
        let refused = phone.calls_with("GET", "/orders", &access, &wrong).await;
        assert!(is_unproved(&refused), "{refused:?}");
    }
    assert_eq!(gateway.call("GET", "/orders", &access).await.status, 401, "as a bearer token");
    assert_eq!(seen(&gateway), before, "none of it reached the back end");
    // The twins.
    for (path, token) in [("/orders/1", &access), ("/orders", &other), ("/orders", &access)] {
        assert_eq!(phone.calls("GET", path, token).await.status, 200, "{path}");
    }
}

/// Abuse case F9: there are no five minutes in which a thief gets what the lost response had.
#[tokio::test]
async fn a_copied_refresh_token_is_worth_nothing_without_the_key() {
    let gateway = Gateway::start().await;
    let (phone, thief) = (Phone::new(&gateway), Phone::new(&gateway));
    let first = phone.logs_in().await;
    let steals = async |token: &str| {
        let without = gateway.try_refresh(DEMO_APP, token).await;
        assert_eq!((without.status, &without.json()["error"]), (400, &json!("invalid_dpop_proof")));
        let with = thief.refreshes(token).await;
        assert_eq!((with.status, &with.json()["error"]), (400, &json!("invalid_grant")));
    };
    steals(&first.refresh).await;
    let second = phone.refreshes(&first.refresh).await.tokens();
    steals(&first.refresh).await;
    steals(&second.refresh).await;
    // The phone goes on, also after a response that it did not get.
    assert_eq!(phone.refreshes(&first.refresh).await.tokens().refresh, second.refresh);
    let third = phone.refreshes(&second.refresh).await.tokens();
    steals(&first.refresh).await;
    assert_eq!(phone.calls("GET", "/orders", &third.access).await.status, 200);
}

/// Checklist D-12: an app may begin to prove its key at any refresh.
#[tokio::test]
async fn a_session_from_before_is_bound_by_its_next_refresh() {
    let gateway = Gateway::start().await;
    let phone = Phone::new(&gateway);
    let before = gateway.login(ADA).await;
    let bound = phone.refreshes(&before.refresh).await.tokens();
    assert_eq!(gateway.try_refresh(DEMO_APP, &bound.refresh).await.status, 400);
    let access = phone.refreshes(&bound.refresh).await.tokens().access;
    assert_eq!(phone.calls("GET", "/orders", &access).await.status, 200);
}

/// Checklist D-09, D-18: by the nonce of the refusal, with whatever the phone thinks what time it is.
#[tokio::test]
async fn a_phone_whose_clock_is_wrong_logs_in_by_a_nonce() {
    let gateway = Gateway::start().await;
    let phone = Phone::new(&gateway);
    let form =
        [("grant_type", "password"), ("client_id", DEMO_APP), ("username", ADA.name), ("password", ADA.password)];
    let sends = async |proof: Unsigned<'_>| {
        let request = gateway.request("POST", TOKEN).header("DPoP", proof.signed());
        gateway.response(request.form(&form)).await
    };
    for wrong in [-86_400, 3_600] {
        let wrong_time = || phone.proof("POST", TOKEN).with("iat", SystemClock.now().as_secs() + wrong);
        let refused = sends(wrong_time()).await;
        assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("use_dpop_nonce")));
        let nonce = refused.header("dpop-nonce").to_owned();
        let proof = wrong_time().with_nonce(&nonce);
        assert_eq!(sends(proof.clone()).await.status, 200);
        // An HTTP stack that repeats the request is told to make another proof, and nobody uses one twice.
        let again = sends(proof).await;
        assert_eq!((again.status, &again.json()["error"]), (400, &json!("use_dpop_nonce")));
        assert_eq!(sends(wrong_time().with_nonce(again.header("dpop-nonce"))).await.status, 200);
    }
}

/// Checklist S-04: what is the gateway's own takes bound tokens as the APIs behind it do.
#[tokio::test]
async fn the_gateways_own_apis_take_a_bound_token_from_its_holder() {
    let gateway = Gateway::start().await;
    crate::owners::widen(&gateway).await;
    crate::openid::widen(&gateway, DEMO_APP).await;
    let phone = Phone::new(&gateway);
    let users = phone.asks("account openid").await.tokens().access;
    crate::admin_api::operator(&gateway, &["gateway:apps:read"]).await;
    let operators = partner_asks(&gateway, &phone.key, &[("grant_type", "client_credentials")]).await.access;
    for (path, access) in
        [("/account/api/v1/me", &users), ("/oauth2/userinfo", &users), ("/gateway/api/v1/apps", &operators)]
    {
        let proof = phone.proof("GET", path).of_token(access);
        let shown = phone.calls_with("GET", path, access, &proof).await;
        assert_eq!(shown.status, 200, "{path}: {}", shown.text());
        gateway.restart_functions();
        for wrong in [proof, phone.proof("GET", path), phone.proof("POST", path).of_token(access)] {
            let refused = phone.calls_with("GET", path, access, &wrong).await;
            assert!(is_unproved(&refused), "{path}: {refused:?}");
        }
        assert_eq!(gateway.call("GET", path, access).await.status, 401, "{path}: as a bearer token");
        assert_eq!(phone.calls("GET", path, access).await.status, 200, "{path}: the twin");
    }
}

/// Abuse case G16: an `auth_session` is the phone's with the key, and so is the code.
#[tokio::test]
async fn an_app_with_its_own_screens_gets_a_code_for_its_key_alone() {
    let gateway = Gateway::start().await;
    let (phone, thief) = (Phone::new(&gateway), Phone::new(&gateway));
    let begin = [
        ("client_id", DEMO_APP),
        ("response_type", "code"),
        ("scope", "orders:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let wanted = phone.posts(CHALLENGED, &begin).await;
    assert_eq!(wanted.status, 403, "{}", wanted.text());
    assert!(!wanted.header("dpop-nonce").is_empty());
    let session = wanted.json()["auth_session"].as_str().expect("a session").to_owned();
    let goes_on = [("auth_session", session.as_str()), ("username", ADA.name), ("password", ADA.password)];
    for refused in [gateway.post_form(CHALLENGED, &goes_on).await, thief.posts(CHALLENGED, &goes_on).await] {
        assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_dpop_proof")));
    }
    let given: Json = phone.posts(CHALLENGED, &goes_on).await.json();
    let code = given["authorization_code"].as_str().unwrap_or_else(|| panic!("no code: {given}"));
    let redeem =
        [("grant_type", "authorization_code"), ("client_id", DEMO_APP), ("code", code), ("code_verifier", VERIFIER)];
    for refused in [gateway.post_form(TOKEN, &redeem).await, thief.posts(TOKEN, &redeem).await] {
        assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_grant")));
    }
    let access = phone.posts(TOKEN, &redeem).await.tokens().access;
    assert_eq!(phone.calls("GET", "/orders", &access).await.status, 200);
}
