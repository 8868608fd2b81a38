//! A login on a device links it to who logs in, and to nobody else ever after.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use gateway_domain::ids::UserId;
use gateway_store::MAX_DEVICES;
use support::{ClientKey, Last, Verdict, dying};
use tokio::sync::Semaphore;

use crate::dpop::Keyed;
use crate::fixture::{Fixture, ISSUER, PASSWORD, login, send};
use crate::hosted::{Browser, NATIVE, asking, redemption};
use crate::phone::{MOBILE, NO_DEVICE, NO_GRANT, OTHER_MOBILE, Phone, TOKEN, login_on};
use crate::request::{Request, decoded, post};

impl Fixture {
    /// The devices of a user of these tests.
    async fn devices_of(&self, name: &str) -> Vec<String> {
        let user = UserId::parse(&format!("u_{name}")).unwrap();
        let devices = self.db.store.devices.linked_to(&user).await.unwrap();
        devices.into_iter().map(|id| id.to_string()).collect()
    }

    /// Links so many devices to a user of these tests.
    async fn crowd(&self, name: &str, devices: usize) {
        let user = UserId::parse(&format!("u_{name}")).unwrap();
        for number in 0..devices {
            support::linked(&self.db.store, &format!("{name}-{number}"), MOBILE, (&user, self.now())).await;
        }
    }

    /// A code for alice in an application.
    async fn code_for(&self, client: &str) -> String {
        Browser::new(self).logs_in(&asking(client, NATIVE, "notes:read", &[])).await["code"].clone()
    }
}

/// A login of alice on the device, into a session that is there.
fn into_session(phone: &Phone<'_>, refresh: &str) -> Request {
    let form = [("grant_type", "password"), ("client_id", phone.client), ("username", "alice@example.com")];
    let session = [("password", PASSWORD), ("refresh_token", refresh)];
    post(TOKEN, &[&form[..], &session, &[("device_assertion", &phone.link_assertion())]].concat())
}

#[tokio::test]
async fn a_login_links_the_device_which_stays_what_it_is() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let before = fixture.send(phone.asks()).await;
    assert_eq!(phone.owner().await, None);
    let tokens = fixture.send(phone.login("alice")).await.tokens();
    assert_eq!(decoded(&tokens.access).1["sub"], "u_alice", "it is a login as any other");
    assert_eq!(phone.owner().await, Some(("u_alice".to_owned(), fixture.now())));
    assert_eq!(fixture.devices_of("alice").await, std::slice::from_ref(&phone.id));
    // Its own tokens are those of the device, as before.
    let after = fixture.send(phone.asks()).await;
    assert_eq!(after.body["scope"], before.body["scope"]);
    let claims = [before, after].map(|response| decoded(&response.tokens().access).1);
    assert_eq!((&claims[0]["sub"], &claims[0]["sid"]), (&claims[1]["sub"], &claims[1]["sid"]));

    // Who logs in again on it, also into a session, has it already: nothing more is written.
    let linked_at = phone.owner().await;
    fixture.clock.forward(10);
    for request in [phone.login("alice"), into_session(&phone, &tokens.refresh)] {
        fixture.wire.since_last();
        assert_eq!(fixture.send(request).await.status, 200);
        assert!(!fixture.wire.seen("TransactWriteItems", ""));
    }
    assert_eq!(phone.owner().await, linked_at);
}

#[tokio::test]
async fn a_code_and_a_login_into_a_session_link_the_device_too() {
    let fixture = Fixture::new().await;
    let (one, other) = (Phone::registered(&fixture, MOBILE).await, Phone::registered(&fixture, MOBILE).await);
    let code = fixture.code_for(MOBILE).await;
    let tokens = fixture.send(redemption(MOBILE, &code, &[("device_assertion", &one.link_assertion())])).await.tokens();
    assert_eq!(fixture.devices_of("alice").await, std::slice::from_ref(&one.id));
    assert_eq!(fixture.send(into_session(&other, &tokens.refresh)).await.status, 200);
    let devices: BTreeSet<_> = fixture.devices_of("alice").await.into_iter().collect();
    assert_eq!(devices, BTreeSet::from([one.id, other.id]));
}

