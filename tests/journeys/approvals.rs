//! What developers ask for waits for an approval, or does not, and nothing goes around it.

use gateway_domain::admin_scope::{APPS_WRITE, REQUESTS_READ, REQUESTS_WRITE, SUBSCRIPTIONS_WRITE};
use gateway_store::{App, AppKind, GrantType};
use serde_json::{Value as Json, json};
use support::{ADA, BOB, Gateway, Response};

use crate::accounts::Browser;
use crate::admin_api::{ask, operator};
use crate::administrators::administrator;
use crate::challenge::{asks, typed};
use crate::developers::{NATIVE, alert, changed, location, organization, register, stored};
use crate::mail::sent;

/// Decides on what is there now.
async fn decide(gateway: &Gateway, token: &str, id: &str, decision: &Json) -> Response {
    let path = format!("/gateway/api/v1/requests/{id}");
    let seen = gateway.response(gateway.request("GET", &path).bearer_auth(token)).await;
    if seen.status != 200 {
        return seen;
    }
    let request = gateway.request("POST", &path).bearer_auth(token).header("if-match", seen.header("etag"));
    gateway.response(request.json(decision)).await
}

#[tokio::test]
async fn an_open_api_is_subscribed_at_once_and_a_marked_plan_waits() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "")]).await);
    let app = stored(&gateway, &page).await;
    assert_eq!((app.subscriptions.len(), app.requested), (1, None));
    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "partner")]).await);
    let app = stored(&gateway, &page).await;
    assert!(app.subscriptions.values().all(|one| one.plan.is_none()), "the plan is as it was");
    assert!(app.requested.is_some_and(|requested| requested.subscriptions.values().all(Option::is_some)));
    assert!(gateway.stack.outbox().mails().iter().filter(|mail| mail.to == "operators@example.com").count() <= 1);
    location(&browser.submit(&gateway, &page, &[("act", "withdraw")]).await);
    assert_eq!(stored(&gateway, &page).await.requested, None);
    assert_eq!(gateway.store().developers.organizations.waiting(None, 9).await.expect("a read").items, []);
}

/// What nobody has approved, nobody approves anew; what somebody relies on is.
#[tokio::test]
async fn what_adds_to_a_subscribed_app_waits_and_what_takes_away_does_not() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    let two = "com.example.shop:/signed-in com.example.shop:/two";
    location(&browser.submit(&gateway, &page, &changed(&[("redirect_uris", two)])).await);
    assert_eq!(stored(&gateway, &page).await.redirect_uris.len(), 2, "without a subscription it holds at once");

    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "")]).await);
    let before = stored(&gateway, &page).await;
    let adding: [&[(&str, &str)]; 4] = [
        &[("redirect_uris", "com.evil.shop:/signed-in")],
        &[("redirect_uris", two), ("scope.orders:write", "yes")],
        &[("redirect_uris", two), ("name", "Official Shop")],
        &[("redirect_uris", two), ("trusted", "yes")],
    ];
    for wish in adding {
        location(&browser.submit(&gateway, &page, &changed(wish)).await);
        let after = stored(&gateway, &page).await;
        assert!(after.requested.as_ref().is_some_and(|requested| requested.settings.is_some()), "{wish:?}");
        assert_eq!(App { requested: None, ..after }, before, "{wish:?}");
    }
    // Taking away holds at once, and is then what is wanted.
    location(&browser.submit(&gateway, &page, &changed(&[("redirect_uris", "com.example.shop:/two")])).await);
    let after = stored(&gateway, &page).await;
    assert_eq!((after.redirect_uris.len(), after.requested), (1, None));
}

