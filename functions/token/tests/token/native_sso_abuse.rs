//! Abuse of shared logins: whoever has half of it, or it of another login, app or time, gets nothing. Each with its harmless twin.

use gateway_domain::id_token::ACR;
use gateway_domain::ids::UserId;
use gateway_domain::scope::Scope;
use gateway_domain::secret::Secret;
use gateway_store::GrantType;

use crate::family::{Apps, FIRST, NO_SIGN_ON, OTHER, SECOND, SHARED, STRANGER, SignedOn, THIRD, asking, exchange};
use crate::fixture::{CHEAP, Fixture, login};
use crate::hosted::{Browser, asking as page_asking, redemption};
use crate::request::decoded;

const CB: &str = "com.example.oidc:/cb";

fn alice() -> UserId {
    UserId::parse("u_alice").unwrap()
}

/// Abuse case O1.
#[tokio::test]
async fn an_app_outside_the_family_gets_nothing() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    assert_eq!(apps.exchange(STRANGER, &first).await.refusal(), (400, "unauthorized_client"), "of no family");
    assert_eq!(apps.exchange(OTHER, &first).await.refusal(), NO_SIGN_ON, "of another family");
    let theirs = apps.login(OTHER).await;
    assert_eq!(apps.exchange(SECOND, &theirs).await.refusal(), NO_SIGN_ON);
    // An app of no family shares nothing, though it asks for it.
    let stranger = apps.send(login("alice", STRANGER, SHARED)).await;
    assert_eq!((stranger.status, stranger.body.get("device_secret")), (200, None));
    // Nor does one without the grant, which operators give.
    apps.change(THIRD, |app| {
        app.grants.remove(&GrantType::NativeSso);
    })
    .await;
    assert_eq!(apps.exchange(THIRD, &first).await.refusal(), (400, "unauthorized_client"));
    assert_eq!(apps.live([OTHER, SECOND, THIRD]).await, [1, 0, 0]);
    assert_eq!(apps.exchange(SECOND, &first).await.status, 200, "the twin");
}

/// Abuse case O2: each ID token says to which secret it belongs.
#[tokio::test]
async fn the_id_token_of_another_login_does_not_fit_the_secret() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let (one, two) = (apps.login(FIRST).await, apps.login(FIRST).await);
    let bob = SignedOn::of(&apps.send(login("bob", FIRST, SHARED)).await);
    assert_ne!(one.secret, two.secret);
    for other in [&two, &bob] {
        let mixed = SignedOn { id_token: other.id_token.clone(), ..one.clone() };
        assert_eq!(apps.exchange(SECOND, &mixed).await.refusal(), NO_SIGN_ON);
    }
    // An ID token of a login that was not to be shared belongs to none.
    let plain = apps.send(login("alice", FIRST, "notes:read openid")).await;
    assert_eq!((plain.status, plain.body.get("device_secret")), (200, None));
    let mixed = SignedOn { id_token: plain.body["id_token"].as_str().unwrap().to_owned(), ..one.clone() };
    assert_eq!(apps.exchange(SECOND, &mixed).await.refusal(), NO_SIGN_ON);
    // An app does not renew itself by what it has itself.
    assert_eq!(apps.exchange(FIRST, &one).await.refusal(), NO_SIGN_ON);
    assert_eq!(apps.live([SECOND]).await, [0]);
    for whole in [&one, &two] {
        assert_eq!(apps.exchange(SECOND, whole).await.status, 200, "the twin");
    }
}