/// Abuse case L4: two people are never made one, and who has not shown the password is told nothing of it.
#[tokio::test]
async fn a_login_on_another_persons_device_is_refused_to_who_knows_the_password() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    assert_eq!(fixture.send(phone.login("bob")).await.status, 200);
    let refused = fixture.send(phone.login("alice")).await;
    assert_eq!(refused.refusal(), NO_DEVICE);
    assert!(refused.text.contains("another person"), "{}", refused.text);
    assert_eq!(fixture.sessions_of("u_alice", MOBILE).await, 0);
    // What a wrong password is answered with tells nothing of whose the device is.
    let wrong = login_on(MOBILE, "alice", "wrong", &phone.link_assertion());
    let elsewhere = Phone::registered(&fixture, MOBILE).await;
    let twin = login_on(MOBILE, "alice", "wrong", &elsewhere.link_assertion());
    let [wrong, twin] = [fixture.send(wrong).await, fixture.send(twin).await];
    assert_eq!((wrong.refusal(), &wrong.text), (NO_GRANT, &twin.text));
    let code = fixture.code_for(MOBILE).await;
    let redeemed = redemption(MOBILE, &code, &[("device_assertion", &phone.link_assertion())]);
    assert_eq!(fixture.send(redeemed).await.refusal(), NO_DEVICE);
    assert_eq!(phone.owner().await.unwrap().0, "u_bob");
    // The twins: the code is still good, without the device or with one that is nobody's.
    let redeemed = redemption(MOBILE, &code, &[("device_assertion", &elsewhere.link_assertion())]);
    assert_eq!(fixture.send(redeemed).await.status, 200);
    assert_eq!(fixture.devices_of("alice").await, std::slice::from_ref(&elsewhere.id));
    assert_eq!(fixture.send(phone.login("bob")).await.status, 200);
}

/// Who repeats a redemption with another key gets nothing, and no device is linked by it.
#[tokio::test]
async fn a_redemption_that_another_key_repeats_links_nothing() {
    let fixture = Fixture::new().await;
    let (holder, other) = (Keyed::new(&fixture), Keyed::new(&fixture));
    let phone = Phone::registered(&fixture, MOBILE).await;
    let code = fixture.code_for(MOBILE).await;
    let first = redemption(MOBILE, &code, &[]).header("Idempotency-Key", "one");
    assert_eq!(holder.send(first).await.status, 200);
    let shows =
        || redemption(MOBILE, &code, &[("device_assertion", &phone.link_assertion())]).header("Idempotency-Key", "one");
    assert_eq!(other.send(shows()).await.refusal(), NO_GRANT);
    assert_eq!(phone.owner().await, None);
    assert_eq!(holder.send(shows()).await.status, 200);
    assert_eq!(fixture.devices_of("alice").await, std::slice::from_ref(&phone.id), "the twin");
}

/// Of two people who log in on it at once one gets it, and the other has no session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_people_at_once_one_gets_the_device() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let containers = [fixture.container(), fixture.container()];
    let logins = ["alice", "bob"].iter().zip(&containers).map(|(name, container)| send(container, phone.login(name)));
    let outcomes = join_all(logins).await;
    let owner = phone.owner().await.unwrap().0;
    for (name, outcome) in ["alice", "bob"].iter().zip(outcomes) {
        let user = format!("u_{name}");
        let (status, sessions) = if user == owner { (200, 1) } else { (400, 0) };
        assert_eq!((outcome.status, fixture.sessions_of(&user, MOBILE).await), (status, sessions), "{}", outcome.text);
    }
}

