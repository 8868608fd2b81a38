//! Native SSO: one login, and each app of the family has a session of its own, which end together or alone.

use futures_util::future::join_all;
use serde_json::json;
use support::ClientKey;

use crate::family::{Apps, FIRST, NO_SIGN_ON, SECOND, SHARED, SignedOn, THIRD, asking, container, exchange, families};
use crate::fixture::{Fixture, ISSUER, login, send};
use crate::hosted::{Browser, asking as page_asking, redemption};
use crate::id_tokens::verified;
use crate::renewing::Mood;
use crate::request::{decoded, request};
use crate::step_up::{delegated, optional};

const CB: &str = "com.example.oidc:/cb";

#[tokio::test]
async fn a_second_app_gets_a_session_of_its_own_by_the_login_of_the_first() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    fixture.clock.forward(100);
    let response = apps.exchange(SECOND, &first).await;
    let second = SignedOn::of(&response);
    let members = ["issued_token_type", "token_type", "scope", "authorization_expires_in"];
    let told = members.map(|name| response.body[name].clone());
    let access_token = "urn:ietf:params:oauth:token-type:access_token";
    // It ends with the first login, of seven days.
    assert_eq!(told, [json!(access_token), json!("Bearer"), json!(SHARED), json!(7 * 86_400 - 100)]);
    assert_eq!(second.secret, first.secret);
    let (_, of_first) = verified(&fixture, &first.id_token).await;
    let (_, of_second) = verified(&fixture, &second.id_token).await;
    for claim in ["iss", "sub", "auth_time", "ds_hash"] {
        assert_eq!(of_second[claim], of_first[claim], "{claim}");
    }
    assert_eq!(of_second["aud"], SECOND);
    assert_ne!(of_second["sid"], of_first["sid"]);
    let (one, two) = (fixture.session(&first.tokens.access).await, fixture.session(&second.tokens.access).await);
    assert_eq!(two.family.absolute_end, one.family.absolute_end);
    assert_eq!((two.sign_on, two.credential_epoch), (one.sign_on, one.credential_epoch));
    assert!(fixture.calls(&second.tokens.access).await && fixture.calls(&first.tokens.access).await);
    assert_eq!(apps.refresh(SECOND, &second.tokens.refresh).await.status, 200);
    assert_eq!(apps.live([FIRST, SECOND, THIRD]).await, [1, 1, 0]);
    // And so on, by the ID token of either.
    assert_eq!(apps.exchange(THIRD, &second).await.status, 200);
}

/// The way by a page gives the same, and a response that was lost gives it again.
#[tokio::test]
async fn a_code_gives_the_device_secret_as_often_as_it_is_repeated() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let code = Browser::new(&fixture).logs_in(&page_asking(FIRST, CB, SHARED, &[])).await["code"].clone();
    let redeem = || redemption(FIRST, &code, &[("redirect_uri", CB)]).header("Idempotency-Key", "one");
    let first = SignedOn::of(&apps.send(redeem()).await);
    let again = SignedOn::of(&apps.send(redeem()).await);
    assert_eq!((&again.secret, &again.tokens.refresh), (&first.secret, &first.tokens.refresh));
    assert_eq!(apps.exchange(SECOND, &again).await.status, 200);
}

/// An app shares the ID token that it has; that it has expired is no fault while its session lives.
#[tokio::test]
async fn an_old_id_token_is_as_good_as_the_newest_one() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    fixture.clock.forward(5_000);
    assert_eq!(apps.exchange(SECOND, &first).await.status, 200, "expired");
    let refreshed = apps.refresh(FIRST, &first.tokens.refresh).await;
    let newer = SignedOn { id_token: refreshed.body["id_token"].as_str().unwrap().to_owned(), ..first.clone() };
    assert_eq!(decoded(&newer.id_token).1["ds_hash"], decoded(&first.id_token).1["ds_hash"]);
    assert_eq!(refreshed.body.get("device_secret"), None, "the app has it");
    assert_eq!(apps.exchange(THIRD, &newer).await.status, 200);
    fixture.clock.forward(2 * 86_400);
    assert_eq!(apps.exchange(SECOND, &first).await.refusal(), NO_SIGN_ON, "its session was not refreshed for a day");
}

