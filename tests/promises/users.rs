//! People: an address belongs to one person, and credentials change in one step.

use crate::at_once;
use domain::ids::UserId;
use domain::password::PasswordHash;
use store::{CreateUser, User};
use support::dynamodb;

fn person(id: &str, email: &str) -> User {
    User {
        user_id: UserId::parse(id).unwrap(),
        email: email.into(),
        password: Some(PasswordHash::from_stored("p1$old".into())),
        credential_epoch: 1,
        enabled: true,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_claim_an_address_at_once_one_gets_it() {
    let db = dynamodb().await;
    let outcomes = at_once(10, |index| {
        let store = db.store.clone();
        // Concurrent transactions on one item may cancel each other: the caller then sees that it is taken or busy.
        async move { store.create_user(&person(&format!("u{index}"), "Ada@Example.com ")).await }
    });
    let created = outcomes.await.into_iter().filter(|outcome| *outcome == Ok(CreateUser::Created)).count();
    assert_eq!(created, 1);
    let found = db.store.user_by_email(" ada@example.COM").await.unwrap().unwrap();
    assert_eq!(db.store.user(&found.user_id).await.unwrap(), Some(found));
    assert_eq!(db.store.user_by_email("bob@example.com").await, Ok(None));
}

/// Checklist Z-26, Z-27.
#[tokio::test]
async fn every_change_of_credentials_raises_the_epoch() {
    let db = dynamodb().await;
    let ada = person("u1", "ada@example.com");
    db.store.create_user(&ada).await.unwrap();
    assert_eq!(db.store.change_credentials(&ada.user_id, None, false).await, Ok(Some(2)));
    let new = PasswordHash::from_stored("p1$new".into());
    assert_eq!(db.store.change_credentials(&ada.user_id, Some(&new), true).await, Ok(Some(3)));
    let stored = db.store.user(&ada.user_id).await.unwrap().unwrap();
    assert_eq!((stored.enabled, stored.password), (true, Some(new)));
    let nobody = UserId::parse("nobody-here").unwrap();
    assert_eq!(db.store.change_credentials(&nobody, None, true).await, Ok(None), "nobody is created by it");
}

#[tokio::test]
async fn a_rehash_never_undoes_a_password_change() {
    let db = dynamodb().await;
    let ada = person("u1", "ada@example.com");
    db.store.create_user(&ada).await.unwrap();
    let (old, changed) = (PasswordHash::from_stored("p1$old".into()), PasswordHash::from_stored("p1$changed".into()));
    let rehashed = PasswordHash::from_stored("p1$old-but-stronger".into());
    db.store.change_credentials(&ada.user_id, Some(&changed), true).await.unwrap();
    db.store.rehash(&ada.user_id, &old, &rehashed).await.unwrap();
    assert_eq!(db.store.user(&ada.user_id).await.unwrap().unwrap().password, Some(changed.clone()));
    db.store.rehash(&ada.user_id, &changed, &rehashed).await.unwrap();
    assert_eq!(db.store.user(&ada.user_id).await.unwrap().unwrap().password, Some(rehashed));
}