/// Abuse case L8: told to who has shown the password, before anything begins or a code is used up.
#[tokio::test]
async fn a_device_too_many_is_not_linked_and_its_user_logs_in_without_it() {
    let fixture = Fixture::new().await;
    let (known, new) = (Phone::registered(&fixture, MOBILE).await, Phone::registered(&fixture, MOBILE).await);
    assert_eq!(fixture.send(known.login("alice")).await.status, 200);
    fixture.crowd("alice", MAX_DEVICES - 1).await;
    let code = fixture.code_for(MOBILE).await;
    let redeem = |assertion: &str| redemption(MOBILE, &code, &[("device_assertion", assertion)]);
    for request in [new.login("alice"), redeem(&new.link_assertion())] {
        fixture.wire.since_last();
        let refused = fixture.send(request).await;
        assert_eq!(refused.refusal(), NO_DEVICE);
        assert!(refused.text.contains("/account/devices"), "{}", refused.text);
        let begun = ["PutItem", "UpdateItem"].iter().any(|name| fixture.wire.seen(name, "Sessions"));
        assert!(!begun && !fixture.wire.seen("UpdateItem", "PendingSessions"));
    }
    let wrong = login_on(MOBILE, "alice", "wrong", &new.link_assertion());
    assert_eq!(fixture.send(wrong).await.refusal(), NO_GRANT, "who has not shown the password is not told");
    assert_eq!((new.owner().await, fixture.devices_of("alice").await.len()), (None, MAX_DEVICES));
    // The twins: the same code without the device, a login without one, one on a device that is hers, and somebody else's.
    assert_eq!(fixture.send(redemption(MOBILE, &code, &[])).await.status, 200);
    assert_eq!(fixture.send(login("alice", MOBILE, "notes:read")).await.status, 200);
    assert_eq!(fixture.send(known.login("alice")).await.status, 200);
    let bobs = Phone::registered(&fixture, MOBILE).await;
    assert_eq!(fixture.send(bobs.login("bob")).await.status, 200);
    // Where one is removed, there is room for another.
    fixture.revoke(&known.device_id()).await;
    assert_eq!(fixture.send(new.login("alice")).await.status, 200);
    assert_eq!(fixture.devices_of("alice").await.len(), MAX_DEVICES);
}

/// Abuse case L8: also where both have seen, each in its container, that there is room for one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_logins_at_once_one_gets_the_last_place_and_the_other_has_no_session() {
    let fixture = Fixture::new().await;
    fixture.crowd("alice", MAX_DEVICES - 1).await;
    let phones = [Phone::registered(&fixture, MOBILE).await, Phone::registered(&fixture, MOBILE).await];
    let containers = [fixture.container(), fixture.container()];
    let (gate, mut links) = (Arc::new(Semaphore::new(0)), 0);
    fixture.wire.script(move |operation| {
        if operation.name != "TransactWriteItems" {
            return Verdict::Forward;
        }
        links += 1;
        if links == 2 {
            gate.add_permits(100);
        }
        Verdict::Hold(Arc::clone(&gate))
    });
    let logins = phones.iter().zip(&containers).map(|(phone, container)| send(container, phone.login("alice")));
    let outcomes = join_all(logins).await;
    fixture.wire.calm();
    let linked = fixture.devices_of("alice").await;
    assert_eq!(linked.len(), MAX_DEVICES);
    for (phone, outcome) in phones.iter().zip(outcomes) {
        if linked.contains(&phone.id) {
            assert_eq!(outcome.status, 200, "{}", outcome.text);
        } else {
            assert_eq!(outcome.refusal(), NO_DEVICE);
            assert!(outcome.text.contains("/account/devices"), "{}", outcome.text);
        }
    }
    assert_eq!(fixture.sessions_of("u_alice", MOBILE).await, 1);
}