/// Checklist F-29.
#[tokio::test]
async fn passwords_are_seen_after_an_approval_alone() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let trusted = [NATIVE.as_slice(), &[("trusted", "yes")]].concat();
    let page = register(&gateway, &mut browser, &home, &trusted).await;
    let app = stored(&gateway, &page).await;
    let by_code = [GrantType::AuthorizationCode, GrantType::RefreshToken];
    assert_eq!((app.trusted, &app.grants), (false, &by_code.into()));
    let id = app.client_id.to_string();
    let refused = asks(&gateway, &id, &typed(ADA)).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("unauthorized_client")));

    // Whoever asks and whoever decides read what it means.
    let means = "yes: users type them on its own screens, and are asked for no consent";
    assert!(browser.get(&gateway, &page).await.text().contains(means));
    let (mut admin, _) = administrator(&gateway, BOB).await;
    let request = admin.get(&gateway, &format!("/gateway/requests/{id}")).await.text();
    assert!(request.contains("Sees passwords") && request.contains(means), "{request}");
    assert!(request.contains("+ challenge") && !request.contains("+ password"), "{request}");

    let token = operator(&gateway, &[REQUESTS_READ, REQUESTS_WRITE]).await;
    let approved = decide(&gateway, &token, &id, &json!({ "decision": "approve" })).await;
    assert_eq!(approved.status, 200, "{}", approved.text());
    let app = stored(&gateway, &page).await;
    let with_challenge = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::Challenge];
    assert_eq!((app.trusted, &app.grants), (true, &with_challenge.into()));
    gateway.restart_functions();
    let answer = asks(&gateway, &id, &typed(ADA)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(gateway.try_login(&id, ADA.name, ADA.password).await.status, 400, "the password grant is not among it");
    // Every subscription of such an app waits, also to an API that is open to others.
    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "")]).await);
    assert!(stored(&gateway, &page).await.subscriptions.is_empty());
}

/// An app that people know as it is stays so, whatever it leaves for a moment.
#[tokio::test]
async fn what_was_given_once_is_not_carried_elsewhere() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    let elsewhere = changed(&[("redirect_uris", "com.evil.shop:/signed-in")]);
    let waits = async |browser: &mut Browser| {
        location(&browser.submit(&gateway, &page, &elsewhere).await);
        let app = stored(&gateway, &page).await;
        let uris: Vec<_> = app.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect();
        assert_eq!(uris, ["com.example.shop:/signed-in"]);
        assert!(app.requested.is_some_and(|requested| requested.settings.is_some()));
        location(&browser.submit(&gateway, &page, &[("act", "withdraw")]).await);
    };
    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "")]).await);
    location(&browser.submit(&gateway, &page, &[("act", "unsubscribe echo")]).await);
    assert!(stored(&gateway, &page).await.subscriptions.is_empty());
    waits(&mut browser).await;

    // A trusted one asks its users for no consent: it is approved, and what comes after it as well.
    let trusted = [NATIVE.as_slice(), &[("trusted", "yes")]].concat();
    let page = register(&gateway, &mut browser, &home, &trusted).await;
    let token = operator(&gateway, &[REQUESTS_READ, REQUESTS_WRITE]).await;
    let id = page.rsplit('/').next().expect("an id").to_owned();
    assert_eq!(decide(&gateway, &token, &id, &json!({ "decision": "approve" })).await.status, 200);
    location(
        &browser.submit(&gateway, &page, &changed(&[("redirect_uris", "com.evil.shop:/in"), ("trusted", "yes")])).await,
    );
    assert!(stored(&gateway, &page).await.requested.is_some());
    location(&browser.submit(&gateway, &page, &changed(&[])).await);
    assert!(!stored(&gateway, &page).await.trusted, "what takes away holds at once");
    location(&browser.submit(&gateway, &page, &elsewhere).await);
    assert!(stored(&gateway, &page).await.requested.is_some());
}

/// What an administrator has closed or limited, developers neither open nor free.
#[tokio::test]
async fn a_closed_subscription_stays_closed() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    let subscribe = [("act", "subscribe"), ("api", "echo"), ("plan", "")];
    location(&browser.submit(&gateway, &page, &subscribe).await);
    let path = format!("/apps/{}/subscriptions/echo", page.rsplit('/').next().expect("an id"));
    let token = operator(&gateway, &[SUBSCRIPTIONS_WRITE]).await;
    for limit in [json!({ "enabled": false }), json!({ "enabled": true, "plan": "standard" })] {
        assert_eq!(ask(&gateway, &token, "PUT", &path, Some(&limit)).await.status, 200);
        let before = stored(&gateway, &page).await;
        for typed in [
            &[("act", "unsubscribe echo")][..],
            &[("act", "subscribe"), ("api", "echo"), ("plan", "partner")],
            &subscribe,
        ] {
            let refused = browser.submit(&gateway, &page, typed).await;
            assert!([400, 409].contains(&refused.status), "{limit} {typed:?}: {}", refused.status);
        }
        assert_eq!(stored(&gateway, &page).await, before, "{limit}");
    }
}

