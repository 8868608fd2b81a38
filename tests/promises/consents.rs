//! Tests of consents: of several that are given at once none is lost, and one that was revoked does not come back.

use crate::{NOW, app, at_once, user};
use gateway_domain::scope::Scope;
use gateway_store::{Consent, Store, StoreError};
use support::dynamodb;

fn consent(scope: &str) -> Consent {
    Consent { user_id: user(), client_id: app(), scope: Scope::parse(scope).unwrap(), given_at: NOW }
}

async fn give(store: &Store, scope: &str) -> Result<bool, StoreError> {
    store.consents.give(&consent(scope), &store.users, 1).await
}

/// The tables with the user, whose credentials are of epoch 1.
async fn with_user() -> support::DynamoDb {
    let db = dynamodb().await;
    db.store.users.create(&crate::users::user(user().as_str(), "ada@example.com")).await.unwrap();
    db
}

async fn scope(store: &Store) -> Option<String> {
    store.consents.get(&user(), &app()).await.unwrap().map(|consent| consent.scope.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_consents_at_once_none_is_lost() {
    let db = with_user().await;
    let given = at_once(8, |index| {
        let store = db.store.clone();
        async move { give(&store, &format!("scope{index}")).await }
    });
    assert!(given.await.into_iter().all(|given| given == Ok(true)));
    let all: Vec<_> = (0..8).map(|index| format!("scope{index}")).collect();
    assert_eq!(scope(&db.store).await, Some(all.join(" ")));
}

/// Whichever of the two comes first: what was given before is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_while_more_was_given_stays_revoked() {
    let db = with_user().await;
    for _ in 0..40 {
        assert_eq!(give(&db.store, "before").await, Ok(true));
        let outcomes = at_once(2, |index| {
            let store = db.store.clone();
            async move {
                match index {
                    0 => give(&store, "after").await.map(drop),
                    _ => store.consents.revoke(&user(), &app()).await,
                }
            }
        });
        assert!(outcomes.await.into_iter().all(|outcome| outcome.is_ok()));
        let left = scope(&db.store).await;
        assert!(left.is_none() || left.as_deref() == Some("after"), "{left:?}");
        db.store.consents.revoke(&user(), &app()).await.unwrap();
    }
}

/// A stranger who has prepared an account allows nothing in it once its owner has come.
#[tokio::test]
async fn a_consent_of_other_credentials_is_not_written() {
    let db = with_user().await;
    assert_eq!(give(&db.store, "before").await, Ok(true));
    db.store.users.change_credentials(&user(), None, true).await.unwrap();
    db.store.consents.revoke(&user(), &app()).await.unwrap();
    assert_eq!((give(&db.store, "after").await, scope(&db.store).await), (Ok(false), None));
}