/// Abuse cases L1, L3: before a password is looked at, whether it is right or wrong.
#[tokio::test]
async fn a_login_whose_device_is_none_of_the_app_is_refused_before_anything_else() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let foreign = Phone::registered(&fixture, OTHER_MOBILE).await;
    let revoked = Phone::registered(&fixture, MOBILE).await;
    fixture.revoke(&revoked.device_id()).await;
    let (used, now) = (phone.link_assertion(), fixture.now().as_secs());
    assert_eq!(fixture.send(login_on(MOBILE, "bob", "wrong", &used)).await.refusal(), NO_GRANT);
    let mut texts = BTreeSet::new();
    for (number, assertion) in [
        foreign.link_assertion(),
        revoked.link_assertion(),
        used,
        phone.assertion(),
        ClientKey::new().link_assertion(&phone.id, ISSUER, now),
        ClientKey::new().link_assertion("device:unknown", ISSUER, now),
        phone.id.clone(),
        phone.key.proof("POST", &format!("{ISSUER}{TOKEN}"), now).signed(),
    ]
    .iter()
    .enumerate()
    {
        for password in [PASSWORD, "wrong"] {
            fixture.wire.since_last();
            let source = format!("192.0.2.{number}");
            let response = fixture.send(login_on(MOBILE, "alice", password, assertion).from(&source)).await;
            assert_eq!(response.refusal(), NO_DEVICE, "{number}");
            assert!(!fixture.wire.seen("GetItem", "Users"), "{number}");
            texts.insert(response.text);
        }
    }
    let code = fixture.code_for(MOBILE).await;
    let redeemed = redemption(MOBILE, &code, &[("device_assertion", &foreign.link_assertion())]);
    assert_eq!(fixture.send(redeemed).await.refusal(), NO_DEVICE);
    assert_eq!((texts.len(), fixture.sessions_of("u_alice", MOBILE).await), (1, 0), "{texts:?}");
    // Where an app has no devices, a login is one without.
    assert_eq!(fixture.send(login_on("pub1", "alice", PASSWORD, &phone.link_assertion())).await.status, 200);
    assert_eq!(phone.owner().await, None);
    assert_eq!(fixture.send(redemption(MOBILE, &code, &[])).await.status, 200);
    assert_eq!(fixture.send(phone.login("alice")).await.status, 200, "the twin");
}

/// Whoever logs in again, with a new assertion, has the device; until then nobody has it without the person.
#[tokio::test]
async fn a_login_that_dies_is_repeated() {
    for most in 0..20 {
        for last in [Last::Unanswered, Last::Answered] {
            let fixture = Box::pin(Fixture::new()).await;
            let phone = Phone::registered(&fixture, MOBILE).await;
            let container = fixture.container();
            fixture.wire.script(dying(most, last));
            let died = send(&container, phone.login("alice")).await;
            fixture.wire.calm();
            if died.status == 200 && matches!(last, Last::Answered) {
                assert_eq!(fixture.devices_of("alice").await, std::slice::from_ref(&phone.id));
                assert!(most > 5, "the assertion, counters, the session, the link");
                return;
            }
            assert!(died.status == 503 || died.status == 200, "{most} {last:?} {}", died.text);
            let listed = !fixture.devices_of("alice").await.is_empty();
            assert_eq!(phone.owner().await.is_some(), listed, "{most} {last:?}");
            let tokens = fixture.send(phone.login("alice")).await.tokens();
            assert!(fixture.calls(&tokens.access).await, "{most} {last:?}");
            assert_eq!(fixture.devices_of("alice").await, std::slice::from_ref(&phone.id), "{most} {last:?}");
        }
    }
    panic!("the login has no end");
}

/// A code is redeemed again by the same attempt, with another assertion: the first one was used.
#[tokio::test]
async fn a_code_whose_link_failed_is_redeemed_by_the_same_attempt() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let code = fixture.code_for(MOBILE).await;
    let attempt = || {
        let redeemed = redemption(MOBILE, &code, &[("device_assertion", &phone.link_assertion())]);
        redeemed.header("Idempotency-Key", "one")
    };
    fixture.wire.script(
        |operation| {
            if operation.name == "TransactWriteItems" { Verdict::Fail } else { Verdict::Forward }
        },
    );
    assert_eq!(fixture.send(attempt()).await.refusal(), (503, "temporarily_unavailable"));
    fixture.wire.calm();
    assert_eq!(phone.owner().await, None);
    let first = fixture.send(attempt()).await.tokens();
    assert_eq!(fixture.devices_of("alice").await, std::slice::from_ref(&phone.id));
    assert_eq!(fixture.send(attempt()).await.tokens().refresh, first.refresh, "and so is a lost response");
}