#[tokio::test]
async fn a_session_ends_alone_and_comes_back_without_a_login() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    let second = SignedOn::of(&apps.exchange(SECOND, &first).await);
    apps.revoke(SECOND, &second.tokens.refresh).await;
    assert_eq!(apps.live([FIRST, SECOND]).await, [1, 0]);
    assert!(fixture.calls(&first.tokens.access).await && !fixture.calls(&second.tokens.access).await);
    assert_eq!(apps.exchange(THIRD, &second).await.refusal(), NO_SIGN_ON, "the ID token of a session that is over");
    let back = SignedOn::of(&apps.exchange(SECOND, &first).await);
    assert_ne!(back.tokens.refresh, second.tokens.refresh);
    // Now the app that has logged in leaves, and the other stays.
    apps.revoke(FIRST, &first.tokens.refresh).await;
    assert_eq!(apps.live([FIRST, SECOND]).await, [0, 1]);
    assert_eq!(apps.refresh(SECOND, &back.tokens.refresh).await.status, 200);
    assert_eq!(apps.exchange(THIRD, &first).await.refusal(), NO_SIGN_ON);
    assert_eq!(apps.exchange(FIRST, &back).await.status, 200);
    assert_eq!(apps.live([FIRST, SECOND]).await, [1, 1]);
}

/// Each app has an ID token to share, from its exchange and from each refresh: whoever has stayed lets the others in.
#[tokio::test]
async fn the_others_come_in_by_whoever_has_stayed() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    let second = SignedOn::of(&apps.exchange(SECOND, &first).await);
    apps.revoke(FIRST, &first.tokens.refresh).await;
    assert_eq!(apps.exchange(THIRD, &first).await.refusal(), NO_SIGN_ON, "the first has left");
    let third = SignedOn::of(&apps.exchange(THIRD, &second).await);
    let back = SignedOn::of(&apps.exchange(FIRST, &third).await);
    assert_eq!((&third.secret, &back.secret), (&first.secret, &first.secret));
    assert_eq!(apps.live([FIRST, SECOND, THIRD]).await, [1, 1, 1]);
    // Two days in which the second alone is used.
    let mut stayed = second;
    for _ in 0..2 {
        fixture.clock.forward(80_000);
        let refreshed = apps.refresh(SECOND, &stayed.tokens.refresh).await;
        let id_token = refreshed.body["id_token"].as_str().unwrap().to_owned();
        stayed = SignedOn { tokens: refreshed.tokens(), id_token, ..stayed };
    }
    for gone in [&back, &third] {
        assert_eq!(apps.exchange(SECOND, gone).await.refusal(), NO_SIGN_ON, "it was not used");
    }
    for client in [FIRST, THIRD] {
        let response = apps.exchange(client, &stayed).await;
        assert_eq!(response.status, 200, "{client}: {}", response.text);
    }
}

#[tokio::test]
async fn the_device_secret_ends_all_sessions_together() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let (first, other) = (apps.login(FIRST).await, apps.login(FIRST).await);
    let second = SignedOn::of(&apps.exchange(SECOND, &first).await);
    apps.revoke(THIRD, &first.secret).await;
    assert_eq!(apps.live([FIRST, SECOND]).await, [2, 1], "an app without a session of it ends none");
    for _ in 0..2 {
        apps.revoke(SECOND, &first.secret).await;
        assert_eq!(apps.live([FIRST, SECOND]).await, [1, 0], "the other login stays");
    }
    for (client, of) in [(FIRST, &first), (SECOND, &second)] {
        assert!(!fixture.calls(&of.tokens.access).await);
        assert_eq!(apps.refresh(client, &of.tokens.refresh).await.refusal(), (400, "invalid_grant"));
    }
    assert_eq!(apps.exchange(SECOND, &first).await.refusal(), NO_SIGN_ON);
    assert_eq!(apps.exchange(SECOND, &other).await.status, 200);
}

/// Legacy systems take their time: no session waits for the logout of another one.
#[tokio::test]
async fn all_sessions_are_over_before_the_first_is_logged_out_at_a_legacy_system() {
    let fixture = Fixture::new().await;
    let function = fixture.container_with(|config| delegated(&families(config)));
    let apps = Apps { function, ..Apps::of(&fixture).await };
    let scope = "device_sso openid vault:read";
    let first = SignedOn::of(&apps.send(login("alice", FIRST, scope)).await);
    for client in [SECOND, THIRD] {
        assert_eq!(apps.send(asking(client, &[("scope", scope)], &first)).await.status, 200, "{client}");
    }
    fixture.wire.since_last();
    apps.revoke(FIRST, &first.secret).await;
    let done: Vec<_> = fixture.wire.since_last().into_iter().filter(|done| !done.starts_with("GetItem")).collect();
    // The secret, then each session and its entry, and at last what is left of their internal tokens.
    let (session, entry) = ("UpdateItem Sessions", "UpdateItem Activity");
    assert_eq!(done, [&[session][..], &[session, entry].repeat(3), &[session; 3]].concat());
    assert_eq!((fixture.vault.ends(), apps.live([FIRST, SECOND, THIRD]).await), (3, [0, 0, 0]));
}

