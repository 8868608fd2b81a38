//! App-family single sign-on through the whole gateway: two apps of the demo on one device, whose sessions end together or alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gateway_domain::admin_scope::SESSIONS_WRITE;
use gateway_domain::ids::{ClientId, SessionId};
use gateway_domain::scope::Scope;
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;
use gateway_store::App;
use serde_json::json;
use support::{ADA, CATALOGUE, DEMO_APP, Response, Switch, Visitor, Wire};

use super::Gateway;
use crate::admin_api::{ask, operator};
use crate::metrics::{documents, sum};
use crate::openid::METADATA;
use crate::owners::me;

const FIRST: &str = "first-app";
const SECOND: &str = "second-app";
const SCOPE: &str = "openid device_sso orders:read";

/// What an app has, and what it shares with the others of its family on the device.
#[derive(Clone)]
struct SignedOn {
    access: String,
    refresh: String,
    id_token: String,
    secret: String,
}

impl SignedOn {
    fn of(response: &Response) -> Self {
        let tokens = response.tokens();
        let body = response.json();
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name}: {body}")).to_owned();
        let (id_token, secret) = (text("id_token"), text("device_secret"));
        Self { access: tokens.access, refresh: tokens.refresh, id_token, secret }
    }
}

/// Somebody logs in to the first app on the gateway's page.
async fn logs_in(visitor: &mut Visitor<'_>) -> SignedOn {
    let code = visitor.logs_in(&Visitor::asking(FIRST, SCOPE, &[]), ADA).await;
    SignedOn::of(&visitor.redeem(FIRST, &code).await)
}

/// What another app gets by that.
async fn exchange(gateway: &Gateway, app: &str, by: &SignedOn) -> Response {
    exchange_for(gateway, (app, SCOPE), by).await
}

/// The same for this scope.
async fn exchange_for(gateway: &Gateway, (app, scope): (&str, &str), by: &SignedOn) -> Response {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", app),
        ("audience", gateway.stack.base_url()),
        ("subject_token", &by.id_token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("actor_token", &by.secret),
        ("actor_token_type", "urn:openid:params:token-type:device-secret"),
        ("scope", scope),
    ];
    gateway.post_form("/oauth2/token", &form).await
}

/// The session of a refresh token.
async fn session(gateway: &Gateway, refresh: &str) -> Session {
    let sid = refresh.trim_start_matches("mgr_").split('.').next().expect("a session id");
    let sid = SessionId::parse(sid).expect("a session id");
    gateway.store().sessions.get(&sid).await.expect("a read").expect("a session")
}