/// After a refresh the redemption is over, and so is what it could link.
#[tokio::test]
async fn a_redemption_that_comes_after_a_refresh_links_nothing() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let code = fixture.code_for(MOBILE).await;
    let attempt = |more: &[(&str, &str)]| redemption(MOBILE, &code, more).header("Idempotency-Key", "one");
    let tokens = fixture.send(attempt(&[])).await.tokens();
    assert_eq!(fixture.refresh(MOBILE, &tokens.refresh).await.status, 200);
    let late = fixture.send(attempt(&[("device_assertion", &phone.link_assertion())])).await;
    assert_eq!((late.refusal(), phone.owner().await), (NO_GRANT, None));
}

#[tokio::test]
async fn a_login_into_a_session_that_does_not_link_the_device_leaves_the_session() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let tokens = fixture.send(login("alice", MOBILE, "notes:read")).await.tokens();
    fixture.wire.script(
        |operation| {
            if operation.name == "TransactWriteItems" { Verdict::Fail } else { Verdict::Forward }
        },
    );
    let failed = fixture.send(into_session(&phone, &tokens.refresh)).await;
    assert_eq!(failed.refusal(), (503, "temporarily_unavailable"));
    fixture.wire.calm();
    // Longer than a lost response is repeated: the token was not spent.
    fixture.clock.forward(3600);
    assert_eq!(fixture.send(into_session(&phone, &tokens.refresh)).await.status, 200);
    assert_eq!(phone.owner().await.unwrap().0, "u_alice");
}

/// Abuse case L4: somebody else may have made the account with the address of its owner, and the owner shall not find their device in it.
#[tokio::test]
async fn before_the_address_is_proved_a_login_links_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.add_user("erin").await;
    let erin = fixture.db.store.users.get(&id).await.unwrap().unwrap();
    let email = gateway_domain::address::Address::parse("erin2@example.com").unwrap();
    let user_id = UserId::parse("u_erin2").unwrap();
    let unproved = gateway_store::User { user_id, email, email_verified: false, ..erin };
    fixture.db.store.users.create(&unproved).await.unwrap();
    let early = "accounts: { sign_up: true, login_before_verification: true }\ndevices:";
    let container = fixture.container_with(|config| config.replacen("devices:", early, 1));
    let phone = Phone::registered(&fixture, MOBILE).await;
    assert_eq!(send(&container, phone.login("erin2")).await.status, 200);
    assert_eq!((phone.owner().await, fixture.devices_of("erin2").await), (None, Vec::new()));
    assert_eq!(send(&container, phone.login("erin")).await.status, 200, "the twin");
    assert_eq!(phone.owner().await.unwrap().0, "u_erin");
}

/// What a login costs more on a device: one read and one use, and the first time a read of the person's others and a transaction.
#[tokio::test]
async fn what_a_link_costs() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let without = login("alice", MOBILE, "notes:read");
    let cost = async |request: Request| {
        fixture.wire.since_last();
        assert_eq!(fixture.send(request).await.status, 200);
        fixture.wire.since_last()
    };
    // The source is known, and the session is not the first.
    for _ in 0..2 {
        cost(without.clone()).await;
    }
    let mut expected = cost(without).await;
    drop(expected.splice(1..1, ["GetItem Devices", "UpdateItem LoginAttempts"].map(str::to_owned)));
    let mut linking = expected.clone();
    let begins = linking.iter().position(|operation| operation == "PutItem Sessions").unwrap();
    linking.insert(begins, "GetItem Devices".to_owned());
    linking.push("TransactWriteItems ".to_owned());
    assert_eq!(cost(phone.login("alice")).await, linking);
    assert_eq!(cost(phone.login("alice")).await, expected);
}