/// Abuse case O5: the same request on two containers gives one session, and a repetition gives it again until it was used.
#[tokio::test]
async fn a_lost_response_is_fetched_again_and_makes_no_second_session() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let other = fixture.container_with(crate::family::families);
    let first = apps.login(FIRST).await;
    for key in [None, Some("attempt")] {
        let asks = || match key {
            None => exchange(SECOND, &first),
            Some(key) => exchange(SECOND, &first).header("Idempotency-Key", key),
        };
        let both = join_all([&apps.function, &other].map(|container| send(container, asks()))).await;
        let gave: Vec<_> = both.iter().map(|response| response.tokens().refresh).collect();
        assert_eq!((&gave[0], apps.live([SECOND]).await), (&gave[1], [1]));
        fixture.clock.forward(59);
        assert_eq!(apps.send(asks()).await.tokens().refresh, gave[0]);
        // What was refreshed was received.
        assert_eq!(apps.refresh(SECOND, &gave[0]).await.status, 200);
        let late = apps.send(asks()).await;
        if key.is_some() {
            assert_eq!(late.refusal(), NO_SIGN_ON, "{}", late.text);
        } else {
            assert_ne!(late.tokens().refresh, gave[0]);
        }
        assert_eq!(apps.live([SECOND]).await, [1]);
    }
}

/// Abuse case O5: of two attempts of one app the later one has its session, and the session of the other has ended.
#[tokio::test]
async fn the_loser_of_a_race_is_ended() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let other = fixture.container_with(crate::family::families);
    let first = apps.login(FIRST).await;
    for round in 0..5 {
        let asks = |container| {
            let key = format!("{round} {container}").replace(' ', "-");
            exchange(SECOND, &first).header("Idempotency-Key", &key)
        };
        let both = join_all([send(&apps.function, asks(1)), send(&other, asks(2))]).await;
        let mut live = 0;
        for response in &both {
            match response.status {
                200 => live += usize::from(fixture.calls(&response.tokens().access).await),
                _ => assert_eq!(response.refusal(), NO_SIGN_ON, "{}", response.text),
            }
        }
        assert_eq!((live, apps.live([SECOND]).await), (1, [1]), "{both:?}");
    }
}

/// Abuse case O5: a request that was held up on the way ends nothing that the app has got meanwhile.
#[tokio::test]
async fn a_late_copy_of_the_attempt_before_ends_no_session() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    let sends = async |key: &str| apps.send(exchange(SECOND, &first).header("Idempotency-Key", key)).await;
    assert_eq!(sends("one").await.status, 200);
    let second = sends("two").await.tokens();
    let late = sends("one").await;
    assert_eq!(late.refusal(), NO_SIGN_ON, "{}", late.text);
    assert!(fixture.calls(&second.access).await);
    assert_eq!(apps.refresh(SECOND, &second.refresh).await.status, 200);
    assert_eq!((sends("three").await.status, apps.live([SECOND]).await), (200, [1]), "the twin");
}

/// Each app has a key of its own: the secret is bound to none, but who has none gets nothing of a login that has one.
#[tokio::test]
async fn by_a_login_with_a_key_only_an_app_with_a_key_of_its_own_comes_in() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let keys = [ClientKey::new(), ClientKey::new()];
    let proof =
        |key: &ClientKey| key.proof("POST", &format!("{ISSUER}/oauth2/token"), fixture.now().as_secs()).signed();
    let first = SignedOn::of(&apps.send(login("alice", FIRST, SHARED).header("DPoP", &proof(&keys[0]))).await);
    assert_eq!(apps.exchange(SECOND, &first).await.refusal(), (400, "invalid_dpop_proof"));
    let bound = apps.send(exchange(SECOND, &first).header("DPoP", &proof(&keys[1]))).await;
    assert_eq!(bound.body["token_type"], "DPoP", "{}", bound.text);
    let second = SignedOn::of(&bound);
    assert_eq!(decoded(&second.tokens.access).1["cnf"]["jkt"], keys[1].thumbprint());
    assert_eq!(apps.refresh(SECOND, &second.tokens.refresh).await.refusal(), (400, "invalid_dpop_proof"));
    let refresh = crate::fixture::refresh(SECOND, &second.tokens.refresh).header("DPoP", &proof(&keys[1]));
    assert_eq!(apps.send(refresh).await.status, 200);
}

