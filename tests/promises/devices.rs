//! Tests of devices: a key is registered once, a device is one person's, and what was revoked stays so.

use crate::versions::items;
use crate::{DAY, NOW, app, at_once, user, users};
use gateway_domain::holder_key::HolderKey;
use gateway_domain::ids::{ClientId, OutboxId, UserId};
use gateway_domain::outbox::{Kind, Which};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{Device, Linked, MAX_DEVICES, NewEnding, Store, StoreError};
use support::{DynamoDb, dynamodb};

/// A device of an application that nobody has linked.
pub(crate) fn device(client_id: ClientId) -> Device {
    let key = HolderKey::of_nobody();
    Device {
        device_id: UserId::of_device(&client_id, &key.thumbprint()),
        client_id,
        key,
        name: Some("Ada’s phone".to_owned()),
        created_at: NOW,
        used_at: NOW,
        user_id: None,
        linked_at: None,
        revoked_at: None,
    }
}

pub(crate) fn ending(byte: u8) -> NewEnding {
    let (id, user_id) = (OutboxId::from_random([byte; 16]), device(app()).device_id);
    NewEnding { id, user_id, which: Which::BegunBefore(0), due: NOW, until: NOW.saturating_add(DAY) }
}

/// The tables with two people, whose credentials are of epoch 1, and a device.
async fn with_people() -> DynamoDb {
    let db = dynamodb().await;
    for (id, email) in [(user().as_str(), "ada@example.com"), ("user-2", "bob@example.com")] {
        db.store.users.create(&users::user(id, email)).await.unwrap();
    }
    assert_eq!(db.store.devices.register(&device(app())).await, Ok(None));
    db
}

async fn link(store: &Store, id: &str) -> Result<Linked, StoreError> {
    let person = UserId::parse(id).unwrap();
    store.devices.link(&device(app()), (&person, 1), &store.users, NOW).await
}

async fn stored(store: &Store) -> Device {
    store.devices.get(&device(app()).device_id).await.unwrap().unwrap()
}