/// An approval brings nothing back that an operator has taken away since.
#[tokio::test]
async fn a_change_by_an_operator_drops_what_was_wanted_of_the_settings() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let wide = [NATIVE.as_slice(), &[("scope.orders:write", "yes")]].concat();
    let page = register(&gateway, &mut browser, &home, &wide).await;
    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "")]).await);
    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "orders"), ("plan", "")]).await);
    location(&browser.submit(&gateway, &page, &changed(&[("name", "Other"), ("scope.orders:write", "yes")])).await);
    let id = page.rsplit('/').next().expect("an id").to_owned();
    let token = operator(&gateway, &[APPS_WRITE]).await;
    let narrowed =
        ask(&gateway, &token, "PATCH", &format!("/apps/{id}"), Some(&json!({ "scopes": ["orders:read"] }))).await;
    assert_eq!(narrowed.status, 200, "{}", narrowed.text());
    let requested = stored(&gateway, &page).await.requested.expect("the subscription waits on");
    assert_eq!((requested.settings, requested.subscriptions.len()), (None, 1));
}

#[tokio::test]
async fn those_who_approve_get_few_mails_of_one_developer() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    for _ in 0..12 {
        location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "orders"), ("plan", "")]).await);
        location(&browser.submit(&gateway, &page, &[("act", "withdraw")]).await);
    }
    let told = sent(&gateway, "operators@example.com", 5).await;
    assert_eq!(told.len(), 5);
}

/// Of two who decide at once one does, and of an approval and a withdrawal as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_decided_once() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    let token = operator(&gateway, &[REQUESTS_READ, REQUESTS_WRITE]).await;
    let id = page.rsplit('/').next().expect("an id").to_owned();
    let path = format!("/requests/{id}");
    assert_eq!(ask(&gateway, &token, "GET", &path, None).await.status, 404, "nothing waits");
    let subscribe = [("act", "subscribe"), ("api", "orders"), ("plan", "")];
    location(&browser.submit(&gateway, &page, &subscribe).await);
    let listed = ask(&gateway, &token, "GET", "/requests", None).await.json();
    assert_eq!(listed["items"][0]["requested"]["subscriptions"], json!([{ "api": "orders", "plan": null }]));

    let approve = json!({ "decision": "approve" });
    let refuse = json!({ "decision": "refuse", "reason": "tell us more" });
    assert_eq!(
        ask(&gateway, &token, "POST", &path, Some(&approve)).await.status,
        428,
        "of what was seen, or not at all"
    );
    let (one, other) = tokio::join!(decide(&gateway, &token, &id, &approve), decide(&gateway, &token, &id, &refuse));
    // Whoever read what had been decided by then found nothing that waits.
    let both = [one.status, other.status];
    assert!(both.contains(&200) && both.iter().any(|status| [404, 409, 412].contains(status)), "{both:?}");
    let app = stored(&gateway, &page).await;
    assert_eq!((app.subscriptions.len() == 1, app.requested), (one.status == 200, None));

    // A revision that is not the one that was seen is not decided.
    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "orders"), ("plan", "partner")]).await);
    for decision in [&approve, &refuse] {
        let request = gateway.request("POST", &format!("/gateway/api/v1{path}")).bearer_auth(&token);
        let request = request.header("if-match", "\"1\"");
        assert_eq!(gateway.response(request.json(decision)).await.status, 412, "{decision}");
    }
    let wrongs = [
        json!({ "decision": "perhaps" }),
        json!({ "decision": "refuse" }),
        json!({ "decision": "refuse", "reason": "x".repeat(501) }),
        json!({ "decision": "approve", "plan": "partner" }),
    ];
    for wrong in wrongs {
        assert_eq!(decide(&gateway, &token, &id, &wrong).await.status, 400, "{wrong}");
    }
    let told = decide(&gateway, &token, &id, &refuse).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let mails = sent(&gateway, ADA.name, 2).await;
    assert!(mails.iter().any(|mail| mail.text.contains("tell us more")), "the developer learns the reason");
}