/// Logs out in the browser of the first app, and waits until the outbox function has ended what another app had by that login.
async fn logs_out(gateway: &Gateway, visitor: &mut Visitor<'_>, (first, second): (&SignedOn, &SignedOn)) {
    let url = reqwest::Url::parse_with_params("http://gateway/oauth2/logout", [("id_token_hint", &first.id_token)]);
    let url = url.expect("a URL");
    let left = visitor.get(&format!("{}?{}", url.path(), url.query().unwrap_or_default())).await;
    assert_eq!(left.status, 200, "{}", left.text());
    for _ in 0..100 {
        let Session { user_id, client_id, sid, .. } = session(gateway, &second.refresh).await;
        let live = gateway.store().activity.entry_is_live(&user_id, &client_id, &sid, Timestamp::from_secs(0)).await;
        if !live.expect("a read") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the session of the other app goes on");
}

/// A login that two apps share, and its end for both.
pub(crate) async fn use_shared_logins(gateway: &Gateway) {
    let mut visitor = Visitor::of(gateway);
    let first = logs_in(&mut visitor).await;
    let second = SignedOn::of(&exchange(gateway, SECOND, &first).await);
    logs_out(gateway, &mut visitor, (&first, &second)).await;
}

async fn calls(gateway: &Gateway, of: &SignedOn) -> u16 {
    gateway.call("GET", CATALOGUE, &of.access).await.status
}

async fn revoke(gateway: &Gateway, app: &str, token: &str) {
    let form = [("client_id", app), ("token", token)];
    assert_eq!(gateway.post_form("/oauth2/revoke", &form).await.status, 200);
}

async fn app(gateway: &Gateway, name: &str) -> App {
    gateway.store().apps.get(&ClientId::parse(name).expect("an id")).await.expect("a read").expect("an app")
}

/// Abuse case O1, with its twin; checklist F-35.
#[tokio::test]
async fn one_login_gives_each_app_of_the_family_a_session_that_ends_alone() {
    let gateway = Gateway::start().await;
    let metadata = gateway.response(gateway.request("GET", METADATA)).await.json();
    assert_eq!(metadata["native_sso_supported"], true);
    let first = logs_in(&mut Visitor::of(&gateway)).await;
    let outside = exchange(&gateway, DEMO_APP, &first).await;
    assert_eq!((outside.status, &outside.json()["error"]), (400, &json!("unauthorized_client")));
    let second = SignedOn::of(&exchange(&gateway, SECOND, &first).await);
    assert_eq!((calls(&gateway, &first).await, calls(&gateway, &second).await), (200, 200));
    // Where the back end takes a password, the second app has to ask for one.
    assert_eq!(gateway.call("GET", "/orders", &first.access).await.status, 200);
    let refused = gateway.call("GET", "/orders", &second.access).await;
    let error = refused.json()["error"].clone();
    assert_eq!((refused.status, error), (401, json!("insufficient_user_authentication")), "{}", refused.text());
    // It leaves alone, and comes back without a login.
    revoke(&gateway, SECOND, &second.refresh).await;
    assert_eq!((calls(&gateway, &first).await, calls(&gateway, &second).await), (200, 401));
    let back = SignedOn::of(&exchange(&gateway, SECOND, &first).await);
    assert_eq!(calls(&gateway, &back).await, 200);
    let refreshed = gateway.try_refresh(SECOND, &back.refresh).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
}

/// A login is counted once, however often its response is fetched again.
#[tokio::test]
async fn a_shared_login_that_is_repeated_is_counted_once() {
    let gateway = Gateway::start().await;
    let first = logs_in(&mut Visitor::of(&gateway)).await;
    let second = SignedOn::of(&exchange(&gateway, SECOND, &first).await);
    assert_eq!(SignedOn::of(&exchange(&gateway, SECOND, &first).await).refresh, second.refresh);
    let dimensions = [("Grant", "native_sso"), ("App", SECOND)];
    assert_eq!(sum(&documents(&gateway).await, "Logins", &dimensions), 1.0);
}

/// Abuse case O4: the secret ends with them.
#[tokio::test]
async fn the_sessions_of_one_login_end_together_by_the_secret_or_a_logout() {
    let gateway = Gateway::start().await;
    let mut visitor = Visitor::of(&gateway);
    let first = logs_in(&mut visitor).await;
    let second = SignedOn::of(&exchange(&gateway, SECOND, &first).await);
    revoke(&gateway, SECOND, &second.secret).await;
    assert_eq!((calls(&gateway, &first).await, calls(&gateway, &second).await), (401, 401));
    assert_eq!(exchange(&gateway, SECOND, &first).await.json()["error"], "invalid_grant");

    let mut visitor = Visitor::of(&gateway);
    let first = logs_in(&mut visitor).await;
    let second = SignedOn::of(&exchange(&gateway, SECOND, &first).await);
    assert_eq!(calls(&gateway, &second).await, 200);
    logs_out(&gateway, &mut visitor, (&first, &second)).await;
    assert_eq!((calls(&gateway, &first).await, calls(&gateway, &second).await), (401, 401));
    let again = exchange(&gateway, SECOND, &first).await;
    assert_eq!(again.json()["error"], "invalid_grant", "{}", again.text());
}

/// Abuse case O8: a family in gateway.yaml makes no app one of the company.
#[tokio::test]
async fn an_app_that_is_not_trusted_any_more_shares_nothing() {
    let gateway = Gateway::start().await;
    let first = logs_in(&mut Visitor::of(&gateway)).await;
    let trusted = app(&gateway, SECOND).await;
    gateway.store().apps.put(&App { trusted: false, ..trusted.clone() }).await.expect("a write");
    let refused = exchange(&gateway, SECOND, &first).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("unauthorized_client")));
    gateway.store().apps.put(&trusted).await.expect("a write");
    assert_eq!(exchange(&gateway, SECOND, &first).await.status, 200, "the twin");
}