/// Abuse case O3: and nothing else takes the place of either.
#[tokio::test]
async fn half_of_it_is_nothing() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    let access = "urn:ietf:params:oauth:token-type:access_token";
    let malformed: [&[(&str, &str)]; 8] = [
        &[("actor_token", ""), ("actor_token_type", "")],
        &[("actor_token", "")],
        &[("actor_token_type", "")],
        &[("subject_token", ""), ("subject_token_type", "")],
        &[("subject_token", "")],
        &[("subject_token_type", access), ("subject_token", &first.tokens.access)],
        &[("actor_token_type", access), ("actor_token", &first.tokens.access)],
        &[("audience", "")],
    ];
    for changes in malformed {
        let response = apps.send(asking(SECOND, changes, &first)).await;
        assert_eq!(response.refusal(), (400, "invalid_request"), "{changes:?}: {}", response.text);
    }
    let refused: [&[(&str, &str)]; 5] = [
        &[("actor_token", &first.tokens.refresh)],
        &[("actor_token", &first.id_token)],
        &[("subject_token", &first.tokens.access)],
        &[("subject_token", &first.secret)],
        &[("subject_token", &first.tokens.refresh)],
    ];
    for changes in refused {
        assert_eq!(apps.send(asking(SECOND, changes, &first)).await.refusal(), NO_SIGN_ON, "{changes:?}");
    }
    let elsewhere = apps.send(asking(SECOND, &[("audience", "https://elsewhere.example")], &first)).await;
    assert_eq!(elsewhere.refusal(), (400, "invalid_target"));
    // A secret opens nothing else.
    assert_eq!(apps.refresh(FIRST, &first.secret).await.refusal(), (400, "invalid_grant"));
    assert_eq!(apps.live([FIRST, SECOND]).await, [1, 0]);
    assert_eq!(apps.exchange(SECOND, &first).await.status, 200, "the twin");
}

/// Abuse case O4: whatever ends a login ends what others could have by it.
#[tokio::test]
async fn a_secret_is_over_with_its_login() {
    let over: [&str; 6] = ["revoked", "password", "disabled", "elsewhere", "session", "nothing"];
    for what in over {
        let fixture = Box::pin(Fixture::new()).await;
        let apps = Apps::of(&fixture).await;
        let first = apps.login(FIRST).await;
        let second = SignedOn::of(&apps.exchange(SECOND, &first).await);
        let users = &fixture.db.store.users;
        match what {
            "revoked" => apps.revoke(FIRST, &first.secret).await,
            "password" => {
                let hash = crate::container::hasher(CHEAP).hash(&Secret::new("another".to_owned()), [9; 16]).unwrap();
                users.change_credentials(&alice(), Some(&hash), true).await.unwrap();
            }
            "disabled" => {
                users.change_credentials(&alice(), None, false).await.unwrap();
            }
            "elsewhere" => assert_eq!(users.end_browsers(&alice(), None).await.unwrap(), Some(1)),
            "session" => apps.revoke(FIRST, &first.tokens.refresh).await,
            _ => {}
        }
        let good = what == "nothing";
        let response = apps.exchange(THIRD, &first).await;
        assert_eq!(response.status == 200, good, "{what}: {}", response.text);
        assert!(good || response.refusal() == NO_SIGN_ON, "{what}");
        // New credentials end the sessions as well, an end alone leaves the other.
        let refreshed = apps.refresh(SECOND, &second.tokens.refresh).await.status == 200;
        assert_eq!(refreshed, ["elsewhere", "session", "nothing"].contains(&what), "{what}");
    }
}

/// Abuse case O4: whoever has copied the tokens of one app may have copied what the apps share.
#[tokio::test]
async fn reuse_in_one_app_ends_its_session_and_the_secret_and_leaves_the_others() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    let second = SignedOn::of(&apps.exchange(SECOND, &first).await);
    assert_eq!(apps.refresh(SECOND, &second.tokens.refresh).await.status, 200);
    fixture.clock.forward(1_000);
    assert_eq!(apps.refresh(SECOND, &second.tokens.refresh).await.refusal(), (400, "invalid_grant"));
    assert_eq!(apps.live([FIRST, SECOND]).await, [1, 0]);
    for client in [SECOND, THIRD] {
        assert_eq!(apps.exchange(client, &first).await.refusal(), NO_SIGN_ON, "{client}");
    }
    assert_eq!(apps.refresh(FIRST, &first.tokens.refresh).await.status, 200, "nobody has copied that");
    let anew = apps.login(FIRST).await;
    assert_eq!(apps.exchange(SECOND, &anew).await.status, 200, "the twin");
    // All of it ends by the old secret still.
    apps.revoke(FIRST, &first.secret).await;
    assert_eq!(apps.live([FIRST]).await, [1]);
}

