//! Tests of users: an address belongs to one user, and credentials change in one step.

use crate::at_once;
use gateway_domain::address::Address;
use gateway_domain::ids::UserId;
use gateway_domain::password::PasswordHash;
use gateway_store::{ChangeUser, CreateUser, SubjectHolder, User, UserState};
use std::collections::BTreeMap;
use support::dynamodb;

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn user(id: &str, email: &str) -> User {
    User {
        user_id: UserId::parse(id).unwrap(),
        email: address(email),
        password: Some(PasswordHash::from_stored("p1$old".into())),
        credential_epoch: 1,
        enabled: true,
        links: BTreeMap::new(),
        email_verified: true,
        directory_subject: None,
        ways_back: Vec::new(),
        browser_epoch: 0,
        roles: std::collections::BTreeSet::new(),
        second_factor: None,
        profile: BTreeMap::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_claim_an_address_at_once_one_gets_it() {
    let db = dynamodb().await;
    let outcomes = at_once(10, |index| {
        let store = db.store.clone();
        // Concurrent transactions on one item may cancel each other, so the others get "taken" or an error.
        async move { store.users.create(&user(&format!("u{index}"), "Ada@Example.com ")).await }
    });
    let created = outcomes.await.into_iter().filter(|outcome| *outcome == Ok(CreateUser::Created)).count();
    assert_eq!(created, 1);
    let found = db.store.users.by_email(" ada@example.COM").await.unwrap().unwrap();
    assert_eq!(db.store.users.get(&found.user_id).await.unwrap(), Some(found));
    assert_eq!(db.store.users.by_email("bob@example.com").await, Ok(None));
}

/// Checklist Z-26, Z-27.
#[tokio::test]
async fn every_change_of_credentials_raises_the_epoch() {
    let db = dynamodb().await;
    let ada = user("u1", "ada@example.com");
    db.store.users.create(&ada).await.unwrap();
    assert_eq!(db.store.users.change_credentials(&ada.user_id, None, false).await, Ok(Some(2)));
    let new = PasswordHash::from_stored("p1$new".into());
    assert_eq!(db.store.users.change_credentials(&ada.user_id, Some(&new), true).await, Ok(Some(3)));
    let stored = db.store.users.get(&ada.user_id).await.unwrap().unwrap();
    assert_eq!((stored.enabled, stored.password), (true, Some(new)));
    let state = UserState { enabled: true, credential_epoch: 3, browser_epoch: 0 };
    assert_eq!(db.store.users.state(&ada.user_id).await, Ok(Some(state)));
    let nobody = UserId::parse("nobody-here").unwrap();
    assert_eq!(db.store.users.change_credentials(&nobody, None, true).await, Ok(None), "nobody is created by it");
    assert_eq!(db.store.users.state(&nobody).await, Ok(None));
}

#[tokio::test]
async fn a_rehash_never_undoes_a_password_change() {
    let db = dynamodb().await;
    let ada = user("u1", "ada@example.com");
    db.store.users.create(&ada).await.unwrap();
    let (old, changed) = (PasswordHash::from_stored("p1$old".into()), PasswordHash::from_stored("p1$changed".into()));
    let rehashed = PasswordHash::from_stored("p1$old-but-stronger".into());
    db.store.users.change_credentials(&ada.user_id, Some(&changed), true).await.unwrap();
    db.store.users.rehash(&ada.user_id, &old, &rehashed).await.unwrap();
    assert_eq!(db.store.users.get(&ada.user_id).await.unwrap().unwrap().password, Some(changed.clone()));
    db.store.users.rehash(&ada.user_id, &changed, &rehashed).await.unwrap();
    assert_eq!(db.store.users.get(&ada.user_id).await.unwrap().unwrap().password, Some(rehashed));
}

/// A user and the claim of the address change in one transaction: both or neither.
#[tokio::test]
async fn a_deleted_person_frees_the_address_and_a_changed_one_moves_it() {
    let db = dynamodb().await;
    let (ada, bob) = (user("u1", "ada@example.com"), user("u2", "bob@example.com"));
    db.store.users.create(&ada).await.unwrap();
    db.store.users.create(&bob).await.unwrap();
    assert_eq!(db.store.users.change_email(&ada, &address("Bob@example.com")).await, Ok(ChangeUser::Conflict), "taken");
    assert_eq!(db.store.users.get(&ada.user_id).await.unwrap().unwrap().email.as_str(), "ada@example.com");
    assert_eq!(db.store.users.change_email(&ada, &address("Countess@Example.com")).await, Ok(ChangeUser::Done));
    assert_eq!(db.store.users.by_email("ada@example.com").await, Ok(None));
    assert_eq!(
        db.store.users.change_email(&ada, &address("late@example.com")).await,
        Ok(ChangeUser::Conflict),
        "changed meanwhile"
    );
    assert_eq!(db.store.users.delete(&ada).await, Ok(ChangeUser::Conflict), "changed meanwhile");
    let moved = db.store.users.by_email("countess@example.com").await.unwrap().unwrap();
    assert_eq!(moved.user_id, ada.user_id);
    assert_eq!(db.store.users.delete(&moved).await, Ok(ChangeUser::Done));
    assert_eq!(db.store.users.get(&ada.user_id).await, Ok(None));
    assert_eq!(db.store.users.create(&user("u3", "countess@example.com")).await, Ok(CreateUser::Created));
}

/// Setting a password does not enable a user whom an operator has disabled meanwhile.
#[tokio::test]
async fn a_new_password_raises_the_epoch_and_enables_nobody() {
    let db = dynamodb().await;
    let ada = user("u1", "ada@example.com");
    db.store.users.create(&ada).await.unwrap();
    db.store.users.change_credentials(&ada.user_id, None, false).await.unwrap();
    let new = PasswordHash::from_stored("p1$new".into());
    assert_eq!(db.store.users.set_password(&ada.user_id, &new).await, Ok(true));
    let stored = db.store.users.get(&ada.user_id).await.unwrap().unwrap();
    assert_eq!((stored.enabled, stored.credential_epoch, stored.password), (false, 3, Some(new.clone())));
    assert_eq!(db.store.users.set_password(&UserId::parse("nobody").unwrap(), &new).await, Ok(false));
}

/// Who is handed over to the directory has no password here, and no way to one.
#[tokio::test]
async fn a_password_is_forgotten_with_all_that_could_set_one() {
    let db = dynamodb().await;
    let way = gateway_store::WayBack { id: gateway_domain::ids::CodeId::from_random([1; 16]), until: crate::NOW };
    let ada = User { ways_back: vec![way], ..user("u1", "ada@example.com") };
    db.store.users.create(&ada).await.unwrap();
    assert_eq!(db.store.users.forget_password(&ada.user_id).await, Ok(true));
    let handed = User { password: None, ways_back: Vec::new(), credential_epoch: 2, ..ada.clone() };
    assert_eq!(db.store.users.get(&ada.user_id).await, Ok(Some(handed)));
    // What was typed under other credentials is not kept.
    assert_eq!(db.store.users.set_profile(&ada, &[("name".to_owned(), "Eve".to_owned())].into()).await, Ok(false));
    assert_eq!(db.store.users.forget_password(&UserId::parse("nobody").unwrap()).await, Ok(false));
}

/// An account without a password is bound to one subject of the directory, by whichever login is first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_subjects_at_once_an_account_gets_one() {
    let db = dynamodb().await;
    let ada = User { password: None, ..user("u1", "ada@example.com") };
    db.store.users.create(&ada).await.unwrap();
    let outcomes = at_once(8, |index| {
        let (store, ada) = (db.store.clone(), ada.clone());
        // Concurrent transactions on one item may cancel each other, so the others get "no" or an error.
        async move { store.users.bind_to_subject(&ada, &format!("s{index}"), None).await }
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(true)).count(), 1, "{outcomes:?}");
    let bound = db.store.users.get(&ada.user_id).await.unwrap().unwrap();
    let subject = bound.directory_subject.clone().unwrap();
    assert_eq!(db.store.users.holder_of_subject(&subject).await, Ok(SubjectHolder::User(Box::new(bound))));
    assert_eq!(db.store.users.bind_to_subject(&ada, "another", None).await, Ok(false));
    let bob = user("u2", "bob@example.com");
    db.store.users.create(&bob).await.unwrap();
    assert_eq!(db.store.users.bind_to_subject(&bob, "bob", None).await, Ok(false), "he has a password here");
    assert_eq!(db.store.users.get(&bob.user_id).await, Ok(Some(bob)));
    let nobody = user("nobody-here", "nobody@example.com");
    assert_eq!(db.store.users.bind_to_subject(&nobody, "bob", None).await, Ok(false));
    assert_eq!(db.store.users.holder_of_subject("bob").await, Ok(SubjectHolder::Nobody));
}

/// One person of the directory gets one account, also by two addresses at once, and another one when that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_accounts_at_once_a_subject_gets_one() {
    let db = dynamodb().await;
    let of = |index: usize| User {
        password: None,
        directory_subject: Some("4711".to_owned()),
        ..user(&format!("u{index}"), &format!("ada{index}@example.com"))
    };
    let outcomes = at_once(8, |index| {
        let (store, user) = (db.store.clone(), of(index));
        async move { store.users.create_for_subject(&user, None).await }
    });
    let made = outcomes.await.into_iter().filter(|outcome| *outcome == Ok(CreateUser::Created)).count();
    assert_eq!(made, 1);
    let holder = db.store.users.holder_of_subject("4711").await.unwrap();
    let SubjectHolder::User(first) = holder else { panic!("{holder:?}") };
    assert_eq!(db.store.users.create_for_subject(&of(20), Some(&of(21).user_id)).await, Ok(CreateUser::Taken));
    db.store.users.delete(&first).await.unwrap();
    let gone = db.store.users.holder_of_subject("4711").await.unwrap();
    assert_eq!(gone, SubjectHolder::Gone(first.user_id.clone()));
    assert_eq!(db.store.users.create_for_subject(&of(20), None).await, Ok(CreateUser::Taken), "unread");
    assert_eq!(db.store.users.create_for_subject(&of(20), Some(&first.user_id)).await, Ok(CreateUser::Created));
    assert_eq!(db.store.users.create_for_subject(&of(22), Some(&first.user_id)).await, Ok(CreateUser::Taken));
}