/// Abuse case O10: the login of one app says nothing of who holds another, so that a copy of what apps share adds and removes no passkey.
#[tokio::test]
async fn a_shared_login_is_no_proof_for_a_passkey() {
    const WITH_ACCOUNT: &str = "openid device_sso orders:read account";
    let gateway = Gateway::start().await;
    for name in [FIRST, SECOND] {
        let found = app(&gateway, name).await;
        let scope = found.scope.union(&Scope::parse("account").expect("a scope"));
        gateway.store().apps.put(&App { scope, ..found }).await.expect("a write");
    }
    let mut visitor = Visitor::of(&gateway);
    let code = visitor.logs_in(&Visitor::asking(FIRST, WITH_ACCOUNT, &[]), ADA).await;
    let first = SignedOn::of(&visitor.redeem(FIRST, &code).await);
    let second = SignedOn::of(&exchange_for(&gateway, (SECOND, WITH_ACCOUNT), &first).await);
    assert_eq!(me(&gateway, &second.access, "GET", "/passkeys", None).await.status, 200, "it is her account");
    for (method, path) in [("POST", "/passkeys/options"), ("DELETE", "/passkeys/AAAA")] {
        let refused = me(&gateway, &second.access, method, path, None).await;
        let field = refused.json()["field"].clone();
        assert_eq!((refused.status, field), (400, json!("current_password")), "{method} {}", refused.text());
    }
    // The twins: the password, and the app that she logged in to.
    let password = json!({ "current_password": ADA.password });
    assert_eq!(me(&gateway, &second.access, "POST", "/passkeys/options", Some(&password)).await.status, 200);
    assert_eq!(me(&gateway, &first.access, "POST", "/passkeys/options", None).await.status, 200);
}

/// Abuse case O4: what another app gets while an operator ends all sessions ends with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_begins_while_all_sessions_end_ends_as_well() {
    let line = Switch::start().await;
    let wire = Wire::signed_to(&line.url).await;
    let environment = ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), wire.endpoint.clone());
    let gateway = Arc::new(Gateway::start_with(|options| options.environment.push(environment)).await);
    line.lead_to(gateway.stack.dynamodb_url());
    let token = operator(&gateway, &[SESSIONS_WRITE]).await;
    let first = logs_in(&mut Visitor::of(&gateway)).await;
    let user = session(&gateway, &first.refresh).await.user_id;
    // At the last moment before the epoch rises. The hook holds no gateway, which would never end.
    let (begun, comes) = (Arc::new(Mutex::new(None)), AtomicBool::new(true));
    let (weak, by, slot) = (Arc::downgrade(&gateway), first.clone(), Arc::clone(&begun));
    wire.before_each(move |operation| {
        let now = operation.is("UpdateItem", "Users") && comes.swap(false, Ordering::SeqCst);
        let (weak, by, slot) = (weak.clone(), by.clone(), Arc::clone(&slot));
        Box::pin(async move {
            if let Some(gateway) = weak.upgrade().filter(|_| now) {
                let second = SignedOn::of(&exchange(&gateway, SECOND, &by).await);
                *slot.lock().expect("no panic") = Some(second);
            }
        })
    });
    let ended = ask(&gateway, &token, "DELETE", &format!("/users/{user}/sessions"), None).await;
    assert_eq!(ended.status, 204, "{}", ended.text());
    let second = begun.lock().expect("no panic").take().expect("an exchange in between");
    assert_eq!((calls(&gateway, &first).await, calls(&gateway, &second).await), (401, 401));
    assert_eq!(gateway.try_refresh(SECOND, &second.refresh).await.status, 400);
    assert_eq!(exchange(&gateway, SECOND, &first).await.json()["error"], "invalid_grant");
    // The twin: whoever logs in afterwards.
    let anew = logs_in(&mut Visitor::of(&gateway)).await;
    let second = SignedOn::of(&exchange(&gateway, SECOND, &anew).await);
    assert_eq!((calls(&gateway, &anew).await, calls(&gateway, &second).await), (200, 200));
}