/// Abuse case O6.
#[tokio::test]
async fn no_app_gets_more_than_its_own_scope() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    apps.change(SECOND, |app| app.scope = Scope::parse("notes:read openid").unwrap()).await;
    let first = apps.login(FIRST).await;
    for scope in ["notes:write openid", SHARED, "device_sso", "account", "gateway:users:read"] {
        let response = apps.send(asking(SECOND, &[("scope", scope)], &first)).await;
        assert_eq!(response.refusal(), (400, "invalid_scope"), "{scope}");
    }
    let response = apps.send(asking(SECOND, &[("scope", "")], &first)).await;
    assert_eq!((response.status, &response.body["scope"]), (200, &"notes:read openid".into()), "all that it has");
    // The same attempt is served what it got, whatever it asks for now.
    let narrow = asking(THIRD, &[("scope", "notes:read openid")], &first).header("Idempotency-Key", "one");
    let wide = asking(THIRD, &[("scope", SHARED)], &first).header("Idempotency-Key", "one");
    for request in [narrow, wide] {
        let served = apps.send(request).await;
        assert_eq!((served.status, &served.body["scope"]), (200, &"notes:read openid".into()), "{}", served.text);
        assert_eq!(served.body.get("device_secret"), None);
    }
    // Who is not to let others in has no secret to do it with, and no ID token that fits the one on the device.
    assert_eq!(response.body.get("device_secret"), None);
    let id_token = response.body["id_token"].as_str().unwrap().to_owned();
    let passed_on = SignedOn { id_token, ..first.clone() };
    assert_eq!(apps.exchange(THIRD, &passed_on).await.refusal(), NO_SIGN_ON);
    assert_eq!(apps.exchange(THIRD, &first).await.status, 200, "the twin");
}

/// Abuse case O7: and who has the right one does not wait.
#[tokio::test]
async fn guesses_of_secrets_are_counted() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    let (head, _) = first.secret.split_once('.').unwrap();
    let forged = SignedOn { secret: format!("{head}.{}", "A".repeat(43)), ..first.clone() };
    let unknown = SignedOn { secret: first.secret.replacen("mgd_", "mgd_A", 1), ..first.clone() };
    let unsigned = SignedOn { id_token: format!("{}x", first.id_token), ..first.clone() };
    let guesses = [&forged, &unknown, &unsigned];
    for at in 0..20 {
        assert_eq!(apps.exchange(SECOND, guesses[at % 3]).await.refusal(), NO_SIGN_ON, "{at}");
    }
    for guess in guesses {
        let refused = apps.exchange(SECOND, guess).await;
        assert_eq!(refused.refusal(), (429, "too_many_requests"));
        assert!(refused.header("Retry-After").is_some());
    }
    assert_eq!(apps.send(exchange(SECOND, &forged).from("203.0.113.9")).await.refusal(), NO_SIGN_ON, "from elsewhere");
    assert_eq!(apps.exchange(SECOND, &first).await.status, 200, "the twin");
}

/// Abuse case O8: the configuration alone makes no app one of the company.
#[tokio::test]
async fn an_app_that_is_not_trusted_is_in_no_family() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    apps.change(SECOND, |app| app.trusted = false).await;
    assert_eq!(apps.exchange(SECOND, &first).await.refusal(), (400, "unauthorized_client"));
    apps.change(SECOND, |app| (app.trusted, app.enabled) = (true, false)).await;
    assert_eq!(apps.exchange(SECOND, &first).await.refusal(), (401, "invalid_client"));
    apps.change(SECOND, |app| app.enabled = true).await;
    // Nor does one that is not trusted, or disabled, let others in any more.
    let whole = [(true, false), (false, true)];
    for (enabled, trusted) in whole {
        apps.change(FIRST, |app| (app.enabled, app.trusted) = (enabled, trusted)).await;
        assert_eq!(apps.exchange(SECOND, &first).await.refusal(), NO_SIGN_ON, "{enabled} {trusted}");
    }
    apps.change(FIRST, |app| (app.enabled, app.trusted) = (true, true)).await;
    assert_eq!(apps.exchange(SECOND, &first).await.status, 200, "the twin");
}