/// What proves one kind of app proves nothing of another.
#[tokio::test]
async fn another_kind_waits_once_an_app_is_known_and_ends_what_proved_the_one_before() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    let id = page.rsplit('/').next().expect("an id").to_owned();
    let server = [("kind", "confidential"), ("redirect_uris", "https://shop.example/cb"), ("acts_for_itself", "yes")];
    location(&browser.submit(&gateway, &page, &changed(&server)).await);
    let app = stored(&gateway, &page).await;
    assert_eq!((app.kind, &app.secret_hash, &app.requested), (AppKind::Confidential, &None, &None));
    assert!(browser.get(&gateway, &page).await.text().contains("until somebody makes its secret"));
    let token = async |secret: Option<&str>| {
        let request = gateway.request("POST", "/oauth2/token").basic_auth(&id, secret);
        gateway.response(request.form(&[("grant_type", "client_credentials")])).await.status
    };
    assert_eq!(token(None).await, 401, "nobody is it yet");
    let shown = browser.submit(&gateway, &page, &[("act", "rotate-secret"), ("overlap", "86400")]).await.text();
    let secret = shown.split("<code>mgs_").nth(1).and_then(|rest| rest.split('<').next()).expect("a secret");
    let secret = format!("mgs_{secret}");
    assert_eq!(token(Some(&secret)).await, 200);

    // Once it is subscribed, people and back ends know it as it is.
    location(&browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "")]).await);
    let spa = [("kind", "spa"), ("redirect_uris", "https://shop.example/cb")];
    location(&browser.submit(&gateway, &page, &changed(&spa)).await);
    let app = stored(&gateway, &page).await;
    assert_eq!((app.kind, app.secret_hash.is_some()), (AppKind::Confidential, true));
    assert_eq!(token(Some(&secret)).await, 200, "nothing of it holds");
    let operator = operator(&gateway, &[REQUESTS_READ, REQUESTS_WRITE]).await;
    let approved = decide(&gateway, &operator, &id, &json!({ "decision": "approve" })).await;
    assert_eq!((approved.status, &approved.json()["kind"]), (200, &json!("public")), "{}", approved.text());
    let app = stored(&gateway, &page).await;
    assert_eq!(
        (app.kind, app.secret_hash, app.grants.contains(&GrantType::ClientCredentials)),
        (AppKind::Public, None, false)
    );
    assert_eq!(token(Some(&secret)).await, 401);
    // In a browser nothing comes back by a scheme of its own.
    let refused =
        browser.submit(&gateway, &page, &changed(&[("kind", "spa"), ("redirect_uris", "com.example.shop:/x")])).await;
    assert!(refused.status == 400 && refused.text().contains("href=\"#redirect_uris"), "{}", refused.text());
}

/// What an operator has given stays as it is while developers change something else, and goes with what it needs.
#[tokio::test]
async fn a_grant_of_an_operator_stays_with_what_it_needs_and_brings_back_no_other() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    let id = page.rsplit('/').next().expect("an id").to_owned();
    let token = operator(&gateway, &[APPS_WRITE]).await;
    let given = json!({ "trusted": true, "grants": ["authorization_code", "refresh_token", "challenge"] });
    let changed_by_operator = ask(&gateway, &token, "PATCH", &format!("/apps/{id}"), Some(&given)).await;
    assert_eq!(changed_by_operator.status, 200, "{}", changed_by_operator.text());
    let grants = stored(&gateway, &page).await.grants;
    // Nothing is added, so nothing waits.
    let fields = [("trusted", "yes"), ("redirect_uris", "com.example.shop:/signed-in")];
    location(&browser.submit(&gateway, &page, &changed(&fields)).await);
    let app = stored(&gateway, &page).await;
    assert_eq!((&app.grants, &app.requested), (&grants, &None));
    // Another name waits, and brings no other grant.
    let named = [("trusted", "yes"), ("name", "Other shop")];
    location(&browser.submit(&gateway, &page, &changed(&named)).await);
    let requested = stored(&gateway, &page).await.requested.and_then(|requested| requested.settings);
    assert_eq!(requested.map(|settings| settings.grants), Some(grants));
    // Without trust it goes.
    location(&browser.submit(&gateway, &page, &changed(&[])).await);
    let app = stored(&gateway, &page).await;
    assert_eq!((app.trusted, app.grants.contains(&GrantType::Challenge)), (false, false));
    // No field gives it to an app.
    location(&browser.submit(&gateway, &page, &changed(&[("grants", "challenge"), ("grant.challenge", "yes")])).await);
    assert!(!stored(&gateway, &page).await.grants.contains(&GrantType::Challenge));
}