async fn swept_at(db: &DynamoDb) -> Option<i64> {
    let all = items(db, &db.tables.devices).await;
    let item = all.iter().find(|item| item.contains_key("client_id")).unwrap();
    item.get("ttl").map(|ttl| ttl.as_n().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_registrations_of_one_key_one_counts_and_all_get_it() {
    let db = dynamodb().await;
    let registered = at_once(8, |number| {
        let store = db.store.clone();
        let new = Device { name: Some(number.to_string()), ..device(app()) };
        async move { (new.clone(), store.devices.register(&new).await.unwrap()) }
    });
    let registered = registered.await;
    let first: Vec<_> = registered.iter().filter(|(_, before)| before.is_none()).map(|(new, _)| new).collect();
    let [first] = first[..] else { panic!("{registered:?}") };
    assert!(registered.iter().all(|(_, before)| before.as_ref().is_none_or(|before| before == first)));
    assert_eq!(&stored(&db.store).await, first);
    let other = ClientId::parse("other-app").unwrap();
    assert_eq!(
        db.store.devices.register(&device(other)).await,
        Ok(None),
        "of another application it is another device"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_people_at_once_one_gets_the_device_and_keeps_it() {
    let db = with_people().await;
    let outcomes = at_once(8, |number| {
        let store = db.store.clone();
        async move { link(&store, if number % 2 == 0 { "user-1" } else { "user-2" }).await.unwrap() }
    });
    let outcomes = outcomes.await;
    let owner = stored(&db.store).await.user_id.unwrap();
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let is_owner = (number % 2 == 0) == (owner == user());
        assert_eq!(outcome, if is_owner { Linked::Done } else { Linked::OfAnother }, "{number}");
    }
    for id in ["user-1", "user-2"] {
        let person = UserId::parse(id).unwrap();
        let listed = db.store.devices.linked_to(&person).await.unwrap();
        assert_eq!(listed, if person == owner { vec![device(app()).device_id] } else { Vec::new() });
    }
}

/// A registered device with this id that nobody has linked.
async fn another(store: &Store, number: usize) -> Device {
    let device_id = UserId::parse(&format!("device:{number}")).unwrap();
    let device = Device { device_id, ..device(app()) };
    assert_eq!(store.devices.register(&device).await, Ok(None));
    device
}

/// The items of lists of devices.
async fn lists(db: &DynamoDb) -> usize {
    items(db, &db.tables.devices).await.iter().filter(|item| !item.contains_key("client_id")).count()
}

/// Of many that are linked at once as many as there is room for are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_more_devices_than_the_bound() {
    let db = with_people().await;
    let devices = &db.store.devices;
    for number in 1..MAX_DEVICES {
        let device = another(&db.store, number).await;
        assert_eq!(devices.link(&device, (&user(), 1), &db.store.users, NOW).await, Ok(Linked::Done));
    }
    let mut late = Vec::new();
    for number in 0..4 {
        late.push(another(&db.store, 100 + number).await);
    }
    let outcomes = at_once(late.len(), |number| {
        let (store, device) = (db.store.clone(), late[number].clone());
        async move { store.devices.link(&device, (&user(), 1), &store.users, NOW).await.unwrap() }
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Linked::Done).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Linked::Full).count(), 3, "{outcomes:?}");
    let listed = devices.linked_to(&user()).await.unwrap();
    assert_eq!(listed.len(), MAX_DEVICES);
    for (device, outcome) in late.iter().zip(&outcomes) {
        let stored = devices.get(&device.device_id).await.unwrap().unwrap();
        let is_linked = *outcome == Linked::Done;
        assert_eq!((stored.user_id.is_some(), listed.contains(&device.device_id)), (is_linked, is_linked));
    }
    // Who is linked already is, and somebody else has room.
    let first = devices.get(&UserId::parse("device:1").unwrap()).await.unwrap().unwrap();
    assert_eq!(devices.link(&first, (&user(), 1), &db.store.users, NOW).await, Ok(Linked::Done));
    assert_eq!(link(&db.store, "user-2").await, Ok(Linked::Done));
    // A place that is given up is taken again.
    assert_eq!(devices.revoke(&first, (&db.store.outbox, &ending(1)), NOW).await, Ok(true));
    let refused = late.iter().zip(&outcomes).find(|(_, outcome)| **outcome == Linked::Full).unwrap().0;
    assert_eq!(devices.link(refused, (&user(), 1), &db.store.users, NOW).await, Ok(Linked::Done));
}

/// Whichever goes last takes the list along, and none of those that stay is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_last_device_of_a_person_nothing_is_kept_of_it() {
    let db = with_people().await;
    let mut linked = Vec::new();
    for number in 1..=3 {
        let device = another(&db.store, number).await;
        assert_eq!(db.store.devices.link(&device, (&user(), 1), &db.store.users, NOW).await, Ok(Linked::Done));
        linked.push(db.store.devices.get(&device.device_id).await.unwrap().unwrap());
    }
    let revoked = at_once(2, |number| {
        let (store, device) = (db.store.clone(), linked[number].clone());
        async move {
            // One that met another write is tried again.
            for round in 0..8 {
                let ending = ending(u8::try_from(10 * number + round).unwrap());
                if store.devices.revoke(&device, (&store.outbox, &ending), NOW).await.unwrap() {
                    return true;
                }
            }
            false
        }
    });
    assert_eq!(revoked.await, [true, true]);
    assert_eq!(db.store.devices.linked_to(&user()).await, Ok(vec![linked[2].device_id.clone()]));
    assert_eq!(lists(&db).await, 1);
    assert_eq!(db.store.devices.revoke(&linked[2], (&db.store.outbox, &ending(99)), NOW).await, Ok(true));
    assert_eq!((db.store.devices.linked_to(&user()).await, lists(&db).await), (Ok(Vec::new()), 0));
}

/// Whoever took an account over and lost it again links nothing to it.
#[tokio::test]
async fn a_link_by_other_credentials_is_not_written() {
    let db = with_people().await;
    db.store.users.change_credentials(&user(), None, true).await.unwrap();
    assert_eq!(link(&db.store, "user-1").await, Ok(Linked::UserChanged));
    assert_eq!(link(&db.store, "nobody").await, Ok(Linked::UserChanged));
    assert_eq!(stored(&db.store).await, device(app()));
    assert_eq!(db.store.devices.linked_to(&user()).await, Ok(Vec::new()));
    assert_eq!(link(&db.store, "user-2").await, Ok(Linked::Done));
}