/// Abuse case O6: what operators take away ends at once what the logins of before could still do.
#[tokio::test]
async fn an_app_that_has_lost_a_scope_lets_nobody_in_by_a_login_of_before() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let mut first = apps.login(FIRST).await;
    for left in ["notes:read openid", "device_sso notes:read"] {
        let code = Browser::new(&fixture).logs_in(&page_asking(FIRST, CB, SHARED, &[])).await["code"].clone();
        apps.change(FIRST, |app| app.scope = Scope::parse(left).unwrap()).await;
        assert_eq!(apps.exchange(SECOND, &first).await.refusal(), NO_SIGN_ON, "{left}");
        let refreshed = apps.refresh(FIRST, &first.tokens.refresh).await;
        first.tokens = refreshed.tokens();
        let redeemed = apps.send(redemption(FIRST, &code, &[("redirect_uri", CB)])).await;
        for response in [&refreshed, &redeemed] {
            assert_eq!((response.status, response.body.get("device_secret")), (200, None), "{left}: {}", response.text);
            let id_token = response.body["id_token"].as_str();
            assert_eq!(id_token.is_some(), left.contains("openid"), "{left}");
            assert_eq!(id_token.and_then(|id_token| decoded(id_token).1.get("ds_hash").cloned()), None, "{left}");
        }
        apps.change(FIRST, |app| app.scope = Scope::parse(SHARED).unwrap()).await;
        assert_eq!(apps.exchange(SECOND, &first).await.status, 200, "the twin");
    }
    let refreshed = apps.refresh(FIRST, &first.tokens.refresh).await;
    assert!(decoded(refreshed.body["id_token"].as_str().unwrap()).1["ds_hash"].is_string(), "it has both again");
}

/// Abuse case O9: one session for each app, and none that outlives the login.
#[tokio::test]
async fn one_secret_gives_an_app_one_session_until_the_login_is_over() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let mut first = apps.login(FIRST).await;
    let mut before = None;
    for attempt in 0..4 {
        let request = exchange(SECOND, &first).header("Idempotency-Key", &format!("attempt-{attempt}"));
        let second = SignedOn::of(&apps.send(request).await);
        assert_eq!(apps.live([SECOND]).await, [1], "{attempt}");
        if let Some(before) = before.replace(second.tokens.access) {
            assert!(!fixture.calls(&before).await, "{attempt}");
        }
    }
    // Refreshed day by day, the first login ends after seven days, and what was got by it on the last of them, too.
    let mut last = None;
    for _ in 0..7 {
        first.tokens = apps.refresh(FIRST, &first.tokens.refresh).await.tokens();
        last = Some(SignedOn::of(&apps.exchange(THIRD, &first).await));
        fixture.clock.forward(86_399);
    }
    let third = apps.refresh(THIRD, &last.unwrap().tokens.refresh).await;
    assert_eq!((third.status, &third.body["authorization_expires_in"]), (200, &7.into()), "{}", third.text);
    fixture.clock.forward(7);
    assert_eq!(apps.refresh(THIRD, &third.tokens().refresh).await.refusal(), (400, "invalid_grant"));
    assert_eq!(apps.exchange(SECOND, &first).await.refusal(), NO_SIGN_ON);
}

/// Abuse case O10: a service that asks when somebody logged in takes no time of another app's login for it.
#[tokio::test]
async fn an_access_token_tells_no_login_that_its_session_has_not_seen() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    let second = SignedOn::of(&apps.exchange(SECOND, &first).await);
    let told = |access: &str| {
        let claims = decoded(access).1;
        (claims.get("auth_time").cloned(), claims.get("acr").cloned())
    };
    assert_eq!(told(&second.tokens.access), (None, None));
    let refreshed = apps.refresh(SECOND, &second.tokens.refresh).await;
    assert_eq!(told(&refreshed.tokens().access), (None, None));
    // The twin. The ID token is for the app itself, and says which of both it is.
    let password = Some(ACR.into());
    assert_eq!(told(&first.tokens.access), (Some(fixture.now().as_secs().into()), password));
    let of_app = decoded(&second.id_token).1;
    assert_eq!((&of_app["acr"], &of_app["auth_time"]), (&"0".into(), &fixture.now().as_secs().into()));
}