/// An application from before the challenge endpoint goes on as it is, and is told the way from there.
#[tokio::test]
async fn the_password_grant_stays_until_an_operator_takes_it() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    let sentence = "The app has the password grant";
    assert!(!browser.get(&gateway, &page).await.text().contains(sentence));
    let path = format!("/apps/{}", page.rsplit('/').next().expect("an id"));
    let token = operator(&gateway, &[APPS_WRITE]).await;
    let gives = async |grants: &[&str]| {
        let given = json!({ "trusted": true, "grants": grants });
        let changed = ask(&gateway, &token, "PATCH", &path, Some(&given)).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    };
    gives(&["authorization_code", "refresh_token", "password"]).await;
    let before = stored(&gateway, &page).await;
    let shown = browser.get(&gateway, &page).await.text();
    assert!(shown.contains(sentence) && shown.contains("the way from it is the challenge endpoint"), "{shown}");
    assert!(shown.contains("yes: it sends them by the password grant"), "{shown}");

    // What says nothing new changes nothing, and another name brings no other grant.
    location(&browser.submit(&gateway, &page, &changed(&[("trusted", "yes")])).await);
    assert_eq!(stored(&gateway, &page).await, before);
    location(&browser.submit(&gateway, &page, &changed(&[("trusted", "yes"), ("name", "Other shop")])).await);
    let wanted = stored(&gateway, &page).await.requested.and_then(|requested| requested.settings);
    assert_eq!(wanted.map(|settings| settings.grants).as_ref(), Some(&before.grants));
    location(&browser.submit(&gateway, &page, &[("act", "withdraw")]).await);
    // No developer takes it, in passing or otherwise.
    let refused = browser.submit(&gateway, &page, &changed(&[])).await;
    assert!(refused.status == 400 && alert(&refused).contains("href=\"#trusted"), "{}", refused.text());
    assert_eq!(stored(&gateway, &page).await, before);

    // The way from it, which operators go.
    gives(&["authorization_code", "refresh_token", "password", "challenge"]).await;
    let both = stored(&gateway, &page).await.grants;
    location(&browser.submit(&gateway, &page, &changed(&[("trusted", "yes")])).await);
    assert_eq!(stored(&gateway, &page).await.grants, both);
    gives(&["authorization_code", "refresh_token", "challenge"]).await;
    assert!(!browser.get(&gateway, &page).await.text().contains(sentence));
    location(&browser.submit(&gateway, &page, &changed(&[("trusted", "yes")])).await);
    assert_eq!(stored(&gateway, &page).await.grants.len(), 3);
}

/// A request that an older version has noted waits on, and gives nobody the password grant.
#[tokio::test]
async fn a_request_for_the_password_grant_is_not_approved_and_is_asked_again_for_the_challenge() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let trusted = [NATIVE.as_slice(), &[("trusted", "yes")]].concat();
    let page = register(&gateway, &mut browser, &home, &trusted).await;
    let mut app = stored(&gateway, &page).await;
    let wanted = app.requested.as_mut().and_then(|requested| requested.settings.as_mut()).expect("settings");
    wanted.grants = [GrantType::AuthorizationCode, GrantType::Password, GrantType::RefreshToken].into();
    gateway.store().apps.put(&app).await.expect("a write");
    let before = stored(&gateway, &page).await;
    let token = operator(&gateway, &[REQUESTS_READ, REQUESTS_WRITE]).await;
    let approve = json!({ "decision": "approve" });
    let id = app.client_id.to_string();
    let refused = decide(&gateway, &token, &id, &approve).await;
    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (400, &json!("grants")), "{}", refused.text());
    assert_eq!(stored(&gateway, &page).await, before);
    // The same tick, saved again, is the challenge.
    location(&browser.submit(&gateway, &page, &changed(&[("trusted", "yes")])).await);
    assert_eq!(decide(&gateway, &token, &id, &approve).await.status, 200);
    let app = stored(&gateway, &page).await;
    let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::Challenge];
    assert_eq!((app.trusted, app.grants), (true, grants.into()));
}