/// A system that takes passwords has no session of it. An app for which nothing else is left learns that at its first call.
#[tokio::test]
async fn what_takes_a_password_is_not_there_without_a_login() {
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    let (logins, scope) = (fixture.legacy.logins(), [("scope", "openid orders:read")]);
    let response = apps.send(asking(SECOND, &scope, &first)).await;
    let session = fixture.session(&response.tokens().access).await;
    assert_eq!((session.tokens.len(), fixture.legacy.logins()), (0, logins), "nobody was asked");
    assert_eq!(response.body.get("device_secret"), None, "without device_sso");
    let told = decoded(response.body["id_token"].as_str().unwrap()).1;
    assert_eq!((told.get("ds_hash"), &told["acr"], told.get("amr")), (None, &json!("0"), None), "nothing was shown");
    assert_eq!(apps.refresh(SECOND, &response.tokens().refresh).await.status, 200);
    // It still ends with the others.
    apps.revoke(FIRST, &first.secret).await;
    assert_eq!(apps.live([FIRST, SECOND]).await, [0, 0]);
}

/// As at any login, no session begins that would be of no use; the one that the app has stays, and the same attempt goes on.
#[tokio::test]
async fn an_exchange_for_which_no_system_answers_changes_nothing_and_is_sent_again() {
    let fixture = Fixture::new().await;
    let function = fixture.container_with(|config| optional(&families(config)));
    let apps = Apps { function, ..Apps::of(&fixture).await };
    let first = apps.login(FIRST).await;
    let before = apps.exchange(SECOND, &first).await.tokens();
    let scope = [("scope", "openid vault:read")];
    let asks = || asking(SECOND, &scope, &first).header("Idempotency-Key", "one");
    fixture.vault.is(Mood::IsDown);
    fixture.wire.since_last();
    assert_eq!(apps.send(asks()).await.refusal(), (503, "temporarily_unavailable"));
    let done = fixture.wire.since_last();
    assert!(done.iter().all(|operation| operation.starts_with("GetItem")), "{done:?}");
    assert!(fixture.calls(&before.access).await);
    fixture.vault.is(Mood::Renews);
    let second = apps.send(asks()).await;
    let tokens = second.tokens();
    assert_eq!((fixture.versions(&tokens.access).await, apps.live([SECOND]).await), (vec![1], [1]), "{}", second.text);
    assert_eq!(apps.refresh(SECOND, &tokens.refresh).await.status, 200);
}

#[tokio::test]
async fn the_metadata_tell_of_it_where_there_are_families() {
    let fixture = Fixture::new().await;
    let with = container(&fixture).await;
    let metadata = |response: crate::request::Response| response.body;
    let told = metadata(send(&with, request("GET", "/.well-known/openid-configuration")).await);
    assert_eq!(told["native_sso_supported"], true);
    assert!(told["scopes_supported"].as_array().unwrap().contains(&json!("device_sso")), "{told}");
    let told = metadata(fixture.send(request("GET", "/.well-known/openid-configuration")).await);
    assert_eq!(told.get("native_sso_supported"), None);
    assert!(!told["scopes_supported"].as_array().unwrap().contains(&json!("device_sso")), "{told}");
    // There, nothing of a login is shared, also for an app that may.
    let login = fixture.send(login("alice", FIRST, SHARED)).await;
    assert_eq!((login.status, login.body.get("device_secret")), (200, None));
    let nobody = SignedOn { tokens: login.tokens(), id_token: "x".into(), secret: "x".into() };
    assert_eq!(fixture.send(exchange(SECOND, &nobody)).await.refusal(), (400, "unsupported_grant_type"));
}

/// What an exchange costs: a change here is a change of the bill.
#[tokio::test]
async fn an_exchange_costs_what_it_should() {
    const APP: &str = "GetItem Apps";
    const READ: &str = "GetItem Sessions";
    const USER: &str = "GetItem Users";
    const PLACE: &str = "UpdateItem Sessions";
    const WRITE: &str = "PutItem Sessions";
    const ENTRY: &str = "UpdateItem Activity";
    let fixture = Fixture::new().await;
    let apps = Apps::of(&fixture).await;
    let first = apps.login(FIRST).await;
    fixture.wire.since_last();
    let asks = || exchange(SECOND, &first).header("Idempotency-Key", "one");
    let second = SignedOn::of(&apps.send(asks()).await);
    let begin = [WRITE, READ, ENTRY, USER, READ, READ];
    assert_eq!(fixture.wire.since_last(), [&[APP, READ, READ, APP, USER, PLACE][..], &begin].concat());
    assert_eq!(apps.send(asks()).await.status, 200);
    assert_eq!(fixture.wire.since_last(), [&[APP, READ, READ, APP, USER, READ][..], &begin].concat(), "again");
    apps.revoke(SECOND, &second.secret).await;
    assert_eq!(fixture.wire.since_last(), [APP, READ, PLACE, READ, PLACE, ENTRY, PLACE, ENTRY], "together");
}
