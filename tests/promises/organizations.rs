//! Tests of organizations: who belongs to one decides at the moment of the write, and what follows from it is never half there.

use crate::{apps, at_once};
use gateway_domain::address::Address;
use gateway_domain::ids::{ClientId, OrganizationId, UserId};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{
    App, AppWrite, Invitation, MAX_APPS, Member, MemberRole, Organization, Requested, Revision, Store, WriteApp,
};
use std::collections::BTreeMap;
use support::dynamodb;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn organization(owners: &[&str]) -> Organization {
    let owner = Member { role: MemberRole::Owner, since: NOW };
    Organization {
        organization_id: OrganizationId::from_random([7; 16]),
        name: "Acme".into(),
        members: owners.iter().map(|name| (user(name), owner)).collect(),
        invited: BTreeMap::new(),
        apps: 0,
    }
}

fn own(name: &str, of: &Organization) -> App {
    App { organization: Some(of.organization_id.clone()), ..apps::demo(ClientId::parse(name).unwrap()) }
}

async fn read(store: &Store) -> Option<(Organization, Revision)> {
    store.developers.organizations.get(&OrganizationId::from_random([7; 16])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_owners_who_remove_each_other_at_once_leave_one() {
    let db = dynamodb().await;
    let before = organization(&["ada", "bob"]);
    assert_eq!(db.store.developers.create_organization(&before).await, Ok(true));
    assert_eq!(db.store.developers.create_organization(&before).await, Ok(false), "it is there");
    let (before, from) = read(&db.store).await.unwrap();
    let outcomes = at_once(2, |index| {
        let (store, before) = (db.store.clone(), before.clone());
        async move {
            let mut after = before.clone();
            after.members.remove(&user(["ada", "bob"][index]));
            store.developers.change_organization((&before, from), &after, None).await.unwrap()
        }
    });
    assert_eq!(outcomes.await.into_iter().filter(|changed| *changed).count(), 1);
    let (after, _) = read(&db.store).await.unwrap();
    assert_eq!(after.members.len(), 1);
    for name in ["ada", "bob"] {
        let linked = db.store.developers.organizations.of_user(&user(name)).await.unwrap();
        assert_eq!(!linked.is_empty(), after.members.contains_key(&user(name)), "{name}");
    }
}

#[tokio::test]
async fn an_invitation_is_found_by_its_address_until_it_is_answered() {
    let db = dynamodb().await;
    let before = organization(&["ada"]);
    db.store.developers.create_organization(&before).await.unwrap();
    let address = Address::parse("carla@example.com").unwrap();
    let ends_at = NOW.saturating_add(Seconds::new(60));
    let mut invited = before.clone();
    invited.invited.insert(address.clone(), Invitation { role: MemberRole::Member, by: user("ada"), ends_at });
    let (_, from) = read(&db.store).await.unwrap();
    assert_eq!(db.store.developers.change_organization((&before, from), &invited, None).await, Ok(true));
    let organizations = &db.store.developers.organizations;
    assert_eq!(organizations.inviting(&address).await.unwrap(), std::slice::from_ref(&before.organization_id));

    let mut joined = invited.clone();
    joined.invited.clear();
    joined.members.insert(user("carla"), Member { role: MemberRole::Member, since: NOW });
    let (_, from) = read(&db.store).await.unwrap();
    assert_eq!(db.store.developers.change_organization((&invited, from), &joined, None).await, Ok(true));
    assert_eq!(organizations.inviting(&address).await.unwrap(), []);
    assert_eq!(organizations.of_user(&user("carla")).await.unwrap(), [before.organization_id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_more_apps_than_an_organization_may_have_as_many_are_registered_as_it_may() {
    let db = dynamodb().await;
    let mut almost = organization(&["ada"]);
    almost.apps = MAX_APPS - 2;
    db.store.developers.create_organization(&almost).await.unwrap();
    let outcomes = at_once(4, |index| {
        let (store, app) = (db.store.clone(), own(&format!("app-{index}"), &almost));
        async move {
            // A conflict of two transactions is no full organization: it is tried again, as a person would.
            for _ in 0..20 {
                let written =
                    store.developers.write_app(AppWrite::Create(&app), Some(&user("ada")), &[]).await.unwrap();
                if written != WriteApp::Conflict {
                    return true;
                }
            }
            false
        }
    });
    assert_eq!(outcomes.await.into_iter().filter(|written| *written).count(), 2);
    let (after, _) = read(&db.store).await.unwrap();
    assert_eq!(after.apps, MAX_APPS);
    assert_eq!(db.store.developers.organizations.apps_of(&almost.organization_id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn who_is_no_member_any_more_changes_nothing() {
    let db = dynamodb().await;
    let before = organization(&["ada", "bob"]);
    db.store.developers.create_organization(&before).await.unwrap();
    let app = own("shop", &before);
    let bob = user("bob");
    let developers = &db.store.developers;
    let created = developers.write_app(AppWrite::Create(&app), Some(&bob), &[]).await;
    let Ok(WriteApp::Written(revision)) = created else { panic!("{created:?}") };

    let (now, from) = read(&db.store).await.unwrap();
    assert_eq!(now.apps, 1);
    let mut after = now.clone();
    after.members.remove(&bob);
    assert_eq!(developers.change_organization((&now, from), &after, None).await, Ok(true));
    let changed = App { name: "Other".into(), ..app.clone() };
    let change = AppWrite::Change { before: &app, from: revision, after: &changed };
    for write in [change, AppWrite::Delete(&app, revision), AppWrite::Create(&own("another", &before))] {
        assert_eq!(developers.write_app(write, Some(&bob), &[]).await, Ok(WriteApp::Conflict), "{write:?}");
    }
    assert!(matches!(developers.write_app(change, Some(&user("ada")), &[]).await, Ok(WriteApp::Written(_))));
    // With an app, the organization stays; an operator who deletes the app is counted as well.
    let (now, from) = read(&db.store).await.unwrap();
    assert_eq!(developers.delete_organization(&now, from).await, Ok(false));
    let (app, revision) = db.store.apps.get_to_change(&changed.client_id).await.unwrap().unwrap();
    assert!(matches!(
        developers.write_app(AppWrite::Delete(&app, revision), None, &[]).await,
        Ok(WriteApp::Written(_))
    ));
    let (now, from) = read(&db.store).await.unwrap();
    assert_eq!((now.apps, developers.organizations.apps_of(&before.organization_id).await.unwrap()), (0, Vec::new()));
    assert_eq!(developers.delete_organization(&now, from).await, Ok(true));
    assert_eq!(developers.organizations.of_user(&user("ada")).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_listed_as_waiting_exactly_while_it_waits() {
    let db = dynamodb().await;
    let of = organization(&["ada"]);
    let developers = &db.store.developers;
    developers.create_organization(&of).await.unwrap();
    let mut app = own("shop", &of);
    app.requested = Some(Requested::new(user("ada"), NOW));
    let created = developers.write_app(AppWrite::Create(&app), Some(&user("ada")), &[]).await;
    let Ok(WriteApp::Written(revision)) = created else { panic!("{created:?}") };
    let waiting = developers.organizations.waiting(None, 9).await.unwrap().items;
    assert_eq!(waiting.iter().map(|one| (one.client_id.as_str(), one.since)).collect::<Vec<_>>(), [("shop", NOW)]);
    assert_eq!(developers.organizations.waiting(Some(&app.client_id), 9).await.unwrap().items, []);

    // One approves, another one withdraws: one of them is written.
    let approved = App { name: "Approved".into(), requested: None, ..app.clone() };
    let withdrawn = App { requested: None, ..app.clone() };
    let outcomes = at_once(2, |index| {
        let (store, before) = (db.store.clone(), app.clone());
        let after = [approved.clone(), withdrawn.clone()][index].clone();
        async move {
            let change = AppWrite::Change { before: &before, from: revision, after: &after };
            store.developers.write_app(change, None, &[]).await.unwrap()
        }
    });
    assert_eq!(outcomes.await.into_iter().filter(|outcome| *outcome != WriteApp::Conflict).count(), 1);
    assert_eq!(developers.organizations.waiting(None, 9).await.unwrap().items, []);
}