#[tokio::test]
async fn what_was_revoked_stays_revoked_and_is_nobodys() {
    let db = with_people().await;
    let devices = &db.store.devices;
    assert_eq!(link(&db.store, "user-1").await, Ok(Linked::Done));
    let linked = stored(&db.store).await;
    assert_eq!((linked.linked_at, &linked.user_id), (Some(NOW), &Some(user())));
    let revoke = async |device: &Device, byte| devices.revoke(device, (&db.store.outbox, &ending(byte)), NOW).await;
    assert_eq!(revoke(&device(app()), 1).await, Ok(false), "it was linked since it was read");
    assert_eq!(db.store.outbox.due(Kind::EndSessions, NOW, 9).await.unwrap().len(), 0);
    assert_eq!(revoke(&linked, 2).await, Ok(true));
    let revoked = Device { name: None, revoked_at: Some(NOW), ..device(app()) };
    assert_eq!(stored(&db.store).await, revoked);
    assert_eq!(db.store.outbox.due(Kind::EndSessions, NOW, 9).await, Ok(vec![ending(2).id]));
    assert_eq!(devices.linked_to(&user()).await, Ok(Vec::new()));

    let later = NOW.saturating_add(DAY);
    assert_eq!(link(&db.store, "user-1").await, Ok(Linked::Gone));
    assert_eq!(devices.register(&device(app())).await, Ok(Some(revoked.clone())));
    assert_eq!(
        (devices.lives(&revoked.device_id).await, devices.note_use(&linked, later).await),
        (Ok(false), Ok(false))
    );
    assert_eq!(devices.rename(&revoked.device_id, &user(), "x").await, Ok(false));
    assert_eq!(devices.revoke(&revoked, (&db.store.outbox, &ending(3)), later).await, Ok(true), "again is no change");
    assert_eq!(stored(&db.store).await, revoked);
    assert_eq!(swept_at(&db).await, None);
    let nobody = UserId::of_device(&ClientId::parse("other-app").unwrap(), &HolderKey::of_nobody().thumbprint());
    let unknown = Device { device_id: nobody.clone(), ..device(app()) };
    assert_eq!((devices.lives(&nobody).await, devices.note_use(&unknown, NOW).await), (Ok(false), Ok(false)));
    assert_eq!(
        devices.revoke(&unknown, (&db.store.outbox, &ending(4)), NOW).await,
        Ok(false),
        "there is nothing to revoke"
    );
    assert_eq!(devices.get(&nobody).await, Ok(None));
}

/// Whichever of the two comes first, no person has a device that is of no use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_linked_or_revoked_and_never_both() {
    for round in 0..12 {
        let db = with_people().await;
        let outcomes = at_once(2, |number| {
            let store = db.store.clone();
            async move {
                if number == round % 2 {
                    link(&store, "user-1").await.map(drop)
                } else {
                    store.devices.revoke(&device(app()), (&store.outbox, &ending(1)), NOW).await.map(drop)
                }
            }
        });
        assert!(outcomes.await.into_iter().all(|outcome| outcome.is_ok()));
        let (found, listed) = (stored(&db.store).await, db.store.devices.linked_to(&user()).await.unwrap());
        assert_eq!(
            (found.user_id.is_some(), listed.len()),
            (found.revoked_at.is_none(), usize::from(found.user_id.is_some()))
        );
    }
}

#[tokio::test]
async fn its_person_alone_names_a_device() {
    let db = with_people().await;
    let (id, bob) = (device(app()).device_id, UserId::parse("user-2").unwrap());
    assert_eq!(db.store.devices.rename(&id, &user(), "x").await, Ok(false), "it is nobody's");
    assert_eq!(link(&db.store, "user-1").await, Ok(Linked::Done));
    assert_eq!(db.store.devices.rename(&id, &bob, "x").await, Ok(false));
    assert_eq!(db.store.devices.rename(&id, &user(), "Kitchen").await, Ok(true));
    assert_eq!(stored(&db.store).await.name.as_deref(), Some("Kitchen"));
}

/// It is swept 400 days after its last token, unless it is somebody's.
#[tokio::test]
async fn a_device_that_nobody_linked_is_kept_by_its_use() {
    let db = with_people().await;
    let kept = |used: Timestamp| Some(used.as_secs() + 400 * 86_400);
    assert_eq!(swept_at(&db).await, kept(NOW));
    let unlinked = stored(&db.store).await;
    assert!(
        !unlinked.wants_note(NOW.saturating_add(Seconds::new(86_399))) && unlinked.wants_note(NOW.saturating_add(DAY))
    );
    let later = NOW.saturating_add(DAY);
    assert_eq!(db.store.devices.note_use(&unlinked, later).await, Ok(true));
    assert_eq!((swept_at(&db).await, stored(&db.store).await.used_at), (kept(later), later));
    assert_eq!(link(&db.store, "user-1").await, Ok(Linked::Done));
    assert_eq!(swept_at(&db).await, None);
    let much_later = later.saturating_add(DAY);
    assert_eq!(db.store.devices.note_use(&unlinked, much_later).await, Ok(true), "linked since it was read");
    assert_eq!((swept_at(&db).await, stored(&db.store).await.used_at), (None, later));
    assert_eq!(db.store.devices.note_use(&stored(&db.store).await, much_later).await, Ok(true));
    assert_eq!((swept_at(&db).await, stored(&db.store).await.used_at), (None, much_later));
}
