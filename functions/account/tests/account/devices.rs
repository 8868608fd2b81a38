//! Devices of an owner: seen, named, revoked, and of no use when the account is closed.

use gateway_domain::ids::UserId;
use gateway_domain::outbox::{Kind, Which};
use gateway_store::{Device, QueuedEnding};

use crate::browser::{Browser, location};
use crate::fixture::{Fixture, GATEWAY, PASSWORD};

const ADA: &str = "ada@example.com";
const PAGE: &str = "/account/devices";

impl Fixture {
    /// A device that is linked to somebody whose credentials are of epoch 1.
    pub(crate) async fn linked(&self, name: &str, user: &UserId) -> UserId {
        support::linked(&self.db.store, name, "shop", (user, self.now())).await
    }

    async fn device(&self, id: &UserId) -> Device {
        self.db.store.devices.get(id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn an_owner_sees_names_and_revokes_devices() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    assert!(browser.get(&fixture, PAGE).await.text.contains("No device is linked"));
    let (one, other) = (fixture.linked("one", &owner).await, fixture.linked("other", &owner).await);
    let form = browser.open(&fixture, PAGE).await;
    let named = browser.fill(&fixture, &form, &[("device", one.as_str()), ("name", " Ada’s <phone> ")]).await;
    assert_eq!((named.status, location(&named)), (303, "/account/devices?saved=yes"), "{}", named.text);
    assert_eq!(fixture.device(&one).await.name.as_deref(), Some("Ada’s <phone>"));
    assert_eq!(fixture.device(&other).await.name, None);
    let page = browser.get(&fixture, location(&named)).await.text;
    assert!(page.contains("Saved.") && page.contains("Ada’s &#60;phone&#62;"), "{page}");
    let file = browser.get(&fixture, "/account/data").await.text;
    assert!(file.contains("\"device_id\":\"device:one\"") && file.contains("device:other"), "{file}");

    let revoked = browser.fill(&fixture, &form, &[("device", one.as_str()), ("name", "x"), ("revoke", "yes")]).await;
    assert_eq!((revoked.status, location(&revoked)), (303, PAGE), "{}", revoked.text);
    let device = fixture.device(&one).await;
    assert!(device.revoked_at.is_some() && device.user_id.is_none() && device.name.is_none(), "{device:?}");
    let page = browser.get(&fixture, PAGE).await.text;
    assert!(!page.contains("device:one") && page.contains("device:other"), "{page}");
    // Its sessions end by what waits in the outbox.
    let (outbox, now) = (&fixture.db.store.outbox, fixture.now());
    let due = outbox.due(Kind::EndSessions, now, 10).await.unwrap();
    let ending = outbox.claim::<QueuedEnding>(&due[0], now, now).await.unwrap().unwrap();
    assert_eq!((due.len(), ending.user_id, ending.which), (1, one.clone(), Which::BegunBefore(0)));
    // Once more, from a page that was open: there is no such device, and nothing happens.
    assert_eq!(browser.fill(&fixture, &form, &[("device", one.as_str()), ("revoke", "yes")]).await.status, 303);
    assert_eq!(outbox.due(Kind::EndSessions, now, 10).await.unwrap(), due);
}

#[tokio::test]
async fn a_wrong_name_is_told_at_the_device_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    let id = fixture.linked("one", &owner).await;
    let form = browser.open(&fixture, PAGE).await;
    let long = "x".repeat(65);
    for (typed, told) in [("", "Please fill this in."), (" \u{7}", "Please fill this in."), (&long, "64")] {
        let refused = browser.fill(&fixture, &form, &[("device", id.as_str()), ("name", typed)]).await;
        assert_eq!(refused.status, 400, "{typed:?} {}", refused.text);
        let (_, mistake) = refused.text.split_once("id=\"name-0-mistake\">").unwrap();
        assert!(mistake.split('<').next().unwrap().contains(told), "{typed:?} {}", refused.text);
        assert_eq!(refused.text.contains(&long), typed == long, "what was typed is kept");
    }
    assert_eq!(fixture.device(&id).await.name, None);
    let longest = &long[1..];
    assert_eq!(browser.fill(&fixture, &form, &[("device", id.as_str()), ("name", longest)]).await.status, 303);
    assert_eq!(fixture.device(&id).await.name.as_deref(), Some(longest));
}

/// Nobody's but the owner's: a device is found by whose it is, not by its id.
#[tokio::test]
async fn nobody_names_or_revokes_a_device_of_somebody_else() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let bob = fixture.owner("bob@example.com", false).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    let (own, his) = (fixture.linked("one", &owner).await, fixture.linked("his", &bob).await);
    let before = fixture.device(&his).await;
    let form = browser.open(&fixture, PAGE).await;
    assert!(!browser.get(&fixture, PAGE).await.text.contains(his.as_str()));
    for fields in [vec![("name", "mine")], vec![("revoke", "yes")]] {
        for device in [his.as_str(), "device:unknown", "no id", ""] {
            let sent = browser.fill(&fixture, &form, &[&fields[..], &[("device", device)]].concat()).await;
            assert_eq!((sent.status, location(&sent)), (303, PAGE), "{device} {}", sent.text);
        }
    }
    assert_eq!(fixture.device(&his).await, before);
    assert_eq!(browser.fill(&fixture, &form, &[("device", own.as_str()), ("revoke", "yes")]).await.status, 303);
    assert!(fixture.device(&own).await.revoked_at.is_some(), "the twin");
}

#[tokio::test]
async fn who_closes_the_account_has_no_device_any_more() {
    for closing in ["/account/disable", "/account/delete"] {
        let fixture = Fixture::new().await;
        let owner = fixture.owner(ADA, true).await.user_id;
        let mut browser = Browser::of(&fixture, ADA).await;
        let ids = [fixture.linked("one", &owner).await, fixture.linked("other", &owner).await];
        let closed = browser.submit(&fixture, closing, &[("current_password", PASSWORD)]).await;
        assert_eq!(closed.status, 303, "{closing} {}", closed.text);
        for id in &ids {
            let device = fixture.device(id).await;
            assert!(device.revoked_at.is_some() && device.user_id.is_none(), "{closing} {device:?}");
        }
        assert_eq!(fixture.db.store.devices.linked_to(&owner).await.unwrap(), [], "{closing}");
    }
}

/// What was linked while there were devices is found, also when there are none any more; only where there can be any, the account leads there.
#[tokio::test]
async fn the_account_leads_to_the_devices_where_there_are_any() {
    for (more, leads) in [("", false), ("devices: { scope: a }\n", true)] {
        let fixture = Fixture::of(&format!("{GATEWAY}{more}")).await;
        fixture.owner(ADA, true).await;
        let mut browser = Browser::of(&fixture, ADA).await;
        assert_eq!(browser.get(&fixture, "/account").await.text.contains(PAGE), leads);
        assert_eq!(browser.get(&fixture, PAGE).await.status, 200);
    }
}
